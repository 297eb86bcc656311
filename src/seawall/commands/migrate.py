"""`seawall migrate`: bring the database up to date and adopt the code of practice that ships."""

from __future__ import annotations

import click

from seawall.commands.bootstrap import hub


@click.command()
def migrate() -> None:
    """Bring the database up to date, adopt the code of practice that ships, and collect the static files."""
    with hub(migrated=False):
        bring_up_to_date()


def bring_up_to_date(*, quiet: bool = False) -> None:
    """Migrate, adopt the shipped code, collect static files. Doing it again changes nothing."""
    from django.core.management import call_command

    from seawall.hub.ledger.services import Actor
    from seawall.hub.practice.loading import CodeOfPracticeError, load_code, shipped_codes
    from seawall.hub.practice.services import VersionTaken, adopt

    call_command("migrate", interactive=False, verbosity=0 if quiet else 1)
    call_command("createcachetable", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    for name, folder in shipped_codes().items():
        try:
            adopted = adopt(code=load_code(folder), actor=Actor.machine("migrate"))
        except (CodeOfPracticeError, VersionTaken) as error:
            raise click.ClickException(str(error)) from error
        if not quiet:
            click.echo(f"Code of practice in force: {name}, version {adopted.version}.")
