"""Looking at a post of the AT Protocol in every place that decides whether people see it.

A post is a record on its author's server; an AppView shows it; moderation services hang labels on it, which the apps obey;
its pictures are files of their own. An Ozone's takedown of a post is a label while the record stays; a server's takedown
takes the record away and sends no word of it to the AppView, whose copy may stay up. So no single answer will do, and each
place's is kept in `views`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import quote, urlencode

from seawall.formats.atproto import (
    POST,
    PUBLIC_HOSTS,
    Identity,
    RecordAddress,
    is_did,
    is_handle,
    read_address,
    read_identity,
)
from seawall.outbound import Fetched, Outbound, OutboundError, OutboundRefused
from seawall.probes import page
from seawall.probes.atproto_places import ASLEEP, NO_ACCOUNT, Seen, judged
from seawall.probes.base import Exchange, Observation, Probe
from seawall.probes.labels import WITHHOLDING, Label, in_force, read_label

PLC_URL: Final = "https://plc.directory"
APPVIEW_URL: Final = "https://public.api.bsky.app"
LABELERS: Final = ("did:plc:ar7c4by46qjdydhdevvrndac",)
"""The moderation service whose labels Bluesky's own apps always obey."""
KEPT_BYTES: Final = 100_000
"""How much of each body is kept as evidence. Of a picture or a film nothing is."""
MOST_LABELERS: Final = 20
MOST_BLOBS: Final = 8


@dataclass(frozen=True, slots=True)
class _Said:
    """What one request gave: a status and, where it was one, a JSON object; or the kind of failure, and why."""

    status: int = 0
    value: dict[str, Any] | None = None
    failed: str = ""
    why: str = ""
    answer: Fetched | None = None

    @property
    def error(self) -> str:
        """The protocol's name of the error, or nothing."""
        name = (self.value or {}).get("error")
        return name if isinstance(name, str) and self.status != 200 else ""


@dataclass(slots=True)
class _Asking:
    """Asks one address after another, none of them twice that failed, and keeps what came back."""

    outbound: Outbound
    exchanges: list[Exchange] = field(default_factory=list)
    failures: dict[str, _Said] = field(default_factory=dict)

    def ask(self, url: str, *, method: Literal["GET", "HEAD"] = "GET", media: bool = False) -> _Said:
        origin = "/".join(url.split("/", 3)[:3])
        if origin in self.failures:
            return self.failures[origin]
        try:
            answer = self.outbound.fetch(url, method=method, redirects=0, truncate=True)
        except OutboundRefused as error:
            return self.failures.setdefault(origin, _Said(failed="not-allowed", why=f"Not looked at: {error}"))
        except OutboundError as error:
            return self.failures.setdefault(origin, _Said(failed=error.kind, why=f"No conclusion: {error}"))
        body = b"" if media and answer.status == 200 else answer.body[:KEPT_BYTES]
        self.exchanges.append(Exchange(method, url, answer.status, tuple(answer.headers.multi_items()), body))
        return _Said(status=answer.status, value=_object(answer), answer=answer)

    def xrpc(self, base: str, method: str, params: Sequence[tuple[str, str]]) -> _Said:
        return self.ask(f"{base.rstrip('/')}/xrpc/{method}?{urlencode(params)}")


def probe_with(*, plc_url: str = PLC_URL, appview_url: str = APPVIEW_URL, labelers: Sequence[str] = LABELERS) -> Probe:
    """Make a probe for a network: its directory of identities, its AppView, and the DIDs of the services it obeys.

    The probe takes an ``at://`` URI or a post's page on bsky.app. Its `views` hold

    - ``record``: ``there``, ``gone``, ``unknown`` (on the author's server)
    - ``account``: ``active``, ``takendown``, ``suspended``, ``deactivated``, ``deleted``, ``absent``, ``unknown``
    - ``appview``: ``there``, ``absent``, ``unknown``, ``not-asked`` (for records that are no posts)
    - ``label``: ``!takedown``, ``!hide``, ``other``, ``none``, ``unknown`` (of the services; only what their keys signed)
    - ``blob``: ``there``, ``gone`` (one or more), ``unknown``, ``none`` (the post has no pictures or films)
    - ``text``: ``same``, ``other``, ``unknown``, ``not-asked``

    and it concludes, in this order: nothing left where people look and gone at the origin, ``removed`` (``restricted`` when
    the account is only suspended or deactivated); a withholding label in force, ``restricted``; the record there and absent
    from the AppView, or a file gone, ``restricted``; another text, ``edited``; there, or gone at the origin while the AppView
    still shows it, ``up``; all else ``unreachable``. `matched` is ``record``, ``account``, ``label``, ``appview``, ``blob``,
    ``other-text``, ``text``, ``digest``, ``no-text-given``, ``copy`` (only the AppView shows it), ``address``, or the kind of
    failure.

    No media is fetched: a file's presence is asked for by HEAD.
    """
    plc, appview, services = plc_url.rstrip("/"), appview_url.rstrip("/"), tuple(labelers[:MOST_LABELERS])

    def look(
        url: str,
        *,
        outbound: Outbound,
        at: dt.datetime,
        expected_text: str | None = None,
        expected_text_sha256: str | None = None,
    ) -> Observation:
        """Look at the post in each place once; see :func:`probe_with`."""
        asking, seen = _Asking(outbound), Seen()
        try:
            address = read_address(url, hosts=PUBLIC_HOSTS)
        except ValueError as error:
            return Observation("unreachable", None, url, None, at, f"Not looked at: {error}.", "address")
        did = address.authority if address.resolved else _resolved(asking, appview, address.authority, seen)
        if did is not None:
            looking = _Looking(asking, seen, plc, appview, services, address.of(did), at)
            looking.look(expected_text, expected_text_sha256)
        state, matched, detail = judged(seen)
        return Observation(
            state=state,
            http_status=seen.main.status if seen.main else None,
            final_url=seen.main.url if seen.main else url,
            body_sha256=hashlib.sha256(seen.main.body).hexdigest() if seen.main else None,
            checked_at=at,
            detail=detail,
            matched=matched,
            views=seen.views(),
            exchanges=tuple(asking.exchanges),
        )

    return look


