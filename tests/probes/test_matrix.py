"""What the Matrix probe concludes, from a homeserver that answers as Synapse does."""

import datetime as dt
import hashlib
import json
import socket
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest
from tests.channels.homeserver import ADA, HUB, NAME, TOKEN, Homeserver

from seawall.outbound import Fetched, Outbound
from seawall.probes import Observation, text_digest
from seawall.probes.matrix import probe, probe_with

AT = dt.datetime(2026, 11, 3, 12, tzinfo=dt.UTC)
PNG = b"\x89PNG not to be kept"


@pytest.fixture(scope="module")
def running() -> Iterator[Homeserver]:
    server = Homeserver()
    yield server
    server.stop()


@pytest.fixture
def homeserver(running: Homeserver) -> Homeserver:
    running.reset()
    return running


@pytest.fixture(scope="module")
def outbound(running: Homeserver) -> Iterator[Outbound]:
    with Outbound(frozenset({running.netloc}), timeout=5, max_bytes=20_000) as made:
        yield made


@pytest.fixture
def room(homeserver: Homeserver) -> str:
    return homeserver.room()


class Looking:
    """Looks as the hub's account, at a message unless told otherwise."""

    def __init__(self, homeserver: Homeserver, outbound: Outbound) -> None:
        self.homeserver, self.outbound = homeserver, outbound

    def __call__(self, *names: str, before: Mapping[str, str] | None = None, **expected: str) -> Observation:
        look = probe_with(self.homeserver.origin, TOKEN, before=before)
        url = f"https://matrix.to/#/{'/'.join(names)}"
        return look(url, outbound=self.outbound, at=AT, **expected)  # type: ignore[arg-type]

    def says(self, path: str, status: int, value: object, **headers: str) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.homeserver.saying[f"/_matrix/client/{path}"] = (status, headers, body)


@pytest.fixture
def look(homeserver: Homeserver, outbound: Outbound) -> Looking:
    return Looking(homeserver, outbound)


def event_path(room: str, event: str) -> str:
    return f"v3/rooms/{quote(room, safe='')}/event/{quote(event, safe='')}"


class TestMessage:
    def test_message_with_its_text_is_up(self, look: Looking, room: str) -> None:
        event = look.homeserver.post(room)
        seen = look(room, event, expected_text="a  post")
        assert (seen.state, seen.matched, seen.http_status) == ("up", "text", 200)
        assert seen.views == {"event": "there", "edit": "none", "author": "member"}
        assert seen.checked_at == AT
        answer = look.homeserver.rooms[room].events[event]
        assert seen.body_sha256 == hashlib.sha256(json.dumps(answer).encode()).hexdigest()
        assert seen.exchanges[0].status == 200
        assert json.loads(seen.exchanges[0].body) == answer
        assert TOKEN not in repr(seen)

    @pytest.mark.parametrize(
        ("content", "text"),
        [
            ({"body": "I will <wait> & see"}, "I will <wait> & see"),
            ({"body": "x", "formatted_body": "<p>I <b>will</b> wait</p>"}, "I will wait"),
            ({"body": "> <@ada:x.example> before\n\nmy words"}, "my words"),
            ({"body": "", "topic": "a topic"}, "a topic"),
        ],
    )
    def test_text_is_found_however_it_is_written(self, look: Looking, room: str, content: Any, text: str) -> None:
        event = look.homeserver.post(room, **content)
        assert look(room, event, expected_text=text).matched == "text"
        assert look(room, event, expected_text_sha256=text_digest(text).upper()).matched == "digest"
        assert look(room, event, expected_text="something else").state == "edited"
        assert look(room, event).matched == "no-text-given"

    def test_room_may_be_named_by_its_alias(self, look: Looking, room: str) -> None:
        look.homeserver.aliases[f"#quay:{NAME}"] = room
        assert look(f"%23quay:{NAME}", look.homeserver.post(room)).state == "up"

    def test_alias_that_leads_nowhere_says_nothing_of_the_message(self, look: Looking, room: str) -> None:
        seen = look(f"%23none:{NAME}", look.homeserver.post(room))
        assert (seen.state, seen.views) == ("unreachable", {"room": "unknown"})

    def test_encrypted_message_is_there_and_cannot_be_compared(self, look: Looking, room: str) -> None:
        event = look.homeserver.post(room)
        look.homeserver.rooms[room].events[event] |= {"type": "m.room.encrypted", "content": {"ciphertext": "AwgA"}}
        assert look(room, event, expected_text="a post").matched == "encrypted"

    @pytest.mark.parametrize(("by", "word"), [(ADA, "author"), (f"@moderator:{NAME}", "other")])
    def test_redacted_message_is_removed(self, look: Looking, room: str, by: str, word: str) -> None:
        event = look.homeserver.post(room)
        look.homeserver.redact(room, event, by)
        seen = look(room, event, expected_text="a post")
        assert (seen.state, seen.matched) == ("removed", "redacted")
        assert seen.views == {"event": "redacted", "redacted-by": word, "author": "member"}

    def test_message_without_any_content_is_removed_even_where_nobody_is_said_to_have_redacted_it(
        self, look: Looking, room: str
    ) -> None:
        event = look.homeserver.post(room)
        look.homeserver.rooms[room].events[event]["content"] = {}
        assert look(room, event).state == "removed"

    @pytest.mark.parametrize(("membership", "word"), [("leave", "left"), ("ban", "banned"), ("knock", "unknown")])
    def test_author_who_left_or_was_banned_is_told_and_the_message_stays_up(
        self, look: Looking, room: str, membership: str, word: str
    ) -> None:
        event = look.homeserver.post(room)
        look.homeserver.rooms[room].members[ADA] = membership
        seen = look(room, event, expected_text="a post")
        assert (seen.state, seen.views["author"]) == ("up", word)


