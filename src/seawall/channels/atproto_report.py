"""What a moderator reads of a referral in an AT Protocol report: one text of 2,000 characters, what matters first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any, Final

from seawall import __version__
from seawall.channels.document import LegalGround, ReferralDocument
from seawall.channels.user_notice import asked_line, words_line
from seawall.durations import in_words

LONGEST_REASON: Final = 2_000
"""The protocol allows 2,000 graphemes and 20,000 bytes; this many code points is never more than either."""
LONGEST_DOCUMENT: Final = 80_000
"""Bytes of a document that travels with its report; Ozone takes requests of up to 102,400 bytes."""

_NEW: Final = "tools.ozone.report.defs#reason"
_OLD: Final = "com.atproto.moderation.defs#reason"
REASONS: Final[Mapping[str, str]] = {
    "abuse-harassment": "HarassmentTargeted",
    "cand-doxxing": "HarassmentDoxxing",
    "cand-false-fact": "MisleadingElections",
    "cand-harassment": "HarassmentTargeted",
    "cand-hate": "HarassmentHateSpeech",
    "cand-threat": "ViolenceThreats",
    "csea": "ChildSafetyCSAM",
    "ed-promote": "SelfHarmED",
    "hate-stirring": "HarassmentHateSpeech",
    "iia": "SexualNCII",
    "ssh-challenge": "SelfHarmStunts",
    "ssh-encourage": "SelfHarmContent",
    "ssh-graphic": "SelfHarmContent",
    "ssh-imminent": "SelfHarmOther",
    "ssh-method": "SelfHarmContent",
    "terror": "ViolenceExtremistContent",
    "vax-misinfo": "MisleadingOther",
    "vio-gang": "ViolenceOther",
    "vio-threat": "ViolenceThreats",
    "vio-weapon-sale": "RuleProhibitedSales",
}
"""Ozone's reason type for each harm of the shipped codes of practice."""
_FAMILIES: Final = {
    "abuse": "HarassmentOther",
    "cand": "HarassmentOther",
    "ed": "SelfHarmOther",
    "hate": "HarassmentOther",
    "ssh": "SelfHarmOther",
    "vio": "ViolenceOther",
}
_OLDER: Final = {
    "Violence": "Violation",
    "SelfHarm": "Violation",
    "ChildSafety": "Violation",
    "Rule": "Violation",
    "Sexual": "Sexual",
    "Harassment": "Rude",
    "Misleading": "Misleading",
    "Other": "Other",
}
_ASKED: Final = {
    "remove": "remove the post",
    "restrict_age": "keep the post from children",
    "demote": "make the post less prominent",
    "label": "label the post",
}
_BASIS: Final = {"statute": "set by statute", "code": "by the code of practice", "proposal": "proposed"}


def reason_types(harm_id: str) -> tuple[str, str]:
    """Return the reason type for a harm, and the one of the older, coarser list for services that know no other."""
    name = REASONS.get(harm_id) or _FAMILIES.get(harm_id.partition("-")[0], "Other")
    older = next(old for family, old in _OLDER.items() if name.startswith(family))
    return _NEW + name, _OLD + older


def reason_text(document: ReferralDocument, *, hub_url: str, contact: str, attached: bool) -> str:
    """Write `document` in at most LONGEST_REASON characters, one statement a line; say where it was cut and what is attached."""
    whole = "the referral as data is attached to this report" if attached else "the hub holds the whole"
    notice = f"\n[Cut here; {whole}.]"
    lines = [*_head(document, hub_url, contact), *_body(document)]
    text = "\n".join(_line(line, LONGEST_REASON) for line in lines)
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - len(notice)].rstrip() + notice


def mod_tool(document: ReferralDocument, *, hub_name: str, hub_url: str) -> tuple[dict[str, Any], bool]:
    """Return what goes with the report as data, and whether that holds the whole document (left out when too long)."""
    meta: dict[str, Any] = {
        "hub": hub_name,
        "hub_url": hub_url,
        "referral_id": str(document.referral_id),
        "document_sha256": document.sha256(),
    }
    attached = len(document.to_json()) <= LONGEST_DOCUMENT
    if attached:
        meta["document"] = document.to_dict()
    return {"name": f"seawall/{__version__}", "meta": meta}, attached


def _head(document: ReferralDocument, hub_url: str, contact: str) -> Iterator[str]:
    """What must be there whatever else is cut: at most 1,900 characters in all."""
    referrer, clock = document.referrer, document.clock
    if document.demonstration:
        yield "DEMONSTRATION. This report is a rehearsal; do nothing about it."
    yield f"Referral {document.referral_id}: {document.kind.replace('_', ' ')}."
    yield f"Harm: {_line(document.harm.title, 100)} ({document.harm.id}, code of practice {document.harm.code_version})."
    if len(document.content.url) <= 300:
        yield f"Post: {document.content.url}"
    due = in_words(dt.timedelta(seconds=clock.due_seconds))
    basis = ": ".join(filter(None, (_BASIS[clock.basis], _line(clock.citation or "", 120))))
    yield f"Asked: {_ASKED[document.requested_action]}, within {due} of receipt ({basis}). The decision is yours."
    state = ", a body of the state" if referrer.state_body else ""
    yield f"Referred by: {_line(referrer.organisation, 150)} ({referrer.type.replace('_', ' ')}{state})."
    yield f"Grounds: {_line('; '.join(_grounds(document)), 350)}."
    yield "Made in good faith: the referrer believes what is said here to be accurate and complete."
    ways = " or ".join(filter(None, (_line(hub_url, 120), _line(contact, 100))))
    if ways:
        yield f"To answer or dispute it: {ways}, under the number above."
    yield from asked_line(document.user_notice)


def _grounds(document: ReferralDocument) -> Iterator[str]:
    for ground in document.grounds.legal:
        yield f"{ground.act}, {ground.section}"
    if document.grounds.term is not None:
        yield f"your rule as of {document.grounds.term.dated}: {_line(document.grounds.term.rule, 200)}"


def _body(document: ReferralDocument) -> Iterator[str]:
    yield f"Why: {_line(document.explanation, 500)}"
    for line in words_line(document.user_notice):
        yield _line(line, 1_000)
    for ground in document.grounds.legal:
        yield from _elements(ground)


def _elements(ground: LegalGround) -> Iterator[str]:
    yield f"{ground.act}, {ground.section}, element by element:"
    for element in ground.elements:
        yield f"- {_line(element.text, 200)}: met. {_line(element.reasons, 300)}"
    for defence in ground.defences:
        yield f"- Defence, {_line(defence.text, 150)}: not likely. {_line(defence.reasons, 200)}"


def _line(text: str, longest: int) -> str:
    """Put `text` on one line, so that nothing from outside can look like a line of ours, and cut it."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return plain if len(plain) <= longest else plain[: longest - 4].rstrip() + " ..."
