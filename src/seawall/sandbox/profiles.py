"""How each of the four platforms behaves: a pure function of the platform, the post and the referral.

The shares and delays are invented so that every path of a referral occurs; they describe no real platform. Every draw
is a hash, so two runs over the same posts give the same answers after the same delays.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from seawall.channels import ReferralDocument

StepKind = Literal["queue", "process", "ask", "dispute", "decide", "give_up", "restore"]

_NORMAL = NormalDist()
_SHORTEST, _LONGEST = 5.0, 30 * 86_400.0
PATIENCE = dt.timedelta(days=7)
REAPPEARS_AFTER = dt.timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Delay:
    """A log-normal delay: its median in seconds and the spread of its logarithm."""

    median: float
    sigma: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One platform's character. Every share is of the posts referred to it, 0 to 1.

    `silent` never answer; `asks` ask for more first; of those decided, `refuses_voluntary` or `refuses_notice` are
    refused, `disputes` of these after calling the referral wrong; of those accepted, `claims_falsely` are said to be
    actioned and stay up, `restricts` are withheld instead of removed and, of those removed, `reappears` are back after
    three days.
    """

    name: str
    title: str
    about: str
    silent: float
    asks: float
    refuses_voluntary: float
    refuses_notice: float
    disputes: float
    claims_falsely: float
    restricts: float
    reappears: float
    reading: Delay
    deciding: Delay
    rule: str
    rule_dated: dt.date


@dataclass(frozen=True, slots=True)
class Step:
    """Something the platform will do at `due_at`."""

    due_at: dt.datetime
    kind: StepKind


PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile(
            name="harbour",
            title="Harbour",
            about="Prompt; accepts most of what it is sent.",
            silent=0.02,
            asks=0.05,
            refuses_voluntary=0.12,
            refuses_notice=0.05,
            disputes=0.0,
            claims_falsely=0.0,
            restricts=0.10,
            reappears=0.0,
            reading=Delay(120, 0.6),
            deciding=Delay(35 * 60, 0.9),
            rule="Community rule 4: do not threaten, degrade or endanger others.",
            rule_dated=dt.date(2026, 3, 1),
        ),
        Profile(
            name="kestrel",
            title="Kestrel",
            about="Careful; refuses many voluntary referrals and says why, and disputes some.",
            silent=0.05,
            asks=0.08,
            refuses_voluntary=0.55,
            refuses_notice=0.30,
            disputes=0.10,
            claims_falsely=0.0,
            restricts=0.20,
            reappears=0.03,
            reading=Delay(15 * 60, 0.7),
            deciding=Delay(5 * 3_600, 1.0),
            rule="House rule 2: no harassment and no incitement.",
            rule_dated=dt.date(2025, 11, 15),
        ),
        Profile(
            name="driftwood",
            title="Driftwood",
            about="Asks for more information more often than not, then decides.",
            silent=0.08,
            asks=0.60,
            refuses_voluntary=0.25,
            refuses_notice=0.15,
            disputes=0.0,
            claims_falsely=0.02,
            restricts=0.15,
            reappears=0.10,
            reading=Delay(40 * 60, 0.8),
            deciding=Delay(9 * 3_600, 0.8),
            rule="Terms of use 7.1: content that is unlawful or harmful to others.",
            rule_dated=dt.date(2026, 1, 10),
        ),
        Profile(
            name="saltmarsh",
            title="Saltmarsh",
            about="Mostly silent; some of what it says it removed is still there.",
            silent=0.70,
            asks=0.03,
            refuses_voluntary=0.30,
            refuses_notice=0.20,
            disputes=0.0,
            claims_falsely=0.30,
            restricts=0.05,
            reappears=0.15,
            reading=Delay(3 * 3_600, 0.9),
            deciding=Delay(30 * 3_600, 1.2),
            rule="Rule 1: be decent.",
            rule_dated=dt.date(2024, 6, 1),
        ),
    )
}

