"""From a decision to a notice: without a power nothing changes, with one an officer gives it, or declines, and nobody else."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob
from tests.hub.notices.conftest import BEGIN, ORDER, PROFILE, WORDS, NoticeDesk, at
from tests.hub.referrals.conftest import ToldPlatform
from tests.support.hub import ACTOR

from seawall import channels
from seawall.clock import Basis, Start, State
from seawall.hub.casework.form import FormIncomplete
from seawall.hub.casework.models import Case, Decision, Measure
from seawall.hub.directory import services as directory
from seawall.hub.directory.roles import Role
from seawall.hub.ledger.models import Entry
from seawall.hub.notices import officers, queries, services
from seawall.hub.notices.models import Notice, NoticeState
from seawall.hub.notifications.models import Notification
from seawall.hub.oversight.courses import courses
from seawall.hub.practice import services as practice_services
from seawall.hub.practice.models import Power, PowerKind
from seawall.hub.referrals import pending, tasks
from seawall.hub.referrals import services as referrals
from seawall.hub.referrals.documents import NoticeFirst
from seawall.hub.referrals.models import Referral, ReferralState

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def told(desk: NoticeDesk, name: str) -> list[str]:
    found = Notification.objects.filter(person=desk.hub.people[name], kind__startswith="notice.")
    return list(found.order_by("made_at", "id").values_list("kind", flat=True))


def trail(notice: Notice) -> list[str]:
    found = Entry.objects.filter(subject_kind="notice", subject_id=str(notice.pk)).order_by("id")
    return [verb.removeprefix("notice.") for verb in found.values_list("verb", flat=True)]


# Whether anything waits


@pytest.mark.core
def test_without_a_power_a_request_goes_out_as_ever(desk: NoticeDesk) -> None:
    decision = desk.decided()
    assert pending.unprepared() == [decision.pk]
    tasks.prepare(str(decision.pk))
    referral = Referral.objects.get(decision=decision)
    assert referral.kind == "notice_of_illegality"
    assert referral.clock().limit.basis == Basis.PROPOSAL
    assert not Notice.objects.exists()


def test_with_a_power_nothing_is_sent_and_a_draft_waits(desk: NoticeDesk) -> None:
    desk.power()
    decision = desk.decided()
    with pytest.raises(NoticeFirst):
        referrals.prepare(decision_id=decision.pk)
    for _again in range(2):
        tasks.prepare(str(decision.pk))
    notice = Notice.objects.get(decision=decision)
    assert (notice.state, notice.kind) == (NoticeState.DRAFT, "formal_notice")
    assert not Referral.objects.exists()
    assert pending.unprepared() == []
    assert trail(notice) == ["drafted"]
    assert {name: told(desk, name) for name in ("sergeant", "superintendent", "inspector", "officer")} == {
        "sergeant": ["notice.draft"],
        "superintendent": ["notice.draft"],
        "inspector": [],  # gave the second word
        "officer": [],
    }


def test_where_no_officer_is_free_the_desk_is_told(desk: NoticeDesk) -> None:
    desk.power()
    for name in ("sergeant", "superintendent"):
        directory.withdraw_role(membership=desk.person(name).current_memberships()[0], actor=ACTOR)
    notice = desk.drafted()
    assert officers.who_may_give(notice) == []
    assert told(desk, "officer") == told(desk, "inspector") == ["notice.draft"]


def test_a_power_counts_for_its_own_organisation_and_kind_alone(desk: NoticeDesk) -> None:
    desk.power(PowerKind.REMOVAL_ORDER)
    desk.power(organisation="regulator")
    tasks.prepare(str(desk.decided().pk))
    assert Referral.objects.get().kind == "notice_of_illegality"


def test_a_draft_waits_also_when_the_power_ends_and_can_then_only_be_declined(desk: NoticeDesk) -> None:
    power = desk.power()
    notice = desk.written()
    practice_services.end_power(power_id=power.pk, because="Repealed.", actor=ACTOR)
    tasks.prepare(str(notice.decision_id))
    assert not Referral.objects.exists()
    sergeant = desk.person("sergeant")
    with pytest.raises(services.NoticeUnavailable, match="ended"):
        services.give(notice=notice, person=sergeant, checked=services.seal(notice=notice, person=sergeant))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"organisation": "charity"}, "no body of the state"),
        ({"source": " "}, "Say where"),
        ({"advised_by": ""}, "who advised"),
        ({"read_on": date(2999, 1, 1)}, "future"),
    ],
)
def test_what_cannot_be_recorded_as_a_power(desk: NoticeDesk, change: dict[str, object], problem: str) -> None:
    given = {"source": "Regulations", "read_on": date(2026, 10, 1), "advised_by": "A solicitor"} | change
    organisation = desk.hub.organisations[str(given.pop("organisation", "police"))]
    with pytest.raises(practice_services.PowerRefused, match=problem):
        practice_services.record_power(
            organisation_id=organisation.pk,
            kind=PowerKind.FORMAL_NOTICE,
            actor=ACTOR,
            **given,  # type: ignore[arg-type]
        )
    assert not Power.objects.exists()


def test_a_power_is_recorded_once_and_ended_once(desk: NoticeDesk) -> None:
    power = desk.power()
    with pytest.raises(practice_services.PowerRefused, match="already"):
        desk.power()
    with pytest.raises(practice_services.PowerRefused, match="why"):
        practice_services.end_power(power_id=power.pk, because=" ", actor=ACTOR)
    practice_services.end_power(power_id=power.pk, because="Repealed.", actor=ACTOR)
    with pytest.raises(practice_services.PowerRefused, match="before"):
        practice_services.end_power(power_id=power.pk, because="Again.", actor=ACTOR)
    desk.power()
    verbs = Entry.objects.filter(verb__startswith="practice.power").order_by("id").values_list("verb", flat=True)
    assert list(verbs) == ["practice.power_recorded", "practice.power_ended", "practice.power_recorded"]


# Writing and giving


def test_a_draft_says_what_it_lacks_in_the_schemas_own_words(desk: NoticeDesk) -> None:
    desk.power()
    notice = desk.drafted()
    sergeant = desk.person("sergeant")
    lacks = {each.field: each.sentence for each in services.missing(notice=notice, person=sergeant)}
    assert lacks == {
        "reasons": "The notice must give the officer’s reasons.",
        "review_until": "The notice must say until when a review can be asked for.",
        "review_to": "The notice must say to whom a review is addressed.",
        "review_how": "The notice must explain how a review is asked for.",
        "consequences": "The notice must set out what may follow if it is not complied with.",
        "how_to_confirm": "The notice must say how the recipient confirms the removal.",
    }
    services.write(notice=notice, person=sergeant, values=WORDS | {"consequences": ""})
    notice.refresh_from_db()
    assert [each.field for each in services.missing(notice=notice, person=sergeant)] == ["consequences"]
    services.write(notice=notice, person=sergeant, values=WORDS | {"review_until": "2020-01-01"})
    notice.refresh_from_db()
    (late,) = services.missing(notice=notice, person=sergeant)
    assert late.field == "review_until"
    assert "right of review ends before" in late.sentence
    desk.add_officer("nameless", profile=False)
    assert services.missing(notice=notice, person=desk.person("nameless"))[0].field == ""


@pytest.mark.core
def test_the_48_hours_run_from_the_giving_however_long_delivery_takes(desk: NoticeDesk, platform: ToldPlatform) -> None:
    with at():
        desk.power()
        referral = desk.given()
    assert (referral.kind, referral.state, referral.state_body) == ("formal_notice", "queued", True)
    limit = referral.clock().limit
    assert (limit.starts, limit.basis, limit.length, limit.pausable) == (
        Start.GIVEN,
        Basis.STATUTE,
        timedelta(hours=48),
        frozenset(),
    )
    with at(hours=30):
        referral = referrals.deliver(referral_id=referral.pk)
    assert referral.received_at == BEGIN + timedelta(hours=30)
    assert referral.clock().due() == BEGIN + timedelta(hours=48)
    document = channels.ReferralDocument.model_validate(referral.document)
    assert document.formal is not None
    assert document.formal.given_at == BEGIN
    assert document.formal.officer.name == "Sergeant"
    assert document.sha256() == referral.document_sha256
    with at(hours=49):
        assert referral.clock().state(BEGIN + timedelta(hours=49)) == State.BREACHED
        assert [step.step for step in referrals.escalate(referral_id=referral.pk)] == ["second_contact"]
        (course,) = courses(since=BEGIN - DAY, until=BEGIN + 3 * DAY)
        assert course.used(BEGIN + timedelta(hours=49)) == timedelta(hours=49)
        assert course.in_time(BEGIN + timedelta(hours=49)) is False
    notice = Notice.objects.get()
    assert notice.referral == referral
    assert trail(notice) == ["drafted", "written", "given"]
    assert "notice.given" in told(desk, "officer")


def test_questions_do_not_pause_a_notice(desk: NoticeDesk, platform: ToldPlatform) -> None:
    with at():
        desk.power()
        referral = desk.received()
    with at(hours=2):
        platform.asks()
        referrals.collect(referral_id=referral.pk)
    referral = Referral.objects.get(pk=referral.pk)
    assert referral.state == ReferralState.ASKED
    assert referral.clock().state(BEGIN + timedelta(hours=3)) == State.RUNNING


@pytest.mark.parametrize("name", ["officer", "inspector", "analyst", "administrator", "overseer", "alpha_contact"])
def test_nobody_gives_who_decided_or_seconded_or_is_no_officer_there(desk: NoticeDesk, name: str) -> None:
    desk.power()
    notice = desk.written()
    person = desk.person(name)
    if name == "officer":  # also with the role, whoever decided is not free
        directory.give_role(
            person=person,
            role=Role.AUTHORISING_OFFICER,
            organisation=desk.hub.organisations["police"],
            desk=desk.hub.desks["police"],
            actor=ACTOR,
        )
        person = desk.person(name)
    with pytest.raises(PermissionError):
        services.give(notice=notice, person=person, checked=services.seal(notice=notice, person=person))
    with pytest.raises(PermissionError):
        services.write(notice=notice, person=person, values=WORDS)
    assert not Referral.objects.exists()


def test_only_what_was_checked_and_is_whole_is_given_and_only_once(desk: NoticeDesk) -> None:
    desk.power()
    notice = desk.drafted()
    sergeant = desk.person("sergeant")
    with pytest.raises(FormIncomplete, match="reasons"):
        services.give(notice=notice, person=sergeant, checked=services.seal(notice=notice, person=sergeant))
    services.write(notice=notice, person=sergeant, values=WORDS)
    notice.refresh_from_db()
    checked = services.seal(notice=notice, person=sergeant)
    services.write(notice=notice, person=desk.person("superintendent"), values=WORDS | {"consequences": "None."})
    with pytest.raises(services.NoticeUnavailable, match="changed"):
        services.give(notice=notice, person=sergeant, checked=checked)
    notice.refresh_from_db()
    checked = services.seal(notice=notice, person=sergeant)
    services.give(notice=notice, person=sergeant, checked=checked)
    with pytest.raises(services.NoticeUnavailable, match="waits no more"):
        services.give(notice=notice, person=sergeant, checked=checked)
    assert Referral.objects.count() == 1


def test_a_suspended_desk_gives_nothing(desk: NoticeDesk) -> None:
    desk.power()
    notice = desk.written()
    Measure.objects.create(
        desk=desk.hub.desks["police"],
        kind="suspension",
        figures={},
        gravity="g",
        intent="i",
        reasons="r",
        taken_by=desk.hub.people["overseer"],
        taken_at=notice.drafted_at,
        until=notice.drafted_at + DAY,
    )
    sergeant = desk.person("sergeant")
    with pytest.raises(services.NoticeUnavailable, match="may not refer"):
        services.give(notice=notice, person=sergeant, checked=services.seal(notice=notice, person=sergeant))


# Declining


@pytest.mark.parametrize("way", ["request", "close"])
def test_a_declined_notice_goes_on_as_a_request_or_is_closed(desk: NoticeDesk, way: str) -> None:
    desk.power()
    notice = desk.drafted()
    decision = notice.decision
    with pytest.raises(PermissionError):
        services.decline(notice=notice, person=desk.person("officer"), reasons="No.")
    with pytest.raises(FormIncomplete):
        services.decline(notice=notice, person=desk.person("sergeant"), reasons=" ")
    services.decline(notice=notice, person=desk.person("sergeant"), reasons="The listing is an antique.")
    assert "notice.declined" in told(desk, "officer")
    tasks.prepare(str(decision.pk))  # nothing is sent before the desk has settled it
    assert not Referral.objects.exists()
    assert pending.unprepared() == []
    with pytest.raises(PermissionError):
        services.settle(notice=notice, person=desk.person("analyst"), way="request")
    services.settle(notice=notice, person=desk.person("officer"), way=way)  # type: ignore[arg-type]
    decision = Decision.objects.get(pk=decision.pk)
    if way == "request":
        assert pending.unprepared() == [decision.pk]
        assert ProcrastinateJob.objects.filter(task_name="referrals.prepare").exists()
        tasks.prepare(str(decision.pk))
        referral = Referral.objects.get()
        assert (referral.kind, referral.clock().limit.basis) == ("notice_of_illegality", Basis.PROPOSAL)
        assert decision.voided_at is None
    else:
        assert pending.unprepared() == []
        assert not Referral.objects.exists()
        assert decision.voided_at is not None
        assert Case.objects.get(pk=decision.case_id).outcome == "no_action"
    assert trail(notice) == ["drafted", "declined", "settled"]
    with pytest.raises(services.NoticeUnavailable):
        services.settle(notice=notice, person=desk.person("officer"), way="close")


# Officers


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"authorised_at": date(2999, 1, 1)}, "authorised_at"),
        ({"phone": "ask at the desk"}, "phone"),
        ({"email": "Robin <robin@police.example>"}, "email"),
        ({"name": "Robin\nSample"}, "name"),
        ({"rank": " "}, "rank"),
    ],
)
def test_how_an_officer_cannot_be_named(desk: NoticeDesk, change: dict[str, object], field: str) -> None:
    with pytest.raises(FormIncomplete) as refused:
        officers.keep_profile(person=desk.person("sergeant"), values=PROFILE | change)
    assert [problem.field for problem in refused.value.problems] == [field]


def test_only_officers_are_named(desk: NoticeDesk) -> None:
    with pytest.raises(PermissionError):
        officers.keep_profile(person=desk.person("officer"), values=PROFILE)


# Who sees what


def test_who_sees_a_notice(desk: NoticeDesk) -> None:
    desk.power()
    notice = desk.drafted()

    def seen() -> set[str]:
        return {name for name in desk.hub.people if queries.notices_for(desk.person(name)).exists()}

    assert seen() == {"officer", "inspector", "sergeant", "superintendent"}
    sergeant = desk.person("sergeant")
    services.write(notice=notice, person=sergeant, values=WORDS)
    notice.refresh_from_db()
    services.give(notice=notice, person=sergeant, checked=services.seal(notice=notice, person=sergeant))
    assert seen() == {"officer", "inspector", "sergeant", "superintendent", "overseer"}


# Orders


@pytest.mark.core
def test_an_orders_hour_runs_from_receipt_and_stands_still_for_an_obstacle(
    orders: NoticeDesk, platform: ToldPlatform
) -> None:
    with at():
        referral = orders.given()
    assert referral.kind == "removal_order"
    assert not referral.clock_events.exists()
    with at(minutes=50):
        referral = referrals.deliver(referral_id=referral.pk)
    assert referral.clock().due() == BEGIN + timedelta(minutes=110)
    document = channels.ReferralDocument.model_validate(referral.document)
    assert document.order is not None
    assert (document.order.issued_at, document.order.order_reference) == (BEGIN, ORDER["order_reference"])
    with at(minutes=60):
        platform.says("PROCESSING", "IMPOSSIBLE_NOW")
        referrals.collect(referral_id=referral.pk)
    assert Referral.objects.get(pk=referral.pk).clock().state(BEGIN + timedelta(minutes=70)) == State.PAUSED
    with at(minutes=90):
        platform.says("PROCESSING")
        referrals.collect(referral_id=referral.pk)
    assert Referral.objects.get(pk=referral.pk).clock().due() == BEGIN + timedelta(minutes=150)


def test_an_order_says_what_annex_i_asks_for(orders: NoticeDesk) -> None:
    notice = orders.drafted()
    assert notice.kind == "removal_order"
    lacks = services.missing(notice=notice, person=orders.person("sergeant"))
    assert [each.field for each in lacks] == [name for name in ORDER if name != "host_authority"]
    assert all(each.sentence.startswith("The order must ") for each in lacks)
    services.write(
        notice=notice,
        person=orders.person("sergeant"),
        values={k: v for k, v in ORDER.items() if k != "host_authority"},
    )
    notice.refresh_from_db()
    (lack,) = services.missing(notice=notice, person=orders.person("sergeant"))
    assert lack.field == "host_authority"
