"""Small counts stay unknown: checked against an attacker who tries every table that fits what was published."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seawall.hub.oversight.withholding import SUPPRESS_BELOW, Sum, published, withheld

Table = dict[str, int]

NEAR = 5

ROW = [Sum(["all"], ["a", "b", "c"])]


@pytest.mark.parametrize(("count", "shown"), [(0, 0), (1, None), (4, None), (5, 5), (1_000, 1_000)])
def test_a_count_by_itself(count: int, shown: int | None) -> None:
    assert published(count) == shown


@pytest.mark.parametrize(
    ("table", "gone"),
    [
        ({"a": 9, "b": 20, "c": 30, "all": 59}, set()),
        ({"a": 0, "b": 20, "c": 30, "all": 50}, set()),
        # One small count: the next smallest goes too, not the sum.
        ({"a": 3, "b": 20, "c": 30, "all": 53}, {"a", "b"}),
        # Two small ones protect each other only when together they are no small count either.
        ({"a": 3, "b": 4, "c": 30, "all": 37}, {"a", "b"}),
        ({"a": 1, "b": 2, "c": 30, "all": 33}, {"a", "b", "c"}),
        # A zero protects nothing, so the sum goes.
        ({"a": 3, "b": 0, "c": 0, "all": 3}, {"a", "all"}),
        ({"a": 3, "b": 0, "c": 30, "all": 33}, {"a", "c"}),
    ],
)
def test_what_goes_with_a_small_count(table: Table, gone: set[str]) -> None:
    assert withheld(table, ROW) == gone


def test_sums_are_put_together() -> None:
    """In a table with both margins, one cell more in the row is not enough: the columns would still tell."""
    table = {
        "a1": 2,
        "a2": 9,
        "a3": 9,
        "b1": 8,
        "b2": 7,
        "b3": 9,
        "a": 20,
        "b": 24,
        "n1": 10,
        "n2": 16,
        "n3": 18,
        "n": 44,
    }
    sums = [
        Sum(["a"], ["a1", "a2", "a3"]),
        Sum(["b"], ["b1", "b2", "b3"]),
        Sum(["n1"], ["a1", "b1"]),
        Sum(["n2"], ["a2", "b2"]),
        Sum(["n3"], ["a3", "b3"]),
        Sum(["n"], ["a", "b"]),
        Sum(["n"], ["n1", "n2", "n3"]),
    ]
    gone = withheld(table, sums)
    assert "a1" in gone
    assert unsure("a1", table, sums, gone)


def test_what_no_sum_tells_alone_two_may_tell_together() -> None:
    """Each of these sums hides enough by itself, and yet the small count is the difference of two published ones."""
    table = {"small": 2, "a": 6, "b": 7, "both": 13, "x": 5, "y": 10, "all": 15}
    sums = [Sum(["both"], ["a", "b"]), Sum(["all"], ["a", "b", "small"]), Sum(["all"], ["x", "y"])]
    worth = {"both": 1, "x": 1, "y": 1, "all": 2}
    gone = withheld(table, sums, worth=lambda cell: worth.get(cell, 0))
    assert unsure("small", table, sums, gone)
    assert not unsure("small", table, sums, frozenset({"small", "a", "b"}))


def test_two_lists_of_the_same_things() -> None:
    """By harm and by origin the same cases are counted: the one list gives the other's gap away."""
    table = {"threat": 2, "hate": 40, "abuse": 60, "detector": 90, "report": 12}
    sums = [Sum(["detector", "report"], ["threat", "hate", "abuse"])]
    gone = withheld(table, sums)
    assert unsure("threat", table, sums, gone)


def test_what_readers_need_most_stays() -> None:
    table = {"waiting": 2, "silent": 30, "answered": 8, "received": 40}
    sums = [Sum(["received"], ["waiting", "silent", "answered"])]
    worth = {"waiting": 0, "silent": 1, "answered": 2, "received": 3}
    assert withheld(table, sums) == {"waiting", "answered"}
    assert withheld(table, sums, worth=worth.__getitem__) == {"waiting", "silent"}


def test_a_sum_that_does_not_hold_is_no_sum() -> None:
    assert withheld({"a": 3, "all": 50, "b": 20}, [Sum(["all"], ["a", "b"]), Sum(["all"], ["a", "missing"])]) == {"a"}


CELLS = ["a1", "a2", "b1", "b2", "a", "b", "n1", "n2", "n"]
MARGINS = [
    Sum(["a"], ["a1", "a2"]),
    Sum(["b"], ["b1", "b2"]),
    Sum(["n1"], ["a1", "b1"]),
    Sum(["n2"], ["a2", "b2"]),
    Sum(["n"], ["a", "b"]),
    Sum(["n"], ["n1", "n2"]),
]


@given(st.tuples(*[st.integers(0, 8)] * 4))
@settings(max_examples=80, deadline=None)
def test_no_small_count_can_be_worked_out(inner: tuple[int, int, int, int]) -> None:
    """Whatever the table of two by two with its margins: every small count has more than one value that fits what is shown."""
    a1, a2, b1, b2 = inner
    table = dict(zip(CELLS, [a1, a2, b1, b2, a1 + a2, b1 + b2, a1 + b1, a2 + b2, sum(inner)], strict=True))
    gone = withheld(table, MARGINS)
    for cell, count in table.items():
        if 0 < count < SUPPRESS_BELOW:
            assert cell in gone
            assert unsure(cell, table, MARGINS, gone), (cell, table, gone)


def unsure(cell: str, table: Table, sums: list[Sum], gone: frozenset[str]) -> bool:
    """Whether another value than the true one fits, as somebody finds who sees what is published and tries all tables."""
    return any(found[cell] != table[cell] for found in fitting(table, sums, sorted(gone)))


def near_to(count: int) -> Callable[[int], int]:
    return lambda guess: abs(guess - count)


def fitting(table: Table, sums: list[Sum], unknown: list[str]) -> Iterator[Mapping[str, int]]:
    """Tables of counts near the true one that agree with the published cells and the sums, the nearest first: any will do."""
    known = {cell: count for cell, count in table.items() if cell not in unknown}
    inner = [cell for cell in unknown if not any(equation.wholes == [cell] for equation in sums)]
    tries = [
        sorted(range(max(0, table[cell] - NEAR), table[cell] + NEAR + 1), key=near_to(table[cell])) for cell in inner
    ]
    for guess in itertools.product(*tries):
        found = known | dict(zip(inner, guess, strict=True))
        for equation in sums:  # the sums of sums come last in every list here
            (whole, *others) = equation.wholes
            if not others and whole not in found:
                found[str(whole)] = sum(found[str(part)] for part in equation.parts)
        if all(sum(found[str(c)] for c in s.wholes) == sum(found[str(c)] for c in s.parts) for s in sums):
            yield found
