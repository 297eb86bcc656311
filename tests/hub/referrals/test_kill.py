"""Any process of a running hub is killed at any moment, while referrals flow to platforms that fail; on restart everything agrees."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[3]
KILLS = int(os.environ.get("SEAWALL_TEST_KILLS", "10"))


@pytest.mark.kill
def test_whatever_is_killed_all_agree_after_the_restart() -> None:
    """The kills are drawn from a seed, which is printed; `python -m tests.support.killing --seed ...` draws the same ones again."""
    with tempfile.TemporaryDirectory(prefix="seawall-kill-") as folder:
        Path(folder).chmod(0o755)  # as root, the database's own account must reach its folder in it
        arguments = ["--kills", str(KILLS), "--home", folder]
        try:
            done = subprocess.run(
                [sys.executable, "-m", "tests.support.killing", *arguments],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            left = [one for one in psutil.process_iter(["cmdline"]) if folder in " ".join(one.info["cmdline"] or [])]
            for process in left:
                process.kill()
        log = (Path(folder) / "serve.log").read_text()
    print(done.stdout)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{log[-5_000:]}"
    assert f"{KILLS} kills" in done.stdout
    assert left == [], "nothing of the hub is left running"
