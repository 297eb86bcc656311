"""The person whose post was referred reads why and says that it was wrong; a desk delays it, an overseer reads it, the words are kept."""

from __future__ import annotations

import re

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core import mail
from playwright.sync_api import Page, expect
from tests.hub.referrals.conftest import ToldPlatform
from tests.journeys.conftest import LiveHub
from tests.support.hub import ACTOR
from tests.support.staff import SECRET, prepared, with_text
from tests.support.walking import Looks, Worker, button, heading, refused, row, said

from seawall.hub import moment
from seawall.hub.casework import services as casework
from seawall.hub.directory import services as directory
from seawall.hub.directory.roles import Role
from seawall.hub.referrals import services, withdrawals
from seawall.hub.referrals.models import NoticeDelay, Objection, Referral, ReferralState, UserNotice

pytestmark = pytest.mark.browser

OBJECTION = "It is a line of a song, and I am its singer."


@pytest.fixture
def looks() -> Looks:
    return Looks("user-notice", hidden=(SECRET,))


@pytest.fixture
def referral(live_hub: LiveHub, platform: ToldPlatform) -> Referral:
    """A referral that its platform has, about a post whose author is told."""
    return services.deliver(referral_id=prepared(live_hub.data).pk)


def page_of(referral: Referral) -> str:
    """The address of the page that only the author is given."""
    return f"/notice/{UserNotice.objects.get(referral=referral).secret}/"


def newcomer(live_hub: LiveHub) -> str:
    """Somebody of the desk who had no part in the case."""
    person = directory.add_person(email="new@hub.example", name="newcomer", password=None, actor=ACTOR)
    desk = live_hub.data.desks["general"]
    directory.give_role(person=person, role=Role.ANALYST, organisation=desk.organisation, desk=desk, actor=ACTOR)
    TOTP.activate(person, generate_totp_secret())
    live_hub.data.people["newcomer"] = person
    return "newcomer"


def test_on_a_phone_somebody_objects_and_sees_by_the_same_link_that_they_were_right(
    live_hub: LiveHub, phone: Page, page: Page, referral: Referral, looks: Looks, worker: Worker
) -> None:
    where = page_of(referral)
    nameless = ("analyst", "reviewer", referral.reference, referral.document["content"]["url"])
    reader = Looks("user-notice-reader", hidden=(SECRET, *nameless))
    live_hub.open(phone, where)
    heading(phone, "A post of yours was referred to Alpha")
    expect(row(phone, "Who asked")).to_contain_text("It is not a body of the state")
    expect(row(phone, "What Alpha did")).to_contain_text("It has not told us.")
    expect(phone.get_by_role("heading", name="Somebody to talk to")).to_be_visible()
    reader.at(phone, "phone-read")
    button(phone, "I think this was wrong").tap()
    heading(phone, "I think this was wrong")
    button(phone, "Send it").tap()
    refused(phone, "Write why you think that it was wrong")
    reader.at(phone, "phone-object")
    phone.get_by_label("Why do you think that it was wrong?").fill(OBJECTION)
    phone.get_by_label("Your e-mail address").fill("singer@somewhere.example")
    button(phone, "Send it").tap()
    heading(phone, "A post of yours was referred to Alpha")
    expect(phone.get_by_role("main")).to_contain_text("We have what you wrote")
    expect(button(phone, "I think this was wrong")).to_have_count(0)
    expect(phone.get_by_role("main")).not_to_contain_text(OBJECTION)

    # The desk: those who decided are told that it is not theirs to answer, somebody else answers.
    live_hub.sign_in(page, "analyst", "/notifications/")
    page.get_by_role("main").get_by_role("link", name=re.compile(referral.reference)).first.click()
    expect(page.get_by_role("main")).to_contain_text(OBJECTION)
    expect(page.get_by_role("main")).to_contain_text("nobody there can answer")
    looks.at(page, "nobody-may-answer")
    live_hub.sign_in(page, newcomer(live_hub), f"/referrals/{referral.pk}/")
    page.get_by_role("link", name="Answer them").click()
    heading(page, "Somebody thinks that this was wrong")
    button(page, "Answer them").click()
    refused(page, "Choose whether they were right", "Give your reasons")
    looks.at(page, "objection")
    page.get_by_label("Yes: the referral is withdrawn").check()
    page.get_by_label("Your reasons").fill("It is the refrain of a song that many people know.")
    button(page, "Answer them").click()
    said(page, f"{referral.reference} is withdrawn.")
    looks.at(page, "objection-answered")
    worker.work("referrals.mail_objection")
    assert [each.to for each in mail.outbox] == [["singer@somewhere.example"]]

    phone.reload()
    expect(phone.get_by_role("heading", name="It has been withdrawn")).to_be_visible()
    expect(phone.get_by_role("heading", name="You were right")).to_be_visible()
    main = phone.get_by_role("main")
    expect(main).to_contain_text("It is the refrain of a song that many people know.")
    expect(main).to_contain_text("Alpha has not confirmed yet that it knows this")
    reader.at(phone, "phone-right")
    worker.work("referrals.deliver_withdrawal")
    phone.reload()
    expect(main).to_contain_text("Alpha has confirmed that it knows this")
    assert Objection.objects.get().mail == ""


