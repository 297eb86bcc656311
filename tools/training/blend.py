"""From raw scores to decisions: blend the models, calibrate, choose thresholds by their cost, and teach the gate."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from seawall.detect.bundle import Blend
from seawall.detect.calibration import platt
from seawall.detect.families import FAMILIES
from seawall.detect.gate import GATES, SELF_HARM_FAMILIES
from training.rows import LABELS, Rows

BACKGROUND_SETS = ("goemotions_bg", "tweets_bg")
#: The neighbours of these families are these harmless posts of public sets: those of the suite are too few and too easy.
NEIGHBOURS_OF = {"health_misinformation": ("counters_misinfo",)}
#: The suite's rows are few beside the public sets', and nearer to what is asked: they weigh so much more.
SUITE_LIFT = 3.0
#: The share of what the ensemble flags that a gate may lose.
GATE_LOSS = 0.02
GATE_STRICTNESS = 2.0


def read_costs(path: Path) -> dict[str, Any]:
    """What the code of practice says that mistakes cost (see its file flagging.yaml)."""
    held: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))["costs"]
    return held


def dev_weights(rows: Rows, dev: np.ndarray) -> np.ndarray:
    """How much each development row counts for each label."""
    weight = np.minimum(np.stack(rows.weight)[dev], 1.0).astype(np.float64)
    weight[np.array(rows.source)[dev] == "suite"] *= SUITE_LIFT
    return weight


def calibrated(scores: np.ndarray, truth: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Slope and offset of every label, (labels, 2)."""
    out = np.zeros((scores.shape[1], 2))
    for column in range(scores.shape[1]):
        used = weight[:, column] > 0
        out[column] = platt(scores[used, column], truth[used, column], weight[used, column])
    return out


def average(
    first: np.ndarray, second: np.ndarray, truth: np.ndarray, weight: np.ndarray, share: float = 0.5
) -> np.ndarray:
    """The blend of two models: each calibrated, their log-odds averaged, the average calibrated again.

    The answer is (labels, 3): the weight of either model's raw scores, then the offset. `share` is the first model's.
    """
    one, two = calibrated(first, truth, weight), calibrated(second, truth, weight)
    mean = share * (first * one[:, 0] + one[:, 1]) + (1 - share) * (second * two[:, 0] + two[:, 1])
    last = calibrated(mean, truth, weight)
    return np.column_stack(
        [
            last[:, 0] * share * one[:, 0],
            last[:, 0] * (1 - share) * two[:, 0],
            last[:, 0] * (share * one[:, 1] + (1 - share) * two[:, 1]) + last[:, 1],
        ]
    )


def as_blend(table: np.ndarray) -> Blend:
    return Blend(table[:, :-1].T.copy(), table[:, -1].copy())


def as_json(table: np.ndarray) -> dict[str, list[float]]:
    return {label: [round(float(value), 6) for value in row] for label, row in zip(LABELS, table, strict=True)}


def thresholds(
    chance: np.ndarray, truth: np.ndarray, weight: np.ndarray, rows: Rows, dev: np.ndarray, costs: Mapping[str, Any]
) -> dict[str, float]:
    """The threshold of each family that costs least.

    Of what comes in, `harmful_share` is taken to hold the family, `neighbour_share` to be its harmless neighbours (news,
    mourning, debunking and so on) and the rest to be ordinary posts. A missed post costs `miss`, a flagged neighbour
    `neighbour` and a flagged ordinary post 1. No family may flag more than `most_ordinary` of ordinary posts.
    """
    source, kind = np.array(rows.source)[dev], np.array(rows.kind)[dev]
    ordinary = np.isin(source, BACKGROUND_SETS)
    out = {}
    for column, family in enumerate(FAMILIES):
        cost = costs["families"][family]
        judged = weight[:, column] > 0
        # The suite says what the code of practice means by a family; the public sets each mean something of their own.
        harmful = judged & truth[:, column] & (source == "suite")
        theirs = np.isin(kind, NEIGHBOURS_OF[family]) if family in NEIGHBOURS_OF else source == "suite"
        near = judged & ~truth[:, column] & theirs
        places = np.unique(np.round(chance[harmful | near, column], 3))
        best = (np.inf, 1.0)
        for place in places[(places > 0.02) & (places < 0.98)]:
            said = chance[:, column] >= place
            false = said[ordinary].mean()
            if false > costs["most_ordinary"]:
                continue
            missed = np.average(~said[harmful], weights=weight[harmful, column])
            wrong = np.average(said[near], weights=weight[near, column])
            price = (
                costs["harmful_share"] * cost["miss"] * missed
                + costs["neighbour_share"] * cost["neighbour"] * wrong
                + (1 - costs["harmful_share"] - costs["neighbour_share"]) * false
            )
            best = min(best, (price, float(place)))
        out[family] = round(best[1], 3)
    return out


def gate_targets(chance: np.ndarray, marks: Mapping[str, float]) -> np.ndarray:
    """What the ensemble says of each text, per gate: how near its likeliest family is to being flagged, 0 to 1."""
    ratio = np.column_stack([chance[:, at] / marks[family] for at, family in enumerate(FAMILIES)])
    self_harm = [FAMILIES.index(family) for family in SELF_HARM_FAMILIES]
    others = [at for at in range(len(FAMILIES)) if at not in self_harm]
    return np.column_stack([ratio[:, others].max(axis=1), ratio[:, self_harm].max(axis=1)])


def teach_gates(features: sparse.csr_matrix, near: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (rows of features x gates) and biases that tell which texts the ensemble would flag.

    `near` is what `gate_targets` gives. Every text stands twice, once as each answer, weighed by how near it comes.
    """
    columns, biases = [], []
    both = sparse.vstack([features, features]).tocsr()
    for column in range(len(GATES)):
        share = np.clip(near[:, column], 0.0, 1.0) ** 2
        model = LogisticRegression(C=GATE_STRICTNESS, solver="lbfgs", max_iter=60)
        lift = 8.0
        model.fit(
            both,
            np.concatenate([np.ones(len(share), bool), np.zeros(len(share), bool)]),
            sample_weight=np.concatenate([weight * share * lift, weight * (1 - share)]) + 1e-6,
        )
        columns.append(model.coef_[0].astype(np.float32))
        biases.append(float(model.intercept_[0]))
    return np.column_stack(columns), np.array(biases, np.float32)


def gate_bars(scores: np.ndarray, near: np.ndarray) -> dict[str, dict[str, float]]:
    """The bars of the gates, on texts that they were not taught with. A text with `near` of 1 or more is flagged."""
    harm, self_harm = (scores[near[:, at] >= 1.0, at] for at in range(len(GATES)))
    return {
        "harm": {"bar": round(float(np.quantile(harm, GATE_LOSS)), 4)},
        "self_harm": {
            "strict": round(float(self_harm.min()) - 0.05, 4),
            "loose": round(float(np.quantile(self_harm, GATE_LOSS)), 4),
        },
    }
