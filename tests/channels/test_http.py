"""The HTTP channel against a real platform in another process, and against answers no platform should give."""

import datetime as dt
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.channels.conformance import AnsweringConformance, ChannelConformance, TokenConformance
from tests.channels.samples import SENT_AT, document
from tests.sandbox.support import document_with, post_of, withdrawal_of

from seawall.channels import (
    Address,
    AnswerInvalid,
    ChannelError,
    Equipment,
    HttpChannel,
    ReceiptInvalid,
    ReferralDocument,
    Withdrawal,
    signing,
)
from seawall.channels.base import stamp
from seawall.outbound import Outbound
from seawall.sandbox import SandboxProcess


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with SandboxProcess(tmp_path_factory.mktemp("sandbox")) as running:
        running.control.set_clock(SENT_AT)
        yield running


@pytest.fixture(scope="module")
def outbound(sandbox: SandboxProcess) -> Iterator[Outbound]:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: a port where nobody answers
        nowhere = f"127.0.0.1:{closed.getsockname()[1]}"
        with Outbound(sandbox.allow | {nowhere}, timeout=10) as made:
            yield made


@dataclass
class SandboxRig:
    sandbox: SandboxProcess
    channel: HttpChannel
    address: Address
    nowhere: Address

    def document(self, outcome: str, **changes: Any) -> ReferralDocument:
        made = document_with("harbour", outcome, sent_at=self.now(), **changes)
        self.sandbox.control.seed([post_of(made)])
        return made

    def now(self) -> dt.datetime:
        return dt.datetime.fromisoformat(self.sandbox.control.state()["now"])

    def settle(self) -> None:
        self.sandbox.control.set_clock(self.now() + dt.timedelta(days=40))

    def held(self, document: ReferralDocument) -> list[str]:
        return [
            "\n".join(text for text in (held["document"], held["withdrawal"]) if text)
            for held in self.sandbox.control.held(document.referral_id)
        ]


@pytest.fixture
def rig(sandbox: SandboxProcess, outbound: Outbound) -> SandboxRig:
    address = sandbox.control.addresses()["harbour"]
    (nowhere,) = outbound.allow - sandbox.allow
    channel = HttpChannel(outbound, sleep=lambda seconds: None)
    return SandboxRig(sandbox, channel, address, replace(address, endpoint=f"http://{nowhere}/api"))


class TestHttp(ChannelConformance, TokenConformance, AnsweringConformance):
    pass


def test_channel_is_made_from_what_the_hub_has(rig: SandboxRig, outbound: Outbound) -> None:
    made = HttpChannel.equipped(Equipment(outbound))
    document = rig.document("actioned")
    receipt = made.send(rig.address, document, idempotency_key=str(uuid4()), at=rig.now())
    assert receipt.proof == "signed"


