"""The XARF channel against a platform on loopback, and against answers that no platform should give."""

import datetime as dt
import json
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args
from uuid import uuid4

import pytest
from tests.channels.conformance import ChannelConformance, TokenConformance, withdrawal_of
from tests.channels.samples import SENT_AT, document
from tests.channels.xarf_platform import TOKEN, Platform, running
from tests.channels.xarf_samples import HUB

from seawall.channels import (
    Address,
    AnswerInvalid,
    ChannelError,
    Equipment,
    NotCarried,
    ReasonCode,
    ReceiptInvalid,
    ReferralDocument,
    Status,
    xarf_server,
)
from seawall.channels.xarf import XarfChannel
from seawall.channels.xarf_report import MEDIA_TYPE, to_report
from seawall.outbound import Outbound

PAGE = (Path(__file__).parents[2] / "docs/reference/channels/xarf.md").read_text("utf-8")
HOUR = dt.timedelta(hours=1)


@dataclass
class XarfRig:
    platform: Platform
    channel: XarfChannel
    address: Address
    nowhere: Address

    def document(self, outcome: str, **changes: Any) -> ReferralDocument:
        made = document(**{"sent_at": self.now().isoformat(), **changes})
        self.platform.outcomes[str(made.referral_id)] = outcome
        return made

    def now(self) -> dt.datetime:
        return self.platform.now

    def settle(self) -> None:
        self.platform.settle()

    def held(self, document: ReferralDocument) -> list[str]:
        return [
            held.text()
            for held in self.platform.held.values()
            if held.taken.report.referral is not None and held.taken.report.report_id == document.referral_id
        ]

    def sent(self, outcome: str = "actioned") -> str:
        """Send a new document and return its reference."""
        made = self.document(outcome)
        return self.channel.send(self.address, made, idempotency_key=str(uuid4()), at=self.now()).reference


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with running() as made:
        yield made


@pytest.fixture
def rig(platform: Platform) -> Iterator[XarfRig]:
    platform.saying, platform.spoil, platform.cutting = None, {}, False
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: a port where nobody answers
        nowhere = f"127.0.0.1:{closed.getsockname()[1]}"
        with Outbound(frozenset({platform.where, nowhere}), timeout=10) as outbound:
            channel = XarfChannel(outbound, HUB, sleep=lambda seconds: None)
            address = Address(f"http://{platform.where}/v1/abuse", token=TOKEN)
            yield XarfRig(platform, channel, address, replace(address, endpoint=f"http://{nowhere}/v1/abuse"))


class TestXarf(ChannelConformance, TokenConformance):
    pass


