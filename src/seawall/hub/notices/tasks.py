"""Background work on notices: open reviews, and say what time brings."""

from __future__ import annotations

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from seawall.hub.jobs import PERIODIC


@app.task(name="notices.open_review", queue="referrals", retry=RetryStrategy(max_attempts=5, exponential_wait=3))
def open_review(answer_id: str) -> None:
    """Open the review that a platform asks for."""
    from seawall.hub.notices import reviews

    reviews.open_review(answer_id=answer_id)


@app.periodic(cron="*/5 * * * *")
@app.task(name="notices.tick", queue="referrals", queueing_lock="notices.tick", retry=PERIODIC)
def tick(timestamp: int) -> None:
    """Every five minutes: open reviews whose job was lost, say which are late, and tell platforms until when they keep what they removed."""
    from seawall.hub.notices import orders, queries, reviews

    del timestamp
    for answer_id in queries.unopened():
        reviews.open_review(answer_id=answer_id)
    for review_id in queries.late():
        reviews.remind_of_review(review_id=review_id)
    for notice in queries.to_tell_of_keeping():
        orders.tell_of_keeping(notice=notice)
