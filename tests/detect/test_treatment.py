"""Equality of treatment: a group that is judged otherwise is found, and one that met harder posts is not blamed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.support.judged import case

from seawall.detect.intervals import Draws
from seawall.detect.suite import GROUPS, Case, shipped, told
from seawall.detect.treatment import FEWEST, by_group, group_of

NAMES = [several for several, *_ in GROUPS]


def templates(count: int) -> list[Case]:
    """Told templates, the even ones harmful."""
    return [
        filled
        for at in range(count)
        for filled in told(case(f"t{at}", text=f"number {at} is about {{GROUP}}", pair=f"p{at}", template=True), 6)
    ]


def judged(cases: list[Case], flags: Callable[[Case], bool]) -> dict[str, Any]:
    harmful = np.array([int(each.id[1:]) % 2 == 0 for each in cases])
    flagged = np.array([flags(each) for each in cases])
    return by_group(cases, harmful, ~harmful, flagged, flagged, Draws([each.pair for each in cases], seed=1))


@pytest.mark.parametrize("group", GROUPS, ids=NAMES)
def test_each_form_of_a_group_leads_to_it(group: tuple[str, str, str]) -> None:
    for text in ("{GROUP} came in", "then {A_MEMBER} came in", "that {MEMBER}, of all people"):
        assert group_of(case("a", text=text, template=True).filled(group)) == group[0]
    assert group_of(case("a", text=f"{group[0]} came in")) is None


def test_nearly_every_shipped_template_shows_its_group() -> None:
    filled = [(group[0], each.filled(group)) for each in shipped("train") if each.template for group in GROUPS[::6]]
    wrong = [each.id for group, each in filled if group_of(each) != group]
    assert len(filled) > 4_000
    assert len(wrong) < 0.005 * len(filled)


def test_a_group_that_is_flagged_more_often_is_named() -> None:
    cases = templates(240)
    gap = judged(cases, lambda each: group_of(each) == "Sikhs")["gap"]["harmful"]
    assert gap["most"] == "Sikhs"
    assert gap["value"] >= 1  # always flagged, where the same posts told of others never are
    assert gap["low"] <= gap["value"] <= gap["high"]
    assert gap["low"] > 0.9
    assert gap["value"] > gap["by_chance"]


def test_harder_posts_are_no_difference_between_groups() -> None:
    cases = templates(240)
    found = judged(cases, lambda each: int(each.id[1:]) % 3 == 0)
    for kind in ("harmful", "protected"):
        assert found["gap"][kind]["value"] == 0
        assert found["gap"][kind]["by_chance"] == 0
    rates = {each["protected_flagged"]["value"] for each in found["groups"]} - {None}
    assert len(rates) > 1  # though the groups' own rates differ, for they met other posts


def test_flags_thrown_at_random_lie_within_chance() -> None:
    cases = templates(240)
    generator = np.random.default_rng(2)
    gap = judged(cases, lambda _: bool(generator.random() < 0.5))["gap"]["protected"]
    assert 0 < gap["value"] < gap["by_chance"] * 1.2


def test_groups_are_listed_with_their_rates() -> None:
    cases = templates(40)
    found = judged(cases, lambda each: group_of(each) in {"women", "Jews"})
    assert [each["group"] for each in found["groups"]] == sorted(NAMES, key=str.casefold)
    assert sum(each["n"] for each in found["groups"]) == len(cases)
    for each in found["groups"]:
        assert each["harmful_flagged"]["value"] in ({1} if each["group"] in {"women", "Jews"} else {0}) | {None}


def test_too_few_tellings_are_no_gap() -> None:
    few = judged(templates(2), lambda each: "women" in each.text)
    assert few["gap"]["harmful"] == {
        "n": 6,
        "value": None,
        "low": None,
        "high": None,
        "most": None,
        "least": None,
        "by_chance": None,
    }
    assert FEWEST > 2


def test_a_template_told_once_has_nothing_to_be_set_beside() -> None:
    cases = [case(f"t{at}", text="no women", pair=f"p{at}", template=True) for at in range(20)]
    assert judged(cases, lambda _: True)["gap"]["harmful"]["n"] == 0


def test_a_group_that_was_told_of_a_few_times_is_left_out() -> None:
    cases = templates(240)
    seldom = [each for each in cases if group_of(each) == "Sikhs"][: FEWEST - 1]
    rest = [each for each in cases if group_of(each) != "Sikhs"]
    gap = judged([*rest, *seldom], lambda each: group_of(each) == "Sikhs")["gap"]["harmful"]
    assert gap["value"] < 0.2
    assert "Sikhs" not in (gap["most"], gap["least"])
