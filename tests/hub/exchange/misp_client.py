"""A MISP as far as it pulls a feed, by the rules of its source (`getNewEventUuids` of Feed.php; an attribute is taken over when it is
newer than the one that is there); and a clock to pull by.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from tests.hub.exchange.conftest import Exchange
from tests.support.hub import ACTOR

from seawall.hub import moment
from seawall.hub.directory import services as directory
from seawall.hub.exchange import signals
from seawall.hub.exchange.models import Reason, Signal

Get = Callable[[str], tuple[int, str]]


@dataclass
class Clock:
    """The hub's clock, which stands until it is put on."""

    now: datetime

    @classmethod
    def put_up(cls, monkeypatch: pytest.MonkeyPatch) -> Clock:
        """The clock by which everything happens for the length of a test; it begins within a second."""
        made = cls(datetime(2026, 11, 23, 12, 0, 0, 300_000, tzinfo=UTC))
        monkeypatch.setattr(moment, "now", lambda: made.now)
        return made

    def on(self, seconds: float = 2) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Misp:
    """What a MISP holds of a feed.

    An event is fetched when it is new or its time in the manifest is later than the one it has; an attribute or object in it is taken
    over when it is new or its time is later than the one it has. Nothing is removed but by `deleted`.
    """

    get: Get
    events: dict[str, int] = field(default_factory=dict)
    held: dict[str, dict[str, Any]] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)

    def manifest(self) -> dict[str, Any]:
        status, body = self.get("manifest.json")
        assert status == 200, body
        return dict(json.loads(body))

    def pull(self) -> list[str]:
        """Fetch the feed once; gives the events that it fetched."""
        self.fetched = [
            uuid for uuid, told in self.manifest().items() if int(told["timestamp"]) > self.events.get(uuid, -1)
        ]
        for uuid in self.fetched:
            status, body = self.get(f"{uuid}.json")
            assert status == 200, body
            self.take(json.loads(body)["Event"])
        return self.fetched

    def take(self, event: dict[str, Any]) -> None:
        assert int(event["timestamp"]) > self.events.get(event["uuid"], -1)
        self.events[event["uuid"]] = int(event["timestamp"])
        for each in [*event["Attribute"], *event["Object"]]:
            known = self.held.get(each["uuid"])
            if known is None or int(each["timestamp"]) > int(known["timestamp"]):
                self.held[each["uuid"]] = each

    def values(self) -> set[str]:
        """What it acts on."""
        return {each["value"] for each in self.held.values() if "value" in each and not each["deleted"]}

    def gone(self) -> set[str]:
        return {each["value"] for each in self.held.values() if "value" in each and each["deleted"]}


def misp_of(pool: Exchange, name: str = "alpha", uuid: str = "") -> Misp:
    """A MISP of an organisation, by the test client."""
    _key, secret = directory.give_api_key(organisation=pool.hub.organisations[name], name="misp", actor=ACTOR)
    headers = {"Authorization": f"Bearer {secret}"} | ({"MISP-uuid": uuid} if uuid else {})
    client = Client(headers=headers)

    def get(path: str) -> tuple[int, str]:
        answer = client.get(f"/exchange/misp/{pool.community.slug}/{path}")
        return answer.status_code, answer.getvalue().decode()

    return Misp(get)


def take_back(*wrong: Signal) -> None:
    """Withdraw signals."""
    signals.withdraw(signals=wrong, reason=Reason.MISTAKE, actor=ACTOR)
    for each in wrong:
        each.refresh_from_db()
