"""The referrals' verbs: prepare, deliver, collect, inform, probe, escalate."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from uuid import UUID

import rfc8785
from django.conf import settings
from django.db import transaction

from seawall import channels, probes
from seawall.clock import EventKind, PauseReason
from seawall.hub import moment
from seawall.hub.casework import queries as casework
from seawall.hub.casework.form import referrer_type
from seawall.hub.casework.models import CaseState, Outcome
from seawall.hub.casework.services import role_to_decide
from seawall.hub.directory.models import Person, Route
from seawall.hub.directory.services import acting_as
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import Actor, record
from seawall.hub.practice import queries as practice
from seawall.hub.referrals.documents import NotReferable, action_seconds, document_for, kind_of, limit_for
from seawall.hub.referrals.models import (
    Checkpoint,
    ClockEvent,
    Escalation,
    Information,
    PlatformAnswer,
    Probe,
    Referral,
    ReferralState,
    Step,
)
from seawall.hub.referrals.tasks import queue_delivery, queue_information, queue_probe
from seawall.outbound import Outbound

POSTMAN = Actor.machine("referrals")
PROBE = Actor.machine("probe")
CLOCKWORK = Actor.machine("clock")

PROBE_AFTER = {Checkpoint.ANSWER: timedelta(0), Checkpoint.DAY: timedelta(hours=24), Checkpoint.WEEK: timedelta(days=7)}
LADDER = {Step.SECOND_CONTACT: timedelta(0), Step.DESK_LEAD: timedelta(hours=24), Step.REGULATOR: timedelta(hours=72)}
"""How long after a clock ran out each step of the ladder is taken. A proposal of this hub, set by no statute."""
OUTAGE_TRIES = 8  # looks at an unreachable page before a checkpoint is recorded as unreachable


class InformationNotWanted(Exception):
    """The platform has not asked for anything that is still unanswered."""


@lru_cache(maxsize=1)
def outbound() -> Outbound:
    """The guarded way out that this process uses for every call."""
    return Outbound(allow=settings.OUTBOUND_ALLOW)


def _channel(referral: Referral) -> channels.Channel:
    return channels.get(referral.channel)(outbound=outbound())


def _address(route: Route) -> channels.Address:
    return channels.Address(endpoint=route.endpoint, public_key=route.public_key, token=route.token)


@transaction.atomic
def prepare(*, decision_id: UUID | str) -> Referral:
    """Make the referral that a decision asks for and queue its delivery; one decision makes one referral, however often this runs.

    Raises NotReferable when the decision cannot be turned into a document, Route.DoesNotExist when the platform cannot be reached.
    """
    decision = casework.decision_for(decision_id=decision_id)
    existing = Referral.objects.filter(decision=decision).first()
    if existing is not None:
        return existing
    if decision.outcome != Outcome.REFER or decision.voided_at is not None or decision.case.state != CaseState.CLOSED:
        raise NotReferable(f"Case {decision.case.reference} has no decision in force that asks for a referral.")
    code = practice.code_at(decision.code_version)
    harm = code.harm(decision.harm)
    platform, organisation = decision.case.content.platform, decision.case.desk.organisation
    referral = Referral(
        case=decision.case,
        decision=decision,
        platform=platform,
        kind=kind_of(decision),
        harm=harm.id,
        state_body=organisation.state_body,
        channel=platform.route.channel,
        prepared_at=moment.now(),
    )
    document = document_for(referral=referral, decision=decision, code=code)
    limit = limit_for(code=code, harm=harm)
    referral.document, referral.document_sha256 = document.to_dict(), document.sha256()
    referral.limit = limit.to_json()
    referral.save(force_insert=True)
    record(
        event=ledger.ReferralPrepared(
            case=str(decision.case_id),
            decision=str(decision.pk),
            platform=platform.slug,
            kind=referral.kind,
            harm=harm.id,
            code_version=code.version,
            basis=str(decision.basis),
            referrer_type=referrer_type(organisation),
            state_body=organisation.state_body,
            requested_action=document.requested_action,
            limit_seconds=int(action_seconds(limit)),
            limit_basis=limit.basis.value,
            document_digest=referral.document_sha256,
            first_seen_at=decision.case.content.first_seen_at,
            case_opened_at=decision.case.opened_at,
            decided_at=decision.case.closed_at or decision.decided_at,
        ),
        subject=referral,
        actor=POSTMAN,
    )
    queue_delivery(referral)
    return referral


def _locked(referral_id: UUID | str) -> Referral:
    return (
        Referral.objects.select_for_update(of=("self",))
        .select_related("platform__route", "case__content", "case__desk")
        .get(pk=referral_id)
    )


def deliver(*, referral_id: UUID | str) -> Referral:
    """Hand a referral to its platform; the clock starts at the platform's signed receipt.

    The call itself is made outside any transaction. The idempotency key is the referral's id, so that a delivery that was cut off and is
    made again is still one. Raises ChannelError when it failed and may be tried again.
    """
    referral = Referral.objects.select_related("platform__route").get(pk=referral_id)
    if referral.state != ReferralState.QUEUED:
        return referral
    document = channels.ReferralDocument.model_validate_json(rfc8785.dumps(referral.document))
    try:
        receipt = _channel(referral).send(
            _address(referral.platform.route), document, idempotency_key=str(referral.pk), at=moment.now()
        )
    except channels.ChannelError as error:
        _note_failure(referral_id=referral.pk, error=error)
        if error.retryable:
            raise
        return Referral.objects.get(pk=referral.pk)
    with transaction.atomic():
        referral = _locked(referral_id)
        if referral.state != ReferralState.QUEUED:
            return referral
        referral.state = ReferralState.AWAITING
        referral.attempts += 1
        referral.platform_reference = receipt.reference
        referral.receipt = receipt.to_dict()
        referral.received_at = receipt.received_at
        referral.problem = ""
        referral.save(update_fields=["state", "attempts", "platform_reference", "receipt", "received_at", "problem"])
        ClockEvent.objects.create(referral=referral, at=receipt.received_at, kind=EventKind.STARTED)
        record(
            event=ledger.ReferralReceived(
                platform=referral.platform.slug,
                received_at=receipt.received_at,
                attempts=referral.attempts,
                receipt_digest=sha256(rfc8785.dumps(receipt.to_dict())).hexdigest(),
            ),
            subject=referral,
            actor=Actor.platform(referral.platform.slug),
        )
    return referral


@transaction.atomic
def _note_failure(*, referral_id: UUID, error: channels.ChannelError) -> None:
    referral = _locked(referral_id)
    if referral.state != ReferralState.QUEUED:
        return
    referral.attempts += 1
    referral.problem = str(error)
    if not error.retryable:
        referral.state = ReferralState.FAILED
    referral.save(update_fields=["attempts", "problem", "state"])
    record(
        event=ledger.DeliveryFailed(
            platform=referral.platform.slug,
            attempts=referral.attempts,
            problem=type(error).__name__,
            final=not error.retryable,
        ),
        subject=referral,
        actor=POSTMAN,
    )


def redeliver(*, referral: Referral, person: Person) -> None:
    """Try a referral that could not be delivered once more, on a person's word."""
    with transaction.atomic():
        locked = _locked(referral.pk)
        role = role_to_decide(person=person, desk=locked.case.desk)
        if role is None:
            raise PermissionError(f"Your role at {locked.case.desk.name} does not allow this.")
        if locked.state != ReferralState.FAILED:
            return
        locked.state = ReferralState.QUEUED
        locked.save(update_fields=["state"])
        record(
            event=ledger.ReferralRequeued(platform=locked.platform.slug), subject=locked, actor=acting_as(person, role)
        )
        queue_delivery(locked)


