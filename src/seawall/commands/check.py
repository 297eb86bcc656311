"""`seawall check`: is this installation sound?"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable

import click

from seawall.commands.bootstrap import home, hub

LOW_SPACE = 1024**3  # bytes

Problem = str | None


@click.command()
def check() -> None:
    """Look at everything that this installation stands on and say what is wrong. Verifies the whole ledger.

    Exit code 0 when all is sound, 1 otherwise.
    """
    problems = 0

    def show(what: str, looked: Callable[[], tuple[Problem, str]]) -> None:
        nonlocal problems
        problem, note = looked()
        problems += problem is not None
        click.echo(f"{'OK  ' if problem is None else 'BAD '} {what}: {problem or note}")

    show("Space", _space)
    show("Detector", _detector)
    with hub(migrated=False):
        show("Database", _database)
        if problems == 0:
            show("Code of practice", _code)
            show("Routes", _routes)
            show("Background work", _jobs)
            show("Keys", _keys)
            show("Ledger", _ledger)
    if problems:
        click.echo(f"{problems} problem{'s' if problems > 1 else ''} found.", err=True)
        sys.exit(1)


def _space() -> tuple[Problem, str]:
    path = home() if home().exists() else home().parent
    while not path.exists():
        path = path.parent
    free = shutil.disk_usage(path).free
    shown = f"{free / 1024**3:.1f} GiB free in {path}"
    return (f"only {shown}. Make room, or move SEAWALL_HOME." if free < LOW_SPACE else None), shown


def _detector() -> tuple[Problem, str]:
    from seawall.detect.pipeline import Detector

    try:
        detector = Detector.load()
        found = detector.assess(["A quiet day by the sea."])
    except Exception as error:  # whatever is wrong with it, the operator is to hear it
        return f"cannot be loaded ({error}). Install Seawall again.", ""
    return None, f"{detector.version}, {len(found[0].families)} families"


def _database() -> tuple[Problem, str]:
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    if plan := executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return f"{len(plan)} migrations have not been applied. Run `seawall migrate`.", ""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname LIKE 'ledger_%%_keep%%' AND tgenabled <> 'D'"
        )
        guarded = {row[0] for row in cursor.fetchall()}
        missing = {"ledger_entry", "ledger_link", "ledger_checkpoint"} - guarded
        if missing:
            return (
                f"the triggers that keep {', '.join(sorted(missing))} append-only are gone or off. Somebody with database rights did that.",
                "",
            )
        cursor.execute("SHOW server_version")
        version = cursor.fetchone()[0]
    return None, f"PostgreSQL {version}{' (embedded)' if not os.environ.get('DATABASE_URL') else ''}, up to date"


def _code() -> tuple[Problem, str]:
    from seawall.hub.practice.queries import NoCodeAdopted, current_code

    try:
        code = current_code()
    except NoCodeAdopted as error:
        return str(error), ""
    return None, f"{code.id} {code.version}, {len(code.harms)} harms"


def _routes() -> tuple[Problem, str]:
    from seawall import channels
    from seawall.hub.directory.models import Route

    known = set(channels.names())
    bad = [
        f"{route.platform} ({route.channel})"
        for route in Route.objects.select_related("platform")
        if route.channel not in known
    ]
    if bad:
        return f"no adapter for the channel of {', '.join(bad)}. Install it, or set another route.", ""
    return None, f"{Route.objects.count()} platforms can be reached"


def _jobs() -> tuple[Problem, str]:
    from procrastinate.contrib.django.models import ProcrastinateJob

    failed = ProcrastinateJob.objects.filter(status="failed").count()
    waiting = ProcrastinateJob.objects.filter(status="todo").count()
    if failed:
        return f"{failed} jobs failed for good and {waiting} wait. See `seawall manage procrastinate shell`.", ""
    return None, f"{waiting} jobs wait"


def _keys() -> tuple[Problem, str]:
    from django.conf import settings

    for path in (settings.LEDGER_KEY_FILE, settings.SECRET_KEY_FILE):
        if path.exists() and path.stat().st_mode & 0o077:
            return f"{path} can be read by others. Run: chmod 600 {path}", ""
    return None, "readable by their owner only"


def _ledger() -> tuple[Problem, str]:
    from seawall.hub.ledger.queries import verify
    from seawall.hub.ledger.services import link_all_pending

    link_all_pending()
    found = verify()
    note = f"{found.entries:,} entries and {found.roots} signed roots hold"
    if found.pending:
        note += f", {found.pending} wait to be linked"
    return found.problem, note
