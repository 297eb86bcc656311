"""The model card tells the shipped figures, all of them and nothing else."""

from __future__ import annotations

import json

from tools.training import card


def test_the_card_holds_the_shipped_figures() -> None:
    text = card.CARD.read_text(encoding="utf-8")
    told = text.split(card.BEGIN)[1].split(card.END)[0].strip()
    metrics, manifest = json.loads(card.METRICS.read_text()), json.loads(card.MANIFEST.read_text())
    assert told == card.render(metrics, manifest), "run: python tools/card.py"
    assert card.DIAGRAM.read_text(encoding="utf-8") == card.diagram(metrics), "run: python tools/card.py"
