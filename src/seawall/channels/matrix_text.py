"""What a homeserver's staff read of a referral: the reason of a report, which is one text and often a short one."""

from __future__ import annotations

import datetime as dt
from typing import Final

from seawall.channels.document import ReferralDocument
from seawall.channels.user_notice import asked_line, words_line
from seawall.durations import in_words

SHORTEST: Final = 240
"""Bytes of UTF-8 in which a report still says which referral it is, by whom, and where to answer (50 characters)."""

_ASKED: Final = {
    "remove": "remove it",
    "restrict_age": "keep it from children",
    "demote": "make it less prominent",
    "label": "label it",
}
_BASIS: Final = {"statute": "set by statute", "code": "by the code of practice", "proposal": "proposed"}
_NOTICE: Final = "\n[Cut here. The hub holds the whole.]"


def reason(document: ReferralDocument, *, hub_url: str, contact: str = "", longest: int) -> str:
    """Write `document`, what matters first, in at most `longest` bytes of UTF-8; what is cut off is said to be cut.

    Servers count characters or bytes; bytes satisfy both.
    """
    legal, term, referrer = document.grounds.legal, document.grounds.term, document.referrer
    demonstration = "DEMONSTRATION. " if document.demonstration else ""
    state = ", a body of the state" if referrer.state_body else ""
    who = f"{_line(referrer.organisation, 40)} ({referrer.type.replace('_', ' ')}{state})"
    due = in_words(dt.timedelta(seconds=document.clock.due_seconds))
    basis = ": ".join(filter(None, (_BASIS[document.clock.basis], document.clock.citation)))
    names = [f"{ground.act}, {ground.section}" for ground in legal]
    if term is not None:
        names.append(f"the platform's rule as of {term.dated}: {_line(term.rule, 300)}")
    write = f", or write to {contact}" if contact else ""
    lines = [
        f"{demonstration}Referral {document.referral_id} by {who}, {hub_url}: {_line(document.harm.title, 60)}",
        f"To answer, ask or dispute: {hub_url}, under that number{write}. No answer comes by Matrix.",
        f"Asked: {_ASKED[document.requested_action]}, within {due} of receipt ({basis}). The decision is the platform's.",
        *asked_line(document.user_notice),
        f"Kind: {document.kind.replace('_', ' ')}.",
        f"Post: {document.content.url}",
        f"Grounds: {_line('; '.join(names), 900)}.",
        "Made in good faith: the referrer believes what is said here to be accurate and complete.",
        f"Harm: {document.harm.title} ({document.harm.id}, code of practice {document.harm.code_version}).",
        f"Referred by: {referrer.organisation}.",
        f"Why: {document.explanation}",
        *words_line(document.user_notice),
    ]
    for ground in legal:
        lines.append(f"{ground.act}, {ground.section}, element by element:")
        lines += [f"- {element.text}: met. {element.reasons}" for element in ground.elements]
        lines += [f"- Defence, {defence.text}: not likely. {defence.reasons}" for defence in ground.defences]
    if term is not None:
        lines.append(f"The rule in full, as of {term.dated}: {term.rule}")
    return _cut("\n".join(_line(line, 10_000) for line in lines), longest)


def _line(text: str, longest: int) -> str:
    """Put `text` on one line, so that nothing from outside can look like a line of ours."""
    plain = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return plain if len(plain) <= longest else plain[: longest - 4] + " ..."


def _cut(text: str, longest: int) -> str:
    whole = text.encode("utf-8", errors="replace")
    if len(whole) <= longest:
        return whole.decode("utf-8")
    return whole[: longest - len(_NOTICE)].decode("utf-8", errors="ignore") + _NOTICE
