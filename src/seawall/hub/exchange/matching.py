"""Asking the hub whether it knows something, for those who may not or would not hold the list."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from seawall.detect.media import MATCH_DISTANCE, MATCH_SHARE
from seawall.detect.normalise import MASKS, tokens
from seawall.hub.directory.models import Organisation
from seawall.hub.exchange.kinds import SignalKind, canonical, video_frames
from seawall.hub.exchange.models import Community, Member, Signal, SignalState
from seawall.index import HashIndex, TextIndex, pack
from seawall.index.layout import RADIUS

FRESH = 1.0
"""For so many seconds the bank is taken to be up to date without asking the database."""
AT_ONCE = 50_000


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A signal that matches what was asked.

    `distance` is in how many bits it differs (0 for what is compared as a whole), `share` how much of a text or a video is the same (1 for
    all else).
    """

    signal: Signal
    distance: int
    share: float = 1.0


def plain_words(text: str) -> str:
    """A text as it is compared: disguised letters undone, in small letters, without addresses, names, numbers and punctuation."""
    return " ".join(token for token in tokens(text) if token not in MASKS and token[0].isalnum())


class Bank(ABC):
    """The signals of one kind, of all communities, in the memory of this process, kept up to date by their changes.

    Signals are numbered by the community's row lock, so a change with a smaller number than one that was read cannot appear later.
    """

    kind: SignalKind

    def __init__(self) -> None:
        self._cursors: dict[UUID, int] = {}
        self._looked = 0.0
        self._lock = threading.Lock()

    @abstractmethod
    def holds(self, number: int) -> bool:
        """Whether the signal of this number is in the bank."""

    @abstractmethod
    def put(self, fresh: list[tuple[int, str]]) -> None:
        """Take in signals, by number, that are not in it."""

    @abstractmethod
    def drop(self, number: int) -> None:
        """Forget a signal, if it is in it."""

    def refresh(self, *, now: bool = False) -> None:
        """Take in what changed since the last look."""
        if not now and time.monotonic() - self._looked < FRESH:
            return
        with self._lock:
            if not now and time.monotonic() - self._looked < FRESH:
                return
            for community_id, next_change in Community.objects.values_list("pk", "next_change"):
                cursor = self._cursors.get(community_id, 0)
                if next_change - 1 > cursor:
                    self._cursors[community_id] = self._follow(community_id, cursor, next_change - 1)
            self._looked = time.monotonic()

    def _follow(self, community_id: UUID, cursor: int, until: int) -> int:
        changed = Signal.objects.filter(
            community=community_id, kind=self.kind.value, last_change__gt=cursor, last_change__lte=until
        ).order_by("last_change")
        rows = changed.values_list("number", "value", "state", "first_change")
        fresh: list[tuple[int, str]] = []
        for number, value, state, first in rows.iterator(chunk_size=AT_ONCE):
            if state == SignalState.ACTIVE:
                if first > cursor or not self.holds(number):
                    fresh.append((number, value))
            elif first <= cursor:
                self.drop(number)
        self.put([(number, value) for number, value in fresh if not self.holds(number)])
        return until


class PictureBank(Bank):
    """PDQ hashes of pictures."""

    kind = SignalKind.PDQ

    def __init__(self) -> None:
        super().__init__()
        self._index = HashIndex()

    def holds(self, number: int) -> bool:
        return number in self._index

    def put(self, fresh: list[tuple[int, str]]) -> None:
        if len(fresh) > AT_ONCE and not len(self._index):
            self._index = HashIndex.build(
                [number for number, _value in fresh], pack([value for _number, value in fresh])
            )
            return
        for number, value in fresh:
            self._index.add(number, value)

    def drop(self, number: int) -> None:
        self._index.remove(number)

    def search(self, hashes: list[str], radius: int) -> list[list[tuple[int, int]]]:
        """For every hash the numbers of the signals within the radius, with their distances."""
        self.refresh()
        return [[(key, off) for key, off in found] for found in self._index.search_many(hashes, radius)]


class TextBank(Bank):
    """Texts, compared as plain words: disguise, punctuation and a changed address make no difference."""

    kind = SignalKind.TEXT

    def __init__(self) -> None:
        super().__init__()
        self._index = TextIndex()

    def holds(self, number: int) -> bool:
        return number in self._index

    def put(self, fresh: list[tuple[int, str]]) -> None:
        written = ((number, plain_words(value)) for number, value in fresh)
        self._index.add_many((number, words) for number, words in written if words)

    def drop(self, number: int) -> None:
        self._index.remove(number)

    def search(self, text: str) -> list[tuple[int, float]]:
        """The numbers of the signals of which enough is the same, with how much it is, the nearest first."""
        self.refresh()
        words = plain_words(text)
        return [(match.key, match.share) for match in self._index.search(words)] if words else []


