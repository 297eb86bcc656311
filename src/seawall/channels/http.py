"""Referrals over HTTP, as ``docs/reference/referral-protocol.md`` describes them."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Callable
from typing import Any, ClassVar, Literal, Self
from urllib.parse import quote

from seawall.channels import signing
from seawall.channels.base import (
    Address,
    Answer,
    AnswerInvalid,
    ChannelError,
    Equipment,
    Proof,
    Receipt,
    ReceiptInvalid,
    Setting,
)
from seawall.channels.document import ReferralDocument, Withdrawal
from seawall.outbound import Fetched, Outbound, OutboundError, OutboundRefused

INFORMATION_SCHEMA = "seawall-information/1"
LONGEST_PAUSE = 5.0
_RETRYABLE = frozenset({408, 425, 429, 500, 502, 503, 504})


class HttpChannel:
    """The channel named ``http``.

    A call that fails for a passing reason is repeated `attempts` times in all, with the same idempotency key and a
    pause that doubles from `pause` seconds; longer waits are the caller's business, who has a queue. Only http and
    https to addresses that `outbound` allows; no redirect is followed, since it would carry the token elsewhere.
    """

    name: ClassVar[str] = "http"
    proof: ClassVar[Proof] = "signed"
    answering: ClassVar[Literal["polled", "delivered", "never"]] = "polled"
    idempotent: ClassVar[bool] = True
    withdraws: ClassVar[bool] = True
    settings: ClassVar[tuple[Setting, ...]] = ()

    @classmethod
    def equipped(cls, equipment: Equipment) -> Self:
        """Make the channel; it needs the guarded way out only."""
        return cls(equipment.outbound)

    def __init__(
        self,
        outbound: Outbound,
        *,
        attempts: int = 3,
        pause: float = 0.2,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._outbound = outbound
        self._attempts = attempts
        self._pause = pause
        self._sleep = sleep

    def send(
        self, address: Address, document: ReferralDocument, *, idempotency_key: str, at: dt.datetime | None = None
    ) -> Receipt:
        """Post `document` and verify the receipt; see :class:`~seawall.channels.base.Channel`."""
        body = self._call(address, "POST", "/v1/referrals", content=document.to_json(), idempotency_key=idempotency_key)
        present = at or dt.datetime.now(dt.UTC)
        return Receipt.verified(_json(body, ReceiptInvalid), address=address, document=document, at=present)

    def answers(self, address: Address, reference: str, *, after: str | None = None) -> list[Answer]:
        """Get and verify the answers; one that is listed twice is returned once."""
        path = f"/v1/referrals/{quote(reference, safe='')}"
        if after is not None:
            path += f"?after={quote(after, safe='')}"
        listing = _json(self._call(address, "GET", path), AnswerInvalid)
        if not isinstance(listing, dict) or not isinstance(listing.get("answers"), list):
            raise AnswerInvalid(f"{address.endpoint} sent something that is not a list of answers.")
        found: dict[str, Answer] = {}
        for value in listing["answers"]:
            answer = Answer.verified(value, address=address, reference=reference)
            if found.setdefault(answer.answer_id, answer) != answer:
                raise AnswerInvalid(f"{address.endpoint} sent two different answers under the id {answer.answer_id!r}.")
        return list(found.values())

    def inform(self, address: Address, reference: str, text: str, idempotency_key: str) -> None:
        """Post `text` as the information that the platform asked for."""
        content = signing.canonical({"schema": INFORMATION_SCHEMA, "text": text})
        path = f"/v1/referrals/{quote(reference, safe='')}/information"
        self._call(address, "POST", path, content=content, idempotency_key=idempotency_key)

    def withdraw(
        self,
        address: Address,
        reference: str,
        withdrawal: Withdrawal,
        *,
        idempotency_key: str,
        at: dt.datetime | None = None,
    ) -> Receipt:
        """Post the withdrawal and verify the receipt for it."""
        path = f"/v1/referrals/{quote(reference, safe='')}/withdrawal"
        body = self._call(address, "POST", path, content=withdrawal.to_json(), idempotency_key=idempotency_key)
        present = at or dt.datetime.now(dt.UTC)
        return Receipt.verified(_json(body, ReceiptInvalid), address=address, document=withdrawal, at=present)

    def _call(
        self, address: Address, method: str, path: str, *, content: bytes = b"", idempotency_key: str | None = None
    ) -> bytes:
        for attempt in range(self._attempts):
            try:
                return self._once(address, method, path, content, idempotency_key)
            except ChannelError as error:
                last = attempt + 1 == self._attempts
                wait = max(error.retry_after or 0.0, self._pause * 2**attempt)
                if last or not error.retryable or wait > LONGEST_PAUSE:
                    raise
                self._sleep(wait)
        raise AssertionError("attempts must be at least 1")

    def _once(self, address: Address, method: str, path: str, content: bytes, idempotency_key: str | None) -> bytes:
        headers = {"Authorization": f"Bearer {address.token}", "Accept": "application/json"}
        if content:
            headers["Content-Type"] = "application/json"
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        url = address.endpoint.rstrip("/") + path
        try:
            answer = self._outbound.fetch(url, method=method, headers=headers, content=content, redirects=0)
        except OutboundRefused as error:
            raise ChannelError(f"The platform's endpoint may not be used: {error}", retryable=False) from error
        except OutboundError as error:
            # A body over the cap will be over it again; every other failure may pass.
            raise ChannelError(str(error), retryable=error.kind != "too_large") from error
        if 200 <= answer.status < 300:
            return answer.body
        raise _refusal(answer, address)


def _refusal(answer: Fetched, address: Address) -> ChannelError:
    where, status = address.endpoint, answer.status
    said = _said(answer.body)
    if status in _RETRYABLE:
        return ChannelError(f"{where} answered {status}{said}.", retryable=True, retry_after=_retry_after(answer))
    if status in (401, 403):
        text = f"{where} refuses this hub's token ({status}){said}. Ask the platform for a new one."
    elif status == 404:
        text = f"{where} does not know what was asked for (404){said}. Check the endpoint and the reference."
    elif status == 409:
        text = f"{where} already holds something else under this idempotency key or referral (409){said}."
    elif 300 <= status < 400:
        text = f"{where} redirects ({status}), which is not followed. Agree the new endpoint with the platform."
    else:
        text = f"{where} does not accept this request ({status}){said}."
    return ChannelError(text, retryable=False)


def _said(body: bytes) -> str:
    """Say in one line what the platform's error object says, if it is one."""
    try:
        error = json.loads(body)["error"]
        fields = "; ".join(f"{entry['field']}: {entry['problem']}" for entry in error.get("fields", []))
        told = f"{error['message']} {fields}"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ""
    text = " ".join("".join(c if c.isprintable() else " " for c in told[:500]).split()).rstrip(".")
    return f": {text}"


def _retry_after(answer: Fetched) -> float | None:
    seconds = answer.headers.get("retry-after", "").strip()
    return float(seconds) if seconds.isascii() and seconds.isdigit() and len(seconds) < 7 else None


def _json(body: bytes, invalid: type[ReceiptInvalid] | type[AnswerInvalid]) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise invalid(f"The platform's answer is not JSON: {error}.") from error
