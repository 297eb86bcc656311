"""Referrals as signed events to an address of the platform: Standard Webhooks 1.0.0.

``docs/reference/channels/webhook.md`` says what a platform receives, and how it answers by events of its own.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from email.utils import parsedate_to_datetime
from typing import ClassVar, Final, Literal, Self

import httpx
from pydantic import JsonValue

from seawall.channels.base import Address, Answer, ChannelError, Equipment, Proof, Receipt, Setting
from seawall.channels.document import ReferralDocument, Withdrawal
from seawall.channels.webhook_events import (
    Delivery,
    EventInvalid,
    EventRefused,
    EventType,
    HeadersInvalid,
    SecretUnusable,
    SignatureInvalid,
    TimestampOutside,
    answer_in,
    delivery,
    information,
    verify,
)
from seawall.outbound import Fetched, Outbound, OutboundError, OutboundRefused

__all__ = [
    "SCHEDULE",
    "Delivery",
    "EndpointGone",
    "EventInvalid",
    "EventRefused",
    "EventType",
    "HeadersInvalid",
    "SecretUnusable",
    "SignatureInvalid",
    "TimestampOutside",
    "WebhookChannel",
    "answer_in",
    "delivery",
    "information",
    "next_attempt",
    "verify",
]

SCHEDULE: Final = (
    dt.timedelta(seconds=5),
    dt.timedelta(minutes=5),
    dt.timedelta(minutes=30),
    dt.timedelta(hours=2),
    dt.timedelta(hours=5),
    dt.timedelta(hours=10),
    dt.timedelta(hours=14),
    dt.timedelta(hours=20),
    dt.timedelta(hours=24),
)
"""The waits between attempts that the specification gives as its example: a little over three days."""
JITTER: Final = 0.2
_LONGEST_WAIT: Final = 86_400.0
_NEVER: Final = frozenset({501, 505})


class EndpointGone(ChannelError):
    """The platform wants no more events at this address. Nothing more is to be sent there until a person agrees another."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=False)


def next_attempt(attempt: int, key: str = "") -> dt.timedelta | None:
    """Say how long to wait after the attempt numbered `attempt` (the first is 1) failed; None when that was the last.

    Each wait of SCHEDULE is prolonged by up to JITTER of itself. By how much depends on `key` and `attempt` alone, so the
    answer never changes, and events that failed together do not all come back together. Raises ValueError below 1.
    """
    if attempt < 1:
        raise ValueError(f"the first attempt is number 1, not {attempt}")
    if attempt > len(SCHEDULE):
        return None
    digest = hashlib.sha256(f"{attempt}:{key}".encode("utf-8", "surrogatepass")).digest()
    return SCHEDULE[attempt - 1] * (1 + JITTER * int.from_bytes(digest[:8], "big") / 2**64)


