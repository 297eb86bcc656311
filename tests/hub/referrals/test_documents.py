"""The document that a platform receives, as the decision has it."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest
from tests.hub.referrals.conftest import referred
from tests.support.hub import ACTOR, SmallHub

from seawall.channels import ReferralDocument
from seawall.clock import Basis as LimitBasis
from seawall.clock import Limit, PauseReason
from seawall.hub import moment
from seawall.hub.casework import services as casework
from seawall.hub.casework.form import Form
from seawall.hub.casework.models import Decision, Outcome
from seawall.hub.content import services as content
from seawall.hub.directory.models import Route
from seawall.hub.ledger.models import Entry
from seawall.hub.practice.queries import current_code
from seawall.hub.referrals import pending, services, tasks
from seawall.hub.referrals.documents import NotReferable
from seawall.hub.referrals.models import Referral
from seawall.sources.posts import Post


def document(referral: Referral) -> ReferralDocument:
    return ReferralDocument.model_validate(referral.document)


@pytest.mark.core
def test_a_referral_on_terms(hub: SmallHub) -> None:
    form = hub.referral_form()
    sent = document(referral := referred(hub, form))
    assert form.term is not None
    assert (sent.kind, sent.grounds.legal) == ("voluntary", ())
    assert sent.grounds.term is not None
    assert (sent.grounds.term.rule, sent.grounds.term.dated) == (
        f"{form.term.title}: {form.term.text}",
        form.term.dated,
    )
    assert (sent.requested_action, sent.clock.due_seconds, sent.clock.basis) == ("remove", 86_400, "proposal")
    assert (sent.referrer.organisation, sent.referrer.type, sent.referrer.state_body) == ("Hub", "hub", False)
    assert (sent.harm.code_version, sent.explanation, sent.demonstration) == (
        current_code().version,
        form.reasons,
        False,
    )
    assert referral.document_sha256 == sent.sha256()
    assert sent.content.text_sha256 == sha256(referral.case.content.text.encode()).hexdigest()


@pytest.mark.core
def test_a_referral_on_an_offence_carries_every_element_and_defence(hub: SmallHub) -> None:
    form = hub.referral_form(on_terms=False)
    sent = document(referred(hub, form))
    assert (sent.kind, sent.grounds.term) == ("notice_of_illegality", None)
    (ground,) = sent.grounds.legal
    offence = next(ref for ref in current_code().harm("abuse-harassment").legal_refs if ref.name == form.provision)
    assert (ground.act, ground.section) == (offence.act, offence.section)
    assert [element.text for element in ground.elements] == [element.text for element in offence.elements]
    assert all(element.met and element.reasons == "There are grounds to infer it." for element in ground.elements)
    assert [defence.text for defence in ground.defences] == [defence.text for defence in offence.defences]
    assert not any(defence.may_succeed for defence in ground.defences)


def test_every_harm_that_may_be_referred_makes_a_document(hub: SmallHub) -> None:
    actions = {}
    for harm in current_code().harms:
        if harm.route.value != "referral" or harm.partition != "general":
            continue
        for on_terms in (True, False):
            if (on_terms and "dated_term" in harm.rests_on) or (not on_terms and "offence" in harm.rests_on):
                referral = referred(hub, hub.referral_form(harm.id, on_terms=on_terms), harm=harm.id)
                actions[harm.id] = document(referral).requested_action
                assert referral.clock().limit.length == harm.clock.action
    assert actions == {
        "abuse-harassment": "remove", "ed-promote": "demote", "hate-stirring": "remove", "ssh-challenge": "remove", "ssh-encourage": "remove",
        "ssh-graphic": "restrict_age", "ssh-method": "remove", "vax-misinfo": "label", "vio-gang": "remove", "vio-threat": "remove",
    }  # fmt: skip


def by_the_police(hub: SmallHub) -> Referral:
    case = hub.case("vio-weapon-sale")
    casework.claim(case=case, person=hub.people["officer"])
    form = hub.referral_form("vio-weapon-sale", on_terms=False)
    decision = casework.decide(case=case, person=hub.people["officer"], form=form)
    casework.review(decision=decision, person=hub.people["inspector"], concurs=True, reasons="I read it the same way.")
    return services.prepare(decision_id=decision.pk)


@pytest.mark.core
def test_a_request_by_the_police_says_so_and_claims_no_statutory_clock(hub: SmallHub) -> None:
    referral = by_the_police(hub)
    sent = document(referral)
    assert (sent.referrer.type, sent.referrer.state_body, referral.state_body) == ("police", True, True)
    assert current_code().harm("vio-weapon-sale").clock.basis == LimitBasis.STATUTE
    assert (sent.clock.basis, sent.clock.due_seconds) == ("proposal", 172_800)
    assert "not a notice under a statute" in (sent.clock.citation or "")
    limit = Limit.from_json(referral.limit)
    assert (limit.basis, limit.pausable) == (LimitBasis.PROPOSAL, {PauseReason.INFORMATION_REQUESTED})
    said = Entry.objects.get(verb="referral.prepared").payload
    assert (said["referrer_type"], said["state_body"], said["limit_basis"]) == ("police", True, "proposal")


def test_a_demonstration_is_marked_in_what_is_sent(hub: SmallHub) -> None:
    with moment.demonstration_at(moment.now()):
        assert document(referred(hub)).demonstration is True


def test_the_digest_is_of_the_text_that_was_judged(hub: SmallHub) -> None:
    decision = hub.decided(hub.referral_form())
    before = decision.case.content
    content.ingest(
        items=[Post(before.native_id, "The author wrote something else.", None, "alpha", None, None, None, (), {})],
        source="test", desk=hub.desks["general"], actor=ACTOR,
    )  # fmt: skip
    casework.review(decision=decision, person=hub.people["reviewer"], concurs=True, reasons="I read it the same way.")
    sent = document(services.prepare(decision_id=decision.pk))
    assert sent.content.text_sha256 == sha256(before.text.encode()).hexdigest()


def test_long_words_fit_into_the_document(hub: SmallHub) -> None:
    form = hub.referral_form(on_terms=False)
    longest = replace(
        form, reasons="r" * 5_000, elements=[replace(element, reasons="e" * 5_000) for element in form.elements]
    )
    assert len(document(referred(hub, longest)).grounds.legal[0].elements[0].reasons) == 5_000
    on_terms = hub.referral_form()
    assert on_terms.term is not None
    on_terms.term.text = "t" * 9_000
    on_terms.term.save()
    term = document(referred(hub, on_terms)).grounds.term
    assert term is not None
    assert len(term.rule) == 5_000


@pytest.mark.core
def test_one_decision_makes_one_referral(hub: SmallHub) -> None:
    referral = referred(hub)
    for _ in range(3):
        assert services.prepare(decision_id=referral.decision_id).pk == referral.pk
    tasks.prepare(decision_id=str(referral.decision_id))
    assert Referral.objects.count() == Entry.objects.filter(verb="referral.prepared").count() == 1


@pytest.mark.parametrize("state", ["awaiting review", "voided", "no action"])
def test_only_a_decision_in_force_is_prepared(hub: SmallHub, state: str) -> None:
    no_action = Form(outcome=Outcome.NO_ACTION, harm="abuse-harassment", reasons="It is a joke between friends.")
    decision = hub.decided(no_action if state == "no action" else hub.referral_form())
    if state == "voided":
        casework.review(
            decision=decision, person=hub.people["reviewer"], concurs=False, reasons="It quotes somebody else."
        )
    with pytest.raises(NotReferable, match="no decision in force"):
        services.prepare(decision_id=decision.pk)
    tasks.prepare(decision_id=str(decision.pk))  # the job says so and ends; trying again would not help
    assert not Referral.objects.exists()
    assert pending.unprepared() == []


def test_what_cannot_be_prepared_after_all_is_still_seen(hub: SmallHub) -> None:
    """The route may go between the decision and the referral: the decision then stays listed until it is back."""
    decision = hub.decided(hub.referral_form())
    casework.review(decision=decision, person=hub.people["reviewer"], concurs=True, reasons="I read it the same way.")
    route = Route.objects.get(platform=hub.platforms["alpha"])
    route.delete()
    with pytest.raises(Route.DoesNotExist):
        services.prepare(decision_id=decision.pk)
    assert pending.unprepared() == [decision.pk]
    route.save(force_insert=True)
    services.prepare(decision_id=decision.pk)
    assert pending.unprepared() == []


def test_a_document_that_cannot_be_made_leaves_nothing_behind(hub: SmallHub) -> None:
    decision = hub.decided(hub.referral_form())
    casework.review(decision=decision, person=hub.people["reviewer"], concurs=True, reasons="I read it the same way.")
    Decision.objects.filter(pk=decision.pk).update(term=None)
    with pytest.raises(ValueError, match="needs an offence with its elements, or a dated term"):
        services.prepare(decision_id=decision.pk)
    assert not Referral.objects.exists()
    assert not Entry.objects.filter(verb="referral.prepared").exists()
