"""The project's own short posts, each judged for every family and every context."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

OWN_POSTS: Final = Path(__file__).parent / "training" / "own_posts.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPost:
    """A post written for this project, judged for every family and every context. `split` is train or test."""

    id: str
    text: str
    families: tuple[str, ...]
    context: tuple[str, ...]
    split: str


def own_posts(split: str | None = None) -> Iterator[OwnPost]:
    """The shipped own posts, all or those of one split."""
    for line in OWN_POSTS.read_bytes().splitlines():
        row = orjson.loads(line)
        if split in (None, row["split"]):
            yield OwnPost(
                id=row["id"],
                text=row["text"],
                families=tuple(row["families"]),
                context=tuple(row["context"]),
                split=row["split"],
            )
