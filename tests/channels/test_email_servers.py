"""The email channel's mail server: refusing, encrypted, odd, or set up wrongly."""

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from tests.channels.mailbox import (
    ABUSE,
    AUTHENTICATED_IN_THE_CLEAR,
    KEY,
    PASSWORD,
    SECRET,
    Desk,
    MailRig,
    Running,
    authority,
    channel_to,
    checked,
    guarded,
    part,
    serving,
    settings,
)
from tests.channels.samples import document

from seawall.channels import Address, ChannelError, Equipment
from seawall.channels.email import EmailChannel, recipients_of
from seawall.channels.email_tokens import token_for
from seawall.outbound import Outbound

pytestmark = AUTHENTICATED_IN_THE_CLEAR


@pytest.fixture
def running() -> Iterator[Running]:
    yield from serving()


@pytest.fixture
def rig(running: Running) -> MailRig:
    return guarded(running)


@pytest.mark.parametrize(
    ("refusal", "retryable"),
    [
        ("550 5.1.1 No such user", False),
        ("551 User not local", False),
        ("450 4.2.0 Greylisted, come back", True),
        ("451 4.3.0 Try later", True),
    ],
)
def test_recipient_that_is_refused(rig: MailRig, refusal: str, retryable: bool) -> None:
    rig.desk.refusing["abuse@platform.example"] = refusal
    with pytest.raises(ChannelError) as caught:
        rig.channel.send(ABUSE, document(), idempotency_key="k")
    assert f"abuse@platform.example ({refusal})" in str(caught.value)
    assert caught.value.retryable is retryable
    assert rig.desk.envelopes == []


def test_some_of_several_recipients_refused(rig: MailRig) -> None:
    both = Address("mailto:abuse@platform.example,Trust%20and+safety@platform.example")
    with pytest.raises(ChannelError, match="is not a mail address"):
        rig.channel.send(both, document(), idempotency_key="k")
    both = Address("mailto:abuse@platform.example,trust+safety@platform.example")
    rig.desk.refusing["abuse@platform.example"] = "550 5.1.1 No such user"
    receipt = rig.channel.send(both, document(), idempotency_key="k")
    assert receipt.evidence["accepted"] == ["trust+safety@platform.example"]
    assert receipt.evidence["refused"] == {"abuse@platform.example": "550 5.1.1 No such user"}
    assert rig.desk.envelopes[0].rcpt_tos == ["trust+safety@platform.example"]
    rig.desk.refusing["trust+safety@platform.example"] = "450 4.2.0 Later"
    with pytest.raises(ChannelError) as caught:
        rig.channel.send(both, document(), idempotency_key="k")
    assert caught.value.retryable, "one of them may take it later"


@pytest.mark.parametrize(
    ("said", "retryable"), [("554 5.7.1 Spam\x07", False), ("452 4.3.1 Disk full", True), ("421 Closing", True)]
)
def test_mail_that_is_refused_at_the_end(rig: MailRig, said: str, retryable: bool) -> None:
    rig.desk.on_data = said
    with pytest.raises(ChannelError, match="did not take the mail: ") as caught:
        rig.channel.send(ABUSE, document(), idempotency_key="k")
    assert caught.value.retryable is retryable
    assert str(caught.value).isprintable()


def test_mail_that_is_longer_than_the_server_takes(running: Running) -> None:
    server = running(Desk(), data_size_limit=2_000)
    with pytest.raises(ChannelError, match="552") as caught:
        channel_to(server.port).send(ABUSE, document(), idempotency_key="k")
    assert not caught.value.retryable


def test_wrong_password_is_refused_for_good_and_told_to_nobody(rig: MailRig) -> None:
    channel = channel_to(rig.channel._mail.port, user="hub", password="not-the-secret")
    with pytest.raises(ChannelError, match=r"user name or password \(535\)") as caught:
        channel.send(ABUSE, document(), idempotency_key="k")
    assert not caught.value.retryable
    shown, seen = str(caught.value), caught.value
    while (seen := seen.__cause__) is not None:  # type: ignore[assignment]
        shown += repr(seen)
    assert "not-the-secret" not in shown
    assert "not-the-secret" not in repr(channel._mail)


def test_password_beyond_ascii_is_refused_without_being_told() -> None:
    with pytest.raises(ChannelError) as caught:
        channel_to(25, user="hub", password="gehéim")
    assert "é" not in str(caught.value)
    assert not caught.value.retryable


