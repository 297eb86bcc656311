"""Background work: a job exists exactly when its change was committed, is tried again, and outlives its worker."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, transaction
from procrastinate import exceptions
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.jobs import Job
from tests.commands.conftest import Installation, install, pattern

import seawall.hub
from seawall.commands.worker import on_a_sound_connection, work
from seawall.hub import jobs, moment
from seawall.hub.ledger.tasks import requeue_stalled

__all__ = ["install", "pattern"]

pytestmark = pytest.mark.django_db

NAME = "content.assess_batch"
OURS = ("content", "casework", "exchange", "ledger", "notices", "referrals")


def waiting() -> list[dict[str, Any]]:
    return list(ProcrastinateJob.objects.order_by("id").values_list("args", flat=True))


def mark(status: str, batch_id: str) -> None:
    """Set a job's status as a worker would."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE procrastinate_jobs SET status = %s::procrastinate_job_status WHERE args->>'batch_id' = %s",
            [status, batch_id],
        )
        assert cursor.rowcount == 1


def sooner(batch_id: str, *, attempts: int) -> None:
    """Make a job due now, as if it had been tried so many times."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE procrastinate_jobs SET scheduled_at = NULL, attempts = %s WHERE args->>'batch_id' = %s",
            [attempts, batch_id],
        )


@pytest.mark.core
@pytest.mark.django_db(transaction=True)
class TestQueueing:
    def test_a_job_is_there_when_its_change_is_committed(self) -> None:
        with transaction.atomic():
            jobs.defer(NAME, batch_id="b1")
        job = ProcrastinateJob.objects.get()
        assert (job.task_name, job.queue_name, job.args, job.status) == (NAME, "detect", {"batch_id": "b1"}, "todo")

    def test_a_change_that_is_rolled_back_takes_its_job_with_it(self) -> None:
        with transaction.atomic():
            jobs.defer(NAME, batch_id="b1")
            transaction.set_rollback(True)
        assert waiting() == []

    def test_a_key_that_waits_already_is_queued_once_and_spoils_nothing(self) -> None:
        with transaction.atomic():
            jobs.defer(NAME, once="k", batch_id="b1")
            jobs.defer(NAME, once="k", batch_id="b2")
            jobs.defer(NAME, once="other", batch_id="b3")
        assert waiting() == [{"batch_id": "b1"}, {"batch_id": "b3"}]
        with transaction.atomic():
            jobs.defer(NAME, batch_id="b4")
            jobs.defer(NAME, once="k", batch_id="b5")
        assert waiting() == [{"batch_id": "b1"}, {"batch_id": "b3"}, {"batch_id": "b4"}]

    def test_a_key_is_free_again_once_its_job_runs(self) -> None:
        jobs.defer(NAME, once="k", batch_id="b1")
        mark("doing", "b1")
        jobs.defer(NAME, once="k", batch_id="b2")
        assert len(waiting()) == 2

    def test_a_job_can_be_for_later(self) -> None:
        before = datetime.now(UTC)
        jobs.defer(NAME, in_seconds=90, batch_id="b1")
        scheduled = ProcrastinateJob.objects.get().scheduled_at
        assert scheduled is not None
        assert timedelta(seconds=89) <= scheduled - before <= timedelta(seconds=120)

    def test_a_demonstration_queues_nothing_while_it_plays(self) -> None:
        with moment.demonstration_at(datetime(2026, 1, 1, tzinfo=UTC)):
            jobs.defer(NAME, batch_id="b1")
        assert waiting() == []

    def test_an_unknown_name_is_told_in_a_sentence(self) -> None:
        with pytest.raises(exceptions.TaskNotFound) as refused:
            jobs.defer("content.nothing", batch_id="b1")
        assert str(refused.value) == (
            "No background task is called content.nothing. Look at the `name=` of the tasks in hub/*/tasks.py."
        )

    def test_many_are_queued_at_once_or_none(self) -> None:
        with transaction.atomic():
            jobs.defer_many(NAME, [{"batch_id": f"b{number}"} for number in range(3)])
            jobs.defer_many(NAME, [])
        assert waiting() == [{"batch_id": "b0"}, {"batch_id": "b1"}, {"batch_id": "b2"}]
        with moment.demonstration_at(datetime(2026, 1, 1, tzinfo=UTC)):
            jobs.defer_many(NAME, [{"batch_id": "b3"}])
        assert len(waiting()) == 3
        with pytest.raises(exceptions.TaskNotFound):
            jobs.defer_many("content.nothing", [{"batch_id": "b4"}])

    def test_what_waits_or_runs_is_known_by_its_arguments(self) -> None:
        for number in range(3):
            jobs.defer(NAME, batch_id=f"b{number}")
        mark("doing", "b1")
        mark("failed", "b2")
        assert jobs.alive(NAME, "batch_id") == {"b0", "b1"}

    def test_a_failing_job_waits_longer_each_time_and_then_rests(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The real worker; instead of waiting for the clock, each retry is brought forward."""
        tried: list[str] = []

        def fail(batch_id: str) -> None:
            tried.append(batch_id)
            raise RuntimeError("a passing fault")

        monkeypatch.setattr(app.tasks[NAME], "func", fail)
        jobs.defer(NAME, batch_id="b1")
        ours = ProcrastinateJob.objects.filter(task_name=NAME)
        waits = []
        for expected in (1, 2, 3):
            before = datetime.now(UTC)
            work(concurrency=1, wait=False)
            job = ours.get()
            assert (job.status, job.attempts, len(tried)) == ("todo", expected, expected)
            assert job.scheduled_at is not None
            waits.append((job.scheduled_at - before).total_seconds())
            sooner("b1", attempts=expected)
        assert waits == sorted(waits)
        assert waits[2] > waits[0] + 2
        sooner("b1", attempts=8)
        work(concurrency=1, wait=False)
        assert ours.get().status == "failed", "it stays, for somebody to look at: see `seawall check`"
        # One thread, which queues what the clock brings, ends with this process only, and its session with it.
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
            assert len(cursor.fetchall()) <= 1, "the others have closed theirs"


