"""Looking at a message where its homeserver keeps it.

A message on Matrix has no page. Its room is shown to members, so :func:`probe_with` looks as the hub's account; `probe`
looks as somebody who has not signed in, and can seldom conclude more than whether the room is open to everybody.

Synapse says of a message that is not there and of one that it will not show the same thing, 404. So a message that is not
found counts as removed only when the hub's account is a member of its room and would be shown it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from seawall.formats.matrix import Named, NotMatrix, is_id, media_of, parse
from seawall.outbound import Fetched, Outbound, OutboundError, OutboundRefused
from seawall.probes import page
from seawall.probes.base import Exchange, Observation, Probe, State

KEPT_BYTES: Final = 100_000
"""How much of each answer is kept as evidence. Of a file nothing is: it may be what nobody should hold."""

_CLIENT: Final = "/_matrix/client"
_OPEN: Final = frozenset({"shared", "world_readable"})
_MEMBERSHIPS: Final = {"join": "member", "leave": "left", "ban": "banned"}
_FILE_REDIRECTS: Final = 2
_FALLBACK: Final = "> "
_TOKEN: Final = re.compile(r"[\x21-\x7e]{0,4096}")


@dataclass(frozen=True, slots=True)
class _Said:
    """What one request gave: an answer, the object in it (`value`) and its error code, or why there is no answer."""

    url: str
    answer: Fetched | None = None
    value: Mapping[str, Any] = field(default_factory=dict)
    failed: str = ""
    why: str = ""

    @property
    def status(self) -> int | None:
        return self.answer.status if self.answer else None

    @property
    def code(self) -> str:
        code = self.value.get("errcode")
        return code[:60] if isinstance(code, str) else ""

    @property
    def not_found(self) -> bool:
        """Whether a homeserver says that it has no such thing; a proxy's bare 404 or an unknown path is not that."""
        return self.status == 404 and self.code == "M_NOT_FOUND"


@dataclass(slots=True)
class _Asking:
    """Asks one homeserver, as the hub's account or signed out, and keeps what came back."""

    outbound: Outbound
    homeserver: str
    token: str
    exchanges: list[Exchange] = field(default_factory=list)

    def get(self, path: str) -> _Said:
        """Ask `path` of the homeserver."""
        return self.fetch(self.homeserver + path, token=self.token)

    def fetch(
        self, url: str, *, method: str = "GET", redirects: int = 0, token: str = "", keep: int = KEPT_BYTES
    ) -> _Said:
        headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        try:
            answer = self.outbound.fetch(url, method=method, headers=headers, redirects=redirects, truncate=True)
        except OutboundRefused as error:
            return _Said(url, failed="not-allowed", why=f"Not looked at: {error}")
        except OutboundError as error:
            return _Said(url, failed=error.kind, why=f"No conclusion: {error}")
        self.exchanges.append(
            Exchange(method, url, answer.status, tuple(answer.headers.multi_items()), answer.body[:keep])
        )
        return _Said(answer.url, answer, _object(answer))


@dataclass(frozen=True, slots=True)
class _Judged:
    state: State
    matched: str
    detail: str
    views: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Expected:
    text: str | None
    digest: str | None

    def within(self, texts: list[str]) -> bool | None:
        """Tell whether `texts` (HTML) hold what was referred; None when there is nothing to look for."""
        seen = page.read("".join(f"<div>{text}</div>" for text in texts))
        if self.text is not None and page.normalise(self.text):
            return seen.holds(self.text)
        return None if self.digest is None else seen.holds_digest(self.digest.lower())


