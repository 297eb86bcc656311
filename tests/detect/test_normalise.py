"""Disguises are seen through; ordinary words are left alone; every token's place in the original is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.detect.disguise import cut_words, hides_something, letters_for_signs, undraw, unstar, unswap
from seawall.detect.normalise import MAX_TOKEN, chunks, chunks_with_spans, plain, tokens, tokens_of_chunk, trim_span

CASES = [
    ("Hello, World.", ["hello", "world"], "case and plain punctuation"),
    ("don't DON\u2019T dont", ["dont", "dont", "dont"], "apostrophes are written or not"),
    ("k1ll h4te thr3at", ["kill", "hate", "threat"], "digits for letters inside a word"),
    ("5uicide 4bortion", ["suicide", "abortion"], "one digit in front of a longer word"),
    ("$tupid p@in h!de", ["stupid", "pain", "hide"], "signs for letters"),
    (
        "covid19 mp3 ps4 80mb 3ds 4ever",
        ["covid19", "mp3", "ps4", "80mb", "3ds", "4ever"],
        "names of things keep digits",
    ),
    ("b4 gr8 m8", ["before", "great", "mate"], "short forms"),
    ("k*ll s*icide f**k", ["kill", "suicide", "fuck"], "starred letters of words that are often hidden"),
    ("w*rthless y*urself", ["worthless", "yourself"], "one letter starred out of a common word"),
    (
        "yuorself wortlhess sucide",
        ["yourself", "worthless", "suicide"],
        "letters swapped, or one left out of a hidden word",
    ),
    ("f**l *hate* well*", ["f**l", "hate", "well"], "other stars are left alone"),
    ("noooooo goooood diiiie", ["no", "good", "die"], "drawn-out letters"),
    ("no!!!! why??", ["no", "!", "why", "?"], "runs of marks count once"),
    ("p\u200ba\u200di\u00adn", ["pain"], "invisible characters"),
    ("\uff4b\uff49\uff4e\uff44", ["kind"], "full-width letters"),
    ("\U0001d4f4\U0001d4f2\U0001d4f7\U0001d4ed", ["kind"], "letters from the mathematicians' alphabets"),
    ("\U0001f17a\U0001f178\U0001f17d\U0001f173", ["kind"], "boxed letters"),
    ("p\u0336a\u0336i\u0336n\u0336", ["pain"], "struck-through letters"),
    ("h\u0435lp \u0440ain", ["help", "pain"], "Cyrillic letters in a Latin word"),
    ("\u043f\u0440\u0438\u0432\u0435\u0442", ["\u043f\u0440\u0438\u0432\u0435\u0442"], "a Russian word stays Russian"),
    ("gr\u00fc\u00dfe", ["gr\u00fcsse"], "umlauts are letters"),
    ("h e l p me", ["help", "me"], "letters spaced apart"),
    ("they all d i e", ["they", "all", "d", "i", "e"], "three letters apart may be initials"),
    ("h.e.l.p h-e-l-p U.S. e.g.", ["help", "help", "u", "s", "e", "g"], "letters with signs between them"),
    (
        "hateyourself blackbird discriminatory",
        ["hate", "yourself", "blackbird", "discriminatory"],
        "words run together",
    ),
    ("#StopTheHate #stopthehate #ed", ["stop", "the", "hate", "stop", "the", "hate", "ed"], "tags are opened"),
    ("unalive", ["kill"], "words coined to get past filters"),
    ("see https://a.example/x?y=1 www.b.example", ["see", "<url>", "<url>"], "addresses"),
    ("@ann and @ann@social.example", ["<user>", "and", "<user>"], "handles, also federated ones"),
    ("write to a.b@c.example", ["write", "to", "<email>"], "e-mail"),
    ("12 3.5 1st", ["<num>", "<num>", "<num>"], "numbers"),
    ("@USER [NAME] URL <url>", ["<user>", "<user>", "<url>", "<url>"], "masks that public sets use"),
    ("self-harm and/or", ["self", "harm", "and", "or"], "compounds"),
    ("\U0001f52a\U0001f52a ok\u2764\ufe0f", ["kitchen", "knife", "ok", "red", "heart"], "emoji in words, a run once"),
    ("end.Start, what!Ever", ["end", "start", "what", "!", "ever"], "marks without a space are marks"),
    ("... --- ,,,", [], "nothing but punctuation"),
    ("", [], "nothing"),
]


@pytest.mark.parametrize(("text", "expected", "why"), CASES, ids=[case[2] for case in CASES])
def test_tokens(text: str, expected: list[str], why: str) -> None:
    assert tokens(text) == expected, why


@given(st.text())
def test_spans_lead_back_to_the_original(text: str) -> None:
    found = list(chunks_with_spans(text))
    assert [chunk for chunk, _, _ in found] == chunks(text)
    assert all(text[start:end] == chunk for chunk, start, end in found)
    # Nothing but white space lies outside the chunks.
    left = list(text)
    for _, start, end in found:
        left[start:end] = " " * (end - start)
    assert not "".join(left).strip()


@given(st.text())
def test_plain_text_is_its_chunks_and_knows_their_places(text: str) -> None:
    found = plain(text)
    assert " ".join(found.text[start:end] for start, end, _, _ in found.places) == found.text
    for start, end, first, last in found.places:
        assert found.original(start, end) == (first, last)
        assert 0 <= first < last <= len(text)
    if found.text:
        assert found.original(0, len(found.text)) == (found.places[0][2], found.places[-1][3])
    assert found.original(len(found.text) + 5, len(found.text) + 6) is None


@given(st.text())
def test_plain_text_is_settled(text: str) -> None:
    once = plain(text).text
    assert "\n" not in once
    assert once == once.strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('She said "go away" to me.', 'she said "go away" to me.'),
        ("Not now, please -- later?!", "not now, please -- later?!"),
        ("wow!!!!!!", "wow!!"),
        ("k i n d words", "kind words"),
    ],
)
def test_plain_text_keeps_the_marks_that_meaning_hangs_on(text: str, expected: str) -> None:
    assert plain(text).text == expected


def test_a_reason_in_disguised_words_points_at_what_was_written() -> None:
    text = "oh  h e l p   \uff4d\uff45 now"
    found = plain(text)
    at = found.text.index("help")
    span = found.original(at, at + 4)
    assert span is not None
    assert text[slice(*span)] == "h e l p"


@pytest.mark.parametrize(
    "word", ["clots", "cures", "boast", "apologise", "people", "because", "wolverhampton", "h8", "x", "a1", "kirkcaldy"]
)
def test_words_that_are_no_disguise_are_left_alone(word: str) -> None:
    assert (unstar(word), letters_for_signs(word), undraw(word), unswap(word)) == (word, word, word, word)
    assert cut_words(word) == (word,)


@given(st.text(max_size=60))
def test_undisguising_never_fails_and_never_grows_much(word: str) -> None:
    folded = word.casefold()
    for made in (unstar(folded), letters_for_signs(folded), undraw(folded), "".join(cut_words(folded))):
        assert len(made) <= len(folded) + 4


def test_only_a_cut_that_lays_bare_a_hidden_word_is_believed() -> None:
    assert hides_something(("kill", "yourself"))
    assert not hides_something(("black", "birds"))
    assert not hides_something(("kill",))


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
