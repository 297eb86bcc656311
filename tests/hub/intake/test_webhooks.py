"""A platform's answers as signed events: taken in once, by the platform whose secret signed them, about its own referrals."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import standardwebhooks
from django.test import Client
from tests.support.hub import ACTOR, SmallHub
from tests.support.staff import received

from seawall.channels.webhook_events import Delivery
from seawall.hub.directory import services as directory
from seawall.hub.intake.models import IncomingEvent
from seawall.hub.ledger.models import Entry
from seawall.hub.referrals.models import Referral, ReferralState

pytestmark = pytest.mark.django_db

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
FORMER = "whsec_" + base64.b64encode(b"f" * 32).decode()


def calling(hub: SmallHub, *, platform: str = "alpha", token: str = SECRET) -> None:
    """Let a platform answer by webhooks."""
    directory.set_route(
        platform=hub.platforms[platform],
        channel="webhook",
        endpoint="https://alpha.example/hook",
        token=token,
        actor=ACTOR,
    )


def signed(
    body: bytes | dict[str, Any],
    *,
    secret: str = SECRET,
    message_id: str = "",
    at: datetime | None = None,
    platform: str = "alpha",
    **headers: str,
) -> Any:
    """Post an event as the standard's own library signs it."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    message_id, at = message_id or f"msg_{uuid4().hex}", at or datetime.now(UTC)
    seconds = str(int(at.timestamp()))
    given = {"webhook-id": message_id, "webhook-timestamp": seconds}
    try:
        given["webhook-signature"] = standardwebhooks.Webhook(secret).sign(message_id, at, raw.decode())
    except UnicodeDecodeError:  # the library signs text alone
        given["webhook-signature"] = Delivery(message_id, raw).headers(secret, at)["webhook-signature"]
    return Client().post(
        f"/referrals/webhooks/{platform}/", data=raw, content_type="application/json", headers={**given, **headers}
    )


def event(referral: Referral, status: str = "PROCESSING", reason: str | None = None, **changes: Any) -> dict[str, Any]:
    data = {
        "schema": "seawall-answer/1",
        "answer_id": str(uuid4()),
        "reference": str(referral.pk),
        "at": datetime.now(UTC).isoformat(),
        "status": status,
        "reason_code": reason,
        "detail": "As we see it.",
        "puid": "sor-1" if reason == "ACTIONED" else None,
        "actions": ["removed"] if reason == "ACTIONED" else [],
        **changes,
    }
    return {"type": "referral.answered", "timestamp": data["at"], "data": data}


@pytest.fixture
def sent(hub: SmallHub) -> Referral:
    """A referral that Alpha has."""
    calling(hub)
    made = received(hub)
    Referral.objects.filter(pk=made.pk).update(channel="webhook", platform_reference=str(made.pk))
    return Referral.objects.get(pk=made.pk)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


class TestAnswers:
    def test_an_answer_stops_the_clock_and_counts_as_the_platforms_own(self, sent: Referral) -> None:
        answer = signed(event(sent, "COMPLETED", "ACTIONED"))
        assert (answer.status_code, answer.json()) == (
            200,
            {"referral": sent.reference, "taken": True, "repeated": False},
        )
        now = Referral.objects.get(pk=sent.pk)
        kept = now.answers.get()
        assert (now.state, kept.reason_code, kept.puid) == (ReferralState.ANSWERED, "ACTIONED", "sor-1")
        assert (kept.way, kept.proof) == ("channel", "acknowledged")
        entry = Entry.objects.get(verb="referral.answered")
        assert (entry.actor_id, entry.payload["way"], entry.payload["proof"]) == ("alpha", "channel", "acknowledged")

    def test_the_same_event_again_is_taken_once(self, sent: Referral) -> None:
        body = event(sent)
        for repeated in (False, True, True):
            assert signed(body, message_id="msg_1").json()["repeated"] is repeated
        assert sent.answers.count() == IncomingEvent.objects.count() == 1

    def test_the_same_event_after_the_end_is_still_a_repetition(self, sent: Referral) -> None:
        body = event(sent, "COMPLETED", "REVIEWED_NO_ACTION")
        assert [signed(body, message_id="msg_1").status_code for _ in range(2)] == [200, 200]

    def test_an_id_with_another_body_is_refused(self, sent: Referral) -> None:
        signed(event(sent), message_id="msg_1")
        assert code(signed(event(sent), message_id="msg_1")) == (409, "event_reused")

    def test_the_same_answer_in_another_event_is_known_and_a_changed_one_is_refused(self, sent: Referral) -> None:
        signed(event(sent, answer_id="A-1"))
        assert signed(event(sent, answer_id="A-1")).json()["repeated"] is True
        assert code(signed(event(sent, "RECEIVED", answer_id="A-1"))) == (409, "answer_reused")
        assert sent.answers.count() == 1

    def test_after_the_end_only_an_objection_is_taken(self, sent: Referral) -> None:
        signed(event(sent, "COMPLETED", "REVIEWED_NO_ACTION"))
        assert code(signed(event(sent))) == (409, "finished")
        assert signed(event(sent, "DISPUTED")).status_code == 200

    def test_a_former_secret_is_taken_while_it_is_changed(self, hub: SmallHub, sent: Referral) -> None:
        calling(hub, token=f"{SECRET},{FORMER}")
        assert signed(event(sent), secret=FORMER).status_code == 200