class TestWithdrawals:
    """What is taken back: once, and known to be."""

    @pytest.fixture(autouse=True)
    def _mended(self, sandbox: SandboxProcess) -> Iterator[None]:
        yield
        sandbox.control.set_faults(0)

    def sent(self, rig: SandboxRig) -> tuple[Withdrawal, str]:
        """Refer a post, let it be removed, and write the withdrawal."""
        document = rig.document("actioned")
        receipt = rig.channel.send(rig.address, document, idempotency_key=str(uuid4()), at=rig.now())
        rig.settle()
        return withdrawal_of(document, sent_at=rig.now()), receipt.reference

    def count(self, rig: SandboxRig) -> tuple[int, int]:
        """How many withdrawals the platform has, and how many posts it keeps removed."""
        state = rig.sandbox.control.state()["platforms"]["harbour"]
        return state["withdrawals"], state["posts"].get("removed", 0)

    def test_sending_again_with_the_same_key_gives_the_same_receipt(self, rig: SandboxRig) -> None:
        withdrawal, reference = self.sent(rig)
        count, removed = self.count(rig)
        first, second = (
            rig.channel.withdraw(rig.address, reference, withdrawal, idempotency_key="same", at=rig.now())
            for _ in range(2)
        )
        assert first == second
        assert self.count(rig) == (count + 1, removed - 1), "taken back, and put back"

    def test_second_withdrawal_and_one_of_an_unknown_referral_are_refused_for_good(self, rig: SandboxRig) -> None:
        withdrawal, reference = self.sent(rig)
        rig.channel.withdraw(rig.address, reference, withdrawal, idempotency_key=str(uuid4()), at=rig.now())
        for where, said in ((reference, "was withdrawn before"), ("no/such reference", r"\(404\)")):
            with pytest.raises(ChannelError, match=said) as caught:
                rig.channel.withdraw(rig.address, where, withdrawal, idempotency_key=str(uuid4()), at=rig.now())
            assert not caught.value.retryable

    def test_half_of_all_requests_failing_loses_and_doubles_nothing(self, rig: SandboxRig) -> None:
        waiting = [self.sent(rig) for _ in range(8)]
        count, removed = self.count(rig)
        rig.sandbox.control.set_faults(0.5, ["500", "429"])
        channel = HttpChannel(rig.channel._outbound, attempts=40, sleep=lambda seconds: None)
        for withdrawal, reference in waiting:
            receipt = channel.withdraw(
                rig.address, reference, withdrawal, idempotency_key=str(withdrawal.referral_id), at=rig.now()
            )
            assert receipt.document_sha256 == withdrawal.sha256()
        rig.sandbox.control.set_faults(0)
        assert self.count(rig) == (count + 8, removed - 8)

    def test_answer_that_never_comes_is_found_again_with_the_same_key(self, rig: SandboxRig) -> None:
        (withdrawal, reference), key = self.sent(rig), str(uuid4())
        count, removed = self.count(rig)
        rig.sandbox.control.set_faults(1, ["timeout"], delay_seconds=1.5)
        with Outbound(rig.sandbox.allow, timeout=0.5) as hurried:
            channel = HttpChannel(hurried, attempts=1)
            with pytest.raises(ChannelError, match=r"within 0\.5 seconds") as caught:
                channel.withdraw(rig.address, reference, withdrawal, idempotency_key=key)
        assert caught.value.retryable
        rig.sandbox.control.set_faults(0)
        receipt = rig.channel.withdraw(rig.address, reference, withdrawal, idempotency_key=key, at=rig.now())
        assert receipt.referral_id == str(withdrawal.referral_id)
        assert self.count(rig) == (count + 1, removed - 1)

    @pytest.mark.parametrize(
        ("fault", "said"),
        [
            ("wrong_receipt", "is for referral 00000000"),
            ("wrong_text", "is for another text"),
            ("bad_signature", "not signed by the key"),
        ],
    )
    def test_false_receipt_is_not_tried_again_silently(self, rig: SandboxRig, fault: Any, said: str) -> None:
        withdrawal, reference = self.sent(rig)
        rig.sandbox.control.set_faults(1, [fault])
        pauses: list[float] = []
        channel = HttpChannel(rig.channel._outbound, sleep=pauses.append)
        with pytest.raises(ReceiptInvalid, match=said) as caught:
            channel.withdraw(rig.address, reference, withdrawal, idempotency_key=str(uuid4()), at=rig.now())
        assert not caught.value.retryable
        assert pauses == []

    def test_receipt_far_ahead_of_the_present_is_not_believed(self, rig: SandboxRig) -> None:
        withdrawal, reference = self.sent(rig)
        early = rig.now() - dt.timedelta(hours=1)
        with pytest.raises(ReceiptInvalid, match="after the present"):
            rig.channel.withdraw(rig.address, reference, withdrawal, idempotency_key=str(uuid4()), at=early)


