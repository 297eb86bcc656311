"""Two hubs: one refers by its `xarf` channel, the other takes it in over a real server on loopback and answers as its case goes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.cache import cache
from pytest_django.live_server_helper import LiveServer
from tests.channels.conformance import withdrawal_of
from tests.channels.xarf_samples import HUB
from tests.hub.intake.conftest import key_of, referral
from tests.hub.intake.test_xarf import answered, delivered, referred
from tests.hub.referrals.conftest import referred as decided
from tests.support.hub import ACTOR, SmallHub, small_hub

from seawall.channels import Address, ChannelError
from seawall.channels.xarf import XarfChannel
from seawall.hub.casework.models import Case
from seawall.hub.directory import services as directory
from seawall.hub.intake.models import IncomingReport
from seawall.hub.ledger.models import Entry
from seawall.hub.referrals import reach, services
from seawall.hub.referrals.answers import collect
from seawall.hub.referrals.models import Referral, ReferralState
from seawall.outbound import Outbound

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hub(transactional_db: None) -> SmallHub:
    """The hub that receives, committed, so that its server's threads see it."""
    cache.clear()
    return small_hub()


@pytest.fixture
def peer(live_server: LiveServer, hub: SmallHub) -> Iterator[tuple[XarfChannel, Address]]:
    """The other hub's channel, and where it sends."""
    with Outbound(allow=frozenset({urlsplit(live_server.url).netloc})) as outbound:
        address = Address(endpoint=f"{live_server.url}/xarf/reports", token=key_of(hub, "overseers"))
        yield XarfChannel(outbound, HUB, attempts=1), address


def test_a_referral_goes_over_and_the_answer_comes_back(hub: SmallHub, peer: tuple[XarfChannel, Address]) -> None:
    channel, address = peer
    sent = referral(harm="abuse-harassment", sent_at=datetime.now(UTC).isoformat())
    receipt = channel.send(address, sent, idempotency_key="k-1")
    assert channel.send(address, sent, idempotency_key="k-1") == receipt
    assert (receipt.proof, receipt.document_sha256) == ("acknowledged", sent.sha256())
    kept = IncomingReport.objects.get()
    assert (receipt.reference, kept.organisation) == (str(kept.pk), hub.organisations["overseers"])
    (first,) = channel.answers(address, receipt.reference)
    assert first.status == "RECEIVED"
    channel.inform(address, receipt.reference, "The second sentence is meant.", "i-1")
    assert [each.text for each in kept.information.all()] == ["The second sentence is meant."]
    made = delivered(referred(hub, kept))
    new = channel.answers(address, receipt.reference, after=first.answer_id)
    assert [each.status for each in new] == ["PROCESSING"] * 3
    answered(made, "ACTIONED", puid="sor-7", actions=("removed",))
    (last,) = channel.answers(address, receipt.reference, after=new[-1].answer_id)
    assert (last.status, last.reason_code, last.puid, last.actions) == ("COMPLETED", "ACTIONED", "sor-7", ("removed",))


def test_the_same_report_many_times_at_once_is_one(hub: SmallHub, peer: tuple[XarfChannel, Address]) -> None:
    channel, address = peer
    sent = referral(sent_at=datetime.now(UTC).isoformat())
    with ThreadPoolExecutor(8) as together:
        receipts = list(together.map(lambda _: channel.send(address, sent, idempotency_key="k-1"), range(16)))
    assert len({receipt.reference for receipt in receipts}) == 1
    assert (IncomingReport.objects.count(), Case.objects.count()) == (1, 1)
    assert Entry.objects.filter(verb="intake.report_received").count() == 1


def test_a_withdrawal_goes_over(hub: SmallHub, peer: tuple[XarfChannel, Address]) -> None:
    channel, address = peer
    sent = referral(sent_at=datetime.now(UTC).isoformat())
    receipt = channel.send(address, sent, idempotency_key="k-1")
    back = withdrawal_of(sent, datetime.now(UTC))
    told = channel.withdraw(address, receipt.reference, back, idempotency_key="w-1")
    assert told.document_sha256 == back.sha256()
    assert channel.withdraw(address, receipt.reference, back, idempotency_key="w-1") == told
    assert IncomingReport.objects.get().withdrawn_at is not None


def test_refusals_are_understood_by_the_channel(
    hub: SmallHub, peer: tuple[XarfChannel, Address], settings: Any
) -> None:
    channel, address = peer
    sent = referral(sent_at=datetime.now(UTC).isoformat())
    channel.send(address, sent, idempotency_key="k-1")
    with pytest.raises(ChannelError, match=r"\(409\)") as caught:
        channel.send(address, referral(sent_at=sent.sent_at.isoformat()), idempotency_key="k-1")
    assert not caught.value.retryable
    with pytest.raises(ChannelError, match="refuses this hub's token") as caught:
        channel.send(Address(endpoint=address.endpoint, token="swk_wrong"), sent, idempotency_key="k-1")
    assert not caught.value.retryable
    with pytest.raises(ChannelError, match=r"\(404\)"):
        channel.answers(address, "0" * 32)
    settings.INTAKE_REPORTS_AN_HOUR = 1
    with pytest.raises(ChannelError) as caught:
        channel.send(address, referral(sent_at=sent.sent_at.isoformat()), idempotency_key="k-2")
    assert caught.value.retryable
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 3_000


@pytest.fixture
def way_out(live_server: LiveServer, settings: Any) -> Iterator[None]:
    """The hub's own way out may reach the live server, and is closed after: a connection that is kept open keeps a server's thread."""
    settings.HUB_CONTACT, settings.PUBLIC_URL = "hub@hub.example", "https://hub.example"
    settings.OUTBOUND_ALLOW = frozenset({urlsplit(live_server.url).netloc})
    reach.outbound.cache_clear()
    reach._channel.cache_clear()
    yield
    reach.outbound().close()
    reach.outbound.cache_clear()
    reach._channel.cache_clear()


@pytest.mark.usefixtures("way_out")
def test_a_hubs_own_referral_is_delivered_and_answered_through_its_verbs(
    hub: SmallHub, live_server: LiveServer
) -> None:
    """The hub refers to itself, as to another: the sending side's verbs, clock and answers are the real ones."""
    directory.set_route(
        platform=hub.platforms["alpha"],
        channel="xarf",
        endpoint=f"{live_server.url}/xarf/reports",
        token=key_of(hub, "hub"),
        actor=ACTOR,
    )
    made = services.deliver(referral_id=decided(hub).pk)
    kept = IncomingReport.objects.get()
    assert (made.state, made.platform_reference) == (ReferralState.AWAITING, str(kept.pk))
    assert kept.document == made.document
    assert [each.status for each in collect(referral_id=made.pk)] == ["RECEIVED"]
    assert kept.case is not None
    kept.case.state, kept.case.outcome, kept.case.closed_at = "closed", "no_action", datetime.now(UTC)
    kept.case.save()
    assert [each.status for each in collect(referral_id=made.pk)] == ["PROCESSING", "COMPLETED"]
    made = Referral.objects.get(pk=made.pk)
    assert (made.state, made.answers.last().reason_code) == (ReferralState.ANSWERED, "REVIEWED_NO_ACTION")  # type: ignore[union-attr]