def probe_with(homeserver: str, token: str, *, pattern: str = "", before: Mapping[str, str] | None = None) -> Probe:
    """Make a probe that asks `homeserver` (its base URL) as the account whose access token is `token`.

    A message whose content was redacted, or that the homeserver does not know in a room where the account is a member
    and would be shown it, is ``removed``; one whose latest edit lacks the text that was referred, ``edited``; one that is
    there and whose file is gone, ``restricted`` unless words stand beside the file. Being refused (401, 403, not a
    member), an outage, and whatever no homeserver says are ``unreachable``: they say nothing about the message.

    Its `views` hold what was looked at of ``event`` (``there``, ``redacted``, ``not-found``, ``not-let-in``, ``unknown``),
    ``redacted-by`` (``author``, ``other``), ``edit`` (``none``, ``edited``), ``file`` (``there``, ``gone``, ``not-found``,
    ``unknown``), ``author`` (``member``, ``left``, ``banned``, ``unknown``: of the room), ``room`` (``joined``, ``left``,
    ``banned``, ``not-joined``, ``world-readable``, ``listed``, ``not-shown``, ``unknown``) and ``account`` (``there``, ``gone``,
    ``not-found``, ``unknown``).

    Parameters
    ----------
    homeserver
        '' finds it by the server's name in the address, with `token` '' only: ValueError otherwise, since whoever wrote
        the address would be handed the token.
    pattern
        How the platform's own client writes addresses; see :func:`seawall.formats.matrix.parse`.
    before
        The `views` of an earlier look. A file or an account that is not found counts as gone when it was seen then.
    """
    if token and not homeserver:
        raise ValueError("a token needs its homeserver; it is not sent to a server that an address names")
    if not _TOKEN.fullmatch(token):
        raise ValueError("the token holds what no access token does")
    earlier = dict(before or {})

    def look(
        url: str,
        *,
        outbound: Outbound,
        at: dt.datetime,
        expected_text: str | None = None,
        expected_text_sha256: str | None = None,
    ) -> Observation:
        """Look at `url`, the address of a message, a room, an account or a file; see :func:`probe_with`."""
        asking = _Asking(outbound, homeserver.rstrip("/"), token)
        said = _Said(url)
        try:
            named = parse(url, pattern)
        except NotMatrix as error:
            judged = _Judged("unreachable", "not-matrix", f"Not looked at: {error}")
        else:
            expected = _Expected(expected_text, expected_text_sha256)
            said, judged = _look(asking, named, expected, earlier)
        digest = hashlib.sha256(said.answer.body).hexdigest() if said.answer else None
        exchanges = tuple(asking.exchanges)
        return Observation(
            judged.state, said.status, said.url, digest, at, judged.detail, judged.matched, judged.views, exchanges
        )

    return look


probe: Final[Probe] = probe_with("", "")


def _look(asking: _Asking, named: Named, expected: _Expected, before: Mapping[str, str]) -> tuple[_Said, _Judged]:
    if not asking.homeserver and (failed := _discover(asking, named)):
        return failed
    if named.kind == "media":
        return _look_at_file(asking, named.media, before)
    if named.kind == "user":
        return _look_at_account(asking, named.user, before)
    room = named.room
    if room.startswith("#"):
        said = asking.get(f"{_CLIENT}/v3/directory/room/{_part(room)}")
        found = said.value.get("room_id")
        if said.status != 200 or not isinstance(found, str) or not is_id(found, "!"):
            return said, _nothing(said, {"room": "unknown"}, f"the name {room} leads to no room")
        room = found
    if named.kind == "room":
        return _look_at_room(asking, room)
    said = asking.get(f"{_CLIENT}/v3/rooms/{_part(room)}/event/{_part(named.event)}")
    if said.not_found and asking.token:
        return said, _not_found(asking, room, before)
    if said.status in (401, 403) or said.not_found:
        views = {"event": "not-let-in"} | ({} if asking.token else {"room": _openness(asking, room)})
        return said, _nothing(said, views, "the homeserver does not show the message to us", "not-let-in")
    if said.status != 200:
        return said, _nothing(said, {"event": "unknown"})
    if said.value.get("event_id") != named.event or not isinstance(said.value.get("content"), dict):
        return said, _nothing(said, {"event": "unknown"}, "the answer is not that message", "not-matrix")
    return said, _judge(asking, room, said.value, expected, before)


