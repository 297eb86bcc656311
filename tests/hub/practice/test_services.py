"""Adopting the code of practice: a version stays as it was adopted, and decisions cite it for ever."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from tests.support.hub import ACTOR, SmallHub

from seawall.hub.casework import services as casework
from seawall.hub.casework.form import Form
from seawall.hub.casework.models import Outcome
from seawall.hub.ledger.models import Entry
from seawall.hub.practice import queries
from seawall.hub.practice.loading import load_code, shipped_codes
from seawall.hub.practice.models import CodeVersion
from seawall.hub.practice.schema import Code
from seawall.hub.practice.services import VersionTaken, adopt

SHIPPED = load_code(shipped_codes()["uk-2026"])
FORM = Form(outcome=Outcome.NO_ACTION, harm="abuse-harassment", reasons="It is a joke between friends.")


def reworded(version: str, *, hours: int = 24) -> Code:
    """The code with other words for one harm, and another time for deciding on it, under a version number."""
    harms = []
    for harm in SHIPPED.harms:
        if harm.id == "abuse-harassment":
            clock = harm.clock.model_copy(update={"decision": timedelta(hours=hours)})
            harm = harm.model_copy(update={"title": f"Abuse, as of {version}", "clock": clock})
        harms.append(harm)
    return SHIPPED.model_copy(
        update={"head": SHIPPED.head.model_copy(update={"version": version}), "harms": tuple(harms)}
    )


@pytest.mark.core
@pytest.mark.django_db
def test_adopting_twice_is_adopting_once() -> None:
    with pytest.raises(queries.NoCodeAdopted, match="seawall migrate"):
        queries.current_code()
    first = adopt(code=SHIPPED, actor=ACTOR)
    assert adopt(code=SHIPPED, actor=ACTOR).pk == first.pk
    said = Entry.objects.get(verb="practice.code_adopted").payload
    assert said == {
        "code": "uk-2026",
        "version": SHIPPED.version,
        "digest": SHIPPED.digest,
        "harms": len(SHIPPED.harms),
    }
    assert queries.current_code() == SHIPPED
    assert queries.current_code().digest == SHIPPED.digest  # nothing is lost on the way through the database


@pytest.mark.django_db
def test_other_words_need_another_number() -> None:
    adopt(code=SHIPPED, actor=ACTOR)
    with pytest.raises(VersionTaken, match="adopted with other words"):
        adopt(code=reworded(SHIPPED.version), actor=ACTOR)
    assert queries.current_code() == SHIPPED
    assert CodeVersion.objects.count() == Entry.objects.filter(verb="practice.code_adopted").count() == 1


@pytest.mark.core
def test_a_new_version_is_in_force_and_old_decisions_keep_theirs(hub: SmallHub) -> None:
    early, waiting = hub.decided(FORM), hub.case()
    adopt(code=reworded("2027.1", hours=2), actor=ACTOR)
    assert queries.current_code().version == "2027.1"
    late = hub.decided(FORM)
    assert (early.code_version, late.code_version) == (SHIPPED.version, "2027.1")
    assert queries.code_at(early.code_version).harm("abuse-harassment").title == SHIPPED.harm("abuse-harassment").title
    assert queries.code_at(late.code_version).harm("abuse-harassment").title == "Abuse, as of 2027.1"
    assert (waiting.decision_within, late.case.decision_within) == (timedelta(hours=24), timedelta(hours=2))
    assert [version.version for version in queries.adopted()] == ["2027.1", SHIPPED.version]
    adopt(code=SHIPPED, actor=ACTOR)  # known already: it does not come back into force
    assert queries.current_code().version == "2027.1"
    casework.claim(case=waiting, person=hub.people["analyst"])
    assert casework.decide(case=waiting, person=hub.people["analyst"], form=FORM).code_version == "2027.1"
    with pytest.raises(CodeVersion.DoesNotExist):
        queries.code_at("1999.1")


@pytest.mark.django_db
def test_what_was_rolled_back_is_not_remembered() -> None:
    """Two databases, or two tests, may know the same number by other words: what is kept in memory never mixes them up."""
    adopt(code=SHIPPED, actor=ACTOR)
    for hours in (3, 4):
        with transaction.atomic():
            adopt(code=reworded("2027.1", hours=hours), actor=ACTOR)
            assert queries.code_at("2027.1").harm("abuse-harassment").clock.decision == timedelta(hours=hours)
            transaction.set_rollback(True)
        assert queries.current_code().version == SHIPPED.version
        with pytest.raises(CodeVersion.DoesNotExist):
            queries.code_at("2027.1")
