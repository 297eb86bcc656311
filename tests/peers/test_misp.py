"""The hub's MISP feed, read by software of the MISP project: pymisp loads every event strictly, misp-stix converts it and back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from base64 import b64encode
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from pytest_django.live_server_helper import LiveServer
from tests.hub.exchange.conftest import HARM, Exchange, at
from tests.peers.support import peer_folder, run_command
from tests.support.hub import ACTOR, small_hub

from seawall.hub import moment
from seawall.hub.directory import services as directory
from seawall.hub.exchange import communities, recipients, signals
from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.models import Part, Reason, Signal, Tlp
from seawall.hub.exchange.taxii.stix import as_version_4

pytestmark = pytest.mark.django_db(transaction=True)

PINNED = {"pymisp": "2.5.34.4", "misp-stix": "2026.10.12"}
READER = Path(__file__).with_name("misp_reader.py")
VALUES = {
    SignalKind.PDQ: "f0" * 32,
    SignalKind.MD5: "ab" * 16,
    SignalKind.VIDEO_MD5: "cd" * 16,
    SignalKind.SHA256: "ef" * 32,
    SignalKind.URL: "https://a.example/it's?x=1",
    SignalKind.TEXT: "Some words, 'quoted' and \\slashed, ünd so",
    SignalKind.TERM: "a (coded) term",
    SignalKind.ACCOUNT: "beta.example:12345",
}


@pytest.fixture(scope="module")
def python() -> Path:
    """The interpreter of an environment with the peers."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"

    def install(folder: Path) -> None:
        run_command([sys.executable, "-m", "venv", "venv"], folder=folder)
        wanted = [f"{name}=={pinned}" for name, pinned in PINNED.items()]
        quiet = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run_command(["venv/bin/python", *quiet, *wanted], folder=folder)

    return peer_folder("misp", pinned={**PINNED, "python": version}, install=install) / "venv/bin/python"


@pytest.fixture
def served(transactional_db: None, live_server: LiveServer) -> Exchange:
    """A community of platforms in a hub that listens, which shares everything; alpha writes, beta reads."""
    hub = small_hub()
    community = communities.found(
        person=hub.people["administrator"],
        operator=hub.organisations["hub"],
        slug="pool",
        name="The pool",
        purpose="So that it does not come back.",
        harms=[HARM],
        kinds=list(VALUES),
        tlp_ceiling=Tlp.AMBER,
        retention=timedelta(days=365),
        platforms_only=True,
        agreement="We act on withdrawals.",
    )
    made = Exchange(hub=hub, community=community)
    made.join("alpha", Part.WRITER, "alpha_contact")
    made.join("beta", Part.READER, "beta_contact")
    return made


