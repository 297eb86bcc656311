"""What the MISP feed writes: types, tags, objects, identifiers; and the taxonomy of its tags."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import jsonschema
import pytest
from django.test import Client
from tests.hub.exchange.conftest import HARM, Exchange, Founding
from tests.hub.exchange.misp_client import Clock, misp_of, take_back
from tests.support.hub import SmallHub

from seawall.hub.exchange import recipients
from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.misp import events
from seawall.hub.exchange.misp.taxonomy import machinetag
from seawall.hub.exchange.models import Part, Surface, Tlp
from seawall.hub.exchange.models.recipient import CARRIES
from seawall.hub.practice.models import CodeVersion
from seawall.hub.practice.queries import current_code

VIDEO = f"{'f0' * 32},100,1.000\n{'0f' * 32},100,2.000"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, hub: SmallHub) -> Clock:
    return Clock.put_up(monkeypatch)


class TestWriting:
    def test_kinds_have_types_of_misp_and_say_tlp_harm_and_kind(self, hub: SmallHub, found: Founding) -> None:
        values = {
            SignalKind.PDQ: "f0" * 32,
            SignalKind.MD5: "ab" * 16,
            SignalKind.VIDEO_MD5: "cd" * 16,
            SignalKind.SHA256: "ef" * 32,
            SignalKind.URL: "https://a.example/x",
            SignalKind.TEXT: "some words",
            SignalKind.TERM: "a term",
        }
        pool = Exchange(hub=hub, community=found(kinds=list(values)))
        pool.join("hub", Part.WRITER, "administrator")
        pool.join("alpha", Part.READER, "alpha_contact")
        for kind, value in values.items():
            pool.share(kind=kind, value=value, tlp=Tlp.GREEN)
        alpha = misp_of(pool)
        alpha.pull()
        written = {each["value"]: each for each in alpha.held.values()}
        assert {kind: written[value]["type"] for kind, value in values.items()} == {
            SignalKind.PDQ: "other",
            SignalKind.MD5: "md5",
            SignalKind.VIDEO_MD5: "md5",
            SignalKind.SHA256: "sha256",
            SignalKind.URL: "url",
            SignalKind.TEXT: "text",
            SignalKind.TERM: "text",
        }
        for kind, value in values.items():
            names = {tag["name"] for tag in written[value]["Tag"]}
            assert {"tlp:green", f'online-harms:harm="{HARM}"', f'online-harms:signal="{kind}"'} <= names

    def test_an_address_that_is_none_of_the_web_is_a_uri(self, pool: Exchange, clock: Clock) -> None:
        pool.share(kind=SignalKind.URL, value="at://did:plc:z72i7hdynmk6r22z27h6tvur/app.bsky.feed.post/3k43tv4rft22g")
        alpha = misp_of(pool)
        alpha.pull()
        assert [each["type"] for each in alpha.held.values()] == ["uri"]

    def test_accounts_are_objects_and_go_as_objects(self, platforms: Exchange, clock: Clock) -> None:
        platforms.join("alpha", Part.WRITER, "alpha_contact")
        platforms.join("beta", Part.READER, "beta_contact")
        (signal,) = platforms.share(
            by="alpha",
            kind=SignalKind.ACCOUNT,
            value="beta.example:12345",
            appeal_url="https://alpha.example/appeal",
            lasts=timedelta(days=30),
        )
        beta = misp_of(platforms, "beta")
        beta.pull()
        (made,) = beta.held.values()
        assert made["name"] == "user-account"
        assert {each["object_relation"]: each["value"] for each in made["Attribute"]} == {
            "account-type": "beta.example",
            "user-id": "12345",
        }
        clock.on()
        take_back(signal)
        clock.on()
        beta.pull()
        (made,) = beta.held.values()
        assert [made["deleted"], *(each["deleted"] for each in made["Attribute"])] == [True] * 3

    @pytest.mark.parametrize("block", [0, 1, 255, 256, 2**40])
    def test_an_event_says_its_block_and_no_other_community_reads_it(self, pool: Exchange, block: int) -> None:
        uuid = events.event_uuid(pool.community.pk, block)
        assert uuid.version == 4
        assert events.block_of_event(pool.community.pk, uuid) == block
        assert events.block_of_event(uuid4(), uuid) is None

    def test_blocks_begin_at_the_first_change_and_are_handed_over_at_once(self) -> None:
        assert [events.block_of(change) for change in (1, 500, 501)] == [0, 0, 1]
        assert min(recipients.MOST_A_PAGE, recipients.MOST_A_PAGE_OF_VIDEOS) >= events.BLOCK

    def test_every_kind_has_a_type_or_is_left_out(self, hub: SmallHub, found: Founding, clock: Clock) -> None:
        assert {*events.TYPES, SignalKind.ACCOUNT} == CARRIES[Surface.MISP]
        pool = Exchange(hub=hub, community=found(kinds=[SignalKind.VPDQ, SignalKind.MD5]))
        pool.join("hub", Part.WRITER, "administrator")
        pool.join("alpha", Part.READER, "alpha_contact")
        (video,) = pool.share(kind=SignalKind.VPDQ, value=VIDEO)
        alpha = misp_of(pool)
        assert alpha.manifest() == {}
        assert alpha.get("hashes.csv") == (200, "")
        (other,) = pool.share(kind=SignalKind.MD5, value="ab" * 16)
        clock.on()
        alpha.pull()
        assert alpha.values() == {other.value}
        take_back(video)
        clock.on()
        assert alpha.pull() == []
        take_back(other)
        clock.on()
        alpha.pull()
        alpha.manifest()
        assert recipients.holders(other) == recipients.holders(video) == []


SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["namespace", "description", "version", "predicates"],
    "properties": {
        "version": {"type": "integer"},
        "description": {"type": "string"},
        "expanded": {"type": "string"},
        "namespace": {"type": "string"},
        "type": {
            "type": "array",
            "uniqueItems": True,
            "items": {"enum": ["org", "user", "attribute", "event"]},
        },
        "predicates": {
            "type": "array",
            "uniqueItems": True,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["value"],
                "properties": {
                    "value": {"type": "string"},
                    "expanded": {"type": "string"},
                    "description": {"type": "string"},
                    "colour": {"type": "string"},
                    "numerical_value": {"type": "number"},
                },
            },
        },
        "values": {
            "type": "array",
            "uniqueItems": True,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["predicate", "entry"],
                "properties": {
                    "predicate": {"type": "string"},
                    "entry": {
                        "type": "array",
                        "uniqueItems": True,
                        "items": {
                            "type": "object",
                            "additionalProperties": False,
                            "required": ["value"],
                            "properties": {
                                "value": {"type": "string"},
                                "expanded": {"type": "string"},
                                "description": {"type": "string"},
                                "numerical_value": {"type": "number"},
                            },
                        },
                    },
                },
            },
        },
    },
}
"""What schema.json of misp-taxonomies asks of a taxonomy, and a little more."""


class TestTaxonomy:
    def test_everybody_reads_it_and_it_has_the_published_form(self, hub: SmallHub) -> None:
        answer = Client().get("/exchange/misp/taxonomy/machinetag.json")
        assert answer.status_code == 200
        jsonschema.validate(answer.json(), SCHEMA)
        named = {each["value"] for each in answer.json()["predicates"]}
        assert {each["predicate"] for each in answer.json()["values"]} <= named

    def test_it_is_in_step_with_the_code_of_practice(self, hub: SmallHub) -> None:
        code = current_code()
        made = machinetag(code, version=1)
        harms = next(each["entry"] for each in made["values"] if each["predicate"] == "harm")
        assert {each["value"]: each["description"] for each in harms} == {harm.id: harm.plain for harm in code.harms}

    def test_without_a_code_of_practice_there_is_none(self, db: None) -> None:
        CodeVersion.objects.all().delete()
        answer = Client().get("/exchange/misp/taxonomy/machinetag.json")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "taxonomy")

    def test_every_tag_of_a_signal_is_of_it(self, pool: Exchange) -> None:
        pool.share(severity=5)
        alpha = misp_of(pool)
        alpha.pull()
        made = machinetag(current_code(), version=1)
        known = {
            f'online-harms:{each["predicate"]}="{entry["value"]}"' for each in made["values"] for entry in each["entry"]
        }
        (told,) = alpha.held.values()
        used = {tag["name"] for tag in told["Tag"] if tag["name"].startswith("online-harms:")}
        assert len(used) == 3
        assert used <= known
