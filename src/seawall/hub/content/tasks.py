"""Background work on content: assessing what came in, one job a batch."""

from __future__ import annotations

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from seawall.hub.content.models import IngestBatch
from seawall.hub.jobs import defer


def queue_assessment(batch: IngestBatch) -> None:
    """Have a batch assessed, once its transaction is committed."""
    defer("content.assess_batch", batch_id=str(batch.pk))


def queue_search(batch: IngestBatch) -> None:
    """Have what came in compared with the signals that others shared. By name, since content lies below the exchange."""
    defer("exchange.seek_in_batch", batch_id=str(batch.pk))


@app.task(name="content.assess_batch", queue="detect", retry=RetryStrategy(max_attempts=8, exponential_wait=3))
def assess_batch(batch_id: str) -> None:
    """Assess a batch; casework then opens the cases that the code of practice asks for."""
    from seawall.hub.content.services import assess

    assess(batch_id=batch_id)


def queue_case_opening(batch: IngestBatch) -> None:
    """Hand an assessed batch to casework. By name, since content lies below casework and imports nothing of it."""
    defer("casework.open_cases", batch_id=str(batch.pk))
