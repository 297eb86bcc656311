"""What tests of the hub start from: a code of practice in force, a small hub, and a post in it."""

from __future__ import annotations

import pytest
from django.test import Client
from tests.support.hub import SmallHub, small_hub
from tests.support.staff import SignedIn

from seawall.hub.ledger.services import Actor


@pytest.fixture
def actor() -> Actor:
    return Actor.machine("test")


@pytest.fixture
def hub(db: None) -> SmallHub:
    """Desks in every partition, somebody in every role, two platforms; see tests/support/hub.py."""
    return small_hub()


@pytest.fixture
def as_(hub: SmallHub) -> SignedIn:
    """Somebody's browser, signed in: `as_("analyst").get(...)`."""

    def signed_in(name: str) -> Client:
        client = Client()
        client.force_login(hub.people[name])
        return client

    return signed_in
