"""Report, takedown and look on a real AT Protocol network: nothing at the other end is ours."""

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.channels.samples import LEGAL, TERM
from tests.peers.atproto_network import Network, Post, running
from tests.peers.support import eventually

from seawall.channels import Answer, AnswerInvalid, ChannelError, ReferralDocument
from seawall.channels.atproto import AtprotoChannel
from seawall.channels.atproto_report import LONGEST_DOCUMENT, LONGEST_REASON, REASONS, reason_types
from seawall.formats.atproto import read_identity
from seawall.probes import label_stream
from seawall.probes.base import Observation
from seawall.probes.label_stream import StreamRefused

QUIET = 1.0


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with running() as made:
        yield made


@pytest.fixture(scope="module")
def channel(network: Network) -> AtprotoChannel:
    return AtprotoChannel(network.outbound, hub_name="Example hub", hub_url="https://hub.example")


def becomes(network: Network, post: Post, state: str, **views: str) -> Observation:
    """Look until the post is in `state`, seen so by these ways of looking; fail with the last look."""
    return eventually(
        lambda: network.look(post, expected_text=post.text),
        lambda seen: seen.state == state and views.items() <= seen.views.items(),
        what=f"the post to be {state} with {views}",
    )


def told(answers: list[Answer]) -> list[tuple[str, str | None, str | None]]:
    return [(answer.status, answer.reason_code, answer.puid) for answer in answers]


class TestReport:
    def test_lands_in_the_ozone_as_it_was_sent(self, network: Network, channel: AtprotoChannel) -> None:
        post = network.post("You will be sorry.")
        made = network.referral(
            post,
            grounds={"legal": [LEGAL], "term": TERM},
            referrer={"organisation": "Example Police", "type": "police", "state_body": True},
        )
        receipt = channel.send(network.address(), made, idempotency_key="k")
        (report,) = network.reports(post)
        assert receipt.reference == str(report["id"])
        assert report["subject"] == post.subject
        assert report["event"]["reportType"] == reason_types(made.harm.id)[0]
        assert str(made.referral_id) in report["event"]["comment"]
        assert "a body of the state" in report["event"]["comment"]
        assert ReferralDocument.model_validate(report["modTool"]["meta"]["document"]) == made
        assert (receipt.proof, receipt.evidence["time"], receipt.evidence["text_as_referred"]) == (
            "acknowledged",
            "service",
            True,
        )
        assert channel.answers(network.address(), receipt.reference) == []

    def test_of_a_post_known_by_its_page_alone(self, network: Network, channel: AtprotoChannel) -> None:
        post = network.post("Known by its page.")
        content = {"native_id": post.key, "url": post.page, "text_sha256": "0" * 64}
        channel.send(network.address(), network.referral(post, content=content), idempotency_key="k")
        assert len(network.reports(post)) == 1

    def test_of_the_greatest_length_is_taken(self, network: Network, channel: AtprotoChannel) -> None:
        post = network.post("A post with much to say about it.")
        element = {
            "text": "\N{WOMAN}\N{ZERO WIDTH JOINER}\N{PERSONAL COMPUTER}" * 60,
            "met": True,
            "reasons": "r" * 2_440,
        }
        ground = {"act": "A" * 300, "section": "s" * 300, "elements": [element] * 18, "defences": []}
        made = network.referral(post, grounds={"legal": [ground], "term": None}, explanation="\N{WOMAN}" * 5_000)
        assert LONGEST_DOCUMENT - 3_000 < len(made.to_json()) <= LONGEST_DOCUMENT
        channel.send(network.address(), made, idempotency_key="k")
        (report,) = network.reports(post)
        assert len(report["event"]["comment"]) <= LONGEST_REASON
        assert ReferralDocument.model_validate(report["modTool"]["meta"]["document"]) == made

    @pytest.mark.parametrize("harm", sorted(REASONS))
    def test_reason_is_one_that_this_ozone_knows(self, network: Network, harm: str) -> None:
        lexicon = network.folder / "node_modules" / "@atproto" / "ozone" / "dist" / "lexicon" / "lexicons.js"
        known = lexicon.read_text(encoding="utf-8")
        for reason in reason_types(harm):
            assert f"'{reason}'" in known

    def test_made_before_is_found_again(self, network: Network, channel: AtprotoChannel) -> None:
        post, address = network.post("Reported once."), network.address("watcher", moderator="yes")
        made = network.referral(post)
        first, second = (channel.send(address, made, idempotency_key="k") for _ in range(2))
        assert (first.reference, first.received_at) == (second.reference, second.received_at)
        assert len(network.reports(post)) == 1

    def test_of_a_post_that_is_gone_is_not_made(self, network: Network, channel: AtprotoChannel) -> None:
        post = network.post("Soon gone.")
        network.delete(post)
        with pytest.raises(ChannelError, match="it is not there") as caught:
            channel.send(network.address(), network.referral(post), idempotency_key="k")
        assert not caught.value.retryable

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"token": "abcd-efgh-ijkl-mnop"}, "does not sign this hub's account in"),
            ({"labeler": "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"}, "Check the setting labeler"),
        ],
    )
    def test_wrong_setting_is_told(
        self, network: Network, channel: AtprotoChannel, change: dict[str, str], said: str
    ) -> None:
        address = network.address(**{name: value for name, value in change.items() if name != "token"})
        post = network.post("Not to be reported.")
        with pytest.raises(ChannelError, match=said) as caught:
            channel.send(
                replace(address, token=change.get("token", address.token)), network.referral(post), idempotency_key="k"
            )
        assert not caught.value.retryable
        assert network.reports(post) == []


