"""What a policy model is told of a family is what the code of practice says of it."""

from __future__ import annotations

from seawall.detect.families import FAMILIES
from seawall.hub.practice.definitions import definitions_of
from seawall.hub.practice.loading import CODES, DEFAULT_CODE, load_code

CODE = load_code(CODES / DEFAULT_CODE)


def test_every_family_is_defined_by_the_code_that_ships() -> None:
    assert tuple(definitions_of(CODE)) == FAMILIES


def test_a_definition_says_what_counts_and_what_does_not() -> None:
    told = definitions_of(CODE)["violent_threat"]
    harm = CODE.harm("vio-threat")
    assert told.startswith(f"{harm.title}. {harm.definition}\nIt includes: {harm.includes[0]}; ")
    assert told.endswith(f"{harm.excludes[-1]}.")
    for part in (*harm.includes, *harm.excludes):
        assert part in told


def test_a_family_for_which_no_case_is_opened_is_left_out() -> None:
    quiet = CODE.harm("vio-threat").model_copy(update={"opens_case": ()})
    harms = tuple(quiet if harm.id == quiet.id else harm for harm in CODE.harms)
    assert set(definitions_of(CODE.model_copy(update={"harms": harms}))) == set(FAMILIES) - {"violent_threat"}


def test_harms_that_share_a_family_are_told_together() -> None:
    rule = CODE.harm("vio-gang").opens_case[0].model_copy(update={"rank": 999})
    sale = CODE.harm("vio-weapon-sale").model_copy(update={"opens_case": (rule,)})
    harms = tuple(sale if harm.id == sale.id else harm for harm in CODE.harms)
    told = definitions_of(CODE.model_copy(update={"harms": harms}))["gang_weapons"]
    assert CODE.harm("vio-gang").definition in told
    assert sale.definition in told
