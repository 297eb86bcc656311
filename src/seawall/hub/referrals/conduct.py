"""How right those who refer are: the figures on which a desk can be warned or suspended (Digital Services Act, art. 23)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from math import sqrt
from uuid import UUID

from django.db.models import Count, Q

from seawall.hub import moment
from seawall.hub.directory.models import Desk
from seawall.hub.referrals.models import Referral, WithdrawnBy

SINCE = timedelta(days=90)
ENOUGH = 20
"""With fewer answers than this nothing is said of shares: chance would speak."""
TOO_MANY_REFUSED = 0.5
TOO_MANY_OVERTURNED = 0.1
Z = 1.96  # 95 %


@dataclass(frozen=True, kw_only=True)
class Conduct:
    """A desk's referrals of the last 90 days and what became of them, in numbers."""

    referred: int
    answered: int
    acted: int
    refused: int
    withdrawn: int
    overturned: int

    @property
    def precision(self) -> float | None:
        """Of the referrals that were acted on or refused, the share that was acted on; None with too few."""
        judged = self.acted + self.refused
        return self.acted / judged if judged >= ENOUGH else None

    @property
    def refusal_rate(self) -> float | None:
        """Of the referrals that were answered, the share that the platform looked at and left up; None with too few."""
        return self.refused / self.answered if self.answered >= ENOUGH else None

    @property
    def overturn_rate(self) -> float | None:
        """Of all referrals, the share that an overseer or an appeal undid; None with too few."""
        return self.overturned / self.referred if self.referred >= ENOUGH else None

    @property
    def calls_for_a_look(self) -> bool:
        """Whether the share of refused or overturned referrals is surely too high: the lower end of its 95 % interval is."""
        return (self.answered >= ENOUGH and lower(self.refused, self.answered) > TOO_MANY_REFUSED) or (
            self.referred >= ENOUGH and lower(self.overturned, self.referred) > TOO_MANY_OVERTURNED
        )

    def as_figures(self) -> dict[str, int]:
        """The numbers, for keeping with a measure."""
        return asdict(self)


def lower(part: int, whole: int) -> float:
    """The lower end of Wilson's 95 % interval of a share (E. B. Wilson, 1927); 0 for none of none."""
    if whole == 0:
        return 0.0
    share = part / whole
    middle = share + Z * Z / (2 * whole)
    spread = Z * sqrt(share * (1 - share) / whole + Z * Z / (4 * whole * whole))
    return max(0.0, (middle - spread) / (1 + Z * Z / whole))


def conduct_of(desks: list[Desk]) -> dict[Desk, Conduct]:
    """The conduct of each desk. One query, whatever their number."""
    since = moment.now() - SINCE
    final = Q(answers__status="COMPLETED")
    names = ("referred", "answered", "acted", "refused", "withdrawn", "overturned")
    rows: dict[UUID, dict[str, int]] = {
        UUID(str(row["case__desk"])): {name: int(str(value)) for name, value in row.items() if name in names}
        for row in Referral.objects.filter(case__desk__in=desks, prepared_at__gt=since, prepared_at__lte=moment.now())
        .values("case__desk")
        .annotate(
            referred=Count("pk", distinct=True),
            answered=Count("pk", filter=final, distinct=True),
            acted=Count("pk", filter=final & Q(answers__reason_code="ACTIONED"), distinct=True),
            refused=Count("pk", filter=final & Q(answers__reason_code="REVIEWED_NO_ACTION"), distinct=True),
            withdrawn=Count("pk", filter=Q(withdrawal__isnull=False), distinct=True),
            overturned=Count(
                "pk", filter=Q(withdrawal__by__in=[WithdrawnBy.OVERSEER, WithdrawnBy.APPEAL]), distinct=True
            ),
        )
    }
    none = dict.fromkeys(names, 0)
    return {desk: Conduct(**rows.get(desk.pk, none)) for desk in desks}
