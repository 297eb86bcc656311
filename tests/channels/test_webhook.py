"""The webhook channel against a platform on loopback whose every check is made by the public package `standardwebhooks`."""

import datetime as dt
import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import pytest
from tests.channels.conformance import ChannelConformance, TokenConformance, withdrawal_of
from tests.channels.samples import LEGAL, TERM, document
from tests.channels.webhooks import CURRENT, FORMER, PATH, Platform, Saying, secret

from seawall.channels import Address, ChannelError, Equipment, ReferralDocument
from seawall.channels.webhook import EndpointGone, SecretUnusable, WebhookChannel, delivery, information
from seawall.outbound import Outbound


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    server = Platform()
    yield server
    server.stop()


@dataclass
class WebhookRig:
    platform: Platform
    channel: WebhookChannel
    address: Address
    nowhere: Address

    def document(self, outcome: str, **changes: Any) -> ReferralDocument:
        return document(sent_at=self.now().isoformat(), **changes)

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC)  # the package that checks knows no other present

    def settle(self) -> None:
        pass

    def held(self, document: ReferralDocument) -> list[str]:
        sent, after = [], []
        for body, event in self.platform.taken.values():
            if event["data"].get("referral_id") == str(document.referral_id):
                (sent if event["type"] == "referral.sent" else after).append(body.decode())
        return ["\n".join([text, *after]) for text in sent]

    def send(self, made: ReferralDocument | None = None, key: str = "", **address: Any) -> Any:
        made = made or self.document("actioned")
        where = replace(self.address, **address)
        return self.channel.send(where, made, idempotency_key=key or str(uuid4()), at=self.now())


@pytest.fixture
def rig(platform: Platform) -> Iterator[WebhookRig]:
    platform.reset()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: a port where nobody answers
        nowhere = f"127.0.0.1:{closed.getsockname()[1]}"
        with Outbound(frozenset({platform.where, nowhere}), timeout=10) as outbound:
            address = Address(f"http://{platform.where}{PATH}", token=CURRENT)
            channel = WebhookChannel.equipped(Equipment(outbound))
            yield WebhookRig(platform, channel, address, replace(address, endpoint=f"http://{nowhere}{PATH}"))


class TestWebhook(ChannelConformance, TokenConformance):
    pass


class TestWhatArrives:
    def test_event_holds_the_whole_document_whose_digest_is_receipted(self, rig: WebhookRig) -> None:
        made = rig.document(
            "actioned", grounds={"legal": [LEGAL], "term": TERM}, explanation="“Ünïcode” & <b>marks</b>"
        )
        receipt = rig.send(made)
        ((body, event),) = rig.platform.taken.values()
        assert sorted(event) == ["data", "timestamp", "type"]
        assert event["type"] == "referral.sent"
        assert dt.datetime.fromisoformat(event["timestamp"]) == made.sent_at
        assert ReferralDocument.parse(json.dumps(event["data"]).encode()) == made
        assert made.to_json() in body, "the bytes that the receipt's digest is of stand in the event as they are"
        assert receipt.document_sha256 == hashlib.sha256(made.to_json()).hexdigest()
        ((path, headers, _),) = rig.platform.requests
        assert (path, headers["Content-Type"]) == (PATH, "application/json")

    def test_receipt_says_no_more_than_that_a_server_took_it(self, rig: WebhookRig) -> None:
        made = rig.document("actioned")
        rig.platform.saying = Saying(200, body=b"\x00 queued \xff\r\nas 4F1A2 " + b"x" * 5_000)
        receipt = rig.send(made)
        ((webhook_id, (body, _)),) = rig.platform.taken.items()
        assert (receipt.proof, receipt.signature, receipt.reference) == ("accepted", "", str(made.referral_id))
        said = receipt.evidence["said"]
        assert said.startswith("queued � as 4F1A2 xxx")
        assert len(said) == 200
        assert receipt.evidence == {
            "webhook_id": webhook_id,
            "body_sha256": hashlib.sha256(body).hexdigest(),
            "server": f"http://{rig.platform.where}",
            "status": 200,
            "said": said,
        }
        assert receipt.received_at - made.sent_at < dt.timedelta(minutes=1)

    def test_time_of_receipt_is_the_present_that_the_caller_names(self, rig: WebhookRig) -> None:
        at = rig.now() - dt.timedelta(seconds=100)
        receipt = rig.channel.send(rig.address, document(), idempotency_key="k", at=at)
        assert receipt.received_at == at
        assert rig.platform.requests[0][1]["webhook-timestamp"] == str(int(at.timestamp()))

    def test_withdrawal_and_information_name_the_referral(self, rig: WebhookRig) -> None:
        made = rig.document("asked")
        receipt = rig.send(made, key="same")
        rig.channel.inform(rig.address, receipt.reference, "The second sentence\nis the threat.", "same")
        taken_back = withdrawal_of(made, rig.now())
        rig.channel.withdraw(rig.address, receipt.reference, taken_back, idempotency_key="same", at=rig.now())
        events = [event for _, event in rig.platform.taken.values()]
        assert [event["type"] for event in events] == ["referral.sent", "referral.information", "referral.withdrawn"]
        assert events[1]["data"] == {"reference": str(made.referral_id), "text": "The second sentence\nis the threat."}
        assert events[2]["data"] == taken_back.to_dict()

    @pytest.mark.parametrize("text", ["", " \n", "x" * 20_001, "a\x00b", "half \ud83d"])
    def test_information_that_is_no_text_is_not_sent(self, rig: WebhookRig, text: str) -> None:
        with pytest.raises(ChannelError, match=r"20,000 characters\. Shorten it") as caught:
            rig.channel.inform(rig.address, "R-1", text, "k")
        assert not caught.value.retryable
        assert rig.platform.requests == []


