"""What a case's page reads out: chances in words, the clock of a decision, harms that a later code no longer has."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.support.hub import SmallHub

from seawall.clock import State
from seawall.hub import moment
from seawall.hub.casework import records
from seawall.hub.casework.models import Case, CaseState, Outcome
from seawall.hub.content.models import Finding
from seawall.hub.practice.queries import current_code


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        (1.0, "very likely (99%)"),
        (0.9, "very likely (90%)"),
        (0.899, "likely (90%)"),
        (0.65, "likely (65%)"),
        (0.35, "possible (35%)"),
        (0.34, "unlikely (34%)"),
        (0.0, "unlikely (1%)"),
    ],
)
def test_a_chance_in_words_is_never_certain(probability: float, words: str) -> None:
    assert records.chance_in_words(probability) == words


def test_hints_leave_out_what_is_unlikely_but_nothing_that_was_flagged() -> None:
    finding = Finding(
        detector="test",
        families={"abuse": 0.81, "hate": 0.19, "at_risk": 0.1, "new_family": 0.3},
        flags=["abuse", "at_risk"],
        context={"idiom": 0.2, "news": 0.199},
        assessed_at=moment.now(),
    )
    hints = records.hints_of(finding)
    assert [(hint.label, hint.flagged) for hint in hints.families] == [
        ("Abuse", True),
        ("new_family", False),
        ("A person at risk", True),
    ]
    assert [hint.label for hint in hints.context] == ["A turn of phrase"]


def test_the_clock_of_a_decision_runs_from_opening_to_closing(hub: SmallHub) -> None:
    case, now = hub.case("vio-threat"), moment.now()
    clock = records.clock_of(case)
    assert clock is not None
    assert clock.due() == case.due_at
    assert clock.state(now) is State.RUNNING
    Case.objects.filter(pk=case.pk).update(
        opened_at=now - timedelta(days=9), closed_at=now, state=CaseState.CLOSED, outcome=Outcome.NO_ACTION
    )
    late = records.clock_of(Case.objects.get(pk=case.pk))
    assert late is not None
    assert late.state(now) is State.BREACHED
    Case.objects.filter(pk=case.pk).update(decision_within=None)
    assert records.clock_of(Case.objects.get(pk=case.pk)) is None


def test_a_harm_that_the_code_has_no_more_keeps_its_id(hub: SmallHub) -> None:
    code = current_code()
    assert records.harm_title(code, "vio-threat") == code.harm("vio-threat").title
    assert records.harm_title(code, "gone-since") == "gone-since"
    assert records.harm_of(code, "gone-since") is None
