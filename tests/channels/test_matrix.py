"""The Matrix channel against a homeserver that answers as Synapse does, and against answers that none should give."""

import datetime as dt
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import pytest
from tests.channels.conformance import ChannelConformance, TokenConformance
from tests.channels.homeserver import ADA, HUB, NAME, TOKEN, Homeserver, Report
from tests.channels.notice_samples import formal_notice, removal_order
from tests.channels.samples import LEGAL, SENT_AT, TERM, document

from seawall.channels import Address, ChannelError, Equipment, NotCarried, Receipt, ReceiptInvalid, ReferralDocument
from seawall.channels.matrix import MatrixChannel
from seawall.outbound import Outbound

HUB_URL = "https://hub.example"
OTHER = "@eve:elsewhere.example"


@pytest.fixture(scope="module")
def running() -> Iterator[Homeserver]:
    server = Homeserver()
    yield server
    server.stop()


@pytest.fixture
def homeserver(running: Homeserver) -> Homeserver:
    running.reset()
    return running


@dataclass
class MatrixRig:
    homeserver: Homeserver
    channel: MatrixChannel
    address: Address
    nowhere: Address

    def document(self, outcome: str, **changes: Any) -> ReferralDocument:
        room = self.homeserver.room()
        return self.about(f"https://matrix.to/#/{room}/{self.homeserver.post(room)}?via={NAME}", **changes)

    def about(self, url: str, native_id: str = "m1", **changes: Any) -> ReferralDocument:
        content = {"native_id": native_id, "url": url, "text_sha256": "0" * 64}
        return document(content=content, sent_at=self.now().isoformat(), **changes)

    def now(self) -> dt.datetime:
        return SENT_AT

    def settle(self) -> None:
        pass

    def held(self, document: ReferralDocument) -> list[str]:
        reports = self.homeserver.reports
        return [report.reason for report in reports if str(document.referral_id) in report.reason]

    def send(self, made: ReferralDocument, **changes: Any) -> Receipt:
        address = replace(self.address, **changes)
        return self.channel.send(address, made, idempotency_key=str(made.referral_id), at=self.now())

    def report(self) -> Report:
        (found,) = self.homeserver.reports
        return found


@pytest.fixture(scope="module")
def outbound(running: Homeserver) -> Iterator[Outbound]:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: a port where nobody answers
        nowhere = f"127.0.0.1:{closed.getsockname()[1]}"
        with Outbound(frozenset({running.netloc, nowhere}), timeout=10, max_bytes=50_000) as made:
            yield made


@pytest.fixture
def rig(homeserver: Homeserver, outbound: Outbound) -> MatrixRig:
    (nowhere,) = outbound.allow - {homeserver.netloc}
    channel = MatrixChannel.equipped(Equipment(outbound, "Example hub", f"{HUB_URL}/", "desk@hub.example"))
    address = Address(homeserver.origin, token=TOKEN)
    return MatrixRig(homeserver, channel, address, replace(address, endpoint=f"http://{nowhere}"))


class TestMatrix(ChannelConformance, TokenConformance):
    pass


def test_message_is_reported_by_its_id_after_it_was_seen(rig: MatrixRig) -> None:
    room = rig.homeserver.room()
    event = rig.homeserver.post(room)
    receipt = rig.send(rig.about(f"https://matrix.to/#/{room}/{event}"))
    assert rig.report().path == f"/_matrix/client/v3/rooms/{quote(room, safe='')}/report/{quote(event, safe='')}"
    assert [asked[0] for asked in rig.homeserver.asked] == ["GET", "POST"]
    assert all(asked[2] == f"Bearer {TOKEN}" for asked in rig.homeserver.asked)
    assert receipt.reference == receipt.referral_id
    assert receipt.received_at == rig.now()
    assert receipt.evidence["reported"] == {
        "kind": "event",
        "room": room,
        "event": event,
        "sender": ADA,
        "origin_server_ts": 1_795_000_000_000,
    }
    assert receipt.evidence["text"] == rig.report().reason
    assert receipt.evidence["answer"] == {}
    assert TOKEN not in json.dumps(receipt.to_dict())


