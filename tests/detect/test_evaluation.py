"""Every figure against a small suite worked out by hand, and what must hold of any suite."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.judged import case, finding, unread

from seawall.detect.bundle import LABELS
from seawall.detect.evaluation import REMOVAL, chances_of, evaluate_cases
from seawall.detect.families import CONTEXTS, FAMILIES
from seawall.detect.intervals import wilson
from seawall.detect.pipeline import Finding
from seawall.detect.suite import Case


def evaluated(rows: list[tuple[Case, Finding]], rounds: int = 20) -> dict[str, Any]:
    findings = [found for _, found in rows]
    return evaluate_cases([case for case, _ in rows], findings, chances_of(findings), rounds=rounds)


def counted(figure: dict[str, Any]) -> tuple[int, int]:
    return figure["count"], figure["n"]


HAND: list[tuple[Case, Finding]] = [
    # pair 1: wholly right
    (case("1a", "hate", "abuse", pair="1", functionality="slur", context=()), finding("abuse")),
    (case("1b", pair="1", subject="hate", functionality="slur", context=("news",)), finding(context="news")),
    # pair 2: flagged, but as another harm than it holds; and a spared post flagged
    (case("2a", "violent_threat", pair="2", functionality="joke"), finding("hate")),
    (
        case("2b", pair="2", subject="violent_threat", functionality="joke", context=("idiom",)),
        finding("violent_threat"),
    ),
    # pair 3: somebody at risk is found and not flagged for removal; the harmless one is taken for at risk
    (case("3a", "at_risk", pair="3", functionality="wish"), finding("at_risk")),
    (
        case("3b", pair="3", subject="at_risk", functionality="wish", context=("idiom", "art")),
        finding("at_risk", context="art"),
    ),
    # pair 4: somebody at risk is flagged for removal, and missed as at risk
    (case("4a", "at_risk", pair="4", functionality="wish"), finding("suicide_self_harm")),
    (case("4b", "suicide_self_harm", pair="4", functionality="wish"), finding("suicide_self_harm", degraded=True)),
    # pair 5: not assessed, once harmful and once not
    (case("5a", "hate", pair="5", functionality="slur"), unread("fr")),
    (case("5b", pair="5", subject="hate", functionality="slur", context=("news",)), unread("de")),
]


def test_the_small_suite_by_hand() -> None:
    told = evaluated(HAND)
    assert (told["n"], told["pairs"]) == (10, 5)
    # harmful: 1a, 2a, 4b, 5a
    assert counted(told["harmful_flagged"]["gold"]) == (2, 4)  # 1a, 4b
    assert counted(told["harmful_flagged"]["any"]) == (3, 4)  # and 2a
    # protected and assessed: 1b, 2b, 3a, 3b, 4a
    assert counted(told["protected_flagged"]["removal"]) == (2, 5)  # 2b, 4a
    assert counted(told["protected_flagged"]["any"]) == (2, 3)  # of 1b, 2b, 3b: 2b, 3b
    assert counted(told["at_risk"]["recall"]) == (1, 2)
    assert counted(told["at_risk"]["removal"]) == (1, 2)
    assert counted(told["pairs_right"]) == (1, 5)
    assert counted(told["degraded"]) == (1, 10)
    low, high = wilson(2, 4)
    assert (told["harmful_flagged"]["gold"]["low"], told["harmful_flagged"]["gold"]["high"]) == (
        round(low, 6),
        round(high, 6),
    )


def test_what_was_not_assessed_is_counted_by_language_and_never_right() -> None:
    told = evaluated(HAND)
    assert counted(told["not_assessed"]) == (2, 10)
    assert told["not_assessed"]["harmful"] == 1
    assert told["not_assessed"]["by_language"] == {"de": 1, "fr": 1}
    (slur,) = [each for each in told["by_functionality"] if each["functionality"] == "slur"]
    assert counted(slur["right"]) == (2, 4)
    assert counted(slur["harmful_flagged"]) == (1, 2)
    assert counted(slur["protected_flagged"]) == (0, 1)


def test_functionalities_come_worst_first() -> None:
    told = evaluated(HAND)["by_functionality"]
    shares = [each["right"]["value"] for each in told]
    assert shares == sorted(shares)
    assert [(each["subject"], each["functionality"]) for each in told] == [
        ("violent_threat", "joke"),  # 0 of 2
        ("at_risk", "wish"),  # 1 of 3
        ("hate", "slur"),  # 2 of 4
        ("suicide_self_harm", "wish"),  # 1 of 1
    ]
    assert counted(told[1]["at_risk_found"]) == (1, 2)


def test_contexts_by_hand() -> None:
    told = evaluated(HAND)["by_context"]
    assert set(told) == {"news", "idiom", "art", "none"}
    assert counted(told["news"]["flagged"]) == (0, 1)  # 5b was not assessed
    assert counted(told["news"]["named"]) == (1, 1)
    assert counted(told["idiom"]["flagged"]) == (1, 2)  # 2b, not 3b
    assert counted(told["idiom"]["any"]) == (2, 2)
    assert counted(told["idiom"]["named"]) == (1, 2)  # 3b is told to be art, which it also is
    assert counted(told["art"]["named"]) == (1, 1)
    assert counted(told["none"]["flagged"]) == (1, 2)  # 3a, 4a
    assert counted(told["none"]["any"]) == (0, 0)  # both are at risk
    assert counted(told["none"]["named"]) == (2, 2)


def test_families_by_hand() -> None:
    told = evaluated(HAND)["by_family"]
    hate = told["hate"]
    # 1a holds hate and is not flagged as it, 2a is flagged and does not; 5a was not read: missed. 5b is left out.
    assert (hate["n"], hate["positives"]) == (9, 2)
    assert counted(hate["precision"]) == (0, 1)
    assert counted(hate["recall"]) == (0, 2)
    assert hate["f1"]["value"] == 0
    # chances: 2a 0.9; then 1a and six others 0.1; then 5a 0
    assert hate["ap"]["value"] == round((1 / 2) * (1 / 8) + (1 / 2) * (2 / 9), 6)
    assert hate["auroc"]["value"] == round((0.5 * 6 + 0) / (2 * 7), 6)
    # ECE over the 8 that were read: seven told 0.1 of which one is true, one told 0.9 which is not
    assert hate["calibration_error"] == round((abs(1 - 7 * 0.1) + 0.9) / 8, 6)
    own = told["suicide_self_harm"]
    assert counted(own["precision"]) == (1, 2)
    assert counted(own["recall"]) == (1, 1)
    assert own["f1"]["value"] == round(2 / 3, 6)
    assert told["gang_weapons"]["f1"] == {"n": 8, "value": None, "low": None, "high": None}


def test_harmful_or_not_by_hand() -> None:
    told = evaluated(HAND)["harmful_or_not"]
    # four harmful, of which 1a, 2a, 4b are flagged; five protected, of which 2b, 4a are
    assert told["macro_f1"]["value"] == round((2 * 3 / (4 + 5) + 2 * 3 / (5 + 4)) / 2, 6)
    # greatest removal chance: 1a, 2a, 4b, 2b, 4a 0.9; 1b, 3a, 3b 0.1; 5a 0
    assert told["auroc"]["value"] == round((3 * (3 + 2 * 0.5)) / 20, 6)
    assert told["auroc"]["n"] == 9


def test_only_judged_families_count() -> None:
    rows = [
        (case("a", judged=("hate",)), finding("abuse")),
        (case("b", judged=("hate",)), finding("hate")),
        (case("c", judged=("at_risk",)), finding("abuse", "hate")),
        (case("d", "abuse", judged=("hate",)), finding("violent_threat")),
        (case("e", "abuse", judged=("abuse",)), finding("hate", "abuse")),
    ]
    told = evaluated(rows)
    assert counted(told["protected_flagged"]["removal"]) == (1, 2)  # b of a and b; c was judged for no harm to remove
    assert counted(told["protected_flagged"]["any"]) == (1, 2)
    assert counted(told["harmful_flagged"]["gold"]) == (1, 2)  # what a row names counts as judged
    assert counted(told["harmful_flagged"]["any"]) == (1, 2)
    assert told["by_family"]["hate"]["n"] == 3  # a, b, d
    assert told["by_family"]["abuse"]["n"] == 2
    assert told["by_family"]["gang_weapons"]["n"] == 0
    assert told["by_family"]["gang_weapons"]["calibration_error"] is None


def test_an_at_risk_post_that_is_harmful_too_must_be_flagged_as_both() -> None:
    both = ("suicide_self_harm", "at_risk")
    for flags, right in ((both, 1), (both[:1], 0), (both[1:], 0), ((*both, "hate"), 1)):
        told = evaluated([(case("a", *both, pair="p"), finding(*flags)), (case("b", pair="p"), finding())])
        assert counted(told["pairs_right"]) == (right, 1)
        assert told["at_risk"]["removal"]["n"] == 0


def test_a_pair_is_right_only_in_every_telling() -> None:
    told = [case("a", "hate", pair="p", text=text, template=True) for text in ("no women", "no Jews")]
    rest = (case("b", pair="p"), finding())
    assert counted(evaluated([*((each, finding("hate")) for each in told), rest])["pairs_right"]) == (1, 1)
    assert counted(evaluated([(told[0], finding("hate")), (told[1], finding()), rest])["pairs_right"]) == (0, 1)


def test_plain_rows_have_no_pairs_functionalities_contexts_or_groups() -> None:
    told = evaluated([(case("1", "hate"), finding("hate")), (case("2"), finding())])
    assert told["pairs_right"]["n"] == 0
    assert told["by_functionality"] == []
    assert told["by_context"] == {}
    assert told["by_group"] == {"groups": [], "gap": {}}
    assert counted(told["harmful_flagged"]["gold"]) == (1, 1)
    assert told["harmful_or_not"]["auroc"]["value"] == 1


def test_no_case_at_all_gives_no_figure() -> None:
    told = evaluate_cases([], [], np.zeros((0, len(LABELS))))
    assert told["n"] == told["pairs"] == 0
    assert told["harmful_flagged"]["gold"]["value"] is None


def test_what_does_not_belong_together_is_refused() -> None:
    with pytest.raises(ValueError, match="1 cases, 2 findings and 1 rows"):
        evaluate_cases([case("a")], [finding(), finding()], np.zeros((1, 16)))


def test_chances_stand_in_the_order_of_the_labels() -> None:
    told = chances_of([finding("hate", context="news"), unread()])
    assert told.shape == (2, len(LABELS))
    assert told[0, LABELS.index("hate")] == 0.9
    assert told[0, LABELS.index("news")] == 0.8
    assert np.isnan(told[1]).all()


FAMILY_SETS = st.lists(st.sampled_from(FAMILIES), max_size=3, unique=True)
CASES = st.lists(
    st.builds(
        lambda families, judged, context, pair, functionality: (families, judged, context, pair, functionality),
        FAMILY_SETS,
        st.lists(st.sampled_from(FAMILIES), min_size=1, max_size=8, unique=True),
        st.lists(st.sampled_from(CONTEXTS), max_size=2, unique=True),
        st.integers(0, 5),
        st.sampled_from(["all", "x", "y"]),
    ),
    min_size=1,
    max_size=14,
)


def made(drawn: list[tuple[list[str], list[str], list[str], int, str]]) -> list[Case]:
    return [
        case(str(at), *families, judged=tuple(judged), context=tuple(context), pair=f"p{pair}", functionality=name)
        for at, (families, judged, context, pair, name) in enumerate(drawn)
    ]


def numbers(held: Any) -> list[float]:
    if isinstance(held, dict):
        return [number for each in held.values() for number in numbers(each)]
    if isinstance(held, list):
        return [number for each in held for number in numbers(each)]
    return [held] if isinstance(held, int | float) else []


@given(CASES, st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_the_detector_says_figures_are_numbers_in_their_intervals(
    drawn: list[Any], data: st.DataObject
) -> None:
    cases = made(drawn)
    findings = [
        unread(data.draw(st.sampled_from(["fr", "de"])))
        if data.draw(st.booleans())
        else finding(*data.draw(FAMILY_SETS), context=data.draw(st.sampled_from([None, *CONTEXTS])))
        for _ in cases
    ]
    told = evaluated(list(zip(cases, findings, strict=True)), rounds=5)
    assert all(math.isfinite(number) and number >= 0 for number in numbers(told))
    assert orjson.loads(orjson.dumps(told)) == told

    def rates(held: Any) -> list[dict[str, Any]]:
        if isinstance(held, dict) and "count" in held:
            return [held]
        parts = held.values() if isinstance(held, dict) else held if isinstance(held, list) else []
        return [each for part in parts for each in rates(part)]

    for each in rates(told):
        assert 0 <= each["count"] <= each["n"] <= len(cases)
        if each["n"]:
            assert 0 <= each["low"] <= each["value"] <= each["high"] <= 1
        else:
            assert each["value"] is each["low"] is each["high"] is None
    assert told["harmful_flagged"]["gold"]["count"] <= told["harmful_flagged"]["any"]["count"]
    again = evaluated(list(zip(cases, findings, strict=True)), rounds=5)
    assert again == told


@given(CASES)
@settings(max_examples=40, deadline=None)
def test_flagging_all_nothing_or_the_truth(drawn: list[Any]) -> None:
    cases = made(drawn)
    everything = evaluated([(each, finding(*FAMILIES)) for each in cases], rounds=2)
    nothing = evaluated([(each, finding()) for each in cases], rounds=2)
    truth = evaluated([(each, finding(*each.families)) for each in cases], rounds=2)
    for name in ("gold", "any"):
        assert everything["harmful_flagged"][name]["value"] in (1, None)
        assert nothing["harmful_flagged"][name]["value"] in (0, None)
        assert truth["harmful_flagged"][name]["value"] in (1, None)
    for name in ("removal", "any"):
        assert everything["protected_flagged"]["removal"]["value"] in (1, None)
        assert nothing["protected_flagged"][name]["value"] in (0, None)
        assert truth["protected_flagged"][name]["value"] in (0, None)
    assert everything["at_risk"]["recall"]["value"] in (1, None)
    assert nothing["pairs_right"]["count"] == sum(
        len(members) > 1 and not any(each.families for each in members)
        for members in ([each for each in cases if each.pair == pair] for pair in {each.pair for each in cases})
    )
    assert truth["pairs_right"]["value"] in (1, None)
    assert truth["harmful_or_not"]["auroc"]["value"] in (1, None)
    assert truth["harmful_or_not"]["macro_f1"]["value"] in (1, None)
    for each in truth["by_family"].values():
        assert {each[name]["value"] for name in ("ap", "auroc", "f1", "precision", "recall")} <= {1, None}


@given(CASES)
@settings(max_examples=30, deadline=None)
def test_what_was_never_read_is_never_right(drawn: list[Any]) -> None:
    told = evaluated([(each, unread()) for each in made(drawn)], rounds=2)
    assert told["not_assessed"]["value"] == 1
    assert (
        told["pairs_right"]["count"]
        == told["harmful_flagged"]["any"]["count"]
        == told["at_risk"]["recall"]["count"]
        == 0
    )
    assert told["protected_flagged"]["removal"]["n"] == told["at_risk"]["removal"]["n"] == 0
    assert all(each["right"]["count"] == 0 for each in told["by_functionality"])
    assert set(REMOVAL) == set(FAMILIES) - {"at_risk"}
