"""Referrals as XARF v4 reports, and any XARF v4 report read back (specification 4.2.0).

XARF has no type for what this hub refers and no member for a whole referral. :func:`to_report` therefore files a referral
under the standard type that claims the least, says so in the first words of the description, and puts the referral itself,
byte for byte, into the first item of ``evidence`` under the media type :data:`MEDIA_TYPE`. An evidence item is the
extension that every reader lets through: a member of our own at the top is refused by validators in strict mode.

:func:`read` takes any valid report, by whomever, with or without a referral in it. ``docs/reference/channels/xarf.md``
says the fields in words.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote, urlsplit
from uuid import UUID

import pydantic
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, StrictInt

from seawall.channels.base import parse_stamp, stamp
from seawall.channels.document import DocumentInvalid, Problem, ReferralDocument, problems
from seawall.channels.fields import Part
from seawall.channels.user_notice import asked_line
from seawall.channels.xarf_types import Filing, filing_of, mistakes, moment, uri
from seawall.durations import in_words

VERSION: Final = "4.2.0"
MEDIA_TYPE: Final = "application/vnd.seawall.referral+json"
TEST_TAG: Final = "lifecycle:test"
"""Marks a report that nobody is to act on."""
MAX_EVIDENCE_BYTES: Final = 5 * 1024 * 1024
MAX_ALL_EVIDENCE_BYTES: Final = 15 * 1024 * 1024
MAX_REPORT_BYTES: Final = MAX_ALL_EVIDENCE_BYTES * 4 // 3 + 1024 * 1024
"""What the specification lets evidence hold, in base64, and a mebibyte for the rest."""

_DEEPEST: Final = 32
_MOST_PROBLEMS: Final = 50
_MOST_VALUES: Final = 100_000
_LONGEST_DESCRIPTION: Final = 1_000
_URI_CHARACTERS: Final = "%/:?#[]@!$&'()*+,;=-._~"
_STRAY_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_IP_LITERAL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?@\[\]]*@)?\[[0-9A-Fa-fv:.]+\](?=[:/?]|$)")
_UUID: Final = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_DOMAIN: Final = re.compile(r"([a-z0-9]+(-[a-z0-9]+)*\.)+[a-z]{2,}")


class ReportInvalid(ValueError):
    """This is not a valid XARF v4 report; ``problems`` names each member that is wrong."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("Not a valid XARF v4 report: " + "; ".join(f"{p.field}: {p.problem}" for p in problems) + ".")


