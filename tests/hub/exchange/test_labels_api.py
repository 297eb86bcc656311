"""The labeler's endpoints: queryLabels, the DID document, the declaration, and the key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.test import Client
from pytest_django.fixtures import Settings
from tests.hub.exchange.labels_client import AUTHOR, DID, Labeled, post, publishing
from tests.support.hub import SmallHub

from seawall.formats import dagcbor
from seawall.formats.atproto import PublicKey, multikey, read_identity, sign
from seawall.hub.exchange.labels import identity
from seawall.hub.exchange.labels.rules import VALUES


@pytest.fixture(autouse=True)
def at_hub_example(settings: Settings) -> None:
    settings.PUBLIC_URL = "https://hub.example"


@pytest.fixture
def labeled(hub: SmallHub) -> Labeled:
    return publishing(hub)


OTHER = "did:plc:" + "b" * 24


def test_patterns_find_whole_addresses_and_beginnings(labeled: Labeled) -> None:
    for uri in (post("3k1"), post("3k10"), post("3k1", OTHER)):
        labeled.share(uri)
    labeled.publish()

    def found(*patterns: str, **asked: Any) -> list[str]:
        return [label.uri for label in labeled.said(*patterns, **asked)]

    assert found(post("3k1")) == [post("3k1")]
    assert found(f"at://{AUTHOR}/*") == [post("3k1"), post("3k10")]
    assert found(post("3k10"), f"at://{OTHER}*") == [post("3k10"), post("3k1", OTHER)]
    assert found("*", sources=[OTHER, DID]) == [post("3k1"), post("3k10"), post("3k1", OTHER)]
    assert found("*", sources=[OTHER]) == []
    assert found("at://did:plc:%*") == found("at://did:plc:_*") == []


def test_pages_are_followed_by_the_cursor(labeled: Labeled) -> None:
    uris = [post(f"k{number}") for number in range(5)]
    for uri in uris:
        labeled.share(uri)
    labeled.publish()
    found, cursor = [], None
    while True:
        answer = labeled.ask(limit=2, **({} if cursor is None else {"cursor": cursor})).json()
        assert 1 <= len(answer["labels"]) <= 2
        found += [label["uri"] for label in answer["labels"]]
        cursor = answer.get("cursor")
        if cursor is None:
            break
    assert found == uris


@pytest.mark.parametrize(
    "query",
    [
        "",
        "uriPatterns=",
        "uriPatterns=a*b",
        "uriPatterns=**",
        "uriPatterns=a%00*",
        "uriPatterns=*&limit=0",
        "uriPatterns=*&limit=251",
        "uriPatterns=*&limit=x",
        "uriPatterns=*&cursor=-1",
        "uriPatterns=*&cursor=x",
        "uriPatterns=*&cursor=" + "9" * 40,
        "uriPatterns=" + "a" * 2_001,
        "&".join(["uriPatterns=a"] * 101),
    ],
)
def test_what_cannot_be_asked_is_the_protocol_s_error(labeled: Labeled, query: str) -> None:
    answer = labeled.client.get(f"/xrpc/com.atproto.label.queryLabels?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"] == "InvalidRequest"
    assert set(answer.json()) == {"error", "message"}


def test_any_page_may_ask_but_only_ask(labeled: Labeled) -> None:
    assert labeled.ask()["Access-Control-Allow-Origin"] == "*"
    first = labeled.client.options("/xrpc/com.atproto.label.queryLabels?uriPatterns=*")
    assert (first.status_code, first["Access-Control-Allow-Methods"]) == (204, "GET")
    answer = labeled.client.post("/xrpc/com.atproto.label.queryLabels?uriPatterns=*")
    assert (answer.status_code, answer.json()["error"]) == (405, "InvalidRequest")


def test_the_stream_is_elsewhere_and_says_so(client: Client) -> None:
    answer = client.get("/xrpc/com.atproto.label.subscribeLabels")
    assert (answer.status_code, answer.json()["error"]) == (426, "UpgradeRequired")


def test_the_did_document_names_key_and_service(db: None, client: Client) -> None:
    document = client.get("/.well-known/did.json").json()
    read = read_identity(document, did=DID)
    assert (read.labeler, read.pds) == ("https://hub.example", None)
    assert read.label_key is not None
    assert read.label_key.signed(sign(identity.label_key(), b"a label"), b"a label")
    assert document["service"][0]["type"] == "AtprotoLabeler"
    assert document["verificationMethod"][0]["publicKeyMultibase"].startswith("zQ3s")


@pytest.mark.parametrize(
    ("url", "did"),
    [
        ("https://hub.example", DID),
        ("https://hub.example:443/", DID),
        ("https://hub.example:8443", None),
        ("http://hub.example", None),
        ("https://192.0.2.7", None),
        ("https://[2001:db8::7]", None),
        ("http://127.0.0.1:8000", None),
        ("http://localhost:8000", "did:web:localhost%3A8000"),
        ("https://intranet", None),
    ],
)
def test_only_a_public_name_is_an_identity(
    db: None, client: Client, settings: Settings, url: str, did: str | None
) -> None:
    settings.PUBLIC_URL = url
    assert identity.own_did() == did
    answer = client.get("/.well-known/did.json")
    assert answer.status_code == (404 if did is None else 200)
    if did is not None:
        assert answer.json()["id"] == did


def test_the_document_of_another_identity_lies_elsewhere(db: None, client: Client, settings: Settings) -> None:
    settings.LABELER_DID = OTHER
    assert identity.own_did() == OTHER
    assert client.get("/.well-known/did.json").status_code == 404


def test_the_declaration_has_every_value_in_english_and_welsh(hub: SmallHub, client: Client) -> None:
    record = client.get("/labels/declaration.json").json()
    policies = record["policies"]
    assert policies["labelValues"] == [value.val for value in VALUES.values()]
    for definition in policies["labelValueDefinitions"]:
        assert set(definition["identifier"]) <= set("abcdefghijklmnopqrstuvwxyz-")
        assert not definition["identifier"].startswith("!")
        assert [locale["lang"] for locale in definition["locales"]] == ["en", "cy"]
        assert all(len(locale["name"]) <= 64 for locale in definition["locales"])
        assert all("https://hub.example/labels/" in locale["description"] for locale in definition["locales"])
    assert record["reasonTypes"] == []


def test_without_a_code_of_practice_there_is_no_declaration(db: None, client: Client) -> None:
    answer = client.get("/labels/declaration.json")
    assert (answer.status_code, answer.json()["error"]) == (503, "InternalServerError")


def test_the_key_is_made_once_for_its_owner_alone(settings: Settings, tmp_path: Path) -> None:
    settings.LEDGER_KEY_FILE = tmp_path / "keys" / "ledger-ed25519.pem"
    made = identity.label_key()
    file = tmp_path / "keys" / "labels-secp256k1.pem"
    assert file.stat().st_mode & 0o777 == 0o600
    identity._key.cache_clear()
    assert multikey(identity.label_key().public_key()) == multikey(made.public_key())


@pytest.mark.parametrize("content", [b"", b"nonsense", "ed25519"])
def test_a_key_that_is_none_is_named_and_never_replaced(
    settings: Settings, tmp_path: Path, content: bytes | str
) -> None:
    settings.LEDGER_KEY_FILE = tmp_path / "ledger-ed25519.pem"
    if isinstance(content, str):
        content = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    file = tmp_path / "labels-secp256k1.pem"
    file.write_bytes(content)
    with pytest.raises(identity.LabelKeyUnusable, match=r"labels-secp256k1\.pem"):
        identity.label_key()
    assert file.read_bytes() == content


def test_signatures_have_the_lower_s_for_either_curve() -> None:
    for curve in (ec.SECP256K1(), ec.SECP256R1()):
        key = ec.generate_private_key(curve)
        for number in range(20):
            message = dagcbor.encode({"n": number})
            assert PublicKey(key.public_key()).signed(sign(key, message), message)
    with pytest.raises(ValueError, match="signs with no key on"):
        sign(ec.generate_private_key(ec.SECP384R1()), b"")
    with pytest.raises(ValueError, match="knows no key on"):
        multikey(ec.generate_private_key(ec.SECP384R1()).public_key())
