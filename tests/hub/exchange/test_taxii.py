"""TAXII without a client of others: who sees what, errors in the protocol's own words, tokens, and what counts as handed over."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from tests.hub.exchange.conftest import Exchange
from tests.support.hub import ACTOR

from seawall.hub import moment
from seawall.hub.directory import services as directory
from seawall.hub.exchange import communities, recipients, signals
from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.models import Change, Reason, Recipient, Reminder, ReminderStep, SignalState, Surface
from seawall.hub.exchange.queries import last_change_until
from seawall.hub.exchange.taxii import stix
from seawall.hub.exchange.taxii.stix import indicator_id, signal_id
from seawall.hub.identifiers import new_id

UNKNOWN = "6f1c2c1e-9c0b-4c0e-8a55-6d2f3b1f2a10"
TAXII = "application/taxii+json;version=2.1"
ROOT = "/taxii2/exchange/collections/"
STANDING = 6  # two identities, the extension, three markings up to TLP:AMBER


class Reader:
    """A client with an organisation's key."""

    def __init__(self, pool: Exchange, name: str) -> None:
        _key, self.secret = directory.give_api_key(organisation=pool.hub.organisations[name], name="tests", actor=ACTOR)
        self.client = Client(headers={"Authorization": f"Bearer {self.secret}", "Accept": TAXII})

    def get(self, path: str = "pool/objects/", headers: Any = None, **query: Any) -> Any:
        query = {key if key in ("limit", "next", "added_after") else f"match[{key}]": v for key, v in query.items()}
        return self.client.get(ROOT + path, query, headers=headers or {})

    def ids(self, **query: Any) -> list[str]:
        found = self.get(**query)
        assert found.status_code == 200, found.content
        return [each["id"] for each in found.json().get("objects", [])]


@pytest.fixture
def alpha(pool: Exchange) -> Reader:
    return Reader(pool, "alpha")


@pytest.fixture
def beta(pool: Exchange) -> Reader:
    return Reader(pool, "beta")


def refused(answer: Any, status: int) -> None:
    assert (answer.status_code, answer["Content-Type"]) == (status, TAXII)
    assert answer.json()["http_status"] == str(status)
    assert answer.json()["title"]


