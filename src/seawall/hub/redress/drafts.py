"""A report while it is being filled in: kept in the reporter's session, dropped when it is sent, left or half an hour old.

Each question has an address of its own and each answer is posted and redirected, so the browser's Back works and nothing is sent twice.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest

from seawall.hub.redress import forms, services
from seawall.hub.redress.models import About, AgeBand, ForWhom, ReportKind
from seawall.hub.web.forms import GovukForm

DRAFT, SENT = "report.draft", "report.sent"
KEPT_FOR = 30 * 60
"""Seconds after the last answer for which a draft is kept: long enough to be called away, short on a shared computer."""

STEPS: Mapping[str, type[GovukForm]] = {
    "danger": forms.DangerForm,
    "what": forms.WhatForm,
    "about": forms.AboutForm,
    "person": forms.PersonForm,
    "age": forms.AgeForm,
    "more": forms.MoreForm,
}
CHECK = "check"
Answers = dict[str, dict[str, Any]]


def answers(request: HttpRequest) -> Answers:
    """The answers given so far, by step; empty when there are none or they are too old."""
    return _answers_in(request.session)


def _answers_in(session: SessionBase) -> Answers:
    draft = session.get(DRAFT)
    if not isinstance(draft, dict) or time.time() - draft.get("at", 0) > KEPT_FOR:
        return {}
    given: Answers = draft["answers"]
    return given


def keep(request: HttpRequest, step: str, answer: dict[str, Any]) -> Answers:
    """Keep the answer to one step."""
    given = {**answers(request), step: answer}
    if given.get("person", {}).get("for_whom") == ForWhom.PUBLIC:
        given.pop("age", None)
    request.session[DRAFT] = {"at": time.time(), "answers": given}
    if not request.user.is_authenticated:
        request.session.set_expiry(KEPT_FOR)
    return given


def drop(request: HttpRequest) -> None:
    """Forget what was answered."""
    request.session.pop(DRAFT, None)


def steps_for(given: Answers) -> list[str]:
    """The steps of this report in order: no age is asked when it is about nobody in particular."""
    nobody = given.get("person", {}).get("for_whom") == ForWhom.PUBLIC
    return [step for step in STEPS if step != "age" or not nobody]


def first_open(given: Answers) -> str:
    """The first step without an answer, or the check of all answers."""
    return next((step for step in steps_for(given) if step not in given), CHECK)


def before(step: str, given: Answers) -> str | None:
    """The step that the Back link leads to; None for the start page."""
    order = [*steps_for(given), CHECK]
    place = order.index(step) if step in order else 0
    return order[place - 1] if place else None


def may_show(step: str, given: Answers) -> bool:
    """Whether a step can be shown: all before it must be answered, so that nobody meets half a form."""
    order = [*steps_for(given), CHECK]
    return step in order and all(earlier in given for earlier in order[: order.index(step)])


@transaction.atomic
def send(request: HttpRequest) -> bool:
    """Make the report of what was answered; False when there was nothing to send, as on the second press of the button.

    The session's row is locked meanwhile: two presses at once make one report, and the second finds the first one's receipt.
    Raises TooManyReports, and what `services.receive` raises when the hub is not set up.
    """
    key = request.session.session_key
    if key is None or Session.objects.select_for_update().filter(pk=key).first() is None:
        return False
    given = _answers_in(type(request.session)(key))
    if first_open(given) != CHECK:
        return False
    what, about = given["what"], About(given["about"]["about"])
    danger = given["danger"]["danger_now"] == "yes"
    receipt = services.receive(
        kind=ReportKind(what["kind"]),
        about=about,
        for_whom=ForWhom(given["person"]["for_whom"]),
        age_band=AgeBand(given.get("age", {}).get("age_band", AgeBand.UNSAID)),
        danger_now=danger,
        link=what["link"],
        text=what["text"],
        note=given["more"]["note"],
        visitor=services.visitor_digest(visitor_address(request)),
    )
    drop(request)
    request.session[SENT] = {
        "reference": receipt.report.reference,
        "secret": receipt.secret,
        "about": str(about),
        "danger": danger,
    }
    request.session.save()
    type(request.session).clear_expired()
    return True


def take_sent(request: HttpRequest) -> dict[str, Any] | None:
    """What the page after sending shows, once: afterwards the secret is nowhere here."""
    sent: dict[str, Any] | None = request.session.pop(SENT, None)
    return sent


def visitor_address(request: HttpRequest) -> str:
    """The network that a request came from, for counting: an IPv4 address, or an IPv6 network of 64 bits, which one home has.

    X-Forwarded-For is believed only behind a proxy that the operator named (SEAWALL_BEHIND_PROXY), and of it only the last entry, which
    that proxy wrote: anything before it can be made up by the visitor.
    """
    address = request.META.get("REMOTE_ADDR", "")
    if settings.SECURE_PROXY_SSL_HEADER:
        forwarded = request.headers.get("X-Forwarded-For", "").rsplit(",", 1)[-1].strip()
        address = forwarded or address
    try:
        read = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(read, ipaddress.IPv6Address):
        if read.ipv4_mapped:
            return str(read.ipv4_mapped)
        return str(ipaddress.ip_network((read, 64), strict=False))
    return str(read)
