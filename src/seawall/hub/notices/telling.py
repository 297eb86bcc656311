"""Whom the happenings of notices are told to."""

from __future__ import annotations

from collections.abc import Iterable

from seawall.hub.directory import queries as directory
from seawall.hub.directory.models import Person
from seawall.hub.directory.roles import CASEWORKERS, Role
from seawall.hub.notices import officers
from seawall.hub.notices.models import Notice, Review
from seawall.hub.notices.parts import noun
from seawall.hub.notifications.services import notify


def tell_of_draft(notice: Notice) -> None:
    """Tell the officers who may give it; where there is none, everybody at the desk."""
    case = notice.decision.case
    able = officers.who_may_give(notice)
    what = f"A {noun(notice.kind)} on {case.reference}"
    _tell(
        able or directory.people_at(desk=case.desk, roles=CASEWORKERS),
        notice,
        kind="draft",
        about="draft",
        text=f"{what} waits for you to give it or to decline."
        if able
        else f"{what} waits, and no officer of the desk is free of the decision. An administrator can add one.",
    )


def tell_decider(notice: Notice, *, kind: str, text: str, about: str = "") -> None:
    """Tell whoever decided the case, and everybody else at the desk who may settle what follows."""
    desk = notice.decision.case.desk
    people = {person.pk: person for person in directory.people_at(desk=desk, roles=CASEWORKERS)}
    people.setdefault(notice.decision.decided_by_id, notice.decision.decided_by)
    _tell(people.values(), notice, kind=kind, about=about or kind, text=text)


def tell_of_review(review: Review) -> None:
    """Tell the officers who may decide it. Where nobody is independent, the overseer and the desk."""
    notice = review.notice
    able = officers.who_may_review(notice)
    reference = notice.referral.reference if notice.referral else notice.decision.case.reference
    if able:
        _tell(
            able,
            notice,
            kind="review",
            about=f"review-{review.pk}",
            text=f"{reference}: the platform asks for a review, and you had no part in the notice.",
        )
    else:
        tell_overseer(
            review,
            about="nobody",
            text=f"{reference}: a platform asks for a review, and its organisation has no officer who had no part in it.",
        )


def tell_overseer(review: Review, *, about: str, text: str) -> None:
    """Tell every overseer, on the page of the referral."""
    referral = review.notice.referral
    if referral is not None:
        notify(
            people=directory.holders_of(Role.OVERSEER),
            kind="notice.review",
            about=f"notice.review:{about}-{review.pk}",
            text=text,
            link=f"/referrals/{referral.pk}/",
        )


def _tell(people: Iterable[Person], notice: Notice, *, kind: str, about: str, text: str) -> None:
    notify(
        people=people,
        kind=f"notice.{kind}",
        about=f"notice.{about}:{notice.pk}",
        text=text,
        link=f"/notices/{notice.pk}/",
    )


def tell_late(review: Review) -> None:
    """Tell the officers who may decide a review, and the overseer, that its time has run out."""
    notice = review.notice
    reference = notice.referral.reference if notice.referral else ""
    text = f"{reference}: the time for deciding the platform’s request for a review has run out."
    _tell(officers.who_may_review(notice), notice, kind="review", about=f"late-{review.pk}", text=text)
    tell_overseer(review, about="late", text=text)
