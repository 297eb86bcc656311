"""What the person whose post was referred is told: the words, when they may come later, and what the person says to them."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q

from seawall.hub.casework.models import Case
from seawall.hub.directory.models import Desk, Person, Platform
from seawall.hub.identifiers import new_id
from seawall.hub.referrals.models.referral import Referral

LONGEST_DELAY = timedelta(days=28)
"""The longest that one approval may put the notice off. A proposal of this hub, set by no statute."""
LONGEST_IN_ALL = timedelta(days=90)
"""The longest that a notice may be put off by all approvals together. A proposal of this hub, set by no statute."""


def notice_secret() -> str:
    """The last part of a public page's address: 192 bits that nobody can guess."""
    return secrets.token_urlsafe(24)


class NoticeText(models.Model):
    """A version of the words, with slots, for every platform or for one. The newest of a platform and language counts."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    platform = models.ForeignKey(
        Platform,
        on_delete=models.PROTECT,
        null=True,
        related_name="notice_texts",
        db_comment="Null: for every platform",
    )
    language = models.CharField(max_length=35)
    version = models.PositiveIntegerField()
    text = models.TextField()
    adopted_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="notice_texts")
    adopted_at = models.DateTimeField()

    class Meta:
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["platform", "language", "version"], name="one_notice_text_per_version", nulls_distinct=False
            ),
            models.CheckConstraint(condition=Q(version__gte=1), name="a_notice_text_has_a_version"),
        ]

    def __str__(self) -> str:
        return f"{self.platform or 'every platform'}, {self.language}, version {self.version}"


class ComplaintRoute(models.Model):
    """How people complain to a platform about what it did to their post, as somebody read it on a day. The newest counts."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="complaint_routes")
    address = models.CharField(max_length=500, db_comment="A page (https) or a mail address")
    days = models.PositiveSmallIntegerField(null=True, db_comment="Within how many days; null where none is known")
    source_url = models.URLField(max_length=500, db_comment="Where the platform says so")
    last_checked = models.DateField()
    entered_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="complaint_routes")
    entered_at = models.DateTimeField()

    class Meta:
        ordering = ["-entered_at", "-id"]

    def __str__(self) -> str:
        return f"{self.platform}: {self.address}"


class LeftOut(models.TextChoices):
    """Why a referral has no notice at all."""

    AT_RISK = "at_risk", "The person may be at risk: they are offered support, and are not told of a referral"


class Released(models.TextChoices):
    """Why the platform may show the words."""

    AT_ONCE = "at_once", "Nobody asked for a delay"
    EXPIRED = "expired", "The delay is over"
    ENDED = "ended", "The delay was ended early"


