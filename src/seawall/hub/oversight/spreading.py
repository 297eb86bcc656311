"""How shared signals spread from platform to platform: moves, how long they took, and until when the last recipient had decided.

The definitions, with the formulas, are in docs/reference/exchange/sightings.md. What members and observers see has its small counts withheld
as in the published figures; the rows behind it go to who shared the signals, to the community's operator and to auditors.
"""

from __future__ import annotations

import csv
import io
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Min

from seawall.hub import moment
from seawall.hub.casework.models import Decision
from seawall.hub.directory.models import Person, Platform
from seawall.hub.directory.roles import Role
from seawall.hub.exchange import queries as exchange
from seawall.hub.exchange.models import Acknowledgement, Community, Opinion, Recipient, Sighting, Signal, SignalState
from seawall.hub.exchange.sightings import first_sight
from seawall.hub.ledger.services import stamp
from seawall.hub.oversight.exports import safe_cell
from seawall.hub.oversight.queries import spread
from seawall.hub.oversight.withholding import SUPPRESS_BELOW, Sum, withheld

WINDOW = timedelta(days=365)
MOST_SIGNALS = 10_000
ALL = "all"
SCHEMA = "seawall-spread/1"


@dataclass(frozen=True, kw_only=True)
class Move:
    """A signal that was first seen on one platform and later on another. `last_decision` is None while a recipient has yet to decide."""

    signal: Signal
    first: str
    to: str
    first_at: datetime
    there_at: datetime
    last_decision: datetime | None

    @property
    def lag(self) -> timedelta:
        return self.there_at - self.first_at


def signals_seen(community: Community, *, since: datetime) -> list[Signal]:
    """The signals of a community that were seen since, the newest sightings first; MOST_SIGNALS at most."""
    seen = (
        Sighting.objects.standing().filter(signal__community=community, seen_at__gte=since).order_by("-seen_at", "-pk")
    )
    order = list(dict.fromkeys(seen.values_list("signal", flat=True)[: 4 * MOST_SIGNALS]))[:MOST_SIGNALS]
    found = Signal.objects.select_related("decision__case__content__platform", "shared_by__platform").in_bulk(order)
    return [found[pk] for pk in order]


def moves(community: Community, *, since: datetime) -> list[Move]:
    """Every move of a signal in a community, the latest first. A constant number of reads."""
    signals = signals_seen(community, since=since)
    sights: dict[UUID, dict[str, datetime]] = {}
    for signal in signals:
        first = first_sight(signal)
        sights[signal.pk] = {first.platform.slug: first.at} if first else {}
    told = (
        Sighting.objects.standing().filter(signal__in=list(sights)).values_list("signal", "platform__slug", "seen_at")
    )
    for signal_id, platform, at in told:
        known = sights[signal_id].get(platform)
        if known is None or at < known:
            sights[signal_id][platform] = at
    moved = [signal for signal in signals if len(sights[signal.pk]) > 1]
    decided = last_decisions(community, moved)
    found: list[Move] = []
    for signal in moved:
        (first_name, first_at), *others = sorted(sights[signal.pk].items(), key=lambda pair: (pair[1], pair[0]))
        found += [
            Move(
                signal=signal,
                first=first_name,
                to=name,
                first_at=first_at,
                there_at=at,
                last_decision=decided[signal.pk],
            )
            for name, at in others
        ]
    return sorted(found, key=lambda move: (move.there_at, str(move.signal.pk)), reverse=True)


