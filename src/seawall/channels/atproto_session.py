"""Signed-in calls to a server of the AT Protocol, and through it to a moderation service."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import urlencode

from seawall.channels.base import Address, ChannelError
from seawall.formats.atproto import is_did
from seawall.outbound import Fetched, Outbound, OutboundError, OutboundRefused

_RETRYABLE: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_EXPIRED: Final = "ExpiredToken"
_TOKEN = re.compile(r"[\x21-\x7e]{1,8192}")
Params = Mapping[str, str | int | Sequence[str]]


class Refused(ChannelError):
    """The server, or the service behind it, said no; `name` is its word for why, and may be empty."""

    def __init__(self, message: str, *, name: str, status: int, retryable: bool, retry_after: float | None) -> None:
        super().__init__(message, retryable=retryable, retry_after=retry_after)
        self.name = name
        self.status = status


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in account."""

    did: str
    access: str = field(repr=False)
    refresh: str = field(repr=False)


@dataclass(slots=True)
class _Place:
    lock: threading.Lock = field(default_factory=threading.Lock)
    session: Session | None = None


class Sessions:
    """Calls on behalf of the account of an address. Safe to share between threads.

    An account is signed in once and its session kept: servers allow few sign-ins a day. When the session has run out it is
    refreshed, or begun anew, by one thread while the others wait. `settings` of an address are ``identifier`` and
    ``labeler``; its token is the app password.
    """

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound
        self._places: dict[tuple[str, str, str], _Place] = {}
        self._lock = threading.Lock()

    def of(self, address: Address) -> Session:
        """Return the session of `address`, signing in first where there is none. Raises ChannelError."""
        place = self._place(address)
        with place.lock:
            if place.session is None:
                place.session = self._sign_in(address)
            return place.session

    def get(self, address: Address, method: str, params: Params, *, through: bool = False) -> dict[str, Any]:
        """Ask `method`, of the moderation service when `through`. Raises ChannelError, mostly :class:`Refused`."""
        return self._signed(address, f"{method}?{urlencode(params, doseq=True)}", b"", through)

    def post(self, address: Address, method: str, body: Mapping[str, Any], *, through: bool = False) -> dict[str, Any]:
        """Call `method` with `body`, of the moderation service when `through`. Raises ChannelError."""
        return self._signed(address, method, json.dumps(body, ensure_ascii=False).encode("utf-8"), through)

    def _signed(self, address: Address, path: str, content: bytes, through: bool) -> dict[str, Any]:
        session = self.of(address)
        try:
            return self._call(address, path, content, session.access, through)
        except Refused as error:
            if error.name != _EXPIRED:
                raise
        return self._call(address, path, content, self._renewed(address, session).access, through)

    def _renewed(self, address: Address, stale: Session) -> Session:
        place = self._place(address)
        with place.lock:
            if place.session is None or place.session is stale:
                place.session = None
                place.session = self._refreshed(address, stale) or self._sign_in(address)
            return place.session

    def _refreshed(self, address: Address, stale: Session) -> Session | None:
        try:
            made = self._call(address, "com.atproto.server.refreshSession", b"", stale.refresh, False, method="POST")
        except Refused as error:
            if error.retryable:
                raise
            return None
        return _session(made, address)

    def _sign_in(self, address: Address) -> Session:
        wanted = {"identifier": address.settings.get("identifier", ""), "password": address.token}
        if not wanted["identifier"] or not wanted["password"]:
            raise ChannelError(
                f"There is no account to sign in with at {address.endpoint}. Set the setting identifier and, as the "
                "secret of this route, an app password of that account.",
                retryable=False,
            )
        try:
            made = self._call(
                address, "com.atproto.server.createSession", json.dumps(wanted).encode("utf-8"), None, False
            )
        except Refused as error:
            if error.retryable:
                raise
            raise ChannelError(
                f"{address.endpoint} does not sign this hub's account in ({error.status} {error.name}). Check the setting "
                "identifier, and make a new app password for the account.",
                retryable=False,
            ) from None
        return _session(made, address)

    def _call(
        self,
        address: Address,
        path: str,
        content: bytes,
        bearer: str | None,
        through: bool,
        *,
        method: Literal["GET", "POST"] | None = None,
    ) -> dict[str, Any]:
        headers = {"Accept": "application/json"}
        if bearer is not None:
            headers["Authorization"] = f"Bearer {bearer}"
        if content:
            headers["Content-Type"] = "application/json"
        if through:
            headers["atproto-proxy"] = f"{_labeler(address)}#atproto_labeler"
        url = f"{address.endpoint.rstrip('/')}/xrpc/{path}"
        try:
            answer = self._outbound.fetch(
                url, method=method or ("POST" if content else "GET"), headers=headers, content=content, redirects=0
            )
        except OutboundRefused as error:
            raise ChannelError(f"The platform's endpoint may not be used: {error}", retryable=False) from error
        except OutboundError as error:
            raise ChannelError(str(error), retryable=error.kind != "too_large") from error
        if answer.status != 200:
            raise _refusal(answer, address, path.partition("?")[0], {address.token, bearer or ""})
        return _object(answer.body, address)

    def _place(self, address: Address) -> _Place:
        secret = hashlib.sha256(address.token.encode("utf-8", errors="replace")).hexdigest()
        with self._lock:
            return self._places.setdefault((address.endpoint, address.settings.get("identifier", ""), secret), _Place())


