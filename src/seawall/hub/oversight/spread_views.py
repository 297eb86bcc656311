"""How a community's signals spread, for those who take part in it: a chart, the numbers, and the files behind them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from seawall.durations import in_words
from seawall.hub.exchange import queries as exchange
from seawall.hub.exchange.models import Community, How, Part
from seawall.hub.oversight import spreading
from seawall.hub.oversight.exports import json_of
from seawall.hub.oversight.presenting import NO_FIGURE, WITHHELD, count_text
from seawall.hub.oversight.withholding import SUPPRESS_BELOW
from seawall.hub.web.staff import person_of


def _seen(request: HttpRequest, slug: str) -> Community:
    try:
        return exchange.community_for(person=person_of(request), slug=slug)
    except Community.DoesNotExist as missing:
        raise Http404("There is no such community that you may see.") from missing


@require_safe
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """Moves from platform to platform, the time until all had decided, and the sightings of one's own signals."""
    here, person = _seen(request, slug), person_of(request)
    data, names = spreading.as_data(here), spreading.names()
    own = exchange.spoken_for(person=person, community=here)
    shown = spreading.own_sightings(person=person, community=here)
    last = data["last_decision"]
    return render(
        request,
        "oversight/spread.html",
        {
            "community": here,
            "data": data,
            "computed_at": datetime.fromisoformat(data["computed_at"]),
            "pairs": [_pair(row, names) for row in data["pairs"]],
            "bars": [_bar(row, names) for row in data["pairs"] if row["from"] != spreading.ALL],
            "last": {
                **{name: count_text(last[name]) for name in ("signals", "decided", "waiting")},
                **_lengths(last, "decided"),
            },
            "by_platform": _counts(data, "platform", names),
            "by_how": _counts(data, "how", {str(how): str(how.label) for how in How}),
            "own": shown,
            "rows": bool(shown) or spreading.sees_every_row(person=person, community=here),
            "may_tell": any(each.accepted_at and each.part != Part.OBSERVER for each in own),
            "below": SUPPRESS_BELOW,
        },
    )


def _pair(row: dict[str, Any], names: dict[str, str]) -> dict[str, str]:
    return {
        "first": names.get(row["from"], "All"),
        "to": names.get(row["to"], "All"),
        "moves": count_text(row["moves"]),
        **_lengths(row, "moves"),
    }


def _lengths(row: dict[str, Any], count: str) -> dict[str, str]:
    def words(seconds: int | None) -> str:
        if seconds is None:
            return WITHHELD if row[count] is None else NO_FIGURE
        return "under a second" if seconds == 0 else in_words(timedelta(seconds=seconds))

    return {"median": words(row["median_seconds"]), "p90": words(row["p90_seconds"])}


def _bar(row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    seconds = row["median_seconds"]
    return {
        "label": f"{names.get(row['from'], row['from'])} to {names.get(row['to'], row['to'])}",
        "value": None if seconds is None else seconds / 3600,
        "text": _lengths(row, "moves")["median"],
    }


def _counts(data: dict[str, Any], by: str, names: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {"label": names.get(each["of"], each["of"]), "value": each["count"], "text": count_text(each["count"])}
        for each in data["sightings"]
        if each["by"] == by
    ]


@require_safe
def as_json(request: HttpRequest, slug: str) -> HttpResponse:
    """The figures as JSON."""
    return HttpResponse(json_of(spreading.as_data(_seen(request, slug))), content_type="application/json")


@require_safe
def as_csv(request: HttpRequest, slug: str) -> HttpResponse:
    """The figures as CSV, to be saved."""
    return _file(spreading.csv_of(spreading.as_data(_seen(request, slug))), f"seawall-spread-{slug}.csv")


@require_safe
def rows(request: HttpRequest, slug: str) -> HttpResponse:
    """The moves one by one, as far as the person may see them."""
    here = _seen(request, slug)
    found = spreading.rows_for(person=person_of(request), community=here)
    return _file(spreading.rows_csv(found), f"seawall-spread-rows-{slug}.csv")


def _file(text: str, name: str) -> HttpResponse:
    return HttpResponse(
        text,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
