"""Posts and what is known of them. Content belongs to one desk at a time; nobody outside that desk sees it."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.fields import ArrayField
from django.db import models

from seawall.hub.directory.models import Desk, Person, Platform
from seawall.hub.identifiers import new_id


class IngestBatch(models.Model):
    """Posts that came in together, in one transaction."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    source = models.CharField(max_length=120, db_comment="What brought them: the file's name, or the adapter's")
    desk = models.ForeignKey(Desk, on_delete=models.PROTECT)
    taken_at = models.DateTimeField()
    received = models.PositiveIntegerField()
    new = models.PositiveIntegerField()
    revised = models.PositiveIntegerField()
    unchanged = models.PositiveIntegerField()
    merkle_root = models.BinaryField(max_length=32)
    assessed_at = models.DateTimeField(null=True)
    detector = models.CharField(max_length=60, blank=True)

    class Meta:
        indexes = [models.Index(fields=["assessed_at"], name="content_batch_assessed")]

    def __str__(self) -> str:
        return f"{self.source} at {self.taken_at:%Y-%m-%d %H:%M}"


class Account(models.Model):
    """An account on a platform, as far as a post of it was seen. Nobody keeps a score of it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    platform = models.ForeignKey(Platform, on_delete=models.PROTECT)
    handle = models.CharField(max_length=512)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["platform", "handle"], name="one_account_per_handle")]

    def __str__(self) -> str:
        return self.handle


ADDRESS_ONLY = "[Only the address was given.]"
"""What stands at the head of a post's text while all that is known of it is where it lies."""


class ContentQuerySet(models.QuerySet["Content"]):
    def visible_to(self, person: Person | AnonymousUser) -> ContentQuerySet:
        """What lies at the person's own desks; nothing for anybody else."""
        if not isinstance(person, Person):
            return self.none()
        return self.filter(desk__in=person.desk_ids())


class Content(models.Model):
    """A post as it was last seen."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    platform = models.ForeignKey(Platform, on_delete=models.PROTECT)
    native_id = models.CharField(max_length=512, db_comment="The platform's own identifier of the post")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, null=True)
    desk = models.ForeignKey(Desk, on_delete=models.PROTECT, db_comment="The one desk whose people see it")
    batch = models.ForeignKey(IngestBatch, on_delete=models.PROTECT, db_comment="The batch that brought this version")
    url = models.CharField(max_length=2048, blank=True)
    lang = models.CharField(max_length=35, blank=True)
    text = models.TextField()
    text_sha256 = models.BinaryField(max_length=32)
    version = models.PositiveIntegerField(default=1)
    kept_from_police = models.BooleanField(
        default=False, db_default=False, db_comment="It has lain with the welfare or the candidate-support desk"
    )
    posted_at = models.DateTimeField(null=True)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField(db_comment="When this version was first seen")

    objects = ContentQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "content"
        constraints = [models.UniqueConstraint(fields=["platform", "native_id"], name="one_content_per_native_id")]

    def __str__(self) -> str:
        return f"{self.platform_id} {self.native_id}"

    @property
    def text_known(self) -> bool:
        """Whether the text is the post's own: somebody may have told the hub of a link alone."""
        return not self.text.startswith(ADDRESS_ONLY)


class Revision(models.Model):
    """An earlier version of a post that was edited."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    content = models.ForeignKey(Content, on_delete=models.CASCADE, related_name="revisions")
    version = models.PositiveIntegerField()
    text = models.TextField()
    text_sha256 = models.BinaryField(max_length=32)
    seen_at = models.DateTimeField()
    replaced_at = models.DateTimeField()

    class Meta:
        ordering = ["version"]
        constraints = [models.UniqueConstraint(fields=["content", "version"], name="one_revision_per_version")]

    def __str__(self) -> str:
        return f"version {self.version}"


class Finding(models.Model):
    """What a detector said of one version of a post: that it flagged it, or that it could not read it.

    A hint to a person, never a decision.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    content = models.ForeignKey(Content, on_delete=models.CASCADE, related_name="findings")
    version = models.PositiveIntegerField(db_comment="The version of the post that was assessed")
    detector = models.CharField(max_length=60)
    families = models.JSONField(db_comment="Family to probability")
    flags = ArrayField(models.CharField(max_length=40), db_comment="Families above their threshold")
    context = models.JSONField(db_comment="Context label to probability")
    reasons = models.JSONField(db_comment="Spans of the text that moved the score, and senses of terms in it")
    withheld = models.JSONField(
        default=list, db_comment="Families that reached their threshold and were not flagged, and by which rule"
    )
    language = models.CharField(max_length=12, default="en", db_comment="ISO 639 code")
    assessed = models.BooleanField(
        default=True, db_comment="False: the models do not know the language, which is not the same as harmless"
    )
    depth = models.CharField(max_length=12, default="full", db_comment="How far the detector read: full or linear")
    degraded = models.BooleanField(default=False, db_comment="The operator's own model did not answer")
    assessed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["content", "version", "detector"], name="one_finding_per_version")
        ]

    def __str__(self) -> str:
        return ", ".join(self.flags)


class Reveal(models.Model):
    """A person chose to see masked content: counted, so that nobody is exposed beyond what is bearable."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    content = models.ForeignKey(Content, on_delete=models.CASCADE)
    person = models.ForeignKey(Person, on_delete=models.CASCADE)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["person", "at"], name="content_reveal_person")]

    def __str__(self) -> str:
        return f"{self.person_id} {self.at:%Y-%m-%d %H:%M}"
