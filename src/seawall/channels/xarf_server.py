"""The receiving side of referrals as XARF over HTTP: what a request must hold, and what is answered.

Pure functions that a server puts between its framework and its store; they keep nothing and send nothing. The contract is
``docs/reference/channels/xarf.md``. Keeping a key and its answer for repetitions is the server's part: every taken
request carries the digest of its body for that.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pydantic
from pydantic import JsonValue

from seawall.channels.base import Answer, Status, stamp
from seawall.channels.document import Problem, Withdrawal, problems
from seawall.channels.xarf_report import MAX_REPORT_BYTES, Incoming, ReportInvalid, incoming, json_of

MAX_TEXT: Final = 20_000
"""Characters of information that may be sent at once."""
MAX_BODY_BYTES: Final = MAX_REPORT_BYTES + 1_024
KEY: Final = re.compile(r"[\x21-\x7e]{1,128}")
CORRELATION: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")
REPORT_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,200}")
"""What a server may call a report: it becomes a part of an address."""
_NOT_TEXT: Final = re.compile("[\x00\ud800-\udfff]")


class Refused(Exception):
    """A request that is not taken: the HTTP status, a word for software, a sentence for people, the members at fault."""

    def __init__(self, status: int, code: str, message: str, problems: Iterable[Problem] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.problems = tuple(problems)

    def to_dict(self) -> dict[str, JsonValue]:
        """Return the object that is answered."""
        fields: list[JsonValue] = [{"field": each.field, "problem": each.problem} for each in self.problems]
        return {"error": {"code": self.code, "message": str(self), "fields": fields}}


@dataclass(frozen=True, slots=True)
class Submission:
    """A report that came in. `sha256` is the body's: the same key with another one is :func:`reused`."""

    key: str
    correlation_id: str
    report: Incoming
    sha256: str


@dataclass(frozen=True, slots=True)
class Informed:
    """Information that the receiver asked for."""

    key: str
    text: str
    sha256: str


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A withdrawal. The server must see to it that it is of the referral under whose address it came."""

    key: str
    correlation_id: str
    withdrawal: Withdrawal
    sha256: str


def submission(raw: bytes, *, idempotency_key: str | None, max_bytes: int = MAX_BODY_BYTES) -> Submission:
    """Read the body of ``POST {endpoint}``: the envelope with ``report.xarf`` in it, or a XARF report by itself.

    `idempotency_key` is the header's value, None without one; the envelope's ``clientToken`` says the same. Without a
    ``correlationId`` the report's own id is it.

    Raises
    ------
    Refused
        400, 413 or 422.
    """
    value = _object(raw, max_bytes)
    if "xarf_version" in value or "Version" in value:
        report, place = value, ""
        envelope: Mapping[str, Any] = {}
    else:
        envelope, place = value, "report.xarf."
        held = envelope.get("report")
        if not isinstance(held, dict) or "xarf" not in held:
            raise _fields("The request is not valid.", (Problem("report", "must be an object that holds xarf"),))
        report = held["xarf"]
    key = _key(envelope, idempotency_key)
    try:
        read = incoming(report)
    except ReportInvalid as error:
        wrong = (Problem(f"{place}{each.field}", each.problem) for each in error.problems)
        raise _fields("The report is not valid XARF v4.", wrong) from error
    return Submission(key, _correlation(envelope, str(read.report_id)), read, _digest(raw))


def information(raw: bytes, *, idempotency_key: str | None, max_bytes: int = 262_144) -> Informed:
    """Read the body of ``POST {endpoint}/{reportId}/information``. Raises Refused, as :func:`submission` does."""
    value = _object(raw, max_bytes)
    key, text = _key(value, idempotency_key), value.get("text")
    if not isinstance(text, str) or not text.strip() or len(text) > MAX_TEXT or _NOT_TEXT.search(text):
        wrong = Problem("text", f"must be a text of 1 to {MAX_TEXT:,} characters without NUL and halves of characters")
        raise _fields("The information is not valid.", (wrong,))
    return Informed(key, text, _digest(raw))


def withdrawal(raw: bytes, *, idempotency_key: str | None, max_bytes: int = 262_144) -> TakenBack:
    """Read the body of ``POST {endpoint}/{reportId}/withdrawal``. Raises Refused, as :func:`submission` does."""
    value = _object(raw, max_bytes)
    key = _key(value, idempotency_key)
    try:
        read = Withdrawal.model_validate(value.get("withdrawal"))
    except pydantic.ValidationError as error:
        wrong = (Problem(f"withdrawal.{each.field}", each.problem) for each in problems(error))
        raise _fields("The withdrawal is not valid.", wrong) from error
    return TakenBack(key, _correlation(value, str(read.referral_id)), read, _digest(raw))


def accepted(
    taken: Submission, *, report_id: str, submitted_at: dt.datetime, status: Status = "QUEUED"
) -> dict[str, JsonValue]:
    """The answer to a report, with 202: the first time and for every repetition, always with the first `submitted_at`.

    Raises ValueError for a `report_id` that cannot stand in an address.
    """
    made: dict[str, JsonValue] = {
        "reportId": _named(report_id),
        "correlationId": taken.correlation_id,
        "status": status,
        "submittedAt": stamp(submitted_at),
    }
    if taken.report.referral is not None:
        made["documentSha256"] = taken.report.referral.sha256()
    return made


def state(
    *, report_id: str, correlation_id: str, submitted_at: dt.datetime, answers: Sequence[Answer]
) -> dict[str, JsonValue]:
    """The answer to ``GET {endpoint}/{reportId}``, with 200: how it stands, and how it came to that.

    Raises ValueError for an answer that says of something restricted neither what nor under which `puid`.
    """
    history = [_entry(answer) for answer in answers]
    latest = history[-1] if history else {"status": "QUEUED", "at": stamp(submitted_at), "description": ""}
    return {
        "reportId": _named(report_id),
        "correlationId": correlation_id,
        "submittedAt": stamp(submitted_at),
        "lastUpdatedAt": latest["at"],
        **{name: value for name, value in latest.items() if name not in ("at", "answerId")},
        "history": list(history),
    }


def informed(*, report_id: str) -> dict[str, JsonValue]:
    """The answer to information, with 202."""
    return {"reportId": _named(report_id)}


def withdrawn(taken: TakenBack, *, report_id: str, withdrawn_at: dt.datetime) -> dict[str, JsonValue]:
    """The answer to a withdrawal, with 202: the first time and for every repetition, with the first `withdrawn_at`."""
    return {
        "reportId": _named(report_id),
        "correlationId": taken.correlation_id,
        "withdrawnAt": stamp(withdrawn_at),
        "documentSha256": taken.withdrawal.sha256(),
    }


def reused() -> Refused:
    """The key was used for another body."""
    return Refused(409, "key_reused", "This Idempotency-Key was used for something else. Use a new one.")


def known() -> Refused:
    """The report came before under another key."""
    return Refused(409, "report_known", "This report was received before under another Idempotency-Key.")


def unknown() -> Refused:
    """No such report, or not this sender's."""
    return Refused(404, "report", "There is no report with this id.")


