"""A homeserver that answers as Synapse 1.163 was seen to, as far as reports and looks need; ``tests/peers`` has the real one."""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

NAME = "harbour.example"
HUB, ADA = f"@hub:{NAME}", f"@ada:{NAME}"
TOKEN = "syt_aHVi_example"
UNSEEN = "Unable to report event: it does not exist or you aren't able to see it."

Said = tuple[int, dict[str, str], bytes]


class Refused(Exception):
    def __init__(self, status: int, code: str, error: str, **more: object) -> None:
        super().__init__(error)
        self.status = status
        self.value = {"errcode": code, "error": error, **more}


@dataclass
class Room:
    members: dict[str, str] = field(default_factory=lambda: {HUB: "join", ADA: "join"})
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    history: str | None = "shared"
    public: bool = True


@dataclass
class Report:
    path: str
    reason: str
    body: dict[str, Any]


class Handler(BaseHTTPRequestHandler):
    server: "Homeserver"
    protocol_version = "HTTP/1.1"
    wbufsize = 65_536  # head and body in one packet: two wait for each other

    def log_message(self, format: str, *args: object) -> None:
        pass

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.command, self.path, self.headers.get("Authorization")))
        status, headers, said = self.server.said(self.command, self.path, self.headers.get("Authorization"), body)
        if status == 0:  # as when a server dies in the middle of an answer
            self.close_connection = True
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
            return
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(said)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said)

    do_GET = do_HEAD = do_POST = answer


