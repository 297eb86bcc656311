"""The ActivityPub channel against answers that no server should give."""

import json
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

import pytest
from tests.channels.fediverse import PEM, Quiet
from tests.channels.samples import document

from seawall.channels import Address, ChannelError, Equipment
from seawall.channels.activitypub import ActivityPubChannel
from seawall.outbound import Outbound


class Says(BaseHTTPRequestHandler):
    """Shows a post and answers every delivery with the server's `saying`."""

    server: "Odd"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        found = {"id": f"{self.server.origin}/p", "type": "Note", "attributedTo": f"{self.server.origin}/a"}
        self.say(*(self.server.saying if self.server.at_once else (200, json.dumps(found).encode(), {})))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.say(*self.server.saying)

    def say(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        if status == 0:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class Odd(Quiet):
    saying: tuple[int, bytes, dict[str, str]] = (202, b"", {})
    at_once = False


@pytest.fixture
def odd() -> Iterator[Odd]:
    server = Odd(Says)
    yield server
    server.stop()


def deliver(odd: Odd) -> ChannelError:
    with Outbound(frozenset({urlsplit(odd.origin).netloc}), timeout=10, max_bytes=50_000) as outbound:
        equipment = Equipment(outbound, hub_url="https://hub.example", actor_key=PEM)
        address = Address(f"{odd.origin}/inbox", settings={"actor": "https://hub.example/actor"})
        made = document(content={"native_id": "p", "url": f"{odd.origin}/p", "text_sha256": "0" * 64})
        with pytest.raises(ChannelError, match=r"\.$") as caught:
            ActivityPubChannel.equipped(equipment).send(address, made, idempotency_key="k")
    return caught.value


@pytest.mark.parametrize(
    ("status", "headers", "retryable", "retry_after", "said"),
    [
        (429, {"Retry-After": "120"}, True, 120.0, "answered 429"),
        (503, {"Retry-After": "soon"}, True, None, "answered 503"),
        (500, {}, True, None, "answered 500"),
        (408, {}, True, None, "answered 408"),
        (401, {}, False, None, "shows the key in use"),
        (403, {}, False, None, "does not block this hub"),
        (404, {}, False, None, "no inbox"),
        (410, {}, False, None, "no longer one"),
        (302, {"Location": "http://169.254.169.254/"}, False, None, "not followed"),
        (400, {}, False, None, "does not accept"),
        (0, {}, True, None, "broke off"),
    ],
)
def test_refused_delivery_becomes_a_sentence(
    odd: Odd, status: int, headers: dict[str, str], retryable: bool, retry_after: float | None, said: str
) -> None:
    odd.saying = (status, b"<html>" * 10, headers)
    error = deliver(odd)
    assert said in str(error)
    assert (error.retryable, error.retry_after) == (retryable, retry_after)


@pytest.mark.parametrize(
    ("status", "body", "headers", "retryable"),
    [
        (200, b"<html>", {}, False),
        (200, b"[" * 40_000, {}, False),
        (200, b"x" * 60_000, {}, False),
        (200, b"\xff\xfe", {}, False),
        (204, b"", {}, False),
        (302, b"", {"Location": "http://169.254.169.254/"}, False),
        (302, b"", {"Location": "http://a:99999999/"}, False),
        (302, b"", {"Location": "javascript:alert(1)"}, False),
        (401, b"", {}, False),
        (503, b"", {}, True),
        (0, b"", {}, True),
    ],
)
def test_odd_answer_where_the_post_should_be_becomes_a_sentence(
    odd: Odd, status: int, body: bytes, headers: dict[str, str], retryable: bool
) -> None:
    odd.at_once, odd.saying = True, (status, body, headers)
    assert deliver(odd).retryable is retryable


def test_server_that_says_it_has_the_report_already_has_it(odd: Odd) -> None:
    body = json.dumps({"type": "https://w3id.org/fep/c180#duplicate-delivery", "status": 400}).encode()
    odd.saying = (400, body, {"Content-Type": "application/problem+json"})
    with Outbound(frozenset({urlsplit(odd.origin).netloc})) as outbound:
        channel = ActivityPubChannel.equipped(Equipment(outbound, hub_url="https://hub.example", actor_key=PEM))
        address = Address(f"{odd.origin}/inbox", settings={"actor": "https://hub.example/actor"})
        made = document(content={"native_id": "p", "url": f"{odd.origin}/p", "text_sha256": "0" * 64})
        assert channel.send(address, made, idempotency_key="k").proof == "accepted"
    for other in (b'{"type": 5}', b"[1]", b"{}", b'{"type": "about:blank"}', b"[" * 30_000):
        odd.saying = (400, other, {})
        assert not deliver(odd).retryable


def test_answer_that_never_comes_may_be_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        origin = f"127.0.0.1:{silent.getsockname()[1]}"
        with Outbound(frozenset({origin}), timeout=0.2) as outbound:
            channel = ActivityPubChannel.equipped(Equipment(outbound, hub_url="https://hub.example", actor_key=PEM))
            address = Address(f"http://{origin}/inbox", settings={"actor": "https://hub.example/actor"})
            made = document(content={"native_id": "p", "url": f"http://{origin}/p", "text_sha256": "0" * 64})
            with pytest.raises(ChannelError, match="did not answer within") as caught:
                channel.send(address, made, idempotency_key="k")
    assert caught.value.retryable
