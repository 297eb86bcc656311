"""What a rendering is made of, whatever it becomes: headings, numbered paragraphs, facts, tables, words of others.

Everything that somebody wrote passes through :func:`visible` on its way in, so nothing in a `Sheet` can hide or turn the
words around it.
"""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_LINE_BREAKS = str.maketrans({"\x0b": "\n", "\x0c": "\n", "\x85": "\n", "\u2028": "\n", "\u2029": "\n", "\t": " "})
_JOINERS = "\u200c\u200d"
_BLANKS = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"  # letters and marks by their category, and not to be seen


@dataclass(frozen=True, slots=True)
class Box:
    """Something that nobody may overlook."""

    tone: Literal["demonstration", "state"]
    text: str


@dataclass(frozen=True, slots=True)
class Heading:
    """The heading of a section."""

    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A sentence of the form itself, numbered through the whole document so that it can be cited."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Statement:
    """What a person wrote, set apart from the words of the form. May hold line breaks."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact. `exact` ones are read letter by letter: addresses, digests, identifiers."""

    label: str
    text: str
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts that belong together. `signed` sets them apart as the block of whoever answers for the document."""

    facts: tuple[Fact, ...]
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table; the first cell of each row is the row's heading, and `shares` are the columns' parts of the width."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    shares: tuple[int, ...]


Block = Box | Heading | Paragraph | Statement | Facts | Table


@dataclass(frozen=True, slots=True)
class Sheet:
    """A whole document, ready to be set. `running` names it on every page; `digest` is the document's SHA-256 in hex."""

    title: str
    subtitle: str
    running: str
    schema: str
    digest: str
    made_at: dt.datetime
    author: str
    demonstration: bool
    blocks: tuple[Block, ...]

    def texts(self) -> Iterator[str]:
        """Every text of the sheet in the order in which it is read."""
        yield self.title
        yield self.subtitle
        for block in self.blocks:
            match block:
                case Paragraph(number, text):
                    yield f"{number}."
                    yield text
                case Box(_, text) | Heading(text):
                    yield text
                case Statement(label, text):
                    yield label
                    yield text
                case Facts(facts):
                    for fact in facts:
                        yield fact.label
                        yield fact.text
                case Table(caption, columns, rows):
                    yield caption
                    yield from columns
                    for row in rows:
                        yield from row


@dataclass(slots=True)
class Writer:
    """Puts a sheet together: numbers the paragraphs, and makes visible what others wrote."""

    blocks: list[Block] = field(default_factory=list)
    _number: int = 0

    def box(self, tone: Literal["demonstration", "state"], text: str) -> None:
        """Add something that nobody may overlook."""
        self.blocks.append(Box(tone, on_one_line(text)))

    def heading(self, text: str) -> None:
        """Begin a section."""
        self.blocks.append(Heading(text))

    def say(self, text: str) -> None:
        """Add the next numbered paragraph."""
        self._number += 1
        self.blocks.append(Paragraph(self._number, on_one_line(text)))

    def quote(self, label: str, text: str) -> None:
        """Add what a person wrote."""
        self.blocks.append(Statement(label, visible(text)))

    def facts(self, *facts: Fact | None, signed: bool = False) -> None:
        """Add facts; those that are None do not apply."""
        kept = (fact for fact in facts if fact is not None)
        shown = (Fact(f.label, visible(f.text, exact=True) if f.exact else on_one_line(f.text), f.exact) for f in kept)
        self.blocks.append(Facts(tuple(shown), signed))

    def table(
        self, caption: str, columns: tuple[str, ...], rows: Sequence[Sequence[str]], shares: tuple[int, ...]
    ) -> None:
        """Add a table."""
        shown = tuple(tuple(visible(cell) for cell in row) for row in rows)
        self.blocks.append(Table(on_one_line(caption), columns, shown, shares))


def visible(text: str, *, exact: bool = False) -> str:
    """Write what cannot be seen as its Unicode number, such as ``[U+202E]``: marks that hide, join or turn text around.

    Line breaks of every kind become one kind, tabs and unusual spaces a space. Joiners stay where scripts need them. In an
    `exact` text line breaks, joiners and unusual spaces are written as numbers too.
    """
    if not exact:
        text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_LINE_BREAKS)
    shown = []
    before = " "
    for sign in text:
        kind = unicodedata.category(sign)
        if kind == "Zs" and not exact:
            shown.append(" ")
        elif (
            sign == " "
            or (not exact and (sign == "\n" or (sign in _JOINERS and not before.isascii())))
            or (kind[0] not in "CZ" and sign not in _BLANKS)
        ):
            shown.append(sign)
        else:
            shown.append(by_number(sign))
        before = sign
    return "".join(shown)


def on_one_line(text: str) -> str:
    """Make visible what a name or a few words hold, on one line, so that they cannot look like lines of the form."""
    return " ".join(visible(text).split())


def by_number(sign: str) -> str:
    """Write a character as its Unicode number."""
    return f"[U+{ord(sign):04X}]"


def when(moment: dt.datetime) -> str:
    """A moment for people, in UTC and to the last digit that it has: "2 November 2026 at 09:30:00 UTC"."""
    at = moment.astimezone(dt.UTC)
    fraction = f".{at.microsecond:06d}".rstrip("0") if at.microsecond else ""
    return f"{day(at)} at {at:%H:%M:%S}{fraction} UTC"


def day(date: dt.date) -> str:
    """A day for people: "2 November 2026"."""
    return f"{date.day} {_MONTHS[date.month - 1]} {date.year}"
