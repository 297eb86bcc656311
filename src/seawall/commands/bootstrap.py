"""What every command that needs the hub does first: find or start the database, and set Django up."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from seawall.postgres import EmbeddedPostgres, PostgresError


def home() -> Path:
    """The hub's home, as `seawall.hub.settings` computes it, without importing Django."""
    default = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "seawall"
    return Path(os.environ.get("SEAWALL_HOME") or default).absolute()


@contextmanager
def hub(*, migrated: bool = True) -> Iterator[EmbeddedPostgres | None]:
    """Have a database and a set-up Django inside the block; leave the embedded server (if it is ours) at the end.

    Gives the embedded server where this program uses it. With `migrated`, refuses a database that is not up to date. Raises
    ClickException with a sentence.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "seawall.hub.settings")
    _make_home()
    if os.environ.get("DATABASE_URL") or os.environ.get("SEAWALL_EMBEDDED_URL"):
        _set_up(migrated=migrated)
        yield None
        return
    server = EmbeddedPostgres(home=home() / "postgres")
    try:
        url = server.acquire()
    except PostgresError as error:
        raise click.ClickException(str(error)) from error
    os.environ["SEAWALL_EMBEDDED_URL"] = url
    try:
        _set_up(migrated=migrated)
        yield server
    finally:
        os.environ.pop("SEAWALL_EMBEDDED_URL", None)
        _close_connections()
        server.release()


def _make_home() -> None:
    path = home()
    try:
        (path / "keys").mkdir(parents=True, exist_ok=True, mode=0o700)
        key = path / "keys" / "secret-key"
        if not key.exists() or not key.stat().st_size:
            _make_secret(key)
    except OSError as error:
        raise click.ClickException(
            f"Seawall cannot write in its home, {path} ({error.strerror}). Make the folder writable, or name another one in SEAWALL_HOME."
        ) from error


def _make_secret(path: Path) -> None:
    """Make the key whole or not at all: nobody may find half of it, and what another program made meanwhile stays."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(50))
            file.flush()
            os.fsync(file.fileno())
        if path.exists() and not path.stat().st_size:
            draft.replace(path)
        else:
            with suppress(FileExistsError):
                os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _set_up(*, migrated: bool) -> None:
    import django
    from django.db import Error, connection
    from django.db.migrations.executor import MigrationExecutor

    try:
        django.setup()
    except ValueError as error:
        said = str(error) if "DATABASE_URL" in str(error) else f"DATABASE_URL cannot be read ({error})."
        raise click.ClickException(f"{said} Write it as postgresql://user:password@host:port/name.") from error
    try:
        connection.ensure_connection()
    except Error as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise click.ClickException(
            f"The database cannot be reached ({reason}). Check DATABASE_URL, or unset it to use the embedded one."
        ) from error
    if migrated:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            raise click.ClickException("The database is not up to date. Run `seawall migrate` first.")
        _stay_a_demonstration()


def _stay_a_demonstration() -> None:
    """A database that a demonstration was played into stays one, whichever command opens it."""
    from django.conf import settings

    from seawall.hub.ledger.queries import entries

    if entries().filter(demonstration=True).exists():
        os.environ["SEAWALL_DEMONSTRATION"] = "1"
        settings.DEMONSTRATION = True


def _close_connections() -> None:
    from django.db import connections

    connections.close_all()
