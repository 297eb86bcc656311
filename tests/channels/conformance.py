"""What every channel must do, whatever carries it. A channel's own test module subclasses :class:`ChannelConformance`
and gives it a `rig`: a platform of its own kind that really answers.
"""

import datetime as dt
from dataclasses import replace
from typing import Protocol
from uuid import uuid4

import pytest

from seawall.channels import Address, AnswerInvalid, Channel, ChannelError, ReceiptInvalid, ReferralDocument, signing


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


class ChannelConformance:
    """Subclass with a fixture ``rig`` that returns a :class:`Rig`."""

    def test_is_a_channel_with_a_name(self, rig: Rig) -> None:
        assert isinstance(rig.channel, Channel)
        assert rig.channel.name

    def test_receipt_is_for_the_very_document(self, rig: Rig) -> None:
        document = rig.document("actioned")
        receipt = rig.channel.send(rig.address, document, idempotency_key=str(uuid4()), at=rig.now())
        assert receipt.referral_id == str(document.referral_id)
        assert receipt.document_sha256 == document.sha256()
        assert signing.is_signed_by(rig.address.public_key, receipt.to_dict())
        assert receipt.received_at.tzinfo is dt.UTC

    def test_sending_again_with_the_same_key_makes_no_second_referral(self, rig: Rig) -> None:
        document, key = rig.document("actioned"), str(uuid4())
        first = rig.channel.send(rig.address, document, idempotency_key=key, at=rig.now())
        assert rig.channel.send(rig.address, document, idempotency_key=key, at=rig.now()) == first

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

    def test_nobody_there_may_be_tried_again(self, rig: Rig) -> None:
        with pytest.raises(ChannelError) as caught:
            rig.channel.send(rig.nowhere, rig.document("actioned"), idempotency_key=str(uuid4()), at=rig.now())
        assert caught.value.retryable

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
