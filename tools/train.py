"""Train the detector that ships with Seawall, measure it on what it never saw, and write models, figures and model card.

    python tools/train.py DATA_DIR [--out src/seawall/detect/models] [--seed 1] [--states FOLDER]

DATA_DIR holds one Parquet file a set, with the columns id, text, labels, scope, hard_negative, strength, split,
licence, redistribute, dup_of and heldout_leak. The functional suite and the own posts that ship with Seawall are added.
Needs the extra `train`: pip install 'seawall[train]'. With --states the transformer's state is kept after each stage,
and taken up again from there. With --thresholds nothing is learnt: the thresholds of the models that are there are chosen
anew by the costs in the code of practice, and everything is measured again. How it is done, and why, is in docs/reference/detector.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HOUSE = Path(__file__).resolve().parent
sys.path[:0] = [str(HOUSE), str(HOUSE.parent / "src")]

try:
    import numpy as np
    import torch
    from training import blend, card, export, linear, metrics, recipe, transformer
    from training.rows import LABELS, Rows, read_own, read_sets, read_shipped_suite
except ImportError as problem:
    sys.exit(
        f"train.py needs packages that only training uses ({problem.name} is missing): pip install 'seawall[train]'"
    )

from seawall.detect import bundle  # noqa: E402 (the path is set above)
from seawall.detect import linear as linear_model  # noqa: E402
from seawall.detect.families import CONTEXTS, FAMILIES  # noqa: E402
from seawall.detect.gate import GATES  # noqa: E402
from seawall.detect.pipeline import Detector  # noqa: E402
from seawall.detect.transformer import Transformer, reading_text  # noqa: E402

NUMBER = 2
#: Of ordinary posts so many teach the gates; as many others set their bars.
GATE_POSTS = 16_000
#: A whole word stays in the vocabulary when so many texts of training or background use it.
LEAST_USED = 2
SHIPPED_MODELS = HOUSE.parent / "src/seawall/detect/models"
COSTS = HOUSE.parent / "src/seawall/hub/practice/codes/uk-2026/flagging.yaml"


def write_json(path: Path, held: Any, indent: int = 1) -> str:
    text = json.dumps(held, indent=indent, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8")
    return hashlib.sha256(text.encode()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of Parquet sets")
    parser.add_argument("--out", type=Path, default=SHIPPED_MODELS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--states", type=Path, help="folder for the transformer's states between stages")
    parser.add_argument("--thresholds", action="store_true", help="learn nothing; choose thresholds anew and measure")
    options = parser.parse_args()
    if not any(options.data.glob("*.parquet")):
        sys.exit(f"{options.data}: no .parquet files here; give the folder that holds the sets")
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {text}", flush=True)

    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    if options.states:
        options.states.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(2)
    rows = Rows()
    read_sets(options.data, rows)
    read_own(rows)
    read_shipped_suite(rows)
    say(f"{len(rows.text):,} rows read")

    if options.thresholds:
        choose_again(rows, out, say)
        measure(rows, out, options.seed, say)
        return
    encoder = recipe.learn(rows, options.seed, say, options.states)
    names = {"transformer": f"transformer-{NUMBER}.onnx", "tokenizer": f"transformer-{NUMBER}.tokenizer.json"}
    learnt = [text for text, part in zip(rows.text, rows.part, strict=True) if part != "test"]
    lean, kept = export.lean_vocabulary(transformer.tokenizer(), map(reading_text, learnt), LEAST_USED)
    lean.save(str(out / names["tokenizer"]), pretty=False)
    export.export(encoder, out / names["transformer"], kept)
    say(f"transformer: {(out / names['transformer']).stat().st_size / 1e6:.1f} MB, {len(kept):,} word pieces")
    shipped = Transformer(out / names["transformer"], out / names["tokenizer"], bundle.LABELS)

    features = linear.matrix(rows.text)
    linear.check_matrix(rows.text, features, options.seed)
    say(f"feature matrix {features.shape[0]:,} x {features.shape[1]:,}, {features.nnz:,} values")
    generator = np.random.default_rng(options.seed)
    weights, biases = linear.train(rows, features, generator, say)

    part = np.array(rows.part)
    truth = np.stack(rows.truth)
    dev = np.flatnonzero(part == "dev")
    first = features[dev] @ weights + biases
    second = shipped.judge([rows.text[at] for at in dev]).scores
    worth = blend.dev_weights(rows, dev)
    full = blend.average(first, second, truth[dev], worth)
    alone = blend.calibrated(first, truth[dev], worth)
    chance = bundle.probability(blend.as_blend(full).odds(first, second))
    marks = blend.thresholds(chance, truth[dev], worth, rows, dev, blend.read_costs(COSTS))
    say(f"thresholds: {marks}")

    # The gates learn from what the ensemble says of rows of every kind, most of them ordinary.
    ordinary = generator.permutation(np.flatnonzero((np.array(rows.kind) == "background") & (part == "train")))
    others = generator.permutation(np.flatnonzero((np.array(rows.kind) != "background") & (part == "train")))
    pupils = np.concatenate([ordinary[:GATE_POSTS], others[:GATE_POSTS]])
    teacher = blend.as_blend(full).odds(
        features[pupils] @ weights + biases, shipped.judge([rows.text[at] for at in pupils]).scores
    )
    near = blend.gate_targets(bundle.probability(teacher), marks)
    gate_weights, gate_biases = blend.teach_gates(features[pupils], near, np.ones(len(pupils)))
    near_dev = blend.gate_targets(chance, marks)
    bars = blend.gate_bars(features[dev] @ gate_weights + gate_biases, near_dev)
    say(f"gates: {bars}")

    names["linear"] = f"linear-{NUMBER}.npz"
    linear_model.save(
        out / names["linear"],
        linear_model.ModelFile(
            weights=np.hstack([weights, linear.lighten(gate_weights)]).astype(np.float16),
            bias=np.concatenate([biases, gate_biases]).astype(np.float32),
            meta={
                "format": linear_model.FORMAT,
                "labels": [*LABELS, *(f"gate:{gate}" for gate in GATES)],
                "seed": options.seed,
            },
        ),
    )
    rows.manifest.append({"set": "base model", **transformer.describe()})
    manifest = write_json(out / f"detector-{NUMBER}.manifest.json", rows.manifest)
    description = {
        "format": bundle.FORMAT,
        "version": f"detector-{NUMBER}",
        "families": list(FAMILIES),
        "contexts": list(CONTEXTS),
        **names,
        "blend": {"full": blend.as_json(full), "linear": blend.as_json(alone)},
        "thresholds": marks,
        "gate": bars,
        "seed": options.seed,
        "manifest_sha256": manifest,
        "sha256": {name: hashlib.sha256((out / name).read_bytes()).hexdigest() for name in names.values()},
    }
    path = out / f"detector-{NUMBER}.json"
    write_json(path, description)
    say("models written; measuring")

    measure(rows, out, options.seed, say)


def choose_again(rows: Rows, out: Path, say: Callable[[str], None]) -> None:
    """Choose the thresholds of the models in `out` anew, by the costs as they stand now."""
    path = out / f"detector-{NUMBER}.json"
    dev = np.flatnonzero(np.array(rows.part) == "dev")
    chance = Detector.load(path).probabilities([rows.text[at] for at in dev])
    worth = blend.dev_weights(rows, dev)
    marks = blend.thresholds(chance, np.stack(rows.truth)[dev], worth, rows, dev, blend.read_costs(COSTS))
    say(f"thresholds: {marks}")
    held = json.loads(path.read_text(encoding="utf-8"))
    # The gate may lose none, or few, of what is flagged: when the thresholds move, so do its bars.
    model = linear_model.load(out / held["linear"])
    scores = linear_model.Linear(model.weights, model.bias).logits([rows.text[at] for at in dev])
    bars = blend.gate_bars(scores[:, len(LABELS) :], blend.gate_targets(chance, marks))
    say(f"gates: {bars}")
    write_json(path, {**held, "thresholds": marks, "gate": bars})


def measure(rows: Rows, out: Path, seed: int, say: Callable[[str], None]) -> None:
    """Measure the detector in `out` and write its figures and the model card."""
    path = out / f"detector-{NUMBER}.json"
    detector = Detector.load(path)
    part, source, truth = np.array(rows.part), np.array(rows.source), np.stack(rows.truth)
    test = np.random.default_rng(seed).permutation(np.flatnonzero((part == "test") & (source != "own_posts")))[:6000]
    held = {
        "version": detector.version,
        "description_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "manifest_sha256": json.loads(path.read_text(encoding="utf-8"))["manifest_sha256"],
        **metrics.measure(rows, detector, seed, say),
        "gate": metrics.gate(
            bundle.read(path),
            [rows.text[at] for at in test],
            [tuple(family for at, family in enumerate(FAMILIES) if truth[row, at]) for row in test],
        ),
    }
    write_json(out / f"detector-{NUMBER}.metrics.json", held)
    if out.resolve() == SHIPPED_MODELS:
        card.write()
    say("done")


if __name__ == "__main__":
    main()
