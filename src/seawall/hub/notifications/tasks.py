"""Background work on notifications: mails and calls."""

from __future__ import annotations

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app


@app.task(name="notifications.mail", queue="notifications", retry=RetryStrategy(max_attempts=10, exponential_wait=4))
def mail() -> None:
    """Mail people what they have not been mailed yet."""
    from seawall.hub.notifications import sending

    sending.mail_waiting()


@app.task(name="notifications.call", queue="notifications")
def call(call_id: str) -> None:
    """Call one subscription; queues itself again by the schedule of Standard Webhooks until it is taken or given up."""
    from seawall.hub.notifications import sending

    sending.call(call_id=call_id)
