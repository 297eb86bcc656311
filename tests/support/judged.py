"""Cases and findings made by hand, for tests of what is counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seawall.detect.families import CONTEXTS, FAMILIES
from seawall.detect.pipeline import Finding
from seawall.detect.suite import Case


def case(name: str, *families: str, pair: str | None = None, **given: Any) -> Case:
    """A case of suite `name`; the text is its name unless one is given."""
    held: dict[str, Any] = {
        "subject": families[0] if families else "none",
        "functionality": "all",
        "about": "",
        "text": name,
        "context": (),
    }
    return Case(id=name, pair=pair or name, families=families, **(held | given))


def finding(*flags: str, chances: dict[str, float] | None = None, context: str | None = None, **given: Any) -> Finding:
    """A finding that flags these families, sure of them at 0.9 and of the others at 0.1 unless `chances` says otherwise."""
    told = chances or {}
    return Finding(
        families={name: told.get(name, 0.9 if name in flags else 0.1) for name in FAMILIES},
        flags=flags,
        context={name: 0.8 if name == context else 0.1 for name in CONTEXTS},
        reasons=(),
        **given,
    )


def unread(language: str = "fr") -> Finding:
    """The finding for a post in a language that is not read."""
    return Finding(families={}, flags=(), context={}, reasons=(), language=language, assessed=False)


class Scripted:
    """A detector that says of each text what it was told to say, and of others that they are harmless."""

    version = "scripted-1"

    def __init__(self, answers: dict[str, Finding] | None = None) -> None:
        self.answers = answers or {}
        self.thresholds = dict.fromkeys(FAMILIES, 0.5)
        self.batches: list[int] = []

    def assess(self, texts: Sequence[str], *, reasons: bool = True) -> list[Finding]:
        assert not reasons
        self.batches.append(len(texts))
        return [self.answers.get(text, finding()) for text in texts]
