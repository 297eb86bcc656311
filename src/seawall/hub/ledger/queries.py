"""Reads of the ledger: is it whole, and what does it say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import connection, transaction
from django.db.models import QuerySet
from pymerkle import InmemoryTree, MerkleProof

from seawall.hub.ledger.keys import known_keys, other_keys_file
from seawall.hub.ledger.merkle import GrowingTree
from seawall.hub.ledger.models import Checkpoint, Entry, Link, Pending
from seawall.hub.ledger.services import GENESIS, canonical, link_hash, stamp


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What came of reading the whole ledger. `problem` is None when it is whole; else it names the first broken entry."""

    entries: int
    roots: int
    pending: int
    problem: str | None

    @property
    def whole(self) -> bool:
        return self.problem is None


def verify(*, progress: Callable[[int], None] = lambda _done: None) -> Verification:
    """Recompute every digest, link, root and signature from what is stored, and name the first that does not hold.

    A root counts only when a key of `keys.known_keys` signed it. Reads in one snapshot, streaming: O(n) time, O(log n) memory.
    `progress` is told how many entries are done. Raises SigningKeyUnusable.
    """
    with transaction.atomic():
        if connection.connection is not None and not _inside_outer_transaction():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return _verify(progress)


def _inside_outer_transaction() -> bool:
    return bool(connection.savepoint_ids)


def _verify(progress: Callable[[int], None]) -> Verification:
    checkpoints = list(Checkpoint.objects.order_by("size"))
    signers = known_keys() if checkpoints else frozenset()
    tree, previous, expected, signed = GrowingTree(), GENESIS, 0, 0

    def broken(problem: str) -> Verification:
        return Verification(entries=expected, roots=signed, pending=Pending.objects.count(), problem=problem)

    links = Link.objects.select_related("entry").order_by("sequence")
    for link in links.iterator(chunk_size=2_000):
        expected += 1
        entry = link.entry
        where = f"Entry {expected} ({entry.verb}, {entry.uid})"
        if link.sequence != expected:
            return broken(f"Entry {expected} is missing from the chain: the next one is number {link.sequence}.")
        if problem := _entry_problem(entry):
            return broken(f"{where} {problem}")
        if bytes(link.previous) != previous:
            return broken(f"{where} is not chained to entry {expected - 1}: an entry was removed, added or replaced.")
        previous = link_hash(sequence=link.sequence, previous=previous, digest=bytes(entry.digest))
        if previous != bytes(link.hash):
            return broken(f"{where} does not match its link's hash: the chain was changed.")
        tree.append(previous)
        while signed < len(checkpoints) and checkpoints[signed].size == expected:
            before = checkpoints[signed - 1] if signed else None
            if problem := _root_problem(checkpoints[signed], tree, before=before, signers=signers):
                return broken(problem)
            signed += 1
        if expected % 1_000 == 0:
            progress(expected)
    progress(expected)
    if signed < len(checkpoints):
        missing = checkpoints[signed].size
        return broken(
            f"Entry {expected + 1} is missing: a signed root covers {missing} entries and only {expected} are left."
        )
    lost = Pending.objects.exclude(pk__in=Entry.objects.values("pk")).order_by("pk").first()
    if lost is not None:
        return broken(f"Entry number {lost.pk} waits to be linked and is gone: it was removed after it was recorded.")
    for waiting in Pending.objects.select_related("entry").order_by("pk").iterator(chunk_size=2_000):
        if problem := _entry_problem(waiting.entry):
            return broken(f"Entry {waiting.entry.uid} ({waiting.entry.verb}), which waits to be linked, {problem}")
    stray = Entry.objects.filter(link=None, pending=None).order_by("id").first()
    if stray is not None:
        return broken(
            f"Entry {stray.uid} ({stray.verb}) is recorded but is neither in the chain nor waiting to be linked."
        )
    return Verification(entries=expected, roots=signed, pending=Pending.objects.count(), problem=None)


def _entry_problem(entry: Entry) -> str | None:
    try:
        digest = sha256(canonical(entry)).digest()
    except (rfc8785.CanonicalizationError, TypeError, ValueError) as error:
        return f"cannot be read as an entry: {error}."
    if digest != bytes(entry.digest):
        return "does not match its digest: what it says was changed after it was recorded."
    return None


