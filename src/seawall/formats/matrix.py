"""The names that Matrix gives things, and the addresses by which people pass them on.

An event (a message) has no web page of its own: it is named by its room and its id, and written as a ``matrix:`` URI, as a
``https://matrix.to`` link, or as whatever the platform's own web client shows in the address bar.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote, unquote

Kind = Literal["event", "room", "user", "media"]

_LONGEST: Final = 255
"""Bytes of an identifier, its sigil and server included."""
_SERVER: Final = r"(?:[A-Za-z0-9][A-Za-z0-9.-]{0,229}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?"
_SHAPES: Final = {
    "!": re.compile(r"![!-.0-~]+"),  # from room version 12 on without a server
    "$": re.compile(r"\$[!-~]+"),  # in early room versions with slashes in it
    "@": re.compile(rf"@[!-9;-~]*:{_SERVER}"),
    "#": re.compile(rf"#[^:\s\x00-\x1f\x7f]+:{_SERVER}"),
}
_SERVER_NAME: Final = re.compile(_SERVER)
_MEDIA: Final = re.compile(rf"({_SERVER})/([A-Za-z0-9_-]{{1,{_LONGEST}}})")
_DOWNLOAD: Final = re.compile(
    r"/_matrix/(?:client/v1/media|media/(?:r0|v1|v3))/(?:download|thumbnail)/([^/?#]+/[^/?#]+)(?:[/?#].*)?"
)
_TYPES: Final = {"roomid": "!", "r": "#", "u": "@", "e": "$"}
_WEB: Final = re.compile(r"https?://([^/?#\s]+)(/[^?#\s]*)?(?:\?[^#\s]*)?(?:#/([^?]*).*)?", re.IGNORECASE)
_HOLES: Final = re.compile(r"\{(room|event|user)\}")


class NotMatrix(ValueError):
    """The text names nothing on Matrix, or a pattern cannot be used; the message says why, and what would do."""


@dataclass(frozen=True, slots=True)
class Named:
    """What an address names. `room` is a room's id or its alias; `media` is ``SERVER/ID``."""

    kind: Kind
    room: str = ""
    event: str = ""
    user: str = ""
    media: str = ""

    @property
    def server(self) -> str:
        """The server that the name belongs to; '' where the name does not say."""
        if self.kind == "media":
            return self.media.partition("/")[0]
        return server_of(self.user or self.room)

    @property
    def link(self) -> str:
        """The address that any Matrix client opens; of media, its ``mxc`` URI."""
        if self.kind == "media":
            return f"mxc://{self.media}"
        parts = [quote(part, safe="!@:") for part in (self.user or self.room, self.event) if part]
        return f"https://matrix.to/#/{'/'.join(parts)}"


def is_id(text: str, sigils: str) -> bool:
    """Tell whether `text` is an identifier that begins with one of `sigils`: ``!``, ``$``, ``@`` or ``#``."""
    if not text or text[0] not in sigils or not text.isprintable() or len(text.encode()) > _LONGEST:
        return False
    return _SHAPES[text[0]].fullmatch(text) is not None


def server_of(identifier: str) -> str:
    """Return the server in an identifier, lower-cased; '' where there is none."""
    server = identifier.partition(":")[2]
    return server.lower() if _SERVER_NAME.fullmatch(server) else ""


def media_of(uri: object) -> str:
    """Return ``SERVER/ID`` of an ``mxc`` URI; '' for anything else."""
    text = uri if isinstance(uri, str) and len(uri) <= 2 * _LONGEST else ""
    named = text.removeprefix("mxc://")
    return named if named != text and _MEDIA.fullmatch(named) else ""


def parse(address: str, pattern: str = "") -> Named:
    """Read an address.

    Understood are ``matrix:`` and ``mxc:`` URIs, links to matrix.to, the links of web clients that write ``#/room/`` and
    ``#/user/``, downloads of media, and what `pattern` fits: a web address with the holes ``{room}``, ``{event}`` and
    ``{user}``, such as ``https://chat.example/r/{room}/m/{event}``.

    Raises
    ------
    NotMatrix
        None of these, or the pattern itself is wrong.
    """
    if len(address) > 4_096 or not address.isprintable():
        raise NotMatrix("The address is longer than any of Matrix, or holds characters that no address has.")
    found = _by_pattern(address, pattern) if pattern else None
    found = found or _uri(address) or _web(address)
    if found is None:
        raise NotMatrix(
            f"{address[:200]!r} names nothing on Matrix. Use the link that a Matrix client gives (https://matrix.to/#/...), "
            "or set the pattern of this platform's own links."
        )
    return found


def _uri(address: str) -> Named | None:
    if media := media_of(address):
        return Named("media", media=media)
    scheme, _, path = address.partition(":")
    parts = path.partition("?")[0].split("/")
    if scheme.lower() != "matrix" or len(parts) % 2:
        return None
    pairs = [(_TYPES.get(kind, ""), unquote(name)) for kind, name in zip(parts[::2], parts[1::2], strict=True)]
    return _named([sigil + name for sigil, name in pairs if sigil]) if all(sigil for sigil, _ in pairs) else None


def _web(address: str) -> Named | None:
    match = _WEB.fullmatch(address)
    if match is None:
        return None
    if download := _DOWNLOAD.fullmatch(match[2] or ""):
        media = unquote(download[1])
        return Named("media", media=media) if _MEDIA.fullmatch(media) else None
    client, _, rest = (match[3] or "").partition("/")
    named = rest if client in ("room", "user") else match[3] if match[1].lower() == "matrix.to" else None
    parts = (named or "").split("/", 1)
    return _named([unquote(part) for part in parts if part])


def _by_pattern(address: str, pattern: str) -> Named | None:
    pieces = _HOLES.split(pattern)
    holes, between = pieces[1::2], pieces[2:-1:2]
    if not pattern.startswith(("https://", "http://")) or not {"room", "user"} & set(holes) or "" in between:
        raise NotMatrix(
            f"The pattern {pattern[:200]!r} cannot be used. Write a web address with {{room}} or {{user}} in it, and "
            "something between one such hole and the next."
        )
    if len(set(holes)) != len(holes):
        raise NotMatrix(f"The pattern {pattern[:200]!r} has the same hole twice.")
    shape = "".join(
        rf"(?P<{piece}>[^/?#]{{1,{3 * _LONGEST}}})" if number % 2 else re.escape(piece)
        for number, piece in enumerate(pieces)
    )
    match = re.fullmatch(shape, address)
    if match is None:
        return None
    filled = {name: unquote(value) for name, value in match.groupdict().items()}
    return _named([filled[name] for name in ("user", "room", "event") if name in filled])


def _named(identifiers: list[str]) -> Named | None:
    """Make a name of one identifier, or of a room and an event in it."""
    if len(identifiers) == 1 and is_id(identifiers[0], "@"):
        return Named("user", user=identifiers[0])
    if len(identifiers) == 1 and is_id(identifiers[0], "!#"):
        return Named("room", room=identifiers[0])
    if len(identifiers) == 2 and is_id(identifiers[0], "!#") and is_id(identifiers[1], "$"):
        return Named("event", room=identifiers[0], event=identifiers[1])
    return None
