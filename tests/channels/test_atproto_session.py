"""Signing in to the AT Protocol, and what makes an answer to a report a receipt."""

import datetime as dt
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from tests.channels.atproto_service import (
    AUTHOR,
    CREATE_REPORT,
    CREATE_SESSION,
    MODERATOR,
    PASSWORD,
    REFRESH_SESSION,
    REPORTER,
    OzoneRig,
    rigged,
)
from tests.support.xrpc import Says, error

from seawall.channels import ChannelError, ReceiptInvalid, ReferralDocument


@pytest.fixture
def rig() -> Iterator[OzoneRig]:
    with rigged() as made:
        yield made


class TestSession:
    def test_is_begun_once_for_many_reports(self, rig: OzoneRig) -> None:
        documents = [rig.document() for _ in range(12)]
        with ThreadPoolExecutor(6) as pool:
            receipts = list(pool.map(rig.send, documents))
        assert len({receipt.reference for receipt in receipts}) == 12
        assert rig.service.count(CREATE_SESSION) == 1

    def test_that_ran_out_is_refreshed_once_by_whoever_comes_first(self, rig: OzoneRig) -> None:
        rig.send()
        (first,) = {asked.headers["authorization"] for asked in rig.service.calls if asked.path == CREATE_REPORT}
        rig.service.outdated.add(first.removeprefix("Bearer "))
        barrier = threading.Barrier(6)

        def send(made: ReferralDocument) -> Any:
            barrier.wait()
            return rig.send(made)

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(send, [rig.document() for _ in range(6)]))
        assert len(rig.service.reports()) == 7
        assert rig.service.count(REFRESH_SESSION) == 1
        assert rig.service.count(CREATE_SESSION) == 1

    def test_that_cannot_be_refreshed_is_begun_anew(self, rig: OzoneRig) -> None:
        rig.send()
        rig.service.outdated |= {
            "access-1",
            "refresh-1",
            *(f"{kind}-{n}" for kind in ("access", "refresh") for n in (1, 2)),
        }
        rig.send()
        assert (rig.service.count(REFRESH_SESSION), rig.service.count(CREATE_SESSION)) == (1, 2)

    def test_that_is_always_out_of_date_does_not_go_round_for_ever(self, rig: OzoneRig) -> None:
        rig.service.outdated |= {f"access-{number}" for number in range(100)}
        with pytest.raises(ChannelError, match="ExpiredToken"):
            rig.send()
        assert rig.service.count(CREATE_REPORT) == 2

    def test_new_app_password_is_a_new_session(self, rig: OzoneRig) -> None:
        rig.send()
        with pytest.raises(ChannelError, match="does not sign this hub's account in") as caught:
            rig.channel.send(replace(rig.address, token="another"), rig.document(), idempotency_key="k", at=rig.now())
        assert not caught.value.retryable

    def test_limit_on_sign_ins_is_told_with_its_end(self, rig: OzoneRig) -> None:
        rig.service.refuses[CREATE_SESSION] = [
            Says(429, {"error": "RateLimitExceeded"}, {"ratelimit-reset": "1"}),
            Says(429, {"error": "RateLimitExceeded"}, {"Retry-After": "77"}),
        ]
        waits = []
        for _ in range(2):
            with pytest.raises(ChannelError) as caught:
                rig.send()
            assert caught.value.retryable
            waits.append(caught.value.retry_after)
        assert waits == [0.0, 77.0]

    @pytest.mark.parametrize(
        "value",
        [
            {},
            {"did": "x", "accessJwt": "a", "refreshJwt": "b"},
            {"did": REPORTER, "accessJwt": "a\r\nX-Evil: 1", "refreshJwt": "b"},
            {"did": REPORTER, "accessJwt": 5, "refreshJwt": "b"},
            {"did": REPORTER, "accessJwt": "a", "refreshJwt": "b", "active": False, "status": "takendown"},
            [],
            b"<html>",
            b"[" * 50_000,
        ],
    )
    def test_odd_session_is_not_used(self, rig: OzoneRig, value: Any) -> None:
        rig.service.refuses[CREATE_SESSION] = [Says(value=value)]
        with pytest.raises(ChannelError, match=r"\.$") as caught:
            rig.send()
        assert not caught.value.retryable
        assert rig.service.count(CREATE_REPORT) == 0

    def test_secret_that_the_server_repeats_is_not_told_on(self, rig: OzoneRig) -> None:
        rig.service.refuses[CREATE_REPORT] = [error("Nope", f"your token access-1 and {PASSWORD}")]
        with pytest.raises(ChannelError) as caught:
            rig.send()
        assert PASSWORD not in str(caught.value)
        assert "access-" not in str(caught.value)

    @pytest.mark.parametrize("missing", ["identifier", "labeler"])
    def test_missing_setting_is_named(self, rig: OzoneRig, missing: str) -> None:
        with pytest.raises(ChannelError, match=f"setting {missing}") as caught:
            rig.send(**{missing: ""})
        assert not caught.value.retryable

    def test_labeler_cannot_write_a_header(self, rig: OzoneRig) -> None:
        with pytest.raises(ChannelError, match="setting labeler"):
            rig.send(labeler="did:plc:abc\r\nX-Evil: 1")

    def test_service_that_the_server_cannot_find_is_a_wrong_setting(self, rig: OzoneRig) -> None:
        with pytest.raises(ChannelError, match="Check the setting labeler") as caught:
            rig.send(labeler="did:plc:somebodyelse")
        assert not caught.value.retryable

    def test_outage_while_it_is_renewed_may_be_tried_again(self, rig: OzoneRig) -> None:
        rig.send()
        rig.service.outdated |= {f"access-{number}" for number in range(3)}
        rig.service.refuses[REFRESH_SESSION] = [Says(503, b"")]
        with pytest.raises(ChannelError) as caught:
            rig.send()
        assert caught.value.retryable
        assert rig.service.count(CREATE_SESSION) == 1


