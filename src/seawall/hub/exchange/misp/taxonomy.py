"""The taxonomy “online-harms”, made from the code of practice in force. Pure.

MISP ships no taxonomy that has words for these harms. The form is that of misp-taxonomies (its schema.json): a namespace, predicates, and
values of predicates, which join to tags such as `online-harms:harm="hate-stirring"`.
"""

from __future__ import annotations

from typing import Any

from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.practice.schema import Code

NAMESPACE = "online-harms"
HARM, SEVERITY, SIGNAL, STATE, DEMONSTRATION = "harm", "severity", "signal", "state", "demonstration"
_SEVERITIES = ("slight", "moderate", "serious", "grave", "very grave")


def tag(predicate: str, value: str = "") -> str:
    """A tag of the taxonomy, as MISP writes it."""
    return f'{NAMESPACE}:{predicate}="{value}"' if value else f"{NAMESPACE}:{predicate}"


def machinetag(code: Code, *, version: int) -> dict[str, Any]:
    """The taxonomy as the file `machinetag.json`. `version` must rise with every change: MISP takes an update by it."""
    predicates = [
        (HARM, "Harm", f"What the harm is, by the code of practice {code.id} {code.version}."),
        (SEVERITY, "Severity", "How grave the harm is, from 1 to 5, as whoever shared it judged it."),
        (SIGNAL, "Kind of signal", "What the value is, where no type of MISP says it."),
        (STATE, "State", "Whether it may be acted on."),
        (DEMONSTRATION, "Demonstration", "Made up, to show how a hub works. Not to be acted on."),
    ]
    values = {
        HARM: [
            {"value": harm.id, "expanded": harm.title, "description": harm.plain}
            for harm in sorted(code.harms, key=lambda harm: harm.id)
        ],
        SEVERITY: [
            {"value": str(number), "expanded": f"{number} of 5: {word}", "numerical_value": number * 20}
            for number, word in enumerate(_SEVERITIES, start=1)
        ],
        SIGNAL: [{"value": kind.value, "expanded": kind.words} for kind in SignalKind],
        STATE: [
            {"value": "disputed", "expanded": "Disputed: not to be acted on until it is settled"},
            {"value": "withdrawn", "expanded": "Withdrawn"},
            {"value": "expired", "expanded": "Expired"},
        ],
    }
    return {
        "namespace": NAMESPACE,
        "expanded": "Online harms",
        "description": "Harms that people meet online, as the code of practice of a hub defines them.",
        "version": version,
        "type": ["event", "attribute"],
        "predicates": [
            {"value": value, "expanded": expanded, "description": description}
            for value, expanded, description in predicates
        ],
        "values": [{"predicate": predicate, "entry": entry} for predicate, entry in values.items()],
    }