class TestReplay:
    def test_the_same_key_is_the_same_message_byte_for_byte(self, rig: WebhookRig) -> None:
        made = rig.document("actioned")
        for key in ("a", "a", "b"):
            rig.send(made, key=key)
        (first, again, other) = [(headers["webhook-id"], body) for _, headers, body in rig.platform.requests]
        assert first == again
        assert first[1] == other[1]
        assert first[0] != other[0]
        assert "." not in first[0]
        assert first[0].startswith("msg_")

    def test_what_was_kept_is_sent_again_as_it_was_and_signed_anew(self, rig: WebhookRig) -> None:
        made = rig.document("actioned")
        kept = delivery(made, idempotency_key="k")
        at = rig.now()
        for minutes in (4, 0):
            evidence = rig.channel.deliver(rig.address, kept, at=at - dt.timedelta(minutes=minutes))
        assert evidence["webhook_id"] == kept.id
        early, late = (headers for _, headers, _ in rig.platform.requests)
        assert int(late["webhook-timestamp"]) - int(early["webhook-timestamp"]) == 240
        assert late["webhook-signature"] != early["webhook-signature"]
        assert len(rig.held(made)) == 1
        assert str(made.referral_id) not in repr(kept)

    def test_an_answer_that_never_comes_may_be_waited_for_again(self, rig: WebhookRig) -> None:
        made = rig.document("actioned")
        rig.platform.answering.clear()
        with (
            Outbound(frozenset({rig.platform.where}), timeout=0.5) as hurried,
            pytest.raises(ChannelError, match=r"did not answer within 0\.5 seconds") as caught,
        ):
            WebhookChannel(hurried).send(rig.address, made, idempotency_key="k", at=rig.now())
        assert caught.value.retryable
        rig.platform.answering.set()
        rig.send(made, key="k")
        assert len(rig.platform.requests) == 2
        assert len(rig.held(made)) == 1

    @pytest.mark.parametrize("key", ["", "a b", "k\r\nX-Other: 1", "ü", "\ud83d", "x" * 201])
    def test_key_that_no_message_can_be_named_by_is_refused(self, rig: WebhookRig, key: str) -> None:
        with pytest.raises(ChannelError, match="idempotency key") as caught:
            rig.channel.send(rig.address, document(), idempotency_key=key)
        assert not caught.value.retryable
        with pytest.raises(ChannelError, match="idempotency key"):
            information("R-1", "text", idempotency_key=key, at=rig.now())


