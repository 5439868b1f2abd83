-- The ledger's tables, version 1.
--
-- Run by the role that is to own them, in a database of UTF-8, in one
-- transaction; where the two roles below are not there yet, that role needs
-- CREATEROLE. Login roles are granted one of them:
--
--     GRANT claimbound_host TO ...;      -- a replica that decides
--     GRANT claimbound_operator TO ...;  -- who runs `subject` and `revoke`
--
-- What no role may do but a superuser stands in triggers: it holds for the owner
-- too, as long as the owner leaves the triggers alone.

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['claimbound_host', 'claimbound_operator'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role) THEN
                EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', role);
            END IF;
        EXCEPTION
            -- Roles belong to all databases of the server: somebody else may
            -- have made them meanwhile.
            WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END LOOP;
END
$$;

CREATE SCHEMA claimbound;

CREATE TABLE claimbound.version (
    version integer NOT NULL
);
INSERT INTO claimbound.version VALUES (1);

CREATE TABLE claimbound.meta (
    only_row integer PRIMARY KEY CHECK (only_row = 1),
    generation bigint NOT NULL
);
INSERT INTO claimbound.meta VALUES (1, 1);

-- Empty for ever: writers lock it, many at once or one alone, before they look
-- at anything.
CREATE TABLE claimbound.turn (
    nothing integer
);

-- One entry of a name for each scope: route and statement are empty for an
-- operator's. Texts compare byte by byte. A key of more than about 2600 bytes is
-- refused by PostgreSQL, which fails the decision that needs it.
CREATE TABLE claimbound.names (
    issuer text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    route text COLLATE "C" NOT NULL,
    statement text COLLATE "C" NOT NULL,
    spelling text COLLATE "C" NOT NULL,
    id text COLLATE "C",
    parent_kind text COLLATE "C",
    parent_name text COLLATE "C",
    parent_id text COLLATE "C",
    state text COLLATE "C" NOT NULL
        CHECK (state IN ('observed', 'approved', 'suspended', 'retired', 'moved')),
    was_approved boolean NOT NULL,
    moved_to text COLLATE "C",
    since bigint NOT NULL CHECK (since >= 0),
    by text COLLATE "C" NOT NULL,
    reason text COLLATE "C" NOT NULL,
    PRIMARY KEY (issuer, kind, name, route, statement),
    CHECK ((state = 'observed') = (route <> '' AND statement <> '')),
    CHECK ((route = '') = (statement = ''))
);

-- Whatever the rules say: in one scope an identity has one current name.
CREATE UNIQUE INDEX names_current
    ON claimbound.names (issuer, kind, id, route, statement)
    WHERE id IS NOT NULL AND state <> 'moved';
CREATE INDEX names_by_id ON claimbound.names (issuer, kind, id) WHERE id IS NOT NULL;

CREATE TABLE claimbound.history (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at bigint NOT NULL CHECK (at >= 0),
    by text COLLATE "C" NOT NULL,
    action text COLLATE "C" NOT NULL,
    issuer text COLLATE "C",
    kind text COLLATE "C",
    name text COLLATE "C",
    before text COLLATE "C",
    after text COLLATE "C",
    reason text COLLATE "C" NOT NULL
);
CREATE INDEX history_by_name ON claimbound.history (issuer, kind, name);

CREATE TABLE claimbound.revocations (
    kind text COLLATE "C" NOT NULL,
    issuer text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    at bigint NOT NULL CHECK (at >= 0),
    until bigint CHECK (until >= 0),
    by text COLLATE "C" NOT NULL,
    reason text COLLATE "C" NOT NULL,
    PRIMARY KEY (kind, issuer, value)
);

CREATE TABLE claimbound.spent (
    digest bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    until bigint NOT NULL CHECK (until >= 0)
);
CREATE INDEX spent_by_end ON claimbound.spent (until);

-- What stands for ever. The functions look at nothing but the row, by operators
-- that nobody else can have put in their way.

CREATE FUNCTION claimbound.refuse() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER history_is_not_rewritten BEFORE UPDATE ON claimbound.history
    FOR EACH STATEMENT EXECUTE FUNCTION claimbound.refuse('history is not rewritten');
CREATE TRIGGER history_is_not_forgotten BEFORE DELETE OR TRUNCATE ON claimbound.history
    FOR EACH STATEMENT EXECUTE FUNCTION claimbound.refuse('history is not forgotten');
CREATE TRIGGER names_are_not_forgotten BEFORE TRUNCATE ON claimbound.names
    FOR EACH STATEMENT EXECUTE FUNCTION claimbound.refuse('names are not forgotten all at once');
CREATE TRIGGER uses_are_not_forgotten BEFORE TRUNCATE ON claimbound.spent
    FOR EACH STATEMENT EXECUTE FUNCTION claimbound.refuse('used tokens are not forgotten all at once');
CREATE TRIGGER uses_are_not_prolonged BEFORE UPDATE ON claimbound.spent
    FOR EACH STATEMENT EXECUTE FUNCTION claimbound.refuse('the mark of a used token stays as it is');
CREATE TRIGGER the_generation_stays BEFORE DELETE OR TRUNCATE ON claimbound.meta
    FOR EACH STATEMENT EXECUTE FUNCTION claimbound.refuse('the generation is not forgotten');

