"""Incidents: who declares them, what they hurry, who is told and who may speak, what is counted, and the debrief at the end."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
import rfc8785
from django.db import DatabaseError, transaction
from tests.hub.exchange.conftest import HARM, Exchange, at
from tests.hub.incidents.conftest import Declaring
from tests.support.hub import ACTOR
from tests.support.staff import SignedIn, received

from seawall.clock import Basis, EventKind
from seawall.hub import moment
from seawall.hub.casework import services as casework
from seawall.hub.directory.models import Person
from seawall.hub.exchange import recipients, sightings, signals
from seawall.hub.exchange.models import Reason
from seawall.hub.incidents import counting, services
from seawall.hub.incidents.models import Answer, Count, Incident, Message, Question
from seawall.hub.incidents.services import NotPossible
from seawall.hub.ledger.models import Entry
from seawall.hub.ledger.services import Actor
from seawall.hub.notifications.models import Call, Notification
from seawall.hub.notifications.services import subscribe
from seawall.hub.practice import queries as practice
from seawall.hub.practice import services as practice_services
from seawall.hub.practice.vocabulary import Step
from seawall.hub.referrals.documents import limit_for
from seawall.hub.referrals.models import ClockEvent, Referral, ReferralState

T0 = datetime(2026, 10, 1, 12, 7, tzinfo=UTC)


def minutes(number: float) -> datetime:
    return T0 + timedelta(minutes=number)


class TestDeclaring:
    def test_one_administrator_of_the_operator_declares_it(self, pool: Exchange, declare: Declaring) -> None:
        made = declare()
        assert made.is_on(moment.now())
        assert made.reference.startswith("I-")
        entry = Entry.objects.get(verb="incident.declared")
        assert (entry.payload["kind"], entry.payload["harms"]) == ("livestream", {HARM: 1})
        assert "streamed" not in json.dumps(entry.payload)
        with pytest.raises(NotPossible, match="An incident is on"):
            declare()

    def test_nobody_else_does(self, pool: Exchange, declare: Declaring) -> None:
        for name in ("alpha_contact", "analyst", "regulator", "auditor"):
            with pytest.raises(PermissionError):
                declare(person=pool.hub.people[name])

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"harms": []}, "Choose harms"),
            ({"harms": ["vio-threat"]}, "Choose harms"),
            ({"lasts": timedelta(hours=25)}, "15 minutes to 24 hours"),
            ({"lasts": timedelta(minutes=1)}, "15 minutes to 24 hours"),
            ({"title": " "}, "Say what happens"),
        ],
    )
    def test_what_cannot_be_declared(self, declare: Declaring, changes: Any, why: str) -> None:
        with pytest.raises(NotPossible, match=why):
            declare(**changes)
        assert not Incident.objects.exists()

    def test_members_their_observers_and_their_software_are_told_once_each(
        self, pool: Exchange, declare: Declaring
    ) -> None:
        subscribe(organisation=pool.hub.organisations["alpha"], url="https://alpha.example/hook", actor=ACTOR)
        made = declare()
        told = set(Notification.objects.filter(kind="incident.declared").values_list("person__name", flat=True))
        assert {"alpha contact", "beta contact", "regulator", "administrator"} <= told
        assert "ombudsman" not in told
        call = Call.objects.get(kind="incident.declared")
        assert call.body["data"]["reference"] == made.reference
        assert made.title not in json.dumps(call.body)


class TestTime:
    def test_more_time_needs_a_second_person(self, pool: Exchange, declare: Declaring, second: Person) -> None:
        made, first = declare(), pool.hub.people["administrator"]
        until = made.ends_at + timedelta(hours=2)
        with pytest.raises(NotPossible, match="second administrator"):
            services.extend(incident=made, person=first, until=until, reason="It goes on.")
        services.extend(incident=made, person=second, until=until, reason="It goes on.")
        made.refresh_from_db()
        assert (made.ends_at, made.hurry.ends_at) == (until, until)
        with pytest.raises(NotPossible, match="second administrator"):
            services.extend(incident=made, person=second, until=until + timedelta(hours=1), reason="Still.")
        services.extend(incident=made, person=first, until=until + timedelta(hours=1), reason="Still.")
        for more, why in (
            ({"until": until}, "no later"),
            ({"until": moment.now() + timedelta(hours=25)}, "24 hours"),
            ({"until": until + timedelta(hours=2), "reason": " "}, "Say why"),
        ):
            with pytest.raises(NotPossible, match=why):
                services.extend(**{"incident": made, "person": second, "reason": "It does.", **more})  # type: ignore[arg-type]

    def test_a_week_is_the_most(self, pool: Exchange, declare: Declaring, second: Person) -> None:
        with at(T0):
            made = declare(lasts=timedelta(hours=24))
        pair = [second, pool.hub.people["administrator"]]
        for turn in range(1, 7):
            now = T0 + turn * timedelta(hours=22)
            with at(now):
                services.extend(
                    incident=made, person=pair[(turn + 1) % 2], until=now + timedelta(hours=23), reason="On."
                )
        now = T0 + 7 * timedelta(hours=22)
        with at(now), pytest.raises(NotPossible, match="7 days at most"):
            services.extend(incident=made, person=pair[0], until=now + timedelta(hours=20), reason="On.")

    def test_it_ends_by_itself_at_its_time_however_late_that_is_noticed(
        self, pool: Exchange, declare: Declaring
    ) -> None:
        with at(T0):
            made = declare(lasts=timedelta(hours=1))
        with at(minutes(59)):
            assert services.lapse_due() == 0
        with at(minutes(61)):
            assert not practice.in_incident(harm_id=HARM, at=moment.now())
            with pytest.raises(NotPossible, match="over"):
                services.say(
                    incident=made,
                    person=pool.hub.people["alpha_contact"],
                    organisation=pool.hub.organisations["alpha"],
                    text="Too late",
                )
        with at(minutes(600)):
            assert (services.lapse_due(), services.lapse_due()) == (1, 0)
        made.refresh_from_db()
        assert (made.ended_at, made.ended_by) == (minutes(60), None)
        assert Entry.objects.get(verb="incident.ended").payload["lapsed"] is True
        with at(minutes(601)):
            assert declare().is_on(moment.now())

    def test_another_can_be_declared_though_nobody_noticed_that_the_last_one_ran_out(self, declare: Declaring) -> None:
        with at(T0):
            old = declare(lasts=timedelta(hours=1))
        with at(minutes(61)):
            declare()
        old.refresh_from_db()
        assert old.ended_at == minutes(60)


class TestClocks:
    def test_the_incidents_harms_are_halved_and_nothing_else(self, pool: Exchange, declare: Declaring) -> None:
        code = practice.current_code()
        usual = casework.open_case(content=pool.hub.post(), harm=HARM, origin="person", actor=ACTOR)[0]  # type: ignore[arg-type]
        other = pool.hub.case("vio-threat")
        before = received(pool.hub, harm=HARM)
        made = declare()
        hurried, same = pool.hub.case(HARM), pool.hub.case("vio-threat")
        assert usual.decision_within is not None
        assert hurried.decision_within == usual.decision_within / 2
        assert same.decision_within == other.decision_within
        after = received(pool.hub, harm=HARM)
        assert after.clock().limit.length * 2 == before.clock().limit.length  # type: ignore[operator]
        assert "declared incident" in after.clock().limit.citation
        before.refresh_from_db()
        assert "declared incident" not in before.clock().limit.citation  # a clock that runs is not touched
        services.end(incident=made, person=pool.hub.people["administrator"], because="It is over.")
        assert pool.hub.case(HARM).decision_within == usual.decision_within
        assert code.limit(HARM, Step.ACTION) == code.limit(HARM, Step.ACTION, incident=False)

    def test_the_calendar_says_what_is_halved_now(self, pool: Exchange, declare: Declaring, as_: SignedIn) -> None:
        administrator = as_("administrator")
        assert "A declared incident is on" not in administrator.get("/calendar/").content.decode()
        made = declare()
        assert f"times are halved for: {HARM}" in administrator.get("/calendar/").content.decode()
        services.end(incident=made, person=pool.hub.people["administrator"], because="It is over.")
        assert "A declared incident is on" not in administrator.get("/calendar/").content.decode()

    def test_a_statute_is_never_halved(self, pool: Exchange) -> None:
        code = practice.current_code()
        statutory = 0
        for harm in code.harms:
            usual = code.limit(harm.id, Step.ACTION)
            if usual is None:
                continue
            hurried = code.limit(harm.id, Step.ACTION, incident=True)
            if usual.basis is Basis.STATUTE or harm.clock.limit is not None:
                statutory += 1
                assert hurried == usual
                assert limit_for(code=code, harm=harm, incident=True) == limit_for(code=code, harm=harm)
        assert statutory

    def test_two_reasons_halve_once(self, pool: Exchange) -> None:
        code = practice.current_code()
        harm = next(each for each in code.harms if each.id == "cand-harassment")
        both = code.limit(harm.id, Step.ACTION, election_period=True, incident=True)
        assert both == code.limit(harm.id, Step.ACTION, election_period=True)

    def test_only_the_harms_of_the_code_and_an_end_to_come(self, pool: Exchange) -> None:
        for harms, until, why in (
            (["nothing"], moment.now() + timedelta(hours=1), "at least one harm"),
            ([HARM], moment.now(), "over already"),
        ):
            with pytest.raises(practice_services.PeriodRefused, match=why):
                practice_services.hurry(harms=harms, until=until, actor=ACTOR)


class TestChannel:
    def say(self, pool: Exchange, incident: Incident, who: str, organisation: str, text: str = "We see it.") -> Message:
        return services.say(
            incident=incident,
            person=pool.hub.people[who],
            organisation=pool.hub.organisations[organisation],
            text=text,
        )

    def test_what_is_said_stays_and_the_ledger_holds_its_digest(self, pool: Exchange, declare: Declaring) -> None:
        made = declare()
        first, then = (
            self.say(pool, made, "alpha_contact", "alpha"),
            self.say(pool, made, "administrator", "hub", "So do we."),
        )
        assert [first.number, then.number] == [1, 2]
        entry = Entry.objects.filter(verb="incident.message").order_by("pk").first()
        assert entry is not None
        assert entry.payload["text_digest"] == sha256(b"We see it.").hexdigest()
        assert "see it" not in json.dumps(entry.payload)
        for change in (lambda: Message.objects.update(text="No."), lambda: Message.objects.all().delete()):
            with pytest.raises(DatabaseError, match="stays as it is"), transaction.atomic():
                change()

    def test_who_may_not_speak(self, pool: Exchange, declare: Declaring) -> None:
        made = declare()
        for who, organisation in (
            ("regulator", "regulator"),
            ("ombudsman", "ombudsman"),
            ("alpha_contact", "beta"),
            ("auditor", "hub"),
        ):
            with pytest.raises(PermissionError):
                self.say(pool, made, who, organisation)
        for text in ("", "a" * 1_001, "a\x00b"):
            with pytest.raises(NotPossible):
                self.say(pool, made, "alpha_contact", "alpha", text)


@pytest.fixture
def busy(pool: Exchange, declare: Declaring) -> Incident:
    """An hour and three minutes: signals, a withdrawal, a sighting, a case, a message."""
    with at(minutes(-30)):
        recipients.serve(recipient=pool.recipient("alpha"), after=0)
    with at(T0):
        made = declare()
    with at(minutes(2)):
        shared = pool.share(6, by="beta")
        recipients.serve(recipient=pool.recipient("alpha"), after=0)
    with at(minutes(10)):
        signals.withdraw(signals=shared[:1], reason=Reason.MISTAKE, actor=ACTOR)
    with at(minutes(25)):
        sightings.report(
            signal=shared[1],
            organisation=pool.hub.organisations["alpha"],
            platform=pool.hub.platforms["alpha"],
            url="https://alpha.example/posts/1",
            actor=ACTOR,
        )
    with at(minutes(40)):
        services.say(
            incident=made,
            person=pool.hub.people["alpha_contact"],
            organisation=pool.hub.organisations["alpha"],
            text="We took down forty copies.",
        )
    return made


class TestCounts:
    def test_quarters_are_those_of_the_clock_and_hold_what_happened_in_them(self, busy: Incident) -> None:
        with at(minutes(9)):
            counting.snapshot(busy)
        with at(minutes(58)):
            counting.snapshot(busy)
            assert counting.snapshot(busy) == 0
        rows = {each.until: each.counts for each in Count.objects.all()}
        assert list(rows) == [
            T0.replace(minute=15),
            T0.replace(minute=30),
            T0.replace(minute=45),
            T0.replace(hour=13, minute=0),
        ]
        shared, seen, said, _last = rows.values()
        assert (shared["signals_shared"], shared["signals_withdrawn"]) == (6, 0)
        assert (seen["signals_withdrawn"], seen["sightings"], seen["cases_opened"], seen["signals_shared"]) == (
            1,
            0,
            0,
            0,
        )
        assert (said["sightings"], said["cases_opened"], said["cases_waiting"], said["messages"]) == (1, 1, 1, 0)
        assert _last["messages"] == 1

    def test_quarters_that_were_missed_are_counted_later_with_the_same_result(self, busy: Incident) -> None:
        with at(minutes(200)):
            assert counting.snapshot(busy) == 13
        late = list(Count.objects.values_list("until", "counts"))
        Count.objects.all().delete()
        for quarter in range(1, 14):
            with at(T0.replace(minute=0) + timedelta(minutes=15 * quarter, seconds=3)):
                counting.snapshot(busy)
        assert list(Count.objects.values_list("until", "counts")) == late

    def test_referrals_that_are_open_and_late(self, pool: Exchange, declare: Declaring) -> None:
        made = declare()
        referral = received(pool.hub, harm=HARM)
        limit = referral.clock().limit.length
        due = referral.clock().due()
        assert due is not None
        assert limit
        for when, late in ((moment.now() + timedelta(seconds=1), 0), (due + timedelta(minutes=1), 1)):
            told = counting.count(made, made.declared_at, when, list(counting.referrals_in(made, until=when)))
            assert (told["referrals_made"], told["referrals_open"], told["referrals_late"]) == (1, 1, late)


class TestDebrief:
    def test_it_tells_what_happened_and_its_digest_is_in_the_ledger(self, pool: Exchange, busy: Incident) -> None:
        with at(minutes(63)):
            services.end(incident=busy, person=pool.hub.people["administrator"], because="The stream is down.")
        busy.refresh_from_db()
        told: Any = busy.debrief
        assert busy.debrief_sha256 == sha256(rfc8785.dumps(told)).hexdigest()
        assert Entry.objects.get(verb="incident.ended").payload["debrief_digest"] == busy.debrief_sha256
        assert [each["what"] for each in told["timeline"]] == [
            "declared",
            "first_signal",
            "signal_withdrawn",
            "first_sighting",
            "said",
            "ended",
        ]
        assert told["signals"] == {"shared": 6, "withdrawn": 1, "withdrawn_by_reason": {"mistake": 1}}
        assert told["sightings"]["moves"] == [{"from": "beta", "to": "alpha", "count": 1, "median_seconds": 23 * 60}]
        (undone,) = told["mistakes"]
        assert (undone["what"], undone["still_held_by"]) == ("signal", 1)  # alpha was handed it and has not confirmed
        assert told["clocks"]["decisions"] == {"kept": 0, "missed": 0, "running": 1, "none": 0}
        assert len(told["quarters"]) == 5
        assert sum(each["signals_shared"] for each in told["quarters"]) == 6
        assert not any(person.name in json.dumps(told) for person in pool.hub.people.values())

    def test_clocks_kept_and_missed_and_the_platforms_answers(
        self, pool: Exchange, declare: Declaring, as_: SignedIn
    ) -> None:
        made = declare(lasts=timedelta(hours=24))
        late, answered, back = (received(pool.hub, harm=HARM) for _ in range(3))
        length = late.clock().limit.length
        assert isinstance(length, timedelta)
        now = moment.now()
        for referral in (late, answered, back):  # received so long ago that the time is over, or in the last hour
            began = now - length - timedelta(hours=1) if referral == late else now - timedelta(hours=1)
            ClockEvent.objects.filter(referral=referral).update(at=began)
        ClockEvent.objects.create(referral=answered, at=now, kind=EventKind.STOPPED)
        Referral.objects.filter(pk=answered.pk).update(
            state=ReferralState.ANSWERED, answered_at=now, received_at=now - timedelta(hours=1)
        )
        Referral.objects.filter(pk=back.pk).update(state=ReferralState.WITHDRAWN)
        services.end(incident=made, person=pool.hub.people["administrator"], because="It is over.")
        made.refresh_from_db()
        told: Any = made.debrief
        assert told["clocks"]["referrals"] == {"kept": 1, "missed": 1, "running": 0, "taken_back": 1}
        assert told["platforms"] == [
            {
                "platform": "alpha",
                "name": "Alpha",
                "referred": 3,
                "answered": 1,
                "open": 1,
                "late": 1,
                "taken_back": 1,
                "median_seconds": 3_600,
            }
        ]
        page = as_("alpha_contact").get(f"/incidents/{made.pk}/debrief/").content.decode()
        assert "3 referred, 1 answered (median 1 hour), 1 open, 1 of them late, 1 taken back" in page

    def test_its_questions_are_answered_by_people_and_no_answer_is_lost(
        self, pool: Exchange, busy: Incident, as_: SignedIn
    ) -> None:
        administrator = pool.hub.people["administrator"]
        with pytest.raises(NotPossible, match="when the incident is over"):
            services.answer(incident=busy, person=administrator, question=Question.WORKED, text="All.")
        with at(minutes(63)):
            services.end(incident=busy, person=administrator, because="The stream is down.")
        services.answer(incident=busy, person=administrator, question=Question.WORKED, text="All of it.")
        services.answer(incident=busy, person=administrator, question=Question.WORKED, text="The channel worked.")
        with pytest.raises(PermissionError):
            services.answer(
                incident=busy, person=pool.hub.people["alpha_contact"], question=Question.FAILED, text="You."
            )
        page = as_("alpha_contact").get(f"/incidents/{busy.pk}/debrief/").content.decode()
        assert "The channel worked." in page
        assert "All of it." not in page
        assert "Not answered yet" in page
        assert Answer.objects.count() == 2

    def test_it_is_read_as_a_page_a_pdf_and_data_by_those_inside(
        self, pool: Exchange, busy: Incident, as_: SignedIn
    ) -> None:
        assert as_("alpha_contact").get(f"/incidents/{busy.pk}/debrief/").status_code == 404
        with at(minutes(63)):
            services.end(incident=busy, person=pool.hub.people["administrator"], because="<b>The stream is down.</b>")
        busy.refresh_from_db()
        reader = as_("alpha_contact")
        page = reader.get(f"/incidents/{busy.pk}/debrief/")
        assert "We took down forty copies." in page.content.decode()
        assert "&lt;b&gt;The stream" in page.content.decode()
        assert "default-src 'none'" in page["Content-Security-Policy"]
        assert reader.get(f"/incidents/{busy.pk}/debrief.pdf").content.startswith(b"%PDF-")
        whole = reader.get(f"/incidents/{busy.pk}/debrief.json").json()
        assert sha256(rfc8785.dumps(whole["debrief"])).hexdigest() == whole["sha256"]
        for what in ("debrief/", "debrief.pdf", "debrief.json"):
            assert as_("regulator").get(f"/incidents/{busy.pk}/{what}").status_code == 403
            assert as_("ombudsman").get(f"/incidents/{busy.pk}/{what}").status_code == 404


class TestPages:
    def test_the_way_of_an_incident(self, pool: Exchange, second: Person, as_: SignedIn) -> None:
        administrator = as_("administrator")
        data = {"kind": "election", "title": "Election night", "harms": [HARM], "hours": "6"}
        page = administrator.post("/communities/pool/incidents/declare/", data, follow=True)
        assert "is declared, and every member is told" in page.content.decode()
        made = Incident.objects.get()
        path = f"/incidents/{made.pk}/"
        member = as_("alpha_contact")
        organisation = str(pool.hub.organisations["alpha"].pk)
        said = member.post(f"{path}say/", {"organisation": organisation, "text": "<i>Here</i>"}, follow=True)
        assert "&lt;i&gt;Here" in said.content.decode()
        empty = member.post(f"{path}say/", {"organisation": organisation, "text": ""})
        assert (empty.status_code, "Write your message" in empty.content.decode()) == (422, True)
        own = administrator.post(f"{path}extend/", {"hours": "8", "reason": "Counting goes on."})
        assert (own.status_code, "second administrator" in own.content.decode()) == (422, True)
        longer = as_("second").post(f"{path}extend/", {"hours": "8", "reason": "Counting goes on."}, follow=True)
        assert "Counting goes on." in longer.content.decode()
        over = administrator.post(f"{path}end/", {"because": "All is counted."}, follow=True)
        assert "All is counted." in over.content.decode()
        assert "Complete the debrief" in over.content.decode()
        done = administrator.post(f"{path}debrief/answer/", {"question": "worked", "text": "Much."}, follow=True)
        assert "The answer stands in the debrief" in done.content.decode()
        assert made.reference in member.get("/communities/pool/incidents/").content.decode()

    def test_an_observer_sees_counts_and_no_small_one_and_nothing_that_was_said(
        self, busy: Incident, as_: SignedIn
    ) -> None:
        with at(minutes(58)):
            counting.snapshot(busy)
        page = as_("regulator").get(f"/incidents/{busy.pk}/").content.decode()
        assert "forty copies" not in page
        assert "withheld" in page
        rows = list(
            csv.DictReader(io.StringIO(as_("regulator").get(f"/incidents/{busy.pk}/counts.csv").content.decode()))
        )
        assert [row["signals_shared"] for row in rows] == ["6", "0", "0", "0"]
        assert [row["sightings"] for row in rows] == ["0", "0", "", "0"]
        whole = list(
            csv.DictReader(io.StringIO(as_("alpha_contact").get(f"/incidents/{busy.pk}/counts.csv").content.decode()))
        )
        assert [row["sightings"] for row in whole] == ["0", "0", "1", "0"]

    def test_those_outside_find_nothing_and_members_do_not_run_it(self, busy: Incident, as_: SignedIn) -> None:
        for path in ("", "counts.csv"):
            assert as_("ombudsman").get(f"/incidents/{busy.pk}/{path}").status_code == 404
        for path in ("extend/", "end/"):
            assert as_("alpha_contact").get(f"/incidents/{busy.pk}/{path}").status_code == 403
        assert as_("regulator").post(f"/incidents/{busy.pk}/say/", {"text": "Hello"}).status_code == 403


def test_the_tasks_run(busy: Incident) -> None:
    from seawall.hub.incidents import tasks

    tasks.lapse(0)
    busy.refresh_from_db()
    assert busy.ended_at == busy.ends_at
    tasks.count(0)
    assert busy.counts.count() == 17
    assert Actor.machine("incidents") == services.KEEPER