def _root_problem(
    checkpoint: Checkpoint, tree: GrowingTree, *, before: Checkpoint | None, signers: frozenset[str]
) -> str | None:
    where = f"The signed root over the first {checkpoint.size} entries"
    if tree.root() != bytes(checkpoint.root):
        return f"{where} is not the root of what is stored: the past was changed."
    if [peak.hex() for peak in tree.peaks] != checkpoint.peaks:
        return f"{where} keeps subtrees that are not those of what is stored: the next root would be wrong."
    try:
        Ed25519PublicKey.from_public_bytes(bytes(checkpoint.public_key)).verify(
            bytes(checkpoint.signature), checkpoint.statement.encode()
        )
        said = dict(json.loads(checkpoint.statement))
    except (InvalidSignature, ValueError, TypeError):
        return f"{where} has a signature that does not hold."
    stored = (checkpoint.size, bytes(checkpoint.root).hex(), stamp(checkpoint.signed_at))
    if (said.get("size"), said.get("root"), said.get("signed_at")) != stored:
        return f"{where} signs something else than it stores."
    if said.get("previous") != ({"size": before.size, "root": bytes(before.root).hex()} if before else None):
        return f"{where} does not follow the root before it: a signed root was removed or added."
    if said.get("key") != checkpoint.key_id or sha256(bytes(checkpoint.public_key)).hexdigest() != checkpoint.key_id:
        return f"{where} names another key than the one that signed it."
    if checkpoint.key_id not in signers:
        return (
            f"{where} is signed with the key {checkpoint.key_id[:16]}…, which is not this hub's. If that key is yours, put its id on a line "
            f"of its own in {other_keys_file()}; if not, somebody forged the root."
        )
    return None


def prove_inclusion(*, sequence: int, size: int) -> MerkleProof:
    """A proof (RFC 9162, section 2.1.3) that link `sequence` lies under the root over the first `size` links.

    Raises ValueError when there is no such link. O(size) time and memory: for an auditor, not for a page.
    """
    if not 1 <= sequence <= size:
        raise ValueError(f"There is no entry {sequence} among the first {size}.")
    return _tree(size).prove_inclusion(sequence, size)


def prove_consistency(*, first: int, second: int) -> MerkleProof:
    """A proof (RFC 9162, section 2.1.4) that the first `second` links begin with the first `first`, unchanged."""
    if not 1 <= first <= second:
        raise ValueError("The first size must be at least 1 and no larger than the second.")
    return _tree(second).prove_consistency(first, second)


def _tree(size: int) -> InmemoryTree:
    tree = InmemoryTree(algorithm="sha256")
    for leaf in Link.objects.filter(sequence__lte=size).order_by("sequence").values_list("hash", flat=True).iterator():
        tree.append_entry(bytes(leaf))
    if tree.get_size() != size:
        raise ValueError(f"The chain has {tree.get_size()} entries, fewer than {size}.")
    return tree


def entries() -> QuerySet[Entry]:
    """Every entry, newest first."""
    return Entry.objects.order_by("-id")


def entries_about(*, kind: str, identity: str) -> QuerySet[Entry]:
    """What was recorded about one thing, oldest first."""
    return Entry.objects.filter(subject_kind=kind, subject_id=identity).order_by("id")


def stream(*, verbs: tuple[str, ...] = ()) -> Iterator[Entry]:
    """Entries in the order of recording, of these verbs only if any are named."""
    chosen = Entry.objects.order_by("id")
    if verbs:
        chosen = chosen.filter(verb__in=verbs)
    yield from chosen.iterator(chunk_size=5_000)


def last_checkpoint() -> Checkpoint | None:
    return Checkpoint.objects.order_by("-size").first()


def checkpoints(*, after: int = 0, most: int) -> list[Checkpoint]:
    """The signed roots over more than `after` entries, smallest first, `most` of them at most."""
    return list(Checkpoint.objects.filter(size__gt=after).order_by("size")[:most])


def unlinked() -> int:
    """How many committed entries wait to be put into the chain: few, while a worker runs."""
    return Pending.objects.count()
