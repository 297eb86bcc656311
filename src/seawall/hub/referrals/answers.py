"""What a platform answers, and what it is told when it asks."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from seawall import channels
from seawall.channels.base import ALLOWED_SKEW
from seawall.clock import EventKind, PauseReason
from seawall.hub import moment
from seawall.hub.casework.form import FormIncomplete
from seawall.hub.casework.services import role_to_decide
from seawall.hub.directory.models import Person
from seawall.hub.directory.services import acting_as
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import Actor, record
from seawall.hub.referrals.models import (
    NOTICES,
    AnswerWay,
    Checkpoint,
    ClockEvent,
    IncomingMail,
    Information,
    PlatformAnswer,
    Referral,
    ReferralState,
)
from seawall.hub.referrals.reach import address_of, channel_of, locked
from seawall.hub.referrals.tasks import queue_information, queue_probe, queue_review
from seawall.hub.referrals.telling import tell_desk

POSTMAN = Actor.machine("referrals")
MAX_ANSWER_ID = 200  # characters: what is kept of it
MAX_INFORMATION = 20_000  # characters that a platform takes (docs/reference/referral-protocol.md)


class InformationNotWanted(Exception):
    """The platform has not asked for anything that is still unanswered."""


def collect(*, referral_id: UUID | str) -> list[PlatformAnswer]:
    """Fetch what the platform has answered since the last time and apply it; say what is new.

    Raises ChannelError when the platform cannot be reached or its answer does not hold.
    """
    referral = Referral.objects.select_related("platform__route").get(pk=referral_id)
    if referral.state not in (ReferralState.AWAITING, ReferralState.ASKED):
        return []
    last = referral.answers.order_by("-answered_at", "-id").first()
    looked_at = moment.now()
    try:
        answers = channel_of(referral).answers(
            address_of(referral.platform.route), referral.platform_reference, after=last.answer_id if last else None
        )
        applied = [
            kept for answer in answers if (kept := apply_answer(referral_id=referral.pk, answer=answer)) is not None
        ]
    except channels.ChannelError as error:
        _note_problem(referral, str(error))
        raise
    Referral.objects.filter(pk=referral.pk).update(last_polled_at=looked_at, problem="")
    return applied


def _note_problem(referral: Referral, problem: str) -> None:
    """Let people see why a referral that was received gets no further."""
    Referral.objects.filter(pk=referral.pk).update(problem=problem)


@transaction.atomic
def apply_answer(
    *,
    referral_id: UUID | str,
    answer: channels.Answer,
    way: AnswerWay = AnswerWay.CHANNEL,
    given_by: Person | None = None,
) -> PlatformAnswer | None:
    """Take in one answer: pause, resume or stop the clock as it says. None when it is known already or comes after the end.

    A dispute or an appeal is taken in after the end as well, as long as the referral was not withdrawn; neither stops or pauses a clock.
    The answer is kept as it came; the clock and the ledger go by `_believable`. Raises AnswerInvalid for an id that cannot be kept.
    """
    referral = locked(referral_id)
    objects = answer.status in ("DISPUTED", "APPEALED")
    if referral.state not in (ReferralState.AWAITING, ReferralState.ASKED) and not (
        objects and referral.state == ReferralState.ANSWERED
    ):
        return None
    if len(answer.answer_id) > MAX_ANSWER_ID:
        raise channels.AnswerInvalid(
            f"The id of an answer is longer than {MAX_ANSWER_ID} characters. Ask the platform to shorten it."
        )
    if referral.answers.filter(answer_id=answer.answer_id).exists():
        return None
    kept = PlatformAnswer.objects.create(
        referral=referral,
        answer_id=answer.answer_id,
        answered_at=answer.at,
        collected_at=moment.now(),
        status=answer.status,
        reason_code=answer.reason_code or "",
        puid=answer.puid or "",
        detail=answer.detail,
        actions=list(answer.actions),
        proof=answer.proof,
        way=way,
        given_by=given_by,
    )
    actor = Actor.platform(referral.platform.slug)
    at = _believable(referral, answer.at)
    record(
        event=ledger.ReferralAnswered(
            platform=referral.platform.slug,
            answered_at=at,
            status=answer.status,
            reason_code=answer.reason_code,
            restricted=bool(answer.actions),
            proof=answer.proof,
            way=str(way),
        ),
        subject=referral,
        actor=actor,
    )
    if answer.status == "COMPLETED":
        _complete(referral=referral, answer=answer, at=at, actor=actor)
    elif not objects and (reason := _why_paused(referral, answer)) is not None:
        _pause(referral=referral, at=at, reason=reason, actor=actor)
    elif not objects and _stands_still(referral, PauseReason.IMPOSSIBILITY):
        _resume(referral=referral, at=at, actor=actor)  # they are at it again
    if answer.status == "APPEALED" and referral.kind in NOTICES:
        queue_review(kept)
    if objects:
        tell_desk(
            referral=referral,
            kind=str(answer.status).lower(),
            about=str(kept.pk),
            text=f"{referral.platform.name} "
            + ("disputes" if answer.status == "DISPUTED" else "asks for a review of")
            + f" {referral.reference}.",
        )
    elif answer.reason_code == "NEED_MORE_INFORMATION" and answer.status != "COMPLETED":
        tell_desk(
            referral=referral,
            kind="asked",
            about=str(kept.pk),
            text=f"{referral.platform.name} asks for more information on {referral.reference}.",
        )
    return kept


def _complete(*, referral: Referral, answer: channels.Answer, at: datetime, actor: Actor) -> None:
    if referral.state == ReferralState.ASKED:
        _resume(referral=referral, at=at, actor=actor)
    ClockEvent.objects.create(referral=referral, at=_not_before(referral, at), kind=EventKind.STOPPED)
    referral.state, referral.answered_at = ReferralState.ANSWERED, at
    down = answer.reason_code in ("ACTIONED", "CONTENT_DOWN_OR_INACCESSIBLE")
    if referral.kind == "formal_notice" and referral.confirmed_at is None and down:
        referral.confirmed_at = at
        record(event=ledger.NoticeConfirmed(platform=referral.platform.slug), subject=referral, actor=actor)
    referral.save(update_fields=["state", "answered_at", "confirmed_at"])
    queue_probe(referral.pk, Checkpoint.ANSWER)


def _why_paused(referral: Referral, answer: channels.Answer) -> PauseReason | None:
    """The reason for which this answer halts the clock, or at least makes the hub the one to move."""
    if answer.reason_code == "IMPOSSIBLE_NOW":
        return PauseReason.IMPOSSIBILITY
    if answer.reason_code == "NEED_MORE_INFORMATION":
        # A removal order knows no questions, but an obvious lack in the order itself halts its hour.
        unclear = PauseReason.UNCLEAR_NOTICE in referral.clock().limit.pausable
        return PauseReason.UNCLEAR_NOTICE if unclear else PauseReason.INFORMATION_REQUESTED
    return None


def _stands_still(referral: Referral, reason: PauseReason) -> bool:
    events = referral.clock().events
    return bool(events) and events[-1].kind == EventKind.PAUSED and events[-1].reason == reason


def _believable(referral: Referral, said: datetime) -> datetime:
    """When an answer counts as given: when the platform says, as far as that can be.

    Not before what happened to the clock already, nor before our last look, which did not show it (a few minutes of disagreement
    allowed); and not after the present. So a wrong clock, or a date put back, cannot make a late answer one in time.
    """
    last = referral.clock_events.order_by("-at", "-id").values_list("at", flat=True).first()
    looked = referral.last_polled_at and referral.last_polled_at - ALLOWED_SKEW
    return max([min(said, moment.now()), *(at for at in (last, referral.received_at, looked) if at is not None)])


def _not_before(referral: Referral, at: datetime) -> datetime:
    """`at`, or the last event of the clock where a platform's own clock runs a little behind it."""
    last = referral.clock_events.order_by("-at", "-id").first()
    return max(at, last.at) if last else at


