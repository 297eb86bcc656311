"""What the doors for members' software have in common."""

from __future__ import annotations

from django.http import HttpRequest

from seawall.hub.access import organisation_of
from seawall.hub.exchange.models import Member
from seawall.hub.exchange.queries import receiving_member
from seawall.hub.web.software import Refused


def member_for(request: HttpRequest, slug: str) -> Member:
    """The member whose software asks. Raises Refused (404) for outsiders and observers alike."""
    try:
        return receiving_member(organisation=organisation_of(request), slug=slug)
    except Member.DoesNotExist as missing:
        raise Refused(
            404, "community", "Your organisation receives no signals in a community of this name."
        ) from missing
