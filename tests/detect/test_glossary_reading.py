"""A wrong file of the glossary is refused with its name, the term, the field, and what to do about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from seawall.detect.glossary import Glossary, GlossaryError

GOOD = """
sources:
  own: {name: Ours, licence: Apache-2.0}
defaults:
  harmless: {area: anywhere, source: own, confidence: medium, reviewer: Nobody yet}
  bearing: {area: UK, source: own, confidence: low, reviewer: Nobody yet}
terms:
- term: food
  senses:
  - something to eat
  - {meaning: drugs, families: [gang_weapons]}
"""

WRONG = [
    ("families: [gang_weapons]", "families: [gang_weapon]", "sense 2, families: 'gang_weapon' is not a family. Did you mean 'gang_weapons'?"),
    ("meaning: drugs", "meaning: drugs, for sale", "sense 2: 'for sale' is not a field. Put the meaning in quotation marks: it holds a comma."),
    ("meaning: drugs", "meaning: drugs, aera: UK", "term 'food', sense 2: 'aera' is not a field. Did you mean 'area'?"),
    ("meaning: drugs", "area: UK", "term 'food', sense 2, meaning: is missing. Write it, in quotation marks."),
    ("meaning: drugs", "meaning: drugs, area: Lodon", "term 'food', sense 2, area: 'Lodon' is not known here. Did you mean 'London'?"),
    ("meaning: drugs", "meaning: drugs, source: road", "term 'food', sense 2, source: 'road' is not known here. Use one of: own."),
    ("meaning: drugs", "meaning: drugs, confidence: high", "term 'food', sense 2, confidence: is high, yet nobody has reviewed it."),
    ("meaning: drugs", "meaning: drugs, valid_from: '2020'", "term 'food', sense 2, valid_from: '2020' is not a year that has been."),
    ("meaning: drugs", "meaning: drugs, valid_from: 2020, valid_to: 2019", "valid_to: 2019 is before valid_from, 2020."),
    ("meaning: drugs", "meaning: drugs., reviewer: ''", "term 'food', sense 2, reviewer: is missing."),
    ("meaning: drugs", "meaning: drugs.", "term 'food', sense 2, meaning: is not a piece of a sentence."),
    ("meaning: drugs", "meaning: " + "drug" * 40, "term 'food', sense 2, meaning: is longer than 110 characters."),
    ("  - something to eat\n", "", "term 'food', senses: there is no harmless sense. Add one, or write 'coined: true'"),
    ("term: food", "term: food\n  coined: true", "term 'food', coined: is true, yet there is a harmless sense."),
    ("term: food", "term: food\n  utterance: 1", "term 'food', utterance: 1 is neither true nor false."),
    ("term: food", "term: 1488", "term '1488', terms, number 1, term: is not text. Put it in quotation marks."),
    ("term: food", "term: food\n  variants: [off]", "term 'food', variants: False is not text. Put it in quotation marks."),
    ("term: food", "term: '...'", "term '...', variants: '...' has 0 words or signs that can be looked for. Write it with 1 to 6."),
    ("term: food", "term: food\n  variants: [FOOD]", "term 'food', variants: 'FOOD' is read just like 'food'. Leave one of them out."),
    ("term: food", "term: food\n  variant: [grub]", "term 'food': 'variant' is not a field. Did you mean 'variants'?"),
    ("{name: Ours, licence: Apache-2.0}", "{name: Ours}", "sources, own, licence: is missing."),
    ("terms:", "words:", "terms: is missing or no list. Write each term after '- '."),
    ("sources:", "sources: [", "is not YAML"),
]  # fmt: skip


def read(folder: Path, text: str, name: str = "food.yaml") -> Glossary:
    (folder / name).write_text(text, encoding="utf-8")
    return Glossary.read(sorted(folder.glob("*.yaml")))


def test_a_good_file_is_read(tmp_path: Path) -> None:
    (entry,) = read(tmp_path, GOOD).entries
    assert [(each.meaning, each.families, each.area, each.source) for each in entry.senses] == [
        ("something to eat", (), "anywhere", "Ours"),
        ("drugs", ("gang_weapons",), "UK", "Ours"),
    ]


@pytest.mark.parametrize(("right", "wrong", "said"), WRONG, ids=[case[2][:60] for case in WRONG])
def test_what_is_wrong_is_said_with_file_term_field_and_remedy(
    tmp_path: Path, right: str, wrong: str, said: str
) -> None:
    assert right in GOOD
    with pytest.raises(GlossaryError) as caught:
        read(tmp_path, GOOD.replace(right, wrong, 1))
    assert (
        f"food.yaml: {said}" in str(caught.value)
        or f", {said}" in str(caught.value)
        or f": {said}" in str(caught.value)
    )
    assert all(problem.remedy for problem in caught.value.problems)


def test_senses_in_the_wrong_order_are_refused(tmp_path: Path) -> None:
    swapped = GOOD.replace("  - something to eat\n", "") + "  - something to eat\n"
    with pytest.raises(GlossaryError, match="Put the harmless ones first"):
        read(tmp_path, swapped)


def test_a_term_in_two_files_is_refused(tmp_path: Path) -> None:
    read(tmp_path, GOOD)
    with pytest.raises(
        GlossaryError,
        match=r"more\.yaml: term 'Food', variants: 'Food' stands already in the term 'food' of food\.yaml",
    ):
        read(tmp_path, GOOD.replace("term: food", "term: Food"), "more.yaml")


def test_a_missing_file_and_an_empty_one_are_told(tmp_path: Path) -> None:
    with pytest.raises(GlossaryError, match=r"gone\.yaml: cannot be read"):
        Glossary.read([tmp_path / "gone.yaml"])
    with pytest.raises(GlossaryError, match="holds no fields"):
        read(tmp_path, "")
