"""Looking only where a site's robots.txt lets us: for platforms with which nothing was agreed.

A platform that takes part has agreed to be looked at, page by page, so the probe named ``http`` does not ask. Elsewhere
the wishes in robots.txt (RFC 9309) are heeded: what it keeps from our agent is not looked at, and nothing is concluded.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections import OrderedDict
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser

from seawall.outbound import Outbound, OutboundError, OutboundRefused
from seawall.probes.base import Observation
from seawall.probes.http import probe

AGENT = "Seawall"
KEPT_FOR = 3_600.0  # seconds that a robots.txt is believed
MOST_SITES = 1_000
MAX_BYTES = 512_000  # of a robots.txt are read (RFC 9309, section 2.5, asks for 500 kibibytes at least)


class Robots:
    """What sites let our agent see, each asked once an hour. Safe to share between threads."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[float, RobotFileParser]] = OrderedDict()
        self._lock = threading.Lock()

    def lets_in(self, url: str, outbound: Outbound) -> bool:
        """Whether robots.txt lets us look at `url`.

        A site without one (4xx) lets us in; one whose robots.txt cannot be had (5xx, an outage) does not (RFC 9309,
        section 2.3.1). Raises OutboundRefused for an address that the hub may not fetch from at all.
        """
        parts = urlsplit(url)
        site = f"{parts.scheme}://{parts.netloc}"
        now = time.monotonic()
        with self._lock:
            held = self._known.get(site)
        if held is None or held[0] < now:
            held = (now + KEPT_FOR, self._ask(site, outbound))
            with self._lock:
                self._known[site] = held
                self._known.move_to_end(site)
                while len(self._known) > MOST_SITES:
                    self._known.popitem(last=False)
        return held[1].can_fetch(AGENT, url)

    def _ask(self, site: str, outbound: Outbound) -> RobotFileParser:
        rules = RobotFileParser()
        try:
            answer = outbound.fetch(f"{site}/robots.txt", headers={"Accept": "text/plain"}, truncate=True)
        except OutboundRefused:
            raise
        except OutboundError:
            rules.disallow_all = True  # type: ignore[attr-defined]  # the standard library's own attribute
            return rules
        if 200 <= answer.status < 300:
            rules.parse(answer.body[:MAX_BYTES].decode("utf-8", "replace").splitlines())
            rules.modified()
        elif 400 <= answer.status < 500:
            rules.allow_all = True  # type: ignore[attr-defined]
        else:
            rules.disallow_all = True  # type: ignore[attr-defined]
        return rules


ROBOTS = Robots()


def probe_if_let_in(
    url: str,
    *,
    outbound: Outbound,
    at: dt.datetime,
    expected_text: str | None = None,
    expected_text_sha256: str | None = None,
) -> Observation:
    """Look at the page at `url` as the probe ``http`` does, if its site's robots.txt lets us."""
    try:
        let_in = ROBOTS.lets_in(url, outbound)
    except OutboundRefused as error:
        return Observation("unreachable", None, url, None, at, f"Not looked at: {error}", "not-allowed")
    if not let_in:
        return Observation(
            "unreachable",
            None,
            url,
            None,
            at,
            "Not looked at: the site's robots.txt keeps us from this page.",
            "robots",
        )
    return probe(url, outbound=outbound, at=at, expected_text=expected_text, expected_text_sha256=expected_text_sha256)
