"""Who may open what: every route with every role, against the table; and who finds what behind a door that opens."""

from __future__ import annotations

from types import ModuleType
from typing import Any
from uuid import UUID, uuid4

import pytest
from allauth.mfa.models import Authenticator
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import URLPattern, path, reverse
from pytest_django.fixtures import Settings
from tests.support.hub import PEOPLE, SmallHub

from seawall.hub import moment, urls
from seawall.hub.access import EVERYBODY, ROUTES, SIGNED_IN, SOFTWARE, may_open
from seawall.hub.casework import services as casework
from seawall.hub.casework.models import Case
from seawall.hub.content.models import Content, Reveal
from seawall.hub.directory import services as directory
from seawall.hub.directory.models import Desk, Person
from seawall.hub.directory.roles import CASEWORKERS, Role
from seawall.hub.exchange.models import Community
from seawall.hub.intake.models import IncomingEvent, IncomingReply, IncomingReport
from seawall.hub.ledger.models import Entry
from seawall.hub.ledger.services import Actor
from seawall.hub.notices.models import Notice
from seawall.hub.notifications.models import Notification
from seawall.hub.notifications.services import notify
from seawall.hub.referrals import services as referrals
from seawall.hub.referrals.models import Referral, ReferralState

pytestmark = pytest.mark.django_db

REACHED = 299
METHODS = ("get", "post", "delete")
SAMPLES = {"str": "abc", "slug": "abc", "uuid": str(uuid4())}
IN_DEMONSTRATION_ONLY = {"demonstration"}
SENT_HERE = (IncomingReport, IncomingEvent, IncomingReply)
"""What each desk sees of these is in tests/hub/intake/test_pages.py."""

DECIDERS = {
    "home", "queue", "case", "case_claim", "case_release", "case_decide", "case_review", "case_transfer", "content_reveal",
    "referrals", "referral", "referral_inform", "referral_probe", "referral_redeliver", "referral_withdraw", "referral_told",
    "referral_note_answer", "referral_evidence", "referral_by_hand", "referral_mail",
    "referral_pdf", "referral_paper", "referral_recommendation",
    "referral_notice_passed_on", "notice_delay_ask", "notice_delay_prolong", "notice_delay_answer", "notice_delay_end", "objection_answer",
    "scorecards", "scorecard", "notifications", "notifications_read", "notifications_mail",
    "intake", "intake_reply_read",
}  # fmt: skip
TOLD = {"home", "notifications", "notifications_read", "notifications_mail"}
FIGURES = TOLD | {"scorecards", "scorecard"}
PAPERS = {"referrals", "referral", "referral_pdf", "referral_paper"}
SEES_NOTICES = {"notices", "notice"}
GIVES_NOTICES = {
    "notice_settle", "notice_write", "notice_check", "notice_paper", "notice_decline", "notice_review", "notice_copy",
    "notice_finding", "officer_profile",
}  # fmt: skip
SPREAD = {
    "community_sightings",
    "community_sightings_json",
    "community_sightings_csv",
    "community_sightings_rows",
    "incidents",
    "incident",
    "incident_counts",
    "incident_debrief",
    "incident_debrief_pdf",
    "incident_debrief_json",
}
SHARES = {
    "communities", "community", "community_accept", "community_leave", "community_file", "community_file_deleted",
    "sighting_tell", "incident_say",
} | SPREAD  # fmt: skip
PAGES: dict[Role, set[str]] = {
    **dict.fromkeys(CASEWORKERS, DECIDERS),
    Role.SECOND_REVIEWER: DECIDERS | SHARES,
    Role.POLICE_USER: DECIDERS | SEES_NOTICES | {"notice_settle"},
    Role.AUTHORISING_OFFICER: DECIDERS | SEES_NOTICES | GIVES_NOTICES,
    Role.PLATFORM_CONTACT: TOLD
    | PAPERS
    | {"scorecard"}
    | SHARES
    | {"referral_answer", "referrals_answer", "referral_confirm_withdrawal", "referral_user_told"},
    Role.PANEL_MEMBER: TOLD,
    Role.OMBUDSMAN: FIGURES | SHARES,
    Role.OVERSEER: FIGURES
    | PAPERS
    | SEES_NOTICES
    | {"ledger", "referral_read", "notice_delays", "conduct", "conduct_measure", "conduct_lift"},
    Role.AUDITOR: FIGURES
    | SPREAD
    | {"communities", "community", "ledger", "directory", "calendar", "powers", "conduct"},
    Role.REGULATOR: FIGURES | SHARES | {"ledger", "calendar", "powers", "conduct"},
    Role.ADMINISTRATOR: FIGURES
    | SHARES
    | {"community_found", "community_invite", "community_agreement", "community_settle"}
    | {"incident_declare", "incident_extend", "incident_end", "incident_answer"}
    | {
        "directory",
        "person",
        "person_add",
        "person_change",
        "role_give",
        "role_withdraw",
        "keys",
        "key_give",
        "key_withdraw",
        "calendar",
        "calendar_enter",
        "calendar_cancel",
        "powers",
        "power_record",
        "power_end",
        "notice_texts",
        "notice_text",
        "notice_complaints",
    },
}
"""The staff's pages role by role, told a second time: who changes the table is to see whom it lets in where."""


