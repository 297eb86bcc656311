"""The decision form against the shipped code of practice: for every harm, what holds and what does not. No database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from seawall.hub.casework.form import (
    MAX_REASONS,
    DefenceFinding,
    ElementFinding,
    Form,
    offences,
    problems_of,
    referrer_type,
    second_review_needed,
)
from seawall.hub.casework.models import Basis, Outcome
from seawall.hub.directory.models import Organisation, OrganisationKind, Platform, PlatformRule, Route
from seawall.hub.ledger.vocabulary import CaseDecided
from seawall.hub.practice.loading import load_code, shipped_codes
from seawall.hub.practice.schema import Harm, LegalRef
from seawall.hub.practice.vocabulary import Action, Context

CODE = load_code(shipped_codes()["uk-2026"])
HARMS = {harm.id: harm for harm in CODE.harms}
HUB, CHARITY, POLICE, ELECTORAL = (
    Organisation(slug=kind, name=kind.capitalize(), kind=kind)
    for kind in (OrganisationKind.HUB, OrganisationKind.CHARITY, OrganisationKind.POLICE, OrganisationKind.ELECTORAL)
)
URL = "https://alpha.example/posts/1"
REASONS = "There are grounds to infer it."

# Per harm, on what the hub or a charity, the police, and an electoral authority may refer it: O an offence, T the platform's dated rule.
MAY_REFER = {
    "abuse-harassment": ("OT", "OT", ""),
    "cand-doxxing": ("OT", "OT", "OT"),
    "cand-false-fact": ("", "", ""),
    "cand-harassment": ("OT", "OT", "OT"),
    "cand-hate": ("OT", "OT", "OT"),
    "cand-threat": ("O", "O", "O"),
    "csea": ("", "", ""),
    "ed-promote": ("T", "", ""),
    "hate-stirring": ("OT", "OT", ""),
    "iia": ("", "", ""),
    "ssh-challenge": ("T", "T", ""),
    "ssh-encourage": ("O", "O", ""),
    "ssh-graphic": ("T", "T", ""),
    "ssh-imminent": ("", "", ""),
    "ssh-memorial": ("", "", ""),
    "ssh-method": ("OT", "OT", ""),
    "ssh-recovery": ("", "", ""),
    "terror": ("", "", ""),
    "vax-misinfo": ("OT", "", ""),
    "vio-gang": ("OT", "OT", ""),
    "vio-threat": ("O", "O", "O"),
    "vio-weapon-sale": ("", "O", ""),
}
SUPPORT = {
    "abuse-harassment", "cand-threat", "ed-promote", "ssh-challenge", "ssh-encourage", "ssh-graphic", "ssh-imminent", "ssh-memorial",
    "ssh-method", "ssh-recovery", "terror", "vio-gang", "vio-threat",
}  # fmt: skip
HAND_OFF = {"cand-false-fact", "csea", "iia", "terror"}
ONE_PERSON_SUFFICES = {
    "abuse-harassment",
    "cand-harassment",
}  # on an offence, below severity 4, and the code asks for no second
REFERABLE = sorted(harm for harm, who in MAY_REFER.items() if any(who))


def platform(name: str = "Alpha", *, reachable: bool = True) -> Platform:
    made = Platform(name=name, slug=name.lower())
    if reachable:
        Route(platform=made, channel="http", endpoint=f"https://{made.slug}.example/api")
    else:
        made._state.fields_cache["route"] = None
    return made


ALPHA = platform()


def rule(harm: str, *, of: Platform = ALPHA, dated: date = date(2026, 9, 1)) -> PlatformRule:
    return PlatformRule(platform=of, code=harm, title="A rule", text="Not here.", dated=dated, harms=[harm])


def referring(harm: Harm, basis: str, offence: LegalRef | None = None) -> Form:
    """A form that refers and holds, if the harm may be referred on this basis at all."""
    form = Form(
        outcome=Outcome.REFER,
        harm=harm.id,
        reasons="It breaks the rule, and nothing about it is protected.",
        exemptions=dict.fromkeys(harm.exemptions, False),
    )
    if basis == "T":
        return replace(form, basis=Basis.TERM, term=rule(harm.id))
    chosen = offence or next(iter(offences(harm)), None) or harm.legal_refs[0] if harm.legal_refs else None
    return replace(
        form,
        basis=Basis.OFFENCE,
        provision=chosen.name if chosen else "",
        elements=[
            ElementFinding(id=part.id, met=True, reasons=REASONS) for part in (chosen.elements if chosen else ())
        ],
        defences=[DefenceFinding(id=part.id, may_succeed=False) for part in (chosen.defences if chosen else ())],
    )


def fields(form: Form, *, by: Organisation = HUB, at: Platform = ALPHA, url: str | None = URL) -> list[str]:
    return [problem.field for problem in problems_of(form, code=CODE, platform=at, organisation=by, url=url)]


def referrer_of(harm: str) -> Organisation:
    return HUB if MAY_REFER[harm][0] else POLICE


def test_the_table_names_every_harm_of_the_code() -> None:
    assert set(MAY_REFER) == set(HARMS)


@pytest.mark.core
@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS)
def test_who_may_refer_on_what(harm: Harm) -> None:
    for by, column in ((HUB, 0), (CHARITY, 0), (POLICE, 1), (ELECTORAL, 2)):
        for basis in "OT":
            assert (not fields(referring(harm, basis), by=by)) == (basis in MAY_REFER[harm.id][column]), (
                by.name,
                basis,
            )


@pytest.mark.parametrize("kind", ["platform", "regulator", "ombudsman", "oversight"])
def test_other_organisations_refer_nothing(kind: str) -> None:
    other = Organisation(slug=kind, name=kind, kind=kind)
    assert referrer_type(other) == "none"
    for harm in REFERABLE:
        assert "harm" in fields(referring(HARMS[harm], "O"), by=other)


@pytest.mark.parametrize("harm", HARMS)
def test_outcomes_that_ask_nothing_of_the_platform(harm: str) -> None:
    def said(outcome: Outcome) -> list[str]:
        return fields(
            Form(outcome=outcome, harm=harm, reasons="I read it twice."), url="", at=platform(reachable=False)
        )

    assert said(Outcome.NO_ACTION) == []
    assert said(Outcome.SUPPORT) == ([] if harm in SUPPORT else ["outcome"])
    assert said(Outcome.HAND_OFF) == ([] if harm in HAND_OFF else ["outcome"])


@pytest.mark.parametrize("harm", ["ssh-recovery", "ssh-memorial"])
def test_protected_content_is_never_referred_and_no_other_question_is_asked(harm: str) -> None:
    problems = problems_of(referring(HARMS[harm], "T"), code=CODE, platform=ALPHA, organisation=HUB, url="")
    assert [problem.field for problem in problems] == ["outcome"]
    assert "protected" in problems[0].message


@pytest.mark.parametrize("harm", REFERABLE)
def test_second_reviewer(harm: str) -> None:
    for basis in MAY_REFER[harm][0] or MAY_REFER[harm][1]:
        needed = second_review_needed(form=referring(HARMS[harm], basis), harm=HARMS[harm])
        assert needed == (basis == "T" or harm not in ONE_PERSON_SUFFICES)
    for outcome in (Outcome.NO_ACTION, Outcome.SUPPORT, Outcome.HAND_OFF):
        assert not second_review_needed(form=Form(outcome=outcome, harm=harm, reasons=REASONS), harm=HARMS[harm])


@pytest.mark.parametrize(
    ("severity", "asked", "needed"), [(3, False, False), (3, True, True), (4, False, True), (5, False, True)]
)
def test_a_grave_referral_takes_two_whatever_the_code_asks(severity: int, asked: bool, needed: bool) -> None:
    harm = HARMS["abuse-harassment"].model_copy(update={"severity": severity, "requires_second_reviewer": asked})
    assert second_review_needed(form=referring(harm, "O"), harm=harm) == needed


EVERY_OFFENCE = [(harm, offence) for harm in HARMS.values() if harm.id in REFERABLE for offence in offences(harm)]


@pytest.mark.parametrize(("harm", "offence"), EVERY_OFFENCE, ids=lambda part: getattr(part, "id", None) or part.name)
def test_every_element_and_every_defence_of_every_offence(harm: Harm, offence: LegalRef) -> None:
    whole, by = referring(harm, "O", offence), referrer_of(harm.id)
    assert fields(whole, by=by) == []
    for number, element in enumerate(whole.elements):
        rest = [other for other in whole.elements if other is not element]
        assert fields(replace(whole, elements=rest), by=by) == [f"element_{element.id}"]
        for changed, field in (
            (replace(element, met=False), f"element_{element.id}"),
            (replace(element, reasons=" too short "), f"element_{element.id}_reasons"),
            (replace(element, reasons="x" * (MAX_REASONS + 1)), f"element_{element.id}_reasons"),
        ):
            elements = [*whole.elements[:number], changed, *whole.elements[number + 1 :]]
            assert fields(replace(whole, elements=elements), by=by) == [field]
    for defence in whole.defences:
        rest_of = [other for other in whole.defences if other is not defence]
        assert fields(replace(whole, defences=rest_of), by=by) == [f"defence_{defence.id}"]
        assert fields(replace(whole, defences=[*rest_of, replace(defence, may_succeed=True)]), by=by) == [
            f"defence_{defence.id}"
        ]


@pytest.mark.parametrize(("harm", "offence"), EVERY_OFFENCE, ids=lambda part: getattr(part, "id", None) or part.name)
def test_every_offence_can_be_written_into_the_ledger(harm: Harm, offence: LegalRef) -> None:
    CaseDecided(
        decision="d", outcome="refer", harm=harm.id, code_version=CODE.version, basis="offence", provision=offence.name,
        context="none", second_review_needed=True,
    )  # fmt: skip


@pytest.mark.parametrize("harm", REFERABLE)
def test_every_exemption_is_asked_and_one_that_applies_ends_it(harm: str) -> None:
    basis = (MAY_REFER[harm][0] or MAY_REFER[harm][1])[0]
    whole, by = referring(HARMS[harm], basis), referrer_of(harm)
    for exemption in HARMS[harm].exemptions:
        others = {name: applies for name, applies in whole.exemptions.items() if name != exemption}
        assert fields(replace(whole, exemptions=others), by=by) == [f"exemption_{exemption}"]
        assert fields(replace(whole, exemptions={**others, exemption: True}), by=by) == [f"exemption_{exemption}"]


def changed(**changes: Any) -> Form:
    return replace(referring(HARMS["abuse-harassment"], "T"), **changes)


TOMORROW = (datetime.now(UTC) + timedelta(days=2)).date()


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (changed(harm="no-such-harm"), ["harm"]),  # and nothing else is asked, since everything hangs on the harm
        (changed(harm=""), ["harm"]),
        (changed(reasons=" because "), ["reasons"]),
        (changed(reasons="x" * (MAX_REASONS + 1)), ["reasons"]),
        (changed(reasons="It holds a NUL\x00 character."), ["reasons"]),
        (changed(basis=Basis.NONE), ["basis"]),
        (changed(term=None), ["term"]),
        (changed(term=rule("abuse-harassment", of=platform("Beta"))), ["term"]),  # another platform's
        (changed(term=rule("hate-stirring")), ["term"]),  # does not cover the harm
        (changed(term=rule("abuse-harassment", dated=TOMORROW)), ["term"]),
        (changed(context="something else"), ["context"]),
        (changed(context=Context.NEWS), []),
        (changed(basis=Basis.OFFENCE, provision=""), ["provision"]),
        (
            changed(basis=Basis.OFFENCE, provision="Online Safety Act 2023, Part 3"),
            ["provision"],
        ),  # a kind of content, not an offence
    ],
)
def test_single_faults(form: Form, expected: list[str]) -> None:
    assert fields(form) == expected


def test_a_rule_is_no_ground_where_the_code_asks_for_an_offence() -> None:
    assert fields(referring(HARMS["vio-threat"], "T")) == ["basis"]


def test_a_child_harm_is_not_an_offence() -> None:
    harm = HARMS["abuse-harassment"]
    child_harm = next(ref for ref in harm.legal_refs if ref not in offences(harm))
    assert fields(replace(referring(harm, "O"), provision=child_harm.name)) == ["provision"]


@pytest.mark.parametrize("url", ["", "example.org/post", "ftp://alpha.example/1", "javascript:alert(1)"])
def test_what_cannot_be_sent_is_refused_while_a_person_is_there(url: str) -> None:
    assert fields(changed(), url=url) == ["outcome"]
    assert fields(changed(), at=(gamma := platform("Gamma", reachable=False)), url=URL) == ["outcome", "term"][::-1]
    assert fields(replace(changed(), term=rule("abuse-harassment", of=gamma)), at=gamma) == ["outcome"]


def test_the_address_is_not_asked_about_when_the_caller_does_not() -> None:
    assert fields(changed(), url=None) == []


@pytest.mark.parametrize("action", [Action.NONE, Action.SUPPORT_ONLY])
def test_a_harm_for_which_no_action_is_asked_cannot_be_referred(action: Action) -> None:
    harm = HARMS["abuse-harassment"].model_copy(update={"default_action": action})
    code = CODE.model_copy(update={"harms": (harm,)})
    problems = problems_of(changed(), code=code, platform=ALPHA, organisation=HUB, url=URL)
    assert [problem.field for problem in problems] == ["outcome"]


def test_everything_wrong_is_said_at_once() -> None:
    form = Form(outcome=Outcome.REFER, harm="hate-stirring", reasons="", basis=Basis.OFFENCE)
    found = fields(form, url="")
    assert found == [
        "reasons",
        *(f"exemption_{name}" for name in HARMS["hate-stirring"].exemptions),
        "provision",
        "outcome",
    ]