CREATE TRIGGER retired_for_ever BEFORE UPDATE ON claimbound.names
    FOR EACH ROW WHEN (OLD.state = 'retired')
    EXECUTE FUNCTION claimbound.refuse('a retired name stays retired');
-- A name that was left is handed over, comes back or is retired; it is not
-- rewritten, and no route enrols it.
CREATE TRIGGER left_until_somebody_has_it BEFORE UPDATE ON claimbound.names
    FOR EACH ROW WHEN (OLD.state = 'moved' AND NEW.state NOT IN ('approved', 'suspended', 'retired'))
    EXECUTE FUNCTION claimbound.refuse('a name that was left stays barred');
CREATE TRIGGER barred_for_ever BEFORE DELETE ON claimbound.names
    FOR EACH ROW WHEN (OLD.state IN ('retired', 'moved'))
    EXECUTE FUNCTION claimbound.refuse('a name that was left or retired stays barred');
CREATE TRIGGER an_entry_keeps_its_name BEFORE UPDATE ON claimbound.names
    FOR EACH ROW WHEN (
        (OLD.issuer, OLD.kind, OLD.name, OLD.route, OLD.statement)
        IS DISTINCT FROM (NEW.issuer, NEW.kind, NEW.name, NEW.route, NEW.statement)
    )
    EXECUTE FUNCTION claimbound.refuse('an entry keeps its name');
CREATE TRIGGER the_generation_goes_on BEFORE UPDATE ON claimbound.meta
    FOR EACH ROW WHEN (NEW.generation <= OLD.generation)
    EXECUTE FUNCTION claimbound.refuse('the generation never goes back');

-- Every replica hears at once that something has changed.
CREATE FUNCTION claimbound.announce() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_catalog.pg_notify('claimbound', NEW.generation::text);
    RETURN NULL;
END
$$;
CREATE TRIGGER announced AFTER UPDATE ON claimbound.meta
    FOR EACH ROW EXECUTE FUNCTION claimbound.announce();

-- Who may do what. Nobody else but the owner is granted anything.

REVOKE ALL ON FUNCTION claimbound.refuse(), claimbound.announce() FROM PUBLIC;

GRANT USAGE ON SCHEMA claimbound TO claimbound_host, claimbound_operator;
GRANT SELECT ON ALL TABLES IN SCHEMA claimbound TO claimbound_host, claimbound_operator;
-- PostgreSQL lets a role lock what it may change. There is nothing to change.
GRANT UPDATE ON claimbound.turn TO claimbound_host, claimbound_operator;
GRANT INSERT ON claimbound.names TO claimbound_host, claimbound_operator;
-- Without `seq`: nobody chooses a place in history.
GRANT INSERT (at, by, action, issuer, kind, name, before, after, reason)
    ON claimbound.history TO claimbound_host, claimbound_operator;
GRANT INSERT ON claimbound.spent TO claimbound_host, claimbound_operator;
GRANT DELETE ON claimbound.spent TO claimbound_host;
GRANT UPDATE (spelling, id, parent_kind, parent_name, parent_id, state, was_approved, moved_to,
    since, by, reason) ON claimbound.names TO claimbound_operator;
GRANT DELETE ON claimbound.names TO claimbound_operator;
GRANT UPDATE (generation) ON claimbound.meta TO claimbound_operator;
GRANT INSERT, UPDATE, DELETE ON claimbound.revocations TO claimbound_operator;

ALTER TABLE claimbound.names ENABLE ROW LEVEL SECURITY;
CREATE POLICY hosts_look ON claimbound.names
    FOR SELECT TO claimbound_host USING (true);
-- A host observes; it approves nothing.
CREATE POLICY hosts_observe ON claimbound.names
    FOR INSERT TO claimbound_host WITH CHECK (state = 'observed');
CREATE POLICY operators_decide ON claimbound.names
    FOR ALL TO claimbound_operator USING (true) WITH CHECK (true);

ALTER TABLE claimbound.history ENABLE ROW LEVEL SECURITY;
CREATE POLICY hosts_look ON claimbound.history
    FOR SELECT TO claimbound_host USING (true);
-- A host writes down what it did itself, not what an operator would have done.
CREATE POLICY hosts_enrol ON claimbound.history
    FOR INSERT TO claimbound_host WITH CHECK (action = 'enrol');
CREATE POLICY operators_write ON claimbound.history
    FOR ALL TO claimbound_operator USING (true) WITH CHECK (true);

ALTER TABLE claimbound.spent ENABLE ROW LEVEL SECURITY;
CREATE POLICY hosts_look ON claimbound.spent
    FOR SELECT TO claimbound_host USING (true);
CREATE POLICY hosts_spend ON claimbound.spent
    FOR INSERT TO claimbound_host WITH CHECK (true);
-- By the server's clock: what a host takes for ended stays where it is not.
CREATE POLICY hosts_sweep ON claimbound.spent
    FOR DELETE TO claimbound_host
    USING (until < extract(epoch FROM clock_timestamp())::bigint);
CREATE POLICY operators_move ON claimbound.spent
    FOR ALL TO claimbound_operator USING (true) WITH CHECK (true);
