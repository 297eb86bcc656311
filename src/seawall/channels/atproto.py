"""Referrals as reports to a moderation service of the AT Protocol, such as an Ozone.

``docs/reference/channels/atproto.md`` says what a service needs, what is sent and how sure the receipt is.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal, Self

from seawall.channels.atproto_answers import OF_ACCOUNT, OF_RECORD, REPORT, Event, answers_of, read_event
from seawall.channels.atproto_report import mod_tool, reason_text, reason_types
from seawall.channels.atproto_session import Refused, Sessions
from seawall.channels.base import (
    ALLOWED_SKEW,
    Address,
    Answer,
    AnswerInvalid,
    ChannelError,
    Equipment,
    NotCarried,
    Proof,
    Receipt,
    ReceiptInvalid,
    Setting,
    parse_stamp,
    stamp,
)
from seawall.channels.document import ReferralDocument, Withdrawal
from seawall.formats.atproto import PUBLIC_HOSTS, RecordAddress, is_did, read_address
from seawall.outbound import Outbound

_REPORT: Final = "com.atproto.moderation.createReport"
_EVENTS: Final = "tools.ozone.moderation.queryEvents"
_EVENT: Final = "tools.ozone.moderation.getEvent"
_PAGE: Final = 100
_MAX_PAGES: Final = 10


class AtprotoChannel:
    """The channel named ``atproto``.

    An address has the account's own server as its endpoint and an app password as its token. A report is proxied by that
    server to the moderation service that the setting ``labeler`` names. Where the account may read the service's tools
    (setting ``moderator``), answers are polled, and a report that this hub has already made is found and not made again;
    elsewhere there are no answers, and a repeated call makes a second report.
    """

    name: ClassVar[str] = "atproto"
    proof: ClassVar[Proof] = "acknowledged"
    answering: ClassVar[Literal["polled", "delivered", "never"]] = "polled"
    idempotent: ClassVar[bool] = False
    withdraws: ClassVar[bool] = False
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("identifier", "The handle or DID of the account that reports for this hub."),
        Setting("labeler", "The DID of the moderation service that takes the reports."),
        Setting(
            "moderator",
            "Yes when the service lets that account read its moderation tools; then its answers are polled.",
            required=False,
        ),
        Setting(
            "hosts",
            "Websites whose pages /profile/WHO/post/KEY show the post itself, with commas between; bsky.app when empty.",
            required=False,
        ),
    )

    @classmethod
    def equipped(cls, equipment: Equipment) -> Self:
        """Make the channel; it needs the guarded way out, and names the hub in what it sends."""
        return cls(
            equipment.outbound, hub_name=equipment.hub_name, hub_url=equipment.hub_url, contact=equipment.contact
        )

    def __init__(self, outbound: Outbound, *, hub_name: str = "Seawall", hub_url: str = "", contact: str = "") -> None:
        self._sessions = Sessions(outbound)
        self._hub_name = hub_name
        self._hub_url = hub_url
        self._contact = contact

    def send(
        self, address: Address, document: ReferralDocument, *, idempotency_key: str, at: dt.datetime | None = None
    ) -> Receipt:
        """Report the post to the moderation service; see :class:`~seawall.channels.base.Channel`.

        Raises
        ------
        NotCarried
            The document is a notice or an order given under a statute: a user's report is no way to give one.
        ChannelError
            Also when the document's content is not a record of the AT Protocol, or is no longer there.
        """
        if document.kind not in ("voluntary", "notice_of_illegality"):
            raise NotCarried(
                f"A {document.kind.replace('_', ' ')} cannot be given by a user's report, which holds 2,000 characters. "
                "Send it by email or by hand."
            )
        present = at or dt.datetime.now(dt.UTC)
        record = self._record(address, _subject(document, address))
        if _moderates(address) and (earlier := self._earlier(address, document, record.uri)):
            return self._receipt(address, document, record, earlier.id, earlier.at, present, repeated=True)
        made = self._report(address, document, record)
        return self._acknowledged(address, document, record, made, present)

    def answers(self, address: Address, reference: str, *, after: str | None = None) -> list[Answer]:
        """Return what the service did since it has the report; none where the account may not read its tools."""
        if not _moderates(address):
            return []
        if not (reference.isascii() and reference.isdigit() and len(reference) < 19):
            raise ChannelError(f"{reference[:64]!r} is not the number of a report at an Ozone.", retryable=False)
        own = self._sessions.of(address).did
        view = self._sessions.get(address, _EVENT, {"id": int(reference)}, through=True)
        report, uri = read_event(view), _subject_of(view)
        if report.kind != REPORT or report.by != own or report.id != int(reference):
            raise AnswerInvalid(f"Event {reference} of {address.settings.get('labeler')} is not this hub's report.")
        owner = uri.removeprefix("at://").partition("/")[0]
        events = [*self._events(address, uri, OF_RECORD), *self._events(address, owner, OF_ACCOUNT)]
        found = answers_of(report, events, own=own)
        if after is None or not after.isascii() or not after.isdigit():
            return found
        return [answer for answer in found if int(answer.answer_id) > int(after)]

    def inform(self, address: Address, reference: str, text: str, idempotency_key: str) -> None:
        """Refuse: a moderation service asks nothing by this way. Raises NotCarried."""
        raise NotCarried("A report on the AT Protocol cannot be added to. Tell the moderation service by another way.")

    def withdraw(
        self,
        address: Address,
        reference: str,
        withdrawal: Withdrawal,
        *,
        idempotency_key: str,
        at: dt.datetime | None = None,
    ) -> Receipt:
        """Refuse: a second report would count against the author once more. Raises NotCarried."""
        raise NotCarried(
            f"The AT Protocol knows no withdrawal of report {reference[:64]}, and a further report would count against the "
            "author again. Tell the moderation service by another way."
        )

    def _record(self, address: Address, subject: RecordAddress) -> _Record:
        """Resolve the address of the post, and fetch the version that is there now."""
        if not subject.resolved:
            found = self._sessions.get(
                address, "com.atproto.identity.resolveHandle", {"handle": subject.authority}
            ).get("did")
            if not isinstance(found, str) or not is_did(found):
                raise ChannelError(f"The handle {subject.authority} leads to no identity.", retryable=False)
            subject = subject.of(found)
        try:
            got = self._sessions.get(
                address,
                "com.atproto.repo.getRecord",
                {"repo": subject.authority, "collection": subject.collection, "rkey": subject.key},
            )
        except Refused as error:
            if error.retryable:
                raise
            raise ChannelError(
                f"{subject.uri} cannot be reported, since it is not there: {error} Look at the post again.",
                retryable=False,
            ) from error
        cid, value = got.get("cid"), got.get("value")
        if not isinstance(cid, str) or not cid.isascii() or not cid.isalnum() or len(cid) > 200:
            raise ChannelError(
                f"{address.endpoint} does not say which version of {subject.uri} it has.", retryable=False
            )
        text = value.get("text") if isinstance(value, dict) else None
        return _Record(subject.uri, cid, text if isinstance(text, str) else None)

    def _earlier(self, address: Address, document: ReferralDocument, uri: str) -> Event | None:
        """Return the report of this very referral that a call before this one made, if there is one."""
        own = self._sessions.of(address).did
        for event in self._events(address, uri, (REPORT,), by=own):
            meta = event.tool.get("meta")
            if event.by == own and isinstance(meta, dict) and meta.get("document_sha256") == document.sha256():
                return event
        return None

    def _report(self, address: Address, document: ReferralDocument, record: _Record) -> dict[str, Any]:
        tool, attached = mod_tool(document, hub_name=self._hub_name, hub_url=self._hub_url)
        body = {
            "subject": record.reference(),
            "reason": reason_text(document, hub_url=self._hub_url, contact=self._contact, attached=attached),
            "modTool": tool,
        }
        newer, older = reason_types(document.harm.id)
        try:
            return self._sessions.post(address, _REPORT, {**body, "reasonType": newer}, through=True)
        except Refused as error:
            if error.status != 400 or "reason type" not in str(error).lower():
                raise
        return self._sessions.post(address, _REPORT, {**body, "reasonType": older}, through=True)

    def _acknowledged(
        self,
        address: Address,
        document: ReferralDocument,
        record: _Record,
        made: Mapping[str, Any],
        present: dt.datetime,
    ) -> Receipt:
        """Check that what came back names this report, by this account, of this post."""
        number, subject = made.get("id"), made.get("subject")
        service = address.settings.get("labeler", "")
        if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < 2**63:
            raise ReceiptInvalid(f"{service} took the report of {record.uri} without giving it a number.")
        if not isinstance(subject, dict) or (subject.get("uri"), subject.get("cid")) != (record.uri, record.cid):
            raise ReceiptInvalid(f"{service} answered report {number} for another post than {record.uri}.")
        if made.get("reportedBy") != self._sessions.of(address).did:
            raise ReceiptInvalid(f"{service} names another account than this hub's as the reporter of {number}.")
        try:
            said = parse_stamp(str(made.get("createdAt")))
        except (ValueError, OverflowError):
            raise ReceiptInvalid(f"{service} does not say when it took report {number}.") from None
        return self._receipt(address, document, record, number, said, present, repeated=False)

    def _receipt(
        self,
        address: Address,
        document: ReferralDocument,
        record: _Record,
        number: int,
        said: dt.datetime,
        present: dt.datetime,
        *,
        repeated: bool,
    ) -> Receipt:
        """The service's time counts when it can be true; the clock starts at the hub's own otherwise."""
        believed = document.sent_at - ALLOWED_SKEW <= said <= present + ALLOWED_SKEW
        return Receipt.unsigned(
            document,
            reference=str(number),
            received_at=said if believed else present,
            proof="acknowledged",
            evidence={
                "report": number,
                "service": address.settings.get("labeler", ""),
                "server": address.endpoint,
                "reported_by": self._sessions.of(address).did,
                "uri": record.uri,
                "cid": record.cid,
                "said_at": stamp(said),
                "time": "service" if believed else "hub",
                "found_again": repeated,
                "text_as_referred": record.holds(document.content.text_sha256),
            },
        )

    def _events(self, address: Address, subject: str, kinds: tuple[str, ...], *, by: str | None = None) -> list[Event]:
        found: list[Event] = []
        params: dict[str, Any] = {"subject": subject, "types": kinds, "sortDirection": "asc", "limit": _PAGE}
        if by is not None:
            params["createdBy"] = by
        for _ in range(_MAX_PAGES):
            page = self._sessions.get(address, _EVENTS, params, through=True)
            listed, cursor = page.get("events"), page.get("cursor")
            if not isinstance(listed, list):
                raise AnswerInvalid(f"{address.settings.get('labeler')} sent something that is not a list of events.")
            found += [event for event in map(read_event, listed) if event.kind in kinds]
            if len(listed) < _PAGE or not isinstance(cursor, str) or cursor == params.get("cursor"):
                return found
            params["cursor"] = cursor
        raise AnswerInvalid(
            f"{address.settings.get('labeler')} lists more than {_PAGE * _MAX_PAGES} events on {subject}; look at them there."
        )


class _Record:
    """One version of a post."""

    def __init__(self, uri: str, cid: str, text: str | None) -> None:
        self.uri = uri
        self.cid = cid
        self._text = text

    def reference(self) -> dict[str, str]:
        return {"$type": "com.atproto.repo.strongRef", "uri": self.uri, "cid": self.cid}

    def holds(self, digest: str) -> bool:
        """Tell whether its text is, to the letter, the one that was referred."""
        text = (self._text or "").encode("utf-8", errors="replace")
        return self._text is not None and hashlib.sha256(text).hexdigest() == digest


def _moderates(address: Address) -> bool:
    return address.settings.get("moderator", "").strip().lower() == "yes"


def _subject(document: ReferralDocument, address: Address) -> RecordAddress:
    """Return the record that a document is about: its native id when that is an at:// URI, else from its address."""
    content = document.content
    set_hosts = (host.strip().lower() for host in address.settings.get("hosts", "").split(","))
    hosts = frozenset(filter(None, set_hosts)) or PUBLIC_HOSTS
    try:
        if not content.native_id.startswith("at://"):
            return read_address(content.url, hosts=hosts)
        subject = read_address(content.native_id)
    except ValueError as error:
        raise ChannelError(
            f"The post at {content.url[:300]} cannot be reported on the AT Protocol: {error}.", retryable=False
        ) from error
    if not _same(subject, content.url, hosts):
        raise ChannelError(
            f"The post's address {content.url[:300]} and its id {content.native_id} name two posts; correct one of them.",
            retryable=False,
        )
    return subject


def _same(subject: RecordAddress, url: str, hosts: frozenset[str]) -> bool:
    """Tell whether a page and an id can be of one post. A handle and a DID can; a page elsewhere says nothing."""
    try:
        page = read_address(url, hosts=hosts)
    except ValueError:
        return True
    both = page.resolved == subject.resolved
    return page.key == subject.key and (not both or page.authority == subject.authority)


def _subject_of(view: Mapping[str, Any]) -> str:
    subject = view.get("subject")
    uri = subject.get("uri") if isinstance(subject, dict) else None
    try:
        return read_address(uri if isinstance(uri, str) else "").uri
    except ValueError as error:
        raise AnswerInvalid(f"The moderation service does not say which post its report is of: {error}.") from error
