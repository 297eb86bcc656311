"""The referral as a platform receives it: schema ``seawall-referral/1``.

A referral without a ground is not expressible: the schema wants an offence, element by element, each met and with its
reasons, or a dated term of the platform's own rules. ``docs/reference/referral-protocol.md`` says the fields in words,
``docs/reference/kinds.md`` the four kinds.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self
from uuid import UUID

import pydantic
from pydantic import AfterValidator, Field, StrictBool, StrictInt, model_validator

from seawall.channels import signing
from seawall.channels.fields import Line, Moment, Part, Prose, Url, said
from seawall.channels.notices import POWERS, FormalNotice, Power, RemovalOrder, needed
from seawall.channels.user_notice import UserNotice

SCHEMA = "seawall-referral/1"
MAX_DOCUMENT_BYTES = 262_144
STATE_TYPES = frozenset({"police", "government", "regulator", "electoral_authority"})

Kind = Literal["voluntary", "notice_of_illegality", "formal_notice", "removal_order"]
RequestedAction = Literal["remove", "restrict_age", "demote", "label"]
ReferrerType = Literal[
    "hub",
    "police",
    "charity",
    "platform",
    "regulator",
    "ombudsman",
    "electoral_authority",
    "government",
    "health_body",
    "member_of_the_public",
]


class Harm(Part):
    """What the code of practice calls this harm, and in which version of the code."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    title: Line
    code_version: Annotated[str, Field(max_length=64), AfterValidator(said)]


class Content(Part):
    """The post. `text_sha256` is the lower-case hex SHA-256 of its text in UTF-8, as the referrer read it."""

    native_id: Line
    url: Url
    text_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Element(Part):
    """One element of an offence: whether there are reasonable grounds to infer it, and which."""

    text: Prose
    met: StrictBool
    reasons: Prose


class Defence(Part):
    """One defence: whether there are reasonable grounds to infer that it may succeed, and which."""

    text: Prose
    may_succeed: StrictBool
    reasons: Prose


class LegalGround(Part):
    """One offence. Every element must be met and no defence likely (Online Safety Act 2023, section 192)."""

    act: Line
    section: Line
    elements: Annotated[tuple[Element, ...], Field(min_length=1, max_length=20)]
    defences: Annotated[tuple[Defence, ...], Field(max_length=20)] = ()

    @model_validator(mode="after")
    def _holds(self) -> Self:
        for number, element in enumerate(self.elements, start=1):
            if not element.met:
                raise ValueError(
                    f"element {number} of {self.act} {self.section} is not met; a ground needs every element, "
                    "so leave this ground out or refer on a dated term"
                )
        for number, defence in enumerate(self.defences, start=1):
            if defence.may_succeed:
                raise ValueError(f"defence {number} to {self.act} {self.section} may succeed; leave this ground out")
        return self


class Term(Part):
    """A rule of the platform, as it stood on `dated`."""

    rule: Prose
    dated: dt.date


class Grounds(Part):
    """What the referral stands on: offences, a term, or both; never neither."""

    legal: Annotated[tuple[LegalGround, ...], Field(max_length=10)] = ()
    term: Term | None = None

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not self.legal and self.term is None:
            raise ValueError("needs an offence with its elements, or a dated term of the platform; it has neither")
        return self


class Clock(Part):
    """How long the platform has, and where that comes from. A statute must be cited.

    It runs from receipt; that of a formal notice from the time it is given.
    """

    due_seconds: Annotated[StrictInt, Field(gt=0, le=31_536_000)]
    basis: Literal["statute", "code", "proposal"]
    citation: Annotated[str, Field(max_length=300)] | None = None

    @model_validator(mode="after")
    def _cited(self) -> Self:
        if self.basis == "statute" and not (self.citation or "").strip():
            raise ValueError("a clock set by statute needs its citation")
        return self


class Referrer(Part):
    """Who refers. A state body is always flagged as one."""

    organisation: Line
    type: ReferrerType
    state_body: StrictBool

    @model_validator(mode="after")
    def _flagged(self) -> Self:
        if self.type in STATE_TYPES and not self.state_body:
            raise ValueError(f"a referrer of type {self.type} is a state body and must say so")
        return self


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a document: the field by its path, and what is wrong with it."""

    field: str
    problem: str


class DocumentInvalid(ValueError):
    """The document is not a valid referral; ``problems`` names each field."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("Not a valid referral: " + "; ".join(f"{p.field}: {p.problem}" for p in problems) + ".")


