"""Settings of the hub. Everything that an operator may set is an environment variable, listed in docs/reference/settings.md."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Literal, cast
from urllib.parse import parse_qs, unquote, urlsplit

from csp.constants import NONCE, NONE, SELF

from seawall.channels.base import MailSettings
from seawall.formats.atproto import is_account

HOME = Path(
    os.environ.get("SEAWALL_HOME")
    or Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "seawall"
).absolute()
"""Where the hub keeps its embedded database, keys and media."""

LEDGER_KEY_FILE = HOME / "keys" / "ledger-ed25519.pem"
SECRET_KEY_FILE = HOME / "keys" / "secret-key"


def _secret_key() -> str:
    """The key for sessions: from the environment, or from the home; else a passing one, which `seawall` replaces by a kept one."""
    if key := os.environ.get("SEAWALL_SECRET_KEY"):
        return key
    try:
        return SECRET_KEY_FILE.read_text()
    except OSError:
        return secrets.token_urlsafe(50)


def database(url: str) -> dict[str, object]:
    """Django's settings for a `postgresql://` URL. Raises ValueError for another scheme."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres"):
        raise ValueError(f"DATABASE_URL must begin with postgresql:// and begins with {parts.scheme}://.")
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    host = query.pop("host", None) or unquote(parts.hostname or "")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(query.pop("port", None) or parts.port or ""),
        "OPTIONS": query,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


SECRET_KEY = _secret_key()
DEBUG = os.environ.get("SEAWALL_DEBUG") == "1"
DEMONSTRATION = os.environ.get("SEAWALL_DEMONSTRATION") == "1"
"""A demonstration hub shows its sign-ins on a page of its own. It refuses to serve on anything but loopback."""

PUBLIC_URL = os.environ.get("SEAWALL_PUBLIC_URL", "http://127.0.0.1:8000")
_public = urlsplit(PUBLIC_URL)
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", *([_public.hostname] if _public.hostname else [])]
CSRF_TRUSTED_ORIGINS = [f"{_public.scheme}://{_public.netloc}"]
_https = _public.scheme == "https"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = _https
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
ALLAUTH_TRUSTED_PROXY_COUNT = (
    1 if os.environ.get("SEAWALL_BEHIND_PROXY") == "1" else 0
)  # limits are kept for each client
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if os.environ.get("SEAWALL_BEHIND_PROXY") == "1" else None
SECURE_REFERRER_POLICY = (
    "same-origin"  # with "no-referrer" browsers send "Origin: null", and Django then refuses every form
)
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 60 * 60
X_FRAME_OPTIONS = "DENY"

OUTBOUND_ALLOW = frozenset(filter(None, os.environ.get("SEAWALL_OUTBOUND_ALLOW", "").split(",")))
"""host:port pairs inside private networks that the hub may call all the same, such as the sandbox platform."""

HUB_NAME = os.environ.get("SEAWALL_NAME", "Seawall")
"""What the hub calls itself in what it sends."""

HUB_CONTACT = os.environ.get("SEAWALL_CONTACT", "")
"""An address where platforms reach a person of this hub."""


