"""The hub's own settings, with what only a test wants: fast password hashes, no manifest of static files."""

from seawall.hub.settings import *  # noqa: F403  (its whole purpose)

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
ACCOUNT_RATE_LIMITS = False
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

OVERSEER_SAMPLE = 2**63
"""Nothing is drawn by chance for the overseer, so that what a test sees is the same each time."""
