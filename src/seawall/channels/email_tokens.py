"""The token in a referral's own reply address: made and checked by this hub alone."""

from __future__ import annotations

import base64
import hmac
import re
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_CODE_BYTES = 9  # with the 16 of a referral's id 25 bytes, which base32 writes in 40 characters without a rest
TAG = re.compile(r"\+([a-zA-Z2-7]{40})@")
TOKEN = re.compile(r"[a-zA-Z2-7]{40}")


def reply_secret(key: Ed25519PrivateKey) -> bytes:
    """Derive the secret of the reply addresses from the hub's key (HKDF, RFC 5869): neither gives the other away."""
    return HKDF(SHA256(), 32, salt=None, info=b"seawall email reply address 1").derive(key.private_bytes_raw())


def token_for(referral_id: UUID, secret: bytes) -> str:
    """Return the 40 characters that tie an address to a referral: its id and 72 bits of HMAC-SHA256, in base32.

    Lower case, since mail servers may change the case of an address. Each guess costs a mail, so 72 bits are ample.
    """
    code = hmac.digest(secret, referral_id.bytes, "sha256")[:_CODE_BYTES]
    return base64.b32encode(referral_id.bytes + code).decode("ascii").lower()


def referral_of(token: str, secret: bytes) -> UUID | None:
    """Return the id of the referral that this hub made `token` for, or None when it did not make it."""
    if not TOKEN.fullmatch(token):
        return None
    referral_id = UUID(bytes=base64.b32decode(token.upper())[:-_CODE_BYTES])
    return referral_id if hmac.compare_digest(token_for(referral_id, secret), token.lower()) else None
