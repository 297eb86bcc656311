"""Posts that the detector could not read: counted beside those that it read, from the ledger, old entries included."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from pydantic import BaseModel
from tests.support.hub import ACTOR, SmallHub
from tests.support.staff import SignedIn, body

from seawall.hub.ledger import queries as ledger
from seawall.hub.ledger.models import Entry
from seawall.hub.ledger.services import link_all_pending, record
from seawall.hub.ledger.vocabulary import BatchAssessed, BatchIngested
from seawall.hub.oversight import exports, queries, words
from seawall.hub.oversight.queries import Total

DIGEST = "0" * 64
NOT_READ = ("posts not assessed", "language not read")


def assessed(number: int, *, posts: int, unread: int, detector: str = "d-2") -> Entry:
    """A batch that was taken in and assessed."""
    subject = ("ingestbatch", f"b{number}")
    with transaction.atomic():
        record(
            event=BatchIngested(
                source="test", desk="general", received=posts, new=posts, revised=0, unchanged=0,
                by_platform={"alpha": posts}, merkle_root=DIGEST,
            ),
            subject=subject,
            actor=ACTOR,
        )  # fmt: skip
        return record(
            event=BatchAssessed(
                batch=f"b{number}", detector=detector, assessed=posts, flagged=0, by_family={}, merkle_root=DIGEST,
                not_assessed=unread,
            ),
            subject=subject,
            actor=ACTOR,
        )  # fmt: skip


@pytest.fixture
def batches(hub: SmallHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """30 posts by a detector that knew nothing of languages, then 40 and 20 by one of which it could not read 7 and 5."""

    def as_it_was(event: BatchAssessed, **how: Any) -> dict[str, Any]:
        return BaseModel.model_dump(event, exclude={"not_assessed"}, **how)

    with monkeypatch.context() as patch:
        patch.setattr(BatchAssessed, "model_dump", as_it_was)
        old = assessed(1, posts=30, unread=0, detector="d-1")
    assert "not_assessed" not in Entry.objects.get(pk=old.pk).payload
    assessed(2, posts=40, unread=7)
    assessed(3, posts=20, unread=5)


def of_posts(found: list[Total]) -> dict[tuple[str, str], int]:
    return {(total.what, total.of): total.count for total in found if total.what.startswith("posts")}


def test_what_was_not_read_is_not_among_what_was_assessed(batches: None) -> None:
    found = of_posts(queries.totals())
    assert found == {
        ("posts taken in", "alpha"): 90,
        ("posts assessed", "d-1"): 30,
        ("posts assessed", "d-2"): 48,
        NOT_READ: 12,
    }


def test_anybody_who_has_the_ledger_counts_the_same(batches: None) -> None:
    read: dict[str, int] = {}
    unread = 0
    for entry in ledger.stream(verbs=("content.batch_assessed",)):
        missed = entry.payload.get("not_assessed", 0)
        read[entry.payload["detector"]] = read.get(entry.payload["detector"], 0) + entry.payload["assessed"] - missed
        unread += missed
    found = of_posts(queries.totals())
    assert {of: count for (what, of), count in found.items() if what == "posts assessed"} == read
    assert found[NOT_READ] == unread


def test_a_ledger_with_old_entries_still_holds(batches: None) -> None:
    link_all_pending()
    assert ledger.verify().whole


def test_where_every_post_was_read_nothing_is_said_of_it(hub: SmallHub) -> None:
    assessed(1, posts=30, unread=0)
    assert of_posts(queries.totals()) == {("posts taken in", "alpha"): 30, ("posts assessed", "d-2"): 30}


def test_pages_and_files_show_it(batches: None, client: Client, as_: SignedIn) -> None:
    for page in (client.get("/figures/"), as_("regulator").get("/scorecards/")):
        text = " ".join(re.sub(r"<[^>]*>", " ", body(page)).split())
        assert words.TOTAL_WORDS["posts not assessed"] in text
        assert re.search(r"In a language that the detector does not read 12\b", text)
    data = json.loads(client.get("/figures.json").content)
    assert {"what": NOT_READ[0], "of": NOT_READ[1], "count": 12} in data["totals"]
    rows = list(csv.reader(io.StringIO(client.get("/figures.csv").content.decode())))
    assert ["all", ": ".join(NOT_READ), "12"] in rows


def test_a_few_that_were_not_read_cannot_be_worked_out(hub: SmallHub) -> None:
    """What was taken in is what was read and what was not: with two of the three, the third would be known."""
    assessed(1, posts=40, unread=3)
    found = {(each["what"], each["of"]): each["count"] for each in exports.as_data(suppress=True)["totals"]}
    posts = [found["posts taken in", "alpha"], found["posts assessed", "d-2"], found[NOT_READ]]
    assert posts[2] is None
    assert None in posts[:2]
    plain = {(each["what"], each["of"]): each["count"] for each in exports.as_data(suppress=False)["totals"]}
    assert (plain["posts taken in", "alpha"], plain["posts assessed", "d-2"], plain[NOT_READ]) == (40, 37, 3)
