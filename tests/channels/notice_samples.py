"""A notice and an order given under a statute, complete."""

import copy
from typing import Any

from tests.channels.samples import as_dict

from seawall.channels import ReferralDocument

WEAPON = {
    "act": "Criminal Justice Act 1988",
    "section": "section 141",
    "elements": [
        {"text": "The person offers a weapon for sale", "met": True, "reasons": "The post names a price."},
        {"text": "The weapon is of a listed kind", "met": True, "reasons": "The picture shows one of the list."},
    ],
    "defences": [{"text": "Done for the Crown", "may_succeed": False, "reasons": "Nothing points to it."}],
}
ENCOURAGEMENT = {
    "act": "Example Penal Code",
    "section": "article 100",
    "elements": [{"text": "A call to commit an attack", "met": True, "reasons": "It asks its readers to do it."}],
    "defences": [],
}
FORMAL = {
    "statute": {"act": "Crime and Policing Act 2026", "section": "section 21"},
    "officer": {
        "name": "Robin Sample",
        "rank": "Inspector",
        "force": "Example Constabulary",
        "email": "notices@constabulary.example",
        "phone": "+44 1632 960001",
        "authorised_at": "2026-10-01T08:00:00Z",
        "authorisation": "EC-AUTH-17",
    },
    "given_at": "2026-11-02T09:15:00Z",
    "reasons": "I am satisfied that the post offers a weapon for sale unlawfully.",
    "review": {
        "until": "2026-11-04T09:15:00Z",
        "to": "The review officer, Example Constabulary",
        "how": "Write to review@constabulary.example and say which part of the notice is wrong.",
    },
    "consequences": "A penalty may be sought from a provider that does not comply.",
    "how_to_confirm": "Answer this notice with the time of the removal.",
}
ORDER = {
    "issuing_authority": "Example Federal Office",
    "issuing_member_state": "Exampleland",
    "contact": {"email": "orders@office.example", "phone": "+44 1632 960002"},
    "order_reference": "EFO-2026-0042",
    "issued_at": "2026-11-02T09:20:00Z",
    "authentication": "Call the number in the public register of authorities and name the order reference.",
    "material": "Material that incites to an attack.",
    "detailed_grounds": "The recording names a place and a day and asks its viewers to attack there.",
    "redress": "The host and the author may go to the administrative court within one month.",
    "preservation_months": 6,
    "host_member_state": "Samplonia",
    "host_authority": "Samplonian Media Board",
    "copied_to_host_authority": True,
}
POLICE = {"organisation": "Example Constabulary", "type": "police", "state_body": True}
AUTHORITY = {"organisation": "Example Federal Office", "type": "government", "state_body": True}


def formal_dict(**changes: Any) -> dict[str, Any]:
    """Return a valid formal notice as JSON values, with `changes` at its top level."""
    return as_dict(
        **{
            "kind": "formal_notice",
            "harm": {"id": "vio-weapon-sale", "title": "Illegal sale of weapons", "code_version": "uk-2026.1"},
            "grounds": {"legal": [copy.deepcopy(WEAPON)]},
            "clock": {
                "due_seconds": 172_800,
                "basis": "statute",
                "citation": "Crime and Policing Act 2026, section 21(5)(c)",
            },
            "referrer": dict(POLICE),
            "formal": copy.deepcopy(FORMAL),
            **changes,
        }
    )


def order_dict(**changes: Any) -> dict[str, Any]:
    """Return a valid removal order as JSON values, with `changes` at its top level."""
    return as_dict(
        **{
            "kind": "removal_order",
            "harm": {"id": "terror", "title": "Terrorist content", "code_version": "uk-2026.1"},
            "grounds": {"legal": [copy.deepcopy(ENCOURAGEMENT)]},
            "clock": {
                "due_seconds": 3_600,
                "basis": "statute",
                "citation": "Regulation (EU) 2021/784, article 3(3), (7) and (8)",
            },
            "referrer": dict(AUTHORITY),
            "order": copy.deepcopy(ORDER),
            **changes,
        }
    )


def formal_notice(**changes: Any) -> ReferralDocument:
    """Return a valid formal notice."""
    return ReferralDocument.model_validate(formal_dict(**changes))


def removal_order(**changes: Any) -> ReferralDocument:
    """Return a valid removal order."""
    return ReferralDocument.model_validate(order_dict(**changes))
