"""Taking posts in: idempotent on (platform, native id), in batches by COPY, one transaction and one ledger entry a batch.

A batch that was not committed was not taken in, and one that was is recognised on the next run: so a kill at any moment loses nothing
and doubles nothing, and a second run of the same file changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected, SerializationFailure

from seawall.hub import moment
from seawall.hub.content.models import IngestBatch
from seawall.hub.content.tasks import queue_assessment, queue_search
from seawall.hub.directory.models import Desk, Platform
from seawall.hub.identifiers import new_id
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.merkle import merkle_root
from seawall.hub.ledger.services import Actor, record
from seawall.sources.posts import BadLine, Post, printable

BATCH = 2_000
TRIES = 5


@dataclass(kw_only=True)
class Tally:
    """What came of taking posts in; grows as batches are committed."""

    received: int = 0
    new: int = 0
    revised: int = 0
    unchanged: int = 0
    bad: int = 0


class PlatformUnknown(Exception):
    """A post names a platform that is not in the directory."""


def ingest(
    *,
    items: Iterable[Post | BadLine],
    source: str,
    desk: Desk,
    actor: Actor,
    default_platform: str | None = None,
    on_bad_line: Callable[[BadLine], None] = lambda _bad: None,
    on_batch: Callable[[Tally], None] = lambda _tally: None,
    batch_size: int = BATCH,
) -> Tally:
    """Take in what a source yields, for one desk.

    A line that cannot be taken is given to `on_bad_line` and the rest goes on; so is a post of a platform that the directory does not
    know. `default_platform` is the slug for posts that name none. Cost: a fixed number of statements a batch, whatever its size.
    """
    tally = Tally()
    platforms = {platform.slug: platform.pk for platform in Platform.objects.all()}

    def refuse(bad: BadLine) -> None:
        tally.bad += 1
        on_bad_line(bad)

    for batch in _batches(_known(items, platforms, default_platform, refuse), batch_size):
        taken = _until_let(partial(_take_in, batch, platforms=platforms, source=source, desk=desk, actor=actor))
        tally.received += len(batch)
        tally.new += taken.new
        tally.revised += taken.revised
        tally.unchanged += taken.unchanged
        on_batch(tally)
    return tally


def _until_let(take_in: Callable[[], IngestBatch]) -> IngestBatch:
    """Try again when the database ended a batch for the sake of another transaction, unless the batch is part of a larger one."""
    for _ in range(TRIES - 1):
        try:
            return take_in()
        except OperationalError as error:
            if connection.in_atomic_block or not isinstance(error.__cause__, DeadlockDetected | SerializationFailure):
                raise
    return take_in()


def _known(
    items: Iterable[Post | BadLine],
    platforms: Mapping[str, UUID],
    default_platform: str | None,
    refuse: Callable[[BadLine], None],
) -> Iterator[tuple[str, Post]]:
    """Each post with the slug of its platform; what cannot be taken goes to `refuse` as it comes."""
    for item in items:
        if isinstance(item, BadLine):
            refuse(item)
            continue
        slug = item.platform or default_platform
        if slug is None or slug not in platforms:
            known = ", ".join(sorted(platforms)) or "none yet"
            refuse(
                BadLine(
                    line=item.line,
                    field="platform",
                    problem=f"“{printable(slug)}” is not in the directory" if slug else "no platform is named",
                    remedy=f"name one of these, or pass --platform: {known}",
                )
            )
            continue
        yield slug, item


def _batches(posts: Iterable[tuple[str, Post]], size: int) -> Iterator[dict[tuple[str, str], Post]]:
    """Posts by (platform, native id), at most `size` at a time. A post that comes twice starts a new batch, so that both versions count."""
    batch: dict[tuple[str, str], Post] = {}
    for slug, post in posts:
        key = (slug, post.id)
        if key in batch or len(batch) >= size:
            yield batch
            batch = {}
        batch[key] = post
    if batch:
        yield batch


Row = tuple[UUID, UUID, str, str, str, str, str, bytes, datetime | None]

_STAGE = """
CREATE TEMPORARY TABLE content_stage (
    id uuid, platform_id uuid, native_id text, handle text, url text, lang text, text text, text_sha256 bytea, posted_at timestamptz
) ON COMMIT DROP
"""

_ACCOUNTS = """
INSERT INTO content_account (id, platform_id, handle)
SELECT gen_random_uuid(), platform_id, handle FROM (SELECT DISTINCT platform_id, handle FROM content_stage WHERE handle <> '') seen
ORDER BY platform_id, handle
ON CONFLICT (platform_id, handle) DO NOTHING
"""

_ADD_NEW = """
INSERT INTO content_content (id, platform_id, native_id, account_id, desk_id, batch_id, url, lang, text, text_sha256, version, posted_at,
                             first_seen_at, last_seen_at)
