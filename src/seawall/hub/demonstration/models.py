"""How far the demonstration has played, so that one that was stopped goes on where it was."""

from django.db import models


class Run(models.Model):
    """The one demonstration of this hub."""

    id = models.BigAutoField(primary_key=True)
    ends_at = models.DateTimeField(
        db_comment="The moment that the played time ends at: the real time of its first start"
    )
    played_to = models.DateTimeField(db_comment="Posts up to here have been taken in")
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"demonstration up to {self.played_to:%Y-%m-%d %H:%M}"