def _pause(*, referral: Referral, at: datetime, reason: PauseReason, actor: Actor) -> None:
    clock = referral.clock()
    if reason != PauseReason.IMPOSSIBILITY:
        referral.state = ReferralState.ASKED
        referral.save(update_fields=["state"])
    if reason not in clock.limit.pausable or (clock.events and clock.events[-1].kind == EventKind.PAUSED):
        return
    event = ClockEvent.objects.create(
        referral=referral, at=_not_before(referral, at), kind=EventKind.PAUSED, reason=reason.value
    )
    record(
        event=ledger.ClockPaused(platform=referral.platform.slug, reason=reason.value, at=event.at),
        subject=referral,
        actor=actor,
    )


def _resume(*, referral: Referral, at: datetime, actor: Actor) -> None:
    events = referral.clock().events
    referral.state = ReferralState.AWAITING
    referral.save(update_fields=["state"])
    if not events or events[-1].kind != EventKind.PAUSED:
        return
    event = ClockEvent.objects.create(referral=referral, at=_not_before(referral, at), kind=EventKind.RESUMED)
    record(event=ledger.ClockResumed(platform=referral.platform.slug, at=event.at), subject=referral, actor=actor)


def question_of(referral: Referral) -> PlatformAnswer | None:
    """What the platform asked, disputes or wants reviewed, and has no answer to yet; None when there is nothing."""
    if referral.state == ReferralState.WITHDRAWN:
        return None
    unanswered = referral.answers.filter(information=None).order_by("-answered_at", "-id")
    # A review of a notice is decided by an officer who had no part in it, not answered by the desk.
    mine = ("DISPUTED",) if referral.kind in NOTICES else ("DISPUTED", "APPEALED")
    objections = unanswered.filter(status__in=mine)
    if referral.state == ReferralState.ASKED:
        return unanswered.filter(reason_code="NEED_MORE_INFORMATION").first() or objections.first()
    return objections.first()


