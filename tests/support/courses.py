"""Referrals driven through the services in a played time, against a platform that lives in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal, Self

import pytest

from seawall import channels, probes
from seawall.channels.base import ReasonCode, Status
from seawall.hub import moment
from seawall.hub.casework import services as casework
from seawall.hub.casework.models import Origin
from seawall.hub.referrals import reach, withdrawals
from seawall.hub.referrals import services as referrals
from seawall.hub.referrals.models import Checkpoint, Referral
from seawall.probes.base import Observation, State
from tests.support.hub import ACTOR, SmallHub

BEGIN = datetime.now(UTC) - timedelta(days=8)
"""When the courses that tests play begin: so long ago that a week's look lies in the past too."""
HOUR = timedelta(hours=1)


class MemoryChannel:
    """A channel whose platform signs nothing and loses nothing: what it is to answer is put into `replies`, by reference."""

    name: ClassVar[str] = "memory"
    proof: ClassVar[channels.Proof] = "signed"
    answering: ClassVar[Literal["polled", "delivered", "never"]] = "polled"
    idempotent: ClassVar[bool] = True
    withdraws: ClassVar[bool] = False
    settings: ClassVar[tuple[channels.Setting, ...]] = ()

    @classmethod
    def equipped(cls, equipment: channels.Equipment) -> Self:
        return cls()

    def withdraw(
        self,
        address: channels.Address,
        reference: str,
        withdrawal: channels.Withdrawal,
        *,
        idempotency_key: str,
        at: datetime | None = None,
    ) -> channels.Receipt:
        raise channels.NotCarried("Nothing is withdrawn here.")

    def __init__(self) -> None:
        self.replies: dict[str, list[channels.Answer]] = {}
        self.informed: list[tuple[str, str]] = []
        self.refuses = False

    def send(
        self,
        address: channels.Address,
        document: channels.ReferralDocument,
        *,
        idempotency_key: str,
        at: datetime | None = None,
    ) -> channels.Receipt:
        if self.refuses:
            raise channels.ChannelError("The platform does not take this.", retryable=False)
        reference = f"P-{document.referral_id}"
        self.replies[reference] = []
        return channels.Receipt(
            reference=reference,
            referral_id=str(document.referral_id),
            document_sha256=document.sha256(),
            received_at=at or moment.now(),
            signature="none",
        )

    def answers(self, address: channels.Address, reference: str, *, after: str | None = None) -> list[channels.Answer]:
        known = [answer.answer_id for answer in self.replies[reference]]
        return self.replies[reference][known.index(after) + 1 if after else 0 :]

    def inform(self, address: channels.Address, reference: str, text: str, idempotency_key: str) -> None:
        self.informed.append((reference, text))


@dataclass
class Courses:
    """Plays referrals: each step at its time, by the services that people's work goes through."""

    hub: SmallHub
    channel: MemoryChannel
    seen: dict[str, State] = field(default_factory=dict)

    @contextmanager
    def at(self, when: datetime) -> Iterator[None]:
        with moment.demonstration_at(when):
            yield

    def referred(
        self,
        when: datetime,
        *,
        platform: str = "alpha",
        harm: str = "abuse-harassment",
        decided_after: timedelta = timedelta(hours=2),
    ) -> Referral:
        """First seen at `when`, before a person ten minutes later, decided, checked by a second person, prepared and not yet sent."""
        with self.at(when):
            content = self.hub.post(platform=platform)
        with self.at(when + timedelta(minutes=10)):
            case, _new = casework.open_case(content=content, harm=harm, origin=Origin.PERSON, actor=ACTOR)
            case = casework.claim(case=case, person=self.hub.people["analyst"])
        with self.at(when + decided_after / 2):
            form = self.hub.referral_form(harm, platform=platform)
            decision = casework.decide(case=case, person=self.hub.people["analyst"], form=form)
        with self.at(when + decided_after):
            casework.review(
                decision=decision, person=self.hub.people["reviewer"], concurs=True, reasons="I have read it and agree."
            )
            return referrals.prepare(decision_id=decision.pk)

    def sent(self, referral: Referral, when: datetime) -> Referral:
        with self.at(when):
            return referrals.deliver(referral_id=referral.pk)

    def answered(
        self, referral: Referral, when: datetime, reason: ReasonCode | None, *, status: Status = "COMPLETED"
    ) -> Referral:
        """The platform answers at `when`, and the hub collects it a minute later."""
        replies = self.channel.replies[referral.platform_reference]
        replies.append(
            channels.Answer(
                answer_id=f"{referral.pk}-{len(replies)}",
                reference=referral.platform_reference,
                at=when,
                status=status,
                reason_code=reason,
                detail="Said by the platform.",
                puid="puid-1" if reason == "ACTIONED" else None,
                actions=("removed",) if reason == "ACTIONED" else (),
                signature="none",
            )
        )
        with self.at(when + timedelta(minutes=1)):
            referrals.collect(referral_id=referral.pk)
        return Referral.objects.get(pk=referral.pk)

    def asked(self, referral: Referral, when: datetime) -> Referral:
        return self.answered(referral, when, "NEED_MORE_INFORMATION", status="PROCESSING")

    def informed(self, referral: Referral, when: datetime) -> Referral:
        with self.at(when):
            given = referrals.inform(
                referral=referral, person=self.hub.people["analyst"], text="The address is in the referral."
            )
            referrals.deliver_information(information_id=given.pk)
        return Referral.objects.get(pk=referral.pk)

    def withdrawn(self, referral: Referral, when: datetime, *, acknowledged: datetime | None = None) -> Referral:
        """The desk takes it back at `when`; the platform is told by hand, at `acknowledged`."""
        with self.at(when):
            made = withdrawals.withdraw_by_person(
                referral=referral, person=self.hub.people["analyst"], reasons="It was news reporting."
            )
            withdrawals.deliver_withdrawal(withdrawal_id=made.pk)
        if acknowledged is not None:
            with self.at(acknowledged):
                withdrawals.acknowledge_by_hand(referral=referral, person=self.hub.people["analyst"], note="By phone.")
        return Referral.objects.get(pk=referral.pk)

    def looked(self, referral: Referral, when: datetime, checkpoint: Checkpoint, state: State) -> None:
        """The hub looks, and finds the post in this state."""
        self.seen[referral.case.content.url] = state
        with self.at(when):
            referrals.probe(referral_id=referral.pk, checkpoint=checkpoint, tries=referrals.OUTAGE_TRIES)

    def escalated(self, referral: Referral, when: datetime) -> None:
        with self.at(when):
            referrals.escalate(referral_id=referral.pk)


def play(hub: SmallHub, monkeypatch: pytest.MonkeyPatch) -> Courses:
    """Courses over a channel and a probe in memory."""
    made = Courses(hub=hub, channel=MemoryChannel())
    assert isinstance(made.channel, channels.Channel)

    def probe(url: str, *, at: datetime, **_options: Any) -> Observation:
        return Observation(
            state=made.seen[url],
            http_status=200,
            final_url=url,
            body_sha256=None,
            checked_at=at,
            detail="Looked.",
            matched="text",
        )

    monkeypatch.setattr(reach, "_channel", lambda _name, _way_out: made.channel)
    monkeypatch.setattr(probes, "get", lambda _name: probe)
    return made
