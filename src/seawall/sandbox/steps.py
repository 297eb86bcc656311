"""What the platforms do when its time comes: answer, take down, ask, give up, let a post reappear."""

from __future__ import annotations

import datetime as dt
import hashlib
import sqlite3

import orjson

from seawall.channels import ReferralDocument, signing
from seawall.channels.base import ANSWER_SCHEMA, ReasonCode, Status, parse_stamp, stamp
from seawall.sandbox import acts, profiles
from seawall.sandbox.profiles import PROFILES, Profile
from seawall.sandbox.store import Store


def plan(db: sqlite3.Connection, reference: str, steps: list[profiles.Step]) -> None:
    """Keep `steps` for their time."""
    db.executemany(
        "INSERT INTO step (due_at, kind, reference) VALUES (?, ?, ?)",
        [(stamp(step.due_at), step.kind, reference) for step in steps],
    )


def stop(db: sqlite3.Connection, reference: str, *, all_of_them: bool) -> None:
    """Do nothing more about a referral; a post that would come back by itself still does, unless `all_of_them`."""
    db.execute("DELETE FROM step WHERE reference = ? AND (? OR kind <> 'restore')", (reference, all_of_them))


def carry_out(store: Store, now: dt.datetime) -> int:
    """Do everything due by `now`, in order of time, each as of its own time; return how many steps that were.

    A step may cause another that is due as well, so the next one is looked up anew each time.
    """
    if store.reader.execute("SELECT 1 FROM step WHERE due_at <= ? LIMIT 1", (stamp(now),)).fetchone() is None:
        return 0
    done = 0
    with store.transaction() as db:
        while True:
            row = db.execute(
                "SELECT step.number, step.due_at, step.kind, referral.* FROM step JOIN referral USING (reference) "
                "WHERE step.due_at <= ? ORDER BY step.due_at, step.number LIMIT 1",
                (stamp(now),),
            ).fetchone()
            if row is None:
                break
            db.execute("DELETE FROM step WHERE number = ?", (row["number"],))
            _Doing(store, db, row).do(row["kind"])
            done += 1
        store.happened(now)
    return done


class _Doing:
    """One step being carried out."""

    def __init__(self, store: Store, db: sqlite3.Connection, row: sqlite3.Row) -> None:
        self.store, self.db = store, db
        self.at = parse_stamp(row["due_at"])
        self.reference: str = row["reference"]
        self.profile: Profile = PROFILES[row["platform"]]
        self.document = ReferralDocument.parse(row["document"].encode("utf-8"))
        self.native_id = self.document.content.native_id

    def do(self, kind: str) -> None:
        match kind:
            case "queue":
                self.answer("QUEUED", None, "Received and waiting to be read.")
            case "process":
                self.answer("PROCESSING", None, "Being read.")
            case "ask":
                question = profiles.pick(profiles.QUESTIONS, self.profile.name, self.native_id, "question")
                self.answer("PROCESSING", "NEED_MORE_INFORMATION", question)
            case "give_up":
                self.answer("COMPLETED", "REVIEWED_NO_ACTION", "No information came within seven days.")
            case "decide":
                self.decide()
            case "dispute":
                objection = profiles.pick(profiles.OBJECTIONS, self.profile.name, self.native_id, "objection")
                self.answer("DISPUTED", None, objection)
            case "restore":
                acts.undo(self.db, reference=self.reference, at=self.at)

    def decide(self) -> None:
        row = self.db.execute(
            "SELECT state FROM post WHERE platform = ? AND native_id = ?", (self.profile.name, self.native_id)
        ).fetchone()
        if row is None:
            self.answer("COMPLETED", "NOT_RESOLVABLE", "There has been no such post here.")
        elif row["state"] == "removed":
            self.answer("COMPLETED", "CONTENT_DOWN_OR_INACCESSIBLE", "The post was down when we came to it.")
        elif not profiles.accepts(self.profile, self.document):
            reason = profiles.pick(profiles.REFUSALS, self.profile.name, self.native_id, "refusal")
            self.answer("COMPLETED", "REVIEWED_NO_ACTION", reason)
        else:
            self.act()

    def act(self) -> None:
        action = profiles.action(self.profile, self.document)
        if not profiles.claims_falsely(self.profile, self.document):
            acts.act(
                self.db,
                reference=self.reference,
                platform=self.profile.name,
                native_id=self.native_id,
                done=action,
                at=self.at,
            )
            if action == "removed" and profiles.reappears(self.profile, self.native_id):
                plan(self.db, self.reference, [profiles.Step(self.at + profiles.REAPPEARS_AFTER, "restore")])
        puid = f"{self.profile.name}-{hashlib.sha256(self.native_id.encode('utf-8')).hexdigest()[:24]}"
        self.answer("COMPLETED", "ACTIONED", f"The post was {action}.", puid=puid, actions=[action])

    def answer(
        self,
        status: Status,
        reason_code: ReasonCode | None,
        detail: str,
        *,
        puid: str | None = None,
        actions: list[str] | None = None,
    ) -> None:
        count = self.db.execute("SELECT count(*) FROM answer WHERE reference = ?", (self.reference,)).fetchone()[0]
        signed = signing.sign(
            self.store.key(self.profile.name),
            {
                "schema": ANSWER_SCHEMA,
                "answer_id": f"{self.reference}.{count + 1}",
                "reference": self.reference,
                "at": stamp(self.at),
                "status": status,
                "reason_code": reason_code,
                "detail": detail,
                "puid": puid,
                "actions": actions or [],
            },
        )
        self.db.execute(
            "INSERT INTO answer (reference, answer_id, at, reason_code, body) VALUES (?, ?, ?, ?, ?)",
            (self.reference, signed["answer_id"], signed["at"], reason_code, orjson.dumps(signed).decode()),
        )
