"""The fast scorer is the plain definition, whatever its caches hold, and a model file is checked before it is used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seawall.detect import linear
from seawall.detect.features import PAIR_VALUE, ROWS, START, feature_vector, pair_hash, pair_rows, token_rows
from seawall.detect.linear import Linear, ModelFile
from seawall.detect.normalise import tokens
from seawall.detect.scorer import ModelError

LABELS = 3
WEIGHTS = np.random.default_rng(5).normal(size=(ROWS, LABELS)).astype(np.float16)
BIAS = np.array([0.5, -1.0, 0.0], np.float32)
SCORER = Linear(WEIGHTS, BIAS)

TEXTS = [
    "",
    "   ",
    "hello",
    "Hello, hello! k1ll the lights \U0001f642\U0001f642",
    "one two three two one " * 30,
    "x" * 5000,
    "@ann see https://a.example/b and write to a@b.example, 12 times",
    "half a pair \ud83d is taken in stride",
    "\u043f\u0440\u0438\u0432\u0435\u0442 \u4f60\u597d\u4e16\u754c",
]


def plain(text: str) -> list[float]:
    """The definition: one multiplication a feature, one label at a time."""
    vector = feature_vector(text)
    return [
        float(BIAS[label]) + sum(value * float(WEIGHTS[row, label]) for row, value in vector.items())
        for label in range(LABELS)
    ]


@pytest.mark.parametrize("text", TEXTS, ids=[repr(text[:20]) for text in TEXTS])
def test_scores_follow_the_definition(text: str) -> None:
    assert SCORER.logits([text])[0] == pytest.approx(plain(text), abs=1e-4)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=60), min_size=1, max_size=5))
def test_scores_follow_the_definition_for_any_text(texts: list[str]) -> None:
    got = SCORER.logits(texts)
    for row, text in zip(got, texts, strict=True):
        assert row == pytest.approx(plain(text), abs=1e-4)


def test_a_score_is_the_same_alone_in_company_and_after_the_caches_were_emptied(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    many = [f"{text} {at}th word{at} pair{at % 7}" for at in range(300) for text in TEXTS]
    together = Linear(WEIGHTS, BIAS).logits(many)
    other_way = Linear(WEIGHTS, BIAS).logits(many[::-1])[::-1]
    alone = np.concatenate([SCORER.logits([text]) for text in many])
    monkeypatch.setattr(linear, "MAX_CACHED_TOKENS", 50)
    monkeypatch.setattr(linear, "MAX_BATCH_TEXTS", 7)
    forgetful = Linear(WEIGHTS, BIAS).logits(many)
    for scores in (other_way, alone, forgetful):
        assert np.array_equal(together, scores)


def test_the_caches_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "MAX_CACHED_TOKENS", 500)
    monkeypatch.setattr(linear, "MAX_CACHED_CHUNKS", 500)
    monkeypatch.setattr(linear, "MAX_BATCH_TEXTS", 10)
    scorer = Linear(WEIGHTS, BIAS)
    most = 0
    for at in range(200):
        scorer.logits([f"w{at}x{word}" for word in range(50)])
        most = max(most, *scorer.cached)
    assert 500 < most < 600


def test_long_chunks_are_not_kept() -> None:
    scorer = Linear(WEIGHTS, BIAS)
    before = scorer.cached[1]
    scorer.logits(["y" * (linear.LONGEST_CACHED_CHUNK + 1)])
    assert scorer.cached[1] == before


def test_no_texts_give_no_rows() -> None:
    assert SCORER.logits([]).shape == (0, LABELS)


@pytest.mark.parametrize("text", TEXTS, ids=[repr(text[:20]) for text in TEXTS])
def test_contributions_add_up_to_the_score(text: str) -> None:
    if not text.split():
        assert SCORER.contributions(text, 1) == []
        return
    shares = SCORER.contributions(text, 1)
    assert [text[start:end] for start, end, _ in shares] == text.split()
    # What is missing is the start mark's own share: its weight, and half of the pair that it makes.
    words = [START, *tokens(text)]
    rows, values = token_rows(START)
    own = sum(value * float(WEIGHTS[row, 1]) for row, value in zip(rows, values, strict=True))
    hashes = np.array([pair_hash(word) for word in words[:2]], np.uint32)
    pair = PAIR_VALUE * float(WEIGHTS[pair_rows(hashes[:1], hashes[1:])[0], 1]) if len(words) > 1 else 0.0
    mass = sum(value * value for word in words for value in token_rows(word)[1]) + (len(words) - 1) * PAIR_VALUE**2
    total = float(BIAS[1]) + (own + pair / 2) / mass**0.5 + sum(share for _, _, share in shares)
    assert total == pytest.approx(SCORER.logits([text])[0][1], abs=1e-4)


def test_a_model_file_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    meta: dict[str, Any] = {"format": 2, "labels": ["a", "b", "ü"]}
    linear.save(path, ModelFile(weights=WEIGHTS, bias=BIAS, meta=meta))
    back = linear.load(path)
    assert np.array_equal(back.weights, WEIGHTS)
    assert np.array_equal(back.bias, BIAS)
    assert back.meta == meta


def damaged(path: Path, case: str) -> None:
    meta: dict[str, Any] = {"format": 2, "labels": ["a", "b", "c"]}
    weights: Any = WEIGHTS
    if case == "empty":
        path.write_bytes(b"")
    elif case == "not a zip":
        path.write_bytes(b"hello" * 100)
    elif case == "cut off":
        linear.save(path, ModelFile(weights=weights[:100], bias=BIAS, meta=meta))
        path.write_bytes(path.read_bytes()[:-200])
    elif case == "pickled":
        np.savez(path, weights=np.array([{}], dtype=object), bias=BIAS, meta=np.zeros(2, np.uint8))
    elif case == "another format":
        linear.save(path, ModelFile(weights=weights[:10], bias=BIAS, meta={**meta, "format": 1}))
    elif case == "wrong shape":
        linear.save(path, ModelFile(weights=weights[:10], bias=BIAS, meta=meta))
    elif case == "no arrays":
        np.savez(path, other=BIAS)


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("absent", "there is no such model file"),
        ("empty", "not a model file"),
        ("not a zip", "not a model file"),
        ("cut off", "not a model file"),
        ("pickled", "not a model file"),
        ("no arrays", "not a model file"),
        ("another format", "not a model of format 2"),
        ("wrong shape", "do not fit 3 labels"),
    ],
)
def test_a_model_file_that_cannot_be_used_is_refused(tmp_path: Path, case: str, words: str) -> None:
    path = tmp_path / "m.npz"
    damaged(path, case)
    with pytest.raises(ModelError, match=words) as raised:
        linear.load(path)
    assert str(raised.value).startswith(str(path))
    assert "tools/train.py" in str(raised.value)
