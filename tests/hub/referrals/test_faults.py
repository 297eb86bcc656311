"""Many referrals to a sandbox that really fails, and workers that are killed: none lost, none doubled, every clock right."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.db import connection
from pytest_django.fixtures import Settings
from tests.hub.referrals.conftest import BEGIN, at
from tests.support.hub import ACTOR, SmallHub, small_hub

from seawall import channels
from seawall.channels import HttpChannel
from seawall.clock import EventKind
from seawall.hub.casework import services as casework
from seawall.hub.casework.models import Origin
from seawall.hub.content import services as content
from seawall.hub.directory import services as directory
from seawall.hub.directory.models import OrganisationKind
from seawall.hub.ledger.models import Entry
from seawall.hub.ledger.queries import verify
from seawall.hub.ledger.services import link_all_pending
from seawall.hub.oversight.courses import courses
from seawall.hub.referrals import answers, services
from seawall.hub.referrals.models import Checkpoint, ClockEvent, Referral, ReferralState
from seawall.outbound import Outbound
from seawall.sandbox import PROFILES, SandboxProcess

COUNT = 60


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[SandboxProcess]:
    with SandboxProcess(tmp_path / "sandbox") as running:
        yield running


def refer_to(hub: SmallHub, sandbox: SandboxProcess, count: int) -> list[Referral]:
    """Put posts up on the sandbox's platforms, find them, decide them and prepare their referrals."""
    for slug, address in sandbox.control.addresses().items():
        organisation = directory.register_organisation(
            slug=slug, name=slug.capitalize(), kind=OrganisationKind.PLATFORM, state_body=False, actor=ACTOR
        )
        hub.platforms[slug] = directory.register_platform(
            organisation=organisation, slug=slug, name=slug.capitalize(), actor=ACTOR
        )
        directory.set_route(
            platform=hub.platforms[slug], channel="http", endpoint=address.endpoint, public_key=address.public_key, token=address.token,
            actor=ACTOR,
        )  # fmt: skip
    made = []
    form = hub.referral_form(on_terms=False)
    before = (BEGIN - timedelta(days=1)).isoformat()
    posts = [
        {"platform": slug, "native_id": f"post-{number}", "text": f"Words {number}.", "account": "x", "posted_at": before}
        for number in range(count)
        for slug in [list(PROFILES)[number % len(PROFILES)]]
    ]  # fmt: skip
    sandbox.control.seed(posts)
    for post in posts:
        found = content.take_in_one(
            platform=hub.platforms[post["platform"]], native_id=post["native_id"], text=post["text"],
            url=sandbox.control.post_url(post["platform"], post["native_id"]), account=None, posted_at=None,
            desk=hub.desks["general"], source="test", actor=ACTOR,
        )  # fmt: skip
        case, _ = casework.open_case(content=found, harm="abuse-harassment", origin=Origin.PERSON, actor=ACTOR)
        casework.claim(case=case, person=hub.people["analyst"])
        decision = casework.decide(case=case, person=hub.people["analyst"], form=form)
        made.append(services.prepare(decision_id=decision.pk))
    return made


def told_by(sandbox: SandboxProcess, sql: str) -> list[sqlite3.Row]:
    """What the sandbox itself has written down."""
    with closing(sqlite3.connect(sandbox.state / "sandbox.sqlite3")) as database:
        database.row_factory = sqlite3.Row
        return database.execute(sql).fetchall()


def when(text: str) -> datetime:
    return datetime.fromisoformat(text)


def everybody_agrees(sandbox: SandboxProcess, referrals: list[Referral]) -> None:
    """The referrals' rows, the clocks' starts, the ledger and the platforms tell of the same receipts, each once."""
    theirs = {row["referral_id"]: row for row in told_by(sandbox, "SELECT * FROM referral")}
    assert set(theirs) == {str(referral.pk) for referral in referrals}
    assert sum(platform["referrals"] for platform in sandbox.control.state()["platforms"].values()) == len(referrals)
    said = {entry.subject_id: entry.payload for entry in Entry.objects.filter(verb="referral.received")}
    assert Entry.objects.filter(verb="referral.received").count() == len(said) == len(referrals)
    for referral in Referral.objects.all():
        their = theirs[str(referral.pk)]
        assert (referral.platform_reference, referral.received_at) == (their["reference"], when(their["received_at"]))
        assert (their["idempotency_key"], their["body_sha256"]) == (str(referral.pk), referral.document_sha256)
        assert when(said[str(referral.pk)]["received_at"]) == referral.received_at
        starts = ClockEvent.objects.filter(referral=referral, kind=EventKind.STARTED)
        assert [start.at for start in starts] == [referral.received_at]
    link_all_pending()
    assert verify().problem is None


