"""XARF v4 reports by other people, judged beside the standard's reference parser for Python."""

import base64
import hashlib
import json
from collections.abc import Callable
from importlib import resources
from typing import Any

import pytest
import xarf
from tests.channels.samples import document
from tests.channels.xarf_samples import HUB, least_of, named, raw, reference

from seawall.channels.xarf_report import MAX_EVIDENCE_BYTES, MEDIA_TYPE, Incoming, ReportInvalid, read, to_report
from seawall.channels.xarf_types import TYPES


def test_the_types_are_those_of_the_standard() -> None:
    assert set(TYPES) == set(xarf.schema_validator.get_supported_types())


@pytest.mark.parametrize("name", TYPES)
def test_every_type_is_read_and_what_it_must_have_is_missed(name: str) -> None:
    report, wanted = least_of(name)
    assert reference(report) == []
    got = read(raw(report))
    assert (f"{got.category}/{got.type}", got.referral) == (name, None)
    assert got.timestamp.isoformat() == "2026-11-02T08:30:00+00:00"
    assert set(got.fields) == set(report) - set(Incoming.model_fields)
    assert set(TYPES[name]) == set(wanted)
    for member in set(report) - {"tags"}:
        left = {key: value for key, value in report.items() if key != member}
        assert reference(left), member
        assert member in named(left)
    for member, schema in wanted.items():
        for value in schema.get("enum", []):
            changed = {**report, member: value}
            if value != "smtp":
                assert reference(changed) == []
                read(raw(changed))
        for wrong in (None, 0.5, {"a": []}, ["", 7]):
            assert reference({**report, member: wrong})
            assert member in named({**report, member: wrong})


def test_mail_wants_its_envelope() -> None:
    report = {**least_of("messaging/spam")[0], "protocol": "smtp"}
    assert reference(report)
    assert named(report) == ["smtp_from", "source_port"]
    assert read(raw({**report, "smtp_from": "a@b.example", "source_port": 25})).source_port == 25


def test_port_is_wanted_only_where_the_source_is_an_address() -> None:
    report, _ = least_of("connection/ddos")
    named_source = {**report, "source_identifier": "botnet.example"}
    del report["source_port"], named_source["source_port"]
    assert named(report) == ["source_port"]
    assert read(raw(named_source)).source_port is None


def _examples() -> list[Any]:
    folder = resources.files("xarf").joinpath("schemas/types")
    found = []
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        found += json.loads(file.read_text("utf-8")).get("examples", [])
    return found


def test_examples_of_the_standard_are_judged_as_its_parser_judges_them() -> None:
    judged = 0
    for example in _examples():
        wrong = [error for error in reference(example) if not error.startswith("tags.")]  # a tag is no reason to refuse
        if wrong:
            assert named(example)
        else:
            assert read(raw(example)).fields is not None
        judged += 1
    assert judged >= 20


def least(**changes: Any) -> dict[str, Any]:
    return {**least_of("content/phishing")[0], **changes}


@pytest.mark.parametrize(
    ("report", "fields"),
    [
        ([], ["report"]),
        ({"Version": "3", "ReporterInfo": {}}, ["xarf_version"]),
        (least(xarf_version="3.0.0"), ["xarf_version"]),
        (least(xarf_version="4.0.0\n"), ["xarf_version"]),
        (least(report_id="{550e8400-e29b-41d4-a716-446655440000}"), ["report_id"]),
        (least(timestamp=1_700_000_000), ["timestamp"]),
        (least(timestamp="1700000000"), ["timestamp"]),
        (least(timestamp="2026-11-02T09:30:00"), ["timestamp"]),
        (least(timestamp="2026-13-02T09:30:00Z"), ["timestamp"]),
        (least(timestamp="0001-01-01T00:00:00+23:59"), ["timestamp"]),
        (least(reporter="Desk"), ["reporter"]),
        (least(reporter={"org": "Desk", "contact": "nobody"}), ["reporter.contact", "reporter.domain"]),
        (
            least(sender={"org": "D", "contact": "a@b\r\nBcc: c@d", "domain": "a_b"}),
            ["sender.contact", "sender.domain"],
        ),
        (least(source_identifier=""), ["source_identifier"]),
        (least(source_identifier="a\x00b"), ["source_identifier"]),
        (least(category="hate"), ["category"]),
        (least(type="hate"), ["type"]),
        (least(type=7), ["type"]),
        (least(url="no address"), ["url"]),
        (least(url={"$ne": 1}), ["url"]),
        (least(source_port=True), ["source_port"]),
        (least(source_port=0), ["source_port"]),
        (least(confidence="high"), ["confidence"]),
        (least(confidence=1.5), ["confidence"]),
        (least(description="d" * 1_001), ["description"]),
        (least(tags=["a:b"] * 21), ["tags"]),
        (least(evidence=[{"payload": "AA=="}]), ["evidence.0.content_type"]),
        (least(evidence=[{"content_type": "text/plain", "payload": "", "x": 1}]), ["evidence.0.x"]),
        (least(evidence=[{"content_type": "text/plain", "payload": "", "hash": "x"}]), ["evidence.0.hash"]),
        (least(more={"deep": {"a\x00": 1}}), ["more.deep"]),
        (least(more=["\ud800"]), ["more.0"]),
        (least(xarf_version=None, category=None, url=None), ["xarf_version", "category"]),
    ],
)
def test_what_is_wrong_is_named(report: Any, fields: list[str]) -> None:
    assert named(report) == fields


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"{", "is not JSON"),
        (b"[" * 100_000, "is nested too deeply"),
        (b'{"a": 1, "a": 2}', "names a member twice"),
        (b'{"a": NaN}', "NaN is not a number"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "is not JSON"),
        (b'{"a": 1e999}', "too large to keep"),
        (b'{"a": ' * 40 + b"1" + b"}" * 40, "more than 32 levels deep"),
        (b'{"a": [' + b"0," * 200_000 + b"0]}", "holds more than 100,000 values"),
        (b'{"a": [' + b"[0]," * 60_000 + b"0]}", "holds more than 100,000 values"),
    ],
)
def test_what_is_no_report_is_refused_in_a_sentence(body: bytes, said: str) -> None:
    with pytest.raises(ReportInvalid, match=said):
        read(body)


