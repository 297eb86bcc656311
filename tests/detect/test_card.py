"""The model card tells the shipped figures, all of them and nothing else."""

from __future__ import annotations

import json

from tools import linear_card


def test_the_card_holds_the_shipped_figures() -> None:
    text = linear_card.CARD.read_text(encoding="utf-8")
    told = text.split(linear_card.BEGIN)[1].split(linear_card.END)[0].strip()
    metrics, manifest = json.loads(linear_card.METRICS.read_text()), json.loads(linear_card.MANIFEST.read_text())
    assert told == linear_card.render(metrics, manifest), "run: python tools/linear_card.py"


def test_the_card_tells_how_many_own_posts_there_are() -> None:
    manifest = json.loads(linear_card.MANIFEST.read_text())
    (own,) = [entry for entry in manifest if entry["set"] == "own_posts"]
    share = round(100 * own["used"]["test"] / own["rows"])
    assert f"{own['rows']} short posts" in linear_card.CARD.read_text()
    assert f"{share} % of them test" in " ".join(linear_card.CARD.read_text().split())