def test_whole_document_lies_beside_the_reason(rig: MatrixRig) -> None:
    made = rig.document("actioned", grounds={"legal": [LEGAL], "term": TERM}, explanation="“Ünïcode” & \u2028<b>")
    receipt = rig.send(made)
    carried = ReferralDocument.model_validate(rig.report().body["seawall-referral/1"])
    assert carried == made
    assert carried.sha256() == receipt.document_sha256
    assert receipt.evidence["whole_document"] is True


@pytest.mark.parametrize(
    ("pattern", "address", "native_id"),
    [
        ("", "https://matrix.to/#/{room}/{event}", "m1"),
        ("", "https://app.client.example/#/room/{room}/{event}", "m1"),
        ("https://chat.example/r/{room}/m/{event}", "https://chat.example/r/{room}/m/{event}", "m1"),
        ("https://chat.example/r/{room}/m/{event}", "https://matrix.to/#/{room}/{event}", "m1"),
        ("", "https://archive.example/17", "matrix:roomid/{bare_room}/e/{bare_event}?via=x.example"),
    ],
)
def test_message_is_known_by_each_way_of_writing_its_address(
    rig: MatrixRig, pattern: str, address: str, native_id: str
) -> None:
    room = rig.homeserver.room()
    event = rig.homeserver.post(room)
    names = {"{room}": quote(room), "{event}": quote(event), "{bare_room}": room[1:], "{bare_event}": event[1:]}
    for hole, name in names.items():
        address, native_id = address.replace(hole, name), native_id.replace(hole, name)
    receipt = rig.send(rig.about(address, native_id), settings={"pattern": pattern} if pattern else {})
    assert receipt.evidence["reported"]["event"] == event  # type: ignore[index, call-overload]
    assert len(rig.homeserver.reports) == 1


def test_room_is_found_by_its_alias(rig: MatrixRig) -> None:
    room = rig.homeserver.room()
    event = rig.homeserver.post(room)
    rig.homeserver.aliases[f"#quay:{NAME}"] = room
    rig.send(rig.about(f"https://matrix.to/#/%23quay%3A{NAME}/{event}"))
    assert quote(room, safe="") in rig.report().path


@pytest.mark.parametrize("said", [b'{"room_id": 7}', b'{"room_id": "../../../admin"}', b"{}"])
def test_alias_that_leads_to_no_room_is_refused(rig: MatrixRig, said: bytes) -> None:
    path = f"/_matrix/client/v3/directory/room/%23quay%3A{NAME}"
    rig.homeserver.saying[path] = (200, {}, said)
    with pytest.raises(ChannelError, match="not the id of a room") as caught:
        rig.send(rig.about(f"https://matrix.to/#/#quay:{NAME}"))
    assert not caught.value.retryable


def test_alias_that_is_gone_is_said(rig: MatrixRig) -> None:
    with pytest.raises(ChannelError, match="no room #quay"):
        rig.send(rig.about(f"https://matrix.to/#/#quay:{NAME}"))


@pytest.mark.parametrize(
    ("url", "path"),
    [
        (f"https://matrix.to/#/#quay:{NAME}", f"directory/room/%23quay%3A{NAME}"),
        (f"https://matrix.to/#/{ADA}", "account/whoami"),
        (f"https://matrix.to/#/{ADA}", f"profile/{quote(ADA, safe='')}"),
    ],
)
def test_server_that_fails_before_the_report_may_be_tried_again(rig: MatrixRig, url: str, path: str) -> None:
    rig.homeserver.saying[f"/_matrix/client/v3/{path}"] = (503, {}, b"")
    with pytest.raises(ChannelError) as caught:
        rig.send(rig.about(url))
    assert caught.value.retryable
    assert not rig.homeserver.reports


def test_room_is_reported_where_the_address_is_of_one(rig: MatrixRig) -> None:
    room = rig.homeserver.room()
    receipt = rig.send(rig.about(f"https://matrix.to/#/{room}"))
    assert rig.report().path == f"/_matrix/client/v3/rooms/{quote(room, safe='')}/report"
    assert receipt.evidence["reported"] == {"kind": "room", "room": room}


