"""What an adapter in must be. An adapter outside this package is found by the entry point group `seawall.sources`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from seawall.sources.posts import BadLine, Post


@runtime_checkable
class Source(Protocol):
    """Something that posts can be read from.

    `read` yields posts as they come, and a `BadLine` in the place of each that cannot be used; it never raises for
    what one post holds. Reading must work in constant memory.
    """

    @property
    def name(self) -> str:
        """What people call this source: a file's path, a network's name."""
        ...

    def read(self) -> Iterator[Post | BadLine]:
        """The posts, in the source's own order."""
        ...