@dataclass(slots=True)
class _Looking:
    """One look, place by place."""

    asking: _Asking
    seen: Seen
    plc: str
    appview: str
    services: tuple[str, ...]
    address: RecordAddress
    at: dt.datetime
    cid: str | None = None
    value: dict[str, Any] | None = None

    def look(self, text: str | None, digest: str | None) -> None:
        pds = self._home()
        if pds is not None:
            self._account(pds)
            self._record(pds)
        self._appview()
        self._labels()
        if pds is not None and self.seen.account not in NO_ACCOUNT | ASLEEP:
            self._blobs(pds)
        self._text(text, digest)

    def _failed(self, said: _Said, where: str) -> None:
        told = f"No conclusion: {where} answers {' '.join(filter(None, (str(said.status), said.error)))}."
        self.seen.fail(said.failed or "status", said.why or told)

    def _identity(self, did: str) -> tuple[Identity | None, _Said]:
        if did.startswith("did:plc:"):
            said = self.asking.ask(f"{self.plc}/{quote(did, safe=':')}")
        elif did.startswith("did:web:") and is_handle(did.removeprefix("did:web:")):
            said = self.asking.ask(f"https://{did.removeprefix('did:web:')}/.well-known/did.json")
        else:
            said = _Said(failed="address", why="No conclusion: the account's identity is of no known kind.")
        try:
            return (read_identity(said.value, did=did) if said.status == 200 else None), said
        except ValueError:
            return None, said

    def _home(self) -> str | None:
        """Return the author's server; a directory that says the identity has ended answers for the account."""
        identity, said = self._identity(self.address.authority)
        if said.status == 410:
            self.seen.account, self.seen.main = "deleted", said.answer
        elif identity is None or identity.pds is None:
            self._failed(said, "the directory of identities")
        else:
            return identity.pds
        return None

    def _account(self, pds: str) -> None:
        said = self.asking.xrpc(pds, "com.atproto.sync.getRepoStatus", [("did", self.address.authority)])
        value = said.value or {}
        if said.status == 200 and value.get("did") == self.address.authority:
            status = value.get("status")
            if value.get("active") is True:
                self.seen.account = "active"
            elif status in NO_ACCOUNT | ASLEEP and status != "absent":
                self.seen.account = str(status)
        elif said.status == 400 and said.error == "RepoNotFound":
            self.seen.account = "absent"

    def _record(self, pds: str) -> None:
        where = self.address
        asked = [("repo", where.authority), ("collection", where.collection), ("rkey", where.key)]
        said = self.asking.xrpc(pds, "com.atproto.repo.getRecord", asked)
        self.seen.main = said.answer
        value, cid = (said.value or {}).get("value"), (said.value or {}).get("cid")
        if said.status == 200 and (said.value or {}).get("uri") == where.uri and isinstance(value, dict):
            self.seen.record = "there"
            self.value, self.cid = value, cid if isinstance(cid, str) else None
        elif said.status in (400, 404) and said.error == "RecordNotFound":
            self.seen.record = "gone"
        elif self.seen.account not in NO_ACCOUNT | ASLEEP:
            self._failed(said, "the author's server")

    def _appview(self) -> None:
        if self.address.collection != POST:
            self.seen.appview = "not-asked"
            return
        said = self.asking.xrpc(self.appview, "app.bsky.feed.getPosts", [("uris", self.address.uri)])
        posts = (said.value or {}).get("posts")
        if said.status != 200 or not isinstance(posts, list):
            self._failed(said, "the AppView")
            return
        for post in posts[:25]:
            if isinstance(post, dict) and post.get("uri") == self.address.uri:
                self.seen.appview = "there"
                if self.value is None and isinstance(post.get("record"), dict):
                    self.value = post["record"]
                    self.cid = post["cid"] if isinstance(post.get("cid"), str) else None
                self.seen.main = self.seen.main or said.answer
                return
        self.seen.appview = "absent"

    def _labels(self) -> None:
        issued = [self._issued(service) for service in self.services]
        found = [label for labels in issued for label in labels or ()]
        values = {label.val for label in in_force(found, at=self.at, cid=self.cid)}
        self.seen.labels = sorted(values)
        withheld = [value for value in WITHHOLDING if value in values]
        if withheld:
            self.seen.label = withheld[0]
        elif None not in issued:
            self.seen.label = "other" if values else "none"

    def _issued(self, service: str) -> list[Label] | None:
        """Return what the service says of the post and its author, as far as its key signed it; None when it says nothing."""
        identity, _ = self._identity(service)
        if identity is None or identity.labeler is None:
            return None
        uris = (self.address.uri, self.address.authority)
        asked = [*(("uriPatterns", uri) for uri in uris), ("sources", service), ("limit", "250")]
        said = self.asking.xrpc(identity.labeler, "com.atproto.label.queryLabels", asked)
        listed = (said.value or {}).get("labels")
        if said.status != 200 or not isinstance(listed, list):
            return None
        found = []
        for entry in listed[:250]:
            try:
                label = read_label(entry)
            except ValueError:
                continue
            if label.src == service and label.uri in uris and label.signed_by(identity.label_key):
                found.append(label)
        return found

    def _blobs(self, pds: str) -> None:
        if self.value is not None:
            self.seen.blob = "none"
        for cid in list(dict.fromkeys(_blob_cids(self.value)))[:MOST_BLOBS]:
            asked = urlencode([("did", self.address.authority), ("cid", cid)])
            url = f"{pds}/xrpc/com.atproto.sync.getBlob?{asked}"
            said = self.asking.ask(url, method="HEAD", media=True)
            if said.status == 400:
                said = self.asking.ask(url, media=True)  # an error has words only when its body may be read
            if said.status in (400, 404) and (said.value or {}).get("error"):
                self.seen.blob = "gone"
            elif said.status == 200:
                self.seen.blob = "there" if self.seen.blob == "none" else self.seen.blob
            elif self.seen.blob != "gone":
                self.seen.blob = "unknown"

    def _text(self, text: str | None, digest: str | None) -> None:
        if not (text is not None and page.normalise(text)) and digest is None:
            return
        written = (self.value or {}).get("text")
        if not isinstance(written, str):
            self.seen.text = "unknown" if self.value is None else "other"
        elif text is not None and page.normalise(text):
            self.seen.text = "same" if page.normalise(text) in page.normalise(written) else "other"
        else:
            own = hashlib.sha256(written.strip().encode("utf-8", errors="replace")).hexdigest()
            same = (digest or "").lower() in (own, page.text_digest(written))
            self.seen.text, self.seen.by_digest = ("same" if same else "other"), True


