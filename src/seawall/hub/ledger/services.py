"""The ledger's verbs: record an event, link what is committed, sign a root."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import uuid4

import orjson
import rfc8785
from django.db import connection, models, transaction
from psycopg import Cursor
from psycopg.types.json import Jsonb

from seawall.hub import moment
from seawall.hub.ledger.keys import key_id, public_bytes, signing_key
from seawall.hub.ledger.merkle import GrowingTree
from seawall.hub.ledger.models import ActorKind, Checkpoint, Entry, Link
from seawall.hub.ledger.vocabulary import EVENTS, Event

_NAME = re.compile(r"[a-z_]{1,40}")
_IDENTITY = re.compile(r"-|[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")

SEQUENCER_LOCK = 0x5EA_0001  # one sequencer at a time, whichever process it lives in
GENESIS = bytes(32)


class LedgerError(Exception):
    """An event cannot be recorded."""


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who did something: a person in a role, the hub's own software, a platform, or a member of the public."""

    kind: ActorKind
    id: str
    role: str

    @classmethod
    def machine(cls, name: str) -> Actor:
        """The hub's own software; `name` says which part."""
        return cls(kind=ActorKind.MACHINE, id=name, role="machine")

    @classmethod
    def platform(cls, slug: str) -> Actor:
        return cls(kind=ActorKind.PLATFORM, id=slug, role="platform")

    @classmethod
    def public(cls) -> Actor:
        """A member of the public: never identified in the ledger."""
        return cls(kind=ActorKind.PUBLIC, id="-", role="reporter")


def canonical(entry: Entry) -> bytes:
    """The bytes that an entry's digest is taken over: RFC 8785 canonical JSON of everything it says."""
    return rfc8785.dumps(_told(entry))


def _canonical_when_written(entry: Entry) -> bytes:
    """The same bytes as `canonical`, ten times faster, for an entry whose payload the vocabulary has just checked.

    Sorted keys without blanks are RFC 8785 for what the vocabulary lets through: ASCII, whole numbers below 2^53, booleans, no fractions
    (a test holds it to that). Reading the ledger back uses the library, so a difference could not stay hidden.
    """
    written = orjson.dumps(_told(entry), option=orjson.OPT_SORT_KEYS)
    return written if written.isascii() else canonical(entry)


def _told(entry: Entry) -> dict[str, Any]:
    return {
        "schema": "seawall-ledger/1",
        "uid": str(entry.uid),
        "verb": entry.verb,
        "subject": {"kind": entry.subject_kind, "id": entry.subject_id},
        "actor": {"kind": str(entry.actor_kind), "id": entry.actor_id, "role": entry.actor_role},
        "occurred_at": stamp(entry.occurred_at),
        "recorded_at": stamp(entry.recorded_at),
        "demonstration": entry.demonstration,
        "payload": entry.payload,
    }


def stamp(at: datetime) -> str:
    """A moment as the ledger writes it: ISO 8601 in UTC, to the microsecond."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


# By hand, since everything that happens comes through here: by way of Model.save an entry takes a quarter more of the processor.
_INSERT = """
INSERT INTO ledger_entry (uid, verb, subject_kind, subject_id, actor_kind, actor_id, actor_role, occurred_at, recorded_at, demonstration,
                          digest, payload)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id
"""


def record(*, event: Event, subject: models.Model | tuple[str, str], actor: Actor) -> Entry:
    """Write one event into the ledger, in the transaction of the change that it records.

    `subject` is what the event happened to: a saved model, or its kind and id. Cost: one insert; writers never wait for one another.
    Raises LedgerError outside a transaction, when the verb is not in the vocabulary, or when subject or actor is named by anything else
    than an identifier: entries last for ever and hold no names.
    """
    if not connection.in_atomic_block:
        raise LedgerError(
            f"{event.verb} was to be recorded outside a transaction. Make the change and the record in one transaction.atomic()."
        )
    if EVENTS.get(event.verb) is not type(event):
        raise LedgerError(f"{event.verb} is not in the ledger's vocabulary. Add it to ledger/vocabulary.py.")
    kind, identity = subject if isinstance(subject, tuple) else (subject._meta.model_name or "", str(subject.pk))
    named = {"subject's kind": (kind, _NAME), "subject's id": (identity, _IDENTITY)}
    named |= {"actor's id": (actor.id, _IDENTITY), "actor's role": (actor.role, _NAME)}
    for what, (value, form) in named.items():
        if not form.fullmatch(value):
            raise LedgerError(
                f"{event.verb} cannot be recorded: the {what} is not an identifier. Pass a key, a slug or a code."
            )
    entry = Entry(
        uid=uuid4(),
        verb=event.verb,
        subject_kind=kind,
        subject_id=identity,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_role=actor.role,
        occurred_at=moment.now(),
        recorded_at=datetime.now(UTC),
        demonstration=moment.in_demonstration(),
        payload=event.model_dump(mode="json"),
    )
    entry.digest = sha256(_canonical_when_written(entry)).digest()
    values: list[Any] = [
        entry.uid, entry.verb, entry.subject_kind, entry.subject_id, entry.actor_kind, entry.actor_id, entry.actor_role,
        entry.occurred_at, entry.recorded_at, entry.demonstration, entry.digest, Jsonb(entry.payload),
    ]  # fmt: skip
    connection.ensure_connection()
    # psycopg's own cursor: its statement is prepared on the server, which Django's are not.
    with connection.wrap_database_errors, Cursor(connection.connection) as cursor:
        cursor.execute(_INSERT, values, prepare=True)
        (entry.pk,) = cursor.fetchone() or (None,)
    entry._state.adding, entry._state.db = False, connection.alias
    return entry


def link_hash(*, sequence: int, previous: bytes, digest: bytes) -> bytes:
    """The hash of a link: SHA-256 of the sequence number (8 bytes, big-endian), the previous hash and the entry's digest."""
    return sha256(sequence.to_bytes(8, "big") + previous + digest).digest()


