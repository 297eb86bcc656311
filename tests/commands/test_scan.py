"""`seawall scan`: order, broken lines, exit codes, and that an interrupted scan leaves nothing half done."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import orjson
import psutil
import pytest
from click.testing import CliRunner, Result
from tests.support.policy_server import policy_server

from seawall.commands.scan import scan
from seawall.detect import CONTEXTS, FAMILIES, Detector
from seawall.detect.own_posts import own_posts
from seawall.hub.practice.loading import CODES

PROGRAM = "from seawall.commands.scan import scan; scan()"


def posts_file(folder: Path, count: int = 40, name: str = "posts.jsonl") -> Path:
    texts = [post.text for post in own_posts()]
    path = folder / name
    path.write_bytes(
        b"".join(orjson.dumps({"id": f"p{at}", "text": texts[at % len(texts)]}) + b"\n" for at in range(count))
    )
    return path


def call(*arguments: object) -> Result:
    return CliRunner().invoke(scan, [str(argument) for argument in arguments])


def rows(path: Path) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def test_one_line_a_post_in_order(tmp_path: Path) -> None:
    first, second = posts_file(tmp_path), tmp_path / "more.csv"
    second.write_bytes(b"id,text\nc1,what a lovely morning\n")
    out = tmp_path / "findings.jsonl"
    result = call(first, second, "--out", out, "--workers", 1, "--batch", 7)
    assert result.exit_code == 0, result.stderr
    assert result.stderr == "41 posts assessed.\n"
    found = rows(out)
    assert [row["id"] for row in found] == [f"p{at}" for at in range(40)] + ["c1"]
    for row in found:
        assert list(row) == [
            *("id", "families", "flags", "context", "reasons"),
            *("withheld", "language", "assessed", "depth", "degraded"),
        ]
        assert list(row["families"]) == list(FAMILIES)  # type: ignore[call-overload]
        assert list(row["context"]) == list(CONTEXTS)  # type: ignore[call-overload]
        assert bool(row["reasons"]) <= bool(row["flags"])
    assert any(row["flags"] for row in found)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_findings_do_not_depend_on_workers_or_batches(tmp_path: Path) -> None:
    path = posts_file(tmp_path, 600)
    one, many = tmp_path / "one.jsonl", tmp_path / "many.jsonl"
    assert call(path, "--out", one, "--workers", 1, "--batch", 1000).exit_code == 0
    assert call(path, "--out", many, "--workers", 2, "--batch", 37).exit_code == 0
    assert one.read_bytes() == many.read_bytes()
    detector = Detector.load()
    alone = [detector.assess([post.text])[0].families for post in list(own_posts())[:50]]
    assert [row["families"] for row in rows(one)[:50]] == alone


def test_broken_lines_are_told_and_skipped(tmp_path: Path) -> None:
    path = tmp_path / "posts.jsonl"
    path.write_bytes(b'{"id":"a","text":"one"}\n{"id":7,"text":"two"}\n{bad\n{"id":"d","text":"four"}\n')
    out = tmp_path / "out.jsonl"
    reason = "unexpected character, expected a string key"
    for flags, code in ((), 0), (("--strict",), 3):
        result = call(path, "--out", out, "--workers", 1, *flags)
        assert result.exit_code == code
        assert [row["id"] for row in rows(out)] == ["a", "d"]
        assert result.stderr.splitlines() == [
            f"{path}:2: id: is a number, not text; write it in quotes, so that no digit is lost",
            f"{path}:3: is not valid JSON at character 2 ({reason}); write one JSON object a line",
            "2 posts assessed; 2 broken lines were skipped.",
        ]
    assert call(posts_file(tmp_path, 2, "good.jsonl"), "--out", out, "--workers", 1, "--strict").exit_code == 0


def test_standard_output_holds_findings_alone(tmp_path: Path) -> None:
    result = call(posts_file(tmp_path, 3), "--out", "-", "--workers", 1)
    assert result.exit_code == 0
    assert [orjson.loads(line)["id"] for line in result.stdout_bytes.splitlines()] == ["p0", "p1", "p2"]
    assert result.stderr == "3 posts assessed.\n"


def test_an_empty_file_gives_an_empty_file(tmp_path: Path) -> None:
    path, out = tmp_path / "none.jsonl", tmp_path / "out.jsonl"
    path.write_bytes(b"")
    assert call(path, "--out", out, "--workers", 1).exit_code == 0
    assert out.read_bytes() == b""


def test_a_file_that_cannot_be_read_is_told_before_any_work(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    out.write_bytes(b"earlier")
    result = call(posts_file(tmp_path), tmp_path / "absent.jsonl", "--out", out)
    assert result.exit_code == 2
    assert result.stderr == f"{tmp_path}/absent.jsonl: there is no such file; check the name. Nothing was written.\n"
    assert out.read_bytes() == b"earlier"


@pytest.mark.parametrize("arguments", [(), ("--out", "x"), ("a.jsonl",), ("a.jsonl", "--out", "x", "--workers", "0")])
def test_wrong_options_are_refused(arguments: tuple[str, ...]) -> None:
    assert call(*arguments).exit_code == 2


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    path = posts_file(tmp_path, 2)
    result = call(path, "--out", tmp_path / "no" / "out.jsonl", "--workers", 1)
    assert (result.exit_code, "the folder is not there; make it first" in result.stderr) == (1, True)
    result = call(path, "--out", tmp_path, "--workers", 1)
    assert (result.exit_code, "it is a folder; name a file in it" in result.stderr) == (1, True)


def test_a_full_disk_is_a_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    result = call(posts_file(tmp_path, 2), "--out", "/dev/full", "--workers", 1)
    assert result.exit_code == 1
    assert result.stderr == "/dev/full: the disk is full; make room or name another place.\n"
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode), "a device must never be replaced by a file"


def test_no_permission_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("seawall.commands.scan.tempfile.mkstemp", refuse)
    result = call(posts_file(tmp_path, 2), "--out", tmp_path / "out.jsonl", "--workers", 1)
    assert result.exit_code == 1
    assert "you may not write there; name another place" in result.stderr


def test_a_write_that_fails_late_leaves_the_earlier_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path, out = posts_file(tmp_path, 2), tmp_path / "out.jsonl"
    out.write_bytes(b"earlier")
    monkeypatch.setattr("seawall.commands.scan.os.fsync", full)
    result = call(path, "--out", out, "--workers", 1)
    assert result.exit_code == 1
    assert "the disk is full" in result.stderr
    assert out.read_bytes() == b"earlier"
    assert sorted(tmp_path.iterdir()) == [out, path]


@pytest.mark.kill
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_stopping_in_the_middle_leaves_no_output_and_no_process(tmp_path: Path, number: int, code: int) -> None:
    path, out = tmp_path / "posts.jsonl", tmp_path / "out.jsonl"
    path.write_bytes(b'{"id":"a","text":"what a lovely morning, is it not"}\n' * 1_000_000)  # a minute's work
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, path, "--out", out, "--workers", "2", "--batch", "50"],
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        start_new_session=True,
    )
    try:
        partial = wait_for(lambda: [file for file in tmp_path.glob(".out.jsonl.*.partial") if file.stat().st_size])
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= 2
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal does
        else:
            process.send_signal(number)
        _, told = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == code
    assert not out.exists()
    if number != signal.SIGKILL:
        assert not partial[0].exists()
        assert "nothing was written. Run the same command to begin again." in told.decode()
        assert "Traceback" not in told.decode()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []


def wait_for(look: object, seconds: float = 30) -> list[Path]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found: list[Path] = look()  # type: ignore[operator]
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("the scan wrote nothing in time")


def test_the_help_tells_the_exit_codes() -> None:
    told = call("--help").stdout
    for code in ("0 ", "1 ", "2 ", "3 ", "130 "):
        assert f"\n    {code}" in told


def test_scan_needs_no_django(tmp_path: Path) -> None:
    path = posts_file(tmp_path, 2)
    code = (
        "import sys; from click.testing import CliRunner; from seawall.commands.scan import scan;"
        f"r = CliRunner().invoke(scan, [{str(path)!r}, '--out', {str(tmp_path / 'o.jsonl')!r}, '--workers', '1']);"
        "assert r.exit_code == 0, r.output;"
        "print(','.join(sorted(m for m in ('django', 'sklearn', 'scipy', 'pyarrow') if m in sys.modules)))"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "\n", "")


def test_an_operators_own_model_stands_in_and_its_silence_is_told(tmp_path: Path) -> None:
    with policy_server() as server:
        path = tmp_path / "posts.jsonl"
        rows_in = [
            {"id": "named", "text": "a post that says hate quite calmly"},
            {"id": "plain", "text": "a lovely morning by the sea"},
            {"id": "broken", "text": "the kettle is broken again"},
        ]
        path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows_in))
        server.behaviours["kettle"] = lambda *_: (200, b"not JSON at all", {})
        out, plain = tmp_path / "own.jsonl", tmp_path / "shipped.jsonl"
        result = call(path, "--out", out, "--workers", 1, "--model", server.uri())
        assert result.exit_code == 0, result.stderr
        assert call(path, "--out", plain, "--workers", 1).exit_code == 0
    own = {row["id"]: row for row in rows(out)}
    shipped = {row["id"]: row for row in rows(plain)}
    assert {name: row["degraded"] for name, row in own.items()} == {"named": False, "plain": False, "broken": True}
    assert own["named"]["families"]["hate"] > 0.65 > shipped["named"]["families"]["hate"]  # type: ignore[index]
    assert own["broken"]["families"] == shipped["broken"]["families"], "where it is silent, the shipped models answer"
    assert not any(row["degraded"] for row in shipped.values())


def test_a_model_that_cannot_be_opened_leaves_nothing_behind(tmp_path: Path) -> None:
    out = tmp_path / "findings.jsonl"
    result = call(posts_file(tmp_path), "--out", out, "--workers", 1, "--model", "onnx:/nowhere")
    assert result.exit_code == 1
    assert "/nowhere" in result.stderr
    assert "Nothing was written" in result.stderr
    assert not out.exists()


def test_the_profiles_read_as_far_as_they_say(tmp_path: Path) -> None:
    path, out = posts_file(tmp_path), tmp_path / "findings.jsonl"
    depths = {}
    for profile in ("full", "gated", "linear"):
        assert call(path, "--out", out, "--workers", 1, "--profile", profile).exit_code == 0
        depths[profile] = {row["depth"] for row in rows(out)}
    assert depths["full"] == {"full"}
    assert depths["linear"] == {"linear"}
    assert depths["gated"] <= {"full", "linear"}


def test_another_code_of_practice_flags_by_its_own_thresholds(tmp_path: Path) -> None:
    code = tmp_path / "uk-2026"
    shutil.copytree(CODES / "uk-2026", code)
    flagging = code / "flagging.yaml"
    flagging.write_text(re.sub(rf"(?m)^(  (?:{'|'.join(FAMILIES)}): )0\.\d+$", r"\g<1>0.9999", flagging.read_text()))
    for harm in code.glob("*.yaml"):
        harm.write_text(re.sub(r"(?m)^(    at_least: )0\.\d+$", r"\g<1>0.9999", harm.read_text()))
    path, out = posts_file(tmp_path), tmp_path / "findings.jsonl"
    assert call(path, "--out", out, "--workers", 1, "--code", code).exit_code == 0
    assert not any(row["flags"] for row in rows(out))
    flagging.write_text("flags: rubbish\n")
    assert call(path, "--out", tmp_path / "none.jsonl", "--code", code).exit_code == 2
    assert not (tmp_path / "none.jsonl").exists()
