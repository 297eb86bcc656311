"""Reading what arrives at a referral's own reply address. Nothing is fetched, followed or run: bytes in, a record out.

Each referral has an address of its own, ``referrals+TOKEN@hub.example``. The token holds the referral's id and a code
that only this hub can compute, so whoever writes to the address has had a mail of that referral. That, and nothing
more, is what a reply proves; ``docs/reference/channels/email.md`` says what it does not.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from typing import Any, Final, Literal
from uuid import UUID

from seawall.channels.base import ANSWER_SCHEMA, Answer, AnswerInvalid, ReasonCode, Status, stamp
from seawall.channels.email_text import (
    MAX_HEADER,
    MAX_PARTS,
    MAX_TEXT,
    Unreadable,
    clean,
    content_of,
    dated,
    decoded,
    enclosed_in,
    header,
    headers,
    inside,
    own_words,
    parsed,
    parts_of,
    said_in,
    sender_of,
)
from seawall.channels.email_tokens import TAG, TOKEN, referral_of

MARKER: Final = "----- Please write your answer above this line -----"
MAX_READ: Final = 1_048_576
"""Bytes of a mail that are read; what lies beyond is not looked at."""

Kind = Literal["bounce", "auto_reply", "answer", "words"]
Refusal = Literal["no_token", "false_token", "several_referrals", "unreadable"]


class ReplyRefused(ValueError):
    """The mail cannot be tied to one referral, or not be read at all. `reason` says which; a person may look at it."""

    def __init__(self, reason: Refusal, message: str) -> None:
        super().__init__(message)
        self.reason: Refusal = reason


@dataclass(frozen=True, slots=True)
class Decision:
    """What a word after ``Decision:`` means, and how a mail explains it."""

    status: Status
    reason_code: ReasonCode | None
    actions: tuple[str, ...]
    about: str


DECISIONS: Final[Mapping[str, Decision]] = {
    "removed": Decision("COMPLETED", "ACTIONED", ("removed",), "it is gone; give its puid"),
    "restricted": Decision("COMPLETED", "ACTIONED", ("restricted",), "it is withheld from some; give its puid"),
    "age restricted": Decision("COMPLETED", "ACTIONED", ("age_restricted",), "adults only; give its puid"),
    "demoted": Decision("COMPLETED", "ACTIONED", ("demoted",), "it is no longer recommended; give its puid"),
    "labelled": Decision("COMPLETED", "ACTIONED", ("labelled",), "it carries a label; give its puid"),
    "no action": Decision("COMPLETED", "REVIEWED_NO_ACTION", (), "you looked at it and leave it up; say why"),
    "not found": Decision("COMPLETED", "NOT_RESOLVABLE", (), "you cannot tell which post is meant"),
    "already gone": Decision("COMPLETED", "CONTENT_DOWN_OR_INACCESSIBLE", (), "it was gone before you came to it"),
    "received": Decision("RECEIVED", None, (), "you have it"),
    "in progress": Decision("PROCESSING", None, (), "you are looking at it"),
    "need information": Decision("PROCESSING", "NEED_MORE_INFORMATION", (), "you ask us something; say what"),
    "impossible now": Decision("PROCESSING", "IMPOSSIBLE_NOW", (), "something beyond you prevents it; say what"),
    "disputed": Decision("DISPUTED", None, (), "you hold the referral to be wrong; say why"),
    "appealed": Decision("APPEALED", None, (), "you ask for a review of a formal notice; say why"),
}
"""The words of the reply form, in the order in which a mail lists them."""


@dataclass(frozen=True, slots=True)
class Bounce:
    """What a mail server says of one recipient (RFC 3464).

    `action` is ``failed`` or ``delayed``; `status` the enhanced status code (``5.1.1``), empty where none was given.
    """

    recipient: str
    action: str
    status: str
    diagnostic: str

    @property
    def permanent(self) -> bool:
        """Whether sending again to this address will not help."""
        return self.action == "failed" and self.status.startswith("5")


@dataclass(frozen=True, slots=True)
class Reply:
    """One mail that came in answer to one referral.

    `kind` is ``bounce`` (a server says that the mail did not arrive, or late), ``auto_reply`` (written by no person;
    never an answer), ``answer`` (`answer` holds it) or ``words`` (for a person to read and classify; `problem` says what
    kept something that looked like an answer from being one). `text` is what was written above and between quoted mail,
    plain and at most MAX_TEXT characters; `enclosed` names what came along and was not opened. `sender` and `dated` are
    what the mail says of itself, which anybody can make up; `evidence` keeps the headers in which servers on the way
    said what they checked, the digest of the whole mail, and how much of it was read.
    """

    kind: Kind
    referral_id: UUID
    reference: str
    arrived_at: dt.datetime
    sender: str
    subject: str
    text: str
    message_id: str
    dated: dt.datetime | None = None
    answer: Answer | None = None
    bounces: tuple[Bounce, ...] = ()
    problem: str = ""
    enclosed: tuple[str, ...] = ()
    evidence: Mapping[str, str] = field(default_factory=dict)


def read(
    raw: bytes,
    secret: bytes,
    *,
    arrived_at: dt.datetime,
    recipients: Sequence[str] = (),
    return_path: str | None = None,
) -> Reply:
    """Read one incoming mail.

    `secret` is that of :func:`~seawall.channels.email_tokens.reply_secret`; `arrived_at` (aware) is when our own server
    took the mail. It is the time of any answer in it too, since a mail's own date is whatever its writer likes.
    `recipients` and `return_path` are those of the delivery (the envelope) where the caller knows them; otherwise the
    headers that servers wrote stand for them.

    Raises
    ------
    ReplyRefused
        The mail carries no token of ours or tokens of several referrals, or cannot be read. No bytes raise anything
        else.
    """
    if arrived_at.tzinfo is None:
        raise ValueError("arrived_at needs a zone")
    try:
        return _read(raw, secret, arrived_at.astimezone(dt.UTC), recipients, return_path)
    except ReplyRefused:
        raise
    except Unreadable as error:
        raise ReplyRefused("unreadable", str(error)) from error
    except Exception as error:
        # The standard library's parser raises many kinds of error for mail that was made to break it.
        what = type(error).__name__
        raise ReplyRefused("unreadable", f"The mail cannot be read ({what}). Look at it as a file.") from error


def _read(
    raw: bytes, secret: bytes, arrived_at: dt.datetime, recipients: Sequence[str], return_path: str | None
) -> Reply:
    mail = parsed(raw[:MAX_READ])
    parts = list(parts_of(mail))
    said = said_in(parts)
    bounces = _bounces(mail, parts, said, return_path)
    automatic = bounces is not None or _is_automatic(mail, return_path)
    own = said if automatic else own_words(said)
    form = _Form({}, "") if automatic else _form(own)
    returned = "" if bounces is None else "\n".join((said, *_returned(parts)))
    token, referral_id = _token(mail, secret, recipients, form.values.get("reference", []), returned)
    message_id = header(mail, "Message-ID")
    identity = hashlib.sha256(message_id.encode() or raw).hexdigest()[:32]
    answer, problem = None, ""
    if not automatic:
        try:
            answer = _answer(parts, form, token, referral_id, f"mail-{identity}", arrived_at)
        except AnswerInvalid as error:
            problem = str(error)
    return Reply(
        kind=("bounce" if bounces else "auto_reply") if automatic else ("answer" if answer else "words"),
        referral_id=referral_id,
        reference=token,
        arrived_at=arrived_at,
        sender=sender_of(mail),
        subject=header(mail, "Subject"),
        text=(own or said).strip()[:MAX_TEXT],
        message_id=message_id,
        dated=dated(mail),
        answer=answer,
        bounces=tuple(bounces or ()),
        problem=problem,
        enclosed=tuple(enclosed_in(parts)),
        evidence=_evidence(mail, raw, return_path),
    )


# --- which referral -------------------------------------------------------------------------------------------------


def _token(
    mail: Message, secret: bytes, recipients: Sequence[str], written: Sequence[str], returned: str
) -> tuple[str, UUID]:
    """Find the token: where our own server put it first, then where the sender did, last in a mail that came back."""
    places = [
        TAG.findall(" ".join(recipients)),
        TAG.findall(headers(mail, "Delivered-To", "X-Original-To", "Envelope-To")),
        TAG.findall(headers(mail, "To", "Cc", "Resent-To")),
        [word for word in written if TOKEN.fullmatch(word)],
        TAG.findall(returned),
    ]
    for place in places:
        ours = {(tag.lower(), found) for tag in place if (found := referral_of(tag, secret))}
        if len(ours) > 1:
            raise ReplyRefused(
                "several_referrals", "The mail is addressed to several referrals at once. A person has to read it."
            )
        if ours:
            return ours.pop()
    if any(places):
        raise ReplyRefused("false_token", "The mail is addressed as if to a referral, and not by an address of ours.")
    raise ReplyRefused("no_token", "The mail carries no address of a referral, so it cannot be tied to one.")


def _returned(parts: Sequence[Message]) -> Iterator[str]:
    """Yield the addresses in our own mail as far as a bounce gives it back."""
    for part in parts:
        if part.get_content_type() == "text/rfc822-headers":
            yield decoded(part)
        elif part.get_content_type() == "message/rfc822":
            yield from (headers(inner, "Reply-To", "Return-Path") for inner in inside(part)[:1])


# --- what servers and programs say ----------------------------------------------------------------------------------

_STATUS = re.compile(r"(?<![.\d])[245]\.\d{1,3}\.\d{1,3}(?![.\d])")
_DAEMONS = frozenset({"mailer-daemon", "postmaster", "mail-daemon"})


def _bounces(mail: Message, parts: Sequence[Message], said: str, return_path: str | None) -> list[Bounce] | None:
    """Read what a mail server reports; empty when it reports nothing bad, None when this is no such report."""
    for part in parts:
        if part.get_content_type() == "message/delivery-status":
            found = [_bounce(block) for block in inside(part)[:MAX_PARTS] if "Action" in block]
            return [bounce for bounce in found if bounce.action in ("failed", "delayed")]
    recipient = header(mail, "X-Failed-Recipients")
    if not _is_null(mail, return_path) or not (recipient or sender_of(mail).partition("@")[0].lower() in _DAEMONS):
        return None
    status = _STATUS.search(said)
    action = "delayed" if "delay" in header(mail, "Subject").lower() else "failed"
    line = next((line for line in said.split("\n") if status and status[0] in line), "")
    return [Bounce(recipient[:320], action, status[0] if status else "", line.strip()[:500])]


def _bounce(block: Message) -> Bounce:
    recipient = header(block, "Final-Recipient") or header(block, "Original-Recipient")
    status = _STATUS.match(header(block, "Status"))
    return Bounce(
        recipient=recipient.rpartition(";")[2].strip()[:320],
        action=_keyword(block, "Action"),
        status=status[0] if status else "",
        diagnostic=header(block, "Diagnostic-Code")[:500],
    )


def _is_automatic(mail: Message, return_path: str | None) -> bool:
    """Tell whether no person wrote this (RFC 3834); receipts for opening a mail are such, too (RFC 8098)."""
    return (
        _keyword(mail, "Auto-Submitted") not in ("", "no")
        or _is_null(mail, return_path)
        or mail.get_content_type() == "multipart/report"
        or _keyword(mail, "Precedence") == "auto_reply"
        or "X-Autoreply" in mail
        or "X-Autorespond" in mail
    )


def _is_null(mail: Message, return_path: str | None) -> bool:
    """Tell whether this is sent so that nothing can be sent back, as servers do (RFC 5321, section 4.5.5)."""
    path = header(mail, "Return-Path") if return_path is None else (return_path.strip() or "<>")
    return path.replace(" ", "") == "<>"


def _keyword(mail: Message, name: str) -> str:
    return re.split(r"[\s(;]", header(mail, name).lower(), maxsplit=1)[0]


# --- what people answer ---------------------------------------------------------------------------------------------

_FIELDS = frozenset({"decision", "reference", "puid", "detail"})
_STATED = ("answer_id", "reference", "status", "reason_code", "detail", "puid", "actions")
_ANSWER_ID = re.compile(r"[\x21-\x7e]{1,100}")
_LONGEST_DETAIL = 5_000
_CUT = " [cut here; the mail has the whole]"


@dataclass(frozen=True, slots=True)
class _Form:
    """The lines of the reply form that were filled in, by name, and what else was written."""

    values: Mapping[str, list[str]]
    rest: str

    def only(self, name: str) -> str:
        """Return the one value of a line, "" where there is none. Raises AnswerInvalid where there are several."""
        values = dict.fromkeys(self.values.get(name, []))
        if len(values) > 1:
            raise AnswerInvalid(f"The reply fills in {name} more than once, differently. A person has to read it.")
        return next(iter(values), "")


def _form(words: str) -> _Form:
    """Find the form in `words`. Detail goes on until an empty line."""
    found: dict[str, list[list[str]]] = {name: [] for name in _FIELDS}
    rest: list[str] = []
    into = rest
    for line in words.split("\n"):
        name, colon, value = line.partition(":")
        name = name.strip(" \t*_-").lower()
        if colon and name in _FIELDS:
            found[name].append([value])
            into = found[name][-1] if name == "detail" else rest
        else:
            into = into if line.strip() else rest
            into.append(line)
    said = {name: ["\n".join(lines).strip(" \t\n*_") for lines in each] for name, each in found.items()}
    return _Form({name: [value for value in each if value] for name, each in said.items()}, "\n".join(rest).strip())


def _answer(
    parts: Sequence[Message], form: _Form, token: str, referral_id: UUID, answer_id: str, arrived_at: dt.datetime
) -> Answer | None:
    """Read the answer that is attached or filled in. Raises AnswerInvalid for one that does not hold."""
    made: list[Answer] = []
    for stated in (*_attached(parts), *_filled_in(form)):
        if (stated.get("reference") or token) not in (token, str(referral_id)):
            raise AnswerInvalid("The answer names another reference than that of the address it was sent to.")
        theirs = stated.get("answer_id")
        value = {
            "reason_code": None,
            "detail": "",
            "puid": None,
            "actions": [],
            **stated,
            "schema": ANSWER_SCHEMA,
            "answer_id": theirs if isinstance(theirs, str) and _ANSWER_ID.fullmatch(theirs) else answer_id,
            "reference": token,
            "at": stamp(arrived_at),
        }
        made.append(Answer.unsigned(value, reference=token, proof="stated"))
    if len({(answer.status, answer.reason_code, answer.puid) for answer in made}) > 1:
        raise AnswerInvalid("The mail holds several answers, and they differ. A person has to read it.")
    return made[0] if made else None


def _attached(parts: Sequence[Message]) -> Iterator[dict[str, Any]]:
    """Yield every attached seawall-answer/1 object; our own document, sent back, is none."""
    for part in parts:
        name = str(part.get_filename() or "").lower()
        if part.is_multipart() or not (part.get_content_subtype().endswith("json") or name.endswith(".json")):
            continue
        try:
            value = json.loads(content_of(part)[:65_536])
        except (ValueError, RecursionError):
            continue
        if not isinstance(value, dict) or value.get("schema") != ANSWER_SCHEMA:
            continue
        if "status" not in value:
            raise AnswerInvalid(f"The attached {ANSWER_SCHEMA} lacks its status.")
        actions = value.get("actions")
        if isinstance(actions, list) and (len(actions) > 20 or any(len(str(action)) > 200 for action in actions)):
            raise AnswerInvalid("The attached answer lists more than 20 actions, or one of more than 200 characters.")
        yield {key: _cleaned(value[key]) for key in _STATED if key in value}


def _cleaned(value: object) -> object:
    if isinstance(value, list):
        return [clean(each) if isinstance(each, str) else each for each in value]
    return clean(value) if isinstance(value, str) else value


def _filled_in(form: _Form) -> Iterator[dict[str, Any]]:
    """Yield what the reply form says, if it was filled in."""
    word = " ".join(re.sub(r"[-_.!]", " ", form.only("decision")).lower().split())
    if not word:
        return
    if word not in DECISIONS:
        raise AnswerInvalid(f"The reply's decision {word[:60]!r} is none of: {', '.join(DECISIONS)}.")
    decision = DECISIONS[word]
    detail = "\n".join(form.values["detail"]) or form.rest
    yield {
        "reference": form.only("reference").lower(),
        "status": decision.status,
        "reason_code": decision.reason_code,
        "detail": detail if len(detail) <= _LONGEST_DETAIL else detail[: _LONGEST_DETAIL - len(_CUT)] + _CUT,
        "puid": form.only("puid") or None,
        "actions": list(decision.actions),
    }


# --- what is kept of it -----------------------------------------------------------------------------------------------

_KEPT_HEADERS = (
    *("From", "Date", "Return-Path", "Authentication-Results", "ARC-Authentication-Results"),
    *("Received-SPF", "DKIM-Signature", "Received"),
)


def _evidence(mail: Message, raw: bytes, return_path: str | None) -> dict[str, str]:
    kept = {"sha256": hashlib.sha256(raw).hexdigest(), "bytes": str(len(raw))}
    if len(raw) > MAX_READ:
        kept["read"] = f"the first {MAX_READ} bytes"
    if return_path is not None:
        kept["envelope sender"] = clean(return_path)[:320]
    for name in _KEPT_HEADERS:
        if values := mail.get_all(name):
            kept[name] = "\n".join(" ".join(clean(str(value)[:MAX_HEADER]).split()) for value in values[:5])
    return kept
