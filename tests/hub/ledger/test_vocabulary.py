"""What an entry may say: codes, identifiers, counts, digests and moments, and nothing that names or quotes anybody."""

from __future__ import annotations

import types
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from seawall.hub.ledger.vocabulary import EVENTS, Citation, Code, Count, Digest, Event, Identifier
from seawall.hub.practice.loading import load_code, shipped_codes

ALLOWED = {Code, Citation, Count, Digest, Identifier, bool, datetime}
STRINGS = {"Code": Code, "Digest": Digest, "Identifier": Identifier, "Citation": Citation}
REFUSED = [
    "",
    " ",
    "somebody said this",
    "somebody.said\nthis",
    "code\n",
    "mary@hub.example",
    "Mary Example",
    "<script>",
    "a\0b",
    "\ud800",
    "é",
    "x" * 121,
    "“quoted”",
    "a;b",
    "'; drop",
]


def _parts(annotation: Any) -> Iterator[Any]:
    """The kinds of value that a field may hold, with None and dictionaries taken apart."""
    if annotation in ALLOWED or get_origin(annotation) is Annotated:
        yield annotation
    elif get_origin(annotation) in (Union, types.UnionType, dict):
        for part in get_args(annotation):
            if part is not types.NoneType:
                yield from _parts(part)
    else:
        yield annotation


@pytest.mark.parametrize("event", EVENTS.values(), ids=list(EVENTS))
def test_every_field_is_of_a_kind_that_holds_no_text(event: type[Event]) -> None:
    hints = {
        name: annotation for name, annotation in _hints(event).items() if name not in ("verb", "means", "model_config")
    }
    assert set(hints) == set(event.model_fields)
    for name, annotation in hints.items():
        for part in _parts(annotation):
            assert part in ALLOWED, f"{event.__name__}.{name} may hold {part}"


def _hints(event: type[Event]) -> dict[str, Any]:
    return {
        name: annotation
        for kind in reversed(event.__mro__)
        if issubclass(kind, Event)
        for name, annotation in vars(kind).get("__annotations__", {}).items()
    }


def test_every_verb_is_told_once_and_in_words() -> None:
    kinds = Event.__subclasses__()
    ours = [kind for kind in kinds if kind.__module__ == Event.__module__]
    assert [kind.verb for kind in ours] == list(dict.fromkeys(kind.verb for kind in ours)), "a verb is there twice"
    assert set(EVENTS.values()) == set(ours)
    for kind in ours:
        noun, _, what = kind.verb.partition(".")
        assert noun.isidentifier()
        assert what.isidentifier()
        assert kind.verb.islower()
        assert kind.means[0].isupper()
        assert not kind.means.endswith(".")


@pytest.mark.parametrize("kind", list(STRINGS))
@pytest.mark.parametrize("value", REFUSED)
def test_texts_names_and_addresses_are_refused(kind: str, value: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(STRINGS[kind]).validate_python(value, strict=True)


@given(
    value=st.text().filter(
        lambda text: any(c.isspace() or not c.isascii() or not c.isprintable() or c in "@\"';<>" for c in text)
    )
)
@example("a b")
@example("a\n")
def test_no_code_holds_a_space_an_address_or_anything_but_plain_ascii(value: str) -> None:
    for kind in (Code, Identifier, Digest):
        with pytest.raises(ValidationError):
            TypeAdapter(kind).validate_python(value, strict=True)


@pytest.mark.parametrize("value", [-1, 2**53, 1.0, 1.5, "1", True, None])
def test_a_count_is_a_whole_number_that_every_reader_of_json_can_hold(value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Count).validate_python(value, strict=True)


def test_a_field_that_is_not_declared_is_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        EVENTS["directory.person_added"].model_validate({"name": "anybody"})


def test_the_codes_that_ship_can_be_cited() -> None:
    cited = 0
    for folder in shipped_codes().values():
        for harm in load_code(folder).harms:
            TypeAdapter(Code).validate_python(harm.id, strict=True)
            for provision in harm.legal_refs:
                cited += 1
                TypeAdapter(Citation).validate_python(provision.name, strict=True)
    assert cited > 20


@pytest.mark.parametrize(
    "text",
    ["Somebody 1999 said, section", "Suicide Act 1961", "Act, section 2", "He lives at Rose Lane 1999, flat 2 now"],
)
def test_a_citation_is_an_act_a_year_and_a_section(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Citation).validate_python(text, strict=True)
