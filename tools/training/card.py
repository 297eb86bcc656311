"""Write the measured figures into the model card (docs/reference/detector.md), between its two marks, and draw how far its
probabilities can be taken at their word (docs/reference/detector-reliability.svg).

    python tools/card.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from seawall.detect.families import CONTEXTS, FAMILIES

HOUSE = Path(__file__).resolve().parent.parent.parent
CARD = HOUSE / "docs/reference/detector.md"
DIAGRAM = CARD.with_name("detector-reliability.svg")
METRICS = HOUSE / "src/seawall/detect/models/detector-2.metrics.json"
MANIFEST = METRICS.with_name("detector-2.manifest.json")
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def span(value: list[float] | None) -> str:
    return f"{value[0]:.2f} ({value[1]:.2f}-{value[2]:.2f})" if value else "-"


def share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def rated(entry: dict[str, Any]) -> str:
    """A rate with its interval and what it rests on."""
    if entry["value"] is None:
        return "-"
    return f"{entry['value']:.1%} ({entry['low']:.1%}-{entry['high']:.1%}), {entry['count']} of {entry['n']}"


def estimated(entry: dict[str, Any]) -> str:
    if entry["value"] is None:
        return "-"
    return f"{entry['value']:.2f} ({entry['low']:.2f}-{entry['high']:.2f})"


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


def shares_table(title: str, groups: dict[str, Any]) -> str:
    named = ("any", *FAMILIES)
    return table(
        [title, "posts", "any flag", *(f"`{name}`" for name in FAMILIES)],
        [[name, f"{entry['n']:,}", *(f"{entry[key]:.1%}" for key in named)] for name, entry in groups.items()],
    )


def suite_parts(suite: dict[str, Any]) -> list[str]:
    return [
        "### The functional suite, held-out part",
        table(
            ["", "measured"],
            [
                ["harmful posts flagged as what they are", rated(suite["harmful_flagged"]["gold"])],
                ["harmful posts flagged as any harm to remove", rated(suite["harmful_flagged"]["any"])],
                ["protected posts flagged as a harm to remove", rated(suite["protected_flagged"]["removal"])],
                ["posts of people at risk found", rated(suite["at_risk"]["recall"])],
                ["posts of people at risk flagged for removal", rated(suite["at_risk"]["removal"])],
                ["pairs in which every case is right", rated(suite["pairs_right"])],
                ["harmful or not: macro-F1", estimated(suite["harmful_or_not"]["macro_f1"])],
                ["harmful or not: AUROC", estimated(suite["harmful_or_not"]["auroc"])],
            ],
        ),
        table(
            ["family", "positives", "AP", "AUROC", "precision", "recall"],
            [
                [
                    f"`{name}`",
                    f"{entry['positives']} of {entry['n']:,}",
                    *(estimated(entry[key]) for key in ("ap", "auroc")),
                    *(share(entry[key]["value"]) for key in ("precision", "recall")),
                ]
                for name, entry in suite["by_family"].items()
            ],
        ),
    ]


def render(metrics: dict[str, Any], manifest: list[dict[str, Any]]) -> str:
    """The figures as Markdown, with nothing in them that is not in `metrics` or `manifest`."""
    head = ["", "positives", "AP", "AUROC", "F1", "recall at 1 % FPR", "precision", "recall"]
    labels, risk, hidden, gate = metrics["labels"], metrics["at_risk"], metrics["obfuscation"], metrics["gate"]
    parts = [
        *suite_parts(metrics["suite"]),
        "### Families, all test rows of the public sets and of the own posts together",
        table(
            [*head, "calibration error", "threshold"],
            [
                [
                    *measured(f"`{name}`", labels[name]["all"]),
                    f"{labels[name]['calibration_error']:.3f}",
                    f"{labels[name]['threshold']:.3f}",
                ]
                for name in FAMILIES
            ],
        ),
        "![How often each probability came true, family by family](detector-reliability.svg)",
        "### Contexts, the same rows (at 0.5)",
        table(head, [measured(f"`{name}`", labels[name]["all"]) for name in CONTEXTS]),
        "### Family by source",
        table(
            head,
            [
                measured(f"`{name}`: {source}", entry)
                for name in FAMILIES
                for source, entry in labels[name]["by_source"].items()
                if entry["positives"] >= 15
            ],
        ),
        "### People at risk, public sets",
        table(
            ["source", "posts", "found when 2 % of ordinary posts are flagged"],
            [
                ["all", f"{risk['n']:,}", f"{risk['recall_at_2_percent_of_ordinary']:.1%}"],
                *(
                    [name, f"{entry['n']:,}", f"{entry['recall_at_2_percent_of_ordinary']:.1%}"]
                    for name, entry in risk["by_source"].items()
                ),
            ],
        ),
        f"Flagged for removal: {risk['with_removal_flag']} of {risk['n']:,}.",
        "### Ordinary posts that are flagged all the same",
        shares_table("held-out background", metrics["background"]),
        "### Harmless or protected posts of public sets that are flagged all the same",
        shares_table("kind of hard negative", metrics["harmless"]),
        "### Fairness: harmless posts by way of speaking and by who is mentioned",
        shares_table("group", metrics["fairness"]),
        "### Disguise",
        (
            f"Of {hidden['n']} held-out harmful posts that are found when written plainly, still found when half of their "
            f"longer words are disguised: {hidden['mean']:.1%} over all kinds."
        ),
        table(
            ["disguise", "still found"],
            [
                [name.replace("_", " "), f"{value:.1%}"]
                for name, value in hidden.items()
                if name not in ("plain_recall", "n", "mean")
            ],
        ),
        "### The gate",
        f"On {gate['n']:,} public test posts drawn by chance, {gate['flagged_by_full']:,} of them flagged by the full model:",
        table(
            ["self-harm gate", "posts ruled out", "right flags kept", "right flags about self-harm kept"],
            [
                [
                    name,
                    f"{gate[name]['ruled_out']:.1%}",
                    f"{gate[name]['recall_kept']:.1%}",
                    f"{gate[name]['self_harm_kept']:.1%} of {gate[name]['self_harm_n']}",
                ]
                for name in ("strict", "loose")
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
                if "used" in entry
            ],
        ),
    ]
    return "\n\n".join(parts)


PANEL, GAP, TOP = 150, 40, 30


def diagram(metrics: dict[str, Any]) -> str:
    """The reliability diagrams as one SVG: across what was said, upwards how often it was true, the diagonal is honesty."""
    parts = []
    for at, name in enumerate(FAMILIES):
        left, top = GAP + (at % 4) * (PANEL + GAP), TOP + (at // 4) * (PANEL + GAP + TOP)
        dots = [
            f'<circle cx="{left + said * PANEL:.1f}" cy="{top + (1 - true) * PANEL:.1f}" r="{2 + min(6.0, count**0.25):.1f}"/>'
            for said, true, count in metrics["labels"][name]["reliability"]
        ]
        parts.append(
            f'<text x="{left}" y="{top - 8}">{name.replace("_", " ")}, error '
            f"{metrics['labels'][name]['calibration_error']:.3f}</text>"
            f'<rect x="{left}" y="{top}" width="{PANEL}" height="{PANEL}" fill="none" stroke="#505a5f"/>'
            f'<text x="{left}" y="{top + PANEL + 14}" fill="#505a5f">said: 0 to 1</text>'
            f'<text x="{left - 6}" y="{top + PANEL}" fill="#505a5f" transform="rotate(-90 {left - 6} {top + PANEL})">came true</text>'
            f'<path d="M{left} {top + PANEL}L{left + PANEL} {top}" stroke="#b1b4b6"/><g fill="#1d70b8">{"".join(dots)}</g>'
        )
    width, height = GAP + 4 * (PANEL + GAP), TOP + 2 * (PANEL + GAP + TOP)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">'
        "<title>Reliability of each family: what was said across, how often it was true upwards; larger dots are more posts"
        f'</title><rect width="{width}" height="{height}" fill="#ffffff"/>{"".join(parts)}</svg>\n'
    )


def write(metrics_file: Path = METRICS, manifest_file: Path = MANIFEST) -> None:
    """Bring card and diagram up to the figures."""
    metrics, manifest = json.loads(metrics_file.read_text()), json.loads(manifest_file.read_text())
    before, rest = CARD.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    CARD.write_text(f"{before}{BEGIN}\n\n{render(metrics, manifest)}\n\n{END}{after}", encoding="utf-8")
    DIAGRAM.write_text(diagram(metrics), encoding="utf-8")


if __name__ == "__main__":
    write()
