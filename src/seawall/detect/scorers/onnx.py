"""`onnx:` a classifier as an ONNX file with its tokenizer and a labels file beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seawall.detect.scorer import ModelError
from seawall.detect.scorers.columns import columns_of, read_labels
from seawall.detect.scorers.local import DEFAULT_TOKENS, Engine, LocalScorer, digest_of, named, open_tokenizer

#: The names of the inputs that are understood: word pieces, then their mask.
INPUTS: Final = (("ids", "mask"), ("input_ids", "attention_mask"))
KINDS_OF_NUMBER: Final[dict[str, type[np.integer[Any]]]] = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}


def open_onnx(path: Path) -> LocalScorer:
    """The model in a folder, or of a `.onnx` file. Raises `ModelError`."""
    model = _model_in(path)
    folder = model.parent
    told = read_labels(folder / "labels.json")
    if isinstance(told.columns, dict):
        raise ModelError(
            f"{told.path}: labels: must be a list with a label, or null, for each output column; an ONNX file has no names for them"
        )
    columns = columns_of(list(told.columns), told.activation or "sigmoid", told.path)
    tokenizer = open_tokenizer(folder / "tokenizer.json")
    digest = digest_of([*parts_of(model), folder / "tokenizer.json", told.path])
    stem = folder.resolve().name if model.stem == "model" else model.stem
    return LocalScorer(
        name=named(stem, digest),
        where=model,
        columns=columns,
        tokenizer=tokenizer,
        engine=engine_of(model),
        normalised=told.text != "raw",
        max_tokens=told.max_tokens or DEFAULT_TOKENS,
    )


def _model_in(path: Path) -> Path:
    if path.is_file():
        return path
    if not path.is_dir():
        raise ModelError(f"{path}: there is no such file or folder; check the path after onnx:")
    found = sorted(path.glob("*.onnx"))
    if path / "model.onnx" in found:
        return path / "model.onnx"
    if len(found) != 1:
        said = ", ".join(each.name for each in found) or "none"
        raise ModelError(
            f"{path}: needs one .onnx file, or model.onnx among several (found: {said}); or name the file itself"
        )
    return found[0]


def parts_of(model: Path) -> list[Path]:
    """The file and those that hold its weights beside it, such as `model.onnx_data`."""
    return [model, *sorted(each for each in model.parent.glob(f"{model.name}[._]*") if each.is_file())]


def engine_of(model: Path) -> Engine:
    """Run an ONNX file, one text at a time on one thread. Raises `ModelError`."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session: Any = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except Exception as problem:  # the library raises bare exceptions of its own
        raise ModelError(f"{model}: not a usable ONNX file ({problem}); export the model again") from problem
    inputs = {each.name: each.type for each in session.get_inputs()}
    names = next((pair for pair in INPUTS if set(pair) <= set(inputs)), None)
    if names is None or not set(inputs) <= {*names, "token_type_ids"}:
        raise ModelError(
            f"{model}: has the inputs {', '.join(inputs) or 'none'}, where input_ids and attention_mask (with or without "
            "token_type_ids), or ids and mask, are needed; export it for text classification"
        )
    strange = sorted(name for name, kind in inputs.items() if kind not in KINDS_OF_NUMBER)
    if strange:
        raise ModelError(
            f"{model}: the input {strange[0]} is {inputs[strange[0]]}, where whole numbers (int64) are needed"
        )
    outputs = [each.name for each in session.get_outputs()]
    if "logits" not in outputs:
        raise ModelError(
            f"{model}: has the outputs {', '.join(outputs)}, where logits is needed; export it for text classification"
        )
    numbers = {name: KINDS_OF_NUMBER[kind] for name, kind in inputs.items()}
    ids, mask = names

    def run(pieces: list[int]) -> NDArray[np.float64]:
        given = {ids: np.array([pieces], numbers[ids]), mask: np.ones((1, len(pieces)), numbers[mask])}
        if "token_type_ids" in numbers:
            given["token_type_ids"] = np.zeros((1, len(pieces)), numbers["token_type_ids"])
        found = np.asarray(session.run(["logits"], given)[0], np.float64)
        return found[0] if found.ndim == 2 and len(found) == 1 else found

    return run
