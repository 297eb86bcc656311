"""Mail that comes back: answers, words, automatic mail, bounces, and whatever else somebody may send."""

import base64
import datetime as dt
import json
import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any, get_args
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.channels.mailbox import ABUSE, Desk, Running, channel_to, serving
from tests.channels.samples import SENT_AT, document

from seawall.channels.email_replies import (
    DECISIONS,
    MARKER,
    MAX_READ,
    Kind,
    Reply,
    ReplyRefused,
    read,
)
from seawall.channels.email_text import MAX_TEXT, text_of_html
from seawall.channels.email_tokens import referral_of, reply_secret, token_for


@pytest.fixture
def running() -> Iterator[Running]:
    yield from serving()


SECRET = b"\x05" * 32
REFERRAL = UUID("6f1c1a80-7d52-4a52-9d0f-0d7cf8f0a001")
TOKEN = token_for(REFERRAL, SECRET)
OTHER = token_for(UUID("6f1c1a80-7d52-4a52-9d0f-0d7cf8f0a002"), SECRET)
ADDRESS = f"referrals+{TOKEN}@hub.example"
ARRIVED = SENT_AT + dt.timedelta(hours=1)
FORM = f"Decision: removed\nReference: {TOKEN}\nPuid: harbour-17\nDetail: It breaks rule 4.\n"


def mail(text: str = "", **headers: str) -> EmailMessage:
    """A reply as a person's mail program writes it."""
    made = EmailMessage()
    named = {"From": "Robin <robin@platform.example>", "To": ADDRESS, "Message-ID": "<1@platform.example>"}
    for name, value in {**named, **{name.replace("_", "-"): value for name, value in headers.items()}}.items():
        if value:
            made[name] = value
    made.set_content(text)
    return made


def got(made: EmailMessage | bytes, **known: Any) -> Reply:
    return read(made if isinstance(made, bytes) else made.as_bytes(), SECRET, arrived_at=ARRIVED, **known)


def refused(made: EmailMessage | bytes, **known: Any) -> str:
    with pytest.raises(ReplyRefused, match=r"\.$") as caught:
        got(made, **known)
    return caught.value.reason


class TestToken:
    def test_it_is_bound_to_the_referral_and_the_hub(self) -> None:
        assert referral_of(TOKEN, SECRET) == referral_of(TOKEN.upper(), SECRET) == REFERRAL
        assert referral_of(TOKEN, b"\x06" * 32) is None
        assert len({TOKEN, OTHER, token_for(REFERRAL, b"\x06" * 32)}) == 3

    def test_every_changed_character_is_noticed(self) -> None:
        for place in range(40):
            changed = TOKEN[:place] + ("a" if TOKEN[place] != "a" else "b") + TOKEN[place + 1 :]
            assert referral_of(changed, SECRET) is None

    @pytest.mark.parametrize(
        "wrong", ["", TOKEN[:-1], TOKEN + "a", "8" * 40, "é" * 40, TOKEN[:-1] + "\n", "\u017f" * 40, "\u212a" * 40]
    )
    def test_what_is_no_token(self, wrong: str) -> None:
        assert referral_of(wrong, SECRET) is None

    def test_the_secret_comes_of_the_key_and_does_not_show_it(self) -> None:
        key = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
        assert reply_secret(key) == reply_secret(Ed25519PrivateKey.from_private_bytes(b"\x07" * 32))
        assert reply_secret(key) != reply_secret(Ed25519PrivateKey.from_private_bytes(b"\x08" * 32))
        assert key.private_bytes_raw() not in reply_secret(key)
        assert reply_secret(key).hex() == "c22d24faeec1349c827d134a483a987eaea70bb6f6b4761cf7b45388b52bf8f6", (
            "another secret would orphan every address that is in use"
        )