def test_texts_and_addresses_beyond_ascii(rig: MailRig, running: Running) -> None:
    made = document(
        explanation="Drohung: „Ich tue es“ 🌊 நன்றி", harm={**document().harm.model_dump(), "title": "Überfall"}
    )
    rig.channel.send(Address("mailto:b%C3%BCro@b%C3%BCcher.example"), made, idempotency_key="k")
    (envelope,), (mail,) = rig.desk.envelopes, rig.desk.mails()
    assert envelope.rcpt_tos == ["büro@xn--bcher-kva.example"]
    assert envelope.smtp_utf8
    assert "büro@xn--bcher-kva.example" in mail["To"]
    assert "Überfall" in mail["Subject"]
    assert "Drohung: „Ich tue es“ 🌊 நன்றி" in part(mail, "text/plain")
    rig.channel.send(ABUSE, made, idempotency_key="k")
    assert rig.desk.raw()[1].isascii(), "it passes servers that know no 8BITMIME"
    old = running(Desk(), enable_SMTPUTF8=False)
    with pytest.raises(ChannelError, match="SMTPUTF8") as caught:
        channel_to(old.port).send(Address("mailto:b%C3%BCro@platform.example"), made, idempotency_key="k")
    assert not caught.value.retryable


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_encrypted_with_a_certificate_that_holds(running: Running, tmp_path: Path, security: str) -> None:
    served, trusting = authority(tmp_path)
    _, other = authority(tmp_path, name="other.example")
    desk = Desk()
    how = {"tls_context": served, "require_starttls": True}
    if security == "tls":
        how = {"ssl_context": served, "auth_require_tls": False}  # the server takes "TLS" to mean STARTTLS
    server = running(desk, authenticator=checked, auth_required=True, **how)
    login = {"security": security, "user": "hub", "password": PASSWORD}
    channel = channel_to(server.port, host="localhost", tls=trusting, **login)
    receipt = channel.send(ABUSE, document(), idempotency_key="k")
    assert receipt.evidence["security"] == security
    assert len(desk.envelopes) == 1
    for host, tls in (("localhost", other), ("127.0.0.1", trusting), ("localhost", None)):
        with pytest.raises(ChannelError, match="certificate") as caught:
            channel_to(server.port, host=host, tls=tls, **login).send(ABUSE, document(), idempotency_key="k")
        assert not caught.value.retryable
    assert len(desk.envelopes) == 1


def test_server_without_starttls_gets_nothing(running: Running) -> None:
    desk = Desk()
    server = running(desk)
    with pytest.raises(ChannelError, match="STARTTLS") as caught:
        channel_to(server.port, security="starttls").send(ABUSE, document(), idempotency_key="k")
    assert not caught.value.retryable
    assert desk.envelopes == []


@pytest.mark.parametrize("host", ["mail.example.org", "192.0.2.1", "localhost.example", "", "127.0.0.1.example"])
def test_nothing_goes_unencrypted_to_another_machine(host: str) -> None:
    with pytest.raises(ChannelError, match="unencrypted") as caught:
        channel_to(25, host=host)
    assert not caught.value.retryable


HELLO = ["220 mail.example", "250 mail.example"]
TAKES = [*HELLO, "250 OK", "250 OK", "354 Go on"]


@pytest.fixture
def odd() -> Iterator[Callable[..., int]]:
    """A server that says the given lines, one for each that it hears, and then hangs up."""
    threads: list[threading.Thread] = []

    def talk(server: socket.socket, lines: list[str], flood: bytes) -> None:
        with server, server.accept()[0] as peer, peer.makefile("rb") as heard:
            peer.settimeout(10)
            try:
                for number, line in enumerate(lines):
                    if number == len(TAKES):  # the mail itself
                        while heard.readline() not in (b".\r\n", b""):
                            pass
                    elif number:
                        heard.readline()
                    peer.sendall(line.encode("latin-1") + b"\r\n")
                while flood:
                    peer.sendall(flood)
            except OSError:
                pass

    def start(*lines: str, flood: bytes = b"") -> int:
        server = socket.create_server(("127.0.0.1", 0))
        threads.append(threading.Thread(target=talk, args=(server, list(lines), flood)))
        threads[-1].start()
        return int(server.getsockname()[1])

    yield start
    for thread in threads:
        thread.join()


