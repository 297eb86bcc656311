"""The hub as a WSGI application (sync views on threads; see docs/discussions/dependencies.md)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "seawall.hub.settings")
application = get_wsgi_application()
