"""`seawall check`: is this installation sound?"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from functools import partial

import click

from seawall.commands.bootstrap import home, hub

LOW_SPACE = 1024**3  # bytes

Problem = str | None
Look = Callable[[], tuple[Problem, str]]


@click.command()
def check() -> None:
    """Look at everything that this installation stands on and say what is wrong. Verifies the whole ledger.

    Exit code 0 when all is sound, 1 otherwise.
    """
    problems = 0

    def show(what: str, look: Look) -> bool:
        nonlocal problems
        problem, note = look()
        problems += problem is not None
        click.echo(f"{'OK  ' if problem is None else 'BAD '} {what}: {problem or note}")
        return problem is None

    show("Space", _space)
    show("Detector", _detector)
    with hub(migrated=False):
        if show("Database", _database):
            for what, look in LOOKS.items():
                show(what, partial(_telling, look))
    if problems:
        click.echo(f"{problems} problem{'s' if problems > 1 else ''} found.", err=True)
        sys.exit(1)


def _telling(look: Look) -> tuple[Problem, str]:
    """What was found, or what kept us from looking: one thing that cannot be looked at hides none of the others."""
    from django.db import Error

    try:
        return look()
    except Error as error:
        return f"cannot be looked at ({str(error).strip().partition(chr(10))[0]}).", ""


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
        which = "1 migration has" if len(plan) == 1 else f"{len(plan)} migrations have"
        return f"{which} not been applied. Run `seawall migrate`.", ""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        version = cursor.fetchone()[0]
    return None, f"PostgreSQL {version}{' (embedded)' if not os.environ.get('DATABASE_URL') else ''}, up to date"


# Each trigger with its table, what it fires on (bits of pg_trigger.tgtype) and what its function must hold.
_EACH_ROW, _BEFORE, _INSERT, _DELETE, _UPDATE, _TRUNCATE = 1, 2, 4, 8, 16, 32
_GUARDS = {
    "ledger_entry_pending": ("ledger_entry", _EACH_ROW | _INSERT, "INSERT INTO ledger_pending"),
    **{
        f"{table}_keep_rows": (table, _EACH_ROW | _BEFORE | _UPDATE | _DELETE, "RAISE EXCEPTION")
        for table in ("ledger_entry", "ledger_link", "ledger_checkpoint")
    },
    **{
        f"{table}_keep": (table, _BEFORE | _TRUNCATE, "RAISE EXCEPTION")
        for table in ("ledger_entry", "ledger_link", "ledger_checkpoint")
    },
}


def _append_only() -> tuple[Problem, str]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.tgname, t.tgrelid::regclass::text, t.tgtype, p.prosrc FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid "
            "WHERE t.tgname = ANY(%s) AND t.tgenabled IN ('O', 'A')",
            [list(_GUARDS)],
        )
        found = {name: (table, fires, source) for name, table, fires, source in cursor.fetchall()}
    bad = [
        name
        for name, (table, fires, holds) in _GUARDS.items()
        if name not in found or found[name][:2] != (table, fires) or holds not in found[name][2]
    ]
    if bad:
        problem = (
            f"gone, off or changed: {', '.join(bad)}. Somebody with database rights did that to the ledger’s triggers: find out who and "
            "what for, then restore the database from a backup."
        )
        return problem, ""
    return None, f"the database refuses to change the ledger ({len(_GUARDS)} triggers)"


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

    from seawall.hub.referrals.pending import unprepared

    failed = ProcrastinateJob.objects.filter(status="failed").count()
    waiting = ProcrastinateJob.objects.filter(status="todo").count()
    if failed:
        which = "1 job" if failed == 1 else f"{failed} jobs"
        return f"{which} failed for good and {waiting} wait. See `seawall manage procrastinate shell`.", ""
    if lost := len(unprepared()):
        return (
            f"{lost} decisions to refer have led to no referral. See that a worker runs (`seawall worker`); its log says why.",
            "",
        )
    return None, f"{waiting} jobs wait"


def _keys() -> tuple[Problem, str]:
    from django.conf import settings

    from seawall.hub.ledger.keys import other_keys_file

    for path in (settings.LEDGER_KEY_FILE, settings.SECRET_KEY_FILE):
        if path.exists() and path.stat().st_mode & 0o077:
            return f"{path} can be read by others. Run: chmod 600 {path}", ""
    if other_keys_file().exists() and other_keys_file().stat().st_mode & 0o022:
        return f"{other_keys_file()} can be written by others. Run: chmod 600 {other_keys_file()}", ""
    return None, "readable by their owner only"


def _ledger() -> tuple[Problem, str]:
    from seawall.hub.ledger.keys import SigningKeyUnusable
    from seawall.hub.ledger.queries import verify
    from seawall.hub.ledger.services import link_all_pending

    link_all_pending()
    try:
        found = verify()
    except SigningKeyUnusable as error:
        return str(error), ""
    note = f"{found.entries:,} entries and {found.roots} signed roots hold"
    if found.pending:
        note += f", {found.pending} wait to be linked"
    return found.problem, note


def _labels() -> tuple[Problem, str]:
    from seawall.hub.exchange.labels.identity import LabelKeyUnusable, label_key, own_did
    from seawall.hub.exchange.labels.queries import unpublished
    from seawall.hub.exchange.models import Community

    if not Community.objects.filter(labels_published=True).exists():
        return None, "no community publishes any"
    did = own_did()
    if did is None:
        return (
            "SEAWALL_PUBLIC_URL is no https address on the usual port, so that communities’ labels are not published. Set it.",
            "",
        )
    try:
        label_key()
    except LabelKeyUnusable as error:
        return str(error), ""
    if late := unpublished():
        return (
            f"not in line with what {', '.join(late)} share. See that a worker runs (`seawall worker`); its log says why.",
            "",
        )
    return None, f"published as {did}"


LOOKS: dict[str, Look] = {
    "Append-only": _append_only,
    "Code of practice": _code,
    "Routes": _routes,
    "Background work": _jobs,
    "Keys": _keys,
    "Labels": _labels,
    "Ledger": _ledger,
}
