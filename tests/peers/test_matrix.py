"""The Matrix channel and probe against a real Synapse."""

import datetime as dt
import hashlib
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.channels.conformance import ChannelConformance, TokenConformance
from tests.channels.samples import LEGAL, TERM, document
from tests.peers.synapse import NAME, REPORTS_AT_ONCE, Account, Synapse, synapse_server

from seawall.channels import Address, ChannelError, Equipment, ReferralDocument
from seawall.channels.matrix import MatrixChannel
from seawall.outbound import Outbound
from seawall.probes import Observation
from seawall.probes.matrix import probe_with

SENT_AT = dt.datetime(2026, 11, 2, 9, 30, tzinfo=dt.UTC)
AT = SENT_AT + dt.timedelta(hours=1)


@pytest.fixture(scope="module")
def synapse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synapse]:
    with synapse_server(tmp_path_factory.mktemp("synapse")) as running:
        yield running


@pytest.fixture(scope="module")
def outbound(synapse: Synapse) -> Iterator[Outbound]:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: a port where nobody answers
        nowhere = f"127.0.0.1:{closed.getsockname()[1]}"
        with Outbound(frozenset({synapse.netloc, nowhere}), timeout=30) as made:
            yield made


@pytest.fixture(scope="module")
def author(synapse: Synapse) -> Account:
    return synapse.account("ada")


@pytest.fixture
def hub(synapse: Synapse) -> Account:
    return synapse.account("hub")


def link(*names: str) -> str:
    return f"https://matrix.to/#/{'/'.join(quote(name, safe='') for name in names)}?via={NAME}"


@dataclass
class SynapseRig:
    synapse: Synapse
    author: Account
    hub: Account
    channel: MatrixChannel
    address: Address
    nowhere: Address

    def document(self, outcome: str, **changes: Any) -> ReferralDocument:
        room = self.synapse.room(self.author, self.hub)
        return self.about(link(room, self.synapse.post(room, self.author)), **changes)

    def about(self, url: str, **changes: Any) -> ReferralDocument:
        content = {"native_id": "m1", "url": url, "text_sha256": hashlib.sha256(b"a post").hexdigest()}
        return document(content=content, sent_at=SENT_AT.isoformat(), **changes)

    def now(self) -> dt.datetime:
        return AT

    def settle(self) -> None:
        pass

    def held(self, document: ReferralDocument) -> list[str]:
        reasons = [report["reason"] for report in self.synapse.reports()]
        return [reason for reason in reasons if str(document.referral_id) in reason]

    def send(self, made: ReferralDocument) -> Any:
        return self.channel.send(self.address, made, idempotency_key=str(made.referral_id), at=self.now())

    def refused(self, url: str) -> ChannelError:
        with pytest.raises(ChannelError) as caught:
            self.send(self.about(url))
        return caught.value


@pytest.fixture
def rig(synapse: Synapse, outbound: Outbound, author: Account, hub: Account) -> SynapseRig:
    (nowhere,) = outbound.allow - {synapse.netloc}
    channel = MatrixChannel.equipped(Equipment(outbound, hub_url="https://hub.example"))
    address = Address(synapse.origin, token=hub.token)
    return SynapseRig(synapse, author, hub, channel, address, replace(address, endpoint=f"http://{nowhere}"))


class TestMatrixOnSynapse(ChannelConformance, TokenConformance):
    pass


