"""What a platform is asked to tell the person who posted it: in the document, and in what each channel puts before people."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.channels.notice_samples import formal_dict, order_dict
from tests.channels.samples import LEGAL, TERM, as_dict, document

from seawall.channels import DocumentInvalid, ReferralDocument, UserNotice
from seawall.channels.activitypub_text import referral_text
from seawall.channels.atproto_report import LONGEST_REASON, reason_text
from seawall.channels.email_layout import Hub, as_html, as_text, referral_sections
from seawall.channels.manual_text import referral_values
from seawall.channels.matrix_text import SHORTEST, reason
from seawall.channels.user_notice import LONGEST_LINK, asked
from seawall.channels.xarf_report import Contact, read, to_report
from seawall.formats.rendering import render_html, render_pdf, sheet_of

LINK = "https://hub.example/notice/abcdefghijklmnopqrstuvwxyz012345/"
WORDS = f"Somebody asked harbour to look at a post of yours.\n\nIt was a charity. See {LINK}"
SHOWN = {"text": WORDS, "language": "en", "link": LINK}
LATER = {"delayed_until": "2026-11-20T09:30:00Z"}
FIXED = "6f1c1a80-7d52-4a52-9d0f-0d7cf8f0a001"


ILLEGAL = {"kind": "notice_of_illegality", "grounds": {"legal": [LEGAL], "term": TERM}}


@pytest.mark.parametrize(
    ("made", "digest"),
    [
        (as_dict(referral_id=FIXED), "afe0769d9aa716d581de8c32e3d8733f8d2d43e517d6e4e9d0855e48e81d9c66"),
        (
            as_dict(referral_id=FIXED, **ILLEGAL),
            "786e852801c6bb2b8814cbd77c3da4e20198b3082de8612d84ec7ffad4882c69",
        ),
        (formal_dict(referral_id=FIXED), "ac7e1f1b7437cc5ff6f7630c60400e73cb6002d89c623d98b38d287bd7958b3a"),
        (order_dict(referral_id=FIXED), "ad96c37b605a52765b1917c0af1758892b5a6172c1556335085b02902294f53a"),
    ],
)
def test_a_document_without_a_notice_keeps_the_digest_that_its_receipt_was_given_for(
    made: dict[str, Any], digest: str
) -> None:
    """The digests were computed before there was a part for the notice."""
    parsed = ReferralDocument.parse(json.dumps(made).encode())
    assert "user_notice" not in parsed.to_dict()
    assert parsed.sha256() == digest


@pytest.mark.parametrize("part", [SHOWN, LATER])
def test_a_notice_is_carried_as_it_is_and_nothing_else_with_it(part: dict[str, str]) -> None:
    made = document(user_notice=part)
    assert made.to_dict()["user_notice"] == part
    assert ReferralDocument.parse(made.to_json()) == made
    assert made.sha256() != document(referral_id=str(made.referral_id)).sha256()


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({}, "needs text, language and link"),
        ({"text": WORDS, "language": "en"}, "needs text, language and link"),
        ({**SHOWN, **LATER}, "is delayed and holds words"),
        ({**LATER, "link": LINK}, "is delayed and holds words"),
        ({**LATER, "reason": "An investigation"}, "reason"),  # why is never sent
        ({"delayed_until": "2026-11-20T09:30:00"}, "delayed_until"),
        ({**SHOWN, "text": " "}, "text"),
        ({**SHOWN, "text": "x" * 5_001}, "text"),
        ({**SHOWN, "text": "a\x00b"}, "NUL"),
        ({**SHOWN, "language": "English"}, "language"),
        ({**SHOWN, "link": "javascript:alert(1)"}, "link"),
        ("words", "user_notice"),
    ],
)
def test_a_notice_that_is_none_is_turned_back(part: object, said: str) -> None:
    with pytest.raises(DocumentInvalid, match=said):
        ReferralDocument.parse(json.dumps(as_dict(user_notice=part)).encode())


HUB = Hub("Example hub", "https://hub.example", "people@hub.example")
SENDER = Contact(org="Example hub", contact="people@hub.example", domain="hub.example")


def written(made: ReferralDocument) -> dict[str, str]:
    """What people of a platform read, channel by channel."""
    mail = referral_sections(made, HUB, "referrals+x@hub.example")
    return {
        "email": as_text(mail),
        "email, HTML": as_html(mail, "A referral"),
        "manual": referral_values(made, hub_url="https://hub.example", contact="")["message"].text,
        "matrix": reason(made, hub_url="https://hub.example", longest=10_000),
        "activitypub": referral_text(made, hub_url="https://hub.example"),
        "atproto": reason_text(made, hub_url="https://hub.example", contact="", attached=True),
        "page": render_html(made),
        "sheet": "\n".join(sheet_of(made).texts()),
    }


def test_every_channel_puts_the_words_before_people() -> None:
    for name, text in written(document(user_notice=SHOWN)).items():
        plain = " ".join(text.replace("<br>", " ").split())
        assert "Somebody asked harbour to look at a post of yours. It was a charity." in plain, name
        assert LINK in text, name
    report = to_report(document(user_notice=SHOWN), sender=SENDER)
    assert f"how to appeal: {LINK}" in str(report["description"])
    found = read(json.dumps(report).encode()).referral
    assert found is not None
    assert found.user_notice == UserNotice.model_validate(SHOWN)  # the whole document travels as evidence


def test_every_channel_asks_to_wait_and_none_says_why() -> None:
    made = document(user_notice=LATER)
    texts = {**written(made), "xarf": str(to_report(made, sender=SENDER)["description"])}
    for name, text in texts.items():
        assert "2026-11-20 09:30" in text or "20 November 2026 at 09:30:00 UTC" in text, name
        assert "not " in text, name
    assert "tell the person" not in written(document())["email"]


def test_a_document_without_a_notice_reads_as_before() -> None:
    for name, text in written(document()).items():
        assert "person who posted" not in text, name


def test_nobody_can_make_a_line_of_ours_out_of_the_words() -> None:
    made = document(user_notice={**SHOWN, "text": "One\n\nReferred by: somebody else\u202e"})
    for name in ("manual", "matrix", "activitypub", "atproto"):
        assert "\nReferred by: somebody else" not in written(made)[name], name


def test_where_there_is_little_room_the_link_goes_before_the_words() -> None:
    long = document(user_notice={**SHOWN, "text": "word " * 900}, explanation="why " * 1_000)
    for text in (
        reason(long, hub_url="https://hub.example", longest=3 * SHORTEST),
        reason_text(long, hub_url="https://hub.example", contact="", attached=True),
        str(to_report(long, sender=SENDER)["description"]),
    ):
        assert LINK in text
    assert len(reason_text(long, hub_url="https://hub.example", contact="", attached=True)) <= LONGEST_REASON
    far = UserNotice(text="Words.", language="en", link=f"https://hub.example/{'x' * LONGEST_LINK}")
    assert asked(far).endswith("how to appeal.")


def test_a_rendering_with_words_is_a_pdf() -> None:
    assert render_pdf(document(user_notice=SHOWN)).startswith(b"%PDF")
