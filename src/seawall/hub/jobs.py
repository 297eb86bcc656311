"""Background work: jobs are queued by name or task, in the transaction of the change that asks for them.

The queue is PostgreSQL (procrastinate), so a job exists exactly when its change was committed. A demonstration plays its own time and does
the work itself, step by step; nothing is queued while it plays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog
from django.db import connection, transaction
from procrastinate import RetryStrategy, exceptions
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.tasks import Task

from seawall.hub import moment

log = structlog.get_logger(__name__)

PERIODIC = RetryStrategy(max_attempts=8, wait=5, linear_wait=5)
"""For what is done each minute or hour: a round that the database's end broke off is no fault that a person has to look into."""


def alive(name: str, argument: str) -> set[str]:
    """The values of `argument` in the jobs of the task called `name` that wait or run: what nobody needs to queue again."""
    jobs = ProcrastinateJob.objects.filter(task_name=name, status__in=("todo", "doing"))
    return {str(arguments.get(argument)) for arguments in jobs.values_list("args", flat=True)}


def defer(name: str, *, once: str | None = None, in_seconds: int = 0, **arguments: str | int) -> None:
    """Queue the task called `name`, in the current transaction if there is one.

    With `once`, nothing is queued while a job with the same key still waits. Raises TaskNotFound for an unknown name.
    """
    if moment.is_played():
        return
    task = _task(name)
    options: dict[str, Any] = {}
    if once is not None:
        options["queueing_lock"] = once
    if in_seconds:
        options["schedule_in"] = {"seconds": in_seconds}
    try:
        with transaction.atomic():  # a savepoint: a key that is taken must not spoil the change that asks
            task.configure(**options).defer(**arguments)
    except exceptions.AlreadyEnqueued:
        log.debug("already queued", task=name, key=once)


def defer_many(name: str, each: Sequence[Mapping[str, str | int]]) -> None:
    """Queue a job of the task called `name` for each of the arguments: one statement, however many. Raises TaskNotFound."""
    if each and not moment.is_played():
        arguments: list[dict[str, Any]] = [dict(one) for one in each]
        _task(name).batch_defer(*arguments)


def _task(name: str) -> Task[Any, Any, Any]:
    task = app.tasks.get(name)
    if task is None:
        raise exceptions.TaskNotFound(
            f"No background task is called {name}. Look at the `name=` of the tasks in hub/*/tasks.py."
        )
    return task


def oldest_waiting() -> timedelta | None:
    """How long the job that has waited longest past its time has waited; None when none waits. Raises DatabaseError."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT max(now() - coalesce(j.scheduled_at, e.at)) FROM procrastinate_jobs j "
            "JOIN procrastinate_events e ON e.job_id = j.id AND e.type = 'deferred' "
            "WHERE j.status = 'todo' AND (j.scheduled_at IS NULL OR j.scheduled_at <= now())"
        )
        longest: timedelta | None = cursor.fetchone()[0]
    return longest
