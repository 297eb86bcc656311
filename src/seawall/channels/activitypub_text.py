"""What a moderator reads of a referral where a report is one text, such as ActivityPub's Flag: what matters first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

from seawall.channels.document import ReferralDocument, Withdrawal
from seawall.channels.user_notice import asked_line, words_line
from seawall.durations import in_words

LONGEST_TEXT: Final = 5_000
"""Characters; Mastodon keeps no more of a report."""

_ASKED: Final = {
    "remove": "remove the post",
    "restrict_age": "keep the post from children",
    "demote": "make the post less prominent",
    "label": "label the post",
}
_BASIS: Final = {"statute": "set by statute", "code": "by the code of practice", "proposal": "proposed"}
_WITHDRAWN_BY: Final = {
    "referrer": "whoever made it",
    "overseer": "the referrer, on its overseer's advice",
    "appeal": "the referrer, after an appeal",
    "officer": "the officer who gave it",
}


def referral_text(document: ReferralDocument, *, hub_url: str, contact: str = "") -> str:
    """Write `document` for a moderator, what matters first; at most LONGEST_TEXT characters, cut at the end with notice."""
    legal, term, referrer = document.grounds.legal, document.grounds.term, document.referrer
    names = [f"{ground.act}, {ground.section}" for ground in legal]
    if term is not None:
        names.append(f"the platform's rule as of {term.dated}: {_line(term.rule, 300)}")
    due = in_words(dt.timedelta(seconds=document.clock.due_seconds))
    basis = ": ".join(filter(None, (_BASIS[document.clock.basis], document.clock.citation)))
    state = ", a body of the state" if referrer.state_body else ""
    head = [
        "DEMONSTRATION. This report is a rehearsal; do nothing about it." if document.demonstration else "",
        f"Referral {document.referral_id}: {document.kind.replace('_', ' ')}.",
        f"Harm: {document.harm.title} ({document.harm.id}, code of practice {document.harm.code_version}).",
        f"Post: {document.content.url}",
        f"Asked: {_ASKED[document.requested_action]}, within {due} of receipt ({basis}). The decision is the platform's.",
        f"Referred by: {referrer.organisation} ({referrer.type.replace('_', ' ')}{state}).",
        f"Grounds: {_line('; '.join(names), 900)}.",
        "Made in good faith: the referrer believes what is said here to be accurate and complete.",
        *asked_line(document.user_notice),
        _how_to_answer(document.referral_id, hub_url, contact),
    ]
    body = [f"Why: {document.explanation}", *words_line(document.user_notice)]
    for ground in legal:
        body.append(f"{ground.act}, {ground.section}, element by element:")
        body += [f"- {element.text}: met. {element.reasons}" for element in ground.elements]
        body += [f"- Defence, {defence.text}: not likely. {defence.reasons}" for defence in ground.defences]
    if term is not None:
        body.append(f"The rule in full, as of {term.dated}: {term.rule}")
    return _written([*head, *body])


def withdrawal_text(withdrawal: Withdrawal, *, hub_url: str, contact: str = "") -> str:
    """Write `withdrawal` for a moderator, in the same way."""
    again = " Where something was done because of it, please look again." if withdrawal.restore else ""
    return _written(
        [
            "DEMONSTRATION. This is a rehearsal; do nothing about it." if withdrawal.demonstration else "",
            f"WITHDRAWN: referral {withdrawal.referral_id}, by {_WITHDRAWN_BY[withdrawal.by]}. This is not a new report.",
            f"Post: {withdrawal.url}",
            f"Please treat the referral as if it had never been made.{again}",
            _how_to_answer(withdrawal.referral_id, hub_url, contact),
            f"Reasons: {withdrawal.reasons}",
        ]
    )


def _how_to_answer(referral_id: object, hub_url: str, contact: str) -> str:
    other = f", or write to {contact}" if contact else ""
    return f"To answer, ask or dispute: {hub_url}, under the number {referral_id}{other}. A reply to this report is read by a person."


def _written(lines: Sequence[str]) -> str:
    """Put one statement on each line, so that no text from outside can look like a line of ours."""
    text = "\n".join(_line(line, LONGEST_TEXT) for line in lines if line)
    notice = "\n[Cut here. The hub holds the whole.]"
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - len(notice)] + notice


def _line(text: str, longest: int) -> str:
    plain = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return plain if len(plain) <= longest else plain[: longest - 4] + " ..."
