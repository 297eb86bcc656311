"""What the fields of every document are made of: words that say something, addresses, aware times."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field


def said(text: str) -> str:
    """Refuse what is blank or holds a NUL."""
    if "\x00" in text:
        raise ValueError("holds a NUL character")
    if not text.strip():
        raise ValueError("is blank")
    return text


def _one_line(text: str) -> str:
    if len(text.splitlines()) != 1:
        raise ValueError("holds a line break; write one line")
    return text


def _web(url: str) -> str:
    if not url.startswith(("https://", "http://")):
        raise ValueError("is not an http or https address")
    return url


def _utc(moment: dt.datetime) -> dt.datetime:
    try:
        return moment.astimezone(dt.UTC)
    except OverflowError:
        raise ValueError("lies outside the calendar") from None


Line = Annotated[str, Field(max_length=300), AfterValidator(said)]
"""A few words, at most 300 characters."""
OneLine = Annotated[str, Field(max_length=300), AfterValidator(said), AfterValidator(_one_line)]
"""A few words without a line break, at most 300 characters."""
Prose = Annotated[str, Field(max_length=5_000), AfterValidator(said)]
"""Sentences, at most 5,000 characters."""
Url = Annotated[str, Field(max_length=2_048), AfterValidator(said), AfterValidator(_web)]
"""An exact http or https address."""
Moment = Annotated[AwareDatetime, AfterValidator(_utc)]
"""A time with its zone, turned into UTC."""
Email = Annotated[
    str, Field(max_length=254, pattern=r"^[^\s@<>()\[\],;:\\\"]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$")
]
"""One mail address, without a name or brackets."""
Phone = Annotated[str, Field(pattern=r"^\+?[0-9][0-9 ()/.-]{1,38}[0-9]$")]
"""A telephone number as people write it."""


class Part(BaseModel):
    """A part of a document: cannot be changed, and knows no field beyond its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
