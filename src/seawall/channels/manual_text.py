"""What the placeholders of a guide stand for: the words of a referral or a withdrawal, as a person pastes them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from seawall.channels.document import ReferralDocument, Withdrawal
from seawall.channels.notices import POWERS
from seawall.channels.user_notice import asked_line, words_line
from seawall.durations import in_words

_LEAST: Final = 100
"""Characters of an explanation without which it explains nothing."""
_LONGEST_NAME: Final = 300
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
_JOINERS: Final = "\u200c\u200d"
_REHEARSAL: Final = "DEMONSTRATION. This is a rehearsal; do nothing about it."


@dataclass(frozen=True, slots=True)
class Value:
    """A text, and how many characters at its beginning must be left when it is shortened."""

    text: str
    keep: int

    @classmethod
    def fixed(cls, text: str) -> Self:
        """A text that may not be shortened."""
        return cls(text, len(text))

    @classmethod
    def lines(cls, head: Iterable[str], body: Iterable[str]) -> Self:
        """One statement a line; those of `head` may not be shortened."""
        first = "\n".join(one_line(line) for line in head if line)
        return cls("\n".join([first, *(one_line(line) for line in body)]), len(first))


def referral_values(document: ReferralDocument, *, hub_url: str, contact: str) -> dict[str, Value]:
    """Return what each placeholder stands for in a referral."""
    legal, term, referrer, content = document.grounds.legal, document.grounds.term, document.referrer, document.content
    state = ", a body of the state" if referrer.state_body else ""
    who = f"{one_line(referrer.organisation)} ({referrer.type.replace('_', ' ')}{state})"
    due = in_words(dt.timedelta(seconds=document.clock.due_seconds))
    basis = ": ".join(filter(None, (_BASIS[document.clock.basis], document.clock.citation)))
    starts = "of being given" if document.kind == "formal_notice" else "of receipt"
    asked = one_line(f"{_ASKED[document.requested_action]}, within {due} {starts} ({basis})")
    names = [f"{ground.act}, {ground.section}" for ground in legal]
    rule, dated = (one_line(term.rule), f"As of {term.dated}: ") if term else ("", "")
    is_long = len(rule) > _LONGEST_NAME
    if term:
        short = f"{rule[:_LONGEST_NAME]} ..." if is_long else rule
        names.append(f"the platform's rule as of {term.dated}: {short}")
    elements = []
    for ground in legal:
        elements.append(f"{ground.act}, {ground.section}, element by element:")
        elements += [f"- {element.text}: met. {element.reasons}" for element in ground.elements]
        elements += [f"- Defence, {defence.text}: not likely. {defence.reasons}" for defence in ground.defences]
    elements += [f"The platform's rule in full: {rule}"] if is_long else []
    rehearsal = _REHEARSAL if document.demonstration else ""
    explanation = _paragraphs(f"{rehearsal} {document.explanation}".strip())
    power = POWERS.get(document.kind)
    head = [
        rehearsal,
        f"Referral {document.referral_id}: {document.kind.replace('_', ' ')}.",
        f"The {power.noun} itself is attached; this text does not replace it." if power else "",
        f"Harm: {document.harm.title} ({document.harm.id}, code of practice {document.harm.code_version}).",
        f"Post: {content.url}",
        f"Asked: {asked}." + ("" if power else " The decision is the platform's."),
        f"Referred by: {who}.",
        f"Grounds: {'; '.join(names)}.",
        "Made in good faith: the referrer believes what is said here to be accurate and complete.",
        *asked_line(document.user_notice),
        _how_to_answer(document, hub_url, contact),
    ]
    return {
        "url": Value.fixed(content.url),
        "reference": Value.fixed(str(document.referral_id)),
        "referrer": Value.fixed(who),
        "harm": Value.fixed(one_line(document.harm.title)),
        "asked": Value.fixed(asked),
        "explanation": Value(explanation, min(len(explanation), len(rehearsal) + _LEAST)),
        "grounds": Value.lines([f"{'; '.join(names)}."], elements),
        "terms_rule": Value(dated + rule, len(dated) + min(len(rule), _LEAST)),
        "message": Value.lines(head, [f"Why: {document.explanation}", *words_line(document.user_notice), *elements]),
    }


def withdrawal_values(withdrawal: Withdrawal, *, reference: str, hub_url: str, contact: str) -> dict[str, Value]:
    """Return what each placeholder stands for in a withdrawal; `reference` is what the platform called the referral."""
    given = one_line(reference) if reference != str(withdrawal.referral_id) else ""
    rehearsal = f"{_REHEARSAL} " if withdrawal.demonstration else ""
    again = " Where something was done because of it, please look again." if withdrawal.restore else ""
    taken_back = f"{rehearsal}WITHDRAWN: referral {withdrawal.referral_id}, by {_WITHDRAWN_BY[withdrawal.by]}."
    asked = f"Please treat the referral as if it had never been made.{again}"
    opening = f"{taken_back} {asked} Reasons: "
    reasons = opening + _paragraphs(withdrawal.reasons)
    head = [
        f"{taken_back} This is not a new report.",
        f"Your reference: {given}" if given else "",
        f"Post: {withdrawal.url}",
        asked,
        _how_to_answer(withdrawal, hub_url, contact),
    ]
    return {
        "url": Value.fixed(withdrawal.url),
        "reference": Value.fixed(str(withdrawal.referral_id)),
        "platform_reference": Value.fixed(given),
        "reasons": Value(reasons, min(len(reasons), len(opening) + _LEAST)),
        "message": Value.lines(head, [f"Reasons: {withdrawal.reasons}"]),
    }


def one_line(text: str) -> str:
    """Put `text` on one line, so that nothing from outside can look like a line of ours."""
    return " ".join("".join(sign if _shown(sign) else " " for sign in text).split())


def _paragraphs(text: str) -> str:
    return "\n".join(filter(None, (one_line(line) for line in text.splitlines())))


def _shown(sign: str) -> bool:
    return sign.isprintable() or sign in _JOINERS


def _how_to_answer(document: ReferralDocument | Withdrawal, hub_url: str, contact: str) -> str:
    ways = [f"{hub_url}, under the number {document.referral_id}"] if hub_url else []
    ways += [f"write to {contact}"] if contact else []
    return f"To answer, ask or dispute: {', or '.join(ways)}." if ways else ""
