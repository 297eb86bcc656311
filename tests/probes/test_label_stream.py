"""The stream of labels, from a server on loopback; ``tests/peers/test_atproto.py`` reads a real one."""

import datetime as dt
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.support.atproto_labels import Issuer
from tests.support.xrpc import Asked, Says, serving
from websockets.sync.server import ServerConnection, serve

from seawall.formats import dagcbor
from seawall.outbound import Outbound, OutboundError, OutboundRefused
from seawall.probes import label_stream
from seawall.probes.label_stream import Batch, StreamRefused

SERVICE = "did:plc:serviceserviceserviceser"
POST = "at://did:plc:author/app.bsky.feed.post/3kaaaa"
NOON = dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC)
ISSUER = Issuer(SERVICE)


def frame(header: dagcbor.Value, body: dagcbor.Value) -> bytes:
    return dagcbor.encode(header) + dagcbor.encode(body)


def labels(seq: int, *values: str) -> bytes:
    issued: list[dagcbor.Value] = [ISSUER.label(POST, value, cts=NOON, raw=True) for value in values]
    return frame({"op": 1, "t": "#labels"}, {"seq": seq, "labels": issued})


@contextmanager
def streaming(*frames: bytes | str, asked: list[str] | None = None) -> Iterator[str]:
    """Serve these frames to whoever connects, then wait."""

    def talk(connection: ServerConnection) -> None:
        assert connection.request is not None
        (asked if asked is not None else []).append(connection.request.path)
        for part in frames:
            connection.send(part)
        for _ in connection:
            pass

    with serve(talk, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join()


def read(url: str, *, cursor: int | None = None, quiet: float = 0.2) -> list[Batch]:
    with Outbound(frozenset({url.removeprefix("http://")}), timeout=5) as outbound:
        return list(label_stream.read(url, outbound=outbound, cursor=cursor, quiet=quiet))


def test_labels_are_read_in_order_until_it_is_quiet() -> None:
    asked: list[str] = []
    with streaming(labels(3, "!takedown"), labels(4, "rude", "spam"), asked=asked) as url:
        batches = read(url, cursor=2)
    assert [(batch.seq, [label.val for label in batch.labels]) for batch in batches] == [
        (3, ["!takedown"]),
        (4, ["rude", "spam"]),
    ]
    (path,) = asked
    assert urlsplit(path).path == "/xrpc/com.atproto.label.subscribeLabels"
    assert parse_qs(urlsplit(path).query) == {"cursor": ["2"]}


def test_without_a_cursor_none_is_sent() -> None:
    asked: list[str] = []
    with streaming(asked=asked) as url:
        assert read(url) == []
    assert asked == ["/xrpc/com.atproto.label.subscribeLabels"]


def test_signature_comes_through() -> None:
    with streaming(labels(1, "!hide")) as url:
        ((label,),) = (batch.labels for batch in read(url))
    assert label.signature
    assert label.src == SERVICE


def test_kind_that_is_not_known_is_passed_over() -> None:
    with streaming(frame({"op": 1, "t": "#new"}, {}), labels(1, "rude")) as url:
        assert [batch.seq for batch in read(url)] == [1]


def test_cursor_that_is_too_old_is_told() -> None:
    with streaming(frame({"op": 1, "t": "#info"}, {"name": "OutdatedCursor"}), labels(9, "rude")) as url:
        batches = read(url, cursor=1)
    assert [(batch.seq, batch.outdated) for batch in batches] == [(1, True), (9, False)]


def test_refusal_is_told_by_its_name() -> None:
    with (
        streaming(frame({"op": -1}, {"error": "FutureCursor", "message": "Cursor in the future."})) as url,
        pytest.raises(StreamRefused, match="Cursor in the future") as caught,
    ):
        read(url, cursor=99)
    assert caught.value.name == "FutureCursor"


@pytest.mark.parametrize(
    "odd",
    [
        b"",
        b"\xff",
        "text",
        dagcbor.encode({"op": 1, "t": "#labels"}),
        frame([], {}),
        frame({"op": 1, "t": "#labels"}, []),
        frame({"op": 2, "t": "#labels"}, {}),
        frame({"op": 1, "t": "#labels"}, {"seq": 1, "labels": []}) + b"\x00",
        frame({"op": 1, "t": "#labels"}, {"seq": True, "labels": []}),
        frame({"op": 1, "t": "#labels"}, {"seq": 1}),
        frame({"op": 1, "t": "#labels"}, {"seq": 0, "labels": []}),
        frame({"op": 1, "t": "#labels"}, {"seq": 1, "labels": [5]}),
        b"x" * 2_000_000,
    ],
    ids=lambda odd: str(odd[:12]),
)
def test_odd_frame_ends_the_stream_with_a_sentence(odd: bytes | str) -> None:
    with streaming(odd) as url, pytest.raises(OutboundError, match=r"\.$") as caught:
        read(url, quiet=5)
    assert caught.value.kind == "protocol"


def test_number_that_goes_back_is_not_believed() -> None:
    with streaming(labels(5, "rude"), labels(5, "rude")) as url, pytest.raises(OutboundError, match="does not go up"):
        read(url, quiet=5)


def test_server_that_is_none_of_a_stream() -> None:
    def says(asked: Asked) -> Says:
        return Says(404, b"nothing here")

    with serving(says) as url, pytest.raises(OutboundError, match="No label stream at") as caught:
        read(url)
    assert caught.value.kind == "protocol"


def test_server_that_says_nothing_is_given_up() -> None:
    held = threading.Event()

    def says(asked: Asked) -> Says:
        held.wait(10)
        return Says(breaks=True)

    with serving(says) as url, Outbound(frozenset({url.removeprefix("http://")}), timeout=0.3) as outbound:
        try:
            with pytest.raises(OutboundError) as caught:
                list(label_stream.read(url, outbound=outbound, quiet=0.1))
        finally:
            held.set()
    assert caught.value.kind == "timeout"


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://127.0.0.1:9",
        "https://169.254.169.254",
        "http://10.0.0.1:22",
        "http://[::1]:8000",
        "http://user:secret@labels.example",
        "file:///etc/passwd",
        "https://",
        "https://labels.example?x",
    ],
)
def test_address_that_the_hub_may_not_connect_to_is_refused(endpoint: str) -> None:
    with Outbound(timeout=2) as outbound, pytest.raises(OutboundRefused) as caught:
        list(label_stream.read(endpoint, outbound=outbound))
    assert "secret" not in str(caught.value)


