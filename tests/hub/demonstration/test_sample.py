"""The shipped sample: its shape, its terms, and what must not be in it."""

import hashlib
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from seawall.detect import CONTEXTS, FAMILIES

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = ROOT / "src/seawall/hub/demonstration/sample"
OWN = ROOT / "tools/sample_own.jsonl"

LICENCE_OF = {
    "cad": "CC-BY-4.0",
    "constraint_covid": "MIT",
    "edos": "CC0-1.0",
    "ghc": "CC-BY-4.0",
    "goemotions_bg": "Apache-2.0",
    "hatexplain": "MIT",
    "misogyny_guest": "MIT",
    "pheme": "CC-BY-4.0",
    "safenlp_implicit": "MIT",
    "seawall": "Apache-2.0",
    "threatgram": "CC-BY-4.0",
    "toxic_spans": "CC0-1.0",
    "trac1": "Apache-2.0",
}
"""Sets that may be passed on; a post from any other is an error."""

FAMILY_OF_HARM: dict[str | None, set[str | None]] = {
    "ssh-imminent": {"at_risk"},
    "ssh-encourage": {"suicide_self_harm"},
    "ssh-method": {"suicide_self_harm"},
    "ssh-graphic": {"suicide_self_harm"},
    "ssh-challenge": {"suicide_self_harm"},
    "ssh-memorial": {None},
    "ssh-recovery": {None},
    "ed-promote": {"eating_disorder"},
    "vio-threat": {"violent_threat"},
    "vio-gang": {"gang_weapons"},
    "vio-weapon-sale": {"gang_weapons"},
    "cand-threat": {"violent_threat"},
    "cand-harassment": {"abuse"},
    "cand-doxxing": {"abuse"},
    "cand-hate": {"hate"},
    "cand-false-fact": {None},
    "vax-misinfo": {"health_misinformation"},
    "hate-stirring": {"hate"},
    "abuse-harassment": {"abuse"},
    None: {None, "at_risk"},
}
"""Every harm a post may carry, with the families that go with it."""

NEVER_REAL = {"at_risk", "suicide_self_harm", "eating_disorder", "gang_weapons"}
"""Families for which no real person's post is shipped."""


@pytest.fixture(scope="module")
def body() -> bytes:
    return (SAMPLE / "posts.jsonl").read_bytes()


@pytest.fixture(scope="module")
def posts(body: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in body.decode().splitlines()]


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SAMPLE / "manifest.json").read_text(encoding="utf-8"))
    return found


def test_there_are_enough_posts(posts: list[dict[str, Any]]) -> None:
    assert len(posts) >= 2000


def test_every_post_has_the_agreed_fields(posts: list[dict[str, Any]]) -> None:
    for post in posts:
        assert list(post) == [
            "id",
            "text",
            "account",
            "lang",
            "platform",
            "hours_ago",
            "source",
            "licence",
            "human",
        ], post["id"]
        assert list(post["human"]) == ["native", "family", "harm", "context", "target"], post["id"]
        assert 15 <= len(post["text"]) <= 400, post["id"]
        assert re.fullmatch(r"user-\d{4}", post["account"]), post["id"]
        assert post["lang"] == "en", post["id"]
        assert post["platform"] in {"harbour", "kestrel", "driftwood", "saltmarsh"}, post["id"]
        assert 0.2 <= post["hours_ago"] <= 220, post["id"]


def test_ids_count_up_and_the_oldest_comes_first(posts: list[dict[str, Any]]) -> None:
    assert [post["id"] for post in posts] == [f"s{number:05}" for number in range(1, len(posts) + 1)]
    ages = [post["hours_ago"] for post in posts]
    assert ages == sorted(ages, reverse=True)


def test_no_text_stands_twice(posts: list[dict[str, Any]]) -> None:
    words = Counter(" ".join(re.findall(r"\w+", post["text"].lower())) for post in posts)
    assert [text for text, times in words.items() if times > 1] == []


def test_an_account_is_on_one_platform_and_some_post_often(posts: list[dict[str, Any]]) -> None:
    platforms: dict[str, set[str]] = {}
    for post in posts:
        platforms.setdefault(post["account"], set()).add(post["platform"])
    assert {len(found) for found in platforms.values()} == {1}
    assert max(Counter(post["account"] for post in posts).values()) >= 5


def test_real_and_written_posts_share_no_account(posts: list[dict[str, Any]]) -> None:
    own = {post["account"] for post in posts if post["source"] == "seawall"}
    assert own.isdisjoint(post["account"] for post in posts if post["source"] != "seawall")


