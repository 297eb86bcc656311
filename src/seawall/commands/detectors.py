"""The detector that a command's options ask for, without a database."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from seawall.detect.calibration import Calibration
from seawall.detect.pipeline import Detector, Profile
from seawall.detect.scorer import Scorer


def detector_for(
    *,
    profile: Profile = "full",
    thresholds: Mapping[str, float] | None = None,
    model: str | None = None,
    calibration: Path | None = None,
    gate_self_harm: bool = False,
    code: Path | None = None,
) -> Detector:
    """The shipped detector, with the operator's model that the URI `model` names if one is given.

    `calibration` is what `seawall calibrate` wrote for that model; without it the model's scores are taken to be
    log-odds. A policy model is asked by the definitions of the code of practice in the folder `code`, or of the one that
    ships. Raises `ModelError`, and `CodeOfPracticeError` for a code that cannot be read.
    """
    own: tuple[Scorer, Calibration] | None = None
    if model is not None:
        scorer = _open(model, code)
        held = Calibration({}) if calibration is None else Calibration.read(calibration).fits(scorer.name, calibration)
        own = scorer, held
    return Detector.load(profile=profile, thresholds=thresholds, own=own, gate_self_harm=gate_self_harm)


def thresholds_of(folder: Path | None = None) -> dict[str, float]:
    """From which probability a code of practice flags each family: the code in `folder`, or the one that ships.

    Empty for a code that leaves it to the detector. Raises `CodeOfPracticeError`.
    """
    from seawall.hub.practice.loading import DEFAULT_CODE, load_code, shipped_codes

    code = load_code(folder or shipped_codes()[DEFAULT_CODE])
    return code.flagging.thresholds if code.flagging is not None else {}


def _open(model: str, code: Path | None) -> Scorer:
    from seawall.detect.scorers import open_scorer
    from seawall.hub.practice.definitions import definitions_of
    from seawall.hub.practice.loading import DEFAULT_CODE, load_code, shipped_codes

    return open_scorer(model, definitions=definitions_of(load_code(code or shipped_codes()[DEFAULT_CODE])))
