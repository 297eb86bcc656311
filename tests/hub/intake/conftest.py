"""What tests of the intake begin with: an organisation's key, and reports as its software sends them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from tests.channels.samples import document
from tests.channels.xarf_samples import HUB
from tests.support.hub import ACTOR, SmallHub

from seawall.channels import ReferralDocument
from seawall.channels.xarf_report import to_report
from seawall.hub.directory import services as directory
from seawall.hub.intake.models import IncomingReport


def key_of(hub: SmallHub, organisation: str) -> str:
    """A new key of an organisation's software."""
    _made, secret = directory.give_api_key(organisation=hub.organisations[organisation], name="Intake", actor=ACTOR)
    return secret


def referral(
    url: str = "https://alpha.example/posts/p1", *, harm: str = "vio-threat", **changes: Any
) -> ReferralDocument:
    """A referral that another hub makes in earnest."""
    named = {"id": harm, "title": "A harm", "code_version": "uk-2026.1"}
    content = {"native_id": "p1", "url": url, "text_sha256": "5" * 64}
    return document(**{"demonstration": False, "harm": named, "content": content, **changes})


def plain(kind: str = "content/fraud", **changes: Any) -> dict[str, Any]:
    """A XARF report by software that knows nothing of referrals."""
    category, name = kind.split("/")
    return {
        "xarf_version": "4.2.0",
        "report_id": str(uuid4()),
        "timestamp": "2026-11-02T09:30:00Z",
        "reporter": {"org": "Other desk", "contact": "desk@other.example", "domain": "other.example"},
        "sender": {"org": "Other hub", "contact": "desk@other.example", "domain": "other.example"},
        "source_identifier": "alpha.example",
        "category": category,
        "type": name,
        **({"fraud_type": "other"} if kind == "content/fraud" else {}),
        **({"protocol": "chat"} if kind == "messaging/spam" else {}),
        **({"url": "https://alpha.example/posts/p9"} if category == "content" else {}),
        **changes,
    }


def enveloped(report: dict[str, Any] | ReferralDocument, **changes: Any) -> bytes:
    """A request's body."""
    held = to_report(report, sender=HUB) if isinstance(report, ReferralDocument) else report
    return json.dumps({"report": {"xarf": held}, **changes}).encode()


@dataclass
class Software:
    """An organisation's software with its key."""

    key: str

    def post(self, path: str, body: bytes, *, token: str | None = None, media: str = "application/json") -> Any:
        headers = {"Authorization": f"Bearer {self.key}"}
        if token is not None:
            headers["Idempotency-Key"] = token
        return Client().post(path, data=body, content_type=media, headers=headers)

    def report(self, report: dict[str, Any] | ReferralDocument, *, token: str | None = None) -> Any:
        return self.post("/xarf/reports", enveloped(report), token=token or str(uuid4()))

    def state(self, report_id: str) -> Any:
        return Client().get(f"/xarf/reports/{report_id}", headers={"Authorization": f"Bearer {self.key}"})

    def taken(self, report: dict[str, Any] | ReferralDocument) -> IncomingReport:
        """The report as the hub keeps it."""
        answer = self.report(report)
        assert answer.status_code == 202, answer.content
        return IncomingReport.objects.select_related("organisation", "case__desk", "case__content").get(
            pk=answer.json()["reportId"]
        )


@pytest.fixture
def software(hub: SmallHub) -> Software:
    """The software of Beta, a platform."""
    return Software(key_of(hub, "beta"))
