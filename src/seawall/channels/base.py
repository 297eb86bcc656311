"""What every channel shares: where to send, what comes back, what can go wrong.

A channel carries a :class:`~seawall.channels.document.ReferralDocument` to a platform and brings back a
:class:`Receipt` and, later, :class:`Answer` records. Platforms differ in what they can prove: `proof` says of each how
far it goes, and nothing is ever called more certain than it is. The hub keeps both as evidence, so a channel returns
only what it has verified.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, Self, get_args, runtime_checkable
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import JsonValue

from seawall.channels import signing
from seawall.channels.document import ReferralDocument, Withdrawal
from seawall.outbound import Outbound

RECEIPT_SCHEMA = "seawall-receipt/1"
HANDOVER_SCHEMA = "seawall-handover/1"
ANSWER_SCHEMA = "seawall-answer/1"
ALLOWED_SKEW = dt.timedelta(minutes=5)

Proof = Literal["signed", "acknowledged", "accepted", "stated"]
"""How far it is certain that the platform has something, or said something, the surest first.

``signed``: by the key that was agreed with the platform. ``acknowledged``: its own software named it by an identifier,
over a connection on which both sides are known. ``accepted``: the next server took it; whether anybody reads it is not
known. ``stated``: a person says so.
"""
Status = Literal["RECEIVED", "QUEUED", "PROCESSING", "COMPLETED", "DISPUTED", "APPEALED"]
ReasonCode = Literal[
    "ACTIONED",
    "REVIEWED_NO_ACTION",
    "NOT_RESOLVABLE",
    "CONTENT_DOWN_OR_INACCESSIBLE",
    "NEED_MORE_INFORMATION",
    "IMPOSSIBLE_NOW",
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


class NotCarried(ChannelError):
    """This channel has no way to say that. A person has to tell the platform by another one; it is not retried."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=False)


class ReceiptInvalid(ChannelError):
    """What came back is not a receipt for this document by this platform. The channel does not ask again by itself."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=False)


class AnswerInvalid(ChannelError):
    """What came back is not a valid answer by this platform. A person has to look; it is not retried."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=False)


