"""Who may open what: the one table of every route and the roles that it is for.

Deny by default: a route that is not in the table is refused to everybody, and a test walks every route with every role. The table says who
may open a page; *which* cases, posts and referrals they then find is decided by the models' `visible_to`, and what lies outside answers 404.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.urls import ResolverMatch, reverse

from seawall.hub.directory.models import Organisation, Person
from seawall.hub.directory.queries import organisation_by_key
from seawall.hub.directory.roles import CASEWORKERS, Role

EVERYBODY = "everybody"  # also people who are not signed in
SIGNED_IN = "signed in"  # anybody with an account, even before the second factor
SOFTWARE = "software"  # whoever shows an organisation's key; no cookie counts
STAFF = frozenset(Role)  # anybody with a role and a second factor

Audience = str | frozenset[Role]

WANTED = "access_wanted"
"""Key in the session of the page that somebody asked for before they had a second factor."""

R = Role
DECIDERS = CASEWORKERS
SPEAKERS = frozenset(
    {R.PLATFORM_CONTACT, R.ADMINISTRATOR, R.SECOND_REVIEWER, R.REGULATOR, R.OMBUDSMAN}
)  # exchange.communities
READERS_OF_FIGURES = STAFF - {R.PANEL_MEMBER}

ROUTES: dict[str, Audience] = {
    # The public's side
    "front": EVERYBODY,
    "report_start": EVERYBODY,
    "report_form": EVERYBODY,
    "report_done": EVERYBODY,
    "report_follow": EVERYBODY,
    "report_withdraw": EVERYBODY,
    "user_notice": EVERYBODY,
    "user_notice_object": EVERYBODY,
    "code_of_practice": EVERYBODY,
    "code_harm": EVERYBODY,
    "figures": EVERYBODY,
    "figures_json": EVERYBODY,
    "figures_csv": EVERYBODY,
    "figures_platform": EVERYBODY,
    "ledger_roots": EVERYBODY,
    "health": EVERYBODY,
    # Signing in (django-allauth)
    "account_login": EVERYBODY,
    "account_logout": EVERYBODY,
    "account_signup": EVERYBODY,
    "account_inactive": EVERYBODY,
    "account_reset_password": EVERYBODY,
    "account_reset_password_done": EVERYBODY,
    "account_reset_password_from_key": EVERYBODY,
    "account_reset_password_from_key_done": EVERYBODY,
    "account_change_password": SIGNED_IN,
    "account_reauthenticate": SIGNED_IN,
    "mfa_authenticate": EVERYBODY,
    "mfa_reauthenticate": SIGNED_IN,
    "mfa_index": SIGNED_IN,
    "mfa_activate_totp": SIGNED_IN,
    "mfa_deactivate_totp": SIGNED_IN,
    "mfa_view_recovery_codes": SIGNED_IN,
    "mfa_generate_recovery_codes": SIGNED_IN,
    "mfa_download_recovery_codes": SIGNED_IN,
    # Everybody with a role
    "home": STAFF,
    # Casework
    "queue": DECIDERS,
    "case": DECIDERS,
    "case_claim": DECIDERS,
    "case_release": DECIDERS,
    "case_decide": DECIDERS,
    "case_review": DECIDERS,
    "case_transfer": DECIDERS,
    "content_reveal": DECIDERS,
    # Referrals
    "referrals": DECIDERS | {R.PLATFORM_CONTACT, R.OVERSEER},
    "referral": DECIDERS | {R.PLATFORM_CONTACT, R.OVERSEER},
    "referral_inform": DECIDERS,
    "referral_probe": DECIDERS,
    "referral_redeliver": DECIDERS,
    "referral_withdraw": DECIDERS,
    "referral_told": DECIDERS,
    "referral_note_answer": DECIDERS,
    "referral_evidence": DECIDERS,
    "referral_by_hand": DECIDERS,
    "referral_mail": DECIDERS,
    "referral_pdf": DECIDERS | {R.PLATFORM_CONTACT, R.OVERSEER},
    "referral_paper": DECIDERS | {R.PLATFORM_CONTACT, R.OVERSEER},
    "referral_answer": frozenset({R.PLATFORM_CONTACT}),
    "referrals_answer": frozenset({R.PLATFORM_CONTACT}),
    "referral_confirm_withdrawal": frozenset({R.PLATFORM_CONTACT}),
    "referral_read": frozenset({R.OVERSEER}),
    "referral_recommendation": DECIDERS,
    # The notice to the person who posted it
    "referral_user_told": frozenset({R.PLATFORM_CONTACT}),
    "referral_notice_passed_on": DECIDERS,
    "notice_delay_ask": DECIDERS,
    "notice_delay_prolong": DECIDERS,
    "notice_delay_answer": DECIDERS,
    "notice_delay_end": DECIDERS,
    "objection_answer": DECIDERS,
    "notice_delays": frozenset({R.OVERSEER}),
    "notice_texts": frozenset({R.ADMINISTRATOR}),
    "notice_text": frozenset({R.ADMINISTRATOR}),
    "notice_complaints": frozenset({R.ADMINISTRATOR}),
    # A platform's software
    "api_referrals": SOFTWARE,
    "api_referral": SOFTWARE,
    "api_answers": SOFTWARE,
    "api_confirm_withdrawal": SOFTWARE,
    "api_subscriptions": SOFTWARE,
    "api_subscription": SOFTWARE,
    "api_replay": SOFTWARE,
    # What others' software sends
    "xarf_reports": SOFTWARE,
    "xarf_report": SOFTWARE,
    "xarf_information": SOFTWARE,
    "xarf_withdrawal": SOFTWARE,
    "referral_webhook": EVERYBODY,  # signed with the platform's secret
    "webfinger": EVERYBODY,
    "actor": EVERYBODY,
    "actor_outbox": EVERYBODY,
    "actor_inbox": EVERYBODY,  # signed with the key of the server that replies
    "intake": DECIDERS,
    "intake_reply_read": DECIDERS,
    # A member's software, in communities that share signals
    "api_communities": SOFTWARE,
    "api_recipients": SOFTWARE,
    "api_signals": SOFTWARE,
    "api_signals_csv": SOFTWARE,
    "api_signals_json": SOFTWARE,
    "api_confirmations": SOFTWARE,
    "api_opinion": SOFTWARE,
    "api_signal_withdrawal": SOFTWARE,
    "api_sightings": SOFTWARE,
    "api_sighting_withdrawal": SOFTWARE,
    "api_match": SOFTWARE,
    "api_match_picture": SOFTWARE,
    "hashfeed_fetch": SOFTWARE,
    "hashfeed_feedback": SOFTWARE,
    "hashfeed_submit": SOFTWARE,
    "misp_taxonomy": EVERYBODY,
    "misp_manifest": SOFTWARE,
    "misp_hashes": SOFTWARE,
    "misp_event": SOFTWARE,
    "taxii_discovery": SOFTWARE,
    "taxii_root": SOFTWARE,
    "taxii_collections": SOFTWARE,
    "taxii_collection": SOFTWARE,
    "taxii_manifest": SOFTWARE,
    "taxii_objects": SOFTWARE,
    "taxii_object": SOFTWARE,
    "taxii_versions": SOFTWARE,
    # The hub as a labeler of the AT Protocol: labels are public
    "labels_query": EVERYBODY,
    "labels_stream": EVERYBODY,
    "labels_did": EVERYBODY,
    "labels_declaration": EVERYBODY,
    "labels_appeals": EVERYBODY,
    # What one is told
    "notifications": STAFF,
    "notifications_read": STAFF,
    "notifications_mail": STAFF,
    # Sharing signals
    "communities": SPEAKERS | {R.AUDITOR},
    "community": SPEAKERS | {R.AUDITOR},
    "community_found": frozenset({R.ADMINISTRATOR}),
    "community_invite": frozenset({R.ADMINISTRATOR}),
    "community_agreement": frozenset({R.ADMINISTRATOR}),
    "community_settle": frozenset({R.ADMINISTRATOR}),
    "community_sightings": SPEAKERS | {R.AUDITOR},
    "community_sightings_json": SPEAKERS | {R.AUDITOR},
    "community_sightings_csv": SPEAKERS | {R.AUDITOR},
    "community_sightings_rows": SPEAKERS | {R.AUDITOR},
    "sighting_tell": SPEAKERS,
    "incidents": SPEAKERS | {R.AUDITOR},
    "incident": SPEAKERS | {R.AUDITOR},
    "incident_counts": SPEAKERS | {R.AUDITOR},
    "incident_debrief": SPEAKERS | {R.AUDITOR},
    "incident_debrief_pdf": SPEAKERS | {R.AUDITOR},
    "incident_debrief_json": SPEAKERS | {R.AUDITOR},
    "incident_say": SPEAKERS,
    "incident_declare": frozenset({R.ADMINISTRATOR}),
    "incident_extend": frozenset({R.ADMINISTRATOR}),
    "incident_end": frozenset({R.ADMINISTRATOR}),
    "incident_answer": frozenset({R.ADMINISTRATOR}),
    "community_accept": SPEAKERS,
    "community_leave": SPEAKERS,
    "community_file": SPEAKERS,
    "community_file_deleted": SPEAKERS,
    # Oversight
    "scorecards": READERS_OF_FIGURES - {R.PLATFORM_CONTACT},  # which sees others as the public does
    "scorecard": READERS_OF_FIGURES,
    "conduct": frozenset({R.OVERSEER, R.REGULATOR, R.AUDITOR}),
    "conduct_measure": frozenset({R.OVERSEER}),
    "conduct_lift": frozenset({R.OVERSEER}),
    "ledger": frozenset({R.AUDITOR, R.REGULATOR, R.OVERSEER}),
    # Directory
    "directory": frozenset({R.ADMINISTRATOR, R.AUDITOR}),
    "person": frozenset({R.ADMINISTRATOR}),
    "person_add": frozenset({R.ADMINISTRATOR}),
    "person_change": frozenset({R.ADMINISTRATOR}),
    "role_give": frozenset({R.ADMINISTRATOR}),
    "role_withdraw": frozenset({R.ADMINISTRATOR}),
    "keys": frozenset({R.ADMINISTRATOR}),
    "key_give": frozenset({R.ADMINISTRATOR}),
    "key_withdraw": frozenset({R.ADMINISTRATOR}),
    "calendar": frozenset({R.ADMINISTRATOR, R.REGULATOR, R.AUDITOR}),
    "calendar_enter": frozenset({R.ADMINISTRATOR}),
    "calendar_cancel": frozenset({R.ADMINISTRATOR}),
    "powers": frozenset({R.ADMINISTRATOR, R.REGULATOR, R.AUDITOR}),
    "power_record": frozenset({R.ADMINISTRATOR}),
    "power_end": frozenset({R.ADMINISTRATOR}),
    # Notices and orders under a statute
    "notices": frozenset({R.POLICE_USER, R.AUTHORISING_OFFICER, R.OVERSEER}),
    "notice": frozenset({R.POLICE_USER, R.AUTHORISING_OFFICER, R.OVERSEER}),
    "notice_settle": frozenset({R.POLICE_USER, R.AUTHORISING_OFFICER}),
    "notice_write": frozenset({R.AUTHORISING_OFFICER}),
    "notice_check": frozenset({R.AUTHORISING_OFFICER}),
    "notice_paper": frozenset({R.AUTHORISING_OFFICER}),
    "notice_decline": frozenset({R.AUTHORISING_OFFICER}),
    "notice_review": frozenset({R.AUTHORISING_OFFICER}),
    "notice_copy": frozenset({R.AUTHORISING_OFFICER}),
    "notice_finding": frozenset({R.AUTHORISING_OFFICER}),
    "officer_profile": frozenset({R.AUTHORISING_OFFICER}),
    # The demonstration's own page: only in a demonstration
    "demonstration": EVERYBODY,
}


def audience(match: ResolverMatch) -> Audience | None:
    """For whom a route is; None when it is not in the table."""
    return ROUTES.get(match.view_name)


def may_open(*, view_name: str, roles: frozenset[Role]) -> bool:
    """Whether somebody who holds `roles`, signed in with a second factor, may open the route."""
    allowed = ROUTES.get(view_name)
    if allowed is None:
        return False
    return allowed in (EVERYBODY, SIGNED_IN) or bool(isinstance(allowed, frozenset) and allowed & roles)


class AccessMiddleware:
    """Holds every request to the table before its view runs."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, _view: Callable[..., Any], _args: tuple[Any, ...], _kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        """Let the request through (None), send the person to sign in, or refuse."""
        match = request.resolver_match
        allowed = audience(match) if match else None
        if match is None or allowed is None:
            raise Http404("This route is for nobody.")
        if match.view_name == "demonstration" and not settings.DEMONSTRATION:
            raise Http404("This hub is not a demonstration.")
        if allowed == EVERYBODY:
            return None
        if allowed == SOFTWARE:
            return _software(request, match.view_name)
        person = request.user
        if not isinstance(person, Person):
            return _to_sign_in(request)
        if allowed == SIGNED_IN:
            return None
        if not is_mfa_enabled(person, [Authenticator.Type.TOTP]):  # recovery codes alone are no second factor
            if request.method == "GET" and not request.headers.get("HX-Request"):
                request.session[WANTED] = request.get_full_path()
            return _to(request, reverse("mfa_activate_totp"))
        if not may_open(view_name=match.view_name, roles=person.roles()):
            raise PermissionDenied("Your role does not include this page.")
        request.session.pop(WANTED, None)
        return None


def _software(request: HttpRequest, view_name: str) -> HttpResponse | None:
    """Let software in by its organisation's key, or say in JSON that it is not let in."""
    taxii, hashfeed = view_name.startswith("taxii_"), view_name.startswith("hashfeed_")
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if hashfeed:  # the StopNCII protocol has a header of its own for the key
        scheme, secret = "bearer", request.headers.get("Ocp-Apim-Subscription-Key", "")
    secret = secret.strip()
    misp = view_name.startswith("misp_")
    challenge = 'Basic realm="misp", charset="UTF-8"' if misp else "Bearer"
    # TAXII 2.1, section 1.6.9: its clients sign in with a name and a password. So may a MISP's feed.
    if (taxii or misp) and scheme.lower() == "basic":
        scheme, secret = "bearer", _password(secret)
    found = organisation_by_key(secret) if scheme.lower() == "bearer" and secret else None
    if found is None:
        return _no_key_taxii() if taxii else _no_key_hashfeed() if hashfeed else _no_key(challenge)
    request.seawall_organisation = found  # type: ignore[attr-defined]
    return None