class TestAnswers:
    def test_action_is_answered_in_order_with_puid(self, rig: XarfRig) -> None:
        reference = rig.sent()
        assert rig.channel.answers(rig.address, reference) == []
        rig.settle()
        first, last = rig.channel.answers(rig.address, reference)
        assert (first.status, first.reason_code, first.proof) == ("PROCESSING", None, "acknowledged")
        assert (last.status, last.reason_code, last.actions) == ("COMPLETED", "ACTIONED", ("removed",))
        assert (last.puid, last.detail) == (f"p-{reference}", "The post was removed.")
        assert last.at > first.at
        assert "signature" not in last.to_dict()

    def test_only_what_is_newer_comes_back(self, rig: XarfRig) -> None:
        reference = rig.sent("refused")
        rig.settle()
        first, last = rig.channel.answers(rig.address, reference)
        assert (last.reason_code, last.detail) == ("REVIEWED_NO_ACTION", "It is a lyric.")
        assert rig.channel.answers(rig.address, reference, after=first.answer_id) == [last]
        assert rig.channel.answers(rig.address, reference, after=last.answer_id) == []
        assert rig.channel.answers(rig.address, reference, after="forgotten") == [first, last]

    def test_question_is_asked_and_information_taken_once(self, rig: XarfRig) -> None:
        reference, key = rig.sent("asked"), str(uuid4())
        rig.settle()
        assert rig.channel.answers(rig.address, reference)[-1].reason_code == "NEED_MORE_INFORMATION"
        for _ in range(2):
            rig.channel.inform(rig.address, reference, "The second sentence is the threat.", key)
        with pytest.raises(ChannelError, match="409") as caught:
            rig.channel.inform(rig.address, reference, "Something else.", key)
        assert not caught.value.retryable
        rig.settle()
        answers = rig.channel.answers(rig.address, reference)
        assert [answer.reason_code for answer in answers] == [None, "NEED_MORE_INFORMATION", "ACTIONED"]
        assert rig.platform.held[reference].information == ["The second sentence is the threat."]

    def test_platform_without_a_history_gives_the_present_state(self, rig: XarfRig) -> None:
        reference = rig.sent()
        rig.platform.spoil = {"history": ...}
        (queued,) = rig.channel.answers(rig.address, reference)
        assert queued.status == "QUEUED"
        rig.settle()
        (done,) = rig.channel.answers(rig.address, reference, after=queued.answer_id)
        assert (done.reason_code, done.puid) == ("ACTIONED", f"p-{reference}")
        assert rig.channel.answers(rig.address, reference) == [done], "the same state has the same id"
        assert rig.channel.answers(rig.address, reference, after=done.answer_id) == []

    def test_seconds_since_1970_are_a_time(self, rig: XarfRig) -> None:
        reference = rig.sent()
        rig.platform.spoil = {"history": ..., "lastUpdatedAt": SENT_AT.timestamp(), "submittedAt": 1_790_000_000}
        (queued,) = rig.channel.answers(rig.address, reference)
        assert queued.at == SENT_AT

    @pytest.mark.parametrize(
        ("spoil", "said"),
        [
            ({"reportId": "OTHER"}, "for another report"),
            ({"correlationId": ...}, "no correlationId"),
            ({"correlationId": "a b"}, "no correlationId"),
            ({"submittedAt": ...}, "no submittedAt"),
            ({"lastUpdatedAt": "2026-11-02 09:30"}, "no lastUpdatedAt"),
            ({"lastUpdatedAt": True}, "no lastUpdatedAt"),
            ({"lastUpdatedAt": 1e300}, "no lastUpdatedAt"),
            ({"history": ..., "status": "DONE"}, "must be one of"),
            ({"history": ..., "status": ["COMPLETED"]}, "must be one of"),
            ({"history": ..., "reasonCode": "BECAUSE"}, "is none of"),
            ({"history": ..., "reasonCode": ...}, "without a reason code"),
            ({"history": ..., "puid": ...}, "can never be checked"),
            ({"history": ..., "puid": "not a puid"}, "puid is not"),
            ({"history": ..., "reasonCode": "REVIEWED_NO_ACTION", "puid": ...}, "without a puid"),
            ({"history": ..., "status": "PROCESSING", "reasonCode": ..., "puid": ...}, "without a puid"),
            ({"history": ..., "actions": ...}, "without saying in actions"),
            ({"history": ..., "actions": "removed"}, "are not a list"),
            ({"history": ..., "actions": ["removed"] * 21}, "are not a list"),
            ({"history": ..., "actions": ["a\nb"]}, "are not a list"),
            ({"history": ..., "description": 7}, "detail is not a text"),
            ({"history": ..., "description": "x" * 5_001}, "detail is not a text"),
            ({"history": {}}, "history that is not a list"),
            ({"history": [7]}, "without an answerId"),
            ({"history": [{"answerId": "a" * 201}]}, "without an answerId"),
            ({"history": []}, "before anything happened"),
            ({"status": "PROCESSING", "reasonCode": ..., "puid": ..., "actions": ...}, "its history ends at COMPLETED"),
            ({"puid": "other"}, "its history ends at COMPLETED"),
        ],
    )
    def test_answer_that_does_not_hold_is_not_believed(self, rig: XarfRig, spoil: dict[str, Any], said: str) -> None:
        reference = rig.sent()
        rig.settle()
        rig.platform.spoil = spoil
        with pytest.raises(AnswerInvalid, match=said) as caught:
            rig.channel.answers(rig.address, reference)
        assert not caught.value.retryable
        assert str(caught.value).endswith(".")

    def test_one_id_for_two_answers_is_not_believed(self, rig: XarfRig) -> None:
        reference = rig.sent()
        rig.settle()
        rig.platform.spoil = {
            "history": [
                {"answerId": "1", "at": "2026-11-02T10:00:00Z", "status": "QUEUED"},
                {"answerId": "1", "at": "2026-11-02T10:00:00Z", "status": "PROCESSING"},
            ]
        }
        with pytest.raises(AnswerInvalid, match="two different answers under the id '1'"):
            rig.channel.answers(rig.address, reference)

    @pytest.mark.parametrize("reference", ["no/such", "..", "a?b", "", "x" * 201])
    def test_what_is_no_reference_is_not_made_part_of_an_address(self, rig: XarfRig, reference: str) -> None:
        before = len(rig.platform.requests)
        for call in (
            lambda: rig.channel.answers(rig.address, reference),
            lambda: rig.channel.inform(rig.address, reference, "text", "key"),
            lambda: rig.channel.withdraw(
                rig.address, reference, withdrawal_of(document(), SENT_AT), idempotency_key="k"
            ),
        ):
            with pytest.raises(ChannelError, match="cannot be asked for") as caught:
                call()
            assert not caught.value.retryable
        assert len(rig.platform.requests) == before

    def test_unknown_reference_is_refused_for_good(self, rig: XarfRig) -> None:
        with pytest.raises(ChannelError, match="404") as caught:
            rig.channel.answers(rig.address, "UNKNOWN")
        assert not caught.value.retryable


