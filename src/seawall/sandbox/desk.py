"""The control desk: seed posts, set the clock, put in faults. For whoever runs the demonstration, never the hub's code.

All under ``/control/`` and behind the control token.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import orjson
from werkzeug import Request, Response

from seawall.channels.base import parse_stamp, stamp
from seawall.sandbox import steps
from seawall.sandbox.faults import KINDS, Faults
from seawall.sandbox.profiles import PROFILES
from seawall.sandbox.replies import Refusal, body_of, json_of, reply
from seawall.sandbox.store import Store

MAX_SEED_BYTES = 64 * 1024 * 1024
_FIELDS = ("platform", "native_id", "text", "account", "posted_at")


class Desk:
    """Handlers under ``/control/``; the application checks the token."""

    def __init__(self, store: Store, base_url: str, faults: Faults) -> None:
        self._store = store
        self._base_url = base_url
        self._faults = faults

    def seed(self, request: Request) -> Response:
        """Take posts as JSON lines, all or none. A known post with another text is edited; its state stays."""
        wrong: list[dict[str, str]] = []
        posts: list[tuple[str, ...]] = []
        for number, line in enumerate(body_of(request, MAX_SEED_BYTES).split(b"\n"), start=1):
            if not line.strip():
                continue
            try:
                posts.append(_post(line))
            except ValueError as error:
                wrong.append({"field": f"line {number}", "problem": str(error)})
                if len(wrong) == 20:
                    break
        if wrong:
            raise Refusal(422, "lines", "Some lines are not posts; none was kept.", wrong)
        with self._store.transaction() as db:
            before = db.execute("SELECT count(*) FROM post").fetchone()[0]
            changes = db.total_changes
            db.executemany(
                "INSERT INTO post (platform, native_id, text, account, posted_at) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (platform, native_id) DO UPDATE SET text = excluded.text, account = excluded.account, "
                "posted_at = excluded.posted_at WHERE (text, account, posted_at) IS NOT "
                "(excluded.text, excluded.account, excluded.posted_at)",
                posts,
            )
            changed = db.total_changes - changes
            added = db.execute("SELECT count(*) FROM post").fetchone()[0] - before
        return reply(
            200,
            {"received": len(posts), "added": added, "edited": changed - added, "unchanged": len(posts) - changed},
        )

    def set_clock(self, request: Request) -> Response:
        """Stop the clock at ``now`` and do everything due by then. Time does not run backwards."""
        try:
            now = parse_stamp(str(json_of(body_of(request, 1_000)).get("now")))
        except (ValueError, OverflowError) as error:
            wrong = [{"field": "now", "problem": f"is not an RFC 3339 time with a zone: {error}"}]
            raise Refusal(422, "fields", "The clock was not set.", wrong) from error
        with self._store.transaction():
            latest = self._store.setting("latest")
            if latest is not None and now < parse_stamp(latest):
                raise Refusal(409, "backwards", f"Something happened at {latest} already; set the clock to no earlier.")
            self._store.set("clock", stamp(now))
            self._store.happened(now)
        done = steps.carry_out(self._store, now)
        return reply(200, {"now": stamp(now), "carried_out": done})

    def real_clock(self) -> Response:
        """Let the clock run again with the system's, or wait where it is until the system's catches up."""
        with self._store.transaction():
            self._store.set("clock", None)
        return reply(200, {"now": stamp(self._store.now()), "carried_out": 0})

    def set_faults(self, request: Request) -> Response:
        """Spoil the share ``rate`` of the API's requests with one of ``kinds``; rate 0 ends it."""
        value = json_of(body_of(request, 10_000))
        rate, kinds, delay = value.get("rate"), value.get("kinds", []), value.get("delay_seconds", 20)
        wrong = []
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
            wrong.append({"field": "rate", "problem": "must be a number from 0 to 1"})
        if not isinstance(kinds, list) or not all(isinstance(kind, str) and kind in KINDS for kind in kinds):
            wrong.append({"field": "kinds", "problem": f"must be a list of {', '.join(KINDS)}"})
        if isinstance(delay, bool) or not isinstance(delay, int | float) or not 0 <= delay <= 120:
            wrong.append({"field": "delay_seconds", "problem": "must be a number from 0 to 120"})
        if wrong:
            raise Refusal(422, "fields", "The faults were not set.", wrong)
        settings = {"rate": rate, "kinds": kinds, "delay_seconds": delay} if rate and kinds else None
        with self._store.transaction():
            self._store.set("faults", settings)
        return reply(200, {"faults": settings})

    def held(self, referral_id: str) -> Response:
        """Tell what the platforms hold under one referral's id, each text as it was received; an empty list for none."""
        rows = self._store.reader.execute(
            "SELECT r.platform, r.reference, r.document, w.document AS withdrawal FROM referral AS r "
            "LEFT JOIN withdrawal AS w USING (reference) WHERE r.referral_id = ? ORDER BY r.platform",
            (referral_id,),
        ).fetchall()
        return reply(200, {"referral_id": referral_id, "held": [dict(row) for row in rows]})

    def state(self) -> Response:
        """Tell everything that a demonstration or a test needs to know, the platforms' tokens included."""
        read = self._store.reader.execute
        answers = {
            (row["platform"], row["reason_code"]): row["n"]
            for row in read(
                "SELECT platform, reason_code, count(*) AS n FROM answer JOIN referral USING (reference) "
                "WHERE reason_code IS NOT NULL GROUP BY platform, reason_code"
            )
        }
        posts = {
            (row["platform"], row["state"]): row["n"]
            for row in read("SELECT platform, state, count(*) AS n FROM post GROUP BY platform, state")
        }
        referrals = dict(read("SELECT platform, count(*) FROM referral GROUP BY platform").fetchall())
        withdrawals = dict(read("SELECT platform, count(*) FROM withdrawal GROUP BY platform").fetchall())
        pending, next_due = read("SELECT count(*), min(due_at) FROM step").fetchone()
        platforms: dict[str, Any] = {
            name: {
                "endpoint": f"{self._base_url}/{name}/api",
                "public_key": self._store.public_key(name),
                "token": self._store.token(name),
                "rule": profile.rule,
                "rule_dated": profile.rule_dated.isoformat(),
                "posts": {state: n for (platform, state), n in posts.items() if platform == name},
                "referrals": referrals.get(name, 0),
                "withdrawals": withdrawals.get(name, 0),
                "answers": {code: n for (platform, code), n in answers.items() if platform == name},
            }
            for name, profile in PROFILES.items()
        }
        return reply(
            200,
            {
                "now": stamp(self._store.now()),
                "simulated": self._store.setting("clock") is not None,
                "pending_steps": pending,
                "next_due": next_due,
                "faults": self._store.setting("faults"),
                "struck": dict(self._faults.struck),
                "platforms": platforms,
            },
        )


def _post(line: bytes) -> tuple[str, ...]:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ValueError("is not a JSON object")
    for name in _FIELDS:
        if not isinstance(value.get(name), str) or "\x00" in value[name]:
            raise ValueError(f"{name} must be a text without NUL characters")
    if value["platform"] not in PROFILES:
        raise ValueError(f"platform must be one of {', '.join(PROFILES)}")
    native_id = value["native_id"]
    if not 1 <= len(native_id) <= 300 or not native_id.isprintable() or native_id in (".", ".."):
        raise ValueError("native_id must be 1 to 300 printable characters")
    try:
        posted_at = parse_stamp(value["posted_at"]).astimezone(dt.UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"posted_at is not an RFC 3339 time with a zone: {error}") from error
    return (value["platform"], native_id, value["text"], value["account"], stamp(posted_at))
