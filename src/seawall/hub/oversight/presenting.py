"""The figures arranged for pages: names for codes, words for lengths, “withheld” for what is not published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from seawall.durations import in_words
from seawall.hub.oversight.queries import ALL, COUNTS, STEPS
from seawall.hub.oversight.words import COUNT_WORDS, OUTCOMES, STEP_WORDS, TOTAL_OF_WORDS, TOTAL_WORDS

WITHHELD = "withheld"
NO_FIGURE = "no figure"
ALL_NAME = "All platforms"


def count_text(count: int | None) -> str:
    """A count, or that it is withheld."""
    return WITHHELD if count is None else f"{count:,}"


def share_text(card: Mapping[str, Any]) -> str:
    """The share that was answered in time, in whole per cent; below half a per cent and above 99.5 it is not rounded to none or all."""
    share = card["share_in_time"]
    if share is None:
        return WITHHELD if card["in_time"] is None or card["out_of_time"] is None else NO_FIGURE
    rounded = round(100 * share)
    if rounded == 100 and share < 1:
        return "over 99%"
    if rounded == 0 and share > 0:
        return "under 1%"
    return f"{rounded}%"


def length_text(step: Mapping[str, Any], which: str) -> str:
    """A median or 90th percentile in words."""
    seconds = step[f"{which}_seconds"]
    if seconds is None:
        return WITHHELD if step["count"] is None else NO_FIGURE
    return "under a second" if seconds == 0 else in_words(timedelta(seconds=seconds))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One platform in the table of all."""

    slug: str
    name: str
    referred: str
    answered: str
    actioned: str
    refused: str
    in_time: str
    median: str
    seen_gone: str
    still_up: str

    @property
    def is_all(self) -> bool:
        return self.slug == ALL


def table(data: Mapping[str, Any], names: Mapping[str, str]) -> list[Row]:
    """A row a platform, the sum last."""
    return [
        Row(
            slug=card["platform"],
            name=name_of(card["platform"], names),
            referred=count_text(card["referred"]),
            answered=count_text(card["answered"]),
            actioned=count_text(card["actioned"]),
            refused=count_text(card["refused"]),
            in_time=share_text(card),
            median=length_text(card["receipt_to_answer"], "median"),
            seen_gone=count_text(card["confirmed_down"]),
            still_up=count_text(card["claimed_but_live"]),
        )
        for card in data["scorecards"]
    ]


def name_of(slug: str, names: Mapping[str, str]) -> str:
    return ALL_NAME if slug == ALL else names.get(slug, slug)


def card_of(data: Mapping[str, Any], slug: str) -> Mapping[str, Any] | None:
    """One platform's scorecard; None when nothing was referred to it."""
    return next((card for card in data["scorecards"] if card["platform"] == slug), None)


def headline(card: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The few figures that stand large at the head of a scorecard."""
    return [
        ("Referred", count_text(card["referred"])),
        ("Answered in time, of those whose clock is over", share_text(card)),
        ("Median time to answer", length_text(card["receipt_to_answer"], "median")),
        ("Said acted, still up", count_text(card["claimed_but_live"])),
    ]


def outcome_bars(card: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What became of the received referrals, as bars of one scale."""
    return [{"label": COUNT_WORDS[name][0], "value": card[name], "text": count_text(card[name])} for name in OUTCOMES]


def look_bars(card: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What our own looks found."""
    names = ("confirmed_down", "claimed_but_live", "reappeared", "live_after_day", "live_after_week")
    return [{"label": COUNT_WORDS[name][0], "value": card[name], "text": count_text(card[name])} for name in names]


def step_bars(card: Mapping[str, Any], which: str) -> list[dict[str, Any]]:
    """The median or 90th percentile of each step, in hours."""
    return [
        {
            "label": STEP_WORDS[name][0],
            "value": None if (seconds := card[name][f"{which}_seconds"]) is None else seconds / 3600,
            "text": length_text(card[name], which),
        }
        for name in STEPS
    ]


def longest_step(card: Mapping[str, Any]) -> float:
    """The scale that both charts of steps share, in hours."""
    hours = [(card[name]["p90_seconds"] or 0) / 3600 for name in STEPS]
    return max(hours) or 1.0


def every_count(card: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Each count with its name and how it is computed."""
    return [(COUNT_WORDS[name][0], count_text(card[name]), COUNT_WORDS[name][1]) for name in COUNTS]


def every_step(card: Mapping[str, Any]) -> list[tuple[str, str, str, str, str]]:
    """Each step: its name, how often, median, 90th percentile, and how it is computed."""
    return [
        (
            STEP_WORDS[name][0],
            count_text(card[name]["count"]),
            length_text(card[name], "median"),
            length_text(card[name], "p90"),
            STEP_WORDS[name][1],
        )
        for name in STEPS
    ]


@dataclass(frozen=True, kw_only=True)
class Total:
    """One breakdown: its heading, and bars."""

    title: str
    bars: Sequence[Mapping[str, Any]]


def totals(data: Mapping[str, Any], names: Mapping[str, str]) -> list[Total]:
    """Every breakdown under its heading, in a fixed order; `names` are those of platforms and harms. Larger counts first, withheld last."""
    found: dict[str, list[tuple[str, int | None]]] = {}
    for total in data["totals"]:
        found.setdefault(total["what"], []).append((total["of"], total["count"]))
    order = [*(what for what in TOTAL_WORDS if what in found), *(what for what in found if what not in TOTAL_WORDS)]
    return [
        Total(
            title=TOTAL_WORDS.get(what, what.capitalize()),
            bars=[
                {"label": _of(of, names), "value": count, "text": count_text(count)}
                for of, count in sorted(found[what], key=lambda pair: (pair[1] is None, -(pair[1] or 0), pair[0]))
            ],
        )
        for what in order
    ]


def _of(code: str, names: Mapping[str, str]) -> str:
    return TOTAL_OF_WORDS.get(code) or names.get(code) or code
