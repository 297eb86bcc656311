"""The page in a browser: its policy lets its own style through, it is accessible, fits a phone, and prints its watermark."""

from pathlib import Path

import pytest
from playwright.sync_api import Page
from tests.browser.helpers import assert_accessible, assert_fits, screenshot
from tests.formats.kinds import Sent, every_kind, of_illegality
from tests.formats.reading import Pdf

from seawall.formats.rendering import render_html

pytestmark = pytest.mark.browser


def opened(page: Page, made: Sent, folder: Path) -> Page:
    path = folder / "page.html"
    path.write_text(render_html(made, reference="R-2026-0007"), encoding="utf-8")
    page.goto(path.as_uri())
    return page


@every_kind
def test_page_is_accessible(page: Page, made: Sent, tmp_path: Path) -> None:
    opened(page, made, tmp_path)
    screenshot(page, f"rendering-{getattr(made, 'kind', 'withdrawal')}")
    assert page.evaluate("() => getComputedStyle(document.querySelector('h1')).fontSize") == "32px", (
        "its style is let through"
    )
    assert_accessible(page)


@every_kind
def test_page_fits_a_phone(phone: Page, made: Sent, tmp_path: Path) -> None:
    assert_fits(opened(phone, made, tmp_path))


def test_page_with_the_longest_address_fits_a_phone(phone: Page, tmp_path: Path) -> None:
    address = "https://platform.example/" + "a" * 2_000
    made = of_illegality(
        content={"native_id": "b" * 300, "url": address, "text_sha256": "0" * 64}, explanation="c" * 5_000
    )
    assert_fits(opened(phone, made, tmp_path))


def test_nothing_on_the_page_runs_even_if_it_were_let_in(page: Page, tmp_path: Path) -> None:
    """The policy stands in the page itself: a script that some fault let through would not run."""
    path = tmp_path / "page.html"
    whole = render_html(of_illegality())
    path.write_text(whole.replace("<h2>", "<script>document.title = 'ran'</script><h2>", 1), encoding="utf-8")
    refused: list[str] = []
    other = page.context.browser.new_page() if page.context.browser else page
    other.on("console", lambda message: refused.append(message.text))
    other.goto(path.as_uri())
    assert other.title() != "ran"
    assert any("Content Security Policy" in text for text in refused)
    other.close()


def test_print_has_numbered_pages_and_the_watermark_on_each(page: Page, tmp_path: Path) -> None:
    opened(page, of_illegality(), tmp_path)
    printed = Pdf(page.pdf(prefer_css_page_size=True))
    assert printed.pages >= 2
    for number, found in enumerate(printed.reader.pages, start=1):
        text = found.extract_text()
        assert "".join(f"Page {number} of {printed.pages}".split()) in "".join(text.split())
        assert "DEMONSTRATION" in text