class TestSecrets:
    @pytest.mark.parametrize("known", [CURRENT, FORMER])
    def test_while_the_secret_changes_both_the_new_and_the_old_are_good(self, rig: WebhookRig, known: str) -> None:
        rig.platform.secret = known
        rig.send(token=f"{CURRENT}, {FORMER}")
        signatures = rig.platform.requests[0][1]["webhook-signature"].split(" ")
        assert [signature[:3] for signature in signatures] == ["v1,", "v1,"]
        assert len(rig.platform.taken) == 1

    def test_without_the_former_one_a_platform_that_knows_no_other_refuses_for_good(self, rig: WebhookRig) -> None:
        rig.platform.secret = FORMER
        with pytest.raises(ChannelError, match=r"\(401\): No matching signature found\. Check the secret") as caught:
            rig.send()
        assert not caught.value.retryable
        assert CURRENT.removeprefix("whsec_") not in str(caught.value)
        assert rig.platform.taken == {}

    @pytest.mark.parametrize(
        ("token", "said"),
        [
            ("", "secret is not whsec_"),
            (CURRENT.removeprefix("whsec_"), "secret is not whsec_"),
            ("whsec_", "secret is not whsec_"),
            (secret(7, 23), "24 to 64 bytes"),
            (secret(7, 65), "24 to 64 bytes"),
            ("whsec_" + "-_" * 22, "in base64"),
            ("whsec_" + "ü" * 44, "in base64"),
            (f"{CURRENT},", "former secret is not"),
            (f"{CURRENT},hunter2hunter2", "former secret is not"),
            (f"{CURRENT},{FORMER},{secret(3)}", "more than two secrets"),
        ],
    )
    def test_secret_that_cannot_be_used_is_told_without_a_word_of_it(
        self, rig: WebhookRig, token: str, said: str
    ) -> None:
        with pytest.raises(SecretUnusable, match=said) as caught:
            rig.send(token=token)
        assert not caught.value.retryable
        assert str(caught.value).endswith(".")
        for part in token.split(","):
            assert len(part) < 8 or part.removeprefix("whsec_") not in str(caught.value)
        assert rig.platform.requests == []

    @pytest.mark.parametrize("length", [24, 64])
    def test_shortest_and_longest_secret_with_and_without_padding(self, rig: WebhookRig, length: int) -> None:
        for written in (secret(9, length), secret(9, length).rstrip("=")):
            rig.platform.secret = written
            rig.send(token=written)
        assert len(rig.platform.taken) == 2


class TestEndpoints:
    @pytest.mark.parametrize(
        "endpoint",
        [
            "",
            "mailto:abuse@platform.example",
            "ftp://platform.example/x",
            "https://",
            "https://user:hunter2@platform.example/x",
            "https://platform.example:0/x",
            "https://platform.example:99999/x",
            "https://platform.example/a\r\nHost: other.example",
            "https://[::1",
            "platform.example/x",
        ],
    )
    def test_what_is_no_address_is_refused_without_repeating_it(self, rig: WebhookRig, endpoint: str) -> None:
        with pytest.raises(ChannelError, match="endpoint is not an https address") as caught:
            rig.send(endpoint=endpoint)
        assert not caught.value.retryable
        assert not endpoint or endpoint not in str(caught.value)

    def test_referrals_do_not_travel_unencrypted(self, rig: WebhookRig) -> None:
        for endpoint in ("http://platform.example/hooks/x", f"http://localhost:{rig.platform.server_address[1]}{PATH}"):
            with pytest.raises(ChannelError, match=r"unencrypted\. Agree an https address") as caught:
                rig.send(endpoint=endpoint)
            assert not caught.value.retryable
            assert "hooks" not in str(caught.value)
        assert rig.platform.requests == []

    def test_own_network_is_refused_for_good(self, rig: WebhookRig) -> None:
        with (
            Outbound(timeout=5) as strict,
            pytest.raises(ChannelError, match=r"may not be used: 10\.0\.0\.7") as caught,
        ):
            WebhookChannel(strict).send(
                replace(rig.address, endpoint=f"https://10.0.0.7{PATH}"), document(), idempotency_key="k"
            )
        assert not caught.value.retryable
        assert PATH not in str(caught.value)

    def test_path_of_the_endpoint_is_not_repeated(self, rig: WebhookRig) -> None:
        path = "/hooks/gone?key=private"
        with pytest.raises(ChannelError, match=r"takes no events at this address \(404\): Cannot POST") as caught:
            rig.send(endpoint=f"http://{rig.platform.where}{path}")
        assert "private" not in str(caught.value)
        assert "gone" not in str(caught.value)


