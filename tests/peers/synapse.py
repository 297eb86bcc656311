"""A real Synapse, installed into an environment of its own and run on 127.0.0.1 with SQLite."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import itertools
import json
import secrets
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from tests.peers.support import Peer, free_port, peer_folder, run_command, run_peer

VERSION = "1.163.2"
NAME = "harbour.example"
"""What the server calls itself; nobody has to resolve it."""
REPORTS_AT_ONCE = 3
"""How many reports of rooms and accounts it takes from one account before it says to wait."""

_PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def programs() -> Path:
    """Return the ``bin`` of an environment that has Synapse in it, made on the first call."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"

    def install(folder: Path) -> None:
        run_command([sys.executable, "-m", "venv", "venv"], folder=folder)
        wanted = ["--quiet", "--disable-pip-version-check", f"matrix-synapse=={VERSION}"]
        run_command(["venv/bin/python", "-m", "pip", "install", *wanted], folder=folder)

    return peer_folder("synapse", pinned={"matrix-synapse": VERSION, "python": python}, install=install) / "venv/bin"


@dataclass(frozen=True)
class Account:
    user_id: str
    token: str = field(repr=False)


class Synapse:
    """The server, and what people do on it: sign up, talk, moderate."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.netloc = f"127.0.0.1:{port}"
        self.origin = f"http://{self.netloc}"
        self.secret = secrets.token_hex(16)
        self.numbers = itertools.count(1)
        self.process: Peer | None = None
        self._client = httpx.Client(base_url=self.origin, timeout=60, trust_env=False)
        self._admin: Account | None = None
        config = {
            "server_name": NAME,
            "report_stats": False,
            "listeners": [
                {
                    "port": port,
                    "type": "http",
                    "bind_addresses": ["127.0.0.1"],
                    "resources": [{"names": ["client", "media"]}],
                }
            ],
            "database": {"name": "sqlite3", "args": {"database": str(folder / "homeserver.db")}},
            "media_store_path": str(folder / "media"),
            "signing_key_path": str(folder / "signing.key"),
            "pid_file": str(folder / "homeserver.pid"),
            "registration_shared_secret": self.secret,
            "macaroon_secret_key": secrets.token_hex(16),
            "form_secret": secrets.token_hex(16),
            "trusted_key_servers": [],
            "suppress_key_server_warning": True,
            "presence": {"enabled": False},
            "rc_message": _often(),
            "rc_registration": _often(),
            "rc_joins": {"local": _often(), "remote": _often()},
            "rc_room_creation": _often(),
            "bcrypt_rounds": 4,
            "rc_reports": {"per_second": 0.01, "burst_count": REPORTS_AT_ONCE},
        }
        (folder / "homeserver.yaml").write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML
        seed = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
        (folder / "signing.key").write_text(f"ed25519 a_tests {seed}\n", encoding="utf-8")

    def close(self) -> None:
        self._client.close()

    def call(self, method: str, path: str, account: Account | None = None, **given: Any) -> httpx.Response:
        """Ask the server as `account`; any status is an answer."""
        headers = {"Authorization": f"Bearer {account.token}"} if account else {}
        return self._client.request(method, path, headers=headers | given.pop("headers", {}), **given)

    def do(self, method: str, path: str, account: Account | None = None, **given: Any) -> dict[str, Any]:
        """Ask the server for something that it is sure to do."""
        answer = self.call(method, path, account, **given)
        assert answer.status_code == 200, f"{method} {path} was answered {answer.status_code}: {answer.text[:500]}"
        found: dict[str, Any] = answer.json()
        return found

    def account(self, name: str, *, admin: bool = False) -> Account:
        """Sign up somebody new, with the secret that only this server knows."""
        path = "/_synapse/admin/v1/register"
        nonce, user = self.do("GET", path)["nonce"], f"{name}{next(self.numbers)}"
        signed = "\0".join((nonce, user, "a password", "admin" if admin else "notadmin")).encode()
        mac = hmac.new(self.secret.encode(), signed, hashlib.sha1).hexdigest()
        form = {"nonce": nonce, "username": user, "password": "a password", "admin": admin, "mac": mac}
        made = self.do("POST", path, json=form)
        return Account(made["user_id"], made["access_token"])

    @property
    def admin(self) -> Account:
        self._admin = self._admin or self.account("admin", admin=True)
        return self._admin

    def room(self, owner: Account, *members: Account, **given: Any) -> str:
        """Make a room that anybody may join, and let `members` join it."""
        made = self.do("POST", "/_matrix/client/v3/createRoom", owner, json={"preset": "public_chat", **given})
        room = str(made["room_id"])
        for member in members:
            self.join(room, member)
        return room

    def join(self, room: str, account: Account) -> None:
        self.do("POST", f"/_matrix/client/v3/join/{quote(room)}", account, json={})

    def in_room(self, method: str, room: str, path: str, account: Account, **given: Any) -> dict[str, Any]:
        return self.do(method, f"/_matrix/client/v3/rooms/{quote(room)}/{path}", account, **given)

    def post(self, room: str, author: Account, **content: Any) -> str:
        """Send a message; return its event id."""
        path = f"send/m.room.message/{next(self.numbers)}"
        sent = self.in_room("PUT", room, path, author, json={"msgtype": "m.text", "body": "a post", **content})
        return str(sent["event_id"])

    def edit(self, room: str, author: Account, event: str, body: str) -> None:
        new = {"msgtype": "m.text", "body": body}
        relates = {"rel_type": "m.replace", "event_id": event}
        self.post(room, author, **{"body": f"* {body}", "m.new_content": new, "m.relates_to": relates})

    def redact(self, room: str, account: Account, event: str) -> None:
        self.in_room("PUT", room, f"redact/{quote(event)}/{next(self.numbers)}", account, json={})

    def image(self, owner: Account) -> str:
        """Upload a picture unlike any other, since Synapse quarantines what it has quarantined; return its URI."""
        content = _PNG + secrets.token_bytes(16)
        headers = {"Content-Type": "image/png"}
        path = "/_matrix/media/v3/upload?filename=a.png"
        return str(self.do("POST", path, owner, content=content, headers=headers)["content_uri"])

    def quarantine(self, uri: str) -> None:
        self.do("POST", f"/_synapse/admin/v1/media/quarantine/{uri.removeprefix('mxc://')}", self.admin)

    def suspend(self, account: Account) -> None:
        path = f"/_synapse/admin/v1/suspend/{quote(account.user_id)}"
        self.do("PUT", path, self.admin, json={"suspend": True})

    def reports(self, about: str = "event") -> list[dict[str, Any]]:
        """Return what an admin reads: the newest reports of messages (``event``) or accounts (``user``)."""
        listed = self.do("GET", f"/_synapse/admin/v1/{about}_reports?limit=100", self.admin)
        found: list[dict[str, Any]] = listed[f"{about}_reports"]
        return found

    def stored(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Read what no interface of the server shows, from its database."""
        with contextlib.closing(sqlite3.connect(f"file:{self.folder / 'homeserver.db'}?mode=ro", uri=True)) as database:
            return database.execute(query, values).fetchall()


@contextlib.contextmanager
def synapse_server(folder: Path) -> Iterator[Synapse]:
    """Run a new, empty Synapse that keeps all it has in `folder`."""
    python = programs() / "python"
    port = free_port()
    server = Synapse(folder, port)

    def ready(peer: Peer) -> str | None:
        """Wait for its own word, since something else may listen there."""
        return server.origin if f"Synapse now listening on TCP port {port}" in peer.said() else None

    arguments = [str(python), "-m", "synapse.app.homeserver", "-c", "homeserver.yaml"]
    with (
        contextlib.closing(server),
        run_peer("synapse", arguments, log=folder / "synapse.log", ready=ready, folder=folder) as server.process,
    ):
        yield server


def _often() -> dict[str, int]:
    return {"per_second": 1_000, "burst_count": 1_000}
