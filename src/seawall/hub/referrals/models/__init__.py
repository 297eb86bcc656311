"""Referrals and all that happens to them."""

from seawall.hub.referrals.models.answer import AnswerWay, IncomingMail, Information, MailKind, PlatformAnswer
from seawall.hub.referrals.models.escalation import Escalation, Step
from seawall.hub.referrals.models.probe import Checkpoint, Probe
from seawall.hub.referrals.models.referral import (
    NOTICES,
    ClockEvent,
    Referral,
    ReferralQuerySet,
    ReferralState,
    referral_reference,
)
from seawall.hub.referrals.models.user_notice import (
    ComplaintRoute,
    DelayReason,
    LeftOut,
    NoticeDelay,
    NoticeText,
    Objection,
    Released,
    UserNotice,
)
from seawall.hub.referrals.models.withdrawal import Opinion, Reading, Withdrawal, WithdrawnBy

__all__ = [
    "NOTICES",
    "AnswerWay",
    "Checkpoint",
    "ClockEvent",
    "ComplaintRoute",
    "DelayReason",
    "Escalation",
    "IncomingMail",
    "Information",
    "LeftOut",
    "MailKind",
    "NoticeDelay",
    "NoticeText",
    "Objection",
    "Opinion",
    "PlatformAnswer",
    "Probe",
    "Reading",
    "Referral",
    "ReferralQuerySet",
    "ReferralState",
    "Released",
    "Step",
    "UserNotice",
    "Withdrawal",
    "WithdrawnBy",
    "referral_reference",
]
