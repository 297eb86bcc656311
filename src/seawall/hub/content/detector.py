"""The detector that this process uses, loaded once."""

from functools import lru_cache

from seawall.detect.pipeline import Detector


@lru_cache(maxsize=1)
def detector() -> Detector:
    """The detector that ships with the program. Loading takes a moment and some megabytes, so it is done once a process."""
    return Detector.load()
