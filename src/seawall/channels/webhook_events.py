"""Signed events after Standard Webhooks 1.0.0: what the channel ``webhook`` sends, and how an event that comes in is checked.

One secret serves both directions: the type of an event is part of what is signed, and the hub takes no type that it sends,
so an event of ours that comes back to us is never an answer.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal, NoReturn

from pydantic import JsonValue

from seawall.channels import signing
from seawall.channels.base import Answer, AnswerInvalid, ChannelError, stamp
from seawall.channels.document import MAX_DOCUMENT_BYTES, ReferralDocument, Withdrawal

EventType = Literal["referral.sent", "referral.information", "referral.withdrawn", "referral.answered"]

TOLERANCE: Final = dt.timedelta(minutes=5)
LONGEST_INFORMATION: Final = 20_000
_PREFIX: Final = "whsec_"
_KEY_BYTES: Final = range(24, 65)
_IDEMPOTENCY_KEY: Final = re.compile(r"[\x21-\x7e]{1,200}")
_MESSAGE_ID: Final = re.compile(r"[\x21-\x2d\x2f-\x7e]{1,200}")
_SECONDS: Final = re.compile(r"[1-9][0-9]{0,11}")
_ONE: Final = r"[A-Za-z0-9]{1,8},(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)"
_SIGNATURES: Final = re.compile(rf"{_ONE}(?: {_ONE}){{0,9}}")
_NOT_TEXT: Final = re.compile("[\x00\ud800-\udfff]")


class SecretUnusable(ChannelError):
    """The secret that was agreed with the platform cannot be used. A person has to enter it anew."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=False)


class EventRefused(AnswerInvalid):
    """A request that came in is not an event by this platform. `status` is what to answer it."""

    status: ClassVar[int] = 400


class HeadersInvalid(EventRefused):
    """One of the three headers is missing or cannot be read."""


class TimestampOutside(EventRefused):
    """The request was signed too long ago, or in the future: it may be an old one that somebody sends again."""


class SignatureInvalid(EventRefused):
    """None of the signatures was made with an agreed secret over what arrived."""

    status: ClassVar[int] = 401


class EventInvalid(EventRefused):
    """What the platform signed is not an event."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event as it is sent, however often: whoever keeps `id` and `body` can send the very same again.

    `body` is canonical JSON (RFC 8785) in UTF-8, ``{"data": ..., "timestamp": ..., "type": ...}``.
    """

    id: str
    body: bytes = field(repr=False)

    def headers(self, secrets: str, at: dt.datetime) -> dict[str, str]:
        """Return the headers of an attempt at the time `at`, signed with each of `secrets` (as in `Address.token`).

        Raises SecretUnusable, ValueError for a time without a zone.
        """
        if at.tzinfo is None:
            raise ValueError("a time without a zone cannot be signed")
        seconds = str(int(at.timestamp()))
        signatures = [f"v1,{_signature(key, self.id, seconds, self.body)}" for key in _keys(secrets)]
        return {
            "Content-Type": "application/json",
            "webhook-id": self.id,
            "webhook-timestamp": seconds,
            "webhook-signature": " ".join(signatures),
        }


def delivery(document: ReferralDocument | Withdrawal, *, idempotency_key: str) -> Delivery:
    """Return the event that `document` is sent as: the same, byte for byte, each time it is asked for.

    Raises ChannelError for a key that is not 1 to 200 printable ASCII characters without spaces.
    """
    kind: EventType = "referral.sent" if isinstance(document, ReferralDocument) else "referral.withdrawn"
    return _event(kind, document.sent_at, document.to_dict(), idempotency_key)


def information(reference: str, text: str, *, idempotency_key: str, at: dt.datetime) -> Delivery:
    """Return the event that carries `text`, which the platform asked for; `at` is when it was given.

    Raises ChannelError for a text that is blank, no text, or longer than LONGEST_INFORMATION characters.
    """
    if not text.strip() or len(text) > LONGEST_INFORMATION or _NOT_TEXT.search(text):
        raise ChannelError(
            f"The information is not a text of 1 to {LONGEST_INFORMATION:,} characters. Shorten it, or split it.",
            retryable=False,
        )
    return _event("referral.information", at, {"reference": reference, "text": text}, idempotency_key)


