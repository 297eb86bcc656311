"""The component gallery on loopback. The browser's own fixtures are in tests/support/browser.py."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest


class GalleryHandler(SimpleHTTPRequestHandler):
    """Serves the gallery's folder under the hub's security policy, and notes what was posted."""

    posted: list[str] = []
    policy = ""

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", self.policy)
        super().end_headers()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.posted.append(f"{self.path} {self.headers.get('X-CSRFToken', '')}".strip())
        self.send_response(204)
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        """Keep quiet."""


class Gallery:
    """The running gallery: `url("queue.html")` is a page's address, `posted` what pages sent since the test began."""

    def __init__(self, address: str, posted: list[str]) -> None:
        self.address = address
        self.posted = posted

    def url(self, name: str) -> str:
        """The address of a page."""
        return f"{self.address}/{name}"


@pytest.fixture(scope="session")
def gallery_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    """The component gallery, rendered in a process of its own and served on loopback."""
    folder = tmp_path_factory.mktemp("gallery")
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(root / "src"), str(root)))}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    made = subprocess.run(
        [sys.executable, str(root / "tests" / "hub" / "web" / "gallery.py"), str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert made.returncode == 0, made.stderr

    class Handler(GalleryHandler):
        posted: list[str] = []
        policy = json.loads((folder / "policy.json").read_text(encoding="utf-8"))

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Gallery(f"http://127.0.0.1:{server.server_port}", Handler.posted)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def gallery(gallery_server: Gallery) -> Gallery:
    """The gallery with nothing posted yet."""
    gallery_server.posted.clear()
    return gallery_server
