"""What every page is told: who is signed in, what they can open from here, and whether what they see was made by a demonstration."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.urls import reverse

from seawall.hub.access import may_open
from seawall.hub.directory.models import Person
from seawall.hub.directory.roles import Role
from seawall.hub.ledger import queries as ledger
from seawall.hub.notifications import queries as notifications

STAFF_PAGES = [
    ("home", "Home"),
    ("queue", "Queue"),
    ("referrals", "Referrals"),
    ("notices", "Notices"),
    ("intake", "Sent here"),
    ("communities", "Communities"),
    ("scorecards", "Scorecards"),
    ("conduct", "Those who refer"),
    ("notice_delays", "Notices to people"),
    ("notice_texts", "Words of notices"),
    ("ledger", "Ledger"),
    ("calendar", "Calendar"),
    ("directory", "Directory"),
    ("notifications", "Notifications"),
]
PUBLIC_PAGES = [
    ("report_start", "Report something"),
    ("code_of_practice", "Code of practice"),
    ("figures", "Figures"),
]
SECTION_OF = {
    "case": "queue",
    "case_decide": "queue",
    "case_review": "queue",
    "case_transfer": "queue",
    "referral": "referrals",
    "referral_inform": "referrals",
    **dict.fromkeys(
        (
            "referral_answer",
            "referrals_answer",
            "referral_withdraw",
            "referral_told",
            "referral_by_hand",
            "referral_note_answer",
            "referral_read",
            "referral_recommendation",
        ),
        "referrals",
    ),
    "notice_delay_ask": "queue",
    "notice_delay_answer": "queue",
    "notice_delay_end": "referrals",
    "notice_delay_prolong": "referrals",
    "referral_notice_passed_on": "referrals",
    "objection_answer": "referrals",
    "notice_text": "notice_texts",
    "notice_complaints": "notice_texts",
    "calendar_enter": "calendar",
    **dict.fromkeys(("powers", "power_record", "power_end"), "calendar"),
    **dict.fromkeys(
        (
            "notice",
            "notice_write",
            "notice_check",
            "notice_decline",
            "notice_settle",
            "notice_copy",
            "notice_finding",
            "notice_review",
            "officer_profile",
        ),
        "notices",
    ),
    **dict.fromkeys(
        (
            "community",
            "community_found",
            "community_invite",
            "community_agreement",
            "community_accept",
            "community_leave",
            "community_settle",
            "community_sightings",
            "sighting_tell",
            "incidents",
            "incident",
            "incident_declare",
            "incident_extend",
            "incident_end",
            "incident_answer",
        ),
        "communities",
    ),
    "conduct_measure": "conduct",
    "conduct_lift": "conduct",
    "keys": "directory",
    "key_give": "directory",
    "scorecard": "scorecards",
    "person": "directory",
    "person_add": "directory",
    "role_give": "directory",
    "role_withdraw": "directory",
    "person_change": "directory",
    "report_form": "report_start",
    "report_done": "report_start",
    "report_follow": "report_start",
    "report_withdraw": "report_start",
    "code_harm": "code_of_practice",
    "figures_platform": "figures",
}


def page(request: HttpRequest) -> dict[str, Any]:
    """The context of `web/base.html`; see docs/reference/frontend.md."""
    user = getattr(request, "user", None)
    person = user if isinstance(user, Person) else None
    here = str(request.resolver_match.view_name) if request.resolver_match else ""
    here = SECTION_OF.get(here, here)
    roles: frozenset[Role] = person.roles() if person else frozenset()
    pages = STAFF_PAGES if roles else PUBLIC_PAGES
    return {
        "product": "Seawall",
        "person": person,
        "role_label": ", ".join(sorted(str(role.label) for role in roles)),
        "navigation": [
            {"label": _counted(label, name, person), "url": reverse(name), "current": name == here}
            for name, label in pages
            if not roles or may_open(view_name=name, roles=roles)
        ],
        "demonstration": is_demonstration(),
    }


def _counted(label: str, name: str, person: Person | None) -> str:
    """The label, with how many new notifications wait behind it."""
    new = notifications.unread(person) if name == "notifications" and person else 0
    return f"{label} ({new})" if new else label


def is_demonstration() -> bool:
    """Whether this hub is one, or holds anything that a demonstration made."""
    if settings.DEMONSTRATION:
        return True
    known: bool | None = cache.get("web.demonstration")
    if known is None:
        known = ledger.entries().filter(demonstration=True).exists()
        cache.set("web.demonstration", known, 60)
    return known