def verify(headers: Mapping[str, str], body: bytes, secrets: str, now: dt.datetime) -> dict[str, Any]:
    """Return the event in a request that a platform sent, once it is certain that it did.

    Parameters
    ----------
    headers
        The request's headers; upper and lower case are the same.
    body
        The request's body as it arrived, byte for byte.
    secrets
        What `Address.token` holds: the current secret and, after a comma, the former one.
    now
        The present; the request must have been signed within TOLERANCE of it.

    Raises
    ------
    EventRefused
        HeadersInvalid, TimestampOutside, SignatureInvalid or EventInvalid; `status` is what to answer the request.
    SecretUnusable
        `secrets` holds no secret that can be used.
    """
    keys = _keys(secrets)
    given = {str(name).lower(): value for name, value in headers.items()}
    if len(body) > MAX_DOCUMENT_BYTES:
        raise EventInvalid(f"The event is longer than {MAX_DOCUMENT_BYTES:,} bytes.")
    message_id = _header(
        given, "webhook-id", _MESSAGE_ID, "1 to 200 printable characters without spaces and full stops"
    )
    seconds = _header(given, "webhook-timestamp", _SECONDS, "a number of whole seconds since 1970")
    signatures = _header(given, "webhook-signature", _SIGNATURES, "a list of at most ten signatures such as v1,BASE64")
    apart = int(seconds) - now.timestamp()
    if abs(apart) > TOLERANCE.total_seconds():
        raise TimestampOutside(
            f"The event was signed {abs(apart):.0f} seconds {'after' if apart > 0 else 'before'} the present; "
            f"{TOLERANCE.total_seconds():.0f} are allowed. Sign each attempt anew, and set the clock."
        )
    expected = [_signature(key, message_id, seconds, body) for key in keys]
    good = False
    for entry in signatures.split(" "):
        version, _, signature = entry.partition(",")
        for known in expected:  # every pair is compared, so that the time tells nothing
            good |= version == "v1" and hmac.compare_digest(known, signature)
    if not good:
        raise SignatureInvalid(
            "The event is not signed with the secret agreed with this platform, over the very bytes that arrived."
        )
    return _read(body)


def answer_in(event: Mapping[str, Any]) -> Answer:
    """Return the answer in a verified event of the type ``referral.answered``.

    Its `reference` is the one that the event names: the caller looks it up among the referrals to the platform whose secret
    signed the event, and nowhere else. Raises AnswerInvalid.
    """
    if event.get("type") != "referral.answered":
        raise AnswerInvalid(
            f"The event is of the type {str(event.get('type'))[:64]!r}; the hub takes referral.answered and no other."
        )
    data = event.get("data")
    reference = data.get("reference") if isinstance(data, dict) else None
    if not isinstance(reference, str):
        raise AnswerInvalid(
            "The event's data is not an object with the reference of a referral, which is its referral_id."
        )
    return Answer.unsigned(data, reference=reference, proof="acknowledged")


def _event(kind: EventType, at: dt.datetime, data: Mapping[str, JsonValue], idempotency_key: str) -> Delivery:
    if not _IDEMPOTENCY_KEY.fullmatch(idempotency_key):
        raise ChannelError(
            "The idempotency key is not 1 to 200 printable ASCII characters without spaces.", retryable=False
        )
    digest = hashlib.sha256(f"{kind}:{idempotency_key}".encode("ascii")).hexdigest()
    body = signing.canonical({"type": kind, "timestamp": stamp(at), "data": data})
    return Delivery(f"msg_{digest[:32]}", body)


def _keys(secrets: str) -> tuple[bytes, ...]:
    """Return the keys in `secrets`, the current one first. Raises SecretUnusable, which never repeats any of it."""
    parts = [part.strip() for part in secrets.split(",")]
    if len(parts) > 2:
        raise SecretUnusable("The webhook's token holds more than two secrets. Keep the current and the former one.")
    keys = []
    for which, part in zip(("", "former "), parts, strict=False):
        text = part.removeprefix(_PREFIX).rstrip("=")
        try:
            key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not part.startswith(_PREFIX) or len(key) not in _KEY_BYTES:
            raise SecretUnusable(
                f"The webhook's {which}secret is not {_PREFIX} and 24 to 64 bytes in base64. "
                "Ask the platform for the secret as it stands in its settings and enter it anew."
            )
        keys.append(key)
    return tuple(keys)


def _signature(key: bytes, message_id: str, seconds: str, body: bytes) -> str:
    signed = b".".join((message_id.encode("ascii"), seconds.encode("ascii"), body))
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode("ascii")


def _header(given: Mapping[str, object], name: str, form: re.Pattern[str], what: str) -> str:
    value = given.get(name)
    if value is None:
        raise HeadersInvalid(f"The header {name} is missing.")
    if not isinstance(value, str) or not form.fullmatch(value):
        raise HeadersInvalid(f"The header {name} is not {what}.")
    return value


def _read(body: bytes) -> dict[str, Any]:
    try:
        event = json.loads(body.decode("utf-8"), object_pairs_hook=_object, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise EventInvalid("The event is not JSON in UTF-8 in which no object names a member twice.") from error
    if not isinstance(event, dict) or not isinstance(event.get("type"), str) or not isinstance(event.get("data"), dict):
        raise EventInvalid("The event is not an object with a type, a timestamp and an object of data.")
    waiting: list[object] = [event]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            waiting += [*part, *part.values()]
        elif isinstance(part, list):
            waiting += part
        elif isinstance(part, str) and _NOT_TEXT.search(part):
            raise EventInvalid("The event holds a NUL or half a character, which is no text.")
    return event


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("an object names a member twice")
    return made


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
