"""The shipped detector: its figures are its own, its floors hold, and its reasons point into the post."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seawall.detect import CONTEXTS, FAMILIES, PROFILES, Detector, ModelError
from seawall.detect.bundle import SHIPPED
from seawall.detect.explain import MAX_REASONS, MAX_SENSES
from seawall.detect.glossary import Glossary
from seawall.detect.rules import SUPPORT_FIRST, TERM_ALONE
from seawall.detect.suite import fairness, shipped, told

DETECTOR = Detector.load()
DESCRIPTION = json.loads(SHIPPED.read_text())
METRICS = json.loads(SHIPPED.with_name("detector-2.metrics.json").read_text())
MANIFEST = SHIPPED.with_name("detector-2.manifest.json").read_bytes()
HELD_OUT = [next(told(case)) for case in shipped("held_out")]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_description_models_figures_and_manifest_belong_together() -> None:
    assert METRICS["description_sha256"] == digest(SHIPPED)
    assert METRICS["version"] == DESCRIPTION["version"] == DETECTOR.version
    assert METRICS["manifest_sha256"] == DESCRIPTION["manifest_sha256"] == hashlib.sha256(MANIFEST).hexdigest()
    for name, held in DESCRIPTION["sha256"].items():
        assert digest(SHIPPED.with_name(name)) == held


def test_the_manifest_pins_what_was_used_and_says_what_was_not() -> None:
    sets = {entry["set"]: entry for entry in json.loads(MANIFEST)}
    for name in ("olid_abuseval", "unhealthy", "swad", "congress_incivility", "caves", "stormfront", "germeval2025"):
        assert sets[name]["used"] == {}
        assert sets[name]["why_not"]
    folder = SHIPPED.parent.parent / "suite" / "train"
    held = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(folder.glob("*.jsonl")))).hexdigest()
    assert sets["suite"]["sha256"] == held
    assert "test" not in sets["suite"]["used"]


def test_the_models_are_small_enough_to_ship() -> None:
    names = [DESCRIPTION[kind] for kind in ("linear", "transformer", "tokenizer")]
    assert sum(SHIPPED.with_name(name).stat().st_size for name in names) < 40_000_000


ORDINARY = [
    "Lovely morning in Leeds, off to get some bread",
    "The bus was late again but the driver was kind",
    "Happy birthday to my nan, eighty today!",
    "Does anyone have a recipe for lentil soup?",
    "What a match! Three goals in ten minutes",
    "My train leaves at 10:40, see you at the station",
]


@pytest.mark.parametrize("text", ORDINARY)
@pytest.mark.parametrize("profile", PROFILES)
def test_ordinary_posts_are_not_flagged(text: str, profile: str) -> None:
    (finding,) = LOADED[profile].assess([text])
    assert finding.flags == ()
    assert finding.reasons == ()
    assert finding.assessed


LOADED = {"full": DETECTOR, "gated": Detector.load(profile="gated"), "linear": Detector.load(profile="linear")}


@pytest.fixture(scope="module")
def found() -> list:
    return DETECTOR.assess([case.text for case in HELD_OUT])


def test_reasons_point_at_the_post_as_it_was_given(found: list) -> None:
    flagged = 0
    for case, finding in zip(HELD_OUT, found, strict=True):
        flagged += bool(finding.flags)
        assert bool(finding.reasons) <= bool(finding.flags)
        for reason in finding.reasons:
            assert case.text[reason.start : reason.end] == reason.text != ""
            assert reason.family in finding.flags
            assert (reason.kind == "sense") == (reason.weight == 0.0) == bool(reason.note)
        kinds = [reason.kind for reason in finding.reasons]
        assert kinds.count("words") <= MAX_REASONS
        assert kinds.count("sense") <= MAX_SENSES
    assert flagged > 100


def test_nearly_every_flag_has_words_that_moved_it(found: list) -> None:
    flagged = [finding for finding in found if finding.flags]
    told_why = [finding for finding in flagged if any(reason.kind == "words" for reason in finding.reasons)]
    assert len(told_why) > 0.9 * len(flagged)


def test_flags_are_what_reaches_its_threshold_and_no_rule_spares(found: list) -> None:
    for finding in (each for each in found if each.assessed):
        reached = {family for family in FAMILIES if finding.families[family] >= DETECTOR.thresholds[family]}
        spared = {each.family for each in finding.withheld}
        assert set(finding.flags) == reached - spared
        assert spared <= reached
        assert list(finding.flags) == sorted(finding.flags, key=lambda name: (-finding.families[name], name))


def test_nobody_more_surely_at_risk_than_harmful_is_flagged_for_removal() -> None:
    spared = 0
    eager = Detector.load(thresholds=dict.fromkeys(FAMILIES, 0.1))  # so that the rule is needed often
    for finding in eager.assess([case.text for case in HELD_OUT if "at_risk" in case.families], reasons=False):
        if "at_risk" in finding.flags:
            others = [family for family in finding.flags if family != "at_risk"]
            assert all(finding.families[family] > finding.families["at_risk"] for family in others)
        spared += any(each.rule == SUPPORT_FIRST for each in finding.withheld)
    assert spared > 0, "the rule was never needed: this test then shows nothing"


@pytest.mark.parametrize("profile", PROFILES)
def test_a_term_alone_never_flags(profile: str) -> None:
    # An utterance, such as an acronym of a whole sentence, is no term: it says by itself what it says.
    entries = [entry for entry in Glossary.shipped().entries if not entry.utterance]
    terms = sorted({written for entry in entries for written in entry.spellings})
    assert len(terms) > 200
    for frame in ("{}", "{}!!!", "#{}", "{} {}"):
        texts = [frame.format(term, term) if frame.count("{}") == 2 else frame.format(term) for term in terms]
        for text, finding in zip(texts, LOADED[profile].assess(texts), strict=True):
            assert finding.flags == (), text


def test_the_rule_of_terms_is_what_keeps_some_terms_from_flagging() -> None:
    terms = [entry.term for entry in Glossary.shipped().entries if not entry.utterance]
    assert any(each.rule == TERM_ALONE for finding in DETECTOR.assess(terms) for each in finding.withheld)


def test_what_cannot_be_read_is_not_assessed_and_not_fine() -> None:
    texts = ["Je veux mourir et personne ne le saura", "What a lovely day for a walk"]
    french, english = DETECTOR.assess(texts)
    assert (french.assessed, french.language, french.families, french.flags) == (False, "fr", {}, ())
    assert french.nearest_context is None
    assert english.assessed


@given(st.lists(st.text(max_size=120), max_size=4))
@settings(deadline=None, max_examples=60)
def test_any_text_gets_a_finding_and_its_neighbours_do_not_matter(texts: list[str]) -> None:
    together = DETECTOR.assess(texts)
    for text, finding in zip(texts, together, strict=True):
        (alone,) = DETECTOR.assess([text])
        assert (alone.language, alone.assessed) == (finding.language, finding.assessed)
        assert alone.families.keys() == finding.families.keys()
        for family, chance in alone.families.items():
            assert chance == pytest.approx(finding.families[family], abs=2e-4)
        if finding.assessed:
            assert list(finding.families) == list(FAMILIES)
            assert list(finding.context) == list(CONTEXTS)
            assert all(0 <= chance <= 1 for chance in (*finding.families.values(), *finding.context.values()))


def test_gated_reads_some_posts_no_further_and_agrees_where_it_does() -> None:
    texts = [case.text for case in fairness()][:300]
    gated, full = LOADED["gated"].assess(texts), DETECTOR.assess(texts)
    ruled_out = [found for found in gated if found.depth == "linear"]
    assert 0 < len(ruled_out) < len(texts)
    for near, far in zip(gated, full, strict=True):
        if near.depth == "full":
            assert near.flags == far.flags


def test_thresholds_come_from_whoever_asks() -> None:
    strict = Detector.load(thresholds=dict.fromkeys(FAMILIES, 0.999999))
    assert not any(finding.flags for finding in strict.assess([case.text for case in HELD_OUT[:50]]))
    with pytest.raises(ValueError, match="thresholds name 'rude'"):
        Detector.load(thresholds={"rude": 0.5})
    with pytest.raises(ValueError, match="no profile 'half'"):
        Detector.load(profile="half")  # type: ignore[arg-type]


def test_threads_may_share_a_detector() -> None:
    texts = [case.text for case in HELD_OUT[:40]]
    expected = DETECTOR.probabilities(texts)
    results: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: results.append(DETECTOR.probabilities(texts))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert all(np.allclose(each, expected, atol=1e-9) for each in results)


def test_a_damaged_or_absent_model_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"absent\.json: there is no such detector"):
        Detector.load(tmp_path / "absent.json")
    broken = tmp_path / "detector.json"
    for text in ("{", "[]", '{"format": 1}', json.dumps({**DESCRIPTION, "blend": {}})):
        broken.write_text(text)
        with pytest.raises(ModelError, match=r"tools/train\.py"):
            Detector.load(broken)
    broken.write_text(SHIPPED.read_text())
    for name in DESCRIPTION["sha256"]:
        (tmp_path / name).write_bytes(SHIPPED.with_name(name).read_bytes())
    (tmp_path / DESCRIPTION["transformer"]).write_bytes(b"no model")
    with pytest.raises(ModelError, match="not a usable model"):
        Detector.load(broken)
    assert Detector.load(broken, profile="linear").assess(["hello"])[0].depth == "linear"


def test_no_training_library_is_needed_to_run() -> None:
    program = (
        "import sys; from seawall.detect import Detector; Detector.load().assess(['A quiet day.']);"
        "bad = {'torch', 'sklearn', 'scipy', 'django'} & set(sys.modules); sys.exit(','.join(bad) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=dict(os.environ), check=False
    )
    assert done.returncode == 0, done.stderr
