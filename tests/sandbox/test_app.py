"""The sandbox as its users meet it: pages, the referral protocol and the control desk, over real sockets."""

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from tests.channels.samples import SENT_AT, as_dict
from tests.sandbox.support import document_with, post_of

from seawall.channels import ReferralDocument, signing
from seawall.sandbox import PROFILES, SandboxProcess
from seawall.sandbox.control import SandboxRefusal


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with SandboxProcess(tmp_path_factory.mktemp("sandbox")) as running:
        running.control.set_clock(SENT_AT)
        yield running


@pytest.fixture(scope="module")
def client(sandbox: SandboxProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox.base_url, trust_env=False) as made:
        yield made


def now(sandbox: SandboxProcess) -> dt.datetime:
    return dt.datetime.fromisoformat(sandbox.control.state()["now"])


def advance(sandbox: SandboxProcess, **by: int) -> int:
    return sandbox.control.set_clock(now(sandbox) + dt.timedelta(**by))


def headers(sandbox: SandboxProcess, platform: str, key: str | None = None) -> dict[str, str]:
    made = {"Authorization": f"Bearer {sandbox.control.addresses()[platform].token}"}
    return made if key is None else {**made, "Idempotency-Key": key}


def refer(
    sandbox: SandboxProcess, client: httpx.Client, made: ReferralDocument, key: str | None = None
) -> httpx.Response:
    url = f"/{made.platform}/api/v1/referrals"
    return client.post(url, content=made.to_json(), headers=headers(sandbox, made.platform, key or str(uuid4())))


def answers(sandbox: SandboxProcess, client: httpx.Client, platform: str, reference: str) -> list[dict[str, Any]]:
    listing = client.get(f"/{platform}/api/v1/referrals/{reference}", headers=headers(sandbox, platform))
    assert listing.status_code == 200
    found: list[dict[str, Any]] = listing.json()["answers"]
    return found


def posted(sandbox: SandboxProcess, platform: str, outcome: str, **changes: Any) -> ReferralDocument:
    made = document_with(platform, outcome, sent_at=now(sandbox), **changes)
    sandbox.control.seed([post_of(made)])
    return made


def page(sandbox: SandboxProcess, client: httpx.Client, made: ReferralDocument) -> httpx.Response:
    return client.get(sandbox.control.post_url(made.platform, made.content.native_id))


class TestPages:
    def test_post_text_is_escaped_and_nothing_may_run(self, sandbox: SandboxProcess, client: httpx.Client) -> None:
        attack = "<script>alert(1)</script> \" ' & {0} {text}"
        post = {**post_of(document_with("harbour", "actioned"), attack), "account": "<b>x</b>"}
        sandbox.control.seed([post])
        answer = client.get(sandbox.control.post_url("harbour", post["native_id"]))
        assert answer.status_code == 200
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text
        assert "{0} {text}" in answer.text
        assert "<script" not in answer.text
        assert "<b>" not in answer.text
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")

    @pytest.mark.parametrize("native_id", ["a/b//c", "ünï", "%41", "a b?c#d", "...", "+&=;", "\U0001f30a"])
    def test_any_native_id_has_a_page(self, sandbox: SandboxProcess, client: httpx.Client, native_id: str) -> None:
        post = {**post_of(document_with("harbour", "actioned"), f"text of {native_id}"), "native_id": native_id}
        sandbox.control.seed([post])
        answer = client.get(sandbox.control.post_url("harbour", native_id))
        assert answer.status_code == 200
        assert "text of" in answer.text

    def test_listing_counts_without_showing_any_text(self, sandbox: SandboxProcess, client: httpx.Client) -> None:
        sandbox.control.seed([post_of(document_with("kestrel", "actioned"), "a distressing text")])
        answer = client.get("/kestrel/")
        assert answer.status_code == 200
        assert "1 up, 0 removed, 0 restricted" in answer.text
        assert "distressing" not in answer.text
        assert "Kestrel" in client.get("/").text

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/nowhere/", 404),
            ("GET", "/harbour/posts/none", 404),
            ("GET", "/nowhere/posts/1", 404),
            ("GET", "/harbour/api/v1/referrals", 405),
            ("POST", "/harbour/posts/none", 405),
            ("GET", "/harbour/api/v2/referrals/1", 404),
        ],
    )
    def test_what_is_not_there_is_said_not_to_be(
        self, client: httpx.Client, method: str, path: str, status: int
    ) -> None:
        assert client.request(method, path).status_code == status

    def test_card_names_endpoint_and_key(self, sandbox: SandboxProcess, client: httpx.Client) -> None:
        for name, address in sandbox.control.addresses().items():
            card = client.get(f"/{name}/.well-known/seawall-platform.json").json()
            assert (card["name"], card["endpoint"], card["public_key"]) == (name, address.endpoint, address.public_key)
            assert "token" not in card


