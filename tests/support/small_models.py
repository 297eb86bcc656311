"""Small real models for tests: an ONNX file that adds up what its words weigh, with a tokenizer, written by hand.

The file format is protobuf, of which a writer of fields is a few lines; so nothing is needed to make a model but numpy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

FLOAT, INT32, INT64 = 1, 6, 7
MARKS = ("[UNK]", "[PAD]", "[CLS]", "[SEP]")


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _field(number: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(raw)) + raw


def _tensor(name: str, values: NDArray[np.generic]) -> bytes:
    kind = FLOAT if values.dtype == np.float32 else INT64
    dims = b"".join(_field(1, size) for size in values.shape)
    return dims + _field(2, kind) + _field(8, name) + _field(9, values.tobytes())


def _value(name: str, kind: int, shape: Sequence[str | int]) -> bytes:
    dims = b"".join(_field(1, _field(1, size) if isinstance(size, int) else _field(2, size)) for size in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, kind) + _field(2, dims)))


def _node(operation: str, inputs: Sequence[str], output: str, **attributes: int) -> bytes:
    held = b"".join(_field(1, name) for name in inputs) + _field(2, output) + _field(4, operation)
    for name, value in attributes.items():
        held += _field(5, _field(1, name) + _field(3, value) + _field(20, 2))
    return held


def write_onnx(
    path: Path,
    weights: NDArray[np.float32],
    bias: Sequence[float],
    *,
    inputs: Sequence[str] = ("input_ids", "attention_mask"),
    kind: int = INT64,
    output: str = "logits",
    positions: int | None = None,
) -> None:
    """A model whose logits are `bias` and the sum of its word pieces' rows of `weights`; no input may exceed `positions`."""
    ids, mask = inputs[:2]
    nodes = [
        _node("Gather", ("weights", ids), "rows"),
        _node("Cast", (mask,), "kept", to=FLOAT),
        _node("Unsqueeze", ("kept", "last"), "deep"),
        _node("Mul", ("rows", "deep"), "masked"),
        _node("ReduceSum", ("masked", "middle"), "sum", keepdims=0),
        _node("Add", ("sum", "bias"), output),
    ]
    constants = [
        _tensor("weights", weights),
        _tensor("bias", np.array(bias, np.float32)),
        _tensor("last", np.array([2], np.int64)),
        _tensor("middle", np.array([1], np.int64)),
    ]
    length: str | int = "length" if positions is None else positions
    graph = b"".join(_field(1, node) for node in nodes) + _field(2, "small")
    graph += b"".join(_field(5, constant) for constant in constants)
    graph += b"".join(_field(11, _value(name, kind, ("texts", length))) for name in inputs)
    graph += _field(12, _value(output, FLOAT, ("texts", len(bias))))
    path.write_bytes(_field(1, 8) + _field(7, graph) + _field(8, _field(1, "") + _field(2, 13)))


def write_tokenizer(path: Path, words: Sequence[str]) -> None:
    """A tokenizer that knows these words, each a piece of its own, and marks both ends of a text."""
    vocabulary = {word: at for at, word in enumerate((*MARKS, *words))}
    made = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    made.normalizer = Lowercase()
    made.pre_tokenizer = Whitespace()
    made.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    made.save(str(path))


def small_model(
    folder: Path,
    words: Mapping[str, Sequence[float]],
    *,
    bias: Sequence[float],
    labels: object = None,
    file: str = "model.onnx",
    inputs: Sequence[str] = ("input_ids", "attention_mask"),
    **described: object,
) -> Path:
    """A folder as `onnx:` wants it: `words` gives the weight of each word in each column. Gives the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    table = np.zeros((len(MARKS) + len(words), len(bias)), np.float32)
    for at, row in enumerate(words.values(), start=len(MARKS)):
        table[at] = row
    (folder / file).parent.mkdir(exist_ok=True)
    write_onnx(folder / file, table, bias, inputs=inputs)
    write_tokenizer(folder / "tokenizer.json", list(words))
    if labels is not None:
        (folder / "labels.json").write_text(json.dumps({"labels": labels, **described}))
    return folder
