"""A platform that takes signed events on loopback. Every check of a signature is the public package's, not the hub's."""

import base64
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError


def secret(byte: int, length: int = 32) -> str:
    return "whsec_" + base64.b64encode(bytes([byte]) * length).decode()


CURRENT, FORMER = secret(1), secret(2)
PATH = "/hooks/private-path-8d1f"


@dataclass
class Saying:
    """What the platform answers instead of 202. `cut` ends the connection after so many bytes of the answer."""

    status: int = 202
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: bool = False


class Receiver(BaseHTTPRequestHandler):
    server: "Platform"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.strays += 1
        self.send_error(405)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = dict(self.headers.items())
        self.server.requests.append((self.path, headers, body))
        if self.path != PATH:
            self.server.strays += 1
            self._say(Saying(404, body=f"Cannot POST {self.path}".encode()))
            return
        try:
            event = Webhook(self.server.secret).verify(body, headers)
        except WebhookVerificationError as error:
            self._say(Saying(401, body=str(error).encode()))
            return
        if self.server.saying.status < 300:
            self.server.taken.setdefault(headers["webhook-id"], (body, event))
        self.server.answering.wait(30)
        self._say(self.server.saying)

    def _say(self, saying: Saying) -> None:
        if saying.cut:
            self.wfile.write(f"HTTP/1.1 {saying.status} Yes\r\nContent-Length: 100\r\n\r\n".encode() + saying.body)
            self.close_connection = True
            return
        self.send_response(saying.status)
        for name, value in saying.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(saying.body)))
        self.end_headers()
        self.wfile.write(saying.body)


class Platform(ThreadingHTTPServer):
    """Takes events as the specification asks: verified, and once for each webhook-id."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiver)
        self.answering = threading.Event()
        self.reset()
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self.thread.start()

    def reset(self) -> None:
        self.secret, self.saying, self.strays = CURRENT, Saying(), 0
        self.taken: dict[str, tuple[bytes, dict[str, Any]]] = {}
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.answering.set()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up on a long answer is the point here."""

    def stop(self) -> None:
        self.answering.set()
        self.shutdown()
        self.thread.join()
        self.server_close()

    @property
    def where(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"
