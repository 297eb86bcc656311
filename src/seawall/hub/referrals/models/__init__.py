"""Referrals and all that happens to them."""

from seawall.hub.referrals.models.answer import AnswerWay, IncomingMail, Information, MailKind, PlatformAnswer
from seawall.hub.referrals.models.escalation import Escalation, Step
from seawall.hub.referrals.models.probe import Checkpoint, Probe
from seawall.hub.referrals.models.referral import (
    ClockEvent,
    Referral,
    ReferralQuerySet,
    ReferralState,
    referral_reference,
)
from seawall.hub.referrals.models.withdrawal import Opinion, Reading, Withdrawal, WithdrawnBy

__all__ = [
    "AnswerWay",
    "Checkpoint",
    "ClockEvent",
    "Escalation",
    "IncomingMail",
    "Information",
    "MailKind",
    "Opinion",
    "PlatformAnswer",
    "Probe",
    "Reading",
    "Referral",
    "ReferralQuerySet",
    "ReferralState",
    "Step",
    "Withdrawal",
    "WithdrawnBy",
    "referral_reference",
]
