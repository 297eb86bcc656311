"""Laws that hold for every clock, tried on many clocks, half of them close to a change of the clocks in London."""

from __future__ import annotations

import itertools
import json
import re
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.clock import (
    AfterPause,
    Basis,
    Clock,
    ClockError,
    Event,
    EventKind,
    Length,
    Limit,
    PauseReason,
    Start,
    State,
)

LONDON = ZoneInfo("Europe/London")
ZONES = [UTC, LONDON, ZoneInfo("America/New_York"), ZoneInfo("Asia/Kathmandu"), timezone(timedelta(hours=-11))]
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
STARTED, PAUSED, RESUMED, STOPPED = EventKind.STARTED, EventKind.PAUSED, EventKind.RESUMED, EventKind.STOPPED
ASKED = PauseReason.INFORMATION_REQUESTED


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def limit(length: Length, after_pause: AfterPause = AfterPause.CONTINUES) -> Limit:
    return Limit(
        length=length,
        basis=Basis.PROPOSAL,
        citation="Code of practice, test",
        starts=Start.NOTICE_VALID,
        pausable=frozenset(PauseReason),
        after_pause=after_pause,
    )


@given(st.lists(st.sampled_from(EventKind), max_size=6))
def test_every_row_of_events_is_either_read_or_refused_in_words(kinds: list[EventKind]) -> None:
    grammar = "".join({STARTED: "s", PAUSED: "p", RESUMED: "r", STOPPED: "x"}[kind] for kind in kinds)
    lawful = re.fullmatch(r"(s(pr)*p?x?)?", grammar) is not None
    if lawful:
        Clock(limit(hours(24)), (Event(NOON, kind, ASKED if kind is PAUSED else None) for kind in kinds))
    else:
        with pytest.raises(ClockError, match=r"\. "):
            Clock(limit(hours(24)), (Event(NOON, kind, ASKED if kind is PAUSED else None) for kind in kinds))


micros = st.integers(0, 40 * 3_600_000_000).map(lambda count: timedelta(microseconds=count))
starts = st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - zone given
around_dst = st.sampled_from([datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)])


@st.composite
def clocks(draw: st.DrawFn) -> Clock:
    """Any lawful row of events, close to a change of the clocks in London half of the time."""
    at = draw(st.one_of(starts, st.builds(lambda base, ahead: base - ahead, around_dst, micros)))
    kinds = [STARTED, *[PAUSED, RESUMED] * draw(st.integers(0, 4))]
    kinds += draw(st.sampled_from([[], [PAUSED], [STOPPED], [PAUSED, STOPPED]]))
    gaps = draw(st.lists(micros, min_size=len(kinds), max_size=len(kinds)))
    times = itertools.accumulate(gaps[1:], initial=at)
    events = [Event(when, kind, ASKED if kind is PAUSED else None) for when, kind in zip(times, kinds, strict=True)]
    length = draw(st.integers(1, 100 * 3_600_000_000).map(lambda count: timedelta(microseconds=count)))
    return Clock(limit(length, after_pause=draw(st.sampled_from(AfterPause))), events)


@st.composite
def clocks_and_moments(draw: st.DrawFn) -> tuple[Clock, datetime]:
    some = draw(clocks())
    moment = some.events[0].at + draw(st.integers(-10, 500 * 3600).map(lambda count: timedelta(seconds=count)))
    due = some.due()
    return some, draw(st.sampled_from([moment, *(event.at for event in some.events), *([due] if due else [])]))


def answers(some: Clock, at: datetime) -> tuple[object, ...]:
    return some.state(at), some.elapsed(at), some.remaining(at), some.breached_at(at), some.due()


@given(clocks_and_moments(), st.lists(st.sampled_from(ZONES), min_size=12, max_size=12))
def test_the_same_instants_in_any_zone_give_the_same_answers(
    case: tuple[Clock, datetime], zones: list[ZoneInfo]
) -> None:
    some, at = case
    moved = [
        Event(event.at.astimezone(zone), event.kind, event.reason)
        for event, zone in zip(some.events, zones[1:], strict=False)
    ]
    assert answers(Clock(some.limit, moved), at.astimezone(zones[0])) == answers(some, at)


