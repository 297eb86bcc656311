"""Whom the referrals' happenings are told to."""

from __future__ import annotations

from seawall.hub.casework.services import role_to_review
from seawall.hub.directory import queries as directory
from seawall.hub.directory.models import Person
from seawall.hub.directory.roles import CASEWORKERS, Role
from seawall.hub.notifications.services import notify
from seawall.hub.referrals.models import NoticeDelay, Referral, Step


def tell_desk(*, referral: Referral, kind: str, about: str, text: str) -> None:
    """Tell whoever decided, and the others of the desk who may act on it."""
    people = directory.people_at(desk=referral.case.desk, roles=CASEWORKERS)
    notify(
        people=people,
        kind=f"referral.{kind}",
        about=f"referral.{kind}:{about}",
        text=text,
        link=f"/referrals/{referral.pk}/",
    )


def tell_platform(*, referral: Referral, kind: str, about: str, text: str) -> None:
    """Tell the platform's contacts, and its software where it asked to be called."""
    organisation = referral.platform.organisation
    people = directory.contacts_of(organisation)
    notify(
        people=people,
        organisation=organisation,
        kind=f"referral.{kind}",
        about=f"referral.{kind}:{about}",
        text=text,
        link=f"/referrals/{referral.pk}/",
        data={"referral": str(referral.pk), "reference": referral.reference, "state": str(referral.state)},
    )


def tell_of_escalation(*, referral: Referral, step: Step) -> None:
    """Tell whom the step is for: the platform's second contact, the desk, or the regulators."""
    about = f"{referral.pk}-{step}"
    if step == Step.SECOND_CONTACT:
        # Everybody but the first contact; where there is but one, that one again.
        contacts = directory.contacts_of(referral.platform.organisation)
        notify(
            people=contacts[1:] or contacts,
            organisation=referral.platform.organisation,
            kind="referral.out_of_time",
            about=f"referral.out_of_time:{about}",
            text=f"The time for {referral.reference} has run out without an answer.",
            link=f"/referrals/{referral.pk}/",
            data={"referral": str(referral.pk), "reference": referral.reference, "state": str(referral.state)},
        )
    elif step == Step.DESK_LEAD:
        tell_desk(
            referral=referral,
            kind="out_of_time",
            about=about,
            text=f"{referral.platform.name} has not answered {referral.reference}, and its time ran out a day ago.",
        )
    else:
        notify(
            people=directory.holders_of(Role.REGULATOR),
            kind="referral.regulators_list",
            about=f"referral.regulators_list:{about}",
            text=f"A referral to {referral.platform.name} is on the regulator's list: no answer three days after its time ran out.",
            link=f"/scorecards/{referral.platform.slug}/",
        )


def tell_overseer(*, person: Person, referral: Referral, about: str, text: str) -> None:
    """Tell the overseer who read a referral what came of it."""
    notify(
        people=[person],
        kind="referral.recommendation_answered",
        about=f"referral.recommendation_answered:{about}",
        text=text,
        link=f"/referrals/{referral.pk}/",
    )


def tell_authorisers(*, delay: NoticeDelay, text: str) -> None:
    """Tell whoever may answer a request that a person is told later: those of the desk who give second words, without the asker."""
    people = [
        person
        for person in directory.people_at(desk=delay.desk, roles=CASEWORKERS)
        if person.pk != delay.asked_by_id and role_to_review(person=person, desk=delay.desk) is not None
    ]
    notify(
        people=people,
        kind="referral.notice_delay_asked",
        about=f"referral.notice_delay_asked:{delay.pk}",
        text=text,
        link=f"/notice-delays/{delay.pk}/answer/",
    )


def tell_overseers(*, kind: str, about: str, text: str, link: str) -> None:
    """Tell every overseer."""
    notify(
        people=directory.holders_of(Role.OVERSEER),
        kind=f"referral.{kind}",
        about=f"referral.{kind}:overseer:{about}",
        text=text,
        link=link,
    )
