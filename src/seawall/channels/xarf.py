"""Referrals as XARF v4 reports over HTTP, in the shape of the abuse interfaces that hosts already run.

``docs/reference/channels/xarf.md`` is the contract: XARF itself has no answers.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final, Self, get_args
from urllib.parse import urlsplit

import pydantic
from pydantic import JsonValue

from seawall.channels import signing
from seawall.channels.base import (
    ALLOWED_SKEW,
    ANSWER_SCHEMA,
    Address,
    Answer,
    AnswerInvalid,
    ChannelError,
    Equipment,
    NotCarried,
    Proof,
    Receipt,
    ReceiptInvalid,
    Sent,
    Status,
    parse_stamp,
    stamp,
)
from seawall.channels.document import ReferralDocument, Withdrawal
from seawall.channels.http import HttpChannel
from seawall.channels.xarf_report import Contact, ReportInvalid, json_of, to_report
from seawall.channels.xarf_server import CORRELATION, KEY, REPORT_ID, lacking
from seawall.channels.xarf_types import NoSuchType
from seawall.outbound import Outbound

_MOST_ACTIONS: Final = 20
_LONGEST_ACTION: Final = 200
_LONGEST_ANSWER_ID: Final = 200


class XarfChannel(HttpChannel):
    """The channel named ``xarf``.

    It calls as :class:`~seawall.channels.http.HttpChannel` does: same token, same repetitions with the same key, no
    redirects. What differs is what is said. Receipts are as sure as the connection: nobody signs them, so a time of
    receipt is taken only where it fits between sending and the present.
    """

    name: ClassVar[str] = "xarf"
    proof: ClassVar[Proof] = "acknowledged"

    @classmethod
    def equipped(cls, equipment: Equipment) -> Self:
        """Make the channel; XARF wants of whoever sends a name, a mail address and a domain.

        Raises ChannelError when the hub has none to give.
        """
        try:
            sender = Contact(
                org=equipment.hub_name,
                contact=equipment.contact.removeprefix("mailto:"),
                domain=urlsplit(equipment.hub_url).hostname or "",
            )
        except (pydantic.ValidationError, ValueError) as error:
            raise ChannelError(
                "XARF reports name whoever sends them: give this hub a name, a mail address as its contact "
                "(SEAWALL_CONTACT) and a public address (SEAWALL_PUBLIC_URL).",
                retryable=False,
            ) from error
        return cls(equipment.outbound, sender)

    def __init__(
        self,
        outbound: Outbound,
        sender: Contact,
        *,
        attempts: int = 3,
        pause: float = 0.2,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(outbound, attempts=attempts, pause=pause, sleep=sleep)
        self._sender = sender

    def send(
        self, address: Address, document: ReferralDocument, *, idempotency_key: str, at: dt.datetime | None = None
    ) -> Receipt:
        """Post `document` as a report and check what acknowledges it; see :class:`~seawall.channels.base.Channel`.

        Raises NotCarried for a harm that XARF cannot say without what no referral holds.
        """
        try:
            report = to_report(document, sender=self._sender)
        except NoSuchType as error:
            raise NotCarried(str(error)) from error
        said = self._post(address, "", {"report": {"xarf": report}}, document, idempotency_key)
        reference, status = said.get("reportId"), said.get("status")
        if not isinstance(reference, str) or not REPORT_ID.fullmatch(reference):
            raise ReceiptInvalid(
                f"{address.endpoint} gave no reportId of 1 to 200 letters, digits, hyphens or underscores."
            )
        if status not in get_args(Status):
            raise ReceiptInvalid(f"{address.endpoint} acknowledged the report without a status of {get_args(Status)}.")
        received_at = _received(said, "submittedAt", document, at)
        return Receipt.unsigned(
            document,
            reference=reference,
            received_at=received_at,
            proof="acknowledged",
            evidence={**_evidence(said, "submittedAt"), "status": status},
        )

    def answers(self, address: Address, reference: str, *, after: str | None = None) -> list[Answer]:
        """Get how the report stands and return it as answers.

        A platform that keeps a ``history`` gives every answer; otherwise there is one, for the present state, and what
        came and went between two calls is not seen. An `after` that the platform no longer lists leaves all of them in.
        """
        body = self._call(address, "GET", _under(reference))
        said = _object(body, AnswerInvalid)
        if said.get("reportId") != reference:
            raise AnswerInvalid(f"{address.endpoint} answered for another report than {reference}.")
        _correlation(said, AnswerInvalid)
        _time(said, "submittedAt", AnswerInvalid)
        present = _answer(said, reference, "lastUpdatedAt", None)
        listed = said.get("history")
        if listed is None:
            found = {present.answer_id: present}
        elif isinstance(listed, list):
            found = _history(listed, reference)
            _agreeing(found, present)
        else:
            raise AnswerInvalid(f"{address.endpoint} sent a history that is not a list.")
        ids = list(found)
        return [found[name] for name in (ids[ids.index(after) + 1 :] if after in found else ids)]

    def inform(self, address: Address, reference: str, text: str, idempotency_key: str) -> None:
        """Post `text` as the information that the platform asked for."""
        key = _key(idempotency_key)
        content = signing.canonical({"clientToken": key, "text": text})
        self._call(address, "POST", f"{_under(reference)}/information", content=content, idempotency_key=key)

    def withdraw(
        self,
        address: Address,
        reference: str,
        withdrawal: Withdrawal,
        *,
        idempotency_key: str,
        at: dt.datetime | None = None,
    ) -> Receipt:
        """Post the withdrawal and check what acknowledges it."""
        path = f"{_under(reference)}/withdrawal"
        said = self._post(address, path, {"withdrawal": withdrawal.to_dict()}, withdrawal, idempotency_key)
        if said.get("reportId") != reference:
            raise ReceiptInvalid(f"{address.endpoint} took the withdrawal for another report than {reference}.")
        return Receipt.unsigned(
            withdrawal,
            reference=reference,
            received_at=_received(said, "withdrawnAt", withdrawal, at),
            proof="acknowledged",
            evidence=_evidence(said, "withdrawnAt"),
        )

    def _post(
        self, address: Address, path: str, held: Mapping[str, JsonValue], document: Sent, idempotency_key: str
    ) -> Mapping[str, Any]:
        """Post what is `held` in its envelope and return the answer, once it is for this document."""
        key, correlation = _key(idempotency_key), str(document.referral_id)
        content = signing.canonical({"clientToken": key, "correlationId": correlation, **held})
        said = _object(self._call(address, "POST", path, content=content, idempotency_key=key), ReceiptInvalid)
        if _correlation(said, ReceiptInvalid) != correlation:
            raise ReceiptInvalid(
                f"{address.endpoint} acknowledged another report: its correlationId is not {correlation}. "
                "Ask the platform which report it holds under this id."
            )
        if said.get("documentSha256") not in (None, document.sha256()):
            raise ReceiptInvalid(f"{address.endpoint} acknowledged another text of referral {correlation}.")
        return said


_Invalid = type[ReceiptInvalid] | type[AnswerInvalid]


def _key(idempotency_key: str) -> str:
    if not KEY.fullmatch(idempotency_key):
        raise ChannelError(
            "An idempotency key of this channel is 1 to 128 printable ASCII characters without spaces.", retryable=False
        )
    return idempotency_key


def _under(reference: str) -> str:
    """Return the path of a report. One that is no report id could lead elsewhere."""
    if not REPORT_ID.fullmatch(reference):
        raise ChannelError("This is not a reference that this channel gave: it cannot be asked for.", retryable=False)
    return f"/{reference}"


def _object(body: bytes, invalid: _Invalid) -> Mapping[str, Any]:
    try:
        value = json_of(body)
    except ReportInvalid as error:
        raise invalid(f"The platform’s answer {error.problems[0].problem}.") from error
    if not isinstance(value, dict):
        raise invalid("The platform’s answer is not a JSON object.")
    return value


def _correlation(said: Mapping[str, Any], invalid: _Invalid) -> str:
    given = said.get("correlationId")
    if not isinstance(given, str) or not CORRELATION.fullmatch(given):
        raise invalid("The platform’s answer has no correlationId of letters, digits, hyphens and underscores.")
    return given


def _time(said: Mapping[str, Any], name: str, invalid: _Invalid) -> dt.datetime:
    """Read a time: RFC 3339 with a zone, or seconds since 1970 in UTC."""
    value = said.get(name)
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return dt.datetime.fromtimestamp(value, dt.UTC)
        if isinstance(value, str) and len(value) <= 40:
            return parse_stamp(value)
    except (ValueError, OverflowError, OSError):
        pass
    raise invalid(f"The platform’s answer has no {name} that is an RFC 3339 time with a zone.")


def _received(said: Mapping[str, Any], name: str, document: Sent, at: dt.datetime | None) -> dt.datetime:
    """Read when it was received; that starts a clock, so it must lie between sending and the present, with some play."""
    moment, present = _time(said, name, ReceiptInvalid), at or dt.datetime.now(dt.UTC)
    if moment < document.sent_at - ALLOWED_SKEW:
        raise ReceiptInvalid(f"{name} is {stamp(moment)}, before it was sent at {stamp(document.sent_at)}.")
    if moment > present + ALLOWED_SKEW:
        raise ReceiptInvalid(f"{name} is {stamp(moment)}, which is after the present, {stamp(present)}.")
    return moment


def _evidence(said: Mapping[str, Any], when: str) -> dict[str, JsonValue]:
    return {name: said[name] for name in ("reportId", "correlationId", when, "documentSha256") if name in said}


def _answer(said: Mapping[str, Any], reference: str, when: str, answer_id: object) -> Answer:
    at = stamp(_time(said, when, AnswerInvalid))
    actions = said.get("actions", [])
    if not isinstance(actions, list) or len(actions) > _MOST_ACTIONS or not all(map(_is_action, actions)):
        raise AnswerInvalid(
            f"The answer’s actions are not a list of at most {_MOST_ACTIONS} words or short phrases "
            f"of at most {_LONGEST_ACTION} characters."
        )
    value = {
        "schema": ANSWER_SCHEMA,
        "answer_id": f"{at}.{said.get('status')}.{said.get('reasonCode')}"[:_LONGEST_ANSWER_ID]
        if answer_id is None
        else answer_id,
        "reference": reference,
        "at": at,
        "status": said.get("status"),
        "reason_code": said.get("reasonCode"),
        "detail": said.get("description", ""),
        "puid": said.get("puid"),
        "actions": actions,
    }
    answer = Answer.unsigned(value, reference=reference, proof="acknowledged")
    if wrong := lacking(answer):
        raise AnswerInvalid(f"The answer {wrong}.")
    return answer


def _is_action(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_ACTION and value.isprintable()


def _history(listed: list[Any], reference: str) -> dict[str, Answer]:
    found: dict[str, Answer] = {}
    for entry in listed:
        name = entry.get("answerId") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_ANSWER_ID or not name.isprintable():
            raise AnswerInvalid(
                f"The history has an entry without an answerId of at most {_LONGEST_ANSWER_ID} printable characters."
            )
        answer = _answer(entry, reference, "at", name)
        if found.setdefault(name, answer) != answer:
            raise AnswerInvalid(f"The platform sent two different answers under the id {name!r}.")
    return found


def _agreeing(history: Mapping[str, Answer], present: Answer) -> None:
    """Refuse a history that ends elsewhere than where the report is said to stand."""
    last = list(history.values())[-1] if history else None
    stands = (present.status, present.reason_code, present.puid)
    ends = (last.status, last.reason_code, last.puid) if last else (present.status, None, None)
    if stands != ends or (last is None and present.status not in ("RECEIVED", "QUEUED")):
        raise AnswerInvalid(
            f"The report is said to stand at {present.status} ({present.reason_code}), and its history ends "
            f"{f'at {last.status} ({last.reason_code})' if last else 'before anything happened'}."
        )
