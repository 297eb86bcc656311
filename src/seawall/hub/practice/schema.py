"""The code of practice as frozen models: what a harm is, what a decision on it may rest on, and how fast it must go.

Pure: no Django. `loading.load_code` reads the YAML files into these models; `consistency` checks what no single field
can say. The field names follow docs/reference/code-of-practice.md, which is also what a person edits by.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Any, Self

import rfc8785
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
)
from pydantic_core import PydanticCustomError

from seawall.clock import (
    AfterPause,
    Basis,
    ClockError,
    Length,
    Limit,
    Months,
    PauseReason,
    Start,
    WordedEnum,
    format_duration,
    parse_duration,
)
from seawall.hub.practice.vocabulary import (
    AccountStep,
    Action,
    Checked,
    Context,
    Family,
    HarmBasis,
    InElection,
    InForce,
    Partition,
    Referrer,
    RefKind,
    RestsOn,
    Route,
    Shareable,
    Step,
)


def _duration(value: object) -> Length:
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except ClockError as error:
            problem, _, remedy = str(error).partition(". ")
            raise PydanticCustomError("duration", "{problem}", {"problem": problem, "remedy": remedy}) from None
    raise PydanticCustomError(
        "duration",
        "{problem}",
        {"problem": f"{value!r} is not an ISO 8601 duration", "remedy": "Write PT24H for 24 hours."},
    )


def _frozen(value: Mapping[Any, Any]) -> Mapping[Any, Any]:
    return MappingProxyType(dict(value))


def _thawed(value: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): value[key] for key in sorted(value)}  # str: the plain word, not the enum member


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Duration = Annotated[
    timedelta | Months,
    PlainValidator(_duration),
    PlainSerializer(lambda value: format_duration(value), return_type=str),
]
Bars = Annotated[
    Mapping[Context, Probability],
    AfterValidator(_frozen),
    PlainSerializer(_thawed, return_type=dict[str, float]),
]
Flags = Annotated[
    Mapping[Family, Probability],
    AfterValidator(_frozen),
    PlainSerializer(_thawed, return_type=dict[str, float]),
]
Contents = Annotated[tuple[Text, ...], Field(min_length=1)]


class Frozen(BaseModel):
    """Base of every model here: unknown fields are errors, nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Part(Frozen):
    """One element or defence of an offence, in plain words faithful to the statute; a reviewer answers each in turn."""

    id: Slug
    text: Text


class LegalRef(Frozen):
    """What the law says. `status`: how far it was checked; `verified_on`: the day, required when it was verified."""

    act: Text
    section: Text
    title: Text
    kind: RefKind = RefKind.OFFENCE
    elements: Annotated[tuple[Part, ...], Field(min_length=1)]
    defences: tuple[Part, ...] = ()
    status: Checked
    verified_on: date | None = None
    note: Text | None = None

    @property
    def name(self) -> str:
        """Act and section, as cited."""
        return f"{self.act}, {self.section}"


class HarmClock(Frozen):
    """How fast a harm must go: our triage and decision from first sight, the recipient's action from `starts`.

    `basis`, `citation`, `limit` and `pausable` speak of the action alone; triage and decision are this hub's proposals.
    """

    triage: Duration | None
    decision: Duration | None
    action: Duration | None
    basis: Basis
    citation: Text
    starts: Start
    limit: Slug | None = None
    pausable: tuple[PauseReason, ...] = ()
    in_election_period: InElection = InElection.UNCHANGED


class AccountSteps(Frozen):
    """The steps that may be asked for, mildest first, by the part that an account played."""

    uploaded: Annotated[tuple[AccountStep, ...], Field(min_length=1)]
    disseminated: Annotated[tuple[AccountStep, ...], Field(min_length=1)]
    engaged: Annotated[tuple[AccountStep, ...], Field(min_length=1)]


class Support(Frozen):
    """Ids of the support lines to offer to each person."""

    author: tuple[Slug, ...]
    viewer: tuple[Slug, ...]
    reporter: tuple[Slug, ...]


class HandOff(Frozen):
    """The body in charge, and how to reach it."""

    to: Text
    how: Text
    status: Checked
    verified_on: date | None = None


class CaseRule(Frozen):
    """When a detector's finding puts a post before a person. It opens a case; it decides nothing.

    `rank` settles which of several harms opens when their severity is the same: the lowest first, unique in the code.
    """

    family: Family
    at_least: Probability
    rank: Annotated[int, Field(ge=1, le=1000)]
    unless_context: Bars = Field(default_factory=dict)


class Harm(Frozen):
    """One kind of harm, or one protected kind of content, and all that the hub does about it."""

    id: Slug
    title: Text
    plain: Text
    definition: Text
    includes: Contents
    excludes: Contents
    basis: HarmBasis
    protected: bool = False
    legal_refs: tuple[LegalRef, ...]
    rests_on: tuple[RestsOn, ...]
    severity: Annotated[int, Field(ge=1, le=5)] | None
    who_may_refer: tuple[Referrer, ...]
    clock: HarmClock
    default_action: Action
    account_steps: AccountSteps
    support: Support
    welfare_route: bool
    shareable_signal: Shareable
    exemptions: tuple[Slug, ...]
    review_cadence: Duration
    requires_second_reviewer: bool
    partition: Partition
    route: Route
    hand_off: HandOff | None
    opens_case: tuple[CaseRule, ...]
    notes: tuple[Text, ...] = ()


