"""Telling: in the hub at once, by mail and by webhook soon after."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction

from seawall.hub import moment
from seawall.hub.directory.models import Organisation, Person
from seawall.hub.jobs import defer
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import Actor, record
from seawall.hub.notifications.models import Call, Notification, Preference, Subscription

MOST_SUBSCRIPTIONS = 10


@transaction.atomic
def notify(
    *,
    people: Iterable[Person],
    kind: str,
    about: str,
    text: str,
    link: str,
    organisation: Organisation | None = None,
    data: Mapping[str, str] | None = None,
) -> None:
    """Tell `people`, and the software of `organisation` where it asked for it, that something happened; each once for each `about`.

    `text` is one sentence that names no post and no member of the public; `link` the path of the page that it is about; `data` what the
    software is told besides.
    """
    now = moment.now()
    made = Notification.objects.bulk_create(
        [
            Notification(person=person, kind=kind, text=text[:300], link=link, about=about, made_at=now)
            for person in people
        ],
        ignore_conflicts=True,
    )
    if made:
        defer("notifications.mail", once="notifications.mail", in_seconds=30)
    if organisation is None:
        return
    for subscription in Subscription.objects.filter(organisation=organisation, ended_at=None):
        if subscription.kinds and kind not in subscription.kinds:
            continue
        call, new = Call.objects.get_or_create(
            subscription=subscription,
            about=about,
            defaults={
                "kind": kind,
                "body": {
                    "type": kind,
                    "timestamp": now.isoformat(),
                    "data": {**(data or {}), "text": text, "link": link},
                },
                "made_at": now,
            },
        )
        if new:
            defer("notifications.call", call_id=str(call.pk))


def mark_read(*, person: Person) -> int:
    """Everything that the person was told is seen; says how much was new."""
    return Notification.objects.visible_to(person).filter(read_at=None).update(read_at=moment.now())


def want_mail(*, person: Person, wanted: bool) -> None:
    """Whether the person is mailed as well."""
    Preference.objects.update_or_create(person=person, defaults={"by_mail": wanted})


class SubscriptionRefused(Exception):
    """A subscription that cannot be made, with the reason in a sentence."""


@transaction.atomic
def subscribe(*, organisation: Organisation, url: str, kinds: Sequence[str] = (), actor: Actor) -> Subscription:
    """Call an organisation's own address from now on when something happens that it is told of. Its secret is in what is returned.

    Raises SubscriptionRefused for an address that is not https, and for more than MOST_SUBSCRIPTIONS.
    """
    host = urlsplit(url).netloc.lower()
    if not url.startswith("https://") and host not in settings.OUTBOUND_ALLOW:
        raise SubscriptionRefused("The address must begin with https://.")
    if len(url) > 500 or not host:
        raise SubscriptionRefused("The address names no host, or is longer than 500 characters.")
    if Subscription.objects.filter(organisation=organisation, ended_at=None).count() >= MOST_SUBSCRIPTIONS:
        raise SubscriptionRefused(f"An organisation has at most {MOST_SUBSCRIPTIONS} subscriptions. End one first.")
    made = Subscription.objects.create(
        organisation=organisation,
        url=url,
        secret="whsec_" + b64encode(secrets.token_bytes(32)).decode("ascii"),
        kinds=sorted({kind[:40] for kind in kinds}),
        made_at=moment.now(),
    )
    record(event=ledger.SubscriptionMade(organisation=str(organisation.pk)), subject=made, actor=actor)
    return made


@transaction.atomic
def end_subscription(*, subscription: Subscription, actor: Actor) -> None:
    """Call it no longer. What was not taken yet is given up."""
    kept = Subscription.objects.select_for_update().get(pk=subscription.pk)
    if kept.ended_at is not None:
        return
    kept.ended_at = moment.now()
    kept.save(update_fields=["ended_at"])
    kept.calls.filter(delivered_at=None, given_up_at=None).update(given_up_at=kept.ended_at)
    record(event=ledger.SubscriptionEnded(organisation=str(kept.organisation_id)), subject=kept, actor=actor)
