"""Referrals to Mastodon and its kin: a signed ``Flag`` activity in the inbox of the server that holds the post.

``docs/reference/channels/activitypub.md`` says what such servers do with it. The protocol has no answer to a Flag and no
agreed way to take one back, so the text that a moderator reads says where to answer, and a withdrawal is told in words
as well.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, Self, TypeGuard

import httpx
from pydantic import JsonValue

from seawall.channels import signing
from seawall.channels.activitypub_text import referral_text, withdrawal_text
from seawall.channels.base import (
    Address,
    Answer,
    ChannelError,
    Equipment,
    NotCarried,
    Proof,
    Receipt,
    Sent,
    Setting,
)
from seawall.channels.document import ReferralDocument, Withdrawal
from seawall.channels.http_signatures import KeyUnusable, Signer
from seawall.channels.notices import POWERS
from seawall.outbound import Fetched, Outbound, OutboundError, OutboundRefused

CONTEXT: Final = "https://www.w3.org/ns/activitystreams"
MEDIA_TYPE: Final = "application/activity+json"
_ACCEPT: Final = f'{MEDIA_TYPE}, application/ld+json; profile="{CONTEXT}"'
_REPETITION: Final = "https://w3id.org/fep/c180#duplicate-delivery"
_SECURITY: Final = "https://w3id.org/security/v1"
_ACTORS: Final = frozenset({"Application", "Group", "Organization", "Person", "Service"})
_RETRYABLE: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_MOST_HOPS: Final = 3
_LONGEST_HUB_URL: Final = 120
_LONGEST_REFERENCE: Final = 200


class _Gone(ChannelError):
    """The post's server says that it has no such post, or none that it shows to this hub."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=False)


@dataclass(frozen=True, slots=True)
class _Reported:
    """What a Flag names: the account first, as the servers want it, then the post, if it is not the account itself."""

    account: str
    post: str

    def objects(self) -> list[str]:
        return list(dict.fromkeys((self.account, self.post)))


