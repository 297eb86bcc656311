"""`seawall evaluate`: what it prints and writes, what it keeps to itself, and its exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from click.testing import CliRunner, Result
from tests.support.judged import Scripted, finding, unread
from tests.support.small_models import small_model

from seawall.cli import cli
from seawall.commands import detectors
from seawall.commands import evaluate as command
from seawall.commands.detectors import thresholds_of
from seawall.commands.evaluate_report import PIPE_WIDTH
from seawall.detect import FAMILIES, ModelError
from seawall.detect.bundle import LABELS
from seawall.detect.calibration import Calibration
from seawall.detect.evaluation import chances_of, evaluate_cases
from seawall.detect.pipeline import Detector, Finding
from seawall.detect.suite import GROUPS, read_suite, shipped, told

POSTS: list[tuple[dict[str, Any], Finding]] = [
    (
        {
            "id": "h1",
            "pair": "p1",
            "subject": "hate",
            "functionality": "a_slur",
            "text": "zebra one",
            "families": ["hate"],
        },
        finding("hate"),
    ),
    (
        {
            "id": "n1",
            "pair": "p1",
            "subject": "hate",
            "functionality": "a_slur",
            "text": "zebra two",
            "families": [],
            "context": ["news"],
        },
        finding("hate", context="news"),
    ),
    (
        {
            "id": "h2",
            "pair": "p2",
            "subject": "abuse",
            "functionality": "a_jibe",
            "text": "zebra three",
            "families": ["abuse"],
        },
        finding("abuse"),
    ),
    (
        {"id": "n2", "pair": "p2", "subject": "abuse", "functionality": "a_jibe", "text": "zebra four", "families": []},
        finding(),
    ),
    ({"id": "r1", "pair": "p3", "text": "zebra five", "families": ["at_risk"]}, finding("at_risk")),
    ({"id": "x1", "pair": "p3", "text": "zebra six", "families": ["abuse"]}, unread("fr")),
]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """A scripted detector stands where the shipped one would; the options it was asked for are kept."""
    calls: list[dict[str, Any]] = []

    def scripted(**options: Any) -> Scripted:
        calls.append(options)
        return Scripted({row["text"]: found for row, found in POSTS})

    monkeypatch.setattr(command, "detector_for", scripted)
    return calls


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    return written(tmp_path / "suite.jsonl", [row for row, _ in POSTS])


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


def call(*arguments: object) -> Result:
    return CliRunner().invoke(command.evaluate, [str(argument) for argument in arguments])


def ran(*arguments: object) -> Any:
    """The JSON that the command writes; nothing else may stand on standard output."""
    result = call(*arguments, "--json", "-")
    assert result.exit_code in (0, 3), result.stderr
    return orjson.loads(result.stdout)


@pytest.mark.usefixtures("asked")
def test_the_tables_hold_the_figures_and_fit_eighty_columns(suite: Path) -> None:
    result = call(suite)
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    assert lines[0] == "6 cases in 3 pairs, by scripted-1 (full)"
    assert max(len(line) for line in lines if str(suite) not in line) <= 80
    table = {line[:36].strip(): line[36:].split() for line in lines}
    assert table["harmful, flagged as a harm it holds"] == ["66.7%", "20.8-93.9", "2", "of", "3"]
    assert table["protected, flagged as a harm"] == ["33.3%", "6.1-79.2", "1", "of", "3"]
    assert table["at risk, found"] == ["100.0%", "20.7-100.0", "1", "of", "1"]
    assert table["pairs wholly right"] == ["33.3%", "6.1-79.2", "1", "of", "3"]
    assert table["not assessed"] == ["16.7%", "3.0-56.4", "1", "of", "6"]
    rows = [line.split() for line in lines]
    assert rows.index(["a_slur", "2", "50%", "0/1", "1/1"]) < rows.index(["a_jibe", "2", "100%", "0/1", "0/1"])
    assert ["fr", "1"] in rows
    assert "\x1b" not in result.stdout


@pytest.mark.usefixtures("asked")
def test_no_post_is_printed_or_written_unless_errors_are_asked_for(suite: Path, tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    result = call(suite, "--json", out)
    assert "zebra" not in result.output + out.read_text()


@pytest.mark.usefixtures("asked")
def test_errors_are_shown_with_a_warning_and_cut_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = "zebra\x1b[31m \n" + "and on " * 30
    rows = [
        {"id": "sure", "text": long, "families": []},
        {"id": "less", "text": "zebra less sure", "families": ["hate"]},
        {"id": "right", "text": "zebra right", "families": []},
    ]
    answers = {long: finding("hate", "abuse"), "zebra less sure": finding(chances={"hate": 0.3})}
    monkeypatch.setattr(command, "detector_for", lambda **_: Scripted(answers))
    result = call(written(tmp_path / "suite.jsonl", rows), "--show-errors", "5")
    lines = result.stdout.splitlines()
    at = next(at for at, line in enumerate(lines) if line.startswith("WARNING"))
    shown = lines[at + 2 :]
    assert shown[0] == "sure: is harmless; flagged hate, abuse"
    assert shown[1].startswith("zebra\N{REPLACEMENT CHARACTER}[31m and on and on")
    assert len(shown[1]) == 80
    assert shown[1].endswith("…")
    assert shown[3:] == ["less: is hate; flagged nothing", "zebra less sure"]
    assert "\x1b" not in result.stdout
    one = call(tmp_path / "suite.jsonl", "--show-errors", "1")
    assert "sure:" in one.stdout
    assert "less:" not in one.stdout


@pytest.mark.usefixtures("asked")
def test_where_nothing_is_wrong_no_error_is_shown(tmp_path: Path) -> None:
    result = call(written(tmp_path / "s.jsonl", [{"text": "fine", "families": []}]), "--show-errors", "3")
    assert result.stdout.endswith("No post was judged wrongly.\n")


@pytest.mark.usefixtures("asked")
def test_json_holds_every_figure_as_it_was_computed(suite: Path, tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    assert call(suite, "--json", out, "--fail-under", "auroc=0.1").exit_code == 0
    held = orjson.loads(out.read_bytes())
    cases, findings = list(read_suite(suite)), [found for _, found in POSTS]
    assert held["figures"] == evaluate_cases(cases, findings, chances_of(findings), seed=1)
    assert held["suites"] == [{"suite": str(suite), "cases": 6}]
    assert held["detector"] == "scripted-1"
    assert held["peers"] is None
    assert [each["name"] for each in held["held"]] == ["auroc"]
    assert sorted(tmp_path.iterdir()) == [out, suite]
    assert ran(suite, "--fail-under", "auroc=0.1") == held


def test_options_reach_the_detector(suite: Path, asked: list[dict[str, Any]]) -> None:
    assert call(suite).exit_code == 0
    options = ["--profile", "linear", "--threshold", "hate=0.4", "--threshold", "abuse=1"]
    assert call(suite, *options, "--model", "onnx:here", "--calibration", "there.json").exit_code == 0
    assert asked == [
        {"profile": "full", "thresholds": thresholds_of(), "model": None, "calibration": None},
        {
            "profile": "linear",
            "thresholds": {**thresholds_of(), "hate": 0.4, "abuse": 1.0},
            "model": "onnx:here",
            "calibration": Path("there.json"),
        },
    ]


@pytest.mark.parametrize(
    ("limits", "code", "said"),
    [
        (["harmful_flagged=0.66", "protected_flagged=0.34"], 0, ""),
        (["harmful_flagged=0.67"], 3, "Missed: harmful_flagged.\n"),
        (
            ["protected_flagged=0.33", "auroc=0", "degraded=0", "macro_f1=1"],
            3,
            "Missed: protected_flagged, macro_f1.\n",
        ),
        (["gap_protected=1"], 3, "Missed: gap_protected.\n"),
    ],
)
@pytest.mark.usefixtures("asked")
def test_a_missed_limit_ends_with_three(suite: Path, limits: list[str], code: int, said: str) -> None:
    result = call(suite, *(part for limit in limits for part in ("--fail-under", limit)))
    assert (result.exit_code, result.stderr) == (code, said)
    rows = [line.split() for line in result.stdout.splitlines()]
    assert sum("MISSED" in row for row in rows) == (said.count(",") + 1 if said else 0)


@pytest.mark.usefixtures("asked")
def test_a_plain_file_of_texts_and_families_is_enough(tmp_path: Path) -> None:
    rows = [{"text": "zebra one", "families": ["hate"], "judged": ["hate"]}, {"text": "other", "families": []}]
    result = call(written(tmp_path / "plain.jsonl", rows))
    assert result.exit_code == 0
    assert result.stdout.startswith("2 cases, by scripted-1 (full)\n")
    for absent in ("Functionalities", "context", "Groups", "Side by side", "Limits"):
        assert absent not in result.stdout


@pytest.mark.usefixtures("asked")
def test_lines_of_two_files_make_no_pair_by_their_numbers(tmp_path: Path) -> None:
    one = written(tmp_path / "one.jsonl", [{"text": "a", "families": []}, {"text": "b", "families": []}])
    two = written(tmp_path / "two.jsonl", [{"text": "c", "families": []}, {"text": "d", "families": []}])
    figures = ran(one, two)["figures"]
    assert (figures["n"], figures["pairs"], figures["pairs_right"]["n"]) == (4, 4, 0)


@pytest.mark.usefixtures("asked")
def test_templates_are_told_of_as_many_groups_as_asked(tmp_path: Path) -> None:
    rows = [{"id": "t", "text": "no {GROUP}", "families": [], "template": True}, {"text": "x", "families": []}]
    path = written(tmp_path / "suite.jsonl", rows)
    assert ran(path)["figures"]["n"] == 5
    held = ran(path, "--groups", len(GROUPS))["figures"]
    assert held["n"] == len(GROUPS) + 1
    assert {each["group"] for each in held["by_group"]["groups"]} == {several for several, *_ in GROUPS}
    assert "each template told of 1 group\n" in call(path, "--groups", 1).stdout


@pytest.mark.usefixtures("asked")
def test_without_a_suite_the_held_out_part_is_taken() -> None:
    held = ran()
    written = shipped("held_out")
    assert held["suites"] == [{"suite": command.SHIPPED, "cases": len(written)}]
    assert held["figures"]["n"] == sum(len(list(told(case, 4))) for case in written)


@pytest.mark.usefixtures("asked")
def test_a_copy_without_the_held_out_part_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "shipped", lambda _: [])
    result = call()
    assert (result.exit_code, "does not come with this copy of Seawall; name a suite file" in result.stderr) == (
        2,
        True,
    )


@pytest.mark.usefixtures("asked")
def test_peers_stand_beside_seawall_on_the_same_rows(suite: Path, tmp_path: Path) -> None:
    for name, words in (("a.txt", "one\nthree\n88\n"), ("b.txt", "zebra\n"), ("c.txt", "six\n")):
        (tmp_path / name).write_text(words)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.txt").write_text("two\n")
    specs = [f"lexicon:{tmp_path / name}" for name in ("a.txt", "b.txt", "c.txt", "more/a.txt")]
    result = call(suite, "--json", tmp_path / "o.json", *(part for spec in specs for part in ("--peer", spec)))
    assert result.exit_code == 0
    assert result.stderr == "a.txt: 1 term is left out, being nothing but numbers, addresses or punctuation.\n"
    held = orjson.loads((tmp_path / "o.json").read_bytes())["peers"]
    assert held["n"] == 6
    assert list(held["systems"]) == ["seawall", "a.txt", "b.txt", "c.txt", specs[-1]]
    shares = {
        name: (each["harmful_flagged"]["count"], each["protected_flagged"]["count"])
        for name, each in held["systems"].items()
    }
    assert shares == {"seawall": (2, 1), "a.txt": (2, 0), "b.txt": (3, 3), "c.txt": (1, 0), specs[-1]: (0, 1)}
    assert held["systems"]["b.txt"]["auroc"]["value"] == 0.5
    assert result.stdout.count("Side by side on the same 6 posts") == 2


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", "line 2: not a JSON object"),
        ('{"text": "x"}', "line 2: the field 'families' is missing; every case needs text and families"),
        ('{"text": "x", "families": ["rude"]}', "line 2: families has 'rude', which is not one of"),
        ('{"text": 7, "families": []}', "line 2: text must be words"),
        ('{"text": "\\ud800", "families": []}', "line 2: not a JSON object"),
        ("\xff", "line 2: not a JSON object"),
    ],
)
def test_rubbish_is_told_with_file_and_line(tmp_path: Path, line: str, complaint: str) -> None:
    path = tmp_path / "suite.jsonl"
    path.write_bytes(b'{"text": "fine", "families": []}\n' + line.encode("latin-1") + b"\n")
    result = call(path)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{path}, {complaint}")
    assert result.stdout == ""


@pytest.mark.usefixtures("asked")
def test_files_and_peers_that_cannot_be_used_end_with_two(tmp_path: Path, suite: Path) -> None:
    assert "cannot be read" in call(tmp_path / "absent.jsonl").stderr
    (tmp_path / "empty.jsonl").write_bytes(b"")
    assert "holds no case" in call(tmp_path / "empty.jsonl").stderr
    for arguments in (
        (tmp_path / "absent.jsonl",),
        (tmp_path / "empty.jsonl",),
        (suite, "--peer", "lexicon:absent.txt"),
        (suite, "--peer", "unheard-of"),
        (tmp_path,),
    ):
        assert call(*arguments).exit_code == 2


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--threshold", "rude=0.5"], "names no family"),
        (["--threshold", "hate"], "names no family"),
        (["--threshold", "hate=2"], "no number from 0 to 1"),
        (["--fail-under", "beauty=0.5"], "names no figure that can be held"),
        (["--fail-under", "auroc=much"], "no number from 0 to 1"),
        (["--calibration", "x.json"], "belongs to a --model"),
        (["--profile", "half"], "is not one of"),
        (["--groups", "0"], "not in the range"),
        (["--json", "/absent/folder/o.json"], "make it first"),
    ],
)
@pytest.mark.usefixtures("asked")
def test_wrong_options_are_refused(suite: Path, options: list[str], complaint: str) -> None:
    result = call(suite, *options)
    assert result.exit_code == 2
    assert complaint in " ".join(result.stderr.split())


@pytest.mark.usefixtures("asked")
def test_figures_that_cannot_be_written_end_with_one_and_are_still_printed(suite: Path, tmp_path: Path) -> None:
    result = call(suite, "--json", "/dev/full")
    assert result.exit_code == 1
    assert result.stderr == "/dev/full: the figures cannot be written (No space left on device); name another place.\n"
    assert "pairs wholly right" in result.stdout
    result = call(suite, "--json", tmp_path)
    assert (result.exit_code, "Is a directory" in result.stderr) == (1, True)


def test_a_model_that_cannot_be_used_ends_with_one(suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise ModelError("model.onnx: there is no such model file; install the package again")

    monkeypatch.setattr(command, "detector_for", fail)
    result = call(suite)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "model.onnx: there is no such model file; install the package again.\n"


def test_stopping_leaves_nothing(suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped(Scripted):
        def assess(self, *_: object, **__: object) -> list[Finding]:
            raise KeyboardInterrupt

    monkeypatch.setattr(command, "detector_for", lambda **_: Stopped())
    result = call(suite, "--json", tmp_path / "o.json")
    assert (result.exit_code, result.stdout) == (130, "")
    assert "Stopped; nothing was written." in result.stderr
    assert list(tmp_path.iterdir()) == [suite]


def test_many_posts_go_through_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    detector = Scripted()
    monkeypatch.setattr(command, "detector_for", lambda **_: detector)
    path = written(tmp_path / "many.jsonl", [{"text": f"post {at}", "families": []} for at in range(300)])
    assert ran(path)["figures"]["protected_flagged"]["removal"]["n"] == 300
    assert detector.batches == [128, 128, 44]


@pytest.mark.usefixtures("asked")
def test_a_long_name_is_neither_cut_nor_broken_in_a_pipe(tmp_path: Path) -> None:
    name = "a_very_long_functionality_name_" * 6
    path = written(tmp_path / "s.jsonl", [{"text": "x", "families": [], "functionality": name}])
    result = call(path)
    assert len(name) < PIPE_WIDTH
    assert any(line.startswith(f"{name} ") for line in result.stdout.splitlines())


@pytest.mark.usefixtures("asked")
def test_control_characters_of_a_suite_do_not_reach_the_terminal(tmp_path: Path) -> None:
    path = written(tmp_path / "s.jsonl", [{"text": "x", "families": ["hate"], "functionality": "a\x1b[2Jb\x07"}])
    result = call(path, "--show-errors", 1)
    assert "a\N{REPLACEMENT CHARACTER}[2Jb\N{REPLACEMENT CHARACTER}" in result.stdout
    assert "\x1b" not in result.stdout


def test_an_operators_model_is_opened_calibrated_and_handed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = small_model(tmp_path / "model", {"zebra": [2.0]}, bias=[-1.0], labels=["hate"])
    Calibration({"hate": (2.0, 0.5)}).save(tmp_path / "calibration.json", {})
    given: dict[str, Any] = {}
    monkeypatch.setattr(Detector, "load", classmethod(lambda _, **options: given.update(options)))
    detectors.detector_for(
        profile="gated", thresholds={"hate": 0.3}, model=f"onnx:{folder}", calibration=tmp_path / "calibration.json"
    )
    scorer, calibration = given["own"]
    assert scorer.labels == ("hate",)
    assert scorer.judge(["a zebra", "a horse"]).scores[:, 0] == pytest.approx([1.0, -1.0])
    assert calibration.odds("hate", np.array([1.0])).tolist() == [2.5]
    assert (given["profile"], given["thresholds"]) == ("gated", {"hate": 0.3})
    detectors.detector_for(model=f"onnx:{folder}")
    assert given["own"][1] == Calibration({})
    detectors.detector_for()
    assert given["own"] is None
    with pytest.raises(ModelError, match="write one with: seawall calibrate"):
        detectors.detector_for(model=f"onnx:{folder}", calibration=tmp_path / "absent.json")
    with pytest.raises(ModelError, match="begins no URI of a model"):
        detectors.detector_for(model="nothing")


def test_the_command_is_listed_and_its_help_names_what_can_be_held() -> None:
    assert "evaluate" in CliRunner().invoke(cli, ["--help"]).stdout
    shown = CliRunner().invoke(cli, ["evaluate", "--help"]).stdout
    for part in (
        "\n    harmful_flagged        at least",
        "\n    protected_flagged      at most ",
        "\n    3    ",
        "\n    130  ",
    ):
        assert part in shown


def test_evaluate_needs_no_django(suite: Path) -> None:
    code = (
        "import sys; from click.testing import CliRunner; from seawall.commands import evaluate as e;"
        "from tests.support.judged import Scripted; e.detector_for = lambda **_: Scripted();"
        f"r = CliRunner().invoke(e.evaluate, [{str(suite)!r}]); assert r.exit_code == 0, r.output;"
        "print(','.join(sorted(m for m in ('django', 'sklearn', 'scipy', 'profanity_check') if m in sys.modules)))"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parents[2])])}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "\n", "")
    assert set(LABELS) > set(FAMILIES)
