"""Read the glossary's YAML files, and say all that is wrong with them. docs/reference/glossary-of-senses.md has the format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import yaml

from seawall.detect.families import FAMILIES
from seawall.detect.glossary.entries import AREAS, CONFIDENCES, NOBODY, Entry, Sense
from seawall.detect.glossary.problems import GlossaryError, Problem, closest
from seawall.detect.glossary.streams import words_as_written

FILE_FIELDS: Final = ("about", "sources", "defaults", "terms")
DEFAULTS: Final = ("harmless", "bearing")
TERM_FIELDS: Final = ("term", "variants", "coined", "utterance", "senses")
SENSE_FIELDS: Final = (
    "meaning", "families", "area", "among", "valid_from", "valid_to", "source", "confidence", "reviewer",
)  # fmt: skip
#: What a sense must say, itself or by its file's defaults.
REQUIRED: Final = ("meaning", "area", "source", "confidence", "reviewer")
EARLIEST_YEAR: Final = 1800
MOST_WORDS: Final = 6
LONGEST_MEANING: Final = 110
#: C-built YAML where there is one: many times faster, the same language.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class _File:
    """One file being read: its sources and defaults, and the problems met so far."""

    name: str
    problems: list[Problem]
    sources: dict[str, tuple[str, str]] = field(default_factory=dict)
    defaults: dict[str, dict[str, Any]] = field(default_factory=dict)

    def wrong(self, term: str, where: str, problem: str, remedy: str) -> None:
        self.problems.append(Problem(self.name, term, where, problem, remedy))

    def unknown(self, term: str, where: str, given: Iterable[object], known: Sequence[str]) -> None:
        for name in given:
            if name not in known:
                self.wrong(term, where, f"'{name}' is not a field", closest(name, known))


def entries_of(paths: Iterable[Path]) -> tuple[Entry, ...]:
    """The entries of all the files. Raises `GlossaryError` with every problem found."""
    problems: list[Problem] = []
    owners: dict[tuple[str, ...], tuple[str, int, int, str]] = {}
    entries: list[Entry] = []
    for path in paths:
        file = _File(path.name, problems)
        for entry in _entries(file, path):
            for place, spelling in enumerate(entry.spellings):
                here = (path.name, len(entries), place, spelling)
                owner = owners.setdefault(words_as_written(spelling), here)
                if owner[1] != len(entries):
                    problem = f"'{spelling}' stands already in the term '{entries[owner[1]].term}' of {owner[0]}"
                    file.wrong(entry.term, "variants", problem, "Keep one entry and put the senses of both into it.")
                elif owner != here:
                    problem = f"'{spelling}' is read just like '{owner[3]}'"
                    file.wrong(entry.term, "variants", problem, "Leave one of them out.")
            entries.append(entry)
    if problems:
        raise GlossaryError(problems)
    return tuple(entries)


def _entries(file: _File, path: Path) -> Iterator[Entry]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 -- both loaders are safe ones
    except (OSError, UnicodeDecodeError) as error:
        file.wrong("", "", f"cannot be read: {error}", "Check the path, and that the file is UTF-8.")
        return
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}" if mark else ""
        file.wrong(
            "",
            line,
            f"is not YAML ({getattr(error, 'problem', error)})",
            "Check the indenting, colons and quotation marks.",
        )
        return
    if not isinstance(content, dict):
        file.wrong("", "", "holds no fields", f"Write {', '.join(FILE_FIELDS)}.")
        return
    file.unknown("", "", content, FILE_FIELDS)
    _sources(file, content.get("sources"))
    _defaults(file, content.get("defaults"))
    terms = content.get("terms")
    if not isinstance(terms, list) or not terms:
        file.wrong("", "terms", "is missing or no list", "Write each term after '- '.")
        return
    for number, row in enumerate(terms, start=1):
        entry = _entry(file, number, row)
        if entry is not None:
            yield entry


def _sources(file: _File, given: object) -> None:
    if not isinstance(given, dict) or not given:
        file.wrong("", "sources", "is missing", "Name each source with its licence: 'own: {name: ..., licence: ...}'.")
        return
    for key, row in given.items():
        row = row if isinstance(row, dict) else {}
        file.unknown("", f"sources, {key}", row, ("name", "licence"))
        for part in ("name", "licence"):
            if not isinstance(row.get(part), str) or not row[part].strip():
                file.wrong(
                    "",
                    f"sources, {key}, {part}",
                    "is missing",
                    "Write it; every sense rests on a source and its licence.",
                )
        file.sources[str(key)] = (str(row.get("name", "")), str(row.get("licence", "")))


def _defaults(file: _File, given: object) -> None:
    rows = given if isinstance(given, dict) else {}
    file.unknown("", "defaults", rows, DEFAULTS)
    for kind in DEFAULTS:
        row = rows.get(kind) or {}
        if isinstance(row, dict):
            file.unknown(
                "", f"defaults, {kind}", row, [name for name in SENSE_FIELDS if name not in ("meaning", "families")]
            )
            file.defaults[kind] = row
        else:
            file.wrong(
                "", f"defaults, {kind}", "is not a group of fields", "Write 'area: UK' and the like, indented below it."
            )


def _entry(file: _File, number: int, row: object) -> Entry | None:
    if not isinstance(row, dict):
        file.wrong(
            "", f"terms, number {number}", f"{row!r} is not a term", "Write '- term: ...' with its senses below it."
        )
        return None
    term = row.get("term")
    if not isinstance(term, str):
        file.wrong(str(term), f"terms, number {number}, term", "is not text", "Put it in quotation marks.")
        return None
    before = len(file.problems)
    file.unknown(term, "", row, TERM_FIELDS)
    variants = row.get("variants") or []
    if not isinstance(variants, list):
        file.wrong(term, "variants", "is not a list", "Write them as [one, another].")
        variants = []
    for spelling in (term, *variants):
        words = words_as_written(spelling) if isinstance(spelling, str) else None
        if words is None:
            file.wrong(term, "variants", f"{spelling!r} is not text", "Put it in quotation marks.")
        elif not 0 < len(words) <= MOST_WORDS:
            problem = f"'{spelling}' has {len(words)} words or signs that can be looked for"
            file.wrong(term, "variants", problem, f"Write it with 1 to {MOST_WORDS}.")
    flags = {name: row.get(name, False) for name in ("coined", "utterance")}
    for name, value in flags.items():
        if not isinstance(value, bool):
            file.wrong(term, name, f"{value!r} is neither true nor false", "Write true, or leave it out.")
    given = row.get("senses")
    if not isinstance(given, list) or not given:
        file.wrong(term, "senses", "is missing or no list", "Write each sense after '- ', the harmless ones first.")
        return None
    senses = [sense for at, each in enumerate(given, start=1) if (sense := _sense(file, term, at, each))]
    if len(file.problems) > before:
        return None
    _order(file, term, senses, coined=flags["coined"])
    return Entry(term=term, variants=tuple(variants), senses=tuple(senses), **flags)


def _order(file: _File, term: str, senses: list[Sense], *, coined: bool) -> None:
    harmless = [sense.harmless for sense in senses]
    if harmless != sorted(harmless, reverse=True):
        file.wrong(
            term, "senses", "a sense that bears on harm stands before a harmless one", "Put the harmless ones first."
        )
    if coined and any(harmless):
        file.wrong(term, "coined", "is true, yet there is a harmless sense", "Leave 'coined' out.")
    if not coined and not any(harmless):
        remedy = "Add one, or write 'coined: true' where the word was made up and has no other meaning."
        file.wrong(term, "senses", "there is no harmless sense", remedy)


def _sense(file: _File, term: str, number: int, given: object) -> Sense | None:
    at = f"sense {number}"
    row: Mapping[Any, Any] = given if isinstance(given, dict) else {"meaning": given}
    before = len(file.problems)
    for name, value in row.items():
        if name not in SENSE_FIELDS:
            comma = (
                "Put the meaning in quotation marks: it holds a comma."
                if value is None
                else closest(name, SENSE_FIELDS)
            )
            file.wrong(term, at, f"'{name}' is not a field", comma)
    families = row.get("families") or []
    if not isinstance(families, list):
        file.wrong(term, f"{at}, families", "is not a list", "Write them as [one, another].")
        families = []
    for family in families:
        if family not in FAMILIES:
            file.wrong(term, f"{at}, families", f"'{family}' is not a family", closest(family, FAMILIES))
    full = {**file.defaults.get("bearing" if families else "harmless", {}), **row}
    for name in REQUIRED:
        value = full.get(name)
        if not isinstance(value, str) or not value.strip():
            file.wrong(
                term,
                f"{at}, {name}",
                f"{value!r} is not text" if value else "is missing",
                "Write it, in quotation marks.",
            )
    if len(file.problems) > before:
        return None
    _meaning(file, term, at, full["meaning"])
    for name, known in (("area", AREAS), ("confidence", CONFIDENCES), ("source", file.sources)):
        if full[name] not in known:
            file.wrong(term, f"{at}, {name}", f"'{full[name]}' is not known here", closest(full[name], known))
    if full["confidence"] == "high" and full["reviewer"] == NOBODY:
        remedy = "Write low or medium until somebody who knows has checked it, and name them as the reviewer."
        file.wrong(term, f"{at}, confidence", "is high, yet nobody has reviewed it", remedy)
    _years(file, term, at, full.get("valid_from"), full.get("valid_to"))
    if not isinstance(full.get("among", ""), str):
        file.wrong(term, f"{at}, among", f"{full['among']!r} is not text", "Put it in quotation marks.")
    if len(file.problems) > before:
        return None
    name, licence = file.sources[full["source"]]
    kept = {
        key: full[key]
        for key in ("meaning", "area", "among", "valid_from", "valid_to", "confidence", "reviewer")
        if key in full
    }
    return Sense(**kept, families=tuple(families), source=name, licence=licence)


def _meaning(file: _File, term: str, at: str, meaning: str) -> None:
    if meaning.endswith(".") or "\n" in meaning or ";" in meaning:
        file.wrong(
            term,
            f"{at}, meaning",
            "is not a piece of a sentence",
            "Write what completes 'it can mean ...', without full stop or semicolon.",
        )
    if len(meaning) > LONGEST_MEANING:
        file.wrong(term, f"{at}, meaning", f"is longer than {LONGEST_MEANING} characters", "Say it in fewer words.")


def _years(file: _File, term: str, at: str, first: object, last: object) -> None:
    this_year = datetime.now(tz=UTC).year
    for name, year in (("valid_from", first), ("valid_to", last)):
        if year is not None and (type(year) is not int or not EARLIEST_YEAR <= year <= this_year):
            remedy = f"Write a year from {EARLIEST_YEAR} to {this_year}, or leave it out."
            file.wrong(term, f"{at}, {name}", f"{year!r} is not a year that has been", remedy)
    if type(first) is int and type(last) is int and first > last:
        file.wrong(term, f"{at}, valid_to", f"{last} is before valid_from, {first}", "Swap or correct them.")
