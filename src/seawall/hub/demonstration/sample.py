"""The posts that the demonstration plays, as they ship (see sample/LICENCES.md)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

import orjson

from seawall.sources.posts import Post

FOLDER = Path(__file__).parent / "sample"


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What people who annotated the data set said of a post; for the hub's own texts, what their writer meant."""

    source: str
    native: str
    family: str | None
    harm: str | None
    context: str | None
    target: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePost:
    id: str
    text: str
    platform: str
    account: str
    lang: str
    hours_ago: float
    label: Label

    def posted_at(self, ends_at: datetime) -> datetime:
        """When it was posted, in a demonstration that ends at `ends_at`."""
        return ends_at - timedelta(hours=self.hours_ago)


@lru_cache(maxsize=1)
def posts() -> tuple[SamplePost, ...]:
    """All of them, oldest first."""
    rows = (orjson.loads(line) for line in (FOLDER / "posts.jsonl").read_bytes().splitlines())
    return tuple(
        SamplePost(
            id=row["id"],
            text=row["text"],
            platform=row["platform"],
            account=row["account"],
            lang=row["lang"],
            hours_ago=row["hours_ago"],
            label=Label(source=row["source"], **row["human"]),
        )
        for row in rows
    )


@lru_cache(maxsize=1)
def labels() -> dict[str, Label]:
    """Every post's label, by its id."""
    return {post.id: post.label for post in posts()}


def as_post(post: SamplePost, *, url: str, ends_at: datetime) -> Post:
    """The post as a feed would bring it: without any label."""
    return Post(
        id=post.id,
        text=post.text,
        url=url,
        platform=post.platform,
        account=post.account,
        posted_at=post.posted_at(ends_at),
        lang=post.lang,
        media=(),
        extra={},
    )


def for_platforms(found: Iterable[SamplePost], *, ends_at: datetime) -> list[dict[str, str]]:
    """The posts as the sandbox platforms put them up."""
    return [
        {
            "platform": post.platform,
            "native_id": post.id,
            "text": post.text,
            "account": post.account,
            "posted_at": post.posted_at(ends_at).isoformat(),
        }
        for post in found
    ]
