"""The referral as a platform receives it: schema ``seawall-referral/1``.

A referral without a ground is not expressible: the schema wants an offence, element by element, each met and with its
reasons, or a dated term of the platform's own rules. ``docs/reference/referral-protocol.md`` says the fields in words.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self
from uuid import UUID

import pydantic
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StrictBool, StrictInt, model_validator

from seawall.channels import signing

SCHEMA = "seawall-referral/1"
MAX_DOCUMENT_BYTES = 262_144
STATE_TYPES = frozenset({"police", "government", "regulator", "electoral_authority"})

Kind = Literal["voluntary", "notice_of_illegality"]
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


def _said(text: str) -> str:
    if "\x00" in text:
        raise ValueError("holds a NUL character")
    if not text.strip():
        raise ValueError("is blank")
    return text


def _web(url: str) -> str:
    if not url.startswith(("https://", "http://")):
        raise ValueError("is not an http or https address")
    return url


def _utc(moment: dt.datetime) -> dt.datetime:
    return moment.astimezone(dt.UTC)


Line = Annotated[str, Field(max_length=300), AfterValidator(_said)]
Prose = Annotated[str, Field(max_length=5_000), AfterValidator(_said)]
Moment = Annotated[AwareDatetime, AfterValidator(_utc)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Harm(_Part):
    """What the code of practice calls this harm, and in which version of the code."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    title: Line
    code_version: Annotated[str, Field(max_length=64), AfterValidator(_said)]


class Content(_Part):
    """The post. `text_sha256` is the lower-case hex SHA-256 of its text in UTF-8, as the referrer read it."""

    native_id: Line
    url: Annotated[str, Field(max_length=2_048), AfterValidator(_said), AfterValidator(_web)]
    text_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Element(_Part):
    """One element of an offence: whether there are reasonable grounds to infer it, and which."""

    text: Prose
    met: StrictBool
    reasons: Prose


class Defence(_Part):
    """One defence: whether there are reasonable grounds to infer that it may succeed, and which."""

    text: Prose
    may_succeed: StrictBool
    reasons: Prose


class LegalGround(_Part):
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


class Term(_Part):
    """A rule of the platform, as it stood on `dated`."""

    rule: Prose
    dated: dt.date


class Grounds(_Part):
    """What the referral stands on: offences, a term, or both; never neither."""

    legal: Annotated[tuple[LegalGround, ...], Field(max_length=10)] = ()
    term: Term | None = None

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not self.legal and self.term is None:
            raise ValueError("needs an offence with its elements, or a dated term of the platform; it has neither")
        return self


class Clock(_Part):
    """How long the platform has from receipt, and where that comes from. A statute must be cited."""

    due_seconds: Annotated[StrictInt, Field(gt=0, le=31_536_000)]
    basis: Literal["statute", "code", "proposal"]
    citation: Annotated[str, Field(max_length=300)] | None = None

    @model_validator(mode="after")
    def _cited(self) -> Self:
        if self.basis == "statute" and not (self.citation or "").strip():
            raise ValueError("a clock set by statute needs its citation")
        return self


class Referrer(_Part):
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


class ReferralDocument(_Part):
    """One referral, complete and immutable.

    Building one from parts raises ``pydantic.ValidationError``; :meth:`parse` raises :class:`DocumentInvalid`.
    A `notice_of_illegality` needs a legal ground; a `voluntary` referral is advice under the platform's own terms or
    the law, and the platform decides in both cases.
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

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.kind == "notice_of_illegality" and not self.grounds.legal:
            raise ValueError("a notice of illegality needs a legal ground; a term alone makes a voluntary referral")
        if self.grounds.term is not None and self.grounds.term.dated > self.sent_at.date():
            raise ValueError("the term is dated after the referral was sent")
        return self

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
        """Return the document as plain JSON values."""
        return self.model_dump(mode="json", by_alias=True)

    def to_json(self) -> bytes:
        """Return the document as RFC 8785 canonical JSON: the bytes that are sent, hashed and receipted."""
        return signing.canonical(self.to_dict())

    def sha256(self) -> str:
        """Return the hex SHA-256 of :meth:`to_json`."""
        return hashlib.sha256(self.to_json()).hexdigest()


def problems(error: pydantic.ValidationError) -> tuple[Problem, ...]:
    """Say what pydantic found in one line a field, without repeating what was sent."""
    return tuple(
        Problem(
            ".".join(str(part) for part in found["loc"]) or "document",
            found["msg"].removeprefix("Value error, "),
        )
        for found in error.errors(include_url=False, include_context=False, include_input=False)
    )
