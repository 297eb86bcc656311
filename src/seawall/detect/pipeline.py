"""From texts to findings: what each post may be, in which context, and what in it says so."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from seawall.detect import bundle, linear, rules
from seawall.detect.calibration import Calibration
from seawall.detect.explain import Reason, reasons_for
from seawall.detect.families import CONTEXTS, FAMILIES
from seawall.detect.gate import ruled_out
from seawall.detect.glossary import Glossary
from seawall.detect.language import identify_all
from seawall.detect.rules import Withheld
from seawall.detect.scorer import ModelError, Scorer
from seawall.detect.transformer import Transformer

#: Probabilities are given to this many decimals, so that the same post reads the same everywhere.
DECIMALS: Final = 4
#: A context from this probability on is told to the reviewer as the nearest one.
NEAREST_CONTEXT: Final = 0.5

Profile = Literal["full", "gated", "linear"]
PROFILES: Final[tuple[Profile, ...]] = ("full", "gated", "linear")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the detector says of one post.

    `assessed` is false for a language that the models do not know: then there are no probabilities, and the post is
    neither flagged nor fine. `families` and `context` give a probability for each harm and each context; `flags` names
    the families at or above their threshold, the surest first; `withheld` names families that reached it and are yet not
    flagged, with the rule that says why. `reasons` are given for flagged posts only. `language` is an ISO 639 code.
    `depth` tells how far the post was read: `full`, or `linear` where only the linear model read it. `degraded` says that
    an operator's model did not answer and the shipped one stood in.
    """

    families: dict[str, float]
    flags: tuple[str, ...]
    context: dict[str, float]
    reasons: tuple[Reason, ...]
    withheld: tuple[Withheld, ...] = ()
    language: str = "en"
    assessed: bool = True
    depth: str = "full"
    degraded: bool = False

    @property
    def nearest_context(self) -> str | None:
        """The likeliest context, if any is likely."""
        best = max(self.context, key=lambda name: self.context[name], default=None)
        return best if best is not None and self.context[best] >= NEAREST_CONTEXT else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Odds:
    """Calibrated log-odds of every label, and by which texts the full model was asked or an operator's model failed."""

    odds: NDArray[np.float64]
    full: NDArray[np.bool_]
    degraded: NDArray[np.bool_]


