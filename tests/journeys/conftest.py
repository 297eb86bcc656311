"""A hub that runs: a small hub's data behind a server on loopback, and people who sign in to it in a browser."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import pytest
from allauth.account.internal.flows.login import (
    _AUTHENTICATION_METHODS_USER_SESSION_KEY,
    AUTHENTICATION_METHODS_SESSION_KEY,
)
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer
from tests.hub.referrals.conftest import ToldPlatform
from tests.support.codes import code_of
from tests.support.hub import PASSWORD, SmallHub, small_hub
from tests.support.walking import Worker

from seawall.hub.directory.models import Person
from seawall.hub.referrals import answers, services, user_notices, withdrawals


@dataclass
class LiveHub:
    """A running hub: `url` is its address, `data` what it holds, people are named as in tests/support/hub.py."""

    url: str
    data: SmallHub
    _last_codes: dict[str, str] = field(default_factory=dict)

    def person(self, name: str) -> Person:
        """Somebody of the small hub, as the database knows them now."""
        return Person.objects.get(pk=self.data.people[name].pk)

    def open(self, page: Page, path: str = "/") -> None:
        """Go to a path of the hub."""
        page.goto(self.url + path)

    def sign_in(self, page: Page, name: str, path: str = "/home/") -> None:
        """Sign somebody in without the form, by a session's cookie, and go to `path`. Whoever was signed in here is gone."""
        person = self.person(name)
        session = SessionStore()
        session[SESSION_KEY] = str(person.pk)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = person.get_session_auth_hash()
        session[_AUTHENTICATION_METHODS_USER_SESSION_KEY] = str(person.pk)
        session[AUTHENTICATION_METHODS_SESSION_KEY] = [
            {"method": "password", "at": time.time(), "email": person.email},
            {"method": "mfa", "at": time.time(), "type": "totp"},
        ]
        session.create()
        page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
        page.context.add_cookies(
            [
                {
                    "name": settings.SESSION_COOKIE_NAME,
                    "value": str(session.session_key),
                    "url": self.url,
                    "httpOnly": True,
                }
            ]
        )
        self.open(page, path)

    def sign_in_by_form(self, page: Page, name: str, *, path: str = "/home/") -> None:
        """Sign somebody in as a person does: to `path`, sent to sign in, a password, a code, and there."""
        self.open(page, path)
        page.get_by_label("Email address").fill(self.person(name).email)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_label("Code from your authenticator app").fill(self.code(name))
        page.get_by_role("button", name="Sign in").click()
        expect(page).to_have_url(self.url + path)

    def code(self, name: str) -> str:
        """The six digits that the person's app shows. Given once each, since the hub takes none twice: waits for the next one if need be."""
        self._last_codes[name] = code_of(self.person(name), but_not=self._last_codes.get(name, ""))
        return self._last_codes[name]


@pytest.fixture
def hub(transactional_db: None) -> SmallHub:
    """The small hub's data, committed, so that a server's threads see it too."""
    cache.clear()
    return small_hub()


@pytest.fixture
def live_hub(live_server: LiveServer, hub: SmallHub) -> LiveHub:
    """The small hub, running on loopback."""
    return LiveHub(url=live_server.url, data=hub)


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> ToldPlatform:
    """The platforms' end of the channel: receipts and does what a test tells it to."""
    made = ToldPlatform()
    for module in (services, answers, user_notices, withdrawals):
        monkeypatch.setattr(module, "channel_of", lambda _referral: made)
    return made


@pytest.fixture
def worker() -> Worker:
    """Whoever does the background's work."""
    return Worker()
