"""The directory's pages: what an administrator can do there, what an auditor cannot, and what neither sees."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from pytest_django import Settings
from tests.support.hub import SmallHub

from seawall.hub.directory.models import Membership, Person
from seawall.hub.directory.roles import Role
from seawall.hub.ledger.models import Entry


@pytest.fixture
def administrator(hub: SmallHub, client: Client) -> Client:
    client.force_login(hub.people["administrator"])
    return client


def page_of(person: Person) -> str:
    return reverse("person", args=[person.pk])


def test_the_directory_shows_people_roles_and_desks_to_an_administrator(hub: SmallHub, administrator: Client) -> None:
    text = administrator.get("/directory/").text
    assert "Add a person" in text
    assert page_of(hub.people["analyst"]) in text
    for words in ("Analyst, General desk", "Partition: Candidate support", "Police force, body of the state"):
        assert words in text


def test_an_auditor_reads_and_can_change_nothing(hub: SmallHub, client: Client) -> None:
    client.force_login(hub.people["auditor"])
    text = client.get("/directory/").text
    assert "Analyst, General desk" in text
    assert "Add a person" not in text
    assert page_of(hub.people["analyst"]) not in text
    assert client.get(page_of(hub.people["analyst"])).status_code == 403


def test_no_page_of_the_directory_holds_content(hub: SmallHub, administrator: Client) -> None:
    hub.post("A text that only caseworkers see.")
    for url in ("/directory/", page_of(hub.people["analyst"])):
        assert "only caseworkers see" not in administrator.get(url).text
    for url in ("/queue/", "/referrals/"):
        assert administrator.get(url).status_code == 403


def test_a_new_person_gets_a_link_and_chooses_a_password(hub: SmallHub, administrator: Client) -> None:
    answer = administrator.post("/directory/people/add/", {"name": "New Person", "email": "New@Hub.Example"})
    added = Person.objects.get(email="new@hub.example")
    assert answer["Location"] == page_of(added)
    text = administrator.get(page_of(added)).text
    assert "A link to choose a password is on its way to new@hub.example." in text
    assert "Not chosen yet" in text
    assert Entry.objects.filter(subject_id=str(added.pk), verb="directory.password_link_sent").count() == 1

    (message,) = mail.outbox
    assert message.to == ["new@hub.example"]
    assert message.subject == "Choose a password for Seawall"
    link = re.search(r"http://testserver(/\S+)", str(message.body))
    assert link is not None
    assert link[1] not in text, "the page shows nothing secret"
    theirs = Client()
    form = theirs.get(link[1], follow=True)
    assert "Choose a new password" in form.text
    chosen = {"password1": "pebbles under cold water", "password2": "pebbles under cold water"}
    assert "Your password is changed" in theirs.post(form.redirect_chain[-1][0], chosen, follow=True).text
    assert Person.objects.get(pk=added.pk).check_password("pebbles under cold water")
    assert "This link no longer works" in Client().get(link[1], follow=True).text


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ({"name": "", "email": "new@hub.example"}, "Enter full name"),
        ({"name": "New", "email": "no address"}, "valid email address"),
        ({"name": "New", "email": "analyst@hub.example"}, "analyst@hub.example is in the directory already."),
        ({"name": "N" * 201, "email": "new@hub.example"}, "must be 200 characters or fewer"),
        ({"name": "New\0", "email": "new@hub.example"}, "Null characters are not allowed"),
    ],
)
def test_a_person_that_cannot_be_added_is_refused_with_a_sentence(
    hub: SmallHub, administrator: Client, answers: dict[str, str], sentence: str
) -> None:
    before = Person.objects.count()
    answer = administrator.post("/directory/people/add/", answers)
    assert sentence in answer.text
    assert "<title>Error: " in answer.text
    assert (Person.objects.count(), mail.outbox) == (before, [])


def test_a_person_is_added_even_where_the_mail_cannot_be_sent(
    hub: SmallHub, administrator: Client, settings: Settings
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    answer = administrator.post("/directory/people/add/", {"name": "New", "email": "new@hub.example"}, follow=True)
    assert "The mail to new@hub.example could not be sent." in answer.text
    added = Person.objects.get(email="new@hub.example")
    assert not Entry.objects.filter(subject_id=str(added.pk), verb="directory.password_link_sent").exists()


def test_a_role_is_given_and_withdrawn(hub: SmallHub, administrator: Client) -> None:
    analyst = hub.people["analyst"]
    answers = {"role": "second_reviewer", "where": f"desk-{hub.desks['general'].pk}"}
    text = administrator.post(reverse("role_give", args=[analyst.pk]), answers, follow=True).text
    assert "analyst now holds the role Second reviewer at General desk." in text
    given = Membership.objects.get(person=analyst, role=Role.SECOND_REVIEWER)
    entry = Entry.objects.get(subject_id=str(analyst.pk), verb="directory.role_given", actor_kind="person")
    assert entry.actor_id == str(hub.people["administrator"].pk)

    withdraw = reverse("role_withdraw", args=[given.pk])
    assert "Withdraw the role Second reviewer?" in administrator.get(withdraw).text
    given.refresh_from_db()
    assert given.withdrawn_at is None, "asking must not withdraw"
    text = administrator.post(withdraw, follow=True).text
    assert "analyst no longer holds the role Second reviewer at General desk." in text
    assert administrator.post(withdraw).status_code == 404


@pytest.mark.parametrize(
    ("role", "where", "sentence"),
    [
        ("", "", "Choose"),
        ("analyst", "", "Choose"),
        ("king", "desk-general", "not one of the available choices"),
        ("analyst", "desk-00000000-0000-0000-0000-000000000000", "not one of the available choices"),
        ("analyst", "organisation-hub", "is a role at a desk"),
        ("welfare_lead", "desk-general", "cannot be given at General desk"),
        ("police_user", "desk-police", "wall between the police"),
        ("platform_contact", "organisation-hub", "is not a platform"),
        ("overseer", "desk-general", "cannot be given at General desk"),
    ],
)
def test_only_roles_that_belong_there_can_be_given(
    hub: SmallHub, administrator: Client, role: str, where: str, sentence: str
) -> None:
    kind, _, slug = where.partition("-")
    known = {"desk": hub.desks, "organisation": hub.organisations}.get(kind, {})
    where = f"{kind}-{known[slug].pk}" if slug in known else where
    before = Membership.objects.count()
    answer = administrator.post(reverse("role_give", args=[hub.people["analyst"].pk]), {"role": role, "where": where})
    assert sentence in answer.text
    assert Membership.objects.count() == before


def test_an_administrator_who_would_lock_themselves_out_is_told(hub: SmallHub, administrator: Client) -> None:
    own = Membership.objects.get(person=hub.people["administrator"])
    answer = administrator.post(reverse("role_withdraw", args=[own.pk]))
    assert answer.status_code == 409
    assert "This is the hub’s last administrator" in answer.text
    own.refresh_from_db()
    assert own.withdrawn_at is None


@pytest.mark.parametrize(
    ("change", "verb"),
    [
        ("password-link", "directory.password_link_sent"),
        ("remove-second-factor", "directory.second_factor_removed"),
        ("close", "directory.person_deactivated"),
    ],
)
def test_each_change_is_asked_about_first_and_recorded(
    hub: SmallHub, administrator: Client, change: str, verb: str
) -> None:
    analyst = hub.people["analyst"]
    url = reverse("person_change", args=[analyst.pk, change])
    assert url in administrator.get(page_of(analyst)).text
    assert administrator.get(url).status_code == 200
    assert not Entry.objects.filter(verb=verb).exists(), "asking must change nothing"
    assert administrator.post(url)["Location"] == page_of(analyst)
    assert Entry.objects.filter(verb=verb, subject_id=str(analyst.pk)).count() == 1
    assert len(mail.outbox) == (0 if change == "close" else 1)


def test_a_closed_account_can_be_opened_again_but_not_mailed(hub: SmallHub, administrator: Client) -> None:
    analyst = hub.people["analyst"]
    administrator.post(reverse("person_change", args=[analyst.pk, "close"]))
    text = administrator.get(page_of(analyst)).text
    assert "Account closed" in text
    assert "Give a role" not in text
    answer = administrator.post(reverse("person_change", args=[analyst.pk, "password-link"]))
    assert (answer.status_code, mail.outbox) == (409, [])
    assert "is closed. Open it again first." in answer.text
    administrator.post(reverse("person_change", args=[analyst.pk, "open"]))
    assert Person.objects.get(pk=analyst.pk).is_active
    assert [message.to for message in mail.outbox] == [[analyst.email]]


def test_an_unknown_change_or_person_is_not_found(hub: SmallHub, administrator: Client) -> None:
    nobody = "00000000-0000-0000-0000-000000000000"
    for url in (
        reverse("person_change", args=[hub.people["analyst"].pk, "promote"]),
        reverse("person_change", args=[nobody, "close"]),
        reverse("person", args=[nobody]),
        reverse("role_give", args=[nobody]),
        reverse("role_withdraw", args=[nobody]),
    ):
        assert administrator.post(url).status_code in (404, 405), url
        assert administrator.get(url).status_code == 404, url


def test_nobody_but_an_administrator_changes_anything(hub: SmallHub, client: Client) -> None:
    analyst = hub.people["analyst"]
    own = Membership.objects.get(person=analyst)
    for name in set(hub.people) - {"administrator"}:
        client.force_login(hub.people[name])
        for url in (
            "/directory/people/add/",
            reverse("role_give", args=[analyst.pk]),
            reverse("role_withdraw", args=[own.pk]),
            reverse("person_change", args=[analyst.pk, "close"]),
        ):
            assert client.post(url).status_code == 403, (name, url)


def test_a_long_directory_has_pages(hub: SmallHub, administrator: Client) -> None:
    Person.objects.bulk_create(Person(email=f"p{n}@hub.example", name=f"Person {n:03}") for n in range(60))
    first, second = administrator.get("/directory/").text, administrator.get("/directory/?page=2").text
    assert "Showing 1 to 50 of 75 people" in first
    assert "Person 059" not in first
    assert "Person 059" in second
    assert "Showing 51 to 75" in administrator.get("/directory/?page=900").text