def test_report_over_the_cap_is_not_looked_at() -> None:
    with pytest.raises(ReportInvalid, match="longer than 10 bytes"):
        read(b"not JSON at all", max_bytes=10)


@pytest.mark.parametrize(
    ("sizes", "field"),
    [((6_990_508, 1), "evidence.0.payload"), ((6_900_000,) * 4, "report"), ((6_900_000,) * 3 + (500_000,), "evidence")],
)
def test_evidence_is_capped_as_the_standard_says(sizes: tuple[int, ...], field: str) -> None:
    items = [{"content_type": "a/b", "payload": "A" * (size - size % 4)} for size in sizes]
    assert named(least(evidence=items)) == [field]


def test_evidence_as_long_as_the_standard_lets_it_be_is_read() -> None:
    payload = base64.b64encode(bytes(MAX_EVIDENCE_BYTES)).decode()
    assert len(read(raw(least(evidence=[{"content_type": "a/b", "payload": payload}] * 3))).evidence) == 3


def test_nobody_elses_secrets_are_kept_and_a_colliding_name_does_no_harm() -> None:
    got = read(raw(least(_internal={"ticket": 1}, referral="x", fields={"y": 1})))
    assert got.fields == {"url": "https://site.example/x", "referral": "x", "fields": {"y": 1}}
    assert got.referral is None


def test_spoilt_evidence_is_told_and_no_reason_to_refuse() -> None:
    picture, digest = b"\x89PNG", hashlib.sha256(b"\x89PNG").hexdigest()
    items = [
        {"content_type": "image/png", "payload": base64.b64encode(picture).decode(), "hash": f"sha256:{digest}"},
        {"content_type": "image/png", "payload": base64.b64encode(picture).decode(), "hash": f"sha256:{digest[:-1]}0"},
        {"content_type": "image/png", "payload": "base64_encoded_screenshot", "hash": f"sha256:{digest}"},
        {"content_type": "image/png", "payload": base64.b64encode(picture).decode()},
    ]
    got = read(raw(least(evidence=items))).evidence
    assert [item.intact() for item in got] == [True, False, False, None]
    assert [item.data() for item in got] == [picture, picture, None, picture]
    assert MAX_EVIDENCE_BYTES == 5_242_880


def _ours(change: Callable[[dict[str, Any], dict[str, Any]], object]) -> dict[str, Any]:
    report: dict[str, Any] = to_report(document(), sender=HUB)
    change(report, report["evidence"][0])
    return report


def _payload(**changes: Any) -> str:
    return base64.b64encode(raw({**document().to_dict(), **changes})).decode()


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        (lambda report, item: report.update(report_id="550e8400-e29b-41d4-a716-446655440000"), ["report_id"]),
        (lambda report, item: report.update(url="https://other.example/"), ["url"]),
        (lambda report, item: item.update(hash="sha256:" + "0" * 64), ["evidence.0.hash"]),
        (lambda report, item: item.update(payload="%%%", hash=None), ["evidence.0.payload"]),
        (lambda report, item: report["evidence"].append(dict(item)), ["evidence.1"]),
        (
            lambda report, item: item.update(payload=_payload(grounds={"legal": [], "term": None}), hash=None),
            ["evidence.0.payload.grounds"],
        ),
        (
            lambda report, item: item.update(payload=_payload(sent_at="x", good_faith=False), hash=None),
            ["evidence.0.payload.sent_at", "evidence.0.payload.good_faith"],
        ),
        (
            lambda report, item: item.update(payload=base64.b64encode(b"{" * 300_000).decode(), hash=None),
            ["evidence.0.payload.document"],
        ),
    ],
)
def test_referral_that_does_not_belong_to_its_report_is_refused(change: Any, fields: list[str]) -> None:
    assert named(_ours(change)) == fields


def test_media_type_is_known_however_it_is_written() -> None:
    report = _ours(lambda report, item: item.update(content_type=f"{MEDIA_TYPE.upper()}; charset=utf-8"))
    assert read(raw(report)).referral is not None


def test_referral_is_found_behind_other_evidence() -> None:
    other = {"content_type": "text/plain", "payload": ""}
    report = _ours(lambda report, item: report["evidence"].insert(0, other))
    assert read(raw(report)).referral is not None
