"""The notice to the person whose post was referred: written with the referral, shown at once or after a delay, always shown in the end."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from seawall import channels
from seawall.hub import moment
from seawall.hub.casework.form import FormIncomplete
from seawall.hub.casework.models import Decision, SubjectType
from seawall.hub.casework.services import role_to_decide
from seawall.hub.directory import queries as directory
from seawall.hub.directory.models import ApiKey, Person
from seawall.hub.directory.services import acting_as
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import Actor, record
from seawall.hub.referrals import user_notice_texts as texts
from seawall.hub.referrals.models import (
    AnswerWay,
    LeftOut,
    NoticeDelay,
    Referral,
    ReferralState,
    Released,
    UserNotice,
)
from seawall.hub.referrals.reach import address_of, channel_of
from seawall.hub.referrals.tasks import queue_user_notice
from seawall.hub.referrals.telling import tell_desk, tell_platform

CLOCKWORK = Actor.machine("notices")
POSTMAN = Actor.machine("referrals")
MAX_NOTE = 1_000  # characters


class NoNotice(Exception):
    """There is nothing to tell anybody here, with the reason in a sentence."""


def link_of(notice: UserNotice) -> str:
    """The public page of a notice, as an address to open."""
    return settings.PUBLIC_URL.rstrip("/") + reverse("user_notice", args=[notice.secret])


def written(
    *, document: channels.ReferralDocument, referral: Referral, decision: Decision
) -> tuple[channels.ReferralDocument, UserNotice]:
    """The document with what the platform is asked to tell the person who posted it, and the notice to be kept (`keep`).

    There is no notice where the person may be at risk. Where a delay was approved the document says until when, and never why.
    """
    now = moment.now()
    notice = UserNotice(referral=referral, language=texts.ENGLISH, made_at=now)
    if decision.subject_type == SubjectType.AT_RISK:
        notice.left_out = LeftOut.AT_RISK
        return document, notice
    said = texts.composed(
        document=document,
        platform=referral.platform,
        link=link_of(notice),
        rule=decision.term.title if decision.term is not None else "",
    )
    notice.text, notice.language, notice.wording = said.text, said.language, said.wording
    until = max((delay.until for delay in _approved(decision) if delay.until is not None), default=now)
    if until > now:
        part = channels.UserNotice(delayed_until=until)
        referral.sampled = True  # the overseer reads every referral with a delay
    else:
        part = channels.UserNotice(text=said.text, language=said.language, link=link_of(notice))
        notice.released_at, notice.released_because = now, Released.AT_ONCE
    return document.model_copy(update={"user_notice": part}), notice


def _approved(decision: Decision) -> list[NoticeDelay]:
    found = NoticeDelay.objects.filter(
        case=decision.case_id, desk=decision.case.desk_id, notice=None, approved=True, ended_at=None
    )
    return list(found)


def keep(notice: UserNotice, *, decision: Decision) -> None:
    """Keep a notice once its referral is kept, with the delays that it waits for. To be called in the same transaction."""
    notice.save(force_insert=True)
    referral = notice.referral
    if notice.left_out:
        record(
            event=ledger.UserNoticeLeftOut(
                referral=str(referral.pk),
                platform=referral.platform.slug,
                reason=str(notice.left_out),
                state_body=referral.state_body,
            ),
            subject=notice,
            actor=POSTMAN,
        )
        return
    for delay in _approved(decision):
        delay.notice, delay.told_at = notice, moment.now()  # the document itself says until when
        delay.save(update_fields=["notice", "told_at"])
    record(
        event=ledger.UserNoticeMade(
            referral=str(referral.pk),
            platform=referral.platform.slug,
            state_body=referral.state_body,
            language=notice.language,
            version=notice.wording.version if notice.wording else 0,
            own_words=bool(notice.wording and notice.wording.platform_id),
            delayed=notice.released_at is None,
        ),
        subject=notice,
        actor=POSTMAN,
    )


def _locked(**found_by: Any) -> UserNotice | None:
    return (
        UserNotice.objects.select_for_update(of=("self",))
        .select_related("referral__platform__route", "referral__platform__organisation", "referral__case__desk")
        .filter(**found_by)
        .first()
    )


@transaction.atomic
def referral_arrived(referral: Referral) -> None:
    """The platform has the referral: it has the words too where the document holds them; words released since then follow."""
    notice = _locked(referral=referral)
    if notice is None or notice.left_out:
        return
    if (referral.document.get("user_notice") or {}).get("text"):
        _reached(notice, way="document")
    elif notice.released_at is not None:
        queue_user_notice(notice)


@transaction.atomic
def release(*, notice_id: UUID | str, because: Released, actor: Actor = CLOCKWORK) -> UserNotice | None:
    """Let the platform show the words: when a delay is over, or was ended early. Once, however often this runs.

    None when there is nothing to release: no such notice, none in delay, or a delay that still runs.
    """
    notice = _locked(pk=notice_id)
    if notice is None or notice.left_out or notice.released_at is not None:
        return None
    now = moment.now()
    if because == Released.EXPIRED and not notice.shown_at(now):
        return None
    notice.released_at, notice.released_because = now, because
    notice.save(update_fields=["released_at", "released_because"])
    for request in notice.delays.filter(answered_at=None, lapsed_at=None):
        lapse(request)
    referral = Referral.objects.select_related("platform__organisation", "case__desk").get(pk=notice.referral_id)
    record(
        event=ledger.UserNoticeReleased(
            referral=str(referral.pk),
            platform=referral.platform.slug,
            because=str(because),
            state_body=referral.state_body,
        ),
        subject=notice,
        actor=actor,
    )
    if referral.received_at is not None:
        queue_user_notice(notice)
        tell_platform(
            referral=referral,
            kind="user_notice",
            about=str(notice.pk),
            text=f"You can now tell the person who posted what {referral.reference} is about. The words stand with the referral.",
        )
    tell_desk(
        referral=referral,
        kind="user_notice_released",
        about=str(notice.pk),
        text=f"The person whose post {referral.reference} is about may be told from now on.",
    )
    return notice


def lapse(request: NoticeDelay) -> None:
    """Nobody answered a request for delay in time. To be called in the transaction that goes on without it."""
    request.lapsed_at = moment.now()
    request.save(update_fields=["lapsed_at"])
    record(
        event=ledger.NoticeDelayLapsed(platform=request.case.content.platform.slug, reason=request.reason),
        subject=request,
        actor=CLOCKWORK,
    )


def deliver(*, notice_id: UUID | str) -> None:
    """Hand the platform the words that were released, or the new end of a delay. Raises ChannelError when it may be tried again.

    Where the channel carries no such thing the words stand in the platform's portal and API; a platform that uses neither has to be
    told by a person (`told_by_hand`).
    """
    notice = UserNotice.objects.select_related("referral__platform__route", "referral__case__desk").get(pk=notice_id)
    referral = notice.referral
    if notice.left_out or referral.received_at is None:
        return
    if notice.released_at is not None:
        if notice.reached_at is None and not notice.by_hand:
            _hand_over(notice, words_for(notice), key=str(notice.pk))
        return
    delay = notice.delays.filter(approved=True, ended_at=None, told_at=None).order_by("-until").first()
    if delay is not None and delay.until is not None:
        part = channels.UserNotice(delayed_until=delay.until)
        text = f"About {referral.reference}, which you have. {channels.user_notice.asked(part)}"
        _hand_over(notice, text, key=str(delay.pk), delay=delay)


def words_for(notice: UserNotice) -> str:
    """What the platform's people read when words follow a referral."""
    referral = notice.referral
    withdrawn = (
        " The referral has been withdrawn since, which the page says too."
        if referral.state == ReferralState.WITHDRAWN
        else ""
    )
    return (
        f"About {referral.reference}, which you have. You can now tell the person who posted it.{withdrawn} Please show them "
        f"these words:\n\n{notice.text}"
    )


