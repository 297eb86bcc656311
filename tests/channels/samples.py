"""Referral documents for tests of anything that sends or takes one."""

import datetime as dt
import hashlib
from typing import Any
from uuid import uuid4

from seawall.channels import ReferralDocument

SENT_AT = dt.datetime(2026, 11, 2, 9, 30, tzinfo=dt.UTC)

LEGAL = {
    "act": "Offences against the Person Act 1861",
    "section": "section 16",
    "elements": [
        {"text": "A threat to kill", "met": True, "reasons": "The post says that it will be done."},
        {"text": "Intent that it be feared", "met": True, "reasons": "It is addressed to the person by name."},
    ],
    "defences": [{"text": "Lawful excuse", "may_succeed": False, "reasons": "Nothing points to one."}],
}
TERM = {"rule": "Community rule 4", "dated": "2026-03-01"}


def as_dict(**changes: Any) -> dict[str, Any]:
    """Return a valid document as JSON values, with `changes` at its top level."""
    text = changes.pop("text", "a post")
    native_id = changes.pop("native_id", "p1")
    return {
        "schema": "seawall-referral/1",
        "referral_id": str(uuid4()),
        "kind": "voluntary",
        "harm": {"id": "vio-threat", "title": "Threat of violence", "code_version": "uk-2026.1"},
        "platform": "harbour",
        "content": {
            "native_id": native_id,
            "url": f"https://platform.example/posts/{native_id}",
            "text_sha256": hashlib.sha256(text.encode()).hexdigest(),
        },
        "grounds": {"legal": [], "term": TERM},
        "requested_action": "remove",
        "clock": {"due_seconds": 3600, "basis": "code", "citation": "uk-2026, vio-threat"},
        "referrer": {"organisation": "Example hub", "type": "hub", "state_body": False},
        "explanation": "The post threatens a named person.",
        "sent_at": SENT_AT.isoformat(),
        "good_faith": True,
        "demonstration": True,
        **changes,
    }


def document(**changes: Any) -> ReferralDocument:
    """Return a valid document, with `changes` at its top level."""
    return ReferralDocument.model_validate(as_dict(**changes))
