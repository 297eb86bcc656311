"""One document of each kind."""

import datetime as dt
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from tests.channels.notice_samples import WEAPON, formal_notice, removal_order
from tests.channels.samples import LEGAL, TERM, document
from tests.formats.reading import Pdf

from seawall.channels import Receipt, ReferralDocument, Withdrawal
from seawall.formats.rendering import render_pdf

ID = "6f1c1a80-7d52-4a52-9d0f-0d7cf8f0a001"
Sent = ReferralDocument | Withdrawal


def voluntary(**changes: Any) -> ReferralDocument:
    return document(referral_id=ID, **changes)


def of_illegality(**changes: Any) -> ReferralDocument:
    return document(
        referral_id=ID, kind="notice_of_illegality", grounds={"legal": [LEGAL, WEAPON], "term": TERM}, **changes
    )


def withdrawal(**changes: Any) -> Withdrawal:
    made: dict[str, Any] = {
        "referral_id": ID,
        "platform": "harbour",
        "url": "https://platform.example/posts/p1",
        "reasons": "A second reading found the post to be a lyric.",
        "by": "overseer",
        "restore": True,
        "sent_at": dt.datetime(2026, 11, 3, 8, 0, 0, 250_000, tzinfo=dt.UTC),
        "demonstration": True,
    }
    return Withdrawal.model_validate({**made, **changes})


KINDS: dict[str, Callable[[], Sent]] = {
    "voluntary": voluntary,
    "notice_of_illegality": of_illegality,
    "formal_notice": lambda: formal_notice(referral_id=ID),
    "removal_order": lambda: removal_order(referral_id=ID),
    "withdrawal": withdrawal,
}
every_kind = pytest.mark.parametrize("made", [pytest.param(make(), id=kind) for kind, make in KINDS.items()])


@cache
def read_pdf(made: Sent) -> Pdf:
    """Render a document once for all tests that read it as it is."""
    return Pdf(render_pdf(made))


def receipt_for(made: Sent) -> Receipt:
    return Receipt.unsigned(
        made,
        reference="HAR-77",
        received_at=made.sent_at + dt.timedelta(seconds=90),
        proof="acknowledged",
        evidence={"seen": True},
    )
