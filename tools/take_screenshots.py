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
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(f"{base}/demonstration/")
    row = page.locator("tr", has_text=email)
    row.get_by_role("button").or_(row.get_by_role("link")).first.click()
    password = re.search(r"the tide [a-z ]+day", page.inner_text("main"))
    if password is None:
        raise SystemExit(f"The demonstration page shows no password for {email}.")
    page.get_by_label("Password", exact=True).fill(password.group())
    page.get_by_role("button", name="Sign in").click()
    code = re.search(r"\b(\d{3}) ?(\d{3})\b", page.inner_text("main"))
    if code is None:
        raise SystemExit(
            f"No code is shown for {email}: it was used within the last half-minute. Try again in a little while."
        )
    page.locator("input[name=code]").fill("".join(code.groups()))
    page.locator("main button[type=submit]").first.click()
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