class TestSending:
    def test_request_has_the_shape_of_the_contract(self, rig: XarfRig) -> None:
        made, key = rig.document("actioned"), str(uuid4())
        receipt = rig.channel.send(rig.address, made, idempotency_key=key, at=rig.now())
        method, path, headers, body = rig.platform.requests[-1]
        sent = json.loads(body)
        assert (method, path, headers["idempotency-key"]) == ("POST", "/v1/abuse", key)
        assert (sent["clientToken"], sent["correlationId"]) == (key, str(made.referral_id))
        assert sent["report"]["xarf"] == to_report(made, sender=HUB)
        assert receipt.evidence == {
            "reportId": receipt.reference,
            "correlationId": str(made.referral_id),
            "submittedAt": "2026-11-02T" + receipt.received_at.strftime("%H:%M:%S.%fZ"),
            "documentSha256": made.sha256(),
            "status": "QUEUED",
        }

    def test_repetition_later_keeps_the_first_time_of_receipt(self, rig: XarfRig) -> None:
        made, key = rig.document("actioned"), str(uuid4())
        first = rig.channel.send(rig.address, made, idempotency_key=key, at=rig.now())
        rig.platform.now += HOUR
        assert rig.channel.send(rig.address, made, idempotency_key=key, at=rig.now()) == first

    def test_key_or_referral_that_was_used_is_refused_for_good(self, rig: XarfRig) -> None:
        made, key = rig.document("actioned"), str(uuid4())
        rig.channel.send(rig.address, made, idempotency_key=key, at=rig.now())
        for again, used in ((rig.document("actioned"), key), (made, str(uuid4()))):
            with pytest.raises(ChannelError, match="409") as caught:
                rig.channel.send(rig.address, again, idempotency_key=used, at=rig.now())
            assert not caught.value.retryable

    @pytest.mark.parametrize(
        ("spoil", "said"),
        [
            ({"correlationId": str(uuid4())}, "acknowledged another report"),
            ({"correlationId": ...}, "no correlationId"),
            ({"documentSha256": "0" * 64}, "another text"),
            ({"reportId": ...}, "no reportId"),
            ({"reportId": "../x"}, "no reportId"),
            ({"reportId": 7}, "no reportId"),
            ({"status": "TAKEN"}, "without a status"),
            ({"submittedAt": ...}, "no submittedAt"),
            ({"submittedAt": (SENT_AT - HOUR).isoformat()}, "before it was sent"),
            ({"submittedAt": "2036-11-02T09:30:00Z"}, "after the present"),
        ],
    )
    def test_acknowledgement_that_does_not_fit_is_not_believed(
        self, rig: XarfRig, spoil: dict[str, Any], said: str
    ) -> None:
        rig.platform.spoil = spoil
        with pytest.raises(ReceiptInvalid, match=said) as caught:
            rig.channel.send(rig.address, rig.document("actioned"), idempotency_key=str(uuid4()), at=rig.now())
        assert not caught.value.retryable
        assert TOKEN not in str(caught.value)

    def test_withdrawal_for_another_report_is_not_believed(self, rig: XarfRig) -> None:
        made = rig.document("actioned")
        reference = rig.channel.send(rig.address, made, idempotency_key=str(uuid4()), at=rig.now()).reference
        for spoil, said in (({"reportId": "OTHER"}, "for another report"), ({"withdrawnAt": ...}, "no withdrawnAt")):
            rig.platform.spoil = spoil
            with pytest.raises(ReceiptInvalid, match=said):
                rig.channel.withdraw(
                    rig.address, reference, withdrawal_of(made, rig.now()), idempotency_key=str(uuid4()), at=rig.now()
                )

    @pytest.mark.parametrize("key", ["", "a b", "a\r\nX: 1", "k" * 129, "schlüssel"])
    def test_key_that_cannot_stand_in_a_header_is_not_sent(self, rig: XarfRig, key: str) -> None:
        before = len(rig.platform.requests)
        with pytest.raises(ChannelError, match="idempotency key"):
            rig.channel.send(rig.address, rig.document("actioned"), idempotency_key=key)
        assert len(rig.platform.requests) == before

    def test_abuse_of_children_is_not_carried(self, rig: XarfRig) -> None:
        made = rig.document("actioned", harm={"id": "csea", "title": "Abuse", "code_version": "uk-2026.1"})
        with pytest.raises(NotCarried, match="Hand it to the body"):
            rig.channel.send(rig.address, made, idempotency_key="k")

    def test_odd_words_arrive_as_they_were(self, rig: XarfRig) -> None:
        made = rig.document("actioned", explanation="“Ünïcode” \U0001f30a \u2028 </script> \r\n.\r\nX-Other: 1")
        rig.channel.send(rig.address, made, idempotency_key=str(uuid4()), at=rig.now())
        assert rig.held(made) == [made.to_json().decode()]


