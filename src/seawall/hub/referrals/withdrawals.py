"""Taking a referral back: by its desk, by the officer, on the overseer's word or when an appeal is upheld."""

from __future__ import annotations

from hashlib import sha256
from typing import Literal, cast
from uuid import UUID

import rfc8785
from django.conf import settings
from django.db import transaction

from seawall import channels
from seawall.clock import EventKind
from seawall.hub import moment
from seawall.hub.casework.form import FormIncomplete
from seawall.hub.casework.services import role_to_decide
from seawall.hub.directory.models import Person
from seawall.hub.directory.roles import Role
from seawall.hub.directory.services import acting_as
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import Actor, record
from seawall.hub.referrals.models import NOTICES, ClockEvent, Referral, ReferralState, Withdrawal, WithdrawnBy
from seawall.hub.referrals.reach import address_of, channel_of, locked
from seawall.hub.referrals.tasks import queue_forgetting, queue_withdrawal
from seawall.hub.referrals.telling import tell_desk, tell_platform

POSTMAN = Actor.machine("referrals")
MAX_REASONS = 5_000  # characters


class AlreadyWithdrawn(Exception):
    """The referral was taken back before."""


def drawn_for_reading(referral: Referral) -> bool:
    """Whether the overseer reads this referral although no body of the state made it: one in OVERSEER_SAMPLE, by its random id.

    The draw can be done again by anybody who knows the id: SHA-256 of it, as a number, divides by OVERSEER_SAMPLE without rest.
    """
    number = int.from_bytes(sha256(str(referral.pk).encode()).digest()[:8], "big")
    return number % max(1, settings.OVERSEER_SAMPLE) == 0


def role_to_withdraw(*, person: Person, referral: Referral) -> Role | None:
    """The role in which the person may take the referral back; None when they may not. A notice is an officer's alone."""
    desk = referral.case.desk
    if referral.kind in NOTICES:
        return Role.AUTHORISING_OFFICER if Role.AUTHORISING_OFFICER in person.roles_at(desk) else None
    return role_to_decide(person=person, desk=desk)


@transaction.atomic
def withdraw_by_person(*, referral: Referral, person: Person, reasons: str, restore: bool = True) -> Withdrawal:
    """Take a referral of one's own desk back; a notice or an order only as an authorising officer.

    Raises PermissionError, FormIncomplete without reasons, AlreadyWithdrawn.
    """
    role = role_to_withdraw(person=person, referral=referral)
    if role is None:
        raise PermissionError(
            f"Only an authorising officer at {referral.case.desk.name} takes back a notice or an order."
            if referral.kind in NOTICES
            else f"Your role at {referral.case.desk.name} does not allow this."
        )
    by = WithdrawnBy.OFFICER if referral.kind in NOTICES else WithdrawnBy.REFERRER
    return withdraw(
        referral_id=referral.pk, by=by, reasons=reasons, restore=restore, actor=acting_as(person, role), person=person
    )


@transaction.atomic
def withdraw(
    *,
    referral_id: UUID | str,
    by: WithdrawnBy,
    reasons: str,
    actor: Actor,
    restore: bool = True,
    person: Person | None = None,
) -> Withdrawal:
    """Take a referral back, stop its clock, and queue that the platform is told. One that never left is simply stopped.

    `restore` asks the platform to undo what it did because of the referral. Raises FormIncomplete without reasons, AlreadyWithdrawn.
    """
    reasons = reasons.strip()
    if not reasons or len(reasons) > MAX_REASONS or "\x00" in reasons:
        raise FormIncomplete.one("reasons", f"Say why it is withdrawn, in {MAX_REASONS:,} characters at most.")
    referral = locked(referral_id)
    if referral.state == ReferralState.WITHDRAWN:
        raise AlreadyWithdrawn(f"{referral.reference} was withdrawn before.")
    now = moment.now()
    sent = referral.received_at is not None
    document = channels.Withdrawal(
        referral_id=referral.pk,
        platform=referral.platform.slug,
        url=referral.document["content"]["url"],
        reasons=reasons,
        by=cast(Literal["referrer", "overseer", "appeal", "officer"], str(by)),
        restore=restore,
        sent_at=now,
        demonstration=moment.in_demonstration(),
    )
    made = Withdrawal.objects.create(
        referral=referral,
        by=by,
        person=person,
        reasons=reasons,
        restore=restore,
        document=document.to_dict(),
        document_sha256=document.sha256(),
        withdrawn_at=now,
        never_sent=not sent,
    )
    events = referral.clock().events
    if events and events[-1].kind != EventKind.STOPPED:
        ClockEvent.objects.create(referral=referral, at=max(now, events[-1].at), kind=EventKind.STOPPED)
    referral.state, referral.problem = ReferralState.WITHDRAWN, ""
    referral.save(update_fields=["state", "problem"])
    record(
        event=ledger.ReferralWithdrawn(
            platform=referral.platform.slug,
            by=str(by),
            state_body=referral.state_body,
            restore=restore,
            document_digest=made.document_sha256,
        ),
        subject=referral,
        actor=actor,
    )
    queue_forgetting(made, appeal=by == WithdrawnBy.APPEAL)
    # One that was tried may have arrived although no receipt came; one under way now is seen to where its receipt comes in.
    if sent or referral.attempts:
        queue_withdrawal(made)
    if sent:
        tell_platform(
            referral=referral,
            kind="withdrawn",
            about=str(referral.pk),
            text=f"{referral.reference} has been withdrawn. Please treat it as if it had not been made.",
        )
    return made