def _hand_over(notice: UserNotice, text: str, *, key: str, delay: NoticeDelay | None = None) -> None:
    referral = notice.referral
    way, by_hand, problem = "channel", False, ""
    try:
        channel_of(referral).inform(
            address_of(referral.platform.route), referral.platform_reference, text, idempotency_key=key
        )
    except channels.NotCarried as refused:
        way, by_hand, problem = "portal", not _reads_here(referral), str(refused)
    except channels.ChannelError as failed:
        if failed.retryable:
            UserNotice.objects.filter(pk=notice.pk).update(problem=str(failed))
            raise
        by_hand, problem = True, str(failed)
    with transaction.atomic():
        kept = _locked(pk=notice.pk)
        if kept is None:
            return
        if delay is not None:
            NoticeDelay.objects.filter(pk=delay.pk, told_at=None).update(told_at=moment.now())
        elif kept.reached_at is not None:
            return
        elif not by_hand:
            _reached(kept, way=way)
            return
        if by_hand:
            kept.by_hand, kept.problem = delay is None, problem
            kept.save(update_fields=["by_hand", "problem"])
            tell_desk(
                referral=kept.referral,
                kind="user_notice_by_hand",
                about=key,
                text=f"Somebody has to tell {kept.referral.platform.name} what it may tell the person about {kept.referral.reference}.",
            )


