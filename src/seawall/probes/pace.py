"""Not asking one site too often."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import urlsplit

MOST_SITES = 10_000


class Pace:
    """Lets a caller through when `seconds` have passed since the last one to the same host. Safe to share between threads."""

    def __init__(
        self,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._seconds, self._clock, self._sleep = seconds, clock, sleep
        self._next: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, url: str) -> float:
        """Wait for this caller's turn at the host of `url`; returns how many seconds that took. Callers are served in turn."""
        host = urlsplit(url).netloc.lower()
        with self._lock:
            now = self._clock()
            turn = max(now, self._next.get(host, now))
            self._next[host] = turn + self._seconds
            self._next.move_to_end(host)
            while len(self._next) > MOST_SITES:
                self._next.popitem(last=False)
        if turn > now:
            self._sleep(turn - now)
        return turn - now