@pytest.mark.core
@pytest.mark.django_db(transaction=True)
def test_a_job_whose_like_was_queued_meanwhile_is_put_away_and_keeps_no_worker_from_starting() -> None:
    """Only one job of a key may wait: the one that a dead worker left behind cannot go back beside it."""
    jobs.defer(NAME, once="k", batch_id="left")
    mark("doing", "left")
    jobs.defer(NAME, once="k", batch_id="new")
    jobs.defer(NAME, batch_id="other")
    mark("doing", "other")

    async def requeue() -> int:
        background = app.with_connector(app.connector.get_worker_connector())  # type: ignore[attr-defined]  # Django's has it
        async with background.open_async():
            return await requeue_stalled(background)

    assert asyncio.run(requeue()) == 2
    left = ProcrastinateJob.objects.order_by("id").values_list("args__batch_id", "status")
    assert list(left) == [("new", "todo"), ("other", "todo")]


@pytest.mark.django_db(transaction=True)
def test_a_job_runs_on_a_connection_that_works_although_its_threads_was_broken_off() -> None:
    def session() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            return int(cursor.fetchone()[0])

    with ThreadPoolExecutor(1) as thread:
        before = thread.submit(session).result()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [before])
        with pytest.raises(OperationalError):
            thread.submit(session).result()
        try:
            assert thread.submit(on_a_sound_connection, session, None, None).result() != before
        finally:
            thread.submit(lambda: connection.close()).result()


def test_every_name_that_is_queued_by_name_is_a_task() -> None:
    """Content hands over to casework and casework to referrals by name: a typing error there would be found here."""
    called = set()
    for source in Path(seawall.hub.__file__).parent.rglob("*.py"):
        called |= set(re.findall(r'\bdefer\(\s*"([a-z_.]+)"', source.read_text()))
    assert {"content.assess_batch", "casework.open_cases", "referrals.prepare", "referrals.deliver"} <= called
    assert called <= set(app.tasks)


