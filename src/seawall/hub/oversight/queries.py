"""The figures: scorecards and totals, computed from the ledger alone."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection

from seawall.hub import moment
from seawall.hub.oversight.courses import Course, courses

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How long a step took: the number of times it was taken, the median and the 90th percentile. None where it never was."""

    count: int
    median: timedelta | None
    p90: timedelta | None


def spread(lengths: Iterable[timedelta]) -> Spread:
    """Median, and 90th percentile by linear interpolation between the nearest ranks (as NumPy's default)."""
    seconds = sorted(length.total_seconds() for length in lengths)
    if not seconds:
        return Spread(count=0, median=None, p90=None)
    place = 0.9 * (len(seconds) - 1)
    low = int(place)
    high = min(low + 1, len(seconds) - 1)
    ninetieth = seconds[low] + (seconds[high] - seconds[low]) * (place - low)
    return Spread(
        count=len(seconds), median=timedelta(seconds=statistics.median(seconds)), p90=timedelta(seconds=ninetieth)
    )


@dataclass(frozen=True, kw_only=True)
class Scorecard:
    """What became of the referrals to one platform, or to all. Counts are referrals."""

    platform: str
    referred: int
    received: int
    undelivered: int
    answered: int
    actioned: int
    refused: int
    unresolvable: int
    already_down: int
    asked: int
    silent: int
    """Received, the clock has run out, and no final answer came."""
    waiting: int
    """Received, and the clock still runs or is paused."""
    taken_back: int
    """Received, and withdrawn by us before a final answer and while the clock ran."""
    in_time: int
    out_of_time: int
    confirmed_down: int
    """The platform says that it acted and a look of ours found it down."""
    claimed_but_live: int
    reappeared: int
    live_after_day: int
    live_after_week: int
    escalated: int
    disputed: int
    withdrawn: int
    """Withdrawn by us, before or after an answer, whoever asked for it."""
    withdrawal_acknowledged: int
    sight_to_case: Spread
    case_to_decision: Spread
    decision_to_receipt: Spread
    receipt_to_answer: Spread
    """Pauses of the clock are not counted."""
    answer_to_confirmed_down: Spread
    withdrawal_to_acknowledged: Spread

    @property
    def share_in_time(self) -> float | None:
        """Of the referrals whose clock is over, the share that was answered inside it."""
        over = self.in_time + self.out_of_time
        return self.in_time / over if over else None


ALL = "all"
"""The name of the scorecard over every platform together."""

COUNTS = (
    "referred", "received", "undelivered", "answered", "actioned", "refused", "unresolvable", "already_down", "asked", "silent",
    "waiting", "taken_back", "in_time", "out_of_time", "confirmed_down", "claimed_but_live", "reappeared", "live_after_day",
    "live_after_week", "escalated", "disputed", "withdrawn", "withdrawal_acknowledged",
)  # fmt: skip
STEPS = (
    "sight_to_case", "case_to_decision", "decision_to_receipt", "receipt_to_answer", "answer_to_confirmed_down",
    "withdrawal_to_acknowledged",
)  # fmt: skip