class VideoBank(Bank):
    """The frames of videos. A video matches as `seawall.detect.media.vpdq` says: by the frames of either that have a like in the other."""

    kind = SignalKind.VPDQ

    def __init__(self) -> None:
        super().__init__()
        self._index = HashIndex()
        self._frames: dict[int, range] = {}
        self._numbers: dict[int, int] = {}
        self._next = 0

    def holds(self, number: int) -> bool:
        return number in self._frames

    def put(self, fresh: list[tuple[int, str]]) -> None:
        for number, value in fresh:
            frames = video_frames(value)
            keys = range(self._next, self._next + len(frames))
            self._next = keys.stop
            self._frames[number] = keys
            for key, frame in zip(keys, frames, strict=True):
                self._numbers[key] = number
                self._index.add(key, frame.hash.hex)

    def drop(self, number: int) -> None:
        for key in self._frames.pop(number, ()):
            self._index.remove(key)
            del self._numbers[key]

    def search(self, value: str) -> list[tuple[int, float]]:
        """The numbers of the signals of videos that match, with the greater of the two shares, the nearest first."""
        self.refresh()
        frames = video_frames(value)
        ours: dict[int, set[int]] = {}
        theirs: dict[int, set[int]] = {}
        near = self._index.search_many([frame.hash.hex for frame in frames], MATCH_DISTANCE)
        for place, found in enumerate(near):
            for key, _off in found:
                number = self._numbers.get(key)
                if number is not None:
                    ours.setdefault(number, set()).add(place)
                    theirs.setdefault(number, set()).add(key)
        shares = []
        for number, places in ours.items():
            keys = self._frames.get(number)
            if keys:
                shares.append((number, max(len(places) / len(frames), len(theirs[number]) / len(keys))))
        return sorted(
            ((number, share) for number, share in shares if share >= MATCH_SHARE), key=lambda hit: (-hit[1], hit[0])
        )


_pictures, _texts, _videos = PictureBank(), TextBank(), VideoBank()


def bank() -> PictureBank:
    """The pictures that this process knows."""
    return _pictures


def texts() -> TextBank:
    """The texts that this process knows."""
    return _texts


def videos() -> VideoBank:
    """The videos that this process knows."""
    return _videos


def _alike(kind: SignalKind, value: str) -> list[tuple[int, float]]:
    """The signals that are nearly a value, where there is such a thing in its kind."""
    match kind:
        case SignalKind.TEXT:
            return texts().search(value)
        case SignalKind.VPDQ:
            return videos().search(value)
    return []


def communities_of(organisation: Organisation) -> list[UUID]:
    """Where the organisation may see signals: current members who are no observers."""
    members = Member.objects.receiving().filter(organisation=organisation)
    return list(members.values_list("community", flat=True))


def match(
    *, organisation: Organisation, hashes: list[str], values: Iterable[tuple[SignalKind, str]], radius: int = RADIUS
) -> tuple[list[list[Hit]], list[list[Hit]]]:
    """What the organisation's communities know of PDQ hashes, texts and videos (near ones too) and of other values (the very same).

    The first list answers `hashes`, the second `values`, each in its order. Only signals that may be acted on are found. Raises
    SignalInvalid, HashError.
    """
    near = bank().search([canonical(SignalKind.PDQ, each) for each in hashes], radius) if hashes else []
    asked = [(kind, canonical(kind, value)) for kind, value in values]
    digests = [sha256(value.encode()).hexdigest() for _kind, value in asked]
    alike = [_alike(kind, value) for kind, value in asked]
    numbers = {number for some in near for number, _off in some} | {number for some in alike for number, _share in some}
    by_number: dict[int, Signal] = {}
    by_value: dict[tuple[str, str], list[Signal]] = {}
    if numbers or asked:  # most questions end here: the database is asked only where there is something to find
        in_use = Signal.objects.in_use().filter(community__in=communities_of(organisation)).select_related("community")
        if numbers:
            by_number = {signal.number: signal for signal in in_use.filter(number__in=numbers)}
        for signal in in_use.filter(value_sha256__in=set(digests)) if asked else ():
            by_value.setdefault((signal.kind, signal.value_sha256), []).append(signal)
    pictures = [
        [Hit(signal=by_number[number], distance=off) for number, off in some if number in by_number] for some in near
    ]
    others = []
    for (kind, _value), digest, some in zip(asked, digests, alike, strict=True):
        same = [Hit(signal=signal, distance=0) for signal in by_value.get((kind.value, digest), [])]
        known = {hit.signal.number for hit in same}
        others.append(
            same
            + [
                Hit(signal=by_number[number], distance=0, share=share)
                for number, share in some
                if number in by_number and number not in known
            ]
        )
    return pictures, others
