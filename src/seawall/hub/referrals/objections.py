"""“I think this was wrong”: what somebody writes who was told of a referral, and the answer by somebody who had no part in it."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.core.validators import validate_email
from django.db import transaction

from seawall.hub import moment
from seawall.hub.casework.form import MIN_REASONS, FormIncomplete
from seawall.hub.casework.models import Decision
from seawall.hub.casework.services import role_to_decide
from seawall.hub.directory import queries as directory
from seawall.hub.directory.models import Person
from seawall.hub.directory.roles import CASEWORKERS
from seawall.hub.directory.services import acting_as
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import Actor, record
from seawall.hub.referrals.models import Objection, Referral, ReferralState, UserNotice, WithdrawnBy
from seawall.hub.referrals.tasks import queue_objection_mail
from seawall.hub.referrals.telling import tell_desk, tell_overseers
from seawall.hub.referrals.user_notices import link_of
from seawall.hub.referrals.withdrawals import withdraw

MAX_TEXT = 2_000  # characters
MAX_ANSWER = 5_000  # characters: what a withdrawal has room for
MOST = 3
"""Objections that one notice takes, and one at a time: whoever holds the link can fill no queue with it, and no address is looked at."""


class TooManyObjections(Exception):
    """One waits for its answer already, or there were MOST."""


class NotYours(PermissionError):
    """Whoever decided or reviewed the case does not answer an objection to it."""


@transaction.atomic
def object_to(*, notice: UserNotice, text: str, mail: str = "") -> Objection:
    """Take an objection in and tell the desk and the overseer, who from now on sees the referral whoever made it.

    Raises FormIncomplete, TooManyObjections.
    """
    text = text.replace("\r\n", "\n").strip()
    mail = mail.strip()
    if not text or len(text) > MAX_TEXT or "\x00" in text:
        raise FormIncomplete.one("text", f"Write why you think that it was wrong, in {MAX_TEXT:,} characters at most.")
    if mail and (len(mail) > 254 or not _is_mail(mail)):
        raise FormIncomplete.one("mail", "Give a mail address like name@example.com, or leave it empty.")
    kept = UserNotice.objects.select_for_update().get(pk=notice.pk)
    before = list(kept.objections.all())
    if any(one.answered_at is None for one in before):
        raise TooManyObjections(
            "We have what you wrote already, and somebody will answer it. You can write again after that."
        )
    if len(before) >= MOST:
        raise TooManyObjections(f"We have answered {MOST} times about this. You can still complain to the platform.")
    made = Objection.objects.create(notice=kept, text=text, mail=mail, made_at=moment.now())
    Referral.objects.filter(pk=kept.referral_id).update(sampled=True)
    referral = Referral.objects.select_related("case__desk", "platform").get(pk=kept.referral_id)
    record(
        event=ledger.ObjectionMade(
            referral=str(referral.pk), platform=referral.platform.slug, state_body=referral.state_body
        ),
        subject=made,
        actor=Actor.public(),
    )
    said = f"Somebody who was told of {referral.reference} thinks that it was wrong."
    tell_desk(referral=referral, kind="objection", about=str(made.pk), text=said)
    tell_overseers(kind="objection", about=str(made.pk), text=said, link=f"/referrals/{referral.pk}/")
    return made


def _is_mail(address: str) -> bool:
    try:
        validate_email(address)
    except ValidationError:
        return False
    return True


def took_part(referral: Referral) -> set[UUID]:
    """The ids of the people who decided or reviewed the referral's case, at any time."""
    found: set[UUID] = set()
    for decided, reviewed in Decision.objects.filter(case=referral.case_id).values_list(
        "decided_by", "review__reviewed_by"
    ):
        found |= {one for one in (decided, reviewed) if one is not None}
    return found


def may_answer(*, person: Person, referral: Referral) -> bool:
    """Whether the person works at the desk and had no part in the case."""
    return role_to_decide(person=person, desk=referral.case.desk) is not None and person.pk not in took_part(referral)


def somebody_may_answer(referral: Referral) -> bool:
    """Whether anybody at the desk had no part in the case."""
    people = directory.people_at(desk=referral.case.desk, roles=CASEWORKERS)
    return any(may_answer(person=person, referral=referral) for person in people)


@transaction.atomic
def answer(*, objection: Objection, person: Person, upheld: bool, reasons: str) -> Objection:
    """Answer with reasons, which the person reads. Upheld, the referral is withdrawn and the platform asked to undo what it did.

    Raises PermissionError for anybody outside the desk, NotYours for whoever decided or reviewed the case, FormIncomplete.
    """
    kept = Objection.objects.select_for_update().get(pk=objection.pk)
    referral = Referral.objects.select_related("case__desk", "platform").get(pk=kept.notice.referral_id)
    desk = referral.case.desk
    role = role_to_decide(person=person, desk=desk)
    if role is None:
        raise PermissionError(f"Your role at {desk.name} does not allow this.")
    if person.pk in took_part(referral):
        raise NotYours("You decided or reviewed this case, so somebody else has to answer.")
    reasons = reasons.strip()
    if len(reasons) < MIN_REASONS or len(reasons) > MAX_ANSWER or "\x00" in reasons:
        raise FormIncomplete.one(
            "reasons", f"Give your reasons in a sentence or more, in {MAX_ANSWER:,} characters at most."
        )
    if kept.answered_at is not None:
        raise FormIncomplete.one("reasons", "Somebody else has answered this already.")
    actor = acting_as(person, role)
    kept.answered_by, kept.answered_at, kept.upheld, kept.answer = person, moment.now(), upheld, reasons
    kept.save(update_fields=["answered_by", "answered_at", "upheld", "answer"])
    record(
        event=ledger.ObjectionAnswered(
            referral=str(referral.pk), platform=referral.platform.slug, state_body=referral.state_body, upheld=upheld
        ),
        subject=kept,
        actor=actor,
    )
    if upheld and referral.state != ReferralState.WITHDRAWN:
        withdraw(
            referral_id=referral.pk, by=WithdrawnBy.APPEAL, reasons=reasons, restore=True, actor=actor, person=person
        )
    tell_overseers(
        kind="objection_answered",
        about=str(kept.pk),
        text=f"The objection to {referral.reference} was answered: {'upheld' if upheld else 'not upheld'}.",
        link=f"/referrals/{referral.pk}/",
    )
    if kept.mail:
        queue_objection_mail(kept)
    return kept


def mail_answer(*, objection_id: UUID | str) -> None:
    """Mail whoever left an address that there is an answer, and delete the address. The mail holds the link and not the answer."""
    with transaction.atomic():
        kept = Objection.objects.select_for_update(of=("self",)).select_related("notice").get(pk=objection_id)
        if not kept.mail or kept.answered_at is None:
            return
        send_mail(
            subject=f"{settings.HUB_NAME} has answered you",
            message="You wrote to us that a referral was wrong. Somebody who had no part in it has looked again. "
            f"Our answer stands here:\n\n{link_of(kept.notice)}\n\nWe have deleted your mail address.\n",
            from_email=None,
            recipient_list=[kept.mail],
        )
        kept.mail = ""
        kept.save(update_fields=["mail"])
