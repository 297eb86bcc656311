"""Which parts of a MISP feed a recipient fetched, and when."""

from __future__ import annotations

from bisect import bisect_left

from django.db import models

from seawall.hub.exchange.models.recipient import Recipient


class Pull(models.Model):
    """How far a recipient has fetched one event of a MISP feed, which holds the signals of one block of changes.

    A feed is fetched event by event, in any order and not all of it, so that one number for the whole recipient cannot say which signals
    it was handed.
    """

    id = models.BigAutoField(primary_key=True)
    recipient = models.ForeignKey(Recipient, on_delete=models.CASCADE, related_name="pulls")
    block = models.BigIntegerField(db_comment="Number of the event, from 0")
    versions = models.JSONField(
        default=list, db_comment="The community's changes up to which it was handed the whole event, in order"
    )
    until = models.BigIntegerField(default=0, db_comment="The change up to which it was handed withdrawals")
    partial = models.BooleanField(default=False, db_comment="It was handed withdrawals only, when it was held back")

    class Meta:
        ordering = ["block"]
        constraints = [models.UniqueConstraint(fields=["recipient", "block"], name="a_pull_of_a_block")]

    def __str__(self) -> str:
        return f"{self.recipient_id}: block {self.block}"

    def was_handed(self, first: int, last: int) -> bool:
        """Whether it was handed a signal that was published by change `first` and withdrawn by change `last`. O(log versions)."""
        place = bisect_left(self.versions, first)
        return place < len(self.versions) and self.versions[place] < last
