"""`seawall ingest` as somebody at a shell runs it: bad input, wrong names, failing databases, Ctrl-C and kill -9."""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from django.db import connection
from psycopg.errors import DiskFull
from tests.commands.conftest import Installation
from tests.support.hub import SmallHub, small_hub

from seawall.cli import cli
from seawall.hub.content.models import Content, IngestBatch
from seawall.hub.ledger.models import Entry

POSTS = 36_000


def lines(path: Path, *rows: dict[str, Any] | str | bytes) -> Path:
    with path.open("wb") as file:
        for row in rows:
            file.write(row if isinstance(row, bytes) else (row if isinstance(row, str) else json.dumps(row)).encode())
            file.write(b"\n")
    return path


def ingest(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["ingest", *map(str, arguments)])


class TestInputs:
    """In this process, on the test's own database."""

    @pytest.fixture(autouse=True)
    def hub(self, db: None) -> SmallHub:
        return small_hub()

    def test_a_file_is_taken_in_and_again_changes_nothing(self, tmp_path: Path) -> None:
        file = lines(
            tmp_path / "a.jsonl", *({"id": f"n{n}", "text": f"Post {n}", "platform": "alpha"} for n in range(5))
        )
        first = ingest(file)
        assert (first.exit_code, first.output) == (
            0,
            f"{file}: 5 posts read; 5 new, 0 edited, 0 known already; 0 lines left out.\n",
        )
        before = Entry.objects.count()
        again = ingest(file)
        assert again.output == f"{file}: 5 posts read; 0 new, 0 edited, 5 known already; 0 lines left out.\n"
        assert Entry.objects.count() == before

    def test_every_kind_of_bad_line_is_named_with_its_number_and_the_rest_goes_on(self, tmp_path: Path) -> None:
        good = {"text": "Fine.", "platform": "alpha"}
        file = lines(
            tmp_path / "bad.jsonl",
            {"id": "n1", **good},
            "{not json",
            {"id": "n2", **good, "text": "a\0b"},
            b'{"id": "n3", "text": "\\ud83d", "platform": "alpha"}',
            b'{"id": "n4", "text": "\xff", "platform": "alpha"}',
            {"id": "n5", **good, "text": "x" * 1_000_000},
            {"id": "n6", **good, "posted_at": "2999-01-01T00:00:00Z"},
            {"id": "n7", **good, "platform": "elsewhere-unknown"},
            {"id": "n8", "text": "No platform."},
            {"id": 9, **good},
            {"id": "x" * 600, **good},
            {"id": "n12", **good},
        )
        done = ingest(file)
        assert done.exit_code == 0
        told = [line.removeprefix(f"{file}:").partition(";")[0] for line in done.stderr.splitlines()]
        assert told == [
            "2: is not valid JSON at character 2 (unexpected character, expected a string key)",
            "3: text: holds a NUL character",
            "4: text: holds half of a surrogate pair (U+D83D) at character 0",
            "5: text: is not valid UTF-8 at byte 23",
            "6: text: is 1,000,000 characters long, more than 65,536",
            "7: posted_at: lies more than 24 hours in the future",
            "8: platform: “elsewhere-unknown” is not in the directory",
            "9: platform: no platform is named",
            "10: id: is a number, not text",
            "11: id: is 600 characters long, more than 512",
        ]
        assert "name one of these, or pass --platform: alpha, beta" in done.stderr
        assert done.stdout == f"{file}: 2 posts read; 2 new, 0 edited, 0 known already; 10 lines left out.\n"
        assert set(Content.objects.values_list("native_id", flat=True)) == {"n1", "n12"}
        assert ingest("--strict", file).exit_code == 3

    def test_a_platform_can_be_given_for_posts_that_name_none(self, tmp_path: Path) -> None:
        file = lines(
            tmp_path / "a.jsonl", {"id": "n1", "text": "One."}, {"id": "n1", "text": "Two.", "platform": "alpha"}
        )
        assert ingest(file, "--platform", "beta", "--strict").exit_code == 0
        assert Content.objects.get(platform__slug="beta").text == "One."
        assert Content.objects.get(platform__slug="alpha").text == "Two."

    def test_nothing_but_bad_lines_records_nothing(self, tmp_path: Path) -> None:
        before = Entry.objects.count()
        file = lines(tmp_path / "a.jsonl", *(["{"] * 20))
        assert ingest(file, "--strict").exit_code == 3
        assert Entry.objects.count() == before
        assert not IngestBatch.objects.exists()

    def test_a_desk_that_is_not_there_is_told_with_those_that_are(self, tmp_path: Path) -> None:
        done = ingest(lines(tmp_path / "a.jsonl"), "--desk", "nowhere")
        assert done.exit_code == 1
        assert done.stderr.startswith("Error: There is no desk “nowhere”. Name one with --desk; known are: ")
        assert "general" in done.stderr

    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("absent.jsonl", "there is no such file"),
            ("notes.txt", "the format is not known by this name"),
            (".", "the format is not known by this name"),
        ],
    )
    def test_a_file_that_cannot_be_read_is_told_in_a_sentence(self, tmp_path: Path, name: str, said: str) -> None:
        done = ingest(tmp_path / name)
        assert done.exit_code == 1
        assert said in done.stderr

    def test_what_files_before_a_broken_one_brought_is_kept(self, tmp_path: Path) -> None:
        file = lines(tmp_path / "a.jsonl", {"id": "n1", "text": "One.", "platform": "alpha"})
        assert ingest(file, tmp_path / "absent.jsonl").exit_code == 1
        assert Content.objects.count() == 1

    def test_a_full_disk_is_told_with_what_was_kept(self, tmp_path: Path) -> None:
        """The database answers as it does when its disk is full, at the third batch."""
        file = lines(
            tmp_path / "a.jsonl", *({"id": f"n{n}", "text": f"Post {n}", "platform": "alpha"} for n in range(6_000))
        )
        stored = 0

        def full(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
            nonlocal stored
            if "INSERT INTO content_content" in sql:
                stored += 1
                if stored == 3:
                    with connection.wrap_database_errors:
                        raise DiskFull(
                            'could not extend file "base/16384/16999": No space left on device\nHINT:  Check free disk space.'
                        )
            return execute(sql, params, many, context)

        with connection.execute_wrapper(full):
            done = ingest(file)
        assert done.exit_code == 1
        assert done.stderr == (
            f'Error: {file}: the database failed after 4,000 posts (could not extend file "base/16384/16999": No space left on '
            "device). They are kept. Put that right and run the same command again: it goes on from there.\n"
        )
        assert Content.objects.count() == 4_000
        assert ingest(file).stdout.startswith(f"{file}: 6,000 posts read; 2,000 new, 0 edited, 4,000 known already;")


def _write_big(path: Path) -> None:
    """Posts of which some come twice or three times, edited: enough batches to be stopped in the middle of many."""
    chance = random.Random(3)
    with path.open("w") as file:
        for number in range(POSTS):
            again = chance.random() < 0.02 and number > 100
            at = chance.randrange(number) if again else number
            row = {
                "id": f"n{at}",
                "text": f"What was said at {at}, "
                + (f"edited at {number}" if again else "first")
                + " word" * chance.randrange(30),
                "platform": ("alpha", "beta")[at % 2],
                "account": f"person{at % 700}",
                "url": f"https://alpha.example/{at}",
            }
            file.write(json.dumps(row) + "\n")


@pytest.fixture(scope="module")
def big_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("big") / "big.jsonl"
    _write_big(path)
    return path


def contents(of: Installation) -> list[list[tuple[Any, ...]]]:
    """All that the file said, as it lies in the database, without what differs from run to run."""
    return [
        of.sql(
            "SELECT p.slug, c.native_id, c.text, c.version, c.url, a.handle, encode(c.text_sha256, 'hex') FROM content_content c "
            "JOIN directory_platform p ON p.id = c.platform_id LEFT JOIN content_account a ON a.id = c.account_id ORDER BY 1, 2"
        ),
        of.sql(
            "SELECT p.slug, c.native_id, r.version, r.text FROM content_revision r JOIN content_content c ON c.id = r.content_id "
            "JOIN directory_platform p ON p.id = c.platform_id ORDER BY 1, 2, 3"
        ),
        of.sql(
            "SELECT p.slug, a.handle FROM content_account a JOIN directory_platform p ON p.id = a.platform_id ORDER BY 1, 2"
        ),
    ]


def sums(of: Installation) -> dict[str, tuple[Any, ...]]:
    """New and edited posts: by the tables, by the batches, and by the ledger."""
    return {
        "tables": of.sql("SELECT (SELECT count(*) FROM content_content), (SELECT count(*) FROM content_revision)")[0],
        "batches": of.sql("SELECT sum(new), sum(revised) FROM content_ingestbatch")[0],
        "ledger": of.sql(
            "SELECT sum((payload->>'new')::int), sum((payload->>'revised')::int) FROM ledger_entry WHERE verb = 'content.batch_ingested'"
        )[0],
    }


def whole_batches(of: Installation) -> None:
    """Whatever was stopped: each batch lies there with all its posts, its ledger entry and its job, or not at all."""
    told = sums(of)
    assert told["tables"] == told["batches"] == told["ledger"]
    one = "SELECT count(*) FROM content_ingestbatch"
    assert of.sql(one) == of.sql("SELECT count(*) FROM ledger_entry WHERE verb = 'content.batch_ingested'")
    assert of.sql(one) == of.sql("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'content.assess_batch'")


def stopped_in_the_middle(hub_home: Installation, big_file: Path, how: signal.Signals, wait: float) -> Any:
    """Start taking the file in, and stop it as soon as it has committed another batch and a little more time has passed."""
    before = hub_home.sql("SELECT count(*) FROM content_ingestbatch")[0][0]
    process = hub_home.start("ingest", str(big_file))
    try:
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            if hub_home.sql("SELECT count(*) FROM content_ingestbatch")[0][0] > before:
                break
        time.sleep(wait)
        process.send_signal(how)
        said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    return process.returncode, *said


@pytest.mark.kill
def test_killed_again_and_again_it_loses_nothing_and_doubles_nothing(
    install: Callable[..., Installation], pattern: str, big_file: Path
) -> None:
    straight = install(pattern)
    straight.run("ingest", str(big_file))
    killed = install(pattern)
    chance, interrupted = random.Random(11), 0
    for _ in range(5):
        code, _said, _complained = stopped_in_the_middle(killed, big_file, signal.SIGKILL, chance.uniform(0, 0.08))
        interrupted += code == -signal.SIGKILL
        assert killed.sql("SELECT count(*) > 0 FROM content_content") == [(True,)]
    assert interrupted >= 2, "the file was too short to be stopped in the middle"
    said, _complained = killed.run("ingest", str(big_file))
    assert f"{POSTS:,} posts read" in said
    whole_batches(killed)
    assert contents(killed) == contents(straight)
    assert sums(killed) == sums(straight)
    before = sums(killed), killed.sql("SELECT count(*) FROM ledger_entry")
    killed.run("ingest", str(big_file))
    assert (sums(killed), killed.sql("SELECT count(*) FROM ledger_entry")) == before


@pytest.mark.kill
def test_ctrl_c_leaves_whole_batches_and_says_how_to_go_on(hub_home: Installation, big_file: Path) -> None:
    code, _said, complained = stopped_in_the_middle(hub_home, big_file, signal.SIGINT, 0.02)
    assert code == 130
    assert complained.strip() == "Stopped. What was done so far is kept; run the same command to go on."
    kept = hub_home.sql("SELECT count(*) FROM content_content")[0][0]
    assert 0 < kept < POSTS * 0.97
    time.sleep(0.2)
    whole_batches(hub_home)
    hub_home.run("ingest", str(big_file))
    whole_batches(hub_home)


@pytest.mark.kill
def test_two_programs_take_overlapping_files_in_at_once(
    install: Callable[..., Installation], pattern: str, big_file: Path, tmp_path: Path
) -> None:
    """One reads the file from its beginning, the other from its end: what both bring is there once, and neither fails."""
    rows = {}
    for line in big_file.read_text().splitlines():
        rows[json.loads(line)["id"]] = line
    kept = list(rows.values())
    forward, backward = tmp_path / "forward.jsonl", tmp_path / "backward.jsonl"
    forward.write_text("\n".join(kept[: len(kept) * 3 // 4]))
    backward.write_text("\n".join(reversed(kept[len(kept) // 4 :])))
    home = install(pattern)
    both = [home.start("ingest", str(file)) for file in (forward, backward)]
    for process in both:
        _said, complained = process.communicate(timeout=120)
        assert (process.returncode, complained) == (0, "")
    whole_batches(home)
    assert sums(home)["tables"] == (len(kept), 0)