@transaction.atomic
def inform(*, referral: Referral, person: Person, text: str) -> Information:
    """Answer what the platform asked. The clock runs again when the platform has it (see `deliver_information`).

    Raises InformationNotWanted, PermissionError, FormIncomplete when there is no text or more than a platform takes.
    """
    text = text.strip()
    if not text or len(text) > MAX_INFORMATION or "\x00" in text:
        raise FormIncomplete.one(
            "text", f"Write what the platform asked for, in {MAX_INFORMATION:,} characters at most."
        )
    referral = locked(referral.pk)
    role = role_to_decide(person=person, desk=referral.case.desk)
    if role is None:
        raise PermissionError(f"Your role at {referral.case.desk.name} does not allow this.")
    asked = question_of(referral)
    if asked is None:
        raise InformationNotWanted(f"{referral.platform.name} is not waiting for information on {referral.reference}.")
    given = Information.objects.create(
        referral=referral, answer=asked, given_by=person, text=text, given_at=moment.now()
    )
    record(
        event=ledger.InformationGiven(platform=referral.platform.slug), subject=referral, actor=acting_as(person, role)
    )
    queue_information(given)
    return given


@transaction.atomic
def tell_of_review(*, answer: PlatformAnswer, person: Person, text: str, actor: Actor) -> Information:
    """Have a platform that asked for a review told what came of it, by its own channel. Whoever decides it has checked who may."""
    given = Information.objects.create(
        referral=answer.referral, answer=answer, given_by=person, text=text[:MAX_INFORMATION], given_at=moment.now()
    )
    record(event=ledger.InformationGiven(platform=answer.referral.platform.slug), subject=answer.referral, actor=actor)
    queue_information(given)
    return given


def deliver_information(*, information_id: UUID | str) -> None:
    """Hand the platform what it asked for; its clock runs again. Raises ChannelError when it may be tried again."""
    given = Information.objects.select_related("referral__platform__route").get(pk=information_id)
    if given.delivered_at is not None:
        return
    referral = given.referral
    try:
        channel_of(referral).inform(
            address_of(referral.platform.route), referral.platform_reference, given.text, idempotency_key=str(given.pk)
        )
    except channels.NotCarried:
        pass  # the words stand in the platform's portal, where its staff and software read them
    except channels.ChannelError as error:
        _note_problem(referral, str(error))
        raise
    with transaction.atomic():
        referral = locked(referral.pk)
        given = Information.objects.select_for_update().get(pk=information_id)
        if given.delivered_at is not None:
            return
        given.delivered_at = moment.now()
        given.save(update_fields=["delivered_at"])
        _note_problem(referral, "")
        if referral.state == ReferralState.ASKED and given.answer.reason_code == "NEED_MORE_INFORMATION":
            _resume(referral=referral, at=given.delivered_at, actor=POSTMAN)


@transaction.atomic
def note_answer(
    *, referral: Referral, person: Person, saying: channels.Answer, mail: IncomingMail | None = None
) -> PlatformAnswer | None:
    """Write down what a platform said by telephone, letter or a mail that only a person can read. It counts as no surer than “stated”.

    Raises PermissionError. None when the referral is finished already.
    """
    role = role_to_decide(person=person, desk=referral.case.desk)
    if role is None:
        raise PermissionError(f"Your role at {referral.case.desk.name} does not allow this.")
    kept = apply_answer(referral_id=referral.pk, answer=saying, way=AnswerWay.NOTED, given_by=person)
    if mail is not None and kept is not None:
        mail.answer, mail.dealt_with_at, mail.dealt_with_by = kept, moment.now(), person
        mail.save(update_fields=["answer", "dealt_with_at", "dealt_with_by"])
    return kept
