"""Looking at a post of the AT Protocol; ``tests/peers/test_atproto.py`` looks at a real network."""

import datetime as dt
import hashlib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.support.atproto_labels import Issuer
from tests.support.xrpc import Asked, Says, error, serving

from seawall import probes
from seawall.outbound import Outbound
from seawall.probes.atproto import KEPT_BYTES, probe, probe_with
from seawall.probes.base import Observation

AUTHOR = "did:plc:authorauthorauthoraaaaaa"
LABELER = "did:plc:labelerlabelerlabelerlab"
URI = f"at://{AUTHOR}/app.bsky.feed.post/3kaaaa"
PAGE = "https://bsky.app/profile/author.example.org/post/3kaaaa"
CID, PICTURE = "bafyreiaaaa", "bafkreipicture"
TEXT = "You will be sorry."
NOW = dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC)
PDS_METHODS = ("com.atproto.sync.getRepoStatus", "com.atproto.repo.getRecord", "com.atproto.sync.getBlob")


@dataclass
class Network:
    """A directory, a PDS, an AppView and a moderation service at one address, in the state that a test gives them."""

    record: dict[str, Any] | None = field(default_factory=lambda: {"$type": "app.bsky.feed.post", "text": TEXT})
    cid: str = CID
    shown: bool = True
    account: dict[str, Any] = field(default_factory=lambda: {"active": True})
    labels: list[dict[str, Any]] = field(default_factory=list)
    blobs: set[str] = field(default_factory=set)
    says: dict[str, Says] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    issuer: Issuer = field(default_factory=lambda: Issuer(LABELER))
    url: str = ""

    def label(self, val: str, *, uri: str = URI, minutes: int = -10, **more: Any) -> None:
        self.labels.append(self.issuer.label(uri, val, cts=NOW + dt.timedelta(minutes=minutes), **more))

    def picture(self) -> None:
        blob = {"$type": "blob", "ref": {"$link": PICTURE}, "mimeType": "image/png", "size": 74}
        assert self.record is not None
        self.record["embed"] = {"$type": "app.bsky.embed.images", "images": [{"alt": "", "image": blob}]}
        self.blobs.add(PICTURE)

    def answer(self, asked: Asked) -> Says:
        self.asked.append(asked)
        if asked.path in self.says:
            return self.says[asked.path]
        return getattr(self, "_" + asked.path.rpartition(".")[2].rpartition("/")[2].replace(":", "_"))(asked)

    def _did_plc_authorauthorauthoraaaaaa(self, asked: Asked) -> Says:
        service = {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": self.url}
        return Says(value={"id": AUTHOR, "alsoKnownAs": ["at://author.example.org"], "service": [service]})

    def _did_plc_labelerlabelerlabelerlab(self, asked: Asked) -> Says:
        service = {"id": "#atproto_labeler", "type": "AtprotoLabeler", "serviceEndpoint": self.url}
        return Says(value={"id": LABELER, "verificationMethod": [self.issuer.method()], "service": [service]})

    def _resolveHandle(self, asked: Asked) -> Says:
        if asked.one("handle") != "author.example.org":
            return error("InvalidRequest", "Unable to resolve handle")
        return Says(value={"did": AUTHOR})

    def _getRepoStatus(self, asked: Asked) -> Says:
        return Says(value={"did": asked.one("did"), **self.account})

    def _getRecord(self, asked: Asked) -> Says:
        uri = f"at://{asked.one('repo')}/{asked.one('collection')}/{asked.one('rkey')}"
        if not self.account["active"]:
            return error("InvalidRequest", "Could not find repo")
        if self.record is None or uri != URI:
            return error("RecordNotFound", f"Could not locate record: {uri}")
        return Says(value={"uri": uri, "cid": self.cid, "value": self.record})

    def _getPosts(self, asked: Asked) -> Says:
        shown = {"uri": URI, "cid": self.cid, "record": self.record or {"text": TEXT}, "labels": []}
        return Says(value={"posts": [shown] if self.shown else []})

    def _queryLabels(self, asked: Asked) -> Says:
        return Says(value={"labels": [label for label in self.labels if label["uri"] in asked.params["uriPatterns"]]})

    def _getBlob(self, asked: Asked) -> Says:
        if asked.one("cid") in self.blobs:
            return Says(value=b"\x89PNG", headers={"Content-Type": "image/png"})
        return error("InvalidRequest", "Blob not found")


@pytest.fixture
def network() -> Iterator[Network]:
    made = Network()
    with serving(made.answer) as url:
        made.url = url
        yield made


def look(network: Network, url: str = URI, *, services: tuple[str, ...] = (LABELER,), **expected: str) -> Observation:
    seen = probe_with(plc_url=network.url, appview_url=network.url, labelers=services)
    allow = frozenset({network.url.removeprefix("http://")})
    with Outbound(allow, timeout=5, ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)) as outbound:
        return seen(url, outbound=outbound, at=NOW, **expected)  # type: ignore[arg-type]


