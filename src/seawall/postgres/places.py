"""Where the embedded PostgreSQL keeps its files, and who owns them."""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from seawall.postgres import errors
from seawall.postgres.account import Account, choose, public_folder

STATE_SETTING = "SEAWALL_POSTGRES_STATE"
STATE_DEFAULT = "/var/lib/seawall"
POINTER = "elsewhere"
SOCKET_FILE = ".s.PGSQL.5432"
SOCKET_PATH_LIMIT = 100
"""Bytes; the kernel's ``sun_path`` holds 107 and a path that only just fits is one rename away from not fitting."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """The folder that holds one server's files: the home itself or, for a home that root keeps closed, a stand-in."""

    home: Path
    folder: Path
    account: Account

    @property
    def data(self) -> Path:
        """PostgreSQL's data folder."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """What the server says; the file before it is kept as ``log.1``."""
        return self.folder / "log"

    @property
    def password_file(self) -> Path:
        """The database's password, one line, mode 0600."""
        return self.folder / "password"

    @property
    def gate(self) -> Path:
        """Locked by whoever starts or stops the server."""
        return self.folder / "lock"

    @property
    def users(self) -> Path:
        """Locked, shared, by every program that uses the server."""
        return self.folder / "lock.users"

    @property
    def alive(self) -> Path:
        """Locked by the processes of the server (or of initdb) themselves, for as long as any of them lives."""
        return self.folder / "lock.server"

    @property
    def socket_folder(self) -> Path:
        """Where the socket lies: here, or under /tmp where this path is too long or has a comma.

        A comma parts several hosts in libpq's ``host``. /tmp rather than XDG_RUNTIME_DIR, for that one goes away at
        sign-out while the server may still run, and differs between a terminal and cron.
        """
        own = self.folder / "socket"
        if len(os.fsencode(own / SOCKET_FILE)) <= SOCKET_PATH_LIMIT and "," not in str(own):
            return own
        return Path("/tmp") / f"seawall-{self.account.uid}-{_short_hash(self.folder)}"  # noqa: S108 - verified below

    def password(self) -> str | None:
        """The password, or None where there is none yet."""
        try:
            descriptor = os.open(self.password_file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        with os.fdopen(descriptor) as file:
            return file.readline().strip() or None

    def make_password(self) -> str:
        """Write a new random password; the file is there complete or not at all."""
        password = secrets.token_urlsafe(32)
        unfinished = self.folder / f"password.{secrets.token_hex(4)}"
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            self.account.take(file.fileno())
            file.write(password + "\n")
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(self.password_file)
        return password

    def make_private_folder(self, path: Path) -> None:
        """Make ``path`` this account's own with mode 0700, or see that it is.

        Raises
        ------
        UnsafeSocketFolder
            It is a link, not a folder, another account's, or open to others.
        """
        try:
            path.mkdir(mode=0o700)
            made = True
        except FileExistsError:
            made = False
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            reason = "it is a link or not a folder" if path.is_symlink() or not path.is_dir() else str(error.strerror)
            raise errors.UnsafeSocketFolder(folder=path, account=self.account.name, reason=reason) from error
        try:
            # What root made and has not yet handed on is another start's that runs now, or was killed there.
            if made or (self.account.dropped and os.fstat(descriptor).st_uid == 0):
                self.account.take(descriptor)
                os.fchmod(descriptor, 0o700)
            found = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        if found.st_uid != self.account.uid:
            reason = f"it belongs to user number {found.st_uid}"
        elif stat.S_IMODE(found.st_mode) & 0o077:
            reason = f"its mode is {stat.S_IMODE(found.st_mode):04o}"
        else:
            return
        raise errors.UnsafeSocketFolder(folder=path, account=self.account.name, reason=reason)


def state_root() -> Path:
    """Where root keeps what a closed home cannot hold: SEAWALL_POSTGRES_STATE, else /var/lib/seawall."""
    return Path(os.environ.get(STATE_SETTING) or STATE_DEFAULT)


def resolve(home: Path) -> Place:
    """Find, and make where missing, the folder for ``home``.

    Root may keep its home closed to the account that PostgreSQL runs as (/root has mode 0700). Parents are never
    opened for that: the files go to ``/var/lib/seawall/<hash of the home's path>`` instead, and a small file
    ``elsewhere`` in the home names that folder, so that the home stays the one place to ask, and may be moved.

    Raises
    ------
    NoPermission
        Data lies in the home already and the account cannot reach it.
    """
    home = Path(os.path.realpath(home))
    _make_home(home)
    pointer = home / POINTER
    if pointer.is_file():
        folder = Path(pointer.read_text(encoding="utf-8").strip())
        if os.geteuid() == 0 and not folder.is_dir():
            public_folder(folder.parent)
            return _elsewhere(home, folder, choose(home=home, folder=home))
        return Place(home=home, folder=folder, account=choose(home=home, folder=folder))
    account = choose(home=home, folder=home)
    if not account.dropped or account.can("-x", home):
        return Place(home=home, folder=home, account=account)
    if (home / "data").exists():
        raise errors.NoPermission(path=home, account=account.name, reason="a folder above it is closed to it")
    public_folder(state_root())
    folder = state_root() / _short_hash(home)
    place = _elsewhere(home, folder, account)
    unfinished = home / f"{POINTER}.{secrets.token_hex(4)}"
    unfinished.write_text(f"{folder}\n", encoding="utf-8")
    unfinished.rename(pointer)
    return place


def _elsewhere(home: Path, folder: Path, account: Account) -> Place:
    if folder.is_dir():
        account = choose(home=home, folder=folder)
    place = Place(home=home, folder=folder, account=account)
    place.make_private_folder(folder)
    if not account.can("-x", folder):
        raise errors.NoPermission(path=folder, account=account.name, reason="a folder above it is closed to it")
    return place


def _make_home(home: Path) -> None:
    """Make the home; what root makes inside an ordinary user's folder is given to that user."""
    missing = [folder for folder in (home, *home.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        if os.geteuid() == 0:
            above = folder.parent.stat()
            os.chown(folder, above.st_uid, above.st_gid, follow_symlinks=False)


def _short_hash(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
