"""Referrals to a Matrix homeserver: the report that any account can make of a message, a room or another account.

Whoever runs the homeserver reads such reports; ``docs/reference/channels/matrix.md`` says how. The server answers ``{}``
and nothing ever comes back by Matrix, so the text says where to answer, and a withdrawal has to be told by another way.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, Self
from urllib.parse import quote

import httpx
from pydantic import JsonValue

from seawall.channels import signing
from seawall.channels.base import (
    Address,
    Answer,
    ChannelError,
    Equipment,
    NotCarried,
    Proof,
    Receipt,
    ReceiptInvalid,
    Setting,
)
from seawall.channels.document import ReferralDocument, Withdrawal
from seawall.channels.matrix_text import SHORTEST, reason
from seawall.channels.notices import POWERS
from seawall.formats.matrix import Named, NotMatrix, is_id, parse, server_of
from seawall.outbound import Fetched, Outbound, OutboundError, OutboundRefused

DOCUMENT_MEMBER: Final = "seawall-referral/1"
"""The member of a report's body that holds the whole document. Servers ignore what they do not know."""

_LENGTHS: Final = {"event": (10_000, 740, SHORTEST), "room": (10_000, 740, SHORTEST), "user": (1_000, 740, SHORTEST)}
"""Bytes of text to try: Synapse takes 1,000 characters of an account, conduwuit less than 750 bytes of anything."""
_RETRYABLE: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_HUB_URL: Final = 120
_CODE: Final = re.compile(r"[A-Z][A-Z0-9_.]{0,60}")
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,4096}")