def told(observation: Observation) -> tuple[str, str]:
    return observation.state, observation.matched


class TestUp:
    def test_with_the_text(self, network: Network) -> None:
        seen = look(network, expected_text=TEXT)
        assert told(seen) == ("up", "text")
        assert seen.views == {
            "record": "there",
            "account": "active",
            "appview": "there",
            "label": "none",
            "blob": "none",
            "text": "same",
        }
        assert (seen.http_status, seen.checked_at) == (200, NOW)
        assert seen.final_url.startswith(f"{network.url}/xrpc/com.atproto.repo.getRecord?")
        bodies = {hashlib.sha256(exchange.body).hexdigest() for exchange in seen.exchanges}
        assert seen.body_sha256 in bodies
        assert len(seen.exchanges) == len(network.asked) == 6

    def test_by_its_page(self, network: Network) -> None:
        assert told(look(network, PAGE, expected_text=TEXT)) == ("up", "text")

    @pytest.mark.parametrize("digest", [TEXT, f"  {TEXT}"])
    def test_by_digest(self, network: Network, digest: str) -> None:
        assert network.record is not None
        network.record["text"] = digest
        seen = look(network, expected_text_sha256=hashlib.sha256(TEXT.encode()).hexdigest().upper())
        assert told(seen) == ("up", "digest")

    def test_without_a_text_to_look_for(self, network: Network) -> None:
        assert told(look(network)) == ("up", "no-text-given")
        assert told(look(network, expected_text=" ")) == ("up", "no-text-given")

    def test_with_a_label_that_only_warns(self, network: Network) -> None:
        network.label("rude")
        seen = look(network, expected_text=TEXT)
        assert (told(seen), seen.views["label"]) == (("up", "text"), "other")
        assert "Its labels: rude." in seen.detail

    def test_with_a_label_that_was_taken_back(self, network: Network) -> None:
        network.label("!takedown")
        network.label("!takedown", minutes=-5, neg=True)
        seen = look(network)
        assert (seen.state, seen.views["label"]) == ("up", "none")

    def test_with_a_label_that_has_ended(self, network: Network) -> None:
        network.label("!hide", exp=(NOW - dt.timedelta(minutes=1)).isoformat())
        assert look(network).state == "up"

    def test_with_a_label_on_an_earlier_version(self, network: Network) -> None:
        network.label("!hide", cid="bafyreiolder")
        assert look(network).state == "up"

    def test_with_a_label_that_the_service_did_not_sign(self, network: Network) -> None:
        network.labels.append(Issuer(LABELER).label(URI, "!takedown", cts=NOW))
        network.labels.append({**network.issuer.label(URI, "!warn", cts=NOW), "val": "!takedown"})
        network.labels.append(Issuer("did:plc:somebody").label(URI, "!takedown", cts=NOW))
        network.labels.append({"uri": URI, "val": "!takedown"})
        seen = look(network)
        assert (seen.state, seen.views["label"]) == ("up", "none")

    def test_with_its_picture(self, network: Network) -> None:
        network.picture()
        seen = look(network)
        assert (seen.state, seen.views["blob"]) == ("up", "there")
        (asked,) = (asked for asked in network.asked if asked.path.endswith("getBlob"))
        assert asked.verb == "HEAD", "no media is fetched"

    def test_where_the_author_s_server_took_it_down_and_the_appview_still_shows_it(self, network: Network) -> None:
        network.record = None
        seen = look(network, expected_text=TEXT)
        assert told(seen) == ("up", "copy")
        assert (seen.views["record"], seen.views["appview"], seen.views["text"]) == ("gone", "there", "same")

    def test_where_only_the_appview_answers(self, network: Network) -> None:
        network.says |= dict.fromkeys(PDS_METHODS, Says(503, b""))
        assert told(look(network, expected_text=TEXT)) == ("up", "copy")

    def test_where_the_appview_does_not_answer(self, network: Network) -> None:
        network.says["app.bsky.feed.getPosts"] = Says(502, b"")
        seen = look(network, expected_text=TEXT)
        assert (told(seen), seen.views["appview"]) == (("up", "text"), "unknown")
        assert "AppView does not say" in seen.detail

    @pytest.mark.parametrize("said", [Says(500, b""), Says(value={"labels": None}), Says(breaks=True)])
    def test_where_the_moderation_service_does_not_answer(self, network: Network, said: Says) -> None:
        network.says["com.atproto.label.queryLabels"] = said
        seen = look(network)
        assert (seen.state, seen.views["label"]) == ("up", "unknown")
        assert "Not every moderation service" in seen.detail


