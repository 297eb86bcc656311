"""That a signal was seen on a platform: written down, and put before people where there is a post to look at.

A machine goes no further than that. Whether anything is asked of the platform is decided on the case, by a person, like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from django.conf import settings
from django.db import transaction

from seawall.hub import moment
from seawall.hub.casework.models import Case, Decision, Origin
from seawall.hub.casework.opening import must_stay_apart, open_case
from seawall.hub.content.models import ADDRESS_ONLY, Content
from seawall.hub.content.queries import find_content, native_id_of
from seawall.hub.content.services import take_in_one
from seawall.hub.directory import queries as directory
from seawall.hub.directory.models import Desk, Organisation, Person, Platform
from seawall.hub.directory.roles import Partition
from seawall.hub.exchange.kinds import SignalInvalid, canonical_url
from seawall.hub.exchange.models import How, Member, Sighting, Signal, SignalState
from seawall.hub.exchange.rules import NotAllowed
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import Actor, record
from seawall.hub.practice.queries import current_code
from seawall.hub.practice.schema import UnknownHarmError

KEEPER = Actor.machine("exchange")
HOUR = timedelta(hours=1)
SKEW = timedelta(minutes=5)
"""A clock that is ahead by so much is believed, and set right."""
MOST_PAST = timedelta(days=3_653)
MAX_URL = 2_048


class TooManySightings(Exception):
    """An organisation said in an hour that it saw more than people can look at."""


@dataclass(frozen=True, kw_only=True)
class FirstSight:
    """Where and when a signal was seen before it was shared, as far as this hub knows."""

    platform: Platform
    at: datetime


def first_sight(signal: Signal) -> FirstSight | None:
    """The post that this hub decided about, at its first sight; else the platform that shared the signal, when it did. None for others."""
    if signal.decision_id is not None and signal.decision is not None:
        content = signal.decision.case.content
        return FirstSight(platform=content.platform, at=content.first_seen_at)
    own: Platform | None = getattr(signal.shared_by, "platform", None)
    return None if own is None else FirstSight(platform=own, at=signal.shared_at)


@transaction.atomic
def report(
    *,
    signal: Signal,
    organisation: Organisation,
    platform: Platform,
    actor: Actor,
    seen_at: datetime | None = None,
    url: str = "",
    person: Person | None = None,
) -> tuple[Sighting, bool]:
    """Take a member's word that it saw a signal on a platform; says whether that is new. The same word again changes nothing.

    With the address of a post, it opens a case about that post or joins the one that is open, with the signal's harm, at the desk that
    the code of practice names. Raises NotAllowed for observers and others outside, for a signal that is in use no more, for an address that
    is none or leads to another platform, and for a time to come; TooManySightings. Told while the signal was disputed, it opens its case when
    it is told again after that is settled.
    """
    signal = _in(signal)
    community = signal.community
    if not Member.objects.receiving().filter(community=community, organisation=organisation).exists():
        raise NotAllowed(f"{organisation.name} receives no signals in {community.name}.")
    if signal.state not in (SignalState.ACTIVE, SignalState.DISPUTED):
        raise NotAllowed(
            "This signal is in use no more. If it was withdrawn by mistake, whoever shared it can share it anew."
        )
    url = _address(url, platform)
    known = _known(signal, platform, organisation, _place(url))
    if known is not None:
        if known.content_id is None and known.url and signal.state == SignalState.ACTIVE and _harm_known(signal):
            # It was told while the signal was disputed: now there is something to look at.
            content = known.content = _post(known, organisation, actor)
            known.save(update_fields=["content"])
            case, opened = _case(signal, content)
            if case is not None:
                _link(known, case, opened)
        return known, False
    _limit(organisation)
    return _record(
        signal=signal,
        platform=platform,
        how=How.REPORTED,
        seen_at=_when(seen_at),
        place=_place(url),
        actor=actor,
        organisation=organisation,
        person=person,
        url=url,
    )


def of_opinion(*, signal: Signal, organisation: Organisation, person: Person | None, actor: Actor) -> Sighting | None:
    """A platform that says “seen here too” has seen the signal on itself. None where the organisation is no platform."""
    own = Platform.objects.filter(organisation=organisation).first()
    if own is None:
        return None
    made, _new = _record(
        signal=_in(signal),
        platform=own,
        how=How.OPINION,
        seen_at=moment.now(),
        place=_place(""),
        actor=actor,
        organisation=organisation,
        person=person,
    )
    return made


@transaction.atomic
def withdraw(*, sighting: Sighting, actor: Actor) -> Sighting:
    """Take back that a signal was seen: it was a mistake. It is counted no more; a case that it opened goes on, since that is about the post.

    Who may ask for it is checked where it is asked. Again changes nothing.
    """
    sighting = Sighting.objects.select_for_update(of=("self",)).select_related("signal").get(pk=sighting.pk)
    if sighting.withdrawn_at is None:
        sighting.withdrawn_at = moment.now()
        sighting.save(update_fields=["withdrawn_at"])
        record(event=ledger.SightingWithdrawn(sighting=str(sighting.pk)), subject=sighting.signal, actor=actor)
    return sighting


def withdraw_of_opinion(*, signal: Signal, organisation: Organisation, actor: Actor) -> None:
    """An organisation that no longer says “seen here too” takes back the sighting that followed from it."""
    for sighting in Sighting.objects.standing().filter(signal=signal, organisation=organisation, how=How.OPINION):
        withdraw(sighting=sighting, actor=actor)


def of_post(*, signal: Signal, content: Content, may_open: bool = True) -> tuple[Sighting, bool]:
    """A post that the hub took in fits a signal: it opens a case for people to decide, or joins one; says whether it opened a case.

    A post that was decided on in this version is not brought up again. With `may_open` False nothing is opened yet; called again, a case
    follows.
    """
    with transaction.atomic():
        signal = _in(signal)
        place = _place(f"content:{content.pk}")
        made = _known(signal, content.platform, None, place)
        if made is not None:
            case, opened = _case(signal, content) if may_open and made.case_id is None else (None, False)
            if case is not None:
                _link(made, case, opened)
            return made, opened
        return _record(
            signal=signal,
            platform=content.platform,
            how=How.MATCHED,
            seen_at=content.last_seen_at,
            place=place,
            actor=KEEPER,
            url=content.url[:MAX_URL],
            content=content,
            may_open=may_open,
        )


def _record(
    *,
    signal: Signal,
    platform: Platform,
    how: How,
    seen_at: datetime,
    place: str,
    actor: Actor,
    organisation: Organisation | None = None,
    person: Person | None = None,
    url: str = "",
    content: Content | None = None,
    may_open: bool = True,
) -> tuple[Sighting, bool]:
    """Write a sighting down with its case. For members it says whether the sighting is new, for the hub's own whether a case is."""
    made, new = Sighting.objects.get_or_create(
        signal=signal,
        platform=platform,
        organisation=organisation,
        place_sha256=place,
        withdrawn_at=None,
        defaults={
            "how": how,
            "seen_at": seen_at,
            "recorded_at": moment.now(),
            "person": person,
            "url": url,
            "content": content,
        },
    )
    if not new:
        return made, False
    case, opened = None, False
    if signal.state == SignalState.ACTIVE:  # what is disputed is not acted on until it is settled
        if content is None and url and organisation is not None and _harm_known(signal):
            content = made.content = _post(made, organisation, actor)
        if content is not None and may_open:
            case, opened = _case(signal, content)
    made.case = case
    made.save(update_fields=["content", "case"])
    first = first_sight(signal)
    record(
        event=ledger.SignalSighted(
            sighting=str(made.pk),
            community=str(signal.community_id),
            platform=platform.slug,
            how=str(how),
            seen_at=seen_at,
            organisation=str(organisation.pk) if organisation else None,
            case=str(case.pk) if case else None,
            case_opened=opened,
            first_platform=first.platform.slug if first else None,
            first_seen_at=first.at if first else None,
        ),
        subject=signal,
        actor=actor,
    )
    return made, True if organisation else opened