class TestDoors:
    @pytest.mark.parametrize(
        "sign_in", [None, "Bearer swk_wrong", "Basic !!!", "Basic", "Digest x", "Basic " + b64encode(b"\xff:").decode()]
    )
    def test_no_key_is_401(self, pool: Exchange, sign_in: str | None) -> None:
        headers = {"Authorization": sign_in} if sign_in else {}
        answer = Client().get("/taxii2/", headers=headers)
        refused(answer, 401)
        assert answer["WWW-Authenticate"].startswith("Basic")

    def test_the_key_is_a_password_too(self, pool: Exchange, alpha: Reader) -> None:
        basic = b64encode(f"anybody:{alpha.secret}".encode()).decode()
        answer = Client().get("/taxii2/", headers={"Authorization": f"Basic {basic}"})
        assert answer.json()["api_roots"] == ["http://testserver/taxii2/exchange/"]
        elsewhere = Client().get("/api/v1/communities/", headers={"Authorization": f"Basic {basic}"})
        assert elsewhere.status_code == 401

    def test_strangers_observers_and_those_who_left_find_nothing(self, pool: Exchange, alpha: Reader) -> None:
        pool.share()
        regulator = Reader(pool, "regulator")
        assert regulator.client.get(ROOT).json() == {}
        for path in ("pool/", "pool/objects/", "pool/manifest/", f"{pool.community.pk}/objects/"):
            refused(regulator.get(path), 404)
        assert alpha.get("pool/").status_code == 200
        communities.leave(member=pool.members["alpha"], person=pool.hub.people["alpha_contact"], because="We close.")
        refused(alpha.get(), 404)

    @pytest.mark.parametrize("path", ["", "nothing/", f"{UNKNOWN}/", f"{UNKNOWN}/objects/"])
    def test_an_unknown_collection_is_404(self, alpha: Reader, path: str) -> None:
        if path:
            refused(alpha.get(path), 404)
        else:
            (found,) = alpha.get(path).json()["collections"]
            assert (found["alias"], found["can_write"]) == ("pool", False)

    @pytest.mark.parametrize(
        "accept", ["application/json", "application/taxii+json;version=2.0", "text/html", TAXII + ";q=0"]
    )
    def test_another_media_type_is_406(self, alpha: Reader, accept: str) -> None:
        refused(alpha.get(headers={"Accept": accept}), 406)

    @pytest.mark.parametrize(
        "accept", ["application/taxii+json", TAXII, "application/taxii+json; version=2.1", "*/*", ""]
    )
    def test_a_media_type_without_version_is_none(self, alpha: Reader, accept: str) -> None:
        answer = alpha.get(headers={"Accept": accept})
        assert (answer.status_code, answer["Content-Type"]) == (200, TAXII)

    def test_writing_is_403_and_other_methods_405(self, alpha: Reader) -> None:
        refused(alpha.client.post(f"{ROOT}pool/objects/", b"{}", content_type=TAXII), 403)
        refused(alpha.client.delete(f"{ROOT}pool/objects/{indicator_id(new_id())}/"), 403)
        refused(alpha.client.put(f"{ROOT}pool/objects/", b"{}", content_type=TAXII), 405)
        refused(alpha.client.post(f"{ROOT}nothing/objects/", b"{}", content_type=TAXII), 404)

    @pytest.mark.parametrize(
        "query",
        [
            {"limit": "0"}, {"limit": "-1"}, {"limit": "x"}, {"limit": "٣"}, {"limit": ""}, {"limit": "9" * 30},
            {"added_after": "yesterday"}, {"added_after": "2026-13-01T00:00:00Z"}, {"added_after": "2026-11-01T00:00:00"},
            {"version": "newest"}, {"type": ""}, {"type": "a,,b"}, {"id": "indicator--x"}, {"spec_version": "\x00"},
            {"next": "x"}, {"next": ""}, {"next": "WzEsMl0:a:b"}, {"type": ",".join("a" * 101)},
        ],
    )  # fmt: skip
    def test_a_malformed_query_is_400(self, alpha: Reader, query: dict[str, str]) -> None:
        refused(alpha.get(**query), 400)


