"""Background work on referrals: delivering, collecting answers, probing, escalating. One job a referral, retried with back-off."""

from __future__ import annotations

from uuid import UUID

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from seawall.hub.jobs import defer
from seawall.hub.referrals.models import Checkpoint, Information, Referral

PATIENT = RetryStrategy(max_attempts=12, exponential_wait=2)  # 2, 4, 8 ... seconds: a little over two hours in all


def queue_delivery(referral: Referral) -> None:
    defer("referrals.deliver", referral_id=str(referral.pk))


def queue_information(given: Information) -> None:
    defer("referrals.deliver_information", information_id=str(given.pk))


def queue_probe(referral_id: UUID, checkpoint: Checkpoint, *, tries: int = 1, in_seconds: int = 0) -> None:
    defer(
        "referrals.probe",
        once=f"probe-{referral_id}-{checkpoint}",
        in_seconds=in_seconds,
        referral_id=str(referral_id),
        checkpoint=str(checkpoint),
        tries=tries,
    )


@app.task(name="referrals.prepare", queue="referrals", retry=RetryStrategy(max_attempts=5, exponential_wait=3))
def prepare(decision_id: str) -> None:
    """Make the referral that a decision asks for."""
    from seawall.hub.referrals import services

    services.prepare(decision_id=decision_id)


@app.task(name="referrals.deliver", queue="referrals", retry=PATIENT)
def deliver(referral_id: str) -> None:
    """Hand a referral to its platform."""
    from seawall.hub.referrals import services

    services.deliver(referral_id=referral_id)


@app.task(name="referrals.deliver_information", queue="referrals", retry=PATIENT)
def deliver_information(information_id: str) -> None:
    """Hand a platform what it asked for."""
    from seawall.hub.referrals import services

    services.deliver_information(information_id=information_id)


@app.task(name="referrals.collect", queue="referrals", retry=RetryStrategy(max_attempts=3, exponential_wait=5))
def collect(referral_id: str) -> None:
    """Fetch what a platform has answered."""
    from seawall.hub.referrals import services

    services.collect(referral_id=referral_id)


@app.task(name="referrals.probe", queue="referrals", retry=PATIENT)
def probe(referral_id: str, checkpoint: str, tries: int = 1) -> None:
    """Look whether content is still up; when it cannot be told, look again later, at growing distances."""
    from seawall.hub.referrals import services

    referral = Referral.objects.get(pk=referral_id)
    point = Checkpoint(checkpoint)
    seen = services.probe(referral_id=referral_id, checkpoint=point, tries=tries)
    if seen is None and not referral.probes.filter(checkpoint=point).exists():
        queue_probe(referral.pk, point, tries=tries + 1, in_seconds=min(3_600, 30 * 2**tries))


@app.periodic(cron="* * * * *")
@app.task(name="referrals.tick", queue="referrals", queueing_lock="referrals.tick")
def tick(timestamp: int) -> None:
    """Each minute: ask for answers, take the probes and the steps of escalation that are due."""
    from seawall.hub.referrals import queries, services

    del timestamp
    for referral_id in queries.to_poll():
        defer("referrals.collect", once=f"collect-{referral_id}", referral_id=str(referral_id))
    for referral_id, checkpoint in queries.due_probes():
        queue_probe(referral_id, checkpoint)
    for referral_id in queries.out_of_time():
        services.escalate(referral_id=referral_id)
