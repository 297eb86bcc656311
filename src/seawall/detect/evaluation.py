"""What a detector's findings are worth on the cases of a suite: every figure, from cases and findings alone.

How rows are counted, everywhere here:

- A post is *harmful* when it holds a family that calls for removal (all but `at_risk`), and *protected* when it holds none
  and was judged for at least one. Somebody at risk is therefore protected.
- Only families that were `judged` count for a row; a family that a row names counts as judged.
- A post that was not assessed is never right: harmful, it counts as missed; protected, it is left out, for it was not
  spared but not read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seawall.detect import intervals
from seawall.detect.bundle import LABELS
from seawall.detect.calibration import expected_calibration_error
from seawall.detect.families import CONTEXTS, FAMILIES
from seawall.detect.intervals import DECIMALS, ROUNDS, Draws, Ranking, rate
from seawall.detect.measure import Scores, Truth
from seawall.detect.pipeline import Finding
from seawall.detect.rules import AT_RISK
from seawall.detect.suite import Case
from seawall.detect.treatment import by_group

#: Families whose posts a platform may be asked to remove. Somebody at risk is led to support instead.
REMOVAL: Final = tuple(family for family in FAMILIES if family != AT_RISK)
#: What `functionality` is in a row that names none.
NO_FUNCTIONALITY: Final = "all"
NO_CONTEXT: Final = "none"

_REMOVAL: Final = np.array([family in REMOVAL for family in FAMILIES])
_RISK: Final = FAMILIES.index(AT_RISK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Cases and findings as tables: `gold`, `judged`, `flagged` and `chances` have a row a case and a column a family.

    `flagged` holds flags of judged families only, `raised` every flag. `chances` is 0 where a case was not assessed.
    """

    gold: Truth
    judged: Truth
    flagged: Truth
    raised: Truth
    assessed: Truth
    chances: Scores

    @property
    def harmful(self) -> Truth:
        return _any(self.gold[:, _REMOVAL])

    @property
    def protected(self) -> Truth:
        """Without a harm to remove, judged for one at least, and assessed."""
        return ~self.harmful & _any(self.judged[:, _REMOVAL]) & self.assessed

    @property
    def told_apart(self) -> NDArray[np.intp]:
        """The rows on which harmful is told from not: harmful ones and protected ones."""
        return np.flatnonzero(self.harmful | self.protected)

    @property
    def at_risk(self) -> Truth:
        return self.gold[:, _RISK]

    @property
    def found(self) -> Truth:
        """A harm to remove that the post holds is flagged."""
        return _any((self.gold & self.flagged)[:, _REMOVAL])

    @property
    def removal(self) -> Truth:
        """Any harm to remove is flagged, gold or not."""
        return _any(self.flagged[:, _REMOVAL])

    @property
    def raised_removal(self) -> Truth:
        """Any harm to remove is flagged, whether the row was judged for it or not."""
        return _any(self.raised[:, _REMOVAL])

    @property
    def removal_chance(self) -> Scores:
        """The greatest probability of a harm to remove, whether the row was judged for it or not."""
        out: Scores = np.max(self.chances[:, _REMOVAL], axis=1)
        return out

    @property
    def partly_judged(self) -> Truth:
        """Nobody judged the row for some of the harms to remove."""
        return ~np.asarray(np.all(self.judged[:, _REMOVAL], axis=1))

    @property
    def risk_flagged(self) -> Truth:
        return self.flagged[:, _RISK]

    @property
    def right(self) -> Truth:
        """Assessed, and judged as it should be.

        A harmful post is flagged as a harm it holds, and as `at_risk` if it is that too. Another post has no removal
        flag, and is flagged as `at_risk` just when it is.
        """
        harmful = self.found & (self.risk_flagged | ~self.at_risk)
        other = ~self.removal & (self.risk_flagged == self.at_risk)
        return self.assessed & np.where(self.harmful, harmful, other)


