"""The demonstration's page of sign-ins: right, and for nobody but whoever sits at the machine."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings
from tests.support.codes import code_of
from tests.support.hub import ACTOR, SmallHub

from seawall.hub.demonstration import cast, sign_ins
from seawall.hub.demonstration.cast import CAST, PASSWORD
from seawall.hub.directory.models import Person
from seawall.hub.practice.loading import load_code, shipped_codes
from seawall.hub.practice.services import adopt


@pytest.fixture
def played(db: None, settings: Settings) -> None:
    """The cast, on a hub that is a demonstration."""
    settings.DEMONSTRATION = True
    for folder in shipped_codes().values():
        adopt(code=load_code(folder), actor=ACTOR)
    cast.assemble(addresses={})
    cache.clear()


def test_everybody_can_sign_in_with_what_the_page_shows(played: None, client: Client) -> None:
    text = client.get("/demonstration/").text
    shown = sign_ins.sign_ins()
    assert [one.person.email for one in shown] == [part.email for part in CAST]
    for one in shown:
        assert one.person.email in text
        theirs = Client()
        begun = theirs.post("/demonstration/", {"email": one.person.email}, follow=True)
        assert f'value="{one.person.email}"' in begun.text
        assert PASSWORD in begun.text
        asked = theirs.post("/sign-in/", {"login": one.person.email, "password": PASSWORD}, follow=True)
        (fresh,) = [again for again in sign_ins.sign_ins() if again.person == one.person]
        assert fresh.codes[0].digits in asked.text or fresh.codes[1].digits in asked.text
        code = code_of(one.person)
        assert code == cast.code_now(one.person)
        assert theirs.post("/sign-in/code/", {"code": code})["Location"] == "/home/"
        assert theirs.get("/account/second-factor/").status_code == 200


def test_a_code_that_was_used_is_said_to_be(played: None, client: Client) -> None:
    person = Person.objects.get(email="analyst@hub.example")
    client.post("/sign-in/", {"login": person.email, "password": PASSWORD})
    before = sign_ins.sign_ins(at=1_800_000_000)[0].codes
    assert [code.used for code in before] == [False, False]
    code = code_of(person)
    assert client.post("/sign-in/code/", {"code": code}).status_code == 302
    again = Client()
    again.post("/sign-in/", {"login": person.email, "password": PASSWORD})
    answer = again.post("/sign-in/code/", {"code": code})
    assert "was used before. Wait for the next one" in answer.text
    here = Client().get("/demonstration/").text
    # Only once the half minute is over does the page stop saying so.
    assert "used; wait for the next" in here or code[:3] not in here


def test_codes_are_those_of_their_half_minute(played: None) -> None:
    now, following = sign_ins.sign_ins(at=1_800_000_015.5)[0].codes
    later, _ = sign_ins.sign_ins(at=1_800_000_030)[0].codes
    assert (following.digits, following.begins) == (later.digits, now.ends)
    assert now.begins.timestamp() == 1_800_000_000
    assert now.digits != following.digits
    assert len(now.digits) == 6


def test_choosing_somebody_signs_out_whoever_was_here(played: None, client: Client) -> None:
    client.force_login(Person.objects.get(email="admin@hub.example"))
    answer = client.post("/demonstration/", {"email": "welfare@line.example"}, follow=True)
    assert 'value="welfare@line.example"' in answer.text
    assert "_auth_user_id" not in client.session
    assert client.post("/demonstration/", {"email": "nobody@hub.example"}).status_code == 404


def test_another_hub_has_no_such_page(hub: SmallHub, client: Client) -> None:
    assert client.get("/demonstration/").status_code == 404
    assert client.post("/demonstration/", {"email": "analyst@hub.example"}).status_code == 404
    assert PASSWORD not in client.get("/sign-in/?email=analyst@hub.example").text


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ({}, "203.0.113.5"),
        ({}, "2001:db8::1"),
        ({}, ""),
        ({"X-Forwarded-For": "203.0.113.5"}, "127.0.0.1"),
        ({"Forwarded": "for=203.0.113.5"}, "127.0.0.1"),
    ],
)
def test_nobody_elsewhere_sees_the_sign_ins(
    played: None, client: Client, headers: dict[str, str], address: str
) -> None:
    answer = client.get("/demonstration/", headers=headers, REMOTE_ADDR=address)
    assert answer.status_code == 403
    assert PASSWORD not in answer.text
    if address:
        page = client.get("/sign-in/?email=analyst@hub.example", headers=headers, REMOTE_ADDR=address)
        assert PASSWORD not in page.text


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.9", "::1"])
def test_the_machine_itself_sees_them(played: None, client: Client, address: str) -> None:
    assert PASSWORD in client.get("/demonstration/", REMOTE_ADDR=address).text
