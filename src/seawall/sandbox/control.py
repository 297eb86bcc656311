"""A client for the sandbox's control desk."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import orjson

from seawall.channels import Address
from seawall.channels.base import parse_stamp, stamp
from seawall.outbound import Outbound, OutboundError

Fault = Literal["500", "429", "timeout", "cut", "duplicate", "wrong_receipt", "wrong_text", "bad_signature"]
_BATCH = 5_000


class SandboxRefusal(Exception):
    """The sandbox did not do what its control desk was asked; the message says why."""


class SandboxControl:
    """Seeds posts, sets the clock and puts faults into a running sandbox at `base_url`.

    Every method raises :class:`SandboxRefusal` when the sandbox refuses or cannot be reached.
    """

    def __init__(self, base_url: str, token: str) -> None:
        self.base_url = base_url.rstrip("/")
        self._token = token
        host_port = urlsplit(self.base_url).netloc
        self._outbound = Outbound(frozenset({host_port}), timeout=120, max_bytes=10_000_000)

    def close(self) -> None:
        """Close kept connections."""
        self._outbound.close()

    def post_url(self, platform: str, native_id: str) -> str:
        """Return the public address of a post."""
        return f"{self.base_url}/{platform}/posts/{quote(native_id, safe='')}"

    def seed(self, posts: Iterable[Mapping[str, str]]) -> dict[str, int]:
        """Put posts up: each with ``platform, native_id, text, account, posted_at`` (RFC 3339).

        Sent in batches, each kept whole or not at all; returns how many were ``received, added, edited, unchanged``.
        """
        total = dict.fromkeys(("received", "added", "edited", "unchanged"), 0)
        remaining = iter(posts)
        while batch := list(islice(remaining, _BATCH)):
            try:
                body = b"\n".join(orjson.dumps(dict(post)) for post in batch)
            except orjson.JSONEncodeError as error:
                raise SandboxRefusal(f"A post cannot be written as JSON: {error}.") from error
            for name, count in self._ask("PUT", "posts", body).items():
                total[name] += count
        return total

    def set_clock(self, now: dt.datetime) -> int:
        """Stop the sandbox's clock at `now` (aware) and have it do all that is due; return how many steps it did."""
        return int(self._ask("PUT", "clock", orjson.dumps({"now": stamp(now)}))["carried_out"])

    def real_clock(self) -> dt.datetime:
        """Let the sandbox's clock run with the system's; return its time."""
        return parse_stamp(self._ask("DELETE", "clock")["now"])

    def set_faults(self, rate: float, kinds: Iterable[Fault] = (), delay_seconds: float = 20) -> None:
        """Spoil the share `rate` of the API's requests; ``set_faults(0)`` ends it."""
        value = {"rate": rate, "kinds": list(kinds), "delay_seconds": delay_seconds}
        self._ask("PUT", "faults", orjson.dumps(value))

    def state(self) -> dict[str, Any]:
        """Return the sandbox's time, counts, pending steps and platforms."""
        return self._ask("GET", "state")

    def held(self, referral_id: object) -> list[dict[str, str | None]]:
        """Return what the platforms hold of one referral: each with ``platform, reference, document, withdrawal``.

        The last two are the texts as they were received; `withdrawal` is None while there is none.
        """
        held: list[dict[str, str | None]] = self._ask("GET", f"referrals/{quote(str(referral_id), safe='')}")["held"]
        return held

    def addresses(self) -> dict[str, Address]:
        """Return, by platform, the address that a channel needs."""
        return {
            name: Address(platform["endpoint"], platform["public_key"], platform["token"])
            for name, platform in self.state()["platforms"].items()
        }

    def _ask(self, method: str, what: str, body: bytes = b"") -> dict[str, Any]:
        url = f"{self.base_url}/control/{what}"
        headers = {"Authorization": f"Bearer {self._token}"}
        try:
            answer = self._outbound.fetch(url, method=method, headers=headers, content=body, redirects=0)
        except OutboundError as error:
            raise SandboxRefusal(f"The sandbox does not answer: {error}") from error
        try:
            value: dict[str, Any] = json.loads(answer.body)
        except ValueError as error:
            raise SandboxRefusal(f"{url} answered {answer.status} with something that is not JSON.") from error
        if answer.status != 200:
            error_object = value.get("error", {})
            fields = "; ".join(f"{entry['field']}: {entry['problem']}" for entry in error_object.get("fields", []))
            raise SandboxRefusal(f"{error_object.get('message', answer.status)} {fields}".strip())
        return value
