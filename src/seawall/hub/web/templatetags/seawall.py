"""The components that pages are put together from; docs/reference/frontend.md shows each one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from django import template
from django.core.paginator import Page
from django.forms import BaseForm
from django.forms.boundfield import BoundField
from django.utils.html import format_html
from django.utils.safestring import SafeString

from seawall.clock import Clock
from seawall.durations import Length, in_words
from seawall.hub.web import charts, words
from seawall.hub.web.forms import GovukBoundField

register = template.Library()

COLOURS = frozenset({"", "grey", "green", "teal", "blue", "purple", "magenta", "red", "orange", "yellow", "solid-red"})
"""Colours that a tag may have; `solid-red` is ours, for the gravest severity alone."""

SEVERITIES = {
    1: ("1: low", "grey"),
    2: ("2: minor", "blue"),
    3: ("3: serious", "yellow"),
    4: ("4: grave", "red"),
    5: ("5: danger", "solid-red"),
}


@register.simple_tag
def tag(text: object, colour: str = "") -> SafeString:
    """A GOV.UK tag. The text must mean the same without the colour."""
    if colour not in COLOURS:
        raise template.TemplateSyntaxError(f"tag has no colour {colour!r}; choose one of {', '.join(sorted(COLOURS))}")
    return format_html(
        '<strong class="govuk-tag{}">{}</strong>', format_html(" govuk-tag--{}", colour) if colour else "", text
    )


@register.simple_tag
def severity_tag(severity: int, full: bool = False) -> SafeString:
    """A harm's severity from 1 to 5, in words and colour; `full` where no heading beside it says "Severity"."""
    text, colour = SEVERITIES[int(severity)]
    before = "Severity " if full else format_html('<span class="govuk-visually-hidden">{}</span>', "Severity ")
    return format_html('<strong class="govuk-tag govuk-tag--{} sw-severity">{}{}</strong>', colour, before, text)


@register.simple_tag
def clock_tag(clock: Clock | None, at: dt.datetime) -> SafeString:
    """What a clock says at the moment `at`; nothing at all for no clock."""
    if clock is None:
        return SafeString("")
    said = words.clock_words(clock, at)
    return format_html(
        '<strong class="govuk-tag govuk-tag--{} sw-clock sw-clock--{}">{}</strong>', said.colour, said.state, said.text
    )


@register.simple_tag
def duration(length: Length | None, empty: str = "not known") -> str:
    """A length of time in words: `3 hours 5 minutes`."""
    return empty if length is None else in_words(length)


@register.simple_tag
def moment(
    when: dt.datetime | dt.date | None, now: dt.datetime | None = None, empty: str = "not known", short: bool = False
) -> str:
    """A `<time>` element in words, in British time; with `now` it says today, yesterday or tomorrow where true.

    `short` is for tables: `22 Nov 2026, 3:05pm`.
    """
    if when is None:
        return empty
    text = words.moment(when, now=now, short=short) if isinstance(when, dt.datetime) else words.day(when, short=short)
    return format_html('<time datetime="{}">{}</time>', when.isoformat(), text)


@register.inclusion_tag("web/components/masked.html")
def masked(
    content: object,
    kind: str = "content that may distress",
    url: str = "",
    lang: str = "",
    label: str = "Show the post",
) -> dict[str, Any]:
    """Content hidden until a person chooses to see it.

    `kind` says in plain words what to expect. Where scripts run, the first opening is posted to `url`, so that exposure
    is counted.
    """
    return {"content": content, "kind": kind, "url": url, "lang": lang, "label": label}


@register.inclusion_tag("web/components/summary_list.html")
def summary_list(rows: Sequence[Any], title: str = "", level: int = 2) -> dict[str, Any]:
    """A GOV.UK summary list. A row is (key, value), or a mapping with key, value, actions [{text, url, about}]."""
    read = [row if isinstance(row, Mapping) else {"key": row[0], "value": row[1]} for row in rows]
    return {"rows": read, "title": title, "level": level, "any_actions": any(row.get("actions") for row in read)}


@register.inclusion_tag("web/components/error_summary.html")
def error_summary(*forms: BaseForm | None) -> dict[str, Any]:
    """The list of everything wrong in the given forms, each linked to its input; nothing when all is well."""
    found: list[dict[str, str]] = []
    for form in forms:
        if not form or not form.is_bound:
            continue
        targets = {bound.name: getattr(bound, "target", bound.id_for_label) for bound in form.visible_fields()}
        first = next(iter(targets.values()), "")
        found += [{"text": str(text), "href": first} for text in form.non_field_errors()]
        for name, target in targets.items():
            found += [{"text": str(text), "href": target} for text in form[name].errors]
    return {"errors": found}


@register.simple_tag
def govuk_field(bound: BoundField, label: str = "", hint: str | None = None, **options: Any) -> SafeString:
    """One field of a form, with our own words: for forms of libraries, whose labels we do not write.

    `size` and `width` are as in `GovukMixin`; other options become attributes of the input. None keeps the form's hint.
    """
    bound.label = label or bound.label
    bound.help_text = bound.help_text if hint is None else hint
    if isinstance(bound, GovukBoundField):
        bound.given = {f"{name}s": options.pop(name) for name in ("size", "width") if name in options}
        bound.given["attrs"] = options
    return bound.as_field_group()


@register.inclusion_tag("web/components/pagination.html", takes_context=True)
def pagination(context: template.Context, page: Page[Any], noun: str = "results") -> dict[str, Any]:
    """Links to the other pages of a Django `Page`, keeping the query; above them, which of how many are shown."""
    items = [
        {"ellipsis": True}
        if not isinstance(number, int)
        else {"number": number, "url": query(context, page=number), "current": number == page.number}
        for number in page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1)
    ]
    return {
        "page": page,
        "noun": noun,
        "items": items,
        "previous": query(context, page=page.previous_page_number()) if page.has_previous() else "",
        "next": query(context, page=page.next_page_number()) if page.has_next() else "",
    }


