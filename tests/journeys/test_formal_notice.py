"""A formal notice through the pages: the power on record, the draft, the officer, what the platform says, a review; and a removal order."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from playwright.sync_api import Page, expect
from tests.hub.notices.conftest import HARM, ORDER, PROFILE, WORDS, NoticeDesk, orders_code
from tests.hub.referrals.conftest import ToldPlatform
from tests.journeys.conftest import LiveHub
from tests.support.hub import ACTOR
from tests.support.staff import SECRET, with_text
from tests.support.walking import Looks, Worker, button, by_keyboard, heading, press, refused, row, said

from seawall.hub import moment
from seawall.hub.notices.models import Notice, NoticeState, Review
from seawall.hub.practice.models import PowerKind
from seawall.hub.practice.services import adopt
from seawall.hub.referrals.models import Referral, ReferralState
from seawall.hub.web.words import LONDON

pytestmark = pytest.mark.browser

INSIDE = ("officer@", "Read it, and I see the same")


@pytest.fixture
def looks() -> Looks:
    return Looks("notice", hidden=(SECRET,))


@pytest.fixture
def desk(live_hub: LiveHub) -> NoticeDesk:
    """The police desk with officers enough: officer decides, inspector seconds, sergeant gives, superintendent reviews."""
    made = NoticeDesk(live_hub.data)
    made.add_officer("sergeant", profile=False)
    made.add_officer("superintendent")
    return made


def drafted(desk: NoticeDesk, worker: Worker) -> Notice:
    """The draft that a decision leads to, by the job that the decision queued."""
    decision = desk.decided()
    with_text(decision.case, SECRET)
    worker.work("referrals.prepare")
    return Notice.objects.get(decision=decision)


def the_day(page: Page, legend: str, when: date) -> None:
    """Fill in day, month and year."""
    group = page.get_by_role("group", name=legend)
    for label, number in (("Day", when.day), ("Month", when.month), ("Year", when.year)):
        group.get_by_label(label, exact=True).fill(str(number))


def name_oneself(page: Page) -> None:
    """Fill in how an officer is named."""
    for label, name in (
        ("Your name", "name"),
        ("Your rank or grade", "rank"),
        ("Your force or agency", "force"),
        ("Mail address at which platforms reach you", "email"),
        ("Telephone number at which platforms reach you", "phone"),
        ("Reference of your authorisation", "authorisation"),
    ):
        page.get_by_label(label).fill(str(PROFILE[name]))
    the_day(page, "Day on which you were authorised", PROFILE["authorised_at"])  # type: ignore[arg-type]
    button(page, "Keep it").click()
    said(page, "Kept. What you give from now on names you so.")


def fill_in(page: Page, labels: dict[str, str], words: dict[str, str]) -> None:
    """Fill in a draft, field by field."""
    for name, label in labels.items():
        page.get_by_label(label, exact=True).fill(words[name])


FORMAL = {
    "reasons": "Your reasons",
    "review_to": "To whom a review is addressed",
    "review_how": "How a review is asked for",
    "consequences": "What may follow",
    "how_to_confirm": "How the platform confirms the removal",
}
AN_ORDER = {
    "issuing_authority": "Issuing authority",
    "issuing_member_state": "Its member state",
    "contact_email": "Mail address of the issuing authority",
    "contact_phone": "Telephone number of the issuing authority",
    "order_reference": "Reference of the order",
    "authentication": "How the host can check who sent it",
    "material": "Type of material",
    "detailed_grounds": "Why it is terrorist content",
    "redress": "Redress",
    "host_member_state": "Member state of the host",
    "host_authority": "Authority of that member state",
}


def given(desk: NoticeDesk, worker: Worker) -> Referral:
    """A notice that the sergeant gave and the platform has."""
    desk.power()
    desk.add_officer("inspector_two")
    referral = desk.given(by="inspector_two")
    worker.work("referrals.deliver")
    return Referral.objects.get(pk=referral.pk)


def test_from_the_power_on_record_to_a_notice_that_is_quashed(
    live_hub: LiveHub, desk: NoticeDesk, page: Page, platform: ToldPlatform, looks: Looks, worker: Worker
) -> None:
    live_hub.sign_in(page, "administrator", "/calendar/")
    page.get_by_role("link", name="Statutory powers").click()
    heading(page, "Statutory powers")
    looks.at(page, "powers-none")
    button(page, "Record a power").click()
    button(page, "Record it").click()
    refused(
        page,
        "Choose the organisation",
        "Choose the power",
        "Say where it was read",
        "Enter day on which it was read",
        "Say who advised",
    )
    looks.at(page, "power-wrong")
    page.get_by_label("Which organisation holds it?").select_option("Police")
    page.get_by_label(PowerKind.FORMAL_NOTICE.label).check()
    page.get_by_label("Where was it read that the power is in force?").fill("The commencement regulations")
    the_day(page, "Day on which it was read", date(2026, 10, 1))
    page.get_by_label("Who advised that this organisation holds it?").fill("The force solicitor")
    button(page, "Record it").click()
    said(page, "Recorded for Police.")
    expect(page.get_by_role("main")).to_contain_text("Recorded as in force")
    looks.at(page, "powers")

    notice = drafted(desk, worker)
    case = notice.decision.case
    live_hub.sign_in(page, "sergeant", "/home/")
    page.get_by_role("navigation").get_by_role("link", name="Notices", exact=True).click()
    looks.at(page, "list")
    page.get_by_role("link", name=case.reference).click()
    heading(page, f"Formal notice on {case.reference}")
    looks.at(page, "draft")
    page.get_by_role("link", name="How you are named").click()
    button(page, "Keep it").click()
    expect(page.locator(".govuk-error-summary")).to_be_focused()
    looks.at(page, "profile-wrong")
    name_oneself(page)

    page.get_by_role("link", name=case.reference).click()
    button(page, "Fill it in").click()
    heading(page, "Fill in the formal notice")
    expect(page.get_by_role("main")).to_contain_text("Sergeant Robin Sample, Police")
    looks.at(page, "write")
    page.get_by_label("Your reasons").fill(WORDS["reasons"])
    button(page, "Keep it for later").click()
    said(page, "The draft is kept. Nothing has been sent.")
    expect(page.get_by_role("heading", name="Still missing")).to_be_visible()
    missing = page.get_by_role("main").get_by_role("listitem").get_by_role("link").first
    leads_to = str(missing.get_attribute("href")).partition("#")[2]
    missing.click()
    expect(page.locator(f"#{leads_to}")).to_be_visible()
    expect(page.get_by_label("Your reasons")).to_have_value(WORDS["reasons"])
    button(page, "Go on and check it").click()
    summary = page.locator(".govuk-error-summary")
    expect(summary).to_be_focused()
    for link in summary.get_by_role("link").all():
        link.click()
        expect(page.locator(str(link.get_attribute("href")))).to_be_focused()
    looks.at(page, "write-wrong")
    assert Notice.objects.get().state == NoticeState.DRAFT
    fill_in(page, FORMAL, WORDS)
    the_day(page, "Last day on which a review can be asked for", moment.now().date() + timedelta(days=30))
    button(page, "Go on and check it").click()

    heading(page, "Check the formal notice")
    expect(row(page, "Within")).to_contain_text("48 hours")
    expect(row(page, "Officer")).to_contain_text("Sergeant Robin Sample, Police")
    looks.at(page, "check")
    page.get_by_role("link", name="Read the document as Alpha will receive it").click()
    expect(page.locator("body")).to_contain_text("Draft, not given")
    page.go_back()
    assert not Referral.objects.exists()
    button(page, "Give the formal notice").click()
    said(page, "The formal notice is given. Alpha receives it next.")
    worker.work("referrals.deliver")
    referral = Referral.objects.get()
    page.reload()
    expect(row(page, "Removal confirmed")).to_contain_text("Not confirmed")
    looks.at(page, "given")

    outside = Looks("notice-platform", hidden=(SECRET, *INSIDE))
    live_hub.sign_in(page, "alpha_contact", f"/referrals/{referral.pk}/")
    expect(row(page, "Asks the platform to")).to_contain_text("given under a statute")
    outside.at(page, "received")
    button(page, "Answer").click()
    page.get_by_label("We ask for a review").check()
    page.get_by_label("What else should the hub know?").fill("It is a museum piece.")
    outside.at(page, "appeal")
    button(page, "Send the answer").click()
    said(page, "Your answer has been taken in.")
    worker.work("notices.open_review")
    page.reload()
    expect(page.get_by_role("main")).to_contain_text("To be decided by")
    expect(page.get_by_role("link", name="Decide the review")).to_have_count(0)
    outside.at(page, "appealed")

    for name in ("officer", "inspector", "sergeant"):
        live_hub.sign_in(page, name, f"/notices/{notice.pk}/")
        expect(page.get_by_role("main")).to_contain_text("It is a museum piece.")
        expect(page.get_by_role("link", name="Decide the review")).to_have_count(0)
    live_hub.sign_in(page, "superintendent", "/notices/")
    expect(page.get_by_text("A review is asked for")).to_be_visible()
    page.get_by_role("link", name=case.reference).click()
    page.get_by_role("link", name="Decide the review").click()
    heading(page, "Review of a formal notice")
    expect(page.get_by_role("main")).to_contain_text("It is a museum piece.")
    button(page, "Decide the review").click()
    refused(page, "Choose what you decide", "Say why")
    looks.at(page, "review")
    page.get_by_label("It is quashed").check()
    page.get_by_label("Your reasons").fill("It is an antique.")
    button(page, "Decide the review").click()
    said(page, "Your decision is recorded. The platform is told.")
    looks.at(page, "quashed")

    live_hub.sign_in(page, "alpha_contact", f"/referrals/{referral.pk}/")
    expect(page.get_by_role("main")).to_contain_text("It is an antique.")
    expect(row(page, "Removal confirmed")).to_contain_text("No more to confirm")
    outside.at(page, "quashed")
    button(page, "Confirm that we have read the withdrawal").click()
    said(page, "The hub knows that you have read the withdrawal")
    referral.refresh_from_db()
    assert referral.state == ReferralState.WITHDRAWN
    assert referral.withdrawal.acknowledged_at is not None


def test_the_platform_confirms_a_notice_by_saying_that_it_acted(
    live_hub: LiveHub, desk: NoticeDesk, page: Page, platform: ToldPlatform, looks: Looks, worker: Worker
) -> None:
    referral = given(desk, worker)
    live_hub.sign_in(page, "alpha_contact", f"/referrals/{referral.pk}/answer/")
    page.get_by_label("We acted on it").check()
    page.get_by_label("Removed the post").check()
    page.get_by_label("Your identifier for what was done").fill("p-1")
    button(page, "Send the answer").click()
    expect(row(page, "Removal confirmed")).to_contain_text("Confirmed")
    expect(row(page, "Removal confirmed")).not_to_contain_text("Not confirmed")
    for name in ("officer", "overseer"):
        live_hub.sign_in(page, name, f"/referrals/{referral.pk}/")
        expect(row(page, "Removal confirmed")).to_contain_text("Confirmed")
    page.get_by_role("link", name="The notice and the decision behind it").click()
    heading(page, f"Formal notice on {referral.case.reference}")
    looks.at(page, "overseer")
    for name in ("officer", "inspector"):
        assert name not in page.get_by_role("main").inner_text()


def test_by_keyboard_an_officer_gives_it(
    live_hub: LiveHub, desk: NoticeDesk, page: Page, platform: ToldPlatform
) -> None:
    """From the list to a notice that is given, with Tab and Enter alone."""
    desk.power()
    desk.add_officer("inspector_two")
    notice = desk.written(by="inspector_two")
    live_hub.sign_in(page, "inspector_two", "/notices/")
    press(page, page.get_by_role("link", name=notice.decision.case.reference))
    heading(page, f"Formal notice on {notice.decision.case.reference}")
    press(page, button(page, "Change it"))
    by_keyboard(page, page.get_by_label("What may follow"))
    page.keyboard.type(" It can be appealed.")
    press(page, button(page, "Go on and check it"))
    heading(page, "Check the formal notice")
    press(page, button(page, "Give the formal notice"))
    said(page, "The formal notice is given.")
    assert "It can be appealed." in str(Referral.objects.get().document)


def test_without_scripts_an_officer_declines_and_the_desk_settles(
    live_hub: LiveHub, desk: NoticeDesk, page_without_scripts: Page, worker: Worker
) -> None:
    page = page_without_scripts
    desk.power()
    notice = drafted(desk, worker)
    live_hub.sign_in(page, "inspector", f"/notices/{notice.pk}/")
    expect(page.get_by_role("main")).to_contain_text("another officer gives the formal notice")
    expect(button(page, "Fill it in")).to_have_count(0)
    live_hub.sign_in(page, "sergeant", "/notices/")
    page.get_by_role("main").get_by_role("link", name="how you are named").click()
    name_oneself(page)
    page.get_by_role("link", name=notice.decision.case.reference).click()
    button(page, "Fill it in").click()
    page.get_by_label("Your reasons").fill(WORDS["reasons"])
    button(page, "Go on and check it").click()
    expect(page.locator(".govuk-error-summary")).to_be_visible()
    page.get_by_role("link", name="Back to the notice").click()
    button(page, "Decline").click()
    button(page, "Decline it").click()
    expect(page.locator(".govuk-error-summary")).to_contain_text("Say why you decline")
    page.get_by_label("Why do you decline?").fill("It is an antique.")
    button(page, "Decline it").click()
    said(page, "You declined. Whoever decided the case is told.")

    live_hub.sign_in(page, "officer", "/notifications/")
    page.get_by_role("main").get_by_role("link").first.click()
    expect(page.get_by_role("main")).to_contain_text("It is an antique.")
    button(page, "Settle the decision").click()
    button(page, "Settle it").click()
    expect(page.locator(".govuk-error-summary")).to_contain_text("Choose what becomes of the decision")
    page.get_by_label("Send it as a request").check()
    button(page, "Settle it").click()
    said(page, "Alpha receives a request next.")
    worker.work("referrals.prepare")
    assert Referral.objects.get().kind == "notice_of_illegality"


def test_an_order_its_copy_and_what_the_hosts_authority_found(
    live_hub: LiveHub, desk: NoticeDesk, page: Page, platform: ToldPlatform, looks: Looks, worker: Worker
) -> None:
    adopt(code=orders_code(), actor=ACTOR)
    desk.power(PowerKind.REMOVAL_ORDER)
    desk.add_officer("inspector_two")
    notice = drafted(desk, worker)
    live_hub.sign_in(page, "inspector_two", f"/notices/{notice.pk}/")
    button(page, "Fill it in").click()
    fill_in(page, AN_ORDER, ORDER)
    looks.at(page, "order-write")
    button(page, "Go on and check it").click()
    link = page.locator(".govuk-error-summary").get_by_role("link")
    expect(link).to_have_count(1)
    link.click()
    expect(page.get_by_label("Yes", exact=True)).to_be_focused()
    looks.at(page, "order-wrong")
    page.get_by_label("Yes", exact=True).check()
    button(page, "Go on and check it").click()
    expect(row(page, "Within")).to_contain_text("1 hour")
    looks.at(page, "order-check")
    button(page, "Give the removal order").click()
    said(page, "The removal order is given.")
    worker.work("referrals.deliver")

    Notice.objects.update(given_at=moment.now() - timedelta(hours=3))
    then = (moment.now() - timedelta(hours=1)).astimezone(LONDON)
    live_hub.open(page, f"/referrals/{Referral.objects.get().pk}/")
    page.get_by_role("link", name="Write down the copy").click()
    heading(page, "Copy to the host’s authority")
    button(page, "Write it down").click()
    expect(page.locator(".govuk-error-summary")).to_be_focused()
    looks.at(page, "order-copy")
    expect(page.get_by_label("Which authority has the copy?")).to_have_value(ORDER["host_authority"])
    page.get_by_label("How was it sent?").fill("By mail")
    for legend, label in (
        ("Day on which it was sent", "Time at which it was sent"),
        ("Day on which the authority received it", "Time at which it received it"),
    ):
        the_day(page, legend, then.date())
        page.get_by_label(label).fill(f"{then:%H:%M}")
    button(page, "Write it down").click()
    said(page, "The copy is written down.")
    expect(page.get_by_role("main")).to_contain_text("72 hours end")
    looks.at(page, "order")
    page.get_by_role("link", name="Write down what it found").click()
    heading(page, "What the authority found")
    page.get_by_label("infringes").check()
    the_day(page, "Day on which it said so", then.date())
    page.get_by_label("Time at which it said so").fill(f"{then:%H:%M}")
    button(page, "Write it down").click()
    refused(page, "Write down the authority’s reasons")
    looks.at(page, "order-finding")
    page.get_by_label("Its reasons").fill("It is news.")
    button(page, "Write it down").click()
    said(page, "The authority’s finding is written down.")
    assert Referral.objects.get().withdrawal.reasons == "It is news."
    assert not Review.objects.exists()
    assert notice.decision.harm == HARM
