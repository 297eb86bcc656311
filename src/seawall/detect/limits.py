"""Floors and ceilings for figures, by which continuous integration can hold a detector to what it once could."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure that can be held. `path` leads to it in what `evaluate_cases` gives; `floor` tells which side is good."""

    path: tuple[str, ...]
    floor: bool
    means: str


FIGURES: Final[Mapping[str, Figure]] = {
    "harmful_flagged": Figure(("harmful_flagged", "gold"), True, "harmful posts flagged as a harm they hold"),
    "harmful_flagged_any": Figure(("harmful_flagged", "any"), True, "harmful posts flagged as any harm"),
    "protected_flagged": Figure(("protected_flagged", "removal"), False, "protected posts flagged as a harm"),
    "protected_flagged_any": Figure(("protected_flagged", "any"), False, "protected posts with any flag"),
    "at_risk_recall": Figure(("at_risk", "recall"), True, "people at risk who are found"),
    "at_risk_removal": Figure(("at_risk", "removal"), False, "people at risk who are flagged as a harm"),
    "pairs_right": Figure(("pairs_right",), True, "pairs wholly right"),
    "macro_f1": Figure(("harmful_or_not", "macro_f1"), True, "macro-F1 of harmful against not"),
    "auroc": Figure(("harmful_or_not", "auroc"), True, "AUROC of harmful against not"),
    "gap_harmful": Figure(("by_group", "gap", "harmful"), False, "largest gap between groups, harmful posts"),
    "gap_protected": Figure(("by_group", "gap", "protected"), False, "largest gap between groups, protected posts"),
    "not_assessed": Figure(("not_assessed",), False, "posts that were not assessed"),
    "degraded": Figure(("degraded",), False, "posts for which a model did not answer"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A figure against its limit. `value` is None where it could not be measured, and then `met` is false."""

    name: str
    limit: float
    floor: bool
    value: float | None
    met: bool


def read_limit(given: str) -> tuple[str, float]:
    """A figure's name and its limit, from `NAME=VALUE`. Raises `ValueError` with a sentence."""
    name, sign, number = given.partition("=")
    if not sign or name not in FIGURES:
        raise ValueError(
            f"{given!r} names no figure that can be held; write NAME=VALUE with one of {', '.join(FIGURES)}"
        )
    return name, read_share(number, given)


def read_share(number: str, given: str) -> float:
    """A number from 0 to 1. Raises `ValueError` with a sentence that quotes `given`."""
    try:
        value = float(number)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ValueError(f"{given!r}: {number!r} is no number from 0 to 1; write for instance 0.8")
    return value


def hold(figures: Mapping[str, Any], limits: Iterable[tuple[str, float]]) -> list[Held]:
    """How each limit fared: a floor is met by its value or more, a ceiling by its value or less. The interval is not asked."""
    out = []
    for name, limit in limits:
        figure = FIGURES[name]
        found: Any = figures
        for step in figure.path:
            found = found.get(step, {})
        value = found.get("value")
        met = value is not None and (value >= limit if figure.floor else value <= limit)
        out.append(Held(name=name, limit=limit, floor=figure.floor, value=value, met=met))
    return out
