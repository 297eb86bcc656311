"""How a referral's platform is reached, and how its row is held meanwhile."""

from __future__ import annotations

from functools import lru_cache
from uuid import UUID

from django.conf import settings

from seawall import channels
from seawall.hub.directory.models import Route
from seawall.hub.referrals.models import Referral
from seawall.outbound import Outbound


@lru_cache(maxsize=1)
def outbound() -> Outbound:
    """The guarded way out that this process uses for every call."""
    return Outbound(allow=settings.OUTBOUND_ALLOW)


def channel_of(referral: Referral) -> channels.Channel:
    return channels.get(referral.channel)(outbound=outbound())


def address_of(route: Route) -> channels.Address:
    return channels.Address(endpoint=route.endpoint, public_key=route.public_key, token=route.token)


def locked(referral_id: UUID | str) -> Referral:
    """The referral with all that its verbs need, its row held until the transaction ends."""
    return (
        Referral.objects.select_for_update(of=("self",))
        .select_related("platform__route", "case__content", "case__desk")
        .get(pk=referral_id)
    )
