"""`seawall calibrate`: what it fits and measures, what it leaves alone, what it writes, and how it ends."""

from __future__ import annotations

import hashlib
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from tests.support.policy_server import PolicyServer, completion, fair, families_asked, policy_server
from tests.support.small_models import small_model

from seawall.commands.calibrate import calibrate, fit, halves, log_loss
from seawall.detect.calibration import Calibration
from seawall.detect.scorer import Judgement
from seawall.detect.suite import read_suite
from seawall.hub.practice.definitions import definitions_of
from seawall.hub.practice.loading import CODES, DEFAULT_CODE, load_code

#: Words by how likely abuse is with them; the model below is three times as sure as it should be.
ODDS = {f"word{letter}": odds for letter, odds in zip("abcdefgh", np.linspace(-3, 3, 8), strict=True)}


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEAWALL_MODEL_KEY", raising=False)


def model(folder: Path, times: float = 3.0, labels: Sequence[str | None] = ("abuse", "hate")) -> str:
    return f"onnx:{small_model(folder, {word: (times * odds, 1.0) for word, odds in ODDS.items()}, bias=(0.0, 0.0), labels=labels)}"


def rows(each: int = 60) -> list[dict[str, Any]]:
    """So many texts with each word, of which as many are abuse as the word's odds say."""
    found: list[dict[str, Any]] = []
    for word, odds in ODDS.items():
        true = round(each / (1 + math.exp(-odds)))
        found += [
            {"id": f"{word}-{at}", "text": f"{word} {'x' * (at + 1)}", "families": ["abuse"] if at < true else []}
            for at in range(each)
        ]
    return found


def suite(folder: Path, lines: Sequence[dict[str, Any]] | None = None) -> Path:
    path = folder / "suite.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in (rows() if lines is None else lines)))
    return path


def call(*arguments: object) -> Result:
    return CliRunner().invoke(calibrate, [str(argument) for argument in arguments])


def test_scores_are_fitted_on_half_and_measured_on_the_other(tmp_path: Path) -> None:
    uri, cases, out = model(tmp_path / "m"), suite(tmp_path), tmp_path / "m.json"
    done = call(uri, cases, "--out", out)
    assert done.exit_code == 0, done.stderr
    held = json.loads(out.read_text())
    slope, offset = held["labels"]["abuse"]
    assert 0.25 < slope < 0.42  # the model was three times too sure
    assert abs(offset) < 0.5
    measured = held["about"]["measured"]["abuse"]
    assert measured["ece"]["after"] < 0.08 < 0.1 < measured["ece"]["before"]
    assert measured["log_loss"]["after"] < measured["log_loss"]["before"] / 1.5
    assert measured["fitted_on"]["texts"] == measured["measured_on"]["texts"] == 240
    assert measured["fitted_on"]["true"] + measured["measured_on"]["true"] == 240
    assert f"{measured['ece']['before']:.3f}" in done.stdout
    assert "240 (" in done.stdout
    calibration = Calibration.read(out)
    assert calibration.odds("abuse", np.array([3.0]))[0] == pytest.approx(slope * 3 + offset)
    assert calibration.odds("hate", np.array([3.0]))[0] == 3.0


def test_the_file_says_how_it_was_made(tmp_path: Path) -> None:
    uri, cases, out = model(tmp_path / "m"), suite(tmp_path), tmp_path / "m.json"
    assert call(uri, cases, "--out", out).exit_code == 0
    about = json.loads(out.read_text())["about"]
    assert about["model"].startswith("m:")
    assert about["suite"] == "suite.jsonl"
    assert about["suite_sha256"] == hashlib.sha256(cases.read_bytes()).hexdigest()
    assert about["n"] == 480
    assert about["unanswered"] == 0
    assert datetime.fromisoformat(about["made_at"]).utcoffset() is not None
    assert about["not_calibrated"] == {"hate": "0 texts of it and 480 of others, where 20 of each are needed"}


def test_the_same_suite_gives_the_same_fit_in_any_order(tmp_path: Path) -> None:
    uri = model(tmp_path / "m")
    found = []
    for at, lines in enumerate((rows(), rows()[::-1])):
        out = tmp_path / f"{at}.json"
        assert call(uri, suite(tmp_path, lines), "--out", out).exit_code == 0
        found.append(json.loads(out.read_text())["labels"]["abuse"])
    assert found[0] == pytest.approx(found[1])


