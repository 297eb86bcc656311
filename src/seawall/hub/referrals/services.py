"""The referrals' verbs: prepare, deliver, probe, escalate; collect, inform and what follows from answers are in answers.py."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

import rfc8785
from django.db import transaction

from seawall import channels
from seawall.channels.manual import ManualChannel, NeedsPerson
from seawall.clock import EventKind, Start
from seawall.hub import moment
from seawall.hub.casework import queries as casework
from seawall.hub.casework.form import FormIncomplete, referrer_type
from seawall.hub.casework.models import CaseState, Outcome
from seawall.hub.casework.services import role_to_decide
from seawall.hub.directory.models import Person
from seawall.hub.directory.services import acting_as
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import Actor, record
from seawall.hub.practice import queries as practice
from seawall.hub.referrals import additions, evidence, user_notice_delays, user_notices
from seawall.hub.referrals.answers import (
    MAX_INFORMATION,
    POSTMAN,
    InformationNotWanted,
    apply_answer,
    collect,
    deliver_information,
    inform,
)
from seawall.hub.referrals.documents import (
    Given,
    NoticeFirst,
    NotReferable,
    action_seconds,
    document_for,
    kind_of,
    limit_for,
    text_decided,
)
from seawall.hub.referrals.models import Checkpoint, ClockEvent, Escalation, Probe, Referral, ReferralState, Step
from seawall.hub.referrals.reach import address_of, channel_of, locked, outbound, probe_of
from seawall.hub.referrals.tasks import queue_delivery, queue_withdrawal
from seawall.hub.referrals.telling import tell_desk, tell_of_escalation, tell_platform
from seawall.hub.referrals.withdrawals import drawn_for_reading

__all__ = [
    "LADDER",
    "MAX_INFORMATION",
    "OUTAGE_TRIES",
    "PROBE_AFTER",
    "Given",
    "InformationNotWanted",
    "NotReferable",
    "NoticeFirst",
    "apply_answer",
    "collect",
    "deliver",
    "deliver_information",
    "due_steps",
    "escalate",
    "inform",
    "outbound",
    "prepare",
    "probe",
    "redeliver",
    "sent_by_hand",
]

PROBE = Actor.machine("probe")
CLOCKWORK = Actor.machine("clock")

PROBE_AFTER = {
    Checkpoint.ANSWER: timedelta(0),
    Checkpoint.HOUR: timedelta(hours=1),
    Checkpoint.DAY: timedelta(hours=24),
    Checkpoint.WEEK: timedelta(days=7),
}
LADDER = {Step.SECOND_CONTACT: timedelta(0), Step.DESK_LEAD: timedelta(hours=24), Step.REGULATOR: timedelta(hours=72)}
"""How long after a clock ran out each step of the ladder is taken. A proposal of this hub, set by no statute."""
DELIVERY_TRIES = 60  # about two days of them (tasks.PATIENT); then a person has to look
RECEIPT_TRIES = (
    3  # deliveries that end in a wrong receipt, where sending again makes no second referral; then a person has to look
)
OUTAGE_TRIES = 8  # looks at an unreachable page before a checkpoint is recorded as unreachable


@transaction.atomic
def prepare(*, decision_id: UUID | str, given: Given | None = None) -> Referral:
    """Make the referral that a decision asks for and queue its delivery; one decision makes one referral, however often this runs.

    With `given` it is the notice or order that an officer gives; the clock of one that the law counts from its giving starts now. Raises
    NoticeFirst when an officer has to give one, or to decline, before anything is sent, NotReferable when the decision cannot be turned
    into a document, Route.DoesNotExist when the platform cannot be reached, HeldForAnswer for an hour at most while somebody has asked
    that the person is told later and nobody has answered; what an officer gives does not wait.
    """
    decision = casework.decision_to_refer(decision_id=decision_id)
    existing = Referral.objects.filter(decision=decision).first()
    if existing is not None:
        return existing
    if decision.outcome != Outcome.REFER or decision.voided_at is not None or decision.case.state != CaseState.CLOSED:
        raise NotReferable(f"Case {decision.case.reference} has no decision in force that asks for a referral.")
    if given is None and additions.held(decision):
        raise NoticeFirst(f"Case {decision.case.reference} waits for an officer to give a notice, or to decline.")
    user_notice_delays.hold(decision, waits=given is None)
    code = practice.code_at(decision.code_version)
    harm = code.harm(decision.harm)
    platform, organisation = decision.case.content.platform, decision.case.desk.organisation
    referral = Referral(
        case=decision.case,
        decision=decision,
        platform=platform,
        kind=given.kind if given else kind_of(decision),
        harm=harm.id,
        state_body=organisation.state_body,
        channel=platform.route.channel,
        prepared_at=moment.now(),
    )
    now = moment.now()
    hurried = {
        "election_period": practice.in_election_period(now.date()),
        "incident": practice.in_incident(harm_id=harm.id, at=now),
    }
    limit = given.limit if given else limit_for(code=code, harm=harm, **hurried)
    referral.sampled = drawn_for_reading(referral)
    document = document_for(referral=referral, decision=decision, code=code, limit=limit, given=given)
    document, notice = user_notices.written(document=document, referral=referral, decision=decision)
    referral.document, referral.document_sha256 = document.to_dict(), document.sha256()
    referral.limit = limit.to_json()
    referral.save(force_insert=True)
    user_notices.keep(notice, decision=decision)
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
            given_at=given.at if given and limit.starts == Start.GIVEN else None,
        ),
        subject=referral,
        actor=given.actor if given else POSTMAN,
    )
    if given and limit.starts == Start.GIVEN:
        ClockEvent.objects.create(referral=referral, at=given.at, kind=EventKind.STARTED)
    queue_delivery(referral)
    return referral


def deliver(*, referral_id: UUID | str) -> Referral:
    """Hand a referral to its platform; the clock starts at the platform's signed receipt.

    The call itself is made outside any transaction. The idempotency key is the referral's id, so that a delivery that was cut off and is
    made again is still one. Raises ChannelError when it failed and may be tried again; after DELIVERY_TRIES (RECEIPT_TRIES of them for a
    wrong receipt), or when trying again cannot help, the referral is marked as failed and waits for a person (`redeliver`).
    """
    referral = Referral.objects.select_related("platform__route").get(pk=referral_id)
    if referral.state != ReferralState.QUEUED:
        return referral
    document = channels.ReferralDocument.model_validate_json(rfc8785.dumps(referral.document))
    try:
        receipt = channel_of(referral).send(
            address_of(referral.platform.route), document, idempotency_key=str(referral.pk), at=moment.now()
        )
    except NeedsPerson:
        return _wait_for_a_person(referral_id=referral.pk)
    except channels.ChannelError as error:
        if not _note_failure(referral_id=referral.pk, error=error):
            raise
        return Referral.objects.get(pk=referral.pk)
    return _received(referral_id=referral.pk, receipt=receipt, actor=Actor.platform(referral.platform.slug))


@transaction.atomic
def _received(*, referral_id: UUID, receipt: channels.Receipt, actor: Actor) -> Referral:
    """The platform has it: keep the receipt and start the clock. Once, however often a delivery ends."""
    referral = locked(referral_id)
    if referral.state == ReferralState.WITHDRAWN and referral.received_at is None:
        return _received_too_late(referral, receipt)
    if referral.state not in (ReferralState.QUEUED, ReferralState.BY_HAND):
        return referral
    referral.state = ReferralState.AWAITING
    referral.attempts += 1
    referral.platform_reference = receipt.reference
    referral.receipt = receipt.to_dict()
    referral.proof = receipt.proof
    referral.received_at = receipt.received_at
    referral.problem = ""
    referral.save(
        update_fields=["state", "attempts", "platform_reference", "receipt", "proof", "received_at", "problem"]
    )
    if not referral.clock_events.exists():  # the clock of a formal notice runs since it was given
        ClockEvent.objects.create(referral=referral, at=receipt.received_at, kind=EventKind.STARTED)
    record(
        event=ledger.ReferralReceived(
            platform=referral.platform.slug,
            received_at=receipt.received_at,
            attempts=referral.attempts,
            receipt_digest=sha256(rfc8785.dumps(receipt.to_dict())).hexdigest(),
            proof=receipt.proof,
        ),
        subject=referral,
        actor=actor,
    )
    user_notices.referral_arrived(referral)
    tell_platform(
        referral=referral,
        kind="received",
        about=str(referral.pk),
        text=f"{referral.reference} has been referred to {referral.platform.name}.",
    )
    return referral


def _received_too_late(referral: Referral, receipt: channels.Receipt) -> Referral:
    """It was withdrawn while the call that delivered it was under way: no clock starts, and the platform is told."""
    referral.platform_reference = receipt.reference
    referral.receipt, referral.proof, referral.received_at = receipt.to_dict(), receipt.proof, receipt.received_at
    referral.save(update_fields=["platform_reference", "receipt", "proof", "received_at"])
    user_notices.referral_arrived(referral)
    referral.withdrawal.never_sent = False
    referral.withdrawal.save(update_fields=["never_sent"])
    queue_withdrawal(referral.withdrawal)
    return referral


@transaction.atomic
def _wait_for_a_person(*, referral_id: UUID) -> Referral:
    """The platform takes referrals by a form that only a person can fill in."""
    referral = locked(referral_id)
    if referral.state == ReferralState.QUEUED:
        referral.state = ReferralState.BY_HAND
        referral.save(update_fields=["state"])
        tell_desk(
            referral=referral,
            kind="by_hand",
            about=str(referral.pk),
            text=f"{referral.platform.name} takes referrals by a form: somebody has to send {referral.reference} by hand.",
        )
    return referral


def sent_by_hand(
    *,
    referral: Referral,
    person: Person,
    reference: str,
    submitted_at: datetime,
    note: str = "",
    picture_sha256: str | None = None,
) -> Referral:
    """A person has filled in the platform's form: the clock starts when they say that they sent it, on their word.

    `reference` is what the platform gave them; where it gave none, the referral's own. `picture_sha256` is the digest, in hexadecimal
    digits, of the picture that they kept of the platform's page. Raises PermissionError, FormIncomplete, and
    StatementInvalid for a time before the referral was written or after the present.
    """
    role = role_to_decide(person=person, desk=referral.case.desk)
    if role is None:
        raise PermissionError(f"Your role at {referral.case.desk.name} does not allow this.")
    if referral.state != ReferralState.BY_HAND:
        raise FormIncomplete.one("reference", f"{referral.reference} does not wait to be sent by hand.")
    document = channels.ReferralDocument.model_validate_json(rfc8785.dumps(referral.document))
    receipt = ManualChannel.stated(
        document,
        reference=reference.strip() or referral.reference,
        submitted_at=submitted_at,
        by=str(person.pk),
        note=note,
        evidence_sha256=picture_sha256,
        at=moment.now(),
    )
    return _received(referral_id=referral.pk, receipt=receipt, actor=acting_as(person, role))


@transaction.atomic
def _note_failure(*, referral_id: UUID, error: channels.ChannelError) -> bool:
    """Count a delivery that failed; say whether it was the last."""
    referral = locked(referral_id)
    if referral.state != ReferralState.QUEUED:
        return True
    referral.attempts += 1
    referral.problem = str(error)
    final = not _worth_another_try(referral, error)
    if final:
        referral.state = ReferralState.FAILED
        tell_desk(
            referral=referral,
            kind="failed",
            about=f"{referral.pk}-{referral.attempts}",
            text=f"{referral.reference} could not be delivered to {referral.platform.name}.",
        )
    referral.save(update_fields=["attempts", "problem", "state"])
    record(
        event=ledger.DeliveryFailed(
            platform=referral.platform.slug,
            attempts=referral.attempts,
            problem=type(error).__name__,
            final=final,
        ),
        subject=referral,
        actor=POSTMAN,
    )
    return final


def _worth_another_try(referral: Referral, error: channels.ChannelError) -> bool:
    if isinstance(error, channels.ReceiptInvalid):
        return channels.get(referral.channel).idempotent and referral.attempts < RECEIPT_TRIES
    return error.retryable and referral.attempts < DELIVERY_TRIES


def redeliver(*, referral: Referral, person: Person) -> None:
    """Try a referral that could not be delivered once more, on a person's word."""
    with transaction.atomic():
        referral = locked(referral.pk)
        desk = referral.case.desk
        role = role_to_decide(person=person, desk=desk)
        if role is None:
            raise PermissionError(f"Your role at {desk.name} does not allow this.")
        if referral.state != ReferralState.FAILED:
            return
        referral.state = ReferralState.QUEUED
        referral.save(update_fields=["state"])
        record(
            event=ledger.ReferralRequeued(platform=referral.platform.slug),
            subject=referral,
            actor=acting_as(person, role),
        )
        queue_delivery(referral)


