"""The platform's side of the referral protocol: take a referral, list answers, take information or a withdrawal."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import re
import sqlite3

import orjson
import pydantic
from werkzeug import Request, Response

from seawall.channels import DocumentInvalid, Problem, ReferralDocument, Withdrawal, signing
from seawall.channels.base import RECEIPT_SCHEMA, Sent, stamp
from seawall.channels.document import MAX_DOCUMENT_BYTES, problems
from seawall.channels.http import INFORMATION_SCHEMA
from seawall.sandbox import acts, profiles, steps
from seawall.sandbox.faults import Faults
from seawall.sandbox.profiles import PROFILES
from seawall.sandbox.replies import Cut, Refusal, body_of, json_of, need_token, raw, reply
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
        if fault == "duplicate":
            self._take_in(platform, key, body)
        status, receipt = self._take_in(platform, key, body)
        return self._receipted(status, receipt, platform, fault)

    def _take_in(self, platform: str, key: str, body: bytes) -> tuple[int, bytes]:
        """Status and receipt for a body under its idempotency key: new, or as given before."""
        digest = hashlib.sha256(body).hexdigest()
        with self._store.transaction() as db:
            known = db.execute(
                "SELECT body_sha256, receipt FROM referral WHERE platform = ? AND idempotency_key = ?", (platform, key)
            ).fetchone()
            if known is None:
                return 201, self._accept(db, platform, key, body, digest)
            if known["body_sha256"] == digest:
                return 200, str(known["receipt"]).encode()
            raise Refusal(409, "key_reused", "This Idempotency-Key was used for another document.")

    def _accept(self, db: sqlite3.Connection, platform: str, key: str, body: bytes, digest: str) -> bytes:
        try:
            document = ReferralDocument.parse(body)
        except DocumentInvalid as error:
            raise Refusal(422, "fields", "The referral is not valid.", _fields(error.problems)) from error
        if document.platform != platform:
            wrong = [{"field": "platform", "problem": f"is {document.platform}, but this is {platform}"}]
            raise Refusal(422, "fields", "The referral is for another platform.", wrong)
        referral_id = str(document.referral_id)
        if db.execute(
            "SELECT 1 FROM referral WHERE platform = ? AND referral_id = ?", (platform, referral_id)
        ).fetchone():
            raise Refusal(409, "referral_known", "This referral was received before under another Idempotency-Key.")
        now, reference = self._store.now(), _reference(platform, referral_id)
        receipt = self._receipt(platform, reference, document, digest, now)
        text = body.decode("utf-8")
        db.execute(
            "INSERT INTO referral VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (reference, platform, referral_id, key, digest, text, stamp(now), receipt.decode()),
        )
        steps.plan(db, reference, profiles.after_receipt(PROFILES[platform], document, now))
        self._store.happened(now)
        return receipt

    def _receipt(self, platform: str, reference: str, document: Sent, digest: str, now: dt.datetime) -> bytes:
        receipt = {
            "schema": RECEIPT_SCHEMA,
            "reference": reference,
            "referral_id": str(document.referral_id),
            "document_sha256": digest,
            "received_at": stamp(now),
        }
        return orjson.dumps(signing.sign(self._store.key(platform), receipt))

    def _receipted(self, status: int, receipt: bytes, platform: str, fault: str | None) -> Response:
        """Hand a receipt over, spoilt as the fault wants it."""
        if fault == "timeout":
            self._faults.hold()
        if fault == "cut":
            raise Cut
        if fault == "wrong_text":
            other = {**orjson.loads(receipt), "document_sha256": hashlib.sha256(receipt).hexdigest()}
            receipt = orjson.dumps(signing.sign(self._store.key(platform), other))
        if fault == "wrong_receipt":
            other = {**orjson.loads(receipt), "referral_id": "00000000-0000-4000-8000-000000000000"}
            receipt = orjson.dumps(signing.sign(self._store.key(platform), other))
        if fault == "bad_signature":
            receipt = _spoil(receipt)
        return raw(status, receipt)

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
        if fault == "cut":
            raise Cut
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

    def withdraw(self, request: Request, platform: str, reference: str) -> Response:
        """Take a withdrawal and answer with a signed receipt; the same key and body get the same receipt again."""
        need_token(request, self._store.token(platform))
        fault = self._faults.strike("withdraw")
        key, body = _idempotency_key(request), body_of(request, MAX_DOCUMENT_BYTES)
        digest = hashlib.sha256(body).hexdigest()
        referral = self._referral(platform, reference)
        with self._store.transaction() as db:
            known = db.execute(
                "SELECT reference, body_sha256, receipt FROM withdrawal WHERE platform = ? AND idempotency_key = ?",
                (platform, key),
            ).fetchone()
            if known is None:
                status, receipt = 201, self._take_back(db, referral, key, body, digest)
            elif (known["reference"], known["body_sha256"]) == (reference, digest):
                status, receipt = 200, str(known["receipt"]).encode()
            else:
                raise Refusal(409, "key_reused", "This Idempotency-Key was used for another withdrawal.")
        return self._receipted(status, receipt, platform, fault)

    def _take_back(self, db: sqlite3.Connection, referral: sqlite3.Row, key: str, body: bytes, digest: str) -> bytes:
        platform, reference = referral["platform"], referral["reference"]
        withdrawal = _withdrawal(body, referral)
        if db.execute("SELECT 1 FROM withdrawal WHERE reference = ?", (reference,)).fetchone():
            raise Refusal(409, "withdrawn", "This referral was withdrawn before under another Idempotency-Key.")
        now = self._store.now()
        receipt = self._receipt(platform, reference, withdrawal, digest, now)
        db.execute(
            "INSERT INTO withdrawal VALUES (?, ?, ?, ?, ?, ?, ?)",
            (reference, platform, key, digest, body.decode("utf-8"), stamp(now), receipt.decode()),
        )
        steps.stop(db, reference, all_of_them=withdrawal.restore)
        if withdrawal.restore:
            acts.undo(db, reference=reference, at=now)
        self._store.happened(now)
        return receipt

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


def _withdrawal(body: bytes, referral: sqlite3.Row) -> Withdrawal:
    """Read a withdrawal and check that it is of this very referral."""
    try:
        withdrawal = Withdrawal.model_validate_json(body)
    except pydantic.ValidationError as error:
        raise Refusal(422, "fields", "The withdrawal is not valid.", _fields(problems(error))) from error
    content = orjson.loads(referral["document"])["content"]
    wrong = [
        {"field": field, "problem": f"is not the one of the referral {referral['reference']}"}
        for field, given, held in (
            ("referral_id", str(withdrawal.referral_id), referral["referral_id"]),
            ("platform", withdrawal.platform, referral["platform"]),
            ("url", withdrawal.url, content["url"]),
        )
        if given != held
    ]
    if wrong:
        raise Refusal(422, "fields", "The withdrawal is of another referral.", wrong)
    return withdrawal


def _fields(found: tuple[Problem, ...]) -> list[dict[str, str]]:
    return [{"field": one.field, "problem": one.problem} for one in found]


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
