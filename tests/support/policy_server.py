"""A policy model's server on loopback that judges by words, and misbehaves as the post tells it to."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, bytes, dict[str, str]]
Behaviour = Callable[["PolicyServer", str, list[str]], Answer | None]


def completion(content: object, finish: str | None = "stop") -> bytes:
    """The body of a chat completion that says `content`."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish}
    return json.dumps({"id": "c", "object": "chat.completion", "choices": [choice], "usage": {}}).encode()


def fair(post: str, families: list[str]) -> str:
    """What this model thinks: a family is nearly certain where the post names it, and improbable elsewhere."""
    return json.dumps({family: 0.9 if family in post else 0.05 for family in families})


class PolicyServer(ThreadingHTTPServer):
    """`behaviours` gives an answer for a post that holds their word; other posts are answered fairly.

    `requests` keeps (headers, body) in order, `asked` how often each post came, `most` how many were under way at once.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behaviours: dict[str, Behaviour] = {}
        self.requests: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.asked: Counter[str] = Counter()
        self.release = threading.Event()
        self.lock = threading.Lock()
        self.under_way = self.most = 0
        self.before: Callable[[], object] = lambda: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def uri(self, model: str = "small-policy") -> str:
        return f"openai-compat:{self.url}#{model}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Connections that the test breaks are no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: PolicyServer

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.path == "/v1/chat/completions"
        post = read_post(body)
        with server.lock:
            server.requests.append((dict(self.headers.items()), body))
            server.asked[post] += 1
            server.under_way += 1
            server.most = max(server.most, server.under_way)
        try:
            server.before()
            families = families_asked(body)
            chosen = next((act for word, act in server.behaviours.items() if word in post), None)
            answer = (200, completion(fair(post, families)), {}) if chosen is None else chosen(server, post, families)
        finally:
            with server.lock:
                server.under_way -= 1
        if answer is None:  # the connection breaks without a word
            self.close_connection = True
            return
        status, content, headers = answer
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def read_post(body: dict[str, Any]) -> str:
    """The post, as a model would find it: the JSON object between the marks of the last message."""
    lines = body["messages"][-1]["content"].split("\n")
    assert lines[0] == "<<<POST"
    assert lines[2] == "POST>>>"
    post: str = json.loads(lines[1])["post"]
    return post


def families_asked(body: dict[str, Any]) -> list[str]:
    """The families of the system message."""
    told = body["messages"][0]["content"].split("\n")
    return [line.split()[1].rstrip(":") for line in told if line.startswith("Family ")]


@contextmanager
def policy_server() -> Iterator[PolicyServer]:
    """A server that is stopped at the end, whatever still hangs in it."""
    server = PolicyServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.release.set()
        server.shutdown()
        server.server_close()
        thread.join()
