"""Issue labels for what communities publish, and negate them when nothing stands behind them any more."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, Max, OuterRef

from seawall.hub import moment
from seawall.hub.exchange import recipients
from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.labels.identity import own_did, signed, unsigned
from seawall.hub.exchange.labels.rules import VALUES, may_be_labelled, values_now
from seawall.hub.exchange.labels.subjects import subject_of
from seawall.hub.exchange.models import (
    Community,
    IssuedLabel,
    LabelGround,
    LabelStream,
    Member,
    Recipient,
    Signal,
    Surface,
)
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import Actor, record

KEEPER = Actor.machine("labels")
PUBLIC = "Everybody, as labels"
"""The name of the recipient that stands for all who read a community's labels."""
MOST_A_PAGE = 1_000
A_MOMENT = timedelta(milliseconds=1)
FORGOTTEN_AFTER = timedelta(days=180)
"""How long a negation is kept for those who come back late. A proposal of this hub."""

Word = tuple[str, str]
"""A subject and a value."""


def publisher(community: Community) -> Member | None:
    """Who answers for a community's labels: its operator, as long as it takes part and is no observer. None when nothing is published."""
    if not community.labels_published or community.closed_at is not None:
        return None
    return Member.objects.receiving().filter(community=community, organisation=community.operator_id).first()


def publish(*, community_id: UUID) -> int:
    """Bring the labels in line with what a community shares now; says how many were issued, negations among them.

    The recipient “everybody” is handed what changed. Its negation is published in the same transaction, and that counts as landed: with the
    proof `published`, which is the hub's own word and nobody's confirmation, since readers of labels give none. Raises LabelKeyUnusable.
    """
    issued = 0
    while (done := _publish_page(community_id)) is not None:
        issued += done
    return issued


def publish_all() -> int:
    """Do so for every community, also under a DID that the hub has changed to. Raises LabelKeyUnusable."""
    publishing = list(Community.objects.filter(labels_published=True).values_list("pk", flat=True))
    issued = sum(publish(community_id=pk) for pk in publishing)
    for pk in publishing:
        while done := _say_again(pk):
            issued += done
    return issued


@transaction.atomic
def _say_again(community_id: UUID) -> int:
    """Issue a page of the labels that a community's signals carry, and that were never issued under the hub's present DID."""
    src = own_did()
    if src is None:
        return 0
    stream = _stream()
    said = IssuedLabel.objects.filter(src=src, uri=OuterRef("uri"), val=OuterRef("val"), neg=False)
    unsaid = LabelGround.objects.filter(~Exists(said), signal__community=community_id).order_by("signal")[:MOST_A_PAGE]
    community = Community.objects.get(pk=community_id)
    return _settle(stream, src, community, {(ground.uri, ground.val) for ground in unsaid})


@transaction.atomic
def _publish_page(community_id: UUID) -> int | None:
    """One page; None when there is nothing left to do."""
    src = own_did()
    if src is None:
        return None
    stream = _stream()
    community = Community.objects.select_related("operator").get(pk=community_id)
    member = publisher(community)
    if member is None:
        return _take_all_back(community, stream, src)
    place = recipients.register(member=member, surface=Surface.LABELS, name=PUBLIC, actor=KEEPER)
    latest = community.next_change - 1
    if place.served >= latest and place.began is not None:
        return _narrowed(community, stream, src)
    page = recipients.serve(recipient=place, after=place.served, most=MOST_A_PAGE)
    done = _settle(stream, src, community, _ground(page.signals))
    gone = [signal for signal in page.signals if signal.state in recipients.GONE]
    if gone:
        recipients.confirm(
            recipient=place,
            until=page.until,
            actor=KEEPER,
            statement={"labels": "published", "until_seq": stream.next_seq - 1},
            proof="published",
        )
    return done


def _stream() -> LabelStream:
    """The stream's row, held until the transaction ends."""
    LabelStream.objects.get_or_create(pk=1, defaults={"began_at": moment.now()})
    return LabelStream.objects.select_for_update().get(pk=1)


