"""Lengths of time as the law writes them: ISO 8601 durations, fixed or in calendar months, and in plain words."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

MICROSECOND = timedelta(microseconds=1)
LONGEST = timedelta(days=3660)


class ClockError(ValueError):
    """A length, a limit or a row of events that cannot be right. The message says which and what to do."""


@dataclass(frozen=True, slots=True, order=True)
class Months:
    """A number of calendar months, for limits that a law counts so. Its length in days depends on where it starts."""

    count: int

    def __post_init__(self) -> None:
        if isinstance(self.count, bool) or not isinstance(self.count, int) or not 1 <= self.count <= 120:
            raise ClockError(f"{self.count!r} is not a number of months between 1 and 120.")

    def after(self, start: datetime) -> datetime:
        """The same day and time of day `count` months later, or the month's last day where it has no such day."""
        years, month0 = divmod(start.month - 1 + self.count, 12)
        year = start.year + years
        day = min(start.day, calendar.monthrange(year, month0 + 1)[1])
        return start.replace(year=year, month=month0 + 1, day=day)


Length = timedelta | Months

_DURATION = re.compile(
    r"P(?:(?P<weeks>[0-9]+)W|(?:(?P<years>[0-9]+)Y)?(?:(?P<months>[0-9]+)M)?(?:(?P<days>[0-9]+)D)?"
    r"(?P<time>T(?:(?P<hours>[0-9]+)H)?(?:(?P<minutes>[0-9]+)M)?(?:(?P<seconds>[0-9]+)(?:\.(?P<fraction>[0-9]{1,6}))?S)?)?)"
)


def parse_duration(text: str) -> Length:
    """Read an ISO 8601 duration: weeks, days and hours as a fixed length, months and years as `Months`.

    A day is 24 hours. Raises `ClockError` for anything else, for a mixture of months with days or hours, and for zero.
    """
    wrong = ClockError(f"{text!r} is not an ISO 8601 duration. Write PT24H for 24 hours.")
    if not isinstance(text, str) or len(text) > 40:
        raise wrong
    match = _DURATION.fullmatch(text)
    if match is None or not text[-1].isalpha() or text[-1] in "PT":
        raise wrong
    part = {name: int(match[name] or 0) for name in ("weeks", "years", "months", "days", "hours", "minutes", "seconds")}
    months = part["years"] * 12 + part["months"]
    try:
        fixed = timedelta(
            weeks=part["weeks"],
            days=part["days"],
            hours=part["hours"],
            minutes=part["minutes"],
            seconds=part["seconds"],
            microseconds=int((match["fraction"] or "").ljust(6, "0")),
        )
    except OverflowError:
        raise ClockError(f"{text!r} is longer than ten years. Write a shorter duration.") from None
    if months and fixed:
        raise ClockError(f"{text!r} mixes months with days or hours. Write one or the other.")
    if months:
        return Months(months)
    check_length(fixed, repr(text))
    return fixed


def format_duration(length: Length) -> str:
    """Write a length as the ISO 8601 duration that `parse_duration` reads back as the same value."""
    if isinstance(length, Months):
        return f"P{length.count}M"
    seconds, micros = divmod(length // MICROSECOND, 1_000_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{micros:06d}" if micros else ""
    text = "PT" + (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    return text + (f"{seconds}{fraction}S" if seconds or micros or text == "PT" else "")


def in_words(length: Length) -> str:
    """A length for people, rounded down to its two largest units: "2 hours 5 minutes", "48 hours", "3 days".

    Hours run up to 72, because that is how the people who work to these limits count. The sign is left to the sentence
    around it ("2 hours late", "2 hours left").
    """
    if isinstance(length, Months):
        return _counted(length.count, "month")
    seconds = abs(length) // timedelta(seconds=1)
    if seconds == 0:
        return "no time"
    if seconds < 60:
        return _counted(seconds, "second")
    minutes = seconds // 60
    hours = minutes // 60
    if hours >= 72:
        pair = ((hours // 24, "day"), (hours % 24, "hour"))
    else:
        pair = ((hours, "hour"), (minutes % 60, "minute"))
    return " ".join(_counted(number, unit) for number, unit in pair if number)


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def check_length(length: Length, shown: str) -> None:
    """Raise `ClockError`, naming `shown`, unless the length is above zero and at most ten years."""
    if isinstance(length, timedelta) and not timedelta(0) < length <= LONGEST:
        raise ClockError(f"{shown} is not a usable time limit. Give a length above zero and up to ten years.")