class Reader:
    """The peer, which remembers the manifest that it read last."""

    def __init__(self, python: Path, url: str, secret: str, folder: Path) -> None:
        self.python, self.url, self.secret, self.known = python, url, secret, folder / "manifest.json"

    def read(self) -> dict[str, Any]:
        done = subprocess.run(
            [self.python, "-W", "ignore", READER, self.url, *([self.known] if self.known.exists() else [])],
            env={**os.environ, "KEY": self.secret, "PYTHONPATH": ""},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        self.known.write_text(json.dumps(found["manifest"]))
        return found


@pytest.fixture
def secret(served: Exchange) -> str:
    return directory.give_api_key(organisation=served.hub.organisations["beta"], name="tests", actor=ACTOR)[1]


@pytest.fixture
def reader(python: Path, secret: str, live_server: LiveServer, tmp_path: Path) -> Reader:
    return Reader(python, f"{live_server.url}/exchange/misp/pool", secret, tmp_path)


def share_all(served: Exchange) -> dict[SignalKind, Signal]:
    appeal = "https://alpha.example/appeal"
    return {
        kind: served.share(
            by="alpha", kind=kind, value=value, tlp=Tlp.GREEN, appeal_url=appeal, lasts=timedelta(days=30)
        )[0]
        for kind, value in VALUES.items()
    }


def test_pymisp_loads_every_kind_and_agrees_with_the_manifest_and_the_hashes(served: Exchange, reader: Reader) -> None:
    with at(moment.now() - timedelta(minutes=1)):  # the second that still runs is told as the one before
        made = share_all(served)
    found = reader.read()
    ((uuid, event),) = found["events"].items()
    assert event["errors"] == []
    assert event["objects"] == ["user-account"]
    for kind, signal in made.items():
        if kind is SignalKind.ACCOUNT:
            continue
        told = event["attributes"][as_version_4(signal.pk)]
        assert (told["value"], told["deleted"]) == (VALUES[kind], False)
        assert {"tlp:green", f'online-harms:harm="{HARM}"', f'online-harms:signal="{kind}"'} <= set(told["tags"])
    assert len(event["attributes"]) == len(VALUES) + 1
    theirs, ours = event["manifest"][uuid], found["manifest"][uuid]
    for key in ("Orgc", "info", "date"):
        assert theirs[key] == ours[key]
    assert str(theirs["timestamp"]) == ours["timestamp"]
    assert [tag["name"] for tag in theirs["Tag"]] == [tag["name"] for tag in ours["Tag"]] == ["tlp:amber"]
    assert sorted(found["hashes"]) == sorted([digest, uuid] for digest in event["hashes"])


def test_misp_stix_converts_an_event_to_stix_and_back(served: Exchange, reader: Reader) -> None:
    made = share_all(served)
    ((_uuid, event),) = reader.read()["events"].items()
    back = event["back"]
    for kind, signal in made.items():
        if kind is not SignalKind.ACCOUNT:
            name = as_version_4(signal.pk)
            assert (back[name]["type"], back[name]["value"]) == (event["attributes"][name]["type"], VALUES[kind])
    patterns = event["indicators"]
    assert set(patterns) == {
        f"indicator--{as_version_4(made[kind].pk)}"
        for kind in (SignalKind.MD5, SignalKind.VIDEO_MD5, SignalKind.SHA256, SignalKind.URL)
    }
    assert patterns[f"indicator--{as_version_4(made[SignalKind.MD5].pk)}"] == f"[file:hashes.MD5 = '{'ab' * 16}']"


def test_a_withdrawal_moves_the_event_and_deletes_the_attribute(served: Exchange, reader: Reader) -> None:
    made = share_all(served)
    time.sleep(1.1)  # MISP counts whole seconds, and the one that runs is told in the next
    before = reader.read()
    assert reader.read()["events"] == {}
    wrong = [made[SignalKind.SHA256], made[SignalKind.ACCOUNT]]
    signals.withdraw(signals=wrong, reason=Reason.APPEAL, actor=ACTOR)
    time.sleep(1.1)
    found = reader.read()
    ((uuid, event),) = found["events"].items()
    assert int(found["manifest"][uuid]["timestamp"]) > int(before["manifest"][uuid]["timestamp"])
    told = event["attributes"][as_version_4(wrong[0].pk)]
    assert (told["deleted"], told["to_ids"]) == (True, False)
    gone = {each["value"] for each in event["attributes"].values() if each["deleted"]}
    assert gone == {VALUES[SignalKind.SHA256], "beta.example", "12345"}
    assert f"indicator--{as_version_4(wrong[0].pk)}" not in event["indicators"]
    assert [digest for digest, _uuid in found["hashes"]] == event["in_use"]
    for each in wrong:
        each.refresh_from_db()
    assert recipients.holders(wrong[0])
    reader.read()
    assert recipients.holders(wrong[0]) == []


def test_it_signs_in_with_a_password_too_and_hears_why_it_is_refused(
    served: Exchange, secret: str, live_server: LiveServer
) -> None:
    def get(sign_in: str, slug: str = "pool") -> tuple[int, str]:
        url = f"{live_server.url}/exchange/misp/{slug}/manifest.json"
        with requests.get(url, headers={"Authorization": sign_in, "Connection": "close"}, timeout=30) as answer:
            return answer.status_code, answer.json().get("error", {}).get("code", "")

    basic = b64encode(f"beta:{secret}".encode()).decode()
    assert get(f"Basic {basic}") == (200, "")
    assert get("Basic wrong") == (401, "key")
    assert get(f"Bearer {secret}", "none") == (404, "community")
