"""Referrals to try things on, and a platform that does as it is told, without a network."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from tests.support.hub import SmallHub

from seawall import channels
from seawall.hub import moment
from seawall.hub.casework import services as casework
from seawall.hub.casework.form import Form
from seawall.hub.referrals import answers, services, withdrawals
from seawall.hub.referrals.models import Referral
from seawall.outbound import Outbound
from seawall.probes import Observation

BEGIN = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=20)
"""When the story of a played test begins: a moment in the past, since nothing is played in the future."""


def at(**after: float) -> AbstractContextManager[None]:
    """Let it be so long after the beginning."""
    return moment.demonstration_at(BEGIN + timedelta(**after))


@dataclass
class ToldPlatform:
    """A channel that receipts with the present moment, or raises what it is told to; and lists the answers that it is given."""

    failures: list[Exception] = field(default_factory=list)
    listed: list[channels.Answer] = field(default_factory=list)
    skew: timedelta = timedelta(0)
    receipts: dict[str, channels.Receipt] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    informed: list[tuple[str, str]] = field(default_factory=list)
    asked_after: list[str | None] = field(default_factory=list)
    reference: str = ""

    withdrawn: list[str] = field(default_factory=list)

    name = "http"

    def withdraw(
        self,
        address: channels.Address,
        reference: str,
        withdrawal: channels.Withdrawal,
        *,
        idempotency_key: str,
        at: datetime | None = None,
    ) -> channels.Receipt:
        self.withdrawn.append(idempotency_key)
        self._fail()
        return channels.Receipt(
            reference=reference or "REF-W",
            referral_id=str(withdrawal.referral_id),
            document_sha256=withdrawal.sha256(),
            received_at=moment.now(),
            signature="-",
        )

    def send(
        self,
        address: channels.Address,
        document: channels.ReferralDocument,
        *,
        idempotency_key: str,
        at: datetime | None = None,
    ) -> channels.Receipt:
        self.sent.append(idempotency_key)
        if idempotency_key not in self.receipts:
            self.receipts[idempotency_key] = channels.Receipt(
                reference=self.reference or f"REF-{len(self.receipts) + 1}",
                referral_id=str(document.referral_id),
                document_sha256=document.sha256(),
                received_at=moment.now() + self.skew,
                signature="-",
            )
        self._fail()
        return self.receipts[idempotency_key]

    def answers(self, address: channels.Address, reference: str, *, after: str | None = None) -> list[channels.Answer]:
        self.asked_after.append(after)
        self._fail()
        return list(self.listed)

    def inform(self, address: channels.Address, reference: str, text: str, idempotency_key: str) -> None:
        self._fail()
        self.informed.append((idempotency_key, text))

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)

    def says(
        self, status: str, reason: str | None = None, *, at: datetime | None = None, answer_id: str = ""
    ) -> channels.Answer:
        """Add an answer to the list, given at this moment unless said otherwise."""
        made = channels.Answer(
            answer_id=answer_id or f"A{len(self.listed) + 1}",
            reference="REF-1",
            at=at or moment.now(),
            status=status,  # type: ignore[arg-type]
            reason_code=reason,  # type: ignore[arg-type]
            detail="As we see it.",
            puid="p-1" if reason == "ACTIONED" else None,
            actions=("removed",) if reason == "ACTIONED" else (),
            signature="-",
        )
        self.listed.append(made)
        return made

    def asks(self, *, at: datetime | None = None, answer_id: str = "") -> channels.Answer:
        return self.says("PROCESSING", "NEED_MORE_INFORMATION", at=at, answer_id=answer_id)

    def decides(self, reason: str = "ACTIONED", *, at: datetime | None = None, answer_id: str = "") -> channels.Answer:
        return self.says("COMPLETED", reason, at=at, answer_id=answer_id)


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> ToldPlatform:
    made = ToldPlatform()
    monkeypatch.setattr(services, "channel_of", lambda _referral: made)
    monkeypatch.setattr(answers, "channel_of", lambda _referral: made)
    monkeypatch.setattr(withdrawals, "channel_of", lambda _referral: made)
    return made


Look = Callable[[str], None]


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch) -> Look:
    """Say what the probe sees from now on: up, removed, restricted, edited, moved or unreachable."""
    seen = ["up"]
    asked: list[str | None] = []

    def probe(url: str, *, outbound: Outbound, at: datetime, expected_text: str | None = None) -> Observation:
        asked.append(expected_text)
        return Observation(seen[0], 200, url, None, at, "As told.", "status")  # type: ignore[arg-type]

    def tell(state: str) -> None:
        seen[0] = state

    tell.asked = asked  # type: ignore[attr-defined]
    monkeypatch.setattr("seawall.probes.get", lambda _name: probe)
    return tell


def referred(
    hub: SmallHub, form: Form | None = None, *, harm: str = "abuse-harassment", platform: str = "alpha"
) -> Referral:
    """A referral that was decided, reviewed and prepared at this moment."""
    decision = hub.decided(form or hub.referral_form(harm, platform=platform), harm=harm, platform=platform)
    if decision.second_review_needed:
        casework.review(
            decision=decision, person=hub.people["reviewer"], concurs=True, reasons="I read it the same way."
        )
    return services.prepare(decision_id=decision.pk)


def received(hub: SmallHub, form: Form | None = None, *, harm: str = "abuse-harassment") -> Referral:
    """A referral whose clock runs since this moment; needs the `platform` fixture."""
    return services.deliver(referral_id=referred(hub, form, harm=harm).pk)
