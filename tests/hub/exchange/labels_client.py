"""A community that publishes labels, and a reader who keeps what holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from tests.hub.exchange.conftest import Exchange
from tests.support.hub import SmallHub

from seawall.formats.atproto import read_identity
from seawall.hub import moment
from seawall.hub.exchange import communities
from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.labels import identity, services
from seawall.hub.exchange.labels.rules import VALUES
from seawall.hub.exchange.models import Part, Signal, Tlp
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


def publishing(hub: SmallHub, **changes: Any) -> Labeled:
    """A community of the hub's that publishes labels; the hub and beta write, alpha reads."""
    rules: dict[str, Any] = {
        "slug": "labels",
        "name": "Labels",
        "purpose": "For readers.",
        "harms": sorted(VALUES),
        "kinds": [SignalKind.URL, SignalKind.SHA256],
        "tlp_ceiling": Tlp.AMBER,
        "retention": timedelta(days=365),
        "agreement": "We act on withdrawals.",
        "labels_published": True,
    }
    made = communities.found(
        person=hub.people["administrator"], operator=hub.organisations["hub"], **{**rules, **changes}
    )
    exchange = Exchange(hub=hub, community=made)
    exchange.join("hub", Part.WRITER, "administrator")
    exchange.join("alpha", Part.READER, "alpha_contact")
    exchange.join("beta", Part.WRITER, "beta_contact")
    return Labeled(exchange)


@contextmanager
def later(**ahead: float) -> Iterator[datetime]:
    """Let the hub's clock show a time to come."""
    with pytest.MonkeyPatch.context() as patch:
        when = moment.now() + timedelta(**ahead)
        patch.setattr(moment, "now", lambda: when)
        yield when
