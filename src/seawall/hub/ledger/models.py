"""The ledger's tables. Nothing in them is ever changed or removed: a trigger in the database refuses (migrations/0002)."""

from __future__ import annotations

from django.db import models


class ActorKind(models.TextChoices):
    PERSON = "person", "A person"
    MACHINE = "machine", "The hub's own software"
    PLATFORM = "platform", "A platform"
    PUBLIC = "public", "A member of the public"


class Entry(models.Model):
    """One event, as it was recorded. Written freely by any number of transactions; put into the chain afterwards."""

    id = models.BigAutoField(primary_key=True)
    uid = models.UUIDField(unique=True, db_comment="Identity of the entry; part of what is hashed")
    verb = models.CharField(max_length=60)
    subject_kind = models.CharField(max_length=40)
    subject_id = models.CharField(max_length=80)
    actor_kind = models.CharField(max_length=20, choices=ActorKind)
    actor_id = models.CharField(max_length=80)
    actor_role = models.CharField(max_length=40)
    occurred_at = models.DateTimeField(db_comment="When it happened (played, in a demonstration)")
    recorded_at = models.DateTimeField(db_comment="When it was written down: always the real time")
    demonstration = models.BooleanField(db_comment="Part of a demonstration; never counted as real work")
    payload = models.JSONField(db_comment="Identifiers, codes, counts and digests only; see vocabulary.py")
    digest = models.BinaryField(max_length=32, db_comment="SHA-256 of the entry's RFC 8785 canonical JSON")

    class Meta:
        db_table_comment = "Every event, once. Append only."
        indexes = [
            models.Index(fields=["verb", "occurred_at"], name="ledger_entry_verb_at"),
            models.Index(fields=["subject_kind", "subject_id"], name="ledger_entry_subject"),
            models.Index(fields=["id"], condition=models.Q(demonstration=True), name="ledger_entry_demonstration"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.subject_kind} {self.subject_id}"


class Pending(models.Model):
    """An entry that is committed and not yet in the chain. A trigger writes it with the entry; the sequencer removes it."""

    entry = models.OneToOneField(Entry, on_delete=models.DO_NOTHING, primary_key=True, db_constraint=False)

    class Meta:
        db_table_comment = "Committed entries that the sequencer has yet to link."

    def __str__(self) -> str:
        return str(self.pk)


class Link(models.Model):
    """An entry's place in the chain: gapless, and bound to the link before it."""

    sequence = models.BigIntegerField(primary_key=True, db_comment="1, 2, 3 ... with no gap")
    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, related_name="link")
    previous = models.BinaryField(max_length=32, db_comment="Hash of the link before; 32 zero bytes for the first")
    hash = models.BinaryField(max_length=32, db_comment="SHA-256 of sequence, previous and the entry's digest")
    linked_at = models.DateTimeField()

    class Meta:
        db_table_comment = "The hash chain over the entries, in the order in which they became visible. Append only."

    def __str__(self) -> str:
        return str(self.sequence)


class Checkpoint(models.Model):
    """A signed Merkle root (RFC 9162) over the first `size` links: what an outsider keeps to hold us to our past."""

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField(max_length=32)
    peaks = models.JSONField(db_comment="Roots of the perfect subtrees, left to right: enough to grow the tree")
    statement = models.TextField(db_comment="The canonical JSON that is signed")
    signature = models.BinaryField(max_length=64, db_comment="Ed25519 over the statement")
    key_id = models.CharField(max_length=64, db_comment="SHA-256 of the public key, hexadecimal")
    public_key = models.BinaryField(max_length=32)
    signed_at = models.DateTimeField()

    class Meta:
        db_table_comment = "Signed Merkle roots. Append only."

    def __str__(self) -> str:
        return f"root of the first {self.size} entries"
