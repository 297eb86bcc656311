"""The demonstration, played with a few of its posts against a real sandbox: to the end, and stopped wherever it may be."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from pytest_django.fixtures import Settings
from tests.hub.demonstration.few import few
from tests.hub.referrals.test_faults import database_url, everybody_agrees
from tests.support.hub import ACTOR, small_hub

from seawall.hub.casework import services as casework
from seawall.hub.casework.models import Case, CaseState, Decision
from seawall.hub.content import services as content
from seawall.hub.content.models import Content, Finding
from seawall.hub.demonstration import cast, play, reviewers, sample
from seawall.hub.ledger.models import Entry
from seawall.hub.ledger.queries import verify
from seawall.hub.oversight import queries as oversight
from seawall.hub.practice.loading import load_code, shipped_codes
from seawall.hub.practice.services import adopt
from seawall.hub.redress.models import Report
from seawall.hub.referrals import pending, reach, services
from seawall.hub.referrals.models import Escalation, PlatformAnswer, Probe, Referral, ReferralState
from seawall.outbound import Outbound
from seawall.sandbox import SandboxProcess

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A few posts only."""
    monkeypatch.setattr(sample, "FULL", sample.posts, raising=False)
    chosen = few()
    monkeypatch.setattr(sample, "posts", lambda: chosen)
    sample.labels.cache_clear()
    yield
    sample.labels.cache_clear()


