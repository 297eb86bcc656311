"""Referrals that a person hands over by the platform's own form, and says so.

Nothing is sent by a machine: :func:`instructions` says what to paste where, and a receipt is made from the statement of
whoever did it. ``docs/reference/channels/manual.md`` describes both.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import ClassVar, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import JsonValue

from seawall.channels.base import (
    ALLOWED_SKEW,
    Address,
    Answer,
    ChannelError,
    Equipment,
    NotCarried,
    Proof,
    Receipt,
    ReceiptInvalid,
    Sent,
    Setting,
    stamp,
)
from seawall.channels.document import ReferralDocument, Withdrawal
from seawall.channels.manual_guide import DEFAULT_GUIDE, Filled, GuideInvalid, Instructions, instructions

__all__ = [
    "DEFAULT_GUIDE",
    "Filled",
    "GuideInvalid",
    "Instructions",
    "ManualChannel",
    "NeedsPerson",
    "Statement",
    "StatementInvalid",
    "instructions",
]

_LONGEST_NAME: Final = 300
_LONGEST_NOTE: Final = 5_000
_REFERENCE: Final = re.compile(r"[\x21-\x7e]{1,200}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_NOT_TEXT: Final = re.compile("[\x00\ud800-\udfff]")


class NeedsPerson(ChannelError):
    """Nobody has handed it over yet: a person has to follow `instructions` and say so. It is not retried until then."""

    def __init__(self, message: str, instructions: Instructions) -> None:
        super().__init__(message, retryable=False)
        self.instructions = instructions


class StatementInvalid(ReceiptInvalid):
    """What a person stated cannot be true, or cannot be kept. Whoever stated it has to correct it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a person says of having handed a document over.

    `reference` is what the platform called it, blank when it gave no name; `by` is who did it; `evidence_sha256` is the hex
    SHA-256 of the picture that they kept of what the platform showed.
    """

    reference: str
    submitted_at: dt.datetime
    by: str
    note: str = ""
    evidence_sha256: str | None = None


Person = Callable[[ReferralDocument | Withdrawal], Statement | None]
"""Finds what was stated about this very document; None when nobody has stated anything yet."""


class ManualChannel:
    """The channel named ``manual``. The endpoint is the page with the platform's form; the hub never fetches it.

    `send` and `withdraw` give a receipt where `person` finds a statement, and raise NeedsPerson where it finds none or is
    absent. A hub that keeps the statements itself calls `stated` when somebody makes one.
    """

    name: ClassVar[str] = "manual"
    proof: ClassVar[Proof] = "stated"
    answering: ClassVar[Literal["polled", "delivered", "never"]] = "delivered"
    idempotent: ClassVar[bool] = True
    withdraws: ClassVar[bool] = True
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("guide", "What goes into each field, one a line, such as Reason: {grounds} [max 500].", required=False),
        Setting("before", "What to do before opening the page, such as which account to sign in to.", required=False),
        Setting("withdrawal_url", "The page for taking a report back, where it is another one.", required=False),
        Setting("withdrawal_guide", "The same as guide for taking a report back.", required=False),
    )

    @classmethod
    def equipped(cls, equipment: Equipment) -> Self:
        """Make the channel; it needs nothing, and names the hub's address and contact where there are any."""
        return cls(hub_url=equipment.hub_url, contact=equipment.contact)

    def __init__(self, person: Person | None = None, *, hub_url: str = "", contact: str = "") -> None:
        self._person = person
        self._hub_url = hub_url
        self._contact = contact

    def send(
        self, address: Address, document: ReferralDocument, *, idempotency_key: str, at: dt.datetime | None = None
    ) -> Receipt:
        """Return the receipt that a person's statement makes. Raises NeedsPerson, GuideInvalid, StatementInvalid."""
        return self._handed_over(address, document, "", at)

    def answers(self, address: Address, reference: str, *, after: str | None = None) -> list[Answer]:
        """Give none: what the platform says, a person writes down."""
        return []

    def inform(self, address: Address, reference: str, text: str, idempotency_key: str) -> None:
        """Refuse: whoever reads the platform's question answers it there."""
        raise NotCarried(
            "A person has to give the platform what it asked for, where it asked, and write that down here."
        )

    def withdraw(
        self,
        address: Address,
        reference: str,
        withdrawal: Withdrawal,
        *,
        idempotency_key: str,
        at: dt.datetime | None = None,
    ) -> Receipt:
        """Return the receipt for the withdrawal in the same way."""
        return self._handed_over(address, withdrawal, reference, at)

    @staticmethod
    def stated(
        document: Sent,
        *,
        reference: str,
        submitted_at: dt.datetime,
        by: str,
        note: str = "",
        evidence_sha256: str | None = None,
        at: dt.datetime | None = None,
    ) -> Receipt:
        """Make the receipt for `document` from what a person states; see :class:`Statement` for the parts.

        The clock starts at `submitted_at`. It may lie neither before the document was sent off nor after the present, `at`;
        five minutes of disagreement are allowed. Where the platform gave no reference, the receipt has the referral's id.

        Raises
        ------
        StatementInvalid
            Naming what does not fit.
        """
        present = at or dt.datetime.now(dt.UTC)
        if not isinstance(submitted_at, dt.datetime) or submitted_at.tzinfo is None:
            raise StatementInvalid("The time at which it was handed over is not a time with a zone.")
        if submitted_at < document.sent_at - ALLOWED_SKEW:
            raise StatementInvalid(
                f"It is said to have been handed over at {stamp(submitted_at)}, before it was sent off "
                f"at {stamp(document.sent_at)}. Correct the time."
            )
        if submitted_at > present + ALLOWED_SKEW:
            raise StatementInvalid(
                f"It is said to have been handed over at {stamp(submitted_at)}, which is after the present, "
                f"{stamp(present)}. Correct the time."
            )
        given = _text(reference, "platform's reference", 200).strip()
        if given and not _REFERENCE.fullmatch(given):
            raise StatementInvalid(
                "The platform's reference is not 1 to 200 printable ASCII characters without spaces. "
                "Write it without them, and as the platform shows it in the note; or leave it blank."
            )
        who = _text(by, "name of the person", _LONGEST_NAME).strip()
        if not who.isprintable() or not who:
            raise StatementInvalid("The statement does not say on one line who handed it over.")
        if evidence_sha256 is not None and not _SHA256.fullmatch(_text(evidence_sha256, "digest of the picture", 64)):
            raise StatementInvalid("The digest of the picture is not a SHA-256 in 64 lower-case hexadecimal digits.")
        evidence: dict[str, JsonValue] = {
            "by": who,
            "submitted_at": stamp(submitted_at),
            "platform_reference": given or None,
            "note": _text(note, "note", _LONGEST_NOTE),
            "evidence_sha256": evidence_sha256,
        }
        return Receipt.unsigned(
            document,
            reference=given or str(document.referral_id),
            received_at=submitted_at,
            proof="stated",
            evidence=evidence,
        )

    def _handed_over(
        self, address: Address, document: ReferralDocument | Withdrawal, reference: str, at: dt.datetime | None
    ) -> Receipt:
        statement = self._person(document) if self._person else None
        if statement is not None:
            return self.stated(document, **asdict(statement), at=at)
        steps = instructions(document, address, reference=reference, hub_url=self._hub_url, contact=self._contact)
        what = "referral" if isinstance(document, ReferralDocument) else "withdrawal"
        raise NeedsPerson(
            f"A person has to hand this {what} over by the form at {urlsplit(steps.page).hostname} "
            "and write down here that it was done.",
            steps,
        )


def _text(value: object, what: str, longest: int) -> str:
    if not isinstance(value, str) or len(value) > longest or _NOT_TEXT.search(value):
        raise StatementInvalid(f"The {what} is not a text of at most {longest:,} characters.")
    return value
