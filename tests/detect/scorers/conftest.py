"""A model of each kind, small and real: two in files, one behind an address."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.policy_server import PolicyServer, policy_server
from tests.support.small_models import small_model

from seawall.detect.scorer import Scorer
from seawall.detect.scorers import Asking, open_scorer

#: What two made-up columns weigh: insults, threats.
WORDS = {"clown": (4.0, 0.0), "hurt": (1.0, 5.0), "sea": (-2.0, -2.0), "0": (0.5, 0.5)}
BIAS = (-3.0, -4.0)
DEFINITIONS = {
    "hate": "Stirs up hatred against a group.",
    "abuse": "Insults or harasses a person.",
    "violent_threat": "Conveys a threat of serious harm.",
}


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEAWALL_MODEL_KEY", raising=False)


@pytest.fixture
def server() -> Iterator[PolicyServer]:
    with policy_server() as running:
        yield running


def write_hf(folder: Path, file: str = "model.onnx", **config: object) -> Path:
    """A Hugging Face folder with an ONNX file in it."""
    small_model(folder, WORDS, bias=BIAS, file=file)
    held = {"id2label": {"0": "abuse", "1": "violent_threat"}, "problem_type": "multi_label_classification"}
    (folder / "config.json").write_text(json.dumps(held | config))
    return folder


@pytest.fixture
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Scorer]:
    """Opens a model of the kind that is asked for."""

    def make(kind: str) -> Scorer:
        if kind == "onnx":
            folder = small_model(tmp_path / "mine", WORDS, bias=BIAS, labels=["abuse", "violent_threat"])
            return open_scorer(f"onnx:{folder}")
        if kind == "hf":
            return open_scorer(f"hf:{write_hf(tmp_path / 'mine')}")
        running: PolicyServer = request.getfixturevalue("server")
        return open_scorer(running.uri(), definitions=DEFINITIONS, asking=Asking(timeout=10, backoff=0.001))

    return make
