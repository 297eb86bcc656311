"""Communities for people: founded, joined, left, settled on pages; nobody sees more than their part."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from tests.hub.exchange.conftest import HARM, Exchange
from tests.support.hub import ACTOR, SmallHub
from tests.support.staff import SignedIn

from seawall.hub.exchange import recipients, signals
from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.models import Community, Member, OpinionKind, Reason, SignalState

RULES: dict[str, Any] = {
    "name": "Violent content",
    "slug": "violent",
    "purpose": "So that it does not move next door.",
    "harms": ["vio-threat", HARM],
    "kinds": ["sha256", "pdq"],
    "tlp_ceiling": "amber",
    "retention": "365",
    "who": "others",
    "agreement": "Act on withdrawals within the hour.",
}


def answer(client: Client, path: str, **data: Any) -> Any:
    return client.post(path, data, follow=True)


def test_from_founding_to_a_signal_that_landed(hub: SmallHub, as_: SignedIn) -> None:
    administrator, contact = as_("administrator"), as_("alpha_contact")
    made = answer(administrator, "/communities/found/", **RULES, operator=str(hub.organisations["hub"].pk))
    assert "Violent content is founded" in made.content.decode()
    for name, part in (("hub", "writer"), ("alpha", "reader")):
        asked = answer(
            administrator, "/communities/violent/invite/", organisation=str(hub.organisations[name].pk), part=part
        )
        assert "is asked in" in asked.content.decode()
    for client, name in ((administrator, "hub"), (contact, "alpha")):
        member = Member.objects.get(organisation=hub.organisations[name])
        path = f"/communities/violent/members/{member.pk}/accept/"
        page = client.get(path).content.decode()
        assert "Act on withdrawals within the hour." in page
        assert "takes part in Violent content" in answer(client, path, accept="on", version="1").content.decode()
    pool = Exchange(hub=hub, community=Community.objects.get())
    (signal,) = pool.share()
    place = recipients.register(
        member=Member.objects.get(organisation=hub.organisations["alpha"]),
        surface="api",
        name="main",
        actor=ACTOR,  # type: ignore[arg-type]
    )
    page_ = recipients.serve(recipient=place, after=0)
    signals.withdraw(signals=[signal], reason=Reason.MISTAKE, actor=ACTOR)
    page = administrator.get("/communities/violent/").content.decode()
    assert "Alpha: main" in page
    assert "Landed everywhere" not in page
    assert signal.value not in page
    page_ = recipients.serve(recipient=place, after=page_.cursor)
    recipients.confirm(recipient=place, until=page_.cursor, actor=ACTOR)
    assert "Landed everywhere" in administrator.get("/communities/violent/").content.decode()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": ""}, "Give it a name"),
        ({"slug": "found"}, "Another community has this short name"),
        ({"harms": []}, "Choose at least one harm"),
        ({"kinds": ["account"]}, "Accounts are shared between platforms only"),
        ({"retention": "0"}, "greater than or equal to 1"),
        ({"agreement": ""}, "Write the agreement"),
    ],
)
def test_what_is_missing_is_said(hub: SmallHub, as_: SignedIn, change: dict[str, Any], said: str) -> None:
    page = as_("administrator").post(
        "/communities/found/", {**RULES, "operator": str(hub.organisations["hub"].pk), **change}
    )
    assert page.status_code == 422
    assert said in page.content.decode()
    assert not Community.objects.exists()


def test_harms_of_which_nothing_may_be_shared_are_not_offered(hub: SmallHub, as_: SignedIn) -> None:
    page = as_("administrator").get("/communities/found/").content.decode()
    assert "vio-threat" in page
    assert "ssh-imminent" not in page
    assert "ssh-recovery" not in page


def test_each_sees_what_its_part_allows(pool: Exchange, as_: SignedIn) -> None:
    pool.share(3, kind=SignalKind.SHA256)
    pool.recipient()
    seen = {
        name: as_(name).get("/communities/pool/") for name in ("alpha_contact", "regulator", "auditor", "ombudsman")
    }
    assert {name: page.status_code for name, page in seen.items()} == {
        "alpha_contact": 200,
        "regulator": 200,
        "auditor": 200,
        "ombudsman": 404,
    }
    for name in ("alpha_contact", "auditor"):
        assert "Places where signals are kept" in seen[name].content.decode()
    observer = seen["regulator"].content.decode()
    assert "Places where signals are kept" not in observer
    assert "SHA-256 of a file" in observer


def test_nobody_accepts_or_leaves_for_another(pool: Exchange, as_: SignedIn) -> None:
    beta = pool.members["beta"].pk
    for path in (f"/communities/pool/members/{beta}/accept/", f"/communities/pool/members/{beta}/leave/"):
        assert as_("alpha_contact").get(path).status_code == 404
        assert as_("alpha_contact").post(path, {"because": "No.", "accept": "on", "version": "1"}).status_code == 404
    assert Member.objects.current().count() == 4


def test_leaving_withdraws_what_was_shared(pool: Exchange, as_: SignedIn) -> None:
    (mine,) = pool.share(by="beta")
    path = f"/communities/pool/members/{pool.members['beta'].pk}/leave/"
    assert as_("beta_contact").post(path, {"because": ""}).status_code == 422
    assert "has left" in answer(as_("beta_contact"), path, because="We closed.").content.decode()
    mine.refresh_from_db()
    assert mine.state == SignalState.WITHDRAWN


def test_a_dispute_is_settled_on_a_page(pool: Exchange, as_: SignedIn) -> None:
    (signal,) = pool.share(by="beta")
    for name in ("alpha", "hub"):
        signals.give_opinion(
            signal=signal,
            organisation=pool.hub.organisations[name],
            opinion=OpinionKind.DISAGREE,
            note="It is news.",
            actor=ACTOR,
        )
    page = as_("administrator").get("/communities/pool/").content.decode()
    path = f"/communities/pool/signals/{signal.pk}/settle/"
    assert "It is news." in page
    assert path in page
    assert path not in as_("alpha_contact").get("/communities/pool/").content.decode()
    assert as_("alpha_contact").get(path).status_code == 403
    assert as_("administrator").post(path, {"stands": "no", "reasons": ""}).status_code == 422
    assert "settled" in answer(as_("administrator"), path, stands="no", reasons="News.").content.decode()
    signal.refresh_from_db()
    assert signal.state == SignalState.WITHDRAWN


def test_an_old_version_is_not_accepted_unread(pool: Exchange, as_: SignedIn) -> None:
    as_("administrator").post("/communities/pool/agreement/", {"text": "Within half an hour."})
    page = as_("alpha_contact").get("/communities/pool/").content.decode()
    assert "There is a new version" in page
    path = f"/communities/pool/members/{pool.members['alpha'].pk}/accept/"
    assert "newer version" in answer(as_("alpha_contact"), path, accept="on", version="1").content.decode()
    answer(as_("alpha_contact"), path, accept="on", version="2")
    pool.members["alpha"].refresh_from_db()
    assert pool.members["alpha"].agreement is not None
    assert pool.members["alpha"].agreement.version == 2
