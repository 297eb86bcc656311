"""Take the README's screenshots from a demonstration that is being served: python tools/take_screenshots.py http://127.0.0.1:8000"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.browser.helpers import find_chromium, flags

IMAGES = Path(__file__).parents[1] / "docs" / "images"
SHOTS = [
    ("analyst@hub.example", "/queue/", "queue.png"),
    ("regulator@regulator.example", "/scorecards/", "scorecard.png"),
]


def sign_in(browser: Browser, base: str, email: str) -> Page:
    """A page on which the demonstration's person is signed in, with the code that the demonstration shows."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{base}/demonstration/")
    row = page.locator("tr", has_text=email)
    code = re.search(r"\b(\d{3}) ?(\d{3})\b", row.inner_text())
    password = re.search(r"the tide [a-z ]+", page.inner_text("main"))
    if code is None or password is None:
        raise SystemExit(f"The demonstration page shows no code for {email}.")
    page.goto(f"{base}/sign-in/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password", exact=True).fill(password.group().strip())
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("code", exact=False).first.fill("".join(code.groups()))
    page.get_by_role("button").filter(has_text=re.compile("sign in|continue", re.IGNORECASE)).first.click()
    return page


def main() -> None:
    base = sys.argv[1].rstrip("/")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=flags())
        for email, path, name in SHOTS:
            page = sign_in(browser, base, email)
            page.goto(base + path)
            page.screenshot(path=IMAGES / name, clip={"x": 0, "y": 0, "width": 1280, "height": 1000}, full_page=True)
            print(f"{name}: {path} as {email}")
        browser.close()


if __name__ == "__main__":
    main()
