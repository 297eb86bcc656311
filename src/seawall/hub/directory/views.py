"""The directory's pages: who takes part, with which roles. An administrator changes them, an auditor reads; neither sees content."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from seawall.hub.directory import queries, services
from seawall.hub.directory.forms import PersonForm, RoleForm
from seawall.hub.directory.models import Membership, Person
from seawall.hub.directory.roles import Role
from seawall.hub.directory.signing_in import send_password_link
from seawall.hub.ledger.services import Actor
from seawall.hub.web.staff import person_of

PEOPLE_A_PAGE = 50
form_methods = require_http_methods(["GET", "HEAD", "POST"])


def _administrator(request: HttpRequest) -> Actor:
    return services.acting_as(person_of(request), Role.ADMINISTRATOR)


@require_safe
def directory(request: HttpRequest) -> HttpResponse:
    """Organisations with their desks, and people with their roles."""
    people = Paginator(queries.people().order_by("-is_active", "name", "pk"), PEOPLE_A_PAGE)
    return render(
        request,
        "directory/directory.html",
        {
            "may_change": Role.ADMINISTRATOR in person_of(request).roles(),
            "people": people.get_page(request.GET.get("page")),
            "organisations": queries.organisations(),
        },
    )


@require_safe
def person(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """One person: how they sign in, the roles that they hold, and what was done about both."""
    shown = get_object_or_404(queries.people(), pk=person_id)
    return render(
        request,
        "directory/person.html",
        {
            "shown": shown,
            "is_you": shown.pk == person_of(request).pk,
            "has_password": shown.has_usable_password(),
            "history": queries.history(shown),
        },
    )


@form_methods
def person_add(request: HttpRequest) -> HttpResponse:
    """Add somebody, and send them the link to choose a password."""
    form = PersonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            added = services.add_person(
                email=form.cleaned_data["email"],
                name=form.cleaned_data["name"],
                password=None,
                actor=_administrator(request),
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            _send_link(request, added)
            return redirect("person", added.pk)
    return render(request, "directory/person_add.html", {"form": form})


@form_methods
def role_give(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """Give a person a role at a desk or in an organisation."""
    shown = get_object_or_404(Person, pk=person_id)
    form = RoleForm(
        request.POST if request.method == "POST" else None,
        desks=list(queries.desks()),
        organisations=list(queries.organisations()),
    )
    if request.method == "POST" and form.is_valid():
        role, (organisation, desk) = Role(form.cleaned_data["role"]), form.place
        try:
            services.give_role(
                person=shown, role=role, organisation=organisation, desk=desk, actor=_administrator(request)
            )
        except services.RoleNotAllowed as refusal:
            form.add_error("where", str(refusal))
        else:
            messages.success(request, f"{shown.name} now holds the role {role.label} at {desk or organisation}.")
            return redirect("person", shown.pk)
    return render(request, "directory/role_give.html", {"form": form, "shown": shown})


@form_methods
def role_withdraw(request: HttpRequest, membership_id: UUID) -> HttpResponse:
    """Ask once more, then end a role."""
    membership = get_object_or_404(
        Membership.objects.select_related("person", "organisation", "desk"), pk=membership_id, withdrawn_at=None
    )
    role = membership.get_role_display()
    where = membership.desk or membership.organisation
    return _confirmed(
        request,
        membership.person,
        Question(
            title=f"Withdraw the role {role}?",
            text=f"{membership.person.name} can no longer do this work at {where}, from the moment that you press the button.",
            button="Withdraw the role",
            done=f"{membership.person.name} no longer holds the role {role} at {where}.",
            warning=True,
        ),
        lambda actor: services.withdraw_role(membership=membership, actor=actor),
    )


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked before something is done about a person, and what is said afterwards."""

    title: str
    text: str
    button: str
    done: str = ""
    warning: bool = False


@form_methods
def person_change(request: HttpRequest, person_id: UUID, change: str) -> HttpResponse:
    """Ask once more, then close an account, open it again, remove its second factor, or send a link for a new password."""
    shown = get_object_or_404(Person, pk=person_id)
    name = shown.name
    changes: dict[str, tuple[Question, Callable[[Actor], None]]] = {
        "password-link": (
            Question(
                title="Send a link to choose a new password?",
                text=f"It goes to {shown.email}, works once, and for three days. The password of now stays good until then.",
                button="Send the link",
            ),
            lambda _actor: _send_link(request, shown),
        ),
        "remove-second-factor": (
            Question(
                title="Remove the second factor?",
                text=f"For somebody who has lost their phone. First make sure that you are speaking with {name} in person. Their app, "
                "their recovery codes and their password stop working; they choose a new password by mail and set up an app again.",
                button="Remove the second factor",
                done=f"The second factor of {name} is removed.",
                warning=True,
            ),
            lambda actor: _remove_second_factor(request, shown, actor),
        ),
        "close": (
            Question(
                title="Close this account?",
                text=f"{name} is signed out at once and can no longer sign in. Every role that they hold ends. What they did stays.",
                button="Close the account",
                done=f"The account of {name} is closed.",
                warning=True,
            ),
            lambda actor: services.deactivate(person=shown, actor=actor),
        ),
        "open": (
            Question(
                title="Open this account again?",
                text=f"{name} gets a link to choose a password and sets up a second factor. Roles do not come back: give them anew.",
                button="Open the account",
                done=f"The account of {name} is open.",
            ),
            lambda actor: _reopen(request, shown, actor),
        ),
    }
    if change not in changes:
        raise Http404("There is no such change.")
    question, act = changes[change]
    return _confirmed(request, shown, question, act)


def _confirmed(request: HttpRequest, shown: Person, question: Question, act: Callable[[Actor], None]) -> HttpResponse:
    """Ask, and on the answer act; a refusal is shown on the page that asked."""
    refused = ""
    if request.method == "POST":
        try:
            act(_administrator(request))
        except services.RoleNotAllowed as refusal:
            refused = str(refusal)
        else:
            if question.done:
                messages.success(request, question.done)
            return redirect("person", shown.pk)
    context: dict[str, Any] = {"shown": shown, "question": question, "refused": refused, "has_errors": bool(refused)}
    return render(request, "directory/confirm.html", context, status=409 if refused else 200)


def _remove_second_factor(request: HttpRequest, shown: Person, actor: Actor) -> None:
    services.remove_second_factor(person=shown, actor=actor)
    _send_link(request, Person.objects.get(pk=shown.pk))


def _reopen(request: HttpRequest, shown: Person, actor: Actor) -> None:
    services.reactivate(person=shown, actor=actor)
    _send_link(request, Person.objects.get(pk=shown.pk))


def _send_link(request: HttpRequest, shown: Person) -> None:
    """Mail the link and say so, or say that it did not work: the rest of what was done stands.

    Raises RoleNotAllowed for a closed account.
    """
    actor = _administrator(request)
    if not shown.is_active:
        raise services.RoleNotAllowed(f"{shown.name}’s account is closed. Open it again first.")
    try:
        send_password_link(request, shown)
    except OSError:
        messages.error(
            request,
            f"The mail to {shown.email} could not be sent. Ask whoever runs the hub to look at its mail, then send it again.",
        )
    else:
        services.password_link_sent(person=shown, actor=actor)
        messages.success(request, f"A link to choose a password is on its way to {shown.email}.")
