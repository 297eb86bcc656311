"""How a referral's platform is reached, and how its row is held meanwhile."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from uuid import UUID

from django.conf import settings

from seawall import channels, probes
from seawall.channels.http_signatures import Signer
from seawall.hub import moment
from seawall.hub.directory.models import Route
from seawall.hub.referrals import keys
from seawall.hub.referrals.models import Referral
from seawall.outbound import Outbound
from seawall.probes import activitypub, atproto, matrix
from seawall.probes.pace import Pace

PROBE_PACE = 1.0  # seconds between two looks at one host


@lru_cache(maxsize=1)
def outbound() -> Outbound:
    """The guarded way out that this process uses for every call."""
    return Outbound(allow=settings.OUTBOUND_ALLOW)


def equipment(way_out: Outbound) -> channels.Equipment:
    """What channels may need of this hub."""
    return channels.Equipment(
        outbound=way_out,
        hub_name=settings.HUB_NAME,
        hub_url=settings.PUBLIC_URL,
        contact=settings.HUB_CONTACT,
        signing_key=keys.channel_key(),
        actor_key=keys.actor_key(),
        mail=settings.REFERRAL_MAIL,
    )


@lru_cache(maxsize=32)
def _channel(name: str, way_out: Outbound) -> channels.Channel:
    return channels.get(name).equipped(equipment(way_out))


def channel_of(referral: Referral) -> channels.Channel:
    """The channel that the referral goes by, one a process. Raises ChannelError when this hub is not set up for it."""
    return _channel(referral.channel, outbound())


def address_of(route: Route) -> channels.Address:
    return channels.Address(
        endpoint=route.endpoint, public_key=route.public_key, token=route.token, settings=route.settings
    )


@lru_cache(maxsize=1)
def _pace() -> Pace:
    return Pace(PROBE_PACE)


def probe_of(referral: Referral) -> probes.Probe:
    """How the hub looks at posts of the referral's platform: as its route says, with the hub's own account where one is needed.

    No host is asked more often than once in PROBE_PACE seconds by one process.
    """
    route = getattr(referral.platform, "route", None)
    look = probes.get("http") if route is None else _looking(route)

    def paced(url: str, **named: Any) -> probes.Observation:
        if not moment.is_played():
            _pace().wait(url)
        return look(url, **named)

    return paced


def _looking(route: Route) -> probes.Probe:
    if route.probe == "matrix" and route.channel == "matrix":
        return matrix.probe_with(route.endpoint, route.token, pattern=route.settings.get("pattern", ""))
    if route.probe == "atproto" and route.settings.get("labeler"):
        return atproto.probe_with(labelers=[route.settings["labeler"]])
    if route.probe == "activitypub" and route.settings.get("actor"):
        return activitypub.probe_with(Signer.from_pem(f"{route.settings['actor']}#main-key", keys.actor_key()))
    return probes.get(route.probe)


def locked(referral_id: UUID | str) -> Referral:
    """The referral with all that its verbs need, its row held until the transaction ends."""
    return (
        Referral.objects.select_for_update(of=("self",))
        .select_related("platform__route", "case__content", "case__desk")
        .get(pk=referral_id)
    )
