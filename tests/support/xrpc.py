"""A server of the AT Protocol on loopback that says what a test tells it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request: its method, its path without ``/xrpc/``, and what came with it."""

    verb: str
    path: str
    params: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    def one(self, name: str) -> str:
        return self.params.get(name, [""])[0]

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Says:
    """One answer; `value` goes out as JSON unless it is bytes. `breaks` cuts the connection in its place."""

    status: int = 200
    value: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    breaks: bool = False


def error(name: str, message: str = "", status: int = 400) -> Says:
    return Says(status, {"error": name, "message": message})


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        parsed = urlsplit(self.path)
        length = int(self.headers["Content-Length"] or 0)
        asked = Asked(
            self.command,
            parsed.path.removeprefix("/xrpc/"),
            parse_qs(parsed.query, keep_blank_values=True),
            {name.lower(): value for name, value in self.headers.items()},
            self.rfile.read(length),
        )
        said: Says = self.server.answer(asked)  # type: ignore[attr-defined]
        if said.breaks:
            self.close_connection = True
            return
        raw = said.value if isinstance(said.value, bytes) else json.dumps(said.value).encode()
        self.send_response(said.status)
        for name, value in {"Content-Length": str(len(raw)), **said.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)

    do_POST = do_HEAD = do_GET


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a client that hangs up on a long answer is the point of some tests


@contextmanager
def serving(answer: Callable[[Asked], Says]) -> Iterator[str]:
    """Serve on a free port of 127.0.0.1 and give ``http://127.0.0.1:PORT``."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.answer = answer  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
