"""What a server of XARF reports takes, says and refuses, and the page that promises it."""

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.channels.conformance import withdrawal_of
from tests.channels.samples import SENT_AT, document
from tests.channels.xarf_samples import HUB

from seawall.channels import Answer, xarf_server
from seawall.channels.xarf_report import to_report
from seawall.channels.xarf_server import Refused

PAGE = (Path(__file__).parents[2] / "docs/reference/channels/xarf.md").read_text("utf-8")


def enveloped(**changes: Any) -> bytes:
    value = {"clientToken": "k", "correlationId": "c-1", "report": {"xarf": to_report(document(), sender=HUB)}}
    return json.dumps({**value, **changes}).encode()


def without(*names: str) -> dict[str, Any]:
    report = to_report(document(), sender=HUB)
    return {"xarf": {name: value for name, value in report.items() if name not in names}}


@pytest.mark.parametrize(
    ("body", "key", "status", "code", "fields"),
    [
        (b"{", "k", 400, "json", []),
        (b"[]", "k", 400, "json", []),
        (b"x" * 101, "k", 413, "too_large", []),
        (enveloped(clientToken=None), None, 400, "key", []),
        (enveloped(), "other", 400, "key", []),
        (enveloped(), "a b", 400, "key", []),
        (enveloped(clientToken=["k"]), "k", 400, "key", []),
        (enveloped(correlationId="a/b"), "k", 422, "fields", ["correlationId"]),
        (enveloped(report=None), "k", 422, "fields", ["report"]),
        (enveloped(report={"xarf": []}), "k", 422, "fields", ["report.xarf.report"]),
        (enveloped(report=without("category")), "k", 422, "fields", ["report.xarf.category"]),
        (
            enveloped(report=without("timestamp", "url")),
            "k",
            422,
            "fields",
            ["report.xarf.timestamp", "report.xarf.url"],
        ),
        (json.dumps(without("sender")["xarf"]).encode(), "k", 422, "fields", ["sender"]),
    ],
)
def test_server_says_what_is_wrong(body: bytes, key: str | None, status: int, code: str, fields: list[str]) -> None:
    with pytest.raises(Refused) as caught:
        xarf_server.submission(body, idempotency_key=key, max_bytes=100 if status == 413 else 100_000)
    error: Any = caught.value.to_dict()["error"]
    assert (caught.value.status, error["code"]) == (status, code)
    assert [each["field"] for each in error["fields"]] == fields
    assert error["message"].endswith(".")
    assert all(each["problem"] for each in error["fields"])


def test_server_takes_the_envelope_or_a_report_by_itself() -> None:
    made = document()
    report = to_report(made, sender=HUB)
    one = xarf_server.submission(enveloped(report={"xarf": report}), idempotency_key=None)
    two = xarf_server.submission(json.dumps(report).encode(), idempotency_key="k")
    assert (one.key, one.correlation_id) == ("k", "c-1")
    assert (two.key, two.correlation_id) == ("k", str(made.referral_id))
    assert one.report == two.report
    assert one.report.referral == made
    assert one.sha256 != two.sha256


def test_server_refuses_information_and_withdrawals_that_say_nothing() -> None:
    for text in ("", " ", "x" * 20_001, "a\x00", "\ud800", None):
        with pytest.raises(Refused) as caught:
            xarf_server.information(json.dumps({"text": text}).encode(), idempotency_key="k")
        assert [problem.field for problem in caught.value.problems] == ["text"]
    good = withdrawal_of(document(), SENT_AT).to_dict()
    for value, field in ((None, "withdrawal.document"), ({**good, "reasons": " "}, "withdrawal.reasons")):
        with pytest.raises(Refused) as caught:
            xarf_server.withdrawal(json.dumps({"withdrawal": value}).encode(), idempotency_key="k")
        assert [problem.field for problem in caught.value.problems] == [field]


def test_server_cannot_claim_an_action_that_could_not_be_checked() -> None:
    answer = Answer("1", "R", SENT_AT, "PROCESSING", None, "", None, ("restricted",), proof="acknowledged")
    told = {"report_id": "R", "correlation_id": "c", "submitted_at": SENT_AT}
    with pytest.raises(ValueError, match="without a puid"):
        xarf_server.state(**told, answers=[answer])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="report id must be"):
        xarf_server.state(**{**told, "report_id": "a/b"}, answers=[])  # type: ignore[arg-type]


def test_examples_of_the_page_are_what_the_program_takes_and_says() -> None:
    request, accepted, _, information, withdrawal, withdrawn, error = (
        json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    )
    taken = xarf_server.submission(json.dumps(request).encode(), idempotency_key=request["clientToken"])
    assert taken.report.referral is not None
    assert request["report"]["xarf"] == to_report(taken.report.referral, sender=taken.report.sender)
    at = dt.datetime.fromisoformat(accepted["submittedAt"])
    assert xarf_server.accepted(taken, report_id=accepted["reportId"], submitted_at=at) == accepted
    assert xarf_server.information(json.dumps(information).encode(), idempotency_key=None).text == information["text"]
    back = xarf_server.withdrawal(json.dumps(withdrawal).encode(), idempotency_key=None)
    when = dt.datetime.fromisoformat(withdrawn["withdrawnAt"])
    assert xarf_server.withdrawn(back, report_id=withdrawn["reportId"], withdrawn_at=when) == withdrawn
    with pytest.raises(Refused) as caught:
        xarf_server.submission(enveloped(report=without("category")), idempotency_key="k")
    assert caught.value.to_dict() == error


def test_limits_of_the_page_are_those_of_the_program() -> None:
    assert f"1 to {xarf_server.MAX_TEXT:,} characters" in PAGE
    assert (xarf_server.KEY.pattern, xarf_server.CORRELATION.pattern) == (
        "[\\x21-\\x7e]{1,128}",
        "[A-Za-z0-9_-]{1,256}",
    )
    for refused in (xarf_server.reused(), xarf_server.known(), xarf_server.unknown(), xarf_server.no_token()):
        assert f"`{refused.code}`" in PAGE
        assert f"| {refused.status}" in PAGE
