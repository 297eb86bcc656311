"""What a case's page reads out of a finding, in plain words. Hints to a person, never a decision.

What quotes the post or tells of its words (`why_flagged`) is apart from what does not (`hints_of`): the page may show the first only once
the person has chosen to see the post.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from seawall.detect.pipeline import NEAREST_CONTEXT
from seawall.detect.rules import SUPPORT_FIRST, TERM_ALONE
from seawall.hub.content.languages import UNDETERMINED, language_name
from seawall.hub.content.models import Finding
from seawall.hub.practice.vocabulary import Context, Family

WORTH_SHOWING = 0.2  # what a detector thinks less likely than this is noise to a reader
LONGEST_QUOTE = 160  # characters of a piece that are quoted; where it stands is marked in the post

RULE_WORDS = {
    TERM_ALONE: ": a coded word alone is no ground. It has other meanings, and nothing around it says which one is meant.",
    SUPPORT_FIRST: " for it, because the author seems to be at risk: support comes first.",
}
"""Rule of the detector -> how the sentence “It looked like …, but was not flagged” ends."""


@dataclass(frozen=True, kw_only=True)
class Hint:
    """One thing that the detector saw, and how sure it was, in words. `withheld` is one that a rule kept from being flagged."""

    label: str
    chance: str
    flagged: bool
    withheld: bool = False


@dataclass(frozen=True, kw_only=True)
class Hints:
    """A finding in plain words that hold none of the post's.

    `nearest` is the setting that the post reads like, if any is likely; `context` are the others. `withheld` are sentences on what was not
    flagged and why, `remarks` on how the detector came to what it says. `not_assessed` is empty, or says that it could not read the post:
    then it says nothing else.
    """

    detector: str
    at: datetime
    nearest: Hint | None
    families: Sequence[Hint]
    context: Sequence[Hint]
    withheld: Sequence[str]
    remarks: Sequence[str]
    not_assessed: str


def chance_in_words(probability: float) -> str:
    """A probability for people: `likely (73%)`. Never 0% or 100%: a detector is never that sure."""
    words = next(
        word
        for bar, word in ((0.9, "very likely"), (0.65, "likely"), (0.35, "possible"), (0.0, "unlikely"))
        if probability >= bar
    )
    return f"{words} ({min(99, max(1, round(probability * 100)))}%)"


def hints_of(finding: Finding) -> Hints:
    """What a finding says, the surest first, without what it thinks unlikely."""
    spared = {each["family"] for each in finding.withheld}
    settings = _hints(finding.context, Context)
    near = bool(settings) and max(finding.context.values()) >= NEAREST_CONTEXT
    return Hints(
        detector=finding.detector,
        at=finding.assessed_at,
        nearest=settings[0] if near else None,
        families=_hints(finding.families, Family, flagged=set(finding.flags), withheld=spared),
        context=settings[1:] if near else settings,
        withheld=_withheld(finding),
        remarks=_remarks(finding),
        not_assessed="" if finding.assessed else _not_assessed(finding.language),
    )


def _words(kind: type[Family] | type[Context], name: str) -> str:
    """The label of a family or context, or its code where this version of the hub does not know it."""
    return {str(member.value): member.words for member in kind}.get(name, name)


def _hints(
    values: Mapping[str, float],
    kind: type[Family] | type[Context],
    *,
    flagged: Collection[str] = (),
    withheld: Collection[str] = (),
) -> list[Hint]:
    told = {*flagged, *withheld}
    shown = [(name, value) for name, value in values.items() if value >= WORTH_SHOWING or name in told]
    return [
        Hint(
            label=_words(kind, name), chance=chance_in_words(value), flagged=name in flagged, withheld=name in withheld
        )
        for name, value in sorted(shown, key=lambda pair: -pair[1])
    ]


def _withheld(finding: Finding) -> list[str]:
    by_rule: dict[str, list[str]] = {}
    for each in finding.withheld:
        by_rule.setdefault(each["rule"], []).append(_words(Family, each["family"]).lower())
    opening = "It also looked like" if finding.flags else "It looked like"
    return [
        f"{opening} {_either(families)}, but was not flagged{RULE_WORDS.get(rule, f', by the detector’s rule “{rule}”.')}"
        for rule, families in by_rule.items()
    ]


def _either(parts: Sequence[str]) -> str:
    """`abuse`, `abuse or hate`, `abuse, hate or gangs and weapons`."""
    return f"{', '.join(parts[:-1])} or {parts[-1]}" if len(parts) > 1 else parts[0]


def _not_assessed(code: str) -> str:
    if code == UNDETERMINED:
        return (
            "The detector cannot tell which language this post is in, and did not read it: it says nothing about this post, which does not "
            "mean that it is harmless."
        )
    language = language_name(code) or f"the language of this post (“{code}”)"
    return f"The detector does not read {language}: it says nothing about this post, which does not mean that it is harmless."


def _remarks(finding: Finding) -> list[str]:
    if not finding.assessed:
        return []
    found = []
    if finding.depth != "full":
        found.append("The detector took only a quick look: its smaller model read this post, its larger one did not.")
    if finding.degraded:
        found.append("The operator’s own model did not answer, so the one that comes with the program stood in for it.")
    if finding.language == UNDETERMINED:
        found.append("It is not clear which language this post is in. The detector read it as English.")
    return found


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A piece of the post that moved the detector: its words, what it did, and the label of the family."""

    text: str
    did: str
    family: str


