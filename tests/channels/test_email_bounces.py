"""Mail that no person wrote: reports of servers, and whatever answers by itself."""

import json
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from tests.channels.test_email_replies import ADDRESS, FORM, REFERRAL, got, mail, refused

from seawall.channels.email_replies import Bounce


def report(*recipients: dict[str, str], returned: str = "") -> EmailMessage:
    """What a mail server sends when it could not deliver (RFC 3464)."""
    blocks = [
        "Reporting-MTA: dns; mx.platform.example",
        *("\n".join(f"{k}: {v}" for k, v in r.items()) for r in recipients),
    ]
    parts = [
        "Content-Type: text/plain\n\nYour mail could not be delivered. Decision: removed",
        "Content-Type: message/delivery-status\n\n" + "\n\n".join(blocks) + "\n",
        *([f"Content-Type: text/rfc822-headers\n\n{returned}"] if returned else []),
    ]
    head = f"From: MAILER-DAEMON@mx.platform.example\nTo: {'bounces@hub.example' if returned else ADDRESS}\nMIME-Version: 1.0\n"
    head += 'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
    raw = head + "".join(f"--b\n{part}\n" for part in parts) + "--b--\n"
    return message_from_bytes(raw.encode(), policy=policy.default)  # type: ignore[return-value]


FAILED = {
    "Final-Recipient": "rfc822; abuse@platform.example",
    "Action": "failed",
    "Status": "5.1.1",
    "Diagnostic-Code": "smtp; 550 5.1.1 No such user",
}


class TestServers:
    def test_a_report_of_failure(self) -> None:
        reply = got(report(FAILED, {**FAILED, "Action": "Delayed (still trying)", "Status": "4.4.1 (no answer)"}))
        assert (reply.kind, reply.answer) == ("bounce", None)
        first, second = reply.bounces
        assert first == Bounce("abuse@platform.example", "failed", "5.1.1", "smtp; 550 5.1.1 No such user")
        assert (first.permanent, second.permanent) == (True, False)
        assert (second.action, second.status) == ("delayed", "4.4.1")
        assert not got(report({**FAILED, "Status": "4.4.7"})).bounces[0].permanent, "gave up; may be tried again"

    def test_a_report_that_names_the_referral_in_our_own_headers_alone(self) -> None:
        assert got(report(FAILED, returned=f"Subject: x\nReply-To: Hub\n <{ADDRESS}>")).referral_id == REFERRAL
        assert refused(report(FAILED, returned="Subject: x")) == "no_token"
        whole = (
            report(FAILED, returned=f"Reply-To: {ADDRESS}")
            .as_bytes()
            .replace(b"text/rfc822-headers", b"message/rfc822")
        )
        assert got(whole).referral_id == REFERRAL

    @pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
    def test_a_report_of_success_is_no_bounce(self, action: str) -> None:
        assert got(report({**FAILED, "Action": action, "Status": "2.0.0"})).kind == "auto_reply"

    def test_a_plain_bounce(self) -> None:
        said = "This message was created automatically.\nabuse@platform.example: host mx [192.0.2.5.1.1]: 550 5.7.1 refused"
        head = {"From": "Mail Delivery System <Mailer-Daemon@mx.example>", "Return_Path": "<>"}
        reply = got(mail(said, **head, X_Failed_Recipients="abuse@platform.example"))
        (bounce,) = reply.bounces
        assert (bounce.recipient, bounce.status, bounce.permanent) == ("abuse@platform.example", "5.7.1", True)
        assert bounce.diagnostic.endswith("550 5.7.1 refused")
        late = got(mail("Not yet.", **head, Subject="Warning: message delayed 24 hours"))
        assert [(each.action, each.status, each.permanent) for each in late.bounces] == [("delayed", "", False)]
        assert got(mail(said, From=head["From"]), return_path="").kind == "bounce"
        assert got(mail(said, From=head["From"]), return_path="robin@platform.example").kind == "words"
        inline = f"Hi. This is the mail program.\n\n--- Below this line is a copy\nReply-To: <{ADDRESS}>"
        assert got(mail(inline, **head, To="bounces@hub.example")).referral_id == REFERRAL

    @pytest.mark.parametrize(
        "headers",
        [
            {"Auto_Submitted": "auto-replied"},
            {"Auto_Submitted": "Auto-Generated (ticket 17)"},
            {"Auto_Submitted": "auto-notified; owner-email=a@b.example"},
            {"Return_Path": "<>"},
            {"Precedence": "auto_reply"},
            {"X_Autoreply": "yes"},
        ],
    )
    def test_automatic_mail_is_never_an_answer(self, headers: dict[str, str]) -> None:
        made = mail(FORM, **headers)
        value = {"schema": "seawall-answer/1", "status": "RECEIVED"}
        made.add_attachment(json.dumps(value).encode(), maintype="application", subtype="json", filename="a.json")
        reply = got(made)
        assert (reply.kind, reply.answer, reply.problem) == ("auto_reply", None, "")
        assert reply.text == FORM.strip()

    def test_receipt_for_opening_a_mail_is_automatic(self) -> None:
        made = mail()
        made.replace_header("Content-Type", 'multipart/report; report-type=disposition-notification; boundary="b"')
        made.set_payload("--b\nContent-Type: text/plain\n\nSeen.\n--b--\n")
        assert got(made).kind == "auto_reply"

    def test_a_person_is_not_taken_for_a_program(self) -> None:
        assert got(mail(FORM, Auto_Submitted="no", Precedence="bulk")).kind == "answer"
