"""The pages of notices, walked as people walk them: with forms alone, and each at its own door."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from tests.hub.notices.conftest import ORDER, WORDS, NoticeDesk
from tests.hub.referrals.conftest import ToldPlatform
from tests.support.hub import ACTOR
from tests.support.staff import SignedIn, body

from seawall.formats import rendering
from seawall.hub import moment
from seawall.hub.directory import services as directory
from seawall.hub.directory.roles import Partition
from seawall.hub.notices import tasks
from seawall.hub.notices.models import Notice, NoticeState, OfficerProfile, Review, Scrutiny
from seawall.hub.practice.models import Power
from seawall.hub.referrals import services as referrals
from seawall.hub.referrals import withdrawals
from seawall.hub.referrals.models import Referral, ReferralState, Withdrawal
from seawall.hub.web.words import LONDON

pytestmark = pytest.mark.django_db

FORM = {name: value for name, value in WORDS.items() if name != "review_until"} | {
    f"review_until_{n}": part for n, part in enumerate(reversed(WORDS["review_until"].split("-")))
}


def to(name: str, **ids: Any) -> str:
    return reverse(name, kwargs=ids)


def text(response: Any) -> str:
    """What a person reads, without the markup between the words."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body(response)))


# Powers


def test_an_administrator_records_a_power_and_ends_it_and_others_read_it(desk: NoticeDesk, as_: SignedIn) -> None:
    admin = as_("administrator")
    given = {
        "organisation": str(desk.hub.organisations["police"].pk),
        "kind": "formal_notice",
        "source": "The commencement regulations",
        "read_on_0": "1",
        "read_on_1": "10",
        "read_on_2": "2026",
        "advised_by": "The force solicitor",
    }
    for wrong in ({"source": ""}, {"advised_by": " "}, {"kind": ""}, {"read_on_2": "2999"}):
        answer = admin.post(to("power_record"), given | wrong)
        assert answer.status_code == 422
        assert "govuk-error-summary" in body(answer)
    assert not Power.objects.exists()
    charity = admin.post(to("power_record"), given | {"organisation": str(desk.hub.organisations["charity"].pk)})
    assert charity.status_code == 422
    assert admin.post(to("power_record"), given).status_code == 302
    power = Power.objects.get()
    for name in ("administrator", "regulator", "auditor"):
        page = text(as_(name).get(to("powers")))
        assert "The commencement regulations" in page
        assert "Recorded as in force" in page
        assert ("Record a power" in page) == (name == "administrator")
    assert admin.post(to("power_record"), given).status_code == 422
    assert admin.post(to("power_end", power_id=power.pk), {"because": ""}).status_code == 422
    assert admin.post(to("power_end", power_id=power.pk), {"because": "Repealed."}).status_code == 302
    assert "Ended" in text(admin.get(to("powers")))


# The whole way


