"""What a person pastes where, on a platform that has nothing but a form of its own.

A guide has one line for each field of the form, ``Name of the field: {placeholder} [max 500]``.
``docs/reference/channels/manual.md`` lists the placeholders.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httpx

from seawall.channels.base import Address, ChannelError
from seawall.channels.document import ReferralDocument, Withdrawal
from seawall.channels.manual_text import Value, referral_values, withdrawal_values
from seawall.channels.notices import POWERS

DEFAULT_GUIDE: Final = "Address of the post: {url}\nText: {message}"
_MOST_LINES: Final = 40
_LONGEST_GUIDE: Final = 10_000
_CUT: Final = " [...]"
_LONGEST_WORD: Final = 20
_LIMIT: Final = re.compile(r"\s*\[max ([1-9][0-9]{0,5})\]")
_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_WRITE_DOWN: Final = (
    "Write down in the hub at once: the number that the platform gave, or that it gave none; when you sent the form, which "
    "counts as the time of receipt; and the picture, of which the hub keeps the SHA-256 and nothing else."
)
_WHY: Final = {
    "url": "a platform has to know which post is meant",
    "referrer": "a body of the state is always named as one",
    "reasons": "a withdrawal has to say that it is one, and why",
}
_JOINERS: Final = "\u200c\u200d\ufe0e\ufe0f"


class GuideInvalid(ChannelError):
    """The guide to a platform's form cannot be followed. Somebody has to correct it in the directory; it is not retried."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=False)


@dataclass(frozen=True, slots=True)
class Filled:
    """One field of the form: its `name` there, and the `text` for it, blank where it stays empty.

    `limit` is how much the field takes, counted as browsers count, in UTF-16 units; `cut` says that the text was shortened.
    """

    name: str
    text: str
    limit: int | None = None
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Instructions:
    """The steps for one document: what comes `before`, the `page` to open, the `fields` to fill in, what to do `after`."""

    before: tuple[str, ...]
    page: str
    fields: tuple[Filled, ...]
    after: tuple[str, ...]

    def text(self) -> str:
        """Write all steps as plain text. What is to be pasted stands behind bars, so that it can look like no step."""
        lines = [*self.before, f"Open {self.page}", "Fill in the form:"]
        steps = [f"{number}. {line}" for number, line in enumerate(lines, start=1)]
        for filled in self.fields:
            about = f" (shortened to the {filled.limit:,} characters that the field takes)" if filled.cut else ""
            steps.append(f"   {filled.name}{about}")
            steps += [f"   | {line}" for line in filled.text.split("\n")] if filled.text else ["   (leave it empty)"]
        steps += [f"{number}. {line}" for number, line in enumerate(self.after, start=len(lines) + 1)]
        return "\n".join(steps) + "\n"


@dataclass(frozen=True, slots=True)
class _Field:
    number: int
    name: str
    limit: int | None
    parts: tuple[str, ...]
    """Literal text and names of placeholders by turns."""

    @property
    def placeholders(self) -> tuple[str, ...]:
        return self.parts[1::2]

    def filled(self, values: Mapping[str, Value]) -> Filled:
        """Put the values in; where that is too long for the field, shorten what may be shortened, the last first."""
        pieces = [values[part] if turn % 2 else Value.fixed(part) for turn, part in enumerate(self.parts)]
        if not any(values[name].text for name in self.placeholders) and self.placeholders:
            return Filled(self.name, "", self.limit)
        texts = [piece.text for piece in pieces]
        if self.limit is None:
            return Filled(self.name, "".join(texts))
        over = _units("".join(texts)) - self.limit
        cut = over > 0
        for at in reversed(range(len(pieces))):
            if over > 0:
                shorter = _shortened(pieces[at], over)
                over -= _units(texts[at]) - _units(shorter)
                texts[at] = shorter
        if over > 0:
            raise GuideInvalid(
                f"The field {self.name!r} takes {self.limit:,} characters, {over:,} too few for what may not be shortened in "
                "this referral. Give the field less in the guide, or refer by another way."
            )
        return Filled(self.name, "".join(texts), self.limit, cut)


