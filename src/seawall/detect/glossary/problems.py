"""What is wrong with a file of the glossary, in sentences that the person who edits it can act on."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: in which file, at which term, in which field, what, and what to do about it."""

    file: str
    term: str
    field: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        place = ", ".join(part for part in (f"term '{self.term}'" if self.term else "", self.field) if part)
        return (
            f"{self.file}: {place}: {self.problem}. {self.remedy}"
            if place
            else f"{self.file}: {self.problem}. {self.remedy}"
        )


class GlossaryError(ValueError):
    """A glossary that cannot be used. `problems` lists everything found, not just the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__("\n".join([f"The glossary has {count}:", *map(str, self.problems)]))


def closest(word: object, known: Iterable[str]) -> str:
    """A remedy that names the nearest known word, or lists what is known."""
    names = list(known)
    near = difflib.get_close_matches(str(word), names, n=1, cutoff=0.72)
    return f"Did you mean '{near[0]}'?" if near else f"Use one of: {', '.join(names)}."