class TestAnswers:
    def test_every_step_of_the_review(self, network: Network, channel: AtprotoChannel) -> None:
        post, address = network.post("Reviewed."), network.address("watcher", moderator="yes")
        receipt = channel.send(address, network.referral(post), idempotency_key="k")
        assert told(channel.answers(address, receipt.reference)) == [("QUEUED", None, None)]
        network.moderate("modEventEscalate", post.subject)
        taken = network.moderate("modEventTakedown", post.subject, comment="A threat.", durationInHours=24)
        network.moderate("modEventReverseTakedown", post.subject, comment="On appeal.")
        label = network.moderate("modEventLabel", post.subject, createLabelVals=["!hide"], negateLabelVals=[])
        network.moderate("modEventAcknowledge", post.subject)
        answers = channel.answers(address, receipt.reference)
        assert told(answers)[1:] == [
            ("PROCESSING", None, None),
            ("COMPLETED", "ACTIONED", str(taken)),
            ("COMPLETED", "REVIEWED_NO_ACTION", None),
            ("COMPLETED", "ACTIONED", str(label)),
        ]
        assert answers[2].detail == "For 24 hours. A threat."
        assert channel.answers(address, receipt.reference, after=answers[2].answer_id) == answers[3:]

    def test_closed_without_action(self, network: Network, channel: AtprotoChannel) -> None:
        post, address = network.post("A lyric."), network.address("watcher", moderator="yes")
        receipt = channel.send(address, network.referral(post), idempotency_key="k")
        network.moderate("modEventAcknowledge", post.subject, comment="A lyric.")
        assert told(channel.answers(address, receipt.reference))[-1] == ("COMPLETED", "REVIEWED_NO_ACTION", None)

    def test_takedown_of_the_account(self, network: Network, channel: AtprotoChannel) -> None:
        post = network.post("By a newcomer.", author=network.newcomer())
        address = network.address("watcher", moderator="yes")
        receipt = channel.send(address, network.referral(post), idempotency_key="k")
        account = {"$type": "com.atproto.admin.defs#repoRef", "did": post.author.did}
        taken = network.moderate("modEventTakedown", account)
        (_, answer) = channel.answers(address, receipt.reference)
        assert (answer.puid, answer.actions) == (str(taken), ("takedown of the account",))

    def test_account_that_is_no_moderator_is_told(self, network: Network, channel: AtprotoChannel) -> None:
        with pytest.raises(ChannelError, match="leave the setting moderator empty"):
            channel.answers(network.address(moderator="yes"), "1")

    def test_report_of_somebody_else_is_not_read(self, network: Network, channel: AtprotoChannel) -> None:
        post = network.post("Reported by another.")
        receipt = channel.send(network.address(), network.referral(post), idempotency_key="k")
        with pytest.raises(AnswerInvalid, match="not this hub's report"):
            channel.answers(network.address("watcher", moderator="yes"), receipt.reference)


