"""Who the hub is as a labeler: its DID, the key that signs labels, and the document that says both."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

from seawall.formats import dagcbor
from seawall.formats.atproto import is_account, multikey, sign
from seawall.hub.exchange.labels.rules import values_now
from seawall.hub.ledger.keys import keep

VERSION = 1
"""`ver` of a label (AT Protocol, specification "Labels")."""


NO_NAME = (
    "This hub can be no labeler: SEAWALL_PUBLIC_URL is no https address on the usual port. Set it, or name the labeler's account in "
    "SEAWALL_LABELER_DID."
)


class LabelKeyUnusable(Exception):
    """The key that signs labels cannot be read. The message names the file and what to do."""


def own_did() -> str | None:
    """The DID under which the hub issues labels: SEAWALL_LABELER_DID, else did:web of its public address.

    None where the public address can be no did:web of the AT Protocol (https on its usual port, a name and no number): then no labels
    are issued. http://localhost with a port is one for trying things out.
    """
    if settings.LABELER_DID:
        return str(settings.LABELER_DID)
    return _did_web()


def _did_web() -> str | None:
    parts = urlsplit(settings.PUBLIC_URL)
    host = parts.hostname or ""
    if parts.scheme == "http" and host == "localhost" and parts.port:
        return f"did:web:localhost%3A{parts.port}"
    try:
        ipaddress.ip_address(host)
    except ValueError:
        did = f"did:web:{host}"
        return did if parts.scheme == "https" and parts.port in (None, 443) and is_account(did) else None
    return None


def label_key() -> ec.EllipticCurvePrivateKey:
    """The key that signs labels (secp256k1), made when it is first needed. Raises LabelKeyUnusable."""
    return _key(settings.LEDGER_KEY_FILE.with_name("labels-secp256k1.pem"))


@lru_cache(maxsize=4)
def _key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        if not path.exists():
            made = ec.generate_private_key(ec.SECP256K1())
            form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            keep(path, made.private_bytes(serialization.Encoding.PEM, *form))
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise LabelKeyUnusable(f"The key {path} cannot be used ({error}). Restore it from a backup.") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256k1":
        raise LabelKeyUnusable(f"{path} holds another kind of key than secp256k1. Put the right file there.")
    return key


def written(moment: datetime) -> str:
    """A time as the AT Protocol writes it: UTC, milliseconds, Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def unsigned(
    *, src: str, uri: str, val: str, neg: bool, cts: datetime, exp: datetime | None
) -> dict[str, dagcbor.Value]:
    """A label without its signature: exactly what is signed. What does not apply is left out and never null."""
    label: dict[str, dagcbor.Value] = {"ver": VERSION, "src": src, "uri": uri, "val": val, "cts": written(cts)}
    if neg:
        label["neg"] = True
    if exp is not None:
        label["exp"] = written(exp)
    return label


def signed(label: dict[str, dagcbor.Value]) -> bytes:
    """The signature of a label: over its DAG-CBOR, by the hub's label key. Raises LabelKeyUnusable."""
    return sign(label_key(), dagcbor.encode(label))


def document() -> dict[str, Any] | None:
    """The DID document, where the hub's DID is the did:web of its own address; None where it lies elsewhere, or there is none."""
    did = own_did()
    if did is None or did != _did_web():
        return None
    return {
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        "id": did,
        **entries(did),
    }


def entries(did: str) -> dict[str, Any]:
    """The key and the service that the DID document of the labeler needs, wherever that document lies."""
    return {
        "verificationMethod": [
            {
                "id": f"{did}#atproto_label",
                "type": "Multikey",
                "controller": did,
                "publicKeyMultibase": multikey(label_key().public_key()),
            }
        ],
        "service": [
            {
                "id": "#atproto_labeler",
                "type": "AtprotoLabeler",
                "serviceEndpoint": str(settings.PUBLIC_URL).rstrip("/"),
            }
        ],
    }


def declaration(since: datetime) -> dict[str, Any]:
    """The record app.bsky.labeler.service: which labels there are, in which words. The labeler takes no reports by this way."""
    appeal = f"{str(settings.PUBLIC_URL).rstrip('/')}/labels/"
    values = values_now()
    return {
        "$type": "app.bsky.labeler.service",
        "createdAt": written(since),
        "policies": {
            "labelValues": [value.val for value in values.values()],
            "labelValueDefinitions": [
                {
                    "identifier": value.val,
                    "severity": "alert",
                    "blurs": "content",
                    "defaultSetting": "warn",
                    "adultOnly": False,
                    "locales": [
                        {"lang": lang, "name": name, "description": f"{said} {appeal}"}
                        for lang, (name, said) in value.words.items()
                    ],
                }
                for value in values.values()
            ],
        },
        "reasonTypes": [],
        "subjectTypes": [],
    }
