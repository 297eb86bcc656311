"""A server that keeps reports as Mastodon does in its secure mode, and the pages by which the hub shows who it is.

The server checks signatures with code of its own, so that the hub's cannot be wrong in the same way unseen.
"""

import base64
import datetime as dt
import hashlib
import json
import re
import threading
import urllib.request
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit
from uuid import uuid4

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from seawall.channels import Equipment
from seawall.channels.activitypub import actor_document, webfinger

AS = "https://www.w3.org/ns/activitystreams"


def pem_of(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


PRIVATE = rsa.generate_private_key(65_537, 2_048)
PEM = pem_of(PRIVATE)


class Quiet(ThreadingHTTPServer):
    """Serves on a port of its own; does not print that a client hung up."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.origin = f"http://127.0.0.1:{self.server_address[1]}"
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self.thread.start()

    def handle_error(self, request: object, client_address: object) -> None:
        pass

    def stop(self) -> None:
        self.shutdown()
        self.thread.join()
        self.server_close()


class HubPages(BaseHTTPRequestHandler):
    """What the hub publishes: its actor and its webfinger."""

    server: "Hub"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        page = self.server.page(self.path)
        self.send_response(200 if page else 404)
        self.send_header("Content-Type", "application/activity+json")
        self.end_headers()
        self.wfile.write(json.dumps(page or {}).encode())


class Hub(Quiet):
    def __init__(self) -> None:
        self.pem, self.down = PEM, False
        super().__init__(HubPages)
        self.actor = f"{self.origin}/federation/actor"

    def page(self, path: str) -> dict[str, Any] | None:
        asked = urlsplit(path)
        if self.down:
            return None
        if asked.path == "/.well-known/webfinger":
            resource = unquote(asked.query.removeprefix("resource="))
            return webfinger(resource, actor=self.actor)
        return actor_document(self.equipment(None), actor=self.actor) if asked.path == "/federation/actor" else None

    def equipment(self, outbound: Any) -> Equipment:
        return Equipment(outbound, "Example hub", self.origin, "desk@hub.example", actor_key=self.pem)


class Refused(Exception):
    """The server does not accept a signature; it says why, as Mastodon does."""


class Mastodon(BaseHTTPRequestHandler):
    """The part of Mastodon that takes reports, in its secure mode: nothing is shown to a request without a signature."""

    server: "Fediverse"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def answer(
        self, status: int, value: object = None, kind: str = "application/activity+json", **headers: str
    ) -> None:
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), text)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.path in self.server.redirects:
            return self.answer(302, Location=self.server.redirects[self.path])
        try:
            self.signed_by(b"")
        except Refused as error:
            return self.answer(401, {"error": str(error)}, "application/json")
        status, value = self.server.shows.get(self.path, (404, None))
        return self.answer(status, value)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            owner = self.signed_by(body)
        except Refused as error:
            return self.answer(401, {"error": str(error)}, "application/json")
        if self.headers["Content-Type"] != "application/activity+json":
            return self.answer(406)
        activity = json.loads(body)
        if activity["actor"] == owner:
            self.server.take(self.path, activity)
        return self.answer(202)

    def signed_by(self, body: bytes) -> str:
        """Return the owner of the key that signed this request, whose actor and webfinger were fetched."""
        if "Signature" not in self.headers:
            raise Refused("Request not signed")
        given = dict(re.findall(r'([a-zA-Z]+)="([^"]*)"', self.headers["Signature"]))
        names = given["headers"].split()
        if abs((dt.datetime.now(dt.UTC) - parsedate_to_datetime(self.headers["Date"])).total_seconds()) > 300:
            raise Refused("Signed request date outside acceptable time window")
        if not {"(request-target)", "host", "date"} <= set(names) or (self.command == "POST" and "digest" not in names):
            raise Refused("Mastodon requires the Digest header to be signed when doing a POST request")
        summed = "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()
        if self.command == "POST" and self.headers["Digest"] != summed:
            raise Refused("Invalid Digest value")
        lines = {"(request-target)": f"{self.command.lower()} {self.path}"}
        text = "\n".join(f"{name}: {lines.get(name) or self.headers[name]}" for name in names)
        actor = self.actor(given["keyId"])
        key = serialization.load_pem_public_key(actor["publicKey"]["publicKeyPem"].encode())
        assert isinstance(key, rsa.RSAPublicKey)
        try:
            key.verify(base64.b64decode(given["signature"]), text.encode(), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            raise Refused("Verification failed") from None
        return str(actor["id"])

    def actor(self, key_id: str) -> dict[str, Any]:
        """Fetch the actor and check, as Mastodon does, that its webfinger leads back to it."""
        address = key_id.partition("#")[0]
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                actor: dict[str, Any] = json.load(answer)
            resource = f"acct:{actor['preferredUsername']}@{urlsplit(address).netloc}"
            finger = f"http://{urlsplit(address).netloc}/.well-known/webfinger?resource={quote(resource)}"
            with urllib.request.urlopen(finger, timeout=5) as answer:
                links = json.load(answer)["links"]
        except OSError:
            raise Refused(f"Unable to fetch key JSON at {key_id}") from None
        assert actor["type"] in {"Application", "Group", "Organization", "Person", "Service"}
        assert actor["inbox"]
        assert actor["publicKey"]["id"] == key_id
        assert actor["publicKey"]["owner"] == actor["id"] == address
        assert [link["href"] for link in links if link["rel"] == "self"] == [address]
        return actor


@dataclass
class Report:
    uri: str | None
    account: str
    posts: list[str]
    comment: str
    activity: dict[str, Any]


class Fediverse(Quiet):
    """One server of the network. `honours_undo` makes it one of the few that take a report back."""

    def __init__(self, *, honours_undo: bool = False) -> None:
        self.honours_undo = honours_undo
        self.shows: dict[str, tuple[int, object]] = {}
        self.redirects: dict[str, str] = {}
        self.reports: list[Report] = []
        self.undone: list[str] = []
        self.asked: list[str] = []
        self.inboxes: list[str] = []
        super().__init__(Mastodon)
        self.account = f"{self.origin}/users/ada"
        self.shows["/users/ada"] = (
            200,
            {
                "@context": AS,
                "id": self.account,
                "type": "Person",
                "preferredUsername": "ada",
                "inbox": f"{self.account}/inbox",
                "endpoints": {"sharedInbox": f"{self.origin}/inbox"},
            },
        )

    def post(self, **changes: Any) -> str:
        """Keep a new post and return its public address, which is not its id."""
        number = uuid4().int % 10**18
        self.shows[f"/@ada/{number}"] = self.shows[f"/users/ada/statuses/{number}"] = (
            200,
            {
                "@context": AS,
                "id": f"{self.account}/statuses/{number}",
                "type": "Note",
                "url": f"{self.origin}/@ada/{number}",
                "attributedTo": self.account,
                "to": [f"{AS}#Public"],
                "content": "<p>a post</p>",
                **changes,
            },
        )
        return f"{self.origin}/@ada/{number}"

    def take(self, path: str, activity: dict[str, Any]) -> None:
        """Do what Mastodon does: one report an account of its own; it neither knows ids again nor heeds Undo of a Flag."""
        self.inboxes.append(path)
        objects = activity["object"]
        if activity["type"] == "Undo" and self.honours_undo:
            self.undone.append(objects["id"])
        if activity["type"] != "Flag":
            return
        for account in objects:
            if account == self.account:
                same = urlsplit(activity["id"]).netloc == urlsplit(activity["actor"]).netloc
                posts = [uri for uri in objects if urlsplit(uri).path in self.shows and uri != account]
                uri = activity["id"] if same else None
                self.reports.append(Report(uri, account, posts, activity["content"][:5_000], activity))


RECORDED = Path(__file__).parents[1] / "peers" / "recorded" / "activitypub"


class Tape(BaseHTTPRequestHandler):
    """Answers as recorded, in order, and notes every way in which a request differs from the recorded one."""

    server: "Replay"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if not self.server.left:
            self.server.wrong.append(f"{self.command} {self.path} was not recorded")
            self.send_error(500)
            return
        exchange = self.server.left.pop(0)
        asked, answer = exchange["request"], exchange["response"]
        got = {"method": self.command, "path": self.path, "signed": "Signature" in self.headers}
        if "body" in asked:
            shown = json.loads(sent)
            got |= {
                "content-type": self.headers["Content-Type"],
                "body": {name: shown.get(name) for name in asked["body"]},
            }
        if got != asked:
            self.server.wrong.append(f"{got} is not the recorded {asked}")
        body = answer["body"]
        self.send_response(answer["status"])
        for name, value in answer["headers"].items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write((body if isinstance(body, str) else json.dumps(body)).encode())

    do_POST = do_GET


class Replay(Quiet):
    """A recorded exchange, its server's address put in for ``{origin}``."""

    def __init__(self, name: str) -> None:
        super().__init__(Tape)
        text = (RECORDED / f"{name}.json").read_text("utf-8").replace("{origin}", self.origin)
        self.record: dict[str, Any] = json.loads(text)
        self.left: list[dict[str, Any]] = list(self.record["exchanges"])
        self.wrong: list[str] = []