def scorecard_of(platform: str, found: Sequence[Course], *, at: datetime) -> Scorecard:
    """Count one platform's courses as they stand at `at`."""

    def count(test: Callable[[Course], bool | None]) -> int:
        return sum(bool(test(course)) for course in found)

    def steps(length: Callable[[Course], timedelta | None]) -> Spread:
        return spread(value for course in found if (value := length(course)) is not None)

    return Scorecard(
        platform=platform,
        referred=len(found),
        received=count(lambda c: c.received_at is not None),
        undelivered=count(lambda c: c.failed),
        answered=count(lambda c: c.answered_at is not None),
        actioned=count(lambda c: c.actioned),
        refused=count(lambda c: c.reason_code == "REVIEWED_NO_ACTION"),
        unresolvable=count(lambda c: c.reason_code in ("NOT_RESOLVABLE", "NEED_MORE_INFORMATION")),
        already_down=count(lambda c: c.reason_code == "CONTENT_DOWN_OR_INACCESSIBLE"),
        asked=count(lambda c: c.asked),
        silent=count(lambda c: c.answered_at is None and c.in_time(at) is False),
        waiting=count(
            lambda c: (
                c.received_at is not None and c.answered_at is None and c.withdrawn_at is None and c.in_time(at) is None
            )
        ),
        taken_back=count(lambda c: c.taken_back(at)),
        in_time=count(lambda c: c.in_time(at) is True),
        out_of_time=count(lambda c: c.in_time(at) is False),
        confirmed_down=count(lambda c: c.actioned and c.confirmed_down_at is not None),
        claimed_but_live=count(lambda c: c.claimed_but_live),
        reappeared=count(lambda c: c.reappeared),
        live_after_day=count(lambda c: c.actioned and c.asks_for_down and c.look("day") == "up"),
        live_after_week=count(lambda c: c.actioned and c.asks_for_down and c.look("week") == "up"),
        escalated=count(lambda c: bool(c.steps)),
        disputed=count(lambda c: c.disputed),
        withdrawn=count(lambda c: c.withdrawn_at is not None),
        withdrawal_acknowledged=count(lambda c: c.withdrawal_acknowledged_at is not None),
        sight_to_case=steps(lambda c: c.case_opened_at - c.first_seen_at),
        case_to_decision=steps(lambda c: c.decided_at - c.case_opened_at),
        decision_to_receipt=steps(lambda c: c.received_at - c.decided_at if c.received_at else None),
        receipt_to_answer=steps(lambda c: c.used(at) if c.answered_at else None),
        answer_to_confirmed_down=steps(
            lambda c: (
                max(timedelta(0), c.confirmed_down_at - c.answered_at)
                if c.actioned and c.answered_at and c.confirmed_down_at
                else None
            )
        ),
        withdrawal_to_acknowledged=steps(
            lambda c: (
                c.withdrawal_acknowledged_at - c.withdrawn_at
                if c.withdrawn_at and c.withdrawal_acknowledged_at
                else None
            )
        ),
    )


def scorecards(*, since: datetime = BEGINNING, until: datetime | None = None) -> list[Scorecard]:
    """One scorecard a platform, by name, and one over all of them (platform “all”) at the end."""
    at = moment.now()
    found = list(courses(since=since, until=until or at))
    by_platform: dict[str, list[Course]] = {}
    for course in found:
        by_platform.setdefault(course.platform, []).append(course)
    return [
        *(scorecard_of(platform, theirs, at=at) for platform, theirs in sorted(by_platform.items())),
        scorecard_of(ALL, found, at=at),
    ]


def scorecard(*, platform: str, since: datetime = BEGINNING, until: datetime | None = None) -> Scorecard:
    """The scorecard of one platform; all zero when nothing was ever referred to it."""
    at = moment.now()
    theirs = [course for course in courses(since=since, until=until or at) if course.platform == platform]
    return scorecard_of(platform, theirs, at=at)


@dataclass(frozen=True, kw_only=True)
class Total:
    """A count of something that the ledger tells, such as the cases decided for each outcome."""

    what: str
    of: str
    count: int