def address(pattern: URLPattern) -> str:
    """Some address of the route; no object that it names is there."""
    if pattern.name == "account_reset_password_from_key":
        return reverse(pattern.name, kwargs={"uidb36": "1", "key": "a-b"})
    converters = pattern.pattern.converters
    kinds = {"StringConverter": "str", "SlugConverter": "slug", "UUIDConverter": "uuid"}
    given = {name: SAMPLES[kinds[type(converter).__name__]] for name, converter in converters.items()}
    return reverse(pattern.name or "", kwargs=given)


def reached(_request: HttpRequest, **_named: Any) -> HttpResponse:
    return HttpResponse("reached", status=REACHED)


@pytest.fixture
def stubbed(settings: Settings) -> None:
    """The hub's own routes and middleware, with views that only say that they were reached."""
    module = ModuleType("stubbed_urls")
    patterns = [URLPattern(p.pattern, reached, p.default_args, p.name) for p in urls.urlpatterns]
    module.urlpatterns = [*patterns, path("forgotten/", reached, name="forgotten"), path("nameless/", reached)]  # type: ignore[attr-defined]
    settings.ROOT_URLCONF = module


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def outcome(answer: Any) -> str:
    """What became of a request, as far as access goes."""
    if answer.status_code == 302:
        where = answer["Location"].partition("?")[0]
        return {reverse("account_login"): "sign in", reverse("mfa_activate_totp"): "second factor"}.get(where, where)
    return {REACHED: "reached", 403: "refused", 404: "not there"}.get(answer.status_code, str(answer.status_code))


def expected(name: str, person: Person | None, *, second_factor: bool = True) -> str:
    audience = ROUTES[name]
    if name in IN_DEMONSTRATION_ONLY:
        return "not there"
    if audience == EVERYBODY:
        return "reached"
    if audience == SOFTWARE:
        return "401"  # no cookie lets anybody in here
    if person is None:
        return "sign in"
    if audience == SIGNED_IN:
        return "reached"
    if not second_factor:
        return "second factor"
    assert isinstance(audience, frozenset)
    return "reached" if audience & person.roles() else "refused"


def walk(client: Client) -> dict[str, set[str]]:
    """What every method of every route comes to."""
    return {
        pattern.name or "": {outcome(getattr(client, method)(address(pattern))) for method in METHODS}
        for pattern in urls.urlpatterns
    }


