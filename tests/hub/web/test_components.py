"""Components and forms as markup: what a template gets is what GOV.UK and MoJ Frontend expect."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.core.paginator import Paginator
from django.template import Context, Template, TemplateSyntaxError
from django.template.loader import get_template
from django.test import RequestFactory
from tests.hub.web.gallery_forms import Decision, QueueFilter, Report

from seawall.clock import Basis, Clock, Event, EventKind, Limit, PauseReason, Start
from seawall.hub.web import charts, words
from seawall.hub.web.dates import GovukDateField, month_number
from seawall.hub.web.forms import GovukForm

ROOT = Path(__file__).parents[3]
WEB = ROOT / "src" / "seawall" / "hub" / "web"
NOW = dt.datetime(2026, 11, 20, 14, 5, tzinfo=dt.UTC)


def render(source: str, address: str = "/queue", **context: Any) -> str:
    """A template's text with the tags loaded, on one line."""
    request = RequestFactory().get(address)
    text = Template("{% load seawall %}" + source).render(Context({"request": request, **context}))
    return " ".join(text.split())


class Ids(HTMLParser):
    """Every id in a page, and every id that an attribute refers to."""

    REFERRING = ("for", "aria-describedby", "aria-labelledby", "aria-controls", "data-aria-controls")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.referred: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.ids.append(value)
            elif name in self.REFERRING and value:
                self.referred |= set(value.split())


# --- Words


def clock(hours: float, *events: tuple[float, EventKind, PauseReason | None]) -> Clock:
    limit = Limit(
        length=dt.timedelta(hours=hours),
        basis=Basis.PROPOSAL,
        citation="The hub's code",
        starts=Start.NOTICE_VALID,
        pausable=frozenset(PauseReason),
    )
    return Clock(limit, [Event(NOW - dt.timedelta(hours=ago), kind, reason) for ago, kind, reason in events])


STARTED, PAUSED, RESUMED, STOPPED = EventKind.STARTED, EventKind.PAUSED, EventKind.RESUMED, EventKind.STOPPED
ASKED = PauseReason.INFORMATION_REQUESTED


@pytest.mark.parametrize(
    ("given", "text", "state"),
    [
        pytest.param(clock(4), "Clock not started", "waiting", id="nothing happened yet"),
        pytest.param(clock(4, (1, STARTED, None)), "Due in 3 hours", "due", id="runs"),
        pytest.param(clock(1, (0.5, STARTED, None)), "Due in 30 minutes", "due", id="runs and is nearly out"),
        pytest.param(clock(4, (9, STARTED, None)), "Overdue by 5 hours", "overdue", id="ran out"),
        pytest.param(
            clock(4, (2, STARTED, None), (1, PAUSED, ASKED)), "Paused: information requested", "paused", id="paused"
        ),
        pytest.param(
            clock(4, (3, STARTED, None), (2, PAUSED, ASKED), (1, RESUMED, None)), "Due in 2 hours", "due", id="resumed"
        ),
        pytest.param(
            clock(4, (3, STARTED, None), (1, STOPPED, None)), "Done with 2 hours left", "met", id="done in time"
        ),
        pytest.param(
            clock(4, (9, STARTED, None), (1, STOPPED, None)), "Done late by 4 hours", "late", id="done too late"
        ),
        pytest.param(
            clock(4, (9, STARTED, None), (1, PAUSED, ASKED)), "Overdue by 4 hours", "overdue", id="paused too late"
        ),
    ],
)
def test_a_clock_in_words(given: Clock, text: str, state: str) -> None:
    said = words.clock_words(given, NOW)
    assert (said.text, said.state) == (text, state)
    assert text in render("{% clock_tag clock now %}", clock=given, now=NOW)


def test_an_urgent_clock_has_another_colour() -> None:
    calm = words.clock_words(clock(4, (1, STARTED, None)), NOW)
    urgent = words.clock_words(clock(1, (0.5, STARTED, None)), NOW)
    assert calm.colour != urgent.colour


def test_no_clock_is_no_tag() -> None:
    assert render("{% clock_tag clock now %}", clock=None, now=NOW) == ""


