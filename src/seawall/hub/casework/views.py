"""Casework's pages: the queue, a case, and what is done with it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from seawall.hub import moment
from seawall.hub.casework import deciding, hints, panels, queries, records, services
from seawall.hub.casework.form import FormIncomplete
from seawall.hub.casework.forms import YES, QueueFilter, ReviewForm, TransferForm
from seawall.hub.casework.models import Case, CaseState, Decision
from seawall.hub.casework.showing import GENTLE_NOTE_AT, PostPanel, count_showing, panel_for
from seawall.hub.content import queries as content_queries
from seawall.hub.content.models import Content
from seawall.hub.directory import queries as directory
from seawall.hub.directory.models import Desk, Person
from seawall.hub.directory.roles import Partition
from seawall.hub.practice import queries as practice
from seawall.hub.practice.schema import Harm
from seawall.hub.web.staff import person_of, refusals_are_403

PAGE = 25


def _case(request: HttpRequest, case_id: UUID) -> Case:
    try:
        return queries.case_for(person=person_of(request), case_id=case_id)
    except Case.DoesNotExist as error:
        raise Http404("No such case at your desks.") from error


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def queue(request: HttpRequest) -> HttpResponse:
    """The cases at the person's desks, gravest and most urgent first. A POST takes up the first that is free."""
    person = person_of(request)
    code = practice.current_code()
    form = QueueFilter(request.GET, code=code, platforms=list(directory.platforms()))
    cases = queries.queue(person=person, **form.chosen())
    if request.method == "POST":
        taken = services.claim_next(among=cases, person=person)
        if taken is None:
            messages.info(request, "No case that fits is free at the moment.")
            return redirect(request.get_full_path())
        return redirect("case", case_id=taken.pk)
    page = Paginator(cases, PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "casework/queue.html",
        {
            "filter": form,
            "filtered": any(form.chosen().values()),
            "rows": [
                {"case": case, "harm": records.harm_title(code, case.harm), "clock": records.clock_of(case)}
                for case in page
            ],
            "page": page,
            "counts": queries.counts(person),
            "now": moment.now(),
        },
    )


