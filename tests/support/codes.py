"""The six digits of somebody's authenticator app, with time enough left to type them."""

from __future__ import annotations

import time

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from allauth.mfa.utils import decrypt

from seawall.hub.directory.models import Person

PERIOD = 30  # seconds that a code stands
ENOUGH = 3  # seconds that must be left of them


def code_from(secret: str, *, but_not: str = "") -> str:
    """The code of a secret. Waits for the next one when this one is about to end, or is `but_not`: none is taken twice."""
    while True:
        now = time.time()
        left = PERIOD - now % PERIOD
        code = str(format_hotp_value(hotp_value(secret, int(now) // PERIOD)))
        if code != but_not and left > ENOUGH:
            return code
        time.sleep(min(left, 1) + 0.01)


def code_of(person: Person, *, but_not: str = "") -> str:
    """The code of a person's app; see `code_from`."""
    kept = Authenticator.objects.get(user=person, type=Authenticator.Type.TOTP)
    return code_from(decrypt(kept.data["secret"]), but_not=but_not)
