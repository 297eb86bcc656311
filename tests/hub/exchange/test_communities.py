"""Who may be in a community, and what they may share in it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.hub.exchange.conftest import Exchange, Founding
from tests.support.hub import SmallHub

from seawall.hub.exchange import communities
from seawall.hub.exchange.communities import AlreadyMember
from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.models import Community, Part, SignalState, Tlp
from seawall.hub.exchange.rules import NotAllowed
from seawall.hub.ledger.models import Entry
from seawall.hub.practice.queries import current_code
from seawall.hub.practice.vocabulary import Shareable


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"harms": ["nothing"]}, "no harm called nothing"),
        ({"harms": []}, "at least one harm"),
        ({"kinds": []}, "at least one harm and one kind"),
        ({"kinds": [SignalKind.ACCOUNT]}, "between platforms only"),
        ({"platforms_only": True, "state_bodies": True}, "no bodies of the state"),
        ({"retention": timedelta(0)}, "one day to three years"),
        ({"retention": timedelta(days=2000)}, "one day to three years"),
        ({"agreement": "  "}, "no words"),
    ],
)
def test_rules_that_contradict_themselves_are_refused(found: Founding, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(NotAllowed, match=said):
        found(**changes)
    assert not Community.objects.exists()


def test_nothing_is_shared_about_people_at_risk_or_what_is_protected(found: Founding) -> None:
    kept_back = [harm.id for harm in current_code().harms if harm.shareable_signal is Shareable.NONE]
    assert kept_back
    for harm in kept_back:
        with pytest.raises(NotAllowed, match="lets nothing be shared"):
            found(harms=[harm])


def test_only_an_administrator_of_the_operator_founds_and_invites(hub: SmallHub, pool: Exchange) -> None:
    for name in ("analyst", "alpha_contact", "inspector", "auditor"):
        with pytest.raises(PermissionError, match="Only an administrator of Hub"):
            communities.invite(
                community=pool.community,
                organisation=hub.organisations["ombudsman"],
                part=Part.READER,
                person=hub.people[name],
            )


def test_bodies_of_the_state_stay_outside_unless_the_rules_let_them_in(
    hub: SmallHub, pool: Exchange, found: Founding
) -> None:
    police, administrator = hub.organisations["police"], hub.people["administrator"]
    for part in (Part.READER, Part.WRITER):
        with pytest.raises(NotAllowed, match="body of the state"):
            communities.invite(community=pool.community, organisation=police, part=part, person=administrator)
    communities.invite(community=pool.community, organisation=police, part=Part.OBSERVER, person=administrator)
    open_to_all = found(slug="open", state_bodies=True)
    member = communities.invite(community=open_to_all, organisation=police, part=Part.READER, person=administrator)
    assert member.accepted_at is None


def test_a_community_of_platforms_is_for_platforms(hub: SmallHub, platforms: Exchange) -> None:
    with pytest.raises(NotAllowed, match="Charity is none"):
        communities.invite(
            community=platforms.community,
            organisation=hub.organisations["charity"],
            part=Part.READER,
            person=hub.people["administrator"],
        )


def test_nobody_is_asked_in_twice(hub: SmallHub, pool: Exchange) -> None:
    with pytest.raises(AlreadyMember, match="Alpha is in The pool already"):
        communities.invite(
            community=pool.community,
            organisation=hub.organisations["alpha"],
            part=Part.WRITER,
            person=hub.people["administrator"],
        )


def test_each_accepts_for_itself_the_latest_version(hub: SmallHub, pool: Exchange) -> None:
    old = pool.community.agreements.get(version=1)
    new = communities.publish_agreement(
        community=pool.community, person=hub.people["administrator"], text="Within half an hour."
    )
    with pytest.raises(PermissionError, match="You do not speak for Alpha"):
        communities.accept(member=pool.members["alpha"], person=hub.people["beta_contact"], agreement=new)
    with pytest.raises(NotAllowed, match="newer version"):
        communities.accept(member=pool.members["alpha"], person=hub.people["alpha_contact"], agreement=old)
    kept = communities.accept(member=pool.members["alpha"], person=hub.people["alpha_contact"], agreement=new)
    assert kept.agreement == new
    assert old.text == "We act on withdrawals within an hour."  # what was accepted before stays as it was
    said = Entry.objects.filter(verb="community.agreement_accepted").latest("id").payload
    assert (said["version"], said["text_digest"]) == (2, new.text_sha256)


def test_who_has_not_accepted_shares_and_receives_nothing(hub: SmallHub, pool: Exchange) -> None:
    communities.invite(
        community=pool.community,
        organisation=hub.organisations["ombudsman"],
        part=Part.WRITER,
        person=hub.people["administrator"],
    )
    with pytest.raises(NotAllowed, match="no member who writes"):
        pool.share(by="ombudsman")


def test_readers_and_observers_share_nothing(pool: Exchange) -> None:
    for name in ("alpha", "regulator"):
        with pytest.raises(NotAllowed, match="no member who writes"):
            pool.share(by=name)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": SignalKind.TERM, "value": "a word"}, "does not share this kind"),
        ({"harm": "vio-threat"}, "does not share signals of the harm"),
        ({"tlp": Tlp.RED}, "its ceiling is TLP:AMBER"),
        ({"severity": 0}, "Severity is from 1 to 5"),
        ({"confidence": 101}, "confidence from 0 to 100"),
        ({"decision_reference": " "}, "stands on a person's decision"),
        ({"lasts": timedelta(days=400)}, "365 days at most"),
        ({"lasts": timedelta(0)}, "365 days at most"),
    ],
)
def test_what_does_not_fit_the_rules_is_not_shared(pool: Exchange, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(NotAllowed, match=said):
        pool.share(**changes)


def test_an_account_is_shared_between_platforms_with_a_way_to_appeal_and_not_for_long(platforms: Exchange) -> None:
    platforms.join("alpha", Part.WRITER, "alpha_contact")
    account = {"kind": SignalKind.ACCOUNT, "value": "alpha:77", "by": "alpha"}
    with pytest.raises(NotAllowed, match="can appeal"):
        platforms.share(**account)
    with pytest.raises(NotAllowed, match="90 days at most"):
        platforms.share(**account, appeal_url="https://alpha.example/appeal", lasts=timedelta(days=91))
    (made,) = platforms.share(**account, appeal_url="https://alpha.example/appeal")
    assert timedelta(days=89) < made.expires_at - made.shared_at <= timedelta(days=90)


def test_who_leaves_takes_its_signals_along(hub: SmallHub, pool: Exchange) -> None:
    mine, theirs = pool.share(3, by="beta"), pool.share(2)
    with pytest.raises(NotAllowed, match="Say why"):
        communities.leave(member=pool.members["beta"], person=hub.people["beta_contact"], because=" ")
    with pytest.raises(PermissionError):
        communities.leave(member=pool.members["beta"], person=hub.people["alpha_contact"], because="No.")
    communities.leave(member=pool.members["beta"], person=hub.people["beta_contact"], because="We closed.")
    for signal in (*mine, *theirs):
        signal.refresh_from_db()
    assert {signal.state for signal in mine} == {SignalState.WITHDRAWN}
    assert {signal.state for signal in theirs} == {SignalState.ACTIVE}
    with pytest.raises(NotAllowed):
        pool.share(by="beta")
    pool.join("beta", Part.READER, "beta_contact")  # and may be asked in again


def test_the_operator_can_put_somebody_out(hub: SmallHub, pool: Exchange) -> None:
    communities.leave(
        member=pool.members["alpha"], person=hub.people["administrator"], because="It used signals for adverts."
    )
    said = Entry.objects.get(verb="community.member_left")
    assert said.payload["by_operator"] is True


def test_communities_are_seen_by_those_who_take_part(hub: SmallHub, pool: Exchange) -> None:
    seeing = {name for name, person in hub.people.items() if Community.objects.visible_to(person).exists()}
    hub_people = {"analyst", "reviewer", "candidate_analyst", "candidate_reviewer", "panel", "auditor", "administrator"}
    assert seeing == hub_people | {"alpha_contact", "beta_contact", "regulator"}
