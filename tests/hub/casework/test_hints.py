"""What is read out of a finding: chances, the nearest setting, what was not flagged, what was not read, and why, in words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils.html import escape
from tests.support.findings import finding, finding_on, sense_at, words_at
from tests.support.hub import SmallHub
from tests.support.staff import SignedIn, body

from seawall.hub import moment
from seawall.hub.casework.hints import LONGEST_QUOTE, chance_in_words, hints_of, why_flagged
from seawall.hub.casework.models import Case
from seawall.hub.content import services as content
from seawall.hub.content.models import ADDRESS_ONLY, Content, IngestBatch
from seawall.hub.ledger.services import Actor


def page_of(case: Case, as_: SignedIn) -> str:
    return " ".join(body(as_("analyst").get(reverse("case", args=[case.pk]))).split())


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        (1.0, "very likely (99%)"),
        (0.9, "very likely (90%)"),
        (0.899, "likely (90%)"),
        (0.65, "likely (65%)"),
        (0.35, "possible (35%)"),
        (0.34, "unlikely (34%)"),
        (0.0, "unlikely (1%)"),
    ],
)
def test_a_chance_in_words_is_never_certain(probability: float, words: str) -> None:
    assert chance_in_words(probability) == words


def test_hints_leave_out_what_is_unlikely_but_nothing_that_was_flagged_or_withheld() -> None:
    hints = hints_of(
        finding(
            families={"abuse": 0.81, "hate": 0.19, "at_risk": 0.1, "new_family": 0.3, "violent_threat": 0.05},
            flags=["abuse", "at_risk"],
            withheld=[{"family": "violent_threat", "rule": "support_first"}],
            context={"idiom": 0.2, "news": 0.199},
        )
    )
    assert [(hint.label, hint.flagged, hint.withheld) for hint in hints.families] == [
        ("Abuse", True, False),
        ("new_family", False, False),
        ("A person at risk", True, False),
        ("Threats of violence", False, True),
    ]
    assert [hint.label for hint in hints.context] == ["A turn of phrase"]


# The nearest setting


@pytest.mark.parametrize(
    ("context", "nearest", "others"),
    [
        ({"bereavement": 0.72, "news": 0.55, "art": 0.3}, "Grief and remembrance", ["News", "Art, music, fiction"]),
        ({"news": 0.5}, "News", []),
        ({"news": 0.4999}, None, ["News"]),
        ({"news": 0.1}, None, []),
        ({"of_another_model": 0.9}, "of_another_model", []),
        ({}, None, []),
    ],
    ids=["the likeliest of several", "just likely", "possible only", "unlikely", "a label not known here", "none"],
)
def test_the_nearest_setting_is_one_that_is_likely(
    context: dict[str, float], nearest: str | None, others: list[str]
) -> None:
    hints = hints_of(finding(context=context))
    assert (hints.nearest.label if hints.nearest else None) == nearest
    assert [hint.label for hint in hints.context] == others


def test_the_nearest_setting_stands_before_the_harms(hub: SmallHub, as_: SignedIn) -> None:
    case = hub.case()
    finding_on(case.content, families={"abuse": 0.7}, flags=["abuse"], context={"bereavement": 0.72, "news": 0.4})
    page = page_of(case, as_)
    assert "<strong>Reads like: grief and remembrance</strong>, likely (72%)." in page
    assert page.index("Reads like") < page.index("above the mark") < page.index("Setting: news")
    assert "Setting: grief" not in page


# What was not flagged


RISK = (
    "It also looked like suicide and self-harm, abuse or gangs and weapons, but was not flagged for it, because the author seems to be at "
    "risk: support comes first."
)


@pytest.mark.parametrize(
    ("flags", "withheld", "sentences"),
    [
        ([], {}, []),
        (
            [],
            {"abuse": "term_alone"},
            ["It looked like abuse, but was not flagged: a coded word alone is no ground."],
        ),
        (
            ["at_risk"],
            {"suicide_self_harm": "support_first", "abuse": "support_first", "gang_weapons": "support_first"},
            [RISK],
        ),
        (
            ["hate"],
            {"abuse": "of_a_later_detector"},
            ["It also looked like abuse, but was not flagged, by the detector’s rule “of_a_later_detector”."],
        ),
    ],
    ids=["nothing", "a term alone", "somebody at risk", "a rule not known here"],
)
def test_what_was_not_flagged_and_why(
    hub: SmallHub, as_: SignedIn, flags: list[str], withheld: dict[str, str], sentences: list[str]
) -> None:
    case = hub.case()
    given = finding_on(
        case.content,
        families={**dict.fromkeys(flags, 0.95), **dict.fromkeys(withheld, 0.9)},
        flags=flags,
        withheld=[{"family": family, "rule": rule} for family, rule in withheld.items()],
    )
    assert len(hints_of(given).withheld) == len(sentences)
    page = page_of(case, as_)
    for sentence in sentences:
        assert escape(sentence) in page
    assert page.count("above the mark that it is set to, but not flagged") == len(withheld)
    assert page.count("Very likely (90%), above the mark that it is set to") == len(withheld)
    assert page.count("Very likely (95%), above the mark that it is set to") == len(flags)


# What was not read


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("cy", "does not read Welsh: it says nothing about this post, which does not mean that it is harmless."),
        ("yue", "does not read Cantonese: it says nothing about this post, which does not mean that it is harmless."),
        ("zzz", "does not read the language of this post (“zzz”): it says nothing about this post"),
        ("und", "cannot tell which language this post is in, and did not read it: it says nothing about this post"),
    ],
)
def test_a_post_that_was_not_read_is_not_called_harmless(hub: SmallHub, as_: SignedIn, code: str, said: str) -> None:
    case = hub.case()
    finding_on(case.content, language=code, assessed=False)
    page = page_of(case, as_)
    assert f"The detector {said}" in page
    for other in ("did not flag", "A hint, not a decision", "Reads like", "is left out", "quick look"):
        assert other not in page


def test_nothing_found_is_told_from_not_looked_at(hub: SmallHub, as_: SignedIn) -> None:
    case = hub.case()
    assert "Nothing yet: the detector has not looked at this version" in page_of(case, as_)
    IngestBatch.objects.update(assessed_at=moment.now())
    assert "Nothing: the detector did not flag this version" in page_of(case, as_)
    Content.objects.update(text=f"{ADDRESS_ONLY} https://alpha.example/posts/n1")
    assert "Nothing: only the address of this post is known here" in page_of(case, as_)


@pytest.mark.parametrize(
    ("said", "remarks"),
    [
        ({}, []),
        ({"depth": "linear"}, ["The detector took only a quick look: its smaller model read this post"]),
        ({"degraded": True}, ["The operator’s own model did not answer, so the one that comes with the program stood in"]),
        ({"language": "und"}, ["It is not clear which language this post is in. The detector read it as English."]),
        ({"depth": "linear", "degraded": True}, ["only a quick look", "did not answer"]),
    ],
    ids=["as it should be", "quick look", "stood in", "language unclear", "both"],
)  # fmt: skip
def test_how_the_detector_came_to_it(hub: SmallHub, as_: SignedIn, said: dict[str, Any], remarks: list[str]) -> None:
    case = hub.case()
    given = finding_on(case.content, families={"abuse": 0.9}, flags=["abuse"], **said)
    told = hints_of(given).remarks
    assert len(told) == len(remarks)
    page = page_of(case, as_)
    for remark, sentence in zip(remarks, told, strict=True):
        assert remark in sentence
        assert escape(sentence) in page
    if not remarks:
        assert "quick look" not in page
        assert "did not answer" not in page


def test_what_an_earlier_detector_said_stands_below(hub: SmallHub, as_: SignedIn) -> None:
    case = hub.case()
    day = timedelta(days=1)
    finding_on(case.content, detector="earlier", families={"hate": 0.9}, flags=["hate"], assessed_at=moment.now() - day)
    finding_on(case.content, detector="later", families={"abuse": 0.8}, flags=["abuse"])
    page = page_of(case, as_)
    assert page.index("Detector later") < page.index("Detector earlier")


# Why, in the post's words

TEXT = "you sad clown, you knob, nobody wants you here"
CLOWN = "'clown' can mean somebody who makes people laugh; also a person who is held in contempt. Confidence: high."


def test_pieces_come_by_family_and_weight() -> None:
    why = why_flagged(
        finding(
            flags=["hate", "abuse"],
            reasons=[
                words_at(TEXT, "nobody wants you", weight=0.4),
                words_at(TEXT, "sad clown", weight=2.5),
                words_at(TEXT, "here", family="violent_threat", weight=9),
                words_at(TEXT, "sad clown", family="hate", weight=0.2),
                words_at(TEXT, "knob", family="hate", weight=0.3),
            ],
        ),
        TEXT,
    )
    assert [(piece.text, piece.did, piece.family) for piece in why.pieces] == [
        ("knob", "spoke most", "Hate"),
        ("sad clown", "also spoke", "Hate"),
        ("sad clown", "spoke most", "Abuse"),
        ("nobody wants you", "also spoke", "Abuse"),
        ("here", "spoke most", "Threats of violence"),
    ]
    assert {TEXT[start:end] for start, end in why.spans} == {"knob", "sad clown", "nobody wants you", "here"}
    assert not why.senses


def test_a_sense_moved_nothing_and_is_told_once() -> None:
    text = "clown, CLOWN and cl0wn"
    why = why_flagged(
        finding(
            flags=["abuse"],
            reasons=[
                sense_at(text, "clown", CLOWN),
                sense_at(text, "CLOWN", CLOWN),
                sense_at(text, "and", ""),
                sense_at(text, "cl0wn", "'clowns' can mean more than one clown."),
            ],
        ),
        text,
    )
    assert not why.spans
    assert not why.pieces
    assert [(sense.text, sense.note) for sense in why.senses] == [
        ("", CLOWN),
        ("cl0wn", "'clowns' can mean more than one clown."),
    ]


@pytest.mark.parametrize(
    "wrong",
    [{"start": -1, "end": 2}, {"start": 2, "end": 2}, {"start": 4, "end": 1}, {"start": 3, "end": 99}, {"start": "0", "end": None}],
    ids=["before it", "empty", "backwards", "beyond it", "no numbers"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["words", "sense"])
def test_what_does_not_fit_the_text_is_left_out(kind: str, wrong: dict[str, Any]) -> None:
    reason = {"kind": kind, "family": "abuse", "weight": 1.0, "note": CLOWN, **wrong}
    why = why_flagged(finding(flags=["abuse"], reasons=[reason, {}]), "a<b c")
    assert (why.spans, why.pieces, why.senses) == ([], [], [])


def test_a_kind_of_reason_that_is_not_known_is_not_called_what_moved_the_score() -> None:
    why = why_flagged(
        finding(flags=["abuse"], reasons=[{**words_at(TEXT, "knob"), "kind": "of_a_later_detector"}]), TEXT
    )
    assert (why.spans, why.pieces, why.senses) == ([], [], [])


def test_a_long_piece_is_cut_short_where_it_is_quoted_and_marked_whole() -> None:
    text = "x" * 4000
    why = why_flagged(finding(flags=["abuse"], reasons=[words_at(text, text)]), text)
    assert why.pieces[0].text == "x" * LONGEST_QUOTE + "…"
    assert why.spans == [(0, 4000)]


def test_reasons_of_before_there_were_senses() -> None:
    """A reason without a note, or without a kind, is of words."""
    reason = words_at(TEXT, "knob")
    del reason["note"], reason["kind"]
    why = why_flagged(finding(flags=["abuse"], reasons=[reason]), TEXT)
    assert [piece.text for piece in why.pieces] == ["knob"]


def test_a_new_version_has_no_reasons_of_the_old_one(hub: SmallHub, as_: SignedIn, actor: Actor) -> None:
    case = hub.case()
    post = case.content
    finding_on(post, flags=["abuse"], families={"abuse": 0.9}, reasons=[words_at(post.text, "nobody minds")])
    content.take_in_one(
        platform=post.platform,
        native_id=post.native_id,
        text="What it says now, which nobody minds.",
        url=post.url,
        account="somebody",
        posted_at=None,
        desk=hub.desks["general"],
        source="test",
        actor=actor,
    )
    client, here = as_("analyst"), reverse("case", args=[case.pk])
    for version in ("1", "2"):
        shown = client.post(reverse("content_reveal", args=[post.pk]), {"version": version, "back": here})["Location"]
        page = body(client.get(shown.removesuffix("#post")))
        assert "nobody minds" in page
        assert "<mark" not in page
        assert "Why it was flagged" not in page
