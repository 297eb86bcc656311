"""How signals are written in the StopNCII protocol, and how its feedback is read. Pure.

The protocol has no published text; the source of every name is the client that `threatexchange` 1.2.17 ships
(`threatexchange.exchanges.clients.stopncii.api`), and what it does with each is in docs/reference/exchange/threatexchange.md.
"""

from __future__ import annotations

from typing import Any

from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.models import OpinionKind, Signal, SignalState

Record = dict[str, Any]

TYPES = {
    SignalKind.PDQ: "ImagePDQ",
    SignalKind.VIDEO_MD5: "VideoMD5",
    SignalKind.URL: "URL",
    SignalKind.TEXT: "Text",
}
"""StopNCIISignalType of each kind of signal that the protocol can carry."""

STATUS = {
    SignalState.ACTIVE: "Active",
    SignalState.DISPUTED: "Withdrawn",
    SignalState.WITHDRAWN: "Withdrawn",
    SignalState.EXPIRED: "Deleted",
}
"""StopNCIICaseStatus: Withdrawn and Deleted are both “should be deleted by client”."""

DISAGREE = "disagree"
"""The tag by which NotBlocked says that a signal is wrong, and not only that it is not harmful here."""

FEEDBACK = frozenset(
    {"Unknown", "None", "QualityUnknown", "PendingReview", "Blocked", "NotBlocked", "Withdrawn", "Deleted"}
)
"""StopNCIICSPFeedbackValue."""


def record_of(signal: Signal, *, source: str) -> Record:
    """A signal as a StopNCIIHashRecord; `source` names the community.

    What is in use no more says so twice: by `hashStatus`, and by the feedback NotBlocked, since the stock client reads the second only.
    Who shared it is not told, as in every surface.
    """
    state = SignalState(signal.state)
    active = state is SignalState.ACTIVE
    tags = [
        f"harm:{signal.harm}",
        f"severity:{signal.severity}",
        f"confidence:{signal.confidence}",
        f"tlp:{signal.tlp}",
    ]
    if not active:
        tags.append(str(state))
    if signal.demonstration:
        tags.append("demonstration")
    return {
        "lastModtimestamp": int(signal.changed_at.timestamp()),
        "signalType": TYPES[SignalKind(signal.kind)],
        "hashValue": signal.value,
        "hashStatus": STATUS[state],
        "caseNumbers": {str(signal.pk): STATUS[state]},
        "CSPFeedbacks": [{"source": source, "feedbackValue": "Blocked" if active else "NotBlocked", "tags": tags}],
    }


def opinion_of(value: str, tags: frozenset[str]) -> OpinionKind | None:
    """What a feedback says of a signal; None where it says nothing that is an opinion (PendingReview: there was a match, and no more)."""
    if value == "Blocked":
        return OpinionKind.SEEN
    if value == "NotBlocked":
        return OpinionKind.DISAGREE if DISAGREE in tags else OpinionKind.NOT_HERE
    return None
