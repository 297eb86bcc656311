"""The code of practice's verbs: adopt a version, enter an election period, cancel one."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from django.db import transaction

from seawall.hub import moment
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import Actor, record
from seawall.hub.practice.models import CodeVersion, ElectionPeriod
from seawall.hub.practice.schema import Code


class VersionTaken(Exception):
    """The version was adopted before with other words."""


@transaction.atomic
def adopt(*, code: Code, actor: Actor) -> CodeVersion:
    """Make a version of the code the one in force. Adopting the very same again changes nothing.

    Raises VersionTaken when the words differ from what was adopted under this number.
    """
    existing = CodeVersion.objects.filter(version=code.version).first()
    if existing is not None:
        if existing.digest != code.digest:
            raise VersionTaken(
                f"Version {code.version} of {code.id} was adopted with other words. Decisions cite it, so it stays as it is: raise "
                "`version` in code.yaml and add a line to its changelog."
            )
        return existing
    adopted = CodeVersion.objects.create(
        code=code.id,
        version=code.version,
        digest=code.digest,
        document=code.model_dump(mode="json"),
        adopted_at=moment.now(),
    )
    record(
        event=ledger.CodeAdopted(code=code.id, version=code.version, digest=code.digest, harms=len(code.harms)),
        subject=adopted,
        actor=actor,
    )
    return adopted


LONGEST_PERIOD = timedelta(days=200)


class PeriodRefused(Exception):
    """An election period that cannot be entered or cancelled, with the reason in a sentence."""


@transaction.atomic
def enter_election_period(*, title: str, area: str, begins: date, ends: date, actor: Actor) -> ElectionPeriod:
    """Enter days, both included and in UTC, in which the times that the code of practice marks so are halved.

    It counts for referrals prepared from now on; clocks that run already are not touched. Raises PeriodRefused for days that end before
    they begin, lie wholly in the past or are more than 200.
    """
    title, area = title.strip(), area.strip()
    if not title or not area:
        raise PeriodRefused("Give the election a title and say where it is held.")
    if ends < begins:
        raise PeriodRefused("The last day lies before the first.")
    if ends < moment.now().date():
        raise PeriodRefused("The last day is over already, so nothing would be halved.")
    if ends - begins > LONGEST_PERIOD:
        raise PeriodRefused(f"An election period has at most {LONGEST_PERIOD.days} days.")
    made = ElectionPeriod.objects.create(
        title=title[:200], area=area[:200], begins=begins, ends=ends, entered_at=moment.now()
    )
    record(event=ledger.ElectionPeriodEntered(begins=_start(begins), ends=_start(ends)), subject=made, actor=actor)
    return made


@transaction.atomic
def cancel_election_period(*, period_id: UUID, actor: Actor) -> ElectionPeriod:
    """Take a period out again. What was halved while it stood stays halved. Raises ElectionPeriod.DoesNotExist, PeriodRefused."""
    period = ElectionPeriod.objects.select_for_update().get(pk=period_id)
    if period.cancelled_at is not None:
        raise PeriodRefused(f"{period.title} was cancelled before.")
    period.cancelled_at = moment.now()
    period.save(update_fields=["cancelled_at"])
    record(
        event=ledger.ElectionPeriodCancelled(begins=_start(period.begins), ends=_start(period.ends)),
        subject=period,
        actor=actor,
    )
    return period


def _start(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)
