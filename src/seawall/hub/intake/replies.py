"""Replies of ActivityPub servers to the hub's reports: answers where they can be read as one, words for a person where not."""

from __future__ import annotations

from hashlib import sha256

from django.db import transaction
from django.db.models import Q

from seawall import channels
from seawall.hub import moment
from seawall.hub.casework.services import role_to_decide
from seawall.hub.directory.models import Person
from seawall.hub.intake.activities import About, answer_in, host
from seawall.hub.intake.models import IncomingReply, ReplyKind
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import Actor, record
from seawall.hub.referrals.answers import apply_answer
from seawall.hub.referrals.models import AnswerWay, Referral
from seawall.hub.referrals.reach import locked
from seawall.hub.referrals.telling import tell_desk

INBOX = Actor.machine("inbox")


def referral_of(flag: str) -> Referral | None:
    """The referral that went out as this Flag; None for whatever else is meant."""
    named = Q(platform_reference=flag) | Q(platform_reference__startswith=f"{flag}#")
    return Referral.objects.filter(named, channel="activitypub").select_related("platform__route").first()


def hosts_of(referral: Referral) -> frozenset[str]:
    """The servers that may reply to it: where the account is, and where the platform takes reports."""
    account = referral.platform_reference.partition("#")[2]
    route = getattr(referral.platform, "route", None)
    return frozenset(filter(None, (host(account), host(route.endpoint) if route is not None else "")))


@transaction.atomic
def receive(*, referral: Referral, about: About) -> IncomingReply:
    """Take in what a server said about a report; the same activity again changes nothing. The caller has checked who signed it."""
    referral = locked(referral.pk)
    digest = sha256(f"{about.actor}\n{about.id}".encode()).hexdigest()
    known = IncomingReply.objects.filter(digest=digest).first()
    if known is not None:
        return known
    answer = None
    try:
        read = answer_in(
            about, answer_id=f"activity-{digest[:32]}", reference=referral.platform_reference, at=moment.now()
        )
        if read is not None:
            answer = apply_answer(referral_id=referral.pk, answer=read, way=AnswerWay.CHANNEL)
    except channels.AnswerInvalid:
        answer = None
    now = moment.now()
    kept = IncomingReply.objects.create(
        referral=referral,
        activity_id=about.id,
        digest=digest,
        activity=about.kind,
        sender=about.actor,
        kind=ReplyKind.WORDS if answer is None else ReplyKind.ANSWER,
        text=about.text,
        received_at=now,
        answer=answer,
        dealt_with_at=None if answer is None else now,
    )
    record(
        event=ledger.ReplyReceived(platform=referral.platform.slug, activity=about.kind, kind=str(kept.kind)),
        subject=referral,
        actor=INBOX,
    )
    if answer is None:
        tell_desk(
            referral=referral,
            kind="reply",
            about=str(kept.pk),
            text=f"{referral.platform.name} has replied to {referral.reference}. Somebody has to read it.",
        )
    return kept


@transaction.atomic
def dealt_with(*, reply: IncomingReply, person: Person) -> IncomingReply:
    """A caseworker of the desk has read the reply and nothing more is to be done. Raises PermissionError."""
    reply = (
        IncomingReply.objects.select_for_update(of=("self",)).select_related("referral__case__desk").get(pk=reply.pk)
    )
    if role_to_decide(person=person, desk=reply.referral.case.desk) is None:
        raise PermissionError("This reply belongs to another desk.")
    if reply.dealt_with_at is None:
        reply.dealt_with_at, reply.dealt_with_by = moment.now(), person
        reply.save(update_fields=["dealt_with_at", "dealt_with_by"])
    return reply