def instructions(
    document: ReferralDocument | Withdrawal,
    address: Address,
    *,
    reference: str = "",
    hub_url: str = "",
    contact: str = "",
) -> Instructions:
    """Say what a person has to do to hand `document` over by the form at `address`.

    `reference` is what the platform called the referral, for its withdrawal; `hub_url` and `contact` are where the platform
    can answer. Raises GuideInvalid, also where the guide would leave out what may not be left out.
    """
    settings = address.settings
    if isinstance(document, ReferralDocument):
        values = referral_values(document, hub_url=hub_url, contact=contact)
        guide, page = settings.get("guide") or DEFAULT_GUIDE, address.endpoint
        must_have = ["url"] + (["referrer"] if document.referrer.state_body else [])
    else:
        values = withdrawal_values(document, reference=reference, hub_url=hub_url, contact=contact)
        guide = settings.get("withdrawal_guide") or DEFAULT_GUIDE
        page, must_have = settings.get("withdrawal_url") or address.endpoint, ["url", "reasons"]
    fields = _fields(guide, values)
    placed = {name for line in fields for name in line.placeholders}
    if missing := [name for name in must_have if not placed & {name, "message"}]:
        raise GuideInvalid(
            f"The guide places neither {{{missing[0]}}} nor {{message}} in any field, and {_WHY[missing[0]]}. Add one of them."
        )
    if not values["url"].text.isprintable() or " " in values["url"].text:
        raise GuideInvalid("The address of the post holds characters that no form takes. Correct it, and refer again.")
    first = settings.get("before", "").strip()
    if not first.isprintable():
        raise GuideInvalid("The setting before holds a line break or another character that cannot be printed.")
    rehearsal = "DEMONSTRATION. Only rehearse these steps; send nothing to a real platform."
    before = [line for line in (rehearsal if document.demonstration else "", first) if line]
    if isinstance(document, ReferralDocument) and document.kind in POWERS:
        noun = POWERS[document.kind].noun
        before.append(
            f"Print the {noun} from the hub as a PDF and attach it, since it has to arrive whole. "
            f"If the form takes no file, stop here and serve the {noun} by another way."
        )
    return Instructions(
        before=tuple(before),
        page=_page(page),
        fields=tuple(line.filled(values) for line in fields),
        after=(
            "Before you send the form, make sure that nobody has sent it already. Send it once.",
            "Keep a picture of what the platform shows then.",
            _WRITE_DOWN,
        ),
    )


def _fields(guide: str, values: Mapping[str, Value]) -> tuple[_Field, ...]:
    if len(guide) > _LONGEST_GUIDE:
        raise GuideInvalid(f"The guide is longer than {_LONGEST_GUIDE:,} characters. Shorten it.")
    lines = [(number, line.strip()) for number, line in enumerate(guide.splitlines(), start=1)]
    found = tuple(_field(number, line, values) for number, line in lines if line and not line.startswith("#"))
    if not 1 <= len(found) <= _MOST_LINES:
        raise GuideInvalid(
            f"The guide has {len(found)} fields; it needs 1 to {_MOST_LINES}, each on a line of its own."
        )
    names = [line.name for line in found]
    if twice := next((line for line in found if names.count(line.name) > 1), None):
        raise GuideInvalid(f"Two lines of the guide are for the field {twice.name!r}. Put them into one.")
    return found


def _field(number: int, line: str, values: Mapping[str, Value]) -> _Field:
    where = f"Line {number} of the guide"
    if not line.isprintable():
        raise GuideInvalid(f"{where} holds a character that cannot be printed. Write it again.")
    limits = _LIMIT.findall(line)
    bare = _LIMIT.sub("", line)
    name, colon, template = bare.removeprefix("- ").partition(":")
    name, template = name.strip(), template.strip()
    if not colon or not name or not template or len(name) > 100:
        raise GuideInvalid(
            f"{where} is not the name of a field, a colon, and what goes into it. Write “Reason: {{grounds}}”."
        )
    if len(limits) > 1 or "[max" in bare:
        raise GuideInvalid(f"{where} has a limit that cannot be read. Write it once, as [max 500].")
    parts = _PLACEHOLDER.split(template)
    if unknown := [part for part in parts[1::2] if part not in values]:
        raise GuideInvalid(f"{where} has {{{unknown[0][:40]}}}, which is not known here. There are: {_listed(values)}.")
    if any(brace in part for part in parts[::2] for brace in "{}"):
        raise GuideInvalid(f"{where} has a brace without its other half. Write placeholders as {{url}}.")
    return _Field(number, name, int(limits[0]) if limits else None, tuple(parts))


def _listed(values: Mapping[str, Value]) -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(values))


def _page(page: str) -> str:
    try:
        url = httpx.URL(page)
    except (httpx.InvalidURL, TypeError, ValueError):
        url = httpx.URL()
    if url.scheme not in ("https", "http") or not url.raw_host or url.userinfo or not page.isprintable() or " " in page:
        raise GuideInvalid("The page with the platform's form is not a web address. Correct it in the directory.")
    return page


def _units(text: str) -> int:
    """Count as browsers count a field's text against its limit."""
    return len(text) + sum(character > "\uffff" for character in text)


def _shortened(value: Value, over: int) -> str:
    """Return `value` shorter by `over` units, or as short as it may be."""
    room = _units(value.text) - over - _units(_CUT)
    kept = 0
    for kept, character in enumerate(value.text):  # noqa: B007  (how far it came is what is wanted)
        room -= _units(character)
        if room < 0:
            break
    least = value.keep
    while 0 < least < len(value.text) and not _may_end_before(value.text, least):
        least += 1
    kept = max(kept, least)
    while kept > least and not _may_end_before(value.text, kept):
        kept -= 1
    space = value.text.rfind(" ", max(least, kept - _LONGEST_WORD), kept)
    kept = kept if space < 0 else space
    shorter = value.text[:kept].rstrip() + _CUT
    return shorter if _units(shorter) < _units(value.text) else value.text


def _may_end_before(text: str, at: int) -> bool:
    """Say whether a text may be cut there without parting a letter from its accents or an emoji from its other half."""
    return not (unicodedata.combining(text[at]) or text[at] in _JOINERS or text[at - 1] == "\u200d")
