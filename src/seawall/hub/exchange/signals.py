"""The verbs of signals: share, say what one thinks, dispute, settle, withdraw, expire."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Max

from seawall.hub import moment
from seawall.hub.casework.models import Decision, Outcome
from seawall.hub.directory.models import Organisation, Person
from seawall.hub.directory.services import acting_as
from seawall.hub.exchange import sightings
from seawall.hub.exchange.communities import role_to_speak
from seawall.hub.exchange.kinds import SignalKind, canonical
from seawall.hub.exchange.models import (
    Change,
    Community,
    Member,
    Opinion,
    OpinionKind,
    Part,
    Reason,
    Signal,
    SignalState,
    Tlp,
)
from seawall.hub.exchange.rules import NotAllowed, longest, may_be_shared
from seawall.hub.exchange.tasks import queue_announcement
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import Actor, record
from seawall.hub.practice.queries import current_code
from seawall.hub.practice.vocabulary import Shareable

KEEPER = Actor.machine("exchange")
DISPUTED_AT = 2
"""So many members who call a signal wrong put it aside until it is settled. A proposal of this hub."""
MOST_AT_ONCE = 10_000
OPEN = (SignalState.ACTIVE, SignalState.DISPUTED)
CARRIES = {
    Shareable.HASH: frozenset(
        {SignalKind.PDQ, SignalKind.VPDQ, SignalKind.VIDEO_MD5, SignalKind.MD5, SignalKind.SHA256, SignalKind.TEXT}
    ),
    Shareable.URL: frozenset({SignalKind.URL}),
    Shareable.ACCOUNT: frozenset({SignalKind.ACCOUNT}),
}
"""What the code of practice's word about a harm lets this hub share of its own decisions. A coded term belongs to no single decision."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A signal to be shared. `severity` 1 to 5 and `confidence` 0 to 100 as the sharer judges them; `lasts` at most what the rules allow.

    It stands on a person's decision: one of this hub (`decision`), or of the member who shares it (`decision_reference`).
    """

    kind: SignalKind
    value: str
    harm: str
    severity: int
    confidence: int
    tlp: Tlp
    decision: Decision | None = None
    decision_reference: str = ""
    appeal_url: str = ""
    lasts: timedelta | None = None


@transaction.atomic
def share(*, community: Community, organisation: Organisation, draft: Draft, actor: Actor) -> Signal:
    """Share one signal. The same value again is the signal that is there already, whoever shared it.

    Raises NotAllowed by the rules, SignalInvalid for a value that is none of its kind.
    """
    return share_many(community=community, organisation=organisation, drafts=[draft], actor=actor)[0]


@transaction.atomic
def share_many(
    *, community: Community, organisation: Organisation, drafts: Sequence[Draft], actor: Actor
) -> list[Signal]:
    """Share up to MOST_AT_ONCE signals, all or none, in the order given. O(drafts), with a constant number of statements."""
    if not drafts:
        return []
    if len(drafts) > MOST_AT_ONCE:
        raise NotAllowed(f"At most {MOST_AT_ONCE:,} signals are shared at once. Send them in parts.")
    community = _held(community)
    _may_write(community, organisation)
    now = moment.now()
    wanted: dict[tuple[str, str], Signal] = {}
    order: list[tuple[str, str]] = []
    for draft in drafts:
        made = _signal(community, organisation, draft, now)
        order.append((made.kind, made.value_sha256))
        wanted.setdefault(order[-1], made)
    there = {
        (signal.kind, signal.value_sha256): signal
        for signal in Signal.objects.filter(
            community=community, state__in=OPEN, value_sha256__in={digest for _kind, digest in wanted}
        )
    }
    fresh = [signal for place, signal in wanted.items() if place not in there]
    numbers = _numbers(len(fresh))
    for place, signal in enumerate(fresh):
        signal.number = numbers[place]
        signal.first_change = signal.last_change = community.next_change + place
        signal.shared_at = signal.changed_at = now
    Signal.objects.bulk_create(fresh, batch_size=2_000)
    _changed(community, fresh, SignalState.ACTIVE, "")
    if fresh:
        record(
            event=ledger.SignalsShared(
                community=str(community.pk),
                organisation=str(organisation.pk),
                by_kind=_counted(signal.kind for signal in fresh),
                by_harm=_counted(signal.harm for signal in fresh),
                until_change=community.next_change - 1,
            ),
            subject=community,
            actor=actor,
        )
    there |= {(signal.kind, signal.value_sha256): signal for signal in fresh}
    return [there[place] for place in order]


def _held(community: Community) -> Community:
    """The community's row, held: what happens in it is numbered in the order in which it is committed."""
    return Community.objects.select_for_update().get(pk=community.pk)


def _may_write(community: Community, organisation: Organisation) -> None:
    if community.closed_at is not None:
        raise NotAllowed(f"{community.name} is closed.")
    if not Member.objects.current().filter(community=community, organisation=organisation, part=Part.WRITER).exists():
        raise NotAllowed(f"{organisation.name} may not share signals in {community.name}: it is no member who writes.")


