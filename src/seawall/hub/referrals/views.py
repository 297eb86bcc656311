"""Referrals' pages: the list, one referral, and what is done about it."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from seawall import channels
from seawall import clock as clocks
from seawall.hub import moment
from seawall.hub.casework import records
from seawall.hub.directory import queries as directory
from seawall.hub.directory.models import Person
from seawall.hub.directory.roles import Role
from seawall.hub.practice import queries as practice
from seawall.hub.referrals import additions, queries, services, user_notice_queries, withdrawals, words
from seawall.hub.referrals.forms import STEPS, InformForm, ReferralFilter
from seawall.hub.referrals.models import NOTICES, Checkpoint, Referral, ReferralState
from seawall.hub.web.staff import person_of, refusals_are_403

PAGE = 25


def _referral(request: HttpRequest, referral_id: UUID) -> Referral:
    try:
        return queries.referral_for(person=person_of(request), referral_id=referral_id)
    except Referral.DoesNotExist as error:
        raise Http404("No such referral that you may see.") from error


def _own(request: HttpRequest, referral_id: UUID) -> Referral:
    """A referral of the person's own desk. What they see for another reason is not theirs to act on."""
    found = _referral(request, referral_id)
    if not _inside(found, person_of(request)):
        raise Http404("No such referral at your desks.")
    return found


def _inside(referral: Referral, person: Person) -> bool:
    return referral.case.desk_id in person.desk_ids()


@require_safe
def referrals(request: HttpRequest) -> HttpResponse:
    """The referrals that the person may see, newest first."""
    person, code, now = person_of(request), practice.current_code(), moment.now()
    platforms = list(directory.platforms())
    if person.roles() == {Role.PLATFORM_CONTACT}:
        platforms = list(directory.platforms_of(person))
    form = ReferralFilter(request.GET, platforms=platforms)
    chosen = form.chosen()
    page = Paginator(queries.listed(person=person, **chosen), PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "referrals/referrals.html",
        {
            "filter": form,
            "filtered": any(chosen.values()),
            "rows": [
                {
                    "referral": found,
                    "harm": records.harm_title(code, found.harm),
                    "clock": found.clock(),
                    "colour": words.STATE_COLOURS[found.state],
                }
                for found in page
            ],
            "page": page,
            "now": now,
            "answers": Role.PLATFORM_CONTACT in person.roles(),
        },
    )