def test_room_that_the_homeserver_does_not_have_is_refused(rig: MatrixRig) -> None:
    with pytest.raises(ChannelError, match="Room does not exist") as caught:
        rig.send(rig.about("https://matrix.to/#/!none"))
    assert not caught.value.retryable


def test_account_is_reported_in_as_much_text_as_synapse_takes(rig: MatrixRig) -> None:
    rig.send(rig.about(f"https://matrix.to/#/{ADA}", explanation="é" * 5_000))
    report = rig.report()
    assert report.path == f"/_matrix/client/v3/users/{quote(ADA, safe='')}/report"
    assert len(report.reason.encode()) <= 1_000
    assert report.reason.endswith("[Cut here. The hub holds the whole.]")


@pytest.mark.parametrize(
    ("user", "said"), [(OTHER, "not on harbour.example"), (f"@nobody:{NAME}", "knows no account @nobody")]
)
def test_account_whose_report_would_be_dropped_in_silence_is_refused(rig: MatrixRig, user: str, said: str) -> None:
    with pytest.raises(ChannelError, match=said) as caught:
        rig.send(rig.about(f"https://matrix.to/#/{user}"))
    assert not caught.value.retryable
    assert not any(method == "POST" for method, _, _ in rig.homeserver.asked)


def test_account_whose_profile_is_hidden_is_reported(rig: MatrixRig) -> None:
    path = f"/_matrix/client/v3/profile/{quote(ADA, safe='')}"
    rig.homeserver.saying[path] = (403, {}, b'{"errcode": "M_FORBIDDEN", "error": "Profile lookup is disabled"}')
    rig.send(rig.about(f"https://matrix.to/#/{ADA}"))
    assert rig.report().reason


@pytest.mark.parametrize(
    "url",
    [
        f"https://matrix.example/_matrix/media/v3/download/{NAME}/abc",
        f"https://matrix.example/_matrix/client/v1/media/download/{NAME}/abc/name.png",
    ],
)
def test_file_cannot_be_reported(rig: MatrixRig, url: str) -> None:
    with pytest.raises(NotCarried, match="Refer the message that shows it"):
        rig.send(rig.about(url))


def test_nothing_can_be_added_to_a_report(rig: MatrixRig) -> None:
    with pytest.raises(NotCarried, match="cannot add"):
        rig.channel.inform(rig.address, "r", "More.", "k")


@pytest.mark.parametrize("made", [formal_notice(), removal_order()])
def test_what_a_statute_wants_served_is_not_carried(rig: MatrixRig, made: ReferralDocument) -> None:
    with pytest.raises(NotCarried, match="another channel"):
        rig.send(made)
    assert not rig.homeserver.asked


@pytest.mark.parametrize("url", ["https://platform.example/posts/1", "https://site.example/#!hashbang"])
def test_address_that_names_nothing_on_matrix_is_refused_with_what_would_do(rig: MatrixRig, url: str) -> None:
    with pytest.raises(ChannelError, match=r"matrix\.to") as caught:
        rig.send(rig.about(url, native_id="matrix:nonsense"))
    assert not caught.value.retryable


