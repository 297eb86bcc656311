"""A whole AT Protocol network with a real Ozone: directory, PDS, AppView and moderation service, and people who use them."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import shutil
import struct
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode
from uuid import uuid4

from tests.channels.samples import document
from tests.peers.support import (
    fail,
    peer_folder,
    postgres_server,
    printed,
    program,
    redis_server,
    run_command,
    run_peer,
)

from seawall.channels import Address, ReferralDocument
from seawall.outbound import Outbound
from seawall.probes.atproto import probe_with
from seawall.probes.base import Observation

HERE = Path(__file__).parent / "atproto"
FILES = ("package.json", "package-lock.json", ".npmrc")
EVENTS = "tools.ozone.moderation.defs#"
POST = "app.bsky.feed.post"
NODE = "The AT Protocol's servers run on Node.js 20 or newer. On Debian and Ubuntu: apt-get install nodejs npm."


def installed() -> Path:
    """Return the folder with the network's packages, pinned by the lock file, its one native part built."""
    node, npm = program("node", how=NODE), program("npm", how=NODE)
    version = run_command([node, "--version"], folder=HERE).strip()
    if int(version.removeprefix("v").partition(".")[0]) < 20:
        fail(f"This Node.js is {version}. {NODE}")

    def install(folder: Path) -> None:
        for name in FILES:
            shutil.copy(HERE / name, folder / name)
        run_command([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder=folder)
        run_command([npm, "rebuild", "better-sqlite3"], folder=folder)

    digest = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in FILES)).hexdigest()
    return peer_folder("atproto", pinned={"files": digest, "node": version}, install=install)


@dataclass(frozen=True)
class Account:
    did: str
    handle: str
    password: str
    token: str = field(repr=False)


@dataclass(frozen=True)
class Post:
    author: Account
    uri: str
    cid: str
    text: str
    blobs: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return self.uri.rpartition("/")[2]

    @property
    def page(self) -> str:
        return f"https://bsky.app/profile/{self.author.handle}/post/{self.key}"

    @property
    def subject(self) -> dict[str, str]:
        return {"$type": "com.atproto.repo.strongRef", "uri": self.uri, "cid": self.cid}


