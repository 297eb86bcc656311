"""What notices add to referrals: they hold decisions back, and tell of a notice on the referral's page and to the platform's software."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from seawall.channels.base import stamp
from seawall.hub.casework.models import Decision
from seawall.hub.casework.panels import Panel
from seawall.hub.directory.models import Person
from seawall.hub.notices import orders, queries, reviews, services
from seawall.hub.notices.models import Notice, NoticeState, Scrutiny
from seawall.hub.notices.panel import given_panel
from seawall.hub.referrals.models import NOTICES, Referral


class _Notices:
    def holds(self, decision: Decision) -> bool:
        made = Notice.objects.filter(decision=decision).first()
        if made is not None:
            return made.state in (NoticeState.DRAFT, NoticeState.DECLINED)
        return services.power_for(decision) is not None

    def take(self, decision_id: UUID | str) -> None:
        services.draft(decision_id=decision_id)

    def in_hand(self) -> list[UUID]:
        return queries.in_hand()

    def panel(self, referral: Referral, person: Person) -> Panel | None:
        notice = queries.of_referral(referral)
        return given_panel(notice, referral, person) if notice is not None else None

    def told(self, referral: Referral) -> Mapping[str, Any]:
        notice = queries.of_referral(referral) if referral.kind in NOTICES else None
        return {"notice": _told(notice, referral)} if notice is not None else {}


def _told(notice: Notice, referral: Referral) -> dict[str, Any]:
    formal = referral.document.get("formal") or {}
    scrutiny: Scrutiny | None = getattr(notice, "scrutiny", None)
    return {
        "given_at": _time(notice.given_at),
        "confirmed_at": _time(referral.confirmed_at),
        "review_until": (formal.get("review") or {}).get("until"),
        "reviews": [
            {
                "asked_at": _time(review.asked_at),
                "decide_by": _time(reviews.clock_of(review).due()),
                "outcome": review.outcome or None,
                "reasons": review.reasons or None,
                "decided_at": _time(review.decided_at),
            }
            for review in notice.reviews.all()
        ],
        "keep_until": _time(orders.kept_until(referral)),
        "scrutiny": scrutiny and {"received_at": _time(scrutiny.received_at), "finding": scrutiny.finding or None},
    }


def _time(at: datetime | None) -> str | None:
    return stamp(at) if at is not None else None


NOTICES_ADD = _Notices()
