"""Signed HTTP requests as servers of the ActivityPub network know them: draft-cavage-http-signatures, ``rsa-sha256``.

A request carries ``Date``, for one with a body ``Digest``, and a ``Signature`` over ``(request-target) host date`` (and
``digest``) that names the key by its address. The draft never became a standard, and its successor, RFC 9421, is not yet
understood by most of these servers; so this is the form to send. Nothing here opens a connection or reads a clock that
it was not given.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache
from typing import Final, Self

import httpx
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

SKEW: Final = dt.timedelta(minutes=5)
"""How far a request's Date may lie from the present, before or after, unless the caller says otherwise."""

REQUEST_TARGET: Final = "(request-target)"
_MUST_SIGN: Final = (REQUEST_TARGET, "host", "date")
_ALGORITHMS: Final = frozenset({"rsa-sha256", "hs2019"})  # hs2019: what the key says, and the key is RSA
_LONGEST_HEADER: Final = 4_096
_MOST_HEADERS: Final = 20
_KEY_BITS: Final = (2_048, 8_192)
_PARAMETER = re.compile(r'\s*([A-Za-z][A-Za-z0-9_]{0,31})=(?:"([^"\\]*)"|([0-9]{1,15}))\s*(?:,|$)')
_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,64}|\(request-target\)")
_KEY_ID = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,2048}")
_DIGEST = re.compile(r"\s*sha-256=([A-Za-z0-9+/]{43}=)\s*", re.IGNORECASE)


class SignatureError(ValueError):
    """The request is not signed in a way that can be relied on; the message says what is wrong with it."""


class SignatureMissing(SignatureError):
    """The request carries no signature, or its signature leaves out something that it has to cover."""


class SignatureMalformed(SignatureError):
    """A header of the request cannot be read."""


class SignatureOutOfTime(SignatureError):
    """The request's Date is too far from the present: a wrong clock, or an old request sent again."""


class DigestMismatch(SignatureError):
    """The body is not the one that was signed."""


class SignatureWrong(SignatureError):
    """The signature is not by this key over this request."""


class KeyUnusable(ValueError):
    """The text is not an RSA key that may be used. The message never holds any of it."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A ``Signature`` header, read and not yet verified. `headers` are the names that it covers, in its own order."""

    key_id: str
    algorithm: str
    headers: tuple[str, ...]
    value: bytes


