"""The measures against their definitions, worked out the slow way."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.detect import measure

ROWS = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=40).filter(
    lambda rows: len({truth for truth, _ in rows}) == 2
)


def split(rows: list[tuple[bool, int]]) -> tuple[measure.Truth, measure.Scores]:
    return np.array([truth for truth, _ in rows]), np.array([score for _, score in rows], np.float64)


@given(ROWS)
def test_auroc_is_the_chance_of_the_right_order(rows: list[tuple[bool, int]]) -> None:
    pairs = [(a > b) + (a == b) / 2 for t, a in rows if t for u, b in rows if not u]
    assert measure.auroc(*split(rows)) == pytest.approx(sum(pairs) / len(pairs))


@given(ROWS)
def test_average_precision_sums_precision_over_gains_in_recall(rows: list[tuple[bool, int]]) -> None:
    positives = sum(truth for truth, _ in rows)
    total = found_before = 0.0
    for cut in sorted({score for _, score in rows}, reverse=True):
        flagged = [truth for truth, score in rows if score >= cut]
        total += (sum(flagged) - found_before) / positives * sum(flagged) / len(flagged)
        found_before = sum(flagged)
    assert measure.average_precision(*split(rows)) == pytest.approx(total)


@given(ROWS, st.sampled_from([0.01, 0.2, 0.5]))
def test_recall_at_fpr_keeps_to_the_rate(rows: list[tuple[bool, int]], rate: float) -> None:
    best = 0.0
    for cut in {score for _, score in rows}:
        wrong = [score >= cut for truth, score in rows if not truth]
        right = [score >= cut for truth, score in rows if truth]
        if sum(wrong) <= rate * len(wrong):
            best = max(best, sum(right) / len(right))
    assert measure.recall_at_fpr(*split(rows), rate) == pytest.approx(best)


@given(ROWS)
def test_no_threshold_beats_the_best_f1(rows: list[tuple[bool, int]]) -> None:
    truth, scores = split(rows)
    best = measure.f1(truth, scores >= measure.best_f1_threshold(truth, scores))
    assert best == pytest.approx(max(measure.f1(truth, scores >= cut) for cut in scores))


def test_what_cannot_be_measured_is_not_a_number() -> None:
    none, some = np.zeros(3, bool), np.ones(3, bool)
    scores = np.arange(3.0)
    assert math.isnan(measure.average_precision(none, scores))
    assert math.isnan(measure.auroc(none, scores))
    assert math.isnan(measure.auroc(some, scores))
    assert math.isnan(measure.recall_at_fpr(some, scores))
    assert measure.f1(none, some) == 0.0


def test_the_interval_holds_the_value_and_is_the_same_each_time() -> None:
    generator = np.random.default_rng(3)
    truth = generator.random(400) < 0.3
    scores = generator.normal(size=400) + truth
    low, high = measure.interval(measure.auroc, truth, scores, seed=1, rounds=100)
    assert low < measure.auroc(truth, scores) < high
    assert (low, high) == measure.interval(measure.auroc, truth, scores, seed=1, rounds=100)
