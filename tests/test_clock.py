from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

import pytest

from seawall.clock import (
    AfterPause,
    Basis,
    Clock,
    ClockError,
    Event,
    EventKind,
    Limit,
    Months,
    NaiveTimeError,
    PauseReason,
    Start,
    State,
)

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
STARTED, PAUSED, RESUMED, STOPPED = EventKind.STARTED, EventKind.PAUSED, EventKind.RESUMED, EventKind.STOPPED
ASKED = PauseReason.INFORMATION_REQUESTED


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


DAY = hours(24)


def limit(length: timedelta | Months = DAY, **changes: object) -> Limit:
    fields: dict[str, object] = {
        "length": length,
        "basis": Basis.PROPOSAL,
        "citation": "Code of practice, test",
        "starts": Start.NOTICE_VALID,
        "pausable": frozenset() if isinstance(length, Months) else frozenset(PauseReason),
    }
    return Limit(**(fields | changes))  # type: ignore[arg-type]


WEAPONS = limit(
    hours(48), basis=Basis.STATUTE, citation="Crime and Policing Act 2026, section 21", starts=Start.GIVEN, pausable=()
)
ONE_HOUR = limit(
    hours(1),
    basis=Basis.STATUTE,
    citation="Regulation (EU) 2021/784, article 3",
    starts=Start.RECEIPT,
    pausable={PauseReason.IMPOSSIBILITY, PauseReason.UNCLEAR_NOTICE},
    after_pause=AfterPause.STARTS_AGAIN,
)


def clock(of: Limit, *events: tuple[float, EventKind]) -> Clock:
    """A clock whose events are so many hours after noon; every pause is for a question."""
    return Clock(of, [Event(NOON + hours(at), kind, ASKED if kind is PAUSED else None) for at, kind in events])


# --- one clock, step by step


def test_a_clock_that_has_not_started_says_so_and_has_no_due_date() -> None:
    unstarted = Clock(limit())
    assert unstarted.state(NOON) is State.NOT_STARTED
    assert unstarted.elapsed(NOON) == timedelta(0)
    assert unstarted.remaining(NOON) is None
    assert unstarted.due() is None
    assert unstarted.breached_at(NOON) is None


def test_a_clock_has_not_started_before_its_start_even_if_later_events_are_known() -> None:
    whole = clock(limit(), (0, STARTED), (30, STOPPED))
    assert whole.state(NOON - timedelta(microseconds=1)) is State.NOT_STARTED
    assert whole.state(NOON) is State.RUNNING
    assert whole.breached_at(NOON + hours(3)) is None


@pytest.mark.parametrize(
    ("stop", "state", "why"),
    [
        (timedelta(0), State.MET, "done at once"),
        (hours(24), State.MET, "the due instant itself is in time"),
        (hours(24) + timedelta(microseconds=1), State.BREACHED, "one microsecond late is late"),
    ],
)
def test_the_limit_is_a_boundary(stop: timedelta, state: State, why: str) -> None:
    done = Clock(limit(), [Event(NOON, STARTED), Event(NOON + stop, STOPPED)])
    assert done.state(NOON + hours(100)) is state, why
    assert done.due() == NOON + hours(24)


def test_a_running_clock_breaches_just_after_it_is_due() -> None:
    running = clock(limit(), (0, STARTED))
    assert running.state(NOON + hours(24)) is State.RUNNING
    assert running.remaining(NOON + hours(24)) == timedelta(0)
    later = NOON + hours(25)
    assert running.state(later) is State.BREACHED
    assert running.breached_at(later) == NOON + hours(24)
    assert running.remaining(later) == -hours(1)


def test_a_paused_clock_stands_still_and_has_no_due_date() -> None:
    paused = clock(limit(), (0, STARTED), (10, PAUSED))
    for at in (11, 1000):
        assert paused.state(NOON + hours(at)) is State.PAUSED
        assert paused.remaining(NOON + hours(at)) == hours(14)
    assert paused.due() is None


def test_a_pause_at_the_very_end_is_in_time_and_resuming_leaves_nothing() -> None:
    resumed = clock(limit(), (0, STARTED), (24, PAUSED), (30, RESUMED))
    assert resumed.state(NOON + hours(29)) is State.PAUSED
    assert resumed.due() == NOON + hours(30)
    assert resumed.breached(NOON + hours(30.5))


def test_a_pause_after_the_breach_does_not_undo_it() -> None:
    late = clock(limit(), (0, STARTED), (30, PAUSED), (40, RESUMED), (41, STOPPED))
    for at in (25, 31, 40, 500):
        assert late.state(NOON + hours(at)) is State.BREACHED
        assert late.breached_at(NOON + hours(at)) == NOON + hours(24)
    assert late.due() == NOON + hours(24)
    assert late.elapsed(NOON + hours(500)) == hours(31)


