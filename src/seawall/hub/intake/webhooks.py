"""A platform's answers as signed events (Standard Webhooks): verified, taken in once, handed to the referral."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from django.db import transaction

from seawall import channels
from seawall.channels.webhook_events import EventRefused, SecretUnusable, answer_in, verify
from seawall.channels.xarf_server import Refused
from seawall.hub import moment
from seawall.hub.directory import queries as directory
from seawall.hub.directory.models import Platform
from seawall.hub.intake.http import Wait
from seawall.hub.intake.models import IncomingEvent
from seawall.hub.referrals.answers import apply_answer
from seawall.hub.referrals.models import AnswerWay, PlatformAnswer, Referral


@dataclass(frozen=True, kw_only=True)
class Taken:
    """An answer that the hub has; `repeated` when it had it before."""

    reference: str
    repeated: bool


def platform_calling(slug: str) -> Platform:
    """The platform whose webhook this is. Raises Refused: 404 where none answers by webhooks under this name."""
    found = directory.platforms().filter(slug=slug, route__channel="webhook").select_related("route").first()
    if found is None:
        raise Refused(404, "platform", "No platform sends its answers here. Check the address that the hub gave.")
    return found


def take(*, platform: Platform, headers: Mapping[str, str], body: bytes) -> Taken:
    """Verify an event by the platform and take its answer in. An attempt that comes again changes nothing.

    Raises Refused: 400 or 401 for what the platform did not sign, 404 and 409 for an answer that fits no referral of its own or comes
    after the end, 422 for one that cannot be read, 503 where it may be sent again.
    """
    try:
        # The real clock, also where a demonstration plays another time: the signature's is real.
        event = verify(headers, body, platform.route.token, datetime.now(UTC))
    except EventRefused as refused:
        code = "signature" if refused.status == 401 else "event"
        raise Refused(refused.status, code, str(refused)) from refused
    except SecretUnusable as unusable:
        raise Wait(
            503, "secret", "This hub has no usable secret for this webhook. Its operator has to enter one."
        ) from unusable
    message_id = next(value for name, value in headers.items() if name.lower() == "webhook-id")
    digest = sha256(body).hexdigest()
    try:
        answer = answer_in(event)
        with transaction.atomic():
            return _take(platform, message_id, digest, answer)
    except channels.AnswerInvalid as invalid:
        raise Refused(422, "answer", str(invalid)) from invalid


def _take(platform: Platform, message_id: str, digest: str, answer: channels.Answer) -> Taken:
    Platform.objects.select_for_update(no_key=True).get(pk=platform.pk)  # one event of a platform after the other
    known = (
        IncomingEvent.objects.select_related("answer__referral")
        .filter(platform=platform, message_id=message_id)
        .first()
    )
    if known is not None:
        if known.body_sha256 != digest:
            raise Refused(
                409, "event_reused", "This webhook-id came before with another body. Give each event its own."
            )
        return Taken(reference=known.answer.referral.reference, repeated=True)
    referral = _referral(platform, answer.reference)
    kept = apply_answer(referral_id=referral.pk, answer=answer, way=AnswerWay.CHANNEL)
    repeated = kept is None
    if kept is None:
        kept = _had_before(referral, answer)
    IncomingEvent.objects.create(
        platform=platform, message_id=message_id, body_sha256=digest, received_at=moment.now(), answer=kept
    )
    return Taken(reference=referral.reference, repeated=repeated)


def _referral(platform: Platform, reference: str) -> Referral:
    """The platform's own referral of this id. Raises Refused."""
    try:
        found = Referral.objects.filter(platform=platform, pk=UUID(reference)).first()
    except ValueError:
        found = None
    if found is None:
        raise Refused(404, "referral", "There is no referral to this platform with this reference.")
    if found.received_at is None:
        raise Wait(503, "not_yet", "This referral is still on its way. Send the answer again.", seconds=5)
    return found


def _had_before(referral: Referral, answer: channels.Answer) -> PlatformAnswer:
    """The answer that the hub has under this id already. Raises Refused where there is none, or one that says something else."""
    had = referral.answers.filter(answer_id=answer.answer_id).first()
    if had is None:
        raise Refused(
            409, "finished", "This referral is finished. After the end only a dispute or a request for review is taken."
        )
    if (had.status, had.reason_code, had.puid) != (answer.status, answer.reason_code or "", answer.puid or ""):
        raise Refused(409, "answer_reused", "This answer_id came before with another answer. Give each answer its own.")
    return had
