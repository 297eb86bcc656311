"""Measure the shipped detector on everything that was neither trained nor calibrated on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from seawall.detect import bundle
from seawall.detect.calibration import expected_calibration_error, reliability
from seawall.detect.evaluation import chances_of, evaluate_cases
from seawall.detect.families import FAMILIES
from seawall.detect.measure import figures
from seawall.detect.pipeline import Detector, Finding
from seawall.detect.suite import Case, fairness, shipped, told
from training.blend import BACKGROUND_SETS
from training.obfuscation import KINDS, disguise
from training.rows import LABELS, Rows

GROUPS_TOLD = 4
DISGUISED_POSTS = 1500

Say = Callable[[str], None]


def flags_of(detector: Detector, texts: list[str]) -> list[tuple[str, ...]]:
    return [finding.flags for finding in detector.assess(texts, reasons=False)]


def told_of(findings: list[Finding]) -> np.ndarray:
    """Probabilities of all labels, a row a finding; nought where a post was not assessed."""
    return np.nan_to_num(chances_of(findings))


def by_label(rows: Rows, test: np.ndarray, odds: np.ndarray, detector: Detector, seed: int) -> dict[str, Any]:
    truth, judged = np.stack(rows.truth)[test], np.stack(rows.weight)[test] > 0
    source = np.array(rows.source)[test]
    labels: dict[str, Any] = {}
    for column, label in enumerate(LABELS):
        use = judged[:, column]
        threshold = detector.thresholds.get(label, 0.5)
        labels[label] = {
            "threshold": threshold,
            "all": figures(truth[use, column], odds[use, column], threshold, seed=seed),
            "calibration_error": round(expected_calibration_error(truth[use, column], odds[use, column]), 4),
            "reliability": [
                [round(each.said, 4), round(each.true, 4), each.count]
                for each in reliability(truth[use, column], odds[use, column])
            ],
            "by_source": {
                name: figures(truth[at, column], odds[at, column], threshold, seed=seed)
                for name in sorted(set(source[use]))
                if (at := use & (source == name)).any() and truth[at, column].any()
            },
        }
    return labels


def shares(flags: list[tuple[str, ...]]) -> dict[str, Any]:
    """How many of some posts are flagged at all, and as what."""
    count = max(1, len(flags))
    each = {family: round(sum(family in given for given in flags) / count, 4) for family in FAMILIES}
    return {"n": len(flags), "any": round(sum(map(bool, flags)) / count, 4), **each}


def at_risk(rows: Rows, test: np.ndarray, flags: list[tuple[str, ...]], odds: np.ndarray) -> dict[str, Any]:
    """At-risk authors of the public sets: found, at what cost in ordinary posts, and ever marked for removal."""
    truth = np.stack(rows.truth)[test][:, LABELS.index("at_risk")]
    source = np.array(rows.source)[test]
    column = odds[:, LABELS.index("at_risk")]
    ordinary = np.isin(source, BACKGROUND_SETS)
    bar = float(np.quantile(column[ordinary], 0.98))
    mine = np.flatnonzero(truth)
    removal = [at for at in mine if set(flags[at]) - {"at_risk"}]
    return {
        "n": len(mine),
        "recall": round(float(np.mean(["at_risk" in flags[at] for at in mine])), 4),
        "recall_at_2_percent_of_ordinary": round(float((column[mine] > bar).mean()), 4),
        "with_removal_flag": len(removal),
        "by_source": {
            name: {
                "n": int((source[mine] == name).sum()),
                "recall_at_2_percent_of_ordinary": round(float((column[mine][source[mine] == name] > bar).mean()), 4),
            }
            for name in sorted(set(source[mine]))
        },
    }


def obfuscation(detector: Detector, cases: list[Case], seed: int) -> dict[str, Any]:
    """Of the held-out harmful cases that are found when written plainly, how many are still found in each disguise."""
    generator = np.random.default_rng(seed)
    harmful = [case for case in cases if set(case.families) - {"at_risk"}]
    found = [
        case
        for case, given in zip(harmful, flags_of(detector, [case.text for case in harmful]), strict=True)
        if set(given) & set(case.families)
    ]
    out: dict[str, Any] = {"plain_recall": round(len(found) / len(harmful), 4), "n": len(found)}
    kept = []
    for kind in KINDS:
        texts = [disguise(case.text, generator, kind) for case in found]
        still = [
            bool(set(given) & set(case.families)) for given, case in zip(flags_of(detector, texts), found, strict=True)
        ]
        out[kind] = round(float(np.mean(still)), 4)
        kept.append(out[kind])
    out["mean"] = round(float(np.mean(kept)), 4)
    return out


def measure(rows: Rows, detector: Detector, seed: int, say: Say) -> dict[str, Any]:
    """All figures of `detector`, on the test parts of the public sets, the held-out suite and the fairness set."""
    test = np.flatnonzero(np.array(rows.part) == "test")
    texts = [rows.text[at] for at in test]
    findings = detector.assess(texts, reasons=False)
    odds, flags = told_of(findings), [found.flags for found in findings]
    say(f"{len(texts):,} public test rows assessed")
    source, kind = np.array(rows.source)[test], np.array(rows.kind)[test]

    def some(mask: np.ndarray) -> dict[str, Any]:
        return shares([flags[at] for at in np.flatnonzero(mask)])

    held = [filled for case in shipped("held_out") for filled in told(case, GROUPS_TOLD)]
    held_findings = detector.assess([case.text for case in held], reasons=False)
    say(f"{len(held):,} held-out cases assessed")
    fair = fairness()
    fair_flags = flags_of(detector, [case.text for case in fair])
    public = source != "own_posts"
    harmless = sorted(set(kind[public]) - {"", "background"})
    return {
        "labels": by_label(rows, test, odds, detector, seed),
        "background": {name: some(source == name) for name in BACKGROUND_SETS},
        "harmless": {name: some(public & (kind == name)) for name in harmless},
        "at_risk": at_risk(rows, test, flags, odds),
        "suite": evaluate_cases(held, held_findings, told_of(held_findings), seed=seed),
        "fairness": {
            name: shares([given for case, given in zip(fair, fair_flags, strict=True) if case.functionality == name])
            for name in sorted({case.functionality for case in fair})
        },
        "obfuscation": obfuscation(detector, held, seed),
    }


def gate(description: bundle.Bundle, texts: list[str], families: list[tuple[str, ...]]) -> dict[str, Any]:
    """What the gate rules out, and what it loses of what the full model flags, with and without the operator's leave."""
    full = flags_of(Detector(description), texts)
    out: dict[str, Any] = {"n": len(texts), "flagged_by_full": sum(map(bool, full))}
    for name, leave in (("strict", False), ("loose", True)):
        detector = Detector(description, profile="gated", gate_self_harm=leave)
        findings = detector.assess(texts, reasons=False)
        lost = [at for at, found in enumerate(findings) if full[at] and found.flags != full[at]]
        right = [at for at, gold in enumerate(families) if set(gold) & set(full[at])]
        self_harm = [at for at in right if {"suicide_self_harm", "at_risk", "eating_disorder"} & set(families[at])]
        out[name] = {
            "ruled_out": round(sum(found.depth == "linear" for found in findings) / len(texts), 4),
            "flags_lost": len(lost),
            "recall_kept": round(1 - len(set(right) & set(lost)) / max(1, len(right)), 4),
            "self_harm_kept": round(1 - len(set(self_harm) & set(lost)) / max(1, len(self_harm)), 4),
            "self_harm_n": len(self_harm),
        }
    return out
