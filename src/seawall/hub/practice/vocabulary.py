"""The words that the code of practice is written in: each enum value with its plain meaning. Pure: no Django."""

from __future__ import annotations

from seawall.clock import WordedEnum


class HarmBasis(WordedEnum):
    """Why a harm is a harm. It decides what a referral must cite."""

    ILLEGAL_PRIORITY = ("illegal_priority", "A priority offence under the Online Safety Act")
    ILLEGAL_OTHER = ("illegal_other", "Another offence")
    CHILD_HARM = ("child_harm", "Harmful to children under the Online Safety Act")
    TERMS_ONLY = ("terms_only", "Against the platform's own rules, not against the law")
    WELFARE = ("welfare", "Somebody may need help; no rule is broken")
    PROTECTED = ("protected", "Protected: a source of support")


class Referrer(WordedEnum):
    """Who may start a referral for a harm."""

    PUBLIC = ("public", "Anyone")
    TRUSTED_FLAGGER = ("trusted_flagger", "A trusted flagger")
    POLICE = ("police", "Police")
    ELECTORAL = ("electoral", "Electoral authorities")
    CLINICIAN = ("clinician", "Clinicians")


class Action(WordedEnum):
    """What a referral asks a platform to do with the content."""

    REMOVE = ("remove", "Remove")
    RESTRICT_AGE = ("restrict_age", "Show to adults only")
    DEMOTE = ("demote", "Stop recommending")
    LABEL = ("label", "Add a label or a link")
    SUPPORT_ONLY = ("support_only", "Offer support, leave it up")
    NONE = ("none", "Ask for nothing")


class AccountStep(WordedEnum):
    """What a platform may be asked to do about an account."""

    NONE = ("none", "Nothing")
    WARN = ("warn", "Warn")
    RESTRICT = ("restrict", "Restrict")
    SUSPEND = ("suspend", "Suspend")
    TERMINATE = ("terminate", "Close")


class Shareable(WordedEnum):
    """What about the content may be shared so that it does not come back elsewhere."""

    NONE = ("none", "Nothing")
    HASH = ("hash", "A hash of the media")
    URL = ("url", "The address")
    ACCOUNT = ("account", "The account, between platforms only")


class Partition(WordedEnum):
    """The desk whose queue a case goes to."""

    GENERAL = ("general", "General desk")
    WELFARE = ("welfare", "Welfare desk")
    CANDIDATE_SUPPORT = ("candidate_support", "Candidate support desk")
    POLICE = ("police", "Police desk")


class Route(WordedEnum):
    """How a case ends when the reviewer finds that the harm is there."""

    REFERRAL = ("referral", "Refer to the platform, which decides")
    SUPPORT_ONLY = ("support_only", "Offer support")
    HAND_OFF = ("hand_off", "Hand over to the body in charge")
    FORMAL_NOTICE = ("formal_notice", "Give a formal notice under a statute")


class RestsOn(WordedEnum):
    """What a decision to refer may rest on: safeguard 1 permits nothing else."""

    OFFENCE = ("offence", "An offence, element by element")
    DATED_TERM = ("dated_term", "A platform's published rule, with the date it was read")


class Checked(WordedEnum):
    """How far a fact was checked. Only `VERIFIED` is shown to people as fact."""

    VERIFIED = ("verified", "Read in the source's own text")
    SECOND_HAND = ("second_hand", "Read in somebody else's words")
    MEMORY = ("memory", "From memory, to be checked")
    NOT_VERIFIED = ("not_verified", "Not checked")


class RefKind(WordedEnum):
    """What a legal reference is. Only an offence can carry a decision by its elements."""

    OFFENCE = ("offence", "An offence")
    CHILD_HARM = ("child_harm", "A kind of content harmful to children")
    NOTICE_POWER = ("notice_power", "A power to give a notice")
    DUTY = ("duty", "A duty on platforms")


class Family(WordedEnum):
    """What a detector looks for."""

    SUICIDE_SELF_HARM = ("suicide_self_harm", "Suicide and self-harm")
    AT_RISK = ("at_risk", "A person at risk")
    EATING_DISORDER = ("eating_disorder", "Eating disorders")
    VIOLENT_THREAT = ("violent_threat", "Threats of violence")
    GANG_WEAPONS = ("gang_weapons", "Gangs and weapons")
    ABUSE = ("abuse", "Abuse")
    HATE = ("hate", "Hate")
    HEALTH_MISINFORMATION = ("health_misinformation", "Health misinformation")


class Context(WordedEnum):
    """What a detector says about the setting of a post."""

    RECOVERY_SUPPORT = ("recovery_support", "Recovery and support")
    BEREAVEMENT = ("bereavement", "Grief and remembrance")
    NEWS = ("news", "News")
    ART = ("art", "Art, music, fiction")
    COUNTER_SPEECH = ("counter_speech", "Speaking up against harm")
    DEMOCRATIC = ("democratic", "Political debate")
    EDUCATION_PREVENTION = ("education_prevention", "Education and prevention")
    IDIOM = ("idiom", "A turn of phrase")


class InElection(WordedEnum):
    """What an election period does to a harm's time limits."""

    UNCHANGED = ("unchanged", "Unchanged")
    HALVED = ("halved", "Halved")


class Step(WordedEnum):
    """The three steps that a harm's clock times."""

    TRIAGE = ("triage", "First look")
    DECISION = ("decision", "Decision")
    ACTION = ("action", "Action by the recipient")


class InForce(WordedEnum):
    """Whether a law applies today, as far as was checked."""

    IN_FORCE = ("in_force", "In force")
    REPLACED = ("replaced", "Replaced by later law")
    NOT_CHECKED = ("not_checked", "Enacted; whether it is in force was not checked")
