"""The sandbox as a WSGI application: routes, and what happens around each request."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from seawall.sandbox import steps
from seawall.sandbox.api import Api
from seawall.sandbox.desk import Desk
from seawall.sandbox.faults import Faults
from seawall.sandbox.pages import Pages, known
from seawall.sandbox.replies import Cut, Refusal, need_token, reply
from seawall.sandbox.store import Store

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

ROUTES = Map(
    [
        Rule("/", endpoint="index", methods=["GET"]),
        Rule("/control/posts", endpoint="seed", methods=["PUT"]),
        Rule("/control/clock", endpoint="set_clock", methods=["PUT"]),
        Rule("/control/clock", endpoint="real_clock", methods=["DELETE"]),
        Rule("/control/faults", endpoint="set_faults", methods=["PUT"]),
        Rule("/control/state", endpoint="state", methods=["GET"]),
        Rule("/control/referrals/<referral_id>", endpoint="held", methods=["GET"]),
        Rule("/<platform>/", endpoint="listing", methods=["GET"]),
        Rule("/<platform>/.well-known/seawall-platform.json", endpoint="card", methods=["GET"]),
        Rule("/<platform>/posts/<path:native_id>", endpoint="post", methods=["GET"]),
        Rule("/<platform>/api/v1/referrals", endpoint="receive", methods=["POST"]),
        Rule("/<platform>/api/v1/referrals/<reference>", endpoint="answers", methods=["GET"]),
        Rule("/<platform>/api/v1/referrals/<reference>/information", endpoint="inform", methods=["POST"]),
        Rule("/<platform>/api/v1/referrals/<reference>/withdrawal", endpoint="withdraw", methods=["POST"]),
    ],
    merge_slashes=False,
)


class Application:
    """Four platforms over one store. With the real clock, due steps are carried out before each request."""

    def __init__(self, folder: Path, *, control_token: str, base_url: str) -> None:
        self._store = Store(folder)
        self._token = control_token
        self._base_url = base_url
        faults = Faults(self._store)
        self._api = Api(self._store, faults)
        self._pages = Pages(self._store)
        self._desk = Desk(self._store, base_url, faults)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        try:
            response = self._answer(request)
        except Refusal as refusal:
            response = refusal.response
        except Cut:
            environ["gunicorn.socket"].shutdown(socket.SHUT_RDWR)
            response = reply(500, {})  # reaches nobody
        except HTTPException as error:
            response = reply(
                error.code or 500,
                {"error": {"code": error.name.lower(), "message": error.description or "", "fields": []}},
            )
            response.headers.extend(
                {name: value for name, value in error.get_headers() if name in ("Allow", "Location")}
            )
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        endpoint, values = ROUTES.bind_to_environ(request.environ).match()
        if request.path.startswith("/control/"):
            need_token(request, self._token)
        steps.carry_out(self._store, self._store.now())
        return self._handle(request, endpoint, values)

    def _handle(self, request: Request, endpoint: str, values: Mapping[str, Any]) -> Response:
        match endpoint:
            case "index":
                return self._pages.index()
            case "seed":
                return self._desk.seed(request)
            case "set_clock":
                return self._desk.set_clock(request)
            case "real_clock":
                return self._desk.real_clock()
            case "set_faults":
                return self._desk.set_faults(request)
            case "state":
                return self._desk.state()
            case "held":
                return self._desk.held(values["referral_id"])
        platform = known(values["platform"])
        match endpoint:
            case "listing":
                return self._pages.listing(platform)
            case "card":
                return self._pages.card(platform, self._base_url)
            case "post":
                return self._pages.post(platform, values["native_id"])
            case "receive":
                return self._api.receive(request, platform)
            case "answers":
                return self._api.listing(request, platform, values["reference"])
            case "inform":
                return self._api.inform(request, platform, values["reference"])
            case "withdraw":
                return self._api.withdraw(request, platform, values["reference"])
        raise AssertionError(endpoint)
