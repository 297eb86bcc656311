"""The code of practice that ships: every harm is there, and says nothing more than is known."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from seawall.clock import AfterPause, Basis, Clock, Event, EventKind, Months, PauseReason, Start, format_duration
from seawall.hub.practice.loading import CODES, DEFAULT_CODE, load_code, shipped_codes
from seawall.hub.practice.schema import Code, Harm, UnknownHarmError
from seawall.hub.practice.vocabulary import (
    AccountStep,
    Action,
    Checked,
    Family,
    HarmBasis,
    Partition,
    Referrer,
    RefKind,
    RestsOn,
    Route,
    Step,
)

UK = CODES / DEFAULT_CODE

# Every row of the harms table of the domain notes, with its severity and the time it gives (None: no action is timed).
TABLE = {
    "ssh-imminent": (5, None),
    "ssh-encourage": (5, "PT1H"),
    "ssh-method": (4, "PT4H"),
    "ssh-graphic": (4, "PT4H"),
    "ssh-challenge": (4, "PT1H"),
    "ssh-memorial": (None, None),
    "ssh-recovery": (None, None),
    "ed-promote": (3, "PT24H"),
    "vio-threat": (5, "PT1H"),
    "vio-gang": (4, "PT24H"),
    "vio-weapon-sale": (4, "PT48H"),
    "terror": (5, None),
    "csea": (5, None),
    "iia": (5, "PT48H"),
    "cand-threat": (5, "PT1H"),
    "cand-harassment": (3, "PT24H"),
    "cand-doxxing": (4, "PT4H"),
    "cand-hate": (4, "PT24H"),
    "cand-false-fact": (2, None),
    "vax-misinfo": (2, "PT72H"),
    "hate-stirring": (4, "PT24H"),
    "abuse-harassment": (3, "PT24H"),
}


@pytest.fixture(scope="module")
def code() -> Code:
    return load_code(UK)


def test_every_harm_of_the_table_is_there_with_its_severity_and_time(code: Code) -> None:
    shipped = {
        harm.id: (harm.severity, None if harm.clock.action is None else format_duration(harm.clock.action))
        for harm in code.harms
    }
    assert shipped == TABLE
    assert list(shipped_codes()) == [DEFAULT_CODE]


def test_triage_is_a_quarter_of_an_hour_at_severity_five(code: Code) -> None:
    for harm in code.harms:
        if harm.severity == 5:
            assert harm.clock.triage == timedelta(minutes=15), harm.id


def test_what_must_never_happen_to_these_harms(code: Code) -> None:
    for name in ("ssh-memorial", "ssh-recovery"):
        assert code.harm(name).protected
        assert code.harm(name).default_action is Action.SUPPORT_ONLY
    assert Referrer.POLICE not in code.harm("vax-misinfo").who_may_refer
    assert set(code.harm("cand-false-fact").who_may_refer) == {Referrer.POLICE, Referrer.ELECTORAL}
    assert code.harm("cand-false-fact").default_action is Action.NONE
    assert code.harm("csea").shareable_signal == "none"
    assert code.harm("vio-gang").requires_second_reviewer
    assert set(code.harm("vio-gang").rests_on) == {RestsOn.OFFENCE, RestsOn.DATED_TERM}
    assert code.harm("vio-weapon-sale").route is Route.FORMAL_NOTICE
    imminent = code.harm("ssh-imminent")
    assert imminent.basis is HarmBasis.WELFARE
    assert imminent.partition is Partition.WELFARE
    assert set(imminent.account_steps.uploaded) == {AccountStep.NONE}
    assert "emergency-999" in imminent.support.author
    for name in ("terror", "csea"):
        assert code.harm(name).route is Route.HAND_OFF


def test_plain_words_are_short_enough_for_a_ten_year_old(code: Code) -> None:
    for harm in code.harms:
        sentences = [sentence for sentence in re.split(r"(?<=[.?!])\s+", harm.plain) if sentence]
        assert 1 <= len(sentences) <= 3, harm.id
        for sentence in sentences:
            words = re.findall(r"[A-Za-z']+", sentence)
            assert len(words) <= 20, (harm.id, sentence)
            assert max(map(len, words)) <= 12, (harm.id, sentence)


def test_only_verified_support_is_shown_and_hours_only_when_checked(code: Code) -> None:
    shown = [line for line in code.support if line.show]
    assert {"samaritans", "papyrus", "emergency-999"} <= {line.id for line in shown}
    assert all(line.checked is Checked.VERIFIED and line.verified_on for line in shown)
    assert code.support_line("samaritans").hours_shown == "24 hours a day, every day"
    assert code.support_line("papyrus").hours_shown is None
    assert [line.id for line in code.shown_support(["beat", "samaritans"])] == ["samaritans"]
    with pytest.raises(LookupError, match="no support line 'nobody'"):
        code.support_line("nobody")


def test_every_offence_has_elements_and_says_how_far_it_was_checked(code: Code) -> None:
    for harm in code.harms:
        for ref in harm.legal_refs:
            assert ref.elements, ref.name
            assert (ref.status is Checked.VERIFIED) == (ref.verified_on is not None), ref.name
    suicide = next(ref for ref in code.harm("ssh-encourage").legal_refs if ref.act == "Suicide Act 1961")
    assert [part.id for part in suicide.elements] == ["act", "intent"]
    assert suicide.kind is RefKind.OFFENCE


def test_every_family_opens_exactly_one_harm(code: Code) -> None:
    assert {family.value: [harm.id for harm in code.harms_for_family(family)] for family in Family} == {
        "suicide_self_harm": ["ssh-encourage"],
        "at_risk": ["ssh-imminent"],
        "eating_disorder": ["ed-promote"],
        "violent_threat": ["vio-threat"],
        "gang_weapons": ["vio-gang"],
        "abuse": ["abuse-harassment"],
        "hate": ["hate-stirring"],
        "health_misinformation": ["vax-misinfo"],
    }
    with pytest.raises(ValueError, match="'spam' is not a family"):
        code.harms_for_family("spam")


def test_an_unknown_harm_is_refused_with_the_known_ones(code: Code) -> None:
    with pytest.raises(UnknownHarmError, match=rf"uk-2026 {re.escape(code.version)} has no harm 'vio-gangs'.*vio-gang"):
        code.harm("vio-gangs")


# --- limits


def test_the_statutory_clocks_are_there_and_run(code: Code) -> None:
    limits = {limit.id: limit for limit in code.limits}
    lengths = {name: format_duration(limit.length) for name, limit in limits.items()}
    assert lengths == {
        "cpa-2026-s21": "PT48H",
        "osa-s10-3a": "PT48H",
        "eu-2021-784-removal": "PT1H",
        "eu-2021-784-scrutiny": "PT72H",
        "eu-2021-784-preserve": "P6M",
        "dsa-art20": "P6M",
        "dsa-art21": "PT2160H",
        "dsa-art21-complex": "PT4320H",
        "au-complaint": "PT48H",
        "au-notice": "PT24H",
        "netzdg-manifest": "PT24H",
        "netzdg-other": "PT168H",
    }
    assert isinstance(limits["dsa-art20"].length, Months)
    for limit in code.limits:
        assert limit.as_limit().basis is Basis.STATUTE
    removal = limits["eu-2021-784-removal"].as_limit()
    assert removal.pausable == {PauseReason.IMPOSSIBILITY, PauseReason.UNCLEAR_NOTICE}
    assert removal.after_pause is AfterPause.STARTS_AGAIN
    assert not limits["cpa-2026-s21"].as_limit().pausable


def test_a_harms_limits_say_what_they_rest_on(code: Code) -> None:
    weapons = code.limit("vio-weapon-sale", Step.ACTION, election_period=True)
    assert weapons is not None
    assert (weapons.basis, weapons.starts, weapons.citation) == (
        Basis.STATUTE,
        Start.GIVEN,
        "Crime and Policing Act 2026, section 21(5)(c)",
    )
    triage = code.limit("vio-weapon-sale", Step.TRIAGE)
    assert triage is not None
    assert (triage.basis, triage.starts) == (Basis.PROPOSAL, Start.FIRST_SIGHT)
    assert triage.citation == f"Code of practice uk-2026 {code.version}, vio-weapon-sale"
    assert code.limit("ssh-imminent", Step.ACTION) is None


def test_an_election_period_halves_candidates_cases_alone(code: Code) -> None:
    for harm in code.harms:
        for step in Step:
            usual, election = code.limit(harm.id, step), code.limit(harm.id, step, election_period=True)
            if usual is None or election is None:
                assert usual is election is None
            elif harm.id.startswith("cand-"):
                assert isinstance(election.length, timedelta)
                assert election.length * 2 == usual.length
                assert "election period" in election.citation
            else:
                assert election == usual


def test_a_harms_limit_drives_a_clock(code: Code) -> None:
    limit = code.limit("vio-threat", Step.ACTION)
    assert limit is not None
    noon = datetime(2026, 11, 2, 12, tzinfo=UTC)
    assert Clock(limit, [Event(noon, EventKind.STARTED)]).due() == noon + timedelta(hours=1)


def test_every_field_of_a_harm_is_in_the_reference() -> None:
    reference = (Path(__file__).parents[3] / "docs" / "reference" / "code-of-practice.md").read_text(encoding="utf-8")
    for field in Harm.model_fields:
        assert f"`{field}`" in reference, field


def test_a_code_kept_as_json_is_the_same_code_again(code: Code) -> None:
    kept = json.loads(json.dumps(code.model_dump(mode="json")))
    again = Code.model_validate(kept)
    assert again == code
    assert again.digest == code.digest


def test_a_changed_copy_has_its_own_digest(code: Code) -> None:
    assert code.digest == code.model_copy().digest
    fewer = code.model_copy(update={"harms": code.harms[1:]})
    assert fewer.digest != code.digest
    with pytest.raises(UnknownHarmError):
        fewer.harm(code.harms[0].id)
