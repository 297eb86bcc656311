"""Rubbish to every address that software posts to: a typed answer each time, and never a failure."""

from __future__ import annotations

import base64
import json
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from tests.channels.xarf_samples import HUB
from tests.hub.intake.conftest import Software, enveloped, plain, referral
from tests.hub.intake.test_activitypub import ACTIVITY, federated, server  # noqa: F401  (fixtures)
from tests.hub.intake.test_webhooks import calling, signed
from tests.support.hub import SmallHub

from seawall.channels import xarf_server
from seawall.channels.xarf_report import to_report
from seawall.hub.intake.models import IncomingReport

pytestmark = pytest.mark.django_db

DEEP = b"[" * 100_000
RUBBISH: dict[str, bytes] = {
    "nothing": b" ",
    "no JSON": b"{",
    "not an object": b"[]",
    "null": b"null",
    "bad UTF-8": b'{"a": "\xff\xfe"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "deep": DEEP,
    "deep objects": b'{"a":' * 50_000,
    "a member twice": b'{"a": 1, "a": 2}',
    "a huge number": b'{"a": ' + b"9" * 5_000 + b"}",
    "infinity": b'{"a": Infinity}',
    "a huge exponent": b'{"clientToken": 1e999, "report": {"xarf": {"xarf_version": 1e999}}}',
    "NUL": json.dumps({"clientToken": "a\0", "text": "a\0", "type": "a\0", "actor": "https://a.example/\0"}).encode(),
    "half a character": b'{"text": "\\ud800", "type": "\\ud800", "report": {"xarf": {"description": "\\ud800"}}}',
    "other types": json.dumps(
        {"report": 1, "text": [], "withdrawal": "x", "type": {}, "actor": [[]], "data": 3}
    ).encode(),
}


def where(software: Software, hub: SmallHub) -> dict[str, str]:
    """Every address that takes a body, with the media type that it takes."""
    calling(hub)
    report = software.taken(plain())
    return {
        "/xarf/reports": "application/json",
        f"/xarf/reports/{report.pk}/information": "application/json",
        f"/xarf/reports/{report.pk}/withdrawal": "application/json",
        "/referrals/webhooks/alpha/": "application/json",
        "/actor/inbox": ACTIVITY,
    }


def code_of(answer: Any) -> str:
    error = answer.json()["error"]
    assert error["message"].endswith(".")
    return str(error["code"])


@pytest.mark.usefixtures("federated")
class TestEveryAddress:
    def test_rubbish_is_refused_in_words(self, hub: SmallHub, software: Software) -> None:
        for path, media in where(software, hub).items():
            for name, body in RUBBISH.items():
                answer = software.post(path, body, token="t", media=media)
                assert 400 <= answer.status_code < 500, (path, name)
                assert code_of(answer), (path, name)

    def test_signed_rubbish_is_refused_as_well(self, hub: SmallHub) -> None:
        calling(hub)
        for name, body in RUBBISH.items():
            answer = signed(body)
            assert 400 <= answer.status_code < 500, name
            assert code_of(answer) in ("event", "answer"), name

    @pytest.mark.parametrize(
        "media",
        [
            "text/plain",
            "multipart/form-data; boundary=x",
            "application/x-www-form-urlencoded",
            "",
            ";;=",
            "application/json2",
        ],
    )
    def test_other_media_types_are_refused(self, hub: SmallHub, software: Software, media: str) -> None:
        for path in where(software, hub):
            answer = software.post(path, b"a=b", token="t", media=media)
            assert (answer.status_code, code_of(answer)) == (415, "media_type"), path

    def test_fifty_megabytes_are_not_read(self, hub: SmallHub, software: Software) -> None:
        big = b" " * 50_000_000
        for path, media in where(software, hub).items():
            answer = software.post(path, big, token="t", media=media)
            assert (answer.status_code, code_of(answer)) == (413, "too_large"), path

    def test_a_length_that_is_none_is_refused(self, hub: SmallHub, software: Software) -> None:
        for length, code in (("", "length"), ("-1", "length"), ("x", "length"), ("9" * 40, "too_large")):
            answer = Client().post(
                "/xarf/reports",
                data=b"{}",
                content_type="application/json",
                headers={"Authorization": f"Bearer {software.key}"},
                CONTENT_LENGTH=length,
            )
            assert code_of(answer) == code, length

    def test_other_methods_are_refused(self, hub: SmallHub, software: Software) -> None:
        for path in where(software, hub):
            headers = {"Authorization": f"Bearer {software.key}"}
            for method in ("get", "put", "delete", "patch"):
                assert getattr(Client(), method)(path, headers=headers).status_code == 405, path

    def test_no_cookie_and_no_form_token_is_asked_for(self, hub: SmallHub, software: Software) -> None:
        client = Client(enforce_csrf_checks=True)
        for path, media in where(software, hub).items():
            answer = client.post(
                path, data=b"{", content_type=media, headers={"Authorization": f"Bearer {software.key}"}
            )
            assert answer.status_code in (400, 401), path