@pytest.mark.parametrize(
    ("when", "text"),
    [
        (dt.datetime(2026, 11, 20, 14, 5, tzinfo=dt.UTC), "20 November 2026 at 2:05pm"),
        (dt.datetime(2026, 7, 1, 22, 30, tzinfo=dt.UTC), "1 July 2026 at 11:30pm"),
        (dt.datetime(2026, 7, 1, 23, 0, tzinfo=dt.UTC), "2 July 2026 at midnight"),
        (dt.datetime(2026, 1, 5, 12, 0, tzinfo=dt.UTC), "5 January 2026 at midday"),
        (dt.datetime(2026, 1, 5, 0, 9, tzinfo=dt.UTC), "5 January 2026 at 12:09am"),
    ],
)
def test_a_moment_is_told_in_british_time(when: dt.datetime, text: str) -> None:
    assert words.moment(when) == text
    assert render("{% moment when %}", when=when) == f'<time datetime="{when.isoformat()}">{text}</time>'


@pytest.mark.parametrize(
    ("when", "text"),
    [
        (NOW, "today at 2:05pm"),
        (NOW - dt.timedelta(hours=20), "yesterday at 6:05pm"),
        (NOW + dt.timedelta(days=1), "tomorrow at 2:05pm"),
        (NOW - dt.timedelta(days=2), "18 November 2026 at 2:05pm"),
    ],
)
def test_a_near_moment_is_told_by_its_day(when: dt.datetime, text: str) -> None:
    assert words.moment(when, now=NOW) == text


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        words.moment(dt.datetime(2026, 1, 1))  # noqa: DTZ001  # the very thing that is refused


def test_an_unknown_moment_and_length_say_so() -> None:
    assert render("{% moment nothing %}, {% duration nothing %}", nothing=None) == "not known, not known"
    assert render("{% duration length %}", length=dt.timedelta(minutes=185)) == "3 hours 5 minutes"


# --- Components


def test_a_tag_escapes_its_text_and_refuses_an_unknown_colour() -> None:
    assert render("{% tag text 'red' %}", text="<b>") == '<strong class="govuk-tag govuk-tag--red">&lt;b&gt;</strong>'
    with pytest.raises(TemplateSyntaxError, match="no colour 'pink'"):
        render("{% tag 'x' 'pink' %}")


def test_masked_content_is_escaped_closed_and_named() -> None:
    text = render("{% masked post kind='a threat' url='/seen/1' %}", post="<script>x</script>\n\nsecond")
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert '<span class="sw-masked__closed">Hidden: </span>a threat' in text
    assert 'data-exposure-url="/seen/1"' in text
    assert not re.search(r"<details[^>]* open", text)


def test_a_summary_list_takes_pairs_and_mappings() -> None:
    rows = [("Platform", "Plaza"), {"key": "Author", "value": "<x>", "actions": [{"text": "See", "url": "/a"}]}]
    text = render("{% summary_list rows %}", rows=rows)
    assert "govuk-summary-list__row--no-actions" in text
    assert "&lt;x&gt;" in text
    assert 'href="/a">See<span class="govuk-visually-hidden"> Author</span>' in text


def test_pagination_keeps_the_query_and_counts() -> None:
    page = Paginator(range(95), 10).get_page(5)
    text = render("{% pagination page 'cases' %}", "/queue?platform=Plaza&page=5", page=page)
    assert "Showing 41 to 50 of 95 cases" in text
    assert 'href="?platform=Plaza&amp;page=4" rel="prev"' in text
    assert 'href="?platform=Plaza&amp;page=6" rel="next"' in text
    assert 'aria-label="Page 5" aria-current="page"' in text
    assert text.count("--ellipsis") == 2


def test_pagination_of_nothing() -> None:
    text = render("{% pagination page 'cases' %}", page=Paginator([], 10).get_page(1))
    assert "No cases" in text
    assert "<nav" not in text


@pytest.mark.parametrize(
    ("address", "direction", "url"),
    [
        ("/queue?page=3&mine=on", "none", "?mine=on&amp;sort=due"),
        ("/queue?sort=due", "ascending", "?sort=-due"),
        ("/queue?sort=-due", "descending", "?sort=due"),
    ],
)
def test_a_heading_sorts_by_a_link(address: str, direction: str, url: str) -> None:
    text = render("{% sort_header 'Clock' 'due' %}", address)
    assert f'aria-sort="{direction}"' in text
    assert f'href="{url}"' in text


