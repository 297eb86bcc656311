"""What a platform's own people and software do here: answer, ask, dispute, ask for a review, confirm a withdrawal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction

from seawall import channels
from seawall.hub import moment
from seawall.hub.casework.form import FormIncomplete
from seawall.hub.directory.models import Organisation, Person
from seawall.hub.directory.roles import Role
from seawall.hub.referrals import user_notices
from seawall.hub.referrals.answers import apply_answer
from seawall.hub.referrals.models import NOTICES, AnswerWay, PlatformAnswer, Referral, ReferralState

MAX_BULK = 500  # answers in one call or form
MAX_DETAIL = 5_000  # characters

#: What a platform can say, in the words of its page: value -> (status, reason code, label, what it means here).
SAYINGS: dict[str, tuple[str, str | None, str, str]] = {
    "received": ("RECEIVED", None, "We have it", "Nobody has looked at it yet."),
    "processing": ("PROCESSING", None, "We are looking at it", "The clock goes on."),
    "actioned": ("COMPLETED", "ACTIONED", "We acted on it", "Say below what was done."),
    "no_action": ("COMPLETED", "REVIEWED_NO_ACTION", "We looked at it and leave it up", "Say why below."),
    "gone": ("COMPLETED", "CONTENT_DOWN_OR_INACCESSIBLE", "It was gone already", ""),
    "cannot_find": ("COMPLETED", "NOT_RESOLVABLE", "We cannot tell which post is meant", ""),
    "ask": (
        "PROCESSING",
        "NEED_MORE_INFORMATION",
        "We need to know more first",
        "The clock stands still where its law or code allows it.",
    ),
    "impossible": (
        "PROCESSING",
        "IMPOSSIBLE_NOW",
        "We cannot act for now",
        "For removal orders: an obstacle outside your control. Say which.",
    ),
    "dispute": ("DISPUTED", None, "We dispute it", "You hold that it should not have been made. The clock goes on."),
    "appeal": (
        "APPEALED",
        None,
        "We ask for a review",
        "For formal notices. Somebody who did not give the notice reviews it.",
    ),
}
NEEDS_WORDS = frozenset({"no_action", "ask", "impossible", "dispute", "appeal"})


class AnswerRefused(Exception):
    """An answer that cannot be taken in, with the reason in a sentence."""


@dataclass(frozen=True, kw_only=True)
class Saying:
    """One answer of a platform's person or software: a key of SAYINGS and what goes with it.

    `user_told` says whether the platform told the person who posted it; an empty `says` says nothing else.
    """

    says: str
    detail: str = ""
    puid: str = ""
    actions: tuple[str, ...] = ()
    user_told: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one answer among many."""

    referral: str
    taken: bool
    problem: str = ""


def sayings_for(referrals: Sequence[Referral]) -> list[str]:
    """What can be said of all of these referrals: an appeal only of formal notices, an obstacle only to removal orders."""
    kinds = {referral.kind for referral in referrals}
    return [
        name
        for name in SAYINGS
        if (name != "appeal" or kinds <= NOTICES) and (name != "impossible" or kinds <= {"removal_order"})
    ]


def _checked(saying: Saying, referral: Referral) -> channels.Answer:
    if saying.says not in (known := sayings_for([referral])):
        raise AnswerRefused(
            f"“{saying.says[:40]}” cannot be said of {referral.reference}; it can be one of: {', '.join(known)}."
        )
    detail = saying.detail.strip()
    if saying.says in NEEDS_WORDS and not detail:
        raise AnswerRefused(f"{referral.reference}: say why, or what you need to know.")
    if len(detail) > MAX_DETAIL or "\x00" in detail:
        raise AnswerRefused(f"{referral.reference}: the words are longer than {MAX_DETAIL:,} characters, or no text.")
    status, reason, _label, _about = SAYINGS[saying.says]
    if saying.actions and saying.says != "actioned":
        raise AnswerRefused(f"{referral.reference}: steps were named although the answer does not say that you acted.")
    if saying.says == "actioned" and not saying.actions:
        raise AnswerRefused(f"{referral.reference}: say what was done.")
    try:
        return channels.Answer.unsigned(
            {
                "schema": "seawall-answer/1",
                "answer_id": f"here-{uuid4()}",
                "reference": referral.platform_reference,
                "at": channels.base.stamp(moment.now()),
                "status": status,
                "reason_code": reason,
                "detail": detail,
                "puid": saying.puid.strip() or None,
                "actions": list(saying.actions),
            },
            reference=referral.platform_reference,
            proof="acknowledged",
        )
    except channels.AnswerInvalid as problem:
        raise AnswerRefused(f"{referral.reference}: {problem}") from problem