class TestRestricted:
    @pytest.mark.parametrize("value", ["!takedown", "!hide"])
    @pytest.mark.parametrize("subject", [URI, AUTHOR])
    def test_by_a_label_while_the_record_stays(self, network: Network, value: str, subject: str) -> None:
        network.label(value, uri=subject)
        network.label("rude")
        seen = look(network, expected_text=TEXT)
        assert told(seen) == ("restricted", "label")
        assert (seen.views["record"], seen.views["label"], seen.http_status) == ("there", value, 200)

    def test_by_the_stronger_of_two_labels(self, network: Network) -> None:
        network.label("!hide")
        network.label("!takedown")
        assert look(network).views["label"] == "!takedown"

    def test_by_a_label_on_this_version_until_later(self, network: Network) -> None:
        network.label("!hide", cid=CID, exp=(NOW + dt.timedelta(minutes=1)).isoformat())
        assert told(look(network)) == ("restricted", "label")

    def test_by_a_label_while_the_author_s_server_is_out(self, network: Network) -> None:
        network.label("!takedown")
        network.shown = False
        network.says |= dict.fromkeys(PDS_METHODS, Says(503, b""))
        assert told(look(network)) == ("restricted", "label")

    def test_by_the_appview(self, network: Network) -> None:
        network.shown = False
        assert told(look(network, expected_text=TEXT)) == ("restricted", "appview")

    def test_by_the_loss_of_its_picture(self, network: Network) -> None:
        network.picture()
        network.blobs.clear()
        seen = look(network, expected_text=TEXT)
        assert (told(seen), seen.views["blob"]) == (("restricted", "blob"), "gone")

    @pytest.mark.parametrize("status", ["suspended", "deactivated"])
    def test_by_an_account_that_may_come_back(self, network: Network, status: str) -> None:
        network.account = {"active": False, "status": status}
        network.shown = False
        seen = look(network)
        assert (told(seen), seen.views["account"]) == (("restricted", "account"), status)