def test_the_filter_offers_to_take_each_choice_away() -> None:
    address = "/queue?platform=Plaza&severity=4&severity=3&mine=on&page=2"
    request = RequestFactory().get(address)
    form = QueueFilter(request.GET)
    text = render("{% filter_panel form %}", address, form=form)
    assert 'href="?severity=4&amp;severity=3&amp;mine=on"' in text
    assert 'href="?platform=Plaza&amp;severity=3&amp;mine=on"' in text
    assert 'href="?platform=Plaza&amp;severity=4&amp;severity=3"' in text
    assert "Take away </span>4: grave" in text
    assert "(optional)" not in text


def test_an_unused_filter_shows_no_choices() -> None:
    assert "moj-filter__selected" not in render("{% filter_panel form %}", form=QueueFilter())
    assert "moj-filter__selected" not in render("{% filter_panel form %}", form=QueueFilter({"severity": ["nonsense"]}))


def test_bars_are_shares_of_the_largest_and_never_overflow() -> None:
    laid = charts.bars([("a", 50), ("b", 200), ("c", None)])
    assert [[part.width for part in bar.segments] for bar in laid] == [["25.00"], ["100.00"], []]
    assert [bar.figures[0].text for bar in laid] == ["50", "200", "no figure"]
    (over,) = charts.bars([("a", 150)], maximum=100, unit="%")
    assert (over.segments[0].width, over.figures[0].text) == ("100.00", "150%")


def test_stacked_bars_follow_each_other() -> None:
    (bar,) = charts.bars([("a", 1, 0, 3)], series=("x", "y", "z"))
    assert [(part.start, part.width, part.series) for part in bar.segments] == [
        ("0.00", "25.00", 1),
        ("25.00", "75.00", 3),
    ]


@pytest.mark.parametrize("rows", [[("a", 1, 2)], [("a", -1)]])
def test_a_chart_refuses_what_it_cannot_show(rows: list[tuple[Any, ...]]) -> None:
    with pytest.raises(ValueError, match="chart row 'a'"):
        charts.bars(rows)


def test_a_chart_is_a_table() -> None:
    text = render("{% bar_chart rows 'By harm' %}", rows=[{"label": "Hate", "value": 3, "url": "/h"}])
    assert "<caption" in text
    assert '<th scope="row"' in text
    assert '<a class="govuk-link" href="/h">Hate</a>' in text
    assert "style=" not in text


def test_breadcrumbs_need_pairs() -> None:
    assert 'aria-current="page">Here' in render("{% breadcrumbs 'Queue' '/queue' current='Here' %}")
    with pytest.raises(TemplateSyntaxError, match="in turn"):
        render("{% breadcrumbs 'Queue' %}")


# --- Forms


@pytest.mark.parametrize(
    "form",
    [
        Decision(),
        Decision({}),
        Decision({"outcome": "refer"}),
        Report(),
        Report({"reason": "x" * 600}),
        Report(prefix="two"),
    ],
)
def test_every_id_that_a_form_refers_to_is_there_once(form: forms.Form) -> None:
    found = Ids(str(form))
    assert len(found.ids) == len(set(found.ids))
    assert found.referred <= set(found.ids)
    summary = re.findall(r'href="#([^"]+)"', render("{% error_summary form %}", form=form))
    assert set(summary) <= set(found.ids)
    assert len(summary) == sum(len(errors) for errors in form.errors.values())


def test_an_input_is_described_by_its_hint_and_its_error() -> None:
    text = str(Report({})["link"].as_field_group())
    assert 'aria-describedby="id_link_helptext id_link_error"' in text
    assert 'aria-invalid="true"' in text
    assert '<span class="govuk-visually-hidden">Error:</span> Enter the link to the post' in text
    assert "govuk-input--error" in text


def test_a_limited_text_area_counts_and_is_not_cut() -> None:
    text = str(Report()["reason"].as_field_group())
    assert 'data-module="govuk-character-count" data-maxlength="500"' in text
    assert ' maxlength="' not in text
    assert 'aria-describedby="id_reason-info"' in text


