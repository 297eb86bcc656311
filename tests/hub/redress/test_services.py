"""The public's side: a report joins the post that it is about, keeps little, and tells the reporter where it stands, and no more."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from django.db import connection, transaction
from pytest_django.fixtures import Settings
from tests.hub.referrals.conftest import ToldPlatform, look, platform
from tests.support.hub import SmallHub

from seawall import channels
from seawall.hub import moment
from seawall.hub.casework import services as casework
from seawall.hub.casework.form import Form
from seawall.hub.casework.models import Case, CaseState, Outcome
from seawall.hub.content.models import Content, Revision
from seawall.hub.directory.models import Person
from seawall.hub.ledger.models import Entry
from seawall.hub.redress import services
from seawall.hub.redress.models import About, AgeBand, FormUse, ForWhom, Report, ReportKind, ReportState
from seawall.hub.redress.queries import Progress, progress_of, report_by_secret
from seawall.hub.referrals import services as referrals
from seawall.hub.referrals.models import Checkpoint, Referral

__all__ = ["look", "platform"]  # fixtures of the referrals' tests, used here too

NOTHING = Form(outcome=Outcome.NO_ACTION, harm="abuse-harassment", reasons="It is a joke between friends.")
LINK = "https://alpha.example/posts/somewhere-1"


def report(link: str = LINK, **changes: Any) -> services.Receipt:
    said: dict[str, Any] = {
        "kind": ReportKind.LINK, "about": About.ABUSE, "for_whom": ForWhom.PUBLIC, "age_band": AgeBand.UNSAID, "danger_now": False,
        "link": link, "text": "", "note": "", "visitor": "v" * 64,
    }  # fmt: skip
    return services.receive(**(said | changes))


def case_of(receipt: services.Receipt) -> Case:
    found = Report.objects.get(pk=receipt.report.pk).case
    assert found is not None
    return Case.objects.select_related("desk", "content__platform").get(pk=found.pk)


# What a report becomes


@pytest.mark.core
def test_a_link_to_a_known_post_joins_it(hub: SmallHub) -> None:
    post = hub.post("Words that we have.")
    first, second = report(post.url), report(post.url + "/?from=share#top")
    assert case_of(first).pk == case_of(second).pk
    assert case_of(first).content_id == post.pk
    post.refresh_from_db()
    assert (post.version, post.text, Revision.objects.count()) == (1, "Words that we have.", 0)
    assert first.report.platform == hub.platforms["alpha"]
    assert list(Entry.objects.filter(subject_id=str(first.report.pk)).order_by("id").values_list("verb", flat=True)) == [
        "report.received", "report.linked",
    ]  # fmt: skip


def test_an_open_case_is_joined_and_a_closed_one_is_not(hub: SmallHub) -> None:
    case = hub.case()
    assert case_of(report(case.content.url)).pk == case.pk
    casework.claim(case=case, person=hub.people["analyst"])
    assert case_of(report(case.content.url)).pk == case.pk
    casework.decide(case=case, person=hub.people["analyst"], form=NOTHING)
    again = case_of(report(case.content.url))
    assert (again.pk == case.pk, again.state, again.origin) == (False, CaseState.OPEN, "report")


@pytest.mark.parametrize(
    ("link", "slug", "native_id"),
    [
        ("https://alpha.example/posts/42", "alpha", "42"),
        ("https://ALPHA.example/posts/42/", "alpha", "42"),
        ("https://alpha.example/posts/a%2Fb%20c", "alpha", "a/b c"),
        ("https://alpha.example/", "alpha", "https://alpha.example/"),
        ("https://beta.example/u/x/42?lang=en", "beta", "42"),
        ("https://alpha.example.evil.example/posts/42", "elsewhere", "https://alpha.example.evil.example/posts/42"),
        ("https://other.example/posts/42", "elsewhere", "https://other.example/posts/42"),
        ("http://[::1", "elsewhere", "http://[::1"),
    ],
)
def test_which_post_a_link_names(hub: SmallHub, link: str, slug: str, native_id: str) -> None:
    content = case_of(report(link)).content
    assert (content.platform.slug, content.native_id, content.url) == (slug, native_id, link)
    assert not content.text_known
    assert case_of(report(link)).content_id == content.pk


def test_two_long_links_are_two_posts(hub: SmallHub) -> None:
    long = "https://other.example/" + "x" * 700
    first, second = case_of(report(long + "1")), case_of(report(long + "2"))
    assert first.content_id != second.content_id
    assert case_of(report(long + "1")).pk == first.pk


def test_words_alone(hub: SmallHub) -> None:
    case = case_of(
        report("", kind=ReportKind.TEXT, text=" The words\x00 themselves \ud800. ", note="Sent to me\x00 today. ")
    )
    assert (case.content.text, case.content.url, case.content.platform.slug) == (
        "The words themselves ?.",
        "",
        "elsewhere",
    )
    assert case.content.text_known
    assert Report.objects.get().note == "Sent to me today."
    other = case_of(report("", kind=ReportKind.TEXT, text="The words themselves ?."))
    assert other.content_id != case.content_id  # the same words from two people may be two posts


@pytest.mark.core
def test_where_a_report_goes(hub: SmallHub) -> None:
    for number, (about, danger) in enumerate(product(About, (False, True))):
        case = case_of(report(f"https://alpha.example/posts/{number}", about=about, danger_now=danger))
        partition = {About.SELF_HARM: "welfare", About.CANDIDATE: "candidate_support"}.get(about, "general")
        assert (case.desk.partition, case.harm) == (partition, services.HARM_OF[about])
        assert (case.severity == 5) == (about in (About.SELF_HARM, About.THREAT))
        assert case.decision_within is not None


@pytest.mark.core
def test_danger_now_brings_a_case_that_lies_elsewhere_to_the_welfare_desk(hub: SmallHub) -> None:
    case = hub.case("abuse-harassment")
    casework.claim(case=case, person=hub.people["analyst"])
    assert (
        case_of(report(case.content.url, about=About.SELF_HARM)).severity == 3
    )  # without danger now it joins as it is
    found = case_of(report(case.content.url, about=About.SELF_HARM, danger_now=True))
    assert (found.pk, found.desk, found.severity, found.state) == (case.pk, hub.desks["welfare"], 5, CaseState.OPEN)
    assert Content.objects.get(pk=case.content_id).desk == hub.desks["welfare"]


def test_what_cannot_be_opened_is_not_received(hub: SmallHub, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: Any) -> None:
        raise OSError("the ledger is full")

    entries = Entry.objects.count()
    with monkeypatch.context() as patched:
        patched.setattr("seawall.hub.casework.opening.record", broken)
        with pytest.raises(OSError, match="full"):
            report()
    assert (Report.objects.count(), Content.objects.count(), FormUse.objects.count(), Entry.objects.count()) == (
        0,
        0,
        0,
        entries,
    )


# What is kept


@pytest.mark.core
def test_the_secret_is_kept_by_nobody_here(hub: SmallHub) -> None:
    receipt = report(note="A note.")
    assert len(receipt.secret) >= 32
    assert report_by_secret(receipt.secret).pk == receipt.report.pk
    with pytest.raises(Report.DoesNotExist):
        report_by_secret(receipt.report.secret_sha256)
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s', [f"%{receipt.secret}%"])
            assert cursor.fetchone() == (0,), table


def test_the_ledger_does_not_name_the_reporter(hub: SmallHub) -> None:
    receipt = report(note="I am Somebody.", age_band=AgeBand.TEENAGER)
    said = Entry.objects.get(verb="report.received")
    assert (said.actor_kind, said.actor_id) == ("public", "-")
    assert said.payload == {"kind": "link", "danger_now": False, "young_person": True}
    assert not Entry.objects.filter(payload__icontains="Somebody").exists()
    assert receipt.report.reference.startswith("S-")


def test_a_network_address_is_kept_so_that_it_can_be_counted_for_a_day(hub: SmallHub, settings: Settings) -> None:
    def digest(days_ago: int, address: str = "192.0.2.1") -> str:
        with moment.demonstration_at(datetime.now(UTC) - timedelta(days=days_ago)):
            return services.visitor_digest(address)

    assert digest(1) == digest(1) != digest(2)
    assert digest(1) != digest(1, "192.0.2.2")
    before = digest(1)
    settings.SECRET_KEY = "another key"
    assert digest(1) != before
    assert re.fullmatch("[0-9a-f]{64}", before)


@pytest.mark.core
def test_no_more_than_people_send(hub: SmallHub) -> None:
    begin = datetime.now(UTC) - timedelta(days=3)
    with moment.demonstration_at(begin):
        for number in range(services.REPORTS_AN_HOUR):
            report(f"https://alpha.example/posts/{number}")
        with pytest.raises(services.TooManyReports, match="call 999"):
            report()
        report(visitor="w" * 64)  # from elsewhere it still goes
    assert Report.objects.count() == services.REPORTS_AN_HOUR + 1
    with moment.demonstration_at(begin + timedelta(minutes=61)):
        report()
    with moment.demonstration_at(begin + timedelta(hours=50)):
        report()
    assert FormUse.objects.count() == 1  # what was counted is forgotten


def test_withdrawing_takes_the_note_and_leaves_the_case(hub: SmallHub) -> None:
    receipt = report(note="This is about me.")
    services.withdraw(report=receipt.report)
    first = services.withdraw(report=receipt.report).withdrawn_at
    kept = Report.objects.get()
    assert (kept.note, kept.withdrawn_at) == ("", first)
    assert Case.objects.get().state == CaseState.OPEN
    assert Entry.objects.filter(verb="report.withdrawn").count() == 1
    assert progress_of(kept).state == ReportState.WITHDRAWN


# Where it stands


class Story:
    """A report and what happens to its post, step by step."""

    def __init__(
        self, hub: SmallHub, platform: ToldPlatform, look: Callable[[str], None], *, harm: str = "abuse-harassment"
    ) -> None:
        self.hub, self.platform, self.look = hub, platform, look
        self.receipt = report(hub.post().url)
        Case.objects.update(harm=harm)

    @property
    def case(self) -> Case:
        return case_of(self.receipt)

    def claim(self) -> None:
        casework.claim(case=self.case, person=self.hub.people["analyst"])

    def decide(self, outcome: Outcome, harm: str = "abuse-harassment") -> None:
        form = Form(outcome=outcome, harm=harm, reasons="My own reasons, for colleagues.")
        casework.decide(case=self.case, person=self.hub.people["analyst"], form=form)

    def refer(self, harm: str = "abuse-harassment", *, concurs: bool | None = True) -> None:
        self.claim()
        decision = casework.decide(case=self.case, person=self.hub.people["analyst"], form=self.hub.referral_form(harm))
        if concurs is not None:
            casework.review(
                decision=decision,
                person=self.hub.people["reviewer"],
                concurs=concurs,
                reasons="I read it again, twice.",
            )

    def prepare(self, harm: str = "abuse-harassment") -> Referral:
        self.refer(harm)
        return referrals.prepare(decision_id=self.case.decisions.get().pk)

    def answer(self, reason: str, harm: str = "abuse-harassment") -> Referral:
        referral = referrals.deliver(referral_id=self.prepare(harm).pk)
        self.platform.decides(reason)
        referrals.collect(referral_id=referral.pk)
        return referral

    def looked(self, reason: str, state: str, harm: str = "abuse-harassment") -> None:
        referral = self.answer(reason, harm)
        self.look(state)
        referrals.probe(referral_id=referral.pk, checkpoint=Checkpoint.ON_DEMAND)

    def undeliverable(self) -> None:
        referral = self.prepare()
        self.platform.failures = [channels.ChannelError("no", retryable=False)]
        referrals.deliver(referral_id=referral.pk)


STEPS: list[tuple[str, Callable[[Story], Any], ReportState, str, str]] = [
    ("waiting", lambda s: None, ReportState.RECEIVED, "We have your report", "A person will read it"),
    ("claimed", lambda s: s.claim(), ReportState.LOOKED_AT, "A person is looking at it", "taken it up"),
    ("second review", lambda s: s.refer(concurs=None), ReportState.LOOKED_AT, "A person is looking at it", "a second person"),
    ("dissent", lambda s: s.refer(concurs=False), ReportState.RECEIVED, "We have your report", "A person will read it"),
    ("no action", lambda s: (s.claim(), s.decide(Outcome.NO_ACTION)), ReportState.CLOSED, "We did not ask for it", "You can still report it"),
    ("support", lambda s: (s.claim(), s.decide(Outcome.SUPPORT)), ReportState.CLOSED, "We did not ask for it", "support would help"),
    ("hand-off", lambda s: (s.claim(), s.decide(Outcome.HAND_OFF, "csea")), ReportState.CLOSED, "We passed it to the body", "another body"),
    ("to be prepared", lambda s: s.refer(), ReportState.LOOKED_AT, "A person decided to refer it", "We are sending it to Alpha"),
    ("to be delivered", lambda s: s.prepare(), ReportState.LOOKED_AT, "A person decided to refer it", "We are sending it to Alpha"),
    ("undeliverable", lambda s: s.undeliverable(), ReportState.LOOKED_AT, "We could not reach Alpha", "tries again"),
    ("received", lambda s: referrals.deliver(referral_id=s.prepare().pk), ReportState.LOOKED_AT, "We asked Alpha to act", "watch the clock"),
    ("refused", lambda s: s.answer("REVIEWED_NO_ACTION"), ReportState.CLOSED, "Alpha decided not to act", "“As we see it.”"),
    ("not found", lambda s: s.answer("NOT_RESOLVABLE"), ReportState.CLOSED, "Alpha could not settle it", "could not find it"),
    ("down before", lambda s: s.answer("CONTENT_DOWN_OR_INACCESSIBLE"), ReportState.CLOSED, "It was gone already", "taken down"),
    ("acted, not looked", lambda s: s.answer("ACTIONED"), ReportState.LOOKED_AT, "Alpha says that it acted", "We look for ourselves next"),
    ("acted, gone", lambda s: s.looked("ACTIONED", "removed"), ReportState.CLOSED, "Alpha acted on it", "it is gone"),
    ("acted, withheld", lambda s: s.looked("ACTIONED", "restricted"), ReportState.CLOSED, "Alpha acted on it", "no longer be seen freely"),
    ("acted, still there", lambda s: s.looked("ACTIONED", "up"), ReportState.LOOKED_AT, "Alpha says that it acted", "still there"),
    ("acted, out of reach", lambda s: s.looked("ACTIONED", "unreachable"), ReportState.LOOKED_AT, "Alpha says that it acted", "could not reach"),
    ("refused, yet gone", lambda s: s.looked("REVIEWED_NO_ACTION", "removed"), ReportState.CLOSED, "It is no longer there", "it is gone"),
    ("labelled", lambda s: s.looked("ACTIONED", "up", "vax-misinfo"), ReportState.CLOSED, "Alpha acted on it", "a warning beside it"),
]  # fmt: skip


def words(progress: Progress) -> str:
    return f"{progress.heading} {progress.words}"


@pytest.mark.core
def test_where_a_report_stands(hub: SmallHub, platform: ToldPlatform, look: Callable[[str], None]) -> None:
    for name, step, state, heading, says in STEPS:
        with transaction.atomic():
            story = Story(hub, platform, look)
            step(story)
            progress = progress_of(report_by_secret(story.receipt.secret))
            found = (progress.state, heading in progress.heading, says in progress.words)
            assert found == (state, True, True), (name, progress)
            if state == ReportState.RECEIVED:
                assert progress.next_step_by == story.case.due_at
            told = words(progress).lower().replace("_", " ")
            inside = (*hub.people, "my own reasons", "twice", "general desk", "partition", story.case.reference)
            assert [word for word in inside if word.lower().replace("_", " ") in told] == []
            transaction.set_rollback(True)
        platform.listed.clear()
        platform.failures.clear()


@pytest.mark.core
def test_a_report_on_a_post_of_the_police_does_not_tell_of_them(hub: SmallHub) -> None:
    """Whoever reports what the police desk holds reads the very words that everybody reads."""
    theirs, ours = report(hub.post(desk="police").url), report(hub.post().url)
    assert (case_of(theirs).desk, case_of(ours).desk) == (hub.desks["police"], hub.desks["general"])
    cases = ((theirs, "officer"), (ours, "analyst"))
    steps: list[Callable[[Case, Person], Any]] = [
        lambda case, person: None,
        lambda case, person: casework.claim(case=case, person=person),
        lambda case, person: casework.decide(case=case, person=person, form=NOTHING),
    ]
    for step in steps:
        for receipt, name in cases:
            step(case_of(receipt), hub.people[name])
        said = [words(progress_of(report_by_secret(receipt.secret))) for receipt, _name in cases]
        assert said[0] == said[1]
        assert "olice" not in said[0]
