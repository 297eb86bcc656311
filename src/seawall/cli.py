"""The `seawall` command. Each command is one file under `seawall.commands`, loaded only when it is asked for."""

from __future__ import annotations

import importlib
import sys

import click

from seawall import __version__

COMMANDS = {
    "serve": "Serve the hub: the web pages and the background work.",
    "worker": "Do background work only, beside other processes that serve.",
    "demo": "Play real posts through the whole way, and show what came of it.",
    "ingest": "Take posts in from JSONL, CSV or Parquet files.",
    "mail": "Take in a mail that a platform wrote about a referral.",
    "scan": "Assess the posts in files, with no database.",
    "evaluate": "Measure the detector on suites of labelled posts.",
    "calibrate": "Fit the scores of a model of your own to probabilities.",
    "migrate": "Bring the database up to date and adopt the code of practice.",
    "check": "Is this installation sound? Verifies the ledger too.",
    "figures": "Print the figures that the ledger gives.",
    "labels": "Serve the stream of AT Protocol labels, beside the hub.",
    "manage": "Run one of Django's management commands.",
}


class Lazy(click.Group):
    """Shows every command in --help without importing Django for it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"seawall.commands.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="seawall")
def cli() -> None:
    """Seawall finds online harm, tells it from help, refers it lawfully and shows what came of it.

    Settings are environment variables (docs/reference/settings.md); without any, an embedded database is started where SEAWALL_HOME says.
    """


def main() -> None:
    """Entry point of the `seawall` script."""
    try:
        cli.main(prog_name="seawall", standalone_mode=False)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped. What was done so far is kept; run the same command to go on.", err=True)
        sys.exit(130)
    except click.ClickException as problem:
        problem.show()
        sys.exit(problem.exit_code)


if __name__ == "__main__":
    main()
