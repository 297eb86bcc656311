"""What a desk and the overseer do about a referral: withdraw, note an answer, send by hand, read mail and what came in, recommend, answer."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from tests.hub.intake.conftest import Software, key_of, plain
from tests.hub.intake.conftest import referral as anothers
from tests.hub.referrals.conftest import ToldPlatform
from tests.journeys.conftest import LiveHub
from tests.support.hub import ACTOR
from tests.support.staff import SECRET, by_police, prepared
from tests.support.walking import Looks, Worker, button, heading, press, refused, row, said

from seawall import channels
from seawall.hub import moment
from seawall.hub.directory import services as directory
from seawall.hub.intake.models import IncomingReply
from seawall.hub.referrals import services
from seawall.hub.referrals.models import IncomingMail, MailKind, PlatformAnswer, Reading, Referral, ReferralState

pytestmark = pytest.mark.browser

WHY = "On a second reading it is a lyric."
REPLY = "<b>Words</b> that somebody wrote to the desk"


@pytest.fixture
def looks() -> Looks:
    return Looks("desk", hidden=(SECRET,))


@pytest.fixture
def referral(live_hub: LiveHub, platform: ToldPlatform) -> Referral:
    """A referral of the general desk that its platform has."""
    return services.deliver(referral_id=prepared(live_hub.data).pk)


def fresh(referral: Referral) -> Referral:
    return Referral.objects.get(pk=referral.pk)


def test_a_referral_is_withdrawn_and_the_platform_told_by_hand(
    live_hub: LiveHub, page: Page, platform: ToldPlatform, referral: Referral, looks: Looks, worker: Worker
) -> None:
    live_hub.sign_in(page, "analyst", "/referrals/")
    page.get_by_role("link", name=referral.reference).click()
    looks.at(page, "referral")
    button(page, "Withdraw").click()
    heading(page, "Withdraw this referral")
    button(page, "Withdraw it").click()
    refused(page, "Say why it is withdrawn")
    looks.at(page, "withdraw")
    page.get_by_label("Why is it withdrawn?").fill(WHY)
    button(page, "Withdraw it").click()
    said(page, f"{referral.reference} is withdrawn. Alpha is told, and has to confirm it.")
    expect(page.get_by_role("main")).to_contain_text("Alpha has not confirmed it yet.")
    for gone in ("Withdraw", "Note an answer"):
        expect(button(page, gone)).to_have_count(0)
    platform.failures.append(channels.NotCarried("Tell them by mail."))
    worker.work("referrals.deliver_withdrawal")

    live_hub.open(page, "/notifications/")
    page.get_by_role("main").get_by_role("link", name=re.compile(referral.reference)).first.click()
    expect(page.get_by_role("main")).to_contain_text("The channel cannot carry it: somebody has to tell Alpha.")
    button(page, "I told them myself").click()
    heading(page, "Alpha knows of the withdrawal")
    button(page, "Write it down").click()
    refused(page, "Say whom you told, how, and what they said")
    looks.at(page, "told")
    page.get_by_label("Whom did you tell, how, and what did they say?").fill("I rang them.")
    button(page, "Write it down").click()
    said(page, "It is written down that Alpha knows of the withdrawal.")
    expect(page.get_by_role("main")).to_contain_text("Alpha confirmed that it has the withdrawal")
    expect(row(page, "Stands at")).to_have_text("Stopped: withdrawn")
    looks.at(page, "withdrawn")
    assert fresh(referral).state == ReferralState.WITHDRAWN


def test_an_answer_by_telephone_is_noted_by_keyboard(
    live_hub: LiveHub, page: Page, referral: Referral, looks: Looks
) -> None:
    live_hub.sign_in(page, "analyst", f"/referrals/{referral.pk}/")
    press(page, button(page, "Note an answer"))
    heading(page, "What Alpha said")
    press(page, button(page, "Write it down"))
    refused(page, "Choose your answer", "Say who said so, when and how")
    looks.at(page, "note")
    page.get_by_label("We looked at it and leave it up").focus()
    page.keyboard.press("Space")
    page.get_by_label("What else did they say?").focus()
    page.keyboard.type("It breaks no rule of theirs.")
    page.get_by_label("Who said so, when and how?").focus()
    page.keyboard.type("Their desk, by telephone.")
    press(page, button(page, "Write it down"))
    said(page, "The answer is written down.")
    expect(page.get_by_role("main")).to_contain_text("Heard so: Their desk, by telephone.")
    looks.at(page, "noted")
    answer = PlatformAnswer.objects.get()
    assert (answer.proof, fresh(referral).state) == ("stated", ReferralState.ANSWERED)


def test_a_referral_is_sent_by_hand_and_its_mail_read(live_hub: LiveHub, page: Page, looks: Looks) -> None:
    directory.set_route(
        platform=live_hub.data.platforms["alpha"],
        channel="manual",
        endpoint="https://alpha.example/report",
        actor=ACTOR,
    )
    referral = services.deliver(referral_id=prepared(live_hub.data).pk)
    live_hub.sign_in(page, "analyst", f"/referrals/{referral.pk}/")
    button(page, "Send it by hand").click()
    heading(page, "Send it to Alpha by hand")
    expect(page.get_by_role("main")).to_contain_text("https://alpha.example/report")
    looks.at(page, "by-hand")
    page.get_by_label("The reference that the platform gave you").fill("T 1")
    button(page, "I have sent it").click()
    refused(page, "Use letters, digits and signs, without spaces", "Choose when you sent it")
    page.get_by_label("The reference that the platform gave you").fill("T-1")
    page.get_by_label("Just now").check()
    picture = {"name": "page.png", "mimeType": "image/png", "buffer": b"what the page showed"}
    page.get_by_label("The picture of what the platform showed then").set_input_files(picture)  # type: ignore[arg-type]
    button(page, "I have sent it").click()
    said(page, "The clock of Alpha runs since you sent it.")
    expect(row(page, "Their reference")).to_contain_text("T-1")
    expect(row(page, "Stands at")).to_contain_text("Due in")
    assert fresh(referral).proof == "stated"

    IncomingMail.objects.create(
        referral=referral,
        kind=MailKind.WORDS,
        sender="abuse@alpha.example",
        subject="Re: your referral",
        text=REPLY,
        digest="0" * 64,
        received_at=moment.now(),
    )
    page.reload()
    expect(page.get_by_role("main")).to_contain_text(REPLY)
    looks.at(page, "mail")
    read = page.get_by_role("main").get_by_role("button", name=re.compile("I have read it.*Re: your referral"))
    read.click()
    expect(read).to_have_count(0)
    expect(page.get_by_role("main")).to_contain_text(REPLY)
    assert IncomingMail.objects.get().dealt_with_by == live_hub.person("analyst")


def test_what_came_in_by_software_is_listed_and_opened_masked(
    live_hub: LiveHub, page: Page, referral: Referral, looks: Looks
) -> None:
    software = Software(key_of(live_hub.data, "beta"))
    threatening = "It threatens somebody by name."
    report = software.taken(anothers(explanation=threatening))
    software.taken(plain("connection/port_scan", protocol="tcp", first_seen="2026-11-02T09:30:00Z"))
    IncomingReply.objects.create(
        referral=referral,
        activity_id="https://alpha.example/flags/1",
        digest="0" * 64,
        activity="Create",
        sender="https://alpha.example/actor",
        kind="words",
        text=REPLY,
        received_at=moment.now(),
    )
    live_hub.sign_in(page, "analyst", "/home/")
    page.get_by_role("navigation").get_by_role("link", name="Sent here").click()
    heading(page, "Sent to this hub")
    expect(page.get_by_role("main")).to_contain_text("It names no post")
    expect(page.get_by_text(REPLY)).to_be_hidden()
    looks.at(page, "intake")
    page.get_by_text("Show the reply").click()
    expect(page.get_by_text(REPLY)).to_be_visible()
    read = page.get_by_role("main").get_by_role(
        "button", name=re.compile(f"I have read it.*the reply to {referral.reference}")
    )
    read.click()
    said(page, f"The reply to {referral.reference} is read.")
    expect(read).to_have_count(0)

    assert report.case is not None
    page.get_by_role("link", name=report.case.reference).click()
    expect(page.get_by_text(threatening)).to_be_hidden()
    looks.at(page, "intake-case")
    page.get_by_text("Show what they sent").click()
    expect(page.get_by_text(threatening)).to_be_visible()


def test_the_overseer_recommends_and_the_desk_answers_without_scripts(
    live_hub: LiveHub, page_without_scripts: Page, page: Page, platform: ToldPlatform, looks: Looks, worker: Worker
) -> None:
    """Two referrals by the police: one recommendation is not followed, and the other one withdraws."""
    officers = page_without_scripts
    stands, withdrawn = (services.deliver(referral_id=by_police(live_hub.data).pk) for _ in range(2))
    overseers = Looks("overseer", hidden=("officer", "inspector"))
    for each in (stands, withdrawn):
        live_hub.sign_in(page, "overseer", "/referrals/")
        page.get_by_role("link", name=each.reference).click()
        expect(page.get_by_text("By a body of the state", exact=True)).to_be_visible()
        button(page, "Write down your reading").click()
        heading(page, "Your reading of this referral")
        page.get_by_label("It should be withdrawn").check()
        button(page, "Write it down").click()
        refused(page, "Say why it should be withdrawn")
        if each == stands:
            overseers.at(page, "reading")
        page.get_by_label("Your reasons").fill("It reads like a line of a play.")
        button(page, "Write it down").click()
        said(page, f"Your reading of {each.reference} is written down.")
        expect(button(page, "Write down your reading")).to_have_count(0)
    overseers.at(page, "read")

    for each, follow in ((stands, "No, the referral stands"), (withdrawn, "Yes, withdraw the referral")):
        live_hub.sign_in(officers, "officer" if each == withdrawn else "inspector", f"/referrals/{each.pk}/")
        button(officers, "Answer the overseer").click()
        heading(officers, "The overseer recommends that this is withdrawn")
        expect(officers.get_by_role("main")).to_contain_text("It reads like a line of a play.")
        officers.get_by_label(follow).check()
        button(officers, "Answer the overseer").click()
        if each == stands:
            expect(officers.locator(".govuk-error-summary")).to_contain_text("Say why the referral stands")
            officers.get_by_label("Your answer to the overseer").fill("It names a person and a place.")
            button(officers, "Answer the overseer").click()
    live_hub.sign_in(page, "overseer", f"/referrals/{withdrawn.pk}/")
    expect(page.get_by_role("main")).to_contain_text("The desk followed it.")
    assert fresh(withdrawn).state == ReferralState.WITHDRAWN
    assert Reading.objects.count() == 2