def collect(*, referral_id: UUID | str) -> list[PlatformAnswer]:
    """Fetch what the platform has answered since the last time and apply it; say what is new.

    Raises ChannelError when the platform cannot be reached or its answer does not hold.
    """
    referral = Referral.objects.select_related("platform__route").get(pk=referral_id)
    if referral.state not in (ReferralState.AWAITING, ReferralState.ASKED):
        return []
    last = referral.answers.order_by("-answered_at", "-id").first()
    answers = _channel(referral).answers(
        _address(referral.platform.route), referral.platform_reference, after=last.answer_id if last else None
    )
    applied = [kept for answer in answers if (kept := apply_answer(referral_id=referral.pk, answer=answer)) is not None]
    Referral.objects.filter(pk=referral.pk).update(last_polled_at=moment.now())
    return applied


@transaction.atomic
def apply_answer(*, referral_id: UUID | str, answer: channels.Answer) -> PlatformAnswer | None:
    """Take in one answer: pause, resume or stop the clock as it says. None when it is known already or comes after the end."""
    referral = _locked(referral_id)
    if referral.state not in (ReferralState.AWAITING, ReferralState.ASKED):
        return None
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
    )
    platform = Actor.platform(referral.platform.slug)
    record(
        event=ledger.ReferralAnswered(
            platform=referral.platform.slug,
            answered_at=answer.at,
            status=answer.status,
            reason_code=answer.reason_code,
            restricted=bool(answer.actions),
        ),
        subject=referral,
        actor=platform,
    )
    asks = answer.reason_code == "NEED_MORE_INFORMATION"
    if asks and answer.status != "COMPLETED":
        _pause(referral=referral, at=answer.at, reason=PauseReason.INFORMATION_REQUESTED, actor=platform)
    elif answer.status == "COMPLETED":
        if referral.state == ReferralState.ASKED:
            _resume(referral=referral, at=answer.at, actor=platform)
        ClockEvent.objects.create(referral=referral, at=_not_before(referral, answer.at), kind=EventKind.STOPPED)
        referral.state, referral.answered_at = ReferralState.ANSWERED, answer.at
        referral.save(update_fields=["state", "answered_at"])
        queue_probe(referral.pk, Checkpoint.ANSWER)
    return kept


