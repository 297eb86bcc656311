"""Why a file was not decoded."""

from __future__ import annotations


class Refusal(Exception):
    """`kind` is one of `wire.REFUSALS`; the words are for the end of a sentence about the file."""

    def __init__(self, kind: str, words: str) -> None:
        super().__init__(words)
        self.kind = kind
