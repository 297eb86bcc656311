"""What a detector's finding may do: put a post before a person, and nothing else."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.hub.practice.loading import CODES, DEFAULT_CODE, load_code
from seawall.hub.practice.schema import CaseRule, Code
from seawall.hub.practice.vocabulary import Context, Family, Route

CODE = load_code(CODES / DEFAULT_CODE)
RULES = {rule.family: (harm, rule) for harm in CODE.harms for rule in harm.opens_case}

probabilities = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.5, 0.6, 0.7, 0.75, 0.8, 1.0]))
findings = st.dictionaries(st.sampled_from([family.value for family in Family]), probabilities)
contexts = st.dictionaries(st.sampled_from([context.value for context in Context]), probabilities)


def stands(family: str, found: dict[str, float], seen: dict[str, float]) -> bool:
    """Whether the family's rule fires, said a second time and differently from the code under test."""
    _, rule = RULES[Family(family)]
    if found.get(family, -1.0) < rule.at_least:
        return False
    return all(seen.get(context.value, -1.0) < bar for context, bar in rule.unless_context.items())


@given(findings, contexts)
def test_the_case_that_opens_is_one_that_stands_and_the_gravest_of_them(
    found: dict[str, float], seen: dict[str, float]
) -> None:
    standing = [RULES[Family(family)] for family in found if stands(family, found, seen)]
    opening = CODE.case_rule(found, seen)
    if not standing:
        assert opening is None
        return
    assert opening is not None
    harm, rule = min(standing, key=lambda pair: (-(pair[0].severity or 0), pair[1].rank))
    assert (opening.harm, opening.rule) == (harm, rule)
    assert opening.probability == found[rule.family.value] >= rule.at_least
    assert set(opening.also) == {other.id for other, _ in standing} - {harm.id}


@given(findings, contexts, st.sampled_from(Family))
def test_a_context_above_its_bar_keeps_a_post_from_that_removal_case(
    found: dict[str, float], seen: dict[str, float], family: Family
) -> None:
    harm, rule = RULES[family]
    for context, bar in rule.unless_context.items():
        opening = CODE.case_rule({**found, family.value: 1.0}, {**seen, context.value: bar})
        assert opening is None or opening.harm.id != harm.id


@given(contexts, st.sampled_from(["recovery_support", "bereavement"]))
def test_recovery_and_grief_never_open_a_self_harm_case_however_sure_the_detector_is(
    seen: dict[str, float], context: str
) -> None:
    assert CODE.case_rule({"suicide_self_harm": 1.0}, {**seen, context: 1.0}) is None


@given(contexts)
def test_a_person_at_risk_is_seen_even_in_a_post_about_recovery_or_grief(seen: dict[str, float]) -> None:
    calm = {name: value for name, value in seen.items() if name in ("recovery_support", "bereavement", "democratic")}
    opening = CODE.case_rule({"at_risk": 1.0, "suicide_self_harm": 1.0, "violent_threat": 1.0}, calm)
    assert opening is not None
    assert opening.harm.id == "ssh-imminent"
    assert opening.harm.route is Route.SUPPORT_ONLY


@given(contexts)
def test_nothing_below_its_threshold_opens(seen: dict[str, float]) -> None:
    below = {family.value: math.nextafter(rule.at_least, 0) for family, (_, rule) in RULES.items()}
    assert CODE.case_rule(below, seen) is None
    assert CODE.case_rule({}, seen) is None


def test_severity_goes_before_rank_and_rank_settles_a_tie() -> None:
    backwards = CODE.model_copy(
        update={
            "harms": tuple(
                harm.model_copy(
                    update={
                        "opens_case": tuple(
                            rule.model_copy(update={"rank": 100 - rule.rank}) for rule in harm.opens_case
                        )
                    }
                )
                for harm in CODE.harms
            )
        }
    )
    everything = {family.value: 1.0 for family in Family}
    usual, turned = CODE.case_rule(everything, {}), backwards.case_rule(everything, {})
    assert usual is not None
    assert turned is not None
    assert [usual.harm.id, *usual.also] == [
        "ssh-imminent",
        "vio-threat",
        "ssh-encourage",
        "vio-gang",
        "hate-stirring",
        "abuse-harassment",
        "ed-promote",
        "vax-misinfo",
    ]
    assert [turned.harm.id, *turned.also] == [
        "ssh-encourage",
        "vio-threat",
        "ssh-imminent",
        "hate-stirring",
        "vio-gang",
        "ed-promote",
        "abuse-harassment",
        "vax-misinfo",
    ]


def ruled(*rules: CaseRule) -> Code:
    """The code with these numbers in place of its own for these families: people change theirs, and tests shall not mind."""
    told = {rule.family: rule for rule in rules}
    harms = [
        harm.model_copy(update={"opens_case": tuple(told.get(rule.family, rule) for rule in harm.opens_case)})
        for harm in CODE.harms
    ]
    return CODE.model_copy(update={"harms": tuple(harms)})


def test_the_threshold_itself_opens_and_the_bar_itself_blocks() -> None:
    code = ruled(CaseRule(family=Family.GANG_WEAPONS, at_least=0.7, rank=4, unless_context={Context.ART: 0.5}))
    assert code.case_rule({"gang_weapons": 0.7}, {"art": 0.49}) is not None
    assert code.case_rule({"gang_weapons": 0.7}, {"art": 0.5}) is None
    assert code.case_rule({"gang_weapons": 0.69}, {"art": 0.49}) is None


def test_no_finding_opens_a_case_of_protected_content() -> None:
    assert not [harm.id for harm, _ in RULES.values() if harm.protected]


def test_the_record_says_which_rule_fired_on_what() -> None:
    bars = {Context.NEWS: 0.7, Context.COUNTER_SPEECH: 0.6}
    code = ruled(
        CaseRule(family=Family.HATE, at_least=0.65, rank=5, unless_context=bars),
        CaseRule(family=Family.ABUSE, at_least=0.7, rank=6),
    )
    opening = code.case_rule({"hate": 0.8, "abuse": 0.9}, {"counter_speech": 0.2, "recovery_support": 0.9})
    assert opening is not None
    assert opening.to_json() == {
        "harm": "hate-stirring",
        "family": "hate",
        "probability": 0.8,
        "at_least": 0.65,
        "unless_context": {"counter_speech": 0.6, "news": 0.7},
        "context": {"counter_speech": 0.2},
        "also": ["abuse-harassment"],
    }


@pytest.mark.parametrize("value", [math.nan, math.inf, -0.1, 1.1])
def test_what_is_no_probability_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r"hate: .* is not a probability\. Give a number from 0 to 1\."):
        CODE.case_rule({"hate": value}, {})
    with pytest.raises(ValueError, match=r"news: .* is not a probability"):
        CODE.case_rule({}, {"news": value})


def test_labels_that_the_code_does_not_know_are_refused() -> None:
    with pytest.raises(ValueError, match="'spam' is not a family that the code of practice knows"):
        CODE.case_rule({"spam": 0.9}, {})
    with pytest.raises(ValueError, match="'satire' is not a context that the code of practice knows"):
        CODE.case_rule({}, {"satire": 0.9})
