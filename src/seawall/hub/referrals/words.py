"""What platforms answer and what probes see, in plain words."""

from __future__ import annotations

ANSWERS = {
    "ACTIONED": "Acted on it",
    "REVIEWED_NO_ACTION": "Looked at it and left it up",
    "NOT_RESOLVABLE": "Could not tell which post was meant",
    "CONTENT_DOWN_OR_INACCESSIBLE": "Says that it was gone already",
    "NEED_MORE_INFORMATION": "Asked for more information",
    "IMPOSSIBLE_NOW": "Cannot act for now",
}
STATUSES = {
    "RECEIVED": "The platform has it",
    "QUEUED": "Waiting at the platform",
    "PROCESSING": "Being looked at",
    "COMPLETED": "Finished",
    "DISPUTED": "Disputes the referral",
    "APPEALED": "Asks for a review",
}
PROOFS = {
    "signed": "Signed by the platform",
    "acknowledged": "Named by the platform’s own software",
    "accepted": "Taken by the platform’s server; nobody has confirmed that it was read",
    "stated": "Stated by a person",
}
WAYS = {
    "channel": "It came by the platform’s channel",
    "portal": "Written here by the platform’s staff",
    "api": "Sent by the platform’s software",
    "mail": "It came by email",
    "noted": "Noted by a caseworker, not proved by the platform",
}
SEEN = {
    "up": "Still up",
    "removed": "Gone",
    "restricted": "Withheld: there, but not shown to everybody",
    "edited": "Something else stands there now",
    "moved": "The address leads elsewhere",
    "unreachable": "Could not be reached: nothing concluded",
}
SEEN_COLOURS = {"up": "red", "removed": "green", "restricted": "green", "edited": "yellow", "moved": "yellow"}
STATE_COLOURS = {
    "queued": "blue",
    "by_hand": "orange",
    "awaiting": "teal",
    "asked": "purple",
    "answered": "green",
    "failed": "red",
    "withdrawn": "grey",
}
KINDS = {
    "notice_of_illegality": "Notice of illegality: it stands on an offence",
    "formal_notice": "Formal notice under a statute",
    "removal_order": "Removal order, Regulation (EU) 2021/784",
    "voluntary": "Voluntary referral: it stands on the platform’s own rules",
}
REQUESTED = {
    "remove": "Remove the post",
    "restrict_age": "Show it to adults only",
    "demote": "Stop recommending it",
    "label": "Add a label or a link to help",
}


def answer_in_words(*, status: str, reason_code: str) -> str:
    """What an answer says; the platform's own word where it is none that the protocol knows."""
    return ANSWERS.get(reason_code) or STATUSES.get(status, status)
