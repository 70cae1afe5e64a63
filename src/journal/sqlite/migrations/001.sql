-- Moments are nanoseconds since 1970; events, effects and states are JSON. Long columns stand last in their tables, so
-- that reading the short ones does not walk through them.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT
) STRICT;

CREATE TABLE delivery (
    row         INTEGER PRIMARY KEY,
    id          TEXT    NOT NULL UNIQUE,
    status      TEXT    NOT NULL CHECK (status IN ('unrouted', 'routed', 'dead')),
    received_at INTEGER NOT NULL,
    event       TEXT    NOT NULL,
    repo        INTEGER,
    why         TEXT,
    bytes       INTEGER NOT NULL,
    compressed  INTEGER NOT NULL,
    body        BLOB    NOT NULL
) STRICT;
CREATE INDEX delivery_unrouted ON delivery (row) WHERE status = 'unrouted';
CREATE INDEX delivery_dead ON delivery (row) WHERE status = 'dead';

CREATE TABLE machine (
    key          TEXT    NOT NULL PRIMARY KEY,
    kind         TEXT    NOT NULL,
    version      INTEGER NOT NULL,
    deadline     INTEGER,
    deadline_why TEXT,
    state        TEXT    NOT NULL
) STRICT;
CREATE INDEX machine_kind ON machine (kind);
CREATE INDEX machine_deadline ON machine (deadline) WHERE deadline IS NOT NULL;

CREATE TABLE lookup (
    key     TEXT NOT NULL,
    machine TEXT NOT NULL REFERENCES machine (key),
    PRIMARY KEY (key, machine)
) STRICT, WITHOUT ROWID;
CREATE INDEX lookup_machine ON lookup (machine);

-- A consumed event keeps its cause, so that it is not accepted again, and loses its words: they are in the log.
CREATE TABLE inbox (
    row         INTEGER PRIMARY KEY,
    cause       TEXT    NOT NULL UNIQUE,
    machine     TEXT    NOT NULL,
    posted_at   INTEGER NOT NULL,
    consumed_at INTEGER,
    event       TEXT,
    CHECK ((consumed_at IS NULL) = (event IS NOT NULL))
) STRICT;
CREATE INDEX inbox_waiting ON inbox (row) WHERE consumed_at IS NULL;

-- `total` sums the bytes of all entries up to this one, so that the size of any stretch is one subtraction.
CREATE TABLE log (
    seq     INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    total   INTEGER NOT NULL,
    machine TEXT    NOT NULL,
    version INTEGER NOT NULL,
    cause   TEXT    NOT NULL,
    rules   TEXT    NOT NULL,
    entropy BLOB    NOT NULL,
    event   TEXT    NOT NULL,
    effects TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX log_machine ON log (machine, version);

-- Open while `ended_at` is null; claimed while `lease` is not null.
CREATE TABLE outbox (
    row        INTEGER PRIMARY KEY,
    machine    TEXT    NOT NULL REFERENCES machine (key),
    version    INTEGER NOT NULL,
    place      INTEGER NOT NULL,
    lane       TEXT    NOT NULL,
    ordered_at INTEGER NOT NULL,
    ended_at   INTEGER,
    fence      INTEGER NOT NULL DEFAULT 0,
    lease      INTEGER,
    not_before INTEGER,
    postponed  INTEGER NOT NULL DEFAULT 0,
    tried      INTEGER NOT NULL DEFAULT 0,
    why        TEXT,
    notes      INTEGER NOT NULL DEFAULT 0,
    progress   TEXT,
    effect     TEXT    NOT NULL,
    UNIQUE (machine, version, place)
) STRICT;
CREATE INDEX outbox_open ON outbox (lane, row) WHERE ended_at IS NULL;
CREATE INDEX outbox_postponed ON outbox (not_before) WHERE not_before IS NOT NULL;

CREATE TABLE text (
    hash       TEXT    NOT NULL PRIMARY KEY,
    kept_at    INTEGER NOT NULL,
    bytes      INTEGER NOT NULL,
    compressed INTEGER NOT NULL,
    body       BLOB    NOT NULL
) STRICT;
