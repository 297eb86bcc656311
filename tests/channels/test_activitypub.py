"""The ActivityPub channel against a server that keeps reports as Mastodon does."""

import datetime as dt
import hashlib
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.channels.conformance import ChannelConformance, withdrawal_of
from tests.channels.fediverse import PEM, Fediverse, Hub, Replay, Report, pem_of
from tests.channels.samples import LEGAL, SENT_AT, TERM, document

from seawall.channels import Address, ChannelError, Equipment, NotCarried, ReferralDocument
from seawall.channels.activitypub import ActivityPubChannel
from seawall.outbound import Outbound


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    server = Hub()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def fediverse() -> Iterator[Fediverse]:
    server = Fediverse()
    yield server
    server.stop()


@dataclass
class FediverseRig:
    hub: Hub
    fediverse: Fediverse
    channel: ActivityPubChannel
    address: Address
    nowhere: Address

    def document(self, outcome: str, **changes: Any) -> ReferralDocument:
        url = self.fediverse.post()
        content = {"native_id": url.rsplit("/", 1)[1], "url": url, "text_sha256": "0" * 64}
        return document(content=content, sent_at=self.now().isoformat(), **changes)

    def now(self) -> dt.datetime:
        return SENT_AT

    def settle(self) -> None:
        pass

    def held(self, document: ReferralDocument) -> list[str]:
        return [report.comment for report in self.fediverse.reports if str(document.referral_id) in report.comment]

    def report(self, document: ReferralDocument) -> Report:
        (found,) = [found for found in self.fediverse.reports if str(document.referral_id) in found.comment]
        return found

    def send(self, made: ReferralDocument, **settings: str) -> Any:
        address = replace(self.address, settings={**self.address.settings, **settings})
        return self.channel.send(address, made, idempotency_key=str(made.referral_id), at=self.now())


@pytest.fixture
def rig(hub: Hub, fediverse: Fediverse) -> Iterator[FediverseRig]:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: a port where nobody answers
        nowhere = f"127.0.0.1:{closed.getsockname()[1]}"
        allow = {urlsplit(server.origin).netloc for server in (hub, fediverse)}
        names = {entry.replace("127.0.0.1", "localhost") for entry in allow}
        with Outbound(frozenset({*allow, *names, nowhere}), timeout=10) as outbound:
            address = Address(f"{fediverse.origin}/inbox", settings={"actor": hub.actor})
            channel = ActivityPubChannel.equipped(hub.equipment(outbound))
            yield FediverseRig(hub, fediverse, channel, address, replace(address, endpoint=f"http://{nowhere}/inbox"))
    hub.pem, hub.down = PEM, False


class TestActivityPub(ChannelConformance):
    pass


def test_report_names_the_account_and_the_post_by_its_id(rig: FediverseRig) -> None:
    made = rig.document("actioned")
    receipt = rig.send(made)
    report = rig.report(made)
    number = made.content.native_id
    assert report.account == rig.fediverse.account
    assert report.posts == [f"{rig.fediverse.account}/statuses/{number}"]
    assert report.activity["to"] == [rig.fediverse.account]
    assert report.uri is not None
    assert report.uri.startswith(f"{rig.hub.origin}/activitypub/flags/")
    assert receipt.reference == f"{report.uri}#{rig.fediverse.account}"
    assert receipt.received_at == rig.now()
    assert receipt.evidence["delivered"] == [{"id": report.uri, "type": "Flag", "status": 202}]
    assert receipt.evidence["key"] == f"{rig.hub.actor}#main-key"


def test_whole_document_is_attached_byte_for_byte(rig: FediverseRig) -> None:
    made = rig.document("actioned", grounds={"legal": [LEGAL], "term": TERM}, explanation="“Ünïcode” & <b>marks</b>")
    receipt = rig.send(made)
    (attached,) = rig.report(made).activity["attachment"]
    assert attached["mediaType"] == "application/json"
    assert ReferralDocument.parse(attached["content"].encode()) == made
    assert hashlib.sha256(attached["content"].encode()).hexdigest() == receipt.document_sha256


def test_the_same_key_makes_the_same_activity_and_another_key_another(rig: FediverseRig) -> None:
    made = rig.document("actioned")
    for key in ("a", "a", "b"):
        rig.channel.send(rig.address, made, idempotency_key=key, at=rig.now())
    first, again, other = (found.uri for found in rig.fediverse.reports[-3:])
    assert first == again != other


def test_request_without_a_signature_is_refused_by_the_server_of_these_tests(rig: FediverseRig) -> None:
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(rig.fediverse.post(), timeout=5)