def _reads_here(referral: Referral) -> bool:
    """Whether somebody or something of the platform reads what stands here for it."""
    organisation = referral.platform.organisation
    return (
        bool(directory.contacts_of(organisation))
        or ApiKey.objects.filter(organisation=organisation, withdrawn_at=None).exists()
    )


def _reached(notice: UserNotice, *, way: str, actor: Actor = POSTMAN) -> None:
    notice.reached_at, notice.by_hand, notice.problem = moment.now(), False, ""
    notice.save(update_fields=["reached_at", "by_hand", "problem"])
    record(
        event=ledger.UserNoticeReached(
            referral=str(notice.referral_id), platform=notice.referral.platform.slug, way=way
        ),
        subject=notice,
        actor=actor,
    )


@transaction.atomic
def told_by_hand(*, referral: Referral, person: Person, note: str) -> UserNotice:
    """Write down that a person gave the platform the words. Raises PermissionError, FormIncomplete, NoNotice."""
    role = role_to_decide(person=person, desk=referral.case.desk)
    if role is None:
        raise PermissionError(f"Your role at {referral.case.desk.name} does not allow this.")
    note = note.strip()
    if not note or len(note) > MAX_NOTE or "\x00" in note:
        raise FormIncomplete.one("note", f"Say whom you told and how, in {MAX_NOTE:,} characters at most.")
    notice = _locked(referral=referral)
    if notice is None or not notice.by_hand:
        raise NoNotice(f"No words of {referral.reference} wait for a person to pass them on.")
    _reached(notice, way="stated", actor=acting_as(person, role))
    notice.note = note
    notice.save(update_fields=["note"])
    return notice


@transaction.atomic
def platform_says(*, referral: Referral, told: bool, way: AnswerWay) -> UserNotice:
    """Keep what a platform says: whether it told the person. Saying the same again changes nothing. Raises NoNotice."""
    notice = _locked(referral=referral)
    if notice is None or notice.left_out:
        raise NoNotice(f"{referral.reference} has no notice for the person who posted it.")
    if notice.user_told == told:
        return notice
    notice.user_told, notice.user_told_at, notice.user_told_way = told, moment.now(), way
    notice.save(update_fields=["user_told", "user_told_at", "user_told_way"])
    record(
        event=ledger.UserTold(
            referral=str(referral.pk),
            platform=referral.platform.slug,
            told=told,
            way=str(way),
            delayed=not notice.shown_at(moment.now()),
        ),
        subject=notice,
        actor=Actor.platform(referral.platform.slug),
    )
    return notice
