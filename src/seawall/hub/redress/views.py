"""The public door: report, follow, withdraw. No account, no script, nothing that names the reporter."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from seawall.hub import moment
from seawall.hub.practice.queries import NoCodeAdopted, current_code
from seawall.hub.practice.schema import SupportLine
from seawall.hub.redress import drafts, queries, services
from seawall.hub.redress.forms import AgeForm
from seawall.hub.redress.models import About, AgeBand, ForWhom, Report, ReportKind
from seawall.hub.web.forms import GovukForm

View = Callable[..., HttpResponse]
GENTLE = frozenset({About.SELF_HARM, About.EATING})
"""What a report may be about where the page after it speaks first of the person and then of the post."""


def private(view: View) -> View:
    """Keep a page out of caches and search engines, and its address out of the Referer of whatever is opened next.

    A page with a form keeps `same-origin`: under `no-referrer` browsers send `Origin: null` with a form, and the CSRF check refuses it.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        response = view(request, *args, **options)
        response["Cache-Control"] = "no-store"
        response["Referrer-Policy"] = "same-origin" if b"<form" in response.content else "no-referrer"
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return wrapped


def support_for(about: About) -> tuple[SupportLine, ...]:
    """The lines that may be shown to somebody who reports this, without 999, which stands on its own. None before a code is adopted."""
    try:
        code = current_code()
    except NoCodeAdopted:
        return ()
    lines = code.shown_support(code.harm(services.HARM_OF[about]).support.reporter)
    return tuple(line for line in lines if not line.emergency)


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """What will happen, before anything is asked. Coming back here forgets a report that was begun."""
    if drafts.DRAFT in request.session:
        drafts.drop(request)
    return render(request, "redress/start.html", {"support": support_for(About.SELF_HARM)})


def _at(step: str) -> str:
    return f"{reverse('report_form')}?{urlencode({'step': step})}"


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@private
def new(request: HttpRequest) -> HttpResponse:
    """One question a page; the last page shows the answers and sends them."""
    given = drafts.answers(request)
    step = request.GET.get("step") or drafts.first_open(given)
    if step == "emergency" and given.get("danger", {}).get("danger_now") == "yes":
        lines = support_for(About.SELF_HARM)
        return render(
            request, "redress/emergency.html", {"support": lines, "back": _at("danger"), "onward": _onward(given)}
        )
    if not drafts.may_show(step, given):
        if request.method == "POST" and step != drafts.CHECK:
            messages.warning(
                request, "You were away for a while, so what you had written was deleted. Please begin again."
            )
        return redirect(_at(drafts.first_open(given)))
    if step == drafts.CHECK:
        return _send(request) if request.method == "POST" else _check(request, given)
    return _question(request, step, given)


def _onward(given: drafts.Answers) -> str:
    return _at(drafts.first_open(given))


def _question(request: HttpRequest, step: str, given: drafts.Answers) -> HttpResponse:
    form = _form(request, step, given)
    if request.method == "POST" and form.is_valid():
        given = drafts.keep(request, step, form.cleaned_data)
        danger = step == "danger" and form.cleaned_data["danger_now"] == "yes"
        return redirect(_at("emergency") if danger else _onward(given))
    back = drafts.before(step, given)
    order = drafts.steps_for(given)
    page = {
        "form": form,
        "question": form[form.heading].label,
        "number": order.index(step) + 1,
        "back": _at(back) if back else reverse("report_start"),
        "changing": step in given and drafts.first_open(given) == drafts.CHECK,
    }
    return render(request, "redress/question.html", page)


def _form(request: HttpRequest, step: str, given: drafts.Answers) -> GovukForm:
    options: dict[str, Any] = {"initial": given.get(step, {})}
    if request.method == "POST":
        options["data"] = request.POST
    if drafts.STEPS[step] is AgeForm:
        options["about_self"] = given.get("person", {}).get("for_whom") == ForWhom.SELF
    return drafts.STEPS[step](**options)


def _check(request: HttpRequest, given: drafts.Answers) -> HttpResponse:
    what = given["what"]
    kind = ReportKind(what["kind"])

    def row(step: str, key: str, value: str) -> dict[str, Any]:
        return {"key": key, "value": value, "actions": [{"text": "Change", "url": _at(step), "about": key.lower()}]}

    rows = [
        row("danger", "Somebody in danger now", "Yes" if given["danger"]["danger_now"] == "yes" else "No"),
        row("what", "The link" if kind == ReportKind.LINK else "The words", what["link"] or what["text"]),
        row("about", "What it is about", About(given["about"]["about"]).label),
        row("person", "Who it is about", ForWhom(given["person"]["for_whom"]).label),
    ]
    if "age" in given:
        rows.append(row("age", "Their age", AgeBand(given["age"]["age_band"]).label))
    rows.append(row("more", "Anything else", given["more"]["note"] or "Nothing added"))
    return render(request, "redress/check.html", {"rows": rows, "back": _at("more")})


@sensitive_variables()
def _send(request: HttpRequest) -> HttpResponse:
    try:
        drafts.send(request)
    except services.TooManyReports as problem:
        response = render(request, "redress/too_many.html", {"words": str(problem)}, status=429)
        response["Retry-After"] = "3600"
        return response
    except (NoCodeAdopted, ObjectDoesNotExist):
        return render(request, "redress/not_ready.html", status=503)
    return redirect("report_done")


@require_safe
@private
@sensitive_variables()
def done(request: HttpRequest) -> HttpResponse:
    """The reference and the secret link, shown this once."""
    sent = drafts.take_sent(request)
    if sent is None:
        return render(request, "redress/done_before.html")
    about = About(sent["about"])
    page = {
        "reference": sent["reference"],
        "link": request.build_absolute_uri(reverse("report_follow", args=[sent["secret"]])),
        "danger": sent["danger"],
        "gentle": about in GENTLE,
        "support": support_for(about),
    }
    return render(request, "redress/done.html", page)


def _unknown(request: HttpRequest) -> HttpResponse:
    return render(request, "redress/unknown.html", status=404)


@require_safe
@private
@sensitive_variables()
def follow(request: HttpRequest, secret: str) -> HttpResponse:
    """Where a report stands, for whoever holds its link. Never shows what was reported: somebody else may be looking over a shoulder."""
    try:
        report = queries.report_by_secret(secret)
    except Report.DoesNotExist:
        return _unknown(request)
    now = moment.now()
    progress = queries.progress_of(report)
    page = {
        "report": report,
        "progress": progress,
        "now": now,
        "late": progress.next_step_by is not None and progress.next_step_by < now,
        "withdraw": reverse("report_withdraw", args=[secret]),
        "support": support_for(About(report.about)),
    }
    return render(request, "redress/follow.html", page)


@require_http_methods(["GET", "HEAD", "POST"])
@private
@sensitive_variables()
def withdraw(request: HttpRequest, secret: str) -> HttpResponse:
    """Ask whether to withdraw, and do it when that is posted. A second time changes nothing."""
    try:
        report = queries.report_by_secret(secret)
    except Report.DoesNotExist:
        return _unknown(request)
    back = reverse("report_follow", args=[secret])
    if request.method == "POST":
        services.withdraw(report=report)
    if request.method == "POST" or report.withdrawn_at is not None:
        return redirect(back)
    return render(request, "redress/withdraw.html", {"report": report, "back": back})
