"""How software's requests are read and refused: capped bodies, the media types that are taken, typed errors."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import wraps
from typing import Any

import structlog
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from seawall.channels.xarf_server import Refused
from seawall.hub.directory.models import Desk, Platform
from seawall.hub.practice.queries import NoCodeAdopted
from seawall.hub.referrals.keys import ChannelKeyUnusable

log = structlog.get_logger(__name__)

WAIT = 60  # seconds after which software may ask again when this hub cannot answer now


class Wait(Refused):
    """Not now: the same request may be sent again after `seconds`."""

    def __init__(self, status: int, code: str, message: str, *, seconds: int = WAIT) -> None:
        super().__init__(status, code, message)
        self.seconds = seconds


def typed(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Answer what the view refuses as a typed error in JSON: `{"error": {"code", "message", "fields"}}`."""

    @csrf_exempt  # nothing here goes by a cookie
    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **named: Any) -> HttpResponse:
        try:
            return view(request, *args, **named)
        except Refused as refused:
            return _error(refused)
        except (
            NoCodeAdopted,
            Desk.DoesNotExist,
            Platform.DoesNotExist,
            ChannelKeyUnusable,
            OperationalError,
        ) as lacking:
            log.error("cannot take what was sent", path=request.path, why=str(lacking))
            return _error(Wait(503, "not_ready", "This hub cannot take it now. Send it again later."))

    return answered


def _error(refused: Refused) -> HttpResponse:
    answer = JsonResponse(refused.to_dict(), status=refused.status)
    if isinstance(refused, Wait):
        answer["Retry-After"] = str(refused.seconds)
    return answer


def body_of(request: HttpRequest, *, most: int, types: Collection[str]) -> bytes:
    """The body, of one of the media `types` and at most `most` bytes long, read past the hub's limit for forms.

    Raises Refused: 411 without a length, 413, 415, 400 where the connection broke.
    """
    if (request.content_type or "").lower() not in types:
        raise Refused(415, "media_type", f"Send {' or '.join(sorted(types))}.")
    given = request.META.get("CONTENT_LENGTH") or ""
    if not (given.isascii() and given.isdigit()):
        raise Refused(411, "length", "Say in Content-Length how long the body is.")
    if len(given) > 15 or int(given) > most:
        raise Refused(413, "too_large", f"Send at most {most:,} bytes.")
    try:
        return request.read(most)
    except (UnreadablePostError, OSError) as error:
        raise Refused(400, "body", "The body could not be read to its end.") from error
