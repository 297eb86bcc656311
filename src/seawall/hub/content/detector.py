"""The detector that this process uses, loaded once; the code of practice in force says from where on it flags."""

from functools import lru_cache
from pathlib import Path
from typing import cast

from django.conf import settings

from seawall.detect.calibration import Calibration
from seawall.detect.pipeline import Detector, Profile
from seawall.detect.scorer import Scorer
from seawall.detect.scorers import open_scorer
from seawall.hub.practice.definitions import definitions_of
from seawall.hub.practice.schema import Code


def detector(code: Code) -> Detector:
    """The detector, flagging by the thresholds of `code`. Raises `seawall.detect.scorer.ModelError`.

    Loading takes a moment and some megabytes, so it is done once for each version of the code.
    """
    return _loaded(_Key(code))


class _Key:
    """A code of practice as a key: the same words are the same key."""

    def __init__(self, code: Code) -> None:
        self.code = code

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.code.digest == self.code.digest

    def __hash__(self) -> int:
        return hash(self.code.digest)


@lru_cache(maxsize=1)
def _loaded(key: _Key) -> Detector:
    thresholds = key.code.flagging.thresholds if key.code.flagging is not None else None
    profile = cast(Profile, settings.DETECTOR_PROFILE)
    return Detector.load(profile=profile, thresholds=thresholds, own=_own(key.code))


def _own(code: Code) -> tuple[Scorer, Calibration] | None:
    if not settings.DETECTOR_MODEL:
        return None
    scorer = open_scorer(settings.DETECTOR_MODEL, definitions=definitions_of(code))
    path = settings.DETECTOR_CALIBRATION
    return scorer, Calibration.read(Path(path)).fits(scorer.name, Path(path)) if path else Calibration({})