@require_safe
@refusals_are_403
def referral(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """One referral: what was sent, the clock, what the platform said and what the hub saw. Platforms see nothing of the inside."""
    person, found = person_of(request), _referral(request, referral_id)
    return render(request, "referrals/referral.html", _page(found, person))


def _page(found: Referral, person: Person) -> dict[str, Any]:
    inside = _inside(found, person)
    overseen = (found.state_body or found.sampled) and Role.OVERSEER in person.roles()
    addressed = found.received_at is not None and found.platform.organisation_id in person.organisation_ids(
        Role.PLATFORM_CONTACT
    )
    withdrawal, reading = getattr(found, "withdrawal", None), getattr(found, "reading", None)
    clock = found.clock()
    steps = dict(STEPS)
    told = {given.answer_id: given for given in found.information.select_related("given_by")}
    return {
        "referral": found,
        "document": found.document,
        "grounds": _grounds(found.document),
        "kind": words.KINDS.get(found.kind, found.kind),
        "requested": words.REQUESTED.get(found.document["requested_action"], found.document["requested_action"]),
        "colour": words.STATE_COLOURS[found.state],
        "clock": clock,
        "clock_events": [_event(event, withdrawn=withdrawal is not None) for event in clock.events],
        "now": moment.now(),
        "receipt": queries.receipt_check(found),
        "answers": [
            {
                "answer": answer,
                "said": words.answer_in_words(status=answer.status, reason_code=answer.reason_code),
                "steps": [steps.get(action, action).lower() for action in answer.actions],
                "told": told.get(answer.pk),
                "way": words.WAYS[answer.way],
            }
            for answer in found.answers.all()
        ],
        "probes": [
            {
                "probe": probe,
                "seen": words.SEEN.get(probe.state, probe.state),
                "colour": words.SEEN_COLOURS.get(probe.state, "grey"),
                "views": "; ".join(f"{name}: {value}" for name, value in probe.views.items()),
            }
            for probe in found.probes.all()
        ],
        "escalations": list(found.escalations.all()),
        "mails": list(found.mails.select_related("answer")) if inside else [],
        "inside": inside,
        "overseen": overseen,
        "addressed": addressed,
        "withdrawal": withdrawal,
        "withdrawal_proof": words.PROOFS.get(withdrawal.proof, "").lower() if withdrawal else "",
        "reading": reading,
        "to_read": overseen and reading is None,
        "recommendation": inside and queries.recommendation_of(found) is not None,
        "proof": words.PROOFS.get(found.proof, found.proof),
        "account": records.account_of(found.decision) if inside or overseen else None,
        "asked": inside and queries.question_of(found) is not None,
        "panels": additions.panels_for(referral=found, person=person),
        "binding": found.kind in NOTICES,
        "may_withdraw": inside and withdrawals.role_to_withdraw(person=person, referral=found) is not None,
        "told": user_notice_queries.shown_on(
            found, person=person, inside=inside, overseen=overseen, addressed=addressed
        ),
    }


def _grounds(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Each ground of the document with the lines beneath it."""
    found: list[dict[str, Any]] = [
        {
            "title": f"{legal['act']}, {legal['section']}",
            "elements": [
                records.Line(text=part["text"], answer="Made out", reasons=part["reasons"])
                for part in legal["elements"]
            ],
            "defences": [
                records.Line(text=part["text"], answer="Nothing suggests it", reasons=part["reasons"])
                for part in legal["defences"]
            ],
        }
        for legal in document["grounds"]["legal"]
    ]
    if term := document["grounds"]["term"]:
        found.append(
            {"title": "The platform’s own rule", "rule": term["rule"], "dated": date.fromisoformat(term["dated"])}
        )
    return found


def _event(event: clocks.Event, *, withdrawn: bool) -> dict[str, Any]:
    stopped = withdrawn and event.kind is clocks.EventKind.STOPPED
    label = "Stopped: the referral was withdrawn" if stopped else event.kind.words
    return {"label": label, "at": event.at, "text": event.reason.words if event.reason else ""}


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def inform(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """Answer what the platform asked."""
    person, found = person_of(request), _own(request, referral_id)
    form = InformForm(request.POST if request.method == "POST" else None)
    question = queries.question_of(found)
    if request.method == "POST" and form.is_valid():
        try:
            services.inform(referral=found, person=person, text=form.cleaned_data["text"])
        except services.InformationNotWanted as unwanted:
            messages.error(request, str(unwanted))
        else:
            messages.success(
                request, f"{found.platform.name} receives your answer next. Their clock runs again when they have it."
            )
        return redirect("referral", referral_id=referral_id)
    if question is None:
        messages.error(request, f"{found.platform.name} is not waiting for information on {found.reference}.")
        return redirect("referral", referral_id=referral_id)
    return render(
        request,
        "referrals/inform.html",
        {"referral": found, "form": form, "question": question},
        status=422 if form.is_bound and form.errors else 200,
    )


@require_POST
@refusals_are_403
def probe(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """Look now whether the post is still up."""
    found = _own(request, referral_id)
    if found.received_at is None:
        messages.error(request, "Nothing has been delivered yet, so there is nothing to look for.")
        return redirect("referral", referral_id=referral_id)
    seen = services.probe(referral_id=found.pk, checkpoint=Checkpoint.ON_DEMAND)
    if seen is not None:
        messages.info(request, f"We looked just now. {words.SEEN.get(seen.state, seen.state)}.")
    return redirect("referral", referral_id=referral_id)


@require_POST
@refusals_are_403
def redeliver(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """Try once more to deliver a referral that could not be delivered."""
    found = _own(request, referral_id)
    if found.state != ReferralState.FAILED:
        messages.info(request, f"{found.reference} is not one that failed, so there is nothing to try again.")
    else:
        try:
            services.redeliver(referral=found, person=person_of(request))
        except channels.ChannelError as failed:
            messages.error(request, str(failed))
        else:
            messages.success(request, f"{found.reference} is on its way to {found.platform.name} again.")
    return redirect("referral", referral_id=referral_id)
