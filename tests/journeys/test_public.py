"""The public's pages in a real browser: by keyboard, on a phone, without scripts, and held against axe."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from tests.browser.helpers import assert_accessible, assert_fits, screenshot
from tests.journeys.conftest import LiveHub

from seawall.hub.ledger.services import link_all_pending, sign_root
from seawall.hub.redress import services
from seawall.hub.redress.models import About, AgeBand, ForWhom, Report, ReportKind

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
PUBLIC = [
    "/",
    "/report/",
    "/code/",
    "/code/ssh-imminent/",
    "/code/vio-weapon-sale/",
    "/code/csea/",
    "/figures/",
    "/figures/alpha/",
    "/figures/all/",
]


def heading(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(rf"\s*{re.escape(words)}\s*"))


def answer(page: Page, *labels: str) -> None:
    for label in labels:
        page.get_by_label(label, exact=True).check()
    page.get_by_role("button", name="Continue").click()


def fill_in(page: Page, hub: LiveHub, *, danger: str = "No", about: str = "Bullying or abuse") -> None:
    """From the front page to the check of all answers, by the pages' own links and buttons."""
    hub.open(page)
    page.get_by_role("main").get_by_role("link", name="Report something").click()
    page.get_by_role("button", name="Start").click()
    answer(page, danger)
    if danger != "No":
        heading(page, "Get help now")
        page.get_by_role("button", name="Continue with the report").click()
    page.get_by_label("A link to it").check()
    page.get_by_label("The link", exact=True).fill("www.example.org/posts/7")
    page.get_by_role("button", name="Continue").click()
    answer(page, about)
    answer(page, "Somebody I know")
    answer(page, "13 to 17")
    page.get_by_label("Is there anything else that we should know?").fill("It has gone on for a week.")
    page.get_by_role("button", name="Continue").click()
    heading(page, "Check your answers, then send them")


def report(page: Page, hub: LiveHub, **choices: str) -> str:
    """Report, and return the address of the report's own page."""
    fill_in(page, hub, **choices)
    page.get_by_role("button", name="Send the report").click()
    heading(page, "We have your report")
    return page.get_by_role("main").get_by_role("link", name="/report/follow/").inner_text()


def test_report_follow_and_withdraw(page: Page, live_hub: LiveHub) -> None:
    link = report(page, live_hub)
    reference = Report.objects.get().reference
    expect(page.get_by_role("main")).to_contain_text(reference)
    assert_accessible(page)
    page.reload()
    heading(page, "There is nothing more to see on this page")
    page.goto(link)
    heading(page, "We have your report")
    expect(page.get_by_role("main")).to_contain_text("Next step")
    assert_accessible(page)
    page.get_by_role("link", name="Withdraw this report").click()
    assert_accessible(page)
    page.get_by_role("button", name="Withdraw my report").click()
    heading(page, "You withdrew this report")
    assert Report.objects.get().note == ""


def test_everything_works_without_scripts(page_without_scripts: Page, live_hub: LiveHub) -> None:
    page = page_without_scripts
    link = report(page, live_hub)
    page.goto(link)
    page.get_by_role("link", name="Withdraw this report").click()
    page.get_by_role("link", name="Keep it").click()
    heading(page, "We have your report")
    assert Report.objects.get().withdrawn_at is None


def test_without_scripts_the_unused_box_does_not_count(page_without_scripts: Page, live_hub: LiveHub) -> None:
    page = page_without_scripts
    live_hub.open(page, "/report/new/")
    answer(page, "No")
    page.get_by_label("The words themselves").check()
    page.get_by_label("The words", exact=True).fill("You had better watch out.")
    page.get_by_label("The link", exact=True).fill("no link at all")
    page.get_by_role("button", name="Continue").click()
    heading(page, "What is it about?")


