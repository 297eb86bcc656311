"""What a platform answers and asks: the clock stops, runs on and ends as it should, whoever's clock is wrong."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import cast

import pytest
from procrastinate import JobContext
from tests.hub.referrals.conftest import BEGIN, ToldPlatform, at, received
from tests.hub.referrals.test_services import REFUSED, agrees, events, fresh, jobs, trail
from tests.support.hub import SmallHub

from seawall import channels
from seawall.clock import State
from seawall.hub.casework.form import FormIncomplete
from seawall.hub.referrals import answers, pending, queries, services, tasks
from seawall.hub.referrals.models import Information, Referral, ReferralState


def collected(referral: Referral, platform: ToldPlatform) -> list[str]:
    return [kept.answer_id for kept in services.collect(referral_id=referral.pk)]


@pytest.mark.core
def test_a_question_stops_the_clock_until_the_platform_has_its_answer(hub: SmallHub, platform: ToldPlatform) -> None:
    with at():
        referral = received(hub)
    with at(hours=2):
        platform.says("QUEUED")
        platform.asks()
        assert collected(referral, platform) == ["A1", "A2"]
        assert collected(referral, platform) == []  # listed again, known already
    assert fresh(referral).state == ReferralState.ASKED
    with at(hours=30):  # beyond the limit, had the clock run on
        assert fresh(referral).clock().state(BEGIN + timedelta(hours=30)) == State.PAUSED
        assert services.escalate(referral_id=referral.pk) == []
        given = services.inform(referral=referral, person=hub.people["analyst"], text=" The words in the second line. ")
        assert (given.text, given.delivered_at, fresh(referral).state) == (
            "The words in the second line.",
            None,
            ReferralState.ASKED,
        )
    with at(hours=31):
        services.deliver_information(information_id=given.pk)
        services.deliver_information(information_id=given.pk)
    assert platform.informed == [(str(given.pk), "The words in the second line.")]
    assert fresh(referral).state == ReferralState.AWAITING
    with at(hours=40):
        platform.decides()
        collected(referral, platform)
        assert collected(referral, platform) == []  # over: not even asked for
    assert events(referral) == [("started", 0.0), ("paused", 2.0), ("resumed", 31.0), ("stopped", 40.0)]
    found = fresh(referral)
    assert (found.state, found.answered_at) == (ReferralState.ANSWERED, BEGIN + timedelta(hours=40))
    assert found.clock().elapsed(BEGIN + timedelta(days=9)) == timedelta(hours=11)
    agrees(referral, BEGIN + timedelta(days=9))
    assert trail(referral) == [
        "prepared", "received", "answered", "answered", "clock_paused", "information_given", "clock_resumed", "answered",
    ]  # fmt: skip


def test_an_answer_without_waiting_for_information_ends_the_pause(hub: SmallHub, platform: ToldPlatform) -> None:
    with at():
        referral = received(hub)
    with at(hours=2):
        platform.asks()
        collected(referral, platform)
    with at(hours=50):
        platform.decides("REVIEWED_NO_ACTION")
        collected(referral, platform)
        agrees(referral, BEGIN + timedelta(hours=50))
    assert events(referral) == [("started", 0.0), ("paused", 2.0), ("resumed", 50.0), ("stopped", 50.0)]
    with pytest.raises(services.InformationNotWanted):
        services.inform(referral=referral, person=hub.people["analyst"], text="Too late, but here it is.")


def test_asked_twice_pauses_once(hub: SmallHub, platform: ToldPlatform) -> None:
    with at():
        referral = received(hub)
    with at(hours=1):
        platform.asks()
        collected(referral, platform)
    with at(hours=2):
        platform.asks()
        collected(referral, platform)
        given = services.inform(referral=referral, person=hub.people["analyst"], text="The second line.")
        assert given.answer.answer_id == "A2"
        services.deliver_information(information_id=given.pk)
    with at(hours=3):
        platform.asks()
        collected(referral, platform)
    assert events(referral) == [("started", 0.0), ("paused", 1.0), ("resumed", 2.0), ("paused", 3.0)]


def test_only_what_was_asked_is_told(hub: SmallHub, platform: ToldPlatform) -> None:
    referral = received(hub)
    with pytest.raises(services.InformationNotWanted):
        services.inform(referral=referral, person=hub.people["analyst"], text="Unasked words.")
    platform.asks()
    collected(referral, platform)
    with pytest.raises(PermissionError):
        services.inform(referral=referral, person=hub.people["officer"], text="From another desk.")
    for text in ("", "  ", "x" * 20_001, "a NUL \x00"):
        with pytest.raises(FormIncomplete):
            services.inform(referral=referral, person=hub.people["analyst"], text=text)
    assert not Information.objects.exists()


def test_information_that_cannot_be_delivered_is_not_forgotten(hub: SmallHub, platform: ToldPlatform) -> None:
    referral = received(hub)
    platform.asks()
    collected(referral, platform)
    given = services.inform(referral=referral, person=hub.people["analyst"], text="The second line.")
    platform.failures = [REFUSED]
    with pytest.raises(channels.ChannelError):
        services.deliver_information(information_id=given.pk)
    assert fresh(referral).problem == str(REFUSED)
    assert pending.undelivered_information() == [given.pk]
    services.deliver_information(information_id=given.pk)
    assert (fresh(referral).problem, pending.undelivered_information()) == ("", [])


def test_a_platform_that_cannot_be_asked_is_shown_and_asked_again(hub: SmallHub, platform: ToldPlatform) -> None:
    referral = received(hub)
    platform.failures = [
        channels.AnswerInvalid("The answer from alpha is not signed by the key agreed with this platform.")
    ]
    with pytest.raises(channels.AnswerInvalid):
        services.collect(referral_id=referral.pk)
    assert "not signed" in fresh(referral).problem
    assert fresh(referral).last_polled_at is None  # a look that showed nothing, so it proves nothing
    services.collect(referral_id=referral.pk)
    assert (fresh(referral).problem, fresh(referral).last_polled_at is not None) == ("", True)


def ask(*, stopping: bool = False) -> None:
    """One round with alpha, as the queue has it done."""
    context = SimpleNamespace(should_abort=lambda: stopping)
    tasks.collect(cast(JobContext, context), platform="alpha")


def test_one_round_asks_a_platform_about_all_its_referrals_and_no_other_platform(
    hub: SmallHub, platform: ToldPlatform
) -> None:
    ours, theirs = [received(hub) for _ in range(3)], received(hub)
    Referral.objects.filter(pk=theirs.pk).update(platform=hub.platforms["beta"])
    platform.failures = [channels.AnswerInvalid("The answer from alpha is not signed.")]
    ask()
    polled = [fresh(referral).last_polled_at is not None for referral in ours]
    assert sorted(polled) == [False, True, True], "one that fails keeps the others from nothing"
    ask()
    assert queries.to_poll(platform="alpha") == []
    assert fresh(theirs).last_polled_at is None
    assert (queries.platforms_to_poll(), queries.to_poll(platform="beta")) == (["beta"], [theirs.pk])


def test_a_platform_that_fails_again_and_again_is_left_alone_until_the_next_round(
    hub: SmallHub, platform: ToldPlatform
) -> None:
    for _ in range(tasks.FAILURES + 2):
        received(hub)
    platform.failures = [REFUSED] * (tasks.FAILURES + 2)
    ask()
    assert len(platform.failures) == 2
    platform.failures = [REFUSED] * (tasks.FAILURES - 1)
    ask()
    assert len(queries.to_poll(platform="alpha")) == tasks.FAILURES - 1, "a success in between, and it goes on"


def test_a_round_ends_when_the_worker_is_to_stop(hub: SmallHub, platform: ToldPlatform) -> None:
    referral = received(hub)
    ask(stopping=True)
    assert fresh(referral).last_polled_at is None


def test_an_answer_with_an_endless_id_is_refused_and_the_others_stand(hub: SmallHub, platform: ToldPlatform) -> None:
    referral = received(hub)
    platform.says("QUEUED")
    platform.says("PROCESSING", answer_id="A" * 201)
    with pytest.raises(channels.AnswerInvalid, match="longer than 200"):
        collected(referral, platform)
    assert [answer.answer_id for answer in referral.answers.all()] == ["A1"]
    assert "longer than 200" in fresh(referral).problem


# Whose clock is right. An answer counts as given when the platform says, but never before what happened already, nor before our last look,
# which did not show it (five minutes of disagreement allowed), nor in the future: the signed time is kept beside it.


@pytest.mark.core
@pytest.mark.parametrize(
    ("looked", "collected_at", "said", "counts"),
    [
        (None, 5, 3, 3),  # as the platform says
        (None, 5, -4, 0),  # before its own receipt: at the receipt
        (None, 5, 5.05, 5),  # three minutes ahead of us: now
        (None, 5, 5_000, 5),  # months ahead of us: now
        (4, 5, 4.5, 4.5),
        (4, 5, 3.95, 3.95),  # three minutes before our last look: a disagreement of clocks
        (30, 31, 20, 30 - 5 / 60),  # hours before a look that did not show it: it was not given in time
    ],
)
def test_when_an_answer_counts_as_given(
    hub: SmallHub, platform: ToldPlatform, looked: float | None, collected_at: float, said: float, counts: float
) -> None:
    with at():
        referral = received(hub)
    if looked is not None:
        with at(hours=looked):
            collected(referral, platform)
    with at(hours=collected_at):
        platform.decides(at=BEGIN + timedelta(hours=said))
        collected(referral, platform)
        agrees(referral, BEGIN + timedelta(hours=collected_at))
    found = fresh(referral)
    assert found.answered_at == BEGIN + timedelta(hours=counts)
    assert found.clock().state(BEGIN + timedelta(days=9)) == (State.MET if counts <= 24 else State.BREACHED)
    assert found.answers.get().answered_at == BEGIN + timedelta(hours=said)


def test_answers_out_of_order(hub: SmallHub, platform: ToldPlatform) -> None:
    with at():
        referral = received(hub)
    with at(hours=6):
        platform.asks(at=BEGIN + timedelta(hours=5))
        platform.says("PROCESSING", at=BEGIN + timedelta(hours=1))
        platform.decides(at=BEGIN + timedelta(hours=4))
        assert collected(referral, platform) == ["A1", "A2", "A3"]
        agrees(referral, BEGIN + timedelta(hours=6))
    assert events(referral) == [("started", 0.0), ("paused", 5.0), ("resumed", 5.0), ("stopped", 5.0)]


def test_a_question_from_the_future_gains_no_time(hub: SmallHub, platform: ToldPlatform) -> None:
    with at():
        referral = received(hub)
    with at(hours=1):
        platform.asks(at=BEGIN + timedelta(hours=100))
        collected(referral, platform)
        given = services.inform(referral=referral, person=hub.people["analyst"], text="The second line.")
        services.deliver_information(information_id=given.pk)
    assert events(referral) == [("started", 0.0), ("paused", 1.0), ("resumed", 1.0)]


def test_nothing_comes_after_the_end(hub: SmallHub, platform: ToldPlatform) -> None:
    referral = received(hub)
    last = platform.decides()
    collected(referral, platform)
    before = trail(referral)
    assert answers.apply_answer(referral_id=referral.pk, answer=platform.asks()) is None
    assert answers.apply_answer(referral_id=referral.pk, answer=last) is None
    assert (trail(referral), fresh(referral).state) == (before, ReferralState.ANSWERED)


def test_the_answer_that_ends_it_queues_the_first_look(hub: SmallHub, platform: ToldPlatform) -> None:
    referral = received(hub)
    platform.decides()
    collected(referral, platform)
    assert [(job["referral_id"], job["checkpoint"]) for job in jobs("probe")] == [(str(referral.pk), "answer")]
