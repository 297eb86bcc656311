"""`onnx:` a real ONNX file runs with its tokenizer; whatever does not fit is told when it is opened."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.small_models import FLOAT, INT32, small_model, write_onnx, write_tokenizer

from seawall.detect.scorer import ModelError
from seawall.detect.scorers import open_scorer
from seawall.detect.scorers.columns import Columns
from seawall.detect.scorers.local import LocalScorer, named

WORDS = {"clown": (4.0, 0.5, 0.0), "hurt": (1.0, 5.0, 0.0), "news": (0.0, -1.0, 3.0), "first": (1.0, 0.0, 0.0)}
BIAS = (-3.0, -4.0, -2.0)
LABELS = ["abuse", "violent_threat", "news"]


def make(folder: Path, **changes: Any) -> Path:
    return small_model(folder, **{"words": WORDS, "bias": BIAS, "labels": LABELS, **changes})


def test_scores_are_the_model_s_own_log_odds(tmp_path: Path) -> None:
    scorer = open_scorer(f"onnx:{make(tmp_path / 'm')}")
    assert scorer.labels == ("violent_threat", "abuse", "news")
    said = scorer.judge(["clown", "hurt the clown", "news"])
    assert said.scores.tolist() == [[-3.5, 1, -2], [1.5, 2, -2], [-5, -3, 1]]


@pytest.mark.parametrize(
    "inputs", [("ids", "mask"), ("input_ids", "attention_mask"), ("input_ids", "attention_mask", "token_type_ids")]
)
def test_inputs_may_have_either_pair_of_names(tmp_path: Path, inputs: tuple[str, ...]) -> None:
    scorer = open_scorer(f"onnx:{make(tmp_path / 'm', inputs=inputs)}")
    assert scorer.judge(["clown"]).scores[0, 1] == 1


def test_narrow_numbers_are_given_as_the_model_wants_them(tmp_path: Path) -> None:
    folder = make(tmp_path / "m")
    write_onnx(folder / "model.onnx", np.ones((8, 3), np.float32), BIAS, kind=INT32)
    assert open_scorer(f"onnx:{folder}").judge(["clown"]).scores.tolist() == [[-1, 0, 1]]


def test_the_file_may_be_named_itself(tmp_path: Path) -> None:
    folder = make(tmp_path / "m", file="threats-2.onnx")
    by_file, by_folder = open_scorer(f"onnx:{folder / 'threats-2.onnx'}"), open_scorer(f"onnx:{folder}")
    assert by_file.name == by_folder.name
    assert by_file.name.startswith("threats-2:")


def test_the_name_pins_weights_tokenizer_and_labels(tmp_path: Path) -> None:
    first = open_scorer(f"onnx:{make(tmp_path / 'mine')}").name
    assert first.startswith("mine:")
    names = {first}
    for at, change in enumerate(
        ({"bias": (-3.0, -4.0, -2.5)}, {"labels": ["abuse", None, "news"]}, {"words": {**WORDS, "z": BIAS}})
    ):
        names.add(open_scorer(f"onnx:{make(tmp_path / str(at) / 'mine', **change)}").name)
    assert len(names) == 4
    shutil.copytree(tmp_path / "mine", tmp_path / "elsewhere" / "mine")
    assert open_scorer(f"onnx:{tmp_path / 'elsewhere' / 'mine'}").name == first


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("gpt-oss-safeguard-20b", "gpt-oss-safeguard-20b:0123456789"),
        ("Our Model (final) v2", "Our-Model-final-v2:0123456789"),
        ("..", "model:0123456789"),
        ("a" * 50, f"{'a' * 24}:0123456789"),
    ],
)
def test_names_are_made_plain(stem: str, name: str) -> None:
    assert named(stem, "0123456789abcdef") == name


def test_text_is_normalised_unless_the_labels_file_says_raw(tmp_path: Path) -> None:
    disguised = "c\u200bl\u200bo\u200bw\u200bn"
    plain = open_scorer(f"onnx:{make(tmp_path / 'a')}")
    raw = open_scorer(f"onnx:{make(tmp_path / 'b', text='raw')}")
    assert plain.judge([disguised]).scores[0, 1] == 1
    assert raw.judge([disguised]).scores[0, 1] == -3


def test_of_a_long_text_the_beginning_and_the_end_are_read(tmp_path: Path) -> None:
    for text in ("raw", "normalised"):
        scorer = open_scorer(f"onnx:{make(tmp_path / text, text=text, max_tokens=14)}")
        many = "calm " * 50
        at = scorer.judge([f"clown {many}", f"{many} clown", f"{many} clown {many}"]).scores[:, 1]
        assert at.tolist() == [1, 1, -3]


def test_a_model_that_takes_one_length_alone_is_refused(tmp_path: Path) -> None:
    folder = make(tmp_path / "m", max_tokens=16)
    write_onnx(folder / "model.onnx", np.ones((8, 3), np.float32), BIAS, positions=16)
    with pytest.raises(ModelError, match=r"model\.onnx: the model fails on a short text"):
        open_scorer(f"onnx:{folder}")


def test_one_probability_shared_by_columns_becomes_log_odds_against_the_rest(tmp_path: Path) -> None:
    scorer = open_scorer(f"onnx:{make(tmp_path / 'm', labels=['abuse', 'hate', None], activation='softmax')}")
    row = np.array([4.0 - 3, 0.5 - 4, -2.0])
    shares = np.exp(row) / np.exp(row).sum()
    said = 1 / (1 + np.exp(-scorer.judge(["clown"]).scores[0]))
    assert scorer.labels == ("abuse", "hate")
    assert np.allclose(said, shares[:2], atol=1e-6)


def test_several_columns_may_speak_for_one_label() -> None:
    row = np.array([1.0, 3.0, 0.0])
    assert Columns(("abuse",), ((0, 1),), 3, "sigmoid").odds(row).tolist() == [3.0]
    shares = np.exp(row) / np.exp(row).sum()
    said = Columns(("abuse",), ((0, 1),), 3, "softmax").odds(row)[0]
    assert np.isclose(1 / (1 + np.exp(-said)), shares[0] + shares[1])


def test_what_is_no_number_is_degraded_and_the_others_are_right(tmp_path: Path) -> None:
    scorer = open_scorer(f"onnx:{make(tmp_path / 'm', words={**WORDS, 'odd': (np.nan, 0, 0), 'vast': (0, 3e38, 0)})}")
    said = scorer.judge(["clown", "odd", "news", "vast vast"])
    assert said.degraded.tolist() == [False, True, False, True]
    assert np.isnan(said.scores[said.degraded]).all()
    assert said.scores[0].tolist() == [-3.5, 1, -2]
    assert isinstance(scorer, LocalScorer)
    assert scorer.faults == {"the model said what is no number": 2}


def test_a_failure_on_one_text_degrades_that_text_alone(tmp_path: Path) -> None:
    scorer = open_scorer(f"onnx:{make(tmp_path / 'm')}")
    assert isinstance(scorer, LocalScorer)
    right = scorer._engine

    def fails_on_four(pieces: list[int]) -> Any:
        if len(pieces) == 4:
            raise RuntimeError("out of memory")
        return right(pieces)

    scorer._engine = fails_on_four
    said = scorer.judge(["clown", "a clown", "clown"])
    assert said.degraded.tolist() == [False, True, False]
    assert scorer.faults == {"the model failed on the text": 1}


# What is wrong with the files is told when they are opened: which file, what, and what to do.


def drop(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def write(name: str, content: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(content)


def labels(**held: object) -> Callable[[Path], object]:
    return write("labels.json", json.dumps(held))


def other(**changed: Any) -> Callable[[Path], object]:
    return lambda folder: write_onnx(folder / "model.onnx", np.ones((8, 3), np.float32), BIAS, **changed)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (drop("model.onnx"), r"m: needs one \.onnx file, or model\.onnx among several \(found: none\)"),
        (drop("labels.json"), r"labels\.json: there is no such file; write one, for instance"),
        (drop("tokenizer.json"), r"tokenizer\.json: there is no such file; put the model's fast tokenizer there"),
        (write("labels.json", "{"), r"labels\.json: cannot be read as JSON"),
        (write("labels.json", "[" * 100_000), r"labels\.json: cannot be read as JSON"),
        (write("labels.json", " " * 2_000_000), r"labels\.json: .*larger than 1024 KiB"),
        (write("labels.json", "[]"), r"labels\.json: holds no JSON object"),
        (labels(labels=[]), r"labels\.json: labels: must list"),
        (labels(labels=LABELS, lables=1), r"labels\.json: lables: is not a field"),
        (
            labels(labels=["abuse", "rudeness", None]),
            r"labels\.json: labels\[1\]: 'rudeness' is not one of suicide_self_harm",
        ),
        (labels(labels=["abuse", 3, None]), r"labels\.json: labels\[1\]: 3 is not one of"),
        (labels(labels=[None, None, None]), r"labels\.json: labels: no column has a label of ours"),
        (labels(labels={"a": "abuse"}), r"labels\.json: labels: must be a list"),
        (labels(labels=["abuse"]), r"gives outputs of shape \(3,\) a text, where labels were told for 1 columns"),
        (labels(labels=LABELS, activation="relu"), r"labels\.json: activation: 'relu' is neither"),
        (labels(labels=LABELS, text="stemmed"), r"labels\.json: text: 'stemmed' is neither"),
        (labels(labels=LABELS, max_tokens=True), r"labels\.json: max_tokens: True is not a whole number"),
        (labels(labels=LABELS, max_tokens=5), r"labels\.json: max_tokens: 5 is not a whole number from 8 to 8192"),
        (
            labels(labels=["abuse"] * 3, activation="softmax"),
            r"labels\.json: labels: with softmax a label needs a column",
        ),
        (write("tokenizer.json", "{}"), r"tokenizer\.json: not a tokenizer"),
        (write("model.onnx", "nonsense"), r"model\.onnx: not a usable ONNX file"),
        (
            other(inputs=("words", "attention_mask")),
            r"model\.onnx: has the inputs words, attention_mask, where input_ids",
        ),
        (other(inputs=("ids", "mask", "pixels")), r"model\.onnx: has the inputs ids, mask, pixels"),
        (
            other(kind=FLOAT, inputs=("ids", "mask")),
            r"model\.onnx: (not a usable ONNX file|the input ids is tensor\(float\))",
        ),
        (other(output="last_hidden_state"), r"model\.onnx: has the outputs last_hidden_state, where logits is needed"),
        (
            lambda folder: write_tokenizer(folder / "tokenizer.json", [f"word{at}" for at in range(50)]),
            r"model\.onnx: the model fails on a text of 512 word pieces",
        ),
        (lambda folder: write_onnx(folder / "b.onnx", np.ones((8, 3), np.float32), BIAS), None),
    ],
)
def test_what_does_not_fit_is_told_at_once(tmp_path: Path, spoil: Callable[[Path], object], told: str | None) -> None:
    folder = make(tmp_path / "m")
    spoil(folder)
    if told is None:
        assert open_scorer(f"onnx:{folder}").name.startswith("m:")
        return
    with pytest.raises(ModelError, match=told):
        open_scorer(f"onnx:{folder}")


def test_a_path_that_is_not_there_is_told() -> None:
    with pytest.raises(ModelError, match=r"nowhere: there is no such file or folder; check the path after onnx:"):
        open_scorer("onnx:/nowhere")