def test_on_a_phone(phone: Page, live_hub: LiveHub) -> None:
    live_hub.open(phone)
    for _step in range(3):
        assert_fits(phone)
    fill_in(phone, live_hub, about="Suicide or self-harm")
    assert_fits(phone)
    screenshot(phone, "phone/public-check")
    phone.get_by_role("button", name="Send the report").click()
    heading(phone, "We have your report")
    assert_fits(phone)
    assert_accessible(phone)
    expect(phone.get_by_role("heading", name="How are you?")).to_be_visible()
    expect(phone.get_by_role("main")).to_contain_text("116 123")
    screenshot(phone, "phone/public-done")
    phone.goto(phone.get_by_role("main").get_by_role("link", name="/report/follow/").inner_text())
    assert_fits(phone)
    screenshot(phone, "phone/public-follow")


def test_by_keyboard_alone(page: Page, live_hub: LiveHub) -> None:
    """Tab, Space, arrows and Enter lead from the front page to a sent report."""
    live_hub.open(page)
    keys = page.keyboard

    def go_to(name: str) -> None:
        """Tab until something of that name has the focus."""
        for _ in range(30):
            keys.press("Tab")
            focused = page.evaluate(
                "() => [document.activeElement.textContent.trim(), ...[...(document.activeElement.labels || [])].map(l => l.textContent.trim())]"
            )
            if name in focused:
                return
        raise AssertionError(f"Tab never came to {name!r} on {page.url}")

    go_to("Skip to main content")
    keys.press("Enter")
    go_to("Report something")
    keys.press("Enter")
    page.wait_for_url("**/report/")
    go_to("Start")
    keys.press("Enter")
    heading(page, "Is somebody in danger right now?")
    go_to("Yes, or I think so")
    keys.press("ArrowDown")
    go_to("Continue")
    keys.press("Enter")
    heading(page, "How can you show us what you saw?")
    go_to("A link to it")
    keys.press("Space")
    go_to("The link")
    keys.type("https://www.example.org/posts/8")
    keys.press("Enter")
    heading(page, "What is it about?")
    go_to("Suicide or self-harm")
    keys.press("Space")
    keys.press("Enter")
    heading(page, "Who is it about?")
    go_to("Me")
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    keys.press("Enter")
    heading(page, "Is there anything else that we should know?")
    go_to("Continue")
    keys.press("Enter")
    heading(page, "Check your answers, then send them")
    go_to("Send the report")
    keys.press("Enter")
    heading(page, "We have your report")
    sent = Report.objects.get()
    assert (sent.about, sent.for_whom, sent.danger_now) == (About.SELF_HARM, ForWhom.PUBLIC, False)


def test_danger_comes_before_everything(page: Page, live_hub: LiveHub) -> None:
    fill_in(page, live_hub, danger="Yes, or I think so")
    page.get_by_role("link", name="Change somebody in danger now").click()
    expect(page.get_by_label("Yes, or I think so")).to_be_checked()
    page.get_by_role("button", name="Save and go back to your answers").click()
    heading(page, "Get help now")
    screenshot(page, "public-emergency")
    assert_accessible(page)
    page.get_by_role("button", name="Continue with the report").click()
    heading(page, "Check your answers, then send them")


def test_an_error_is_said_at_the_top_and_leads_to_its_question(page: Page, live_hub: LiveHub) -> None:
    live_hub.open(page, "/report/new/")
    page.get_by_role("button", name="Continue").click()
    expect(page).to_have_title(re.compile("^Error: "))
    expect(page.locator(".govuk-error-summary")).to_be_focused()
    assert_accessible(page)
    page.get_by_role("link", name="Say whether somebody is in danger right now").click()
    expect(page.get_by_label("Yes, or I think so")).to_be_focused()


def test_the_back_buttons_lose_nothing(page: Page, live_hub: LiveHub) -> None:
    """The browser's Back and ours both show what was answered, and ask to send nothing again."""
    fill_in(page, live_hub)
    page.go_back()
    heading(page, "Is there anything else that we should know?")
    expect(page.get_by_label("Is there anything else that we should know?")).to_have_value("It has gone on for a week.")
    page.get_by_role("link", name="Back", exact=True).click()
    heading(page, "How old is the person it is about?")
    expect(page.get_by_label("13 to 17")).to_be_checked()


def test_back_after_sending_sends_nothing(page: Page, live_hub: LiveHub) -> None:
    report(page, live_hub)
    page.go_back()
    heading(page, "Is somebody in danger right now?")
    page.reload()
    assert Report.objects.count() == 1


