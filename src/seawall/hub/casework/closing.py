"""Closing a case whose decision to refer came to nothing."""

from __future__ import annotations

from django.db import transaction

from seawall.hub import moment
from seawall.hub.casework.models import Case, CaseState, Decision, Outcome
from seawall.hub.casework.services import CaseUnavailable
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import Actor, record


@transaction.atomic
def close_unreferred(*, decision: Decision, actor: Actor) -> Case:
    """Let a decision to refer stand no longer and close its case with nothing asked of the platform.

    Whoever calls it has checked that nothing was sent and who may. Raises CaseUnavailable when the decision does not stand.
    """
    case = Case.objects.select_for_update(of=("self",)).select_related("content__platform").get(pk=decision.case_id)
    decision = Decision.objects.select_for_update().get(pk=decision.pk)
    if decision.voided_at is not None or case.state != CaseState.CLOSED or decision.outcome != Outcome.REFER:
        raise CaseUnavailable(f"Case {case.reference} has no decision in force that asks for a referral.")
    decision.voided_at = moment.now()
    decision.save(update_fields=["voided_at"])
    case.outcome = Outcome.NO_ACTION
    case.save(update_fields=["outcome"])
    record(
        event=ledger.CaseClosed(outcome=str(case.outcome), harm=decision.harm, platform=case.content.platform.slug),
        subject=case,
        actor=actor,
    )
    return case