def lay_out(cases: Sequence[Case], findings: Sequence[Finding], chances: NDArray[np.float64]) -> Rows:
    """The tables of `cases` and their findings. `chances` has a column for each of `bundle.LABELS`, or FAMILIES alone.

    Raises `ValueError` when there is not one finding and one row of chances for each case.
    """
    if not len(cases) == len(findings) == len(chances):
        raise ValueError(
            f"{len(cases)} cases, {len(findings)} findings and {len(chances)} rows of chances do not belong together"
        )
    gold = _table([case.families for case in cases])
    judged = _table([case.judged for case in cases]) | gold
    raised = _table([finding.flags for finding in findings])
    assessed = np.array([finding.assessed for finding in findings], bool)
    known = chances[:, : len(FAMILIES)] if len(cases) else np.zeros((0, len(FAMILIES)))
    return Rows(
        gold=gold,
        judged=judged,
        flagged=raised & judged,
        raised=raised,
        assessed=assessed,
        chances=np.where(assessed[:, None], known, 0.0),
    )


def _any(table: Truth) -> Truth:
    """For each row whether anything in it is true."""
    out: Truth = np.any(table, axis=1)
    return out


def _table(named: Sequence[Sequence[str]]) -> Truth:
    table = np.zeros((len(named), len(FAMILIES)), bool)
    for row, names in enumerate(named):
        for name in names:
            table[row, FAMILIES.index(name)] = True
    return table


def chances_of(findings: Sequence[Finding]) -> NDArray[np.float64]:
    """The probabilities that findings tell, a column for each of `bundle.LABELS`; NaN where a post was not assessed."""
    out = np.full((len(findings), len(LABELS)), np.nan)
    for row, finding in enumerate(findings):
        if finding.assessed:
            out[row] = [*(finding.families[name] for name in FAMILIES), *(finding.context[name] for name in CONTEXTS)]
    return out


def evaluate_cases(
    cases: Sequence[Case],
    findings: Sequence[Finding],
    chances: NDArray[np.float64],
    *,
    seed: int = 1,
    rounds: int = ROUNDS,
) -> dict[str, Any]:
    """Every figure of a detector on `cases`, as plain numbers ready for JSON. docs/reference/evaluate.md says what each is.

    `findings` are those of `Detector.assess`, one a case, templates told; `chances` the probabilities, a column for each
    of `bundle.LABELS`. A rate is `{n, count, value, low, high}` with Wilson's interval; another figure
    `{n, value, low, high}` with an interval from `rounds` bootstrap rounds over pairs. `value` is None where nothing can
    be measured. Raises `ValueError` when the three do not belong together.
    """
    rows = lay_out(cases, findings, chances)
    draws = Draws([case.pair for case in cases], seed=seed, rounds=rounds)
    spared = rows.protected & ~rows.at_risk
    quiet_risk = rows.protected & rows.at_risk
    return {
        "n": len(cases),
        "pairs": draws.pairs,
        "seed": seed,
        "rounds": rounds,
        "harmful_flagged": {"gold": rate(rows.found, rows.harmful), "any": rate(rows.removal, rows.harmful)},
        "protected_flagged": {
            "removal": rate(rows.removal, rows.protected),
            "any": rate(_any(rows.flagged), spared),
        },
        "at_risk": {"recall": rate(rows.risk_flagged, rows.at_risk), "removal": rate(rows.removal, quiet_risk)},
        "pairs_right": _pairs_right(cases, rows.right),
        "harmful_or_not": _harmful_or_not(rows, draws),
        "by_functionality": _by_functionality(cases, rows),
        "by_family": {family: _family(rows, column, draws) for column, family in enumerate(FAMILIES)},
        "by_context": _by_context(cases, findings, rows),
        "by_group": by_group(cases, rows.harmful, rows.protected, rows.found, rows.removal, draws),
        "not_assessed": _not_assessed(findings, rows),
        "degraded": rate(np.array([finding.degraded for finding in findings], bool), np.ones(len(cases), bool)),
    }


def _pairs_right(cases: Sequence[Case], right: Truth) -> dict[str, Any]:
    """Of the pairs with two cases or more, the share in which every case is right, in every telling."""
    members: dict[str, set[str]] = {}
    wrong: set[str] = set()
    for case, good in zip(cases, right, strict=True):
        members.setdefault(case.pair, set()).add(case.id)
        if not good:
            wrong.add(case.pair)
    pairs = [pair for pair, ids in members.items() if len(ids) > 1]
    return rate(np.array([pair not in wrong for pair in pairs], bool), np.ones(len(pairs), bool))