class TestEdit:
    def test_edit_without_the_text_is_edited_and_one_with_it_is_up(self, look: Looking, room: str) -> None:
        event = look.homeserver.post(room)
        look.homeserver.edit(room, event, "something kind")
        seen = look(room, event, expected_text="a post")
        assert (seen.state, seen.matched, seen.views["edit"]) == ("edited", "other-text", "edited")
        assert "was edited" in seen.detail
        look.homeserver.edit(room, event, "a post, and more")
        assert look(room, event, expected_text="a post").state == "up"

    @pytest.mark.parametrize(
        ("before", "state"), [({"edit": "none"}, "edited"), ({"edit": "edited"}, "up"), ({}, "up")]
    )
    def test_without_a_text_only_an_edit_since_the_last_look_counts(
        self, look: Looking, room: str, before: dict[str, str], state: str
    ) -> None:
        event = look.homeserver.post(room)
        look.homeserver.edit(room, event, "something kind")
        assert look(room, event, before=before).state == state

    def test_edit_of_which_only_the_id_is_given_is_fetched(self, look: Looking, room: str) -> None:
        event = look.homeserver.post(room)
        edit = look.homeserver.post(room, **{"m.new_content": {"body": "something kind"}})
        relations = {"m.replace": {"event_id": edit, "sender": ADA}}
        look.homeserver.rooms[room].events[event]["unsigned"]["m.relations"] = relations
        assert look(room, event, expected_text="a post").state == "edited"
        look.homeserver.rooms[room].events.pop(edit)
        assert look(room, event, expected_text="a post").matched == "no-text-given"

    @pytest.mark.parametrize(
        "changes",
        [{"sender": f"@eve:{NAME}"}, {"content": {"body": "x"}}, {"content": {"m.new_content": 7}}, {"sender": 7}],
    )
    def test_what_is_no_edit_by_the_author_is_not_read(self, look: Looking, room: str, changes: dict[str, Any]) -> None:
        event = look.homeserver.post(room)
        look.homeserver.edit(room, event, "something kind", **changes)
        assert look(room, event, expected_text="a post").state == "up"


class TestNotFound:
    """A message that is not shown is not always one that is gone."""

    @pytest.mark.parametrize(
        ("history", "state"),
        [
            ("shared", "removed"),
            ("world_readable", "removed"),
            (None, "removed"),  # shared is what holds where nothing is said
            ("joined", "unreachable"),
            ("invited", "unreachable"),
        ],
    )
    def test_it_is_removed_only_where_we_would_be_shown_it(
        self, look: Looking, history: str | None, state: str
    ) -> None:
        seen = look(look.homeserver.room(history=history), "$none")
        assert seen.state == state
        assert seen.views["room"] == "joined"
        assert seen.http_status == 404

    def test_it_is_removed_where_it_was_seen_before(self, look: Looking) -> None:
        seen = look(look.homeserver.room(history="joined"), "$none", before={"event": "there"})
        assert (seen.state, seen.views) == ("removed", {"event": "not-found", "room": "joined"})

    @pytest.mark.parametrize(
        ("members", "word"),
        [
            ({}, "not-joined"),
            ({HUB: "leave"}, "left"),
            ({HUB: "ban"}, "banned"),
            ({HUB: "invite"}, "not-joined"),
        ],
    )
    def test_it_says_nothing_where_we_are_not_in_the_room(
        self, look: Looking, members: dict[str, str], word: str
    ) -> None:
        room = look.homeserver.room(members={ADA: "join", **members})
        seen = look(room, look.homeserver.post(room), before={"event": "there"})
        assert (seen.state, seen.matched) == ("unreachable", "not-let-in")
        assert seen.views == {"event": "not-let-in", "room": word}

    def test_it_says_nothing_where_the_room_is_gone_or_was_never_there(self, look: Looking) -> None:
        assert look("!none", "$none", before={"event": "there"}).state == "unreachable"

    @pytest.mark.parametrize("status", [401, 429, 500, 502, 200])
    @pytest.mark.parametrize("which", ["whoami", "member", "history"])
    def test_it_says_nothing_while_the_server_fails_on_the_way(
        self, look: Looking, room: str, status: int, which: str
    ) -> None:
        state = f"v3/rooms/{quote(room, safe='')}/state"
        member = f"{state}/m.room.member/{quote(HUB, safe='')}"
        path = {"whoami": "v3/account/whoami", "member": member, "history": f"{state}/m.room.history_visibility"}
        look.says(path[which], status, b"<html>")
        assert look(room, "$none").state == "unreachable"


