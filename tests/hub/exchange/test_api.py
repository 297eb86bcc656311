"""The exchange for software: what a member's programs see and may do, and what nobody else does."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.test import Client
from tests.hub.exchange.conftest import HARM, Exchange
from tests.support.hub import ACTOR

from seawall.channels import signing
from seawall.hub.directory import services as directory
from seawall.hub.exchange import matching, signals
from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.models import Community, Reason, Recipient, Signal
from seawall.hub.exchange.recipients import STATEMENT

BASE = "/api/v1/communities/"


class Software:
    """A member's program with its key."""

    def __init__(self, pool: Exchange, name: str) -> None:
        _key, secret = directory.give_api_key(organisation=pool.hub.organisations[name], name="tests", actor=ACTOR)
        self.client = Client(headers={"Authorization": f"Bearer {secret}"})

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(BASE + path, query)

    def post(self, path: str, value: Any, base: str = BASE) -> Any:
        return self.client.post(base + path, json.dumps(value), content_type="application/json")

    def place(self, **more: Any) -> str:
        return str(self.post("pool/recipients/", {"name": "main", **more}).json()["id"])


@pytest.fixture(autouse=True)
def _fresh_bank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "_pictures", matching.PictureBank())
    monkeypatch.setattr(matching, "_texts", matching.TextBank())
    monkeypatch.setattr(matching, "FRESH", 0.0)


@pytest.fixture
def alpha(pool: Exchange) -> Software:
    return Software(pool, "alpha")


@pytest.fixture
def beta(pool: Exchange) -> Software:
    return Software(pool, "beta")


def shared(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "sha256",
        "value": "ab" * 32,
        "harm": HARM,
        "severity": 3,
        "confidence": 80,
        "tlp": "green",
        "decision": "B-77",
        **changes,
    }


def test_the_whole_way_of_a_signal(pool: Exchange, alpha: Software, beta: Software) -> None:
    made = beta.post("pool/signals/", {"signals": [shared(), shared(value="cd" * 32)]})
    assert made.status_code == 201
    wrong = made.json()["signals"][0]["id"]
    place = alpha.place()
    page = alpha.get("pool/signals/", recipient=place, limit=1).json()
    assert (page["more"], page["cursor"], page["signals"][0]["id"]) == (True, 1, wrong)
    page = alpha.get("pool/signals/", recipient=place, after=page["cursor"]).json()
    assert (page["more"], page["cursor"]) == (False, 2)
    gone = beta.post(f"pool/signals/{wrong}/withdrawal/", {"reason": "mistake"})
    assert gone.json()["state"] == "withdrawn"
    page = alpha.get("pool/signals/", recipient=place, after=page["cursor"]).json()
    assert [(each["id"], each["state"], each["value"]) for each in page["signals"]] == [(wrong, "withdrawn", "ab" * 32)]
    assert alpha.post("pool/confirmations/", {"recipient": place, "until": page["cursor"]}).json()["confirmed"] == 3


def test_communities_are_told_with_their_rules(pool: Exchange, alpha: Software) -> None:
    place = alpha.place()
    (told,) = alpha.get("").json()["communities"]
    assert (told["slug"], told["part"], told["agreement_version"]) == ("pool", "reader", 1)
    assert [each["id"] for each in told["recipients"]] == [place]


@pytest.mark.parametrize("name", ["charity", "police", "regulator", "ombudsman"])
def test_outsiders_and_observers_find_nothing(pool: Exchange, name: str) -> None:
    (signal,) = pool.share()
    theirs = Software(pool, name)
    place = str(pool.recipient().pk)
    calls = [
        theirs.get("pool/signals/", recipient=place),
        theirs.post("pool/signals/", {"signals": [shared()]}),
        theirs.post("pool/recipients/", {"name": "x"}),
        theirs.post("pool/confirmations/", {"recipient": place, "until": 0}),
        theirs.post(f"pool/signals/{signal.pk}/opinion/", {"opinion": "seen"}),
        theirs.post(f"pool/signals/{signal.pk}/withdrawal/", {"reason": "mistake"}),
        theirs.get("nothing/signals/", recipient=place),
    ]
    assert {call.status_code for call in calls} == {404}
    answer = theirs.post("match/", {"values": [{"kind": "sha256", "value": signal.value}]}, base="/api/v1/")
    assert answer.json() == {"pdq": [], "values": [[]]}


def test_nobody_reads_or_confirms_in_anothers_name(pool: Exchange, alpha: Software, beta: Software) -> None:
    pool.share()
    place = alpha.place()
    assert beta.get("pool/signals/", recipient=place).status_code == 404
    assert beta.post("pool/confirmations/", {"recipient": place, "until": 0}).status_code == 404
    assert alpha.post("pool/signals/", {"signals": [shared()]}).status_code == 422  # a reader
    (theirs,) = pool.share()
    assert beta.post(f"pool/signals/{theirs.pk}/withdrawal/", {"reason": "mistake"}).status_code == 403
    assert Recipient.objects.get().served == 0


