"""Is this hub alive? What a monitor asks every few seconds: three cheap questions, no names and no content in the answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db import DatabaseError, connection

from seawall.hub import jobs
from seawall.hub.ledger import queries as ledger

BEHIND_JOBS = timedelta(minutes=5)
BEHIND_LEDGER = 10_000  # entries; the sequencer links that many in one go, twice a second
"""From here on the hub says that it is behind: most likely no worker runs."""


@dataclass(frozen=True, kw_only=True)
class Health:
    """`status` is ok, behind (people are served, background work is not) or down (no database)."""

    status: str
    database: str
    unlinked_ledger_entries: int | None = None
    oldest_waiting_job_seconds: int | None = None


def health() -> Health:
    """Look now. Never raises for a database that cannot be reached or is not set up."""
    try:
        waiting = jobs.oldest_waiting()
        unlinked = ledger.unlinked()
    except DatabaseError:
        connection.close()
        return Health(status="down", database="unreachable or not set up")
    behind = unlinked > BEHIND_LEDGER or (waiting is not None and waiting > BEHIND_JOBS)
    return Health(
        status="behind" if behind else "ok",
        database="reachable",
        unlinked_ledger_entries=unlinked,
        oldest_waiting_job_seconds=None if waiting is None else int(waiting.total_seconds()),
    )
