"""What is wrong with a code of practice, in sentences that the person who edits it can act on. Pure: no Django."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

REFERENCE = "docs/reference/code-of-practice.md says what it holds"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: in which file, in which field (or line), what, and what to do about it."""

    file: str
    field: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        where = f"{self.file}: {self.field}: " if self.field else f"{self.file}: "
        return f"{where}{self.problem}. {self.remedy}"


class CodeOfPracticeError(ValueError):
    """A code of practice that cannot be used. `problems` lists everything found, not just the first."""

    def __init__(self, where: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__("\n".join([f"The code of practice in {where} has {count}:", *map(str, self.problems)]))


def closest(word: str, known: Sequence[str]) -> str:
    """A remedy that names the nearest known word, or lists what is known."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.72)
    if near:
        return f"Did you mean '{near[0]}'?"
    return f"Use one of: {', '.join(known)}." if known else "Remove it."


def field_path(loc: Sequence[int | str]) -> str:
    """Write a location as a person would: legal_refs[0].elements[1].id, counting from 0 as the YAML list does."""
    path = ""
    for part in loc:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part != "[key]":
            path += f".{part}" if path else part
    return path


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _enum(value: Any, ctx: Mapping[str, Any]) -> tuple[str, str]:
    known = [word.strip("'") for word in ctx["expected"].replace(" or ", ", ").split(", ")]
    return f"{_shown(value)} is not known here", closest(str(value), known)


_BOUNDS = (("ge", "at least"), ("le", "at most"), ("gt", "more than"))


def _range(value: Any, ctx: Mapping[str, Any]) -> tuple[str, str]:
    (bound,) = (f"{word} {ctx[key]:g}" for key, word in _BOUNDS if key in ctx)
    return f"{_shown(value)} is out of range", f"Write a number that is {bound}."


def _pattern(value: Any, ctx: Mapping[str, Any]) -> tuple[str, str]:
    if "[a-z0-9]" in ctx["pattern"]:
        return f"{_shown(value)} is not an id", "Use lower-case letters, digits and single hyphens, as in vio-gang."
    return f"{_shown(value)} is not a version", "Write the year, a full stop and a number in quotation marks: '2026.1'."


_SAYINGS: dict[str, Callable[[Any, Mapping[str, Any]], tuple[str, str]]] = {
    "duration": lambda value, ctx: (ctx["problem"], ctx["remedy"]),
    "enum": _enum,
    "greater_than": _range,
    "greater_than_equal": _range,
    "less_than_equal": _range,
    "missing": lambda value, ctx: ("is missing", f"Add it; {REFERENCE}."),
    "string_pattern_mismatch": _pattern,
    "string_too_long": lambda value, ctx: (f"is longer than {ctx['max_length']} characters", "Shorten it."),
    "string_too_short": lambda value, ctx: ("is empty", f"Write it; {REFERENCE}."),
    "string_type": lambda value, ctx: (f"{_shown(value)} is not text", "Put it in quotation marks."),
    "too_short": lambda value, ctx: ("must have at least one entry", "Add one on a line of its own, after '- '."),
}
_BY_START: tuple[tuple[str, str, str], ...] = (
    ("bool", "is not true or false", "Write true or false."),
    ("date", "is not a date", "Write it as 2026-11-01."),
    ("int", "is not a whole number", "Write a whole number."),
    ("float", "is not a number", "Write a number, such as 0.7."),
    ("finite", "is not a number", "Write a number, such as 0.7."),
    ("tuple", "is not a list", "Write each entry on a line of its own, after '- '; write [] for none."),
    ("model", "is not a group of fields", f"Write its fields indented below it; {REFERENCE}."),
    ("dict", "is not a group of fields", f"Write each as 'name: value' indented below it; {REFERENCE}."),
)


def from_validation(file: str, error: ValidationError, fields: Sequence[str]) -> Iterator[Problem]:
    """The problems that pydantic found, reworded. `fields`: every field name there is, to suggest the nearest."""
    for found in error.errors(include_url=False):
        kind, value, ctx = found["type"], found["input"], found.get("ctx", {})
        where = field_path(found["loc"])
        if not where and value is None:
            yield Problem(file, "", "is empty", "Restore it, or remove the file.")
        elif kind == "extra_forbidden":
            name = str(found["loc"][-1])
            near = difflib.get_close_matches(name, fields, n=1, cutoff=0.75)
            remedy = f"Did you mean '{near[0]}'?" if near else "Remove it, or look up its name in the reference."
            yield Problem(file, where, "is not a field of the code of practice", remedy)
        elif kind in _SAYINGS:
            yield Problem(file, where, *_SAYINGS[kind](value, ctx))
        else:
            for start, problem, remedy in _BY_START:
                if kind.startswith(start):
                    yield Problem(file, where, f"{_shown(value)} {problem}", remedy)
                    break
            else:
                yield Problem(file, where, found["msg"].rstrip("."), f"Correct it; {REFERENCE}.")
