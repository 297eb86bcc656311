"""A classifier in local files: word pieces through an engine, and columns read as our labels."""

from __future__ import annotations

import hashlib
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seawall.detect.scorer import Judgement, ModelError
from seawall.detect.scorers.columns import Columns
from seawall.detect.transformer import reading_text, shorten

#: Word pieces of a text that are read where nobody says otherwise: what most encoders can take.
DEFAULT_TOKENS: Final = 512
#: Of a long text so much is read from its beginning; the rest of what fits, from its end.
HEAD_SHARE: Final = 2 / 3
#: A word piece is rarely longer than so many characters, so no more of a text need be cut into pieces.
CHARS_A_TOKEN: Final = 16

#: Word pieces of one text, marks at both ends included, to its row of outputs.
Engine = Callable[[list[int]], NDArray[np.float64]]

_log = logging.getLogger(__name__)


def clean(text: str) -> str:
    """The text with lone halves of surrogate pairs replaced, so that it can be encoded."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def named(stem: str, digest: str) -> str:
    """What findings and the ledger call a model: its plain name, and the beginning of a digest that pins what it is."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", stem).strip("-._")[:24].strip("-._")
    return f"{plain or 'model'}:{digest[:10]}"


def digest_of(files: Iterable[Path]) -> str:
    """SHA-256 (hex) over the names and contents of files. Raises `ModelError`."""
    whole = hashlib.sha256()
    for path in files:
        try:
            with path.open("rb") as file:
                whole.update(f"{path.name}\0".encode())
                whole.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as problem:
            raise ModelError(
                f"{path}: cannot be read ({problem.strerror}); check the file and its permissions"
            ) from problem
    return whole.hexdigest()


def open_tokenizer(path: Path) -> Any:
    """A `tokenizers.Tokenizer` that neither pads nor cuts. Raises `ModelError`."""
    from tokenizers import Tokenizer

    if not path.is_file():
        raise ModelError(
            f"{path}: there is no such file; put the model's fast tokenizer there (save_pretrained of transformers writes it)"
        )
    try:
        found = Tokenizer.from_file(str(path))
    except Exception as problem:  # the library raises bare exceptions
        raise ModelError(f"{path}: not a tokenizer ({problem}); write it again from the model's training") from problem
    found.no_padding()
    found.no_truncation()
    return found


class LocalScorer:
    """A classifier in local files; see `Scorer`.

    Texts go through one by one: padding, and scales that a quantised model takes from the whole batch, would let a
    text's neighbours change its answer.
    """

    def __init__(
        self,
        *,
        name: str,
        where: Path,
        columns: Columns,
        tokenizer: Any,
        engine: Engine,
        normalised: bool,
        max_tokens: int,
    ) -> None:
        """Take the parts, and try them. Raises `ModelError` when they do not fit one another."""
        self._name = name
        self._columns = columns
        self._tokenizer = tokenizer
        self._engine = engine
        self._normalised = normalised
        self._most = max_tokens
        self._head = round((max_tokens - 2) * HEAD_SHARE)
        self._faults: Counter[str] = Counter()
        self._try(where)

    @property
    def name(self) -> str:
        return self._name

    @property
    def labels(self) -> tuple[str, ...]:
        return self._columns.labels

    @property
    def faults(self) -> Mapping[str, int]:
        """How often each reason left a text without an answer."""
        return dict(self._faults)

    def judge(self, texts: Sequence[str]) -> Judgement:
        """Log-odds for each text; see `Scorer`. A text on which the model fails, or says no number, is degraded."""
        out = np.full((len(texts), len(self.labels)), np.nan)
        for at, text in enumerate(texts):
            try:
                out[at] = self._columns.odds(self._engine(self._pieces(text)))
            except Exception as problem:  # whatever a stranger's model raises concerns this text alone
                out[at] = np.nan
                self._faults["the model failed on the text"] += 1
                _log.warning("%s failed on a text: %s", self._name, type(problem).__name__)
                continue
            if not np.isfinite(out[at]).all():
                out[at] = np.nan
                self._faults["the model said what is no number"] += 1
        return Judgement(scores=out, degraded=np.isnan(out).any(axis=1))

    def _pieces(self, text: str) -> list[int]:
        text = clean(text)
        most = CHARS_A_TOKEN * self._most
        if self._normalised:
            text = reading_text(text)
        elif len(text) > 2 * most:
            text = f"{text[:most]} {text[-most:]}"
        return shorten(list(self._tokenizer.encode(text).ids), self._head, self._most - 2 - self._head)

    def _try(self, where: Path) -> None:
        """Ask about a short text, and about the longest one of the last word piece that the tokenizer knows."""
        last = max(self._tokenizer.get_vocab().values(), default=0)
        trials = {
            "a short text": self._pieces("A quiet day by the sea."),
            f"a text of {self._most} word pieces, the most it is to read (set max_tokens in the labels file to read less)": [
                *([last] * self._most)
            ],
        }
        for what, pieces in trials.items():
            try:
                row = self._engine(pieces)
            except Exception as problem:
                raise ModelError(f"{where}: the model fails on {what}: {problem}") from problem
            if row.shape != (self._columns.width,):
                raise ModelError(
                    f"{where}: the model gives outputs of shape {row.shape} a text, where labels were told for {self._columns.width} "
                    "columns; tell one for each column, null for those that are not ours"
                )
