"""Reads of notices to the person who posted something: their page, the desk's, the platform's and the overseer's views of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import rfc8785
from django.db.models import QuerySet

from seawall import channels
from seawall.hub import moment
from seawall.hub.casework.models import Case, CaseState
from seawall.hub.casework.panels import Panel
from seawall.hub.casework.services import role_to_decide, role_to_review
from seawall.hub.directory.models import Person, Platform
from seawall.hub.directory.roles import Role
from seawall.hub.ledger import queries as ledger
from seawall.hub.ledger.vocabulary import EVENTS
from seawall.hub.practice import queries as practice
from seawall.hub.practice.schema import SupportLine
from seawall.hub.referrals import objections, words
from seawall.hub.referrals import user_notice_texts as texts
from seawall.hub.referrals.forms import STEPS
from seawall.hub.referrals.models import (
    ComplaintRoute,
    NoticeDelay,
    NoticeText,
    Objection,
    Referral,
    ReferralState,
    Released,
    UserNotice,
)
from seawall.hub.referrals.user_notice_delays import HOLD, last_end, open_request
from seawall.hub.referrals.user_notices import link_of

STATES = {
    "none": ("No notice: the person may be at risk", "grey"),
    "delayed": ("Delayed", "yellow"),
    "to_be_shown": ("To be shown to the person", "blue"),
    "told": ("The platform says that it told the person", "green"),
    "not_told": ("The platform says that it did not tell the person", "red"),
}
"""Each state of a notice in words, with its colour."""
SEARCHED = 200  # waiting ones, the oldest first, among which those of a person are looked for
COUNTED = [
    "user_notice.made",
    "user_notice.left_out",
    "user_notice.delay_asked",
    "user_notice.delay_answered",
    "user_notice.delay_lapsed",
    "user_notice.delay_ended",
    "user_notice.released",
    "user_notice.objection_made",
    "user_notice.objection_answered",
]


def notice_of(referral: Referral) -> UserNotice | None:
    """The notice of a referral; None for one that was made before there were notices."""
    found: UserNotice | None = getattr(referral, "user_notice", None)
    return found


def state_of(notice: UserNotice, now: datetime) -> str:
    """A key of STATES."""
    if notice.left_out:
        return "none"
    if notice.user_told is not None:
        return "told" if notice.user_told else "not_told"
    return "to_be_shown" if notice.shown_at(now) else "delayed"


def for_platform(referral: Referral) -> dict[str, Any] | None:
    """What a platform's software is told of a referral's notice: its state, and the words once they may be shown."""
    notice, now = notice_of(referral), moment.now()
    if notice is None:
        return None
    shown, until = notice.shown_at(now), notice.delayed_until()
    return {
        "state": state_of(notice, now),
        "delayed_until": channels.base.stamp(until) if until is not None and not shown else None,
        "text": notice.text if shown else None,
        "language": notice.language if shown else None,
        "link": link_of(notice) if shown else None,
        "user_told": notice.user_told,
    }


def shown_on(
    referral: Referral, *, person: Person, inside: bool, overseen: bool, addressed: bool
) -> dict[str, Any] | None:
    """What a referral's page says of its notice. Delays and objections are for the desk and the overseer alone."""
    notice, now = notice_of(referral), moment.now()
    if notice is None:
        return None
    state = state_of(notice, now)
    shown, until = notice.shown_at(now), notice.delayed_until()
    delays = list(notice.delays.select_related("desk")) if inside or overseen else []
    written = list(notice.objections.all()) if inside or overseen else []
    may_answer = inside and objections.may_answer(person=person, referral=referral)
    running = until if until is not None and not shown and not notice.left_out else None
    return {
        "notice": notice,
        "state": STATES[state][0],
        "colour": STATES[state][1],
        "delayed_until": running,
        "text": notice.text if shown or inside or overseen else "",
        "link": link_of(notice) if shown else "",
        "delays": delays,
        "running": next(
            (one for one in delays if inside and running and one.until == running and not one.ended_at), None
        ),
        "open_delay": next((one for one in delays if one.is_open), None) if inside else None,
        "may_prolong": bool(
            inside and running and last_end(referral.case) > running and not any(one.is_open for one in delays)
        ),
        "may_approve": inside and role_to_review(person=person, desk=referral.case.desk) is not None,
        "objections": written,
        "may_answer": may_answer,
        "nobody_may_answer": any(one.answered_at is None for one in written)
        and not may_answer
        and not objections.somebody_may_answer(referral),
        "may_say_told": addressed and shown and notice.user_told is not True,
        "by_hand": inside and notice.by_hand,
    }


