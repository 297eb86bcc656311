"""The feed in the StopNCII protocol: pages, checkpoints, withdrawals, confirmations, feedback, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from tests.hub.exchange.conftest import HARM, Exchange, Founding
from tests.support.hub import ACTOR

from seawall.hub import moment
from seawall.hub.directory import services as directory
from seawall.hub.exchange import recipients, signals
from seawall.hub.exchange.hashfeed.records import TYPES
from seawall.hub.exchange.hashfeed.services import MOST_PLACES
from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.models import Opinion, Reason, Recipient, Signal, Surface
from seawall.hub.exchange.models.recipient import CARRIES
from seawall.hub.exchange.recipients import KEEPER, holders

FIELDS = {"count", "nextPageToken", "nextSetTimestamp", "hasMoreRecords", "hashRecords", "cursor"}


@contextmanager
def at(when: datetime) -> Iterator[None]:
    """Let the hub's clock show a time to come."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moment, "now", lambda: when)
        yield


class Reader:
    """A client of the protocol: it keeps what it is handed as the stock one does, and deletes what it is told to."""

    def __init__(self, pool: Exchange, name: str = "alpha", client: str = "main") -> None:
        _key, self.secret = directory.give_api_key(organisation=pool.hub.organisations[name], name="tests", actor=ACTOR)
        self.client = Client(headers={"Ocp-Apim-Subscription-Key": self.secret, "x-functions-key": client})
        self.base = f"/exchange/hashes/{pool.community.slug}/v1/"
        self.checkpoint = 10
        self.kept: dict[tuple[str, str], str] = {}

    def get(self, **query: Any) -> Any:
        return self.client.get(self.base + "FetchHashes", query)

    def post(self, value: Any, endpoint: str = "SubmitFeedback") -> Any:
        return self.client.post(self.base + endpoint, json.dumps(value), content_type="application/json")

    def fetch(self, size: int = 800, **query: Any) -> list[dict[str, Any]]:
        """All pages from the last checkpoint on."""
        records: list[dict[str, Any]] = []
        token = ""
        while True:
            more = {"nextPageToken": token} if token else {}
            page = self.get(
                startTimestamp=self.checkpoint_at_start if token else self._begin(), pageSize=size, **query, **more
            )
            assert page.status_code == 200, page.content
            told = page.json()
            assert set(told) == FIELDS
            assert told["count"] == len(told["hashRecords"]) <= size
            assert told["nextSetTimestamp"] >= self.checkpoint, "the stock client asserts this"
            self.checkpoint, self.cursor = told["nextSetTimestamp"], told["cursor"]
            records += told["hashRecords"]
            query.pop("actedUntil", None)
            if not told["hasMoreRecords"]:
                break
            token = told["nextPageToken"]
        for record in records:
            place = (record["signalType"], record["hashValue"])
            if record["hashStatus"] == "Active":
                self.kept[place] = record["hashStatus"]
            else:
                self.kept.pop(place, None)
        return records

    def _begin(self) -> int:
        self.checkpoint_at_start = self.checkpoint
        return self.checkpoint

    def clear(self) -> None:
        self.checkpoint, self.kept = 10, {}

    @property
    def values(self) -> set[str]:
        return {value for _kind, value in self.kept}


def pdq(pool: Exchange, how_many: int = 1, **changes: Any) -> list[Signal]:
    return pool.share(how_many, kind=SignalKind.PDQ, **changes)


def values_of(some: list[Signal]) -> set[str]:
    return {signal.value for signal in some}


@pytest.fixture
def alpha(pool: Exchange) -> Reader:
    return Reader(pool)


def place() -> Recipient:
    return Recipient.objects.get(surface=Surface.THREATEXCHANGE)


def test_a_record_is_what_the_stock_client_parses(pool: Exchange, alpha: Reader) -> None:
    (signal,) = pdq(pool)
    (record,) = alpha.fetch()
    assert record == {
        "lastModtimestamp": int(signal.changed_at.timestamp()),
        "signalType": "ImagePDQ",
        "hashValue": signal.value,
        "hashStatus": "Active",
        "caseNumbers": {str(signal.pk): "Active"},
        "CSPFeedbacks": [
            {
                "source": "pool",
                "feedbackValue": "Blocked",
                "tags": [f"harm:{HARM}", "severity:3", "confidence:90", "tlp:amber"],
            }
        ],
    }