@require_safe
@refusals_are_403
def case(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """Everything about one case, the post masked."""
    person, found = person_of(request), _case(request, case_id)
    code = practice.current_code()
    post = _post_panel(request, found, back=request.path)
    decisions = queries.decisions_of(found)
    waiting = queries.open_decision(found) if found.state == CaseState.SECOND_REVIEW else None
    seen = content_queries.reveals_today(person)
    return render(
        request,
        "casework/case.html",
        {
            "case": found,
            "post": post,
            "harm": records.harm_of(code, found.harm),
            "title": records.harm_title(code, found.harm),
            "code": code,
            "clock": records.clock_of(found),
            "now": moment.now(),
            "hints": [hints.hints_of(finding) for finding in content_queries.findings_of(found.content)],
            "accounts": [records.account_of(decision) for decision in decisions],
            "panels": panels.panels_for(case=found, person=person),
            "history": records.history_of(found),
            "seen_today": seen,
            "many_seen": seen >= GENTLE_NOTE_AT,
            **_may(found, person, waiting),
        },
    )


def _may(found: Case, person: Person, waiting: Decision | None) -> dict[str, bool]:
    """What the person may do with the case as it stands."""
    decides = services.role_to_decide(person=person, desk=found.desk) is not None
    mine = found.state == CaseState.CLAIMED and found.claimed_by_id == person.pk
    decided = waiting is not None and waiting.decided_by_id == person.pk
    return {
        "mine": mine and decides,
        "may_claim": found.state == CaseState.OPEN and decides,
        "may_review": waiting is not None
        and not decided
        and services.role_to_review(person=person, desk=found.desk) is not None,
        "decided_it": decided,
    }


def _post_panel(request: HttpRequest, found: Case, *, back: str) -> PostPanel:
    return panel_for(
        content=found.content,
        person=person_of(request),
        kind=records.harm_title(practice.current_code(), found.harm),
        token=request.GET.get("shown", ""),
        blurred=request.GET.get("blurred") == "1",
        fresh="shown" in request.GET,
        back=back,
    )


@require_POST
@refusals_are_403
def claim(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """Take the case up."""
    try:
        services.claim(case=_case(request, case_id), person=person_of(request))
    except services.CaseUnavailable as gone:
        messages.error(request, str(gone))
    return redirect("case", case_id=case_id)


@require_POST
@refusals_are_403
def release(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """Put the case back."""
    try:
        put_back = services.release(case=_case(request, case_id), person=person_of(request))
    except services.CaseUnavailable as gone:
        messages.error(request, str(gone))
        return redirect("case", case_id=case_id)
    messages.success(request, f"Case {put_back.reference} is back in the queue.")
    return redirect("queue")


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def decide(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """The steps of a decision; see `deciding`."""
    return deciding.decide(request, _case(request, case_id))


@require_POST
@refusals_are_403
def reveal(request: HttpRequest, content_id: UUID) -> HttpResponse:
    """Count that the person chose to see the post, and show it: in its place with scripts, by way of the page without."""
    person = person_of(request)
    try:
        content = content_queries.content_for(person=person, content_id=content_id)
    except Content.DoesNotExist as error:
        raise Http404("No such post at your desks.") from error
    given = request.POST.get("version", "")
    version = int(given) if given in {str(one) for one in range(1, content.version + 1)} else content.version
    token = count_showing(content=content, person=person, version=version)
    blurred = request.POST.get("blurred") == "1"
    back = _safe(request.POST.get("back", "")) or _page_of(content, person)
    if request.headers.get("HX-Request"):
        panel = panel_for(
            content=content,
            person=person,
            kind=request.POST.get("kind", ""),
            token=token,
            blurred=blurred,
            fresh=True,
            back=back,
            form=request.POST.get("form", ""),
            step=request.POST.get("step", ""),
        )
        return render(request, "casework/parts/post.html", {"post": panel})
    parts = urlsplit(back)
    query = QueryDict(parts.query, mutable=True)
    query["shown"] = token
    query.pop("blurred", None)
    if blurred:
        query["blurred"] = "1"
    return redirect(urlunsplit(("", "", parts.path, query.urlencode(), "post")))


def _safe(back: str) -> str:
    return back if back.startswith("/") and url_has_allowed_host_and_scheme(back, allowed_hosts=None) else ""


def _page_of(content: Content, person: Person) -> str:
    newest = queries.newest_case_of(content, person=person)
    return reverse("case", args=[newest.pk]) if newest else reverse("queue")


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def review(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """The second word on a decision: the whole form as it was filled in, and whether the person concurs."""
    person, found = person_of(request), _case(request, case_id)
    if services.role_to_review(person=person, desk=found.desk) is None:
        raise PermissionError(f"Your role at {found.desk.name} does not include giving the second word.")
    decision = queries.open_decision(found) if found.state == CaseState.SECOND_REVIEW else None
    if decision is None:
        messages.error(request, f"Case {found.reference} is not waiting for a second reviewer.")
        return redirect("case", case_id=case_id)
    if decision.decided_by_id == person.pk:
        raise PermissionError("You took this decision, so somebody else gives the second word.")
    form, token, fresh = ReviewForm(), request.POST.get("shown", ""), False
    if request.POST.get("step", "").startswith("show:"):
        token = count_showing(content=found.content, person=person, version=found.content.version)
        fresh = True
        form = ReviewForm(initial={name: request.POST.get(name) for name in form.fields})
    elif request.method == "POST":
        form = ReviewForm(request.POST)
        if form.is_valid():
            done = _give_second_word(request, decision, person, form)
            if done is not None:
                return done
    return render(
        request,
        "casework/review.html",
        {
            "case": found,
            "form": form,
            "account": records.account_of(decision),
            "harm": records.harm_of(practice.code_at(decision.code_version), decision.harm),
            "code": practice.code_at(decision.code_version),
            "post": panel_for(
                content=found.content,
                person=person,
                kind=records.harm_title(practice.current_code(), found.harm),
                token=token,
                blurred=request.POST.get("blurred") == "1",
                fresh=fresh,
                form="review",
                step="show:review",
            ),
            "changed": decision.content_version != found.content.version,
        },
        status=422 if form.is_bound and form.errors else 200,
    )


def _give_second_word(
    request: HttpRequest, decision: Decision, person: Person, form: ReviewForm
) -> HttpResponse | None:
    concurs = form.cleaned_data["concurs"] == YES
    try:
        services.review(decision=decision, person=person, concurs=concurs, reasons=form.cleaned_data["reasons"])
    except FormIncomplete as incomplete:
        for problem in incomplete.problems:
            form.add_error(problem.field, problem.message)
        return None
    except services.CaseUnavailable as gone:
        messages.error(request, str(gone))
        return redirect("case", case_id=decision.case_id)
    reference = decision.case.reference
    messages.success(
        request,
        f"You concurred on {reference}. The referral is on its way to the platform."
        if concurs
        else f"You dissented on {reference}. The case is back in the queue.",
    )
    return redirect("case", case_id=decision.case_id)


def _harms_elsewhere(found: Case) -> list[tuple[Harm, str]]:
    """The harms that other desks decide and that the case may be passed on as, with the desk's name."""
    here = Partition(found.desk.partition)
    desks: dict[Partition, str] = {}
    for partition in Partition:
        try:
            desks[partition] = directory.desk_for(partition).name
        except Desk.DoesNotExist:
            continue
    return [
        (harm, desks[there])
        for harm in practice.current_code().harms
        if (there := Partition(harm.partition)) != here
        and there in desks
        and not services.wall(content=found.content, to=there)
    ]


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def transfer(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """Pass the case to the desk that the code of practice names for what it is."""
    person, found = person_of(request), _case(request, case_id)
    if found.state != CaseState.CLAIMED or found.claimed_by_id != person.pk:
        messages.error(request, f"Case {found.reference} is not with you. Take it up from the queue first.")
        return redirect("case", case_id=case_id)
    harms = _harms_elsewhere(found)
    form = TransferForm(harms=harms, initial={"harm": request.GET.get("harm")})
    if request.method == "POST":
        form = TransferForm(request.POST, harms=harms)
        if form.is_valid():
            given: dict[str, Any] = form.cleaned_data
            try:
                services.transfer(case=found, person=person, harm=given["harm"], reasons=given["reasons"])
            except FormIncomplete as incomplete:
                for problem in incomplete.problems:
                    form.add_error(problem.field, problem.message)
            except services.CaseUnavailable as gone:
                form.add_error(None, str(gone))
            else:
                desk = next(name for harm, name in harms if harm.id == given["harm"])
                messages.success(request, f"Case {found.reference} is with the {desk} now.")
                return redirect("queue")
    return render(
        request,
        "casework/transfer.html",
        {"case": found, "form": form, "walls": _walls(found)},
        status=422 if form.is_bound and form.errors else 200,
    )


def _walls(found: Case) -> list[str]:
    """Why the case may not be passed to some desk."""
    return [sentence for there in Partition if (sentence := services.wall(content=found.content, to=there))]
