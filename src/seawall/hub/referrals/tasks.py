"""Background work on referrals: delivering, collecting answers, probing, escalating. One job a referral, retried with back-off."""

from __future__ import annotations

from collections.abc import Sequence
from random import SystemRandom
from uuid import UUID

import structlog
from procrastinate import BaseRetryStrategy, JobContext, RetryDecision, RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.jobs import Job

from seawall.channels import ChannelError
from seawall.hub.jobs import PERIODIC, alive, defer, defer_many
from seawall.hub.referrals.models import (
    Checkpoint,
    Information,
    Objection,
    PlatformAnswer,
    Referral,
    UserNotice,
    Withdrawal,
)

log = structlog.get_logger(__name__)


class Patience(BaseRetryStrategy):
    """Try again after 2, 4, 8 ... seconds, at last every hour, or when the platform asked us to; give up after about a week.

    Whether a delivery that keeps failing is still worth it is the service's to say; see `services.deliver`.
    """

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if job.attempts >= 180:
            return None
        wait = min(3_600, 2 ** min(job.attempts + 1, 12))
        asked = exception.retry_after if isinstance(exception, ChannelError) else None
        return RetryDecision(retry_in={"seconds": int(max(wait, min(asked or 0, 3_600)))})


PATIENT = Patience()
URGENT = 10
"""The priority of what is on its way to a platform: each minute's round of looking for answers must not stand before it."""
FAILURES = 5  # looks for answers in a row that failed, after which a platform is left alone until the next minute


def queue_delivery(referral: Referral) -> None:
    defer("referrals.deliver", referral_id=str(referral.pk))


def queue_information(given: Information) -> None:
    defer("referrals.deliver_information", information_id=str(given.pk))


def queue_withdrawal(made: Withdrawal) -> None:
    defer("referrals.deliver_withdrawal", withdrawal_id=str(made.pk))


def queue_user_notice(notice: UserNotice) -> None:
    defer("referrals.deliver_user_notice", notice_id=str(notice.pk))


def queue_objection_mail(answered: Objection) -> None:
    defer("referrals.mail_objection", objection_id=str(answered.pk))


def queue_review(appeal: PlatformAnswer) -> None:
    """Hand a platform's request for a review of a notice over to notices. By name, since referrals lies below them."""
    defer("notices.open_review", answer_id=str(appeal.pk))


def queue_forgetting(made: Withdrawal, *, appeal: bool) -> None:
    """What was shared because of the decision is withdrawn too, wherever it went."""
    defer("exchange.withdraw_of_decision", decision_id=str(made.referral.decision_id), appeal=int(appeal))


def queue_probe(referral_id: UUID, checkpoint: Checkpoint, *, tries: int = 1, in_seconds: int = 0) -> None:
    defer(
        "referrals.probe",
        once=f"probe-{referral_id}-{checkpoint}",
        in_seconds=in_seconds,
        referral_id=str(referral_id),
        checkpoint=str(checkpoint),
        tries=tries,
    )


@app.task(
    name="referrals.prepare",
    queue="referrals",
    priority=URGENT,
    retry=RetryStrategy(max_attempts=5, exponential_wait=3),
)
def prepare(decision_id: str) -> None:
    """Make the referral that a decision asks for."""
    from seawall.hub import moment
    from seawall.hub.referrals import additions, services
    from seawall.hub.referrals.documents import NoticeFirst, NotReferable
    from seawall.hub.referrals.user_notice_delays import HeldForAnswer

    try:
        services.prepare(decision_id=decision_id)
    except NoticeFirst:
        additions.take(decision_id)
    except HeldForAnswer as held:
        wait = max(1, int((held.until - moment.now()).total_seconds()) + 1)
        defer("referrals.prepare", once=f"prepare-{decision_id}", in_seconds=wait, decision_id=decision_id)
    except NotReferable as problem:
        log.error(
            "a decision to refer cannot be prepared, and trying again does not help",
            decision=decision_id,
            why=str(problem),
        )


@app.task(name="referrals.deliver", queue="referrals", priority=URGENT, retry=PATIENT)
def deliver(referral_id: str) -> None:
    """Hand a referral to its platform."""
    from seawall.hub.referrals import services

    services.deliver(referral_id=referral_id)


@app.task(name="referrals.deliver_information", queue="referrals", priority=URGENT, retry=PATIENT)
def deliver_information(information_id: str) -> None:
    """Hand a platform what it asked for."""
    from seawall.hub.referrals import services

    services.deliver_information(information_id=information_id)


@app.task(name="referrals.deliver_withdrawal", queue="referrals", priority=URGENT, retry=PATIENT)
def deliver_withdrawal(withdrawal_id: str) -> None:
    """Tell a platform that a referral is withdrawn."""
    from seawall.hub.referrals import withdrawals

    withdrawals.deliver_withdrawal(withdrawal_id=withdrawal_id)


