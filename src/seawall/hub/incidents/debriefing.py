"""The debrief: what happened in an incident, put together when it ends, and set as a document for people.

What is put together is plain data, kept as it is with its digest in the ledger. People's answers to its questions are set below it and never
become a part of it.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from seawall.clock import State
from seawall.durations import in_words
from seawall.formats.rendering.parts import Fact, Sheet, Writer, on_one_line, when
from seawall.hub import moment
from seawall.hub.casework.models import Case
from seawall.hub.exchange.models import Change, Reason, Sighting, Signal, SignalState
from seawall.hub.exchange.recipients import holders
from seawall.hub.incidents import counting
from seawall.hub.incidents.models import Incident, Question
from seawall.hub.ledger.services import stamp
from seawall.hub.oversight import spreading
from seawall.hub.referrals.models import Referral, Withdrawal

SCHEMA = "seawall-debrief/1"
MOST_LINES = 1_000
MOST_HOLDERS_ASKED = 500
"""Of so many withdrawn signals, the latest, it is looked up who still holds them."""
MISTAKES = (Reason.MISTAKE, Reason.APPEAL, Reason.REFERRAL, Reason.DISPUTE)
DEMONSTRATION = "DEMONSTRATION. Nothing in this document happened."
CLOCKS = {
    "kept": "Kept",
    "missed": "Missed",
    "running": "Still running at the end",
    "taken_back": "Taken back",
    "none": "No time set",
}


def put_together(incident: Incident) -> dict[str, Any]:
    """What happened from the declaration to the end, of an incident that has ended. Names organisations, and no person."""
    end = incident.over_at
    referrals = list(counting.referrals_in(incident, until=end))
    withdrawn = _withdrawn(incident, end)
    return {
        "schema": SCHEMA,
        "reference": incident.reference,
        "community": {"slug": incident.community.slug, "name": incident.community.name},
        "kind": incident.kind,
        "title": incident.title,
        "harms": incident.harms,
        "declared_at": stamp(incident.declared_at),
        "ended_at": stamp(end),
        "lapsed": incident.ended_by_id is None,
        "ended_because": incident.ended_because,
        "put_together_at": stamp(moment.now()),
        "demonstration": moment.in_demonstration(),
        "timeline": _timeline(incident, end, withdrawn),
        "quarters": [{"until": stamp(each.until), **each.counts} for each in incident.counts.all()],
        "clocks": {"decisions": _decisions(incident, end), "referrals": _referrals(referrals, end)},
        "platforms": platforms(referrals, end),
        "signals": _signals(incident, end, withdrawn),
        "sightings": _sightings(incident, end),
        "mistakes": _mistakes(incident, end, withdrawn),
    }


def _withdrawn(incident: Incident, end: datetime) -> list[Change]:
    return list(
        Change.objects.filter(
            community=incident.community_id,
            state=SignalState.WITHDRAWN,
            at__gte=incident.declared_at,
            at__lte=end,
            signal__harm__in=incident.harms,
        )
        .select_related("signal")
        .order_by("at", "number")[:MOST_LINES]
    )


def _timeline(incident: Incident, end: datetime, withdrawn: Iterable[Change]) -> list[dict[str, Any]]:
    """What people did and said, in its order; signals and sightings as the first of each and counts else."""
    operator = incident.community.operator.name
    lines: list[tuple[datetime, str, str, str]] = [(incident.declared_at, "declared", operator, "")]
    lines += [
        (each.at, "extended", operator, f"Until {when(each.until.replace(microsecond=0))}. {each.reason}")
        for each in incident.extensions.all()
    ]
    lines += [
        (each.at, "said", each.organisation.name, each.text)
        for each in incident.messages.select_related("organisation")[:MOST_LINES]
    ]
    first = _shared(incident, end).order_by("shared_at").select_related("shared_by").first()
    if first is not None:
        lines.append((first.shared_at, "first_signal", first.shared_by.name, ""))
    seen = (
        Sighting.objects.standing()
        .filter(
            signal__community=incident.community_id,
            signal__harm__in=incident.harms,
            recorded_at__gte=incident.declared_at,
            recorded_at__lte=end,
        )
        .select_related("platform")
        .order_by("recorded_at")
    )
    on: set[str] = set()
    for each in seen[: 10 * MOST_LINES]:
        if each.platform.slug not in on:
            on.add(each.platform.slug)
            lines.append((each.recorded_at, "first_sighting", each.platform.name, ""))
    lines += [(each.at, "signal_withdrawn", "", each.get_reason_display()) for each in withdrawn]
    lines.append((end, "lapsed" if incident.ended_by_id is None else "ended", operator, incident.ended_because))
    return [
        {"at": stamp(at), "what": what, "by": by, "text": text}
        for at, what, by, text in sorted(lines, key=lambda line: line[0])
    ]


def _shared(incident: Incident, end: datetime) -> Any:
    return Signal.objects.filter(
        community=incident.community_id,
        harm__in=incident.harms,
        shared_at__gte=incident.declared_at,
        shared_at__lte=end,
    )


def _decisions(incident: Incident, end: datetime) -> dict[str, int]:
    """The hub's own clocks: cases opened in the incident about its harms, by whether they were closed in time."""
    found = dict.fromkeys(("kept", "missed", "running", "none"), 0)
    opened = Case.objects.filter(harm__in=incident.harms, opened_at__gte=incident.declared_at, opened_at__lte=end).only(
        "opened_at", "decision_within", "closed_at", "state"
    )
    for case in opened.iterator(chunk_size=2_000):
        closed = case.closed_at if case.closed_at is not None and case.closed_at <= end else None
        if case.due_at is None:
            found["none"] += 1
        elif closed is not None:
            found["kept" if closed <= case.due_at else "missed"] += 1
        else:
            found["missed" if end > case.due_at else "running"] += 1
    return found