def _take(referral: Referral, saying: Saying, *, way: AnswerWay, person: Person | None) -> PlatformAnswer | None:
    if saying.user_told is not None:
        try:
            user_notices.platform_says(referral=referral, told=saying.user_told, way=way)
        except user_notices.NoNotice as problem:
            raise AnswerRefused(str(problem)) from problem
        if not saying.says:
            return None
    answer = _checked(saying, referral)
    if referral.state == ReferralState.WITHDRAWN:
        raise AnswerRefused(f"{referral.reference} was withdrawn; no answer is needed.")
    kept = apply_answer(referral_id=referral.pk, answer=answer, way=way, given_by=person)
    if kept is None:
        raise AnswerRefused(
            f"{referral.reference} is finished already; only a dispute or a request for review can follow."
        )
    return kept


def answer_by_person(*, referrals: Sequence[Referral], person: Person, saying: Saying) -> list[Outcome]:
    """Say the same of several referrals to one's own platform; each is taken in or refused on its own.

    Raises PermissionError when one of them is not addressed to a platform that the person answers for, FormIncomplete for none or
    more than MAX_BULK.
    """
    if not referrals or len(referrals) > MAX_BULK:
        raise FormIncomplete.one("referral", f"Choose between one and {MAX_BULK} referrals.")
    own = person.organisation_ids(Role.PLATFORM_CONTACT)
    if any(referral.platform.organisation_id not in own or referral.received_at is None for referral in referrals):
        raise PermissionError("You can answer only what was referred to your own platform.")
    return [_outcome(referral, saying, way=AnswerWay.PORTAL, person=person) for referral in referrals]


def _outcome(referral: Referral, saying: Saying, *, way: AnswerWay, person: Person | None) -> Outcome:
    try:
        with transaction.atomic():
            _take(referral, saying, way=way, person=person)
    except AnswerRefused as refused:
        return Outcome(referral=str(referral.pk), taken=False, problem=str(refused))
    return Outcome(referral=str(referral.pk), taken=True)


def addressed_to(organisation: Organisation) -> Any:
    """The referrals that a platform has received, the oldest first."""
    return (
        Referral.objects.filter(platform__organisation=organisation, received_at__isnull=False)
        .select_related("platform")
        .select_related("user_notice")
        .prefetch_related("clock_events", "answers__information", "user_notice__delays")
        .order_by("received_at", "id")
    )


def answer_by_software(*, organisation: Organisation, values: object) -> list[Outcome]:
    """Take in a list of answers from a platform's software: objects with `referral`, `says`, and where needed `detail`, `puid`, `actions`;
    `user_told` stands beside `says` or alone.

    Each is taken in or refused on its own, in the order given. Raises FormIncomplete when it is no list of 1 to MAX_BULK objects.
    """
    if not isinstance(values, list) or not 1 <= len(values) <= MAX_BULK:
        raise FormIncomplete.one("answers", f"Send a list of 1 to {MAX_BULK} answers.")
    return [_from_software(organisation, value) for value in values]


def _from_software(organisation: Organisation, value: object) -> Outcome:
    if not isinstance(value, Mapping):
        return Outcome(referral="", taken=False, problem="This is no object with the fields referral and says.")
    named = str(value.get("referral", ""))[:80]
    try:
        saying = _saying(value)
        referral = addressed_to(organisation).get(pk=UUID(named))
    except (ValueError, Referral.DoesNotExist) as problem:
        said = str(problem) if isinstance(problem, _Unreadable) else "There is no such referral to your platform."
        return Outcome(referral=named, taken=False, problem=said)
    return _outcome(referral, saying, way=AnswerWay.API, person=None)


class _Unreadable(ValueError):
    """A field of an answer is of another kind than it should be."""


def _saying(value: Mapping[str, object]) -> Saying:
    texts = {}
    for name in ("says", "detail", "puid"):
        given = value.get(name, "")
        if not isinstance(given, str):
            raise _Unreadable(f"The field {name} must be a text.")
        texts[name] = given
    told = value.get("user_told")
    if told is not None and not isinstance(told, bool):
        raise _Unreadable("The field user_told must be true or false.")
    actions = value.get("actions", [])
    if not isinstance(actions, list) or not all(isinstance(each, str) and 0 < len(each) <= 100 for each in actions):
        raise _Unreadable("The field actions must be a list of short words, such as removed.")
    if strange := sorted(set(value) - {"referral", "says", "detail", "puid", "actions", "user_told"}):
        raise _Unreadable(f"The field {strange[0]} is not known.")
    return Saying(
        says=texts["says"],
        detail=texts["detail"],
        puid=texts["puid"],
        actions=tuple(actions[:20]),
        user_told=told,
    )