class Detector:
    """Assesses posts with the shipped models, and with an operator's own model if one is given.

    One object may be shared by threads, which then wait for one another. `profile` is `full` (linear model and
    transformer together), `gated` (the linear model rules out the obvious first) or `linear` (for floods). `thresholds`
    are the code of practice's; without them the training's own proposal holds. `own` is an operator's own model with its
    calibration: it stands in for the shipped ones in the families that it knows. `gate_self_harm` lets the gate rule out
    posts about self-harm at a measured loss.
    """

    def __init__(
        self,
        description: bundle.Bundle,
        *,
        profile: Profile = "full",
        thresholds: Mapping[str, float] | None = None,
        own: tuple[Scorer, Calibration] | None = None,
        gate_self_harm: bool = False,
    ) -> None:
        if profile not in PROFILES:
            raise ValueError(f"there is no profile {profile!r}; choose one of {', '.join(PROFILES)}")
        model = linear.load(description.linear)
        self._bundle = description
        self._linear = linear.Linear(model.weights, model.bias, model.meta["labels"], name=description.linear.stem)
        self._transformer = (
            None
            if profile == "linear"
            else Transformer(
                description.transformer, description.tokenizer, bundle.LABELS, description.transformer.stem
            )
        )
        self._own = own
        self._gate_self_harm = gate_self_harm
        self._glossary = Glossary.shipped()
        self._lock = threading.RLock()
        self.profile: Profile = profile
        self.families: tuple[str, ...] = FAMILIES
        self.contexts: tuple[str, ...] = CONTEXTS
        self.thresholds: dict[str, float] = {**description.thresholds, **(thresholds or {})}
        strange = set(self.thresholds) - set(FAMILIES)
        if strange:
            raise ValueError(f"thresholds name {sorted(strange)[0]!r}, which is not one of {', '.join(FAMILIES)}")
        self.version: str = description.version if profile == "full" else f"{description.version}/{profile}"
        if own is not None:
            self.version = f"{self.version}+{own[0].name}"

    @classmethod
    def load(
        cls,
        path: Path | None = None,
        *,
        profile: Profile = "full",
        thresholds: Mapping[str, float] | None = None,
        own: tuple[Scorer, Calibration] | None = None,
        gate_self_harm: bool = False,
    ) -> Detector:
        """The detector that `path` describes, or the one that ships with the package. Raises `ModelError`."""
        description = bundle.read(path or bundle.SHIPPED)
        return cls(description, profile=profile, thresholds=thresholds, own=own, gate_self_harm=gate_self_harm)

    def odds(self, texts: Sequence[str]) -> Odds:
        """Calibrated log-odds of every text, a column for each family and then each context, whatever its language."""
        with self._lock:
            return self._odds(texts)

    def _odds(self, texts: Sequence[str]) -> Odds:
        seen = self._linear.logits(texts)
        first = seen[:, : len(bundle.LABELS)]
        out = self._bundle.alone.odds(first)
        full = np.zeros(len(texts), bool)
        degraded = np.zeros(len(texts), bool)
        if self._transformer is not None and len(texts):
            full[:] = True
            if self.profile == "gated":
                full = ~ruled_out(seen[:, len(bundle.LABELS) :], self._bundle.gate, self._gate_self_harm)
            chosen = np.flatnonzero(full)
            second = self._transformer.judge([texts[int(at)] for at in chosen]).scores
            out[chosen] = self._bundle.full.odds(first[chosen], second)
        if self._own is not None and len(texts):
            chosen = np.flatnonzero(full) if self.profile == "gated" else np.arange(len(texts))
            scorer, calibration = self._own
            told = scorer.judge([texts[int(at)] for at in chosen])
            degraded[chosen] = told.degraded
            answered = chosen[~told.degraded]
            for column, label in enumerate(scorer.labels):
                out[answered, bundle.LABELS.index(label)] = calibration.odds(label, told.scores[~told.degraded, column])
        return Odds(odds=out, full=full, degraded=degraded)

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Calibrated probabilities, unrounded: a row a text, a column for each family and then each context."""
        return bundle.probability(self.odds(texts).odds)

    def assess(self, texts: Sequence[str], *, reasons: bool = True) -> list[Finding]:
        """A finding for each text, in order. Takes any string; a text's finding does not depend on its neighbours."""
        languages = identify_all(texts)
        read = [at for at, language in enumerate(languages) if language.read]
        told = self.odds([texts[at] for at in read])
        rows = np.round(bundle.probability(told.odds), DECIMALS).tolist()
        findings = [
            Finding(families={}, flags=(), context={}, reasons=(), language=language.code, assessed=False)
            for language in languages
        ]
        for place, at in enumerate(read):
            families = dict(zip(FAMILIES, rows[place], strict=False))
            reached = [family for family, chance in families.items() if chance >= self.thresholds[family]]
            reached.sort(key=lambda family: (-families[family], family))
            withheld = rules.withhold(texts[at], reached, families, self._glossary) if reached else ()
            spared = {each.family for each in withheld}
            flags = tuple(family for family in reached if family not in spared)
            deep = bool(told.full[place])
            findings[at] = Finding(
                families=families,
                flags=flags,
                context=dict(zip(CONTEXTS, rows[place][len(FAMILIES) :], strict=True)),
                reasons=self._reasons(texts[at], flags, deep) if flags and reasons else (),
                withheld=withheld,
                language=languages[at].code,
                depth="full" if deep else "linear",
                degraded=bool(told.degraded[place]),
            )
        return findings

    def _reasons(self, text: str, flags: Sequence[str], deep: bool) -> tuple[Reason, ...]:
        def odds(variants: Sequence[str]) -> NDArray[np.float64]:
            first = self._linear.logits(variants)[:, : len(bundle.LABELS)]
            if self._transformer is None or not deep:
                return self._bundle.alone.odds(first)
            return self._bundle.full.odds(first, self._transformer.judge(variants).scores)

        with self._lock:
            return reasons_for(text, flags, odds, self._glossary)


__all__ = ["DECIMALS", "PROFILES", "Detector", "Finding", "ModelError", "Odds", "Profile", "Reason", "Withheld"]
