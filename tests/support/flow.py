"""Referrals that flow from decisions to the sandbox's platforms, and whether everybody agrees on them afterwards.

For the test that kills processes and for the benchmark of referrals; in both the hub runs in processes of its own.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta

from django.db import connection, transaction

from seawall.channels import ReferralDocument
from seawall.clock import Clock, Event, EventKind, Limit
from seawall.hub.casework import services as casework
from seawall.hub.casework.models import Decision, Origin, Outcome
from seawall.hub.content import services as content
from seawall.hub.content.models import Content
from seawall.hub.directory import services as directory
from seawall.hub.directory.models import OrganisationKind
from seawall.hub.ledger.models import Entry
from seawall.hub.ledger.queries import verify
from seawall.hub.ledger.services import link_all_pending
from seawall.hub.referrals import services
from seawall.hub.referrals.models import Referral, ReferralState
from seawall.sandbox import PROFILES, SandboxProcess
from seawall.sources.posts import Post
from tests.support.hub import ACTOR, SmallHub, small_hub

HARM = "abuse-harassment"
GIVEN_UP = (ReferralState.QUEUED, ReferralState.FAILED)


def hub_beside(sandbox: SandboxProcess) -> SmallHub:
    """The small hub, with the sandbox's platforms in its directory, each with a rule and a route."""
    hub = small_hub()
    for slug, address in sandbox.control.addresses().items():
        organisation = directory.register_organisation(
            slug=slug, name=slug.capitalize(), kind=OrganisationKind.PLATFORM, state_body=False, actor=ACTOR
        )
        platform = directory.register_platform(
            organisation=organisation, slug=slug, name=slug.capitalize(), actor=ACTOR
        )
        directory.record_rules(
            platform=platform,
            rules=[
                directory.Rule(
                    code=HARM,
                    title="House rule",
                    text="Not allowed here.",
                    dated=date(2026, 9, 1),
                    last_checked=date(2026, 11, 1),
                    harms=[HARM],
                )
            ],
            actor=ACTOR,
        )
        directory.set_route(
            platform=platform,
            channel="http",
            endpoint=address.endpoint,
            public_key=address.public_key,
            token=address.token,
            actor=ACTOR,
        )
        hub.platforms[slug] = platform
    return hub


def decided(hub: SmallHub, sandbox: SandboxProcess, count: int, *, name: str) -> list[Decision]:
    """So many decisions to refer that wait for their second word alone, spread over the platforms.

    Posts are put up, taken in, found, claimed and decided by the services, on the platform's terms, which needs two people.
    """
    posted_at = datetime.now(UTC) - timedelta(days=1)
    platforms = sorted(PROFILES)
    named = [(platforms[number % len(platforms)], f"{name}-{number}") for number in range(count)]
    sandbox.control.seed(
        {"platform": slug, "native_id": post, "text": f"Words of {post}.", "account": "x", "posted_at": posted_at.isoformat()}
        for slug, post in named
    )  # fmt: skip
    posts = [
        Post(
            id=post, text=f"Words of {post}.", url=sandbox.control.post_url(slug, post), platform=slug, account="x",
            posted_at=posted_at, lang=None, media=(), extra={},
        )
        for slug, post in named
    ]  # fmt: skip
    content.ingest(items=posts, source="test", desk=hub.desks["general"], actor=ACTOR)
    found = {one.native_id: one for one in Content.objects.filter(native_id__in=[post for _, post in named])}
    forms = {slug: hub.referral_form(HARM, platform=slug) for slug in platforms}
    made = []
    for begin in range(0, count, 200):
        with transaction.atomic():  # many in one transaction: what is measured comes later
            for slug, post in named[begin : begin + 200]:
                case, _new = casework.open_case(content=found[post], harm=HARM, origin=Origin.PERSON, actor=ACTOR)
                casework.claim(case=case, person=hub.people["analyst"])
                made.append(casework.decide(case=case, person=hub.people["analyst"], form=forms[slug]))
    return made


def concur(hub: SmallHub, decision: Decision) -> None:
    """Give the second word, which closes the case and queues the referral."""
    casework.review(
        decision=decision, person=hub.people["reviewer"], concurs=True, reasons="The reasons are right and complete."
    )


