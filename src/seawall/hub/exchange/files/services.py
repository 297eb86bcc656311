"""Take a community's signals as a file, and say what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from seawall.hub.directory.models import Person
from seawall.hub.directory.services import acting_as
from seawall.hub.exchange import communities, recipients, whole
from seawall.hub.exchange.files.writing import Form, Head, as_csv, as_json
from seawall.hub.exchange.models import Community, Member, Part, Recipient, Surface
from seawall.hub.exchange.queries import spoken_for
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import Actor, record

MOST_PLACES = 40
"""Files that a member may have at once."""


@dataclass(frozen=True, kw_only=True)
class File:
    """A file that is being written: its pieces can be read once."""

    head: Head
    place: Recipient
    pieces: Iterator[str]


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A file that somebody of an organisation has: `stale_since` is when the first signal of it was withdrawn, None while it is good."""

    place: Recipient
    own: bool
    stale_since: datetime | None


def name_for(person: Person) -> str:
    """The name of a person's file, which other members see too, and which so names nobody."""
    return f"File of a person ({str(person.pk)[-6:]})"


def receiving(*, person: Person, community: Community) -> list[Member]:
    """The members that receive signals and for which the person speaks."""
    return [
        member
        for member in spoken_for(person=person, community=community)
        if member.accepted_at is not None and member.part != Part.OBSERVER
    ]


def actor_of(*, person: Person, member: Member) -> Actor:
    """Raises PermissionError for those who do not speak for the member."""
    role = communities.role_to_speak(person=person, organisation=member.organisation)
    if role is None:
        raise PermissionError(f"You do not speak for {member.organisation.name} in a community.")
    return acting_as(person, role)


@transaction.atomic
def take(*, member: Member, name: str, form: Form, where: str, actor: Actor) -> File:
    """Take everything that is in use as a file. The same name again is the same place, which keeps the earlier file no longer.

    What is in it counts as handed over when it is read, a page at a time, after this. Raises NotAllowed.
    """
    place = recipients.place_of(member=member, surface=Surface.FILE, name=name, most=MOST_PLACES, actor=actor)
    made = whole.begin(place=place, actor=actor)
    record(
        event=ledger.FileTaken(
            community=str(member.community_id),
            organisation=str(member.organisation_id),
            until_change=made.until,
            form=str(form),
        ),
        subject=place,
        actor=actor,
    )
    head = Head(community=member.community.slug, place=place.name, change=made.until, made_at=made.made_at, where=where)
    write = as_csv if form is Form.CSV else as_json
    return File(head=head, place=made.place, pieces=whole.in_chunks(write(head, whole.signals_of(made))))


def delete(*, place: Recipient, actor: Actor) -> Recipient:
    """Take a member's word that it has deleted a file."""
    return recipients.end(recipient=place, actor=actor)


def kept(*, person: Person, members: list[Member]) -> list[Kept]:
    """The files of these members, those that hold what was withdrawn first."""
    found = Recipient.objects.filter(member__in=members, surface=Surface.FILE, ended_at=None, began__isnull=False)
    mine = name_for(person)
    rows = [
        Kept(place=place, own=place.name == mine, stale_since=owed[1] if owed else None)
        for place in found.select_related("member__organisation", "member__community")
        for owed in [recipients.oldest_owed(place)]
    ]
    return sorted(rows, key=lambda row: (row.stale_since is None, row.place.made_at))


def kept_one(*, person: Person, community: Community, place_id: UUID) -> Recipient:
    """A file of a member for which the person speaks. Raises Recipient.DoesNotExist."""
    spoken = spoken_for(person=person, community=community)
    return Recipient.objects.select_related("member__organisation").get(
        pk=place_id, member__in=spoken, surface=Surface.FILE, ended_at=None
    )
