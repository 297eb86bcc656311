"""What is sent: the decision, written as the document that a platform receives."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, cast

from seawall import channels
from seawall.channels.notices import FormalNotice, RemovalOrder
from seawall.clock import Basis, Limit, PauseReason, Start
from seawall.hub import moment
from seawall.hub.casework import models as casework
from seawall.hub.casework.models import Decision
from seawall.hub.content import queries as content_queries
from seawall.hub.ledger.services import Actor
from seawall.hub.practice.schema import Code, Harm
from seawall.hub.practice.vocabulary import Route, Step
from seawall.hub.referrals.models import Referral

REQUESTED = {"remove": "remove", "restrict_age": "restrict_age", "demote": "demote", "label": "label"}


class NotReferable(Exception):
    """The code of practice sets no time or no action for this harm, so no referral can be made of it."""


class NoticeFirst(Exception):
    """The code of practice foresees a notice, and a power for it is in force: an officer gives it, or declines."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """A notice or an order that an officer gives in the place of a request: the part of the document that the law asks for, the
    statute's own clock, and when and by whom it is given."""

    kind: Literal["formal_notice", "removal_order"]
    part: FormalNotice | RemovalOrder
    limit: Limit
    at: datetime
    actor: Actor


def limit_for(*, code: Code, harm: Harm, election_period: bool = False, incident: bool = False) -> Limit:
    """The time that the platform has; in an election period half of it, where the code says so, and in an incident about this harm.

    A statutory clock runs only for the formal notice that the statute speaks of (`Given`). Where the code of practice foresees such a
    notice and none is given, what is sent is a request with the same time, and it says so. Raises NotReferable when the code sets no time.
    """
    limit = code.limit(harm.id, Step.ACTION, election_period=election_period, incident=incident)
    if limit is None:
        raise NotReferable(f"The code of practice sets no time for a platform to act on “{harm.title}”.")
    if harm.route == Route.FORMAL_NOTICE:
        limit = replace(
            limit,
            basis=Basis.PROPOSAL,
            citation=f"Code of practice {code.id} {code.version}, {harm.id}; a request, not a notice under a statute",
            starts=Start.NOTICE_VALID,
            pausable=frozenset({PauseReason.INFORMATION_REQUESTED}),
        )
    return limit


def kind_of(decision: Decision) -> str:
    """A notice of illegality stands on an offence; what stands on the platform's terms alone is a voluntary referral."""
    return "notice_of_illegality" if decision.basis == casework.Basis.OFFENCE else "voluntary"


def document_for(
    *, referral: Referral, decision: Decision, code: Code, limit: Limit, given: Given | None = None
) -> channels.ReferralDocument:
    """The document for a decision, with the part of the notice or order that is `given`.

    Raises NotReferable, and pydantic.ValidationError when an element or a term is missing.
    """
    harm = code.harm(decision.harm)
    content, organisation = decision.case.content, decision.case.desk.organisation
    action = REQUESTED.get(harm.default_action.value)
    if action is None:
        raise NotReferable(
            f"The code of practice asks no action of a platform for “{harm.title}” ({harm.default_action.words})."
        )
    _text, digest = text_decided(decision)
    if not content.url:
        raise NotReferable("The post has no address, and a referral needs the exact one.")
    return channels.ReferralDocument(
        referral_id=referral.pk,
        kind=cast(channels.document.Kind, referral.kind),
        harm=channels.Harm(id=harm.id, title=harm.title, code_version=code.version),
        platform=content.platform.slug,
        content=channels.Content(native_id=content.native_id[:300], url=content.url, text_sha256=digest.hex()),
        grounds=_grounds(decision, harm),
        requested_action=cast(channels.document.RequestedAction, action),
        clock=channels.Clock(
            due_seconds=int(action_seconds(limit)),
            basis=cast(Literal["statute", "code", "proposal"], limit.basis.value),
            citation=limit.citation or None,
        ),
        referrer=channels.Referrer(
            organisation=organisation.name,
            type=cast(channels.document.ReferrerType, organisation.kind),
            state_body=organisation.state_body,
        ),
        explanation=decision.reasons[:5_000],
        sent_at=moment.now(),
        good_faith=True,
        demonstration=moment.in_demonstration(),
        formal=given.part if given and isinstance(given.part, FormalNotice) else None,
        order=given.part if given and isinstance(given.part, RemovalOrder) else None,
    )


def text_decided(decision: Decision) -> tuple[str, bytes]:
    """The text that the person judged, with its SHA-256: of the version decided on, also when the post was edited since."""
    content = decision.case.content
    if content.version != decision.content_version:
        for revision in content_queries.revisions_of(content):
            if revision.version == decision.content_version:
                return revision.text, bytes(revision.text_sha256)
    return content.text, bytes(content.text_sha256)


def action_seconds(limit: Limit) -> float:
    """The limit's length in seconds. Limits for referrals are given in hours and days, never in months."""
    length = limit.length
    if not hasattr(length, "total_seconds"):
        raise NotReferable("A referral's clock cannot be counted in months.")
    return float(length.total_seconds())


def _grounds(decision: Decision, harm: Harm) -> channels.Grounds:
    if decision.basis == casework.Basis.TERM and decision.term is not None:
        return channels.Grounds(
            term=channels.Term(rule=f"{decision.term.title}: {decision.term.text}"[:5_000], dated=decision.term.dated)
        )
    offence = next((ref for ref in harm.legal_refs if ref.name == decision.provision), None)
    if offence is None:
        return channels.Grounds()
    elements = {element.id: element.text for element in offence.elements}
    defences = {defence.id: defence.text for defence in offence.defences}
    return channels.Grounds(
        legal=(
            channels.LegalGround(
                act=offence.act,
                section=offence.section,
                elements=tuple(
                    channels.Element(text=elements[said["id"]], met=said["met"], reasons=said["reasons"])
                    for said in decision.elements
                    if said["id"] in elements
                ),
                defences=tuple(
                    channels.Defence(
                        text=defences[said["id"]],
                        may_succeed=said["may_succeed"],
                        reasons=said["reasons"] or "Nothing in the post or around it suggests it.",
                    )
                    for said in decision.defences
                    if said["id"] in defences
                ),
            ),
        )
    )
