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
    #: When a formal notice was given, where its clock runs from then on and not from the receipt.
    given_at: datetime | None = None


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


# What the person is told whose post was referred


class UserNoticeMade(Event):
    verb = "user_notice.made"
    means = "A notice to the person who posted it was made with a referral"
    referral: Identifier
    platform: Code
    state_body: bool
    language: Code
    version: Count
    own_words: bool
    delayed: bool


class UserNoticeLeftOut(Event):
    verb = "user_notice.left_out"
    means = "A referral was made without a notice to the person who posted it"
    referral: Identifier
    platform: Code
    reason: Code
    state_body: bool


class UserNoticeReleased(Event):
    verb = "user_notice.released"
    means = "A delay ended, and the platform may tell the person who posted it"
    referral: Identifier
    platform: Code
    because: Code
    state_body: bool


class UserNoticeReached(Event):
    verb = "user_notice.reached"
    means = "A platform has the words for the person who posted it"
    referral: Identifier
    platform: Code
    way: Code


class UserTold(Event):
    verb = "user_notice.user_told"
    means = "A platform said whether it told the person who posted it"
    referral: Identifier
    platform: Code
    told: bool
    way: Code
    delayed: bool


class NoticeDelayAsked(Event):
    verb = "user_notice.delay_asked"
    means = "Somebody asked that a person is told later"
    platform: Code
    reason: Code
    days: Count
    again: bool
    state_body: bool


class NoticeDelayAnswered(Event):
    verb = "user_notice.delay_answered"
    means = "A second person approved or refused that a person is told later"
    platform: Code
    reason: Code
    approved: bool
    until: datetime | None
    state_body: bool


class NoticeDelayLapsed(Event):
    verb = "user_notice.delay_lapsed"
    means = "Nobody answered in time whether a person is told later, so they were told"
    platform: Code
    reason: Code


class NoticeDelayEnded(Event):
    verb = "user_notice.delay_ended"
    means = "A desk ended a delay before its time"
    platform: Code
    reason: Code


class NoticeTextAdopted(Event):
    verb = "user_notice.text_adopted"
    means = "Words for the notice to the person who posted something were adopted"
    platform: Code | None
    language: Code
    version: Count
    digest: Digest


class ComplaintRouteEntered(Event):
    verb = "user_notice.complaint_route_entered"
    means = "The way to complain to a platform was entered"
    platform: Code


class ObjectionMade(Event):
    verb = "user_notice.objection_made"
    means = "Somebody who was told of a referral wrote that it was wrong"
    referral: Identifier
    platform: Code
    state_body: bool


class ObjectionAnswered(Event):
    verb = "user_notice.objection_answered"
    means = "An objection to a referral was answered by somebody who had no part in it"
    referral: Identifier
    platform: Code
    state_body: bool
    upheld: bool


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


class TimesHurried(Event):
    verb = "calendar.times_hurried"
    means = "Times of the code of practice were halved for some harms because of an incident, or the end of that was set anew"
    harms: Count
    begins: datetime
    ends: datetime


class PowerRecorded(Event):
    verb = "practice.power_recorded"
    means = "The operator recorded that a statutory power is in force for an organisation"
    organisation: Identifier
    kind: Code
    read_on: datetime


class PowerEnded(Event):
    verb = "practice.power_ended"
    means = "The operator's record of a statutory power was ended"
    organisation: Identifier
    kind: Code


# Formal notices and removal orders


class OfficerProfileKept(Event):
    verb = "notice.officer_profile_kept"
    means = "An authorising officer wrote down how they are named in notices"


class NoticeDrafted(Event):
    verb = "notice.drafted"
    means = "A decision waits for an officer to give a notice or an order"
    case: Identifier
    decision: Identifier
    power: Identifier
    kind: Code


class NoticeWritten(Event):
    verb = "notice.written"
    means = "An officer wrote at a draft"
    parts_digest: Digest


class NoticeGiven(Event):
    verb = "notice.given"
    means = "An officer gave a notice or an order"
    kind: Code
    power: Identifier
    referral: Identifier
    document_digest: Digest


class NoticeDeclined(Event):
    verb = "notice.declined"
    means = "An officer declined to give a notice or an order"
    kind: Code


class NoticeSettled(Event):
    verb = "notice.settled"
    means = "A desk settled what becomes of a decision whose notice an officer declined"
    way: Code


class NoticeReviewAsked(Event):
    verb = "notice.review_asked"
    means = "A platform asked for a review of a notice or an order"
    platform: Code
    referral: Identifier
    asked_at: datetime
    independent: Count


class NoticeReviewDecided(Event):
    verb = "notice.review_decided"
    means = "An officer who had no part in a notice decided on its review"
    platform: Code
    referral: Identifier
    outcome: Code


class OrderCopySent(Event):
    verb = "notice.copy_sent"
    means = "A removal order was copied to the authority of the host's member state"
    sent_at: datetime
    received_at: datetime | None


class OrderScrutinised(Event):
    verb = "notice.scrutiny_noted"
    means = "An officer noted what the authority of the host's member state found"
    outcome: Code


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


# What others' software sends


class IncomingReportReceived(Event):
    verb = "intake.report_received"
    means = "An organisation's software reported a post"
    organisation: Identifier
    state_body: bool
    type: Code
    #: The harm that the sender named, where the code of practice knows it.
    harm: Code | None
    with_referral: bool
    test: bool
    body_digest: Digest


class IncomingReportLinked(Event):
    verb = "intake.report_linked"
    means = "What an organisation's software reported was linked to a case"
    case: Identifier


