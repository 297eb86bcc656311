"""How to sign in as each person of the demonstration: shown on a demonstration hub, to people at the machine itself, and to nobody else."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address

from allauth.account.internal.stagekit import unstash_login
from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from allauth.mfa.utils import decrypt
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

from seawall.hub.demonstration.cast import CAST, PASSWORD
from seawall.hub.directory import queries
from seawall.hub.directory.models import Person
from seawall.hub.directory.roles import WHAT_A_ROLE_DOES, Role


@dataclass(frozen=True, kw_only=True)
class Code:
    """Six digits of an authenticator app, and when they begin and cease to be good."""

    digits: str
    begins: datetime
    ends: datetime
    used: bool
    """Whether somebody has signed in with it: no code works twice."""

    @property
    def spaced(self) -> str:
        """As apps show it: three and three."""
        return f"{self.digits[:3]} {self.digits[3:]}"


@dataclass(frozen=True, kw_only=True)
class SignIn:
    """A person of the demonstration with everything that it takes to be them. `codes` is the one now and the next; none without an app."""

    person: Person
    roles: list[str]
    does: str
    password: str
    codes: list[Code]


def shown_to(request: HttpRequest) -> bool:
    """Whether sign-ins may be shown: on a demonstration hub, to somebody at the machine itself and through no proxy."""
    if not settings.DEMONSTRATION or request.headers.get("X-Forwarded-For") or request.headers.get("Forwarded"):
        return False
    try:
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def sign_ins(at: float | None = None) -> list[SignIn]:
    """Everybody in the cast who is in the directory, in the order of the cast; codes as of `at` (seconds since 1970), or now."""
    order = {part.email: place for place, part in enumerate(CAST)}
    people = queries.people().filter(email__in=order, is_active=True)
    apps = Authenticator.objects.filter(type=Authenticator.Type.TOTP, user__in=people)
    kept = {app.user_id: app for app in apps}
    now = time.time() if at is None else at
    return [
        SignIn(
            person=person,
            roles=[f"{held.get_role_display()}, {held.desk or held.organisation}" for held in queries.held_by(person)],
            does=next((WHAT_A_ROLE_DOES[Role(held.role)] for held in queries.held_by(person)), ""),
            password=PASSWORD,
            codes=_codes(kept[person.pk], now) if person.pk in kept else [],
        )
        for person in sorted(people, key=lambda one: order[one.email])
    ]


def signing_in(request: HttpRequest) -> SignIn | None:
    """The person of the cast who is half-way through signing in here, or is named in the address; None for nobody."""
    login = unstash_login(request, peek=True)
    email = login.user.email if login else request.GET.get("email", "")
    if not email and isinstance(request.user, Person):
        email = request.user.email
    return next((one for one in sign_ins() if one.person.email == email), None)


def _codes(kept: Authenticator, at: float) -> list[Code]:
    secret, period = decrypt(kept.data["secret"]), app_settings.TOTP_PERIOD
    step = int(at) // period
    codes = []
    for counter in (step, step + 1):
        digits = str(format_hotp_value(hotp_value(secret, counter)))
        codes.append(
            Code(
                digits=digits,
                begins=datetime.fromtimestamp(counter * period, UTC),
                ends=datetime.fromtimestamp((counter + 1) * period, UTC),
                used=cache.get(TOTP(kept)._get_used_cache_key(digits)) is not None,
            )
        )
    return codes
