"""Every verb that the ledger knows, with exactly what an entry of that verb may say.

An entry lasts for ever and auditors read it, so its payload holds identifiers, codes, counts and digests only: never a text, a name, an
address or a handle. A field that is not declared here cannot be recorded. Add a verb at the end of its section; never change the meaning
of one that has been used: give it a new name instead.
"""

from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Code = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.,:/+()-]*$")]
"""A machine value: a harm id, a state, a platform's slug, a detector's version. No space is allowed, so no sentence fits."""
Citation = Annotated[
    str,
    StringConstraints(max_length=120, pattern=r"^[A-Z][A-Za-z ]+ [0-9]{4}, [a-z]+ [0-9]+[A-Z]*(\([0-9A-Za-z]+\))*$"),
]
"""A provision of an Act as the code of practice names it: title, year, section (“Suicide Act 1961, section 2”)."""
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 in lower-case hexadecimal."""
Identifier = Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9-]+$")]
Count = Annotated[int, Field(ge=0, le=2**53 - 1)]
Counts = dict[Code, Count]


class Event(BaseModel):
    """What an entry says. Subclasses set `verb` (stored) and `means` (what a person reads)."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    verb: ClassVar[str]
    means: ClassVar[str]


# The code of practice


class CodeAdopted(Event):
    verb = "practice.code_adopted"
    means = "A version of the code of practice was adopted"
    code: Code
    version: Code
    digest: Digest
    harms: Count


# The directory


class OrganisationRegistered(Event):
    verb = "directory.organisation_registered"
    means = "An organisation was registered"
    kind: Code
    state_body: bool


class DeskOpened(Event):
    verb = "directory.desk_opened"
    means = "A desk was opened"
    organisation: Identifier
    partition: Code


class PlatformRegistered(Event):
    verb = "directory.platform_registered"
    means = "A platform was registered"
    organisation: Identifier
    slug: Code


class PlatformRulesRecorded(Event):
    verb = "directory.platform_rules_recorded"
    means = "A platform's rules were recorded, with the date they were checked"
    rules: Count


class RouteSet(Event):
    verb = "directory.route_set"
    means = "The way to reach a platform was set"
    channel: Code
    public_key_digest: Digest


class PersonAdded(Event):
    verb = "directory.person_added"
    means = "A person was added"


class RoleGiven(Event):
    verb = "directory.role_given"
    means = "A role was given to a person"
    role: Code
    organisation: Identifier
    desk: Identifier | None = None


class RoleWithdrawn(Event):
    verb = "directory.role_withdrawn"
    means = "A role was withdrawn from a person"
    role: Code
    organisation: Identifier
    desk: Identifier | None = None


class PasswordLinkSent(Event):
    verb = "directory.password_link_sent"
    means = "A person was sent a link to choose a password"


class SecondFactorRemoved(Event):
    verb = "directory.second_factor_removed"
    means = "A person's second factor was removed by an administrator"


class PersonDeactivated(Event):
    verb = "directory.person_deactivated"
    means = "A person's account was closed"


class PersonReactivated(Event):
    verb = "directory.person_reactivated"
    means = "A person's account was opened again"


# Content


class BatchIngested(Event):
    verb = "content.batch_ingested"
    means = "A batch of posts was taken in"
    source: Code
    desk: Identifier
    received: Count
    new: Count
    revised: Count
    unchanged: Count
    by_platform: Counts
    merkle_root: Digest


class BatchAssessed(Event):
    verb = "content.batch_assessed"
    means = "A batch of posts was assessed by a detector"
    batch: Identifier
    detector: Code
    assessed: Count
    flagged: Count
    by_family: Counts
    merkle_root: Digest
    #: Posts in a language that the models do not know: they count neither as flagged nor as fine.
    not_assessed: Count = 0


class ContentRevealed(Event):
    verb = "content.revealed"
    means = "A person chose to see masked content"


# Casework


class CaseOpened(Event):
    verb = "case.opened"
    means = "A case was opened"
    content: Identifier
    platform: Code
    desk: Identifier
    origin: Code
    harm: Code
    code_version: Code
    severity: Count
    first_seen_at: datetime
    decision_within: Count | None


class CaseClaimed(Event):
    verb = "case.claimed"
    means = "A person took up a case"


class CaseReleased(Event):
    verb = "case.released"
    means = "A person put a case back in the queue"


class CaseTransferred(Event):
    verb = "case.transferred"
    means = "A person passed a case to the desk that the code of practice names for its harm"
    desk: Identifier
    harm: Code
    severity: Count
    decision_within: Count | None


class CaseDecided(Event):
    verb = "case.decided"
    means = "A person decided a case"
    decision: Identifier
    outcome: Code
    harm: Code
    code_version: Code
    basis: Code
    provision: Citation | None
    context: Code
    second_review_needed: bool


class DecisionReviewed(Event):
    verb = "case.decision_reviewed"
    means = "A second person reviewed a decision"
    decision: Identifier
    concurs: bool


class CaseClosed(Event):
    verb = "case.closed"
    means = "A case was closed"
    outcome: Code
    harm: Code
    platform: Code


class QuotaReached(Event):
    verb = "case.quota_reached"
    means = "The machine reached the number of cases that it may queue in a day, and stopped"
    quota: Count
    held_back: Count


class CaseBroughtForward(Event):
    verb = "case.brought_forward"
    means = "A case was put first, because a report says that a life is in danger now"
    desk: Identifier
    harm: Code
    severity: Count
    decision_within: Count | None


