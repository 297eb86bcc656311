"""From an officer's words to the part of the document that the law asks for, and what of it is still missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

import pydantic

from seawall.channels.document import problems
from seawall.channels.notices import POWERS, FormalNotice, Officer, RemovalOrder, needed
from seawall.hub.notices.models import OfficerProfile
from seawall.hub.practice.models import PowerKind
from seawall.hub.web.words import LONDON

Path = tuple[str, ...]

FIELDS: Mapping[str, Mapping[str, Path]] = {
    PowerKind.FORMAL_NOTICE: {
        "reasons": ("reasons",),
        "review_until": ("review", "until"),
        "review_to": ("review", "to"),
        "review_how": ("review", "how"),
        "consequences": ("consequences",),
        "how_to_confirm": ("how_to_confirm",),
    },
    PowerKind.REMOVAL_ORDER: {
        "issuing_authority": ("issuing_authority",),
        "issuing_member_state": ("issuing_member_state",),
        "contact_email": ("contact", "email"),
        "contact_phone": ("contact", "phone"),
        "order_reference": ("order_reference",),
        "authentication": ("authentication",),
        "material": ("material",),
        "detailed_grounds": ("detailed_grounds",),
        "redress": ("redress",),
        "host_member_state": ("host_member_state",),
        "host_authority": ("host_authority",),
        "copied": ("copied_to_host_authority",),
    },
}
"""What an officer fills in, and the field of the document's part that it becomes."""


@dataclass(frozen=True, kw_only=True)
class Lack:
    """Something that a draft still lacks: the form's field (empty for the officer's profile), and the law's element in a sentence."""

    field: str
    sentence: str


def noun(kind: str) -> str:
    """“formal notice” or “removal order”."""
    return POWERS[kind].noun


def element(kind: str, field: str) -> str:
    """What the law asks of a field of the form, in the schema's own sentence; empty where it asks nothing."""
    said = needed((POWERS[kind].part, *FIELDS[kind][field])) or ""
    return _sentence(said) if said else ""


def part_of(
    *, kind: str, values: Mapping[str, Any], profile: OfficerProfile | None, at: datetime
) -> FormalNotice | RemovalOrder:
    """The part of the document, as given at `at`. Raises pydantic.ValidationError naming every element that is missing or wrong."""
    made = _nested(kind, values)
    if kind == PowerKind.REMOVAL_ORDER:
        return RemovalOrder.model_validate({**made, "issued_at": at, "preservation_months": 6})
    officer = {"officer": _officer(profile)} if profile is not None else {}
    statute = {"act": "Crime and Policing Act 2026", "section": "section 21"}
    return FormalNotice.model_validate({**made, **officer, "statute": statute, "given_at": at})


def lacks(*, kind: str, values: Mapping[str, Any], profile: OfficerProfile | None, at: datetime) -> list[Lack]:
    """What the draft lacks, in the order of the form; empty when it can be given."""
    missing = []
    if profile is None:
        missing.append(Lack(field="", sentence="Write down first how you are named and by what you are authorised."))
    try:
        part_of(kind=kind, values=values, profile=profile, at=at)
    except pydantic.ValidationError as error:
        fields = {".".join(path): name for name, path in FIELDS[kind].items()}
        order = list(FIELDS[kind])
        found = [_lack(each.field, each.problem, fields) for each in problems(error)]
        if profile is None:
            found = [each for each in found if each.field]
        missing += sorted(found, key=lambda each: order.index(each.field) if each.field else -1)
    return missing


def _lack(path: str, problem: str, fields: Mapping[str, str]) -> Lack:
    name = fields.get(path, "")
    if path in ("review", "contact"):  # nothing of it was filled in
        name = next(field for known, field in fields.items() if known.startswith(f"{path}."))
    elif not name:
        name = next((field for known, field in fields.items() if known in problem), "")
    _what, _, element = problem.partition("; ")
    plain = element and problem.startswith(("is missing", "String should"))
    return Lack(field=name, sentence=_sentence(element if plain else problem))


def _nested(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The filled-in fields where the document has them. What is blank is left out, so that the schema says what is missing."""
    made: dict[str, Any] = {}
    for name, path in FIELDS[kind].items():
        value = values.get(name)
        if value in (None, ""):
            continue
        target = made
        for step in path[:-1]:
            target = target.setdefault(step, {})
        target[path[-1]] = _value(name, value)
    # A part of which nothing is filled in is there all the same, so that each of its fields is named.
    for path in FIELDS[kind].values():
        if len(path) > 1:
            made.setdefault(path[0], {})
    return made


def _value(name: str, value: Any) -> Any:
    if name == "review_until":
        return end_of(date.fromisoformat(str(value)))
    if name == "copied":
        return str(value) == "yes"
    return str(value).replace("\r\n", "\n").strip()


def end_of(day: date) -> datetime:
    """The last minute of a day in British time, in UTC."""
    return datetime.combine(day, time(23, 59), LONDON).astimezone(UTC)


def _officer(profile: OfficerProfile) -> dict[str, Any]:
    return {
        "name": profile.name,
        "rank": profile.rank,
        "force": profile.force,
        "email": profile.email,
        "phone": profile.phone,
        "authorised_at": datetime.combine(profile.authorised_on, time(), UTC),
        "authorisation": profile.authorisation,
    }


def officer_lacks(values: Mapping[str, Any]) -> list[Lack]:
    """What is wrong with how an officer names themselves, by the form's fields, as the notice's schema has it."""
    try:
        Officer.model_validate({**values, "authorised_at": datetime.combine(values["authorised_at"], time(), UTC)})
    except pydantic.ValidationError as error:
        wrong = dict.fromkeys(each.field for each in problems(error))
        return [
            Lack(field=name, sentence=_sentence(needed(("formal", "officer", name)) or "This cannot be read"))
            for name in wrong
        ]
    return []


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}".rstrip(".") + "."