def _link(sighting: Sighting, case: Case, opened: bool) -> None:
    sighting.case = case
    sighting.save(update_fields=["case"])
    record(
        event=ledger.SightingLinked(sighting=str(sighting.pk), case=str(case.pk), case_opened=opened),
        subject=sighting.signal,
        actor=KEEPER,
    )


def _case(signal: Signal, content: Content) -> tuple[Case | None, bool]:
    """The case that is open about the post, or a new one; None where people decided on this very version, or the code has no such harm."""
    if signal.state != SignalState.ACTIVE or not _harm_known(signal):
        return None, False
    decided = Decision.objects.filter(case__content=content, content_version=content.version, voided_at=None)
    if decided.exists() and not Case.objects.filter(content=content).exclude(state="closed").exists():
        return None, False
    try:
        return open_case(content=content, harm=signal.harm, origin=Origin.SIGHTING, actor=KEEPER)
    except Desk.DoesNotExist:
        return None, False


def _harm_known(signal: Signal) -> bool:
    try:
        current_code().harm(signal.harm)
    except UnknownHarmError:
        return False
    return True


def _post(sighting: Sighting, organisation: Organisation, actor: Actor) -> Content:
    """The post, as it is known already or as its address tells of it. The walls around the police stand as for every report."""
    platform, url = sighting.platform, sighting.url
    kept = directory.helps_people(organisation)
    alone = f"sighting-{sighting.pk}"
    native_id = native_id_of(url, known=hasattr(platform, "route"))
    found = find_content(platform=platform, native_id=native_id)
    if found is not None and must_stay_apart(content=found, organisation=organisation, kept_from_police=kept):
        found, native_id = None, alone
    content = found or take_in_one(
        platform=platform,
        native_id=native_id,
        text=f"{ADDRESS_ONLY} {url}",
        url=url,
        account=None,
        posted_at=None,
        desk=directory.desk_for(Partition.GENERAL),
        source="sighting",
        actor=actor,
    )
    if kept and not content.kept_from_police:
        Content.objects.filter(pk=content.pk).update(kept_from_police=True)
        content.kept_from_police = True
    return content


