"""The verbs of recipients: hand them changes, take their confirmations, remind the silent ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from seawall.channels import signing
from seawall.hub import moment
from seawall.hub.directory.queries import contacts_of, holders_of
from seawall.hub.directory.roles import Role
from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.models import (
    Acknowledgement,
    Change,
    Community,
    Member,
    Part,
    Recipient,
    Reminder,
    ReminderStep,
    Signal,
    SignalState,
    Surface,
)
from seawall.hub.exchange.models.recipient import CARRIES
from seawall.hub.exchange.rules import NotAllowed
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import Actor, record
from seawall.hub.notifications.services import notify

KEEPER = Actor.machine("exchange")
STATEMENT = "seawall-exchange-confirmation/1"
MOST_A_PAGE = 10_000
MOST_A_PAGE_OF_VIDEOS = 500  # where signals may be as long as the frames of a video
GONE = (SignalState.WITHDRAWN, SignalState.EXPIRED, SignalState.DISPUTED)

LADDER = {
    ReminderStep.CALLED: timedelta(minutes=10),
    ReminderStep.CONTACT: timedelta(hours=1),
    ReminderStep.OPERATOR: timedelta(hours=4),
    ReminderStep.PAUSED: timedelta(hours=24),
}
"""How long after a withdrawal a recipient that does not confirm it is reminded. A proposal of this hub."""


class Paused(Exception):
    """The recipient has not confirmed withdrawals for too long: it is handed these only, until it does."""


class ConfirmationInvalid(Exception):
    """A confirmation that cannot be believed, with the reason."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """Signals whose last change lies after the cursor, in the order of these changes.

    `more` says whether there are further ones, `cursor` where to go on, `until` up to which change may be confirmed. The two differ only
    while `paused`, when there are withdrawals and nothing else until these are confirmed: then the cursor stays before what is held back.
    """

    signals: list[Signal]
    cursor: int
    until: int
    more: bool
    paused: bool = False


@transaction.atomic
def register(*, member: Member, surface: Surface, name: str, actor: Actor, public_key: str = "") -> Recipient:
    """Make a place where a member keeps signals. The same name by the same surface is the one that is there already.

    Raises NotAllowed for observers, those who have not accepted the agreement or have left, and for a key that is none.
    """
    if member.accepted_at is None or member.left_at is not None or member.part == Part.OBSERVER:
        raise NotAllowed("Only members who have accepted the agreement, and no observers, receive signals.")
    if public_key:
        try:
            signing.is_signed_by(public_key, {})
        except ValueError as problem:
            raise NotAllowed("The key is not an Ed25519 key in base64url.") from problem
    found, new = Recipient.objects.get_or_create(
        member=member,
        surface=surface,
        name=name.strip()[:100] or str(surface),
        ended_at=None,
        defaults={"made_at": moment.now(), "public_key": public_key},
    )
    if new:
        record(
            event=ledger.RecipientRegistered(
                community=str(member.community_id), organisation=str(member.organisation_id), surface=str(surface)
            ),
            subject=found,
            actor=actor,
        )
    return found


def place_of(*, member: Member, surface: Surface, name: str, most: int, actor: Actor) -> Recipient:
    """The member's place of this name, made when it is new. Raises NotAllowed when it has `most` others by this surface."""
    places = member.recipients.filter(surface=surface, ended_at=None)
    found = places.filter(name=name).first()
    if found is not None:
        return found
    if places.count() >= most:
        raise NotAllowed(f"At most {most} places of an organisation are known here at once by this way.")
    return register(member=member, surface=surface, name=name, actor=actor)


