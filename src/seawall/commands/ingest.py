"""`seawall ingest`: take posts in from files."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from seawall.commands.bootstrap import hub


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--desk", default="general", show_default=True, help="Slug of the desk whose people will see the posts.")
@click.option("--platform", default=None, help="Slug of the platform, for posts that name none.")
@click.option("--strict", is_flag=True, help="Exit with 3 when any line could not be taken in.")
def ingest(files: tuple[Path, ...], desk: str, platform: str | None, strict: bool) -> None:
    """Take posts in from JSONL, CSV or Parquet FILES (also .gz), in batches; the worker then assesses them.

    Taking the same file in again changes nothing; a post that was edited becomes a new version. A line that cannot be used is reported
    with its number and left out. Exit codes: 0 done, 1 a file cannot be read or the database fails, 3 with --strict when lines were
    left out, 130 stopped by Ctrl-C: what was committed until then is kept.
    """
    with hub():
        from django.db import Error

        from seawall.hub.content.services import Tally
        from seawall.hub.content.services import ingest as take_in
        from seawall.hub.directory.models import Desk
        from seawall.hub.ledger.services import Actor
        from seawall.sources.files import FileError, read_posts
        from seawall.sources.posts import BadLine

        chosen = Desk.objects.filter(slug=desk).first()
        if chosen is None:
            known = ", ".join(Desk.objects.values_list("slug", flat=True)) or "none yet"
            raise click.ClickException(f"There is no desk “{desk}”. Name one with --desk; known are: {known}.")
        bad = 0
        for file in files:
            kept = 0

            def report(line: BadLine, name: Path = file) -> None:
                click.echo(f"{name}:{line}", err=True)

            def show(tally: Tally, name: Path = file) -> None:
                nonlocal kept
                kept = tally.received
                if sys.stderr.isatty():
                    click.echo(f"\r{name}: {tally.received:,} posts", nl=False, err=True)

            try:
                tally = take_in(
                    items=read_posts(file),
                    source=f"file:{file.name}",
                    desk=chosen,
                    actor=Actor.machine("ingest"),
                    default_platform=platform,
                    on_bad_line=report,
                    on_batch=show,
                )
            except FileError as error:
                raise click.ClickException(str(error)) from error
            except Error as error:
                reason = str(error).strip().partition("\n")[0].rstrip(".")
                raise click.ClickException(
                    f"{file}: the database failed after {kept:,} posts ({reason}). They are kept. Put that right and run the same "
                    "command again: it goes on from there."
                ) from error
            bad += tally.bad
            if sys.stderr.isatty():
                click.echo("\r", nl=False, err=True)
            click.echo(
                f"{file}: {tally.received:,} posts read; {tally.new:,} new, {tally.revised:,} edited, {tally.unchanged:,} known already; "
                f"{tally.bad:,} {'line' if tally.bad == 1 else 'lines'} left out."
            )
    if bad and strict:
        sys.exit(3)