class ActivityPubChannel:
    """The channel named ``activitypub``. The endpoint is the shared inbox of the server that holds the posts.

    Not idempotent: a repeated Flag has the same id, and the protocol wants known ids dropped, but Mastodon makes a second
    report of it. The reference of a referral is the Flag's id and, after ``#``, the account, so that a withdrawal can
    still name the account when the post is gone.
    """

    name: ClassVar[str] = "activitypub"
    proof: ClassVar[Proof] = "accepted"
    answering: ClassVar[Literal["polled", "delivered", "never"]] = "delivered"
    idempotent: ClassVar[bool] = False
    withdraws: ClassVar[bool] = True
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("actor", "The address of the hub's actor, under the hub's own; its key is that address and #main-key."),
        Setting("recipient", "The actor that reports are addressed to; without it, the account.", required=False),
        Setting(
            "inbox", "'account' where the server has no shared inbox: deliver to the account's own.", required=False
        ),
        Setting("withdrawal", "'undo' where Undo of a Flag is honoured; else it is told in words too.", required=False),
    )

    @classmethod
    def equipped(cls, equipment: Equipment) -> Self:
        """Make the channel; it needs the hub's public address and its RSA key. Raises ChannelError without them."""
        return cls(equipment)

    def __init__(self, equipment: Equipment) -> None:
        self._outbound: Outbound = equipment.outbound
        self._hub = equipment.hub_url.rstrip("/")
        self._contact = equipment.contact
        if not _is_address(self._hub) or len(self._hub) > _LONGEST_HUB_URL:
            raise ChannelError(
                f"ActivityPub needs the hub's public address, of at most {_LONGEST_HUB_URL} characters.",
                retryable=False,
            )
        try:
            self._key = Signer.from_pem(f"{self._hub}#main-key", equipment.actor_key).key
        except KeyUnusable as error:
            raise ChannelError(f"ActivityPub needs the hub's RSA key: {error}", retryable=False) from error

    def send(
        self, address: Address, document: ReferralDocument, *, idempotency_key: str, at: dt.datetime | None = None
    ) -> Receipt:
        """Find the post's id and account, and deliver the Flag; see :class:`~seawall.channels.base.Channel`."""
        signer = self._signer(address)
        if document.kind in POWERS:
            raise NotCarried(
                f"A {POWERS[document.kind].noun} has to arrive whole and be confirmed, and a report by ActivityPub may be "
                "cut and is never confirmed. Serve it by another channel."
            )
        reported = self._reported(address, signer, document.content.url)
        text = referral_text(document, hub_url=self._hub, contact=self._contact)
        flag = self._flag(address, "flags", idempotency_key, reported.objects(), text, document.to_json())
        reference = f"{flag['id']}#{reported.account}"
        reference = reference if len(reference) <= _LONGEST_REFERENCE else flag["id"]
        inbox = self._inbox(address, signer, reported.account)
        return self._handed_over(inbox, signer, document, [flag], reference=reference, at=at)

    def answers(self, address: Address, reference: str, *, after: str | None = None) -> list[Answer]:
        """Give none: what a moderator has to say comes by the hub's portal."""
        return []

    def inform(self, address: Address, reference: str, text: str, idempotency_key: str) -> None:
        """Refuse: there is no way to add to a report."""
        raise NotCarried("ActivityPub cannot add to a report. Answer the platform's moderators where they asked.")

    def withdraw(
        self,
        address: Address,
        reference: str,
        withdrawal: Withdrawal,
        *,
        idempotency_key: str,
        at: dt.datetime | None = None,
    ) -> Receipt:
        """Undo the Flag and, unless the server is known to honour that, report in words that it is withdrawn."""
        signer = self._signer(address)
        flag_id, _, account = reference.partition("#")
        if not flag_id.startswith(f"{self._hub}/activitypub/"):
            raise ChannelError(f"The reference {reference[:200]!r} is not of a report by this hub.", retryable=False)
        try:
            objects = self._reported(address, signer, withdrawal.url).objects()
        except _Gone as error:
            if not account:
                raise NotCarried(
                    f"{error} Its account is not known, so the withdrawal can name nobody. Tell the platform by another way."
                ) from error
            objects = [account, withdrawal.url]
        text = withdrawal_text(withdrawal, hub_url=self._hub, contact=self._contact)
        undo = {
            **self._activity(address, "Undo", "undos", idempotency_key, objects, text),
            "object": {"id": flag_id, "type": "Flag", "actor": address.settings["actor"], "object": objects},
        }
        activities = [undo]
        if address.settings.get("withdrawal") != "undo":
            activities.append(self._flag(address, "withdrawals", idempotency_key, objects, text, withdrawal.to_json()))
        inbox = self._inbox(address, signer, objects[0])
        return self._handed_over(inbox, signer, withdrawal, activities, reference=undo["id"], at=at)

    def _signer(self, address: Address) -> Signer:
        actor = address.settings.get("actor", "")
        if not _is_address(actor) or "#" in actor or not actor.startswith(f"{self._hub}/"):
            raise ChannelError(
                f"The setting actor must be an address under {self._hub}/, where the hub publishes its actor.",
                retryable=False,
            )
        for name, word in (("inbox", "account"), ("withdrawal", "undo")):
            if (given := address.settings.get(name, "")) not in ("", word):
                raise ChannelError(
                    f"The setting {name} is {given[:40]!r}; it can only be {word!r} or absent.", retryable=False
                )
        for name, value in (("endpoint", address.endpoint), ("recipient", address.settings.get("recipient") or actor)):
            if not _is_address(value):
                raise ChannelError(f"The {name} of this platform is not a web address.", retryable=False)
        return Signer(f"{actor}#main-key", self._key)

    def _reported(self, address: Address, signer: Signer, url: str) -> _Reported:
        """Ask the post's own server for its id and account; its word counts for what lies on its own host only."""
        found, where = self._get(signer, url)
        post = found.get("id")
        if _is_address(post) and _host(post) != _host(where):
            found, where = self._get(signer, post)
            if found.get("id") != post:
                raise ChannelError(f"{post} is said to be a post, and its own server does not say so.", retryable=False)
        if found.get("type") == "Tombstone":
            raise _Gone(f"The post at {url} is gone: its server keeps a tombstone.")
        kind = found.get("type")
        is_account = isinstance(kind, str) and kind in _ACTORS
        account = post if is_account else _first(found.get("attributedTo") or found.get("actor"))
        if not _is_address(post) or not _is_address(account) or _host(account) != _host(post):
            raise ChannelError(
                f"{where} did not name a post and its account. Check the post's address, or refer it by another channel.",
                retryable=False,
            )
        return _Reported(account, post)

    def _inbox(self, address: Address, signer: Signer, account: str) -> str:
        """Return where to deliver, once it is certain that the account's own server reads it."""
        here, own = _host(account) == _host(address.endpoint), address.settings.get("inbox") == "account"
        if here and not own:
            return address.endpoint
        described, _ = self._get(signer, account)
        inbox, endpoints = described.get("inbox"), described.get("endpoints")
        if here and _is_address(inbox) and _host(inbox) == _host(account):
            return inbox
        if not own and isinstance(endpoints, dict) and address.endpoint == endpoints.get("sharedInbox"):
            return address.endpoint
        raise ChannelError(
            f"The account {account} is on {_host(account)}, which does not read {address.endpoint}. "
            "Refer the post to the platform that holds it, or correct this platform's route.",
            retryable=False,
        )

    def _get(self, signer: Signer, url: str) -> tuple[dict[str, Any], str]:
        """Get the object at `url`, each redirect signed anew; return it with where it was found."""
        for _ in range(_MOST_HOPS + 1):
            answer = self._fetch(url, "GET", {"Accept": _ACCEPT, **_signed(signer, "GET", url)}, b"")
            if 300 <= answer.status < 400 and "location" in answer.headers:
                url = _joined(url, answer.headers["location"])
                continue
            if answer.status in (404, 410):
                raise _Gone(f"{url} answers {answer.status}: the post is gone, or is not shown to this hub.")
            if answer.status != 200:
                raise _refusal(answer, url, signer)
            try:
                found = json.loads(answer.body)
            except (ValueError, RecursionError):
                found = None
            if not isinstance(found, dict):
                raise ChannelError(f"{url} is not an ActivityPub object. Check the post's address.", retryable=False)
            return found, url
        raise ChannelError(f"The post's address redirects more than {_MOST_HOPS} times; not followed.", retryable=False)

    def _handed_over(
        self,
        inbox: str,
        signer: Signer,
        sent: Sent,
        activities: Sequence[Mapping[str, Any]],
        *,
        reference: str,
        at: dt.datetime | None,
    ) -> Receipt:
        """Deliver each activity to the inbox and say what it answered."""
        delivered: list[JsonValue] = []
        for activity in activities:
            body = signing.canonical(activity)
            headers = {"Content-Type": MEDIA_TYPE, "Accept": _ACCEPT, **_signed(signer, "POST", inbox, body)}
            answer = self._fetch(inbox, "POST", headers, body)
            if not 200 <= answer.status < 300 and not _is_repetition(answer):
                raise _refusal(answer, inbox, signer)
            delivered.append({"id": activity["id"], "type": activity["type"], "status": answer.status})
        return Receipt.unsigned(
            sent,
            reference=reference,
            received_at=at or dt.datetime.now(dt.UTC),
            proof="accepted",
            evidence={"inbox": inbox, "key": signer.key_id, "delivered": delivered},
        )

    def _fetch(self, url: str, method: str, headers: Mapping[str, str], content: bytes) -> Fetched:
        try:
            return self._outbound.fetch(url, method=method, headers=headers, content=content, redirects=0)
        except OutboundRefused as error:
            raise ChannelError(f"An address of this platform may not be used: {error}", retryable=False) from error
        except OutboundError as error:
            raise ChannelError(str(error), retryable=error.kind != "too_large") from error

    def _activity(
        self, address: Address, kind: str, folder: str, key: str, objects: Sequence[str], text: str
    ) -> dict[str, Any]:
        name = hashlib.sha256(key.encode()).hexdigest()[:32]
        return {
            "@context": CONTEXT,
            "id": f"{self._hub}/activitypub/{folder}/{name}",
            "type": kind,
            "actor": address.settings["actor"],
            "to": [address.settings.get("recipient") or objects[0]],
            "content": text,
            "mediaType": "text/plain",
        }

    def _flag(
        self, address: Address, folder: str, key: str, objects: Sequence[str], text: str, document: bytes
    ) -> dict[str, Any]:
        return {
            **self._activity(address, "Flag", folder, key, objects, text),
            "object": list(objects),
            "attachment": [{"type": "Document", "mediaType": "application/json", "content": document.decode("utf-8")}],
        }


