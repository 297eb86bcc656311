"""The names that the AT Protocol gives things: identities, records, services, keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

POST: Final = "app.bsky.feed.post"
PUBLIC_HOSTS: Final = frozenset({"bsky.app"})
"""Where a page at ``/profile/WHO/post/KEY`` shows that very post. Elsewhere a page may show anything."""

_DID = re.compile(r"did:[a-z]{1,32}:[A-Za-z0-9._:%-]{0,2000}[A-Za-z0-9._-]")
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_HANDLE = re.compile(rf"(?=.{{1,253}}$)(?:{_LABEL}\.)+[a-zA-Z](?:[a-zA-Z0-9-]{{0,61}}[a-zA-Z0-9])?")
_ACCOUNT = re.compile(
    rf"did:plc:[a-z2-7]{{24}}|did:web:(?:(?:{_LABEL}\.)+[a-zA-Z]{{2,63}}|localhost(?:%3A[0-9]{{1,5}})?)"
)
_COLLECTION = re.compile(r"[a-zA-Z](?:[a-zA-Z0-9.-]{0,300})\.[a-zA-Z][a-zA-Z0-9]{0,62}")
_RECORD_KEY = re.compile(r"[A-Za-z0-9._:~-]{1,512}")
_PAGE = re.compile(r"/profile/([^/]+)/post/([^/]+)/?")
_ORDERS: Final = {
    "secp256k1": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141,
    "secp256r1": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
}
_MULTIKEY: Final[Mapping[bytes, ec.EllipticCurve]] = {b"\xe7\x01": ec.SECP256K1(), b"\x80\x24": ec.SECP256R1()}
_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def is_did(text: str) -> bool:
    """Tell whether `text` is a decentralised identifier such as ``did:plc:...``; safe to put into a header."""
    return _DID.fullmatch(text) is not None


def is_account(text: str) -> bool:
    """Tell whether `text` is a DID that an account of the AT Protocol can have: ``did:plc`` or ``did:web`` of a whole host."""
    return _ACCOUNT.fullmatch(text) is not None


def is_handle(text: str) -> bool:
    """Tell whether `text` is a handle, which is a domain name of two or more labels."""
    return _HANDLE.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class RecordAddress:
    """Where a record is: whose (a DID, or a handle that has yet to be resolved), in which collection, under which key."""

    authority: str
    collection: str
    key: str

    @property
    def uri(self) -> str:
        """The address as an ``at://`` URI."""
        return f"at://{self.authority}/{self.collection}/{self.key}"

    @property
    def resolved(self) -> bool:
        """Whether the authority is a DID."""
        return is_did(self.authority)

    def of(self, did: str) -> RecordAddress:
        """The same record, named by the DID of whoever has it."""
        return RecordAddress(did, self.collection, self.key)


def read_address(text: str, *, hosts: frozenset[str] = PUBLIC_HOSTS) -> RecordAddress:
    """Read the address of a record: an ``at://`` URI, or a post's page on one of `hosts`.

    Raises
    ------
    ValueError
        Saying what it is not. An address of a whole account is none of a record.
    """
    if text.startswith("at://"):
        parts = text.removeprefix("at://").split("/")
        if len(parts) != 3:
            raise ValueError("it is not at://WHO/COLLECTION/KEY")
        authority, collection, key = parts
    else:
        authority, key = _of_page(text, hosts)
        collection = POST
    if not (is_did(authority) or is_handle(authority)):
        raise ValueError("whose record it is, is given neither by a DID nor by a handle")
    if not _COLLECTION.fullmatch(collection):
        raise ValueError("its collection is not a name such as app.bsky.feed.post")
    if not _RECORD_KEY.fullmatch(key) or key in (".", ".."):
        raise ValueError("its last part is not a record key")
    return RecordAddress(authority if is_did(authority) else authority.lower(), collection, key)


