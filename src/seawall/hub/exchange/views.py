"""Communities for people: who takes part under which rules, and who still holds what was withdrawn. No signal's value is shown."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from seawall.hub.exchange import communities, queries, signals
from seawall.hub.exchange.communities import AlreadyMember
from seawall.hub.exchange.forms import AcceptForm, AgreementForm, CommunityForm, InviteForm, ReasonForm, SettleForm
from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.labels.identity import own_did
from seawall.hub.exchange.labels.services import publisher
from seawall.hub.exchange.models import Community, Member, Part, Signal
from seawall.hub.exchange.rules import NotAllowed
from seawall.hub.practice.queries import current_code
from seawall.hub.web.forms import GovukForm
from seawall.hub.web.staff import person_of, refusals_are_403


def _seen(request: HttpRequest, slug: str) -> Community:
    try:
        return queries.community_for(person=person_of(request), slug=slug)
    except Community.DoesNotExist as missing:
        raise Http404("There is no such community that you may see.") from missing


def _own_member(request: HttpRequest, community: Community, member_id: UUID) -> Member:
    member = next(
        (each for each in queries.spoken_for(person=person_of(request), community=community) if each.pk == member_id),
        None,
    )
    if member is None:
        raise Http404("You do not speak for such a member.")
    return member


def _form_page(
    request: HttpRequest,
    community: Community | None,
    form: GovukForm,
    *,
    title: str,
    button: str,
    about: str = "",
    text: str = "",
) -> HttpResponse:
    return render(
        request,
        "exchange/act.html",
        {"community": community, "form": form, "title": title, "button": button, "about": about, "text": text},
        status=422 if form.is_bound and form.errors else 200,
    )


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """The communities that one's organisation takes part in."""
    person = person_of(request)
    return render(
        request,
        "exchange/communities.html",
        {"communities": queries.communities_for(person), "may_found": bool(queries.operated_by(person))},
    )