def test_a_pair_is_never_split(tmp_path: Path) -> None:
    lines = [{"text": f"text {at}", "pair": f"p{at // 3}", "families": []} for at in range(90)]
    cases = list(read_suite(suite(tmp_path, lines)))
    first = halves(cases)
    sides = [
        {case.pair for case, mine in zip(cases, first, strict=True) if mine is wanted}
        for wanted in (np.True_, np.False_)
    ]
    assert len(sides[0]) == len(sides[1]) == 15
    assert not sides[0] & sides[1]


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (rows(6)[:39], "abuse is not calibrated: 16 texts of it and 23 of others, where 20 of each are needed"),
        (
            [row | {"pair": "one"} for row in rows()],
            "abuse is not calibrated: its texts stand in too few pairs to be split in halves",
        ),
        (
            [row | {"judged": ["hate"], "families": []} for row in rows()],
            "abuse is not calibrated: 0 texts of it and 0 of others",
        ),
        (
            [row | {"families": [] if row["families"] else ["abuse"]} for row in rows()],
            "abuse is not calibrated: its scores do not rise with the harm",
        ),
    ],
)
def test_a_label_that_the_suite_cannot_bear_is_named_and_nothing_is_written(
    tmp_path: Path, lines: list[dict[str, Any]], why: str
) -> None:
    out = tmp_path / "m.json"
    done = call(model(tmp_path / "m"), suite(tmp_path, lines), "--out", out)
    assert done.exit_code == 1
    assert why in done.stdout
    assert "No label was calibrated. Nothing was written." in done.stderr
    assert not out.exists()


def test_a_fit_that_betters_nothing_is_left_out(tmp_path: Path) -> None:
    """In the half that is fitted on the harm is rare, in the other it is as likely as the scores say."""
    cases = list(read_suite(suite(tmp_path, [{"text": f"text {at}", "families": []} for at in range(400)])))
    odds = np.tile([-0.1, 0.1], 200)
    rare = halves(cases)
    true = [at % 20 == 1 if rare[at] else at % 4 in (1, 2) for at in range(400)]
    told = [replace(case, families=("abuse",) if harm else ()) for case, harm in zip(cases, true, strict=True)]
    fits, left = fit(["abuse"], Judgement(scores=odds[:, None], degraded=np.zeros(400, bool)), told)
    assert fits == {}
    assert left["abuse"].startswith("the fit does not better it (log loss 0.6")


def test_log_loss_is_the_mean_surprise() -> None:
    odds = np.log(np.array([0.9 / 0.1, 0.2 / 0.8]))
    assert log_loss(np.array([True, False]), odds) == pytest.approx(-(math.log(0.9) + math.log(0.8)) / 2)
    assert log_loss(np.array([False]), np.array([800.0])) == 800


def test_templates_are_told_of_a_group(tmp_path: Path) -> None:
    lines = [row | {"text": f"{row['text']} {{GROUP}}", "template": True} for row in rows()]
    out = tmp_path / "m.json"
    assert call(model(tmp_path / "m"), suite(tmp_path, lines), "--out", out).exit_code == 0
    assert json.loads(out.read_text())["about"]["n"] == 480


def test_contexts_are_calibrated_too(tmp_path: Path) -> None:
    lines = [{"text": row["text"], "families": [], "context": ["news"] if row["families"] else []} for row in rows()]
    out = tmp_path / "m.json"
    assert call(model(tmp_path / "m", labels=("news", None)), suite(tmp_path, lines), "--out", out).exit_code == 0
    assert list(json.loads(out.read_text())["labels"]) == ["news"]


def test_an_earlier_file_stands_until_a_new_one_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "m.json"
    out.write_text("earlier")
    assert call(model(tmp_path / "m"), suite(tmp_path, rows(2)), "--out", out).exit_code == 1
    assert out.read_text() == "earlier"
    assert call(model(tmp_path / "m"), suite(tmp_path), "--out", out).exit_code == 0
    assert set(Calibration.read(out).by_label) == {"abuse"}
    assert not list(tmp_path.glob(".*"))


# How it ends when something is wrong


def test_a_model_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    done = call("onnx:/nowhere", suite(tmp_path), "--out", tmp_path / "m.json")
    assert done.exit_code == 1
    assert (
        done.stderr == "/nowhere: there is no such file or folder; check the path after onnx:. Nothing was written.\n"
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "suite.jsonl: cannot be read"),
        ("", "suite.jsonl: holds no case"),
        ('{"text": "a", "families": []}\n{"text": 3, "families": []}\n', "suite.jsonl, line 2: text must be words"),
    ],
)
def test_a_suite_that_cannot_be_used_is_told_with_its_line(tmp_path: Path, content: str | None, told: str) -> None:
    path = tmp_path / "suite.jsonl"
    if content is not None:
        path.write_text(content)
    done = call(model(tmp_path / "m"), path, "--out", tmp_path / "m.json")
    assert done.exit_code == 2
    assert told in done.stderr


