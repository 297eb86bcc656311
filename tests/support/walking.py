"""What journeys through the pages of referrals share: an eye on every page met, the work of the background, and a keyboard."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, expect
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from tests.browser.helpers import assert_accessible, assert_fits, screenshot

PHONE_WIDTH = 390

# The headings that can be seen, in the order of the page; what is said above it (GOV.UK's errors and banners) stands for itself.
HEADINGS = """() => [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')]
    .filter(each => each.checkVisibility() && !each.closest('.govuk-error-summary, .govuk-notification-banner'))
    .map(each => [Number(each.tagName[1]), each.textContent.trim()])"""
# Names of inputs and identities that stand twice; a label or a link to one of them would lead to the wrong place.
TWICE = """() => { const all = [...document.querySelectorAll('[id]')].map(each => each.id)
    return all.filter((each, place) => all.indexOf(each) !== place) }"""
# Whether somebody who looks can tell that this has the focus: GOV.UK marks it, or the box drawn for it, yellow or with a ring.
MARKED = """element => {
    const label = element.matches('input[type=radio], input[type=checkbox]') ? element.nextElementSibling : null
    const style = label ? getComputedStyle(label, '::before') : getComputedStyle(element)
    const outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0 && style.outlineColor !== 'rgba(0, 0, 0, 0)'
    return outlined || style.boxShadow !== 'none' || style.backgroundColor === 'rgb(255, 221, 0)' }"""


@dataclass
class Looks:
    """Holds each page of a journey to what every page must be: accessible, inside its window and a phone's, one of a kind by its title,
    its headings in order. `hidden` are words that no page may hold before somebody asks for them. Pictures on request."""

    journey: str
    hidden: tuple[str, ...] = ()
    titles: dict[str, str] = field(default_factory=dict)

    def at(self, page: Page, name: str) -> None:
        """Look at a page as it stands."""
        self._named(page)
        for words in self.hidden:
            assert words not in page.content(), f"{page.url} shows {words!r} to somebody who did not ask for it"
        assert page.evaluate(TWICE) == [], f"{page.url} has an id twice"
        assert_accessible(page)
        assert_fits(page)
        screenshot(page, f"{self.journey}-{name}")
        before = page.viewport_size
        if before is not None and before["width"] != PHONE_WIDTH:
            page.set_viewport_size({"width": PHONE_WIDTH, "height": 844})
            assert_fits(page)
            screenshot(page, f"phone/{self.journey}-{name}")
            page.set_viewport_size(before)

    def _named(self, page: Page) -> None:
        title, address = page.title().removeprefix("Error: "), urlsplit(page.url).path
        same = self.titles.setdefault(title, address)
        assert same == address, f"{address} and {same} have the same title: {title}"
        headings = page.evaluate(HEADINGS)
        levels = [level for level, _text in headings]
        assert levels.count(1) == 1, f"{page.url} has {levels.count(1)} main headings"
        assert levels[0] == 1, f"{page.url} begins with a lesser heading: {headings[0]}"
        for (above, _text), (level, text) in itertools.pairwise(headings):
            assert level <= above + 1, f"{page.url} leaves out a level before {text!r}"
        sections = [text for level, text in headings if level == 2]
        assert len(sections) == len(set(sections)), f"{page.url} has two sections of the same name: {sections}"


class Worker:
    """Does the background jobs of referrals and notices that wait, as a worker would, each once."""

    def __init__(self) -> None:
        self._done: set[int] = set()

    def work(self, *names: str) -> None:
        """Do what waits under these names, and what it asks for in turn. Raises whatever a job raises."""
        while waiting := [
            job
            for job in ProcrastinateJob.objects.filter(task_name__in=names, status="todo").order_by("id")
            if job.pk not in self._done
        ]:
            for job in waiting:
                self._done.add(job.pk)
                app.tasks[job.task_name](**job.args)


def heading(page: Page, text: str) -> None:
    """The page that one came to says this on top."""
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def said(page: Page, text: str) -> None:
    """The page says this since the last step."""
    expect(page.get_by_role("alert")).to_contain_text(text)


def button(page: Page, name: str) -> Locator:
    """A button of the page itself, or a link that looks like one."""
    return page.get_by_role("main").get_by_role("button", name=name, exact=True)


def refused(page: Page, *problems: str) -> None:
    """The form came back: its summary has the focus, says each problem, and each link leads to its field."""
    summary = page.locator(".govuk-error-summary")
    expect(summary).to_be_focused()
    assert page.title().startswith("Error: "), page.title()
    links = summary.get_by_role("link")
    expect(links).to_have_text(list(problems))
    for link in links.all():
        link.click()
        field_of = page.locator(str(link.get_attribute("href")))
        expect(field_of).to_be_focused()


def row(page: Page, name: str) -> Locator:
    """The value beside a name in a list of names and values."""
    return page.locator(".govuk-summary-list__row", has=page.get_by_text(name, exact=True)).locator("dd")


def by_keyboard(page: Page, target: Locator) -> None:
    """Move to `target` with the Tab key alone; one who looks can see all the way where they are."""
    expect(target).to_be_visible()
    for _ in range(200):
        page.keyboard.press("Tab")
        here = page.locator("*:focus")
        if here.count() and not here.evaluate(MARKED):
            raise AssertionError(
                f"nothing shows that this has the focus: {here.evaluate('e => e.outerHTML')} on {page.url}"
            )
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{target} cannot be reached with the Tab key on {page.url}")


def press(page: Page, target: Locator, key: str = "Enter") -> None:
    """Move to a link or a button with the Tab key and press it."""
    by_keyboard(page, target)
    page.keyboard.press(key)


__all__ = ["Looks", "Worker", "button", "by_keyboard", "heading", "press", "refused", "row", "said"]
