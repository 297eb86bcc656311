"""What is kept of a report: which harm its sender names, which post it is about, and what came along."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any, Final

from seawall.channels.xarf_report import MEDIA_TYPE, Evidence, Incoming
from seawall.hub.content.queries import native_id_of
from seawall.hub.practice.schema import Code, UnknownHarmError
from seawall.hub.practice.vocabulary import Partition
from seawall.hub.redress.services import UNNAMED_PLATFORM
from seawall.sources.posts import MAX_URL_CHARS

UNKNOWN: Final = "abuse-harassment"
"""The harm under which a report that names none enters the queue of the general desk; a person says what it is."""
HANDED_OFF: Final = "csea"
"""Nothing is kept of such a report but where the post lies: the hub stores no picture and no words of it."""

_HARM_OF_TYPE: Final = {"content/csam": HANDED_OFF, "content/csem": HANDED_OFF}
_ADDRESS: Final = re.compile(r"https?://[^\s/?#]+[^\s\x00-\x1f\x7f]*", re.IGNORECASE)
_TAG: Final = re.compile(r"harm:([a-z0-9][a-z0-9-]{0,39})")
_MOST_TEXT: Final = 20_000  # characters kept of one item of evidence
_MOST_TEXTS: Final = 5


def harm_named(report: Incoming, code: Code) -> str:
    """The harm that the sender names, by the type, in a referral or by a tag; "" when the code of practice has no such harm."""
    return next((harm for harm in _named(report) if _knows(code, harm)), "")


def is_handed_off(report: Incoming) -> bool:
    """Whether the sender says that it is sexual abuse of children, in whatever way: then no more is kept than where it lies."""
    return HANDED_OFF in _named(report)


def first_harm(code: Code) -> str:
    """Under which harm a report that names none is looked at first: one of the general desk's."""
    if _knows(code, UNKNOWN):
        return UNKNOWN
    return next(harm.id for harm in code.harms if harm.partition is Partition.GENERAL)


def _named(report: Incoming) -> list[str]:
    named = [_HARM_OF_TYPE[kind]] if (kind := f"{report.category}/{report.type}") in _HARM_OF_TYPE else []
    named += [report.referral.harm.id] if report.referral is not None else []
    return named + [match[1] for tag in report.tags if (match := _TAG.fullmatch(tag))]


def _knows(code: Code, harm: str) -> bool:
    try:
        code.harm(harm)
    except UnknownHarmError:
        return False
    return True


def address_of(report: Incoming) -> str:
    """The address complained of, of any scheme, as far as it is kept; "" without one."""
    return (report.referral.content.url if report.referral is not None else report.url or "")[:_MOST_TEXT]


def web_address(address: str) -> str:
    """The address where it is a link that a post may have; "" for any other scheme and for what is too long."""
    return address if len(address) <= MAX_URL_CHARS and _ADDRESS.fullmatch(address) else ""


def native_id(address: str, platform: str) -> str:
    """What the post is called: the last part of its path where the platform (a slug) is known, the whole address elsewhere.

    The same as for reports by the public, so that both find the same post.
    """
    return native_id_of(address, known=platform != UNNAMED_PLATFORM)


def words_of(report: Incoming) -> str:
    """The post's own words where the report brings them and no address: its first text; otherwise ""."""
    return next((text for item in report.evidence if (text := _text(item, item.data()))), "")


def kept_evidence(report: Incoming) -> list[dict[str, Any]]:
    """What came along: type, description, size, digest, whether it fits its hash; of text its words. Media are not kept."""
    kept: list[dict[str, Any]] = []
    texts = 0
    for item in report.evidence:
        data = item.data()
        text = "" if texts >= _MOST_TEXTS else _text(item, data)
        texts += bool(text)
        held = item.payload.encode() if data is None else data
        kept.append(
            {
                "content_type": item.content_type,
                "description": item.description or "",
                "size": len(held),
                "sha256": sha256(held).hexdigest(),
                "intact": item.intact(),
                "text": text,
            }
        )
    return kept


def _text(item: Evidence, data: bytes | None) -> str:
    kind = item.content_type.partition(";")[0].strip().lower()
    if data is None or kind == MEDIA_TYPE or not kind.startswith("text/"):
        return ""
    words = data[: 4 * _MOST_TEXT].decode("utf-8", "replace").replace("\x00", "").strip()
    return words if len(words) <= _MOST_TEXT else f"{words[:_MOST_TEXT]} [cut here]"
