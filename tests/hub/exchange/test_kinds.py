from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.hub.exchange.kinds import SignalInvalid, SignalKind, canonical, canonical_url


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("https://Example.ORG", "https://example.org/"),
        ("http://example.org:80/a", "https://example.org/a"),
        ("example.org/a", "https://example.org/a"),
        ("https://example.org:443/a#top", "https://example.org/a"),
        ("https://example.org:8443/a", "https://example.org:8443/a"),
        ("https://user:secret@example.org/a", "https://example.org/a"),
        ("https://example.org/a/./b/../c", "https://example.org/a/c"),
        ("https://example.org/../../a", "https://example.org/a"),
        ("https://example.org/a/..", "https://example.org/"),
        ("https://example.org/%7euser/%e2%82%ac", "https://example.org/~user/%E2%82%AC"),
        ("https://example.org/a%2Fb", "https://example.org/a%2Fb"),
        ("https://example.org/?b=2&a=1", "https://example.org/?b=2&a=1"),
        ("https://example.org/?utm_source=x&id=7&fbclid=y", "https://example.org/?id=7"),
        ("https://example.org/?a=&b=c d", "https://example.org/?a=&b=c%20d"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://example.org./a", "https://example.org/a"),
        ("  https://example.org/a \n", "https://example.org/a"),
    ],
)
def test_one_page_has_one_address(written: str, kept: str) -> None:
    assert canonical_url(written) == kept
    assert canonical_url(kept) == kept


@pytest.mark.parametrize(
    "written",
    [
        "",
        "nowhere",
        "ftp://example.org/",
        "https://",
        "https://[::1/",
        "https://exa mple.org/",
        "javascript://x.org/%0a",
        "https://a..b/x\x00",
    ],
)
def test_what_is_no_address_is_refused(written: str) -> None:
    with pytest.raises(SignalInvalid):
        canonical(SignalKind.URL, written)


@given(st.text(max_size=80))
def test_a_canonical_address_is_its_own_canonical_form(text: str) -> None:
    try:
        once = canonical_url(f"https://example.org/{text}")
    except SignalInvalid:
        return
    assert canonical_url(once) == once


@pytest.mark.parametrize(
    ("kind", "written", "kept"),
    [
        (SignalKind.PDQ, " " + "AB" * 32, "ab" * 32),
        (SignalKind.MD5, "F" * 32, "f" * 32),
        (SignalKind.SHA256, "0" * 64, "0" * 64),
        (SignalKind.TERM, " Two  Words\n", "two words"),
        (SignalKind.TEXT, "Keep the  Case", "Keep the Case"),
        (SignalKind.ACCOUNT, "alpha.example:Some-One/7", "alpha.example:Some-One/7"),
    ],
)
def test_each_kind_has_one_form(kind: SignalKind, written: str, kept: str) -> None:
    assert canonical(kind, written) == kept
    assert canonical(kind, kept) == kept


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        (SignalKind.PDQ, "ab" * 31),
        (SignalKind.MD5, "g" * 32),
        (SignalKind.SHA256, ""),
        (SignalKind.TERM, "  "),
        (SignalKind.ACCOUNT, "someone"),
        (SignalKind.ACCOUNT, "alpha:a b"),
        (SignalKind.TEXT, "x" * 2_001),
        (SignalKind.TEXT, "a\x00b"),
    ],
)
def test_what_is_no_value_of_its_kind_is_refused(kind: SignalKind, written: str) -> None:
    with pytest.raises(SignalInvalid):
        canonical(kind, written)


FRAME = "ab" * 32


def test_a_video_is_kept_as_the_frames_that_are_compared() -> None:
    written = [f"{'cd' * 32},100,2.000", f"{FRAME},50,1.000", f"{FRAME},90,3.000", f"{'ef' * 32},49,0.000"]
    kept = f"{FRAME},50,1.000\n{'cd' * 32},100,2.000"
    assert canonical(SignalKind.VPDQ, "\n".join(written)) == kept
    assert canonical(SignalKind.VPDQ, json.dumps(written)) == kept
    assert canonical(SignalKind.VPDQ, kept) == kept


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("", "No frame"),
        ("[]", "No frame"),
        (f"{FRAME},49,1.000", "quality of 50"),
        (FRAME, "is no hash of a frame"),
        ("[1]", "a frame a line"),
        ("[", "JSON list"),
        ("\n".join(f"{number:064x},100,1.000" for number in range(601)), "at most 600 frames"),
        ("x" * 60_001, "at most 60,000"),
    ],
)
def test_what_is_no_video_is_refused(value: str, says: str) -> None:
    with pytest.raises(SignalInvalid, match=says):
        canonical(SignalKind.VPDQ, value)


def test_a_record_of_the_at_protocol_is_named_by_its_owner_s_did() -> None:
    address = "at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.feed.post/3k1"
    assert canonical(SignalKind.URL, f" {address} ") == address
    for wrong in ("at://alice.example/app.bsky.feed.post/3k1", "at://did:plc:aaaa", f"{address}/x", "at://"):
        with pytest.raises(SignalInvalid):
            canonical(SignalKind.URL, wrong)