@dataclass(frozen=True, kw_only=True)
class Sense:
    """What a term in the post can mean. `text` is how the post writes it, where the note does not say so; else it is empty."""

    text: str
    note: str


@dataclass(frozen=True, kw_only=True)
class Why:
    """Why a post was flagged, in the post's own words and about them: never for a page on which the post is masked.

    `spans` are where the pieces that moved the score stand in the text; a term's senses moved nothing and are not among them.
    """

    spans: Sequence[tuple[int, int]] = ()
    pieces: Sequence[Piece] = ()
    senses: Sequence[Sense] = ()


def why_flagged(finding: Finding, text: str) -> Why:
    """The reasons of a finding on `text`: a family's pieces after one another, the weightiest first, and what terms in it can mean.

    What does not fit the text is left out.
    """
    fitting = [reason for reason in finding.reasons if _fits(reason, text)]
    moved = [reason for reason in fitting if reason.get("kind", "words") == "words"]
    by_family: dict[str, list[Mapping[str, Any]]] = {family: [] for family in finding.flags}
    for reason in sorted(moved, key=lambda reason: -reason.get("weight", 0.0)):
        by_family.setdefault(reason["family"], []).append(reason)
    senses: dict[str, Sense] = {}
    for reason in fitting:
        if reason.get("kind") == "sense" and reason.get("note"):
            written = _quoted(reason, text)
            known = f"'{written}'".casefold() in reason["note"].casefold()
            senses.setdefault(reason["note"], Sense(text="" if known else written, note=reason["note"]))
    return Why(
        spans=[(reason["start"], reason["end"]) for reason in moved],
        pieces=[
            Piece(
                text=_quoted(reason, text), did="also spoke" if place else "spoke most", family=_words(Family, family)
            )
            for family, theirs in by_family.items()
            for place, reason in enumerate(theirs)
        ],
        senses=list(senses.values()),
    )


def _fits(reason: Mapping[str, Any], text: str) -> bool:
    start, end = reason.get("start"), reason.get("end")
    return isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(text)


def _quoted(reason: Mapping[str, Any], text: str) -> str:
    piece = text[reason["start"] : reason["end"]]
    return piece if len(piece) <= LONGEST_QUOTE else f"{piece[:LONGEST_QUOTE].rstrip()}…"
