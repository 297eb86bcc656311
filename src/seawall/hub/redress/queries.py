"""Reads of the public's side."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from seawall.hub.casework.models import Case, CaseState, Outcome
from seawall.hub.redress.models import Report, ReportState
from seawall.hub.redress.services import digest_of
from seawall.hub.referrals.models import Referral, ReferralState


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What the reporter may know: where it stands, what comes next and by when."""

    state: ReportState
    heading: str
    words: str
    next_step_by: datetime | None = None


def report_by_secret(secret: str) -> Report:
    """Raises Report.DoesNotExist."""
    return Report.objects.select_related("case__content", "platform").get(secret_sha256=digest_of(secret))


def progress_of(report: Report) -> Progress:
    """Where a report stands, in plain words."""
    if report.withdrawn_at is not None:
        return Progress(
            state=ReportState.WITHDRAWN,
            heading="You withdrew this report",
            words="We keep no note of yours. If a person had begun to look at the post, they may go on, because the post is still there.",
        )
    case = report.case
    if case is None or case.state == CaseState.OPEN:
        return Progress(
            state=ReportState.RECEIVED,
            heading="We have your report",
            words="A person will read it. No machine decides.",
            next_step_by=case.due_at if case else None,
        )
    if case.state != CaseState.CLOSED:
        return Progress(
            state=ReportState.LOOKED_AT,
            heading="A person is looking at it",
            words="Somebody has taken it up. Where the decision is serious, a second person checks it.",
            next_step_by=case.due_at,
        )
    return _closed(case)


def _closed(case: Case) -> Progress:
    if case.outcome == Outcome.REFER:
        referral = Referral.objects.filter(case=case).order_by("-prepared_at").first()
        return _referred(case, referral)
    heading, words = {
        Outcome.SUPPORT: (
            "We did not ask for it to be taken down",
            "A person read it and thought that support would help more than removal.",
        ),
        Outcome.HAND_OFF: (
            "We passed it to the body in charge",
            "It belongs with another body, which has the powers that it needs. They may not be able to tell you what they do.",
        ),
    }.get(
        Outcome(case.outcome),
        (
            "We did not ask for it to be taken down",
            (
                "A person read it and found that, as far as we can tell, it breaks neither the law nor the platform’s rules. "
                "You can still report it to the platform yourself, and you can tell us if something changes."
            ),
        ),
    )
    return Progress(state=ReportState.CLOSED, heading=heading, words=words)


def _referred(case: Case, referral: Referral | None) -> Progress:
    name = case.content.platform.name
    if referral is None or referral.state == ReferralState.QUEUED:
        return Progress(
            state=ReportState.LOOKED_AT,
            heading="A person decided to refer it",
            words=f"We are sending it to {name}. This page will say when they have it.",
        )
    if referral.state == ReferralState.FAILED:
        return Progress(
            state=ReportState.LOOKED_AT,
            heading=f"We could not reach {name}",
            words="A person decided to refer it, and it could not be delivered. Somebody here is told, and tries again.",
        )
    if referral.state != ReferralState.ANSWERED:
        return Progress(
            state=ReportState.LOOKED_AT,
            heading=f"We asked {name} to act",
            words=f"{name} has our request and decides what to do. We watch the clock.",
            next_step_by=referral.clock().due(),
        )
    return _answered(name, referral)


def _answered(name: str, referral: Referral) -> Progress:
    answer = referral.answers.filter(status="COMPLETED").order_by("-answered_at").first()
    reason = answer.reason_code if answer is not None else ""
    acted = reason == "ACTIONED"
    last = referral.probes.order_by("-at").first()
    seen = last.state if last is not None else ""
    if seen in ("removed", "restricted"):
        gone = "it is gone" if seen == "removed" else "it can no longer be seen freely"
        return Progress(
            state=ReportState.CLOSED,
            heading=f"{name} acted on it" if acted else "It is no longer there for all to see",
            words=f"We looked ourselves: {gone}.",
        )
    if acted:
        return _claimed(name, referral, seen)
    if reason == "CONTENT_DOWN_OR_INACCESSIBLE":
        heading = "It was gone already"
        words = f"{name} says that it had been taken down, or could not be seen, before they looked."
    elif reason == "REVIEWED_NO_ACTION":
        heading = f"{name} decided not to act"
        detail = answer.detail if answer is not None else ""
        words = f"{name} looked at it and left it up. Their reason: {f'“{detail}”' if detail else 'none given.'}"
    else:
        heading = f"{name} could not settle it"
        words = f"{name} says that they could not find it or knew too little to decide."
    return Progress(state=ReportState.CLOSED, heading=heading, words=words)


def _claimed(name: str, referral: Referral, seen: str) -> Progress:
    """What to say when the platform says that it acted and we have not seen the post gone."""
    if referral.document.get("requested_action") not in ("remove", "restrict_age"):
        return Progress(
            state=ReportState.CLOSED,
            heading=f"{name} acted on it",
            words="We did not ask for it to be taken down, but for fewer people to meet it, or for a warning beside it.",
        )
    words = {
        "": "We look for ourselves next, and this page will say what we saw.",
        "unreachable": "We could not reach the page to see for ourselves. We look again, and this page will say what we saw.",
        "edited": "When we looked, the page was there without the words that we had asked about.",
    }.get(seen, "When we looked, it was still there. We look again, and publish what we find.")
    return Progress(state=ReportState.LOOKED_AT, heading=f"{name} says that it acted", words=words)
