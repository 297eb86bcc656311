"""What the pages of signing in say in a demonstration."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.context import Context

from seawall.hub.demonstration.sign_ins import shown_to, signing_in

register = template.Library()


@register.inclusion_tag("demonstration/help.html", takes_context=True)
def demonstration_help(context: Context, wants: str) -> dict[str, Any]:
    """The password or the code of the demonstration's person who signs in here; nothing on any other hub.

    `wants` is what the page asks for: "password" or "code".
    """
    request = context.get("request")
    if request is None or not shown_to(request):
        return {"shown": False}
    return {"shown": True, "wants": wants, "sign_in": signing_in(request)}
