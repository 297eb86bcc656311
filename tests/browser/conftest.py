"""Chromium for tests: one browser a session, a fresh profile a test, on a desktop, on a phone, and without scripts.

Every page is watched while a test uses it: a script error, a violation of the security policy, a missing file or a
request to an outside host fails the test.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from tests.browser.helpers import INSTALL, NO_BROWSER, Faults, find_chromium, flags

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say last, and once, that there was no browser and how to get one."""
    try:
        missing = "" if find_chromium() else f"there is no Chromium. Install it with: {INSTALL}"
    except FileNotFoundError as error:
        missing = str(error)
    if missing:
        terminalreporter.section("No browser", sep="=", yellow=True)
        terminalreporter.write_line(f"Browser tests could not run: {missing}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The session's Chromium. Fails, never skips, when there is none; `-m "not browser"` leaves these tests out."""
    try:
        path = find_chromium()
    except FileNotFoundError as error:
        pytest.fail(str(error), pytrace=False)
    if path is None:
        pytest.fail(NO_BROWSER, pytrace=False)
    # Playwright's loop runs in this thread: Django would take a test's database calls for ones from async code.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    try:
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=path, args=flags())
            yield chromium
            chromium.close()
    finally:
        if before is None:
            del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
        else:
            os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Makes pages, each in a profile of its own: `open_page(viewport=..., java_script_enabled=False)`."""
    contexts = []
    faults = Faults()

    def make(**options: Any) -> Page:
        context = browser.new_context(locale="en-GB", timezone_id="Europe/London", **{"viewport": DESKTOP, **options})
        contexts.append(context)
        page = context.new_page()
        faults.watch(page)
        return page

    yield make
    for context in contexts:
        context.close()
    assert not faults.found, "the page had faults:\n" + "\n".join(faults.found)


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """A page in a desktop window."""
    return open_page()


@pytest.fixture
def phone(open_page: Callable[..., Page]) -> Page:
    """A page on a phone: narrow, touched, and with a phone's pixels."""
    return open_page(viewport=PHONE, is_mobile=True, has_touch=True, device_scale_factor=2)


@pytest.fixture
def page_without_scripts(open_page: Callable[..., Page]) -> Page:
    """A page in a browser that runs no scripts."""
    return open_page(java_script_enabled=False)


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