@dataclass(frozen=True, slots=True)
class Signer:
    """An RSA key and the address at which others find its public half (``https://hub.example/actor#main-key``)."""

    key_id: str
    key: rsa.RSAPrivateKey = field(repr=False)

    @classmethod
    def from_pem(cls, key_id: str, pem: str) -> Self:
        """Read an unencrypted RSA private key in PEM. Raises KeyUnusable."""
        if not _KEY_ID.fullmatch(key_id):
            raise KeyUnusable("The key's address is not 1 to 2,048 printable characters without spaces or quotes.")
        return cls(key_id, _private_key(pem))

    def public_pem(self) -> str:
        """Return the public half in PEM, as an actor document publishes it."""
        public = self.key.public_key()
        return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode(
            "ascii"
        )

    def headers(
        self, method: str, url: str, body: bytes | None = None, *, at: dt.datetime | None = None
    ) -> dict[str, str]:
        """Return ``Host``, ``Date``, ``Signature`` and, when there is a body, ``Digest`` for a request to `url`.

        The request must then be sent to exactly this address with exactly this body; a redirect needs headers of its
        own. `at` is the time to sign; without it, the system's, since the other side compares it with its own clock.
        """
        address = httpx.URL(url)
        made = {
            "Host": address.netloc.decode("ascii"),
            "Date": http_date(at or dt.datetime.now(dt.UTC)),
        }
        if body is not None:
            made["Digest"] = digest(body)
        names = (REQUEST_TARGET, *(name.lower() for name in made))
        text = signing_string(names, method=method, target=address.raw_path.decode("ascii"), headers=made)
        value = base64.b64encode(self.key.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode("ascii")
        made["Signature"] = (
            f'keyId="{self.key_id}",algorithm="rsa-sha256",headers="{" ".join(names)}",signature="{value}"'
        )
        return made


def http_date(moment: dt.datetime) -> str:
    """Write an aware datetime as an HTTP date (``Sun, 05 Jan 2014 21:31:40 GMT``). Raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone cannot be written")
    return format_datetime(moment.astimezone(dt.UTC), usegmt=True)


def digest(body: bytes) -> str:
    """Return the value of the ``Digest`` header for `body`."""
    return "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode("ascii")


def parse(header: str) -> Signature:
    """Read a ``Signature`` header. Raises SignatureMalformed, saying what is wrong with it."""
    if len(header) > _LONGEST_HEADER:
        raise SignatureMalformed(f"The Signature header is longer than {_LONGEST_HEADER} characters.")
    found: dict[str, str] = {}
    position = 0
    while position < len(header):
        match = _PARAMETER.match(header, position)
        if match is None:
            raise SignatureMalformed('The Signature header is not a list of name="value", separated by commas.')
        if match[1] in found:
            raise SignatureMalformed(f"The Signature header names {match[1]} twice.")
        found[match[1]] = match[2] if match[2] is not None else match[3]
        position = match.end()
    if missing := [name for name in ("keyId", "signature") if not found.get(name)]:
        raise SignatureMalformed(f"The Signature header lacks {' and '.join(missing)}.")
    if not _KEY_ID.fullmatch(found["keyId"]):
        raise SignatureMalformed("The Signature header's keyId is not an address in printable characters.")
    algorithm = found.get("algorithm", "hs2019").lower()
    if algorithm not in _ALGORITHMS:
        raise SignatureMalformed("The signature's algorithm is not rsa-sha256, the only one that is taken here.")
    names = tuple(found.get("headers", "date").lower().split())
    if len(names) > _MOST_HEADERS or len(set(names)) != len(names):
        raise SignatureMalformed(f"The signature covers a header twice, or more than {_MOST_HEADERS} headers.")
    if not all(_NAME.fullmatch(name) for name in names):
        raise SignatureMalformed("The signature covers something that is not the name of a header.")
    try:
        value = base64.b64decode(found["signature"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise SignatureMalformed("The signature itself is not base64.") from error
    return Signature(found["keyId"], algorithm, names, value)


def signing_string(names: Sequence[str], *, method: str, target: str, headers: Mapping[str, str]) -> bytes:
    """Return the bytes that are signed: one line a name, as section 2.3 of the draft says.

    `target` is the request's path with its query. Raises SignatureMissing when a header that is named is not there and
    SignatureMalformed when one breaks the line.
    """
    given = {name.lower(): value for name, value in headers.items()}
    lines = []
    for name in names:
        if name == REQUEST_TARGET:
            lines.append(f"{REQUEST_TARGET}: {method.lower()} {target}")
        elif name in given:
            lines.append(f"{name}: {given[name].strip()}")
        else:
            raise SignatureMissing(f"The signature covers the header {name}, which the request does not carry.")
    if any("\n" in line or "\r" in line for line in lines):
        raise SignatureMalformed("A header that the signature covers holds a line break.")
    return "\n".join(lines).encode("utf-8", errors="replace")


def verify(
    *,
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes,
    public_pem: str,
    host: str,
    at: dt.datetime,
    skew: dt.timedelta = SKEW,
) -> Signature:
    """Check that a request was signed by `public_pem` for this server, lately, with this body; return its signature.

    `target` is the path with its query as it stood in the request line, `host` the name (and port) that this server
    answers to. The caller fetches the key that :func:`parse` names and **must check whose it is**: that the actor of
    the activity is the owner of that key.

    Raises
    ------
    SignatureError
        One of its kinds, by the first thing that is wrong.
    KeyUnusable
        `public_pem` is not an RSA key of 2,048 to 8,192 bits.
    """
    given = {name.lower(): value for name, value in headers.items()}
    if "signature" not in given:
        raise SignatureMissing("The request is not signed: it has no Signature header.")
    signature = parse(given["signature"])
    needed = (*_MUST_SIGN, "digest") if body or method.upper() not in ("GET", "HEAD", "DELETE") else _MUST_SIGN
    if missing := [name for name in needed if name not in signature.headers]:
        raise SignatureMissing(f"The signature does not cover {', '.join(missing)}.")
    text = signing_string(signature.headers, method=method, target=target, headers=given)
    if given["host"].strip().lower() != host.lower():
        raise SignatureWrong(f"The request was signed for another host than {host}.")
    _check_date(given["date"], at, skew)
    if "digest" in signature.headers:
        _check_digest(given["digest"], body)
    try:
        _public_key(public_pem).verify(signature.value, text, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature as error:
        raise SignatureWrong(f"The signature is not by the key {signature.key_id[:200]} over this request.") from error
    return signature


def _check_date(text: str, at: dt.datetime, skew: dt.timedelta) -> None:
    try:
        sent = parsedate_to_datetime(text[:64])
        sent = sent.replace(tzinfo=dt.UTC) if sent.tzinfo is None else sent.astimezone(dt.UTC)
    except (ValueError, TypeError, OverflowError, IndexError) as error:
        raise SignatureMalformed("The Date header is not an HTTP date.") from error
    if abs(at - sent) > skew:
        raise SignatureOutOfTime(
            f"The request is dated {http_date(sent)}, more than {skew} from the present, {http_date(at)}. "
            "Check the clocks of both servers."
        )


def _check_digest(header: str, body: bytes) -> None:
    sums = [match[1] for part in header[:_LONGEST_HEADER].split(",") if (match := _DIGEST.fullmatch(part))]
    if len(sums) != 1:
        raise SignatureMalformed("The Digest header does not hold exactly one SHA-256 sum in base64.")
    if not hmac.compare_digest(base64.b64decode(sums[0]), hashlib.sha256(body).digest()):
        raise DigestMismatch("The body is not the one whose digest was signed.")


@lru_cache(maxsize=4)
def _private_key(pem: str) -> rsa.RSAPrivateKey:
    """Read the key once: OpenSSL checks its numbers for longer than a signature takes."""
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyUnusable("The signing key is not an unencrypted private key in PEM.") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise KeyUnusable("The signing key is not an RSA key; servers of this network know no other kind.")
    _check_size(key.key_size)
    return key


def _public_key(pem: str) -> rsa.RSAPublicKey:
    try:
        key = serialization.load_pem_public_key(pem[:16_384].encode())
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyUnusable("What the actor publishes is not a public key in PEM.") from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise KeyUnusable("The actor's key is not an RSA key.")
    _check_size(key.key_size)
    return key


def _check_size(bits: int) -> None:
    least, most = _KEY_BITS
    if not least <= bits <= most:
        raise KeyUnusable(f"The RSA key has {bits} bits; {least:,} to {most:,} are taken.")