class TestTable:
    def test_every_route_is_in_the_table_and_nothing_else_is(self) -> None:
        assert all(isinstance(pattern, URLPattern) for pattern in urls.urlpatterns), (
            "a route that is included hides others"
        )
        names = [pattern.name for pattern in urls.urlpatterns]
        assert len(names) == len(set(names))
        assert set(names) == set(ROUTES)

    def test_the_table_gives_each_role_the_pages_that_are_written_here(self) -> None:
        staff = {name for name, audience in ROUTES.items() if isinstance(audience, frozenset)}
        assert set(PAGES) == set(Role)
        assert {
            role: {name for name in staff if may_open(view_name=name, roles=frozenset({role}))} for role in Role
        } == PAGES

    def test_somebody_with_two_roles_opens_what_either_opens_and_no_more(self) -> None:
        both = frozenset({Role.REGULATOR, Role.ADMINISTRATOR})
        staff = {name for name, audience in ROUTES.items() if isinstance(audience, frozenset)}
        opened = {name for name in staff if may_open(view_name=name, roles=both)}
        assert opened == PAGES[Role.REGULATOR] | PAGES[Role.ADMINISTRATOR]
        assert not {name for name in staff if may_open(view_name=name, roles=frozenset())}
        assert not may_open(view_name="forgotten", roles=frozenset(Role))


@pytest.mark.usefixtures("stubbed")
class TestEveryRoute:
    def test_with_nobody_signed_in(self, hub: SmallHub) -> None:
        assert walk(Client()) == {name: {expected(name, None)} for name in ROUTES}

    def test_with_each_role(self, hub: SmallHub) -> None:
        for name, person in hub.people.items():
            wanted = {route: {expected(route, person)} for route in ROUTES}
            assert (name, walk(signed_in(person))) == (name, wanted)

    def test_without_a_second_factor(self, hub: SmallHub) -> None:
        person = hub.people["administrator"]
        Authenticator.objects.filter(user=person).delete()
        assert walk(signed_in(person)) == {route: {expected(route, person, second_factor=False)} for route in ROUTES}

    def test_recovery_codes_alone_are_no_second_factor(self, hub: SmallHub) -> None:
        person = hub.people["analyst"]
        Authenticator.objects.filter(user=person).update(type=Authenticator.Type.RECOVERY_CODES)
        assert outcome(signed_in(person).get(reverse("queue"))) == "second factor"

    def test_with_an_account_and_no_role(self, hub: SmallHub) -> None:
        person = directory.add_person(email="new@hub.example", name="New", password=None, actor=Actor.machine("test"))
        Authenticator.objects.create(user=person, type=Authenticator.Type.TOTP, data={})
        assert walk(signed_in(person)) == {route: {expected(route, person)} for route in ROUTES}

    def test_a_route_that_was_forgotten_is_there_for_nobody(self, hub: SmallHub) -> None:
        for client in (Client(), *(signed_in(person) for person in hub.people.values())):
            assert {outcome(client.get(where)) for where in ("/forgotten/", "/nameless/")} == {"not there"}

    def test_the_demonstrations_page_is_there_in_a_demonstration(self, hub: SmallHub, settings: Settings) -> None:
        settings.DEMONSTRATION = True
        assert outcome(Client().get(reverse("demonstration"))) == "reached"

    def test_a_role_that_is_withdrawn_opens_nothing_from_then_on(self, hub: SmallHub) -> None:
        person = hub.people["analyst"]
        client = signed_in(person)
        assert outcome(client.get(reverse("queue"))) == "reached"
        directory.withdraw_role(membership=person.current_memberships()[0], actor=Actor.machine("test"))
        assert outcome(client.get(reverse("queue"))) == "refused"

    def test_an_account_that_is_closed_is_signed_out(self, hub: SmallHub) -> None:
        person = hub.people["analyst"]
        client = signed_in(person)
        Person.objects.filter(pk=person.pk).update(is_active=False)
        assert outcome(client.get(reverse("queue"))) == "sign in"

    def test_what_was_asked_for_is_come_back_to_and_a_part_of_a_page_is_not(self, hub: SmallHub) -> None:
        assert Client().get("/queue/?page=2")["Location"] == f"{reverse('account_login')}?next=%2Fqueue%2F%3Fpage%3D2"
        assert Client().post("/queue/")["Location"] == reverse("account_login")
        part = Client().get("/queue/", headers={"HX-Request": "true"})
        assert (part.status_code, part["HX-Redirect"]) == (204, reverse("account_login"))


