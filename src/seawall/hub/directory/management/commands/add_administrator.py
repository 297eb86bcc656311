"""`seawall manage add_administrator EMAIL NAME`: the first person of a new hub."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.urls import reverse

from seawall.hub.directory.models import Organisation, OrganisationKind
from seawall.hub.directory.roles import Role
from seawall.hub.directory.services import add_person, give_role
from seawall.hub.ledger.services import Actor


class Command(BaseCommand):
    help = "Add an administrator and print a link to set their password."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("name")

    def handle(self, *args: Any, **options: Any) -> None:
        organisation = Organisation.objects.filter(kind=OrganisationKind.HUB).order_by("id").first()
        if organisation is None:
            raise CommandError(
                "There is no organisation of the kind “hub” yet. Load the directory first: seawall manage load_directory FILE."
            )
        actor = Actor.machine("add_administrator")
        try:
            with transaction.atomic():
                person = add_person(email=options["email"], name=options["name"], password=None, actor=actor)
                give_role(person=person, role=Role.ADMINISTRATOR, organisation=organisation, actor=actor)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        link = reverse(
            "account_reset_password_from_key",
            kwargs={"uidb36": user_pk_to_url_str(person), "key": default_token_generator.make_token(person)},
        )
        self.stdout.write(
            f"{person.name} can set a password here, once, within three days: {settings.PUBLIC_URL}{link}"
        )