@pytest.mark.parametrize(
    ("lines", "flood", "retryable", "why"),
    [
        ([], b"", True, "hangs up before a word"),
        (["554 No mail here"], b"", False, "refuses everybody"),
        (["421 Too busy"], b"", True, "refuses for now"),
        (HELLO[:1], b"", True, "hangs up after the greeting"),
        ([*HELLO, "250 OK"], b"", True, "hangs up at the recipient"),
        (TAKES, b"", True, "hangs up while the mail is handed over, so that nobody knows whether it has it"),
        ([*TAKES[:-1], "250 OK"], b"", True, "does not say 354"),
        ([*TAKES, "gibberish \x00\x1b[31m"], b"", True, "answers what is no code"),
        (["220 " + "x" * 20_000], b"", False, "says a line that is too long"),
        (HELLO[:1], b"250-" + b"x" * 60 + b"\r\n", True, "never comes to the end of its answer"),
    ],
)
def test_odd_server_becomes_a_sentence(
    odd: Callable[..., int], lines: list[str], flood: bytes, retryable: bool, why: str
) -> None:
    port = odd(*lines, flood=flood)
    with pytest.raises(ChannelError) as caught:
        channel_to(port).send(ABUSE, document(), idempotency_key="k")
    assert type(caught.value) is ChannelError
    assert caught.value.retryable is retryable, why
    assert str(caught.value).endswith(".")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("farewell", [["999 nonsense"], []])
def test_what_a_server_says_after_it_took_the_mail_changes_nothing(
    odd: Callable[..., int], farewell: list[str]
) -> None:
    port = odd(*TAKES, "250 Ok: queued", *farewell)
    receipt = channel_to(port).send(ABUSE, document(), idempotency_key="k")
    assert receipt.evidence["said"] == "250 Ok: queued"


def test_nobody_there_may_be_tried_again() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(ChannelError, match="was not reached") as caught:
            channel_to(closed.getsockname()[1]).send(ABUSE, document(), idempotency_key="k")
    assert caught.value.retryable


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "https://platform.example",
        "abuse@platform.example",
        "mailto:",
        "mailto:abuse",
        "mailto:@platform.example",
        "mailto:abuse@platform.example,",
        "mailto:abuse@platform.example?bcc=a@b.example",
        "mailto:a%0D%0ABcc:b@platform.example",
        "mailto:a%00b@platform.example",
        "mailto:a%FFb@platform.example",
        "mailto:a b@platform.example",
        "mailto:<a>@platform.example",
        "mailto:abuse@[127.0.0.1]",
        "mailto:abuse@127.0.0.1",
        "mailto:abuse@-.example",
        "mailto:abuse@localhost",
        "mailto:" + "a" * 65 + "@platform.example",
        "mailto:" + ",".join(f"a{n}@platform.example" for n in range(6)),
    ],
)
def test_endpoint_that_is_no_mail_address(rig: MailRig, endpoint: str) -> None:
    with pytest.raises(ChannelError, match=r"endpoint.*\.$") as caught:
        rig.channel.send(Address(endpoint), document(), idempotency_key="k")
    assert not caught.value.retryable
    assert str(caught.value).isprintable()
    assert rig.desk.envelopes == []


def test_endpoint_names_each_recipient_once() -> None:
    assert recipients_of("MAILTO:a@x.example,b@x.example,a@x.example") == ["a@x.example", "b@x.example"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"sender": "nobody"},
        {"sender": "a@b.example\r\nBcc: c@d.example"},
        {"reply_to": ""},
        {"reply_to": "é@hub.example"},
        {"reply_to": "a" * 24 + "@hub.example"},
        {"security": "any"},
    ],
)
def test_settings_that_cannot_be_used_are_named(wrong: dict[str, str]) -> None:
    with pytest.raises(ChannelError, match=rf"{next(iter(wrong))}.*\.$") as caught:
        channel_to(25, **wrong)
    assert not caught.value.retryable


def test_longest_reply_address_is_one_that_mail_servers_take() -> None:
    channel = channel_to(25, reply_to="a" * 23 + "@hub.example")
    assert len(channel._answer_to(token_for(uuid4(), SECRET)).partition("@")[0]) == 64


@pytest.mark.parametrize("missing", ["mail", "signing_key"])
def test_what_a_hub_must_have(missing: str) -> None:
    with Outbound() as outbound:
        whole = Equipment(outbound=outbound, signing_key=KEY, mail=settings(25))
        assert EmailChannel.equipped(whole)._secret == SECRET
        with pytest.raises(ChannelError) as caught:
            EmailChannel.equipped(replace(whole, **{missing: None}))
    assert not caught.value.retryable


def test_loopback_is_known_in_each_spelling() -> None:
    for host in ("localhost", "LOCALHOST", "127.0.0.1", "127.8.9.10", str(ipaddress.ip_address("::1"))):
        assert channel_to(25, host=host)
