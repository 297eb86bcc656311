"""A platform that takes XARF reports over HTTP on loopback. Every report it takes was read by the standard's own parser too."""

import datetime as dt
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import xarf
from tests.channels.samples import SENT_AT

from seawall.channels import Answer, Withdrawal
from seawall.channels import xarf_server as server
from seawall.channels.document import Problem

TOKEN = "xarf-token-3f1c"


@dataclass
class Held:
    """One report that was taken."""

    report_id: str
    taken: server.Submission
    submitted_at: dt.datetime
    outcome: str
    answers: list[Answer] = field(default_factory=list)
    information: list[str] = field(default_factory=list)
    withdrawals: list[Withdrawal] = field(default_factory=list)

    def add(self, status: Any, at: dt.datetime, **more: Any) -> None:
        given = {"reason_code": None, "detail": "", "puid": None, "actions": (), **more}
        name = f"{self.report_id}-{len(self.answers) + 1}"
        self.answers.append(Answer(answer_id=name, reference=self.report_id, at=at, status=status, **given))

    def text(self) -> str:
        """What the platform reads of it."""
        assert self.taken.report.referral is not None
        parts = [self.taken.report.referral.to_json(), *(each.to_json() for each in self.withdrawals)]
        return b"\n".join(parts).decode()


class Platform(ThreadingHTTPServer):
    """Holds reports in memory. `saying` replaces every answer, `spoil` changes the objects that are answered."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.now = SENT_AT + dt.timedelta(minutes=1)
        self.outcomes: dict[str, str] = {}
        self.held: dict[str, Held] = {}
        self.kept: dict[tuple[str, str], tuple[str, int, dict[str, Any]]] = {}
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.saying: tuple[int, bytes, dict[str, str]] | None = None
        self.cutting = False
        self.waiting = threading.Event()
        self.waiting.set()
        self.spoil: dict[str, Any] = {}
        self.lock = threading.Lock()

    @property
    def where(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: that a client hangs up on a long answer is the point of some tests."""

    def settle(self) -> None:
        """Do what there is to do with every report."""
        for held in self.held.values():
            if held.answers and (held.answers[-1].status == "COMPLETED" or not held.information):
                continue
            self.now += dt.timedelta(minutes=10)
            if not held.answers:
                held.add("PROCESSING", self.now)
                self.now += dt.timedelta(minutes=10)
            if held.outcome == "asked" and not held.information:
                held.add("PROCESSING", self.now, reason_code="NEED_MORE_INFORMATION", detail="Which sentence?")
            elif held.outcome == "refused":
                held.add("COMPLETED", self.now, reason_code="REVIEWED_NO_ACTION", detail="It is a lyric.")
            else:
                done = {"reason_code": "ACTIONED", "puid": f"p-{held.report_id}", "actions": ("removed",)}
                held.add("COMPLETED", self.now, detail="The post was removed.", **done)

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        try:
            if headers.get("authorization") != f"Bearer {TOKEN}":
                raise server.no_token()
            key, parts = headers.get("idempotency-key"), path.removeprefix("/v1/abuse").strip("/").split("/")
            with self.lock:
                if method == "GET":
                    return 200, self._state(self._find(parts[0]))
                if parts == [""]:
                    return self._once(path, server.submission(body, idempotency_key=key), self._take)
                held = self._find(parts[0])
                if parts[1:] == ["information"]:
                    return self._once(path, server.information(body, idempotency_key=key), held.information.append)
                return self._once(path, server.withdrawal(body, idempotency_key=key), held.withdrawals.append)
        except server.Refused as refused:
            return refused.status, refused.to_dict()

    def _once(self, path: str, taken: Any, take: Any) -> tuple[int, dict[str, Any]]:
        kept = self.kept.get((path, taken.key))
        if kept is None:
            kept = self.kept[path, taken.key] = (taken.sha256, 202, self._do(path, taken, take))
        if kept[0] != taken.sha256:
            raise server.reused()
        return kept[1], kept[2]

    def _do(self, path: str, taken: Any, take: Any) -> dict[str, Any]:
        if isinstance(taken, server.Submission):
            return dict(take(taken))
        report_id = path.split("/")[3]
        if isinstance(taken, server.Informed):
            take(taken.text)
            return dict(server.informed(report_id=report_id))
        if taken.withdrawal.referral_id != self.held[report_id].taken.report.report_id:
            raise server.Refused(422, "fields", "This is of another report.")
        take(taken.withdrawal)
        return dict(server.withdrawn(taken, report_id=report_id, withdrawn_at=self.now))

    def _take(self, taken: server.Submission) -> dict[str, Any]:
        _, _, _, body = self.requests[-1]
        errors = xarf.parse(json.loads(body)["report"]["xarf"], strict=True).errors
        if errors:
            raise server.Refused(422, "fields", "XARF", [Problem(error.field, error.message) for error in errors])
        if any(held.taken.report.report_id == taken.report.report_id for held in self.held.values()):
            raise server.known()
        report_id = f"HARBOUR-{len(self.held) + 1:04}"
        outcome = self.outcomes.get(str(taken.report.report_id), "actioned")
        self.held[report_id] = Held(report_id, taken, self.now, outcome)
        return dict(server.accepted(taken, report_id=report_id, submitted_at=self.now))

    def _find(self, report_id: str) -> Held:
        if report_id not in self.held:
            raise server.unknown()
        return self.held[report_id]

    def _state(self, held: Held) -> dict[str, Any]:
        return dict(
            server.state(
                report_id=held.report_id,
                correlation_id=held.taken.correlation_id,
                submitted_at=held.submitted_at,
                answers=held.answers,
            )
        )


class _Handler(BaseHTTPRequestHandler):
    server: Platform

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"] or 0)))

    def _answer(self, body: bytes) -> None:
        platform = self.server
        headers = {name.lower(): value for name, value in self.headers.items()}
        platform.requests.append((self.command, self.path, headers, body))
        if platform.saying is not None:
            status, said, extra = platform.saying
        else:
            status, made = platform.answer(self.command, self.path, headers, body)
            made = {name: value for name, value in {**made, **platform.spoil}.items() if value is not ...}
            said, extra = json.dumps(made).encode(), {"Content-Type": "application/json"}
        platform.waiting.wait(30)
        self.send_response(status)
        for name, value in {**extra, "Content-Length": str(len(said))}.items():
            self.send_header(name, value)
        self.end_headers()
        if platform.cutting:
            self.wfile.write(said[: len(said) // 2])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self.wfile.write(said)


@contextmanager
def running() -> Iterator[Platform]:
    """Start a platform and stop it at the end."""
    platform = Platform()
    thread = threading.Thread(target=platform.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield platform
    finally:
        platform.waiting.set()
        platform.shutdown()
        thread.join()
        platform.server_close()
