"""The public page of a notice, “I think this was wrong”, and the pages of desks, platforms, the overseer and the administrator."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from tests.hub.referrals.conftest import ToldPlatform, at, received
from tests.hub.referrals.test_user_notices import WORDS, asked, claimed, decided, delayed, notice_of
from tests.support.hub import ACTOR, SmallHub
from tests.support.staff import NASTY, SECRET, SignedIn, body, by_police
from tests.support.staff import received as held

from seawall.hub import logs, moment
from seawall.hub.casework.form import FormIncomplete
from seawall.hub.content.models import Content
from seawall.hub.directory import services as directory
from seawall.hub.directory.roles import Role
from seawall.hub.ledger.models import Entry
from seawall.hub.notifications.models import Notification
from seawall.hub.referrals import objections, pending, services, user_notice_delays, user_notices, withdrawals
from seawall.hub.referrals.models import (
    NoticeDelay,
    NoticeText,
    Objection,
    PlatformAnswer,
    Referral,
    ReferralState,
    UserNotice,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def platform(platform: ToldPlatform, monkeypatch: pytest.MonkeyPatch) -> ToldPlatform:
    monkeypatch.setattr(user_notices, "channel_of", lambda _referral: platform)
    return platform


def page_of(referral: Referral) -> str:
    return f"/notice/{notice_of(referral).secret}/"


def somebody_else(hub: SmallHub) -> Any:
    """A further analyst of the general desk, who had no part in anything."""
    person = directory.add_person(email="new@hub.example", name="New Person", password=None, actor=ACTOR)
    directory.give_role(
        person=person, role=Role.ANALYST, organisation=hub.organisations["hub"], desk=hub.desks["general"], actor=ACTOR
    )
    return person


def objected(referral: Referral, **more: str) -> Objection:
    return objections.object_to(notice=notice_of(referral), text=f"It is a line of a song. {NASTY}", **more)


# The public page


@pytest.mark.core
def test_the_page_says_what_was_asked_by_whom_and_what_came_of_it_and_shows_no_post(hub: SmallHub) -> None:
    referral = held(hub)
    PlatformAnswer.objects.create(
        referral=referral,
        answer_id="a1",
        answered_at=moment.now(),
        collected_at=moment.now(),
        status="COMPLETED",
        reason_code="ACTIONED",
        actions=["removed", NASTY],
        detail=f"Somebody Named wrote it. {NASTY}",
    )
    answer = Client().get(page_of(referral))
    said = body(answer)
    assert answer.status_code == 200
    for words in (
        "A post of yours was referred to Alpha",
        "a hub that works against harm online",
        "It is not a body of the state",
        "Abuse and harassment",
        "Alpha makes up its own mind",
        "this rule of Alpha",
        "It says that it did this: removed the post.",
        "I think this was wrong",
        "Somebody to talk to",
        "Samaritans",
    ):
        assert words in said, words
    content = Content.objects.get(pk=referral.case.content_id)
    hidden = [SECRET, content.url, content.native_id, NASTY, "Somebody Named", referral.reference, str(referral.pk)]
    hidden += [hub.desks["general"].name, referral.case.reference, "analyst", "reviewer"]
    hidden += [person.email for person in hub.people.values()]
    main = said.partition("<main")[2].partition("</main>")[0]
    assert [one for one in hidden if one in main] == []
    assert "Somebody to talk to" in main
    assert (answer["Cache-Control"], answer["X-Robots-Tag"]) == ("no-store", "noindex, nofollow")
    assert answer["Referrer-Policy"] == "no-referrer"
    assert 'name="robots" content="noindex, nofollow"' in said


def test_a_body_of_the_state_is_named_on_the_page(hub: SmallHub) -> None:
    referral = by_police(hub)
    said = body(Client().get(page_of(referral)))
    assert "a police body, which is a body of the state" in said
    assert "It has not told us." in said
    assert "officer" not in said.partition("<main")[2].partition("</main>")[0]


@pytest.mark.core
def test_an_address_that_is_none_finds_nothing_and_no_log_holds_one(hub: SmallHub) -> None:
    referral = held(hub)
    for wrong in ("/notice/abc/", page_of(referral)[:-2] + "/", "/notice/abc/objection/"):
        answer = Client().get(wrong)
        assert answer.status_code == 404
        assert "We do not know this link" in body(answer)
        assert answer["X-Robots-Tag"] == "noindex, nofollow"
    secret = notice_of(referral).secret
    line = logging.LogRecord("django", logging.WARNING, "", 0, "Not Found: %s", (f"/notice/{secret}/x",), None)
    assert logs.WithoutSecretLinks().filter(line)
    assert line.getMessage() == "Not Found: /notice/…/x"


def test_the_page_waits_for_the_end_of_a_delay_and_says_that_there_was_one(hub: SmallHub) -> None:
    with at():
        referral = delayed(hub, days=3)
        assert Client().get(page_of(referral)).status_code == 404
    with at(days=3):
        said = body(Client().get(page_of(referral)))
    assert "You are told this later than others would be" in said
    assert WORDS not in said


# I think this was wrong


@pytest.mark.core
def test_an_objection_reaches_the_desk_and_the_overseer_and_stands_with_the_referral(
    hub: SmallHub, as_: SignedIn
) -> None:
    referral = held(hub)
    where = page_of(referral)
    form = Client().get(f"{where}objection/")
    assert form["Referrer-Policy"] == "same-origin"
    sent = Client().post(f"{where}objection/", {"text": f"It is a line of a song. {NASTY}", "mail": ""})
    assert (sent.status_code, sent["Location"]) == (302, where)
    assert "We have what you wrote" in body(Client().get(where))
    kept = Objection.objects.get()
    told = set(Notification.objects.filter(kind="referral.objection").values_list("person__name", flat=True))
    assert told == {"analyst", "reviewer", "overseer"}
    assert Entry.objects.get(verb="user_notice.objection_made").actor_id == "-"
    assert "song" not in json.dumps(Entry.objects.get(verb="user_notice.objection_made").payload)
    for name in ("analyst", "overseer"):
        said = body(as_(name).get(f"/referrals/{referral.pk}/"))
        assert "It is a line of a song. &lt;script&gt;" in said
        assert NASTY not in said
        assert "nobody there can answer" in said  # both people of this desk had a part in the case
    assert "It is a line of a song" not in body(as_("alpha_contact").get(f"/referrals/{referral.pk}/"))
    assert referral.reference in body(as_("overseer").get("/notice-delays/"))
    assert kept.answered_at is None


def test_the_form_is_kept_from_abuse(hub: SmallHub) -> None:
    referral = held(hub)
    where = f"{page_of(referral)}objection/"
    for text, mailed in (("", ""), ("x" * 2_001, ""), ("right", "no address")):
        refused = Client().post(where, {"text": text, "mail": mailed})
        assert (refused.status_code, Objection.objects.count()) == (422, 0)
    with pytest.raises(FormIncomplete):
        objections.object_to(notice=notice_of(referral), text="a\x00b")
    other = somebody_else(hub)
    for number in range(1, objections.MOST + 1):
        assert Client().post(where, {"text": f"Wrong {number}"}).status_code == 302
        again = Client().post(where, {"text": "Once more"})
        assert (again.status_code, Objection.objects.count()) == (429, number)
        objections.answer(
            objection=Objection.objects.get(answered_at=None), person=other, upheld=False, reasons="It is a threat."
        )
    full = Client().post(where, {"text": "Once more"})
    assert (full.status_code, "You can still complain to the platform" in body(full)) == (429, True)
    assert "I think this was wrong</a>" not in body(Client().get(page_of(referral)))


@pytest.mark.core
def test_whoever_decided_or_reviewed_does_not_answer_and_nobody_of_another_desk_does(
    hub: SmallHub, as_: SignedIn
) -> None:
    referral = held(hub)
    kept = objected(referral)
    where = f"/objections/{kept.pk}/answer/"
    for name in ("analyst", "reviewer"):
        with pytest.raises(objections.NotYours):
            objections.answer(objection=kept, person=hub.people[name], upheld=False, reasons="I was right.")
        assert as_(name).post(where, {"upheld": "no", "reasons": "I was right."}).status_code == 403
    for name in ("candidate_analyst", "officer", "welfare"):
        assert as_(name).get(where).status_code == 404
    for name in ("officer", "overseer", "administrator", "alpha_contact"):
        with pytest.raises(PermissionError):
            objections.answer(objection=kept, person=hub.people[name], upheld=False, reasons="I was right.")
    with pytest.raises(FormIncomplete):
        objections.answer(objection=kept, person=somebody_else(hub), upheld=False, reasons=" ")
    kept.refresh_from_db()
    assert kept.answered_at is None


@pytest.mark.core
def test_an_objection_that_is_upheld_takes_the_referral_back_and_the_page_shows_it(
    hub: SmallHub, platform: ToldPlatform
) -> None:
    with at():
        referral = received(hub)
        kept = objected(referral, mail="reader@example.com")
        other = somebody_else(hub)
    with at(hours=1):
        objections.answer(objection=kept, person=other, upheld=True, reasons="It is a line of a song, and no threat.")
        made = Referral.objects.get(pk=referral.pk).withdrawal
        assert (made.by, made.restore, made.reasons) == ("appeal", True, "It is a line of a song, and no threat.")
        said = body(Client().get(page_of(referral)))
        assert "You were right" in said
        assert "It is a line of a song, and no threat." in said
        assert "Alpha has not confirmed yet that it knows this" in said
        withdrawals.deliver_withdrawal(withdrawal_id=made.pk)
        said = body(Client().get(page_of(referral)))
        assert "Alpha has confirmed that it knows this" in said
        assert "Alpha was asked to undo what it did" in said
        assert pending.unmailed_objections() == [kept.pk]
        objections.mail_answer(objection_id=kept.pk)
        objections.mail_answer(objection_id=kept.pk)
    (letter,) = mail.outbox
    assert letter.to == ["reader@example.com"]
    assert page_of(referral) in letter.body
    assert "song" not in letter.body
    kept.refresh_from_db()
    assert (kept.mail, kept.upheld, pending.unmailed_objections()) == ("", True, [])
    payload = Entry.objects.get(verb="user_notice.objection_answered").payload
    assert (payload["upheld"], payload["referral"]) == (True, str(referral.pk))


def test_an_objection_that_is_not_upheld_changes_nothing_and_its_reasons_are_shown(
    hub: SmallHub, as_: SignedIn, client: Client
) -> None:
    referral = held(hub)
    kept = objected(referral)
    person = somebody_else(hub)
    objections.answer(objection=kept, person=person, upheld=False, reasons=f"It is a threat. {NASTY}")
    assert Referral.objects.get(pk=referral.pk).state == ReferralState.AWAITING
    said = body(Client().get(page_of(referral)))
    assert "We looked again and did not change it" in said
    assert "It is a threat. &lt;script&gt;" in said
    with pytest.raises(FormIncomplete):
        objections.answer(objection=kept, person=person, upheld=True, reasons="I changed my mind.")


def test_one_upheld_after_a_withdrawal_is_answered_all_the_same(hub: SmallHub) -> None:
    referral = held(hub)
    kept = objected(referral)
    withdrawals.withdraw_by_person(referral=referral, person=hub.people["analyst"], reasons="It was wrong.")
    objections.answer(objection=kept, person=somebody_else(hub), upheld=True, reasons="It was withdrawn before.")
    assert Referral.objects.get(pk=referral.pk).withdrawal.by == "referrer"


# Delays by their pages


@pytest.mark.core
def test_a_delay_by_the_pages(hub: SmallHub, as_: SignedIn, platform: ToldPlatform) -> None:
    case = claimed(hub)
    assert "Ask that they are told later" in body(as_("analyst").get(f"/cases/{case.pk}/"))
    ask = f"/cases/{case.pk}/notice-delay/"
    assert as_("candidate_analyst").get(ask).status_code == 404
    assert as_("analyst").post(ask, {"reason": "whim", "words": "x", "days": "29"}).status_code == 422
    assert as_("analyst").post(ask, {"reason": "life", "words": WORDS, "days": "5"}).status_code == 302
    delay = NoticeDelay.objects.get()
    answer = f"/notice-delays/{delay.pk}/answer/"
    assert WORDS in body(as_("reviewer").get(answer))
    assert as_("analyst").post(answer, {"approve": "yes"}).status_code == 403
    assert as_("officer").get(answer).status_code == 404
    assert as_("reviewer").post(answer, {"approve": "no"}).status_code == 422
    assert "Answer the request" in body(as_("reviewer").get(f"/cases/{case.pk}/"))
    assert as_("reviewer").post(answer, {"approve": "yes"}).status_code == 302
    referral = services.deliver(referral_id=services.prepare(decision_id=decided(hub, case).pk).pk)
    where = f"/referrals/{referral.pk}/"
    for name in ("analyst", "overseer"):
        assert WORDS in body(as_(name).get(where))
    theirs = body(as_("alpha_contact").get(where))
    assert WORDS not in theirs
    assert notice_of(referral).text not in theirs
    assert "/notice/" not in theirs.replace("/notice-", "")
    assert "Please do not tell the person before" in theirs
    assert WORDS in body(as_("overseer").get("/notice-delays/"))
    longer = f"/referrals/{referral.pk}/notice-delay/"
    assert as_("analyst").post(longer, {"reason": "evidence", "words": WORDS, "days": "28"}).status_code == 302
    again = NoticeDelay.objects.get(answered_at=None)
    assert as_("reviewer").post(f"/notice-delays/{again.pk}/answer/", {"approve": "yes"}).status_code == 302
    end = f"/notice-delays/{again.pk}/end/"
    assert as_("analyst").post(end, {"because": ""}).status_code == 422
    assert as_("analyst").post(end, {"because": "The danger has passed."}).status_code == 302
    assert notice_of(referral).released_because == "ended"
    assert "You can now tell the person" in body(as_("alpha_contact").get("/notifications/"))


def test_a_request_that_waits_is_shown_with_its_hour(hub: SmallHub, as_: SignedIn) -> None:
    case = claimed(hub)
    asked(hub, case)
    decided(hub, case)
    assert "The referral waits for an answer until" in body(as_("reviewer").get(f"/cases/{case.pk}/"))
    with pytest.raises(user_notice_delays.HeldForAnswer):
        services.prepare(decision_id=case.decisions.get().pk)


# What platforms read and say


def key_of(hub: SmallHub, slug: str = "alpha") -> dict[str, Any]:
    _key, secret = directory.give_api_key(organisation=hub.organisations[slug], name="Test", actor=ACTOR)
    return {"HTTP_AUTHORIZATION": f"Bearer {secret}"}


@pytest.mark.core
def test_a_platforms_software_reads_the_words_and_says_that_it_told_the_person(hub: SmallHub) -> None:
    referral, key = held(hub), key_of(hub)
    told = Client().get(f"/api/v1/referrals/{referral.pk}/", **key).json()["user_notice"]
    notice = notice_of(referral)
    assert told == {
        "state": "to_be_shown",
        "delayed_until": None,
        "text": notice.text,
        "language": "en",
        "link": f"http://127.0.0.1:8000/notice/{notice.secret}/",
        "user_told": None,
    }

    def say(**answer: object) -> dict[str, Any]:
        sent = {"answers": [{"referral": str(referral.pk), **answer}]}
        found = Client().post("/api/v1/answers/", sent, content_type="application/json", **key).json()["answers"][0]
        assert isinstance(found, dict)
        return found

    assert "must be true or false" in say(says="received", user_told="yes")["problem"]
    assert say(says="actioned", actions=["removed"], puid="p-1", user_told=True)["taken"]
    assert Client().get(f"/api/v1/referrals/{referral.pk}/", **key).json()["user_notice"]["state"] == "told"
    assert say(user_told=False)["taken"]  # alone, and after the end
    assert Client().get(f"/api/v1/referrals/{referral.pk}/", **key).json()["user_notice"]["state"] == "not_told"
    assert not say(detail="Nothing said.")["taken"]
    said = Entry.objects.filter(verb="user_notice.user_told").order_by("pk")
    assert [(one.payload["told"], one.payload["way"]) for one in said] == [(True, "api"), (False, "api")]


def test_an_answer_that_is_refused_says_nothing_of_the_person_either(hub: SmallHub) -> None:
    referral = held(hub)
    sent = {"answers": [{"referral": str(referral.pk), "says": "actioned", "user_told": True}]}
    answer = Client().post("/api/v1/answers/", sent, content_type="application/json", **key_of(hub))
    assert not answer.json()["answers"][0]["taken"]
    assert notice_of(referral).user_told is None


def test_a_delayed_notice_is_hidden_from_software(hub: SmallHub, platform: ToldPlatform) -> None:
    referral = services.deliver(referral_id=delayed(hub, days=3).pk)
    found = Client().get(f"/api/v1/referrals/{referral.pk}/", **key_of(hub))
    told = found.json()["user_notice"]
    assert (told["state"], told["text"], told["link"]) == ("delayed", None, None)
    assert told["delayed_until"] is not None
    assert WORDS not in found.content.decode()


@pytest.mark.core
def test_a_platforms_people_say_so_on_their_pages(hub: SmallHub, as_: SignedIn) -> None:
    referral = held(hub)
    where = f"/referrals/{referral.pk}/notice/told/"
    assert as_("beta_contact").post(where).status_code == 404
    assert notice_of(referral).text.splitlines()[0] in body(as_("alpha_contact").get(f"/referrals/{referral.pk}/"))
    assert as_("alpha_contact").post(where).status_code == 302
    assert (notice_of(referral).user_told, notice_of(referral).user_told_way) == (True, "portal")
    assert "The platform says that it told the person" in body(as_("analyst").get(f"/referrals/{referral.pk}/"))
    other = held(hub)
    given = {"answering": "yes", "says": "actioned", "actions": ["removed"], "puid": "p-1", "user_told": "on"}
    assert as_("alpha_contact").post(f"/referrals/{other.pk}/answer/", given).status_code == 302
    assert notice_of(other).user_told is True
    third = held(hub)
    noted = {"says": "actioned", "actions": ["removed"], "puid": "p-1", "user_told": "on", "source": "By telephone."}
    assert as_("analyst").post(f"/referrals/{third.pk}/note/", noted).status_code == 302
    assert notice_of(third).user_told is None  # a caseworker does not say it for them


def test_a_platform_that_has_to_be_told_by_a_person(hub: SmallHub, as_: SignedIn) -> None:
    referral = held(hub)
    UserNotice.objects.update(by_hand=True, reached_at=None)
    assert "I gave them the words" in body(as_("analyst").get(f"/referrals/{referral.pk}/"))
    where = f"/referrals/{referral.pk}/notice/passed-on/"
    assert as_("analyst").post(where, {"note": ""}).status_code == 422
    assert as_("analyst").post(where, {"note": "By telephone."}).status_code == 302
    assert notice_of(referral).reached_at is not None


# The administrator's pages


@pytest.mark.core
def test_the_administrator_previews_words_before_they_count(hub: SmallHub, as_: SignedIn) -> None:
    browser = as_("administrator")
    listed = body(browser.get("/notice-texts/"))
    assert "The shipped ones" in listed
    assert "Alpha" in listed
    words = "It was {who}. {ground} {decides} {appeal} {link} <b>"
    shown = body(browser.post("/notice-texts/alpha/", {"text": words, "language": "en", "do": "preview"}))
    assert "It was a police body, which is a body of the state." in shown
    assert "&lt;b&gt;" in shown
    assert not NoticeText.objects.exists()
    refused = browser.post("/notice-texts/alpha/", {"text": words + "{name}", "language": "en", "do": "adopt"})
    assert (refused.status_code, "There is no slot {name}" in body(refused)) == (422, True)
    assert browser.post("/notice-texts/alpha/", {"text": words, "language": "fr", "do": "adopt"}).status_code == 422
    assert browser.post("/notice-texts/alpha/", {"text": words, "language": "en", "do": "adopt"}).status_code == 302
    assert browser.post("/notice-texts/_all/", {"text": words, "language": "en", "do": "adopt"}).status_code == 302
    assert {str(one.platform or "all") for one in NoticeText.objects.all()} == {"Alpha", "all"}
    assert browser.get("/notice-texts/nowhere/").status_code == 404
    assert as_("overseer").get("/notice-texts/").status_code == 403


def test_the_administrator_enters_how_people_complain_and_the_page_says_it(hub: SmallHub, as_: SignedIn) -> None:
    browser = as_("administrator")
    day = moment.now().date() - timedelta(days=2)
    given = {
        "address": "https://alpha.example/appeals",
        "days": "30",
        "source_url": "https://alpha.example/rules",
        "last_checked_0": str(day.day),
        "last_checked_1": str(day.month),
        "last_checked_2": str(day.year),
    }
    assert browser.get("/notice-texts/_all/complaints/").status_code == 404
    assert browser.post("/notice-texts/alpha/complaints/", {**given, "address": "ftp://x"}).status_code == 422
    assert browser.post("/notice-texts/alpha/complaints/", given).status_code == 302
    assert "https://alpha.example/appeals" in body(browser.get("/notice-texts/"))
    said = body(Client().get(page_of(held(hub))))
    assert 'rel="noreferrer" href="https://alpha.example/appeals"' in said
    assert "You have 30 days to do it." in said