class TestReports:
    def test_evidence_up_to_the_limit_is_taken_and_beyond_it_is_named(self, software: Software) -> None:
        def item(size: int) -> dict[str, str]:
            return {"content_type": "video/mp4", "payload": base64.b64encode(b"x" * size).decode()}

        most = 5 * 1024 * 1024
        assert software.report(plain(evidence=[item(most), item(most), item(most)])).status_code == 202
        for evidence, field in (([item(most + 3)], "evidence.0.payload"), ([item(most)] * 4, None)):
            answer = software.report(plain(evidence=evidence))
            assert answer.status_code in (413, 422)
            if field is not None:
                assert [each["field"] for each in answer.json()["error"]["fields"]] == [f"report.xarf.{field}"]
        assert IncomingReport.objects.count() == 1

    def test_the_longest_body_is_still_read_and_one_byte_more_is_not(self, software: Software) -> None:
        for more, status in ((0, 202), (1, 413)):
            raw = enveloped(plain())
            padded = raw + b" " * (xarf_server.MAX_BODY_BYTES - len(raw) + more)
            assert software.post("/xarf/reports", padded, token=f"t{more}").status_code == status

    def test_a_referral_that_holds_a_nul_is_refused_by_its_field(self, software: Software) -> None:
        made = referral(clock={"due_seconds": 3_600, "basis": "code", "citation": "a\0b"})
        answer = software.report({**to_report(made, sender=HUB), "description": "words"})
        assert answer.status_code == 422
        assert [each["field"] for each in answer.json()["error"]["fields"]] == [
            "report.xarf.evidence.0.payload.clock.citation"
        ]

    def test_every_member_spoilt_is_refused_or_taken(self, software: Software) -> None:
        spoils: list[Any] = [
            None,
            "",
            1,
            1.5,
            True,
            [],
            {},
            [None],
            {"a": []},
            "x" * 40_000,
            "\u202e",
            -1,
            10**30,
            [["a"]] * 3,
        ]
        for name in plain():
            for value in spoils:
                answer = software.report(
                    {**plain(), name: value, "report_id": str(uuid4()) if name != "report_id" else value}
                )
                assert answer.status_code in (202, 422), (name, value)

    def test_text_of_every_encoding_is_kept_as_something_that_can_be_kept(self, software: Software) -> None:
        for data in (
            b"\x00\x00",
            b"\xff\xfe\x00",
            "\ud800".encode("utf-8", "surrogatepass"),
            b"a\x00b",
            "é".encode("latin-1"),
        ):
            item = {"content_type": "text/html; charset=x", "payload": base64.b64encode(data).decode()}
            kept = software.taken(plain(evidence=[item]))
            assert "\x00" not in kept.evidence[0]["text"]
        kept = software.taken(plain(evidence=[{"content_type": "text/plain", "payload": "not base64!"}]))
        assert kept.evidence[0]["text"] == ""
