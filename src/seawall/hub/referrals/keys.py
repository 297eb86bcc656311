"""The hub's keys for its channels, each one file in the hub's home that only its owner can read.

They are made when first needed. Losing the Ed25519 one means that replies to mail already sent are matched no longer;
losing the RSA one, that servers which knew the hub's actor have to learn the new key. Back both up with the ledger's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from django.conf import settings

from seawall.hub.ledger.keys import keep


class ChannelKeyUnusable(Exception):
    """A key of the channels cannot be read. The message names the file and what to do."""


@lru_cache(maxsize=1)
def channel_key() -> Ed25519PrivateKey:
    """The key from which the secrets of reply addresses are derived. Raises ChannelKeyUnusable."""
    key = _load(_folder() / "channels-ed25519.pem", Ed25519PrivateKey.generate)
    if not isinstance(key, Ed25519PrivateKey):
        raise ChannelKeyUnusable(
            "channels-ed25519.pem holds another kind of key than Ed25519. Put the right file there."
        )
    return key


@lru_cache(maxsize=1)
def actor_key() -> str:
    """The RSA key in PEM that signs the hub's ActivityPub requests. Raises ChannelKeyUnusable."""
    key = _load(_folder() / "actor-rsa.pem", lambda: generate_private_key(public_exponent=65_537, key_size=2_048))
    if not isinstance(key, RSAPrivateKey):
        raise ChannelKeyUnusable("actor-rsa.pem holds another kind of key than RSA. Put the right file there.")
    return _pem(key).decode("ascii")


def _folder() -> Path:
    ledger: Path = settings.LEDGER_KEY_FILE
    return ledger.parent


def _pem(key: Ed25519PrivateKey | RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _load(path: Path, make: Callable[[], Ed25519PrivateKey | RSAPrivateKey]) -> object:
    try:
        if not path.exists():
            keep(path, _pem(make()))
        return serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ChannelKeyUnusable(f"The key {path} cannot be used ({error}). Restore it from a backup.") from error