def test_without_scripts_somebody_is_told_that_it_stands(
    live_hub: LiveHub, page_without_scripts: Page, referral: Referral
) -> None:
    page = page_without_scripts
    live_hub.open(page, page_of(referral))
    button(page, "I think this was wrong").click()
    button(page, "Send it").click()
    expect(page.locator(".govuk-error-summary")).to_contain_text("Write why you think that it was wrong")
    page.get_by_label("Why do you think that it was wrong?").fill(OBJECTION)
    button(page, "Send it").click()
    expect(page.get_by_role("main")).to_contain_text("We have what you wrote")
    live_hub.sign_in(page, newcomer(live_hub), f"/referrals/{referral.pk}/")
    page.get_by_role("link", name="Answer them").click()
    page.get_by_label("No: the referral stands").check()
    page.get_by_label("Your reasons").fill("The rule names it, and no song has these words.")
    button(page, "Answer them").click()
    said(page, f"{referral.reference} stands.")
    live_hub.open(page, page_of(referral))
    expect(page.get_by_role("heading", name="We looked again and did not change it")).to_be_visible()
    expect(button(page, "I think this was wrong")).to_be_visible()
    assert Referral.objects.get().state == ReferralState.AWAITING


def test_an_unknown_link_is_met_with_calm(live_hub: LiveHub, phone: Page, looks: Looks) -> None:
    live_hub.open(phone, "/notice/not-a-link/")
    heading(phone, "We do not know this link")
    looks.at(phone, "phone-unknown")


def test_a_delay_is_asked_for_approved_read_and_ended(
    live_hub: LiveHub, page: Page, platform: ToldPlatform, looks: Looks, worker: Worker
) -> None:
    case = with_text(live_hub.data.case(), SECRET)
    casework.claim(case=case, person=live_hub.person("analyst"))
    live_hub.sign_in(page, "analyst", f"/cases/{case.pk}/")
    looks.at(page, "case")
    page.get_by_role("link", name="Ask that they are told later").click()
    heading(page, "Tell the person later")
    button(page, "Ask for the delay").click()
    refused(
        page, "Choose why they should be told later", "Say what exactly the reason is", "Answer “For how many days?”"
    )
    looks.at(page, "delay-ask")
    page.get_by_role("group", name="Why should they be told later?").get_by_role("radio").first.check()
    page.get_by_label("What exactly is the reason?").fill("They said that they would hurt whoever reported them.")
    page.get_by_label("For how many days?").fill("14")
    button(page, "Ask for the delay").click()
    said(page, "Somebody else has to approve it.")
    expect(page.get_by_role("link", name="Answer the request")).to_have_count(0)

    live_hub.sign_in(page, "reviewer", f"/cases/{case.pk}/")
    page.get_by_role("link", name="Answer the request").click()
    heading(page, "A request that a person is told later")
    page.get_by_label("No, the person is told now").check()
    button(page, "Answer the request").click()
    refused(page, "Say why it is refused")
    looks.at(page, "delay-answer")
    page.get_by_label("Yes, the person is told later").check()
    button(page, "Answer the request").click()
    said(page, "The person is told later.")

    decision = casework.decide(case=case, person=live_hub.person("analyst"), form=live_hub.data.referral_form())
    if decision.second_review_needed:
        casework.review(
            decision=decision, person=live_hub.person("reviewer"), concurs=True, reasons="Read it, and I see the same."
        )
    worker.work("referrals.prepare", "referrals.deliver")
    referral = Referral.objects.get()
    live_hub.open(page, page_of(referral))
    heading(page, "We do not know this link")
    live_hub.sign_in(page, "alpha_contact", f"/referrals/{referral.pk}/")
    expect(page.get_by_role("main")).to_contain_text("Please do not tell the person before")
    expect(page.get_by_role("main")).not_to_contain_text("would hurt whoever reported them")
    expect(button(page, "We have told the person")).to_have_count(0)
    looks.at(page, "delayed-platform")

    live_hub.sign_in(page, "overseer", "/notice-delays/")
    heading(page, "Notices to people whose posts were referred")
    expect(page.get_by_role("main")).to_contain_text("would hurt whoever reported them")
    expect(page.get_by_role("main")).to_contain_text("Approved by somebody else")
    looks.at(page, "delays")

    live_hub.sign_in(page, "analyst", f"/referrals/{referral.pk}/")
    looks.at(page, "delayed-desk")
    page.get_by_role("link", name="Ask that the delay is made longer").click()
    heading(page, "Make the delay longer")
    looks.at(page, "delay-longer")
    page.get_by_role("link", name="Back to the referral").click()
    page.get_by_role("link", name="End the delay now").click()
    button(page, "End it").click()
    refused(page, "Say why the delay ends now")
    looks.at(page, "delay-end")
    page.get_by_label("Why does the delay end now?").fill("Nobody is at risk any more.")
    button(page, "End it").click()
    said(page, "The delay is over. The platform is sent the words.")
    worker.work("referrals.deliver_user_notice")
    assert len(platform.informed) == 1

    live_hub.open(page, page_of(referral))
    expect(page.get_by_role("main")).to_contain_text("You are told this later than others would be.")
    live_hub.sign_in(page, "alpha_contact", f"/referrals/{referral.pk}/")
    button(page, "We have told the person").click()
    said(page, "The hub knows that you told the person.")
    live_hub.sign_in(page, "overseer", "/notice-delays/")
    expect(row(page, "Ended early")).to_contain_text("Nobody is at risk any more.")
    assert NoticeDelay.objects.get().ended_at is not None


