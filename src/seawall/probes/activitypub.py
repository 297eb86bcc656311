"""Looking at a post where its own server keeps it, as another server of the ActivityPub network would.

Servers of that network hand each other copies of posts, and a copy outlives the original when a server does not heed the
deletion. So a look may include copies; the state is the original's alone, and the copies that are still up are named.

Many servers refuse a request that is not signed, and then nothing can be concluded. :func:`probe_with` makes a probe that
signs as the hub's actor; `probe` itself does not sign.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import html
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

import httpx

from seawall.outbound import Fetched, Outbound, OutboundError, OutboundRefused
from seawall.probes import page
from seawall.probes.base import Exchange, Observation, Probe, State

MOST_COPIES: Final = 50
KEPT_BYTES: Final = 100_000
"""How much of each body is kept as evidence."""

_AS: Final = "https://www.w3.org/ns/activitystreams"
_ACCEPT: Final = f'application/activity+json, application/ld+json; profile="{_AS}"'
_ACCEPT_COPY: Final = f"{_ACCEPT}, application/json;q=0.9, text/html;q=0.5"
_NOTES: Final = frozenset({"Note", "Question"})  # whose summary is a content warning; an article's is its abstract
_PUBLIC: Final = frozenset({f"{_AS}#Public", "as:Public", "Public"})
_MOST_HOPS: Final = 3
_MOST_TEXTS: Final = 20

Copy = Literal["there", "gone", "edited", "unknown"]


class Signs(Protocol):
    """What signs a request; :class:`seawall.channels.http_signatures.Signer` does."""

    def headers(self, method: str, url: str) -> Mapping[str, str]:
        """Return the headers that make a request to exactly this address a signed one."""
        ...


@dataclass(frozen=True, slots=True)
class _Expected:
    text: str | None
    digest: str | None

    def within(self, seen: page.Page) -> bool | None:
        """Tell whether `seen` holds what was referred; None when there is nothing to look for."""
        if self.text is not None and page.normalise(self.text):
            return seen.holds(self.text)
        return None if self.digest is None else seen.holds_digest(self.digest.lower())


@dataclass(frozen=True, slots=True)
class _Look:
    """What one address gave in the end: an answer, or the reason (`failed`, a fixed word, and `why`) that there is none."""

    url: str
    answer: Fetched | None = None
    failed: str = ""
    why: str = ""


@dataclass(slots=True)
class _Asking:
    """Asks one address after another, signing each request anew, and keeps what came back."""

    outbound: Outbound
    signer: Signs | None
    exchanges: list[Exchange] = field(default_factory=list)

    def look(self, url: str, accept: str) -> _Look:
        for _ in range(_MOST_HOPS + 1):
            try:
                signed = self.signer.headers("GET", url) if self.signer is not None else {}
                answer = self.outbound.fetch(url, headers={"Accept": accept, **signed}, redirects=0, truncate=True)
                self.exchanges.append(
                    Exchange("GET", url, answer.status, tuple(answer.headers.multi_items()), answer.body[:KEPT_BYTES])
                )
                if not (300 <= answer.status < 400 and "location" in answer.headers):
                    return _Look(url, answer)
                url = str(httpx.URL(url).join(answer.headers["location"]))
            except OutboundRefused as error:
                return _Look(url, failed="not-allowed", why=f"Not looked at: {error}")
            except OutboundError as error:
                return _Look(url, failed=error.kind, why=f"No conclusion: {error}")
            except (httpx.InvalidURL, ValueError) as error:
                return _Look(url, failed="protocol", why=f"No conclusion: the address cannot be asked: {error}.")
        return _Look(url, failed="protocol", why=f"No conclusion: more than {_MOST_HOPS} redirects.")


@dataclass(frozen=True, slots=True)
class _Judged:
    state: State
    matched: str
    detail: str
    views: Mapping[str, str]


def probe_with(
    signer: Signs | None,
    *,
    copies: Sequence[str] = (),
    sensitive_before: bool | None = None,
    updated_before: str | None = None,
) -> Probe:
    """Make a probe that signs as `signer` and looks at each of `copies` as well.

    The probe gets the object and concludes: a Tombstone, 410 or 404 is ``removed``; the text gone from it, ``edited``;
    the post no longer public, or marked as sensitive since it was referred, or 451, ``restricted``. Being refused (401,
    403), an outage, and whatever is no ActivityPub object are ``unreachable``: they say nothing about the post. Its
    `views` hold ``origin`` (``there``, ``gone``, ``tombstone``, ``withheld``, ``not-let-in``, ``unknown``),
    ``visibility``, ``warning``, ``updated``, and ``copy: HOST`` (``there``, ``gone``, ``edited``, ``unknown``).

    Parameters
    ----------
    copies
        Addresses of copies on other servers, at most MOST_COPIES; one request each. ValueError for more.
    sensitive_before, updated_before
        Whether the post was marked as sensitive or had a content warning, and what its ``updated`` said ('' for
        nothing), when it was referred. None when that is not known: then only a mark on a post that says it was changed
        counts as set later, and a change alone counts for nothing.
    """
    if len(copies) > MOST_COPIES:
        raise ValueError(f"{len(copies)} copies are too many for one look; give at most {MOST_COPIES}")
    addresses = tuple(copies)

    def look(
        url: str,
        *,
        outbound: Outbound,
        at: dt.datetime,
        expected_text: str | None = None,
        expected_text_sha256: str | None = None,
    ) -> Observation:
        """Look at `url` and at the copies; see :func:`probe_with`."""
        expected = _Expected(expected_text, expected_text_sha256)
        asking = _Asking(outbound, signer)
        found, judged = _origin(asking, url, expected, sensitive_before, updated_before)
        seen = {address: _copy(asking.look(address, _ACCEPT_COPY), address, expected) for address in addresses}
        still_up = [address for address, what in seen.items() if what == "there"]
        answer = found.answer
        return Observation(
            judged.state,
            answer.status if answer else None,
            found.url,
            hashlib.sha256(answer.body).hexdigest() if answer else None,
            at,
            judged.detail + (f" Copies still up: {', '.join(still_up)}." if still_up else ""),
            judged.matched,
            {**judged.views, **_named(seen)},
            tuple(asking.exchanges),
        )

    return look


probe: Final[Probe] = probe_with(None)


def _origin(
    asking: _Asking, url: str, expected: _Expected, sensitive_before: bool | None, updated_before: str | None
) -> tuple[_Look, _Judged]:
    """Find the object, at its own server, and judge it."""
    found = asking.look(url, _ACCEPT)
    post = _object(found)
    named = post.get("id") if post is not None and found.answer is not None and found.answer.status == 200 else None
    if isinstance(named, str) and _host(named) != _host(found.url):
        found = asking.look(named, _ACCEPT)  # only its own server's word counts
        post = _object(found)
        if post is not None and post.get("id") != named:
            post = None
    if found.answer is None:
        return found, _Judged("unreachable", found.failed, found.why, {"origin": "unknown"})
    status = found.answer.status
    if post is not None and post.get("type") == "Tombstone" and status in (200, 404, 410):
        when = f" since {_short(post.get('deleted'))}" if _short(post.get("deleted")) else ""
        return found, _Judged(
            "removed", "tombstone", f"Its server keeps a tombstone: the post is gone{when}.", _TOMBSTONE
        )
    if status in (404, 410):
        said = f"Its server answers {status}: the post is gone"
        return found, _Judged("removed", "status", said + (", or hidden from us." if status == 404 else "."), _GONE)
    if status == 451:
        return found, _Judged("restricted", "status", "Its server answers 451: the post is withheld by law.", _WITHHELD)
    if status in (401, 403):
        return found, _Judged("unreachable", "not-let-in", _not_let_in(status, asking.signer), {"origin": "not-let-in"})
    if status != 200:
        said = f"No conclusion: its server answers {status}."
        return found, _Judged("unreachable", "status", said, {"origin": "unknown"})
    if post is None:
        matched = "truncated" if found.answer.truncated else "not-activitypub"
        said = "No conclusion: the answer is longer than the probe reads, or is no ActivityPub object under its own id."
        return found, _Judged("unreachable", matched, said, {"origin": "unknown"})
    return found, _judge(post, expected, sensitive_before, updated_before)


_TOMBSTONE: Final = {"origin": "tombstone"}
_GONE: Final = {"origin": "gone"}
_WITHHELD: Final = {"origin": "withheld"}


def _judge(
    post: Mapping[str, Any], expected: _Expected, sensitive_before: bool | None, updated_before: str | None
) -> _Judged:
    """Judge a post that is there."""
    updated = _short(post.get("updated"))
    changed = bool(updated) and updated != _short(post.get("published"))
    warned = post.get("sensitive") is True or (post["type"] in _NOTES and bool(_short(post.get("summary"))))
    marked = warned and (changed if sensitive_before is None else not sensitive_before)
    visibility = _visibility(post)
    views = {
        "origin": "there",
        "visibility": visibility,
        "warning": "sensitive" if warned else "none",
        "updated": "yes" if changed else "no",
    }
    present = expected.within(_read(post))
    since = f" It says that it was changed at {updated}." if changed else ""
    if present is False:
        return _Judged("edited", "other-text", f"The post is there without the text that was referred.{since}", views)
    if visibility == "narrowed":
        return _Judged("restricted", "visibility", f"The post is there and is not public.{since}", views)
    if marked:
        return _Judged("restricted", "sensitive", f"The post is there and is now marked as sensitive.{since}", views)
    if present is None and updated_before is not None and updated and updated != updated_before.strip()[:40]:
        return _Judged(
            "edited", "updated", f"The post was changed since, and no text was given to compare.{since}", views
        )
    if present is None:
        return _Judged("up", "no-text-given", f"The post is there; no text was given to look for.{since}", views)
    matched = "text" if expected.text else "digest"
    return _Judged("up", matched, f"The post is there with the text that was referred.{since}", views)


def _short(value: object) -> str:
    return value.strip()[:40] if isinstance(value, str) else ""


def _visibility(post: Mapping[str, Any]) -> str:
    to, cc = _addressees(post.get("to")), _addressees(post.get("cc"))
    if to & _PUBLIC:
        return "public"
    if cc & _PUBLIC:
        return "unlisted"
    return "narrowed" if "to" in post or "cc" in post else "not-said"


def _addressees(value: object) -> set[str]:
    entries = value if isinstance(value, list) else [value]
    return {entry for entry in entries if isinstance(entry, str)}


def _copy(found: _Look, asked: str, expected: _Expected) -> Copy:
    """Say what became of a copy. An answer from another host, or without any text of the post, says nothing of it."""
    if found.answer is None or _host(found.url) != _host(asked):
        return "unknown"
    if found.answer.status in (404, 410):
        return "gone"
    if found.answer.status != 200:
        return "unknown"
    post = _parsed(found.answer)
    if post is not None and post.get("type") == "Tombstone":
        return "gone"
    if post is not None and isinstance(post.get("content"), str):
        return "edited" if expected.within(_read(post)) is False else "there"
    seen = page.read(page.decode(found.answer.body, found.answer.headers.get("content-type", "")))
    return "there" if expected.within(seen) else "unknown"  # a page drawn by script holds no text in either case


def _named(seen: Mapping[str, Copy]) -> dict[str, str]:
    """Name each copy by its host, and a second one there by its number."""
    views: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for address, what in seen.items():
        host = _host(address)
        counts[host] += 1
        views[f"copy: {host}" + (f" ({counts[host]})" if counts[host] > 1 else "")] = what
    return views


def _read(post: Mapping[str, Any]) -> page.Page:
    """Read every text of a post: what is said, in each language, its title and its content warning."""
    plain = post.get("mediaType") == "text/plain"
    source = post.get("source")
    parts: list[tuple[object, bool]] = [
        (post.get("content"), plain),
        (post.get("summary"), False),
        (post.get("name"), True),
        (source.get("content") if isinstance(source, dict) else None, True),
    ]
    for name in ("contentMap", "summaryMap", "nameMap"):
        texts = post.get(name)
        parts += [(text, name == "nameMap") for text in texts.values()] if isinstance(texts, dict) else []
    written = [(html.escape(text) if flat else text) for text, flat in parts[:_MOST_TEXTS] if isinstance(text, str)]
    return page.read("".join(f"<div>{text}</div>" for text in written))


def _object(found: _Look) -> dict[str, Any] | None:
    """Return the object of an answer, or what a Create wraps; None when it is not one with an id and a type."""
    post = _parsed(found.answer) if found.answer is not None else None
    if post is not None and post.get("type") == "Create" and isinstance(post.get("object"), dict):
        post = post["object"]
    if post is None or not isinstance(post.get("id"), str) or not isinstance(post.get("type"), str):
        return None
    return post


def _parsed(answer: Fetched) -> dict[str, Any] | None:
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _not_let_in(status: int, signer: Signs | None) -> str:
    if signer is None:
        return f"No conclusion: its server answers {status} to a request that is not signed."
    return f"No conclusion: its server answers {status}. It cannot read the hub's key, blocks the hub, or has suspended the account."


def _host(url: str) -> str:
    try:
        return httpx.URL(url).host.lower()
    except (httpx.InvalidURL, ValueError):
        return ""
