"""Reports by organisations' software: take one in, take in more words about it, take back what was withdrawn."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction

from seawall.channels import xarf_server
from seawall.channels.document import Problem
from seawall.channels.xarf_report import Incoming
from seawall.channels.xarf_server import Informed, Refused, Submission, TakenBack
from seawall.hub import moment
from seawall.hub.casework.models import Case, Origin
from seawall.hub.casework.services import open_case
from seawall.hub.content.models import ADDRESS_ONLY, Content
from seawall.hub.content.queries import find_content
from seawall.hub.content.services import take_in_one
from seawall.hub.directory import queries as directory
from seawall.hub.directory.models import Organisation
from seawall.hub.directory.roles import CASEWORKERS, Partition
from seawall.hub.intake import reading
from seawall.hub.intake.http import Wait
from seawall.hub.intake.models import IncomingInformation, IncomingReport
from seawall.hub.intake.walls import is_from_behind, must_stay_apart
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import Actor, record
from seawall.hub.notifications.services import notify
from seawall.hub.practice import queries as practice
from seawall.hub.redress.services import platform_of

INTAKE = Actor.machine("intake")
HOUR = timedelta(hours=1)
ORIGIN = Origin.ORGANISATION


@transaction.atomic
def receive(*, organisation: Organisation, taken: Submission) -> IncomingReport:
    """Take a report in, as content and by the code of practice as a case. The same key with the same body gives the same report.

    It never becomes a referral by itself: a person decides. What nobody is to act on, and what names no post, makes no case.
    Raises Refused: 409 for a key or a report that came before with something else, 429 beyond INTAKE_REPORTS_AN_HOUR.
    """
    sender = _held(organisation)
    known = IncomingReport.objects.filter(organisation=sender, token=taken.key).first()
    if known is not None:
        if known.body_sha256 != taken.sha256:
            raise xarf_server.reused()
        return known
    if IncomingReport.objects.filter(organisation=sender, report_id=taken.report.report_id).exists():
        raise xarf_server.known()
    _limit(sender)
    report = _kept(sender, taken)
    _record(report, taken)
    if (case := _case_for(report, taken.report)) is not None:
        report.case = case
        report.save(update_fields=["case", "platform"])
        record(event=ledger.IncomingReportLinked(case=str(case.pk)), subject=report, actor=INTAKE)
    return report


def _held(organisation: Organisation) -> Organisation:
    """The sender, its row held until the transaction ends: its requests are taken one after the other."""
    return Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)


def _limit(sender: Organisation) -> None:
    now = moment.now()
    times = IncomingReport.objects.filter(organisation=sender, received_at__gt=now - HOUR).order_by("-received_at")
    most = settings.INTAKE_REPORTS_AN_HOUR
    # The report that has to leave the hour before another one fits; none while there is room.
    blocking = times.values_list("received_at", flat=True)[most - 1 : most].first() if most > 0 else now
    if blocking is not None:
        wait = int((blocking + HOUR - now).total_seconds()) + 1
        raise Wait(
            429,
            "rate",
            f"This hub takes {most:,} reports an hour from one organisation. Wait, or ask it for more.",
            seconds=wait,
        )


def _kept(sender: Organisation, taken: Submission) -> IncomingReport:
    report = taken.report
    harm = reading.harm_named(report, practice.current_code())
    whole = not reading.is_handed_off(report)
    return IncomingReport.objects.create(
        organisation=sender,
        token=taken.key,
        body_sha256=taken.sha256,
        correlation_id=taken.correlation_id,
        report_id=report.report_id,
        received_at=moment.now(),
        category=report.category,
        type=report.type,
        reporter=report.reporter.org,
        harm=harm,
        url=reading.address_of(report),
        description=(report.description or "") if whole else "",
        evidence=reading.kept_evidence(report) if whole else [],
        document=report.referral.to_dict() if whole and report.referral is not None else None,
        test=report.is_test and not moment.in_demonstration(),
        kept_from_police=is_from_behind(sender, report),
        desk=directory.desk_for(Partition.GENERAL),
    )


def _record(report: IncomingReport, taken: Submission) -> None:
    record(
        event=ledger.IncomingReportReceived(
            organisation=str(report.organisation_id),
            state_body=report.organisation.state_body,
            type=f"{report.category}/{report.type}",
            harm=report.harm or None,
            with_referral=taken.report.referral is not None,
            test=report.test,
            body_digest=report.body_sha256,
        ),
        subject=report,
        actor=INTAKE,
    )


def _case_for(report: IncomingReport, sent: Incoming) -> Case | None:
    """The case that the report opens or joins; None when nobody is to act on it, or it tells of no post."""
    words = "" if report.url or reading.is_handed_off(sent) else reading.words_of(sent)
    if report.test or not (report.url or words):
        return None
    content = _post(report, words)
    if report.kept_from_police and not content.kept_from_police:
        Content.objects.filter(pk=content.pk).update(kept_from_police=True)
    harm = report.harm or reading.first_harm(practice.current_code())
    case, _new = open_case(content=content, harm=harm, origin=ORIGIN, actor=INTAKE)
    return case


def _post(report: IncomingReport, words: str) -> Content:
    """The post, as it is known already or as the report tells of it."""
    link = reading.web_address(report.url)
    platform = report.platform = platform_of(link)
    alone = f"intake-{report.pk}"
    native_id = reading.native_id(report.url, platform.slug) if report.url else alone
    found = find_content(platform=platform, native_id=native_id)
    if found is not None:
        apart = must_stay_apart(
            content=found, organisation=report.organisation, kept_from_police=report.kept_from_police
        )
        if not apart:
            return found
        native_id = alone
    return take_in_one(
        platform=platform,
        native_id=native_id,
        text=words or f"{ADDRESS_ONLY} {report.url}",
        url=link,
        account=None,
        posted_at=None,
        desk=report.desk,
        source="xarf",
        actor=INTAKE,
    )


@transaction.atomic
def inform(*, report: IncomingReport, told: Informed) -> IncomingInformation:
    """Keep more words about a report for whoever works on its case. The same key with the same body changes nothing.

    Raises Refused: 409 for a key that came before with other words, 429 for more than a report can have.
    """
    _held(report.organisation)
    known = IncomingInformation.objects.filter(report=report, token=told.key).first()
    if known is not None:
        if known.body_sha256 != told.sha256:
            raise xarf_server.reused()
        return known
    if report.information.count() >= settings.INTAKE_REPORTS_AN_HOUR:
        raise Refused(429, "rate", "Too much information was sent about this report already.")
    kept = IncomingInformation.objects.create(
        report=report,
        token=told.key,
        body_sha256=told.sha256,
        text="" if report.harm == reading.HANDED_OFF else told.text,
        received_at=moment.now(),
    )
    record(event=ledger.IncomingInformationReceived(), subject=report, actor=INTAKE)
    _tell(report, about=str(kept.pk), text=f"{report.organisation.name} has sent more about {report.reference}.")
    return kept


@transaction.atomic
def withdraw(*, report: IncomingReport, taken: TakenBack) -> IncomingReport:
    """Write down that the sender takes the report back. The case goes on, since it is about the post; its people are told.

    Raises Refused: 409 for another withdrawal of the same report, 422 when the withdrawal is of something else.
    """
    _held(report.organisation)
    report = IncomingReport.objects.select_related("organisation", "case__desk").get(pk=report.pk)
    if taken.withdrawal.referral_id != report.report_id:
        wrong = Problem("withdrawal.referral_id", "is not the id of the report under whose address it was sent")
        raise Refused(422, "fields", "The withdrawal is not valid.", [wrong])
    if report.withdrawn_at is not None:
        if (report.withdrawal_token, report.withdrawal_sha256) != (taken.key, taken.sha256):
            raise Refused(409, "withdrawn", "This report was withdrawn before, by another request.")
        return report
    report.withdrawn_at, report.withdrawal = moment.now(), taken.withdrawal.to_dict()
    report.withdrawal_token, report.withdrawal_sha256 = taken.key, taken.sha256
    report.save(update_fields=["withdrawn_at", "withdrawal", "withdrawal_token", "withdrawal_sha256"])
    record(
        event=ledger.IncomingReportWithdrawn(by=taken.withdrawal.by, document_digest=taken.withdrawal.sha256()),
        subject=report,
        actor=INTAKE,
    )
    _tell(report, about="withdrawn", text=f"{report.organisation.name} has taken back {report.reference}.")
    return report


def _tell(report: IncomingReport, *, about: str, text: str) -> None:
    """Tell the people of the desk where the report's case lies."""
    if report.case is None:
        return
    if report.kept_from_police and report.case.desk.partition == Partition.POLICE:
        return
    notify(
        people=directory.people_at(desk=report.case.desk, roles=CASEWORKERS),
        kind="intake.report",
        about=f"intake.report:{report.pk}:{about}",
        text=text,
        link=f"/cases/{report.case_id}/",
    )