@transaction.atomic
def serve(
    *, recipient: Recipient, after: int, most: int = 1_000, only: Q | None = None, had: int | None = None
) -> Page:
    """Hand over what changed after the cursor `after` (0: everything in use), and write down that it was handed over.

    A signal stands at its last change only. Tombstones are left out for whom the signal was never handed to. One indexed read; O(page).
    `only` narrows it to some of the signals: then just these count as handed over, and a tombstone among them is there whatever `after` is.
    `had` says up to which change it was handed signals before, where that is not `after`.
    While paused there is one page of withdrawals, and the next when it is confirmed.
    Raises Paused when nothing but tombstones may be handed over and there are none.
    """
    recipient = (
        Recipient.objects.select_for_update(of=("self",)).select_related("member__community").get(pk=recipient.pk)
    )
    community = recipient.member.community
    if recipient.member.left_at is not None or recipient.ended_at is not None:
        raise NotAllowed("This recipient has ended.")
    most = max(1, min(most, MOST_A_PAGE_OF_VIDEOS if SignalKind.VPDQ in community.kinds else MOST_A_PAGE))
    latest = community.next_change - 1
    if recipient.began is None:
        recipient.began = latest
    paused = is_paused(recipient)
    had_until = recipient.served if paused else had if had is not None else after if only is None else recipient.served
    never_had = Q(first_change__gt=had_until) | Q(last_change__lte=recipient.began)
    found = Signal.objects.filter(community=community, last_change__gt=after).exclude(Q(state__in=GONE) & never_had)
    if only is not None:
        found = found.filter(only)
    if recipient.surface in CARRIES:
        found = found.filter(kind__in=[kind.value for kind in CARRIES[recipient.surface]])
    if paused:
        page = list(found.filter(state__in=GONE, last_change__gt=recipient.confirmed).order_by("last_change")[:most])
        if not page:
            raise Paused("Withdrawals wait for your confirmation. New signals follow when you have confirmed them.")
        until, more = page[-1].last_change, False
        held_back = found.filter(state=SignalState.ACTIVE).order_by("last_change").values_list("last_change", flat=True)
        cursor = min([until, *(first - 1 for first in held_back[:1])])
    else:
        page = list(found.order_by("last_change")[: most + 1])
        more, page = len(page) > most, page[:most]
        cursor = until = page[-1].last_change if more else max(latest, after)
    handed = until if only is None else max((signal.last_change for signal in page), default=0)
    recipient.served, recipient.served_at = max(recipient.served, handed), moment.now()
    recipient.save(update_fields=["began", "served", "served_at"])
    return Page(signals=page, cursor=cursor, until=until, more=more, paused=paused)


@transaction.atomic
def begin_anew(*, recipient: Recipient, actor: Actor) -> Recipient:
    """Take a recipient's word that it holds nothing: it asks for everything from the beginning, which it does with an empty store only.

    So it holds nothing that was withdrawn until now, which counts as its confirmation (`acknowledged`, never signed).
    """
    recipient = (
        Recipient.objects.select_for_update(of=("self",)).select_related("member__community").get(pk=recipient.pk)
    )
    if recipient.began is None or recipient.ended_at is not None:
        return recipient
    if recipient.public_key:
        raise NotAllowed("This recipient signs its confirmations. Confirm with a signature, then begin anew.")
    confirm(recipient=recipient, until=recipient.served, actor=actor, statement={"began": "anew"})
    recipient.refresh_from_db()
    recipient.began = recipient.member.community.next_change - 1
    recipient.save(update_fields=["began"])
    return recipient


def is_paused(recipient: Recipient) -> bool:
    """Whether it has been silent for so long that it is handed withdrawals only. The public is not: the hub itself negates labels."""
    if recipient.surface == Surface.LABELS:
        return False
    landed = max(recipient.confirmed, recipient.began or 0)
    steps = recipient.reminders.filter(step=ReminderStep.PAUSED, change__gt=landed)
    if not steps.exists():
        return False
    owed = oldest_owed(recipient)
    return owed is not None and steps.filter(change__lte=owed[0]).exists()


@transaction.atomic
def confirm(
    *,
    recipient: Recipient,
    until: int,
    actor: Actor,
    statement: Mapping[str, Any] | None = None,
    proof: str = "acknowledged",
) -> Recipient:
    """Take a recipient's word that it acted on everything up to change `until`; `proof` says whose word it is where it is not signed.

    Where it has a key, `statement` is the object `{"schema": STATEMENT, "recipient": id, "until": number, "at": time, "signature": ...}`,
    signed with that key. Raises ConfirmationInvalid for what it was never handed, and for a statement that is not its own.
    """
    recipient = Recipient.objects.select_for_update().get(pk=recipient.pk)
    said = dict(statement or {})
    if recipient.public_key:
        if (said.get("schema"), said.get("recipient"), said.get("until")) != (STATEMENT, str(recipient.pk), until):
            raise ConfirmationInvalid(f"The statement is not a {STATEMENT} of this recipient up to change {until}.")
        if not signing.is_signed_by(recipient.public_key, said):
            raise ConfirmationInvalid("The statement is not signed with this recipient's key.")
        proof = "signed"
    if isinstance(until, bool) or not 0 <= until <= recipient.served:
        raise ConfirmationInvalid(f"It was handed changes up to {recipient.served}; {until} cannot be confirmed yet.")
    if until <= recipient.confirmed:
        return recipient
    now = moment.now()
    Acknowledgement.objects.create(recipient=recipient, until=until, at=now, proof=proof, statement=said)
    recipient.confirmed, recipient.confirmed_at = until, now
    recipient.save(update_fields=["confirmed", "confirmed_at"])
    record(event=ledger.ChangesConfirmed(until_change=until, proof=proof), subject=recipient, actor=actor)
    return recipient