class TestWhichReferral:
    @pytest.mark.parametrize("name", ["Delivered-To", "X-Original-To", "Envelope-To", "To", "Cc"])
    def test_the_address_may_stand_in_each_of_these(self, name: str) -> None:
        made = mail("Thank you.", To="hub@hub.example")
        del made[name]
        made[name] = f'"Hub, the" <{ADDRESS.upper()}>'
        assert got(made).referral_id == REFERRAL
        assert got(made).reference == TOKEN

    def test_the_envelope_is_enough_and_goes_first(self) -> None:
        assert got(mail(To="hub@hub.example"), recipients=[ADDRESS]).referral_id == REFERRAL
        assert got(mail(To=f"referrals+{OTHER}@hub.example"), recipients=[ADDRESS]).reference == TOKEN

    def test_a_reference_line_above_the_quotation_is_enough(self) -> None:
        assert got(mail(FORM, To="hub@hub.example")).kind == "answer"
        assert refused(mail("\n".join(f"> {line}" for line in FORM.split("\n")), To="hub@hub.example")) == "no_token"

    def test_without_a_token_there_is_no_reply(self) -> None:
        assert refused(mail(FORM.replace(TOKEN, "R-17"), To="referrals@hub.example")) == "no_token"
        assert refused(b"") == "no_token"

    def test_a_token_that_was_made_up_is_named_as_such(self) -> None:
        assert refused(mail(To=f"referrals+{'a' * 40}@hub.example")) == "false_token"

    def test_two_referrals_at_once_are_left_to_a_person(self) -> None:
        assert refused(mail(To=f"{ADDRESS}, referrals+{OTHER}@hub.example")) == "several_referrals"

    def test_whoever_holds_one_token_cannot_answer_for_another_referral(self) -> None:
        reply = got(mail(FORM.replace(TOKEN, OTHER)))
        assert (reply.kind, reply.referral_id, reply.answer) == ("words", REFERRAL, None)
        assert "another reference" in reply.problem


