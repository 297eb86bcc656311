"""Content's verbs: take posts in (ingest.py), take one post in, assess, reveal, move to another desk."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from uuid import UUID

import rfc8785
from django.db import transaction

from seawall import detect
from seawall.hub import moment
from seawall.hub.content.detector import detector
from seawall.hub.content.ingest import PlatformUnknown, Tally, ingest
from seawall.hub.content.models import Content, Finding, IngestBatch, Reveal
from seawall.hub.content.tasks import queue_case_opening
from seawall.hub.directory.models import Desk, Person, Platform
from seawall.hub.directory.roles import KEPT_FROM_POLICE
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.merkle import merkle_root
from seawall.hub.ledger.services import Actor, record
from seawall.hub.practice import queries as practice
from seawall.hub.practice.schema import Code
from seawall.sources.posts import Post

__all__ = ["PlatformUnknown", "Tally", "assess", "ingest", "move", "reveal", "take_in_one"]

DETECTOR = Actor.machine("detector")


def take_in_one(
    *,
    platform: Platform,
    native_id: str,
    text: str,
    url: str,
    account: str | None,
    posted_at: datetime | None,
    desk: Desk,
    source: str,
    actor: Actor,
) -> Content:
    """Take in a single post, such as one that somebody reports, and return it. A post that is known already stays where it lies."""
    post = Post(
        id=native_id,
        text=text,
        url=url or None,
        platform=platform.slug,
        account=account,
        posted_at=posted_at,
        lang=None,
        media=(),
        extra={},
    )
    ingest(items=[post], source=source, desk=desk, actor=actor)
    return Content.objects.get(platform=platform, native_id=native_id)


def assess(*, batch_id: str | UUID) -> IngestBatch:
    """Run the detector over a batch and keep what it found; a batch that was assessed before is left as it is.

    Findings are kept of posts that the detector flags, that a rule of the code of practice wants seen, or that it could not read. Of the
    others the ledger keeps the count, and their scores go into the batch's Merkle root. The models are asked before the transaction
    begins: an operator's own may take minutes to answer, and nothing is to be locked for so long.
    """
    batch = IngestBatch.objects.get(pk=batch_id)
    if batch.assessed_at is not None:
        return batch
    code = practice.current_code()
    engine = detector(code)
    posts = list(
        Content.objects.filter(batch=batch)
        .order_by("id")
        .values_list("id", "version", "text")
        .iterator(chunk_size=5_000)
    )
    found = engine.assess([text for _, _, text in posts])
    seen = [(content_id, version, each) for (content_id, version, _), each in zip(posts, found, strict=True)]
    return _keep(batch_id=batch.pk, code=code, engine=engine.version, seen=seen)


@transaction.atomic
def _keep(*, batch_id: UUID, code: Code, engine: str, seen: Sequence[tuple[UUID, int, detect.Finding]]) -> IngestBatch:
    """Keep what was found in a batch, unless another worker did in the meantime."""
    batch = IngestBatch.objects.select_for_update().get(pk=batch_id)
    if batch.assessed_at is not None:
        return batch
    kept: list[Finding] = []
    leaves: list[bytes] = []
    by_family: dict[str, int] = {}
    flagged = unread = 0
    at = moment.now()
    for content_id, version, found in seen:
        families = {family: round(value, 4) for family, value in found.families.items()}
        context = {label: round(value, 4) for label, value in found.context.items()}
        leaves.append(sha256(rfc8785.dumps({"id": str(content_id), "version": version, "families": families})).digest())
        flagged += bool(found.flags)
        unread += not found.assessed
        for family in found.flags:
            by_family[family] = by_family.get(family, 0) + 1
        spared = {each.family for each in found.withheld}
        wanted = {family: value for family, value in families.items() if family not in spared}
        if found.flags or found.withheld or not found.assessed or code.case_rule(wanted, context) is not None:
            kept.append(
                Finding(
                    content_id=content_id,
                    version=version,
                    detector=engine,
                    families=families,
                    flags=list(found.flags),
                    context=context,
                    reasons=[
                        {
                            "kind": r.kind,
                            "start": r.start,
                            "end": r.end,
                            "family": r.family,
                            "weight": round(r.weight, 3),
                            "note": r.note,
                        }
                        for r in found.reasons
                    ],
                    withheld=[{"family": each.family, "rule": each.rule} for each in found.withheld],
                    language=found.language,
                    assessed=found.assessed,
                    depth=found.depth,
                    degraded=found.degraded,
                    assessed_at=at,
                )
            )
    Finding.objects.bulk_create(kept, ignore_conflicts=True, batch_size=2_000)
    batch.assessed_at = at
    batch.detector = engine
    batch.save(update_fields=["assessed_at", "detector"])
    record(
        event=ledger.BatchAssessed(
            batch=str(batch.pk),
            detector=engine,
            assessed=len(seen),
            flagged=flagged,
            by_family=by_family,
            merkle_root=merkle_root(leaves).hex(),
            not_assessed=unread,
        ),
        subject=batch,
        actor=DETECTOR,
    )
    queue_case_opening(batch)
    return batch


@transaction.atomic
def reveal(*, content: Content, person: Person, actor: Actor) -> Reveal:
    """Count that a person chose to see masked content. The caller has checked that they may."""
    seen = Reveal.objects.create(content=content, person=person, at=moment.now())
    record(event=ledger.ContentRevealed(), subject=content, actor=actor)
    return seen


def move(*, content: Content, desk: Desk) -> None:
    """Move content to another desk, in the caller's transaction and under the caller's ledger entry (case.opened names the desk)."""
    kept = content.kept_from_police or bool({content.desk.partition, desk.partition} & KEPT_FROM_POLICE)
    Content.objects.filter(pk=content.pk).update(desk=desk, kept_from_police=kept)
    content.desk, content.kept_from_police = desk, kept