class _Refused(ChannelError):
    """The homeserver said no; `status` and `code` are its own."""

    def __init__(self, message: str, status: int, code: str, *, retry_after: float | None = None) -> None:
        super().__init__(message, retryable=status in _RETRYABLE, retry_after=retry_after)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class _Homeserver:
    """One homeserver, asked as the hub's account."""

    outbound: Outbound
    address: Address

    def ask(self, path: str, body: bytes | None = None) -> dict[str, Any]:
        """Get `path` under the client API, or post `body` to it, and return the object that comes back.

        Raises _Refused where the server says no, ReceiptInvalid where it is none of Matrix, else ChannelError.
        """
        headers = {"Authorization": f"Bearer {self.address.token}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        url = f"{self.address.endpoint.rstrip('/')}/_matrix/client/v3{path}"
        method = "GET" if body is None else "POST"
        try:
            answer = self.outbound.fetch(url, method=method, headers=headers, content=body or b"", redirects=0)
        except OutboundRefused as error:
            raise ChannelError(f"The homeserver's address may not be used: {error}", retryable=False) from error
        except OutboundError as error:
            raise ChannelError(str(error), retryable=error.kind != "too_large") from error
        said = _object(answer.body)
        if answer.status != 200:
            raise self._refusal(answer, said or {})
        if said is None:
            raise ReceiptInvalid(
                f"{self.address.endpoint} answered 200 with what no homeserver says. Check that it is the homeserver's own "
                "address, as its /.well-known/matrix/client names it, and whether the report arrived."
            )
        return said

    def _refusal(self, answer: Fetched, said: Mapping[str, Any]) -> _Refused:
        where, status = self.address.endpoint, answer.status
        code = said["errcode"] if isinstance(said.get("errcode"), str) and _CODE.fullmatch(said["errcode"]) else ""
        told = f"{status} {code}".strip()
        words = _line(said.get("error"))
        because = f"{told}: {words.rstrip('.')}" if words and self.address.token not in words else told
        if status in _RETRYABLE:
            return _Refused(f"{where} answered {because}.", status, code, retry_after=_wait(answer, said))
        if code == "M_UNRECOGNIZED" or (status in (404, 405) and not code):
            advice = "It is no Matrix homeserver, or too old to take such a report. Check the endpoint."
        elif code in ("M_UNKNOWN_TOKEN", "M_MISSING_TOKEN"):
            advice = "Sign the hub's account in again and put its new access token into this platform's route."
        elif code in ("M_USER_LOCKED", "M_USER_SUSPENDED", "M_USER_DEACTIVATED"):
            advice = "The hub's account is barred there. Ask the homeserver's staff why."
        elif status in (401, 403):
            advice = "The hub's account may not do this there. Ask the homeserver's staff to let it."
        elif code == "M_NOT_FOUND":
            advice = "It does not know what the address names. Check the post's address."
        elif 300 <= status < 400:
            advice = "Redirects are not followed. Put the new address into this platform's route."
        else:
            advice = "Ask the homeserver's staff what it wants."
        return _Refused(f"{where} refuses this ({because}). {advice}", status, code)


class MatrixChannel:
    """The channel named ``matrix``. The endpoint is the homeserver's base URL, the token that of the hub's account there.

    Before a message is reported it is fetched: servers may answer 200 to a report of what does not exist or what the hub
    cannot see, and such a receipt would be worth nothing. Not idempotent: Synapse files a repeated report as a second
    one. Matrix gives a report no number, so the referral's own id is the reference.
    """

    name: ClassVar[str] = "matrix"
    proof: ClassVar[Proof] = "accepted"
    answering: ClassVar[Literal["polled", "delivered", "never"]] = "delivered"
    idempotent: ClassVar[bool] = False
    withdraws: ClassVar[bool] = False
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(
            "pattern",
            "How this platform's own web client writes the address of a message, with {room} and {event} or {user} in it; "
            "links to matrix.to and those with #/room/ in them are understood without.",
            required=False,
        ),
    )

    @classmethod
    def equipped(cls, equipment: Equipment) -> Self:
        """Make the channel; it needs the hub's public address. Raises ChannelError without it."""
        return cls(equipment)

    def __init__(self, equipment: Equipment) -> None:
        self._outbound: Outbound = equipment.outbound
        self._hub = equipment.hub_url.rstrip("/")
        self._contact = equipment.contact
        if not _is_base(self._hub) or len(self._hub) > _LONGEST_HUB_URL:
            raise ChannelError(
                f"Matrix needs the hub's public address, of at most {_LONGEST_HUB_URL} characters, since no answer comes back.",
                retryable=False,
            )

    def send(
        self, address: Address, document: ReferralDocument, *, idempotency_key: str, at: dt.datetime | None = None
    ) -> Receipt:
        """Find out what the post is on Matrix and report it; see :class:`~seawall.channels.base.Channel`."""
        if document.kind in POWERS:
            raise NotCarried(
                f"A {POWERS[document.kind].noun} has to arrive whole and be confirmed, and a report on Matrix may be cut and "
                "is never confirmed. Serve it by another channel."
            )
        homeserver = self._homeserver(address)
        named = _named(document, address.settings.get("pattern", ""))
        if named.kind == "media":
            raise NotCarried("Matrix has no report of a file. Refer the message that shows it, by its own address.")
        room = _resolved(homeserver, named.room) if named.room else ""
        about: dict[str, JsonValue] = {"kind": named.kind}
        if named.kind == "event":
            about |= {"room": room, "event": named.event, **_seen(homeserver, room, named.event)}
            path = f"/rooms/{_part(room)}/report/{_part(named.event)}"
        elif named.kind == "room":
            about["room"] = room
            path = f"/rooms/{_part(room)}/report"
        else:
            about["user"] = named.user
            _check_account(homeserver, named.user)
            path = f"/users/{_part(named.user)}/report"
        sent = self._report(homeserver, path, document, _LENGTHS[named.kind])
        return Receipt.unsigned(
            document,
            reference=str(document.referral_id),
            received_at=at or dt.datetime.now(dt.UTC),
            proof="accepted",
            evidence={"homeserver": address.endpoint, "reported": about, **sent},
        )

    def answers(self, address: Address, reference: str, *, after: str | None = None) -> list[Answer]:
        """Give none: what the homeserver's staff have to say comes by the hub's portal."""
        return []

    def inform(self, address: Address, reference: str, text: str, idempotency_key: str) -> None:
        """Refuse: there is no way to add to a report."""
        raise NotCarried("Matrix cannot add to a report. Answer the homeserver's staff where they asked.")

    def withdraw(
        self,
        address: Address,
        reference: str,
        withdrawal: Withdrawal,
        *,
        idempotency_key: str,
        at: dt.datetime | None = None,
    ) -> Receipt:
        """Refuse: there is no way to take a report back."""
        raise NotCarried(
            "Matrix has no way to take a report back. Write to the homeserver's staff that the referral is withdrawn."
        )

    def _homeserver(self, address: Address) -> _Homeserver:
        if not _is_base(address.endpoint):
            raise ChannelError(
                "The endpoint must be the homeserver's base URL, such as https://matrix.example.org.", retryable=False
            )
        if not _TOKEN.fullmatch(address.token):
            raise ChannelError(
                "This platform's route has no access token that could be sent. Sign the hub's account in and put it there.",
                retryable=False,
            )
        return _Homeserver(self._outbound, address)

    def _report(
        self, homeserver: _Homeserver, path: str, document: ReferralDocument, lengths: tuple[int, ...]
    ) -> dict[str, JsonValue]:
        """Post the report: with the whole document first and, where that is too much for the server, shorter."""
        for attempt, longest in enumerate(lengths, start=1):
            text = reason(document, hub_url=self._hub, contact=self._contact, longest=longest)
            body: dict[str, Any] = {"reason": text}
            if attempt == 1:
                body[DOCUMENT_MEMBER] = document.to_dict()
            try:
                answer = homeserver.ask(path, signing.canonical(body))
            except _Refused as error:
                if error.status in (400, 413) and attempt < len(lengths):
                    continue
                raise
            plain: dict[str, JsonValue] = {
                _line(name): _line(str(value))
                for name, value in list(answer.items())[:10]
                if isinstance(value, (str, int))
            }
            return {"text": text, "whole_document": attempt == 1, "answer": plain}
        raise AssertionError("there is a length to try")


