"""Receipts and answers: believed only when signed, complete and for the right referral."""

import base64
import datetime as dt
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.channels.samples import SENT_AT, document

from seawall import channels
from seawall.channels import Address, Answer, AnswerInvalid, ChannelError, HttpChannel, Receipt, ReceiptInvalid, signing
from seawall.channels.base import stamp

KEY = Ed25519PrivateKey.generate()
ADDRESS = Address("https://platform.example/api", signing.encode(KEY.public_key().public_bytes_raw()), "secret-token")
DOCUMENT = document()


def receipt(**changes: Any) -> dict[str, Any]:
    return {
        "schema": "seawall-receipt/1",
        "reference": "REF-1",
        "referral_id": str(DOCUMENT.referral_id),
        "document_sha256": DOCUMENT.sha256(),
        "received_at": stamp(SENT_AT + dt.timedelta(seconds=2)),
        **changes,
    }


def answer(**changes: Any) -> dict[str, Any]:
    return {
        "schema": "seawall-answer/1",
        "answer_id": "REF-1.1",
        "reference": "REF-1",
        "at": stamp(SENT_AT + dt.timedelta(hours=1)),
        "status": "COMPLETED",
        "reason_code": "ACTIONED",
        "detail": "The post was removed.",
        "puid": "p-1",
        "actions": ["removed"],
        **changes,
    }


def read_receipt(value: object, at: dt.datetime | None = None) -> Receipt:
    return Receipt.verified(value, address=ADDRESS, document=DOCUMENT, at=at)


def read_answer(value: object) -> Answer:
    return Answer.verified(value, address=ADDRESS, reference="REF-1")


def test_signed_receipt_is_read_and_can_be_checked_again_from_what_is_kept() -> None:
    signed = signing.sign(KEY, receipt())
    read = read_receipt(signed)
    assert read.received_at == SENT_AT + dt.timedelta(seconds=2)
    assert read.to_dict() == signed
    assert read_receipt(read.to_dict()) == read


@pytest.mark.parametrize("field", ["reference", "referral_id", "document_sha256", "received_at", "schema"])
def test_receipt_changed_after_signing_is_not_believed(field: str) -> None:
    signed = signing.sign(KEY, receipt())
    changed = signed[field][:-1] + ("0" if signed[field][-1] != "0" else "1")
    with pytest.raises(ReceiptInvalid) as caught:
        read_receipt({**signed, field: changed})
    assert caught.value.retryable is False


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"referral_id": "6f1c1a80-7d52-4a52-9d0f-0d7cf8f0a001"}, "is for referral 6f1c1a80"),
        ({"document_sha256": "0" * 64}, "another text"),
        ({"received_at": stamp(SENT_AT - dt.timedelta(minutes=6))}, "before the referral was sent"),
        ({"received_at": "2026-11-02T09:30:00"}, "no zone"),
        ({"received_at": "yesterday"}, "RFC 3339"),
        ({"reference": "two words"}, "without spaces"),
        ({"reference": 7}, "reference"),
        ({"schema": "seawall-answer/1"}, "not a seawall-receipt/1"),
    ],
)
def test_rightly_signed_receipt_that_does_not_fit_is_not_believed(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ReceiptInvalid, match=said):
        read_receipt(signing.sign(KEY, receipt(**changes)))


def test_receipt_from_the_future_would_move_the_clock_and_is_not_believed() -> None:
    signed = signing.sign(KEY, receipt(received_at=stamp(SENT_AT + dt.timedelta(hours=2))))
    with pytest.raises(ReceiptInvalid, match="after the present"):
        read_receipt(signed, at=SENT_AT + dt.timedelta(minutes=1))
    assert read_receipt(signed, at=SENT_AT + dt.timedelta(hours=2))


def test_receipt_by_another_key_or_without_signature_is_not_believed() -> None:
    for value in (signing.sign(Ed25519PrivateKey.generate(), receipt()), {**receipt(), "signature": ""}):
        with pytest.raises(ReceiptInvalid, match="not signed by the key agreed"):
            read_receipt(value)
    with pytest.raises(ReceiptInvalid, match="lacks signature"):
        read_receipt(receipt())


@pytest.mark.parametrize("value", [None, [], "x", {}, {"schema": "seawall-receipt/1"}, {**receipt(), "signature": 5}])
def test_what_is_no_receipt_is_not_believed(value: object) -> None:
    with pytest.raises(ReceiptInvalid):
        read_receipt(value)


@pytest.mark.parametrize("key", ["", "short", "!!", base64.b64encode(b"x" * 31).decode(), "ä"])
def test_key_that_is_no_key_is_said_to_be_none(key: str) -> None:
    with pytest.raises(ReceiptInvalid, match="public key is not an Ed25519 key"):
        Receipt.verified(
            signing.sign(KEY, receipt()), address=Address("https://platform.example", key, "t"), document=DOCUMENT
        )


def test_signed_answer_is_read_and_can_be_checked_again_from_what_is_kept() -> None:
    signed = signing.sign(KEY, answer())
    read = read_answer(signed)
    assert (read.status, read.reason_code, read.puid, read.actions) == ("COMPLETED", "ACTIONED", "p-1", ("removed",))
    assert read_answer(read.to_dict()) == read


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"puid": None}, "without a puid"),
        ({"puid": ""}, "puid is not"),
        ({"puid": "a b"}, "puid is not"),
        ({"puid": "x" * 501}, "puid is not"),
        ({"status": "DONE"}, "must be one of"),
        ({"status": ["COMPLETED"]}, "must be one of"),
        ({"reason_code": "BECAUSE"}, "is none of"),
        ({"reason_code": None}, "without a reason code"),
        ({"status": "PROCESSING"}, "while it is still PROCESSING"),
        ({"reference": "REF-2"}, "not for 'REF-1'"),
        ({"actions": "removed"}, "list of words"),
        ({"at": "soon"}, "RFC 3339"),
        ({"detail": "a\x00"}, "detail"),
    ],
)
def test_rightly_signed_answer_that_does_not_fit_is_not_believed(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(AnswerInvalid, match=said) as caught:
        read_answer(signing.sign(KEY, answer(**changes)))
    assert caught.value.retryable is False


@pytest.mark.parametrize("field", ["at", "detail", "puid", "answer_id", "status"])
def test_answer_changed_after_signing_is_not_believed(field: str) -> None:
    with pytest.raises(AnswerInvalid, match="not signed"):
        read_answer({**signing.sign(KEY, answer()), field: "QUEUED"})


def test_receipt_cannot_be_passed_off_as_an_answer() -> None:
    with pytest.raises(AnswerInvalid):
        read_answer({**signing.sign(KEY, receipt()), "schema": "seawall-answer/1"})


def test_number_that_canonical_json_cannot_hold_is_a_bad_signature_not_a_crash() -> None:
    for strange in (2**60, float("inf"), float("nan")):
        with pytest.raises(AnswerInvalid, match="not signed"):
            read_answer({**signing.sign(KEY, answer()), "extra": strange})


def test_token_is_not_printed() -> None:
    assert "secret-token" not in repr(ADDRESS)


def test_registry_knows_http_and_names_what_exists() -> None:
    assert channels.get("http") is HttpChannel
    assert "http" in channels.names()
    with pytest.raises(LookupError, match=r"this installation has: .*http"):
        channels.get("pigeon")
    assert issubclass(ReceiptInvalid, ChannelError)
