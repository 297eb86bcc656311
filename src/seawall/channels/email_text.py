"""An incoming mail as text, whatever somebody put into it: bounded, cleaned, nothing opened, followed or run."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from collections.abc import Iterator, Sequence
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser
from email.utils import parseaddr, parsedate_to_datetime
from html import unescape
from typing import Final

MAX_TEXT: Final = 50_000
"""Characters of a mail's text that are kept."""
MAX_PARTS: Final = 100
_MAX_MULTIPARTS, _MAX_PART_HEADER, MAX_HEADER = 30, 16_384, 2_000
_MAILBOX = re.compile(r"[^\s@<>(),:;\"\\\x00-\x1f\ud800-\udfff]{1,64}@[^\s@<>(),:;\"\\\x00-\x1f\ud800-\udfff]{1,255}")
_DISGUISES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufeff]")
_CHARSET = re.compile(
    r"utf-?(8|16|16le|16be)|iso-8859-\d{1,2}|windows-\d{3,4}|cp\d{3,4}|koi8-[ru]"
    r"|gb2312|gbk|gb18030|big5|shift_jis|iso-2022-jp|euc-(jp|kr)"
)


class Unreadable(ValueError):
    """The mail is made so that it cannot be parsed in bounded time."""


def clean(text: str) -> str:
    """Drop what can hide or disguise words: control and half characters, bidi overrides. Line breaks and tabs stay."""
    return _DISGUISES.sub("", re.sub("\r\n|[\r\u2028\u2029]", "\n", text))


def header(mail: Message, name: str) -> str:
    """Return a header decoded, on one line; empty where there is none."""
    value = str(mail.get(name, ""))[:MAX_HEADER]
    with contextlib.suppress(MessageError, ValueError, LookupError):  # an encoded word that is none stays as it stands
        value = str(make_header(decode_header(value)))
    return " ".join(clean(value).split())


def parsed(raw: bytes) -> Message:
    """Parse, with bounds on what makes the parser slow: parts within parts, and endless headers of a part."""
    if len(re.findall(rb"(?im)^content-type:\s*multipart/", raw)) > _MAX_MULTIPARTS:
        raise Unreadable("The mail nests more parts than any mail program does. Look at it as a file.")
    length = 0
    for line in raw.splitlines():
        goes_on = length and line[:1] in (b" ", b"\t")
        length = length + len(line) if goes_on else len(line) * (line[:8].lower() == b"content-")
        if length > _MAX_PART_HEADER:
            raise Unreadable("A header of the mail has no end. Look at it as a file.")
    return BytesParser().parsebytes(raw)


def parts_of(mail: Message) -> Iterator[Message]:
    """Yield the parts of the mail in order; what is inside an enclosed mail is not part of it."""
    waiting = [mail]
    for _ in range(MAX_PARTS):
        if not waiting:
            return
        part = waiting.pop(0)
        yield part
        if part.get_content_maintype() == "multipart":
            waiting[:0] = inside(part)


def inside(part: Message) -> list[Message]:
    payload = part.get_payload() if part.is_multipart() else []
    return [inner for inner in payload if isinstance(inner, Message)]


def said_in(parts: Sequence[Message]) -> str:
    """Return the text of the mail: what it has as plain text, else its HTML turned into text."""
    shown = [part for part in parts if part.get_content_disposition() != "attachment" and not part.is_multipart()]
    for kind in ("text/plain", "text/html"):
        found = [decoded(part) for part in shown if part.get_content_type() == kind]
        text = "\n".join(found if kind == "text/plain" else map(text_of_html, found))
        if text.strip():
            return clean(text)[: 4 * MAX_TEXT]
    return ""


