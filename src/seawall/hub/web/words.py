"""Times and clocks in words. Pure functions: no request, no database, no clock of their own."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from seawall.clock import Clock, EventKind, State
from seawall.durations import in_words

LONDON = ZoneInfo("Europe/London")


def time_of_day(moment: dt.datetime) -> str:
    """`3:05pm`, `midday`, `midnight`, in the moment's own zone."""
    if (moment.hour, moment.minute) == (0, 0):
        return "midnight"
    if (moment.hour, moment.minute) == (12, 0):
        return "midday"
    return f"{moment.hour % 12 or 12}:{moment.minute:02}{'am' if moment.hour < 12 else 'pm'}"


def moment(when: dt.datetime, *, now: dt.datetime | None = None, short: bool = False) -> str:
    """A moment in British time and words: `22 November 2026 at 3:05pm`; near `now`, `today at 3:05pm`.

    `short` gives `22 Nov 2026, 3:05pm` and `today, 3:05pm`.

    Raises
    ------
    ValueError
        When a datetime has no time zone: which moment it means cannot be known.
    """
    for given in (when, now):
        if given is not None and given.tzinfo is None:
            raise ValueError(f"{given.isoformat()} has no time zone; pass an aware datetime")
    local = when.astimezone(LONDON)
    said = day(local, short=short)
    if now is not None:
        apart = (local.date() - now.astimezone(LONDON).date()).days
        said = {-1: "yesterday", 0: "today", 1: "tomorrow"}.get(apart, said)
    return f"{said}{', ' if short else ' at '}{time_of_day(local)}"


def day(when: dt.date, *, short: bool = False) -> str:
    """`22 November 2026`, or `22 Nov 2026`."""
    return f"{when.day} {when:%b %Y}" if short else f"{when.day} {when:%B %Y}"


@dataclass(frozen=True, kw_only=True)
class ClockWords:
    """A clock as its tag shows it: the words carry the meaning, the colour only repeats it."""

    text: str
    colour: str
    state: str


SOON = dt.timedelta(hours=1)
"""A clock with less than this left is shown as urgent."""


def clock_words(clock: Clock, at: dt.datetime) -> ClockWords:
    """What a clock says at a moment: `Due in 3 hours 5 minutes`, `Overdue by 2 days`, `Paused: information requested`.

    A clock that ran out says so for good: while it still runs (`Overdue by`) and once it was stopped (`Done late by`).
    """
    state = clock.state(at)
    left = clock.remaining(at)
    if state is State.NOT_STARTED or left is None:
        return ClockWords(text="Clock not started", colour="grey", state="waiting")
    last = [event for event in clock.events if event.at <= at][-1]
    if state is State.BREACHED:
        stopped = last.kind is EventKind.STOPPED
        return ClockWords(
            text=f"{'Done late' if stopped else 'Overdue'} by {in_words(left)}",
            colour="orange" if stopped else "red",
            state="late" if stopped else "overdue",
        )
    if state is State.MET:
        return ClockWords(text=f"Done with {in_words(left)} left", colour="green", state="met")
    if state is State.PAUSED:
        why = f": {last.reason.replace('_', ' ')}" if last.reason else ""
        return ClockWords(text=f"Paused{why}", colour="purple", state="paused")
    return ClockWords(text=f"Due in {in_words(left)}", colour="orange" if left < SOON else "teal", state="due")
