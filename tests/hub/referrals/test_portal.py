"""What a platform's people and software say here: taken in each on its own, and only of what is addressed to them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from tests.hub.referrals.conftest import BEGIN, ToldPlatform, at, received
from tests.hub.referrals.test_services import events, fresh
from tests.support.hub import ACTOR, SmallHub

from seawall.clock import State
from seawall.hub.casework.form import FormIncomplete
from seawall.hub.directory import services as directory
from seawall.hub.directory.models import ApiKey
from seawall.hub.notifications.models import Notification
from seawall.hub.referrals import portal, services, withdrawals
from seawall.hub.referrals.models import PlatformAnswer, Referral, ReferralState

pytestmark = pytest.mark.django_db

ACTED = portal.Saying(says="actioned", puid="p-1", actions=("removed",))


def says(hub: SmallHub, referral: Referral, saying: portal.Saying, *, by: str = "alpha_contact") -> portal.Outcome:
    (outcome,) = portal.answer_by_person(referrals=[fresh(referral)], person=hub.people[by], saying=saying)
    return outcome


def test_an_answer_by_a_person_stops_the_clock_and_says_who_gave_it(hub: SmallHub, platform: ToldPlatform) -> None:
    with at():
        referral = received(hub)
    with at(hours=2):
        assert says(hub, referral, portal.Saying(says="received")).taken
        assert says(hub, referral, ACTED).taken
        again = says(hub, referral, ACTED)
    assert not again.taken
    assert "finished already" in again.problem
    kept = PlatformAnswer.objects.filter(referral=referral).order_by("answered_at", "id").last()
    assert kept is not None
    assert (kept.way, kept.proof, kept.puid, kept.given_by) == (
        "portal",
        "acknowledged",
        "p-1",
        hub.people["alpha_contact"],
    )
    assert events(referral) == [("started", 0.0), ("stopped", 2.0)]
    assert fresh(referral).state == ReferralState.ANSWERED


def test_a_question_pauses_and_a_dispute_does_not(hub: SmallHub, platform: ToldPlatform) -> None:
    with at():
        referral = received(hub)
    with at(hours=1):
        assert says(hub, referral, portal.Saying(says="dispute", detail="It is satire.")).taken
        assert fresh(referral).clock().state(BEGIN + timedelta(hours=1)) == State.RUNNING
        assert Notification.objects.filter(person=hub.people["analyst"], kind="referral.disputed").exists()
        given = services.inform(referral=referral, person=hub.people["analyst"], text="We read it otherwise.")
        services.deliver_information(information_id=given.pk)
        with pytest.raises(services.InformationNotWanted):
            services.inform(referral=referral, person=hub.people["analyst"], text="And again.")
    with at(hours=2):
        assert says(hub, referral, portal.Saying(says="ask", detail="Which line?")).taken
    assert fresh(referral).state == ReferralState.ASKED
    assert [kind for kind, _hours in events(referral)] == ["started", "paused"]


def test_a_dispute_can_follow_the_end(hub: SmallHub, platform: ToldPlatform) -> None:
    with at():
        referral = received(hub)
        says(hub, referral, ACTED)
        assert says(hub, referral, portal.Saying(says="dispute", detail="We looked again.")).taken
    assert fresh(referral).state == ReferralState.ANSWERED
    assert [kind for kind, _hours in events(referral)] == ["started", "stopped"]


@pytest.mark.parametrize(
    ("saying", "problem"),
    [
        (portal.Saying(says="actioned", actions=("removed",)), "puid"),
        (portal.Saying(says="actioned", puid="p-1"), "what was done"),
        (portal.Saying(says="actioned", puid="no spaces here", actions=("removed",)), "puid"),
        (portal.Saying(says="no_action"), "say why"),
        (portal.Saying(says="no_action", detail="Fine.", actions=("removed",)), "steps were named"),
        (portal.Saying(says="dispute"), "say why"),
        (portal.Saying(says="appeal", detail="Please review."), "cannot be said"),
        (portal.Saying(says="impossible", detail="Our servers burn."), "cannot be said"),
        (portal.Saying(says="nonsense"), "cannot be said"),
        (portal.Saying(says="ask", detail="x" * 5_001), "longer than"),
    ],
)
def test_what_cannot_be_said_is_refused_with_a_reason(
    hub: SmallHub, platform: ToldPlatform, saying: portal.Saying, problem: str
) -> None:
    with at():
        referral = received(hub)
        outcome = says(hub, referral, saying)
    assert not outcome.taken
    assert problem in outcome.problem
    assert not PlatformAnswer.objects.exists()


def test_nobody_answers_for_another_platform(hub: SmallHub, platform: ToldPlatform) -> None:
    with at():
        referral = received(hub)
        for name in ("beta_contact", "analyst", "administrator", "overseer"):
            with pytest.raises(PermissionError):
                says(hub, referral, ACTED, by=name)
        with pytest.raises(FormIncomplete):
            portal.answer_by_person(referrals=[], person=hub.people["alpha_contact"], saying=ACTED)


# Pages


def signed_in(hub: SmallHub, name: str) -> Client:
    client = Client()
    client.force_login(hub.people[name])
    return client


def test_a_person_answers_one_and_many_by_the_pages(hub: SmallHub, platform: ToldPlatform) -> None:
    with at():
        first, second, third = received(hub), received(hub), received(hub)
    client = signed_in(hub, "alpha_contact")
    page = client.get(reverse("referral_answer", args=[first.pk]))
    assert page.status_code == 200
    assert "We ask for a review" not in page.content.decode()
    nothing = client.post(reverse("referral_answer", args=[first.pk]), {"answering": "yes"})
    assert nothing.status_code == 422
    assert "Choose your answer" in nothing.content.decode()
    half = client.post(reverse("referral_answer", args=[first.pk]), {"answering": "yes", "says": "actioned"})
    assert half.status_code == 422
    assert "Say what was done" in half.content.decode()
    whole = {"answering": "yes", "says": "actioned", "actions": ["removed"], "puid": "p-9"}
    assert client.post(reverse("referral_answer", args=[first.pk]), whole).status_code == 302
    assert fresh(first).state == ReferralState.ANSWERED
    many = {"referral": [str(second.pk), str(third.pk)]}
    assert "One answer to 2 referrals" in client.post(reverse("referrals_answer"), many).content.decode()
    said = {**many, "answering": "yes", "says": "no_action", "detail": "It breaks no rule of ours."}
    assert client.post(reverse("referrals_answer"), said).status_code == 302
    assert {fresh(second).state, fresh(third).state} == {ReferralState.ANSWERED}
    assert client.post(reverse("referrals_answer"), {}).status_code == 302
    assert client.post(reverse("referrals_answer"), {"referral": ["x"]}).status_code == 404


def test_a_page_of_another_platform_is_not_there(hub: SmallHub, platform: ToldPlatform) -> None:
    with at():
        referral = received(hub)
    client = signed_in(hub, "beta_contact")
    assert client.get(reverse("referral_answer", args=[referral.pk])).status_code == 404
    assert client.post(reverse("referrals_answer"), {"referral": [str(referral.pk)]}).status_code == 404
    assert client.post(reverse("referral_confirm_withdrawal", args=[referral.pk])).status_code == 404


# Software


@pytest.fixture
def key(hub: SmallHub) -> str:
    return directory.give_api_key(organisation=hub.organisations["alpha"], name="Desk software", actor=ACTOR)[1]


def call(key: str, method: str, name: str, *args: object, body: Any = None, **query: str) -> Any:
    client = Client(headers={"authorization": f"Bearer {key}"})
    if method == "get":
        return client.get(reverse(name, args=args), query)
    return client.post(
        reverse(name, args=args), body if isinstance(body, str) else json.dumps(body), "application/json"
    )


def test_software_reads_and_answers_what_is_addressed_to_it(hub: SmallHub, platform: ToldPlatform, key: str) -> None:
    with at():
        first, second = received(hub), received(hub)
    listed = call(key, "get", "api_referrals").json()
    assert [each["id"] for each in listed["referrals"]] == [str(first.pk), str(second.pk)]
    assert listed["more"] is False
    assert [each["id"] for each in call(key, "get", "api_referrals", after=str(first.pk)).json()["referrals"]] == [
        str(second.pk)
    ]
    whole = call(key, "get", "api_referral", first.pk).json()
    assert whole["document"]["referral_id"] == str(first.pk)
    assert "appeal" not in whole["says"]
    taken = call(
        key, "post", "api_answers",
        body={"answers": [
            {"referral": str(first.pk), "says": "actioned", "puid": "p-1", "actions": ["removed"]},
            {"referral": str(second.pk), "says": "no_action"},
            {"referral": str(uuid4()), "says": "received"},
            {"referral": str(second.pk), "says": 3},
            {"referral": str(second.pk), "says": "received", "colour": "red"},
            "nothing",
        ]},
    )  # fmt: skip
    assert taken.status_code == 207
    assert [each["taken"] for each in taken.json()["answers"]] == [True, False, False, False, False, False]
    assert all(each["problem"].endswith(".") for each in taken.json()["answers"][1:])
    assert fresh(first).state == ReferralState.ANSWERED
    assert PlatformAnswer.objects.get(referral=first).way == "api"
    assert ApiKey.objects.get().last_used_on is not None


def test_software_without_a_key_in_force_is_not_let_in(hub: SmallHub, platform: ToldPlatform, key: str) -> None:
    for wrong in ("", "swk_wrong", "swk_" + "x" * 500):
        answer = call(wrong, "get", "api_referrals")
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"] == "Bearer"
        assert answer.json()["error"]["code"] == "key"
    directory.withdraw_api_key(key=ApiKey.objects.get(), actor=ACTOR)
    assert call(key, "get", "api_referrals").status_code == 401
    signed = signed_in(hub, "alpha_contact").get(reverse("api_referrals"))
    assert signed.status_code == 401  # a cookie counts for nothing here


def test_software_of_another_platform_finds_nothing(hub: SmallHub, platform: ToldPlatform, key: str) -> None:
    with at():
        referral = received(hub)
    _made, other = directory.give_api_key(organisation=hub.organisations["beta"], name="Theirs", actor=ACTOR)
    assert call(other, "get", "api_referrals").json()["referrals"] == []
    assert call(other, "get", "api_referral", referral.pk).status_code == 404
    body = {"answers": [{"referral": str(referral.pk), "says": "received"}]}
    assert call(other, "post", "api_answers", body=body).json()["answers"][0]["taken"] is False


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{", 400),
        ("[" * 100_000, 400),
        ([], 422),
        ({"answers": []}, 422),
        ({"answers": [{}] * 501}, 422),
        ({"answers": "x"}, 422),
    ],
)
def test_rubbish_from_software_gets_a_typed_error(hub: SmallHub, key: str, body: Any, status: int) -> None:
    answer = call(key, "post", "api_answers", body=body)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_software_errors_name_the_field(hub: SmallHub, key: str) -> None:
    for query in ({"state": "purple"}, {"after": "x"}, {"after": str(uuid4())}):
        answer = call(key, "get", "api_referrals", **query)
        assert answer.status_code == 400
        assert answer.json()["error"]["fields"][0]["field"] in query
    form = Client(headers={"authorization": f"Bearer {key}"}).post(reverse("api_answers"), {"a": "b"})
    assert form.status_code == 415


def test_software_confirms_a_withdrawal(hub: SmallHub, platform: ToldPlatform, key: str) -> None:
    with at():
        referral = received(hub)
    assert call(key, "post", "api_confirm_withdrawal", referral.pk, body={}).status_code == 409
    withdrawals.withdraw_by_person(referral=referral, person=hub.people["analyst"], reasons="A lyric.")
    assert call(key, "post", "api_confirm_withdrawal", referral.pk, body={}).json()["acknowledged_at"]
