"""A community that publishes labels, and a reader who keeps what holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.test import Client
from tests.hub.exchange.conftest import Exchange

from seawall.formats.atproto import read_identity
from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.labels import identity, services
from seawall.hub.exchange.models import Signal, Tlp
from seawall.probes.labels import Label, in_force, read_label

DID = "did:web:hub.example"
AUTHOR = "did:plc:" + "a" * 24
VAL = "stirring-up-hatred"
APPEAL = "https://platform.example/appeals"


def post(key: str = "3k1", did: str = AUTHOR) -> str:
    return f"at://{did}/app.bsky.feed.post/{key}"


@dataclass
class Labeled:
    """The community, and shortcuts."""

    exchange: Exchange
    client: Client = field(default_factory=Client)

    def share(self, value: str = post(), *, by: str = "hub", **changes: Any) -> Signal:
        usual: dict[str, Any] = {"kind": SignalKind.URL, "tlp": Tlp.CLEAR, "appeal_url": APPEAL}
        (made,) = self.exchange.share(by=by, value=value, **{**usual, **changes})
        return made

    def publish(self) -> int:
        return services.publish(community_id=self.exchange.community.pk)

    def ask(self, *patterns: str, **asked: Any) -> Any:
        query = urlencode({"uriPatterns": patterns or ("*",), **asked}, doseq=True)
        return self.client.get(f"/xrpc/com.atproto.label.queryLabels?{query}")

    def said(self, *patterns: str, **asked: Any) -> list[Label]:
        """What queryLabels answers, each with a signature that holds by the key of the DID document."""
        document = identity.document()
        key = read_identity(document, did=DID).label_key
        answer = self.ask(*patterns, **asked)
        assert answer.status_code == 200, answer.content
        labels = [read_label(value) for value in answer.json()["labels"]]
        assert all(label.signed_by(key) and label.src == DID for label in labels)
        return labels

    def words(self) -> list[tuple[str, str, bool]]:
        return [(label.uri, label.val, label.neg) for label in self.said(limit=250)]

    def holding(self, at: Any) -> list[str]:
        return [label.uri for label in in_force(self.said(limit=250), at=at)]