def actor_document(equipment: Equipment, *, actor: str, username: str = "referrals") -> dict[str, Any]:
    """Return what the hub publishes at `actor`, as ``application/activity+json`` and to everybody.

    Servers read the public key from it to check a Flag. They want an ``inbox`` and a `username` that :func:`webfinger`
    leads back to this document. Raises KeyUnusable when the hub's RSA key is none.
    """
    signer = Signer.from_pem(f"{actor}#main-key", equipment.actor_key)
    about = "Sends reports of posts that may do harm. Each says who refers, on what ground, and how to answer."
    return {
        "@context": [CONTEXT, _SECURITY, {"manuallyApprovesFollowers": "as:manuallyApprovesFollowers"}],
        "id": actor,
        "type": "Application",
        "preferredUsername": username,
        "name": equipment.hub_name,
        "summary": f"<p>{html.escape(' '.join((about, equipment.contact)).strip())}</p>",
        "url": equipment.hub_url,
        "inbox": f"{actor}/inbox",
        "outbox": f"{actor}/outbox",
        "manuallyApprovesFollowers": True,
        "publicKey": {"id": signer.key_id, "owner": actor, "publicKeyPem": signer.public_pem()},
    }


def webfinger(resource: str, *, actor: str, username: str = "referrals") -> dict[str, Any] | None:
    """Return the answer to ``/.well-known/webfinger?resource=...`` on the actor's host, or None (404) for others."""
    account = f"acct:{username}@{httpx.URL(actor).netloc.decode('ascii')}"
    if resource != actor and resource.lower() != account.lower():
        return None
    return {"subject": account, "aliases": [actor], "links": [{"rel": "self", "type": MEDIA_TYPE, "href": actor}]}


