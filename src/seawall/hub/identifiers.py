"""Identifiers: time-ordered UUIDs, so that tables that grow by the million keep their newest rows together."""

import os
import secrets
import time
import uuid

# No 0, O, 1, I, L or U: a reference is read out on the telephone, and must spell no word.
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_id() -> uuid.UUID:
    """A new UUID version 7 (RFC 9562, section 5.7): 48 bits of milliseconds, then 74 random bits."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return uuid.UUID(int=value)


def new_reference(prefix: str) -> str:
    """A reference that a person can read out: the prefix and two groups of four, 39 bits at random (`R-7K4M-2XQB`)."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    return f"{prefix}-{letters[:4]}-{letters[4:]}"
