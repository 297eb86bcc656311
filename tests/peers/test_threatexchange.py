"""The hub as a hash exchange for the stock `threatexchange` client, alone and with the extension that honours withdrawals."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer
from tests.hub.exchange.conftest import HARM, Exchange, another_platform
from tests.peers.support import peer_folder, run_command
from tests.support.hub import ACTOR, small_hub

from seawall.hub import moment
from seawall.hub.directory import services as directory
from seawall.hub.exchange import communities, recipients, signals
from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.models import Opinion, OpinionKind, Part, Reason, Recipient, Signal, Surface, Tlp

pytestmark = pytest.mark.django_db(transaction=True)

EXTENSION = Path(__file__).parents[2] / "clients" / "threatexchange"
PINNED = {"threatexchange": "1.2.17", "faiss-cpu": "1.15.1", "pillow": "13.0.0"}
COLLAB = "pool"
KNOWN = "f0" * 32
NEAR = "f1" + "f0" * 31
"""One bit from KNOWN."""
FAR = "0f" * 32
OTHERS = (FAR, "33" * 32, "a5" * 32)

_FEEDBACK = """
import sys
from threatexchange.exchanges.clients.stopncii.api import *
key, url, value = sys.argv[1:]
api = StopNCIIAPI(key, "main", {StopNCIIEndpoint.SubmitFeedback: "main"}, base_url_override=url)
api.submit_feedback(StopNCIISignalType.ImagePDQ, value, StopNCIICSPFeedbackValue.NotBlocked, {"disagree"})
"""


@pytest.fixture(scope="module")
def programs() -> Path:
    """The ``bin`` of an environment with the client; the extension is installed anew each time, from this working copy."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    quiet = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]

    def install(folder: Path) -> None:
        run_command([sys.executable, "-m", "venv", "venv"], folder=folder)
        wanted = [f"{name}=={version}" for name, version in PINNED.items()]
        run_command(["venv/bin/python", *quiet, *wanted], folder=folder)

    return peer_folder("threatexchange", pinned={**PINNED, "python": python}, install=install) / "venv/bin"


