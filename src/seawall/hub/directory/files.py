"""The directory as a file: organisations, desks and platforms of a hub, checked before anything of it is taken over."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import yaml
from django.core.exceptions import ValidationError as NotAllowed
from django.db import transaction
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from seawall.hub.directory import services
from seawall.hub.directory.models import Desk, Organisation, OrganisationKind, Platform
from seawall.hub.directory.roles import Partition
from seawall.hub.ledger.services import Actor

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=50)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Address = Annotated[str, StringConstraints(pattern=r"^https?://", max_length=500)]

Endpoint = Annotated[str, StringConstraints(pattern=r"^(https?://|mailto:)", max_length=500)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DeskEntry(_Part):
    slug: Slug
    name: Line
    partition: Literal["general", "welfare", "candidate_support", "police"]


class RuleEntry(_Part):
    code: Slug
    title: Line
    text: Line
    dated: date
    last_checked: date
    harms: list[Slug]
    source_url: Address | Literal[""] = ""


class RouteEntry(_Part):
    channel: Line
    endpoint: Endpoint
    public_key: Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)] = ""
    token: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""
    settings: dict[Line, Annotated[str, StringConstraints(max_length=5_000)]] = {}
    probe: Line = "http"


class PlatformEntry(_Part):
    slug: Slug
    name: Line
    rules: list[RuleEntry] = []
    route: RouteEntry | None = None


class OrganisationEntry(_Part):
    slug: Slug
    name: Line
    kind: Literal["hub", "police", "charity", "platform", "regulator", "ombudsman", "electoral_authority", "oversight"]
    state_body: bool
    desks: list[DeskEntry] = []
    platform: PlatformEntry | None = None


class DirectoryFile(_Part):
    """The whole file."""

    organisations: list[OrganisationEntry]


class DirectoryFileError(Exception):
    """The directory file cannot be used."""


def read(path: Path) -> DirectoryFile:
    """Read and check the file. Raises DirectoryFileError that names every field at fault."""
    try:
        return DirectoryFile.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except ValidationError as error:
        said = "\n".join(f"  {'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise DirectoryFileError(f"{path} cannot be used:\n{said}\nMend these fields and load it again.") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DirectoryFileError(f"{path} cannot be read: {error}") from error


@transaction.atomic
def load(content: DirectoryFile, *, actor: Actor) -> int:
    """Add what the directory does not have yet and set the routes that differ; remove nothing. Says how many things were added or set.

    Raises RoleNotAllowed for a desk in a partition that its organisation may not have, DirectoryFileError for an unknown channel.
    """
    changes = 0
    for entry in content.organisations:
        organisation = Organisation.objects.filter(slug=entry.slug).first()
        if organisation is None:
            try:
                organisation = services.register_organisation(
                    slug=entry.slug,
                    name=entry.name,
                    kind=OrganisationKind(entry.kind),
                    state_body=entry.state_body,
                    actor=actor,
                )
            except NotAllowed as error:
                raise DirectoryFileError(f"{entry.slug}: {' '.join(error.messages)}") from error
            changes += 1
        for desk in entry.desks:
            if not Desk.objects.filter(slug=desk.slug).exists():
                services.open_desk(
                    organisation=organisation,
                    slug=desk.slug,
                    name=desk.name,
                    partition=Partition(desk.partition),
                    actor=actor,
                )
                changes += 1
        if entry.platform is not None:
            changes += _platform(entry.platform, organisation, actor)
    return changes


def _platform(entry: PlatformEntry, organisation: Organisation, actor: Actor) -> int:
    changes = 0
    platform = Platform.objects.filter(slug=entry.slug).first()
    if platform is None:
        platform = services.register_platform(organisation=organisation, slug=entry.slug, name=entry.name, actor=actor)
        changes += 1
    known = set(platform.rules.values_list("code", "dated"))
    new = [rule for rule in entry.rules if (rule.code, rule.dated) not in known]
    if new:
        services.record_rules(
            platform=platform, rules=[services.Rule(**rule.model_dump()) for rule in new], actor=actor
        )
        changes += len(new)
    wanted, route = entry.route, getattr(platform, "route", None)
    if wanted is None:
        return changes
    if route is None or any(getattr(route, name) != value for name, value in wanted.model_dump().items()):
        try:
            services.set_route(platform=platform, actor=actor, **wanted.model_dump())
        except services.RouteUnusable as error:
            raise DirectoryFileError(f"{entry.slug}: {error}") from error
        changes += 1
    return changes