def _harmful_or_not(rows: Rows, draws: Draws) -> dict[str, Any]:
    use = rows.told_apart
    truth = rows.harmful[use]
    ranking = Ranking(truth, np.max(np.where(rows.judged, rows.chances, 0.0)[:, _REMOVAL], axis=1)[use])
    return {
        "macro_f1": draws.estimate(intervals.macro_f1(truth, rows.removal[use]), use),
        "auroc": draws.estimate(ranking.auroc, use),
        "ap": draws.estimate(ranking.average_precision, use),
    }


def _family(rows: Rows, column: int, draws: Draws) -> dict[str, Any]:
    """One family against the rest. F1, precision and recall are those of the flags as they were given."""
    gold, flagged = rows.gold[:, column], rows.flagged[:, column]
    known = rows.judged[:, column] & (gold | rows.assessed)
    use = np.flatnonzero(known)
    ranking = Ranking(gold[use], rows.chances[use, column])
    read = rows.judged[:, column] & rows.assessed
    error = round(expected_calibration_error(gold[read], rows.chances[read, column]), DECIMALS) if read.any() else None
    return {
        "n": len(use),
        "positives": int(gold.sum()),
        "ap": draws.estimate(ranking.average_precision, use),
        "auroc": draws.estimate(ranking.auroc, use),
        "f1": draws.estimate(intervals.f1(gold[use], flagged[use]), use),
        "precision": rate(gold, flagged),
        "recall": rate(flagged, gold),
        "calibration_error": error,
    }


def _by_functionality(cases: Sequence[Case], rows: Rows) -> list[dict[str, Any]]:
    """One entry a functionality, that with the smallest share of right cases first."""
    places: dict[tuple[str, str], list[int]] = {}
    for at, case in enumerate(cases):
        if case.functionality != NO_FUNCTIONALITY:
            places.setdefault((case.subject, case.functionality), []).append(at)
    harmful, protected, at_risk = rows.harmful, rows.protected, rows.at_risk
    found, removal, right = rows.found, rows.removal, rows.right
    entries: list[dict[str, Any]] = []
    for (subject, functionality), chosen in places.items():
        mine = np.array(chosen)
        entries.append(
            {
                "subject": subject,
                "functionality": functionality,
                "n": len(mine),
                "right": rate(right[mine], np.ones(len(mine), bool)),
                "harmful_flagged": rate(found[mine], harmful[mine]),
                "protected_flagged": rate(removal[mine], protected[mine]),
                "at_risk_found": rate(rows.risk_flagged[mine], at_risk[mine]),
            }
        )
    entries.sort(key=lambda each: (each["right"]["value"], -each["n"], each["subject"], each["functionality"]))
    return entries


def _by_context(cases: Sequence[Case], findings: Sequence[Finding], rows: Rows) -> dict[str, Any]:
    """Protected posts by what their words stand in; `none` for those that stand in nothing. Empty if no case names one."""
    if not any(case.context for case in cases):
        return {}
    spared = rows.protected & ~rows.at_risk
    any_flag = _any(rows.flagged)
    nearest = [finding.nearest_context for finding in findings]
    named = np.array(
        [name in case.context if case.context else name is None for case, name in zip(cases, nearest, strict=True)],
        bool,
    )
    out = {}
    for context in (*CONTEXTS, NO_CONTEXT):
        mine = np.array(
            [context in case.context if context != NO_CONTEXT else not case.context for case in cases], bool
        )
        if (mine & rows.protected).any():
            out[context] = {
                "flagged": rate(rows.removal, rows.protected & mine),
                "any": rate(any_flag, spared & mine),
                "named": rate(named, rows.protected & mine),
            }
    return out


def _not_assessed(findings: Sequence[Finding], rows: Rows) -> dict[str, Any]:
    missed = ~rows.assessed
    languages = Counter(finding.language for finding in findings if not finding.assessed)
    return {
        **rate(missed, np.ones(len(findings), bool)),
        "harmful": int((missed & rows.harmful).sum()),
        "by_language": dict(sorted(languages.items(), key=lambda pair: (-pair[1], pair[0]))),
    }
