"""Legally typed deadlines, computed from events and never stored as a countdown.

A `Limit` says how long something may take, what that rests on (a statute, a code, a proposal), what starts it and
which reasons may pause it. A `Clock` is a limit and the events that happened; every answer is worked out from the two.
All times are aware; they are turned into UTC before anything else happens, so that daylight saving cannot move a
deadline.

Pure: never asks what time it is. The caller passes the moment in question.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Any, Self, TypeVar

from seawall.durations import (
    MICROSECOND,
    ClockError,
    Length,
    Months,
    check_length,
    format_duration,
    in_words,
    parse_duration,
)

__all__ = [
    "AfterPause",
    "Basis",
    "Clock",
    "ClockError",
    "Event",
    "EventKind",
    "Length",
    "Limit",
    "Months",
    "NaiveTimeError",
    "PauseReason",
    "Start",
    "State",
    "WordedEnum",
    "format_duration",
    "in_words",
    "parse_duration",
]


class NaiveTimeError(ClockError, TypeError):
    """A time without a zone was given where the instant matters."""


class WordedEnum(StrEnum):
    """An enum whose members are (value for the machine, plain words for people)."""

    words: str

    def __new__(cls, value: str, words: str = "") -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        return member


_W = TypeVar("_W", bound=WordedEnum)


class Basis(WordedEnum):
    """What a time limit rests on. Only `STATUTE` binds anybody; the others are aims that this hub publishes."""

    STATUTE = ("statute", "Set by law")
    CODE = ("code", "Set by a regulator's code of practice")
    PROPOSAL = ("proposal", "Proposed by this hub's own code of practice")


class Start(WordedEnum):
    """The event that starts a clock."""

    FIRST_SIGHT = ("first_sight", "When this hub first sees the post")
    NOTICE_VALID = ("notice_valid", "When the platform has received a valid and complete notice")
    RECEIPT = ("receipt", "When the order or document is received")
    GIVEN = ("given", "When the notice is given")
    REPORT_RECEIVED = ("report_received", "When the platform receives the affected person's report")
    COMPLAINT_RECEIVED = ("complaint_received", "When the complaint is received")
    DECISION_TOLD = ("decision_told", "When the person is told of the decision")
    REMOVAL = ("removal", "When the content is removed or access to it is disabled")


class PauseReason(WordedEnum):
    """Why a clock may stand still. A limit lists the reasons that it permits; a statute may permit none."""

    IMPOSSIBILITY = ("impossibility", "The recipient cannot act, for a reason outside its control")
    UNCLEAR_NOTICE = ("unclear_notice", "The notice has an obvious mistake or lacks something needed to act on it")
    INFORMATION_REQUESTED = ("information_requested", "The recipient asked a question and this hub has yet to answer")
    HUB_UNAVAILABLE = ("hub_unavailable", "This hub was out of reach, so an answer could not be received")


class AfterPause(WordedEnum):
    """What is left of the limit when a pause ends."""

    CONTINUES = ("continues", "Carries on with the time that was left")
    STARTS_AGAIN = ("starts_again", "Starts again with the full time")


class EventKind(WordedEnum):
    """What happened to a clock."""

    STARTED = ("started", "Started")
    PAUSED = ("paused", "Paused")
    RESUMED = ("resumed", "Resumed")
    STOPPED = ("stopped", "Stopped: the thing was done")


class State(WordedEnum):
    """How a clock stands at one moment."""

    NOT_STARTED = ("not_started", "Not started")
    RUNNING = ("running", "Running")
    PAUSED = ("paused", "Paused")
    MET = ("met", "Done in time")
    BREACHED = ("breached", "Out of time")


def _utc(moment: datetime, what: str) -> datetime:
    if not isinstance(moment, datetime):
        raise NaiveTimeError(f"{what}: {moment!r} is not a datetime. Pass an aware datetime, for example in UTC.")
    if moment.utcoffset() is None:
        raise NaiveTimeError(
            f"{what}: {moment.isoformat()} has no time zone, so it names no instant. Pass an aware datetime, "
            "for example datetime.now(UTC)."
        )
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ClockError(f"{what}: {moment.isoformat()} lies outside the calendar. Check the year.") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A time limit and what makes it one.

    `length`: how long; a `timedelta`, or `Months` for a limit that a law counts in months, which can neither pause nor
    be scaled. `citation`: act and section, or the code and version, as people will read it. `pausable`: the reasons
    that may pause it; none unless said. `after_pause`: under Regulation (EU) 2021/784 art. 3(7) and (8) the hour begins
    to run only once the impossibility has ended or the clarification has come, so its clock starts again; others carry
    on.
    """

    length: Length
    basis: Basis
    citation: str
    starts: Start
    pausable: frozenset[PauseReason] = frozenset()
    after_pause: AfterPause = AfterPause.CONTINUES

    def __post_init__(self) -> None:
        if not isinstance(self.length, timedelta | Months):
            raise ClockError(f"{self.length!r} is not a length of time. Pass a timedelta or Months.")
        check_length(self.length, str(self.length))
        if not self.citation.strip():
            raise ClockError("A limit needs a citation. Name the act and section, or the code and its version.")
        object.__setattr__(self, "pausable", frozenset(self.pausable))
        if isinstance(self.length, Months) and self.pausable:
            raise ClockError("A limit in calendar months cannot be paused. Remove the pause reasons or give days.")

    def scaled(self, by: Fraction, *, because: str) -> Limit:
        """The same limit made `by` times as long, for example in an election period.

        Rounds down to the microsecond. Raises `ClockError` for a statutory limit, which only a law can change, for a
        limit in months, and for a factor that is not above zero.
        """
        if self.basis is Basis.STATUTE:
            raise ClockError(f"{self.citation} sets this limit by law. Only limits by code or proposal can be scaled.")
        if isinstance(self.length, Months):
            raise ClockError("A limit in calendar months cannot be scaled. Write it in days first.")
        if by <= 0:
            raise ClockError(f"A limit cannot be scaled by {by}. Give a factor above zero.")
        micros = self.length // MICROSECOND * by.numerator // by.denominator
        note = f"{self.citation}; {by} of {in_words(self.length)}: {because}"
        try:
            return replace(self, length=timedelta(microseconds=micros), citation=note)
        except OverflowError:
            raise ClockError(f"{in_words(self.length)} scaled by {by} is longer than ten years.") from None

    def halved(self, *, because: str = "election period") -> Limit:
        """Half the time, as this hub's code of practice asks for candidates' cases in an election period."""
        return self.scaled(Fraction(1, 2), because=because)

    def to_json(self) -> dict[str, Any]:
        """A plain dict of strings and lists, ready for canonical JSON."""
        return {
            "length": format_duration(self.length),
            "basis": self.basis.value,
            "citation": self.citation,
            "starts": self.starts.value,
            "pausable": sorted(reason.value for reason in self.pausable),
            "after_pause": self.after_pause.value,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Limit:
        """The limit that `to_json` wrote. Raises `ClockError` naming the field that is missing or wrong."""
        return cls(
            length=parse_duration(_get(data, "length", "limit")),
            basis=_member(Basis, _get(data, "basis", "limit"), "limit.basis"),
            citation=str(_get(data, "citation", "limit")),
            starts=_member(Start, _get(data, "starts", "limit"), "limit.starts"),
            pausable=frozenset(_member(PauseReason, name, "limit.pausable") for name in data.get("pausable", ())),
            after_pause=_member(AfterPause, data.get("after_pause", AfterPause.CONTINUES), "limit.after_pause"),
        )


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a clock. `at` is kept in UTC; `reason` belongs to a pause and to nothing else."""

    at: datetime
    kind: EventKind
    reason: PauseReason | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", _utc(self.at, f"event {self.kind}"))
        if self.kind is EventKind.PAUSED and self.reason is None:
            raise ClockError(f"The pause at {self.at.isoformat()} gives no reason. Name one of the limit's reasons.")
        if self.kind is not EventKind.PAUSED and self.reason is not None:
            raise ClockError(
                f"Only a pause has a reason; the event '{self.kind}' at {self.at.isoformat()} has one too."
            )

    def to_json(self) -> dict[str, Any]:
        """A plain dict; `at` in UTC to the microsecond."""
        return {
            "at": self.at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "kind": self.kind.value,
            "reason": self.reason.value if self.reason else None,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Event:
        """The event that `to_json` wrote. Raises `ClockError` naming the field that is missing or wrong."""
        text = _get(data, "at", "event")
        try:
            at = datetime.fromisoformat(text)
        except (TypeError, ValueError):
            raise ClockError(f"event.at: {text!r} is not a date and time. Write 2026-11-01T09:30:00Z.") from None
        reason = data.get("reason")
        return cls(
            at=at,
            kind=_member(EventKind, _get(data, "kind", "event"), "event.kind"),
            reason=None if reason is None else _member(PauseReason, reason, "event.reason"),
        )


def _get(data: Mapping[str, Any], name: str, where: str) -> Any:
    try:
        return data[name]
    except (KeyError, TypeError):
        raise ClockError(f"{where}: the field '{name}' is missing. Add it.") from None


def _member(kind: type[_W], value: object, where: str) -> _W:
    try:
        return kind(str(value))
    except ValueError:
        raise ClockError(f"{where}: {value!r} is not one of {', '.join(kind)}. Use one of those.") from None


@dataclass(slots=True)
class _Reading:
    """What the events up to one moment add up to."""

    begun: bool = False
    since: datetime | None = None  # running since then
    used: timedelta = timedelta(0)  # spent before `since`
    end: datetime | None = None  # when it was stopped while running: the last instant that was in time
    stopped: bool = False
    breach: datetime | None = None


@dataclass(frozen=True, slots=True, init=False)
class Clock:
    """A limit and the events that happened to it, in order.

    Raises `ClockError` when the events cannot have happened: nothing before the start, one start, no pause within a
    pause, no pause for a reason that the limit does not permit, nothing after the stop, all in order of time. Two
    events may share an instant. A breach is final: neither a later pause nor a late stop undoes it.
    """

    limit: Limit
    events: tuple[Event, ...]

    def __init__(self, limit: Limit, events: Iterable[Event] = ()) -> None:
        object.__setattr__(self, "limit", limit)
        object.__setattr__(self, "events", tuple(events))
        self._check()
        self.due()  # a due date past the calendar's end is refused here, not on somebody's page

    def with_event(self, event: Event) -> Clock:
        """A clock with one more event at its end."""
        return Clock(self.limit, (*self.events, event))

    def state(self, at: datetime) -> State:
        """How the clock stands at a moment, from the events up to and including it."""
        at = _utc(at, "at")
        reading = self._read(at)
        if not reading.begun:
            return State.NOT_STARTED
        if self.breached_at(at) is not None:
            return State.BREACHED
        if reading.stopped:
            return State.MET
        return State.RUNNING if reading.since is not None else State.PAUSED

    def elapsed(self, at: datetime) -> timedelta:
        """Time that has counted by then: all running time, pauses left out.

        For a limit that starts again after a pause, the running time since the last restart within the limit.
        """
        at = _utc(at, "at")
        reading = self._read(at)
        return reading.used + (at - reading.since if reading.since is not None else timedelta(0))

    def remaining(self, at: datetime) -> timedelta | None:
        """Time left; negative when late; None before the start. Stands still while paused and once stopped."""
        at = _utc(at, "at")
        reading = self._read(at)
        if not reading.begun:
            return None
        if isinstance(self.limit.length, Months):
            ended = self.events[-1].at if reading.stopped else at
            return self.limit.length.after(self.events[0].at) - ended
        return self.limit.length - self.elapsed(at)

    def due(self) -> datetime | None:
        """The last instant that is in time, by all events known. None before the start and during a pause in time.

        Once the clock has stopped or run out, the instant that it had to be met by.
        """
        reading = self._read(None)
        if reading.breach is not None:
            return reading.breach
        return reading.end if reading.since is None else self._ends(reading.since, reading.used)

    def breached(self, at: datetime) -> bool:
        """Whether the time has run out with the thing not done. The due instant itself is still in time."""
        return self.breached_at(at) is not None

    def breached_at(self, at: datetime) -> datetime | None:
        """The instant at which the time ran out, if by this moment it has; later events cannot change it."""
        at = _utc(at, "at")
        reading = self._read(at)
        if reading.breach is not None:
            return reading.breach
        if reading.since is not None:
            end = self._ends(reading.since, reading.used)
            if at > end:
                return end
        return None

    def to_json(self) -> dict[str, Any]:
        """A plain dict of the limit and the events: all that is needed to answer every question again."""
        return {"limit": self.limit.to_json(), "events": [event.to_json() for event in self.events]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Clock:
        """The clock that `to_json` wrote, checked as if new."""
        return cls(Limit.from_json(_get(data, "limit", "clock")), map(Event.from_json, _get(data, "events", "clock")))

    def _ends(self, since: datetime, used: timedelta) -> datetime:
        """The last instant in time for a clock that runs since `since` with `used` spent before."""
        try:
            if isinstance(self.limit.length, Months):
                return self.limit.length.after(since)
            return since + (self.limit.length - used)
        except (OverflowError, ValueError):
            raise ClockError(
                f"A clock started at {since.isoformat()} ends outside the calendar. Check the year."
            ) from None

    def _read(self, until: datetime | None) -> _Reading:
        reading = _Reading()
        for event in self.events:
            if until is not None and event.at > until:
                break
            if reading.since is not None:
                reading.end = self._ends(reading.since, reading.used)
                if reading.breach is None and event.at > reading.end:
                    reading.breach = reading.end
                reading.used += event.at - reading.since
                reading.since = None
            if event.kind is EventKind.STARTED:
                reading.begun, reading.since = True, event.at
            elif event.kind is EventKind.PAUSED:
                reading.end = None
            elif event.kind is EventKind.RESUMED:
                reading.since = event.at
                if self.limit.after_pause is AfterPause.STARTS_AGAIN and reading.breach is None:
                    reading.used = timedelta(0)
            else:
                reading.stopped = True
        return reading

    def _check(self) -> None:
        before: Event | None = None
        for event in self.events:
            when = event.at.isoformat()
            if before is None:
                if event.kind is not EventKind.STARTED:
                    raise ClockError(f"The clock was {event.kind} at {when} before it was started. Start it first.")
                before = event
                continue
            if event.at < before.at:
                raise ClockError(
                    f"'{event.kind}' at {when} is listed after '{before.kind}' at {before.at.isoformat()} but happened "
                    "before it. Put the events in order of time."
                )
            if event.kind not in _FOLLOWS[before.kind]:
                raise ClockError(f"{_REFUSALS[event.kind, before.kind]} ({when})")
            if event.reason is not None and event.reason not in self.limit.pausable:
                allowed = ", ".join(sorted(self.limit.pausable)) or "none: this limit cannot be paused"
                raise ClockError(
                    f"'{event.reason}' does not pause this limit ({self.limit.citation}), {when}. Permitted: {allowed}."
                )
            before = event


_S, _P, _R, _X = EventKind.STARTED, EventKind.PAUSED, EventKind.RESUMED, EventKind.STOPPED
_FOLLOWS = {_S: {_P, _X}, _P: {_R, _X}, _R: {_P, _X}, _X: frozenset[EventKind]()}
_AFTER_STOP = "Nothing can happen to a clock that has stopped. Open a new clock."
_STARTED_TWICE = "A clock starts once. Remove the second start."
_NOT_PAUSED = "The clock was resumed but it was not paused. Remove the resume or add the pause before it."
_REFUSALS = {
    (_S, _S): _STARTED_TWICE,
    (_S, _P): _STARTED_TWICE,
    (_S, _R): _STARTED_TWICE,
    (_P, _P): "The clock was paused while it was paused already. Resume it first, or remove the second pause.",
    (_R, _S): _NOT_PAUSED,
    (_R, _R): _NOT_PAUSED,
    **{(kind, _X): _AFTER_STOP for kind in EventKind},
}