@pytest.mark.core
def test_the_whole_way_from_a_decision_to_a_withdrawal_that_is_acknowledged(
    desk: NoticeDesk, as_: SignedIn, platform: ToldPlatform
) -> None:
    desk.power()
    OfficerProfile.objects.all().delete()
    notice = desk.drafted()
    sergeant, case = as_("sergeant"), notice.decision.case
    assert case.reference in text(as_("officer").get(to("notices")))
    assert "Waits for an officer" in text(as_("officer").get(to("case", case_id=case.pk)))
    page = text(sergeant.get(to("notice", notice_id=notice.pk)))
    assert "Write down first how you are named" in page
    assert "The notice must give the officer’s reasons." in page
    profile = {
        "name": "Robin Sample", "rank": "Sergeant", "force": "Police", "email": "notices@police.example",
        "phone": "+44 1632 960001", "authorisation": "P-17",
        "authorised_at_0": "1", "authorised_at_1": "10", "authorised_at_2": "2026",
    }  # fmt: skip
    assert sergeant.post(to("officer_profile"), profile | {"phone": "ask me"}).status_code == 422
    assert sergeant.post(to("officer_profile"), profile).status_code == 302

    write = to("notice_write", notice_id=notice.pk)
    offered = body(sergeant.get(write))
    assert "The notice must set out what may follow if it is not complied with." in offered
    assert "We acted on it" in offered  # how to confirm is something that the hub can say
    incomplete = sergeant.post(write, FORM | {"consequences": ""})
    assert incomplete.status_code == 422
    assert 'href="#id_consequences"' in body(incomplete)
    assert sergeant.post(write, FORM | {"consequences": "", "later": "yes"}).status_code == 302
    assert Notice.objects.get().parts["reasons"] == WORDS["reasons"]
    assert sergeant.get(to("notice_check", notice_id=notice.pk)).status_code == 302
    assert sergeant.get(to("notice_paper", notice_id=notice.pk)).status_code == 404
    answer = sergeant.post(write, FORM)
    assert answer["Location"] == to("notice_check", notice_id=notice.pk)

    check = sergeant.get(answer["Location"])
    assert WORDS["reasons"] in text(check)
    assert "2 days" in text(check) or "48 hours" in text(check)
    paper = sergeant.get(to("notice_paper", notice_id=notice.pk))
    assert paper["Content-Security-Policy"] == rendering.POLICY
    assert "Robin Sample" in body(paper)
    seal = re.search(r'name="checked" value="([0-9a-f]{64})"', body(check))
    assert seal
    assert sergeant.post(to("notice_check", notice_id=notice.pk), {"checked": "0" * 64})["Location"] == to(
        "notice", notice_id=notice.pk
    )
    assert not Referral.objects.exists()
    given = sergeant.post(to("notice_check", notice_id=notice.pk), {"checked": seal[1]})
    referral = Referral.objects.get()
    assert given["Location"] == to("referral", referral_id=referral.pk)

    referrals.deliver(referral_id=referral.pk)
    contact = as_("alpha_contact")
    seen = text(contact.get(to("referral", referral_id=referral.pk)))
    assert "Formal notice" in seen
    assert "Not confirmed" in seen
    assert "given under a statute" in seen
    assert "It is advice" not in seen
    assert "sergeant" not in seen  # the account's name; the notice names them as they wrote it
    answered = {"answering": "yes", "says": "actioned", "actions": ["removed"], "puid": "p-1"}
    assert contact.post(to("referral_answer", referral_id=referral.pk), answered).status_code == 302
    for name in ("alpha_contact", "officer", "overseer"):
        assert "Confirmed" in text(as_(name).get(to("referral", referral_id=referral.pk)))
    appeal = {"answering": "yes", "says": "appeal", "detail": "It is a museum piece."}
    assert contact.post(to("referral_answer", referral_id=referral.pk), appeal).status_code == 302
    tasks.tick(0)
    review = Review.objects.get()
    for name in ("alpha_contact", "officer", "overseer", "superintendent"):
        page = text(as_(name).get(to("referral", referral_id=referral.pk)))
        assert "To be decided by" in page
        assert ("Decide the review" in page) == (name == "superintendent")
    decide = to("notice_review", review_id=review.pk)
    assert sergeant.get(decide).status_code == 403
    superintendent = as_("superintendent")
    assert "It is a museum piece." in text(superintendent.get(decide))
    assert superintendent.post(decide, {"outcome": "quashed", "reasons": ""}).status_code == 422
    assert superintendent.post(decide, {"outcome": "quashed", "reasons": "It is an antique."}).status_code == 302
    withdrawals.deliver_withdrawal(withdrawal_id=Withdrawal.objects.get().pk)
    seen = text(contact.get(to("referral", referral_id=referral.pk)))
    assert "It is quashed" in seen
    assert "It is an antique." in seen
    assert "confirmed that it has the withdrawal" in seen
    assert Referral.objects.get().state == ReferralState.WITHDRAWN


