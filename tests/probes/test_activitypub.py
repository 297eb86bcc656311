"""What the ActivityPub probe concludes, from recorded exchanges and from servers that misbehave."""

import datetime as dt
import hashlib
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.channels.fediverse import PEM, RECORDED, Fediverse, Hub, Replay

from seawall.channels.http_signatures import Signer
from seawall.outbound import Outbound
from seawall.probes import Observation, text_digest
from seawall.probes.activitypub import KEPT_BYTES, MOST_COPIES, probe, probe_with

AT = dt.datetime(2026, 11, 3, 12, tzinfo=dt.UTC)
AS = "https://www.w3.org/ns/activitystreams"
PUBLIC = f"{AS}#Public"
TEXT = "I will <wait> & see"
HTML = "<p>I will &lt;wait&gt; &amp; <b>see</b></p>"
SIGNER = Signer.from_pem("https://hub.example/actor#main-key", PEM)
NO_TLS = ssl.create_default_context()  # made once: reading the system's certificates takes longer than a look
RECORDINGS = sorted(path.stem for path in RECORDED.glob("*.json") if path.stem != "flag-accepted")


class Shows(BaseHTTPRequestHandler):
    server: "Site"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers))
        status, headers, body = self.server.shows.get(self.path, (404, {}, b""))
        if status == 0:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class Site(ThreadingHTTPServer):
    """One server, reached as 127.0.0.1 and, as if it were another, as localhost."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Shows)
        self.shows: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[tuple[str, Any]] = []
        self.here = f"http://127.0.0.1:{self.server_address[1]}"
        self.there = f"http://localhost:{self.server_address[1]}"
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self.thread.start()

    def handle_error(self, request: object, client_address: object) -> None:
        pass

    def show(self, path: str, value: object, status: int = 200, **headers: str) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.shows[path] = (status, headers, body)

    def note(self, path: str = "/post", **changes: Any) -> dict[str, Any]:
        return {"@context": AS, "id": self.here + path, "type": "Note", "to": [PUBLIC], "content": HTML, **changes}


@pytest.fixture
def site() -> Iterator[Site]:
    server = Site()
    yield server
    server.shutdown()
    server.thread.join()
    server.server_close()


def look(
    site: Site, path: str = "/post", *, text: str | None = TEXT, sha256: str | None = None, **made: Any
) -> Observation:
    allow = frozenset(urlsplit(origin).netloc for origin in (site.here, site.there))
    with Outbound(allow, timeout=5, max_bytes=200_000, ssl_context=NO_TLS) as outbound:
        seen = probe_with(made.pop("signer", SIGNER), **made)(
            site.here + path, outbound=outbound, at=AT, expected_text=text, expected_text_sha256=sha256
        )
    assert seen.detail.endswith(".")
    assert seen.checked_at == AT
    return seen


@pytest.mark.parametrize("name", RECORDINGS)
def test_recorded_exchange_leads_to_its_conclusion(name: str) -> None:
    server = Replay(name)
    record = server.record
    try:
        with Outbound(frozenset({urlsplit(server.origin).netloc})) as outbound:
            asking = probe if record.get("look") == "unsigned" else probe_with(SIGNER)
            seen = asking(record["url"], outbound=outbound, at=AT, expected_text=record["expected_text"])
    finally:
        server.stop()
    assert (server.wrong, server.left) == ([], [])
    assert {"state": seen.state, "matched": seen.matched, "views": seen.views} == record["concludes"]
    assert [(kept.status, kept.method) for kept in seen.exchanges] == [
        (exchange["response"]["status"], "GET") for exchange in record["exchanges"]
    ]
    assert seen.http_status == seen.exchanges[-1].status
    assert seen.final_url == seen.exchanges[-1].url
    assert seen.body_sha256 == hashlib.sha256(seen.exchanges[-1].body).hexdigest()


def test_every_conclusion_is_among_the_recordings() -> None:
    concluded = {json.loads((RECORDED / f"{name}.json").read_text())["concludes"]["state"] for name in RECORDINGS}
    assert concluded == {"up", "edited", "restricted", "removed", "unreachable"}


def test_server_in_secure_mode_shows_the_post_to_the_signed_probe_only() -> None:
    hub, server = Hub(), Fediverse()
    try:
        url = server.post(content=HTML)
        signer = Signer.from_pem(f"{hub.actor}#main-key", PEM)
        with Outbound(frozenset({urlsplit(server.origin).netloc})) as outbound:
            asked: dict[str, Any] = {"outbound": outbound, "at": AT, "expected_text": TEXT}
            assert probe_with(signer)(url, **asked).matched == "text"
            refused = probe(url, **asked)
            hub.down = True
            unknown = probe_with(signer)(url, **asked)
    finally:
        server.stop()
        hub.stop()
    assert (refused.state, refused.matched) == ("unreachable", "not-let-in")
    assert "not signed" in refused.detail
    assert (unknown.state, unknown.matched) == ("unreachable", "not-let-in")
    assert "cannot read the hub's key" in unknown.detail


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"content": None, "contentMap": {"en": HTML}},
        {"content": "<p>Something else</p>", "name": TEXT},
        {"type": "Article", "summary": HTML, "content": ""},
        {"content": TEXT, "mediaType": "text/plain"},
        {"content": "", "source": {"mediaType": "text/markdown", "content": TEXT}},
        {"type": "Video", "name": TEXT, "content": "<p>about</p>", "attributedTo": [{"type": "Person", "id": "x"}]},
    ],
)
def test_text_is_found_wherever_servers_put_it(site: Site, changes: dict[str, Any]) -> None:
    site.show("/post", site.note(**changes))
    assert (look(site).state, look(site).matched) == ("up", "text")
    assert look(site, text="something quite different").state == "edited"


def test_digest_alone_is_enough(site: Site) -> None:
    site.show("/post", site.note())
    assert look(site, text=None, sha256=text_digest(TEXT)).matched == "digest"
    assert look(site, text=None, sha256="0" * 64).matched == "other-text"


def test_change_without_a_text_counts_only_against_what_was_known(site: Site) -> None:
    site.show("/post", site.note(published="2026-11-01T08:00:00Z", updated="2026-11-02T08:00:00Z"))
    assert look(site, text=None).matched == "no-text-given"
    assert look(site, text=None, updated_before="").matched == "updated"
    assert look(site, text=None, updated_before="2026-11-01T09:00:00Z").state == "edited"
    assert look(site, text=None, updated_before="2026-11-02T08:00:00Z").state == "up"


@pytest.mark.parametrize(
    ("before", "changed", "state"),
    [
        (None, False, "up"),  # as far as anybody can see, the author's own mark
        (None, True, "restricted"),
        (True, True, "up"),
        (False, False, "restricted"),
    ],
)
def test_warning_counts_when_it_was_set_later(site: Site, before: bool | None, changed: bool, state: str) -> None:
    updated = {"updated": "2026-11-02T08:00:00Z"} if changed else {}
    for warning in ({"sensitive": True}, {"summary": "careful"}):
        site.show("/post", site.note(published="2026-11-01T08:00:00Z", **updated, **warning))
        assert look(site, sensitive_before=before).state == state


@pytest.mark.parametrize(
    ("to", "cc", "state", "visibility"),
    [
        (PUBLIC, None, "up", "public"),
        (["as:Public"], [], "up", "public"),
        (["Public"], [], "up", "public"),
        ([], [PUBLIC], "up", "unlisted"),
        (["https://harbour.example/users/ada/followers"], [], "restricted", "narrowed"),
        ([], [], "restricted", "narrowed"),
        ([{"id": PUBLIC}, 5], [None], "restricted", "narrowed"),
    ],
)
def test_post_that_is_not_public_is_restricted(site: Site, to: object, cc: object, state: str, visibility: str) -> None:
    site.show("/post", site.note(to=to, cc=cc))
    seen = look(site)
    assert (seen.state, seen.views["visibility"]) == (state, visibility)


def test_post_that_says_nothing_of_its_readers_is_not_called_restricted(site: Site) -> None:
    note = site.note()
    del note["to"]
    site.show("/post", note)
    assert (look(site).state, look(site).views["visibility"]) == ("up", "not-said")


def test_wrapped_post_is_unwrapped(site: Site) -> None:
    site.show("/post", {"id": f"{site.here}/post/activity", "type": "Create", "object": site.note()})
    assert look(site).matched == "text"


@pytest.mark.parametrize("status", [0, 400, 402, 405, 408, 421, 425, 429, 500, 501, 502, 503, 504, 520, 599])
def test_outage_is_never_a_removal(site: Site, status: int) -> None:
    tombstone = {"id": f"{site.here}/post", "type": "Tombstone"}
    site.show("/post", tombstone, status)
    assert look(site).state == "unreachable"


def test_server_that_is_not_there_is_no_removal(site: Site) -> None:
    with socket.socket() as closed, socket.create_server(("127.0.0.1", 0)) as silent:
        closed.bind(("127.0.0.1", 0))
        ports = [f"127.0.0.1:{place.getsockname()[1]}" for place in (closed, silent)]
        with Outbound(frozenset(ports), timeout=0.3) as outbound:
            for port, matched in zip(ports, ("refused", "timeout"), strict=True):
                seen = probe_with(SIGNER)(f"http://{port}/post", outbound=outbound, at=AT)
                assert (seen.state, seen.matched, seen.http_status) == ("unreachable", matched, None)
                assert seen.views == {"origin": "unknown"}
                assert seen.exchanges == ()
    for url in ("http://10.0.0.1/post", "not an address", "http://a:99999999/", "javascript:alert(1)", "http://[bad"):
        with Outbound(timeout=2, resolver=lambda host, port: ["10.0.0.1"]) as outbound:
            seen = probe_with(SIGNER)(url, outbound=outbound, at=AT)
        assert (seen.state, seen.http_status) == ("unreachable", None)
        assert seen.matched in {"not-allowed", "protocol"}


def test_redirect_to_the_posts_own_server_is_not_asked_twice(site: Site) -> None:
    site.show("/short", b"", 302, Location=f"{site.there}/post")
    site.show("/post", site.note() | {"id": f"{site.there}/post"})
    seen = look(site, "/short")
    assert (seen.state, len(seen.exchanges)) == ("up", 2)


def test_time_of_writing_is_no_change(site: Site) -> None:
    moment = "2026-11-01T08:00:00Z"
    site.show("/post", site.note(published=moment, updated=moment, sensitive=True))
    assert (look(site).state, look(site).views["updated"]) == ("up", "no")


def test_post_longer_than_is_read_is_no_conclusion(site: Site) -> None:
    site.show("/post", site.note(content="<p>" + "x" * 300_000))
    assert look(site).matched == "truncated"


def test_redirects_are_signed_one_by_one_and_not_without_end(site: Site) -> None:
    site.show("/a", b"", 302, Location="/b?x=1")
    site.show("/b?x=1", b"", 301, Location="/post")
    site.show("/post", site.note())
    seen = look(site, "/a")
    assert (seen.matched, seen.final_url) == ("text", f"{site.here}/post")
    signatures = [headers["Signature"] for _, headers in site.asked]
    assert len(set(signatures)) == 3
    site.show("/round", b"", 302, Location="/round")
    assert look(site, "/round").matched == "protocol"
    site.show("/inward", b"", 302, Location="http://169.254.169.254/latest")
    assert look(site, "/inward").matched == "not-allowed"


def test_only_the_own_server_speaks_for_a_post(site: Site) -> None:
    """A copy is asked for; its origin has a tombstone, or does not know the post under that id."""
    site.show("/copy", site.note("/original") | {"id": f"{site.there}/original"})
    site.show("/original", {"id": f"{site.there}/original", "type": "Tombstone"}, 410)
    seen = look(site, "/copy")
    assert (seen.state, seen.final_url) == ("removed", f"{site.there}/original")
    assert len(seen.exchanges) == 2
    site.show("/original", site.note("/another"))
    assert (look(site, "/copy").state, look(site, "/copy").matched) == ("unreachable", "not-activitypub")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"{}",
        b'{"id": 5, "type": "Note"}',
        b'{"id": "HERE/post", "type": ["Note"]}',
        b'{"id": "javascript:alert(1)", "type": "Note"}',
        b'{"id": "http://10.0.0.1/post", "type": "Tombstone"}',
        b'{"id": "http://[", "type": "Note"}',
        b"[" * 100_000,
        b'{"a":' * 40_000,
        b"<html><p>I will &lt;wait&gt; &amp; see</p></html>",
        b"x" * 300_000,
        b"\xff\xfe\x00",
    ],
)
def test_answer_that_is_no_post_is_no_conclusion(site: Site, body: bytes) -> None:
    site.show("/post", body.replace(b"HERE", site.here.encode()))
    seen = look(site)
    assert seen.state == "unreachable"
    assert len(seen.exchanges[0].body) <= KEPT_BYTES


_FIELDS = ["to", "cc", "content", "contentMap", "summary", "summaryMap", "name", "nameMap", "source", "sensitive"]
_FIELDS += ["updated", "published", "mediaType", "deleted", "object", "attributedTo"]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | st.sampled_from([TEXT, PUBLIC]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(_FIELDS),
        _JSON,
    ),
    st.sampled_from(["Note", "Question", "Tombstone", "Create", "Person"]),
)
def test_any_object_leads_to_some_conclusion(site: Site, fields: dict[str, Any], kind: str) -> None:
    site.show("/post", {**site.note(), **fields, "type": kind})
    seen = look(site)
    assert seen.state in {"up", "edited", "restricted", "removed", "unreachable"}
    assert (seen.state == "removed") is (kind == "Tombstone")


class TestCopies:
    """Copies on other servers: here the same one by another name."""

    def test_copies_that_outlive_the_original_are_named(self, site: Site) -> None:
        site.show("/post", b"", 410)
        site.show("/1", site.note())
        site.show("/2", {"id": "115", "content": HTML, "visibility": "public"})  # as Mastodon's own API shows a status
        site.show("/3", f"<html><main>{HTML}</main></html>".encode())
        site.show("/4", site.note(content="<p>replaced</p>"))
        site.show("/5", {"id": f"{site.there}/5", "type": "Tombstone"})
        site.show("/6", b"<html><div id='mastodon'></div></html>")  # a page drawn by script says nothing
        site.show("/7", b"", 503)
        site.show("/8", b"", 302, Location=f"{site.here}/1")  # sends us to another host
        site.show("/9", b"", 401)
        copies = [f"{site.there}/{number}" for number in range(1, 11)]
        seen = look(site, copies=copies)
        assert (seen.state, seen.matched, seen.http_status) == ("removed", "status", 410)
        kept = {name: what for name, what in seen.views.items() if name.startswith("copy: ")}
        names = ["copy: localhost", *(f"copy: localhost ({number})" for number in range(2, 11))]
        words = ["there", "there", "there", "edited", "gone", "unknown", "unknown", "unknown", "unknown", "gone"]
        assert kept == dict(zip(names, words, strict=True))
        assert seen.detail.endswith(f"Copies still up: {', '.join(copies[:3])}.")
        assert len(seen.exchanges) == 12
        assert seen.views["origin"] == "gone"

    def test_copy_that_is_up_never_makes_the_post_up(self, site: Site) -> None:
        site.show("/1", site.note())
        for status, state in ((404, "removed"), (503, "unreachable"), (401, "unreachable"), (451, "restricted")):
            site.show("/post", b"", status)
            seen = look(site, copies=[f"{site.there}/1"])
            assert (seen.state, seen.views["copy: localhost"]) == (state, "there")

    def test_copy_that_is_gone_never_makes_the_post_gone(self, site: Site) -> None:
        site.show("/post", site.note())
        seen = look(site, copies=[f"{site.there}/none", "http://10.0.0.1/x", "nonsense"])
        assert seen.state == "up"
        assert seen.views["copy: localhost"] == "gone"
        assert seen.views["copy: 10.0.0.1"] == "unknown"
        assert "Copies still up" not in seen.detail

    def test_without_a_text_a_copy_counts_by_being_there(self, site: Site) -> None:
        site.show("/post", b"", 410)
        site.show("/1", site.note())
        site.show("/2", b"<html>anything</html>")
        seen = look(site, text=None, copies=[f"{site.there}/1", f"{site.there}/2"])
        assert [seen.views["copy: localhost"], seen.views["copy: localhost (2)"]] == ["there", "unknown"]

    def test_copies_are_asked_once_each_and_signed(self, site: Site) -> None:
        site.show("/post", site.note())
        look(site, copies=[f"{site.there}/1", f"{site.there}/2"])
        assert [path for path, _ in site.asked] == ["/post", "/1", "/2"]
        assert all("Signature" in headers for _, headers in site.asked)

    def test_too_many_copies_for_one_look_are_refused(self) -> None:
        with pytest.raises(ValueError, match=f"at most {MOST_COPIES}"):
            probe_with(SIGNER, copies=["https://other.example/1"] * (MOST_COPIES + 1))
