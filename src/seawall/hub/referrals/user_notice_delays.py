"""Telling the person later: asked for before the referral is made, approved by somebody else, and always at an end.

Nothing here can put the notice off for good: an approval ends after LONGEST_DELAY, all of them together after LONGEST_IN_ALL, and a
request that nobody answers holds a referral back for HOLD at most, after which it goes with its notice.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from seawall.hub import moment
from seawall.hub.casework.form import MIN_REASONS, FormIncomplete
from seawall.hub.casework.models import Case, CaseState, Decision, Outcome, SubjectType
from seawall.hub.casework.services import role_to_decide, role_to_review
from seawall.hub.directory.models import Person
from seawall.hub.directory.roles import Role
from seawall.hub.directory.services import acting_as
from seawall.hub.jobs import defer
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import record
from seawall.hub.referrals.models import DelayReason, NoticeDelay, Referral, Released, UserNotice
from seawall.hub.referrals.models.user_notice import LONGEST_DELAY, LONGEST_IN_ALL
from seawall.hub.referrals.tasks import queue_user_notice
from seawall.hub.referrals.telling import tell_authorisers, tell_overseers, tell_platform
from seawall.hub.referrals.user_notices import lapse, release

HOLD = timedelta(hours=1)
"""How long a decided referral waits at most for the answer to a request for delay. A proposal of this hub, set by no statute."""
MAX_WORDS = 2_000  # characters


class DelayRefused(Exception):
    """A delay that cannot be asked for, approved or ended now, with the reason in a sentence."""


class HeldForAnswer(Exception):
    """A referral that waits for the answer to a request for delay, until `until`."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"The referral waits until {until:%H:%M} UTC at most for the answer to a request for delay.")
        self.until = until


def _locked_case(case_id: UUID) -> Case:
    return (
        Case.objects.select_for_update(of=("self",))
        .select_related("desk__organisation", "content__platform")
        .get(pk=case_id)
    )


def open_request(case: Case) -> NoticeDelay | None:
    """The request of a case that nobody has answered yet; None where there is none."""
    return NoticeDelay.objects.filter(case=case, desk=case.desk_id, answered_at=None, lapsed_at=None).first()


def _checked(reason: str, words: str, days: int) -> tuple[DelayReason, str]:
    words = words.strip()
    if reason not in DelayReason.values:
        raise FormIncomplete.one("reason", "Choose a reason from the published list.")
    if len(words) < MIN_REASONS or len(words) > MAX_WORDS or "\x00" in words:
        raise FormIncomplete.one("words", f"Say why in a sentence or more, in {MAX_WORDS:,} characters at most.")
    if not 1 <= days <= LONGEST_DELAY.days:
        raise FormIncomplete.one("days", f"Give a number of days from 1 to {LONGEST_DELAY.days}.")
    return DelayReason(reason), words


@transaction.atomic
def ask(*, case: Case, person: Person, reason: str, words: str, days: int) -> NoticeDelay:
    """Ask that the person is not told yet, while a case is worked on: before its referral is made.

    Raises PermissionError, FormIncomplete, DelayRefused.
    """
    case = _locked_case(case.pk)
    role = role_to_decide(person=person, desk=case.desk)
    if role is None:
        raise PermissionError(f"Your role at {case.desk.name} does not allow this.")
    kind, words = _checked(reason, words, days)
    if case.state not in (CaseState.CLAIMED, CaseState.SECOND_REVIEW):
        raise DelayRefused("A delay can be asked for while a case is being worked on, before its referral is made.")
    return _asked(case, person=person, role=role, reason=kind, words=words, days=days, notice=None)


@transaction.atomic
def ask_again(*, referral: Referral, person: Person, reason: str, words: str, days: int) -> NoticeDelay:
    """Ask that a delay that still runs is made longer. Until somebody approves it, it ends when it would have ended.

    Raises PermissionError, FormIncomplete, DelayRefused.
    """
    case = _locked_case(referral.case_id)
    role = role_to_decide(person=person, desk=case.desk)
    if role is None:
        raise PermissionError(f"Your role at {case.desk.name} does not allow this.")
    kind, words = _checked(reason, words, days)
    notice = UserNotice.objects.select_for_update().filter(referral=referral).first()
    if notice is None or notice.left_out or notice.shown_at(moment.now()):
        raise DelayRefused(f"No delay runs for {referral.reference}, so there is none to make longer.")
    if last_end(case) <= (notice.delayed_until() or last_end(case)):
        raise DelayRefused(f"The notice has been put off for {LONGEST_IN_ALL.days} days in all, which is the longest.")
    return _asked(case, person=person, role=role, reason=kind, words=words, days=days, notice=notice)


def _asked(
    case: Case, *, person: Person, role: Role, reason: DelayReason, words: str, days: int, notice: UserNotice | None
) -> NoticeDelay:
    NoticeDelay.objects.filter(case=case, answered_at=None, lapsed_at=None).exclude(desk=case.desk_id).update(
        lapsed_at=moment.now()  # asked at a desk that has passed the case on since
    )
    if open_request(case) is not None:
        raise DelayRefused("A request for this case waits for an answer already.")
    made = NoticeDelay.objects.create(
        case=case,
        desk=case.desk,
        notice=notice,
        reason=reason,
        words=words,
        days=days,
        asked_by=person,
        asked_role=str(role),
        asked_at=moment.now(),
    )
    record(
        event=ledger.NoticeDelayAsked(
            platform=case.content.platform.slug,
            reason=str(reason),
            days=days,
            again=notice is not None,
            state_body=case.desk.organisation.state_body,
        ),
        subject=made,
        actor=acting_as(person, role),
    )
    tell_authorisers(
        delay=made,
        text=f"Somebody at {case.desk.name} asks that a person is told later about a referral. Somebody else has to answer.",
    )
    return made


