"""The feed in the StopNCII protocol: who and what is refused, and feedback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from tests.hub.exchange.conftest import Exchange, Founding
from tests.hub.exchange.hashfeed_client import Reader, pdq

from seawall.hub import moment
from seawall.hub.exchange import signals
from seawall.hub.exchange.hashfeed.services import MOST_PLACES
from seawall.hub.exchange.models import Opinion, Reason, Recipient
from seawall.hub.exchange.recipients import KEEPER


@contextmanager
def at(when: datetime) -> Iterator[None]:
    """Let the hub's clock show a time to come."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moment, "now", lambda: when)
        yield


@pytest.fixture
def alpha(pool: Exchange) -> Reader:
    return Reader(pool)


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
