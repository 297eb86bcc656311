"""The desk's page and the case's panel: who sent what, what it became, and nobody else's."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests.hub.intake.conftest import Software, plain, referral
from tests.hub.intake.test_activitypub import FLAG
from tests.hub.intake.test_webhooks import calling, event, signed
from tests.support.hub import PEOPLE, SmallHub
from tests.support.staff import NASTY, SignedIn, body, received

from seawall.channels.document import MAX_DOCUMENT_BYTES
from seawall.channels.xarf_server import MAX_BODY_BYTES
from seawall.hub import moment
from seawall.hub.content.models import Reveal
from seawall.hub.directory.roles import CASEWORKERS
from seawall.hub.intake import activities, peer_views
from seawall.hub.intake.models import IncomingEvent, IncomingReply, IncomingReport
from seawall.hub.referrals.models import Referral

pytestmark = pytest.mark.django_db

HARMS = {"general": "vio-threat", "welfare": "ssh-imminent", "candidates": "cand-threat", "police": "terror"}


@pytest.fixture
def sent(software: Software) -> dict[str, IncomingReport]:
    """A report at each desk."""
    return {
        desk: software.taken(referral(f"https://alpha.example/posts/{desk}", harm=harm)) for desk, harm in HARMS.items()
    }


def reply_to(referral: Referral, text: str = "A word.") -> IncomingReply:
    return IncomingReply.objects.create(
        referral=referral,
        activity_id=f"{FLAG}/1",
        digest="0" * 64,
        activity="Create",
        sender="https://alpha.example/actor",
        kind="words",
        text=text,
        received_at=moment.now(),
    )


def test_each_desk_lists_what_came_for_it_and_nothing_else(
    hub: SmallHub, sent: dict[str, IncomingReport], as_: SignedIn
) -> None:
    for name, (role, _organisation, desk) in PEOPLE.items():
        answer = as_(name).get("/intake/")
        if role not in CASEWORKERS:
            assert answer.status_code == 403, name
            continue
        page = body(answer)
        assert {slug for slug, report in sent.items() if report.reference in page} == {desk}, name
        report = sent[desk or ""]
        assert report.case is not None
        assert f'href="/cases/{report.case_id}/"' in page
        assert report.case.reference in page
        assert "Beta" in page


def test_what_has_no_case_waits_at_the_general_desk(hub: SmallHub, software: Software, as_: SignedIn) -> None:
    kept = software.taken(plain("connection/port_scan", protocol="tcp", first_seen="2026-11-02T09:30:00Z"))
    page = body(as_("analyst").get("/intake/"))
    assert kept.reference in page
    assert "It names no post" in page
    assert kept.reference not in body(as_("officer").get("/intake/"))


def test_reports_answers_and_replies_stand_in_one_list_with_few_queries(
    hub: SmallHub, software: Software, as_: SignedIn
) -> None:
    calling(hub)
    made = received(hub)
    assert signed(event(made)).status_code == 200
    reply_to(made, NASTY)
    client = as_("analyst")
    software.taken(plain(url="https://alpha.example/posts/0"))
    with CaptureQueriesContext(connection) as few:
        page = body(client.get("/intake/"))
    assert [word in page for word in ("By XARF", "By Webhook", "By ActivityPub", "A signed answer")] == [True] * 4
    assert "<script>alert(1)" not in page
    for number in range(1, 6):
        software.taken(plain(url=f"https://alpha.example/posts/{number}"))
    with CaptureQueriesContext(connection) as more:
        client.get("/intake/")
    assert len(more) <= len(few)
    assert "6 in all" not in page
    for name in ("officer", "welfare"):
        assert made.reference not in body(as_(name).get("/intake/"))


def test_pages_follow_one_another_and_a_page_that_is_none_is_the_last(
    hub: SmallHub, software: Software, as_: SignedIn
) -> None:
    for number in range(26):
        software.taken(plain(url=f"https://alpha.example/posts/{number}"))
    first, second = (body(as_("analyst").get(f"/intake/?page={page}")) for page in ("1", "9999999999"))
    references = set(IncomingReport.objects.values_list("reference", flat=True))
    shown = [{each for each in references if each in page} for page in (first, second)]
    assert [len(each) for each in shown] == [25, 1]
    assert shown[0] | shown[1] == references


def test_a_reply_is_read_by_its_own_desk_alone(hub: SmallHub, as_: SignedIn) -> None:
    reply = reply_to(received(hub))
    where = f"/intake/replies/{reply.pk}/read/"
    for name, status in (("officer", 404), ("welfare", 404), ("auditor", 403), ("analyst", 302)):
        assert as_(name).post(where).status_code == status, name
    assert as_("analyst").get(where).status_code == 405
    reply.refresh_from_db()
    assert reply.dealt_with_by == hub.people["analyst"]


def test_the_models_show_each_person_their_own_desk(hub: SmallHub, sent: dict[str, IncomingReport]) -> None:
    calling(hub)
    made = received(hub)
    signed(event(made))
    reply_to(made)
    for name, (role, _organisation, desk) in PEOPLE.items():
        person = hub.people[name]
        own = {sent[desk]} if desk and role in CASEWORKERS else set()
        assert set(IncomingReport.objects.visible_to(person)) == own, name
        seen = (IncomingEvent.objects.visible_to(person).count(), IncomingReply.objects.visible_to(person).count())
        assert seen == ((1, 1) if desk == "general" else (0, 0)), name


def test_what_came_from_behind_the_wall_is_not_shown_at_a_police_desk(
    hub: SmallHub, sent: dict[str, IncomingReport], as_: SignedIn
) -> None:
    """Even if its case should ever lie there."""
    report = sent["police"]
    IncomingReport.objects.filter(pk=report.pk).update(kept_from_police=True)
    assert not IncomingReport.objects.visible_to(hub.people["officer"]).exists()
    assert report.reference not in body(as_("officer").get(f"/cases/{report.case_id}/"))


class TestPanel:
    def test_a_referral_is_shown_as_evidence_and_masked(self, hub: SmallHub, software: Software, as_: SignedIn) -> None:
        by = {"organisation": "Other police", "type": "police", "state_body": True}
        kept = software.taken(referral(referrer=by, explanation=f"It threatens. {NASTY}"))
        page = body(as_("analyst").get(f"/cases/{kept.case_id}/"))
        start = page.index("Sent by other organisations")
        said = page.index("Their reasons: It threatens.", start)
        assert start < page.index("Show what they sent", start) < said
        assert page.rindex("<details", start, said) > page.rfind("</details>", 0, said)
        assert "a body of the state" in page[start:said]
        assert "a referral by Other police" in page[start:said]
        assert "<script>alert(1)" not in page
        assert not Reveal.objects.exists()

    def test_a_plain_report_is_shown_with_what_came_along(
        self, hub: SmallHub, software: Software, as_: SignedIn
    ) -> None:
        words, picture = (base64.b64encode(data).decode() for data in (b"The words of it.", b"\x89PNG"))
        evidence = [
            {"content_type": "text/plain", "payload": words, "description": "what it says"},
            {"content_type": "image/png", "payload": picture, "hash": "md5:" + "0" * 32},
        ]
        kept = software.taken(plain(description="We saw this.", evidence=evidence))
        page = body(as_("analyst").get(f"/cases/{kept.case_id}/"))
        for words in (
            "a report by Other desk",
            "We saw this.",
            "The words of it.",
            "does not fit its hash",
            "Not kept here",
            "names no harm",
        ):
            assert words in page, words

    def test_it_says_that_it_was_taken_back(self, software: Software, as_: SignedIn) -> None:
        kept = software.taken(referral())
        IncomingReport.objects.filter(pk=kept.pk).update(
            withdrawn_at=moment.now(), withdrawal={"reasons": "It was a lyric."}
        )
        page = body(as_("analyst").get(f"/cases/{kept.case_id}/"))
        assert "The sender has taken it back" in page
        assert "Taken back, because: It was a lyric." in page

    def test_a_case_that_nobody_sent_has_none(self, hub: SmallHub, as_: SignedIn) -> None:
        assert "Sent by other organisations" not in body(as_("analyst").get(f"/cases/{hub.case().pk}/"))


def test_nothing_of_what_was_sent_stands_in_the_list(hub: SmallHub, software: Software, as_: SignedIn) -> None:
    kept = software.taken(plain(description="Distressing words."))
    page = body(as_("analyst").get("/intake/"))
    assert "Distressing" not in page
    assert kept.url not in page


def test_the_reference_page_gives_the_limits_of_the_program() -> None:
    page = (Path(__file__).parents[3] / "docs/reference/intake.md").read_text("utf-8")
    assert f"{MAX_BODY_BYTES:,} bytes" in page
    assert f"at most {MAX_DOCUMENT_BYTES:,} bytes of `application/json`" in page
    assert f"at most {peer_views.MOST_ACTIVITY:,} bytes, `application/activity+json`" in page
    assert f"at most {activities.MOST_TEXT:,} characters are kept" in page
    source = "".join(path.read_text("utf-8") for path in Path(peer_views.__file__).parent.glob("*.py"))
    codes = set(re.findall(r"(?:Refused|Wait)\(\s*[0-9]{3}, \"([a-z_]+)\"", source))
    assert len(codes) > 15
    assert {code for code in codes if f"`{code}`" not in page} <= {"resource"}
