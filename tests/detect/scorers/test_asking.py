"""The breaker: who is asked, who is left to rest, and that one trial decides."""

from __future__ import annotations

from seawall.detect.scorers.asking import Breaker


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def opened() -> tuple[Breaker, Clock]:
    """A breaker that three failures have just opened, for ten seconds."""
    clock = Clock()
    breaker = Breaker(3, 10.0, clock)
    assert [breaker.leave(breaker.enter(), failed=True) for _ in range(3)] == [False, False, True]
    return breaker, clock


def test_failures_in_a_row_open_it_and_all_are_told_to_rest() -> None:
    breaker, clock = opened()
    assert [breaker.enter() for _ in range(5)] == ["rest"] * 5
    clock.now = 9.9
    assert breaker.enter() == "rest"


def test_a_success_between_failures_begins_the_count_anew() -> None:
    breaker = Breaker(2, 10.0, Clock())
    for failed in (True, False, True, False, True):
        assert breaker.enter() == "ask"
        assert breaker.leave("ask", failed=failed) is False
    assert breaker.leave("ask", failed=True) is True


def test_after_the_rest_one_is_tried_while_the_others_wait() -> None:
    breaker, clock = opened()
    clock.now = 10.0
    assert [breaker.enter() for _ in range(3)] == ["trial", "rest", "rest"]
    breaker.leave("trial", failed=False)
    assert breaker.enter() == "ask"


def test_a_trial_that_fails_opens_it_for_another_rest() -> None:
    breaker, clock = opened()
    clock.now = 10.0
    assert breaker.leave(breaker.enter(), failed=True) is True
    assert breaker.enter() == "rest"
    clock.now = 20.0
    assert breaker.enter() == "trial"


def test_what_was_under_way_when_it_opened_prolongs_nothing_and_may_close_it() -> None:
    breaker, clock = opened()
    clock.now = 5.0
    assert breaker.leave("ask", failed=True) is False
    clock.now = 10.0
    assert breaker.enter() == "trial"
    breaker.leave("ask", failed=False)
    assert breaker.enter() == "ask"