class SupportLine(Frozen):
    """Somebody to turn to. `show: false` keeps it from people until its facts are checked."""

    id: Slug
    name: Text
    contact: Text
    number: Text
    cost: Text | None
    nations: Annotated[tuple[Text, ...], Field(min_length=1)]
    ages: Text | None
    hours: Text | None
    hours_checked: Checked
    checked: Checked
    verified_on: date | None = None
    show: bool
    emergency: bool = False
    note: Text | None = None

    @property
    def hours_shown(self) -> str | None:
        """The opening hours, if they were checked; None otherwise, so that nobody waits at a closed line."""
        return self.hours if self.hours_checked is Checked.VERIFIED else None


class StatutoryLimit(Frozen):
    """A time limit that a law sets, as data; `as_limit` makes the clock's own type of it."""

    id: Slug
    title: Text
    jurisdiction: Text
    length: Duration
    citation: Text
    starts: Start
    pausable: tuple[PauseReason, ...] = ()
    after_pause: AfterPause = AfterPause.CONTINUES
    status: Checked
    verified_on: date | None = None
    in_force: InForce
    note: Text | None = None

    def as_limit(self) -> Limit:
        """The limit for `seawall.clock.Clock`; its basis is always a statute."""
        return Limit(
            length=self.length,
            basis=Basis.STATUTE,
            citation=self.citation,
            starts=self.starts,
            pausable=frozenset(self.pausable),
            after_pause=self.after_pause,
        )


class Exemption(Frozen):
    """A reason to leave content up, the contexts in which a detector may see it, and what the reviewer must ask."""

    id: Slug
    title: Text
    plain: Text
    question: Text
    contexts: tuple[Context, ...]


class Change(Frozen):
    """One entry of a code's changelog."""

    version: Text
    dated: date
    what: Text


class Cost(Frozen):
    """What mistakes about one family cost, in ordinary posts flagged for nothing: a miss, and a flagged neighbour."""

    miss: Annotated[float, Field(gt=0, le=10_000, allow_inf_nan=False)]
    neighbour: Annotated[float, Field(gt=0, le=10_000, allow_inf_nan=False)]


def _costs_thawed(value: Mapping[Family, Cost]) -> dict[str, Any]:
    return {str(family): value[family].model_dump(mode="json") for family in sorted(value)}


class Costs(Frozen):
    """By what the thresholds were chosen: the costs, and the shares of a feed that they were weighed by."""

    why: Text
    harmful_share: Probability
    neighbour_share: Probability
    most_ordinary: Probability
    families: Annotated[
        Mapping[Family, Cost], AfterValidator(_frozen), PlainSerializer(_costs_thawed, return_type=dict[str, Any])
    ]


class Flagging(Frozen):
    """From which probability the detector flags each family, and what mistakes are held to cost."""

    costs: Costs
    flags: Flags

    @property
    def thresholds(self) -> dict[str, float]:
        """Family -> the least probability that is flagged, as `seawall.detect` wants it."""
        return {str(family): bar for family, bar in self.flags.items()}


class CodeHead(Frozen):
    """What code.yaml says. `approved_by` names a role or a body, never a person."""

    id: Slug
    version: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}\.[0-9]+$")]
    jurisdiction: Text
    effective_from: date
    next_review: date
    approved_by: Text
    changelog: Annotated[tuple[Change, ...], Field(min_length=1)]


class UnknownHarmError(LookupError):
    """A harm id that this version of the code does not have."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A case to put before a person, and why: which rule fired, on what, and what else was weighed."""

    harm: Harm
    rule: CaseRule
    probability: float
    context: Mapping[str, float]
    also: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """What the record keeps: ids, thresholds and values, no content."""
        return {
            "harm": self.harm.id,
            "family": self.rule.family.value,
            "probability": self.probability,
            "at_least": self.rule.at_least,
            "unless_context": _thawed(self.rule.unless_context),
            "context": _thawed(self.context),
            "also": list(self.also),
        }


