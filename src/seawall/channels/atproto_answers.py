"""What a moderation service's own events on a subject answer to one report of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from seawall.channels.base import ANSWER_SCHEMA, Answer, AnswerInvalid, ReasonCode, Status, parse_stamp, stamp

_EVENTS: Final = "tools.ozone.moderation.defs#"
REPORT: Final = _EVENTS + "modEventReport"
_TAKEDOWN: Final = _EVENTS + "modEventTakedown"
_REVERSE: Final = _EVENTS + "modEventReverseTakedown"
_LABEL: Final = _EVENTS + "modEventLabel"
_ACKNOWLEDGE: Final = _EVENTS + "modEventAcknowledge"
_ESCALATE: Final = _EVENTS + "modEventEscalate"
_DIVERT: Final = _EVENTS + "modEventDivert"
_SCHEDULE: Final = _EVENTS + "scheduleTakedownEvent"
_RECORD: Final = _EVENTS + "recordEvent"
_ACCOUNT: Final = _EVENTS + "accountEvent"
OF_RECORD: Final = (_TAKEDOWN, _REVERSE, _LABEL, _ACKNOWLEDGE, _ESCALATE, _DIVERT, _SCHEDULE, _RECORD)
OF_ACCOUNT: Final = (_TAKEDOWN, _REVERSE, _ACCOUNT)
_PROCESSING: Final = {
    _ESCALATE: "The service escalated the report for a further review.",
    _DIVERT: "The service passed the files of the post on for a further check.",
    _SCHEDULE: "The service has set a time for a takedown.",
}
_GONE: Final = frozenset({"deleted", "takendown", "suspended", "deactivated"})
_LONGEST_COMMENT: Final = 2_000


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the service's log that has been checked for form: who did what to which subject, and when."""

    id: int
    kind: str
    by: str
    at: dt.datetime
    of_account: bool
    detail: Mapping[str, Any]
    blobs: int
    tool: Mapping[str, Any]

    @property
    def comment(self) -> str:
        """What the moderator wrote, as text that can be kept."""
        said = self.detail.get("comment")
        return said.replace("\x00", " ").strip()[:_LONGEST_COMMENT] if isinstance(said, str) else ""

    def words(self, name: str) -> list[str]:
        """Return a list of short words that the event carries under `name`, such as labels."""
        listed = self.detail.get(name)
        words = listed if isinstance(listed, list) else []
        return [word[:128] for word in words[:50] if isinstance(word, str) and word.isprintable()]


def read_event(value: object) -> Event:
    """Read an event as the service lists it. Raises AnswerInvalid naming what does not fit."""
    try:
        if not isinstance(value, dict):
            raise ValueError("it is not an object")
        number, by, detail = value.get("id"), value.get("createdBy"), value.get("event")
        if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < 2**63:
            raise ValueError("its id is not a positive number")
        if not isinstance(by, str) or not isinstance(detail, dict) or not isinstance(detail.get("$type"), str):
            raise ValueError("it does not say who did what")
        subject, blobs, tool = value.get("subject"), value.get("subjectBlobCids"), value.get("modTool")
        return Event(
            id=number,
            kind=detail["$type"],
            by=by,
            at=parse_stamp(str(value.get("createdAt"))),
            of_account=isinstance(subject, dict) and "uri" not in subject,
            detail=detail,
            blobs=len(blobs) if isinstance(blobs, list) else 0,
            tool=tool if isinstance(tool, dict) else {},
        )
    except (ValueError, OverflowError) as error:
        raise AnswerInvalid(f"The moderation service listed an event that cannot be read: {error}.") from error


@dataclass
class _Standing:
    """What is in force on the subject while its events go by in order."""

    takedowns: dict[bool, int] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)
    gone: int | None = None

    def acted(self) -> bool:
        return bool(self.takedowns or self.labels or self.gone is not None)


def answers_of(report: Event, events: Iterable[Event], *, own: str) -> list[Answer]:
    """Return what `events` (of the report's subject and of its account) answer to `report`, in order.

    Events before the report count for what is in force; what this hub's own account (`own`) did answers nothing. A takedown
    or a label is an action, an acknowledgement without either a refusal; the number of the event is the answer's id and, for
    an action, its puid.
    """
    muted = report.detail.get("isReporterMuted") is True
    opening = (
        _answer(
            report, report, "RECEIVED", detail="The service has muted this hub's account: the report is not queued."
        )
        if muted
        else _answer(report, report, "QUEUED", detail="The report waits for the service's review.")
    )
    found, standing, answered = [opening], _Standing(), False
    for event in sorted(events, key=lambda event: event.id):
        if event.by == own:
            continue
        after = event.id > report.id
        for answer in _told(report, event, standing, answered):
            if after:
                found.append(answer)
                answered = answered or answer.status == "COMPLETED"
    return found


