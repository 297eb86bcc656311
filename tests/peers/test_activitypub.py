"""Reports and looks against activitypub-bot, a server of the ActivityPub network that nobody here wrote.

It fetches the hub's actor to check each signature, hands a Flag to the account that it is addressed to and to its log,
and keeps tombstones. Its own code decides all of that; the few lines of JavaScript below make one account, let the test
post as it, and write down what arrives. Mastodon itself cannot be had from the package registries.
"""

import datetime as dt
import json
import platform
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.channels.conformance import withdrawal_of
from tests.channels.fediverse import PEM, Hub, pem_of
from tests.channels.samples import document
from tests.peers.support import Peer, fail, free_port, peer_folder, postgres_server, program, run_command, run_peer

from seawall.channels import Address, ChannelError, ReferralDocument
from seawall.channels.activitypub import ActivityPubChannel
from seawall.channels.http_signatures import Signer
from seawall.outbound import Outbound
from seawall.probes import Observation
from seawall.probes.activitypub import probe, probe_with

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
AT = dt.datetime(2026, 11, 3, 12, tzinfo=dt.UTC)
PINNED = {"@evanp/activitypub-bot": "0.51.2", "activitystrea.ms": "3.1.0", "node": "24.21.0", "pg": "8.16.3"}
CHIPS = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}

BEFORE = """
import net from 'node:net'
import { createRequire } from 'node:module'

// Nothing listens beyond this machine.
const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (port, ...rest) {
  return listen.call(this, { port, host: '127.0.0.1' }, ...rest.filter((part) => typeof part === 'function'))
}

// What version 4 of its library for JSON-LD has and version 3 has not; only 3 is in every copy of the registry.
const require = createRequire(import.meta.url)
const Loader = require('activitystrea.ms/src/contextloader.js')
const contexts = new Map()
Loader.prototype.makeDocLoader = function () {
  return async (url) => {
    const document = contexts.get(url) ?? this.get(url)
    if (!document) { throw new Error(`${url} is not fetched here`) }
    return { contextUrl: null, document, documentUrl: url }
  }
}
const as2 = require('activitystrea.ms') // only now, since it makes a loader at once
const Environment = require('activitystrea.ms/src/environment.js')
const reasoner = require('activitystrea.ms/src/reasoner.js')
as2.registerContext = (url, context) => contexts.set(url, context)
as2.models.Base.prototype.isActivity = function () {
  return [this.type].flat().some((type) => type && reasoner.node(type).is('https://www.w3.org/ns/activitystreams#Activity'))
}
Object.defineProperty(Environment.prototype, 'origContext', { get () { return this.originalContext } })
"""
ACCOUNT = """
import http from 'node:http'
import { Bot } from '@evanp/activitypub-bot'

class Ada extends Bot {
  taken = []

  async initialize (context) {
    await super.initialize(context)
    const control = http.createServer((request, response) => {
      let body = ''
      request.on('data', (part) => { body += part })
      request.on('end', async () => {
        const asked = JSON.parse(body)
        try {
          response.end(JSON.stringify(await this[asked.do](asked)))
        } catch (error) {
          response.writeHead(500).end(String(error.stack))
        }
      })
    })
    control.listen(0, () => console.log(`control ${control.address().port}`))
  }

  async handleActivity (activity) {
    this.taken.push(await activity.export({ useOriginalContext: true }))
    return false
  }

  async said ({ text, to }) { return (await this._context.sendNote(text, { to })).id }
  async changed ({ id, text }) { await this._context.updateNote(await this._context.getObject(id), text) }
  async deleted ({ id }) { await this._context.deleteNote(await this._context.getObject(id)) }
  async arrived () { return this.taken }
}

export default { ada: new Ada('ada', { fullname: 'Ada' }) }
"""


def install(folder: Path) -> None:
    """Install the server, the runtime that it wants, and its pure driver for PostgreSQL; nothing is compiled."""
    chip = CHIPS.get(platform.machine().lower())
    if chip is None or sys.platform not in ("linux", "darwin"):
        fail(
            f"No runtime for activitypub-bot is known for {sys.platform} on {platform.machine()}; run this test on Linux."
        )
    # Version 4 of activitystrea.ms, which it names, is not in every copy of the registry; 3.1.0 serves.
    held = {"private": True, "type": "module", "overrides": {"activitystrea.ms": PINNED["activitystrea.ms"]}}
    (folder / "package.json").write_text(json.dumps(held), encoding="utf-8")
    npm = program("npm", how="Install Node.js with npm; on Debian and Ubuntu: apt-get install npm.")
    wanted = [f"{name}@{PINNED[name]}" for name in ("@evanp/activitypub-bot", "pg")]
    runtime = f"node-{sys.platform}-{chip}@{PINNED['node']}"
    flags = ["--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund"]
    run_command([npm, "install", *flags, *wanted, runtime], folder=folder)


