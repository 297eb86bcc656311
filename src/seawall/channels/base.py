"""What every channel shares: where to send, what comes back, what can go wrong.

A channel carries a :class:`~seawall.channels.document.ReferralDocument` to a platform and brings back a signed
:class:`Receipt` and, later, signed :class:`Answer` records. The hub keeps both as evidence, so a channel returns only
what it has verified.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, get_args, runtime_checkable

from seawall.channels import signing
from seawall.channels.document import ReferralDocument

RECEIPT_SCHEMA = "seawall-receipt/1"
ANSWER_SCHEMA = "seawall-answer/1"
ALLOWED_SKEW = dt.timedelta(minutes=5)

Status = Literal["QUEUED", "PROCESSING", "COMPLETED"]
ReasonCode = Literal[
    "ACTIONED", "REVIEWED_NO_ACTION", "NOT_RESOLVABLE", "CONTENT_DOWN_OR_INACCESSIBLE", "NEED_MORE_INFORMATION"
]
_PUID = re.compile(r"[A-Za-z0-9_-]{1,500}")
_REFERENCE = re.compile(r"[\x21-\x7e]{1,200}")


class ChannelError(Exception):
    """The platform could not be asked, or said no to the request itself.

    `retryable` tells whether the same call, with the same idempotency key, may succeed later. `retry_after` is the
    number of seconds that the platform asked for, if it did.
    """

    def __init__(self, message: str, *, retryable: bool, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.retry_after = retry_after


class ReceiptInvalid(ChannelError):
    """What came back is not a receipt for this document by this platform. A person has to look; it is not retried."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=False)


class AnswerInvalid(ChannelError):
    """What came back is not a valid answer by this platform. A person has to look; it is not retried."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=False)


@dataclass(frozen=True, slots=True)
class Address:
    """Where one platform takes referrals.

    `public_key` is the platform's Ed25519 key in base64url, agreed beforehand and not fetched at sending time;
    `token` is what the platform gave this hub to identify itself with, kept out of every printed form.
    """

    endpoint: str
    public_key: str
    token: str

    def __repr__(self) -> str:
        return f"Address(endpoint={self.endpoint!r}, public_key={self.public_key!r}, token=...)"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The platform's signed word that it received exactly this document at this time; the clock starts here."""

    reference: str
    referral_id: str
    document_sha256: str
    received_at: dt.datetime
    signature: str

    def to_dict(self) -> dict[str, Any]:
        """Return the receipt as signed, for keeping and for checking again later."""
        return {
            "schema": RECEIPT_SCHEMA,
            "reference": self.reference,
            "referral_id": self.referral_id,
            "document_sha256": self.document_sha256,
            "received_at": stamp(self.received_at),
            "signature": self.signature,
        }

    @classmethod
    def verified(
        cls, value: object, *, address: Address, document: ReferralDocument, at: dt.datetime | None = None
    ) -> Receipt:
        """Read a receipt and check that this platform signed it for `document`.

        The time of receipt starts a clock, so it is not simply believed: it may lie neither before the document was
        sent nor, when the caller says what time it is (`at`), after that, five minutes of disagreement allowed.

        Raises
        ------
        ReceiptInvalid
            Naming what does not fit.
        """
        fields = _members(value, RECEIPT_SCHEMA, tuple(cls.__dataclass_fields__), ReceiptInvalid)
        _check_signature(address, fields, "receipt", ReceiptInvalid)
        receipt = cls(
            reference=_text(fields, "reference", ReceiptInvalid),
            referral_id=_text(fields, "referral_id", ReceiptInvalid),
            document_sha256=_text(fields, "document_sha256", ReceiptInvalid),
            received_at=_moment(fields, "received_at", ReceiptInvalid),
            signature=_text(fields, "signature", ReceiptInvalid),
        )
        if not _REFERENCE.fullmatch(receipt.reference):
            raise ReceiptInvalid("The receipt's reference is not 1 to 200 printable characters without spaces.")
        if receipt.referral_id != str(document.referral_id):
            raise ReceiptInvalid(
                f"The receipt {receipt.reference} is for referral {receipt.referral_id[:64]}, "
                f"not for {document.referral_id}."
            )
        if receipt.document_sha256 != document.sha256():
            raise ReceiptInvalid(
                f"The receipt {receipt.reference} is for another text of referral {document.referral_id}."
            )
        if receipt.received_at < document.sent_at - ALLOWED_SKEW:
            raise ReceiptInvalid(
                f"The receipt {receipt.reference} says {stamp(receipt.received_at)}, "
                f"before the referral was sent at {stamp(document.sent_at)}."
            )
        if at is not None and receipt.received_at > at + ALLOWED_SKEW:
            raise ReceiptInvalid(
                f"The receipt {receipt.reference} says {stamp(receipt.received_at)}, "
                f"which is after the present, {stamp(at)}."
            )
        return receipt


