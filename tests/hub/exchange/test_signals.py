"""Signals are shared once, numbered in order, disputed, settled, withdrawn and expired."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from procrastinate.contrib.django.models import ProcrastinateJob
from tests.hub.exchange.conftest import HARM, Exchange, at
from tests.support.hub import ACTOR

from seawall.hub.casework import services as casework
from seawall.hub.exchange import signals, tasks
from seawall.hub.exchange.kinds import SignalInvalid, SignalKind
from seawall.hub.exchange.models import Change, OpinionKind, Reason, Signal, SignalState
from seawall.hub.exchange.rules import NotAllowed
from seawall.hub.ledger.models import Entry
from seawall.hub.referrals import services as referrals
from seawall.hub.referrals import withdrawals
from seawall.hub.referrals.models import WithdrawnBy

NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)


def changes(pool: Exchange) -> list[tuple[int, str, str]]:
    return list(Change.objects.filter(community=pool.community).values_list("number", "state", "reason"))


def test_the_same_value_is_shared_once(pool: Exchange) -> None:
    (first,) = pool.share(kind=SignalKind.URL, value="https://Example.org/a?utm_source=x")
    again = pool.share(by="beta", kind=SignalKind.URL, value="http://example.org/a")
    both = signals.share_many(
        community=pool.community,
        organisation=pool.hub.organisations["hub"],
        drafts=[
            pool.draft(value="ab" * 32),
            pool.draft(value="AB" * 32),
            pool.draft(kind=SignalKind.URL, value="example.org/a"),
        ],
        actor=ACTOR,
    )
    assert again == [first]
    assert both[0] == both[1] != first == both[2]
    assert Signal.objects.count() == 2
    assert changes(pool) == [(1, "active", ""), (2, "active", "")]
    assert len({signal.number for signal in Signal.objects.all()}) == 2


def test_all_or_none(pool: Exchange) -> None:
    drafts = [pool.draft(), pool.draft(value="no digest")]
    with pytest.raises(SignalInvalid):
        signals.share_many(
            community=pool.community, organisation=pool.hub.organisations["hub"], drafts=drafts, actor=ACTOR
        )
    assert not Signal.objects.exists()
    pool.community.refresh_from_db()
    assert pool.community.next_change == 1


def test_a_decision_of_the_hub_must_be_in_force_and_let_it_be_shared(pool: Exchange) -> None:
    hub = pool.hub
    decision = hub.decided(hub.referral_form(HARM, on_terms=False), harm=HARM)
    with pytest.raises(NotAllowed, match="No decision in force"):
        pool.share(decision=decision, decision_reference="")
    casework.review(decision=decision, person=hub.people["reviewer"], concurs=True, reasons="I have read it and agree.")
    decision.refresh_from_db()
    with pytest.raises(NotAllowed, match="another organisation's"):
        pool.share(by="beta", decision=decision)
    with pytest.raises(NotAllowed, match="does not let"):
        pool.share(decision=decision, kind=SignalKind.URL, value="https://alpha.example/posts/1")
    (made,) = pool.share(decision=decision)
    assert made.decision == decision
    gone = signals.withdraw_of_decision(decision_id=decision.pk, reason=Reason.APPEAL, actor=ACTOR)
    assert gone == [made]
    made.refresh_from_db()
    assert made.state == SignalState.WITHDRAWN
    assert changes(pool)[-1] == (2, "withdrawn", "appeal")


@pytest.mark.parametrize(("by", "reason"), [(WithdrawnBy.APPEAL, "appeal"), (WithdrawnBy.OVERSEER, "referral")])
def test_a_referral_that_is_taken_back_takes_its_signals_along(pool: Exchange, by: WithdrawnBy, reason: str) -> None:
    """Queued in the transaction of the withdrawal, so that it cannot be forgotten."""
    hub = pool.hub
    decision = hub.decided(hub.referral_form(HARM, on_terms=False), harm=HARM)
    casework.review(decision=decision, person=hub.people["reviewer"], concurs=True, reasons="I have read it and agree.")
    decision.refresh_from_db()
    referral = referrals.prepare(decision_id=decision.pk)
    (mine,) = pool.share(decision=decision)
    (other,) = pool.share()
    withdrawals.withdraw(referral_id=referral.pk, by=by, reasons="It was news reporting.", actor=ACTOR)
    job = ProcrastinateJob.objects.get(task_name="exchange.withdraw_of_decision")
    tasks.withdraw_of_decision(**job.args)
    for signal in (mine, other):
        signal.refresh_from_db()
    assert (mine.state, other.state) == (SignalState.WITHDRAWN, SignalState.ACTIVE)
    assert changes(pool)[-1] == (3, "withdrawn", reason)


def test_a_withdrawn_value_can_be_shared_again_and_is_another_signal(pool: Exchange) -> None:
    (first,) = pool.share(value="ab" * 32)
    signals.withdraw(signals=[first], reason=Reason.MISTAKE, actor=ACTOR)
    (second,) = pool.share(value="ab" * 32)
    assert second.pk != first.pk
    assert second.number > first.number
    first.refresh_from_db()
    assert (first.first_change, first.last_change, second.first_change) == (1, 2, 3)


def test_only_who_shared_it_withdraws_it_and_once(pool: Exchange) -> None:
    (mine,) = pool.share(by="beta")
    with pytest.raises(PermissionError, match="Only Beta"):
        signals.withdraw_own(signal=mine, person=pool.hub.people["alpha_contact"])
    assert signals.withdraw_own(signal=mine, person=pool.hub.people["beta_contact"]) == [mine]
    assert signals.withdraw_own(signal=mine, person=pool.hub.people["beta_contact"]) == []
    assert Entry.objects.filter(verb="signal.withdrawn").count() == 1


def test_two_members_who_disagree_put_it_aside_and_the_operator_settles_it(pool: Exchange) -> None:
    (signal,) = pool.share(by="beta")

    def say(name: str, opinion: OpinionKind) -> None:
        signals.give_opinion(
            signal=signal, organisation=pool.hub.organisations[name], opinion=opinion, actor=ACTOR, note="It is news."
        )
        signal.refresh_from_db()

    with pytest.raises(NotAllowed, match="Your own signal"):
        say("beta", OpinionKind.DISAGREE)
    with pytest.raises(NotAllowed, match="receives no signals"):
        say("regulator", OpinionKind.DISAGREE)
    say("alpha", OpinionKind.DISAGREE)
    say("alpha", OpinionKind.DISAGREE)  # its latest word counts, once
    assert signal.state == SignalState.ACTIVE
    say("hub", OpinionKind.DISAGREE)
    assert signal.state == SignalState.DISPUTED
    with pytest.raises(PermissionError):
        signals.settle(signal=signal, person=pool.hub.people["beta_contact"], stands=True, reasons="Mine.")
    with pytest.raises(NotAllowed, match="Give the reasons"):
        signals.settle(signal=signal, person=pool.hub.people["administrator"], stands=True, reasons=" ")
    settled = signals.settle(
        signal=signal, person=pool.hub.people["administrator"], stands=False, reasons="It was news reporting."
    )
    assert settled.state == SignalState.WITHDRAWN
    assert [state for _number, state, _reason in changes(pool)] == ["active", "disputed", "withdrawn"]
    with pytest.raises(NotAllowed, match="not disputed"):
        signals.settle(signal=signal, person=pool.hub.people["administrator"], stands=True, reasons="Again.")


def test_the_operator_is_no_judge_of_its_own_signal(pool: Exchange) -> None:
    (signal,) = pool.share()
    for name in ("alpha", "beta"):
        signals.give_opinion(
            signal=signal, organisation=pool.hub.organisations[name], opinion=OpinionKind.DISAGREE, actor=ACTOR
        )
    signal.refresh_from_db()
    with pytest.raises(NotAllowed, match="cannot be its judge"):
        signals.settle(signal=signal, person=pool.hub.people["administrator"], stands=True, reasons="We are right.")


def test_what_lasted_its_time_is_withdrawn_by_itself(pool: Exchange) -> None:
    with at(NOW):
        pool.share(2, lasts=timedelta(days=2))
        (longer,) = pool.share(lasts=timedelta(days=9))
    with at(NOW + timedelta(days=2, seconds=-1)):
        assert signals.expire_due() == 0
    with at(NOW + timedelta(days=2)):
        assert signals.expire_due() == 2
        assert signals.expire_due() == 0
    assert list(Signal.objects.in_use()) == [longer]
    assert changes(pool)[-1] == (5, "expired", "expired")


def test_the_ledger_names_no_value(pool: Exchange) -> None:
    pool.share(3)
    pool.share(kind=SignalKind.URL, value="https://example.org/somebody")
    said = Entry.objects.filter(verb="signal.shared").order_by("id")
    assert [entry.payload["by_kind"] for entry in said] == [{"sha256": 3}, {"url": 1}]
    assert said[1].payload["until_change"] == 4
    assert "example.org" not in str([entry.payload for entry in Entry.objects.all()])


@pytest.mark.django_db(transaction=True)
def test_changes_are_numbered_without_gap_by_many_writers(pool: Exchange) -> None:
    """Numbers are given in the order in which they are committed: a reader who has seen number n has nothing below it still to come."""
    seen_out_of_order: list[tuple[int, int]] = []
    stop = threading.Event()
    problems: list[BaseException] = []

    def write(name: str) -> None:
        try:
            for _ in range(15):
                pool.share(2, by=name)
        except BaseException as problem:
            problems.append(problem)
        finally:
            connection.close()

    def read() -> None:
        try:
            while not stop.is_set():
                numbers = list(Change.objects.order_by("number").values_list("number", flat=True))
                if numbers != list(range(1, len(numbers) + 1)):
                    seen_out_of_order.append((len(numbers), numbers[-1]))
        finally:
            connection.close()

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(name,)) for name in ("hub", "beta", "hub")]
    reader.start()
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    stop.set()
    reader.join()
    assert problems == []
    assert seen_out_of_order == []
    assert Signal.objects.count() == Change.objects.count() == 90
    assert len(set(Signal.objects.values_list("number", flat=True))) == 90


def test_a_rolled_back_share_leaves_no_gap(pool: Exchange) -> None:
    with transaction.atomic():
        pool.share(5)
        transaction.set_rollback(True)
    pool.share(1)
    assert changes(pool) == [(1, "active", "")]
