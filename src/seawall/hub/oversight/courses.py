"""The course of every referral, told by the ledger alone: one row a referral, from first sight to the last look.

Nothing here reads a table of casework or referrals, so anybody who holds the ledger can compute the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

SQL = """
WITH about AS (
    SELECT id, subject_id, verb, occurred_at, payload FROM ledger_entry
    WHERE subject_kind = 'referral' AND verb LIKE 'referral.%%'
)
SELECT subject_id,
       (array_agg(payload ORDER BY id) FILTER (WHERE verb = 'referral.prepared'))[1] AS prepared,
       (array_agg(jsonb_build_object('n', id, 'what', payload) ORDER BY id DESC) FILTER (WHERE verb = 'referral.received'))[1] AS received,
       max(id) FILTER (WHERE verb = 'referral.returned') AS returned,
       bool_or(verb = 'referral.delivery_failed' AND (payload->>'final')::boolean) AS failed,
       array_agg(payload ORDER BY id) FILTER (WHERE verb = 'referral.answered') AS answers,
       array_agg(jsonb_build_object('verb', verb, 'at', payload->>'at') ORDER BY id)
           FILTER (WHERE verb IN ('referral.clock_paused', 'referral.clock_resumed')) AS pauses,
       array_agg(jsonb_build_object('checkpoint', payload->>'checkpoint', 'state', payload->>'state', 'at', occurred_at) ORDER BY id)
           FILTER (WHERE verb = 'referral.probed') AS probes,
       array_agg(payload->>'step' ORDER BY id) FILTER (WHERE verb = 'referral.escalated') AS steps,
       min(occurred_at) FILTER (WHERE verb = 'referral.withdrawn') AS withdrawn_at,
       min(occurred_at) FILTER (WHERE verb = 'referral.withdrawal_acknowledged') AS acknowledged_at
FROM about GROUP BY subject_id
HAVING bool_or(verb = 'referral.prepared' AND occurred_at >= %(since)s AND occurred_at < %(until)s)
ORDER BY min(id)
"""

DOWN = frozenset({"removed", "restricted"})


@dataclass(frozen=True, kw_only=True)
class Look:
    """What the hub saw when it looked: `state` as in seawall.probes."""

    checkpoint: str
    state: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Course:
    """One referral's way. Times are aware; what has not happened is None."""

    referral: str
    platform: str
    harm: str
    kind: str
    state_body: bool
    referrer_type: str
    requested_action: str
    limit: timedelta
    limit_basis: str
    first_seen_at: datetime
    case_opened_at: datetime
    decided_at: datetime
    """When the decision came into force: at the second word where one was needed."""
    received_at: datetime | None
    failed: bool
    asked: bool
    answered_at: datetime | None
    reason_code: str | None
    paused: timedelta
    """How long the clock stood still before the answer."""
    pause_open_since: datetime | None
    looks: tuple[Look, ...]
    steps: tuple[str, ...] = field(default=())
    disputed: bool = False
    """The platform disputes it, or asked for a review."""
    withdrawn_at: datetime | None = None
    withdrawal_acknowledged_at: datetime | None = None
    given_at: datetime | None = None
    """When a formal notice was given: its clock runs from then, not from the receipt."""

    def used(self, at: datetime) -> timedelta | None:
        """How much of its time the platform used up to its answer, or up to `at` while there is none; pauses do not count, nor what
        comes after the referral was taken back."""
        if self.received_at is None:
            return None
        end = self.answered_at or min(filter(None, (self.pause_open_since, self.withdrawn_at, at)))
        return max(timedelta(0), end - (self.given_at or self.received_at) - self.paused)

    def in_time(self, at: datetime) -> bool | None:
        """Whether the platform answered inside its clock; None while the clock still runs, never started, or was stopped in time because
        the referral was taken back."""
        used = self.used(at)
        if used is None:
            return None
        if self.answered_at is not None:
            return used <= self.limit
        return None if used <= self.limit else False

    def taken_back(self, at: datetime) -> bool:
        """Taken back while the clock ran and before a final answer: the platform owes none any more."""
        received = self.received_at is not None
        return received and self.answered_at is None and self.withdrawn_at is not None and self.in_time(at) is None

    def look(self, checkpoint: str) -> str | None:
        """What was seen at a checkpoint; None when nobody looked yet."""
        return next((look.state for look in self.looks if look.checkpoint == checkpoint), None)

    @property
    def asks_for_down(self) -> bool:
        """Whether the referral asks for something that a look can confirm: a label or a demotion leaves the post up."""
        return self.requested_action in ("remove", "restrict_age")

    @property
    def actioned(self) -> bool:
        return self.reason_code == "ACTIONED"

    @property
    def confirmed_down_at(self) -> datetime | None:
        """When the hub first saw that it was down, after the platform had answered."""
        return next((look.at for look in self.looks if look.state in DOWN), None)

    @property
    def claimed_but_live(self) -> bool:
        """The platform says that it acted, and the last look that could tell anything found the content up."""
        telling = [look.state for look in self.looks if look.state != "unreachable"]
        return self.actioned and self.asks_for_down and bool(telling) and telling[-1] == "up"

    @property
    def reappeared(self) -> bool:
        """It was seen down, and later up."""
        states = [look.state for look in self.looks if look.state != "unreachable"]
        first = next((n for n, state in enumerate(states) if state in DOWN), None)
        return first is not None and "up" in states[first + 1 :]


