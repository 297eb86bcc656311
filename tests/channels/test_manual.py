"""The manual channel: a person who follows the steps at a form that has limits, and what they then state."""

import datetime as dt
import hashlib
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import pytest
from tests.channels.conformance import ChannelConformance, withdrawal_of
from tests.channels.samples import SENT_AT, document

from seawall.channels import (
    Address,
    Channel,
    ChannelError,
    Equipment,
    NotCarried,
    ReceiptInvalid,
    ReferralDocument,
    Withdrawal,
)
from seawall.channels.manual import (
    Instructions,
    ManualChannel,
    NeedsPerson,
    Statement,
    StatementInvalid,
    instructions,
)
from seawall.outbound import Outbound

GUIDE = """
# the fields of the platform's form, as it names them
Link: {url}
- Reason: Threats
Tell us more [max 1500]: {message}
Your own number: {reference}
"""
PICTURE = hashlib.sha256(b"a picture").hexdigest()


@dataclass
class Form:
    """A platform's own form: fields with limits, all of which must be known; it gives each report a number."""

    limits: dict[str, int]
    reports: list[dict[str, str]] = field(default_factory=list)

    def submit(self, fields: dict[str, str]) -> str:
        for name, text in fields.items():
            assert len(text.encode("utf-16-le")) // 2 <= self.limits[name], f"{name} does not take so much"
        self.reports.append(fields)
        return f"T-{len(self.reports)}"


@dataclass
class Desk:
    """A person who hands over what is asked for, and a hub that keeps what they state."""

    form: Form
    address: Address
    present: dt.datetime = SENT_AT
    stated: dict[str, Statement] = field(default_factory=dict)
    away: bool = False

    def follow(self, steps: Instructions, sent: ReferralDocument | Withdrawal) -> None:
        assert steps.page == self.address.endpoint
        reference = self.form.submit({filled.name: filled.text for filled in steps.fields})
        self.stated[sent.sha256()] = Statement(reference=reference, submitted_at=self.present, by="Robin Sample")

    def asked(self, sent: ReferralDocument | Withdrawal) -> Statement | None:
        if not self.away and sent.sha256() not in self.stated:
            self.follow(instructions(sent, self.address, hub_url="https://hub.example"), sent)
        return self.stated.get(sent.sha256())


@dataclass
class ManualRig:
    desk: Desk
    channel: ManualChannel
    address: Address
    nowhere: Address

    def document(self, outcome: str, **changes: Any) -> ReferralDocument:
        return document(sent_at=self.now().isoformat(), **changes)

    def now(self) -> dt.datetime:
        return self.desk.present

    def settle(self) -> None:
        self.desk.present += dt.timedelta(days=40)

    def held(self, document: ReferralDocument) -> list[str]:
        about = ["\n".join(report.values()) for report in self.desk.form.reports]
        mine = [text for text in about if str(document.referral_id) in text]
        taken_back = [text for text in mine if "WITHDRAWN" in text]
        return ["\n".join([text, *taken_back]) for text in mine if text not in taken_back]


@pytest.fixture
def rig() -> ManualRig:
    address = Address(
        "https://platform.example/report", settings={"guide": GUIDE, "withdrawal_guide": "Tell us more: {message}"}
    )
    desk = Desk(Form({"Link": 500, "Reason": 50, "Tell us more": 1_500, "Your own number": 36}), address)
    return ManualRig(desk, ManualChannel(desk.asked), address, replace(address, endpoint="https://nowhere.example/"))


class TestManual(ChannelConformance):
    def test_nobody_there_may_be_tried_again(self, rig: ManualRig) -> None:  # type: ignore[override]
        """No machine is asked, so nothing fails in passing: it waits for a person, and then the same call succeeds."""
        made, key = rig.document("actioned"), str(uuid4())
        rig.desk.away = True
        with pytest.raises(NeedsPerson) as caught:
            rig.channel.send(rig.address, made, idempotency_key=key, at=rig.now())
        assert not caught.value.retryable
        rig.desk.follow(caught.value.instructions, made)
        receipt = rig.channel.send(rig.address, made, idempotency_key=key, at=rig.now())
        assert receipt.reference == "T-1"
        assert len(rig.held(made)) == 1


