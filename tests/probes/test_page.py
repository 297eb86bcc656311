"""Reading the text of a page that may be hostile."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from seawall.probes import normalise, page, text_digest


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>one <b>two</b>three</p>", "one twothree"),  # inline elements do not part words
        ("<p>one</p><p>two</p>", "one two"),
        ("one<br>two", "one two"),
        ("&lt;b&gt; &amp; &eacute;", "<b> & é"),
        ("<!-- gone -->here", "here"),
        ("<!doctype html><?xml ?>here", "here"),
        ("<script>if (a < b) '<p>'</script>here<style>p{}</style>", "here"),
        ("<SCRIPT>x</ScRiPt >here", "here"),
        ("<p title='a > b' data-x=\"</p>\">here</p>", "here"),  # quoted marks end nothing
        ("1 < 2 <3", "1 < 2 <3"),
        ("<p>open", "open"),
        ("here<!-- never ends", "here"),
        ("here<p title='never ends", "here"),
        ("here<script>never ends", "here"),
        ("</p>here</", "here"),
        ('<meta property="og:description" content="a &amp; b"><meta name="viewport" content="no">', "a & b"),
        ("", ""),
    ],
)
def test_visible_text(markup: str, text: str) -> None:
    assert normalise(page.read(markup).text) == text


@pytest.mark.parametrize(
    ("markup", "restricted"),
    [
        ("<p data-restricted>x</p>", True),
        ("<p class=a DATA-Restricted='age'>x</p>", True),
        ("<p>data-restricted</p>", False),
        ("<img alt=' data-restricted '>", False),  # what a poster may write in a description marks nothing
        ("<p data-restricted-by=x>", False),
        ("<!-- <p data-restricted> -->", False),
    ],
)
def test_marker_is_an_attribute_of_the_page_itself(markup: str, restricted: bool) -> None:
    assert page.read(markup).restricted is restricted


def test_digest_is_found_in_the_element_that_holds_the_text() -> None:
    seen = page.read("<main><h1>Title</h1><div>line one\n  line <i>two</i></div><footer>x</footer></main>")
    assert seen.holds_digest(text_digest("line one line two"))
    assert seen.holds_digest(hashlib.sha256(b"line one\n  line two").hexdigest())
    assert not seen.holds_digest(text_digest("line one"))


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=200))
def test_any_escaped_text_is_found_again(text: str) -> None:
    seen = page.read(f"<html><body><nav>menu</nav><article>{escape(text)}</article></body></html>")
    assert seen.holds(text)
    assert seen.holds_digest(text_digest(text))


@given(st.text(alphabet="<>!-/ \"'=ap&;#x", max_size=400))
def test_any_markup_is_read(markup: str) -> None:
    seen = page.read(markup)
    assert all(0 <= begin <= end <= len(seen.text) for begin, end in seen.elements)


@pytest.mark.parametrize(
    "piece", ["<", "<a ", '<a "', "<a ''", "<!--", "<script>", "<div>", "</p>", '<a x="', "&#", "<a b ", "<p></p>"]
)
def test_hostile_megabyte_is_read_without_backtracking(piece: str) -> None:
    # A quadratic reader takes many minutes here; a linear one well under two seconds.
    seen = page.read(piece * (1_000_000 // len(piece)))
    assert not seen.holds("the text")
    assert not seen.holds_digest("0" * 64)


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("é".encode(), "text/html", "é"),
        ("é".encode("latin-1"), "text/html; charset=ISO-8859-1", "é"),
        (b'<meta charset="windows-1252">\x80', "text/html", '<meta charset="windows-1252">€'),
        (b"\xff", "text/html; charset=utf-8", "\ufffd"),
        (b"x", "text/html; charset=no-such-thing", "x"),
        (b"x", "text/html; charset=hex", "x"),  # a codec, and not one of text
    ],
)
def test_body_is_decoded_as_declared(body: bytes, content_type: str, text: str) -> None:
    assert page.decode(body, content_type) == text
