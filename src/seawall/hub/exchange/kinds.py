"""What a signal can be, and the one form in which each is kept. Pure: no Django."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from seawall.clock import WordedEnum
from seawall.detect.media import LEAST_QUALITY, FrameHash, kept
from seawall.formats.atproto import read_address

MOST_CHARACTERS = 2_000
MOST_FRAMES = 600
"""Frames of a video in one signal. A longer video is shared in parts: each part is found in the whole."""
MOST_OF_VIDEO = 100 * MOST_FRAMES  # characters


class SignalKind(WordedEnum):
    """What is shared of a piece of content, or of what stands behind it. Never a person's score."""

    PDQ = ("pdq", "PDQ hash of a picture")
    VPDQ = ("vpdq", "vPDQ hashes of a video’s frames")
    VIDEO_MD5 = ("video_md5", "MD5 of a video file")
    MD5 = ("md5", "MD5 of a file")
    SHA256 = ("sha256", "SHA-256 of a file")
    URL = ("url", "Address of a page")
    TEXT = ("text", "Text, to be found again when little is changed")
    ACCOUNT = ("account", "Account on a platform")
    TERM = ("term", "Coded term")


class SignalInvalid(ValueError):
    """A value that is no signal of its kind; the message says what it must be."""


#: What trackers add to addresses and what leads to the same page without it.
TRACKERS = re.compile(
    r"utm_\w+|fbclid|gclid|dclid|msclkid|igshid|igsh|mc_[ce]id|yclid|twclid|_hs(enc|mi)", re.IGNORECASE
)
_ACCOUNT = re.compile(r"([a-z0-9][a-z0-9.-]{0,100}):([^\s\x00-\x1f]{1,500})")


def _digits(length: int, name: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        text = value.strip().lower()
        if not re.fullmatch(rf"[0-9a-f]{{{length}}}", text):
            raise SignalInvalid(f"A {name} is {length} hexadecimal digits; this is {value[:80]!r}.")
        return text

    return read


def canonical_url(value: str) -> str:
    """The form in which two addresses of the same page are the same text.

    Scheme and host in small letters (the host as it travels, in ASCII), no default port, no user, no fragment, no empty path, dots in the
    path resolved, escapes that need none undone and others in capitals, known trackers gone. The order of a query stays: it can matter.
    http and https are kept apart no longer: both become https. A record of the AT Protocol by its own address,
    at://DID/COLLECTION/KEY, stays as it is. Raises SignalInvalid.
    """
    text = value.strip()
    if text.startswith("at://"):
        return _record(text)
    if "://" not in text:
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").rstrip(".")
        port = parts.port
    except ValueError as problem:
        raise SignalInvalid(f"This is not the address of a page: {value[:80]!r} ({problem}).") from problem
    if parts.scheme.lower() not in ("http", "https") or not host or "." not in host:
        raise SignalInvalid(f"This is not the address of a page on the web: {value[:80]!r}. Give it from https:// on.")
    try:
        host = host.encode("idna").decode("ascii") if not host.isascii() else host.lower()
    except UnicodeError as problem:
        raise SignalInvalid(f"The host of this address cannot be written: {host[:80]!r}.") from problem
    if not re.fullmatch(r"[a-z0-9]([a-z0-9_.-]*[a-z0-9])?", host):
        raise SignalInvalid(f"The host of this address is none: {host[:80]!r}.")
    if port not in (None, 80, 443):
        host = f"{host}:{port}"
    segments: list[str] = []
    for segment in parts.path.split("/")[1:] or [""]:
        if segment == "..":
            segments = segments[:-1]
        elif segment != ".":
            segments.append(quote(unquote(segment), safe="!$&'()*+,;=:@-._~"))
    if parts.path.endswith(("/.", "/..")):
        segments.append("")
    asked = [
        (name, said) for name, said in parse_qsl(parts.query, keep_blank_values=True) if not TRACKERS.fullmatch(name)
    ]
    return urlunsplit(("https", host, "/" + "/".join(segments), urlencode(asked, quote_via=quote), ""))


def _record(text: str) -> str:
    try:
        address = read_address(text)
    except ValueError as problem:
        raise SignalInvalid(f"This is not the address of a record: {text[:80]!r} ({problem}).") from problem
    if not address.resolved:
        raise SignalInvalid(
            "Name whose record it is by the DID (did:plc:...): a handle may belong to somebody else later."
        )
    return address.uri


def _account(value: str) -> str:
    found = _ACCOUNT.fullmatch(value.strip())
    if found is None:
        raise SignalInvalid(
            "An account is written platform:identifier, such as example:12345, with the platform's own identifier."
        )
    return f"{found[1]}:{found[2]}"


def _words(value: str) -> str:
    text = " ".join(value.split())
    if not text:
        raise SignalInvalid("There are no words here.")
    return text


def video_frames(value: str) -> list[FrameHash]:
    """The frames of a vPDQ value that are compared: of enough quality, equal ones once, in order of time.

    A frame a line, as `threatexchange` writes one (`hash,quality,seconds`), or a JSON list of such lines. Raises SignalInvalid.
    """
    written: object = value.splitlines()
    if value.lstrip().startswith("["):
        try:
            written = json.loads(value)
        except ValueError as problem:
            raise SignalInvalid("A vPDQ value that begins with [ must be a JSON list of frames.") from problem
    if not isinstance(written, list) or not all(isinstance(line, str) for line in written):
        raise SignalInvalid("A vPDQ value is a frame a line: hash,quality,seconds.")
    lines = [line for line in written if line.strip()]
    if len(lines) > 20 * MOST_FRAMES:
        raise SignalInvalid(f"A signal holds at most {MOST_FRAMES} frames of a video. Share a longer one in parts.")
    try:
        frames = sorted(kept([FrameHash.parse(line) for line in lines]), key=lambda frame: frame.seconds)
    except ValueError as problem:
        raise SignalInvalid(str(problem)) from problem
    if not frames:
        raise SignalInvalid(f"No frame has a quality of {LEAST_QUALITY} or more: this says too little of a video.")
    if len(frames) > MOST_FRAMES:
        raise SignalInvalid(f"A signal holds at most {MOST_FRAMES} frames of a video. Share a longer one in parts.")
    return frames


_READ: dict[SignalKind, Callable[[str], str]] = {
    SignalKind.PDQ: _digits(64, "PDQ hash"),
    SignalKind.VPDQ: lambda value: "\n".join(str(frame) for frame in video_frames(value)),
    SignalKind.MD5: _digits(32, "MD5"),
    SignalKind.VIDEO_MD5: _digits(32, "MD5"),
    SignalKind.SHA256: _digits(64, "SHA-256"),
    SignalKind.URL: canonical_url,
    SignalKind.TEXT: _words,
    SignalKind.ACCOUNT: _account,
    SignalKind.TERM: lambda value: _words(value).casefold(),
}


def canonical(kind: SignalKind, value: str) -> str:
    """The one form in which a value of this kind is kept and compared. Raises SignalInvalid."""
    most = MOST_OF_VIDEO if kind is SignalKind.VPDQ else MOST_CHARACTERS
    if len(value) > most or "\x00" in value:
        raise SignalInvalid(f"A {kind.words} is at most {most:,} characters of text.")
    return _READ[kind](value)
