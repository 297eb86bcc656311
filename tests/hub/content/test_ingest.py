"""Taking posts in: once each, edits kept as versions, and a second look at the same file without any effect."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from procrastinate.contrib.django.models import ProcrastinateJob
from psycopg.errors import DeadlockDetected, DiskFull
from tests.support.hub import SmallHub, small_hub

from seawall.hub.content import ingest as module
from seawall.hub.content.ingest import Tally, ingest
from seawall.hub.content.models import Account, Content, IngestBatch, Revision
from seawall.hub.ledger.merkle import merkle_root
from seawall.hub.ledger.models import Entry
from seawall.hub.ledger.services import Actor
from seawall.sources.posts import BadLine, Post

pytestmark = [pytest.mark.core, pytest.mark.django_db]

ACTOR = Actor.machine("ingest")


def post(native_id: str, text: str = "A post.", **more: Any) -> Post:
    given: dict[str, Any] = {
        "url": None,
        "platform": "alpha",
        "account": None,
        "posted_at": None,
        "lang": None,
        "media": (),
        "extra": {},
    }
    return Post(id=native_id, text=text, **(given | more))


def take_in(hub: SmallHub, *items: Post | BadLine, **more: Any) -> Tally:
    return ingest(items=items, source="file:test", desk=hub.desks["general"], actor=ACTOR, **more)


def counts(tally: Tally) -> tuple[int, int, int, int, int]:
    return tally.received, tally.new, tally.revised, tally.unchanged, tally.bad


def everything() -> list[Any]:
    """All rows that taking in could write."""
    tables = (Content, Revision, Account, IngestBatch, Entry, ProcrastinateJob)
    return [list(table.objects.order_by("pk").values()) for table in tables]


def versions(native_id: str) -> list[str]:
    """Every text of a post, first to present."""
    content = Content.objects.get(native_id=native_id)
    texts = [*content.revisions.order_by("version").values_list("text", flat=True), content.text]
    numbers = [*content.revisions.order_by("version").values_list("version", flat=True), content.version]
    assert numbers == list(range(1, len(texts) + 1))
    assert bytes(content.text_sha256) == sha256(content.text.encode()).digest()
    return texts


def test_a_post_is_kept_as_it_came(hub: SmallHub) -> None:
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    whole = post(
        "n1",
        "Text\nof “two” lines \t\\N \\. 🌊",
        url="https://alpha.example/1",
        account="some,body",
        posted_at=at,
        lang="en-GB",
    )
    assert counts(take_in(hub, whole)) == (1, 1, 0, 0, 0)
    kept = Content.objects.select_related("account").get()
    assert (kept.native_id, kept.text, kept.url, kept.posted_at, kept.lang) == (
        whole.id,
        whole.text,
        whole.url,
        at,
        "en-GB",
    )
    assert (kept.account.handle if kept.account else None) == "some,body"
    assert (kept.version, kept.desk, kept.platform) == (1, hub.desks["general"], hub.platforms["alpha"])


def test_the_ledger_counts_the_batch_and_a_job_waits_for_it(hub: SmallHub) -> None:
    take_in(hub, post("n1"), post("n2", platform="beta"), post("n3", "Other."))
    batch = IngestBatch.objects.get()
    entry = Entry.objects.get(verb="content.batch_ingested")
    assert (entry.subject_id, entry.actor_id) == (str(batch.pk), "ingest")
    assert entry.payload == {
        "source": "file",
        "desk": str(hub.desks["general"].pk),
        "received": 3,
        "new": 3,
        "revised": 0,
        "unchanged": 0,
        "by_platform": {"alpha": 2, "beta": 1},
        "merkle_root": bytes(batch.merkle_root).hex(),
    }
    job = ProcrastinateJob.objects.get(task_name="content.assess_batch")
    assert job.args == {"batch_id": str(batch.pk)}


def test_the_batchs_root_can_be_made_again_from_what_is_stored(hub: SmallHub) -> None:
    take_in(hub, *(post(f"n{n}", f"Post {n}") for n in range(7)))
    leaves = [
        sha256(c.platform_id.bytes + sha256(c.native_id.encode()).digest() + bytes(c.text_sha256)).digest()
        for c in sorted(Content.objects.all(), key=lambda c: (c.platform_id, c.native_id))
    ]
    assert bytes(IngestBatch.objects.get().merkle_root) == merkle_root(leaves)


def test_the_same_posts_again_change_no_row_and_record_nothing(hub: SmallHub) -> None:
    posts = [post(f"n{n}", f"Post {n}", account=f"a{n % 3}") for n in range(50)]
    take_in(hub, *posts)
    before = everything()
    assert counts(take_in(hub, *posts)) == (50, 0, 0, 50, 0)
    assert counts(take_in(hub, *reversed(posts))) == (50, 0, 0, 50, 0)
    assert everything() == before


def test_an_edited_post_keeps_its_earlier_version(hub: SmallHub) -> None:
    take_in(hub, post("n1", "One", url="https://alpha.example/1"), post("n2"))
    first = Content.objects.get(native_id="n1")
    assert counts(take_in(hub, post("n1", "Two"), post("n2"))) == (2, 0, 1, 1, 0)
    assert versions("n1") == ["One", "Two"]
    now = Content.objects.get(native_id="n1")
    assert now.url == "https://alpha.example/1", "what the newer version leaves out is kept"
    assert (now.pk, now.first_seen_at) == (first.pk, first.first_seen_at)
    assert now.batch != first.batch
    kept = Revision.objects.get()
    assert (kept.seen_at, kept.replaced_at) == (first.last_seen_at, now.last_seen_at)


def test_an_older_file_read_again_does_not_bring_the_old_text_back(hub: SmallHub) -> None:
    for text in ("One", "Two", "Three"):
        take_in(hub, post("n1", text))
    before = everything()
    for text in ("One", "Two", "Three"):
        assert counts(take_in(hub, post("n1", text))) == (1, 0, 0, 1, 0)
    assert everything() == before
    assert versions("n1") == ["One", "Two", "Three"]


def test_a_post_that_comes_twice_counts_in_both_versions(hub: SmallHub) -> None:
    assert counts(take_in(hub, post("n1", "One"), post("n2"), post("n1", "Two"), post("n1", "Two"))) == (4, 2, 1, 1, 0)
    assert versions("n1") == ["One", "Two"]
    assert counts(take_in(hub, post("n1", "One"), post("n2"), post("n1", "Two"))) == (3, 0, 0, 3, 0)


def test_the_same_id_on_two_platforms_is_two_posts(hub: SmallHub) -> None:
    assert counts(take_in(hub, post("n1", "One"), post("n1", "Other", platform="beta"))) == (2, 2, 0, 0, 0)
    assert IngestBatch.objects.count() == 1


def test_ids_are_told_apart_to_the_letter(hub: SmallHub) -> None:
    names = ["N1", "n1", "n1 ", " n1", "ｎ1", "n\t1", "n\u00e9", "ne\u0301", "💧", "x" * 512]
    assert counts(take_in(hub, *(post(name) for name in names))) == (len(names), len(names), 0, 0, 0)
    assert set(Content.objects.values_list("native_id", flat=True)) == set(names)


def test_accounts_are_one_a_handle_and_platform(hub: SmallHub) -> None:
    take_in(hub, post("n1", account="a"), post("n2", account="a"), post("n3", account="a", platform="beta"), post("n4"))
    take_in(hub, post("n5", account="a"))
    assert Account.objects.count() == 2
    assert Content.objects.filter(account__handle="a", platform__slug="alpha").count() == 3
    assert Content.objects.get(native_id="n4").account is None


def test_what_cannot_be_taken_is_told_in_order_with_its_line_and_the_rest_goes_on(hub: SmallHub) -> None:
    told: list[str] = []
    done = take_in(
        hub,
        post("n1", line=1),
        BadLine(2, "text", "is missing", "give it"),
        post("n2", platform="unheard", line=3),
        post("n3", platform=None, line=4),
        post("n4", line=5),
        on_bad_line=lambda bad: told.append(str(bad)),
    )
    assert counts(done) == (2, 2, 0, 0, 3)
    known = ", ".join(sorted(hub.platforms))
    assert told == [
        "2: text: is missing; give it",
        f"3: platform: “unheard” is not in the directory; name one of these, or pass --platform: {known}",
        f"4: platform: no platform is named; name one of these, or pass --platform: {known}",
    ]
    assert counts(take_in(hub, post("n9", platform=None), default_platform="beta")) == (1, 1, 0, 0, 0)


def test_bad_lines_without_end_are_told_as_they_come_and_not_piled_up(hub: SmallHub) -> None:
    told: list[BadLine] = []

    def endless() -> Iterator[BadLine]:
        for number in range(1, 1_001):
            assert len(told) == number - 1
            yield BadLine(number, None, "is broken", "mend it")

    ingest(items=endless(), source="s", desk=hub.desks["general"], actor=ACTOR, on_bad_line=told.append)
    assert len(told) == 1_000


def test_each_batch_is_a_transaction_of_its_own(hub: SmallHub) -> None:
    seen: list[int] = []
    posts = [post(f"n{n}") for n in range(25)]
    take_in(hub, *posts, batch_size=10, on_batch=lambda tally: seen.append(tally.received))
    assert seen == [10, 20, 25]
    assert list(IngestBatch.objects.order_by("pk").values_list("received", flat=True)) == [10, 10, 5]


def test_a_batch_that_fails_leaves_nothing_of_itself(hub: SmallHub, monkeypatch: pytest.MonkeyPatch) -> None:
    take_in(hub, post("n0"))
    before = everything()

    def refuse(_batch: IngestBatch) -> None:
        raise RuntimeError("the queue is gone")

    monkeypatch.setattr(module, "queue_assessment", refuse)
    with pytest.raises(RuntimeError, match="the queue is gone"):
        take_in(hub, post("n0", "Edited"), post("n1", account="new"))
    assert everything() == before


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    feeds=st.lists(
        st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["x", "y", "z"])), min_size=1, max_size=12),
        min_size=1,
        max_size=4,
    ),
    size=st.integers(1, 5),
)
def test_any_feeds_in_any_batches_end_as_reading_post_by_post_would(
    hub: SmallHub, feeds: list[list[tuple[str, str]]], size: int
) -> None:
    expected: dict[str, list[str]] = {}
    for feed in feeds:
        for name, text in feed:
            history = expected.setdefault(name, [])
            if text not in history:
                history.append(text)
    with transaction.atomic():
        totals = [0, 0]
        for feed in feeds:
            tally = take_in(hub, *(post(name, text) for name, text in feed), batch_size=size)
            totals[0] += tally.new
            totals[1] += tally.revised
        assert {name: versions(name) for name in expected} == expected
        assert totals == [len(expected), sum(map(len, expected.values())) - len(expected)]
        told = Entry.objects.filter(verb="content.batch_ingested").values_list("payload", flat=True)
        assert totals == [sum(entry["new"] for entry in told), sum(entry["revised"] for entry in told)]
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    """Two programs that take the same posts in at the same moment, each on a connection of its own."""

    @pytest.fixture
    def hub(self, transactional_db: None) -> SmallHub:
        return small_hub()

    @contextmanager
    def beside(self, work: Callable[[], Any]) -> Iterator[list[Any]]:
        """Do the work in another thread while the block runs; what it gave or raised is in the list afterwards."""
        came: list[Any] = []

        def run() -> None:
            try:
                came.append(work())
            except Exception as error:
                came.append(error)
            finally:
                connection.close()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield came
        finally:
            thread.join(30)
        assert not thread.is_alive()

    def waits(self) -> None:
        """Until another session waits for what this one holds."""
        for _ in range(600):
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
                )
                if cursor.rowcount:
                    return
                cursor.execute("SELECT pg_sleep(0.02)")
        pytest.fail("nobody waits")

    def test_a_new_post_that_both_bring_is_there_once(self, hub: SmallHub) -> None:
        with transaction.atomic():
            take_in(hub, post("n1", "One", account="a"), post("n2"))
            with_other = self.beside(lambda: take_in(hub, post("n3"), post("n1", "One", account="a")))
            came = with_other.__enter__()
            self.waits()
        with_other.__exit__(None, None, None)
        assert counts(came[0]) == (2, 1, 0, 1, 0)
        assert Content.objects.count() == 3

    def test_a_version_that_came_second_is_not_lost(self, hub: SmallHub) -> None:
        """Both bring a new post, with different texts: whoever waits finds the post there, edits it, and says so."""
        with transaction.atomic():
            take_in(hub, post("n1", "One"))
            with_other = self.beside(lambda: take_in(hub, post("n1", "Two")))
            came = with_other.__enter__()
            self.waits()
        with_other.__exit__(None, None, None)
        assert counts(came[0]) == (1, 0, 1, 0, 0)
        assert versions("n1") == ["One", "Two"]

    @pytest.mark.parametrize(
        ("theirs", "expected"), [("Three", ["One", "Two", "Three"]), ("Two", ["One", "Two"]), ("One", ["One", "Two"])]
    )
    def test_two_edits_at_once_become_two_versions(self, hub: SmallHub, theirs: str, expected: list[str]) -> None:
        take_in(hub, post("n1", "One"))
        with transaction.atomic():
            take_in(hub, post("n1", "Two"))
            with_other = self.beside(lambda: take_in(hub, post("n1", theirs)))
            came = with_other.__enter__()
            if theirs != "One":
                self.waits()
        with_other.__exit__(None, None, None)
        assert counts(came[0])[2] == (theirs == "Three")
        assert versions("n1") == expected

    def test_files_read_in_opposite_orders_do_not_lock_each_other_out(self, hub: SmallHub) -> None:
        """Each has edits and new posts of the other's; batches are small, so that they meet often."""
        old = [post(f"n{n}", "Old", account=f"a{n}") for n in range(60)]
        take_in(hub, *old)
        new = [post(f"n{n}", "New", account=f"a{n}") for n in range(120)]
        with self.beside(lambda: take_in(hub, *reversed(new), batch_size=7)) as came:
            mine = take_in(hub, *new, batch_size=11)
        assert isinstance(came[0], Tally), came
        assert mine.new + came[0].new == 60
        assert mine.revised + came[0].revised == 60
        assert Content.objects.filter(text="New").count() == 120
        assert Revision.objects.filter(text="Old").count() == 60

    @pytest.mark.parametrize(("cause", "tried"), [(DeadlockDetected, 3), (DiskFull, 1)])
    def test_a_batch_that_was_ended_for_another_is_tried_again_and_nothing_else_is(
        self, hub: SmallHub, cause: type[Exception], tried: int
    ) -> None:
        tries = 0

        def refuse(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
            nonlocal tries
            if "INSERT INTO content_content" in sql:
                tries += 1
                if tries < 3:
                    with connection.wrap_database_errors:
                        raise cause("the database ended the transaction")
            return execute(sql, params, many, context)

        with connection.execute_wrapper(refuse):
            if cause is DiskFull:
                with pytest.raises(OperationalError):
                    take_in(hub, post("n1"))
            else:
                assert counts(take_in(hub, post("n1"))) == (1, 1, 0, 0, 0)
        assert tries == tried
        assert Content.objects.count() == (cause is not DiskFull)
