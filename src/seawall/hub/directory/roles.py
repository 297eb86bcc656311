"""The roles of the hub and the partitions that keep desks apart."""

from django.db import models


class Role(models.TextChoices):
    """What a person may do. Powers are given by the table in `seawall.hub.access` and by the services' own checks."""

    ANALYST = "analyst", "Analyst"
    SECOND_REVIEWER = "second_reviewer", "Second reviewer"
    WELFARE_LEAD = "welfare_lead", "Welfare lead"
    POLICE_USER = "police_user", "Police user"
    AUTHORISING_OFFICER = "authorising_officer", "Authorising officer"
    PLATFORM_CONTACT = "platform_contact", "Platform contact"
    PANEL_MEMBER = "panel_member", "Lived-experience panel member"
    OMBUDSMAN = "ombudsman", "Ombudsman"
    OVERSEER = "overseer", "Independent overseer"
    AUDITOR = "auditor", "Data-protection officer and auditor"
    REGULATOR = "regulator", "Regulator"
    ADMINISTRATOR = "administrator", "Administrator"


class Partition(models.TextChoices):
    """A wall between desks: what lies in one is not seen from another."""

    GENERAL = "general", "General"
    WELFARE = "welfare", "Welfare"
    CANDIDATE_SUPPORT = "candidate_support", "Candidate support"
    POLICE = "police", "Police"


WHAT_A_ROLE_DOES: dict[Role, str] = {
    Role.ANALYST: "Works the queue of a desk: reads posts, claims cases and decides them.",
    Role.SECOND_REVIEWER: "Reviews the decisions of others where the code of practice asks for a second person.",
    Role.WELFARE_LEAD: "Decides on support for people at risk, at a welfare desk.",
    Role.POLICE_USER: "Works cases at the police desk, and sees no other desk.",
    Role.AUTHORISING_OFFICER: "Authorises formal notices at the police desk.",
    Role.PLATFORM_CONTACT: "Sees the referrals to their own platform.",
    Role.PANEL_MEMBER: "Advises from lived experience. Sees no content and no people.",
    Role.OMBUDSMAN: "Follows up complaints of children and their families, and sees the figures.",
    Role.OVERSEER: "Oversees referrals and the ledger, independently of the hub.",
    Role.AUDITOR: "Reads the directory and the ledger, and changes nothing.",
    Role.REGULATOR: "Sees the figures of platforms and the ledger.",
    Role.ADMINISTRATOR: "Looks after people and their roles. Sees no content.",
}
"""One sentence about each role, for whoever gives it and whoever tries it out."""

KEPT_FROM_POLICE = frozenset({Partition.WELFARE, Partition.CANDIDATE_SUPPORT})
"""What has once lain in one of these never reaches a police desk, by whatever way round."""

CASEWORKERS = frozenset(
    {Role.ANALYST, Role.SECOND_REVIEWER, Role.WELFARE_LEAD, Role.POLICE_USER, Role.AUTHORISING_OFFICER}
)
"""Roles that see content: only at their own desk, and only with a case or a feed there."""

ROLES_OF_A_PARTITION: dict[Partition, frozenset[Role]] = {
    Partition.GENERAL: frozenset({Role.ANALYST, Role.SECOND_REVIEWER}),
    Partition.WELFARE: frozenset({Role.ANALYST, Role.SECOND_REVIEWER, Role.WELFARE_LEAD}),
    Partition.CANDIDATE_SUPPORT: frozenset({Role.ANALYST, Role.SECOND_REVIEWER}),
    Partition.POLICE: frozenset({Role.POLICE_USER, Role.AUTHORISING_OFFICER}),
}
"""Which roles may be given at a desk of a partition: the police hold none outside their own."""

ROLES_WITHOUT_A_DESK = frozenset(set(Role) - CASEWORKERS)
