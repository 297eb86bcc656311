"""Write the measured figures into the model card (docs/reference/detector.md), between its two marks.

python tools/linear_card.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HOUSE = Path(__file__).resolve().parent.parent
CARD = HOUSE / "docs/reference/detector.md"
METRICS = HOUSE / "src/seawall/detect/models/linear-1.metrics.json"
MANIFEST = METRICS.with_name("linear-1.manifest.json")
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def span(value: list[float] | None) -> str:
    return f"{value[0]:.2f} ({value[1]:.2f}-{value[2]:.2f})" if value else "-"


def share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def measured(name: str, entry: dict[str, Any]) -> list[str]:
    return [
        name,
        f"{entry['positives']:,} of {entry['n']:,}",
        *(span(entry.get(key)) for key in ("ap", "auroc", "f1", "recall_at_1_percent_fpr")),
        share(entry["precision"]),
        share(entry["recall"]),
    ]


def render(metrics: dict[str, Any], manifest: list[dict[str, Any]]) -> str:
    """The figures as Markdown, with nothing in them that is not in `metrics` or `manifest`."""
    head = ["", "positives", "AP", "AUROC", "F1", "recall at 1 % FPR", "precision", "recall"]
    labels, own = metrics["labels"], metrics["own_posts"]
    families = [name for name in labels if name not in own["contexts"]]
    contexts = [name for name in labels if name in own["contexts"]]
    parts = [
        "### Families, all held-out test rows together",
        table(
            [*head, "threshold"],
            [[*measured(f"`{name}`", labels[name]["all"]), f"{labels[name]['threshold']:.3f}"] for name in families],
        ),
        "### Contexts, all held-out test rows together (at 0.5)",
        table(head, [measured(f"`{name}`", labels[name]["all"]) for name in contexts]),
        "### Own posts alone (test split)",
        table(head, [measured(f"`{name}`", entry) for name, entry in own["families"].items()]),
        'The same without the bare phrases that were added later (see "How it was made"):',
        table(head, [measured(f"`{name}`", entry) for name, entry in own["first_posts"].items()]),
        "### Family by source",
        table(
            head,
            [
                measured(f"`{name}`: {source}", entry)
                for name in families
                for source, entry in labels[name]["by_source"].items()
                if entry["positives"] >= 15
            ],
        ),
        "### Ordinary posts that are flagged all the same",
        table(
            ["held-out background", "posts", "any flag", *(f"`{name}`" for name in families)],
            [
                [name, f"{entry['n']:,}", *(f"{entry[key]:.2%}" for key in ("any", *families))]
                for name, entry in metrics["background"].items()
            ],
        ),
        "### Harmless or protected posts that are flagged all the same",
        "Public sets, by the kind of hard negative:",
        table(
            ["kind", "posts", "any flag", "`at_risk`", "`suicide_self_harm`"],
            [
                [name, f"{entry['n']:,}", *(f"{entry[key]:.1%}" for key in ("any", "at_risk", "suicide_self_harm"))]
                for name, entry in metrics["harmless"].items()
            ],
        ),
        "Own posts (test split), by context:",
        table(
            ["context", "flagged", "as"],
            [
                [
                    name,
                    f"{entry['flagged']} of {entry['n']}",
                    ", ".join(f"{family} {count}" for family, count in entry["by_family"].items()) or "-",
                ]
                for name, entry in own["harmless"].items()
            ],
        ),
        "### What it was trained on",
        table(
            ["set", "licence", "train", "calibration", "test", "left out because"],
            [
                [
                    entry["set"],
                    entry["licence"],
                    *(f"{entry['used'].get(part, 0):,}" for part in ("train", "dev", "test")),
                    entry.get("why_not", ""),
                ]
                for entry in manifest
            ],
        ),
    ]
    return "\n\n".join(parts)


def main() -> None:
    text = CARD.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    body = render(json.loads(METRICS.read_text()), json.loads(MANIFEST.read_text()))
    CARD.write_text(f"{before}{BEGIN}\n\n{body}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
