"""A client of the StopNCII protocol for tests, and what they share to it."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client
from tests.hub.exchange.conftest import Exchange
from tests.support.hub import ACTOR

from seawall.hub.directory import services as directory
from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.models import Signal

FIELDS = {"count", "nextPageToken", "nextSetTimestamp", "hasMoreRecords", "hashRecords", "cursor"}


class Reader:
    """A client of the protocol: it keeps what it is handed as the stock one does, and deletes what it is told to."""

    def __init__(self, pool: Exchange, name: str = "alpha", client: str = "main") -> None:
        _key, self.secret = directory.give_api_key(organisation=pool.hub.organisations[name], name="tests", actor=ACTOR)
        self.client = Client(headers={"Ocp-Apim-Subscription-Key": self.secret, "x-functions-key": client})
        self.base = f"/exchange/hashes/{pool.community.slug}/v1/"
        self.checkpoint = 10
        self.kept: dict[tuple[str, str], str] = {}

    def get(self, **query: Any) -> Any:
        return self.client.get(self.base + "FetchHashes", query)

    def post(self, value: Any, endpoint: str = "SubmitFeedback") -> Any:
        return self.client.post(self.base + endpoint, json.dumps(value), content_type="application/json")

    def fetch(self, size: int = 800, **query: Any) -> list[dict[str, Any]]:
        """All pages from the last checkpoint on."""
        records: list[dict[str, Any]] = []
        token = ""
        while True:
            more = {"nextPageToken": token} if token else {}
            page = self.get(
                startTimestamp=self.checkpoint_at_start if token else self._begin(), pageSize=size, **query, **more
            )
            assert page.status_code == 200, page.content
            told = page.json()
            assert set(told) == FIELDS
            assert told["count"] == len(told["hashRecords"]) <= size
            assert told["nextSetTimestamp"] >= self.checkpoint, "the stock client asserts this"
            self.checkpoint, self.cursor = told["nextSetTimestamp"], told["cursor"]
            records += told["hashRecords"]
            query.pop("actedUntil", None)
            if not told["hasMoreRecords"]:
                break
            token = told["nextPageToken"]
        for record in records:
            place = (record["signalType"], record["hashValue"])
            if record["hashStatus"] == "Active":
                self.kept[place] = record["hashStatus"]
            else:
                self.kept.pop(place, None)
        return records

    def _begin(self) -> int:
        self.checkpoint_at_start = self.checkpoint
        return self.checkpoint

    def clear(self) -> None:
        self.checkpoint, self.kept = 10, {}

    @property
    def values(self) -> set[str]:
        return {value for _kind, value in self.kept}


def pdq(pool: Exchange, how_many: int = 1, **changes: Any) -> list[Signal]:
    return pool.share(how_many, kind=SignalKind.PDQ, **changes)
