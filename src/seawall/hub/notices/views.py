"""The pages of notices: the list, one notice, writing, checking and giving it, declining, settling, and how an officer is named."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from seawall.formats import rendering
from seawall.hub.casework import records
from seawall.hub.casework.form import FormIncomplete
from seawall.hub.casework.services import role_to_decide
from seawall.hub.directory.models import Person
from seawall.hub.directory.roles import Role
from seawall.hub.notices import officers, queries, services
from seawall.hub.notices.forms import DeclineForm, ProfileForm, SettleForm, WriteForm, form_for, initial_for
from seawall.hub.notices.models import Notice, NoticeState
from seawall.hub.notices.panel import COLOURS, facts
from seawall.hub.notices.parts import noun
from seawall.hub.practice import queries as practice
from seawall.hub.practice.models import PowerKind
from seawall.hub.referrals.documents import NotReferable
from seawall.hub.referrals.user_notice_delays import HeldForAnswer
from seawall.hub.web.forms import GovukForm
from seawall.hub.web.staff import person_of, refusals_are_403
from seawall.hub.web.words import day

PAGE = 25


def seen(request: HttpRequest, notice_id: UUID) -> Notice:
    """The notice, where the person may see it. Raises Http404."""
    try:
        return queries.notice_for(person=person_of(request), notice_id=notice_id)
    except Notice.DoesNotExist as error:
        raise Http404("No such notice that you may see.") from error


def own(request: HttpRequest, notice_id: UUID) -> Notice:
    """A notice of the person's own desk. Raises Http404."""
    found = seen(request, notice_id)
    if found.decision.case.desk_id not in person_of(request).desk_ids():
        raise Http404("No such notice at your desks.")
    return found


def complain(form: GovukForm, problem: FormIncomplete) -> None:
    """Put a service's problems beside the fields that they are about."""
    for one in problem.problems:
        form.add_error(one.field if one.field in form.fields else None, one.message)


def act(
    request: HttpRequest,
    notice: Notice,
    form: GovukForm,
    *,
    title: str,
    button: str,
    about: str = "",
    warning: bool = False,
) -> HttpResponse:
    """A page with one form about a notice."""
    return render(
        request,
        "notices/act.html",
        {"notice": notice, "form": form, "title": title, "button": button, "about": about, "warning": warning},
        status=422 if form.is_bound and form.errors else 200,
    )


@require_safe
def notices(request: HttpRequest) -> HttpResponse:
    """The drafts and notices that the person may see, the newest first."""
    person, code = person_of(request), practice.current_code()
    page = Paginator(queries.notices_for(person), PAGE).get_page(request.GET.get("page"))
    officer = Role.AUTHORISING_OFFICER in person.roles()
    return render(
        request,
        "notices/notices.html",
        {
            "rows": [
                {
                    "notice": found,
                    "noun": noun(found.kind),
                    "harm": records.harm_title(code, found.decision.harm),
                    "colour": COLOURS[found.state],
                    "review": any(not each.outcome for each in found.reviews.all()),
                }
                for found in page
            ],
            "page": page,
            "officer": officer,
            "nameless": officer and officers.profile_of(person) is None,
        },
    )


@require_safe
@refusals_are_403
def notice(request: HttpRequest, notice_id: UUID) -> HttpResponse:
    """One notice: the decision behind it, what it lacks, and how it stands."""
    person, found = person_of(request), seen(request, notice_id)
    return render(request, "notices/notice.html", _page(found, person))


def _page(found: Notice, person: Person) -> dict[str, Any]:
    desk, decision = found.decision.case.desk, found.decision
    inside = desk.pk in person.desk_ids()
    officer = officers.officer_at(person, desk)
    free = person.pk not in officers.deciders(decision)
    waits = found.state == NoticeState.DRAFT
    return {
        "notice": found,
        "noun": noun(found.kind),
        "colour": COLOURS[found.state],
        "account": records.account_of(decision),
        "inside": inside,
        "unnamed": Role.OVERSEER in person.roles() and not inside,
        "officer": officer,
        "may_give": waits and officer and free,
        "not_free": waits and officer and not free,
        "nobody": waits and inside and not officers.who_may_give(found),
        "lacks": services.missing(notice=found, person=person) if waits and officer and free else [],
        "profile": officers.profile_of(person) if officer else None,
        "may_settle": found.state == NoticeState.DECLINED and role_to_decide(person=person, desk=desk) is not None,
        "given": facts(found, found.referral, person) if found.referral else None,
    }


def _rows(found: Notice) -> list[tuple[str, str]]:
    """What was written, question by question."""
    shown = initial_for(found.parts)
    rows = []
    for name, field in form_for(found.kind)().fields.items():
        value = shown.get(name, "")
        if name == "review_until" and value:
            value = day(value)
        if name == "copied" and value:
            value = dict(getattr(field, "choices", ())).get(value, value)
        rows.append((str(field.label), str(value)))
    return rows


