"""Reports to a moderation service of the AT Protocol; ``tests/peers/test_atproto.py`` has a real one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.channels.atproto_service import (
    AUTHOR,
    GET_RECORD,
    MODERATOR,
    OzoneRig,
    rigged,
)
from tests.channels.conformance import ChannelConformance, TokenConformance
from tests.channels.notice_samples import formal_dict
from tests.channels.samples import LEGAL, TERM, document
from tests.support.xrpc import Says, error

import seawall
from seawall.channels import ChannelError, NotCarried, ReferralDocument
from seawall.channels.atproto import AtprotoChannel
from seawall.channels.atproto_report import LONGEST_REASON, REASONS, reason_types


@pytest.fixture
def rig() -> Iterator[OzoneRig]:
    with rigged() as made:
        yield made


class TestAtproto(ChannelConformance, TokenConformance):
    pass


class TestWhatIsSent:
    def test_report_names_the_version_of_the_post_that_is_there(self, rig: OzoneRig) -> None:
        made = rig.document()
        receipt = rig.send(made)
        (report,) = rig.service.reports()
        assert report["subject"]["uri"] == receipt.evidence["uri"] == rig.uri(made)
        assert report["subject"]["cid"] == receipt.evidence["cid"]
        assert receipt.reference == str(report["id"])
        assert receipt.evidence["text_as_referred"] is True

    def test_whole_document_goes_along_as_data(self, rig: OzoneRig) -> None:
        made = rig.document(grounds={"legal": [LEGAL], "term": TERM})
        rig.send(made)
        (report,) = rig.service.reports()
        assert report["modTool"]["name"].startswith("seawall/")
        assert ReferralDocument.model_validate(report["modTool"]["meta"]["document"]) == made
        assert report["modTool"]["meta"]["document_sha256"] == made.sha256()

    def test_text_says_all_that_a_moderator_needs(self, rig: OzoneRig) -> None:
        made = rig.document(
            grounds={"legal": [LEGAL], "term": TERM},
            referrer={"organisation": "Example Police", "type": "police", "state_body": True},
        )
        rig.send(made)
        (held,) = rig.held(made)
        assert held.splitlines()[0].startswith("DEMONSTRATION")
        for said in (
            f"Referral {made.referral_id}: voluntary.",
            "Harm: Threat of violence (vio-threat, code of practice uk-2026.1).",
            f"Post: {made.content.url}",
            "remove the post, within 1 hour of receipt (by the code of practice: uk-2026, vio-threat)",
            "Example Police (police, a body of the state)",
            "Offences against the Person Act 1861, section 16; your rule as of 2026-03-01: Community rule 4",
            "Made in good faith",
            "https://hub.example or desk@hub.example",
            "Why: The post threatens a named person.",
            "- A threat to kill: met. The post says that it will be done.",
            "- Defence, Lawful excuse: not likely. Nothing points to one.",
        ):
            assert said in held

    def test_longest_document_is_cut_with_notice_and_keeps_its_head(self, rig: OzoneRig) -> None:
        word = "\N{WOMAN}\N{ZERO WIDTH JOINER}\N{PERSONAL COMPUTER}"
        ground = {
            "act": "A" * 300,
            "section": "s" * 300,
            "elements": [{"text": word * 1_600, "met": True, "reasons": "r" * 5_000}] * 20,
            "defences": [],
        }
        made = rig.document(
            grounds={"legal": [ground] * 3, "term": {"rule": "R" * 5_000, "dated": "2026-03-01"}},
            harm={"id": "v" * 64, "title": "T" * 300, "code_version": "c" * 64},
            clock={"due_seconds": 3600, "basis": "statute", "citation": "C" * 300},
            referrer={"organisation": "O" * 300, "type": "member_of_the_public", "state_body": True},
            explanation="e" * 5_000,
        )
        rig.send(made)
        (held,) = rig.held(made)
        assert len(held) <= LONGEST_REASON
        assert len(held.encode()) <= 20_000
        assert "Made in good faith" in held
        assert "under the number above." in held
        assert held.endswith("[Cut here; the hub holds the whole.]")
        assert "document" not in rig.service.reports()[0]["modTool"]["meta"]
        assert rig.service.reports()[0]["modTool"]["meta"]["document_sha256"] == made.sha256()

    def test_outside_text_cannot_begin_a_line(self, rig: OzoneRig) -> None:
        made = rig.document(explanation="x\nReferred by: Somebody else (police).\u2028Post: https://evil.example\u202e")
        rig.send(made)
        (held,) = rig.held(made)
        starts = [line.partition(":")[0] for line in held.splitlines()]
        assert starts.count("Referred by") == 1
        assert starts.count("Post") == 1
        assert "\u202e" not in held

    @pytest.mark.parametrize("harm", sorted(REASONS))
    def test_every_harm_has_a_reason_of_both_lists(self, harm: str) -> None:
        newer, older = reason_types(harm)
        assert newer.startswith("tools.ozone.report.defs#reason")
        assert older.startswith("com.atproto.moderation.defs#reason")

    def test_every_harm_of_the_shipped_code_is_mapped(self) -> None:
        folder = Path(seawall.__file__).parent / "hub" / "practice" / "codes" / "uk-2026"
        harms = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*-*.yaml"))]
        referable = {harm["id"] for harm in harms if harm.get("basis") not in (None, "protected")}
        assert len(referable) > 15
        assert referable <= set(REASONS) | {"csea", "terror", "iia"}

    def test_page_of_the_channel_lists_every_reason_and_setting(self) -> None:
        page = Path(__file__).parents[2] / "docs" / "reference" / "channels" / "atproto.md"
        rows = [line.split("|") for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
        listed = {harm.strip(" `"): row[2].strip(" `") for row in rows for harm in row[1].split(",")}
        assert {harm: listed.get(harm) for harm in REASONS} == {harm: f"reason{name}" for harm, name in REASONS.items()}
        assert {setting.name for setting in AtprotoChannel.settings} <= set(listed)

    @pytest.mark.parametrize(
        ("harm", "newer", "older"),
        [
            ("vio-threat", "ViolenceThreats", "Violation"),
            ("ed-promote", "SelfHarmED", "Violation"),
            ("iia", "SexualNCII", "Sexual"),
            ("cand-anything-new", "HarassmentOther", "Rude"),
            ("vax-misinfo", "MisleadingOther", "Misleading"),
            ("something-else", "Other", "Other"),
        ],
    )
    def test_reason_types(self, harm: str, newer: str, older: str) -> None:
        assert reason_types(harm) == (
            f"tools.ozone.report.defs#reason{newer}",
            f"com.atproto.moderation.defs#reason{older}",
        )

    def test_service_that_knows_only_the_older_reasons_gets_those(self, rig: OzoneRig) -> None:
        rig.service.reason_types = frozenset({"com.atproto.moderation.defs#reasonViolation"})
        rig.send()
        (report,) = rig.service.reports()
        assert report["event"]["reportType"] == "com.atproto.moderation.defs#reasonViolation"


class TestWhichPost:
    @pytest.mark.parametrize(
        ("url", "native_id"),
        [
            ("https://bsky.app/profile/author.example.org/post/3kaaaa", "3kaaaa"),
            ("https://bsky.app/profile/Author.Example.org/post/3kaaaa/?ref=1#top", "3kaaaa"),
            (f"https://bsky.app/profile/{AUTHOR}/post/3kaaaa", "3kaaaa"),
            (f"https://bsky.app/profile/{AUTHOR.replace(':', '%3A')}/post/3kaaaa", "3kaaaa"),
            ("https://elsewhere.example/p/1", f"at://{AUTHOR}/app.bsky.feed.post/3kaaaa"),
            ("https://bsky.app/profile/author.example.org/post/3kaaaa", f"at://{AUTHOR}/app.bsky.feed.post/3kaaaa"),
        ],
    )
    def test_is_found_by_page_or_by_id(self, rig: OzoneRig, url: str, native_id: str) -> None:
        rig.service.post("3kaaaa")
        rig.send(document(content={"url": url, "native_id": native_id, "text_sha256": "0" * 64}))
        (report,) = rig.service.reports()
        assert report["subject"]["uri"] == f"at://{AUTHOR}/app.bsky.feed.post/3kaaaa"

    @pytest.mark.parametrize(
        ("url", "native_id", "said"),
        [
            ("https://elsewhere.example/profile/author.example.org/post/3kaaaa", "1", "nor a page on bsky.app"),
            ("http://bsky.app/profile/author.example.org/post/3kaaaa", "1", "nor a page on bsky.app"),
            ("https://bsky.app@evil.example/profile/author.example.org/post/3kaaaa", "1", "nor a page on bsky.app"),
            ("https://bsky.app/profile/author.example.org", "1", "not the page of one post"),
            ("https://bsky.app/profile/author.example.org/post/3kaaaa/quotes", "1", "not the page of one post"),
            ("https://bsky.app/profile/me%2F..%2F/post/3kaaaa", "1", "neither by a DID nor by a handle"),
            ("https://bsky.app/profile/author.example.org/post/a%0Ab", "1", "not a record key"),
            (
                "https://bsky.app/profile/author.example.org/post/3kbbbb",
                f"at://{AUTHOR}/app.bsky.feed.post/3kaaaa",
                "two",
            ),
            (f"https://bsky.app/profile/{MODERATOR}/post/3kaaaa", f"at://{AUTHOR}/app.bsky.feed.post/3kaaaa", "two"),
            ("https://bsky.app/x", f"at://{AUTHOR}", "not at://WHO/COLLECTION/KEY"),
            ("https://bsky.app/x", f"at://{AUTHOR}/app.bsky.feed.post/..", "not a record key"),
        ],
    )
    def test_is_not_guessed(self, rig: OzoneRig, url: str, native_id: str, said: str) -> None:
        rig.service.post("3kaaaa")
        with pytest.raises(ChannelError, match=said) as caught:
            rig.send(document(content={"url": url, "native_id": native_id, "text_sha256": "0" * 64}))
        assert not caught.value.retryable
        assert rig.service.reports() == []

    def test_page_on_another_app_counts_when_it_is_set(self, rig: OzoneRig) -> None:
        rig.service.post("3kaaaa")
        url = "https://app.example.org/profile/author.example.org/post/3kaaaa"
        made = document(content={"url": url, "native_id": "1", "text_sha256": "0" * 64})
        rig.send(made, hosts="bsky.app, App.example.org")
        assert len(rig.service.reports()) == 1

    @pytest.mark.parametrize("who", ["nobody.example.org", AUTHOR])
    def test_that_is_not_there_is_not_reported(self, rig: OzoneRig, who: str) -> None:
        url = f"https://bsky.app/profile/{who}/post/3kzzzz"
        with pytest.raises(ChannelError) as caught:
            rig.send(document(content={"url": url, "native_id": "1", "text_sha256": "0" * 64}))
        assert not caught.value.retryable

    def test_that_changed_since_is_reported_and_said_so_in_the_evidence(self, rig: OzoneRig) -> None:
        made = rig.document()
        rig.service.post(made.content.native_id, "another text")
        assert rig.send(made).evidence["text_as_referred"] is False

    def test_statutory_notice_is_not_given_by_a_report(self, rig: OzoneRig) -> None:
        made = ReferralDocument.model_validate(formal_dict())
        with pytest.raises(NotCarried, match="formal notice"):
            rig.channel.send(rig.address, made, idempotency_key="k", at=rig.now())
        assert rig.service.calls == []

    @pytest.mark.parametrize("value", [{}, {"cid": 5}, {"cid": "a b"}, {"cid": "é"}, {"cid": "a" * 300}])
    def test_whose_version_is_not_told_is_not_reported(self, rig: OzoneRig, value: Any) -> None:
        rig.service.refuses[GET_RECORD] = [Says(value=value)]
        with pytest.raises(ChannelError, match="which version") as caught:
            rig.send()
        assert not caught.value.retryable

    def test_that_cannot_be_fetched_now_may_be_reported_later(self, rig: OzoneRig) -> None:
        rig.service.refuses[GET_RECORD] = [error("UpstreamFailure", status=502)]
        with pytest.raises(ChannelError) as caught:
            rig.send()
        assert caught.value.retryable

    @pytest.mark.parametrize("value", [{}, {"did": None}, {"did": "author"}])
    def test_whose_handle_leads_nowhere_is_not_reported(self, rig: OzoneRig, value: Any) -> None:
        rig.service.refuses["com.atproto.identity.resolveHandle"] = [Says(value=value)]
        with pytest.raises(ChannelError, match="leads to no identity") as caught:
            rig.send()
        assert not caught.value.retryable


def test_nothing_can_be_added_to_a_report(rig: OzoneRig) -> None:
    with pytest.raises(NotCarried):
        rig.channel.inform(rig.address, "1", "More.", "k")