class TestReferrals:
    @pytest.mark.parametrize("given", [None, "Bearer wrong", "Basic x", "Bearer"])
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/harbour/api/v1/referrals"),
            ("GET", "/harbour/api/v1/referrals/x"),
            ("POST", "/harbour/api/v1/referrals/x/information"),
            ("POST", "/harbour/api/v1/referrals/x/withdrawal"),
            ("GET", "/control/state"),
            ("GET", "/control/referrals/x"),
            ("PUT", "/control/posts"),
            ("PUT", "/control/clock"),
            ("DELETE", "/control/clock"),
            ("PUT", "/control/faults"),
        ],
    )
    def test_nothing_is_done_without_the_token(
        self, client: httpx.Client, method: str, path: str, given: str | None
    ) -> None:
        answer = client.request(method, path, headers={"Authorization": given} if given else {})
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "token"

    def test_token_of_one_platform_is_none_at_another(self, sandbox: SandboxProcess, client: httpx.Client) -> None:
        answer = client.get("/harbour/api/v1/referrals/x", headers=headers(sandbox, "kestrel"))
        assert answer.status_code == 401

    def test_receipt_is_signed_and_idempotent(self, sandbox: SandboxProcess, client: httpx.Client) -> None:
        made = posted(sandbox, "harbour", "actioned")
        first = refer(sandbox, client, made, "key-1")
        again = refer(sandbox, client, made, "key-1")
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.content == again.content
        receipt = first.json()
        assert signing.is_signed_by(sandbox.control.addresses()["harbour"].public_key, receipt)
        assert receipt["document_sha256"] == made.sha256()

    def test_key_or_referral_used_twice_is_a_conflict(self, sandbox: SandboxProcess, client: httpx.Client) -> None:
        made = posted(sandbox, "harbour", "actioned")
        refer(sandbox, client, made, "key-2")
        other = refer(sandbox, client, posted(sandbox, "harbour", "actioned"), "key-2")
        assert (other.status_code, other.json()["error"]["code"]) == (409, "key_reused")
        second = refer(sandbox, client, made, "key-3")
        assert (second.status_code, second.json()["error"]["code"]) == (409, "referral_known")

    def test_invalid_referral_is_turned_back_field_by_field(
        self, sandbox: SandboxProcess, client: httpx.Client
    ) -> None:
        body = as_dict(grounds={"legal": [], "term": None}, kind="order")
        answer = client.post("/harbour/api/v1/referrals", json=body, headers=headers(sandbox, "harbour", "k"))
        assert answer.status_code == 422
        assert {entry["field"] for entry in answer.json()["error"]["fields"]} == {"grounds", "kind"}
        wrong = client.post("/kestrel/api/v1/referrals", json=as_dict(), headers=headers(sandbox, "kestrel", "k"))
        assert wrong.json()["error"]["fields"] == [{"field": "platform", "problem": "is harbour, but this is kestrel"}]

    @pytest.mark.parametrize("key", [None, "", "two words", "x" * 201])
    def test_referral_needs_a_usable_key(self, sandbox: SandboxProcess, client: httpx.Client, key: str | None) -> None:
        answer = client.post("/harbour/api/v1/referrals", json=as_dict(), headers=headers(sandbox, "harbour", key))
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "key")

    @pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]", b"null"])
    def test_body_that_is_no_referral_is_turned_back(
        self, sandbox: SandboxProcess, client: httpx.Client, body: bytes
    ) -> None:
        answer = client.post("/harbour/api/v1/referrals", content=body, headers=headers(sandbox, "harbour", "k9"))
        assert answer.status_code == 422

    def test_oversized_body_is_turned_back(self, sandbox: SandboxProcess, client: httpx.Client) -> None:
        answer = client.post(
            "/harbour/api/v1/referrals", content=b"x" * 300_000, headers=headers(sandbox, "harbour", "k")
        )
        assert answer.status_code == 413

    def test_list_after_an_unknown_answer_is_turned_back(self, sandbox: SandboxProcess, client: httpx.Client) -> None:
        reference = refer(sandbox, client, posted(sandbox, "harbour", "actioned")).json()["reference"]
        answer = client.get(f"/harbour/api/v1/referrals/{reference}?after=x.1", headers=headers(sandbox, "harbour"))
        assert answer.status_code == 422


