"""The versions of the code of practice that were adopted here, each whole."""

from django.db import models


class CodeVersion(models.Model):
    """A version of a code, as it was adopted. Never changed: a decision cites it for ever."""

    id = models.BigAutoField(primary_key=True)
    code = models.CharField(max_length=60)
    version = models.CharField(max_length=40, unique=True)
    digest = models.CharField(max_length=64, db_comment="SHA-256 of the whole code as canonical JSON")
    document = models.JSONField(db_comment="The whole code (seawall.hub.practice.schema.Code)")
    adopted_at = models.DateTimeField()

    class Meta:
        ordering = ["adopted_at", "id"]

    def __str__(self) -> str:
        return f"{self.code} {self.version}"
