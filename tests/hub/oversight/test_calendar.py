"""The election calendar: who enters what, and that only the times which the code marks are halved."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from tests.support.hub import ACTOR, SmallHub

from seawall.clock import Basis
from seawall.hub import moment
from seawall.hub.ledger.models import Entry
from seawall.hub.practice import queries, services
from seawall.hub.practice.models import ElectionPeriod
from seawall.hub.practice.vocabulary import Step
from seawall.hub.referrals.documents import limit_for

pytestmark = pytest.mark.django_db


def entered(begins: date, ends: date, *, title: str = "By-election") -> ElectionPeriod:
    return services.enter_election_period(title=title, area="Somewhere", begins=begins, ends=ends, actor=ACTOR)


def test_a_period_counts_on_its_first_and_last_day_and_not_beside_them(hub: SmallHub) -> None:
    first = moment.now().date()
    period = entered(first, first + timedelta(days=2))
    days = [first + timedelta(days=n) for n in range(-1, 4)]
    assert [queries.in_election_period(day) for day in days] == [False, True, True, True, False]
    services.cancel_election_period(period_id=period.pk, actor=ACTOR)
    assert not queries.in_election_period(first)
    with pytest.raises(services.PeriodRefused, match="before"):
        services.cancel_election_period(period_id=period.pk, actor=ACTOR)
    assert list(Entry.objects.filter(verb__startswith="calendar.").values_list("verb", flat=True).order_by("id")) == [
        "calendar.election_entered", "calendar.election_cancelled",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("after", "length", "title", "problem"),
    [(3, -1, "E", "before the first"), (-9, 2, "E", "over already"), (0, 300, "E", "200 days"), (0, 1, " ", "title")],
)
def test_what_cannot_be_entered(hub: SmallHub, after: int, length: int, title: str, problem: str) -> None:
    begins = moment.now().date() + timedelta(days=after)
    with pytest.raises(services.PeriodRefused, match=problem):
        entered(begins, begins + timedelta(days=length), title=title)


def test_only_what_the_code_marks_is_halved_and_never_a_statute(hub: SmallHub) -> None:
    code = queries.current_code()
    halved = []
    for harm in code.harms:
        if code.limit(harm.id, Step.ACTION) is None:
            continue  # nothing is asked of a platform: no time to halve
        usual, hurried = limit_for(code=code, harm=harm), limit_for(code=code, harm=harm, election_period=True)
        if usual != hurried:
            halved.append(harm.id)
            assert hurried.length * 2 == usual.length  # type: ignore[operator]
            assert usual.basis is not Basis.STATUTE
            assert "election period" in hurried.citation
    assert halved
    assert all(name.startswith("cand-") for name in halved)


def client_of(hub: SmallHub, name: str) -> Client:
    made = Client()
    made.force_login(hub.people[name])
    return made


def form(begins: date, ends: date) -> dict[str, Any]:
    return {
        "title": "Local elections",
        "area": "England",
        **{f"begins_{n}": number for n, number in enumerate((begins.day, begins.month, begins.year))},
        **{f"ends_{n}": number for n, number in enumerate((ends.day, ends.month, ends.year))},
    }


def test_the_administrator_enters_and_cancels_and_others_read(hub: SmallHub) -> None:
    today = moment.now().date()
    administrator = client_of(hub, "administrator")
    assert administrator.post(reverse("calendar_enter"), {}).status_code == 422
    answer = administrator.post(reverse("calendar_enter"), form(today, today))
    assert answer.status_code == 302, answer.content.decode()
    assert "Local elections" in client_of(hub, "regulator").get(reverse("calendar")).content.decode()
    assert "An election period is on" in client_of(hub, "auditor").get(reverse("calendar")).content.decode()
    period = ElectionPeriod.objects.get()
    assert client_of(hub, "regulator").post(reverse("calendar_cancel", args=[period.pk])).status_code == 403
    assert client_of(hub, "analyst").get(reverse("calendar")).status_code == 403
    assert administrator.post(reverse("calendar_cancel", args=[period.pk])).status_code == 302
    assert not queries.in_election_period(today)
