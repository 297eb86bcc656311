"""Read labelled sets and the project's own posts as rows with masked truth: what is known of each, and how surely."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pyarrow.parquet as pq

from seawall.detect.families import CONTEXTS, FAMILIES
from seawall.detect.own_posts import OWN_POSTS, own_posts
from seawall.detect.suite import HERE, Case, shipped, told

LABELS = (*FAMILIES, *CONTEXTS)

#: Sets whose terms do not let a model made from them be shared freely.
CLOSED_TERMS = {"nc", "gpl", "share-alike"}
OTHER_LANGUAGES = {"germeval2025": "German: the detector is for English"}
CLOSED_SETS = {"olid_abuseval", "unhealthy", "swad", "congress_incivility", "caves", "stormfront"}

#: Names that the sets use for what they judged. Both distress labels mean an author at risk, never encouragement.
FAMILY_OF = {
    "suicide": "at_risk",
    "self_harm": "at_risk",
    "violence_threat": "violent_threat",
    "harassment": "abuse",
    "hate": "hate",
    "misinformation_health": "health_misinformation",
}
#: Judged for one kind of hate only: a negative, but a weak one.
NARROW_SCOPE = {"hate:sexism": "hate", "hate:misogyny": "hate"}
CONTEXT_OF = {
    "supportive": "recovery_support",
    "mh_reply": "recovery_support",
    "news_violence": "news",
    "health_news": "news",
    "hazard_news": "news",
    "counterspeech": "counter_speech",
    "counters_misinfo": "counter_speech",
    "political_criticism": "democratic",
}
#: Kinds of hard negative that may be taken, at a low weight, as showing none of these families although nobody judged
#: them for it: support communities do not promote, hobbyists do not deal.
TAKEN_AS_NONE = {
    "background": FAMILIES,
    "distress": ("suicide_self_harm", "eating_disorder", "gang_weapons", "violent_threat", "hate"),
    "suicide_indicator": ("suicide_self_harm", "eating_disorder", "gang_weapons"),
    "supportive": ("suicide_self_harm", "eating_disorder", "gang_weapons", "abuse", "hate"),
    "mh_reply": ("suicide_self_harm", "eating_disorder", "gang_weapons"),
    "guns_hobby": ("gang_weapons", "violent_threat", "suicide_self_harm", "eating_disorder"),
    "news_violence": ("gang_weapons", "suicide_self_harm", "eating_disorder", "at_risk"),
    "hazard_news": ("gang_weapons", "suicide_self_harm", "eating_disorder", "at_risk"),
    "health_news": ("gang_weapons", "suicide_self_harm", "eating_disorder", "at_risk"),
    "political_criticism": ("gang_weapons", "suicide_self_harm", "eating_disorder", "at_risk"),
}
#: A context is only trained against rows of which we know that they are something else.
NOT_THE_CONTEXT = {
    "recovery_support": {"background", "distress", "suicide_indicator", "news_violence", "hazard_news", "health_news"},
    "bereavement": {"background", "supportive", "news_violence"},
    "news": {"background", "supportive", "mh_reply", "distress", "guns_hobby", "counters_misinfo"},
    "art": {"background", "news_violence"},
    "counter_speech": {"background", "health_news", "identity_mention", "profanity"},
    "democratic": {"background", "news_violence", "supportive", "health_news"},
    "education_prevention": {"background", "news_violence", "distress"},
    "idiom": {"background", "news_violence", "distress"},
}
STRENGTH = {"gold": 1.0, "weak": 0.7, "noisy": 0.4, "assumed": 0.5}
TAKEN_WEIGHT = 0.3
NARROW_WEIGHT = 0.25
OWN_WEIGHT = 8.0
SUITE_WEIGHT = 4.0
#: Harms that overlap: a case written for the one may hold the other too, so that its silence about it says nothing.
MAY_BOTH_HOLD = {
    "suicide_self_harm": ("abuse",),
    "at_risk": (),
    "eating_disorder": ("abuse", "suicide_self_harm"),
    "violent_threat": ("gang_weapons", "abuse", "hate"),
    "gang_weapons": ("violent_threat", "abuse"),
    "abuse": ("hate", "violent_threat"),
    "hate": ("abuse", "violent_threat"),
    "health_misinformation": ("abuse",),
}
TEMPLATE_TELLINGS = 6
CALIBRATION_PAIRS = 7  # one pair in seven of the suite's train part is kept for calibration
DEV_SHARE = 10  # one row in ten of a set's train part is kept for calibration


@dataclass(slots=True)
class Rows:
    """Texts and what is known of them: truth and weight, one column a label; weight 0 means that nobody knows."""

    text: list[str] = field(default_factory=list)
    source: list[str] = field(default_factory=list)
    kind: list[str] = field(default_factory=list)
    part: list[str] = field(default_factory=list)
    truth: list[np.ndarray] = field(default_factory=list)
    weight: list[np.ndarray] = field(default_factory=list)
    manifest: list[dict[str, Any]] = field(default_factory=list)

    def add(self, text: str, source: str, kind: str, part: str, known: dict[str, tuple[bool, float]]) -> None:
        truth, weight = np.zeros(len(LABELS), bool), np.zeros(len(LABELS), np.float32)
        for label, (positive, strength) in known.items():
            truth[LABELS.index(label)], weight[LABELS.index(label)] = positive, strength
        self.text.append(text)
        self.source.append(source)
        self.kind.append(kind)
        self.part.append(part)
        self.truth.append(truth)
        self.weight.append(weight)


def judge(row: dict[str, Any]) -> dict[str, tuple[bool, float]]:
    """What a set's row tells: label -> (positive, weight). A label that is not here was not judged."""
    strength, kind = STRENGTH[row["strength"]], row["hard_negative"] or ""
    known: dict[str, tuple[bool, float]] = {}
    for family in TAKEN_AS_NONE.get(kind, ()):
        known[family] = (False, strength if kind == "background" else TAKEN_WEIGHT)
    if {"suicide", "self_harm", "eating_disorder"} & set(row["labels"]):
        for family in ("suicide_self_harm", "eating_disorder", "gang_weapons"):
            known[family] = (False, TAKEN_WEIGHT)
    for name in row["scope"]:
        if name in FAMILY_OF:
            known[FAMILY_OF[name]] = (False, strength)
        elif name in NARROW_SCOPE and "hate" not in row["scope"]:
            known[NARROW_SCOPE[name]] = (False, NARROW_WEIGHT)
    for name in row["labels"]:
        if name in FAMILY_OF:
            known[FAMILY_OF[name]] = (True, strength)
    context = CONTEXT_OF.get(kind)
    for label, kinds in NOT_THE_CONTEXT.items():
        if kind in kinds or (label == "news" and not kind and row["labels"]):
            known[label] = (False, strength)
    if row["labels"] and not kind:
        for label in ("counter_speech", "democratic", "recovery_support"):
            known[label] = (False, strength)
    if context:
        known[context] = (True, max(strength, 0.7))
    return known