@app.task(
    name="referrals.release_user_notice", queue="referrals", retry=RetryStrategy(max_attempts=5, exponential_wait=3)
)
def release_user_notice(notice_id: str) -> None:
    """A delay is over: let the platform tell the person."""
    from seawall.hub.referrals import user_notices
    from seawall.hub.referrals.models import Released

    user_notices.release(notice_id=notice_id, because=Released.EXPIRED)


@app.task(name="referrals.deliver_user_notice", queue="referrals", retry=PATIENT)
def deliver_user_notice(notice_id: str) -> None:
    """Hand a platform the words for the person, or the new end of a delay."""
    from seawall.hub.referrals import user_notices

    user_notices.deliver(notice_id=notice_id)


@app.task(name="referrals.mail_objection", queue="referrals", retry=PATIENT)
def mail_objection(objection_id: str) -> None:
    """Tell whoever left a mail address that their objection is answered."""
    from seawall.hub.referrals import objections

    objections.mail_answer(objection_id=objection_id)


@app.task(name="referrals.collect", queue="referrals", retry=PERIODIC, pass_context=True)
def collect(context: JobContext, platform: str) -> None:
    """Fetch what a platform has answered, on every referral that it is to be asked about now, one after the other.

    One job a platform: however many referrals are open and however slowly it answers, it takes one place from what is on its way to others.
    After FAILURES in a row it is left alone until the next minute.
    """
    from seawall.hub.referrals import queries, services

    asked = queries.to_poll(platform=platform)
    SystemRandom().shuffle(asked)  # what always fails must not stand before the rest each time
    failures = 0
    for referral_id in asked:
        if context.should_abort() or failures == FAILURES:
            return
        try:
            services.collect(referral_id=referral_id)
        except ChannelError:  # kept with the referral, where people see it
            failures += 1
        else:
            failures = 0


@app.task(name="referrals.probe", queue="referrals", retry=PATIENT)
def probe(referral_id: str, checkpoint: str, tries: int = 1) -> None:
    """Look whether content is still up; when it cannot be told, look again later, at growing distances."""
    from seawall.hub.referrals import services

    referral = Referral.objects.get(pk=referral_id)
    point = Checkpoint(checkpoint)
    seen = services.probe(referral_id=referral_id, checkpoint=point, tries=tries)
    if seen is None and not referral.probes.filter(checkpoint=point).exists():
        queue_probe(referral.pk, point, tries=tries + 1, in_seconds=min(3_600, 30 * 2**tries))


@app.task(name="referrals.escalate", queue="referrals", retry=RetryStrategy(max_attempts=3, exponential_wait=5))
def escalate(referral_id: str) -> None:
    """Take the steps that are due on a referral whose clock has run out."""
    from seawall.hub.referrals import services

    services.escalate(referral_id=referral_id)


@app.periodic(cron="* * * * *")
@app.task(name="referrals.tick", queue="referrals", queueing_lock="referrals.tick", retry=PERIODIC)
def tick(timestamp: int) -> None:
    """Each minute: ask for answers, take the probes and the steps of escalation that are due, end delays. What is on its way already
    is left alone."""
    from seawall.hub.referrals import pending, queries

    del timestamp
    _queue("referrals.release_user_notice", "notice_id", pending.delays_over())
    _queue("referrals.collect", "platform", queries.platforms_to_poll())
    _queue("referrals.escalate", "referral_id", queries.out_of_time())
    probing = alive("referrals.probe", "referral_id")
    for referral_id, checkpoint in queries.due_probes():
        if str(referral_id) not in probing:
            queue_probe(referral_id, checkpoint)


@app.periodic(cron="*/10 * * * *")
@app.task(name="referrals.sweep", queue="referrals", queueing_lock="referrals.sweep", retry=PERIODIC)
def sweep(timestamp: int) -> None:
    """Every ten minutes: queue again whatever should be on its way and is not, because its job failed for good or was lost."""
    from seawall.hub.referrals import pending

    del timestamp
    _queue("referrals.prepare", "decision_id", pending.unprepared())
    _queue("referrals.deliver", "referral_id", pending.undelivered())
    _queue("referrals.deliver_information", "information_id", pending.undelivered_information())
    _queue("referrals.deliver_withdrawal", "withdrawal_id", pending.untold_withdrawals())
    _queue("referrals.deliver_user_notice", "notice_id", pending.undelivered_user_notices())
    _queue("referrals.mail_objection", "objection_id", pending.unmailed_objections())


def _queue(task: str, argument: str, wanted: Sequence[UUID | str]) -> None:
    if not wanted:
        return
    under_way = alive(task, argument)
    defer_many(task, [{argument: identity} for identity in map(str, wanted) if identity not in under_way])