OBJECTIONS = (
    "We hold this referral to be wrong: in its thread the post means something else. Please look again.",
    "We dispute the grounds: the post quotes somebody else in order to criticise it. Please say what we overlook.",
)
REFUSALS = (
    "We reviewed the post and find that it is within our rules.",
    "The post quotes somebody else in order to criticise it.",
    "The grounds given do not fit the post as we read it in its thread.",
    "We see no reasonable grounds to infer the intent that the offence needs.",
)
QUESTIONS = (
    "Please say which words of the post you rely on.",
    "Please say what is known about the person addressed.",
    "Please say why the context does not change the meaning.",
)


def draw(platform: str, native_id: str, about: str) -> float:
    """Return a number in [0, 1) that depends on nothing but its arguments."""
    post = hashlib.sha256(native_id.encode("utf-8")).hexdigest()
    digest = hashlib.sha256(f"{platform}|{post}|{about}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / (1 << 48)


def pick(choices: tuple[str, ...], platform: str, native_id: str, about: str) -> str:
    """Return one of `choices`, always the same for the same arguments."""
    return choices[int(draw(platform, native_id, about) * len(choices))]


def wait(delay: Delay, platform: str, native_id: str, about: str) -> dt.timedelta:
    """Return a delay drawn from the log-normal `delay`, between 5 seconds and 30 days, in whole milliseconds."""
    # Half a step keeps the draw off 0, where the normal quantile is minus infinity.
    quantile = _NORMAL.inv_cdf(draw(platform, native_id, about) + 2.0**-50)
    seconds = delay.median * math.exp(delay.sigma * quantile)
    return dt.timedelta(milliseconds=round(1_000 * min(max(seconds, _SHORTEST), _LONGEST)))


def after_receipt(profile: Profile, document: ReferralDocument, received_at: dt.datetime) -> list[Step]:
    """Return what the platform will do of its own accord once it has `document`."""
    post = document.content.native_id
    if draw(profile.name, post, "silent") < profile.silent:
        return []
    read_at = received_at + wait(profile.reading, profile.name, post, "reading")
    steps = [Step(received_at, "queue")]
    if draw(profile.name, post, "asks") < profile.asks:
        return [*steps, Step(read_at, "ask"), Step(read_at + PATIENCE, "give_up")]
    steps, decision = [*steps, Step(read_at, "process")], deciding(profile, document)
    if disputes(profile, document):
        steps.append(Step(read_at + decision / 2, "dispute"))
    return [*steps, Step(read_at + decision, "decide")]


def deciding(profile: Profile, document: ReferralDocument) -> dt.timedelta:
    """Return how long the platform takes to decide, once it has read everything."""
    return wait(profile.deciding, profile.name, document.content.native_id, "deciding")


def accepts(profile: Profile, document: ReferralDocument) -> bool:
    """Tell whether the platform does what is asked. A notice or an order is refused less often than advice."""
    refuses = profile.refuses_voluntary if document.kind == "voluntary" else profile.refuses_notice
    return draw(profile.name, document.content.native_id, "refuses") >= refuses


def disputes(profile: Profile, document: ReferralDocument) -> bool:
    """Tell whether the platform calls a referral wrong before it refuses it."""
    return (
        not accepts(profile, document) and draw(profile.name, document.content.native_id, "disputes") < profile.disputes
    )


def claims_falsely(profile: Profile, document: ReferralDocument) -> bool:
    """Tell whether the platform, having accepted, only says so."""
    return draw(profile.name, document.content.native_id, "false claim") < profile.claims_falsely


def action(profile: Profile, document: ReferralDocument) -> Literal["removed", "restricted", "demoted", "labelled"]:
    """Return what the platform does to a post that it accepts to act on."""
    if document.requested_action == "demote":
        return "demoted"
    if document.requested_action == "label":
        return "labelled"
    if document.requested_action == "restrict_age":
        return "restricted"
    return (
        "restricted" if draw(profile.name, document.content.native_id, "restricts") < profile.restricts else "removed"
    )


def reappears(profile: Profile, native_id: str) -> bool:
    """Tell whether a post that was removed comes back up."""
    return draw(profile.name, native_id, "reappears") < profile.reappears