# Referrals


class ReferralPrepared(Event):
    verb = "referral.prepared"
    means = "A referral was prepared for a platform"
    case: Identifier
    decision: Identifier
    platform: Code
    kind: Code
    harm: Code
    code_version: Code
    basis: Code
    referrer_type: Code
    state_body: bool
    requested_action: Code
    limit_seconds: Count
    limit_basis: Code
    document_digest: Digest
    first_seen_at: datetime
    case_opened_at: datetime
    decided_at: datetime


class ReferralReceived(Event):
    verb = "referral.received"
    means = "A platform confirmed that it received a referral: the clock starts"
    platform: Code
    received_at: datetime
    attempts: Count
    receipt_digest: Digest
    proof: Code = "signed"


class DeliveryFailed(Event):
    verb = "referral.delivery_failed"
    means = "A referral could not be delivered"
    platform: Code
    attempts: Count
    problem: Code
    final: bool


class ReferralReturned(Event):
    verb = "referral.returned"
    means = "A referral that a server had taken came back undelivered: its clock never ran"
    platform: Code


class ReferralRequeued(Event):
    verb = "referral.requeued"
    means = "A person had a failed delivery tried again"
    platform: Code


class InformationGiven(Event):
    verb = "referral.information_given"
    means = "The hub answered a question of the platform"
    platform: Code


class ReferralAnswered(Event):
    verb = "referral.answered"
    means = "A platform answered a referral"
    platform: Code
    answered_at: datetime
    status: Code
    reason_code: Code | None
    restricted: bool
    proof: Code = "signed"
    way: Code = "channel"


class ClockPaused(Event):
    verb = "referral.clock_paused"
    means = "A referral's clock was paused"
    platform: Code
    reason: Code
    at: datetime


class ClockResumed(Event):
    verb = "referral.clock_resumed"
    means = "A referral's clock runs again"
    platform: Code
    at: datetime


class ReferralProbed(Event):
    verb = "referral.probed"
    means = "The hub looked whether the content is still up"
    platform: Code
    checkpoint: Code
    state: Code


class ReferralEscalated(Event):
    verb = "referral.escalated"
    means = "A clock ran out and the referral was escalated"
    platform: Code
    step: Code


class ReferralWithdrawn(Event):
    verb = "referral.withdrawn"
    means = "A referral was taken back"
    platform: Code
    by: Code
    state_body: bool
    restore: bool
    document_digest: Digest


class WithdrawalAcknowledged(Event):
    verb = "referral.withdrawal_acknowledged"
    means = "A platform confirmed that it has a withdrawal"
    platform: Code
    proof: Code
    receipt_digest: Digest


class NoticeConfirmed(Event):
    verb = "referral.confirmed"
    means = "A platform confirmed a formal notice"
    platform: Code


class MailReceived(Event):
    verb = "referral.mail_received"
    means = "A mail about a referral came in"
    platform: Code
    kind: Code


class ReferralRead(Event):
    verb = "referral.read"
    means = "An overseer read a referral"
    platform: Code
    state_body: bool
    opinion: Code


class RecommendationAnswered(Event):
    verb = "referral.recommendation_answered"
    means = "A desk answered the overseer's recommendation to withdraw"
    platform: Code
    followed: bool


# Those who refer


class DeskWarned(Event):
    verb = "desk.warned"
    means = "A desk was warned because its referrals were wrong too often"
    referred: Count
    refused: Count
    overturned: Count


class DeskSuspended(Event):
    verb = "desk.suspended"
    means = "A desk may not refer for a time"
    referred: Count
    refused: Count
    overturned: Count
    until: datetime


class SuspensionLifted(Event):
    verb = "desk.suspension_lifted"
    means = "A desk may refer again before its suspension ended"


class ApiKeyGiven(Event):
    verb = "organisation.api_key_given"
    means = "An organisation's software was let in"
    organisation: Identifier


class ApiKeyWithdrawn(Event):
    verb = "organisation.api_key_withdrawn"
    means = "An organisation's software is no longer let in"
    organisation: Identifier


class SubscriptionMade(Event):
    verb = "organisation.subscribed"
    means = "An organisation asked to be told by webhook"
    organisation: Identifier


class SubscriptionEnded(Event):
    verb = "organisation.unsubscribed"
    means = "An organisation is no longer told by webhook"
    organisation: Identifier


class ElectionPeriodEntered(Event):
    verb = "calendar.election_entered"
    means = "An election period was entered in the operator's calendar"
    begins: datetime
    ends: datetime


class ElectionPeriodCancelled(Event):
    verb = "calendar.election_cancelled"
    means = "An election period was taken out of the operator's calendar"
    begins: datetime
    ends: datetime


# The public's side


class ReportReceived(Event):
    verb = "report.received"
    means = "A member of the public made a report"
    kind: Code
    danger_now: bool
    young_person: bool


class ReportLinked(Event):
    verb = "report.linked"
    means = "A report was linked to a case"
    case: Identifier


class ReportWithdrawn(Event):
    verb = "report.withdrawn"
    means = "The reporter withdrew a report"


def _subclasses(of: type[Event]) -> dict[str, type[Event]]:
    return {kind.verb: kind for kind in of.__subclasses__()}


EVENTS: dict[str, type[Event]] = _subclasses(Event)
"""Every verb with the class that says what its entries hold."""
