"""What may be shared where: one place, so that a page can say beforehand what a service would refuse."""

from __future__ import annotations

from datetime import timedelta

from seawall.hub.directory.models import Organisation, OrganisationKind
from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.models import Community, Part, Tlp
from seawall.hub.exchange.models.community import WIDEST_FIRST

MOST_ACCOUNT_DAYS = 90
"""An account is shared for so long at most: a proposal of this hub, set by no statute."""


class NotAllowed(Exception):
    """The rules of a community do not allow it; the message says which rule, and what would be allowed."""


def may_take_part(*, community: Community, organisation: Organisation, part: Part) -> None:
    """Raise NotAllowed where an organisation cannot have this part in a community.

    Bodies of the state stay outside pools of signals unless the community's rules let them in (GIFCT and Lantern keep them out); a
    regulator may always observe, since an observer sees counts and no signal.
    """
    if part == Part.OBSERVER:
        return
    if organisation.state_body and not community.state_bodies:
        raise NotAllowed(
            f"{organisation.name} is a body of the state, and the rules of {community.name} keep these out of its signals. "
            "It may be an observer, who sees counts."
        )
    if community.platforms_only and organisation.kind != OrganisationKind.PLATFORM:
        raise NotAllowed(f"{community.name} is between platforms only, and {organisation.name} is none.")


def may_be_shared(*, community: Community, kind: SignalKind, harm: str, tlp: Tlp, appeal_url: str) -> None:
    """Raise NotAllowed where a signal does not fit the community."""
    if kind not in community.kinds:
        allowed = ", ".join(SignalKind(each).words for each in community.kinds)
        raise NotAllowed(f"{community.name} does not share this kind of signal ({kind.words}); it shares: {allowed}.")
    if harm not in community.harms:
        raise NotAllowed(
            f"{community.name} does not share signals of the harm {harm}; it shares: {', '.join(community.harms)}."
        )
    if WIDEST_FIRST.index(tlp) > WIDEST_FIRST.index(Tlp(community.tlp_ceiling)):
        raise NotAllowed(
            f"{tlp.label} is narrower than {community.name} can keep to; its ceiling is {Tlp(community.tlp_ceiling).label}."
        )
    if kind is SignalKind.ACCOUNT:
        if not community.platforms_only:
            raise NotAllowed("Accounts are shared between platforms only, in a community that is for nobody else.")
        if not appeal_url.startswith("https://"):
            raise NotAllowed(
                "An account is shared only with an https address at which its holder can appeal the decision."
            )


def longest(*, community: Community, kind: SignalKind) -> timedelta:
    """For how long a signal of this kind may be shared at most."""
    if kind is SignalKind.ACCOUNT:
        return min(community.retention, timedelta(days=MOST_ACCOUNT_DAYS))
    return community.retention