def by_secret(secret: str) -> UserNotice:
    """The notice of a public page. Raises UserNotice.DoesNotExist, also while it is delayed: then nobody was given the address."""
    notice = (
        UserNotice.objects.select_related("referral__platform", "referral__decision__term")
        .prefetch_related("delays")
        .get(secret=secret, left_out="")
    )
    if not notice.shown_at(moment.now()) or (
        notice.referral.state == ReferralState.WITHDRAWN and notice.referral.received_at is None
    ):
        raise UserNotice.DoesNotExist("It is not to be shown.")
    return notice


@dataclass(frozen=True, kw_only=True)
class Acknowledgement:
    """Whom a withdrawal was sent to, and when they confirmed it; None while they have not."""

    name: str
    at: datetime | None


def public_page(notice: UserNotice) -> dict[str, Any]:
    """What anybody with the address sees: no post, no address of one, and nobody's name."""
    referral = notice.referral
    document = channels.ReferralDocument.model_validate_json(rfc8785.dumps(referral.document))
    platform = referral.platform
    term = referral.decision.term
    withdrawal = getattr(referral, "withdrawal", None)
    route = texts.complaint_route(platform)
    last = referral.answers.filter(status="COMPLETED").order_by("-answered_at", "-id").first()
    probe = referral.probes.exclude(state="unreachable").order_by("-at", "-id").first()
    written = list(notice.objections.all())
    open_one = next((one for one in written if one.answered_at is None), None)
    return {
        "notice": notice,
        "platform": platform.name,
        "harm": document.harm.title,
        "referred_at": referral.received_at or referral.prepared_at,
        "who": texts.who(document),
        "state_body": document.referrer.state_body,
        "asked": texts.ASKED[document.requested_action],
        "ground": texts.ground(document, platform.name, term.title if term is not None else ""),
        "decides": texts.decides(document, platform.name),
        "did": _did(last.reason_code, last.actions) if last is not None else "",
        "did_at": last.answered_at if last is not None else None,
        "seen": words.SEEN.get(probe.state, "") if probe is not None else "",
        "seen_at": probe.at if probe is not None else None,
        "withdrawal": withdrawal,
        "acknowledgements": [Acknowledgement(name=platform.name, at=withdrawal.acknowledged_at)] if withdrawal else [],
        "delayed": notice.released_because in (Released.EXPIRED, Released.ENDED) or notice.released_at is None,
        "complaint": route,
        "complaint_is_page": bool(route and route.address.startswith("https://")),
        "objections": written,
        "open_objection": open_one,
        "may_object": open_one is None and len(written) < objections.MOST,
        "demonstration": document.demonstration,
        "support": support_for(document.harm.code_version, document.harm.id),
    }


def _did(reason_code: str, actions: list[str]) -> str:
    """What the platform says that it did, in our words alone: theirs could name somebody."""
    known = dict(STEPS)
    steps = [known[action].lower() for action in actions if action in known]
    if reason_code == "ACTIONED" and steps:
        return f"It says that it did this: {', '.join(steps)}."
    return {
        "ACTIONED": "It says that it acted on the post.",
        "REVIEWED_NO_ACTION": "It says that it looked at the post and left it up.",
        "NOT_RESOLVABLE": "It says that it could not tell which post was meant.",
        "CONTENT_DOWN_OR_INACCESSIBLE": "It says that the post was gone already.",
    }.get(reason_code, "It says that it has finished with it.")


def support_for(code_version: str, harm: str) -> tuple[SupportLine, ...]:
    """The lines to offer to whoever posted something of this kind, without 999, which stands on its own."""
    code = practice.code_at(code_version)
    lines = code.shown_support(code.harm(harm).support.author)
    return tuple(line for line in lines if not line.emergency)


def delay_for(*, person: Person, delay_id: UUID) -> NoticeDelay:
    """A delay of one of the person's own desks. Raises NoticeDelay.DoesNotExist."""
    return (
        NoticeDelay.objects.filter(case__in=Case.objects.visible_to(person))
        .select_related("case__desk", "case__content__platform", "notice__referral__platform", "asked_by")
        .get(pk=delay_id)
    )


def objection_for(*, person: Person, objection_id: UUID) -> Objection:
    """An objection to a referral of one of the person's own desks. Raises Objection.DoesNotExist."""
    return (
        Objection.objects.filter(
            notice__referral__in=Referral.objects.visible_to(person),
            notice__referral__case__desk__in=person.desk_ids(),
        )
        .select_related("notice__referral__platform", "notice__referral__case__desk")
        .get(pk=objection_id)
    )


