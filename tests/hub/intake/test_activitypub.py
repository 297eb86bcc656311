"""The hub's actor: found by others, and replied to by the servers that it reported to, and by nobody else."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from django.test import Client
from tests.support.hub import ACTOR, SmallHub
from tests.support.staff import SignedIn, body, received

from seawall.channels.http_signatures import Signer
from seawall.hub.directory import services as directory
from seawall.hub.intake import actor
from seawall.hub.intake.models import IncomingReply
from seawall.hub.ledger.models import Entry
from seawall.hub.notifications.models import Notification
from seawall.hub.referrals import reach
from seawall.hub.referrals.models import Referral, ReferralState

pytestmark = pytest.mark.django_db

ACTIVITY = "application/activity+json"
OWN = "https://hub.seawall.example/actor"
FLAG = "https://hub.seawall.example/activitypub/flags/" + "0" * 32


def new_key() -> str:
    key = generate_private_key(public_exponent=65_537, key_size=2_048)
    made = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.decode()


PEM, OTHER_PEM = new_key(), new_key()


class _Handler(BaseHTTPRequestHandler):
    server: Server  # type: ignore[assignment]

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Signature", "")))
        status, shown = self.server.shows()
        self.send_response(status)
        self.send_header("Content-Length", str(len(shown)))
        self.end_headers()
        self.wfile.write(shown)

    def log_message(self, *_args: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Somebody's server, which shows its moderator and their key."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str]] = []
        self.changes: dict[str, Any] = {}
        self.raw: tuple[int, bytes] | None = None

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    @property
    def moderator(self) -> str:
        return f"http://{self.host}/actor"

    def shows(self) -> tuple[int, bytes]:
        public = Signer.from_pem(f"{self.moderator}#main-key", PEM).public_pem()
        key = {"id": f"{self.moderator}#main-key", "owner": self.moderator, "publicKeyPem": public, **self.changes}
        return self.raw or (200, json.dumps({"id": self.moderator, "type": "Application", "publicKey": key}).encode())


@dataclass
class Federated:
    """A hub with an actor, and a server that it reported a post to."""

    server: Server
    referral: Referral
    number: int = field(default=0)

    def activity(self, kind: str = "Create", **changes: Any) -> dict[str, Any]:
        self.number += 1
        held: Any = FLAG
        if kind == "Create":
            held = {"type": "Note", "content": "<p>We have looked.<br>It stays.</p>", "inReplyTo": FLAG}
        made = {"id": f"{self.server.moderator}/acts/{self.number}", "type": kind, "actor": self.server.moderator}
        return {**made, "object": held, **changes}

    def post(
        self,
        activity: dict[str, Any],
        *,
        pem: str = PEM,
        key_id: str = "",
        at: datetime | None = None,
        **headers: str,
    ) -> Any:
        raw = json.dumps(activity).encode()
        signer = Signer.from_pem(key_id or f"{self.server.moderator}#main-key", pem)
        signed = signer.headers("POST", f"{OWN}/inbox", raw, at=at or datetime.now(UTC))
        return Client().post("/actor/inbox", data=raw, content_type=ACTIVITY, headers={**signed, **headers})


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def federated(hub: SmallHub, server: Server, settings: Any) -> Iterator[Federated]:
    settings.PUBLIC_URL = "https://hub.seawall.example"
    settings.ALLOWED_HOSTS = ["hub.seawall.example", "testserver"]
    settings.OUTBOUND_ALLOW = frozenset({server.host})
    reach.outbound.cache_clear()
    directory.set_route(
        platform=hub.platforms["alpha"],
        channel="activitypub",
        endpoint=f"http://{server.host}/inbox",
        settings={"actor": OWN},
        actor=ACTOR,
    )
    made = received(hub)
    Referral.objects.filter(pk=made.pk).update(
        channel="activitypub", platform_reference=f"{FLAG}#http://{server.host}/users/somebody"
    )
    yield Federated(server, Referral.objects.get(pk=made.pk))
    reach.outbound.cache_clear()


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


class TestActor:
    def test_the_name_leads_to_the_actor_and_back(self, federated: Federated) -> None:
        found = Client().get("/.well-known/webfinger?resource=acct:referrals@hub.seawall.example")
        assert found["Content-Type"] == "application/jrd+json"
        (link,) = found.json()["links"]
        shown = Client().get("/actor")
        assert (link["href"], shown.json()["id"], shown["Content-Type"]) == (OWN, OWN, ACTIVITY)
        assert shown.json()["publicKey"]["id"] == f"{OWN}#main-key"
        assert shown.json()["inbox"] == f"{OWN}/inbox"
        assert Client().get("/actor/outbox").json()["totalItems"] == 0

    def test_its_key_is_the_one_that_flags_are_signed_with(self, federated: Federated) -> None:
        shown = Client().get("/actor").json()["publicKey"]["publicKeyPem"]
        assert shown == Signer.from_pem(f"{OWN}#main-key", reach.keys.actor_key()).public_pem()

    @pytest.mark.parametrize(
        ("resource", "status"), [("", 400), ("acct:nobody@hub.seawall.example", 404), ("\x00", 404)]
    )
    def test_other_names_are_nobodys(self, federated: Federated, resource: str, status: int) -> None:
        assert Client().get("/.well-known/webfinger", {"resource": resource}).status_code == status

    @pytest.mark.parametrize(
        "url",
        [
            "http://hub.seawall.example",
            "https://localhost",
            "https://hub",
            "https://127.0.0.1",
            "https://10.0.0.7:8443",
            "https://[::1]",
            "https://hub.local",
            "https://[",
            "https://",
        ],
    )
    def test_without_a_public_https_address_there_is_none(self, hub: SmallHub, settings: Any, url: str) -> None:
        settings.PUBLIC_URL = url
        for path in ("/actor", "/actor/outbox", "/.well-known/webfinger?resource=a"):
            assert code(Client().get(path)) == (404, "actor")
        assert code(Client().post("/actor/inbox", data=b"{}", content_type=ACTIVITY)) == (404, "actor")

    @pytest.mark.parametrize("name", ["", "Ünïcode", "a b"])
    def test_nor_without_a_name(self, federated: Federated, settings: Any, name: str) -> None:
        settings.ACTOR = name
        assert actor.address() is None


class TestReplies:
    def test_words_wait_for_a_person(self, hub: SmallHub, federated: Federated, as_: SignedIn) -> None:
        answer = federated.post(federated.activity())
        assert (answer.status_code, answer.content) == (202, b"")
        kept = IncomingReply.objects.get()
        assert (kept.kind, kept.text, kept.answer) == ("words", "We have looked.\nIt stays.", None)
        assert kept.referral == federated.referral
        entry = Entry.objects.get(verb="intake.reply_received")
        assert entry.payload == {"platform": "alpha", "activity": "Create", "kind": "words"}
        assert {each.person.name for each in Notification.objects.filter(kind="referral.reply")} == {
            "analyst",
            "reviewer",
        }
        page = body(as_("analyst").get("/intake/"))
        assert "Somebody has to read it" in page
        as_("analyst").post(f"/intake/replies/{kept.pk}/read/")
        kept.refresh_from_db()
        assert kept.dealt_with_by == hub.people["analyst"]
        assert "Read by a person" in body(as_("analyst").get("/intake/"))

    def test_the_same_activity_is_taken_once(self, federated: Federated) -> None:
        activity = federated.activity()
        assert [federated.post(activity).status_code for _ in range(3)] == [202] * 3
        assert IncomingReply.objects.count() == 1

    def test_accepting_says_that_they_have_it(self, federated: Federated) -> None:
        federated.post(federated.activity("Accept", object={"id": FLAG, "type": "Flag"}))
        kept = federated.referral.answers.get()
        assert (kept.status, kept.way, kept.proof) == ("RECEIVED", "channel", "acknowledged")
        assert IncomingReply.objects.get().kind == "answer"
        assert Referral.objects.get(pk=federated.referral.pk).state == ReferralState.AWAITING

    def test_rejecting_is_for_a_person_to_read(self, federated: Federated) -> None:
        federated.post(federated.activity("Reject", object=[FLAG]))
        assert IncomingReply.objects.get().kind == "words"
        assert not federated.referral.answers.exists()

    def attached(self, federated: Federated, **stated: Any) -> dict[str, Any]:
        answer = {
            "schema": "seawall-answer/1",
            "status": "COMPLETED",
            "reason_code": "ACTIONED",
            "puid": "sor-1",
            **stated,
        }
        answer.setdefault("actions", ["removed"])
        note = federated.activity()["object"]
        document = {"type": "Document", "mediaType": "application/json", "content": json.dumps(answer)}
        return federated.activity(object={**note, "attachment": [{"type": "Image"}, document]})

    def test_an_answer_that_is_attached_is_taken_in(self, federated: Federated) -> None:
        assert federated.post(self.attached(federated)).status_code == 202
        now = Referral.objects.get(pk=federated.referral.pk)
        assert (now.state, now.answers.get().puid) == (ReferralState.ANSWERED, "sor-1")

    @pytest.mark.parametrize(
        "stated",
        [
            {"puid": None},
            {"status": "GONE"},
            {"detail": "a\0"},
            {"actions": ["x" * 201]},
            {"detail": 7},
            {"actions": {}},
        ],
    )
    def test_one_that_does_not_hold_is_for_a_person(self, federated: Federated, stated: dict[str, Any]) -> None:
        assert federated.post(self.attached(federated, **stated)).status_code == 202
        assert IncomingReply.objects.get().kind == "words"
        assert not federated.referral.answers.exists()

    def test_markup_is_never_shown_as_markup(self, federated: Federated, as_: SignedIn) -> None:
        nasty = "<script>alert(1)</script>&lt;b onclick=x&gt;" + "<" * 3_000
        note = {"type": "Note", "content": nasty, "inReplyTo": FLAG}
        federated.post(federated.activity(object=note))
        page = body(as_("analyst").get("/intake/"))
        assert "<script>alert" not in page
        assert "<b onclick" not in page


class TestNobodyElse:
    @pytest.mark.parametrize(
        "changes",
        [
            {"type": "Like"},
            {"type": "Follow"},
            {"object": "https://hub.seawall.example/activitypub/flags/other"},
            {"object": FLAG[:40]},
            {"object": {"type": "Note", "content": "x"}},
            {"object": {"type": "Note", "content": "x", "inReplyTo": "h"}},
            {"object": {"type": "Note", "inReplyTo": f"{FLAG}\0"}},
            {"object": None},
        ],
    )
    def test_whatever_answers_no_report_of_ours_is_let_go_without_a_call(
        self, federated: Federated, changes: dict[str, Any]
    ) -> None:
        assert federated.post(federated.activity(**changes)).status_code == 202
        assert (IncomingReply.objects.count(), federated.server.asked) == (0, [])

    def test_the_key_is_asked_for_under_the_hubs_own_signature(self, federated: Federated) -> None:
        federated.post(federated.activity())
        ((path, signature),) = federated.server.asked
        assert path == "/actor"
        assert f'keyId="{OWN}#main-key"' in signature

    def test_a_key_of_another_server_is_refused_and_not_fetched(self, federated: Federated) -> None:
        for key_id in ("https://evil.example/actor#main-key", "http://169.254.169.254/latest", "key", "http://[/x"):
            assert code(federated.post(federated.activity(), key_id=key_id)) == (403, "server")
        assert federated.server.asked == []

    def test_another_key_is_refused(self, federated: Federated) -> None:
        assert code(federated.post(federated.activity(), pem=OTHER_PEM)) == (401, "signature")

    def test_another_body_another_time_and_no_signature_are_refused(self, federated: Federated) -> None:
        assert code(federated.post(federated.activity(), Digest="SHA-256=" + "A" * 43 + "=")) == (401, "signature")
        late = datetime.now(UTC) - timedelta(minutes=6)
        assert code(federated.post(federated.activity(), at=late)) == (401, "signature")
        assert code(federated.post(federated.activity(), Signature="")) == (401, "signature")
        raw = json.dumps(federated.activity()).encode()
        assert code(Client().post("/actor/inbox", data=raw, content_type=ACTIVITY)) == (401, "signature")
        assert not IncomingReply.objects.exists()

    def test_an_activity_in_another_actors_name_is_refused(self, federated: Federated) -> None:
        other = f"http://{federated.server.host}/users/other"
        assert code(federated.post(federated.activity(actor=other))) == (401, "actor")

    @pytest.mark.parametrize(
        "changes",
        [
            {"owner": "https://evil.example/actor"},
            {"id": "https://evil.example/actor#main-key"},
            {"publicKeyPem": "none"},
            {"publicKeyPem": 7},
            {"owner": None},
        ],
    )
    def test_a_key_that_its_server_does_not_stand_for_is_refused(
        self, federated: Federated, changes: dict[str, Any]
    ) -> None:
        federated.server.changes = changes
        assert federated.post(federated.activity()).status_code == 401
        assert not IncomingReply.objects.exists()

    @pytest.mark.parametrize(
        ("raw", "status"),
        [
            ((200, b"<html>"), 401),
            ((200, b"[1]"), 401),
            ((200, b"[" * 50_000), 401),
            ((200, b"\xff"), 401),
            ((410, b""), 401),
            ((500, b""), 503),
            ((302, b""), 503),
            ((200, b" " * 1_000_001), 503),
        ],
    )
    def test_a_server_that_shows_rubbish_as_its_key(
        self, federated: Federated, raw: tuple[int, bytes], status: int
    ) -> None:
        federated.server.raw = raw
        assert code(federated.post(federated.activity()))[0] == status
        assert not IncomingReply.objects.exists()
