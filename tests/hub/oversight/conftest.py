"""What tests of the figures start from: an empty cache, and referrals whose course is played."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from tests.support.courses import BEGIN, HOUR, Courses, play
from tests.support.hub import SmallHub


@pytest.fixture(autouse=True)
def _no_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def courses(hub: SmallHub, monkeypatch: pytest.MonkeyPatch) -> Courses:
    return play(hub, monkeypatch)


@pytest.fixture
def played(courses: Courses) -> Courses:
    """Alpha: 6 acted on, 1 left up. Beta: 2 acted on."""
    for platform, reason, how_many in (
        ("alpha", "ACTIONED", 6),
        ("alpha", "REVIEWED_NO_ACTION", 1),
        ("beta", "ACTIONED", 2),
    ):
        for number in range(how_many):
            referral = courses.sent(courses.referred(BEGIN, platform=platform), BEGIN + 3 * HOUR)
            courses.answered(referral, BEGIN + (4 + number) * HOUR, reason)  # type: ignore[arg-type]
    return courses
