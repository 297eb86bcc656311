"""Reports by organisations' software: what is taken, what it becomes, and what the sender learns."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import xarf
from django.test import Client
from tests.channels.conformance import withdrawal_of
from tests.channels.samples import SENT_AT
from tests.channels.xarf_samples import HUB, least_of
from tests.hub.intake.conftest import Software, enveloped, key_of, plain, referral
from tests.support.hub import SmallHub
from tests.support.staff import SignedIn, body

from seawall import channels
from seawall.channels.xarf_report import to_report
from seawall.channels.xarf_types import TYPES
from seawall.hub import moment
from seawall.hub.casework import services as casework
from seawall.hub.casework.models import Case, CaseState, Outcome
from seawall.hub.content.models import ADDRESS_ONLY, Content
from seawall.hub.intake import progress
from seawall.hub.intake.models import IncomingReport
from seawall.hub.ledger.models import Entry
from seawall.hub.notifications.models import Notification
from seawall.hub.referrals import services as referrals
from seawall.hub.referrals.answers import apply_answer
from seawall.hub.referrals.models import Referral, ReferralState
from seawall.hub.referrals.withdrawals import withdraw_by_person

pytestmark = pytest.mark.django_db


def text_item(text: str, kind: str = "text/plain") -> dict[str, str]:
    return {"content_type": kind, "payload": base64.b64encode(text.encode()).decode()}


def fresh(report: IncomingReport) -> IncomingReport:
    return IncomingReport.objects.select_related("organisation", "case__desk", "case__content__platform").get(
        pk=report.pk
    )


def stands(report: IncomingReport) -> tuple[str, str | None]:
    last = progress.answers_for(fresh(report))[-1]
    return last.status, last.reason_code


def closed(case: Case, outcome: Outcome) -> None:
    """Have the case decided by its desk, nothing being asked of a platform."""
    Case.objects.filter(pk=case.pk).update(state=CaseState.CLOSED, closed_at=moment.now(), outcome=outcome)


def referred(hub: SmallHub, report: IncomingReport) -> Referral:
    """Have the report's case referred to Alpha by the general desk."""
    case = fresh(report).case
    assert case is not None
    casework.claim(case=case, person=hub.people["analyst"])
    decision = casework.decide(case=case, person=hub.people["analyst"], form=hub.referral_form(case.harm))
    if decision.second_review_needed:
        casework.review(
            decision=decision, person=hub.people["reviewer"], concurs=True, reasons="I read it the same way."
        )
    return referrals.prepare(decision_id=decision.pk)


def delivered(made: Referral) -> Referral:
    Referral.objects.filter(pk=made.pk).update(
        state=ReferralState.AWAITING, received_at=moment.now(), platform_reference="ALPHA-1"
    )
    made.clock_events.create(at=moment.now(), kind="started")
    return Referral.objects.get(pk=made.pk)


def answered(made: Referral, reason: str, *, puid: str | None = None, actions: tuple[str, ...] = ()) -> None:
    answer = channels.Answer(
        answer_id=str(uuid4()),
        reference="ALPHA-1",
        at=moment.now(),
        status="COMPLETED",
        reason_code=reason,  # type: ignore[arg-type]
        detail="In their words.",
        puid=puid,
        actions=actions,
        proof="acknowledged",
    )
    assert apply_answer(referral_id=made.pk, answer=answer) is not None