class TestRealViews:
    """The views themselves add nothing to the table and take nothing from it."""

    def test_reading_every_page(self, hub: SmallHub) -> None:
        for person in (None, *hub.people.values()):
            client = signed_in(person) if person else Client()
            for pattern in urls.urlpatterns:
                route = pattern.name or ""
                came, wanted = outcome(client.get(address(pattern))), expected(route, person)
                if wanted == "reached":
                    assert came not in ("refused", "second factor"), (route, person)
                    assert came != "sign in" or ROUTES[route] == EVERYBODY, (route, person)
                    assert not came.startswith("5"), (route, person)
                else:
                    assert came == wanted, (route, person)
                if route == "account_logout" and person:
                    client.force_login(person)


@pytest.fixture
def rooms(hub: SmallHub) -> dict[str, tuple[Content, Case, Referral]]:
    """A post, a case and a referral delivered to Alpha at each of the four desks."""
    made = {}
    for slug, desk in hub.desks.items():
        decision = hub.decided(hub.referral_form())
        casework.review(
            decision=decision, person=hub.people["reviewer"], concurs=True, reasons="I read it the same way."
        )
        case = decision.case
        referral = referrals.prepare(decision_id=decision.pk)
        Content.objects.filter(pk=case.content_id).update(desk=desk)
        Case.objects.filter(pk=case.pk).update(desk=desk)
        Referral.objects.filter(pk=referral.pk).update(
            state=ReferralState.AWAITING,
            state_body=desk.organisation.state_body,
            sampled=False,
            received_at=moment.now(),
        )
        made[slug] = (
            Content.objects.get(pk=case.content_id),
            Case.objects.get(pk=case.pk),
            Referral.objects.get(pk=referral.pk),
        )
    return made


SEES: dict[str, set[str]] = {
    "analyst": {"general"},
    "reviewer": {"general"},
    "welfare": {"welfare"},
    "candidate_analyst": {"candidates"},
    "candidate_reviewer": {"candidates"},
    "officer": {"police"},
    "inspector": {"police"},
}
"""Whose desk is which; everybody else sees no post and no case at all."""

Rooms = dict[str, tuple[Content, Case, Referral]]


@pytest.mark.core
class TestPartitions:
    def test_each_person_finds_what_lies_at_their_own_desk(self, hub: SmallHub, rooms: Rooms) -> None:
        for name in PEOPLE:
            self.finds_their_own(hub, rooms, name)

    def finds_their_own(self, hub: SmallHub, rooms: Rooms, name: str) -> None:
        person, own = hub.people[name], SEES.get(name, set())

        def found(rows: models.QuerySet[Any]) -> set[Any]:
            return set(rows.values_list("pk", flat=True))

        assert found(Content.objects.visible_to(person)) == {rooms[desk][0].pk for desk in own}
        assert found(Case.objects.visible_to(person)) == {rooms[desk][1].pk for desk in own}
        assert found(Desk.objects.visible_to(person)) == {hub.desks[desk].pk for desk in own}
        seen = {"alpha_contact": set(rooms), "overseer": {"police"}}.get(name, own)
        assert found(Referral.objects.visible_to(person)) == {rooms[desk][2].pk for desk in seen}

    def test_nobody_finds_anything_without_signing_in(self, hub: SmallHub, rooms: Rooms) -> None:
        from django.contrib.auth.models import AnonymousUser

        for kind in (Content, Case, Referral, Desk, Notification, Notice, *SENT_HERE):
            assert not kind.objects.visible_to(AnonymousUser()).exists()  # type: ignore[attr-defined]

    def test_the_models_with_walls_are_these(self) -> None:
        """A model that gets `visible_to` is to be added to the tests above."""
        from django.apps import apps

        walled = {model for model in apps.get_models() if hasattr(model._default_manager, "visible_to")}
        assert walled == {Content, Case, Referral, Desk, Notification, Notice, Community, *SENT_HERE}

    def test_everybody_finds_their_own_notifications(self, hub: SmallHub) -> None:
        for person in hub.people.values():
            notify(people=[person], kind="k", about=f"for {person.pk}", text="Something.", link="/home/")
        for person in hub.people.values():
            assert [each.about for each in Notification.objects.visible_to(person)] == [f"for {person.pk}"]

    def test_a_platform_sees_what_it_was_sent_and_nothing_else(self, hub: SmallHub, rooms: Rooms) -> None:
        for received in (None, moment.now()):
            for state in ReferralState:
                Referral.objects.update(state=state, received_at=received)
                seen = Referral.objects.visible_to(hub.people["alpha_contact"]).count()
                assert seen == (len(rooms) if received else 0), state
                assert not Referral.objects.visible_to(hub.people["beta_contact"]).exists()

    def test_a_withdrawn_role_shows_nothing_more(self, hub: SmallHub, rooms: Rooms) -> None:
        person = hub.people["analyst"]
        directory.withdraw_role(membership=person.current_memberships()[0], actor=Actor.machine("test"))
        person.refresh_from_db()
        assert not Content.objects.visible_to(person).exists()

    def test_somebody_with_a_desk_and_an_office_sees_the_desk_only(self, hub: SmallHub, rooms: Rooms) -> None:
        """An auditor's or ombudsman's role opens no content, whatever other role stands beside it."""
        person = hub.people["analyst"]
        directory.give_role(
            person=person, role=Role.AUDITOR, organisation=hub.organisations["hub"], actor=Actor.machine("test")
        )
        assert set(Content.objects.visible_to(person)) == {rooms["general"][0]}


