"""An operator's own model behind the one protocol: opened by a URI, asked like the models that ship."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

from seawall.detect.scorer import ModelError, Scorer
from seawall.detect.scorers.asking import Asking

#: The environment variable that holds the key for a model behind an address. A key never stands in a URI.
KEY: Final = "SEAWALL_MODEL_KEY"
KINDS: Final = {
    "onnx": "onnx:PATH of a folder with a .onnx file, tokenizer.json and labels.json",
    "hf": "hf:PATH of a local Hugging Face folder",
    "openai-compat": "openai-compat:URL#MODEL of a policy model behind chat completions",
}


@runtime_checkable
class Accountable(Protocol):
    """A scorer that counts why texts went without an answer."""

    @property
    def faults(self) -> Mapping[str, int]:
        """How often each reason left a text without an answer, since the scorer was opened."""
        ...


def open_scorer(uri: str, *, definitions: Mapping[str, str] | None = None, asking: Asking | None = None) -> Scorer:
    """The model that `uri` names (docs/how-to/use-your-own-model.md).

    `definitions` says what each family means; a policy model (`openai-compat:`) is asked by them, and for those families
    alone. `asking` says how patiently it is asked. The models in files need neither. Raises `ModelError`.

    Open it in the process that uses it, after forking. Files are read and tried at once; a server is first asked when
    there is something to judge, so that a hub can start before its model does.
    """
    kind, colon, rest = uri.partition(":")
    if kind not in KINDS or not colon or not rest:
        raise ModelError(f"{kind[:40]!r} begins no URI of a model; write {'; or '.join(KINDS.values())}")
    if kind == "onnx":
        from seawall.detect.scorers.onnx import open_onnx

        return open_onnx(Path(rest).expanduser())
    if kind == "hf":
        from seawall.detect.scorers.huggingface import open_folder

        return open_folder(Path(rest).expanduser())
    from seawall.detect.scorers.remote import open_remote

    return open_remote(rest, definitions=definitions, asking=asking or Asking(), key=os.environ.get(KEY) or None)


__all__ = ["KEY", "KINDS", "Accountable", "Asking", "open_scorer"]
