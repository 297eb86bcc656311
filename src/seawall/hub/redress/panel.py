"""What members of the public said of a case's post, as the case's page shows it: their words, never who they are."""

from __future__ import annotations

from seawall.hub.casework.models import Case
from seawall.hub.casework.panels import Panel
from seawall.hub.directory.models import Person
from seawall.hub.redress.models import Report


def reports_panel(case: Case, person: Person) -> Panel | None:
    """The reports that led to a case or joined it; None when there are none."""
    if case.desk_id not in person.desk_ids():
        return None
    found = list(Report.objects.filter(case=case, withdrawn_at=None).order_by("received_at"))
    withdrawn = Report.objects.filter(case=case).exclude(withdrawn_at=None).count()
    if not found and not withdrawn:
        return None
    return Panel(
        title="Reported by the public",
        template="redress/case_panel.html",
        context={"reports": found, "withdrawn": withdrawn, "danger": any(report.danger_now for report in found)},
    )
