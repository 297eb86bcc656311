"""The component gallery in a real browser: accessible, fitting a phone, quiet, and usable without scripts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect
from tests.browser.helpers import assert_accessible, assert_fits, screenshot, violations

if TYPE_CHECKING:
    from tests.browser.conftest import Gallery

pytestmark = pytest.mark.browser

PAGES = (
    "queue",
    "case",
    "decision",
    "decision-errors",
    "scorecard",
    "components",
    "report",
    "report-errors",
    "sign-in",
    "sign-in-errors",
    "sign-out",
    "code",
    "authenticator",
    "account",
    "recovery-codes",
    "password",
    "400",
    "403",
    "404",
    "500",
)


def look_at_all(page: Page, gallery: Gallery, window: str) -> None:
    """Check every page in one window, and say everything that is wrong with all of them at once."""
    wrong: list[str] = []
    for name in PAGES:
        page.goto(gallery.url(f"{name}.html"))
        try:
            assert_accessible(page)
            assert_fits(page)
        except AssertionError as error:
            wrong.append(str(error))
        screenshot(page, f"{window}/{name}")
    assert not wrong, "\n".join(wrong)


def test_every_page_is_accessible_on_a_desktop(page: Page, gallery: Gallery) -> None:
    look_at_all(page, gallery, "desktop")


def test_every_page_is_accessible_and_fits_a_phone(phone: Page, gallery: Gallery) -> None:
    look_at_all(phone, gallery, "phone")


def test_masked_content_is_hidden_until_asked_for_and_counted_once(page: Page, gallery: Gallery) -> None:
    page.goto(gallery.url("case.html"))
    words = page.get_by_text("The words of the post stand here.")
    expect(words).to_be_hidden()
    summary = page.locator(".sw-masked__summary")
    expect(summary).to_contain_text("Hidden: threat of violence")
    with page.expect_response("**/exposure"):
        summary.press("Enter")
    expect(words).to_be_visible()
    assert_accessible(page)
    expect(page.get_by_text("Hide it again")).to_be_visible()
    screenshot(page, "desktop/case-shown")
    summary.click()
    expect(words).to_be_hidden()
    summary.click()
    expect(words).to_be_visible()
    assert gallery.posted == ["/exposure token"]


def test_masked_content_opens_without_scripts(page_without_scripts: Page, gallery: Gallery) -> None:
    page_without_scripts.goto(gallery.url("case.html"))
    words = page_without_scripts.get_by_text("The words of the post stand here.")
    expect(words).to_be_hidden()
    page_without_scripts.locator(".sw-masked__summary").click()
    expect(words).to_be_visible()
    assert gallery.posted == []


def test_the_filter_opens_and_closes_on_a_phone(phone: Page, gallery: Gallery) -> None:
    phone.goto(gallery.url("queue.html"))
    panel = phone.locator("[data-sw-filter]")
    expect(panel).to_be_hidden()
    phone.get_by_role("button", name="Show filter").click()
    expect(panel).to_be_visible()
    screenshot(phone, "phone/queue-filter")
    panel.get_by_role("button", name="Close").click()
    expect(panel).to_be_hidden()
    expect(phone.get_by_role("link", name="SW-2026-00013")).to_be_visible()


def test_the_filter_stands_in_the_page_without_scripts(open_page: Callable[..., Page], gallery: Gallery) -> None:
    plain = open_page(viewport={"width": 390, "height": 844}, java_script_enabled=False)
    plain.goto(gallery.url("queue.html"))
    expect(plain.get_by_role("button", name="Apply filter")).to_be_visible()
    plain.get_by_label("Words in the case").fill("thread")
    plain.get_by_role("button", name="Apply filter").click()
    assert "words=thread" in plain.url
    assert "severity=4" in plain.url


def test_a_revealed_question_appears_with_its_choice(page: Page, gallery: Gallery) -> None:
    page.goto(gallery.url("decision.html"))
    line = page.get_by_label("Which support line?")
    expect(line).to_be_hidden()
    page.get_by_label("Offer support").check()
    expect(line).to_be_visible()
    page.get_by_label("Take no action").check()
    expect(line).to_be_hidden()


def test_every_question_is_there_without_scripts(page_without_scripts: Page, gallery: Gallery) -> None:
    page_without_scripts.goto(gallery.url("decision.html"))
    for label in ("Which support line?", "Why does the post meet them?", "A message was sent", "Day"):
        expect(page_without_scripts.get_by_label(label)).to_be_visible()


def test_the_error_summary_takes_the_focus_and_leads_to_each_input(page: Page, gallery: Gallery) -> None:
    page.goto(gallery.url("decision-errors.html"))
    expect(page).to_have_title("Error: Decide on SW-2026-00014 \N{EN DASH} Seawall")
    expect(page.locator(".govuk-error-summary")).to_be_focused()
    for message, label in (
        ("Say why the post meets them", "Why does the post meet them?"),
        ("Date posted must be a real date", "Day"),
        ("Look at the whole thread and tick the box", "I have looked at the whole thread"),
    ):
        page.locator(".govuk-error-summary").get_by_role("link", name=message).click()
        expect(page.get_by_label(label)).to_be_focused()


def test_the_keyboard_reaches_the_content_first(page: Page, gallery: Gallery) -> None:
    page.goto(gallery.url("queue.html"))
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main-content")).to_be_focused()


def test_a_form_is_sent_once(page: Page, gallery: Gallery) -> None:
    page.goto(gallery.url("decision.html"))
    page.evaluate(
        """() => {
            const form = document.querySelector('main form');
            form.addEventListener('submit', (event) => {
                window.sent = (window.sent || 0) + !event.defaultPrevented; event.preventDefault() });
            form.requestSubmit(); form.requestSubmit();
        }"""
    )
    assert page.evaluate("window.sent") == 1


def test_axe_would_notice(page: Page, gallery: Gallery) -> None:
    page.goto(gallery.url("report.html"))
    page.evaluate("() => document.querySelector('label[for=id_link]').remove()")
    found = violations(page)
    assert any("id_link" in line for line in found), found
