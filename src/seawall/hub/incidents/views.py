"""Incidents for people: declared, spoken in, counted, ended, and their debrief."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from seawall.durations import in_words
from seawall.formats import rendering
from seawall.formats.rendering.html import page_of
from seawall.formats.rendering.parts import Sheet
from seawall.formats.rendering.pdf import pdf_of
from seawall.hub import moment
from seawall.hub.exchange import queries as exchange
from seawall.hub.exchange.models import Community
from seawall.hub.incidents import counting, debriefing, queries, services
from seawall.hub.incidents.forms import AnswerForm, DeclareForm, EndForm, ExtendForm, SayForm
from seawall.hub.incidents.models import Incident, Question
from seawall.hub.incidents.services import NotPossible
from seawall.hub.oversight.exports import json_of
from seawall.hub.oversight.presenting import count_text
from seawall.hub.practice.queries import current_code
from seawall.hub.web import words
from seawall.hub.web.forms import GovukForm
from seawall.hub.web.staff import person_of, refusals_are_403

DRAWN = ("signals_shared", "sightings", "cases_opened", "referrals_made")
DRAWN_AT_MOST = 48
"""So many quarters are drawn and listed on the page, the latest; the file holds all of them."""


def _community(request: HttpRequest, slug: str) -> Community:
    try:
        return exchange.community_for(person=person_of(request), slug=slug)
    except Community.DoesNotExist as missing:
        raise Http404("There is no such community that you may see.") from missing


def _incident(request: HttpRequest, incident_id: UUID) -> Incident:
    try:
        return queries.incident_for(person=person_of(request), incident_id=incident_id)
    except Incident.DoesNotExist as missing:
        raise Http404("There is no such incident that you may see.") from missing


def _inside(request: HttpRequest, incident_id: UUID) -> Incident:
    """The incident, for who sees more of it than counts."""
    found = _incident(request, incident_id)
    if not queries.takes_part(person=person_of(request), incident=found):
        raise PermissionDenied("Observers see the counts of an incident, and not its debrief.")
    return found


@require_safe
def listing(request: HttpRequest, slug: str) -> HttpResponse:
    """The incidents of a community."""
    here, person = _community(request, slug), person_of(request)
    return render(
        request,
        "incidents/listing.html",
        {
            "community": here,
            "incidents": queries.incidents_of(here),
            "now": moment.now(),
            "may_declare": exchange.looks_after(person=person, community=here),
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def declare(request: HttpRequest, slug: str) -> HttpResponse:
    """Declare an incident."""
    here, person = _community(request, slug), person_of(request)
    if not exchange.looks_after(person=person, community=here):
        raise PermissionError(f"Only an administrator of {here.operator.name} declares an incident.")
    form = DeclareForm(request.POST if request.method == "POST" else None, community=here)
    if form.is_bound and form.is_valid():
        try:
            made = services.declare(community=here, person=person, **form.given())
        except NotPossible as problem:
            form.add_error(None, str(problem))
        else:
            messages.success(request, f"{made.reference} is declared, and every member is told.")
            return redirect("incident", incident_id=made.pk)
    return _form_page(request, form, title="Declare an incident", button="Declare it", back=None, community=here)


@require_safe
def incident(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """How an incident stands, its channel and its counts."""
    return _page(request, _incident(request, incident_id), None)


def _page(request: HttpRequest, found: Incident, form: SayForm | None) -> HttpResponse:
    person, now = person_of(request), moment.now()
    inside = queries.takes_part(person=person, incident=found)
    state = queries.status(found, exact=inside)
    speaks_for = queries.speaks_for(person=person, incident=found) if found.is_on(now) else []
    titles = {harm.id: harm.title for harm in current_code().harms}
    quarters = list(state.quarters)[-DRAWN_AT_MOST:]
    return render(
        request,
        "incidents/incident.html",
        {
            "incident": found,
            "is_on": found.is_on(now),
            "now": now,
            "inside": inside,
            "harms": [titles.get(harm, harm) for harm in found.harms],
            "shared": count_text(state.shared),
            "withdrawn": count_text(state.withdrawn),
            "totals": {name: count_text(n) for name, n in state.totals.items()},
            "platforms": [
                {
                    **row,
                    **{name: count_text(row[name]) for name in queries.ROWS},
                    "median": _words(row["median_seconds"]),
                }
                for row in state.platforms
            ],
            "series": [counting.NAMES[name] for name in DRAWN],
            "bars": inside
            and [[words.moment(row["until"], short=True), *(row[name] for name in DRAWN)] for row in quarters],
            "columns": list(counting.NAMES.values()),
            "quarters": [
                (row["until"], [(label, count_text(row[name])) for name, label in counting.NAMES.items()])
                for row in reversed(quarters)
            ],
            "more": len(state.quarters) - len(quarters),
            "messages_said": found.messages.select_related("organisation") if inside else [],
            "extensions": found.extensions.all(),
            "form": form or (SayForm(None, speaks_for=speaks_for) if speaks_for else None),
            "looks_after": exchange.looks_after(person=person, community=found.community),
        },
        status=422 if form is not None else 200,
    )


def _words(seconds: int | None) -> str:
    return "none" if seconds is None else "under a second" if seconds < 1 else in_words(timedelta(seconds=seconds))


@require_POST
@refusals_are_403
def say(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Say something in the channel."""
    found, person = _incident(request, incident_id), person_of(request)
    speaks_for = queries.speaks_for(person=person, incident=found)
    if not speaks_for:
        raise PermissionError(
            "Only those who speak for a member that receives signals, or for the operator, write here."
        )
    form = SayForm(request.POST, speaks_for=speaks_for)
    if form.is_valid():
        try:
            services.say(incident=found, person=person, **form.cleaned_data)
        except NotPossible as problem:
            form.add_error("text", str(problem))
        else:
            return redirect(f"/incidents/{found.pk}/#channel")
    return _page(request, found, form)


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def extend(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Give it more time, as a second person."""
    form = ExtendForm(request.POST if request.method == "POST" else None)
    return _act(
        request,
        incident_id,
        form,
        lambda found: services.extend(incident=found, person=person_of(request), **form.given()),
        title="Give the incident more time",
        button="Let it last longer",
        done="The incident lasts longer, and every member is told.",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def end(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """End it."""
    form = EndForm(request.POST if request.method == "POST" else None)
    return _act(
        request,
        incident_id,
        form,
        lambda found: services.end(incident=found, person=person_of(request), because=form.cleaned_data["because"]),
        title="End the incident",
        button="End it",
        done="The incident is over. Its debrief is put together; now complete it.",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def answer(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Answer a question of the debrief."""
    form = AnswerForm(request.POST if request.method == "POST" else None)
    return _act(
        request,
        incident_id,
        form,
        lambda found: services.answer(
            incident=found,
            person=person_of(request),
            question=Question(form.cleaned_data["question"]),
            text=form.cleaned_data["text"],
        ),
        title="Complete the debrief",
        button="Write it into the debrief",
        done="The answer stands in the debrief.",
    )


def _act(
    request: HttpRequest,
    incident_id: UUID,
    form: GovukForm,
    act: Callable[[Incident], object],
    *,
    title: str,
    button: str,
    done: str,
) -> HttpResponse:
    found = _incident(request, incident_id)
    if not exchange.looks_after(person=person_of(request), community=found.community):
        raise PermissionError(f"Only an administrator of {found.community.operator.name} does this.")
    if form.is_bound and form.is_valid():
        try:
            act(found)
        except NotPossible as problem:
            form.add_error(None, str(problem))
        else:
            messages.success(request, done)
            return redirect("incident", incident_id=found.pk)
    return _form_page(request, form, title=title, button=button, back=found, community=found.community)


def _form_page(
    request: HttpRequest, form: GovukForm, *, title: str, button: str, back: Incident | None, community: Community
) -> HttpResponse:
    return render(
        request,
        "incidents/act.html",
        {"form": form, "title": title, "button": button, "incident": back, "community": community},
        status=422 if form.is_bound and form.errors else 200,
    )


@require_safe
def counts_csv(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Every quarter as CSV; withheld counts are empty."""
    found = _incident(request, incident_id)
    exact = queries.takes_part(person=person_of(request), incident=found)
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["until", *counting.NAMES])
    for row in queries.status(found, exact=exact).quarters:
        values: list[Any] = ["" if row[name] is None else row[name] for name in counting.NAMES]
        rows.writerow([row["until"].isoformat(), *values])
    return HttpResponse(
        out.getvalue(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{found.reference}-counts.csv"'},
    )


@require_safe
def debrief(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """The debrief as a page to read and to print."""
    sheet = _sheet(_inside(request, incident_id))
    return HttpResponse(page_of(sheet), headers={"Content-Security-Policy": rendering.POLICY})


@require_safe
def debrief_pdf(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """The debrief as PDF."""
    found = _inside(request, incident_id)
    name = f'attachment; filename="{found.reference}-debrief.pdf"'
    return HttpResponse(pdf_of(_sheet(found)), content_type="application/pdf", headers={"Content-Disposition": name})


@require_safe
def debrief_json(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """What was put together at the end, with its digest, and the answers given since."""
    found = _inside(request, incident_id)
    _sheet(found)
    answers = [
        {"question": each.question, "text": each.text, "at": each.at.isoformat()} for each in found.answers.all()
    ]
    whole = {"debrief": found.debrief, "sha256": found.debrief_sha256, "answers": answers}
    return HttpResponse(json_of(whole), content_type="application/json")


def _sheet(found: Incident) -> Sheet:
    if found.debrief is None:
        raise Http404("The debrief is put together when the incident is over.")
    return debriefing.sheet_of(found, found.debrief, found.debrief_sha256)
