"""Limits: floors and ceilings, on the right side, for figures that are there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tests.support.judged import case, finding

from seawall.detect.evaluation import chances_of, evaluate_cases
from seawall.detect.limits import FIGURES, hold, read_limit


def figures() -> dict[str, Any]:
    """Half of the harmful posts are flagged, and a third of the protected ones."""
    rows = [
        (case("a", "hate"), finding("hate")),
        (case("b", "hate"), finding()),
        (case("c"), finding("abuse")),
        (case("d"), finding()),
        (case("e"), finding()),
    ]
    findings = [found for _, found in rows]
    return evaluate_cases([given for given, _ in rows], findings, chances_of(findings), rounds=2)


@pytest.mark.parametrize(
    ("name", "limit", "met"),
    [
        ("harmful_flagged", 0.5, True),
        ("harmful_flagged", 0.51, False),
        ("harmful_flagged", 0.0, True),
        ("protected_flagged", 0.34, True),
        ("protected_flagged", 0.33, False),
        ("protected_flagged", 1.0, True),
        ("not_assessed", 0.0, True),
        ("at_risk_recall", 0.0, False),  # nobody is at risk: what was not measured is not met
        ("pairs_right", 0.0, False),
        ("gap_protected", 1.0, False),
    ],
)
def test_a_floor_holds_below_and_a_ceiling_above(name: str, limit: float, met: bool) -> None:
    (held,) = hold(figures(), [(name, limit)])
    assert (held.name, held.limit, held.met) == (name, limit, met)


def test_every_name_leads_to_a_figure() -> None:
    told = figures() | {"by_group": {"groups": [], "gap": {kind: {"value": 0.1} for kind in ("harmful", "protected")}}}
    for name, figure in FIGURES.items():
        found: Any = told
        for step in figure.path:
            found = found[step]
        assert "value" in found, name


def test_a_limit_is_read() -> None:
    assert read_limit("harmful_flagged=0.8") == ("harmful_flagged", 0.8)
    assert read_limit("protected_flagged=0") == ("protected_flagged", 0.0)


@pytest.mark.parametrize("given", ["", "harmful_flagged", "harmful=0.8", "=0.8", "harmful_flagged 0.8"])
def test_an_unknown_name_is_refused_with_those_there_are(given: str) -> None:
    with pytest.raises(
        ValueError, match="names no figure that can be held; write NAME=VALUE with one of harmful_flagged"
    ):
        read_limit(given)


@pytest.mark.parametrize("number", ["", "80%", "1.01", "-0.1", "nan", "inf"])
def test_a_limit_that_is_no_share_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match="is no number from 0 to 1"):
        read_limit(f"auroc={number}")


def test_the_documentation_names_every_limit_and_its_side() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "evaluate.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in page.split("## Limits")[1].splitlines() if line.startswith("| `")]
    told = {name: row[2].strip() for row in rows for name in re.findall(r"`(\w+)`", row[1])}
    assert told == {name: "at least" if figure.floor else "at most" for name, figure in FIGURES.items()}
