"""An administrator's day: somebody joins, gets a role, loses a phone, and leaves. And a newcomer who tries the demonstration."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from pytest_django import Settings
from tests.browser.helpers import assert_accessible, assert_fits, screenshot
from tests.journeys.conftest import LiveHub
from tests.support.codes import code_of

from seawall.hub.demonstration import cast
from seawall.hub.directory.models import Person
from seawall.hub.directory.roles import Role

pytestmark = pytest.mark.browser


def looked_at(page: Page, name: str) -> None:
    assert_accessible(page)
    assert_fits(page)
    screenshot(page, f"directory-{name}")


@pytest.mark.parametrize("kind", ["page", "phone"])
def test_somebody_joins_gets_a_role_and_leaves(live_hub: LiveHub, request: pytest.FixtureRequest, kind: str) -> None:
    page: Page = request.getfixturevalue(kind)
    live_hub.sign_in(page, "administrator", "/directory/")
    looked_at(page, f"{kind}-list")
    page.get_by_role("button", name="Add a person").click()
    page.get_by_role("button", name="Add and send the link").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter full name")
    looked_at(page, f"{kind}-add-wrong")
    page.get_by_label("Full name").fill("Newly Come")
    page.get_by_label("Email address").fill("newly@hub.example")
    page.get_by_role("button", name="Add and send the link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Newly Come")
    looked_at(page, f"{kind}-person-new")

    page.get_by_role("button", name="Give a role").click()
    page.get_by_label("Welfare lead").check()
    page.get_by_label("Where?").select_option(label="General desk – analyst, second reviewer")
    page.get_by_role("button", name="Give the role").click()
    expect(page.get_by_role("alert")).to_contain_text("Welfare lead cannot be given at General desk")
    looked_at(page, f"{kind}-role-wrong")
    page.get_by_label("Where?").select_option(label="Welfare desk – analyst, second reviewer, welfare lead")
    page.get_by_role("button", name="Give the role").click()
    expect(page.get_by_role("main")).to_contain_text("Newly Come now holds the role Welfare lead at Welfare desk.")
    looked_at(page, f"{kind}-person")

    page.get_by_role("link", name="Withdraw Welfare lead, Welfare desk").click()
    looked_at(page, f"{kind}-withdraw")
    page.get_by_role("button", name="Withdraw the role").click()
    page.get_by_role("link", name="Close this account").click()
    page.get_by_role("button", name="Close the account").click()
    expect(page.get_by_role("main")).to_contain_text("Account closed")
    looked_at(page, f"{kind}-person-closed")
    assert not Person.objects.get(email="newly@hub.example").is_active


def test_an_administrator_cannot_lock_themselves_out(live_hub: LiveHub, page: Page) -> None:
    live_hub.sign_in(page, "administrator", f"/directory/people/{live_hub.person('administrator').pk}/")
    looked_at(page, "yourself")
    page.get_by_role("link", name="Withdraw Administrator, Hub").click()
    page.get_by_role("button", name="Withdraw the role").click()
    expect(page.get_by_role("alert")).to_contain_text("This is the hub’s last administrator")
    looked_at(page, "locked-out")
    assert Role.ADMINISTRATOR in live_hub.person("administrator").roles()


@pytest.mark.parametrize("kind", ["page", "phone", "page_without_scripts"])
def test_a_newcomer_signs_in_to_the_demonstration_as_anybody(
    live_hub: LiveHub, request: pytest.FixtureRequest, settings: Settings, kind: str
) -> None:
    page: Page = request.getfixturevalue(kind)
    settings.DEMONSTRATION = True
    # The small hub's people take the addresses of the cast: first out of each other's way, then there.
    everybody = list(live_hub.data.people.values())
    for place, person in enumerate(everybody):
        Person.objects.filter(pk=person.pk).update(email=f"was-{place}@hub.example")
    for person, part in zip(everybody, cast.CAST, strict=True):
        person.email = part.email
        person.set_password(cast.PASSWORD)
        person.save(update_fields=["email", "password"])
    for name in ("analyst", "auditor"):
        live_hub.open(page, "/demonstration/")
        if kind != "page_without_scripts":
            looked_at(page, f"demonstration-{kind}")
        page.get_by_role("button", name=f"Sign in as {name}", exact=True).click()
        expect(page.get_by_label("Email address")).to_have_value(live_hub.person(name).email)
        page.get_by_label("Password", exact=True).fill(page.locator(".govuk-inset-text .sw-secret").inner_text())
        screenshot(page, f"directory-demonstration-{kind}-password")
        page.get_by_role("button", name="Sign in").click()
        expected = code_of(live_hub.person(name))
        expect(page.locator(".govuk-inset-text")).to_contain_text(expected)
        if kind != "page_without_scripts":
            looked_at(page, f"demonstration-{kind}-code")
        page.get_by_label("Code from your authenticator app").fill(expected)
        page.get_by_role("button", name="Sign in").click()
        expect(page).to_have_url(f"{live_hub.url}/home/")
