"""Which account PostgreSQL runs as, and what that account can reach."""

from __future__ import annotations

import errno
import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seawall.postgres import errors

SETTING = "SEAWALL_POSTGRES_USER"


@dataclass(frozen=True, kw_only=True)
class Account:
    """The account that owns the data folder and runs the server; ``dropped`` when it is not the caller's own."""

    name: str
    uid: int
    gid: int
    dropped: bool

    def process_arguments(self) -> dict[str, Any]:
        """Arguments for ``subprocess``: this account, none of root's groups, a clean environment.

        The environment carries no ``PG*`` variable, which would bend the server's port or data folder, and the
        working directory is ``/`` since the caller's own may be closed to this account.
        """
        environment = {"PATH": os.defpath, "LC_ALL": "C"}
        if "LD_LIBRARY_PATH" in os.environ:
            environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
        arguments: dict[str, Any] = {"env": environment, "cwd": "/", "umask": 0o077, "stdin": subprocess.DEVNULL}
        if self.dropped:
            arguments |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return arguments

    def run(self, command: list[str], **more: Any) -> subprocess.CompletedProcess[str]:
        """Run ``command`` as this account and capture what it says.

        Raises
        ------
        CannotBecomeAccount
            This root lacks the right to change its account, as in some containers.
        OSError
            The command cannot be run.
        """
        try:
            return subprocess.run(  # noqa: S603 - the caller's own fixed commands
                command,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                **self.process_arguments() | more,
            )
        except OSError as error:
            if self.dropped and error.errno in (errno.EPERM, errno.EINVAL):
                raise errors.CannotBecomeAccount(account=self.name, reason=error.strerror) from error
            raise

    def can(self, test: str, path: Path) -> bool:
        """Ask the kernel, as this account, whether ``test`` (``-x``, ``-r``) holds for ``path``; sees ACLs too."""
        if not self.dropped:
            return os.access(path, {"-x": os.X_OK, "-r": os.R_OK}[test])
        return self.run(["/bin/sh", "-c", f'test {test} "$1"', "sh", str(path)]).returncode == 0

    def take(self, descriptor: int) -> None:
        """Make the open file or folder this account's own, where the caller is root."""
        if self.dropped:
            os.fchown(descriptor, self.uid, self.gid)


def public_folder(path: Path) -> None:
    """Make ``path`` and its missing parents, each open for all to enter whatever the caller's umask is."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)


def current() -> Account:
    """The caller's own account."""
    return _by_uid(os.geteuid(), dropped=False)


def choose(*, home: Path, folder: Path) -> Account:
    """Choose who runs the server whose files lie in ``folder`` for the database home ``home``.

    An ordinary user runs it themself. Root hands it to, in this order: the account that `SEAWALL_POSTGRES_USER` names;
    the owner of the data that is there already; the owner of ``folder`` or of ``home``; ``postgres``; ``nobody``.

    Raises
    ------
    NoSuchAccount
        The account that was set does not exist, or is root.
    WrongAccount
        The data that is there belongs to another account.
    """
    data_owner = _owner(folder / "data")
    if data_owner == os.geteuid() and not any((folder / "data").iterdir()):
        data_owner = None
    if os.geteuid() != 0:
        account = current()
    else:
        account = _for_root(home, folder, data_owner)
    if data_owner is not None and data_owner != account.uid:
        owner = _by_uid(data_owner, dropped=True).name
        raise errors.WrongAccount(folder=folder / "data", owner=owner, account=account.name)
    return account


def _for_root(home: Path, folder: Path, data_owner: int | None) -> Account:
    if name := os.environ.get(SETTING):
        account = _by_name(name)
        if account is None:
            raise errors.NoSuchAccount(account=name)
        return account
    for uid in (data_owner, _owner(folder), _owner(home)):
        if uid:
            return _by_uid(uid, dropped=True)
    for name in ("postgres", "nobody"):
        if account := _by_name(name):
            return account
    raise errors.NoSuchAccount(account="nobody")


def _owner(path: Path) -> int | None:
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISLNK(found.st_mode):
        found = path.stat()
    return found.st_uid


def _by_name(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    if entry.pw_uid == 0:
        return None
    return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid, dropped=True)


def _by_uid(uid: int, *, dropped: bool) -> Account:
    """The account of a user number; a number without an entry (usual in containers) is used as it is."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return Account(name=f"uid {uid}", uid=uid, gid=uid if dropped else os.getegid(), dropped=dropped)
    return Account(name=entry.pw_name, uid=uid, gid=entry.pw_gid, dropped=dropped)
