"""The code of practice's verbs: adopt a version, enter an election period and cancel one, record a power and end it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction

from seawall.hub import moment
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import Actor, record
from seawall.hub.practice import queries
from seawall.hub.practice.models import CodeVersion, ElectionPeriod, HurriedPeriod, Power, PowerKind
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


@transaction.atomic
def hurry(*, harms: Sequence[str], until: datetime, actor: Actor) -> HurriedPeriod:
    """Halve, from now until a moment, the times for these harms that no statute sets: decisions here, and actions that are asked for.

    It counts for what is opened and referred from now on; clocks that run already are not touched. Raises PeriodRefused for no harm, a harm
    that the code of practice does not have, and an end that is over.
    """
    now, known = moment.now(), {harm.id for harm in queries.current_code().harms}
    if not harms or not set(harms) <= known:
        raise PeriodRefused("Name at least one harm, and only those of the code of practice.")
    if until <= now:
        raise PeriodRefused("The end is over already, so nothing would be halved.")
    made = HurriedPeriod.objects.create(harms=sorted(set(harms)), begins_at=now, ends_at=until)
    record(event=ledger.TimesHurried(harms=len(made.harms), begins=now, ends=until), subject=made, actor=actor)
    return made


@transaction.atomic
def hurry_until(*, period: HurriedPeriod, until: datetime, actor: Actor) -> HurriedPeriod:
    """Let the halving last longer, or end it now. What was halved while it stood stays halved."""
    period = HurriedPeriod.objects.select_for_update().get(pk=period.pk)
    period.ends_at = max(until, period.begins_at)
    period.save(update_fields=["ends_at"])
    record(
        event=ledger.TimesHurried(harms=len(period.harms), begins=period.begins_at, ends=period.ends_at),
        subject=period,
        actor=actor,
    )
    return period


def _start(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)


MAX_SOURCE = 2_000  # characters


class PowerRefused(Exception):
    """A power that cannot be recorded or ended: `field` names what is wrong, the message says it in a sentence."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


@transaction.atomic
def record_power(
    *, organisation_id: UUID, kind: PowerKind, source: str, read_on: date, advised_by: str, actor: Actor
) -> Power:
    """Write down the operator's word that a statutory power is in force for a body of the state. Decisions from now on go by it.

    Raises PowerRefused without a source or an adviser, for a day to come, for an organisation that is no body of the state, and while the
    same power stands already.
    """
    source, advised_by = source.strip(), advised_by.strip()
    for name, text, most in (("source", source, MAX_SOURCE), ("advised_by", advised_by, 300)):
        if not text or len(text) > most or "\x00" in text:
            raise PowerRefused(f"Say where it was read and who advised, each in {most:,} characters at most.", name)
    if read_on > moment.now().date():
        raise PowerRefused("The day on which the source was read lies in the future.", "read_on")
    made = Power(
        organisation_id=organisation_id,
        kind=kind,
        source=source,
        read_on=read_on,
        advised_by=advised_by,
        recorded_at=moment.now(),
    )
    if not made.organisation.state_body:
        raise PowerRefused(f"{made.organisation} is no body of the state, so it holds no such power.", "organisation")
    try:
        with transaction.atomic():
            made.save(force_insert=True)
    except IntegrityError as twice:
        raise PowerRefused(f"This power of {made.organisation} is recorded already. End that record first.") from twice
    record(
        event=ledger.PowerRecorded(organisation=str(organisation_id), kind=str(kind), read_on=_start(read_on)),
        subject=made,
        actor=actor,
    )
    return made


@transaction.atomic
def end_power(*, power_id: UUID, because: str, actor: Actor) -> Power:
    """Take the word back: no notice or order is given under the power any more. What was given stays. Raises Power.DoesNotExist,
    PowerRefused without a reason or when it was ended before."""
    power = Power.objects.select_for_update().get(pk=power_id)
    if power.ended_at is not None:
        raise PowerRefused("This power was ended before.")
    because = because.strip()
    if not because or len(because) > MAX_SOURCE or "\x00" in because:
        raise PowerRefused(f"Say why it ends, in {MAX_SOURCE:,} characters at most.", "because")
    power.ended_at, power.ended_because = moment.now(), because
    power.save(update_fields=["ended_at", "ended_because"])
    record(
        event=ledger.PowerEnded(organisation=str(power.organisation_id), kind=power.kind), subject=power, actor=actor
    )
    return power