@require_safe
def community(request: HttpRequest, slug: str) -> HttpResponse:
    """One community: rules, members, counts, recipients, withdrawals that have not landed."""
    found, person = _seen(request, slug), person_of(request)
    titles = {harm.id: harm.title for harm in current_code().harms}
    sees = queries.sees_recipients(person=person, community=found)
    own = queries.spoken_for(person=person, community=found)
    return render(
        request,
        "exchange/community.html",
        {
            "community": found,
            "harms": [titles.get(harm, harm) for harm in found.harms],
            "kinds": [SignalKind(kind).words for kind in found.kinds],
            "agreement": found.agreements.order_by("-version").first(),
            "members": found.members.filter(left_at=None).select_related("organisation", "agreement"),
            "own": own,
            "receives": any(each.accepted_at is not None and each.part != Part.OBSERVER for each in own),
            "looks_after": queries.looks_after(person=person, community=found),
            "labels_published": found.labels_published and own_did() is not None and publisher(found) is not None,
            "tallies": queries.tallies(found),
            "sees_recipients": sees,
            "places": queries.places(found) if sees else [],
            "tombstones": queries.tombstones(found) if sees else [],
            "disputed": queries.disputed(found) if sees else [],
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def found(request: HttpRequest) -> HttpResponse:
    """Found a community."""
    person = person_of(request)
    form = CommunityForm(request.POST if request.method == "POST" else None, operators=queries.operated_by(person))
    if form.is_bound and form.is_valid():
        try:
            made = communities.found(person=person, **form.rules())
        except NotAllowed as problem:
            form.add_error(None, str(problem))
        else:
            messages.success(request, f"{made.name} is founded. Now ask organisations in, your own among them.")
            return redirect("community", slug=made.slug)
    return _form_page(request, None, form, title="Found a community", button="Found it")


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def invite(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask an organisation in."""
    here, person = _seen(request, slug), person_of(request)
    form = InviteForm(request.POST if request.method == "POST" else None, community=here)
    if not queries.looks_after(person=person, community=here):
        raise PermissionError(f"Only an administrator of {here.operator.name} asks others in.")
    if form.is_bound and form.is_valid():
        try:
            made = communities.invite(
                community=here,
                organisation=form.cleaned_data["organisation"],
                part=Part(form.cleaned_data["part"]),
                person=person,
            )
        except (NotAllowed, AlreadyMember) as problem:
            form.add_error("organisation", str(problem))
        else:
            messages.success(
                request, f"{made.organisation.name} is asked in. It takes part when it has accepted the agreement."
            )
            return redirect("community", slug=slug)
    return _form_page(request, here, form, title="Ask an organisation in", button="Ask it in")


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def accept(request: HttpRequest, slug: str, member_id: UUID) -> HttpResponse:
    """Read the agreement and accept it for one's organisation."""
    here = _seen(request, slug)
    member = _own_member(request, here, member_id)
    latest = here.agreements.latest("version")
    form = AcceptForm(request.POST if request.method == "POST" else None, initial={"version": latest.version})
    if form.is_bound and form.is_valid():
        read = here.agreements.filter(version=form.cleaned_data["version"]).first() or latest
        try:
            communities.accept(member=member, person=person_of(request), agreement=read)
        except NotAllowed as problem:
            form = AcceptForm(None, initial={"version": latest.version})
            messages.error(request, str(problem))
        else:
            messages.success(request, f"{member.organisation.name} takes part in {here.name}.")
            return redirect("community", slug=slug)
    return _form_page(
        request,
        here,
        form,
        title=f"The agreement of {here.name}, version {latest.version}",
        button="Accept",
        text=latest.text,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def leave(request: HttpRequest, slug: str, member_id: UUID) -> HttpResponse:
    """Leave, or put a member out."""
    here, person = _seen(request, slug), person_of(request)
    if queries.looks_after(person=person, community=here):
        member = here.members.select_related("organisation").filter(pk=member_id, left_at=None).first()
        if member is None:
            raise Http404("There is no such member.")
    else:
        member = _own_member(request, here, member_id)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        communities.leave(member=member, person=person, because=form.cleaned_data["because"])
        messages.success(request, f"{member.organisation.name} has left {here.name}. What it shared is withdrawn.")
        return redirect("communities")
    return _form_page(
        request,
        here,
        form,
        title=f"{member.organisation.name} leaves {here.name}",
        button="Leave",
        about="What it shared is withdrawn everywhere. What it received it has to delete, and to confirm.",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def agreement(request: HttpRequest, slug: str) -> HttpResponse:
    """Publish a new version of the agreement."""
    here = _seen(request, slug)
    form = AgreementForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        made = communities.publish_agreement(community=here, person=person_of(request), text=form.cleaned_data["text"])
        messages.success(
            request, f"Version {made.version} is published. Members stay bound by theirs until they accept it."
        )
        return redirect("community", slug=slug)
    return _form_page(request, here, form, title="A new version of the agreement", button="Publish it")


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def settle(request: HttpRequest, slug: str, signal_id: UUID) -> HttpResponse:
    """Settle a dispute about a signal."""
    here = _seen(request, slug)
    if not queries.looks_after(person=person_of(request), community=here):
        raise PermissionError(f"Only an administrator of {here.operator.name} settles disputes.")
    try:
        signal = queries.signal_in(community=here, signal_id=signal_id)
    except Signal.DoesNotExist as missing:
        raise Http404("There is no such signal.") from missing
    form = SettleForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            signals.settle(
                signal=signal,
                person=person_of(request),
                stands=form.cleaned_data["stands"] == "yes",
                reasons=form.cleaned_data["reasons"],
            )
        except NotAllowed as problem:
            form.add_error(None, str(problem))
        else:
            messages.success(request, "The dispute is settled. Every member is told.")
            return redirect("community", slug=slug)
    return _form_page(request, here, form, title=f"A disputed signal: {signal.get_kind_display()}", button="Settle it")