def _resolved(asking: _Asking, appview: str, handle: str, seen: Seen) -> str | None:
    """Return the DID of a handle. One that leads nowhere says nothing of the post: its owner may have another by now."""
    said = asking.xrpc(appview, "com.atproto.identity.resolveHandle", [("handle", handle)])
    did = (said.value or {}).get("did")
    if said.status == 200 and isinstance(did, str) and is_did(did):
        return did
    told = f"No conclusion: the handle {handle} leads to no account. Look again by the at:// URI."
    seen.fail(said.failed or "address", said.why or told)
    return None


def _blob_cids(value: object, depth: int = 0) -> Iterator[str]:
    """Yield the files that a record names, wherever in it they are."""
    if depth > 12:
        return
    if isinstance(value, dict):
        ref = value.get("ref")
        link = ref.get("$link") if isinstance(ref, dict) else None
        if value.get("$type") == "blob" and isinstance(link, str) and link.isalnum() and len(link) <= 200:
            yield link
        for member in value.values():
            yield from _blob_cids(member, depth + 1)
    elif isinstance(value, list):
        for member in value[:100]:
            yield from _blob_cids(member, depth + 1)


def _object(answer: Fetched) -> dict[str, Any] | None:
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


probe: Probe = probe_with()
"""The probe named ``atproto``: the public network, as Bluesky's own apps see it."""
