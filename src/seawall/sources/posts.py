"""A post as it comes in, and the checks that every adapter makes before anything else sees it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

MAX_ID_CHARS: Final = 512
MAX_TEXT_CHARS: Final = 65_536
MAX_URL_CHARS: Final = 2_048
MAX_NAME_CHARS: Final = 512
MAX_MEDIA: Final = 100
EARLIEST: Final = datetime(1990, 1, 1, tzinfo=UTC)
#: A clock may run ahead of ours by this much before we take a date for a mistake.
AHEAD: Final = timedelta(hours=24)

FIELDS: Final = ("id", "text", "url", "platform", "account", "posted_at", "lang", "media")

_URL: Final = re.compile(r"https?://[^\s/?#]+[^\s\x00-\x1f\x7f]*", re.IGNORECASE)
_LANG: Final = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8})*")


@dataclass(frozen=True, slots=True)
class Post:
    """One post. `posted_at` is aware and in UTC; `extra` holds the columns that Seawall does not know, as they came.

    `line` is where it stood (from 1; in Parquet the row; 0 when it came from no file): for messages, and no part of what it says.
    """

    id: str
    text: str
    url: str | None
    platform: str | None
    account: str | None
    posted_at: datetime | None
    lang: str | None
    media: tuple[str, ...]
    extra: dict[str, Any]
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot be used: its number (from 1; in Parquet the row), the field, what is wrong and what to do.

    `field` is None when the line as a whole is at fault.
    """

    line: int
    field: str | None
    problem: str
    remedy: str

    def __str__(self) -> str:
        where = f"{self.line}: {self.field}" if self.field else str(self.line)
        return f"{where}: {self.problem}; {self.remedy}"


