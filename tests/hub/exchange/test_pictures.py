"""Asking about a picture itself."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest
from PIL import Image, ImageOps
from tests.detect.media.drawings import encoded, flat, scene
from tests.hub.exchange.conftest import Exchange
from tests.hub.exchange.test_api import Software
from tests.support.hub import ACTOR

from seawall.detect.media import hash_picture
from seawall.hub.exchange import matching, pictures, signals
from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.models import Reason

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(matching, "_pictures", matching.PictureBank())
    monkeypatch.setattr(matching, "_texts", matching.TextBank())
    monkeypatch.setattr(matching, "FRESH", 0.0)
    yield
    while pictures._readers:
        pictures._readers.popitem()[1].close()


def asked(software: Software, data: bytes, kind: str = "image/png") -> Any:
    return software.client.post("/api/v1/match/picture/", data, content_type=kind)


def matches(software: Software, data: bytes) -> list[tuple[str, str, bool]]:
    answer = asked(software, data)
    assert answer.status_code == 200, answer.content
    return [(hit["signal"]["id"], hit["as"], hit["distance"] == 0) for hit in answer.json()["matches"]]


def test_a_picture_is_found_as_it_is_changed_and_by_its_bytes_and_forgotten_when_withdrawn(pool: Exchange) -> None:
    alpha, picture = Software(pool, "alpha"), scene(1)
    data, other = encoded(picture, "PNG"), encoded(scene(2), "PNG")
    value = hash_picture(pictures.reader(), data).pdq.hex
    (near,) = pool.share(kind=SignalKind.PDQ, value=value)
    (exact,) = pool.share(kind=SignalKind.SHA256, value=sha256(other).hexdigest())
    told = asked(alpha, data).json()
    assert told["sha256"] == sha256(data).hexdigest()
    assert told["pdq"]["value"] == value
    assert told["pdq"]["used"] is True
    assert matches(alpha, data) == [(str(near.pk), "pdq", True)]
    for changed in (picture.resize((240, 180)), ImageOps.mirror(picture), picture.rotate(90, expand=True)):
        assert [hit[:2] for hit in matches(alpha, encoded(changed, "PNG"))] == [(str(near.pk), "pdq")]
    assert matches(alpha, encoded(ImageOps.expand(picture, 60, "black"), "PNG"))[0][0] == str(near.pk)
    assert matches(alpha, other) == [(str(exact.pk), "sha256", True)]
    assert matches(alpha, encoded(scene(3), "PNG")) == []
    signals.withdraw(signals=[near, exact], reason=Reason.MISTAKE, actor=ACTOR)
    assert matches(alpha, data) == matches(alpha, other) == []


def test_a_picture_with_nothing_in_it_is_compared_by_its_bytes_alone(pool: Exchange) -> None:
    alpha, data = Software(pool, "alpha"), encoded(Image.fromarray(flat(300, 300, 7)), "PNG")
    pool.share(kind=SignalKind.PDQ, value=hash_picture(pictures.reader(), data).pdq.hex)
    (exact,) = pool.share(kind=SignalKind.SHA256, value=sha256(data).hexdigest())
    assert asked(alpha, data).json()["pdq"]["used"] is False
    assert matches(alpha, data) == [(str(exact.pk), "sha256", True)]


def test_only_a_members_communities_answer_and_files_that_are_none_are_refused(pool: Exchange) -> None:
    data = encoded(scene(1), "PNG")
    pool.share(kind=SignalKind.PDQ, value=hash_picture(pictures.reader(), data).pdq.hex)
    alpha, stranger = Software(pool, "alpha"), Software(pool, "charity")
    assert len(matches(alpha, data)) == 1
    assert matches(stranger, data) == []
    for body, kind, status, code in (
        (data, "application/json", 415, "media_type"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", 422, "picture_unsupported"),
        (data[:200], "image/png", 422, "picture_truncated"),
        (b"Nothing of the kind.", "image/png", 422, "picture_unsupported"),
    ):
        answer = asked(alpha, body, kind)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    large = alpha.client.post("/api/v1/match/picture/", b"x", content_type="image/png", CONTENT_LENGTH=str(33 << 20))
    assert large.status_code == 413
    alpha.client.defaults.pop("HTTP_AUTHORIZATION")
    assert asked(alpha, data).status_code == 401


def test_more_than_a_form_may_hold_can_be_shared_at_once(pool: Exchange) -> None:
    answer = Software(pool, "alpha").client.post(
        "/api/v1/communities/pool/signals/", b" " * 3_000_000, content_type="application/json"
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "json")