def delays_for(person: Person) -> QuerySet[NoticeDelay]:
    """Every delay that was ever asked for, newest first: the overseer's list. Nothing for anybody else."""
    if Role.OVERSEER not in person.roles():
        return NoticeDelay.objects.none()
    return NoticeDelay.objects.select_related("desk__organisation", "notice__referral", "case__content__platform")


def open_objections_for(person: Person) -> QuerySet[Objection]:
    """The objections that nobody has answered yet, the oldest first: the overseer's list. Nothing for anybody else."""
    if Role.OVERSEER not in person.roles():
        return Objection.objects.none()
    return Objection.objects.filter(answered_at=None).select_related("notice__referral__case__desk")


def objections_to_answer(person: Person, *, most: int) -> list[Objection]:
    """The objections at the person's desks that wait for somebody who, like the person, had no part in the case; the oldest first."""
    found = (
        Objection.objects.filter(
            answered_at=None,
            notice__referral__in=Referral.objects.visible_to(person),
            notice__referral__case__desk__in=person.desk_ids(),
        )
        .exclude(notice__referral__case__decisions__decided_by=person)
        .exclude(notice__referral__case__decisions__review__reviewed_by=person)
        .select_related("notice__referral__platform", "notice__referral__case__desk")
    )
    waiting = list(found[:SEARCHED])
    desks = {one.notice.referral.case.desk for one in waiting}
    mine = {desk.pk for desk in desks if role_to_decide(person=person, desk=desk) is not None}
    return [one for one in waiting if one.notice.referral.case.desk_id in mine][:most]


def delays_to_answer(person: Person, *, most: int) -> list[NoticeDelay]:
    """The requests at the person's desks to tell somebody later, asked by others and not answered; the oldest first."""
    found = (
        NoticeDelay.objects.filter(
            answered_at=None, lapsed_at=None, case__in=Case.objects.visible_to(person), desk__in=person.desk_ids()
        )
        .exclude(asked_by=person)
        .select_related("desk", "case")
        .order_by("asked_at", "id")
    )
    return [one for one in found[:SEARCHED] if role_to_review(person=person, desk=one.desk) is not None][:most]


def counted() -> list[tuple[str, int]]:
    """How often each thing happened, from the ledger: what it means, and the number."""
    found = Counter(ledger.entries().filter(verb__in=COUNTED).values_list("verb", flat=True))
    return [(EVENTS[verb].means, found[verb]) for verb in COUNTED]


@dataclass(frozen=True, kw_only=True)
class Words:
    """The words in force for a platform, or for every one (`platform` is None)."""

    platform: Platform | None
    text: str
    kept: NoticeText | None
    own: bool
    route: ComplaintRoute | None = None


def words_in_force(platforms: list[Platform]) -> list[Words]:
    """The words for every platform, then those of each of `platforms`."""
    text, kept = texts.wording(platform=None)
    found = [Words(platform=None, text=text, kept=kept, own=kept is not None)]
    for platform in platforms:
        text, kept = texts.wording(platform=platform)
        own = kept is not None and kept.platform_id == platform.pk
        found.append(Words(platform=platform, text=text, kept=kept, own=own, route=texts.complaint_route(platform)))
    return found


def user_notice_panel(case: Case, person: Person) -> Panel | None:
    """On a case's page, while its referral is not made: the request that the person is told later, or the way to make one."""
    if case.desk_id not in person.desk_ids() or Referral.objects.filter(case=case).exists():
        return None
    request = open_request(case)
    found = NoticeDelay.objects.filter(case=case, desk=case.desk_id, notice=None).exclude(answered_at=None).first()
    under_way = case.state in (CaseState.CLAIMED, CaseState.SECOND_REVIEW)
    if request is None and found is None and not under_way:
        return None
    return Panel(
        title="Telling the person who posted it",
        template="referrals/parts/user_notice_panel.html",
        context={
            "case": case,
            "request": request,
            "answered": found if request is None else None,
            "may_ask": under_way and request is None and role_to_decide(person=person, desk=case.desk) is not None,
            "may_answer": request is not None
            and request.asked_by_id != person.pk
            and role_to_review(person=person, desk=case.desk) is not None,
            "until": case.closed_at + HOLD if request is not None and case.closed_at is not None else None,
        },
    )
