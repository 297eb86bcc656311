"""XARF reports of every type, and what our reader and the standard's own parser find wrong with one."""

import copy
import json
from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest
import xarf

from seawall.channels.xarf_report import Contact, ReportInvalid, read

HUB = Contact(org="Example hub", contact="referrals@hub.example", domain="hub.example")


def raw(report: object) -> bytes:
    return json.dumps(report).encode()


def named(report: object) -> list[str]:
    """Return the members that :func:`read` finds wrong with `report`."""
    with pytest.raises(ReportInvalid) as caught:
        read(raw(report))
    assert str(caught.value).endswith(".")
    return [problem.field for problem in caught.value.problems]


def reference(report: dict[str, Any], *, strict: bool = False) -> list[str]:
    """Return what the standard's own parser finds wrong."""
    result = xarf.parse(copy.deepcopy(report), strict=strict)
    return [f"{error.field}: {error.message}" for error in result.errors]


def schema_of(name: str) -> dict[str, Any]:
    text = resources.files("xarf").joinpath(f"schemas/types/{name}.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def _parts(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for part in schema.get("allOf", []):
        yield from _parts(schema_of("content-base") if part.get("$ref") == "./content-base.json" else part)


def _value(schema: dict[str, Any]) -> Any:
    by_format = {"date-time": "2026-11-02T09:30:00Z", "uri": "https://site.example/x"}
    if "enum" in schema:
        return schema["enum"][-1]
    if schema["type"] == "integer":
        return schema.get("minimum", 1)
    if schema["type"] == "array":
        return [_value(schema["items"])]
    return by_format.get(schema.get("format", ""), "CVE-2026-0001" if "CVE" in schema.get("pattern", "") else "words")


def least_of(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the shortest report of a type that the standard's schemas allow, and the schemas of its own members."""
    category, kind = name.split("/")
    schema = next(
        schema_of(file) for file in (f"{category}-{kind}", f"{category}-{kind.replace('_', '-')}") if _exists(file)
    )
    parts = list(_parts(schema))
    properties = {key: value for part in parts for key, value in part.get("properties", {}).items()}
    wanted = {key: properties[key] for part in parts for key in part.get("required", [])}
    report = {
        "xarf_version": "4.0.0",
        "report_id": "550e8400-e29b-41d4-a716-446655440000",
        "timestamp": "2026-11-02T09:30:00+01:00",
        "reporter": {"org": "Desk", "contact": "desk@desk.example", "domain": "desk.example"},
        "sender": {"org": "Desk", "contact": "desk@desk.example", "domain": "desk.example"},
        "source_identifier": "192.0.2.1",
        "category": category,
        "type": kind,
        **{key: _value(value) for key, value in wanted.items()},
    }
    extra: dict[str, dict[str, Any]] = {
        "copyright/p2p": {"swarm_info": {"info_hash": "0" * 40}},
        "copyright/usenet": {"message_info": {"message_id": "<1@news.example>"}},
        "connection/ddos": {"source_port": 53},
        "connection/login_attack": {"source_port": 53},
        "connection/port_scan": {"source_port": 53},
    }
    return {**report, **extra.get(name, {})}, wanted


def _exists(file: str) -> bool:
    return resources.files("xarf").joinpath(f"schemas/types/{file}.json").is_file()