class TestTime:
    def test_post_really_goes_down_when_the_answer_says_so(self, sandbox: SandboxProcess, client: httpx.Client) -> None:
        made = posted(sandbox, "harbour", "actioned")
        reference = refer(sandbox, client, made).json()["reference"]
        assert [a["status"] for a in answers(sandbox, client, "harbour", reference)] == ["QUEUED"]
        assert page(sandbox, client, made).status_code == 200
        begun = now(sandbox)
        assert advance(sandbox, days=31) >= 2
        got = answers(sandbox, client, "harbour", reference)
        assert [a["status"] for a in got] == ["QUEUED", "PROCESSING", "COMPLETED"]
        assert begun == dt.datetime.fromisoformat(got[0]["at"])
        assert got[0]["at"] < got[1]["at"] < got[2]["at"] < sandbox.control.state()["now"], "each as of its own time"
        assert (got[2]["reason_code"], got[2]["actions"]) == ("ACTIONED", ["removed"])
        assert page(sandbox, client, made).status_code == 410
        assert client.get("/harbour/").text.count("(removed)") >= 1

    @pytest.mark.parametrize(
        ("platform", "outcome", "changes", "reason", "status"),
        [
            ("kestrel", "refused", {}, "REVIEWED_NO_ACTION", 200),
            ("harbour", "restricted", {}, "ACTIONED", 451),
            ("harbour", "labelled", {"requested_action": "label"}, "ACTIONED", 200),
            ("saltmarsh", "false claim", {}, "ACTIONED", 200),  # said, not done
            ("driftwood", "asked", {}, "REVIEWED_NO_ACTION", 200),  # nobody answered the question
        ],
    )
    def test_every_character_shows(
        self,
        sandbox: SandboxProcess,
        client: httpx.Client,
        platform: str,
        outcome: str,
        changes: dict[str, Any],
        reason: str,
        status: int,
    ) -> None:
        made = posted(sandbox, platform, outcome, **changes)
        reference = refer(sandbox, client, made).json()["reference"]
        advance(sandbox, days=70)
        last = answers(sandbox, client, platform, reference)[-1]
        assert (last["status"], last["reason_code"]) == ("COMPLETED", reason)
        assert last["detail"]
        assert bool(last["puid"]) is (reason == "ACTIONED")
        assert page(sandbox, client, made).status_code == status

    def test_silence_is_a_receipt_and_nothing_more(self, sandbox: SandboxProcess, client: httpx.Client) -> None:
        made = posted(sandbox, "saltmarsh", "silent")
        reference = refer(sandbox, client, made).json()["reference"]
        advance(sandbox, days=70)
        assert answers(sandbox, client, "saltmarsh", reference) == []
        assert page(sandbox, client, made).status_code == 200

    def test_post_that_reappears_is_down_for_three_days(self, sandbox: SandboxProcess, client: httpx.Client) -> None:
        made = posted(sandbox, "saltmarsh", "reappears")
        reference = refer(sandbox, client, made).json()["reference"]
        while not (got := answers(sandbox, client, "saltmarsh", reference)) or got[-1]["status"] != "COMPLETED":
            advance(sandbox, hours=24)
        removed_at = dt.datetime.fromisoformat(got[-1]["at"])
        assert page(sandbox, client, made).status_code == 410
        sandbox.control.set_clock(removed_at + dt.timedelta(days=3, seconds=-1))
        assert page(sandbox, client, made).status_code == 410
        sandbox.control.set_clock(removed_at + dt.timedelta(days=3))
        assert page(sandbox, client, made).status_code == 200

    def test_long_leap_does_also_what_its_own_steps_cause(self, sandbox: SandboxProcess, client: httpx.Client) -> None:
        made = posted(sandbox, "saltmarsh", "reappears")
        refer(sandbox, client, made)
        advance(sandbox, days=100)
        assert page(sandbox, client, made).status_code == 200
        assert (
            sandbox.control.state()["next_due"] is None
            or sandbox.control.state()["next_due"] > now(sandbox).isoformat()
        )

    def test_information_brings_the_decision(self, sandbox: SandboxProcess, client: httpx.Client) -> None:
        made = posted(sandbox, "driftwood", "asked")
        reference = refer(sandbox, client, made).json()["reference"]
        while answers(sandbox, client, "driftwood", reference)[-1]["reason_code"] != "NEED_MORE_INFORMATION":
            advance(sandbox, hours=1)
        url = f"/driftwood/api/v1/referrals/{reference}/information"
        body = {"schema": "seawall-information/1", "text": "The second sentence."}
        assert client.post(url, json=body, headers=headers(sandbox, "driftwood", "i1")).status_code == 202
        assert (
            client.post(url, json={**body, "text": " "}, headers=headers(sandbox, "driftwood", "i2")).status_code == 422
        )
        advance(sandbox, days=31)
        last = answers(sandbox, client, "driftwood", reference)[-1]
        assert last["status"] == "COMPLETED"
        assert last["detail"] != "No information came within seven days."

    def test_post_that_is_unknown_or_down_is_answered_so(self, sandbox: SandboxProcess, client: httpx.Client) -> None:
        never = document_with("harbour", "actioned", sent_at=now(sandbox))
        reference = refer(sandbox, client, never).json()["reference"]
        down = posted(sandbox, "harbour", "actioned")
        refer(sandbox, client, down)
        advance(sandbox, days=31)
        again = down.model_copy(update={"referral_id": uuid4()})
        second = refer(sandbox, client, again).json()["reference"]
        advance(sandbox, days=31)
        assert answers(sandbox, client, "harbour", reference)[-1]["reason_code"] == "NOT_RESOLVABLE"
        assert answers(sandbox, client, "harbour", second)[-1]["reason_code"] == "CONTENT_DOWN_OR_INACCESSIBLE"

    def test_clock_does_not_run_backwards(self, sandbox: SandboxProcess) -> None:
        with pytest.raises(SandboxRefusal, match="Something happened at"):
            sandbox.control.set_clock(now(sandbox) - dt.timedelta(seconds=1))