def last_decisions(community: Community, signals: Sequence[Signal]) -> dict[UUID, datetime | None]:
    """When the last of a signal's recipients had decided: None while one has not, and where it was handed to nobody.

    A place where a member keeps signals has decided with the first of three: the member's opinion of the signal, this place's confirmation
    of a change at or after its publication, and a decision here on the case of a sighting on the member's own platform.
    """
    ids = [signal.pk for signal in signals]
    said: dict[tuple[UUID, UUID], datetime] = {}

    def note(rows: Iterable[tuple[UUID, UUID, datetime]]) -> None:
        for signal_id, organisation_id, at in rows:
            key = (signal_id, organisation_id)
            said[key] = min(at, said.get(key, at))

    note(Opinion.objects.filter(signal__in=ids).values_list("signal", "organisation", "given_at"))
    on_cases = Decision.objects.filter(voided_at=None, case__sightings__signal__in=ids).values_list(
        "case__sightings__signal", "case__sightings__platform__organisation"
    )
    note((signal, organisation, at) for signal, organisation, at in on_cases.annotate(at=Min("decided_at")) if at)
    places = list(Recipient.objects.filter(member__community=community).select_related("member"))
    confirmed: dict[UUID, tuple[list[int], list[datetime]]] = {place.pk: ([], []) for place in places}
    acknowledged = Acknowledgement.objects.filter(recipient__member__community=community).order_by("until")
    if signals:
        acknowledged = acknowledged.filter(until__gte=min(signal.first_change for signal in signals))
    for recipient_id, until, at in acknowledged.values_list("recipient", "until", "at") if signals else ():
        untils, times = confirmed[recipient_id]
        untils.append(until)
        times.append(at)
    return {signal.pk: _last(signal, places, said, confirmed) for signal in signals}


def _last(
    signal: Signal,
    places: Sequence[Recipient],
    said: Mapping[tuple[UUID, UUID], datetime],
    confirmed: Mapping[UUID, tuple[list[int], list[datetime]]],
) -> datetime | None:
    latest: datetime | None = None
    for place in places:
        if place.member.organisation_id == signal.shared_by_id or not _was_handed(place, signal):
            continue
        untils, times = confirmed[place.pk]
        at = bisect_left(untils, signal.first_change)
        words = [said.get((signal.pk, place.member.organisation_id)), times[at] if at < len(times) else None]
        first = min((each for each in words if each is not None), default=None)
        if first is None:
            return None
        latest = first if latest is None else max(latest, first)
    return latest


def _was_handed(place: Recipient, signal: Signal) -> bool:
    if place.began is None or not place.carries(signal.kind) or place.served < signal.first_change:
        return False
    return signal.state == SignalState.ACTIVE or place.began < signal.last_change


def as_data(community: Community, *, suppress: bool = True, until: datetime | None = None) -> dict[str, Any]:
    """The figures of a community as plain values; lengths in whole seconds, None for what is withheld or undefined."""
    now = until or moment.now()
    since = now - WINDOW
    found = moves(community, since=since)
    pairs: dict[tuple[str, str], list[timedelta]] = {}
    for move in found:
        pairs.setdefault((move.first, move.to), []).append(move.lag)
    by_signal = {move.signal.pk: move for move in found}.values()
    decided = [move.last_decision - move.first_at for move in by_signal if move.last_decision is not None]
    seen = list(
        Sighting.objects.standing()
        .filter(signal__community=community, seen_at__gte=since)
        .values_list("platform__slug", "how")
    )
    counts: dict[tuple[str, ...], int] = {("moves", *pair): len(lags) for pair, lags in pairs.items()}
    counts[("moves", ALL, ALL)] = len(found)
    counts |= {("signals",): len(by_signal), ("decided",): len(decided), ("waiting",): len(by_signal) - len(decided)}
    for platform, how in seen:
        for cell in (("seen", "platform", platform), ("seen", "how", how)):
            counts[cell] = counts.get(cell, 0) + 1
    hidden = withheld(counts, _sums(counts)) if suppress else frozenset()

    def shown(*cell: str) -> int | None:
        return None if cell in hidden else counts[cell]

    def told(lengths: Sequence[timedelta], count: int | None) -> dict[str, Any]:
        measured = spread(lengths) if count is not None else None
        return {
            "median_seconds": _seconds(measured.median if measured else None),
            "p90_seconds": _seconds(measured.p90 if measured else None),
        }

    everything = {**pairs, (ALL, ALL): [move.lag for move in found]}
    return {
        "schema": SCHEMA,
        "community": community.slug,
        "computed_at": stamp(now),
        "since": stamp(since),
        "suppressed_below": SUPPRESS_BELOW if suppress else None,
        "pairs": [
            {"from": pair[0], "to": pair[1], "moves": (n := shown("moves", *pair)), **told(lags, n)}
            for pair, lags in sorted(everything.items(), key=lambda item: (item[0] == (ALL, ALL), item[0]))
        ],
        "last_decision": {
            "signals": shown("signals"),
            "decided": shown("decided"),
            "waiting": shown("waiting"),
            **told(decided, shown("decided")),
        },
        "sightings": [
            {"by": cell[1], "of": cell[2], "count": shown(*cell)} for cell in sorted(counts) if cell[0] == "seen"
        ],
    }