class TestTakingIn:
    def test_a_referral_becomes_a_case_at_the_desk_that_the_code_names(self, hub: SmallHub, software: Software) -> None:
        for harm, desk in (
            ("vio-threat", "general"),
            ("ssh-imminent", "welfare"),
            ("cand-threat", "candidates"),
            ("terror", "police"),
        ):
            sent = referral(f"https://alpha.example/posts/{harm}", harm=harm)
            kept = software.taken(sent)
            assert kept.case is not None
            assert (kept.case.desk, kept.case.harm, kept.harm) == (hub.desks[desk], harm, harm)
            assert kept.document == sent.to_dict()
            content = kept.case.content
            assert (content.url, content.platform.slug, content.desk) == (sent.content.url, "alpha", hub.desks[desk])
            assert content.text == f"{ADDRESS_ONLY} {sent.content.url}"
            assert content.native_id == harm
        assert not Referral.objects.exists(), "nothing is referred before a person decides"

    def test_the_answer_says_what_the_channel_needs(self, software: Software) -> None:
        sent = referral()
        answer = software.post("/xarf/reports", enveloped(sent, clientToken="t-1", correlationId="c-1"))
        said = answer.json()
        kept = IncomingReport.objects.get()
        assert (answer.status_code, said) == (
            202,
            {
                "reportId": str(kept.pk),
                "correlationId": "c-1",
                "status": "RECEIVED",
                "submittedAt": kept.received_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
                "documentSha256": sent.sha256(),
            },
        )

    def test_a_report_that_names_no_harm_waits_for_a_person_at_the_general_desk(
        self, hub: SmallHub, software: Software
    ) -> None:
        for changes in ({}, {"tags": ["harm:never-heard-of"]}):
            kept = software.taken(plain(url=f"https://alpha.example/posts/{uuid4()}", **changes))
            assert kept.case is not None
            assert (kept.harm, kept.case.desk, kept.case.harm) == ("", hub.desks["general"], "abuse-harassment")

    def test_a_tag_names_the_harm(self, hub: SmallHub, software: Software) -> None:
        kept = software.taken(plain(tags=["harm:ssh-imminent"]))
        assert kept.case is not None
        assert (kept.harm, kept.case.desk) == ("ssh-imminent", hub.desks["welfare"])

    def test_words_without_an_address_are_the_post(self, hub: SmallHub, software: Software) -> None:
        kept = software.taken(plain("messaging/spam", evidence=[text_item("Some nasty words.")]))
        assert kept.case is not None
        assert (kept.case.content.text, kept.case.content.platform.slug) == ("Some nasty words.", "elsewhere")

    def test_a_post_that_is_known_stays_what_it_is_and_two_senders_join_one_case(
        self, hub: SmallHub, software: Software
    ) -> None:
        post = hub.post("The words of the post.")
        first = software.taken(plain(url=post.url))
        second = Software(key_of(hub, "overseers")).taken(plain(url=post.url))
        assert first.case == second.case
        assert first.case is not None
        assert first.case.content == post
        assert Content.objects.get(pk=post.pk).text == "The words of the post."

    @pytest.mark.parametrize(
        "url", ["at://did:plc:x/app.bsky.feed.post/1", "javascript:alert(1)", "https://a.example/" + "x" * 5_000]
    )
    def test_an_address_that_is_no_link_is_kept_as_words(self, software: Software, url: str) -> None:
        kept = software.taken(plain(url=url))
        assert kept.case is not None
        assert kept.case.content.url == ""
        assert kept.case.content.text == f"{ADDRESS_ONLY} {url}"

    def test_what_names_no_post_makes_no_case_and_says_so(self, hub: SmallHub, software: Software) -> None:
        report = plain("connection/port_scan", protocol="tcp", first_seen="2026-11-02T09:30:00Z")
        kept = software.taken(report)
        assert kept.case is None
        assert software.state(str(kept.pk)).json()["reasonCode"] == "NOT_RESOLVABLE"

    def test_nobody_acts_on_a_test(self, hub: SmallHub, software: Software, settings: Any) -> None:
        kept = software.taken(referral(demonstration=True))
        assert (kept.case, kept.test) == (None, True)
        assert not Content.objects.exists()
        said = software.state(str(kept.pk)).json()
        assert (said["status"], said["description"]) == ("COMPLETED", "A test: nobody acts on it.")
        settings.DEMONSTRATION = True
        assert software.taken(referral("https://alpha.example/posts/p2", demonstration=True)).case is not None

    @pytest.mark.parametrize("kind", ["content/csam", "content/csem"])
    def test_of_the_abuse_of_children_nothing_is_kept_but_where_it_lies(self, software: Software, kind: str) -> None:
        report, _ = least_of(kind)
        picture = {"content_type": "image/png", "payload": base64.b64encode(b"picture").decode()}
        kept = software.taken({**report, "description": "words", "evidence": [picture, text_item("words of it")]})
        assert kept.case is not None
        assert (kept.harm, kept.case.harm) == ("csea", "csea")
        assert (kept.description, kept.evidence, kept.document) == ("", [], None)
        assert "words" not in kept.case.content.text
        kept = software.taken(plain(tags=["harm:csea"], evidence=[text_item("words of it")]))
        assert kept.evidence == []

    def test_media_are_named_and_not_kept(self, software: Software) -> None:
        data = base64.b64encode(b"\x89PNG").decode()
        item = {"content_type": "image/png", "payload": data, "hash": "sha256:" + "0" * 64, "description": "a picture"}
        kept = software.taken(plain(evidence=[item]))
        (one,) = kept.evidence
        assert (one["size"], one["intact"], one["text"]) == (4, False, "")
        assert data not in json.dumps(kept.evidence)

    def test_the_ledger_says_who_sent_what_and_no_words(self, hub: SmallHub, software: Software) -> None:
        kept = software.taken(referral())
        entries = list(Entry.objects.filter(verb__startswith="intake.").order_by("id"))
        assert [entry.verb for entry in entries] == ["intake.report_received", "intake.report_linked"]
        assert entries[0].payload == {
            "organisation": str(hub.organisations["beta"].pk),
            "state_body": False,
            "type": "content/fraud",
            "harm": "vio-threat",
            "with_referral": True,
            "test": False,
            "body_digest": kept.body_sha256,
        }
        assert entries[1].payload == {"case": str(kept.case_id)}

    def test_reports_of_every_type_are_taken_and_the_reference_parser_takes_them_too(self, software: Software) -> None:
        for name in TYPES:
            report, _ = least_of(name)
            report["report_id"] = str(uuid4())
            assert xarf.parse(dict(report)).errors == []
            assert software.report(report).status_code == 202, name
        for harm in ("vio-threat", "cand-doxxing"):
            sent = to_report(referral(f"https://alpha.example/posts/{harm}", harm=harm), sender=HUB)
            assert xarf.parse(json.dumps(sent), strict=True).errors == []
            assert software.report(sent).status_code == 202


