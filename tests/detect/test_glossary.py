"""The glossary: what its entries must hold, where terms are found, and what is said of a bad file."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tools.build_glossary import compiled

from seawall.detect.families import FAMILIES
from seawall.detect.glossary import COMPILED, TERMS, Entry, Glossary, Sense
from seawall.detect.glossary.automaton import Automaton
from seawall.detect.glossary.entries import AREAS, CONFIDENCES, NOBODY
from seawall.detect.glossary.reading import SENSE_FIELDS, TERM_FIELDS
from seawall.detect.normalise import ALGOSPEAK

SHIPPED = Glossary.shipped()
FILES = {
    "abuse",
    "eating-disorders",
    "gangs-and-weapons",
    "hate-and-dog-whistles",
    "health-misinformation",
    "suicide-and-self-harm",
}
SPELLINGS = [spelling for entry in SHIPPED.entries for spelling in entry.spellings]


def sense(meaning: str = "something", *families: str, **more: object) -> Sense:
    rest: dict[str, object] = {"source": "test", "licence": "none", "confidence": "low", **more}
    return Sense(meaning=meaning, families=families, **rest)  # type: ignore[arg-type]


def small(*spellings: str, utterances: tuple[str, ...] = ()) -> Glossary:
    return Glossary(Entry(term=word, senses=(sense(),), utterance=word in utterances) for word in spellings)


def found(text: str, glossary: Glossary = SHIPPED) -> list[tuple[str, str]]:
    return [(text[match.start : match.end], match.entry.term) for match in glossary.matches(text)]


# What the shipped data hold


def test_the_compiled_file_is_in_step_with_the_yaml_files() -> None:
    assert COMPILED.read_text(encoding="utf-8") == compiled(), "run: python tools/build_glossary.py"
    assert {path.stem for path in TERMS.glob("*.yaml")} == FILES
    assert Glossary.shipped() is SHIPPED


def test_entries_survive_the_way_through_json() -> None:
    for entry in SHIPPED.entries:
        assert Entry.from_row(json.loads(json.dumps(entry.to_row()))) == entry


@pytest.mark.parametrize("entry", SHIPPED.entries, ids=lambda entry: entry.term)
def test_every_entry_keeps_the_rules(entry: Entry) -> None:
    harmless = [sense.harmless for sense in entry.senses]
    assert any(harmless) != entry.coined, "a harmless sense, unless the word was coined and has none"
    assert harmless == sorted(harmless, reverse=True), "the harmless senses come first"
    for each in entry.senses:
        assert set(each.families) <= set(FAMILIES)
        assert each.area in AREAS
        assert each.confidence in CONFIDENCES
        assert each.source.strip()
        assert each.licence.strip()
        assert each.reviewer.strip()
        assert each.reviewer != NOBODY or each.confidence != "high", "high confidence needs somebody who checked"
        assert each.valid_from is None or 1800 <= each.valid_from <= 2100
        assert each.valid_to is None or (each.valid_from or 1800) <= each.valid_to <= 2100


def test_every_family_has_terms_and_some_terms_are_only_harmless() -> None:
    assert {family for entry in SHIPPED.entries for family in entry.families} == set(FAMILIES)
    assert sum(not entry.families for entry in SHIPPED.entries) > 20


@pytest.mark.parametrize("entry", SHIPPED.entries, ids=lambda entry: entry.term)
def test_every_spelling_is_found_as_its_own_entry(entry: Entry) -> None:
    for spelling in entry.spellings:
        for text in (spelling, spelling.upper(), f"So {spelling}, then."):
            assert [match.entry for match in SHIPPED.matches(text)] == [entry], text


def test_coined_words_that_the_normaliser_undisguises_are_found_as_written() -> None:
    """`unalive` reads as `kill` to the models; the glossary must still find `unalive`, and not find it in `kill`."""
    known = [word for word in ALGOSPEAK if word in SPELLINGS]
    assert len(known) > 10
    for word in known:
        assert [text for text, _ in found(f"to {word} now")] == [word]
    assert found("kill killed suicide") == []


# Where terms are found

CASES = [
    ("Food, now", [("Food", "food")], "punctuation and case"),
    ("f00d or sh@nk", [("f00d", "food"), ("sh@nk", "shank")], "signs for letters"),
    (
        "s\u200bhank \uff53\uff48\uff41\uff4e\uff4b",
        [("s\u200bhank", "shank"), ("ｓｈａｎｋ", "shank")],
        "hidden and wide letters",
    ),
    ("f o o d", [("f o o d", "food")], "letters apart"),
    ("f00d/opps", [("f00d", "food"), ("opps", "opp")], "two terms in one chunk, each in its place"),
    ("#SpinTheBlock", [("SpinTheBlock", "spin the block")], "a tag"),
    ("spin the block", [("spin the block", "spin the block")], "the longest: not 'block'"),
    ("he waited on. Road was clear", [], "no term across the end of a sentence"),
    ("man on road", [("man on road", "on road")], "the same words in one sentence"),
    ("1488 14/88 13:52", [("1488", "1488"), ("14/88", "1488")], "numbers as written; a time is not a fraction"),
    ("41 of us, 41%", [("41%", "41%")], "a share is not a number"),
    ("(((them)))", [("(((", "((( )))")], "echo brackets"),
    (
        "\U0001f50c\U0001f4e6food",
        [("\U0001f50c", "\U0001f50c"), ("\U0001f4e6", "\U0001f4e6"), ("food", "food")],
        "emoji",
    ),
    (
        "\u2744 \u2744\ufe0f",
        [("\u2744", "\u2744\ufe0f"), ("\u2744", "\u2744\ufe0f")],
        "emoji with and without its selector",
    ),
    (
        "a \U0001f98b flew; electric plugs",
        [("\U0001f98b", "\U0001f98b"), ("plugs", "plug")],
        "an emoji's name is no term",
    ),
    ("CTB\u2019d c.t.b", [("CTB\u2019d", "ctb"), ("c.t.b", "ctb")], "apostrophes and dots"),
    ("@opps https://example.org/shank food@example.org", [], "nothing inside handles and links"),
    ("foodie packet unalived", [("unalived", "unalive")], "no parts of words"),
    ("", [], "nothing"),
]


@pytest.mark.parametrize(("text", "expected", "why"), CASES, ids=[case[2] for case in CASES])
def test_matches(text: str, expected: list[tuple[str, str]], why: str) -> None:
    assert found(text) == expected, why


WORDS = ["food", "plug", "ends", "road", "soon", "\U0001f50c"]
PATTERNS = [
    "food",
    "plug ends",
    "food plug",
    "food plug ends road",
    "ends road",
    "road road",
    "\U0001f50c",
    "\U0001f50c plug",
]
DISGUISES = {"food": "f00d", "plug": "p.l.u.g", "road": "r\u043ead", "soon": "s00n"}
SMALL = small(*PATTERNS)


@given(st.lists(st.tuples(st.sampled_from(WORDS), st.booleans()), max_size=14))
@settings(deadline=None)
def test_matches_agree_with_a_search_word_by_word(choice: list[tuple[str, bool]]) -> None:
    """Left to right, the longest pattern from each place, whether a word is written plainly or in disguise."""
    words = [word for word, _ in choice]
    written = [DISGUISES.get(word, word) if disguised else word for word, disguised in choice]
    text = " ".join(written)
    expected = []
    at = 0
    while at < len(words):
        fits = [p for p in PATTERNS if words[at : at + len(p.split())] == p.split()]
        if not fits:
            at += 1
            continue
        best = max(fits, key=lambda p: len(p.split()))
        count = len(best.split())
        expected.append((" ".join(written[at : at + count]), best))
        at += count
    assert found(text, SMALL) == expected


@given(
    st.dictionaries(st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(tuple), st.integers(), max_size=12),
    st.lists(st.sampled_from("abcd"), max_size=40),
)
def test_the_automaton_agrees_with_a_search_at_every_place(
    patterns: dict[tuple[str, ...], int], tokens: list[str]
) -> None:
    expected = sorted(
        (first, first + len(pattern), value)
        for pattern, value in patterns.items()
        for first in range(len(tokens))
        if tuple(tokens[first : first + len(pattern)]) == pattern
    )
    assert sorted(Automaton(patterns).find(iter(tokens))) == expected


def test_the_automaton_takes_no_more_steps_than_two_a_token() -> None:
    """Falling back costs no more than going forward did, also in the worst text: linear, whatever the patterns."""

    class Counting(dict[str, int]):
        looked = 0

        def __contains__(self, token: object) -> bool:
            Counting.looked += 1
            return super().__contains__(token)

    automaton = Automaton({("a",) * 50 + ("b",): 1, ("a",) * 20 + ("c",): 2})
    automaton._next = [Counting(row) for row in automaton._next]
    text = (["a"] * 49 + ["d"]) * 200
    assert list(automaton.find(text)) == []
    assert Counting.looked <= 2 * len(text)


def test_a_pattern_without_tokens_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Automaton({(): 1})


PIECES = st.one_of(
    st.sampled_from(SPELLINGS),
    st.sampled_from(
        ["f00d", "\U0001f50c", "@ann", "https://example.org/food", "#SpinTheBlock", "(((", "1488", "13:52", "\u200d"]
    ),
    st.text(max_size=6),
)
JOINED = st.builds(str.join, st.sampled_from([" ", "", "/", ". "]), st.lists(PIECES, max_size=12))


@given(st.one_of(st.text(), JOINED))
@settings(deadline=None)
def test_places_lie_inside_the_text_in_order_and_apart(text: str) -> None:
    after = 0
    for match in SHIPPED.matches(text):
        assert after <= match.start < match.end <= len(text)
        assert not text[match.start].isspace()
        assert not text[match.end - 1].isspace()
        after = match.end
    assert isinstance(SHIPPED.only_terms(text), bool)


# Terms alone

ALONE = [
    ("food", True, "a plain English word counts"),
    ("Food!! \U0001f602", True, "punctuation and emoji beside it"),
    ("#food #Opps food", True, "tags and repeats"),
    ("@ann https://example.org/x food 10 a@example.org", True, "masks"),
    ("<user> food <num> <url>", True, "masks as public sets write them"),
    ("\U0001f50c\U0001f50c", True, "an emoji that is a term"),
    ("f00d", True, "in disguise"),
    ("f o o d", True, "letters apart"),
    ("#FoodOpps", True, "two terms in one tag"),
    ("1488", True, "a number that is a term"),
    ("unalive", True, "a coined word"),
    ("the food", False, "another word"),
    ("f00d/zebra", False, "another word in the chunk"),
    ("(((bankers)))", False, "a word inside the brackets"),
    ("\U0001f602 !! @ann 10", False, "no term at all"),
    ("", False, "nothing"),
    ("kys", False, "says a whole sentence"),
    ("food kys", False, "so it does beside a term"),
]


@pytest.mark.parametrize(("text", "expected", "why"), ALONE, ids=[case[2] for case in ALONE])
def test_only_terms(text: str, expected: bool, why: str) -> None:
    assert SHIPPED.only_terms(text) is expected, why


QUIET = [spelling for entry in SHIPPED.entries if not entry.utterance for spelling in entry.spellings]


@given(
    st.lists(st.sampled_from(QUIET), min_size=1, max_size=5),
    st.sampled_from([" ", ", ", " \U0001f602 ", " @ann ", "! "]),
)
@settings(deadline=None)
def test_terms_beside_terms_are_terms_alone_until_a_word_comes_in(terms: list[str], between: str) -> None:
    # The stop keeps a term that says a whole sentence from coming about by chance.
    text = between.join(f"{term} ." for term in terms)
    assert SHIPPED.only_terms(text)
    assert not SHIPPED.only_terms(f"{text} zebra")


# What is said

SAID = {
    "food": "'food' can mean something to eat; in road slang (UK) also drugs. Confidence: medium.",
    "peng": "'peng' can mean good-looking or very good (youth English, UK). Confidence: medium.",
    "unalive": (
        "'unalive' is a coined word with no ordinary meaning; online (since 2020) to kill or to die by suicide,"
        " written so as to get past filters. Confidence: medium."
    ),
    "swimmers": (
        "'swimmers' can mean people who swim; online (2021 to 2022) also vaccinated people, in groups that hide from"
        " filters. Confidence: low."
    ),
    "shank": (
        "'shank' can mean a cut of meat, or the lower part of a leg or the shaft of a tool, or a badly hit golf shot;"
        " in road slang (UK) also a knife or to stab. Confidence: medium."
    ),
}


@pytest.mark.parametrize(("term", "words"), SAID.items())
def test_in_words(term: str, words: str) -> None:
    (entry,) = [entry for entry in SHIPPED.entries if entry.term == term]
    assert entry.in_words() == words


def test_families_and_confidence_are_those_of_the_harmful_senses() -> None:
    entry = Entry(
        term="x",
        senses=(
            sense("a letter", confidence="low"),
            sense("one harm", "hate", confidence="medium"),
            sense("another", "abuse", "at_risk", confidence="high", valid_to=2020),
        ),
    )
    assert entry.families == ("at_risk", "abuse", "hate")
    assert entry.confidence == "medium"
    assert entry.in_words() == "'x' can mean a letter; also one harm; until 2020 also another. Confidence: medium."


def test_two_entries_of_the_same_words_are_refused() -> None:
    with pytest.raises(ValueError, match="put both meanings into one entry"):
        small("pull up", "pull-up")


# The page


def test_the_reference_page_names_every_field() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "glossary-of-senses.md").read_text(encoding="utf-8")
    assert {*SENSE_FIELDS, *TERM_FIELDS} <= set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert all(f"`{area}`" in page for area in AREAS)
    assert all(f"`{path.name}`" in page for path in TERMS.glob("*.yaml"))
