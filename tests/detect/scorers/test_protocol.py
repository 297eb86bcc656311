"""What holds of a model of any kind: the protocol that the pipeline relies on."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from seawall.detect.families import CONTEXTS, FAMILIES
from seawall.detect.scorer import ModelError, Scorer
from seawall.detect.scorers import Accountable, Asking, open_scorer

KINDS = ("onnx", "hf", "openai-compat")
Opened = Callable[[str], Scorer]
TEXTS = ["what a clown", "a quiet day by the sea", "I will hurt you, abuse and violent_threat", "", "clown " * 9]


@pytest.mark.parametrize("kind", KINDS)
class TestAnyKind:
    def test_it_is_a_scorer_that_accounts_for_its_faults(self, kind: str, opened: Opened) -> None:
        scorer = opened(kind)
        assert isinstance(scorer, Scorer)
        assert isinstance(scorer, Accountable)
        assert scorer.faults == {}

    def test_its_labels_are_ours_in_our_order(self, kind: str, opened: Opened) -> None:
        labels = opened(kind).labels
        assert labels == tuple(label for label in (*FAMILIES, *CONTEXTS) if label in labels)
        assert {"abuse", "violent_threat"} <= set(labels)

    def test_its_name_fits_findings_and_the_ledger(self, kind: str, opened: Opened) -> None:
        name = opened(kind).name
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,34}", name), name

    def test_one_row_a_text_and_one_column_a_label(self, kind: str, opened: Opened) -> None:
        scorer = opened(kind)
        said = scorer.judge(TEXTS)
        assert said.scores.shape == (len(TEXTS), len(scorer.labels))
        assert said.scores.dtype == np.float64
        assert np.isfinite(said.scores).all()
        assert said.degraded.dtype == np.bool_
        assert said.degraded.tolist() == [False] * len(TEXTS)

    def test_no_texts_is_no_trouble(self, kind: str, opened: Opened) -> None:
        scorer = opened(kind)
        said = scorer.judge([])
        assert said.scores.shape == (0, len(scorer.labels))
        assert said.degraded.shape == (0,)

    def test_neighbours_change_nothing(self, kind: str, opened: Opened) -> None:
        scorer = opened(kind)
        together = scorer.judge(TEXTS).scores
        alone = np.vstack([scorer.judge([text]).scores for text in TEXTS])
        backwards = scorer.judge(TEXTS[::-1]).scores[::-1]
        assert np.array_equal(together, alone)
        assert np.array_equal(together, backwards)

    def test_scores_rise_with_harm(self, kind: str, opened: Opened) -> None:
        scorer = opened(kind)
        abuse = scorer.labels.index("abuse")
        harsh, calm = scorer.judge(["a clown, and abuse", "the sea"]).scores[:, abuse]
        assert harsh > 0 > calm

    @pytest.mark.parametrize(
        "text",
        ["\ud83d alone", "\x00\x01", "x" * 70_000, "\u202e\u2028\u0085", "<|im_end|>", "a " * 9000, "\U0001f600" * 50],
    )
    def test_any_string_is_a_text(self, kind: str, opened: Opened, text: str) -> None:
        said = opened(kind).judge([text, "a clown"])
        assert not said.degraded.any()
        assert np.isfinite(said.scores).all()


@pytest.mark.parametrize("uri", ["", "onnx", "onnx:", "http://127.0.0.1/v1", "torch:/models", "clown"])
def test_what_is_no_uri_is_told_how_one_is_written(uri: str) -> None:
    with pytest.raises(
        ModelError, match=r"begins no URI of a model; write onnx:PATH .*; or hf:PATH .*; or openai-compat:URL#MODEL"
    ):
        open_scorer(uri)


def test_a_key_in_what_is_no_uri_is_not_repeated() -> None:
    with pytest.raises(ModelError) as told:
        open_scorer("https://user:sk-verysecret@model.example/v1")
    assert "verysecret" not in str(told.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("concurrency", 0),
        ("concurrency", 65),
        ("timeout", 0),
        ("retries", -1),
        ("rest", -1),
        ("text_bytes", 9),
        ("deadline", 1),
    ],
)
def test_bounds_that_make_no_sense_are_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        Asking(**{field: value})  # type: ignore[arg-type]