class TestOnce:
    def test_the_same_again_is_the_same_report_and_the_same_answer(self, software: Software) -> None:
        raw = enveloped(referral())
        first, second = (software.post("/xarf/reports", raw, token="t") for _ in range(2))
        assert (first.status_code, first.content) == (second.status_code, second.content)
        assert IncomingReport.objects.count() == Case.objects.count() == 1

    def test_another_body_under_the_same_key_is_refused(self, software: Software) -> None:
        software.report(plain(), token="t")
        again = software.report(plain(), token="t")
        assert (again.status_code, again.json()["error"]["code"]) == (409, "key_reused")

    def test_the_same_report_under_another_key_is_refused(self, software: Software) -> None:
        report = plain()
        software.report(report)
        again = software.report(report)
        assert (again.status_code, again.json()["error"]["code"]) == (409, "report_known")

    def test_two_organisations_may_use_the_same_key(self, hub: SmallHub, software: Software) -> None:
        report = plain()
        other = Software(key_of(hub, "police"))
        assert [each.report(report, token="t").status_code for each in (software, other)] == [202, 202]

    def test_no_more_than_so_many_an_hour_from_one_organisation(
        self, hub: SmallHub, software: Software, settings: Any
    ) -> None:
        settings.INTAKE_REPORTS_AN_HOUR = 2
        raw = enveloped(plain())
        assert software.post("/xarf/reports", raw, token="t").status_code == 202
        assert software.report(plain()).status_code == 202
        late = software.report(plain())
        assert (late.status_code, late.json()["error"]["code"]) == (429, "rate")
        assert 3_590 <= int(late["Retry-After"]) <= 3_601
        assert software.post("/xarf/reports", raw, token="t").status_code == 202, "a repetition is no new report"
        assert Software(key_of(hub, "police")).report(plain()).status_code == 202
        IncomingReport.objects.update(received_at=moment.now() - timedelta(hours=1))
        assert software.report(plain()).status_code == 202


