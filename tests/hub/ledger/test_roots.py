"""Signed roots, and the proofs that an outsider who kept one can ask for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pymerkle import InvalidProof, verify_consistency, verify_inclusion
from tests.hub.ledger.conftest import Write

from seawall.hub.ledger import queries, services
from seawall.hub.ledger.keys import SigningKeyUnusable, key_id
from seawall.hub.ledger.merkle import leaf_hash, merkle_root
from seawall.hub.ledger.models import Checkpoint, Link

pytestmark = [pytest.mark.core, pytest.mark.django_db]


def links() -> list[bytes]:
    return [bytes(value) for value in Link.objects.order_by("sequence").values_list("hash", flat=True)]


def grow(write: Write, *steps: int) -> list[Checkpoint]:
    signed = []
    for step in steps:
        write(step)
        services.link_all_pending()
        checkpoint = services.sign_root()
        assert checkpoint is not None
        signed.append(checkpoint)
    return signed


def test_roots_grown_hour_by_hour_are_those_made_from_scratch(write: Write) -> None:
    signed = grow(write, 1, 1, 2, 3, 5, 8, 13)
    everything = links()
    for checkpoint in signed:
        assert bytes(checkpoint.root) == merkle_root(everything[: checkpoint.size])
    assert [checkpoint.size for checkpoint in signed] == [1, 2, 4, 7, 12, 20, 33]
    found = queries.verify()
    assert (found.problem, found.entries, found.roots) == (None, 33, 7)


def test_nothing_new_is_not_signed_again(write: Write) -> None:
    assert services.sign_root() is None
    grow(write, 2)
    assert services.sign_root() is None
    write(1)
    assert services.sign_root() is None, "what is not in the chain yet is not signed"
    assert Checkpoint.objects.count() == 1


def test_an_outsider_can_check_a_root_with_nothing_of_ours(write: Write) -> None:
    first, second = grow(write, 3, 4)
    for checkpoint in (first, second):
        public = bytes(checkpoint.public_key)
        Ed25519PublicKey.from_public_bytes(public).verify(bytes(checkpoint.signature), checkpoint.statement.encode())
        said = json.loads(checkpoint.statement)
        assert said["key"] == checkpoint.key_id == key_id(public)
        assert said["root"] == bytes(checkpoint.root).hex()
    assert said["previous"] == {"size": 3, "root": bytes(first.root).hex()}
    with pytest.raises(InvalidSignature):
        Ed25519PublicKey.from_public_bytes(public).verify(bytes(first.signature), second.statement.encode())


def test_every_entry_can_be_proven_to_lie_under_a_root(write: Write) -> None:
    checkpoint = grow(write, 11)[0]
    root = bytes(checkpoint.root)
    everything = links()
    for sequence, leaf in enumerate(everything, start=1):
        proof = queries.prove_inclusion(sequence=sequence, size=11)
        verify_inclusion(leaf_hash(leaf), root, proof, index=sequence, size=11, algorithm="sha256")
        with pytest.raises(InvalidProof):
            verify_inclusion(leaf_hash(everything[sequence % 11]), root, proof, index=sequence, size=11)


def test_every_root_can_be_proven_to_begin_with_the_ones_before(write: Write) -> None:
    signed = grow(write, 1, 2, 3, 4)
    for at, first in enumerate(signed):
        for second in signed[at:]:
            proof = queries.prove_consistency(first=first.size, second=second.size)
            roots = bytes(first.root), bytes(second.root)
            verify_consistency(*roots, proof, prior_size=first.size, later_size=second.size, algorithm="sha256")
            with pytest.raises(InvalidProof):
                verify_consistency(bytes(32), roots[1], proof, prior_size=first.size, later_size=second.size)


def test_a_proof_that_cannot_be_given_is_refused_in_a_sentence(write: Write) -> None:
    grow(write, 3)
    with pytest.raises(ValueError, match="There is no entry 4 among the first 3"):
        queries.prove_inclusion(sequence=4, size=3)
    with pytest.raises(ValueError, match="The chain has 3 entries, fewer than 5"):
        queries.prove_inclusion(sequence=4, size=5)
    with pytest.raises(ValueError, match="no larger than the second"):
        queries.prove_consistency(first=3, second=2)
    with pytest.raises(ValueError, match="The chain has 3 entries, fewer than 5"):
        queries.prove_consistency(first=3, second=5)


def test_a_missing_key_is_not_replaced_once_it_has_signed(write: Write, own_key: Path) -> None:
    grow(write, 2)
    own_key.unlink()
    write(1)
    services.link_all_pending()
    with pytest.raises(SigningKeyUnusable) as refused:
        services.sign_root()
    assert str(refused.value) == (
        f"The key that signs the ledger, {own_key}, cannot be used (No such file or directory). Restore it from a backup; a new key "
        "would be seen by every auditor as a change of signer."
    )
    assert not own_key.exists()
    assert Checkpoint.objects.count() == 1
    assert "which is not this hub's" in (queries.verify().problem or "")
