"""A case's referrals, as its page shows them."""

from __future__ import annotations

from seawall.hub import moment
from seawall.hub.casework.models import Case
from seawall.hub.casework.panels import Panel
from seawall.hub.directory.models import Person
from seawall.hub.referrals import queries, words


def referrals_panel(case: Case, person: Person) -> Panel | None:
    """The referrals of a case that the person may see the inside of; None when there are none."""
    found = queries.referrals_of_case(case.pk) if case.desk_id in person.desk_ids() else []
    if not found:
        return None
    rows = []
    for referral in found:
        answers, probes = list(referral.answers.all()), list(referral.probes.all())
        rows.append(
            {
                "referral": referral,
                "clock": referral.clock(),
                "colour": words.STATE_COLOURS[referral.state],
                "said": words.answer_in_words(status=answers[-1].status, reason_code=answers[-1].reason_code)
                if answers
                else "",
                "seen": words.SEEN.get(probes[-1].state, probes[-1].state) if probes else "",
            }
        )
    return Panel(
        title="Referrals" if len(rows) > 1 else "Referral",
        template="referrals/parts/panel.html",
        context={"rows": rows, "now": moment.now()},
    )
