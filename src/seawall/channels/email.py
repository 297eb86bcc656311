"""Referrals by email, laid out as a notice under article 16(2) of Regulation (EU) 2022/2065 (Digital Services Act).

For platforms that have nothing but an address. Each mail carries the referral three times: as plain text, as HTML and
as the canonical JSON. Answers come to an address of the referral's own; `seawall.channels.email_replies` reads them.
``docs/reference/channels/email.md`` describes both.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import ipaddress
import re
import smtplib
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email import policy
from email.headerregistry import Address as Mailbox
from email.headerregistry import HeaderRegistry, MessageIDHeader
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Any, ClassVar, Final, Literal, Self, cast
from urllib.parse import unquote_to_bytes
from uuid import UUID

from seawall.channels.base import Address, Answer, ChannelError, Equipment, MailSettings, Proof, Receipt, Sent, Setting
from seawall.channels.document import ReferralDocument, Withdrawal
from seawall.channels.email_layout import (
    Hub,
    Section,
    as_html,
    as_text,
    information_sections,
    one_line,
    referral_sections,
    subject_of,
    withdrawal_sections,
)
from seawall.channels.email_smtp import Line, TlsLine, answered, passing, refusals
from seawall.channels.email_tokens import referral_of, reply_secret, token_for

MAX_RECIPIENTS: Final = 5
MAX_ATTACHMENTS: Final = 10_000_000
"""Bytes of further attachments together."""
MAX_INFORMATION: Final = 20_000
"""Characters that `inform` takes."""
_HEADERS = HeaderRegistry()
for _name in ("in-reply-to", "references"):
    # The default folds a long id into encoded words, which name no mail.
    _HEADERS.map_to_type(_name, cast(Any, MessageIDHeader))
_POLICY = policy.SMTP.clone(header_factory=_HEADERS)
_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}")
_LOCAL = re.compile(r"[^\s\x00-\x20\x7f-\x9f()<>\[\]:;@\\,\"\ud800-\udfff]{1,64}")
_DOMAIN = re.compile(
    r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A further file of a mail, such as a PDF of the notice. `content_type` is like ``application/pdf``."""

    filename: str
    content_type: str
    content: bytes


Attachments = Callable[[ReferralDocument], Sequence[Attachment]]


def no_attachments(document: ReferralDocument) -> Sequence[Attachment]:
    """Attach nothing further."""
    return ()