# Entries of before the detector knew that it cannot read every language have no `not_assessed`.
_TOTALS = """
SELECT 'posts taken in' AS what, p.key AS of, sum(p.value::bigint) FROM ledger_entry, jsonb_each_text(payload->'by_platform') p
    WHERE verb = 'content.batch_ingested' AND occurred_at >= %(since)s AND occurred_at < %(until)s GROUP BY 2
UNION ALL
SELECT 'posts assessed', payload->>'detector', sum((payload->>'assessed')::bigint - coalesce((payload->>'not_assessed')::bigint, 0))
    FROM ledger_entry WHERE verb = 'content.batch_assessed' AND occurred_at >= %(since)s AND occurred_at < %(until)s GROUP BY 2
UNION ALL
SELECT 'posts not assessed', 'language not read', sum((payload->>'not_assessed')::bigint) FROM ledger_entry
    WHERE verb = 'content.batch_assessed' AND occurred_at >= %(since)s AND occurred_at < %(until)s
    HAVING sum((payload->>'not_assessed')::bigint) > 0
UNION ALL
SELECT 'posts flagged', p.key, sum(p.value::bigint) FROM ledger_entry, jsonb_each_text(payload->'by_family') p
    WHERE verb = 'content.batch_assessed' AND occurred_at >= %(since)s AND occurred_at < %(until)s GROUP BY 2
UNION ALL
SELECT 'cases opened', payload->>'harm', count(*) FROM ledger_entry
    WHERE verb = 'case.opened' AND occurred_at >= %(since)s AND occurred_at < %(until)s GROUP BY 2
UNION ALL
SELECT 'cases opened by origin', payload->>'origin', count(*) FROM ledger_entry
    WHERE verb = 'case.opened' AND occurred_at >= %(since)s AND occurred_at < %(until)s GROUP BY 2
UNION ALL
SELECT 'cases closed', payload->>'outcome', count(*) FROM ledger_entry
    WHERE verb = 'case.closed' AND occurred_at >= %(since)s AND occurred_at < %(until)s GROUP BY 2
UNION ALL
SELECT 'second reviews', CASE WHEN (payload->>'concurs')::boolean THEN 'concurred' ELSE 'dissented' END, count(*) FROM ledger_entry
    WHERE verb = 'case.decision_reviewed' AND occurred_at >= %(since)s AND occurred_at < %(until)s GROUP BY 2
UNION ALL
SELECT 'referrals prepared', payload->>'harm', count(*) FROM ledger_entry
    WHERE verb = 'referral.prepared' AND occurred_at >= %(since)s AND occurred_at < %(until)s GROUP BY 2
UNION ALL
SELECT 'receipts', coalesce(payload->>'proof', 'signed'), count(*) FROM ledger_entry
    WHERE verb = 'referral.received' AND occurred_at >= %(since)s AND occurred_at < %(until)s GROUP BY 2
UNION ALL
SELECT 'final answers', coalesce(payload->>'proof', 'signed'), count(*) FROM ledger_entry
    WHERE verb = 'referral.answered' AND payload->>'status' = 'COMPLETED' AND occurred_at >= %(since)s AND occurred_at < %(until)s
    GROUP BY 2
UNION ALL
SELECT 'referrals withdrawn', payload->>'by', count(*) FROM ledger_entry
    WHERE verb = 'referral.withdrawn' AND occurred_at >= %(since)s AND occurred_at < %(until)s GROUP BY 2
UNION ALL
SELECT 'referrals read by the overseer', payload->>'opinion', count(*) FROM ledger_entry
    WHERE verb = 'referral.read' AND occurred_at >= %(since)s AND occurred_at < %(until)s GROUP BY 2
UNION ALL
SELECT 'recommendations answered', CASE WHEN (payload->>'followed')::boolean THEN 'followed' ELSE 'not followed' END, count(*)
    FROM ledger_entry
    WHERE verb = 'referral.recommendation_answered' AND occurred_at >= %(since)s AND occurred_at < %(until)s GROUP BY 2
UNION ALL
SELECT 'measures against desks', verb, count(*) FROM ledger_entry
    WHERE verb IN ('desk.warned', 'desk.suspended') AND occurred_at >= %(since)s AND occurred_at < %(until)s GROUP BY 2
UNION ALL
SELECT 'reports received', payload->>'kind', count(*) FROM ledger_entry
    WHERE verb = 'report.received' AND occurred_at >= %(since)s AND occurred_at < %(until)s GROUP BY 2
UNION ALL
SELECT 'masked posts revealed', 'by staff', count(*) FROM ledger_entry
    WHERE verb = 'content.revealed' AND occurred_at >= %(since)s AND occurred_at < %(until)s HAVING count(*) > 0
ORDER BY 1, 2
"""


def totals(*, since: datetime = BEGINNING, until: datetime | None = None) -> list[Total]:
    """How much of everything there was in [since, until)."""
    with connection.cursor() as cursor:
        cursor.execute(_TOTALS, {"since": since, "until": until or moment.now()})
        return [Total(what=what, of=of, count=int(count)) for what, of, count in cursor.fetchall()]
