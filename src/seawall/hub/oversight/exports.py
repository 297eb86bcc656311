"""The figures as JSON and CSV, with what they mean beside them."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import orjson

from seawall.hub import moment
from seawall.hub.ledger.queries import last_checkpoint
from seawall.hub.oversight import queries
from seawall.hub.oversight.queries import COUNTS, STEPS, Scorecard, Spread


def as_data(*, suppress: bool) -> dict[str, Any]:
    """Everything that is published, as plain values. Lengths are seconds; a withheld count is None."""
    checkpoint = last_checkpoint()
    return {
        "schema": "seawall-figures/1",
        "computed_at": moment.now().isoformat(timespec="seconds"),
        "demonstration": moment.in_demonstration(),
        "suppressed_below": queries.SUPPRESS_BELOW if suppress else None,
        "ledger": {"entries": checkpoint.size, "root": bytes(checkpoint.root).hex()} if checkpoint else None,
        "totals": [{"what": t.what, "of": t.of, "count": _shown(t.count, suppress)} for t in queries.totals()],
        "scorecards": [_card(card, suppress) for card in queries.scorecards()],
    }


def _shown(count: int, suppress: bool) -> int | None:
    return queries.published(count) if suppress else count


def _card(card: Scorecard, suppress: bool) -> dict[str, Any]:
    small = suppress and queries.published(card.in_time + card.out_of_time) is None
    return {
        "platform": card.platform,
        **{name: _shown(getattr(card, name), suppress) for name in COUNTS},
        "share_in_time": None if small or card.share_in_time is None else round(card.share_in_time, 4),
        **{name: _spread(getattr(card, name), suppress) for name in STEPS},
    }


def _spread(spread: Spread, suppress: bool) -> dict[str, Any]:
    small = suppress and queries.published(spread.count) is None
    return {
        "count": _shown(spread.count, suppress),
        "median_seconds": None if small else _seconds(spread.median),
        "p90_seconds": None if small else _seconds(spread.p90),
    }


def _seconds(length: timedelta | None) -> int | None:
    return None if length is None else round(length.total_seconds())


def as_json(*, suppress: bool) -> str:
    return orjson.dumps(as_data(suppress=suppress), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def as_csv(*, suppress: bool) -> str:
    """One row a figure: platform, figure, value. No cell begins with a character that a spreadsheet takes for a formula."""
    data = as_data(suppress=suppress)
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["platform", "figure", "value"])
    for total in data["totals"]:
        rows.writerow(
            ["all", safe_cell(f"{total['what']}: {total['of']}"), "" if total["count"] is None else total["count"]]
        )
    for card in data["scorecards"]:
        for name, value in card.items():
            if name == "platform":
                continue
            parts = value.items() if isinstance(value, dict) else [("", value)]
            for part, number in parts:
                figure = f"{name}_{part}" if part else name
                rows.writerow([safe_cell(card["platform"]), figure, "" if number is None else number])
    return out.getvalue()


def safe_cell(text: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet would run it as a formula (OWASP, CSV injection)."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text
