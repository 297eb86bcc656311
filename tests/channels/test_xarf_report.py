"""Our referrals as XARF v4 reports, judged beside the standard's reference parser for Python."""

from collections.abc import Callable

import pytest
import xarf
from tests.channels.notice_samples import formal_notice, removal_order
from tests.channels.samples import LEGAL, TERM, document
from tests.channels.xarf_samples import HUB, named, raw, reference

from seawall.channels import ReferralDocument
from seawall.channels.xarf_report import read, to_report
from seawall.channels.xarf_types import TYPES, NoSuchType

CORE = ("xarf_version", "report_id", "timestamp", "reporter", "sender", "source_identifier", "category", "type")
NOTICE = {"kind": "notice_of_illegality", "grounds": {"legal": [LEGAL], "term": None}}
KINDS: dict[str, Callable[..., ReferralDocument]] = {
    "voluntary": document,
    "notice_of_illegality": lambda **changes: document(**NOTICE, **changes),
    "formal_notice": formal_notice,
    "removal_order": removal_order,
}
HARMS = ("vio-threat", "cand-doxxing", "iia", "ssh-encourage")


def harm(name: str) -> dict[str, str]:
    return {"id": name, "title": "A harm", "code_version": "uk-2026.1"}


@pytest.mark.parametrize("name", HARMS)
@pytest.mark.parametrize("kind", KINDS)
class TestOurs:
    def test_is_taken_by_the_reference_parser_in_strict_mode(self, kind: str, name: str) -> None:
        made = KINDS[kind](harm=harm(name))
        result = xarf.parse(raw(to_report(made, sender=HUB)).decode(), strict=True)
        assert result.errors == []
        assert result.report is not None
        assert result.report.report_id == str(made.referral_id)
        assert (result.report.category, result.report.url) == ("content", made.content.url)  # type: ignore[union-attr]

    def test_brings_the_whole_referral_back(self, kind: str, name: str) -> None:
        made = KINDS[kind](harm=harm(name), explanation="Ünïcode \U0001f30a \u2028 “quoted”")
        report = to_report(made, sender=HUB)
        got = read(raw(report))
        assert got.referral is not None
        assert got.referral.to_json() == made.to_json()
        assert got.report_id == made.referral_id
        assert got.timestamp == made.sent_at
        assert got.is_test

    def test_lacks_nothing_that_could_be_left_out(self, kind: str, name: str) -> None:
        report = to_report(KINDS[kind](harm=harm(name)), sender=HUB)
        for member in report:
            left = {key: value for key, value in report.items() if key != member}
            mandatory = member in CORE or member in TYPES[f"content/{report['type']}"]
            if mandatory:
                assert reference(left)
                assert reference(left, strict=True)
                assert member in named(left)
            elif member not in ("description", "tags"):
                assert reference(left, strict=True), f"{member} is recommended, so strict mode wants it"
                read(raw({**left, "evidence": []}))


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (formal_notice(), ["formal notice", "a body of the state", "section 141", "48 hours of being given"]),
        (removal_order(), ["removal order", "a body of the state", "article 100", "1 hour of receipt", "2021/784"]),
        (document(), ["voluntary", "Example hub", "rule of 2026-03-01", "Threat of violence", "remove the post"]),
        (document(requested_action="label"), ["label the post", "DEMONSTRATION", "Not fraud", "Made in good faith"]),
    ],
)
def test_description_says_what_a_person_must_know(made: ReferralDocument, words: list[str]) -> None:
    said = str(to_report(made, sender=HUB)["description"])
    assert [word for word in [*words, str(made.referral_id)] if word not in said] == []
    assert len(said) <= 1_000


def test_longest_words_leave_the_description_whole() -> None:
    ground = {**LEGAL, "act": "A" * 300, "section": "s" * 300}
    made = document(
        grounds={"legal": [ground] * 10, "term": {**TERM, "rule": "r" * 5_000}},
        referrer={"organisation": "O" * 300, "type": "electoral_authority", "state_body": True},
        harm={"id": "h" * 64, "title": "t" * 300, "code_version": "1"},
        clock={"due_seconds": 3600, "basis": "statute", "citation": "c" * 300},
        explanation="e" * 5_000,
    )
    report = to_report(made, sender=HUB)
    assert reference(report, strict=True) == []
    assert len(str(report["description"])) == 1_000
    assert "a body of the state" in str(report["description"])
    assert "first item of evidence. e" in str(report["description"])


@pytest.mark.parametrize(
    ("url", "source", "port", "strict"),
    [
        ("https://platform.example/p/1", "platform.example", 443, True),
        ("http://platform.example/p/1", "platform.example", 80, True),
        ("https://platform.example:8443/p?a=%C3%A9#x", "platform.example", 8443, True),
        ("https://platform.example/a b/é\n", "platform.example", 443, True),
        ("https://bücher.example/p", "xn--bcher-kva.example", 443, False),
        ("https://192.0.2.7/p", "192.0.2.7", 443, False),
        ("https://[2001:db8::7]/p", "2001:db8::7", 443, False),
        ("https://platform.example:99999/p", "harbour", 443, False),
        ("https://[/p", "harbour", 443, False),
        ("https://[2001:db8::7]:8080/p[1]", "2001:db8::7", 8080, False),
        ("https://platform.example/p[1]?a[]=100%#x#y", "platform.example", 443, True),
        ("https://", "harbour", 443, False),
    ],
)
def test_host_and_port_come_from_the_address(url: str, source: str, port: int, strict: bool) -> None:
    made = document(content={"native_id": "p", "url": url, "text_sha256": "0" * 64})
    report = to_report(made, sender=HUB)
    assert (report["source_identifier"], report["source_port"]) == (source, port)
    assert ("domain" in report) is strict
    assert reference(report) == []
    assert (reference(report, strict=True) == []) is strict
    back = read(raw(report))
    assert back.referral == made
    assert back.url == report["url"]
    assert str(report["url"]).isascii()


def test_referrer_is_reached_where_the_notice_says() -> None:
    assert to_report(formal_notice(), sender=HUB)["reporter"] == {
        "org": "Example Constabulary",
        "contact": "notices@constabulary.example",
        "domain": "constabulary.example",
    }
    assert to_report(document(), sender=HUB)["reporter"] == HUB.model_dump()


def test_only_a_demonstration_is_marked_as_a_test() -> None:
    real = read(raw(to_report(document(demonstration=False), sender=HUB)))
    assert not real.is_test
    assert "lifecycle:test" not in real.tags
    assert "DEMONSTRATION" not in (real.description or "")


def test_abuse_of_children_is_not_filed_as_something_else() -> None:
    with pytest.raises(NoSuchType, match="Hand it to the body"):
        to_report(document(harm=harm("csea")), sender=HUB)
