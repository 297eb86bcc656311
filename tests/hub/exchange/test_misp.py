"""The MISP feed: who is let in, what is pulled again and when, what a withdrawal looks like, and what a reading confirms."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import md5
from uuid import uuid4

import pytest
from django.db.models import F
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from tests.hub.exchange.conftest import Exchange, Founding
from tests.hub.exchange.misp_client import Clock, Misp, misp_of, take_back
from tests.support.hub import ACTOR, SmallHub

from seawall.hub import moment
from seawall.hub.directory import services as directory
from seawall.hub.exchange import communities, recipients, signals
from seawall.hub.exchange.misp import events, services
from seawall.hub.exchange.models import (
    Pull,
    Reason,
    Recipient,
    Reminder,
    ReminderStep,
    Signal,
    SignalState,
    Surface,
)
from seawall.hub.exchange.taxii.stix import as_version_4

BASE = "/exchange/misp/pool/"
ONE, TWO = "6f1c2c1e-9c0b-4c0e-8a55-6d2f3b1f2a10", "6f1c2c1e-9c0b-4c0e-8a55-6d2f3b1f2a11"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, hub: SmallHub) -> Clock:
    return Clock.put_up(monkeypatch)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Events of four changes."""
    for module in (events, services):
        monkeypatch.setattr(module, "BLOCK", 4)
    monkeypatch.setattr(services, "BLOCK_OF", (F("first_change") - 1) / 4)


@pytest.fixture
def alpha(pool: Exchange, clock: Clock) -> Misp:
    return misp_of(pool)


def place(name: str = "MISP") -> Recipient:
    return Recipient.objects.get(surface=Surface.MISP, name=name)


class TestDoors:
    @pytest.mark.parametrize("sign_in", [None, "Bearer swk_wrong", "Basic !!!", "Digest x"])
    def test_no_key_is_401(self, pool: Exchange, sign_in: str | None) -> None:
        for path in ("manifest.json", "hashes.csv", f"{ONE}.json"):
            answer = Client().get(BASE + path, headers={"Authorization": sign_in} if sign_in else {})
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "key")
            assert answer["WWW-Authenticate"].startswith("Basic")

    def test_the_key_is_a_password_too(self, pool: Exchange) -> None:
        _key, secret = directory.give_api_key(organisation=pool.hub.organisations["alpha"], name="t", actor=ACTOR)
        basic = b64encode(f"misp:{secret}".encode()).decode()
        assert Client().get(BASE + "manifest.json", headers={"Authorization": f"Basic {basic}"}).json() == {}

    @pytest.mark.parametrize("name", ["charity", "police", "regulator"])
    def test_outsiders_and_observers_find_nothing(self, pool: Exchange, name: str) -> None:
        pool.share()
        theirs = misp_of(pool, name)
        uuid = events.event_uuid(pool.community.pk, 0)
        assert {theirs.get(path)[0] for path in ("manifest.json", "hashes.csv", f"{uuid}.json")} == {404}
        assert not Recipient.objects.exists()

    def test_who_left_finds_nothing(self, pool: Exchange, alpha: Misp) -> None:
        assert alpha.get("manifest.json")[0] == 200
        communities.leave(member=pool.members["alpha"], person=pool.hub.people["alpha_contact"], because="We close.")
        assert alpha.get("manifest.json")[0] == 404

    def test_events_of_others_and_empty_ones_are_404(self, pool: Exchange, alpha: Misp, found: Founding) -> None:
        pool.share()
        other = found(slug="other", name="Another")
        for uuid in (ONE, uuid4(), events.event_uuid(other.pk, 0), events.event_uuid(pool.community.pk, 1)):
            assert alpha.get(f"{uuid}.json")[0] == 404
        assert not Pull.objects.exists()

    def test_it_is_only_read_and_a_head_hands_nothing_over(self, pool: Exchange) -> None:
        pool.share()
        _key, secret = directory.give_api_key(organisation=pool.hub.organisations["alpha"], name="t", actor=ACTOR)
        client = Client(headers={"Authorization": f"Bearer {secret}"})
        uuid = events.event_uuid(pool.community.pk, 0)
        for path in ("manifest.json", "hashes.csv", f"{uuid}.json"):
            assert client.post(BASE + path).status_code == 405
            assert client.head(BASE + path).status_code == 200
        assert not Recipient.objects.exists()