class TestDesk:
    def test_seeding_twice_changes_nothing_and_an_edit_keeps_the_state(
        self, sandbox: SandboxProcess, client: httpx.Client
    ) -> None:
        made = posted(sandbox, "harbour", "actioned")
        assert sandbox.control.seed([post_of(made)]) == {"received": 1, "added": 0, "edited": 0, "unchanged": 1}
        refer(sandbox, client, made)
        advance(sandbox, days=31)
        assert sandbox.control.seed([post_of(made, "other")])["edited"] == 1
        assert page(sandbox, client, made).status_code == 410

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            (b"{", "line 2: is not JSON"),
            (b"[]", "line 2: is not a JSON object"),
            (b"{}", "line 2: platform must be a text"),
            (b'{"platform": "\\ud800"}', "line 2: is not JSON"),
            (b"\xff", "line 2: is not JSON"),
        ],
    )
    def test_broken_line_is_named_and_nothing_is_kept(
        self, sandbox: SandboxProcess, client: httpx.Client, line: bytes, said: str
    ) -> None:
        good = json.dumps(post_of(document_with("harbour", "actioned"))).encode()
        answer = client.put(
            "/control/posts",
            content=good + b"\n" + line + b"\n\n",
            headers={"Authorization": f"Bearer {sandbox.control_token}"},
        )
        assert answer.status_code == 422
        (field,) = answer.json()["error"]["fields"]
        assert f"{field['field']}: {field['problem']}".startswith(said)
        assert sandbox.control.seed([json.loads(good)])["added"] == 1, "the good line was not kept either"

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"platform": "elsewhere"}, "platform must be one of"),
            ({"text": "a\x00b"}, "text must be a text without NUL"),
            ({"native_id": ""}, "native_id must be 1 to 300"),
            ({"native_id": ".."}, "native_id must be 1 to 300"),
            ({"native_id": "a\nb"}, "native_id must be 1 to 300"),
            ({"posted_at": "2026-01-01"}, "posted_at is not an RFC 3339 time"),
            ({"text": "\ud800"}, "cannot be written as JSON"),
        ],
    )
    def test_post_that_cannot_be_is_refused(self, sandbox: SandboxProcess, changes: dict[str, str], said: str) -> None:
        with pytest.raises(SandboxRefusal, match=said):
            sandbox.control.seed([{**post_of(document_with("harbour", "actioned")), **changes}])

    @pytest.mark.parametrize(
        "body", [{"rate": 2}, {"rate": True}, {"rate": 1, "kinds": ["fire"]}, {"rate": 1, "kinds": "500"}, {}]
    )
    def test_fault_that_does_not_exist_is_refused(
        self, sandbox: SandboxProcess, client: httpx.Client, body: dict[str, Any]
    ) -> None:
        answer = client.put("/control/faults", json=body, headers={"Authorization": f"Bearer {sandbox.control_token}"})
        assert answer.status_code == 422

    @pytest.mark.parametrize("body", [b"{}", b'{"now": "2026-01-01T00:00:00"}', b'{"now": 5}', b"[]", b"x"])
    def test_time_that_is_none_is_refused(self, sandbox: SandboxProcess, client: httpx.Client, body: bytes) -> None:
        answer = client.put(
            "/control/clock", content=body, headers={"Authorization": f"Bearer {sandbox.control_token}"}
        )
        assert answer.status_code in (400, 422)

    def test_state_tells_what_happened(self, sandbox: SandboxProcess) -> None:
        state = sandbox.control.state()
        assert set(state["platforms"]) == set(PROFILES)
        assert state["simulated"] is True
        assert state["platforms"]["harbour"]["answers"]["ACTIONED"] >= 1
