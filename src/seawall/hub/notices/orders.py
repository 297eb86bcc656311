"""What follows a removal order: what was removed is kept for a time, and the host's own authority may look at the order."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from seawall.clock import Basis, Clock, Event, EventKind, Limit, Months, Start
from seawall.hub import moment
from seawall.hub.casework.form import FormIncomplete
from seawall.hub.directory.models import Person
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import record
from seawall.hub.notices import officers
from seawall.hub.notices.models import Finding, Notice, Scrutiny
from seawall.hub.notices.services import MAX_REASONS, NoticeUnavailable
from seawall.hub.practice.models import PowerKind
from seawall.hub.referrals import withdrawals
from seawall.hub.referrals.models import Referral, ReferralState, WithdrawnBy
from seawall.hub.referrals.telling import tell_platform
from seawall.hub.web.words import moment as in_words

KEEPING = Limit(
    length=Months(6),
    basis=Basis.STATUTE,
    citation="Regulation (EU) 2021/784, article 6",
    starts=Start.REMOVAL,
)
SCRUTINY = Limit(
    length=timedelta(hours=72),
    basis=Basis.STATUTE,
    citation="Regulation (EU) 2021/784, article 4",
    starts=Start.RECEIPT,
)


def kept_until(referral: Referral) -> datetime | None:
    """Until when the platform keeps what it removed; None while it has not said that it removed anything, and where it need not."""
    if referral.kind != PowerKind.REMOVAL_ORDER or referral.answered_at is None:
        return None
    if not referral.answers.filter(status="COMPLETED", reason_code="ACTIONED").exists():
        return None
    return Clock(KEEPING, [Event(referral.answered_at, EventKind.STARTED)]).due()


def clock_of(scrutiny: Scrutiny) -> Clock:
    """The authority's 72 hours, from when it received the copy to what it found."""
    events = []
    if scrutiny.received_at is not None:
        events.append(Event(scrutiny.received_at, EventKind.STARTED))
        if scrutiny.found_at is not None:
            events.append(Event(max(scrutiny.found_at, scrutiny.received_at), EventKind.STOPPED))
    return Clock(SCRUTINY, events)


@transaction.atomic
def tell_of_keeping(*, notice: Notice) -> None:
    """Tell the platform, once each, until when it keeps what it removed, and that this time is over."""
    notice = Notice.objects.select_for_update(of=("self",)).select_related("referral__platform").get(pk=notice.pk)
    referral = notice.referral
    if referral is None or referral.state == ReferralState.WITHDRAWN or (until := kept_until(referral)) is None:
        return
    now = moment.now()
    if notice.keep_told_at is None:
        notice.keep_told_at = now
        tell_platform(
            referral=referral,
            kind="keep",
            about=str(referral.pk),
            text=f"{referral.reference}: keep what you removed, and the data with it, until {in_words(until)}.",
        )
    elif notice.keep_ended_told_at is None and now >= until:
        notice.keep_ended_told_at = now
        tell_platform(
            referral=referral,
            kind="keep_ended",
            about=str(referral.pk),
            text=f"{referral.reference}: the time for which what you removed had to be kept is over.",
        )
    else:
        return
    notice.save(update_fields=["keep_told_at", "keep_ended_told_at"])


@transaction.atomic
def note_copy(
    *, notice: Notice, person: Person, authority: str, sent_at: datetime, sent_how: str, received_at: datetime | None
) -> Scrutiny:
    """Write down that the order was copied to the authority of the host's member state: when, how, and when it received it if known.

    May be written again until the authority has found something. Raises PermissionError for anybody but an officer at the desk,
    NoticeUnavailable for what is no order that was given, FormIncomplete for times that cannot be.
    """
    notice = _order(notice)
    actor = officers.acting_officer(person, notice.decision.case.desk)
    now = moment.now()
    authority, sent_how = authority.strip(), sent_how.strip()
    for name, text, most in (("authority", authority, 300), ("sent_how", sent_how, 1_000)):
        if not text or len(text) > most or "\x00" in text:
            raise FormIncomplete.one(
                name, f"Say which authority has the copy and how it was sent ({most:,} characters at most)."
            )
    if notice.given_at is None or not notice.given_at - timedelta(minutes=1) <= sent_at <= now:
        raise FormIncomplete.one(
            "sent_at", "The copy cannot have been sent before the order was given, or after the present."
        )
    if received_at is not None and not sent_at <= received_at <= now:
        raise FormIncomplete.one(
            "received_at", "The copy cannot have been received before it was sent, or after the present."
        )
    existing = Scrutiny.objects.filter(notice=notice).first()
    if existing is not None and existing.finding:
        raise NoticeUnavailable("The authority has found something already, so the copy’s times stand.")
    kept, _new = Scrutiny.objects.update_or_create(
        notice=notice,
        defaults={
            "authority": authority,
            "sent_at": sent_at,
            "sent_how": sent_how,
            "received_at": received_at,
            "noted_by": person,
            "noted_at": now,
        },
    )
    record(event=ledger.OrderCopySent(sent_at=sent_at, received_at=received_at), subject=notice, actor=actor)
    return kept


@transaction.atomic
def note_finding(*, notice: Notice, person: Person, finding: Finding, reasons: str, found_at: datetime) -> Scrutiny:
    """Write down what the authority found. An order that infringes is withdrawn, and the host is asked to undo what it did.

    Raises PermissionError, NoticeUnavailable without a copy or after a finding, FormIncomplete.
    """
    notice = _order(notice)
    actor = officers.acting_officer(person, notice.decision.case.desk)
    scrutiny = Scrutiny.objects.select_for_update(of=("self",)).filter(notice=notice).first()
    if scrutiny is None or scrutiny.received_at is None:
        raise NoticeUnavailable("Write down first when the authority received its copy.")
    if scrutiny.finding:
        raise NoticeUnavailable(
            f"The authority’s finding is written down already: {scrutiny.get_finding_display().lower()}."
        )
    reasons = reasons.strip()
    if len(reasons) > MAX_REASONS or "\x00" in reasons or (finding == Finding.INFRINGES and not reasons):
        raise FormIncomplete.one(
            "reasons", f"Write down the authority’s reasons, in {MAX_REASONS:,} characters at most."
        )
    if not scrutiny.received_at <= found_at <= moment.now():
        raise FormIncomplete.one(
            "found_at", "The authority cannot have found this before it received the copy, or after the present."
        )
    scrutiny.finding, scrutiny.reasons, scrutiny.found_at, scrutiny.found_noted_by = finding, reasons, found_at, person
    scrutiny.save(update_fields=["finding", "reasons", "found_at", "found_noted_by"])
    record(event=ledger.OrderScrutinised(outcome=str(finding)), subject=notice, actor=actor)
    referral = notice.referral
    if finding == Finding.INFRINGES and referral is not None and referral.state != ReferralState.WITHDRAWN:
        withdrawals.withdraw(
            referral_id=referral.pk, by=WithdrawnBy.OFFICER, reasons=reasons, restore=True, actor=actor, person=person
        )
    return scrutiny


def _order(notice: Notice) -> Notice:
    found = (
        Notice.objects.select_for_update(of=("self",))
        .select_related("decision__case__desk", "referral__platform")
        .get(pk=notice.pk)
    )
    if found.kind != PowerKind.REMOVAL_ORDER or found.referral is None:
        raise NoticeUnavailable("Only a removal order that was given has a copy for the host’s authority.")
    return found