class TestWhatIsPulled:
    def test_each_misp_ends_with_what_is_in_use_whenever_it_pulls(
        self, pool: Exchange, clock: Clock, small_blocks: None
    ) -> None:
        misps = {1: misp_of(pool, uuid=ONE), 3: misp_of(pool, uuid=TWO)}
        shared: list[Signal] = []
        for turn in range(12):
            shared += pool.share(3)
            if turn % 2:
                take_back(*shared[turn::5][:2])
            for every, misp in misps.items():
                if turn % every == 0:
                    misp.pull()
            clock.on(0.4)
        clock.on(3)
        active = set(Signal.objects.in_use().values_list("value", flat=True))
        for misp in misps.values():
            misp.pull()
            assert misp.values() == active
            assert misp.pull() == []
            assert not misp.gone() & active

    def test_what_is_counted_again_is_what_counting_all_of_it_gives(
        self, pool: Exchange, clock: Clock, alpha: Misp, small_blocks: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(services, "MOST_ANEW", 2)
        shared: list[Signal] = []
        for turn in range(10):
            clock.on()
            shared += pool.share(turn % 4)
            take_back(*shared[turn :: turn % 6 + 2][: turn % 5])
            alpha.manifest()
            latest, known = services._counted[pool.community.pk]
            pool.community.refresh_from_db()
            assert latest == pool.community.next_change - 1
            assert known == services._count(pool.community)
        assert len(known) > 3

    def test_what_happens_in_the_second_of_a_pull_is_pulled_next_time(
        self, pool: Exchange, clock: Clock, alpha: Misp
    ) -> None:
        (wrong,) = pool.share()
        clock.on(0.1)
        alpha.pull()
        clock.on(0.1)
        (late,) = pool.share()
        take_back(wrong)
        clock.on(1)
        assert alpha.pull()
        assert (alpha.values(), alpha.gone()) == ({late.value}, {wrong.value})

    def test_only_events_in_which_something_happened_are_fetched_again(
        self, pool: Exchange, clock: Clock, alpha: Misp, small_blocks: None
    ) -> None:
        shared = pool.share(12)
        clock.on()
        assert len(alpha.pull()) == 3
        clock.on()
        take_back(shared[5])
        clock.on()
        assert alpha.pull() == [str(events.event_uuid(pool.community.pk, 1))]
        clock.on()
        pool.share()
        clock.on()
        assert alpha.pull() == [str(events.event_uuid(pool.community.pk, 3))]

    def test_a_withdrawal_reaches_those_who_had_the_signal_and_nobody_else(
        self, pool: Exchange, clock: Clock, alpha: Misp
    ) -> None:
        wrong, right = pool.share(2)
        clock.on()
        alpha.pull()
        clock.on()
        take_back(wrong)
        clock.on()
        alpha.pull()
        told = alpha.held[as_version_4(wrong.pk)]
        assert (told["deleted"], told["to_ids"]) == (True, False)
        assert "undo" in told["comment"]
        beta = misp_of(pool, "beta")
        beta.pull()
        assert (beta.values(), beta.gone()) == ({right.value}, set())
        (short,) = pool.share()
        take_back(short)
        clock.on()
        for misp in (alpha, beta, alpha, beta):  # neither ever had it, and never hears of it
            misp.pull()
            clock.on()
            pool.share()
            clock.on()
            assert short.value not in misp.gone()
        assert wrong.value in alpha.gone()

    def test_an_event_of_which_all_is_gone_is_there_for_who_had_it_only(
        self, pool: Exchange, clock: Clock, alpha: Misp
    ) -> None:
        (wrong,) = pool.share()
        alpha.pull()
        clock.on()
        take_back(wrong)
        clock.on()
        alpha.pull()
        assert (alpha.values(), alpha.gone()) == (set(), {wrong.value})
        beta = misp_of(pool, "beta")
        assert beta.manifest() == {}
        assert beta.get(f"{events.event_uuid(pool.community.pk, 0)}.json")[0] == 404

    def test_what_was_disputed_comes_back_when_it_is_settled(self, pool: Exchange, clock: Clock, alpha: Misp) -> None:
        (signal,) = pool.share()
        alpha.pull()
        for state in (SignalState.DISPUTED, SignalState.ACTIVE):
            clock.on()
            signals._move(signals._held(pool.community), [signal], state, Reason.DISPUTE)
            clock.on()
            alpha.pull()
            assert (signal.value in alpha.values()) == (state == SignalState.ACTIVE)

    def test_a_misp_is_a_place_of_its_own(self, pool: Exchange, clock: Clock) -> None:
        pool.share()
        for uuid in (ONE, TWO, "nonsense"):
            misp_of(pool, uuid=uuid).pull()
        assert {each.name for each in Recipient.objects.all()} == {f"MISP {ONE}", f"MISP {TWO}", "MISP"}

    def test_places_have_a_number(self, pool: Exchange, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(services, "MOST_PLACES", 1)
        assert misp_of(pool, uuid=ONE).get("manifest.json")[0] == 200
        assert misp_of(pool, uuid=TWO).get("manifest.json")[0] == 403

    def test_reading_costs_the_same_whatever_there_is(
        self, pool: Exchange, alpha: Misp, clock: Clock, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        pool.share(2)
        clock.on()
        alpha.pull()
        take_back(*pool.share(30)[:10])
        clock.on()
        with django_assert_max_num_queries(45):
            alpha.pull()
        take_back(*Signal.objects.in_use())
        clock.on()
        with django_assert_max_num_queries(45):
            alpha.pull()
        assert alpha.values() == set()


class TestConfirming:
    def test_coming_back_confirms_what_was_fetched(self, pool: Exchange, clock: Clock, alpha: Misp) -> None:
        (wrong,) = pool.share()
        alpha.pull()
        clock.on()
        take_back(wrong)
        clock.on()
        assert recipients.holders(wrong) == [place()]
        alpha.manifest()  # it sees that there is something, and fetches nothing
        clock.on()
        alpha.manifest()
        assert recipients.holders(wrong) == [place()]
        alpha.pull()
        assert recipients.holders(wrong) == [place()]
        alpha.manifest()
        assert recipients.holders(wrong) == []
        word = place().acknowledgements.get(until=wrong.last_change)
        assert (word.proof, word.statement) == ("acknowledged", {"misp": "manifest.json"})

    def test_it_confirms_up_to_the_first_that_it_did_not_fetch(
        self, pool: Exchange, clock: Clock, alpha: Misp, small_blocks: None
    ) -> None:
        shared = pool.share(8)
        clock.on()
        alpha.pull()
        clock.on()
        take_back(shared[5])
        take_back(shared[0])
        clock.on()
        changed = alpha.manifest()
        assert len(changed) == 2
        alpha.get(f"{events.event_uuid(pool.community.pk, 1)}.json")
        alpha.manifest()
        assert recipients.holders(shared[5]) == []
        assert recipients.holders(shared[0]) == [place()]
        alpha.pull()
        alpha.manifest()
        assert recipients.holders(shared[0]) == []

    def test_what_it_never_had_is_owed_no_longer_than_until_it_comes_back(
        self, pool: Exchange, clock: Clock, alpha: Misp, small_blocks: None
    ) -> None:
        shared = pool.share(8)
        clock.on()
        alpha.manifest()
        alpha.get(f"{events.event_uuid(pool.community.pk, 1)}.json")
        take_back(shared[0])
        clock.on()
        assert recipients.holders(shared[0]) == [place()]
        alpha.manifest()
        assert recipients.holders(shared[0]) == []

    def test_what_a_pause_holds_back_follows_it(self, pool: Exchange, clock: Clock, alpha: Misp) -> None:
        wrong, worse, kept = pool.share(3)
        alpha.pull()
        clock.on()
        take_back(wrong)
        Reminder.objects.create(recipient=place(), change=wrong.last_change, step=ReminderStep.PAUSED, at=moment.now())
        (new,) = pool.share()
        take_back(worse)
        clock.on()
        assert alpha.pull()
        assert (alpha.values(), alpha.gone()) == ({kept.value}, {wrong.value, worse.value})
        clock.on()
        alpha.pull()  # which confirms, and sees that the event has moved, or will
        clock.on()
        alpha.pull()
        assert alpha.values() == {kept.value, new.value}
        clock.on()
        assert alpha.pull() == []
        (newer,) = pool.share()
        clock.on()
        alpha.pull()
        assert alpha.values() == {kept.value, new.value, newer.value}

    def test_a_pause_hands_over_nothing_new(
        self, pool: Exchange, clock: Clock, alpha: Misp, small_blocks: None
    ) -> None:
        (wrong, *_rest) = pool.share(4)
        alpha.pull()
        clock.on()
        take_back(wrong)
        Reminder.objects.create(recipient=place(), change=wrong.last_change, step=ReminderStep.PAUSED, at=moment.now())
        pool.share(4)
        clock.on()
        assert list(alpha.manifest()) == [str(events.event_uuid(pool.community.pk, 0))]
        status, body = alpha.get(f"{events.event_uuid(pool.community.pk, 1)}.json")
        assert (status, json.loads(body)["error"]["code"]) == (403, "paused")


class TestHashes:
    def test_lines_are_of_what_is_in_use_and_name_their_event(
        self, pool: Exchange, clock: Clock, alpha: Misp, small_blocks: None
    ) -> None:
        shared = pool.share(9)
        take_back(shared[2])
        _status, body = alpha.get("hashes.csv")
        assert body.splitlines() == [
            f"{md5(each.value.encode()).hexdigest()},{events.event_uuid(pool.community.pk, place // 4)}"
            for place, each in enumerate(shared)
            if place != 2
        ]

    def test_who_cached_them_holds_them_until_they_are_cached_anew(
        self, pool: Exchange, clock: Clock, alpha: Misp
    ) -> None:
        wrong, _right = pool.share(2)
        alpha.get("hashes.csv")
        clock.on()
        take_back(wrong)
        assert recipients.holders(wrong) == [place("MISP (hashes.csv)")]
        alpha.manifest()
        assert recipients.holders(wrong)
        alpha.get("hashes.csv")
        assert recipients.holders(wrong) == []