def _initial(found: Notice, person: Person) -> dict[str, Any]:
    """What was kept; for a draft at which nobody wrote yet, what the hub itself can say."""
    if found.written_at is not None:
        return initial_for(found.parts)
    organisation = found.decision.case.desk.organisation.name
    here = f"{settings.PUBLIC_URL.rstrip('/')}/referrals/"
    if found.kind == PowerKind.REMOVAL_ORDER:
        profile = officers.profile_of(person)
        return {
            "issuing_authority": organisation,
            **({"contact_email": profile.email, "contact_phone": profile.phone} if profile else {}),
        }
    return {
        "review_to": organisation,
        "review_how": f"Answer this notice with “We ask for a review” and say why, by your software or at {here}. An officer who had no "
        "part in the notice decides.",
        "how_to_confirm": f"Answer this notice with “We acted on it” or “It was gone already”, by your software or at {here}.",
    }


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def write(request: HttpRequest, notice_id: UUID) -> HttpResponse:
    """Write at a draft: keep it for later, or go on to check it."""
    person, found = person_of(request), own(request, notice_id)
    if found.state != NoticeState.DRAFT:
        messages.info(request, f"This draft waits no more: {found.get_state_display().lower()}.")
        return redirect("notice", notice_id=notice_id)
    kind = form_for(found.kind)
    form: WriteForm = kind(request.POST) if request.method == "POST" else kind(initial=_initial(found, person))
    if form.is_bound and form.is_valid():
        try:
            services.write(notice=found, person=person, values=form.values())
        except (FormIncomplete, services.NoticeUnavailable) as problem:
            form.add_error(None, str(problem))
        else:
            if "later" in request.POST:
                messages.success(request, "The draft is kept. Nothing has been sent.")
                return redirect("notice", notice_id=notice_id)
            found.refresh_from_db(fields=["parts"])
            missing = services.missing(notice=found, person=person)
            if not missing:
                return redirect("notice_check", notice_id=notice_id)
            form.note(missing)
    return render(
        request,
        "notices/write.html",
        {"notice": found, "noun": noun(found.kind), "form": form, "profile": officers.profile_of(person)},
        status=422 if form.is_bound and form.errors else 200,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def check(request: HttpRequest, notice_id: UUID) -> HttpResponse:
    """Check a draft, then give it."""
    person, found = person_of(request), own(request, notice_id)
    if person.pk in officers.deciders(found.decision):
        raise PermissionError("You decided this case or gave the second word on it, so another officer gives it.")
    what = noun(found.kind)
    if request.method == "POST":
        try:
            referral = services.give(notice=found, person=person, checked=request.POST.get("checked", ""))
        except (services.NoticeUnavailable, FormIncomplete, NotReferable, HeldForAnswer) as problem:
            messages.error(request, str(problem))
            return redirect("notice", notice_id=notice_id)
        messages.success(request, f"The {what} is given. {referral.platform.name} receives it next.")
        return redirect("referral", referral_id=referral.pk)
    if found.state != NoticeState.DRAFT or services.missing(notice=found, person=person):
        messages.info(request, f"This {what} cannot be given now.")
        return redirect("notice", notice_id=notice_id)
    return render(
        request,
        "notices/check.html",
        {
            "notice": found,
            "noun": what,
            "rows": _rows(found),
            "profile": officers.profile_of(person),
            "document": services.previewed(notice=found, person=person),
            "limit": services.limit_of(found),
            "seal": services.seal(notice=found, person=person),
        },
    )


@require_safe
@refusals_are_403
def paper(request: HttpRequest, notice_id: UUID) -> HttpResponse:
    """The document as the platform would receive it, as a page."""
    person, found = person_of(request), own(request, notice_id)
    if found.state != NoticeState.DRAFT or services.missing(notice=found, person=person):
        raise Http404("There is no complete draft to look at.")
    document = services.previewed(notice=found, person=person)
    return HttpResponse(
        rendering.render_html(document, reference="Draft, not given"),
        headers={"Content-Security-Policy": rendering.POLICY},  # its one style stands in the page, by its hash
    )


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def decline(request: HttpRequest, notice_id: UUID) -> HttpResponse:
    """Decline to give it."""
    person, found = person_of(request), own(request, notice_id)
    form = DeclineForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            services.decline(notice=found, person=person, reasons=form.cleaned_data["reasons"])
        except FormIncomplete as problem:
            complain(form, problem)
        except services.NoticeUnavailable as gone:
            messages.info(request, str(gone))
            return redirect("notice", notice_id=notice_id)
        else:
            messages.success(request, "You declined. Whoever decided the case is told.")
            return redirect("notice", notice_id=notice_id)
    return act(request, found, form, title=f"Decline this {noun(found.kind)}", button="Decline it")


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def settle(request: HttpRequest, notice_id: UUID) -> HttpResponse:
    """Settle what becomes of a decision whose notice was declined."""
    person, found = person_of(request), own(request, notice_id)
    form = SettleForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            services.settle(notice=found, person=person, way=form.cleaned_data["way"])
        except services.NoticeUnavailable as gone:
            messages.error(request, str(gone))
        else:
            platform = found.decision.case.content.platform.name
            messages.success(
                request,
                f"{platform} receives a request next."
                if form.cleaned_data["way"] == "request"
                else "The case is closed. Nothing is asked of the platform.",
            )
        return redirect("notice", notice_id=notice_id)
    return act(
        request,
        found,
        form,
        title="What becomes of the decision?",
        button="Settle it",
        about=found.declined_because,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def profile(request: HttpRequest) -> HttpResponse:
    """How the officer is named in what they give."""
    person = person_of(request)
    kept = officers.profile_of(person)
    initial: dict[str, Any] = {"name": person.name}
    if kept is not None:
        initial = {name: getattr(kept, name) for name in ("name", "rank", "force", "email", "phone", "authorisation")}
        initial["authorised_at"] = kept.authorised_on
    form = ProfileForm(request.POST) if request.method == "POST" else ProfileForm(initial=initial)
    if form.is_bound and form.is_valid():
        try:
            officers.keep_profile(person=person, values=form.cleaned_data)
        except FormIncomplete as problem:
            complain(form, problem)
        else:
            messages.success(request, "Kept. What you give from now on names you so.")
            return redirect("notices")
    return render(request, "notices/profile.html", {"form": form}, status=422 if form.is_bound and form.errors else 200)
