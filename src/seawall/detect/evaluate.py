"""The project's own labelled posts, and the figures of a detector on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson

from seawall.detect import measure
from seawall.detect.measure import Scores, Truth
from seawall.detect.pipeline import DECIMALS, Detector

OWN_POSTS: Final = Path(__file__).parent / "training" / "own_posts.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPost:
    """A post written for this project, judged for every family and every context. `split` is train or test."""

    id: str
    text: str
    families: tuple[str, ...]
    context: tuple[str, ...]
    split: str


def own_posts(split: str | None = None) -> Iterator[OwnPost]:
    """The shipped own posts, all or those of one split."""
    for line in OWN_POSTS.read_bytes().splitlines():
        row = orjson.loads(line)
        if split in (None, row["split"]):
            yield OwnPost(
                id=row["id"],
                text=row["text"],
                families=tuple(row["families"]),
                context=tuple(row["context"]),
                split=row["split"],
            )


def figures(truth: Truth, scores: Scores, threshold: float, *, seed: int, rounds: int = 200) -> dict[str, Any]:
    """What a label's scores are worth: average precision, AUROC, F1 and so on, and the counts they rest on.

    F1, precision and recall are at `threshold`. Figures that are lists stand beside their 95 % bootstrap interval.
    """
    flagged = scores >= threshold
    found = int((truth & flagged).sum())
    out: dict[str, Any] = {"n": len(truth), "positives": int(truth.sum())}
    measures: dict[str, Callable[[Truth, Scores], float]] = {
        "ap": measure.average_precision,
        "auroc": measure.auroc,
        "f1": lambda truth, scores: measure.f1(truth, scores >= threshold),
        "recall_at_1_percent_fpr": measure.recall_at_fpr,
    }
    for name, function in measures.items():
        value = function(truth, scores)
        if np.isnan(value):
            continue
        low, high = measure.interval(function, truth, scores, seed=seed, rounds=rounds)
        out[name] = [round(value, 3), round(low, 3), round(high, 3)]
    out["precision"] = round(found / int(flagged.sum()), 3) if flagged.any() else None
    out["recall"] = round(found / int(truth.sum()), 3) if truth.any() else None
    return out


def own_figures(detector: Detector) -> dict[str, Any]:
    """Figures on the test split of the own posts: families, contexts, and how often a protected context is flagged."""
    posts = list(own_posts("test"))
    odds = np.round(detector.probabilities([post.text for post in posts]), DECIMALS)
    # Bare phrases were added after the first posts had been measured, so the first posts are also told alone.
    first = np.array([not post.id.startswith("core-") for post in posts])
    families: dict[str, Any] = {}
    first_families: dict[str, Any] = {}
    for column, family in enumerate(detector.families):
        truth = np.array([family in post.families for post in posts])
        if truth.any():
            threshold = detector.thresholds[family]
            families[family] = figures(truth, odds[:, column], threshold, seed=1)
            first_families[family] = figures(truth[first], odds[first, column], threshold, seed=1)
    contexts: dict[str, Any] = {}
    for column, context in enumerate(detector.contexts, start=len(detector.families)):
        truth = np.array([context in post.context for post in posts])
        contexts[context] = figures(truth, odds[:, column], 0.5, seed=1)
    flags = [finding.flags for finding in detector.assess([post.text for post in posts])]
    protected: dict[str, Any] = {}
    for context in (*detector.contexts, "none"):
        mine = [
            given
            for post, given in zip(posts, flags, strict=True)
            if not post.families and (context in post.context or (context == "none" and not post.context))
        ]
        names = sorted(name for given in mine for name in given)
        protected[context] = {
            "n": len(mine),
            "flagged": sum(bool(given) for given in mine),
            "by_family": {name: names.count(name) for name in names},
        }
    return {"families": families, "first_posts": first_families, "contexts": contexts, "harmless": protected}