class TestRemoved:
    def test_record(self, network: Network) -> None:
        network.record, network.shown = None, False
        seen = look(network, expected_text=TEXT)
        assert (told(seen), seen.http_status) == (("removed", "record"), 400)
        assert seen.views["record"] == "gone"

    @pytest.mark.parametrize("status", ["takendown", "deleted"])
    def test_account(self, network: Network, status: str) -> None:
        network.account = {"active": False, "status": status}
        network.shown = False
        seen = look(network)
        assert (told(seen), seen.views["account"]) == (("removed", "account"), status)

    def test_account_that_its_server_no_longer_knows(self, network: Network) -> None:
        network.says["com.atproto.sync.getRepoStatus"] = error("RepoNotFound", "Could not find repo")
        network.says["com.atproto.repo.getRecord"] = error("InvalidRequest", "Could not find repo")
        network.shown = False
        seen = look(network)
        assert (told(seen), seen.views["account"]) == (("removed", "account"), "absent")

    def test_identity_that_was_ended(self, network: Network) -> None:
        network.says[f"/{AUTHOR}"] = Says(410, {"message": f"DID not available: {AUTHOR}"})
        network.shown = False
        assert told(look(network)) == ("removed", "account")

    def test_account_and_the_appview_still_shows_it(self, network: Network) -> None:
        network.account = {"active": False, "status": "takendown"}
        assert told(look(network)) == ("up", "copy")


class TestEdited:
    @pytest.mark.parametrize("text", ["Good morning.", "", "You will be"])
    def test_text(self, network: Network, text: str) -> None:
        assert network.record is not None
        network.record["text"] = text
        seen = look(network, expected_text=TEXT)
        assert (told(seen), seen.views["text"]) == (("edited", "other-text"), "other")

    def test_digest(self, network: Network) -> None:
        assert told(look(network, expected_text_sha256="0" * 64)) == ("edited", "other-text")

    def test_record_that_has_no_text_any_more(self, network: Network) -> None:
        network.record = {"$type": "app.bsky.feed.post", "text": ["x"]}
        assert told(look(network, expected_text=TEXT)) == ("edited", "other-text")


