"""Communities, the signals that are shared in them, and who has which."""

from seawall.hub.exchange.models.community import Agreement, Community, Member, Part, Tlp
from seawall.hub.exchange.models.label import IssuedLabel, LabelGround, LabelStream
from seawall.hub.exchange.models.pull import Pull
from seawall.hub.exchange.models.recipient import Acknowledgement, Recipient, Reminder, ReminderStep, Surface
from seawall.hub.exchange.models.sighting import How, Sighting
from seawall.hub.exchange.models.signal import Change, Opinion, OpinionKind, Reason, Signal, SignalState

__all__ = [
    "Acknowledgement",
    "Agreement",
    "Change",
    "Community",
    "How",
    "IssuedLabel",
    "LabelGround",
    "LabelStream",
    "Member",
    "Opinion",
    "OpinionKind",
    "Part",
    "Pull",
    "Reason",
    "Recipient",
    "Reminder",
    "ReminderStep",
    "Sighting",
    "Signal",
    "SignalState",
    "Surface",
    "Tlp",
]