def referral_mail() -> MailSettings | None:
    """The mail server that referrals leave by, as `smtp://user:password@host:port`, `smtps://` or `smtp+plain://` (loopback only).

    None where no server is set. Raises ValueError for an address that is none of these, or without an address to reply to.
    """
    server = os.environ.get("SEAWALL_MAIL_SERVER", "")
    if not server:
        return None
    parts = urlsplit(server)
    security = {"smtp": "starttls", "smtps": "tls", "smtp+plain": "none"}.get(parts.scheme)
    sender, reply_to = os.environ.get("SEAWALL_MAIL_SENDER", ""), os.environ.get("SEAWALL_MAIL_REPLY_TO", "")
    if security is None or not parts.hostname:
        raise ValueError(
            "SEAWALL_MAIL_SERVER must be smtp://, smtps:// or smtp+plain:// and a host, such as smtp://mail.example.org:587."
        )
    if "@" not in sender or "@" not in reply_to:
        raise ValueError(
            "SEAWALL_MAIL_SENDER and SEAWALL_MAIL_REPLY_TO must both be mail addresses when SEAWALL_MAIL_SERVER is set."
        )
    return MailSettings(
        host=parts.hostname,
        port=parts.port or {"starttls": 587, "tls": 465, "none": 25}[security],
        sender=sender,
        reply_to=reply_to,
        security=cast(Literal["tls", "starttls", "none"], security),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


REFERRAL_MAIL = referral_mail()
"""How referrals leave by email; None where the hub has no mail server for them."""

REFERRALS_A_DAY = int(os.environ.get("SEAWALL_REFERRALS_A_DAY", "200"))
"""How many referrals one desk may decide in 24 hours before each further one needs a second person."""

OVERSEER_SAMPLE = int(os.environ.get("SEAWALL_OVERSEER_SAMPLE", "20"))
"""One in so many referrals that no body of the state made is drawn for the overseer to read; 1 draws every one."""

INTAKE_REPORTS_AN_HOUR = int(os.environ.get("SEAWALL_INTAKE_REPORTS_AN_HOUR", "600"))
"""How many reports one organisation's software may send in an hour (docs/reference/intake.md)."""

ACTOR = os.environ.get("SEAWALL_ACTOR", "referrals")
"""The hub's name in the ActivityPub network; its actor is there only while SEAWALL_PUBLIC_URL is a public https address."""

LABELER_DID = os.environ.get("SEAWALL_LABELER_DID", "")
"""The identity under which labels are issued on the AT Protocol; did:web of SEAWALL_PUBLIC_URL when empty."""
if LABELER_DID and not is_account(LABELER_DID):
    raise ValueError("SEAWALL_LABELER_DID must be a did:plc or a did:web, such as did:web:hub.example.")

MACHINE_CASES_A_DAY = int(os.environ.get("SEAWALL_MACHINE_CASES_A_DAY", "2000"))
"""How many cases automation may put into one desk's queue in 24 hours."""

DETECTOR_PROFILE = os.environ.get("SEAWALL_DETECTOR_PROFILE", "full")
"""How far the detector reads a post: full, gated or linear (docs/reference/detector.md)."""

DETECTOR_MODEL = os.environ.get("SEAWALL_MODEL", "")
"""The operator's own model as a URI; it stands in for the shipped ones in the families that it knows."""

DETECTOR_CALIBRATION = os.environ.get("SEAWALL_MODEL_CALIBRATION", "")
"""The file that `seawall calibrate` wrote for SEAWALL_MODEL."""

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.forms",
    "seawall.hub.ledger",
    "seawall.hub.practice",
    "seawall.hub.directory",
    "seawall.hub.notifications",
    "seawall.hub.content",
    "seawall.hub.casework",
    "seawall.hub.referrals",
    "seawall.hub.notices",
    "seawall.hub.exchange",
    "seawall.hub.oversight",
    "seawall.hub.incidents",
    "seawall.hub.redress",
    "seawall.hub.intake",
    "seawall.hub.demonstration",
    "seawall.hub.web",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "procrastinate.contrib.django",
    "django_htmx",
    "csp",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "seawall.hub.access.AccessMiddleware",
]

ROOT_URLCONF = "seawall.hub.urls"
WSGI_APPLICATION = "seawall.hub.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "seawall.hub.web.context.page",
            ],
            "builtins": ["seawall.hub.web.templatetags.seawall"],
        },
    }
]
FORM_RENDERER = "seawall.hub.web.forms.GovukRenderer"

DATABASES = {
    "default": database(
        os.environ.get("SEAWALL_EMBEDDED_URL") or os.environ.get("DATABASE_URL") or "postgresql:///seawall"
    )
}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "hub_cache"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "directory.Person"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "seawall.hub.directory.signing_in.StaffAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_USER_MODEL_EMAIL_FIELD = "email"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # an address that nobody has gets no mail: it may belong to a stranger
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_FORMS = {"login": "seawall.hub.directory.forms.SignInForm"}
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
MFA_ADAPTER = "seawall.hub.directory.signing_in.SecondFactorAdapter"
MFA_TOTP_ISSUER = "Seawall"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
EMAIL_BACKEND = os.environ.get("SEAWALL_EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend")
DEFAULT_FROM_EMAIL = os.environ.get("SEAWALL_EMAIL_FROM", "Seawall <no-reply@seawall.example>")

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
STATIC_ROOT = HOME / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": os.environ.get("SEAWALL_STATIC_STORAGE", "whitenoise.storage.CompressedManifestStaticFilesStorage")
    },
}
WHITENOISE_USE_FINDERS = False
MEDIA_ROOT = HOME / "media"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "manifest-src": [SELF],
    }
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "filters": {"secret_links": {"()": "seawall.hub.logs.WithoutSecretLinks"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain", "filters": ["secret_links"]}},
    "root": {"handlers": ["console"], "level": os.environ.get("SEAWALL_LOG_LEVEL", "WARNING")},
}
SILENCED_SYSTEM_CHECKS: list[str] = []
