"""A night of an incident in a real browser: declared, spoken in, a signal seen elsewhere, counted, ended, its debrief completed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from tests.browser.helpers import assert_accessible, assert_fits, screenshot
from tests.hub.exchange.conftest import HARM, Exchange
from tests.journeys.conftest import LiveHub

from seawall.hub import moment
from seawall.hub.exchange import communities
from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.models import Part, Tlp
from seawall.hub.incidents import counting
from seawall.hub.incidents.models import Incident

pytestmark = pytest.mark.browser


def looked_at(page: Page, name: str) -> None:
    assert_accessible(page)
    assert_fits(page)
    screenshot(page, f"incident-{name}")


@pytest.fixture
def pool(live_hub: LiveHub) -> Exchange:
    """A community in which the hub and two platforms take part, the regulator observes, and beta has shared eight signals."""
    made = Exchange(
        hub=live_hub.data,
        community=communities.found(
            person=live_hub.data.people["administrator"],
            operator=live_hub.data.organisations["hub"],
            slug="pool",
            name="The pool",
            purpose="So that what was taken down here does not come back there.",
            harms=[HARM],
            kinds=[SignalKind.SHA256, SignalKind.URL],
            tlp_ceiling=Tlp.AMBER,
            retention=timedelta(days=90),
            agreement="We act on withdrawals within an hour.",
        ),
    )
    made.join("hub", Part.WRITER, "administrator")
    made.join("alpha", Part.READER, "alpha_contact")
    made.join("beta", Part.WRITER, "beta_contact")
    made.join("regulator", Part.OBSERVER, "regulator")
    made.share(8, by="beta")
    return made


@pytest.mark.parametrize("kind", ["page", "phone"])
def test_a_night(live_hub: LiveHub, pool: Exchange, request: pytest.FixtureRequest, kind: str) -> None:
    page: Page = request.getfixturevalue(kind)
    live_hub.sign_in(page, "administrator", "/communities/pool/")
    page.get_by_role("link", name="Incidents").click()
    looked_at(page, f"{kind}-none")
    page.get_by_role("button", name="Declare an incident").click()
    page.get_by_role("button", name="Declare it").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose what it is")
    looked_at(page, f"{kind}-declare-wrong")
    page.get_by_label("Livestreamed attack").check()
    page.get_by_label("In a few words").fill("An attack that is streamed")
    page.get_by_role("group", name="Which harms?").get_by_role("checkbox").first.check()
    page.get_by_label("For how many hours?").fill("3")
    page.get_by_role("button", name="Declare it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("An attack that is streamed")
    incident = Incident.objects.get()

    live_hub.sign_in(page, "alpha_contact", "/communities/pool/sightings/new/")
    for number, signal in enumerate(pool.community.signals.order_by("number")[:6]):
        live_hub.open(page, "/communities/pool/sightings/new/")
        page.get_by_label("Which signal?").fill(signal.value)
        page.get_by_label("Where was it seen?").select_option(label="Alpha")
        page.get_by_label("Address of the post").fill(f"https://alpha.example/posts/{number}")
        if number == 0:
            looked_at(page, f"{kind}-sighting")
        page.get_by_role("button", name="Say so").click()
        expect(page.get_by_role("main")).to_contain_text("The sighting is written down")
    expect(page.get_by_role("main")).to_contain_text("Beta to Alpha")
    looked_at(page, f"{kind}-spread")
    live_hub.sign_in(page, "beta_contact", "/communities/pool/sightings/")
    expect(page.get_by_role("main")).to_contain_text("Where your own signals were seen")
    looked_at(page, f"{kind}-spread-own")

    live_hub.sign_in(page, "alpha_contact", f"/incidents/{incident.pk}/")
    page.get_by_label("Your message").fill("We took down forty copies.\nWe look for more.")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("main")).to_contain_text("We took down forty copies.")
    now = moment.now()
    Incident.objects.filter(pk=incident.pk).update(declared_at=now - timedelta(hours=1, minutes=10))
    counting.snapshot(Incident.objects.get())
    page.reload()
    looked_at(page, f"{kind}-on")

    live_hub.sign_in(page, "administrator", f"/incidents/{incident.pk}/")
    page.get_by_role("button", name="End it").click()
    page.get_by_label("Why does it end?").fill("The stream is down and no copy was seen for an hour.")
    page.get_by_role("button", name="End it").click()
    page.get_by_role("button", name="Complete the debrief").click()
    page.get_by_label("What went well, and is to be kept?").check()
    page.get_by_label("The answer").fill("Everybody was in the channel within ten minutes.")
    page.get_by_role("button", name="Write it into the debrief").click()
    looked_at(page, f"{kind}-over")
    page.get_by_role("link", name="read it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Debrief")
    expect(page.get_by_role("main")).to_contain_text("Everybody was in the channel within ten minutes.")
    looked_at(page, f"{kind}-debrief")
