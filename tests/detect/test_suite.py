"""The functional suite is sound, its two parts share nothing, and rubbish is refused with its place."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from seawall.detect.families import CONTEXTS, FAMILIES
from seawall.detect.suite import GROUPS, SuiteError, fairness, read_suite, shipped, told

TRAIN, HELD_OUT = shipped("train"), shipped("held_out")
PLACEHOLDER = re.compile(r"\{[A-Z_]*\}")


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


@pytest.mark.parametrize(("cases", "pairs"), [(TRAIN, 300), (HELD_OUT, 80)], ids=["train", "held_out"])
def test_each_family_has_its_hundreds_of_pairs(cases: list, pairs: int) -> None:
    contrast = defaultdict(set)
    for case in cases:
        contrast[case.pair].add(case.subject in case.families)
    whole = Counter(
        case.subject for case in {case.pair: case for case in cases}.values() if len(contrast[case.pair]) == 2
    )
    assert all(whole[family] >= pairs for family in FAMILIES), whole


@pytest.mark.parametrize("cases", [TRAIN, HELD_OUT], ids=["train", "held_out"])
def test_cases_are_sound(cases: list) -> None:
    assert len({case.id for case in cases}) == len(cases)
    functionalities: defaultdict[str, set[str]] = defaultdict(set)
    for case in cases:
        assert set(case.families) <= set(FAMILIES)
        assert set(case.context) <= set(CONTEXTS)
        assert case.text == case.text.strip() != ""
        assert case.functionality
        assert case.about
        assert case.template == bool(PLACEHOLDER.search(case.text))
        functionalities[case.subject].add(case.functionality)
        for filled in told(case, 3):
            assert not PLACEHOLDER.search(filled.text)
    assert all(len(functionalities[family]) >= 10 for family in FAMILIES)


def test_no_post_is_gold_for_a_removal_and_for_being_at_risk_in_the_at_risk_part() -> None:
    for case in (*TRAIN, *HELD_OUT):
        if case.subject == "at_risk" and "at_risk" in case.families:
            assert case.families == ("at_risk",), case.id


def test_the_two_parts_share_no_text_and_hardly_a_phrase() -> None:
    seen = {tuple(words(case.text)) for case in TRAIN}
    runs = {
        tuple(told[at : at + 8]) for told in map(words, (case.text for case in TRAIN)) for at in range(len(told) - 7)
    }
    for case in (*HELD_OUT, *fairness()):
        told_words = words(case.text)
        if len(told_words) > 3:
            assert tuple(told_words) not in seen, case.id
    shared = [
        case.id
        for case in HELD_OUT
        if any(tuple(words(case.text)[at : at + 8]) in runs for at in range(len(words(case.text)) - 7))
    ]
    assert len(shared) < 0.004 * len(HELD_OUT), shared


def test_the_same_text_never_has_two_answers() -> None:
    answers: defaultdict[str, set[frozenset[str]]] = defaultdict(set)
    for case in (*TRAIN, *HELD_OUT):
        answers[case.text.casefold()].add(frozenset(case.families))
    assert not [text for text, given in answers.items() if len(given) > 1 and any(not each for each in given)]


def test_fairness_posts_are_harmless_and_name_their_group() -> None:
    posts = fairness()
    assert not any(case.families for case in posts)
    counts = Counter(case.functionality for case in posts)
    assert {"standard", "aae", "mle", "reclaimed", "over_refusal"} <= set(counts)
    assert min(counts.values()) >= 8


def test_a_template_is_told_of_every_group_alike() -> None:
    case = next(case for case in TRAIN if case.text.startswith("{GROUP}"))
    all_told = {filled.text for filled in told(case, len(GROUPS))}
    assert len(all_told) == len(GROUPS)
    assert {filled.families for filled in told(case, len(GROUPS))} == {case.families}


def test_a_plain_suite_needs_only_text_and_families(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text('{"text": "hello", "families": []}\n\n{"text": "x", "families": ["hate"], "judged": ["hate"]}\n')
    first, second = read_suite(path)
    assert (first.subject, first.judged, first.pair) == ("none", FAMILIES, "1")
    assert (second.subject, second.judged) == ("hate", ("hate",))


RUBBISH = {
    "{": "line 1: not a JSON object",
    "[]": "line 1: not a JSON object",
    '{"text": "x"}': "'families' is missing",
    '{"families": []}': "'text' is missing",
    '{"text": " ", "families": []}': "text must be words",
    '{"text": "x", "families": "hate"}': "families must be a list",
    '{"text": "x", "families": ["rude"]}': "'rude', which is not one of",
    '{"text": "x", "families": [], "context": ["home"]}': "'home', which is not one of",
    "": "holds no case",
}


@pytest.mark.parametrize("line", RUBBISH)
def test_rubbish_is_refused_with_its_place(tmp_path: Path, line: str) -> None:
    path = tmp_path / "suite.jsonl"
    path.write_text(line)
    with pytest.raises(SuiteError) as raised:
        list(read_suite(path))
    assert str(path) in str(raised.value)
    assert RUBBISH[line] in str(raised.value)


def test_what_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="cannot be read"):
        list(read_suite(tmp_path / "absent.jsonl"))
    with pytest.raises(ValueError, match="no part 'test'"):
        shipped("test")


def test_the_files_are_one_json_object_a_line() -> None:
    for split in ("train", "held_out"):
        folder = Path(__file__).parents[2] / "src/seawall/detect/suite" / split
        for path in folder.glob("*.jsonl"):
            for line in path.read_text(encoding="utf-8").splitlines():
                assert isinstance(json.loads(line), dict)
