"""Signals of a Seawall hub for `threatexchange`, with the withdrawals that its own StopNCII exchange passes over.

It reads the hub's feed in the StopNCII protocol, one per community, and differs from the exchange that `threatexchange` ships in three
things: a signal whose `hashStatus` is Withdrawn or Deleted leaves the local store and so the match index; each collaboration has an
address of its own; and every fetch tells the hub which changes the fetch before it acted on.
"""

import typing as t
from dataclasses import dataclass, field

from threatexchange.exchanges import auth
from threatexchange.exchanges import fetch_state as state
from threatexchange.exchanges.clients.stopncii import api
from threatexchange.exchanges.collab_config import CollaborationConfigWithDefaults
from threatexchange.exchanges.impl import stop_ncii_api as stock
from threatexchange.extensions.manifest import ThreatExchangeExtensionManifest
from threatexchange.signal_type.signal_base import SignalType

GONE = (api.StopNCIICaseStatus.Withdrawn, api.StopNCIICaseStatus.Deleted)


@dataclass
class _Required:
    url: str = field(
        metadata={"help": "the community's feed: https://HUB/exchange/hashes/COMMUNITY/v1", "metavar": "URL"}
    )


@dataclass
class SeawallCollabConfig(CollaborationConfigWithDefaults, _Required):
    """A community of a hub, and the name by which the hub knows this client."""

    client: str = field(default="threatexchange", metadata={"help": "this client's name at the hub", "metavar": "NAME"})


@dataclass
class SeawallCheckpoint(stock.StopNCIICheckpoint):
    """Where the next fetch begins (`update_time`), and the last of the community's changes in the local store (`cursor`)."""

    cursor: int = 0


@dataclass
class SeawallCredentials(auth.CredentialHelper):
    """The organisation's key, from SEAWALL_HUB_KEY or the file ~/.seawall_hub_key."""

    ENV_VARIABLE: t.ClassVar[str] = "SEAWALL_HUB_KEY"
    FILE_NAME: t.ClassVar[str] = "~/.seawall_hub_key"

    key: str = field(metadata={"help": "your organisation's key at the hub (swk_...)"})

    @classmethod
    def _from_str(cls, s: str) -> "SeawallCredentials":
        return cls(s.strip())

    def _are_valid(self) -> bool:
        return bool(self.key)


class HubAPI(api.StopNCIIAPI):
    """The protocol's client, which confirms in its first request and keeps the cursor of the last answer."""

    def __init__(self, config: SeawallCollabConfig, key: str) -> None:
        super().__init__(
            subscription_key=key, fetch_function_key=config.client, base_url_override=config.url.rstrip("/")
        )
        self.cursor = 0
        self.acted_until: int | None = None

    def _get(self, endpoint: api.StopNCIIEndpoint, **params: t.Any) -> t.Any:
        if self.acted_until is not None:
            params["actedUntil"] = self.acted_until
        answer = super()._get(endpoint, **params)
        self.acted_until, self.cursor = None, int(answer["cursor"])
        return answer


class SeawallSignalExchangeAPI(stock.StopNCIISignalExchangeAPI):
    """A community of a Seawall hub."""

    @classmethod
    def get_name(cls) -> str:
        return "seawall"

    @staticmethod
    def get_config_cls() -> type[SeawallCollabConfig]:
        return SeawallCollabConfig

    @staticmethod
    def get_checkpoint_cls() -> type[SeawallCheckpoint]:
        return SeawallCheckpoint

    @staticmethod
    def get_credential_cls() -> type[SeawallCredentials]:
        return SeawallCredentials

    @classmethod
    def for_collab(
        cls, collab: SeawallCollabConfig, credentials: SeawallCredentials | None = None
    ) -> "SeawallSignalExchangeAPI":
        credentials = credentials or SeawallCredentials.get(cls)
        return cls(collab, HubAPI(collab, credentials.key))

    def fetch_iter(
        self, _supported_signal_types: t.Sequence[type[SignalType]], checkpoint: SeawallCheckpoint | None
    ) -> t.Iterator[state.FetchDelta[tuple[str, str], stock.StopNCIISignalMetadata, SeawallCheckpoint]]:
        start = api.StopNCIIAPI.DEFAULT_START_TIME
        if checkpoint is not None:
            start = checkpoint.update_time
            self.api.acted_until = checkpoint.cursor
        for page in self.api.fetch_hashes_iter(start_timestamp=start):
            updates = {}
            for record in page.hashRecords:
                name, metadata = stock._get_delta_mapping(record)
                if name[0]:
                    updates[name] = None if record.hashStatus in GONE else metadata
            now = stock.StopNCIICheckpoint.from_stopncii_fetch(page)
            yield state.FetchDelta(updates, SeawallCheckpoint(now.update_time, now.last_fetch_time, self.api.cursor))


TX_MANIFEST = ThreatExchangeExtensionManifest(apis=(SeawallSignalExchangeAPI,))
