"""The verbs of incidents: declare, give more time, say something, end, answer what the debrief asks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

import rfc8785
from django.db import IntegrityError, transaction

from seawall.hub import moment
from seawall.hub.directory.models import Membership, Organisation, Person
from seawall.hub.directory.services import acting_as
from seawall.hub.exchange.communities import SPEAKS_FOR, operator_actor, role_to_speak
from seawall.hub.exchange.models import Community, Member, Part
from seawall.hub.incidents import counting, debriefing
from seawall.hub.incidents.models import Answer, Extension, Incident, IncidentKind, Message, Question
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import Actor, record
from seawall.hub.notifications.services import notify
from seawall.hub.practice import services as practice

KEEPER = Actor.machine("incidents")
AT_ONCE = timedelta(hours=24)
"""For so long at most an incident is declared, and given more time at once. A proposal of this hub."""
LONGEST = timedelta(days=7)
"""So long an incident lasts at most, however often it was given more time. A proposal of this hub."""
MAX_MESSAGE = 1_000
MAX_WORDS = 5_000


class NotPossible(Exception):
    """The incident cannot be declared, given more time, ended or spoken in so; the message says why."""


@transaction.atomic
def declare(
    *,
    community: Community,
    person: Person,
    kind: IncidentKind,
    title: str,
    harms: Sequence[str],
    lasts: timedelta,
) -> Incident:
    """Declare an incident: from now on the times for its harms are halved where no statute sets them, and every member is told.

    One administrator of the operator declares it, since an attack does not wait, for AT_ONCE at most; more time needs a second person.
    Raises PermissionError, NotPossible for a harm that is not shared in the community, and while another incident is on there.
    """
    actor = operator_actor(person, community)
    community = Community.objects.select_for_update().get(pk=community.pk)
    now, title = moment.now(), title.strip()
    _end_if_over(community)
    if community.closed_at is not None:
        raise NotPossible(f"{community.name} is closed.")
    if not title or len(title) > 200 or not title.isprintable():
        raise NotPossible("Say what happens, in at most 200 characters and without naming a person.")
    if not harms or not set(harms) <= set(community.harms):
        raise NotPossible(f"Choose harms that {community.name} shares signals of: {', '.join(community.harms)}.")
    if not timedelta(minutes=15) <= lasts <= AT_ONCE:
        raise NotPossible("An incident is declared for 15 minutes to 24 hours. A second person can give it more time.")
    period = practice.hurry(harms=harms, until=now + lasts, actor=actor)
    try:
        with transaction.atomic():
            made = Incident.objects.create(
                community=community,
                kind=kind,
                title=title,
                harms=period.harms,
                hurry=period,
                declared_at=now,
                declared_by=person,
                ends_at=now + lasts,
            )
    except IntegrityError as twice:
        raise NotPossible(f"An incident is on in {community.name}. End that one first, or go on in it.") from twice
    record(
        event=ledger.IncidentDeclared(
            community=str(community.pk), kind=str(kind), harms=dict.fromkeys(made.harms, 1), ends_at=made.ends_at
        ),
        subject=made,
        actor=actor,
    )
    _tell(made, "declared", f"An incident was declared in {community.name}: {made.reference}.")
    return made


@transaction.atomic
def extend(*, incident: Incident, person: Person, until: datetime, reason: str) -> Extension:
    """Give an incident more time, as another administrator than the one who gave it time last.

    Raises PermissionError, NotPossible without a reason, for an end that is no later, AT_ONCE or more ahead, or beyond LONGEST.
    """
    incident = _held(incident)
    actor = operator_actor(person, incident.community)
    reason, now = reason.strip(), moment.now()
    if not incident.is_on(now):
        raise NotPossible("This incident is over. If it goes on, declare a new one.")
    last = incident.extensions.order_by("at", "id").last()
    if person.pk == (last.person_id if last else incident.declared_by_id):
        raise NotPossible(
            "You gave this incident its time. A second administrator of the operator has to agree that it lasts longer."
        )
    if not reason or len(reason) > MAX_WORDS or "\x00" in reason:
        raise NotPossible(f"Say why, in at most {MAX_WORDS:,} characters. The members read it.")
    if until <= incident.ends_at:
        raise NotPossible("The new end is no later than the present one.")
    if until > now + AT_ONCE:
        raise NotPossible("It is given 24 hours from now at most. It can be given more then.")
    if until > incident.declared_at + LONGEST:
        raise NotPossible(
            f"An incident lasts {LONGEST.days} days at most. What lasts longer is no incident: change the code."
        )
    made = Extension.objects.create(incident=incident, at=now, person=person, until=until, reason=reason)
    incident.ends_at = until
    incident.save(update_fields=["ends_at"])
    practice.hurry_until(period=incident.hurry, until=until, actor=actor)
    record(event=ledger.IncidentExtended(ends_at=until, reason_digest=_digest(reason)), subject=incident, actor=actor)
    _tell(incident, f"extended:{made.pk}", f"{incident.reference} in {incident.community.name} lasts longer.")
    return made


@transaction.atomic
def end(*, incident: Incident, person: Person, because: str) -> Incident:
    """End an incident before its time. Raises PermissionError, NotPossible when it is over or without a reason."""
    incident = _held(incident)
    actor = operator_actor(person, incident.community)
    because = because.strip()
    if not incident.is_on(moment.now()):
        raise NotPossible("This incident is over.")
    if not because or len(because) > MAX_WORDS or "\x00" in because:
        raise NotPossible(f"Say why it ends, in at most {MAX_WORDS:,} characters.")
    incident.ended_by, incident.ended_because = person, because
    _close(incident, at=moment.now(), actor=actor)
    return incident


def lapse_due() -> int:
    """End the incidents whose time has run out; says how many. Nothing is halved any more from that moment on, whenever this runs."""
    due = Incident.objects.filter(ended_at=None, ends_at__lte=moment.now()).values_list("pk", flat=True)
    ended = 0
    for pk in list(due):
        with transaction.atomic():
            incident = Incident.objects.select_for_update(of=("self",)).select_related("community", "hurry").get(pk=pk)
            if incident.ended_at is None and incident.ends_at <= moment.now():
                _close(incident, at=incident.ends_at, actor=KEEPER)
                ended += 1
    return ended


def _end_if_over(community: Community) -> None:
    for incident in Incident.objects.filter(community=community, ended_at=None, ends_at__lte=moment.now()):
        _close(_held(incident), at=incident.ends_at, actor=KEEPER)


def _close(incident: Incident, *, at: datetime, actor: Actor) -> None:
    incident.ended_at = at
    incident.save(update_fields=["ended_at", "ended_by", "ended_because"])
    if incident.hurry.ends_at > at:
        practice.hurry_until(period=incident.hurry, until=at, actor=actor)
    counting.snapshot(incident)
    incident.debrief = debriefing.put_together(incident)
    incident.debrief_sha256 = sha256(rfc8785.dumps(incident.debrief)).hexdigest()
    incident.save(update_fields=["debrief", "debrief_sha256"])
    record(
        event=ledger.IncidentEnded(
            lapsed=incident.ended_by is None,
            messages=incident.messages.count(),
            quarters=incident.counts.count(),
            debrief_digest=incident.debrief_sha256,
        ),
        subject=incident,
        actor=actor,
    )
    _tell(
        incident, "ended", f"{incident.reference} in {incident.community.name} is over. Read and complete its debrief."
    )


@transaction.atomic
def say(*, incident: Incident, person: Person, organisation: Organisation, text: str) -> Message:
    """Say something to everybody in the incident, for one's organisation. It stays as it is, and the ledger keeps its digest.

    Raises PermissionError for who speaks for nobody there, NotPossible when the incident is over, for no words and for too many.
    """
    incident = _held(incident)
    actor = _speaker(incident, person, organisation)
    text = text.strip()
    if not incident.is_on(moment.now()):
        raise NotPossible("This incident is over, and its channel is closed.")
    if not text or len(text) > MAX_MESSAGE or "\x00" in text:
        raise NotPossible(f"Write at least a word and at most {MAX_MESSAGE:,} characters.")
    made = Message.objects.create(
        incident=incident,
        number=incident.messages.count() + 1,
        at=moment.now(),
        organisation=organisation,
        person=person,
        text=text,
    )
    record(
        event=ledger.IncidentMessageSaid(
            organisation=str(organisation.pk), number=made.number, text_digest=_digest(text)
        ),
        subject=incident,
        actor=actor,
    )
    return made


@transaction.atomic
def answer(*, incident: Incident, person: Person, question: Question, text: str) -> Answer:
    """Answer a question of the debrief, for the operator. An earlier answer stays, and is shown no more.

    Raises PermissionError, NotPossible while the incident is on.
    """
    incident = _held(incident)
    actor = operator_actor(person, incident.community)
    text = text.strip()
    if incident.ended_at is None:
        raise NotPossible("The debrief is completed when the incident is over.")
    if not text or len(text) > MAX_WORDS or "\x00" in text:
        raise NotPossible(f"Answer in at most {MAX_WORDS:,} characters.")
    made = Answer.objects.create(incident=incident, question=question, text=text, person=person, at=moment.now())
    record(
        event=ledger.DebriefAnswered(question=str(question), text_digest=_digest(text)), subject=incident, actor=actor
    )
    return made


def _held(incident: Incident) -> Incident:
    return (
        Incident.objects.select_for_update(of=("self",))
        .select_related("community__operator", "hurry")
        .get(pk=incident.pk)
    )


def _speaker(incident: Incident, person: Person, organisation: Organisation) -> Actor:
    """By which role the person speaks: for a member that is no observer, or for the operator."""
    member = Member.objects.current().filter(community=incident.community, organisation=organisation)
    inside = organisation.pk == incident.community.operator_id or member.exclude(part=Part.OBSERVER).exists()
    role = role_to_speak(person=person, organisation=organisation)
    if role is None or not inside:
        raise PermissionError(
            "Only those who speak for a member that receives signals, or for the operator, write here."
        )
    return acting_as(person, role)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _tell(incident: Incident, what: str, text: str) -> None:
    """Tell the people who speak for each member, observers too, and each member's software; the operator's people as well."""
    inside = list(Member.objects.current().filter(community=incident.community).select_related("organisation"))
    organisations = {member.organisation_id: member.organisation for member in inside}
    organisations.setdefault(incident.community.operator_id, incident.community.operator)
    people: dict[object, list[Person]] = {}
    speaking = Membership.objects.filter(
        organisation__in=organisations, role__in=SPEAKS_FOR, withdrawn_at=None, person__is_active=True
    )
    for membership in speaking.select_related("person"):
        people.setdefault(membership.organisation_id, []).append(membership.person)
    kind = what.partition(":")[0]
    for organisation_id, organisation in organisations.items():
        notify(
            people=people.get(organisation_id, []),
            organisation=organisation,
            kind=f"incident.{kind}",
            about=f"incident.{incident.pk}:{what}",
            text=text,
            link=f"/incidents/{incident.pk}/",
            data={
                "incident": str(incident.pk),
                "reference": incident.reference,
                "community": incident.community.slug,
                "kind": incident.kind,
                "ends_at": incident.over_at.isoformat(),
            },
        )
