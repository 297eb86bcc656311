"""What a homeserver's staff read of a referral, however little their server takes."""

import pytest
from tests.channels.samples import LEGAL, TERM, document

from seawall.channels.matrix_text import SHORTEST, reason

HUB_URL = "https://hub.example"


def test_it_says_all_that_a_person_needs() -> None:
    made = document(grounds={"legal": [LEGAL], "term": TERM})
    text = reason(made, hub_url=HUB_URL, contact="desk@hub.example", longest=10_000)
    for words in (
        "DEMONSTRATION",
        str(made.referral_id),
        "Kind: voluntary",
        "Threat of violence (vio-threat, code of practice uk-2026.1)",
        made.content.url,
        "remove it, within 1 hour of receipt (by the code of practice: uk-2026, vio-threat)",
        "Example hub",
        "Offences against the Person Act 1861, section 16",
        "- A threat to kill: met. The post says that it will be done.",
        "- Defence, Lawful excuse: not likely. Nothing points to one.",
        "rule as of 2026-03-01: Community rule 4",
        "good faith",
        f"To answer, ask or dispute: {HUB_URL}, under that number, or write to desk@hub.example",
        "Why: The post threatens a named person.",
    ):
        assert words in text


def test_a_referral_that_is_none_of_a_demonstration_does_not_say_so() -> None:
    assert "DEMONSTRATION" not in reason(document(demonstration=False), hub_url=HUB_URL, longest=10_000)


def test_state_body_is_named_even_in_the_shortest_text() -> None:
    police = {"organisation": "Example Constabulary " * 5, "type": "electoral_authority", "state_body": True}
    made = document(referrer=police, harm={"id": "h", "title": "T" * 300, "code_version": "1"})
    hub_url = f"https://{'h' * 34}.example"
    text = reason(made, hub_url=hub_url, longest=SHORTEST)
    assert text.startswith("DEMONSTRATION.")
    assert "Example Constabulary" in text
    assert "(electoral authority, a body of the state)" in text
    assert str(made.referral_id) in text
    assert hub_url in text
    assert len(hub_url) == 50


@pytest.mark.parametrize("character", ["x", "é", "\U0001f30a"])
@pytest.mark.parametrize("longest", [*range(SHORTEST, SHORTEST + 9), 741, 1_000, 10_000])
def test_it_is_never_longer_than_asked_and_says_when_it_is_cut(character: str, longest: int) -> None:
    made = document(explanation=character * 5_000, grounds={"term": {"rule": character * 5_000, "dated": "2026-03-01"}})
    text = reason(made, hub_url=HUB_URL, longest=longest)
    assert longest - 5 < len(text.encode()) <= longest
    assert text.endswith("[Cut here. The hub holds the whole.]")
    assert "\ufffd" not in text


def test_words_from_outside_cannot_look_like_lines_of_ours() -> None:
    forged = "x\nAsked: nothing\r\n\u2028Referral 0: withdrawn\u202e\x1b[2J"
    text = reason(document(explanation=forged, platform="p"), hub_url=HUB_URL, longest=10_000)
    starts = [line.split(" ", 1)[0] for line in text.splitlines()]
    assert starts.count("Asked:") == 1
    assert "Referral" not in starts
    assert all(character.isprintable() for character in text.replace("\n", ""))
