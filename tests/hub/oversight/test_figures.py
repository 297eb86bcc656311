"""The figures come from the ledger alone; here they are computed again from the tables, by other code, and must be the same."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from tests.support.courses import Courses, play
from tests.support.hub import SmallHub

from seawall.clock import State
from seawall.hub import moment
from seawall.hub.oversight import queries
from seawall.hub.oversight.queries import COUNTS, STEPS, Scorecard, Spread
from seawall.hub.referrals.models import Checkpoint, Probe, Referral

NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)
BEGIN = NOW - timedelta(days=9)
HOUR = timedelta(hours=1)
DOWN = ("removed", "restricted")


@pytest.fixture
def courses(hub: SmallHub, monkeypatch: pytest.MonkeyPatch) -> Courses:
    return play(hub, monkeypatch)


def card(platform: str = "alpha") -> Scorecard:
    with moment.demonstration_at(NOW):
        return queries.scorecard(platform=platform)


def test_nothing_referred(hub: SmallHub) -> None:
    empty = card()
    assert all(getattr(empty, name) == 0 for name in COUNTS)
    assert all(getattr(empty, name) == Spread(count=0, median=None, p90=None) for name in STEPS)
    assert empty.share_in_time is None


def test_a_pause_is_not_counted_against_the_platform(courses: Courses) -> None:
    """24 hours to act; it took 60, of which it waited 50 for us."""
    referral = courses.sent(courses.referred(BEGIN), BEGIN + 3 * HOUR)
    limit = referral.clock().limit.length
    assert limit == 24 * HOUR
    referral = courses.asked(referral, BEGIN + 5 * HOUR)
    referral = courses.informed(referral, BEGIN + 55 * HOUR)
    courses.answered(referral, BEGIN + 63 * HOUR, "REVIEWED_NO_ACTION")
    found = card()
    assert (found.answered, found.refused, found.asked, found.in_time, found.out_of_time) == (1, 1, 1, 1, 0)
    assert found.receipt_to_answer.median == 10 * HOUR
    assert found.share_in_time == 1.0


def test_one_microsecond_late_is_late(courses: Courses) -> None:
    for late in (timedelta(0), timedelta(microseconds=1)):
        referral = courses.sent(courses.referred(BEGIN), BEGIN + 3 * HOUR)
        courses.answered(referral, BEGIN + 27 * HOUR + late, "ACTIONED")
    found = card()
    assert (found.in_time, found.out_of_time) == (1, 1)


def test_a_clock_that_ran_out_during_no_pause_stays_out(courses: Courses) -> None:
    """A question that comes after the clock ran out does not turn it back."""
    referral = courses.sent(courses.referred(BEGIN), BEGIN + 3 * HOUR)
    courses.asked(referral, BEGIN + 40 * HOUR)
    found = card()
    assert (found.silent, found.waiting, found.out_of_time) == (1, 0, 1)


def test_paused_is_waiting_however_long(courses: Courses) -> None:
    referral = courses.sent(courses.referred(BEGIN), BEGIN + 3 * HOUR)
    courses.asked(referral, BEGIN + 4 * HOUR)
    found = card()
    assert (found.silent, found.waiting, found.out_of_time, found.in_time) == (0, 1, 0, 0)


def test_what_a_platform_says_is_not_what_we_see(courses: Courses) -> None:
    def acted(*seen: tuple[Checkpoint, timedelta, str]) -> None:
        referral = courses.sent(courses.referred(BEGIN), BEGIN + 3 * HOUR)
        referral = courses.answered(referral, BEGIN + 4 * HOUR, "ACTIONED")
        for checkpoint, after, state in seen:
            courses.looked(referral, BEGIN + 4 * HOUR + after, checkpoint, state)  # type: ignore[arg-type]

    soon, day, week = (Checkpoint.ANSWER, HOUR), (Checkpoint.DAY, 24 * HOUR), (Checkpoint.WEEK, 168 * HOUR)
    acted((*soon, "removed"), (*day, "removed"))
    acted((*soon, "up"), (*day, "up"))  # claimed but live
    acted((*soon, "removed"), (*day, "up"))  # came back
    acted((*soon, "up"), (*day, "removed"), (*week, "unreachable"))  # slow, and an outage proves nothing
    acted((*soon, "unreachable"))  # nobody knows
    found = card()
    assert found.actioned == 5
    assert found.confirmed_down == 3
    assert found.claimed_but_live == 2
    assert found.reappeared == 1
    assert (found.live_after_day, found.live_after_week) == (2, 0)
    assert found.answer_to_confirmed_down.count == 3
    assert found.answer_to_confirmed_down.median == HOUR


def test_silence_climbs_the_ladder_and_failure_starts_no_clock(courses: Courses) -> None:
    silent = courses.sent(courses.referred(BEGIN), BEGIN + 3 * HOUR)
    courses.escalated(silent, NOW)
    courses.channel.refuses = True
    courses.sent(courses.referred(BEGIN), BEGIN + 3 * HOUR)
    found = card()
    assert (found.referred, found.received, found.undelivered) == (2, 1, 1)
    assert (found.silent, found.escalated, found.out_of_time) == (1, 1, 1)


def test_what_was_taken_back_in_time_is_neither_silent_nor_late(courses: Courses) -> None:
    """24 hours to act. What we withdraw within them is owed no answer; what we withdraw later was late already."""
    for hours in (10, 40):
        referral = courses.sent(courses.referred(BEGIN), BEGIN + 3 * HOUR)
        courses.withdrawn(referral, BEGIN + hours * HOUR, acknowledged=BEGIN + (hours + 2) * HOUR)
    answered = courses.sent(courses.referred(BEGIN), BEGIN + 3 * HOUR)
    answered = courses.answered(answered, BEGIN + 5 * HOUR, "ACTIONED")
    courses.withdrawn(answered, BEGIN + 9 * HOUR)
    paused = courses.sent(courses.referred(BEGIN), BEGIN + 3 * HOUR)
    courses.withdrawn(courses.asked(paused, BEGIN + 4 * HOUR), BEGIN + 90 * HOUR)
    courses.withdrawn(courses.referred(BEGIN), BEGIN + 3 * HOUR)  # never sent
    found = card()
    assert (found.referred, found.received, found.answered) == (5, 4, 1)
    assert (found.taken_back, found.silent, found.waiting) == (2, 1, 0)
    assert (found.in_time, found.out_of_time) == (1, 1)
    assert (found.withdrawn, found.withdrawal_acknowledged) == (5, 2)
    assert found.withdrawal_to_acknowledged.median == 2 * HOUR


def test_disputed_is_counted_beside_the_outcome(courses: Courses) -> None:
    referral = courses.sent(courses.referred(BEGIN), BEGIN + 3 * HOUR)
    courses.answered(referral, BEGIN + 4 * HOUR, None, status="DISPUTED")
    found = card()
    assert (found.disputed, found.answered, found.out_of_time) == (1, 0, 1)


def test_a_period_is_of_what_was_prepared_in_it(courses: Courses) -> None:
    first, second = courses.referred(BEGIN), courses.referred(BEGIN + timedelta(days=3))
    with moment.demonstration_at(NOW):
        assert queries.scorecard(platform="alpha", since=second.prepared_at).referred == 1
        assert queries.scorecard(platform="alpha", until=second.prepared_at).referred == 1
        assert queries.scorecard(platform="alpha", since=first.prepared_at, until=NOW).referred == 2
        assert queries.scorecard(platform="alpha", since=second.prepared_at + timedelta(microseconds=1)).referred == 0


@pytest.mark.parametrize("seed", [1, 2])
def test_the_ledger_and_the_tables_agree(courses: Courses, seed: int) -> None:
    """Referrals with courses drawn at random, two platforms: every count and every median is the same from both sides."""
    draw = random.Random(seed)
    for _ in range(25):
        wander(courses, draw)
    with moment.demonstration_at(NOW):
        cards = {found.platform: found for found in queries.scorecards()}
        assert list(cards) == ["alpha", "beta", "all"]
        for platform, found in cards.items():
            mine = [r for r in Referral.objects.all() if platform in ("all", r.case.content.platform.slug)]
            for name, expected in counted(mine).items():
                assert getattr(found, name) == expected, (platform, name)
            for name, lengths in timed(mine).items():
                compare(getattr(found, name), lengths, f"{platform} {name}")
        assert set(counted([])) == set(COUNTS)
        assert set(timed([])) == set(STEPS)
    assert cards["all"].answered > 5 < cards["all"].out_of_time


def wander(courses: Courses, draw: random.Random) -> None:
    """One referral on its way, as far as chance takes it."""
    seen = BEGIN + timedelta(minutes=draw.randrange(0, 6 * 24 * 60))
    referral = courses.referred(
        seen, platform=draw.choice(["alpha", "beta"]), decided_after=timedelta(minutes=draw.randrange(30, 600))
    )
    at = referral.prepared_at + timedelta(seconds=draw.randrange(1, 4_000))
    courses.channel.refuses = draw.random() < 0.1
    referral = courses.sent(referral, at)
    courses.channel.refuses = False
    if not referral.received_at:
        return

    def later(most: timedelta) -> datetime:
        return min(at + timedelta(seconds=draw.randrange(1, int(most.total_seconds()))), NOW - timedelta(minutes=2))

    if draw.random() < 0.4:
        at = later(20 * HOUR)
        referral = courses.asked(referral, at)
        if draw.random() < 0.8:
            at = later(30 * HOUR) + timedelta(minutes=1)
            referral = courses.informed(referral, at)
    if draw.random() < 0.25:
        courses.escalated(referral, NOW)
        return
    if draw.random() < 0.2:
        at = later(60 * HOUR)
        courses.withdrawn(
            referral, at, acknowledged=at + timedelta(seconds=draw.randrange(1, 90)) if draw.random() < 0.6 else None
        )
        return
    at = later(40 * HOUR) + timedelta(minutes=1)
    if at >= NOW - timedelta(minutes=2):
        return
    reason = draw.choice(
        ["ACTIONED", "ACTIONED", "ACTIONED", "REVIEWED_NO_ACTION", "NOT_RESOLVABLE", "CONTENT_DOWN_OR_INACCESSIBLE"]
    )
    referral = courses.answered(referral, at, reason)
    for checkpoint, after in (
        (Checkpoint.ANSWER, HOUR / 60),
        (Checkpoint.DAY, 24 * HOUR),
        (Checkpoint.WEEK, 168 * HOUR),
    ):
        if at + after < NOW:
            courses.looked(
                referral, at + after, checkpoint, draw.choice(["up", "removed", "removed", "restricted", "unreachable"])
            )


def counted(found: Sequence[Referral]) -> dict[str, int]:
    """The counts, from the tables and from seawall.clock."""

    def count(test: Callable[[Referral], object]) -> int:
        return len([referral for referral in found if test(referral)])

    def said(referral: Referral, *reasons: str) -> bool:
        return referral.answers.filter(status="COMPLETED", reason_code__in=reasons).exists()

    def state(referral: Referral) -> State:
        return referral.clock().state(NOW)

    def telling(referral: Referral) -> list[Probe]:
        return list(referral.probes.exclude(state="unreachable").order_by("at"))

    def gone_then_up(referral: Referral) -> bool:
        looks = [probe.state for probe in telling(referral)]
        return any(first in DOWN and "up" in looks[place:] for place, first in enumerate(looks))

    def up_at(referral: Referral, checkpoint: Checkpoint) -> bool:
        return said(referral, "ACTIONED") and referral.probes.filter(checkpoint=checkpoint, state="up").exists()

    return {
        "referred": len(found),
        "received": count(lambda r: r.receipt),
        "undelivered": count(lambda r: r.state == "failed"),
        "answered": count(lambda r: r.answered_at),
        "actioned": count(lambda r: said(r, "ACTIONED")),
        "refused": count(lambda r: said(r, "REVIEWED_NO_ACTION")),
        "unresolvable": count(lambda r: said(r, "NOT_RESOLVABLE", "NEED_MORE_INFORMATION")),
        "already_down": count(lambda r: said(r, "CONTENT_DOWN_OR_INACCESSIBLE")),
        "asked": count(lambda r: r.answers.filter(reason_code="NEED_MORE_INFORMATION").exists()),
        "silent": count(lambda r: not r.answered_at and state(r) is State.BREACHED),
        "waiting": count(lambda r: not r.answered_at and state(r) in (State.RUNNING, State.PAUSED)),
        "taken_back": count(lambda r: not r.answered_at and state(r) is State.MET),
        "in_time": count(lambda r: r.answered_at and state(r) is State.MET),
        "out_of_time": count(lambda r: state(r) is State.BREACHED),
        "confirmed_down": count(lambda r: said(r, "ACTIONED") and r.probes.filter(state__in=DOWN).exists()),
        "claimed_but_live": count(lambda r: said(r, "ACTIONED") and telling(r) and telling(r)[-1].state == "up"),
        "reappeared": count(gone_then_up),
        "live_after_day": count(lambda r: up_at(r, Checkpoint.DAY)),
        "live_after_week": count(lambda r: up_at(r, Checkpoint.WEEK)),
        "escalated": count(lambda r: r.escalations.exists()),
        "disputed": count(lambda r: r.answers.filter(status__in=["DISPUTED", "APPEALED"]).exists()),
        "withdrawn": count(lambda r: r.state == "withdrawn"),
        "withdrawal_acknowledged": count(lambda r: r.state == "withdrawn" and r.withdrawal.acknowledged_at),
    }


def timed(found: Sequence[Referral]) -> dict[str, list[timedelta]]:
    """The lengths of every step, from the tables."""
    opened = {r.pk: r.case.opened_at for r in found}
    lengths: dict[str, list[timedelta]] = {
        "sight_to_case": [opened[r.pk] - r.case.content.first_seen_at for r in found],
        "case_to_decision": [r.decision.review.reviewed_at - opened[r.pk] for r in found],
        "decision_to_receipt": [r.received_at - r.decision.review.reviewed_at for r in found if r.received_at],
        "receipt_to_answer": [r.clock().elapsed(NOW) for r in found if r.answered_at],
        "answer_to_confirmed_down": [],
        "withdrawal_to_acknowledged": [
            r.withdrawal.acknowledged_at - r.withdrawal.withdrawn_at
            for r in found
            if r.state == "withdrawn" and r.withdrawal.acknowledged_at
        ],
    }
    for referral in found:
        down = referral.probes.filter(state__in=DOWN).order_by("at").first()
        if down and referral.answered_at and referral.answers.filter(reason_code="ACTIONED").exists():
            lengths["answer_to_confirmed_down"].append(down.at - referral.answered_at)
    return lengths


def compare(spread: Spread, lengths: list[timedelta], where: str) -> None:
    assert spread.count == len(lengths), where
    if not lengths:
        assert spread.median is spread.p90 is None, where
        return
    seconds = [length.total_seconds() for length in lengths]
    assert spread.median is not None, where
    assert spread.p90 is not None, where
    assert spread.median.total_seconds() == pytest.approx(np.median(seconds), abs=1e-5), where
    assert spread.p90.total_seconds() == pytest.approx(np.percentile(seconds, 90), abs=1e-5), where
