"""The parts that only a notice or an order given under a statute has, and what each of the two must agree with.

A `FormalNotice` is a content removal notice of the Crime and Policing Act 2026, section 21; a `RemovalOrder` one of
Regulation (EU) 2021/784. Each field's description is the sentence that a sender reads when the field is missing.
``docs/reference/kinds.md`` says what each kind stands on, and how sure that is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, StrictBool, model_validator

from seawall.channels.fields import Email, Moment, OneLine, Part, Phone, Prose

FORMAL_SECONDS = 172_800
ORDER_SECONDS = 3_600


class Officer(Part):
    """The authorised officer who gives a notice: by name, and how to reach them."""

    name: Annotated[OneLine, Field(description="the notice must name the officer who gives it")]
    rank: Annotated[OneLine, Field(description="the notice must give the officer’s rank or grade")]
    force: Annotated[OneLine, Field(description="the notice must name the officer’s force or agency")]
    email: Annotated[
        Email, Field(description="the notice must give a mail address at which the officer can be reached")
    ]
    phone: Annotated[Phone, Field(description="the notice must give a telephone number of the officer")]
    authorised_at: Annotated[Moment, Field(description="the notice must say when the officer was authorised")]
    authorisation: Annotated[OneLine, Field(description="the notice must give the reference of the authorisation")]


class ReviewRight(Part):
    """The recipient's right to have a notice reviewed."""

    until: Annotated[Moment, Field(description="the notice must say until when a review can be asked for")]
    to: Annotated[OneLine, Field(description="the notice must say to whom a review is addressed")]
    how: Annotated[Prose, Field(description="the notice must explain how a review is asked for")]


class Statute(Part):
    """The law that a notice is given under: the only one whose notices this schema can express."""

    act: Literal["Crime and Policing Act 2026"]
    section: Literal["section 21"]


class FormalNotice(Part):
    """What makes a document a content removal notice. The 48 hours run from `given_at`."""

    statute: Annotated[Statute, Field(description="the notice must name the Act and the section it is given under")]
    officer: Annotated[
        Officer, Field(description="the notice must name the officer who gives it, with contact details")
    ]
    given_at: Annotated[
        Moment, Field(description="the notice must say when it is given, since its 48 hours run from then")
    ]
    reasons: Annotated[Prose, Field(description="the notice must give the officer’s reasons")]
    review: Annotated[ReviewRight, Field(description="the notice must explain the right to ask for a review, and how")]
    consequences: Annotated[
        Prose, Field(description="the notice must set out what may follow if it is not complied with")
    ]
    how_to_confirm: Annotated[Prose, Field(description="the notice must say how the recipient confirms the removal")]

    @property
    def comply_before(self) -> dt.datetime:
        """The end of the 48 hours."""
        return self.given_at + dt.timedelta(seconds=FORMAL_SECONDS)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.officer.authorised_at > self.given_at:
            raise ValueError("the notice is given before its officer was authorised; correct one of the two times")
        if self.review.until <= self.given_at:
            raise ValueError("the right of review ends before the notice is given; give a later time in review.until")
        return self


class Contact(Part):
    """How the authority that issued an order can be reached."""

    email: Annotated[Email, Field(description="the order must give a mail address of the issuing authority")]
    phone: Annotated[Phone, Field(description="the order must give a telephone number of the issuing authority")]


class RemovalOrder(Part):
    """What makes a document a removal order. Its hour runs from receipt.

    `material` is the type of material of article 2(7) that the content is; `host_authority` the competent authority of
    the member state where the host is established, and `copied_to_host_authority` whether it was sent a copy.
    """

    issuing_authority: Annotated[OneLine, Field(description="the order must name the authority that issues it")]
    issuing_member_state: Annotated[
        OneLine, Field(description="the order must name the issuing authority’s member state")
    ]
    contact: Annotated[Contact, Field(description="the order must say how to reach the issuing authority")]
    order_reference: Annotated[OneLine, Field(description="the order must carry its reference number")]
    issued_at: Annotated[Moment, Field(description="the order must say when it was issued")]
    authentication: Annotated[
        Prose, Field(description="the order must say how the recipient can check that the sender is who it says")
    ]
    material: Annotated[
        Prose, Field(description="the order must say which type of material in article 2(7) the content is")
    ]
    detailed_grounds: Annotated[
        Prose, Field(description="the order must say in detail why the content is terrorist content")
    ]
    redress: Annotated[
        Prose, Field(description="the order must explain the redress open to the host and to the person who posted it")
    ]
    preservation_months: Annotated[
        Literal[6], Field(description="the order must say that what is removed is kept for six months")
    ]
    host_member_state: Annotated[
        OneLine, Field(description="the order must name the member state where the host is established or represented")
    ]
    host_authority: OneLine | None = None
    copied_to_host_authority: Annotated[
        StrictBool, Field(description="the order must say whether the authority of the host’s member state has a copy")
    ]

    @model_validator(mode="after")
    def _copied_to_somebody(self) -> Self:
        if self.copied_to_host_authority and self.host_authority is None:
            raise ValueError("the order says that a copy was sent; name the authority that has it in host_authority")
        return self


@dataclass(frozen=True, slots=True)
class Power:
    """What a kind given under a statute must agree with: its own part, its time, and what its clock must cite."""

    part: str
    noun: str
    due_seconds: int
    cites: tuple[str, ...]


POWERS: Mapping[str, Power] = {
    "formal_notice": Power("formal", "formal notice", FORMAL_SECONDS, ("Crime and Policing Act 2026", "section 21")),
    "removal_order": Power("order", "removal order", ORDER_SECONDS, ("2021/784",)),
}
_PARTS: Mapping[str, type[BaseModel]] = {"formal": FormalNotice, "order": RemovalOrder}
_TITLES = {part.__name__: name for name, part in _PARTS.items()}


def needed(path: tuple[int | str, ...], title: str = "") -> str | None:
    """Say which element of the law the field at `path` is; None where it is none.

    `path` starts at the document, or at the part when `title` is the name of the part's class.
    """
    first, *rest = (_TITLES[title], *path) if title in _TITLES else path or ("",)
    model: type[BaseModel] | None = _PARTS.get(str(first))
    said: str | None = None
    for name in rest:
        field = model.model_fields.get(str(name)) if model else None
        if field is None:
            return said
        said = field.description or said
        kind = field.annotation
        model = kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
    return said