def _judge(
    asking: _Asking, room: str, event: Mapping[str, Any], expected: _Expected, before: Mapping[str, str]
) -> _Judged:
    """Judge a message that the homeserver shows."""
    content: Mapping[str, Any] = event["content"]
    sender = event.get("sender")
    author = _author(asking, room, sender)
    if (because := _member(event, "unsigned", "redacted_because")) is not None or not content:
        by = because.get("sender") if isinstance(because, dict) else None
        who = {"redacted-by": "author" if by == sender else "other"} if isinstance(by, str) else {}
        views = {"event": "redacted", **who, "author": author}
        return _Judged("removed", "redacted", "The message was redacted: nothing of it is left but its place.", views)
    edit = _member(event, "unsigned", "m.relations", "m.replace")
    shown = _edited(asking, room, edit, sender) if isinstance(edit, dict) else content
    views = {"event": "there", "edit": "edited" if isinstance(edit, dict) else "none", "author": author}
    texts = _texts(shown)
    media = _media(shown)
    if media:
        views["file"] = _file(asking, media, before.get("file") == "there")[1]
    present = expected.within(texts) if texts else None
    if present is False:
        since = "was edited and no longer holds" if isinstance(edit, dict) else "does not hold"
        return _Judged("edited", "other-text", f"The message {since} the text that was referred.", views)
    if views.get("file") == "gone" and not _captioned(shown):
        return _Judged("restricted", "file", "The message is there and its file is not shown any more.", views)
    gone = " Its file is not shown any more." if views.get("file") == "gone" else ""
    if present:
        matched = "text" if expected.text else "digest"
        return _Judged("up", matched, f"The message is there with the text that was referred.{gone}", views)
    if isinstance(edit, dict) and before.get("edit") == "none":
        return _Judged("edited", "edit", "The message was edited since the last look, and no text was compared.", views)
    if event.get("type") == "m.room.encrypted":
        return _Judged("up", "encrypted", "The message is there and encrypted; no text could be compared.", views)
    return _Judged("up", "no-text-given", f"The message is there; no text was compared.{gone}", views)


def _not_found(asking: _Asking, room: str, before: Mapping[str, str]) -> _Judged:
    """Judge a message that the homeserver says it does not have, which may mean that it does not show it to us."""
    me = asking.get(f"{_CLIENT}/v3/account/whoami").value.get("user_id")
    state = f"{_CLIENT}/v3/rooms/{_part(room)}/state"
    mine = asking.get(f"{state}/m.room.member/{_part(me)}") if isinstance(me, str) and is_id(me, "@") else _Said("")
    if mine.status != 200 or mine.value.get("membership") != "join":
        joined = "not-joined" if mine.status in (403, 404) else "unknown"
        if mine.status == 200:
            joined = _MEMBERSHIPS.get(str(mine.value.get("membership")), "not-joined")
        return _Judged(
            "unreachable",
            "not-let-in",
            "No conclusion: the homeserver shows no such message, and the hub's account is not known to be in its room.",
            {"event": "not-let-in", "room": joined},
        )
    views = {"event": "not-found", "room": "joined"}
    if before.get("event") == "there":
        return _Judged("removed", "status", "The homeserver has the message no longer; it was there before.", views)
    history = asking.get(f"{state}/m.room.history_visibility")
    seen = "shared" if history.not_found else history.value.get("history_visibility") if history.status == 200 else None
    if seen in _OPEN:
        return _Judged(
            "removed", "status", "The homeserver has no such message in a room whose past we may see.", views
        )
    said = (
        "No conclusion: the homeserver shows no such message, and the hub's account may not see all of the room's past."
    )
    return _Judged("unreachable", "not-let-in", said, {**views, "event": "not-let-in"})


def _author(asking: _Asking, room: str, sender: object) -> str:
    if not isinstance(sender, str) or not is_id(sender, "@") or not asking.token:
        return "unknown"
    said = asking.get(f"{_CLIENT}/v3/rooms/{_part(room)}/state/m.room.member/{_part(sender)}")
    return _MEMBERSHIPS.get(str(said.value.get("membership")), "unknown") if said.status == 200 else "unknown"


def _edited(asking: _Asking, room: str, edit: Mapping[str, Any], sender: object) -> Mapping[str, Any]:
    """Return the content after the latest edit; some servers give only its id. {} when it cannot be had."""
    if not isinstance(edit.get("content"), dict) and isinstance(edit.get("event_id"), str):
        asked = edit["event_id"]
        if is_id(asked, "$"):
            edit = asking.get(f"{_CLIENT}/v3/rooms/{_part(room)}/event/{_part(asked)}").value
    new = _member(edit, "content", "m.new_content")
    return new if isinstance(new, dict) and edit.get("sender") == sender else {}


def _look_at_file(asking: _Asking, media: str, before: Mapping[str, str]) -> tuple[_Said, _Judged]:
    said, word = _file(asking, media, before.get("file") == "there")
    views = {"file": word}
    if word == "there":
        return said, _Judged("up", "no-text-given", "The file is there; what is in it was not looked at.", views)
    if word == "gone":
        return said, _Judged("removed", "status", "The file is not there any more; it was before.", views)
    return said, _nothing(said, views, "whether the file was ever shown to us is not known" if said.not_found else "")