def test_numbers_and_emails_are_typed_as_gov_uk_asks() -> None:
    assert 'type="text" name="age" inputmode="numeric"' in str(Report()["age"])
    assert 'autocomplete="email"' in str(Report()["email"])
    assert "govuk-!-width-two-thirds" in str(Report()["email"])
    assert "govuk-input--width-3" in str(Report()["age"])
    assert " required" not in str(Report())


def test_a_heading_label_and_legend() -> None:
    class Asked(GovukForm):
        outcome = forms.ChoiceField(label="Which?", choices=[("a", "A")], widget=forms.RadioSelect)
        link = forms.CharField(label="Where?")

    Asked.heading = "outcome"
    text = str(Asked())
    assert 'fieldset__legend--l"><h1 class="govuk-fieldset__heading">Which?</h1></legend>' in text
    Asked.heading = "link"
    assert '<h1 class="govuk-label-wrapper"><label class="govuk-label govuk-label--l"' in str(Asked())


def test_a_library_form_is_drawn_the_same_way() -> None:
    class Plain(forms.Form):
        code = forms.CharField(widget=forms.TextInput({"placeholder": "Code", "autocomplete": "one-time-code"}))

    text = render(
        "{% govuk_field form.code label='Your code' hint='6 numbers' width='10' inputmode='numeric' %}", form=Plain()
    )
    assert '<label class="govuk-label" for="id_code">Your code</label>' in text
    assert 'id="id_code_helptext" class="govuk-hint">6 numbers' in text
    assert 'inputmode="numeric"' in text
    assert "govuk-input--width-10" in text
    assert 'autocomplete="one-time-code"' in text
    assert "placeholder" not in text


def test_a_library_form_says_what_to_do() -> None:
    class Plain(forms.Form):
        email = forms.EmailField()

    form = Plain({})
    assert "Enter email" in str(form)
    assert "Enter email" in render("{% error_summary form %}", form=form)
    assert "This field is required" not in str(form)


def test_what_was_typed_is_escaped() -> None:
    assert "<script>" not in str(Report({"reason": "</textarea><script>", "link": '"><script>'}))


def test_a_hidden_question_is_neither_asked_nor_kept() -> None:
    given = {"outcome": "none", "why": "left over", "support": "adult", "sure": "on"}
    form = Decision(given)
    assert form.is_valid(), form.errors
    assert form.cleaned_data["why"] == ""
    assert form.cleaned_data["elements"] == []
    assert form.cleaned_data["support"] == ""


def test_a_shown_question_must_be_answered() -> None:
    form = Decision({"outcome": "refer", "sure": "on"})
    assert set(form.errors) == {"elements", "why"}
    form = Decision({"outcome": "support", "sure": "on"})
    assert form.errors == {"support": ["Answer “Which support line?”"]}


def test_nothing_chosen_leaves_only_the_first_question() -> None:
    assert set(Decision({"sure": "on"}).errors) == {"outcome"}


def test_revealed_fields_are_drawn_once_beneath_their_choice() -> None:
    text = str(Decision({"outcome": "support"}))
    assert text.count('name="support"') == 1
    assert 'data-aria-controls="id_outcome_1"' not in text
    assert 'class="govuk-radios__conditional" id="id_outcome_1-revealed"' in text
    assert 'class="govuk-radios__conditional govuk-radios__conditional--hidden" id="id_outcome_0-revealed"' in text


def test_general_messages_say_what_to_do() -> None:
    class Asked(GovukForm):
        name = forms.CharField(label="Full name", max_length=5)
        kind = forms.ChoiceField(choices=[("a", "A")])
        why = forms.CharField(label="Why?", max_length=5)

    assert Asked({}).errors == {"name": ["Enter full name"], "kind": ["Choose kind"], "why": ["Answer “Why?”"]}
    long = Asked({"name": "x" * 6, "kind": "a", "why": "x" * 6}).errors
    assert long["name"] == ["Full name must be 5 characters or fewer"]
    assert long["why"] == ["Your answer to “Why?” must be 5 characters or fewer"]


def test_errors_of_the_whole_form_lead_to_its_first_input() -> None:
    class Pair(GovukForm):
        one = forms.CharField()

        def clean(self) -> None:
            raise forms.ValidationError("These do not match")

    form = Pair({"one": "x"})
    assert '<a href="#id_one">These do not match</a>' in render("{% error_summary form %}", form=form)
    assert "These do not match" in str(form)


