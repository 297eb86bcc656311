"""The shipped detector: the published figures are its own, and its reasons point into the post."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seawall.detect import CONTEXTS, FAMILIES, Detector
from seawall.detect.evaluate import own_figures, own_posts
from seawall.detect.pipeline import MAX_REASONS, SHIPPED

DETECTOR = Detector.load()
METRICS = json.loads(SHIPPED.with_name("linear-1.metrics.json").read_text())
MANIFEST = SHIPPED.with_name("linear-1.manifest.json").read_bytes()


def test_the_shipped_figures_are_those_of_the_shipped_model() -> None:
    assert METRICS["model_sha256"] == hashlib.sha256(SHIPPED.read_bytes()).hexdigest()
    assert METRICS["version"] == DETECTOR.version
    assert METRICS["manifest_sha256"] == hashlib.sha256(MANIFEST).hexdigest()
    measured = json.loads(json.dumps(own_figures(DETECTOR)))
    assert measured == METRICS["own_posts"]


def test_every_label_was_measured_and_every_family_has_a_threshold() -> None:
    assert (DETECTOR.families, DETECTOR.contexts) == (FAMILIES, CONTEXTS)
    assert set(METRICS["labels"]) == {*FAMILIES, *CONTEXTS}
    assert set(DETECTOR.thresholds) == set(FAMILIES)
    assert all(0 < threshold < 1 for threshold in DETECTOR.thresholds.values())


def test_the_manifest_names_what_was_left_out_for_its_terms() -> None:
    sets = {entry["set"]: entry for entry in json.loads(MANIFEST)}
    for name in ("olid_abuseval", "unhealthy", "swad", "congress_incivility", "caves", "stormfront"):
        assert sets[name]["used"] == {}
        assert sets[name]["why_not"]
    assert sets["own_posts"]["used"]["test"] == len(list(own_posts("test")))


def test_the_model_is_small_enough_to_ship() -> None:
    assert SHIPPED.stat().st_size < 5_000_000


def test_own_posts_are_sound() -> None:
    posts = list(own_posts())
    assert len({post.id for post in posts}) == len({post.text.casefold() for post in posts}) == len(posts)
    assert {family for post in posts for family in post.families} <= set(FAMILIES)
    assert {context for post in posts for context in post.context} <= set(CONTEXTS)
    share = len(list(own_posts("test"))) / len(posts)
    assert 0.28 < share < 0.34
    assert not any(post.families and post.context for post in posts)


ORDINARY = [
    "Lovely morning in Leeds, off to get some bread",
    "The bus was late again but the driver was kind",
    "Happy birthday to my nan, eighty today!",
    "Does anyone have a recipe for lentil soup?",
    "What a match! Three goals in ten minutes",
    "My train leaves at 10:40, see you at the station",
]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_posts_are_not_flagged(text: str) -> None:
    (finding,) = DETECTOR.assess([text])
    assert finding.flags == ()
    assert finding.reasons == ()


def test_reasons_point_at_words_of_the_post_as_it_was_given() -> None:
    posts = list(own_posts())
    flagged = 0
    for post, finding in zip(posts, DETECTOR.assess([post.text for post in posts]), strict=True):
        assert bool(finding.flags) == bool(finding.reasons)
        assert len(finding.reasons) <= MAX_REASONS
        flagged += bool(finding.flags)
        for reason in finding.reasons:
            assert post.text[reason.start : reason.end] == reason.text
            assert reason.text.strip()
            assert reason.family in finding.flags
            assert reason.weight > 0
            assert reason.kind == "words"
    assert flagged > 50


DISGUISES = ["k1ll y0urself", "K\u200bILL   YOURSELF", "kiiiill yourself.", "\uff4bill yours\u0435lf"]


@pytest.mark.parametrize("disguised", DISGUISES, ids=ascii)
def test_disguised_words_score_as_plain_ones_and_reasons_point_at_the_disguise(disguised: str) -> None:
    plain, seen = DETECTOR.assess(["kill yourself", disguised])
    assert "suicide_self_harm" in plain.flags
    if "iiii" not in disguised:  # a drawn-out word keeps a trace of it
        assert seen.families == plain.families
    assert "suicide_self_harm" in seen.flags
    assert any(reason.text in disguised and reason.family == "suicide_self_harm" for reason in seen.reasons)


def test_flags_are_those_at_or_above_their_threshold_surest_first() -> None:
    texts = [post.text for post in own_posts()]
    for finding in DETECTOR.assess(texts):
        expected = {family for family, odds in finding.families.items() if odds >= DETECTOR.thresholds[family]}
        assert set(finding.flags) == expected
        assert list(finding.flags) == sorted(finding.flags, key=lambda family: (-finding.families[family], family))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(st.characters(), max_size=80), max_size=4))
def test_any_text_can_be_assessed(texts: list[str]) -> None:
    findings = DETECTOR.assess(texts)
    assert len(findings) == len(texts)
    for finding in findings:
        assert all(0 <= odds <= 1 for odds in (*finding.families.values(), *finding.context.values()))


def test_another_process_says_the_same() -> None:
    texts = [post.text for post in own_posts("test")]
    code = (
        "import sys, json; from seawall.detect import Detector;"
        "print(json.dumps([f.families for f in Detector.load().assess(json.load(sys.stdin))]))"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "7"}
    done = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(texts), env=env, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [finding.families for finding in DETECTOR.assess(texts)]


def test_the_detector_is_pure() -> None:
    code = (
        "import sys; from seawall.detect import Detector; Detector.load().assess(['hello']);"
        "print(','.join(m for m in ('django', 'sklearn', 'scipy', 'pyarrow') if m in sys.modules))"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "\n", "")