@transaction.atomic
def end(*, recipient: Recipient, actor: Actor) -> Recipient:
    """Write down that nothing is kept there any more, on the member's word."""
    recipient = Recipient.objects.select_for_update().get(pk=recipient.pk)
    if recipient.ended_at is None:
        recipient.ended_at = moment.now()
        recipient.save(update_fields=["ended_at"])
        record(event=ledger.RecipientEnded(until_change=recipient.served), subject=recipient, actor=actor)
    return recipient


def holders(signal: Signal) -> list[Recipient]:
    """Who may still hold a signal that is in use no more: those who were handed it, and did not confirm that they undid it."""
    if signal.state == SignalState.ACTIVE:
        return []
    holding = _holding(signal.first_change, signal.last_change, signal.community_id)
    return [place for place in holding.select_related("member__organisation") if place.carries(signal.kind)]


def _holding(first: int, last: int, community_id: UUID) -> Any:
    return Recipient.objects.filter(
        member__community=community_id, ended_at=None, began__lt=last, served__gte=first, confirmed__lt=last
    )


def oldest_owed(recipient: Recipient) -> tuple[int, datetime] | None:
    """The oldest withdrawal that a recipient may hold the signal of and has not confirmed: its number and its time. None when it owes none."""
    if recipient.began is None or recipient.ended_at is not None:
        return None
    kinds = CARRIES.get(recipient.surface)
    carried = Q() if kinds is None else Q(signal__kind__in=[kind.value for kind in kinds])
    return (
        Change.objects.filter(
            carried,
            community=recipient.member.community_id,
            number__gt=max(recipient.confirmed, recipient.began),
            state__in=GONE,
            signal__first_change__lte=recipient.served,
            number=F("signal__last_change"),
        )
        .order_by("number")
        .values_list("number", "at")
        .first()
    )


def remind_due() -> list[Reminder]:
    """Take the steps of the ladder that are due with every recipient that owes a confirmation; each once for what it owes."""
    made: list[Reminder] = []
    behind = (
        Recipient.objects.filter(ended_at=None, began__isnull=False)
        .filter(confirmed__lt=F("member__community__next_change") - 1)
        .select_related("member__community__operator", "member__organisation")
    )
    for recipient in behind:
        owed = oldest_owed(recipient)
        if owed is None:
            continue
        for step, after in LADDER.items():
            if step == ReminderStep.PAUSED and recipient.surface == Surface.LABELS:
                continue
            if moment.now() >= owed[1] + after:
                made += _take(recipient, step, owed[0])
    return made


@transaction.atomic
def _take(recipient: Recipient, step: ReminderStep, change: int) -> list[Reminder]:
    taken, new = Reminder.objects.get_or_create(
        recipient=recipient, change=change, step=step, defaults={"at": moment.now()}
    )
    if not new:
        return []
    member = recipient.member
    record(
        event=ledger.RecipientReminded(
            community=str(member.community_id), organisation=str(member.organisation_id), step=str(step), change=change
        ),
        subject=recipient,
        actor=KEEPER,
    )
    people = holders_of(Role.ADMINISTRATOR) if step in (ReminderStep.OPERATOR, ReminderStep.PAUSED) else []
    if step == ReminderStep.CONTACT:
        people = contacts_of(member.organisation)
    notify(
        people=people,
        kind="exchange.unconfirmed",
        about=f"{recipient.pk}-{change}-{step}",
        text=f"{member.organisation.name} has not confirmed a withdrawal in {member.community.name} ({recipient.name}).",
        link=f"/communities/{member.community.slug}/",
        organisation=member.organisation,
        data={
            "community": member.community.slug,
            "recipient": str(recipient.pk),
            "change": str(change),
            "step": str(step),
        },
    )
    return [taken]


def announce(*, community_id: UUID | str) -> int:
    """Call the software of every member that was not handed the latest change; says how many recipients that are.

    The call says only that there is something and up to which number: the signals are fetched, by those who may.
    """
    community = Community.objects.get(pk=community_id)
    latest = community.next_change - 1
    behind = Recipient.objects.filter(
        member__community=community, member__left_at=None, ended_at=None, served__lt=latest
    ).exclude(surface=Surface.LABELS)  # this hub publishes them itself
    for recipient in behind.select_related("member__organisation"):
        notify(
            people=[],
            kind="exchange.changed",
            about=f"{recipient.pk}-{latest}",
            text=f"There is something new in {community.name}.",
            link=f"/communities/{community.slug}/",
            organisation=recipient.member.organisation,
            data={"community": community.slug, "recipient": str(recipient.pk), "change": str(latest)},
        )
    return len(behind)


def slowest(community: Community) -> datetime | None:
    """Since when the longest unconfirmed withdrawal waits; None when everything landed."""
    owed = [
        found[1]
        for recipient in Recipient.objects.filter(member__community=community)
        if (found := oldest_owed(recipient))
    ]
    return min(owed, default=None)