class UserNotice(models.Model):
    """The words that a platform is asked to show to whoever posted it.

    The secret stands in the text that the platform receives and that is kept with the referral, so a digest of it would hide nothing.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    referral = models.OneToOneField(Referral, on_delete=models.CASCADE, related_name="user_notice")
    secret = models.CharField(max_length=64, unique=True, default=notice_secret, editable=False)
    left_out = models.CharField(max_length=20, choices=LeftOut, blank=True)
    text = models.TextField(blank=True)
    language = models.CharField(max_length=35)
    wording = models.ForeignKey(
        NoticeText, on_delete=models.PROTECT, null=True, related_name="notices", db_comment="Null: the shipped words"
    )
    made_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True, db_comment="From when the platform may show the words")
    released_because = models.CharField(max_length=20, choices=Released, blank=True)
    reached_at = models.DateTimeField(null=True, db_comment="When the platform had the words")
    by_hand = models.BooleanField(default=False, db_comment="The channel cannot carry them: a person has to")
    problem = models.TextField(blank=True)
    note = models.TextField(blank=True, db_comment="What a person wrote who passed the words on by hand")
    user_told = models.BooleanField(null=True, db_comment="What the platform says: whether it told the person")
    user_told_at = models.DateTimeField(null=True, db_comment="When the platform said so")
    user_told_way = models.CharField(max_length=20, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(Q(left_out="") & ~Q(text="")) | (~Q(left_out="") & Q(text="", released_at=None)),
                name="a_notice_has_words_or_is_left_out",
            ),
        ]
        indexes = [models.Index(fields=["made_at"], condition=Q(released_at=None, left_out=""), name="notices_delayed")]

    def __str__(self) -> str:
        return f"notice for {self.referral_id}"

    def delayed_until(self) -> datetime | None:
        """The end of the delay in force or just over, from its approvals; None where there was none or it was released."""
        if self.left_out or self.released_at is not None:
            return None
        return max((delay.until for delay in self.delays.all() if delay.until is not None), default=self.made_at)

    def shown_at(self, now: datetime) -> bool:
        """Whether the words may be shown at `now`: also when the job that says so to the platform has not run yet."""
        until = self.delayed_until()
        return not self.left_out and (until is None or until <= now)


class DelayReason(models.TextChoices):
    """The published list of reasons for which a person may be told later."""

    LIFE = "life", "Telling them now would put somebody’s life or safety at risk"
    INVESTIGATION = "investigation", "It would harm an investigation by the body that refers, which is named below"
    EVIDENCE = "evidence", "There is a risk that evidence is destroyed"


class NoticeDelay(models.Model):
    """Somebody asked that a person is told later. It counts only once somebody else approved it, and it always ends."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="notice_delays")
    desk = models.ForeignKey(Desk, on_delete=models.PROTECT, related_name="notice_delays")
    notice = models.ForeignKey(
        UserNotice,
        on_delete=models.CASCADE,
        null=True,
        related_name="delays",
        db_comment="Null until the referral is made",
    )
    reason = models.CharField(max_length=20, choices=DelayReason)
    words = models.TextField()
    days = models.PositiveSmallIntegerField(db_comment="For how long it was asked")
    asked_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="notice_delays_asked")
    asked_role = models.CharField(max_length=30)
    asked_at = models.DateTimeField()
    answered_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="notice_delays_answered")
    answered_role = models.CharField(max_length=30, blank=True)
    answered_at = models.DateTimeField(null=True)
    approved = models.BooleanField(null=True)
    answer = models.TextField(blank=True)
    until = models.DateTimeField(null=True, db_comment="The end of an approved delay")
    lapsed_at = models.DateTimeField(null=True, db_comment="When nobody had answered in time")
    ended_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="notice_delays_ended")
    ended_at = models.DateTimeField(null=True)
    ended_because = models.TextField(blank=True)
    told_at = models.DateTimeField(null=True, db_comment="When the platform knew of this end")

    class Meta:
        ordering = ["-asked_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["case"], condition=Q(answered_at=None, lapsed_at=None), name="one_open_notice_delay_per_case"
            ),
            models.CheckConstraint(condition=~Q(words=""), name="a_notice_delay_has_reasons"),
            models.CheckConstraint(condition=~Q(answered_by=F("asked_by")), name="a_notice_delay_has_two_people"),
            models.CheckConstraint(
                condition=Q(approved=True, until__isnull=False, answered_by__isnull=False, answered_at__isnull=False)
                | (Q(until=None) & (Q(approved=False) | Q(approved=None))),
                name="an_approved_notice_delay_ends",
            ),
            models.CheckConstraint(
                condition=Q(until=None) | Q(until__lte=F("answered_at") + LONGEST_DELAY),
                name="a_notice_delay_is_short",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reason}, until {self.until or 'nobody knows yet'}"

    @property
    def is_open(self) -> bool:
        """Whether it waits for an answer."""
        return self.answered_at is None and self.lapsed_at is None


class Objection(models.Model):
    """Somebody who was told of a referral writes that it was wrong. No account; a mail address only if they gave one."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    notice = models.ForeignKey(UserNotice, on_delete=models.CASCADE, related_name="objections")
    text = models.TextField()
    mail = models.EmailField(blank=True, db_comment="Kept until the answer is mailed, then deleted")
    made_at = models.DateTimeField()
    answered_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="objections_answered")
    answered_at = models.DateTimeField(null=True)
    upheld = models.BooleanField(null=True)
    answer = models.TextField(blank=True)

    class Meta:
        ordering = ["made_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["notice"], condition=Q(answered_at=None), name="one_open_objection_per_notice"
            ),
            models.CheckConstraint(
                condition=Q(answered_at=None, upheld=None)
                | (Q(answered_at__isnull=False, upheld__isnull=False, answered_by__isnull=False) & ~Q(answer="")),
                name="an_answered_objection_has_reasons",
            ),
        ]

    def __str__(self) -> str:
        return f"objection to {self.notice.referral_id}"
