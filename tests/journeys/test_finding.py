"""What a reviewer sees of a finding, in a browser: masked, shown, blurred, on a phone, without scripts, and for a post that nobody read."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from tests.browser.helpers import assert_accessible, assert_fits, screenshot
from tests.journeys.conftest import LiveHub
from tests.support.findings import finding_on, sense_at, words_at
from tests.support.staff import with_text

from seawall.hub.casework.models import Case

pytestmark = pytest.mark.browser

TEXT = "you absolute clown, nobody here can stand you. " + "Pneumonoultramicroscopicsilicovolcanoconiosis" * 3
NOTE = (
    "'clown' can mean somebody who makes people laugh; online also a person who is held in contempt. Confidence: high."
)
HIDDEN = ("absolute clown", "can stand you", "makes people laugh")


def flagged_case(live_hub: LiveHub) -> Case:
    """A case whose post was flagged, with everything that a finding can say."""
    case = with_text(live_hub.data.case(), TEXT)
    finding_on(
        case.content,
        detector="seawall-2/linear",
        families={"abuse": 0.93, "at_risk": 0.81, "hate": 0.7},
        flags=["abuse", "at_risk"],
        withheld=[{"family": "hate", "rule": "support_first"}],
        context={"idiom": 0.74, "art": 0.31},
        depth="linear",
        degraded=True,
        reasons=[
            words_at(TEXT, "absolute clown", weight=2.0),
            words_at(TEXT, "clown, nobody", weight=0.6),
            words_at(TEXT, "nobody here can stand you", family="at_risk", weight=1.2),
            words_at(TEXT, TEXT[-135:], family="at_risk", weight=0.2),
            sense_at(TEXT, "clown", NOTE),
        ],
    )
    return case


def looked_at(page: Page, name: str) -> None:
    assert_accessible(page)
    assert_fits(page)
    screenshot(page, f"finding-{name}")


def assert_masked(page: Page) -> None:
    for words in HIDDEN:
        assert words not in page.content()


def test_a_finding_is_read_masked_and_then_with_its_reasons(live_hub: LiveHub, page: Page) -> None:
    case = flagged_case(live_hub)
    live_hub.sign_in(page, "analyst", f"/cases/{case.pk}/")
    main = page.get_by_role("main")
    expect(main).to_contain_text("Reads like: a turn of phrase, likely (74%).")
    expect(main).to_contain_text(
        "It also looked like hate, but was not flagged for it, because the author seems to be at risk"
    )
    expect(main).to_contain_text("only a quick look")
    assert_masked(page)
    looked_at(page, "masked")

    page.get_by_role("button", name="Show it blurred").click()
    why = page.get_by_role("heading", name="Why it was flagged")
    expect(why).to_be_visible()
    quoted = page.locator(".sw-post__list .sw-post__words")
    expect(quoted).to_have_count(5)
    page.mouse.move(0, 0)
    for place in range(5):
        expect(quoted.nth(place)).to_have_css("filter", "blur(7px)")
    page.get_by_label("Blur it").uncheck()
    expect(quoted.first).to_have_css("filter", "none")
    expect(page.locator(".sw-post__text mark")).to_have_text(["absolute clown, nobody here can stand you", TEXT[-135:]])
    expect(page.get_by_role("listitem").filter(has_text="“absolute clown” spoke most for Abuse")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text=NOTE)).to_be_visible()
    looked_at(page, "shown")
    page.get_by_text("Hide it").click()
    expect(why).to_be_hidden()
    expect(page.get_by_text(NOTE)).to_be_hidden()


def test_the_same_without_scripts(live_hub: LiveHub, page_without_scripts: Page) -> None:
    page, case = page_without_scripts, flagged_case(live_hub)
    live_hub.sign_in(page, "analyst", f"/cases/{case.pk}/")
    assert_masked(page)
    page.get_by_role("button", name="Show the post").click()
    expect(page.get_by_role("heading", name="Why it was flagged")).to_be_visible()
    expect(page.get_by_text(NOTE)).to_be_visible()
    live_hub.open(page, f"/cases/{case.pk}/")
    assert_masked(page)


def test_on_a_phone(live_hub: LiveHub, phone: Page) -> None:
    case = flagged_case(live_hub)
    live_hub.sign_in(phone, "analyst", f"/cases/{case.pk}/")
    looked_at(phone, "phone-masked")
    phone.get_by_role("button", name="Show the post").click()
    expect(phone.get_by_role("heading", name="Words with more than one meaning")).to_be_visible()
    looked_at(phone, "phone-shown")


def test_a_post_that_was_not_read(live_hub: LiveHub, phone: Page) -> None:
    case = live_hub.data.case()
    finding_on(case.content, language="cy", assessed=False)
    live_hub.sign_in(phone, "analyst", f"/cases/{case.pk}/")
    expect(phone.get_by_role("main")).to_contain_text(
        "The detector does not read Welsh: it says nothing about this post"
    )
    looked_at(phone, "phone-not-read")
    phone.get_by_role("button", name="Show the post").click()
    expect(phone.locator(".sw-post__text")).to_be_visible()
    expect(phone.get_by_role("heading", name="Why it was flagged")).to_have_count(0)


def test_nothing_of_it_is_printed(live_hub: LiveHub, page: Page) -> None:
    case = flagged_case(live_hub)
    live_hub.sign_in(page, "analyst", f"/cases/{case.pk}/")
    page.get_by_role("button", name="Show the post").click()
    expect(page.get_by_text(NOTE)).to_be_visible()
    page.emulate_media(media="print")
    for hidden in (page.locator(".sw-post__text"), page.get_by_text(NOTE), page.locator(".sw-post__list").first):
        expect(hidden).to_be_hidden()
