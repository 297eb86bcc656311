"""What is kept of an assessment: what was flagged, what a rule held back, what could not be read, and nothing of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from django.urls import reverse
from tests.support.hub import SmallHub
from tests.support.staff import SignedIn, body

from seawall.detect.explain import Reason
from seawall.detect.pipeline import Finding as Said
from seawall.detect.rules import SUPPORT_FIRST, TERM_ALONE, Withheld
from seawall.hub.casework.models import Case, Origin
from seawall.hub.casework.services import open_case, open_cases_for_batch
from seawall.hub.content import services
from seawall.hub.content.ingest import ingest
from seawall.hub.content.models import Content, Finding, IngestBatch
from seawall.hub.content.queries import flagged_in
from seawall.hub.ledger.models import Entry
from seawall.hub.ledger.services import Actor
from seawall.hub.oversight.queries import totals
from seawall.sources.posts import Post

FLAGGED = "you absolute clown"
SPARED = "clown"
AT_RISK = "goodbye and sorry"
FOREIGN = "bore da i chi gyd"
HARMLESS = "a quiet day by the sea"


def said(**more: Any) -> Said:
    given: dict[str, Any] = {"families": {}, "flags": (), "context": {}, "reasons": ()}
    return Said(**(given | more))


SAYS = {
    FLAGGED: said(
        families={"abuse": 0.91239},
        flags=("abuse",),
        context={"idiom": 0.2},
        reasons=(
            Reason(kind="words", start=4, end=12, text="absolute", family="abuse", weight=1.23456),
            Reason(kind="sense", start=13, end=18, text="clown", family="abuse", weight=0.0, note="'clown' can mean two things."),
        ),
        depth="linear",
        degraded=True,
    ),
    SPARED: said(families={"abuse": 0.97}, withheld=(Withheld("abuse", TERM_ALONE),), language="und"),
    AT_RISK: said(
        families={"at_risk": 0.9, "violent_threat": 0.89},
        flags=("at_risk",),
        withheld=(Withheld("violent_threat", SUPPORT_FIRST),),
    ),
    FOREIGN: said(language="cy", assessed=False),
    HARMLESS: said(families={"abuse": 0.01}),
}  # fmt: skip


class Engine:
    """A detector that has learnt five posts by heart."""

    version = "by-heart"

    def assess(self, texts: Sequence[str]) -> list[Said]:
        return [SAYS[text] for text in texts]


@pytest.fixture
def batch(hub: SmallHub, actor: Actor, monkeypatch: pytest.MonkeyPatch) -> IngestBatch:
    """The five posts, assessed."""
    monkeypatch.setattr(services, "detector", lambda _code: Engine())
    items = [Post(f"p{n}", text, None, "alpha", None, None, None, (), {}) for n, text in enumerate(SAYS)]
    ingest(items=items, source="test", desk=hub.desks["general"], actor=actor)
    return services.assess(batch_id=IngestBatch.objects.get().pk)


def kept(text: str) -> Finding:
    return Finding.objects.get(content__text=text)


def test_what_is_kept_and_what_is_not(batch: IngestBatch) -> None:
    assert set(Finding.objects.values_list("content__text", flat=True)) == {FLAGGED, SPARED, AT_RISK, FOREIGN}
    flagged = kept(FLAGGED)
    assert (flagged.flags, flagged.families, flagged.depth, flagged.degraded) == (
        ["abuse"],
        {"abuse": 0.9124},
        "linear",
        True,
    )
    assert flagged.reasons == [
        {"kind": "words", "start": 4, "end": 12, "family": "abuse", "weight": 1.235, "note": ""},
        {
            "kind": "sense",
            "start": 13,
            "end": 18,
            "family": "abuse",
            "weight": 0.0,
            "note": "'clown' can mean two things.",
        },
    ]
    spared = kept(SPARED)
    assert (spared.flags, spared.withheld, spared.language) == ([], [{"family": "abuse", "rule": "term_alone"}], "und")
    foreign = kept(FOREIGN)
    assert (foreign.assessed, foreign.language, foreign.families, foreign.flags) == (False, "cy", {}, [])
    read = {FLAGGED, SPARED, AT_RISK}
    assert all(kept(text).assessed for text in read)
    assert {finding.content.text for finding in flagged_in(batch.pk)} == read


def test_what_was_not_read_counts_apart(batch: IngestBatch) -> None:
    entry = Entry.objects.get(verb="content.batch_assessed")
    assert {name: entry.payload[name] for name in ("assessed", "flagged", "not_assessed", "by_family")} == {
        "assessed": 5,
        "flagged": 2,
        "not_assessed": 1,
        "by_family": {"abuse": 1, "at_risk": 1},
    }
    found = {(total.what, total.of): total.count for total in totals() if total.what.startswith("posts")}
    assert found == {
        ("posts taken in", "alpha"): 5,
        ("posts assessed", "by-heart"): 4,
        ("posts not assessed", "language not read"): 1,
        ("posts flagged", "abuse"): 1,
        ("posts flagged", "at_risk"): 1,
    }


def test_no_case_is_opened_for_what_a_rule_held_back_or_nobody_read(batch: IngestBatch) -> None:
    open_cases_for_batch(batch_id=str(batch.pk))
    opened = set(Case.objects.values_list("content__text", flat=True))
    assert AT_RISK in opened
    assert not opened & {SPARED, FOREIGN, HARMLESS}
    assert Case.objects.get(content__text=AT_RISK).desk.partition == "welfare"


def test_a_reviewer_reads_what_was_kept(batch: IngestBatch, hub: SmallHub, as_: SignedIn, actor: Actor) -> None:
    told = {
        FLAGGED: "only a quick look",
        SPARED: "a coded word alone is no ground",
        FOREIGN: "does not read Welsh",
        HARMLESS: "did not flag this version",
    }
    for text, words in told.items():
        post = Content.objects.get(text=text)
        case, _new = open_case(content=post, harm="abuse-harassment", origin=Origin.PERSON, actor=actor)
        assert words in body(as_("analyst").get(reverse("case", args=[case.pk])))