SELECT s.id, s.platform_id, s.native_id, a.id, %(desk)s, %(batch)s, s.url, s.lang, s.text, s.text_sha256, 1, s.posted_at, %(at)s, %(at)s
FROM content_stage s
LEFT JOIN content_account a ON a.platform_id = s.platform_id AND a.handle = s.handle
ORDER BY s.platform_id, s.native_id
ON CONFLICT (platform_id, native_id) DO NOTHING
"""

_DIFFERENT = """
CREATE TEMPORARY TABLE content_different ON COMMIT DROP AS
SELECT c.id, s.url, s.text, s.text_sha256
FROM content_stage s
JOIN content_content c ON c.platform_id = s.platform_id AND c.native_id = s.native_id
WHERE c.text_sha256 <> s.text_sha256
ORDER BY c.platform_id, c.native_id
FOR UPDATE OF c
"""

# A version that was seen before, the present one or an earlier one, is nothing new: only then can a file be read again without effect.
_CHANGED = """
CREATE TEMPORARY TABLE content_changed ON COMMIT DROP AS
SELECT c.id, c.version AS old_version, c.text AS old_text, c.text_sha256 AS old_sha256, c.last_seen_at AS old_seen_at,
       d.text, d.text_sha256, d.url
FROM content_different d
JOIN content_content c ON c.id = d.id
WHERE c.text_sha256 <> d.text_sha256
  AND NOT EXISTS (SELECT 1 FROM content_revision r WHERE r.content_id = c.id AND r.text_sha256 = d.text_sha256)
"""

_KEEP_OLD_VERSIONS = """
INSERT INTO content_revision (id, content_id, version, text, text_sha256, seen_at, replaced_at)
SELECT gen_random_uuid(), id, old_version, old_text, old_sha256, old_seen_at, %(at)s FROM content_changed
"""

_REVISE = """
UPDATE content_content c
SET text = n.text, text_sha256 = n.text_sha256, version = n.old_version + 1, last_seen_at = %(at)s, batch_id = %(batch)s,
    url = CASE WHEN n.url <> '' THEN n.url ELSE c.url END
FROM content_changed n WHERE c.id = n.id
"""


def _store(rows: Sequence[Row], names: Mapping[str, Any]) -> tuple[int, int]:
    """Put the rows where they belong; say how many posts are new and how many were edited.

    Programs that take in the same posts at once wait for one another, each asking for posts in the same order, so that none locks
    another out. What waits sees what was done meanwhile: new posts go first, and edits are looked for when nobody else can make one.
    """
    revised = 0
    with connection.cursor() as cursor:
        cursor.execute(_STAGE)
        with cursor.copy("COPY content_stage FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        cursor.execute("ANALYZE content_stage (platform_id, native_id, handle)")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")  # the batch is saved last, when its counts are known
        cursor.execute(_ACCOUNTS)
        cursor.execute(_ADD_NEW, names)
        new = cursor.rowcount
        if new < len(rows):
            cursor.execute(_DIFFERENT)
            if cursor.rowcount:
                cursor.execute("ANALYZE content_different (id)")
                cursor.execute(_CHANGED)
                cursor.execute(_KEEP_OLD_VERSIONS, names)
                cursor.execute(_REVISE, names)
                revised = cursor.rowcount
        cursor.execute("DROP TABLE IF EXISTS content_stage, content_different, content_changed")
    return new, revised


@transaction.atomic
def _take_in(
    posts: Mapping[tuple[str, str], Post], *, platforms: Mapping[str, UUID], source: str, desk: Desk, actor: Actor
) -> IngestBatch:
    at = moment.now()
    batch = IngestBatch(source=source[:120], desk=desk, taken_at=at, received=len(posts))
    rows = [_row(platforms[slug], post) for (slug, _), post in posts.items()]
    rows.sort(key=lambda row: (row[1], row[2]))  # so that the batch's root does not depend on the order in the file
    by_platform: dict[str, int] = {}
    for slug, _native in posts:
        by_platform[slug] = by_platform.get(slug, 0) + 1
    batch.new, batch.revised = _store(rows, {"at": at, "batch": batch.pk, "desk": desk.pk})
    batch.unchanged = batch.received - batch.new - batch.revised
    if not batch.new and not batch.revised:
        return batch  # nothing was changed, so nothing is recorded
    batch.merkle_root = merkle_root(_leaf(row) for row in rows)
    batch.save(force_insert=True)
    record(
        event=ledger.BatchIngested(
            source=_code(source),
            desk=str(desk.pk),
            received=batch.received,
            new=batch.new,
            revised=batch.revised,
            unchanged=batch.unchanged,
            by_platform=by_platform,
            merkle_root=bytes(batch.merkle_root).hex(),
        ),
        subject=batch,
        actor=actor,
    )
    queue_assessment(batch)
    queue_search(batch)
    return batch


def _row(platform: UUID, post: Post) -> Row:
    digest = sha256(post.text.encode()).digest()
    return (
        new_id(),
        platform,
        post.id,
        post.account or "",
        post.url or "",
        (post.lang or "")[:35],
        post.text,
        digest,
        post.posted_at,
    )


def _leaf(row: Row) -> bytes:
    """What a batch's Merkle root is taken over, post by post: platform, native id and the digest of the text."""
    return sha256(row[1].bytes + sha256(row[2].encode()).digest() + row[7]).digest()


def _code(source: str) -> str:
    """The source's name as the ledger takes it: the kind of source only, since a file's name may hold anything."""
    return source.partition(":")[0][:40] if source.partition(":")[0].isidentifier() else "file"