@given(around_dst, micros, micros, st.integers(1, 80))
def test_wall_clock_changes_in_london_never_move_a_due_date(
    change: datetime, before: timedelta, pause: timedelta, length: int
) -> None:
    start = change - before
    local = [start.astimezone(LONDON), start.astimezone(LONDON)]
    paused = Clock(
        limit(hours(length)),
        [
            Event(local[0], STARTED),
            Event(local[1], PAUSED, ASKED),
            Event((start + pause).astimezone(LONDON), RESUMED),
        ],
    )
    assert paused.due() == start + pause + hours(length)


def test_both_readings_of_the_repeated_hour_in_london_are_told_apart() -> None:
    first = datetime(2026, 10, 25, 1, 30, tzinfo=LONDON, fold=0)
    second = datetime(2026, 10, 25, 1, 30, tzinfo=LONDON, fold=1)
    run = Clock(limit(hours(1)), [Event(first, STARTED), Event(second, STOPPED)])
    assert run.elapsed(second) == hours(1)
    assert run.state(second) is State.MET


@given(clocks(), st.lists(micros, min_size=2, max_size=6))
def test_elapsed_never_runs_backwards_within_a_limit_that_continues(some: Clock, steps: list[timedelta]) -> None:
    some = Clock(limit(some.limit.length), some.events)
    moments = [some.events[0].at - hours(1)]
    for step in steps:
        moments.append(moments[-1] + step)
    read = [some.elapsed(moment) for moment in moments]
    assert read == sorted(read)
    for (earlier, later), (first, second) in zip(itertools.pairwise(moments), itertools.pairwise(read), strict=True):
        assert second - first <= later - earlier


@given(clocks_and_moments())
def test_elapsed_is_the_sum_of_the_running_intervals(case: tuple[Clock, datetime]) -> None:
    some, at = case
    some = Clock(limit(some.limit.length), some.events)
    total = timedelta(0)
    for event, following in itertools.zip_longest(some.events, some.events[1:]):
        if event.kind in (STARTED, RESUMED) and event.at <= at:
            total += min(following.at if following else at, at) - event.at
    assert some.elapsed(at) == total


@given(clocks_and_moments())
def test_what_is_left_and_what_is_spent_make_the_whole(case: tuple[Clock, datetime]) -> None:
    some, at = case
    left = some.remaining(at)
    if left is None:
        assert some.state(at) is State.NOT_STARTED
    else:
        assert left + some.elapsed(at) == some.limit.length


@given(clocks(), micros)
def test_a_pause_moves_the_due_date_by_exactly_its_length(some: Clock, pause: timedelta) -> None:
    events = [event for event in some.events if event.kind in (STARTED, PAUSED, RESUMED)]
    if events[-1].kind is PAUSED:
        events.pop()
    before = Clock(limit(some.limit.length), events)
    at = events[-1].at
    if before.breached(at):
        return
    due = before.due()
    assert due is not None
    after = Clock(before.limit, [*events, Event(at, PAUSED, ASKED), Event(at + pause, RESUMED)])
    assert after.due() == due + pause


@given(clocks_and_moments())
def test_breach_and_due_agree_and_a_breach_is_final(case: tuple[Clock, datetime]) -> None:
    some, at = case
    assert some.breached(at) == (some.state(at) is State.BREACHED)
    breach = some.breached_at(at)
    if breach is not None:
        assert some.due() == breach < at
        assert not some.breached(breach)
        assert some.breached_at(at + hours(1000)) == breach
    elif some.state(at) is State.RUNNING:
        left = some.remaining(at)
        assert left is not None
        assert left >= timedelta(0)


@given(clocks_and_moments())
def test_later_events_never_change_what_was_true_at_a_moment(case: tuple[Clock, datetime]) -> None:
    some, at = case
    known = Clock(some.limit, [event for event in some.events if event.at <= at])
    assert answers(known, at)[:4] == answers(some, at)[:4]


@given(clocks())
def test_a_clock_survives_json(some: Clock) -> None:
    assert Clock.from_json(json.loads(json.dumps(some.to_json()))) == some
