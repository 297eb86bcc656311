"""Ed25519 over RFC 8785 canonical JSON: how a receipt and an answer prove who wrote them.

The signature covers the whole object, its ``schema`` included, without the member ``signature``; so a receipt can never
be passed off as an answer. Keys and signatures are base64url without padding.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


def encode(raw: bytes) -> str:
    """Write bytes as base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Read base64url with or without padding. Raises ValueError for anything else."""
    try:
        return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"not base64url: {error}") from error


def canonical(value: Mapping[str, Any]) -> bytes:
    """Write `value` as RFC 8785 canonical JSON. Raises ValueError for what that cannot hold."""
    try:
        return rfc8785.dumps(dict(value))
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise ValueError(f"not expressible as canonical JSON: {error}") from error


def sign(key: Ed25519PrivateKey, value: Mapping[str, Any]) -> dict[str, Any]:
    """Return `value` with its ``signature`` added."""
    unsigned = {name: part for name, part in value.items() if name != "signature"}
    return {**unsigned, "signature": encode(key.sign(canonical(unsigned)))}


def is_signed_by(public_key: str, value: Mapping[str, Any]) -> bool:
    """Tell whether `value` carries a signature by `public_key` over everything else in it.

    Raises ValueError when `public_key` itself is not an Ed25519 key.
    """
    try:
        key = Ed25519PublicKey.from_public_bytes(decode(public_key))
    except ValueError as error:
        raise ValueError(f"The platform's public key is not an Ed25519 key in base64url: {error}.") from error
    signature = value.get("signature")
    if not isinstance(signature, str):
        return False
    try:
        key.verify(decode(signature), canonical({name: part for name, part in value.items() if name != "signature"}))
    except (InvalidSignature, ValueError):
        return False
    return True
