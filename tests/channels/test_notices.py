"""Notices and orders given under a statute: nothing that the law asks for can be left out, and nothing else has changed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from pydantic import BaseModel, ValidationError
from tests.channels.notice_samples import (
    FORMAL,
    ORDER,
    POLICE,
    formal_dict,
    formal_notice,
    order_dict,
    removal_order,
)
from tests.channels.samples import LEGAL, TERM, as_dict, document

from seawall.channels import DocumentInvalid, ReferralDocument
from seawall.channels.document import problems
from seawall.channels.notices import FormalNotice, RemovalOrder, needed

Build = Callable[..., dict[str, Any]]
BUILDS: dict[str, Build] = {"formal": formal_dict, "order": order_dict}
OPTIONAL = {"order.host_authority"}


def parse(value: dict[str, Any]) -> ReferralDocument:
    return ReferralDocument.parse(json.dumps(value).encode())


def paths(model: type[BaseModel], prefix: str) -> list[str]:
    """Every field of a part, and of the parts in it."""
    found = []
    for name, field in model.model_fields.items():
        found.append(f"{prefix}.{name}")
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found += paths(field.annotation, f"{prefix}.{name}")
    return found


ELEMENTS = [path for path in paths(FormalNotice, "formal") + paths(RemovalOrder, "order") if path not in OPTIONAL]


def without(path: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    """A whole document, the part of it that holds the field, and the field's name."""
    first, *middle, last = path.split(".")
    whole = BUILDS[first]()
    target = whole[first]
    for name in middle:
        target = target[name]
    return whole, target, last


def test_a_document_without_these_parts_keeps_its_digest() -> None:
    """Receipts for such documents are kept: the digest was taken before notices and orders existed."""
    made = document(
        referral_id="6f1c1a80-7d52-4a52-9d0f-0d7cf8f0a001",
        kind="notice_of_illegality",
        grounds={"legal": [LEGAL], "term": TERM},
        explanation="Ünïcode \U0001f30a",
    )
    assert made.sha256() == "a35ead8c200a23d969b6b28f85f9b921884c85956c1be2635cef4eb777f42079"
    assert not {"formal", "order"} & set(made.to_dict())


@pytest.mark.parametrize(
    ("make", "part", "other"), [(formal_notice, "formal", "order"), (removal_order, "order", "formal")]
)
def test_notice_round_trips_and_holds_its_own_part_only(
    make: Callable[[], ReferralDocument], part: str, other: str
) -> None:
    made = make()
    raw = made.to_json()
    assert raw == rfc8785.dumps(json.loads(raw))
    assert ReferralDocument.parse(raw) == made
    assert part in made.to_dict()
    assert other not in made.to_dict()


def test_there_are_as_many_elements_as_the_parts_have_fields() -> None:
    assert len(ELEMENTS) == (7 + 2 + 7 + 3) + (12 + 2)
    assert set(FORMAL) == set(FormalNotice.model_fields)
    assert set(ORDER) == set(RemovalOrder.model_fields)


@pytest.mark.parametrize("path", ELEMENTS)
def test_a_missing_element_is_refused_by_its_name_and_in_a_sentence(path: str) -> None:
    whole, target, last = without(path)
    del target[last]
    with pytest.raises(DocumentInvalid) as caught:
        parse(whole)
    (problem,) = caught.value.problems
    assert problem.field == path
    assert problem.problem.startswith("is missing; the ")
    assert " must " in problem.problem


@pytest.mark.parametrize("path", ELEMENTS)
@pytest.mark.parametrize("value", [None, "", " \n"])
def test_an_empty_element_is_refused_like_a_missing_one(path: str, value: str | None) -> None:
    whole, target, last = without(path)
    target[last] = value
    with pytest.raises(DocumentInvalid) as caught:
        parse(whole)
    assert {problem.field for problem in caught.value.problems} == {path}
    assert all("; the " in problem.problem for problem in caught.value.problems)


def test_everything_missing_is_said_at_once() -> None:
    with pytest.raises(DocumentInvalid) as caught:
        parse(formal_dict(formal={}))
    assert [problem.field for problem in caught.value.problems] == [
        f"formal.{name}" for name in FormalNotice.model_fields
    ]


def test_a_part_that_is_checked_alone_says_the_same() -> None:
    with pytest.raises(ValidationError) as caught:
        FormalNotice.model_validate({**FORMAL, "consequences": None})
    (problem,) = problems(caught.value)
    assert problem.field == "consequences"
    assert "must set out what may follow" in problem.problem


@pytest.mark.parametrize("path", [(), ("",), ("formal",), ("order", "host_authority"), ("formal", "no such", 3), (7,)])
def test_what_is_no_element_of_the_law_is_not_called_one(path: tuple[int | str, ...]) -> None:
    assert needed(path) is None


def _at(build: Build, path: str, value: Any) -> dict[str, Any]:
    whole: dict[str, Any] = build()
    *parents, last = path.split(".")
    target: Any = whole
    for name in parents:
        target = target[name]
    target[last] = value
    return whole


