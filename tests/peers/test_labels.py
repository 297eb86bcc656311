"""The hub as a labeler, read by software of the AT Protocol: the reference implementation, and the Python SDK."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer
from tests.hub.exchange.labels_client import VAL, Labeled, post, publishing
from tests.peers.atproto_network import HERE, NODE, installed, running
from tests.peers.support import eventually, peer_folder, printed, program, run_command, run_peer
from tests.support.hub import ACTOR, small_hub

from seawall.hub.exchange import signals
from seawall.hub.exchange.labels import identity, queries
from seawall.hub.exchange.models import Reason

pytestmark = pytest.mark.django_db(transaction=True)

SDK = {"atproto": "0.0.73"}

_READ = """
import json, sys
from atproto import FirehoseSubscribeLabelsClient, parse_subscribe_labels_message
from atproto_crypto.verify import verify_signature
import libipld

base, document, count = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
key = "did:key:" + document["verificationMethod"][0]["publicKeyMultibase"]
client, found = FirehoseSubscribeLabelsClient({"cursor": 0}, base_uri=base), []

def on_message(message):
    parsed = parse_subscribe_labels_message(message)
    for label in parsed.labels:
        plain = {name: value for name, value in label.model_dump(exclude_none=True).items() if name not in ("sig", "py_type")}
        valid = verify_signature(key, libipld.encode_dag_cbor(plain), label.sig)
        found.append({"seq": parsed.seq, "uri": label.uri, "val": label.val, "neg": bool(label.neg), "valid": valid})
    if len(found) >= count:
        client.stop()

client.start(on_message)
print(json.dumps(found))
"""


@pytest.fixture
def labeled(transactional_db: None, live_server: LiveServer, settings: Settings) -> Labeled:
    """A hub that listens, and a community in it that publishes labels."""
    settings.PUBLIC_URL = live_server.url
    return publishing(small_hub())


@pytest.fixture
def stream(labeled: Labeled, settings: Settings, tmp_path: Path) -> Iterator[str]:
    """`seawall labels` as a process of its own; the address of its stream."""
    found = connection.settings_dict
    url = f"postgresql://{found['USER']}:{found['PASSWORD']}@/{found['NAME']}?host={found['HOST']}&port={found['PORT']}"
    environment = {
        "DATABASE_URL": url,
        "SEAWALL_EMBEDDED_URL": url,
        "SEAWALL_PUBLIC_URL": settings.PUBLIC_URL,
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),  # the settings of the tests
    }
    command = [sys.executable, "-m", "seawall", "labels", "--port", "0", "--watch-stdin"]
    with run_peer(
        "labels",
        command,
        log=tmp_path / "labels.log",
        ready=printed("Labels stream on "),
        folder=tmp_path,
        environment=environment,
    ) as peer:
        yield str(peer.ready).partition("/xrpc/")[0]


def reference(labeled: Labeled, stream: str, *, count: int, uri: str, cursor: int = 0) -> dict[str, Any]:
    """What the reference implementation reads."""
    did = identity.own_did()
    assert did is not None
    node, script = program("node", how=NODE), str(HERE / "labels.mjs")
    hub = did.removeprefix("did:web:").replace("%3A", ":")
    arguments = [node, script, f"http://{hub}", did, stream, str(cursor), str(count), uri]
    printed_last = run_command(arguments, folder=installed(), timeout=120).strip().splitlines()[-1]
    found: dict[str, Any] = json.loads(printed_last)
    return found


def test_the_reference_client_covers_a_labelled_post_and_uncovers_it(labeled: Labeled, stream: str) -> None:
    signal = labeled.share()
    labeled.share(post("3k2"), harm="vio-threat")
    labeled.publish()
    seen = reference(labeled, stream, count=2, uri=post())
    assert [(label["val"], label["valid"]) for label in seen["queried"]] == [(VAL, True)]
    assert [(label["seq"], label["uri"], label["valid"]) for label in seen["streamed"]] == [
        (1, post(), True),
        (2, post("3k2"), True),
    ]
    assert seen["shown"] == {"covered": [VAL], "warned": [VAL], "hidden": []}
    signals.withdraw(signals=[signal], reason=Reason.APPEAL, actor=ACTOR)
    labeled.publish()
    seen = reference(labeled, stream, count=1, uri=post(), cursor=2)
    assert [(label["neg"], label["valid"]) for label in seen["queried"]] == [(True, True)]
    assert [(label["seq"], label["neg"], label["valid"]) for label in seen["streamed"]] == [(3, True, True)]
    assert seen["shown"] == {"covered": [], "warned": [], "hidden": []}


def test_the_python_sdk_reads_the_stream_and_verifies_it(labeled: Labeled, stream: str) -> None:
    signal = labeled.share()
    labeled.share(post("3k2"))
    labeled.publish()
    signals.withdraw(signals=[signal], reason=Reason.MISTAKE, actor=ACTOR)
    labeled.publish()

    def install(folder: Path) -> None:
        run_command([sys.executable, "-m", "venv", "venv"], folder=folder)
        quiet = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run_command(
            ["venv/bin/python", *quiet, *(f"{name}=={version}" for name, version in SDK.items())], folder=folder
        )

    folder = peer_folder("atproto-sdk", pinned={**SDK, "python": sys.version.split()[0]}, install=install)
    python = str(folder / "venv/bin/python")
    document = json.dumps(identity.document())
    environment = {"PYTHONPATH": ""}
    said = run_command(
        [python, "-c", _READ, f"{stream}/xrpc", document, "2"], folder=folder, timeout=120, environment=environment
    )
    assert json.loads(said.strip().splitlines()[-1]) == [
        {"seq": 2, "uri": post("3k2"), "val": VAL, "neg": False, "valid": True},
        {"seq": 3, "uri": post(), "val": VAL, "neg": True, "valid": True},
    ]


def test_a_server_takes_the_declaration_and_the_app_view_shows_its_values(labeled: Labeled) -> None:
    record = identity.declaration(queries.since())
    with running() as network:
        account = network.newcomer()
        body = {"repo": account.did, "collection": "app.bsky.labeler.service", "rkey": "self", "record": record}
        network.as_(account, "com.atproto.repo.createRecord", body=body)

        def views() -> list[dict[str, Any]]:
            answer = network.call(network.appview, "app.bsky.labeler.getServices", dids=[account.did], detailed="true")
            found: list[dict[str, Any]] = answer["views"]
            return found

        (view,) = eventually(views, lambda seen: len(seen) == 1, what="the AppView to know the labeler")
    assert view["creator"]["did"] == account.did
    assert view["policies"] == record["policies"]
