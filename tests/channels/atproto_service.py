"""An account's server with an Ozone behind it, as far as a reporter meets them: answers in the shape that real ones give."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from tests.channels.samples import document
from tests.support.xrpc import Asked, Says, error, serving

from seawall.channels import Address, ReferralDocument
from seawall.channels.atproto import AtprotoChannel
from seawall.channels.base import Equipment
from seawall.outbound import Outbound

AUTHOR = "did:plc:authorauthorauthoraaaaaa"
REPORTER = "did:plc:reporterreporterreporter"
LABELER = "did:plc:ozoneozoneozoneozoneozon"
MODERATOR = "did:plc:moderatormoderatormodera"
PASSWORD = "abcd-efgh-ijkl-mnop"
HANDLE = "hub.example.org"
D = "tools.ozone.moderation.defs#"
CREATE_REPORT = "com.atproto.moderation.createReport"
CREATE_SESSION = "com.atproto.server.createSession"
REFRESH_SESSION = "com.atproto.server.refreshSession"
GET_RECORD = "com.atproto.repo.getRecord"
GET_EVENT = "tools.ozone.moderation.getEvent"
QUERY_EVENTS = "tools.ozone.moderation.queryEvents"


def cid_of(text: str) -> str:
    return "bafyrei" + text.encode().hex()[:40].ljust(40, "a")


@dataclass
class Service:
    """`outdated` access tokens are told to be expired; `refuses` overrides the answer to a method."""

    team: set[str] = field(default_factory=lambda: {REPORTER})
    records: dict[str, str] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    outdated: set[str] = field(default_factory=set)
    refuses: dict[str, list[Says]] = field(default_factory=dict)
    calls: list[Asked] = field(default_factory=list)
    reason_types: frozenset[str] | None = None
    now: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)

    def post(self, key: str, text: str = "a post") -> str:
        self.records[f"at://{AUTHOR}/app.bsky.feed.post/{key}"] = text
        return f"https://bsky.app/profile/author.example.org/post/{key}"

    def count(self, path: str) -> int:
        return sum(asked.path == path for asked in self.calls)

    def reports(self) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"]["$type"] == f"{D}modEventReport"]

    def event(self, kind: str, subject: str, *, by: str = MODERATOR, tool: Any = None, **detail: Any) -> dict[str, Any]:
        """Write an event into the log, as if `by` had done it now."""
        blobs = detail.pop("blobs", [])
        lex: dict[str, Any] = {"$type": "com.atproto.admin.defs#repoRef", "did": subject}
        if subject.startswith("at://"):
            text = self.records.get(subject, "")
            lex = {"$type": "com.atproto.repo.strongRef", "uri": subject, "cid": cid_of(text)}
        with self._lock:
            made: dict[str, Any] = {
                "id": next(self._numbers),
                "event": {"$type": f"{D}{kind}", **detail},
                "subject": lex,
                "subjectBlobCids": blobs,
                "createdBy": by,
                "createdAt": self.now.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
            }
            if tool is not None:
                made["modTool"] = tool
            self.events.append(made)
        return made

    def answer(self, asked: Asked) -> Says:
        self.calls.append(asked)
        if self.refuses.get(asked.path):
            return self.refuses[asked.path].pop(0)
        name = asked.path.rpartition(".")[2]
        handler = getattr(self, f"_{name}", None)
        return handler(asked) if handler else error("MethodNotImplemented", status=501)

    def _createSession(self, asked: Asked) -> Says:
        wanted = asked.json()
        if wanted != {"identifier": HANDLE, "password": PASSWORD}:
            return error("AuthenticationRequired", "Invalid identifier or password", 401)
        return self._session()

    def _refreshSession(self, asked: Asked) -> Says:
        token = asked.headers["authorization"].removeprefix("Bearer ")
        if not token.startswith("refresh-") or token in self.outdated:
            return error("ExpiredToken", "Token has expired")
        return self._session()

    def _session(self) -> Says:
        with self._lock:
            number = next(self._numbers)
        tokens = {"accessJwt": f"access-{number}", "refreshJwt": f"refresh-{number}"}
        return Says(value={"did": REPORTER, "handle": HANDLE, "active": True, **tokens})

    def _signed_in(self, asked: Asked) -> Says | None:
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if token in self.outdated:
            return error("ExpiredToken", "Token has expired")
        return None if token.startswith("access-") else error("InvalidToken", "Token could not be verified")

    def _resolveHandle(self, asked: Asked) -> Says:
        if asked.one("handle") != "author.example.org":
            return error("InvalidRequest", "Unable to resolve handle")
        return Says(value={"did": AUTHOR})

    def _getRecord(self, asked: Asked) -> Says:
        uri = f"at://{asked.one('repo')}/{asked.one('collection')}/{asked.one('rkey')}"
        if uri not in self.records:
            return error("RecordNotFound", f"Could not locate record: {uri}")
        text = self.records[uri]
        return Says(value={"uri": uri, "cid": cid_of(text), "value": {"$type": "app.bsky.feed.post", "text": text}})

    def _createReport(self, asked: Asked) -> Says:
        if refused := self._signed_in(asked):
            return refused
        if asked.headers.get("atproto-proxy") != f"{LABELER}#atproto_labeler":
            return error("InvalidRequest", "could not resolve proxy did")
        body = asked.json()
        if len(asked.body) > 100 * 1024:
            return error("PayloadTooLargeError", "request entity too large", 413)
        if self.reason_types is not None and body["reasonType"] not in self.reason_types:
            return error("InvalidRequest", f"Invalid reason type: {body['reasonType']}")
        made = self.event(
            "modEventReport",
            body["subject"]["uri"],
            by=REPORTER,
            tool=body["modTool"],
            comment=body["reason"],
            reportType=body["reasonType"],
            isReporterMuted=False,
        )
        return Says(
            value={
                "id": made["id"],
                "createdAt": made["createdAt"],
                "reasonType": body["reasonType"],
                "reason": body["reason"],
                "reportedBy": REPORTER,
                "subject": body["subject"],
            }
        )

    def _tools(self, asked: Asked) -> Says | None:
        if refused := self._signed_in(asked):
            return refused
        if REPORTER not in self.team:
            return error("AuthenticationRequired", "not a moderator account", 401)
        return None

    def _queryEvents(self, asked: Asked) -> Says:
        if refused := self._tools(asked):
            return refused
        after = int(asked.one("cursor") or 0)
        of = asked.one("subject")
        found = [
            event
            for event in self.events
            if event["id"] > after
            and of == event["subject"].get("uri", event["subject"].get("did"))
            and event["event"]["$type"] in asked.params["types"]
            and asked.one("createdBy") in ("", event["createdBy"])
        ][: int(asked.one("limit"))]
        return Says(value={"events": found, **({"cursor": str(found[-1]["id"])} if found else {})})

    def _getEvent(self, asked: Asked) -> Says:
        if refused := self._tools(asked):
            return refused
        for event in self.events:
            if event["id"] == int(asked.one("id")):
                subject = {"$type": f"{D}recordView", **{k: v for k, v in event["subject"].items() if k != "$type"}}
                return Says(value={**event, "subject": subject})
        return error("InvalidRequest", "Moderation event not found")


@dataclass
class OzoneRig:
    """A channel and the service at its other end; see :class:`tests.channels.conformance.Rig`."""

    service: Service
    channel: AtprotoChannel
    address: Address
    nowhere: Address

    def document(self, outcome: str = "actioned", **changes: Any) -> ReferralDocument:
        key = changes.pop("key", f"3k{uuid4().hex[:11]}")
        text = changes.pop("text", "a post")
        content = {
            "native_id": key,
            "url": self.service.post(key, text),
            "text_sha256": hashlib.sha256(text.encode()).hexdigest(),
        }
        return document(**{"content": content, "sent_at": self.now().isoformat(), **changes})

    def now(self) -> dt.datetime:
        return self.service.now

    def settle(self) -> None:
        pass

    def held(self, made: ReferralDocument) -> list[str]:
        return [
            report["event"]["comment"]
            for report in self.service.reports()
            if report["modTool"]["meta"]["referral_id"] == str(made.referral_id)
        ]

    def send(self, made: ReferralDocument | None = None, **settings: str) -> Any:
        address = replace(self.address, settings={**self.address.settings, **settings})
        return self.channel.send(address, made or self.document(), idempotency_key=str(uuid4()), at=self.now())

    def uri(self, made: ReferralDocument) -> str:
        return f"at://{AUTHOR}/app.bsky.feed.post/{made.content.native_id}"

    @property
    def reading(self) -> Address:
        """The address of an account that may read the service's tools."""
        return replace(self.address, settings={**self.address.settings, "moderator": "yes"})


@contextmanager
def rigged() -> Iterator[OzoneRig]:
    """Run a service, and give a channel that knows it."""
    service = Service()
    with socket.socket() as closed, serving(service.answer) as url:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: a port where nobody answers
        nowhere = f"127.0.0.1:{closed.getsockname()[1]}"
        allow = frozenset({url.removeprefix("http://"), nowhere})
        with Outbound(allow, timeout=10, ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)) as outbound:
            channel = AtprotoChannel.equipped(
                Equipment(outbound, hub_name="Example hub", hub_url="https://hub.example", contact="desk@hub.example")
            )
            address = Address(url, token=PASSWORD, settings={"identifier": HANDLE, "labeler": LABELER})
            yield OzoneRig(service, channel, address, replace(address, endpoint=f"http://{nowhere}"))
