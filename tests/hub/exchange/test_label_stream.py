"""The stream of labels over a websocket, read by the client that the hub itself reads others' streams with."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from pytest_django import Settings
from tests.hub.exchange.labels_client import DID, VAL, Labeled, post, publishing
from tests.support.hub import ACTOR, small_hub
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from seawall.formats import dagcbor
from seawall.formats.atproto import read_identity
from seawall.hub import moment
from seawall.hub.exchange import signals
from seawall.hub.exchange.labels import identity, services, stream
from seawall.hub.exchange.models import Reason
from seawall.outbound import Outbound
from seawall.probes import label_stream
from seawall.probes.label_stream import Batch, StreamRefused

pytestmark = pytest.mark.django_db(transaction=True)

QUIET = 1.0  # seconds
LONG = 30.0


@pytest.fixture
def labeled(transactional_db: None, settings: Settings) -> Labeled:
    settings.PUBLIC_URL = "https://hub.example"
    return publishing(small_hub())


@contextmanager
def streaming() -> Iterator[int]:
    """Run the stream in a thread, and give its port."""
    loop, told = asyncio.new_event_loop(), threading.Event()
    stop, ports = asyncio.Event(), list[int]()

    def ready(port: int) -> None:
        ports.append(port)
        told.set()

    def work() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(stream.run("127.0.0.1", 0, ready=ready, stop=stop))
        loop.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert told.wait(LONG)
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(LONG)
        assert not thread.is_alive()


@pytest.fixture
def port(labeled: Labeled) -> Iterator[int]:
    with streaming() as found:
        yield found


def read(port: int, cursor: int | None = 0, quiet: float = QUIET) -> list[Batch]:
    with Outbound(frozenset({f"127.0.0.1:{port}"})) as outbound:
        return list(label_stream.read(f"http://127.0.0.1:{port}", outbound=outbound, cursor=cursor, quiet=quiet))


def words(batches: list[Batch]) -> list[tuple[int, str, bool]]:
    return [(batch.seq, label.uri, label.neg) for batch in batches for label in batch.labels]


def test_from_the_beginning_each_subject_stands_at_its_last_word(labeled: Labeled, port: int) -> None:
    gone, _kept = labeled.share(), labeled.share(post("3k2"))
    labeled.publish()
    signals.withdraw(signals=[gone], reason=Reason.MISTAKE, actor=ACTOR)
    labeled.publish()
    batches = read(port)
    assert words(batches) == [(2, post("3k2"), False), (3, post(), True)]
    key = read_identity(identity.document(), did=DID).label_key
    assert all(label.signed_by(key) and label.val == VAL for batch in batches for label in batch.labels)


def test_a_reader_who_waits_is_told_of_a_label_and_of_its_end(labeled: Labeled, port: int) -> None:
    with Outbound(frozenset({f"127.0.0.1:{port}"})) as outbound:
        batches = label_stream.read(f"http://127.0.0.1:{port}", outbound=outbound, cursor=0, quiet=LONG)
        signal = labeled.share()
        labeled.publish()
        assert words([next(batches)]) == [(1, post(), False)]
        signals.withdraw(signals=[signal], reason=Reason.APPEAL, actor=ACTOR)
        labeled.publish()
        assert words([next(batches)]) == [(2, post(), True)]
        batches.close()


def test_a_cursor_goes_on_where_it_was(labeled: Labeled, port: int) -> None:
    for number in range(5):
        labeled.share(post(f"k{number}"))
    labeled.publish()
    assert [seq for seq, _uri, _neg in words(read(port, 3))] == [4, 5]
    assert read(port, 5) == []


def test_more_labels_than_are_read_at_once_all_come(
    labeled: Labeled, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MOST_AT_ONCE", 2)
    for number in range(5):
        labeled.share(post(f"k{number}"))
    labeled.publish()
    assert [seq for seq, _uri, _neg in words(read(port))] == [1, 2, 3, 4, 5]


def test_without_a_cursor_only_what_comes_is_told(labeled: Labeled, port: int) -> None:
    labeled.share()
    labeled.publish()
    with connect(f"ws://127.0.0.1:{port}{stream.PATH}", proxy=None) as subscriber:
        with pytest.raises(TimeoutError):
            subscriber.recv(timeout=QUIET)
        labeled.share(post("3k2"))
        labeled.publish()
        frame = subscriber.recv(timeout=LONG)
    assert isinstance(frame, bytes)
    header, at = dagcbor.decode_first(frame)
    body, _end = dagcbor.decode_first(frame, at)
    assert header == {"op": 1, "t": "#labels"}
    assert isinstance(body, dict)
    assert body["seq"] == 2


def test_a_cursor_in_the_future_is_refused(labeled: Labeled, port: int) -> None:
    labeled.share()
    labeled.publish()
    with pytest.raises(StreamRefused) as caught:
        read(port, 2)
    assert caught.value.name == "FutureCursor"


def test_who_may_have_missed_a_negation_is_told(labeled: Labeled, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    gone, _kept = labeled.share(), labeled.share(post("3k2"))
    labeled.publish()
    signals.withdraw(signals=[gone], reason=Reason.MISTAKE, actor=ACTOR)
    labeled.publish()
    labeled.share(post("3k3"))
    labeled.publish()
    after = moment.now() + timedelta(days=181)
    monkeypatch.setattr(moment, "now", lambda: after)
    assert services.forget() == 1
    batches = read(port, 1)
    assert [batch.outdated for batch in batches] == [True, False, False]
    assert words(batches) == [(2, post("3k2"), False), (4, post("3k3"), False)]
    for cursor in (0, 3):
        assert not any(batch.outdated for batch in read(port, cursor))


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("/xrpc/com.atproto.sync.subscribeRepos", 404, "MethodNotImplemented"),
        (f"{stream.PATH}?cursor=x", 400, "InvalidRequest"),
        (f"{stream.PATH}?cursor=-1", 400, "InvalidRequest"),
        (f"{stream.PATH}?cursor=", 400, "InvalidRequest"),
        (f"{stream.PATH}?cursor=1&cursor=2", 400, "InvalidRequest"),
        (f"{stream.PATH}?cursor={'9' * 30}", 400, "InvalidRequest"),
    ],
)
def test_what_is_no_subscription_is_refused_before_it_begins(port: int, path: str, status: int, error: str) -> None:
    with pytest.raises(InvalidStatus) as caught, connect(f"ws://127.0.0.1:{port}{path}", proxy=None):
        pass
    assert caught.value.response.status_code == status
    assert json.loads(caught.value.response.body)["error"] == error


def test_a_plain_request_is_told_that_this_is_a_websocket(port: int) -> None:
    with pytest.raises(HTTPError) as caught:
        urlopen(f"http://127.0.0.1:{port}{stream.PATH}", timeout=LONG)
    assert caught.value.code == 426
    caught.value.close()


def test_there_are_only_so_many_subscribers(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MOST_SUBSCRIBERS", 1)
    url = f"ws://127.0.0.1:{port}{stream.PATH}"
    with connect(url, proxy=None):
        with pytest.raises(InvalidStatus) as caught, connect(url, proxy=None):
            pass
        assert caught.value.response.status_code == 503
        assert json.loads(caught.value.response.body)["error"] == "TooManySubscribers"
