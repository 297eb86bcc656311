"""Finding posts that a sandbox platform will treat in a given way, and documents about them."""

import datetime as dt
import itertools
from typing import Any
from uuid import uuid4

from tests.channels.samples import document

from seawall.channels import ReferralDocument, Withdrawal
from seawall.sandbox import PROFILES
from seawall.sandbox import profiles as behaviour

_numbers = itertools.count()


def outcome_of(platform: str, made: ReferralDocument) -> str:
    """Say how the platform will treat `made`, from its published behaviour."""
    profile = PROFILES[platform]
    kinds = [step.kind for step in behaviour.after_receipt(profile, made, made.sent_at)]
    if not kinds:
        return "silent"
    if "ask" in kinds:
        return "asked"
    if "dispute" in kinds:
        return "disputed"
    if not behaviour.accepts(profile, made):
        return "refused"
    if behaviour.claims_falsely(profile, made):
        return "false claim"
    action = behaviour.action(profile, made)
    if action == "removed" and behaviour.reappears(profile, made.content.native_id):
        return "reappears"
    return {"removed": "actioned"}.get(action, action)


def document_with(platform: str, outcome: str, **changes: Any) -> ReferralDocument:
    """Return a document about a new post that `platform` will treat so."""
    for number in _numbers:
        made = document(platform=platform, native_id=f"post/{number}", referral_id=str(uuid4()), **changes)
        if outcome_of(platform, made) == outcome:
            return made
    raise AssertionError


def withdrawal_of(made: ReferralDocument, **changes: Any) -> Withdrawal:
    """Return a withdrawal of `made`, an hour after it was sent, with `changes`."""
    return Withdrawal.model_validate(
        {
            "referral_id": made.referral_id,
            "platform": made.platform,
            "url": made.content.url,
            "reasons": "A second reading found the post to be a lyric.",
            "by": "overseer",
            "restore": True,
            "sent_at": made.sent_at + dt.timedelta(hours=1),
            "demonstration": True,
            **changes,
        }
    )


def post_of(made: ReferralDocument, text: str = "a post") -> dict[str, str]:
    """Return the post that a document is about, for seeding."""
    return {
        "platform": made.platform,
        "native_id": made.content.native_id,
        "text": text,
        "account": "somebody",
        "posted_at": (made.sent_at - dt.timedelta(days=1)).isoformat(),
    }
