"""A member's person takes the signals of a community as a file, hears that one is withdrawn, and says what became of the file."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.hub.exchange.conftest import HARM, Exchange
from tests.journeys.conftest import LiveHub
from tests.support.hub import ACTOR
from tests.support.walking import Looks, button, heading, press, refused, said

from seawall.hub.exchange import communities, recipients, signals
from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.models import Part, Reason, Tlp

pytestmark = pytest.mark.browser

WORDS = "a term that nobody should meet by surprise"


@pytest.fixture
def pool(live_hub: LiveHub) -> Exchange:
    hub = live_hub.data
    made = Exchange(
        hub=hub,
        community=communities.found(
            person=hub.people["administrator"],
            operator=hub.organisations["hub"],
            slug="pool",
            name="The pool",
            purpose="So that what was taken down here does not come back there.",
            harms=[HARM],
            kinds=[SignalKind.TERM, SignalKind.URL],
            tlp_ceiling=Tlp.AMBER,
            retention=timedelta(days=365),
            agreement="We act on withdrawals within an hour.",
        ),
    )
    made.join("hub", Part.WRITER, "administrator")
    made.join("alpha", Part.READER, "alpha_contact")
    return made


def test_a_file_is_taken_grows_old_and_is_deleted(live_hub: LiveHub, page: Page, pool: Exchange) -> None:
    looks = Looks("signal-file", hidden=(WORDS,))
    (wrong,) = pool.share(kind=SignalKind.TERM, value=WORDS)
    live_hub.sign_in(page, "alpha_contact", "/communities/pool/")
    looks.at(page, "community")
    button(page, "Take the signals as a file").click()
    heading(page, "Take the signals as a file")
    looks.at(page, "take")
    button(page, "Take the file").click()
    refused(page, "Choose the kind of file")
    page.get_by_label("CSV, for a spreadsheet").check()
    with page.expect_download() as taken:
        press(page, button(page, "Take the file"))
    assert taken.value.suggested_filename.startswith("pool-")
    assert WORDS in Path(taken.value.path()).read_text(encoding="utf-8")

    signals.withdraw(signals=[wrong], reason=Reason.APPEAL, actor=ACTOR)
    wrong.refresh_from_db()
    live_hub.open(page, "/communities/pool/file/")
    expect(page.get_by_role("table")).to_contain_text("Holds what was withdrawn")
    looks.at(page, "old")
    page.get_by_label("JSON, for software").check()
    button(page, "Take the file").click()
    refused(page, "Tick the box: you keep one file at a time")

    page.get_by_role("link", name="It is deleted").click()
    heading(page, "The file is deleted")
    looks.at(page, "deleted")
    button(page, "Say so").click()
    refused(page, "Tick the box if the file and every copy of it are deleted")
    assert recipients.holders(wrong)
    page.get_by_label("The file and every copy of it are deleted").check()
    button(page, "Say so").click()
    said(page, "It is written down that the file is deleted.")
    assert recipients.holders(wrong) == []
    expect(page.get_by_text("Landed everywhere")).to_be_visible()
