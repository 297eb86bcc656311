"""What a detector said of a post, made by hand."""

from __future__ import annotations

from typing import Any

from seawall.hub import moment
from seawall.hub.content.models import Content, Finding


def finding(**said: Any) -> Finding:
    """A finding that is not kept, of a detector that saw nothing but what is given."""
    given: dict[str, Any] = {"detector": "test", "families": {}, "flags": [], "context": {}, "reasons": []}
    return Finding(**{**given, "assessed_at": moment.now(), **said})


def finding_on(content: Content, **said: Any) -> Finding:
    """A finding on the present version of a post."""
    made = finding(content=content, version=content.version, **said)
    made.save(force_insert=True)
    return made


def words_at(text: str, piece: str, *, family: str = "abuse", weight: float = 1.0) -> dict[str, Any]:
    """A reason: the first place of `piece` in the text, as what moved the score of a family."""
    start = text.index(piece)
    return {
        "kind": "words", "start": start, "end": start + len(piece), "family": family, "weight": weight, "note": "",
    }  # fmt: skip


def sense_at(text: str, piece: str, note: str, *, family: str = "abuse") -> dict[str, Any]:
    """A reason: the first place of `piece` in the text, as a term and what it can mean."""
    return {**words_at(text, piece, family=family, weight=0.0), "kind": "sense", "note": note}
