"""A notice over a real channel to a platform in a process of its own: given, delivered, answered, quashed, and the withdrawal confirmed."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from tests.hub.notices.conftest import BEGIN, HARM, WORDS, NoticeDesk, at
from tests.support.hub import ACTOR

from seawall.channels.http import HttpChannel
from seawall.hub.casework import services as casework
from seawall.hub.casework.models import Origin
from seawall.hub.content import services as content
from seawall.hub.directory import services as directory
from seawall.hub.directory.models import OrganisationKind
from seawall.hub.directory.roles import Role
from seawall.hub.notices import reviews, services, tasks
from seawall.hub.notices.models import Notice, Review, ReviewOutcome
from seawall.hub.referrals import answers, portal, withdrawals
from seawall.hub.referrals import services as referrals
from seawall.hub.referrals import tasks as referral_tasks
from seawall.hub.referrals.models import Referral, Withdrawal
from seawall.outbound import Outbound
from seawall.sandbox import SandboxProcess

pytestmark = pytest.mark.django_db


def test_a_notice_goes_the_whole_way(desk: NoticeDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = desk.hub
    with SandboxProcess(tmp_path / "sandbox") as sandbox:
        out = Outbound(allow=sandbox.allow)
        for module in (referrals, answers, withdrawals):
            monkeypatch.setattr(module, "channel_of", lambda _referral: HttpChannel(out))
        address = sandbox.control.addresses()["harbour"]
        organisation = directory.register_organisation(
            slug="harbour", name="Harbour", kind=OrganisationKind.PLATFORM, state_body=False, actor=ACTOR
        )
        platform = directory.register_platform(organisation=organisation, slug="harbour", name="Harbour", actor=ACTOR)
        directory.set_route(
            platform=platform, channel="http", endpoint=address.endpoint, public_key=address.public_key, token=address.token,
            actor=ACTOR,
        )  # fmt: skip
        before = (BEGIN - timedelta(days=1)).isoformat()
        sandbox.control.seed(
            [{"platform": "harbour", "native_id": "p1", "text": "For sale.", "account": "x", "posted_at": before}]
        )
        with at():
            sandbox.control.set_clock(BEGIN)
            desk.power()
            post = content.take_in_one(
                platform=platform, native_id="p1", text="For sale.", url=sandbox.control.post_url("harbour", "p1"),
                account=None, posted_at=None, desk=hub.desks["police"], source="test", actor=ACTOR,
            )  # fmt: skip
            case, _new = casework.open_case(content=post, harm=HARM, origin=Origin.PERSON, actor=ACTOR)
            casework.claim(case=case, person=desk.person("officer"))
            decision = casework.decide(
                case=case, person=desk.person("officer"), form=hub.referral_form(HARM, on_terms=False)
            )
            casework.review(
                decision=decision, person=desk.person("inspector"), concurs=True, reasons="Read it; I see the same."
            )
            referral_tasks.prepare(str(decision.pk))
            notice = Notice.objects.get()
            sergeant = desk.person("sergeant")
            services.write(notice=notice, person=sergeant, values=WORDS)
            notice.refresh_from_db()
            referral = services.give(
                notice=notice, person=sergeant, checked=services.seal(notice=notice, person=sergeant)
            )
        with at(hours=1):
            sandbox.control.set_clock(BEGIN + timedelta(hours=1))
            referral = referrals.deliver(referral_id=referral.pk)
        assert referral.proof == "signed"
        assert referral.received_at == BEGIN + timedelta(hours=1)
        assert referral.clock().due() == BEGIN + timedelta(hours=48)
        (held,) = sandbox.control.held(referral.pk)
        assert json.loads(held["document"] or "")["formal"]["given_at"] == BEGIN.isoformat().replace("+00:00", "Z")
        with at(days=8):
            sandbox.control.set_clock(BEGIN + timedelta(days=8))
            answers.collect(referral_id=referral.pk)
        referral = Referral.objects.get()
        assert referral.answered_at is not None
        answer = referral.answers.get(status="COMPLETED")
        confirms = answer.reason_code in ("ACTIONED", "CONTENT_DOWN_OR_INACCESSIBLE")
        assert (referral.confirmed_at is not None) == confirms
        contact = directory.add_person(email="desk@harbour.example", name="Desk", password=None, actor=ACTOR)
        with at(days=9):
            directory.give_role(
                person=contact, role=Role.PLATFORM_CONTACT, organisation=organisation, desk=None, actor=ACTOR
            )
            contact.refresh_from_db()
            appeal = portal.Saying(says="appeal", detail="It is an antique.")
            (outcome,) = portal.answer_by_person(referrals=[referral], person=contact, saying=appeal)
            assert outcome.taken, outcome.problem
            tasks.tick(0)
            reviews.decide_review(
                review=Review.objects.get(),
                person=desk.person("superintendent"),
                outcome=ReviewOutcome.QUASHED,
                reasons="It is an antique.",
            )
            sandbox.control.set_clock(BEGIN + timedelta(days=9))
            made = withdrawals.deliver_withdrawal(withdrawal_id=Withdrawal.objects.get().pk)
        assert (made.by, made.proof, made.by_hand) == ("appeal", "signed", False)
        (held,) = sandbox.control.held(referral.pk)
        assert json.loads(held["withdrawal"] or "")["restore"] is True
