"""The administrator's pages for the words of notices, and for how people complain to each platform."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from seawall.hub.casework.form import FormIncomplete
from seawall.hub.directory import queries as directory
from seawall.hub.directory.models import Platform
from seawall.hub.referrals import user_notice_queries
from seawall.hub.referrals import user_notice_texts as texts
from seawall.hub.referrals.user_notice_forms import ComplaintRouteForm, NoticeTextForm
from seawall.hub.referrals.user_notice_views import complain, status_of
from seawall.hub.web.staff import person_of, refusals_are_403

EVERY_PLATFORM = "_all"
"""In the address of a page, in the place of a platform: the words that count where a platform has none of its own."""


def _platform(slug: str) -> Platform | None:
    if slug == EVERY_PLATFORM:
        return None
    try:
        return directory.platform(slug)
    except Platform.DoesNotExist as error:
        raise Http404("There is no such platform.") from error


@require_safe
@refusals_are_403
def listing(request: HttpRequest) -> HttpResponse:
    """The words in force, platform by platform."""
    rows = user_notice_queries.words_in_force(list(directory.platforms()))
    return render(request, "referrals/user_notice_texts.html", {"rows": rows, "every_platform": EVERY_PLATFORM})


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def edit(request: HttpRequest, slug: str) -> HttpResponse:
    """Change the words for a platform or for every one: look at them first, then adopt them."""
    platform = _platform(slug)
    now_in_force, kept = texts.wording(platform=platform)
    posted = request.POST if request.method == "POST" else None
    form = NoticeTextForm(posted, initial={"text": now_in_force})
    previews: list[tuple[str, str]] = []
    if form.is_bound and form.is_valid():
        given = form.cleaned_data
        try:
            if request.POST.get("do") == "adopt":
                texts.adopt(
                    platform=platform, text=given["text"], language=given["language"], person=person_of(request)
                )
                messages.success(request, "The words are adopted. Referrals made from now on carry them.")
                return redirect("notice_texts")
            previews = texts.preview(given["text"], platform=platform)
        except texts.TextRefused as problem:
            form.add_error("text", str(problem))
    elif not form.is_bound:
        previews = texts.preview(now_in_force, platform=platform)
    return render(
        request,
        "referrals/user_notice_text.html",
        {"form": form, "platform": platform, "previews": previews, "kept": kept},
        status=status_of(form),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def complaints(request: HttpRequest, slug: str) -> HttpResponse:
    """Enter how people complain to a platform."""
    platform = _platform(slug)
    if platform is None:
        raise Http404("People complain to one platform at a time.")
    route = texts.complaint_route(platform)
    initial = (
        {
            "address": route.address,
            "days": route.days,
            "source_url": route.source_url,
            "last_checked": route.last_checked,
        }
        if route is not None
        else {}
    )
    form = ComplaintRouteForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_bound and form.is_valid():
        try:
            texts.enter_complaint_route(platform=platform, person=person_of(request), **form.cleaned_data)
        except FormIncomplete as problem:
            complain(form, problem)
        else:
            messages.success(request, f"Notices on {platform.name} say this from now on.")
            return redirect("notice_texts")
    return render(
        request,
        "referrals/user_notice_complaints.html",
        {"form": form, "platform": platform},
        status=status_of(form),
    )