class TestRefused:
    def test_what_another_secret_signed(self, sent: Referral) -> None:
        assert code(signed(event(sent), secret=FORMER)) == (401, "signature")
        assert not sent.answers.exists()

    @pytest.mark.parametrize("minutes", [-6, 6])
    def test_what_was_signed_at_another_time(self, sent: Referral, minutes: int) -> None:
        assert code(signed(event(sent), at=datetime.now(UTC) + timedelta(minutes=minutes))) == (400, "event")

    @pytest.mark.parametrize("header", ["webhook-id", "webhook-timestamp", "webhook-signature"])
    def test_headers_that_say_nothing(self, sent: Referral, header: str) -> None:
        assert code(signed(event(sent), **{header: "\x7f."})) == (400, "event")
        assert code(Client().post("/referrals/webhooks/alpha/", data=b"{}", content_type="application/json")) == (
            400,
            "event",
        )

    def test_another_type_of_event(self, sent: Referral) -> None:
        assert code(signed({**event(sent), "type": "referral.sent"})) == (422, "answer")

    @pytest.mark.parametrize(
        "changes",
        [
            {"status": "COMPLETED"},
            {"status": "COMPLETED", "reason_code": "ACTIONED"},
            {"answer_id": "x" * 201},
            {"at": "0001-01-01T00:00:00+14:00"},
            {"at": "yesterday"},
            {"actions": [1]},
            {"puid": "a b"},
            {"detail": 3},
            {"schema": "seawall-answer/2"},
            {"status": {}},
        ],
    )
    def test_an_answer_that_does_not_hold(self, sent: Referral, changes: dict[str, Any]) -> None:
        assert code(signed(event(sent, **{"puid": None, **changes}))) == (422, "answer")
        assert not sent.answers.exists()

    def test_moments_at_the_ends_of_the_calendar_are_taken(self, sent: Referral) -> None:
        for at in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
            assert signed(event(sent, at=at)).status_code == 200

    def test_a_referral_to_another_platform_is_not_there(self, hub: SmallHub, sent: Referral) -> None:
        calling(hub, platform="beta")
        answers = [signed(event(sent), platform="beta"), signed(event(sent, reference=str(uuid4())), platform="beta")]
        answers.append(signed(event(sent, reference="R-1"), platform="beta"))
        assert {code(answer) for answer in answers} == {(404, "referral")}
        assert len({answer.content for answer in answers}) == 1

    def test_one_that_is_still_on_its_way_is_to_come_again(self, sent: Referral) -> None:
        Referral.objects.filter(pk=sent.pk).update(received_at=None, state=ReferralState.QUEUED)
        answer = signed(event(sent))
        assert (code(answer), answer["Retry-After"]) == ((503, "not_yet"), "5")

    def test_a_platform_that_does_not_answer_so_is_not_there(self, hub: SmallHub, sent: Referral) -> None:
        for platform in ("beta", "nobody"):
            assert code(signed(event(sent), platform=platform)) == (404, "platform")

    def test_a_hub_without_a_usable_secret_says_so_and_shows_none(self, hub: SmallHub, sent: Referral) -> None:
        calling(hub, token="whsec_c2hvcnQ=")
        answer = signed(event(sent))
        assert code(answer) == (503, "secret")
        assert "whsec" not in answer.content.decode()