def test_the_words_are_changed_with_a_preview_and_complaints_have_an_address(
    live_hub: LiveHub, page: Page, referral: Referral, looks: Looks
) -> None:
    live_hub.sign_in(page, "administrator", "/home/")
    page.get_by_role("navigation").get_by_role("link", name="Words of notices").click()
    looks.at(page, "words")
    page.get_by_role("link", name="change the words for Alpha").click()
    heading(page, "Words for Alpha")
    expect(page.get_by_role("main")).to_contain_text("The shipped words are in force")
    looks.at(page, "words-edit")
    words = page.get_by_label("The words", exact=True)
    shipped = words.input_value()
    words.fill(shipped.replace("{appeal}", ""))
    button(page, "Adopt these words").click()
    expect(page.locator(".govuk-error-summary")).to_contain_text("The words have to hold the slot {appeal}")
    looks.at(page, "words-wrong")
    words.fill(f"Dear reader.\n\n{shipped}")
    button(page, "Preview").click()
    expect(page.locator(".sw-said").first).to_contain_text("Dear reader.")
    expect(words).to_have_value(f"Dear reader.\n\n{shipped}")
    looks.at(page, "words-preview")
    button(page, "Adopt these words").click()
    said(page, "The words are adopted.")
    expect(page.get_by_role("link", name="Version 1")).to_be_visible()

    page.get_by_role("link", name="change it for Alpha").click()
    heading(page, "How people complain to Alpha")
    button(page, "Save it").click()
    expect(page.locator(".govuk-error-summary")).to_be_focused()
    looks.at(page, "complaints")
    page.get_by_label("Where do people complain?").fill("https://alpha.example/complain")
    page.get_by_label("Within how many days?").fill("180")
    page.get_by_label("The page where the platform says so").fill("https://alpha.example/help")
    today = moment.now().date()
    for label, number in (("Day", today.day), ("Month", today.month), ("Year", today.year)):
        page.get_by_role("group", name="Day on which you read it").get_by_label(label).fill(str(number))
    button(page, "Save it").click()
    said(page, "Notices on Alpha say this from now on.")

    live_hub.open(page, page_of(referral))
    link = page.get_by_role("link", name="this page of Alpha")
    expect(link).to_have_attribute("href", "https://alpha.example/complain")
    expect(page.get_by_role("main")).to_contain_text("You have 180 days to do it.")
    later = services.deliver(referral_id=prepared(live_hub.data).pk)
    assert UserNotice.objects.get(referral=later).text.startswith("Dear reader.")
    assert not UserNotice.objects.get(referral=referral).text.startswith("Dear reader.")


def test_somebody_reads_that_a_referral_was_taken_back_before_they_objected(
    live_hub: LiveHub, phone: Page, referral: Referral, worker: Worker, looks: Looks
) -> None:
    withdrawals.withdraw_by_person(referral=referral, person=live_hub.person("analyst"), reasons="It is a lyric.")
    worker.work("referrals.deliver_withdrawal")
    live_hub.open(phone, page_of(referral))
    expect(phone.get_by_role("heading", name="It has been withdrawn")).to_be_visible()
    expect(phone.get_by_role("main")).to_contain_text("Alpha was asked to undo what it did because of it.")
    expect(phone.get_by_role("main")).not_to_contain_text("It is a lyric.")
    looks.at(phone, "phone-withdrawn")
