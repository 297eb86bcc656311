"""The code of practice as people read it: every harm, and nothing that was not checked passed off as fact."""

from __future__ import annotations

import re
from datetime import date
from html import unescape
from typing import Any

import pytest
from django.test import Client
from tests.support.hub import ACTOR

from seawall.clock import Basis
from seawall.durations import in_words
from seawall.hub.practice import reading
from seawall.hub.practice.loading import load_code, shipped_codes
from seawall.hub.practice.queries import current_code
from seawall.hub.practice.schema import Code, Flagging, Harm
from seawall.hub.practice.services import adopt
from seawall.hub.practice.vocabulary import Checked, Family

CODE = load_code(shipped_codes()["uk-2026"])
HARMS = {harm.id: harm for harm in CODE.harms}


@pytest.fixture
def in_force(db: None) -> None:
    """The shipped code, adopted, and nothing else."""
    adopt(code=CODE, actor=ACTOR)


def text_of(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def body(response: Any) -> str:
    return text_of(response.content.decode().split('id="main-content">')[1].split("</main")[0])


def squeezed(words: str) -> str:
    return " ".join(words.split())


def test_every_harm_stands_under_one_heading() -> None:
    found = [harm.id for group in reading.groups(CODE) for harm in group.harms]
    assert sorted(found) == sorted(HARMS)
    assert reading.OTHERS not in [group.title for group in reading.groups(CODE)]


def test_the_list_shows_every_harm(in_force: None, client: Client) -> None:
    response = client.get("/code/")
    page, html = body(response), response.content.decode()
    for harm in CODE.harms:
        assert f'href="/code/{harm.id}/"' in html
        assert harm.title in page
        assert harm.plain in page
    assert page.count("Severity ") >= len([harm for harm in CODE.harms if harm.severity])
    assert CODE.digest in page
    assert f"{CODE.id} {CODE.version}" in page
    for change in CODE.head.changelog:
        assert change.what in page
    assert "Nobody yet" in page  # who approved it, honestly


@pytest.mark.parametrize("harm_id", sorted(HARMS))
def test_a_harms_page_leaves_nothing_out(in_force: None, client: Client, harm_id: str) -> None:
    harm = HARMS[harm_id]
    response = client.get(f"/code/{harm_id}/")
    assert response.status_code == 200
    page = body(response)
    wanted = [harm.title, harm.plain, harm.definition, *harm.includes, *harm.excludes, *harm.notes]
    wanted += [harm.basis.words, harm.route.words, harm.default_action.words, harm.shareable_signal.words]
    for ref in harm.legal_refs:
        wanted += [ref.title, ref.name, *(part.text for part in (*ref.elements, *ref.defences)), ref.note or ""]
    wanted += [exemption.question for exemption in reading.exemptions(CODE, harm)]
    if harm.hand_off:
        wanted += [harm.hand_off.to, harm.hand_off.how]
    for words in wanted:
        assert squeezed(words) in page, words
    for length in (harm.clock.triage, harm.clock.decision, harm.clock.action):
        if length is not None:
            assert in_words(length) in page
    assert ("A second person must agree" in page) == harm.requires_second_reviewer


@pytest.mark.parametrize("harm_id", sorted(HARMS))
def test_what_was_not_checked_is_marked_so(in_force: None, client: Client, harm_id: str) -> None:
    """Beside every reference to the law stands how far it was checked, and the day only where it was."""
    harm = HARMS[harm_id]
    html = client.get(f"/code/{harm_id}/").content.decode()
    articles = [text_of(part.split("</article>")[0]) for part in html.split("<article ")[1:]]
    assert len(articles) == len(harm.legal_refs)
    for ref, article in zip(harm.legal_refs, articles, strict=True):
        if ref.status is Checked.VERIFIED:
            assert ref.verified_on is not None
            assert f"Checked Read in the source’s own text on {ref.verified_on.day} {ref.verified_on:%B %Y}." in article
            assert "Not yet checked" not in article
        else:
            assert "Not yet checked" in article
            assert "Do not rely on it" in article
            assert "Read in the source’s own text" not in article
    if harm.hand_off and harm.hand_off.status is not Checked.VERIFIED:
        handed = text_of(html.split("Passed on to</h2>")[1].split("<h2")[0])
        assert handed.startswith("Not yet checked")


@pytest.mark.parametrize("harm_id", [harm.id for harm in CODE.harms if harm.clock.basis is Basis.STATUTE])
def test_only_a_law_is_called_a_law(in_force: None, client: Client, harm_id: str) -> None:
    harm = HARMS[harm_id]
    page = body(client.get(f"/code/{harm_id}/"))
    law = next(limit for limit in CODE.limits if limit.id == harm.clock.limit)
    assert f"Set by law: {law.citation}." in page
    if law.status is not Checked.VERIFIED:
        assert "Law Not yet checked Set by law" in page
    if law.in_force == "not_checked":
        assert "whether it is in force was not checked" in page


def test_an_aim_is_never_called_a_law(in_force: None, client: Client) -> None:
    for harm in CODE.harms:
        if harm.clock.basis is not Basis.STATUTE:
            assert "Set by law:" not in body(client.get(f"/code/{harm.id}/")), harm.id


@pytest.mark.parametrize("harm_id", sorted(HARMS))
def test_only_checked_lines_and_hours_are_shown(in_force: None, client: Client, harm_id: str) -> None:
    page = body(client.get(f"/code/{harm_id}/"))
    offered = {
        line
        for lines in (HARMS[harm_id].support.author, HARMS[harm_id].support.viewer, HARMS[harm_id].support.reporter)
        for line in lines
    }
    for line in CODE.support:
        shown = f"{line.name} : {line.contact} {line.number}" in page
        assert shown == (line.show and line.id in offered), line.id
    assert "0800 068 4141 , 24 hours" not in page


@pytest.mark.parametrize(
    ("status", "day", "firm"),
    [
        (Checked.VERIFIED, date(2026, 11, 2), True),
        (Checked.VERIFIED, None, False),  # without its day it is no better than unchecked
        (Checked.SECOND_HAND, None, False),
        (Checked.MEMORY, date(2026, 11, 2), False),
        (Checked.NOT_VERIFIED, None, False),
    ],
)
def test_how_a_statement_stands(status: Checked, day: date | None, firm: bool) -> None:
    said = reading.standing(status, day)
    assert said.firm == firm
    assert ("2 November 2026" in said.words) == firm
    assert (said.tag == "Checked") == firm


@pytest.mark.parametrize("path", ["/code/no-such-harm/", "/code/ssh-imminent%00/", "/code/../", "/code/SSH-IMMINENT/"])
def test_a_harm_that_is_not_there(in_force: None, client: Client, path: str) -> None:
    assert client.get(path).status_code in (301, 404)


def test_before_a_code_is_adopted(db: None, client: Client) -> None:
    for path in ("/code/", "/code/ssh-imminent/"):
        response = client.get(path)
        assert response.status_code == 503
        assert "No code of practice is in force yet" in body(response)


def test_a_new_version_is_shown_at_once_with_the_old_beside_it(in_force: None, client: Client) -> None:
    first = CODE.harms[0]
    renamed = first.model_copy(update={"title": "<b>Renamed</b>"})
    head = CODE.head.model_copy(update={"version": "2099.1"})
    adopt(code=CODE.model_copy(update={"head": head, "harms": (renamed, *CODE.harms[1:])}), actor=ACTOR)
    assert current_code().version == "2099.1"
    page = client.get("/code/").content.decode()
    assert "&lt;b&gt;Renamed&lt;/b&gt;" in page
    assert "<b>Renamed" not in page
    assert "Versions adopted here" in page
    assert f"{CODE.version}, adopted" in page


# --- when the detector flags a post


def flagging_section(client: Client) -> str:
    html = client.get("/code/").content.decode()
    assert 'href="#flagging"' in html  # from the list of contents
    return text_of(html.split('aria-labelledby="flagging">')[1].split("</section>")[0])


def with_flagging(flagging: Flagging | None) -> Code:
    head = CODE.head.model_copy(update={"version": "2099.1"})
    return CODE.model_copy(update={"head": head, "flagging": flagging})


def told(**changes: Any) -> Flagging:
    """Thresholds and costs that differ from family to family, whatever the shipped code's are."""
    given: dict[str, Any] = {
        "costs": {
            "why": "A wrong word is <b>dear</b>.",
            "harmful_share": 0.005,
            "neighbour_share": 0.03,
            "most_ordinary": 0.00125,
            "families": {
                family.value: {"miss": 1000 + number, "neighbour": number + 0.5} for number, family in enumerate(Family)
            },
        },
        "flags": {family.value: round(0.301 + number / 10_000, 4) for number, family in enumerate(Family)},
    }
    return Flagging.model_validate(given | changes)


def test_the_page_says_from_where_on_a_post_is_flagged_and_what_mistakes_cost(in_force: None, client: Client) -> None:
    adopt(code=with_flagging(told()), actor=ACTOR)
    page = flagging_section(client)
    assert "A flag is a hint to people and decides nothing." in page
    rows = [f"{family.words} 30.1{n}% 1,00{n} {n}.5" for n, family in enumerate(Family)]
    rows[0] = rows[0].replace("30.10%", "30.1%")
    assert " ".join(rows) in page
    assert "A wrong word is <b>dear</b>." in page  # as text
    assert "Posts that hold it 5 in 1,000 Posts that are its neighbours 3 in 100" in page
    assert "at most 125 in 100,000" in page
    assert "adopt a new version" in page


def test_the_page_of_the_shipped_code_gives_its_own_figures(in_force: None, client: Client) -> None:
    assert CODE.flagging is not None
    page = flagging_section(client)
    assert squeezed(CODE.flagging.costs.why) in page
    shown = re.findall(r"([0-9.]+)% [0-9,.]+ [0-9,.]+", page)
    assert [float(figure) for figure in shown] == [
        pytest.approx(CODE.flagging.flags[family] * 100) for family in Family
    ]


def test_a_code_from_before_flagging_was_part_of_it_is_shown_too(in_force: None, client: Client) -> None:
    adopt(code=with_flagging(None), actor=ACTOR)
    page = flagging_section(client)
    assert "A flag is a hint to people and decides nothing." in page
    assert "does not say how likely is enough. The detector’s own settings hold." in page
    assert "%" not in page
    assert body(client.get("/code/")).count("Severity ") >= len([harm for harm in CODE.harms if harm.severity])
    assert client.get("/code/ssh-imminent/").status_code == 200


def test_a_code_from_when_fewer_families_were_known_is_shown_too() -> None:
    few = told(flags={"hate": 0.5})
    found = reading.flags(with_flagging(few))
    assert found is not None
    assert [mark.family for mark in found.marks] == [Family.HATE.words]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "0 in 100"),
        (1.0, "100 in 100"),
        (0.02, "2 in 100"),
        (0.5, "50 in 100"),
        (0.0015, "15 in 10,000"),
        (0.000000001, "1 in 1,000,000,000"),
    ],
)
def test_a_share_is_said_as_people_say_it(value: float, words: str) -> None:
    costs = told().costs.model_copy(update={"most_ordinary": value})
    found = reading.flags(with_flagging(told().model_copy(update={"costs": costs})))
    assert found is not None
    assert found.most_ordinary == words


def test_a_harm_of_no_group_stands_under_others() -> None:
    odd: Harm = HARMS["abuse-harassment"].model_copy(update={"id": "new-harm"})
    found = reading.groups(CODE.model_copy(update={"harms": (odd,)}))
    assert [(group.title, [harm.id for harm in group.harms]) for group in found] == [(reading.OTHERS, ["new-harm"])]


@pytest.mark.parametrize("path", ["/code/", "/code/ssh-imminent/"])
def test_it_can_only_be_read(in_force: None, client: Client, path: str) -> None:
    assert client.post(path).status_code == 405
