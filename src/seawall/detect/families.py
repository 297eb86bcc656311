"""The harms and the contexts that the detector knows, in the order in which they are always given."""

from __future__ import annotations

from typing import Final

#: Harms. `suicide_self_harm` is *encouraging*, promoting or instructing; `at_risk` is somebody in distress, who needs
#: support and not a referral. The two lead to different routes and are never merged.
FAMILIES: Final = (
    "suicide_self_harm",
    "at_risk",
    "eating_disorder",
    "violent_threat",
    "gang_weapons",
    "abuse",
    "hate",
    "health_misinformation",
)

#: What harmful words may stand in without doing harm. A context is told to the reviewer beside the harm.
CONTEXTS: Final = (
    "recovery_support",
    "bereavement",
    "news",
    "art",
    "counter_speech",
    "democratic",
    "education_prevention",
    "idiom",
)
