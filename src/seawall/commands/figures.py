"""`seawall figures`: what the ledger counts, as a table, JSON or CSV."""

from __future__ import annotations

import click

from seawall.commands.bootstrap import hub


@click.command()
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@click.option("--suppress/--no-suppress", default=False, help="Withhold counts from 1 to 4, as published figures do.")
def figures(form: str, suppress: bool) -> None:
    """Print the figures, computed from the ledger alone."""
    with hub():
        if form == "table":
            from seawall.commands.demo import print_table

            print_table()
            return
        from seawall.hub.oversight import exports

        click.echo(
            exports.as_json(suppress=suppress) if form == "json" else exports.as_csv(suppress=suppress), nl=False
        )
