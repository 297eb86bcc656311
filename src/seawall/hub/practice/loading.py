"""Read a code of practice from its folder of YAML files, or say everything that is wrong with it. Pure: no Django.

The files are written by people who are not programmers, so the YAML is a small, strict part of the language: no
anchors, no tags, no key twice, `true` and `false` alone are booleans, and dates stay text until a field wants a date.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from seawall.hub.practice import schema
from seawall.hub.practice.consistency import Parts, check
from seawall.hub.practice.problems import CodeOfPracticeError, Problem, from_validation

__all__ = ["CODES", "DEFAULT_CODE", "CodeOfPracticeError", "Problem", "load_code", "shipped_codes"]

CODES = Path(__file__).parent / "codes"
DEFAULT_CODE = "uk-2026"
MAX_BYTES = 128 * 1024
MAX_FILES = 400
MAX_DEPTH = 12

_M = TypeVar("_M", bound=schema.Frozen)


class _SupportFile(schema.Frozen):
    lines: tuple[schema.SupportLine, ...]


class _LimitsFile(schema.Frozen):
    limits: tuple[schema.StatutoryLimit, ...]


class _ExemptionsFile(schema.Frozen):
    exemptions: tuple[schema.Exemption, ...]


_FIELDS = sorted({name for model in schema.Frozen.__subclasses__() for name in model.model_fields})
_FIXED = ("code.yaml", "support.yaml", "limits.yaml", "exemptions.yaml", "flagging.yaml")


def shipped_codes() -> dict[str, Path]:
    """The codes that come with the program: id to folder."""
    return {folder.name: folder for folder in sorted(CODES.iterdir()) if (folder / "code.yaml").is_file()}


def load_code(path: str | Path) -> schema.Code:
    """Read and check the code of practice in a folder.

    Raises `CodeOfPracticeError`, whose `problems` list everything wrong in every file, in the order of the files.
    """
    folder = Path(path)
    problems: list[Problem] = []
    try:
        names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise CodeOfPracticeError(
            str(folder), [Problem(folder.name, "", f"the folder cannot be read: {reason}", "Check its path.")]
        ) from None
    yaml_names = [name for name in names if name.endswith(".yaml")]
    if len(yaml_names) > MAX_FILES:
        problem = Problem(folder.name, "", f"the folder holds more than {MAX_FILES} files", "Check that it is the one.")
        raise CodeOfPracticeError(str(folder), [problem])
    problems += [
        Problem(name, "", "is not read, because its name ends in .yml", "Rename it to end in .yaml.")
        for name in names
        if name.endswith(".yml")
    ]
    parsed: dict[str, schema.Frozen] = {}
    for name in (*_FIXED, *(name for name in yaml_names if name not in _FIXED)):
        model = _MODELS.get(name, schema.Harm)
        if name not in yaml_names:
            problems.append(Problem(name, "", "is missing", "Restore it; every code has one."))
            continue
        document, found = _read(folder / name)
        problems += found
        if not found:
            try:
                parsed[name] = model.model_validate(document)
            except ValidationError as error:
                problems += from_validation(name, error, _FIELDS)
    parts = Parts(
        folder=folder.name,
        head=_part(parsed, "code.yaml", schema.CodeHead),
        harms={name: harm for name, harm in parsed.items() if isinstance(harm, schema.Harm)},
        support=_rows(parsed, "support.yaml", _SupportFile, lambda file: file.lines),
        limits=_rows(parsed, "limits.yaml", _LimitsFile, lambda file: file.limits),
        exemptions=_rows(parsed, "exemptions.yaml", _ExemptionsFile, lambda file: file.exemptions),
        flagging=_part(parsed, "flagging.yaml", schema.Flagging),
    )
    problems += check(parts)
    if problems:
        order = {name: number for number, name in enumerate(yaml_names)}
        order |= {name: -number for number, name in enumerate(reversed(_FIXED), start=1)}
        raise CodeOfPracticeError(folder.name, sorted(problems, key=lambda found: order.get(found.file, len(order))))
    if parts.head is None or parts.support is None or parts.limits is None or parts.exemptions is None:
        raise AssertionError("a file failed to load without leaving a problem")  # cannot happen; keeps the types honest
    return schema.Code(
        head=parts.head,
        harms=tuple(sorted(parts.harms.values(), key=lambda harm: harm.id)),
        support=parts.support,
        limits=parts.limits,
        exemptions=parts.exemptions,
        flagging=parts.flagging,
    )


_MODELS: dict[str, type[schema.Frozen]] = {
    "code.yaml": schema.CodeHead,
    "support.yaml": _SupportFile,
    "limits.yaml": _LimitsFile,
    "exemptions.yaml": _ExemptionsFile,
    "flagging.yaml": schema.Flagging,
}


def _part(parsed: dict[str, schema.Frozen], name: str, model: type[_M]) -> _M | None:
    found = parsed.get(name)
    return found if isinstance(found, model) else None


_T = TypeVar("_T")


def _rows(
    parsed: dict[str, schema.Frozen], name: str, model: type[_M], rows: Callable[[_M], tuple[_T, ...]]
) -> tuple[_T, ...] | None:
    found = _part(parsed, name, model)
    return None if found is None else rows(found)


Parsed = tuple[Any, list[Problem]]


def _read(path: Path) -> Parsed:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        problem = f"cannot be read: {error.strerror or error}"
        return None, [Problem(path.name, "", problem, "Check the file and its permissions.")]
    return _parse(path.name, raw)


def _parse(name: str, raw: bytes) -> Parsed:
    def wrong(where: str, problem: str, remedy: str) -> Parsed:
        return None, [Problem(name, where, problem, remedy)]

    if len(raw) > MAX_BYTES:
        return wrong("", f"is larger than {MAX_BYTES // 1024} KiB", "A harm is a page of text; check the file.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        return wrong(f"line {line}", "is not UTF-8 text", "Save the file again with the encoding UTF-8.")
    try:
        return yaml.load(text, Loader=_Loader), []  # noqa: S506 - _Loader builds text, numbers, lists and groups alone
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        if isinstance(error, _ReadingError):
            return wrong(where, error.problem, error.remedy)
        for start, problem, remedy in _PLAIN:
            if (error.problem or "").startswith(start):
                return wrong(where, problem, remedy)
        remedy = "Check indentation and quotation marks here and above."
        return wrong(where, f"cannot be read ({error.problem})", remedy)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return wrong(f"line {line}", f"holds the control character U+{error.character:04X}", "Remove it.")


_PLAIN = (
    ("mapping values are not allowed", "has a colon where none may stand", "Put text with a colon in quotation marks."),
    ("found character '\\t'", "has a tab", "Indent with spaces."),
)


class _ReadingError(yaml.MarkedYAMLError):
    problem: str

    def __init__(self, problem: str, remedy: str, mark: Any) -> None:
        super().__init__(problem=problem, problem_mark=mark)
        self.remedy = remedy


class _Loader(yaml.SafeLoader):
    """The small part of YAML that the code of practice is written in."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    yaml_constructors = {
        tag: maker
        for tag, maker in yaml.SafeLoader.yaml_constructors.items()
        if tag is None or tag.rpartition(":")[2] in {"str", "int", "float", "bool", "null", "seq", "map"}
    }
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs leave it bare
        if isinstance(event, yaml.AliasEvent):
            raise _ReadingError("an alias (*name) is not allowed", "Write the text out again.", event.start_mark)
        if getattr(event, "anchor", None) is not None:
            raise _ReadingError("an anchor (&name) is not allowed", "Remove it.", event.start_mark)
        if getattr(event, "tag", None) not in (None, "!"):
            raise _ReadingError(f"the tag {event.tag} is not allowed", "Remove it.", event.start_mark)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _ReadingError("is nested too deeply", "Check the indentation and brackets.", event.start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _ReadingError("a field name is not text", "Write 'name: value'.", key.start_mark)
            if key.value in seen:
                raise _ReadingError(f"the field '{key.value}' is there twice", "Keep one of them.", key.start_mark)
            seen.add(key.value)
        return {key.value: self.construct_object(value, deep=deep) for key, value in node.value}


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:null|~|)$"), ["n", "~", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^(?:0|[1-9][0-9]{0,8})$"), list("0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[0-9]{1,9}\.[0-9]{1,9}$"), list("0123456789"))