def test_kinds_that_the_protocol_cannot_carry_are_left_out_and_nobody_is_held_to_them(
    pool: Exchange, alpha: Reader
) -> None:
    assert set(TYPES) == CARRIES[Surface.THREATEXCHANGE]
    (digest,) = pool.share()
    (url,) = pool.share(kind=SignalKind.URL, value="https://a.example/x")
    assert [(r["signalType"], r["hashValue"]) for r in alpha.fetch()] == [("URL", url.value)]
    signals.withdraw(signals=[digest], reason=Reason.MISTAKE, actor=ACTOR)
    digest.refresh_from_db()
    assert holders(digest) == []
    assert not place().may_hold(digest)
    assert recipients.oldest_owed(place()) is None


def test_pages_are_cut_as_asked_and_hold_everything_once(pool: Exchange, alpha: Reader) -> None:
    made = pdq(pool, 25)
    records = alpha.fetch(size=10)
    assert [record["hashValue"] for record in records] == [signal.value for signal in made]


def test_nothing_that_happens_in_the_second_of_a_checkpoint_is_lost(pool: Exchange, alpha: Reader) -> None:
    second = moment.now().replace(microsecond=100_000) + timedelta(minutes=1)
    with at(second):
        first = pdq(pool, 3)
        alpha.fetch()
    with at(second + timedelta(microseconds=300_000)):
        later = pdq(pool, 2)
        signals.withdraw(signals=first[:1], reason=Reason.MISTAKE, actor=ACTOR)
    alpha.fetch()
    assert alpha.checkpoint == int(second.timestamp())
    assert alpha.values == values_of(first[1:] + later)


def test_an_empty_community_leaves_the_checkpoint_at_the_beginning(pool: Exchange, alpha: Reader) -> None:
    assert alpha.fetch() == []
    assert alpha.checkpoint == 10
    made = pdq(pool, 2)
    alpha.fetch()
    assert alpha.values == values_of(made)


@pytest.mark.parametrize(
    ("reason", "status", "tag"),
    [
        (Reason.MISTAKE, "Withdrawn", "withdrawn"),
        (Reason.APPEAL, "Withdrawn", "withdrawn"),
        (Reason.EXPIRED, "Deleted", "expired"),
    ],
)
def test_what_is_gone_reaches_whoever_had_it(
    pool: Exchange, alpha: Reader, reason: Reason, status: str, tag: str
) -> None:
    wrong, right = pdq(pool, 2)
    alpha.fetch()
    later = Reader(pool, "beta")
    with at(moment.now() + timedelta(seconds=5)):
        signals.withdraw(signals=[wrong], reason=reason, actor=ACTOR)
        told = [record for record in alpha.fetch() if record["hashValue"] == wrong.value]
        later.fetch()
    assert [(record["hashStatus"], record["caseNumbers"]) for record in told] == [(status, {str(wrong.pk): status})]
    (feedback,) = told[0]["CSPFeedbacks"]
    assert (feedback["feedbackValue"], feedback["tags"][-1]) == ("NotBlocked", tag)
    assert alpha.values == later.values == {right.value}


def test_a_newcomer_is_told_of_no_withdrawn_signal(pool: Exchange, alpha: Reader) -> None:
    wrong, right = pdq(pool, 2)
    signals.withdraw(signals=[wrong], reason=Reason.MISTAKE, actor=ACTOR)
    assert [record["hashValue"] for record in alpha.fetch()] == [right.value]


def test_a_withdrawal_between_two_pages_reaches_the_client(pool: Exchange, alpha: Reader) -> None:
    first, _second, third = pdq(pool, 3)
    page = alpha.get(startTimestamp=10, pageSize=2).json()
    signals.withdraw(signals=[first, third], reason=Reason.MISTAKE, actor=ACTOR)
    rest = alpha.get(startTimestamp=10, pageSize=2, nextPageToken=page["nextPageToken"]).json()
    assert [(r["hashValue"], r["hashStatus"]) for r in rest["hashRecords"]] == [(first.value, "Withdrawn")]
    assert not rest["hasMoreRecords"]


def test_a_value_shared_again_after_its_withdrawal_is_kept(pool: Exchange, alpha: Reader) -> None:
    (wrong,) = pdq(pool)
    alpha.fetch()
    with at(moment.now() + timedelta(seconds=5)):
        signals.withdraw(signals=[wrong], reason=Reason.MISTAKE, actor=ACTOR)
        pdq(pool, value=wrong.value)
        assert [record["hashStatus"] for record in alpha.fetch()] == ["Withdrawn", "Active"]
    assert alpha.values == {wrong.value}


