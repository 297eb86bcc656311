"""Delivering, probing, escalating, and what the minute brings: every step once. Answers are in test_answers.py."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.jobs import Job
from tests.hub.referrals.conftest import BEGIN, Look, ToldPlatform, at, received, referred
from tests.support.hub import SmallHub

from seawall import channels
from seawall.clock import Limit, State
from seawall.hub.casework import services as casework
from seawall.hub.content.models import ADDRESS_ONLY, Content
from seawall.hub.ledger.models import Entry
from seawall.hub.oversight.courses import courses
from seawall.hub.referrals import queries, services, tasks
from seawall.hub.referrals.documents import action_seconds
from seawall.hub.referrals.models import Checkpoint, Probe, Referral, ReferralState, Step

DAY = timedelta(days=1)
BUSY = channels.ChannelError("alpha answered 503.", retryable=True)
REFUSED = channels.ChannelError("alpha does not accept this request (422).", retryable=False)


def trail(referral: Referral) -> list[str]:
    found = Entry.objects.filter(subject_kind="referral", subject_id=str(referral.pk)).order_by("id")
    return [verb.removeprefix("referral.") for verb in found.values_list("verb", flat=True)]


def events(referral: Referral) -> list[tuple[str, float]]:
    """What happened to the clock, in hours after the beginning."""
    return [(event.kind, (event.at - BEGIN) / timedelta(hours=1)) for event in referral.clock_events.all()]


def fresh(referral: Referral) -> Referral:
    return Referral.objects.get(pk=referral.pk)


def jobs(task: str) -> list[dict[str, Any]]:
    return [job.args for job in ProcrastinateJob.objects.filter(task_name=f"referrals.{task}", status="todo")]


def agrees(referral: Referral, now: datetime) -> None:
    """The ledger tells the same time used and the same pauses as the tables."""
    clock = fresh(referral).clock()
    course = next(c for c in courses(since=BEGIN - DAY, until=now + DAY) if c.referral == str(referral.pk))
    assert course.used(now) == clock.elapsed(now)
    assert course.in_time(now) == {State.MET: True, State.BREACHED: False}.get(clock.state(now))


# Delivering


@pytest.mark.core
def test_the_clock_starts_at_the_platforms_receipt(hub: SmallHub, platform: ToldPlatform) -> None:
    with at():
        referral = referred(hub)
        assert referral.clock().state(BEGIN) == State.NOT_STARTED
    platform.skew = timedelta(minutes=2)
    with at(hours=1):
        services.deliver(referral_id=referral.pk)
        services.deliver(referral_id=referral.pk)  # a second job for the same finds it done
    found = fresh(referral)
    assert (found.state, found.attempts, found.platform_reference) == (ReferralState.AWAITING, 1, "REF-1")
    assert found.received_at == BEGIN + timedelta(hours=1, minutes=2)
    assert found.clock().due() == found.received_at + DAY
    assert platform.sent == [str(referral.pk)]
    assert trail(referral) == ["prepared", "received"]


def test_a_longer_reference_than_most_is_kept_whole(hub: SmallHub, platform: ToldPlatform) -> None:
    platform.reference = "R" * 200  # the most that the protocol allows
    assert received(hub).platform_reference == "R" * 200


@pytest.mark.core
def test_a_passing_failure_is_counted_and_tried_again(hub: SmallHub, platform: ToldPlatform) -> None:
    referral = referred(hub)
    platform.failures = [BUSY, BUSY]
    for attempt in (1, 2):
        with pytest.raises(channels.ChannelError):
            tasks.deliver(referral_id=str(referral.pk))  # raised, so that the queue tries again
        found = fresh(referral)
        assert (found.state, found.attempts, found.problem) == (ReferralState.QUEUED, attempt, "alpha answered 503.")
    tasks.deliver(referral_id=str(referral.pk))
    found = fresh(referral)
    assert (found.state, found.attempts, found.problem) == (ReferralState.AWAITING, 3, "")
    assert trail(referral) == ["prepared", "delivery_failed", "delivery_failed", "received"]
    assert not Entry.objects.filter(verb="referral.delivery_failed", payload__final=True).exists()


def test_a_platform_that_stays_away_is_given_up_in_the_open(
    hub: SmallHub, platform: ToldPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "DELIVERY_TRIES", 3)
    referral = referred(hub)
    platform.failures = [BUSY] * 3
    for _ in range(2):
        with pytest.raises(channels.ChannelError):
            services.deliver(referral_id=referral.pk)
    services.deliver(referral_id=referral.pk)
    assert (fresh(referral).state, fresh(referral).attempts) == (ReferralState.FAILED, 3)
    assert [
        entry.payload["final"] for entry in Entry.objects.filter(verb="referral.delivery_failed").order_by("id")
    ] == [False, False, True]


WRONG = channels.ReceiptInvalid("The receipt from alpha is not signed by the key agreed with this platform.")


def test_a_wrong_receipt_starts_no_clock_and_is_asked_for_again(hub: SmallHub, platform: ToldPlatform) -> None:
    referral = referred(hub)
    platform.failures = [WRONG]
    with pytest.raises(channels.ReceiptInvalid):
        services.deliver(referral_id=referral.pk)
    assert (fresh(referral).state, fresh(referral).problem) == (ReferralState.QUEUED, str(WRONG))
    assert fresh(referral).clock().due() is None
    assert services.deliver(referral_id=referral.pk).state == ReferralState.AWAITING
    assert set(platform.sent) == {str(referral.pk)}
    assert trail(referral) == ["prepared", "delivery_failed", "received"]


def test_a_wrong_receipt_is_not_asked_for_again_where_that_would_make_two(
    hub: SmallHub, platform: ToldPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    referral = referred(hub)
    monkeypatch.setattr(channels.get("http"), "idempotent", False)
    platform.failures = [WRONG]
    assert services.deliver(referral_id=referral.pk).state == ReferralState.FAILED


@pytest.mark.parametrize(("error", "tries"), [(REFUSED, 1), (WRONG, services.RECEIPT_TRIES)])
def test_what_trying_again_cannot_help_waits_for_a_person(
    hub: SmallHub, platform: ToldPlatform, error: Exception, tries: int
) -> None:
    referral = referred(hub)
    platform.failures = [error] * tries
    for _ in range(tries - 1):
        with pytest.raises(channels.ChannelError):
            services.deliver(referral_id=referral.pk)
    services.deliver(referral_id=referral.pk)
    services.deliver(referral_id=referral.pk)
    assert (fresh(referral).state, fresh(referral).problem) == (ReferralState.FAILED, str(error))
    assert len(platform.sent) == tries
    assert fresh(referral).clock().due() is None
    for name in ("alpha_contact", "officer", "welfare", "administrator"):
        with pytest.raises(PermissionError):
            services.redeliver(referral=referral, person=hub.people[name])
    queued = len(jobs("deliver"))
    services.redeliver(referral=referral, person=hub.people["analyst"])
    services.redeliver(referral=referral, person=hub.people["analyst"])  # pressed twice
    assert (fresh(referral).state, len(jobs("deliver"))) == (ReferralState.QUEUED, queued + 1)
    assert services.deliver(referral_id=referral.pk).state == ReferralState.AWAITING
    assert trail(referral) == ["prepared", *["delivery_failed"] * tries, "requeued", "received"]


@pytest.mark.core
def test_a_crash_after_the_receipt_starts_no_second_clock(
    hub: SmallHub, platform: ToldPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    with at():
        referral = referred(hub)

    def power_cut(**_: Any) -> None:
        raise SystemError("power cut")

    with at(hours=1), monkeypatch.context() as patched:
        patched.setattr(services, "record", power_cut)
        with pytest.raises(SystemError):
            services.deliver(referral_id=referral.pk)
    assert (fresh(referral).state, events(referral)) == (ReferralState.QUEUED, [])
    with at(hours=5):
        services.deliver(referral_id=referral.pk)
    assert platform.sent == [str(referral.pk)] * 2
    assert events(referral) == [("started", 1.0)]
    assert fresh(referral).received_at == BEGIN + timedelta(hours=1)


def test_a_receipt_whose_answer_was_lost_is_the_same_receipt_later(hub: SmallHub, platform: ToldPlatform) -> None:
    with at():
        referral = referred(hub)
        platform.failures = [channels.ChannelError("alpha did not answer within 10 seconds.", retryable=True)]
        with pytest.raises(channels.ChannelError):
            services.deliver(referral_id=referral.pk)
    with at(hours=3):
        services.deliver(referral_id=referral.pk)
    assert events(referral) == [("started", 0.0)]


# Probing


def answered(hub: SmallHub, platform: ToldPlatform) -> Referral:
    referral = received(hub)
    platform.decides()
    services.collect(referral_id=referral.pk)
    return fresh(referral)


@pytest.mark.core
def test_checkpoints_are_looked_at_once_each_when_they_come(hub: SmallHub, platform: ToldPlatform, look: Look) -> None:
    with at():
        referral = answered(hub, platform)
        assert queries.due_probes() == [(referral.pk, Checkpoint.ANSWER)]
        for _ in range(2):
            services.probe(referral_id=referral.pk, checkpoint=Checkpoint.ANSWER)
        assert queries.due_probes() == []
    with at(hours=1):
        assert queries.due_probes() == [(referral.pk, Checkpoint.HOUR)]
        services.probe(referral_id=referral.pk, checkpoint=Checkpoint.HOUR)
    with at(hours=24):
        assert queries.due_probes() == [(referral.pk, Checkpoint.DAY)]
        look("removed")
        services.probe(referral_id=referral.pk, checkpoint=Checkpoint.DAY)
    with at(days=7):
        assert queries.due_probes() == [(referral.pk, Checkpoint.WEEK)]
        services.probe(referral_id=referral.pk, checkpoint=Checkpoint.WEEK)
        assert queries.due_probes() == []
    seen = [(probe.checkpoint, probe.state) for probe in Probe.objects.order_by("at")]
    assert seen == [("answer", "up"), ("hour", "up"), ("day", "removed"), ("week", "removed")]
    assert trail(referral).count("probed") == 4


def test_on_demand_as_often_as_asked(hub: SmallHub, platform: ToldPlatform, look: Look) -> None:
    referral = received(hub)
    for state in ("up", "unreachable", "removed"):
        look(state)
        services.probe(referral_id=referral.pk, checkpoint=Checkpoint.ON_DEMAND)
    assert [probe.state for probe in referral.probes.order_by("id")] == ["up", "unreachable", "removed"]


@pytest.mark.core
def test_an_outage_is_no_removal(hub: SmallHub, platform: ToldPlatform, look: Look) -> None:
    referral = answered(hub, platform)
    look("unreachable")
    for tries in range(1, services.OUTAGE_TRIES):
        assert services.probe(referral_id=referral.pk, checkpoint=Checkpoint.ANSWER, tries=tries) is None
    assert not referral.probes.exists()
    kept = services.probe(referral_id=referral.pk, checkpoint=Checkpoint.ANSWER, tries=services.OUTAGE_TRIES)
    assert kept is not None
    assert (kept.state, kept.tries) == ("unreachable", services.OUTAGE_TRIES)
    course = next(iter(courses(since=BEGIN, until=referral.prepared_at + DAY)))
    assert (course.confirmed_down_at, course.claimed_but_live) == (None, False)


def test_an_unreachable_page_is_looked_at_again_at_growing_distances(
    hub: SmallHub, platform: ToldPlatform, look: Look
) -> None:
    referral = answered(hub, platform)
    ProcrastinateJob.objects.filter(task_name="referrals.probe").update(status="succeeded")
    look("unreachable")
    waits = []
    for tries in range(1, 5):
        tasks.probe(referral_id=str(referral.pk), checkpoint="answer", tries=tries)
        job = ProcrastinateJob.objects.get(task_name="referrals.probe", status="todo")
        assert job.args["tries"] == tries + 1
        assert job.scheduled_at is not None
        waits.append(job.scheduled_at)
        tasks.tick(timestamp=0)  # meanwhile the minute passes: it does not queue another look
        assert ProcrastinateJob.objects.filter(task_name="referrals.probe", status="todo").count() == 1
        ProcrastinateJob.objects.filter(pk=job.pk).update(status="succeeded")
    assert waits == sorted(waits)


def test_what_is_looked_for_is_the_text_that_was_judged(hub: SmallHub, platform: ToldPlatform, look: Look) -> None:
    referral = received(hub)
    services.probe(referral_id=referral.pk, checkpoint=Checkpoint.ON_DEMAND)
    Content.objects.filter(pk=referral.case.content_id).update(text=f"{ADDRESS_ONLY} https://alpha.example/posts/n1")
    services.probe(referral_id=referral.pk, checkpoint=Checkpoint.ON_DEMAND)
    assert look.asked == [referral.case.content.text, None]  # type: ignore[attr-defined]  # no words are known: none are looked for


# Escalating


@pytest.mark.core
def test_every_step_of_the_ladder_once(hub: SmallHub, platform: ToldPlatform) -> None:
    with at():
        referral = received(hub)
    taken = {}
    for hours in (1, 24, 24.01, 30, 47.9, 48.01, 60, 96.01, 300):
        with at(hours=hours):
            taken[hours] = [str(step.step) for step in services.escalate(referral_id=referral.pk)]
    assert {hours: steps for hours, steps in taken.items() if steps} == {
        24.01: [Step.SECOND_CONTACT], 48.01: [Step.DESK_LEAD], 96.01: [Step.REGULATOR],
    }  # fmt: skip
    assert trail(referral).count("escalated") == 3


def test_all_steps_at_once_when_nobody_looked_for_long(hub: SmallHub, platform: ToldPlatform) -> None:
    with at():
        referral = received(hub)
    with at(days=10):
        assert [step.step for step in services.escalate(referral_id=referral.pk)] == list(Step)


def test_no_escalation_before_receipt_or_after_the_answer(hub: SmallHub, platform: ToldPlatform) -> None:
    with at():
        queued, other = referred(hub), received(hub)
    with at(days=10):
        platform.decides()
        services.collect(referral_id=other.pk)
        assert services.escalate(referral_id=queued.pk) == services.escalate(referral_id=other.pk) == []
        assert queries.out_of_time() == []


# What the minute brings


def test_who_is_asked_when(hub: SmallHub, platform: ToldPlatform) -> None:
    with at():
        first, second = received(hub), received(hub)
        queued = referred(hub)
        assert queries.to_poll(platform="alpha") == [first.pk, second.pk] or queries.to_poll(platform="alpha") == [
            second.pk,
            first.pk,
        ]
        services.collect(referral_id=first.pk)
        assert queries.to_poll(platform="alpha") == [second.pk]
    with at(minutes=5):
        assert queries.to_poll(platform="alpha") == [second.pk, first.pk]  # never asked comes first
        assert queued.pk not in queries.to_poll(platform="alpha")
        platform.decides()
        services.collect(referral_id=first.pk)
        assert queries.to_poll(platform="alpha") == [second.pk]


def test_who_is_out_of_time(hub: SmallHub, platform: ToldPlatform) -> None:
    with at():
        late, asked = received(hub), received(hub)
    with at(hours=1):
        platform.asks()
        services.collect(referral_id=asked.pk)
    with at(hours=24):
        assert queries.out_of_time() == []
    limit = action_seconds(Limit.from_json(late.limit))
    for hours, step in ((0, Step.SECOND_CONTACT), (24, Step.DESK_LEAD), (72, Step.REGULATOR)):
        with at(seconds=limit - 1, hours=hours):
            assert queries.out_of_time() == []  # nothing is due between two steps
        with at(seconds=limit + 1, hours=hours):
            assert queries.out_of_time() == [late.pk]
            assert [taken.step for taken in services.escalate(referral_id=late.pk)] == [step]
            assert queries.out_of_time() == []
    with at(days=9):
        assert queries.out_of_time() == []  # no step of the ladder is left


def test_the_minute_reads_no_clock_that_cannot_have_run_out(
    hub: SmallHub, platform: ToldPlatform, django_assert_num_queries: Any
) -> None:
    with at():
        received(hub), received(hub)
        with django_assert_num_queries(1):  # the referrals alone, and of those nothing was found
            assert queries.out_of_time() == []


def test_the_minute_queues_what_is_due_and_nothing_twice(hub: SmallHub, platform: ToldPlatform, look: Look) -> None:
    with at():
        late = received(hub)
        done = answered(hub, platform)
    ProcrastinateJob.objects.all().delete()
    for _ in range(3):
        tasks.tick(timestamp=0)
    assert jobs("collect") == [{"platform": "alpha"}]
    assert jobs("escalate") == [{"referral_id": str(late.pk)}]
    assert {(job["referral_id"], job["checkpoint"]) for job in jobs("probe")} == {
        (str(done.pk), str(point)) for point in services.PROBE_AFTER
    }
    ProcrastinateJob.objects.filter(status="todo").update(status="doing")
    tasks.tick(timestamp=0)
    assert jobs("collect") == jobs("escalate") == jobs("probe") == []
    tasks.escalate(referral_id=str(late.pk))
    assert trail(late).count("escalated") == 3


@pytest.mark.core
def test_the_sweep_finds_what_no_job_is_left_for(hub: SmallHub, platform: ToldPlatform) -> None:
    decision = hub.decided(hub.referral_form())
    casework.review(decision=decision, person=hub.people["reviewer"], concurs=True, reasons="I read it the same way.")
    queued = referred(hub)
    asked = received(hub)
    platform.asks()
    services.collect(referral_id=asked.pk)
    given = services.inform(referral=asked, person=hub.people["analyst"], text="The second line.")
    tasks.sweep(timestamp=0)
    assert len(jobs("prepare")) == 1 + 2  # of the two referrals that were prepared by hand the jobs are still there
    ProcrastinateJob.objects.filter(status="todo").update(status="failed")
    for _ in range(2):
        tasks.sweep(timestamp=0)
    assert jobs("prepare") == [{"decision_id": str(decision.pk)}]
    assert jobs("deliver") == [{"referral_id": str(queued.pk)}]
    assert jobs("deliver_information") == [{"information_id": str(given.pk)}]


def test_how_long_the_queue_waits_between_tries() -> None:
    def wait(attempts: int, error: Exception = BUSY) -> float | None:
        job = Job(id=1, queue="q", lock=None, queueing_lock=None, task_name="t", attempts=attempts)
        decided = tasks.PATIENT.get_retry_decision(exception=error, job=job)
        if decided is None or decided.retry_at is None:
            return None
        return round((decided.retry_at - datetime.now(decided.retry_at.tzinfo)).total_seconds())

    assert [wait(n) for n in (0, 1, 2, 10, 11, 12, 100)] == [2, 4, 8, 2048, 3600, 3600, 3600]
    assert wait(0, channels.ChannelError("429", retryable=True, retry_after=90)) == 90
    assert wait(0, channels.ChannelError("429", retryable=True, retry_after=10**6)) == 3600
    assert wait(180) is None


# Who sees them


@pytest.mark.core
def test_who_sees_which_referral(hub: SmallHub, platform: ToldPlatform) -> None:
    queued, sent = referred(hub), received(hub)
    elsewhere = services.deliver(referral_id=referred(hub, platform="beta").pk)
    case = casework.claim(case=hub.case("vio-weapon-sale"), person=hub.people["officer"])
    decision = casework.decide(
        case=case, person=hub.people["officer"], form=hub.referral_form("vio-weapon-sale", on_terms=False)
    )
    casework.review(decision=decision, person=hub.people["inspector"], concurs=True, reasons="I read it the same way.")
    by_police = services.deliver(referral_id=services.prepare(decision_id=decision.pk).pk)
    sees = {
        name: set(Referral.objects.visible_to(person).values_list("pk", flat=True))
        for name, person in hub.people.items()
    }
    general = {queued.pk, sent.pk, elsewhere.pk}
    nobody: dict[str, set[UUID]] = {name: set() for name in hub.people}
    expected = nobody | {
        "analyst": general,
        "reviewer": general,
        "officer": {by_police.pk},
        "inspector": {by_police.pk},
        "overseer": {by_police.pk},
        "alpha_contact": {sent.pk, by_police.pk},  # what the platform received, not what still waits
        "beta_contact": {elsewhere.pk},
    }
    assert sees == expected
