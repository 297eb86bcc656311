"""DAG-CBOR: read strictly, written in its one permitted way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.formats import dagcbor
from seawall.formats.dagcbor import Link

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.text()
    | st.binary()
    | st.binary(min_size=1, max_size=40).map(Link),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_written_is_read_back(value: dagcbor.Value) -> None:
    assert dagcbor.decode(dagcbor.encode(value)) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        dagcbor.decode(raw)
    except ValueError:
        return


@pytest.mark.parametrize(
    ("raw", "value"),
    [  # from RFC 8949, appendix A
        ("00", 0),
        ("17", 23),
        ("1818", 24),
        ("1903e8", 1000),
        ("1a000f4240", 1_000_000),
        ("1bffffffffffffffff", 2**64 - 1),
        ("20", -1),
        ("3903e7", -1000),
        ("3bffffffffffffffff", -(2**64)),
        ("f4", False),
        ("f5", True),
        ("f6", None),
        ("4401020304", b"\x01\x02\x03\x04"),
        ("6449455446", "IETF"),
        ("62c3bc", "ü"),
        ("83010203", [1, 2, 3]),
        ("a26161016162820203", {"a": 1, "b": [2, 3]}),
    ],
)
def test_known_values(raw: str, value: dagcbor.Value) -> None:
    assert dagcbor.decode(bytes.fromhex(raw)) == value
    assert dagcbor.encode(value) == bytes.fromhex(raw)


def test_keys_are_in_order_of_length_and_then_of_bytes() -> None:
    assert dagcbor.encode({"aa": 1, "b": 2, "a": 3}) == bytes.fromhex("a3616103616202626161" + "01")


def test_values_follow_one_another_in_a_frame() -> None:
    raw = dagcbor.encode({"op": 1}) + dagcbor.encode([2])
    first, end = dagcbor.decode_first(raw)
    assert (first, dagcbor.decode_first(raw, end)) == ({"op": 1}, ([2], len(raw)))


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("", "ends"),
        ("18", "ends"),
        ("6449", "ends"),
        ("9bffffffffffffffff", "announced"),
        ("bb00000000ffffffff", "announced"),
        ("5f42010243030405ff", "open"),
        ("9fff", "open"),
        ("1c", "reserved"),
        ("f7", "not allowed"),
        ("f97e00", "not allowed"),
        ("fb3ff199999999999a", "not allowed"),
        ("c11a514b67b0", "not allowed"),
        ("c249010000000000000000", "not allowed"),
        ("d81c00", "not allowed"),
        ("d82a00", "not a content identifier"),
        ("d82a4101", "not a content identifier"),
        ("62c328", "UTF-8"),
        ("a10102", "not a text"),
        ("a2616101616102", "twice"),
        ("0000", "follow"),
        ("81" * 40 + "00", "nested"),
    ],
)
def test_anything_else_is_refused_with_its_place(raw: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        dagcbor.decode(bytes.fromhex(raw))


@pytest.mark.parametrize("value", [1.5, object(), {1: 2}, 2**64, -(2**64) - 1, "\ud800"])
def test_what_it_cannot_hold_is_not_written(value: dagcbor.Value) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (what it says is the point of the test above)
        dagcbor.encode(value)


def test_what_is_too_deep_is_not_written() -> None:
    value: dagcbor.Value = 0
    for _ in range(40):
        value = [value]
    with pytest.raises(ValueError, match="nested"):
        dagcbor.encode(value)