def _referrals(referrals: Iterable[Referral], end: datetime) -> dict[str, int]:
    """The platforms' clocks, as they stood at the end."""
    found = dict.fromkeys(("kept", "missed", "running", "taken_back"), 0)
    for each in referrals:
        state = each.clock().state(end)
        if each.state == "withdrawn" and state is not State.BREACHED:
            found["taken_back"] += 1
        elif state is State.BREACHED:
            found["missed"] += 1
        else:
            found["kept" if state is State.MET else "running"] += 1
    return found


def platforms(referrals: Iterable[Referral], at: datetime) -> list[dict[str, Any]]:
    """Referrals by platform: how many, answered, open and late at that moment, and the median time from receipt to answer."""
    rows: dict[str, dict[str, Any]] = {}
    times: dict[str, list[float]] = {}
    for each in referrals:
        row = rows.setdefault(
            each.platform.slug,
            {
                "platform": each.platform.slug,
                "name": each.platform.name,
                "referred": 0,
                "answered": 0,
                "taken_back": 0,
                "open": 0,
                "late": 0,
            },
        )
        row["referred"] += 1
        if each.state == "withdrawn":
            row["taken_back"] += 1
        elif counting.answered_by(each, at):
            row["answered"] += 1
            if each.received_at is not None and each.answered_at is not None:
                times.setdefault(each.platform.slug, []).append((each.answered_at - each.received_at).total_seconds())
        else:
            row["open"] += 1
            row["late"] += each.clock().state(at) is State.BREACHED
    for slug, row in rows.items():
        row["median_seconds"] = round(statistics.median(times[slug])) if slug in times else None
    return [rows[slug] for slug in sorted(rows)]


def _signals(incident: Incident, end: datetime, withdrawn: list[Change]) -> dict[str, Any]:
    by_reason: dict[str, int] = {}
    for change in withdrawn:
        by_reason[change.reason] = by_reason.get(change.reason, 0) + 1
    return {"shared": _shared(incident, end).count(), "withdrawn": len(withdrawn), "withdrawn_by_reason": by_reason}


def _sightings(incident: Incident, end: datetime) -> dict[str, Any]:
    """How often signals about the harms were seen in the incident, and the moves from platform to platform in it."""
    seen = Sighting.objects.standing().filter(
        signal__community=incident.community_id,
        signal__harm__in=incident.harms,
        recorded_at__gte=incident.declared_at,
        recorded_at__lte=end,
    )
    pairs: dict[tuple[str, str], list[float]] = {}
    for move in spreading.moves(incident.community, since=incident.declared_at):
        if move.signal.harm in incident.harms and incident.declared_at <= move.there_at <= end:
            pairs.setdefault((move.first, move.to), []).append(move.lag.total_seconds())
    return {
        "count": seen.count(),
        "moves": [
            {"from": first, "to": to, "count": len(lags), "median_seconds": round(statistics.median(lags))}
            for (first, to), lags in sorted(pairs.items())
        ],
    }


def _mistakes(incident: Incident, end: datetime, withdrawn: list[Change]) -> list[dict[str, Any]]:
    """What was undone: signals withdrawn as wrong, with how many places have not confirmed it, and referrals taken back."""
    wrong = [change for change in withdrawn if change.reason in MISTAKES]
    asked = {change.signal_id for change in wrong[-MOST_HOLDERS_ASKED:]}
    found = [
        {
            "at": stamp(change.at),
            "what": "signal",
            "reason": change.reason,
            "still_held_by": len(holders(change.signal)) if change.signal_id in asked else None,
        }
        for change in wrong
    ]
    taken_back = Withdrawal.objects.filter(
        referral__harm__in=incident.harms, withdrawn_at__gte=incident.declared_at, withdrawn_at__lte=end
    ).order_by("withdrawn_at")
    found += [
        {
            "at": stamp(each.withdrawn_at),
            "what": "referral",
            "reason": each.by,
            "still_held_by": 0 if each.never_sent or each.acknowledged_at is not None else 1,
        }
        for each in taken_back[:MOST_LINES]
    ]
    return sorted(found, key=lambda each: str(each["at"]))


