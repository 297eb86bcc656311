"""Reads of what came in, always through what a person may see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import CharField, QuerySet, Value
from django.urls import reverse

from seawall.hub.directory.models import Organisation, Person
from seawall.hub.intake.models import IncomingEvent, IncomingReply, IncomingReport
from seawall.hub.intake.progress import answers_for
from seawall.hub.referrals.models import Referral
from seawall.hub.referrals.words import answer_in_words


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """One line of the desk's page: who sent what and when, and what it became. Nothing of what was sent."""

    at: datetime
    sender: str
    state_body: bool
    way: str
    what: str
    became: str
    link: str
    link_text: str
    reply: IncomingReply | None = None


def own_report(*, organisation: Organisation, report_id: str) -> IncomingReport:
    """The report that the organisation's software sent. Raises IncomingReport.DoesNotExist, for another's too."""
    try:
        identity = UUID(report_id)
    except ValueError as error:
        raise IncomingReport.DoesNotExist from error
    return IncomingReport.objects.select_related("organisation", "case__desk", "case__content__platform").get(
        organisation=organisation, pk=identity
    )


def reply_for(*, person: Person | AnonymousUser, reply_id: UUID) -> IncomingReply:
    """Raises IncomingReply.DoesNotExist for what lies outside the person's desks, just as for what is not there."""
    return IncomingReply.objects.visible_to(person).select_related("referral__case__desk").get(pk=reply_id)


def arrivals(person: Person) -> QuerySet[Any, Any]:
    """What came in for the person's desks, the newest first: rows of (id, moment, table), for `shown`."""
    tables: list[QuerySet[Any, Any]] = [
        _rows(IncomingReport.objects.visible_to(person), "report"),
        _rows(IncomingEvent.objects.visible_to(person), "event"),
        _rows(IncomingReply.objects.visible_to(person), "reply"),
    ]
    return tables[0].union(*tables[1:], all=True).order_by("-received_at", "-pk")


def _rows(found: QuerySet[Any], table: str) -> QuerySet[Any, Any]:
    named = found.annotate(table=Value(table, output_field=CharField()))
    rows: QuerySet[Any, Any] = named.order_by().values_list("pk", "received_at", "table")
    return rows


def shown(rows: Iterable[tuple[UUID, datetime, str]]) -> list[Arrival]:
    """The lines of one page of `arrivals`, in their order; three queries and those of the reports' progress."""
    wanted = list(rows)
    ids = {table: [pk for pk, _at, name in wanted if name == table] for table in ("report", "event", "reply")}
    reports = IncomingReport.objects.select_related("organisation", "case__desk", "case__content__platform")
    events = IncomingEvent.objects.select_related("platform", "answer__referral")
    replies = IncomingReply.objects.select_related("referral__platform", "answer")
    made: dict[UUID, Arrival] = {each.pk: _report(each) for each in reports.filter(pk__in=ids["report"])}
    made |= {each.pk: _event(each) for each in events.filter(pk__in=ids["event"])}
    made |= {each.pk: _reply(each) for each in replies.filter(pk__in=ids["reply"])}
    return [made[pk] for pk, _at, _table in wanted]


def _report(report: IncomingReport) -> Arrival:
    case = report.case
    what = "A referral by another hub" if report.document else f"A report of the type {report.type}"
    if case is not None:
        became = f"Case, {case.get_state_display().lower()}"
    else:
        became = answers_for(report)[-1].detail
    return Arrival(
        at=report.received_at,
        sender=report.organisation.name,
        state_body=report.organisation.state_body,
        way="XARF",
        what=f"{report.reference}: {what}" + (", taken back" if report.withdrawn_at else ""),
        became=became,
        link=reverse("case", args=[case.pk]) if case else "",
        link_text=case.reference if case else "",
    )


def _to(referral: Referral) -> str:
    return reverse("referral", args=[referral.pk])


def _event(event: IncomingEvent) -> Arrival:
    answer = event.answer
    return Arrival(
        at=event.received_at,
        sender=event.platform.name,
        state_body=False,
        way="Webhook",
        what="A signed answer",
        became=answer_in_words(status=answer.status, reason_code=answer.reason_code),
        link=_to(answer.referral),
        link_text=answer.referral.reference,
    )


def _reply(reply: IncomingReply) -> Arrival:
    answer = reply.answer
    if answer is not None:
        became = answer_in_words(status=answer.status, reason_code=answer.reason_code)
    else:
        became = "Read by a person" if reply.dealt_with_at else "Somebody has to read it"
    return Arrival(
        at=reply.received_at,
        sender=reply.referral.platform.name,
        state_body=False,
        way="ActivityPub",
        what={"Accept": "It accepted the report", "Reject": "It rejected the report"}.get(reply.activity, "A reply"),
        became=became,
        reply=reply if answer is None else None,
        link=_to(reply.referral),
        link_text=reply.referral.reference,
    )