class TestPaging:
    def test_pages_join_to_the_whole_whatever_their_size(self, pool: Exchange, alpha: Reader) -> None:
        shared = pool.share(5)
        whole = alpha.ids()
        assert whole[STANDING:] == [indicator_id(each.pk) for each in shared]
        for size in (1, 4, STANDING, STANDING + 1, 11, 50):
            found, query = [], {}
            for _ in range(20):
                page = alpha.get(limit=size, **query).json()
                assert 0 < len(page["objects"]) <= size
                found += [each["id"] for each in page["objects"]]
                if not page.get("more"):
                    assert "next" not in page
                    break
                query = {"next": page["next"]}
            assert found == whole

    def test_a_token_is_no_good_elsewhere(self, pool: Exchange, alpha: Reader, beta: Reader) -> None:
        pool.share(3)
        token = alpha.get(limit=7).json()["next"]
        assert len(alpha.ids(next=token)) == 2
        refused(beta.get(next=token), 400)
        refused(alpha.get("pool/manifest/", next=token), 400)
        refused(alpha.get(next=token, type="indicator"), 400)
        refused(alpha.get(next=token[:-1] + ("a" if token[-1] != "a" else "b")), 400)

    def test_dates_of_the_headers(self, pool: Exchange, alpha: Reader) -> None:
        pool.share(2)
        answer = alpha.get()
        listed = alpha.get("pool/manifest/").json()["objects"]
        assert answer["X-TAXII-Date-Added-First"] == listed[0]["date_added"]
        assert answer["X-TAXII-Date-Added-Last"] == listed[-1]["date_added"]
        assert [each["date_added"] for each in listed] == sorted(each["date_added"] for each in listed)
        nothing = alpha.get(added_after=listed[-1]["date_added"])
        assert nothing.json() == {}
        assert "X-TAXII-Date-Added-Last" not in nothing

    def test_added_after_falls_between_any_two_batches(self, pool: Exchange, alpha: Reader) -> None:
        made = [pool.share(size) for size in (1, 3, 2, 4)]
        alpha.ids()
        for place, batch in enumerate(made):
            moments = set(
                Change.objects.filter(number__in=[s.first_change for s in batch]).values_list("at", flat=True)
            )
            (added,) = moments
            later = [indicator_id(signal.pk) for after in made[place + 1 :] for signal in after]
            assert alpha.ids(added_after=stix.stamp(added)) == later
        pool.community.refresh_from_db()
        assert last_change_until(pool.community, pool.community.founded_at - timedelta(days=1)) == 0

    def test_a_page_costs_the_same_whatever_its_length(
        self, pool: Exchange, alpha: Reader, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        pool.share(30)
        alpha.ids()
        with django_assert_num_queries(15, exact=False):
            assert len(alpha.ids(limit=3 + STANDING)) == 3 + STANDING
        with django_assert_num_queries(15, exact=False):
            assert len(alpha.ids(limit=30 + STANDING)) == 30 + STANDING


class TestWhatIsHandedOver:
    def test_reading_counts_and_withdrawals_wait_for_who_had_it(
        self, pool: Exchange, alpha: Reader, beta: Reader
    ) -> None:
        (wrong,) = pool.share()
        alpha.ids()
        last = alpha.get()["X-TAXII-Date-Added-Last"]
        signals.withdraw(signals=[wrong], reason=Reason.MISTAKE, actor=ACTOR)
        wrong.refresh_from_db()
        assert [place.member.organisation.slug for place in recipients.holders(wrong)] == ["alpha"]
        assert indicator_id(wrong.pk) not in beta.ids()
        refused(beta.get(f"pool/objects/{indicator_id(wrong.pk)}/"), 404)
        (told,) = alpha.get(added_after=last).json()["objects"]
        assert told["revoked"] is True
        (same,) = alpha.get(f"pool/objects/{told['id']}/").json()["objects"]
        assert same == told
        assert recipients.holders(wrong)
        assert alpha.get(added_after=alpha.get(added_after=last)["X-TAXII-Date-Added-Last"]).json() == {}
        assert not recipients.holders(wrong)

    def test_a_filter_that_leaves_signals_out_confirms_nothing(self, pool: Exchange, alpha: Reader) -> None:
        (wrong, other) = pool.share(2)
        last = alpha.get()["X-TAXII-Date-Added-Last"]
        signals.withdraw(signals=[wrong], reason=Reason.MISTAKE, actor=ACTOR)
        newest = alpha.get(added_after=last)["X-TAXII-Date-Added-Last"]
        wrong.refresh_from_db()
        assert alpha.ids(added_after=newest, id=indicator_id(other.pk)) == []
        assert recipients.holders(wrong)

    def test_a_moment_to_come_confirms_nothing_that_was_not_handed_over(self, pool: Exchange, alpha: Reader) -> None:
        (wrong,) = pool.share()
        alpha.ids()
        signals.withdraw(signals=[wrong], reason=Reason.MISTAKE, actor=ACTOR)
        assert alpha.ids(added_after="2999-01-01T00:00:00Z") == []
        place = Recipient.objects.get(surface=Surface.TAXII)
        assert place.confirmed < place.member.community.next_change - 1

    def test_one_object_counts_alone(self, pool: Exchange, alpha: Reader) -> None:
        first, second, third = pool.share(3)
        assert alpha.ids(id=indicator_id(second.pk)) == [indicator_id(second.pk)]
        place = Recipient.objects.get(surface=Surface.TAXII)
        assert place.served == second.last_change
        signals.withdraw(signals=[first, second, third], reason=Reason.MISTAKE, actor=ACTOR)
        second.refresh_from_db()
        third.refresh_from_db()
        assert place.may_hold(second)
        assert not place.may_hold(third)

    def test_a_dispute_is_not_revoked_and_comes_back(self, pool: Exchange, alpha: Reader) -> None:
        (signal,) = pool.share()
        last = alpha.get()["X-TAXII-Date-Added-Last"]
        community = signals._held(pool.community)
        signals._move(community, [signal], SignalState.DISPUTED, Reason.DISPUTE)
        (told,) = alpha.get(added_after=last).json()["objects"]
        assert "revoked" not in told
        assert "disputed" in told["labels"]
        assert told["valid_until"] <= stix.stamp(moment.now())
        signals._move(signals._held(pool.community), [signal], SignalState.ACTIVE, "")
        (again,) = alpha.get(added_after=last).json()["objects"]
        assert again["labels"] == [signal.harm]
        assert again["valid_until"] == stix.stamp(signal.expires_at)

    def test_who_confirms_nothing_for_a_day_is_told_so(self, pool: Exchange, alpha: Reader) -> None:
        (wrong,) = pool.share()
        last = alpha.get()["X-TAXII-Date-Added-Last"]
        signals.withdraw(signals=[wrong], reason=Reason.MISTAKE, actor=ACTOR)
        wrong.refresh_from_db()
        Reminder.objects.create(
            recipient=Recipient.objects.get(surface=Surface.TAXII),
            change=wrong.last_change,
            step=ReminderStep.PAUSED,
            at=moment.now(),
        )
        pool.share()
        for _ in range(2):
            assert alpha.get(type="indicator").json()["objects"][0]["revoked"] is True
        polled = alpha.get(added_after=last)
        assert polled.json()["objects"][0]["revoked"] is True
        assert len(alpha.ids(added_after=polled["X-TAXII-Date-Added-Last"])) == 1

    def test_what_a_pause_held_back_follows_it_and_follows_again_when_the_answer_was_lost(
        self, pool: Exchange, alpha: Reader
    ) -> None:
        first, second = pool.share(2)
        last = alpha.get()["X-TAXII-Date-Added-Last"]
        signals.withdraw(signals=[first], reason=Reason.MISTAKE, actor=ACTOR)
        first.refresh_from_db()
        place = Recipient.objects.get(surface=Surface.TAXII)
        Reminder.objects.create(recipient=place, change=first.last_change, step=ReminderStep.PAUSED, at=moment.now())
        (between,) = pool.share()
        signals.withdraw(signals=[second], reason=Reason.MISTAKE, actor=ACTOR)
        polled = alpha.get(added_after=last)
        assert [told["revoked"] for told in polled.json()["objects"]] == [True, True]
        last = polled["X-TAXII-Date-Added-Last"]
        for _ in range(2):
            assert indicator_id(between.pk) in alpha.ids(added_after=last)
        (new,) = pool.share()
        answer = alpha.get(added_after=last)
        assert [told["id"] for told in answer.json()["objects"]][-1] == indicator_id(new.pk)
        assert alpha.ids(added_after=answer["X-TAXII-Date-Added-Last"]) == []
        assert alpha.ids(added_after=last) == [indicator_id(new.pk)]


class TestMapping:
    def test_identifiers_are_of_version_4_and_go_back(self) -> None:
        for _ in range(200):
            made = new_id()
            text = indicator_id(made)
            assert text[len("indicator--") + 14] == "4"
            assert signal_id(text) == made
        assert signal_id("malware--" + str(uuid4())) is None

    @pytest.mark.parametrize(
        ("kind", "value", "written"),
        [
            (SignalKind.SHA256, "ab", ("[file:hashes.'SHA-256' = 'ab']", "stix")),
            (SignalKind.PDQ, "ab", ("[file:hashes.'PDQ' = 'ab']", "stix")),
            (SignalKind.URL, "https://a.example/'\\", (r"[url:value = 'https://a.example/\'\\']", "stix")),
            (
                SignalKind.ACCOUNT,
                "alpha.example:it's",
                (r"[user-account:account_type = 'alpha.example' AND user-account:user_id = 'it\'s']", "stix"),
            ),
            (SignalKind.TEXT, "hé", ("[artifact:payload_bin = b'aMOp']", "stix")),
            (SignalKind.TERM, "a.b", (r"(?i)(?<!\w)a\.b(?!\w)", "pcre")),
        ],
    )
    def test_patterns(self, kind: SignalKind, value: str, written: tuple[str, str]) -> None:
        assert stix.pattern(kind, value) == written
