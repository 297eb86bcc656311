"""The verbs of the public's side: receive a report, withdraw it."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from django.conf import settings
from django.db import transaction

from seawall.hub import moment
from seawall.hub.casework.models import Origin
from seawall.hub.casework.services import bring_forward, open_case
from seawall.hub.content.models import ADDRESS_ONLY
from seawall.hub.content.queries import find_content, native_id_of
from seawall.hub.content.services import take_in_one
from seawall.hub.directory import queries as directory
from seawall.hub.directory.models import Platform
from seawall.hub.directory.roles import Partition
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import Actor, record
from seawall.hub.redress.models import About, AgeBand, FormUse, ForWhom, Report, ReportKind

REPORTER = Actor.public()
REPORTS_AN_HOUR = 20  # from one network address: a school or a library shares one, so not fewer

HARM_OF = {
    About.SELF_HARM: "ssh-imminent",
    About.EATING: "ed-promote",
    About.THREAT: "vio-threat",
    About.WEAPONS: "vio-gang",
    About.HATE: "hate-stirring",
    About.ABUSE: "abuse-harassment",
    About.CANDIDATE: "cand-harassment",
    About.HEALTH: "vax-misinfo",
    About.OTHER: "abuse-harassment",
}
"""The harm under which a report enters the queue: where it is looked at first, not what it is. Self-harm goes to the welfare desk at once,
whoever it is about."""

UNNAMED_PLATFORM = "elsewhere"
"""The slug of the directory's entry for places that the hub has no route to."""


class TooManyReports(Exception):
    """More reports came from one place in an hour than people send."""


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What the reporter is given: the report and the secret, which is shown once and kept by nobody here."""

    report: Report
    secret: str


def digest_of(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def visitor_digest(address: str) -> str:
    """A network address as it is kept: keyed with a secret and the day, so that it can be counted but not read or followed."""
    day = moment.now().date().isoformat()
    return hmac.new(settings.SECRET_KEY.encode(), f"{day} {address}".encode(), sha256).hexdigest()


@transaction.atomic
def receive(
    *,
    kind: ReportKind,
    about: About,
    for_whom: ForWhom,
    age_band: AgeBand,
    danger_now: bool,
    link: str,
    text: str,
    note: str,
    visitor: str,
) -> Receipt:
    """Take a report in, as content and by the code of practice as a case, and give the reporter a reference and a secret.

    `visitor` is a digest made by `visitor_digest`. Raises TooManyReports.
    """
    _limit(visitor)
    platform = platform_of(link)
    secret = secrets.token_urlsafe(24)
    report = Report.objects.create(
        secret_sha256=digest_of(secret),
        kind=kind,
        about=about,
        for_whom=for_whom,
        age_band=age_band,
        danger_now=danger_now,
        platform=platform,
        note=_plain(note).strip(),
        received_at=moment.now(),
    )
    record(
        event=ledger.ReportReceived(
            kind=str(kind), danger_now=danger_now, young_person=age_band in (AgeBand.UNDER_13, AgeBand.TEENAGER)
        ),
        subject=report,
        actor=REPORTER,
    )
    harm = HARM_OF[about]
    native_id = _native_id(link, report)
    content = find_content(platform=platform, native_id=native_id) or take_in_one(
        platform=platform,
        native_id=native_id,
        text=_plain(text).strip() or f"{ADDRESS_ONLY} {link}",
        url=link,
        account=None,
        posted_at=None,
        desk=directory.desk_for(Partition.GENERAL),
        source="report",
        actor=REPORTER,
    )
    case, new = open_case(content=content, harm=harm, origin=Origin.REPORT, actor=REPORTER)
    if not new and danger_now and about == About.SELF_HARM:
        case = bring_forward(case=case, harm=harm, note="A report says that a life is in danger now.", actor=REPORTER)
    report.case = case
    report.save(update_fields=["case"])
    record(event=ledger.ReportLinked(case=str(case.pk)), subject=report, actor=Actor.machine("redress"))
    return Receipt(report=report, secret=secret)


def _plain(text: str) -> str:
    """The text without what no database keeps: NUL, and halves of characters."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _limit(visitor: str) -> None:
    now = moment.now()
    since = now - timedelta(hours=1)
    FormUse.objects.filter(at__lt=since - timedelta(hours=24)).delete()
    if FormUse.objects.filter(visitor=visitor, at__gte=since).count() >= REPORTS_AN_HOUR:
        raise TooManyReports(
            "Many reports have come from your network in the last hour. Wait an hour and try again. If somebody is in danger now, "
            "call 999."
        )
    FormUse.objects.create(visitor=visitor, at=now)


def platform_of(link: str) -> Platform:
    """The platform that a link leads to, by the host of the route's address; the directory's “elsewhere” when none fits."""
    return directory.platform_of_link(link) or Platform.objects.get(slug=UNNAMED_PLATFORM)


def _native_id(link: str, report: Report) -> str:
    """The post's identifier as far as a link tells it: the last part of its path where the platform is known, the whole link elsewhere."""
    if not link:
        return f"report-{report.pk}"
    return native_id_of(link, known=platform_of(link).slug != UNNAMED_PLATFORM)


@transaction.atomic
def withdraw(*, report: Report) -> Report:
    """Withdraw a report. The case goes on, since it is about the post, but nothing of the reporter stays with it."""
    report = Report.objects.select_for_update().get(pk=report.pk)
    if report.withdrawn_at is not None:
        return report
    report.withdrawn_at = moment.now()
    report.note = ""
    report.save(update_fields=["withdrawn_at", "note"])
    record(event=ledger.ReportWithdrawn(), subject=report, actor=REPORTER)
    return report
