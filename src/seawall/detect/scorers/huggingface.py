"""`hf:` a local Hugging Face folder of a sequence classifier. Nothing is downloaded and none of its code is run."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seawall.detect.scorer import ModelError
from seawall.detect.scorers.columns import (
    KNOWN,
    MOST_TOKENS,
    Activation,
    Columns,
    Labels,
    columns_of,
    read_json,
    read_labels,
)
from seawall.detect.scorers.local import DEFAULT_TOKENS, Engine, LocalScorer, digest_of, named, open_tokenizer
from seawall.detect.scorers.onnx import engine_of, parts_of

LABELS_FILE: Final = "seawall-labels.json"
#: Families of models whose positions begin after the padding's number, so that two fewer word pieces fit.
OFFSET_POSITIONS: Final = frozenset({"roberta", "xlm-roberta", "camembert", "mpnet", "longformer", "xlm-roberta-xl"})


def open_folder(folder: Path) -> LocalScorer:
    """The model in a local folder: its ONNX file if there is one, otherwise its safetensors. Raises `ModelError`."""
    if not folder.is_dir():
        raise ModelError(
            f"{folder}: there is no such folder; Seawall downloads no model, so fetch it yourself and name the folder after hf:"
        )
    config = read_json(folder / "config.json", "name the folder that the model was saved in")
    names = _names(config, folder / "config.json")
    told = read_labels(folder / LABELS_FILE) if (folder / LABELS_FILE).exists() else None
    columns = _columns(config, names, told, folder)
    tokenizer = open_tokenizer(folder / "tokenizer.json")
    exported = next((each for each in (folder / "model.onnx", folder / "onnx" / "model.onnx") if each.is_file()), None)
    weights = parts_of(exported) if exported else sorted(folder.glob("*.safetensors"))
    if not weights:
        raise ModelError(
            f"{folder}: holds neither model.onnx nor safetensors; Seawall opens no pickled weights, so save the model again "
            "(save_pretrained of transformers writes safetensors)"
        )
    engine = engine_of(exported) if exported else _torch_engine(folder, config)
    pinned = [*weights, folder / "config.json", folder / "tokenizer.json", *([told.path] if told else [])]
    return LocalScorer(
        name=named(folder.resolve().name, digest_of(pinned)),
        where=exported or folder,
        columns=columns,
        tokenizer=tokenizer,
        engine=engine,
        normalised=told is not None and told.text == "normalised",
        max_tokens=(told.max_tokens if told else None) or _most_tokens(config),
    )


def _names(config: dict[str, Any], path: Path) -> list[str]:
    """The model's own name of each output column."""
    held = config.get("id2label")
    if not isinstance(held, dict) or not held:
        raise ModelError(f"{path}: id2label is missing; it must name the output columns, for instance {{'0': 'abuse'}}")
    try:
        return [str(held[str(at)]) for at in range(len(held))]
    except KeyError as missing:
        raise ModelError(
            f"{path}: id2label has {len(held)} names and none for column {missing}; number them from 0"
        ) from None


def _columns(config: dict[str, Any], names: list[str], told: Labels | None, folder: Path) -> Columns:
    """Our labels for the model's columns: by the labels file, or else by names that are ours exactly."""
    usual: Activation = (
        "sigmoid" if config.get("problem_type") == "multi_label_classification" or len(names) == 1 else "softmax"
    )
    if told is None:
        if not set(names) & set(KNOWN):
            example = ", ".join(f'"{name}": null' for name in names[:20])
            raise ModelError(
                f"{folder / 'config.json'}: id2label names none of our labels; say what each column means in {folder / LABELS_FILE}, "
                f'beginning with {{"labels": {{{example}}}}}; our labels are {", ".join(KNOWN)}'
            )
        return columns_of([name if name in KNOWN else None for name in names], usual, folder / "config.json")
    if isinstance(told.columns, dict):
        for name in told.columns:
            if name not in names:
                raise ModelError(
                    f"{told.path}: labels[{name!r}]: config.json has no such name; it has {', '.join(names)}"
                )
        for name in names:
            if name not in told.columns:
                raise ModelError(
                    f"{told.path}: labels: {name!r} is missing; name every column, with null where it is not ours"
                )
        given = [told.columns[name] for name in names]
    else:
        given = list(told.columns)
        if len(given) != len(names):
            raise ModelError(
                f"{told.path}: labels: lists {len(given)} columns, where config.json has {len(names)}; list them all"
            )
    return columns_of(given, told.activation or usual, told.path)


def _most_tokens(config: dict[str, Any]) -> int:
    held = config.get("max_position_embeddings")
    if type(held) is not int or held < 10:
        return DEFAULT_TOKENS
    return min(held - 2 if config.get("model_type") in OFFSET_POSITIONS else held, DEFAULT_TOKENS, MOST_TOKENS)


def _torch_engine(folder: Path, config: dict[str, Any]) -> Engine:
    """Run safetensors by transformers and torch, offline and without the folder's own code. Raises `ModelError`."""
    kinds = config.get("architectures")
    if not isinstance(kinds, list) or not any(str(kind).endswith("ForSequenceClassification") for kind in kinds):
        raise ModelError(
            f"{folder / 'config.json'}: architectures is {kinds}, where a sequence classifier is needed; fine-tune the model as one"
        )
    os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"
    try:
        torch: Any = importlib.import_module("torch")
        transformers: Any = importlib.import_module("transformers")
    except (ImportError, OSError) as problem:
        absent = getattr(problem, "name", None) or "one of them"
        raise ModelError(
            f"{folder}: holds safetensors, which need torch and transformers, and {absent} cannot be imported. There are two ways out: "
            "install them (pip install 'seawall[hf]'), or export the model to ONNX elsewhere "
            f"(optimum-cli export onnx --model {folder} --task text-classification {folder / 'onnx'})"
        ) from problem
    try:
        model, report = transformers.AutoModelForSequenceClassification.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False, use_safetensors=True, output_loading_info=True
        )
        model = model.float().eval()
    except Exception as problem:  # whatever is wrong with a stranger's files
        said = " ".join(str(problem).split())[:300]
        raise ModelError(f"{folder}: transformers cannot load it ({said}); save the model again") from problem
    lacking = sorted(str(key) for key in (*report.get("missing_keys", ()), *report.get("mismatched_keys", ())))
    if lacking:
        raise ModelError(
            f"{folder}: the weights lack {', '.join(lacking[:3])}, which would be made up at random; save the fine-tuned model again"
        )

    def run(pieces: list[int]) -> NDArray[np.float64]:
        ids = torch.tensor([pieces])
        with torch.inference_mode():
            found = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
        return np.asarray(found[0].tolist(), np.float64)

    return run
