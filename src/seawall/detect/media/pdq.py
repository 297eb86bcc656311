"""PDQ: a hash of 256 bits that near-copies of a picture share but for a few bits, with a quality.

The algorithm is Meta's, published with a reference implementation (facebook/ThreatExchange, `pdq/cpp`; "PDQ and TMK+PDQF",
2019). This is that implementation on numpy and numba: the same pixels give the same 256 bits and the same quality as the reference
behind `pdqhash`, which is what `threatexchange` and Hasher-Matcher-Actioner hash with. Nothing has to be compiled to install it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seawall.detect.media import pdq_kernels

MATCH_DISTANCE: Final = 31
"""Two hashes that differ in at most this many bits are taken for the same picture (the reference's advice)."""

LEAST_QUALITY: Final = 50
"""A hash of less quality is of a picture with too little in it to tell it from others; do not match it (the reference's advice)."""

SMALL: Final = 500_000
"""Pixels up to which `pdq_ways` really turns a picture: eight hashes cost some milliseconds then."""

_LEAST_SIDE: Final = 5


@dataclass(frozen=True, slots=True)
class PdqHash:
    """A PDQ hash: 64 hexadecimal digits, as the reference writes them, and a quality from 0 to 100."""

    hex: str
    quality: int

    def distance(self, other: PdqHash) -> int:
        """The number of bits in which two hashes differ, 0 to 256."""
        return (int(self.hex, 16) ^ int(other.hex, 16)).bit_count()


@dataclass(frozen=True, slots=True)
class Dihedral:
    """The hashes of a picture turned and mirrored in the eight ways, which share one quality.

    Each is the hash that the picture *would have* after that change, so any of them may be looked up in a bank of plain hashes.
    `flip_x` mirrors top and bottom, `flip_y` left and right, `flip_plus` and `flip_minus` along the diagonals; rotations are
    anticlockwise. The reference reads them from one transform of the picture (`pdq_dihedral`), which costs next to nothing and is
    a few bits off; see `pdq_ways` for small pictures.
    """

    original: PdqHash
    rotate_90: PdqHash
    rotate_180: PdqHash
    rotate_270: PdqHash
    flip_x: PdqHash
    flip_y: PdqHash
    flip_plus: PdqHash
    flip_minus: PdqHash

    def all(self) -> tuple[PdqHash, ...]:
        """The eight, the original first."""
        return tuple(getattr(self, name) for name in self.__slots__)

    def distance(self, other: PdqHash) -> int:
        """The least distance from any of the eight to `other`."""
        return min(one.distance(other) for one in self.all())


def luma_of(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Brightness from 0 to 255 of (height, width) grey or (height, width, 3) red, green and blue, rounded as `pdqhash` rounds."""
    if pixels.dtype != np.uint8 or not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)):
        raise ValueError(
            f"The picture is an array {pixels.shape} of {pixels.dtype}; it must be (height, width) or (height, width, 3) of uint8."
        )
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    out = np.empty(pixels.shape[:2], dtype=np.float32)
    pdq_kernels.luma(np.ascontiguousarray(pixels), out)
    return out


def pdq(pixels: NDArray[np.uint8]) -> PdqHash:
    """The PDQ hash of a picture, (height, width, 3) or (height, width) of uint8.

    A picture with a side under 5 pixels has the hash 0 and the quality 0. Raises ValueError for an array of another kind.
    """
    return _of_luma(luma_of(pixels))


def pdq_dihedral(pixels: NDArray[np.uint8]) -> Dihedral:
    """The hashes of the picture and of its seven turned and mirrored forms, from one transform. Takes what `pdq` takes."""
    found, quality = _frequencies(luma_of(pixels))
    if found is None:
        return Dihedral(*[PdqHash("0" * 64, 0)] * 8)
    odd = (np.arange(16) & 1).astype(bool)
    along = np.where(odd, np.float32(1), np.float32(-1))
    rows, columns = along[:, None], along[None, :]
    # Frequencies count from 1, so the odd places of the array hold the even frequencies, which mirroring leaves alone.
    both = rows * columns
    turned = (
        found,
        (found * columns).T,
        found * both,
        (found * rows).T,
        found * rows,
        found * columns,
        found.T,
        (found * both).T,
    )
    return Dihedral(*(_hashed(np.ascontiguousarray(one), quality) for one in turned))


def pdq_ways(pixels: NDArray[np.uint8]) -> Dihedral:
    """The eight hashes, of pixels really turned and mirrored where the picture is small, and as `pdq_dihedral` where it is large.

    PDQ takes its 64 x 64 points a little off the middle, which moves a mirrored small picture by a marked part of a point: at 256 x 256
    pixels the hash from the transform was 24 to 100 bits off and misses copies, above half a million 14 at most. Takes what `pdq` takes.
    """
    if pixels.shape[0] * pixels.shape[1] > SMALL:
        return pdq_dihedral(pixels)
    luma = luma_of(pixels)
    turned = [np.rot90(luma, quarters) for quarters in range(4)]
    flipped = [luma[::-1], luma[:, ::-1], luma.T, luma.T[::-1, ::-1]]
    return Dihedral(*(_of_luma(one) for one in (*turned, *flipped)))


def _of_luma(luma: NDArray[np.float32]) -> PdqHash:
    found, quality = _frequencies(np.array(luma, order="C"))
    return _hashed(found, quality) if found is not None else PdqHash("0" * 64, 0)


def _frequencies(luma: NDArray[np.float32]) -> tuple[NDArray[np.float32] | None, int]:
    height, width = luma.shape
    if height < _LEAST_SIDE or width < _LEAST_SIDE:
        return None, 0
    small = np.empty((64, 64), dtype=np.float32)
    if (height, width) == (64, 64):
        small[:] = luma
    else:
        pdq_kernels.shrink(luma, np.empty_like(luma), small)
    out = np.empty((16, 16), dtype=np.float32)
    pdq_kernels.transform(_MATRIX, small, out)
    return out, int(pdq_kernels.quality_of(small))


def _hashed(found: NDArray[np.float32], quality: int) -> PdqHash:
    flat = found.ravel()
    bits = flat > pdq_kernels.middle(flat)
    return PdqHash(np.packbits(bits[::-1]).tobytes().hex(), quality)


def _matrix() -> NDArray[np.float32]:
    scale: Any = np.float32(math.sqrt(2.0 / 64))
    return np.array(
        [[float(scale) * math.cos((math.pi / 2 / 64) * (i + 1) * (2 * j + 1)) for j in range(64)] for i in range(16)],
        dtype=np.float32,
    )


_MATRIX: Final = _matrix()
