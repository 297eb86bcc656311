"""The two forms of a file of signals, written piece by piece. Pure: what is in memory at once is one signal."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson

from seawall.channels.base import stamp
from seawall.hub.exchange.models import Signal

COLUMNS = (
    "id",
    "kind",
    "value",
    "harm",
    "severity",
    "confidence",
    "tlp",
    "shared_at",
    "expires_at",
    "appeal_url",
    "demonstration",
)
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "＝", "＋", "－", "＠", "'")
"""How a cell begins that a spreadsheet may run (OWASP, CSV injection); and the apostrophe, so that the one put before them can be taken off."""


class Form(StrEnum):
    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True, kw_only=True)
class Head:
    """What a file says of itself: `where` is the address at which withdrawals after it can be learned."""

    community: str
    place: str
    change: int
    made_at: datetime
    where: str

    @property
    def about(self) -> str:
        """How whoever has it learns of withdrawals."""
        return (
            "Signals are withdrawn after this file is made, and it cannot know. Take a new one in its place, or say that you "
            f"have deleted it: {self.where}"
        )


def row_of(signal: Signal) -> dict[str, Any]:
    """A signal as the files tell it. Who shared it is not told, as in every surface."""
    return {
        "id": str(signal.pk),
        "kind": signal.kind,
        "value": signal.value,
        "harm": signal.harm,
        "severity": signal.severity,
        "confidence": signal.confidence,
        "tlp": signal.tlp,
        "shared_at": stamp(signal.shared_at),
        "expires_at": stamp(signal.expires_at),
        "appeal_url": signal.appeal_url,
        "demonstration": signal.demonstration,
    }


def safe(cell: Any) -> str:
    """A cell, with an apostrophe before it where a spreadsheet would run it. Take one off again where a cell begins with it."""
    text = ("true" if cell else "false") if isinstance(cell, bool) else str(cell)
    return f"'{text}" if text.startswith(FORMULA) else text


class _Echo:
    """What a csv writer writes to: gives back what it is given."""

    def write(self, line: str) -> str:
        return line


def as_csv(head: Head, signals: Iterable[Signal]) -> Iterator[str]:
    """RFC 4180, with a byte order mark (without which spreadsheets misread what is not ASCII).

    Lines that begin with # tell of the file itself, as in the default dialect of CSV on the Web (W3C, 2015); the last says how many
    signals there are, so that a file that broke off can be told from a whole one.
    """
    rows: Any = csv.writer(_Echo(), lineterminator="\r\n")
    yield "\ufeff"
    yield f"# {head.community}: what was in use up to change {head.change}, {stamp(head.made_at)}. Place: {head.place}\r\n"
    yield f"# {head.about}\r\n"
    yield rows.writerow(COLUMNS)
    count = 0
    for signal in signals:
        count += 1
        row = row_of(signal)
        yield rows.writerow([safe(row[column]) for column in COLUMNS])
    yield f"# The end: {count} signals\r\n"


def as_json(head: Head, signals: Iterable[Signal]) -> Iterator[str]:
    """One object, a signal a line: `community`, `place`, `change`, `made_at`, `about`, `signals`, `count`."""
    begun = _json(
        {
            "community": head.community,
            "place": head.place,
            "change": head.change,
            "made_at": stamp(head.made_at),
            "about": head.about,
        }
    )
    yield f'{begun[:-1]},"signals":['
    count = 0
    for signal in signals:
        yield (",\n" if count else "\n") + _json(row_of(signal))
        count += 1
    yield f'\n],"count":{count}}}\n'


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
