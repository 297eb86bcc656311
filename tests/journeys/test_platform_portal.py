"""A platform's person at work: what was referred to them, an answer, a question, a dispute, many at once, a withdrawal, their scorecard."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from tests.hub.referrals.conftest import ToldPlatform
from tests.journeys.conftest import LiveHub
from tests.support.staff import SECRET, prepared
from tests.support.walking import Looks, Worker, button, by_keyboard, heading, press, refused, row, said

from seawall.hub import moment
from seawall.hub.ledger.services import link_all_pending
from seawall.hub.referrals import services, withdrawals
from seawall.hub.referrals.models import Probe, Referral, ReferralState

pytestmark = pytest.mark.browser

INSIDE = ("analyst", "reviewer", "Read it, and I see the same")
"""What only the desk knows: its people and what they told each other."""


@pytest.fixture
def looks() -> Looks:
    return Looks("portal", hidden=(SECRET, *INSIDE))


def sent(live_hub: LiveHub, count: int = 1, *, platform: str = "alpha") -> list[Referral]:
    """Referrals that a platform has, the first one first."""
    made = [prepared(live_hub.data, platform=platform) for _ in range(count)]
    return [services.deliver(referral_id=each.pk) for each in made]


def state_of(referral: Referral) -> str:
    return str(Referral.objects.get(pk=referral.pk).state)


def test_one_referral_is_read_and_answered(live_hub: LiveHub, page: Page, platform: ToldPlatform, looks: Looks) -> None:
    (mine,) = sent(live_hub)
    (theirs,) = sent(live_hub, platform="beta")
    live_hub.sign_in(page, "alpha_contact")
    looks.at(page, "home")
    page.get_by_role("navigation").get_by_role("link", name="Referrals").click()
    expect(page.get_by_role("link", name=mine.reference)).to_be_visible()
    expect(page.get_by_role("link", name=theirs.reference)).to_have_count(0)
    looks.at(page, "list")

    page.get_by_role("link", name=mine.reference).click()
    heading(page, f"Referral {mine.reference}")
    expect(row(page, "Stands at")).to_contain_text("Due in")
    expect(row(page, "Asks the platform to")).to_contain_text("It is advice: the platform decides.")
    expect(row(page, "Post")).to_contain_text(mine.document["content"]["url"])
    expect(page.get_by_role("heading", name="It rests on: The platform’s own rule")).to_be_visible()
    main = page.get_by_role("main")
    for inside in ("The decision behind it", "Evidence kept", "Withdraw", "Note an answer"):
        expect(main).not_to_contain_text(inside)
    looks.at(page, "referral")
    page.get_by_role("link", name="As a page to print").click()
    expect(page.get_by_role("main")).to_contain_text(mine.document["content"]["url"])
    page.go_back()

    button(page, "Answer").click()
    looks.at(page, "answer")
    button(page, "Send the answer").click()
    refused(page, "Choose your answer")
    page.get_by_label("We acted on it").check()
    button(page, "Send the answer").click()
    refused(page, "Say what was done", "Give your identifier, so that the action can be checked")
    looks.at(page, "answer-wrong")
    page.get_by_label("Removed the post").check()
    page.get_by_label("Your identifier for what was done").fill("p-2026-17")
    page.get_by_label("We have told the person who posted it").check()
    button(page, "Send the answer").click()
    said(page, "Your answer has been taken in.")
    expect(main).to_contain_text("p-2026-17")
    expect(row(page, "Stands at")).to_contain_text("Done with")
    expect(button(page, "We have told the person")).to_have_count(0)
    looks.at(page, "answered")
    assert (state_of(mine), state_of(theirs)) == (ReferralState.ANSWERED, ReferralState.AWAITING)

    live_hub.open(page, f"/referrals/{theirs.pk}/")
    heading(page, "Page not found")


def test_a_question_stops_the_clock_until_the_desk_has_answered_and_a_dispute_does_not(
    live_hub: LiveHub, page: Page, platform: ToldPlatform, looks: Looks, worker: Worker
) -> None:
    (mine,) = sent(live_hub)
    live_hub.sign_in(page, "alpha_contact", f"/referrals/{mine.pk}/answer/")
    page.get_by_label("We need to know more first").check()
    button(page, "Send the answer").click()
    refused(page, "Say why, or what you need to know")
    page.get_by_label("What else should the hub know?").fill("Which of its lines do you mean?")
    button(page, "Send the answer").click()
    said(page, "Your answer has been taken in.")
    expect(row(page, "Stands at")).to_contain_text("Paused")
    looks.at(page, "asked")

    inside = Looks("portal-desk", hidden=(SECRET,))
    live_hub.sign_in(page, "analyst", "/notifications/")
    expect(page.get_by_role("navigation").get_by_role("link", name="Notifications (1)")).to_be_visible()
    inside.at(page, "notifications")
    page.get_by_role("main").get_by_role("link", name=re.compile(mine.reference)).click()
    heading(page, f"Referral {mine.reference}")
    button(page, "Answer them").click()
    expect(page.get_by_role("main")).to_contain_text("Which of its lines do you mean?")
    button(page, "Send it").click()
    refused(page, "Write what the platform asked for")
    inside.at(page, "inform")
    page.get_by_label("What do you tell them?").fill("The second line.")
    button(page, "Send it").click()
    said(page, "receives your answer next")
    worker.work("referrals.deliver_information")
    assert [text for _key, text in platform.informed] == ["The second line."]

    live_hub.sign_in(page, "alpha_contact", f"/referrals/{mine.pk}/")
    expect(page.get_by_role("main")).to_contain_text("The second line.")
    expect(row(page, "Stands at")).to_contain_text("Due in")
    button(page, "Answer").click()
    page.get_by_label("We dispute it").check()
    page.get_by_label("What else should the hub know?").fill("It is a line of a play.")
    button(page, "Send the answer").click()
    expect(page.get_by_role("heading", level=3, name="dispute")).to_be_visible()
    expect(row(page, "Stands at")).to_contain_text("Due in")
    looks.at(page, "disputed")
    live_hub.sign_in(page, "analyst", f"/referrals/{mine.pk}/")
    expect(button(page, "Answer them")).to_be_visible()


def test_without_scripts_many_are_answered_and_a_withdrawal_is_confirmed(
    live_hub: LiveHub, page_without_scripts: Page, platform: ToldPlatform
) -> None:
    """Every step of the portal in a browser that runs no scripts."""
    page = page_without_scripts
    first, second, third = sent(live_hub, 3)
    live_hub.sign_in(page, "alpha_contact", "/notifications/")
    expect(page.get_by_role("main")).to_contain_text("3 new.")
    button(page, "I have seen them all").click()
    expect(page.get_by_role("main")).to_contain_text("Nothing new.")
    button(page, "Stop the mails").click()
    said(page, "You will get no mails.")
    button(page, "Send me mails").click()
    said(page, "You will get mails.")

    page.get_by_role("navigation").get_by_role("link", name="Referrals").click()
    button(page, "Answer those chosen").click()
    said(page, "Choose at least one referral to answer.")
    for each in (first, second):
        page.get_by_label(f"Choose {each.reference}").check()
    button(page, "Answer those chosen").click()
    heading(page, "One answer to 2 referrals")
    button(page, "Send the answer").click()
    expect(page.locator(".govuk-error-summary")).to_contain_text("Choose your answer")
    heading(page, "One answer to 2 referrals")
    page.get_by_label("We looked at it and leave it up").check()
    page.get_by_label("What else should the hub know?").fill("It breaks no rule of ours.")
    button(page, "Send the answer").click()
    said(page, "Your answer to 2 referrals has been taken in.")
    assert [state_of(each) for each in (first, second, third)] == ["answered", "answered", "awaiting"]
    page.get_by_label("Waiting for the platform").check()
    button(page, "Apply filter").click()
    expect(page.get_by_role("link", name=re.compile("^R-"))).to_have_text([third.reference])

    withdrawals.withdraw_by_person(
        referral=third, person=live_hub.person("analyst"), reasons="On a second reading it is a lyric."
    )
    page.get_by_role("navigation").get_by_role("link", name=re.compile("Notifications")).click()
    page.get_by_role("main").get_by_role("link", name=re.compile(third.reference)).first.click()
    expect(page.get_by_role("main")).to_contain_text("On a second reading it is a lyric.")
    expect(button(page, "Answer")).to_have_count(0)
    button(page, "Confirm that we have read the withdrawal").click()
    said(page, f"The hub knows that you have read the withdrawal of {third.reference}.")
    expect(button(page, "Confirm that we have read the withdrawal")).to_have_count(0)
    assert Referral.objects.get(pk=third.pk).withdrawal.acknowledged_at is not None


def test_by_keyboard_alone(live_hub: LiveHub, page: Page, platform: ToldPlatform) -> None:
    """From the start page to a sent answer with Tab, Space, arrows and Enter, and always something shows where one is."""
    (mine,) = sent(live_hub)
    live_hub.sign_in(page, "alpha_contact")
    skip = page.get_by_role("link", name="Skip to main content")
    page.keyboard.press("Tab")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    press(page, page.get_by_role("main").get_by_role("link", name=mine.reference))
    heading(page, f"Referral {mine.reference}")
    press(page, button(page, "Answer"))
    heading(page, f"Your answer to {mine.reference}")
    press(page, button(page, "Send the answer"))
    expect(page.locator(".govuk-error-summary")).to_be_focused()
    press(page, page.get_by_role("link", name="Choose your answer"))
    expect(page.get_by_label("We have it")).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("We acted on it")).to_be_checked()
    press(page, page.get_by_label("Removed the post"), "Space")
    by_keyboard(page, page.get_by_label("Your identifier for what was done"))
    page.keyboard.type("p-1")
    press(page, button(page, "Send the answer"))
    said(page, "Your answer has been taken in.")
    assert state_of(mine) == ReferralState.ANSWERED


def test_many_are_chosen_on_a_phone(live_hub: LiveHub, phone: Page, platform: ToldPlatform, looks: Looks) -> None:
    made = sent(live_hub, 2)
    live_hub.sign_in(phone, "alpha_contact", "/referrals/")
    looks.at(phone, "phone-list")
    for each in made:
        phone.get_by_label(f"Choose {each.reference}").tap()
    button(phone, "Answer those chosen").tap()
    heading(phone, "One answer to 2 referrals")
    phone.get_by_text("The 2 referrals").tap()
    expect(phone.get_by_text(made[0].reference)).to_be_visible()
    looks.at(phone, "phone-many")
    phone.get_by_label("It was gone already").tap()
    button(phone, "Send the answer").tap()
    said(phone, "Your answer to 2 referrals has been taken in.")


def test_the_platform_sees_its_own_scorecard_as_others_see_it(
    live_hub: LiveHub, page: Page, platform: ToldPlatform, looks: Looks
) -> None:
    (mine,) = sent(live_hub)
    sent(live_hub, platform="beta")
    Probe.objects.create(referral=mine, checkpoint="answer", at=moment.now(), state="removed")
    link_all_pending()
    live_hub.sign_in(page, "alpha_contact")
    page.get_by_role("main").get_by_role("link", name=re.compile("Alpha")).first.click()
    heading(page, "Alpha")
    looks.at(page, "scorecard")
    own = page.get_by_role("main").inner_text()
    live_hub.sign_in(page, "regulator", "/scorecards/alpha/")
    assert page.get_by_role("main").inner_text() == own