@dataclass(frozen=True, slots=True)
class Address:
    """Where one platform takes referrals.

    `endpoint` is in the form that the channel asks for (an https address, for email ``mailto:``). `public_key` is the
    platform's Ed25519 key in base64url where it has one, agreed beforehand and not fetched at sending time; `token` is
    the secret of this route, kept out of every printed form; `settings` is what else the channel's `settings` name.
    """

    endpoint: str
    public_key: str = ""
    token: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Address(endpoint={self.endpoint!r}, public_key={self.public_key!r}, token=..., settings=...)"


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that a channel must be told of a platform, besides its endpoint."""

    name: str
    about: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class MailSettings:
    """How this hub sends mail, and where answers to it arrive.

    `reply_to` is an address whose local part takes a tag after a plus sign, such as ``referrals@hub.example``: each
    referral's answers go to ``referrals+TOKEN@hub.example``. `security` is ``tls`` (from the first byte), ``starttls``
    or ``none`` (for a server on the same machine only).
    """

    host: str
    port: int
    sender: str
    reply_to: str
    security: Literal["tls", "starttls", "none"] = "starttls"
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"MailSettings(host={self.host!r}, port={self.port!r}, sender={self.sender!r}, ...)"


@dataclass(frozen=True, slots=True)
class Equipment:
    """What a channel may need of the hub that sends: the guarded way out, who the hub is, its keys, its mail server.

    `hub_url` is the hub's public address; `signing_key` its Ed25519 key; `actor_key` its RSA key in PEM, for channels
    whose peers know no other kind.
    """

    outbound: Outbound
    hub_name: str = "Seawall"
    hub_url: str = ""
    contact: str = ""
    signing_key: Ed25519PrivateKey | None = None
    actor_key: str = ""
    mail: MailSettings | None = None

    def __repr__(self) -> str:
        return f"Equipment(hub_name={self.hub_name!r}, hub_url={self.hub_url!r}, ...)"


class Sent(Protocol):
    """What a receipt can be for: a referral or its withdrawal."""

    @property
    def referral_id(self) -> UUID: ...
    @property
    def sent_at(self) -> dt.datetime: ...
    def sha256(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Receipt:
    """The platform's word, as sure as `proof` says, that it received exactly this document at this time.

    The clock starts here. `evidence` is what its software said, for receipts that nobody signed.
    """

    reference: str
    referral_id: str
    document_sha256: str
    received_at: dt.datetime
    signature: str = ""
    proof: Proof = "signed"
    evidence: Mapping[str, JsonValue] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the receipt for keeping: as signed, so that it can be checked again later, or with its evidence."""
        held = {
            "schema": RECEIPT_SCHEMA,
            "reference": self.reference,
            "referral_id": self.referral_id,
            "document_sha256": self.document_sha256,
            "received_at": stamp(self.received_at),
        }
        if self.proof == "signed":
            return {**held, "signature": self.signature}
        return {**held, "schema": HANDOVER_SCHEMA, "proof": self.proof, "evidence": dict(self.evidence)}

    @classmethod
    def unsigned(
        cls,
        document: Sent,
        *,
        reference: str,
        received_at: dt.datetime,
        proof: Literal["acknowledged", "accepted", "stated"],
        evidence: Mapping[str, JsonValue],
    ) -> Receipt:
        """A receipt for `document` that no key vouches for.

        Raises ReceiptInvalid for a reference that cannot be kept, ValueError for a time without a zone.
        """
        if not _REFERENCE.fullmatch(reference):
            raise ReceiptInvalid("The reference that came back is not 1 to 200 printable characters without spaces.")
        return cls(
            reference=reference,
            referral_id=str(document.referral_id),
            document_sha256=document.sha256(),
            received_at=parse_stamp(stamp(received_at)),
            proof=proof,
            evidence=evidence,
        )

    @classmethod
    def verified(cls, value: object, *, address: Address, document: Sent, at: dt.datetime | None = None) -> Receipt:
        """Read a receipt and check that this platform signed it for `document`.

        The time of receipt starts a clock, so it is not simply believed: it may lie neither before the document was
        sent nor, when the caller says what time it is (`at`), after that, five minutes of disagreement allowed.

        Raises
        ------
        ReceiptInvalid
            Naming what does not fit.
        """
        fields = _members(value, RECEIPT_SCHEMA, _SIGNED_RECEIPT, ReceiptInvalid)
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
                f"before the document was sent at {stamp(document.sent_at)}."
            )
        if at is not None and receipt.received_at > at + ALLOWED_SKEW:
            raise ReceiptInvalid(
                f"The receipt {receipt.reference} says {stamp(receipt.received_at)}, "
                f"which is after the present, {stamp(at)}."
            )
        return receipt


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the platform, as sure as `proof` says.

    ``DISPUTED`` says that the platform holds the referral to be wrong, ``APPEALED`` that it asks for a review of a formal
    notice; both want words in `detail`. `puid` is the platform's own identifier for what it acted on and is mandatory
    with ACTIONED: public statements of reasons carry no address or notice number and can be joined to a referral only by
    it. `actions` are the platform's words for what it did ("removed", "restricted").
    """

    answer_id: str
    reference: str
    at: dt.datetime
    status: Status
    reason_code: ReasonCode | None
    detail: str
    puid: str | None
    actions: tuple[str, ...]
    signature: str = ""
    proof: Proof = "signed"

    def to_dict(self) -> dict[str, Any]:
        """Return the answer for keeping: as signed, so that it can be checked again later, or with its proof."""
        held = {
            "schema": ANSWER_SCHEMA,
            "answer_id": self.answer_id,
            "reference": self.reference,
            "at": stamp(self.at),
            "status": self.status,
            "reason_code": self.reason_code,
            "detail": self.detail,
            "puid": self.puid,
            "actions": list(self.actions),
        }
        return {**held, "signature": self.signature} if self.proof == "signed" else {**held, "proof": self.proof}

    @classmethod
    def verified(cls, value: object, *, address: Address, reference: str) -> Answer:
        """Read an answer and check that this platform signed it for `reference`, and that it is complete.

        Raises
        ------
        AnswerInvalid
            Naming what does not fit.
        """
        fields = _members(value, ANSWER_SCHEMA, (*_ANSWER, "signature"), AnswerInvalid)
        _check_signature(address, fields, "answer", AnswerInvalid)
        return cls._complete(fields, reference, "signed")

    @classmethod
    def unsigned(cls, value: object, *, reference: str, proof: Literal["acknowledged", "accepted", "stated"]) -> Answer:
        """Read an answer that no key vouches for, and check that it is complete. Raises AnswerInvalid."""
        fields = _members(value, ANSWER_SCHEMA, _ANSWER, AnswerInvalid)
        return cls._complete({**fields, "signature": ""}, reference, proof)

    @classmethod
    def _complete(cls, fields: Mapping[str, Any], reference: str, proof: Proof) -> Answer:
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
        if status == "COMPLETED" and reason == "IMPOSSIBLE_NOW":
            raise AnswerInvalid("The answer is COMPLETED and says that it is impossible for now; it can only be one.")
        if status != "COMPLETED" and reason not in (None, "NEED_MORE_INFORMATION", "IMPOSSIBLE_NOW"):
            raise AnswerInvalid(f"The answer gives the reason {reason} while it is still {status}.")
        if status in ("DISPUTED", "APPEALED") and reason is not None:
            raise AnswerInvalid(f"The answer is {status} and gives the reason {reason}; say why in detail instead.")
        if status in ("DISPUTED", "APPEALED") and not str(fields["detail"]).strip():
            raise AnswerInvalid(f"The answer is {status} without a word of why; say it in detail.")
        if puid is not None and not (isinstance(puid, str) and _PUID.fullmatch(puid)):
            raise AnswerInvalid("The answer's puid is not 1 to 500 letters, digits, hyphens or underscores.")
        if reason == "ACTIONED" and puid is None:
            raise AnswerInvalid("The answer claims ACTIONED without a puid, so the action can never be checked.")
        if not isinstance(actions, list) or len(actions) > 20 or not all(map(_is_word, actions)):
            raise AnswerInvalid(
                "The answer's actions are not a list of words: at most 20, of 1 to 200 characters each."
            )
        answer_id = _text(fields, "answer_id", AnswerInvalid)
        if not _REFERENCE.fullmatch(answer_id):
            raise AnswerInvalid("The answer's id is not 1 to 200 printable characters without spaces.")
        return cls(
            answer_id=answer_id,
            reference=reference,
            at=_moment(fields, "at", AnswerInvalid),
            status=status,
            reason_code=reason,
            detail=_text(fields, "detail", AnswerInvalid),
            puid=puid,
            actions=tuple(actions),
            signature=_text(fields, "signature", AnswerInvalid),
            proof=proof,
        )


_SIGNED_RECEIPT = ("reference", "referral_id", "document_sha256", "received_at", "signature")
_ANSWER = ("answer_id", "reference", "at", "status", "reason_code", "detail", "puid", "actions")


@runtime_checkable
class Channel(Protocol):
    """Carries referrals to platforms of one kind. Safe to share between threads.

    `proof` is how sure its receipts are. `answering` says how answers come: ``polled`` by :meth:`answers`; ``delivered``
    to the hub some other way (mail, the portal, an event), so that :meth:`answers` gives none; ``never``. `idempotent`
    says whether the receiver tells a repetition by its key; where it does not, a call that is repeated after a cut-off may
    leave the platform with the same referral twice, both carrying the same referral id. `withdraws` says whether it can
    carry a withdrawal. `settings` are what it must be
    told of a platform besides endpoint, key and token.

    Every method raises :class:`ChannelError`; one that says `retryable` may be repeated with the same idempotency key
    without a second referral coming of it.
    """

    name: ClassVar[str]
    proof: ClassVar[Proof]
    answering: ClassVar[Literal["polled", "delivered", "never"]]
    idempotent: ClassVar[bool]
    withdraws: ClassVar[bool]
    settings: ClassVar[tuple[Setting, ...]]

    @classmethod
    def equipped(cls, equipment: Equipment) -> Self:
        """Make the channel with what it needs of the hub. Raises ChannelError when something that it needs is missing."""
        ...

    def send(
        self, address: Address, document: ReferralDocument, *, idempotency_key: str, at: dt.datetime | None = None
    ) -> Receipt:
        """Hand `document` over and return the verified receipt. `at` is the present; without it, the system's."""
        ...

    def answers(self, address: Address, reference: str, *, after: str | None = None) -> list[Answer]:
        """Return the verified answers to `reference` in the platform's order, those after answer id `after` only."""
        ...

    def inform(self, address: Address, reference: str, text: str, idempotency_key: str) -> None:
        """Send what the platform asked for. Raises NotCarried where there is no way to."""
        ...

    def withdraw(
        self,
        address: Address,
        reference: str,
        withdrawal: Withdrawal,
        *,
        idempotency_key: str,
        at: dt.datetime | None = None,
    ) -> Receipt:
        """Tell the platform that the referral `reference` is withdrawn, and return its receipt for that.

        Raises NotCarried where there is no way to.
        """
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


def _is_word(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 200 and "\x00" not in value


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