@pytest.mark.parametrize(
    ("saying", "said", "retryable", "wait"),
    [
        (
            Saying(410, body=b"unsubscribed"),
            r"wants no more events .*\(410\): unsubscribed\. Nothing more",
            False,
            None,
        ),
        (Saying(301, {"Location": "/elsewhere"}), r"redirects \(301\), which is not followed", False, None),
        (Saying(307, {"Location": "http://169.254.169.254/"}), r"redirects \(307\)", False, None),
        (Saying(304), r"redirects \(304\)", False, None),
        (Saying(400, body=b"no"), r"does not accept this event \(400\): no\.", False, None),
        (Saying(409), r"does not accept this event \(409\)\.", False, None),
        (Saying(413), r"does not accept this event \(413\)\.", False, None),
        (Saying(403), r"does not accept the signature \(403\)\. Check the secret", False, None),
        (Saying(405), r"takes no events at this address \(405\)", False, None),
        (Saying(501), r"does not accept this event \(501\)", False, None),
        (Saying(408), r"answered 408\.", True, None),
        (Saying(500, body=b"<html>\x1b[2J" + b"y" * 20_000_000), r"answered 500: <html> \[2Jyyy", True, None),
        (Saying(502), r"answered 502\.", True, None),
        (Saying(521), r"answered 521\.", True, None),
        (Saying(429, {"Retry-After": "90"}), r"answered 429\.", True, 90.0),
        (Saying(503, {"Retry-After": " 7 "}), r"answered 503\.", True, 7.0),
        (Saying(503, {"Retry-After": "999999999"}), r"answered 503\.", True, 86_400.0),
        (Saying(503, {"Retry-After": "9" * 400}), r"answered 503\.", True, None),
        (Saying(503, {"Retry-After": "-1"}), r"answered 503\.", True, None),
        (Saying(503, {"Retry-After": "soon"}), r"answered 503\.", True, None),
        (Saying(503, {"Retry-After": "Mon, 99 Nov 2026 12:00:00 GMT"}), r"answered 503\.", True, None),
        (Saying(503, {"Retry-After": "Mon, 01 Jan 2001 00:00:00 GMT"}), r"answered 503\.", True, 0.0),
        (Saying(503, {"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}), r"answered 503\.", True, 86_400.0),
        (Saying(202, cut=True), "broke off", True, None),
        (Saying(202, {"Content-Encoding": "gzip"}, b"no gzip"), "broke off", True, None),
    ],
)
def test_every_other_answer_becomes_a_sentence(
    rig: WebhookRig, saying: Saying, said: str, retryable: bool, wait: float | None
) -> None:
    rig.platform.saying = saying
    with pytest.raises(ChannelError, match=said) as caught:
        rig.send()
    assert (caught.value.retryable, caught.value.retry_after) == (retryable, wait)
    assert isinstance(caught.value, EndpointGone) == (saying.status == 410)
    assert str(caught.value).endswith(".")
    assert len(str(caught.value)) < 500
    assert PATH not in str(caught.value)
    assert len(rig.platform.requests) == 1, "one call is one attempt"
    assert rig.platform.strays == 0, "no redirect is followed"


def test_date_to_come_back_is_counted_from_the_present(rig: WebhookRig) -> None:
    at = rig.now().replace(microsecond=0)
    later = at + dt.timedelta(seconds=600)
    rig.platform.saying = Saying(503, {"Retry-After": later.strftime("%a, %d %b %Y %H:%M:%S GMT")})
    with pytest.raises(ChannelError) as caught:
        rig.channel.send(rig.address, document(), idempotency_key="k", at=at)
    assert caught.value.retry_after == 600.0


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_success_is_one_whatever_else_is_said(rig: WebhookRig, status: int) -> None:
    rig.platform.saying = Saying(status, body=b"" if status == 204 else b"z" * 20_000_000)
    assert rig.send().evidence["status"] == status


def test_connection_without_an_answer_may_be_tried_again(rig: WebhookRig) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        where = f"127.0.0.1:{server.getsockname()[1]}"

        def hang_up() -> None:
            connection, _ = server.accept()
            connection.recv(100)
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        with Outbound(frozenset({where}), timeout=10) as outbound, pytest.raises(ChannelError) as caught:
            WebhookChannel(outbound).send(
                replace(rig.address, endpoint=f"http://{where}{PATH}"), document(), idempotency_key="k"
            )
        thread.join()
    assert caught.value.retryable
    assert PATH not in str(caught.value)