class IncomingInformationReceived(Event):
    verb = "intake.information_received"
    means = "An organisation's software sent more about its report"


class IncomingReportWithdrawn(Event):
    verb = "intake.report_withdrawn"
    means = "An organisation took back what its software had reported"
    by: Code
    document_digest: Digest


class ReplyReceived(Event):
    verb = "intake.reply_received"
    means = "A platform's server replied to a report that the hub had sent it"
    platform: Code
    activity: Code
    kind: Code


# Sharing signals


class CommunityFounded(Event):
    verb = "community.founded"
    means = "A community that shares signals was founded"
    operator: Identifier
    harms: Count
    kinds: Count
    state_bodies: bool
    platforms_only: bool
    labels_published: bool = False


class AgreementPublished(Event):
    verb = "community.agreement_published"
    means = "A version of a community's agreement was published"
    community: Identifier
    version: Count
    text_digest: Digest


class MemberInvited(Event):
    verb = "community.member_invited"
    means = "An organisation was asked into a community"
    community: Identifier
    organisation: Identifier
    part: Code


class AgreementAccepted(Event):
    verb = "community.agreement_accepted"
    means = "An organisation accepted a community's agreement"
    community: Identifier
    organisation: Identifier
    version: Count
    text_digest: Digest


class MemberLeft(Event):
    verb = "community.member_left"
    means = "An organisation left a community, or was put out of it"
    community: Identifier
    organisation: Identifier
    by_operator: bool


class SignalsShared(Event):
    verb = "signal.shared"
    means = "Signals were shared in a community"
    community: Identifier
    organisation: Identifier
    by_kind: Counts
    by_harm: Counts
    until_change: Count


class SignalsWithdrawn(Event):
    verb = "signal.withdrawn"
    means = "Signals were withdrawn from a community, or had lasted their time"
    community: Identifier
    reason: Code
    by_kind: Counts
    until_change: Count


class OpinionGiven(Event):
    verb = "signal.opinion_given"
    means = "A member said what it thinks of a signal"
    community: Identifier
    organisation: Identifier
    kind: Code
    opinion: Code


class SignalDisputed(Event):
    verb = "signal.disputed"
    means = "A signal was put aside because several members called it wrong"
    community: Identifier
    kind: Code
    opinions: Count


class SignalSighted(Event):
    verb = "signal.sighted"
    means = "A signal was seen on a platform"
    sighting: Identifier
    community: Identifier
    platform: Code
    how: Code
    seen_at: datetime
    organisation: Identifier | None
    case: Identifier | None
    case_opened: bool
    first_platform: Code | None
    first_seen_at: datetime | None


class SightingLinked(Event):
    verb = "signal.sighting_linked"
    means = "A sighting of a signal was put before people, who decide"
    sighting: Identifier
    case: Identifier
    case_opened: bool


class SightingWithdrawn(Event):
    verb = "signal.sighting_withdrawn"
    means = "A member took back that it had seen a signal"
    sighting: Identifier


class DisputeSettled(Event):
    verb = "signal.dispute_settled"
    means = "A dispute about a signal was settled"
    community: Identifier
    kind: Code
    stands: bool


class LabelsPublished(Event):
    verb = "community.labels_published"
    means = "Labels of the AT Protocol were published for a community, or taken back"
    community: Identifier
    issued: Count
    taken_back: Count
    until_seq: Count


class RecipientRegistered(Event):
    verb = "recipient.registered"
    means = "A member named a place where it keeps signals"
    community: Identifier
    organisation: Identifier
    surface: Code


class ChangesConfirmed(Event):
    verb = "recipient.confirmed"
    means = "A recipient confirmed that it acted on all changes up to a number"
    until_change: Count
    proof: Code


class RecipientReminded(Event):
    verb = "recipient.reminded"
    means = "A recipient did not confirm a withdrawal in time, and a step was taken"
    community: Identifier
    organisation: Identifier
    step: Code
    change: Count


class FileTaken(Event):
    verb = "recipient.file_taken"
    means = "A member took a file of everything that was in use in a community up to a change"
    community: Identifier
    organisation: Identifier
    until_change: Count
    form: Code


class RecipientEnded(Event):
    verb = "recipient.ended"
    means = "A member said that it keeps nothing at a place any more"
    until_change: Count


# Incidents


class IncidentDeclared(Event):
    verb = "incident.declared"
    means = "An incident was declared in a community"
    community: Identifier
    kind: Code
    harms: Counts
    ends_at: datetime


class IncidentExtended(Event):
    verb = "incident.extended"
    means = "An incident was given more time, by a second person"
    ends_at: datetime
    reason_digest: Digest


class IncidentMessageSaid(Event):
    verb = "incident.message"
    means = "A member or the operator said something in an incident's channel"
    organisation: Identifier
    number: Count
    text_digest: Digest


class IncidentEnded(Event):
    verb = "incident.ended"
    means = "An incident ended, or its time ran out"
    lapsed: bool
    messages: Count
    quarters: Count
    debrief_digest: Digest


class DebriefAnswered(Event):
    verb = "incident.debrief_answered"
    means = "A question of an incident's debrief was answered"
    question: Code
    text_digest: Digest


def _subclasses(of: type[Event]) -> dict[str, type[Event]]:
    return {kind.verb: kind for kind in of.__subclasses__()}


EVENTS: dict[str, type[Event]] = _subclasses(Event)
"""Every verb with the class that says what its entries hold."""