def _is_repetition(answer: Fetched) -> bool:
    """Tell whether a server refuses an activity because it has it already, which is what FEP-c180 lets it say."""
    try:
        return bool(json.loads(answer.body)["type"] == _REPETITION)
    except (ValueError, RecursionError, KeyError, TypeError):
        return False


def _refusal(answer: Fetched, url: str, signer: Signer) -> ChannelError:
    status, wait = answer.status, answer.headers.get("retry-after", "").strip()
    if status in _RETRYABLE:
        seconds = float(wait) if wait.isascii() and wait.isdigit() and len(wait) < 7 else None
        return ChannelError(f"{url} answered {status}.", retryable=True, retry_after=seconds)
    actor = signer.key_id.partition("#")[0]
    if status in (401, 403):
        text = (
            f"{url} refuses this hub's signature ({status}). Check that {actor} is reachable from outside and shows the key "
            "in use, that both clocks are right, and that the server does not block this hub."
        )
    elif status in (404, 410):
        text = f"{url} is no inbox, or no longer one ({status}). Ask the server's staff for its shared inbox."
    elif 300 <= status < 400:
        text = f"{url} redirects ({status}), which is not followed. Put the new address into this platform's route."
    else:
        text = f"{url} does not accept this request ({status}). Ask the server's staff what it wants."
    return ChannelError(text, retryable=False)


def _signed(signer: Signer, method: str, url: str, body: bytes | None = None) -> dict[str, str]:
    try:
        return signer.headers(method, url, body)
    except httpx.InvalidURL as error:
        raise ChannelError(f"{url[:200]!r} is not a web address: {error}.", retryable=False) from error


def _joined(url: str, location: str) -> str:
    try:
        return str(httpx.URL(url).join(location))
    except (httpx.InvalidURL, ValueError) as error:
        raise ChannelError(f"{url} redirects to what is no web address: {error}.", retryable=False) from error


def _first(value: object) -> object:
    """Return the id of the account in an ``attributedTo``, which may be an id, an object, or a list of either."""
    for entry in value[:10] if isinstance(value, list) else [value]:
        found = entry.get("id") if isinstance(entry, dict) else entry
        if isinstance(found, str):
            return found
    return None


def _is_address(value: object) -> TypeGuard[str]:
    if not isinstance(value, str) or not value.startswith(("https://", "http://")) or len(value) > 2_048:
        return False
    if not (value.isascii() and value.isprintable()) or any(mark in value for mark in ' "<>\\'):
        return False
    try:
        return bool(httpx.URL(value).host)
    except httpx.InvalidURL:
        return False


def _host(url: str) -> str:
    return httpx.URL(url).host.lower()
