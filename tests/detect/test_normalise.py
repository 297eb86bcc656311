"""Disguises are seen through; ordinary words are left alone; every token's place in the original is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.detect.normalise import MAX_TOKEN, chunks_with_spans, tokens, tokens_of_chunk, trim_span

CASES = [
    ("Hello, World.", ["hello", "world"], "case and plain punctuation"),
    ("don't DON\u2019T dont", ["dont", "dont", "dont"], "apostrophes are written or not"),
    ("k1ll h4te thr3at", ["kill", "hate", "threat"], "digits for letters inside a word"),
    ("$tupid p@in h!de", ["stupid", "pain", "hide"], "signs for letters"),
    ("covid19 mp3 b4 4ever", ["covid19", "mp3", "b4", "4ever"], "digits at an edge mean themselves"),
    ("k*ll f**l", ["k*ll", "f**l"], "starred letters stay one word"),
    ("soooooo goooood", ["soo", "good"], "drawn-out letters are cut to two"),
    ("no!!!! why??", ["no", "!", "why", "?"], "runs of marks count once"),
    ("p\u200ba\u200di\u00adn", ["pain"], "invisible characters"),
    ("\uff4b\uff49\uff4e\uff44", ["kind"], "full-width letters"),
    ("p\u0336a\u0336i\u0336n\u0336", ["pain"], "struck-through letters"),
    ("h\u0435lp \u0440ain", ["help", "pain"], "Cyrillic letters in a Latin word"),
    ("\u043f\u0440\u0438\u0432\u0435\u0442", ["\u043f\u0440\u0438\u0432\u0435\u0442"], "a Russian word stays Russian"),
    ("gr\u00fc\u00dfe", ["gr\u00fcsse"], "umlauts are letters"),
    ("see https://a.example/x?y=1 www.b.example", ["see", "<url>", "<url>"], "addresses"),
    ("@ann and @ann@social.example", ["<user>", "and", "<user>"], "handles, also federated ones"),
    ("write to a.b@c.example", ["write", "to", "<email>"], "e-mail"),
    ("12 3.5 1st", ["<num>", "<num>", "<num>"], "numbers"),
    ("@USER [NAME] URL <url>", ["<user>", "<user>", "<url>", "<url>"], "masks that public sets use"),
    ("self-harm and/or #EdRecovery", ["self", "harm", "and", "or", "edrecovery"], "compounds and tags are opened"),
    ("\U0001f642\U0001f642 ok\u2764\ufe0f", ["\U0001f642", "ok", "\u2764"], "emoji"),
    ("... --- ,,,", [], "nothing but punctuation"),
    ("", [], "nothing"),
]


@pytest.mark.parametrize(("text", "expected", "why"), CASES, ids=[case[2] for case in CASES])
def test_tokens(text: str, expected: list[str], why: str) -> None:
    assert tokens(text) == expected, why


@given(st.text())
def test_spans_lead_back_to_the_original(text: str) -> None:
    found = list(chunks_with_spans(text))
    assert [chunk for chunk, _, _ in found] == text.split()
    assert all(text[start:end] == chunk for chunk, start, end in found)


@given(st.text())
def test_no_token_is_long_or_holds_white_space(text: str) -> None:
    for token in tokens(text):
        assert 0 < len(token) <= MAX_TOKEN
        assert not any(character.isspace() for character in token)


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=40))
def test_the_short_way_for_plain_words_agrees_with_the_long_one(word: str) -> None:
    assert tokens_of_chunk(word) == tokens_of_chunk(f"({word})")


@pytest.mark.parametrize(("text", "trimmed"), [("(kill),", "kill"), ("!!!", "!!!"), ("a", "a"), ("'tis", "tis")])
def test_trim_span(text: str, trimmed: str) -> None:
    start, end = trim_span(f"x {text} y", 2, 2 + len(text))
    assert f"x {text} y"[start:end] == trimmed
