"""Sightings: what a member says, what the hub's own intake meets, the case that follows, and who learns of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.hub.exchange.conftest import HARM, Exchange
from tests.hub.exchange.test_api import Software
from tests.support.hub import ACTOR
from tests.support.staff import SignedIn

from seawall.hub import moment
from seawall.hub.casework.models import Case, CaseState, Origin
from seawall.hub.content.models import Content
from seawall.hub.directory.roles import Partition
from seawall.hub.exchange import matching, seeking, sightings, signals
from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.models import Community, How, Member, OpinionKind, Part, Reason, Sighting, Signal
from seawall.hub.exchange.rules import NotAllowed
from seawall.hub.exchange.sightings import TooManySightings
from seawall.hub.ledger.models import Entry
from seawall.hub.ledger.vocabulary import QuotaReached
from seawall.hub.oversight import spreading
from seawall.hub.referrals.models import Referral

POST = "https://beta.example/posts/77"


def report(
    pool: Exchange, signal: Signal, by: str = "alpha", platform: str = "beta", **more: Any
) -> tuple[Sighting, bool]:
    return sightings.report(
        signal=signal,
        organisation=pool.hub.organisations[by],
        platform=pool.hub.platforms[platform],
        actor=ACTOR,
        **more,
    )


class TestReports:
    def test_a_sighting_with_an_address_opens_one_case_and_no_referral(self, pool: Exchange) -> None:
        (signal,) = pool.share()
        made, new = report(pool, signal, url=POST)
        assert new
        case = Case.objects.get()
        assert (made.case, case.harm, case.origin, case.state) == (case, HARM, Origin.SIGHTING, CaseState.OPEN)
        assert (case.content.platform.slug, case.content.native_id, case.content.url) == ("beta", "77", POST)
        assert not case.content.text_known
        assert case.desk.partition == Partition.GENERAL
        assert not Referral.objects.exists()

    def test_the_same_word_again_changes_nothing(self, pool: Exchange) -> None:
        (signal,) = pool.share()
        first, _new = report(pool, signal, url=POST)
        before = Entry.objects.count()
        again, new = report(pool, signal, url=f" {POST} ")
        assert (again, new, Entry.objects.count()) == (first, False, before)

    def test_a_case_that_is_open_is_joined(self, pool: Exchange) -> None:
        one, two = pool.share(2)
        report(pool, one, url=POST)
        joined, _new = report(pool, two, by="hub", url=POST)
        assert joined.case == Case.objects.get()
        said = Entry.objects.filter(verb="signal.sighted").order_by("pk").values_list("payload__case_opened", flat=True)
        assert list(said) == [True, False]

    def test_without_an_address_it_is_only_written_down(self, pool: Exchange) -> None:
        (signal,) = pool.share()
        made, _new = report(pool, signal)
        assert (made.case, Content.objects.count()) == (None, 0)

    def test_what_is_refused(self, pool: Exchange) -> None:
        (signal,) = pool.share()
        ahead = moment.now() + timedelta(hours=1)
        for more, why in (
            ({"by": "regulator"}, "receives no signals"),
            ({"by": "charity"}, "receives no signals"),
            ({"url": "https://alpha.example/posts/1"}, "leads to Alpha"),
            ({"url": "javascript:alert(1)"}, "from https:// on"),
            ({"url": "https://"}, "not the address of a page"),
            ({"url": "https://beta.example/" + "a" * 2_048}, "more than 2,048"),
            ({"seen_at": ahead}, "in the future"),
            ({"seen_at": datetime(1999, 1, 1, tzinfo=UTC)}, "ten years"),
        ):
            with pytest.raises(NotAllowed, match=why):
                report(pool, signal, **more)
        signals.withdraw(signals=[signal], reason=Reason.MISTAKE, actor=ACTOR)
        with pytest.raises(NotAllowed, match="in use no more"):
            report(pool, signal)
        assert not Sighting.objects.exists()

    def test_a_disputed_signal_is_seen_and_not_acted_on(self, pool: Exchange) -> None:
        (signal,) = pool.share(by="beta")
        for name in ("alpha", "hub"):
            signals.give_opinion(
                signal=signal, organisation=pool.hub.organisations[name], opinion=OpinionKind.DISAGREE, actor=ACTOR
            )
        made, new = report(pool, signal, url=POST)
        assert (new, made.case, Case.objects.count()) == (True, None, 0)
        signals.settle(signal=signal, person=pool.hub.people["administrator"], stands=True, reasons="It is what it is.")
        again, new = report(pool, signal, url=POST)
        assert (again.pk, new, again.case) == (made.pk, False, Case.objects.get())

    def test_an_hour_holds_so_many(self, pool: Exchange, settings: Any) -> None:
        settings.INTAKE_REPORTS_AN_HOUR = 2
        one, two, three = pool.share(3)
        report(pool, one)
        report(pool, two)
        with pytest.raises(TooManySightings):
            report(pool, three)
        assert report(pool, one)[1] is False  # what was said before is no further one

    def test_an_opinion_of_a_platform_is_a_sighting_there(self, pool: Exchange) -> None:
        (signal,) = pool.share()
        for _ in range(2):
            signals.give_opinion(
                signal=signal, organisation=pool.hub.organisations["alpha"], opinion=OpinionKind.SEEN, actor=ACTOR
            )
        made = Sighting.objects.get()
        assert (made.how, made.platform.slug, made.organisation) == (
            How.OPINION,
            "alpha",
            pool.hub.organisations["alpha"],
        )


class TestWalls:
    def test_what_a_charity_tells_of_never_reaches_the_police(self, pool: Exchange) -> None:
        charity = pool.hub.organisations["charity"]
        agreement = pool.community.agreements.latest("version")
        Member.objects.create(
            community=pool.community,
            organisation=charity,
            part=Part.READER,
            invited_at=moment.now(),
            invited_by=pool.hub.people["administrator"],
            agreement=agreement,
            accepted_at=moment.now(),
            accepted_by=pool.hub.people["welfare"],
        )
        there = pool.hub.post(platform="beta", desk="police")
        (signal,) = pool.share()
        made, _new = report(pool, signal, by="charity", url=there.url)
        assert made.content is not None
        assert made.content.pk != there.pk
        assert made.content.kept_from_police
        assert made.case is not None
        assert made.case.desk.partition != Partition.POLICE

    def test_people_outside_the_community_learn_only_that_there_is_a_signal(
        self, pool: Exchange, as_: SignedIn
    ) -> None:
        (signal,) = pool.share(by="beta")
        made, _new = report(pool, signal, url=POST)
        page = as_("analyst").get(f"/cases/{made.case_id}/").content.decode()
        assert "Shared by others before" in page
        assert "shared by Beta in The pool; seen by Alpha" in page
        Member.objects.filter(organisation=pool.hub.organisations["hub"]).update(left_at=moment.now())
        page = as_("analyst").get(f"/cases/{made.case_id}/").content.decode()
        assert "Shared by others before" in page
        assert "The pool" not in page


class TestSeeking:
    TEXT = "Burn them out of the street tonight"

    @pytest.fixture
    def texts(self, pool: Exchange, monkeypatch: pytest.MonkeyPatch) -> Exchange:
        monkeypatch.setattr(matching, "_texts", matching.TextBank())
        monkeypatch.setattr(matching, "FRESH", 0.0)
        Community.objects.filter(pk=pool.community.pk).update(kinds=["url", "text"])
        pool.community.refresh_from_db()
        return pool

    def seek(self, content: Content) -> int:
        return seeking.seek(batch_id=content.batch_id)

    def test_words_that_are_shared_put_a_post_before_people(self, texts: Exchange) -> None:
        (signal,) = texts.share(kind=SignalKind.TEXT, value=self.TEXT, by="beta")
        post, other = texts.hub.post(f"  {self.TEXT}\n"), texts.hub.post("Nothing of the kind")
        assert (self.seek(post), self.seek(post), self.seek(other)) == (1, 0, 0)
        case = Case.objects.get()
        assert (case.content, case.harm, case.origin) == (post, HARM, Origin.SIGHTING)
        made = Sighting.objects.get()
        assert (made.signal, made.how, made.organisation, made.case) == (signal, How.MATCHED, None, case)
        assert not Referral.objects.exists()

    def test_words_that_were_changed_a_little_are_found_as_the_match_api_finds_them(self, texts: Exchange) -> None:
        shared = (
            "Everybody come to the old bridge at nine tonight and bring what you need to burn them out of the street"
        )
        texts.share(kind=SignalKind.TEXT, value=shared, by="beta")
        assert self.seek(texts.hub.post(shared.replace("nine", "ten").upper() + "!!")) == 1
        assert self.seek(texts.hub.post("Everybody come to the old bridge, the band plays at nine")) == 0

    def test_an_address_is_found_in_the_words_and_at_the_post(self, texts: Exchange) -> None:
        texts.share(kind=SignalKind.URL, value="https://elsewhere.example/watch?v=1")
        linking = texts.hub.post("look (http://ELSEWHERE.example:80/watch?v=1&utm_source=x).")
        assert self.seek(linking) == 1
        own = texts.hub.post("words")
        texts.share(kind=SignalKind.URL, value=own.url)
        assert self.seek(own) == 1

    def test_a_desk_finds_only_what_its_organisation_receives(self, texts: Exchange) -> None:
        texts.share(kind=SignalKind.TEXT, value=self.TEXT, by="beta")
        assert self.seek(texts.hub.post(self.TEXT, desk="police")) == 0
        assert not Sighting.objects.exists()

    def test_withdrawn_signals_and_decided_posts_open_nothing(self, texts: Exchange) -> None:
        (signal,) = texts.share(kind=SignalKind.TEXT, value=self.TEXT)
        signals.withdraw(signals=[signal], reason=Reason.MISTAKE, actor=ACTOR)
        assert self.seek(texts.hub.post(self.TEXT)) == 0
        texts.share(kind=SignalKind.TEXT, value="Nothing to see")
        decision = texts.hub.decided(texts.hub.referral_form())
        Case.objects.filter(pk=decision.case_id).update(state="closed", closed_at=moment.now())
        Content.objects.filter(pk=decision.case.content_id).update(text="Nothing to see")
        assert self.seek(decision.case.content) == 0
        assert Sighting.objects.get().case is None

    def test_the_machine_stops_at_its_quota_and_goes_on_later(self, texts: Exchange, settings: Any) -> None:
        settings.MACHINE_CASES_A_DAY = 1
        texts.share(kind=SignalKind.TEXT, value=self.TEXT)
        one, two = texts.hub.post(self.TEXT), texts.hub.post(self.TEXT)
        assert (self.seek(one), self.seek(two)) == (1, 0)
        assert Sighting.objects.count() == 2
        assert Entry.objects.get(verb=QuotaReached.verb).payload["held_back"] == 1
        settings.MACHINE_CASES_A_DAY = 2
        assert self.seek(two) == 1
        assert Case.objects.count() == 2


class TestSoftware:
    def test_the_way_of_a_sighting(self, pool: Exchange) -> None:
        (signal,) = pool.share(by="beta")
        alpha, beta = Software(pool, "alpha"), Software(pool, "beta")
        path = f"pool/signals/{signal.pk}/sightings/"
        first = alpha.post(path, {"url": "https://alpha.example/posts/9", "seen_at": "2026-11-01T10:00:00Z"})
        again = alpha.post(path, {"url": "https://alpha.example/posts/9"})
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json()
        assert (first.json()["platform"], first.json()["how"]) == ("alpha", "reported")
        assert alpha.get(path).json() == {"signal": str(signal.pk), "count": 1, "sightings": None}
        (told,) = beta.get(path).json()["sightings"]
        assert (told["organisation"], told["url"]) == ("alpha", "https://alpha.example/posts/9")

    def test_a_sighting_is_taken_back_by_who_told_of_it_and_counts_no_more(self, pool: Exchange) -> None:
        (signal,) = pool.share(by="beta")
        alpha, beta = Software(pool, "alpha"), Software(pool, "beta")
        path = f"pool/signals/{signal.pk}/sightings/"
        made = alpha.post(path, {"url": "https://alpha.example/posts/9"}).json()
        assert len(spreading.moves(pool.community, since=signal.shared_at)) == 1
        back = f"{path}{made['id']}/withdrawal/"
        assert beta.post(back, {}).status_code == 404
        assert [alpha.post(back, {}).status_code for _ in range(2)] == [200, 200]
        assert Entry.objects.filter(verb="signal.sighting_withdrawn").count() == 1
        assert (alpha.get(path).json()["count"], beta.get(path).json()["sightings"]) == (0, [])
        assert spreading.moves(pool.community, since=signal.shared_at) == []
        assert Case.objects.get().state == CaseState.OPEN  # it is about the post, and people decide
        again = alpha.post(path, {"url": "https://alpha.example/posts/9"})
        assert (again.status_code, again.json()["id"] != made["id"]) == (201, True)

    def test_who_says_no_longer_that_it_was_seen_takes_that_back(self, pool: Exchange) -> None:
        (signal,) = pool.share()
        alpha = Software(pool, "alpha")
        for opinion, standing in (("seen", 1), ("not_harmful_here", 0), ("seen", 1)):
            alpha.post(f"pool/signals/{signal.pk}/opinion/", {"opinion": opinion})
            assert Sighting.objects.standing().count() == standing

    @pytest.mark.parametrize(
        ("value", "status", "field"),
        [
            ({"platform": "nowhere"}, 422, "platform"),
            ({"seen_at": "yesterday"}, 422, "seen_at"),
            ({"url": 3}, 422, "url"),
            ({"seen_at": "2026-11-01T10:00:00"}, 422, ""),
        ],
    )
    def test_what_is_refused(self, pool: Exchange, value: Any, status: int, field: str) -> None:
        (signal,) = pool.share()
        answer = Software(pool, "alpha").post(f"pool/signals/{signal.pk}/sightings/", value)
        assert answer.status_code == status
        assert [each["field"] for each in answer.json()["error"]["fields"]] == ([field] if field else [])

    def test_others_find_nothing(self, pool: Exchange) -> None:
        (signal,) = pool.share()
        for name, status in (("regulator", 404), ("police", 404), ("hub", 422)):
            answer = Software(pool, name).post(f"pool/signals/{signal.pk}/sightings/", {})
            assert answer.status_code == status


def test_a_person_says_that_a_signal_was_seen(pool: Exchange, as_: SignedIn) -> None:
    (signal,) = pool.share(value="ab" * 32)
    contact = as_("alpha_contact")
    data = {
        "organisation": str(pool.hub.organisations["alpha"].pk),
        "signal": "AB" * 32,
        "platform": str(pool.hub.platforms["beta"].pk),
        "url": POST,
        "seen_at": "2026-11-02 14:05",
    }
    page = contact.post("/communities/pool/sightings/new/", data, follow=True)
    assert "The sighting is written down" in page.content.decode()
    made = Sighting.objects.get()
    assert (made.signal, made.person) == (signal, pool.hub.people["alpha_contact"])
    assert made.seen_at == datetime(2026, 11, 2, 14, 5, tzinfo=UTC)
    refused = contact.post("/communities/pool/sightings/new/", {**data, "signal": "cd" * 32})
    assert (refused.status_code, "No such signal is in use" in refused.content.decode()) == (422, True)
    assert as_("regulator").get("/communities/pool/sightings/new/").status_code == 403
