"""Casework's verbs: what they change, what they refuse, what they record, and that two people at once cannot spoil it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob
from pytest_django.fixtures import Settings
from tests.support.hub import ACTOR, SmallHub

from seawall.hub.casework import opening, services
from seawall.hub.casework.form import Form, FormIncomplete
from seawall.hub.casework.models import Case, CaseState, Decision, Origin, Outcome, Review
from seawall.hub.content import services as content
from seawall.hub.content.models import Content, Finding, IngestBatch
from seawall.hub.ledger.models import Entry
from seawall.hub.practice.queries import current_code
from seawall.hub.referrals.pending import unprepared
from seawall.sources.posts import Post

NOTHING = Form(outcome=Outcome.NO_ACTION, harm="abuse-harassment", reasons="It is a joke between friends.")


def trail(case: Case) -> list[str]:
    """The verbs recorded about a case, in order."""
    return list(
        Entry.objects.filter(subject_kind="case", subject_id=str(case.pk)).order_by("id").values_list("verb", flat=True)
    )


def last_entry(case: Case) -> Entry:
    return Entry.objects.filter(subject_kind="case", subject_id=str(case.pk)).latest("id")


def fresh(case: Case) -> Case:
    return Case.objects.select_related("desk", "content__desk").get(pk=case.pk)


# Opening


@pytest.mark.core
def test_opening_moves_the_post_to_the_desk_that_the_code_names(hub: SmallHub) -> None:
    for harm in current_code().harms:
        post = hub.post()
        case, new = services.open_case(content=post, harm=harm.id, origin=Origin.DETECTOR, actor=ACTOR)
        assert new
        assert case.desk.partition == harm.partition
        assert fresh(case).content.desk_id == case.desk_id
        assert (case.severity, case.decision_within) == (harm.severity or 0, harm.clock.decision)
        assert trail(case) == ["case.opened"]
        assert last_entry(case).payload["desk"] == str(case.desk_id)


def test_a_post_has_one_open_case(hub: SmallHub) -> None:
    post = hub.post()
    first, _ = services.open_case(content=post, harm="abuse-harassment", origin=Origin.PERSON, actor=ACTOR)
    again, new = services.open_case(content=post, harm="vio-threat", origin=Origin.REPORT, actor=ACTOR)
    assert (again.pk, new, trail(first)) == (first.pk, False, ["case.opened"])


@pytest.mark.parametrize(
    ("came_in_at", "harm", "lies_at"),
    [
        ("police", "abuse-harassment", "police"),  # what came in at the police desk stays
        ("police", "cand-threat", "police"),
        ("police", "ssh-imminent", "welfare"),  # but for welfare
        ("welfare", "terror", "welfare"),  # nothing passes from welfare to the police
        ("welfare", "abuse-harassment", "general"),
        ("candidates", "terror", "candidates"),
        ("candidates", "vio-threat", "general"),
        ("general", "terror", "police"),
    ],
)
def test_walls_between_desks_hold_for_the_machine_too(hub: SmallHub, came_in_at: str, harm: str, lies_at: str) -> None:
    case, _ = services.open_case(content=hub.post(desk=came_in_at), harm=harm, origin=Origin.REPORT, actor=ACTOR)
    assert fresh(case).desk == fresh(case).content.desk == hub.desks[lies_at]


@pytest.mark.parametrize(("walled", "by"), [("welfare", "welfare"), ("candidates", "candidate_analyst")])
def test_no_detour_leads_to_the_police_desk(hub: SmallHub, walled: str, by: str) -> None:
    """Once with welfare or candidate support, then at the general desk: neither a person nor a new case takes it to the police."""
    harm = "cand-threat" if walled == "candidates" else "ssh-imminent"
    opened, _ = services.open_case(content=hub.post(desk=walled), harm=harm, origin=Origin.REPORT, actor=ACTOR)
    services.claim(case=opened, person=hub.people[by])
    passed = services.transfer(
        case=opened, person=hub.people[by], harm="abuse-harassment", reasons="It is abuse, not distress."
    )
    assert passed.desk == hub.desks["general"]
    services.claim(case=passed, person=hub.people["analyst"])
    with pytest.raises(PermissionError, match="not passed to the police desk from here either"):
        services.transfer(
            case=passed, person=hub.people["analyst"], harm="vio-weapon-sale", reasons="The police decide this."
        )
    assert fresh(passed).desk == hub.desks["general"]
    form = Form(outcome=Outcome.NO_ACTION, harm="abuse-harassment", reasons="Nothing in it breaks a rule.")
    services.decide(case=fresh(passed), person=hub.people["analyst"], form=form)
    again, new = services.open_case(content=passed.content, harm="vio-weapon-sale", origin=Origin.REPORT, actor=ACTOR)
    assert (new, again.desk) == (True, hub.desks["general"])


def test_an_unknown_harm_opens_nothing(hub: SmallHub) -> None:
    post = hub.post()
    with pytest.raises(LookupError, match="no harm 'nonsense'"):
        services.open_case(content=post, harm="nonsense", origin=Origin.PERSON, actor=ACTOR)
    assert not Case.objects.exists()


# The detector's batches


def batch_of(hub: SmallHub, *texts: str, version: str = "1") -> str:
    items = [Post(f"p{n}", text, None, "alpha", None, None, None, (), {}) for n, text in enumerate(texts)]
    content.ingest(items=items, source="test", desk=hub.desks["general"], actor=ACTOR)
    batch = IngestBatch.objects.latest("taken_at")
    for post in Content.objects.filter(batch=batch):
        Finding.objects.create(
            content=post, version=post.version, detector=f"test {version}", families={"violent_threat": 0.99}, flags=["violent_threat"],
            context={}, reasons=[], assessed_at=batch.taken_at,
        )  # fmt: skip
    return str(batch.pk)


def test_the_detector_does_not_reopen_what_was_decided_until_the_post_changes(hub: SmallHub) -> None:
    batch = batch_of(hub, "first words")
    assert services.open_cases_for_batch(batch_id=batch) == 1
    assert services.open_cases_for_batch(batch_id=batch) == 0
    case = Case.objects.get()
    assert (case.harm, case.origin) == ("vio-threat", "detector")
    services.claim(case=case, person=hub.people["analyst"])
    services.decide(case=case, person=hub.people["analyst"], form=NOTHING)
    assert services.open_cases_for_batch(batch_id=batch) == 0
    changed = batch_of(hub, "other words", version="2")
    assert services.open_cases_for_batch(batch_id=changed) == 1
    assert Case.objects.filter(content=case.content).count() == 2


def test_a_finding_on_an_earlier_version_opens_nothing(hub: SmallHub) -> None:
    batch_of(hub, "first words")
    content.ingest(
        items=[Post("p0", "other words", None, "alpha", None, None, None, (), {})],
        source="test",
        desk=hub.desks["general"],
        actor=ACTOR,
    )
    batch = IngestBatch.objects.latest("taken_at")
    assert services.open_cases_for_batch(batch_id=str(batch.pk)) == 0


def test_the_quota_stops_the_machine_says_so_and_is_tried_again_later(hub: SmallHub, settings: Settings) -> None:
    settings.MACHINE_CASES_A_DAY = 3
    batch = batch_of(hub, *(f"words {n}" for n in range(5)))
    assert services.open_cases_for_batch(batch_id=batch) == 3
    said = Entry.objects.filter(verb="case.quota_reached")
    assert [(entry.payload["quota"], entry.payload["held_back"]) for entry in said] == [(3, 2)]
    later = ProcrastinateJob.objects.filter(queueing_lock=f"open-cases-{batch}")
    assert [(job.task_name, job.args) for job in later] == [("casework.open_cases", {"batch_id": batch})]
    settings.MACHINE_CASES_A_DAY = 2  # lowered below what is there: only what is held back counts, not the excess
    assert services.open_cases_for_batch(batch_id=batch) == 0
    assert said.latest("id").payload["held_back"] == 2
    settings.MACHINE_CASES_A_DAY = 100
    assert services.open_cases_for_batch(batch_id=batch) == 2
    by_people = [hub.case("vio-threat") for _ in range(3)]
    assert len(by_people) == 3  # people are not capped


# Claim and release


def test_claim_and_release(hub: SmallHub) -> None:
    case, analyst = hub.case(), hub.people["analyst"]
    services.claim(case=case, person=analyst)
    services.claim(case=case, person=analyst)  # twice is once
    with pytest.raises(services.CaseUnavailable, match="being worked on"):
        services.claim(case=case, person=hub.people["reviewer"])
    with pytest.raises(services.CaseUnavailable, match="not with you"):
        services.release(case=case, person=hub.people["reviewer"])
    services.release(case=case, person=analyst)
    assert (fresh(case).state, fresh(case).claimed_by, fresh(case).claimed_at) == (CaseState.OPEN, None, None)
    assert trail(case) == ["case.opened", "case.claimed", "case.released"]
    assert last_entry(case).actor_id == str(analyst.pk)


DESK_OF = {
    "general": "abuse-harassment",
    "welfare": "ssh-imminent",
    "candidates": "cand-harassment",
    "police": "terror",
}
DECIDERS = {
    "general": {"analyst", "reviewer"},
    "welfare": {"welfare"},
    "candidates": {"candidate_analyst", "candidate_reviewer"},
    "police": {"officer", "inspector"},
}
REVIEWERS = {
    "general": {"reviewer"},
    "welfare": {"welfare"},
    "candidates": {"candidate_reviewer"},
    "police": {"inspector"},
}


@pytest.mark.core
def test_only_the_people_of_a_desk_work_there(hub: SmallHub) -> None:
    for desk, harm in DESK_OF.items():
        case = hub.case(harm)
        assert case.desk == hub.desks[desk]
        for name, person in hub.people.items():
            assert (services.role_to_decide(person=person, desk=case.desk) is not None) == (name in DECIDERS[desk]), (
                desk,
                name,
            )
            assert (services.role_to_review(person=person, desk=case.desk) is not None) == (name in REVIEWERS[desk]), (
                desk,
                name,
            )
            if name not in DECIDERS[desk]:
                for verb, arguments in (
                    (services.claim, {}),
                    (services.release, {}),
                    (services.transfer, {"harm": "vio-threat", "reasons": "It belongs there."}),
                    (services.decide, {"form": NOTHING}),
                ):
                    with pytest.raises(PermissionError):
                        verb(case=case, person=person, **arguments)  # type: ignore[operator]
        assert trail(case) == ["case.opened"]


# Passing on


def claimed(hub: SmallHub, harm: str, by: str) -> Case:
    return services.claim(case=hub.case(harm), person=hub.people[by])


def test_passing_on_resets_the_case_for_the_other_desk(hub: SmallHub) -> None:
    case = claimed(hub, "abuse-harassment", "analyst")
    services.transfer(
        case=case, person=hub.people["analyst"], harm="ssh-imminent", reasons="Somebody may be in danger."
    )
    found = fresh(case)
    rule = current_code().harm("ssh-imminent")
    assert (found.desk, found.content.desk) == (hub.desks["welfare"], hub.desks["welfare"])
    assert (found.state, found.claimed_by, found.harm) == (CaseState.OPEN, None, "ssh-imminent")
    assert (found.severity, found.decision_within) == (rule.severity, rule.clock.decision)
    assert found.opened_at == case.opened_at  # the clock began when it came in
    assert found.transfer_note == "Somebody may be in danger."
    assert not Case.objects.visible_to(hub.people["analyst"]).filter(pk=case.pk).exists()
    assert Case.objects.visible_to(hub.people["welfare"]).filter(pk=case.pk).exists()
    assert last_entry(case).payload == {
        "desk": str(hub.desks["welfare"].pk), "harm": "ssh-imminent", "severity": 5, "decision_within": 3600,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("harm", "by", "to", "reasons", "refusal"),
    [
        ("ssh-imminent", "welfare", "terror", "The police should see it.", PermissionError),
        ("cand-harassment", "candidate_analyst", "vio-weapon-sale", "The police should see it.", PermissionError),
        (
            "abuse-harassment",
            "analyst",
            "vio-threat",
            "It is a threat as I read it.",
            services.CaseUnavailable,
        ),  # same desk
        ("abuse-harassment", "analyst", "ssh-imminent", "too short", FormIncomplete),
        ("abuse-harassment", "analyst", "nonsense", "It belongs there, I think.", LookupError),
    ],
)
def test_what_is_not_passed_on(
    hub: SmallHub, harm: str, by: str, to: str, reasons: str, refusal: type[Exception]
) -> None:
    case = claimed(hub, harm, by)
    with pytest.raises(refusal):
        services.transfer(case=case, person=hub.people[by], harm=to, reasons=reasons)
    assert (fresh(case).desk_id, fresh(case).state, trail(case)) == (
        case.desk_id,
        CaseState.CLAIMED,
        ["case.opened", "case.claimed"],
    )


def test_only_a_claimed_case_is_passed_on_or_decided(hub: SmallHub) -> None:
    case = claimed(hub, "abuse-harassment", "reviewer")
    for verb, arguments in (
        (services.transfer, {"harm": "terror", "reasons": "It belongs there."}),
        (services.decide, {"form": NOTHING}),
    ):
        with pytest.raises(services.CaseUnavailable, match="not with you"):
            verb(case=case, person=hub.people["analyst"], **arguments)  # type: ignore[operator]


# A life in danger


@pytest.mark.core
@pytest.mark.parametrize("state", ["open", "claimed", "second_review"])
def test_a_life_in_danger_brings_a_case_to_the_welfare_desk_whoever_has_it(hub: SmallHub, state: str) -> None:
    case = hub.case("hate-stirring")
    if state != "open":
        services.claim(case=case, person=hub.people["analyst"])
    if state == "second_review":
        decision = services.decide(case=case, person=hub.people["analyst"], form=hub.referral_form("hate-stirring"))
    services.bring_forward(case=case, harm="ssh-imminent", note="A life.", actor=ACTOR)
    found = fresh(case)
    assert (found.desk, found.content.desk) == (hub.desks["welfare"], hub.desks["welfare"])
    assert (found.state, found.severity, found.harm, found.claimed_by) == (CaseState.OPEN, 5, "ssh-imminent", None)
    assert trail(case)[-1] == "case.brought_forward"
    with pytest.raises(PermissionError):
        services.decide(case=case, person=hub.people["analyst"], form=NOTHING)
    if state == "second_review":
        with pytest.raises(PermissionError):
            services.review(
                decision=decision, person=hub.people["reviewer"], concurs=True, reasons="I read it the same way."
            )
        assert Decision.objects.get().voided_at is not None


def test_a_case_behind_the_wall_is_put_first_where_it_is(hub: SmallHub) -> None:
    case = hub.case("vio-weapon-sale")  # severity 4, at the police desk
    services.bring_forward(case=case, harm="ssh-imminent", note="A life.", actor=ACTOR)
    found = fresh(case)
    assert (found.desk, found.harm, found.severity) == (hub.desks["police"], "vio-weapon-sale", 5)
    services.bring_forward(case=case, harm="ssh-imminent", note="A life.", actor=ACTOR)  # as grave as can be already
    assert trail(case) == ["case.opened", "case.brought_forward"]


def test_a_closed_case_is_not_brought_forward(hub: SmallHub) -> None:
    case = hub.decided(NOTHING).case
    services.bring_forward(case=case, harm="ssh-imminent", note="A life.", actor=ACTOR)
    assert trail(case)[-1] == "case.closed"


# Deciding and the second word


@pytest.mark.core
def test_a_decision_that_needs_nobody_else_closes_the_case(hub: SmallHub) -> None:
    decision = hub.decided(NOTHING)
    case = fresh(decision.case)
    assert (case.state, case.outcome, case.closed_at is not None) == (CaseState.CLOSED, Outcome.NO_ACTION, True)
    assert trail(case) == ["case.opened", "case.claimed", "case.decided", "case.closed"]
    said = Entry.objects.get(verb="case.decided").payload
    assert said == {
        "decision": str(decision.pk), "outcome": "no_action", "harm": "abuse-harassment", "code_version": current_code().version,
        "basis": "none", "provision": None, "context": "none", "second_review_needed": False,
    }  # fmt: skip
    assert unprepared() == []


def test_what_belongs_to_another_basis_is_not_kept(hub: SmallHub) -> None:
    on_terms = hub.referral_form()
    on_offence = hub.referral_form(on_terms=False)
    both = replace(on_terms, provision=on_offence.provision, elements=on_offence.elements, defences=on_offence.defences)
    kept = hub.decided(both)
    assert (kept.basis, kept.provision, kept.elements, kept.defences, kept.term) == ("term", "", [], [], on_terms.term)
    kept = hub.decided(replace(both, basis=on_offence.basis))
    assert (kept.basis, kept.provision, kept.term) == ("offence", on_offence.provision, None)
    assert len(kept.elements) == len(on_offence.elements)
    kept = hub.decided(replace(both, outcome=Outcome.NO_ACTION, provision="no such act! ½"))
    assert (kept.basis, kept.provision, kept.elements, kept.term) == ("none", "", [], None)


def test_a_form_that_does_not_hold_changes_nothing(hub: SmallHub) -> None:
    case = claimed(hub, "abuse-harassment", "analyst")
    with pytest.raises(FormIncomplete) as refused:
        services.decide(
            case=case,
            person=hub.people["analyst"],
            form=Form(outcome=Outcome.REFER, harm="abuse-harassment", reasons="x"),
        )
    assert {problem.field for problem in refused.value.problems} >= {"reasons", "basis", "exemption_news"}
    assert not Decision.objects.exists()
    assert trail(case) == ["case.opened", "case.claimed"]


def test_a_post_that_was_edited_under_the_readers_eyes_is_read_again(hub: SmallHub) -> None:
    case = claimed(hub, "abuse-harassment", "analyst")
    content.ingest(
        items=[Post(case.content.native_id, "Quite other words.", None, "alpha", None, None, None, (), {})],
        source="test", desk=hub.desks["general"], actor=ACTOR,
    )  # fmt: skip
    with pytest.raises(FormIncomplete, match="edited while you read it"):
        services.decide(case=case, person=hub.people["analyst"], form=replace(NOTHING, content_version=1))
    kept = services.decide(case=case, person=hub.people["analyst"], form=replace(NOTHING, content_version=2))
    assert kept.content_version == 2


def test_a_referral_without_a_way_to_the_platform_is_refused_at_the_form(hub: SmallHub) -> None:
    case = hub.case(platform="elsewhere")
    services.claim(case=case, person=hub.people["analyst"])
    with pytest.raises(FormIncomplete, match="no way to reach Elsewhere"):
        services.decide(case=case, person=hub.people["analyst"], form=hub.referral_form(platform="elsewhere"))
    assert fresh(case).state == CaseState.CLAIMED


@pytest.mark.core
def test_the_second_word_carries_a_decision_out(hub: SmallHub) -> None:
    decision = hub.decided(hub.referral_form())
    case = decision.case
    assert fresh(case).state == CaseState.SECOND_REVIEW
    assert not ProcrastinateJob.objects.filter(task_name="referrals.prepare").exists()
    services.review(decision=decision, person=hub.people["reviewer"], concurs=True, reasons="I read it the same way.")
    assert (fresh(case).state, fresh(case).outcome) == (CaseState.CLOSED, Outcome.REFER)
    assert trail(case)[2:] == ["case.decided", "case.decision_reviewed", "case.closed"]
    jobs = ProcrastinateJob.objects.filter(task_name="referrals.prepare")
    assert [job.args for job in jobs] == [{"decision_id": str(decision.pk)}]
    with pytest.raises(services.CaseUnavailable):
        services.review(
            decision=decision, person=hub.people["reviewer"], concurs=True, reasons="I read it the same way."
        )


def test_dissent_voids_the_decision_and_puts_the_case_back(hub: SmallHub) -> None:
    decision = hub.decided(hub.referral_form())
    services.review(decision=decision, person=hub.people["reviewer"], concurs=False, reasons="It quotes somebody else.")
    case = fresh(decision.case)
    assert (case.state, case.claimed_by, case.closed_at) == (CaseState.OPEN, None, None)
    assert Decision.objects.get().voided_at is not None
    assert trail(case)[-1] == "case.decision_reviewed"
    assert last_entry(case).payload == {"decision": str(decision.pk), "concurs": False}
    services.claim(case=case, person=hub.people["analyst"])
    again = services.decide(case=case, person=hub.people["analyst"], form=hub.referral_form())
    services.review(decision=again, person=hub.people["reviewer"], concurs=True, reasons="Now I read it the same way.")
    assert unprepared() == [again.pk]


def test_nobody_reviews_their_own_decision(hub: SmallHub) -> None:
    decision = hub.decided(hub.referral_form(), by="reviewer")
    with pytest.raises(PermissionError, match="somebody else"):
        services.review(decision=decision, person=hub.people["reviewer"], concurs=True, reasons="I am right, as ever.")
    for name, person in hub.people.items():
        if name != "reviewer":
            with pytest.raises(PermissionError):
                services.review(decision=decision, person=person, concurs=True, reasons="I read it the same way.")
    assert not Review.objects.exists()
    assert trail(decision.case)[-1] == "case.decided"


def test_a_review_needs_reasons(hub: SmallHub) -> None:
    decision = hub.decided(hub.referral_form())
    with pytest.raises(FormIncomplete):
        services.review(decision=decision, person=hub.people["reviewer"], concurs=True, reasons="  ok  ")
    assert fresh(decision.case).state == CaseState.SECOND_REVIEW


# The ledger


@pytest.mark.core
@pytest.mark.parametrize(
    "verb", ["open", "claim", "release", "transfer", "bring_forward", "decide", "review", "dissent"]
)
def test_what_cannot_be_recorded_does_not_happen(hub: SmallHub, verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    post, analyst, reviewer = hub.post(), hub.people["analyst"], hub.people["reviewer"]
    case = hub.case()
    if verb in ("release", "transfer", "decide", "review", "dissent"):
        services.claim(case=case, person=analyst)
    if verb in ("review", "dissent"):
        decision = services.decide(case=case, person=analyst, form=hub.referral_form())
    work: dict[str, Callable[[], Any]] = {
        "open": lambda: services.open_case(content=post, harm="ssh-imminent", origin=Origin.REPORT, actor=ACTOR),
        "claim": lambda: services.claim(case=case, person=analyst),
        "release": lambda: services.release(case=case, person=analyst),
        "transfer": lambda: services.transfer(case=case, person=analyst, harm="terror", reasons="It belongs to them."),
        "bring_forward": lambda: services.bring_forward(case=case, harm="ssh-imminent", note="A life.", actor=ACTOR),
        "decide": lambda: services.decide(case=case, person=analyst, form=NOTHING),
        "review": lambda: services.review(
            decision=decision, person=reviewer, concurs=True, reasons="I read it the same way."
        ),
        "dissent": lambda: services.review(
            decision=decision, person=reviewer, concurs=False, reasons="I read it otherwise."
        ),
    }

    def everything() -> list[Any]:
        return [list(model.objects.order_by("pk").values()) for model in (Case, Content, Decision, Review, Entry)]

    def broken(**_: Any) -> None:
        raise OSError("the ledger is full")

    before = everything()
    with monkeypatch.context() as patched:
        patched.setattr(services, "record", broken)
        patched.setattr(opening, "record", broken)
        with pytest.raises(OSError, match="full"):
            work[verb]()
    assert everything() == before
    work[verb]()  # and it happens once the ledger can be written
    assert everything() != before
