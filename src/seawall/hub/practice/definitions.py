"""What a code of practice says each family of harm is, in words for a policy model. Pure: no Django."""

from __future__ import annotations

from seawall.hub.practice.schema import Code, Harm
from seawall.hub.practice.vocabulary import Family


def definitions_of(code: Code) -> dict[str, str]:
    """Family -> its definition: those of the harms for which a finding of that family opens a case.

    A family for which the code opens no case is left out, so a policy model is not asked about it.
    """
    found: dict[str, list[str]] = {}
    for family in Family:
        for harm in code.harms_for_family(family.value):
            found.setdefault(family.value, []).append(_told(harm))
    return {family: "\n".join(parts) for family, parts in found.items()}


def _told(harm: Harm) -> str:
    return (
        f"{harm.title}. {harm.definition}\n"
        f"It includes: {'; '.join(harm.includes)}.\n"
        f"It does not include: {'; '.join(harm.excludes)}."
    )
