"""The home page of each role: what waits for this person now, and where to go from here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from seawall.hub import moment
from seawall.hub.access import may_open
from seawall.hub.casework import queries as casework
from seawall.hub.casework import records
from seawall.hub.casework.models import Case, CaseState
from seawall.hub.casework.showing import GENTLE_NOTE_AT
from seawall.hub.content import queries as content
from seawall.hub.directory import queries as directory
from seawall.hub.directory.models import Person
from seawall.hub.directory.roles import CASEWORKERS, Role
from seawall.hub.practice import queries as practice
from seawall.hub.practice.schema import Code
from seawall.hub.referrals import queries as referrals
from seawall.hub.referrals import user_notice_queries as user_notices
from seawall.hub.referrals import words
from seawall.hub.referrals.models import Referral, ReferralState
from seawall.hub.web.staff import person_of

SHOWN = 5  # rows of a list on the home page; the whole list is a link away
SORTED = 200  # waiting referrals, the oldest first, among which the ones due first are looked for
NEVER = datetime.max.replace(tzinfo=UTC)
WAITING = [ReferralState.AWAITING, ReferralState.ASKED]


@dataclass(frozen=True, kw_only=True)
class Task:
    """Something that a role can do here now."""

    view: str
    label: str
    about: str


ABOUT: dict[Role, str] = {
    Role.REGULATOR: "You see how platforms answer referrals, and the ledger that every figure is computed from. You see no post, no case "
    "and nobody’s name.",
    Role.AUDITOR: "You can check that what the hub publishes is what it recorded. You see no post and no case.",
    Role.OMBUDSMAN: "You see how platforms answer referrals. Complaints and determinations cannot be worked on here yet.",
    Role.OVERSEER: "You read every referral that a body of the state makes, with the reasons for it. You see no post and no case.",
    Role.PANEL_MEMBER: "You can read the code of practice that the hub works by. Consultations cannot be held here yet.",
    Role.ADMINISTRATOR: "You keep the directory: who works here, at which desk, in which role. You see no post and no case.",
    Role.PLATFORM_CONTACT: "You see what the hub has referred to your platform, and how the hub counts your answers. You answer "
    "referrals here, one or many at once, or by your platform’s own software.",
}
TASKS = [
    Task(view="ledger", label="The ledger", about="Every event, chained and signed."),
    Task(view="scorecards", label="Scorecards", about="What each platform did with what was referred to it."),
    Task(view="directory", label="The directory", about="Organisations, desks, people and their roles."),
    Task(view="person_add", label="Add a person", about="Give somebody an account and a role."),
    Task(
        view="code_of_practice", label="The code of practice", about="Each harm, what it rests on and how fast it goes."
    ),
    Task(view="figures", label="Published figures", about="What anybody may see."),
]


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The home page of whoever is signed in; a person with several roles sees the parts of each."""
    person = person_of(request)
    roles = person.roles()
    code = practice.current_code()
    context: dict[str, Any] = {
        "now": moment.now(),
        "about": [ABOUT[role] for role in sorted(roles) if role in ABOUT],
        "tasks": [
            {"url": reverse(task.view), "label": task.label, "about": task.about}
            for task in TASKS
            if may_open(view_name=task.view, roles=roles)
        ],
    }
    if roles & CASEWORKERS:
        context["casework"] = _casework(person, code)
    if Role.PLATFORM_CONTACT in roles:
        context["platform"] = _platform(person, code)
    if Role.OVERSEER in roles:
        context["overseen"] = _referral_rows(list(referrals.by_state_bodies(person)[:SHOWN]), code)
    return render(request, "web/home.html", context)


def _casework(person: Person, code: Code) -> dict[str, Any]:
    seen = content.reveals_today(person)
    mine = casework.queue(person=person, states=[CaseState.CLAIMED], mine=True)
    free = casework.queue(person=person, states=[CaseState.OPEN])
    return {
        "counts": casework.counts(person),
        "mine": _case_rows(list(mine[: 2 * SHOWN]), code),
        "next": _case_rows(list(free[:SHOWN]), code),
        "to_review": _case_rows(list(casework.to_review(person)[:SHOWN]), code),
        "asked": _referral_rows(list(referrals.asked_of(person)[:SHOWN]), code),
        "objections": user_notices.objections_to_answer(person, most=SHOWN),
        "delays": user_notices.delays_to_answer(person, most=SHOWN),
        "seen_today": seen,
        "many_seen": seen >= GENTLE_NOTE_AT,
    }


def _platform(person: Person, code: Code) -> dict[str, Any]:
    waiting = referrals.listed(person=person, states=WAITING)
    rows = _referral_rows(list(waiting.order_by("received_at", "id")[:SORTED]), code)
    rows.sort(key=lambda row: row["clock"].due() or NEVER)
    return {
        "rows": rows[: 2 * SHOWN],
        "waiting": waiting.count(),
        "platforms": [
            {"name": platform.name, "url": reverse("scorecard", args=[platform.slug])}
            for platform in directory.platforms_of(person)
        ],
    }


def _case_rows(cases: list[Case], code: Code) -> list[dict[str, Any]]:
    return [
        {"case": case, "harm": records.harm_title(code, case.harm), "clock": records.clock_of(case)} for case in cases
    ]


def _referral_rows(found: list[Referral], code: Code) -> list[dict[str, Any]]:
    return [
        {
            "referral": referral,
            "harm": records.harm_title(code, referral.harm),
            "clock": referral.clock(),
            "colour": words.STATE_COLOURS[referral.state],
        }
        for referral in found
    ]
