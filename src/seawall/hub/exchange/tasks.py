"""Background work of the exchange: telling recipients' software of changes, expiring, reminding."""

from __future__ import annotations

from uuid import UUID

from procrastinate.contrib.django import app

from seawall.hub.exchange.models import Community, Reason
from seawall.hub.jobs import PERIODIC, defer


def queue_announcement(community: Community) -> None:
    """Tell the recipients of a community soon that there is something new; once for whatever happens until then."""
    defer("exchange.announce", once=f"exchange.announce-{community.pk}", in_seconds=2, community_id=str(community.pk))
    if community.labels_published:
        defer("exchange.labels", once=f"exchange.labels-{community.pk}", in_seconds=2, community_id=str(community.pk))


@app.task(name="exchange.announce", queue="exchange", retry=PERIODIC)
def announce(community_id: str) -> None:
    """Call the software of every recipient that has not been handed the latest change."""
    from seawall.hub.exchange import recipients

    recipients.announce(community_id=community_id)


@app.task(name="exchange.labels", queue="exchange", retry=PERIODIC)
def publish_labels(community_id: str) -> None:
    """Issue labels for what is new in a community, and take back those that stand on nothing any more."""
    from seawall.hub.exchange.labels import services

    services.publish(community_id=UUID(community_id))


@app.periodic(cron="*/5 * * * *")
@app.task(name="exchange.labels_tick", queue="exchange", queueing_lock="exchange.labels_tick", retry=PERIODIC)
def labels_tick(timestamp: int) -> None:
    """Every five minutes: labels of all communities, whatever no call was made for; forget old negations."""
    from seawall.hub.exchange.labels import services

    del timestamp
    services.publish_all()
    services.forget()


@app.task(name="exchange.withdraw_of_decision", queue="exchange", retry=PERIODIC)
def withdraw_of_decision(decision_id: str, appeal: int) -> None:
    """Withdraw, in every community, what stands on a decision whose referral was taken back."""
    from seawall.hub.exchange import signals

    signals.withdraw_of_decision(
        decision_id=UUID(decision_id), reason=Reason.APPEAL if appeal else Reason.REFERRAL, actor=signals.KEEPER
    )


@app.task(name="exchange.seek_in_batch", queue="exchange", retry=PERIODIC)
def seek_in_batch(batch_id: str) -> None:
    """Compare a batch of posts with the signals in use; what fits comes before people."""
    from seawall.hub.exchange import seeking

    seeking.seek(batch_id=UUID(batch_id))


def seek_later(batch_id: UUID) -> None:
    """Look again in an hour at what the machine's quota held back."""
    defer("exchange.seek_in_batch", once=f"exchange.seek-{batch_id}", in_seconds=3_600, batch_id=str(batch_id))


@app.periodic(cron="*/5 * * * *")
@app.task(name="exchange.tick", queue="exchange", queueing_lock="exchange.tick", retry=PERIODIC)
def tick(timestamp: int) -> None:
    """Every five minutes: withdraw what has lasted its time, remind those who did not confirm."""
    from seawall.hub.exchange import recipients, signals

    del timestamp
    signals.expire_due()
    recipients.remind_due()
