"""A reading of the MISP feed beside a writer: two connections, so that what happens is committed for real."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import OperationalError, connection, transaction
from tests.hub.exchange.conftest import HARM, Exchange
from tests.support.hub import small_hub

from seawall.hub.exchange import communities, signals
from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.misp import services
from seawall.hub.exchange.models import Community, Member, Part, Tlp
from seawall.hub.exchange.queries import receiving_member

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def somebody_writes(community: Community) -> Iterator[None]:
    """Another connection that has begun to write in the community, and has not committed."""
    begun, may_end = threading.Event(), threading.Event()

    def write() -> None:
        try:
            with transaction.atomic():
                signals._held(community)
                begun.set()
                assert may_end.wait(30)
        finally:
            connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert begun.wait(30)
        yield
    finally:
        may_end.set()
        writer.join()


def impatient(member: Member) -> None:
    """Read the manifest, and wait for nobody."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '300ms'")
        services.manifest(member=member, name=services.NAME)


def test_no_manifest_tells_a_time_before_which_something_may_still_be_written() -> None:
    """Else a MISP would hold an event of that time, and never fetch what was written into it."""
    hub = small_hub()
    community = communities.found(
        person=hub.people["administrator"],
        operator=hub.organisations["hub"],
        slug="pool",
        name="The pool",
        purpose="So that it does not come back.",
        harms=[HARM],
        kinds=[SignalKind.SHA256],
        tlp_ceiling=Tlp.AMBER,
        retention=timedelta(days=30),
        agreement="We act on withdrawals.",
    )
    pool = Exchange(hub=hub, community=community)
    pool.join("hub", Part.WRITER, "administrator")
    pool.join("alpha", Part.READER, "alpha_contact")
    pool.share()
    member = receiving_member(organisation=hub.organisations["alpha"], slug="pool")
    with somebody_writes(community), pytest.raises(OperationalError, match="lock timeout"):
        impatient(member)
    assert len(services.manifest(member=member, name=services.NAME)) == 1
