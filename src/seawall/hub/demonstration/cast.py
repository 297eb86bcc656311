"""The people, desks and platforms of the demonstration. All made up; the names are those of their jobs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from allauth.mfa.utils import decrypt
from django.contrib.auth.hashers import make_password
from django.db import transaction

from seawall import channels
from seawall.hub.directory import services
from seawall.hub.directory.models import Desk, Organisation, OrganisationKind, Person, Platform
from seawall.hub.directory.roles import Partition, Role
from seawall.hub.ledger.services import Actor
from seawall.hub.practice.queries import current_code
from seawall.hub.practice.vocabulary import RestsOn, Route
from seawall.hub.redress.services import UNNAMED_PLATFORM

STAGE = Actor.machine("demonstration")
PASSWORD = "the tide comes in twice a day"  # noqa: S105  (printed on purpose: a demonstration refuses to serve beyond loopback)

K, P, R = OrganisationKind, Partition, Role

ORGANISATIONS = [
    ("hub", "Northford Online Harms Hub", K.HUB, False),
    ("listening-line", "The Listening Line (charity)", K.CHARITY, False),
    ("northford-police", "Northford Police", K.POLICE, True),
    ("northford-elections", "Northford Electoral Office", K.ELECTORAL, True),
    ("regulator", "Office of the Regulator", K.REGULATOR, True),
    ("ombudsman", "Digital Ombudsman for Children", K.OMBUDSMAN, False),
    ("overseers", "Independent Overseers of Referrals", K.OVERSIGHT, False),
    ("harbour", "Harbour Ltd", K.PLATFORM, False),
    ("kestrel", "Kestrel Inc", K.PLATFORM, False),
    ("driftwood", "Driftwood SA", K.PLATFORM, False),
    ("saltmarsh", "Saltmarsh Media", K.PLATFORM, False),
    ("elsewhere", "Anywhere else", K.PLATFORM, False),
]

DESKS = [
    ("hub", "general", "General desk", P.GENERAL),
    ("listening-line", "welfare", "Welfare desk", P.WELFARE),
    ("hub", "candidates", "Candidate support desk", P.CANDIDATE_SUPPORT),
    ("northford-police", "police", "Northford Police desk", P.POLICE),
]

PLATFORMS = [
    ("harbour", "Harbour"),
    ("kestrel", "Kestrel"),
    ("driftwood", "Driftwood"),
    ("saltmarsh", "Saltmarsh"),
    (UNNAMED_PLATFORM, "Elsewhere"),
]


@dataclass(frozen=True, kw_only=True)
class Part:
    """Somebody in the demonstration: how they sign in and what they may do."""

    email: str
    name: str
    roles: tuple[tuple[Role, str, str | None], ...]
    """Role, organisation's slug, desk's slug."""


CAST = [
    Part(
        email="analyst@hub.example",
        name="First analyst",
        roles=((R.ANALYST, "hub", "general"), (R.ANALYST, "hub", "candidates")),
    ),
    Part(
        email="second-analyst@hub.example",
        name="Second analyst",
        roles=((R.ANALYST, "hub", "general"), (R.ANALYST, "hub", "candidates")),
    ),
    Part(
        email="reviewer@hub.example",
        name="Second reviewer",
        roles=((R.SECOND_REVIEWER, "hub", "general"), (R.SECOND_REVIEWER, "hub", "candidates")),
    ),
    Part(email="welfare@line.example", name="Welfare lead", roles=((R.WELFARE_LEAD, "listening-line", "welfare"),)),
    Part(
        email="second-reader@line.example",
        name="Second reader at the charity",
        roles=((R.SECOND_REVIEWER, "listening-line", "welfare"),),
    ),
    Part(email="officer@police.example", name="Police user", roles=((R.POLICE_USER, "northford-police", "police"),)),
    Part(
        email="inspector@police.example",
        name="Authorising officer",
        roles=((R.AUTHORISING_OFFICER, "northford-police", "police"),),
    ),
    Part(email="abuse-desk@harbour.example", name="Harbour’s contact", roles=((R.PLATFORM_CONTACT, "harbour", None),)),
    Part(email="abuse-desk@kestrel.example", name="Kestrel’s contact", roles=((R.PLATFORM_CONTACT, "kestrel", None),)),
    Part(email="panel@hub.example", name="Panel member", roles=((R.PANEL_MEMBER, "hub", None),)),
    Part(email="ombudsman@ombudsman.example", name="Ombudsman", roles=((R.OMBUDSMAN, "ombudsman", None),)),
    Part(email="overseer@overseers.example", name="Overseer", roles=((R.OVERSEER, "overseers", None),)),
    Part(email="auditor@hub.example", name="Auditor", roles=((R.AUDITOR, "hub", None),)),
    Part(email="regulator@regulator.example", name="Regulator", roles=((R.REGULATOR, "regulator", None),)),
    Part(email="admin@hub.example", name="Administrator", roles=((R.ADMINISTRATOR, "hub", None),)),
]

RULE_DATED = date(2026, 9, 1)
RULE_CHECKED = date(2026, 11, 1)


@transaction.atomic
def assemble(*, addresses: dict[str, channels.Address]) -> None:
    """Put the demonstration hub together; what is there already stays. `addresses` say how to reach each sandbox platform."""
    for slug, name, kind, state_body in ORGANISATIONS:
        if not Organisation.objects.filter(slug=slug).exists():
            services.register_organisation(slug=slug, name=name, kind=kind, state_body=state_body, actor=STAGE)
    organisations = {organisation.slug: organisation for organisation in Organisation.objects.all()}
    for organisation, slug, name, partition in DESKS:
        if not Desk.objects.filter(slug=slug).exists():
            services.open_desk(
                organisation=organisations[organisation], slug=slug, name=name, partition=partition, actor=STAGE
            )
    for slug, name in PLATFORMS:
        if not Platform.objects.filter(slug=slug).exists():
            platform = services.register_platform(organisation=organisations[slug], slug=slug, name=name, actor=STAGE)
            services.record_rules(platform=platform, rules=_rules(name), actor=STAGE)
    for slug, address in addresses.items():
        platform = Platform.objects.get(slug=slug)
        known = getattr(platform, "route", None)
        if known is None or (known.endpoint, known.public_key, known.token) != (
            address.endpoint,
            address.public_key,
            address.token,
        ):
            services.set_route(
                platform=platform,
                channel="http",
                endpoint=address.endpoint,
                public_key=address.public_key,
                token=address.token,
                actor=STAGE,
            )
    encoded = make_password(PASSWORD)  # once: a good hash takes a good while
    for part in CAST:
        _cast(part, organisations, encoded)


def _rules(platform: str) -> list[services.Rule]:
    """A rule for every harm that may rest on a platform's own terms. Made up, like the platforms."""
    return [
        services.Rule(
            code=harm.id,
            title=f"{platform} rules: {harm.title}",
            text=f"Not allowed on {platform}: {harm.plain}",
            dated=RULE_DATED,
            last_checked=RULE_CHECKED,
            harms=[harm.id],
        )
        for harm in current_code().harms
        if RestsOn.DATED_TERM in harm.rests_on and harm.route == Route.REFERRAL
    ]


def _cast(part: Part, organisations: dict[str, Organisation], encoded: str) -> None:
    if Person.objects.filter(email=part.email).exists():
        return
    person = services.add_person(email=part.email, name=part.name, password=None, actor=STAGE)
    person.password = encoded
    person.save(update_fields=["password"])
    for role, organisation, desk in part.roles:
        services.give_role(
            person=person,
            role=role,
            organisation=organisations[organisation],
            desk=Desk.objects.get(slug=desk) if desk else None,
            actor=STAGE,
        )
    TOTP.activate(person, generate_totp_secret())


def code_now(person: Person) -> str:
    """The six digits that the person's authenticator app would show now. For demonstration people only."""
    if not any(part.email == person.email for part in CAST):
        raise PermissionError(f"{person.email} is not part of the demonstration.")
    kept = Authenticator.objects.get(user=person, type=Authenticator.Type.TOTP)
    return str(format_hotp_value(hotp_value(decrypt(kept.data["secret"]), int(time.time()) // 30)))