class Code(Frozen):
    """One version of a code of practice. A decision cites a harm's id and this version; `digest` pins the very text."""

    head: CodeHead
    harms: tuple[Harm, ...]
    support: tuple[SupportLine, ...]
    limits: tuple[StatutoryLimit, ...]
    exemptions: tuple[Exemption, ...]
    #: None in versions from before thresholds were part of the code: the detector's own then hold.
    flagging: Flagging | None = None

    @model_serializer(mode="wrap")
    def _as_adopted(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # A version from before flagging was part of the code must keep the digest that the ledger holds of it.
        kept: dict[str, Any] = handler(self)
        if self.flagging is None:
            kept.pop("flagging", None)
        return kept

    @property
    def id(self) -> str:
        """The code's id, for example uk-2026."""
        return self.head.id

    @property
    def version(self) -> str:
        """The code's version, for example 2026.1."""
        return self.head.version

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy, as pydantic makes it, whose digest and look-ups are worked out anew."""
        copy = super().model_copy(update=update, deep=deep)
        for name in ("digest", "_harms", "_rules"):
            copy.__dict__.pop(name, None)
        return copy

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the whole code as canonical JSON (RFC 8785). The same words give the same digest."""
        return hashlib.sha256(rfc8785.dumps(self.model_dump(mode="json"))).hexdigest()

    @cached_property
    def _harms(self) -> Mapping[str, Harm]:
        return MappingProxyType({harm.id: harm for harm in self.harms})

    @cached_property
    def _rules(self) -> tuple[tuple[Harm, CaseRule], ...]:
        rules = [(harm, rule) for harm in self.harms for rule in harm.opens_case]
        return tuple(sorted(rules, key=lambda pair: (-(pair[0].severity or 0), pair[1].rank)))

    def harm(self, harm_id: str) -> Harm:
        """The harm of that id. Raises `UnknownHarmError`."""
        try:
            return self._harms[harm_id]
        except KeyError:
            raise UnknownHarmError(
                f"The code {self.id} {self.version} has no harm {harm_id!r}. Use one of: {', '.join(self._harms)}."
            ) from None

    def harms_for_family(self, family: str) -> tuple[Harm, ...]:
        """The harms for which a finding of this family may open a case: one, or none."""
        wanted = _label(Family, family)
        return tuple(harm for harm in self.harms if any(rule.family is wanted for rule in harm.opens_case))

    def support_line(self, line_id: str) -> SupportLine:
        """The support line of that id. Raises `LookupError`."""
        for line in self.support:
            if line.id == line_id:
                return line
        raise LookupError(f"The code {self.id} {self.version} has no support line {line_id!r}.")

    def shown_support(self, line_ids: Iterable[str]) -> tuple[SupportLine, ...]:
        """The lines of those ids that may be shown to people, in the order given."""
        return tuple(line for line in map(self.support_line, line_ids) if line.show)

    def limit(self, harm_id: str, step: Step, *, election_period: bool = False, incident: bool = False) -> Limit | None:
        """The time limit for one step of a harm, or None where the code sets none.

        Triage and decision are this hub's proposals and start at first sight; the action has the basis, citation, start
        and pauses that the harm's clock names. In an election period limits are halved where the harm says so, in a
        declared incident where it is one of the incident's harms (which the caller knows); once where both are on, and
        never where a statute sets them.
        """
        clock = self.harm(harm_id).clock
        length: Length | None = getattr(clock, step.value)
        if length is None:
            return None
        if step is Step.ACTION and clock.limit is not None:
            return next(limit for limit in self.limits if limit.id == clock.limit).as_limit()
        ours = step is not Step.ACTION
        limit = Limit(
            length=length,
            basis=Basis.PROPOSAL if ours else clock.basis,
            citation=f"Code of practice {self.id} {self.version}, {harm_id}" if ours else clock.citation,
            starts=Start.FIRST_SIGHT if ours else clock.starts,
            pausable=frozenset() if ours else frozenset(clock.pausable),
        )
        if election_period and clock.in_election_period is InElection.HALVED:
            return limit.halved()
        can_be = limit.basis is not Basis.STATUTE and isinstance(limit.length, timedelta)
        return limit.halved(because="declared incident") if incident and can_be else limit

    def case_rule(self, families: Mapping[str, float], context: Mapping[str, float]) -> Opening | None:
        """The harm for which a post goes before a person, or None. Decides nothing about the post.

        `families` and `context` map a detector's labels to probabilities; a missing label is one that was not seen. A
        rule fires when its family reaches `at_least` and no context named in `unless_context` reaches its bar. Of those
        that fire, the highest severity opens, then the lowest rank. Raises `ValueError` for an unknown label or a value
        outside 0 to 1.
        """
        found = {_label(Family, name): _probability(name, value) for name, value in families.items()}
        seen = {_label(Context, name): _probability(name, value) for name, value in context.items()}
        fired = [
            (harm, rule)
            for harm, rule in self._rules
            if rule.family in found
            and found[rule.family] >= rule.at_least
            and not any(label in seen and seen[label] >= bar for label, bar in rule.unless_context.items())
        ]
        if not fired:
            return None
        harm, rule = fired[0]
        return Opening(
            harm=harm,
            rule=rule,
            probability=found[rule.family],
            context=MappingProxyType({label: seen[label] for label in sorted(rule.unless_context) if label in seen}),
            also=tuple(other.id for other, _ in fired[1:]),
        )


def _label(kind: type[WordedEnum], name: str) -> WordedEnum:
    try:
        return kind(str(name))
    except ValueError:
        raise ValueError(
            f"{name!r} is not a {kind.__name__.lower()} that the code of practice knows. Use one of: {', '.join(kind)}."
        ) from None


def _probability(name: str, value: float) -> float:
    number = float(value)
    if math.isnan(number) or not 0.0 <= number <= 1.0:
        raise ValueError(f"{name}: {value!r} is not a probability. Give a number from 0 to 1.")
    return number
