"""The files of a MISP feed, made for whoever asks. Described in docs/reference/exchange/misp.md."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.http import require_safe

from seawall.hub.exchange.misp import services
from seawall.hub.exchange.misp.taxonomy import machinetag
from seawall.hub.exchange.models import Member
from seawall.hub.exchange.recipients import Paused
from seawall.hub.exchange.rules import NotAllowed
from seawall.hub.exchange.software import member_for
from seawall.hub.practice.queries import NoCodeAdopted, adopted, current_code
from seawall.hub.web.software import Refused, json_errors, json_response


def _file(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Answer what is refused in JSON, with a sentence that a MISP keeps in its log."""

    @json_errors
    @require_safe
    @wraps(view)
    def answered(request: HttpRequest, slug: str, **named: Any) -> HttpResponseBase:
        try:
            member = member_for(request, slug)
            if request.method == "HEAD":  # hands nothing over, and so must not count as it
                return HttpResponse()
            return view(request, member, **named)
        except services.NoSuchEvent as missing:
            raise Refused(404, "event", "There is no such event in this feed.") from missing
        except Paused as problem:
            raise Refused(403, "paused", str(problem)) from problem
        except NotAllowed as problem:
            raise Refused(403, "refused", str(problem)) from problem

    return answered


def _name(request: HttpRequest) -> str:
    """Which of an organisation's MISPs asks: each says its own identifier in `MISP-uuid` (app/Model/Feed.php of MISP 2.4 and 2.5)."""
    try:
        return f"{services.NAME} {UUID(request.headers.get('MISP-uuid', ''))}"
    except ValueError:
        return services.NAME


@_file
def manifest(request: HttpRequest, member: Member) -> HttpResponse:
    """manifest.json: the events, and when something last happened to each."""
    return json_response(services.manifest(member=member, name=_name(request)))


@_file
def event(request: HttpRequest, member: Member, uuid: UUID) -> HttpResponse:
    """One event."""
    return json_response(services.event(member=member, name=_name(request), uuid=uuid))


@_file
def hashes(request: HttpRequest, member: Member) -> HttpResponseBase:
    """hashes.csv: the MD5 of every value in use, with the event that it is in."""
    return StreamingHttpResponse(services.hashes(member=member, name=_name(request)), content_type="text/csv")


@json_errors
@require_safe
def taxonomy(request: HttpRequest) -> HttpResponse:
    """machinetag.json of the taxonomy of harms; its version counts the versions of the code of practice that were adopted."""
    try:
        return json_response(machinetag(current_code(), version=len(adopted())))
    except NoCodeAdopted as missing:
        raise Refused(404, "taxonomy", "This hub has no code of practice yet.") from missing
