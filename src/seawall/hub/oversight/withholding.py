"""Which counts are published and which are withheld, so that nobody can be picked out of a small one. Pure.

A count from 1 to 4 is withheld. That alone protects nothing where sums are published too: 1 is plain from 100 less 99. So further counts are
withheld, as few and as small as will do, until for every sum that the table must obey (a row's total over the platforms, an answered count
that is the sum of its outcomes) three things hold: no withheld count can be worked out from published ones, not even by combining sums;
where a sum's total is published, the parts withheld from it add up to at least 5; and there are at least two of them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

SUPPRESS_BELOW = 5
"""Published counts from 1 to 4 are withheld, so that nobody can be picked out of them."""

Cell = TypeVar("Cell", bound=Hashable)


@dataclass(frozen=True)
class Sum:
    """An equation that the counts obey and that a reader knows of: the parts add up to the wholes.

    Most have one whole. Two lists that add up to the same number are one sum with the second list as its wholes.
    """

    wholes: Sequence[Hashable]
    parts: Sequence[Hashable]

    @property
    def cells(self) -> list[Hashable]:
        return [*self.wholes, *self.parts]


def published(count: int) -> int | None:
    """A count that stands alone as it may be published: None where it is withheld for being small."""
    return None if 0 < count < SUPPRESS_BELOW else count


def withheld(
    counts: Mapping[Cell, int], sums: Iterable[Sum], *, worth: Callable[[Cell], int] = lambda _cell: 0
) -> frozenset[Cell]:
    """The cells that are not published.

    Where a further count must go, it is one that drags the fewest others with it, then one of the lowest `worth` to readers.
    A sum that does not hold for `counts`, or names a cell that is not among them, is left out: nothing can be worked out by it.
    Deterministic. Cost: one elimination over the withheld cells a cell added, fractions of a second for a few hundred.
    """
    known: dict[Hashable, int] = dict(counts)  # type: ignore[arg-type]
    held: set[Hashable] = {cell for cell, count in known.items() if published(count) is None}
    obeyed = [
        equation
        for equation in sums
        if all(cell in known for cell in equation.cells)
        and sum(known[cell] for cell in equation.wholes) == sum(known[cell] for cell in equation.parts)
    ]
    order = {cell: place for place, cell in enumerate(known)}

    def cost(cell: Hashable) -> tuple[bool, int, int, int, int]:
        """A zero protects nothing; then what exposes the fewest other sums, what readers miss least, what is smallest."""
        then = held | {cell}
        newly = sum(_exposes(equation, then, known) for equation in obeyed if cell in equation.cells)
        return known[cell] == 0, newly, worth(cell), known[cell], order[cell]  # type: ignore[arg-type]

    while held:
        exposed = next((equation for equation in obeyed if _exposes(equation, held, known)), None)
        if exposed is None:
            found = _worked_out(obeyed, held, order)
            exposed = next(
                (equation for equation in obeyed if found & set(equation.cells) and _open(equation, held)), None
            )
        if exposed is None:
            break
        held.add(min(_open(exposed, held), key=cost))
    return frozenset(held)  # type: ignore[arg-type]


def _open(equation: Sum, held: set[Hashable]) -> list[Hashable]:
    return [cell for cell in equation.cells if cell not in held]


def _exposes(equation: Sum, held: set[Hashable], known: Mapping[Hashable, int]) -> bool:
    """Whether this sum by itself gives a withheld count away, or bounds those withheld from it below 5."""
    inside = [cell for cell in equation.cells if cell in held]
    if not inside or not _open(equation, held):
        return False
    if len(inside) == 1:
        return True
    for side, other in ((equation.parts, equation.wholes), (equation.wholes, equation.parts)):
        if (
            not any(cell in held for cell in other)
            and sum(known[cell] for cell in side if cell in held) < SUPPRESS_BELOW
        ):
            return True
    return False


def _worked_out(sums: Sequence[Sum], held: set[Hashable], order: Mapping[Hashable, int]) -> set[Hashable]:
    """The withheld cells that have one possible value given all that is published: those that the sums, taken together, fix."""
    columns = sorted(held, key=order.__getitem__)
    rows: list[list[Fraction]] = []
    for equation in sums:
        row = [Fraction(equation.wholes.count(cell) - equation.parts.count(cell)) for cell in columns]
        if any(row):
            rows.append(row)
    pivots: list[int] = []
    for column in range(len(columns)):
        place = len(pivots)
        found = next((index for index in range(place, len(rows)) if rows[index][column]), None)
        if found is None:
            continue
        rows[place], rows[found] = rows[found], rows[place]
        lead = rows[place][column]
        rows[place] = [value / lead for value in rows[place]]
        for index, row in enumerate(rows):
            if index != place and row[column]:
                factor = row[column]
                rows[index] = [a - factor * b for a, b in zip(row, rows[place], strict=True)]
        pivots.append(column)
    return {columns[column] for place, column in enumerate(pivots) if sum(map(bool, rows[place])) == 1}
