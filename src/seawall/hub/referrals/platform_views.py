"""The pages of a platform's own people: answer one referral or many, and confirm that one is withdrawn."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from seawall.hub.casework.form import FormIncomplete
from seawall.hub.directory.models import Person
from seawall.hub.directory.roles import Role
from seawall.hub.referrals import portal, queries, withdrawals
from seawall.hub.referrals.forms import AnswerForm
from seawall.hub.referrals.models import Referral, Withdrawal
from seawall.hub.web.staff import person_of, refusals_are_403


def _addressed(person: Person, ids: list[UUID]) -> list[Referral]:
    """The referrals of those ids that are addressed to a platform which the person answers for. Raises Http404 for any other."""
    own = person.organisation_ids(Role.PLATFORM_CONTACT)
    found = list(
        queries.referrals_for(person).filter(pk__in=ids, platform__organisation__in=own, received_at__isnull=False)
    )
    if not found or len(found) != len(set(ids)):
        raise Http404("No such referral to your platform.")
    return found


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def answer(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """Answer one referral."""
    found = _addressed(person_of(request), [referral_id])
    return _answer(request, found)


@require_http_methods(["POST"])
@refusals_are_403
def answer_many(request: HttpRequest) -> HttpResponse:
    """Answer several referrals at once: the list's checkboxes lead here, and the form comes back here."""
    chosen = request.POST.getlist("referral")[: portal.MAX_BULK + 1]
    if not chosen:
        messages.error(request, "Choose at least one referral to answer.")
        return redirect("referrals")
    try:
        ids = [UUID(one) for one in chosen]
    except ValueError as problem:
        raise Http404("No such referral to your platform.") from problem
    return _answer(request, _addressed(person_of(request), ids))


def _answer(request: HttpRequest, found: list[Referral]) -> HttpResponse:
    posted = request.POST if request.method == "POST" and "says" in request.POST else None
    form = AnswerForm(posted, sayings=portal.sayings_for(found))
    # A form that was sent without any choice made is one to complain about, not one to show for the first time.
    if request.method == "POST" and "answering" in request.POST and posted is None:
        form = AnswerForm(request.POST, sayings=portal.sayings_for(found))
    if form.is_bound and form.is_valid():
        try:
            outcomes = portal.answer_by_person(referrals=found, person=person_of(request), saying=form.saying())
        except FormIncomplete as problem:
            messages.error(request, str(problem))
            return redirect("referrals")
        refused = [each for each in outcomes if not each.taken]
        taken = len(outcomes) - len(refused)
        if len(found) == 1 and refused:
            form.add_error(None, refused[0].problem)
        else:
            if taken:
                said = "Your answer" if taken == 1 else f"Your answer to {taken} referrals"
                messages.success(request, f"{said} has been taken in.")
            for each in refused[:10]:
                messages.error(request, each.problem)
            return redirect("referral", referral_id=found[0].pk) if len(found) == 1 else redirect("referrals")
    return render(
        request,
        "referrals/answer.html",
        {"found": found, "one": found[0] if len(found) == 1 else None, "form": form},
        status=422 if form.is_bound and form.errors else 200,
    )


@require_POST
@refusals_are_403
def confirm_withdrawal(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """Confirm that the platform has read a withdrawal."""
    (found,) = _addressed(person_of(request), [referral_id])
    try:
        withdrawals.acknowledge_at_portal(referral=found, person=person_of(request))
    except Withdrawal.DoesNotExist:
        messages.error(request, f"{found.reference} is not withdrawn.")
    else:
        messages.success(request, f"Thank you. The hub knows that you have read the withdrawal of {found.reference}.")
    return redirect("referral", referral_id=referral_id)