def last_end(case: Case) -> datetime:
    """The latest moment to which the notice of this case can be put off by all approvals together."""
    first = NoticeDelay.objects.filter(case=case, approved=True).order_by("answered_at").first()
    begun = first.answered_at if first is not None and first.answered_at is not None else moment.now()
    return begun + LONGEST_IN_ALL


@transaction.atomic
def answer(*, delay: NoticeDelay, person: Person, approve: bool, words: str = "") -> NoticeDelay:
    """Approve a delay, or refuse it with reasons. Never by whoever asked; only by whoever may give the second word at that desk.

    Raises PermissionError, FormIncomplete, DelayRefused.
    """
    case = _locked_case(delay.case_id)
    kept = NoticeDelay.objects.select_for_update().get(pk=delay.pk)
    role = role_to_review(person=person, desk=case.desk)
    if role is None or kept.desk_id != case.desk_id:
        raise PermissionError(f"Your role at {case.desk.name} does not allow this.")
    if kept.asked_by_id == person.pk:
        raise PermissionError("You asked for this delay, so somebody else has to answer.")
    if not kept.is_open:
        raise DelayRefused("This request has been answered, or its time is over.")
    words = words.strip()
    if len(words) > MAX_WORDS or "\x00" in words or (not approve and len(words) < MIN_REASONS):
        raise FormIncomplete.one("words", f"Say in a sentence why it is refused, in {MAX_WORDS:,} characters at most.")
    now = moment.now()
    notice = UserNotice.objects.select_for_update().filter(delays=kept).first()
    if notice is not None and notice.shown_at(now):
        raise DelayRefused("The delay that was to be made longer is over, and the person is being told.")
    kept.answered_by, kept.answered_role, kept.answered_at = person, str(role), now
    kept.approved, kept.answer = approve, words
    if approve:
        kept.until = min(now + timedelta(days=kept.days), last_end(case))
    kept.save(update_fields=["answered_by", "answered_role", "answered_at", "approved", "answer", "until"])
    record(
        event=ledger.NoticeDelayAnswered(
            platform=case.content.platform.slug,
            reason=kept.reason,
            approved=approve,
            until=kept.until,
            state_body=case.desk.organisation.state_body,
        ),
        subject=kept,
        actor=acting_as(person, role),
    )
    if approve:
        tell_overseers(
            kind="notice_delay",
            about=str(kept.pk),
            text=f"{case.desk.name} puts off telling a person about a referral. The reasons stand on the list of delays.",
            link="/notice-delays/",
        )
    if notice is not None and approve:
        queue_user_notice(notice)
        referral = Referral.objects.select_related("platform__organisation").get(pk=notice.referral_id)
        tell_platform(
            referral=referral,
            kind="user_notice_delayed",
            about=str(kept.pk),
            text=f"Please do not tell the person who posted what {referral.reference} is about yet. The new date stands with it.",
        )
    if notice is None:
        _go_on(case)
    return kept


def _go_on(case: Case) -> None:
    """Have the referral made that waited for the answer."""
    waiting = Decision.objects.filter(case=case, outcome=Outcome.REFER, voided_at=None, referral=None).first()
    if case.state == CaseState.CLOSED and waiting is not None:
        defer("referrals.prepare", decision_id=str(waiting.pk))


@transaction.atomic
def end(*, delay: NoticeDelay, person: Person, because: str) -> NoticeDelay:
    """End an approved delay early: the platform gets the words now. Raises PermissionError, FormIncomplete, DelayRefused."""
    case = _locked_case(delay.case_id)
    role = role_to_decide(person=person, desk=case.desk)
    if role is None:
        raise PermissionError(f"Your role at {case.desk.name} does not allow this.")
    because = because.strip()
    if len(because) < MIN_REASONS or len(because) > MAX_WORDS or "\x00" in because:
        raise FormIncomplete.one("because", f"Say in a sentence why it ends, in {MAX_WORDS:,} characters at most.")
    kept = NoticeDelay.objects.select_for_update().get(pk=delay.pk)
    now = moment.now()
    if kept.until is None or kept.until <= now or kept.ended_at is not None:
        raise DelayRefused("This delay does not run, so it cannot be ended.")
    kept.ended_by, kept.ended_at, kept.ended_because = person, now, because
    kept.save(update_fields=["ended_by", "ended_at", "ended_because"])
    actor = acting_as(person, role)
    record(
        event=ledger.NoticeDelayEnded(platform=case.content.platform.slug, reason=kept.reason),
        subject=kept,
        actor=actor,
    )
    if kept.notice_id is not None:
        release(notice_id=kept.notice_id, because=Released.ENDED, actor=actor)
    return kept


def hold(decision: Decision, *, waits: bool = True) -> None:
    """Let a decided referral wait for the answer to a request, HOLD at most after the case was closed; then the request lapses.

    To be called in the transaction that makes the referral: it locks the case, so that an answer comes before or after and never
    between. Where `waits` is false the request lapses at once. Raises HeldForAnswer while it waits.
    """
    case = _locked_case(decision.case_id)
    request = open_request(case)
    if request is None:
        return
    until = (case.closed_at or decision.decided_at) + HOLD
    if waits and decision.subject_type != SubjectType.AT_RISK and moment.now() < until:
        raise HeldForAnswer(until)
    lapse(request)
