"""How signals spread: every figure recomputed by hand from what was told, small counts withheld, each reader their part."""

from __future__ import annotations

import csv
import io
import json
import statistics
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests.hub.exchange.conftest import Exchange, at
from tests.hub.exchange.test_sightings import report
from tests.support.hub import ACTOR
from tests.support.staff import SignedIn

from seawall.hub.casework import services as casework
from seawall.hub.casework.models import Case
from seawall.hub.exchange import recipients, signals
from seawall.hub.exchange.models import OpinionKind, Signal
from seawall.hub.oversight import spreading

T0 = datetime(2026, 10, 1, 12, tzinfo=UTC)


def hours(number: float) -> datetime:
    return T0 + timedelta(hours=number)


def share_at(pool: Exchange, when: datetime, how_many: int = 1, by: str = "beta") -> list[Signal]:
    with at(when):
        return pool.share(how_many, by=by)


def say(pool: Exchange, signal: Signal, platform: str, when: datetime, by: str = "alpha", url: str = "") -> None:
    with at(when):
        report(pool, signal, by=by, platform=platform, seen_at=when, url=url)


def pair(data: dict[str, Any], first: str, to: str) -> dict[str, Any] | None:
    return next((row for row in data["pairs"] if (row["from"], row["to"]) == (first, to)), None)


class TestMoves:
    def test_a_move_goes_from_the_platform_of_first_sight(self, pool: Exchange) -> None:
        (signal,) = share_at(pool, hours(0))
        say(pool, signal, "alpha", hours(6))
        say(pool, signal, "alpha", hours(3), url="https://alpha.example/posts/1")  # told later, seen earlier
        say(pool, signal, "beta", hours(5))  # on the platform where it was first: no move
        (move,) = spreading.moves(pool.community, since=T0 - timedelta(days=1))
        assert (move.first, move.to, move.lag) == ("beta", "alpha", timedelta(hours=3))

    def test_what_was_seen_elsewhere_before_it_was_shared_comes_from_there(self, pool: Exchange) -> None:
        (signal,) = share_at(pool, hours(0))
        say(pool, signal, "alpha", hours(-2) + timedelta(hours=3), by="alpha")
        with at(hours(2)):
            report(pool, signal, by="hub", platform="alpha", seen_at=hours(-2))
        (move,) = spreading.moves(pool.community, since=T0 - timedelta(days=1))
        assert (move.first, move.to, move.lag) == ("alpha", "beta", timedelta(hours=2))

    def test_a_decision_of_this_hub_begins_where_its_post_was_first_seen(self, pool: Exchange) -> None:
        with at(hours(0)):
            decision = pool.hub.decided(pool.hub.referral_form("hate-stirring"), harm="hate-stirring")
            Case.objects.filter(pk=decision.case_id).update(state="closed", closed_at=hours(0))
            decision.refresh_from_db()
        with at(hours(1)):
            (signal,) = pool.share(decision=decision)
        say(pool, signal, "beta", hours(5))
        (move,) = spreading.moves(pool.community, since=T0 - timedelta(days=1))
        assert (move.first, move.to, move.lag) == ("alpha", "beta", timedelta(hours=5))

    def test_signals_of_who_is_no_platform_move_between_sightings(self, pool: Exchange) -> None:
        (signal,) = share_at(pool, hours(0), by="hub")
        say(pool, signal, "beta", hours(1))
        assert spreading.moves(pool.community, since=T0 - timedelta(days=1)) == []
        say(pool, signal, "alpha", hours(9))
        (move,) = spreading.moves(pool.community, since=T0 - timedelta(days=1))
        assert (move.first, move.to, move.lag) == ("beta", "alpha", timedelta(hours=8))


