-- From version 1 of the ledger's tables to version 2: what is kept of modules.

-- What each route serves of each module. A version stands as text, and so does
-- the highest major version that is approved, of 64 bits without a sign.
CREATE TABLE modules (
    route TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    digest TEXT NOT NULL,
    approved TEXT NOT NULL,
    barred_to TEXT,
    barred_at INTEGER,
    barred_by TEXT,
    barred_reason TEXT,
    promoted TEXT,
    rollbacks INTEGER NOT NULL,
    since INTEGER NOT NULL,
    by TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (route, name)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER what_was_served_is_not_forgotten BEFORE DELETE ON modules
BEGIN SELECT RAISE(ABORT, 'what was served is not forgotten'); END;
CREATE TRIGGER rollbacks_are_counted BEFORE UPDATE ON modules
WHEN NEW.rollbacks < OLD.rollbacks
BEGIN SELECT RAISE(ABORT, 'rollbacks are not taken back'); END;

-- One version has one digest.
CREATE TABLE module_digests (
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    digest TEXT NOT NULL,
    at INTEGER NOT NULL,
    by TEXT NOT NULL,
    PRIMARY KEY (name, version)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER a_digest_stays BEFORE UPDATE ON module_digests
BEGIN SELECT RAISE(ABORT, 'one version has one digest'); END;
CREATE TRIGGER a_digest_is_not_forgotten BEFORE DELETE ON module_digests
BEGIN SELECT RAISE(ABORT, 'the digest of a version is not forgotten'); END;

-- The highest serial of each index that was seen.
CREATE TABLE index_serials (
    store TEXT NOT NULL,
    name TEXT NOT NULL,
    serial INTEGER NOT NULL,
    PRIMARY KEY (store, name)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER serials_go_on BEFORE UPDATE ON index_serials
WHEN NEW.serial <= OLD.serial
BEGIN SELECT RAISE(ABORT, 'the serial of an index never goes back'); END;
CREATE TRIGGER a_serial_is_not_forgotten BEFORE DELETE ON index_serials
BEGIN SELECT RAISE(ABORT, 'the serial of an index is not forgotten'); END;