def _sums(counts: Mapping[tuple[str, ...], int]) -> list[Sum]:
    pairs = [cell for cell in counts if cell[0] == "moves" and cell != ("moves", ALL, ALL)]
    return [
        Sum([("moves", ALL, ALL)], pairs),
        Sum([("signals",)], [("decided",), ("waiting",)]),
        Sum(
            [cell for cell in counts if cell[:2] == ("seen", "platform")],
            [cell for cell in counts if cell[:2] == ("seen", "how")],
        ),
    ]


def _seconds(length: timedelta | None) -> int | None:
    return None if length is None else round(length.total_seconds())


def csv_of(data: Mapping[str, Any]) -> str:
    """One row a figure; withheld and undefined values are empty."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["figure", "from", "to", "count", "median_seconds", "p90_seconds"])
    for pair in data["pairs"]:
        figures = [pair["moves"], pair["median_seconds"], pair["p90_seconds"]]
        rows.writerow(["moves", safe_cell(pair["from"]), safe_cell(pair["to"]), *map(_cell, figures)])
    last = data["last_decision"]
    for name in ("signals", "decided", "waiting"):
        spread_of = [last["median_seconds"], last["p90_seconds"]] if name == "decided" else [None, None]
        rows.writerow([f"last_decision_{name}", "", "", *map(_cell, [last[name], *spread_of])])
    for seen in data["sightings"]:
        rows.writerow([f"sightings_by_{seen['by']}", "", safe_cell(seen["of"]), _cell(seen["count"]), "", ""])
    return out.getvalue()


def _cell(number: int | None) -> str:
    return "" if number is None else str(number)


def sees_every_row(*, person: Person, community: Community) -> bool:
    return exchange.looks_after(person=person, community=community) or Role.AUDITOR in person.roles()


def rows_for(*, person: Person, community: Community) -> list[Move]:
    """The moves that the person may see one by one: all for the operator's administrators and auditors, of their own signals for who shared
    them, none for anybody else."""
    found = moves(community, since=moment.now() - WINDOW)
    if sees_every_row(person=person, community=community):
        return found
    own = {member.organisation_id for member in exchange.spoken_for(person=person, community=community)}
    return [move for move in found if move.signal.shared_by_id in own]


def rows_csv(rows: Sequence[Move]) -> str:
    """One row a move: what the figures are computed from."""
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(["signal", "from", "to", "first_seen_at", "seen_there_at", "lag_seconds", "last_decision_seconds"])
    for move in rows:
        decided = None if move.last_decision is None else _seconds(move.last_decision - move.first_at)
        lines.writerow(
            [
                str(move.signal.pk),
                safe_cell(move.first),
                safe_cell(move.to),
                stamp(move.first_at),
                stamp(move.there_at),
                _cell(_seconds(move.lag)),
                _cell(decided),
            ]
        )
    return out.getvalue()


def own_sightings(*, person: Person, community: Community, most: int = 100) -> list[Sighting]:
    """The latest sightings of signals that the person's own organisations shared."""
    own = {member.organisation_id for member in exchange.spoken_for(person=person, community=community)}
    return list(
        Sighting.objects.standing()
        .filter(signal__community=community, signal__shared_by__in=own)
        .select_related("signal", "platform", "organisation")
        .order_by("-seen_at", "-pk")[:most]
    )


def names() -> dict[str, str]:
    return dict(Platform.objects.values_list("slug", "name"))
