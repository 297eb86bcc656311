"""Telling people and software: each once, in the hub, by mail that gives nothing away, and by signed calls."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from procrastinate.contrib.django.models import ProcrastinateJob
from standardwebhooks import Webhook
from tests.support.hub import ACTOR, SmallHub

from seawall.hub.directory import services as directory
from seawall.hub.directory.models import Person
from seawall.hub.notifications import queries, sending, services
from seawall.hub.notifications.models import Call, Notification, Subscription
from seawall.outbound import Outbound

pytestmark = pytest.mark.django_db


def tell(*people: Person, about: str = "x:1", **more: Any) -> None:
    services.notify(people=people, kind="referral.asked", about=about, text="Alpha asks.", link="/referrals/1/", **more)


def test_nobody_is_told_the_same_twice(hub: SmallHub) -> None:
    person = hub.people["analyst"]
    tell(person)
    tell(person)
    tell(person, about="x:2")
    assert queries.unread(person) == 2
    assert queries.unread(hub.people["reviewer"]) == 0
    assert services.mark_read(person=person) == 2
    assert queries.unread(person) == 0


def test_one_mail_tells_all_that_waits_and_names_no_post(hub: SmallHub) -> None:
    one, other, quiet, closed = (hub.people[name] for name in ("analyst", "reviewer", "overseer", "regulator"))
    services.want_mail(person=quiet, wanted=False)
    directory.deactivate(person=closed, actor=ACTOR)
    for person in (one, other, quiet, closed):
        tell(person)
        tell(person, about="x:2")
    services.mark_read(person=other)
    assert sending.mail_waiting() == 3  # of which two go to nobody: no wish for mail, a closed account
    (sent,) = mail.outbox
    assert sent.to == [one.email]
    assert "2 things wait for you" in sent.subject
    assert sent.body.count("/referrals/1/") == 2
    assert sending.mail_waiting() == 0
    assert len(mail.outbox) == 1


def test_what_is_too_old_is_not_mailed(hub: SmallHub) -> None:
    tell(hub.people["analyst"])
    Notification.objects.update(made_at=datetime.now(UTC) - timedelta(days=3))
    assert sending.mail_waiting() == 0
    assert mail.outbox == []
    assert queries.unread(hub.people["analyst"]) == 1


def test_a_demonstration_mails_nobody(hub: SmallHub, settings: Any) -> None:
    settings.DEMONSTRATION = True
    tell(hub.people["analyst"])
    assert sending.mail_waiting() == 0
    assert mail.outbox == []


def test_the_page_shows_ones_own_and_lets_one_choose(hub: SmallHub) -> None:
    tell(hub.people["analyst"])
    client = Client()
    client.force_login(hub.people["analyst"])
    page = client.get(reverse("notifications")).content.decode()
    assert "Alpha asks." in page
    assert "Notifications (1)" in page
    assert client.post(reverse("notifications_read")).status_code == 302
    assert "Nothing new" in client.get(reverse("notifications")).content.decode()
    assert client.post(reverse("notifications_mail"), {"by_mail": "no"}).status_code == 302
    assert not queries.by_mail(hub.people["analyst"])
    other = Client()
    other.force_login(hub.people["reviewer"])
    assert "Alpha asks." not in other.get(reverse("notifications")).content.decode()


# Software


class Listener:
    """An organisation's address: keeps what arrives, answers as it is told."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status = 204
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                listener.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(listener.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Listener]:
    made = Listener()
    settings.OUTBOUND_ALLOW = frozenset({made.host})
    with Outbound(settings.OUTBOUND_ALLOW) as outbound:
        monkeypatch.setattr(sending, "_outbound", lambda: outbound)
        yield made
    made.server.shutdown()
    made.server.server_close()


def subscribed(hub: SmallHub, listener: Listener, **more: Any) -> Subscription:
    return services.subscribe(
        organisation=hub.organisations["alpha"], url=f"http://{listener.host}/hook", actor=ACTOR, **more
    )


def called(hub: SmallHub) -> Call:
    tell(organisation=hub.organisations["alpha"], data={"reference": "R-1"})
    return Call.objects.get()