def _no_key(challenge: str) -> HttpResponse:
    error = {"code": "key", "message": "Show your organisation's key: Authorization: Bearer swk_...", "fields": []}
    return JsonResponse({"error": error}, status=401, headers={"WWW-Authenticate": challenge})


def _no_key_taxii() -> HttpResponse:
    """An error resource (TAXII 2.1, section 3.6.1)."""
    error = {
        "title": "Unauthorised",
        "description": "Show your organisation's key as the password of Basic, or as Bearer.",
        "http_status": "401",
    }
    answer = JsonResponse(error, status=401, headers={"WWW-Authenticate": 'Basic realm="taxii2", charset="UTF-8"'})
    answer["Content-Type"] = "application/taxii+json;version=2.1"
    return answer


def _no_key_hashfeed() -> HttpResponse:
    message = "Show your organisation's key as the subscription key: Ocp-Apim-Subscription-Key."
    return JsonResponse({"statusCode": 401, "message": message}, status=401)


def _password(encoded: str) -> str:
    """The password of HTTP Basic (RFC 7617); empty for what is none."""
    try:
        return b64decode(encoded, validate=True).decode("utf-8").partition(":")[2]
    except ValueError:
        return ""


def organisation_of(request: HttpRequest) -> Organisation:
    """Whose software makes this request. Raises PermissionDenied outside routes for software."""
    found = getattr(request, "seawall_organisation", None)
    if not isinstance(found, Organisation):
        raise PermissionDenied("This needs an organisation's key.")
    return found


def _to(request: HttpRequest, url: str) -> HttpResponse:
    """Send a page there, and a part of a page that htmx asks for too."""
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return redirect(url)


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    """To sign in, and back to what was asked for; a part of a page is nothing to come back to."""
    following = ""
    if request.method == "GET" and not request.headers.get("HX-Request"):
        following = f"?{urlencode({'next': request.get_full_path()})}"
    return _to(request, reverse("account_login") + following)
