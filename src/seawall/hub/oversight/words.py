"""Every figure in words: what it is called and how it is computed. One place, for the pages, the files and whoever recomputes them."""

from __future__ import annotations

COUNT_WORDS: dict[str, tuple[str, str]] = {
    "referred": ("Referred", "Referrals that were prepared for the platform, one a post and decision."),
    "received": ("Received", "Referrals whose receipt the platform signed. The clock starts at that moment."),
    "undelivered": ("Could not be delivered", "Referrals that the platform’s system refused for good, so that no clock ran."),
    "answered": ("Answered", "Referrals to which the platform gave a final answer, whatever it was."),
    "actioned": ("Acted on", "Final answers that say that the platform did something about the post."),
    "refused": ("Looked at, left up", "Final answers that say that the platform looked and did nothing. It may have been right."),
    "unresolvable": ("Could not be settled", "Final answers that say that the platform could not find the post, or knew too little."),
    "already_down": ("Gone already", "Final answers that say that the post was down before the platform looked."),
    "asked": ("Asked us something", "Referrals about which the platform asked for more. Its clock may stand still meanwhile."),
    "silent": ("No answer, out of time", "Received referrals whose clock has run out without a final answer."),
    "waiting": ("Still in time", "Received referrals without a final answer whose clock runs or is paused."),
    "taken_back": ("Taken back by us", "Received referrals that we withdrew before a final answer, while the clock ran."),
    "in_time": ("Answered in time", "Final answers that came inside the clock, pauses left out."),
    "out_of_time": ("Out of time", "Final answers that came after the clock ran out, and referrals that are still silent after it."),
    "confirmed_down": ("Seen gone", "Referrals that the platform says it acted on and where we looked and found the post gone or shut off."),
    "claimed_but_live": ("Said acted, still up", "The platform says that it acted, we asked for the post to go, and our last look found it up."),
    "reappeared": ("Came back", "Posts that we saw gone and at a later look saw up again."),
    "live_after_day": ("Up after 24 hours", "We asked for the post to go, the platform says that it acted, and it was up 24 hours later."),
    "live_after_week": ("Up after 7 days", "The same, 7 days after the answer."),
    "escalated": ("Escalated", "Referrals whose clock ran out and that were taken up with somebody further up."),
    "disputed": ("Disputed", "Referrals that the platform disputed, or asked to have reviewed."),
    "withdrawn": ("Withdrawn", "Referrals that we took back, before or after an answer: by the desk, on the overseer’s word, or on appeal."),
    "withdrawal_acknowledged": ("Withdrawal confirmed", "Withdrawals that the platform confirmed."),
}  # fmt: skip
"""Count -> its name and how it is computed. The keys are those of `queries.COUNTS`."""

STEP_WORDS: dict[str, tuple[str, str]] = {
    "sight_to_case": ("First sight to case", "From when we first had the post to when it was put before a person."),
    "case_to_decision": ("Case to decision", "From then to the decision in force: the second person’s word, where one was needed."),
    "decision_to_receipt": ("Decision to receipt", "From the decision to the platform’s signed receipt."),
    "receipt_to_answer": ("Receipt to answer", "From the receipt to the final answer, without the time for which the clock was paused."),
    "answer_to_confirmed_down": ("Answer to seen gone", (
        "From the answer to the look that first saw the post gone; none, if it was gone before. We look at the answer, a day and a week later."
    )),
    "withdrawal_to_acknowledged": ("Withdrawal to its confirmation", "From when we took a referral back to when the platform confirmed it."),
}  # fmt: skip
"""Step -> its name and how it is computed. The keys are those of `queries.STEPS`."""

SHARE_WORDS = (
    "Answered in time, of those whose clock is over",
    "Final answers inside the clock, divided by these and all that are out of time. Referrals still in time are left out.",
)
SPREAD_WORDS = (
    "The median is the middle value: half took no longer. “9 in 10” is the 90th percentile, by linear interpolation between the nearest "
    "two. Both are withheld where fewer than 5 referrals stand behind them."
)

OUTCOMES = ("actioned", "refused", "already_down", "unresolvable", "silent", "waiting", "taken_back")
"""What becomes of a received referral: these add up to the received ones."""

TOTAL_WORDS: dict[str, str] = {
    "posts taken in": "Posts taken in, by platform",
    "posts assessed": "Posts that a detector read, by version of the detector",
    "posts not assessed": "Posts that the detector could not read, and so neither flagged nor passed",
    "posts flagged": "Posts that the detector flagged, by kind; one post may be of several kinds",
    "cases opened": "Cases put before a person, by what it may be",
    "cases opened by origin": "Cases put before a person, by where they came from",
    "cases closed": "Cases decided, by outcome",
    "second reviews": "Decisions that a second person looked at",
    "referrals prepared": "Referrals, by harm",
    "receipts": "Receipts, by how sure it is that the platform has the referral",
    "final answers": "Final answers, by how sure it is that the platform said so",
    "referrals withdrawn": "Referrals taken back, by whose word",
    "referrals read by the overseer": "Referrals that the independent overseer read",
    "recommendations answered": "The overseer’s recommendations to take a referral back",
    "measures against desks": "Measures against desks whose referrals were wrong too often",
    "reports received": "Reports from the public",
    "masked posts revealed": "Times that a caseworker chose to see masked content",
}  # fmt: skip
"""Total -> heading, in the order in which they are shown."""

TOTAL_OF_WORDS: dict[str, str] = {
    "detector": "Found by the detector",
    "report": "Reported by the public",
    "organisation": "Reported by an organisation",
    "sighting": "Shared by others, and seen again",
    "person": "Raised by a caseworker",
    "refer": "Referred to the platform",
    "support": "Support offered",
    "hand_off": "Handed to the body in charge",
    "no_action": "No action",
    "concurred": "Agreed",
    "dissented": "Disagreed: decided anew",
    "link": "A link",
    "text": "The words themselves",
    "by staff": "By staff",
    "signed": "Signed by the platform",
    "acknowledged": "Confirmed by the platform, not signed",
    "accepted": "Taken by the platform’s server",
    "stated": "Stated by a person of this hub",
    "referrer": "The desk that made it",
    "overseer": "The overseer recommended it",
    "appeal": "An appeal was upheld",
    "officer": "The officer who gave the notice",
    "sound": "Should stand",
    "withdraw": "Should be withdrawn",
    "followed": "Followed",
    "not followed": "Not followed",
    "desk.warned": "Warned",
    "desk.suspended": "Suspended from referring",
    "language not read": "In a language that the detector does not read",
}
"""Codes of the ledger that a total is broken down by, in words; harms and platforms have names of their own."""
