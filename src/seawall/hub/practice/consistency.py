"""What must hold between the fields and files of a code of practice. One rule, one function. Pure: no Django."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seawall.clock import Basis, Months, format_duration
from seawall.hub.practice.problems import Problem, closest
from seawall.hub.practice.vocabulary import (
    AccountStep,
    Action,
    Checked,
    Family,
    HarmBasis,
    InElection,
    Partition,
    RefKind,
    RestsOn,
    Route,
    Shareable,
)

if TYPE_CHECKING:
    from seawall.hub.practice.schema import CodeHead, Exemption, Flagging, Harm, StatutoryLimit, SupportLine

_REFERS = (Route.REFERRAL, Route.FORMAL_NOTICE)
_ILLEGAL = (HarmBasis.ILLEGAL_PRIORITY, HarmBasis.ILLEGAL_OTHER)
Found = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Parts:
    """What could be read of a code. A part that failed to load is None; the rules that need it are skipped."""

    folder: str
    head: CodeHead | None
    harms: dict[str, Harm]
    support: tuple[SupportLine, ...] | None
    limits: tuple[StatutoryLimit, ...] | None
    exemptions: tuple[Exemption, ...] | None
    flagging: Flagging | None = None


def check(parts: Parts) -> list[Problem]:
    """Every problem that the rules find, file by file."""
    problems = [Problem("code.yaml", *found) for found in _head(parts)]
    problems += [Problem("support.yaml", *found) for found in _support(parts.support or ())]
    problems += [Problem("limits.yaml", *found) for found in _limits(parts.limits or ())]
    problems += [Problem("exemptions.yaml", *found) for found in _twice("exemptions", parts.exemptions or ())]
    problems += [Problem("flagging.yaml", *found) for found in _flagging(parts)]
    for name, harm in parts.harms.items():
        for rule in _HARM_RULES:
            problems += [Problem(name, *found) for found in rule(harm)]
        problems += [Problem(name, *found) for found in _names_known_things(harm, parts)]
    problems += _one_text_a_law(parts.harms)
    problems += _one_harm_a_finding(parts.harms)
    if not parts.harms:
        problems.append(Problem("code.yaml", "", "the folder holds no harm", "Add one file for each harm."))
    return problems


def _head(parts: Parts) -> Iterator[Found]:
    head = parts.head
    if head is None:
        return
    if head.id != parts.folder:
        yield "id", f"'{head.id}' differs from the folder's name '{parts.folder}'", "Give both the same name."
    if head.next_review <= head.effective_from:
        yield "next_review", "is not after effective_from", "Give the later date of the two to next_review."
    if head.version not in [change.version for change in head.changelog]:
        yield "changelog", f"does not mention version {head.version}", "Say in one sentence what this version changed."


def _twice(field: str, rows: Iterable[SupportLine | StatutoryLimit | Exemption]) -> Iterator[Found]:
    seen: set[str] = set()
    for number, row in enumerate(rows):
        if row.id in seen:
            yield f"{field}[{number}].id", f"'{row.id}' is there twice", "Give each its own id."
        seen.add(row.id)


def _support(lines: tuple[SupportLine, ...]) -> Iterator[Found]:
    yield from _twice("lines", lines)
    for number, line in enumerate(lines):
        where = f"lines[{number}]"
        if line.show and line.checked is not Checked.VERIFIED:
            yield (
                f"{where}.show",
                f"'{line.id}' would be shown but is {line.checked}",
                "Check it or write show: false.",
            )
        if line.checked is Checked.VERIFIED and line.verified_on is None:
            yield f"{where}.verified_on", "is missing for a verified line", "Write the day on which it was checked."


def _limits(limits: tuple[StatutoryLimit, ...]) -> Iterator[Found]:
    yield from _twice("limits", limits)
    for number, limit in enumerate(limits):
        where = f"limits[{number}]"
        if limit.status is Checked.VERIFIED and limit.verified_on is None:
            yield f"{where}.verified_on", "is missing for a verified limit", "Write the day on which it was checked."
        if isinstance(limit.length, Months) and limit.pausable:
            yield f"{where}.pausable", "a limit in months cannot be paused", "Write pausable: [], or give days."


def _flagging(parts: Parts) -> Iterator[Found]:
    told = parts.flagging
    if told is None:
        return
    for field, named in (("costs.families", told.costs.families), ("flags", told.flags)):
        for family in Family:
            if family not in named:
                yield f"{field}.{family}", "is missing", "Give every family its line."
    for family, bar in told.flags.items():
        if not 0 < bar < 1:
            yield f"flags.{family}", f"{bar} flags everything or nothing", "Write a number between 0 and 1."
    if told.costs.harmful_share + told.costs.neighbour_share >= 1:
        yield "costs.harmful_share", "leaves no ordinary posts beside neighbour_share", "Lower one of the two."
    for name, harm in parts.harms.items():
        for number, rule in enumerate(harm.opens_case):
            bar = told.flags.get(rule.family, 0.0)
            if rule.at_least < bar:
                yield (
                    f"flags.{rule.family}",
                    f"{bar} is above the {rule.at_least} at which {name} opens a case (opens_case[{number}])",
                    "A case is opened for what is flagged: lower this, or raise the other.",
                )


def _file_name(harm: Harm, name: str) -> Iterator[Found]:
    if name != f"{harm.id}.yaml":
        yield "id", f"'{harm.id}' differs from the file's name '{name}'", f"Rename the file to {harm.id}.yaml."


def _names_known_things(harm: Harm, parts: Parts) -> Iterator[Found]:
    for name, held in parts.harms.items():
        if held is harm:
            yield from _file_name(harm, name)
    if parts.support is not None:
        lines = [line.id for line in parts.support]
        for person in ("author", "viewer", "reporter"):
            for number, line in enumerate(getattr(harm.support, person)):
                if line not in lines:
                    where = f"support.{person}[{number}]"
                    yield where, f"'{line}' is not a line in support.yaml", closest(line, lines)
    if parts.exemptions is not None:
        known = {exemption.id: exemption for exemption in parts.exemptions}
        for number, name in enumerate(harm.exemptions):
            if name not in known:
                where = f"exemptions[{number}]"
                yield where, f"'{name}' is not an exemption in exemptions.yaml", closest(name, list(known))
                continue
            for index, rule in enumerate(harm.opens_case):
                for label in known[name].contexts:
                    if label not in rule.unless_context:
                        yield (
                            f"opens_case[{index}].unless_context",
                            f"has no bar for '{label}', though this harm exempts '{name}'",
                            f"Add {label}: with the probability from which such a post stays out of the queue.",
                        )
    if parts.limits is not None and harm.clock.limit is not None:
        limits = {limit.id: limit for limit in parts.limits}
        if harm.clock.limit not in limits:
            problem = f"'{harm.clock.limit}' is not a limit in limits.yaml"
            yield "clock.limit", problem, closest(harm.clock.limit, list(limits))
        elif harm.clock.action != limits[harm.clock.limit].length:
            length = format_duration(limits[harm.clock.limit].length)
            yield "clock.action", f"differs from '{harm.clock.limit}', which sets {length}", f"Write {length}."


def _clock(harm: Harm) -> Iterator[Found]:
    clock = harm.clock
    statute = clock.basis is Basis.STATUTE
    if statute and clock.limit is None:
        yield "clock.limit", "is missing, though the basis is statute", "Name the limit in limits.yaml."
    if clock.limit is not None and not statute:
        yield "clock.basis", f"is {clock.basis}, though the limit '{clock.limit}' is set by law", "Write statute."
    if statute and clock.in_election_period is InElection.HALVED:
        yield "clock.in_election_period", "a limit set by law cannot be halved", "Write unchanged."
    if clock.limit is not None and clock.pausable:
        yield "clock.pausable", "belongs to the limit in limits.yaml", "Write [] here."
    if isinstance(clock.action, Months) and clock.pausable:
        yield "clock.pausable", "a limit in months cannot be paused", "Write [] here, or give days."


def _protected(harm: Harm) -> Iterator[Found]:
    if harm.protected != (harm.basis is HarmBasis.PROTECTED):
        yield "protected", f"is {str(harm.protected).lower()}, but the basis is {harm.basis}", "Make the two agree."
    if not harm.protected:
        if harm.severity is None:
            yield "severity", "is missing", "Write a number from 1 to 5; only protected content has none."
        return
    if harm.default_action not in (Action.SUPPORT_ONLY, Action.NONE):
        problem = f"is {harm.default_action}, but protected content is never taken down"
        yield "default_action", problem, "Write support_only."
    if harm.route is not Route.SUPPORT_ONLY:
        yield "route", f"is {harm.route}, but protected content is never referred", "Write support_only."
    if harm.opens_case:
        yield "opens_case", "protected content opens no case", "Write []."
    if harm.severity is not None:
        yield "severity", "protected content has none", "Write null."
    if harm.shareable_signal is not Shareable.NONE:
        yield "shareable_signal", "nothing about protected content is shared", "Write none."
    steps = (*harm.account_steps.uploaded, *harm.account_steps.disseminated, *harm.account_steps.engaged)
    if set(steps) != {AccountStep.NONE}:
        yield "account_steps", "protected content has no consequence for an account", "Write [none] for each."


def _lawful(harm: Harm) -> Iterator[Found]:
    offences = [ref for ref in harm.legal_refs if ref.kind is RefKind.OFFENCE]
    if harm.route in _REFERS:
        if not harm.rests_on:
            remedy = "Write offence with a legal reference, or dated_term. Without either there is no referral."
            yield "rests_on", "a referral must rest on an offence or a dated term", remedy
        if harm.route is Route.REFERRAL and not harm.who_may_refer:
            yield "who_may_refer", "nobody may refer this harm", "Name at least one, or choose another route."
        second = harm.basis is HarmBasis.TERMS_ONLY or (harm.severity or 0) >= 4
        if second and not harm.requires_second_reviewer:
            problem = "must be true at severity 4 and above and for harms on terms only"
            yield "requires_second_reviewer", problem, "Write true."
    if RestsOn.OFFENCE in harm.rests_on and not offences:
        yield "legal_refs", "names no offence, though decisions may rest on one", "Add the offence, or take it out."
    if harm.basis in _ILLEGAL and not offences:
        yield "legal_refs", f"names no offence, though the basis is {harm.basis}", "Add the offence."
    if harm.basis is HarmBasis.TERMS_ONLY and RestsOn.DATED_TERM not in harm.rests_on and harm.route in _REFERS:
        yield "rests_on", "lacks dated_term, though the basis is terms_only", "Add dated_term."
    for number, ref in enumerate(harm.legal_refs):
        where = f"legal_refs[{number}]"
        ids = [part.id for part in (*ref.elements, *ref.defences)]
        for part in sorted({part for part in ids if ids.count(part) > 1}):
            yield f"{where}.elements", f"'{part}' is there twice", "Give each element and defence its own id."
        if ref.status is Checked.VERIFIED and ref.verified_on is None:
            yield f"{where}.verified_on", "is missing for a verified reference", "Write the day it was checked."


def _routed(harm: Harm) -> Iterator[Found]:
    if harm.route is Route.HAND_OFF and harm.hand_off is None:
        yield "hand_off", "is missing, though the route is hand_off", "Name the body in charge and how to reach it."
    if harm.hand_off is not None and harm.route is not Route.HAND_OFF:
        yield "hand_off", f"is given, though the route is {harm.route}", "Write null, or route: hand_off."
    if harm.route is Route.FORMAL_NOTICE and harm.clock.basis is not Basis.STATUTE:
        yield "clock.basis", "a formal notice is given under a statute", "Write statute and name its limit."
    if harm.welfare_route and harm.partition is not Partition.WELFARE:
        yield "partition", f"is {harm.partition}, but the welfare route ends at the welfare desk", "Write welfare."
    if harm.welfare_route and not harm.support.author:
        yield "support.author", "is empty on the welfare route", "Name at least one support line."
    if harm.welfare_route and Shareable.NONE is not harm.shareable_signal:
        yield "shareable_signal", "nothing about a person at risk is shared", "Write none."


def _one_text_a_law(harms: dict[str, Harm]) -> Iterator[Problem]:
    first: dict[str, tuple[str, object]] = {}
    for name, harm in harms.items():
        for number, ref in enumerate(harm.legal_refs):
            where, text = first.setdefault(ref.name, (name, ref))
            if text != ref:
                problem = f"tells {ref.name} differently from {where}"
                yield Problem(name, f"legal_refs[{number}]", problem, "Give both the same words.")


def _one_harm_a_finding(harms: dict[str, Harm]) -> Iterator[Problem]:
    families: dict[str, str] = {}
    ranks: dict[int, str] = {}
    for name, harm in harms.items():
        for number, rule in enumerate(harm.opens_case):
            where = f"opens_case[{number}]"
            if (other := families.setdefault(rule.family, name)) != name or number > _first(harm, rule.family):
                problem = f"'{rule.family}' already opens a case in {other}"
                yield Problem(name, f"{where}.family", problem, "Let one harm open for each family.")
            if (other := ranks.setdefault(rule.rank, f"{name} {where}")) != f"{name} {where}":
                problem = f"{rule.rank} is already the rank of {other}"
                yield Problem(name, f"{where}.rank", problem, "Give each rule its own rank; the lowest goes first.")


def _first(harm: Harm, family: str) -> int:
    return next(number for number, rule in enumerate(harm.opens_case) if rule.family == family)


_HARM_RULES = (_clock, _protected, _lawful, _routed)
