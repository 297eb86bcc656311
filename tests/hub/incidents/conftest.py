"""An incident's tests start from the exchange's community, with two administrators of its operator."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from tests.hub.exchange.conftest import HARM, Exchange, found, pool  # noqa: F401
from tests.support.hub import ACTOR

from seawall.hub.directory import services as directory
from seawall.hub.directory.models import Person
from seawall.hub.directory.roles import Role
from seawall.hub.incidents import services
from seawall.hub.incidents.models import Incident, IncidentKind

Declaring = Callable[..., Incident]


@pytest.fixture
def second(pool: Exchange) -> Person:  # noqa: F811
    """Another administrator of the operator."""
    person = directory.add_person(
        email="second@hub.example", name="Second", password="a passphrase for tests", actor=ACTOR
    )
    directory.give_role(
        person=person, role=Role.ADMINISTRATOR, organisation=pool.hub.organisations["hub"], desk=None, actor=ACTOR
    )
    TOTP.activate(person, generate_totp_secret())
    pool.hub.people["second"] = person
    return person


@pytest.fixture
def declare(pool: Exchange) -> Declaring:  # noqa: F811
    """Declare an incident, with these changes to it."""

    def make(**changes: Any) -> Incident:
        given: dict[str, Any] = {
            "community": pool.community,
            "person": pool.hub.people["administrator"],
            "kind": IncidentKind.LIVESTREAM,
            "title": "An attack that is streamed",
            "harms": [HARM],
            "lasts": timedelta(hours=4),
        }
        return services.declare(**{**given, **changes})

    return make