class ReferralDocument(Part):
    """One referral, complete and immutable.

    Building one from parts raises ``pydantic.ValidationError``; :meth:`parse` raises :class:`DocumentInvalid`.
    A `notice_of_illegality` needs a legal ground; a `voluntary` referral is advice under the platform's own terms or
    the law, and the platform decides in both cases. A `formal_notice` has the part `formal` and a `removal_order` the part
    `order`, no other kind has either, and both come from a body of the state, ask for removal and rest on the law alone.
    """

    schema_: Annotated[Literal["seawall-referral/1"], Field(alias="schema")] = "seawall-referral/1"
    referral_id: UUID
    kind: Kind
    harm: Harm
    platform: Line
    content: Content
    grounds: Grounds
    requested_action: RequestedAction
    clock: Clock
    referrer: Referrer
    explanation: Prose
    sent_at: Moment
    good_faith: Literal[True]
    demonstration: StrictBool
    formal: FormalNotice | None = None
    order: RemovalOrder | None = None
    user_notice: UserNotice | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.kind == "notice_of_illegality" and not self.grounds.legal:
            raise ValueError("a notice of illegality needs a legal ground; a term alone makes a voluntary referral")
        if self.grounds.term is not None and self.grounds.term.dated > self.sent_at.date():
            raise ValueError("the term is dated after the referral was sent")
        for kind, power in POWERS.items():
            if kind != self.kind and getattr(self, power.part) is not None:
                raise ValueError(f"only a {power.noun} has the part {power.part}, and this is not of the kind {kind}")
        if self.kind in POWERS and (wrong := list(self._against(POWERS[self.kind]))):
            raise ValueError("; ".join(wrong))
        return self

    def _against(self, power: Power) -> Iterator[str]:
        """Say all that a document given under a statute has wrong."""
        noun = power.noun
        if getattr(self, power.part) is None:
            yield f"a {noun} needs its part {power.part}, which holds what the law asks of it"
        if not self.referrer.state_body:
            yield f"a {noun} comes from a body of the state, and referrer.state_body says that this one does not"
        if not self.grounds.legal:
            yield f"a {noun} needs a legal ground in grounds.legal"
        if self.grounds.term is not None:
            yield f"a {noun} rests on the law alone; leave grounds.term out, or refer on the platform's term separately"
        if self.requested_action != "remove":
            yield f"a {noun} asks for removal; requested_action is {self.requested_action}"
        if self.clock.basis != "statute" or self.clock.due_seconds != power.due_seconds:
            yield f"a {noun} has a clock of {power.due_seconds} seconds set by statute; clock says otherwise"
        if not all(re.search(rf"\b{re.escape(cited)}\b", self.clock.citation or "") for cited in power.cites):
            yield f"the clock of a {noun} must cite {', '.join(power.cites)}"
        if self.formal is not None and self.formal.given_at > self.sent_at:
            yield "formal.given_at is after sent_at; a notice is not sent before it is given"
        if self.order is not None and self.order.issued_at > self.sent_at:
            yield "order.issued_at is after sent_at; an order is not sent before it is issued"

    @classmethod
    def parse(cls, raw: bytes) -> ReferralDocument:
        """Read a document from JSON. Raises :class:`DocumentInvalid` naming each field that is wrong."""
        if len(raw) > MAX_DOCUMENT_BYTES:
            raise DocumentInvalid((Problem("document", f"is longer than {MAX_DOCUMENT_BYTES} bytes"),))
        try:
            return cls.model_validate_json(raw)
        except pydantic.ValidationError as error:
            raise DocumentInvalid(problems(error)) from error

    def to_dict(self) -> dict[str, Any]:
        """Return the document as plain JSON values.

        The parts of notices and orders, and the one for the person who posted it, are left out where there are none, so that
        every other document keeps the digest that its receipt was given for.
        """
        absent: dict[str, Any] = {power.part: True for power in POWERS.values() if getattr(self, power.part) is None}
        absent["user_notice"] = True if self.user_notice is None else set(self.user_notice.absent)
        return self.model_dump(mode="json", by_alias=True, exclude=absent)

    def to_json(self) -> bytes:
        """Return the document as RFC 8785 canonical JSON: the bytes that are sent, hashed and receipted."""
        return signing.canonical(self.to_dict())

    def sha256(self) -> str:
        """Return the hex SHA-256 of :meth:`to_json`."""
        return hashlib.sha256(self.to_json()).hexdigest()


class Withdrawal(Part):
    """The referrer takes a referral back: schema ``seawall-withdrawal/1``.

    It asks the platform to treat the referral as if it had never been made and, where something was done because of it,
    to look again. `by` says which kind of person withdrew.
    """

    schema_: Annotated[Literal["seawall-withdrawal/1"], Field(alias="schema")] = "seawall-withdrawal/1"
    referral_id: UUID
    platform: Line
    url: Url
    reasons: Prose
    by: Literal["referrer", "overseer", "appeal", "officer"]
    restore: StrictBool
    sent_at: Moment
    demonstration: StrictBool

    def to_dict(self) -> dict[str, Any]:
        """Return the withdrawal as plain JSON values."""
        return self.model_dump(mode="json", by_alias=True)

    def to_json(self) -> bytes:
        """Return it as RFC 8785 canonical JSON: the bytes that are sent, hashed and receipted."""
        return signing.canonical(self.to_dict())

    def sha256(self) -> str:
        """Return the hex SHA-256 of :meth:`to_json`."""
        return hashlib.sha256(self.to_json()).hexdigest()


def problems(error: pydantic.ValidationError) -> tuple[Problem, ...]:
    """Say what pydantic found in one line a field, and which element of the law it is, without repeating what was sent."""
    listed = []
    for found in error.errors(include_url=False, include_context=False, include_input=False):
        problem = "is missing" if found["type"] == "missing" else found["msg"].removeprefix("Value error, ")
        element = needed(found["loc"], error.title)
        listed.append(
            Problem(
                ".".join(str(part) for part in found["loc"]) or "document",
                f"{problem}; {element}" if element and element not in problem else problem,
            )
        )
    return tuple(listed)
