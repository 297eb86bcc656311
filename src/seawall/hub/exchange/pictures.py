"""Asking about a picture itself, for those who hash nothing."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass

from seawall.detect.media import LEAST_QUALITY, HashedPicture, MediaReader, hash_picture
from seawall.hub.directory.models import Organisation
from seawall.hub.exchange import matching
from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.models import Signal

_EXACT = (SignalKind.MD5, SignalKind.SHA256)
_making = threading.Lock()
_readers: dict[int, MediaReader] = {}


@dataclass(frozen=True, kw_only=True)
class PictureHit:
    """A signal that matches a picture: by which kind of hash, and in how many bits it differs (0 for the exact ones)."""

    kind: str
    distance: int
    signal: Signal


def reader() -> MediaReader:
    """What decodes in this process, made when it is first needed: its own processes must not be shared by a fork."""
    with _making:
        return _readers.setdefault(os.getpid(), MediaReader())


def tells_enough(picture: HashedPicture) -> bool:
    """Whether there is enough in a picture for its PDQ hash to tell it from others."""
    return picture.pdq.quality >= LEAST_QUALITY


def match(*, organisation: Organisation, data: bytes) -> tuple[HashedPicture, list[PictureHit]]:
    """What the organisation's communities know of a picture, the nearest first; each signal once. Nothing of it is kept.

    It is looked up by its bytes, and by every PDQ hash under which it may be in a bank (`HashedPicture.lookups`) that has enough in it.
    Raises MediaError.
    """
    picture = hash_picture(reader(), data)
    hashes = [one.hex for one in picture.lookups() if one.quality >= LEAST_QUALITY]
    near, same = matching.match(
        organisation=organisation,
        hashes=hashes,
        values=list(zip(_EXACT, (picture.file.md5, picture.file.sha256), strict=True)),
    )
    best: dict[int, PictureHit] = {}
    for hit in (hit for hits in (*same, *near) for hit in hits):
        known = best.get(hit.signal.number)
        if known is None or hit.distance < known.distance:
            best[hit.signal.number] = PictureHit(kind=hit.signal.kind, distance=hit.distance, signal=hit.signal)
    return picture, sorted(best.values(), key=lambda hit: (hit.distance, hit.signal.number))