def link_pending(*, most: int = 10_000) -> int:
    """Put committed entries into the chain, oldest first, and say how many.

    One sequencer works at a time, in whichever process; a second one returns 0 at once. An entry can be linked only when its transaction
    has committed, since only then is it seen; and it cannot be left out, since its row in `pending` was written by the same transaction
    and goes only when it is linked. Cost: O(entries linked), three statements a call.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [SEQUENCER_LOCK])
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(
            "SELECT p.entry_id, e.digest FROM ledger_pending p JOIN ledger_entry e ON e.id = p.entry_id "
            "ORDER BY p.entry_id LIMIT %s",
            [most],
        )
        rows: Sequence[tuple[int, bytes]] = cursor.fetchall()
        if not rows:
            return 0
        cursor.execute("SELECT sequence, hash FROM ledger_link ORDER BY sequence DESC LIMIT 1")
        sequence, previous = cursor.fetchone() or (0, GENESIS)
        linked_at = datetime.now(UTC)
        links: list[tuple[Any, ...]] = []
        for entry_id, digest in rows:
            sequence += 1
            current = link_hash(sequence=sequence, previous=bytes(previous), digest=bytes(digest))
            links.append((sequence, entry_id, bytes(previous), current, linked_at))
            previous = current
        with cursor.copy("COPY ledger_link (sequence, entry_id, previous, hash, linked_at) FROM STDIN") as copy:
            for link in links:
                copy.write_row(link)
        cursor.execute("DELETE FROM ledger_pending WHERE entry_id = ANY(%s)", [[entry_id for entry_id, _ in rows]])
    return len(rows)


def link_all_pending() -> int:
    """Link until nothing committed is left; say how many were linked."""
    total = 0
    while linked := link_pending():
        total += linked
    return total


def sign_root() -> Checkpoint | None:
    """Sign the Merkle root over every link so far; None when nothing was added since the last root.

    Grows the last checkpoint's tree by the new links only, so an hourly root costs what the hour added.
    Raises SigningKeyUnusable, also when the key is missing although it signed before: a new one is never made in its place.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [SEQUENCER_LOCK])
        last = Checkpoint.objects.order_by("-size").first()
        tree = GrowingTree(last.size, [bytes.fromhex(peak) for peak in last.peaks]) if last else GrowingTree()
        before = tree.size
        links = Link.objects.filter(sequence__gt=before).order_by("sequence").values_list("hash", flat=True)
        for leaf in links.iterator(chunk_size=10_000):
            tree.append(bytes(leaf))
        if tree.size == before:
            return None
        key = signing_key(make=last is None)
        public = public_bytes(key)
        signed_at = datetime.now(UTC)
        statement = rfc8785.dumps(
            {
                "schema": "seawall-root/1",
                "size": tree.size,
                "root": tree.root().hex(),
                "previous": {"size": last.size, "root": bytes(last.root).hex()} if last else None,
                "signed_at": stamp(signed_at),
                "key": key_id(public),
            }
        )
        return Checkpoint.objects.create(
            size=tree.size,
            root=tree.root(),
            peaks=[peak.hex() for peak in tree.peaks],
            statement=statement.decode(),
            signature=key.sign(statement),
            key_id=key_id(public),
            public_key=public,
            signed_at=signed_at,
        )