class TestAnswers:
    @pytest.mark.parametrize("word", DECISIONS)
    def test_each_word_of_the_form(self, word: str) -> None:
        reply = got(mail(FORM.replace("removed", word)))
        assert reply.kind == "answer", reply.problem
        assert reply.answer is not None
        decision = DECISIONS[word]
        assert (reply.answer.status, reply.answer.reason_code) == (decision.status, decision.reason_code)
        assert reply.answer.actions == decision.actions
        assert (reply.answer.puid, reply.answer.detail) == ("harbour-17", "It breaks rule 4.")
        assert (reply.answer.proof, reply.answer.reference, reply.answer.at) == ("stated", TOKEN, ARRIVED)

    @pytest.mark.parametrize(
        "written",
        [
            "decision: Removed.\npuid: h-1",
            "*Decision:* *removed*\n*Puid:* h-1",
            "- Decision : REMOVED\n- Puid : h-1",
            "Hello,\n\nDecision: removed\nPuid: h-1\n\nRegards\n-- \nRobin\nDecision: no action",
            f"Decision: removed\nReference: {REFERRAL}\nPuid: h-1",
            f"Decision: removed\r\nReference: {TOKEN.upper()}\r\nPuid: h-1\r\nDetail:\r\n",
            "Decision: removed\nPuid: h-1\nDecision: removed",
        ],
    )
    def test_the_form_as_people_fill_it_in(self, written: str) -> None:
        reply = got(mail(written))
        assert reply.kind == "answer", reply.problem
        assert reply.answer is not None
        assert (reply.answer.reason_code, reply.answer.puid) == ("ACTIONED", "h-1")

    def test_words_beside_the_form_are_the_detail_unless_it_is_filled_in(self) -> None:
        reply = got(mail("Hello,\nwe left it up: it is a lyric.\n\nDecision: no action\nPuid:\n\nRobin"))
        assert reply.answer is not None
        assert reply.answer.detail == "Hello,\nwe left it up: it is a lyric.\n\n\nRobin"
        reply = got(mail("Hello\n\nDecision: no action\nDetail: It is a lyric,\nand an old one.\n\nRobin"))
        assert reply.answer is not None
        assert reply.answer.detail == "It is a lyric,\nand an old one."
        long = got(mail(f"Decision: no action\nDetail: {'word ' * 3_000}"))
        assert long.answer is not None
        assert len(long.answer.detail) == 5_000
        assert long.answer.detail.endswith("[cut here; the mail has the whole]")

    @pytest.mark.parametrize(
        ("written", "problem"),
        [
            ("Decision: removed", "without a puid"),
            ("Decision: removed\nPuid: a b", "puid"),
            ("Decision: we shall see\nPuid: h-1", "'we shall see' is none of: removed"),
            ("Decision: removed\nDecision: no action\nPuid: h-1", "decision more than once"),
            ("Decision: removed\nPuid: h-1\nPuid: h-2", "puid more than once"),
            ("Decision: disputed", "without a word of why"),
            ("Decision: removed\nReference: R-1\nPuid: h-1", "another reference"),
        ],
    )
    def test_a_form_that_does_not_hold_is_words_with_the_reason(self, written: str, problem: str) -> None:
        reply = got(mail(written))
        assert (reply.kind, reply.answer) == ("words", None)
        assert problem in reply.problem
        assert reply.text == written

    def test_an_attached_object(self) -> None:
        made = mail("See the file.")
        value = {"schema": "seawall-answer/1", "status": "COMPLETED", "reason_code": "ACTIONED", "puid": "h-1"}
        more = {"actions": ["removed"], "detail": "Rule\x00 4\u202e", "at": "1999-01-01T00:00:00Z", "answer_id": "A-1"}
        made.add_attachment(
            json.dumps({**value, **more}).encode(), maintype="application", subtype="json", filename="a"
        )
        reply = got(made)
        assert reply.kind == "answer", reply.problem
        assert reply.answer is not None
        assert (reply.answer.answer_id, reply.answer.detail, reply.answer.actions) == ("A-1", "Rule 4", ("removed",))
        assert (reply.answer.at, reply.answer.proof) == (ARRIVED, "stated"), "a date put back gains nothing"
        assert reply.enclosed == ("a",)

    @pytest.mark.parametrize(
        ("value", "problem"),
        [
            ({"status": "DONE"}, "DONE"),
            ({"status": ["COMPLETED"]}, "COMPLETED"),
            ({}, "lacks its status"),
            ({"status": "COMPLETED", "reason_code": "ACTIONED"}, "without a puid"),
            ({"status": "QUEUED", "reference": OTHER}, "another reference"),
            ({"status": "QUEUED", "reference": {"a": 1}}, "another reference"),
            ({"status": "QUEUED", "detail": "x" * 5_001}, "5,000"),
            ({"status": "QUEUED", "detail": None}, "detail"),
            ({"status": "QUEUED", "actions": "removed"}, "actions"),
            ({"status": "QUEUED", "actions": [1]}, "actions"),
            ({"status": "QUEUED", "actions": ["x"] * 21}, "20 actions"),
            ({"status": "QUEUED", "puid": 7}, "puid"),
        ],
    )
    def test_an_attached_object_that_does_not_hold(self, value: dict[str, Any], problem: str) -> None:
        made = mail("See the file.")
        written = json.dumps({"schema": "seawall-answer/1", **value}).encode()
        made.add_attachment(written, maintype="application", subtype="octet-stream", filename="answer.JSON")
        reply = got(made)
        assert (reply.kind, reply.answer) == ("words", None)
        assert problem in reply.problem

    @pytest.mark.parametrize(
        "content",
        [
            b"{",
            b"[" * 60_000,
            b"null",
            b'"x"',
            b"\xff\xfe",
            b'{"schema": "seawall-answer/2", "status": "QUEUED"}',
            b"9" * 9_999,
        ],
    )
    def test_attached_rubbish_and_our_own_document_are_no_answer(self, content: bytes) -> None:
        made = mail("See the file.")
        made.add_attachment(content, maintype="application", subtype="json", filename="x.json")
        made.add_attachment(document().to_json(), maintype="application", subtype="json", filename="referral.json")
        reply = got(made)
        assert (reply.kind, reply.problem, reply.text) == ("words", "", "See the file.")

    def test_file_and_form_must_agree(self) -> None:
        made = mail(FORM)
        value = {"schema": "seawall-answer/1", "status": "COMPLETED", "reason_code": "ACTIONED", "puid": "harbour-17"}
        made.add_attachment(json.dumps(value).encode(), maintype="application", subtype="json", filename="a.json")
        assert got(made).kind == "answer"
        made.add_attachment(
            json.dumps({**value, "puid": "x"}).encode(), maintype="application", subtype="json", filename="b.json"
        )
        assert "they differ" in got(made).problem

    def test_the_same_mail_twice_is_the_same_answer(self) -> None:
        first, again = got(mail(FORM, Received="one")), got(mail(FORM, Received="two"))
        assert first.answer is not None
        assert again.answer is not None
        assert first.answer.answer_id == again.answer.answer_id
        other = got(mail(FORM, Message_ID="<2@platform.example>")).answer
        assert other is not None
        assert other.answer_id != first.answer.answer_id

    def test_what_the_mail_says_of_itself_is_kept_as_such(self) -> None:
        reply = got(
            mail(
                FORM,
                Subject="Re: =?utf-8?q?Entsch=C3=A4digung?=\u202e",
                Date="Mon, 02 Nov 2026 09:30:00 +0100",
                Authentication_Results="mx.hub.example; dkim=pass header.d=platform.example",
                Return_Path="<robin@platform.example>",
            )
        )
        assert (reply.sender, reply.subject) == ("robin@platform.example", "Re: Entschädigung")
        assert reply.dated == dt.datetime(2026, 11, 2, 8, 30, tzinfo=dt.UTC)
        assert reply.evidence["Authentication-Results"] == "mx.hub.example; dkim=pass header.d=platform.example"
        assert len(reply.evidence["sha256"]) == 64
        assert (reply.message_id, reply.arrived_at) == ("<1@platform.example>", ARRIVED)

    def test_time_of_arrival_needs_a_zone(self) -> None:
        with pytest.raises(ValueError, match="zone"):
            read(b"", SECRET, arrived_at=dt.datetime(2026, 11, 2))  # noqa: DTZ001


