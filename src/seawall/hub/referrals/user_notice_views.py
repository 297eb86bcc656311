"""Pages about the notice to the person who posted something: the public one, and what desks, platforms and the overseer do."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from seawall.hub import moment
from seawall.hub.casework.form import FormIncomplete
from seawall.hub.casework.models import Case
from seawall.hub.directory.roles import Role
from seawall.hub.referrals import objections, queries, user_notice_delays, user_notice_queries, user_notices
from seawall.hub.referrals.models import AnswerWay, NoticeDelay, Objection, Referral, UserNotice
from seawall.hub.referrals.user_notice_forms import (
    DelayAnswerForm,
    DelayEndForm,
    DelayForm,
    ObjectionAnswerForm,
    ObjectionForm,
    PassedOnForm,
)
from seawall.hub.web.staff import person_of, refusals_are_403

PAGE = 25
View = Callable[..., HttpResponse]


def private(view: View) -> View:
    """Keep a page out of caches and search engines, and its address out of the Referer of whatever is opened next."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **named: Any) -> HttpResponse:
        response = view(request, *args, **named)
        response["Cache-Control"] = "no-store"
        # Under no-referrer browsers send "Origin: null" with a form, and the CSRF check refuses that.
        response["Referrer-Policy"] = "same-origin" if b"<form" in response.content else "no-referrer"
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return wrapped


def complain(form: Form, problem: FormIncomplete) -> None:
    """Put what a service refused where the form has a field for it."""
    for one in problem.problems:
        form.add_error(one.field if one.field in form.fields else None, one.message)


def status_of(form: Form) -> int:
    return 422 if form.is_bound and form.errors else 200


def _unknown(request: HttpRequest) -> HttpResponse:
    return render(request, "referrals/user_notice_unknown.html", status=404)


@require_safe
@private
@sensitive_variables()
def notice(request: HttpRequest, secret: str) -> HttpResponse:
    """What was asked about somebody's post, by what type of body, on what ground, what came of it, and how to appeal."""
    try:
        found = user_notice_queries.by_secret(secret)
    except UserNotice.DoesNotExist:
        return _unknown(request)
    page = user_notice_queries.public_page(found)
    return render(request, "referrals/user_notice.html", {**page, "secret": secret, "now": moment.now()})


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@private
@sensitive_variables()
def object_to(request: HttpRequest, secret: str) -> HttpResponse:
    """Write “I think this was wrong”, without an account."""
    try:
        found = user_notice_queries.by_secret(secret)
    except UserNotice.DoesNotExist:
        return _unknown(request)
    form = ObjectionForm(request.POST if request.method == "POST" else None)
    status = 200
    if form.is_bound and form.is_valid():
        try:
            objections.object_to(notice=found, text=form.cleaned_data["text"], mail=form.cleaned_data["mail"])
        except FormIncomplete as problem:
            complain(form, problem)
        except objections.TooManyObjections as problem:
            form.add_error(None, str(problem))
            status = 429
        else:
            return redirect("user_notice", secret=secret)
    return render(
        request,
        "referrals/user_notice_objection.html",
        {"form": form, "secret": secret},
        status=status if status != 200 else status_of(form),
    )


def _own(request: HttpRequest, referral_id: UUID) -> Referral:
    try:
        found = queries.referral_for(person=person_of(request), referral_id=referral_id)
    except Referral.DoesNotExist as error:
        raise Http404("No such referral that you may see.") from error
    if found.case.desk_id not in person_of(request).desk_ids():
        raise Http404("No such referral at your desks.")
    return found


def _delay(request: HttpRequest, delay_id: UUID) -> NoticeDelay:
    try:
        return user_notice_queries.delay_for(person=person_of(request), delay_id=delay_id)
    except NoticeDelay.DoesNotExist as error:
        raise Http404("No such delay at your desks.") from error


def _back(delay: NoticeDelay) -> HttpResponse:
    if delay.notice is not None:
        return redirect("referral", referral_id=delay.notice.referral_id)
    return redirect("case", case_id=delay.case_id)