@dataclass
class Server:
    """The server as the test drives it, and the hub whose actor it fetches."""

    peer: Peer
    origin: str
    control: int
    hub: Hub
    outbound: Outbound

    def do(self, what: str, **asked: object) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.control}/", json.dumps({"do": what, **asked}).encode(), method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            self.peer.fail(f"could not do {what}: {error.read().decode()}.")

    def said(self, text: str, *to: str) -> str:
        post: str = self.do("said", text=text, to=list(to) or [PUBLIC])
        return post

    def until(self, what: str, found: Callable[[], Any]) -> Any:
        """Wait for what the server does after its answer."""
        deadline = time.monotonic() + 30
        while not (got := found()):
            if time.monotonic() > deadline:
                self.peer.fail(f"did not {what} within 30 s.")
            time.sleep(0.05)
        return got

    def activity(self, activity_id: str) -> dict[str, Any]:
        """Wait until the account has been handed this activity, and return it."""

        def found() -> Any:
            return [taken for taken in self.do("arrived") if taken["id"] == activity_id]

        first: dict[str, Any] = self.until(f"hand on {activity_id}", found)[0]
        return first

    def address(self, **settings: str) -> Address:
        return Address(f"{self.origin}/shared/inbox", settings={"actor": self.hub.actor, **settings})

    def channel(self) -> ActivityPubChannel:
        return ActivityPubChannel.equipped(self.hub.equipment(self.outbound))

    def referral(self, url: str) -> ReferralDocument:
        return document(content={"native_id": url.rsplit("/", 1)[1], "url": url, "text_sha256": "0" * 64})

    def look(self, url: str, text: str, *, signed: bool = True) -> Observation:
        asking = probe_with(Signer.from_pem(f"{self.hub.actor}#main-key", PEM)) if signed else probe
        return asking(url, outbound=self.outbound, at=AT, expected_text=text)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = peer_folder("activitypub-bot", pinned=PINNED, install=install)
    (folder / "before.js").write_text(BEFORE, encoding="utf-8")  # beside the packages, where their names are found
    (folder / "account.js").write_text(ACCOUNT, encoding="utf-8")
    (node,) = folder.glob("node_modules/node-*/bin/node")
    program_file = folder / "node_modules/@evanp/activitypub-bot/bin/activitypub-bot.js"
    port = free_port()
    origin = f"http://127.0.0.1:{port}"

    def ready(peer: Peer) -> int | None:
        lines = peer.said().splitlines()
        control = [int(line.removeprefix("control ")) for line in lines if line.startswith("control ")]
        return control[0] if control and any("Listening on port" in line for line in lines) else None

    hub = Hub()
    try:
        with postgres_server("activitypub") as database:
            arguments = [str(node), "--import", str(folder / "before.js"), str(program_file)]
            arguments += ["--origin", origin, "--port", str(port), "--database-url", database]
            arguments += ["--bots-config-file", str(folder / "account.js"), "--log-level", "info"]
            log = tmp_path_factory.mktemp("activitypub") / "server.log"
            quiet = {"ALLOW_PRIVATE": "true"}  # that is, it may fetch the hub's actor from loopback
            with (
                run_peer("activitypub-bot", arguments, log=log, ready=ready, folder=folder, environment=quiet) as peer,
                Outbound(frozenset({f"127.0.0.1:{port}"}), timeout=20) as outbound,
            ):
                yield Server(peer, origin, peer.ready, hub, outbound)
    finally:
        hub.stop()


