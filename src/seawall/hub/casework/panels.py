"""What the nouns above casework show on a case's page, such as its referrals and the public's reports.

They say so when the program starts (`AppConfig.ready`), so that casework need not know of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from seawall.hub.casework.models import Case
from seawall.hub.directory.models import Person


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One section of the page: its heading, and the template that is given `context` as `panel`."""

    title: str
    template: str
    context: Mapping[str, Any]


Maker = Callable[[Case, Person], Panel | None]
_makers: dict[str, tuple[int, Maker]] = {}


def add(name: str, maker: Maker, *, place: int) -> None:
    """Have `maker` asked for a panel on every case's page; lower places stand first. The same name replaces what it named before."""
    _makers[name] = (place, maker)


def panels_for(*, case: Case, person: Person) -> list[Panel]:
    """The panels of a case that the person may see, in order; what has nothing to show is left out."""
    made = [maker(case, person) for _place, maker in sorted(_makers.values(), key=lambda pair: pair[0])]
    return [panel for panel in made if panel is not None]
