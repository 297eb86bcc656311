"""Deciding, giving the second word, passing on: every question asked, every error beside its question, nothing typed lost."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from django.utils.html import escape
from tests.support.hub import SmallHub
from tests.support.staff import HARM, SECRET, SignedIn, body, claimed, with_text

from seawall.hub.casework import services
from seawall.hub.casework.models import Basis, Case, CaseState, Decision, Outcome
from seawall.hub.content.models import Content, Reveal
from seawall.hub.practice.queries import current_code


def decide_url(case: Case, **chosen: str) -> str:
    query = "&".join(f"{name}={value}" for name, value in chosen.items())
    return f"{reverse('case_decide', args=[case.pk])}?{query}"


def full_answers(hub: SmallHub, *, on_terms: bool = True, harm: str = HARM) -> dict[str, str]:
    """What the long page sends for a referral that holds."""
    form = hub.referral_form(harm, on_terms=on_terms)
    answers = {
        "outcome": "refer",
        "harm": harm,
        "ground": f"term:{form.term.pk}" if form.term else f"offence:{form.provision}",
        "context": "none",
        "part": "uploaded",
        "subject_type": "suspected",
        "reasons": "It breaks the rule, and nothing about it is protected.",
        "content_version": "1",
    }
    for element in form.elements:
        answers[f"element_{element.id}"] = "yes"
        answers[f"element_{element.id}_reasons"] = "There are grounds to infer it."
    for defence in form.defences:
        answers[f"defence_{defence.id}"] = "no"
    for exemption in form.exemptions:
        answers[f"exemption_{exemption}"] = "no"
    return answers


def test_the_first_step_offers_this_desks_harms_first(hub: SmallHub, as_: SignedIn) -> None:
    page = body(as_("analyst").get(decide_url(claimed(hub))))
    assert (
        page.index('value="vio-threat"')
        < page.index("Something that another desk decides")
        < page.index('value="ssh-imminent"')
    )
    harm = current_code().harm(HARM)
    assert escape(harm.definition) in page
    assert escape(harm.excludes[0]) in page
    assert re.search(rf'value="{HARM}" checked', page)


def test_the_first_step_says_what_is_missing_or_cannot_be(hub: SmallHub, as_: SignedIn) -> None:
    case, client = claimed(hub), as_("analyst")
    empty = client.get(decide_url(case, step="ground"))
    assert empty.status_code == 422
    assert "Choose what you decide" in body(empty)
    page = body(client.get(decide_url(case, step="ground", outcome="hand_off", harm=HARM)))
    assert "names no body to hand" in page
    assert "There is a problem" in page


def test_a_harm_of_another_desk_leads_to_passing_the_case_on(hub: SmallHub, as_: SignedIn) -> None:
    case = claimed(hub)
    answer = as_("analyst").get(decide_url(case, step="ground", outcome="refer", harm="ssh-imminent"))
    assert answer["Location"] == f"{reverse('case_transfer', args=[case.pk])}?harm=ssh-imminent"


def test_the_second_step_offers_what_the_harm_may_rest_on(hub: SmallHub, as_: SignedIn) -> None:
    client = as_("analyst")
    page = body(client.get(decide_url(claimed(hub), step="ground", outcome="refer", harm=HARM)))
    assert 'value="offence:' in page
    assert 'value="term:' in page
    page = body(client.get(decide_url(claimed(hub), step="ground", outcome="refer", harm="vio-threat")))
    assert 'value="offence:' in page
    assert 'value="term:' not in page
    wrong = client.get(decide_url(claimed(hub), step="answers", outcome="refer", harm=HARM, ground="term:nonsense"))
    assert wrong.status_code == 422


def test_a_referral_is_asked_element_by_element_checked_and_recorded(hub: SmallHub, as_: SignedIn) -> None:
    case, client = claimed(hub, harm="vio-threat"), as_("analyst")
    answers = full_answers(hub, on_terms=False, harm="vio-threat")
    chosen = {name: answers[name] for name in ("outcome", "harm", "ground")}
    page = body(client.get(reverse("case_decide", args=[case.pk]), {**chosen, "step": "answers"}))
    offence = next(
        ref for ref in current_code().harm("vio-threat").legal_refs if f"offence:{ref.name}" == answers["ground"]
    )
    for part in (*offence.elements, *offence.defences):
        assert escape(part.text) in page
    assert "A second person reads this before anything leaves the hub" in page

    check = client.post(reverse("case_decide", args=[case.pk]), {**answers, "step": "check"})
    assert check.status_code == 200
    assert "Check your answers" in body(check)
    assert not Decision.objects.exists()
    sent = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', body(check)))
    sent.pop("csrfmiddlewaretoken", None)
    assert set(answers) <= set(sent)

    done = client.post(reverse("case_decide", args=[case.pk]), {**answers, "step": "record"}, follow=True)
    assert "It waits for a second reviewer" in body(done)
    decision = Decision.objects.get(case=case)
    assert (decision.basis, decision.provision) == (Basis.OFFENCE, offence.name)
    assert [said["id"] for said in decision.elements] == [part.id for part in offence.elements]
    assert decision.second_review_needed
    assert Case.objects.get(pk=case.pk).state == CaseState.SECOND_REVIEW


def test_a_decision_that_asks_nothing_of_the_platform(hub: SmallHub, as_: SignedIn) -> None:
    case, client = claimed(hub), as_("analyst")
    page = body(client.get(decide_url(case, step="ground", outcome="no_action", harm=HARM)))
    assert "element_" not in page
    answers = {
        "outcome": "no_action", "harm": HARM, "context": "news", "reasons": "It reports on what somebody else said.",
        "content_version": "1", "step": "record",
    }  # fmt: skip
    client.post(reverse("case_decide", args=[case.pk]), answers)
    decision = Decision.objects.get(case=case)
    assert (decision.outcome, decision.context, decision.basis) == (Outcome.NO_ACTION, "news", Basis.NONE)
    assert Case.objects.get(pk=case.pk).state == CaseState.CLOSED


@pytest.mark.parametrize("step", ["check", "record"])
@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"element_{e}": ""}, "element_{e}", "Say whether there are grounds to infer"),
        ({"element_{e}": "no"}, "element_{e}", "is not made out"),
        ({"element_{e}_reasons": ""}, "element_{e}_reasons", "Give the grounds"),
        ({"element_{e}_reasons": "short"}, "element_{e}_reasons", "Give the grounds"),
        ({"exemption_{x}": "yes"}, "exemption_{x}", "applies, so the post is not referred"),
        ({"exemption_{x}": ""}, "exemption_{x}", "Say whether the exemption"),
        ({"part": ""}, "part", "Choose the part that the account played"),
        ({"subject_type": "villain"}, "subject_type", "Select a valid choice"),
        ({"context": "weather"}, "context", "Select a valid choice"),
        ({"reasons": "ok"}, "reasons", "Say in a sentence why you decided so"),
        ({"reasons": "x" * 5_001}, "reasons", "5,000 characters"),
    ],
)
def test_an_error_stands_beside_its_question_and_nothing_is_lost(
    hub: SmallHub, as_: SignedIn, step: str, change: dict[str, str], field: str, message: str
) -> None:
    case, answers = claimed(hub, harm="vio-threat"), full_answers(hub, on_terms=False, harm="vio-threat")
    harm = current_code().harm("vio-threat")
    ids = {"e": harm.legal_refs[0].elements[0].id, "x": harm.exemptions[0]}
    answers["ground"] = f"offence:{harm.legal_refs[0].name}"
    answers |= {name.format(**ids): value for name, value in change.items()}
    answer = as_("analyst").post(reverse("case_decide", args=[case.pk]), {**answers, "step": step})
    page = body(answer)
    assert answer.status_code == 422
    assert "There is a problem" in page
    assert message in page
    field = field.format(**ids)
    target = f"id_{field}_0" if not field.endswith("reasons") else f"id_{field}"
    assert f'href="#{target}"' in page
    assert f'id="{target}"' in page
    assert page.count("There are grounds to infer it.") >= len(harm.legal_refs[0].elements) - 1
    assert not Decision.objects.exists()


def test_going_back_a_step_keeps_what_was_typed(hub: SmallHub, as_: SignedIn) -> None:
    case, client = claimed(hub), as_("analyst")
    answers = full_answers(hub) | {"reasons": "Typed with care & some <thought>."}
    for step in ("outcome", "ground"):
        page = body(client.post(reverse("case_decide", args=[case.pk]), {**answers, "step": step}))
        assert 'name="reasons" value="Typed with care &amp; some &lt;thought&gt;."' in page
        assert '<form method="post" id="decision"' in page
    page = body(client.post(reverse("case_decide", args=[case.pk]), {**answers, "step": "answers"}))
    assert "Typed with care &amp; some &lt;thought&gt;.</textarea>" in page


def test_a_look_at_the_post_in_the_middle_of_the_form_loses_nothing(hub: SmallHub, as_: SignedIn) -> None:
    case, client = with_text(claimed(hub), SECRET), as_("analyst")
    answers = full_answers(hub) | {"reasons": "Half a thought"}
    page = body(client.post(reverse("case_decide", args=[case.pk]), {**answers, "step": "show:answers"}))
    assert SECRET in page
    assert "Half a thought</textarea>" in page
    assert "There is a problem" not in page
    assert Reveal.objects.count() == 1
    token = re.search(r'name="shown" value="([^"]+)" form="decision"', page)
    assert token is not None
    wrong = client.post(
        reverse("case_decide", args=[case.pk]), {**answers, "part": "", "shown": token[1], "step": "check"}
    )
    assert SECRET in body(wrong)
    assert Reveal.objects.count() == 1


def test_a_post_that_changed_is_read_again_first(hub: SmallHub, as_: SignedIn) -> None:
    case = claimed(hub)
    Content.objects.filter(pk=case.content_id).update(version=2)
    page = as_("analyst").post(reverse("case_decide", args=[case.pk]), {**full_answers(hub), "step": "record"})
    assert "The post was edited while you read it" in body(page)
    assert 'name="content_version" value="2"' in body(page)
    assert not Decision.objects.exists()


def test_only_whoever_has_the_case_decides_it(hub: SmallHub, as_: SignedIn) -> None:
    case = claimed(hub, "reviewer")
    for answer in (
        as_("analyst").get(decide_url(case), follow=True),
        as_("analyst").post(decide_url(case), {**full_answers(hub), "step": "record"}, follow=True),
    ):
        assert "is not with you" in body(answer)
    assert not Decision.objects.exists()


def test_a_decision_sent_twice_is_recorded_once(hub: SmallHub, as_: SignedIn) -> None:
    case, client = claimed(hub), as_("analyst")
    answers = {**full_answers(hub), "step": "record"}
    client.post(reverse("case_decide", args=[case.pk]), answers)
    again = client.post(reverse("case_decide", args=[case.pk]), answers, follow=True)
    assert "is not with you" in body(again)
    assert Decision.objects.count() == 1


# The second word


def test_the_second_word_is_never_asked_of_the_decider(hub: SmallHub, as_: SignedIn) -> None:
    case = claimed(hub, "reviewer")
    services.decide(case=case, person=hub.people["reviewer"], form=hub.referral_form())
    client, url = as_("reviewer"), reverse("case_review", args=[case.pk])
    assert url not in body(client.get(reverse("case", args=[case.pk])))
    assert "You decided this case" in body(client.get(reverse("case", args=[case.pk])))
    assert case.reference not in body(client.get(reverse("home"))).partition("For your second word")[2]
    for refused in (client.get(url), client.post(url, {"concurs": "yes", "reasons": "I agree with myself."})):
        assert refused.status_code == 403
        assert "You took this decision" in body(refused)
    assert Case.objects.get(pk=case.pk).state == CaseState.SECOND_REVIEW


def test_an_analyst_gives_no_second_word(hub: SmallHub, as_: SignedIn) -> None:
    case = claimed(hub, "reviewer")
    services.decide(case=case, person=hub.people["reviewer"], form=hub.referral_form())
    assert as_("analyst").get(reverse("case_review", args=[case.pk])).status_code == 403


def test_the_second_reviewer_reads_the_whole_form_and_concurs(hub: SmallHub, as_: SignedIn) -> None:
    form = hub.referral_form("vio-threat", on_terms=False)
    decision = hub.decided(form, harm="vio-threat")
    with_text(decision.case, SECRET)
    client, url = as_("reviewer"), reverse("case_review", args=[decision.case_id])
    page = body(client.get(url))
    assert SECRET not in page
    offence = next(ref for ref in current_code().harm("vio-threat").legal_refs if ref.name == form.provision)
    for words in (*(escape(part.text) for part in offence.elements), escape(decision.reasons), "Put it up"):
        assert words in page, words
    shown = body(client.post(url, {"step": "show:review", "reasons": "So far so", "concurs": "yes"}))
    assert SECRET in shown
    assert "So far so</textarea>" in shown
    assert Reveal.objects.count() == 1

    wrong = client.post(url, {"step": "record", "reasons": "ok"})
    assert wrong.status_code == 422
    assert "Say whether you concur or dissent" in body(wrong)
    short = client.post(url, {"step": "record", "reasons": "ok", "concurs": "yes"})
    assert "Say in a sentence why you concur or dissent" in body(short)
    done = client.post(url, {"concurs": "yes", "reasons": "Each element is made out."}, follow=True)
    assert "You concurred" in body(done)
    assert Case.objects.get(pk=decision.case_id).outcome == Outcome.REFER
    again = client.post(url, {"concurs": "no", "reasons": "Each element is made out."}, follow=True)
    assert "is not waiting for a second reviewer" in body(again)


def test_dissent_puts_the_case_back(hub: SmallHub, as_: SignedIn) -> None:
    decision = hub.decided(hub.referral_form())
    url = reverse("case_review", args=[decision.case_id])
    done = as_("reviewer").post(url, {"concurs": "no", "reasons": "This is political debate."}, follow=True)
    assert "back in the queue" in body(done)
    assert Case.objects.get(pk=decision.case_id).state == CaseState.OPEN


# Passing on


def test_passing_a_case_on(hub: SmallHub, as_: SignedIn) -> None:
    case, client = claimed(hub), as_("analyst")
    url = reverse("case_transfer", args=[case.pk])
    page = body(client.get(url + "?harm=ssh-imminent"))
    assert "Only the people of that desk will see the case" in page
    assert re.search(r'value="ssh-imminent" checked', page)
    assert f'value="{HARM}"' not in page
    short = client.post(url, {"harm": "ssh-imminent", "reasons": "ok"})
    assert short.status_code == 422
    assert "Say in a sentence why the case belongs there" in body(short)
    done = client.post(url, {"harm": "ssh-imminent", "reasons": "Somebody may be in danger."}, follow=True)
    assert "is with the Welfare desk now" in body(done)
    assert Case.objects.get(pk=case.pk).desk == hub.desks["welfare"]


def test_welfare_is_not_offered_the_police(hub: SmallHub, as_: SignedIn) -> None:
    case = claimed(hub, "welfare", harm="ssh-imminent", desk="welfare")
    client, url = as_("welfare"), reverse("case_transfer", args=[case.pk])
    page = body(client.get(url))
    assert "vio-weapon-sale" not in page
    assert "not passed to the police desk" in page
    answer = client.post(url, {"harm": "vio-weapon-sale", "reasons": "They should know about it."})
    assert answer.status_code == 422
    assert Case.objects.get(pk=case.pk).desk == hub.desks["welfare"]
