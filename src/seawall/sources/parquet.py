"""Posts from Parquet, one batch of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from seawall.sources.files import FileError, refuse_unless_file
from seawall.sources.posts import FIELDS, BadLine, FieldError, Post, check_characters, make_post, printable

BATCH_ROWS: Final = 1024
_REQUIRED: Final = ("id", "text")


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_float32(kind) or pa.types.is_float64(kind))


def _is_text_list(kind: pa.DataType) -> bool:
    return bool((pa.types.is_list(kind) or pa.types.is_large_list(kind)) and _is_text(kind.value_type))


def _columns(path: Path, schema: pa.Schema) -> list[str]:
    """The columns to read: the known ones, checked, and others whose values JSON can hold."""
    names: list[str] = schema.names
    for name in names:
        if names.count(name) > 1:
            raise FileError(path, f"column '{printable(name)}' is there twice", "give each column its own name")
    for name in _REQUIRED:
        if name not in names:
            found = printable(", ".join(names[:20]))
            raise FileError(path, f"there is no column {name!r} (found: {found})", "add it, or rename the column")
    chosen = []
    for name in names:
        kind = schema.field(name).type
        if name == "posted_at":
            if pa.types.is_timestamp(kind) and kind.tz is None:
                raise FileError(
                    path, "column 'posted_at' has no time zone", "write it as a timestamp with a time zone, such as UTC"
                )
            fits = pa.types.is_timestamp(kind) or _is_text(kind) or _is_number(kind)
        elif name == "media":
            fits = _is_text_list(kind)
        elif name in FIELDS:
            fits = _is_text(kind)
        else:
            if _is_text(kind) or _is_number(kind) or _is_text_list(kind) or pa.types.is_boolean(kind):
                chosen.append(name)
            continue
        if not fits and not pa.types.is_null(kind):
            wanted = {"posted_at": "a timestamp with a time zone", "media": "a list of text"}.get(name, "text")
            raise FileError(
                path, f"column {name!r} is {kind}, not {wanted}", "convert the column and write the file again"
            )
        chosen.append(name)
    return chosen


def _values(column: pa.Array) -> list[Any]:
    kind = column.type
    if pa.types.is_timestamp(kind):
        # Through whole microseconds: years beyond 9999 then reach our own check and not a conversion that fails.
        ticks = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}[kind.unit]
        whole: list[int | None] = column.cast(pa.int64()).to_pylist()
        return [None if value is None else value / ticks for value in whole]
    try:
        values: list[Any] = column.to_pylist()
    except UnicodeDecodeError:
        if pa.types.is_dictionary(kind):
            column = column.dictionary_decode()
        binary = pa.large_binary() if pa.types.is_large_string(column.type) else pa.binary()
        raw = pc.cast(column, binary).to_pylist() if _is_text(column.type) else []
        values = [None if value is None else value.decode("utf-8", "surrogateescape") for value in raw]
        values = values or [None] * len(column)
    return values


def read_parquet(path: Path, latest: datetime) -> Iterator[Post | BadLine]:
    """See `seawall.sources.read_posts`. Columns of structs, bytes, dates and the like are left out of `extra`."""
    try:
        refuse_unless_file(path)
        file = pq.ParquetFile(path, memory_map=False)
    except FileNotFoundError:
        raise FileError(path, "there is no such file", "check the name") from None
    except PermissionError:
        raise FileError(path, "may not be read", "give yourself permission to read it") from None
    except (pa.ArrowException, OSError) as problem:
        reason = str(problem).split("\n")[0][:200]
        raise FileError(path, f"is not a Parquet file ({reason})", "copy it again, or check the name") from None
    with file:
        names = _columns(path, file.schema_arrow)
        at = 0
        try:
            for batch in file.iter_batches(BATCH_ROWS, columns=names):
                columns = [_values(batch.column(name)) for name in names]
                for values in zip(*columns, strict=True):
                    at += 1
                    yield _row(dict(zip(names, values, strict=True)), at, latest)
        except (pa.ArrowException, OSError):
            yield BadLine(at + 1, None, "the data is damaged from about here on", "copy or download the file again")


def _row(row: dict[str, Any], at: int, latest: datetime) -> Post | BadLine:
    try:
        for value in row.values():
            if (type(value) is str and (not value.isascii() or "\0" in value)) or type(value) is list:
                check_characters(row)
                break
        return make_post(row, latest, at)
    except FieldError as fault:
        return BadLine(at, fault.field, str(fault), fault.remedy)
