"""`seawall demo`: play real posts through the whole way, print what came of it, and serve the hub to look round in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from seawall.commands.bootstrap import home, hub

if TYPE_CHECKING:
    from rich.console import Console

    from seawall.hub.oversight.queries import Scorecard, Spread
    from seawall.sandbox.process import SandboxProcess


@click.command()
@click.option("--once", is_flag=True, help="Stop after the table instead of serving.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to serve on; a demonstration serves on loopback only.",
)
@click.option("--port", default=8000, show_default=True, help="Port to serve on.")
def demo(once: bool, host: str, port: int) -> None:
    """Play real posts through the whole way: found, queued, decided, referred, answered, checked, counted.

    The posts are real ones from public research sets and texts written for the purpose; the platforms, people and decisions are made up,
    and every page says so. Stopped in the middle, it goes on from there the next time. Exit code 0 when it has played to the end.
    """
    from seawall.commands.serve import check_port, serve_until_stopped

    if host not in ("127.0.0.1", "localhost", "::1"):
        raise click.ClickException(
            "A demonstration shows its passwords, so it serves on loopback only. Leave --host out."
        )
    if not once:
        check_port(host, port)
    os.environ["SEAWALL_DEMONSTRATION"] = "1"
    with _sandbox() as sandbox, hub(migrated=False) as database:
        _play(sandbox)
        if not once:
            serve_until_stopped(host=host, port=port, database=database, before=_print_sign_ins)


@contextmanager
def _sandbox() -> Iterator[SandboxProcess]:
    from seawall.sandbox.process import SandboxError, SandboxProcess

    process = SandboxProcess(home() / "sandbox")
    try:
        process.start()
    except SandboxError as error:
        raise click.ClickException(str(error)) from error
    os.environ["SEAWALL_OUTBOUND_ALLOW"] = ",".join(sorted(process.allow))
    try:
        yield process
    finally:
        process.stop()


def _play(sandbox: SandboxProcess) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from seawall.channels import ChannelError
    from seawall.commands.migrate import bring_up_to_date
    from seawall.hub.demonstration import cast, play, sample
    from seawall.hub.ledger.queries import entries
    from seawall.hub.ledger.services import sign_root
    from seawall.sandbox.control import SandboxRefusal

    console = Console()
    columns = (
        TextColumn("{task.description:<34}"),
        BarColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bars:
        step = bars.add_task("Preparing the database", total=1, note="")
        bring_up_to_date(quiet=True)
        if entries().filter(demonstration=False, verb__startswith="case.").exists():
            raise click.ClickException(
                "This hub holds real cases, and a demonstration would mix made-up work into its figures. Give the demonstration a home "
                "of its own: SEAWALL_HOME=… seawall demo."
            )
        bars.update(step, completed=1)
        step = bars.add_task("Setting up hub and platforms", total=1, note="")
        cast.assemble(addresses=sandbox.control.addresses())
        run = play.begin(sandbox=sandbox.control)
        bars.update(step, completed=1, note=f"{len(sample.posts()):,} posts put up")
        step = bars.add_task("Playing nine days of work", total=100, note="")

        def progress(done: float, of: float) -> None:
            bars.update(step, completed=100 * done / of, note=f"day {1 + int(done // 24)} of {1 + int(of // 24)}")

        if run.finished_at is None:
            try:
                play.Play(sandbox=sandbox.control, run=run, progress=progress).play()
            except (ChannelError, SandboxRefusal) as error:
                raise click.ClickException(f"{error} Run the same command again to go on.") from error
        bars.update(step, completed=100, note="done")
        step = bars.add_task("Signing the ledger’s root", total=1, note="")
        sign_root()
        bars.update(step, completed=1)
        sandbox.control.real_clock()
    print_table(console)


ROWS = (
    ("Referred", "referred"),
    ("Received", "received"),
    ("Answered", "answered"),
    ("  acted on", "actioned"),
    ("  refused", "refused"),
    ("Asked for more", "asked"),
    ("Silent, out of time", "silent"),
    ("Still waiting", "waiting"),
    ("Seen down by us", "confirmed_down"),
    ("Claimed, still live", "claimed_but_live"),
    ("Reappeared", "reappeared"),
    ("Escalated", "escalated"),
)
MEDIANS = (
    ("  seen to case", "sight_to_case"),
    ("  case to decision", "case_to_decision"),
    ("  decision to receipt", "decision_to_receipt"),
    ("  receipt to answer", "receipt_to_answer"),
    ("  answer to seen down", "answer_to_confirmed_down"),
)
COUNTED = (
    "posts taken in",
    "posts assessed",
    "posts not assessed",
    "posts flagged",
    "reports received",
    "cases opened",
    "second reviews",
    "cases closed",
)


def print_table(console: Console | None = None) -> None:
    """Print what happened: totals, and a column a platform with the medians of each step."""
    from rich import box
    from rich.console import Console as Terminal
    from rich.table import Table

    from seawall.hub import moment
    from seawall.hub.oversight import queries as oversight

    out = console or Terminal()
    found = oversight.totals()
    totals: dict[str, int] = {}
    for total in found:
        totals[total.what] = totals.get(total.what, 0) + total.count
    if moment.in_demonstration():
        out.print("A demonstration: the decisions were made by scripts that follow the data sets’ own labels.\n")
    table = Table(box=box.SIMPLE_HEAD, title="What happened", title_justify="left", pad_edge=False)
    table.add_column("", no_wrap=True, min_width=22)
    table.add_column("count", justify="right")
    for what in COUNTED:
        table.add_row(what.capitalize(), f"{totals.get(what, 0):,}")
    for total in found:
        if total.what == "cases closed":
            table.add_row(f"  {total.of.replace('_', ' ')}", f"{total.count:,}")
    out.print(table)
    cards = oversight.scorecards()
    table = Table(box=box.SIMPLE_HEAD, title="Referrals, by platform", title_justify="left", pad_edge=False)
    table.add_column("", no_wrap=True, min_width=22)
    for card in cards:
        table.add_column(card.platform, justify="right", no_wrap=True)
    for label, name in ROWS:
        table.add_row(label, *(f"{getattr(card, name):,}" for card in cards))
    table.add_row("Answered in time", *(_share(card) for card in cards))
    table.add_row("Medians")
    for label, name in MEDIANS:
        table.add_row(label, *(_median(getattr(card, name)) for card in cards))
    out.print(table)


def _share(card: Scorecard) -> str:
    return "–" if card.share_in_time is None else f"{card.share_in_time:.0%}"


def _median(spread: Spread) -> str:
    return "–" if spread.median is None else short(spread.median)


def short(length: timedelta) -> str:
    """A length of time for a table, in at most two units: “3 h 05”, “2 d 4 h”, “38 min”, “20 s”."""
    seconds = round(length.total_seconds())
    if seconds < 1:
        return "at once"
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02}" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def _print_sign_ins(url: str) -> None:
    from rich.console import Console
    from rich.table import Table

    from seawall.hub.demonstration.cast import CAST, PASSWORD

    table = Table(
        title=f"Sign in at {url}/sign-in/",
        caption=f"Password for all: {PASSWORD}    Six-digit codes: {url}/demonstration/",
    )
    for heading in ("Role", "E-mail"):
        table.add_column(heading)
    for part in CAST:
        table.add_row(", ".join(dict.fromkeys(role.label for role, _, _ in part.roles)), part.email)
    Console().print(table)
