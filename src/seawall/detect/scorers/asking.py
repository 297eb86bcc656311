"""How patiently a model behind an address is asked, and the breaker that stops asking one that is down."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Bounds on asking a model behind an address. Times are in seconds.

    `concurrency` requests are under way at once. One request may take `timeout`; a text is asked about at most
    1 + `retries` times, waits included, within `deadline`. The first wait is about `backoff`, each further one twice as
    long. More of an answer than `answer_bytes` is not read, and the model is told to end after `answer_tokens`. A text
    that takes more than `text_bytes` to write is shortened in its middle. After `failures` texts in a row that the server failed, texts are
    not asked about for `rest`; then one is, as a trial.
    """

    concurrency: int = 4
    timeout: float = 30.0
    retries: int = 2
    deadline: float = 90.0
    backoff: float = 0.5
    answer_bytes: int = 262_144
    answer_tokens: int = 1024
    text_bytes: int = 4_000
    failures: int = 5
    rest: float = 30.0

    def __post_init__(self) -> None:
        """Raises `ValueError` for bounds that make no sense."""
        if not 1 <= self.concurrency <= 64:
            raise ValueError(f"concurrency must be 1 to 64, not {self.concurrency}")
        for field in ("timeout", "deadline", "backoff", "answer_bytes", "answer_tokens", "failures", "rest"):
            if getattr(self, field) <= 0:
                raise ValueError(f"{field} must be greater than 0, not {getattr(self, field)}")
        if self.retries < 0:
            raise ValueError(f"retries must be 0 or more, not {self.retries}")
        if self.text_bytes < 100:
            raise ValueError(f"text_bytes must be 100 or more, not {self.text_bytes}")
        if self.deadline < self.timeout:
            raise ValueError(f"deadline must be no less than timeout, not {self.deadline} below {self.timeout}")


Leave = Literal["ask", "trial", "rest"]


class Breaker:
    """Stops asking a server that failed several texts in a row, and tries it again with one text after a rest.

    Whoever is told to `ask` or to make the `trial` says afterwards how it went by `leave`. Safe between threads.
    """

    def __init__(self, failures: int, rest: float, now: Callable[[], float]) -> None:
        self._most = failures
        self._rest = rest
        self._now = now
        self._lock = threading.Lock()
        self._in_a_row = 0
        self._until: float | None = None
        self._trying = False

    def enter(self) -> Leave:
        """What to do about the next text."""
        with self._lock:
            if self._until is None:
                return "ask"
            if self._trying or self._now() < self._until:
                return "rest"
            self._trying = True
            return "trial"

    def leave(self, told: Leave, *, failed: bool) -> bool:
        """Say how it went. True when this very failure stops the asking."""
        with self._lock:
            if told == "trial":
                self._trying = False
            if not failed:
                self._in_a_row = 0
                self._until = None
                return False
            if self._until is not None and told != "trial":
                return False  # it was under way before the breaker opened, and says nothing new
            self._in_a_row += 1
            if told != "trial" and self._in_a_row < self._most:
                return False
            self._until = self._now() + self._rest
            return True
