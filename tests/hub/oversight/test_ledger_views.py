"""The ledger's page and its signed roots: what an auditor reads and an outsider checks, and no name in either."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests.support.courses import BEGIN, Courses
from tests.support.hub import SmallHub

from seawall.hub import moment
from seawall.hub.directory.models import Person
from seawall.hub.ledger import services as ledger
from seawall.hub.ledger.models import Checkpoint, Entry
from seawall.hub.oversight import views

SignedIn = Callable[[str], Client]


def body(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", response.content.decode()).split())


# The ledger


@pytest.mark.parametrize("name", ["auditor", "regulator", "overseer"])
def test_the_ledger_names_nobody(played: Courses, hub: SmallHub, as_: SignedIn, name: str) -> None:
    Person.objects.update(name="Zebedee Quince")
    page = as_(name).get("/ledger/")
    text = page.content.decode().split('id="main-content"')[1]
    assert "Zebedee" not in text
    for person in hub.people.values():
        assert person.email not in text
        assert str(person.pk) not in text
    assert "A platform answered a referral" in text
    assert "Demonstration" in text  # what was played is marked


def test_the_ledger_is_for_its_readers_only(hub: SmallHub, client: Client, as_: SignedIn) -> None:
    assert client.get("/ledger/").status_code == 302
    for name in ("analyst", "administrator", "alpha_contact"):
        assert as_(name).get("/ledger/").status_code == 403


def test_the_ledger_by_kind_and_page_by_page(hub: SmallHub, as_: SignedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "ENTRIES_A_PAGE", 4)
    client = as_("auditor")
    chosen = Entry.objects.filter(verb="directory.person_added")
    seen: list[str] = []
    path = "/ledger/?verb=directory.person_added"
    while path:
        page = client.get(path).content.decode()
        seen += re.findall(r"<td[^>]*data-label=\"To\"><span[^>]*>(Person …\w+)</span></td>", page)
        older = re.search(r'href="(\?[^"]*)" rel="next"', page)
        path = "/ledger/" + older[1].replace("&amp;", "&") if older else ""
        assert page.count('data-label="To"') <= 4
    assert seen == [f"Person …{entry.subject_id[-8:]}" for entry in chosen.order_by("-id")]


@pytest.mark.parametrize(
    "query", ["verb=no.such", "before=x", "before=-1", "before=99999999999999999999999", "before=%00", "verb=%00"]
)
def test_the_ledger_with_a_wrong_address(hub: SmallHub, as_: SignedIn, query: str) -> None:
    page = as_("auditor").get(f"/ledger/?{query}")
    assert page.status_code == 200
    if "verb" in query:
        assert "There is a problem" in body(page)


def test_the_ledger_tells_what_is_linked_and_signed(hub: SmallHub, as_: SignedIn) -> None:
    client = as_("auditor")
    assert "No root is signed yet" in body(client.get("/ledger/"))
    assert "not linked yet" in body(client.get("/ledger/"))
    ledger.link_all_pending()
    root = ledger.sign_root()
    assert root is not None
    page = body(client.get("/ledger/"))
    assert bytes(root.root).hex() in page
    assert root.key_id in page
    assert "not linked yet" not in page
    assert "seawall check" in page


def test_the_ledger_counts_no_table(hub: SmallHub, as_: SignedIn) -> None:
    client = as_("auditor")
    with CaptureQueriesContext(connection) as seen:
        client.get("/ledger/")
    assert not [query["sql"] for query in seen if "COUNT(" in query["sql"].upper() and '"ledger_entry"' in query["sql"]]
    assert len(seen) < 15


# The signed roots


def test_an_outsider_can_check_a_root_with_nothing_else(hub: SmallHub, client: Client) -> None:
    sign(3)
    data = json.loads(client.get("/ledger/roots.json").content)
    assert data["schema"] == "seawall-roots/1"
    before = None
    for root in data["roots"]:
        public = base64.b64decode(root["public_key"])
        Ed25519PublicKey.from_public_bytes(public).verify(
            base64.b64decode(root["signature"]), root["statement"].encode()
        )
        said = json.loads(root["statement"])
        assert (said["size"], said["root"], said["key"]) == (root["size"], root["root"], root["key"])
        assert said["previous"] == before
        before = {"size": root["size"], "root": root["root"]}
    assert len(data["roots"]) == 3


def test_roots_come_page_by_page(hub: SmallHub, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    sign(5)
    monkeypatch.setattr(views, "ROOTS_A_PAGE", 2)
    path, sizes = "/ledger/roots.json", []
    while path:
        page = json.loads(client.get(path).content)
        sizes += [root["size"] for root in page["roots"]]
        path = page["next"]
    assert sizes == list(Checkpoint.objects.order_by("size").values_list("size", flat=True))
    assert len(sizes) == 5


@pytest.mark.parametrize("after", ["x", "-1", "1.5", "٣", "99999999999999999999999", ""])
def test_roots_after_something_that_is_no_size(hub: SmallHub, client: Client, after: str) -> None:
    response = client.get("/ledger/roots.json", {"after": after})
    assert response.status_code == 400
    assert "whole number" in json.loads(response.content)["error"]


def test_no_roots_yet(hub: SmallHub, client: Client) -> None:
    data = json.loads(client.get("/ledger/roots.json").content)
    assert (data["roots"], data["next"]) == ([], None)


def sign(roots: int) -> None:
    for _ in range(roots):
        with moment.demonstration_at(BEGIN), ledger.transaction.atomic():
            ledger.record(
                event=ledger.EVENTS["case.claimed"](), subject=("case", "x"), actor=ledger.Actor.machine("test")
            )
        ledger.link_all_pending()
        assert ledger.sign_root() is not None
