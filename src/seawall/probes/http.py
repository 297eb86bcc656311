"""Looking at a public web page and concluding no more than it shows."""

from __future__ import annotations

import datetime as dt
import hashlib
from urllib.parse import unquote

import httpx

from seawall.outbound import Fetched, Outbound, OutboundError, OutboundRefused
from seawall.probes import page
from seawall.probes.base import Exchange, Observation, State

_GONE = frozenset({404, 410})
_WITHHELD = frozenset({401, 403, 451})


def probe(
    url: str,
    *,
    outbound: Outbound,
    at: dt.datetime,
    expected_text: str | None = None,
    expected_text_sha256: str | None = None,
) -> Observation:
    """Look at the page at `url` once and say what is there.

    Gone (404, 410) is ``removed``; withheld (401, 403, 451, or an age gate marked by ``data-restricted`` or the header
    ``X-Content-Restricted``) is ``restricted``; a page elsewhere is ``moved``; a page with the expected text is ``up``
    and without it ``edited``. Whatever says nothing about the post (server errors, 429, time-outs, TLS, names, bot
    challenges, a page too long to search) is ``unreachable``. `outbound` sets the cap of what is read; 1 MB by default.

    `expected_text` is the surer test. A digest can only be compared with the whole text of each element of the page.
    """

    try:
        answer = outbound.fetch(url, headers={"Accept": "text/html, */*;q=0.5"}, truncate=True)
    except OutboundRefused as error:
        return Observation("unreachable", None, url, None, at, f"Not looked at: {error}", "not-allowed")
    except OutboundError as error:
        return Observation("unreachable", None, url, None, at, f"No conclusion: {error}", error.kind)
    state, matched, detail = _judge(url, answer, expected_text, expected_text_sha256)
    body_sha256 = hashlib.sha256(answer.body).hexdigest()
    seen = Exchange("GET", answer.url, answer.status, tuple(answer.headers.multi_items()), answer.body)
    return Observation(state, answer.status, answer.url, body_sha256, at, detail, matched, exchanges=(seen,))


def _judge(url: str, answer: Fetched, text: str | None, digest: str | None) -> tuple[State, str, str]:
    status = answer.status
    if status in _GONE:
        return "removed", "status", f"The platform answers {status}: the post is gone."
    if "challenge" in answer.headers.get("cf-mitigated", ""):
        return "unreachable", "challenge", "No conclusion: the platform asks the probe to prove itself."
    if status in _WITHHELD:
        return "restricted", "status", f"The platform answers {status}: the post is withheld from us."
    if status != 200:
        return "unreachable", "status", f"No conclusion: the platform answers {status}."
    seen = page.read(page.decode(answer.body, answer.headers.get("content-type", "")))
    if seen.restricted or "x-content-restricted" in answer.headers:
        return "restricted", "marker", "The page marks the post as restricted."
    present = _present(seen, text, digest)
    if _elsewhere(url, answer.url):
        there = {None: "no text was given to look for", True: "with the text", False: "without the text"}[present]
        return "moved", "redirect", f"The address leads to {answer.url[:200]} ({there})."
    if present is None:
        return "up", "no-text-given", "The page is there; no text was given to look for."
    if present:
        return "up", "text" if text else "digest", "The page is there with the text that was referred."
    if answer.truncated:
        return "unreachable", "truncated", "No conclusion: the page is longer than the probe reads."
    return "edited", "other-text", "The page is there without the text that was referred."


def _present(seen: page.Page, text: str | None, digest: str | None) -> bool | None:
    if text is not None and page.normalise(text):
        return seen.holds(text)
    if digest is not None:
        return seen.holds_digest(digest.lower())
    return None


def _elsewhere(asked: str, answered: str) -> bool:
    """Tell whether two addresses differ by more than scheme, ``www.``, a trailing slash or how they are escaped."""

    def plain(url: str) -> tuple[str, str, bytes]:
        parsed = httpx.URL(url)
        return parsed.host.removeprefix("www."), unquote(parsed.path).rstrip("/"), parsed.query

    return plain(asked) != plain(answered)
