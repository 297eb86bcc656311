"""What the platforms do to posts, and how it is taken back: a post is as the last act that still stands left it."""

from __future__ import annotations

import datetime as dt
import sqlite3

from seawall.channels.base import stamp

STATES = ("removed", "restricted")


def act(db: sqlite3.Connection, *, reference: str, platform: str, native_id: str, done: str, at: dt.datetime) -> None:
    """Do `done` to a post because of the referral `reference`: one of STATES, or a label."""
    state, label = (done, None) if done in STATES else (None, done)
    db.execute(
        "INSERT INTO act (reference, platform, native_id, state, label) VALUES (?, ?, ?, ?, ?)",
        (reference, platform, native_id, state, label),
    )
    _show(db, platform, native_id, at)


def undo(db: sqlite3.Connection, *, reference: str, at: dt.datetime) -> None:
    """Take back what was done because of the referral `reference`; what was done because of another one stays."""
    row = db.execute("SELECT platform, native_id FROM act WHERE reference = ?", (reference,)).fetchone()
    if row is not None:
        db.execute("DELETE FROM act WHERE reference = ?", (reference,))
        _show(db, row["platform"], row["native_id"], at)


def _show(db: sqlite3.Connection, platform: str, native_id: str, at: dt.datetime) -> None:
    state, label = "up", ""
    for row in db.execute(
        "SELECT state, label FROM act WHERE platform = ? AND native_id = ? ORDER BY number", (platform, native_id)
    ):
        state, label = row["state"] or state, row["label"] or label
    db.execute(
        "UPDATE post SET state = ?, label = ?, changed_at = ? WHERE platform = ? AND native_id = ?",
        (state, label, stamp(at), platform, native_id),
    )
