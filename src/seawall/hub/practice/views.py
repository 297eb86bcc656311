"""The code of practice for everybody to read, on a phone and on paper."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from seawall.hub.practice import queries, reading
from seawall.hub.practice.schema import UnknownHarmError


@require_safe
def code(request: HttpRequest) -> HttpResponse:
    """Every harm under its heading, when the detector flags a post, and which version of the code this is."""
    try:
        current = queries.current_code()
    except queries.NoCodeAdopted:
        return render(request, "practice/none.html", status=503)
    page = {
        "code": current,
        "groups": reading.groups(current),
        "flags": reading.flags(current),
        "adopted": queries.adopted(),
    }
    return render(request, "practice/code.html", page)


@require_safe
def harm(request: HttpRequest, harm_id: str) -> HttpResponse:
    """One harm: what it is and is not, what the law says and how far that was checked, how fast it must go."""
    try:
        current = queries.current_code()
        found = current.harm(harm_id)
    except queries.NoCodeAdopted:
        return render(request, "practice/none.html", status=503)
    except UnknownHarmError as problem:
        raise Http404(str(problem)) from problem
    page = {
        "code": current,
        "harm": found,
        "refs": [(ref, reading.standing(ref.status, ref.verified_on)) for ref in found.legal_refs],
        "times": reading.times(current, found),
        "account_steps": reading.account_steps(found),
        "exemptions": reading.exemptions(current, found),
        "support": reading.support(current, found),
        "hand_off": reading.standing(found.hand_off.status, found.hand_off.verified_on) if found.hand_off else None,
    }
    return render(request, "practice/harm.html", page)
