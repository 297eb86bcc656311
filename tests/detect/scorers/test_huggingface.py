"""`hf:` a local folder runs by its ONNX file, or by safetensors where transformers is installed; nothing is downloaded."""

from __future__ import annotations

import importlib
import json
import os
import sys
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.support.small_models import small_model

from seawall.detect.scorer import ModelError
from seawall.detect.scorers import open_scorer

WORDS = {"clown": (4.0, 0.0, 0.0), "hurt": (0.0, 5.0, 0.0)}
BIAS = (-3.0, -4.0, 0.0)
NAMES = {"0": "abuse", "1": "violent_threat", "2": "neutral"}


def folder_of(path: Path, *, file: str = "model.onnx", told: object = None, **config: object) -> Path:
    small_model(path, WORDS, bias=BIAS, file=file)
    held = {"id2label": NAMES, "architectures": ["BertForSequenceClassification"], "model_type": "bert"}
    (path / "config.json").write_text(json.dumps(held | config))
    if told is not None:
        (path / "seawall-labels.json").write_text(json.dumps(told))
    return path


@pytest.mark.parametrize("file", ["model.onnx", "onnx/model.onnx"])
def test_an_onnx_file_in_the_folder_runs_without_transformers(tmp_path: Path, file: str) -> None:
    scorer = open_scorer(f"hf:{folder_of(tmp_path / 'm', file=file)}")
    assert scorer.labels == ("violent_threat", "abuse")
    shares = np.exp([1.0, -4.0, 0.0]) / np.exp([1.0, -4.0, 0.0]).sum()
    said = 1 / (1 + np.exp(-scorer.judge(["clown"]).scores[0]))
    assert np.allclose(said, [shares[1], shares[0]])
    assert "transformers" not in sys.modules
    assert "torch" not in sys.modules


def test_several_labels_at_once_are_read_as_log_odds(tmp_path: Path) -> None:
    scorer = open_scorer(f"hf:{folder_of(tmp_path / 'm', problem_type='multi_label_classification')}")
    assert scorer.judge(["clown", "hurt"]).scores.tolist() == [[-4, 1], [1, -3]]


def test_text_is_given_as_it_was_posted_unless_the_file_says_otherwise(tmp_path: Path) -> None:
    disguised = "c\u200bl\u200bo\u200bw\u200bn"
    settings = {"activation": "sigmoid", "labels": ["abuse", None, None]}
    raw = open_scorer(f"hf:{folder_of(tmp_path / 'a', told=settings)}")
    plain = open_scorer(f"hf:{folder_of(tmp_path / 'b', told=settings | {'text': 'normalised'})}")
    assert raw.judge([disguised]).scores.tolist() == [[-3]]
    assert plain.judge([disguised]).scores.tolist() == [[1]]


def test_a_labels_file_maps_the_model_s_names(tmp_path: Path) -> None:
    told = {"labels": {"toxic": "abuse", "severe": "abuse", "other": None}, "activation": "sigmoid"}
    names = {"0": "toxic", "1": "severe", "2": "other"}
    scorer = open_scorer(f"hf:{folder_of(tmp_path / 'm', told=told, id2label=names)}")
    assert scorer.labels == ("abuse",)
    assert scorer.judge(["clown", "hurt"]).scores.tolist() == [[1], [1]]


@pytest.mark.parametrize(
    ("config", "told", "message"),
    [
        ({"id2label": None}, None, r"config\.json: id2label is missing"),
        ({"id2label": {"1": "abuse"}}, None, r"config\.json: id2label has 1 names and none for column '0'"),
        (
            {"id2label": {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}},
            None,
            r'id2label names none of our labels; say what each .* in .*seawall-labels\.json, beginning with \{"labels": \{"LABEL_0": null, ',
        ),
        (
            {"id2label": {"0": "abuse"}},
            None,
            r"gives outputs of shape \(3,\) a text, where labels were told for 1 columns",
        ),
        (
            {},
            {"labels": {"abuse": "abuse", "rude": None}},
            r"seawall-labels\.json: labels\['rude'\]: config\.json has no such name",
        ),
        (
            {},
            {"labels": {"abuse": "abuse"}},
            r"seawall-labels\.json: labels: 'violent_threat' is missing; name every column",
        ),
        ({}, {"labels": ["abuse"]}, r"seawall-labels\.json: labels: lists 1 columns, where config\.json has 3"),
    ],
)
def test_columns_that_are_not_clear_are_told(
    tmp_path: Path, config: dict[str, Any], told: object, message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        open_scorer(f"hf:{folder_of(tmp_path / 'm', told=told, **config)}")


def test_a_name_of_a_hub_is_not_fetched() -> None:
    with pytest.raises(ModelError, match="somebody/some-model: there is no such folder; Seawall downloads no model"):
        open_scorer("hf:somebody/some-model")


def test_a_folder_without_config_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match=r"config\.json: there is no such file; name the folder that the model was saved in"
    ):
        open_scorer(f"hf:{tmp_path}")


