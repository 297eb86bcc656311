"""Background work: jobs are queued by name or task, in the transaction of the change that asks for them.

The queue is PostgreSQL (procrastinate), so a job exists exactly when its change was committed. A demonstration plays its own time and does
the work itself, step by step; nothing is queued while it plays.
"""

from __future__ import annotations

from typing import Any

import structlog
from procrastinate import exceptions
from procrastinate.contrib.django import app

from seawall.hub import moment

log = structlog.get_logger(__name__)


def defer(name: str, *, once: str | None = None, in_seconds: int = 0, **arguments: str | int) -> None:
    """Queue the task called `name`, in the current transaction if there is one.

    With `once`, nothing is queued while a job with the same key still waits. Raises TaskNotFound for an unknown name.
    """
    if moment.is_played():
        return
    task = app.tasks.get(name)
    options: dict[str, Any] = {}
    if once is not None:
        options["queueing_lock"] = once
    if in_seconds:
        options["schedule_in"] = {"seconds": in_seconds}
    if task is None:
        raise exceptions.TaskNotFound(
            f"No background task is called {name}. Look at the `name=` of the tasks in hub/*/tasks.py."
        )
    try:
        task.configure(**options).defer(**arguments)
    except exceptions.AlreadyEnqueued:
        log.debug("already queued", task=name, key=once)