class TestLastDecision:
    def last(self, pool: Exchange) -> timedelta | None:
        (move,) = spreading.moves(pool.community, since=T0 - timedelta(days=1))
        return None if move.last_decision is None else move.last_decision - move.first_at

    def moved(self, pool: Exchange) -> Signal:
        with at(hours(-1)):
            for name in ("alpha", "hub"):
                recipients.serve(recipient=pool.recipient(name), after=0)
        (signal,) = share_at(pool, hours(0))
        say(pool, signal, "alpha", hours(1))
        with at(hours(2)):
            for name in ("alpha", "hub"):
                recipients.serve(recipient=pool.recipient(name), after=0)
        return signal

    def test_it_waits_for_the_last_place_that_was_handed_the_signal(self, pool: Exchange) -> None:
        signal = self.moved(pool)
        assert self.last(pool) is None
        with at(hours(3)):
            recipients.confirm(recipient=pool.recipient("alpha"), until=signal.first_change, actor=ACTOR)
        assert self.last(pool) is None
        with at(hours(7)):
            signals.give_opinion(
                signal=signal, organisation=pool.hub.organisations["hub"], opinion=OpinionKind.DISAGREE, actor=ACTOR
            )
        assert self.last(pool) == timedelta(hours=7)
        (later,) = share_at(pool, hours(8))  # nobody was handed this one yet: it holds nothing up
        assert self.last(pool) == timedelta(hours=7)
        assert spreading.last_decisions(pool.community, [later]) == {later.pk: None}

    def test_the_first_confirmation_that_covers_it_counts_and_no_earlier_one(self, pool: Exchange) -> None:
        with at(hours(-2)):
            share_at(pool, hours(-2))
        signal = self.moved(pool)
        for name in ("alpha", "hub"):
            with at(hours(3)):
                recipients.confirm(recipient=pool.recipient(name), until=signal.first_change - 1, actor=ACTOR)
        assert self.last(pool) is None
        (another,) = share_at(pool, hours(3.5))
        for name, when in (("alpha", 4), ("hub", 5)):
            with at(hours(when)):
                recipients.serve(recipient=pool.recipient(name), after=0)
                recipients.confirm(recipient=pool.recipient(name), until=another.first_change, actor=ACTOR)
        assert self.last(pool) == timedelta(hours=5)

    def test_a_decision_here_on_the_platforms_own_case_counts_for_it(self, pool: Exchange) -> None:
        with at(hours(-1)):
            recipients.serve(recipient=pool.recipient("alpha"), after=0)
        (signal,) = share_at(pool, hours(0))
        say(pool, signal, "alpha", hours(1), url="https://alpha.example/posts/5")
        with at(hours(2)):
            recipients.serve(recipient=pool.recipient("alpha"), after=0)
        assert self.last(pool) is None
        with at(hours(4)):
            case = casework.claim(case=Case.objects.get(), person=pool.hub.people["analyst"])
            casework.decide(case=case, person=pool.hub.people["analyst"], form=pool.hub.referral_form("hate-stirring"))
        assert self.last(pool) == timedelta(hours=4)


@pytest.fixture
def busy(pool: Exchange) -> Exchange:
    """Six moves from beta to alpha after 1 to 6 hours, and two from beta to elsewhere."""
    made = share_at(pool, hours(0), 6)
    for number, signal in enumerate(made, start=1):
        say(pool, signal, "alpha", hours(number))
    for signal in made[:2]:
        say(pool, signal, "elsewhere", hours(10))
    return pool


