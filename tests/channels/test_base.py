"""Receipts and answers: believed only when signed, complete and for the right referral."""

import base64
import datetime as dt
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.channels.samples import SENT_AT, document

from seawall import channels
from seawall.channels import (
    Address,
    Answer,
    AnswerInvalid,
    ChannelError,
    Equipment,
    HttpChannel,
    MailSettings,
    NotCarried,
    Receipt,
    ReceiptInvalid,
    signing,
)
from seawall.channels.base import stamp
from seawall.outbound import Outbound

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
        ({"received_at": stamp(SENT_AT - dt.timedelta(minutes=6))}, "before the document was sent"),
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


@pytest.mark.parametrize("proof", ["acknowledged", "accepted", "stated"])
def test_receipt_that_nobody_signed_says_how_sure_it_is(proof: Any) -> None:
    made = Receipt.unsigned(
        DOCUMENT,
        reference="<1@hub.example>",
        received_at=dt.datetime(2026, 11, 2, 10, 30, tzinfo=dt.timezone(dt.timedelta(hours=1))),
        proof=proof,
        evidence={"said": "250 OK"},
    )
    assert made.received_at == SENT_AT
    assert made.received_at.tzinfo is dt.UTC
    assert made.to_dict() == {
        "schema": "seawall-handover/1",
        "reference": "<1@hub.example>",
        "referral_id": str(DOCUMENT.referral_id),
        "document_sha256": DOCUMENT.sha256(),
        "received_at": stamp(SENT_AT),
        "proof": proof,
        "evidence": {"said": "250 OK"},
    }


def test_receipt_that_nobody_signed_is_not_believed_as_a_signed_one() -> None:
    kept = Receipt.unsigned(DOCUMENT, reference="R", received_at=SENT_AT, proof="accepted", evidence={}).to_dict()
    for value in (kept, signing.sign(KEY, kept), {**kept, "schema": "seawall-receipt/1", "signature": ""}):
        with pytest.raises(ReceiptInvalid):
            read_receipt(value)


@pytest.mark.parametrize("reference", ["", "two words", "a\nb", "a\x00b", "ä", "x" * 201, "a\n"])
def test_reference_that_cannot_be_kept_is_no_receipt(reference: str) -> None:
    with pytest.raises(ReceiptInvalid, match="printable characters"):
        Receipt.unsigned(DOCUMENT, reference=reference, received_at=SENT_AT, proof="stated", evidence={})


def test_receipt_at_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        Receipt.unsigned(DOCUMENT, reference="R", received_at=SENT_AT.replace(tzinfo=None), proof="stated", evidence={})


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
        ({"status": "DISPUTED"}, "while it is still DISPUTED"),
        ({"status": "DISPUTED", "reason_code": None, "detail": ""}, "DISPUTED without a word of why"),
        ({"status": "APPEALED", "reason_code": None, "detail": " \n"}, "APPEALED without a word of why"),
        ({"status": "DISPUTED", "reason_code": None, "detail": ["wrong"]}, "detail"),
        ({"reason_code": "IMPOSSIBLE_NOW"}, "impossible for now"),
        ({"reference": "REF-2"}, "not for 'REF-1'"),
        ({"actions": "removed"}, "list of words"),
        ({"actions": [""]}, "list of words"),
        ({"actions": ["a\x00"]}, "list of words"),
        ({"actions": ["a" * 201]}, "list of words"),
        ({"actions": ["removed"] * 21}, "list of words"),
        ({"answer_id": ""}, "answer's id"),
        ({"answer_id": "a b"}, "answer's id"),
        ({"answer_id": "a" * 201}, "answer's id"),
        ({"at": "soon"}, "RFC 3339"),
        ({"detail": "a\x00"}, "detail"),
    ],
)
def test_answer_that_does_not_fit_is_not_believed_signed_or_not(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(AnswerInvalid, match=said) as caught:
        read_answer(signing.sign(KEY, answer(**changes)))
    assert caught.value.retryable is False
    with pytest.raises(AnswerInvalid, match=said):
        Answer.unsigned(answer(**changes), reference="REF-1", proof="acknowledged")


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("RECEIVED", None),
        ("QUEUED", None),
        ("PROCESSING", None),
        ("PROCESSING", "NEED_MORE_INFORMATION"),
        ("PROCESSING", "IMPOSSIBLE_NOW"),
        ("DISPUTED", None),
        ("APPEALED", None),
    ],
)
def test_every_status_before_or_beside_a_decision_is_read(status: str, reason: str | None) -> None:
    value = answer(status=status, reason_code=reason, detail="It is a quotation.", puid=None, actions=[])
    read = read_answer(signing.sign(KEY, value))
    assert (read.status, read.reason_code, read.detail) == (status, reason, "It is a quotation.")


@pytest.mark.parametrize("proof", ["acknowledged", "accepted", "stated"])
def test_answer_that_nobody_signed_says_how_sure_it_is(proof: Any) -> None:
    read = Answer.unsigned(answer(), reference="REF-1", proof=proof)
    assert (read.status, read.proof, read.signature) == ("COMPLETED", proof, "")
    assert read.to_dict() == {**answer(), "proof": proof}
    assert Answer.unsigned(read.to_dict(), reference="REF-1", proof=proof) == read


def test_answer_that_nobody_signed_is_not_believed_as_a_signed_one_nor_keeps_a_signature() -> None:
    kept = Answer.unsigned(answer(), reference="REF-1", proof="stated").to_dict()
    for value in (kept, {**kept, "signature": ""}):
        with pytest.raises(AnswerInvalid):
            read_answer(value)
    claimed = Answer.unsigned({**answer(), "signature": "x", "proof": "signed"}, reference="REF-1", proof="stated")
    assert claimed.to_dict() == kept


@pytest.mark.parametrize("value", [None, [], "x", {}, {"schema": "seawall-answer/1"}])
def test_what_is_no_answer_is_not_read(value: object) -> None:
    with pytest.raises(AnswerInvalid):
        Answer.unsigned(value, reference="REF-1", proof="stated")


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


def test_secrets_are_not_printed() -> None:
    address = Address("https://platform.example", "key", "secret-token", {"password": "secret-setting"})
    mail = MailSettings("mail.example", 25, "hub@hub.example", "answers@hub.example", password="secret-password")
    with Outbound() as outbound:
        equipment = Equipment(
            outbound, hub_url="https://hub.example", signing_key=KEY, actor_key="secret-pem", mail=mail
        )
        shown = f"{address!r} {address} {mail!r} {equipment!r} {[address, mail, equipment]}"
    assert "secret" not in shown
    assert all(told in shown for told in ("https://platform.example", "mail.example", "https://hub.example"))


def test_what_a_channel_cannot_carry_is_not_tried_again() -> None:
    assert NotCarried("Tell the platform by hand.").retryable is False
    assert issubclass(NotCarried, ChannelError)


def test_registry_knows_http_and_names_what_exists() -> None:
    assert channels.get("http") is HttpChannel
    assert "http" in channels.names()
    with pytest.raises(LookupError, match=r"this installation has: .*http"):
        channels.get("pigeon")
    assert issubclass(ReceiptInvalid, ChannelError)
