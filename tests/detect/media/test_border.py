"""A plain border is taken off before a second look; what is no border stays."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageOps
from tests.detect.media.drawings import encoded, flat, scene

from seawall.detect.media import MATCH_DISTANCE, MediaReader, hash_picture, pdq, without_border


@pytest.mark.parametrize("sides", [(20, 20, 20, 20), (0, 40, 0, 40), (30, 0, 0, 0), (0, 0, 0, 25)])
def test_a_border_is_taken_off(sides: tuple[int, int, int, int]) -> None:
    image = scene(3)
    inside = without_border(np.asarray(ImageOps.expand(image, sides, (12, 12, 12))))
    assert inside is not None
    assert (inside == np.asarray(image)).all()


def test_what_is_no_border_stays() -> None:
    assert without_border(np.asarray(scene(3))) is None
    assert without_border(flat(100, 100, 7)) is None
    assert without_border(np.asarray(ImageOps.expand(scene(3).resize((40, 30)), 200, "black"))) is None


def test_a_framed_copy_is_found_with_the_specks_that_jpeg_leaves(reader: MediaReader) -> None:
    image = scene(3)
    framed = Image.new("RGB", (image.width + 60, image.height + 90), "white")
    framed.paste(image, (20, 50))
    found = hash_picture(reader, encoded(framed, "JPEG", quality=60))
    original = pdq(np.asarray(image))
    assert found.pdq.distance(original) > MATCH_DISTANCE
    assert found.borderless is not None
    assert found.borderless.original.distance(original) <= MATCH_DISTANCE
    assert found.lookups()[0] == found.pdq
    assert len(found.lookups()) == 16