def test_a_place_with_a_key_confirms_by_it_alone(pool: Exchange, alpha: Software) -> None:
    key = Ed25519PrivateKey.generate()
    pool.share(2)
    place = alpha.place(public_key=signing.encode(key.public_key().public_bytes_raw()))
    alpha.get("pool/signals/", recipient=place)
    said = {"schema": STATEMENT, "recipient": place, "until": 2, "at": "2026-11-23T08:00:00Z"}
    assert alpha.post("pool/confirmations/", {"recipient": place, "until": 2}).status_code == 422
    signed = alpha.post("pool/confirmations/", {"recipient": place, "until": 2, "statement": signing.sign(key, said)})
    assert (signed.status_code, signed.json()["confirmed"]) == (200, 2)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "face"}, "signals[0]"),
        ({"tlp": "white"}, "signals[0]"),
        ({"value": ""}, "signals[0].value"),
        ({"value": 7}, "signals[0].value"),
        ({"value": "zz"}, "signals"),
        ({"harm": None}, "signals[0].harm"),
        ({"severity": True}, "signals[0].severity"),
        ({"severity": 9}, "signals[0].severity"),
        ({"confidence": "a"}, "signals[0].confidence"),
        ({"decision": ""}, "signals[0].decision"),
        ({"days": 0}, "signals[0].days"),
        ({"days": 900}, "signals"),
        ({"tlp": "red"}, "signals"),
        ({"appeal_url": 5}, "signals[0].appeal_url"),
        ({"value": "a\x00"}, "signals[0].value"),
    ],
)
def test_what_is_wrong_with_a_signal_is_said_by_field(beta: Software, change: dict[str, Any], field: str) -> None:
    refused = beta.post("pool/signals/", {"signals": [shared(**change)]})
    assert refused.status_code == 422
    assert refused.json()["error"]["fields"][0]["field"] == field
    assert not Signal.objects.exists()


@pytest.mark.parametrize(
    "body",
    [b" ", b"[]", b"{", b'"x"', b"\xff", b'{"signals": {}}', b'{"signals": []}', b'{"signals": [5]}', b"[" * 9_999],
)
@pytest.mark.parametrize(
    "path", ["communities/pool/signals/", "communities/pool/confirmations/", "communities/pool/recipients/", "match/"]
)
def test_rubbish_is_refused_and_never_breaks_anything(beta: Software, path: str, body: bytes) -> None:
    answer = beta.client.post(f"/api/v1/{path}", body, content_type="application/json")
    assert answer.status_code in (400, 404, 422)
    assert "error" in answer.json()


@pytest.mark.parametrize(
    "query", [{"after": "-1"}, {"after": "x"}, {"after": "9" * 30}, {"limit": "0"}, {"limit": "10001"}]
)
def test_a_bad_cursor_is_refused(alpha: Software, query: dict[str, str]) -> None:
    assert alpha.get("pool/signals/", recipient=alpha.place(), **query).status_code == 422


def test_an_opinion_and_a_wrong_media_type(pool: Exchange, alpha: Software) -> None:
    (signal,) = pool.share()
    assert alpha.post(f"pool/signals/{signal.pk}/opinion/", {"opinion": "seen", "note": "Here too."}).status_code == 200
    assert alpha.post(f"pool/signals/{signal.pk}/opinion/", {"opinion": "love"}).status_code == 422
    assert alpha.client.post(f"{BASE}pool/recipients/", "name=x", content_type="text/plain").status_code == 415