def read_sets(folder: Path, rows: Rows) -> None:
    listed = folder / "MANIFEST.json"
    told = json.loads(listed.read_text(encoding="utf-8")) if listed.exists() else []
    sources = {each["name"]: each.get("source", "") for each in told}
    for path in sorted(folder.glob("*.parquet")):
        table = pq.read_table(path).to_pylist()
        entry = {
            "set": path.stem,
            "source": sources.get(path.stem, ""),
            "licence": table[0]["licence"],
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "rows": len(table),
        }
        if path.stem in CLOSED_SETS or table[0]["redistribute"] in CLOSED_TERMS:
            rows.manifest.append({**entry, "used": {}, "why_not": f"terms: {table[0]['redistribute']}"})
            continue
        if path.stem in OTHER_LANGUAGES:
            rows.manifest.append({**entry, "used": {}, "why_not": OTHER_LANGUAGES[path.stem]})
            continue
        used = {"train": 0, "dev": 0, "test": 0}
        for row in table:
            known = judge(row)
            if not known or row["dup_of"] or row["heldout_leak"]:
                continue
            part = row["split"]
            if part == "train" and crc32(row["id"].encode()) % DEV_SHARE == 0:
                part = "dev"
            used[part] += 1
            rows.add(row["text"], path.stem, row["hard_negative"] or "", part, known)
        rows.manifest.append({**entry, "used": used})


def known_of(case: Case) -> dict[str, tuple[bool, float]]:
    """What a case tells of every label. Contexts were written for harmless words, so their absence says less."""
    known = {family: (family in case.families, SUITE_WEIGHT) for family in case.judged}
    for family in case.families:
        for other in MAY_BOTH_HOLD[family]:
            if other not in case.families:
                known.pop(other, None)
    for context in CONTEXTS:
        known[context] = (context in case.context, SUITE_WEIGHT if context in case.context else SUITE_WEIGHT / 4)
    return known


def read_shipped_suite(rows: Rows) -> None:
    """The suite's train part; whole pairs of it are kept back for calibration. The held-out part is never read here."""
    used = {"train": 0, "dev": 0}
    for case in shipped("train"):
        part = "dev" if crc32(case.pair.encode()) % CALIBRATION_PAIRS == 0 else "train"
        kind = case.context[0] if case.context else ("" if case.families else "near")
        for filled in told(case, TEMPLATE_TELLINGS):
            rows.add(filled.text, "suite", kind, part, known_of(filled))
            used[part] += 1
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted((HERE / "train").glob("*.jsonl"))))
    rows.manifest.append(
        {
            "set": "suite",
            "licence": "Apache-2.0",
            "sha256": digest.hexdigest(),
            "rows": sum(used.values()),
            "used": used,
        }
    )


def read_own(rows: Rows) -> None:
    used = {"train": 0, "test": 0}
    for post in own_posts():
        known = {label: (label in post.families or label in post.context, OWN_WEIGHT) for label in LABELS}
        kind = post.context[0] if post.context else ("" if post.families else "ordinary")
        rows.add(post.text, "own_posts", kind, post.split, known)
        used[post.split] += 1
    digest = hashlib.sha256(OWN_POSTS.read_bytes()).hexdigest()
    rows.manifest.append(
        {"set": "own_posts", "licence": "Apache-2.0", "sha256": digest, "rows": sum(used.values()), "used": used}
    )
