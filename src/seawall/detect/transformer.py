"""The small transformer: plain text in word pieces through an int8 ONNX file, on one thread."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seawall.detect.normalise import EMAIL, HANDLE, NUMBER, URL, plain
from seawall.detect.scorer import Judgement, ModelError, sure

#: A long text is read at its beginning and its end: so many word pieces of each.
HEAD_TOKENS: Final = 96
TAIL_TOKENS: Final = 46
#: No more of a text than this is normalised for the head and for the tail: a word piece is rarely longer than 16 letters.
READ_CHARS: Final = 16 * (HEAD_TOKENS + TAIL_TOKENS)

_MASK_WORDS: Final = ((HANDLE, "user"), (URL, "link"), (EMAIL, "email"), (NUMBER, "0"))


def reading_text(text: str) -> str:
    """What the transformer reads of a post: its plain text, with masks as words of its vocabulary."""
    if len(text) > 2 * READ_CHARS:
        text = f"{text[:READ_CHARS]} {text[-READ_CHARS:]}"
    found = plain(text).text
    if "<" in found:
        for mask, word in _MASK_WORDS:
            found = found.replace(mask, word)
    return found


def shorten(ids: list[int], head: int = HEAD_TOKENS, tail: int = TAIL_TOKENS) -> list[int]:
    """The first and last word pieces of a long text; the marks at both ends stay."""
    return ids if len(ids) <= head + tail + 2 else [*ids[: head + 1], *ids[-tail - 1 :]]


class Transformer:
    """Scores texts with an ONNX file of inputs `ids` and `mask` (int64, texts x word pieces) and output `logits`."""

    def __init__(self, path: Path, tokenizer: Path, labels: tuple[str, ...], name: str = "transformer") -> None:
        """Open the two files. Raises `ModelError` when one is absent, damaged or does not fit `labels`."""
        import onnxruntime
        from tokenizers import Tokenizer

        remedy = "install the package again, or train a model with tools/train.py"
        for file in (path, tokenizer):
            if not file.is_file():
                raise ModelError(f"{file}: there is no such model file; {remedy}")
        options = onnxruntime.SessionOptions()
        # Two processes of one thread each do more than one process of two threads; and a batch must not wait for a pool.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session: Any = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            self._reader: Any = Tokenizer.from_file(str(tokenizer))
        except Exception as problem:  # both libraries raise bare exceptions of their own
            raise ModelError(f"{path} with {tokenizer.name}: not a usable model ({problem}); {remedy}") from problem
        width = self._session.get_outputs()[0].shape[-1]
        if width != len(labels):
            raise ModelError(f"{path}: gives {width} scores a text, where {len(labels)} labels were told; {remedy}")
        self._reader.no_padding()
        self._reader.no_truncation()
        self._labels = labels
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    @property
    def labels(self) -> tuple[str, ...]:
        return self._labels

    def judge(self, texts: Sequence[str]) -> Judgement:
        """Log-odds for each text; see `Scorer`."""
        return sure(self.logits([reading_text(text) for text in texts]))

    def logits(self, readings: Sequence[str]) -> NDArray[np.float64]:
        """Raw scores of texts that are plain already (`reading_text`)."""
        out = np.zeros((len(readings), len(self._labels)), np.float64)
        # One text at a time: the int8 scale of a batch is set by all texts in it, so that a text's score would hang on its
        # neighbours. It costs a quarter of the speed, and the same post is then the same everywhere.
        for at, reading in enumerate(readings):
            # Half a surrogate pair is no character: it cannot be handed on as UTF-8.
            whole = reading if reading.isascii() else reading.encode("utf-8", "replace").decode("utf-8")
            ids = np.array([shorten(self._reader.encode(whole).ids)], np.int64)
            out[at] = self._session.run(["logits"], {"ids": ids, "mask": np.ones_like(ids)})[0][0]
        return out
