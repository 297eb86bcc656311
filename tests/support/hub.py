"""A small hub for tests: the shipped code of practice, a desk in each partition, a person in each role, two platforms."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from itertools import count

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

from seawall.hub.casework import services as casework
from seawall.hub.casework.form import DefenceFinding, ElementFinding, Form, offences
from seawall.hub.casework.models import Basis, Case, Decision, Origin, Outcome, Part, SubjectType
from seawall.hub.content import services as content
from seawall.hub.content.models import Content
from seawall.hub.directory import services as directory
from seawall.hub.directory.models import Desk, Organisation, OrganisationKind, Person, Platform
from seawall.hub.directory.roles import CASEWORKERS, Partition, Role
from seawall.hub.ledger.services import Actor
from seawall.hub.practice.loading import load_code, shipped_codes
from seawall.hub.practice.queries import current_code
from seawall.hub.practice.services import adopt
from seawall.hub.redress.services import UNNAMED_PLATFORM

ACTOR = Actor.machine("test")
PASSWORD = "a passphrase for tests"
KEY = "MCowBQYDK2VwAyEA0000000000000000000000000000000000000000000"

ORGANISATIONS = {
    "hub": (OrganisationKind.HUB, False),
    "charity": (OrganisationKind.CHARITY, False),
    "police": (OrganisationKind.POLICE, True),
    "regulator": (OrganisationKind.REGULATOR, True),
    "ombudsman": (OrganisationKind.OMBUDSMAN, False),
    "overseers": (OrganisationKind.OVERSIGHT, False),
    "alpha": (OrganisationKind.PLATFORM, False),
    "beta": (OrganisationKind.PLATFORM, False),
    UNNAMED_PLATFORM: (OrganisationKind.PLATFORM, False),
}
DESKS = {
    "general": ("hub", Partition.GENERAL),
    "welfare": ("charity", Partition.WELFARE),
    "candidates": ("hub", Partition.CANDIDATE_SUPPORT),
    "police": ("police", Partition.POLICE),
}
PEOPLE: dict[str, tuple[Role, str, str | None]] = {
    "analyst": (Role.ANALYST, "hub", "general"),
    "reviewer": (Role.SECOND_REVIEWER, "hub", "general"),
    "welfare": (Role.WELFARE_LEAD, "charity", "welfare"),
    "candidate_analyst": (Role.ANALYST, "hub", "candidates"),
    "candidate_reviewer": (Role.SECOND_REVIEWER, "hub", "candidates"),
    "officer": (Role.POLICE_USER, "police", "police"),
    "inspector": (Role.AUTHORISING_OFFICER, "police", "police"),
    "alpha_contact": (Role.PLATFORM_CONTACT, "alpha", None),
    "beta_contact": (Role.PLATFORM_CONTACT, "beta", None),
    "panel": (Role.PANEL_MEMBER, "hub", None),
    "ombudsman": (Role.OMBUDSMAN, "ombudsman", None),
    "overseer": (Role.OVERSEER, "overseers", None),
    "auditor": (Role.AUDITOR, "hub", None),
    "regulator": (Role.REGULATOR, "regulator", None),
    "administrator": (Role.ADMINISTRATOR, "hub", None),
}


@dataclass
class SmallHub:
    """What was made, by name, and shortcuts for the steps that many tests begin with."""

    organisations: dict[str, Organisation] = field(default_factory=dict)
    desks: dict[str, Desk] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    platforms: dict[str, Platform] = field(default_factory=dict)
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def post(
        self, text: str = "A post that nobody minds.", *, platform: str = "alpha", desk: str = "general"
    ) -> Content:
        """A new post at a desk."""
        native_id = f"n{next(self._numbers)}"
        return content.take_in_one(
            platform=self.platforms[platform],
            native_id=native_id,
            text=text,
            url=f"https://{platform}.example/posts/{native_id}",
            account="somebody",
            posted_at=None,
            desk=self.desks[desk],
            source="test",
            actor=ACTOR,
        )

    def case(self, harm: str = "abuse-harassment", *, platform: str = "alpha", desk: str = "general") -> Case:
        """A case in the queue."""
        opened, _new = casework.open_case(
            content=self.post(platform=platform, desk=desk), harm=harm, origin=Origin.PERSON, actor=ACTOR
        )
        return opened

    def decided(
        self, form: Form, *, harm: str = "abuse-harassment", by: str = "analyst", platform: str = "alpha"
    ) -> Decision:
        """A case claimed and decided by somebody with this form."""
        opened = self.case(harm, platform=platform)
        casework.claim(case=opened, person=self.people[by])
        return casework.decide(case=opened, person=self.people[by], form=form)

    def referral_form(self, harm: str = "abuse-harassment", *, platform: str = "alpha", on_terms: bool = True) -> Form:
        """A form that refers and holds: on the platform's rule, or on the harm's first offence."""
        rule = current_code().harm(harm)
        offence = None if on_terms else offences(rule)[0]
        return Form(
            outcome=Outcome.REFER,
            harm=harm,
            reasons="It breaks the rule, and nothing about it is protected.",
            basis=Basis.TERM if on_terms else Basis.OFFENCE,
            term=self.platforms[platform].rules.get(code=harm) if on_terms else None,
            provision=offence.name if offence else "",
            elements=[
                ElementFinding(id=element.id, met=True, reasons="There are grounds to infer it.")
                for element in (offence.elements if offence else ())
            ],
            defences=[DefenceFinding(id=d.id, may_succeed=False) for d in (offence.defences if offence else ())],
            exemptions=dict.fromkeys(rule.exemptions, False),
            part=Part.UPLOADED,
            subject_type=SubjectType.SUSPECTED,
        )


def small_hub() -> SmallHub:
    """Make the hub in the test's database."""
    for folder in shipped_codes().values():
        adopt(code=load_code(folder), actor=ACTOR)
    made = SmallHub()
    for slug, (kind, state_body) in ORGANISATIONS.items():
        made.organisations[slug] = directory.register_organisation(
            slug=slug, name=slug.capitalize(), kind=kind, state_body=state_body, actor=ACTOR
        )
    for slug, (organisation, partition) in DESKS.items():
        made.desks[slug] = directory.open_desk(
            organisation=made.organisations[organisation],
            slug=slug,
            name=f"{slug.capitalize()} desk",
            partition=partition,
            actor=ACTOR,
        )
    for slug in ("alpha", "beta", UNNAMED_PLATFORM):
        platform = directory.register_platform(
            organisation=made.organisations[slug], slug=slug, name=slug.capitalize(), actor=ACTOR
        )
        directory.record_rules(
            platform=platform,
            rules=[
                directory.Rule(
                    code=harm.id,
                    title=f"Rule on {harm.title}",
                    text="Not allowed here.",
                    dated=date(2026, 9, 1),
                    last_checked=date(2026, 11, 1),
                    harms=[harm.id],
                )
                for harm in current_code().harms
            ],
            actor=ACTOR,
        )
        made.platforms[slug] = platform
    for slug in ("alpha", "beta"):
        directory.set_route(
            platform=made.platforms[slug],
            channel="http",
            endpoint=f"https://{slug}.example/api",
            public_key=KEY,
            token="token",
            actor=ACTOR,
        )
    for name, (role, organisation, desk) in PEOPLE.items():
        person = directory.add_person(
            email=f"{name}@hub.example", name=name.replace("_", " "), password=PASSWORD, actor=ACTOR
        )
        directory.give_role(
            person=person,
            role=role,
            organisation=made.organisations[organisation],
            desk=made.desks[desk] if desk and role in CASEWORKERS else None,
            actor=ACTOR,
        )
        TOTP.activate(person, generate_totp_secret())
        made.people[name] = person
    assert Authenticator.objects.count() == len(PEOPLE)
    return made
