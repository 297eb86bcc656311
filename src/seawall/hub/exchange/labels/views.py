"""What the hub answers as a labeler of the AT Protocol, and the page where people find how to appeal."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

import orjson
import structlog
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from seawall.hub.exchange.kinds import SignalInvalid, SignalKind, canonical_url
from seawall.hub.exchange.labels import identity, queries
from seawall.hub.exchange.labels.rules import VALUES
from seawall.hub.exchange.labels.subjects import subject_of
from seawall.hub.practice.queries import NoCodeAdopted

log = structlog.get_logger(__name__)

USUAL, MOST = 50, 250
"""Labels on a page (lexicon com.atproto.label.queryLabels)."""
MOST_PATTERNS = 100
MOST_CHARACTERS = 2_000  # of a pattern, and of an address
_WHOLE = re.compile(r"[0-9]{1,18}")

View = Callable[..., HttpResponse]


class XrpcError(Exception):
    """An error of the protocol: its status, its name, and a sentence."""

    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(message)
        self.status, self.name = status, name


def xrpc(view: View) -> View:
    """Answer a query that anybody may ask, from any page: errors are `{"error", "message"}` (AT Protocol, "HTTP API (XRPC)")."""

    @csrf_exempt  # nothing here goes by a cookie
    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **named: Any) -> HttpResponse:
        if request.method == "OPTIONS":  # a browser asks first when a page's question has headers of its own
            allowed = {"Access-Control-Allow-Methods": "GET", "Access-Control-Allow-Headers": "*"}
            return HttpResponse(status=204, headers={"Access-Control-Allow-Origin": "*", **allowed})
        try:
            if request.method not in ("GET", "HEAD"):
                raise XrpcError(405, "InvalidRequest", "This is a query: ask it with GET.")
            answer = view(request, *args, **named)
        except XrpcError as error:
            answer = _json({"error": error.name, "message": str(error)}, status=error.status)
        except (identity.LabelKeyUnusable, NoCodeAdopted) as lacking:
            log.error("cannot answer as a labeler", path=request.path, why=str(lacking))
            answer = _json({"error": "InternalServerError", "message": "Ask again later."}, status=503)
        answer["Access-Control-Allow-Origin"] = "*"
        return answer

    return answered


def _json(value: Any, *, status: int = 200) -> HttpResponse:
    return HttpResponse(orjson.dumps(value), status=status, content_type="application/json")


@xrpc
def query_labels(request: HttpRequest) -> HttpResponse:
    """com.atproto.label.queryLabels: what was said last of subjects, negations too."""
    patterns, sources = request.GET.getlist("uriPatterns"), request.GET.getlist("sources")
    if not 1 <= len(patterns) <= MOST_PATTERNS or len(sources) > MOST_PATTERNS:
        raise XrpcError(400, "InvalidRequest", f"Give uriPatterns, 1 to {MOST_PATTERNS} of them, and no more sources.")
    if any(not 1 <= len(given) <= MOST_CHARACTERS for given in (*patterns, *sources)):
        raise XrpcError(400, "InvalidRequest", f"A pattern or a source is 1 to {MOST_CHARACTERS:,} characters.")
    most = _whole(request, "limit", USUAL)
    if not 1 <= most <= MOST:
        raise XrpcError(400, "InvalidRequest", f"limit is from 1 to {MOST}.")
    try:
        found = queries.labels_of(patterns=patterns, sources=sources, after=_whole(request, "cursor", 0), most=most + 1)
    except queries.PatternInvalid as problem:
        raise XrpcError(400, "InvalidRequest", str(problem)) from problem
    page = found[:most]
    answer: dict[str, Any] = {"labels": [queries.as_json(label) for label in page]}
    if len(found) > most:
        answer["cursor"] = str(page[-1].seq)
    return _json(answer)


def _whole(request: HttpRequest, field: str, usual: int) -> int:
    given = request.GET.get(field, str(usual))
    if not _WHOLE.fullmatch(given):
        raise XrpcError(400, "InvalidRequest", f"{field} is a whole number.")
    return int(given)


@xrpc
def subscribe_labels(request: HttpRequest) -> HttpResponse:
    """com.atproto.label.subscribeLabels is a websocket, which this server does not serve: who gets here was not led on."""
    answer = _json(
        {
            "error": "UpgradeRequired",
            "message": "The stream of labels is served by `seawall labels`. The proxy before this hub has to lead this path there.",
        },
        status=426,
    )
    answer["Upgrade"] = "websocket"
    return answer


@xrpc
def did_document(request: HttpRequest) -> HttpResponse:
    """The hub's DID document, where it is a labeler by the did:web of its own address."""
    found = identity.document()
    if found is None:
        raise XrpcError(404, "NotFound", "This hub has no identity of its own on the AT Protocol.")
    return _json(found)


@xrpc
def declaration(request: HttpRequest) -> HttpResponse:
    """The record app.bsky.labeler.service of this hub, to be put into its account's repository: values and words."""
    if identity.own_did() is None:
        raise XrpcError(404, "NotFound", "This hub is no labeler on the AT Protocol.")
    return _json(identity.declaration(queries.since()))


@require_safe
def appeals(request: HttpRequest) -> HttpResponse:
    """Where to appeal a label: for the person whose post carries it, and for anybody else."""
    if identity.own_did() is None:
        raise Http404("This hub is no labeler on the AT Protocol.")
    given = request.GET.get("address", "").strip()
    uri = _subject(given) if given else None
    names = {value.val: value.words["en"][0] for value in VALUES.values()}
    found = [(names.get(each.val, each.val), each) for each in queries.standing_on(uri)] if uri else []
    page = {"given": given[:MOST_CHARACTERS], "uri": uri, "found": found}
    return render(request, "exchange/labels.html", page, status=422 if given and uri is None else 200)


def _subject(given: str) -> str | None:
    if len(given) > MOST_CHARACTERS or "\x00" in given:
        return None
    try:
        return subject_of(SignalKind.URL, canonical_url(given))
    except SignalInvalid:
        return None
