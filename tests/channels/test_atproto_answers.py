"""What an Ozone did about a report, as answers."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.channels.atproto_service import (
    AUTHOR,
    GET_EVENT,
    MODERATOR,
    QUERY_EVENTS,
    REPORTER,
    D,
    OzoneRig,
    rigged,
)
from tests.support.xrpc import Says

from seawall.channels import AnswerInvalid, ChannelError, ReferralDocument


@pytest.fixture
def rig() -> Iterator[OzoneRig]:
    with rigged() as made:
        yield made


class TestAnswers:
    def test_there_are_none_where_the_account_may_not_look(self, rig: OzoneRig) -> None:
        receipt = rig.send()
        assert rig.channel.answers(rig.address, receipt.reference) == []
        assert rig.service.count(QUERY_EVENTS) == 0

    def told(self, rig: OzoneRig, made: ReferralDocument, reference: str) -> list[tuple[Any, ...]]:
        answers = rig.channel.answers(rig.reading, reference)
        assert [int(answer.answer_id) for answer in answers] == sorted({int(answer.answer_id) for answer in answers})
        assert all(answer.proof == "acknowledged" and answer.reference == reference for answer in answers)
        return [(answer.status, answer.reason_code, answer.puid, answer.actions) for answer in answers]

    def test_review_and_takedown(self, rig: OzoneRig) -> None:
        made = rig.document()
        reference = rig.send(made).reference
        assert self.told(rig, made, reference) == [("QUEUED", None, None, ())]
        rig.service.event("modEventTag", rig.uri(made), add=["report:violence"])
        rig.service.event("modEventEscalate", rig.uri(made))
        taken = rig.service.event(
            "modEventTakedown", rig.uri(made), comment="A threat.", durationInHours=24, policies=["one"], blobs=["b"]
        )
        rig.service.event("modEventAcknowledge", rig.uri(made))
        assert self.told(rig, made, reference)[1:] == [
            ("PROCESSING", None, None, ()),
            ("COMPLETED", "ACTIONED", str(taken["id"]), ("takedown of the post", "takedown of 1 of its files")),
        ]
        last = rig.channel.answers(rig.reading, reference)[-1]
        assert last.detail == "For 24 hours. Under the service's one. A threat."
        assert rig.channel.answers(rig.reading, reference, after=str(taken["id"])) == []
        assert rig.channel.answers(rig.reading, reference, after=reference)[-1] == last

    def test_closing_without_action_is_a_refusal(self, rig: OzoneRig) -> None:
        made = rig.document()
        reference = rig.send(made).reference
        rig.service.event("modEventAcknowledge", rig.uri(made), comment="A lyric.")
        assert self.told(rig, made, reference)[-1] == ("COMPLETED", "REVIEWED_NO_ACTION", None, ())
        assert rig.channel.answers(rig.reading, reference)[-1].detail == "A lyric."

    def test_label_is_an_action_and_its_removal_takes_it_back(self, rig: OzoneRig) -> None:
        made = rig.document()
        reference = rig.send(made).reference
        event = rig.service.event("modEventLabel", rig.uri(made), createLabelVals=["!hide"], negateLabelVals=[])
        rig.service.event(
            "modEventLabel", rig.uri(made), createLabelVals=[], negateLabelVals=["!hide"], comment="Sorry."
        )
        assert self.told(rig, made, reference)[1:] == [
            ("COMPLETED", "ACTIONED", str(event["id"]), ("label !hide",)),
            ("COMPLETED", "REVIEWED_NO_ACTION", None, ()),
        ]

    def test_takedown_that_is_reversed_is_told(self, rig: OzoneRig) -> None:
        made = rig.document()
        reference = rig.send(made).reference
        taken = rig.service.event("modEventTakedown", rig.uri(made))
        rig.service.event("modEventReverseTakedown", rig.uri(made), comment="On appeal.")
        assert self.told(rig, made, reference)[-1] == ("COMPLETED", "REVIEWED_NO_ACTION", None, ())
        detail = rig.channel.answers(rig.reading, reference)[-1].detail
        assert detail == f"The takedown {taken['id']} was taken back. On appeal."

    def test_takedown_of_the_account_counts(self, rig: OzoneRig) -> None:
        made = rig.document()
        reference = rig.send(made).reference
        taken = rig.service.event("modEventTakedown", AUTHOR)
        rig.service.event("modEventTakedown", MODERATOR)
        assert self.told(rig, made, reference)[1:] == [
            ("COMPLETED", "ACTIONED", str(taken["id"]), ("takedown of the account",))
        ]

    def test_what_was_down_before_the_report_is_not_credited_to_it(self, rig: OzoneRig) -> None:
        made = rig.document()
        before = rig.service.event("modEventTakedown", rig.uri(made))
        reference = rig.send(made).reference
        assert len(self.told(rig, made, reference)) == 1
        rig.service.event("modEventAcknowledge", rig.uri(made))
        assert self.told(rig, made, reference)[1:] == [
            ("COMPLETED", "CONTENT_DOWN_OR_INACCESSIBLE", str(before["id"]), ())
        ]

    def test_label_from_before_the_report_is_named_when_it_is_closed(self, rig: OzoneRig) -> None:
        made = rig.document()
        before = rig.service.event("modEventLabel", rig.uri(made), createLabelVals=["threat"], negateLabelVals=[])
        reference = rig.send(made).reference
        rig.service.event("modEventAcknowledge", rig.uri(made))
        assert self.told(rig, made, reference)[1:] == [("COMPLETED", "ACTIONED", str(before["id"]), ("label threat",))]

    def test_author_s_own_deletion_is_no_action(self, rig: OzoneRig) -> None:
        made = rig.document()
        reference = rig.send(made).reference
        rig.service.event("recordEvent", rig.uri(made), op="update")
        rig.service.event("recordEvent", rig.uri(made), op="delete")
        assert self.told(rig, made, reference)[1:] == [("COMPLETED", "CONTENT_DOWN_OR_INACCESSIBLE", None, ())]

    def test_this_hub_s_own_acts_answer_nothing(self, rig: OzoneRig) -> None:
        made = rig.document()
        reference = rig.send(made).reference
        rig.service.event("modEventTakedown", rig.uri(made), by=REPORTER)
        assert len(self.told(rig, made, reference)) == 1

    def test_muted_reporter_is_told_that_nobody_reads(self, rig: OzoneRig) -> None:
        made = rig.document()
        reference = rig.send(made).reference
        rig.service.events[-1]["event"]["isReporterMuted"] = True
        (answer,) = rig.channel.answers(rig.reading, reference)
        assert answer.status == "RECEIVED"
        assert "muted" in answer.detail

    def test_many_events_are_read_to_the_end(self, rig: OzoneRig) -> None:
        made = rig.document()
        reference = rig.send(made).reference
        for _ in range(250):
            rig.service.event("modEventEscalate", rig.uri(made))
        assert len(self.told(rig, made, reference)) == 251
        for _ in range(800):
            rig.service.event("modEventEscalate", rig.uri(made))
        with pytest.raises(AnswerInvalid, match="more than 1000 events"):
            rig.channel.answers(rig.reading, reference)

    def test_report_of_somebody_else_is_not_read(self, rig: OzoneRig) -> None:
        made = rig.document()
        other = rig.service.event("modEventReport", rig.uri(made), by=MODERATOR)
        with pytest.raises(AnswerInvalid, match="not this hub's report"):
            rig.channel.answers(rig.reading, str(other["id"]))

    @pytest.mark.parametrize("reference", ["", "x", "1;2", "²", "9" * 30])
    def test_odd_reference_is_refused(self, rig: OzoneRig, reference: str) -> None:
        with pytest.raises(ChannelError) as caught:
            rig.channel.answers(rig.reading, reference)
        assert not caught.value.retryable
        assert rig.service.calls == []

    def test_unknown_reference_is_refused_for_good(self, rig: OzoneRig) -> None:
        with pytest.raises(ChannelError, match="not found") as caught:
            rig.channel.answers(rig.reading, "4242")
        assert not caught.value.retryable

    def test_account_without_the_right_is_told_what_to_do(self, rig: OzoneRig) -> None:
        rig.service.team.clear()
        with pytest.raises(ChannelError, match="leave the setting moderator empty") as caught:
            rig.channel.answers(rig.reading, "1")
        assert not caught.value.retryable

    @pytest.mark.parametrize(
        "event",
        [
            None,
            {},
            {"id": True, "createdBy": MODERATOR, "event": {"$type": f"{D}modEventTakedown"}},
            {"id": 9, "createdBy": None, "event": {"$type": f"{D}modEventTakedown"}},
            {"id": 9, "createdBy": MODERATOR, "event": {"$type": 5}},
            {"id": 9, "createdBy": MODERATOR, "event": {"$type": f"{D}modEventTakedown"}, "createdAt": "soon"},
        ],
    )
    def test_odd_event_is_not_passed_over(self, rig: OzoneRig, event: Any) -> None:
        reference = rig.send().reference
        rig.service.refuses[QUERY_EVENTS] = [Says(value={"events": [event]})]
        with pytest.raises(AnswerInvalid, match=r"\.$"):
            rig.channel.answers(rig.reading, reference)

    def test_odd_words_in_an_event_do_no_harm(self, rig: OzoneRig) -> None:
        made = rig.document()
        reference = rig.send(made).reference
        rig.service.event(
            "modEventLabel", rig.uri(made), createLabelVals=["ok", 5, "a\nb", "x" * 9_000], comment="\x00" * 9_000
        )
        (_, answer) = rig.channel.answers(rig.reading, reference)
        assert answer.actions == ("label ok", "label " + "x" * 128)
        assert "\x00" not in json.dumps(answer.to_dict())

    @pytest.mark.parametrize("value", [{}, {"events": None}, {"events": {}}])
    def test_odd_list_is_not_believed(self, rig: OzoneRig, value: Any) -> None:
        reference = rig.send().reference
        rig.service.refuses[QUERY_EVENTS] = [Says(value=value)]
        with pytest.raises(AnswerInvalid, match="not a list of events"):
            rig.channel.answers(rig.reading, reference)

    @pytest.mark.parametrize("subject", [None, {}, {"uri": 5}, {"uri": "https://elsewhere.example"}, {"did": AUTHOR}])
    def test_odd_subject_is_not_believed(self, rig: OzoneRig, subject: Any) -> None:
        made = rig.document()
        reference = rig.send(made).reference
        (report,) = rig.service.reports()
        rig.service.refuses[GET_EVENT] = [Says(value={**report, "subject": subject})]
        with pytest.raises(AnswerInvalid, match="which post"):
            rig.channel.answers(rig.reading, reference)

    def test_label_that_is_taken_back_while_a_takedown_stands_is_no_answer(self, rig: OzoneRig) -> None:
        made = rig.document()
        reference = rig.send(made).reference
        rig.service.event("modEventLabel", rig.uri(made), createLabelVals=["rude"], negateLabelVals=[])
        rig.service.event("modEventTakedown", rig.uri(made))
        rig.service.event("modEventLabel", rig.uri(made), createLabelVals=[], negateLabelVals=["rude"])
        assert [status for status, *_ in self.told(rig, made, reference)] == ["QUEUED", "COMPLETED", "COMPLETED"]