def _ground(signals: Iterable[Signal]) -> set[Word]:
    """Write down which of these signals carry a label now; says of which words that may have changed."""
    signals, harms = list(signals), values_now()
    before = LabelGround.objects.filter(signal__in=signals)
    touched = {(ground.uri, ground.val) for ground in before}
    before.delete()
    made = [
        LabelGround(signal=signal, uri=uri, val=VALUES[signal.harm].val, until=signal.expires_at)
        for signal in signals
        if may_be_labelled(signal, harms) and (uri := subject_of(SignalKind(signal.kind), signal.value)) is not None
    ]
    LabelGround.objects.bulk_create(made, batch_size=1_000)
    return touched | {(ground.uri, ground.val) for ground in made}


def _settle(stream: LabelStream, src: str, community: Community, touched: Collection[Word]) -> int:
    """Say of each of these words what holds now, where that is not what was said last. A constant number of statements."""
    uris = {uri for uri, _val in touched}
    grounds = LabelGround.objects.filter(uri__in=uris).values_list("uri", "val").annotate(last=Max("until"))
    wanted: dict[Word, datetime] = {(uri, val): last for uri, val, last in grounds}
    said = {(each.uri, each.val): each for each in IssuedLabel.objects.filter(src=src, uri__in=uris)}
    replaced: list[int] = []
    fresh: list[IssuedLabel] = []
    for uri, val in sorted(touched):
        exp, before = wanted.get((uri, val)), said.get((uri, val))
        if exp is None and (before is None or before.neg):
            continue
        if exp is not None and before is not None and not before.neg and before.exp == exp:
            continue
        now = moment.now()
        if before is not None:
            replaced.append(before.seq)
            now = max(now, before.cts + A_MOMENT)  # readers go by the time
        label = unsigned(src=src, uri=uri, val=val, neg=exp is None, cts=now, exp=exp)
        fresh.append(
            IssuedLabel(
                seq=stream.next_seq + len(fresh),
                src=src,
                uri=uri,
                val=val,
                neg=exp is None,
                cts=now,
                exp=exp,
                sig=signed(label),
            )
        )
    if not fresh:
        return 0
    IssuedLabel.objects.filter(seq__in=replaced).delete()
    IssuedLabel.objects.bulk_create(fresh, batch_size=1_000)
    stream.next_seq += len(fresh)
    stream.save(update_fields=["next_seq"])
    taken_back = sum(label.neg for label in fresh)
    record(
        event=ledger.LabelsPublished(
            community=str(community.pk),
            issued=len(fresh) - taken_back,
            taken_back=taken_back,
            until_seq=stream.next_seq - 1,
        ),
        subject=community,
        actor=KEEPER,
    )
    return len(fresh)


def _take_all_back(community: Community, stream: LabelStream, src: str) -> int | None:
    """Negate what a community published that publishes no more; its recipient “everybody” has ended. None when there is nothing."""
    found = LabelGround.objects.filter(signal__community=community).order_by("signal")[:MOST_A_PAGE]
    done = _withdraw(list(found), community, stream, src)
    if done is None:
        for place in Recipient.objects.filter(member__community=community, surface=Surface.LABELS, ended_at=None):
            recipients.end(recipient=place, actor=KEEPER)
    return done


def _narrowed(community: Community, stream: LabelStream, src: str) -> int | None:
    """Negate what the code of practice in force lets be said no more."""
    found = LabelGround.objects.filter(signal__community=community).exclude(signal__harm__in=list(values_now()))
    return _withdraw(list(found.order_by("signal")[:MOST_A_PAGE]), community, stream, src)


def _withdraw(grounds: list[LabelGround], community: Community, stream: LabelStream, src: str) -> int | None:
    if not grounds:
        return None
    LabelGround.objects.filter(pk__in=[ground.pk for ground in grounds]).delete()
    return _settle(stream, src, community, {(ground.uri, ground.val) for ground in grounds})


@transaction.atomic
def forget() -> int:
    """Forget negations after a while, so that nothing is left of what was taken back; says how many.

    Who comes back with a cursor from before is told that it is outdated: it may have missed one.
    """
    if not LabelStream.objects.exists():
        return 0
    stream = _stream()
    old = IssuedLabel.objects.filter(neg=True, cts__lt=moment.now() - FORGOTTEN_AFTER)
    last = old.aggregate(last=Max("seq"))["last"]
    if last is None:
        return 0
    forgotten, _by_model = old.delete()
    stream.forgotten = max(stream.forgotten, last)
    stream.save(update_fields=["forgotten"])
    return forgotten
