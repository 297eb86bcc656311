"""What the probe concludes, from real pages over real sockets."""

import datetime as dt
import hashlib
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tests.channels.samples import SENT_AT
from tests.sandbox.support import document_with, post_of

from seawall import probes
from seawall.outbound import Outbound
from seawall.probes import Observation, probe, text_digest
from seawall.sandbox import SandboxProcess

AT = dt.datetime(2026, 11, 3, 12, tzinfo=dt.UTC)
TEXT = "I will <wait> & see,\n  you & I"


class Page(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.paths.append((self.path, self.headers["User-Agent"]))  # type: ignore[attr-defined]
        status, headers, body = self.server.saying.get(self.path, (404, {}, b""))  # type: ignore[attr-defined]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class Quiet(ThreadingHTTPServer):
    saying: dict[str, tuple[int, dict[str, str], bytes]]
    paths: list[tuple[str, str]]

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[Quiet]:
    server = Quiet(("127.0.0.1", 0), Page)
    server.saying, server.paths = {}, []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def look(site: Quiet, path: str = "/post", **expected: str) -> Observation:
    port = site.server_address[1]
    with Outbound(frozenset({f"127.0.0.1:{port}"}), timeout=5, max_bytes=20_000) as outbound:
        return probe(f"http://127.0.0.1:{port}{path}", outbound=outbound, at=AT, **expected)  # type: ignore[arg-type]


HERE = b"<html><body><main><p>I will &lt;wait&gt; &amp; see, you &amp; I</p></main></body></html>"


@pytest.mark.parametrize(
    ("status", "headers", "body", "state", "matched"),
    [
        (200, {}, HERE, "up", "text"),
        (200, {}, b"<p>Something else</p>", "edited", "other-text"),
        (200, {}, b"", "edited", "other-text"),
        (404, {}, HERE, "removed", "status"),
        (410, {}, b"", "removed", "status"),
        (451, {}, HERE, "restricted", "status"),
        (403, {}, b"", "restricted", "status"),
        (401, {}, b"", "restricted", "status"),
        (200, {}, b"<p data-restricted>" + HERE, "restricted", "marker"),
        (200, {"X-Content-Restricted": "age"}, HERE, "restricted", "marker"),
        (403, {"cf-mitigated": "challenge"}, b"", "unreachable", "challenge"),  # a bot check says nothing of the post
        (500, {}, b"", "unreachable", "status"),
        (502, {}, b"", "unreachable", "status"),
        (503, {}, HERE, "unreachable", "status"),
        (429, {}, b"", "unreachable", "status"),
        (408, {}, b"", "unreachable", "status"),
        (204, {}, b"", "unreachable", "status"),
        (304, {}, b"", "unreachable", "status"),
        (302, {}, b"", "unreachable", "status"),  # without a Location
        (200, {}, b"x" * 30_000, "unreachable", "truncated"),
        (200, {}, HERE + b"x" * 30_000, "up", "text"),
        (200, {"Content-Encoding": "br"}, b"?", "unreachable", "protocol"),
    ],
)
def test_state_follows_from_the_answer(
    site: Quiet, status: int, headers: dict[str, str], body: bytes, state: str, matched: str
) -> None:
    site.saying["/post"] = (status, headers, body)
    seen = look(site, expected_text=TEXT)
    assert (seen.state, seen.matched) == (state, matched)
    assert seen.detail
    assert seen.checked_at == AT
    if matched != "protocol":
        assert seen.http_status == status
        assert seen.body_sha256 == hashlib.sha256(body[:20_000]).hexdigest()
    assert len(site.paths) == 1, "one look is one request"
    assert "Seawall" in site.paths[0][1]


def test_digest_alone_is_enough_to_tell_up_from_edited(site: Quiet) -> None:
    site.saying["/post"] = (200, {}, HERE)
    assert look(site, expected_text_sha256=text_digest(TEXT)).matched == "digest"
    assert look(site, expected_text_sha256="0" * 64).state == "edited"


def test_page_is_up_when_no_text_is_given(site: Quiet) -> None:
    site.saying["/post"] = (200, {}, HERE)
    assert look(site).matched == "no-text-given"
    assert look(site, expected_text=" ").matched == "no-text-given"


@pytest.mark.parametrize(
    ("target", "answer", "state"),
    [
        ("/home", (200, {}, b"welcome"), "moved"),
        ("/new", (200, {}, HERE), "moved"),
        ("/post/", (200, {}, HERE), "up"),  # a trailing slash is the same place
        ("/gone", (404, {}, b""), "removed"),
        ("/down", (503, {}, b""), "unreachable"),
        ("/post", (302, {"Location": "/post"}, b""), "unreachable"),  # round and round
    ],
)
def test_redirect_is_judged_by_where_it_ends(
    site: Quiet, target: str, answer: tuple[int, dict[str, str], bytes], state: str
) -> None:
    site.saying["/post"] = (302, {"Location": target}, b"")
    site.saying[target] = answer
    seen = look(site, expected_text=TEXT)
    assert seen.state == state
    if state == "moved":
        assert seen.final_url.endswith(target)
        assert ("with the text" in seen.detail) is (answer[2] == HERE)


def test_redirect_into_the_own_network_is_no_conclusion(site: Quiet) -> None:
    site.saying["/post"] = (302, {"Location": "http://10.0.0.1/"}, b"")
    seen = look(site, expected_text=TEXT)
    assert (seen.state, seen.matched, seen.http_status) == ("unreachable", "not-allowed", None)


def test_outage_is_never_a_removal() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with Outbound(frozenset({f"127.0.0.1:{port}"}), timeout=5) as outbound:
            plain = probe(f"http://127.0.0.1:{port}/", outbound=outbound, at=AT)
        assert (plain.state, plain.matched) == ("unreachable", "refused")
        assert (plain.http_status, plain.body_sha256) == (None, None)

    def nowhere(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    with Outbound(timeout=5, resolver=nowhere) as outbound:
        assert probe("https://gone.example/p", outbound=outbound, at=AT).matched == "dns"
        assert probe("not an address", outbound=outbound, at=AT).matched == "not-allowed"


def test_timeout_and_broken_tls_are_no_conclusion(site: Quiet) -> None:
    port = site.server_address[1]
    with Outbound(frozenset({f"127.0.0.1:{port}"}), timeout=5) as outbound:
        seen = probe(f"https://127.0.0.1:{port}/", outbound=outbound, at=AT)
    assert seen.state == "unreachable"
    assert seen.matched in {"tls", "protocol"}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with Outbound(frozenset({f"127.0.0.1:{port}"}), timeout=0.2) as outbound:
            assert probe(f"http://127.0.0.1:{port}/", outbound=outbound, at=AT).matched == "timeout"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with SandboxProcess(tmp_path_factory.mktemp("sandbox")) as running:
        running.control.set_clock(SENT_AT)
        yield running


def test_sandbox_posts_are_seen_as_they_are(sandbox: SandboxProcess) -> None:
    post = post_of(document_with("kestrel", "actioned"), TEXT)
    sandbox.control.seed([post])
    url = sandbox.control.post_url("kestrel", post["native_id"])
    with Outbound(sandbox.allow) as outbound:
        assert probe(url, outbound=outbound, at=AT, expected_text=TEXT).matched == "text"
        assert probe(url, outbound=outbound, at=AT, expected_text_sha256=text_digest(TEXT)).matched == "digest"
        raw = hashlib.sha256(TEXT.encode()).hexdigest()
        assert probe(url, outbound=outbound, at=AT, expected_text_sha256=raw).matched == "digest"
        sandbox.control.seed([{**post, "text": "changed"}])
        assert probe(url, outbound=outbound, at=AT, expected_text=TEXT).state == "edited"
        assert probe(url + "x", outbound=outbound, at=AT, expected_text=TEXT).state == "removed"


def test_registry_knows_http_and_names_what_exists() -> None:
    assert probes.get("http") is probe
    with pytest.raises(LookupError, match="this installation has: activitypub, atproto, http, http-robots, matrix"):
        probes.get("telescope")
