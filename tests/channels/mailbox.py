"""Real mail servers on loopback, for tests of the email channel."""

import datetime as dt
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID
from tests.channels.samples import SENT_AT, document

from seawall.channels import Address, MailSettings, ReferralDocument
from seawall.channels.email import EmailChannel
from seawall.channels.email_tokens import reply_secret

KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
SECRET = reply_secret(KEY)
PASSWORD = "open-sesame"
ABUSE = Address("mailto:abuse@platform.example")
GONE = Address("mailto:abuse@gone.example")
AUTHENTICATED_IN_THE_CLEAR = pytest.mark.filterwarnings(
    "ignore:Requiring AUTH while not requiring TLS"  # which the server's makers say to all, loopback too
)


@dataclass
class Desk:
    """A platform's mailbox: keeps what it is sent, and refuses whom `refusing` names, with its words."""

    refusing: dict[str, str] = field(default_factory=dict)
    on_data: str = "250 2.0.0 Ok: queued as 4F2A11"
    envelopes: list[Envelope] = field(default_factory=list)

    async def handle_RCPT(self, _: SMTP, __: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if refusal := self.refusing.get(address):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:
        if self.on_data.startswith("250"):
            self.envelopes.append(envelope)
        return self.on_data

    def mails(self) -> list[EmailMessage]:
        return [message_from_bytes(raw, policy=policy.default) for raw in self.raw()]  # type: ignore[misc]

    def raw(self) -> list[bytes]:
        return [bytes(envelope.content or b"") for envelope in self.envelopes]


class Server(Controller):
    """A mail server on a free port of loopback."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


def checked(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"hub", PASSWORD.encode())
    return AuthResult(success=good, handled=False)


def authority(folder: Path, *, name: str = "localhost") -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make a certificate for `name`; return the server's side and the side of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    both = folder / f"{name}.pem"
    both.write_bytes(
        pem
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(both)
    return served, ssl.create_default_context(cadata=pem.decode())


Running = Callable[..., Server]


def serving() -> Iterator[Running]:
    """Start mail servers; stop them at the end."""
    started: list[Server] = []

    def start(desk: Desk, **how: Any) -> Server:
        server = Server(desk, hostname="127.0.0.1", port=0, enable_SMTPUTF8=how.pop("enable_SMTPUTF8", True), **how)
        server.start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


def settings(port: int, **changes: Any) -> MailSettings:
    held = {"sender": "Example hub <hub@hub.example>", "reply_to": "referrals@hub.example", "security": "none"}
    return MailSettings(**{"host": "127.0.0.1", "port": port, **held, **changes})


def channel_to(port: int, *, tls: ssl.SSLContext | None = None, **changes: Any) -> EmailChannel:
    named = {name: changes.pop(name) for name in ("attachments", "hub_url", "contact") if name in changes}
    return EmailChannel(settings(port, **changes), SECRET, hub_name="Example hub", timeout=10, tls=tls, **named)


def part(mail: EmailMessage, kind: str) -> str:
    """The part of a mail of one type, as its reader sees it, on one line."""
    (found,) = [each for each in mail.walk() if each.get_content_type() == kind]
    content = found.get_content()
    return " ".join((content.decode() if isinstance(content, bytes) else content).split())


@dataclass
class MailRig:
    channel: EmailChannel
    desk: Desk
    address: Address = ABUSE
    nowhere: Address = GONE

    def document(self, outcome: str, **changes: Any) -> ReferralDocument:
        return document(**changes)

    def now(self) -> dt.datetime:
        return SENT_AT

    def settle(self) -> None:
        pass

    def held(self, document: ReferralDocument) -> list[str]:
        """The plain text of each mail of the referral; what followed in its thread is added to the first."""
        mails = [mail for mail in self.desk.mails() if str(document.referral_id) in mail["Subject"]]
        texts = [part(mail, "text/plain") for mail in mails if not mail["References"]]
        followed = [part(mail, "text/plain") for mail in mails if mail["References"]]
        return [" ".join((texts[0], *followed)), *texts[1:]]


def guarded(running: Running) -> MailRig:
    """A platform behind a mail server that wants this hub to sign in."""
    desk = Desk(refusing={"abuse@gone.example": "451 4.4.1 No answer from the host of this address"})
    server = running(desk, authenticator=checked, auth_required=True, auth_require_tls=False)
    return MailRig(channel_to(server.port, user="hub", password=PASSWORD), desk)
