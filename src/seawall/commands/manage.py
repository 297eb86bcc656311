"""`seawall manage`: Django's own management commands, with the database started."""

import click

from seawall.commands.bootstrap import hub


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def manage(arguments: tuple[str, ...]) -> None:
    """Run one of Django's management commands, such as `seawall manage shell`."""
    with hub(migrated=False):
        from django.core.management import execute_from_command_line

        execute_from_command_line(["seawall manage", *arguments])
