"""What every channel must do, whatever carries it. A channel's own test module subclasses :class:`ChannelConformance`
and gives it a `rig`: a platform of its own kind that really answers. One whose answers are polled and signed subclasses
:class:`AnsweringConformance` too.
"""

import datetime as dt
from dataclasses import replace
from typing import Protocol, get_args
from uuid import uuid4

import pytest

from seawall import channels
from seawall.channels import (
    Address,
    AnswerInvalid,
    Channel,
    ChannelError,
    NotCarried,
    Proof,
    ReceiptInvalid,
    ReferralDocument,
    Withdrawal,
    signing,
)


class Rig(Protocol):
    """A channel and a platform at its other end."""

    channel: Channel
    address: Address
    nowhere: Address
    """An address of the same kind where nobody listens."""

    def document(self, outcome: str, **changes: object) -> ReferralDocument:
        """Return a new document that the platform will treat so: 'actioned', 'refused' or 'asked'."""
        ...

    def now(self) -> dt.datetime:
        """Return the platform's present."""
        ...

    def settle(self) -> None:
        """Let so much time pass that the platform has done all it will do."""
        ...

    def held(self, document: ReferralDocument) -> list[str]:
        """Return what the platform holds of `document`: one text a referral that it took, as it reads it."""
        ...


def withdrawal_of(document: ReferralDocument, at: dt.datetime) -> Withdrawal:
    return Withdrawal(
        referral_id=document.referral_id,
        platform=document.platform,
        url=document.content.url,
        reasons="A second reading found the post to be a lyric.",
        by="referrer",
        restore=True,
        sent_at=at,
        demonstration=document.demonstration,
    )


class ChannelConformance:
    """Subclass with a fixture ``rig`` that returns a :class:`Rig`."""

    def test_is_a_channel_that_is_known_by_its_name(self, rig: Rig) -> None:
        assert isinstance(rig.channel, Channel)
        assert channels.get(rig.channel.name) is type(rig.channel)

    def test_says_what_it_can_do(self, rig: Rig) -> None:
        assert rig.channel.proof in get_args(Proof)
        assert rig.channel.answering in ("polled", "delivered", "never")
        assert len({setting.name for setting in rig.channel.settings}) == len(rig.channel.settings)
        for setting in rig.channel.settings:
            assert setting.about.endswith("."), "say what the setting is in a sentence"
            assert not setting.required or rig.address.settings.get(setting.name)

    def test_receipt_is_for_the_very_document(self, rig: Rig) -> None:
        document = rig.document("actioned")
        receipt = rig.channel.send(rig.address, document, idempotency_key=str(uuid4()), at=rig.now())
        assert receipt.referral_id == str(document.referral_id)
        assert receipt.document_sha256 == document.sha256()
        assert receipt.proof == rig.channel.proof
        if receipt.proof == "signed":
            assert signing.is_signed_by(rig.address.public_key, receipt.to_dict())
        else:
            assert receipt.evidence
            assert receipt.to_dict()["proof"] == receipt.proof
        assert receipt.received_at.tzinfo is dt.UTC
        assert len(rig.held(document)) == 1

    def test_what_arrives_names_the_post_and_the_referral(self, rig: Rig) -> None:
        document = rig.document("actioned")
        rig.channel.send(rig.address, document, idempotency_key=str(uuid4()), at=rig.now())
        (held,) = rig.held(document)
        assert str(document.referral_id) in held
        assert document.harm.title in held

    def test_a_state_source_is_flagged_in_what_arrives(self, rig: Rig) -> None:
        document = rig.document(
            "actioned", referrer={"organisation": "Example Police", "type": "police", "state_body": True}
        )
        rig.channel.send(rig.address, document, idempotency_key=str(uuid4()), at=rig.now())
        (held,) = rig.held(document)
        assert "Example Police" in held
        assert '"state_body":true' in held or "body of the state" in held

    def test_sending_again_with_the_same_key(self, rig: Rig) -> None:
        document, key = rig.document("actioned"), str(uuid4())
        first = rig.channel.send(rig.address, document, idempotency_key=key, at=rig.now())
        second = rig.channel.send(rig.address, document, idempotency_key=key, at=rig.now())
        if rig.channel.idempotent:
            assert second.reference == first.reference
            assert len(rig.held(document)) == 1
        else:
            assert rig.held(document)
            assert all(str(document.referral_id) in held for held in rig.held(document))

    def test_secrets_are_not_printed(self, rig: Rig) -> None:
        assert rig.address.token not in repr(rig.address) or not rig.address.token
        for value in rig.address.settings.values():
            assert value not in repr(rig.address) or value in rig.address.endpoint

    def test_nobody_there_may_be_tried_again(self, rig: Rig) -> None:
        with pytest.raises(ChannelError) as caught:
            rig.channel.send(rig.nowhere, rig.document("actioned"), idempotency_key=str(uuid4()), at=rig.now())
        assert caught.value.retryable

    def test_a_withdrawal_arrives_or_is_said_not_to_be_carried(self, rig: Rig) -> None:
        document = rig.document("actioned")
        receipt = rig.channel.send(rig.address, document, idempotency_key=str(uuid4()), at=rig.now())
        withdrawal = withdrawal_of(document, rig.now())
        if not rig.channel.withdraws:
            with pytest.raises(NotCarried, match=r"\.$"):
                rig.channel.withdraw(rig.address, receipt.reference, withdrawal, idempotency_key=str(uuid4()))
            return
        got = rig.channel.withdraw(
            rig.address, receipt.reference, withdrawal, idempotency_key=str(uuid4()), at=rig.now()
        )
        assert got.document_sha256 == withdrawal.sha256()
        assert got.referral_id == str(document.referral_id)
        assert any(withdrawal.reasons in held for held in rig.held(document))

    def test_without_polling_there_are_no_answers(self, rig: Rig) -> None:
        if rig.channel.answering == "polled":
            return
        receipt = rig.channel.send(rig.address, rig.document("actioned"), idempotency_key=str(uuid4()), at=rig.now())
        assert rig.channel.answers(rig.address, receipt.reference) == []


