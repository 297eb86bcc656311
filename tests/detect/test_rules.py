"""What is never flagged: a term alone, and a person at risk."""

from __future__ import annotations

import pytest

from seawall.detect.rules import SUPPORT_FIRST, TERM_ALONE, Withheld, withhold


class Terms:
    def __init__(self, *alone: str) -> None:
        self.alone = alone

    def only_terms(self, text: str) -> bool:
        return text in self.alone


def test_a_term_alone_is_never_flagged_however_sure_the_models_are() -> None:
    spared = withhold("food", ["gang_weapons", "abuse"], {"gang_weapons": 0.999, "abuse": 0.9}, Terms("food"))
    assert spared == (Withheld("gang_weapons", TERM_ALONE), Withheld("abuse", TERM_ALONE))


def test_without_a_person_at_risk_nothing_else_is_withheld() -> None:
    assert withhold("text", ["hate"], {"hate": 0.9, "at_risk": 0.1}, Terms()) == ()
    assert withhold("text", [], {"at_risk": 0.9}, Terms("text")) == ()


@pytest.mark.parametrize("family", ["suicide_self_harm", "eating_disorder", "abuse", "violent_threat"])
def test_whoever_is_more_surely_at_risk_is_not_flagged_for_removal(family: str) -> None:
    assert withhold("text", ["at_risk", family], {"at_risk": 0.8, family: 0.7}, Terms()) == (
        Withheld(family, SUPPORT_FIRST),
    )
    # Twice the odds of 0.7 are those of 0.8235: only what is clearly surer than the risk stays flagged beside it.
    assert withhold("text", [family, "at_risk"], {"at_risk": 0.7, family: 0.82}, Terms()) == (
        Withheld(family, SUPPORT_FIRST),
    )
    assert withhold("text", [family, "at_risk"], {"at_risk": 0.7, family: 0.83}, Terms()) == ()
    assert withhold("text", [family, "at_risk"], {"at_risk": 1.0, family: 1.0}, Terms()) == (
        Withheld(family, SUPPORT_FIRST),
    )
