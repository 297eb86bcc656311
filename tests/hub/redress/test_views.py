"""The public door: what is asked, what is kept, what is shown, and to whom nothing is."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection
from django.test import Client, RequestFactory
from tests.support.hub import SmallHub
from tests.support.reporting import ANSWERS, DONE, FORM, LINK, NASTY, START, answer, body, fill_in, reported, send

from seawall.hub import moment
from seawall.hub.content.models import Content
from seawall.hub.ledger.models import Entry
from seawall.hub.practice.queries import current_code
from seawall.hub.redress import drafts, services
from seawall.hub.redress.forms import MAX_NOTE, MAX_TEXT, link_problem
from seawall.hub.redress.models import About, AgeBand, FormUse, ForWhom, Report, ReportKind


@pytest.fixture(autouse=True)
def _no_cache() -> None:
    cache.clear()


# Before anything is asked


def test_the_start_page(hub: SmallHub, client: Client) -> None:
    page = body(client.get(START))
    assert page.index("Call 999") < page.index("Start")
    for words in ("You do not need an account", "What we keep", "A person reads your report"):
        assert words in page


def test_only_lines_that_were_checked_are_shown(hub: SmallHub, client: Client) -> None:
    page = body(client.get(START))
    code = current_code()
    for line in code.support:
        if not line.show:
            assert line.name not in page, line.id
    assert "116 123" in page
    papyrus = code.support_line("papyrus")
    assert papyrus.show
    assert papyrus.hours
    assert not papyrus.hours_shown
    assert papyrus.number in page
    assert page.count("24 hours a day, every day") == 2


def test_before_a_code_is_adopted_nothing_breaks(db: None, client: Client) -> None:
    assert "Call 999" in body(client.get(START))
    fill_in(client)
    page = client.post(f"{FORM}?step=check")
    assert page.status_code == 503
    assert "nobody is there to read your report" in body(page)
    assert not Report.objects.exists()


# One question after the other


def test_a_report_from_start_to_end(hub: SmallHub, client: Client) -> None:
    report, path = reported(client)
    assert (report.kind, report.about, report.for_whom, report.age_band) == (
        ReportKind.LINK,
        About.ABUSE,
        ForWhom.SOMEBODY,
        AgeBand.TEENAGER,
    )
    assert report.note == "It has gone on for a week."
    assert not report.danger_now
    assert report.case is not None
    assert report.case.content.url == LINK
    page = client.get(path)
    assert "We have your report" in body(page)
    assert report.reference in body(page)


def test_words_instead_of_a_link(hub: SmallHub, client: Client) -> None:
    report, _ = reported(client, what={"kind": "text", "text": "Nasty words.", "link": "not a link, and not looked at"})
    assert report.kind == ReportKind.TEXT
    assert report.case is not None
    assert (report.case.content.text, report.case.content.url) == ("Nasty words.", "")


def test_no_age_is_asked_when_it_is_about_nobody_in_particular(hub: SmallHub, client: Client) -> None:
    report, _ = reported(client, person={"for_whom": "public"})
    assert report.age_band == AgeBand.UNSAID


def test_an_age_that_was_given_goes_when_the_person_does(hub: SmallHub, client: Client) -> None:
    fill_in(client)
    answer(client, "person", for_whom="public")
    assert "Their age" not in body(client.get(f"{FORM}?step=check"))
    send(client)
    assert Report.objects.get().age_band == AgeBand.UNSAID


def test_the_age_question_speaks_to_the_person(hub: SmallHub, client: Client) -> None:
    for step in ("danger", "what", "about"):
        answer(client, step)
    answer(client, "person", for_whom="self")
    assert "How old are you?" in body(client.get(f"{FORM}?step=age"))


def test_danger_first(hub: SmallHub, client: Client) -> None:
    response = client.post(f"{FORM}?step=danger", {"danger_now": "yes"}, follow=True)
    page = body(response)
    assert page.startswith("Get help now Call 999")
    assert "Continue with the report" in page
    assert client.get(f"{FORM}?step=what").status_code == 200
    fill_in(client, danger={"danger_now": "yes"})
    send(client)
    assert Report.objects.get().danger_now


def test_nobody_meets_half_a_form(hub: SmallHub, client: Client) -> None:
    for step in ("what", "check", "more", "emergency", "nonsense", "\x00"):
        response = client.get(FORM, {"step": step})
        assert response.status_code == 302
        assert response["Location"].endswith("?step=danger")
    assert client.post(f"{FORM}?step=check").status_code == 302
    assert not Report.objects.exists()


def test_a_change_leads_back_to_the_check(hub: SmallHub, client: Client) -> None:
    fill_in(client)
    page = client.get(f"{FORM}?step=about")
    assert "Save and go back to your answers" in body(page)
    assert re.search(r'value="abuse"[^>]* checked', page.content.decode())
    response = answer(client, "about", about="hate")
    assert response["Location"].endswith("?step=check")
    assert "Hate because of who somebody is" in body(client.get(f"{FORM}?step=check"))


def test_a_draft_is_deleted_by_the_start_page_and_by_time(
    hub: SmallHub, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_in(client)
    client.get(START)
    assert client.get(f"{FORM}?step=check").status_code == 302
    fill_in(client)
    real = drafts.time.time()
    monkeypatch.setattr(drafts.time, "time", lambda: real + drafts.KEPT_FOR + 1)
    response = client.post(f"{FORM}?step=more", ANSWERS["more"], follow=True)
    assert "what you had written was deleted" in body(response)
    assert "question 1" in body(response)


def test_a_sent_draft_is_nowhere(hub: SmallHub, client: Client) -> None:
    reported(client, more={"note": "A note that is only in the report."})
    for session in Session.objects.all():
        assert "note" not in str(session.get_decoded())


# Wrong answers


@pytest.mark.parametrize(
    ("step", "given", "problem"),
    [
        ("danger", {"danger_now": ""}, "Say whether somebody is in danger right now"),
        ("danger", {"danger_now": "perhaps"}, "Select a valid choice"),
        ("what", {"kind": ""}, "Choose a link or the words themselves"),
        ("what", {"kind": "link", "link": ""}, "Paste the link to what you saw"),
        ("what", {"kind": "link", "link": "what they wrote"}, "Enter a web address that begins with https://"),
        ("what", {"kind": "link", "link": "javascript:alert(1)"}, "Enter a web address that begins with https://"),
        ("what", {"kind": "link", "link": "data:text/html,x"}, "Enter a web address that begins with https://"),
        ("what", {"kind": "link", "link": "ftp://example.org/x"}, "Enter a web address that begins with https://"),
        ("what", {"kind": "link", "link": "https://"}, "Enter a web address that begins with https://"),
        ("what", {"kind": "link", "link": "https://[::1"}, "This is not a web address"),
        ("what", {"kind": "link", "link": "https://example.org:99999/"}, "This is not a web address"),
        ("what", {"kind": "link", "link": "https://me:secret@example.org/"}, "The link holds a name or password"),
        ("what", {"kind": "link", "link": "https://example.org/a b"}, "Enter a web address that begins with https://"),
        ("what", {"kind": "link", "link": "https://example.org/" + "x" * 2_048}, "longer than 2,048 characters"),
        ("what", {"kind": "link", "link": "https://example.org/\x00"}, "Null characters are not allowed"),
        ("what", {"kind": "text", "text": "  "}, "Write the words that you saw"),
        ("what", {"kind": "text", "text": "x" * (MAX_TEXT + 1)}, "The words must be 5,000 characters or fewer"),
        ("what", {"kind": "text", "text": "a\x00b"}, "Null characters are not allowed"),
        ("about", {"about": ""}, "Choose what it is about"),
        ("about", {"about": "ssh-imminent"}, "Select a valid choice"),
        ("person", {"for_whom": ""}, "Choose who it is about"),
        ("age", {"age_band": ""}, "Choose an age, or that you would rather not say"),
        ("more", {"note": "x" * (MAX_NOTE + 1)}, "Your answer must be 1,000 characters or fewer"),
    ],
)
def test_a_wrong_answer_is_said_and_kept(
    hub: SmallHub, client: Client, step: str, given: dict[str, str], problem: str
) -> None:
    for earlier in ANSWERS:
        if earlier == step:
            break
        answer(client, earlier)
    response = answer(client, step, **given)
    page = body(response)
    assert response.status_code == 200
    assert page.startswith("There is a problem")
    assert problem in page
    assert response.content.decode().count("<title>Error: ") == 1
    assert client.get(f"{FORM}?step=check").status_code == 302


@pytest.mark.parametrize(
    ("pasted", "kept"),
    [
        ("  https://www.example.org/posts/1  ", LINK),
        ("www.example.org/posts/1", LINK),
        ("HTTPS://example.org/x", "HTTPS://example.org/x"),
        ("http://127.0.0.1:8001/harbour/posts/1", "http://127.0.0.1:8001/harbour/posts/1"),
        ("https://example.org/caf\u00e9?q=1#top", "https://example.org/caf\u00e9?q=1#top"),
    ],
)
def test_links_as_people_paste_them(hub: SmallHub, client: Client, pasted: str, kept: str) -> None:
    report, _ = reported(client, what={"link": pasted})
    assert report.case is not None
    assert report.case.content.url == kept


def test_a_link_of_the_greatest_length(hub: SmallHub, client: Client) -> None:
    link = "https://example.org/" + "x" * (2_048 - 20)
    other = link[:-1] + "y"
    assert link_problem(link) is None
    first, _ = reported(client, what={"link": link})
    second, _ = reported(client, what={"link": other})
    assert first.case != second.case
    assert {content.url for content in Content.objects.all()} == {link, other}


@pytest.mark.parametrize("text", ["\U0001f62d" * 2_000, "\u202eright to left", "a\r\nb", NASTY, "x" * MAX_TEXT])
def test_odd_words_come_through(hub: SmallHub, client: Client, text: str) -> None:
    report, _ = reported(client, what={"kind": "text", "text": text})
    assert report.case is not None
    assert report.case.content.text.split() == text.split()


def test_what_was_typed_is_only_text(hub: SmallHub, client: Client) -> None:
    fill_in(client, what={"kind": "text", "text": NASTY}, more={"note": NASTY})
    page = client.get(f"{FORM}?step=check").content.decode()
    assert "<script>alert(1)" not in page
    assert "<img src=x" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 2
    again = client.get(f"{FORM}?step=what").content.decode()
    assert "<script>alert(1)" not in again


def test_a_form_from_elsewhere_is_refused(hub: SmallHub) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(f"{FORM}?step=danger", {"danger_now": "no"}).status_code == 403


# Sending


def test_pressing_twice_makes_one_report(hub: SmallHub, client: Client) -> None:
    fill_in(client)
    first = client.post(f"{FORM}?step=check")
    second = client.post(f"{FORM}?step=check")
    assert first["Location"] == DONE
    assert second.status_code == 302
    assert Report.objects.count() == 1
    assert Entry.objects.filter(verb="report.received").count() == 1


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    """Two presses in the same moment, each in a thread and a connection of its own."""

    @pytest.fixture
    def hub(self, transactional_db: None) -> SmallHub:
        from tests.support.hub import small_hub

        return small_hub()

    def test_two_presses_at_once_make_one_report(
        self, hub: SmallHub, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill_in(client)
        both_are_here = threading.Barrier(2, timeout=20)
        real = drafts.Session.objects.select_for_update

        def together(*args: Any, **options: Any) -> Any:
            both_are_here.wait()
            return real(*args, **options)

        monkeypatch.setattr(drafts.Session.objects, "select_for_update", together)
        statuses: list[int] = []

        def press() -> None:
            browser = Client()
            browser.cookies = client.cookies
            try:
                statuses.append(browser.post(f"{FORM}?step=check").status_code)
            finally:
                connection.close()

        threads = [threading.Thread(target=press) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert statuses == [302, 302]
        assert Report.objects.count() == 1
        assert "Your reference is" in body(client.get(DONE))


def test_the_secret_is_shown_once_and_kept_by_nobody(hub: SmallHub, client: Client) -> None:
    report, path = reported(client)
    secret = path.rstrip("/").rsplit("/", 1)[1]
    assert len(secret) >= 32
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s', [f"%{secret}%"])
            assert cursor.fetchone()[0] == 0, table
    assert all(secret not in str(session.get_decoded()) for session in Session.objects.all())
    again = client.get(DONE)
    assert secret not in again.content.decode()
    assert report.reference not in again.content.decode()
    assert "shown once" in body(again)


@pytest.mark.parametrize("about", ["self_harm", "eating"])
def test_the_page_after_speaks_of_the_person_first(hub: SmallHub, client: Client, about: str) -> None:
    fill_in(client, about={"about": about})
    page = body(send(client))
    assert page.index("How are you?") < page.index("Keep this link")
    assert "116 123" in page


def test_after_danger_999_comes_before_the_rest(hub: SmallHub, client: Client) -> None:
    fill_in(client, danger={"danger_now": "yes"})
    page = body(send(client))
    assert page.index("Call 999") < page.index("Keep this link")


def test_too_many_reports(hub: SmallHub, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "REPORTS_AN_HOUR", 2)
    for _ in range(2):
        reported(client)
    fill_in(client)
    response = client.post(f"{FORM}?step=check")
    assert response.status_code == 429
    assert response["Retry-After"] == "3600"
    assert "Call 999" in body(response)
    assert "Nothing that you did is wrong" in body(response)
    assert Report.objects.count() == 2
    # What was written is still there, and goes through an hour later.
    later = moment.now() - timedelta(minutes=61)
    FormUse.objects.update(at=later)
    send(client)
    assert Report.objects.count() == 3


# Who the visitor is: nobody


@pytest.mark.parametrize(
    ("proxy", "remote", "forwarded", "counted"),
    [
        (False, "192.0.2.1", None, "192.0.2.1"),
        (False, "192.0.2.1", "198.51.100.7", "192.0.2.1"),  # made up by the visitor
        (True, "127.0.0.1", "198.51.100.7", "198.51.100.7"),
        (True, "127.0.0.1", "10.0.0.1, 198.51.100.7", "198.51.100.7"),  # the last is the proxy's word
        (True, "127.0.0.1", None, "127.0.0.1"),
        (True, "127.0.0.1", "rubbish", "unknown"),
        (False, "2001:db8:1:2:3:4:5:6", None, "2001:db8:1:2::/64"),
        (False, "::ffff:192.0.2.1", None, "192.0.2.1"),
        (False, "", None, "unknown"),
    ],
)
def test_whose_reports_are_counted_together(
    settings: Any, proxy: bool, remote: str, forwarded: str | None, counted: str
) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if proxy else None
    headers = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}
    assert drafts.visitor_address(RequestFactory().get("/", REMOTE_ADDR=remote, **headers)) == counted


def test_the_address_is_not_kept(hub: SmallHub, client: Client) -> None:
    reported(client)
    assert [use.visitor for use in FormUse.objects.all()] == [services.visitor_digest("127.0.0.1")]
    assert "127.0.0.1" not in FormUse.objects.get().visitor
