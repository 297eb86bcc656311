"""PDQ is held, bit for bit, against the reference's own code (pdqhash 0.2.8), whose hashes of drawn pictures stand here."""

from __future__ import annotations

import numpy as np
import pytest
from tests.detect.media import drawings
from tests.detect.media.drawings import Pixels

from seawall.detect.media import MATCH_DISTANCE, PdqHash, pdq, pdq_dihedral, pdq_ways
from seawall.index import HashIndex, pack

REFERENCE = [
    (drawings.patterned(240, 320, 1), "f74fe34ff60af75fd41f7ebfc43184b086b084a0d6a084e5b4a596a194e594a0", 100),
    (drawings.patterned(487, 233, 4), "ccb8f8b8ed98f89899d8f898cc90b8bad938b938d098f992d5d2f992d8837912", 100),
    (drawings.patterned(64, 64, 2), "52cf96503687e7d81a8674bcf9830356ae91f12288747fe3870673ad2d79b588", 100),
    (drawings.patterned(31, 700, 3), "71f178f3561c3c77578f155155558afa533f2d8462edc95813abbd1642ae2c00", 100),
    (drawings.patterned(5, 5, 1), "94a591a46b5a64d994a594b59b266e5a31cc9b269f266b5a6b5a94a5962733bc", 2),
    (drawings.flat(100, 130, 127), "0000113400002c4b8200554b113400002c4b554b1134cc5313a01134585e1134", 0),
    (drawings.flat(64, 64, 255), "00001134000011342c4b00002c4b1134000000002c4b2c4b00002c4b8200554b", 0),
    (drawings.ramp(90, 200), "36cb2b3a59ab2a7554a95d59a56ac92a9f6c5378558b494a56d6d6496caa56a0", 47),
    (drawings.noise(129, 127, 7), "d87bb14b19cc9db529a1f2a76e7f075baca68149c579849780b2a1b464f71651", 100),
    (drawings.noise(512, 40, 3), "94f628c3025067fd3f31c29a306159bdd32635e0c25fc27f974df07102478efd", 100),
]
REFERENCE_DIHEDRAL = {
    "original": "f74fe34ff60af75fd41f7ebfc43184b086b084a0d6a084e5b4a596a194e594a0",
    "rotate_90": "fb7f01ffd40053d20400c010d4202fff007d2fff01ffe07ff800affdf8002bed",
    "rotate_180": "b65f49e5a15f4db1914fd41891452e9ad3e52a0ac3f52a0ad1f53e0ad1f53e0a",
    "rotate_270": "aeaaab558155797d51556afa8175955551aa155550aa4ad5a9555557a9555555",
    "flip_x": "e30a1cb5d40a19e5d41a8145c4107bcf84b07f5f96a07f5f94a07b5f84a47b5f",
    "flip_y": "a61eb61a815fb20a814f2b449145d1655165d1f5c3f5d5f4c1f5c1f5d170c1f5",
    "flip_plus": "fbfffe20f408bc2f0400bffff4a4d00005ffd01207ff1f80fc00dc1afc00de1e",
    "flip_minus": "aeaa54aaa1558e8f5155950581f57aaa51aaeaaa50aab52aad55eaaaa955faaa",
}
#: What each way is in pixels. The reference's rotations are anticlockwise.
IN_PIXELS = {
    "rotate_90": lambda pixels: np.rot90(pixels, 1),
    "rotate_180": lambda pixels: np.rot90(pixels, 2),
    "rotate_270": lambda pixels: np.rot90(pixels, 3),
    "flip_x": lambda pixels: pixels[::-1],
    "flip_y": lambda pixels: pixels[:, ::-1],
    "flip_plus": lambda pixels: pixels.transpose(1, 0, 2),
    "flip_minus": lambda pixels: np.rot90(pixels, 2).transpose(1, 0, 2),
}


@pytest.mark.parametrize(("pixels", "digits", "quality"), REFERENCE)
def test_the_reference_says_the_same(pixels: Pixels, digits: str, quality: int) -> None:
    assert pdq(pixels) == PdqHash(digits, quality)


def test_the_reference_turns_and_mirrors_the_same() -> None:
    found = pdq_dihedral(drawings.patterned(240, 320, 1))
    assert {name: getattr(found, name).hex for name in REFERENCE_DIHEDRAL} == REFERENCE_DIHEDRAL
    assert [one.hex for one in found.all()] == list(REFERENCE_DIHEDRAL.values())
    assert {one.quality for one in found.all()} == {100}


@pytest.mark.parametrize("way", IN_PIXELS)
def test_each_way_is_near_the_hash_of_pixels_really_changed_so(way: str) -> None:
    pixels = np.asarray(drawings.scene(3))
    changed = pdq(np.ascontiguousarray(IN_PIXELS[way](pixels)))
    ways = pdq_dihedral(pixels)
    assert getattr(ways, way).distance(changed) <= 16
    assert ways.original.distance(changed) > MATCH_DISTANCE  # by the plain hash it would be lost
    assert ways.distance(changed) <= 16


@pytest.mark.parametrize("way", IN_PIXELS)
def test_a_small_picture_is_really_turned(way: str) -> None:
    pixels = drawings.noise(100, 130, 3)
    changed = pdq(np.ascontiguousarray(IN_PIXELS[way](pixels)))
    assert getattr(pdq_ways(pixels), way) == changed
    assert pdq_ways(pixels).original == pdq(pixels)


def test_the_transform_s_way_misses_small_pictures() -> None:
    pixels = drawings.noise(100, 130, 3)
    changed = pdq(np.ascontiguousarray(np.rot90(pixels, 2)))
    assert pdq_dihedral(pixels).distance(changed) > MATCH_DISTANCE
    assert pdq_ways(pixels).distance(changed) == 0


def test_a_large_picture_is_turned_in_the_transform() -> None:
    pixels = np.asarray(drawings.scene(1, (1200, 900)))
    assert pdq_ways(pixels) == pdq_dihedral(pixels)


def test_grey_is_the_same_with_one_channel_as_with_three() -> None:
    grey = drawings.patterned(90, 100, 1)[:, :, 0]
    assert pdq(grey) == pdq(np.repeat(grey[:, :, None], 3, axis=2))


@pytest.mark.parametrize("shape", [(4, 300), (300, 4), (1, 1)])
def test_a_picture_too_small_has_no_quality(shape: tuple[int, int]) -> None:
    pixels = np.zeros((*shape, 3), np.uint8)
    assert pdq(pixels) == PdqHash("0" * 64, 0)
    assert pdq_dihedral(pixels).all() == (PdqHash("0" * 64, 0),) * 8


def test_hashing_leaves_the_picture_as_it_was_and_takes_views() -> None:
    pixels = drawings.patterned(120, 90, 2)
    before = pixels.copy()
    assert pdq(pixels[::-1, ::-1][::-1, ::-1]) == pdq(pixels)
    assert (pixels == before).all()


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((9, 9, 4), np.uint8),
        np.zeros((9, 9, 3), np.float32),
        np.zeros(9, np.uint8),
        np.zeros((9, 9, 1), np.uint8),
    ],
)
def test_another_kind_of_array_is_refused(wrong: Pixels) -> None:
    with pytest.raises(ValueError, match="it must be"):
        pdq(wrong)


def test_a_near_copy_is_found_in_the_index() -> None:
    bank = HashIndex.build([1, 2], pack([pdq(np.asarray(drawings.scene(seed))).hex for seed in (1, 2)]))
    smaller = np.asarray(drawings.scene(2).resize((200, 150)))
    assert [match.key for match in bank.search(pdq(smaller).hex)] == [2]
