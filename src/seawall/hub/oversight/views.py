"""Figures for everybody, scorecards for staff, the ledger for those who hold us to it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from seawall.hub.access import may_open
from seawall.hub.directory import queries as directory
from seawall.hub.directory.roles import Role
from seawall.hub.ledger import queries as ledger_queries
from seawall.hub.ledger.models import ActorKind, Checkpoint, Entry
from seawall.hub.ledger.vocabulary import EVENTS
from seawall.hub.oversight import exports, presenting, words
from seawall.hub.oversight.forms import EntryFilter, PeriodForm
from seawall.hub.oversight.withholding import SUPPRESS_BELOW
from seawall.hub.practice import queries as practice
from seawall.hub.practice.vocabulary import Family
from seawall.hub.web.staff import person_of

ROOTS_A_PAGE = 100
ENTRIES_A_PAGE = 50
LARGEST_ID = 2**63 - 1
SUBJECTS = {"ingestbatch": "batch of posts", "content": "post", "codeversion": "code of practice", "membership": "role"}
"""What an entry is about, where the ledger's own word would not be understood."""


def _names() -> dict[str, str]:
    return {platform.slug: platform.name for platform in directory.platforms()}


def _kind_names() -> dict[str, str]:
    """The names of what a detector looks for, and of the code's harms."""
    families = {family.value: family.words for family in Family}
    try:
        return families | {harm.id: harm.title for harm in practice.current_code().harms}
    except practice.NoCodeAdopted:
        return families


@require_safe
def figures(request: HttpRequest) -> HttpResponse:
    """Everything that is published, with how it is computed."""
    data = exports.published_data()
    names = _names()
    page = {
        "data": data,
        "computed_at": datetime.fromisoformat(data["computed_at"]),
        "table": presenting.table(data, names),
        "totals": presenting.totals(data, names | _kind_names()),
        "explained": [*words.COUNT_WORDS.values(), *words.STEP_WORDS.values(), words.SHARE_WORDS],
        "spread_words": words.SPREAD_WORDS,
        "below": SUPPRESS_BELOW,
    }
    return render(request, "oversight/figures.html", page)


@require_safe
def figures_json(request: HttpRequest) -> HttpResponse:
    """The published figures as JSON."""
    return _file(exports.json_of(exports.published_data()), "application/json")


