"""Posts from files: JSON Lines and CSV (each also gzipped), and Parquet.

One bad line is told and left out; the rest is read. Only what makes a whole file unreadable raises `FileError`.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

from seawall.sources.lines import DAMAGE, MAX_LINE_BYTES, bounded_lines, open_bytes
from seawall.sources.posts import AHEAD, BadLine, FieldError, Post, check_characters, kind_of, make_post, printable

_BOM: Final = b"\xef\xbb\xbf"
_WIDE_BOMS: Final = (b"\xff\xfe", b"\xfe\xff")
_MIB: Final = MAX_LINE_BYTES >> 20
_CUT_OFF: Final = BadLine(0, None, "the compressed data is damaged or cut off here", "copy or download the file again")

Rows = Iterator[Post | BadLine]


class FileError(Exception):
    """A file cannot be read at all. The message names the file, what is wrong and what to do."""

    def __init__(self, path: Path, problem: str, remedy: str) -> None:
        super().__init__(f"{path}: {problem}; {remedy}")
        self.path, self.problem, self.remedy = path, problem, remedy


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file as a `Source`."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    def read(self) -> Rows:
        return read_posts(self.path)


def read_posts(path: str | Path, *, now: datetime | None = None) -> Rows:
    """Read the posts of a file in order, in constant memory; the name's ending tells the format.

    `.jsonl` and `.ndjson` (one JSON object a line), `.csv` (comma-separated, the first row names the columns), each
    also with `.gz` after it, and `.parquet`. `id` and `text` are required; `url, platform, account, posted_at, lang`
    and `media` may be there; other columns go into `Post.extra`. In CSV, `media` holds addresses separated by spaces,
    and a date is text. `posted_at` is ISO 8601 with an offset, or seconds since 1970.

    A line that cannot be used comes as a `BadLine` in its place. Blank lines are passed over. `now` (aware; the present
    when left out) is what a date in the future is measured against.

    Raises `FileError`, at the first step, when the file is absent, may not be read, is of an unknown format or lacks a
    column.
    """
    path = Path(path)
    latest = (now or datetime.now(UTC)) + AHEAD
    return _reader(path)(path, latest)


def check_file(path: str | Path) -> None:
    """Raise `FileError` now if reading the file would at its first step; reads no more than its beginning."""
    path = Path(path)
    rows = _reader(path)(path, datetime.now(UTC) + AHEAD)
    try:
        next(rows, None)
    finally:
        rows.close()  # type: ignore[attr-defined]  # every reader is a generator


def _reader(path: Path) -> Callable[[Path, datetime], Rows]:
    name = path.name.lower()
    plain = name.removesuffix(".gz")
    if plain.endswith((".jsonl", ".ndjson")):
        return _read_jsonl
    if plain.endswith(".csv"):
        return _read_csv
    if name.endswith((".parquet", ".pq")):
        from seawall.sources.parquet import read_parquet  # pyarrow takes a third of a second to import

        return read_parquet
    raise FileError(
        path,
        "the format is not known by this name",
        "name it .jsonl, .ndjson or .csv (.gz may follow), or .parquet",
    )


def refuse_unless_file(path: Path) -> None:
    """Raise `FileError` for a folder, a pipe or a device: a file must be there to be looked at twice."""
    if path.is_dir():
        raise FileError(path, "is a folder", "name the files in it")
    if path.exists() and not path.is_file():
        raise FileError(path, "is a pipe or a device", "write the posts to a file first")


def _open(path: Path) -> BinaryIO:
    try:
        refuse_unless_file(path)
        return open_bytes(path)
    except FileNotFoundError:
        raise FileError(path, "there is no such file", "check the name") from None
    except PermissionError:
        raise FileError(path, "may not be read", "give yourself permission to read it") from None
    except OSError as problem:
        raise FileError(path, f"cannot be opened ({problem.strerror})", "check the disk and the name") from None


def _start(path: Path, stream: BinaryIO) -> None:
    """Step over a byte-order mark; refuse what is not text in UTF-8 at all."""
    try:
        head = stream.read(4)
        stream.seek(len(_BOM) if head.startswith(_BOM) else 0)
    except DAMAGE as problem:
        raise FileError(path, f"is not a gzip file ({problem})", "take .gz from the name, or pack it again") from None
    except OSError as problem:
        raise FileError(
            path, f"cannot be read ({problem.strerror or problem})", "check the disk and the name"
        ) from None
    if head.startswith(_WIDE_BOMS):
        raise FileError(path, "is UTF-16", "save it as UTF-8")
    if head.startswith(b"PAR1"):
        raise FileError(path, "is a Parquet file", "name it .parquet")
    if head.startswith(b"\x1f\x8b"):
        raise FileError(path, "is a gzip file", "end its name in .gz")


def _cut_off(line: int) -> BadLine:
    return BadLine(line, _CUT_OFF.field, _CUT_OFF.problem, _CUT_OFF.remedy)


def _read_jsonl(path: Path, latest: datetime) -> Rows:
    with _open(path) as stream:
        _start(path, stream)
        number = 0
        try:
            for number, line in enumerate(bounded_lines(stream), start=1):
                if line is None:
                    yield BadLine(number, None, f"is longer than {_MIB} MiB", "put one post on a line")
                    continue
                try:
                    row = orjson.loads(line)
                    if type(row) is not dict:
                        raise FieldError(
                            None, f"is {kind_of(row)}, not an object", 'write one {"id": ..., "text": ...} a line'
                        )
                    if b"\\u0000" in line:
                        check_characters(row)
                    yield make_post(row, latest, number)
                except orjson.JSONDecodeError as problem:
                    if not line.isspace():
                        yield _bad_json(number, line, problem)
                except FieldError as fault:
                    yield BadLine(number, fault.field, str(fault), fault.remedy)
        except DAMAGE:
            yield _cut_off(number + 1)


def _bad_json(number: int, line: bytes, problem: orjson.JSONDecodeError) -> BadLine:
    """Say as nearly as can be what keeps a line from being JSON that we can use."""
    if b"\0" in line:
        return BadLine(
            number, _field_at(line, line.index(b"\0")), "holds a NUL byte", "remove it where the file is made"
        )
    try:
        line.decode()
    except UnicodeDecodeError as fault:
        return BadLine(
            number,
            _field_at(line, fault.start),
            f"is not valid UTF-8 at byte {fault.start + 1}",
            "save the file as UTF-8",
        )
    try:
        # Python's own parser lets half a surrogate pair through, so that the field can be named.
        row = json.loads(line)
        if isinstance(row, dict):
            check_characters(row)
    except FieldError as fault:
        return BadLine(number, fault.field, str(fault), fault.remedy)
    except (ValueError, RecursionError):
        pass
    reason = str(problem).split(": line")[0]
    return BadLine(
        number, None, f"is not valid JSON at character {problem.colno} ({reason})", "write one JSON object a line"
    )


def _field_at(line: bytes, at: int) -> str | None:
    """The last known key that begins before byte `at` of a JSON line: a best guess, for a message."""
    found = [(line.rfind(f'"{name}"'.encode(), 0, at), name) for name in ("id", "text", "url", "platform", "account")]
    begin, name = max(found)
    return name if begin >= 0 else None


class _RunawayRecord(Exception):
    """A CSV record goes on for more than `MAX_LINE_BYTES`."""


class _CsvLines:
    """Lines for `csv.reader`, with a bound on what one record may take.

    Bytes that are not UTF-8 are carried as lone surrogates, so that the check of characters can name the field.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._lines = bounded_lines(stream)
        self.number = 0
        self.record_bytes = 0

    def __iter__(self) -> _CsvLines:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number += 1
        self.record_bytes += MAX_LINE_BYTES + 1 if line is None else len(line)
        if line is None or self.record_bytes > MAX_LINE_BYTES:
            raise _RunawayRecord
        return line.decode("utf-8", "surrogateescape")