class Network:
    """The network that runs, by the addresses and accounts that it printed."""

    def __init__(self, facts: dict[str, Any], folder: Path, outbound: Outbound) -> None:
        self.folder = folder
        self.outbound = outbound
        self.plc, self.pds = facts["plc"], facts["pds"]
        self.appview, self.ozone, self.labeler = facts["appview"], facts["ozone"], facts["labeler"]
        basic = base64.b64encode(f"admin:{facts['admin']}".encode()).decode()
        self._admin = {"Authorization": f"Basic {basic}"}
        self._accounts: dict[str, dict[str, str]] = facts["accounts"]
        self._probe = probe_with(plc_url=self.plc, appview_url=self.appview, labelers=(self.labeler,))
        self.moderator = self.signed_in("moderator")
        self.watcher = self.signed_in("watcher")
        self.author = self.signed_in("author")

    def call(
        self, base: str, method: str, *, body: Any = None, raw: bytes = b"", headers: Any = None, **params: Any
    ) -> dict[str, Any]:
        """Call a method and return its answer; an error of the network fails the test with what it said."""
        content = json.dumps(body).encode() if body is not None else raw
        sent = {"Content-Type": "application/json"} if body is not None else {}
        answer = self.outbound.fetch(
            f"{base}/xrpc/{method}?{urlencode(params, doseq=True)}",
            method="POST" if content else "GET",
            headers={**sent, **(headers or {})},
            content=content,
        )
        if answer.status != 200:
            fail(f"{method} answered {answer.status}: {answer.body[:2_000]!r}")
        found: dict[str, Any] = json.loads(answer.body or b"{}")
        return found

    def signed_in(self, name: str) -> Account:
        account = self._accounts[name]
        made = self.call(
            self.pds,
            "com.atproto.server.createSession",
            body={"identifier": account["handle"], "password": account["password"]},
        )
        return Account(made["did"], account["handle"], account["password"], made["accessJwt"])

    def newcomer(self) -> Account:
        """Open a new account."""
        handle, password = f"a{uuid4().hex[:12]}.test", uuid4().hex
        made = self.call(
            self.pds,
            "com.atproto.server.createAccount",
            body={"handle": handle, "email": f"{uuid4().hex}@mail.example", "password": password},
        )
        return Account(made["did"], handle, password, made["accessJwt"])

    def as_(self, account: Account, method: str, **asked: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {account.token}", **asked.pop("headers", {})}
        return self.call(self.pds, method, headers=headers, **asked)

    def tools(self, account: Account, method: str, **asked: Any) -> dict[str, Any]:
        """Call one of the moderation service's tools by the account's server, as its own app does."""
        proxied = {"atproto-proxy": f"{self.labeler}#atproto_labeler"}
        return self.as_(account, f"tools.ozone.moderation.{method}", headers=proxied, **asked)

    def post(self, text: str, *, author: Account | None = None, picture: bool = False) -> Post:
        who = author or self.author
        blobs: tuple[str, ...] = ()
        record: dict[str, Any] = {"$type": POST, "text": text, "createdAt": _now()}
        if picture:
            blob = self.as_(who, "com.atproto.repo.uploadBlob", raw=_png(), headers={"Content-Type": "image/png"})[
                "blob"
            ]
            record["embed"] = {"$type": "app.bsky.embed.images", "images": [{"alt": "", "image": blob}]}
            blobs = (blob["ref"]["$link"],)
        body = {"repo": who.did, "collection": POST, "record": record}
        made = self.as_(who, "com.atproto.repo.createRecord", body=body)
        return Post(who, made["uri"], made["cid"], text, blobs)

    def edit(self, post: Post, text: str) -> None:
        record = {"$type": POST, "text": text, "createdAt": _now()}
        body = {"repo": post.author.did, "collection": POST, "rkey": post.key, "record": record}
        self.as_(post.author, "com.atproto.repo.putRecord", body=body)

    def delete(self, post: Post) -> None:
        body = {"repo": post.author.did, "collection": POST, "rkey": post.key}
        self.as_(post.author, "com.atproto.repo.deleteRecord", body=body)

    def moderate(self, kind: str, subject: dict[str, str], *, blobs: tuple[str, ...] = (), **detail: Any) -> int:
        """Let the moderator do something in Ozone, and return the number of the event."""
        body = {
            "event": {"$type": f"{EVENTS}{kind}", **detail},
            "subject": subject,
            "subjectBlobCids": list(blobs),
            "createdBy": self.moderator.did,
        }
        number: int = self.tools(self.moderator, "emitEvent", body=body)["id"]
        return number

    def remove(self, where: Literal["pds", "appview"], post: Post, *, applied: bool = True) -> None:
        """Take a post down at a server, or put it back, as that server's own administrator."""
        body = {"subject": post.subject, "takedown": {"applied": applied, **({"ref": "t"} if applied else {})}}
        base = self.pds if where == "pds" else self.appview
        self.call(base, "com.atproto.admin.updateSubjectStatus", body=body, headers=self._admin)

    def look(self, post: Post | str, **expected: str) -> Observation:
        url = post if isinstance(post, str) else post.uri
        return self._probe(url, outbound=self.outbound, at=dt.datetime.now(dt.UTC), **expected)

    def reports(self, post: Post) -> list[dict[str, Any]]:
        """Return the reports of a post as a moderator sees them."""
        found = self.tools(
            self.moderator, "queryEvents", subject=post.uri, types=[f"{EVENTS}modEventReport"], sortDirection="asc"
        )
        listed: list[dict[str, Any]] = found["events"]
        return listed

    def address(self, name: str = "reporter", **settings: str) -> Address:
        account = self._accounts[name]
        return Address(
            self.pds,
            token=account["password"],
            settings={"identifier": account["handle"], "labeler": self.labeler, **settings},
        )

    def referral(self, post: Post, **changes: Any) -> ReferralDocument:
        digest = hashlib.sha256(post.text.encode()).hexdigest()
        content = {"native_id": post.uri, "url": post.page, "text_sha256": digest}
        return document(**{"content": content, "sent_at": _now(), **changes})


@contextmanager
def running() -> Iterator[Network]:
    """Install the network where it is not yet, start it, and give it once it can be used."""
    folder, node = installed(), program("node", how=NODE)
    with (
        tempfile.TemporaryDirectory(prefix="seawall-atproto-") as logs,
        redis_server(Path(logs)) as redis,
        postgres_server("network") as database,
        run_peer(
            "atproto",
            [node, str(HERE / "network.mjs")],
            log=Path(logs) / "network.log",
            ready=printed("READY "),
            folder=folder,
            environment={"REDIS_HOST": f"127.0.0.1:{redis}", "DB_POSTGRES_URL": database, "TMPDIR": logs},
        ) as peer,
    ):
        facts = json.loads(peer.ready)
        places = (facts[name].removeprefix("http://") for name in ("plc", "pds", "appview", "ozone"))
        with Outbound(frozenset(places), timeout=20) as outbound:
            yield Network(facts, folder, outbound)


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _png() -> bytes:
    """Return a small picture that nobody else has: a moderated file is known again by its digest."""
    colour = uuid4().bytes[:3]
    rows = b"".join(b"\x00" + colour * 8 for _ in range(8))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