def test_stopping_during_a_pause_is_in_time() -> None:
    stopped = clock(limit(), (0, STARTED), (10, PAUSED), (90, STOPPED))
    assert stopped.state(NOON + hours(91)) is State.MET
    assert stopped.due() is None
    assert stopped.elapsed(NOON + hours(91)) == hours(10)


def test_after_an_impossibility_the_eu_hour_starts_again_in_full() -> None:
    # Regulation (EU) 2021/784 art. 3(7): the deadline starts to run once the grounds have ceased to exist.
    events = [
        Event(NOON, STARTED),
        Event(NOON + hours(0.75), PAUSED, PauseReason.IMPOSSIBILITY),
        Event(NOON + hours(3), RESUMED),
    ]
    assert Clock(ONE_HOUR, events).due() == NOON + hours(4)
    assert Clock(limit(hours(1)), events).due() == NOON + hours(3.25)


def test_a_restart_cannot_rescue_an_hour_that_was_over() -> None:
    events = [
        Event(NOON, STARTED),
        Event(NOON + hours(2), PAUSED, PauseReason.IMPOSSIBILITY),
        Event(NOON + hours(3), RESUMED),
    ]
    assert Clock(ONE_HOUR, events).breached_at(NOON + hours(3)) == NOON + hours(1)
    assert Clock(ONE_HOUR, events).due() == NOON + hours(1)
    assert Clock(ONE_HOUR, events).elapsed(NOON + hours(4)) == hours(3)


def test_months_end_on_the_same_day_or_the_months_last() -> None:
    keep = limit(Months(6), basis=Basis.STATUTE, starts=Start.REMOVAL)
    start = datetime(2026, 8, 31, 9, 30, tzinfo=UTC)
    kept = Clock(keep, [Event(start, STARTED)])
    assert kept.due() == datetime(2027, 2, 28, 9, 30, tzinfo=UTC)
    assert kept.remaining(datetime(2027, 2, 27, 9, 30, tzinfo=UTC)) == timedelta(days=1)
    assert kept.breached(datetime(2027, 2, 28, 9, 31, tzinfo=UTC))


# --- what is refused

T = "2026-11-02T12:00:00+00:00"
LATER = "2026-11-02T13:00:00+00:00"
REFUSED = [
    ([(0, PAUSED)], f"The clock was paused at {T} before it was started. Start it first."),
    ([(0, STOPPED)], f"The clock was stopped at {T} before it was started. Start it first."),
    ([(0, STARTED), (0, STARTED)], f"A clock starts once. Remove the second start. ({T})"),
    (
        [(0, STARTED), (0, PAUSED), (0, PAUSED)],
        f"The clock was paused while it was paused already. Resume it first, or remove the second pause. ({T})",
    ),
    (
        [(0, STARTED), (0, RESUMED)],
        f"The clock was resumed but it was not paused. Remove the resume or add the pause before it. ({T})",
    ),
    (
        [(0, STARTED), (0, PAUSED), (0, RESUMED), (0, RESUMED)],
        f"The clock was resumed but it was not paused. Remove the resume or add the pause before it. ({T})",
    ),
    (
        [(0, STARTED), (0, STOPPED), (0, RESUMED)],
        f"Nothing can happen to a clock that has stopped. Open a new clock. ({T})",
    ),
    (
        [(1, STARTED), (0, STOPPED)],
        (
            f"'stopped' at {T} is listed after 'started' at {LATER} but happened before it. "
            "Put the events in order of time."
        ),
    ),
]


@pytest.mark.parametrize(("events", "message"), REFUSED)
def test_events_that_cannot_have_happened_are_refused(events: list[tuple[float, EventKind]], message: str) -> None:
    with pytest.raises(ClockError) as refused:
        clock(limit(), *events)
    assert str(refused.value) == message


def test_a_statute_that_permits_no_pause_refuses_one() -> None:
    with pytest.raises(ClockError, match="Permitted: none: this limit cannot be paused"):
        clock(WEAPONS, (0, STARTED), (1, PAUSED))


def test_a_reason_that_the_limit_does_not_list_is_refused() -> None:
    with pytest.raises(ClockError, match=r"'information_requested' does not pause .* impossibility, unclear_notice"):
        clock(ONE_HOUR, (0, STARTED), (0.5, PAUSED))