def _labeler(address: Address) -> str:
    did = address.settings.get("labeler", "")
    if not is_did(did):
        raise ChannelError(
            "The setting labeler is not the DID of a moderation service, such as did:plc:... or did:web:...",
            retryable=False,
        )
    return did


def _session(made: Mapping[str, Any], address: Address) -> Session:
    did, access, refresh = (made.get(name) for name in ("did", "accessJwt", "refreshJwt"))
    if not (isinstance(did, str) and is_did(did)) or not all(
        isinstance(token, str) and _TOKEN.fullmatch(token) for token in (access, refresh)
    ):
        raise ChannelError(f"{address.endpoint} signed the account in without a usable session.", retryable=False)
    if made.get("active") is False:
        raise ChannelError(
            f"The hub's account at {address.endpoint} is not active; ask the platform why.", retryable=False
        )
    return Session(did, str(access), str(refresh))


def _object(body: bytes, address: Address) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ChannelError(f"{address.endpoint} answered with something that is not a JSON object.", retryable=False)
    return value


def _refusal(answer: Fetched, address: Address, method: str, secrets: set[str]) -> Refused:
    name, said = _error(answer.body, secrets)
    status, where = answer.status, f"{address.endpoint} ({method})"
    retryable = status in _RETRYABLE
    if 300 <= status < 400:
        text = f"{where} redirects ({status}), which is not followed. Set the endpoint to the account's own server."
    elif "resolve proxy" in said:
        text = f"{where} cannot find the moderation service. Check the setting labeler."
    elif "not a moderator" in said:
        text = (
            f"{where}: the moderation service does not let this hub's account read its tools. Ask it to, or leave the "
            "setting moderator empty."
        )
    else:
        text = f"{where} answered {' '.join(filter(None, (str(status), name)))}{f': {said}' if said else ''}."
    return Refused(
        text, name=name, status=status, retryable=retryable, retry_after=_retry_after(answer) if retryable else None
    )


def _error(body: bytes, secrets: set[str]) -> tuple[str, str]:
    """Return the name and the message of an error answer, in one line; nothing that repeats a secret."""
    try:
        value = json.loads(body)
        name, said = str(value.get("error") or ""), str(value.get("message") or "")
    except (ValueError, AttributeError, RecursionError):
        return "", ""
    if any(secret and secret in said + name for secret in secrets):
        return "", ""
    line = " ".join("".join(c if c.isprintable() else " " for c in said[:300]).split()).rstrip(".")
    return (name if re.fullmatch(r"[A-Za-z]{1,60}", name) else ""), line


def _retry_after(answer: Fetched) -> float | None:
    """Return the seconds that the server asks to wait: its Retry-After, or until the moment its limit is reset."""
    seconds = answer.headers.get("retry-after", "").strip()
    if seconds.isascii() and seconds.isdigit() and len(seconds) < 7:
        return float(seconds)
    reset = answer.headers.get("ratelimit-reset", "").strip()
    if reset.isascii() and reset.isdigit() and len(reset) < 12:
        return min(max(float(reset) - dt.datetime.now(dt.UTC).timestamp(), 0.0), 86_400.0)
    return None
