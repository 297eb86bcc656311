"""Adapters that look whether content is still up.

``get("http")`` gives a probe by name. A package adds its own under the entry point group ``seawall.probes``; the names
shipped here cannot be taken over.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import cast

from seawall.probes.base import Observation, Probe, State
from seawall.probes.http import probe
from seawall.probes.page import normalise, text_digest

GROUP = "seawall.probes"
_SHIPPED: dict[str, Probe] = {"http": probe}


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
        return _SHIPPED[name]
    for entry in entry_points(group=GROUP, name=name):
        return cast(Probe, entry.load())
    raise LookupError(f"There is no probe {name!r}; this installation has: {', '.join(names())}.")


__all__ = ["Observation", "Probe", "State", "get", "names", "normalise", "probe", "text_digest"]
