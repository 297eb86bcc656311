"""A few posts of the sample instead of all; run as a program, it is `seawall demo --once` with those."""

from __future__ import annotations

import sys
from collections import Counter

from seawall.hub.demonstration import sample
from seawall.hub.demonstration.sample import SamplePost


def few(each: int = 4) -> tuple[SamplePost, ...]:
    """The first posts of every kind of label, oldest first."""
    taken: Counter[tuple[str | None, str | None, str]] = Counter()
    chosen = []
    for post in sample.FULL():
        kind = (post.label.family, post.label.harm, post.platform)
        taken[kind] += 1
        if taken[kind] <= (each if post.label.harm else 1):
            chosen.append(post)
    return tuple(chosen[::2])


def shorten() -> None:
    """Let this process know no other posts than these."""
    sample.FULL = sample.posts  # type: ignore[attr-defined]
    chosen = few()
    sample.posts = lambda: chosen  # type: ignore[assignment]


if __name__ == "__main__":
    from seawall.cli import main

    shorten()
    sys.argv[1:] = ["demo", "--once"]
    main()
