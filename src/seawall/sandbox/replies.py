"""What the sandbox's handlers share: JSON bodies, error objects, tokens."""

from __future__ import annotations

import hmac
from typing import Any

import orjson
from werkzeug import Request, Response


class Refusal(Exception):
    """A request that is answered with an error object."""

    def __init__(
        self, status: int, code: str, message: str, fields: list[dict[str, str]] | None = None, retry_after: int = 0
    ) -> None:
        super().__init__(message)
        self.response = reply(status, {"error": {"code": code, "message": message, "fields": fields or []}})
        if status == 401:
            self.response.headers["WWW-Authenticate"] = "Bearer"
        if retry_after:
            self.response.headers["Retry-After"] = str(retry_after)


class Cut(Exception):
    """The connection is to be broken off without an answer, although everything was done."""


def reply(status: int, value: Any) -> Response:
    """Answer with `value` as JSON."""
    return raw(status, orjson.dumps(value))


def raw(status: int, body: bytes) -> Response:
    """Answer with a body that is JSON already."""
    response = Response(body, status=status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def need_token(request: Request, token: str) -> None:
    """Refuse a request that does not carry `token` as its bearer token."""
    given = request.headers.get("Authorization", "")
    if not hmac.compare_digest(given.encode("utf-8", "replace"), f"Bearer {token}".encode()):
        raise Refusal(401, "token", "The request needs this service's bearer token in the Authorization header.")


def body_of(request: Request, limit: int) -> bytes:
    """Read the body, refusing more than `limit` bytes."""
    request.max_content_length = limit
    return request.get_data(cache=False)


def json_of(body: bytes) -> dict[str, Any]:
    """Read a JSON object, refusing anything else."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refusal(400, "json", f"The body is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise Refusal(422, "fields", "The body must be a JSON object.")
    return value