class TestSeen:
    """A report of what the hub's account cannot see is not made, since some servers would answer 200 to it."""

    def refused(self, rig: MatrixRig, room: str, event: str) -> str:
        with pytest.raises(ChannelError) as caught:
            rig.send(rig.about(f"https://matrix.to/#/{room}/{event}"))
        assert not caught.value.retryable
        assert not any(method == "POST" for method, _, _ in rig.homeserver.asked)
        return str(caught.value)

    @pytest.mark.parametrize("membership", ["leave", "invite", "ban"])
    def test_account_outside_the_room_is_told_to_join(self, rig: MatrixRig, membership: str) -> None:
        room = rig.homeserver.room(members={ADA: "join", HUB: membership})
        assert "Let the account join" in self.refused(rig, room, rig.homeserver.post(room))

    def test_message_that_is_gone_is_said_to_be(self, rig: MatrixRig) -> None:
        assert "the message is gone" in self.refused(rig, rig.homeserver.room(), "$none")

    def test_redacted_message_is_said_to_be(self, rig: MatrixRig) -> None:
        room = rig.homeserver.room()
        event = rig.homeserver.post(room)
        rig.homeserver.redact(room, event)
        assert "already redacted" in self.refused(rig, room, event)

    def test_another_message_than_the_one_asked_for_is_not_reported(self, rig: MatrixRig) -> None:
        room = rig.homeserver.room()
        event, other = rig.homeserver.post(room), rig.homeserver.post(room)
        rig.homeserver.rooms[room].events[event]["event_id"] = other
        assert "sent another message" in self.refused(rig, room, event)

    def test_server_that_does_not_say_which_rooms_is_not_guessed_about(self, rig: MatrixRig) -> None:
        rig.homeserver.saying["/_matrix/client/v3/joined_rooms"] = (500, {}, b"")
        said = self.refused(rig, rig.homeserver.room(), "$none")
        assert "may be gone" in said
        assert "not in the room" in said


