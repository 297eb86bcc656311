"""Every way in which a file can be wrong gets its own clear answer, and never ends the reading of the rest."""

from __future__ import annotations

import csv
import gzip
import io
import os
import tracemalloc
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seawall.sources import BadLine, FileError, FileSource, Post, Source, check_file, read_posts
from seawall.sources.lines import MAX_LINE_BYTES, bounded_lines
from seawall.sources.posts import MAX_TEXT_CHARS

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GOOD = b'{"id":"good","text":"hello"}'


def read(path: Path) -> list[Post | BadLine]:
    return list(read_posts(path, now=NOW))


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def row(**fields: Any) -> bytes:
    return orjson.dumps({"id": "1", "text": "hello", **fields})


WHOLE = {
    "id": "a1",
    "text": "grüße 🙂",
    "url": "https://site.example/p/1",
    "platform": "site",
    "account": "@ann",
    "posted_at": "2026-02-28T10:00:00+01:00",
    "lang": "en-GB",
    "media": ["https://site.example/1.jpg", "b.png"],
    "likes": "7",
}
WHOLE_POST = Post(
    id="a1",
    text="grüße 🙂",
    url="https://site.example/p/1",
    platform="site",
    account="@ann",
    posted_at=datetime(2026, 2, 28, 9, tzinfo=UTC),
    lang="en-GB",
    media=("https://site.example/1.jpg", "b.png"),
    extra={"likes": "7"},
)