class EmailChannel:
    """The channel named ``email``; its endpoints are ``mailto:`` and one to five addresses.

    A receipt says that the hub's own mail server took the mail (``accepted``), and no more; a bounce may follow. One
    referral is one mail: its Message-ID comes of the referral's id, so a receiving server may tell a repetition, and
    none has to. Not `idempotent`, therefore: a repetition after a lost connection can arrive twice, the same to the byte.

    Parameters
    ----------
    secret
        That of :func:`~seawall.channels.email_tokens.reply_secret`, which also reads the replies.
    attachments
        Gives the further files for a document. They must be the same each time.
    tls
        Checks the mail server's certificate; by default against the system's authorities.
    """

    name: ClassVar[str] = "email"
    proof: ClassVar[Proof] = "accepted"
    answering: ClassVar[Literal["polled", "delivered", "never"]] = "delivered"
    idempotent: ClassVar[bool] = False
    withdraws: ClassVar[bool] = True
    settings: ClassVar[tuple[Setting, ...]] = ()

    @classmethod
    def equipped(cls, equipment: Equipment, *, attachments: Attachments = no_attachments) -> Self:
        """Make the channel; it needs the mail server's settings and the hub's Ed25519 key."""
        if equipment.mail is None:
            raise ChannelError(
                "This hub has no mail server for referrals. Set one, or choose another channel.", retryable=False
            )
        if equipment.signing_key is None:
            raise ChannelError(
                "Mail needs the hub's Ed25519 key, from which reply addresses are made.", retryable=False
            )
        return cls(
            equipment.mail,
            reply_secret(equipment.signing_key),
            hub_name=equipment.hub_name,
            hub_url=equipment.hub_url,
            contact=equipment.contact,
            attachments=attachments,
        )

    def __init__(
        self,
        mail: MailSettings,
        secret: bytes,
        *,
        hub_name: str = "Seawall",
        hub_url: str = "",
        contact: str = "",
        attachments: Attachments = no_attachments,
        timeout: float = 30.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._mail = mail
        self._secret = secret
        self._hub = Hub(one_line(hub_name, 80) or "Seawall", one_line(hub_url, 300), one_line(contact, 300))
        self._attachments = attachments
        self._timeout = timeout
        self._tls = tls or ssl.create_default_context()
        self._sender = _own_address(mail.sender, "sender")
        self._reply_to = _own_address(mail.reply_to, "reply_to", longest=23)  # 64 of a local part less "+" and token
        if not (mail.user + mail.password).isascii():
            raise ChannelError("The mail server's user name and password must be ASCII.", retryable=False)
        if mail.security not in ("tls", "starttls", "none"):
            raise ChannelError("The mail server's security must be tls, starttls or none.", retryable=False)
        if mail.security == "none" and not _is_this_machine(mail.host):
            raise ChannelError(
                f"Mail to {mail.host} would travel unencrypted, which is allowed to a server on this machine only. "
                "Use starttls or tls.",
                retryable=False,
            )

    def send(
        self, address: Address, document: ReferralDocument, *, idempotency_key: str, at: dt.datetime | None = None
    ) -> Receipt:
        """Mail `document`; see :class:`~seawall.channels.base.Channel`. Some of several recipients may be refused."""
        token = token_for(document.referral_id, self._secret)
        mail = self._letter(token, subject_of(document), referral_sections(document, self._hub, self._answer_to(token)))
        mail["Message-ID"] = self._message_id(document.referral_id)
        mail["Date"] = format_datetime(document.sent_at)
        _attach(mail, f"referral-{document.referral_id}.json", "application/json", document.to_json())
        further = self._attachments(document)
        if sum(len(each.content) for each in further) > MAX_ATTACHMENTS:
            raise ChannelError(f"The attachments are longer than {MAX_ATTACHMENTS:,} bytes together.", retryable=False)
        for each in further:
            _attach(mail, each.filename, each.content_type, each.content)
        return self._receipt(document, token, self._post(address, token, mail), mail, at)

    def answers(self, address: Address, reference: str, *, after: str | None = None) -> list[Answer]:
        """Return none: answers arrive as mail and are read by :func:`~seawall.channels.email_replies.read`."""
        return []

    def inform(self, address: Address, reference: str, text: str, idempotency_key: str) -> None:
        """Mail `text` into the thread of the referral."""
        referral_id = self._known(reference)
        if not text.strip() or len(text) > MAX_INFORMATION:
            raise ChannelError(f"The information must have 1 to {MAX_INFORMATION:,} characters.", retryable=False)
        subject = f"Re: Referral {referral_id}: information"
        mail = self._letter(
            reference, subject, information_sections(referral_id, text, self._hub, self._answer_to(reference))
        )
        self._continue(mail, referral_id, "information", idempotency_key)
        mail["Date"] = format_datetime(dt.datetime.now(dt.UTC))
        self._post(address, reference, mail)

    def withdraw(
        self,
        address: Address,
        reference: str,
        withdrawal: Withdrawal,
        *,
        idempotency_key: str,
        at: dt.datetime | None = None,
    ) -> Receipt:
        """Mail the withdrawal into the thread of the referral."""
        if self._known(reference) != withdrawal.referral_id:
            raise ChannelError("The withdrawal is of another referral than the reference names.", retryable=False)
        demonstration = "DEMONSTRATION: " if withdrawal.demonstration else ""
        subject = f"Re: {demonstration}Referral {withdrawal.referral_id} is withdrawn"
        mail = self._letter(reference, subject, withdrawal_sections(withdrawal, self._hub, self._answer_to(reference)))
        self._continue(mail, withdrawal.referral_id, "withdrawal", idempotency_key)
        mail["Date"] = format_datetime(withdrawal.sent_at)
        _attach(mail, f"withdrawal-{withdrawal.referral_id}.json", "application/json", withdrawal.to_json())
        return self._receipt(withdrawal, reference, self._post(address, reference, mail), mail, at)

    # --- the mail ---------------------------------------------------------------------------------------------------

    def _answer_to(self, token: str) -> str:
        return f"{self._reply_to.username}+{token}@{self._reply_to.domain}"

    def _message_id(self, referral_id: UUID) -> str:
        return f"<referral.{referral_id}@{self._reply_to.domain}>"

    def _known(self, reference: str) -> UUID:
        referral_id = referral_of(reference, self._secret)
        if referral_id is None:
            raise ChannelError("The reference is not one that this hub's mail channel gave.", retryable=False)
        return referral_id

    def _letter(self, token: str, subject: str, sections: Sequence[Section]) -> EmailMessage:
        mail = EmailMessage(_POLICY)
        name = parseaddr(self._mail.sender)[0] or self._hub.name
        mail["From"] = Mailbox(one_line(name, 80), addr_spec=self._sender.addr_spec)
        mail["Reply-To"] = Mailbox(self._hub.name, addr_spec=self._answer_to(token))
        mail["Subject"] = one_line(subject, 250)
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834, which recommends no Precedence
        mail.set_content(as_text(sections), cte="quoted-printable")
        mail.add_alternative(as_html(sections, mail["Subject"]), subtype="html", cte="quoted-printable")
        return mail

    def _continue(self, mail: EmailMessage, referral_id: UUID, what: str, idempotency_key: str) -> None:
        """Put `mail` into the thread of the referral, under an id that comes of the key."""
        digest = hashlib.sha256(f"{referral_id} {what} {idempotency_key}".encode()).hexdigest()[:32]
        mail["Message-ID"] = f"<{what}.{digest}@{self._reply_to.domain}>"
        mail["In-Reply-To"] = mail["References"] = self._message_id(referral_id)

    def _receipt(
        self, document: Sent, token: str, handed: Mapping[str, Any], mail: EmailMessage, at: dt.datetime | None
    ) -> Receipt:
        return Receipt.unsigned(
            document,
            reference=token,
            received_at=at or dt.datetime.now(dt.UTC),
            proof="accepted",
            evidence={"message_id": str(mail["Message-ID"]), **handed},
        )

    # --- the way out ------------------------------------------------------------------------------------------------

    def _post(self, address: Address, token: str, mail: EmailMessage) -> dict[str, Any]:
        """Hand `mail` to the hub's mail server, and say what that answered."""
        recipients = recipients_of(address.endpoint)
        mail["To"] = [
            Mailbox(username=local, domain=domain) for local, _, domain in (r.partition("@") for r in recipients)
        ]
        boundary = hashlib.sha256(str(mail["Message-ID"]).encode()).hexdigest()[:24]
        for number, part in enumerate(part for part in mail.walk() if part.is_multipart()):
            part.set_boundary(f"=_{boundary}_{number}")  # so that a repetition is the same to the byte
        beyond_ascii = not all(recipient.isascii() for recipient in recipients)
        content = mail.as_bytes(policy=policy.SMTPUTF8 if beyond_ascii else policy.SMTP)
        where = f"{self._mail.host}:{self._mail.port}"
        try:
            return self._hand_over(self._answer_to(token), recipients, content, beyond_ascii)
        except smtplib.SMTPAuthenticationError as error:
            # Not with the server's words: nobody knows what it repeats.
            raise ChannelError(
                f"The mail server {where} refuses this hub's user name or password ({error.smtp_code}).",
                retryable=passing(error.smtp_code),
            ) from None
        except smtplib.SMTPRecipientsRefused as error:
            raise ChannelError(
                f"The mail server {where} takes no mail for {refusals(error.recipients)}.",
                retryable=any(passing(code) for code, _ in error.recipients.values()),
            ) from error
        except smtplib.SMTPResponseException as error:
            raise ChannelError(
                f"The mail server {where} did not take the mail: {answered(error.smtp_code, error.smtp_error)}.",
                retryable=passing(error.smtp_code),
            ) from error
        except ssl.SSLCertVerificationError as error:
            raise ChannelError(
                f"The certificate of the mail server {where} does not hold: {error.verify_message}.", retryable=False
            ) from error
        except smtplib.SMTPServerDisconnected as error:
            raise ChannelError(
                f"The mail server {where} broke off: {one_line(str(error), 200)}.", retryable=True
            ) from error
        except smtplib.SMTPException as error:
            # Something that the server does not offer: STARTTLS, a way to sign in, addresses beyond ASCII.
            raise ChannelError(
                f"The mail server {where} cannot be used: {one_line(str(error), 200)}", retryable=False
            ) from error
        except OSError as error:
            raise ChannelError(
                f"The mail server {where} was not reached: {one_line(str(error), 200)}.", retryable=True
            ) from error

    def _hand_over(self, sender: str, recipients: Sequence[str], content: bytes, beyond_ascii: bool) -> dict[str, Any]:
        server = self._connected()
        try:
            server.ehlo_or_helo_if_needed()
            options = [f"SIZE={len(content)}"] if server.has_extn("size") else []
            if beyond_ascii:
                if not server.has_extn("smtputf8"):
                    raise smtplib.SMTPNotSupportedError("It takes no addresses beyond ASCII (SMTPUTF8).")
                options += ["SMTPUTF8", "BODY=8BITMIME"]
            code, said = server.mail(sender, options)
            if code != 250:
                raise smtplib.SMTPSenderRefused(code, said, sender)
            refused: dict[str, tuple[int, bytes]] = {}
            for recipient in recipients:
                code, said = server.rcpt(recipient)
                if code not in (250, 251):
                    refused[recipient] = (code, said)
            if len(refused) == len(recipients):
                raise smtplib.SMTPRecipientsRefused(refused)
            code, said = server.data(content)
            if code != 250:
                raise smtplib.SMTPDataError(code, said)
        finally:
            # Whether the mail is handed over is settled by now, whatever the farewell is.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                server.quit()
            server.close()
        return {
            "server": f"{self._mail.host}:{self._mail.port}",
            "security": self._mail.security,
            "said": answered(code, said),
            "accepted": [recipient for recipient in recipients if recipient not in refused],
            "refused": {recipient: answered(*why) for recipient, why in refused.items()},
        }

    def _connected(self) -> smtplib.SMTP:
        mail, helo = self._mail, self._reply_to.domain
        server: smtplib.SMTP
        if mail.security == "tls":
            server = TlsLine(mail.host, mail.port, helo, timeout=self._timeout, context=self._tls)
        else:
            server = Line(mail.host, mail.port, helo, timeout=self._timeout)
        try:
            if mail.security == "starttls":
                server.starttls(context=self._tls)
            if mail.user:
                server.login(mail.user, mail.password)
        except BaseException:
            server.close()
            raise
        return server


# --- settings and addresses -------------------------------------------------------------------------------------------------------


def _is_this_machine(host: str) -> bool:
    try:
        return host.lower() == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def recipients_of(endpoint: str) -> list[str]:
    """Read a ``mailto:`` endpoint: addresses divided by commas, as RFC 6068 writes them, and nothing after a "?".

    Raises
    ------
    ChannelError
        It is none, or names more than MAX_RECIPIENTS.
    """
    scheme, _, rest = endpoint.partition(":")
    if scheme.lower() != "mailto" or "?" in rest or "#" in rest:
        raise ChannelError(
            "The endpoint is not mailto: and mail addresses alone, such as mailto:abuse@platform.example.",
            retryable=False,
        )
    found: dict[str, None] = {}
    for written in rest.split(","):
        address = unquote_to_bytes(written).decode("utf-8", "replace")
        local, at, domain = address.rpartition("@")
        with contextlib.suppress(UnicodeError):
            domain = domain.encode("idna").decode("ascii")
        if not (at and _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain)) or "\ufffd" in address:
            raise ChannelError(f"{one_line(address, 100)!r} in the endpoint is not a mail address.", retryable=False)
        found[f"{local}@{domain}"] = None
    if len(found) > MAX_RECIPIENTS:
        raise ChannelError(f"The endpoint names more than {MAX_RECIPIENTS} mail addresses.", retryable=False)
    return list(found)


def _own_address(written: str, what: str, longest: int = 64) -> Mailbox:
    local, _, domain = parseaddr(written)[1].rpartition("@")
    if not (written.isprintable() and local.isascii() and _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain)):
        raise ChannelError(f"The mail setting {what} is not a mail address.", retryable=False)
    if len(local) > longest:
        raise ChannelError(
            f"The part before the @ of the mail setting {what} is longer than {longest} characters, "
            "so that no token fits behind it.",
            retryable=False,
        )
    return Mailbox(username=local, domain=domain)


def _attach(mail: EmailMessage, filename: str, content_type: str, content: bytes) -> None:
    kind, _, subtype = content_type.partition("/")
    if not (_TYPE.fullmatch(kind) and _TYPE.fullmatch(subtype)) or kind in ("multipart", "message"):
        raise ChannelError(f"{one_line(content_type, 60)!r} is not the type of an attachment.", retryable=False)
    name = re.sub(r'[/\\:"]', "_", one_line(filename, 120)) or "attachment"
    mail.add_attachment(content, maintype=kind, subtype=subtype, filename=name)