class TestConfirming:
    def test_coming_back_with_a_checkpoint_confirms_nothing_since_the_stock_client_passes_over_withdrawals(
        self, pool: Exchange, alpha: Reader
    ) -> None:
        (wrong,) = pdq(pool)
        alpha.fetch()
        with at(moment.now() + timedelta(seconds=5)):
            signals.withdraw(signals=[wrong], reason=Reason.MISTAKE, actor=ACTOR)
            alpha.fetch()
            alpha.fetch()
        wrong.refresh_from_db()
        assert [held.member.organisation.slug for held in holders(wrong)] == ["alpha"]

    def test_our_client_confirms_with_its_next_fetch(self, pool: Exchange, alpha: Reader) -> None:
        (wrong,) = pdq(pool)
        alpha.fetch()
        with at(moment.now() + timedelta(seconds=5)):
            signals.withdraw(signals=[wrong], reason=Reason.MISTAKE, actor=ACTOR)
            alpha.fetch(actedUntil=alpha.cursor)
            wrong.refresh_from_db()
            assert place().may_hold(wrong)
            alpha.fetch(actedUntil=alpha.cursor)
        assert holders(wrong) == []
        kept = place().acknowledgements.latest("until")
        assert (kept.proof, kept.until) == ("acknowledged", wrong.last_change)

    def test_what_was_never_handed_over_cannot_be_confirmed(self, pool: Exchange, alpha: Reader) -> None:
        pdq(pool, 2)
        alpha.fetch()
        answer = alpha.get(startTimestamp=10, actedUntil=3)
        assert answer.status_code == 400
        assert place().confirmed == 0

    def test_reading_from_the_beginning_says_that_nothing_is_held(self, pool: Exchange, alpha: Reader) -> None:
        wrong, right = pdq(pool, 2)
        alpha.fetch()
        with at(moment.now() + timedelta(seconds=5)):
            signals.withdraw(signals=[wrong], reason=Reason.MISTAKE, actor=ACTOR)
        wrong.refresh_from_db()
        assert place().may_hold(wrong)
        alpha.clear()
        assert [record["hashValue"] for record in alpha.fetch()] == [right.value]
        assert holders(wrong) == []
        assert place().acknowledgements.get().statement == {"began": "anew"}

    def test_the_silent_are_paused_lose_nothing_and_go_on_when_they_confirm(
        self, pool: Exchange, alpha: Reader
    ) -> None:
        (wrong,) = pdq(pool)
        alpha.fetch()
        begun = moment.now()
        with at(begun + timedelta(seconds=5)):
            signals.withdraw(signals=[wrong], reason=Reason.MISTAKE, actor=ACTOR)
        with at(begun + timedelta(hours=30)):
            recipients.remind_due()
            new = pdq(pool, 2)
            again = pdq(pool, value="0f" * 32)
            signals.withdraw(signals=again, reason=Reason.MISTAKE, actor=ACTOR)
            before = alpha.checkpoint
            assert {record["hashStatus"] for record in alpha.fetch()} == {"Withdrawn"}
            assert alpha.checkpoint == before
            alpha.fetch(actedUntil=alpha.cursor)
        assert alpha.values == values_of(new)

    def test_the_stock_client_leaves_the_pause_by_beginning_anew(self, pool: Exchange, alpha: Reader) -> None:
        (wrong,) = pdq(pool)
        alpha.fetch()
        begun = moment.now()
        with at(begun + timedelta(seconds=5)):
            signals.withdraw(signals=[wrong], reason=Reason.MISTAKE, actor=ACTOR)
        with at(begun + timedelta(hours=30)):
            recipients.remind_due()
            assert recipients.is_paused(place())
            new = pdq(pool, 2)
            alpha.clear()
            alpha.fetch()
        assert alpha.values == values_of(new)
        assert not recipients.is_paused(place())

    def test_a_place_that_is_paused_and_has_all_withdrawals_is_refused(self, pool: Exchange, alpha: Reader) -> None:
        (wrong,) = pdq(pool)
        alpha.fetch()
        begun = moment.now()
        with at(begun + timedelta(seconds=5)):
            signals.withdraw(signals=[wrong], reason=Reason.MISTAKE, actor=ACTOR)
            alpha.fetch()
        with at(begun + timedelta(hours=30)):
            recipients.remind_due()
            answer = alpha.get(startTimestamp=alpha.checkpoint + 10)
        assert answer.status_code == 403
        assert "confirm" in answer.json()["message"]


