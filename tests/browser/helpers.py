"""What a browser test needs beside its page: Chromium, a check of accessibility, pictures, an eye on faults."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Page, Request, Response

ARIA = re.compile(r"aria-[a-z]+")
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL = "sudo apt-get install -y chromium"
NO_BROWSER = (
    "Browser tests need Chromium and there is none. Install it with:\n"
    f"    {INSTALL}\n"
    "or name another one in SEAWALL_CHROMIUM."
)

FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-sync",
    "--metrics-recording-only",
    "--no-first-run",
    "--no-default-browser-check",
    # Whatever a page asks for, nothing leaves this machine.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


def find_chromium() -> str | None:
    """The browser to test with: SEAWALL_CHROMIUM, else the first of the usual names on the path; None for none.

    Raises
    ------
    FileNotFoundError
        When SEAWALL_CHROMIUM names something that is not there: a wrong setting must not pass for a missing browser.
    """
    if named := os.environ.get("SEAWALL_CHROMIUM"):
        if found := shutil.which(named):
            return found
        raise FileNotFoundError(f"SEAWALL_CHROMIUM is {named}, which is not a program here. Correct it or unset it.")
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def flags() -> list[str]:
    """Chromium's switches; as root it cannot use its own sandbox."""
    return [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]


@dataclass
class Faults:
    """What went wrong in a page during a test: script errors, policy violations, missing files, outside hosts."""

    found: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Note every fault of this page from now on."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.found.append(f"script error: {error}"))
        page.on("request", self._request)
        page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        # A missing file is reported by its response, with its address.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.found.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        host = urlsplit(request.url).hostname
        if host not in {None, "127.0.0.1", "localhost"}:
            self.found.append(f"asked an outside host: {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= 400 and response.request.resource_type in {"stylesheet", "script", "image", "font"}:
            self.found.append(f"{response.status} for {response.url}")


def violations(page: Page, *, impacts: tuple[str, ...] = ("serious", "critical")) -> list[str]:
    """What axe finds wrong in the page as it stands, one readable paragraph a rule."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    result = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    found = []
    for rule in result["violations"]:
        nodes = [node for node in rule["nodes"] if not known(rule["id"], node)]
        if rule["impact"] in impacts and nodes:
            found.append(f"{rule['impact']}: {rule['help']} ({rule['id']})")
            for node in nodes:
                why = " ".join((node.get("failureSummary") or "").split())
                found.append(f"    {' '.join(map(str, node['target']))}: {why}")
    return found


def known(rule: str, node: dict[str, Any]) -> bool:
    """Whether this is GOV.UK's own choice: a radio button that reveals a question says so with `aria-expanded`.

    ARIA 1.2 does not list that attribute for radios; the design system keeps it because screen readers announce it.
    """
    return (
        rule == "aria-allowed-attr"
        and "govuk-radios__input" in node["html"]
        and set(ARIA.findall(node.get("failureSummary") or "")) == {"aria-expanded"}
    )


def assert_accessible(page: Page) -> None:
    """Fail with a readable list when axe finds anything serious or critical."""
    found = violations(page)
    assert not found, f"{page.url} has accessibility violations:\n" + "\n".join(found)


def assert_fits(page: Page) -> None:
    """Fail when the page is wider than its window: on a phone nobody should have to scroll sideways."""
    wide = page.evaluate("() => document.documentElement.scrollWidth")
    # Not window.innerWidth: a phone's browser zooms out of a page that is too wide, and then says that it fits.
    window = (page.viewport_size or {"width": 0})["width"]
    assert wide <= window, f"{page.url} is {wide} pixels wide in a window of {window}"


def screenshot(page: Page, name: str) -> Path | None:
    """Save a picture of the whole page as NAME.png in the folder that SEAWALL_SCREENSHOTS names; nothing when unset."""
    folder = os.environ.get("SEAWALL_SCREENSHOTS")
    if not folder:
        return None
    path = Path(folder) / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path, full_page=True)
    return path
