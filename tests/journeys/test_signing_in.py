"""Signing in as people do: a password, a code, a first app, recovery codes, a forgotten password, too many tries, a way out."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from playwright.sync_api import Page, expect
from pytest_django import Settings
from tests.browser.helpers import assert_accessible, assert_fits, screenshot
from tests.journeys.conftest import LiveHub
from tests.support.codes import code_from
from tests.support.hub import PASSWORD

pytestmark = pytest.mark.browser

NEW_PASSWORD = "pebbles under cold water"


def looked_at(page: Page, name: str) -> None:
    """What every page of signing in must be: accessible and inside its window. Pictures on request."""
    assert_accessible(page)
    assert_fits(page)
    screenshot(page, f"sign-in-{name}")


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def password_typed(live_hub: LiveHub, page: Page, name: str, password: str = PASSWORD) -> None:
    page.get_by_label("Email address").fill(live_hub.person(name).email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()


def without_app(live_hub: LiveHub, name: str) -> None:
    Authenticator.objects.filter(user=live_hub.person(name)).delete()


def test_a_person_signs_in_with_password_and_code_and_arrives_where_they_were_going(
    live_hub: LiveHub, page: Page
) -> None:
    live_hub.open(page, "/directory/")
    heading(page, "Sign in")
    looked_at(page, "password")
    password_typed(live_hub, page, "administrator")
    heading(page, "Enter your code")
    looked_at(page, "code")
    page.get_by_label("Code from your authenticator app").fill(live_hub.code("administrator"))
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{live_hub.url}/directory/")
    heading(page, "Directory")

    page.get_by_role("link", name="Sign out").click()
    heading(page, "Do you want to sign out?")
    looked_at(page, "out")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    live_hub.open(page, "/directory/")
    heading(page, "Sign in")


def test_a_wrong_answer_tells_nobody_who_has_an_account(live_hub: LiveHub, page: Page) -> None:
    live_hub.open(page, "/sign-in/")
    password_typed(live_hub, page, "analyst", "not the passphrase")
    summary = page.get_by_role("alert")
    expect(summary).to_contain_text("The email address or the password is not right.")
    expect(page).to_have_title(re.compile("^Error: "))
    looked_at(page, "password-wrong")
    known = summary.inner_text()
    page.get_by_label("Email address").fill("nobody@hub.example")
    page.get_by_label("Password", exact=True).fill("not the passphrase")
    page.get_by_role("button", name="Sign in").click()
    assert page.get_by_role("alert").inner_text() == known, "the page must not tell who has an account"

    password_typed(live_hub, page, "analyst")
    page.get_by_label("Code from your authenticator app").fill("000000")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("That code is wrong, too old, or was used before.")
    looked_at(page, "code-wrong")
    page.get_by_role("button", name="Stop and go back to the start of signing in").click()
    heading(page, "Sign in")
    live_hub.open(page, "/home/")
    heading(page, "Sign in")


def test_too_many_tries_are_stopped_for_a_while(live_hub: LiveHub, page: Page, settings: Settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login": "4/m/ip", "login_failed": "20/m/ip,2/5m/key"}
    live_hub.open(page, "/sign-in/")
    for _try in range(2):
        password_typed(live_hub, page, "analyst", "not the passphrase")
    password_typed(live_hub, page, "analyst")
    expect(page.get_by_role("alert")).to_contain_text("There were too many wrong tries. Wait five minutes")
    password_typed(live_hub, page, "analyst")
    with page.expect_response(lambda answer: answer.request.method == "POST") as stopped:
        password_typed(live_hub, page, "analyst")
    assert stopped.value.status == 429
    heading(page, "Too many tries")
    looked_at(page, "too-many")


def test_somebody_new_sets_up_an_app_and_goes_on_to_what_they_wanted(
    live_hub: LiveHub, page: Page, tmp_path: Path
) -> None:
    without_app(live_hub, "administrator")
    live_hub.open(page, "/directory/?page=1")
    password_typed(live_hub, page, "administrator")
    heading(page, "Set up your authenticator app")
    looked_at(page, "set-up")
    picture = page.get_by_role("img", name=re.compile("^QR code"))
    assert picture.evaluate("img => img.complete && img.naturalWidth") > 0, "the policy let the picture through"
    secret = page.get_by_text("Key:").locator(".sw-secret").inner_text()

    page.get_by_label("Code from the app").fill("000000")
    page.get_by_role("button", name="Turn it on").click()
    expect(page.get_by_role("alert")).to_contain_text("That code is wrong")
    looked_at(page, "set-up-wrong")
    assert page.get_by_text("Key:").locator(".sw-secret").inner_text() == secret, "a wrong code must not change the key"
    page.get_by_label("Code from the app").fill(code_from(secret))
    page.get_by_role("button", name="Turn it on").click()

    heading(page, "Your recovery codes")
    looked_at(page, "recovery-codes")
    shown = page.locator(".sw-codes li").all_inner_texts()
    assert len(set(shown)) == 10
    for attempt in (1, 2):
        with page.expect_download() as waited:
            page.get_by_role("button", name="Download").click()
        saved = tmp_path / f"codes-{attempt}.txt"
        waited.value.save_as(saved)
        assert saved.read_text().split() == shown
    page.get_by_role("link", name="I have kept them: go on to what I wanted").click()
    expect(page).to_have_url(f"{live_hub.url}/directory/?page=1")
    heading(page, "Directory")


def test_a_recovery_code_stands_in_for_the_phone_once(live_hub: LiveHub, page: Page) -> None:
    live_hub.sign_in_by_form(page, "auditor", path="/account/second-factor/")
    looked_at(page, "account")
    page.get_by_role("link", name="Make new ones").click()
    heading(page, "Make recovery codes")
    looked_at(page, "recovery-codes-make")
    page.get_by_role("button", name="Make new codes").click()
    heading(page, "Your recovery codes")
    code = page.locator(".sw-codes li").first.inner_text()

    for right in (True, False):
        page.context.clear_cookies()
        live_hub.open(page, "/account/second-factor/")
        password_typed(live_hub, page, "auditor")
        page.get_by_label("Code from your authenticator app").fill(code)
        page.get_by_role("button", name="Sign in").click()
        if right:
            expect(page.get_by_role("main")).to_contain_text("9 left")
        else:
            expect(page.get_by_role("alert")).to_contain_text("That code is wrong, too old, or was used before.")


def test_a_forgotten_password_is_chosen_anew_by_mail(live_hub: LiveHub, page: Page) -> None:
    live_hub.open(page, "/sign-in/")
    page.get_by_role("link", name="I have forgotten my password").click()
    heading(page, "Forgotten your password?")
    looked_at(page, "forgotten")
    for email in ("nobody@hub.example", live_hub.person("overseer").email):
        live_hub.open(page, "/account/password/reset/")
        page.get_by_label("Email address").fill(email)
        page.get_by_role("button", name="Send me the link").click()
        heading(page, "Look into your email")
    looked_at(page, "forgotten-sent")
    (message,) = mail.outbox
    assert message.to == [live_hub.person("overseer").email], "nobody else gets a mail"
    link = re.search(r"http://\S+", str(message.body))
    assert link is not None

    page.goto(link[0])
    heading(page, "Choose a new password")
    assert link[0].rsplit("-", 1)[1] not in page.url, "the key does not stay in the address"
    looked_at(page, "choose")
    for first, second, sentence in (
        ("short", "short", "12 characters"),
        ("password1234", "password1234", "too common"),
        (NEW_PASSWORD, "something else here", "same password each time"),
    ):
        page.get_by_label("New password", exact=True).fill(first)
        page.get_by_label("New password again").fill(second)
        page.get_by_role("button", name="Change password").click()
        expect(page.get_by_role("alert")).to_contain_text(sentence)
    looked_at(page, "choose-wrong")
    page.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    page.get_by_label("New password again").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Change password").click()
    heading(page, "Your password is changed")
    looked_at(page, "chosen")
    page.goto(link[0])
    heading(page, "This link no longer works")
    live_hub.open(page, "/sign-in/")
    password_typed(live_hub, page, "overseer")
    expect(page.get_by_role("alert")).to_contain_text("The email address or the password is not right.")
    password_typed(live_hub, page, "overseer", NEW_PASSWORD)
    heading(page, "Enter your code")


def test_what_protects_the_account_is_asked_for_again_before_it_changes(
    live_hub: LiveHub, page: Page, settings: Settings
) -> None:
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
    live_hub.sign_in(page, "regulator", "/account/second-factor/")
    page.get_by_role("link", name="Turn off the authenticator app").click()
    heading(page, "Confirm that it is you")
    looked_at(page, "confirm")
    page.get_by_label("Your password").fill("not the passphrase")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("alert")).to_contain_text("That is not your password.")
    page.get_by_role("link", name="Use authenticator app or code").click()
    looked_at(page, "confirm-code")
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
    page.get_by_label("Code from your authenticator app").fill(live_hub.code("regulator"))
    page.get_by_role("button", name="Go on").click()
    heading(page, "Turn off your authenticator app?")
    looked_at(page, "turn-off")
    page.get_by_role("button", name="Turn it off").click()
    expect(page.get_by_role("main")).to_contain_text("Not set up")
    live_hub.open(page, "/scorecards/")
    heading(page, "Set up your authenticator app")


def test_a_password_is_changed_by_whoever_knows_it(live_hub: LiveHub, page: Page) -> None:
    live_hub.sign_in(page, "panel", "/account/second-factor/")
    page.get_by_role("link", name="Change password").click()
    heading(page, "Choose a new password")
    looked_at(page, "change")
    page.get_by_label("Your password now").fill("not the passphrase")
    page.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    page.get_by_label("New password again").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("alert").first).to_contain_text("That is not your password now.")
    page.get_by_label("Your password now").fill(PASSWORD)
    page.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    page.get_by_label("New password again").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("main")).to_contain_text("Your password is changed.")
    assert live_hub.person("panel").check_password(NEW_PASSWORD)


@pytest.mark.parametrize("kind", ["phone", "page_without_scripts"])
def test_all_of_it_works_on_a_phone_and_without_scripts(
    live_hub: LiveHub, request: pytest.FixtureRequest, kind: str
) -> None:
    page: Page = request.getfixturevalue(kind)
    checked: Callable[[str], None] = (
        (lambda name: looked_at(page, f"{kind}-{name}")) if kind == "phone" else (lambda name: assert_fits(page))
    )
    without_app(live_hub, "auditor")
    live_hub.open(page, "/directory/")
    checked("password")
    password_typed(live_hub, page, "auditor")
    heading(page, "Set up your authenticator app")
    checked("set-up")
    secret = page.get_by_text("Key:").locator(".sw-secret").inner_text()
    page.get_by_label("Code from the app").fill(code_from(secret))
    page.get_by_role("button", name="Turn it on").click()
    heading(page, "Your recovery codes")
    checked("recovery-codes")
    page.get_by_role("link", name="I have kept them: go on to what I wanted").click()
    heading(page, "Directory")
    checked("directory")
