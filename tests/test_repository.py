"""The repository keeps its own word: locks without addresses, documentation that matches the program, nothing of one machine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from seawall.cli import COMMANDS, cli
from seawall.hub.ledger.vocabulary import EVENTS

ROOT = Path(__file__).parents[1]
SETTINGS_OF_NO_OPERATOR = {
    "SEAWALL_EMBEDDED_URL",  # handed from a program to its children
    "SEAWALL_SANDBOX_TOKEN",  # handed to the sandbox
}


def tracked() -> list[Path]:
    """The files that git tracks; all of them where this is no checkout."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    names = done.stdout.decode().split("\0") if done.returncode == 0 else []
    found = [ROOT / name for name in names if name] or [p for p in ROOT.rglob("*") if ".venv" not in p.parts]
    return [path for path in found if path.is_file()]


def text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        return ""


@pytest.mark.parametrize("name", ["run.lock", "dev.lock"])
def test_locks_hold_hashes_and_no_address(name: str) -> None:
    lock = (ROOT / "requirements" / name).read_text()
    pinned = re.findall(r"^[a-z0-9][a-z0-9._-]*==", lock, re.MULTILINE)
    assert len(pinned) > 40
    assert lock.count("--hash=sha256:") >= len(pinned)
    assert "://" not in lock
    assert "index" not in lock


def test_what_runs_is_what_is_tested() -> None:
    """Every package of the run lock stands in the dev lock with the same version."""
    run, dev = (
        set(re.findall(r"^([a-z0-9._-]+==\S+)", (ROOT / "requirements" / name).read_text(), re.MULTILINE))
        for name in ("run.lock", "dev.lock")
    )
    assert run <= dev


def test_no_registry_host_stands_in_any_file() -> None:
    hosts = re.compile(
        "|".join([r"files\.python" + r"hosted", r"pypi\." + "org", r"registry\." + "npmjs", r"deb\." + r"debian\.org"])
    )
    assert [path.name for path in tracked() if hosts.search(text_of(path))] == []


def test_every_setting_is_documented() -> None:
    used: set[str] = set()
    for path in [
        *(ROOT / "src").rglob("*.py"),
        *(ROOT / "tests" / "browser").glob("*.py"),
        *(ROOT / "tests" / "peers").glob("*.py"),
    ]:
        used |= set(re.findall(r"\bSEAWALL_[A-Z_]+[A-Z]\b", text_of(path)))
    page = (ROOT / "docs" / "reference" / "settings.md").read_text()
    documented = set(re.findall(r"`((?:SEAWALL|DATABASE)_[A-Z_]+)`", page))
    assert used - SETTINGS_OF_NO_OPERATOR - documented == set()
    assert {name for name in documented if name not in used} == {"DATABASE_URL"}


def test_every_command_is_documented_and_has_help() -> None:
    page = (ROOT / "docs" / "reference" / "commands.md").read_text()
    for name in COMMANDS:
        assert f"| `{name}" in page
        if name != "manage":
            shown = CliRunner().invoke(cli, [name, "--help"])
            assert shown.exit_code == 0, shown.output
            assert len(shown.output) > 100


def test_every_verb_is_documented() -> None:
    page = (ROOT / "docs" / "reference" / "ledger.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z_.]+)` \| (.+) \|$", page, re.MULTILINE))
    assert rows == {verb: kind.means for verb, kind in EVENTS.items()}


def test_links_between_pages_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    links = [(page, target) for page in pages for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())]
    assert len(links) > 30
    assert [f"{page.name}: {target}" for page, target in links if not (page.parent / target).exists()] == []


def test_every_page_is_listed() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    pages = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")} - {"README.md"}
    assert {page for page in pages if f"({page})" not in index} == set()


def test_the_makefile_lists_its_targets() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("run", "test", "check", "bench", "train", "lock"):
        assert f"make {target} " in shown


def test_continuous_integration_runs_the_tests_and_nothing_else() -> None:
    lines = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[-1] == "exec make test"
    assert len(lines) <= 3
