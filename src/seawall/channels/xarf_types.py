"""The types of XARF v4: what each cannot do without, and which one a referral is filed under (specification 4.2.0).

Of a report by others only mandatory members are judged, since a report that lacks one cannot be acted on; what is merely
recommended or optional is the sender's business and is handed on as it came.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import JsonValue

from seawall.channels.base import parse_stamp
from seawall.channels.document import Problem, ReferralDocument

Rule = Callable[[object], str | None]
"""Says what is wrong with a value in a few words, or None."""

_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.IGNORECASE)
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\x00-\x1f\x7f]{1,32768}")
_MAIL: Final = re.compile(r"[^\s@]{1,64}@[^\s@]{1,255}")
_CVE: Final = re.compile(r"CVE-[0-9]{4}-[0-9]+")


def moment(value: object) -> str | None:
    """Wants an RFC 3339 time with its zone."""
    try:
        if isinstance(value, str) and _RFC_3339.fullmatch(value):
            parse_stamp(value.upper())
            return None
    except (ValueError, OverflowError):
        pass
    return "is not an RFC 3339 time with a zone, such as 2026-11-02T09:30:00Z"


def uri(value: object) -> str | None:
    """Wants an absolute URI of any scheme."""
    return None if isinstance(value, str) and _URI.fullmatch(value) else "is not an absolute URI"


def _mail(value: object) -> str | None:
    return None if isinstance(value, str) and _MAIL.fullmatch(value) else "is not a mail address"


def _words(value: object) -> str | None:
    return None if isinstance(value, str) and len(value) <= 5_000 else "is not a text of at most 5,000 characters"


def _name(value: object) -> str | None:
    return None if isinstance(value, str) and len(value) <= 200 else "is not a text of at most 200 characters"


def _cve(value: object) -> str | None:
    return None if isinstance(value, str) and _CVE.fullmatch(value) else "is not of the form CVE-2026-12345"


def _texts(value: object) -> str | None:
    good = isinstance(value, list) and all(isinstance(entry, str) for entry in value)
    return None if good else "is not a list of texts"


def _whole(least: int, most: int = 2**53) -> Rule:
    def rule(value: object) -> str | None:
        good = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        return None if good else f"is not a whole number from {least} to {most}"

    return rule


def _one_of(words: str) -> Rule:
    allowed = words.split()
    return lambda value: None if value in allowed else f"must be one of: {', '.join(allowed)}"


def _some_of(words: str) -> Rule:
    allowed = words.split()

    def rule(value: object) -> str | None:
        good = isinstance(value, list) and value and all(entry in allowed for entry in value)
        return None if good else f"must list at least one of: {', '.join(allowed)}"

    return rule


_PORT: Final = _whole(1, 65_535)
_NETWORK: Final[Mapping[str, Rule]] = {"protocol": _one_of("tcp udp icmp sctp"), "first_seen": moment}
_WEB: Final[Mapping[str, Rule]] = {"protocol": _one_of("tcp udp"), "first_seen": moment}
_CONTENT: Final[Mapping[str, Rule]] = {"url": uri}
_WORK: Final[Mapping[str, Rule]] = {"infringing_url": uri}

TYPES: Final[Mapping[str, Mapping[str, Rule]]] = {
    "messaging/spam": {
        "protocol": _one_of("smtp sms whatsapp telegram signal chat social_media push_notification other"),
    },
    "messaging/bulk_messaging": {
        "protocol": _one_of("smtp sms whatsapp telegram social_media push_notification other"),
        "recipient_count": _whole(100),
    },
    "connection/login_attack": _NETWORK,
    "connection/port_scan": _NETWORK,
    "connection/ddos": _NETWORK,
    "connection/infected_host": {
        **_WEB,
        "bot_type": _one_of(
            "search_engine ai_agent monitoring seo_analyzer link_checker feed_reader social_media advertising malicious "
            "unknown"
        ),
    },
    "connection/reconnaissance": {**_WEB, "probed_resources": _texts},
    "connection/scraping": {**_WEB, "total_requests": _whole(1)},
    "connection/sql_injection": _WEB,
    "connection/vulnerability_scan": {
        "scan_type": _one_of(
            "port_scan vulnerability_scan version_detection os_fingerprinting service_enumeration web_vuln_scan "
            "directory_brute_force mixed"
        ),
        "protocol": _one_of("tcp udp icmp mixed"),
        "first_seen": moment,
    },
    "content/phishing": _CONTENT,
    "content/malware": _CONTENT,
    "content/csam": {
        **_CONTENT,
        "classification": _one_of("baseline A1 A2 B1 B2"),
        "detection_method": _one_of("hash_match ai_detection manual_review user_report automated_scan"),
    },
    "content/csem": {
        **_CONTENT,
        "exploitation_type": _one_of("grooming solicitation sextortion trafficking distribution production possession"),
        "detection_method": _one_of(
            "behavioral_analysis keyword_detection user_report ai_detection manual_review law_enforcement_referral"
        ),
    },
    "content/exposed_data": {
        **_CONTENT,
        "data_types": _some_of(
            "personal_information credentials financial medical government_id email_addresses phone_numbers api_keys "
            "database_dumps source_code internal_documents customer_data employee_data intellectual_property other"
        ),
        "exposure_method": _one_of(
            "misconfigured_server open_directory database_exposure git_repository backup_file log_file cloud_storage "
            "paste_site forum_post ransomware_leak intentional_leak other"
        ),
    },
    "content/brand_infringement": {
        **_CONTENT,
        "infringement_type": _one_of(
            "counterfeit typosquatting lookalike homograph unauthorized_reseller trademark_violation "
            "brand_impersonation logo_misuse other"
        ),
        "legitimate_site": uri,
    },
    "content/fraud": {
        **_CONTENT,
        "fraud_type": _one_of(
            "investment romance tech_support lottery advance_fee cryptocurrency shopping charity employment "
            "government_impersonation other"
        ),
    },
    "content/remote_compromise": {
        **_CONTENT,
        "compromise_type": _one_of(
            "webshell backdoor defacement malicious_redirect seo_spam cryptominer phishing_kit malware_host c2_server "
            "proxy scanner other"
        ),
    },
    "content/suspicious_registration": {
        **_CONTENT,
        "registration_date": moment,
        "suspicious_indicators": _some_of(
            "typosquatting homograph_attack brand_keyword suspicious_tld bulk_registration privacy_protection "
            "suspicious_registrant fast_flux dga_pattern known_bad_nameserver suspicious_ssl_cert immediate_activation "
            "parked_page other"
        ),
    },
    "copyright/copyright": _WORK,
    "copyright/p2p": {"p2p_protocol": _one_of("bittorrent edonkey gnutella kademlia other")},
    "copyright/cyberlocker": {**_WORK, "hosting_service": _name},
    "copyright/ugc_platform": {**_WORK, "platform_name": _name},
    "copyright/link_site": {**_WORK, "site_name": _name},
    "copyright/usenet": {"newsgroup": _name},
    "vulnerability/cve": {"service": _name, "service_port": _PORT, "cve_id": _cve},
    "vulnerability/open_service": {"service": _words},
    "vulnerability/misconfiguration": {"service": _words},
    "infrastructure/botnet": {"compromise_evidence": _words},
    "infrastructure/compromised_server": {"compromise_method": _words},
    "reputation/blocklist": {"threat_type": _words},
    "reputation/threat_intelligence": {"threat_type": _words},
}
"""What each ``category/type`` needs besides the core, by name."""

CATEGORIES: Final = frozenset(name.partition("/")[0] for name in TYPES)


def mistakes(report: Mapping[str, Any]) -> Iterator[Problem]:
    """Name everything mandatory for the type of `report` that is missing or wrong; its core is not looked at.

    A category that does not exist is the core's to report, so nothing is said of its types.
    """
    category, kind = report.get("category"), report.get("type")
    if not isinstance(category, str) or not isinstance(kind, str) or category not in CATEGORIES:
        return
    rules = TYPES.get(f"{category}/{kind}")
    if rules is None:
        known = ", ".join(name.partition("/")[2] for name in TYPES if name.startswith(f"{category}/"))
        yield Problem("type", f"is not a type of the category {category}; its types are: {known}")
        return
    for name, rule in {**rules, **_depending(f"{category}/{kind}", report)}.items():
        if name not in report:
            yield Problem(name, f"is missing; a report of {category}/{kind} needs it")
        elif wrong := rule(report[name]):
            yield Problem(name, wrong)


def _depending(name: str, report: Mapping[str, Any]) -> Mapping[str, Rule]:
    """What is mandatory only because of something else in the report."""
    if name.startswith("messaging/") and report.get("protocol") == "smtp":
        return {"smtp_from": _mail, "source_port": _PORT}
    if name in ("connection/login_attack", "connection/port_scan", "connection/ddos") and _is_ip(report):
        return {"source_port": _PORT}
    if name == "copyright/p2p":
        return {"swarm_info": _holding("info_hash", "magnet_uri")}
    if name == "copyright/usenet":
        return {"message_info": _holding("message_id")}
    return {}


def _is_ip(report: Mapping[str, Any]) -> bool:
    """Tell whether the source is an address: several people may stand behind one, and only the port tells them apart."""
    try:
        ipaddress.ip_address(str(report.get("source_identifier")))
    except ValueError:
        return False
    return True


def _holding(*names: str) -> Rule:
    def rule(value: object) -> str | None:
        good = isinstance(value, dict) and any(isinstance(value.get(name), str) for name in names)
        return None if good else f"must hold the text {' or '.join(names)}"

    return rule


class NoSuchType(ValueError):
    """XARF has a type for this harm, and it asks for what no referral holds. The message says what to do instead."""


@dataclass(frozen=True, slots=True)
class Filing:
    """A standard type that a referral is filed under, the members that this type asks for, and what to say of it."""

    type: str
    members: Mapping[str, JsonValue]
    remark: str


FILED_AS_OTHER: Final = Filing(
    "fraud",
    {"fraud_type": "other", "payment_methods": [], "claimed_entity": "none"},
    "Not fraud: XARF has no type for this.",
)
"""Where most referrals go, of whatever kind. All that this type insists on beyond an address is a value that can be
``other``. Phishing, malware and compromise get a whole host blocked by machines; the two about children set off duties to
report; brands and registrations are about domains and want a rightful owner named."""
FILED_AS_EXPOSED: Final = Filing(
    "exposed_data",
    {
        "data_types": ["personal_information"],
        "exposure_method": "other",
        "record_count": 1,
        "affected_organization": "none",
        "sensitive_fields": [],
        "encryption_status": "unencrypted",
    },
    "A private person’s details or pictures.",
)
"""For a person's private details or intimate pictures shown without consent: what XARF calls exposed data."""
_EXPOSED: Final = frozenset({"cand-doxxing", "iia"})
_HANDED_OFF: Final = frozenset({"csea"})


def filing_of(document: ReferralDocument) -> Filing:
    """Say under which standard type `document` is filed; by its harm, since its kind says nothing of the content.

    Raises NoSuchType for sexual abuse of children: XARF's types for it want a legal classification, and such content goes
    to the bodies in charge and not to a platform.
    """
    if document.harm.id in _HANDED_OFF:
        raise NoSuchType(
            "Content that sexually abuses a child is not sent as a XARF report: XARF wants its legal classification, "
            "which a referral does not hold. Hand it to the body that the code of practice names."
        )
    return FILED_AS_EXPOSED if document.harm.id in _EXPOSED else FILED_AS_OTHER
