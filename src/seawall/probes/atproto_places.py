"""What the places that decide over a post of the AT Protocol showed, and what follows from it all together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from seawall.outbound import Fetched
from seawall.probes.base import State
from seawall.probes.labels import WITHHOLDING

NO_ACCOUNT: Final = frozenset({"takendown", "deleted", "absent"})
"""States of an account in which its posts are gone."""
ASLEEP: Final = frozenset({"suspended", "deactivated"})
"""States from which an account may come back, and its posts with it."""


@dataclass(slots=True)
class Seen:
    """What each place showed, in the words of `views` (see :func:`seawall.probes.atproto.probe_with`)."""

    record: str = "unknown"
    account: str = "unknown"
    appview: str = "unknown"
    label: str = "unknown"
    blob: str = "unknown"
    text: str = "not-asked"
    by_digest: bool = False
    labels: list[str] = field(default_factory=list)
    failed: str = ""
    why: str = ""
    main: Fetched | None = None

    def views(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in ("record", "account", "appview", "label", "blob", "text")}

    def fail(self, kind: str, why: str) -> None:
        """Remember the first thing that kept a place from saying something."""
        if not self.why:
            self.failed, self.why = kind, why


def judged(seen: Seen) -> tuple[State, str, str]:
    """Return the state, the rule that led to it, and the same in a sentence."""
    place = "account" if seen.account in NO_ACCOUNT | ASLEEP else "record"
    gone = seen.record == "gone" or (seen.account in NO_ACCOUNT and seen.record != "there")
    # A server may go on giving out the record of an account that it calls deactivated.
    asleep = seen.account in ASLEEP and (seen.record != "there" or seen.appview == "absent")
    if (gone or asleep) and seen.appview in ("absent", "not-asked"):
        if asleep:
            return "restricted", "account", f"The post is withheld: the account is {seen.account}."
        what = f"the account is {seen.account}" if place == "account" else "the author's server has no such record"
        return (
            "removed",
            place,
            f"The post is gone: {what}{', and the AppView does not show it' * (seen.appview == 'absent')}.",
        )
    if "there" not in (seen.record, seen.appview):
        why = seen.why or "No conclusion: no place that would show the post says whether it is there."
        if seen.label in WITHHOLDING:
            return "restricted", "label", f"The post is withheld by the label {seen.label}. {why}"
        return "unreachable", seen.failed or place, why
    if seen.label in WITHHOLDING:
        return "restricted", "label", f"The post is withheld by the label {seen.label}; its record is {seen.record}."
    if seen.appview == "absent":
        return "restricted", "appview", "The record is on its author's server, and the AppView does not show it."
    if seen.blob == "gone":
        return "restricted", "blob", "The post is there, and a picture or film of it is not."
    if seen.text == "other":
        return "edited", "other-text", "The post is there without the text that was referred."
    if gone or seen.record != "there":
        return "up", "copy", f"The AppView shows the post ({place} at its author's server: {getattr(seen, place)})."
    return _up(seen)


def _up(seen: Seen) -> tuple[State, str, str]:
    more = []
    if shown := [value[:60] for value in seen.labels[:10] if value.isprintable()]:
        more.append(f"Its labels: {', '.join(shown)}.")
    if seen.label == "unknown":
        more.append("Not every moderation service said which labels it has.")
    if seen.appview == "unknown":
        more.append("The AppView does not say whether it shows it.")
    if seen.text == "not-asked":
        return "up", "no-text-given", " ".join(["The post is there; no text was given to look for.", *more])
    rule = "digest" if seen.by_digest else "text"
    return "up", rule, " ".join(["The post is there with the text that was referred.", *more])
