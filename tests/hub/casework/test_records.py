"""What a case's page reads out: the clock of a decision, harms that a later code no longer has."""

from __future__ import annotations

from datetime import timedelta

from tests.support.hub import SmallHub

from seawall.clock import State
from seawall.hub import moment
from seawall.hub.casework import records
from seawall.hub.casework.models import Case, CaseState, Outcome
from seawall.hub.practice.queries import current_code


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