def test_stream_that_is_left_early_ends() -> None:
    with (
        streaming(labels(1, "a"), labels(2, "b")) as url,
        Outbound(frozenset({url.removeprefix("http://")}), timeout=5) as outbound,
        closing(label_stream.read(url, outbound=outbound, cursor=0)) as stream,
    ):
        assert next(stream).seq == 1
    assert list(stream) == []


def test_name_that_leads_into_the_own_network_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_stream, "system_resolver", lambda host, port: ["192.0.2.1", "10.0.0.1"])
    with Outbound(timeout=2) as outbound, pytest.raises(OutboundRefused):
        list(label_stream.read("https://labels.example", outbound=outbound))


@pytest.mark.parametrize("kind", ["dns", "refused"])
def test_name_without_an_address_is_told(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    def resolve(host: str, port: int) -> list[str]:
        if kind == "dns":
            raise OSError("no such name")
        return []

    monkeypatch.setattr(label_stream, "system_resolver", resolve)
    with Outbound(timeout=2) as outbound, pytest.raises(OutboundError) as caught:
        list(label_stream.read("https://labels.example", outbound=outbound))
    assert caught.value.kind == kind


def test_port_where_nobody_listens_is_told() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(OutboundError) as caught:
            read(url)
    assert caught.value.kind == "refused"
