"""The endpoints of TAXII 2.1 (OASIS Standard, 10 June 2021): to be read only. Described in docs/reference/exchange/taxii.md."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from hashlib import sha256
from typing import Any
from uuid import uuid4

import orjson
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt

from seawall.hub.access import organisation_of
from seawall.hub.exchange.models import Member
from seawall.hub.exchange.recipients import Paused
from seawall.hub.exchange.rules import NotAllowed
from seawall.hub.exchange.taxii import stix
from seawall.hub.exchange.taxii.queries import MOST, Slice, Wanted, collection, collections, read

MEDIA_TYPE = "application/taxii+json;version=2.1"
STIX_MEDIA_TYPE = "application/stix+json;version=2.1"
USUAL = 1_000  # objects on a page when the client does not say
MOST_VALUES = 100  # values of one filter
MOST_QUERY = 8_000  # characters
TOKEN_LASTS = 24 * 3600  # seconds
SALT = "seawall.exchange.taxii.next"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
_ID = re.compile(r"[a-z0-9-]{1,250}--[0-9a-f-]{36}")

View = Callable[..., HttpResponse]


class TaxiiError(Exception):
    """What is answered with an error resource (section 3.6.1): the status, and a sentence that holds no secret."""

    def __init__(self, status: int, title: str, description: str) -> None:
        super().__init__(description)
        self.status, self.title = status, title


def _answer(value: Any, *, status: int = 200) -> HttpResponse:
    return HttpResponse(orjson.dumps(value), status=status, content_type=MEDIA_TYPE)


def endpoint(view: View) -> View:
    """Hold a request to the rules of every endpoint: GET only (405; 403 where one would write), and a media type that we speak (406)."""

    @csrf_exempt  # nothing here goes by a cookie
    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **named: Any) -> HttpResponse:
        try:
            if not _speaks(request.headers.get("Accept", "")):
                raise TaxiiError(406, "Not acceptable", f"This hub answers in {MEDIA_TYPE}. Accept that.")
            if len(request.META.get("QUERY_STRING", "")) > MOST_QUERY:
                raise TaxiiError(400, "Too long", f"A query is at most {MOST_QUERY:,} characters.")
            return view(request, *args, **named)
        except TaxiiError as problem:
            return _answer(
                {
                    "title": problem.title,
                    "description": str(problem),
                    "error_id": str(uuid4()),
                    "http_status": str(problem.status),
                },
                status=problem.status,
            )

    return answered


def _reads(request: HttpRequest, *, writable: bool = False) -> None:
    if request.method in ("GET", "HEAD"):
        return
    if writable and request.method in ("POST", "DELETE"):
        raise TaxiiError(403, "Read only", "Collections of this hub are read; signals are shared by its own interface.")
    raise TaxiiError(405, "Not allowed", "This endpoint answers GET.")


def _speaks(accept: str) -> bool:
    """Whether what the client accepts includes TAXII 2.1: with no version, or with a wildcard, it does (section 1.6.8.1)."""
    if not accept.strip():
        return True
    for part in accept.split(","):
        named, *parameters = [piece.strip().lower() for piece in part.split(";")]
        given = dict(pair.split("=", 1) for pair in parameters if "=" in pair)
        if given.get("q") in ("0", "0.0", "0.00", "0.000"):
            continue
        if named in ("*/*", "application/*"):
            return True
        if named == "application/taxii+json" and given.get("version", "2.1").strip('"') == "2.1":
            return True
    return False


@endpoint
def discovery(request: HttpRequest) -> HttpResponse:
    """Section 4.1."""
    _reads(request)
    root = request.build_absolute_uri(reverse("taxii_root"))
    return _answer({"title": "Seawall", "description": _WHAT, "default": root, "api_roots": [root]})


_WHAT = "Signals of harmful content, shared in communities. Each is a collection."


@endpoint
def api_root(request: HttpRequest) -> HttpResponse:
    """Section 4.2. Nothing is sent here, so that the longest content is the smallest that may be said."""
    _reads(request)
    return _answer({"title": "Communities", "description": _WHAT, "versions": [MEDIA_TYPE], "max_content_length": 1})


@endpoint
def listing(request: HttpRequest) -> HttpResponse:
    """Section 5.1: the communities from which the organisation receives signals."""
    _reads(request)
    found = [_told(member) for member in collections(organisation_of(request))]
    return _answer({"collections": found} if found else {})


@endpoint
def one(request: HttpRequest, named: str) -> HttpResponse:
    """Section 5.2."""
    _reads(request)
    return _answer(_told(_member(request, named)))


def _told(member: Member) -> dict[str, Any]:
    community = member.community
    return {
        "id": str(community.pk),
        "title": community.name,
        "description": community.purpose,
        "alias": community.slug,
        "can_read": True,
        "can_write": False,
        "media_types": [STIX_MEDIA_TYPE],
    }


@endpoint
def manifest(request: HttpRequest, named: str) -> HttpResponse:
    """Section 5.3."""
    _reads(request)
    page, following = _page(request, named, matches=("id", "type", "version", "spec_version"), name="manifest")
    return _paged(
        page,
        following,
        "objects",
        [
            {
                "id": entry.made["id"],
                "date_added": stix.stamp(entry.added),
                "version": stix.version_of(entry.made),
                "media_type": STIX_MEDIA_TYPE,
            }
            for entry in page.entries
        ],
    )


@endpoint
def objects(request: HttpRequest, named: str) -> HttpResponse:
    """Section 5.4. Adding objects (5.5) is refused: 403."""
    _member(request, named)
    _reads(request, writable=True)
    page, following = _page(request, named, matches=("id", "type", "version", "spec_version"), name="objects")
    return _paged(page, following, "objects", [entry.made for entry in page.entries])


@endpoint
def stix_object(request: HttpRequest, named: str, object_id: str) -> HttpResponse:
    """Section 5.6. Deleting it (5.7) is refused: 403."""
    _member(request, named)
    _reads(request, writable=True)
    page, following = _page(request, named, matches=("version", "spec_version"), name="object", object_id=object_id)
    return _paged(page, following, "objects", [entry.made for entry in page.entries])


@endpoint
def versions(request: HttpRequest, named: str, object_id: str) -> HttpResponse:
    """Section 5.8: the one version that is kept, the last."""
    _reads(request)
    page, following = _page(request, named, matches=("spec_version",), name="versions", object_id=object_id)
    return _paged(page, following, "versions", [stix.version_of(entry.made) for entry in page.entries])


def _member(request: HttpRequest, named: str) -> Member:
    try:
        return collection(organisation=organisation_of(request), named=named)
    except Member.DoesNotExist as missing:
        raise TaxiiError(404, "No such collection", "You read no collection of this name.") from missing


def _page(
    request: HttpRequest, named: str, *, matches: tuple[str, ...], name: str, object_id: str = ""
) -> tuple[Slice, str]:
    """What a request asks for, and the token for what follows. Raises TaxiiError."""
    member = _member(request, named)
    wanted = _wanted(request, matches, object_id)
    bound = _bound(request, member, name, wanted)
    token = request.GET.get("next")
    after = None if token is None else _position(token, bound)
    try:
        page = read(member=member, wanted=wanted, after=after, most=_limit(request))
        if object_id and not page.entries and after is None:
            whole = Wanted(ids=wanted.ids)
            if not read(member=member, wanted=whole, after=None, most=1).entries:
                raise TaxiiError(404, "No such object", "There is no such object in this collection.")
    except Paused as problem:
        raise TaxiiError(403, "Paused", str(problem)) from problem
    except NotAllowed as problem:
        raise TaxiiError(404, "No such collection", "You read no collection of this name.") from problem
    following = signing.dumps([bound, page.entries[-1].position], salt=SALT) if page.more else ""
    return page, following


def _paged(page: Slice, following: str, key: str, values: list[Any]) -> HttpResponse:
    """An envelope with its headers (section 3.5); a list that is empty is left out."""
    told: dict[str, Any] = {key: values} if values else {}
    if page.more:
        told |= {"more": True, "next": following}
    response = _answer(told)
    if page.entries:
        response["X-TAXII-Date-Added-First"] = stix.stamp(page.entries[0].added)
        response["X-TAXII-Date-Added-Last"] = stix.stamp(page.entries[-1].added)
    return response


def _wanted(request: HttpRequest, matches: tuple[str, ...], object_id: str) -> Wanted:
    given = {field: _values(request, field) for field in matches}
    ids = frozenset({object_id}) if object_id else given.get("id", frozenset())
    if wrong := [each for each in ids if not _ID.fullmatch(each)]:
        status = 404 if object_id else 400
        raise TaxiiError(status, "No such object", f"{wrong[0][:80]!r} is no identifier of an object.")
    versions = given.get("version", frozenset())
    for each in versions - {"all", "first", "last"}:
        _time(each, "match[version]")
    added = request.GET.get("added_after")
    return Wanted(
        added_after=None if added is None else _time(added, "added_after"),
        ids=ids,
        types=given.get("type", frozenset()),
        versions=versions,
        spec_versions=given.get("spec_version", frozenset()),
    )


def _values(request: HttpRequest, field: str) -> frozenset[str]:
    name = f"match[{field}]"
    if name not in request.GET:
        return frozenset()
    values = [value for given in request.GET.getlist(name) for value in given.split(",")]
    if not all(value and "\x00" not in value for value in values) or len(values) > MOST_VALUES:
        raise TaxiiError(400, "Bad filter", f"{name} is 1 to {MOST_VALUES} values with commas between them.")
    return frozenset(values)


def _time(text: str, field: str) -> datetime:
    try:
        if _TIME.fullmatch(text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    raise TaxiiError(400, "Bad filter", f"{field} is a time in UTC such as 2026-11-03T12:00:00.000000Z.")


def _limit(request: HttpRequest) -> int:
    text = request.GET.get("limit", str(USUAL))
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) > 0):
        raise TaxiiError(400, "Bad limit", "limit is a whole number above 0.")
    return min(int(text), MOST)


def _bound(request: HttpRequest, member: Member, name: str, wanted: Wanted) -> str:
    """To what a token belongs: it is no good for another organisation, collection, endpoint or filter."""
    fields = [
        str(organisation_of(request).pk),
        str(member.community_id),
        name,
        wanted.added_after.isoformat() if wanted.added_after else "",
        *(",".join(sorted(each)) for each in (wanted.ids, wanted.types, wanted.versions, wanted.spec_versions)),
    ]
    return sha256("\n".join(fields).encode("utf-8", "replace")).hexdigest()


def _position(token: str, bound: str) -> int:
    try:
        found, position = signing.loads(token[:1_000], salt=SALT, max_age=TOKEN_LASTS)
    except (signing.BadSignature, ValueError, TypeError) as problem:
        raise TaxiiError(400, "Bad next", "This value of next is none of ours, or too old. Begin anew.") from problem
    if found != bound or not isinstance(position, int):
        raise TaxiiError(400, "Bad next", "This value of next belongs to another request.")
    return position
