"""Bring the model card up to the shipped figures: python tools/card.py"""

from __future__ import annotations

import sys
from pathlib import Path

HOUSE = Path(__file__).resolve().parent
sys.path[:0] = [str(HOUSE), str(HOUSE.parent / "src")]

from training.card import write  # noqa: E402 (the path is set above)

if __name__ == "__main__":
    write()