def test_a_pause_needs_a_reason_and_nothing_else_has_one() -> None:
    with pytest.raises(ClockError, match="gives no reason"):
        Event(NOON, PAUSED)
    with pytest.raises(ClockError, match="Only a pause has a reason"):
        Event(NOON, STARTED, ASKED)


@pytest.mark.parametrize("moment", [datetime(2026, 11, 2), "2026-11-02T12:00:00Z", None])  # noqa: DTZ001 - the point
def test_times_without_a_zone_are_refused_everywhere(moment: datetime) -> None:
    running = clock(limit(), (0, STARTED))
    for ask in (running.state, running.elapsed, running.remaining, running.breached, running.breached_at):
        with pytest.raises(NaiveTimeError) as refused:
            ask(moment)
        assert isinstance(refused.value, TypeError)
    with pytest.raises(NaiveTimeError, match="Pass an aware datetime"):
        Event(moment, STARTED)


def test_times_at_the_calendars_end_are_refused() -> None:
    with pytest.raises(ClockError, match="outside the calendar"):
        Clock(limit(), [Event(datetime.max.replace(tzinfo=UTC), STARTED)])
    with pytest.raises(ClockError, match="outside the calendar"):
        Clock(limit(Months(120)), [Event(datetime.max.replace(tzinfo=UTC), STARTED)])
    with pytest.raises(ClockError, match="outside the calendar"):
        Event(datetime.max.replace(tzinfo=timezone(-hours(5))), STARTED)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"length": timedelta(0)}, "above zero"),
        ({"length": -hours(1)}, "above zero"),
        ({"length": timedelta(days=4000)}, "up to ten years"),
        ({"length": 24}, "not a length of time"),
        ({"citation": "  "}, "needs a citation"),
        ({"length": Months(6), "pausable": {ASKED}}, "calendar months cannot be paused"),
    ],
)
def test_limits_that_make_no_sense_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ClockError, match=message):
        limit(**changes)  # type: ignore[arg-type]


# --- election periods


def test_a_proposal_is_halved_and_says_why() -> None:
    halved = limit(hours(24)).halved()
    assert halved.length == hours(12)
    assert halved.citation == "Code of practice, test; 1/2 of 24 hours: election period"
    assert limit(hours(24), basis=Basis.CODE).scaled(Fraction(1, 3), because="drill").length == hours(8)


def test_a_statute_is_never_scaled() -> None:
    with pytest.raises(ClockError, match="sets this limit by law"):
        WEAPONS.halved()


@pytest.mark.parametrize(
    ("of", "by"),
    [
        (limit(), Fraction(0)),
        (limit(), Fraction(-1, 2)),
        (limit(), Fraction(10**30)),
        (limit(timedelta(microseconds=1)), Fraction(1, 2)),
        (limit(Months(1)), Fraction(1, 2)),
    ],
)
def test_factors_that_make_no_sense_are_refused(of: Limit, by: Fraction) -> None:
    with pytest.raises(ClockError):
        of.scaled(by, because="test")


# --- kept and read back


def test_a_statutory_clock_survives_json_with_all_that_makes_it_one() -> None:
    for of in (WEAPONS, ONE_HOUR, limit(Months(6), basis=Basis.STATUTE)):
        assert Limit.from_json(json.loads(json.dumps(of.to_json()))) == of


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"limit": {}}, "limit: the field 'length' is missing"),
        (
            {"limit": {**ONE_HOUR.to_json(), "basis": "whim"}},
            "limit.basis: 'whim' is not one of statute, code",
        ),
        ({"limit": {**ONE_HOUR.to_json(), "length": "1 hour"}}, "'1 hour' is not an ISO 8601 duration"),
        ({"events": [{"at": "yesterday", "kind": "started"}]}, "event.at: 'yesterday' is not a date and time"),
        ({"events": [{"at": None, "kind": "started"}]}, "event.at: None is not a date and time"),
        ({"events": [{"at": "2026-11-02T12:00:00", "kind": "started"}]}, "has no time zone"),
        ({"events": [{"kind": "started"}]}, "event: the field 'at' is missing"),
        ({"events": [{"at": "2026-11-02T12:00:00Z", "kind": []}]}, "event.kind: [] is not one of"),
    ],
)
def test_broken_json_is_refused_by_field(change: dict[str, object], message: str) -> None:
    with pytest.raises(ClockError) as refused:
        Clock.from_json({"limit": ONE_HOUR.to_json(), "events": [], **change})
    assert message in str(refused.value)


def test_every_word_of_the_vocabulary_has_plain_words() -> None:
    for kind in (Basis, Start, PauseReason, AfterPause, EventKind, State):
        for member in kind:
            assert kind(member.value) is member
            assert member.words[0].isupper()
