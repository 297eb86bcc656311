"""Write a fine-tuned encoder as an int8 ONNX file that onnxruntime reads, with its tokenizer beside it.

Words that no text of training or background ever needed are left out of the vocabulary (their pieces remain), so that
the file is smaller; the multiplications are quantised per channel, activations at run time.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers import optimizer
from onnxruntime.transformers.fusion_options import FusionOptions
from tokenizers import Tokenizer

from training.transformer import HEADS, WIDTH, Encoder

QUANTISING = {"MatMulConstBOnly": True, "DefaultTensorType": onnx.TensorProto.FLOAT}
KEPT_ALWAYS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def lean_vocabulary(reader: Tokenizer, texts: Iterable[str], least: int) -> tuple[Tokenizer, list[int]]:
    """A tokenizer without the whole words that fewer than `least` texts use, and the old number of each new one.

    Pieces of words (`##ing`), single characters and marks all stay, so that every text can still be written.
    """
    model = json.loads(reader.to_str())
    old: dict[str, int] = model["model"]["vocab"]
    seen: Counter[int] = Counter()
    batch = list(texts)
    for start in range(0, len(batch), 4096):
        for found in reader.encode_batch(batch[start : start + 4096]):
            seen.update(set(found.ids))
    by_number = sorted(old.items(), key=lambda item: item[1])
    kept = [
        (word, number)
        for word, number in by_number
        if word in KEPT_ALWAYS
        or (not word.startswith("[unused") and (seen[number] >= least or (word.isascii() and len(word) == 1)))
        or (word.startswith("##") and word.isascii() and len(word) <= 5)
    ]
    model["model"]["vocab"] = {word: at for at, (word, _) in enumerate(kept)}
    place = {number: at for at, (_, number) in enumerate(kept)}
    for added in model.get("added_tokens", []):
        added["id"] = place[added["id"]]
    post = model.get("post_processor") or {}
    for token in (post.get("special_tokens") or {}).values():
        token["ids"] = [place[number] for number in token["ids"]]
    return Tokenizer.from_str(json.dumps(model)), [number for _, number in kept]


def export(model: Encoder, path: Path, kept: list[int] | None = None) -> None:
    """Write `model` to `path` as quantised ONNX: inputs ids and mask (int64, texts x tokens), output logits (float32)."""
    model = model.to("cpu").eval()
    if kept is not None:
        small = Encoder(len(kept), model.head.out_features, len(model.layers))
        state = dict(model.state_dict())
        state["words.weight"] = state["words.weight"][torch.tensor(kept)]
        small.load_state_dict(state)
        model = small.eval()
    ids = torch.randint(5, 1000, (3, 17))
    mask = torch.ones_like(ids)
    mask[0, 9:] = 0
    with tempfile.TemporaryDirectory() as folder:
        plain, fused = Path(folder) / "plain.onnx", Path(folder) / "fused.onnx"
        torch.onnx.export(
            model,
            (ids, mask),
            plain,
            input_names=["ids", "mask"],
            output_names=["logits"],
            dynamic_axes={"ids": {0: "texts", 1: "tokens"}, "mask": {0: "texts", 1: "tokens"}, "logits": {0: "texts"}},
            opset_version=17,
            dynamo=False,
        )
        options = FusionOptions("bert")
        options.enable_embed_layer_norm = False
        found = optimizer.optimize_model(
            str(plain), "bert", num_heads=HEADS, hidden_size=WIDTH, optimization_options=options, opt_level=0
        )
        found.save_model_to_file(str(fused))
        counts = Counter(node.op_type for node in onnx.load(fused).graph.node)
        print("fused operators:", dict(counts.most_common(12)), flush=True)
        quantize_dynamic(
            fused,
            path,
            per_channel=True,
            reduce_range=False,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["MatMul", "Attention", "Gather"],
            extra_options=QUANTISING,
        )
