"""When the detector flags a post is part of the code: of its words, its digest and its versions."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from pydantic import ValidationError
from tests.hub.practice.test_loading import FLAGGING, copied, pattern
from tests.support.hub import ACTOR

from seawall.detect import bundle
from seawall.detect.families import FAMILIES
from seawall.hub.ledger.models import Entry
from seawall.hub.practice import queries
from seawall.hub.practice.loading import CODES, DEFAULT_CODE, load_code
from seawall.hub.practice.models import CodeVersion
from seawall.hub.practice.schema import Code, Cost, Costs, Flagging
from seawall.hub.practice.services import adopt
from seawall.hub.practice.vocabulary import Family

CODE = load_code(CODES / DEFAULT_CODE)


def from_before() -> dict[str, Any]:
    """A code as it was adopted before flagging was part of it."""
    document: dict[str, Any] = json.loads(json.dumps(CODE.model_dump(mode="json")))
    del document["flagging"]
    document["head"]["version"] = "2025.1"
    return document


def test_the_code_that_ships_flags_every_family_by_costs_of_its_own() -> None:
    assert CODE.flagging is not None
    assert tuple(Family) == FAMILIES
    assert set(CODE.flagging.thresholds) == set(CODE.flagging.costs.families) == set(FAMILIES)
    assert all(
        type(family) is str for family in CODE.flagging.thresholds
    )  # plain words, as `seawall.detect` wants them
    assert all(0 < bar < 1 for bar in CODE.flagging.thresholds.values())


def test_no_case_is_opened_for_what_is_not_flagged() -> None:
    assert CODE.flagging is not None
    for harm in CODE.harms:
        for rule in harm.opens_case:
            assert rule.at_least >= CODE.flagging.flags[rule.family], harm.id


def test_every_field_of_flagging_is_in_the_reference() -> None:
    reference = (Path(__file__).parents[3] / "docs" / "reference" / "code-of-practice.md").read_text(encoding="utf-8")
    told = reference.split("## flagging.yaml")[1].split("\n## ")[0]
    for model in (Flagging, Costs, Cost):
        for field in model.model_fields:
            assert f"`{field}`" in told, field


def test_it_cannot_be_changed_after_loading() -> None:
    assert CODE.flagging is not None
    with pytest.raises(TypeError):
        CODE.flagging.flags[Family.HATE] = 0.1  # type: ignore[index]
    with pytest.raises(TypeError):
        CODE.flagging.costs.families[Family.HATE] = Cost(miss=1, neighbour=1)  # type: ignore[index]
    with pytest.raises(ValidationError):
        CODE.flagging.costs.most_ordinary = 0.5
    CODE.flagging.thresholds["hate"] = 0.0  # a copy, whosever it is
    assert CODE.flagging.thresholds["hate"] == CODE.flagging.flags[Family.HATE] > 0


# --- the digest


@pytest.mark.parametrize(
    ("what", "old", "new"),
    [
        ("a threshold", "^  hate: .*$", "  hate: 0.012345678"),
        ("a cost", "^    hate: .*$", "    hate: {miss: 25.012345, neighbour: 6}"),
        ("a share", "neighbour_share: .*$", "neighbour_share: 0.012345678"),
        ("the bound", "most_ordinary: .*$", "most_ordinary: 0.012345678"),
        ("the reason", r"^  why: >-\n    ", "  why: >-\n    In short: "),
    ],
)
def test_the_digest_holds(tmp_path: Path, what: str, old: str, new: str) -> None:
    folder = copied(tmp_path)
    pattern(FLAGGING, old, new)(folder)
    assert load_code(folder).digest != CODE.digest, what


def test_the_digest_is_of_the_number_and_not_of_how_it_is_written(tmp_path: Path) -> None:
    digests = set()
    for number, costs in enumerate(("{miss: 25, neighbour: 6}", "{neighbour: 6.0, miss: 25.00}")):
        folder = copied(tmp_path / str(number))
        pattern(FLAGGING, "^    hate: .*$", f"    hate: {costs}")(folder)
        digests.add(load_code(folder).digest)
    assert len(digests) == 1


def test_a_code_kept_as_json_has_the_same_thresholds_costs_and_digest() -> None:
    again = Code.model_validate(json.loads(json.dumps(CODE.model_dump(mode="json"))))
    assert again.flagging == CODE.flagging
    assert again.digest == CODE.digest
    assert again.model_dump(mode="json") == CODE.model_dump(mode="json")
    assert Code.model_validate_json(CODE.model_dump_json()).digest == CODE.digest


def test_a_copy_with_other_thresholds_has_another_digest() -> None:
    assert CODE.flagging is not None
    other = CODE.flagging.model_copy(update={"flags": {**CODE.flagging.flags, Family.HATE: 0.012345678}})
    assert CODE.model_copy(update={"flagging": other}).digest != CODE.digest
    assert CODE.model_copy(update={"flagging": None}).digest != CODE.digest


# --- versions from before


def test_a_version_from_before_keeps_its_words_and_its_digest() -> None:
    document = from_before()
    old = Code.model_validate(document)
    assert old.flagging is None
    assert old.model_dump(mode="json") == document
    assert old.digest == hashlib.sha256(rfc8785.dumps(document)).hexdigest()


@pytest.mark.django_db
def test_a_version_from_before_stays_in_force_until_the_next_is_adopted() -> None:
    document = from_before()
    digest = hashlib.sha256(rfc8785.dumps(document)).hexdigest()
    adopt(code=Code.model_validate(document), actor=ACTOR)
    assert CodeVersion.objects.get().document == document
    assert queries.current_code().flagging is None
    assert queries.current_code().digest == digest == Entry.objects.get(verb="practice.code_adopted").payload["digest"]
    adopt(code=queries.current_code(), actor=ACTOR)  # the very same again
    assert CodeVersion.objects.count() == 1
    adopt(code=CODE, actor=ACTOR)
    assert queries.current_code().flagging == CODE.flagging
    assert queries.code_at("2025.1").digest == digest


def test_the_shipped_thresholds_are_those_that_training_chose_by_the_shipped_costs() -> None:
    code = load_code(CODES / DEFAULT_CODE)
    assert code.flagging is not None
    assert code.flagging.thresholds == dict(bundle.read().thresholds)