def test_the_platforms_software_is_told_of_the_notice(desk: NoticeDesk, as_: SignedIn, platform: ToldPlatform) -> None:
    desk.power()
    referral = desk.received()
    _key, secret = directory.give_api_key(organisation=desk.hub.organisations["alpha"], name="test", actor=ACTOR)
    client, headers = as_("alpha_contact"), {"Authorization": f"Bearer {secret}"}
    client.logout()
    told = client.get(to("api_referral", referral_id=referral.pk), headers=headers).json()["notice"]
    assert (told["confirmed_at"], told["reviews"], told["keep_until"], told["scrutiny"]) == (None, [], None, None)
    assert (
        told["given_at"]
        < client.get(to("api_referral", referral_id=referral.pk), headers=headers).json()["received_at"]
    )
    answer = {"answers": [{"referral": str(referral.pk), "says": "appeal", "detail": "An antique."}]}
    assert client.post(to("api_answers"), answer, content_type="application/json", headers=headers).status_code == 200
    tasks.tick(0)
    (review,) = client.get(to("api_referral", referral_id=referral.pk), headers=headers).json()["notice"]["reviews"]
    assert review["outcome"] is None
    assert review["decide_by"] > review["asked_at"]
    as_("superintendent").post(
        to("notice_review", review_id=Review.objects.get().pk), {"outcome": "stands", "reasons": "It has a price."}
    )
    (review,) = client.get(to("api_referral", referral_id=referral.pk), headers=headers).json()["notice"]["reviews"]
    assert (review["outcome"], review["reasons"]) == ("stands", "It has a price.")


def test_an_officer_declines_and_the_desk_settles(desk: NoticeDesk, as_: SignedIn) -> None:
    desk.power()
    notice = desk.drafted()
    decline, settle = to("notice_decline", notice_id=notice.pk), to("notice_settle", notice_id=notice.pk)
    assert as_("sergeant").post(decline, {"reasons": ""}).status_code == 422
    assert as_("sergeant").post(decline, {"reasons": "It is an antique."}).status_code == 302
    page = text(as_("officer").get(to("notice", notice_id=notice.pk)))
    assert "It is an antique." in page
    assert "Settle the decision" in page
    assert as_("officer").post(settle, {}).status_code == 422
    assert as_("officer").post(settle, {"way": "close"}).status_code == 302
    assert Notice.objects.get().state == NoticeState.CLOSED
    assert "Does not stand" in text(as_("officer").get(to("case", case_id=notice.decision.case_id)))


def test_who_had_a_part_is_told_so_and_is_offered_no_button(desk: NoticeDesk, as_: SignedIn) -> None:
    desk.power()
    notice = desk.written()
    page = text(as_("inspector").get(to("notice", notice_id=notice.pk)))
    assert "another officer gives the formal notice" in page
    assert "Check and give it" not in page
    assert as_("inspector").get(to("notice_check", notice_id=notice.pk)).status_code == 403
    assert as_("inspector").post(to("notice_check", notice_id=notice.pk), {}).status_code == 403
    assert as_("inspector").post(to("notice_write", notice_id=notice.pk), FORM).status_code == 403
    for name in ("sergeant", "superintendent"):
        directory.withdraw_role(membership=desk.person(name).current_memberships()[0], actor=ACTOR)
    assert "nobody can give it" in text(as_("officer").get(to("notice", notice_id=notice.pk)))


def test_the_page_says_when_nobody_independent_can_review(
    desk: NoticeDesk, as_: SignedIn, platform: ToldPlatform
) -> None:
    desk.power()
    referral = desk.received()
    directory.withdraw_role(membership=desk.person("superintendent").current_memberships()[0], actor=ACTOR)
    appeal = {"answering": "yes", "says": "appeal", "detail": "An antique."}
    assert as_("alpha_contact").post(to("referral_answer", referral_id=referral.pk), appeal).status_code == 302
    tasks.tick(0)
    for name, knows in (("officer", True), ("overseer", True), ("alpha_contact", False)):
        assert ("nobody can decide the review" in text(as_(name).get(to("referral", referral_id=referral.pk)))) == knows