@require_safe
def figures_csv(request: HttpRequest) -> HttpResponse:
    """The published figures as CSV, to be saved."""
    data = exports.published_data()
    response = _file(exports.csv_of(data), "text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="seawall-figures-{data["computed_at"][:10]}.csv"'
    return response


def _file(text: str, kind: str) -> HttpResponse:
    response = HttpResponse(text, content_type=kind)
    patch_cache_control(response, public=True, max_age=exports.CACHED_FOR)
    return response


@require_safe
def figures_platform(request: HttpRequest, slug: str) -> HttpResponse:
    """One platform's published figures."""
    return _card_page(request, exports.published_data(), slug, "oversight/figures_platform.html", {})


def _card_page(
    request: HttpRequest, data: dict[str, Any], slug: str, template: str, more: dict[str, Any]
) -> HttpResponse:
    names = _names()
    card = presenting.card_of(data, slug)
    if card is None and slug not in names:
        raise Http404(f"No platform is called {slug}.")
    page: dict[str, Any] = {
        "name": presenting.name_of(slug, names),
        "slug": slug,
        "computed_at": datetime.fromisoformat(data["computed_at"]),
        "spread_words": words.SPREAD_WORDS,
        "below": SUPPRESS_BELOW,
        "card": card,
        **more,
    }
    if card is not None:
        page |= {
            "headline": presenting.headline(card),
            "outcomes": presenting.outcome_bars(card),
            "looks": presenting.look_bars(card),
            "medians": presenting.step_bars(card, "median"),
            "ninetieths": presenting.step_bars(card, "p90"),
            "longest": presenting.longest_step(card),
            "counts": presenting.every_count(card),
            "steps": presenting.every_step(card),
        }
    return render(request, template, page)


def _period(request: HttpRequest) -> PeriodForm:
    return PeriodForm(request.GET) if request.GET else PeriodForm()


@require_safe
def scorecards(request: HttpRequest) -> HttpResponse:
    """Every platform beside the others, nothing withheld, for a period."""
    form = _period(request)
    since, until = form.period()
    data = exports.as_data(suppress=False, since=since, until=until)
    page = {
        "form": form,
        "query": request.GET.urlencode(),
        "table": presenting.table(data, _names()),
        "chart": [
            {
                "label": presenting.name_of(card["platform"], _names()),
                "value": None if card["share_in_time"] is None else 100 * card["share_in_time"],
                "text": presenting.share_text(card),
                "url": f"{reverse('scorecard', args=[card['platform']])}?{request.GET.urlencode()}".rstrip("?"),
            }
            for card in data["scorecards"]
        ],
        "totals": presenting.totals(data, _names() | _kind_names()),
    }
    return render(request, "oversight/scorecards.html", page)


@require_safe
def scorecard(request: HttpRequest, slug: str) -> HttpResponse:
    """One platform, nothing withheld, for a period.

    Platform contacts see their own as everybody else on the staff does, and are led to what is published about another.
    """
    person = person_of(request)
    if may_open(view_name="scorecards", roles=person.roles()):
        everyone = True
    elif directory.platforms_of(person).filter(slug=slug).exists():
        everyone = False
    else:
        return redirect("figures_platform", slug=slug)
    form = _period(request)
    since, until = form.period()
    data = exports.as_data(suppress=False, since=since, until=until)
    more = {"form": form, "query": request.GET.urlencode(), "everyone": everyone}
    return _card_page(request, data, slug, "oversight/scorecard.html", more)


@require_safe
def ledger_roots(request: HttpRequest) -> JsonResponse:
    """The signed roots, smallest first, for outsiders to keep; `?after=SIZE` gives those that follow."""
    given = request.GET.get("after", "0")
    if not (given.isascii() and given.isdigit()) or int(given[:20]) > LARGEST_ID:
        problem = "after must be a whole number of entries, such as the size of the last root that you have."
        return JsonResponse({"error": problem}, status=400)
    found = ledger_queries.checkpoints(after=int(given), most=ROOTS_A_PAGE + 1)
    shown, more = found[:ROOTS_A_PAGE], len(found) > ROOTS_A_PAGE
    response = JsonResponse(
        {
            "schema": "seawall-roots/1",
            "how": "signature is Ed25519 by public_key over the bytes of statement (RFC 8785 canonical JSON); root is an RFC 9162 "
            "Merkle tree hash over the hashes of the first size links of the ledger; key is the SHA-256 of public_key.",
            "roots": [_root(checkpoint) for checkpoint in shown],
            "next": f"{reverse('ledger_roots')}?after={shown[-1].size}" if more else None,
        },
        json_dumps_params={"indent": 2},
    )
    patch_cache_control(response, public=True, max_age=exports.CACHED_FOR)
    return response


def _root(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "size": checkpoint.size,
        "root": bytes(checkpoint.root).hex(),
        "statement": checkpoint.statement,
        "signature": base64.b64encode(bytes(checkpoint.signature)).decode(),
        "public_key": base64.b64encode(bytes(checkpoint.public_key)).decode(),
        "key": checkpoint.key_id,
        "signed_at": checkpoint.signed_at.isoformat(),
    }


@dataclass(frozen=True, kw_only=True)
class EntryLine:
    """An entry as a page shows it: never a person's name or e-mail address."""

    number: int | None
    means: str
    verb: str
    subject: str
    actor: str
    role: str
    at: datetime
    recorded_at: datetime
    demonstration: bool

    @classmethod
    def of(cls, entry: Entry) -> EntryLine:
        event = EVENTS.get(entry.verb)
        link = getattr(entry, "link", None)
        by_name = entry.actor_kind in (ActorKind.MACHINE, ActorKind.PLATFORM)
        role = Role(entry.actor_role).label if entry.actor_role in Role else ""
        return cls(
            number=link.sequence if link else None,
            means=event.means if event else entry.verb,
            verb=entry.verb,
            subject=f"{SUBJECTS.get(entry.subject_kind, entry.subject_kind).capitalize()} …{entry.subject_id[-8:]}",
            actor=ActorKind(entry.actor_kind).label if entry.actor_kind in ActorKind else entry.actor_kind,
            role=str(role) or (entry.actor_id if by_name else ""),
            at=entry.occurred_at,
            recorded_at=entry.recorded_at,
            demonstration=entry.demonstration,
        )


@require_safe
def ledger(request: HttpRequest) -> HttpResponse:
    """The newest entries; older ones by the id of the last that was seen, so that millions cost no more than the first page."""
    form = EntryFilter(request.GET) if "verb" in request.GET else EntryFilter()
    entries = ledger_queries.entries().select_related("link")
    if form.is_bound and form.is_valid() and form.cleaned_data["verb"]:
        entries = entries.filter(verb=form.cleaned_data["verb"])
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit() and int(before[:20]) <= LARGEST_ID:
        entries = entries.filter(id__lt=int(before))
    found = list(entries[: ENTRIES_A_PAGE + 1])
    root = ledger_queries.last_checkpoint()
    older = ""
    if len(found) > ENTRIES_A_PAGE:
        query = request.GET.copy()
        query["before"] = str(found[ENTRIES_A_PAGE - 1].pk)
        older = f"?{query.urlencode()}"
    page = {
        "form": form,
        "entries": [EntryLine.of(entry) for entry in found[:ENTRIES_A_PAGE]],
        "older": older,
        "newest": reverse("ledger") if before else "",
        "root": root,
        "root_hex": bytes(root.root).hex() if root else "",
        "unlinked": ledger_queries.unlinked(),
    }
    return render(request, "oversight/ledger.html", page)
