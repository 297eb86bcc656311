"""Mail and calls: what leaves the hub because of a notification."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from uuid import UUID

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction

from seawall import channels
from seawall.channels import signing
from seawall.channels.webhook import EndpointGone, WebhookChannel, next_attempt
from seawall.channels.webhook_events import Delivery
from seawall.hub import moment
from seawall.hub.directory.models import Person
from seawall.hub.jobs import defer
from seawall.hub.ledger.services import Actor
from seawall.hub.notifications import services
from seawall.hub.notifications.models import Call, Notification
from seawall.outbound import Outbound

log = structlog.get_logger(__name__)

TOO_OLD = timedelta(days=2)
"""What could not be mailed for so long is left to the page in the hub: late mail would confuse."""


def mail_waiting() -> int:
    """Mail everybody what they have not been mailed yet, in one mail a person; says how many mails left.

    Nothing that names a post or a member of the public goes into a mail. Read notifications and those of people who want no mail
    are passed over. A demonstration mails nobody.
    """
    now = moment.now()
    waiting = Notification.objects.filter(mailed_at=None)
    waiting.filter(made_at__lt=now - TOO_OLD).update(mailed_at=now)
    if settings.DEMONSTRATION:
        waiting.update(mailed_at=now)
        return 0
    sent = 0
    for person_id in waiting.values_list("person", flat=True).order_by("person").distinct():
        sent += _mail_one(person_id)
    return sent


@transaction.atomic
def _mail_one(person_id: UUID) -> int:
    person = Person.objects.select_related("preference").get(pk=person_id)
    mine = list(
        Notification.objects.select_for_update(skip_locked=True)
        .filter(person=person, mailed_at=None)
        .order_by("made_at", "id")[:200]
    )
    preference = getattr(person, "preference", None)
    wanted = [each for each in mine if each.read_at is None]
    if wanted and person.is_active and (preference is None or preference.by_mail):
        lines = [f"- {each.text}\n  {settings.PUBLIC_URL.rstrip('/')}{each.link}" for each in wanted]
        several = f"{len(wanted)} things wait for you" if len(wanted) > 1 else "Something waits for you"
        send_mail(
            f"{settings.HUB_NAME}: {several}",
            "\n".join(
                [
                    f"Hello {person.name},",
                    "",
                    *lines,
                    "",
                    "You can stop these mails under Notifications, once you have signed in.",
                ]
            ),
            None,
            [person.email],
        )
    Notification.objects.filter(pk__in=[each.pk for each in mine]).update(mailed_at=moment.now())
    return int(bool(wanted))


@lru_cache(maxsize=1)
def _outbound() -> Outbound:
    return Outbound(allow=settings.OUTBOUND_ALLOW)


def call(*, call_id: UUID | str) -> Call:
    """Make one call to a subscription. One that fails is queued again by the schedule of Standard Webhooks, then given up.

    A receiver that answers 410 ends its subscription.
    """
    made = Call.objects.select_related("subscription").get(pk=call_id)
    if made.delivered_at is not None or made.given_up_at is not None or made.subscription.ended_at is not None:
        return made
    subscription = made.subscription
    event = Delivery(id=str(made.pk), body=signing.canonical(made.body))
    problem, retryable, gone = "", True, False
    try:
        WebhookChannel(_outbound()).deliver(
            channels.Address(endpoint=subscription.url, token=subscription.secret), event, at=moment.now()
        )
    except EndpointGone as error:
        problem, retryable, gone = str(error), False, True
    except channels.ChannelError as error:
        problem, retryable = str(error), error.retryable
    if gone:
        services.end_subscription(subscription=subscription, actor=Actor.machine("webhook"))
    with transaction.atomic():
        made = Call.objects.select_for_update().select_related("subscription").get(pk=call_id)
        made.attempts += 1
        made.problem = problem
        wait = next_attempt(made.attempts, str(made.pk)) if problem and retryable else None
        if not problem:
            made.delivered_at = moment.now()
        elif wait is None:
            made.given_up_at = moment.now()
        made.save(update_fields=["attempts", "problem", "delivered_at", "given_up_at"])
        if made.subscription.problem != problem:
            made.subscription.problem = problem
            made.subscription.save(update_fields=["problem"])
        if wait is not None:
            defer("notifications.call", in_seconds=int(wait.total_seconds()), call_id=str(made.pk))
    return made


@transaction.atomic
def replay(*, call_id: UUID | str) -> Call:
    """Send a call again as it was, under the same id, whether or not it was taken before."""
    made = Call.objects.select_for_update().get(pk=call_id)
    made.delivered_at = made.given_up_at = None
    made.save(update_fields=["delivered_at", "given_up_at"])
    defer("notifications.call", call_id=str(made.pk))
    return made
