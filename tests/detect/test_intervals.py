"""Wilson's interval against published values, weighted measures against repeated rows, and the bootstrap over pairs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.detect import intervals, measure
from seawall.detect.intervals import Draws, Ranking, Z, rate, wilson

ROWS = st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 3)), min_size=2, max_size=40)
COUNTS = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_values(count: int, n: int, low: float, high: float) -> None:
    assert wilson(count, n) == pytest.approx((low, high), abs=5e-5)


@given(COUNTS)
def test_wilson_ends_where_the_share_is_just_as_far_as_chance_goes(counts: tuple[int, int]) -> None:
    count, n = counts
    low, high = wilson(count, n)
    assert 0 <= low <= count / n <= high <= 1
    for bound in (low, high):
        assert abs(count / n - bound) == pytest.approx(Z * math.sqrt(bound * (1 - bound) / n), abs=1e-9)
    assert wilson(n - count, n) == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize(("count", "n"), [(0, 0), (2, 1), (-1, 3)])
def test_what_is_no_rate_is_refused(count: int, n: int) -> None:
    with pytest.raises(ValueError, match="is no rate"):
        wilson(count, n)


def test_a_rate_counts_only_the_rows_it_is_about() -> None:
    hits, among = np.array([True, True, False, False]), np.array([True, False, True, True])
    found = rate(hits, among)
    assert (found["n"], found["count"], found["value"]) == (3, 1, 0.333333)
    assert (found["low"], found["high"]) == pytest.approx(wilson(1, 3), abs=1e-6)
    assert rate(hits, np.zeros(4, bool)) == {"n": 0, "count": 0, "value": None, "low": None, "high": None}


@given(ROWS)
def test_a_weighted_measure_is_the_measure_of_rows_told_so_often(rows: list[tuple[bool, int, int]]) -> None:
    truth, scores = np.array([row[0] for row in rows]), np.array([row[1] for row in rows], np.float64)
    times = np.array([row[2] for row in rows])
    again, flagged = np.repeat(np.arange(len(rows)), times), scores >= 3
    ranking, weights = Ranking(truth, scores), times.astype(np.float64)

    def same(one: float, other: float) -> bool:
        return (math.isnan(one) and math.isnan(other)) or one == pytest.approx(other)

    assert same(ranking.auroc(weights), measure.auroc(truth[again], scores[again]))
    assert same(ranking.average_precision(weights), measure.average_precision(truth[again], scores[again]))
    if truth[again].any():
        assert intervals.f1(truth, flagged)(weights) == pytest.approx(measure.f1(truth[again], flagged[again]))


def test_macro_f1_is_the_mean_over_both_answers() -> None:
    truth, flagged = np.array([1, 1, 1, 0, 0], bool), np.array([1, 1, 0, 1, 0], bool)
    # yes: precision 2/3, recall 2/3, F1 2/3; no: precision 1/2, recall 1/2, F1 1/2
    assert intervals.macro_f1(truth, flagged)(np.ones(5)) == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert math.isnan(intervals.macro_f1(np.ones(3, bool), np.ones(3, bool))(np.ones(3)))


def sample(rows: int) -> tuple[measure.Truth, measure.Scores]:
    generator = np.random.default_rng(5)
    truth = generator.random(rows) < 0.4
    return truth, generator.normal(size=rows) + truth


def test_rows_that_hang_together_add_no_certainty() -> None:
    truth, scores = sample(120)
    names = [f"p{at:03}" for at in range(120)]
    once = Draws(names, seed=1).interval(Ranking(truth, scores).auroc, np.arange(120))
    four = Draws(names * 4, seed=1).interval(Ranking(np.tile(truth, 4), np.tile(scores, 4)).auroc, np.arange(480))
    apart = [f"q{at:03}" for at in range(480)]
    free = Draws(apart, seed=1).interval(Ranking(np.tile(truth, 4), np.tile(scores, 4)).auroc, np.arange(480))
    assert once == four
    assert once[0] is not None
    assert once[1] is not None
    assert free[0] is not None
    assert free[1] is not None
    assert free[1] - free[0] < 0.7 * (once[1] - once[0])


def test_an_estimate_lies_in_its_interval_and_is_the_same_each_time() -> None:
    truth, scores = sample(200)
    names = [str(at // 2) for at in range(200)]
    found = Draws(names, seed=3).estimate(Ranking(truth, scores).auroc, np.arange(200))
    assert found["low"] < found["value"] < found["high"]
    assert found["value"] == round(measure.auroc(truth, scores), 6)
    assert found == Draws(names, seed=3).estimate(Ranking(truth, scores).auroc, np.arange(200))
    assert found != Draws(names, seed=4).estimate(Ranking(truth, scores).auroc, np.arange(200))


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """The mean of 60 pairs of like cases, 150 times over: 95 % intervals hold the true mean in nearly 95 % of them."""
    generator = np.random.default_rng(11)
    held = 0
    for _ in range(150):
        values = np.repeat(generator.random(60) < 0.5, 3)

        def mean(weights: intervals.Weights, values: measure.Truth = values) -> float:
            return float(weights @ values / weights.sum())

        low, high = Draws([str(at // 3) for at in range(180)], seed=1).interval(mean, np.arange(180))
        assert low is not None
        assert high is not None
        held += low <= 0.5 <= high
    assert 0.88 <= held / 150 <= 0.99


def test_one_pair_alone_has_no_interval_and_nothing_measured_has_no_value() -> None:
    truth, scores = sample(10)
    assert Draws(["a"] * 10, seed=1).interval(Ranking(truth, scores).auroc, np.arange(10)) == (None, None)
    nothing = Draws([], seed=1).estimate(Ranking(truth[:0], scores[:0]).auroc, np.arange(0))
    assert nothing == {"n": 0, "value": None, "low": None, "high": None}
    positives = Draws(list("abc"), seed=1).estimate(Ranking(np.ones(3, bool), scores[:3]).auroc, np.arange(3))
    assert positives == {"n": 3, "value": None, "low": None, "high": None}
