"""What an activity in the hub's inbox says about a report that the hub sent. Pure: bytes were read before, nothing is fetched."""

from __future__ import annotations

import datetime as dt
import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from seawall.channels.base import ANSWER_SCHEMA, Answer, AnswerInvalid, stamp

MOST_TEXT: Final = 5_000
LONGEST_ID: Final = 2_048
_LONGEST_ANSWER: Final = 65_536
_MOST_ATTACHED: Final = 20
_TAG: Final = re.compile(r"<[^>]{0,2000}>")
_BREAK: Final = re.compile(r"<(?:br|/p|/div|/li)\b[^>]{0,200}>", re.IGNORECASE)
_STATED: Final = ("answer_id", "status", "reason_code", "detail", "puid", "actions")


class ActivityInvalid(ValueError):
    """This is no activity that the hub can read; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class About:
    """An activity that answers a Flag. `flag` is the Flag's id, `stated` an answer that came with it, as it came."""

    id: str
    kind: Literal["Accept", "Reject", "Create"]
    actor: str
    flag: str
    text: str
    stated: Mapping[str, Any] | None = None


def read(value: object) -> About | None:
    """Read an activity that accepts, rejects or replies to something; None for every other. Raises ActivityInvalid.

    Whether that something is a Flag of this hub is the caller's to look up.
    """
    if not isinstance(value, dict) or not isinstance(kind := value.get("type"), str):
        raise ActivityInvalid("The body is not an activity: an object with a type.")
    actor, name = _id(value.get("actor")), _id(value)
    if not actor or not _is_address(actor):
        raise ActivityInvalid("The activity has no actor that is a web address.")
    if kind not in ("Accept", "Reject", "Create"):
        return None
    held = value.get("object")
    note = held if isinstance(held, dict) else {}
    flag = _id(note.get("inReplyTo")) if kind == "Create" else _id(held)
    if not _is_address(flag):
        return None
    if not name or not _is_address(name):
        raise ActivityInvalid("The activity has no id that is a web address.")
    said = (note if kind == "Create" else value).get("content") or value.get("summary")
    stated = next(_attached((note if kind == "Create" else value).get("attachment")), None)
    return About(name, kind, actor, flag, plain(said if isinstance(said, str) else ""), stated)  # type: ignore[arg-type]


def answer_in(about: About, *, answer_id: str, reference: str, at: dt.datetime) -> Answer | None:
    """The answer that can be read without a person: one that is attached as seawall-answer/1, or Accept, which says that they have it.

    None where a person has to read it. Raises AnswerInvalid for an attached answer that does not hold.
    """
    stated = about.stated
    if stated is None:
        if about.kind != "Accept":
            return None
        stated = {"status": "RECEIVED", "detail": about.text}
    actions = stated.get("actions", [])
    if isinstance(actions, list) and (len(actions) > 20 or any(len(str(action)) > 200 for action in actions)):
        raise AnswerInvalid("The attached answer lists more than 20 actions, or one of more than 200 characters.")
    if any(_is_no_text(part) for value in stated.values() for part in (value if isinstance(value, list) else [value])):
        raise AnswerInvalid("The attached answer holds a NUL or half a character, which is no text.")
    own = stated.get("answer_id")
    value = {
        "status": None,
        "reason_code": None,
        "detail": "",
        "puid": None,
        "actions": [],
        **{name: stated[name] for name in _STATED if name in stated},
        "schema": ANSWER_SCHEMA,
        "answer_id": own if isinstance(own, str) and 0 < len(own) <= 200 and own.isprintable() else answer_id,
        "reference": reference,
        "at": stamp(at),
    }
    return Answer.unsigned(value, reference=reference, proof="acknowledged")


def plain(text: str) -> str:
    """The words of a piece of HTML, in at most MOST_TEXT characters; never shown as HTML."""
    bare = html.unescape(_TAG.sub("", _BREAK.sub("\n", text[: 4 * MOST_TEXT])))
    kept = "".join(letter for letter in bare if letter.isprintable() or letter == "\n").strip()
    return kept if len(kept) <= MOST_TEXT else f"{kept[: MOST_TEXT - 11]} [cut here]"


def host(address: str) -> str:
    """The host and port that an address names, in lower case; "" where it names none."""
    try:
        return urlsplit(address).netloc.lower()
    except ValueError:
        return ""


def _attached(value: object) -> Iterator[Mapping[str, Any]]:
    """Yield every attached seawall-answer/1 object."""
    for part in (value if isinstance(value, list) else [value])[:_MOST_ATTACHED]:
        content = part.get("content") if isinstance(part, dict) else None
        if not isinstance(content, str) or len(content) > _LONGEST_ANSWER:
            continue
        try:
            found = json.loads(content)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict) and found.get("schema") == ANSWER_SCHEMA:
            yield found


def _id(value: object) -> str:
    """The id of an object, which may stand for itself, or of the first of a list."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        value = value.get("id")
    return value if isinstance(value, str) and len(value) <= LONGEST_ID else ""


def _is_address(text: str) -> bool:
    return text.startswith(("https://", "http://")) and text.isascii() and text.isprintable() and bool(host(text))


def _is_no_text(value: object) -> bool:
    return isinstance(value, str) and bool(re.search("[\x00\ud800-\udfff]", value))