class TestStanding:
    def test_it_follows_the_case(self, hub: SmallHub, software: Software) -> None:
        kept = software.taken(referral(harm="abuse-harassment"))
        assert kept.case is not None
        assert stands(kept) == ("RECEIVED", None)
        casework.claim(case=kept.case, person=hub.people["analyst"])
        assert stands(kept) == ("PROCESSING", None)
        casework.release(case=kept.case, person=hub.people["analyst"])
        assert stands(kept) == ("RECEIVED", None)
        made = referred(hub, kept)
        assert stands(kept) == ("PROCESSING", None)
        assert progress.answers_for(fresh(kept))[-1].detail == "A person decided to refer it to Alpha, which decides."
        made = delivered(made)
        assert progress.answers_for(fresh(kept))[-1].detail == "Alpha has the referral, and decides."
        answered(made, "ACTIONED", puid="sor-1", actions=("removed",))
        said = software.state(str(kept.pk)).json()
        assert (said["status"], said["reasonCode"], said["puid"]) == ("COMPLETED", "ACTIONED", "sor-1")
        assert said["actions"] == ["removed"]
        assert said["description"] == "It was referred, and Alpha says that it acted."
        assert [each["status"] for each in said["history"]] == ["RECEIVED", *["PROCESSING"] * 3, "COMPLETED"]
        assert "In their words" not in json.dumps(said)

    @pytest.mark.parametrize("reason", ["REVIEWED_NO_ACTION", "NOT_RESOLVABLE", "CONTENT_DOWN_OR_INACCESSIBLE"])
    def test_what_the_platform_says_is_handed_on(self, hub: SmallHub, software: Software, reason: str) -> None:
        kept = software.taken(referral(harm="abuse-harassment"))
        answered(delivered(referred(hub, kept)), reason)
        assert stands(kept) == ("COMPLETED", reason)

    def test_an_action_that_cannot_be_checked_is_not_claimed(self, hub: SmallHub, software: Software) -> None:
        kept = software.taken(referral(harm="abuse-harassment"))
        answered(delivered(referred(hub, kept)), "ACTIONED")
        assert software.state(str(kept.pk)).json()["status"] == "PROCESSING"

    def test_a_referral_that_was_taken_back(self, hub: SmallHub, software: Software) -> None:
        kept = software.taken(referral(harm="abuse-harassment"))
        made = delivered(referred(hub, kept))
        withdraw_by_person(referral=made, person=hub.people["analyst"], reasons="It was a lyric.")
        assert stands(kept) == ("COMPLETED", "REVIEWED_NO_ACTION")
        assert "lyric" not in software.state(str(kept.pk)).content.decode()

    @pytest.mark.parametrize("outcome", [Outcome.NO_ACTION, Outcome.SUPPORT, Outcome.HAND_OFF])
    def test_outcomes_that_ask_for_nothing(self, hub: SmallHub, software: Software, outcome: Outcome) -> None:
        kept = software.taken(referral())
        assert kept.case is not None
        closed(kept.case, outcome)
        assert stands(kept) == ("COMPLETED", "REVIEWED_NO_ACTION")
        assert progress.answers_for(fresh(kept))[-1].detail == progress.CLOSED[outcome]

    def test_another_organisation_finds_nothing_there(self, hub: SmallHub, software: Software) -> None:
        kept = software.taken(referral())
        other = Software(key_of(hub, "police"))
        nobodys = other.state(str(uuid4()))
        for answer in (other.state(str(kept.pk)), nobodys, other.state("abc"), other.state("a%00b")):
            assert (answer.status_code, answer.content) == (404, nobodys.content)

    def test_without_a_key_nothing_is_said(self, software: Software) -> None:
        kept = software.taken(referral())
        for method, path in (("post", "/xarf/reports"), ("get", f"/xarf/reports/{kept.pk}")):
            assert getattr(Client(), method)(path).status_code == 401


class TestMore:
    def test_information_is_kept_once_and_its_people_are_told(
        self, hub: SmallHub, software: Software, as_: SignedIn
    ) -> None:
        kept = software.taken(referral())
        where = f"/xarf/reports/{kept.pk}/information"
        raw = json.dumps({"text": "It goes on in the second part."}).encode()
        for _ in range(2):
            answer = software.post(where, raw, token="i")
            assert (answer.status_code, answer.json()) == (202, {"reportId": str(kept.pk)})
        assert kept.information.count() == 1
        other = software.post(where, json.dumps({"text": "Something else."}).encode(), token="i")
        assert (other.status_code, other.json()["error"]["code"]) == (409, "key_reused")
        told = Notification.objects.filter(kind="intake.report")
        assert {each.person for each in told} == {hub.people["analyst"], hub.people["reviewer"]}
        page = body(as_("analyst").get(f"/cases/{kept.case_id}/"))
        assert "Sent later: It goes on in the second part." in page

    def test_a_withdrawal_is_acknowledged_once_and_the_case_goes_on(self, hub: SmallHub, software: Software) -> None:
        sent = referral()
        kept = software.taken(sent)
        where = f"/xarf/reports/{kept.pk}/withdrawal"
        raw = json.dumps({"withdrawal": withdrawal_of(sent, SENT_AT).to_dict()}).encode()
        first, second = (software.post(where, raw, token="w") for _ in range(2))
        assert (first.status_code, first.content) == (second.status_code, second.content)
        assert first.json()["documentSha256"] == withdrawal_of(sent, SENT_AT).sha256()
        assert software.post(where, raw, token="other").status_code == 409
        assert fresh(kept).withdrawn_at is not None
        assert stands(kept) == ("RECEIVED", None)
        assert Entry.objects.filter(verb="intake.report_withdrawn").count() == 1

    def test_a_withdrawal_of_something_else_is_refused(self, software: Software) -> None:
        kept = software.taken(referral())
        raw = json.dumps({"withdrawal": withdrawal_of(referral(), SENT_AT).to_dict()}).encode()
        answer = software.post(f"/xarf/reports/{kept.pk}/withdrawal", raw, token="w")
        assert (answer.status_code, answer.json()["error"]["fields"][0]["field"]) == (422, "withdrawal.referral_id")
