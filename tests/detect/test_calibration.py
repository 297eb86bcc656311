"""Calibration gives back known slopes, is monotone, and its error measures agree with counting by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seawall.detect.calibration import BINS, Calibration, expected_calibration_error, platt, reliability, stack
from seawall.detect.scorer import ModelError


def made(slope: float, offset: float, count: int = 40_000) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(3)
    scores = generator.normal(0, 2, count)
    truth = generator.random(count) < 1 / (1 + np.exp(-(slope * scores + offset)))
    return scores, truth


@pytest.mark.parametrize(("slope", "offset"), [(1.0, 0.0), (0.5, -2.0), (2.5, 1.0)])
def test_platt_finds_the_slope_and_offset_that_made_the_answers(slope: float, offset: float) -> None:
    found = platt(*made(slope, offset))
    assert found == (pytest.approx(slope, abs=0.08), pytest.approx(offset, abs=0.08))


def test_weights_count_like_repeated_rows() -> None:
    scores, truth = made(1.0, -1.0, 400)
    weight = np.where(np.arange(400) % 2, 2.0, 1.0)
    twice = np.repeat(np.arange(400), weight.astype(int))
    assert platt(scores, truth, weight) == pytest.approx(platt(scores[twice], truth[twice]), abs=0.02)


def test_calibration_needs_both_answers() -> None:
    with pytest.raises(ValueError, match="both answers"):
        platt(np.zeros(3), np.ones(3, bool))


def test_stacking_trusts_the_scorer_that_knows() -> None:
    scores, truth = made(1.0, 0.0, 5000)
    noise = np.random.default_rng(5).normal(0, 2, 5000)
    weights = stack(np.column_stack([scores, noise]), truth)
    assert weights[0] > 0.8
    assert abs(weights[1]) < 0.1


def test_error_and_diagram_by_hand() -> None:
    chance = np.array([0.05, 0.05, 0.95, 0.95])
    truth = np.array([False, True, True, True])
    assert expected_calibration_error(truth, chance) == pytest.approx((2 * abs(0.5 - 0.05) + 2 * abs(1 - 0.95)) / 4)
    first, last = reliability(truth, chance)
    assert (first.count, first.true, last.true) == (2, 0.5, 1.0)
    assert (first.low, last.high) == (0.0, 1.0)


def test_perfect_calibration_has_little_error_and_every_bin_its_share() -> None:
    chance = np.random.default_rng(1).random(50_000)
    truth = np.random.default_rng(2).random(50_000) < chance
    assert expected_calibration_error(truth, chance) < 0.02
    assert len(reliability(truth, chance)) == BINS


def test_a_calibration_survives_its_file_and_rubbish_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    Calibration({"hate": (1.5, -0.25)}).save(path, {"model": "own"})
    held = Calibration.read(path)
    assert held.odds("hate", np.array([2.0])).tolist() == [2.75]
    assert held.odds("abuse", np.array([2.0])).tolist() == [2.0]
    assert held.fits("own", path) is held
    with pytest.raises(ModelError, match="made for own, and the model is another"):
        held.fits("another", path)
    path.write_text("[]")
    with pytest.raises(ModelError, match="seawall calibrate"):
        Calibration.read(path)
    with pytest.raises(ModelError, match="absent"):
        Calibration.read(tmp_path / "absent.json")
