"""Words in pictures come out as lines and as plain text for the text detector."""

from __future__ import annotations

import pytest
from tests.detect.media.drawings import encoded, scene, written

from seawall.detect.media import Line, MediaError, MediaReader, Words
from seawall.detect.media.ocr import words_of


def line(text: str, x: float, y: float, *, sure: float = 0.9, wide: float = 50, high: float = 20) -> Line:
    return Line(text, sure, ((x, y), (x + wide, y), (x + wide, y + high), (x, y + high)))


def test_words_are_read(reader: MediaReader) -> None:
    found = reader.words(encoded(written(["Nobody is alone", "call 116 123 today"]), "PNG"))
    assert found.text() == "Nobody is alone\ncall 116 123 today"
    first = found.lines[0]
    assert first.sure > 0.8
    assert 10 < first.corners[0][0] < 40
    assert (found.width, found.height) == (480, 142)


def test_a_picture_without_words_and_one_too_small_have_none(reader: MediaReader) -> None:
    assert reader.words(encoded(scene(1).resize((7, 7)), "PNG")) == Words((), 7, 7)
    assert reader.words(encoded(written([]), "PNG")).text() == ""


def test_the_same_refusals_as_for_pictures(reader: MediaReader) -> None:
    data = encoded(written(["cut"]), "PNG")
    for wrong, kind in ((b"%PDF-1.4", "unsupported"), (data[: len(data) // 2], "truncated"), (b"", "empty")):
        with pytest.raises(MediaError) as caught:
            reader.words(wrong)
        assert caught.value.kind == kind


def test_lines_side_by_side_are_one_row_and_a_gap_is_an_empty_line() -> None:
    told = {"words": [], "read_width": 200, "read_height": 200}
    lines = [
        line("below", 0, 90),
        line("right", 100, 12),
        line("left", 0, 10),
        line("doubtful", 0, 40, sure=0.2),
        line(" ", 0, 60),
    ]
    told["words"] = [[one.text, one.sure, one.corners] for one in lines]
    words = words_of(told)
    assert words.text() == "left right\n\nbelow"
    assert words.text(least_sure=0.1) == "left right\ndoubtful\n\nbelow"
    assert [one.text for one in words.lines][:2] == ["left", "right"]


@pytest.mark.parametrize(
    "words",
    [
        None,
        [["a", 0.5]],
        [[3, 0.5, [[0, 0]] * 4]],
        [["a", 1.5, [[0, 0]] * 4]],
        [["a", 0.5, [[0, 0]] * 3]],
        [["a", 0.5, [[0, float("nan")]] * 4]],
        [["a", "b", [[0, 0]] * 4]],
    ],
)
def test_what_the_process_tells_is_not_believed(words: object) -> None:
    with pytest.raises(MediaError) as caught:
        words_of({"words": words, "read_width": 9, "read_height": 9})
    assert caught.value.kind == "crashed"


def test_words_are_made_plain() -> None:
    told = {"words": [["a\x1b[31m\u202eb\n", 0.9, [[0, 0], [9, 0], [9, 9], [0, 9]]]], "read_width": 9, "read_height": 9}
    assert words_of(told).text() == "a [31m b"
