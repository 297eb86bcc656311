"""Mail that comes in for referrals: answers are taken in, words are put before people, what came back is noticed."""

from __future__ import annotations

from hashlib import sha256

from django.db import transaction

from seawall import channels
from seawall.channels.email_replies import Reply, ReplyRefused, read
from seawall.channels.email_tokens import reply_secret
from seawall.clock import Start
from seawall.hub import moment
from seawall.hub.directory.models import Person
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import Actor, record
from seawall.hub.referrals import keys
from seawall.hub.referrals.answers import apply_answer
from seawall.hub.referrals.models import AnswerWay, IncomingMail, MailKind, Referral, ReferralState
from seawall.hub.referrals.reach import locked
from seawall.hub.referrals.telling import tell_desk

MAILROOM = Actor.machine("mail")


class NotForUs(Exception):
    """The mail belongs to no referral of this hub. It is kept as a line for an administrator, without its words."""


@transaction.atomic
def receive(*, raw: bytes, recipient: str = "", return_path: str | None = None) -> IncomingMail:
    """Take one mail in, as the mail server hands it over. The same mail again changes nothing.

    `recipient` and `return_path` are the envelope's, where the server tells them. Raises NotForUs when it belongs to no referral.
    """
    digest = sha256(raw).hexdigest()
    known = IncomingMail.objects.filter(digest=digest).first()
    if known is not None:
        return known
    now = moment.now()
    try:
        reply = read(
            raw,
            reply_secret(keys.channel_key()),
            arrived_at=now,
            recipients=[recipient] if recipient else [],
            return_path=return_path,
        )
        referral = locked(reply.referral_id)
    except (ReplyRefused, Referral.DoesNotExist) as refused:
        raise NotForUs(
            str(refused)
            if isinstance(refused, ReplyRefused)
            else "The mail names a referral that this hub does not have."
        ) from refused
    kept = IncomingMail.objects.create(
        referral=referral,
        kind=reply.kind,
        sender=reply.sender[:320],
        subject=reply.subject[:500],
        text=reply.text.replace("\x00", ""),
        digest=digest,
        received_at=now,
    )
    record(
        event=ledger.MailReceived(platform=referral.platform.slug, kind=reply.kind), subject=referral, actor=MAILROOM
    )
    if reply.kind == "answer":
        _answer(kept, reply)
    if reply.kind == "bounce":
        _bounced(kept, reply)
    if reply.kind == "words":
        _for_a_person(
            kept, f"{referral.platform.name} has written about {referral.reference}. Somebody has to read it."
        )
    return kept


def _answer(kept: IncomingMail, reply: Reply) -> None:
    referral = kept.referral
    assert referral is not None and reply.answer is not None  # noqa: S101, PT018  (an answer that was read has both)
    try:
        kept.answer = apply_answer(referral_id=referral.pk, answer=reply.answer, way=AnswerWay.MAIL)
    except channels.AnswerInvalid:
        kept.answer = None
    if kept.answer is None:
        kept.kind = MailKind.WORDS
        _for_a_person(
            kept, f"{referral.platform.name} has written about {referral.reference}, which is finished already."
        )
    else:
        kept.dealt_with_at = kept.received_at
    kept.save(update_fields=["answer", "kind", "dealt_with_at"])


def _bounced(kept: IncomingMail, reply: Reply) -> None:
    """A mail that came back for good was never received: the clock that its acceptance had started is taken away."""
    referral = kept.referral
    assert referral is not None  # noqa: S101
    lasting = [bounce for bounce in reply.bounces if bounce.permanent]
    if not lasting:
        return
    why = "; ".join(f"{one.recipient} {one.status} {one.diagnostic}".strip() for one in lasting)[:1_000]
    others = reply.bounces and len(lasting) < _recipients(referral)
    if referral.state == ReferralState.AWAITING and not referral.answers.exists() and not others:
        # The clock of a formal notice runs since it was given, whatever the mail does.
        if referral.clock().limit.starts != Start.GIVEN:
            referral.clock_events.all().delete()
        referral.state = ReferralState.FAILED
        referral.received_at, referral.receipt, referral.proof, referral.platform_reference = None, None, "", ""
        referral.problem = f"The mail came back: {why}"
        referral.save(update_fields=["state", "received_at", "receipt", "proof", "platform_reference", "problem"])
        record(event=ledger.ReferralReturned(platform=referral.platform.slug), subject=referral, actor=MAILROOM)
    _for_a_person(kept, f"The mail with {referral.reference} to {referral.platform.name} came back.")


def _recipients(referral: Referral) -> int:
    evidence = (referral.receipt or {}).get("evidence", {})
    taken = evidence.get("accepted") or evidence.get("recipients") or [""]
    return len(taken)


def _for_a_person(kept: IncomingMail, text: str) -> None:
    referral = kept.referral
    assert referral is not None  # noqa: S101
    tell_desk(referral=referral, kind="mail", about=str(kept.pk), text=text)


def dealt_with(*, mail: IncomingMail, person: Person) -> IncomingMail:
    """A caseworker of the desk has read the mail and nothing more is to be done. Raises PermissionError."""
    if mail.referral is None or mail.referral.case.desk_id not in person.desk_ids():
        raise PermissionError("This mail belongs to another desk.")
    if mail.dealt_with_at is None:
        mail.dealt_with_at, mail.dealt_with_by = moment.now(), person
        mail.save(update_fields=["dealt_with_at", "dealt_with_by"])
    return mail