class TestRefused:
    @pytest.mark.parametrize("header", [None, "", "swk_wrong"])
    def test_without_a_key(self, pool: Exchange, header: str | None) -> None:
        headers = {"x-functions-key": "main"} | ({} if header is None else {"Ocp-Apim-Subscription-Key": header})
        answer = Client(headers=headers).get("/exchange/hashes/pool/v1/FetchHashes")
        assert (answer.status_code, answer.json()["statusCode"]) == (401, 401)

    def test_a_bearer_key_or_a_cookie_is_not_the_protocols(self, pool: Exchange, alpha: Reader) -> None:
        client = Client(headers={"Authorization": f"Bearer {alpha.secret}", "x-functions-key": "main"})
        assert client.get(alpha.base + "FetchHashes").status_code == 401

    @pytest.mark.parametrize("name", ["", "swk_abcdefgh", "a b", "x" * 65, "ü"])
    def test_without_a_name_and_with_a_key_in_its_place(self, pool: Exchange, name: str) -> None:
        reader = Reader(pool, client=name)
        answer = reader.get()
        assert answer.status_code == 401
        assert "swk_" not in answer.content.decode()
        assert not Recipient.objects.exists()

    @pytest.mark.parametrize("name", ["charity", "police", "regulator", "ombudsman"])
    def test_outsiders_and_observers_find_nothing(self, pool: Exchange, name: str) -> None:
        pdq(pool)
        theirs = Reader(pool, name)
        assert {theirs.get().status_code, theirs.post({}).status_code, theirs.post({}, "SubmitHashes").status_code} == {
            404
        }

    def test_another_community_is_as_if_it_were_none(self, pool: Exchange, alpha: Reader, found: Founding) -> None:
        found(slug="other")
        alpha.base = "/exchange/hashes/other/v1/"
        there = alpha.get()
        alpha.base = "/exchange/hashes/none/v1/"
        assert (there.status_code, there.content) == (404, alpha.get().content)

    @pytest.mark.parametrize(
        "query",
        [
            {"startTimestamp": "x"},
            {"startTimestamp": "-1"},
            {"startTimestamp": "9" * 30},
            {"startTimestamp": "²"},
            {"pageSize": "0"},
            {"pageSize": "1.5"},
            {"actedUntil": "x"},
            {"nextPageToken": "made-up"},
            {"nextPageToken": "x" * 501},
        ],
    )
    def test_what_cannot_be_read(self, pool: Exchange, alpha: Reader, query: dict[str, str]) -> None:
        answer = alpha.get(**query)
        assert (answer.status_code, answer.json()["statusCode"]) == (400, 400)

    @pytest.mark.parametrize("start", [999_999_999_999_999, 4_000_000_000])
    def test_a_time_to_come_finds_nothing_and_does_not_go_back(self, pool: Exchange, alpha: Reader, start: int) -> None:
        pdq(pool)
        with at(datetime(2030, 1, 1, tzinfo=UTC)):
            told = alpha.get(startTimestamp=start).json()
        assert (told["count"], told["nextSetTimestamp"]) == (0, start)

    def test_a_token_of_another_client_and_an_old_one(self, pool: Exchange, alpha: Reader, monkeypatch: Any) -> None:
        pdq(pool, 3)
        token = alpha.get(pageSize=1).json()["nextPageToken"]
        assert Reader(pool, "beta").get(nextPageToken=token).status_code == 400
        assert Reader(pool, client="second").get(nextPageToken=token).status_code == 400
        assert alpha.get(nextPageToken=token).status_code == 200
        monkeypatch.setattr("seawall.hub.exchange.hashfeed.services.TOKEN_LASTS", -1)
        assert alpha.get(nextPageToken=token).status_code == 400

    def test_a_page_is_never_larger_than_the_hub_allows(
        self, pool: Exchange, alpha: Reader, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("seawall.hub.exchange.hashfeed.views.MOST_A_PAGE", 2)
        pdq(pool, 3)
        assert alpha.get(pageSize=1_000_000).json()["count"] == 2

    def test_other_methods(self, pool: Exchange, alpha: Reader) -> None:
        assert alpha.post({}, "FetchHashes").status_code == 405
        assert alpha.client.get(alpha.base + "SubmitFeedback").status_code == 405

    def test_more_clients_than_are_kept_apart(self, pool: Exchange) -> None:
        reader = Reader(pool)
        for number in range(MOST_PLACES):
            assert (
                reader.client.get(reader.base + "FetchHashes", headers={"x-functions-key": f"c{number}"}).status_code
                == 200
            )
        assert reader.get().status_code == 403


class TestFeedback:
    @pytest.mark.parametrize(
        ("value", "tags", "opinion"),
        [
            ("Blocked", [], "seen"),
            ("NotBlocked", ["a", "b"], "not_harmful_here"),
            ("NotBlocked", ["disagree"], "disagree"),
        ],
    )
    def test_it_is_an_opinion(self, pool: Exchange, alpha: Reader, value: str, tags: list[str], opinion: str) -> None:
        (signal,) = pdq(pool)
        sent = {"count": 1, "hashFeedbacks": [{"hashValue": signal.value, "feedbackValue": value, "tags": tags}]}
        answer = alpha.post(sent)
        assert (answer.status_code, answer.json()) == (200, {"count": 1, "opinions": 1})
        kept = Opinion.objects.get()
        assert (kept.signal_id, kept.organisation.slug, kept.opinion, kept.note) == (
            signal.pk, "alpha", opinion, ", ".join(tags),
        )  # fmt: skip

    def test_a_match_that_nobody_looked_at_is_none(self, pool: Exchange, alpha: Reader) -> None:
        (signal,) = pdq(pool)
        sent = {"hashFeedbacks": [{"hashValue": signal.value, "feedbackValue": "PendingReview"}]}
        assert alpha.post(sent).json() == {"count": 1, "opinions": 0}
        assert not Opinion.objects.exists()

    def test_all_or_none(self, pool: Exchange, alpha: Reader) -> None:
        known, gone = pdq(pool, 2)
        signals.withdraw(signals=[gone], reason=Reason.MISTAKE, actor=KEEPER)
        sent = [{"hashValue": each.value, "feedbackValue": "Blocked"} for each in (known, gone)]
        answer = alpha.post({"hashFeedbacks": sent})
        assert answer.status_code == 404
        assert "hashFeedbacks[1]" in answer.json()["message"]
        assert not Opinion.objects.exists()

    def test_not_on_ones_own(self, pool: Exchange) -> None:
        (signal,) = pdq(pool, by="beta")
        sent = {"hashFeedbacks": [{"hashValue": signal.value, "feedbackValue": "Blocked"}]}
        assert Reader(pool, "beta").post(sent).status_code == 403

    @pytest.mark.parametrize(
        "sent",
        [
            [],
            {},
            {"hashFeedbacks": []},
            {"hashFeedbacks": [{}] * 201},
            {"hashFeedbacks": [3]},
            {"hashFeedbacks": [{"hashValue": "", "feedbackValue": "Blocked"}]},
            {"hashFeedbacks": [{"hashValue": "a", "feedbackValue": "Nice"}]},
            {"hashFeedbacks": [{"hashValue": "a", "feedbackValue": ["Blocked"]}]},
            {"hashFeedbacks": [{"hashValue": "a", "feedbackValue": "Blocked", "tags": [{}]}]},
            {"hashFeedbacks": [{"hashValue": "a", "feedbackValue": "Blocked", "tags": ["\x00"]}]},
        ],
    )
    def test_what_cannot_be_read(self, pool: Exchange, alpha: Reader, sent: Any) -> None:
        assert alpha.post(sent).status_code == 400

    def test_too_much(self, pool: Exchange, alpha: Reader) -> None:
        assert alpha.post({"hashFeedbacks": [{"hashValue": "a" * 1_100_000}]}).status_code == 413

    def test_hashes_are_not_taken(self, pool: Exchange, alpha: Reader) -> None:
        assert alpha.post({"hashRecords": []}, "SubmitHashes").status_code == 403


def test_a_page_costs_the_same_whatever_its_length(
    pool: Exchange, alpha: Reader, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    pdq(pool, 40)
    alpha.fetch()
    with django_assert_num_queries(25, exact=False) as short:
        assert alpha.get(startTimestamp=11, pageSize=1).json()["count"] == 1
    with django_assert_num_queries(len(short)):
        assert alpha.get(startTimestamp=11, pageSize=40).json()["count"] == 40
