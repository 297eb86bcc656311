"""What follows a notice that was given: a review, the copy of an order, and what the host's authority found."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from seawall.hub.casework import records
from seawall.hub.casework.form import FormIncomplete
from seawall.hub.notices import officers, orders, queries, reviews
from seawall.hub.notices.forms import CopyForm, FindingForm, ReviewForm
from seawall.hub.notices.models import Finding, Review, ReviewOutcome
from seawall.hub.notices.parts import noun
from seawall.hub.notices.services import NoticeUnavailable
from seawall.hub.notices.views import act, complain, own, seen
from seawall.hub.web.staff import person_of, refusals_are_403


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def review(request: HttpRequest, review_id: UUID) -> HttpResponse:
    """Decide on a platform's request for a review."""
    person = person_of(request)
    try:
        found = queries.review_for(person=person, review_id=review_id)
    except Review.DoesNotExist as error:
        raise Http404("No such review that you may see.") from error
    notice = seen(request, found.notice_id)
    form = ReviewForm(request.POST if request.method == "POST" else None)
    if not reviews.may_decide(found, person):
        raise PermissionError("Somebody who had no part in this notice decides on its review.")
    if found.outcome:
        messages.info(request, f"This review was decided before: {found.get_outcome_display().lower()}.")
        return redirect("notice", notice_id=notice.pk)
    if form.is_bound and form.is_valid():
        try:
            reviews.decide_review(
                review=found,
                person=person,
                outcome=ReviewOutcome(form.cleaned_data["outcome"]),
                reasons=form.cleaned_data["reasons"],
            )
        except FormIncomplete as problem:
            complain(form, problem)
        except NoticeUnavailable as gone:
            messages.info(request, str(gone))
            return redirect("notice", notice_id=notice.pk)
        else:
            messages.success(request, "Your decision is recorded. The platform is told.")
            return redirect("notice", notice_id=notice.pk)
    return render(
        request,
        "notices/review.html",
        {
            "notice": notice,
            "noun": noun(notice.kind),
            "review": found,
            "clock": reviews.clock_of(found),
            "form": form,
            "wrote": notice.parts.get("reasons") or notice.parts.get("detailed_grounds", ""),
            "account": records.account_of(notice.decision),
        },
        status=422 if form.is_bound and form.errors else 200,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def copy(request: HttpRequest, notice_id: UUID) -> HttpResponse:
    """Write down that an order was copied to the authority of the host's member state."""
    person, found = person_of(request), own(request, notice_id)
    officers.acting_officer(person, found.decision.case.desk)
    named = (found.referral.document.get("order") or {}).get("host_authority") if found.referral else ""
    kept = getattr(found, "scrutiny", None)
    initial = {"authority": kept.authority if kept else named, "sent_how": kept.sent_how if kept else ""}
    form = CopyForm(request.POST) if request.method == "POST" else CopyForm(initial=initial)
    if form.is_bound and form.is_valid():
        try:
            orders.note_copy(
                notice=found,
                person=person,
                authority=form.cleaned_data["authority"],
                sent_at=form.cleaned_data["sent_at"],
                sent_how=form.cleaned_data["sent_how"],
                received_at=form.cleaned_data["received_at"],
            )
        except FormIncomplete as problem:
            for one in problem.problems:
                form.add_error(one.field.replace("_at", "_on"), one.message)
        except NoticeUnavailable as gone:
            messages.info(request, str(gone))
            return redirect("notice", notice_id=notice_id)
        else:
            messages.success(request, "The copy is written down.")
            return redirect("notice", notice_id=notice_id)
    return act(request, found, form, title="Copy to the host’s authority", button="Write it down")


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def finding(request: HttpRequest, notice_id: UUID) -> HttpResponse:
    """Write down what that authority found."""
    person, found = person_of(request), own(request, notice_id)
    officers.acting_officer(person, found.decision.case.desk)
    form = FindingForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            orders.note_finding(
                notice=found,
                person=person,
                finding=Finding(form.cleaned_data["finding"]),
                reasons=form.cleaned_data["reasons"],
                found_at=form.cleaned_data["found_at"],
            )
        except FormIncomplete as problem:
            for one in problem.problems:
                form.add_error(one.field.replace("_at", "_on"), one.message)
        except NoticeUnavailable as gone:
            messages.info(request, str(gone))
            return redirect("notice", notice_id=notice_id)
        else:
            messages.success(request, "The authority’s finding is written down.")
            return redirect("notice", notice_id=notice_id)
    return act(request, found, form, title="What the authority found", button="Write it down")
