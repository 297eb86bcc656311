"""How the platforms behave: always the same for the same post, each in its own character."""

import datetime as dt
from collections import Counter
from dataclasses import replace
from statistics import median

import pytest
from tests.channels.samples import LEGAL, SENT_AT, TERM, document
from tests.sandbox.support import outcome_of

from seawall.sandbox import PROFILES
from seawall.sandbox import profiles as behaviour

POSTS = 600


def outcomes(platform: str, **changes: object) -> Counter[str]:
    return Counter(
        outcome_of(platform, document(platform=platform, native_id=f"n{number}", **changes)) for number in range(POSTS)
    )


def share(platform: str, outcome: str, **changes: object) -> float:
    return outcomes(platform, **changes)[outcome] / POSTS


def test_same_post_is_always_treated_the_same() -> None:
    for platform in PROFILES:
        first, second = (document(platform=platform, native_id="one") for _ in range(2))
        assert first.referral_id != second.referral_id
        profile = PROFILES[platform]
        assert behaviour.after_receipt(profile, first, SENT_AT) == behaviour.after_receipt(profile, second, SENT_AT)
    # Fixed once and for all: a change here changes every demonstration.
    assert behaviour.draw("harbour", "p1", "silent") == 0.11695406322102997


def test_platforms_differ_as_they_say() -> None:
    assert share("harbour", "actioned") > 0.6
    assert share("kestrel", "refused") > 0.35
    assert share("driftwood", "asked") > 0.5
    assert share("saltmarsh", "silent") > 0.6
    assert share("saltmarsh", "false claim") > 0.02
    assert outcomes("harbour")["false claim"] == 0
    assert share("driftwood", "reappears") > 0.005
    assert 0 < share("kestrel", "disputed") < 0.1
    assert all(share(platform, "disputed") == 0 for platform in PROFILES if platform != "kestrel")


@pytest.mark.parametrize("platform", list(PROFILES))
def test_advice_is_refused_more_often_than_a_notice(platform: str) -> None:
    notice = share(platform, "refused", kind="notice_of_illegality", grounds={"legal": [LEGAL], "term": TERM})
    assert notice < share(platform, "refused")


@pytest.mark.parametrize(
    ("asked_for", "done"), [("demote", "demoted"), ("label", "labelled"), ("restrict_age", "restricted")]
)
def test_platform_does_what_is_asked_for(asked_for: str, done: str) -> None:
    made = document(requested_action=asked_for)
    assert behaviour.action(PROFILES["harbour"], made) == done


def test_draws_are_spread_evenly_and_delays_around_their_median() -> None:
    draws = [behaviour.draw("harbour", f"n{number}", "x") for number in range(2_000)]
    assert all(0 <= value < 1 for value in draws)
    assert all(150 < sum(tenth / 10 <= value < (tenth + 1) / 10 for value in draws) < 250 for tenth in range(10))
    delay = behaviour.Delay(3_600, 1.0)
    seconds = [behaviour.wait(delay, "harbour", f"n{number}", "x").total_seconds() for number in range(2_000)]
    assert 3_300 < median(seconds) < 3_900
    assert min(seconds) >= 5
    assert max(seconds) <= 30 * 86_400


def test_dispute_comes_between_reading_and_refusing_and_moves_neither() -> None:
    calm = replace(PROFILES["kestrel"], disputes=0.0)
    found = 0
    for number in range(POSTS):
        made = document(platform="kestrel", native_id=f"n{number}")
        steps = behaviour.after_receipt(PROFILES["kestrel"], made, SENT_AT)
        assert [step for step in steps if step.kind != "dispute"] == behaviour.after_receipt(calm, made, SENT_AT)
        if "dispute" in [step.kind for step in steps]:
            assert [step.kind for step in steps] == ["queue", "process", "dispute", "decide"]
            assert steps[1].due_at < steps[2].due_at < steps[3].due_at
            assert not behaviour.accepts(PROFILES["kestrel"], made)
            found += 1
    assert found


def test_question_is_followed_by_giving_up_after_seven_days() -> None:
    for number in range(POSTS):
        made = document(platform="driftwood", native_id=f"n{number}")
        steps = behaviour.after_receipt(PROFILES["driftwood"], made, SENT_AT)
        if "ask" in [step.kind for step in steps]:
            assert steps[2].kind == "give_up"
            assert steps[2].due_at - steps[1].due_at == dt.timedelta(days=7)
            return
    pytest.fail("driftwood asked about nothing")