def test_report_is_taken_and_shown_to_who_looks_after_the_account(server: Server) -> None:
    post = server.said("The ferry is late.")
    made = server.referral(post)
    receipt = server.channel().send(server.address(), made, idempotency_key=str(uuid4()))
    flag_id, _, account = receipt.reference.partition("#")
    assert account == f"{server.origin}/user/ada"
    taken = server.activity(flag_id)
    assert (taken["type"], taken["actor"]) == ("Flag", server.hub.actor)
    assert taken["object"] == [account, post]
    assert str(made.referral_id) in taken["content"]
    attached = taken["attachment"][0] if isinstance(taken["attachment"], list) else taken["attachment"]
    assert ReferralDocument.parse(attached["content"].encode()) == made
    server.until("log the report", lambda: "Actor flagged object for review" in server.peer.said())


def test_report_sent_again_with_the_same_key_is_held_once(server: Server) -> None:
    made = server.referral(server.said("The ferry is late."))
    address, key = server.address(inbox="account"), str(uuid4())
    receipt = server.channel().send(address, made, idempotency_key=key)
    assert receipt.evidence["inbox"] == f"{server.origin}/user/ada/inbox"
    flag_id = receipt.reference.partition("#")[0]
    server.activity(flag_id)

    def refused_as_known() -> bool:
        again = server.channel().send(address, made, idempotency_key=key)
        assert again.reference == receipt.reference
        return again.evidence["delivered"] == [{"id": flag_id, "type": "Flag", "status": 400}]

    server.until("tell the repetition", refused_as_known)
    assert len([taken for taken in server.do("arrived") if taken["id"] == flag_id]) == 1


def test_report_under_a_key_that_the_actor_does_not_show_is_refused(server: Server) -> None:
    made = server.referral(server.said("The ferry is late."))
    equipment = replace(
        server.hub.equipment(server.outbound), actor_key=pem_of(rsa.generate_private_key(65_537, 2_048))
    )
    with pytest.raises(ChannelError, match=r"refuses this hub's signature \(401\)") as caught:
        ActivityPubChannel.equipped(equipment).send(server.address(), made, idempotency_key=str(uuid4()))
    assert not caught.value.retryable
    assert not [taken for taken in server.do("arrived") if str(made.referral_id) in taken.get("content", "")]


def test_withdrawal_arrives_and_only_its_words_are_heeded(server: Server) -> None:
    made = server.referral(server.said("The ferry is late."))
    channel, address = server.channel(), server.address()
    receipt = channel.send(address, made, idempotency_key=str(uuid4()))
    withdrawal = withdrawal_of(made, AT)
    got = channel.withdraw(address, receipt.reference, withdrawal, idempotency_key=str(uuid4()))
    undo = server.activity(got.reference)
    assert undo["type"] == "Undo"
    assert undo["object"]["id"] == receipt.reference.partition("#")[0]
    told = got.evidence["delivered"][1]["id"]  # type: ignore[call-overload, index]
    assert withdrawal.reasons in server.activity(str(told))["content"]
    server.until("log the Undo as one that it does not know", lambda: "Unhandled undo" in server.peer.said())


def test_probe_sees_a_post_changed_and_then_gone(server: Server) -> None:
    post = server.said("The ferry is late.")
    up = server.look(post, "The ferry is late.")
    assert (up.state, up.matched, up.views["visibility"]) == ("up", "text", "public")
    server.do("changed", id=post, text="The ferry is on time.")
    assert server.look(post, "The ferry is late.").state == "edited"
    server.do("deleted", id=post)
    gone = server.look(post, "The ferry is late.")
    assert (gone.state, gone.matched, gone.views["origin"]) == ("removed", "tombstone", "tombstone")
    assert server.look(f"{server.origin}/user/ada/note/{'x' * 21}", "The ferry").matched == "status"


def test_probe_is_let_in_by_its_signature_alone(server: Server) -> None:
    post = server.said("For the hub alone.", server.hub.actor)
    seen = server.look(post, "For the hub alone.")
    assert (seen.state, seen.matched, seen.views["visibility"]) == ("restricted", "visibility", "narrowed")
    refused = server.look(post, "For the hub alone.", signed=False)
    assert (refused.state, refused.matched, refused.http_status) == ("unreachable", "not-let-in", 403)


def test_report_of_a_post_that_is_gone_is_not_sent(server: Server) -> None:
    post = server.said("The ferry is late.")
    server.do("deleted", id=post)
    with pytest.raises(ChannelError, match="tombstone") as caught:
        server.channel().send(server.address(), server.referral(post), idempotency_key=str(uuid4()))
    assert not caught.value.retryable
