"""Background work on incidents: count every quarter of an hour, end what has lasted its time."""

from __future__ import annotations

from procrastinate.contrib.django import app

from seawall.hub.jobs import PERIODIC


@app.periodic(cron="*/15 * * * *")
@app.task(name="incidents.count", queue="incidents", queueing_lock="incidents.count", retry=PERIODIC)
def count(timestamp: int) -> None:
    """Every quarter of an hour: write down the counts of each incident that is on."""
    from seawall.hub.incidents import counting
    from seawall.hub.incidents.models import Incident

    del timestamp
    for incident in Incident.objects.filter(ended_at=None).select_related("community"):
        counting.snapshot(incident)


@app.periodic(cron="* * * * *")
@app.task(name="incidents.lapse", queue="incidents", queueing_lock="incidents.lapse", retry=PERIODIC)
def lapse(timestamp: int) -> None:
    """Every minute: end the incidents whose time has run out."""
    from seawall.hub.incidents import services

    del timestamp
    services.lapse_due()
