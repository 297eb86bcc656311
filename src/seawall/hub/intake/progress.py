"""How a report that came in stands: read from its case and the referrals of it each time, and told as answers of the XARF channel."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from seawall.channels import Answer
from seawall.channels.base import ReasonCode, Status
from seawall.channels.xarf_server import lacking
from seawall.hub.casework.models import Case, CaseState, Outcome
from seawall.hub.intake.models import IncomingReport
from seawall.hub.intake.walls import is_told_nothing
from seawall.hub.referrals.models import PlatformAnswer, Referral, ReferralState

CLOSED: dict[Outcome, str] = {
    Outcome.NO_ACTION: "A person read it and found nothing in it that breaks the law or the platform’s rules.",
    Outcome.SUPPORT: "A person read it. Support is offered; no removal is asked for.",
    Outcome.HAND_OFF: "A person read it. It was handed to the body in charge; nothing is asked of the platform.",
}
"""What is said when a case was closed and nothing is asked of a platform: each time REVIEWED_NO_ACTION."""

ANSWERED: dict[str, str] = {
    "ACTIONED": "It was referred, and {platform} says that it acted.",
    "REVIEWED_NO_ACTION": "It was referred, and {platform} says that it looked at it and leaves it up.",
    "NOT_RESOLVABLE": "It was referred, and {platform} says that it cannot tell which post is meant.",
    "CONTENT_DOWN_OR_INACCESSIBLE": "It was referred, and {platform} says that it was gone before.",
}


@dataclass
class _Told:
    report: IncomingReport
    answers: list[Answer] = field(default_factory=list)

    def add(
        self,
        step: str,
        at: datetime,
        status: Status,
        detail: str,
        *,
        reason: ReasonCode | None = None,
        puid: str | None = None,
        actions: tuple[str, ...] = (),
    ) -> None:
        last = self.answers[-1].at if self.answers else at
        made = Answer(
            answer_id=f"{self.report.pk}.{step}",
            reference=str(self.report.pk),
            at=max(at, last),
            status=status,
            reason_code=reason,
            detail=detail,
            puid=puid,
            actions=actions,
            proof="acknowledged",
        )
        self.answers.append(made)


def answers_for(report: IncomingReport) -> list[Answer]:
    """Every step so far, the oldest first; never empty. Says ACTIONED only where a platform restricted something, with its puid.

    Two steps can be gone the next time: a person may put a case back in the queue.
    """
    told, case = _Told(report), report.case
    hushed = case is not None and is_told_nothing(case=case, organisation=report.organisation)
    told.add(
        "received",
        report.received_at,
        "RECEIVED",
        "It lies with a desk that tells the police nothing of its cases. No further answer follows." if hushed else "",
    )
    if report.test:
        told.add("test", report.received_at, "COMPLETED", "A test: nobody acts on it.", reason="REVIEWED_NO_ACTION")
    elif case is None:
        words = "It names no post: neither an address nor its words. This hub works on posts alone."
        told.add("no-post", report.received_at, "COMPLETED", words, reason="NOT_RESOLVABLE")
    elif not hushed:
        _case(told, case)
    return told.answers


def _case(told: _Told, case: Case) -> None:
    if case.state == CaseState.OPEN:
        return
    first = case.decisions.order_by("decided_at").first()
    begun = case.claimed_at or (first.decided_at if first else None) or case.closed_at or told.report.received_at
    told.add("taken-up", begun, "PROCESSING", "A person is looking at it.")
    if case.state != CaseState.CLOSED or case.closed_at is None:
        return
    if case.outcome != Outcome.REFER:
        told.add("closed", case.closed_at, "COMPLETED", CLOSED[Outcome(case.outcome)], reason="REVIEWED_NO_ACTION")
        return
    referral = Referral.objects.filter(case=case).select_related("platform").order_by("-prepared_at").first()
    name = (referral.platform if referral else case.content.platform).name
    told.add("referred", case.closed_at, "PROCESSING", f"A person decided to refer it to {name}, which decides.")
    if referral is not None:
        _referral(told, referral)


def _referral(told: _Told, referral: Referral) -> None:
    name = referral.platform.name
    if referral.state == ReferralState.WITHDRAWN:
        withdrawal = getattr(referral, "withdrawal", None)
        at = withdrawal.withdrawn_at if withdrawal is not None else referral.prepared_at
        words = f"It was referred to {name}, and then the referral was taken back."
        told.add("withdrawn", at, "COMPLETED", words, reason="REVIEWED_NO_ACTION")
        return
    if referral.received_at is not None:
        told.add("delivered", referral.received_at, "PROCESSING", f"{name} has the referral, and decides.")
    if referral.state == ReferralState.ANSWERED:
        _answered(told, name, referral.answers.filter(status="COMPLETED").order_by("-answered_at", "-id").first())


def _answered(told: _Told, name: str, answer: PlatformAnswer | None) -> None:
    if answer is None or answer.reason_code not in ANSWERED:
        return
    step, at, words = f"answered-{answer.pk}", answer.collected_at, ANSWERED[answer.reason_code].format(platform=name)
    acted = answer.reason_code == "ACTIONED"
    told.add(
        step,
        at,
        "COMPLETED",
        words,
        reason=answer.reason_code,  # type: ignore[arg-type]  # one of ANSWERED, all of which are reason codes
        puid=answer.puid or None if acted else None,
        actions=tuple(filter(None, map(_plain, answer.actions[:20]))) if acted else (),
    )
    if lacking(told.answers[-1]):
        told.answers.pop()
        told.add(step, at, "PROCESSING", f"{words} It named nothing by which that could be checked.")


def _plain(action: object) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in str(action)).split())[:200]
