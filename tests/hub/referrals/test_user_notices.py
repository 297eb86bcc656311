"""The notice to the person whose post was referred: what it says, that it is always shown in the end, and who may put it off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from tests.hub.referrals.conftest import BEGIN, ToldPlatform, at, referred
from tests.support.hub import ACTOR, SmallHub

from seawall import channels
from seawall.hub import moment
from seawall.hub.casework import services as casework
from seawall.hub.casework.form import FormIncomplete
from seawall.hub.casework.models import Case, Decision, SubjectType
from seawall.hub.directory import services as directory
from seawall.hub.ledger.models import Entry
from seawall.hub.notifications.models import Notification
from seawall.hub.practice.queries import current_code
from seawall.hub.referrals import pending, queries, services, tasks, user_notice_queries, user_notices, withdrawals
from seawall.hub.referrals import user_notice_delays as delays
from seawall.hub.referrals import user_notice_texts as texts
from seawall.hub.referrals.models import NoticeDelay, Referral, Released, UserNotice, WithdrawnBy

pytestmark = pytest.mark.django_db
WORDS = "They said that they would hurt whoever reported them."


@pytest.fixture
def platform(platform: ToldPlatform, monkeypatch: pytest.MonkeyPatch) -> ToldPlatform:
    monkeypatch.setattr(user_notices, "channel_of", lambda _referral: platform)
    return platform


def document(referral: Referral) -> channels.ReferralDocument:
    return channels.ReferralDocument.model_validate(referral.document)


def notice_of(referral: Referral) -> UserNotice:
    return UserNotice.objects.get(referral=referral)


def claimed(hub: SmallHub) -> Case:
    return casework.claim(case=hub.case(), person=hub.people["analyst"])


def asked(hub: SmallHub, case: Case, *, days: int = 14, by: str = "analyst") -> NoticeDelay:
    return delays.ask(case=case, person=hub.people[by], reason="life", words=WORDS, days=days)


def decided(hub: SmallHub, case: Case) -> Decision:
    decision = casework.decide(case=case, person=hub.people["analyst"], form=hub.referral_form())
    if decision.second_review_needed:
        casework.review(
            decision=decision, person=hub.people["reviewer"], concurs=True, reasons="I read it the same way."
        )
    return decision


def delayed(hub: SmallHub, *, days: int = 14) -> Referral:
    """A referral whose person is told so many days later, approved by the reviewer."""
    case = claimed(hub)
    delay = asked(hub, case, days=days)
    delays.answer(delay=delay, person=hub.people["reviewer"], approve=True)
    return services.prepare(decision_id=decided(hub, case).pk)


def tick() -> None:
    """What the jobs of a minute do, at this moment: a played time queues none."""
    for notice_id in pending.delays_over():
        user_notices.release(notice_id=notice_id, because=Released.EXPIRED)
    for notice_id in pending.undelivered_user_notices():
        user_notices.deliver(notice_id=notice_id)


# What it says


@pytest.mark.core
def test_every_referral_carries_the_words(hub: SmallHub, platform: ToldPlatform) -> None:
    referral = services.deliver(referral_id=referred(hub).pk)
    part, notice = document(referral).user_notice, notice_of(referral)
    assert part is not None
    assert part.text == notice.text
    assert part.delayed_until is None
    assert part.link == f"http://127.0.0.1:8000/notice/{notice.secret}/"
    assert len(notice.secret) == 32
    assert "It was a hub that works against harm online." in notice.text
    assert "this rule of Alpha: “Rule on Abuse and harassment”, as it stood on 1 September 2026" in notice.text
    assert "This was advice. Alpha makes up its own mind." in notice.text
    assert "Ask Alpha to look again. Its help pages or its app should say how." in notice.text
    assert part.link in notice.text
    assert "a body of the state" not in notice.text
    assert (notice.released_because, notice.reached_at is not None) == ("at_once", True)
    assert platform.informed == []  # the document itself had the words
    assert referral.document_sha256 == document(referral).sha256()
    made = Entry.objects.get(verb="user_notice.made").payload
    assert (made["delayed"], made["own_words"], made["version"]) == (False, False, 0)


@pytest.mark.core
def test_a_body_of_the_state_is_named_as_one_and_nobody_by_name(hub: SmallHub) -> None:
    case = hub.case("vio-threat", desk="police")
    casework.claim(case=case, person=hub.people["officer"])
    decision = casework.decide(
        case=case, person=hub.people["officer"], form=hub.referral_form("vio-threat", on_terms=False)
    )
    casework.review(decision=decision, person=hub.people["inspector"], concurs=True, reasons="I read it the same way.")
    referral = services.prepare(decision_id=decision.pk)
    said = notice_of(referral).text
    assert "It was a police body, which is a body of the state." in said
    assert "this law: " in said
    assert decision.provision in said
    for name in ("officer", "inspector", "Police desk", *(person.email for person in hub.people.values())):
        assert name not in said


def notices_for_every_kind() -> Iterator[str]:
    from tests.channels.notice_samples import formal_notice, removal_order
    from tests.channels.samples import LEGAL
    from tests.channels.samples import document as sample

    made = [sample(grounds={"legal": [LEGAL]}), sample(), formal_notice(), removal_order()]
    for kind in texts.BODIES:
        state = kind in ("police", "regulator", "electoral_authority", "government")
        made.append(sample(referrer={"organisation": "An Organisation", "type": kind, "state_body": state}))
    made += [sample(requested_action=action) for action in texts.ASKED]
    for one in made:
        values = {
            "platform": "Alpha",
            "who": texts.who(one),
            "asked": texts.ASKED[one.requested_action],
            "ground": "this law",  # the citation is not counted
            "decides": texts.decides(one, "Alpha"),
            "appeal": texts.appeal("Alpha", None),
            "link": "",
        }
        yield texts.filled(texts.SHIPPED, values)


def syllables(word: str) -> int:
    """English syllables by the usual rule of thumb: groups of vowels, without a silent final e."""
    word = re.sub(r"[^a-z]", "", word.lower())
    groups = len(re.findall(r"[aeiouy]+", word))
    silent = word.endswith("e") and not word.endswith(("le", "ee")) and groups > 1
    silent = silent or (word.endswith("ed") and not word.endswith(("ted", "ded")) and groups > 1)
    return max(1, groups - silent)


def grade(text: str) -> float:
    """The Flesch-Kincaid grade level (Kincaid et al. 1975): school years that somebody needs to read a text."""
    sentences = [one for one in re.split(r"[.?!:](?:\s|$)", text) if one.strip()]
    found = re.findall(r"[A-Za-z’'-]+", text)
    return 0.39 * len(found) / len(sentences) + 11.8 * sum(map(syllables, found)) / len(found) - 15.59


def test_the_measure_of_reading_age_tells_plain_from_official() -> None:
    assert grade("The cat sat on the mat. It was warm.") < 2
    official = (
        "Notwithstanding the aforementioned determination, the undersigned authority reserves its statutory discretion."
    )
    assert grade(official) > 15


@pytest.mark.core
def test_the_shipped_words_are_plain() -> None:
    for text in notices_for_every_kind():
        assert grade(text) <= 6, (round(grade(text), 1), text)


def test_binding_kinds_are_said_to_be_binding() -> None:
    from tests.channels.notice_samples import formal_notice, removal_order

    assert texts.decides(formal_notice(), "Alpha") == (
        "This was not advice. It was a notice under a law. Whoever gave it says that Alpha has to follow it."
    )
    assert texts.decides(removal_order(), "Alpha").startswith("This was not advice. It was an order")
    assert texts.ground(formal_notice(), "Alpha") == "this law: Criminal Justice Act 1988, section 141"
    assert texts.who(removal_order()) == "a government body, which is a body of the state"


@pytest.mark.core
def test_somebody_who_may_be_at_risk_gets_no_notice(hub: SmallHub) -> None:
    form = replace(hub.referral_form(), subject_type=SubjectType.AT_RISK)
    referral = referred(hub, form)
    notice = notice_of(referral)
    assert document(referral).user_notice is None
    assert "user_notice" not in referral.document
    assert (notice.left_out, notice.text, notice.released_at) == ("at_risk", "", None)
    with pytest.raises(UserNotice.DoesNotExist):
        user_notice_queries.by_secret(notice.secret)
    assert Entry.objects.get(verb="user_notice.left_out").payload["reason"] == "at_risk"
    assert pending.delays_over() == []
    with pytest.raises(user_notices.NoNotice):
        user_notices.platform_says(referral=referral, told=True, way="api")  # type: ignore[arg-type]


# The words as data


def test_words_for_one_platform_go_before_those_for_all_and_each_has_a_version(hub: SmallHub) -> None:
    administrator = hub.people["administrator"]
    common = "It was {who}, under {ground}. {decides} {appeal} See {link}."
    texts.adopt(platform=None, text=f"All: {common}", person=administrator)
    mine = texts.adopt(platform=hub.platforms["alpha"], text=f"Alpha: {common}", person=administrator)
    assert texts.adopt(platform=hub.platforms["alpha"], text=f"Alpha: {common}", person=administrator).version == 2
    assert mine.version == 1
    assert notice_of(referred(hub)).text.startswith("Alpha: It was a hub")
    assert notice_of(referred(hub, hub.referral_form(platform="beta"), platform="beta")).text.startswith("All: ")
    made = Entry.objects.filter(verb="user_notice.made").order_by("pk")
    assert {(one.payload["own_words"], one.payload["version"]) for one in made} == {(True, 2), (False, 1)}
    assert Entry.objects.filter(verb="user_notice.text_adopted").count() == 3


GOOD = "{who} {ground} {decides} {appeal} {link}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Write the words"),
        ("x" * 3_001, "3,000 characters at most"),
        (GOOD + "\x00", "Write the words"),
        (GOOD + " {name}", "There is no slot {name}. The slots are: {platform}, {who}"),
        (GOOD + " {who.__class__}", "There is no slot {who.__class__}"),
        (GOOD + " {who!r}", "There is no slot {who!r}"),
        (GOOD + " {who:>9}", "There is no slot {who:>9}"),
        (GOOD + " {}", "There is no slot {}"),
        (GOOD + " {", "A brace stands alone"),
        (GOOD + " {{who}}", "A brace stands alone"),
        (GOOD.replace("{who}", ""), "The words have to hold the slot {who}"),
        (GOOD.replace("{appeal}", ""), "The words have to hold the slot {appeal}"),
    ],
)
def test_words_that_cannot_be_adopted_are_refused_with_a_sentence(hub: SmallHub, text: str, said: str) -> None:
    with pytest.raises(texts.TextRefused, match=re.escape(said)):
        texts.adopt(platform=None, text=text, person=hub.people["administrator"])
    assert texts.wording(platform=None) == (texts.SHIPPED, None)


def test_only_an_administrator_changes_words_and_ways_to_complain(hub: SmallHub) -> None:
    for name in ("analyst", "overseer", "alpha_contact", "inspector"):
        with pytest.raises(PermissionError):
            texts.adopt(platform=None, text=GOOD, person=hub.people[name])
        with pytest.raises(PermissionError):
            complaint(hub, by=name)


def complaint(hub: SmallHub, *, by: str = "administrator", **changes: Any) -> None:
    given = {
        "address": "https://alpha.example/appeals",
        "days": 180,
        "source_url": "https://alpha.example/rules",
        "last_checked": date(2026, 11, 1),
        **changes,
    }
    texts.enter_complaint_route(platform=hub.platforms["alpha"], person=hub.people[by], **given)


def test_how_to_complain_comes_from_the_directory_with_the_day_it_was_read(hub: SmallHub) -> None:
    complaint(hub)
    assert (
        "Ask Alpha to look again, here: https://alpha.example/appeals . You have 180 days to do it. (We checked this on 1 November 2026.)"
        in notice_of(referred(hub)).text
    )
    complaint(hub, address="appeals@alpha.example", days=None)
    assert "here: appeals@alpha.example . (We checked" in notice_of(referred(hub)).text
    assert Entry.objects.filter(verb="user_notice.complaint_route_entered").count() == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"address": "http://alpha.example/"}, "address"),
        ({"address": "javascript:alert(1)"}, "address"),
        ({"address": "https://alpha.example/a b"}, "address"),
        ({"address": "https://[alpha"}, "address"),
        ({"source_url": ""}, "source_url"),
        ({"days": 0}, "days"),
        ({"days": 4_000}, "days"),
        ({"last_checked": date(2999, 1, 1)}, "last_checked"),
    ],
)
def test_a_way_to_complain_that_cannot_be_is_refused(hub: SmallHub, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(FormIncomplete) as refused:
        complaint(hub, **changes)
    assert [one.field for one in refused.value.problems] == [field]


# A delay


@pytest.mark.core
def test_a_delay_goes_out_without_its_reasons_and_the_words_follow_when_it_is_over(
    hub: SmallHub, platform: ToldPlatform
) -> None:
    with at():
        referral = services.deliver(referral_id=delayed(hub, days=14).pk)
    assert referral.document["user_notice"] == {
        "delayed_until": (BEGIN + timedelta(days=14)).isoformat().replace("+00:00", "Z")
    }
    assert WORDS not in str(referral.document)
    assert referral.sampled  # the overseer reads it, whoever made it
    notice = notice_of(referral)
    assert (notice.released_at, notice.reached_at) == (None, None)
    with at(days=13, hours=23):
        tick()
        assert user_notice_queries.for_platform(Referral.objects.get(pk=referral.pk))["text"] is None  # type: ignore[index]
        with pytest.raises(UserNotice.DoesNotExist):
            user_notice_queries.by_secret(notice.secret)
    assert platform.informed == []
    with at(days=14):
        # Nobody pressed anything and no job has run: what is read says so all the same.
        shown = user_notice_queries.for_platform(Referral.objects.get(pk=referral.pk))
        assert shown is not None
        assert (shown["state"], shown["text"]) == ("to_be_shown", notice.text)
        assert user_notice_queries.by_secret(notice.secret) == notice
        tick()
        tick()
    notice.refresh_from_db()
    assert (notice.released_because, notice.reached_at is not None) == ("expired", True)
    ((key, text),) = platform.informed
    assert key == str(notice.pk)
    assert notice.text in text
    assert referral.reference in text
    assert Notification.objects.filter(person=hub.people["alpha_contact"], kind="referral.user_notice").exists()
    assert Entry.objects.get(verb="user_notice.released").payload["because"] == "expired"
    assert Entry.objects.get(verb="user_notice.reached").payload["way"] == "channel"


@pytest.mark.core
def test_no_delay_can_be_permanent_whatever_people_do(hub: SmallHub, platform: ToldPlatform) -> None:
    """Renewed again and again by two people who agree, never ended by anybody: after 90 days the platform has the words."""
    with at():
        referral = services.deliver(referral_id=delayed(hub, days=28).pk)
    step, renewed, refused = 27, 0, ""
    with_each_day = pytest.MonkeyPatch()
    try:
        for day in range(1, 200):
            # A played moment lies in the past; this story is longer than the past of the other tests.
            with_each_day.setattr(moment, "now", lambda day=day: BEGIN + timedelta(days=day))
            tick()
            if notice_of(referral).released_at is not None:
                break
            if day % step == 0:
                try:
                    again = delays.ask_again(
                        referral=referral, person=hub.people["analyst"], reason="evidence", words=WORDS, days=28
                    )
                    delays.answer(delay=again, person=hub.people["reviewer"], approve=True)
                    renewed += 1
                except delays.DelayRefused as problem:
                    refused = str(problem)
    finally:
        with_each_day.undo()
    assert renewed >= 3
    assert day == 90
    assert refused == "" or "90 days in all" in refused
    assert notice_of(referral).reached_at is not None
    assert platform.informed[-1][0] == str(notice_of(referral).pk)
    waits = [text for _key, text in platform.informed[:-1]]
    assert len(waits) == renewed
    assert all("Please do not tell the person" in text for text in waits)
    for one in NoticeDelay.objects.filter(approved=True):
        assert one.until is not None
        assert one.answered_at is not None
        assert one.until - one.answered_at <= timedelta(days=28)


def test_the_database_holds_the_bounds_too(hub: SmallHub) -> None:
    delayed(hub)
    kept = NoticeDelay.objects.get()
    assert kept.answered_at is not None
    for change in (
        {"until": None},
        {"until": kept.answered_at + timedelta(days=29)},
        {"answered_by": kept.asked_by},
        {"words": ""},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            NoticeDelay.objects.filter(pk=kept.pk).update(**change)


@pytest.mark.core
def test_whoever_asks_cannot_approve_and_only_the_authorising_role_may(hub: SmallHub) -> None:
    case = claimed(hub)
    delay = asked(hub, case)
    for name in ("analyst", "candidate_reviewer", "inspector", "overseer", "administrator"):
        with pytest.raises(PermissionError):
            delays.answer(delay=delay, person=hub.people[name], approve=True)
    told = Notification.objects.filter(kind="referral.notice_delay_asked").values_list("person__name", flat=True)
    assert list(told) == ["reviewer"]
    other = delays.answer(delay=delay, person=hub.people["reviewer"], approve=True)
    assert (other.approved, other.answered_role) == (True, "second_reviewer")
    assert Notification.objects.filter(person=hub.people["overseer"], kind="referral.notice_delay").exists()

    second = claimed(hub)
    mine = asked(hub, second, by="reviewer")
    with pytest.raises(PermissionError, match="somebody else has to answer"):
        delays.answer(delay=mine, person=hub.people["reviewer"], approve=True)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"reason": "convenience"}, "reason"),
        ({"words": "ok"}, "words"),
        ({"words": "x" * 2_001}, "words"),
        ({"words": "long enough \x00"}, "words"),
        ({"days": 0}, "days"),
        ({"days": 29}, "days"),
    ],
)
def test_a_request_needs_a_published_reason_words_and_an_end(
    hub: SmallHub, given: dict[str, object], field: str
) -> None:
    case = claimed(hub)
    request = {"reason": "life", "words": WORDS, "days": 7, **given}
    with pytest.raises(FormIncomplete) as refused:
        delays.ask(case=case, person=hub.people["analyst"], **request)  # type: ignore[arg-type]
    assert [one.field for one in refused.value.problems] == [field]
    with pytest.raises(PermissionError):
        delays.ask(case=case, person=hub.people["officer"], reason="life", words=WORDS, days=7)


def test_a_delay_cannot_be_asked_for_once_the_case_is_closed_nor_twice(hub: SmallHub) -> None:
    case = claimed(hub)
    asked(hub, case)
    with pytest.raises(delays.DelayRefused, match="waits for an answer already"):
        asked(hub, case)
    referral = referred(hub)
    with pytest.raises(delays.DelayRefused, match="before its referral is made"):
        asked(hub, referral.case)
    with pytest.raises(delays.DelayRefused, match="No delay runs"):
        delays.ask_again(referral=referral, person=hub.people["analyst"], reason="life", words=WORDS, days=7)


@pytest.mark.core
def test_a_request_holds_the_referral_for_an_hour_at_most_and_then_it_goes_with_the_notice(hub: SmallHub) -> None:
    with at():
        case = claimed(hub)
        asked(hub, case)
        decision = decided(hub, case)
        with pytest.raises(delays.HeldForAnswer) as held:
            services.prepare(decision_id=decision.pk)
    assert held.value.until == BEGIN + timedelta(hours=1)
    with at(minutes=59), pytest.raises(delays.HeldForAnswer):
        services.prepare(decision_id=decision.pk)
    assert not Referral.objects.exists()
    with at(hours=1):
        referral = services.prepare(decision_id=decision.pk)
    part = document(referral).user_notice
    assert part is not None
    assert part.text
    assert NoticeDelay.objects.get().lapsed_at == BEGIN + timedelta(hours=1)
    assert Entry.objects.filter(verb="user_notice.delay_lapsed").count() == 1


def test_the_job_comes_back_when_the_hour_is_over(hub: SmallHub, monkeypatch: pytest.MonkeyPatch) -> None:
    queued: list[tuple[str, int]] = []
    monkeypatch.setattr(tasks, "defer", lambda name, *, in_seconds=0, **_rest: queued.append((name, in_seconds)))
    case = claimed(hub)
    delay = asked(hub, case)
    decision = decided(hub, case)
    tasks.prepare(decision_id=str(decision.pk))
    ((name, seconds),) = queued
    assert name == "referrals.prepare"
    assert 3_500 < seconds <= 3_601
    delays.answer(delay=delay, person=hub.people["reviewer"], approve=False, words="There is no danger to anybody.")
    tasks.prepare(decision_id=str(decision.pk))
    part = document(Referral.objects.get()).user_notice
    assert part is not None
    assert part.text


def test_a_refusal_needs_reasons_and_an_answer_is_given_once(hub: SmallHub) -> None:
    delay = asked(hub, claimed(hub))
    with pytest.raises(FormIncomplete):
        delays.answer(delay=delay, person=hub.people["reviewer"], approve=False)
    delays.answer(delay=delay, person=hub.people["reviewer"], approve=False, words="There is no danger to anybody.")
    with pytest.raises(delays.DelayRefused, match="has been answered"):
        delays.answer(delay=delay, person=hub.people["reviewer"], approve=True)


@pytest.mark.core
def test_a_delay_that_is_ended_early_is_over_at_once(hub: SmallHub, platform: ToldPlatform) -> None:
    with at():
        referral = services.deliver(referral_id=delayed(hub).pk)
        again = delays.ask_again(referral=referral, person=hub.people["analyst"], reason="life", words=WORDS, days=28)
    with at(days=2):
        running = NoticeDelay.objects.get(approved=True)
        with pytest.raises(FormIncomplete):
            delays.end(delay=running, person=hub.people["analyst"], because="")
        with pytest.raises(PermissionError):
            delays.end(delay=running, person=hub.people["officer"], because="The danger has passed.")
        delays.end(delay=running, person=hub.people["analyst"], because="The danger has passed.")
        tick()
        with pytest.raises(delays.DelayRefused):
            delays.answer(delay=again, person=hub.people["reviewer"], approve=True)
        with pytest.raises(delays.DelayRefused):
            delays.end(delay=running, person=hub.people["analyst"], because="The danger has passed.")
    notice = notice_of(referral)
    assert (notice.released_because, len(platform.informed)) == ("ended", 1)
    assert (
        Entry.objects.filter(
            verb__in=("user_notice.delay_ended", "user_notice.delay_lapsed", "user_notice.released")
        ).count()
        == 3
    )


def test_words_that_a_delay_set_free_reach_a_platform_that_gets_the_referral_later(
    hub: SmallHub, platform: ToldPlatform
) -> None:
    with at():
        referral = delayed(hub, days=1)
    with at(days=2):
        tick()
        assert (platform.informed, notice_of(referral).released_because) == ([], "expired")
        services.deliver(referral_id=referral.pk)
        tick()
    assert len(platform.informed) == 1


def test_a_withdrawal_does_not_silence_the_notice_of_what_the_platform_had(
    hub: SmallHub, platform: ToldPlatform
) -> None:
    with at():
        sent, never = services.deliver(referral_id=delayed(hub, days=3).pk), delayed(hub, days=3)
        for one in (sent, never):
            withdrawals.withdraw(referral_id=one.pk, by=WithdrawnBy.REFERRER, reasons="It was wrong.", actor=ACTOR)
    with at(days=4):
        tick()
    assert notice_of(sent).reached_at is not None
    assert "has been withdrawn since" in platform.informed[0][1]
    assert notice_of(never).released_at is None  # no platform was ever asked for anything
    with pytest.raises(UserNotice.DoesNotExist):
        user_notice_queries.by_secret(notice_of(never).secret)


def test_a_failed_hand_over_is_tried_again_and_one_that_cannot_be_carried_needs_a_person_or_the_portal(
    hub: SmallHub, platform: ToldPlatform
) -> None:
    with at():
        referral = services.deliver(referral_id=delayed(hub, days=1).pk)
    with at(days=2):
        platform.failures = [channels.ChannelError("Not now.", retryable=True)]
        with pytest.raises(channels.ChannelError):
            tick()
        assert pending.undelivered_user_notices() == [notice_of(referral).pk]
        platform.failures = [channels.NotCarried("No way.")]
        tick()
        assert (
            Entry.objects.get(verb="user_notice.reached").payload["way"] == "portal"
        )  # alpha has a contact who reads here

        UserNotice.objects.update(reached_at=None)
        directory.withdraw_role(membership=hub.people["alpha_contact"].current_memberships()[0], actor=ACTOR)
        platform.failures = [channels.NotCarried("No way.")]
        tick()
        notice = notice_of(referral)
        assert (notice.by_hand, notice.reached_at) == (True, None)
        assert Notification.objects.filter(person=hub.people["analyst"], kind="referral.user_notice_by_hand").exists()
        with pytest.raises(PermissionError):
            user_notices.told_by_hand(referral=referral, person=hub.people["officer"], note="By telephone.")
        with pytest.raises(FormIncomplete):
            user_notices.told_by_hand(referral=referral, person=hub.people["analyst"], note=" ")
        user_notices.told_by_hand(referral=referral, person=hub.people["analyst"], note="By telephone.")
        with pytest.raises(user_notices.NoNotice):
            user_notices.told_by_hand(referral=referral, person=hub.people["analyst"], note="By telephone.")
    assert (notice_of(referral).by_hand, notice_of(referral).note) == (False, "By telephone.")


def test_the_overseer_reads_every_delay_and_nobody_else_does(hub: SmallHub, platform: ToldPlatform) -> None:
    referral = delayed(hub)
    assert [one.words for one in user_notice_queries.delays_for(hub.people["overseer"])] == [WORDS]
    assert queries.referral_for(person=hub.people["overseer"], referral_id=referral.pk) == referral
    for name in hub.people:
        if name != "overseer":
            assert not user_notice_queries.delays_for(hub.people[name]).exists()
    counted = dict(user_notice_queries.counted())
    assert counted["Somebody asked that a person is told later"] == 1
    assert counted["A notice to the person who posted it was made with a referral"] == 1
    assert sum(counted.values()) == 3  # asked, answered, made


@pytest.mark.core
def test_a_referral_from_before_there_were_notices_is_read_as_before(hub: SmallHub) -> None:
    referral = referred(hub)
    UserNotice.objects.all().delete()
    found = queries.referral_for(person=hub.people["analyst"], referral_id=referral.pk)
    assert user_notice_queries.for_platform(found) is None
    assert user_notice_queries.shown_on(found, person=hub.people["analyst"], inside=True, overseen=False, addressed=False) is None  # fmt: skip
    user_notices.referral_arrived(referral)


def test_every_harm_that_may_be_referred_can_be_shown_with_its_support_lines(hub: SmallHub) -> None:
    code = current_code()
    for harm in code.harms:
        assert isinstance(user_notice_queries.support_for(code.version, harm.id), tuple)