def test_two_quick_presses_send_one_report(page_without_scripts: Page, live_hub: LiveHub) -> None:
    fill_in(page_without_scripts, live_hub)
    page_without_scripts.get_by_role("button", name="Send the report").dblclick()
    heading(page_without_scripts, "We have your report")
    assert Report.objects.count() == 1


@pytest.mark.parametrize("path", PUBLIC)
def test_every_public_page_is_accessible_and_fits(open_page: Callable[..., Page], live_hub: LiveHub, path: str) -> None:
    link_all_pending()
    sign_root()
    desktop, phone = open_page(), open_page(viewport=PHONE, is_mobile=True, has_touch=True)
    name = path.strip("/").replace("/", "-") or "front"
    for page, folder in ((desktop, "public"), (phone, "phone")):
        live_hub.open(page, path)
        assert_accessible(page)
        assert_fits(page)
        screenshot(page, f"{folder}/{name}")


def test_an_unknown_link_is_met_with_calm(page: Page, live_hub: LiveHub) -> None:
    live_hub.open(page, "/report/follow/not-a-link/")
    heading(page, "We do not know this link")
    assert_accessible(page)
    assert_fits(page)


def test_the_doors_of_the_front_page(page: Page, live_hub: LiveHub) -> None:
    for name, path in (
        ("Read the code of practice", "/code/"),
        ("See the figures", "/figures/"),
        ("Staff sign-in", "/sign-in/"),
    ):
        live_hub.open(page)
        page.get_by_role("link", name=name).click()
        assert page.url == live_hub.url + path


def test_the_code_of_practice_leads_to_its_harms(phone: Page, live_hub: LiveHub) -> None:
    live_hub.open(phone, "/code/")
    phone.get_by_role("link", name="Threats, violence and weapons").click()
    phone.get_by_role("link", name="Illegal sale of weapons").click()
    heading(phone, "Illegal sale of weapons")
    expect(phone.get_by_role("main")).to_contain_text("Not yet checked")
    phone.get_by_role("link", name="Version and changes").click()
    expect(phone).to_have_url(re.compile("/code/#version$"))


@pytest.mark.parametrize(
    ("who", "path"), [("regulator", "/scorecards/"), ("alpha_contact", "/scorecards/alpha/"), ("auditor", "/ledger/")]
)
def test_the_pages_of_oversight(open_page: Callable[..., Page], live_hub: LiveHub, who: str, path: str) -> None:
    services.receive(
        kind=ReportKind.TEXT, about=About.ABUSE, for_whom=ForWhom.PUBLIC, age_band=AgeBand.UNSAID, danger_now=False,
        link="", text="Words.", note="", visitor="0" * 64,
    )  # fmt: skip
    for page in (open_page(), open_page(viewport=PHONE, is_mobile=True, has_touch=True)):
        live_hub.sign_in(page, who, path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert_accessible(page)
        assert_fits(page)


def test_a_period_is_chosen_without_scripts(open_page: Callable[..., Page], live_hub: LiveHub) -> None:
    page = open_page(java_script_enabled=False)
    live_hub.sign_in(page, "regulator", "/scorecards/")
    page.get_by_text("Choose a period").click()
    since = page.get_by_role("group", name="First day")
    for label, text in (("Day", "1"), ("Month", "November"), ("Year", "2026")):
        since.get_by_label(label).fill(text)
    page.get_by_role("button", name="Show this period").click()
    expect(since.get_by_label("Month")).to_have_value("November")
    page.get_by_role("link", name="All platforms").first.click()
    heading(page, "All platforms")
    expect(page.get_by_role("group", name="First day").get_by_label("Year")).to_have_value("2026")


def test_the_ledger_is_filtered(page: Page, live_hub: LiveHub) -> None:
    live_hub.sign_in(page, "auditor", "/ledger/")
    page.get_by_label("What happened").select_option("A platform was registered")
    page.get_by_role("button", name="Apply filter").click()
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(3)
    for row in rows.all():
        expect(row).to_contain_text("A platform was registered")