@pytest.fixture
def impatient(sandbox: SandboxProcess, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call is tried once and waits a quarter of a second, so that each fault reaches the services, and a wrong receipt a person."""
    monkeypatch.setattr(services, "RECEIPT_TRIES", 1)
    out = Outbound(allow=sandbox.allow, timeout=0.25)
    for module in (services, answers):
        monkeypatch.setattr(module, "channel_of", lambda _referral: HttpChannel(out, attempts=1))
    monkeypatch.setattr(services, "outbound", lambda: out)


def patiently(work: Any, *, tries: int = 12, **arguments: Any) -> int:
    """Do it again and again as the queue would; how often it failed."""
    for failed in range(tries):
        try:
            work(**arguments)
        except channels.ChannelError:
            continue
        return failed
    raise AssertionError(f"{work.__name__} failed {tries} times")


@pytest.mark.core
@pytest.mark.usefixtures("impatient")
def test_faults_lose_nothing_double_nothing_and_move_no_clock(hub: SmallHub, sandbox: SandboxProcess) -> None:
    sandbox.control.set_clock(BEGIN)
    with at():
        referrals = refer_to(hub, sandbox, 100)
    sandbox.control.set_faults(
        0.2,
        ["500", "429", "timeout", "cut", "duplicate", "wrong_receipt", "wrong_text", "bad_signature"],
        delay_seconds=0.4,
    )
    failures = by_hand = 0
    for number, referral in enumerate(referrals):
        now = timedelta(seconds=20 * number)
        sandbox.control.set_clock(BEGIN + now)
        with at(seconds=now.total_seconds()):
            while Referral.objects.get(pk=referral.pk).state != ReferralState.AWAITING:
                failures += patiently(services.deliver, referral_id=referral.pk)
                if Referral.objects.get(pk=referral.pk).state == ReferralState.FAILED:
                    by_hand += 1
                    assert by_hand < 50, referral.problem
                    services.redeliver(referral=referral, person=hub.people["analyst"])
    assert failures
    assert by_hand
    everybody_agrees(sandbox, referrals)

    for hours in (1, 2, 4, 8, 16, 24, 48, 96, 192, 240):
        sandbox.control.set_clock(BEGIN + timedelta(hours=hours))
        with at(hours=hours):
            for referral in Referral.objects.filter(state__in=[ReferralState.AWAITING, ReferralState.ASKED]):
                patiently(services.collect, referral_id=referral.pk)
                referral.refresh_from_db()
                if referral.state == ReferralState.ASKED:
                    given = services.inform(
                        referral=referral, person=hub.people["analyst"], text="The words of the first line."
                    )
                    patiently(services.deliver_information, information_id=given.pk)
    sandbox.control.set_faults(0)
    end = BEGIN + timedelta(hours=240)
    everybody_agrees(sandbox, referrals)
    clocks_agree(sandbox, end)
    pages_agree(sandbox)


def clocks_agree(sandbox: SandboxProcess, end: datetime) -> None:
    """Every clock is what the platform's own record makes of it: from its receipt, without the time it waited for us, to its decision."""
    course_of = {course.referral: course for course in courses(since=BEGIN, until=end + timedelta(days=1))}
    kinds = set()
    for referral in Referral.objects.all():
        where = f"WHERE reference = '{referral.platform_reference}'"
        theirs = told_by(sandbox, f"SELECT * FROM answer {where} ORDER BY number")
        final = next((row for row in theirs if '"COMPLETED"' in row["body"]), None)
        asked = next((row for row in theirs if row["reason_code"] == "NEED_MORE_INFORMATION"), None)
        informed = told_by(sandbox, f"SELECT * FROM information {where}")
        ours = list(referral.answers.order_by("id").values_list("answer_id", flat=True))
        assert ours == [row["answer_id"] for row in theirs]
        stop = when(final["at"]) if final else end
        assert referral.received_at is not None
        used = stop - referral.received_at
        if asked is not None:
            used -= when(informed[0]["received_at"]) - when(asked["at"])
        assert referral.clock().elapsed(end) == course_of[str(referral.pk)].used(end) == used
        assert referral.answered_at == (when(final["at"]) if final else None)
        kinds.add("silent" if not theirs else "asked" if asked else "answered")
    assert kinds == {"silent", "asked", "answered"}


def pages_agree(sandbox: SandboxProcess) -> None:
    """A look at every post sees what the platform did with it."""
    state_of = {row["native_id"]: row["state"] for row in told_by(sandbox, "SELECT * FROM post")}
    with at(hours=240):
        for referral in Referral.objects.select_related("case__content"):
            seen = services.probe(referral_id=referral.pk, checkpoint=Checkpoint.ON_DEMAND)
            assert seen is not None
            assert seen.state == state_of[referral.case.content.native_id]
    assert set(state_of.values()) == {"up", "removed", "restricted"}


# Killed workers


def database_url() -> str:
    """The test's own database, for another process."""
    named = connection.settings_dict
    query = urlencode({"host": named["HOST"], **({"port": named["PORT"]} if named["PORT"] else {})})
    who = quote(named["USER"], safe="") + (f":{quote(named['PASSWORD'], safe='')}" if named["PASSWORD"] else "")
    return f"postgresql://{who}@/{named['NAME']}?{query}"


def worker(home: Path, sandbox: SandboxProcess) -> subprocess.Popen[bytes]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("SEAWALL_", "DATABASE_URL"))
    }
    environment |= {
        "SEAWALL_HOME": str(home),
        "DATABASE_URL": database_url(),
        "SEAWALL_OUTBOUND_ALLOW": ",".join(sandbox.allow),
    }
    with (home / "worker.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "seawall", "worker", "--concurrency", "4"],
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def wait_until(true: Any, *, process: subprocess.Popen[bytes], log: Path, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.01)


@pytest.mark.kill
def test_killed_workers_lose_nothing_and_double_nothing(
    transactional_db: None, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    referrals = refer_to(small_hub(), sandbox, COUNT)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs WHERE task_name <> 'referrals.deliver'")
    sandbox.control.set_faults(
        1, ["timeout"], delay_seconds=0.3
    )  # every receipt is under way for a while: kills fall in between
    chance, log = random.Random(7), tmp_path / "worker.log"

    def received() -> int:
        return int(told_by(sandbox, "SELECT count(*) AS n FROM referral")[0]["n"])

    kills, between = 0, 0
    while kills < 10 and received() < COUNT - 4:
        process = worker(tmp_path, sandbox)
        enough = received() + chance.randint(1, 6)
        try:
            wait_until(lambda enough=enough: received() >= min(enough, COUNT), process=process, log=log)
            time.sleep(chance.random() * 0.3)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        kills += 1
        between += received() - Referral.objects.filter(state=ReferralState.AWAITING).count()
        with connection.cursor() as cursor:  # rather than wait a minute until the dead worker counts as dead
            cursor.execute("UPDATE procrastinate_workers SET last_heartbeat = last_heartbeat - interval '5 minutes'")
    assert kills >= 5
    assert between  # some were killed between the platform's receipt and our commit
    sandbox.control.set_faults(0)
    process = worker(tmp_path, sandbox)
    try:
        wait_until(
            lambda: not Referral.objects.exclude(state__in=[ReferralState.AWAITING, ReferralState.ANSWERED]).exists(),
            process=process,
            log=log,
        )
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    everybody_agrees(sandbox, referrals)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_workers SET last_heartbeat = last_heartbeat - interval '5 minutes'")
        cursor.execute(
            "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'referrals.deliver' AND status = 'failed'"
        )
        assert cursor.fetchone() == (0,)
