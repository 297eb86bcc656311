"""Files of signals: a page for people, two addresses for software. Described in docs/reference/exchange/download.md."""

from __future__ import annotations

import re
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from seawall.hub.exchange import queries
from seawall.hub.exchange.files import services
from seawall.hub.exchange.files.forms import DeletedForm, TakeForm
from seawall.hub.exchange.files.writing import Form
from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.models import Community, Recipient, Surface
from seawall.hub.exchange.rules import NotAllowed
from seawall.hub.exchange.software import member_for
from seawall.hub.ledger.services import Actor
from seawall.hub.web.software import Refused, json_errors, json_response
from seawall.hub.web.staff import person_of, refusals_are_403

USUAL = "file"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,79}")
TYPES = {Form.CSV: "text/csv; charset=utf-8", Form.JSON: "application/json"}


def _answer(file: services.File, form: Form) -> StreamingHttpResponse:
    head = file.head
    response = StreamingHttpResponse(file.pieces, content_type=TYPES[form])
    name = f"{head.community}-{head.made_at:%Y-%m-%d}-change-{head.change}.{form}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    response["X-Content-Type-Options"] = "nosniff"
    response["X-Seawall-Change"] = str(head.change)
    response["X-Seawall-Recipient"] = str(file.place.pk)
    return response


def _seen(request: HttpRequest, slug: str) -> Community:
    try:
        return queries.community_for(person=person_of(request), slug=slug)
    except Community.DoesNotExist as missing:
        raise Http404("There is no such community that you may see.") from missing


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def page(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Take a file, and see which ones one's organisation has."""
    here, person = _seen(request, slug), person_of(request)
    members = services.receiving(person=person, community=here)
    if not members:
        raise PermissionError("Files are for those who speak for a member that receives signals.")
    kept = services.kept(person=person, members=members)
    has_one = any(row.own for row in kept)
    form = TakeForm(request.POST if request.method == "POST" else None, members=members, has_one=has_one)
    if form.is_bound and form.is_valid():
        member, kind = form.member_chosen(), Form(form.cleaned_data["form"])
        try:
            taken = services.take(
                member=member,
                name=services.name_for(person),
                form=kind,
                where=request.build_absolute_uri(request.path),
                actor=services.actor_of(person=person, member=member),
            )
        except NotAllowed as problem:
            form.add_error(None, str(problem))
        else:
            return _answer(taken, kind)
    return render(
        request,
        "exchange/file.html",
        {
            "community": here,
            "form": form,
            "kept": kept,
            "kinds": [SignalKind(kind).words for kind in here.kinds],
        },
        status=422 if form.is_bound and form.errors else 200,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def deleted(request: HttpRequest, slug: str, place_id: UUID) -> HttpResponse:
    """Say that a file is deleted."""
    here, person = _seen(request, slug), person_of(request)
    try:
        place = services.kept_one(person=person, community=here, place_id=place_id)
    except Recipient.DoesNotExist as missing:
        raise Http404("There is no such file of your organisation.") from missing
    form = DeletedForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        services.delete(place=place, actor=services.actor_of(person=person, member=place.member))
        messages.success(request, "It is written down that the file is deleted.")
        return redirect("community", slug=slug)
    return render(
        request,
        "exchange/act.html",
        {
            "community": here,
            "form": form,
            "title": "The file is deleted",
            "button": "Say so",
            "about": f"{place.member.organisation.name}: {place.name}.",
        },
        status=422 if form.is_bound and form.errors else 200,
    )


@json_errors
@require_http_methods(["GET", "HEAD", "DELETE"])
def software(request: HttpRequest, slug: str, form: str) -> HttpResponseBase:
    """GET: take a file for the place `place`. DELETE: say that it is deleted. HEAD hands nothing over."""
    member, kind = member_for(request, slug), Form(form)
    name = request.GET.get("place", USUAL)
    if not _NAME.fullmatch(name):
        raise Refused(422, "fields", "place is 1 to 80 letters, digits, dots, hyphens and spaces.", "place")
    actor = Actor.platform(member.organisation.slug)
    if request.method == "HEAD":
        return HttpResponse(content_type=TYPES[kind])
    if request.method == "DELETE":
        place = member.recipients.filter(surface=Surface.FILE, name=name, ended_at=None).first()
        if place is None:
            raise Refused(404, "place", "Your organisation has taken no file for a place of this name.", "place")
        services.delete(place=place, actor=actor)
        return json_response({"place": name, "deleted": True})
    where = request.build_absolute_uri(reverse("community_file", args=[slug]))
    try:
        return _answer(services.take(member=member, name=name, form=kind, where=where, actor=actor), kind)
    except NotAllowed as problem:
        raise Refused(403, "refused", str(problem), "place") from problem
