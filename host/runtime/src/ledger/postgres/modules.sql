-- From version 1 of the ledger's tables to version 2: what is kept of modules.
--
-- Run by the role that owns the tables, in one transaction, after `schema.sql`.

UPDATE claimbound.version SET version = 2;

-- A text that compares, byte by byte, as semver orders the versions (semver 2.0
-- §11): numbers with as many digits as the longest has, a release after its
-- pre-releases, numbers in a pre-release before words.
CREATE FUNCTION claimbound.precedence(version text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    release text := split_part(version, '-', 1);
    before text := substr(version, length(release) + 2);
    key text := '';
    part text;
BEGIN
    FOREACH part IN ARRAY string_to_array(release, '.') LOOP
        key := key || lpad(part, 20, '0');
    END LOOP;
    IF before = '' THEN
        RETURN key || '~';
    END IF;
    FOREACH part IN ARRAY string_to_array(before, '.') LOOP
        IF part ~ '^[0-9]+$' THEN
            key := key || '0' || lpad(length(part)::text, 4, '0') || part || '!';
        ELSE
            key := key || '1' || part || '!';
        END IF;
    END LOOP;
    RETURN key;
END
$$;

-- Whether it is a version without build metadata.
CREATE FUNCTION claimbound.is_version(version text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN octet_length(version) <= 128 AND version ~
        '^(0|[1-9][0-9]{0,19})[.](0|[1-9][0-9]{0,19})[.](0|[1-9][0-9]{0,19})(-[0-9A-Za-z-]+([.][0-9A-Za-z-]+)*)?$';
END
$$;

-- A major version as a text of twenty digits, the most that 64 bits have.
CREATE FUNCTION claimbound.major(version text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN lpad(split_part(version, '.', 1), 20, '0');
END
$$;

-- One version has one digest.
CREATE TABLE claimbound.module_digests (
    name text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL CHECK (claimbound.is_version(version)),
    digest text COLLATE "C" NOT NULL CHECK (digest ~ '^sha256:[0-9a-f]{64}$'),
    at bigint NOT NULL CHECK (at >= 0),
    by text COLLATE "C" NOT NULL,
    PRIMARY KEY (name, version)
);

-- What each route serves of each module.
CREATE TABLE claimbound.modules (
    route text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL CHECK (claimbound.is_version(version)),
    digest text COLLATE "C" NOT NULL CHECK (digest ~ '^sha256:[0-9a-f]{64}$'),
    approved text COLLATE "C" NOT NULL CHECK (approved ~ '^(0|[1-9][0-9]{0,19})$'),
    barred_to text COLLATE "C" CHECK (claimbound.is_version(barred_to)),
    barred_at bigint CHECK (barred_at >= 0),
    barred_by text COLLATE "C",
    barred_reason text COLLATE "C",
    promoted text COLLATE "C" CHECK (claimbound.is_version(promoted)),
    rollbacks bigint NOT NULL CHECK (rollbacks >= 0),
    since bigint NOT NULL CHECK (since >= 0),
    by text COLLATE "C" NOT NULL,
    reason text COLLATE "C" NOT NULL,
    PRIMARY KEY (route, name),
    CHECK (num_nulls(barred_to, barred_at, barred_by, barred_reason) IN (0, 4)),
    CHECK ((barred_to IS NULL) = (rollbacks = 0)),
    CHECK (claimbound.major(version) <= lpad(approved, 20, '0'))
);

-- The highest serial of each index that was seen.
CREATE TABLE claimbound.index_serials (
    store text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    serial bigint NOT NULL CHECK (serial >= 0),
    PRIMARY KEY (store, name)
);

-- What stands for ever, for the owner too.

-- A version moves on, above what is served and what was rolled back from. Back it
-- goes with one more rollback, which a host's role can't count.
CREATE FUNCTION claimbound.no_lower_version() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.rollbacks < OLD.rollbacks THEN
        RAISE EXCEPTION 'rollbacks are not taken back'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.rollbacks = OLD.rollbacks AND NEW.version <> OLD.version AND (
        claimbound.precedence(NEW.version) COLLATE "C"
            <= claimbound.precedence(OLD.version) COLLATE "C"
        OR claimbound.precedence(NEW.version) COLLATE "C"
            <= claimbound.precedence(OLD.barred_to) COLLATE "C"
    ) THEN
        RAISE EXCEPTION 'no version below what was served or rolled back from is taken up'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;

-- A version that is known has its digest wherever it is served. One that nobody
-- signed may be served and not be known.
CREATE FUNCTION claimbound.no_other_digest() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM claimbound.module_digests AS known
        WHERE known.name = NEW.name AND known.version = NEW.version
            AND known.digest <> NEW.digest;
    IF FOUND THEN
        RAISE EXCEPTION 'one version has one digest'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER a_served_version_has_its_digest BEFORE INSERT OR UPDATE ON claimbound.modules
    FOR EACH ROW EXECUTE FUNCTION claimbound.no_other_digest();
CREATE TRIGGER a_version_moves_on BEFORE UPDATE ON claimbound.modules
    FOR EACH ROW EXECUTE FUNCTION claimbound.no_lower_version();
CREATE TRIGGER a_row_keeps_its_module BEFORE UPDATE ON claimbound.modules
    FOR EACH ROW WHEN ((OLD.route, OLD.name) IS DISTINCT FROM (NEW.route, NEW.name))
    EXECUTE FUNCTION claimbound.refuse('what is served keeps its route and its name');
CREATE TRIGGER what_was_served_is_not_forgotten BEFORE DELETE OR TRUNCATE ON claimbound.modules
    FOR EACH STATEMENT EXECUTE FUNCTION claimbound.refuse('what was served is not forgotten');
CREATE TRIGGER a_digest_stays BEFORE UPDATE ON claimbound.module_digests
    FOR EACH STATEMENT EXECUTE FUNCTION claimbound.refuse('one version has one digest');
CREATE TRIGGER a_digest_is_not_forgotten BEFORE DELETE OR TRUNCATE ON claimbound.module_digests
    FOR EACH STATEMENT
    EXECUTE FUNCTION claimbound.refuse('the digest of a version is not forgotten');
CREATE TRIGGER serials_go_on BEFORE UPDATE ON claimbound.index_serials
    FOR EACH ROW WHEN (
        NEW.serial <= OLD.serial
        OR (OLD.store, OLD.name) IS DISTINCT FROM (NEW.store, NEW.name)
    )
    EXECUTE FUNCTION claimbound.refuse('the serial of an index never goes back');
CREATE TRIGGER a_serial_is_not_forgotten BEFORE DELETE OR TRUNCATE ON claimbound.index_serials
    FOR EACH STATEMENT
    EXECUTE FUNCTION claimbound.refuse('the serial of an index is not forgotten');

-- Who may do what.

REVOKE ALL ON FUNCTION claimbound.no_lower_version(), claimbound.no_other_digest(),
    claimbound.precedence(text),
    claimbound.is_version(text), claimbound.major(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION claimbound.precedence(text), claimbound.is_version(text),
    claimbound.major(text) TO claimbound_host, claimbound_operator;

GRANT SELECT, INSERT ON claimbound.modules, claimbound.module_digests, claimbound.index_serials
    TO claimbound_host, claimbound_operator;
GRANT UPDATE (serial) ON claimbound.index_serials TO claimbound_host, claimbound_operator;
GRANT UPDATE (version, digest, since, by, reason) ON claimbound.modules TO claimbound_host;
GRANT UPDATE (version, digest, approved, barred_to, barred_at, barred_by, barred_reason,
    promoted, rollbacks, since, by, reason) ON claimbound.modules TO claimbound_operator;

ALTER TABLE claimbound.modules ENABLE ROW LEVEL SECURITY;
CREATE POLICY hosts_look ON claimbound.modules
    FOR SELECT TO claimbound_host USING (true);
-- A host takes up a first version; no more of its row is its word.
CREATE POLICY hosts_begin ON claimbound.modules
    FOR INSERT TO claimbound_host WITH CHECK (
        rollbacks = 0 AND promoted IS NULL
        AND lpad(approved, 20, '0') = claimbound.major(version)
    );
CREATE POLICY hosts_move_on ON claimbound.modules
    FOR UPDATE TO claimbound_host USING (true);
CREATE POLICY operators_decide ON claimbound.modules
    FOR ALL TO claimbound_operator USING (true) WITH CHECK (true);

-- A host writes down what it did itself: names that it enrolled, versions that it
-- took up.
ALTER POLICY hosts_enrol ON claimbound.history WITH CHECK (action IN ('enrol', 'serve'));