@pytest.fixture
def stage(short: None, db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A demonstration hub with the code of practice in force."""
    settings.DEMONSTRATION = True
    monkeypatch.setattr(cast, "make_password", lambda _password: "!")
    for folder in shipped_codes().values():
        adopt(code=load_code(folder), actor=ACTOR)


def perform(sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    out = Outbound(allow=sandbox.allow)
    for module in (reach, services):
        monkeypatch.setattr(module, "outbound", lambda: out)
    cast.assemble(addresses=sandbox.control.addresses())
    play.Play(sandbox=sandbox.control, run=play.begin(sandbox=sandbox.control)).play()


def figures() -> dict[str, Any]:
    """Everything that is published, medians included."""
    until = play.Run.objects.get().ends_at
    found: dict[str, Any] = {f"{total.what}, {total.of}": total.count for total in oversight.totals()}
    for card in oversight.scorecards(until=until):
        found |= {f"{card.platform}, {name}": value for name, value in asdict(card).items()}
    return found


def tables_agree() -> None:
    """The figures of the ledger are those of the tables."""
    totals: dict[str, int] = {}
    for total in oversight.totals():
        totals[total.what] = totals.get(total.what, 0) + total.count
    for what, there in (
        ("posts taken in", Content.objects.count()),
        ("cases opened", Case.objects.count()),
        ("cases closed", Case.objects.filter(state=CaseState.CLOSED).count()),
        ("reports received", Report.objects.count()),
        ("referrals prepared", Referral.objects.count()),
    ):
        assert totals.get(what, 0) == there > 0, what
    assert Content.objects.count() == len(sample.posts())
    assert Finding.objects.count() <= Content.objects.count()
    card = oversight.scorecards()[-1]
    answered = Referral.objects.filter(state=ReferralState.ANSWERED)
    final = PlatformAnswer.objects.filter(status="COMPLETED")
    assert (card.referred, card.answered) == (Referral.objects.count(), answered.count())
    assert card.actioned == final.filter(reason_code="ACTIONED").count()
    assert card.escalated == Escalation.objects.values("referral").distinct().count()
    assert Entry.objects.filter(verb="referral.probed").count() == Probe.objects.count()
    assert Entry.objects.filter(verb="case.decided").count() == Decision.objects.count()
    assert pending.unprepared() == []
    assert verify().problem is None


INTERRUPTIONS: list[tuple[Any, str, int, bool]] = [
    # what is called, the how-manyth time, and whether the stop comes after it was done
    (play, "open_cases_for_batch", 2, False),  # between the detector and the queue
    (content, "assess", 3, False),  # between the posts and the detector
    (casework, "claim", 3, True),  # claimed, and not decided yet
    (reviewers, "work", 3, True),  # decided, and not prepared yet
    (casework, "review", 2, True),
    (services, "prepare", 2, True),  # prepared, and not delivered
    (services, "deliver", 2, False),
    (services, "deliver", 2, True),
    (services, "collect", 3, True),  # answered, and not looked at
    (services, "collect", 4, False),
    (services, "probe", 2, True),
    (services, "inform", 1, True),  # written, and not delivered
    (services, "escalate", 1, True),
    (casework, "transfer", 1, True),
    (play.redress, "receive", 1, True),
]


def test_stopped_anywhere_it_ends_as_if_it_had_not_been(
    stage: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SandboxProcess(tmp_path / "through") as sandbox, transaction.atomic():
        perform(sandbox, monkeypatch)
        through = figures()
        tables_agree()
        everybody_agrees(sandbox, list(Referral.objects.all()))
        assert not Entry.objects.filter(demonstration=False, verb__regex=play.PLAYED).exists()
        assert all(referral.document["demonstration"] is True for referral in Referral.objects.all())
        card = oversight.scorecards()[-1]
        assert min(card.answered, card.actioned, card.refused, card.asked, card.escalated, card.confirmed_down) > 0
        run = play.Run.objects.get()
        assert run.finished_at is not None
        transaction.set_rollback(True)

    with SandboxProcess(tmp_path / "stopped") as sandbox:
        for module, name, times, after in INTERRUPTIONS:
            with monkeypatch.context() as patched:
                patched.setattr(module, name, stopping(getattr(module, name), times, after=after))
                with pytest.raises(KeyboardInterrupt):
                    perform(sandbox, monkeypatch)
            assert play.Run.objects.get().finished_at is None
        perform(sandbox, monkeypatch)
        tables_agree()
        everybody_agrees(sandbox, list(Referral.objects.all()))
        stopped = figures()
        assert {name: (stopped.get(name), value) for name, value in through.items() if stopped.get(name) != value} == {}
        assert stopped.keys() == through.keys()


def stopping(work: Callable[..., Any], times: int, *, after: bool) -> Callable[..., Any]:
    """Do as before, until somebody presses Ctrl-C at the how-manyth call."""
    calls = 0

    def do(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == times and not after:
            raise KeyboardInterrupt
        result = work(*args, **kwargs)
        if calls == times:
            raise KeyboardInterrupt
        return result

    return do


# As a program


def demo(home: Path) -> subprocess.Popen[str]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("SEAWALL_", "DATABASE_URL"))
    }
    environment |= {"SEAWALL_HOME": str(home), "DATABASE_URL": database_url(), "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.hub.demonstration.few"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip


@pytest.mark.kill
def test_killed_it_goes_on_from_there(transactional_db: None, short: None, tmp_path: Path, settings: Settings) -> None:
    settings.LEDGER_KEY_FILE = (
        tmp_path / "keys" / "ledger-ed25519.pem"
    )  # the demonstration signs with a key of its own home
    for enough in (120, 320):
        process = demo(tmp_path)
        deadline = time.monotonic() + 120
        while Entry.objects.count() < enough:
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        sandbox_is_gone(tmp_path / "sandbox")
    said, _ = (process := demo(tmp_path)).communicate(timeout=180)
    assert process.returncode == 0, said
    assert "What happened" in said
    tables_agree()
    with SandboxProcess(tmp_path / "sandbox") as sandbox:
        everybody_agrees(sandbox, list(Referral.objects.exclude(state=ReferralState.QUEUED)))
    again, _ = (process := demo(tmp_path)).communicate(timeout=120)  # finished: it plays nothing again
    assert process.returncode == 0
    assert again.partition("What happened")[2] == said.partition("What happened")[2]


def sandbox_is_gone(folder: Path) -> None:
    """It watches a pipe of its parent; wait until its port is free for the next one."""
    port = int(json.loads((folder / "ready.json").read_text())["port"])
    for _ in range(1_000):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            return
        time.sleep(0.01)
    raise AssertionError(f"something still listens on port {port}")


def test_a_hub_with_real_cases_is_not_played_on(transactional_db: None, tmp_path: Path) -> None:
    small_hub().case()
    before = Entry.objects.count()
    said, _ = (process := demo(tmp_path)).communicate(timeout=60)
    assert process.returncode == 1
    assert "This hub holds real cases" in " ".join(said.split())
    assert "SEAWALL_HOME" in said
    assert Entry.objects.count() == before
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM demonstration_run")
        assert cursor.fetchone() == (0,)
