"""Files of signals: what is in them, that no spreadsheet runs them, who may take them, and what whoever has one owes."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from tests.hub.exchange.conftest import Exchange, Founding
from tests.support.hub import ACTOR, SmallHub
from tests.support.staff import SignedIn

from seawall.hub.directory import services as directory
from seawall.hub.exchange import communities, recipients, signals, whole
from seawall.hub.exchange.files import services
from seawall.hub.exchange.files.writing import Form, safe
from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.models import Member, Part, Reason, Recipient, Signal, Surface, Tlp
from seawall.hub.ledger.models import Entry

AT = "/api/v1/communities/pool/signals"
PAGE = "/communities/pool/file/"


def software(pool: Exchange, name: str = "alpha") -> Client:
    _key, secret = directory.give_api_key(organisation=pool.hub.organisations[name], name="files", actor=ACTOR)
    return Client(headers={"Authorization": f"Bearer {secret}"})


def text(answer: Any) -> str:
    assert answer.status_code == 200, answer.content
    return str(answer.getvalue().decode())


def rows(body: str) -> list[dict[str, str]]:
    """The records of a file as a reader of CSV with comments finds them."""
    lines = [line for line in body.removeprefix("\ufeff").splitlines(keepends=True) if not line.startswith("#")]
    return list(csv.DictReader(io.StringIO("".join(lines), newline="")))


def take_back(signal: Signal) -> None:
    signals.withdraw(signals=[signal], reason=Reason.MISTAKE, actor=ACTOR)
    signal.refresh_from_db()


def verbs() -> list[str]:
    return list(Entry.objects.order_by("pk").values_list("verb", flat=True))


class TestWhatIsInIt:
    def test_both_forms_hold_what_is_in_use_and_say_what_they_are(self, pool: Exchange) -> None:
        wrong, *right = pool.share(4)
        take_back(wrong)
        client = software(pool)
        answer = client.get(f"{AT}.csv")
        body = text(answer)
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        assert answer["Cache-Control"] == "no-store"
        assert answer["Content-Disposition"].startswith('attachment; filename="pool-')
        assert answer["X-Seawall-Change"] == "5"
        first, second, *_rest, last = body.removeprefix("\ufeff").splitlines()
        assert "pool: what was in use up to change 5, " in first
        assert "http://testserver/communities/pool/file/" in second
        assert last == "# The end: 3 signals"
        assert [(row["id"], row["value"]) for row in rows(body)] == [(str(each.pk), each.value) for each in right]
        told = json.loads(text(client.get(f"{AT}.json")))
        assert [each["value"] for each in told["signals"]] == [each.value for each in right]
        assert (told["community"], told["change"], told["count"]) == ("pool", 5, 3)
        assert "http://testserver/communities/pool/file/" in told["about"]
        assert wrong.value not in body

    def test_an_empty_pool_is_a_whole_file(self, pool: Exchange) -> None:
        client = software(pool)
        assert json.loads(text(client.get(f"{AT}.json")))["signals"] == []
        assert rows(text(client.get(f"{AT}.csv"))) == []

    def test_no_cell_begins_a_formula_and_every_value_can_be_had_back(self, hub: SmallHub, found: Founding) -> None:
        pool = Exchange(hub=hub, community=found(kinds=[SignalKind.TERM, SignalKind.TEXT]))
        pool.join("hub", Part.WRITER, "administrator")
        pool.join("alpha", Part.READER, "alpha_contact")
        values = [
            "=1+1",
            "+1",
            "-1",
            "@sum(1)",
            "|calc",
            "＝1",
            "'quoted",
            "# no comment",
            'a "quote", a comma',
            "<script>",
            "=cmd|' /c x'!a1",
        ]
        for value in values:
            pool.share(kind=SignalKind.TEXT, value=value)
        client = software(pool)
        cells = [row["value"] for row in rows(text(client.get(f"{AT}.csv")))]
        assert [cell for cell in cells if cell[0] in "=+-@|\t\r＝"] == []
        assert [cell.removeprefix("'") for cell in cells] == values
        assert [each["value"] for each in json.loads(text(client.get(f"{AT}.json")))["signals"]] == values

    @pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "|", "＋", "－", "＠"])
    def test_safe(self, begin: str) -> None:
        assert safe(f"{begin}x") == f"'{begin}x"
        assert safe(f"x{begin}") == f"x{begin}"
        assert (safe(3), safe(True)) == ("3", "true")

    def test_it_is_read_a_page_at_a_time_by_key(
        self,
        pool: Exchange,
        monkeypatch: pytest.MonkeyPatch,
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        shared = pool.share(40)
        place = pool.recipient(surface=Surface.FILE)
        made = whole.begin(place=place, actor=ACTOR)
        monkeypatch.setattr(whole, "PAGE", 20)
        with django_assert_num_queries(14, exact=False) as seen:
            assert list(whole.signals_of(made)) == shared
        assert not any("OFFSET" in query["sql"] for query in seen.captured_queries)
        monkeypatch.setattr(whole, "PAGE", 1_000)
        with django_assert_num_queries(7, exact=False):
            assert list(whole.signals_of(made)) == shared

    def test_what_happens_while_it_is_written_is_owed(self, pool: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(whole, "PAGE", 2)
        monkeypatch.setattr(whole, "CHUNK", 1)
        shared = pool.share(6)
        file = services.take(member=pool.members["alpha"], name="f", form=Form.JSON, where="w", actor=ACTOR)
        pieces = iter(file.pieces)
        written = "".join(next(pieces) for _ in range(3))
        take_back(shared[0])
        take_back(shared[5])
        (late,) = pool.share()
        written += "".join(pieces)
        assert [each["value"] for each in json.loads(written)["signals"]] == [each.value for each in shared[:5]]
        place = Recipient.objects.get(surface=Surface.FILE)
        assert recipients.holders(shared[0]) == [place]
        assert late.first_change > place.served

    def test_what_was_cut_off_counts_as_far_as_it_was_read(
        self, pool: Exchange, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(whole, "PAGE", 2)
        monkeypatch.setattr(whole, "CHUNK", 1)
        pool.share(6)
        file = services.take(member=pool.members["alpha"], name="f", form=Form.JSON, where="w", actor=ACTOR)
        for _ in range(3):
            next(file.pieces)
        assert Recipient.objects.get(surface=Surface.FILE).served == 2


class TestSoftware:
    @pytest.mark.parametrize("name", ["charity", "police", "regulator"])
    def test_outsiders_and_observers_find_nothing(self, pool: Exchange, name: str) -> None:
        pool.share()
        for form in ("csv", "json"):
            for method in ("get", "head", "delete"):
                assert getattr(software(pool, name), method)(f"{AT}.{form}").status_code == 404
        assert Client().get(f"{AT}.csv").status_code == 401
        assert not Recipient.objects.exists()

    @pytest.mark.parametrize("place", ["", "a\nb", "x" * 81, "=1", "File (a)", "#"])
    def test_a_name_is_plain(self, pool: Exchange, place: str) -> None:
        answer = software(pool).get(f"{AT}.csv", {"place": place})
        assert (answer.status_code, answer.json()["error"]["fields"][0]["field"]) == (422, "place")

    def test_a_head_hands_nothing_over_and_places_have_a_number(
        self, pool: Exchange, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client = software(pool)
        assert client.head(f"{AT}.csv").status_code == 200
        assert not Recipient.objects.exists()
        monkeypatch.setattr(services, "MOST_PLACES", 1)
        text(client.get(f"{AT}.csv", {"place": "one"}))
        answer = client.get(f"{AT}.csv", {"place": "two"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "refused")
        assert client.put(f"{AT}.csv").status_code == 405

    def test_a_file_owes_until_it_is_taken_anew(self, pool: Exchange) -> None:
        wrong, right = pool.share(2)
        client = software(pool)
        text(client.get(f"{AT}.csv", {"place": "desk"}))
        text(client.get(f"{AT}.json", {"place": "other desk"}))
        take_back(wrong)
        assert [each.name for each in recipients.holders(wrong)] == ["desk", "other desk"]
        assert [row["value"] for row in rows(text(client.get(f"{AT}.csv", {"place": "desk"})))] == [right.value]
        assert [each.name for each in recipients.holders(wrong)] == ["other desk"]
        assert verbs()[-3:] == ["signal.withdrawn", "recipient.confirmed", "recipient.file_taken"]

    def test_a_file_owes_until_it_is_said_to_be_deleted(self, pool: Exchange) -> None:
        (wrong,) = pool.share()
        client = software(pool)
        text(client.get(f"{AT}.csv"))
        take_back(wrong)
        assert software(pool, "beta").delete(f"{AT}.csv").status_code == 404
        assert recipients.holders(wrong)
        assert client.delete(f"{AT}.csv").json() == {"place": "file", "deleted": True}
        assert recipients.holders(wrong) == []
        assert verbs()[-1] == "recipient.ended"
        assert client.delete(f"{AT}.csv").status_code == 404
        text(client.get(f"{AT}.csv"))
        assert Recipient.objects.filter(surface=Surface.FILE).count() == 2


class TestPeople:
    def test_who_speaks_for_a_reader_takes_a_file_and_says_that_it_is_deleted(
        self, pool: Exchange, as_: SignedIn
    ) -> None:
        wrong, right = pool.share(2)
        contact = as_("alpha_contact")
        assert PAGE in contact.get("/communities/pool/").content.decode()
        page = contact.get(PAGE).content.decode()
        assert "can be distressing" in page
        assert wrong.value not in page
        body = text(contact.post(PAGE, {"form": "csv"}))
        assert [row["value"] for row in rows(body)] == [wrong.value, right.value]
        assert "Good" in contact.get(PAGE).content.decode()
        take_back(wrong)
        page = contact.get(PAGE).content.decode()
        assert "Holds what was withdrawn" in page
        place = Recipient.objects.get(surface=Surface.FILE)
        gone = f"{PAGE}{place.pk}/deleted/"
        assert gone in page
        assert contact.post(gone, {}).status_code == 422
        assert recipients.holders(wrong) == [place]
        assert "written down" in contact.post(gone, {"deleted": "on"}, follow=True).content.decode()
        assert recipients.holders(wrong) == []
        assert verbs()[-1] == "recipient.ended"
        assert contact.get(gone).status_code == 404

    def test_a_new_file_takes_the_place_of_the_old_on_ones_word(self, pool: Exchange, as_: SignedIn) -> None:
        wrong, right = pool.share(2)
        contact = as_("alpha_contact")
        text(contact.post(PAGE, {"form": "json"}))
        take_back(wrong)
        refused = contact.post(PAGE, {"form": "json"})
        assert refused.status_code == 422
        assert "one file at a time" in refused.content.decode()
        assert recipients.holders(wrong)
        told = json.loads(text(contact.post(PAGE, {"form": "json", "replaced": "on"})))
        assert [each["value"] for each in told["signals"]] == [right.value]
        assert recipients.holders(wrong) == []

    def test_a_colleague_sees_the_file_and_nobody_elses_organisation_does(self, pool: Exchange, as_: SignedIn) -> None:
        pool.share()
        text(as_("alpha_contact").post(PAGE, {"form": "csv"}))
        place = Recipient.objects.get(surface=Surface.FILE)
        beta = as_("beta_contact")
        assert str(place.pk) not in beta.get(PAGE).content.decode()
        assert beta.get(f"{PAGE}{place.pk}/deleted/").status_code == 404
        assert beta.post(f"{PAGE}{place.pk}/deleted/", {"deleted": "on"}).status_code == 404
        others = beta.get("/communities/pool/").content.decode()
        person = pool.hub.people["alpha_contact"]
        assert place.name in others
        assert person.name not in others
        assert person.email not in others

    @pytest.mark.parametrize(("name", "status"), [("regulator", 403), ("analyst", 403), ("auditor", 403)])
    def test_others_are_refused(self, pool: Exchange, as_: SignedIn, name: str, status: int) -> None:
        pool.share()
        client = as_(name)
        assert client.get(PAGE).status_code == status
        assert client.post(PAGE, {"form": "csv"}).status_code == status
        assert not Recipient.objects.exists()

    def test_observers_and_those_outside_have_no_button(self, pool: Exchange, as_: SignedIn) -> None:
        assert PAGE not in as_("regulator").get("/communities/pool/").content.decode()

    def test_of_a_community_that_one_may_not_see_nothing_is_said(self, pool: Exchange, as_: SignedIn) -> None:
        communities.leave(member=pool.members["beta"], person=pool.hub.people["beta_contact"], because="We close.")
        assert as_("beta_contact").get(PAGE).status_code == 404
        assert as_("alpha_contact").get("/communities/none/file/").status_code == 404

    def test_who_speaks_for_two_members_chooses(self, pool: Exchange, as_: SignedIn) -> None:
        directory.give_role(
            person=pool.hub.people["alpha_contact"],
            role="platform_contact",  # type: ignore[arg-type]
            organisation=pool.hub.organisations["beta"],
            desk=None,
            actor=ACTOR,
        )
        pool.share()
        contact = as_("alpha_contact")
        assert contact.post(PAGE, {"form": "csv"}).status_code == 422
        beta = Member.objects.get(community=pool.community, organisation=pool.hub.organisations["beta"])
        assert contact.post(PAGE, {"form": "csv", "member": "nobody"}).status_code == 422
        text(contact.post(PAGE, {"form": "csv", "member": str(beta.pk)}))
        assert Recipient.objects.get(surface=Surface.FILE).member == beta

    def test_accounts_come_with_where_they_can_be_appealed(self, platforms: Exchange, as_: SignedIn) -> None:
        platforms.join("alpha", Part.WRITER, "alpha_contact")
        platforms.share(
            by="alpha",
            kind=SignalKind.ACCOUNT,
            value="beta.example:12345",
            appeal_url="https://alpha.example/appeal",
            lasts=timedelta(days=30),
            tlp=Tlp.AMBER,
        )
        (row,) = rows(text(as_("alpha_contact").post("/communities/accounts/file/", {"form": "csv"})))
        assert (row["value"], row["appeal_url"]) == ("beta.example:12345", "https://alpha.example/appeal")