def as_csv(*rows: dict[str, Any]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows({**one, "media": " ".join(one["media"])} if "media" in one else one for one in rows)
    return out.getvalue().encode()


@pytest.mark.parametrize("name", ["p.jsonl", "p.ndjson", "P.JSONL", "p.jsonl.gz", "p.csv", "p.csv.gz", "p.parquet"])
def test_every_format_gives_the_same_post(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if "parquet" in name:
        pq.write_table(pa.Table.from_pylist([WHOLE]), path)
    else:
        content = as_csv(WHOLE) if "csv" in name else orjson.dumps(WHOLE) + b"\n"
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    check_file(path)
    assert read(path) == [WHOLE_POST]


def test_a_file_is_a_source(tmp_path: Path) -> None:
    source = FileSource(write(tmp_path, "a.jsonl", GOOD))
    assert isinstance(source, Source)
    assert source.name.endswith("a.jsonl")
    assert [post.id for post in source.read() if isinstance(post, Post)] == ["good"]


BAD_JSONL = [
    # line, field, words of the problem, why the case is here
    (b"{not json}", None, "not valid JSON at character 2", "malformed"),
    (b'{"id":"1","text":"a"', None, "not valid JSON", "cut off"),
    (b"[1]", None, "a list, not an object", "valid JSON of another kind"),
    (b"null", None, "missing, not an object", "JSON null"),
    (b'"x"', None, "text, not an object", "JSON string"),
    (b"[" * 5000, None, "not valid JSON", "deep nesting must not exhaust the stack"),
    (row(id=None), "id", "is missing", "null id"),
    (b'{"text":"a"}', "id", "is missing", "no id"),
    (row(id=""), "id", "is empty", "empty id"),
    (row(id="  "), "id", "is empty", "blank id"),
    (row(id=12), "id", "a number, not text", "numbers lose digits"),
    (row(id="x" * 513), "id", "513 characters long, more than 512", "long id"),
    (b'{"id":"1"}', "text", "is missing", "no text"),
    (row(text=""), "text", "is empty and there is no media", "nothing to look at"),
    (row(text=["a"]), "text", "a list, not text", "wrong type"),
    (row(text=True), "text", "true or false, not text", "wrong type"),
    (row(text="x" * (MAX_TEXT_CHARS + 1)), "text", "65,537 characters long, more than 65,536", "one too many"),
    (row(text="x" * 1_000_000), "text", "1,000,000 characters long", "a 1 MB text names its field"),
    (b'{"id":"1","text":"a\\u0000b"}', "text", "NUL character", "escaped NUL"),
    (b'{"id":"1","text":"a","more":{"x":["\\u0000"]}}', "more", "NUL character", "NUL deep in an unknown field"),
    (b'{"id":"1","text":"a","\\u0000":1}', "\ufffd", "NUL character", "NUL in a name, told without printing it"),
    (b'{"id":"1","text":"a\x00b"}', "text", "NUL byte", "raw NUL"),
    (b'{"id":"1","text":"\\ud83d"}', "text", "half of a surrogate pair (U+D83D)", "lone surrogate"),
    (b'{"id":"\\udc00","text":"a"}', "id", "half of a surrogate pair (U+DC00)", "lone surrogate in the id"),
    (b'{"id":"1","text":"caf\xe9"}', "text", "not valid UTF-8 at byte 22", "Latin-1"),
    (b'{"id":"1","text":"\xed\xa0\xbd"}', "text", "not valid UTF-8", "a surrogate in UTF-8's clothes"),
    (row(url="javascript:alert(1)"), "url", "not an http or https address", "a link that runs"),
    (row(url="ftp://site.example/"), "url", "not an http or https address", "another scheme"),
    (row(url="https://a.example/ b"), "url", "not an http or https address", "white space inside"),
    (row(url="https:///x"), "url", "not an http or https address", "no host"),
    (row(url="https://a.example/" + "x" * 2048), "url", "more than 2,048", "long address"),
    (row(url=5), "url", "a number, not text", "wrong type"),
    (row(platform={}), "platform", "an object, not text", "wrong type"),
    (row(account="x" * 513), "account", "more than 512", "long name"),
    (row(lang="not a language"), "lang", "not a language tag", "prose"),
    (row(media="a.jpg"), "media", "text, not a list", "a single name"),
    (row(media=[1]), "media", "entry 1 is a number, not text", "wrong type inside"),
    (row(media=["a", ""]), "media", "entry 2 is empty", "empty entry"),
    (row(media=["a"] * 101), "media", "101 entries, more than 100", "too many"),
    (row(posted_at="2026-02-28T10:00:00"), "posted_at", "no time zone", "naive"),
    (row(posted_at="2026-02-28"), "posted_at", "no time zone", "a day is no moment"),
    (row(posted_at="yesterday"), "posted_at", "not a date and time", "prose"),
    (row(posted_at="nan"), "posted_at", "not a number of seconds", "not a number"),
    (row(posted_at="1989-12-31T23:59:59Z"), "posted_at", "before 1990", "too old"),
    (row(posted_at=0), "posted_at", "before 1990", "the epoch itself is a default, not a date"),
    (row(posted_at="2026-03-02T12:00:01Z"), "posted_at", "more than 24 hours in the future", "just too late"),
    (row(posted_at=1772366400000), "posted_at", "milliseconds, not seconds", "JavaScript's clock"),
    (row(posted_at=10**17), "posted_at", "not a number of seconds", "absurd"),
    (row(posted_at=-(10**13)), "posted_at", "not a number of seconds", "before the year 1"),
    (row(posted_at=True), "posted_at", "true or false", "wrong type"),
    (row(posted_at="0001-01-01T00:00:00+14:00"), "posted_at", "before 1990", "the edge of what a date can be"),
    (row(posted_at="9999-12-31T23:59:59-14:00"), "posted_at", "in the future", "the other edge"),
]


@pytest.mark.parametrize(("line", "field", "problem", "why"), BAD_JSONL, ids=[f"{r[1]}: {r[3]}" for r in BAD_JSONL])
def test_a_bad_line_is_named_and_the_rest_goes_on(
    tmp_path: Path, line: bytes, field: str | None, problem: str, why: str
) -> None:
    first, bad, last = read(write(tmp_path, "a.jsonl", GOOD + b"\n" + line + b"\n" + GOOD))
    assert isinstance(first, Post)
    assert isinstance(last, Post)
    assert isinstance(bad, BadLine), why
    assert (bad.line, bad.field) == (2, field)
    assert problem in bad.problem
    assert bad.remedy
    assert str(bad).isprintable()


GOOD_ROWS = [
    (row(text="x" * MAX_TEXT_CHARS), "text", "x" * MAX_TEXT_CHARS, "the greatest text allowed"),
    (
        row(text="\U0001f642" * MAX_TEXT_CHARS),
        "text",
        "\U0001f642" * MAX_TEXT_CHARS,
        "characters are counted, not bytes",
    ),
    (row(text="", media=["a.jpg"]), "text", "", "a picture needs no words"),
    (row(url=""), "url", None, "empty means absent"),
    (row(url="HTTPS://A.example"), "url", "HTTPS://A.example", "schemes know no case"),
    (row(posted_at=1772366400), "posted_at", NOW, "seconds since 1970"),
    (row(posted_at=1772366400.5), "posted_at", NOW + timedelta(seconds=0.5), "with a fraction"),
    (row(posted_at="1772366400"), "posted_at", NOW, "seconds as text"),
    (row(posted_at="2026-03-01T12:00:00Z"), "posted_at", NOW, "the letter Z"),
    (row(posted_at="2026-03-02T12:00:00Z"), "posted_at", NOW + timedelta(hours=24), "24 hours ahead is allowed"),
    (row(posted_at=None), "posted_at", None, "null means absent"),
    (row(text="\ufeffa\u200bb"), "text", "\ufeffa\u200bb", "odd but lawful characters are kept"),
]


@pytest.mark.parametrize(("line", "field", "value", "why"), GOOD_ROWS, ids=[f"{r[1]}: {r[3]}" for r in GOOD_ROWS])
def test_what_is_allowed(tmp_path: Path, line: bytes, field: str, value: object, why: str) -> None:
    (post,) = read(write(tmp_path, "a.jsonl", line))
    assert isinstance(post, Post), why
    assert getattr(post, field) == value


def test_offsets_become_utc(tmp_path: Path) -> None:
    (post,) = read(write(tmp_path, "a.jsonl", row(posted_at="2026-02-01T00:30:00+05:30")))
    assert isinstance(post, Post)
    assert post.posted_at == datetime(2026, 2, 1, 0, 30, tzinfo=timezone(timedelta(hours=5.5)))
    assert post.posted_at.tzinfo is UTC


def test_blank_lines_marks_and_carriage_returns_are_no_trouble(tmp_path: Path) -> None:
    posts = read(write(tmp_path, "a.jsonl", b"\xef\xbb\xbf" + GOOD + b"\r\n\r\n \n" + GOOD + b"\r\n"))
    assert [type(post) for post in posts] == [Post, Post]


def test_a_line_without_end_does_not_fill_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    with gzip.open(path, "wb", compresslevel=1) as out:
        out.write(GOOD + b"\n")
        for _ in range(200):
            out.write(b"x" * (1 << 20))
        out.write(b"\n" + GOOD)
    tracemalloc.start()
    try:
        posts = read(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [type(post) for post in posts] == [Post, BadLine, Post]
    assert posts[1] == BadLine(2, None, "is longer than 4 MiB", "put one post on a line")
    assert peak < 5 * MAX_LINE_BYTES


@given(st.lists(st.binary(max_size=12).map(lambda raw: raw.replace(b"\n", b""))), st.integers(1, 12))
def test_bounded_lines_are_the_lines(lines: list[bytes], limit: int) -> None:
    content = b"".join(line + b"\n" for line in lines)
    got = list(bounded_lines(io.BytesIO(content), limit))
    assert got == [line + b"\n" if len(line) + 1 <= limit + 1 else None for line in lines]


def test_a_gzip_file_that_is_cut_off_gives_what_it_has(tmp_path: Path) -> None:
    whole = gzip.compress(b"".join(row(id=str(at), text=f"text {at * 7919 % 1000}") + b"\n" for at in range(5000)))
    for name, content in (("a.jsonl.gz", whole), ("a.csv.gz", gzip.compress(b"id,text\n" + b"1,hello\n" * 50_000))):
        posts = read(write(tmp_path, name, content[: len(content) * 2 // 3]))
        assert len(posts) > 100
        assert all(isinstance(post, Post) for post in posts[:-1])
        assert isinstance(posts[-1], BadLine)
        assert "cut off" in posts[-1].problem
        assert posts[-1].line >= len(posts)


BAD_FILES = [
    ("a.txt", GOOD, "format is not known", "an unknown ending"),
    ("a.jsonl", b"\xff\xfe{\x00}\x00", "is UTF-16", "a file from a spreadsheet"),
    ("a.jsonl", b"PAR1....", "is a Parquet file", "a wrong name"),
    ("a.jsonl", gzip.compress(GOOD), "is a gzip file", "packed without saying so"),
    ("a.jsonl.gz", GOOD, "is not a gzip file", "not packed"),
    ("a.csv", b"", "is empty", "nothing at all"),
    ("a.csv", b"id,body\n1,a\n", "no column 'text' (found: id, body)", "a column is missing"),
    ("a.csv", b"id;text\n1;a\n", "no column 'id'", "semicolons"),
    ("a.csv", b"id,text,id\n1,a,2\n", "line 1: column 'id' is there twice", "two columns of one name"),
    ("a.csv", b'"id,text\n1,a\n', "does not name the columns", "a quote left open in the first row"),
    ("a.parquet", b"not parquet", "is not a Parquet file", "damaged"),
    ("a.parquet", b"", "is not a Parquet file", "empty"),
]


@pytest.mark.parametrize(("name", "content", "problem", "why"), BAD_FILES, ids=[r[3] for r in BAD_FILES])
def test_a_file_that_cannot_be_read_at_all(tmp_path: Path, name: str, content: bytes, problem: str, why: str) -> None:
    path = write(tmp_path, name, content)
    with pytest.raises(FileError) as raised:
        check_file(path)
    assert problem in str(raised.value), why
    assert str(raised.value).startswith(str(path))
    with pytest.raises(FileError):
        read(path)


def test_absent_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "d.parquet").mkdir()
    (tmp_path / "d.jsonl").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    for name, problem in [
        ("pipe.csv", "is a pipe or a device"),
        ("no.jsonl", "no such file"),
        ("no.parquet", "no such file"),
        ("d.jsonl", "is a folder"),
        ("d.parquet", "is a folder"),
    ]:
        with pytest.raises(FileError, match=problem):
            check_file(tmp_path / name)


BAD_CSV = [
    (b"1,a\xe9,\n", "text", "not valid UTF-8", "Latin-1"),
    (b"1,a\x00b,\n", "text", "NUL character", "NUL"),
    (b",a,\n", "id", "is empty", "no id"),
    (b"1,a\n", None, "has 2 cells where the first row has 3", "too few cells"),
    (b"1,a,b,c\n", None, "has 4 cells where the first row has 3", "an unquoted comma"),
    (b'1,"a"b,\n', None, "not valid CSV", "text after a closing quote"),
    (b"1,a,2026-01-01 10:00\n", "posted_at", "no time zone", "naive"),
    (b"1," + b"x" * 1_000_000 + b",\n", "text", "1,000,000 characters long", "a 1 MB text names its field"),
]


@pytest.mark.parametrize(("line", "field", "problem", "why"), BAD_CSV, ids=[r[3] for r in BAD_CSV])
def test_a_bad_csv_row_is_named_and_the_rest_goes_on(
    tmp_path: Path, line: bytes, field: str | None, problem: str, why: str
) -> None:
    head = b'id,text,posted_at\n0,"two\nlines, quoted",\n\n'
    first, bad, last = read(write(tmp_path, "a.csv", head + line + b'2,"say ""hi""",1772366400\n'))
    assert isinstance(first, Post)
    assert first.text == "two\nlines, quoted"
    assert isinstance(bad, BadLine), why
    assert (bad.line, bad.field) == (5, field)
    assert problem in bad.problem
    assert isinstance(last, Post)
    assert (last.text, last.posted_at) == ('say "hi"', NOW)


def test_an_open_quote_never_turns_a_posts_words_into_posts(tmp_path: Path) -> None:
    forged = b'evil,"I am a line inside a quoted text",\n' * 200_000
    for tail, problem in ((forged.replace(b'"', b""), "more than 4 MiB"), (b"evil,x,\n" * 10, "never closed")):
        posts = read(write(tmp_path, "a.csv", b'id,text,url\n1,good,\n2,"never closed\n' + tail))
        assert [type(post) for post in posts] == [Post, BadLine]
        assert isinstance(posts[1], BadLine)
        assert posts[1].line == 3
        assert problem in posts[1].problem


BAD_COLUMNS = [
    ({"id": ["1"]}, "no column 'text' (found: id)", "missing"),
    ({"id": [1], "text": ["a"]}, "column 'id' is int64, not text", "numbers lose digits elsewhere"),
    ({"id": ["1"], "text": [b"a"]}, "column 'text' is binary, not text", "bytes"),
    ({"id": ["1"], "text": ["a"], "media": ["x"]}, "column 'media' is string, not a list of text", "one name"),
    ({"id": ["1"], "text": ["a"], "posted_at": [datetime(2026, 1, 1)]}, "no time zone", "naive"),  # noqa: DTZ001
    ({"id": ["1"], "text": ["a"], "posted_at": [True]}, "column 'posted_at' is bool", "wrong type"),
]


@pytest.mark.parametrize(("columns", "problem", "why"), BAD_COLUMNS, ids=[r[2] for r in BAD_COLUMNS])
def test_parquet_columns_are_checked_before_anything_is_read(
    tmp_path: Path, columns: dict[str, list[Any]], problem: str, why: str
) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table(columns), path)
    with pytest.raises(FileError) as raised:
        check_file(path)
    assert problem in str(raised.value), why


def test_parquet_rows_are_checked_one_by_one(tmp_path: Path) -> None:
    raw = pa.array([b"a", b"b", b"caf\xe9", b"c", b"d\0", b"e"], pa.binary()).buffers()
    bad = pa.StringArray.from_buffers(6, raw[1], raw[2])
    moments = pa.array([None, 10**9, 10**9, 9 * 10**10, 10**9, 0], pa.int64()).cast(pa.timestamp("s", "Europe/London"))
    table = pa.table(
        {
            "id": pa.array(["1", "", "3", "4", "5", "6"]).dictionary_encode(),
            "text": bad,
            "posted_at": moments,
            "seen": pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * 6),
            "likes": [1, 2, 3, 4, 5, 6],
        }
    )
    path = tmp_path / "a.parquet"
    pq.write_table(table, path)
    posts = read(path)
    assert isinstance(posts[0], Post)
    assert posts[0].extra == {"likes": 1}
    told = [(post.line, post.field, post.problem) for post in posts[1:] if isinstance(post, BadLine)]
    assert told == [
        (2, "id", "is empty"),
        (3, "text", "is not valid UTF-8"),
        (4, "posted_at", "lies more than 24 hours in the future"),
        (5, "text", "holds a NUL character"),
        (6, "posted_at", "is before 1990"),
    ]


def test_parquet_damaged_in_the_middle_gives_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"id": [str(at) for at in range(4000)], "text": [f"text {at}" for at in range(4000)]})
    pq.write_table(table, path, row_group_size=1000, use_dictionary=False)
    content = bytearray(path.read_bytes())
    begin = len(content) * 2 // 3
    content[begin : begin + 2000] = b"\xff" * 2000
    path.write_bytes(bytes(content))
    posts = read(path)
    assert isinstance(posts[-1], BadLine)
    assert "damaged" in posts[-1].problem
    assert len(posts) > 1000
    assert all(isinstance(post, Post) for post in posts[:-1])


JSON_LIKE = st.one_of(
    st.binary(max_size=80),
    st.builds(
        lambda fields: orjson.dumps(fields),
        st.dictionaries(
            st.sampled_from(["id", "text", "url", "posted_at", "lang", "media", "x"]),
            st.one_of(
                st.none(),
                st.booleans(),
                st.integers(-(2**62), 2**62),
                st.floats(allow_nan=False),
                st.text(max_size=20),
                st.lists(st.text(max_size=4), max_size=3),
                st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
            ),
        ),
    ),
    st.from_regex(rb'\A\{"id":"\\u[0-9a-d]{4}","text":"[^"]*"\}\Z'),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(JSON_LIKE, max_size=6))
def test_no_bytes_whatever_make_reading_fail(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "a.jsonl"
    path.write_bytes(GOOD + b"\n" + b"\n".join(lines))
    for number, post in enumerate(read(path)):
        if isinstance(post, Post):
            post.text.encode()
            assert "\0" not in post.id + post.text
            assert post.posted_at is None or post.posted_at.tzinfo is UTC
        else:
            assert post.line > number
            assert post.remedy


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_no_csv_whatever_makes_reading_fail(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "a.csv"
    path.write_bytes(b"id,text,media\n" + content)
    for post in read(path):
        assert isinstance(post, Post | BadLine)
