"""The referral document: what the schema lets through and what it turns back."""

import copy
import hashlib
import json
from typing import Any

import pydantic
import pytest
import rfc8785
from tests.channels.samples import LEGAL, TERM, as_dict, document

from seawall.channels import DocumentInvalid, ReferralDocument, Withdrawal
from seawall.channels.document import problems


def test_canonical_json_round_trips_and_is_rfc_8785() -> None:
    made = document(explanation="Ünïcode \U0001f30a", grounds={"legal": [LEGAL], "term": TERM})
    raw = made.to_json()
    assert raw == rfc8785.dumps(json.loads(raw))
    assert ReferralDocument.parse(raw) == made
    assert ReferralDocument.parse(raw).to_json() == raw
    assert raw.startswith(b'{"clock":'), "members are in canonical order"


def test_time_is_written_in_utc_whatever_zone_it_came_in() -> None:
    made = document(sent_at="2026-11-02T10:30:00+01:00")
    assert made.to_dict()["sent_at"] == "2026-11-02T09:30:00Z"


def test_document_cannot_be_changed() -> None:
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        document().explanation = "other"


def _with(path: str, value: Any) -> dict[str, Any]:
    made = copy.deepcopy(as_dict(grounds={"legal": [LEGAL], "term": TERM}))
    target: Any = made
    *parents, last = path.split(".")
    for part in parents:
        target = target[int(part) if part.isdigit() else part]
    target[int(last) if last.isdigit() else last] = value
    return made


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("grounds", {"legal": [], "term": None}, "has neither"),  # the rule this schema exists for
        ("grounds", {}, "has neither"),
        ("grounds.term.dated", None, "dated"),  # an undated term is no ground
        ("grounds.term.dated", "2026-11-03", "after the referral was sent"),
        ("grounds.legal.0.elements", [], "elements"),
        ("grounds.legal.0.elements.1.met", False, "element 2 .* is not met"),
        ("grounds.legal.0.elements.1.met", "yes", "met"),  # a judgement is not coerced
        ("grounds.legal.0.elements.0.reasons", "  ", "blank"),
        ("grounds.legal.0.defences.0.may_succeed", True, "defence 1 .* may succeed"),
        ("schema", "seawall-referral/2", "schema"),
        ("referral_id", "17", "referral_id"),
        ("kind", "order", "kind"),
        ("harm.id", "Vio Threat", "harm.id"),
        ("content.url", "javascript:alert(1)", "http or https"),
        ("content.text_sha256", "ABC", "text_sha256"),
        ("content.native_id", "a\x00b", "NUL"),
        ("clock.due_seconds", 0, "due_seconds"),
        ("clock.due_seconds", 1.5, "due_seconds"),
        ("clock", {"due_seconds": 60, "basis": "statute", "citation": " "}, "citation"),
        ("referrer.type", "police", "state body"),  # a state source is always flagged
        ("referrer.type", "friend", "referrer.type"),
        ("explanation", "x" * 5_001, "explanation"),
        ("sent_at", "2026-11-02T09:30:00", "sent_at"),  # naive
        ("good_faith", False, "good_faith"),
        ("demonstration", "true", "demonstration"),
        ("remark", "x", "remark"),  # nothing unknown passes
    ],
)
def test_invalid_document_is_turned_back_naming_the_field(path: str, value: Any, said: str) -> None:
    with pytest.raises(DocumentInvalid, match=said) as caught:
        ReferralDocument.parse(json.dumps(_with(path, value)).encode())
    assert all(problem.field and problem.problem for problem in caught.value.problems)


def test_notice_needs_a_legal_ground() -> None:
    with pytest.raises(DocumentInvalid, match="notice of illegality needs a legal ground"):
        ReferralDocument.parse(json.dumps(as_dict(kind="notice_of_illegality")).encode())
    assert document(kind="notice_of_illegality", grounds={"legal": [LEGAL]}).grounds.term is None


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"schema": "seawall-referral/1"}', b"[" * 100_000],
)
def test_what_is_no_document_at_all_is_turned_back(raw: bytes) -> None:
    with pytest.raises(DocumentInvalid):
        ReferralDocument.parse(raw)


def test_lone_surrogate_is_turned_back_before_it_can_break_the_hash() -> None:
    with pytest.raises(DocumentInvalid):
        ReferralDocument.parse(json.dumps(as_dict(explanation="\ud800 broken")).encode())
    with pytest.raises(pydantic.ValidationError):
        document(explanation="\ud800 broken")


def test_message_does_not_repeat_what_was_sent() -> None:
    with pytest.raises(DocumentInvalid) as caught:
        ReferralDocument.parse(json.dumps(as_dict(requested_action="a private matter")).encode())
    assert "private matter" not in str(caught.value)


def _withdrawal(**changes: Any) -> dict[str, Any]:
    return {
        "schema": "seawall-withdrawal/1",
        "referral_id": "6f1c1a80-7d52-4a52-9d0f-0d7cf8f0a001",
        "platform": "harbour",
        "url": "https://platform.example/posts/p1",
        "reasons": "Ünïcode \U0001f30a",
        "by": "referrer",
        "restore": True,
        "sent_at": "2026-11-02T10:30:00+01:00",
        "demonstration": True,
        **changes,
    }


def test_withdrawal_is_canonical_json_in_utc_and_round_trips() -> None:
    made = Withdrawal.model_validate_json(json.dumps(_withdrawal()))
    raw = made.to_json()
    assert raw == rfc8785.dumps(json.loads(raw))
    assert json.loads(raw) == _withdrawal(sent_at="2026-11-02T09:30:00Z")
    assert Withdrawal.model_validate_json(raw) == made
    assert made.sha256() == hashlib.sha256(raw).hexdigest()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"schema": "seawall-referral/1"}, "schema"),
        ({"referral_id": "17"}, "referral_id"),
        ({"platform": " "}, "platform"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"url": "https://platform.example/" + "x" * 2_048}, "url"),
        ({"reasons": ""}, "reasons"),  # nothing is taken back without saying why
        ({"reasons": "a\x00b"}, "reasons"),
        ({"reasons": "x" * 5_001}, "reasons"),
        ({"by": "somebody"}, "by"),
        ({"restore": "yes"}, "restore"),
        ({"sent_at": "2026-11-02T09:30:00"}, "sent_at"),
        ({"demonstration": 1}, "demonstration"),
        ({"remark": "x"}, "remark"),
    ],
)
def test_invalid_withdrawal_is_turned_back_naming_the_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(pydantic.ValidationError) as caught:
        Withdrawal.model_validate_json(json.dumps(_withdrawal(**changes)))
    assert [problem.field for problem in problems(caught.value)] == [field]


def test_oversized_document_is_turned_back_unread() -> None:
    with pytest.raises(DocumentInvalid, match="longer than 262144 bytes"):
        ReferralDocument.parse(b" " * 300_000)