def test_key_that_the_actor_does_not_show_is_refused_for_good_with_what_to_check(rig: FediverseRig) -> None:
    made = rig.document("actioned")
    rig.hub.pem = pem_of(rsa.generate_private_key(65_537, 2_048))
    with pytest.raises(ChannelError, match=r"refuses this hub's signature \(401\). Check that http") as caught:
        rig.send(made)
    assert not caught.value.retryable
    rig.hub.down = True
    with pytest.raises(ChannelError, match="is reachable from outside") as caught:
        rig.send(made)
    assert not caught.value.retryable
    assert rig.held(made) == []


def test_actor_may_be_any_address_under_the_hub_and_no_other(rig: FediverseRig) -> None:
    with Outbound() as outbound:
        channel = ActivityPubChannel.equipped(Equipment(outbound, hub_url="https://hub.example/", actor_key=PEM))
        for actor in (
            "",
            "https://other.example/actor",
            "https://hub.example.evil.example/a",
            "https://hub.example/a#x",
        ):
            address = replace(rig.address, settings={"actor": actor})
            with pytest.raises(ChannelError, match="setting actor must be an address under") as caught:
                channel.send(address, document(), idempotency_key="k")
            assert not caught.value.retryable


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"withdrawal": "maybe"}, "can only be 'undo'"),
        ({"inbox": "shared"}, "can only be 'account'"),
        ({"recipient": "somebody"}, "recipient of this platform is not a web address"),
    ],
)
def test_setting_that_means_nothing_is_said(rig: FediverseRig, settings: dict[str, str], said: str) -> None:
    with pytest.raises(ChannelError, match=said) as caught:
        rig.send(rig.document("actioned"), **settings)
    assert not caught.value.retryable


def test_recipient_takes_the_place_of_the_account(rig: FediverseRig) -> None:
    made = rig.document("actioned")
    rig.send(made, recipient=f"{rig.fediverse.origin}/actor")
    assert rig.report(made).activity["to"] == [f"{rig.fediverse.origin}/actor"]


def test_server_without_a_shared_inbox_gets_it_in_the_accounts(rig: FediverseRig) -> None:
    made = rig.document("actioned")
    receipt = rig.send(made, inbox="account")
    assert rig.fediverse.inboxes[-1] == "/users/ada/inbox"
    assert receipt.evidence["inbox"] == f"{rig.fediverse.account}/inbox"


@pytest.mark.parametrize("inbox", [None, "https://other.example/inbox", "x", 5])
def test_account_that_names_no_inbox_of_its_server_is_not_delivered_to(rig: FediverseRig, inbox: object) -> None:
    path = f"/users/{uuid4()}"
    rig.fediverse.shows[path] = (200, {"id": f"{rig.fediverse.origin}{path}", "type": "Person", "inbox": inbox})
    url = rig.fediverse.post(attributedTo=f"{rig.fediverse.origin}{path}")
    with pytest.raises(ChannelError, match="does not read") as caught:
        rig.send(document(content={"native_id": "x", "url": url, "text_sha256": "0" * 64}), inbox="account")
    assert not caught.value.retryable


def test_post_on_another_server_than_the_routes_is_not_reported_there(rig: FediverseRig) -> None:
    made = rig.document("actioned")
    elsewhere = rig.address.endpoint.replace("127.0.0.1", "localhost")
    with pytest.raises(ChannelError, match=r"is on 127\.0\.0\.1, which does not read http://localhost") as caught:
        rig.channel.send(replace(rig.address, endpoint=elsewhere), made, idempotency_key="k")
    assert not caught.value.retryable
    assert rig.held(made) == []


def test_inbox_on_another_name_is_used_when_the_account_names_it(rig: FediverseRig) -> None:
    elsewhere = rig.address.endpoint.replace("127.0.0.1", "localhost")
    status, actor = rig.fediverse.shows["/users/ada"]
    assert isinstance(actor, dict)
    rig.fediverse.shows["/users/ada"] = (status, {**actor, "endpoints": {"sharedInbox": elsewhere}})
    try:
        made = rig.document("actioned")
        rig.channel.send(replace(rig.address, endpoint=elsewhere), made, idempotency_key="k")
    finally:
        rig.fediverse.shows["/users/ada"] = (status, actor)
    assert len(rig.held(made)) == 1


def test_redirect_is_followed_with_a_signature_of_its_own(rig: FediverseRig) -> None:
    made = rig.document("actioned")
    path = urlsplit(made.content.url).path
    rig.fediverse.redirects["/short"] = "/longer"
    rig.fediverse.redirects["/longer"] = path
    content = {**made.to_dict()["content"], "url": f"{rig.fediverse.origin}/short"}
    rig.send(document(content=content, referral_id=str(made.referral_id)))
    assert rig.report(made).posts == [f"{rig.fediverse.account}/statuses/{made.content.native_id}"]