def test_every_post_is_from_an_allowed_set_under_its_licence(posts: list[dict[str, Any]]) -> None:
    assert [post["id"] for post in posts if LICENCE_OF.get(post["source"]) != post["licence"]] == []


def test_every_source_is_described_with_its_number_of_posts(posts: list[dict[str, Any]]) -> None:
    page = (SAMPLE / "LICENCES.md").read_text(encoding="utf-8")
    for source, count in Counter(post["source"] for post in posts).items():
        assert f"| {source} | {count} | {LICENCE_OF[source]} |" in page


def test_labels_are_known_and_agree(posts: list[dict[str, Any]]) -> None:
    for post in posts:
        human = post["human"]
        assert human["native"], post["id"]
        assert human["family"] in FAMILY_OF_HARM[human["harm"]], post["id"]
        assert human["context"] in {*CONTEXTS, None}, post["id"]
        assert human["family"] in {*FAMILIES, None}, post["id"]
        assert human["target"] in {"candidate", None}, post["id"]
        if human["harm"] and human["harm"].startswith("cand-"):
            assert human["target"] == "candidate", post["id"]


def test_harms_that_a_demonstration_needs_are_all_there(posts: list[dict[str, Any]]) -> None:
    found = {post["human"]["harm"] for post in posts}
    # Method detail is never written down here, not even as a sample.
    assert set(FAMILY_OF_HARM) - found == {"ssh-method"}


def test_most_posts_are_harmless(posts: list[dict[str, Any]]) -> None:
    harmful = [post for post in posts if post["human"]["family"]]
    assert 0.15 < len(harmful) / len(posts) < 0.35


def test_no_real_persons_post_of_a_distressing_kind(posts: list[dict[str, Any]]) -> None:
    taken = [post["id"] for post in posts if post["human"]["family"] in NEVER_REAL and post["source"] != "seawall"]
    assert taken == []
    spoken_of = re.compile(r"\b(?:suicid\w*|self[- ]harm\w*|anorexi\w*|bulimi\w*|kys)\b", re.I)
    assert [post["id"] for post in posts if post["source"] != "seawall" and spoken_of.search(post["text"])] == []


def test_every_written_post_is_there_once(posts: list[dict[str, Any]]) -> None:
    written = [json.loads(line)["text"] for line in OWN.read_text(encoding="utf-8").splitlines()]
    assert sorted(written) == sorted(post["text"] for post in posts if post["source"] == "seawall")


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        (
            "a mask other than [user] and [url]",
            r"<\w+>|\[(?!user\]|url\])[A-Z]{3,}\]|\b(?:USER|URL|EMAIL|PHONE|NUMBER)\b",
        ),
        ("an address on the web", r"https?:|www\.|\b[\w-]{2,}\.(?:com|org|net|uk|gov|info|io)\b"),
        ("a handle or an e-mail address", r"@\w"),
        ("a telephone number", r"(?<!\d)(?:\+?\d[ -]?){9,}"),
        ("a NUL, a control character or a lone surrogate", r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffd]"),
        ("a word hidden behind asterisks", r"\w\*+\w"),
    ],
)
def test_no_text_holds(what: str, pattern: str, posts: list[dict[str, Any]]) -> None:
    allowed_numbers = re.compile(r"116 123|85258")
    found = [post["id"] for post in posts if re.search(pattern, allowed_numbers.sub("", post["text"]))]
    assert found == [], f"{what} in {found}"


def test_the_manifest_is_of_this_file(manifest: dict[str, Any], body: bytes, posts: list[dict[str, Any]]) -> None:
    assert manifest["sha256"] == hashlib.sha256(body).hexdigest()
    assert manifest["posts"] == len(posts)
    assert manifest["accounts"] == len({post["account"] for post in posts})
    for field in ("platform", "source"):
        assert manifest[field] == dict(Counter(post[field] for post in posts)), field
    for field in ("family", "harm", "context", "target"):
        assert manifest[field] == dict(Counter(post["human"][field] or "none" for post in posts)), field


def test_posts_come_by_day_more_than_by_night(posts: list[dict[str, Any]]) -> None:
    # "Now" is two in the afternoon: 14 - hours_ago is the hour of day at which a post was written.
    hours = Counter(int(14 - post["hours_ago"]) % 24 for post in posts)
    night, evening = sum(hours[hour] for hour in (2, 3, 4, 5)), sum(hours[hour] for hour in (18, 19, 20, 21))
    assert evening > 4 * night


def test_exclusions_are_ids_only() -> None:
    lines = (ROOT / "tools/sample_exclusions.txt").read_text(encoding="utf-8").splitlines()
    wrong = [line for line in lines if not re.fullmatch(r"# .*|[a-z_0-9]+:\d+", line)]
    assert wrong == []