class TestOutside:
    """What lies outside one's partition is not there: the same answer as for what never was."""

    def test_cases_posts_and_referrals_of_others_are_not_there_and_ones_own_are(
        self, hub: SmallHub, rooms: Rooms
    ) -> None:
        for name in SEES:
            self.stays_outside(hub, rooms, name)

    def stays_outside(self, hub: SmallHub, rooms: Rooms, name: str) -> None:
        client = signed_in(hub.people[name])
        before = Entry.objects.count(), list(Case.objects.order_by("pk").values())
        for desk, (content, case, referral) in rooms.items():
            if desk in SEES[name]:
                assert client.get(reverse("case", kwargs={"case_id": case.pk})).status_code == 200
                assert client.get(reverse("referral", kwargs={"referral_id": referral.pk})).status_code == 200
                continue
            for route, key, value in walls(content, case, referral):
                where = reverse(route, kwargs={key: value})
                nowhere = reverse(route, kwargs={key: uuid4()})
                for method in ("get", "post"):
                    theirs, nobodys = getattr(client, method)(where), getattr(client, method)(nowhere)
                    assert theirs.status_code == nobodys.status_code, (route, method)
                    forbidden = not may_open(view_name=route, roles=hub.people[name].roles())
                    software = ROUTES[route] == SOFTWARE
                    wanted = (401,) if software else (403,) if forbidden else (404, 405)
                    assert theirs.status_code in wanted, (route, method)
                    assert content.text not in theirs.content.decode()
        assert (Entry.objects.count(), list(Case.objects.order_by("pk").values())) == before
        assert not Reveal.objects.exists()

    def test_a_platform_finds_its_own_referral_and_not_anothers(self, hub: SmallHub, rooms: Rooms) -> None:
        where = reverse("referral", kwargs={"referral_id": rooms["general"][2].pk})
        assert signed_in(hub.people["alpha_contact"]).get(where).status_code == 200
        assert signed_in(hub.people["beta_contact"]).get(where).status_code == 404


def walls(content: Content, case: Case, referral: Referral) -> list[tuple[str, str, UUID]]:
    """Every route of caseworkers that names an object, with the object."""
    keys = {"case_id": case.pk, "content_id": content.pk, "referral_id": referral.pk}
    found = []
    for pattern in urls.urlpatterns:
        for key, value in keys.items():
            if key in pattern.pattern.converters and len(pattern.pattern.converters) == 1:
                found.append((pattern.name or "", key, value))
    assert len(found) >= 10
    return found
