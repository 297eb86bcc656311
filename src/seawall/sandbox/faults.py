"""Faults put in on purpose, so that a channel's retries can be tried against a platform that really fails."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections import Counter
from typing import Literal

from seawall.sandbox.replies import Refusal
from seawall.sandbox.store import Store

Where = Literal["receive", "listing", "inform", "withdraw"]
_EVERYWHERE: frozenset[Where] = frozenset({"receive", "listing", "inform", "withdraw"})
KINDS: dict[str, frozenset[Where]] = {
    "500": _EVERYWHERE,
    "429": _EVERYWHERE,
    "timeout": _EVERYWHERE,
    "cut": frozenset({"receive", "inform", "withdraw"}),
    "duplicate": frozenset({"receive", "listing"}),
    "wrong_receipt": frozenset({"receive", "withdraw"}),
    "wrong_text": frozenset({"receive", "withdraw"}),
    "bad_signature": frozenset({"receive", "listing", "withdraw"}),
}


class Faults:
    """Decides, request by request, whether one is spoilt; the settings are in the store, the count in memory.

    ``500`` and ``429`` fail before anything is done; ``timeout`` does everything and then holds the answer back; ``cut``
    does everything and then breaks the connection off. A ``duplicate`` takes a referral in twice, as when something on
    the way sent the request again, or lists an answer twice. The others answer with what is not a receipt for this
    referral (``wrong_receipt``), not for this text of it (``wrong_text``) or not signed by the platform
    (``bad_signature``).
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._count = itertools.count()
        self.struck: Counter[str] = Counter()
        """How many requests were spoilt since the start, by kind."""

    def strike(self, where: Where) -> str | None:
        """Return the fault for this request, if any; raise the ones that end it here."""
        settings = self._store.setting("faults")
        if not settings:
            return None
        kinds = [kind for kind in settings["kinds"] if where in KINDS[kind]]
        number = int.from_bytes(hashlib.sha256(f"fault {next(self._count)}".encode()).digest()[:6], "big")
        if not kinds or number / (1 << 48) >= settings["rate"]:
            return None
        kind = str(kinds[number % len(kinds)])
        self.struck[kind] += 1
        if kind == "500":
            raise Refusal(500, "fault", "An internal error, put in on purpose.")
        if kind == "429":
            raise Refusal(429, "fault", "Too many requests, put in on purpose.", retry_after=1)
        return kind

    def hold(self) -> None:
        """Keep the caller waiting."""
        time.sleep((self._store.setting("faults") or {}).get("delay_seconds", 0))
