"""`seawall manage load_directory FILE`: take over organisations, desks and platforms from a YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from seawall.hub.directory.files import DirectoryFileError, load, read
from seawall.hub.directory.services import RoleNotAllowed
from seawall.hub.ledger.services import Actor


class Command(BaseCommand):
    help = "Take over organisations, desks and platforms from a YAML file; adds and sets, removes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            changes = load(read(options["file"]), actor=Actor.machine("load_directory"))
        except (DirectoryFileError, RoleNotAllowed) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{changes} things were added or set.")