class TestFaults:
    """A platform that fails on purpose."""

    @pytest.fixture(autouse=True)
    def _mended(self, sandbox: SandboxProcess) -> Iterator[None]:
        yield
        sandbox.control.set_faults(0)

    def test_half_of_all_requests_failing_loses_and_doubles_nothing(self, rig: SandboxRig) -> None:
        before = rig.sandbox.control.state()["platforms"]["harbour"]["referrals"]
        documents = [rig.document("actioned") for _ in range(20)]
        rig.sandbox.control.set_faults(0.5, ["500", "429"])
        channel = HttpChannel(rig.channel._outbound, attempts=40, sleep=lambda seconds: None)
        receipts = [
            channel.send(rig.address, made, idempotency_key=str(made.referral_id), at=rig.now()) for made in documents
        ]
        assert len({receipt.reference for receipt in receipts}) == 20
        rig.sandbox.control.set_faults(0)
        assert rig.sandbox.control.state()["platforms"]["harbour"]["referrals"] == before + 20

    def test_lasting_failure_is_told_as_retryable_after_a_few_attempts(self, rig: SandboxRig) -> None:
        rig.sandbox.control.set_faults(1, ["500"])
        pauses: list[float] = []
        channel = HttpChannel(rig.channel._outbound, attempts=3, pause=0.2, sleep=pauses.append)
        with pytest.raises(ChannelError, match="answered 500: An internal error") as caught:
            channel.send(rig.address, rig.document("actioned"), idempotency_key=str(uuid4()))
        assert caught.value.retryable
        assert pauses == [0.2, 0.4]

    def test_platform_that_says_when_to_come_back_is_heeded(self, rig: SandboxRig) -> None:
        rig.sandbox.control.set_faults(1, ["429"])
        pauses: list[float] = []
        channel = HttpChannel(rig.channel._outbound, attempts=2, sleep=pauses.append)
        with pytest.raises(ChannelError) as caught:
            channel.answers(rig.address, "any")
        assert (caught.value.retryable, caught.value.retry_after) == (True, 1.0)
        assert pauses == [1.0]

    def test_answer_that_never_comes_is_found_again_with_the_same_key(self, rig: SandboxRig) -> None:
        made, key = rig.document("actioned"), str(uuid4())
        rig.sandbox.control.set_faults(1, ["timeout"], delay_seconds=1.5)
        with Outbound(rig.sandbox.allow, timeout=0.5) as hurried:
            channel = HttpChannel(hurried, attempts=1)
            with pytest.raises(ChannelError, match=r"within 0\.5 seconds") as caught:
                channel.send(rig.address, made, idempotency_key=key)
        assert caught.value.retryable
        rig.sandbox.control.set_faults(0)
        before = rig.sandbox.control.state()["platforms"]["harbour"]["referrals"]
        receipt = rig.channel.send(rig.address, made, idempotency_key=key, at=rig.now())
        assert receipt.referral_id == str(made.referral_id)
        assert rig.sandbox.control.state()["platforms"]["harbour"]["referrals"] == before

    def test_connection_cut_after_the_referral_was_taken_in_is_no_second_one(self, rig: SandboxRig) -> None:
        made, key = rig.document("actioned"), str(uuid4())
        before = rig.sandbox.control.state()
        rig.sandbox.control.set_faults(1, ["cut"])
        channel = HttpChannel(rig.channel._outbound, attempts=3, sleep=lambda seconds: None)
        with pytest.raises(ChannelError, match="broke off") as caught:
            channel.send(rig.address, made, idempotency_key=key)
        assert caught.value.retryable
        rig.sandbox.control.set_faults(0)
        after = rig.sandbox.control.state()
        assert after["struck"]["cut"] == before["struck"].get("cut", 0) + 3
        receipt = rig.channel.send(rig.address, made, idempotency_key=key, at=rig.now())
        assert receipt.referral_id == str(made.referral_id)
        referrals = [
            state["platforms"]["harbour"]["referrals"] for state in (before, after, rig.sandbox.control.state())
        ]
        assert referrals == [referrals[0], referrals[0] + 1, referrals[0] + 1]

    def test_request_that_arrives_twice_is_one_referral(self, rig: SandboxRig) -> None:
        before = rig.sandbox.control.state()["platforms"]["harbour"]["referrals"]
        rig.sandbox.control.set_faults(1, ["duplicate"])
        rig.channel.send(rig.address, rig.document("actioned"), idempotency_key=str(uuid4()), at=rig.now())
        assert rig.sandbox.control.state()["platforms"]["harbour"]["referrals"] == before + 1

    @pytest.mark.parametrize(
        ("fault", "said"),
        [
            ("wrong_receipt", "is for referral 00000000"),
            ("wrong_text", "is for another text"),
            ("bad_signature", "not signed by the key"),
        ],
    )
    def test_false_receipt_is_not_tried_again_silently(self, rig: SandboxRig, fault: Any, said: str) -> None:
        made, key = rig.document("actioned"), str(uuid4())
        rig.sandbox.control.set_faults(1, [fault])
        pauses: list[float] = []
        channel = HttpChannel(rig.channel._outbound, sleep=pauses.append)
        with pytest.raises(ReceiptInvalid, match=said) as caught:
            channel.send(rig.address, made, idempotency_key=key)
        assert not caught.value.retryable
        assert pauses == []

    def test_answer_listed_twice_is_returned_once_and_a_spoilt_one_not_at_all(self, rig: SandboxRig) -> None:
        receipt = rig.channel.send(rig.address, rig.document("actioned"), idempotency_key=str(uuid4()), at=rig.now())
        rig.settle()
        once = rig.channel.answers(rig.address, receipt.reference)
        rig.sandbox.control.set_faults(1, ["duplicate"])
        assert rig.channel.answers(rig.address, receipt.reference) == once
        rig.sandbox.control.set_faults(1, ["bad_signature"])
        with pytest.raises(AnswerInvalid):
            rig.channel.answers(rig.address, receipt.reference)


def test_receipt_far_ahead_of_the_present_is_not_believed(rig: SandboxRig) -> None:
    with pytest.raises(ReceiptInvalid, match="after the present"):
        rig.channel.send(
            rig.address, rig.document("actioned"), idempotency_key=str(uuid4()), at=rig.now() - dt.timedelta(hours=1)
        )


