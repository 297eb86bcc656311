"""Signing in as a program at the door sees it: two factors, no way around either, and patience that ends."""

from __future__ import annotations

import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import generate_totp_secret
from allauth.mfa.utils import decrypt
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings
from tests.support.codes import code_from, code_of
from tests.support.hub import PASSWORD, SmallHub

from seawall.hub.directory.models import Person
from seawall.hub.directory.signing_in import SecondFactorAdapter

pytestmark = pytest.mark.django_db

LOGIN, CODE, HOME = reverse("account_login"), reverse("mfa_authenticate"), reverse("home")


@pytest.fixture(autouse=True)
def _forget() -> None:
    cache.clear()  # used codes and wrong tries are remembered there


def sign_in(client: Client, person: Person, password: str = PASSWORD) -> Any:
    return client.post(LOGIN, {"login": person.email, "password": password})


def inside(client: Client) -> bool:
    return client.get(HOME).status_code == 200


def test_password_and_code_lead_in_and_neither_does_alone(hub: SmallHub, client: Client) -> None:
    person = hub.people["analyst"]
    asked = sign_in(client, person)
    assert (asked.status_code, asked["Location"]) == (302, CODE)
    assert not inside(client)
    assert client.get(reverse("account_change_password")).status_code == 302, "half signed in is not signed in"
    assert client.post(CODE, {"code": "000000" if code_of(person) != "000000" else "111111"}).status_code == 200
    assert not inside(client)
    answer = client.post(CODE, {"code": code_of(person)})
    assert (answer.status_code, answer["Location"]) == (302, HOME)
    assert inside(client)
    client.post(reverse("account_logout"))
    assert not inside(client)


def test_a_code_without_a_password_leads_nowhere(hub: SmallHub, client: Client) -> None:
    client.post(CODE, {"code": code_of(hub.people["analyst"])})
    assert not inside(client)


def test_a_code_is_taken_once(hub: SmallHub) -> None:
    person = hub.people["analyst"]
    code = code_of(person)
    first, second = Client(), Client()
    sign_in(first, person)
    sign_in(second, person)
    first.post(CODE, {"code": code})
    assert inside(first)
    refused = second.post(CODE, {"code": code})
    assert "was used before" in refused.content.decode()
    assert not inside(second)


def test_anothers_code_does_not_do(hub: SmallHub, client: Client) -> None:
    sign_in(client, hub.people["analyst"])
    client.post(CODE, {"code": code_of(hub.people["reviewer"])})
    assert not inside(client)


def test_the_secret_of_the_second_factor_lies_encrypted_under_the_hubs_key(hub: SmallHub, settings: Settings) -> None:
    stored = Authenticator.objects.get(user=hub.people["analyst"]).data["secret"]
    secret = decrypt(stored)
    assert len(secret) == 32
    assert secret not in stored
    assert len({str(kept.data) for kept in Authenticator.objects.all()}) == len(hub.people)
    adapter, plain = SecondFactorAdapter(), generate_totp_secret()
    assert adapter.encrypt(plain) != adapter.encrypt(plain)
    assert adapter.decrypt(adapter.encrypt(plain)) == plain
    kept = adapter.encrypt(plain)
    settings.SECRET_KEY = "another hub's"
    assert adapter.decrypt(kept) != plain


def test_with_another_secret_key_no_code_is_right_and_nothing_breaks(
    hub: SmallHub, client: Client, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """A hub whose key was lost: the empty secret, whose codes anybody could work out, must not do either."""
    person = hub.people["analyst"]
    code = code_of(person)
    settings.SECRET_KEY = "another hub's"
    sign_in(client, person)
    for tried in (code, code_from("")):
        assert client.post(CODE, {"code": tried}).status_code == 200
    assert not inside(client)
    assert SecondFactorAdapter().decrypt("x") != SecondFactorAdapter().decrypt("x")
    assert "the secret key of this hub has changed" in caplog.text


@pytest.mark.parametrize("field", ["email", "login"])
def test_nobody_makes_an_account_for_themselves(hub: SmallHub, client: Client, field: str) -> None:
    before = Person.objects.count()
    where = reverse("account_signup")
    assert client.get(where).status_code == 200
    client.post(where, {field: "new@hub.example", "email": "new@hub.example", "password1": "a long enough passphrase"})
    assert Person.objects.count() == before


def test_a_wrong_password_and_an_unknown_address_are_answered_alike(hub: SmallHub) -> None:
    person = hub.people["analyst"]
    wrong = sign_in(Client(), person, "not the password").content.decode()
    unknown = Client().post(LOGIN, {"login": "nobody@hub.example", "password": "not the password"}).content.decode()
    assert "The email address or the password is not right" in wrong

    def without_names(page: str, *names: str) -> str:
        for name in names:
            page = page.replace(name, "")
        return re.sub(r'(nonce|value)="[^"]*"', "", page)

    assert without_names(wrong, person.email) == without_names(unknown, "nobody@hub.example")


class TestPatience:
    """With the rate limits that the program runs with; the other tests have none."""

    @pytest.fixture(autouse=True)
    def limits(self, settings: Settings) -> None:
        del settings.ACCOUNT_RATE_LIMITS

    def test_after_five_wrong_passwords_the_right_one_does_not_lead_in_either(self, hub: SmallHub) -> None:
        person = hub.people["analyst"]
        for _ in range(5):
            assert sign_in(Client(), person, "not the password").status_code == 200
        refused = sign_in(Client(), person)
        assert refused.status_code != 302
        assert "too many wrong tries" in refused.content.decode()
        assert sign_in(Client(), hub.people["reviewer"]).status_code == 302, "others are not shut out"

    def test_codes_cannot_be_guessed_at_without_end(self, hub: SmallHub) -> None:
        person = hub.people["analyst"]
        client = Client()
        sign_in(client, person)
        right = code_of(person)
        for number in range(6):
            assert client.post(CODE, {"code": f"{(int(right) + 1 + number) % 1_000_000:06}"}).status_code == 200
        stopped = client.post(CODE, {"code": code_of(person)})
        assert "too many wrong tries" in stopped.content.decode()
        assert not inside(client)
