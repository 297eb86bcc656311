from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.durations import ClockError, Months, format_duration, in_words, parse_duration


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("PT15M", timedelta(minutes=15)),
        ("PT48H", timedelta(hours=48)),
        ("P2D", timedelta(days=2)),
        ("P1W", timedelta(days=7)),
        ("P1DT2H3M4.5S", timedelta(days=1, hours=2, minutes=3, seconds=4.5)),
        ("P6M", Months(6)),
        ("P1Y6M", Months(18)),
    ],
)
def test_durations_are_read(text: str, length: timedelta | Months) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize(
    "text",
    [
        "",
        "P",
        "PT",
        "P1",
        "P1DT",
        "1H",
        "24",
        "pt1h",
        "-PT1H",
        "PT1,5H",
        "PT1.5H",
        "P1W2D",
        "PT\uff11H",
        "P1D\n",
        "P" * 99,
    ],
)
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ClockError, match=r"is not an ISO 8601 duration\. Write PT24H for 24 hours\."):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("PT0S", "above zero"),
        ("P4000D", "up to ten years"),
        ("P9999999999999999D", "longer than ten years"),
        ("P1M1D", "mixes months with days"),
        ("P999M", "between 1 and 120"),
    ],
)
def test_durations_that_no_limit_can_have_are_refused(text: str, message: str) -> None:
    with pytest.raises(ClockError, match=message):
        parse_duration(text)


lengths = st.one_of(
    st.integers(1, 3600 * 86_400_000_000).map(lambda count: timedelta(microseconds=count)),
    st.integers(1, 120).map(Months),
)


@given(lengths)
def test_what_is_written_is_read_back(length: timedelta | Months) -> None:
    assert parse_duration(format_duration(length)) == length


@given(st.text(alphabet="PTYMWDHS0123456789.", max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        length = parse_duration(text)
    except ClockError:
        return
    assert parse_duration(format_duration(length)) == length


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(0), "no time"),
        (timedelta(milliseconds=900), "no time"),
        (timedelta(seconds=1), "1 second"),
        (timedelta(seconds=59), "59 seconds"),
        (timedelta(minutes=1, seconds=59), "1 minute"),
        (timedelta(hours=2, minutes=5), "2 hours 5 minutes"),
        (timedelta(hours=2, seconds=59), "2 hours"),
        (timedelta(hours=48), "48 hours"),
        (timedelta(hours=71, minutes=59), "71 hours 59 minutes"),
        (timedelta(hours=72), "3 days"),
        (timedelta(days=3, hours=1, minutes=59), "3 days 1 hour"),
        (-timedelta(hours=2, minutes=5), "2 hours 5 minutes"),
        (Months(1), "1 month"),
        (Months(6), "6 months"),
    ],
)
def test_lengths_in_words(length: timedelta | Months, words: str) -> None:
    assert in_words(length) == words


@pytest.mark.parametrize("count", [0, -1, 121, True, 1.5])
def test_months_are_a_sensible_whole_number(count: int) -> None:
    with pytest.raises(ClockError):
        Months(count)
