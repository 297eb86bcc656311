"""A police desk with officers enough for a notice and its review, a power on record, and notices as far along as a test needs them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from tests.hub.referrals.conftest import BEGIN, ToldPlatform, at
from tests.support.hub import ACTOR, SmallHub

from seawall.hub import moment
from seawall.hub.casework import services as casework
from seawall.hub.casework.models import Decision
from seawall.hub.directory import services as directory
from seawall.hub.directory.models import Person
from seawall.hub.directory.roles import Role
from seawall.hub.notices import officers, services
from seawall.hub.notices.models import Notice
from seawall.hub.practice import queries as practice
from seawall.hub.practice.models import Power, PowerKind
from seawall.hub.practice.schema import Code
from seawall.hub.practice.services import adopt, record_power
from seawall.hub.practice.vocabulary import Route
from seawall.hub.referrals import answers, tasks, withdrawals
from seawall.hub.referrals import services as referrals
from seawall.hub.referrals.models import Referral

HARM = "vio-weapon-sale"
WORDS = {
    "reasons": "I am satisfied that the post offers a weapon for sale unlawfully.",
    "review_until": (BEGIN.date() + timedelta(days=40)).isoformat(),
    "review_to": "The review officer, Police",
    "review_how": "Answer that you ask for a review, and say why.",
    "consequences": "A penalty may follow.",
    "how_to_confirm": "Answer that you acted on it.",
}
ORDER = {
    "issuing_authority": "Police",
    "issuing_member_state": "Exampleland",
    "contact_email": "orders@police.example",
    "contact_phone": "+44 1632 960002",
    "order_reference": "P-42",
    "authentication": "Call the number in the public register and name the reference.",
    "material": "Material that incites to an attack.",
    "detailed_grounds": "It names a place and a day and asks its viewers to attack there.",
    "redress": "Go to the court within one month.",
    "host_member_state": "Samplonia",
    "host_authority": "Samplonian Media Board",
    "copied": "yes",
}


@dataclass
class NoticeDesk:
    """The small hub and what is done at its police desk: officer decides, inspector seconds, sergeant gives, superintendent reviews."""

    hub: SmallHub

    def person(self, name: str) -> Person:
        return Person.objects.get(pk=self.hub.people[name].pk)

    def power(self, kind: PowerKind = PowerKind.FORMAL_NOTICE, *, organisation: str = "police") -> Power:
        return record_power(
            organisation_id=self.hub.organisations[organisation].pk,
            kind=kind,
            source="The commencement regulations, regulation 2",
            read_on=date(2026, 10, 1),
            advised_by="The force solicitor",
            actor=ACTOR,
        )

    def decided(self, harm: str = HARM) -> Decision:
        """A decision to refer, with its second word."""
        case = self.hub.case(harm, desk="police")
        form = self.hub.referral_form(harm, on_terms=False)
        casework.claim(case=case, person=self.hub.people["officer"])
        decision = casework.decide(case=case, person=self.hub.people["officer"], form=form)
        casework.review(
            decision=decision, person=self.hub.people["inspector"], concurs=True, reasons="Read it, and I see the same."
        )
        return Decision.objects.get(pk=decision.pk)

    def drafted(self, harm: str = HARM) -> Notice:
        """A draft that waits; the power has to be on record."""
        decision = self.decided(harm)
        tasks.prepare(str(decision.pk))
        return Notice.objects.get(decision=decision)

    def written(self, harm: str = HARM, *, by: str = "sergeant") -> Notice:
        """A draft with every word that the law asks for."""
        notice = self.drafted(harm)
        words = WORDS if notice.kind == PowerKind.FORMAL_NOTICE else ORDER
        services.write(notice=notice, person=self.hub.people[by], values=words)
        return Notice.objects.get(pk=notice.pk)

    def given(self, harm: str = HARM, *, by: str = "sergeant") -> Referral:
        """A notice that was given at this moment and is on its way."""
        notice = self.written(harm, by=by)
        person = self.hub.people[by]
        return services.give(notice=notice, person=person, checked=services.seal(notice=notice, person=person))

    def received(self, harm: str = HARM) -> Referral:
        """A notice that the platform has; needs the `platform` fixture."""
        return referrals.deliver(referral_id=self.given(harm).pk)

    def add_officer(self, name: str, *, desk: str = "police", profile: bool = True) -> Person:
        """Another authorising officer at a police desk."""
        person = directory.add_person(email=f"{name}@hub.example", name=name, password=None, actor=ACTOR)
        room = self.hub.desks[desk]
        directory.give_role(
            person=person, role=Role.AUTHORISING_OFFICER, organisation=room.organisation, desk=room, actor=ACTOR
        )
        TOTP.activate(person, generate_totp_secret())
        self.hub.people[name] = person
        if profile:
            officers.keep_profile(person=person, values=PROFILE | {"name": name.capitalize()})
        return person


PROFILE = {
    "name": "Robin Sample",
    "rank": "Sergeant",
    "force": "Police",
    "email": "notices@police.example",
    "phone": "+44 1632 960001",
    "authorisation": "P-AUTH-17",
    "authorised_at": date(2026, 10, 1),
}


@pytest.fixture
def desk(hub: SmallHub) -> NoticeDesk:
    made = NoticeDesk(hub)
    made.add_officer("sergeant")
    made.add_officer("superintendent")
    return made


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> ToldPlatform:
    made = ToldPlatform()
    for module in (referrals, answers, withdrawals):
        monkeypatch.setattr(module, "channel_of", lambda _referral: made)
    return made


def orders_code() -> Code:
    """The code of practice with a harm whose clock is the hour of a removal order."""
    code = practice.current_code()
    limit = next(each for each in code.limits if each.id == "eu-2021-784-removal")
    harms = []
    for harm in code.harms:
        if harm.id == HARM:
            clock = harm.clock.model_copy(
                update={
                    "limit": limit.id,
                    "action": limit.length,
                    "citation": limit.citation,
                    "starts": limit.starts,
                }
            )
            harm = harm.model_copy(update={"clock": clock, "title": "Terrorist content"})
        harms.append(harm)
    assert harm.route in Route
    head = code.head.model_copy(update={"version": f"{code.version}99"})
    return code.model_copy(update={"head": head, "harms": tuple(harms)})


@pytest.fixture
def orders(desk: NoticeDesk) -> NoticeDesk:
    """The desk under a code of practice that foresees removal orders, with that power on record."""
    adopt(code=orders_code(), actor=ACTOR)
    desk.power(PowerKind.REMOVAL_ORDER)
    return desk


__all__ = ["BEGIN", "HARM", "ORDER", "PROFILE", "WORDS", "NoticeDesk", "at", "moment"]