@register.inclusion_tag("web/components/filter.html", takes_context=True)
def filter_panel(context: template.Context, form: BaseForm, title: str = "Filter") -> dict[str, Any]:
    """The MoJ filter around a GET form, with a link to take each chosen value away. Stands in a `moj-filter-layout`."""
    selected = []
    for name in form.fields:
        bound = form[name]
        if form.is_bound and not bound.is_hidden and not bound.errors:
            chosen = [
                {"text": text, "url": query(context, without=(bound.html_name, value), page=None)}
                for value, text in chosen_values(bound)
            ]
            if chosen:
                selected.append({"label": bound.label, "values": chosen})
    clear = getattr(context.get("request"), "path", "")
    return {"form": form, "title": title, "selected": selected, "clear": clear}


def chosen_values(bound: BoundField) -> list[tuple[str, str]]:
    """What a person chose in a filter's field, as (value in the query, words) pairs."""
    data = bound.data
    values = [
        str(value) for value in (data if isinstance(data, list | tuple) else [data]) if value not in (None, "", False)
    ]
    choices = {
        str(value): str(text)
        for value, text in getattr(bound.field, "choices", ())
        if not isinstance(text, list | tuple)
    }
    if data is True:
        return [("on", str(bound.label))]
    return [(value, choices.get(value, value)) for value in values]


@register.inclusion_tag("web/components/sort_header.html", takes_context=True)
def sort_header(context: template.Context, label: str, key: str, numeric: bool = False) -> dict[str, Any]:
    """A table heading that sorts by a link: `?sort=key`, or `?sort=-key` when it is already sorted that way."""
    request = context.get("request")
    now = request.GET.get("sort", "") if request else ""
    direction = "ascending" if now == key else "descending" if now == f"-{key}" else "none"
    following = f"-{key}" if direction == "ascending" else key
    return {
        "label": label,
        "direction": direction,
        "url": query(context, sort=following, page=None),
        "numeric": numeric,
    }


def query(context: template.Context, without: tuple[str, str] | None = None, **changes: object) -> str:
    """The present address's query with some values changed (None takes one out) or one single pair taken away."""
    request = context.get("request")
    if request is None:
        raise template.TemplateSyntaxError("this component needs `request` in the context, to keep the query")
    params = request.GET.copy()
    for name, value in changes.items():
        if value is None:
            params.pop(name, None)
        else:
            params[name] = str(value)
    if without:
        name, gone = without
        params.setlist(name, [value for value in params.getlist(name) if value != gone])
    encoded = params.urlencode()
    return f"?{encoded}" if encoded else request.path


@register.inclusion_tag("web/components/chart.html")
def bar_chart(
    rows: Sequence[Any],
    caption: str,
    unit: str = "",
    maximum: float | None = None,
    heading: str = "",
    value: str = "Number",
) -> dict[str, Any]:
    """A bar a row: (label, value) pairs, or mappings with label, value, url and text. See `charts.bars`."""
    laid = charts.bars(rows, unit=unit, maximum=maximum)
    return {"bars": laid, "caption": caption, "series": [value], "heading": heading}


@register.inclusion_tag("web/components/chart.html")
def stacked_chart(
    rows: Sequence[Any], series: Sequence[str], caption: str, unit: str = "", heading: str = ""
) -> dict[str, Any]:
    """Stacked bars: each row is (label, value, value, ...) in the order of the names in `series` (five at most)."""
    laid = charts.bars(rows, series=series, unit=unit)
    return {"bars": laid, "caption": caption, "series": list(series), "stacked": True, "heading": heading}


@register.inclusion_tag("web/components/timeline.html")
def timeline(events: Sequence[Mapping[str, Any]], level: int = 3) -> dict[str, Any]:
    """The MoJ timeline. An event has `label` and `at`, and may have `by`, `text`, and `url` with `link`, its words."""
    return {"events": events, "level": level}


@register.inclusion_tag("web/components/identity_bar.html")
def identity_bar(
    title: str, subtitle: str = "", tags: Sequence[SafeString] = (), actions: Sequence[Mapping[str, str]] = ()
) -> dict[str, Any]:
    """What the page is about: a case's number, its tags, and links to what can be done with it."""
    return {"title": title, "subtitle": subtitle, "tags": tags, "actions": actions}


@register.inclusion_tag("web/components/banner.html")
def notification(text: str, title: str = "Important", success: bool = False, name: str = "notice") -> dict[str, Any]:
    """A GOV.UK notification banner; `name` keeps its id apart from another's on the same page."""
    return {"text": text, "title": title, "success": success, "name": name}


@register.inclusion_tag("web/components/empty_state.html")
def empty_state(title: str, text: str = "", url: str = "", link: str = "", level: int = 2) -> dict[str, Any]:
    """What a list says when it has nothing in it: that this is all right, and what comes next."""
    return {"title": title, "text": text, "url": url, "link": link, "level": level}


@register.inclusion_tag("web/components/breadcrumbs.html")
def breadcrumbs(*steps: str, current: str = "") -> dict[str, Any]:
    """Breadcrumbs from (label, address) pairs given one after the other, and the page itself last."""
    if len(steps) % 2:
        raise template.TemplateSyntaxError("breadcrumbs takes label and address in turn; one is missing")
    return {"steps": list(zip(steps[::2], steps[1::2], strict=True)), "current": current}


@register.simple_tag
def back_link(url: str, text: str = "Back") -> SafeString:
    """A GOV.UK back link."""
    return format_html('<a href="{}" class="govuk-back-link">{}</a>', url, text)