def _read_csv(path: Path, latest: datetime) -> Rows:
    if csv.field_size_limit() < MAX_LINE_BYTES:
        csv.field_size_limit(MAX_LINE_BYTES)  # the module has one limit for the whole process
    with _open(path) as stream:
        _start(path, stream)
        lines = _CsvLines(stream)
        records = csv.reader(lines, strict=True)
        header = _csv_header(path, lines, records)
        while True:
            first, lines.record_bytes = lines.number + 1, 0
            try:
                yield from _csv_record(header, next(records), first, latest)
            except StopIteration:
                return
            except csv.Error as problem:
                reason = "a quote that opens here is never closed" if "end of data" in str(problem) else str(problem)
                yield BadLine(first, None, f"is not valid CSV ({reason})", "double each quote inside a quoted field")
            except _RunawayRecord:
                # Reading on would take what stands inside the open quotes for records, which a post could abuse.
                yield BadLine(
                    first,
                    None,
                    f"a record begins here that goes on for more than {_MIB} MiB; the rest of the file was not read",
                    "close the quote that is open",
                )
                return
            except DAMAGE:
                yield _cut_off(first)
                return


def _csv_header(path: Path, lines: _CsvLines, records: Iterator[list[str]]) -> list[str]:
    try:
        header = [name.strip() for name in next(records)]
    except StopIteration:
        raise FileError(path, "is empty", "the first row must name the columns, with id and text among them") from None
    except (csv.Error, _RunawayRecord, *DAMAGE):
        raise FileError(path, "line 1 does not name the columns", "begin with a row such as id,text,url") from None
    for name in header:
        if header.count(name) > 1:
            raise FileError(path, f"line 1: column '{printable(name)}' is there twice", "give each column its own name")
    for name in ("id", "text"):
        if name not in header:
            found = printable(", ".join(header[:20]))
            hint = "separate the columns with commas" if len(header) == 1 and not header[0].isidentifier() else "add it"
            raise FileError(path, f"line 1: there is no column {name!r} (found: {found})", hint)
    return header


def _csv_record(header: list[str], cells: list[str], line: int, latest: datetime) -> Rows:
    if not cells:
        return
    if len(cells) != len(header):
        yield BadLine(
            line,
            None,
            f"has {len(cells)} cells where the first row has {len(header)}",
            "put fields with commas in quotes",
        )
        return
    row: dict[str, Any] = dict(zip(header, cells, strict=True))
    try:
        if not all(map(str.isascii, cells)) or any("\0" in cell for cell in cells):
            check_characters(row)
        if "media" in row:
            row["media"] = row["media"].split()
        yield make_post(row, latest, line)
    except FieldError as fault:
        yield BadLine(line, fault.field, str(fault), fault.remedy)