def test_outside_the_desk_nothing_is_there(desk: NoticeDesk, as_: SignedIn) -> None:
    desk.power()
    notice = desk.written()
    assert as_("overseer").get(to("notice", notice_id=notice.pk)).status_code == 404  # it was not given
    desk.hub.desks["far"] = directory.open_desk(
        organisation=desk.hub.organisations["police"],
        slug="far",
        name="Far",
        partition=Partition.POLICE,
        actor=ACTOR,
    )
    desk.add_officer("far_officer", desk="far")
    for route in ("notice", "notice_write", "notice_check", "notice_paper", "notice_decline", "notice_settle"):
        assert as_("far_officer").get(to(route, notice_id=notice.pk)).status_code == 404, route
    for route in ("notice_copy", "notice_finding"):
        assert as_("far_officer").post(to(route, notice_id=notice.pk), {}).status_code == 404, route
    assert "No notices" in text(as_("far_officer").get(to("notices")))


def test_withdrawing_a_notice_is_offered_to_officers_alone(
    desk: NoticeDesk, as_: SignedIn, platform: ToldPlatform
) -> None:
    desk.power()
    referral = desk.received()
    withdraw = to("referral_withdraw", referral_id=referral.pk)
    assert withdraw not in body(as_("officer").get(to("referral", referral_id=referral.pk)))
    assert as_("officer").get(withdraw).status_code == 403
    assert as_("officer").post(withdraw, {"reasons": "Mine."}).status_code == 403
    assert withdraw in body(as_("sergeant").get(to("referral", referral_id=referral.pk)))
    assert as_("sergeant").post(withdraw, {"reasons": "Given in error."}).status_code == 302


def test_an_order_from_form_to_finding(orders: NoticeDesk, as_: SignedIn, platform: ToldPlatform) -> None:
    notice = orders.drafted()
    sergeant = as_("sergeant")
    write = to("notice_write", notice_id=notice.pk)
    assert "Annex" not in body(sergeant.get(write))
    unanswered = sergeant.post(write, ORDER | {"copied": ""})
    assert unanswered.status_code == 422
    assert "whether the authority of the host’s member state has a copy" in text(unanswered)
    assert sergeant.post(write, ORDER).status_code == 302
    check = sergeant.get(to("notice_check", notice_id=notice.pk))
    seal = re.search(r'name="checked" value="([0-9a-f]{64})"', body(check))
    assert seal
    sergeant.post(to("notice_check", notice_id=notice.pk), {"checked": seal[1]})
    referral = referrals.deliver(referral_id=Referral.objects.get().pk)
    Notice.objects.update(given_at=moment.now() - timedelta(hours=3))
    then = (moment.now() - timedelta(hours=1)).astimezone(LONDON)

    def when(name: str) -> dict[str, str]:
        parts = {f"{name}_on_0": then.day, f"{name}_on_1": then.month, f"{name}_on_2": then.year}
        return {**{key: str(value) for key, value in parts.items()}, f"{name}_time": f"{then:%H:%M}"}

    copy = {"authority": "Samplonian Media Board", "sent_how": "By mail", **when("sent"), **when("received")}
    assert as_("officer").post(to("notice_copy", notice_id=notice.pk), copy).status_code == 403
    assert sergeant.post(to("notice_copy", notice_id=notice.pk), copy | {"sent_time": "noon"}).status_code == 422
    assert sergeant.post(to("notice_copy", notice_id=notice.pk), copy).status_code == 302
    for name in ("sergeant", "overseer", "alpha_contact"):
        page = text(as_(name).get(to("referral", referral_id=referral.pk)))
        assert "Samplonian Media Board" in page
        assert "72 hours end" in page
        assert ("Write down what it found" in page) == (name == "sergeant")
    found = {"finding": "infringes", "reasons": "", **when("found")}
    assert sergeant.post(to("notice_finding", notice_id=notice.pk), found).status_code == 422
    assert sergeant.post(to("notice_finding", notice_id=notice.pk), found | {"reasons": "News."}).status_code == 302
    assert Scrutiny.objects.get().finding == "infringes"
    assert Withdrawal.objects.get().reasons == "News."
