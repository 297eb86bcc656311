"""Background work on the ledger: signing a root each hour, and picking up what a dead worker left."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import structlog
from procrastinate.contrib.django import app
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

from seawall.hub.jobs import PERIODIC
from seawall.hub.ledger import services

log = structlog.get_logger(__name__)


@app.periodic(cron="0 * * * *")
@app.task(name="ledger.sign_root", queue="ledger", queueing_lock="ledger.sign_root", retry=PERIODIC)
def sign_root(timestamp: int) -> None:
    """Link what is pending and sign the Merkle root over everything so far."""
    del timestamp
    services.link_all_pending()
    services.sign_root()


DEAD_AFTER = float(os.environ.get("SEAWALL_WORKER_DEAD_AFTER", "60"))
"""Seconds without a sign of life after which a worker counts as dead."""


@app.periodic(cron="* * * * *")
@app.task(
    name="ledger.pick_up_stalled",
    queue="ledger",
    queueing_lock="ledger.pick_up_stalled",
    retry=PERIODIC,
    pass_context=True,
)
async def pick_up_stalled(context: Any, timestamp: int) -> None:
    """Put jobs whose worker died back into the queue."""
    del timestamp
    await requeue_stalled(context.app)


async def requeue_stalled(running: Any, *, seconds: float = DEAD_AFTER) -> int:
    """Requeue the jobs whose worker has given no sign of life for `seconds`; say how many."""
    stalled = list(await running.job_manager.get_stalled_jobs(seconds_since_heartbeat=seconds))
    await asyncio.gather(*(_put_back(running.job_manager, job) for job in stalled))
    if stalled:
        log.warning("jobs of a dead worker were put back", jobs=[job.id for job in stalled])
    return len(stalled)


async def _put_back(jobs: JobManager, job: Job) -> None:
    try:
        await jobs.retry_job(job)
    except UniqueViolation:
        # Its like was queued meanwhile and will do the work; two cannot wait.
        await jobs.finish_job(job, status=Status.ABORTED, delete_job=True)
