"""The hub's clock: the machine's, or the one that a demonstration plays, and never both at once unmarked."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from pytest_django.fixtures import Settings

from seawall.hub import moment

PAST = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def test_the_present_is_the_machines_and_in_utc() -> None:
    before = datetime.now(UTC)
    assert before <= moment.now() <= datetime.now(UTC)
    assert moment.now().tzinfo is UTC
    assert not moment.is_played()
    assert not moment.in_demonstration()


def test_a_demonstration_plays_another_time_inside_its_block_only() -> None:
    with moment.demonstration_at(PAST):
        assert moment.now() == PAST
        assert moment.is_played()
        assert moment.in_demonstration()
        with moment.demonstration_at(PAST + timedelta(days=1)):
            assert moment.now() == PAST + timedelta(days=1)
        assert moment.now() == PAST
    assert not moment.is_played()


def test_an_error_ends_the_played_time_too() -> None:
    with pytest.raises(KeyError), moment.demonstration_at(PAST):
        raise KeyError
    assert not moment.is_played()


def test_another_thread_keeps_the_real_time() -> None:
    seen: list[bool] = []
    with moment.demonstration_at(PAST):
        thread = threading.Thread(target=lambda: seen.append(moment.is_played()))
        thread.start()
        thread.join()
    assert seen == [False]


def test_a_moment_of_another_zone_is_told_in_utc() -> None:
    with moment.demonstration_at(PAST.astimezone(timezone(timedelta(hours=9)))):
        assert moment.now() == PAST
        assert moment.now().tzinfo is UTC


def test_on_a_demonstration_hub_everything_is_marked(settings: Settings) -> None:
    settings.DEMONSTRATION = True
    assert moment.in_demonstration()
    assert not moment.is_played()


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a time zone"), moment.demonstration_at(datetime(2026, 1, 1)):  # noqa: DTZ001  (the fault that is tested)
        pass


def test_a_demonstration_of_the_future_is_refused() -> None:
    later = datetime.now(UTC) + timedelta(minutes=1)
    with pytest.raises(ValueError, match="cannot happen in the future"), moment.demonstration_at(later):
        pass
