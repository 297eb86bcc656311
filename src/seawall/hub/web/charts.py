"""Bar charts as data tables whose bars are drawn beside the numbers: one thing for eyes, screen readers and print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One piece of a bar, in per cent of the chart's width. `series` counts from 1 and picks the colour."""

    start: str
    width: str
    series: int


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A number as text, and the name of its series where a chart has several."""

    text: str
    series: str


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One row of a chart: its label, its numbers in the order of the series, and the pieces of its bar."""

    label: str
    url: str
    figures: list[Figure]
    segments: list[Segment]


def figure(value: float | int | None, unit: str) -> str:
    """A number as the table shows it: grouped by thousands, at most one decimal; `no figure` for None."""
    if value is None:
        return "no figure"
    text = f"{value:,.1f}".removesuffix(".0") if isinstance(value, float) else f"{value:,}"
    return f"{text}{unit}" if unit in ("", "%") else f"{text} {unit}"


def bars(
    rows: Sequence[Mapping[str, Any] | Sequence[Any]],
    *,
    series: Sequence[str] = ("",),
    unit: str = "",
    maximum: float | None = None,
) -> list[Bar]:
    """Lay rows out as bars.

    Parameters
    ----------
    rows
        Each a (label, value) pair, a (label, value, value, ...) sequence, or a mapping with `label`, `value` or
        `values`, and optionally `url` and `text` (shown instead of the number, for one series). None draws no bar.
    series
        The names of the values that each row has, stacked in that order; one without a name for a plain chart.
    maximum
        The value that fills the width; the largest row when None.

    Raises
    ------
    ValueError
        When a row has another number of values than `series`, or a negative one.
    """
    read = [_row(row) for row in rows]
    for label, values, _, _ in read:
        if len(values) != len(series):
            raise ValueError(f"chart row {label!r} has {len(values)} values, the chart has {len(series)} series")
        if any(value is not None and value < 0 for value in values):
            raise ValueError(f"chart row {label!r} has a negative value; a bar cannot show one")
    full = maximum or max((sum(value or 0 for value in values) for _, values, _, _ in read), default=0) or 1
    laid: list[Bar] = []
    for label, values, url, text in read:
        segments: list[Segment] = []
        start = 0.0
        for number, value in enumerate(values, start=1):
            width = min(100 * (value or 0) / full, 100 - start)
            if width > 0:
                segments.append(Segment(start=f"{start:.2f}", width=f"{width:.2f}", series=number))
            start += width
        texts = [text] if text else [figure(value, unit) for value in values]
        figures = [Figure(text=one, series=name) for one, name in zip(texts, series, strict=True)]
        laid.append(Bar(label=label, url=url, figures=figures, segments=segments))
    return laid


def _row(row: Mapping[str, Any] | Sequence[Any]) -> tuple[str, list[Any], str, str]:
    if isinstance(row, Mapping):
        values = list(row["values"]) if "values" in row else [row["value"]]
        return str(row["label"]), values, str(row.get("url", "")), str(row.get("text", ""))
    return str(row[0]), list(row[1:]), "", ""
