"""A platform that takes referrals by a form on its pages: a person sends it, and says so."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from tests.hub.referrals.conftest import referred
from tests.hub.referrals.test_services import fresh, trail
from tests.support.hub import ACTOR, SmallHub

from seawall.channels import ReceiptInvalid
from seawall.hub import moment
from seawall.hub.directory import services as directory
from seawall.hub.notifications.models import Notification
from seawall.hub.referrals import services, withdrawals
from seawall.hub.referrals.forms import MOST_PICTURE
from seawall.hub.referrals.models import Referral, ReferralState, Withdrawal

pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting(hub: SmallHub) -> Referral:
    directory.set_route(
        platform=hub.platforms["alpha"], channel="manual", endpoint="https://alpha.example/report", actor=ACTOR
    )
    return services.deliver(referral_id=referred(hub).pk)


def test_it_waits_for_a_person_and_the_desk_is_told(hub: SmallHub, waiting: Referral) -> None:
    assert waiting.state == ReferralState.BY_HAND
    assert services.deliver(referral_id=waiting.pk).state == ReferralState.BY_HAND
    assert Notification.objects.filter(person=hub.people["analyst"], kind="referral.by_hand").count() == 1
    assert waiting.clock_events.count() == 0


def test_the_clock_starts_on_the_persons_word(hub: SmallHub, waiting: Referral) -> None:
    analyst = hub.people["analyst"]
    with pytest.raises(PermissionError):
        services.sent_by_hand(
            referral=waiting, person=hub.people["officer"], reference="T-1", submitted_at=moment.now()
        )
    for wrong in (timedelta(hours=1), timedelta(days=-1)):
        with pytest.raises(ReceiptInvalid):
            services.sent_by_hand(referral=waiting, person=analyst, reference="T-1", submitted_at=moment.now() + wrong)
    services.sent_by_hand(referral=waiting, person=analyst, reference="T-1", submitted_at=moment.now())
    found = fresh(waiting)
    assert (found.state, found.proof, found.platform_reference) == (ReferralState.AWAITING, "stated", "T-1")
    assert found.receipt is not None
    assert found.receipt["evidence"]
    assert found.clock_events.count() == 1
    assert trail(waiting)[-1] == "received"


def test_a_withdrawal_is_for_a_persons_hand_too(hub: SmallHub, waiting: Referral) -> None:
    services.sent_by_hand(referral=waiting, person=hub.people["analyst"], reference="", submitted_at=moment.now())
    assert fresh(waiting).platform_reference == waiting.reference
    made = withdrawals.withdraw_by_person(referral=waiting, person=hub.people["analyst"], reasons="A lyric.")
    withdrawals.deliver_withdrawal(withdrawal_id=made.pk)
    assert Withdrawal.objects.get(pk=made.pk).by_hand


def test_the_page_says_what_to_paste_where(hub: SmallHub, waiting: Referral) -> None:
    client = Client()
    client.force_login(hub.people["analyst"])
    url = reverse("referral_by_hand", args=[waiting.pk])
    page = client.get(url).content.decode()
    assert "https://alpha.example/report" in page
    assert waiting.document["content"]["url"] in page
    assert client.post(url, {}).status_code == 422
    assert client.post(url, {"ago": "0", "reference": "T 1"}).status_code == 422
    early = client.post(url, {"ago": "1440", "reference": "T-1"})
    assert early.status_code == 422
    assert "The referral was written only after that" in early.content.decode()
    large = SimpleUploadedFile("page.png", b"\0" * (MOST_PICTURE + 1))
    assert client.post(url, {"ago": "0", "picture": large}).status_code == 422
    picture = SimpleUploadedFile("page.png", b"what the page showed")
    assert client.post(url, {"ago": "0", "reference": "T-1", "picture": picture}).status_code == 302
    receipt = fresh(waiting).receipt
    assert receipt is not None
    assert receipt["evidence"]["evidence_sha256"] == sha256(b"what the page showed").hexdigest()
    assert fresh(waiting).state == ReferralState.AWAITING
    assert client.get(url).status_code == 302
    stranger = Client()
    stranger.force_login(hub.people["officer"])
    assert stranger.get(url).status_code == 404
