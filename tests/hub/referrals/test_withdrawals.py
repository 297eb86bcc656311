"""Taking a referral back, and the overseer who may ask for it: the clock stops, the platform is told, everybody's word is kept."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from tests.hub.referrals.conftest import BEGIN, ToldPlatform, at, received, referred
from tests.hub.referrals.test_services import BUSY, REFUSED, events, fresh, trail
from tests.support.hub import SmallHub

from seawall import channels
from seawall.clock import State
from seawall.hub.casework.form import FormIncomplete
from seawall.hub.ledger.models import Entry
from seawall.hub.ledger.services import Actor
from seawall.hub.notifications.models import Notification
from seawall.hub.referrals import pending, portal, readings, services, withdrawals
from seawall.hub.referrals.models import Opinion, Reading, Referral, ReferralState, Withdrawal, WithdrawnBy

pytestmark = pytest.mark.django_db


def taken_back(hub: SmallHub, referral: Referral, *, by: str = "analyst") -> Withdrawal:
    return withdrawals.withdraw_by_person(
        referral=referral, person=hub.people[by], reasons="On a second reading it is a lyric."
    )


def told(hub: SmallHub, name: str) -> list[str]:
    return list(Notification.objects.filter(person=hub.people[name]).values_list("kind", flat=True))


def test_the_clock_stops_and_the_platform_confirms(hub: SmallHub, platform: ToldPlatform) -> None:
    with at():
        referral = received(hub)
    with at(hours=3):
        made = taken_back(hub, referral)
        assert fresh(referral).state == ReferralState.WITHDRAWN
        assert pending.untold_withdrawals() == [made.pk]
        withdrawals.deliver_withdrawal(withdrawal_id=made.pk)
        withdrawals.deliver_withdrawal(withdrawal_id=made.pk)
    assert platform.withdrawn == [str(made.pk)]
    assert pending.untold_withdrawals() == []
    kept = Withdrawal.objects.get(pk=made.pk)
    assert (kept.by, kept.proof, kept.acknowledged_at) == ("referrer", "signed", BEGIN + timedelta(hours=3))
    assert kept.receipt is not None
    assert kept.receipt["document_sha256"] == kept.document_sha256
    assert channels.Withdrawal.model_validate(kept.document).sha256() == kept.document_sha256
    assert events(referral) == [("started", 0.0), ("stopped", 3.0)]
    assert fresh(referral).clock().state(BEGIN + timedelta(days=30)) == State.MET
    assert trail(referral)[-2:] == ["withdrawn", "withdrawal_acknowledged"]
    assert "referral.withdrawn" in told(hub, "alpha_contact")
    assert told(hub, "beta_contact") == []


def test_after_a_withdrawal_no_answer_is_taken_in_and_no_step_is_taken(hub: SmallHub, platform: ToldPlatform) -> None:
    with at():
        referral = received(hub)
        taken_back(hub, referral)
        platform.decides()
        assert services.collect(referral_id=referral.pk) == []
    with at(days=19):
        assert services.escalate(referral_id=referral.pk) == []
    with pytest.raises(withdrawals.AlreadyWithdrawn):
        taken_back(hub, referral)


def test_one_that_never_left_is_stopped_without_a_word_to_the_platform(hub: SmallHub, platform: ToldPlatform) -> None:
    with at():
        referral = referred(hub)
        made = taken_back(hub, referral)
        assert made.never_sent
        assert pending.untold_withdrawals() == []
        assert services.deliver(referral_id=referral.pk).state == ReferralState.WITHDRAWN
    assert platform.sent == []
    assert "referral.withdrawn" not in told(hub, "alpha_contact")


def test_one_withdrawn_while_it_was_being_delivered_is_told_too(
    hub: SmallHub, platform: ToldPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    with at():
        referral = referred(hub)
        send = platform.send

        def slow(*args: object, **named: object) -> channels.Receipt:
            taken_back(hub, referral)
            return send(*args, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(platform, "send", slow)
        found = services.deliver(referral_id=referral.pk)
    made = Withdrawal.objects.get(referral=referral)
    assert (found.state, found.clock_events.count(), made.never_sent) == (ReferralState.WITHDRAWN, 0, False)
    assert pending.untold_withdrawals() == [made.pk]
    withdrawals.deliver_withdrawal(withdrawal_id=made.pk)
    assert platform.withdrawn == [str(made.pk)]


def test_one_whose_delivery_was_cut_off_is_told_all_the_same(hub: SmallHub, platform: ToldPlatform) -> None:
    platform.failures.append(BUSY)
    with at():
        referral = referred(hub)
        with pytest.raises(channels.ChannelError):
            services.deliver(referral_id=referral.pk)
        made = taken_back(hub, referral)
        assert pending.untold_withdrawals() == [made.pk]


def test_a_channel_that_cannot_carry_it_needs_a_persons_hand(hub: SmallHub, platform: ToldPlatform) -> None:
    with at():
        referral = received(hub)
        made = taken_back(hub, referral)
        platform.failures.append(channels.NotCarried("Tell them by mail."))
        withdrawals.deliver_withdrawal(withdrawal_id=made.pk)
        assert Withdrawal.objects.get(pk=made.pk).by_hand
        assert pending.untold_withdrawals() == []
        assert "referral.tell_by_hand" in told(hub, "analyst")
        with pytest.raises(FormIncomplete):
            withdrawals.acknowledge_by_hand(referral=referral, person=hub.people["analyst"], note=" ")
        with pytest.raises(PermissionError):
            withdrawals.acknowledge_by_hand(referral=referral, person=hub.people["officer"], note="I rang them.")
        kept = withdrawals.acknowledge_by_hand(referral=referral, person=hub.people["analyst"], note="I rang them.")
    assert (kept.proof, kept.by_hand) == ("stated", False)
    assert kept.receipt is not None
    assert kept.receipt["evidence"]["note"] == "I rang them."


def test_a_passing_failure_is_raised_to_be_tried_again(hub: SmallHub, platform: ToldPlatform) -> None:
    with at():
        referral = received(hub)
        made = taken_back(hub, referral)
        platform.failures.append(BUSY)
        with pytest.raises(channels.ChannelError):
            withdrawals.deliver_withdrawal(withdrawal_id=made.pk)
        kept = Withdrawal.objects.get(pk=made.pk)
        assert (kept.attempts, kept.problem, kept.by_hand) == (1, str(BUSY), False)
        assert withdrawals.deliver_withdrawal(withdrawal_id=made.pk).acknowledged_at is not None


def test_a_lasting_refusal_is_for_a_person(hub: SmallHub, platform: ToldPlatform) -> None:
    with at():
        referral = received(hub)
        made = taken_back(hub, referral)
        platform.failures.append(REFUSED)
        assert withdrawals.deliver_withdrawal(withdrawal_id=made.pk).by_hand


def test_only_the_desk_withdraws_and_only_with_reasons(hub: SmallHub, platform: ToldPlatform) -> None:
    with at():
        referral = received(hub)
        for name in ("officer", "alpha_contact", "overseer", "administrator", "regulator"):
            with pytest.raises(PermissionError):
                taken_back(hub, referral, by=name)
        for reasons in ("", "  ", "x" * 5_001, "a\x00b"):
            with pytest.raises(FormIncomplete):
                withdrawals.withdraw_by_person(referral=referral, person=hub.people["analyst"], reasons=reasons)
    assert fresh(referral).state == ReferralState.AWAITING


def test_the_platform_confirms_at_its_portal(hub: SmallHub, platform: ToldPlatform) -> None:
    with at():
        referral = received(hub)
        with pytest.raises(Withdrawal.DoesNotExist):
            withdrawals.acknowledge_at_portal(referral=referral, person=None)
        taken_back(hub, referral)
        kept = withdrawals.acknowledge_at_portal(referral=referral, person=hub.people["alpha_contact"])
        assert kept.proof == "acknowledged"
        outcomes = portal.answer_by_person(
            referrals=[fresh(referral)], person=hub.people["alpha_contact"], saying=portal.Saying(says="received")
        )
    assert [each.taken for each in outcomes] == [False]
    assert "withdrawn" in outcomes[0].problem


# The overseer


def overseen(hub: SmallHub, referral: Referral) -> Referral:
    Referral.objects.filter(pk=referral.pk).update(sampled=True)
    return fresh(referral)


def test_a_recommendation_that_is_followed_withdraws_the_referral(hub: SmallHub, platform: ToldPlatform) -> None:
    with at():
        referral = overseen(hub, received(hub))
        with pytest.raises(FormIncomplete):
            readings.read(referral=referral, person=hub.people["overseer"], opinion=Opinion.WITHDRAW)
        readings.read(
            referral=referral,
            person=hub.people["overseer"],
            opinion=Opinion.WITHDRAW,
            reasons="It is political criticism.",
        )
        assert "referral.withdrawal_recommended" in told(hub, "analyst")
        with pytest.raises(readings.AlreadyRead):
            readings.read(referral=referral, person=hub.people["overseer"], opinion=Opinion.SOUND)
        kept = readings.answer_recommendation(referral=referral, person=hub.people["reviewer"], follow=True, answer="")
    assert kept.followed
    withdrawal = Withdrawal.objects.get(referral=referral)
    assert withdrawal.by == WithdrawnBy.OVERSEER
    assert fresh(referral).state == ReferralState.WITHDRAWN
    assert "referral.recommendation_answered" in told(hub, "overseer")
    assert [verb for verb in trail(referral) if verb in ("read", "recommendation_answered", "withdrawn")] == [
        "read", "recommendation_answered", "withdrawn",
    ]  # fmt: skip


def test_whoever_decided_cannot_be_the_one_who_declines(hub: SmallHub, platform: ToldPlatform) -> None:
    with at():
        referral = overseen(hub, received(hub))
        readings.read(referral=referral, person=hub.people["overseer"], opinion=Opinion.WITHDRAW, reasons="A lyric.")
        with pytest.raises(PermissionError, match="somebody else"):
            readings.answer_recommendation(
                referral=referral, person=hub.people["analyst"], follow=False, answer="It is none."
            )
        with pytest.raises(FormIncomplete):
            readings.answer_recommendation(referral=referral, person=hub.people["reviewer"], follow=False, answer=" ")
        kept = readings.answer_recommendation(
            referral=referral, person=hub.people["reviewer"], follow=False, answer="The second line is a threat."
        )
        with pytest.raises(readings.NothingRecommended):
            readings.answer_recommendation(referral=referral, person=hub.people["reviewer"], follow=True, answer="")
    assert (kept.followed, fresh(referral).state) == (False, ReferralState.AWAITING)


def test_an_overseer_reads_state_referrals_and_the_sample_and_nobody_else_does(
    hub: SmallHub, platform: ToldPlatform
) -> None:
    with at():
        referral = received(hub)
        Referral.objects.filter(pk=referral.pk).update(sampled=False, state_body=False)
        with pytest.raises(PermissionError):
            readings.read(referral=referral, person=hub.people["overseer"], opinion=Opinion.SOUND)
        Referral.objects.filter(pk=referral.pk).update(state_body=True)
        for name in ("analyst", "regulator", "alpha_contact"):
            with pytest.raises(PermissionError):
                readings.read(referral=referral, person=hub.people[name], opinion=Opinion.SOUND)
        readings.read(referral=referral, person=hub.people["overseer"], opinion=Opinion.SOUND)


def test_a_recommendation_without_reasons_cannot_be_kept(hub: SmallHub, platform: ToldPlatform) -> None:
    with at():
        referral = received(hub)
        with pytest.raises(IntegrityError), transaction.atomic():
            Reading.objects.create(
                referral=referral, read_by=hub.people["overseer"], read_at=BEGIN, opinion=Opinion.WITHDRAW
            )


def test_the_sample_is_about_one_in_so_many_and_can_be_drawn_again(hub: SmallHub, settings: object) -> None:
    settings.OVERSEER_SAMPLE = 20  # type: ignore[attr-defined]
    drawn = [withdrawals.drawn_for_reading(Referral()) for _ in range(4_000)]
    assert 120 <= sum(drawn) <= 290  # one in twenty of 4,000 is 200; six standard deviations are 83
    one = Referral()
    assert len({withdrawals.drawn_for_reading(one) for _ in range(3)}) == 1
    settings.OVERSEER_SAMPLE = 1  # type: ignore[attr-defined]
    assert all(withdrawals.drawn_for_reading(Referral()) for _ in range(20))


def test_the_ledger_says_by_whom_and_whether_a_state_body_had_referred(hub: SmallHub, platform: ToldPlatform) -> None:
    with at():
        referral = received(hub)
        withdrawals.withdraw(
            referral_id=referral.pk, by=WithdrawnBy.APPEAL, reasons="Upheld.", actor=Actor.machine("test"), restore=True
        )
    entry = Entry.objects.get(verb="referral.withdrawn", subject_id=str(referral.pk))
    assert (entry.payload["by"], entry.payload["state_body"], entry.payload["restore"]) == ("appeal", False, True)