def test_endpoint_on_the_own_network_is_refused_for_good(rig: SandboxRig) -> None:
    with Outbound(timeout=5) as strict, pytest.raises(ChannelError, match="may not be used") as caught:
        HttpChannel(strict).send(rig.address, document(), idempotency_key="k")
    assert not caught.value.retryable


class Says(BaseHTTPRequestHandler):
    """Answers every request with the server's `saying`."""

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.do_GET()

    def do_GET(self) -> None:
        status, body, headers = self.server.saying  # type: ignore[attr-defined]
        self.server.count += 1  # type: ignore[attr-defined]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class Quiet(ThreadingHTTPServer):
    """Does not print that a client hung up on a long answer, which here is the point."""

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@pytest.fixture
def odd() -> Iterator[ThreadingHTTPServer]:
    server = Quiet(("127.0.0.1", 0), Says)
    server.count = 0  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind", "retryable", "count"),
    [
        (200, b"<html>", {}, ReceiptInvalid, False, 1),
        (200, b"[" * 50_000, {}, ReceiptInvalid, False, 1),
        (200, b"null", {}, ReceiptInvalid, False, 1),
        (204, b"", {}, ReceiptInvalid, False, 1),
        (200, b"x" * 20_000_000, {}, ChannelError, False, 1),
        (302, b"", {"Location": "http://169.254.169.254/"}, ChannelError, False, 1),  # not followed with the token
        (400, b'{"error": {"message": "no"}}', {}, ChannelError, False, 1),
        (403, b"", {}, ChannelError, False, 1),
        (422, b'{"error": {"message": "no", "fields": [{"field": "a", "problem": "b"}]}}', {}, ChannelError, False, 1),
        (422, b'{"error": {"fields": 5}}', {}, ChannelError, False, 1),
        (
            503,
            b"",
            {"Retry-After": "3600"},
            ChannelError,
            True,
            1,
        ),  # longer than a channel waits
        (503, b"", {"Retry-After": "soon"}, ChannelError, True, 3),
    ],
)
def test_odd_answer_becomes_a_sentence(
    odd: ThreadingHTTPServer, status: int, body: bytes, headers: dict[str, str], kind: type, retryable: bool, count: int
) -> None:
    odd.saying = (status, body, headers)  # type: ignore[attr-defined]
    port = odd.server_address[1]
    address = Address(f"http://127.0.0.1:{port}/api", "A" * 43, "t")
    with Outbound(frozenset({f"127.0.0.1:{port}"}), timeout=10) as outbound:
        channel = HttpChannel(outbound, sleep=lambda seconds: None)
        with pytest.raises(ChannelError) as caught:
            channel.send(address, document(), idempotency_key="k")
    assert type(caught.value) is kind
    assert caught.value.retryable is retryable
    assert str(caught.value).endswith(".")
    assert odd.count == count  # type: ignore[attr-defined]


def test_receipt_for_the_referral_is_none_for_its_withdrawal(odd: ThreadingHTTPServer) -> None:
    key, made = Ed25519PrivateKey.generate(), document()
    receipt = {
        "schema": "seawall-receipt/1",
        "reference": "R-1",
        "referral_id": str(made.referral_id),
        "document_sha256": made.sha256(),
        "received_at": stamp(SENT_AT + dt.timedelta(hours=1)),
    }
    odd.saying = (200, json.dumps(signing.sign(key, receipt)).encode(), {})  # type: ignore[attr-defined]
    port = odd.server_address[1]
    address = Address(f"http://127.0.0.1:{port}", signing.encode(key.public_key().public_bytes_raw()), "t")
    with Outbound(frozenset({f"127.0.0.1:{port}"}), timeout=10) as outbound:
        channel = HttpChannel(outbound)
        assert channel.send(address, made, idempotency_key="k").document_sha256 == made.sha256()
        with pytest.raises(ReceiptInvalid, match="another text"):
            channel.withdraw(address, "R-1", withdrawal_of(made), idempotency_key="k")


@pytest.mark.parametrize("value", [[], {"answers": None}, {"answers": [1]}, {"answers": [{}]}, "x", None])
def test_odd_list_of_answers_is_not_believed(odd: ThreadingHTTPServer, value: object) -> None:
    odd.saying = (200, json.dumps(value).encode(), {})  # type: ignore[attr-defined]
    port = odd.server_address[1]
    with Outbound(frozenset({f"127.0.0.1:{port}"}), timeout=10) as outbound, pytest.raises(AnswerInvalid):
        HttpChannel(outbound).answers(Address(f"http://127.0.0.1:{port}", "A" * 43, "t"), "R-1")