@pytest.mark.parametrize(
    ("build", "path", "value", "said"),
    [
        (formal_dict, "formal", None, "a formal notice needs its part formal"),
        (order_dict, "order", None, "a removal order needs its part order"),
        (formal_dict, "order", ORDER, "only a removal order has the part order"),
        (order_dict, "formal", FORMAL, "only a formal notice has the part formal"),
        (formal_dict, "kind", "voluntary", "only a formal notice has the part formal"),
        (order_dict, "kind", "notice_of_illegality", "only a removal order has the part order"),
        (formal_dict, "clock.due_seconds", 172_799, "clock of 172800 seconds set by statute"),
        (formal_dict, "clock.basis", "code", "clock of 172800 seconds set by statute"),
        (formal_dict, "clock.citation", "Crime and Policing Act 2026", "must cite .*section 21"),
        (formal_dict, "clock.citation", "Crime and Policing Act 2026, section 210", "must cite .*section 21"),
        (order_dict, "clock.due_seconds", 86_400, "clock of 3600 seconds set by statute"),
        (order_dict, "clock.citation", "Regulation (EU) 2022/2065", "must cite 2021/784"),
        (order_dict, "clock.citation", None, "citation"),
        (formal_dict, "referrer.state_body", False, "state body"),
        (
            formal_dict,
            "referrer",
            {"organisation": "A charity", "type": "charity", "state_body": False},
            "body of the state",
        ),
        (order_dict, "referrer", {"organisation": "A hub", "type": "hub", "state_body": False}, "body of the state"),
        (formal_dict, "grounds", {"term": TERM}, "a formal notice needs a legal ground"),
        (order_dict, "grounds", {"legal": [LEGAL], "term": TERM}, "rests on the law alone"),
        (formal_dict, "requested_action", "label", "asks for removal; requested_action is label"),
        (order_dict, "requested_action", "restrict_age", "asks for removal"),
        (formal_dict, "formal.given_at", "2026-11-02T09:30:01Z", "given_at is after sent_at"),
        (formal_dict, "formal.given_at", "2026-09-01T00:00:00Z", "before its officer was authorised"),
        (formal_dict, "formal.given_at", "2026-11-02T09:15:00", "given_at"),  # naive
        (formal_dict, "formal.review.until", "2026-11-02T09:15:00Z", "right of review ends before"),
        (formal_dict, "formal.statute.act", "Another Act 2020", "statute.act"),
        (formal_dict, "formal.statute.section", "section 22", "statute.section"),
        (formal_dict, "formal.officer.email", "Robin <robin@constabulary.example>", "officer.email"),
        (formal_dict, "formal.officer.email", "a@b.example\nBcc: c@d.example", "officer.email"),
        (formal_dict, "formal.officer.phone", "ask at the desk", "officer.phone"),
        (formal_dict, "formal.officer.name", "Robin\nSample", "line break"),
        (formal_dict, "formal.officer.badge", "1", "badge"),  # nothing unknown passes
        (order_dict, "order.issued_at", "2026-11-02T10:00:00Z", "issued_at is after sent_at"),
        (order_dict, "order.preservation_months", 5, "six months"),
        (order_dict, "order.host_authority", None, "name the authority"),
        (order_dict, "order.copied_to_host_authority", "yes", "copied_to_host_authority"),  # a statement is not coerced
        (order_dict, "order.detailed_grounds", "x\x00", "NUL"),
        (formal_dict, "sent_at", "9999-12-31T23:59:59-14:00", "outside the calendar"),
    ],
)
def test_what_contradicts_the_law_of_its_kind_is_refused(build: Build, path: str, value: Any, said: str) -> None:
    with pytest.raises(DocumentInvalid, match=said) as caught:
        parse(_at(build, path, value))
    assert all(problem.field and problem.problem for problem in caught.value.problems)


def test_all_that_contradicts_is_said_at_once() -> None:
    wrong = as_dict(kind="formal_notice", requested_action="demote")
    with pytest.raises(DocumentInvalid) as caught:
        parse(wrong)
    (problem,) = caught.value.problems
    for word in ("part formal", "state", "legal ground", "grounds.term", "demote", "172800", "must cite"):
        assert word in problem.problem


def test_an_order_that_stays_in_its_country_needs_no_copy() -> None:
    inside = {**ORDER, "host_member_state": "Exampleland", "host_authority": None, "copied_to_host_authority": False}
    made = removal_order(order=inside)
    assert made.order is not None
    assert made.to_dict()["order"]["host_authority"] is None


def test_forty_eight_hours_run_from_the_time_given_whatever_zone_it_came_in() -> None:
    made = formal_notice(formal={**FORMAL, "given_at": "2026-11-02T10:15:00+01:00"})
    assert made.formal is not None
    assert made.to_dict()["formal"]["given_at"] == "2026-11-02T09:15:00Z"
    assert made.formal.comply_before.isoformat() == "2026-11-04T09:15:00+00:00"


def test_a_state_body_may_still_refer_voluntarily() -> None:
    assert document(referrer=POLICE).formal is None


@pytest.mark.parametrize("path", [*ELEMENTS, *OPTIONAL])
def test_reference_page_tells_every_field(path: str) -> None:
    page = (Path(__file__).parents[2] / "docs/reference/kinds.md").read_text("utf-8")
    name = path.split(".", 1)[1]
    assert f"`{name}`" in page or f"`{name}." in page
