"""Names of the AT Protocol: identities, addresses, keys."""

from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.support.atproto_labels import base58, point, sign

from seawall.formats.atproto import is_did, is_handle, read_address, read_identity

DID = "did:plc:abcdefghijklmnopqrstuvwx"


def identity(method: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    methods = [] if method is None else [{"id": "#atproto_label", "controller": DID, **method}]
    return {
        "id": DID,
        "verificationMethod": [{"id": "#atproto", "type": "Multikey", "publicKeyMultibase": "zother"}, *methods],
        "service": [
            {"id": "#atproto_pds", "serviceEndpoint": "https://pds.example/"},
            {"id": f"{DID}#atproto_labeler", "serviceEndpoint": "https://labels.example"},
        ],
        **changes,
    }


@pytest.mark.parametrize(
    ("text", "good"),
    [
        (DID, True),
        ("did:web:example.org", True),
        ("did:web:localhost%3A1234", True),
        ("did:plc:", False),
        ("did:plc:a b", False),
        ("did:plc:a\n", False),
        ("did:PLC:abc", False),
        ("plc:abc", False),
        ("did:plc:abc:", False),
        ("did:plc:" + "a" * 3_000, False),
    ],
)
def test_did(text: str, good: bool) -> None:
    assert is_did(text) is good


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("a.example", True),
        ("A-b.example.org", True),
        ("example", False),
        ("-a.example", False),
        ("a..example", False),
        ("a.1", False),
        ("a.example\n", False),
        (".".join(["a" * 60] * 5), False),
    ],
)
def test_handle(text: str, good: bool) -> None:
    assert is_handle(text) is good


def test_address_of_a_page_names_the_record() -> None:
    found = read_address(f"https://bsky.app/profile/{DID}/post/3kaaaa")
    assert found.uri == f"at://{DID}/app.bsky.feed.post/3kaaaa"
    assert found.resolved
    handle = read_address("https://bsky.app/profile/A.Example/post/3kaaaa")
    assert (handle.authority, handle.resolved) == ("a.example", False)
    assert handle.of(DID) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "at://",
        f"at://{DID}/app.bsky.feed.post",
        f"at://{DID}/app.bsky.feed.post/a/b",
        f"at://{DID}/post/a",
        f"at://{DID}/app.bsky.feed.post/a?b",
        f"at://{DID}/app.bsky.feed.post/a#b",
        "https://bsky.app:8443/profile/a.example/post/a",
        "https://bsky.app:x/profile/a.example/post/a",
        "https://[::1/profile/a.example/post/a",
        "https://bsky.app.evil.example/profile/a.example/post/a",
        "ftp://bsky.app/profile/a.example/post/a",
    ],
)
def test_address_of_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\bits?\b|whose"):
        read_address(text)


@pytest.mark.parametrize(
    ("curve", "kind", "prefix", "form"),
    [
        (ec.SECP256K1(), "Multikey", b"\xe7\x01", serialization.PublicFormat.CompressedPoint),
        (ec.SECP256R1(), "Multikey", b"\x80\x24", serialization.PublicFormat.CompressedPoint),
        (ec.SECP256K1(), "EcdsaSecp256k1VerificationKey2019", b"", serialization.PublicFormat.UncompressedPoint),
        (ec.SECP256R1(), "EcdsaSecp256r1VerificationKey2019", b"", serialization.PublicFormat.UncompressedPoint),
    ],
)
def test_key_of_every_published_form(
    curve: ec.EllipticCurve, kind: str, prefix: bytes, form: serialization.PublicFormat
) -> None:
    private = ec.generate_private_key(curve)
    found = read_identity(
        identity({"type": kind, "publicKeyMultibase": "z" + base58(prefix + point(private, form))}), did=DID
    )
    assert (found.pds, found.labeler) == ("https://pds.example", "https://labels.example")
    assert found.label_key is not None
    assert found.label_key.key.public_numbers() == private.public_key().public_numbers()


def test_signature_counts_only_in_its_one_form() -> None:
    private = ec.generate_private_key(ec.SECP256K1())
    raw = b"\xe7\x01" + point(private, serialization.PublicFormat.CompressedPoint)
    key = read_identity(identity({"type": "Multikey", "publicKeyMultibase": "z" + base58(raw)}), did=DID).label_key
    assert key is not None
    assert key.signed(sign(private, b"said"), b"said")
    assert not key.signed(sign(private, b"said"), b"Said")
    assert not key.signed(sign(private, b"said", high=True), b"said")
    assert not key.signed(b"", b"said")
    assert not key.signed(bytes(64), b"said")


@pytest.mark.parametrize(
    "method",
    [
        {"type": "Multikey", "publicKeyMultibase": 5},
        {"type": "Multikey", "publicKeyMultibase": "uAAAA"},
        {"type": "Multikey", "publicKeyMultibase": "z0OIl"},
        {"type": "Multikey", "publicKeyMultibase": "z"},
        {"type": "Multikey", "publicKeyMultibase": "z" + base58(b"\xed\x01" + bytes(32))},
        {"type": "Multikey", "publicKeyMultibase": "z" + base58(b"\xe7\x01" + bytes(33))},
        {"type": "EcdsaSecp256k1VerificationKey2019", "publicKeyMultibase": "z" + "2" * 100},
    ],
)
def test_odd_key_is_no_key(method: dict[str, Any]) -> None:
    assert read_identity(identity(method), did=DID).label_key is None


@pytest.mark.parametrize("service", [None, {}, [5], [{"id": "#atproto_pds", "serviceEndpoint": "ftp://x"}]])
def test_odd_services_are_none(service: Any) -> None:
    found = read_identity(identity(service=service), did=DID)
    assert (found.pds, found.labeler) == (None, None)


@pytest.mark.parametrize("document", [None, [], {}, {"id": "did:plc:somebodyelse"}])
def test_document_of_another_is_refused(document: object) -> None:
    with pytest.raises(ValueError, match="not the document of"):
        read_identity(document, did=DID)