def probe(*, referral_id: UUID | str, checkpoint: Checkpoint, tries: int = 1) -> Probe | None:
    """Look whether the content is still up and keep what was seen.

    A fixed checkpoint is recorded once. While a page cannot be reached nothing is concluded: None is returned, to be tried again, until
    `tries` reaches OUTAGE_TRIES and “unreachable” is what is recorded. Never counts an outage as a removal.
    """
    referral = Referral.objects.select_related("decision__case__content", "platform__route").get(pk=referral_id)
    if checkpoint != Checkpoint.ON_DEMAND and referral.probes.filter(checkpoint=checkpoint).exists():
        return None
    content = referral.decision.case.content
    text, _digest = text_decided(referral.decision)
    seen = probe_of(referral)(
        content.url,
        expected_text=text if content.text_known else None,
        outbound=outbound(),
        at=moment.now(),
    )
    if seen.state == "unreachable" and checkpoint != Checkpoint.ON_DEMAND and tries < OUTAGE_TRIES:
        return None
    kept_as = evidence.keep(referral=referral, seen=seen)
    with transaction.atomic():
        referral = locked(referral_id)
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
            views=dict(seen.views),
            evidence=kept_as.name if kept_as else "",
            evidence_sha256=kept_as.sha256 if kept_as else "",
            tries=tries,
        )
        record(
            event=ledger.ReferralProbed(platform=referral.platform.slug, checkpoint=str(checkpoint), state=seen.state),
            subject=referral,
            actor=PROBE,
        )
    return kept


def due_steps(referral: Referral, now: datetime) -> list[Step]:
    """The steps of the ladder that the time calls for on a referral, and that were not taken yet; none while its clock has not run out."""
    since = referral.clock().breached_at(now)
    if since is None:
        return []
    taken = {escalation.step for escalation in referral.escalations.all()}
    return [step for step, after in LADDER.items() if step not in taken and now >= since + after]


@transaction.atomic
def escalate(*, referral_id: UUID | str) -> list[Escalation]:
    """Take every step of the ladder that is due on a referral whose clock has run out; each step once."""
    referral = locked(referral_id)
    if referral.state not in (ReferralState.AWAITING, ReferralState.ASKED):
        return []
    now = moment.now()
    steps: list[Escalation] = []
    for step in due_steps(referral, now):
        steps.append(Escalation.objects.create(referral=referral, step=step, at=now))
        record(
            event=ledger.ReferralEscalated(platform=referral.platform.slug, step=str(step)),
            subject=referral,
            actor=CLOCKWORK,
        )
        tell_of_escalation(referral=referral, step=step)
    return steps