class TestProbe:
    def test_ozone_s_takedown_is_a_label_while_the_record_stays(self, network: Network) -> None:
        post = network.post("Taken down by Ozone.", picture=True)
        seen = becomes(network, post, "up", label="none", blob="there", appview="there", text="same")
        assert seen.matched == "text"
        network.moderate("modEventTakedown", post.subject, blobs=post.blobs)
        seen = becomes(network, post, "restricted", label="!takedown", blob="gone")
        assert (seen.matched, seen.views["record"], seen.http_status) == ("label", "there", 200)
        network.moderate("modEventReverseTakedown", post.subject, blobs=post.blobs)
        becomes(network, post, "up", label="none", blob="there")

    def test_hiding_label_and_its_end(self, network: Network) -> None:
        post = network.post("Hidden for a while.")
        becomes(network, post, "up", appview="there")
        network.moderate(
            "modEventLabel", post.subject, createLabelVals=["!hide"], negateLabelVals=[], durationInHours=1
        )
        becomes(network, post, "restricted", label="!hide")
        later = network._probe(post.uri, outbound=network.outbound, at=dt.datetime.now(dt.UTC) + dt.timedelta(hours=2))
        assert (later.state, later.views["label"]) == ("up", "none")
        network.moderate("modEventLabel", post.subject, createLabelVals=[], negateLabelVals=["!hide"])
        becomes(network, post, "up", label="none")

    def test_label_that_only_warns(self, network: Network) -> None:
        post = network.post("A rude word.")
        network.moderate("modEventLabel", post.subject, createLabelVals=["rude"], negateLabelVals=[])
        assert "Its labels: rude." in becomes(network, post, "up", label="other").detail

    def test_server_s_takedown_leaves_the_appview_s_copy_up(self, network: Network) -> None:
        post = network.post("Removed by the server.")
        becomes(network, post, "up", appview="there")
        network.remove("pds", post)
        seen = becomes(network, post, "up", record="gone", appview="there")
        assert (seen.matched, seen.http_status) == ("copy", 400)
        network.remove("appview", post)
        seen = becomes(network, post, "removed", record="gone", appview="absent")
        assert seen.matched == "record"
        network.remove("pds", post, applied=False)
        assert becomes(network, post, "restricted", record="there", appview="absent").matched == "appview"
        network.remove("appview", post, applied=False)
        becomes(network, post, "up", record="there", appview="there")

    def test_author_s_own_deletion(self, network: Network) -> None:
        post = network.post("Deleted by its author.")
        becomes(network, post, "up", appview="there")
        network.delete(post)
        assert becomes(network, post, "removed", record="gone", appview="absent").matched == "record"

    def test_edit(self, network: Network) -> None:
        post = network.post("As it was referred.")
        becomes(network, post, "up", appview="there")
        network.edit(post, "Something quite different.")
        assert becomes(network, post, "edited", text="other").matched == "other-text"

    def test_takedown_of_the_account_and_its_end(self, network: Network) -> None:
        post = network.post("By an account that goes.", author=network.newcomer())
        account = {"$type": "com.atproto.admin.defs#repoRef", "did": post.author.did}
        becomes(network, post, "up", appview="there", account="active")
        network.moderate("modEventTakedown", account)
        seen = becomes(network, post, "removed", account="takendown", appview="absent", label="!takedown")
        assert seen.matched == "account"
        network.moderate("modEventReverseTakedown", account)
        becomes(network, post, "up", account="active", appview="there", label="none")

    def test_account_that_sleeps(self, network: Network) -> None:
        post = network.post("By an account that sleeps.", author=network.newcomer())
        becomes(network, post, "up", appview="there")
        network.as_(post.author, "com.atproto.server.deactivateAccount", body={})
        seen = becomes(network, post, "restricted", account="deactivated", appview="absent")
        assert seen.matched == "account"

    def test_page_leads_to_the_same_post(self, network: Network) -> None:
        post = network.post("Looked at by its page.")
        becomes(network, post, "up", appview="there")
        seen = network.look(post.page, expected_text=post.text)
        assert (seen.state, seen.matched) == ("up", "text")


class TestLabelStream:
    def test_takedown_and_its_withdrawal_come_signed_and_in_order(self, network: Network) -> None:
        document = network.outbound.fetch(f"{network.plc}/{network.labeler}")
        key = read_identity(json.loads(document.body), did=network.labeler).label_key
        first, second = network.post("Labelled."), network.post("Labelled, and cleared.")
        network.moderate("modEventTakedown", first.subject)
        network.moderate("modEventLabel", second.subject, createLabelVals=["spam"], negateLabelVals=[])
        network.moderate("modEventLabel", second.subject, createLabelVals=[], negateLabelVals=["spam"])

        def issued() -> list[tuple[str, str, bool]]:
            batches = list(label_stream.read(network.ozone, outbound=network.outbound, cursor=0, quiet=QUIET))
            assert [batch.seq for batch in batches] == sorted({batch.seq for batch in batches})
            labels = [label for batch in batches for label in batch.labels]
            assert all(label.signed_by(key) and label.src == network.labeler for label in labels)
            return [(label.uri, label.val, label.neg) for label in labels]

        wanted = [(first.uri, "!takedown", False), (second.uri, "spam", True)]
        found = eventually(issued, lambda seen: set(wanted) <= set(seen), what="both labels on the stream")
        assert [label for label in found if label in wanted] == wanted

    def test_goes_on_after_the_last_that_was_seen(self, network: Network) -> None:
        before = list(label_stream.read(network.ozone, outbound=network.outbound, cursor=0, quiet=QUIET))
        post = network.post("Labelled later.")
        network.moderate("modEventLabel", post.subject, createLabelVals=["rude"], negateLabelVals=[])
        stream = label_stream.read(network.ozone, outbound=network.outbound, cursor=before[-1].seq, quiet=30)
        batch = next(stream)
        stream.close()
        assert [(label.uri, label.val) for label in batch.labels] == [(post.uri, "rude")]

    def test_number_that_was_never_issued_is_refused(self, network: Network) -> None:
        with pytest.raises(StreamRefused) as caught:
            list(label_stream.read(network.ozone, outbound=network.outbound, cursor=10**9, quiet=QUIET))
        assert caught.value.name == "FutureCursor"