def content_of(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def decoded(part: Message) -> str:
    charset = str(part.get_content_charset() or "")
    if _CHARSET.fullmatch(charset):
        with contextlib.suppress(LookupError):
            return content_of(part).decode(charset, "replace")
    return content_of(part).decode("utf-8", "replace")


_TAG_NAME = re.compile(r"!--|[!?]|/?[a-z][a-z0-9]{0,30}", re.IGNORECASE)
_HREF = re.compile(r"\bhref\s?=\s?[\"']?(https?://[^\"'\s>]{1,500})", re.IGNORECASE)
_LONG_NUMBER = re.compile(r"&#[xX]?[0-9a-fA-F]{8,};?")
_UNSEEN = frozenset({"head", "script", "style", "template", "title"})
_NEW_LINE = re.compile(r"/?(blockquote|br|div|dd|dl|dt|h[1-6]|hr|li|ol|p|pre|section|table|tr|ul)")


def text_of_html(html: str) -> str:
    """Turn HTML into text, quotations marked with ">", in one pass.

    The standard library's parser of HTML takes minutes for 100 KB that were made to be slow.
    """
    lines: list[str] = []
    line: list[str] = []
    quoted, link = 0, ""
    for tag, piece in (*_pieces(html), ("/p", "")):
        if not tag:
            line.append(unescape(_LONG_NUMBER.sub("", piece)))
        elif tag == "a":
            found = _HREF.search(piece)
            link = found[1] if found else ""
        elif tag == "/a":
            line.append(f" ({link})" if link and link not in "".join(line[-3:]) else "")
            link = ""
        elif tag in ("td", "th"):
            line.append(" ")
        elif _NEW_LINE.fullmatch(tag):
            lines.append(("> " if quoted else "") + " ".join("".join(line).split()))
            line.clear()
            quoted = max(0, quoted + {"blockquote": 1, "/blockquote": -1}.get(tag, 0))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def _pieces(html: str) -> Iterator[tuple[str, str]]:
    """Yield ("", text) and (name of a tag, the tag), without what no reader sees."""
    at = 0
    while (opened := html.find("<", at)) >= 0:
        yield "", html[at:opened]
        name = _TAG_NAME.match(html, opened + 1)
        if name is None:
            yield "", "<"
            at = opened + 1
            continue
        tag, closing = name[0].lower(), "-->" if name[0] == "!--" else ">"
        closed = html.find(closing, opened)
        if closed < 0:
            return
        at = closed + len(closing)
        yield tag, html[opened:at]
        if tag in _UNSEEN:
            end = re.compile(f"</{tag}", re.IGNORECASE).search(html, at)
            if end is None:
                return
            at = end.start()
    yield "", html[at:]


def headers(mail: Message, *names: str) -> str:
    return " ".join(str(value)[:20_000] for name in names for value in mail.get_all(name, [])[:MAX_PARTS])


def sender_of(mail: Message) -> str:
    found = parseaddr(str(mail.get("From", ""))[:MAX_HEADER])[1]
    return found if _MAILBOX.fullmatch(found) else ""


def dated(mail: Message) -> dt.datetime | None:
    try:
        moment: dt.datetime = parsedate_to_datetime(header(mail, "Date"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def enclosed_in(parts: Sequence[Message]) -> Iterator[str]:
    for part in parts:
        if not part.is_multipart() and (part.get_content_disposition() == "attachment" or part.get_filename()):
            yield " ".join(clean(str(part.get_filename() or part.get_content_type())).split())[:200]


_DIVIDER = re.compile(r"-{5,}[^-]{1,60}-{5,}|_{20,}")
_HEADER_LINE = re.compile(r"\s*(Sent|Date|To|Subject):")
_ATTRIBUTION = re.compile(r"@|\d{4}|\d:\d\d")


def own_words(text: str) -> str:
    """Leave out what is quoted: lines that begin with ">", and all from a dividing line or a signature on."""
    lines = text.split("\n")
    kept: list[str] = []
    in_quotation = False
    for number, line in enumerate(lines):
        bare = line.strip()
        if (
            bare == "--"
            or _DIVIDER.fullmatch(bare)
            or (bare.startswith("From:") and any(_HEADER_LINE.match(later) for later in lines[number + 1 : number + 4]))
        ):
            break
        if bare.startswith(">"):
            if not in_quotation:
                _drop_attribution(kept)
            in_quotation = True
        else:
            in_quotation = in_quotation and not bare
            kept.append(line.rstrip())
    return "\n".join(kept).strip()


def _drop_attribution(kept: list[str]) -> None:
    """Take back the lines before a quotation that only say who wrote it and when: "On Monday X wrote:"."""
    while kept and not kept[-1]:
        kept.pop()
    count = 1
    while count < min(3, len(kept)) and kept[-count - 1] and (kept[-count][0] == "<" or kept[-count][0].islower()):
        count += 1  # a line that begins in the middle of a sentence was broken by the mail program
    last = " ".join(kept[-count:])
    if last.endswith(":") and _ATTRIBUTION.search(last):
        del kept[-count:]