def _page(request: HttpRequest, form: Form, **context: Any) -> HttpResponse:
    return render(request, "referrals/user_notice_act.html", {"form": form, **context}, status=status_of(form))


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def ask(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """Ask that the person is told later, while the case is worked on."""
    person = person_of(request)
    case = Case.objects.visible_to(person).select_related("desk", "content__platform").filter(pk=case_id).first()
    if case is None:
        raise Http404("No such case at your desks.")
    form = DelayForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            user_notice_delays.ask(case=case, person=person, **form.cleaned_data)
        except FormIncomplete as problem:
            complain(form, problem)
        except user_notice_delays.DelayRefused as problem:
            form.add_error(None, str(problem))
        else:
            messages.success(
                request, "Somebody else has to approve it. Nobody answering, the person is told with the referral."
            )
            return redirect("case", case_id=case_id)
    return _page(
        request,
        form,
        title="Tell the person later",
        caption=f"Case {case.reference}",
        case=case,
        button="Ask for the delay",
        about="A person whose post is referred is told so at once. A delay is an exception: it needs a reason and a second person, it ends "
        "by itself, and the overseer reads it.",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def ask_again(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """Ask that a delay is made longer."""
    found = _own(request, referral_id)
    form = DelayForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            user_notice_delays.ask_again(referral=found, person=person_of(request), **form.cleaned_data)
        except FormIncomplete as problem:
            complain(form, problem)
        except user_notice_delays.DelayRefused as problem:
            form.add_error(None, str(problem))
        else:
            messages.success(
                request, "Somebody else has to approve it. Until then the delay ends when it would have ended."
            )
            return redirect("referral", referral_id=referral_id)
    return _page(
        request,
        form,
        title="Make the delay longer",
        caption=f"Referral {found.reference}",
        referral=found,
        button="Ask for it",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def answer_delay(request: HttpRequest, delay_id: UUID) -> HttpResponse:
    """Approve or refuse somebody else's request."""
    found = _delay(request, delay_id)
    form = DelayAnswerForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        approve = form.cleaned_data["approve"] == "yes"
        try:
            user_notice_delays.answer(
                delay=found, person=person_of(request), approve=approve, words=form.cleaned_data["words"]
            )
        except FormIncomplete as problem:
            complain(form, problem)
        except user_notice_delays.DelayRefused as problem:
            messages.error(request, str(problem))
            return _back(found)
        else:
            messages.success(request, "The person is told later." if approve else "The person is told without a delay.")
            return _back(found)
    return _page(
        request,
        form,
        title="A request that a person is told later",
        caption=f"Case {found.case.reference}",
        delay=found,
        case=found.case,
        button="Answer the request",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def end_delay(request: HttpRequest, delay_id: UUID) -> HttpResponse:
    """End a delay early."""
    found = _delay(request, delay_id)
    form = DelayEndForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            user_notice_delays.end(delay=found, person=person_of(request), because=form.cleaned_data["because"])
        except FormIncomplete as problem:
            complain(form, problem)
        except user_notice_delays.DelayRefused as problem:
            messages.error(request, str(problem))
            return _back(found)
        else:
            messages.success(request, "The delay is over. The platform is sent the words.")
            return _back(found)
    return _page(
        request,
        form,
        title="End the delay now",
        caption=f"Case {found.case.reference}",
        delay=found,
        case=found.case,
        button="End it",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def answer_objection(request: HttpRequest, objection_id: UUID) -> HttpResponse:
    """Answer somebody who thinks that a referral was wrong."""
    try:
        found = user_notice_queries.objection_for(person=person_of(request), objection_id=objection_id)
    except Objection.DoesNotExist as error:
        raise Http404("No such objection at your desks.") from error
    referral = found.notice.referral
    if found.answered_at is not None:
        messages.info(request, "This has been answered already.")
        return redirect("referral", referral_id=referral.pk)
    form = ObjectionAnswerForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        upheld = form.cleaned_data["upheld"] == "yes"
        try:
            objections.answer(
                objection=found, person=person_of(request), upheld=upheld, reasons=form.cleaned_data["reasons"]
            )
        except FormIncomplete as problem:
            complain(form, problem)
        else:
            done = f"{referral.reference} is withdrawn." if upheld else f"{referral.reference} stands."
            messages.success(request, f"Your answer stands on the person’s page. {done}")
            return redirect("referral", referral_id=referral.pk)
    return _page(
        request,
        form,
        title="Somebody thinks that this was wrong",
        caption=f"Referral {referral.reference}",
        referral=referral,
        objection=found,
        button="Answer them",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def passed_on(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """Write down that a person gave the platform the words."""
    found = _own(request, referral_id)
    form = PassedOnForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            user_notices.told_by_hand(referral=found, person=person_of(request), note=form.cleaned_data["note"])
        except FormIncomplete as problem:
            complain(form, problem)
        except user_notices.NoNotice as problem:
            messages.error(request, str(problem))
            return redirect("referral", referral_id=referral_id)
        else:
            messages.success(request, f"It is written down that {found.platform.name} has the words.")
            return redirect("referral", referral_id=referral_id)
    return _page(
        request,
        form,
        title=f"{found.platform.name} has the words for the person",
        caption=f"Referral {found.reference}",
        referral=found,
        button="Write it down",
    )


@require_POST
@refusals_are_403
def user_told(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """A platform's person says that they told whoever posted it."""
    person = person_of(request)
    found = (
        queries.referrals_for(person)
        .filter(
            pk=referral_id,
            platform__organisation__in=person.organisation_ids(Role.PLATFORM_CONTACT),
            received_at__isnull=False,
        )
        .first()
    )
    if found is None:
        raise Http404("No such referral to your platform.")
    try:
        user_notices.platform_says(referral=found, told=True, way=AnswerWay.PORTAL)
    except user_notices.NoNotice as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, "Thank you. The hub knows that you told the person.")
    return redirect("referral", referral_id=referral_id)


@require_safe
@refusals_are_403
def delays(request: HttpRequest) -> HttpResponse:
    """The overseer's list: every delay with its reasons, and what nobody has answered yet."""
    person = person_of(request)
    page = Paginator(user_notice_queries.delays_for(person), PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "referrals/user_notice_delays.html",
        {
            "page": page,
            "now": moment.now(),
            "counted": user_notice_queries.counted(),
            "objections": list(user_notice_queries.open_objections_for(person)[:PAGE]),
        },
    )
