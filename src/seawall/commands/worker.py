"""`seawall worker`: background work, and the sequencer that links the ledger."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import click

from seawall.commands.bootstrap import hub
from seawall.family import end_with_parent

LINK_EVERY = 0.5  # seconds between two runs of the sequencer


@click.command()
@click.option(
    "--concurrency",
    default=int(os.environ.get("SEAWALL_WORKER_CONCURRENCY", "12")),
    show_default=True,
    help="Jobs at a time.",
)
@click.option("--watch-stdin", is_flag=True, hidden=True, help="Stop when standard input closes.")
def worker(concurrency: int, watch_stdin: bool) -> None:
    """Do background work until Ctrl-C: assess, open cases, refer, collect answers, probe, escalate, link the ledger.

    Any number of workers may run beside one another. A job whose worker was killed is picked up again.
    """
    if watch_stdin:
        end_with_parent()
    with hub():
        work(concurrency=concurrency)


def work(*, concurrency: int, wait: bool = True) -> None:
    """Work until stopped; with `wait=False`, until the queue is empty."""
    import asyncio

    from django.db import connection, connections
    from django.db.backends.base.base import BaseDatabaseWrapper
    from procrastinate.contrib.django import app

    from seawall.hub.ledger.tasks import DEAD_AFTER, requeue_stalled

    stop = threading.Event()
    sequencer = threading.Thread(target=_link_until, args=(stop,), name="sequencer", daemon=True)
    sequencer.start()
    background = app.with_connector(app.connector.get_worker_connector())  # type: ignore[attr-defined]  # Django's connector has it

    def stop_on_failure(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # A job whose end could not be written down would count as under way for as long as this worker lives.
        loop.default_exception_handler(context)
        signal.raise_signal(signal.SIGTERM)

    sessions: list[BaseDatabaseWrapper] = []

    def begin_thread() -> None:
        connection.inc_thread_sharing()  # so that this thread's session can be closed when the thread has ended
        sessions.append(connections[connection.alias])

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(stop_on_failure)
        # Jobs run in the loop's threads, of which there are only a few more than processors unless we say so. Most jobs wait for others.
        threads = ThreadPoolExecutor(concurrency, thread_name_prefix="job", initializer=begin_thread)
        asyncio.get_running_loop().set_default_executor(threads)
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
                task_middleware=[on_a_sound_connection],
            )

    try:
        asyncio.run(run())
    finally:
        stop.set()
        sequencer.join(timeout=5)
        for session in sessions:
            session.close()


def on_a_sound_connection(job: Callable[[], Any], _context: object, _worker: object) -> Any:
    """Run a job on a database connection that works: nobody else looks whether its thread's was broken off since the last one."""
    from django.db import close_old_connections

    close_old_connections()
    return job()


def _link_until(stop: threading.Event) -> None:
    import structlog
    from django.db import Error, connection

    from seawall.hub.ledger.services import link_all_pending

    log = structlog.get_logger(__name__)
    while not stop.wait(LINK_EVERY):
        try:
            with connection.cursor() as cursor:  # whoever looks at the server's sessions is to know this one
                cursor.execute("SET application_name = 'seawall sequencer'")
            link_all_pending()
        except Error as problem:
            log.warning("the sequencer could not link the ledger; it tries again", problem=str(problem))
            connection.close()
    connection.close()