class TestFigures:
    def test_small_counts_are_withheld_and_cannot_be_worked_out(self, busy: Exchange) -> None:
        whole = spreading.as_data(busy.community, suppress=False)
        assert pair(whole, "beta", "alpha") == {
            "from": "beta",
            "to": "alpha",
            "moves": 6,
            "median_seconds": 12_600,
            "p90_seconds": 19_800,
        }
        assert (pair(whole, "beta", "elsewhere") or {})["moves"] == 2
        assert (pair(whole, "all", "all") or {})["moves"] == 8
        shown = spreading.as_data(busy.community)
        small = pair(shown, "beta", "elsewhere") or {}
        assert (small["moves"], small["median_seconds"], small["p90_seconds"]) == (None, None, None)
        kept = [row["moves"] for row in shown["pairs"]]
        assert kept.count(None) != 1, "one withheld count beside its total is no secret"
        assert shown["suppressed_below"] == 5

    def test_anybody_with_the_rows_computes_the_same(self, busy: Exchange, as_: SignedIn) -> None:
        answer = as_("administrator").get("/communities/pool/sightings/rows.csv")
        rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
        lags: dict[tuple[str, str], list[int]] = {}
        for row in rows:
            lags.setdefault((row["from"], row["to"]), []).append(int(row["lag_seconds"]))
        whole = spreading.as_data(busy.community, suppress=False)
        for (first, to), found in lags.items():
            told = pair(whole, first, to) or {}
            assert (told["moves"], told["median_seconds"]) == (len(found), round(statistics.median(found)))
        assert (pair(whole, "all", "all") or {})["moves"] == len(rows)

    def test_the_ledger_alone_gives_the_same_moves(self, busy: Exchange) -> None:
        from seawall.hub.ledger.models import Entry

        sights: dict[str, dict[str, datetime]] = {}
        for entry in Entry.objects.filter(verb="signal.sighted"):
            said = entry.payload
            seen = [(said["platform"], said["seen_at"]), (said["first_platform"], said["first_seen_at"])]
            for platform, when in seen:
                moment_ = datetime.fromisoformat(when)
                known = sights.setdefault(entry.subject_id, {})
                known[platform] = min(moment_, known.get(platform, moment_))
        told = sorted(
            (when - min(places.values())).total_seconds() for places in sights.values() for when in places.values()
        )
        found = spreading.moves(busy.community, since=T0 - timedelta(days=1))
        assert sorted([move.lag.total_seconds() for move in found] + [0.0] * len(sights)) == told

    def test_the_cost_does_not_grow_with_the_sightings(self, busy: Exchange) -> None:
        def reads() -> int:
            with CaptureQueriesContext(connection) as captured:
                spreading.as_data(busy.community)
            return len(captured)

        before = reads()
        for signal in share_at(busy, hours(1), 20):
            say(busy, signal, "alpha", hours(12))
        assert reads() == before


class TestPages:
    def test_everybody_inside_sees_counts_and_the_sharer_its_own(self, busy: Exchange, as_: SignedIn) -> None:
        pages = {
            name: as_(name).get("/communities/pool/sightings/").content.decode()
            for name in ("beta_contact", "alpha_contact", "regulator", "auditor")
        }
        for page in pages.values():
            assert "Beta to Alpha" in page
            assert "sw-chart__bar" in page
            assert "withheld" in page
        assert "Where your own signals were seen" in pages["beta_contact"]
        for name in ("alpha_contact", "regulator", "auditor"):
            assert "Where your own signals were seen" not in pages[name]
        assert "Say that a signal was seen" not in pages["regulator"]

    def test_files(self, busy: Exchange, as_: SignedIn) -> None:
        observer = as_("regulator")
        told = json.loads(observer.get("/communities/pool/sightings/figures.json").content)
        rows = list(
            csv.DictReader(io.StringIO(observer.get("/communities/pool/sightings/figures.csv").content.decode()))
        )
        assert [row["count"] for row in rows if row["figure"] == "moves"] == [
            "" if row["moves"] is None else str(row["moves"]) for row in told["pairs"]
        ]
        only_head = observer.get("/communities/pool/sightings/rows.csv").content.decode().splitlines()
        assert len(only_head) == 1
        assert len(as_("beta_contact").get("/communities/pool/sightings/rows.csv").content.decode().splitlines()) == 9
        assert len(as_("alpha_contact").get("/communities/pool/sightings/rows.csv").content.decode().splitlines()) == 1

    def test_outside_there_is_no_page(self, busy: Exchange, as_: SignedIn) -> None:
        for path in ("", "figures.json", "figures.csv", "rows.csv", "new/"):
            assert as_("ombudsman").get(f"/communities/pool/sightings/{path}").status_code == 404