def test_a_suite_that_is_no_file_is_told(tmp_path: Path) -> None:
    done = call(model(tmp_path / "m"), tmp_path, "--out", tmp_path / "m.json")
    assert done.exit_code == 2
    assert f"{tmp_path}: is no file" in done.stderr


def test_a_code_of_practice_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    done = call(model(tmp_path / "m"), suite(tmp_path), "--out", tmp_path / "m.json", "--code", tmp_path / "code")
    assert done.exit_code == 2
    assert "code.yaml" in done.stderr


def test_where_the_file_cannot_be_written_is_told_before_the_work(tmp_path: Path) -> None:
    for out in (tmp_path / "no" / "m.json", tmp_path):
        done = call("onnx:/never/opened", suite(tmp_path), "--out", out)
        assert done.exit_code == 1
        assert f"{out}: cannot be written (" in done.stderr


# A policy model


@pytest.fixture
def server() -> Iterator[PolicyServer]:
    with policy_server() as running:
        yield running


def policy_rows() -> list[dict[str, Any]]:
    """Thirty posts that name abuse and are mostly so, and thirty that do not."""
    named = [{"text": f"abuse {'x' * at}", "families": ["abuse"] if at % 3 else []} for at in range(1, 31)]
    return named + [{"text": f"calm {'x' * at}", "families": []} for at in range(1, 31)]


def test_a_policy_model_is_asked_by_the_code_of_practice(tmp_path: Path, server: PolicyServer) -> None:
    out = tmp_path / "m.json"
    done = call(server.uri(), suite(tmp_path, policy_rows()), "--out", out, "--concurrency", 2)
    assert done.exit_code == 0, done.stderr
    assert server.most <= 2
    told = server.requests[0][1]["messages"][0]["content"]
    for definition in definitions_of(load_code(CODES / DEFAULT_CODE)).values():
        assert definition in told
    assert json.loads(out.read_text())["about"]["model"].startswith("small-policy:")


def test_texts_without_an_answer_are_left_out_and_said(tmp_path: Path, server: PolicyServer) -> None:
    server.behaviours["calm xxx"] = lambda server, post, families: (
        200,
        completion("No." if post in ("calm xxx", "calm xxxx") else fair(post, families)),
        {},
    )
    out = tmp_path / "m.json"
    done = call(server.uri(), suite(tmp_path, policy_rows()), "--out", out)
    assert done.exit_code == 0, done.stderr
    assert "judged 60 texts; 2 had no answer (the answer was not JSON alone: 2) and are left out." in done.stdout
    about = json.loads(out.read_text())["about"]
    assert (about["n"], about["unanswered"]) == (58, 2)


def test_a_model_that_answers_nothing_is_told(tmp_path: Path, server: PolicyServer) -> None:
    server.behaviours[""] = lambda *_: (200, completion("No."), {})
    done = call(server.uri(), suite(tmp_path, policy_rows()), "--out", tmp_path / "m.json")
    assert done.exit_code == 1
    assert "answered for none of 60 texts (the answer was not JSON alone: 60). Nothing was written." in done.stderr


def test_a_code_of_one_s_own_decides_what_is_asked(tmp_path: Path, server: PolicyServer) -> None:
    folder = tmp_path / "ours"
    folder.mkdir()
    for file in (CODES / DEFAULT_CODE).iterdir():
        text = file.read_text()
        if file.name == "code.yaml":
            text = text.replace(f"id: {DEFAULT_CODE}", "id: ours")
        (folder / file.name).write_text(
            text.replace("Repeated abuse of one person", "Repeated unkindness to one person")
        )
    assert (
        call(server.uri(), suite(tmp_path, policy_rows()), "--out", tmp_path / "m.json", "--code", folder).exit_code
        == 0
    )
    assert "Repeated unkindness to one person" in server.requests[0][1]["messages"][0]["content"]
    assert "abuse" in families_asked(server.requests[0][1])


def test_ctrl_c_ends_it_at_once_and_writes_nothing(tmp_path: Path, server: PolicyServer) -> None:
    asked = server.release
    server.before = asked.wait
    out = tmp_path / "m.json"
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "seawall",
            "calibrate",
            server.uri(),
            str(suite(tmp_path, policy_rows())),
            "--out",
            str(out),
        ],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": "src"},
    )
    try:
        while not server.requests:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert told == "Stopped; nothing was written.\n"
    assert not out.exists()