def turned(value: str, bits: int) -> str:
    raw = bytearray(bytes.fromhex(value))
    for bit in range(bits):
        raw[bit % 32] ^= 1 << (bit // 32)
    return raw.hex()


def test_near_pictures_are_matched_and_forgotten_when_withdrawn(pool: Exchange, alpha: Software) -> None:
    values = [row.tobytes().hex() for row in np.random.default_rng(1).integers(0, 256, (50, 32), dtype=np.uint8)]
    made = [pool.share(kind=SignalKind.PDQ, value=value)[0] for value in values]
    asked = [turned(values[7], 31), turned(values[8], 32), values[9], "0" * 64]

    def ask() -> list[list[tuple[str, int]]]:
        told = alpha.post("match/", {"pdq": asked}, base="/api/v1/").json()["pdq"]
        return [[(hit["signal"]["id"], hit["distance"]) for hit in hits] for hits in told]

    assert ask() == [[(str(made[7].pk), 31)], [], [(str(made[9].pk), 0)], []]
    signals.withdraw(signals=[made[9]], reason=Reason.MISTAKE, actor=ACTOR)
    assert ask() == [[(str(made[7].pk), 31)], [], [], []]
    (again,) = pool.share(kind=SignalKind.PDQ, value=values[9])
    assert ask()[2] == [(str(again.pk), 0)]


def test_addresses_match_in_any_spelling_and_disputed_ones_do_not(pool: Exchange, alpha: Software) -> None:
    (signal,) = pool.share(kind=SignalKind.URL, value="https://example.org/a?utm_source=x")
    asked = {"values": [{"kind": "url", "value": "HTTP://EXAMPLE.org/a"}, {"kind": "sha256", "value": "00" * 32}]}
    told = alpha.post("match/", asked, base="/api/v1/").json()["values"]
    assert [[hit["signal"]["id"] for hit in hits] for hits in told] == [[str(signal.pk)], []]
    Signal.objects.update(state="disputed")
    assert alpha.post("match/", asked, base="/api/v1/").json()["values"] == [[], []]


def test_a_question_is_bounded(alpha: Software) -> None:
    for value in (
        {},
        {"pdq": ["0" * 64] * 1_001},
        {"pdq": ["x"]},
        {"values": [{"kind": "x"}]},
        {"pdq": ["g" * 64]},
        {"pdq": [], "values": 5},
    ):
        assert alpha.post("match/", value, base="/api/v1/").status_code == 422


def test_a_text_is_found_though_it_was_changed_and_disguised(pool: Exchange, alpha: Software, beta: Software) -> None:
    Community.objects.filter(pk=pool.community.pk).update(kinds=["text", "term"])
    words = "The harbour wall will not hold tonight, everybody should come down to the quay and bring a light"
    given = [
        shared(kind="text", value=words),
        shared(kind="text", value="Come to the quay"),
        shared(kind="term", value=words),
    ]
    made = beta.post("pool/signals/", {"signals": given}).json()["signals"]

    def found(text: str) -> list[tuple[str, float]]:
        answer = alpha.post("match/", {"values": [{"kind": "text", "value": text}]}, base="/api/v1/")
        (hits,) = answer.json()["values"]
        return [(hit["signal"]["id"], hit["share"]) for hit in hits]

    whole, short, _term = (each["id"] for each in made)
    assert found(words) == [(whole, 1.0)]
    ((near, share),) = found(words.replace("o", "0").upper() + " https://other.example/7 !!")
    assert (near, share > 0.85) == (whole, True)
    ((near, share),) = found(words.replace("everybody", "you all"))
    assert (near, 0.7 <= share < 1) == (whole, True)
    assert found("The harbour wall will hold. Nobody needs to come to the quay tonight") == []
    assert found("come to the quay") == [(short, 1.0)]
    assert found("come to the quays") == []
    assert found("🙂🙂🙂") == []
    beta.post(f"pool/signals/{whole}/withdrawal/", {"reason": "mistake"})
    assert found(words) == []


def test_a_video_is_found_by_its_frames(pool: Exchange, alpha: Software, beta: Software) -> None:
    Community.objects.filter(pk=pool.community.pk).update(kinds=["vpdq"])
    draw = random.Random(7)
    frames = [f"{draw.getrandbits(256):064x}" for _ in range(20)]
    other = [f"{draw.getrandbits(256):064x}" for _ in range(20)]

    def video(hashes: list[str]) -> str:
        return "\n".join(f"{each},100,{second}.000" for second, each in enumerate(hashes))

    (made,) = beta.post("pool/signals/", {"signals": [shared(kind="vpdq", value=video(frames))]}).json()["signals"]

    def found(value: str) -> list[tuple[str, float]]:
        answer = alpha.post("match/", {"values": [{"kind": "vpdq", "value": value}]}, base="/api/v1/")
        (hits,) = answer.json()["values"]
        return [(hit["signal"]["id"], hit["share"]) for hit in hits]

    blurred = [f"{int(each, 16) ^ (2**31 - 1):064x}" for each in frames]  # 31 bits off
    assert found(video(frames)) == [(made["id"], 1.0)]
    assert found(video(blurred)) == [(made["id"], 1.0)]
    assert found(json.dumps(video(frames).split("\n"))) == [(made["id"], 1.0)]
    assert found(video(frames[5:10])) == [(made["id"], 1.0)]  # a clip of it
    assert found(video(other + frames)) == [(made["id"], 1.0)]  # it, in a longer one
    assert found(video(frames[:16] + other[:40])) == [(made["id"], 0.8)]
    assert found(video(frames[:15] + other)) == []
    assert found(video(other)) == []
    beta.post(f"pool/signals/{made['id']}/withdrawal/", {"reason": "mistake"})
    assert found(video(blurred)) == []
