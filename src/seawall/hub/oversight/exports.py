"""The figures as plain data, JSON and CSV. What is published has its small counts withheld (see `withholding`)."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.core.cache import cache

from seawall.hub import moment
from seawall.hub.ledger.queries import entries, last_checkpoint
from seawall.hub.oversight import queries
from seawall.hub.oversight.queries import ALL, BEGINNING, COUNTS, STEPS, Scorecard, Spread, Total
from seawall.hub.oversight.withholding import SUPPRESS_BELOW, Sum, withheld
from seawall.hub.oversight.words import OUTCOMES

CACHED_FOR = 60
"""Seconds for which the published figures are kept, so that the public cannot keep the database busy."""

Cells = dict[tuple[str, str], int]
ANSWERS = ("actioned", "refused", "already_down", "unresolvable")


def published_data() -> dict[str, Any]:
    """What is published, computed at most once a minute; `computed_at` says when."""
    kept: dict[str, Any] | None = cache.get("oversight.published")
    if kept is None:
        kept = as_data(suppress=True)
        cache.set("oversight.published", kept, CACHED_FOR)
    return kept


def as_data(*, suppress: bool, since: datetime = BEGINNING, until: datetime | None = None) -> dict[str, Any]:
    """The figures on what began in [since, until), as plain values. Lengths are seconds; a withheld count is None.

    With `suppress`, counts from 1 to 4 are withheld, and further ones by which they could be worked out.
    """
    checkpoint = last_checkpoint()
    totals = queries.totals(since=since, until=until)
    cards = queries.scorecards(since=since, until=until)
    hidden = withheld(_cells(totals, cards), _sums(totals, cards), worth=_worth) if suppress else frozenset()
    return {
        "schema": "seawall-figures/1",
        "computed_at": moment.now().isoformat(timespec="seconds"),
        "demonstration": moment.in_demonstration() or entries().filter(demonstration=True).exists(),
        "suppressed_below": SUPPRESS_BELOW if suppress else None,
        "ledger": {"entries": checkpoint.size, "root": bytes(checkpoint.root).hex()} if checkpoint else None,
        "totals": [
            {"what": t.what, "of": t.of, "count": None if (t.what, t.of) in hidden else t.count} for t in totals
        ],
        "scorecards": [_card(card, hidden) for card in cards],
    }


def _cells(totals: list[Total], cards: list[Scorecard]) -> Cells:
    """Every count that is published, by (what, of) for totals and (platform, name) for scorecards.

    The number of times that a step was taken is a count of its own: it tells as much as the one that it equals.
    """
    cells: Cells = {(total.what, total.of): total.count for total in totals}
    for card in cards:
        cells |= {(card.platform, name): getattr(card, name) for name in COUNTS}
        cells |= {(card.platform, name): getattr(card, name).count for name in STEPS}
    return cells


WORTH = (
    ("waiting", "undelivered", "asked", "disputed"), ("taken_back",), ("silent", "unresolvable", "already_down"),
    ("refused", "out_of_time"), ("in_time", "escalated"),
    ("actioned", "live_after_day", "live_after_week", "reappeared"), ("claimed_but_live",), ("confirmed_down", "answer_to_confirmed_down"),
    ("withdrawal_acknowledged", "withdrawal_to_acknowledged"), ("withdrawn",), ("answered", "receipt_to_answer"),
    ("received", "decision_to_receipt"), ("referred", "sight_to_case", "case_to_decision"),
)  # fmt: skip
"""What readers can best do without comes first; what passes with time before what stays."""


def _worth(cell: tuple[str, str]) -> int:
    column, name = cell
    rank = next((place for place, names in enumerate(WORTH) if name in names), 0)
    return rank + len(WORTH) * (column == ALL)


def _sums(totals: list[Total], cards: list[Scorecard]) -> list[Sum]:
    """The equations between published counts that a reader can know."""
    platforms = [card.platform for card in cards if card.platform != ALL]
    found = [Sum([(ALL, name)], [(platform, name) for platform in platforms]) for name in (*COUNTS, *STEPS)]
    for platform in (*platforms, ALL):

        def adds_up(whole: str, *parts: str, platform: str = platform) -> Sum:
            return Sum([(platform, whole)], [(platform, part) for part in parts])

        found += [
            adds_up("received", *OUTCOMES),
            adds_up("answered", *ANSWERS),
            adds_up("received", "answered", "silent", "waiting", "taken_back"),
            adds_up("received", "in_time", "out_of_time", "waiting", "taken_back"),
            adds_up("referred", "received", "undelivered"),
            adds_up("referred", "sight_to_case"),
            adds_up("referred", "case_to_decision"),
            adds_up("received", "decision_to_receipt"),
            adds_up("answered", "receipt_to_answer"),
            adds_up("confirmed_down", "answer_to_confirmed_down"),
            adds_up("withdrawal_acknowledged", "withdrawal_to_acknowledged"),
        ]
    parts: dict[str, list[tuple[str, str]]] = {}
    for total in totals:
        parts.setdefault(total.what, []).append((total.what, total.of))
    found += [
        Sum(parts.get("cases opened by origin", []), parts.get("cases opened", [])),
        Sum(parts.get("posts assessed", []) + parts.get("posts not assessed", []), parts.get("posts taken in", [])),
        Sum([(ALL, "referred")], parts.get("referrals prepared", [])),
        Sum([(ALL, "referred")], [("cases closed", "refer")]),
        Sum([(ALL, "received")], parts.get("receipts", [])),
        Sum([(ALL, "answered")], parts.get("final answers", [])),
        Sum([(ALL, "withdrawn")], parts.get("referrals withdrawn", [])),
    ]
    return found


def _card(card: Scorecard, hidden: frozenset[tuple[str, str]]) -> dict[str, Any]:
    def shown(name: str, count: int) -> int | None:
        return None if (card.platform, name) in hidden else count

    share = card.share_in_time
    if any((card.platform, name) in hidden for name in ("in_time", "out_of_time")):
        share = None
    return {
        "platform": card.platform,
        **{name: shown(name, getattr(card, name)) for name in COUNTS},
        "share_in_time": None if share is None else round(share, 4),
        **{name: _spread(getattr(card, name), shown(name, getattr(card, name).count)) for name in STEPS},
    }


def _spread(spread: Spread, count: int | None) -> dict[str, Any]:
    return {
        "count": count,
        "median_seconds": None if count is None else _seconds(spread.median),
        "p90_seconds": None if count is None else _seconds(spread.p90),
    }


def _seconds(length: timedelta | None) -> int | None:
    return None if length is None else round(length.total_seconds())


def as_json(*, suppress: bool) -> str:
    return json_of(as_data(suppress=suppress))


def json_of(data: Mapping[str, Any]) -> str:
    """The figures as indented JSON with a newline at the end."""
    return orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def as_csv(*, suppress: bool) -> str:
    return csv_of(as_data(suppress=suppress))


def csv_of(data: Mapping[str, Any]) -> str:
    """One row a figure: platform, figure, value; withheld and undefined values are empty.

    No cell begins with a character that a spreadsheet takes for a formula.
    """
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["platform", "figure", "value"])
    for total in data["totals"]:
        rows.writerow([ALL, safe_cell(f"{total['what']}: {total['of']}"), _cell(total["count"])])
    for card in data["scorecards"]:
        for name, value in card.items():
            if name == "platform":
                continue
            parts = value.items() if isinstance(value, dict) else [("", value)]
            for part, number in parts:
                rows.writerow([safe_cell(card["platform"]), f"{name}_{part}" if part else name, _cell(number)])
    return out.getvalue()


def _cell(number: float | None) -> str:
    return "" if number is None else str(number)


def safe_cell(text: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet would run it as a formula (OWASP, CSV injection)."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r", "\n", "|") else text
