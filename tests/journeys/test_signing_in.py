"""Signing in."""
import pytest
from playwright.sync_api import Page
from tests.journeys.conftest import LiveHub

pytestmark = pytest.mark.browser

def test_cookie(live_hub: LiveHub, page: Page) -> None:
    live_hub.sign_in(page, "administrator", "/account/second-factor/")
    print(page.url, page.inner_text("main"))

def test_form(live_hub: LiveHub, page: Page) -> None:
    live_hub.sign_in_by_form(page, "administrator", path="/account/second-factor/")
    print(page.url, page.inner_text("main"))