def _in(signal: Signal) -> Signal:
    related = ("community", "shared_by__platform", "decision__case__content__platform")
    return Signal.objects.select_related(*related).get(pk=signal.pk)


def _known(signal: Signal, platform: Platform, organisation: Organisation | None, place: str) -> Sighting | None:
    return (
        Sighting.objects.standing()
        .filter(signal=signal, platform=platform, organisation=organisation, place_sha256=place)
        .first()
    )


def _place(what: str) -> str:
    return sha256(what.encode()).hexdigest()


def _address(url: str, platform: Platform) -> str:
    """The address as it was given. Raises NotAllowed for what is none, and for what leads to another platform than was named."""
    url = url.strip()
    if not url:
        return ""
    if len(url) > MAX_URL or "\x00" in url or not url.isprintable():
        raise NotAllowed(f"The address has more than {MAX_URL:,} characters, or some that no address has.")
    if not url.lower().startswith(("https://", "http://")):
        raise NotAllowed("Give the address of the post from https:// on.")
    try:
        canonical_url(url)
    except SignalInvalid as problem:
        raise NotAllowed(str(problem)) from problem
    leads_to = directory.platform_of_link(url)
    if leads_to is not None and leads_to.pk != platform.pk:
        raise NotAllowed(
            f"This address leads to {leads_to.name}, not to {platform.name}. Name the platform where it was seen."
        )
    return url


def _when(seen_at: datetime | None) -> datetime:
    now = moment.now()
    if seen_at is None:
        return now
    if seen_at.tzinfo is None:
        raise NotAllowed("Give the time with its offset, such as 2026-11-23T14:05:00Z.")
    if seen_at > now + SKEW:
        raise NotAllowed("It was seen in the future, as you give it. Look at the clock and the offset.")
    if seen_at < now - MOST_PAST:
        raise NotAllowed("It was seen more than ten years ago, as you give it.")
    return min(seen_at, now)


def _limit(organisation: Organisation) -> None:
    """As many as reports (SEAWALL_INTAKE_REPORTS_AN_HOUR). The organisation's row is held, so that its words come one after the other."""
    Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)
    since = moment.now() - HOUR
    if (
        Sighting.objects.filter(organisation=organisation, recorded_at__gt=since).count()
        >= settings.INTAKE_REPORTS_AN_HOUR
    ):
        raise TooManySightings(
            f"This hub takes {settings.INTAKE_REPORTS_AN_HOUR:,} sightings an hour from one organisation. Wait, or ask it for more."
        )
