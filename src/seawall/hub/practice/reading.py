"""The code of practice arranged for reading: what stands under which heading, and how far each statement of law was checked. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from seawall.clock import Basis
from seawall.durations import in_words
from seawall.hub.practice.schema import Code, Exemption, Harm, SupportLine
from seawall.hub.practice.vocabulary import AccountStep, Checked, Family, InElection, InForce, Route

GROUPS = (
    ("Suicide and self-harm", ("ssh-",)),
    ("Eating and body image", ("ed-",)),
    ("Threats, violence and weapons", ("vio-",)),
    ("Bullying, abuse and hate", ("abuse-", "hate-")),
    ("People standing for election", ("cand-",)),
    ("False health claims", ("vax-",)),
)
OTHERS = "Other harms"
HANDED_ON = "Passed on to the body in charge"
"""Headings of the list, and what the ids of the harms beneath them begin with."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """A heading of the list and the harms beneath it, the gravest first, protected content last."""

    title: str
    harms: tuple[Harm, ...]


def groups(code: Code) -> list[Group]:
    """Every harm of the code under exactly one heading."""
    found: dict[str, list[Harm]] = {}
    for harm in code.harms:
        title = next((title for title, begins in GROUPS if harm.id.startswith(begins)), None)
        found.setdefault(title or (HANDED_ON if harm.route == Route.HAND_OFF else OTHERS), []).append(harm)
    order = [*(title for title, _ in GROUPS), OTHERS, HANDED_ON]
    return [
        Group(title=title, harms=tuple(sorted(found[title], key=lambda harm: (-(harm.severity or 0), harm.title))))
        for title in order
        if title in found
    ]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How far a statement was checked, as the reader is told: a tag, its colour, and a sentence. `firm` only when it was verified."""

    firm: bool
    tag: str
    colour: str
    words: str


def standing(status: Checked, verified_on: date | None) -> Standing:
    """What to say beside a statement. Anything but verified is never to be read as fact."""
    if status is Checked.VERIFIED and verified_on is not None:
        day = f"{verified_on.day} {verified_on:%B %Y}"
        return Standing(firm=True, tag="Checked", colour="green", words=f"Read in the source’s own text on {day}.")
    words = {
        Checked.SECOND_HAND: "Known to us only in somebody else’s words. Do not rely on it before it is checked in the source.",
        Checked.MEMORY: "Written from memory. Do not rely on it before it is checked in the source.",
    }.get(status, "Not checked. Do not rely on it.")
    return Standing(firm=False, tag="Not yet checked", colour="yellow", words=words)


@dataclass(frozen=True, kw_only=True)
class Time:
    """One of a harm's time limits: which, how long, from when, and what it rests on."""

    what: str
    length: str
    starts: str
    rests_on: str
    statute: bool
    standing: Standing | None = None
    note: str = ""


def times(code: Code, harm: Harm) -> list[Time]:
    """The time limits of a harm in the order in which they run; none for what the code sets no time."""
    clock = harm.clock
    ours = "Our own aim, set by no law."
    found = [
        Time(
            what=what, length=in_words(length), starts="from our first sight of the post", rests_on=ours, statute=False
        )
        for what, length in (("A person looks at it", clock.triage), ("A person decides", clock.decision))
        if length is not None
    ]
    if clock.action is None:
        return found
    law = next((limit for limit in code.limits if limit.id == clock.limit), None)
    note = ""
    if law is not None and law.in_force is not InForce.IN_FORCE:
        note = f"{law.in_force.words}."
    if clock.in_election_period is InElection.HALVED:
        note = f"{note} Halved in an election period, and so are the two times above.".strip()
    found.append(
        Time(
            what="The body in charge acts" if harm.route is Route.HAND_OFF else "The platform acts",
            length=in_words(clock.action),
            starts=_from(clock.starts.words),
            rests_on=f"{clock.basis.words}: {clock.citation}."
            if clock.basis is not Basis.PROPOSAL
            else "Proposed by us, set by no law.",
            statute=clock.basis is Basis.STATUTE,
            standing=standing(law.status, law.verified_on) if law is not None else None,
            note=note,
        )
    )
    return found


def _from(words: str) -> str:
    return f"from {words[:1].lower()}{words[1:]}"


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A family: from which probability it is flagged, and what mistakes about it cost in ordinary posts flagged for nothing."""

    family: str
    flagged_from: str
    miss: str
    neighbour: str


@dataclass(frozen=True, kw_only=True)
class Flags:
    """What a code says of flagging, in words and figures to print. The shares are such as "1 in 100"."""

    why: str
    marks: tuple[Mark, ...]
    harmful_share: str
    neighbour_share: str
    most_ordinary: str


def flags(code: Code) -> Flags | None:
    """When the detector flags a post, family by family; None for a version of the code that says nothing of it."""
    told = code.flagging
    if told is None:
        return None
    return Flags(
        why=told.costs.why,
        marks=tuple(
            Mark(
                family=family.words,
                flagged_from=f"{_figure(Decimal(repr(told.flags[family])) * 100)}%",
                miss=_figure(told.costs.families[family].miss),
                neighbour=_figure(told.costs.families[family].neighbour),
            )
            for family in Family
            if family in told.flags and family in told.costs.families  # an old version may know fewer
        ),
        harmful_share=_share(told.costs.harmful_share),
        neighbour_share=_share(told.costs.neighbour_share),
        most_ordinary=_share(told.costs.most_ordinary),
    )


def _figure(value: float | Decimal) -> str:
    """A number with every digit that the code gives it, and no more."""
    return f"{Decimal(str(value)).normalize():,f}"


def _share(value: float) -> str:
    """A share as people say it: `1 in 100`, `15 in 10,000`."""
    exact = Decimal(repr(value)).normalize()
    exponent = exact.as_tuple().exponent
    places = max(2, -exponent if isinstance(exponent, int) else 2)
    return f"{int(exact.scaleb(places)):,} in {10**places:,}"


def account_steps(harm: Harm) -> list[tuple[str, str]]:
    """What may be asked about an account, by the part that it played; empty when nothing ever is."""
    rows = [
        ("Put it up", harm.account_steps.uploaded),
        ("Passed it on", harm.account_steps.disseminated),
        ("Took part in it", harm.account_steps.engaged),
    ]
    if all(steps == (AccountStep.NONE,) for _, steps in rows):
        return []
    return [(part, ", then ".join(step.words.lower() for step in steps).capitalize()) for part, steps in rows]


def exemptions(code: Code, harm: Harm) -> list[Exemption]:
    """The reasons to leave such content up, in the harm's order."""
    known = {exemption.id: exemption for exemption in code.exemptions}
    return [known[slug] for slug in harm.exemptions]


def support(code: Code, harm: Harm) -> list[tuple[str, tuple[SupportLine, ...]]]:
    """Who is pointed to, for whom; only lines that may be shown."""
    offered = [
        ("The person who posted it", harm.support.author),
        ("People who see it", harm.support.viewer),
        ("Whoever reports it", harm.support.reporter),
    ]
    shown = [(whom, code.shown_support(lines)) for whom, lines in offered]
    return [(whom, lines) for whom, lines in shown if lines]