def _told(report: Event, event: Event, standing: _Standing, answered: bool) -> Iterator[Answer]:
    """Take `event` into what stands, and yield the answer that it is, if any."""
    if event.kind == _TAKEDOWN:
        standing.takedowns[event.of_account] = event.id
        yield _answer(
            report, event, "COMPLETED", "ACTIONED", detail=_terms(event), puid=event.id, actions=_taken_down(event)
        )
    elif event.kind == _REVERSE:
        taken = standing.takedowns.pop(event.of_account, None)
        what = f"The takedown {taken} was taken back." if taken is not None else "A takedown was taken back."
        yield _answer(report, event, "COMPLETED", "REVIEWED_NO_ACTION", detail=f"{what} {event.comment}".strip())
    elif event.kind == _LABEL:
        yield from _labelled(report, event, standing)
    elif event.kind == _ACKNOWLEDGE:
        yield from _acknowledged(report, event, standing, answered)
    elif event.kind in _PROCESSING:
        yield _answer(report, event, "PROCESSING", detail=f"{_PROCESSING[event.kind]} {event.comment}".strip())
    elif _is_gone(event):
        standing.gone = event.id
        yield _answer(
            report, event, "COMPLETED", "CONTENT_DOWN_OR_INACCESSIBLE", detail="The service saw that the post is gone."
        )


def _labelled(report: Event, event: Event, standing: _Standing) -> Iterator[Answer]:
    added, removed = event.words("createLabelVals"), event.words("negateLabelVals")
    for value in removed:
        standing.labels.pop(value, None)
    for value in added:
        standing.labels[value] = event.id
    if added:
        actions = tuple(f"label {value}" for value in added)
        yield _answer(report, event, "COMPLETED", "ACTIONED", detail=_terms(event), puid=event.id, actions=actions)
    elif removed and not standing.acted():
        taken = f"Labels were taken back: {', '.join(removed)}. {event.comment}"
        yield _answer(report, event, "COMPLETED", "REVIEWED_NO_ACTION", detail=taken.strip()[:5_000])


def _acknowledged(report: Event, event: Event, standing: _Standing, answered: bool) -> Iterator[Answer]:
    """A report that is closed: by what stands on the subject, or else without action."""
    if not standing.acted():
        yield _answer(
            report, event, "COMPLETED", "REVIEWED_NO_ACTION", detail=event.comment or "Closed without action."
        )
    elif standing.takedowns or standing.gone is not None:
        if not answered:
            yield _answer(
                report,
                event,
                "COMPLETED",
                "CONTENT_DOWN_OR_INACCESSIBLE",
                detail=f"Closed; the post was down before this report. {event.comment}".strip(),
                puid=max(standing.takedowns.values(), default=None),
            )
    elif not answered:
        yield _answer(
            report,
            event,
            "COMPLETED",
            "ACTIONED",
            detail=f"Closed; the post was labelled before this report. {event.comment}".strip(),
            puid=max(standing.labels.values()),
            actions=tuple(f"label {value}" for value in standing.labels),
        )


def _is_gone(event: Event) -> bool:
    if event.kind == _RECORD:
        return event.detail.get("op") == "delete"
    return event.kind == _ACCOUNT and event.detail.get("active") is False and event.detail.get("status") in _GONE


def _taken_down(event: Event) -> tuple[str, ...]:
    actions = ["takedown of the account" if event.of_account else "takedown of the post"]
    if event.blobs:
        actions.append(f"takedown of {event.blobs} of its files")
    return tuple(actions)


def _terms(event: Event) -> str:
    """Say for how long, under which of the service's policies, and what the moderator wrote."""
    said = []
    hours = event.detail.get("durationInHours")
    if isinstance(hours, int) and not isinstance(hours, bool) and hours > 0:
        said.append(f"For {hours} hours.")
    if policies := event.words("policies"):
        said.append(f"Under the service's {', '.join(policies)}.")
    return " ".join([*said, event.comment]).strip()


def _answer(
    report: Event,
    event: Event,
    status: Status,
    reason: ReasonCode | None = None,
    *,
    detail: str,
    puid: int | None = None,
    actions: tuple[str, ...] = (),
) -> Answer:
    value = {
        "schema": ANSWER_SCHEMA,
        "answer_id": str(event.id),
        "reference": str(report.id),
        "at": stamp(event.at),
        "status": status,
        "reason_code": reason,
        "detail": detail[:5_000],
        "puid": None if puid is None else str(puid),
        "actions": list(actions),
    }
    return Answer.unsigned(value, reference=str(report.id), proof="acknowledged")
