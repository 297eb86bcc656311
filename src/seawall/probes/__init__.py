"""Adapters that look whether content is still up.

``get("http")`` gives a probe by name. A package adds its own under the entry point group ``seawall.probes``; the names
shipped here cannot be taken over.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import cast

from seawall.probes.base import Exchange, Observation, Probe, State
from seawall.probes.http import probe
from seawall.probes.page import normalise, text_digest

GROUP = "seawall.probes"
_SHIPPED = {
    "activitypub": "seawall.probes.activitypub:probe",
    "atproto": "seawall.probes.atproto:probe",
    "http": "seawall.probes.http:probe",
    "http-robots": "seawall.probes.robots:probe_if_let_in",
    "matrix": "seawall.probes.matrix:probe",
}


def names() -> list[str]:
    """List every probe that this installation knows, shipped and added, in order of name."""
    return sorted({*_SHIPPED, *entry_points(group=GROUP).names})


def get(name: str) -> Probe:
    """Return the probe `name`.

    Raises
    ------
    LookupError
        No probe has that name; the message lists those that exist.
    """
    if name in _SHIPPED:
        module, _, attribute = _SHIPPED[name].partition(":")
        return cast(Probe, getattr(import_module(module), attribute))
    for entry in entry_points(group=GROUP, name=name):
        return cast(Probe, entry.load())
    raise LookupError(f"There is no probe {name!r}; this installation has: {', '.join(names())}.")


__all__ = ["Exchange", "Observation", "Probe", "State", "get", "names", "normalise", "probe", "text_digest"]
