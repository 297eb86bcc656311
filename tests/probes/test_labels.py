"""Labels of moderation services: which hold, for which version, until when, and whether they are signed."""

import datetime as dt
from typing import Any

import pytest
from tests.support.atproto_labels import Issuer

from seawall.formats.atproto import read_identity
from seawall.probes.labels import Label, in_force, read_label

SERVICE = "did:plc:serviceserviceserviceser"
POST = "at://did:plc:author/app.bsky.feed.post/3kaaaa"
NOON = dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC)
ISSUER = Issuer(SERVICE)


def label(val: str, minutes: int = 0, **more: Any) -> Label:
    return read_label(ISSUER.label(POST, val, cts=NOON + dt.timedelta(minutes=minutes), **more))


def held(*labels: Label, cid: str | None = None, minutes: int = 60) -> list[tuple[str, str | None]]:
    found = in_force(labels, at=NOON + dt.timedelta(minutes=minutes), cid=cid)
    return sorted(((one.val, one.cid) for one in found), key=str)


def test_label_holds() -> None:
    assert held(label("!hide"), label("rude")) == [("!hide", None), ("rude", None)]


def test_negation_ends_what_came_before_it_in_whatever_order_they_are_listed() -> None:
    assert held(label("!hide", 5, neg=True), label("!hide", 1), label("rude", 1)) == [("rude", None)]


def test_label_that_is_given_again_holds() -> None:
    assert held(label("!hide", 1), label("!hide", 5, neg=True), label("!hide", 9)) == [("!hide", None)]


def test_negation_of_one_version_leaves_the_others() -> None:
    both = (label("!hide", 1, cid="a"), label("!hide", 1, cid="b"))
    assert held(*both, label("!hide", 5, neg=True, cid="a")) == [("!hide", "b")]
    assert held(*both, label("!hide", 5, neg=True)) == []


def test_label_of_another_version_does_not_hold() -> None:
    assert held(label("!hide", cid="a"), label("rude"), cid="b") == [("rude", None)]
    assert held(label("!hide", cid="a"), cid="a") == [("!hide", "a")]


def test_label_ends_by_itself() -> None:
    until = label("!hide", exp="2026-11-02T12:30:00Z")
    assert held(until, minutes=29) == [("!hide", None)]
    assert held(until, minutes=30) == []


def test_services_do_not_speak_for_one_another() -> None:
    other = Issuer("did:plc:otherotherotherotheroth").label(POST, "!hide", cts=NOON + dt.timedelta(9), neg=True)
    assert held(label("!hide"), read_label(other)) == [("!hide", None)]


def test_signature_is_of_all_that_the_label_says() -> None:
    document = {"id": SERVICE, "verificationMethod": [ISSUER.method()]}
    key = read_identity(document, did=SERVICE).label_key
    written = ISSUER.label(POST, "!hide", cts=NOON, cid="bafy", exp="2026-12-01T00:00:00.000Z")
    assert read_label(written).signed_by(key)
    assert read_label({**written, "$type": "com.atproto.label.defs#label"}).signed_by(key)
    for name, value in {"uri": POST + "b", "val": "!warn", "cid": "bafz", "neg": True, "exp": None, "ver": 2}.items():
        assert not read_label({**written, name: value}).signed_by(key), name
    assert not read_label({**written, "sig": None}).signed_by(key)
    assert not read_label(written).signed_by(None)
    assert read_label(ISSUER.label(POST, "!hide", cts=NOON, raw=True)).signed_by(key)


@pytest.mark.parametrize(
    "change",
    [
        {"src": "somebody"},
        {"src": None},
        {"uri": ""},
        {"uri": 5},
        {"val": "x" * 9_000},
        {"val": "a\x00"},
        {"neg": "yes"},
        {"cts": "yesterday"},
        {"cts": "2026-11-02T12:00:00"},
        {"cts": "0001-01-01T00:00:00+23:59"},
        {"exp": 5},
        {"cid": {"$link": "a"}},
        {"ver": 1.5},
    ],
)
def test_odd_label_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"label|written"):
        read_label({**ISSUER.label(POST, "!hide", cts=NOON), **change})


@pytest.mark.parametrize("value", [None, [], "label", 5])
def test_what_is_no_object_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="not an object"):
        read_label(value)


@pytest.mark.parametrize(
    "signature", ["", 5, [], {"$bytes": "ä"}, {"$bytes": 5}, {"$bytes": "A" * 999}, {"$bytes": "A"}]
)
def test_odd_signature_signs_nothing(signature: object) -> None:
    assert read_label({**ISSUER.label(POST, "!hide", cts=NOON), "sig": signature}).signature == b""