def _of_page(text: str, hosts: frozenset[str]) -> tuple[str, str]:
    try:
        parsed = urlsplit(text)
        host, port = parsed.hostname, parsed.port
    except ValueError as error:
        raise ValueError("it is not a web address") from error
    if parsed.scheme != "https" or host not in hosts or port not in (None, 443) or "@" in parsed.netloc:
        raise ValueError(f"it is neither an at:// URI nor a page on {', '.join(sorted(hosts))}")
    found = _PAGE.fullmatch(parsed.path)
    if found is None:
        raise ValueError("it is not the page of one post, /profile/WHO/post/KEY")
    return unquote(found[1]), unquote(found[2])


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that an identity publishes; its signatures are 64 bytes, over SHA-256, with the lower of the two s values."""

    key: ec.EllipticCurvePublicKey

    def signed(self, signature: bytes, message: bytes) -> bool:
        """Tell whether `signature` is by this key over `message`."""
        if len(signature) != 64:
            return False
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        if s > _ORDERS[self.key.curve.name] // 2:
            return False
        try:
            self.key.verify(encode_dss_signature(r, s), message, ec.ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True


def sign(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    """Return the signature of `message`: ECDSA over its SHA-256, r and s in 32 bytes each, with the lower of the two s values.

    Source: the AT Protocol's specification, "Cryptography". Raises ValueError for a key on a curve that it does not know.
    """
    order = _ORDERS.get(key.curve.name)
    if order is None:
        raise ValueError(f"the AT Protocol signs with no key on {key.curve.name}")
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(SHA256())))
    return r.to_bytes(32, "big") + min(s, order - s).to_bytes(32, "big")


def multikey(key: ec.EllipticCurvePublicKey) -> str:
    """Write a public key as `publicKeyMultibase` of a Multikey: ``z`` and base58 of its kind and its compressed point.

    Raises ValueError for a key on a curve that the AT Protocol does not know.
    """
    for kind, curve in _MULTIKEY.items():
        if curve.name == key.curve.name:
            return "z" + _to_base58(kind + key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint))
    raise ValueError(f"the AT Protocol knows no key on {key.curve.name}")


@dataclass(frozen=True, slots=True)
class Identity:
    """What a DID document says: where the records are, where the labels are, and the key that labels are signed with."""

    did: str
    pds: str | None
    labeler: str | None
    label_key: PublicKey | None


def read_identity(document: object, *, did: str) -> Identity:
    """Read the DID document of `did`. What it lacks, or has in no usable form, is None.

    Raises
    ------
    ValueError
        It is not the document of `did`.
    """
    if not isinstance(document, dict) or document.get("id") != did:
        raise ValueError(f"it is not the document of {did}")
    return Identity(
        did=did,
        pds=_service(document, did, "#atproto_pds"),
        labeler=_service(document, did, "#atproto_labeler"),
        label_key=_key(document, did, "#atproto_label"),
    )


def _named(document: Mapping[str, Any], member: str, did: str, name: str) -> dict[str, Any] | None:
    listed = document.get(member)
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, dict) and entry.get("id") in (name, did + name):
            return entry
    return None


def _service(document: Mapping[str, Any], did: str, name: str) -> str | None:
    endpoint = (_named(document, "service", did, name) or {}).get("serviceEndpoint")
    if not isinstance(endpoint, str) or not endpoint.startswith(("https://", "http://")) or len(endpoint) > 500:
        return None
    return endpoint.rstrip("/")


def _key(document: Mapping[str, Any], did: str, name: str) -> PublicKey | None:
    found = _named(document, "verificationMethod", did, name) or {}
    written = found.get("publicKeyMultibase")
    if not isinstance(written, str) or not written.startswith("z") or len(written) > 200:
        return None
    try:
        raw = _base58(written[1:])
        if found.get("type") == "EcdsaSecp256k1VerificationKey2019":
            return PublicKey(ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), raw))
        if found.get("type") == "EcdsaSecp256r1VerificationKey2019":
            return PublicKey(ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw))
        return PublicKey(ec.EllipticCurvePublicKey.from_encoded_point(_MULTIKEY[raw[:2]], raw[2:]))
    except (ValueError, KeyError):
        return None


def _base58(text: str) -> bytes:
    number = 0
    for character in text:
        number = number * 58 + _BASE58.index(character)
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def _to_base58(raw: bytes) -> str:
    number, written = int.from_bytes(raw, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        written = _BASE58[digit] + written
    return "1" * (len(raw) - len(raw.lstrip(b"\0"))) + written
