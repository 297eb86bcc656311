"""Find harm in text, tell it from help, and say why. A pure library: no Django, no database."""

from seawall.detect.explain import Reason
from seawall.detect.families import CONTEXTS, FAMILIES
from seawall.detect.pipeline import PROFILES, Detector, Finding, Profile
from seawall.detect.rules import Withheld
from seawall.detect.scorer import ModelError, Scorer

__all__ = [
    "CONTEXTS",
    "FAMILIES",
    "PROFILES",
    "Detector",
    "Finding",
    "ModelError",
    "Profile",
    "Reason",
    "Scorer",
    "Withheld",
]
