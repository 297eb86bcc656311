"""Which of our labels each output column of somebody else's model stands for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from seawall.detect.families import CONTEXTS, FAMILIES
from seawall.detect.scorer import ModelError

KNOWN: Final = (*FAMILIES, *CONTEXTS)
MOST_BYTES: Final = 1_048_576
#: More word pieces than this of one text no file may ask for.
MOST_TOKENS: Final = 8192

Activation = Literal["sigmoid", "softmax"]
Text = Literal["normalised", "raw"]


@dataclass(frozen=True, slots=True)
class Columns:
    """`labels` in our order, and for each the columns that speak for it.

    `sigmoid`: each column is the log-odds of its label, and of several columns for one label the greatest counts.
    `softmax`: the columns share one probability, and a label's log-odds are those of its columns against all others.
    """

    labels: tuple[str, ...]
    groups: tuple[tuple[int, ...], ...]
    width: int
    activation: Activation

    def odds(self, row: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log-odds of each label from one text's output."""
        if self.activation == "sigmoid":
            return np.array([row[list(group)].max() for group in self.groups])
        out = np.empty(len(self.groups))
        for at, group in enumerate(self.groups):
            mine = np.zeros(self.width, bool)
            mine[list(group)] = True
            out[at] = np.logaddexp.reduce(row[mine]) - np.logaddexp.reduce(row[~mine])
        return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What a labels file says. `columns` is a label (or None) for each column, or by the model's own names."""

    path: Path
    columns: Sequence[str | None] | Mapping[str, str | None]
    activation: Activation | None = None
    text: Text | None = None
    max_tokens: int | None = None


def read_json(path: Path, remedy: str) -> dict[str, Any]:
    """The JSON object in a small file. Raises `ModelError` with `remedy`."""
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise ValueError(f"it is larger than {MOST_BYTES // 1024} KiB")
        held = json.loads(raw)
    except FileNotFoundError:
        raise ModelError(f"{path}: there is no such file; {remedy}") from None
    except (OSError, ValueError, RecursionError) as problem:
        raise ModelError(f"{path}: cannot be read as JSON ({problem}); {remedy}") from problem
    if not isinstance(held, dict):
        raise ModelError(f"{path}: holds no JSON object; {remedy}")
    return held


def read_labels(path: Path) -> Labels:
    """Read a labels file. Raises `ModelError` that names the field."""
    held = read_json(path, 'write one, for instance {"labels": ["abuse", "hate", null]}')

    def wrong(field: str, problem: str) -> ModelError:
        return ModelError(f"{path}: {field}: {problem}")

    for field in held:
        if field not in ("labels", "activation", "text", "max_tokens"):
            raise wrong(str(field), "is not a field of this file; it has labels, activation, text and max_tokens")
    given = held.get("labels")
    if not isinstance(given, list | dict) or not given:
        raise wrong("labels", "must list a label, or null, for each column; or map the model's names to labels or null")
    for at, label in given.items() if isinstance(given, dict) else enumerate(given):
        if label is not None and label not in KNOWN:
            raise wrong(f"labels[{at!r}]", f"{label!r} is not one of {', '.join(KNOWN)}, or null")
    if held.get("activation") not in (None, "sigmoid", "softmax"):
        raise wrong("activation", f"{held['activation']!r} is neither sigmoid nor softmax")
    if held.get("text") not in (None, "normalised", "raw"):
        raise wrong("text", f"{held['text']!r} is neither normalised nor raw")
    most = held.get("max_tokens")
    if most is not None and (type(most) is not int or not 8 <= most <= MOST_TOKENS):
        raise wrong("max_tokens", f"{most!r} is not a whole number from 8 to {MOST_TOKENS}")
    return Labels(path=path, columns=given, activation=held.get("activation"), text=held.get("text"), max_tokens=most)


def columns_of(given: Sequence[str | None], activation: Activation, where: Path) -> Columns:
    """The columns by our labels, in our order. Raises `ModelError` when they make no model."""
    labels = tuple(label for label in KNOWN if label in given)
    if not labels:
        raise ModelError(f"{where}: labels: no column has a label of ours; name at least one of {', '.join(KNOWN)}")
    groups = tuple(tuple(at for at, label in enumerate(given) if label == name) for name in labels)
    if activation == "softmax" and any(len(group) == len(given) for group in groups):
        raise ModelError(
            f"{where}: labels: with softmax a label needs a column that speaks against it; leave one null, or set activation to sigmoid"
        )
    return Columns(labels, groups, len(given), activation)
