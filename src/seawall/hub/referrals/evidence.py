"""What the hub saw, kept as it was: the requests and answers of a look, as a WARC file (ISO 28500)."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from django.conf import settings
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from seawall.hub.identifiers import new_id
from seawall.hub.referrals.models import Probe, Referral
from seawall.probes import Observation

FOLDER = "probes"
_DROPPED = frozenset({"content-encoding", "transfer-encoding", "content-length", "set-cookie"})


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A file of evidence: its name below the evidence folder, and the SHA-256 of its bytes."""

    name: str
    sha256: str


def keep(*, referral: Referral, seen: Observation) -> Kept | None:
    """Write what a look was made of into a file of its own; None when nothing was exchanged. Raises OSError."""
    if not seen.exchanges:
        return None
    raw = _warc(seen)
    name = f"{FOLDER}/{referral.pk}/{new_id()}.warc.gz"
    path = folder() / name
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_suffix(".part")
    draft.write_bytes(raw)
    draft.replace(path)
    return Kept(name=name, sha256=sha256(raw).hexdigest())


def folder() -> Path:
    """Where evidence lies: a folder that the web server never serves."""
    return Path(settings.HOME) / "evidence"


def read(probe: Probe) -> bytes:
    """The file of a look. Raises OSError when it is not there, ValueError when it is not what was written."""
    raw = (folder() / probe.evidence).read_bytes()
    if sha256(raw).hexdigest() != probe.evidence_sha256:
        raise ValueError("The file of evidence is not the one that was kept: its SHA-256 differs.")
    return raw


def _warc(seen: Observation) -> bytes:
    out = BytesIO()
    writer = WARCWriter(out, gzip=True)
    date = seen.checked_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    for exchange in seen.exchanges:
        # The body is kept unpacked, so the headers that speak of how it was packed would no longer be true.
        headers = [(name, value) for name, value in exchange.headers if name.lower() not in _DROPPED]
        writer.write_record(
            writer.create_warc_record(
                exchange.url,
                "response",
                payload=BytesIO(exchange.body),
                length=len(exchange.body),
                http_headers=StatusAndHeaders(str(exchange.status), headers, protocol="HTTP/1.1"),
                warc_headers_dict={"WARC-Date": date},
            )
        )
    return out.getvalue()
