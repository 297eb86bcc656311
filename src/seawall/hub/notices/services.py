"""The verbs of notices: draft, write, give, decline, settle. Reviews and scrutiny have files of their own."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Literal, cast
from uuid import UUID

import rfc8785
from django.db import transaction

from seawall import channels
from seawall.clock import Limit
from seawall.hub import moment
from seawall.hub.casework import measures
from seawall.hub.casework import queries as casework
from seawall.hub.casework.closing import close_unreferred
from seawall.hub.casework.form import FormIncomplete, FormProblem
from seawall.hub.casework.models import Basis, CaseState, Decision, Outcome
from seawall.hub.casework.services import role_to_decide
from seawall.hub.casework.tasks import queue_referral
from seawall.hub.directory.models import Person
from seawall.hub.directory.roles import ROLES_OF_A_PARTITION, Partition, Role
from seawall.hub.directory.services import acting_as
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import Actor, record
from seawall.hub.notices import officers, telling
from seawall.hub.notices.models import Notice, NoticeState, OfficerProfile
from seawall.hub.notices.parts import FIELDS, Lack, lacks, noun, part_of
from seawall.hub.practice import queries as practice
from seawall.hub.practice.models import Power, PowerKind
from seawall.hub.practice.vocabulary import Step
from seawall.hub.referrals import services as referrals
from seawall.hub.referrals.documents import document_for
from seawall.hub.referrals.models import Referral

NOTICES = Actor.machine("notices")
MAX_REASONS = 5_000  # characters
MAX_PARTS = 60_000  # characters of a whole draft


class NoticeUnavailable(Exception):
    """The notice is not in a state for this, with the reason in a sentence."""


def power_for(decision: Decision) -> Power | None:
    """The power under which a decision to refer waits for an officer; None where it makes an ordinary referral.

    It waits where the code of practice foresees a notice for the harm, the decision stands on an offence, and the operator has recorded
    that the desk's organisation, a body of the state, holds the power; at a desk that can have officers.
    """
    if decision.outcome != Outcome.REFER or decision.basis != Basis.OFFENCE:
        return None
    organisation = decision.case.desk.organisation
    kind = practice.power_needed(practice.code_at(decision.code_version).harm(decision.harm))
    officers_here = Role.AUTHORISING_OFFICER in ROLES_OF_A_PARTITION[Partition(decision.case.desk.partition)]
    if kind is None or not organisation.state_body or not officers_here:
        return None
    return practice.power_in_force(kind=kind, organisation_id=organisation.pk)


@transaction.atomic
def draft(*, decision_id: UUID | str) -> Notice | None:
    """Make the draft that a decision waits for; one decision makes one, however often this runs. None where it waits for none."""
    decision = casework.decision_to_refer(decision_id=decision_id)
    existing = Notice.objects.filter(decision=decision).first()
    if existing is not None:
        return existing
    stands = decision.voided_at is None and decision.case.state == CaseState.CLOSED
    power = power_for(decision) if stands else None
    if power is None or Referral.objects.filter(decision=decision).exists():
        return None
    made = Notice.objects.create(decision=decision, power=power, kind=power.kind, drafted_at=moment.now())
    record(
        event=ledger.NoticeDrafted(
            case=str(decision.case_id), decision=str(decision.pk), power=str(power.pk), kind=made.kind
        ),
        subject=made,
        actor=NOTICES,
    )
    telling.tell_of_draft(made)
    return made


@transaction.atomic
def write(*, notice: Notice, person: Person, values: Mapping[str, Any]) -> Notice:
    """Keep what an officer wrote at a draft, complete or not. Raises PermissionError, NoticeUnavailable, FormIncomplete."""
    notice = _draft(notice.pk)
    actor = _giving(notice, person)
    parts = {name: str(values[name]) for name in FIELDS[notice.kind] if values.get(name) not in (None, "")}
    if any("\x00" in value for value in parts.values()) or sum(map(len, parts.values())) > MAX_PARTS:
        raise FormIncomplete.one("", f"The draft is longer than {MAX_PARTS:,} characters, or holds a NUL character.")
    notice.parts, notice.written_by, notice.written_at = parts, person, moment.now()
    notice.save(update_fields=["parts", "written_by", "written_at"])
    record(
        event=ledger.NoticeWritten(parts_digest=sha256(rfc8785.dumps(parts)).hexdigest()), subject=notice, actor=actor
    )
    return notice


def missing(*, notice: Notice, person: Person) -> list[Lack]:
    """What the draft lacks before this officer can give it."""
    return lacks(kind=notice.kind, values=notice.parts, profile=officers.profile_of(person), at=moment.now())


def previewed(*, notice: Notice, person: Person) -> channels.ReferralDocument:
    """The document as it would be given now. Raises pydantic.ValidationError where something is missing."""
    referral = Referral(
        case=notice.decision.case,
        decision=notice.decision,
        platform=notice.decision.case.content.platform,
        kind=notice.kind,
    )
    given = _given(notice, profile=officers.profile_of(person), actor=NOTICES)
    code = practice.code_at(notice.decision.code_version)
    return document_for(referral=referral, decision=notice.decision, code=code, limit=given.limit, given=given)


def seal(*, notice: Notice, person: Person) -> str:
    """A digest of what the officer wrote and is named by: what is given is what was checked."""
    profile = officers.profile_of(person)
    named = [] if profile is None else [profile.name, profile.rank, profile.force, profile.email, profile.phone]
    named += [] if profile is None else [profile.authorisation, profile.authorised_on.isoformat()]
    return sha256(rfc8785.dumps([str(notice.pk), notice.parts, named])).hexdigest()


@transaction.atomic
def give(*, notice: Notice, person: Person, checked: str) -> Referral:
    """Give the notice or order: it goes to the platform as any referral does, and the time that the law counts from giving runs from now.

    `checked` is the `seal` of what the officer read before. Raises PermissionError for anybody but an officer at the desk who neither
    decided nor gave the second word, NoticeUnavailable, FormIncomplete with every element that is missing.
    """
    notice = _draft(notice.pk)
    decision = notice.decision
    actor = _giving(notice, person)
    if notice.power.ended_at is not None:
        raise NoticeUnavailable(
            f"The record of the power ended, so no {noun(notice.kind)} can be given. Decline it; the desk can send a request."
        )
    if (halted := measures.suspension_of(decision.case.desk)) is not None:
        raise NoticeUnavailable(f"{decision.case.desk.name} may not refer until {halted.until:%d %B %Y, %H:%M} UTC.")
    if checked != seal(notice=notice, person=person):
        raise NoticeUnavailable("The draft changed after you checked it. Read it again, then give it.")
    if found := missing(notice=notice, person=person):
        raise FormIncomplete([FormProblem(field=each.field, message=each.sentence) for each in found])
    given = _given(notice, profile=officers.profile_of(person), actor=actor)
    notice.state, notice.given_by, notice.given_at = NoticeState.GIVEN, person, given.at
    notice.referral = referrals.prepare(decision_id=decision.pk, given=given)
    notice.save(update_fields=["state", "given_by", "given_at", "referral"])
    record(
        event=ledger.NoticeGiven(
            kind=notice.kind,
            power=str(notice.power_id),
            referral=str(notice.referral.pk),
            document_digest=notice.referral.document_sha256,
        ),
        subject=notice,
        actor=actor,
    )
    telling.tell_decider(
        notice, kind="given", text=f"The {noun(notice.kind)} on {decision.case.reference} has been given."
    )
    return notice.referral


@transaction.atomic
def decline(*, notice: Notice, person: Person, reasons: str) -> Notice:
    """Decline to give it, as an officer at the desk. Whoever decided is told, and the desk settles what becomes of the decision.

    Raises PermissionError, NoticeUnavailable, FormIncomplete without reasons.
    """
    notice = _draft(notice.pk)
    actor = officers.acting_officer(person, notice.decision.case.desk)
    reasons = reasons.strip()
    if not reasons or len(reasons) > MAX_REASONS or "\x00" in reasons:
        raise FormIncomplete.one("reasons", f"Say why you decline, in {MAX_REASONS:,} characters at most.")
    notice.state, notice.declined_by, notice.declined_at = NoticeState.DECLINED, person, moment.now()
    notice.declined_because = reasons
    notice.save(update_fields=["state", "declined_by", "declined_at", "declined_because"])
    record(event=ledger.NoticeDeclined(kind=notice.kind), subject=notice, actor=actor)
    telling.tell_decider(
        notice,
        kind="declined",
        text=f"The {noun(notice.kind)} on {notice.decision.case.reference} was declined. Send a request, or close the case.",
    )
    return notice


@transaction.atomic
def settle(*, notice: Notice, person: Person, way: Literal["request", "close"]) -> Notice:
    """Settle a decision whose notice was declined: send it as a request with the same time, or close the case with nothing sent.

    Raises PermissionError, NoticeUnavailable.
    """
    notice = _locked(notice.pk)
    desk = notice.decision.case.desk
    role = role_to_decide(person=person, desk=desk)
    if role is None:
        raise PermissionError(f"Your role at {desk.name} does not allow this.")
    if notice.state != NoticeState.DECLINED:
        raise NoticeUnavailable(f"Nothing is to be settled here: {notice.get_state_display().lower()}.")
    actor = acting_as(person, role)
    if way == "request" and (halted := measures.suspension_of(desk)) is not None:
        raise NoticeUnavailable(f"{desk.name} may not refer until {halted.until:%d %B %Y, %H:%M} UTC.")
    notice.state = NoticeState.REQUESTED if way == "request" else NoticeState.CLOSED
    notice.settled_by, notice.settled_at = person, moment.now()
    notice.save(update_fields=["state", "settled_by", "settled_at"])
    record(event=ledger.NoticeSettled(way=way), subject=notice, actor=actor)
    if way == "request":
        queue_referral(notice.decision)
    else:
        close_unreferred(decision=notice.decision, actor=actor)
    return notice


def _locked(notice_id: UUID) -> Notice:
    return (
        Notice.objects.select_for_update(of=("self",))
        .select_related("decision__case__desk__organisation", "decision__case__content__platform", "power")
        .get(pk=notice_id)
    )


def _draft(notice_id: UUID) -> Notice:
    notice = _locked(notice_id)
    if notice.state != NoticeState.DRAFT:
        raise NoticeUnavailable(f"This draft waits no more: {notice.get_state_display().lower()}.")
    return notice


def _giving(notice: Notice, person: Person) -> Actor:
    """The officer who writes or gives. Raises PermissionError."""
    actor = officers.acting_officer(person, notice.decision.case.desk)
    if person.pk in officers.deciders(notice.decision):
        raise PermissionError(
            "You decided this case or gave the second word on it, so another officer gives the notice."
        )
    return actor


def _given(notice: Notice, *, profile: OfficerProfile | None, actor: Actor) -> referrals.Given:
    at = moment.now()
    return referrals.Given(
        kind=cast(Literal["formal_notice", "removal_order"], str(PowerKind(notice.kind))),
        part=part_of(kind=notice.kind, values=notice.parts, profile=profile, at=at),
        limit=limit_of(notice),
        at=at,
        actor=actor,
    )


def limit_of(notice: Notice) -> Limit:
    """The statute's own time, as the code of practice of the decision has it."""
    decision = notice.decision
    limit = practice.code_at(decision.code_version).limit(decision.harm, Step.ACTION)
    if limit is None:
        raise NoticeUnavailable("The code of practice sets no time for this harm.")
    return limit
