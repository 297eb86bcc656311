"""The recipe of the transformer: what it looks at, in which order, how fast it learns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from seawall.detect.families import FAMILIES
from training import mixture
from training.rows import LABELS, Rows
from training.transformer import Encoder, Recipe, fine_tune, fresh, tokenizer

#: First the public sets alone, to learn what harm is about; then more and more contrast, to learn what makes it harm.
#: The suite was written in turns, and what came later was learnt later: the ordinary posts that tempt a filter in the
#: third stage, the second writers' cases in the fourth.
FIRST = Recipe(rate=1.2e-4, head_rate=2e-3, seed=1)
SECOND = Recipe(rate=1.0e-4, head_rate=5e-4, warm_up=0.04, average_from=0.55, seed=2)
THIRD = Recipe(rate=1.0e-4, head_rate=5e-4, warm_up=0.05, average_from=0.6, seed=9)
FOURTH = Recipe(rate=9e-5, head_rate=4e-4, warm_up=0.05, average_from=0.5, seed=4)
SECOND_WRITERS = tuple(f"{family}-2" for family in FAMILIES)


def stages(rows: Rows, seed: int) -> Iterator[tuple[list[mixture.Epoch], Recipe]]:
    """What is looked at in each stage, and how fast is learnt from it."""
    yield mixture.epochs(rows, 1, seed, suite_turns=0), FIRST
    yield mixture.epochs(rows, 2, seed + 1, suite_turns=2, scale=0.5, without=("ordinary", *SECOND_WRITERS)), SECOND
    yield mixture.epochs(rows, 1, seed + 8, suite_turns=4, scale=0.3, without=SECOND_WRITERS), THIRD
    yield mixture.epochs(rows, 1, seed + 3, suite_turns=3, scale=0.2), FOURTH


def learn(rows: Rows, seed: int, say: Callable[[str], None], states: Path | None = None) -> Encoder:
    """The fine-tuned encoder. The state after each stage is kept in the folder `states`, and taken from there if it is."""
    reader = tokenizer()
    model = fresh(len(LABELS))
    for number, (epochs, recipe) in enumerate(stages(rows, seed), start=1):
        kept = None if states is None else states / f"stage{number}.pt"
        if kept is not None and kept.exists():
            model.load_state_dict(torch.load(kept, weights_only=True))
            say(f"stage {number} taken from {kept}")
            continue
        say(f"stage {number}: {sum(len(epoch[0]) for epoch in epochs):,} rows")
        fine_tune(model, reader, epochs, recipe, say)
        if kept is not None:
            torch.save(model.state_dict(), kept)
    return model
