"""What a sandbox platform does when a referral is taken back, and when it holds one to be wrong."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
from tests.channels.samples import SENT_AT
from tests.sandbox.support import document_with, post_of, withdrawal_of

from seawall.channels import Receipt, ReferralDocument, Withdrawal
from seawall.sandbox import SandboxProcess


@dataclass
class Hub:
    """Somebody who refers to the sandbox, request by request."""

    sandbox: SandboxProcess
    client: httpx.Client

    @property
    def now(self) -> dt.datetime:
        return dt.datetime.fromisoformat(self.sandbox.control.state()["now"])

    def pass_days(self, days: int) -> None:
        self.sandbox.control.set_clock(self.now + dt.timedelta(days=days))

    def posted(self, platform: str, outcome: str, **changes: Any) -> ReferralDocument:
        made = document_with(platform, outcome, sent_at=self.now, **changes)
        self.sandbox.control.seed([post_of(made)])
        return made

    def _headers(self, platform: str, key: str) -> dict[str, str]:
        token = self.sandbox.control.addresses()[platform].token
        return {"Authorization": f"Bearer {token}", "Idempotency-Key": key or str(uuid4())}

    def refer(self, made: ReferralDocument) -> str:
        answer = self.client.post(
            f"/{made.platform}/api/v1/referrals", content=made.to_json(), headers=self._headers(made.platform, "")
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["reference"])

    def withdraw(self, reference: str, withdrawal: Withdrawal, key: str = "", at: str = "") -> httpx.Response:
        return self.post(reference, withdrawal.to_json(), platform=at or withdrawal.platform, key=key)

    def post(self, reference: str, body: bytes, *, platform: str = "harbour", key: str = "") -> httpx.Response:
        url = f"/{platform}/api/v1/referrals/{reference}/withdrawal"
        return self.client.post(url, content=body, headers=self._headers(platform, key))

    def answers(self, platform: str, reference: str) -> list[dict[str, Any]]:
        listing = self.client.get(
            f"/{platform}/api/v1/referrals/{reference}", headers=self._headers(platform, "")
        ).json()
        found: list[dict[str, Any]] = listing["answers"]
        return found

    def page(self, made: ReferralDocument) -> httpx.Response:
        return self.client.get(self.sandbox.control.post_url(made.platform, made.content.native_id))


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with (
        SandboxProcess(tmp_path_factory.mktemp("sandbox")) as running,
        httpx.Client(base_url=running.base_url, trust_env=False) as client,
    ):
        running.control.set_clock(SENT_AT)
        yield Hub(running, client)


class TestTaken:
    def test_receipt_is_signed_for_the_very_withdrawal_and_given_once(self, hub: Hub) -> None:
        made = hub.posted("harbour", "actioned")
        reference, withdrawal = hub.refer(made), withdrawal_of(made, sent_at=hub.now)
        first = hub.withdraw(reference, withdrawal, "w-1")
        again = hub.withdraw(reference, withdrawal, "w-1")
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.content == again.content
        address = hub.sandbox.control.addresses()["harbour"]
        receipt = Receipt.verified(first.json(), address=address, document=withdrawal, at=hub.now)
        assert (receipt.reference, receipt.received_at) == (reference, hub.now)

    def test_texts_that_are_held_can_be_asked_for(self, hub: Hub) -> None:
        before = hub.sandbox.control.state()["platforms"]["harbour"]["withdrawals"]
        made = hub.posted("harbour", "actioned")
        assert hub.sandbox.control.held(made.referral_id) == []
        reference = hub.refer(made)
        (held,) = hub.sandbox.control.held(made.referral_id)
        assert held == {
            "platform": "harbour",
            "reference": reference,
            "document": made.to_json().decode(),
            "withdrawal": None,
        }
        withdrawal = withdrawal_of(made, sent_at=hub.now)
        hub.withdraw(reference, withdrawal)
        (held,) = hub.sandbox.control.held(made.referral_id)
        assert held["withdrawal"] == withdrawal.to_json().decode()
        assert hub.sandbox.control.state()["platforms"]["harbour"]["withdrawals"] == before + 1
        without = hub.client.get(f"/control/referrals/{made.referral_id}")
        assert without.status_code == 401

    @pytest.mark.parametrize(
        ("outcome", "changes", "status"),
        [("actioned", {}, 410), ("restricted", {}, 451), ("labelled", {"requested_action": "label"}, 200)],
    )
    def test_what_was_done_is_undone_only_when_that_is_asked_for(
        self, hub: Hub, outcome: str, changes: dict[str, Any], status: int
    ) -> None:
        for restore in (False, True):
            made = hub.posted("harbour", outcome, **changes)
            reference = hub.refer(made)
            hub.pass_days(31)
            done = hub.page(made)
            assert done.status_code == status
            assert ("labelled" in done.text) is (outcome == "labelled")
            assert hub.withdraw(reference, withdrawal_of(made, restore=restore, sent_at=hub.now)).status_code == 201
            after = hub.page(made)
            if restore:
                assert after.status_code == 200
                assert "a post" in after.text
                assert "labelled" not in after.text
            else:
                assert after.text == done.text

    def test_nothing_more_is_decided_or_done(self, hub: Hub) -> None:
        for restore in (False, True):
            made = hub.posted("harbour", "actioned")
            reference = hub.refer(made)
            begun = hub.answers("harbour", reference)
            hub.withdraw(reference, withdrawal_of(made, restore=restore, sent_at=hub.now))
            hub.pass_days(31)
            assert hub.answers("harbour", reference) == begun
            assert hub.page(made).status_code == 200
        assert hub.sandbox.control.state()["pending_steps"] == 0

    def test_question_is_dropped(self, hub: Hub) -> None:
        made = hub.posted("driftwood", "asked")
        reference = hub.refer(made)
        hub.withdraw(reference, withdrawal_of(made, sent_at=hub.now))
        hub.pass_days(31)
        assert [answer["status"] for answer in hub.answers("driftwood", reference)] == ["QUEUED"]

    def test_post_stays_as_another_referral_left_it(self, hub: Hub) -> None:
        first = hub.posted("harbour", "restricted")
        first_reference = hub.refer(first)
        hub.pass_days(31)
        second = first.model_copy(update={"referral_id": uuid4(), "sent_at": hub.now})
        second_reference = hub.refer(second)
        hub.pass_days(31)
        assert hub.answers("harbour", second_reference)[-1]["reason_code"] == "ACTIONED"
        assert hub.withdraw(first_reference, withdrawal_of(first, sent_at=hub.now)).status_code == 201
        assert hub.page(first).status_code == 451, "the second referral still holds"
        assert hub.withdraw(second_reference, withdrawal_of(second, sent_at=hub.now)).status_code == 201
        assert hub.page(first).status_code == 200

    def test_label_of_one_referral_and_removal_by_another_do_not_touch_each_other(self, hub: Hub) -> None:
        labelled = hub.posted("harbour", "labelled", requested_action="label")
        hub.refer(labelled)
        hub.pass_days(31)
        removed = labelled.model_copy(
            update={"referral_id": uuid4(), "sent_at": hub.now, "requested_action": "restrict_age"}
        )
        reference = hub.refer(removed)
        hub.pass_days(31)
        assert hub.page(labelled).status_code == 451
        hub.withdraw(reference, withdrawal_of(removed, sent_at=hub.now))
        assert hub.page(labelled).status_code == 200
        assert "labelled" in hub.page(labelled).text

    def test_claim_that_was_false_leaves_nothing_to_restore(self, hub: Hub) -> None:
        made = hub.posted("saltmarsh", "false claim")
        reference = hub.refer(made)
        hub.pass_days(70)
        assert hub.answers("saltmarsh", reference)[-1]["reason_code"] == "ACTIONED"
        assert hub.withdraw(reference, withdrawal_of(made, sent_at=hub.now)).status_code == 201
        assert hub.page(made).status_code == 200


class TestRefused:
    def test_key_used_twice_or_second_withdrawal_is_a_conflict(self, hub: Hub) -> None:
        made, other = hub.posted("harbour", "actioned"), hub.posted("harbour", "actioned")
        reference, other_reference = hub.refer(made), hub.refer(other)
        hub.withdraw(reference, withdrawal_of(made), "w-2")
        changed = hub.withdraw(reference, withdrawal_of(made, reasons="Something else."), "w-2")
        elsewhere = hub.withdraw(other_reference, withdrawal_of(other), "w-2")
        second = hub.withdraw(reference, withdrawal_of(made), "w-3")
        for answer, code in ((changed, "key_reused"), (elsewhere, "key_reused"), (second, "withdrawn")):
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, code)
        assert hub.sandbox.control.held(other.referral_id)[0]["withdrawal"] is None

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"referral_id": "6f1c1a80-7d52-4a52-9d0f-0d7cf8f0a001"}, "referral_id"),
            ({"platform": "kestrel"}, "platform"),
            ({"url": "https://platform.example/posts/another"}, "url"),
        ],
    )
    def test_withdrawal_of_something_else_changes_nothing(self, hub: Hub, changes: dict[str, str], field: str) -> None:
        made = hub.posted("harbour", "actioned")
        reference = hub.refer(made)
        answer = hub.withdraw(reference, withdrawal_of(made, **changes), at="harbour")
        assert answer.status_code == 422
        assert [wrong["field"] for wrong in answer.json()["error"]["fields"]] == [field]
        hub.pass_days(31)
        assert hub.page(made).status_code == 410

    @pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]", b"null", b'{"schema": "seawall-withdrawal/1"}'])
    def test_body_that_is_no_withdrawal_is_turned_back(self, hub: Hub, body: bytes) -> None:
        reference = hub.refer(hub.posted("harbour", "actioned"))
        answer = hub.post(reference, body)
        assert answer.status_code == 422
        assert answer.json()["error"]["fields"]

    def test_what_is_missing_is_named(self, hub: Hub) -> None:
        made = hub.posted("harbour", "actioned")
        reference = hub.refer(made)
        answer = hub.post(reference, withdrawal_of(made).to_json().replace(b"overseer", b"somebody"))
        assert [wrong["field"] for wrong in answer.json()["error"]["fields"]] == ["by"]

    def test_oversized_body_is_turned_back(self, hub: Hub) -> None:
        reference = hub.refer(hub.posted("harbour", "actioned"))
        assert hub.post(reference, b"x" * 300_000).status_code == 413

    def test_unknown_reference_and_another_platforms_are_not_found(self, hub: Hub) -> None:
        made = hub.posted("harbour", "actioned")
        reference = hub.refer(made)
        assert hub.withdraw("HAR-NONE", withdrawal_of(made)).status_code == 404
        assert hub.withdraw(reference, withdrawal_of(made), at="kestrel").status_code == 404

    def test_token_and_key_are_needed(self, hub: Hub) -> None:
        path = "/harbour/api/v1/referrals/x/withdrawal"
        assert hub.client.post(path).status_code == 401
        token = hub.sandbox.control.addresses()["harbour"].token
        answer = hub.client.post(path, headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "key")


class TestDisputed:
    def test_platform_says_why_it_holds_a_referral_to_be_wrong_and_then_refuses(self, hub: Hub) -> None:
        made = hub.posted("kestrel", "disputed")
        reference = hub.refer(made)
        hub.pass_days(70)
        answers = hub.answers("kestrel", reference)
        assert [answer["status"] for answer in answers] == ["QUEUED", "PROCESSING", "DISPUTED", "COMPLETED"]
        assert answers[2]["detail"]
        assert answers[2]["reason_code"] is None
        assert answers[3]["reason_code"] == "REVIEWED_NO_ACTION"
        assert hub.page(made).status_code == 200

    def test_disputed_referral_that_is_withdrawn_is_closed_without_a_decision(self, hub: Hub) -> None:
        made = hub.posted("kestrel", "disputed")
        reference = hub.refer(made)
        while hub.answers("kestrel", reference)[-1]["status"] != "DISPUTED":
            due = hub.sandbox.control.state()["next_due"]
            hub.sandbox.control.set_clock(dt.datetime.fromisoformat(due))
        hub.withdraw(reference, withdrawal_of(made, sent_at=hub.now))
        hub.pass_days(70)
        assert hub.answers("kestrel", reference)[-1]["status"] == "DISPUTED"