@dataclass(frozen=True, slots=True)
class Answer:
    """One signed answer of the platform.

    `puid` is the platform's own identifier for what it acted on and is mandatory with ACTIONED: public statements of
    reasons carry no address or notice number and can be joined to a referral only by it. `actions` are the platform's
    words for what it did ("removed", "restricted").
    """

    answer_id: str
    reference: str
    at: dt.datetime
    status: Status
    reason_code: ReasonCode | None
    detail: str
    puid: str | None
    actions: tuple[str, ...]
    signature: str

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as signed, for keeping and for checking again later."""
        return {
            "schema": ANSWER_SCHEMA,
            "answer_id": self.answer_id,
            "reference": self.reference,
            "at": stamp(self.at),
            "status": self.status,
            "reason_code": self.reason_code,
            "detail": self.detail,
            "puid": self.puid,
            "actions": list(self.actions),
            "signature": self.signature,
        }

    @classmethod
    def verified(cls, value: object, *, address: Address, reference: str) -> Answer:
        """Read an answer and check that this platform signed it for `reference`, and that it is complete.

        Raises
        ------
        AnswerInvalid
            Naming what does not fit.
        """
        fields = _members(value, ANSWER_SCHEMA, tuple(cls.__dataclass_fields__), AnswerInvalid)
        _check_signature(address, fields, "answer", AnswerInvalid)
        status, reason, puid, actions = (fields[name] for name in ("status", "reason_code", "puid", "actions"))
        if fields["reference"] != reference:
            raise AnswerInvalid(
                f"The answer is for reference {str(fields['reference'])[:64]!r}, not for {reference!r}."
            )
        if status not in get_args(Status):
            raise AnswerInvalid(f"The answer's status is {str(status)[:64]!r}; it must be one of {get_args(Status)}.")
        if reason is not None and reason not in get_args(ReasonCode):
            raise AnswerInvalid(f"The answer's reason code {str(reason)[:64]!r} is none of {get_args(ReasonCode)}.")
        if status == "COMPLETED" and reason is None:
            raise AnswerInvalid("The answer is COMPLETED without a reason code.")
        if status != "COMPLETED" and reason not in (None, "NEED_MORE_INFORMATION"):
            raise AnswerInvalid(f"The answer gives the reason {reason} while it is still {status}.")
        if puid is not None and not (isinstance(puid, str) and _PUID.fullmatch(puid)):
            raise AnswerInvalid("The answer's puid is not 1 to 500 letters, digits, hyphens or underscores.")
        if reason == "ACTIONED" and puid is None:
            raise AnswerInvalid("The answer claims ACTIONED without a puid, so the action can never be checked.")
        if not isinstance(actions, list) or not all(isinstance(action, str) for action in actions):
            raise AnswerInvalid("The answer's actions are not a list of words.")
        return cls(
            answer_id=_text(fields, "answer_id", AnswerInvalid),
            reference=reference,
            at=_moment(fields, "at", AnswerInvalid),
            status=status,
            reason_code=reason,
            detail=_text(fields, "detail", AnswerInvalid),
            puid=puid,
            actions=tuple(actions),
            signature=_text(fields, "signature", AnswerInvalid),
        )


@runtime_checkable
class Channel(Protocol):
    """Carries referrals to platforms of one kind. Safe to share between threads.

    Every method raises :class:`ChannelError`; one that says `retryable` may be repeated with the same idempotency key
    without a second referral coming of it.
    """

    name: ClassVar[str]

    def send(
        self, address: Address, document: ReferralDocument, *, idempotency_key: str, at: dt.datetime | None = None
    ) -> Receipt:
        """Hand `document` over and return the verified receipt. `at` is the present; without it, the system's."""
        ...

    def answers(self, address: Address, reference: str, *, after: str | None = None) -> list[Answer]:
        """Return the verified answers to `reference` in the platform's order, those after answer id `after` only."""
        ...

    def inform(self, address: Address, reference: str, text: str, idempotency_key: str) -> None:
        """Send what the platform asked for."""
        ...


def stamp(moment: dt.datetime) -> str:
    """Write an aware datetime as RFC 3339 in UTC, always with microseconds. Raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone cannot be written")
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_stamp(text: str) -> dt.datetime:
    """Read an RFC 3339 time. Raises ValueError when it is none or has no zone."""
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("the time has no zone")
    return moment.astimezone(dt.UTC)


_Invalid = type[ReceiptInvalid] | type[AnswerInvalid]


def _members(value: object, schema: str, names: tuple[str, ...], invalid: _Invalid) -> Mapping[str, Any]:
    if not isinstance(value, dict) or value.get("schema") != schema:
        raise invalid(f"The platform sent something that is not a {schema} object.")
    if missing := [name for name in names if name not in value]:
        raise invalid(f"The {schema} object lacks {', '.join(missing)}.")
    return value


def _check_signature(address: Address, fields: Mapping[str, Any], what: str, invalid: _Invalid) -> None:
    try:
        good = signing.is_signed_by(address.public_key, fields)
    except ValueError as error:
        raise invalid(str(error)) from error
    if not good:
        raise invalid(
            f"The {what} from {address.endpoint} is not signed by the key agreed with this platform. "
            "Do not rely on it; ask the platform by another way whether its key changed."
        )


def _text(fields: Mapping[str, Any], name: str, invalid: _Invalid) -> str:
    value = fields[name]
    if not isinstance(value, str) or "\x00" in value or len(value) > 5_000:
        raise invalid(f"The field {name} is not a text of at most 5,000 characters.")
    return value


def _moment(fields: Mapping[str, Any], name: str, invalid: _Invalid) -> dt.datetime:
    try:
        return parse_stamp(_text(fields, name, invalid))
    except (ValueError, OverflowError) as error:
        raise invalid(f"The field {name} is not an RFC 3339 time with a zone: {error}.") from error
