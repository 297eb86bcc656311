"""A caseworker's day in a browser: from signing in to a referral, by keyboard, without scripts, on a phone, by two people."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from playwright.sync_api import Locator, Page, expect
from procrastinate.contrib.django.models import ProcrastinateJob
from tests.browser.helpers import assert_accessible, assert_fits, screenshot
from tests.journeys.conftest import LiveHub

from seawall.hub import moment
from seawall.hub.casework import services as casework
from seawall.hub.casework.models import Case, CaseState, Decision
from seawall.hub.content.models import Content, Finding, Reveal
from seawall.hub.practice.queries import current_code
from seawall.hub.referrals import services as referrals

pytestmark = pytest.mark.browser

HARM = "vio-threat"
SECRET = "words that nobody should meet <b>by surprise</b>"
GROUNDS = "The words say so plainly, and they are addressed to one person."
WHY = "A threat to one person, with nothing that makes it a joke."


def case_with_words(live_hub: LiveHub, harm: str = HARM) -> Case:
    """A case in the queue whose post a detector flagged."""
    case = live_hub.data.case(harm)
    Content.objects.filter(pk=case.content_id).update(text=SECRET)
    Finding.objects.create(
        content_id=case.content_id,
        version=1,
        detector="test",
        families={"violent_threat": 0.91},
        flags=["violent_threat"],
        context={},
        reasons=[{"kind": "words", "start": 0, "end": 5, "family": "violent_threat", "weight": 1.0}],
        assessed_at=moment.now(),
    )
    return Case.objects.get(pk=case.pk)


def looked_at(page: Page, name: str) -> None:
    """What every page must be: accessible and inside its window. Pictures on request."""
    assert_accessible(page)
    assert_fits(page)
    screenshot(page, f"caseworker-{name}")


def by_keyboard(page: Page, target: Locator) -> None:
    """Move to `target` with the Tab key alone."""
    expect(target).to_be_visible()
    for _ in range(150):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{target} cannot be reached with the Tab key on {page.url}")


def press(page: Page, role: str, name: str) -> None:
    """Press a button, or follow a link, with the keyboard."""
    by_keyboard(page, page.get_by_role("main").get_by_role(role, name=name, exact=True))  # type: ignore[arg-type]
    page.keyboard.press("Enter")


def first_offence(harm: str = HARM) -> str:
    """How the page names the first offence that the harm may rest on."""
    return f"An offence: {current_code().harm(harm).legal_refs[0].title}"


def answer_everything(page: Page) -> None:
    """Fill in the long page of a referral, every element and defence and exemption of it."""
    offence = current_code().harm(HARM).legal_refs[0]
    for part in offence.elements:
        group = page.get_by_role("group", name=part.text)
        group.get_by_label("Yes, there are reasonable grounds").check()
        group.get_by_label("What are the grounds?").fill(GROUNDS)
    for part in offence.defences:
        page.get_by_role("group", name=part.text).get_by_label("No, nothing suggests").check()
    titles = {exemption.id: exemption.title for exemption in current_code().exemptions}
    for exemption in current_code().harm(HARM).exemptions:
        page.get_by_role("group", name=titles[exemption], exact=True).get_by_label("No", exact=True).check()
    page.get_by_role("group", name="What setting did you see?").get_by_label("None of these").check()
    page.get_by_role("group", name="What part did the account play?").get_by_label("Put it up").check()
    page.get_by_role("group", name="How does the person").get_by_label("Suspected of a breach").check()
    page.get_by_label("Why do you decide so?").fill(WHY)


def heading(page: Page, text: str | re.Pattern[str]) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def do_the_work(name: str) -> None:
    """Do the background jobs of this name that wait, as a worker would."""
    for job in ProcrastinateJob.objects.filter(task_name=name, status="todo"):
        referrals.prepare(decision_id=UUID(job.args["decision_id"]))


def test_from_signing_in_to_a_referral(live_hub: LiveHub, page: Page) -> None:
    case = case_with_words(live_hub)
    live_hub.sign_in_by_form(page, "analyst", path="/queue/")
    expect(page.get_by_role("main")).not_to_contain_text("nobody should meet")
    looked_at(page, "queue")

    press(page, "button", "Take up the next case")
    heading(page, f"Case {case.reference}")
    assert "nobody should meet" not in page.content()
    looked_at(page, "case")
    press(page, "button", "Show it blurred")
    text = page.locator(".sw-post__text")
    expect(text).to_have_text(SECRET)
    expect(text).to_be_focused()
    expect(text).to_have_css("filter", "blur(7px)")
    expect(text.locator("mark")).to_have_text("words")
    page.get_by_label("Blur it").uncheck()
    page.mouse.move(0, 0)
    expect(text).to_have_css("filter", "none")
    assert Reveal.objects.count() == 1
    looked_at(page, "case-shown")

    by_keyboard(page, page.get_by_role("button", name="Decide", exact=True))
    page.keyboard.press("Enter")
    heading(page, "What do you decide?")
    looked_at(page, "decide-outcome")
    assert "nobody should meet" not in page.content()
    page.get_by_label("Refer to the platform").check()
    press(page, "button", "Continue")
    heading(page, "What does the referral rest on?")
    looked_at(page, "decide-ground")
    page.get_by_label(first_offence()).check()
    press(page, "button", "Continue")
    heading(page, re.compile("^Refer to the platform:"))
    expect(page.get_by_text("A second person reads this before anything leaves the hub.")).to_be_visible()

    press(page, "button", "Continue to check your answers")
    expect(page).to_have_title(re.compile("^Error: "))
    expect(page.get_by_role("alert")).to_contain_text("There is a problem")
    looked_at(page, "decide-errors")
    answer_everything(page)
    page.get_by_role("button", name="Show the post", exact=True).click()
    expect(page.locator(".sw-post__text")).to_have_text(SECRET)
    expect(page.get_by_label("Why do you decide so?")).to_have_value(WHY)
    looked_at(page, "decide-answers")
    press(page, "button", "Continue to check your answers")
    heading(page, "Check your answers")
    looked_at(page, "decide-check")
    press(page, "button", "Record the decision")
    expect(page.get_by_role("alert")).to_contain_text("It waits for a second reviewer")
    live_hub.open(page, f"/cases/{case.pk}/")
    expect(page.get_by_text("You decided this case. Somebody else gives the second word.")).to_be_visible()
    expect(page.get_by_role("button", name="Give the second word")).to_have_count(0)

    live_hub.sign_in(page, "reviewer", "/home/")
    looked_at(page, "home")
    page.get_by_role("link", name=case.reference).first.click()
    page.get_by_role("button", name="Give the second word").click()
    heading(page, "The second word")
    expect(page.get_by_role("main")).to_contain_text(GROUNDS)
    looked_at(page, "review")
    page.get_by_label("Why?").fill("Each element is made out.")
    page.get_by_role("button", name="Show the post").click()
    expect(page.locator(".sw-post__text")).to_have_text(SECRET)
    expect(page.get_by_label("Why?")).to_have_value("Each element is made out.")
    page.get_by_label("I concur").check()
    page.get_by_role("button", name="Record the second word").click()
    expect(page.get_by_role("alert")).to_contain_text("You concurred")

    do_the_work("referrals.prepare")
    live_hub.open(page, "/referrals/")
    looked_at(page, "referrals")
    page.get_by_role("link", name=re.compile("^R-")).click()
    expect(page.get_by_role("main")).to_contain_text(WHY)
    expect(page.get_by_role("main")).to_contain_text("Waiting to be delivered")
    looked_at(page, "referral")
    assert [(entry.content_id, entry.person.name) for entry in Reveal.objects.order_by("at")] == [
        (case.content_id, "analyst"),
        (case.content_id, "analyst"),
        (case.content_id, "reviewer"),
    ]


def test_the_same_without_scripts(live_hub: LiveHub, page_without_scripts: Page) -> None:
    page, case = page_without_scripts, case_with_words(live_hub)
    live_hub.sign_in(page, "analyst", "/queue/")
    page.get_by_role("button", name="Take up the next case").click()
    heading(page, f"Case {case.reference}")
    page.get_by_role("button", name="Show the post").click()
    expect(page.locator(".sw-post__text")).to_have_text(SECRET)
    assert Reveal.objects.count() == 1
    page.get_by_role("button", name="Decide", exact=True).click()
    page.get_by_label("Refer to the platform").check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_label(first_offence()).check()
    page.get_by_role("button", name="Continue").click()
    answer_everything(page)
    page.get_by_label("Why do you decide so?").fill("Half a thought")
    page.get_by_role("button", name="Show it blurred").click()
    expect(page.locator(".sw-post__text")).to_have_text(SECRET)
    expect(page.get_by_label("Why do you decide so?")).to_have_value("Half a thought")
    assert Reveal.objects.count() == 2
    page.get_by_label("Why do you decide so?").fill("short")
    page.get_by_role("button", name="Continue to check your answers").click()
    expect(page.get_by_role("alert")).to_contain_text("Say in a sentence why you decided so")
    expect(page.locator(".sw-post__text")).to_have_text(SECRET)
    page.get_by_label("Why do you decide so?").fill(WHY)
    page.get_by_role("button", name="Change what you decide").click()
    heading(page, "What do you decide?")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_label("Why do you decide so?")).to_have_value(WHY)
    page.get_by_role("button", name="Continue to check your answers").click()
    heading(page, "Check your answers")
    page.get_by_role("button", name="Record the decision").click()
    expect(page.get_by_text("It waits for a second reviewer")).to_be_visible()
    decision = Decision.objects.get(case=case)
    assert decision.reasons == WHY
    assert {said["reasons"] for said in decision.elements} == {GROUNDS}
    assert Reveal.objects.count() == 2


def test_on_a_phone(live_hub: LiveHub, phone: Page) -> None:
    case = case_with_words(live_hub)
    casework.claim(case=case, person=live_hub.person("analyst"))
    decision = f"/cases/{case.pk}/decide/"
    chosen = f"{decision}?harm={HARM}&outcome=refer&step="
    live_hub.sign_in(phone, "analyst")
    for name, path in (
        ("home", "/home/"),
        ("queue", "/queue/"),
        ("case", f"/cases/{case.pk}/"),
        ("outcome", decision),
        ("ground", f"{chosen}ground"),
        ("answers", f"{chosen}answers&ground=offence:{current_code().harm(HARM).legal_refs[0].name}"),
        ("transfer", f"/cases/{case.pk}/transfer/"),
        ("referrals", "/referrals/"),
    ):
        live_hub.open(phone, path)
        looked_at(phone, f"phone-{name}")
    live_hub.open(phone, "/queue/")
    phone.get_by_role("button", name="Show filter").tap()
    phone.get_by_label("Being worked on").check()
    phone.get_by_role("button", name="Apply filter").tap()
    expect(phone).to_have_url(re.compile(r"state=claimed"))
    expect(phone.get_by_role("link", name=case.reference)).to_be_visible()


def test_the_filter_changes_the_queue_in_place(live_hub: LiveHub, page: Page) -> None:
    threat, abuse = case_with_words(live_hub), case_with_words(live_hub, "abuse-harassment")
    live_hub.sign_in(page, "analyst", "/queue/")
    page.evaluate("window.sameDocument = true")
    page.get_by_label("Harm").select_option("abuse-harassment")
    page.get_by_role("button", name="Apply filter").click()
    expect(page.get_by_role("link", name=threat.reference)).to_have_count(0)
    expect(page.get_by_role("link", name=abuse.reference)).to_be_visible()
    expect(page).to_have_url(re.compile("harm=abuse-harassment"))
    expect(page.get_by_role("status")).to_be_focused()
    assert page.evaluate("window.sameDocument") is True
    assert_accessible(page)
    page.go_back()
    expect(page.get_by_role("link", name=threat.reference)).to_be_visible()
    page.get_by_role("link", name=threat.reference).click()
    heading(page, f"Case {threat.reference}")


def test_passing_a_case_on_and_putting_one_back(live_hub: LiveHub, page: Page) -> None:
    case, other = case_with_words(live_hub), case_with_words(live_hub, "abuse-harassment")
    for one in (case, other):
        casework.claim(case=one, person=live_hub.person("analyst"))
    live_hub.sign_in(page, "analyst", f"/cases/{case.pk}/decide/")
    page.get_by_text("Something that another desk decides").click()
    page.get_by_label("A person may be about to end their life").check()
    page.get_by_label("Offer support").check()
    page.get_by_role("button", name="Continue").click()
    heading(page, "Pass the case to another desk")
    expect(page.get_by_label("A person may be about to end their life")).to_be_checked()
    looked_at(page, "transfer")
    page.get_by_label("Why does it belong there?").fill("They may be in danger, so somebody should talk to them.")
    page.get_by_role("button", name="Pass it on").click()
    expect(page.get_by_role("alert")).to_contain_text("is with the Welfare desk now")
    live_hub.open(page, f"/cases/{other.pk}/")
    page.get_by_role("button", name="Put it back").click()
    expect(page.get_by_role("alert")).to_contain_text("is back in the queue")
    assert Case.objects.get(pk=other.pk).state == CaseState.OPEN
    assert Case.objects.get(pk=case.pk).desk == live_hub.data.desks["welfare"]