def test_endless_redirect_is_not_followed(rig: FediverseRig) -> None:
    rig.fediverse.redirects["/round"] = "/round"
    content = {"native_id": "r", "url": f"{rig.fediverse.origin}/round", "text_sha256": "0" * 64}
    with pytest.raises(ChannelError, match="redirects more than 3 times") as caught:
        rig.send(document(content=content))
    assert not caught.value.retryable


@pytest.mark.parametrize("status", [404, 410])
def test_post_that_is_gone_is_not_reported(rig: FediverseRig, status: int) -> None:
    made = rig.document("actioned")
    rig.fediverse.shows[urlsplit(made.content.url).path] = (status, None)
    with pytest.raises(ChannelError, match=f"answers {status}: the post is gone") as caught:
        rig.send(made)
    assert not caught.value.retryable


LONG = "x" * 3_000


@pytest.mark.parametrize(
    "shown",
    [
        [],
        "x",
        {},
        {"id": 5},
        {"id": "urn:uuid:1", "attributedTo": "urn:uuid:2"},
        {"type": ["Note", {}], "id": "HERE/1"},
        {"type": "Note", "id": "HERE/1", "attributedTo": {"id": {"id": "x"}}},
        {"type": "Note", "id": "HERE/1", "attributedTo": "https://other.example/users/someone"},
        {"type": "Note", "id": f"HERE/{LONG}", "attributedTo": "HERE/users/ada"},
        {"type": "Note", "id": "HERE/1\r\nX: y", "attributedTo": "HERE/users/ada"},
        {"type": "Note", "id": "HERE/1", "attributedTo": 'HERE/users/"ada"'},
        {"type": "Note", "id": "HERE/1", "attributedTo": []},
        {"type": "Tombstone", "id": "HERE/1"},
    ],
)
def test_odd_object_is_not_reported(rig: FediverseRig, shown: object) -> None:
    made = rig.document("actioned")
    here = json.loads(json.dumps(shown).replace("HERE", rig.fediverse.origin))
    rig.fediverse.shows[urlsplit(made.content.url).path] = (200, here)
    with pytest.raises(ChannelError, match=r"\.$") as caught:
        rig.send(made)
    assert not caught.value.retryable
    assert rig.held(made) == []


@pytest.mark.parametrize(
    "author",
    [
        {"type": "Person", "id": "HERE/users/ada"},
        ["HERE/users/ada"],
        [{"type": "Person", "id": "HERE/users/ada"}, {"type": "Group", "id": "HERE/c/x"}],
    ],
)
def test_author_is_read_in_each_form_that_servers_write(rig: FediverseRig, author: object) -> None:
    url = rig.fediverse.post(attributedTo=json.loads(json.dumps(author).replace("HERE", rig.fediverse.origin)))
    made = document(content={"native_id": "x", "url": url, "text_sha256": "0" * 64})
    rig.send(made)
    assert rig.report(made).account == rig.fediverse.account


def test_referral_of_an_account_names_the_account_alone(rig: FediverseRig) -> None:
    made = document(content={"native_id": "ada", "url": rig.fediverse.account, "text_sha256": "0" * 64})
    rig.send(made)
    assert rig.report(made).activity["object"] == [rig.fediverse.account]


def test_id_on_another_host_counts_only_when_that_host_says_so(rig: FediverseRig) -> None:
    made = rig.document("actioned")
    path = urlsplit(made.content.url).path
    there = rig.fediverse.origin.replace("127.0.0.1", "localhost")
    _, note = rig.fediverse.shows[path]
    assert isinstance(note, dict)
    rig.fediverse.shows[path] = (200, {**note, "id": f"{there}/claimed"})
    rig.fediverse.shows["/claimed"] = (200, {**note, "id": f"{there}/another"})
    with pytest.raises(ChannelError, match="its own server does not say so") as caught:
        rig.send(made)
    assert not caught.value.retryable


def test_withdrawal_is_undone_and_told_in_words(rig: FediverseRig) -> None:
    made = rig.document("actioned")
    receipt = rig.send(made)
    withdrawal = withdrawal_of(made, rig.now())
    got = rig.channel.withdraw(rig.address, receipt.reference, withdrawal, idempotency_key="w", at=rig.now())
    delivered = got.evidence["delivered"]
    assert isinstance(delivered, list)
    assert [entry["type"] for entry in delivered if isinstance(entry, dict)] == ["Undo", "Flag"]
    first, second = (report for report in rig.fediverse.reports if str(made.referral_id) in report.comment)
    assert second.posts == first.posts
    assert "WITHDRAWN" in second.comment
    assert "not a new report" in second.comment
    assert second.activity["attachment"][0]["content"].encode() == withdrawal.to_json()


