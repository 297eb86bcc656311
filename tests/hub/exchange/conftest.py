"""What tests of the exchange start from: a community with a writer, two readers and an observer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from tests.support.hub import ACTOR, SmallHub

from seawall.hub import moment
from seawall.hub.directory import services as directory
from seawall.hub.directory.models import OrganisationKind
from seawall.hub.directory.roles import Role
from seawall.hub.exchange import communities, recipients, signals
from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.models import Community, Member, Part, Recipient, Signal, Surface, Tlp
from seawall.hub.exchange.signals import Draft

HARM = "hate-stirring"


@dataclass
class Exchange:
    """A community “pool”: the hub writes, alpha and beta read, the regulator observes."""

    hub: SmallHub
    community: Community
    members: dict[str, Member] = field(default_factory=dict)
    _values: count[int] = field(default_factory=lambda: count(1))

    def draft(self, **changes: Any) -> Draft:
        values: dict[str, Any] = {
            "kind": SignalKind.SHA256,
            "value": f"{next(self._values):064x}",
            "harm": HARM,
            "severity": 3,
            "confidence": 90,
            "tlp": Tlp.AMBER,
            "decision_reference": "D-1",
        }
        return Draft(**{**values, **changes})

    def share(self, how_many: int = 1, *, by: str = "hub", **changes: Any) -> list[Signal]:
        return signals.share_many(
            community=self.community,
            organisation=self.hub.organisations[by],
            drafts=[self.draft(**changes) for _ in range(how_many)],
            actor=ACTOR,
        )

    def recipient(self, name: str = "alpha", surface: Surface = Surface.API, public_key: str = "") -> Recipient:
        return recipients.register(
            member=self.members[name], surface=surface, name=f"{name} main", actor=ACTOR, public_key=public_key
        )

    def join(self, name: str, part: Part, by: str) -> Member:
        member = communities.invite(
            community=self.community,
            organisation=self.hub.organisations[name],
            part=part,
            person=self.hub.people["administrator"],
        )
        self.members[name] = communities.accept(
            member=member, person=self.hub.people[by], agreement=self.community.agreements.latest("version")
        )
        return self.members[name]


Founding = Callable[..., Community]


@pytest.fixture
def found(hub: SmallHub) -> Founding:
    """Found a community of the hub, with these changes to its rules."""

    def make(**changes: Any) -> Community:
        rules: dict[str, Any] = {
            "slug": "pool",
            "name": "The pool",
            "purpose": "So that what was taken down here does not come back there.",
            "harms": [HARM],
            "kinds": [SignalKind.SHA256, SignalKind.PDQ, SignalKind.URL],
            "tlp_ceiling": Tlp.AMBER,
            "retention": timedelta(days=365),
            "agreement": "We act on withdrawals within an hour.",
        }
        return communities.found(
            person=hub.people["administrator"], operator=hub.organisations["hub"], **{**rules, **changes}
        )

    return make


@pytest.fixture
def pool(hub: SmallHub, found: Founding) -> Exchange:
    made = Exchange(hub=hub, community=found())
    made.join("hub", Part.WRITER, "administrator")
    made.join("alpha", Part.READER, "alpha_contact")
    made.join("beta", Part.WRITER, "beta_contact")
    made.join("regulator", Part.OBSERVER, "regulator")
    return made


@pytest.fixture
def platforms(hub: SmallHub, found: Founding) -> Exchange:
    """A community of platforms that shares accounts."""
    return Exchange(hub=hub, community=found(slug="accounts", kinds=[SignalKind.ACCOUNT], platforms_only=True))


def another_platform(hub: SmallHub, slug: str) -> None:
    """A further organisation with somebody who speaks for it."""
    hub.organisations[slug] = directory.register_organisation(
        slug=slug, name=slug.capitalize(), kind=OrganisationKind.PLATFORM, state_body=False, actor=ACTOR
    )
    person = directory.add_person(
        email=f"{slug}@hub.example", name=slug, password="a passphrase for tests", actor=ACTOR
    )
    directory.give_role(
        person=person, role=Role.PLATFORM_CONTACT, organisation=hub.organisations[slug], desk=None, actor=ACTOR
    )
    hub.people[f"{slug}_contact"] = person


def at(when: datetime) -> Any:
    return moment.demonstration_at(when)