def courses(*, since: datetime, until: datetime) -> Iterator[Course]:
    """The courses of the referrals prepared in [since, until). O(their entries), grouped by the database."""
    with connection.cursor() as cursor:
        cursor.execute(SQL, {"since": since, "until": until})
        names = [column.name for column in cursor.description or ()]
        while rows := cursor.fetchmany(2_000):
            for row in rows:
                yield _course(dict(zip(names, row, strict=True)))


def _course(row: dict[str, Any]) -> Course:
    prepared, received = _json(row["prepared"]), _json(row["received"])
    # What came back undelivered was never received, however sure the server was that took it.
    received = received["what"] if received and received["n"] > (row["returned"] or 0) else None
    answers = [_json(answer) for answer in row["answers"] or []]
    final = next((answer for answer in answers if answer["status"] == "COMPLETED"), None)
    paused, open_since = _pauses([_json(pause) for pause in row["pauses"] or []])
    return Course(
        referral=row["subject_id"],
        platform=prepared["platform"],
        harm=prepared["harm"],
        kind=prepared["kind"],
        state_body=prepared["state_body"],
        referrer_type=prepared["referrer_type"],
        requested_action=prepared["requested_action"],
        limit=timedelta(seconds=prepared["limit_seconds"]),
        limit_basis=prepared["limit_basis"],
        first_seen_at=_time(prepared["first_seen_at"]),
        case_opened_at=_time(prepared["case_opened_at"]),
        decided_at=_time(prepared["decided_at"]),
        received_at=_time(received["received_at"]) if received else None,
        failed=bool(row["failed"]) and not received,
        asked=any(answer["reason_code"] == "NEED_MORE_INFORMATION" for answer in answers),
        answered_at=_time(final["answered_at"]) if final else None,
        reason_code=final["reason_code"] if final else None,
        paused=paused,
        pause_open_since=open_since,
        looks=tuple(
            Look(checkpoint=look["checkpoint"], state=look["state"], at=_time(look["at"]))
            for look in map(_json, row["probes"] or [])
        ),
        steps=tuple(row["steps"] or ()),
        disputed=any(answer["status"] in ("DISPUTED", "APPEALED") for answer in answers),
        withdrawn_at=row["withdrawn_at"],
        withdrawal_acknowledged_at=row["acknowledged_at"],
        given_at=_time(prepared["given_at"]) if prepared.get("given_at") else None,
    )


def _pauses(events: list[dict[str, Any]]) -> tuple[timedelta, datetime | None]:
    total, since = timedelta(0), None
    for event in events:
        at = _time(event["at"])
        if event["verb"] == "referral.clock_paused":
            since = at
        elif since is not None:
            total, since = total + (at - since), None
    return total, since


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
