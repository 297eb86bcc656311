"""The conversation with a mail server: bounded, and its answers in words."""

from __future__ import annotations

import smtplib
from collections.abc import Mapping
from io import BufferedIOBase

from seawall.channels.email_layout import one_line

_MAX_SAID = 65_536


class _Bounded:
    """What a mail server says, up to _MAX_SAID bytes a connection."""

    def __init__(self, file: BufferedIOBase) -> None:
        self._file = file
        self._heard = 0

    def readline(self, size: int) -> bytes:
        line = self._file.readline(size)
        self._heard += len(line)
        if self._heard > _MAX_SAID:
            raise OSError(f"it said more than {_MAX_SAID} bytes")
        return line

    def close(self) -> None:
        self._file.close()


class Line(smtplib.SMTP):
    """A connection that does not listen for ever."""

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = _Bounded(self.sock.makefile("rb"))
        return super().getreply()


class TlsLine(Line, smtplib.SMTP_SSL):
    """The same, encrypted from the first byte."""


def passing(code: int) -> bool:
    """Tell whether a mail server that said this may say something else later (RFC 5321, section 4.2.1)."""
    return not 500 <= code < 600


def answered(code: int, said: bytes | str) -> str:
    text = said if isinstance(said, str) else said.decode("utf-8", "replace")
    return f"{code} {one_line(text, 300)}".strip().rstrip(".")


def refusals(refused: Mapping[str, tuple[int, bytes]]) -> str:
    return "; ".join(f"{recipient} ({answered(*why)})" for recipient, why in refused.items())