def test_no_errors_no_summary() -> None:
    assert render("{% error_summary form other %}", form=Report(), other=None) == ""


class Dated(GovukForm):
    posted = GovukDateField(label="Date posted")


@pytest.mark.parametrize(
    ("texts", "message", "wrong"),
    [
        (("", "", ""), "Enter date posted", 3),
        (("1", "", "2026"), "Date posted must include a month", 1),
        (("", "", "2026"), "Date posted must include a day and a month", 2),
        (("31", "2", "2026"), "Date posted must be a real date", 3),
        (("1", "13", "2026"), "Date posted must have a real month, like 9 or September", 1),
        (("1", "2", "26"), "Date posted must have a year of 4 numbers", 1),
        (("1", "2", "٢٠٢٦"), "Date posted must have a year of 4 numbers", 1),  # digits of another script
        (("x", "2", "2026"), "Date posted must be a real date", 3),
    ],
)
def test_a_wrong_date_says_which_part(texts: tuple[str, str, str], message: str, wrong: int) -> None:
    form = Dated({f"posted_{index}": text for index, text in enumerate(texts)})
    assert form.errors == {"posted": [message]}
    assert str(form).count("govuk-input--error") == wrong


@pytest.mark.parametrize("month", ["3", "03", "March", "mar"])
def test_a_date_is_read(month: str) -> None:
    form = Dated({"posted_0": " 7 ", "posted_1": month, "posted_2": "2026"})
    assert form.is_valid(), form.errors
    assert form.cleaned_data["posted"] == dt.date(2026, 3, 7)


def test_a_date_is_shown() -> None:
    assert 'value="7"' in str(Dated(initial={"posted": dt.date(2026, 3, 7)}))


def test_an_unclear_month_is_none() -> None:
    assert month_number("ju") is None
    assert month_number("jun") == 6
    assert month_number("nonsense") is None


# --- Pages and assets


def test_a_bad_request_is_answered_without_any_context(settings: Any) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    text = get_template("400.html").render()
    assert "We could not read that" in text
    assert "<script" not in text


def test_a_failure_is_answered_without_any_machinery() -> None:
    source = (WEB / "templates" / "500.html").read_text(encoding="utf-8")
    assert "Something went wrong" in source
    assert not re.search(r"{%|{{", source)
    for address in re.findall(r'href="/static/([^"]+)"', source):
        assert (WEB / "static" / address).is_file(), address


def test_every_template_compiles() -> None:
    names = [path.relative_to(WEB / "templates").as_posix() for path in (WEB / "templates").rglob("*.html")]
    assert len(names) > 50
    for name in [*names, "account/email.html", "account/password_set.html"]:
        get_template(name)


def test_account_pages_are_ours() -> None:
    for name in ("account/login.html", "mfa/index.html", "mfa/totp/activate_form.html", "allauth/layouts/base.html"):
        assert WEB.parent in Path(get_template(name).template.origin.name).parents, name


def test_no_template_has_what_the_security_policy_forbids() -> None:
    for path in (WEB / "templates").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"""\s(style|on\w+)\s*=\s*["']""", text), path
        assert not re.search(r"<script(?![^>]*nonce)", text), path
        assert not re.search(r"""(src|href)\s*=\s*["'](https?:)?//""", text), path


def test_vendored_assets_are_as_vendored() -> None:
    made = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "vendor_frontend.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr


def test_a_broken_tarball_is_named_and_replaces_nothing(tmp_path: Path) -> None:
    bad = tmp_path / "govuk-frontend-6.6.0.tgz"
    bad.write_bytes(b"\x1f\x8b\x08\x00nonsense")
    program = str(ROOT / "tools" / "vendor_frontend.py")
    made = subprocess.run([sys.executable, program, str(bad)], capture_output=True, text=True, check=False)
    assert made.returncode == 1
    assert f"{bad}: not an npm tarball" in made.stderr
    assert "Traceback" not in made.stderr


def test_vendored_styles_have_no_reserved_marks_and_no_lost_files() -> None:
    for path in (WEB / "static").rglob("*.css"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"GDS Transport|crest|crown|@font-face|@import|url\((https?:)?/", text), path
        for address in re.findall(r"url\(([^)]+)\)", text):
            assert (path.parent / address).is_file(), f"{path}: {address}"