class WebhookChannel:
    """The channel named ``webhook``. `Address.token` is the secret, ``whsec_...``, and after a comma the former one.

    One call is one attempt: waiting and trying again is the caller's business, who has a queue (`next_attempt`). Only
    https, but for addresses that `outbound` excepts; no redirect is followed. An endpoint's path may be a secret, so
    nothing that this channel says of an endpoint has more than its host.
    """

    name: ClassVar[str] = "webhook"
    proof: ClassVar[Proof] = "accepted"
    answering: ClassVar[Literal["polled", "delivered", "never"]] = "delivered"
    idempotent: ClassVar[bool] = True
    withdraws: ClassVar[bool] = True
    settings: ClassVar[tuple[Setting, ...]] = ()

    @classmethod
    def equipped(cls, equipment: Equipment) -> Self:
        """Make the channel; it needs the guarded way out only."""
        return cls(equipment.outbound)

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    def send(
        self, address: Address, document: ReferralDocument, *, idempotency_key: str, at: dt.datetime | None = None
    ) -> Receipt:
        """Post ``referral.sent``; the receipt's reference is the referral's id, by which the platform answers."""
        return self._handed_over(address, document, idempotency_key, at)

    def answers(self, address: Address, reference: str, *, after: str | None = None) -> list[Answer]:
        """Give none: answers come to the hub as events; see `verify` and `answer_in`."""
        return []

    def inform(self, address: Address, reference: str, text: str, idempotency_key: str) -> None:
        """Post ``referral.information``."""
        present = dt.datetime.now(dt.UTC)
        self.deliver(address, information(reference, text, idempotency_key=idempotency_key, at=present), at=present)

    def withdraw(
        self,
        address: Address,
        reference: str,
        withdrawal: Withdrawal,
        *,
        idempotency_key: str,
        at: dt.datetime | None = None,
    ) -> Receipt:
        """Post ``referral.withdrawn``; it names the referral by its id, so that `reference` is not needed."""
        return self._handed_over(address, withdrawal, idempotency_key, at)

    def deliver(self, address: Address, event: Delivery, *, at: dt.datetime | None = None) -> dict[str, JsonValue]:
        """Post `event`, signed for this attempt, and return what is known of its acceptance.

        Raises ChannelError; EndpointGone when the platform wants no more of them.
        """
        url = self._checked(address.endpoint)
        where = f"{url.scheme}://{url.netloc.decode('ascii')}"
        headers = {**event.headers(address.token, at or dt.datetime.now(dt.UTC)), "Accept": "application/json"}
        try:
            answer = self._outbound.fetch(
                address.endpoint, method="POST", headers=headers, content=event.body, redirects=0, truncate=True
            )
        except OutboundRefused as error:
            raise ChannelError(f"The platform's endpoint may not be used: {error}", retryable=False) from error
        except OutboundError as error:
            told = f"{where} broke off or answered what is not HTTP." if error.kind == "protocol" else str(error)
            raise ChannelError(told, retryable=True) from error
        said = _said(answer.body, url)
        if not 200 <= answer.status < 300:
            raise _refusal(answer, where, said, at or dt.datetime.now(dt.UTC))
        return {
            "webhook_id": event.id,
            "body_sha256": hashlib.sha256(event.body).hexdigest(),
            "server": where,
            "status": answer.status,
            "said": said,
        }

    def _handed_over(
        self, address: Address, document: ReferralDocument | Withdrawal, idempotency_key: str, at: dt.datetime | None
    ) -> Receipt:
        evidence = self.deliver(address, delivery(document, idempotency_key=idempotency_key), at=at)
        return Receipt.unsigned(
            document,
            reference=str(document.referral_id),
            received_at=at or dt.datetime.now(dt.UTC),
            proof="accepted",
            evidence=evidence,
        )

    def _checked(self, endpoint: str) -> httpx.URL:
        try:
            url = httpx.URL(endpoint)
            port = url.port if url.port is not None else (80 if url.scheme == "http" else 443)
        except (httpx.InvalidURL, TypeError, ValueError):
            url, port = httpx.URL(), 0
        if url.scheme not in ("https", "http") or not url.raw_host or url.userinfo or not 1 <= port <= 65_535:
            raise ChannelError(
                "The platform's endpoint is not an https address without a user name. Correct it in the directory.",
                retryable=False,
            )
        host = url.netloc.decode("ascii") if url.port else f"{url.netloc.decode('ascii')}:{port}"
        if url.scheme == "http" and host.lower() not in self._outbound.allow:
            raise ChannelError(
                f"The platform's endpoint at {host} would carry referrals unencrypted. Agree an https address.",
                retryable=False,
            )
        return url


def _refusal(answer: Fetched, where: str, said: str, present: dt.datetime) -> ChannelError:
    status, words = answer.status, f": {said.rstrip('.')}" if said else ""
    if status == 410:
        return EndpointGone(
            f"{where} wants no more events from this hub (410){words}. Nothing more is sent there; "
            "ask the platform for a new endpoint."
        )
    if status in (408, 425, 429) or (status >= 500 and status not in _NEVER):
        wait = _retry_after(answer.headers.get("retry-after", "").strip(), present)
        return ChannelError(f"{where} answered {status}{words}.", retryable=True, retry_after=wait)
    if status in (401, 403):
        text = f"{where} does not accept the signature ({status}){words}. Check the secret with the platform."
    elif status in (404, 405):
        text = f"{where} takes no events at this address ({status}){words}. Check the endpoint with the platform."
    elif 300 <= status < 400:
        text = f"{where} redirects ({status}), which is not followed. Agree the new endpoint with the platform."
    else:
        text = f"{where} does not accept this event ({status}){words}."
    return ChannelError(text, retryable=False)


def _retry_after(given: str, present: dt.datetime) -> float | None:
    """Read seconds or an HTTP date; at most a day, which is the longest wait of the schedule."""
    if re.fullmatch(r"[0-9]{1,12}", given):
        return min(float(given), _LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(given)
        seconds = (until.replace(tzinfo=until.tzinfo or dt.UTC) - present).total_seconds()
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    return min(max(seconds, 0.0), _LONGEST_WAIT)


def _said(body: bytes, url: httpx.URL) -> str:
    """Return the beginning of what the server said in one line, without the endpoint's path, which may be a secret."""
    text = body[:2_000].decode("utf-8", "replace")
    for part in (url.raw_path.decode("ascii"), url.path, url.query.decode("ascii")):
        if len(part) > 1:
            text = text.replace(part, "[...]")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200]
