"""What may be said in public as a label. Everything that is not listed here stays unsaid.

A label is read by everybody and says what was decided about somebody's words. So only harms are labelled of which the code of practice
lets something be shared, which go to the platform as a referral from the general desk, and which speak of what was done to others. Not
labelled are self-harm, suicide and eating disorders (a label would mark a person at risk, and a list of such labels would lead others
there), what is handed over to the police, sales of weapons (a list would be a catalogue), and whatever concerns candidates.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from seawall.hub.exchange.models import Community, Signal, SignalState, Tlp
from seawall.hub.exchange.models.recipient import CARRIES, Surface
from seawall.hub.exchange.rules import NotAllowed
from seawall.hub.practice.queries import current_code
from seawall.hub.practice.schema import Code
from seawall.hub.practice.vocabulary import Partition, Route, Shareable

KINDS = CARRIES[Surface.LABELS.value]


@dataclass(frozen=True, kw_only=True)
class Value:
    """A label's value: at most 100 characters of a-z and hyphens (lexicon com.atproto.label.defs#labelValueDefinition).

    `words` has the name and the description by language.
    """

    val: str
    words: dict[str, tuple[str, str]]


VALUES = {
    "hate-stirring": Value(
        val="stirring-up-hatred",
        words={
            "en": (
                "Stirring up hatred",
                (
                    "A person at an organisation that shares its decisions through this hub decided that this stirs up hatred against "
                    "a group of people. The decision can be appealed. If it falls, the label is taken back."
                ),
            ),
            "cy": (
                "Ennyn casineb",
                (
                    "Penderfynodd person mewn sefydliad sy’n rhannu ei benderfyniadau drwy’r hwb hwn fod hyn yn ennyn casineb yn erbyn "
                    "grŵp o bobl. Gellir apelio yn erbyn y penderfyniad. Os bydd yn methu, caiff y label ei dynnu’n ôl."
                ),
            ),
        },
    ),
    "vio-threat": Value(
        val="threat-of-violence",
        words={
            "en": (
                "Threat of violence",
                (
                    "A person at an organisation that shares its decisions through this hub decided that this threatens to kill or "
                    "seriously hurt somebody. The decision can be appealed. If it falls, the label is taken back."
                ),
            ),
            "cy": (
                "Bygythiad o drais",
                (
                    "Penderfynodd person mewn sefydliad sy’n rhannu ei benderfyniadau drwy’r hwb hwn fod hyn yn bygwth lladd neu "
                    "anafu rhywun yn ddifrifol. Gellir apelio yn erbyn y penderfyniad. Os bydd yn methu, caiff y label ei dynnu’n ôl."
                ),
            ),
        },
    ),
}
"""The value for each harm that may be labelled."""


def values_now(code: Code | None = None) -> dict[str, Value]:
    """The values that may be used under the code of practice in force, by harm: what it narrows is published no more."""
    code = code or current_code()
    return {
        harm.id: VALUES[harm.id]
        for harm in code.harms
        if harm.id in VALUES
        and harm.shareable_signal is not Shareable.NONE
        and harm.route is Route.REFERRAL
        and harm.partition is Partition.GENERAL
        and not harm.protected
        and not harm.welfare_route
    }


def may_publish(*, community: Community) -> None:
    """Raise NotAllowed where a community with these rules could never publish a label."""
    if not KINDS & set(community.kinds):
        raise NotAllowed("Only addresses become labels. Share addresses, or publish no labels.")
    if not set(values_now()) & set(community.harms):
        raise NotAllowed(
            f"Labels are published of {', '.join(sorted(values_now()))} only. Share one of these harms, or publish none."
        )


def may_be_labelled(signal: Signal, harms: Iterable[str]) -> bool:
    """Whether a signal of a community that publishes labels is said in public.

    It is in use, TLP:CLEAR, of a harm among `harms`, of no demonstration, and its decision can be appealed at an address that anybody
    can open. Accounts never are: the code of practice lets them be shared between platforms only.
    """
    return (
        signal.state == SignalState.ACTIVE
        and signal.kind in KINDS
        and signal.tlp == Tlp.CLEAR
        and signal.harm in harms
        and signal.appeal_url.startswith("https://")
        and not signal.demonstration
    )
