"""Mail out and in: a referral leaves by a real server, its answer comes back to the address that only it has."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from tests.channels.mailbox import Server
from tests.hub.referrals.conftest import referred
from tests.hub.referrals.test_services import fresh, trail
from tests.support.hub import ACTOR, SmallHub

from seawall.channels.base import MailSettings
from seawall.hub.directory import services as directory
from seawall.hub.ledger.models import Entry
from seawall.hub.notifications.models import Notification
from seawall.hub.oversight.courses import courses
from seawall.hub.referrals import mail, reach, services, withdrawals
from seawall.hub.referrals.models import IncomingMail, Referral, ReferralState

pytestmark = pytest.mark.django_db


class Postbox:
    """A mail server that keeps what it takes."""

    def __init__(self) -> None:
        self.got: list[EmailMessage] = []
        self.senders: list[str] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.got.append(message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
        self.senders.append(envelope.mail_from)
        return "250 taken"


@pytest.fixture
def post(hub: SmallHub, settings: Any) -> Iterator[Postbox]:
    box = Postbox()
    server = Server(box, hostname="127.0.0.1", port=0)
    server.start()
    settings.REFERRAL_MAIL = MailSettings(
        host="127.0.0.1",
        port=server.port,
        sender="hub@hub.example",
        reply_to="referrals@hub.example",
        security="none",
    )
    reach._channel.cache_clear()
    directory.set_route(
        platform=hub.platforms["alpha"], channel="email", endpoint="mailto:abuse@alpha.example", actor=ACTOR
    )
    yield box
    reach._channel.cache_clear()
    server.stop()


def sent(hub: SmallHub) -> Referral:
    return services.deliver(referral_id=referred(hub).pk)


def reply(post: Postbox, text: str, *, subject: str = "Re: your referral", **headers: str) -> bytes:
    made = EmailMessage()
    made["From"] = "abuse@alpha.example"
    made["To"] = post.got[0]["Reply-To"]
    made["Subject"] = subject
    made["Message-ID"] = f"<{abs(hash(text))}@alpha.example>"
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made.as_bytes()


def test_a_referral_leaves_and_its_answer_is_read_in(hub: SmallHub, post: Postbox) -> None:
    referral = sent(hub)
    assert (referral.state, referral.proof) == (ReferralState.AWAITING, "accepted")
    assert len(post.got) == 1
    kept = mail.receive(raw=reply(post, "Decision: removed\nPuid: p-77\n"))
    again = mail.receive(raw=reply(post, "Decision: removed\nPuid: p-77\n"))
    assert (kept.kind, kept.referral, again.pk) == ("answer", referral, kept.pk)
    found = fresh(referral)
    assert found.state == ReferralState.ANSWERED
    answer = found.answers.get()
    assert (answer.way, answer.proof, answer.puid) == ("mail", "stated", "p-77")
    assert trail(referral)[-2:] == ["mail_received", "answered"]


def test_words_are_put_before_the_desk(hub: SmallHub, post: Postbox) -> None:
    referral = sent(hub)
    kept = mail.receive(raw=reply(post, "We are not sure what you mean. Please ring us."))
    assert kept.kind == "words"
    assert "Please ring us." in kept.text
    assert fresh(referral).state == ReferralState.AWAITING
    assert Notification.objects.filter(person=hub.people["analyst"], kind="referral.mail").exists()
    with pytest.raises(PermissionError):
        mail.dealt_with(mail=kept, person=hub.people["officer"])
    assert mail.dealt_with(mail=kept, person=hub.people["analyst"]).dealt_with_by == hub.people["analyst"]


def test_an_automatic_reply_is_no_answer(hub: SmallHub, post: Postbox) -> None:
    referral = sent(hub)
    raw = reply(post, "Decision: removed\nPuid: p-1\n", Auto_Submitted="auto-replied")
    assert mail.receive(raw=raw).kind == "auto_reply"
    assert fresh(referral).state == ReferralState.AWAITING


def bounce(post: Postbox, status: str = "5.1.1") -> bytes:
    return (
        f"From: MAILER-DAEMON@mx.example\r\nTo: {post.senders[0]}\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nIt could not be delivered.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
        f"Final-Recipient: rfc822; abuse@alpha.example\r\nAction: failed\r\nStatus: {status}\r\n"
        "Diagnostic-Code: smtp; 550 no such user\r\n\r\n--b--\r\n"
    ).encode()


def test_what_came_back_was_never_received(hub: SmallHub, post: Postbox) -> None:
    referral = sent(hub)
    assert mail.receive(raw=bounce(post), return_path="").kind == "bounce"
    found = fresh(referral)
    assert (found.state, found.received_at, found.clock_events.count()) == (ReferralState.FAILED, None, 0)
    assert "no such user" in found.problem
    (course,) = [each for each in courses_of() if each.referral == str(referral.pk)]
    assert course.received_at is None
    services.redeliver(referral=found, person=hub.people["analyst"])
    assert services.deliver(referral_id=referral.pk).state == ReferralState.AWAITING
    (course,) = [each for each in courses_of() if each.referral == str(referral.pk)]
    assert course.received_at is not None
    assert fresh(referral).clock_events.count() == 1


def courses_of() -> list[Any]:
    from datetime import UTC, datetime, timedelta

    now = datetime.now(UTC)
    return list(courses(since=now - timedelta(days=1), until=now + timedelta(days=1)))


def test_a_passing_bounce_changes_nothing(hub: SmallHub, post: Postbox) -> None:
    referral = sent(hub)
    mail.receive(raw=bounce(post, status="4.2.2"), return_path="")
    assert fresh(referral).state == ReferralState.AWAITING


@pytest.mark.parametrize(
    "raw",
    [
        b"rubbish",
        b"To: referrals@hub.example\r\nSubject: Hello\r\n\r\nNo token.",
        b"To: referrals+" + b"a" * 40 + b"@hub.example\r\n\r\nA token that nobody gave.",
    ],
)
def test_mail_that_belongs_to_no_referral_is_refused(hub: SmallHub, post: Postbox, raw: bytes) -> None:
    with pytest.raises(mail.NotForUs):
        mail.receive(raw=raw)
    assert not IncomingMail.objects.exists()
    assert not Entry.objects.filter(verb="referral.mail_received").exists()


def test_a_withdrawal_goes_to_the_same_thread(hub: SmallHub, post: Postbox) -> None:
    referral = sent(hub)
    made = withdrawals.withdraw_by_person(referral=referral, person=hub.people["analyst"], reasons="It is a lyric.")
    withdrawals.deliver_withdrawal(withdrawal_id=made.pk)
    assert len(post.got) == 2
    assert post.got[1]["In-Reply-To"] == post.got[0]["Message-ID"]
    assert "It is a lyric." in post.got[1].get_body(("plain",)).get_content()  # type: ignore[union-attr]