@pytest.fixture(scope="module")
def extended(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the extension is installed by pip, from a copy of its source."""
    source, target = tmp_path_factory.mktemp("source") / "extension", tmp_path_factory.mktemp("extension")
    shutil.copytree(EXTENSION, source, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    wanted = ["--quiet", "--disable-pip-version-check", "--no-deps", "--target", str(target), str(source)]
    run_command([str(programs / "python"), "-m", "pip", "install", *wanted], folder=source)
    return target


class Tx:
    """The client's command, with a home of its own."""

    def __init__(self, programs: Path, home: Path, environment: dict[str, str]) -> None:
        self.programs, self.home, self.environment = programs, home, environment
        self.picture = home / "asked.pdq"

    def run(self, *arguments: str, expected: int = 0) -> str:
        """Run it and return both streams; fails for another exit status than `expected`."""
        done = subprocess.run(
            [str(self.programs / "threatexchange"), *arguments],
            cwd=self.home,
            env={"PATH": os.environ["PATH"], "HOME": str(self.home), **self.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == expected, done.stdout + done.stderr
        return done.stdout if expected == 0 else done.stdout + done.stderr

    def match(self, value: str) -> str:
        self.picture.write_text(value)
        return self.run("match", "--only-signal", "pdq", "--hashes", "photo", str(self.picture))


@pytest.fixture
def served(transactional_db: None, live_server: LiveServer) -> Exchange:
    """A community in a hub that listens; alpha reads, the hub writes."""
    hub = small_hub()
    community = communities.found(
        person=hub.people["administrator"],
        operator=hub.organisations["hub"],
        slug="pool",
        name="The pool",
        purpose="So that it does not come back.",
        harms=[HARM],
        kinds=[SignalKind.PDQ, SignalKind.VIDEO_MD5, SignalKind.URL, SignalKind.TEXT, SignalKind.SHA256],
        tlp_ceiling=Tlp.AMBER,
        retention=timedelta(days=365),
        agreement="We act on withdrawals.",
    )
    made = Exchange(hub=hub, community=community)
    made.join("hub", Part.WRITER, "administrator")
    made.join("alpha", Part.READER, "alpha_contact")
    return made


@pytest.fixture
def known(served: Exchange) -> Signal:
    """A hash that is shared, among others that are far from it: the client's index of a single hash matches nothing."""
    (signal,) = served.share(kind=SignalKind.PDQ, value=KNOWN)
    for other in OTHERS:
        served.share(kind=SignalKind.PDQ, value=other)
    served.share()
    return signal


@pytest.fixture
def secret(served: Exchange) -> str:
    return directory.give_api_key(organisation=served.hub.organisations["alpha"], name="tests", actor=ACTOR)[1]


@pytest.fixture
def url(live_server: LiveServer) -> str:
    return f"{live_server.url}/exchange/hashes/pool/v1"


@pytest.fixture
def stock(programs: Path, tmp_path: Path, secret: str, url: str) -> Tx:
    """The client as it is, configured for the community."""
    made = Tx(programs, tmp_path, {"TX_STOPNCII_KEYS": f"main,{secret},{url}"})
    made.run("config", "collab", "edit", "stop_ncii", "--create", COLLAB)
    return made


@pytest.fixture
def ours(programs: Path, extended: Path, tmp_path: Path, secret: str, url: str) -> Tx:
    """The client with the extension."""
    made = Tx(programs, tmp_path, {"SEAWALL_HUB_KEY": secret, "PYTHONPATH": str(extended)})
    made.run("config", "extensions", "add", "seawall_threatexchange")
    made.run("config", "collab", "edit", "seawall", "--create", COLLAB, "--url", url)
    return made


Later = Callable[[], None]


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    """Moves the hub's clock on by a minute, so that checkpoints are of different seconds."""
    begun = moment.now()
    minutes = iter(range(1, 100))

    def move() -> None:
        when = begun + timedelta(minutes=next(minutes))
        monkeypatch.setattr(moment, "now", lambda: when)

    return move


def withdraw(signal: Signal) -> Signal:
    signals.withdraw(signals=[signal], reason=Reason.MISTAKE, actor=ACTOR)
    signal.refresh_from_db()
    return signal


def test_the_stock_client_fetches_and_matches_one_bit_off(known: Signal, stock: Tx) -> None:
    stock.run("fetch")
    assert stock.match(NEAR).split()[:3] == ["pdq", "1", f"({COLLAB})"]
    assert stock.match(KNOWN).split()[1] == "0"
    assert "+pool" in stock.match(KNOWN)
    assert stock.match("cc" * 32) == ""
    place = Recipient.objects.get(surface=Surface.THREATEXCHANGE)
    assert (place.name, place.member.organisation.slug) == ("main", "alpha")


def test_the_stock_client_reads_three_pages_of_every_kind_it_knows(served: Exchange, stock: Tx) -> None:
    served.share(kind=SignalKind.URL, value="https://a.example/it?x=1")
    served.share(kind=SignalKind.TEXT, value="Some words, 'quoted'")
    drafts = [served.draft(kind=SignalKind.VIDEO_MD5, value=f"{number:032x}") for number in range(1_700)]
    signals.share_many(
        community=served.community, organisation=served.hub.organisations["hub"], drafts=drafts, actor=ACTOR
    )
    stock.run("fetch")
    counts = stock.run("dataset", "--signal-summary").split("\n")
    assert {line.strip() for line in counts if line.strip()} == {"video_md5: 1700", "url: 1", "raw_text: 1"}
    assert stock.run("match", "url", "--", "https://a.example/it?x=1") != ""


def test_a_withdrawal_leaves_the_stock_client_when_it_begins_anew(known: Signal, stock: Tx, later: Later) -> None:
    stock.run("fetch")
    later()
    withdraw(known)
    stock.run("fetch")
    assert "-pool" in stock.match(NEAR), "it says at least that the signal is disputed"
    assert [place.name for place in recipients.holders(known)] == ["main"]
    stock.run("fetch", "--clear")
    stock.run("fetch")
    assert stock.match(NEAR) == ""
    assert stock.match(FAR) != ""
    assert recipients.holders(known) == []


class StillMatches(Exception):
    """The client still matches what was withdrawn."""


@pytest.mark.xfail(
    strict=True, raises=StillMatches, reason="threatexchange 1.2.17 compares hashValue with Withdrawn, not hashStatus"
)
def test_the_stock_client_honours_a_withdrawal(known: Signal, stock: Tx, later: Later) -> None:
    stock.run("fetch")
    later()
    withdraw(known)
    stock.run("fetch")
    if stock.match(NEAR):
        raise StillMatches


def test_with_the_extension_a_withdrawal_lands_and_is_confirmed(known: Signal, ours: Tx, later: Later) -> None:
    ours.run("fetch")
    assert ours.match(NEAR).split()[:3] == ["pdq", "1", f"({COLLAB})"]
    later()
    withdraw(known)
    ours.run("fetch")
    assert ours.match(NEAR) == ""
    assert ours.match(FAR) != ""
    assert [place.name for place in recipients.holders(known)] == ["threatexchange"]
    ours.run("fetch")
    assert recipients.holders(known) == []


def test_with_the_extension_a_disputed_signal_goes_and_comes_back(
    served: Exchange, known: Signal, ours: Tx, later: Later
) -> None:
    another_platform(served.hub, "gamma")
    served.join("beta", Part.WRITER, "beta_contact")
    served.join("gamma", Part.READER, "gamma_contact")
    (shared,) = served.share(kind=SignalKind.PDQ, value="cc" * 32, by="beta")
    ours.run("fetch")
    assert ours.match(shared.value) != ""
    later()
    for name in ("alpha", "gamma"):
        signals.give_opinion(
            signal=shared, organisation=served.hub.organisations[name], opinion=OpinionKind.DISAGREE, actor=ACTOR
        )
    ours.run("fetch")
    assert ours.match(shared.value) == ""
    later()
    shared.refresh_from_db()
    signals.settle(signal=shared, person=served.hub.people["administrator"], stands=True, reasons="It is what it says.")
    ours.run("fetch")
    assert ours.match(shared.value) != ""


def test_the_client_says_that_it_could_not_fetch(known: Signal, stock: Tx, secret: str, url: str) -> None:
    for key, where in (("swk_wrong", url), (secret, url.replace("pool", "none"))):
        stock.environment["TX_STOPNCII_KEYS"] = f"main,{key},{where}"
        assert "failed to fetch" in stock.run("fetch", expected=3)


def test_feedback_of_the_stock_client_is_an_opinion(known: Signal, stock: Tx, secret: str, url: str) -> None:
    run_command([str(stock.programs / "python"), "-c", _FEEDBACK, secret, url, KNOWN], folder=stock.home)
    kept = Opinion.objects.get()
    assert (kept.signal_id, kept.organisation.slug, kept.opinion) == (known.pk, "alpha", "disagree")
