"""The pages of figures, scorecards and the ledger: what they show, what they withhold, and what they refuse."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests.support.courses import BEGIN, Courses
from tests.support.hub import SmallHub

from seawall.hub.directory.models import Platform
from seawall.hub.oversight import exports, presenting, queries, words
from seawall.hub.oversight.exports import safe_cell

SignedIn = Callable[[str], Client]


def body(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", response.content.decode()).split())


def rows_of(response: Any) -> dict[str, list[str]]:
    """The rows of the table that compares platforms: name -> its cells."""
    table = response.content.decode().split("sw-compare", 1)[1].split("</table>", 1)[0]
    found = {}
    for row in table.split("<tr")[2:]:
        cells = [
            " ".join(re.sub(r"<[^>]*>", "", cell).split())
            for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S)
        ]
        found[cells[0]] = cells[1:]
    return found


# The public's figures


def test_every_figure_is_explained() -> None:
    assert set(words.COUNT_WORDS) == set(queries.COUNTS)
    assert set(words.STEP_WORDS) == set(queries.STEPS)
    assert set(words.OUTCOMES) <= set(queries.COUNTS)


def test_figures_of_an_empty_hub(hub: SmallHub, client: Client) -> None:
    page = client.get("/figures/")
    assert page.status_code == 200
    assert rows_of(page)["All platforms"] == ["0", "0", "0", "0", "no figure", "no figure", "0", "0"]
    assert "Removal rate is not a quality measure." in body(page)


def test_small_counts_are_withheld_from_the_public_and_not_from_staff(
    played: Courses, client: Client, as_: SignedIn
) -> None:
    public = rows_of(client.get("/figures/"))
    staff = rows_of(as_("regulator").get("/scorecards/"))
    assert staff["Alpha"][:4] == ["7", "7", "6", "1"]
    assert staff["Beta"][:4] == ["2", "2", "2", "0"]
    assert staff["All platforms"][:4] == ["9", "9", "8", "1"]
    for cells in public.values():
        assert not {"1", "2", "3", "4"} & set(cells)
    assert public["Beta"][0] == "withheld"
    # 7 + withheld = 9 would tell
    assert "withheld" in (public["Alpha"][0], public["All platforms"][0])


def test_a_median_of_few_and_a_share_of_few_are_withheld(played: Courses) -> None:
    cards = {card["platform"]: card for card in exports.as_data(suppress=True)["scorecards"]}
    assert cards["beta"]["receipt_to_answer"] == {"count": None, "median_seconds": None, "p90_seconds": None}
    assert cards["beta"]["share_in_time"] is None
    plain = {card["platform"]: card for card in exports.as_data(suppress=False)["scorecards"]}
    assert plain["beta"]["receipt_to_answer"]["median_seconds"] == 5_400
    assert plain["beta"]["share_in_time"] == 1.0


def test_nothing_small_is_told_by_the_files(played: Courses, client: Client) -> None:
    """No count from 1 to 4 stands anywhere in the JSON or the CSV."""
    data = json.loads(client.get("/figures.json").content)
    assert data["schema"] == "seawall-figures/1"
    assert data["suppressed_below"] == 5
    for card in data["scorecards"]:
        for name in queries.COUNTS:
            assert card[name] is None or card[name] not in range(1, 5), name
        for name in queries.STEPS:
            assert card[name]["count"] is None or card[name]["count"] not in range(1, 5), name
    assert all(total["count"] not in range(1, 5) for total in data["totals"] if total["count"] is not None)
    table = list(csv.reader(io.StringIO(client.get("/figures.csv").content.decode())))
    assert table[0] == ["platform", "figure", "value"]
    counts = [row for row in table[1:] if not row[1].endswith("_seconds") and row[1] != "share_in_time"]
    assert not [row for row in counts if row[2] in {"1", "2", "3", "4"}]
    assert len(table) == 1 + len(data["totals"]) + sum(
        len(queries.COUNTS) + 1 + 3 * len(queries.STEPS) for _ in data["scorecards"]
    )


def test_json_and_csv_say_the_same(played: Courses, client: Client) -> None:
    data = json.loads(client.get("/figures.json").content)
    table = {(row[0], row[1]): row[2] for row in csv.reader(io.StringIO(client.get("/figures.csv").content.decode()))}
    for card in data["scorecards"]:
        for name in queries.COUNTS:
            assert table[card["platform"], name] == ("" if card[name] is None else str(card[name]))


def test_the_files_headers(hub: SmallHub, client: Client) -> None:
    as_csv, as_json = client.get("/figures.csv"), client.get("/figures.json")
    assert as_csv["Content-Type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(r'attachment; filename="seawall-figures-\d{4}-\d\d-\d\d\.csv"', as_csv["Content-Disposition"])
    assert as_json["Content-Type"] == "application/json"
    for response in (as_csv, as_json):
        assert response["Cache-Control"] == "public, max-age=60"
        assert "Access-Control-Allow-Origin" not in response
        assert not response.cookies


def test_the_published_figures_are_kept_for_a_minute(played: Courses, client: Client) -> None:
    client.get("/figures.json")
    with CaptureQueriesContext(
        connection,
    ) as seen:
        client.get("/figures.json")
        client.get("/figures.csv")
    assert not [query for query in seen if "ledger_entry" in query["sql"]]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "|cmd"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


def test_a_name_that_a_spreadsheet_would_run(played: Courses, monkeypatch: pytest.MonkeyPatch) -> None:
    data = exports.as_data(suppress=False)
    data["scorecards"][0]["platform"] = '=HYPERLINK("https://example.org","x")'
    found = list(csv.reader(io.StringIO(exports.csv_of(data))))
    assert not [cell for row in found for cell in row if cell[:1] in "=+@" and cell]


@pytest.mark.parametrize("slug", ["alpha", "beta", "all"])
def test_a_platforms_page(played: Courses, client: Client, slug: str) -> None:
    page = client.get(f"/figures/{slug}/")
    assert page.status_code == 200
    for part in ("What became of the referrals", "How long each step took", "Removal rate is not a quality measure."):
        assert part in body(page)
    assert page.content.count(b'<svg class="sw-chart__svg"') == len(words.OUTCOMES) + 2 * len(queries.STEPS) + 5


def test_a_platform_that_nothing_was_referred_to(hub: SmallHub, client: Client) -> None:
    page = client.get("/figures/alpha/")
    assert page.status_code == 200
    assert "Nothing was referred to it" in body(page)


def test_an_unknown_platform(hub: SmallHub, client: Client) -> None:
    assert client.get("/figures/nobody/").status_code == 404


def test_a_platforms_name_is_only_text(played: Courses, client: Client) -> None:
    Platform.objects.filter(slug="alpha").update(name="<script>alert(1)</script>")
    page = client.get("/figures/").content.decode()
    assert "<script>alert(1)</script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


@pytest.mark.parametrize(
    ("share", "text"),
    [(1.0, "100%"), (0.999, "over 99%"), (0.694, "69%"), (0.001, "under 1%"), (0.0, "0%"), (None, "no figure")],
)
def test_a_share_is_never_rounded_to_all_or_none(share: float | None, text: str) -> None:
    assert presenting.share_text({"share_in_time": share, "in_time": 9, "out_of_time": 9}) == text


# The staff's scorecards


@pytest.mark.parametrize("name", ["analyst", "overseer", "administrator", "officer"])
def test_staff_see_every_platform(played: Courses, as_: SignedIn, name: str) -> None:
    client = as_(name)
    assert set(rows_of(client.get("/scorecards/"))) == {"Alpha", "Beta", "All platforms"}
    assert client.get("/scorecards/beta/").status_code == 200
    assert body(client.get("/scorecards/alpha/")).count("Every figure, and how it is computed") == 1


def test_a_platforms_contact_sees_the_platform_as_staff_do_and_others_as_the_public_does(
    played: Courses, as_: SignedIn
) -> None:
    contact, analyst = as_("alpha_contact"), as_("analyst")
    own = body(contact.get("/scorecards/alpha/"))
    assert own.count("Every figure, and how it is computed") == 1
    assert own.partition("</h1>")[2] == body(analyst.get("/scorecards/alpha/")).partition("</h1>")[2]
    assert contact.get("/scorecards/").status_code == 403
    assert 'href="/scorecards/"' not in own
    other = contact.get("/scorecards/beta/")
    assert (other.status_code, other["Location"]) == (302, "/figures/beta/")
    assert contact.get("/scorecards/beta/", follow=True).status_code == 200


def test_scorecards_are_not_for_the_public_or_the_panel(hub: SmallHub, client: Client, as_: SignedIn) -> None:
    for path in ("/scorecards/", "/scorecards/alpha/"):
        assert client.get(path).status_code == 302
        assert as_("panel").get(path).status_code == 403


def period(since: datetime | None, until: datetime | None) -> dict[str, str]:
    parts = {}
    for name, day in (("since", since), ("until", until)):
        if day:
            parts |= {f"{name}_0": str(day.day), f"{name}_1": str(day.month), f"{name}_2": str(day.year)}
    return parts


def test_a_period_holds_both_its_days(played: Courses, as_: SignedIn) -> None:
    client, day = as_("regulator"), timedelta(days=1)
    asked = {
        "that day": (period(BEGIN, BEGIN + day), "9"),
        "before": (period(None, BEGIN - day), "0"),
        "after": (period(BEGIN + 2 * day, None), "0"),
    }
    for why, (query, referred) in asked.items():
        assert rows_of(client.get("/scorecards/", query))["All platforms"][0] == referred, why


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"since_0": "31", "since_1": "2", "since_2": "2026"}, "First day must be a real date"),
        ({"since_0": "1", "since_1": "1", "since_2": "9999"}, "The year must be between 2000 and 9998"),
        ({"until_0": "1", "until_1": "1", "until_2": "0001"}, "The year must be between 2000 and 9998"),
        ({"since_0": "\x00", "since_1": "1", "since_2": "2026"}, "First day must be a real date"),
        (period(BEGIN, BEGIN - timedelta(days=3)), "The last day must be the same as the first or after it"),
    ],
)
def test_a_wrong_period_is_said_and_changes_nothing(
    played: Courses, as_: SignedIn, query: dict[str, str], problem: str
) -> None:
    page = as_("regulator").get("/scorecards/", query)
    assert problem in body(page)
    assert "There is a problem" in body(page)
    assert rows_of(page)["All platforms"][0] == "9"


@pytest.mark.parametrize(
    "path", ["/figures/", "/figures.json", "/figures.csv", "/ledger/roots.json", "/figures/alpha/"]
)
def test_reading_is_all_that_can_be_done(hub: SmallHub, client: Client, path: str) -> None:
    assert client.post(path).status_code == 405