class TestRefusals:
    @pytest.fixture
    def made(self, rig: MatrixRig) -> ReferralDocument:
        return rig.document("actioned")

    def caught(self, rig: MatrixRig, made: ReferralDocument, status: int, body: bytes, **headers: str) -> ChannelError:
        """Let the report itself, or the look before it, be answered so."""
        for path in [path for _, path, _ in self.paths(rig, made)]:
            rig.homeserver.saying = {path: (status, {**headers}, body)}
            with pytest.raises(ChannelError) as caught:
                rig.send(made)
        return caught.value

    def paths(self, rig: MatrixRig, made: ReferralDocument) -> list[tuple[str, str, str | None]]:
        rig.send(made)
        return rig.homeserver.asked[-2:]

    @pytest.mark.parametrize(
        ("status", "code", "said"),
        [
            (401, "M_UNKNOWN_TOKEN", "new access token"),
            (401, "M_MISSING_TOKEN", "new access token"),
            (401, "M_USER_LOCKED", "barred"),
            (403, "M_USER_SUSPENDED", "barred"),
            (403, "M_USER_DEACTIVATED", "barred"),
            (403, "M_CONSENT_NOT_GIVEN", "may not do this"),
            (404, "M_UNRECOGNIZED", "no Matrix homeserver"),
            (405, "M_UNRECOGNIZED", "no Matrix homeserver"),
            (418, "M_UNKNOWN", "what it wants"),
        ],
    )
    def test_what_will_not_pass_is_refused_for_good_with_what_to_do(
        self, rig: MatrixRig, made: ReferralDocument, status: int, code: str, said: str
    ) -> None:
        body = json.dumps({"errcode": code, "error": "Words of\nthe server\u202e."}).encode()
        error = self.caught(rig, made, status, body)
        assert not error.retryable
        assert said in str(error)
        assert f"{status} {code}: Words of the server" in str(error)

    @pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
    def test_what_may_pass_may_be_tried_again(self, rig: MatrixRig, made: ReferralDocument, status: int) -> None:
        assert self.caught(rig, made, status, b"<html>busy</html>").retryable

    @pytest.mark.parametrize(
        ("body", "headers", "wait"),
        [
            (b'{"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 1500}', {}, 1.5),
            (b'{"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 932}', {"Retry-After": "1"}, 1.0),
            (b'{"errcode": "M_LIMIT_EXCEEDED"}', {"Retry-After": "7"}, 7.0),
            (b'{"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": "soon"}', {"Retry-After": "later"}, None),
            (b'{"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": -5}', {"Retry-After": "99999999999"}, None),
            (b'{"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": true}', {}, None),
            (b'{"retry_after_ms": 1e400}', {}, None),
            (b'{"retry_after_ms": NaN}', {}, None),
        ],
    )
    def test_wait_that_the_server_asks_for_is_passed_on(
        self, rig: MatrixRig, made: ReferralDocument, body: bytes, headers: dict[str, str], wait: float | None
    ) -> None:
        error = self.caught(rig, made, 429, body, **headers)
        assert error.retryable
        assert error.retry_after == wait

    @pytest.mark.parametrize(
        "body", [b"", b"<html>Welcome</html>", b"[]", b"null", b"7", b'"ok"', b"[" * 40_000, b"\xff\xfe", b"{} {}"]
    )
    def test_an_answer_that_no_homeserver_gives_is_no_receipt(
        self, rig: MatrixRig, made: ReferralDocument, body: bytes
    ) -> None:
        assert isinstance(self.caught(rig, made, 200, body), ReceiptInvalid)

    def test_other_success_is_no_receipt(self, rig: MatrixRig, made: ReferralDocument) -> None:
        assert not self.caught(rig, made, 204, b"").retryable

    def test_too_long_an_answer_is_refused_for_good(self, rig: MatrixRig, made: ReferralDocument) -> None:
        assert not self.caught(rig, made, 200, b'{"a": "' + b"x" * 60_000 + b'"}').retryable

    def test_answer_that_breaks_off_may_be_tried_again(self, rig: MatrixRig, made: ReferralDocument) -> None:
        assert self.caught(rig, made, 0, b"").retryable

    def test_redirect_is_not_followed(self, rig: MatrixRig, made: ReferralDocument) -> None:
        before = len(rig.homeserver.asked)
        error = self.caught(rig, made, 307, b"", Location=f"{rig.homeserver.origin}/elsewhere")
        assert "Redirects are not followed" in str(error)
        assert not any("elsewhere" in path for _, path, _ in rig.homeserver.asked[before:])

    def test_token_that_the_server_repeats_is_not_printed(self, rig: MatrixRig, made: ReferralDocument) -> None:
        body = json.dumps({"errcode": "M_UNKNOWN_TOKEN", "error": f"Token {TOKEN} unknown"}).encode()
        assert TOKEN not in str(self.caught(rig, made, 401, body))

    @pytest.mark.parametrize(
        "body",
        [
            b'{"errcode": 5, "error": ["a"]}',
            b'{"errcode": "<b>", "error": null}',
            b'{"errcode": "M_' + b"X" * 30_000 + b'"}',
            b'{"error": "' + b"x" * 30_000 + b'"}',
        ],
    )
    def test_rubbish_in_an_error_is_kept_out_of_the_message(
        self, rig: MatrixRig, made: ReferralDocument, body: bytes
    ) -> None:
        said = str(self.caught(rig, made, 403, body))
        assert len(said) < 700
        assert "<b>" not in said

    def test_what_else_the_server_answers_is_kept_short_and_plain(self, rig: MatrixRig, made: ReferralDocument) -> None:
        path = self.paths(rig, made)[-1][1]
        many = {f"k{number}": "x" * 1_000 for number in range(20)}
        said = json.dumps({"report_id": "r\x00\n7", "score": 3, "nested": {"a": {}}, **many})
        rig.homeserver.saying = {path: (200, {}, said.encode())}
        answer = rig.send(made).evidence["answer"]
        assert isinstance(answer, dict)
        assert (answer["report_id"], answer["score"]) == ("r 7", "3")
        assert "nested" not in answer
        assert "\x00" not in json.dumps(answer)
        assert len(json.dumps(answer)) < 4_000


