"""What a case's page and a referral's page show of a notice."""

from __future__ import annotations

from typing import Any

from seawall.hub import moment
from seawall.hub.casework.models import Case
from seawall.hub.casework.panels import Panel
from seawall.hub.directory.models import Person
from seawall.hub.directory.roles import Role
from seawall.hub.notices import officers, orders, queries, reviews
from seawall.hub.notices.models import Notice, NoticeState, Review, Scrutiny
from seawall.hub.notices.parts import noun
from seawall.hub.practice.models import PowerKind
from seawall.hub.referrals.models import Referral, ReferralState

COLOURS = {"draft": "blue", "given": "green", "declined": "orange", "requested": "grey", "closed": "grey"}


def draft_panel(case: Case, person: Person) -> Panel | None:
    """Drafts that wait on a case; None when there are none. Once given, the referral says the rest."""
    found = [
        notice
        for notice in (queries.of_case(case.pk) if case.desk_id in person.desk_ids() else [])
        if notice.state != NoticeState.GIVEN
    ]
    if not found:
        return None
    rows = [{"notice": each, "noun": noun(each.kind), "colour": COLOURS[each.state]} for each in found]
    return Panel(title="Notice", template="notices/parts/case_panel.html", context={"rows": rows})


def given_panel(notice: Notice, referral: Referral, person: Person) -> Panel:
    """What everybody who sees the referral is told of the notice; the desk and the overseer also who may decide a review."""
    what = noun(notice.kind)
    return Panel(
        title=what[:1].upper() + what[1:],
        template="notices/parts/given.html",
        context=facts(notice, referral, person),
    )


def facts(notice: Notice, referral: Referral, person: Person) -> dict[str, Any]:
    """How a given notice stands, for whoever looks."""
    desk = notice.decision.case.desk
    inside = desk.pk in person.desk_ids() or desk.organisation_id in person.organisation_ids(Role.AUTHORISING_OFFICER)
    overseen = Role.OVERSEER in person.roles()
    scrutiny: Scrutiny | None = getattr(notice, "scrutiny", None)
    formal = notice.kind == PowerKind.FORMAL_NOTICE
    return {
        "notice": notice,
        "noun": noun(notice.kind),
        "referral": referral,
        "formal": formal,
        "now": moment.now(),
        "review_until": _until(referral),
        "reviews": [_review(each, notice, referral, person, told=inside or overseen) for each in notice.reviews.all()],
        "kept_until": orders.kept_until(referral),
        "scrutiny": scrutiny,
        "scrutiny_clock": orders.clock_of(scrutiny) if scrutiny and scrutiny.received_at else None,
        "officer_here": officers.officer_at(person, desk),
        "may_open": inside or overseen,
        "inside": inside,
        "withdrawn": referral.state == ReferralState.WITHDRAWN,
    }


def _until(referral: Referral) -> Any:
    from seawall.channels.base import parse_stamp

    until = ((referral.document.get("formal") or {}).get("review") or {}).get("until")
    return parse_stamp(until) if until else None


def _review(review: Review, notice: Notice, referral: Referral, person: Person, *, told: bool) -> dict[str, Any]:
    still_open = not review.outcome and referral.state != ReferralState.WITHDRAWN
    until = _until(referral)
    return {
        "review": review,
        "clock": reviews.clock_of(review),
        "open": still_open,
        "after_time": until is not None and review.asked_at > until,
        "may_decide": still_open and reviews.may_decide(review, person),
        "nobody": still_open and told and not officers.who_may_review(notice),
        "by": review.decided_by.name if review.decided_by and told and Role.OVERSEER not in person.roles() else "",
    }