class TestReport:
    def test_admin_finds_the_report_of_a_message(self, rig: SynapseRig) -> None:
        room = rig.synapse.room(rig.author, rig.hub)
        event = rig.synapse.post(room, rig.author)
        made = rig.about(link(room, event), grounds={"legal": [LEGAL], "term": TERM}, explanation="é\u202e" * 2_500)
        receipt = rig.send(made)
        (found,) = [report for report in rig.synapse.reports() if report["event_id"] == event]
        assert (found["room_id"], found["user_id"], found["sender"]) == (room, rig.hub.user_id, rig.author.user_id)
        assert found["reason"] == receipt.evidence["text"]
        assert "- A threat to kill: met." in found["reason"]
        shown = rig.synapse.do("GET", f"/_synapse/admin/v1/event_reports/{found['id']}", rig.synapse.admin)
        assert shown["event_json"]["content"]["body"] == "a post"

    def test_whole_document_is_stored_with_the_report(self, rig: SynapseRig) -> None:
        receipt = rig.send(rig.document("actioned", explanation="“Ünïcode” \U0001f30a"))
        event = receipt.evidence["reported"]["event"]
        ((content,),) = rig.synapse.stored("select content from event_reports where event_id = ?", event)
        carried = ReferralDocument.model_validate(json.loads(content)["seawall-referral/1"])
        assert carried.sha256() == receipt.document_sha256

    def test_alias_and_room_and_account_are_reported(self, rig: SynapseRig) -> None:
        room = rig.synapse.room(rig.author, rig.hub, room_alias_name="quay")
        event = rig.synapse.post(room, rig.author)
        assert rig.send(rig.about(link(f"#quay:{NAME}", event))).evidence["reported"]["room"] == room

        receipt = rig.send(rig.about(link(room)))
        ((reason,),) = rig.synapse.stored("select reason from room_reports where room_id = ?", room)
        assert reason == receipt.evidence["text"]

        receipt = rig.send(rig.about(link(rig.author.user_id), explanation="é" * 5_000))
        (found,) = [report for report in rig.synapse.reports("user") if report["user_id"] == rig.hub.user_id]
        assert found["target_user_id"] == rig.author.user_id
        assert found["reason"] == receipt.evidence["text"]
        assert receipt.evidence["whole_document"] is True, "1,000 characters are taken at the first try"

    def test_shorter_text_is_sent_where_too_much_is_refused(
        self, rig: SynapseRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(MatrixChannel.send.__globals__["_LENGTHS"], "user", (1_500, 740))
        receipt = rig.send(rig.about(link(rig.author.user_id), explanation="x" * 5_000))
        assert receipt.evidence["whole_document"] is False
        (found,) = [report for report in rig.synapse.reports("user") if report["user_id"] == rig.hub.user_id]
        assert len(found["reason"]) == 740

    @pytest.mark.parametrize("user", [f"@nobody:{NAME}", "@eve:elsewhere.example"])
    def test_account_that_synapse_drops_reports_of_is_refused(self, rig: SynapseRig, user: str) -> None:
        path = f"/_matrix/client/v3/users/{quote(user)}/report"
        assert rig.synapse.do("POST", path, rig.hub, json={"reason": "x"}) == {}, "Synapse says that all is well"
        assert not rig.refused(link(user)).retryable
        assert not [report for report in rig.synapse.reports("user") if report["target_user_id"] == user]

    def test_account_outside_the_room_is_told_to_join(self, rig: SynapseRig) -> None:
        room = rig.synapse.room(rig.author)
        event = rig.synapse.post(room, rig.author)
        error = rig.refused(link(room, event))
        assert "Let the account join" in str(error)
        assert not error.retryable
        rig.synapse.join(room, rig.hub)
        assert rig.send(rig.about(link(room, event))).proof == "accepted"

    def test_message_that_is_not_there_or_redacted_is_not_reported(self, rig: SynapseRig) -> None:
        room = rig.synapse.room(rig.author, rig.hub)
        assert "the message is gone" in str(rig.refused(link(room, "$none")))
        event = rig.synapse.post(room, rig.author)
        rig.synapse.redact(room, rig.author, event)
        assert "already redacted" in str(rig.refused(link(room, event)))
        assert not [report for report in rig.synapse.reports() if report["room_id"] == room]

    def test_limit_is_heeded(self, rig: SynapseRig) -> None:
        room = rig.synapse.room(rig.author, rig.hub)
        for _ in range(REPORTS_AT_ONCE):
            rig.send(rig.about(link(room)))
        error = rig.refused(link(room))
        assert error.retryable
        assert error.retry_after is not None
        assert 1 < error.retry_after <= 100
        assert "M_LIMIT_EXCEEDED" in str(error)

    def test_account_that_is_locked_or_signed_out_is_said_to_be(self, rig: SynapseRig) -> None:
        url = rig.document("actioned").content.url
        path = f"/_synapse/admin/v2/users/{quote(rig.hub.user_id)}"
        rig.synapse.do("PUT", path, rig.synapse.admin, json={"locked": True})
        assert "M_USER_LOCKED" in str(rig.refused(url))
        rig.synapse.do("PUT", path, rig.synapse.admin, json={"locked": False})
        rig.synapse.do("POST", "/_matrix/client/v3/logout", rig.hub, json={})
        error = rig.refused(url)
        assert "new access token" in str(error)
        assert not error.retryable

    def test_server_that_is_no_homeserver_at_that_path_is_said_to_be_none(self, rig: SynapseRig) -> None:
        address = replace(rig.address, endpoint=f"{rig.synapse.origin}/elsewhere")
        with pytest.raises(ChannelError, match="no Matrix homeserver"):
            rig.channel.send(address, rig.document("actioned"), idempotency_key="k")


@dataclass
class Look:
    """Looks as the hub's account."""

    synapse: Synapse
    outbound: Outbound
    hub: Account

    def __call__(self, *names: str, before: Observation | None = None, **expected: str) -> Observation:
        look = probe_with(self.synapse.origin, self.hub.token, before=before.views if before else None)
        return look(link(*names), outbound=self.outbound, at=AT, **expected)  # type: ignore[arg-type]


@pytest.fixture
def look(synapse: Synapse, outbound: Outbound, hub: Account) -> Look:
    return Look(synapse, outbound, hub)


class TestProbe:
    @pytest.fixture
    def room(self, synapse: Synapse, author: Account, hub: Account) -> str:
        return synapse.room(author, hub)

    def test_message_is_up_then_edited(self, synapse: Synapse, author: Account, look: Look, room: str) -> None:
        event = synapse.post(room, author)
        seen = look(room, event, expected_text_sha256=hashlib.sha256(b"a post").hexdigest())
        assert (seen.state, seen.matched) == ("up", "digest")
        assert seen.views == {"event": "there", "edit": "none", "author": "member"}
        synapse.edit(room, author, event, "a kinder post")
        assert look(room, event, expected_text="kinder").state == "up"
        assert look(room, event, before=seen).matched == "edit"
        changed = look(room, event, expected_text="a post")
        assert (changed.state, changed.matched, changed.views["edit"]) == ("edited", "other-text", "edited")

    def test_redaction_by_the_author_and_by_a_moderator(self, synapse: Synapse, author: Account, look: Look) -> None:
        moderator, writer = synapse.account("moderator"), synapse.account("writer")
        for by, word in ((writer, "author"), (moderator, "other")):
            room = synapse.room(moderator, writer)
            event = synapse.post(room, writer)
            assert look(room, event).state == "unreachable", "not in the room yet"
            synapse.join(room, look.hub)
            assert look(room, event).state == "up"
            synapse.redact(room, by, event)
            seen = look(room, event)
            assert (seen.state, seen.views["redacted-by"]) == ("removed", word)

    def test_quarantined_picture_is_withheld(self, synapse: Synapse, author: Account, look: Look, room: str) -> None:
        uri = synapse.image(author)
        event = synapse.post(room, author, msgtype="m.image", body="a.png", url=uri)
        before = look(room, event)
        assert (before.state, before.views["file"]) == ("up", "there")
        synapse.quarantine(uri)
        seen = look(room, event, before=before)
        assert (seen.state, seen.matched, seen.views["file"]) == ("restricted", "file", "gone")
        assert look(room, event).views["file"] == "not-found", "nothing is concluded by who has not seen it before"
        assert not any(b"PNG" in exchange.body for exchange in (*before.exchanges, *seen.exchanges))

    def test_words_beside_a_quarantined_picture_are_up(
        self, synapse: Synapse, author: Account, look: Look, room: str
    ) -> None:
        uri = synapse.image(author)
        event = synapse.post(room, author, msgtype="m.image", body="look at this", filename="a.png", url=uri)
        before = look(room, event)
        synapse.quarantine(uri)
        seen = look(room, event, before=before, expected_text="look at this")
        assert (seen.state, seen.views["file"]) == ("up", "gone")

    def test_suspension_of_the_author_takes_nothing_down(self, synapse: Synapse, hub: Account, look: Look) -> None:
        writer = synapse.account("writer")
        room = synapse.room(writer, hub)
        event = synapse.post(room, writer)
        synapse.suspend(writer)
        refusal = synapse.call("PUT", f"/_matrix/client/v3/rooms/{quote(room)}/send/m.room.message/9", writer, json={})
        assert refusal.json()["errcode"] == "M_USER_SUSPENDED"
        seen = look(room, event, expected_text="a post")
        assert (seen.state, seen.views["author"]) == ("up", "member")
        assert look(writer.user_id).state == "up"

    def test_account_that_is_closed_leaves_the_room_and_its_message_up(
        self, synapse: Synapse, hub: Account, author: Account, look: Look
    ) -> None:
        writer = synapse.account("writer")
        room = synapse.room(author, writer, hub)
        event = synapse.post(room, writer)
        before = look(writer.user_id)
        path = f"/_synapse/admin/v1/deactivate/{quote(writer.user_id)}"
        synapse.do("POST", path, synapse.admin, json={"erase": True})
        seen = until(lambda: look(room, event, expected_text="a post"), lambda seen: seen.views["author"] == "left")
        assert seen.state == "up"
        assert before.views == {"account": "there"}

    def test_message_of_a_room_that_we_were_put_out_of_says_nothing(
        self, synapse: Synapse, author: Account, hub: Account, look: Look, room: str
    ) -> None:
        synapse.in_room("POST", room, "kick", author, json={"user_id": hub.user_id})
        later = synapse.post(room, author)
        seen = look(room, later)
        assert (seen.state, seen.matched) == ("unreachable", "not-let-in")
        assert seen.views["room"] == "left"

    def test_message_from_before_we_came_is_not_called_removed(
        self, synapse: Synapse, author: Account, hub: Account, look: Look
    ) -> None:
        visibility = {"type": "m.room.history_visibility", "state_key": "", "content": {"history_visibility": "joined"}}
        room = synapse.room(author, initial_state=[visibility])
        event = synapse.post(room, author)
        synapse.join(room, hub)
        seen = look(room, event)
        assert (seen.state, seen.http_status, seen.views["room"]) == ("unreachable", 404, "joined")
        assert look(room, synapse.post(room, author)).state == "up"

    def test_purged_message_is_removed(self, synapse: Synapse, author: Account, look: Look, room: str) -> None:
        event = synapse.post(room, author)
        before = look(room, event)
        last = synapse.post(room, author)
        path = f"/_synapse/admin/v1/purge_history/{quote(room)}/{quote(last)}"
        purge = synapse.do("POST", path, synapse.admin, json={"delete_local_events": True})["purge_id"]
        status = f"/_synapse/admin/v1/purge_history_status/{purge}"
        until(lambda: synapse.do("GET", status, synapse.admin), lambda said: said["status"] == "complete")
        for seen in (look(room, event), look(room, event, before=before)):
            assert (seen.state, seen.matched, seen.views["event"]) == ("removed", "status", "not-found")
        assert look(room, last).state == "up"

    def test_message_of_a_room_that_was_deleted_says_nothing(
        self, synapse: Synapse, author: Account, look: Look, room: str
    ) -> None:
        event = synapse.post(room, author)
        before = look(room, event)
        path = f"/_synapse/admin/v1/rooms/{quote(room)}"
        synapse.do("DELETE", path, synapse.admin, json={"block": True, "purge": True})
        seen = look(room, event, before=before)
        assert (seen.state, seen.views) == ("unreachable", {"event": "not-let-in", "room": "not-joined"})

    def test_visitor_learns_only_how_open_the_room_is(
        self, synapse: Synapse, author: Account, outbound: Outbound, room: str
    ) -> None:
        visitor = probe_with(synapse.origin, "")
        event = synapse.post(room, author)
        seen = visitor(link(room, event), outbound=outbound, at=AT)
        assert (seen.state, seen.http_status) == ("unreachable", 401)
        assert seen.views == {"event": "not-let-in", "room": "listed"}
        content = {"history_visibility": "world_readable"}
        synapse.in_room("PUT", room, "state/m.room.history_visibility", author, json=content)
        seen = visitor(link(room), outbound=outbound, at=AT)
        assert (seen.state, seen.views) == ("up", {"room": "world-readable"})
        hidden = synapse.room(author, preset="private_chat")
        assert visitor(link(hidden), outbound=outbound, at=AT).views == {"room": "not-shown"}
        uri = synapse.image(author).removeprefix("mxc://")
        seen = visitor(f"{synapse.origin}/_matrix/media/v3/download/{uri}", outbound=outbound, at=AT)
        assert (seen.state, seen.views) == ("unreachable", {"file": "not-found"})

    def test_token_that_is_no_longer_good_says_nothing(
        self, synapse: Synapse, author: Account, hub: Account, look: Look, room: str
    ) -> None:
        event = synapse.post(room, author)
        before = look(room, event)
        synapse.do("POST", "/_matrix/client/v3/logout", hub, json={})
        seen = look(room, event, before=before)
        assert (seen.state, seen.matched, seen.http_status) == ("unreachable", "not-let-in", 401)


def test_homeserver_that_hangs_and_then_is_gone_is_unreachable(tmp_path: Path) -> None:
    with synapse_server(tmp_path) as own, Outbound(frozenset({own.netloc}), timeout=2) as outbound:
        writer, hub = own.account("writer"), own.account("hub")
        room = own.room(writer, hub)
        event = own.post(room, writer)
        look = probe_with(own.origin, hub.token, before={"event": "there"})
        channel = MatrixChannel.equipped(Equipment(outbound, hub_url="https://hub.example"))
        rig = SynapseRig(own, writer, hub, channel, Address(own.origin, token=hub.token), Address(own.origin))
        assert look(link(room, event), outbound=outbound, at=AT).state == "up"
        assert own.process is not None
        os.kill(own.process.process.pid, signal.SIGSTOP)
        try:
            hanging = look(link(room, event), outbound=outbound, at=AT)
            error = rig.refused(link(room, event))
        finally:
            os.kill(own.process.process.pid, signal.SIGCONT)
        assert (hanging.state, hanging.matched) == ("unreachable", "timeout")
        assert error.retryable
        own.process.process.terminate()
        own.process.process.wait(30)
        gone = look(link(room, event), outbound=outbound, at=AT)
        assert (gone.state, gone.matched, gone.http_status) == ("unreachable", "refused", None)
        assert rig.refused(link(room, event)).retryable


def until(ask: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
    """Ask until the answer is good; Synapse does some work after it has answered."""
    deadline = time.monotonic() + 30
    while not good(found := ask()):
        assert time.monotonic() < deadline, f"waited in vain; last came {found!r}"
        time.sleep(0.1)
    return found
