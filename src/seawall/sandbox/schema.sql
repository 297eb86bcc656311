CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS platform (
    name TEXT PRIMARY KEY,
    token TEXT NOT NULL,
    private_key BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS post (
    platform TEXT NOT NULL,
    native_id TEXT NOT NULL,
    text TEXT NOT NULL,
    account TEXT NOT NULL,
    posted_at TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'up' CHECK (state IN ('up', 'removed', 'restricted')),
    label TEXT NOT NULL DEFAULT '',
    changed_at TEXT,
    PRIMARY KEY (platform, native_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS referral (
    reference TEXT PRIMARY KEY,
    platform TEXT NOT NULL,
    referral_id TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    body_sha256 TEXT NOT NULL,
    document TEXT NOT NULL,
    received_at TEXT NOT NULL,
    receipt TEXT NOT NULL,
    UNIQUE (platform, idempotency_key),
    UNIQUE (platform, referral_id)
) STRICT;

CREATE TABLE IF NOT EXISTS answer (
    number INTEGER PRIMARY KEY,
    reference TEXT NOT NULL REFERENCES referral (reference),
    answer_id TEXT NOT NULL UNIQUE,
    at TEXT NOT NULL,
    reason_code TEXT,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS answer_by_reference ON answer (reference, number);

CREATE TABLE IF NOT EXISTS information (
    reference TEXT NOT NULL REFERENCES referral (reference),
    idempotency_key TEXT NOT NULL,
    body_sha256 TEXT NOT NULL,
    text TEXT NOT NULL,
    received_at TEXT NOT NULL,
    PRIMARY KEY (reference, idempotency_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS withdrawal (
    reference TEXT PRIMARY KEY REFERENCES referral (reference),
    platform TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    body_sha256 TEXT NOT NULL,
    document TEXT NOT NULL,
    received_at TEXT NOT NULL,
    receipt TEXT NOT NULL,
    UNIQUE (platform, idempotency_key)
) STRICT, WITHOUT ROWID;

-- What was really done to a post because of a referral, and still stands: either a state or a label.
CREATE TABLE IF NOT EXISTS act (
    number INTEGER PRIMARY KEY,
    reference TEXT NOT NULL UNIQUE REFERENCES referral (reference),
    platform TEXT NOT NULL,
    native_id TEXT NOT NULL,
    state TEXT CHECK (state IN ('removed', 'restricted')),
    label TEXT,
    CHECK ((state IS NULL) <> (label IS NULL))
) STRICT;
CREATE INDEX IF NOT EXISTS act_by_post ON act (platform, native_id, number);

-- What is still to be done; a step is deleted in the transaction that carries it out.
CREATE TABLE IF NOT EXISTS step (
    number INTEGER PRIMARY KEY,
    due_at TEXT NOT NULL,
    kind TEXT NOT NULL,
    reference TEXT NOT NULL REFERENCES referral (reference)
) STRICT;
CREATE INDEX IF NOT EXISTS step_by_time ON step (due_at, number);
CREATE INDEX IF NOT EXISTS step_by_reference ON step (reference);