class TestShorter:
    """A server that takes less text gets less, in the same call."""

    @pytest.mark.parametrize(("longest", "tries"), [(10_000, 1), (9_999, 2), (740, 2), (739, 3), (240, 3)])
    def test_text_is_cut_to_what_the_server_takes(self, rig: MatrixRig, longest: int, tries: int) -> None:
        rig.homeserver.longest = longest
        long = {"grounds": {"term": {"rule": "x" * 5_000, "dated": "2026-03-01"}}, "explanation": "x" * 5_000}
        made = rig.document("actioned", **long)
        receipt = rig.send(made)
        report = rig.report()
        assert len([1 for method, _, _ in rig.homeserver.asked if method == "POST"]) == tries
        assert len(report.reason.encode()) <= longest
        assert f"Referral {made.referral_id} by Example hub (hub), {HUB_URL}: Threat of violence" in report.reason
        assert receipt.evidence["whole_document"] is (tries == 1)
        assert ("seawall-referral/1" in report.body) is (tries == 1)

    def test_server_that_takes_less_than_a_report_needs_is_told_of(self, rig: MatrixRig) -> None:
        rig.homeserver.longest = 239
        with pytest.raises(ChannelError, match="should be 239 characters or fewer") as caught:
            rig.send(rig.document("actioned", explanation="x" * 1_000))
        assert not caught.value.retryable
        assert not rig.homeserver.reports

    def test_document_that_is_too_big_for_the_server_is_left_out(self, rig: MatrixRig) -> None:
        made = rig.document("actioned")
        rig.send(made)
        path = rig.report().path
        rig.homeserver.saying[path] = (413, {}, b'{"errcode": "M_TOO_LARGE"}')
        with pytest.raises(ChannelError, match="413 M_TOO_LARGE"):
            rig.send(made)
        assert [asked[1] for asked in rig.homeserver.asked[-3:]] == [path] * 3


class TestRoute:
    @pytest.mark.parametrize("token", ["", " ", "a b", "a\nX-Evil: 1", "é", "x" * 5_000, "\x00"])
    def test_token_that_cannot_be_sent_is_refused_and_not_printed(self, rig: MatrixRig, token: str) -> None:
        with pytest.raises(ChannelError, match="no access token that could be sent") as caught:
            rig.send(rig.document("actioned"), token=token)
        assert not caught.value.retryable
        assert "Evil" not in str(caught.value)
        assert not rig.homeserver.asked

    @pytest.mark.parametrize(
        "endpoint",
        [
            "",
            "matrix.example",
            "ftp://matrix.example",
            "https://",
            "https://a b",
            "https://x.example/?a=1",
            "https://x\n",
        ],
    )
    def test_endpoint_that_is_no_base_address_is_refused(self, rig: MatrixRig, endpoint: str) -> None:
        with pytest.raises(ChannelError, match="base URL") as caught:
            rig.send(rig.document("actioned"), endpoint=endpoint)
        assert not caught.value.retryable

    def test_private_address_is_refused_for_good(self, rig: MatrixRig) -> None:
        with pytest.raises(ChannelError, match="may not be used") as caught:
            rig.send(rig.document("actioned"), endpoint="http://10.0.0.1")
        assert not caught.value.retryable

    def test_slash_at_the_end_of_the_endpoint_does_not_matter(self, rig: MatrixRig) -> None:
        rig.send(rig.document("actioned"), endpoint=f"{rig.homeserver.origin}/")
        assert rig.report().path.startswith("/_matrix/")

    @pytest.mark.parametrize(
        "pattern", ["{room}/{event}", "https://x.example/{room}{event}", "https://x.example/{event}"]
    )
    def test_pattern_that_cannot_be_used_is_said(self, rig: MatrixRig, pattern: str) -> None:
        with pytest.raises(ChannelError, match="cannot be used"):
            rig.send(rig.document("actioned"), settings={"pattern": pattern})

    @pytest.mark.parametrize("hub_url", ["", "hub.example", f"https://hub.example/{'x' * 120}"])
    def test_channel_needs_the_hubs_address(self, rig: MatrixRig, hub_url: str) -> None:
        with Outbound() as outbound, pytest.raises(ChannelError, match="public address"):
            MatrixChannel.equipped(Equipment(outbound, hub_url=hub_url))

    def test_id_cannot_lead_to_another_path(self, rig: MatrixRig) -> None:
        room = rig.homeserver.room()
        event = "$../../x?a=1#b%2F"
        rig.homeserver.rooms[room].events[event] = {"event_id": event, "sender": ADA, "content": {"body": "x"}}
        rig.send(rig.about(f"https://matrix.to/#/{room}/{quote(event, safe='')}"))
        assert rig.report().path.endswith(f"/report/{quote(event, safe='')}")