class Homeserver(ThreadingHTTPServer):
    """Its accounts, rooms and files can be set from a test; `saying` puts an answer of the test's own at a path."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server_address[1]}"
        self.netloc = urlsplit(self.origin).netloc
        self.reset()
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self.thread.start()

    def reset(self) -> None:
        self.tokens = {TOKEN: HUB}
        self.profiles = {HUB: {"displayname": "Hub"}, ADA: {"displayname": "Ada"}}
        self.rooms: dict[str, Room] = {}
        self.aliases: dict[str, str] = {}
        self.files: dict[str, bytes] = {}
        self.reports: list[Report] = []
        self.asked: list[tuple[str, str, str | None]] = []
        self.saying: dict[str, Said] = {}
        self.longest: int | None = None

    def stop(self) -> None:
        self.shutdown()
        self.thread.join()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        pass

    def room(self, **given: Any) -> str:
        room = f"!{uuid4().hex}"
        self.rooms[room] = Room(**given)
        return room

    def post(self, room: str, **content: Any) -> str:
        """Let Ada send a message; return its event id."""
        event = f"${uuid4().hex}"
        self.rooms[room].events[event] = {
            "event_id": event,
            "room_id": room,
            "sender": ADA,
            "type": "m.room.message",
            "origin_server_ts": 1_795_000_000_000,
            "content": {"msgtype": "m.text", "body": "a post", **content},
            "unsigned": {"age": 5},
        }
        return event

    def redact(self, room: str, event: str, by: str = ADA) -> None:
        found = self.rooms[room].events[event]
        found["content"] = {}
        found["unsigned"]["redacted_because"] = {"type": "m.room.redaction", "sender": by, "content": {}}

    def edit(self, room: str, event: str, body: str, **changes: Any) -> None:
        content = {"body": f"* {body}", "m.new_content": {"msgtype": "m.text", "body": body}}
        edit = {"event_id": f"${uuid4().hex}", "sender": ADA, "content": content, **changes}
        self.rooms[room].events[event]["unsigned"]["m.relations"] = {"m.replace": edit}

    def said(self, method: str, path: str, authorization: str | None, body: bytes) -> Said:
        if path in self.saying:
            return self.saying[path]
        try:
            status, value = self.does(method, path, authorization, body)
        except Refused as error:
            status, value = error.status, error.value
        if isinstance(value, bytes):
            return status, {"Content-Type": "image/png"}, value
        return status, {}, json.dumps(value).encode()

    def does(self, method: str, path: str, authorization: str | None, body: bytes) -> tuple[int, Any]:
        parts = [unquote(part) for part in urlsplit(path).path.removeprefix("/_matrix/").split("/")]
        unrecognised = Refused(404, "M_UNRECOGNIZED", "Unrecognized request")
        if not path.startswith("/_matrix/"):
            raise unrecognised
        if parts[:3] == ["client", "v1", "room_summary"]:
            return 200, self.summary(parts[3])
        if parts[:3] == ["media", "v3", "download"]:
            raise Refused(404, "M_NOT_FOUND", "Not found")  # files are for those who are signed in
        if parts[:3] == ["client", "v3", "directory"]:
            if parts[4] not in self.aliases:
                raise Refused(404, "M_NOT_FOUND", f"Room alias {parts[4]} not found")
            return 200, {"room_id": self.aliases[parts[4]], "servers": [NAME]}
        if parts[:3] == ["client", "v3", "profile"]:
            if parts[3] not in self.profiles:
                raise Refused(404, "M_NOT_FOUND", "Profile was not found")
            return 200, self.profiles[parts[3]]
        me = self.account(authorization)
        if parts[:4] == ["client", "v1", "media", "download"]:
            if "/".join(parts[4:]) not in self.files:
                raise Refused(404, "M_NOT_FOUND", f"Not found '{path}'")
            return 200, self.files["/".join(parts[4:])]
        if parts[:2] != ["client", "v3"]:
            raise unrecognised
        if method == "POST":
            return 200, self.report(me, path, parts[2:], json.loads(body))
        match parts[2:]:
            case ["account", "whoami"]:
                return 200, {"user_id": me, "is_guest": False}
            case ["joined_rooms"]:
                return 200, {
                    "joined_rooms": [name for name, room in self.rooms.items() if room.members.get(me) == "join"]
                }
            case ["rooms", room, "event", event]:
                return 200, self.event(me, room, event)
            case ["rooms", room, "state", "m.room.member", user]:
                if user not in self.in_room(me, room).members:
                    raise Refused(404, "M_NOT_FOUND", "Event not found.")
                return 200, {"membership": self.rooms[room].members[user]}
            case ["rooms", room, "state", "m.room.history_visibility"]:
                history = self.in_room(me, room).history
                if history is None:
                    raise Refused(404, "M_NOT_FOUND", "Event not found.")
                return 200, {"history_visibility": history}
        raise unrecognised

    def account(self, authorization: str | None) -> str:
        if authorization is None:
            raise Refused(401, "M_MISSING_TOKEN", "Missing access token")
        token = authorization.removeprefix("Bearer ")
        if token not in self.tokens:
            raise Refused(401, "M_UNKNOWN_TOKEN", "Invalid access token passed.", soft_logout=False)
        return self.tokens[token]

    def in_room(self, me: str, room: str) -> Room:
        """Who left or was banned is shown the state as it was then."""
        if self.rooms.get(room, Room({})).members.get(me) not in ("join", "leave", "ban"):
            raise Refused(403, "M_FORBIDDEN", f"User {me} not in room {room}, and room previews are disabled")
        return self.rooms[room]

    def event(self, me: str, room: str, event: str, error: str = "Event not found.") -> dict[str, Any]:
        found = self.rooms.get(room, Room({}))
        if found.members.get(me) != "join" or event not in found.events:
            raise Refused(404, "M_NOT_FOUND", error)
        return found.events[event]

    def summary(self, room: str) -> dict[str, Any]:
        if room not in self.rooms or not self.rooms[room].public:
            raise Refused(404, "M_NOT_FOUND", "Room not found or is not accessible")
        readable = self.rooms[room].history == "world_readable"
        return {"room_id": room, "num_joined_members": 2, "world_readable": readable, "join_rule": "public"}

    def report(self, me: str, path: str, parts: list[str], body: dict[str, Any]) -> dict[str, Any]:
        reason = body["reason"]
        if self.longest is not None and len(reason.encode()) > self.longest:
            error = f"Reason too long, should be {self.longest} characters or fewer"
            raise Refused(400, "M_INVALID_PARAM", error)
        match parts:
            case ["rooms", room, "report", event]:
                self.event(me, room, event, UNSEEN)
            case ["rooms", room, "report"]:
                if room not in self.rooms:
                    raise Refused(404, "M_NOT_FOUND", "Room does not exist")
            case ["users", user, "report"]:
                if len(reason) > 1_000:
                    raise Refused(400, "M_BAD_JSON", "Reason must be less than 1000 characters")
                if user not in self.profiles:
                    return {}  # so that nobody learns whether the account exists; the report is dropped
            case _:
                raise Refused(404, "M_UNRECOGNIZED", "Unrecognized request")
        self.reports.append(Report(path, reason.partition("\0")[0], body))
        return {}
