"""The hub's detector flags by the thresholds of the code of practice in force, and by the next one's once that is adopted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from pytest_django import Settings
from tests.support.hub import ACTOR, SmallHub

from seawall.detect.families import FAMILIES
from seawall.detect.pipeline import Finding as Said
from seawall.hub.content import detector as under_test
from seawall.hub.content import services
from seawall.hub.content.ingest import ingest
from seawall.hub.content.models import Finding, IngestBatch
from seawall.hub.practice.loading import load_code, shipped_codes
from seawall.hub.practice.queries import current_code
from seawall.hub.practice.schema import Code
from seawall.hub.practice.services import adopt
from seawall.hub.practice.vocabulary import Family
from seawall.sources.posts import Post

SHIPPED = load_code(shipped_codes()["uk-2026"])
OWN = dict.fromkeys(FAMILIES, 0.5)  # what the detector flags by where a code is silent


def flagging_from(version: str, **bars: float) -> Code:
    """The shipped code as another version, with these thresholds in place of its own."""
    assert SHIPPED.flagging is not None
    flags = {**SHIPPED.flagging.flags, **{Family(name): bar for name, bar in bars.items()}}
    told = SHIPPED.flagging.model_copy(update={"flags": flags})
    return SHIPPED.model_copy(update={"head": SHIPPED.head.model_copy(update={"version": version}), "flagging": told})


@dataclass
class Engine:
    """A detector to whom every post is hate at 0.4, and which flags by the thresholds that it was loaded with."""

    thresholds: Mapping[str, float]
    version: str = "always-0.4"

    def assess(self, texts: Sequence[str]) -> list[Said]:
        flags = ("hate",) if self.thresholds["hate"] <= 0.4 else ()
        return [Said(families={"hate": 0.4}, flags=flags, context={}, reasons=()) for _ in texts]


@dataclass
class Loads:
    """What the detector was loaded with, time after time."""

    asked: list[dict[str, Any]] = field(default_factory=list)

    def load(self, **asked: Any) -> Engine:
        self.asked.append(asked)
        return Engine(thresholds={**OWN, **(asked["thresholds"] or {})})

    @property
    def thresholds(self) -> list[dict[str, float] | None]:
        return [asked["thresholds"] for asked in self.asked]


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loads]:
    """`Detector.load` replaced, and nothing loaded before or kept after."""
    loads = Loads()
    monkeypatch.setattr("seawall.hub.content.detector.Detector.load", loads.load)
    under_test._loaded.cache_clear()
    yield loads
    under_test._loaded.cache_clear()


def flagged(hub: SmallHub, text: str) -> bool:
    """Whether a post that comes in now is flagged."""
    ingest(
        items=[Post(text, text, None, "alpha", None, None, None, (), {})],
        source="test",
        desk=hub.desks["general"],
        actor=ACTOR,
    )
    batch = services.assess(batch_id=IngestBatch.objects.get(assessed_at=None).pk)
    return Finding.objects.filter(content__batch=batch, flags__contains=["hate"]).exists()


def test_posts_are_flagged_by_the_thresholds_of_the_code_in_force(hub: SmallHub, loads: Loads) -> None:
    strict, lenient = flagging_from("2098.1", hate=0.41), flagging_from("2098.2", hate=0.4)
    assert strict.flagging is not None
    assert lenient.flagging is not None
    adopt(code=strict, actor=ACTOR)
    assert not flagged(hub, "first")
    adopt(code=lenient, actor=ACTOR)
    assert flagged(hub, "second")
    assert loads.thresholds == [strict.flagging.thresholds, lenient.flagging.thresholds]


def test_a_code_that_says_nothing_of_flagging_leaves_it_to_the_detector(hub: SmallHub, loads: Loads) -> None:
    head = SHIPPED.head.model_copy(update={"version": "2098.1"})
    adopt(code=SHIPPED.model_copy(update={"head": head, "flagging": None}), actor=ACTOR)
    assert not flagged(hub, "first")  # by OWN
    assert loads.thresholds == [None]


def test_it_is_loaded_once_for_each_code(hub: SmallHub, loads: Loads) -> None:
    first = under_test.detector(current_code())
    assert under_test.detector(Code.model_validate(current_code().model_dump(mode="json"))) is first  # the same words
    assert len(loads.asked) == 1
    second = under_test.detector(flagging_from("2098.1", hate=0.41))
    assert second is not first
    assert len(loads.asked) == 2


def test_it_is_loaded_with_the_profile_of_the_settings(hub: SmallHub, loads: Loads, settings: Settings) -> None:
    settings.DETECTOR_PROFILE, settings.DETECTOR_MODEL = "linear", ""
    under_test.detector(SHIPPED)
    assert SHIPPED.flagging is not None
    assert loads.asked == [{"profile": "linear", "thresholds": SHIPPED.flagging.thresholds, "own": None}]