class TestWaitingForAPerson:
    def test_hub_without_statements_is_told_what_to_do(self, rig: ManualRig) -> None:
        with Outbound() as outbound:
            channel = ManualChannel.equipped(
                Equipment(outbound, hub_url="https://hub.example", contact="desk@hub.example")
            )
        assert isinstance(channel, Channel)
        made = rig.document("actioned")
        with pytest.raises(NeedsPerson, match=r"hand this referral over by the form at platform\.example") as caught:
            channel.send(rig.address, made, idempotency_key="k")
        (more,) = [filled.text for filled in caught.value.instructions.fields if filled.name == "Tell us more"]
        assert f"https://hub.example, under the number {made.referral_id}, or write to desk@hub.example." in more
        withdrawal = withdrawal_of(made, rig.now())
        with pytest.raises(NeedsPerson, match="hand this withdrawal over") as caught:
            channel.withdraw(rig.address, "T-77", withdrawal, idempotency_key="k")
        (more,) = [filled.text for filled in caught.value.instructions.fields]
        assert "Your reference: T-77" in more

    def test_statement_about_the_referral_is_none_about_its_withdrawal(self, rig: ManualRig) -> None:
        made = rig.document("actioned")
        rig.channel.send(rig.address, made, idempotency_key="k", at=rig.now())
        rig.desk.away = True
        with pytest.raises(NeedsPerson):
            rig.channel.withdraw(rig.address, "T-1", withdrawal_of(made, rig.now()), idempotency_key="k", at=rig.now())

    def test_statement_that_is_there_counts_although_the_guide_is_broken_since(self, rig: ManualRig) -> None:
        made = rig.document("actioned")
        rig.channel.send(rig.address, made, idempotency_key="k", at=rig.now())
        broken = replace(rig.address, settings={"guide": "{"})
        assert rig.channel.send(broken, made, idempotency_key="k", at=rig.now()).reference == "T-1"

    def test_false_statement_is_not_tried_again_silently(self, rig: ManualRig) -> None:
        made = rig.document("actioned")
        rig.desk.present += dt.timedelta(hours=1)
        with pytest.raises(StatementInvalid, match="after the present") as caught:
            rig.channel.send(rig.address, made, idempotency_key="k", at=SENT_AT)
        assert not caught.value.retryable

    def test_question_of_the_platform_is_left_to_a_person(self, rig: ManualRig) -> None:
        with pytest.raises(NotCarried, match=r"where it asked, and write that down here\.$"):
            rig.channel.inform(rig.address, "T-1", "text", "k")

    def test_address_that_cannot_be_opened_is_an_error_and_no_task(self, rig: ManualRig) -> None:
        rig.desk.away = True
        with pytest.raises(ChannelError, match="not a web address") as caught:
            rig.channel.send(replace(rig.address, endpoint="mailto:a@b.example"), document(), idempotency_key="k")
        assert not isinstance(caught.value, NeedsPerson)