class Contact(Part):
    """An organisation that makes or carries a report."""

    org: Annotated[str, Field(max_length=200)]
    contact: Annotated[str, Field(max_length=320, pattern=r"^[^\s@]+@[^\s@]+$")]
    domain: Annotated[str, Field(max_length=253, pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$")]


class Evidence(Part):
    """One item of evidence as it came. Its payload is whatever the sender chose: look at it in a safe place only."""

    content_type: Annotated[str, Field(max_length=255)]
    payload: str
    description: Annotated[str, Field(max_length=500)] | None = None
    hash: Annotated[str, Field(pattern=r"^(md5|sha1|sha256|sha512):[a-fA-F0-9]+$")] | None = None
    size: Annotated[StrictInt, Field(ge=0, le=MAX_EVIDENCE_BYTES)] | None = None

    def data(self) -> bytes | None:
        """Return the payload's bytes, or None when it is not base64; the standard's own examples have some that are not."""
        try:
            return base64.b64decode(self.payload, validate=True)
        except (binascii.Error, ValueError):
            return None

    def intact(self) -> bool | None:
        """Tell whether the payload is what its hash says; None when it has no hash."""
        if self.hash is None:
            return None
        name, _, digest = self.hash.partition(":")
        data = self.data()
        return data is not None and hashlib.new(name, data, usedforsecurity=False).hexdigest() == digest.lower()


def _moment(value: object) -> object:
    if wrong := moment(value):
        raise ValueError(wrong)
    return parse_stamp(str(value).upper())


def _uuid(value: object) -> object:
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise ValueError("is not a UUID such as 550e8400-e29b-41d4-a716-446655440000")
    return value


class Incoming(BaseModel):
    """A valid XARF v4 report by somebody else.

    The core is typed, and what is mandatory for its type was checked; `fields` holds all members beyond the core as they
    came. `referral` is the whole referral when the report carries one. Nothing in it is known to be true, and `url` may
    have any scheme.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    xarf_version: Annotated[str, Field(max_length=20, pattern=r"^4\.[0-9]+\.[0-9]+$")]
    report_id: Annotated[UUID, BeforeValidator(_uuid)]
    timestamp: Annotated[AwareDatetime, BeforeValidator(_moment)]
    reporter: Contact
    sender: Contact
    source_identifier: Annotated[str, Field(min_length=1, max_length=2_048)]
    category: Literal[
        "messaging", "content", "copyright", "connection", "vulnerability", "infrastructure", "reputation"
    ]
    type: Annotated[str, Field(max_length=64)]
    source_port: Annotated[StrictInt, Field(ge=1, le=65_535)] | None = None
    evidence_source: Annotated[str, Field(max_length=200)] | None = None
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=50)] = ()
    tags: Annotated[tuple[Annotated[str, Field(max_length=200)], ...], Field(max_length=20)] = ()
    confidence: Annotated[float, Field(strict=True, ge=0, le=1)] | None = None
    description: Annotated[str, Field(max_length=_LONGEST_DESCRIPTION)] | None = None
    legacy_version: Literal["3"] | None = None
    fields: Mapping[str, JsonValue]
    referral: ReferralDocument | None = None

    @property
    def url(self) -> str | None:
        """The address complained of, where the type has one; otherwise None."""
        found = self.fields.get("url", self.fields.get("infringing_url"))
        return found if isinstance(found, str) and uri(found) is None else None

    @property
    def is_test(self) -> bool:
        """Whether nobody is to act on it."""
        return TEST_TAG in self.tags or (self.referral is not None and self.referral.demonstration)


_CORE: Final = frozenset(Incoming.model_fields) - {"fields", "referral"}


_ASKED: Final = {
    "remove": "remove the post",
    "restrict_age": "keep the post from children",
    "demote": "make the post less prominent",
    "label": "label the post",
}


def to_report(document: ReferralDocument, *, sender: Contact) -> dict[str, JsonValue]:
    """Write `document` as a XARF v4 report that `sender`, the hub, carries. Raises NoSuchType, as
    :func:`~seawall.channels.xarf_types.filing_of` says.

    Every recommended member is filled in, so that a reader in strict mode takes it; only ``domain`` is left out where the
    host is no domain name in the standard's sense (an address, a punycode name). `confidence` is 1 because a person decided.
    It is no measure, and the reference parser for Python reads whole numbers only.
    """
    filing, raw = filing_of(document), document.to_json()
    host, port = _host_and_port(document)
    sent = stamp(document.sent_at)
    return {
        "xarf_version": VERSION,
        "report_id": str(document.referral_id),
        "timestamp": sent,
        "reporter": _reporter(document, sender).model_dump(),
        "sender": sender.model_dump(),
        "source_identifier": host,
        "source_port": port,
        "category": "content",
        "type": filing.type,
        **filing.members,
        "url": uri_of(document.content.url),
        **({"domain": host} if _DOMAIN.fullmatch(host) else {}),
        "verified_at": sent,
        "verification_method": "manual",
        "target_brand": "none",
        "evidence_source": "manual_review",
        "confidence": 1,
        "description": _description(document, filing),
        "tags": [
            "seawall:referral",
            f"kind:{document.kind}",
            f"harm:{document.harm.id}",
            f"referrer:{document.referrer.type}",
            *(["referrer:state_body"] if document.referrer.state_body else []),
            *([TEST_TAG] if document.demonstration else []),
        ],
        "evidence": [
            {
                "content_type": MEDIA_TYPE,
                "description": "The whole referral as JSON, schema seawall-referral/1: grounds, clock and who refers.",
                "payload": base64.b64encode(raw).decode("ascii"),
                "hash": f"sha256:{document.sha256()}",
                "size": len(raw),
            }
        ],
    }


def uri_of(url: str) -> str:
    """Write an address as a URI (RFC 3986): what one may not hold there is percent-encoded, everything else stays.

    Square brackets stand only around an IP address, `#` only once, `%` only before two hexadecimal digits.
    """
    written = _STRAY_PERCENT.sub("%25", quote(url, safe=_URI_CHARACTERS))
    front, hash_sign, fragment = written.partition("#")
    address = _IP_LITERAL.match(front)
    kept = front[: address.end()] if address else ""
    rest = front[len(kept) :] + hash_sign + fragment.replace("#", "%23")
    return kept + rest.replace("[", "%5B").replace("]", "%5D")


def _host_and_port(document: ReferralDocument) -> tuple[str, int]:
    try:
        parts = urlsplit(document.content.url)
        host, port = (parts.hostname or "").encode("idna").decode("ascii"), parts.port
    except ValueError:
        host, port = "", None
    usual = 443 if document.content.url.startswith("https://") else 80
    return host or document.platform, port or usual


def _reporter(document: ReferralDocument, sender: Contact) -> Contact:
    """Who complains: the referrer, reached at its own address where the document gives one, otherwise through the hub."""
    mail = sender.contact
    if document.formal is not None:
        mail = document.formal.officer.email
    elif document.order is not None:
        mail = document.order.contact.email
    domain = mail.rpartition("@")[2] if mail != sender.contact else sender.domain
    return Contact(org=_cut(document.referrer.organisation, 200), contact=mail, domain=domain)


def _description(document: ReferralDocument, filing: Filing) -> str:
    """Say in 1,000 characters what a person has to know before reading the referral itself."""
    grounds = [f"{ground.act}, {ground.section}" for ground in document.grounds.legal]
    if document.grounds.term is not None:
        grounds.append(f"the platform’s rule of {document.grounds.term.dated}: {document.grounds.term.rule}")
    referrer, clock = document.referrer, document.clock
    state = ", a body of the state" if referrer.state_body else ""
    since = "being given" if document.formal is not None else "receipt"
    words = [
        *(["DEMONSTRATION: no real person, do nothing."] if document.demonstration else []),
        filing.remark,
        f"Referral {document.referral_id}, {document.kind.replace('_', ' ')},",
        f"by {_cut(referrer.organisation, 100)} ({referrer.type.replace('_', ' ')}{state}).",
        f"Harm: {_cut(document.harm.title, 80)} ({document.harm.id}).",
        f"Grounds: {_cut('; '.join(grounds), 240)}.",
        f"Asked: {_ASKED[document.requested_action]} within {in_words(timedelta(seconds=clock.due_seconds))} of {since}",
        f"({clock.basis}{': ' + _cut(clock.citation, 80) if clock.citation else ''}).",
        *asked_line(document.user_notice),
        "Made in good faith. Everything is in the first item of evidence.",
        document.explanation,
    ]
    return _cut(" ".join(words), _LONGEST_DESCRIPTION)


def _cut(text: str, longest: int) -> str:
    """Write `text` in one line of at most `longest` characters, its end marked where it was cut."""
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 1].rstrip()}…"


def read(raw: bytes, *, max_bytes: int = MAX_REPORT_BYTES) -> Incoming:
    """Read any XARF v4 report from JSON.

    `max_bytes` caps its length. Mandatory members are checked, of the core and of the type; what is optional in the
    core must be right where it is given. An item of evidence that does not fit its hash is no reason to refuse a report:
    ask :meth:`Evidence.intact`. A referral in it must be valid and be about what the report is about.

    Raises
    ------
    ReportInvalid
        Naming every member that is wrong, without repeating what was sent.
    """
    if len(raw) > max_bytes:
        raise ReportInvalid((Problem("report", f"is longer than {max_bytes:,} bytes"),))
    return incoming(json_of(raw))


def json_of(raw: bytes) -> object:
    """Read JSON in which no object names a member twice and every number is finite. Raises ReportInvalid."""
    try:
        return json.loads(raw.decode("utf-8"), object_pairs_hook=_object, parse_constant=_no_number)
    except RecursionError:
        problem = "is nested too deeply"
    except ValueError as error:
        problem = f"is not JSON: {error}"
    raise ReportInvalid((Problem("report", problem),))


def incoming(value: object) -> Incoming:
    """Read any XARF v4 report from JSON values, as :func:`read` does. Raises ReportInvalid."""
    if not isinstance(value, dict):
        raise ReportInvalid((Problem("report", "is not a JSON object"),))
    # The specification keeps `_internal` for its owner: it never comes from somebody else.
    report = {name: part for name, part in value.items() if name != "_internal"}
    if wrong := tuple(_unstorable(report)):
        raise ReportInvalid(wrong[:_MOST_PROBLEMS])
    if "Version" in report and "xarf_version" not in report:
        raise ReportInvalid((Problem("xarf_version", "is missing; this looks like XARF v3, convert it to v4"),))
    core = {name: part for name, part in report.items() if name in _CORE}
    rest = {name: part for name, part in report.items() if name not in _CORE}
    found: list[Problem] = []
    try:
        made = Incoming.model_validate({**core, "fields": rest})
    except pydantic.ValidationError as error:
        found += problems(error)
    named = {problem.field for problem in found}
    found += [problem for problem in mistakes(report) if problem.field not in named]
    if found or (found := [*_too_big(made.evidence)]):
        raise ReportInvalid(tuple(found[:_MOST_PROBLEMS]))
    return made.model_copy(update={"referral": _referral(made)})


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("an object names a member twice")
    return made


def _no_number(name: str) -> object:
    raise ValueError(f"{name} is not a number that JSON knows")


def _unstorable(report: Mapping[str, Any]) -> Iterator[Problem]:
    """Name what could not be kept in a database or written again as JSON."""
    waiting: list[tuple[str, object, int]] = [("report", report, 0)]
    seen = 0
    while waiting:
        path, value, depth = waiting.pop()
        seen += 1
        if isinstance(value, str):
            if "\x00" in value:
                yield Problem(path, "holds a NUL character")
            elif not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
                yield Problem(path, "holds half of a character")
        elif isinstance(value, float) and not math.isfinite(value):
            yield Problem(path, "is a number too large to keep")
        elif isinstance(value, dict | list):
            if depth == _DEEPEST:
                yield Problem(path, f"is nested more than {_DEEPEST} levels deep")
                continue
            if seen + len(waiting) + len(value) > _MOST_VALUES:
                yield Problem("report", f"holds more than {_MOST_VALUES:,} values")
                return
            waiting += _within(path, value, depth)


def _within(path: str, value: dict[str, Any] | list[Any], depth: int) -> Iterator[tuple[str, object, int]]:
    """Go through what `value` holds, names of members included, the last first."""
    if isinstance(value, list):
        for number in reversed(range(len(value))):
            yield f"{path}.{number}", value[number], depth + 1
        return
    for name, part in reversed(value.items()):
        shown = f"{path}.{name[:64]}".removeprefix("report.") if name.isprintable() else path
        yield shown, part, depth + 1
        yield shown, name, depth + 1


def _too_big(evidence: tuple[Evidence, ...]) -> Iterator[Problem]:
    sizes = [len(item.payload) * 3 // 4 - item.payload[-2:].count("=") for item in evidence]
    for number, size in enumerate(sizes):
        if size > MAX_EVIDENCE_BYTES:
            yield Problem(f"evidence.{number}.payload", f"is longer than {MAX_EVIDENCE_BYTES:,} bytes")
    if sum(sizes) > MAX_ALL_EVIDENCE_BYTES:
        yield Problem("evidence", f"is longer than {MAX_ALL_EVIDENCE_BYTES:,} bytes in all")


def _referral(report: Incoming) -> ReferralDocument | None:
    """Return the referral that `report` carries, or None. Raises ReportInvalid when it is spoilt or of something else."""
    holding = [
        number
        for number, item in enumerate(report.evidence)
        if item.content_type.partition(";")[0].strip().lower() == MEDIA_TYPE
    ]
    if not holding:
        return None
    place, data = f"evidence.{holding[0]}", report.evidence[holding[0]].data()
    if len(holding) > 1:
        raise ReportInvalid((Problem(f"evidence.{holding[1]}", "is a second referral; send one with each report"),))
    if data is None:
        raise ReportInvalid((Problem(f"{place}.payload", "is not base64"),))
    if report.evidence[holding[0]].intact() is False:
        raise ReportInvalid(
            (Problem(f"{place}.hash", "does not fit the payload; the referral was changed on its way"),)
        )
    try:
        found = ReferralDocument.parse(data)
    except DocumentInvalid as error:
        raise ReportInvalid(
            tuple(Problem(f"{place}.payload.{wrong.field}", wrong.problem) for wrong in error.problems)
        ) from error
    wrong = [Problem(f"{place}.payload.{each.field}", each.problem) for each in _unstorable(found.to_dict())]
    if found.referral_id != report.report_id:
        wrong.append(Problem("report_id", f"is not the id of the referral in {place}"))
    if report.fields.get("url") not in (found.content.url, uri_of(found.content.url)):
        wrong.append(Problem("url", f"is not the address that the referral in {place} is about"))
    if wrong:
        raise ReportInvalid(tuple(wrong))
    return found