def _not_before(referral: Referral, at: datetime) -> datetime:
    """`at`, or the last event of the clock where a platform's own clock runs a little behind it."""
    last = referral.clock_events.order_by("-at", "-id").first()
    return max(at, last.at) if last else at


def _pause(*, referral: Referral, at: datetime, reason: PauseReason, actor: Actor) -> None:
    clock = referral.clock()
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


@transaction.atomic
def inform(*, referral: Referral, person: Person, text: str) -> Information:
    """Answer what the platform asked. The clock runs again when the platform has it (see `deliver_information`).

    Raises InformationNotWanted, PermissionError.
    """
    referral = _locked(referral.pk)
    role = role_to_decide(person=person, desk=referral.case.desk)
    if role is None:
        raise PermissionError(f"Your role at {referral.case.desk.name} does not allow this.")
    asked = (
        referral.answers.filter(reason_code="NEED_MORE_INFORMATION", information=None).order_by("-answered_at").first()
    )
    if referral.state != ReferralState.ASKED or asked is None:
        raise InformationNotWanted(f"{referral.platform.name} is not waiting for information on {referral.reference}.")
    given = Information.objects.create(
        referral=referral, answer=asked, given_by=person, text=text.strip(), given_at=moment.now()
    )
    record(
        event=ledger.InformationGiven(platform=referral.platform.slug), subject=referral, actor=acting_as(person, role)
    )
    queue_information(given)
    return given


def deliver_information(*, information_id: UUID | str) -> None:
    """Hand the platform what it asked for; its clock runs again. Raises ChannelError when it may be tried again."""
    given = Information.objects.select_related("referral__platform__route").get(pk=information_id)
    if given.delivered_at is not None:
        return
    referral = given.referral
    _channel(referral).inform(
        _address(referral.platform.route), referral.platform_reference, given.text, idempotency_key=str(given.pk)
    )
    with transaction.atomic():
        referral = _locked(referral.pk)
        given = Information.objects.select_for_update().get(pk=information_id)
        if given.delivered_at is not None:
            return
        given.delivered_at = moment.now()
        given.save(update_fields=["delivered_at"])
        if referral.state == ReferralState.ASKED:
            _resume(referral=referral, at=given.delivered_at, actor=POSTMAN)


def probe(*, referral_id: UUID | str, checkpoint: Checkpoint, tries: int = 1) -> Probe | None:
    """Look whether the content is still up and keep what was seen.

    A fixed checkpoint is recorded once. While a page cannot be reached nothing is concluded: None is returned, to be tried again, until
    `tries` reaches OUTAGE_TRIES and “unreachable” is what is recorded. Never counts an outage as a removal.
    """
    referral = Referral.objects.select_related("case__content", "platform").get(pk=referral_id)
    if checkpoint != Checkpoint.ON_DEMAND and referral.probes.filter(checkpoint=checkpoint).exists():
        return None
    content = referral.case.content
    seen = probes.get("http")(
        content.url,
        expected_text=content.text,
        outbound=outbound(),
        at=moment.now(),
    )
    if seen.state == "unreachable" and checkpoint != Checkpoint.ON_DEMAND and tries < OUTAGE_TRIES:
        return None
    with transaction.atomic():
        referral = _locked(referral_id)
        if checkpoint != Checkpoint.ON_DEMAND and referral.probes.filter(checkpoint=checkpoint).exists():
            return None
        kept = Probe.objects.create(
            referral=referral,
            checkpoint=checkpoint,
            at=moment.now(),
            state=seen.state,
            http_status=seen.http_status,
            detail=seen.detail,
            body_sha256=seen.body_sha256 or "",
            tries=tries,
        )
        record(
            event=ledger.ReferralProbed(platform=referral.platform.slug, checkpoint=str(checkpoint), state=seen.state),
            subject=referral,
            actor=PROBE,
        )
    return kept


@transaction.atomic
def escalate(*, referral_id: UUID | str) -> list[Escalation]:
    """Take every step of the ladder that is due on a referral whose clock has run out; each step once."""
    referral = _locked(referral_id)
    if referral.state not in (ReferralState.AWAITING, ReferralState.ASKED):
        return []
    now = moment.now()
    since = referral.clock().breached_at(now)
    if since is None:
        return []
    taken = set(referral.escalations.values_list("step", flat=True))
    steps: list[Escalation] = []
    for step, after in LADDER.items():
        if step in taken or now < since + after:
            continue
        steps.append(Escalation.objects.create(referral=referral, step=step, at=now))
        record(
            event=ledger.ReferralEscalated(platform=referral.platform.slug, step=str(step)),
            subject=referral,
            actor=CLOCKWORK,
        )
    return steps
