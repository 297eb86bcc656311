"""What organisations' software sent about a case's post, as the case's page shows it: masked, and for what it is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from seawall.durations import in_words
from seawall.hub.casework.models import Case
from seawall.hub.casework.panels import Panel
from seawall.hub.directory.models import Person
from seawall.hub.intake.models import IncomingReport
from seawall.hub.referrals import words

BASES = {"statute": "set by statute", "code": "by its code of practice", "proposal": "proposed"}


def sent_panel(case: Case, person: Person) -> Panel | None:
    """The reports that led to a case or joined it; None when there are none."""
    found = list(
        IncomingReport.objects.visible_to(person)
        .filter(case=case)
        .select_related("organisation")
        .prefetch_related("information")
    )
    if not found:
        return None
    return Panel(
        title="Sent by other organisations",
        template="intake/case_panel.html",
        context={"reports": [{"report": each, **_told(each)} for each in found]},
    )


def _told(report: IncomingReport) -> dict[str, Any]:
    """What a report says, in lines that are shown when a person chooses to see them."""
    lines = [f"Address: {report.url}"] if report.url else []
    lines += _referral(report.document) if report.document else []
    if report.description and not report.document:
        lines.append(report.description)
    lines += [f"Sent later: {each.text}" for each in report.information.all() if each.text]
    for number, item in enumerate(report.evidence, start=1):
        lines.append(f"Evidence {number}: {_item(item)}")
    if report.withdrawal:
        lines.append(f"Taken back, because: {report.withdrawal['reasons']}")
    document = report.document or {}
    return {
        "said": "\n\n".join(lines),
        "referrer": document.get("referrer"),
        "kind": words.KINDS.get(document.get("kind", ""), ""),
        "state_body": report.organisation.state_body or bool(document.get("referrer", {}).get("state_body")),
    }


def _referral(document: dict[str, Any]) -> list[str]:
    """A referral that another hub sent: evidence here, and nothing that this hub has decided."""
    clock = document["clock"]
    asked = words.REQUESTED.get(document["requested_action"], document["requested_action"])
    limit = in_words(timedelta(seconds=clock["due_seconds"]))
    lines = [
        f"Harm: {document['harm']['title']} ({document['harm']['id']}, {document['harm']['code_version']}).",
        f"Asked: {asked}, within {limit} of receipt ({BASES[clock['basis']]}).",
        f"Their reasons: {document['explanation']}",
    ]
    for ground in document["grounds"]["legal"]:
        lines.append(f"They rest it on {ground['act']}, {ground['section']}:")
        lines += [f"{part['text']}: {part['reasons']}" for part in ground["elements"]]
    if term := document["grounds"]["term"]:
        lines.append(f"They rest it on the platform’s rule of {term['dated']}: {term['rule']}")
    return lines


def _item(item: dict[str, Any]) -> str:
    about = f"{item['content_type']}, {item['size']:,} bytes, SHA-256 {item['sha256']}"
    if item["intact"] is False:
        about += ", does not fit its hash: it was changed on its way"
    said = [about, item["description"], item["text"] or "Not kept here: ask the sender for it."]
    return "\n".join(part for part in said if part)
