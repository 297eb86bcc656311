"""The recipe of the transformer: what it looks at, in which order, how fast it learns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch

from seawall.detect.families import FAMILIES
from seawall.detect.transformer import reading_text
from training import mixture
from training.rows import LABELS, Rows
from training.transformer import Encoder, Recipe, fine_tune, fresh, score, tokenizer

#: First the public sets alone, to learn what harm is about; then more and more contrast, to learn what makes it harm.
#: The suite was written in turns, and what came later was learnt later: the ordinary posts that tempt a filter in the
#: third stage, the second writers' cases in the fourth, the last of theirs in the fifth, the third writers' in the sixth. The
#: last two also look again at the ordinary posts that the model finds hardest, read the cases of a pair side by side, and let
#: words move a little; the sixth sees more disguise, of the kinds that the normaliser cannot take off.
FIRST = Recipe(rate=1.2e-4, head_rate=2e-3, seed=1)
SECOND = Recipe(rate=1.0e-4, head_rate=5e-4, warm_up=0.04, average_from=0.55, seed=2)
THIRD = Recipe(rate=1.0e-4, head_rate=5e-4, warm_up=0.05, average_from=0.6, seed=9)
FOURTH = Recipe(rate=9e-5, head_rate=4e-4, warm_up=0.05, average_from=0.5, seed=4)
FIFTH = Recipe(
    rate=1.0e-4,
    head_rate=3e-4,
    warm_up=0.04,
    average_from=0.7,
    seed=5,
    word_rate=4e-5,
    pair_share=0.1,
    batch_tokens=1600,
)
SIXTH = Recipe(
    rate=8e-5,
    head_rate=2e-4,
    warm_up=0.04,
    average_from=0.6,
    seed=6,
    word_rate=4e-5,
    pair_share=0.12,
    batch_tokens=1600,
)
THIRD_WRITERS = (
    "violent_threat-3",
    "abuse-3",
    "hate-3",
    "suicide_self_harm-3",
    "at_risk-3",
    "gang_weapons-3",
    "eating_disorder-4",
    "ordinary-2",
)
LAST_WRITTEN = ("hate-2", "violent_threat-2", "health_misinformation-3", "eating_disorder-3")
SECOND_WRITERS = (*(f"{family}-2" for family in FAMILIES), *LAST_WRITTEN)
HARD_TO_UNDO = ("swapped", "dropped", "starred", "leet", "no_spaces")


Stage = tuple[Callable[[], list[mixture.Epoch]], Recipe]


def stages(rows: Rows, seed: int, hard: Callable[[], np.ndarray]) -> Iterator[Stage]:
    """What is looked at in each stage, drawn when it is called for, and how fast is learnt from it.

    `hard` names the hardest ordinary posts so far.
    """
    draw = partial(mixture.epochs, rows)
    early = (*SECOND_WRITERS, *THIRD_WRITERS)
    yield lambda: draw(1, seed, suite_turns=0), FIRST
    yield lambda: draw(2, seed + 1, suite_turns=2, scale=0.5, without=("ordinary", *early)), SECOND
    yield lambda: draw(1, seed + 8, suite_turns=4, scale=0.3, without=early), THIRD
    yield lambda: draw(1, seed + 3, suite_turns=3, scale=0.2, without=(*LAST_WRITTEN, *THIRD_WRITERS)), FOURTH
    fifth = {"suite_turns": 3, "scale": 0.15, "disguised": 0.18, "without": THIRD_WRITERS}
    yield lambda: draw(3, seed + 4, **fifth, hard=hard()), FIFTH
    sixth = {"suite_turns": 3, "scale": 0.15, "disguised": 0.3, "kinds": HARD_TO_UNDO, "again": THIRD_WRITERS}
    yield lambda: draw(2, seed + 5, **sixth, hard=hard()), SIXTH


def learn(rows: Rows, seed: int, say: Callable[[str], None], states: Path | None = None) -> Encoder:
    """The fine-tuned encoder. The state after each stage is kept in the folder `states`, and taken from there if it is."""
    reader = tokenizer()
    model = fresh(len(LABELS))

    def hard() -> np.ndarray:
        say("looking for the ordinary posts that are hardest to tell from harm")
        texts = [reading_text(rows.text[at]) for at in mixture.background(rows)]
        return mixture.hardest(rows, score(model, reader, texts)[:, : len(FAMILIES)])

    for number, (draw, recipe) in enumerate(stages(rows, seed, hard), start=1):
        kept = None if states is None else states / f"stage{number}.pt"
        if kept is not None and kept.exists():
            model.load_state_dict(torch.load(kept, weights_only=True))
            say(f"stage {number} taken from {kept}")
            continue
        epochs = draw()
        say(f"stage {number}: {sum(len(epoch[0]) for epoch in epochs):,} rows")
        fine_tune(model, reader, epochs, recipe, say)
        if kept is not None:
            torch.save(model.state_dict(), kept)
    return model