def _signal(community: Community, organisation: Organisation, draft: Draft, now: datetime) -> Signal:
    may_be_shared(community=community, kind=draft.kind, harm=draft.harm, tlp=draft.tlp, appeal_url=draft.appeal_url)
    if not 1 <= draft.severity <= 5 or not 0 <= draft.confidence <= 100:
        raise NotAllowed("Severity is from 1 to 5, and confidence from 0 to 100.")
    if draft.decision is not None:
        _stands_on(draft.decision, draft, organisation)
    elif not draft.decision_reference.strip():
        raise NotAllowed("A signal stands on a person's decision. Name it: the reference of your own decision.")
    most = longest(community=community, kind=draft.kind)
    lasts = most if draft.lasts is None else draft.lasts
    if not timedelta(0) < lasts <= most:
        raise NotAllowed(f"It may be shared for {most.days} days at most in {community.name}.")
    value = canonical(draft.kind, draft.value)
    return Signal(
        community=community,
        kind=draft.kind.value,
        value=value,
        value_sha256=sha256(value.encode()).hexdigest(),
        harm=draft.harm,
        severity=draft.severity,
        confidence=draft.confidence,
        tlp=draft.tlp,
        decision=draft.decision,
        decision_reference=draft.decision_reference.strip()[:200],
        appeal_url=draft.appeal_url,
        shared_by=organisation,
        expires_at=now + lasts,
        demonstration=moment.in_demonstration(),
    )


def _stands_on(decision: Decision, draft: Draft, organisation: Organisation) -> None:
    if decision.outcome != Outcome.REFER or decision.voided_at is not None or decision.case.closed_at is None:
        raise NotAllowed("No decision in force asks for something to be done about it, so nothing of it is shared.")
    if decision.case.desk.organisation_id != organisation.pk or decision.harm != draft.harm:
        raise NotAllowed("The decision is another organisation's, or about another harm.")
    allowed = current_code().harm(decision.harm).shareable_signal
    if draft.kind not in CARRIES.get(allowed, frozenset()):
        raise NotAllowed(
            f"The code of practice does not let {draft.kind.words} be shared of this harm ({allowed.words})."
        )


def _numbers(count: int) -> list[int]:
    """Keys for the search index, never given twice."""
    if not count:
        return []
    with connection.cursor() as cursor:
        # One writer a community at a time is not enough here: the keys are the hub's.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [0x5EA_0101])
    begin = (Signal.objects.aggregate(most=Max("number"))["most"] or 0) + 1
    return list(range(begin, begin + count))


def _changed(community: Community, signals: Sequence[Signal], state: SignalState, reason: Reason | str) -> None:
    """Number what happened to each of the signals and tell the recipients' software. The community's row is held."""
    if not signals:
        return
    now = moment.now()
    Change.objects.bulk_create(
        [
            Change(
                community=community,
                number=community.next_change + place,
                signal=signal,
                state=state,
                reason=reason,
                at=now,
            )
            for place, signal in enumerate(signals)
        ],
        batch_size=5_000,
    )
    community.next_change += len(signals)
    community.save(update_fields=["next_change"])
    queue_announcement(community)


def _move(community: Community, signals: Sequence[Signal], state: SignalState, reason: Reason | str) -> None:
    """Put signals into another state. The community's row is held."""
    now = moment.now()
    for place, signal in enumerate(signals):
        signal.state, signal.changed_at = state, now
        signal.last_change = community.next_change + place
    Signal.objects.bulk_update(signals, ["state", "changed_at", "last_change"], batch_size=2_000)
    _changed(community, signals, state, reason)


