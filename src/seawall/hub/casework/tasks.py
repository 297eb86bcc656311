"""Background work on cases."""

from __future__ import annotations

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from seawall.hub.casework.models import Decision
from seawall.hub.jobs import defer


@app.task(name="casework.open_cases", queue="casework", retry=RetryStrategy(max_attempts=8, exponential_wait=3))
def open_cases(batch_id: str) -> None:
    """Open the cases that the code of practice asks for after a batch was assessed."""
    from seawall.hub.casework.services import open_cases_for_batch

    open_cases_for_batch(batch_id=batch_id)


def open_cases_later(batch_id: str) -> None:
    """Try again in an hour what the machine's quota held back."""
    defer("casework.open_cases", once=f"open-cases-{batch_id}", in_seconds=3_600, batch_id=str(batch_id))


def queue_referral(decision: Decision) -> None:
    """Hand a decision to refer over to referrals. By name, since casework lies below referrals and imports nothing of it."""
    defer("referrals.prepare", decision_id=str(decision.pk))
