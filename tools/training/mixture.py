"""Which rows the transformer looks at, how often, and in what disguise.

More of the same few sets makes a model better at those sets and worse elsewhere; what carries over is variety and
contrast. So the big sets are capped, rows of the suite are looked at several times, templates are told of another group
each time, and a share of all harmful rows is disguised anew.
"""

from __future__ import annotations

import numpy as np

from seawall.detect.suite import GROUPS, HERE, shipped
from seawall.detect.transformer import reading_text
from training.obfuscation import disguise
from training.rows import CALIBRATION_PAIRS, LABELS, Rows, crc32, known_of

#: At most so many rows of a set in each epoch; a set that is not named gives what DEFAULT_CAP allows.
CAPS = {
    "goemotions_bg": 4500,
    "tweets_bg": 4500,
    "threatgram": 3500,
    "hatexplain": 2500,
    "cad": 2500,
    "edos": 2200,
    "davidson": 2200,
    "hatemoji_build": 2600,
    "reddit_social_good": 1500,
    "rmhd27": 1300,
    "sdcnl": 500,
    "cssrs_posts": 1200,
    "covid_rumor": 900,
    "constraint_covid": 900,
    "coaid": 900,
    "vaccinelies": 1800,
    "pheme": 700,
    "own_posts": 700,
}
DEFAULT_CAP = 1300
DISGUISED = 0.10
#: Background posts of these ranks, the model's own worst mistakes first, are looked at again; the very first are left
#: out, for among them stand posts that are harmful indeed.
HARD_FROM, HARD_TO = 0.003, 0.2
#: Long posts cost most to read and teach least for it; they are drawn seldom.
LONG = 700

#: Texts, truth, weight, and for each text the number of the pair that it stands in (0: in none).
Epoch = tuple[list[str], np.ndarray, np.ndarray, np.ndarray]


def _suite(
    turn: int,
    generator: np.random.Generator,
    without: tuple[str, ...],
    disguised: float,
    kinds: tuple[str, ...],
) -> tuple[list[str], list[np.ndarray], list[np.ndarray], list[int]]:
    texts: list[str] = []
    pairs: list[int] = []
    truths: list[np.ndarray] = []
    weights: list[np.ndarray] = []
    for case in shipped("train", without):
        if crc32(case.pair.encode()) % CALIBRATION_PAIRS == 0:
            continue
        # One group for a whole pair, another each time: the group can then never be what tells harm from harmless.
        first = (crc32(case.pair.encode()) + turn * 11) % len(GROUPS)
        for group in (first, (first + 5) % len(GROUPS)) if case.template else (first,):
            filled = case.filled(GROUPS[group])
            truth, weight = np.zeros(len(LABELS), np.float32), np.zeros(len(LABELS), np.float32)
            for label, (positive, worth) in known_of(filled).items():
                truth[LABELS.index(label)], weight[LABELS.index(label)] = positive, worth / 4
            text = filled.text
            if generator.random() < (disguised if case.families else disguised / 2):
                hard = bool(kinds) and generator.random() < 0.7
                text = disguise(text, generator, str(generator.choice(kinds)) if hard else None)
            texts.append(text)
            truths.append(truth)
            weights.append(weight)
            pairs.append(crc32(f"{case.pair} {turn} {group}".encode()) + 1)
    return texts, truths, weights, pairs


def background(rows: Rows) -> np.ndarray:
    """Which rows are ordinary posts to train on."""
    kind, part = np.array(rows.kind), np.array(rows.part)
    return np.flatnonzero((kind == "background") & (part == "train"))


def hardest(rows: Rows, odds: np.ndarray) -> np.ndarray:
    """Of the rows that `background` names, those that are hardest to tell from harm; `odds` (rows, families) are theirs."""
    order = np.argsort(-((odds - odds.mean(axis=0)) / odds.std(axis=0)).max(axis=1), kind="stable")
    return background(rows)[order[int(HARD_FROM * len(order)) : int(HARD_TO * len(order))]]


def epochs(
    rows: Rows,
    count: int,
    seed: int,
    *,
    suite_turns: int,
    scale: float = 1.0,
    without: tuple[str, ...] = (),
    disguised: float = DISGUISED,
    hard: np.ndarray | None = None,
    hard_share: float = 0.5,
    kinds: tuple[str, ...] = (),
    again: tuple[str, ...] = (),
) -> list[Epoch]:
    """`count` epochs; each draws anew from the public sets (caps times `scale`) and tells the suite `suite_turns` times.

    Files of the suite named in `without` are left out. `disguised` is the share of the suite's harmful cases that are told
    in disguise; of those seven in ten by one of `kinds`, if any is named. Files of the suite named in `again` are told twice in a
    turn. Of the rows `hard` a share of `hard_share`, drawn anew, is added to each epoch.
    """
    generator = np.random.default_rng(seed)
    part, source = np.array(rows.part), np.array(rows.source)
    truth, weight = np.stack(rows.truth).astype(np.float32), np.minimum(np.stack(rows.weight), 1.5)
    long = np.array([len(text) > LONG for text in rows.text])
    judged = weight.max(axis=1) > 0
    out: list[Epoch] = []
    for epoch in range(count):
        texts: list[str] = []
        truths: list[np.ndarray] = []
        weights: list[np.ndarray] = []
        pairs: list[int] = []
        for name in sorted(set(source) - {"suite"}):
            mine = np.flatnonzero((source == name) & (part == "train") & judged)
            mine = mine[~long[mine] | (generator.random(len(mine)) < 0.35)]
            # Harmful rows first: half the cap is theirs where there are so many.
            harmful = truth[mine, :8].any(axis=1)
            cap = round(scale * CAPS.get(name, DEFAULT_CAP))
            ours = generator.permutation(mine[harmful])[: max(cap // 2, cap - int((~harmful).sum()))]
            others = generator.permutation(mine[~harmful])[: cap - len(ours)]
            for at in np.concatenate([ours, others]):
                text = rows.text[at]
                if generator.random() < (DISGUISED / 2 if truth[at, :8].any() else DISGUISED / 5):
                    text = disguise(text, generator)
                texts.append(text)
                truths.append(truth[at])
                weights.append(weight[at])
        if hard is not None:
            for at in generator.permutation(hard)[: round(hard_share * len(hard))]:
                texts.append(rows.text[at])
                truths.append(truth[at])
                weights.append(weight[at])
        pairs += [0] * len(texts)
        known = {path.stem for path in (HERE / "train").glob("*.jsonl")}
        turns = [(turn, without) for turn in range(suite_turns)]
        if again:
            turns += [(turn + suite_turns * count, tuple(known - set(again))) for turn in range(suite_turns)]
        for turn, left_out in turns:
            more = _suite(seed * 97 + epoch * suite_turns + turn, generator, left_out, disguised, kinds)
            texts += more[0]
            truths += more[1]
            weights += more[2]
            pairs += more[3]
        out.append(([reading_text(text) for text in texts], np.stack(truths), np.stack(weights), np.array(pairs)))
    return out
