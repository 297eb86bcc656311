"""Texts that share enough are found, all of them and no others, whatever was added and removed."""

from __future__ import annotations

import random

import numpy as np
import pytest

from seawall.index import DuplicateKey, TextIndex
from seawall.index.texts import SHARE, SHORTEST, pieces, shared

WORDS = [
    "harbour",
    "wall",
    "the",
    "and",
    "a",
    "of",
    "tide",
    "boat",
    "rope",
    "we",
    "are",
    "storm",
    "quay",
    "to",
    "light",
]


def post(draw: random.Random, least: int = 3, most: int = 40) -> str:
    return " ".join(draw.choices(WORDS, weights=range(len(WORDS), 0, -1), k=draw.randint(least, most)))


def changed(draw: random.Random, text: str) -> str:
    words = text.split()
    for _ in range(draw.randint(0, 4)):
        words[draw.randrange(len(words))] = draw.choice(["anchor", "buoy", "mast", "gull"])
    return " ".join(words)


def by_hand(texts: dict[int, str], asked: str, share: float) -> dict[int, float]:
    """The definition, over sets of strings."""

    def of(text: str) -> set[str]:
        return {text} if len(text) < SHORTEST else {text[at : at + 5] for at in range(len(text) - 4)}

    found = {}
    for key, text in texts.items():
        part = len(of(asked) & of(text)) / len(of(asked) | of(text))
        if part >= share - 1e-9:
            found[key] = part
    return found


@pytest.mark.parametrize("share", [0.5, SHARE, 0.9, 1])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_found_is_what_the_definition_says(seed: int, share: float) -> None:
    draw = random.Random(seed)
    index, texts = TextIndex(share=share), {}
    for key in range(400):
        texts[key] = changed(draw, draw.choice(list(texts.values()))) if texts and draw.random() < 0.5 else post(draw)
        index.add(key, texts[key])
        if draw.random() < 0.3:
            gone = draw.choice(list(texts))
            assert index.remove(gone)
            del texts[gone]
    assert len(index) == len(texts)
    for _ in range(25):
        asked = changed(draw, draw.choice(list(texts.values()))) if draw.random() < 0.8 else post(draw)
        found = index.search(asked)
        assert {match.key: match.share for match in found} == pytest.approx(by_hand(texts, asked, share))
        assert found == sorted(found, key=lambda match: (-match.share, match.key))


def test_a_few_words_are_found_by_the_very_same_only() -> None:
    index = TextIndex()
    index.add_many([(1, "see you tonight"), (2, "see you tonight then, at the harbour wall"), (3, "")])
    assert [match.key for match in index.search("see you tonight")] == [1]
    assert index.search("see you tonigh") == []
    assert [match.key for match in index.search("")] == [3]


def test_a_key_is_used_once_and_again_when_it_was_removed() -> None:
    index = TextIndex()
    index.add_many((number, f"{number} boats are tied to the harbour wall tonight") for number in range(300))
    for key in (5, 299):  # settled, and fresh
        with pytest.raises(DuplicateKey):
            index.add(key, "another text about another thing")
        assert key in index
        assert index.remove(key)
        assert key not in index
        assert not index.remove(key)
        index.add(key, "another text about another thing")
    assert [match.key for match in index.search("another text about another thing")] == [5, 299]
    assert len(index.search("7 boats are tied to the harbour wall tonight")) == 298


def test_a_bank_of_near_copies_is_searched_whole() -> None:
    index = TextIndex()
    index.add_many((number, f"the same words again and again, copy number {number:05d}") for number in range(6_000))
    found = index.search("the same words again and again, copy number 00042")
    assert len(found) == 6_000
    assert (found[0].key, found[0].share) == (42, 1.0)


@pytest.mark.parametrize("text", ["\ud800" * 30, "😀" * 30, "a" * 5_000, "\x00" * 25])
def test_any_text_can_be_kept_and_found(text: str) -> None:
    index = TextIndex()
    index.add(1, text)
    assert [match.key for match in index.search(text)] == [1]


def test_pieces_are_a_sorted_set() -> None:
    found = pieces("abcdefghij" * 10)
    assert len(found) == 10
    assert np.all(found[1:] > found[:-1])
    assert shared(found, found) == 1.0


@pytest.mark.parametrize("share", [0.49, 1.01, 0])
def test_a_share_that_says_too_little_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=r"from 0\.5 to 1"):
        TextIndex(share=share)
