"""`seawall worker`: background work, and the sequencer that links the ledger."""

from __future__ import annotations

import os
import threading

import click

from seawall.commands.bootstrap import hub

LINK_EVERY = 0.5  # seconds between two runs of the sequencer


@click.command()
@click.option(
    "--concurrency",
    default=int(os.environ.get("SEAWALL_WORKER_CONCURRENCY", "4")),
    show_default=True,
    help="Jobs at a time.",
)
def worker(concurrency: int) -> None:
    """Do background work until Ctrl-C: assess, open cases, refer, collect answers, probe, escalate, link the ledger.

    Any number of workers may run beside one another. A job whose worker was killed is picked up again.
    """
    with hub():
        work(concurrency=concurrency)


def work(*, concurrency: int, wait: bool = True) -> None:
    """Work until stopped; with `wait=False`, until the queue is empty."""
    import asyncio

    from procrastinate.contrib.django import app

    from seawall.hub.ledger.tasks import DEAD_AFTER, requeue_stalled

    stop = threading.Event()
    sequencer = threading.Thread(target=_link_until, args=(stop,), name="sequencer", daemon=True)
    sequencer.start()
    background = app.with_connector(app.connector.get_worker_connector())  # type: ignore[attr-defined]  # Django's connector has it

    async def run() -> None:
        async with background.open_async():
            await requeue_stalled(background)
            await background.run_worker_async(
                concurrency=concurrency,
                wait=wait,
                delete_jobs="successful",
                update_heartbeat_interval=min(5.0, DEAD_AFTER / 4),
                stalled_worker_timeout=DEAD_AFTER,
                shutdown_graceful_timeout=10,
                fetch_job_polling_interval=1,
            )

    try:
        asyncio.run(run())
    finally:
        stop.set()
        sequencer.join(timeout=5)


def _link_until(stop: threading.Event) -> None:
    import structlog
    from django.db import Error, connection

    from seawall.hub.ledger.services import link_all_pending

    log = structlog.get_logger(__name__)
    while not stop.wait(LINK_EVERY):
        try:
            link_all_pending()
        except Error as problem:
            log.warning("the sequencer could not link the ledger; it tries again", problem=str(problem))
            connection.close()
    connection.close()
