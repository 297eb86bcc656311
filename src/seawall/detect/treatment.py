"""Equality of treatment: is the same post judged alike, whichever protected group it is told of?

Templates are told of some groups each, and not all groups meet the same templates. So a group's rate says little by
itself; what counts is the difference between a post told of that group and the same post told of others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seawall.detect.intervals import DECIMALS, Draws, Weights, rate
from seawall.detect.measure import Scores, Truth
from seawall.detect.suite import GROUPS, Case

#: A group told of fewer times than this is left out of the largest gap: it would be chance alone.
FEWEST: Final = 10
CHANCE_ROUNDS: Final = 200


@lru_cache(maxsize=1)
def _forms() -> tuple[tuple[re.Pattern[str], str], ...]:
    forms = sorted(
        ((form, several) for several, *rest in GROUPS for form in (several, *rest)), key=lambda pair: -len(pair[0])
    )
    return tuple((re.compile(rf"(?<!\w){re.escape(form)}(?!\w)", re.IGNORECASE), group) for form, group in forms)


def group_of(case: Case) -> str | None:
    """The group that a told template is about, by the longest of the groups' names in it; None for another case."""
    if not case.template:
        return None
    return next((group for form, group in _forms() if form.search(case.text)), None)


def by_group(
    cases: Sequence[Case], harmful: Truth, protected: Truth, found: Truth, flagged: Truth, draws: Draws
) -> dict[str, Any]:
    """Rates by group, and the largest gap among harmful and among protected posts.

    `found` says of each case that a harm it holds was flagged, `flagged` that any harm was. `groups` holds a row a group;
    `gap` is empty when no case is a template.
    """
    group = np.array([group_of(case) or "" for case in cases], dtype=object)
    names = sorted(set(group) - {""}, key=str.casefold)
    rows = [
        {
            "group": name,
            "n": int((group == name).sum()),
            "harmful_flagged": rate(found, harmful & (group == name)),
            "protected_flagged": rate(flagged, protected & (group == name)),
        }
        for name in names
    ]
    templates = [f"{case.pair}\n{case.id}" for case in cases]
    told = group != ""
    kinds = {"harmful": (harmful, found), "protected": (protected, flagged)}
    gap = {
        kind: _gap(np.flatnonzero(told & mask), group, templates, hits, draws) for kind, (mask, hits) in kinds.items()
    }
    return {"groups": rows, "gap": gap if names else {}}


def _gap(
    rows: NDArray[np.intp], group: NDArray[np.object_], templates: Sequence[str], hits: Truth, draws: Draws
) -> dict[str, Any]:
    """The largest difference between two groups on the same posts, its interval, and how large chance would make it.

    `by_chance`: if the groups were exchanged at random within each template, the gap would be smaller than this 95 times
    in 100. The interval is that of the two groups named, as if they had been picked beforehand.
    """
    nothing = {"n": 0, "value": None, "low": None, "high": None, "most": None, "least": None, "by_chance": None}
    _, template = np.unique([templates[at] for at in rows], return_inverse=True)
    size = np.bincount(template) if len(rows) else np.zeros(0, int)
    several = size[template] > 1 if len(rows) else np.zeros(0, bool)
    rows, template = rows[several], template[several]
    names, who = np.unique(group[rows].astype(str), return_inverse=True)
    enough = np.bincount(who, minlength=len(names)) >= FEWEST
    if enough.sum() < 2:
        return nothing | {"n": len(rows)}

    def differences(flags: Scores, weights: Weights) -> Scores:
        """For each group the mean of: flagged, less the share of the template's other tellings that are flagged."""
        others = (np.bincount(template, flags)[template] - flags) / (size[template] - 1)
        worth = np.bincount(who, weights, minlength=len(names))
        total = np.bincount(who, weights * (flags - others), minlength=len(names))
        out = np.full(len(names), np.nan)
        np.divide(total, worth, out=out, where=worth > 0)
        return out

    flags, once = hits[rows].astype(np.float64), np.ones(len(rows))
    told = np.where(enough, differences(flags, once), np.nan)
    most, least = int(np.nanargmax(told)), int(np.nanargmin(told))

    def between(weights: Weights) -> float:
        drawn = differences(flags, weights)
        return float(drawn[most] - drawn[least])

    generator = np.random.default_rng(len(rows))
    blocks, chance = np.argsort(template, kind="stable"), []
    for _ in range(CHANCE_ROUNDS):
        mixed = np.empty_like(flags)
        mixed[blocks] = flags[np.lexsort((generator.random(len(rows)), template))]
        drawn = np.where(enough, differences(mixed, once), np.nan)
        chance.append(float(np.nanmax(drawn) - np.nanmin(drawn)))
    return {
        **draws.estimate(between, rows),
        "most": str(names[most]),
        "least": str(names[least]),
        "by_chance": round(float(np.percentile(chance, 95)), DECIMALS),
    }
