"""`seawall labels`: the stream beside a hub that serves, and what a labeler's account needs."""

from __future__ import annotations

import json
import signal
import socket
import time
from contextlib import closing

import pytest
from tests.commands.conftest import Installation
from websockets.sync.client import connect

from seawall.commands.serve import check_port
from seawall.formats.atproto import read_identity
from seawall.hub.exchange.labels.identity import NO_NAME
from seawall.hub.exchange.labels.rules import VALUES
from seawall.hub.exchange.labels.stream import PATH

pytestmark = pytest.mark.kill

NAMED = "https://hub.example"


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_hub_without_a_public_name_serves_no_labels(hub_home: Installation) -> None:
    port = str(free_port())
    for command in (["labels", "--port", port], ["serve", "--port", str(free_port()), "--labels-port", port]):
        _said, complained = hub_home.run(*command, code=1)
        assert complained == f"Error: {NO_NAME}\n"


def test_an_identity_that_is_none_is_told_in_a_sentence(hub_home: Installation) -> None:
    _said, complained = hub_home.run("labels", "--identity", code=1, SEAWALL_LABELER_DID="alice.example")
    assert "SEAWALL_LABELER_DID must be a did:plc or a did:web" in complained


def test_what_an_account_needs_is_printed_with_the_same_key_each_time(hub_home: Installation) -> None:
    first, second = (json.loads(hub_home.run("labels", "--identity", SEAWALL_PUBLIC_URL=NAMED)[0]) for _ in range(2))
    assert first == second
    assert read_identity(first, did="did:web:hub.example").label_key is not None
    did = "did:plc:" + "a" * 24
    other = json.loads(hub_home.run("labels", "--identity", SEAWALL_LABELER_DID=did, SEAWALL_PUBLIC_URL=NAMED)[0])
    assert other["verificationMethod"][0]["id"] == f"{did}#atproto_label"
    record = json.loads(hub_home.run("labels", "--declaration", SEAWALL_PUBLIC_URL=NAMED)[0])
    assert record["policies"]["labelValues"] == [value.val for value in VALUES.values()]


def test_the_stream_is_served_beside_the_hub_and_stops_with_it(hub_home: Installation) -> None:
    port, labels_port = free_port(), free_port()
    arguments = ["serve", "--port", str(port), "--labels-port", str(labels_port), "--web-only"]
    process = hub_home.start(
        *arguments, SEAWALL_PUBLIC_URL=f"http://localhost:{port}", SEAWALL_WEB_PROCESSES="1", SEAWALL_WEB_THREADS="2"
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                with connect(f"ws://127.0.0.1:{labels_port}{PATH}?cursor=0", proxy=None) as subscriber:
                    subscriber.ping().wait(30)
                break
            except OSError:
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline
                time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        said, complained = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert "Traceback" not in said + complained
    check_port("127.0.0.1", labels_port)


def test_a_port_that_is_taken_is_told_in_a_sentence(hub_home: Installation) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        _said, complained = hub_home.run("labels", "--port", str(port), code=1, SEAWALL_PUBLIC_URL=NAMED)
    assert complained.startswith(f"Error: Port {port} on 127.0.0.1 cannot be used")
