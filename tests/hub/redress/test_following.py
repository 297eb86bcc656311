"""The report's own page: for whoever holds its link, and for nobody else; and how a report is withdrawn."""

from __future__ import annotations

import io
import logging
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from tests.support.courses import Courses, play
from tests.support.hub import SmallHub
from tests.support.reporting import DONE, FORM, NASTY, body, reported

from seawall.hub import moment
from seawall.hub.casework.models import Case, CaseState
from seawall.hub.ledger.models import Entry
from seawall.hub.logs import WithoutSecretLinks
from seawall.hub.practice.models import CodeVersion
from seawall.hub.redress.models import Report
from seawall.hub.referrals.models import Checkpoint


@pytest.fixture(autouse=True)
def _no_cache() -> None:
    cache.clear()


# Following


def test_the_follow_page_is_for_the_holder_of_the_link_alone(hub: SmallHub, client: Client) -> None:
    _, path = reported(client)
    stranger = Client()
    for given in (path, path + "withdraw/"):
        page = stranger.get(given)
        assert page.status_code == 200
        assert page["Cache-Control"] == "no-store"
        assert page["Referrer-Policy"] == ("same-origin" if "withdraw" in given else "no-referrer")
        assert page["X-Robots-Tag"] == "noindex, nofollow"
        assert b'name="robots" content="noindex"' in page.content
    for done in (client.get(DONE), client.get(FORM)):
        assert done["Cache-Control"] == "no-store"


def test_the_follow_page_does_not_show_what_was_reported(hub: SmallHub, client: Client) -> None:
    _, path = reported(client, what={"kind": "text", "text": "Very private words."}, more={"note": "A private note."})
    page = client.get(path).content.decode()
    assert "Very private words." not in page
    assert "A private note." not in page


@pytest.mark.parametrize("secret", ["x", "a" * 32, "%00", "%F0%9F%98%AD", "a" * 4_000])
def test_an_unknown_link(hub: SmallHub, client: Client, secret: str) -> None:
    path = f"/report/follow/{secret}/"
    for response in (client.get(path), client.get(path + "withdraw/"), client.post(path + "withdraw/")):
        assert response.status_code == 404
        assert "We do not know this link" in body(response)
        assert "You have done nothing wrong" in body(response)
        assert response["Cache-Control"] == "no-store"
    assert client.get("/report/follow/..%2f..%2fetc/").status_code == 404


def test_the_secret_stays_out_of_the_logs(hub: SmallHub, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    console = next(
        handler for handler in logging.root.handlers if any(isinstance(f, WithoutSecretLinks) for f in handler.filters)
    )
    stream = io.StringIO()
    monkeypatch.setattr(console, "stream", stream)
    _, path = reported(client)
    secret = path.rstrip("/").rsplit("/", 1)[1]
    assert client.post(path).status_code == 405
    assert client.get(f"/report/follow/{secret}x/").status_code == 404
    assert client.get(f"/report/follow/{secret}/no/such/page").status_code == 404
    assert Client(enforce_csrf_checks=True).post(path + "withdraw/").status_code == 403
    written = stream.getvalue()
    assert written.count("/report/follow/…") == 4
    assert secret not in written


def test_where_a_report_stands(hub: SmallHub, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    report, path = reported(client)
    assert "A person will read it. No machine decides." in body(client.get(path))
    assert "Next step By" in body(client.get(path))
    case = report.case
    assert case is not None
    Case.objects.filter(pk=case.pk).update(opened_at=case.opened_at - timedelta(days=30))
    assert "It is late, and it has not been forgotten." in body(client.get(path))
    Case.objects.filter(pk=case.pk).update(state=CaseState.CLOSED, closed_at=moment.now(), outcome="no_action")
    page = body(client.get(path))
    assert "We did not ask for it to be taken down" in page
    assert "If you think we got it wrong" in page
    assert "A way to appeal against our decisions is not built yet." in page


@pytest.fixture
def courses(hub: SmallHub, monkeypatch: pytest.MonkeyPatch) -> Courses:
    return play(hub, monkeypatch)


@pytest.mark.parametrize(
    ("reason", "seen", "said"),
    [
        ("ACTIONED", None, "We look for ourselves next"),
        ("ACTIONED", "up", "When we looked, it was still there."),
        ("ACTIONED", "unreachable", "We could not reach the page"),
        ("ACTIONED", "removed", "We looked ourselves: it is gone."),
        ("ACTIONED", "restricted", "it can no longer be seen freely"),
        ("REVIEWED_NO_ACTION", "up", "Their reason: “Said by the platform.”"),
        ("REVIEWED_NO_ACTION", "removed", "It is no longer there for all to see"),
        ("NOT_RESOLVABLE", "up", "could not settle it"),
        ("CONTENT_DOWN_OR_INACCESSIBLE", None, "It was gone already"),
    ],
)
def test_what_the_platform_did(courses: Courses, client: Client, reason: Any, seen: Any, said: str) -> None:
    begin = moment.now() - timedelta(days=2)
    referral = courses.sent(courses.referred(begin), begin + timedelta(hours=3))
    _, path = reported(client)
    Report.objects.update(case=referral.case)
    assert "We asked Alpha to act" in body(client.get(path))
    referral = courses.answered(referral, begin + timedelta(hours=5), reason)
    if seen:
        courses.looked(referral, begin + timedelta(hours=6), Checkpoint.ANSWER, seen)
    assert said in body(client.get(path))


def test_what_a_platform_writes_is_only_text(courses: Courses, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = moment.now() - timedelta(days=2)
    referral = courses.sent(courses.referred(begin), begin + timedelta(hours=3))
    referral = courses.answered(referral, begin + timedelta(hours=5), "REVIEWED_NO_ACTION")
    referral.answers.update(detail=NASTY)
    _, path = reported(client)
    Report.objects.update(case=referral.case)
    page = client.get(path).content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


# Withdrawing


def test_withdrawing(hub: SmallHub, client: Client) -> None:
    report, path = reported(client)
    asked = client.get(path + "withdraw/")
    assert "Do you want to withdraw it?" in body(asked)
    report.refresh_from_db()
    assert report.withdrawn_at is None  # looking is not doing
    page = client.post(path + "withdraw/", follow=True)
    assert "You withdrew this report" in body(page)
    assert "Withdraw this report" not in body(page)
    report.refresh_from_db()
    assert report.withdrawn_at is not None
    assert report.note == ""


def test_withdrawing_twice_is_withdrawing_once(hub: SmallHub, client: Client) -> None:
    _, path = reported(client)
    for _ in range(2):
        client.post(path + "withdraw/")
    assert Entry.objects.filter(verb="report.withdrawn").count() == 1
    assert client.get(path + "withdraw/")["Location"] == path


def test_withdrawing_needs_the_form(hub: SmallHub, client: Client) -> None:
    _, path = reported(client)
    assert Client(enforce_csrf_checks=True).post(path + "withdraw/").status_code == 403
    assert Report.objects.get().withdrawn_at is None


def test_no_role_sees_more_by_the_link_than_the_public(hub: SmallHub, client: Client) -> None:
    """Staff who come by a link see the public's page; the path tells no role anything else."""
    _, path = reported(client)
    staff = Client()
    staff.force_login(hub.people["analyst"])
    assert body(staff.get(path)) == body(client.get(path))
    assert CodeVersion.objects.exists()
