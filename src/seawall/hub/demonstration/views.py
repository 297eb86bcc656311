"""The demonstration's own page: who can sign in, and how."""

from __future__ import annotations

import time
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import logout
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from seawall.hub.demonstration.sign_ins import shown_to
from seawall.hub.demonstration.sign_ins import sign_ins as everybody


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_ins(request: HttpRequest) -> HttpResponse:
    """Each person of the demonstration with password and code, for whoever sits at the machine that it runs on.

    A POST with an `email` begins to sign in as that person: whoever was signed in here, or half-way, is signed out first.
    """
    if not settings.DEMONSTRATION:
        raise Http404("This hub is not a demonstration.")
    if not shown_to(request):
        raise PermissionDenied("The sign-ins are shown only on the machine that the demonstration runs on.")
    found = everybody(time.time())
    if request.method == "POST":
        chosen = next((one for one in found if one.person.email == request.POST.get("email")), None)
        if chosen is None:
            raise Http404("Nobody in the demonstration has that address.")
        logout(request)
        return redirect(f"{reverse('account_login')}?{urlencode({'email': chosen.person.email})}")
    return render(request, "demonstration/sign_ins.html", {"sign_ins": found})
