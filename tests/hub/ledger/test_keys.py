"""The signing key: made once, kept from others, and never guessed at when it is not usable."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from seawall.hub.ledger import keys
from seawall.hub.ledger.keys import SigningKeyUnusable, known_keys, public_bytes, signing_key

RESTORE = "Restore it from a backup; a new key would be seen by every auditor as a change of signer."


def test_a_key_is_made_once_and_only_its_owner_reads_it(own_key: Path) -> None:
    first = public_bytes(signing_key())
    assert own_key.stat().st_mode & 0o777 == 0o600
    assert own_key.parent.stat().st_mode & 0o777 == 0o700
    assert public_bytes(signing_key()) == first
    assert [file.name for file in own_key.parent.iterdir()] == [own_key.name], "no draft is left behind"


def test_programs_that_start_together_agree_on_one_key(own_key: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = {public_bytes(key) for key in pool.map(lambda _: signing_key(), range(32))}
    assert len(made) == 1


def test_another_program_may_make_the_key_meanwhile(own_key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = public_bytes(signing_key())
    monkeypatch.setattr(Path, "exists", lambda _path: False)
    assert public_bytes(signing_key()) == theirs


@pytest.mark.parametrize(
    "content", [b"", b"not a key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_damaged_key_is_told_in_a_sentence(own_key: Path, content: bytes) -> None:
    own_key.parent.mkdir()
    own_key.write_bytes(content)
    with pytest.raises(SigningKeyUnusable) as refused:
        signing_key()
    assert str(refused.value) == (
        f"The key that signs the ledger, {own_key}, cannot be used (it is not an unencrypted private key in PEM). {RESTORE}"
    )
    assert own_key.read_bytes() == content, "it is left for somebody to look at"


def test_an_encrypted_key_is_told_in_a_sentence(own_key: Path) -> None:
    own_key.parent.mkdir()
    own_key.write_bytes(
        Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(SigningKeyUnusable, match="not an unencrypted private key"):
        signing_key()


def test_a_key_of_another_kind_is_told_in_a_sentence(own_key: Path) -> None:
    own_key.parent.mkdir()
    own_key.write_bytes(
        X25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    with pytest.raises(SigningKeyUnusable) as refused:
        signing_key()
    assert str(refused.value) == f"The key in {own_key} is not an Ed25519 key. Put the right file there."


@pytest.mark.parametrize(("kind", "why"), [("folder", "Is a directory"), ("below a file", "Not a directory")])
def test_a_place_that_cannot_be_used_is_told_in_a_sentence(own_key: Path, kind: str, why: str) -> None:
    if kind == "folder":
        own_key.mkdir(parents=True)
    else:
        own_key.parent.write_text("a file")
    with pytest.raises(SigningKeyUnusable) as refused:
        signing_key(make=kind == "folder")
    assert str(refused.value) == f"The key that signs the ledger, {own_key}, cannot be used ({why}). {RESTORE}"


def test_the_known_keys_are_our_own_and_those_that_are_listed(own_key: Path) -> None:
    assert known_keys() == frozenset(), "none is made by asking"
    mine = keys.key_id(public_bytes(signing_key()))
    assert known_keys() == {mine}
    keys.other_keys_file().write_text("a" * 64 + "\n\n" + "b" * 64)
    assert known_keys() == {mine, "a" * 64, "b" * 64}
