"""Looking only where a site lets us, and not too often."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from seawall import probes
from seawall.outbound import Outbound
from seawall.probes.pace import Pace
from seawall.probes.robots import Robots

AT = dt.datetime(2026, 11, 2, 9, 30, tzinfo=dt.UTC)


class Site:
    """A site with a robots.txt that can be told; it notes what was asked for."""

    def __init__(self) -> None:
        self.status, self.rules, self.asked = 200, "", []  # type: ignore[var-annotated]
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                status, body = (site.status, site.rules) if self.path == "/robots.txt" else (200, "<p>a post</p>")
                self.send_response(status)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr("seawall.probes.robots.ROBOTS", Robots())
    made = Site()
    yield made
    made.server.shutdown()
    made.server.server_close()


def looked(site: Site, path: str = "/posts/1") -> probes.Observation:
    with Outbound(frozenset({site.host})) as outbound:
        return probes.get("http-robots")(f"http://{site.host}{path}", outbound=outbound, at=AT, expected_text="a post")


@pytest.mark.parametrize(
    ("status", "rules", "state"),
    [
        (200, "User-agent: *\nDisallow: /posts/\n", "unreachable"),
        (200, "User-agent: Seawall\nDisallow: /\n", "unreachable"),
        (200, "User-agent: Other\nDisallow: /\n", "up"),
        (200, "User-agent: *\nDisallow: /private/\n", "up"),
        (200, "\x00rubbish\xff: :::\n", "up"),
        (404, "", "up"),
        (503, "", "unreachable"),
    ],
)
def test_what_a_site_lets_us_see(site: Site, status: int, rules: str, state: str) -> None:
    site.status, site.rules = status, rules
    seen = looked(site)
    assert seen.state == state
    assert ("/posts/1" in site.asked) == (state == "up")
    if state == "unreachable":
        assert seen.matched == "robots"
    else:
        assert seen.exchanges[0].body == b"<p>a post</p>"


def test_a_site_is_asked_for_its_rules_once(site: Site) -> None:
    looked(site)
    looked(site, "/posts/2")
    assert site.asked.count("/robots.txt") == 1


def test_an_address_that_may_not_be_fetched_is_not_asked_either(site: Site) -> None:
    with Outbound() as outbound:
        seen = probes.get("http-robots")(f"http://{site.host}/posts/1", outbound=outbound, at=AT)
    assert (seen.state, seen.matched) == ("unreachable", "not-allowed")
    assert site.asked == []


def test_one_host_is_not_asked_too_often_and_another_does_not_wait() -> None:
    now = [100.0]
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    pace = Pace(2.0, clock=lambda: now[0], sleep=sleep)
    assert pace.wait("https://one.example/a") == 0
    assert pace.wait("https://two.example/a") == 0
    assert pace.wait("https://ONE.example/b") == 2.0
    now[0] += 0.5
    assert pace.wait("https://one.example/c") == 1.5
    now[0] += 60
    assert pace.wait("https://one.example/d") == 0
    assert slept == [2.0, 1.5]
