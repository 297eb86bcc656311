"""English in all its ways is read; other languages are not taken for harmless."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.detect.language import UNDETERMINED, identify, identify_all

READ = [
    "Lovely morning, off to get some bread",
    "man went 1 man up on the glide ygm",
    "wagwan bruv u coming ends later",
    "I finna go to da store rn fr fr",
    "ye cannae dae that ya muppet",
    "abeg make you no worry me jare",
    "they sld hang em all",
    "lmaooo nah",
    "kys",
    "omg te quiero bestie",
    "k\u0456ll your\u0455elf",
    "\U0001d4f4\U0001d4f2\U0001d4f5\U0001d4f5 \U0001d502\U0001d4f8\U0001d4fe\U0001d4fb\U0001d4fc\U0001d4ee\U0001d4f5\U0001d4ef",
    "g3t r1d 0f m3 1f u c4n, n00b",
    "h a t e  e v e r y  s i n g l e  d a y",
    "c.a.n.t b.r.e.a.t.h.e i.n t.h.i.s",
    "cannnnt doooo thisssss lifeeee",
    "",
    "\U0001f642\U0001f642",
    "https://a.example/x?y=1 @ann #weekend",
]
OTHER = [
    ("Je veux mourir et personne ne le saura", "fr"),
    ("Ich hasse diese Leute wirklich sehr", "de"),
    ("no puedo m\u00e1s con esta vida", "es"),
    ("dwi'n hoffi coffi yn y bore", "cy"),
    ("@USER @USER Ihr seid alle L\u00fcgner und Verbrecher \U0001f923\U0001f921", "de"),
    ("Je veux mourir \U0001f62d\U0001f62d", "fr"),
    ("Nie mam si\u0142y \u017cy\u0107", "pl"),
    (
        "\u043f\u0440\u0438\u0432\u0435\u0442 \u043a\u0430\u043a \u0434\u0435\u043b\u0430 \u0434\u0440\u0443\u0437\u044c\u044f",
        "ru",
    ),
    ("\u6b7b\u306b\u305f\u3044", "ja"),
]


@pytest.mark.parametrize("text", READ)
def test_english_in_dialect_slang_or_disguise_is_read(text: str) -> None:
    assert identify(text).read


@pytest.mark.parametrize(("text", "code"), OTHER)
def test_other_languages_are_named_and_not_read(text: str, code: str) -> None:
    found = identify(text)
    assert (found.code, found.read) == (code, False)


def test_another_script_is_never_read_however_short() -> None:
    assert not identify("\u0442\u044b").read


def test_too_little_to_tell_is_read_as_undetermined() -> None:
    assert identify("zzz").code == UNDETERMINED


@given(st.lists(st.text(max_size=80), max_size=5))
def test_any_text_has_a_language_and_neighbours_do_not_matter(texts: list[str]) -> None:
    assert identify_all(texts) == [identify(text) for text in texts]