def no_token() -> Refused:
    """The bearer token is missing or not known."""
    return Refused(401, "token", "The bearer token is missing or not known. Ask for a new one.")


def lacking(answer: Answer) -> str | None:
    """Say what an answer about a restriction lacks, or None: it must name what was done and by which `puid` it is known."""
    if answer.actions and answer.puid is None:
        return f"names what was done ({', '.join(answer.actions)[:100]}) without a puid, so it can never be checked"
    if answer.reason_code == "ACTIONED" and not answer.actions:
        return "claims ACTIONED without saying in actions what was done"
    return None


def _entry(answer: Answer) -> dict[str, JsonValue]:
    if wrong := lacking(answer):
        raise ValueError(f"The answer {answer.answer_id} {wrong}.")
    made: dict[str, JsonValue] = {
        "answerId": answer.answer_id,
        "at": stamp(answer.at),
        "status": answer.status,
        "description": answer.detail,
    }
    if answer.reason_code is not None:
        made["reasonCode"] = answer.reason_code
    if answer.puid is not None:
        made["puid"] = answer.puid
    if answer.actions:
        made["actions"] = list(answer.actions)
    return made


def _named(report_id: str) -> str:
    if not REPORT_ID.fullmatch(report_id):
        raise ValueError("A report id must be 1 to 200 letters, digits, hyphens or underscores.")
    return report_id


def _object(raw: bytes, max_bytes: int) -> dict[str, Any]:
    if len(raw) > max_bytes:
        raise Refused(413, "too_large", f"Send at most {max_bytes:,} bytes.")
    try:
        value = json_of(raw)
    except ReportInvalid as error:
        raise Refused(400, "json", f"The body {error.problems[0].problem}.") from error
    if not isinstance(value, dict):
        raise Refused(400, "json", "The body is not a JSON object.")
    return value


def _key(value: Mapping[str, Any], header: str | None) -> str:
    token = value.get("clientToken")
    key = header if header is not None else token
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise Refused(400, "key", "Send an Idempotency-Key of 1 to 128 printable ASCII characters without spaces.")
    if token not in (None, key):
        raise Refused(400, "key", "The header Idempotency-Key and the member clientToken differ.")
    return key


def _correlation(value: Mapping[str, Any], otherwise: str) -> str:
    given = value.get("correlationId")
    if given is None:
        return otherwise
    if not isinstance(given, str) or not CORRELATION.fullmatch(given):
        wrong = Problem("correlationId", "is not 1 to 256 letters, digits, hyphens or underscores")
        raise _fields("The request is not valid.", (wrong,))
    return given


def _fields(message: str, wrong: Iterable[Problem]) -> Refused:
    return Refused(422, "fields", message, wrong)


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
