"""How people sign in: nobody can make an account for themselves, and a second factor is not optional (see access.py)."""

from __future__ import annotations

import base64
import logging
import time
from hashlib import sha256
from typing import Any

from allauth.account import app_settings as account_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import default_token_generator
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.flows.password_reset import request_password_reset
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.totp.internal.auth import generate_totp_secret
from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.http import HttpRequest

from seawall.hub.directory.models import Person

log = logging.getLogger(__name__)


class StaffAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Accounts are made by an administrator only."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": "The email address or the password is not right. Check both and try again.",
        "incorrect_password": "That is not your password. Try again.",
        "enter_current_password": "That is not your password now. Try again.",
        "too_many_login_attempts": "There were too many wrong tries. Wait five minutes, then try again.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Somebody who signed in within the last quarter of an hour has just shown who they are, and is not asked again."""
        request = context.request
        latest = max((record["at"] for record in get_authentication_records(request, request.user)), default=0.0)
        return bool(time.time() - latest >= account_settings.REAUTHENTICATION_TIMEOUT)

    def populate_username(self, request: HttpRequest, user: Any) -> None:
        """People have no user name beside their e-mail address."""


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    """The secrets of second factors are kept encrypted under the hub's secret key, so that a copy of the database is not enough."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "That code is wrong, too old, or was used before. Wait for the next one that your app shows.",
    }

    def encrypt(self, text: str) -> str:
        return _cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """The secret; one that nobody has, so that no code is right, when it was encrypted under another key."""
        try:
            return _cipher().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            log.error(
                "a second factor cannot be read: the secret key of this hub has changed; restore keys/secret-key from a backup"
            )
            return str(generate_totp_secret())


def _cipher() -> Fernet:
    key = sha256(b"seawall second factor\0" + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))


def send_password_link(request: HttpRequest, person: Person) -> None:
    """Mail a person the link to choose a password; it works once, for three days. Raises OSError when the mail cannot be sent."""
    request_password_reset(request, person.email, [person], default_token_generator)
