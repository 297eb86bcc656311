"""The data folder: made whole or not at all, and refused when it is another version's."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

import psutil

from seawall.postgres import errors
from seawall.postgres.binaries import Binaries
from seawall.postgres.places import Place

ROLE = "seawall"
NEEDED_MB = 200
"""A new data folder is 40 MB and its first write-ahead log files 80 MB; below this, the first import would fill it."""
UNFINISHED = "data.new-"
FULL = ("No space left on device", "Disk quota exceeded")


def free_mb(path: Path) -> int:
    """Megabytes that an ordinary account may still write on the disk of ``path``."""
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize // 1_000_000


def no_space(place: Place) -> errors.NoSpace:
    """The error that says the disk of ``place`` is full."""
    return errors.NoSpace(folder=place.folder, free=free_mb(place.folder), needed=NEEDED_MB)


def check(place: Place, binaries: Binaries) -> bool:
    """Whether there is a data folder that these programs can serve; False when there is none yet.

    Raises
    ------
    WrongVersion, NotADataFolder, PasswordMissing
        There is one, and it cannot be used as it is.
    """
    data = place.data
    if not data.exists() or (data.is_dir() and not any(data.iterdir())):
        return False
    try:
        found = (data / "PG_VERSION").read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise errors.NotADataFolder(folder=data) from error
    if found != str(binaries.major):
        raise errors.WrongVersion(folder=data, found=found, binaries=binaries.folder, major=binaries.major)
    if place.password() is None:
        raise errors.PasswordMissing(path=place.password_file, folder=data)
    return True


def create(place: Place, binaries: Binaries, *, durable: bool, alive: int) -> None:
    """Make the data folder with initdb, beside its final place, and rename it when complete.

    The caller holds the gate, and the lock ``alive``, which initdb inherits: a killed program's initdb that still runs
    is seen by the next one, which waits for its end before it clears the remains away.

    Raises
    ------
    NoSpace, InitFailed
    """
    if free_mb(place.folder) < NEEDED_MB:
        raise no_space(place)
    clear_unfinished(place)
    if place.password() is None:
        place.make_password()
    unfinished = place.folder / f"{UNFINISHED}{secrets.token_hex(4)}"
    place.make_private_folder(unfinished)
    command = [
        binaries.program("initdb"),
        f"--pgdata={unfinished}",
        f"--username={ROLE}",
        f"--pwfile={place.password_file}",
        "--encoding=UTF8",
        "--auth=scram-sha-256",
        "--no-instructions",
        # The builtin provider gives one order of text on every machine; a C library's order changes with its version
        # and silently breaks indexes.
        *(
            ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            if binaries.major >= 17
            else ["--locale=C.UTF-8", "--data-checksums"]
        ),
        *([] if durable else ["--no-sync"]),
    ]
    try:
        answer = place.account.run(command, pass_fds=(alive,), start_new_session=True)
        if answer.returncode != 0:
            said = answer.stdout + answer.stderr
            if any(words in said for words in FULL):
                raise no_space(place)
            raise errors.InitFailed(folder=place.folder, code=answer.returncode, log_lines=said.splitlines()[-8:])
        unfinished.rename(place.data)
        descriptor = os.open(place.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def clear_unfinished(place: Place) -> None:
    """Remove what a killed initdb or a killed writing of the password left; the caller holds the gate."""
    for left in place.folder.glob(f"{UNFINISHED}*"):
        shutil.rmtree(left, ignore_errors=True)
    for left in place.folder.glob("password.*"):
        left.unlink(missing_ok=True)


def settings(place: Place, *, durable: bool, options: Mapping[str, str]) -> dict[str, str]:
    """The server's settings, given on its command line so that they hold whatever the data folder's own file says."""
    memory_mb = psutil.virtual_memory().total // 1_000_000
    chosen = {
        "listen_addresses": "",
        "port": "5432",
        "unix_socket_directories": '"' + str(place.socket_folder).replace('"', '""') + '"',
        "unix_socket_permissions": "0700",
        "cluster_name": "seawall",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] ",
        "logging_collector": "off",
        "max_connections": "60",
        "shared_buffers": "256MB" if memory_mb >= 4000 else "128MB",
        "max_wal_size": "2GB" if free_mb(place.folder) >= 20_000 else "512MB",
        "jit": "off",
        # Huge pages that a container announces but does not grant kill the server with SIGBUS.
        "huge_pages": "off",
        # Parallel queries share memory through /dev/shm, of which a container has 64 MB by default, and then fail
        # with "could not resize shared memory segment"; files in the data folder are slower but always fit.
        "dynamic_shared_memory_type": "posix" if _roomy_dev_shm() else "mmap",
    }
    if not durable:
        chosen |= {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
    return chosen | dict(options)


def _roomy_dev_shm() -> bool:
    try:
        return free_mb(Path("/dev/shm")) >= 256 and os.access("/dev/shm", os.W_OK)  # noqa: S108 - looked at only
    except OSError:
        return False