class TestStatements:
    def stated(self, **changes: Any) -> Any:
        given: dict[str, Any] = {
            "reference": "T-1",
            "submitted_at": SENT_AT + dt.timedelta(minutes=10),
            "by": "Robin Sample",
            "at": SENT_AT + dt.timedelta(hours=1),
            **changes,
        }
        return ManualChannel.stated(given.pop("document", document()), **given)

    def test_receipt_keeps_who_when_and_the_digest_of_the_picture(self) -> None:
        made = document()
        receipt = self.stated(document=made, note="The page said:\nthank you.", evidence_sha256=PICTURE)
        assert (receipt.reference, receipt.referral_id) == ("T-1", str(made.referral_id))
        assert receipt.document_sha256 == made.sha256()
        assert receipt.received_at == SENT_AT + dt.timedelta(minutes=10)
        assert receipt.to_dict()["schema"] == "seawall-handover/1"
        assert receipt.to_dict()["proof"] == "stated"
        assert receipt.evidence == {
            "by": "Robin Sample",
            "submitted_at": "2026-11-02T09:40:00.000000Z",
            "platform_reference": "T-1",
            "note": "The page said:\nthank you.",
            "evidence_sha256": PICTURE,
        }

    def test_withdrawal_is_stated_in_the_same_way(self) -> None:
        withdrawal = withdrawal_of(document(), SENT_AT)
        assert self.stated(document=withdrawal).document_sha256 == withdrawal.sha256()

    def test_platform_that_gave_no_number_is_known_by_the_referral_s(self) -> None:
        made = document()
        receipt = self.stated(document=made, reference="  ")
        assert receipt.reference == str(made.referral_id)
        assert receipt.evidence["platform_reference"] is None

    def test_time_in_another_zone_is_the_same_time(self) -> None:
        summer = dt.timezone(dt.timedelta(hours=2))
        receipt = self.stated(submitted_at=(SENT_AT + dt.timedelta(minutes=10)).astimezone(summer))
        assert receipt.received_at == SENT_AT + dt.timedelta(minutes=10)
        assert receipt.received_at.tzinfo is dt.UTC

    @pytest.mark.parametrize("minutes", [-5, 0, 60, 65])
    def test_five_minutes_of_disagreement_are_allowed(self, minutes: int) -> None:
        at = SENT_AT + dt.timedelta(minutes=minutes)
        assert self.stated(submitted_at=at).received_at == at

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"submitted_at": SENT_AT - dt.timedelta(minutes=6)}, r"before it was sent off at 2026-11-02T09:30"),
            ({"submitted_at": SENT_AT + dt.timedelta(minutes=66)}, r"after the present, 2026-11-02T10:30"),
            ({"submitted_at": dt.datetime(2026, 11, 2, 9, 40)}, "not a time with a zone"),  # noqa: DTZ001
            ({"submitted_at": "2026-11-02T09:40:00Z"}, "not a time with a zone"),
            ({"submitted_at": dt.date(2026, 11, 2)}, "not a time with a zone"),
            ({"reference": "T 1"}, "printable ASCII characters without spaces"),
            ({"reference": "№1"}, "printable ASCII characters without spaces"),
            ({"reference": "T-1\r\nX: 1"}, "printable ASCII characters without spaces"),
            ({"reference": "x" * 201}, "at most 200"),
            ({"reference": None}, "reference is not a text"),
            ({"by": ""}, "who handed it over"),
            ({"by": " "}, "who handed it over"),
            ({"by": "Robin\nSample"}, "who handed it over"),
            ({"by": "x" * 301}, "at most 300"),
            ({"by": 7}, "name of the person is not a text"),
            ({"note": "a\x00b"}, "note is not a text"),
            ({"note": "half \ud83d"}, "note is not a text"),
            ({"note": "x" * 5_001}, "at most 5,000"),
            ({"evidence_sha256": ""}, "64 lower-case"),
            ({"evidence_sha256": PICTURE.upper()}, "64 lower-case"),
            ({"evidence_sha256": PICTURE + "\n"}, "digest of the picture is not"),
            ({"evidence_sha256": b"x"}, "digest of the picture is not"),
        ],
    )
    def test_statement_that_cannot_be_true_or_kept_says_what_to_correct(
        self, changes: dict[str, Any], said: str
    ) -> None:
        with pytest.raises(StatementInvalid, match=said) as caught:
            self.stated(**changes)
        assert isinstance(caught.value, ReceiptInvalid)
        assert not caught.value.retryable
        assert str(caught.value).endswith(".")