def saved(path: Path, weights: str = "model.safetensors", **config: object) -> Path:
    """A folder whose weights are no ONNX file."""
    folder = folder_of(path, **config)
    (folder / "model.onnx").unlink()
    (folder / weights).write_bytes(b"weights")
    return folder


def test_pickled_weights_are_not_opened(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match=r"holds neither model\.onnx nor safetensors; Seawall opens no pickled weights"
    ):
        open_scorer(f"hf:{saved(tmp_path / 'm', 'pytorch_model.bin')}")


def test_without_transformers_both_ways_out_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("torch", "transformers"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModelError) as told:
        open_scorer(f"hf:{saved(tmp_path / 'm')}")
    assert "torch cannot be imported" in str(told.value)
    assert "pip install 'seawall[hf]'" in str(told.value)
    assert f"optimum-cli export onnx --model {tmp_path / 'm'}" in str(told.value)


def test_a_model_that_is_no_classifier_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"architectures is \['BertModel'\], where a sequence classifier is needed"):
        open_scorer(f"hf:{saved(tmp_path / 'm', architectures=['BertModel'])}")


class Tensor:
    """As much of a tensor as is used."""

    def __init__(self, rows: list[list[float]]) -> None:
        self.rows = rows

    def __getitem__(self, at: int) -> SimpleNamespace:
        return SimpleNamespace(tolist=lambda: self.rows[at])


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Stand-ins for torch and transformers that keep what they were called with."""
    seen: dict[str, Any] = {"report": {"missing_keys": set(), "mismatched_keys": set()}}

    class Model:
        def float(self) -> Model:
            return self

        def eval(self) -> Model:
            seen["eval"] = True
            return self

        def __call__(self, **given: Tensor) -> SimpleNamespace:
            seen["masks"] = given["attention_mask"].rows
            return SimpleNamespace(logits=Tensor([[float(len(given["input_ids"].rows[0])), 0.0, 0.0]]))

    def load(path: str, **options: object) -> tuple[Model, dict[str, Any]]:
        seen.update(path=path, options=options, offline=os.environ.get("HF_HUB_OFFLINE"))
        return Model(), seen["report"]

    torch, transformers = ModuleType("torch"), ModuleType("transformers")
    torch.tensor = Tensor  # type: ignore[attr-defined]
    torch.ones_like = lambda like: Tensor([[1.0] * len(row) for row in like.rows])  # type: ignore[attr-defined]
    torch.inference_mode = nullcontext  # type: ignore[attr-defined]
    transformers.AutoModelForSequenceClassification = SimpleNamespace(from_pretrained=load)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "transformers", transformers)
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.setenv(name, "0")
    return seen


def test_safetensors_are_loaded_offline_and_without_foreign_code(tmp_path: Path, libraries: dict[str, Any]) -> None:
    folder = saved(tmp_path / "m", told={"labels": ["abuse", None, None], "activation": "sigmoid"})
    scorer = open_scorer(f"hf:{folder}")
    assert scorer.judge(["a clown"]).scores.tolist() == [[4.0]]
    assert libraries["masks"] == [[1.0] * 4]
    assert libraries["path"] == str(folder)
    assert libraries["offline"] == "1"
    assert libraries["eval"]
    assert libraries["options"] == {
        "local_files_only": True,
        "trust_remote_code": False,
        "use_safetensors": True,
        "output_loading_info": True,
    }


def test_weights_that_would_be_made_up_are_refused(tmp_path: Path, libraries: dict[str, Any]) -> None:
    libraries["report"]["missing_keys"] = {"classifier.weight"}
    with pytest.raises(ModelError, match=r"the weights lack classifier\.weight, which would be made up at random"):
        open_scorer(f"hf:{saved(tmp_path / 'm')}")


def test_what_transformers_cannot_load_is_told(
    tmp_path: Path, libraries: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: str, **options: object) -> None:
        raise ValueError("unknown model type")

    module = importlib.import_module("transformers")
    monkeypatch.setattr(module.AutoModelForSequenceClassification, "from_pretrained", fail)
    with pytest.raises(ModelError, match=r"transformers cannot load it \(unknown model type\)"):
        open_scorer(f"hf:{saved(tmp_path / 'm')}")


@pytest.mark.parametrize(("kind", "most"), [("bert", 40), ("roberta", 38)])
def test_no_more_word_pieces_are_read_than_the_model_has_positions(tmp_path: Path, kind: str, most: int) -> None:
    config = {"max_position_embeddings": 40, "model_type": kind, "problem_type": "multi_label_classification"}
    scorer = open_scorer(f"hf:{folder_of(tmp_path / 'm', **config)}")
    clowns = scorer.judge(["clown " * 100]).scores[0, 1]
    assert clowns == 4 * (most - 2) - 3