class TokenConformance:
    """For channels whose platform checks a secret with each call."""

    def test_wrong_token_is_refused_for_good(self, rig: Rig) -> None:
        with pytest.raises(ChannelError) as caught:
            rig.channel.send(
                replace(rig.address, token="wrong"),
                rig.document("actioned"),
                idempotency_key=str(uuid4()),
                at=rig.now(),
            )
        assert not caught.value.retryable
        assert "wrong" not in str(caught.value)


class AnsweringConformance:
    """For channels whose receipts and answers are signed, and whose answers are polled."""

    def test_key_of_another_document_is_refused_for_good(self, rig: Rig) -> None:
        key = str(uuid4())
        rig.channel.send(rig.address, rig.document("actioned"), idempotency_key=key, at=rig.now())
        with pytest.raises(ChannelError) as caught:
            rig.channel.send(rig.address, rig.document("actioned"), idempotency_key=key, at=rig.now())
        assert not caught.value.retryable

    def test_receipt_by_a_key_that_was_not_agreed_is_not_believed(self, rig: Rig) -> None:
        other = signing.encode(b"\x01" + bytes(31))
        with pytest.raises(ReceiptInvalid) as caught:
            rig.channel.send(
                replace(rig.address, public_key=other),
                rig.document("actioned"),
                idempotency_key=str(uuid4()),
                at=rig.now(),
            )
        assert not caught.value.retryable

    def test_unknown_reference_is_refused_for_good(self, rig: Rig) -> None:
        with pytest.raises(ChannelError) as caught:
            rig.channel.answers(rig.address, "no/such reference")
        assert not caught.value.retryable

    def test_action_is_answered_in_order_with_puid(self, rig: Rig) -> None:
        document = rig.document("actioned")
        receipt = rig.channel.send(rig.address, document, idempotency_key=str(uuid4()), at=rig.now())
        rig.settle()
        answers = rig.channel.answers(rig.address, receipt.reference)
        assert [answer.at for answer in answers] == sorted(answer.at for answer in answers)
        assert all(answer.at >= receipt.received_at for answer in answers)
        last = answers[-1]
        assert (last.status, last.reason_code) == ("COMPLETED", "ACTIONED")
        assert last.puid
        assert last.actions
        assert all(signing.is_signed_by(rig.address.public_key, answer.to_dict()) for answer in answers)

    def test_answers_after_one_that_is_known_are_only_the_newer(self, rig: Rig) -> None:
        receipt = rig.channel.send(rig.address, rig.document("refused"), idempotency_key=str(uuid4()), at=rig.now())
        rig.settle()
        answers = rig.channel.answers(rig.address, receipt.reference)
        assert answers[-1].reason_code == "REVIEWED_NO_ACTION"
        assert answers[-1].detail
        assert rig.channel.answers(rig.address, receipt.reference, after=answers[0].answer_id) == answers[1:]
        assert rig.channel.answers(rig.address, receipt.reference, after=answers[-1].answer_id) == []

    def test_answers_by_a_key_that_was_not_agreed_are_not_believed(self, rig: Rig) -> None:
        receipt = rig.channel.send(rig.address, rig.document("actioned"), idempotency_key=str(uuid4()), at=rig.now())
        rig.settle()
        with pytest.raises(AnswerInvalid):
            rig.channel.answers(replace(rig.address, public_key=signing.encode(b"\x01" + bytes(31))), receipt.reference)

    def test_question_is_asked_and_information_taken_once(self, rig: Rig) -> None:
        receipt = rig.channel.send(rig.address, rig.document("asked"), idempotency_key=str(uuid4()), at=rig.now())
        key = str(uuid4())
        for _ in range(2):
            rig.channel.inform(rig.address, receipt.reference, "The second sentence is the threat.", key)
        with pytest.raises(ChannelError) as caught:
            rig.channel.inform(rig.address, receipt.reference, "Something else.", key)
        assert not caught.value.retryable
        rig.settle()
        completed = [a for a in rig.channel.answers(rig.address, receipt.reference) if a.status == "COMPLETED"]
        assert len(completed) == 1
