"""On a case's page: that the post fits a signal, or that a member saw one there. Nothing of it is decided."""

from __future__ import annotations

from seawall.hub.casework.models import Case
from seawall.hub.casework.panels import Panel
from seawall.hub.directory.models import Person
from seawall.hub.exchange.models import Community, Member, Sighting

MOST = 20


def sighting_panel(case: Case, person: Person) -> Panel | None:
    """The sightings that opened the case or joined it; None when there are none.

    In which community and by whom it was shared is told only to people of organisations that receive signals there.
    """
    found = list(
        Sighting.objects.standing()
        .filter(case=case)
        .select_related("signal__community", "signal__shared_by", "platform", "organisation")
        .order_by("recorded_at")[:MOST]
    )
    if not found:
        return None
    own = {membership.organisation_id for membership in person.current_memberships()}
    inside = Member.objects.receiving().filter(organisation__in=own)
    known = set(Community.objects.filter(members__in=inside).values_list("pk", flat=True))
    return Panel(
        title="Shared by others before",
        template="exchange/case_panel.html",
        context={"rows": [{"sighting": each, "known": each.signal.community_id in known} for each in found]},
    )
