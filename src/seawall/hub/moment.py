"""What time it is, for everything that the hub records as having happened.

Outside a demonstration this is the machine's clock in UTC. A demonstration plays ten days of work in a minute, so it may say that an
event happened at another moment; whatever is recorded then carries the mark `demonstration`, for ever and on every page. The time of
*recording* is never taken from here: it is always the real one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

from django.conf import settings

_played: ContextVar[datetime | None] = ContextVar("seawall_demonstration_moment", default=None)


def now() -> datetime:
    """The present moment (aware, UTC): the machine's, or the one that a running demonstration plays."""
    return _played.get() or datetime.now(UTC)


def is_played() -> bool:
    """Whether a demonstration is playing at this moment, in this thread of work."""
    return _played.get() is not None


def in_demonstration() -> bool:
    """Whether what happens now is part of a demonstration, and must be recorded as such: on a demonstration hub, everything is."""
    return is_played() or bool(settings.DEMONSTRATION)


@contextmanager
def demonstration_at(at: datetime) -> Iterator[None]:
    """Let `now()` be `at` inside the block, and mark whatever is recorded there as a demonstration.

    Raises ValueError when `at` has no time zone or lies in the future: a demonstration shows a past, never a prophecy.
    """
    if at.tzinfo is None:
        raise ValueError("A moment needs a time zone. Pass an aware datetime, for example datetime.now(UTC).")
    if at > datetime.now(UTC):
        raise ValueError(f"A demonstration cannot happen in the future, and {at.isoformat()} is.")
    token = _played.set(at.astimezone(UTC))
    try:
        yield
    finally:
        _played.reset(token)
