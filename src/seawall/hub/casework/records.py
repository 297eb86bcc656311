"""What a case's page reads out: its clock, the decisions on it, and what was recorded of it. The detector's hints are in `hints`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seawall import clock as clocks
from seawall.hub.casework.form import offences
from seawall.hub.casework.models import Case, Decision, Outcome
from seawall.hub.directory import queries as directory
from seawall.hub.directory.roles import Role
from seawall.hub.ledger import queries as ledger
from seawall.hub.ledger.models import ActorKind, Entry
from seawall.hub.ledger.vocabulary import EVENTS
from seawall.hub.practice import queries as practice
from seawall.hub.practice.schema import Code, Harm, UnknownHarmError
from seawall.hub.practice.vocabulary import Context


def harm_title(code: Code, harm_id: str) -> str:
    """The harm's title, or its id where this version of the code has no such harm any more."""
    try:
        return code.harm(harm_id).title
    except UnknownHarmError:
        return harm_id


def harm_of(code: Code, harm_id: str) -> Harm | None:
    """The harm, or None where this version of the code has it no more."""
    try:
        return code.harm(harm_id)
    except UnknownHarmError:
        return None


def clock_of(case: Case) -> clocks.Clock | None:
    """The clock of the decision: from the case's opening to its closing. None where the code sets no time."""
    if case.decision_within is None:
        return None
    limit = clocks.Limit(
        length=case.decision_within,
        basis=clocks.Basis.PROPOSAL,
        citation=f"Code of practice {case.code_version}, {case.harm}",
        starts=clocks.Start.FIRST_SIGHT,
    )
    events = [clocks.Event(case.opened_at, clocks.EventKind.STARTED)]
    if case.closed_at is not None:
        events.append(clocks.Event(max(case.closed_at, case.opened_at), clocks.EventKind.STOPPED))
    return clocks.Clock(limit, events)


@dataclass(frozen=True, kw_only=True)
class Line:
    """An element, a defence or an exemption as it was answered."""

    text: str
    answer: str
    reasons: str = ""


@dataclass(frozen=True, kw_only=True)
class Account:
    """A decision read out: the answers of the whole form, in the words of the version of the code that it cites."""

    decision: Decision
    harm: str
    basis: str
    elements: Sequence[Line]
    defences: Sequence[Line]
    exemptions: Sequence[Line]
    context: str
    refers: bool
    role: str


def account_of(decision: Decision) -> Account:
    """The decision in words."""
    code = practice.code_at(decision.code_version)
    harm = harm_of(code, decision.harm)
    offence = next((ref for ref in offences(harm) if ref.name == decision.provision), None) if harm else None
    elements = {part.id: part.text for part in offence.elements} if offence else {}
    defences = {part.id: part.text for part in offence.defences} if offence else {}
    questions = {exemption.id: exemption.question for exemption in code.exemptions}
    basis = "Nothing is asked of the platform"
    if decision.term is not None:
        basis = f"{decision.term.title}, as it stood on {decision.term.dated:%-d %B %Y}"
    elif decision.provision:
        basis = f"{offence.title}: {decision.provision}" if offence else decision.provision
    return Account(
        decision=decision,
        harm=harm.title if harm else decision.harm,
        basis=basis,
        elements=[
            Line(
                text=elements.get(said["id"], said["id"]),
                answer="There are reasonable grounds to infer it" if said["met"] else "Not made out",
                reasons=said.get("reasons", ""),
            )
            for said in decision.elements
        ],
        defences=[
            Line(
                text=defences.get(said["id"], said["id"]),
                answer="May succeed" if said["may_succeed"] else "No reasonable grounds to infer that it may succeed",
                reasons=said.get("reasons", ""),
            )
            for said in decision.defences
        ],
        exemptions=[
            Line(text=questions.get(name, name), answer="Yes" if applies else "No")
            for name, applies in decision.exemptions.items()
        ],
        context=context_words(decision.context),
        refers=decision.outcome == Outcome.REFER,
        role=role_words(decision.role),
    )


def context_words(context: str) -> str:
    """The context that a person saw, in words."""
    return {str(member.value): member.words for member in Context}.get(context, "None of these")


def role_words(role: str) -> str:
    """A role's label; the ledger's own word where it is none of the directory's."""
    return str(Role(role).label) if role in set(Role) else role


def history_of(case: Case) -> list[dict[str, Any]]:
    """What the ledger holds of the case, newest first, for the timeline. Three queries at most, however long it is."""
    entries = list(ledger.entries_about(kind="case", identity=str(case.pk)))
    names = directory.names([entry.actor_id for entry in entries if entry.actor_kind == ActorKind.PERSON])
    code = practice.current_code()
    return [
        {
            "label": EVENTS[entry.verb].means if entry.verb in EVENTS else entry.verb,
            "at": entry.occurred_at,
            "by": _who(entry, names),
            "text": _detail(entry, code),
        }
        for entry in reversed(entries)
    ]


def _who(entry: Entry, names: Mapping[str, str]) -> str:
    if entry.actor_kind == ActorKind.PERSON:
        return f"{names.get(entry.actor_id, 'somebody')}, {role_words(entry.actor_role).lower()}"
    return {
        ActorKind.MACHINE: "the hub’s own software",
        ActorKind.PLATFORM: "the platform",
        ActorKind.PUBLIC: "a member of the public",
    }.get(ActorKind(entry.actor_kind), "")


def _detail(entry: Entry, code: Code) -> str:
    said = entry.payload
    if entry.verb == "case.decided":
        waits = " A second reviewer was needed." if said.get("second_review_needed") else ""
        return f"{Outcome(said['outcome']).label}: {harm_title(code, said['harm'])}.{waits}"
    if entry.verb == "case.decision_reviewed":
        return "They concurred." if said.get("concurs") else "They dissented, so the decision does not stand."
    if entry.verb in ("case.opened", "case.transferred", "case.brought_forward"):
        return f"As: {harm_title(code, said['harm'])}."
    return str(Outcome(said["outcome"]).label) + "." if entry.verb == "case.closed" else ""
