"""The hub as a TAXII 2.1 server, for clients that nobody here wrote: taxii2-client reads, stix2 and stix2-validator judge."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import requests
import stix2
import stix2validator
import taxii2client.v21 as taxii
from pytest_django.live_server_helper import LiveServer
from stix2patterns.v21.pattern import Pattern
from tests.hub.exchange.conftest import HARM, Exchange
from tests.support.hub import ACTOR, SmallHub, small_hub
from urllib3.connection import HTTPConnection

from seawall.hub.directory import services as directory
from seawall.hub.exchange import communities, signals
from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.models import Part, Reason, Recipient, Signal, Tlp
from seawall.hub.exchange.taxii.stix import EXTENSION, MARKINGS, indicator_id

pytestmark = pytest.mark.django_db(transaction=True)

VALUES = {
    SignalKind.PDQ: "f0" * 32,
    SignalKind.VPDQ: f"{'f0' * 32},100,1.000\n{'0f' * 32},100,2.000",
    SignalKind.MD5: "ab" * 16,
    SignalKind.VIDEO_MD5: "cd" * 16,
    SignalKind.SHA256: "ef" * 32,
    SignalKind.URL: "https://a.example/it's?x=1",
    SignalKind.TEXT: "Some words, 'quoted' and \\slashed",
    SignalKind.TERM: "a (coded) term",
}


@pytest.fixture(autouse=True)
def _hung_up() -> Iterator[None]:
    """Close what the clients leave open, on which a thread of the server would wait, with its connection to the database."""
    yield
    for each in gc.get_objects():
        if issubclass(type(each), HTTPConnection):  # a proxy would say that it is what it stands for
            each.close()
    deadline = time.monotonic() + 10
    while any("process_request" in thread.name for thread in threading.enumerate()):
        assert time.monotonic() < deadline, "The server still waits for a client."
        time.sleep(0.02)


@pytest.fixture
def served(transactional_db: None, live_server: LiveServer) -> Exchange:
    """A community in a hub that listens, which shares everything but accounts; alpha reads."""
    hub: SmallHub = small_hub()
    community = communities.found(
        person=hub.people["administrator"],
        operator=hub.organisations["hub"],
        slug="pool",
        name="The pool",
        purpose="So that it does not come back.",
        harms=[HARM],
        kinds=list(VALUES),
        tlp_ceiling=Tlp.AMBER,
        retention=timedelta(days=365),
        agreement="We act on withdrawals.",
    )
    made = Exchange(hub=hub, community=community)
    made.join("hub", Part.WRITER, "administrator")
    made.join("alpha", Part.READER, "alpha_contact")
    return made


@pytest.fixture
def secret(served: Exchange) -> str:
    return directory.give_api_key(organisation=served.hub.organisations["alpha"], name="tests", actor=ACTOR)[1]


@pytest.fixture
def collection(served: Exchange, secret: str, live_server: LiveServer) -> Iterator[taxii.Collection]:
    """As a client finds it: from discovery on, with a name and a password."""
    with taxii.Server(f"{live_server.url}/taxii2/", user="alpha", password=secret) as server:
        (root,) = server.api_roots
        assert root.versions == ["application/taxii+json;version=2.1"]
        (found,) = root.collections
        assert (found.title, found.can_read, found.can_write) == ("The pool", True, False)
        yield found


def test_three_pages_are_read_whole_and_in_order(served: Exchange, collection: taxii.Collection) -> None:
    shared = served.share(60)
    pages = list(taxii.as_pages(collection.get_objects, per_request=25))
    found = [made for page in pages for made in page["objects"]]
    assert [len(page["objects"]) for page in pages] == [25, 25, 16]  # six of them are no signals
    assert [made["id"] for made in found if made["type"] == "indicator"] == [indicator_id(each.pk) for each in shared]
    listed = [each for page in taxii.as_pages(collection.get_manifest, per_request=30) for each in page["objects"]]
    assert [(each["id"], each["version"]) for each in listed] == [
        (made["id"], made.get("modified", made["created"])) for made in found
    ]


def test_every_object_is_stix_for_a_strict_parser_and_the_validator(
    served: Exchange, collection: taxii.Collection
) -> None:
    for kind, value in VALUES.items():
        served.share(kind=kind, value=value, tlp=Tlp.GREEN)
    wrong = served.share(2)
    found = collection.get_objects()["objects"]
    assert len(found) == 6 + len(VALUES) + 2
    signals.withdraw(signals=wrong[:1], reason=Reason.MISTAKE, actor=ACTOR)
    (gone,) = collection.get_object(indicator_id(wrong[0].pk))["objects"]
    assert gone["revoked"]
    found.append(gone)
    for made in found:
        parsed = stix2.parse(made, allow_custom=False, version="2.1")
        assert parsed["id"] == made["id"]
        judged = stix2validator.validate_instance(made, stix2validator.ValidationOptions(version="2.1"))
        assert judged.is_valid, (made, judged.errors)
    written = {made["extensions"][EXTENSION]["kind"]: made for made in reversed(found) if made["type"] == "indicator"}
    assert written["pdq"]["pattern"] == f"[file:hashes.'PDQ' = '{VALUES[SignalKind.PDQ]}']"
    assert set(written) == set(VALUES)
    for kind, value in VALUES.items():
        made = written[kind]
        assert made["extensions"][EXTENSION]["value"] == value
        if made["pattern_type"] == "stix":
            Pattern(made["pattern"])
    assert written["pdq"]["object_marking_refs"] == [MARKINGS[Tlp.GREEN]]
    assert {MARKINGS[Tlp.GREEN], EXTENSION} <= {made["id"] for made in found}


def test_a_withdrawal_reaches_a_client_that_polls_and_its_next_poll_confirms_it(
    served: Exchange, collection: taxii.Collection
) -> None:
    wrong, right = served.share(2)
    listed = collection.get_manifest()["objects"]
    last = listed[-1]["date_added"]
    collection.get_objects()
    assert collection.get_objects(added_after=last) == {}
    signals.withdraw(signals=[wrong], reason=Reason.APPEAL, actor=ACTOR)
    (told,) = collection.get_objects(added_after=last)["objects"]
    assert (told["id"], told["revoked"]) == (indicator_id(wrong.pk), True)
    assert stix2.parse(told).revoked
    assert told["modified"] > next(each["version"] for each in listed if each["id"] == told["id"])
    assert collection.object_versions(told["id"])["versions"] == [told["modified"]]
    place = Recipient.objects.get(member=served.members["alpha"])
    wrong.refresh_from_db()
    assert place.may_hold(wrong)
    collection.get_objects(added_after=collection.get_manifest(added_after=last)["objects"][0]["date_added"])
    place.refresh_from_db()
    assert not place.may_hold(wrong)
    assert Signal.objects.get(pk=right.pk).state == "active"


def test_filters_of_the_client(served: Exchange, collection: taxii.Collection) -> None:
    first, second, _third = served.share(3)
    asked = ",".join([indicator_id(first.pk), indicator_id(second.pk)])
    assert [each["id"] for each in collection.get_objects(id=asked)["objects"]] == asked.split(",")
    assert {each["type"] for each in collection.get_objects(type="indicator")["objects"]} == {"indicator"}
    assert collection.get_objects(type="malware") == {}
    assert len(collection.get_objects(spec_version="2.1")["objects"]) == 9
    assert collection.get_objects(spec_version="2.0") == {}
    assert len(collection.get_objects(version="first,last", type="indicator")["objects"]) == 3


def test_the_errors_of_the_specification(
    served: Exchange, collection: taxii.Collection, secret: str, live_server: LiveServer
) -> None:
    at = f"{live_server.url}/taxii2/"
    refused(400, lambda: collection.get_objects(limit=-1))
    refused(400, lambda: collection.get_objects(next="made-up"))
    refused(404, lambda: collection.get_object("indicator--00000000-0000-4000-8000-000000000000"))
    with taxii.Server(at, user="alpha", password="wrong") as stranger:
        refused(401, stranger.refresh)
    with taxii.Collection(f"{at}exchange/collections/none/", user="alpha", password=secret) as nothing:
        refused(404, nothing.refresh)


def refused(status: int, ask: Callable[[], object]) -> None:
    """The client is told so, with the specification's error resource."""
    with pytest.raises(requests.HTTPError) as caught:
        ask()
    with caught.value.response as response:
        assert response.status_code == status
        assert response.headers["Content-Type"] == "application/taxii+json;version=2.1"
        assert response.json()["http_status"] == str(status)