class TestOutage:
    """Nothing that a server in trouble may do counts as a removal."""

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (404, b"<html>nginx</html>"),
            (404, b"{}"),
            (404, b'{"errcode": "M_UNRECOGNIZED"}'),
            (404, b'{"errcode": ["M_NOT_FOUND"]}'),
            (410, b'{"errcode": "M_NOT_FOUND"}'),
            (401, b'{"errcode": "M_UNKNOWN_TOKEN"}'),
            (401, b'{"errcode": "M_USER_LOCKED", "soft_logout": true}'),
            (403, b'{"errcode": "M_FORBIDDEN"}'),
            (429, b'{"errcode": "M_LIMIT_EXCEEDED"}'),
            (451, b""),
            (500, b""),
            (502, b"<html>"),
            (503, b'{"errcode": "M_NOT_FOUND"}'),
            (302, b""),
            (204, b""),
            (200, b""),
            (200, b"{}"),
            (200, b"[]"),
            (200, b"null"),
            (200, b'{"content": {}}'),
            (200, b'{"event_id": "$other", "content": {}}'),
            (200, b'{"event_id": "$e", "content": []}'),
            (200, b"[" * 19_000),
            (200, b'{"event_id": "$e", "content": {}, "x": "' + b"x" * 30_000 + b'"}'),
        ],
    )
    def test_it_is_unreachable(self, look: Looking, room: str, status: int, body: bytes) -> None:
        look.says(event_path(room, "$e"), status, body)
        seen = look(room, "$e", before={"event": "there"}, expected_text="a post")
        assert (seen.state, seen.http_status) == ("unreachable", status)
        assert seen.detail.startswith("No conclusion")
        assert seen.exchanges[-1].status == status

    def test_redirect_is_not_followed(self, look: Looking, room: str) -> None:
        look.says(event_path(room, "$e"), 307, b"", Location=f"{look.homeserver.origin}/elsewhere")
        assert look(room, "$e").state == "unreachable"
        assert [path for _, path, _ in look.homeserver.asked] == [f"/_matrix/client/{event_path(room, '$e')}"]

    def test_answer_that_breaks_off(self, look: Looking, room: str) -> None:
        look.says(event_path(room, "$e"), 0, b"")
        assert look(room, "$e").matched == "protocol"

    def test_nobody_there(self, outbound: Outbound) -> None:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            nowhere = f"127.0.0.1:{closed.getsockname()[1]}"
            with Outbound(frozenset({nowhere}), timeout=5) as own:
                seen = probe_with(f"http://{nowhere}", TOKEN)(
                    "https://matrix.to/#/!a:x.example/$e", outbound=own, at=AT
                )
        assert (seen.state, seen.matched, seen.http_status) == ("unreachable", "refused", None)
        assert (seen.body_sha256, seen.exchanges) == (None, ())

    def test_address_that_we_may_not_ask(self, outbound: Outbound) -> None:
        look = probe_with("http://10.0.0.1", TOKEN)
        assert look("https://matrix.to/#/!a:x.example/$e", outbound=outbound, at=AT).matched == "not-allowed"

    def test_address_of_nothing_on_matrix(self, outbound: Outbound) -> None:
        seen = probe_with("https://x.example", TOKEN)("https://platform.example/1", outbound=outbound, at=AT)
        assert (seen.state, seen.matched, seen.exchanges) == ("unreachable", "not-matrix", ())