OURS = f"{MARKER}\n\n\nVoluntary referral\n\n    Decision: \n    Reference: {TOKEN}\n    Puid: \n    Detail: \n"
QUOTED = "\n".join(f"> {line}" for line in OURS.split("\n"))


class TestWords:
    @pytest.mark.parametrize(
        ("history", "program"),
        [
            (f"\n\nOn Mon, 2 Nov 2026 at 09:30, Hub <{ADDRESS}> wrote:\n\n{QUOTED}", "with marks"),
            (f"\n\nOn Mon, 2 Nov 2026 at 09:30, Hub\n<{ADDRESS}>\nwrote:\n{QUOTED}", "a broken line of attribution"),
            (f"\n\nAm 02.11.26 um 09:30 schrieb Hub:\n{QUOTED}", "in another language"),
            (f"\n\n-----Original Message-----\nFrom: Hub\nSent: Monday\n\n{OURS}", "a dividing line"),
            (f"\n\nFrom: Hub <{ADDRESS}>\nSent: Monday\nTo: Robin\nSubject: x\n\n{OURS}", "a block of headers"),
            (f"\n\n________________________________\nVon: Hub\n\n{OURS}", "a line"),
            (f"\n\n{OURS}", "our own line alone"),
            (f"\n\n-- \nRobin\nTrust and safety\n\n{QUOTED}", "a signature"),
        ],
    )
    def test_history_is_left_out(self, history: str, program: str) -> None:
        reply = got(mail(f"Which post do you mean?\nThere are two:{history}"))
        assert (reply.kind, reply.problem) == ("words", ""), program
        assert reply.text == "Which post do you mean?\nThere are two:"
        answered = got(mail(f"{FORM}{history}"))
        assert answered.kind == "answer", answered.problem

    def test_words_between_and_below_quotations_are_kept(self) -> None:
        reply = got(
            mail(f"On 2 Nov 2026 Hub wrote:\n{QUOTED}\n\nNo.\n\n> Why\n> not\n\nBecause:\n> of this\n\nIt is a lyric.")
        )
        assert reply.text == "No.\n\nBecause:\n\nIt is a lyric."

    def test_nothing_but_history_is_shown_whole_and_answers_nothing(self) -> None:
        filled = "\n".join(f"> {line}" for line in FORM.split("\n"))
        reply = got(mail(filled))
        assert (reply.kind, reply.text) == ("words", filled.strip())

    @pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "windows-1252", "utf-16"])
    def test_charsets(self, charset: str) -> None:
        made = mail()
        made.set_payload(base64.b64encode("Größe".encode(charset)).decode())
        made.replace_header("Content-Transfer-Encoding", "base64")
        made.replace_header("Content-Type", f"text/plain; charset={charset}")
        assert got(made).text == "Größe"

    @pytest.mark.parametrize(
        "charset", ["idna", "punycode", "unicode_escape", "rot13", "zlib", "x" * 99, "cp999", "\x00"]
    )
    def test_charset_that_is_none_is_read_as_utf_8(self, charset: str) -> None:
        raw = f"To: {ADDRESS}\nContent-Type: text/plain; charset={charset}\n\nGröße".encode()
        assert got(raw).text == "Größe"

    def test_html_alone_becomes_text(self) -> None:
        made = mail()
        made.set_content(
            "<html><head><title>x</title><style>p{}</style></head><body onload=alert(1)><!-- <p>hidden</p> -->"
            "<p>Dear  hub,<br>1 < 2 &amp; &#8364;&#99999999999999999999;</p><script>Decision: removed</script>"
            '<p><b>Dec</b>ision: no action</p><div>See <a href="https://platform.example/r?a=1">our rule</a>.</div>'
            "<img src=https://x.example/pixel><table><tr><td>a</td><td>b</td></tr></table>"
            f"<div>On 2 Nov 2026, Hub wrote:</div><blockquote><p>{MARKER}</p><p>Decision: removed</p></blockquote></body>",
            subtype="html",
        )
        reply = got(made)
        assert reply.text.split("\n") == [
            *(
                "Dear hub,",
                "1 < 2 & €",
                "",
                "Decision: no action",
                "",
                "See our rule (https://platform.example/r?a=1).",
            ),
            *("", "a b"),
        ]
        assert reply.answer is not None
        assert reply.answer.reason_code == "REVIEWED_NO_ACTION"

    def test_plain_text_goes_before_html_and_enclosed_mail_is_not_opened(self) -> None:
        made = mail("Plain.")
        made.add_alternative("<p>Decision: no action</p>", subtype="html")
        made.add_attachment(mail(FORM))
        made.add_attachment("Decision: no action", filename="../../etc/passwd%0D%0AX: y")
        reply = got(made.as_bytes().replace(b"%0D%0A", b"\r\x00\xe2\x80\xa8"))
        assert (reply.kind, reply.text) == ("words", "Plain.")
        assert "\n" not in "".join(reply.enclosed)

    @pytest.mark.parametrize(
        "hostile",
        [b"<!--", b"<a ", b"<", b"<script>", b"<a b='", b"</", b"&#1", b"<p>", b"<blockquote>", b"<a href=", b"&" * 9],
    )
    def test_hostile_html_is_read_in_one_pass(self, hostile: bytes) -> None:
        """Some of these keep the standard library's parser busy for hours; here a repeated look would do the same."""
        html = (hostile * (MAX_READ // len(hostile))).decode()
        assert len(text_of_html(html)) <= len(html)

    def test_a_huge_mail_is_read_in_its_first_part_and_kept_short(self) -> None:
        made = mail(FORM)
        made.add_attachment(bytes(3 * MAX_READ), maintype="video", subtype="mp4", filename="proof.mp4")
        reply = got(made)
        assert (reply.kind, reply.enclosed) == ("answer", ("proof.mp4",))
        assert reply.evidence["read"] == f"the first {MAX_READ} bytes"
        assert len(got(mail("long " * MAX_TEXT)).text) == MAX_TEXT


def test_a_referral_goes_out_and_the_answer_comes_back_over_real_servers(running: Running) -> None:
    platform, hub = Desk(), Desk()
    out, back = running(platform), running(hub)
    made = document()
    channel = channel_to(out.port)
    receipt = channel.send(ABUSE, made, idempotency_key="k", at=SENT_AT)
    (arrived,) = platform.mails()
    answer = EmailMessage()
    answer["From"], answer["To"], answer["Subject"] = "abuse@platform.example", arrived["Reply-To"], "Re: it"
    plain = arrived.get_body(("plain",))
    assert plain is not None
    history = "".join(f"> {line}\n" for line in plain.get_content().splitlines())
    answer.set_content(f"Decision: already gone\n\nOn 2 Nov 2026 the hub wrote:\n{history}")
    with smtplib.SMTP("127.0.0.1", back.port) as server:
        server.send_message(answer)
    (envelope,) = hub.envelopes
    reply = read(
        bytes(envelope.content or b""),
        channel._secret,
        arrived_at=ARRIVED,
        recipients=envelope.rcpt_tos,
        return_path=envelope.mail_from,
    )
    assert reply.kind == "answer", reply.problem
    assert reply.answer is not None
    assert (reply.referral_id, reply.answer.reference) == (made.referral_id, receipt.reference)
    assert reply.answer.reason_code == "CONTENT_DOWN_OR_INACCESSIBLE"
    untouched = EmailMessage()
    untouched["To"] = arrived["Reply-To"]
    untouched.set_content(plain.get_content())
    assert read(untouched.as_bytes(), channel._secret, arrived_at=ARRIVED).kind == "words", "our own form is no answer"


def test_the_reference_page_explains_every_word_of_the_form() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/channels/email.md").read_text("utf-8")
    for word, decision in DECISIONS.items():
        (row,) = [line for line in page.splitlines() if line.startswith("| `") and f"`{word}`" in line.split("|")[1]]
        assert decision.status in row
        assert decision.reason_code is None or decision.reason_code in row
    assert all(f"| `{kind}` |" in page for kind in get_args(Kind))
    assert f"{MAX_READ:,} bytes" in page
