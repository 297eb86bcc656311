"""The independent overseer's part: reads every referral by a body of the state and a sample of the rest, and may recommend withdrawal."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from seawall.hub import moment
from seawall.hub.casework.form import FormIncomplete
from seawall.hub.casework.services import role_to_decide
from seawall.hub.directory.models import Person
from seawall.hub.directory.roles import Role
from seawall.hub.directory.services import acting_as
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import record
from seawall.hub.referrals.models import Opinion, Reading, Referral, ReferralState, WithdrawnBy
from seawall.hub.referrals.reach import locked
from seawall.hub.referrals.telling import tell_desk, tell_overseer
from seawall.hub.referrals.withdrawals import MAX_REASONS, role_to_withdraw, withdraw


class AlreadyRead(Exception):
    """An overseer has read this referral before."""


class NothingRecommended(Exception):
    """No recommendation waits for an answer."""


@transaction.atomic
def read(*, referral: Referral, person: Person, opinion: Opinion, reasons: str = "") -> Reading:
    """Write down that an overseer has read a referral and what they think of it. A recommendation to withdraw needs reasons.

    Raises PermissionError for anybody but an overseer who may see it, FormIncomplete, AlreadyRead.
    """
    actor = acting_as(person, Role.OVERSEER)
    if not Referral.objects.visible_to(person).filter(pk=referral.pk).exists():
        raise PermissionError("This referral is not among those that the overseer reads.")
    reasons = reasons.strip()
    if opinion == Opinion.WITHDRAW and not reasons:
        raise FormIncomplete.one("reasons", "Say why it should be withdrawn.")
    if len(reasons) > MAX_REASONS or "\x00" in reasons:
        raise FormIncomplete.one("reasons", f"Use {MAX_REASONS:,} characters at most.")
    try:
        with transaction.atomic():
            made = Reading.objects.create(
                referral=referral, read_by=person, read_at=moment.now(), opinion=opinion, reasons=reasons
            )
    except IntegrityError as twice:
        raise AlreadyRead(f"{referral.reference} has been read before.") from twice
    record(
        event=ledger.ReferralRead(
            platform=referral.platform.slug, state_body=referral.state_body, opinion=str(opinion)
        ),
        subject=referral,
        actor=actor,
    )
    if opinion == Opinion.WITHDRAW:
        tell_desk(
            referral=referral,
            kind="withdrawal_recommended",
            about=str(made.pk),
            text=f"The overseer recommends that {referral.reference} is withdrawn.",
        )
    return made


@transaction.atomic
def answer_recommendation(*, referral: Referral, person: Person, follow: bool, answer: str) -> Reading:
    """The desk follows the overseer's recommendation, which withdraws the referral, or says why it does not.

    The person who decided the case cannot be the one who declines: somebody else has to look. Raises PermissionError, FormIncomplete,
    NothingRecommended.
    """
    referral = locked(referral.pk)
    desk = referral.case.desk
    role = role_to_decide(person=person, desk=desk)
    if role is None:
        raise PermissionError(f"Your role at {desk.name} does not allow this.")
    made = (
        Reading.objects.select_for_update()
        .filter(referral=referral, opinion=Opinion.WITHDRAW, answered_at=None)
        .first()
    )
    if made is None:
        raise NothingRecommended(f"No recommendation on {referral.reference} waits for an answer.")
    if not follow and referral.decision.decided_by_id == person.pk:
        raise PermissionError(
            "You decided this case, so somebody else has to answer if the recommendation is not followed."
        )
    if follow and role_to_withdraw(person=person, referral=referral) is None:
        raise PermissionError(f"Only an authorising officer at {desk.name} takes back a notice or an order.")
    answer = answer.strip()
    if not follow and not answer:
        raise FormIncomplete.one("answer", "Say why the referral stands.")
    if len(answer) > MAX_REASONS or "\x00" in answer:
        raise FormIncomplete.one("answer", f"Use {MAX_REASONS:,} characters at most.")
    made.answered_by, made.answered_at, made.followed, made.answer = person, moment.now(), follow, answer
    made.save(update_fields=["answered_by", "answered_at", "followed", "answer"])
    record(
        event=ledger.RecommendationAnswered(platform=referral.platform.slug, followed=follow),
        subject=referral,
        actor=acting_as(person, role),
    )
    if follow and referral.state != ReferralState.WITHDRAWN:
        withdraw(
            referral_id=referral.pk,
            by=WithdrawnBy.OVERSEER,
            reasons=answer or "The independent overseer recommended it.",
            actor=acting_as(person, role),
            person=person,
        )
    tell_overseer(
        person=made.read_by,
        referral=referral,
        about=str(made.pk),
        text=f"Your recommendation on {referral.reference} was {'followed' if follow else 'not followed; the desk says why'}.",
    )
    return made
