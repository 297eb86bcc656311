"""The code of practice's verb: adopt."""

from __future__ import annotations

from django.db import transaction

from seawall.hub import moment
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import Actor, record
from seawall.hub.practice.models import CodeVersion
from seawall.hub.practice.schema import Code


class VersionTaken(Exception):
    """The version was adopted before with other words."""


@transaction.atomic
def adopt(*, code: Code, actor: Actor) -> CodeVersion:
    """Make a version of the code the one in force. Adopting the very same again changes nothing.

    Raises VersionTaken when the words differ from what was adopted under this number.
    """
    existing = CodeVersion.objects.filter(version=code.version).first()
    if existing is not None:
        if existing.digest != code.digest:
            raise VersionTaken(
                f"Version {code.version} of {code.id} was adopted with other words. Decisions cite it, so it stays as it is: raise "
                "`version` in code.yaml and add a line to its changelog."
            )
        return existing
    adopted = CodeVersion.objects.create(
        code=code.id,
        version=code.version,
        digest=code.digest,
        document=code.model_dump(mode="json"),
        adopted_at=moment.now(),
    )
    record(
        event=ledger.CodeAdopted(code=code.id, version=code.version, digest=code.digest, harms=len(code.harms)),
        subject=adopted,
        actor=actor,
    )
    return adopted