def deliver_withdrawal(*, withdrawal_id: UUID | str) -> Withdrawal:
    """Tell the platform that a referral is withdrawn, and keep its receipt for that. Raises ChannelError when it may be tried again.

    Where the channel cannot carry it, the withdrawal is marked for a person to tell the platform (`acknowledge_by_hand`).
    """
    made = Withdrawal.objects.select_related("referral__platform__route").get(pk=withdrawal_id)
    referral = made.referral
    if made.acknowledged_at is not None or made.by_hand:
        return made
    document = channels.Withdrawal.model_validate_json(rfc8785.dumps(made.document))
    try:
        receipt = channel_of(referral).withdraw(
            address_of(referral.platform.route),
            referral.platform_reference,
            document,
            idempotency_key=str(made.pk),
            at=moment.now(),
        )
    except channels.ChannelError as error:
        with transaction.atomic():
            made = Withdrawal.objects.select_for_update().get(pk=withdrawal_id)
            made.attempts += 1
            made.problem = str(error)
            made.by_hand = not error.retryable
            made.save(update_fields=["attempts", "problem", "by_hand"])
            if made.by_hand:
                tell_desk(
                    referral=referral,
                    kind="tell_by_hand",
                    about=str(made.pk),
                    text=f"{referral.platform.name} has to be told by a person that {referral.reference} is withdrawn.",
                )
        if error.retryable:
            raise
        return made
    with transaction.atomic():
        made = Withdrawal.objects.select_for_update().get(pk=withdrawal_id)
        if made.acknowledged_at is None:
            _acknowledged(made, receipt=receipt, actor=Actor.platform(referral.platform.slug))
    return made


def _acknowledged(made: Withdrawal, *, receipt: channels.Receipt, actor: Actor) -> None:
    made.attempts += 1
    made.acknowledged_at = receipt.received_at
    made.receipt = receipt.to_dict()
    made.proof = receipt.proof
    made.problem = ""
    made.by_hand = False
    made.save(update_fields=["attempts", "acknowledged_at", "receipt", "proof", "problem", "by_hand"])
    record(
        event=ledger.WithdrawalAcknowledged(
            platform=made.referral.platform.slug,
            proof=receipt.proof,
            receipt_digest=sha256(rfc8785.dumps(receipt.to_dict())).hexdigest(),
        ),
        subject=made.referral,
        actor=actor,
    )


@transaction.atomic
def acknowledge_by_hand(*, referral: Referral, person: Person, note: str) -> Withdrawal:
    """Write down that a person told the platform, and what the platform said.

    Raises PermissionError, FormIncomplete, Withdrawal.DoesNotExist.
    """
    role = role_to_decide(person=person, desk=referral.case.desk)
    if role is None:
        raise PermissionError(f"Your role at {referral.case.desk.name} does not allow this.")
    note = note.strip()
    if not note or len(note) > MAX_REASONS or "\x00" in note:
        raise FormIncomplete.one("note", "Say whom you told, how, and what they said.")
    made = Withdrawal.objects.select_for_update().get(referral=referral)
    if made.acknowledged_at is not None:
        return made
    document = channels.Withdrawal.model_validate_json(rfc8785.dumps(made.document))
    receipt = channels.Receipt.unsigned(
        document,
        reference=referral.platform_reference or referral.reference,
        received_at=moment.now(),
        proof="stated",
        evidence={"note": note, "by": str(person.pk)},
    )
    _acknowledged(made, receipt=receipt, actor=acting_as(person, role))
    return made


@transaction.atomic
def acknowledge_at_portal(*, referral: Referral, person: Person | None, platform_says: str = "") -> Withdrawal:
    """A platform's staff or software confirms that it has the withdrawal. Raises Withdrawal.DoesNotExist."""
    made = Withdrawal.objects.select_for_update().get(referral=referral)
    if made.acknowledged_at is not None:
        return made
    document = channels.Withdrawal.model_validate_json(rfc8785.dumps(made.document))
    receipt = channels.Receipt.unsigned(
        document,
        reference=referral.platform_reference or referral.reference,
        received_at=moment.now(),
        proof="acknowledged",
        evidence={"by": str(person.pk) if person else "api", "said": platform_says[:1_000]},
    )
    _acknowledged(made, receipt=receipt, actor=Actor.platform(referral.platform.slug))
    return made