def send_again(hub: SmallHub) -> int:
    """Do what a person at the desk does with referrals that could not be delivered; how many there were."""
    failed = list(Referral.objects.filter(state=ReferralState.FAILED))
    for referral in failed:
        services.redeliver(referral=referral, person=hub.people["analyst"])
    return len(failed)


def under_way() -> int:
    """Decisions in force that no platform has confirmed yet."""
    asked = Decision.objects.filter(outcome=Outcome.REFER, voided_at=None, case__closed_at__isnull=False)
    return asked.filter(referral__received_at=None).count()


def disagreements(sandbox: SandboxProcess) -> list[str]:
    """Where decisions, referrals, clocks, ledger, outbox and the platforms' own records tell of different things; empty when all agree."""
    found: list[str] = []
    with closing(sqlite3.connect(sandbox.state / "sandbox.sqlite3")) as database:
        database.row_factory = sqlite3.Row
        rows = database.execute("SELECT * FROM referral").fetchall()
    theirs = {row["referral_id"]: row for row in rows}
    decisions = set(
        Decision.objects.filter(
            outcome=Outcome.REFER, voided_at=None, case__closed_at__isnull=False, case__content__platform__slug__in=PROFILES
        ).values_list("pk", flat=True)
    )  # fmt: skip
    ours = {
        str(referral.pk): referral
        for referral in Referral.objects.prefetch_related("clock_events").filter(platform__slug__in=PROFILES)
    }
    if {referral.decision_id for referral in ours.values()} != decisions or len(ours) != len(decisions):
        found.append(f"{len(decisions)} decisions to refer and {len(ours)} referrals, not one of each")
    if len(rows) != len(theirs) or set(theirs) != set(ours):
        missing, more = set(ours) - set(theirs), set(theirs) - set(ours)
        found.append(f"the platforms hold {len(rows)} referrals; {len(missing)} lack, {len(more)} nobody made")
    found += [problem for key in sorted(set(ours) & set(theirs)) for problem in _one(ours[key], theirs[key])]
    for verb in ("referral.prepared", "referral.received"):
        told = list(Entry.objects.filter(verb=verb, subject_id__in=ours).values_list("subject_id", flat=True))
        if len(told) != len(set(told)) or set(told) != set(ours):
            found.append(f"{len(told)} entries {verb} of {len(set(told))} referrals, for {len(ours)}")
    said = {
        entry.subject_id: entry.payload
        for entry in Entry.objects.filter(verb="referral.received", subject_id__in=ours)
    }  # fmt: skip
    found += [
        f"{key}: the ledger says that it was received at {payload['received_at']}"
        for key, payload in said.items()
        if datetime.fromisoformat(payload["received_at"]) != ours[key].received_at
    ]
    link_all_pending()
    checked = verify()
    if checked.problem or checked.pending:
        found.append(f"the ledger: {checked.problem}; {checked.pending} are not linked")
    return found + outbox()


def _one(our: Referral, their: sqlite3.Row) -> list[str]:
    """What is wrong with one referral, beside what its platform has written down of it."""
    received = datetime.fromisoformat(their["received_at"])
    sent = ReferralDocument.parse(their["document"].encode())
    started = [event.at for event in our.clock_events.all() if event.kind == EventKind.STARTED]
    due = Clock(Limit.from_json(our.limit), [Event(at, EventKind.STARTED) for at in started[:1]]).due()
    told = (
        ("key", their["idempotency_key"], str(our.pk)),
        ("text", their["body_sha256"], our.document_sha256),
        ("reference", their["reference"], our.platform_reference),
        ("time of receipt", received, our.received_at),
        ("start of the clock", [received], started),
        ("end of the clock", received + timedelta(seconds=sent.clock.due_seconds), due),
    )
    state = [f"{our.pk}: is {our.state}: {our.problem}"] if our.state in GIVEN_UP else []
    return state + [f"{our.pk}: {what} is {said}, and here {held}" for what, said, held in told if said != held]


def outbox() -> list[str]:
    """Jobs that should have led to something by now, and did not."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT task_name, status::text, count(*) FROM procrastinate_jobs WHERE status = 'failed' "
            "OR task_name IN ('referrals.prepare', 'referrals.deliver') GROUP BY 1, 2"
        )
        return [f"{count} jobs {name} left, {status}" for name, status, count in cursor.fetchall()]