def test_every_task_that_can_fail_for_a_while_is_tried_again_ever_later() -> None:
    patient = {name: task.retry_strategy for name, task in app.tasks.items() if task.retry_strategy is not None}
    ours = {name for name in app.tasks if name.partition(".")[0] in OURS}
    assert ours <= set(patient), "one that was broken off once must not count as failed for good"
    error = RuntimeError("a passing fault")
    for name, strategy in patient.items():
        waits: list[float] = []
        for attempts in range(200):
            decision = strategy.get_retry_decision(exception=error, job=_job(attempts))
            if decision is None:
                break
            assert decision.retry_at is not None
            waits.append(round((decision.retry_at - datetime.now(UTC)).total_seconds()))
        assert 2 <= len(waits) < 200, name
        assert waits == sorted(waits), name
        assert waits[-1] > waits[0] + 2, name


def _job(attempts: int) -> Any:
    return Job(
        id=1, queue="q", lock=None, queueing_lock=None, task_name="t", task_kwargs={}, attempts=attempts
    )  # fmt: skip


@pytest.mark.kill
class TestWorkers:
    """Real workers, in processes of their own, on a database of their own."""

    @pytest.fixture
    def home(self, install: Callable[..., Installation], pattern: str) -> Installation:
        return install(pattern)

    def until(
        self, home: Installation, query: str, expected: list[tuple[Any, ...]], worker: subprocess.Popen[str]
    ) -> None:
        deadline = time.monotonic() + 40
        while (found := home.sql(query)) != expected:
            assert worker.poll() is None, worker.communicate()
            assert time.monotonic() < deadline, found
            time.sleep(0.05)

    def stop(self, worker: subprocess.Popen[str], how: signal.Signals) -> tuple[str, str]:
        worker.send_signal(how)
        try:
            return worker.communicate(timeout=30)
        finally:
            worker.kill()
            worker.wait()

    def test_a_job_of_a_worker_that_was_killed_is_picked_up_by_the_next(self, home: Installation) -> None:
        """The first worker waits inside its job for a row that we hold, is killed there, and the second does the job."""
        home.run(
            "manage",
            "shell",
            "--no-imports",
            "-c",
            "from tests.support.hub import *; from seawall.hub.content import services as s\n"
            "from seawall.hub.directory.models import *\n"
            "s.take_in_one(platform=Platform.objects.get(slug='alpha'), native_id='n1', text='A quiet day.', url='', account=None,"
            " posted_at=None, desk=Desk.objects.get(slug='general'), source='test', actor=ACTOR)",
        )
        queued = "SELECT status::text, attempts FROM procrastinate_jobs WHERE task_name = 'content.assess_batch'"
        done = "SELECT count(*) FROM content_ingestbatch WHERE assessed_at IS NOT NULL"
        assert home.sql(queued) == [("todo", 0)]
        with psycopg.connect(home.url) as held:
            held.execute("SELECT FROM content_ingestbatch FOR UPDATE")
            first = home.start("worker", SEAWALL_WORKER_DEAD_AFTER="1")
            try:
                self.until(home, queued, [("doing", 0)], first)
                self.until(home, "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted", [(True,)], first)
            finally:
                self.stop(first, signal.SIGKILL)
            assert home.sql(done) == [(0,)]
            assert home.sql(queued) == [("doing", 0)], "nobody has told the queue yet"
        time.sleep(1.2)
        second = home.start("worker", SEAWALL_WORKER_DEAD_AFTER="1")
        try:
            self.until(home, done, [(1,)], second)
            self.until(
                home, "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'content.assess_batch'", [(0,)], second
            )
            self.until(home, "SELECT count(*) FROM ledger_pending", [(0,)], second)
        finally:
            _said, complained = self.stop(second, signal.SIGTERM)
        assert second.returncode == 0, complained
        assert "Traceback" not in complained
        assert home.sql("SELECT count(*) FROM ledger_entry WHERE verb = 'content.batch_assessed'") == [(1,)]
        assert home.sql("SELECT count(*) FROM ledger_link") == home.sql("SELECT count(*) FROM ledger_entry")