def test_a_call_is_signed_as_the_public_package_checks_it(hub: SmallHub, listener: Listener) -> None:
    subscription = subscribed(hub, listener)
    made = called(hub)
    sending.call(call_id=made.pk)
    sending.call(call_id=made.pk)  # taken already
    ((headers, body),) = listener.got
    told = Webhook(subscription.secret).verify(body, headers)
    assert told["type"] == "referral.asked"
    assert told["data"]["reference"] == "R-1"
    assert headers["webhook-id"] == str(made.pk)
    assert Call.objects.get().delivered_at is not None


def test_a_call_that_fails_comes_again_and_is_given_up_at_last(hub: SmallHub, listener: Listener) -> None:
    subscribed(hub, listener)
    listener.status = 503
    made = called(hub)
    ProcrastinateJob.objects.all()
    for _ in range(30):
        sending.call(call_id=made.pk)
    kept = Call.objects.get()
    assert kept.given_up_at is not None
    assert kept.attempts == len(listener.got) < 30
    assert "503" in kept.problem
    again = ProcrastinateJob.objects.filter(task_name="notifications.call", scheduled_at__isnull=False).count()
    assert again == kept.attempts - 1
    listener.status = 200
    sending.replay(call_id=made.pk)
    assert sending.call(call_id=made.pk).delivered_at is not None
    assert {headers["webhook-id"] for headers, _body in listener.got} == {str(made.pk)}
    assert len({body for _headers, body in listener.got}) == 1


def test_an_address_that_is_gone_ends_its_subscription(hub: SmallHub, listener: Listener) -> None:
    subscription = subscribed(hub, listener)
    listener.status = 410
    sending.call(call_id=called(hub).pk)
    subscription.refresh_from_db()
    assert subscription.ended_at is not None
    tell(organisation=hub.organisations["alpha"], about="x:9")
    assert Call.objects.count() == 1


def test_only_the_kinds_that_were_asked_for_are_called(hub: SmallHub, listener: Listener) -> None:
    subscribed(hub, listener, kinds=["referral.withdrawn"])
    tell(organisation=hub.organisations["alpha"])
    assert not Call.objects.exists()
    tell(organisation=hub.organisations["beta"], about="x:2")
    assert not Call.objects.exists()


def test_software_subscribes_replays_and_ends_it_by_itself(hub: SmallHub, listener: Listener) -> None:
    _key, secret = directory.give_api_key(organisation=hub.organisations["alpha"], name="k", actor=ACTOR)
    client = Client(headers={"authorization": f"Bearer {secret}"})

    def post(name: str, *args: Any, body: Any) -> Any:
        return client.post(reverse(name, args=args), json.dumps(body), "application/json")

    for wrong in (
        {},
        {"url": 3},
        {"url": "http://elsewhere.example/"},
        {"url": "https://"},
        {"url": "https://a.example", "kinds": "x"},
    ):
        assert post("api_subscriptions", body=wrong).status_code == 422
    made = post("api_subscriptions", body={"url": f"http://{listener.host}/hook"})
    assert made.status_code == 201
    assert made.json()["secret"].startswith("whsec_")
    (listed,) = client.get(reverse("api_subscriptions")).json()["subscriptions"]
    assert "secret" not in listed
    sending.call(call_id=called(hub).pk)
    again = post("api_replay", listed["id"], body={"since": "2026-01-01T00:00:00Z"})
    assert (again.status_code, again.json()) == (202, {"replayed": 1})
    assert post("api_replay", listed["id"], body={"since": "yesterday"}).status_code == 422
    _other, theirs = directory.give_api_key(organisation=hub.organisations["beta"], name="k", actor=ACTOR)
    stranger = Client(headers={"authorization": f"Bearer {theirs}"})
    assert stranger.delete(reverse("api_subscription", args=[listed["id"]])).status_code == 404
    assert client.delete(reverse("api_subscription", args=[listed["id"]])).status_code == 204
    assert client.get(reverse("api_subscriptions")).json()["subscriptions"] == []