class TestFaults:
    @pytest.mark.parametrize(
        ("status", "body", "headers", "kind", "retryable", "count"),
        [
            (202, b"<html>", {}, ReceiptInvalid, False, 1),
            (202, b"null", {}, ReceiptInvalid, False, 1),
            (202, b"[" * 50_000, {}, ReceiptInvalid, False, 1),
            (202, b'{"reportId": "A", "reportId": "B"}', {}, ReceiptInvalid, False, 1),
            (202, b"\xff", {}, ReceiptInvalid, False, 1),
            (204, b"", {}, ReceiptInvalid, False, 1),
            (202, b"x" * 5_000_000, {}, ChannelError, False, 1),
            (302, b"", {"Location": "http://169.254.169.254/"}, ChannelError, False, 1),  # not followed with the token
            (
                422,
                b'{"error": {"message": "no", "fields": [{"field": "a", "problem": "b"}]}}',
                {},
                ChannelError,
                False,
                1,
            ),
            (429, b"", {"Retry-After": "3600"}, ChannelError, True, 1),
            (503, b"", {}, ChannelError, True, 3),
        ],
    )
    def test_odd_answer_becomes_a_sentence(
        self, rig: XarfRig, status: int, body: bytes, headers: dict[str, str], kind: type, retryable: bool, count: int
    ) -> None:
        rig.platform.saying = (status, body, headers)
        before = len(rig.platform.requests)
        with pytest.raises(ChannelError) as caught:
            rig.channel.send(rig.address, rig.document("actioned"), idempotency_key="k")
        assert (type(caught.value), caught.value.retryable) == (kind, retryable)
        assert str(caught.value).endswith(".")
        assert len(rig.platform.requests) - before == count

    def test_connection_that_is_cut_may_be_tried_again_and_doubles_nothing(self, rig: XarfRig) -> None:
        made, key = rig.document("actioned"), str(uuid4())
        rig.platform.cutting = True
        with pytest.raises(ChannelError) as caught:
            rig.channel.send(rig.address, made, idempotency_key=key, at=rig.now())
        assert caught.value.retryable
        rig.platform.cutting = False
        rig.channel.send(rig.address, made, idempotency_key=key, at=rig.now())
        assert len(rig.held(made)) == 1

    def test_answer_that_never_comes_may_be_asked_for_again(self, rig: XarfRig) -> None:
        made, key = rig.document("actioned"), str(uuid4())
        rig.platform.waiting.clear()
        try:
            with Outbound(frozenset({rig.platform.where}), timeout=0.3) as hurried:
                channel = XarfChannel(hurried, HUB, attempts=1)
                with pytest.raises(ChannelError, match=r"within 0\.3 seconds") as caught:
                    channel.send(rig.address, made, idempotency_key=key, at=rig.now())
        finally:
            rig.platform.waiting.set()
        assert caught.value.retryable
        rig.channel.send(rig.address, made, idempotency_key=key, at=rig.now())
        assert len(rig.held(made)) == 1


@pytest.mark.parametrize(
    "lacking",
    [{"contact": ""}, {"contact": "call us"}, {"hub_url": ""}, {"hub_url": "http://["}, {"hub_name": "n" * 201}],
)
def test_hub_that_cannot_say_who_it_is_does_not_send(lacking: dict[str, str]) -> None:
    with Outbound() as outbound:
        good = Equipment(
            outbound, hub_name="Example hub", hub_url="https://hub.example/", contact="mailto:a@hub.example"
        )
        made = XarfChannel.equipped(good)
        assert made._sender.model_dump() == {"org": "Example hub", "contact": "a@hub.example", "domain": "hub.example"}
        with pytest.raises(ChannelError, match="give this hub a name") as caught:
            XarfChannel.equipped(replace(good, **lacking))
    assert not caught.value.retryable


@pytest.mark.parametrize("word", [*get_args(Status), *get_args(ReasonCode), MEDIA_TYPE, "puid", "lifecycle:test"])
def test_every_word_of_the_contract_is_explained(word: str) -> None:
    assert f"`{word}`" in PAGE


def test_state_on_the_page_is_read_as_it_is_written(rig: XarfRig) -> None:
    (told,) = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL) if '"history"' in block)
    rig.platform.saying = (200, json.dumps(told).encode(), {})
    answers = rig.channel.answers(rig.address, told["reportId"])
    at = dt.datetime.fromisoformat(told["submittedAt"])
    names = {"report_id": told["reportId"], "correlation_id": told["correlationId"]}
    assert xarf_server.state(**names, submitted_at=at, answers=answers) == told
