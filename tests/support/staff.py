"""What tests of the staff's pages begin with: cases and referrals as far along as a page needs them, and a page's text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.test import Client

from seawall.clock import EventKind, PauseReason
from seawall.hub import moment
from seawall.hub.casework import services as casework
from seawall.hub.casework.models import Case
from seawall.hub.content.models import Content
from seawall.hub.referrals import services
from seawall.hub.referrals.models import ClockEvent, PlatformAnswer, Referral, ReferralState
from tests.support.hub import SmallHub

HARM = "abuse-harassment"
SECRET = "words that nobody should meet by surprise"
NASTY = "<script>alert(1)</script><img src=x onerror=alert(2)> & \"quoted\" 'text'"

SignedIn = Callable[[str], Client]
"""A browser of somebody of the small hub, signed in."""


def body(response: Any) -> str:
    """The page as text."""
    return str(response.content.decode())


def with_text(case: Case, text: str) -> Case:
    """The case, its post saying something else."""
    Content.objects.filter(pk=case.content_id).update(text=text)
    return Case.objects.get(pk=case.pk)


def claimed(hub: SmallHub, name: str = "analyst", *, harm: str = HARM, desk: str = "general") -> Case:
    """A case that somebody has taken up."""
    case = hub.case(harm, desk=desk)
    return casework.claim(case=case, person=hub.people[name])


def prepared(
    hub: SmallHub, *, platform: str = "alpha", on_terms: bool = True, harm: str = "abuse-harassment"
) -> Referral:
    """A referral that waits to be delivered, decided by the analyst and seconded by the reviewer."""
    decision = hub.decided(hub.referral_form(harm, platform=platform, on_terms=on_terms), harm=harm, platform=platform)
    Content.objects.filter(pk=decision.case.content_id).update(text=SECRET)
    if Case.objects.get(pk=decision.case_id).state != "closed":
        casework.review(
            decision=decision, person=hub.people["reviewer"], concurs=True, reasons="Read it, and I see the same."
        )
    return services.prepare(decision_id=decision.pk)


def received(hub: SmallHub, **options: Any) -> Referral:
    """A referral that its platform has, with a receipt that nobody signed."""
    referral = prepared(hub, **options)
    at = moment.now() - timedelta(hours=2)
    Referral.objects.filter(pk=referral.pk).update(
        state=ReferralState.AWAITING,
        received_at=at,
        platform_reference="ALPHA-1",
        receipt={
            "schema": "seawall-receipt/1",
            "reference": "ALPHA-1",
            "referral_id": str(referral.pk),
            "document_sha256": referral.document_sha256,
            "received_at": at.isoformat().replace("+00:00", "Z"),
            "signature": "A" * 86,
        },
    )
    ClockEvent.objects.create(referral=referral, at=at, kind=EventKind.STARTED)
    return Referral.objects.get(pk=referral.pk)


def asked(hub: SmallHub) -> Referral:
    """A referral on which its platform asked something."""
    referral = received(hub)
    at = moment.now() - timedelta(hours=1)
    PlatformAnswer.objects.create(
        referral=referral,
        answer_id="a1",
        answered_at=at,
        collected_at=at,
        status="PROCESSING",
        reason_code="NEED_MORE_INFORMATION",
        detail=NASTY,
    )
    ClockEvent.objects.create(
        referral=referral, at=at, kind=EventKind.PAUSED, reason=PauseReason.INFORMATION_REQUESTED.value
    )
    Referral.objects.filter(pk=referral.pk).update(state=ReferralState.ASKED)
    return Referral.objects.get(pk=referral.pk)


def by_police(hub: SmallHub) -> Referral:
    """A referral by the police desk, seconded by the authorising officer."""
    case = hub.case("vio-threat", desk="police")
    form = hub.referral_form("vio-threat", on_terms=False)
    casework.claim(case=case, person=hub.people["officer"])
    decision = casework.decide(case=case, person=hub.people["officer"], form=form)
    casework.review(
        decision=decision, person=hub.people["inspector"], concurs=True, reasons="Read it, and I see the same."
    )
    return services.prepare(decision_id=decision.pk)