WHAT = {
    "declared": "Incident declared",
    "extended": "Given more time",
    "said": "Said",
    "first_signal": "First signal shared",
    "first_sighting": "First sighting on this platform",
    "signal_withdrawn": "Signal withdrawn",
    "ended": "Incident ended",
    "lapsed": "Incident ended by itself",
}


def sheet_of(incident: Incident, data: Mapping[str, Any], digest: str) -> Sheet:
    """The debrief as a document for people: what was put together, then the answers that people have given so far."""
    write = Writer()
    if data["demonstration"]:
        write.box("demonstration", DEMONSTRATION)
    began, ended = _time(data["declared_at"]), _time(data["ended_at"])
    write.heading("The incident")
    write.facts(
        Fact("Reference", data["reference"]),
        Fact("Community", data["community"]["name"]),
        Fact("Kind", incident.get_kind_display()),
        Fact("Harms", ", ".join(data["harms"])),
        Fact("Declared", when(began.replace(microsecond=0))),
        Fact("Ended", when(ended.replace(microsecond=0)) + (", by itself" if data["lapsed"] else "")),
        Fact("It lasted", in_words(ended - began)),
        Fact("Why it ended", data["ended_because"]) if data["ended_because"] else None,
    )
    write.heading("What happened")
    write.table(
        "Timeline",
        ("When, and what", "Who, and words"),
        [
            (
                f"{_clock(each['at'])} {WHAT[each['what']]}",
                ": ".join(part for part in (each["by"], each["text"]) if part),
            )
            for each in data["timeline"]
        ],
        (34, 66),
    )
    write.heading("Counts for each quarter of an hour")
    write.table(
        "Signals, sightings and messages are the community’s; cases and referrals the hub’s, about these harms",
        ("Until", "What was counted, where it is not none"),
        [(_clock(each["until"]), _counted(each)) for each in data["quarters"]],
        (34, 66),
    )
    write.heading("Clocks")
    for name, title in (("decisions", "Decisions here"), ("referrals", "Answers of platforms")):
        clocks = data["clocks"][name]
        write.table(
            title,
            ("How it stood at the end", "How many"),
            [(words, str(clocks[key])) for key, words in CLOCKS.items() if key in clocks],
            (66, 34),
        )
    if data["platforms"]:
        write.table(
            "Referrals by platform",
            ("Platform", "How its referrals stood at the end"),
            [
                (
                    row["name"],
                    (
                        f"{row['referred']} referred, {row['answered']} answered (median {_length(row['median_seconds'])}), "
                        f"{row['open']} open, {row['late']} of them late, {row['taken_back']} taken back"
                    ),
                )
                for row in data["platforms"]
            ],
            (34, 66),
        )
    write.heading("Signals and where they were seen")
    signals, seen = data["signals"], data["sightings"]
    write.say(
        f"{signals['shared']:,} signals were shared and {signals['withdrawn']:,} withdrawn; {seen['count']:,} sightings were told."
    )
    if seen["moves"]:
        write.table(
            "From the platform of first sight to another",
            ("From and to", "Signals", "Median time"),
            [
                (f"{row['from']} to {row['to']}", str(row["count"]), _length(row["median_seconds"]))
                for row in seen["moves"]
            ],
            (54, 12, 34),
        )
    write.heading("Mistakes undone")
    if data["mistakes"]:
        write.table(
            "What was taken back as wrong",
            ("When", "What", "Confirmed everywhere"),
            [
                (_clock(row["at"]), f"{row['what'].capitalize()} ({row['reason']})", _landed(row["still_held_by"]))
                for row in data["mistakes"]
            ],
            (34, 12, 54),
        )
    else:
        write.say("Nothing was taken back as wrong.")
    write.heading("Questions for people")
    latest = {each.question: each for each in incident.answers.all()}
    for question in Question:
        found = latest.get(question)
        write.say(question.label)
        if found is not None:
            write.quote(f"Answered {when(found.at.replace(microsecond=0))}", found.text)
        else:
            write.quote("Not answered yet", "…")
    title = f"Debrief {data['reference']}"
    return Sheet(
        title="Debrief",
        subtitle=on_one_line(data["title"]),
        running=on_one_line(title),
        schema=SCHEMA,
        digest=digest,
        made_at=ended,
        author=on_one_line(incident.community.operator.name),
        demonstration=bool(data["demonstration"]),
        blocks=tuple(write.blocks),
    )


def _counted(quarter: Mapping[str, Any]) -> str:
    return (
        "; ".join(f"{words}: {quarter[name]:,}" for name, words in counting.NAMES.items() if quarter[name]) or "Nothing"
    )


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _clock(text: str) -> str:
    return f"{_time(text):%Y-%m-%d %H:%M} UTC"


def _length(seconds: int | None) -> str:
    if seconds is None:
        return "none"
    return "under a second" if seconds < 1 else in_words(timedelta(seconds=seconds))


def _landed(held: int | None) -> str:
    if held is None:
        return "not looked up"
    return "yes" if held == 0 else f"no: {held} not confirmed"
