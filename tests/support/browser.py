"""Chromium for tests: one browser a session, a fresh profile a test, on a desktop, on a phone, and without scripts.

A plugin of its own, since a session has one Playwright and more than one folder of tests asks for it (tests/conftest.py names it).

Every page is watched while a test uses it: a script error, a violation of the security policy, a missing file or a
request to an outside host fails the test.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.helpers import INSTALL, NO_BROWSER, Faults, find_chromium, flags

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


wanted = False  # whether any test of this run asked for the browser


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say last, and once, that there was no browser and how to get one."""
    if not wanted:
        return
    try:
        missing = "" if find_chromium() else f"there is no Chromium. Install it with: {INSTALL}"
    except FileNotFoundError as error:
        missing = str(error)
    if missing:
        terminalreporter.section("No browser", sep="=", yellow=True)
        terminalreporter.write_line(f"Browser tests could not run: {missing}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for the tests of one file: while Playwright runs, so does its loop, and other files' tests want their own.

    Fails, never skips, when there is none; `-m "not browser"` leaves these tests out."""
    global wanted
    wanted = True
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