class TestFile:
    IMAGE = {"msgtype": "m.image", "body": "a.png", "url": f"mxc://{NAME}/abc"}

    def image(self, look: Looking, room: str, **content: Any) -> str:
        look.homeserver.files[f"{NAME}/abc"] = PNG
        return look.homeserver.post(room, **{**self.IMAGE, **content})

    def test_file_is_asked_for_by_its_head_only(self, look: Looking, room: str) -> None:
        event = self.image(look, room)
        seen = look(room, event, expected_text="a.png")
        assert (seen.state, seen.views["file"]) == ("up", "there")
        assert look.homeserver.asked[-1][0] == "HEAD"
        assert PNG not in b"".join(exchange.body for exchange in seen.exchanges)

    @pytest.mark.parametrize("content", [{}, {"url": None, "file": {"url": f"mxc://{NAME}/abc"}}])
    def test_quarantined_file_is_withheld_when_it_was_seen_before(
        self, look: Looking, room: str, content: dict[str, Any]
    ) -> None:
        event = self.image(look, room, **content)
        before = look(room, event).views
        look.homeserver.files.clear()
        seen = look(room, event, before=before, expected_text="a.png")
        assert (seen.state, seen.matched, seen.views["file"]) == ("restricted", "file", "gone")

    def test_file_that_was_never_seen_is_not_called_gone(self, look: Looking, room: str) -> None:
        event = self.image(look, room)
        look.homeserver.files.clear()
        seen = look(room, event)
        assert (seen.state, seen.views["file"]) == ("up", "not-found")

    def test_words_beside_a_file_that_is_gone_are_still_up(self, look: Looking, room: str) -> None:
        event = self.image(look, room, filename="a.png", body="look at this")
        look.homeserver.files.clear()
        seen = look(room, event, before={"file": "there"}, expected_text="look at this")
        assert (seen.state, seen.views["file"]) == ("up", "gone")
        assert "file is not shown" in seen.detail

    @pytest.mark.parametrize(
        ("status", "body"),
        [(502, b""), (404, b"<html>"), (404, b'{"errcode": "M_UNRECOGNIZED"}'), (405, b""), (401, b"")],
    )
    def test_server_that_fails_on_the_file_says_nothing_of_it(
        self, look: Looking, room: str, status: int, body: bytes
    ) -> None:
        event = self.image(look, room)
        look.says(f"v1/media/download/{NAME}/abc", status, body)
        seen = look(room, event, before={"file": "there"})
        assert (seen.state, seen.views["file"]) == ("up", "unknown")

    def test_body_of_a_file_is_kept_in_no_case(self, look: Looking, room: str, monkeypatch: pytest.MonkeyPatch) -> None:
        event = self.image(look, room)
        said = look.homeserver.said

        def no_head(method: str, *rest: Any) -> Any:
            return (404, {}, b"") if method == "HEAD" else said(method, *rest)

        monkeypatch.setattr(look.homeserver, "said", no_head)
        seen = look(room, event)
        assert seen.views["file"] == "there"
        assert PNG not in b"".join(exchange.body for exchange in seen.exchanges)

    @pytest.mark.parametrize("url", ["https://evil.example/x", "mxc://../x", 7, None, "mxc://x"])
    def test_what_is_no_file_is_not_asked_for(self, look: Looking, room: str, url: object) -> None:
        event = look.homeserver.post(room, url=url, file=[])
        assert "file" not in look(room, event).views

    def test_file_of_its_own_is_removed_when_it_was_there(self, look: Looking) -> None:
        address = f"https://x.example/_matrix/media/v3/download/{NAME}/abc"
        look.homeserver.files[f"{NAME}/abc"] = PNG
        first = probe_with(look.homeserver.origin, TOKEN)(address, outbound=look.outbound, at=AT)
        look.homeserver.files.clear()
        never = probe_with(look.homeserver.origin, TOKEN)(address, outbound=look.outbound, at=AT)
        later = probe_with(look.homeserver.origin, TOKEN, before=first.views)(address, outbound=look.outbound, at=AT)
        assert [(seen.state, seen.views["file"]) for seen in (first, never, later)] == [
            ("up", "there"),
            ("unreachable", "not-found"),
            ("removed", "gone"),
        ]


