"""The walls between the police and the desks that people come to for help, as they hold for what others send."""

from __future__ import annotations

import pytest
from tests.hub.intake.conftest import Software, key_of, plain, referral
from tests.hub.intake.test_xarf import closed, stands
from tests.support.hub import SmallHub
from tests.support.staff import SignedIn, body

from seawall.hub.casework import services as casework
from seawall.hub.casework.models import Outcome
from seawall.hub.content.models import Content
from seawall.hub.directory.models import Organisation, OrganisationKind

pytestmark = pytest.mark.django_db


def test_what_a_charity_sends_never_reaches_the_police_desk(hub: SmallHub) -> None:
    kept = Software(key_of(hub, "charity")).taken(referral(harm="vio-weapon-sale"))
    assert kept.case is not None
    assert (kept.case.desk, kept.case.harm) == (hub.desks["general"], "vio-weapon-sale")
    content = Content.objects.get(pk=kept.case.content_id)
    assert casework.wall(content=content, to=hub.desks["police"].partition) is not None  # type: ignore[arg-type]


def test_nor_does_what_another_hub_refers_for_a_charity(hub: SmallHub, software: Software) -> None:
    by = {"organisation": "A charity", "type": "charity", "state_body": False}
    kept = software.taken(referral(harm="vio-weapon-sale", referrer=by))
    assert kept.case is not None
    assert kept.case.desk == hub.desks["general"]


def test_a_post_that_the_police_have_is_not_joined_to_what_a_charity_sends(hub: SmallHub) -> None:
    theirs = hub.case("terror", desk="police")
    kept = Software(key_of(hub, "charity")).taken(plain(url=theirs.content.url))
    assert kept.case is not None
    assert kept.case != theirs
    assert (kept.case.desk, kept.case.content.url) == (hub.desks["general"], theirs.content.url)
    assert kept.case.content != theirs.content
    assert not Content.objects.get(pk=theirs.content_id).kept_from_police


def test_a_post_behind_the_wall_is_not_joined_to_what_the_police_send(hub: SmallHub) -> None:
    theirs = hub.case("ssh-imminent", desk="welfare")
    kept = Software(key_of(hub, "police")).taken(plain(url=theirs.content.url))
    assert kept.case is not None
    assert (kept.case.desk, kept.case != theirs) == (hub.desks["general"], True)


def test_the_police_learn_nothing_of_what_becomes_of_a_case_behind_the_wall(hub: SmallHub) -> None:
    police = Software(key_of(hub, "police"))
    kept = police.taken(referral(harm="ssh-imminent"))
    assert kept.case is not None
    assert kept.case.desk == hub.desks["welfare"]
    before = police.state(str(kept.pk)).content
    closed(kept.case, Outcome.SUPPORT)
    assert police.state(str(kept.pk)).content == before
    assert stands(kept) == ("RECEIVED", None)


def test_any_organisation_may_be_given_a_key(hub: SmallHub, as_: SignedIn) -> None:
    page = body(as_("administrator").get("/directory/keys/new/"))
    assert all(f">{each.name}<" in page for each in Organisation.objects.all())
    other = hub.organisations["hub"]
    assert other.kind == OrganisationKind.HUB
    answer = as_("administrator").post("/directory/keys/new/", {"organisation": other.pk, "name": "Reports"})
    assert answer.status_code == 200
    assert "swk_" in body(answer)