class FieldError(ValueError):
    """A field cannot be used."""

    def __init__(self, field: str | None, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.field, self.problem, self.remedy = field, problem, remedy


def make_post(row: dict[str, Any], latest: datetime, line: int = 0) -> Post:
    """Check a row of raw values and make a post of it; known fields are taken out of `row`, the rest becomes `extra`.

    `latest` is the last moment a post may bear, `line` where the row stood. Raises `FieldError` for the first field that is at fault. The caller
    answers for the strings being free of NUL and of lone surrogates (see `check_characters`).
    """
    take = row.pop
    given, text = take("id", None), take("text", None)
    url, platform, account = take("url", None), take("platform", None), take("account", None)
    posted_at, lang, media = take("posted_at", None), take("lang", None), take("media", None)
    if type(given) is not str or not given or len(given) > MAX_ID_CHARS or given.isspace():
        raise _id_error(given)
    if type(text) is not str or len(text) > MAX_TEXT_CHARS:
        raise _text_error(text)
    files = _media(media) if media else ()
    if not files and (not text or text.isspace()):
        raise FieldError("text", "is empty and there is no media", "leave the post out, or give its text or its media")
    return Post(
        given,
        text,
        _url(url) if url is not None else None,
        _name("platform", platform) if platform is not None else None,
        _name("account", account) if account is not None else None,
        _moment(posted_at, latest) if posted_at is not None else None,
        _lang(lang) if lang is not None else None,
        files,
        row,
        line,
    )


def check_characters(value: Any, field: str | None = None, depth: int = 0) -> None:
    """Refuse a NUL or half a surrogate pair anywhere in `value`; no database or exchange format can hold them.

    Raises `FieldError` naming the top-level field.
    """
    if isinstance(value, str):
        if "\0" in value:
            raise FieldError(field, "holds a NUL character", "remove it where the file is made")
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError as problem:
                half = ord(value[problem.start])
                if 0xDC80 <= half <= 0xDCFF:  # how undecodable bytes reach us: see the surrogateescape error handler
                    raise FieldError(field, "is not valid UTF-8", "save the file as UTF-8") from None
                raise FieldError(
                    field,
                    f"holds half of a surrogate pair (U+{half:04X}) at character {problem.start}",
                    "write the whole character, or leave it out",
                ) from None
    elif isinstance(value, dict):
        for key, inner in value.items():
            name = field if depth else printable(str(key))
            check_characters(key, name, depth + 1)
            check_characters(inner, name, depth + 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            check_characters(inner, field, depth + 1)


def printable(text: str, limit: int = 200) -> str:
    """A name from a file, made fit for a message: cut, and without anything that could steer a terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text[:limit])


def kind_of(value: Any) -> str:
    """What a raw value is, in words for a message."""
    names = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return "missing" if value is None else names.get(type(value), type(value).__name__)


def _wrong_type(field: str, value: Any, wanted: str, remedy: str) -> FieldError:
    return FieldError(field, f"is {kind_of(value)}, not {wanted}", remedy)


def _id_error(value: Any) -> FieldError:
    if value is None:
        return FieldError("id", "is missing", "give every post the identifier that its platform knows it by")
    if not isinstance(value, str):
        return _wrong_type("id", value, "text", "write it in quotes, so that no digit is lost")
    if not value.strip():
        return FieldError("id", "is empty", "give every post the identifier that its platform knows it by")
    return FieldError(
        "id", f"is {len(value):,} characters long, more than {MAX_ID_CHARS}", "use the platform's own identifier"
    )


def _text_error(value: Any) -> FieldError:
    if value is None:
        return FieldError("text", "is missing", "give the post's words; empty text is allowed where there is media")
    if not isinstance(value, str):
        return _wrong_type("text", value, "text", "write the post's words in quotes")
    return FieldError(
        "text",
        f"is {len(value):,} characters long, more than {MAX_TEXT_CHARS:,}",
        "split the document into posts, or leave it out",
    )


def _url(value: Any) -> str | None:
    if type(value) is not str:
        raise _wrong_type("url", value, "text", "write the address in quotes")
    if not value:
        return None
    if len(value) > MAX_URL_CHARS:
        raise FieldError(
            "url", f"is {len(value):,} characters long, more than {MAX_URL_CHARS:,}", "give the post's short address"
        )
    if not _URL.fullmatch(value):
        raise FieldError("url", "is not an http or https address", "give the full address, beginning with https://")
    return value


def _name(field: str, value: Any) -> str | None:
    if type(value) is not str:
        raise _wrong_type(field, value, "text", "write it in quotes")
    if len(value) > MAX_NAME_CHARS:
        raise FieldError(
            field, f"is {len(value):,} characters long, more than {MAX_NAME_CHARS}", "give the name, not the profile"
        )
    return value or None


def _lang(value: Any) -> str | None:
    if type(value) is not str:
        raise _wrong_type("lang", value, "text", "give a language tag such as en or en-GB")
    if not value:
        return None
    if len(value) > 35 or not _LANG.fullmatch(value):
        raise FieldError("lang", "is not a language tag", "give a tag such as en or en-GB, or leave it out")
    return value


def _media(value: Any) -> tuple[str, ...]:
    remedy = "give a list of addresses or file names"
    if not isinstance(value, list | tuple):
        raise _wrong_type("media", value, "a list", remedy)
    if len(value) > MAX_MEDIA:
        raise FieldError(
            "media", f"has {len(value):,} entries, more than {MAX_MEDIA}", "give the post's own media only"
        )
    for at, item in enumerate(value, start=1):
        if type(item) is not str:
            raise FieldError("media", f"entry {at} is {kind_of(item)}, not text", remedy)
        if not item or len(item) > MAX_URL_CHARS:
            raise FieldError("media", f"entry {at} is empty or longer than {MAX_URL_CHARS:,} characters", remedy)
    return tuple(value)


def _moment(value: Any, latest: datetime) -> datetime | None:
    remedy = "give ISO 8601 with an offset, such as 2026-03-01T12:00:00Z, or seconds since 1970"
    if type(value) is str:
        if not value:
            return None
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            seconds = _number(value)
            if seconds is None:
                raise FieldError("posted_at", "is not a date and time", remedy) from None
            return _from_epoch(seconds, latest, remedy)
        if moment.tzinfo is None:
            if value.isdigit():  # 20260301 reads as a date, but epoch seconds of few digits must not
                return _from_epoch(float(value), latest, remedy)
            raise FieldError("posted_at", "has no time zone, so the moment is not known", remedy)
    elif type(value) is int or type(value) is float:
        return _from_epoch(value, latest, remedy)
    elif isinstance(value, datetime) and value.tzinfo is not None:
        moment = value
    else:
        raise _wrong_type("posted_at", value, "a date and time", remedy)
    return _within(moment, latest)


def _within(moment: datetime, latest: datetime) -> datetime:
    if moment < EARLIEST:
        raise FieldError("posted_at", "is before 1990", "check the year, and that the number is in seconds")
    if moment > latest:
        raise FieldError("posted_at", "lies more than 24 hours in the future", "check the clock that wrote the file")
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def _number(value: str) -> float | None:
    try:
        return float(value) if len(value) <= 32 else None
    except ValueError:
        return None


def _from_epoch(seconds: float, latest: datetime, remedy: str) -> datetime:
    if not abs(seconds) < 1e14:
        raise FieldError("posted_at", "is not a number of seconds since 1970", remedy)
    if seconds > latest.timestamp() and seconds / 1000 <= latest.timestamp() and seconds / 1000 >= EARLIEST.timestamp():
        raise FieldError("posted_at", "looks like milliseconds, not seconds, since 1970", "divide it by 1000")
    try:
        return _within(datetime.fromtimestamp(seconds, UTC), latest)
    except (OverflowError, ValueError, OSError) as problem:
        if isinstance(problem, FieldError):
            raise
        raise FieldError("posted_at", "is not a number of seconds since 1970", remedy) from None