def _named(document: ReferralDocument, pattern: str) -> Named:
    """Read what the post is called, from its address or, where that is one, from the platform's id for it."""
    try:
        return parse(document.content.url, pattern)
    except NotMatrix as error:
        if document.content.native_id.lower().startswith("matrix:"):
            try:
                return parse(document.content.native_id)
            except NotMatrix:
                pass
        raise ChannelError(str(error), retryable=False) from error


def _resolved(homeserver: _Homeserver, room: str) -> str:
    """Return the id of a room, which an alias has to be asked for."""
    if not room.startswith("#"):
        return room
    try:
        found = homeserver.ask(f"/directory/room/{_part(room)}").get("room_id")
    except _Refused as error:
        if error.code != "M_NOT_FOUND":
            raise
        raise ChannelError(
            f"There is no room {room} any more, or not under this name. Refer the post by the room's id.",
            retryable=False,
        ) from error
    if not isinstance(found, str) or not is_id(found, "!"):
        raise ChannelError(f"The homeserver's answer for {room} is not the id of a room.", retryable=False)
    return found


def _seen(homeserver: _Homeserver, room: str, event: str) -> dict[str, JsonValue]:
    """Make sure that the message is there for the hub's account, and return whose it is and since when."""
    try:
        found = homeserver.ask(f"/rooms/{_part(room)}/event/{_part(event)}")
    except _Refused as error:
        if error.status not in (403, 404) or error.code not in ("M_FORBIDDEN", "M_NOT_FOUND"):
            raise
        raise ChannelError(_why_unseen(homeserver, room, event), retryable=False) from error
    if found.get("event_id") != event:
        raise ChannelError(
            f"{homeserver.address.endpoint} was asked for {event} and sent another message.", retryable=False
        )
    unsigned = found.get("unsigned")
    if found.get("content") == {} or (isinstance(unsigned, dict) and "redacted_because" in unsigned):
        raise ChannelError(f"The message {event} is already redacted; there is nothing to report.", retryable=False)
    sender, when = found.get("sender"), found.get("origin_server_ts")
    return {
        "sender": sender if isinstance(sender, str) and is_id(sender, "@") else "",
        "origin_server_ts": when if isinstance(when, int) and 0 <= when < 2**53 else None,
    }


def _why_unseen(homeserver: _Homeserver, room: str, event: str) -> str:
    where = homeserver.address.endpoint
    try:
        joined = homeserver.ask("/joined_rooms").get("joined_rooms")
    except ChannelError:
        joined = None
    if not isinstance(joined, list):
        return f"{where} does not show {event} to the hub's account. It may be gone, or the account not in the room {room}."
    if room not in joined:
        return (
            f"The hub's account is not in the room {room}, so it can neither see nor report {event}. Let the account join "
            "(by invitation, where the room is not public) and send again."
        )
    return (
        f"{where} knows no {event} in the room {room}, where the hub's account is a member: the message is gone, is "
        "older than the account may see, or the address is mistaken."
    )


def _check_account(homeserver: _Homeserver, user: str) -> None:
    """Make sure that the report will not be dropped: a homeserver silently ignores those of accounts it does not have."""
    me = homeserver.ask("/account/whoami").get("user_id")
    here = server_of(me) if isinstance(me, str) else ""
    if here != server_of(user):
        raise ChannelError(
            f"The account {user} is not on {here or homeserver.address.endpoint}, whose staff would never see the report. "
            "Refer it to the homeserver that it is on, or refer its messages in a room that this one takes part in.",
            retryable=False,
        )
    try:
        homeserver.ask(f"/profile/{_part(user)}")
    except _Refused as error:
        if error.code == "M_NOT_FOUND":
            raise ChannelError(f"{here} knows no account {user}, or no longer.", retryable=False) from error
        if error.code != "M_FORBIDDEN":  # some servers show no profile to strangers, and take the report
            raise


def _wait(answer: Fetched, said: Mapping[str, Any]) -> float | None:
    """Return the longest wait, in seconds, that the server asks for in either way."""
    waits: list[float] = []
    header, member = answer.headers.get("retry-after", "").strip(), said.get("retry_after_ms")
    if header.isascii() and header.isdigit() and len(header) < 7:
        waits.append(float(header))
    if isinstance(member, (int, float)) and not isinstance(member, bool) and 0 <= member < 10**9:
        waits.append(member / 1_000)
    return max(waits, default=None)


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _line(text: object) -> str:
    if not isinstance(text, str):
        return ""
    return " ".join("".join(character if character.isprintable() else " " for character in text[:300]).split())


def _part(identifier: str) -> str:
    return quote(identifier, safe="")


def _is_base(url: str) -> bool:
    """Tell whether `url` is a web address to which paths can be added."""
    if not url.startswith(("https://", "http://")) or not url.isascii() or not url.isprintable():
        return False
    if len(url) > 2_048 or any(mark in url for mark in ' ?#"<>\\'):
        return False
    try:
        return bool(httpx.URL(url).host)
    except httpx.InvalidURL:
        return False