class TestReceipt:
    def test_time_is_the_service_s_where_it_can_be_true(self, rig: OzoneRig) -> None:
        rig.service.now -= dt.timedelta(seconds=90)
        made = rig.document(sent_at=(rig.service.now - dt.timedelta(seconds=5)).isoformat())
        receipt = rig.channel.send(rig.address, made, idempotency_key="k", at=rig.service.now + dt.timedelta(seconds=2))
        assert receipt.evidence["time"] == "service"
        assert abs(receipt.received_at - rig.service.now) < dt.timedelta(milliseconds=1)

    @pytest.mark.parametrize("off", [dt.timedelta(hours=-3), dt.timedelta(hours=3)])
    def test_time_is_the_hub_s_where_the_service_s_cannot_be_true(self, rig: OzoneRig, off: dt.timedelta) -> None:
        made, present = rig.document(), rig.now()
        rig.service.now += off
        receipt = rig.channel.send(rig.address, made, idempotency_key="k", at=present)
        assert (receipt.received_at, receipt.evidence["time"]) == (present, "hub")

    @pytest.mark.parametrize(
        "change",
        [
            {"id": None},
            {"id": True},
            {"id": -1},
            {"id": "7"},
            {"subject": {"uri": f"at://{AUTHOR}/app.bsky.feed.post/other", "cid": "x"}},
            {"subject": None},
            {"reportedBy": MODERATOR},
            {"createdAt": "yesterday"},
            {"createdAt": "2026-01-01T00:00:00"},
        ],
    )
    def test_odd_acknowledgement_is_no_receipt(self, rig: OzoneRig, change: dict[str, Any]) -> None:
        made = rig.document()
        good = {
            "id": 7,
            "createdAt": "2026-11-02T09:30:00.000Z",
            "reportedBy": REPORTER,
            "subject": {"uri": rig.uri(made), "cid": "bafyreia"},
        }
        rig.service.refuses["com.atproto.repo.getRecord"] = [Says(value={"cid": "bafyreia", "value": {}})]
        rig.service.refuses[CREATE_REPORT] = [Says(value={**good, **change})]
        with pytest.raises(ReceiptInvalid, match=r"\.$"):
            rig.send(made)

    def test_report_that_was_made_before_is_found_where_the_account_may_look(self, rig: OzoneRig) -> None:
        made = rig.document()
        rig.service.refuses[CREATE_REPORT] = []
        first = rig.channel.send(rig.reading, made, idempotency_key="k", at=rig.now())
        again = rig.channel.send(rig.reading, made, idempotency_key="k", at=rig.now())
        other = rig.channel.send(
            rig.reading, made.model_copy(update={"referral_id": uuid4()}), idempotency_key="l", at=rig.now()
        )
        assert (first.reference, first.received_at) == (again.reference, again.received_at)
        assert again.evidence["found_again"] is True
        assert other.reference != first.reference
        assert len(rig.service.reports()) == 2

    @pytest.mark.parametrize(
        ("said", "retryable"),
        [
            (Says(breaks=True), True),
            (Says(502, {"error": "UpstreamFailure"}), True),
            (Says(500, b"oops"), True),
            (Says(302, b"", {"Location": "http://169.254.169.254/"}), False),
            (Says(200, b"x" * 20_000_000), False),
            (Says(200, b"null"), False),
            (Says(400, b"\xff"), False),
            (
                Says(403, {"error": "AccountTakedown", "message": "Report not accepted\r\nfrom takendown account"}),
                False,
            ),
            (Says(413, {"error": 5, "message": ["x"]}), False),
        ],
    )
    def test_odd_answer_becomes_a_sentence(self, rig: OzoneRig, said: Says, retryable: bool) -> None:
        rig.service.refuses[CREATE_REPORT] = [said]
        with pytest.raises(ChannelError) as caught:
            rig.send()
        assert caught.value.retryable is retryable
        assert str(caught.value).endswith(".")
        assert "\n" not in str(caught.value)
