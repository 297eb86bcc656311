"""The key that signs the ledger's roots: Ed25519, one file in the hub's home that only its owner can read."""

from __future__ import annotations

import os
import secrets
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings


class SigningKeyUnusable(Exception):
    """The key that signs the ledger cannot be read."""


def signing_key(*, make: bool = True) -> Ed25519PrivateKey:
    """The hub's signing key. With `make`, it is made when there is none.

    Raises SigningKeyUnusable with a sentence that names the file and what to do.
    """
    path: Path = settings.LEDGER_KEY_FILE
    try:
        if make and not path.exists():
            _make(path)
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not an unencrypted private key in PEM"
        raise SigningKeyUnusable(
            f"The key that signs the ledger, {path}, cannot be used ({why}). Restore it from a backup; a new key would be "
            "seen by every auditor as a change of signer."
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningKeyUnusable(f"The key in {path} is not an Ed25519 key. Put the right file there.")
    return key


def other_keys_file() -> Path:
    """Where an operator lists other keys that may have signed: earlier ones, and those of the hub's other machines."""
    path: Path = settings.LEDGER_KEY_FILE
    return path.with_name("ledger-other-keys")


def known_keys() -> frozenset[str]:
    """Ids of the keys that may sign this hub's roots: its own, and those in `other_keys_file`, one a line.

    The database has no say in this: whoever can write to it could name any key. Raises SigningKeyUnusable.
    """
    ids = set()
    if settings.LEDGER_KEY_FILE.exists():
        ids.add(key_id(public_bytes(signing_key(make=False))))
    if other_keys_file().exists():
        ids.update(other_keys_file().read_text().split())
    return frozenset(ids)


def _make(path: Path) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    keep(path, pem)


def keep(path: Path, pem: bytes) -> None:
    """Write a key into a file that only its owner can read; one that another process made meanwhile stays. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)  # unlike a rename, never replaces a key that another process made meanwhile
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """The raw 32 bytes of the public half."""
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def key_id(public: bytes) -> str:
    """How a public key is named: the SHA-256 of its raw bytes, hexadecimal."""
    return sha256(public).hexdigest()