class TestUnreachable:
    """An outage is never a removal."""

    @pytest.mark.parametrize(
        ("said", "matched"),
        [
            (Says(breaks=True), "protocol"),
            (Says(500, b"oops"), "status"),
            (Says(429, {"error": "RateLimitExceeded"}), "status"),
            (Says(404, b"<html>not found</html>"), "status"),
            (Says(400, {"error": "InvalidRequest"}), "status"),
            (Says(200, b"<html>"), "status"),
            (Says(200, b"[" * 50_000), "status"),
            (Says(200, {"uri": URI.replace("3kaaaa", "3kbbbb"), "cid": CID, "value": {"text": TEXT}}), "status"),
            (Says(200, {"uri": URI, "cid": CID, "value": None}), "status"),
            (Says(302, b"", {"Location": "http://169.254.169.254/"}), "status"),
        ],
    )
    def test_author_s_server_says_nothing_of_use(self, network: Network, said: Says, matched: str) -> None:
        network.shown = False
        network.says["com.atproto.repo.getRecord"] = said
        seen = look(network, expected_text=TEXT)
        assert told(seen) == ("unreachable", matched)
        assert seen.views["record"] == "unknown"
        assert seen.detail.startswith("No conclusion")

    @pytest.mark.parametrize("said", [Says(502, b""), Says(breaks=True), Says(200, {"posts": None})])
    def test_record_is_gone_and_the_appview_says_nothing(self, network: Network, said: Says) -> None:
        network.record = None
        network.says["app.bsky.feed.getPosts"] = said
        assert look(network).state == "unreachable"

    def test_connection_that_drops_is_not_tried_at_another_door_of_the_same_server(self, network: Network) -> None:
        network.says |= dict.fromkeys(PDS_METHODS, Says(breaks=True))
        seen = look(network)
        assert seen.state == "unreachable"
        assert [asked.path for asked in network.asked if asked.path in PDS_METHODS] == [PDS_METHODS[0]]

    @pytest.mark.parametrize(
        "said",
        [
            Says(404, {"message": "DID not registered"}),
            Says(500, b""),
            Says(200, {"id": "did:plc:somebodyelse"}),
            Says(200, {"id": AUTHOR, "service": []}),
            Says(200, {"id": AUTHOR, "service": [{"id": "#atproto_pds", "serviceEndpoint": "file:///etc/passwd"}]}),
        ],
    )
    def test_identity_leads_to_no_server(self, network: Network, said: Says) -> None:
        network.shown = False
        network.says[f"/{AUTHOR}"] = said
        assert look(network).state == "unreachable"

    def test_identity_that_leads_into_the_own_network_is_not_followed(self, network: Network) -> None:
        network.shown = False
        service = {"id": "#atproto_pds", "serviceEndpoint": "http://127.0.0.1:9"}
        network.says[f"/{AUTHOR}"] = Says(200, {"id": AUTHOR, "service": [service]})
        assert told(look(network)) == ("unreachable", "not-allowed")

    def test_handle_that_leads_nowhere(self, network: Network) -> None:
        seen = look(network, PAGE.replace("author.", "nobody."))
        assert told(seen) == ("unreachable", "address")
        assert "at:// URI" in seen.detail

    @pytest.mark.parametrize("url", ["https://elsewhere.example/post/1", f"at://{AUTHOR}", "javascript:alert(1)", ""])
    def test_address_is_none_of_a_post(self, network: Network, url: str) -> None:
        assert told(look(network, url)) == ("unreachable", "address")
        assert network.asked == []

    @pytest.mark.parametrize(
        "did", ["did:key:zabc", "did:web:localhost", "did:web:a.example:path", "did:web:a.example%3A9"]
    )
    def test_identity_of_a_kind_that_is_not_followed(self, network: Network, did: str) -> None:
        network.shown = False
        seen = look(network, URI.replace(AUTHOR, did), services=())
        assert told(seen) == ("unreachable", "address")

    def test_file_that_says_nothing_is_not_gone(self, network: Network) -> None:
        network.picture()
        network.says["com.atproto.sync.getBlob"] = Says(503, b"")
        seen = look(network, expected_text=TEXT)
        assert (told(seen), seen.views["blob"]) == (("up", "text"), "unknown")


def test_record_that_is_no_post_is_not_asked_of_the_appview(network: Network) -> None:
    uri = URI.replace("app.bsky.feed.post", "app.bsky.actor.profile")
    seen = look(network, uri)
    assert (told(seen), seen.views["appview"]) == (("removed", "record"), "not-asked")


def test_evidence_is_bounded_and_holds_no_picture(network: Network) -> None:
    assert network.record is not None
    network.record["text"] = "x" * 500_000
    network.picture()
    seen = look(network)
    assert max(len(exchange.body) for exchange in seen.exchanges) == KEPT_BYTES
    assert not any(b"PNG" in exchange.body for exchange in seen.exchanges)
    assert all(exchange.status and exchange.headers for exchange in seen.exchanges)


def test_record_with_endless_files_costs_a_few_requests(network: Network) -> None:
    assert network.record is not None
    blob = {"$type": "blob", "mimeType": "image/png"}
    network.record["embed"] = [{**blob, "ref": {"$link": f"bafkrei{number}"}} for number in range(90)]
    deep: dict[str, Any] = network.record
    for _ in range(400):
        deep["more"] = {}
        deep = deep["more"]
    look(network)
    assert sum(asked.path.endswith("getBlob") for asked in network.asked) <= 16


def test_is_known_by_its_name() -> None:
    assert probes.get("atproto") is probe


def test_looks_at_the_public_network_unless_told_otherwise() -> None:
    with Outbound(resolver=lambda host, port: [], timeout=2) as outbound:
        seen = probe(PAGE, outbound=outbound, at=NOW)
    assert (told(seen), seen.exchanges) == (("unreachable", "dns"), ())
    assert "public.api.bsky.app" in seen.detail
