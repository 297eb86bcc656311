"""The words of renderings for what documents say in codes."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from seawall.durations import in_words

TITLES: Final = {
    "voluntary": "Voluntary referral",
    "notice_of_illegality": "Notice of illegal content",
    "formal_notice": "Content removal notice",
    "removal_order": "Removal order",
}
REFERRERS: Final = {
    "hub": "hub for online harms",
    "police": "police",
    "charity": "charity",
    "platform": "platform",
    "regulator": "regulator",
    "ombudsman": "ombudsman",
    "electoral_authority": "electoral authority",
    "government": "government",
    "health_body": "health body",
    "member_of_the_public": "member of the public",
}
ACTIONS: Final = {
    "remove": "Remove the content",
    "restrict_age": "Show the content to adults only",
    "demote": "Stop recommending the content",
    "label": "Add to the content a label or a way to help",
}
PROOFS: Final = {
    "signed": "Signed by the recipient’s own key",
    "acknowledged": "Named by the recipient’s own software",
    "accepted": "Accepted for delivery; whether anybody has read it is not known",
    "stated": "Stated by a person",
}
WITHDRAWN_BY: Final = {
    "referrer": "the organisation that made it",
    "overseer": "the organisation that made it, as the independent overseer recommended",
    "appeal": "the organisation that made it, after an appeal was upheld",
    "officer": "the officer who gave the notice",
}
ANSWERS: Final = (
    ("Done", "What was done, to what, when, and your own identifier for the action."),
    ("Looked at and left", "Why."),
    ("Not to be found", "That you cannot tell which content is meant."),
    ("Gone already", "That the content was gone before you came to it."),
    ("More information needed", "What you need to know."),
    ("Disputed", "Why you hold this document to be wrong."),
)
ANSWERS_TO: Final = {
    "formal_notice": (
        ("Review asked for", "What is wrong with the notice, by the way set out under the right of review."),
    ),
    "removal_order": (
        ("Impossible now", "What stands in the way, outside your control."),
        ("Unclear", "What is mistaken or missing."),
    ),
}


def how_long(seconds: int) -> str:
    """A length of time in words: "48 hours", "1 hour 1 minute"; to the second where the words would round it."""
    words = in_words(timedelta(seconds=seconds))
    whole = seconds % 3_600 == 0 if seconds >= 72 * 3_600 else seconds % 60 == 0 or seconds < 60
    return words if whole else f"{words} ({seconds:,} seconds)"
