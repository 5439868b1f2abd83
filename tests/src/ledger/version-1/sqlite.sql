-- The ledger's tables, version 1.

CREATE TABLE meta (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    generation INTEGER NOT NULL
) STRICT;
INSERT INTO meta VALUES (1, 1);

-- One entry of a name for each scope: route and statement are empty for an
-- operator's.
CREATE TABLE names (
    issuer TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    route TEXT NOT NULL,
    statement TEXT NOT NULL,
    spelling TEXT NOT NULL,
    id TEXT,
    parent_kind TEXT,
    parent_name TEXT,
    parent_id TEXT,
    state TEXT NOT NULL
        CHECK (state IN ('observed', 'approved', 'suspended', 'retired', 'moved')),
    was_approved INTEGER NOT NULL,
    moved_to TEXT,
    since INTEGER NOT NULL,
    by TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (issuer, kind, name, route, statement)
) STRICT, WITHOUT ROWID;

-- Whatever the rules say: in one scope an identity has one current name.
CREATE UNIQUE INDEX names_current ON names (issuer, kind, id, route, statement)
    WHERE id IS NOT NULL AND state <> 'moved';
CREATE INDEX names_by_id ON names (issuer, kind, id) WHERE id IS NOT NULL;

CREATE TRIGGER retired_for_ever BEFORE UPDATE ON names WHEN OLD.state = 'retired'
BEGIN SELECT RAISE(ABORT, 'a retired name stays retired'); END;
CREATE TRIGGER barred_for_ever BEFORE DELETE ON names
WHEN OLD.state IN ('retired', 'moved')
BEGIN SELECT RAISE(ABORT, 'a name that was left or retired stays barred'); END;

CREATE TABLE history (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    by TEXT NOT NULL,
    action TEXT NOT NULL,
    issuer TEXT,
    kind TEXT,
    name TEXT,
    before TEXT,
    after TEXT,
    reason TEXT NOT NULL
) STRICT;
CREATE INDEX history_by_name ON history (issuer, kind, name);

CREATE TRIGGER history_is_not_rewritten BEFORE UPDATE ON history
BEGIN SELECT RAISE(ABORT, 'history is not rewritten'); END;
CREATE TRIGGER history_is_not_forgotten BEFORE DELETE ON history
BEGIN SELECT RAISE(ABORT, 'history is not forgotten'); END;

CREATE TABLE revocations (
    kind TEXT NOT NULL,
    issuer TEXT NOT NULL,
    value TEXT NOT NULL,
    key TEXT NOT NULL,
    at INTEGER NOT NULL,
    until INTEGER,
    by TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (kind, issuer, value)
) STRICT, WITHOUT ROWID;

CREATE TABLE spent (
    digest BLOB PRIMARY KEY CHECK (length(digest) = 32),
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX spent_by_end ON spent (until);
