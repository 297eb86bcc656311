"""A moderation service's key, and labels that it really signs."""

from __future__ import annotations

import base64
import datetime as dt
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from seawall.formats import dagcbor

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58(raw: bytes) -> str:
    number, text = int.from_bytes(raw, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = _ALPHABET[digit] + text
    return "1" * (len(raw) - len(raw.lstrip(b"\x00"))) + text


def point(key: ec.EllipticCurvePrivateKey, form: serialization.PublicFormat) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.X962, form)


def sign(key: ec.EllipticCurvePrivateKey, message: bytes, *, high: bool = False) -> bytes:
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(SHA256())))
    s = max(s, ORDER - s) if high else min(s, ORDER - s)
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


class Issuer:
    """Issues labels as the service `did`."""

    def __init__(self, did: str) -> None:
        self.did = did
        self.key = ec.generate_private_key(ec.SECP256K1())

    def method(self) -> dict[str, str]:
        """Return the entry of its DID document that publishes the key."""
        raw = b"\xe7\x01" + point(self.key, serialization.PublicFormat.CompressedPoint)
        return {
            "id": f"{self.did}#atproto_label",
            "type": "Multikey",
            "controller": self.did,
            "publicKeyMultibase": "z" + base58(raw),
        }

    def label(self, uri: str, val: str, *, cts: dt.datetime, raw: bool = False, **more: Any) -> dict[str, Any]:
        """Return a signed label as JSON has it, or with `raw` as the stream has it."""
        said = {
            "ver": 1,
            "src": self.did,
            "uri": uri,
            "val": val,
            "cts": cts.isoformat().replace("+00:00", "Z"),
            **more,
        }
        signature = sign(self.key, dagcbor.encode(said))
        return {**said, "sig": signature if raw else {"$bytes": base64.b64encode(signature).decode().rstrip("=")}}