def test_server_that_honours_undo_is_not_told_twice(hub: Hub) -> None:
    server = Fediverse(honours_undo=True)
    try:
        with Outbound(frozenset({urlsplit(server.origin).netloc})) as outbound:
            channel = ActivityPubChannel.equipped(hub.equipment(outbound))
            address = Address(f"{server.origin}/inbox", settings={"actor": hub.actor, "withdrawal": "undo"})
            made = document(content={"native_id": "x", "url": server.post(), "text_sha256": "0" * 64})
            receipt = channel.send(address, made, idempotency_key="k")
            channel.withdraw(address, receipt.reference, withdrawal_of(made, SENT_AT), idempotency_key="w")
    finally:
        server.stop()
    assert server.undone == [server.reports[0].uri]
    assert len(server.reports) == 1


@pytest.mark.parametrize("gone", [(410, None), (404, None), (200, {"type": "Tombstone"})])
def test_withdrawal_finds_the_account_when_the_post_was_removed(rig: FediverseRig, gone: tuple[int, Any]) -> None:
    made = rig.document("actioned")
    receipt = rig.send(made)
    path = urlsplit(made.content.url).path
    rig.fediverse.shows[path] = rig.fediverse.shows[f"/users/ada/statuses/{made.content.native_id}"] = gone
    withdrawal = withdrawal_of(made, rig.now())
    rig.channel.withdraw(rig.address, receipt.reference, withdrawal, idempotency_key="w", at=rig.now())
    last = rig.fediverse.reports[-1]
    assert last.account == rig.fediverse.account
    assert "please look again" in last.comment
    with pytest.raises(NotCarried, match="can name nobody"):
        rig.channel.withdraw(rig.address, receipt.reference.partition("#")[0], withdrawal, idempotency_key="w")


def test_withdrawal_of_what_this_hub_never_sent_is_refused(rig: FediverseRig) -> None:
    made = rig.document("actioned")
    with pytest.raises(ChannelError, match="not of a report by this hub") as caught:
        rig.channel.withdraw(
            rig.address, "https://other.example/flags/1", withdrawal_of(made, rig.now()), idempotency_key="w"
        )
    assert not caught.value.retryable


def test_account_that_does_not_fit_the_reference_is_left_off_it(rig: FediverseRig) -> None:
    path = f"/users/{'a' * 150}"
    rig.fediverse.shows[path] = (200, {"id": f"{rig.fediverse.origin}{path}", "type": "Person"})
    url = rig.fediverse.post(attributedTo=f"{rig.fediverse.origin}{path}")
    receipt = rig.send(document(content={"native_id": "x", "url": url, "text_sha256": "0" * 64}))
    assert "#" not in receipt.reference


def test_statutory_notice_is_not_sent_as_a_report(rig: FediverseRig) -> None:
    made = rig.document("actioned").model_copy(update={"kind": "formal_notice"})
    with pytest.raises(NotCarried, match="has to arrive whole and be confirmed"):
        rig.send(made)
    assert rig.held(made) == []


def test_information_cannot_be_added(rig: FediverseRig) -> None:
    with pytest.raises(NotCarried):
        rig.channel.inform(rig.address, "x", "The second sentence is the threat.", "k")


@pytest.mark.parametrize(
    ("url", "pem", "said"),
    [
        ("", PEM, "public address"),
        ("hub.example", PEM, "public address"),
        ("https://hub.example/" + "x" * 200, PEM, "at most 120"),
        ("https://hub.example", "", "RSA key"),
        ("https://hub.example", "-----BEGIN PRIVATE KEY-----\nsecret", "RSA key"),
    ],
)
def test_hub_that_lacks_something_cannot_have_the_channel(url: str, pem: str, said: str) -> None:
    with Outbound() as outbound, pytest.raises(ChannelError, match=said) as caught:
        ActivityPubChannel.equipped(Equipment(outbound, hub_url=url, actor_key=pem))
    assert not caught.value.retryable
    assert "secret" not in str(caught.value)


def test_address_on_the_own_network_is_refused_for_good(rig: FediverseRig) -> None:
    with Outbound(timeout=5) as strict, pytest.raises(ChannelError, match="may not be used") as caught:
        ActivityPubChannel.equipped(rig.hub.equipment(strict)).send(
            rig.address, rig.document("actioned"), idempotency_key="k"
        )
    assert not caught.value.retryable


def test_recorded_report_is_sent_again_as_it_was() -> None:
    server = Replay("flag-accepted")
    try:
        with Outbound(frozenset({urlsplit(server.origin).netloc})) as outbound:
            channel = ActivityPubChannel.equipped(Equipment(outbound, hub_url="https://hub.example", actor_key=PEM))
            address = Address(f"{server.origin}/inbox", settings={"actor": "https://hub.example/actor"})
            made = document(content={"native_id": "x", "url": server.record["url"], "text_sha256": "0" * 64})
            receipt = channel.send(address, made, idempotency_key="k")
    finally:
        server.stop()
    assert (server.wrong, server.left) == ([], [])
    assert receipt.proof == "accepted"