class TestRoomAndAccount:
    @pytest.mark.parametrize(
        ("given", "state", "word"),
        [
            ({"history": "world_readable"}, "up", "world-readable"),
            ({}, "up", "listed"),
            ({"public": False}, "unreachable", "not-shown"),
        ],
    )
    def test_room_is_up_or_not_shown(self, look: Looking, given: dict[str, Any], state: str, word: str) -> None:
        seen = look(look.homeserver.room(**given))
        assert (seen.state, seen.views) == (state, {"room": word})

    def test_room_of_a_server_in_trouble_is_not_known(self, look: Looking, room: str) -> None:
        look.says(f"v1/room_summary/{quote(room, safe='')}", 503, b"")
        assert look(room).views == {"room": "unknown"}

    @pytest.mark.parametrize(
        ("user", "before", "state", "word"),
        [
            (ADA, {}, "up", "there"),
            (f"@gone:{NAME}", {"account": "there"}, "removed", "gone"),
            (f"@gone:{NAME}", {}, "unreachable", "not-found"),
        ],
    )
    def test_account_is_removed_only_when_it_was_there(
        self, look: Looking, user: str, before: dict[str, str], state: str, word: str
    ) -> None:
        seen = look(user, before=before)
        assert (seen.state, seen.views) == (state, {"account": word})


class Web(Outbound):
    """Brings the names of these tests, which are nobody's, to the homeserver of these tests."""

    def __init__(self, homeserver: Homeserver) -> None:
        super().__init__(frozenset({homeserver.netloc}), timeout=5)
        self.homeserver = homeserver
        self.sought: list[str] = []

    def fetch(self, url: str, **more: Any) -> Fetched:
        self.sought.append(url)
        return super().fetch(url.replace(f"https://{NAME}", self.homeserver.origin), **more)


class TestSignedOut:
    """A visitor who has not signed in."""

    @pytest.fixture
    def web(self, homeserver: Homeserver) -> Iterator[Web]:
        with Web(homeserver) as made:
            yield made

    def test_message_is_not_shown_to_a_visitor_and_its_room_may_be(self, homeserver: Homeserver, web: Web) -> None:
        homeserver.rooms[f"!r:{NAME}"] = homeserver.rooms.pop(homeserver.room(history="world_readable"))
        event = homeserver.post(f"!r:{NAME}")
        seen = probe(f"https://matrix.to/#/!r:{NAME}/{event}", outbound=web, at=AT)
        assert (seen.state, seen.matched) == ("unreachable", "not-let-in")
        assert seen.views == {"event": "not-let-in", "room": "world-readable"}
        assert web.sought[0] == f"https://{NAME}/.well-known/matrix/client"
        assert all(authorization is None for _, _, authorization in homeserver.asked)

    @pytest.mark.parametrize(
        ("status", "value", "state"),
        [
            (404, {}, "up"),
            (200, {"m.homeserver": {"base_url": f"https://{NAME}/"}}, "up"),
            (200, {"m.homeserver": {"base_url": "file:///etc/passwd"}}, "unreachable"),
            (200, {"m.homeserver": {"base_url": "http://10.0.0.1"}}, "unreachable"),
            (200, {"m.homeserver": {"base_url": 7}}, "unreachable"),
            (200, {"m.homeserver": []}, "unreachable"),
            (200, {}, "unreachable"),
            (200, [], "unreachable"),
            (500, {}, "unreachable"),
        ],
    )
    def test_homeserver_is_found_as_clients_find_it(
        self, homeserver: Homeserver, web: Web, status: int, value: object, state: str
    ) -> None:
        homeserver.saying["/.well-known/matrix/client"] = (status, {}, json.dumps(value).encode())
        assert probe(f"https://matrix.to/#/{ADA}", outbound=web, at=AT).state == state

    def test_address_without_a_server_cannot_be_looked_at(self, outbound: Outbound) -> None:
        seen = probe("https://matrix.to/#/!room/$event", outbound=outbound, at=AT)
        assert (seen.state, seen.matched, seen.exchanges) == ("unreachable", "not-matrix", ())

    def test_file_is_seldom_shown_to_a_visitor(self, homeserver: Homeserver, web: Web) -> None:
        address = f"https://{NAME}/_matrix/media/v3/download/{NAME}/abc"
        assert probe(address, outbound=web, at=AT).views == {"file": "not-found"}
        homeserver.saying[f"/_matrix/media/v3/download/{NAME}/abc"] = (200, {"Content-Type": "image/png"}, PNG)
        assert probe(address, outbound=web, at=AT).state == "up"


def test_token_is_never_sent_to_a_server_that_an_address_names() -> None:
    with pytest.raises(ValueError, match="needs its homeserver"):
        probe_with("", TOKEN)


@pytest.mark.parametrize("token", ["a b", "a\nX-Evil: 1", "é", "\x00", "x" * 5_000])
def test_token_that_cannot_be_sent_is_refused_and_not_printed(token: str) -> None:
    with pytest.raises(ValueError, match="no access token") as caught:
        probe_with("https://x.example", token)
    assert token not in str(caught.value)
