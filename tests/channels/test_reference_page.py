"""The protocol's reference page, held to what the program does."""

import json
import re
from pathlib import Path
from typing import get_args

import pytest

from seawall.channels import ReasonCode, ReferralDocument, Status
from seawall.channels.base import Answer, Receipt
from seawall.channels.document import MAX_DOCUMENT_BYTES, ReferrerType, RequestedAction

PAGE = (Path(__file__).parents[2] / "docs/reference/referral-protocol.md").read_text("utf-8")
BLOCKS = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]


def block(schema: str) -> dict[str, object]:
    flat = [*BLOCKS, *(answer for found in BLOCKS for answer in found.get("answers", []))]
    return next(found for found in flat if found.get("schema") == schema)


def test_example_is_a_valid_referral_with_every_field() -> None:
    made = ReferralDocument.parse(json.dumps(block("seawall-referral/1")).encode())
    assert made.to_dict() == block("seawall-referral/1")


@pytest.mark.parametrize(("schema", "kind"), [("seawall-receipt/1", Receipt), ("seawall-answer/1", Answer)])
def test_signed_examples_have_every_field(schema: str, kind: type) -> None:
    assert set(block(schema)) == {*kind.__dataclass_fields__, "schema"}


@pytest.mark.parametrize(
    "word",
    [*get_args(Status), *get_args(ReasonCode), *get_args(RequestedAction), *get_args(ReferrerType)],
)
def test_every_word_of_the_protocol_is_explained(word: str) -> None:
    assert f"`{word}`" in PAGE


def test_limits_are_those_of_the_program() -> None:
    assert f"{MAX_DOCUMENT_BYTES:,} bytes" in PAGE
