"""The protocol's reference page, held to what the program does."""

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from seawall.channels import Address, Proof, ReasonCode, ReferralDocument, Status, Withdrawal, signing
from seawall.channels.base import Answer, Receipt, Sent
from seawall.channels.document import MAX_DOCUMENT_BYTES, Kind, ReferrerType, RequestedAction

PAGE = (Path(__file__).parents[2] / "docs/reference/referral-protocol.md").read_text("utf-8")
BLOCKS = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]

KEY = Ed25519PrivateKey.from_private_bytes(
    bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
)
"""RFC 8032, section 7.1, test 1: known to everybody."""
ADDRESS = Address("https://platform.example/api", signing.encode(KEY.public_key().public_bytes_raw()), "t")


def blocks(schema: str) -> list[dict[str, Any]]:
    flat = [*BLOCKS, *(answer for found in BLOCKS for answer in found.get("answers", []))]
    return [found for found in flat if found.get("schema") == schema]


def referral() -> ReferralDocument:
    (block,) = blocks("seawall-referral/1")
    return ReferralDocument.parse(json.dumps(block).encode())


def withdrawal() -> Withdrawal:
    (block,) = blocks("seawall-withdrawal/1")
    return Withdrawal.model_validate_json(json.dumps(block))


def test_examples_are_valid_and_have_every_field() -> None:
    assert [referral().to_dict()] == blocks("seawall-referral/1")
    assert [withdrawal().to_dict()] == blocks("seawall-withdrawal/1")
    assert withdrawal().referral_id == referral().referral_id
    assert (withdrawal().platform, withdrawal().url) == (referral().platform, referral().content.url)


def test_receipts_are_for_the_examples_and_signed_by_the_key_that_the_page_names() -> None:
    assert f"`{ADDRESS.public_key}`" in PAGE
    documents: tuple[Sent, ...] = (referral(), withdrawal())
    for block, sent in zip(blocks("seawall-receipt/1"), documents, strict=True):
        read = Receipt.verified(block, address=ADDRESS, document=sent)
        assert read.to_dict() == block == signing.sign(KEY, block)


def test_answer_is_signed_too() -> None:
    (block,) = blocks("seawall-answer/1")
    reference = blocks("seawall-receipt/1")[0]["reference"]
    read = Answer.verified(block, address=ADDRESS, reference=reference)
    assert read.to_dict() == block == signing.sign(KEY, block)


def test_receipt_without_a_signature_is_kept_as_the_page_shows() -> None:
    (block,) = blocks("seawall-handover/1")
    made = Receipt.unsigned(
        referral(),
        reference=block["reference"],
        received_at=dt.datetime.fromisoformat(block["received_at"]),
        proof=block["proof"],
        evidence=block["evidence"],
    )
    assert made.to_dict() == block


@pytest.mark.parametrize(
    "word",
    [
        *get_args(Status),
        *get_args(ReasonCode),
        *get_args(RequestedAction),
        *get_args(ReferrerType),
        *get_args(Kind),
        *get_args(Proof),
        *get_args(Withdrawal.model_fields["by"].annotation),
    ],
)
def test_every_word_of_the_protocol_is_explained(word: str) -> None:
    assert f"`{word}`" in PAGE


@pytest.mark.parametrize("field", [*ReferralDocument.model_fields, *Withdrawal.model_fields])
def test_every_field_of_what_is_sent_is_named(field: str) -> None:
    assert f"`{field.removesuffix('_')}" in PAGE


def test_limits_are_those_of_the_program() -> None:
    assert f"{MAX_DOCUMENT_BYTES:,} bytes" in PAGE
