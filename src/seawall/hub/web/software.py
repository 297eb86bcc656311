"""What every interface for software shares: errors in JSON, and a body that is read with care."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

MAX_BODY = 2_000_000  # bytes


class Refused(Exception):
    """A request that cannot be answered: status, a short word for software, a sentence for people, and the field."""

    def __init__(self, status: int, code: str, message: str, field: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.field = status, code, field


def json_errors(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Answer what is refused in JSON: `{"error": {"code", "message", "fields": [{"field", "problem"}]}}`."""

    @csrf_exempt  # nothing here goes by a cookie
    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **named: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **named)
        except Refused as refused:
            fields = [{"field": refused.field, "problem": str(refused)}] if refused.field else []
            error = {"code": refused.code, "message": str(refused), "fields": fields}
            return JsonResponse({"error": error}, status=refused.status)

    return answered


def bytes_of(request: HttpRequest, *, most: int) -> bytes:
    """The body, read past the hub's limit for forms. Raises Refused: 413 when too long, 400 when the connection broke."""
    given = request.META.get("CONTENT_LENGTH") or "0"
    length = int(given) if given.isascii() and given.isdigit() and len(given) < 16 else most + 1
    if length > most:
        raise Refused(413, "too_large", f"Send at most {most:,} bytes at once, and say in Content-Length how many.")
    try:
        return request.read(length)
    except (UnreadablePostError, OSError) as error:
        raise Refused(400, "body", "The body could not be read to its end.") from error


def body_of(request: HttpRequest, *, most: int = MAX_BODY) -> dict[str, Any]:
    """The object that a request brings. Raises Refused: 415 for another media type, 413 when too long, 400 for what is no JSON object."""
    if request.content_type != "application/json":
        raise Refused(415, "media_type", "Send application/json.")
    try:
        value = orjson.loads(bytes_of(request, most=most))
    except orjson.JSONDecodeError as problem:
        raise Refused(400, "json", f"This is not JSON: {problem}.") from problem
    if not isinstance(value, dict):
        raise Refused(400, "json", "Send a JSON object.")
    return value


def whole_number(value: Any, field: str, *, least: int = 0, most: int = 2**53) -> int:
    """A number of a query or a body. Raises Refused (422), naming the field."""
    try:
        number = int(value) if isinstance(value, str) and value.isascii() and len(value) < 20 else value
    except ValueError:
        number = None
    if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
        raise Refused(422, "fields", f"{field} must be a whole number from {least:,} to {most:,}.", field)
    return number


def text(value: Any, field: str, *, most: int = 2_000, least: int = 0) -> str:
    """A text of a body. Raises Refused (422), naming the field."""
    if not isinstance(value, str) or not least <= len(value) <= most or "\x00" in value:
        raise Refused(422, "fields", f"{field} must be a text of {least} to {most:,} characters.", field)
    return value


def json_response(value: Any, *, status: int = 200) -> HttpResponse:
    """An answer in JSON, written at the speed that long lists need."""
    return HttpResponse(orjson.dumps(value), status=status, content_type="application/json")
