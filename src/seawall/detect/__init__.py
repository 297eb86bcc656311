"""Find harm in text, tell it from help, and say which words say so. A pure library: no Django, no database."""

from seawall.detect.families import CONTEXTS, FAMILIES
from seawall.detect.linear import ModelError
from seawall.detect.pipeline import Detector, Finding, Reason

__all__ = ["CONTEXTS", "FAMILIES", "Detector", "Finding", "ModelError", "Reason"]
