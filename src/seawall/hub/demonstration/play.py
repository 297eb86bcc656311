"""Plays the demonstration: nine days of a hub's work, by the same services that people's work goes through, in a played time.

What happens next is always read from the database, so a demonstration that was stopped anywhere goes on from there. The played time ends
at the real time of the first start; what is not done by then is left for whoever looks round.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Max

from seawall import channels
from seawall.channels.base import parse_stamp
from seawall.hub import moment
from seawall.hub.casework.models import Case, CaseState, Decision, Outcome
from seawall.hub.casework.services import open_cases_for_batch
from seawall.hub.content import services as content
from seawall.hub.content.models import Content, IngestBatch
from seawall.hub.demonstration import reviewers, sample
from seawall.hub.demonstration.cast import STAGE
from seawall.hub.demonstration.models import Run
from seawall.hub.directory.models import Desk, Person, Platform
from seawall.hub.ledger.queries import entries, entries_about
from seawall.hub.ledger.services import link_all_pending
from seawall.hub.redress import services as redress
from seawall.hub.redress.models import About, AgeBand, ForWhom, Report, ReportKind
from seawall.hub.referrals import services as referrals
from seawall.hub.referrals.models import Checkpoint, Information, Referral, ReferralState
from seawall.sandbox.control import SandboxControl

FEED_EVERY = timedelta(hours=2)
LEFT_FOR_VISITORS = timedelta(hours=14)
"""Cases of the last hours stay in the queue, for whoever looks round."""
POLLS = [
    timedelta(minutes=minutes)
    for minutes in (20, 60, 180, 360, 720, 1440, 2160, 2880, 4320, 5760, 7200, 8640, 10080, 12000)
]
PLAYED = r"^(content|case|referral|report)\."  # verbs of what is played, not of what is set up beforehand
LOOKS_EVERY = timedelta(
    minutes=1
)  # how often a hub at work looks for clocks that have run out; the due instant itself is in time
REPORTED = 0.5  # share of harmful posts that the detector passed over and somebody then reports

ABOUT = {
    "at_risk": About.SELF_HARM,
    "suicide_self_harm": About.SELF_HARM,
    "eating_disorder": About.EATING,
    "violent_threat": About.THREAT,
    "gang_weapons": About.WEAPONS,
    "hate": About.HATE,
    "abuse": About.ABUSE,
    "health_misinformation": About.HEALTH,
}

Act = Callable[[], None]


@dataclass
class Play:
    """One run of the demonstration against a running sandbox.

    `progress(done, of)` is told how many hours of played time have passed. Cost: about ten milliseconds an event.
    """

    sandbox: SandboxControl
    run: Run
    progress: Callable[[float, float], None] = lambda _done, _of: None
    _heap: list[tuple[datetime, int, Act]] = field(default_factory=list)
    _count: Iterator[int] = field(default_factory=itertools.count)
    _answered: set[UUID] = field(default_factory=set)
    _begins_at: datetime = field(init=False)

    @property
    def starts_at(self) -> datetime:
        return sample.posts()[0].posted_at(self.run.ends_at) - timedelta(minutes=1)

    def play(self) -> None:
        """Play what is left up to the end. Raises ChannelError or SandboxRefusal when the sandbox cannot be reached."""
        self.cast = reviewers.Cast({person.email: person for person in Person.objects.all()})
        self.desk = Desk.objects.get(slug="general")
        self._begins_at = self._where_it_stopped()
        self._plan()
        with _unhurried_commits():
            self._run()
        link_all_pending()
        self.run.finished_at = datetime.now(UTC)
        self.run.save(update_fields=["finished_at"])

    def _run(self) -> None:
        while self._heap:
            at, _, act = heapq.heappop(self._heap)
            if at > self.run.ends_at:
                break
            with moment.demonstration_at(at):
                act()
            self.progress(
                (at - self.starts_at) / timedelta(hours=1), (self.run.ends_at - self.starts_at) / timedelta(hours=1)
            )

    def _at(self, when: datetime, act: Act) -> None:
        """Have `act` done at `when`, or as soon as the played time allows where that has passed."""
        heapq.heappush(self._heap, (max(when, self._now()), next(self._count), act))

    def _now(self) -> datetime:
        return moment.now() if moment.is_played() else self._begins_at

    def _where_it_stopped(self) -> datetime:
        """The last moment at which anything happened, here or at the sandbox: nothing is played twice, nor before what it follows."""
        times = [self.run.played_to]
        last = entries().filter(demonstration=True, verb__regex=PLAYED).aggregate(at=Max("occurred_at"))["at"]
        if last is not None:
            times.append(last)
        if self.sandbox.state()["simulated"]:
            times.append(parse_stamp(self.sandbox.state()["now"]))
        return min(max(times), self.run.ends_at)

    # What is to happen, as the database has it

    def _plan(self) -> None:
        begin = self.run.played_to
        while begin < self.run.ends_at:
            end = min(begin + FEED_EVERY, self.run.ends_at)
            self._at(end, lambda since=begin, until=end: self._feed(since, until))  # type: ignore[misc]
            begin = end
        for batch in IngestBatch.objects.filter(assessed_at=None):
            self._at(batch.taken_at, lambda batch_id=batch.pk: self._assess(batch_id))  # type: ignore[misc]
        assessed = IngestBatch.objects.exclude(assessed_at=None).order_by("taken_at")
        if (last := assessed.last()) is not None:  # it may have been stopped between the assessment and the cases
            with moment.demonstration_at(self._now()):
                open_cases_for_batch(batch_id=str(last.pk))
        for batch in assessed:
            self._open_cases(batch.pk, plan_only=True)
        for case in Case.objects.exclude(state=CaseState.CLOSED).select_related("content", "desk"):
            self._next_for_case(case)
        for decision in Decision.objects.filter(
            outcome=Outcome.REFER, voided_at=None, referral=None, case__state=CaseState.CLOSED
        ):
            self._at(decision.decided_at, lambda pk=decision.pk: self._refer(pk))  # type: ignore[misc]
        for referral in Referral.objects.exclude(state=ReferralState.FAILED):
            self._next_for_referral(referral)

    def _next_for_case(self, case: Case) -> None:
        if case.state == CaseState.SECOND_REVIEW:
            decision = case.decisions.filter(voided_at=None).latest("decided_at")
            self._at(decision.decided_at + reviewers.delay_before_review(case), lambda: self._review(decision.pk))
            return
        when = self._in_queue_since(case) + reviewers.delay_before_decision(case)
        if when < self.run.ends_at - LEFT_FOR_VISITORS:
            self._at(when, lambda: self._decide(case.pk))

    def _in_queue_since(self, case: Case) -> datetime:
        """Since when the case waits at its present desk: its opening, or when it was passed on or sent back."""
        since = [case.opened_at]
        voided = case.decisions.aggregate(at=Max("voided_at"))["at"]
        if voided is not None:
            since.append(voided)
        if case.transfer_note:
            moved = entries_about(kind="case", identity=str(case.pk)).filter(verb="case.transferred").last()
            since += [moved.occurred_at] if moved is not None else []
        return max(since)

    def _next_for_referral(self, referral: Referral) -> None:
        pk = referral.pk
        if referral.state == ReferralState.QUEUED:
            self._at(referral.prepared_at + timedelta(seconds=20), lambda: self._deliver(pk))
        elif referral.state in (ReferralState.AWAITING, ReferralState.ASKED) and referral.received_at:
            for after in POLLS:
                if referral.received_at + after >= self._now():
                    self._at(referral.received_at + after, lambda: self._collect(pk))
            self._escalate_later(referral)
            for given in Information.objects.filter(referral=referral, delivered_at=None):
                self._at(given.given_at, lambda given=given: self._deliver_information(given.pk))  # type: ignore[misc]
            self._inform_later(referral)
        elif referral.state == ReferralState.ANSWERED and referral.answered_at:
            self._look_later(referral)

    def _escalate_later(self, referral: Referral) -> None:
        """Plan the ladder for when the clock runs out; again after a pause, which puts that off."""
        since = referral.clock().breached_at(self.run.ends_at)
        for wait in referrals.LADDER.values():
            if since is not None:
                self._at(since + wait + LOOKS_EVERY, lambda: self._escalate(referral.pk))

    def _inform_later(self, referral: Referral) -> None:
        """Plan the hub's answer to a question of the platform that has none yet."""
        if referral.state != ReferralState.ASKED or referral.information.exists():
            return
        asked = referral.answers.filter(reason_code="NEED_MORE_INFORMATION").earliest("collected_at")
        wait = timedelta(minutes=30 + 150 * reviewers.draw("inform", referral.case.content.native_id))
        self._at(asked.collected_at + wait, lambda: self._inform(referral.pk))

    def _look_later(self, referral: Referral) -> None:
        if referral.answered_at is None:
            return
        for checkpoint, after in referrals.PROBE_AFTER.items():
            if not referral.probes.filter(checkpoint=checkpoint).exists():
                self._at(
                    referral.answered_at + after,
                    lambda checkpoint=checkpoint: self._probe(referral.pk, checkpoint),  # type: ignore[misc]
                )

    # What happens

    def _feed(self, since: datetime, until: datetime) -> None:
        due = [post for post in sample.posts() if since < post.posted_at(self.run.ends_at) <= until]
        known = {platform.slug for platform in Platform.objects.all()}
        posts = [
            sample.as_post(post, url=self.sandbox.post_url(post.platform, post.id), ends_at=self.run.ends_at)
            for post in due
            if post.platform in known
        ]
        content.ingest(items=posts, source="sample", desk=self.desk, actor=STAGE)
        self.run.played_to = until
        self.run.save(update_fields=["played_to"])
        for batch in IngestBatch.objects.filter(assessed_at=None):
            self._assess(batch.pk)

    def _assess(self, batch_id: UUID) -> None:
        content.assess(batch_id=batch_id)
        self._open_cases(batch_id)

    def _open_cases(self, batch_id: UUID, *, plan_only: bool = False) -> None:
        if not plan_only:
            open_cases_for_batch(batch_id=str(batch_id))
            for case in Case.objects.filter(content__batch=batch_id).select_related("content", "desk"):
                self._next_for_case(case)
        missed = Content.objects.filter(batch=batch_id, cases=None).values_list("native_id", "first_seen_at")
        for native_id, seen_at in missed:
            label = sample.labels().get(native_id)
            chance = reviewers.draw("report", native_id)
            if label is not None and label.family in ABOUT and chance < REPORTED:
                self._at(
                    seen_at + timedelta(hours=1 + 20 * chance),
                    lambda native_id=native_id: self._report(native_id),  # type: ignore[misc]
                )

    def _report(self, native_id: str) -> None:
        post = Content.objects.select_related("platform").get(native_id=native_id)
        if post.cases.exists():
            return
        label = sample.labels()[native_id]
        receipt = redress.receive(
            kind=ReportKind.LINK,
            about=About.CANDIDATE if label.target == "candidate" else ABOUT[label.family or "abuse"],
            for_whom=ForWhom.PUBLIC,
            age_band=AgeBand.UNSAID,
            danger_now=False,
            link=post.url,
            text="",
            note="",
            visitor=redress.visitor_digest(native_id),
        )
        case = Report.objects.select_related("case__content", "case__desk").get(pk=receipt.report.pk).case
        if case is not None:
            self._next_for_case(case)

    def _decide(self, case_id: UUID) -> None:
        case = Case.objects.select_related("content__platform", "desk__organisation").get(pk=case_id)
        if case.state not in (CaseState.OPEN, CaseState.CLAIMED):
            return
        decision = reviewers.work(case, self.cast)
        case = Case.objects.select_related("content", "desk").get(pk=case_id)
        if (
            decision is None or case.state == CaseState.SECOND_REVIEW
        ):  # passed on to another desk, or to a second person
            self._next_for_case(case)
        elif decision.outcome == Outcome.REFER:
            self._refer(decision.pk)

    def _review(self, decision_id: UUID) -> None:
        decision = Decision.objects.select_related("case__content", "case__desk").get(pk=decision_id)
        if decision.voided_at is not None or decision.case.state != CaseState.SECOND_REVIEW:
            return
        if reviewers.review(decision, self.cast):
            self._refer(decision_id)
        else:
            self._next_for_case(Case.objects.select_related("content", "desk").get(pk=decision.case_id))

    def _refer(self, decision_id: UUID) -> None:
        referral = referrals.prepare(decision_id=decision_id)
        self._next_for_referral(referral)

    def _deliver(self, referral_id: UUID) -> None:
        self.sandbox.set_clock(self._now())
        try:
            self._next_for_referral(referrals.deliver(referral_id=referral_id))
        except channels.ChannelError as error:
            if not error.retryable:
                raise
            self._at(self._now() + timedelta(minutes=5), lambda: self._deliver(referral_id))

    def _collect(self, referral_id: UUID) -> None:
        if referral_id in self._answered:
            return
        self.sandbox.set_clock(self._now())
        referrals.collect(referral_id=referral_id)
        referral = Referral.objects.select_related("case__content").get(pk=referral_id)
        if referral.state == ReferralState.ANSWERED:
            self._answered.add(referral_id)
            self._probe(referral_id, Checkpoint.ANSWER)
            self._look_later(referral)
        else:
            self._inform_later(referral)

    def _inform(self, referral_id: UUID) -> None:
        referral = Referral.objects.select_related("case__desk", "case__content").get(pk=referral_id)
        if referral.state != ReferralState.ASKED:
            return
        given = referrals.inform(
            referral=referral,
            person=self.cast.worker(referral.case),
            text="Demonstration: what the platform asked for. The address and the text's digest are in the referral.",
        )
        self._deliver_information(given.pk)

    def _deliver_information(self, information_id: UUID) -> None:
        self.sandbox.set_clock(self._now())
        referrals.deliver_information(information_id=information_id)
        given = Information.objects.select_related("referral").get(pk=information_id)
        self._escalate_later(given.referral)

    def _probe(self, referral_id: UUID, checkpoint: Checkpoint) -> None:
        self.sandbox.set_clock(self._now())
        referrals.probe(referral_id=referral_id, checkpoint=checkpoint, tries=referrals.OUTAGE_TRIES)

    def _escalate(self, referral_id: UUID) -> None:
        if referral_id in self._answered:
            return
        referrals.escalate(referral_id=referral_id)


@contextmanager
def _unhurried_commits() -> Iterator[None]:
    """Let commits not wait for the disk: what a power cut takes away is played again."""
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
        try:
            yield
        finally:
            cursor.execute("RESET synchronous_commit")


def begin(*, sandbox: SandboxControl) -> Run:
    """The demonstration's run: a new one that ends now, or the one that was begun before. Puts the posts up on the sandbox."""
    run = Run.objects.order_by("id").first()
    if run is None:
        ends_at = datetime.now(UTC)
        starts_at = sample.posts()[0].posted_at(ends_at) - timedelta(minutes=1)
        run = Run.objects.create(ends_at=ends_at, played_to=starts_at)
    sandbox.seed(sample.for_platforms(sample.posts(), ends_at=run.ends_at))
    return run