def _counted(words: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return counts


@transaction.atomic
def withdraw(*, signals: Sequence[Signal], reason: Reason, actor: Actor) -> list[Signal]:
    """Withdraw signals of one community: a tombstone takes the place of each, by every surface, to everybody who may hold it.

    Who may ask for it is checked where it is asked (`withdraw_own`, `withdraw_of_decision`). Those that are in use no more are left alone.
    """
    if not signals:
        return []
    community = _held(signals[0].community)
    if any(signal.community_id != community.pk for signal in signals):
        raise ValueError("Signals of one community at a time.")
    going = list(
        Signal.objects.select_for_update()
        .filter(pk__in=[signal.pk for signal in signals], state__in=OPEN)
        .order_by("number")
    )
    _move(community, going, SignalState.EXPIRED if reason == Reason.EXPIRED else SignalState.WITHDRAWN, reason)
    if going:
        record(
            event=ledger.SignalsWithdrawn(
                community=str(community.pk),
                reason=str(reason),
                by_kind=_counted(signal.kind for signal in going),
                until_change=community.next_change - 1,
            ),
            subject=community,
            actor=actor,
        )
    return going


def withdraw_own(*, signal: Signal, person: Person, reason: Reason = Reason.MISTAKE) -> list[Signal]:
    """Withdraw what one's own organisation shared. Raises PermissionError for others'."""
    role = role_to_speak(person=person, organisation=signal.shared_by)
    if role is None:
        raise PermissionError(
            f"Only {signal.shared_by.name}, who shared it, can withdraw it. You can say that it is wrong."
        )
    return withdraw(signals=[signal], reason=reason, actor=acting_as(person, role))


@transaction.atomic
def withdraw_of_decision(*, decision_id: UUID, reason: Reason, actor: Actor) -> list[Signal]:
    """Withdraw every signal that stands on a decision of this hub, in all communities: an appeal was upheld, or the referral withdrawn."""
    gone: list[Signal] = []
    found = Signal.objects.filter(decision=decision_id, state__in=OPEN).select_related("community")
    by_community: dict[UUID, list[Signal]] = {}
    for signal in found:
        by_community.setdefault(signal.community_id, []).append(signal)
    for community_id in sorted(by_community):  # always in the same order, so that two cannot wait for each other
        gone += withdraw(signals=by_community[community_id], reason=reason, actor=actor)
    return gone


def withdraw_all_of(*, community: Community, organisation: Organisation, actor: Actor) -> int:
    """Withdraw everything that an organisation shared in a community that it leaves; says how much."""
    mine = list(
        Signal.objects.filter(community=community, shared_by=organisation, state__in=OPEN).select_related("community")
    )
    for begin in range(0, len(mine), MOST_AT_ONCE):
        withdraw(signals=mine[begin : begin + MOST_AT_ONCE], reason=Reason.LEFT, actor=actor)
    return len(mine)


def expire_due(*, most: int = MOST_AT_ONCE) -> int:
    """Withdraw what has lasted its time; says how much. Called every few minutes."""
    due = Signal.objects.filter(state__in=OPEN, expires_at__lte=moment.now()).select_related("community")
    by_community: dict[UUID, list[Signal]] = {}
    for signal in due.order_by("expires_at")[:most]:
        by_community.setdefault(signal.community_id, []).append(signal)
    for signals in by_community.values():
        withdraw(signals=signals, reason=Reason.EXPIRED, actor=KEEPER)
    return sum(map(len, by_community.values()))


@transaction.atomic
def give_opinion(
    *,
    signal: Signal,
    organisation: Organisation,
    opinion: OpinionKind,
    actor: Actor,
    person: Person | None = None,
    note: str = "",
) -> Opinion:
    """Say what one's organisation thinks of another's signal; its latest word counts.

    When DISPUTED_AT members call it wrong it is put aside: recipients are told not to act on it until it is settled (`settle`).
    Raises NotAllowed for those who are no members, or who shared it.
    """
    community = _held(signal.community)
    signal = Signal.objects.select_for_update().get(pk=signal.pk)
    if not Member.objects.receiving().filter(community=community, organisation=organisation).exists():
        raise NotAllowed(f"{organisation.name} receives no signals in {community.name}.")
    if signal.shared_by_id == organisation.pk:
        raise NotAllowed("Your own signal needs no opinion of yours. Withdraw it if it is wrong.")
    given, _new = Opinion.objects.update_or_create(
        signal=signal,
        organisation=organisation,
        defaults={"opinion": opinion, "note": note.strip()[:2_000], "person": person, "given_at": moment.now()},
    )
    record(
        event=ledger.OpinionGiven(
            community=str(community.pk), organisation=str(organisation.pk), kind=signal.kind, opinion=str(opinion)
        ),
        subject=signal,
        actor=actor,
    )
    if opinion == OpinionKind.SEEN:
        sightings.of_opinion(signal=signal, organisation=organisation, person=person, actor=actor)
    else:
        sightings.withdraw_of_opinion(signal=signal, organisation=organisation, actor=actor)
    against = signal.opinions.filter(opinion=OpinionKind.DISAGREE).count()
    if signal.state == SignalState.ACTIVE and against >= DISPUTED_AT:
        _move(community, [signal], SignalState.DISPUTED, Reason.DISPUTE)
        record(
            event=ledger.SignalDisputed(community=str(community.pk), kind=signal.kind, opinions=against),
            subject=signal,
            actor=KEEPER,
        )
    return given


@transaction.atomic
def settle(*, signal: Signal, person: Person, stands: bool, reasons: str) -> Signal:
    """Settle a dispute: the operator's administrator, with reasons, says that the signal stands or is withdrawn.

    Raises PermissionError, NotAllowed where nothing is disputed, or the operator itself shared it.
    """
    from seawall.hub.exchange.communities import operator_actor

    community = _held(signal.community)
    actor = operator_actor(person, community)
    signal = Signal.objects.select_for_update().get(pk=signal.pk)
    if signal.state != SignalState.DISPUTED:
        raise NotAllowed("This signal is not disputed.")
    if signal.shared_by_id == community.operator_id and stands:
        raise NotAllowed("The operator shared this signal and cannot be its judge: it can only be withdrawn.")
    if not reasons.strip():
        raise NotAllowed("Give the reasons: those who disagreed are to read them.")
    if stands:
        _move(community, [signal], SignalState.ACTIVE, "")
    else:
        withdraw(signals=[signal], reason=Reason.DISPUTE, actor=actor)
    record(
        event=ledger.DisputeSettled(community=str(community.pk), kind=signal.kind, stands=stands),
        subject=signal,
        actor=actor,
    )
    return Signal.objects.get(pk=signal.pk)