def _file(asking: _Asking, media: str, seen_before: bool) -> tuple[_Said, str]:
    """Ask for the head of a file and, where there is none, again for the reason, which is in a body."""
    path = f"{_CLIENT}/v1/media/download/{media}" if asking.token else f"/_matrix/media/v3/download/{media}"
    url = asking.homeserver + path
    said = asking.fetch(url, method="HEAD", redirects=_FILE_REDIRECTS, token=asking.token)
    if said.status == 404:
        said = asking.fetch(url, redirects=_FILE_REDIRECTS, token=asking.token, keep=0)
    if said.not_found:
        return said, "gone" if seen_before else "not-found"
    return said, "there" if said.status == 200 else "unknown"


def _look_at_account(asking: _Asking, user: str, before: Mapping[str, str]) -> tuple[_Said, _Judged]:
    said = asking.get(f"{_CLIENT}/v3/profile/{_part(user)}")
    if said.status == 200:
        detail = "The account has a profile. A suspension does not show, nor always that it was closed."
        return said, _Judged("up", "no-text-given", detail, {"account": "there"})
    if said.not_found and before.get("account") == "there":
        return said, _Judged("removed", "status", "The account has no profile any more.", {"account": "gone"})
    return said, _nothing(said, {"account": "not-found" if said.not_found else "unknown"})


def _look_at_room(asking: _Asking, room: str) -> tuple[_Said, _Judged]:
    said = asking.get(f"{_CLIENT}/v1/room_summary/{_part(room)}")
    word = _open(said)
    if word in ("world-readable", "listed"):
        return said, _Judged("up", "no-text-given", "The room is there.", {"room": word})
    return said, _nothing(said, {"room": word}, "the homeserver shows us no such room")


def _openness(asking: _Asking, room: str) -> str:
    return _open(asking.get(f"{_CLIENT}/v1/room_summary/{_part(room)}"))


def _open(said: _Said) -> str:
    """Say how open a room is to whoever asked."""
    if said.status == 200 and isinstance(said.value.get("room_id"), str):
        return "world-readable" if said.value.get("world_readable") is True else "listed"
    return "not-shown" if said.status in (401, 403) or said.not_found else "unknown"


def _discover(asking: _Asking, named: Named) -> tuple[_Said, _Judged] | None:
    """Find the homeserver of the server that the address names, as clients do; None when that went well."""
    if not named.server:
        said = _Said(named.link)
        return said, _nothing(said, {}, "the address does not say which server to ask", "not-matrix")
    said = asking.fetch(f"https://{named.server}/.well-known/matrix/client", redirects=2)
    base = _member(said.value, "m.homeserver", "base_url") if said.status == 200 else None
    if said.status == 404:
        base = f"https://{named.server}"
    if not isinstance(base, str) or not base.startswith("https://") or len(base) > 2_048:
        return said, _nothing(said, {}, "the server does not say where its homeserver is")
    asking.homeserver = base.rstrip("/")
    return None


def _nothing(said: _Said, views: Mapping[str, str], why: str = "", matched: str = "status") -> _Judged:
    """Conclude nothing, and say why."""
    if said.answer is None and said.failed:
        return _Judged("unreachable", said.failed, said.why, views)
    told = f"the homeserver answers {said.status} {said.code}".strip() if said.answer else "nothing was asked"
    return _Judged("unreachable", matched, f"No conclusion: {'; '.join(filter(None, (why, told)))}.", views)


def _texts(content: Mapping[str, Any]) -> list[str]:
    """Return what a message says, as HTML: its words plain and formatted, without the quotation that a reply begins with."""
    body = content.get("body")
    plain = [content.get(name) for name in ("body", "topic", "name")]
    if isinstance(body, str) and body.startswith(_FALLBACK) and "\n\n" in body:
        plain.append(body.partition("\n\n")[2])
    formatted = content.get("formatted_body")
    texts = [html.escape(text) for text in plain if isinstance(text, str)]
    return [*texts, formatted] if isinstance(formatted, str) else texts


def _media(content: Mapping[str, Any]) -> str:
    return media_of(content.get("url")) or media_of(_member(content, "file", "url"))


def _captioned(content: Mapping[str, Any]) -> bool:
    """Tell whether words stand beside the file: then its name is a member of its own."""
    name, body = content.get("filename"), content.get("body")
    return isinstance(name, str) and isinstance(body, str) and bool(body.strip()) and body != name


def _member(value: object, *path: str) -> Any:
    """Return what lies at `path` in nested objects; None where it ends early."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _object(answer: Fetched) -> Mapping[str, Any]:
    if answer.truncated:
        return {}
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _part(identifier: str) -> str:
    return quote(identifier, safe="")
