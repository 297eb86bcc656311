"""The post on a page: not there before a person asks for it, counted when they do, and never anything but text."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from django.utils.html import escape
from tests.support.findings import finding_on, sense_at, words_at
from tests.support.hub import SmallHub
from tests.support.staff import HARM, NASTY, SECRET, SignedIn, body, claimed, with_text

from seawall.hub import moment
from seawall.hub.casework.models import Case
from seawall.hub.casework.showing import GENTLE_NOTE_AT, with_marks
from seawall.hub.content import services as content
from seawall.hub.content.models import Content, Reveal
from seawall.hub.ledger.models import Entry
from seawall.hub.ledger.services import Actor

NOTE = "'surprise' can mean something that nobody saw coming; among testers also a trap. Confidence: low."


def explained(case: Case) -> Case:
    """The case, its post saying what nobody should meet and flagged for every reason that there can be."""
    case = with_text(case, SECRET)
    finding_on(
        case.content,
        families={"abuse": 0.93, "hate": 0.7},
        flags=["abuse"],
        withheld=[{"family": "hate", "rule": "support_first"}],
        context={"bereavement": 0.6},
        reasons=[
            words_at(SECRET, "nobody should meet", weight=2.0),
            words_at(SECRET, "should meet by", weight=0.5),
            words_at(SECRET, "words", weight=0.3),
            sense_at(SECRET, "surprise", NOTE),
        ],
    )
    return case


def test_the_post_is_not_in_the_page_before_it_is_asked_for(hub: SmallHub, as_: SignedIn) -> None:
    """Nor what a piece of it said for the flag, nor what a word of it can mean."""
    case, client = explained(claimed(hub)), as_("analyst")
    for url in (
        reverse("queue"),
        reverse("home"),
        reverse("case", args=[case.pk]),
        reverse("case_decide", args=[case.pk]),
        f"{reverse('case_decide', args=[case.pk])}?outcome=no_action&harm={HARM}&step=answers",
        reverse("case", args=[case.pk]) + "?shown=1",
        reverse("case", args=[case.pk]) + "?shown=true&blurred=1",
    ):
        page = client.get(url)
        assert page.status_code == 200
        for told in (
            SECRET,
            "nobody should meet",
            "surprise",
            "trap",
            "Why it was flagged",
            "more than one meaning",
            "<mark",
        ):
            assert told not in body(page), (url, told)
    assert not Reveal.objects.exists()


def test_what_is_shown_says_why_it_was_flagged(hub: SmallHub, as_: SignedIn) -> None:
    case, client = explained(hub.case()), as_("analyst")
    answer = client.post(reverse("content_reveal", args=[case.content_id]))
    by_htmx = client.post(reverse("content_reveal", args=[case.content_id]), headers={"HX-Request": "true"})
    for page in (body(client.get(answer["Location"].removesuffix("#post"))), body(by_htmx)):
        assert re.findall(r'<mark class="sw-post__mark">(.*?)</mark>', page) == ["words", "nobody should meet by"]
        why = page[page.index("Why it was flagged") :]
        assert re.findall(r"<li>“<bdi[^>]*>(.*?)</bdi>” (.*?) for <strong>(.*?)</strong>", why) == [
            ("nobody should meet", "spoke most", "Abuse"),
            ("should meet by", "also spoke", "Abuse"),
            ("words", "also spoke", "Abuse"),
        ]
        assert why.index("Words with more than one meaning") < why.index(escape(NOTE))
        assert why.count(escape(NOTE)) == 1


def test_a_post_with_nothing_but_senses_has_nothing_underlined(hub: SmallHub, as_: SignedIn) -> None:
    case, client = with_text(hub.case(), SECRET), as_("analyst")
    finding_on(case.content, families={"abuse": 0.9}, flags=["abuse"], reasons=[sense_at(SECRET, "surprise", NOTE)])
    page = body(client.post(reverse("content_reveal", args=[case.content_id]), headers={"HX-Request": "true"}))
    assert escape(NOTE) in page
    assert "<mark" not in page
    assert "Underlined" not in page
    assert "Why it was flagged" not in page


def test_asking_without_scripts_shows_it_once_counted(hub: SmallHub, as_: SignedIn) -> None:
    case, client = with_text(hub.case(), SECRET), as_("analyst")
    here = reverse("case", args=[case.pk])
    answer = client.post(reverse("content_reveal", args=[case.content_id]), {"back": here})
    assert answer.status_code == 302
    assert answer["Location"].startswith(here + "?shown=")
    assert answer["Location"].endswith("#post")
    shown = answer["Location"].removesuffix("#post")
    assert SECRET in body(client.get(shown))
    assert SECRET in body(client.get(shown))
    assert SECRET not in body(client.get(here))
    assert Reveal.objects.filter(person=hub.people["analyst"], content=case.content).count() == 1
    assert Entry.objects.filter(verb="content.revealed", actor_id=str(hub.people["analyst"].pk)).count() == 1


def test_asking_with_scripts_swaps_it_in_counted(hub: SmallHub, as_: SignedIn) -> None:
    case = with_text(hub.case(), SECRET)
    answer = as_("analyst").post(
        reverse("content_reveal", args=[case.content_id]), {"blurred": "1"}, headers={"HX-Request": "true"}
    )
    page = body(answer)
    assert answer.status_code == 200
    assert SECRET in page
    assert "<html" not in page
    assert re.search(r'id="post-blur"[^>]* checked', page)
    assert Reveal.objects.count() == 1


def test_one_persons_showing_shows_nothing_to_another(hub: SmallHub, as_: SignedIn) -> None:
    case = with_text(hub.case(), SECRET)
    mine = as_("analyst").post(reverse("content_reveal", args=[case.content_id]))["Location"].removesuffix("#post")
    assert SECRET not in body(as_("reviewer").get(mine))


def test_a_showing_holds_for_one_post_one_version_and_a_while(
    hub: SmallHub, as_: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, other, client = with_text(hub.case(), SECRET), hub.case(), as_("analyst")
    with_text(other, "another thing entirely")
    shown = client.post(reverse("content_reveal", args=[case.content_id]))["Location"].removesuffix("#post")
    token = shown.partition("shown=")[2]
    assert "another thing entirely" not in body(client.get(f"{reverse('case', args=[other.pk])}?shown={token}"))
    monkeypatch.setattr("seawall.hub.casework.showing.SHOWN_FOR", -1)
    assert SECRET not in body(client.get(shown))
    monkeypatch.undo()
    Content.objects.filter(pk=case.content_id).update(version=2)
    assert SECRET not in body(client.get(shown))


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example"])
def test_a_showing_leads_back_into_the_hub_only(hub: SmallHub, as_: SignedIn, back: str) -> None:
    case = hub.case()
    answer = as_("analyst").post(reverse("content_reveal", args=[case.content_id]), {"back": back})
    assert answer["Location"].startswith(reverse("case", args=[case.pk]))


def test_a_hostile_post_is_shown_as_text(hub: SmallHub, as_: SignedIn) -> None:
    case = with_text(hub.case(), NASTY)
    finding_on(
        case.content,
        families={"abuse": 0.93, "hate": 0.05},
        flags=["abuse"],
        context={"news": 0.4},
        reasons=[words_at(NASTY, "ript>aler"), sense_at(NASTY, "alert", "'alert' can mean <b>awake</b>.")],
    )
    client = as_("analyst")
    shown = client.post(reverse("content_reveal", args=[case.content_id]))["Location"].removesuffix("#post")
    page = body(client.get(shown))
    assert "<script>alert" not in page
    assert "<img" not in page
    assert '&lt;sc<mark class="sw-post__mark">ript&gt;aler</mark>t(1)' in page
    assert "ript&gt;aler</bdi>” spoke most" in page
    assert "&lt;b&gt;awake&lt;/b&gt;" in page
    assert "Very likely (93%)" in page
    assert "Possible (40%)" in page
    assert "a hint, not a decision" in page.lower()


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([], "a&lt;b c"),
        ([(0, 1)], "[a]&lt;b c"),
        ([(1, 3), (0, 2)], "[a&lt;b] c"),
        ([(0, 1), (1, 2)], "[a&lt;]b c"),
        ([(4, 5), (0, 1)], "[a]&lt;b [c]"),
        ([(0, 5), (1, 2), (0, 3)], "[a&lt;b c]"),
        ([(1, 3), (1, 3)], "a[&lt;b] c"),
    ],
    ids=["none", "one", "overlapping", "touching", "unordered", "inside one another", "twice the same"],
)
def test_marks(spans: list[tuple[int, int]], expected: str) -> None:
    marked = with_marks("a<b c", spans)
    assert marked.replace('<mark class="sw-post__mark">', "[").replace("</mark>", "]") == expected


def test_an_earlier_version_is_masked_and_counted_too(hub: SmallHub, as_: SignedIn, actor: Actor) -> None:
    case = hub.case()
    post = case.content
    content.take_in_one(
        platform=post.platform,
        native_id=post.native_id,
        text="What it says now.",
        url=post.url,
        account="somebody",
        posted_at=None,
        desk=hub.desks["general"],
        source="test",
        actor=actor,
    )
    client, here = as_("analyst"), reverse("case", args=[case.pk])
    page = body(client.get(here))
    assert "Show version 1" in page
    assert post.text not in page
    shown = client.post(reverse("content_reveal", args=[post.pk]), {"version": "1", "back": here})["Location"]
    page = body(client.get(shown.removesuffix("#post")))
    assert post.text in page
    assert "What it says now." not in page
    assert Reveal.objects.count() == 1


def test_after_many_showings_the_page_suggests_a_break(hub: SmallHub, as_: SignedIn) -> None:
    case, person = hub.case(), hub.people["analyst"]
    here = reverse("case", args=[case.pk])
    at = moment.now()
    Reveal.objects.bulk_create(Reveal(content=case.content, person=person, at=at) for _ in range(GENTLE_NOTE_AT - 1))
    assert "a break away from the screen" not in body(as_("analyst").get(here))
    Reveal.objects.create(content=case.content, person=person, at=at)
    page = body(as_("analyst").get(here))
    assert f"You have chosen to see {GENTLE_NOTE_AT} posts" in page
    assert "a break away from the screen" in page
    assert "a break away from the screen" not in body(as_("reviewer").get(here))
