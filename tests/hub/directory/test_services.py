"""People, their roles and their accounts: what the directory allows, and what it refuses with a sentence."""

from __future__ import annotations

import pytest
from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.test import Client
from tests.support.hub import ACTOR, SmallHub

from seawall.hub.directory import queries, services
from seawall.hub.directory.models import Membership, Person
from seawall.hub.directory.roles import Role
from seawall.hub.directory.services import RoleNotAllowed, acting_as
from seawall.hub.ledger.models import Entry


def held(person: Person) -> Membership:
    return person.memberships.get(withdrawn_at=None)


def verbs(person: Person) -> list[str]:
    return list(Entry.objects.filter(subject_id=str(person.pk)).order_by("id").values_list("verb", flat=True))


@pytest.mark.parametrize("email", ["analyst@hub.example", "ANALYST@hub.example "])
def test_an_address_is_taken_once(hub: SmallHub, email: str) -> None:
    with pytest.raises(ValidationError, match="in the directory already"):
        services.add_person(email=email, name="Somebody else", password=None, actor=ACTOR)


def test_nobody_gives_a_role_to_themselves(hub: SmallHub) -> None:
    administrator = hub.people["administrator"]
    with pytest.raises(RoleNotAllowed, match="Nobody gives a role to themselves"):
        services.give_role(
            person=administrator,
            role=Role.AUDITOR,
            organisation=hub.organisations["hub"],
            actor=acting_as(administrator, Role.ADMINISTRATOR),
        )


@pytest.mark.parametrize(
    ("name", "role", "desk", "sentence"),
    [
        ("analyst", Role.ADMINISTRATOR, None, "see no content"),
        ("administrator", Role.ANALYST, "general", "see no content"),
        ("officer", Role.ANALYST, "general", "wall between the police"),
        ("analyst", Role.POLICE_USER, "police", "wall between the police"),
        ("analyst", Role.ANALYST, "general", "holds the role Analyst there already"),
        ("auditor", Role.AUDITOR, None, "holds the role .* there already"),
        ("analyst", Role.WELFARE_LEAD, "general", "cannot be given at General desk"),
        ("analyst", Role.SECOND_REVIEWER, None, "is a role at a desk"),
        ("analyst", Role.PLATFORM_CONTACT, None, "is not a platform"),
    ],
)
def test_roles_that_do_not_go_together_are_refused(
    hub: SmallHub, name: str, role: Role, desk: str | None, sentence: str
) -> None:
    before = Membership.objects.count()
    place = hub.desks[desk] if desk else None
    with pytest.raises(RoleNotAllowed, match=sentence):
        services.give_role(
            person=hub.people[name],
            role=role,
            organisation=place.organisation if place else hub.organisations["hub"],
            desk=place,
            actor=ACTOR,
        )
    assert Membership.objects.count() == before


def test_a_role_that_was_withdrawn_can_be_given_again(hub: SmallHub) -> None:
    analyst = hub.people["analyst"]
    services.withdraw_role(membership=held(analyst), actor=ACTOR)
    services.give_role(
        person=analyst,
        role=Role.ANALYST,
        organisation=hub.organisations["hub"],
        desk=hub.desks["general"],
        actor=ACTOR,
    )
    assert analyst.roles() == {Role.ANALYST}


def test_the_last_administrator_stays(hub: SmallHub) -> None:
    administrator = hub.people["administrator"]
    with pytest.raises(RoleNotAllowed, match="last administrator"):
        services.withdraw_role(membership=held(administrator), actor=ACTOR)
    with pytest.raises(RoleNotAllowed, match="last administrator"):
        services.deactivate(person=administrator, actor=ACTOR)
    assert held(administrator).role == Role.ADMINISTRATOR


def test_an_administrator_keeps_their_own_role_until_another_withdraws_it(hub: SmallHub) -> None:
    first, second = hub.people["administrator"], hub.people["auditor"]
    services.withdraw_role(membership=held(second), actor=ACTOR)
    services.give_role(person=second, role=Role.ADMINISTRATOR, organisation=hub.organisations["hub"], actor=ACTOR)
    with pytest.raises(RoleNotAllowed, match="your own last role as administrator"):
        services.withdraw_role(membership=held(first), actor=acting_as(first, Role.ADMINISTRATOR))
    services.withdraw_role(membership=held(first), actor=acting_as(second, Role.ADMINISTRATOR))
    assert not Person.objects.get(pk=first.pk).roles()


def test_a_closed_account_is_out_at_once_and_for_good(hub: SmallHub, client: Client) -> None:
    analyst = hub.people["analyst"]
    client.force_login(analyst)
    assert client.get("/account/second-factor/").status_code == 200
    services.deactivate(person=analyst, actor=acting_as(hub.people["administrator"], Role.ADMINISTRATOR))
    assert client.get("/account/second-factor/").status_code == 302
    gone = Person.objects.get(pk=analyst.pk)
    assert (gone.is_active, gone.has_usable_password(), gone.roles()) == (False, False, frozenset())
    assert not Authenticator.objects.filter(user=analyst).exists()
    assert verbs(analyst)[-2:] == ["directory.role_withdrawn", "directory.person_deactivated"]

    services.deactivate(person=analyst, actor=ACTOR)
    assert verbs(analyst).count("directory.person_deactivated") == 1
    with pytest.raises(RoleNotAllowed, match="is closed"):
        services.give_role(person=analyst, role=Role.AUDITOR, organisation=hub.organisations["hub"], actor=ACTOR)

    services.reactivate(person=analyst, actor=ACTOR)
    services.reactivate(person=analyst, actor=ACTOR)
    assert verbs(analyst).count("directory.person_reactivated") == 1
    assert client.get("/account/second-factor/").status_code == 302, "the old session must not come back to life"


def test_nobody_closes_or_weakens_their_own_account(hub: SmallHub) -> None:
    administrator = hub.people["administrator"]
    actor = acting_as(administrator, Role.ADMINISTRATOR)
    with pytest.raises(RoleNotAllowed, match="Nobody closes their own account"):
        services.deactivate(person=administrator, actor=actor)
    with pytest.raises(RoleNotAllowed, match="on the page of your account"):
        services.remove_second_factor(person=administrator, actor=actor)


def test_a_removed_second_factor_takes_the_password_and_the_sessions_with_it(hub: SmallHub, client: Client) -> None:
    analyst = hub.people["analyst"]
    client.force_login(analyst)
    services.remove_second_factor(person=analyst, actor=ACTOR)
    services.remove_second_factor(person=analyst, actor=ACTOR)
    assert not Person.objects.get(pk=analyst.pk).has_usable_password()
    assert client.get("/account/second-factor/").status_code == 302
    assert verbs(analyst).count("directory.second_factor_removed") == 1


def test_the_history_names_who_did_what_about_which_role(hub: SmallHub) -> None:
    analyst = hub.people["analyst"]
    services.withdraw_role(membership=held(analyst), actor=acting_as(hub.people["administrator"], Role.ADMINISTRATOR))
    newest, *_others, oldest = queries.history(analyst)
    assert (newest.label, newest.by, newest.text) == (
        "A role was withdrawn from a person",
        "administrator",
        "Analyst, General desk",
    )
    assert (oldest.label, oldest.by) == ("A person was added", "the hub's own software")
