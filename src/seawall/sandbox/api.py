"""The platform's side of the referral protocol: take a referral, list answers, take information."""

from __future__ import annotations

import base64
import hashlib
import re
import sqlite3

import orjson
from werkzeug import Request, Response

from seawall.channels import DocumentInvalid, ReferralDocument, signing
from seawall.channels.base import RECEIPT_SCHEMA, stamp
from seawall.channels.document import MAX_DOCUMENT_BYTES
from seawall.channels.http import INFORMATION_SCHEMA
from seawall.sandbox import profiles, steps
from seawall.sandbox.faults import Faults
from seawall.sandbox.profiles import PROFILES
from seawall.sandbox.replies import Refusal, body_of, json_of, need_token, raw, reply
from seawall.sandbox.store import Store

_KEY = re.compile(r"[\x21-\x7e]{1,200}")


class Api:
    """Handlers under ``/{platform}/api/v1/``."""

    def __init__(self, store: Store, faults: Faults) -> None:
        self._store = store
        self._faults = faults

    def receive(self, request: Request, platform: str) -> Response:
        """Take a referral and answer with a signed receipt; the same key and body get the same receipt again."""
        need_token(request, self._store.token(platform))
        fault = self._faults.strike("receive")
        key, body = _idempotency_key(request), body_of(request, MAX_DOCUMENT_BYTES)
        digest = hashlib.sha256(body).hexdigest()
        with self._store.transaction() as db:
            known = db.execute(
                "SELECT body_sha256, receipt FROM referral WHERE platform = ? AND idempotency_key = ?", (platform, key)
            ).fetchone()
            if known is None:
                status, receipt = 201, self._accept(db, platform, key, body, digest)
            elif known["body_sha256"] == digest:
                status, receipt = 200, str(known["receipt"]).encode()
            else:
                raise Refusal(409, "key_reused", "This Idempotency-Key was used for another document.")
        if fault == "timeout":
            self._faults.hold()
        if fault == "wrong_receipt":
            other = {**orjson.loads(receipt), "referral_id": "00000000-0000-4000-8000-000000000000"}
            receipt = orjson.dumps(signing.sign(self._store.key(platform), other))
        if fault == "bad_signature":
            receipt = _spoil(receipt)
        return raw(status, receipt)

    def _accept(self, db: sqlite3.Connection, platform: str, key: str, body: bytes, digest: str) -> bytes:
        try:
            document = ReferralDocument.parse(body)
        except DocumentInvalid as error:
            fields = [{"field": found.field, "problem": found.problem} for found in error.problems]
            raise Refusal(422, "fields", "The referral is not valid.", fields) from error
        if document.platform != platform:
            wrong = [{"field": "platform", "problem": f"is {document.platform}, but this is {platform}"}]
            raise Refusal(422, "fields", "The referral is for another platform.", wrong)
        referral_id = str(document.referral_id)
        if db.execute(
            "SELECT 1 FROM referral WHERE platform = ? AND referral_id = ?", (platform, referral_id)
        ).fetchone():
            raise Refusal(409, "referral_known", "This referral was received before under another Idempotency-Key.")
        now = self._store.now()
        signed = signing.sign(
            self._store.key(platform),
            {
                "schema": RECEIPT_SCHEMA,
                "reference": _reference(platform, referral_id),
                "referral_id": referral_id,
                "document_sha256": digest,
                "received_at": stamp(now),
            },
        )
        receipt = orjson.dumps(signed)
        db.execute(
            "INSERT INTO referral VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                signed["reference"],
                platform,
                referral_id,
                key,
                digest,
                body.decode("utf-8"),
                stamp(now),
                receipt.decode(),
            ),
        )
        steps.plan(db, signed["reference"], profiles.after_receipt(PROFILES[platform], document, now))
        self._store.happened(now)
        return receipt

    def listing(self, request: Request, platform: str, reference: str) -> Response:
        """List the signed answers to one referral, those after the answer id ``after`` only."""
        need_token(request, self._store.token(platform))
        fault = self._faults.strike("listing")
        referral = self._referral(platform, reference)
        after = request.args.get("after")
        number = 0
        if after is not None:
            row = self._store.reader.execute(
                "SELECT number FROM answer WHERE reference = ? AND answer_id = ?", (reference, after)
            ).fetchone()
            if row is None:
                wrong = [{"field": "after", "problem": "is not the id of an answer to this referral"}]
                raise Refusal(422, "fields", "The list cannot begin there.", wrong)
            number = row["number"]
        rows = self._store.reader.execute(
            "SELECT body FROM answer WHERE reference = ? AND number > ? ORDER BY number", (reference, number)
        ).fetchall()
        answers = [str(row["body"]).encode() for row in rows]
        if fault == "timeout":
            self._faults.hold()
        if fault == "duplicate":
            answers += answers[-1:]
        if fault == "bad_signature":
            answers[-1:] = [_spoil(answer) for answer in answers[-1:]]
        return reply(
            200,
            {
                "reference": reference,
                "referral_id": referral["referral_id"],
                "answers": [orjson.Fragment(answer) for answer in answers],
            },
        )

    def inform(self, request: Request, platform: str, reference: str) -> Response:
        """Take information; when it was asked for and no decision is made yet, decide with it."""
        need_token(request, self._store.token(platform))
        fault = self._faults.strike("inform")
        key, body = _idempotency_key(request), body_of(request, MAX_DOCUMENT_BYTES)
        digest = hashlib.sha256(body).hexdigest()
        value = json_of(body)
        text = value.get("text")
        if value.get("schema") != INFORMATION_SCHEMA:
            wrong = [{"field": "schema", "problem": f"must be {INFORMATION_SCHEMA}"}]
            raise Refusal(422, "fields", "The information is not valid.", wrong)
        if not isinstance(text, str) or not text.strip() or len(text) > 20_000:
            wrong = [{"field": "text", "problem": "must be a text of 1 to 20,000 characters"}]
            raise Refusal(422, "fields", "The information is not valid.", wrong)
        referral = self._referral(platform, reference)
        with self._store.transaction() as db:
            known = db.execute(
                "SELECT body_sha256 FROM information WHERE reference = ? AND idempotency_key = ?", (reference, key)
            ).fetchone()
            if known is not None and known["body_sha256"] != digest:
                raise Refusal(409, "key_reused", "This Idempotency-Key was used for other information.")
            if known is None:
                now = self._store.now()
                db.execute("INSERT INTO information VALUES (?, ?, ?, ?, ?)", (reference, key, digest, text, stamp(now)))
                self._reconsider(db, referral, reference)
                self._store.happened(now)
        if fault == "timeout":
            self._faults.hold()
        return reply(202, {"reference": reference, "accepted": True})

    def _reconsider(self, db: sqlite3.Connection, referral: sqlite3.Row, reference: str) -> None:
        waiting = db.execute("DELETE FROM step WHERE reference = ? AND kind = 'give_up'", (reference,)).rowcount
        if waiting:
            document = ReferralDocument.parse(str(referral["document"]).encode())
            profile, now = PROFILES[referral["platform"]], self._store.now()
            asked = db.execute(
                "DELETE FROM step WHERE reference = ? AND kind = 'ask'", (reference,)
            ).rowcount  # informed before asking: nothing left to ask
            begin = [profiles.Step(now, "process")] if not asked else []
            steps.plan(db, reference, [*begin, profiles.Step(now + profiles.deciding(profile, document), "decide")])

    def _referral(self, platform: str, reference: str) -> sqlite3.Row:
        row: sqlite3.Row | None = self._store.reader.execute(
            "SELECT * FROM referral WHERE platform = ? AND reference = ?", (platform, reference)
        ).fetchone()
        if row is None:
            raise Refusal(404, "reference", "There is no referral with this reference.")
        return row


def _reference(platform: str, referral_id: str) -> str:
    digest = hashlib.sha256(f"{platform}|{referral_id}".encode()).digest()
    return f"{platform[:3].upper()}-{base64.b32encode(digest[:10]).decode()}"


def _idempotency_key(request: Request) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if not _KEY.fullmatch(key):
        raise Refusal(
            400, "key", "The Idempotency-Key header must hold 1 to 200 printable ASCII characters without spaces."
        )
    return key


def _spoil(signed: bytes) -> bytes:
    value = orjson.loads(signed)
    value["signature"] = value["signature"][::-1]
    return orjson.dumps(value)
