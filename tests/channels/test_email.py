"""The email channel against real mail servers on loopback: what a platform gets."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.channels.conformance import ChannelConformance, withdrawal_of
from tests.channels.mailbox import (
    ABUSE,
    AUTHENTICATED_IN_THE_CLEAR,
    PASSWORD,
    SECRET,
    MailRig,
    Running,
    channel_to,
    guarded,
    part,
    serving,
)
from tests.channels.notice_samples import FORMAL, ORDER, formal_notice, removal_order
from tests.channels.samples import LEGAL, SENT_AT, TERM, document

from seawall.channels import ChannelError, ReferralDocument
from seawall.channels.email import Attachment
from seawall.channels.email_replies import MARKER
from seawall.channels.email_tokens import referral_of, token_for

pytestmark = AUTHENTICATED_IN_THE_CLEAR


@pytest.fixture
def running() -> Iterator[Running]:
    yield from serving()


@pytest.fixture
def rig(running: Running) -> MailRig:
    return guarded(running)


class TestEmail(ChannelConformance):
    pass


NOTICE = {
    "kind": "notice_of_illegality",
    "grounds": {"legal": [LEGAL], "term": TERM},
    "referrer": {"organisation": "Example Police", "type": "police", "state_body": True},
}


def test_the_mail_is_laid_out_as_a_notice_and_says_it_three_times(rig: MailRig) -> None:
    made = document(**NOTICE)
    channel = channel_to(
        rig.channel._mail.port, user="hub", password=PASSWORD, hub_url="https://hub.example", contact="+44 0000"
    )
    receipt = channel.send(ABUSE, made, idempotency_key="k", at=SENT_AT)
    (mail,) = rig.desk.mails()
    reply = f"referrals+{receipt.reference}@hub.example"
    assert mail["Subject"] == (
        "DEMONSTRATION: Notice of illegality: Threat of violence, from a body of the state "
        f"[referral {made.referral_id}]"
    )
    assert (mail["From"], mail["To"], mail["Reply-To"]) == (
        "Example hub <hub@hub.example>",
        "abuse@platform.example",
        f"Example hub <{reply}>",
    )
    assert rig.desk.envelopes[0].mail_from == reply, "bounces come back to the referral's own address"
    assert (mail["Auto-Submitted"], mail["Precedence"]) == ("auto-generated", None)
    assert mail["Date"].datetime == made.sent_at
    for kind in ("text/plain", "text/html"):
        text = part(mail, kind)
        for said in (
            MARKER,
            "DEMONSTRATION",
            "article 16(2) of Regulation (EU) 2022/2065",
            str(made.referral_id),
            "https://platform.example/posts/p1",
            made.content.text_sha256,
            "The post threatens a named person.",
            "Offences against the Person Act 1861, section 16",
            "Element 2, met",
            "It is addressed to the person by name.",
            "Lawful excuse",
            "as of 2026-03-01",
            "Community rule 4",
            "Example Police (police, a body of the state), through Example hub",
            reply,
            "+44 0000",
            "believes in good faith",
            "Remove the post",
            "Within 1 hour of receipt",
            "Decision:",
            f"Reference: {receipt.reference}",
            "https://hub.example",
        ):
            assert said in text, f"{said} is missing in {kind}"
    (attached,) = mail.iter_attachments()
    assert attached.get_filename() == f"referral-{made.referral_id}.json"
    assert attached.get_content_type() == "application/json"
    assert attached.get_content() == made.to_json()
    assert "appealed" not in part(mail, "text/plain"), "only a formal notice is appealed against"


@pytest.mark.parametrize(("made", "part_of_law"), [(formal_notice(), FORMAL), (removal_order(), ORDER)])
def test_every_particular_of_a_notice_or_an_order_is_told(
    rig: MailRig, made: ReferralDocument, part_of_law: dict[str, Any]
) -> None:
    rig.channel.send(ABUSE, made, idempotency_key="k")
    (mail,) = rig.desk.mails()
    said = [each for value in part_of_law.values() for each in (value.values() if isinstance(value, dict) else [value])]
    assert len(said) > 12
    for kind in ("text/plain", "text/html"):
        text = part(mail, kind)
        for value in said:
            shown = {True: "yes"}.get(value) if isinstance(value, bool) else str(value)
            if re.fullmatch(r"2026-\d\d-\d\dT[\d:]{8}Z", str(value)):
                shown = value.replace("T", " ").replace("Z", " UTC")
            assert shown in text, f"{value} is missing in {kind}"
    assert ("appealed" in part(mail, "text/plain")) is (made.kind == "formal_notice")
    assert ("Before 2026-11-04 09:15:00 UTC" in part(mail, "text/plain")) is (made.kind == "formal_notice")


def test_html_loads_nothing_and_leads_only_to_a_reply(rig: MailRig) -> None:
    rig.channel.send(ABUSE, document(explanation="<img src=https://x.example/a.png> & <script>"), idempotency_key="k")
    html = part(rig.desk.mails()[0], "text/html")
    assert "<img" not in html
    assert "<script" not in html
    assert "src=" not in html.replace("&lt;img src=", "")
    assert html.count("href=") == html.count('href="mailto:referrals%2B') > 10


def test_receipt_says_what_the_mail_server_said_and_no_more(rig: MailRig) -> None:
    made = document()
    receipt = rig.channel.send(ABUSE, made, idempotency_key="k", at=SENT_AT)
    assert referral_of(receipt.reference, SECRET) == made.referral_id
    assert receipt.evidence == {
        "message_id": f"<referral.{made.referral_id}@hub.example>",
        "server": f"127.0.0.1:{rig.channel._mail.port}",
        "security": "none",
        "said": "250 2.0.0 Ok: queued as 4F2A11",
        "accepted": ["abuse@platform.example"],
        "refused": {},
    }


def test_a_repetition_is_the_same_mail_to_the_byte(rig: MailRig) -> None:
    made = document(**NOTICE)
    for key in ("one", "one", "two"):
        rig.channel.send(ABUSE, made, idempotency_key=key)
    first, *others = rig.desk.raw()
    assert others == [first, first]


def test_what_follows_joins_the_thread_under_ids_of_its_own(rig: MailRig) -> None:
    made = document()
    channel = channel_to(
        rig.channel._mail.port, user="hub", password=PASSWORD, reply_to=f"referrals@{'a' * 50}.{'b' * 50}.hub.example"
    )
    receipt = channel.send(ABUSE, made, idempotency_key="k", at=SENT_AT)
    for key in ("k1", "k1", "k2"):
        channel.inform(ABUSE, receipt.reference, "The second sentence\r\nis the threat.", key)
    channel.withdraw(ABUSE, receipt.reference, withdrawal_of(made, SENT_AT), idempotency_key="k1")
    first, *follow = [mail["Message-ID"] for mail in rig.desk.mails()]
    assert [follow[0] == follow[1], len({first, *follow})] == [True, 4]
    for mail in rig.desk.mails()[1:]:
        assert mail["In-Reply-To"] == mail["References"] == first
        assert f"+{receipt.reference}@" in mail["Reply-To"]
    assert all(b"\r\nReferences: <referral." in raw for raw in rig.desk.raw()[1:]), "an encoded id names no mail"
    assert "The second sentence is the threat." in part(rig.desk.mails()[1], "text/plain")
    (attached,) = rig.desk.mails()[-1].iter_attachments()
    assert attached.get_content() == withdrawal_of(made, SENT_AT).to_json()


@pytest.mark.parametrize("reference", ["", "R-1", "a" * 40, token_for(UUID(int=7), b"another hub")])
def test_reference_that_is_not_ours_is_refused_before_anything_is_sent(rig: MailRig, reference: str) -> None:
    with pytest.raises(ChannelError, match="not one that this hub") as caught:
        rig.channel.inform(ABUSE, reference, "x", "k")
    assert not caught.value.retryable
    other = document()
    with pytest.raises(ChannelError, match="another referral") as caught:
        rig.channel.withdraw(
            ABUSE, token_for(uuid4(), SECRET), withdrawal_of(other, SENT_AT), idempotency_key="k", at=SENT_AT
        )
    assert not caught.value.retryable
    assert rig.desk.envelopes == []


def test_further_files_are_attached_and_bounded(rig: MailRig) -> None:
    def files(made: ReferralDocument) -> list[Attachment]:
        return [Attachment(f'notice\r\nX: y/"{made.kind}".pdf', "application/pdf", content)]

    content = b"%PDF-1.7 \x00\xff"
    port = rig.channel._mail.port
    channel = channel_to(port, user="hub", password=PASSWORD, attachments=files)
    channel.send(ABUSE, document(), idempotency_key="k")
    _, pdf = rig.desk.mails()[0].iter_attachments()
    assert (pdf.get_content_type(), pdf.get_content()) == ("application/pdf", content)
    assert pdf.get_filename() == "notice X_ y__voluntary_.pdf"
    content = bytes(10_000_001)
    with pytest.raises(ChannelError, match="longer than 10,000,000 bytes") as caught:
        channel.send(ABUSE, document(), idempotency_key="k")
    assert not caught.value.retryable
    for content, kind in ((b"x", "pdf"), (b"x", "message/rfc822"), (b"x", "a/b\r\nX: y")):
        channel = channel_to(
            port, attachments=lambda made, content=content, kind=kind: [Attachment("x", kind, content)]
        )
        with pytest.raises(ChannelError, match="not the type of an attachment"):
            channel.send(ABUSE, document(), idempotency_key="k")


@pytest.mark.parametrize("text", ["", " \n", "x" * 20_001])
def test_information_that_says_nothing_or_too_much(rig: MailRig, text: str) -> None:
    with pytest.raises(ChannelError, match="1 to 20,000") as caught:
        rig.channel.inform(ABUSE, token_for(uuid4(), SECRET), text, "k")
    assert not caught.value.retryable


def test_nothing_from_outside_becomes_a_header_or_a_line_of_ours(rig: MailRig) -> None:
    evil = "x\r\nBcc: victim@else.example\r\n\r\nDecision: removed\n\n.\r\nMAIL FROM:<a@b.example>\u202e\x85y"
    made = document(
        harm={"id": "vio-threat", "title": evil, "code_version": "v\n1"},
        explanation=evil,
        content={"native_id": evil, "url": f"https://platform.example/{evil}", "text_sha256": "0" * 64},
        referrer={"organisation": evil, "type": "hub", "state_body": False},
        grounds={"legal": [{**LEGAL, "act": evil, "section": evil}], "term": {"rule": evil, "dated": "2026-03-01"}},
    )
    channel = channel_to(rig.channel._mail.port, user="hub", password=PASSWORD, hub_url=evil, contact=evil)
    channel.send(ABUSE, made, idempotency_key=evil)
    (envelope,), (mail,) = rig.desk.envelopes, rig.desk.mails()
    assert envelope.rcpt_tos == ["abuse@platform.example"]
    assert set(mail) == {
        *("From", "Reply-To", "To", "Subject", "Auto-Submitted", "Message-ID", "Date", "MIME-Version", "Content-Type")
    }
    plain = mail.get_body(("plain",))
    assert plain is not None
    lines = plain.get_content().splitlines()
    assert [line for line in lines if line.startswith(("Decision:", "MAIL", "Bcc"))] == []
    assert "\u202e" not in plain.get_content()
    assert "https://platform.example/x%0D%0ABcc:%20victim" in plain.get_content()
