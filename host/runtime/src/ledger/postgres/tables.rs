//! The ledger's tables in PostgreSQL.

use tokio_postgres::Row as Found;
use tokio_postgres::types::FromSql;

use super::connection::{Connection, Parameters};
use super::failure::{After, Failure};
use crate::ledger::entry::{Entry, Scope};
use crate::ledger::event::{Action, Event};
use crate::ledger::name::Name;
use crate::ledger::revocation::{Revocation, Target};
use crate::ledger::row::Row;
use crate::ledger::served::{Known, KnownRow, Serial, SerialRow, Served, ServedRow};
use crate::ledger::store::{AsOf, Each, Spent, StoreError, Transaction};
use crate::modules::{ModuleId, ModuleName};

/// `SELECT` of a whole entry, with what follows it.
macro_rules! entries {
    ($($rest:literal)*) => {
        concat!(
            "SELECT issuer, kind, name, spelling, id, parent_kind, parent_name, parent_id, \
             state, was_approved, moved_to, route, statement, since, by, reason \
             FROM claimbound.names ",
            $($rest),*
        )
    };
}

/// The same of an event.
macro_rules! events {
    ($rest:literal) => {
        concat!(
            "SELECT at, by, action, issuer, kind, name, before, after, reason \
             FROM claimbound.history ",
            $rest
        )
    };
}

/// What is kept of what a route serves, beside the route and the module's name: in
/// the order in which [`served`] reads it and [`Tables::write_served`] gives it.
macro_rules! kept {
    () => {
        "version, digest, approved, barred_to, barred_at, barred_by, barred_reason, promoted, \
         rollbacks, since, by, reason"
    };
}

/// `SELECT` of what a route serves, with what follows it.
macro_rules! served {
    ($rest:literal) => {
        concat!(
            "SELECT route, name, ",
            kept!(),
            " FROM claimbound.modules ",
            $rest
        )
    };
}

/// What the generation is read by.
pub(super) const GENERATION: &str = "SELECT generation FROM claimbound.meta";

/// Rows that are fetched at a time where a table is read whole.
const FETCH: &str = "FETCH FORWARD 1000 FROM claimbound_walk";

/// The tables, in a transaction that somebody else ends.
pub(super) struct Tables<'c> {
    connection: &'c mut Connection,
    /// The first failure: after it the server takes nothing more in this
    /// transaction, and a commit would be none.
    failure: Option<After>,
    epoch: u64,
    /// The generation as others have committed it.
    seen: Option<u64>,
    /// The generation that this transaction makes.
    advanced: Option<u64>,
}

impl<'c> Tables<'c> {
    pub(super) fn new(connection: &'c mut Connection, epoch: u64) -> Self {
        Self {
            connection,
            failure: None,
            epoch,
            seen: None,
            advanced: None,
        }
    }

    /// What can be done after the first failure, if there was one.
    pub(super) const fn failure(&self) -> Option<After> {
        self.failure
    }

    /// The generation as this transaction found it.
    pub(super) const fn seen(&self) -> Option<u64> {
        self.seen
    }

    /// The generation that this transaction made.
    pub(super) const fn advanced(&self) -> Option<u64> {
        self.advanced
    }

    fn query(
        &mut self,
        sql: &'static str,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Found>, StoreError> {
        let found = self.connection.query(sql, parameters);
        self.note(found)
    }

    fn execute(
        &mut self,
        sql: &'static str,
        parameters: Parameters<'_>,
    ) -> Result<u64, StoreError> {
        let done = self.connection.execute(sql, parameters);
        self.note(done)
    }

    fn note<T>(&mut self, result: Result<T, Failure>) -> Result<T, StoreError> {
        result.map_err(|failure| {
            self.failure.get_or_insert(failure.after);
            failure.error
        })
    }

    fn entries_by(
        &mut self,
        sql: &'static str,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Entry>, StoreError> {
        self.query(sql, parameters)?.iter().map(entry).collect()
    }

    /// Reads a whole table, some rows at a time: no statement takes long, and no
    /// table has to fit into memory.
    fn walk<T>(
        &mut self,
        select: &'static str,
        read: fn(&Found) -> Result<T, StoreError>,
        each: &mut Each<'_, T>,
    ) -> Result<(), StoreError> {
        let declare = format!("DECLARE claimbound_walk NO SCROLL CURSOR FOR {select}");
        let declared = self.connection.run(&declare);
        self.note(declared)?;
        loop {
            let rows = self.connection.query_once(FETCH);
            let rows = self.note(rows)?;
            if rows.is_empty() {
                break;
            }
            for row in &rows {
                each(read(row)?)?;
            }
        }
        let closed = self.connection.run("CLOSE claimbound_walk");
        self.note(closed)
    }
}

impl Transaction for Tables<'_> {
    fn generation(&mut self) -> Result<AsOf, StoreError> {
        let rows = self.query(GENERATION, &[])?;
        let generation = generation(&rows)?;
        if self.advanced.is_none() {
            self.seen = Some(generation);
        }
        Ok(AsOf {
            epoch: self.epoch,
            generation,
        })
    }

    fn advance(&mut self) -> Result<(), StoreError> {
        let rows = self.query(
            "UPDATE claimbound.meta SET generation = generation + 1 RETURNING generation",
            &[],
        )?;
        self.advanced = Some(generation(&rows)?);
        Ok(())
    }

    fn by_name(&mut self, name: &Name) -> Result<Vec<Entry>, StoreError> {
        self.entries_by(
            entries!("WHERE issuer = $1 AND kind = $2 AND name = $3 ORDER BY route, statement"),
            &[&name.issuer, &name.kind, &name.name],
        )
    }

    fn by_id(&mut self, issuer: &str, kind: &str, id: &str) -> Result<Vec<Entry>, StoreError> {
        self.entries_by(
            entries!("WHERE issuer = $1 AND kind = $2 AND id = $3 ORDER BY name, route, statement"),
            &[&issuer, &kind, &id],
        )
    }

    fn entries(&mut self, each: &mut Each<'_, Entry>) -> Result<(), StoreError> {
        self.walk(
            entries!("ORDER BY issuer, kind, name, route, statement"),
            entry,
            each,
        )
    }

    /// In two steps: a host's role may add entries and change none, and
    /// PostgreSQL asks for both rights wherever a statement could do both.
    fn put(&mut self, entry: &Entry) -> Result<(), StoreError> {
        let row = Row::from(entry);
        let since = seconds(row.since)?;
        let columns: Parameters<'_> = &[
            &row.issuer,
            &row.kind,
            &row.name,
            &row.route,
            &row.statement,
            &row.spelling,
            &row.id,
            &row.parent_kind,
            &row.parent_name,
            &row.parent_id,
            &row.state,
            &row.was_approved,
            &row.moved_to,
            &since,
            &row.by,
            &row.reason,
        ];
        let added = self.execute(
            "INSERT INTO claimbound.names (issuer, kind, name, route, statement, spelling, id, \
             parent_kind, parent_name, parent_id, state, was_approved, moved_to, since, by, reason) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) \
             ON CONFLICT (issuer, kind, name, route, statement) DO NOTHING",
            columns,
        )?;
        if added > 0 {
            return Ok(());
        }
        self.execute(
            "UPDATE claimbound.names SET spelling = $6, id = $7, parent_kind = $8, \
             parent_name = $9, parent_id = $10, state = $11, was_approved = $12, \
             moved_to = $13, since = $14, by = $15, reason = $16 \
             WHERE issuer = $1 AND kind = $2 AND name = $3 AND route = $4 AND statement = $5",
            columns,
        )
        .map(|_| ())
    }

    fn remove(&mut self, name: &Name, scope: &Scope) -> Result<(), StoreError> {
        let (route, statement) = scope.columns();
        self.execute(
            "DELETE FROM claimbound.names WHERE issuer = $1 AND kind = $2 AND name = $3 \
             AND route = $4 AND statement = $5",
            &[&name.issuer, &name.kind, &name.name, &route, &statement],
        )
        .map(|_| ())
    }

    fn append(&mut self, event: &Event) -> Result<(), StoreError> {
        let name = event.name.as_ref();
        self.execute(
            "INSERT INTO claimbound.history \
             (at, by, action, issuer, kind, name, before, after, reason) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            &[
                &seconds(event.at)?,
                &event.by,
                &event.action.as_str(),
                &name.map(|name| &name.issuer),
                &name.map(|name| &name.kind),
                &name.map(|name| &name.name),
                &event.before,
                &event.after,
                &event.reason,
            ],
        )
        .map(|_| ())
    }

    fn events(&mut self, of: Option<&Name>, each: &mut Each<'_, Event>) -> Result<(), StoreError> {
        let Some(name) = of else {
            return self.walk(events!("ORDER BY seq"), event, each);
        };
        let rows = self.query(
            events!("WHERE issuer = $1 AND kind = $2 AND name = $3 ORDER BY seq"),
            &[&name.issuer, &name.kind, &name.name],
        )?;
        rows.iter().try_for_each(|row| each(event(row)?))
    }

    fn revocations(&mut self, each: &mut Each<'_, Revocation>) -> Result<(), StoreError> {
        let rows = self.query(
            "SELECT kind, issuer, value, key, at, until, by, reason \
             FROM claimbound.revocations ORDER BY kind, issuer, value",
            &[],
        )?;
        rows.iter().try_for_each(|row| each(revocation(row)?))
    }

    fn revocation(&mut self, target: &Target) -> Result<Option<Revocation>, StoreError> {
        let rows = self.query(
            "SELECT kind, issuer, value, key, at, until, by, reason \
             FROM claimbound.revocations WHERE kind = $1 AND issuer = $2 AND value = $3",
            &[
                &target.kind(),
                &target.issuer().unwrap_or_default(),
                &target.value(),
            ],
        )?;
        rows.first().map(revocation).transpose()
    }

    fn revoke(&mut self, revocation: &Revocation) -> Result<(), StoreError> {
        let target = &revocation.target;
        self.execute(
            "INSERT INTO claimbound.revocations \
             (kind, issuer, value, key, at, until, by, reason) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
             ON CONFLICT (kind, issuer, value) DO UPDATE SET key = excluded.key, \
             at = excluded.at, until = excluded.until, by = excluded.by, reason = excluded.reason",
            &[
                &target.kind(),
                &target.issuer().unwrap_or_default(),
                &target.value(),
                &target.key(),
                &seconds(revocation.at)?,
                &revocation.until.map(seconds).transpose()?,
                &revocation.by,
                &revocation.reason,
            ],
        )
        .map(|_| ())
    }

    fn lift(&mut self, target: &Target) -> Result<bool, StoreError> {
        let issuer = target.issuer().unwrap_or_default();
        self.execute(
            "DELETE FROM claimbound.revocations WHERE kind = $1 AND issuer = $2 AND value = $3",
            &[&target.kind(), &issuer, &target.value()],
        )
        .map(|lifted| lifted > 0)
    }

    fn spend(&mut self, spent: &Spent) -> Result<bool, StoreError> {
        self.execute(
            "INSERT INTO claimbound.spent (digest, until) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            &[&spent.digest.as_slice(), &seconds(spent.until)?],
        )
        .map(|added| added > 0)
    }

    fn sweep(&mut self, before: u64, most: u32) -> Result<(), StoreError> {
        self.execute(
            "DELETE FROM claimbound.spent WHERE digest IN \
             (SELECT digest FROM claimbound.spent WHERE until < $1 ORDER BY until LIMIT $2)",
            &[&seconds(before)?, &i64::from(most)],
        )
        .map(|_| ())
    }

    fn spent(&mut self, each: &mut Each<'_, Spent>) -> Result<(), StoreError> {
        self.walk(
            "SELECT digest, until FROM claimbound.spent ORDER BY digest",
            mark,
            each,
        )
    }

    fn served(&mut self, route: &str, name: &ModuleName) -> Result<Option<Served>, StoreError> {
        let rows = self.query(
            served!("WHERE route = $1 AND name = $2"),
            &[&route, &name.as_str()],
        )?;
        rows.first().map(served).transpose()
    }

    fn all_served(&mut self, each: &mut Each<'_, Served>) -> Result<(), StoreError> {
        self.walk(served!("ORDER BY route, name"), served, each)
    }

    /// A host's role may write no other columns.
    fn take_up(&mut self, served: &Served) -> Result<(), StoreError> {
        let row = ServedRow::from(served);
        let since = seconds(row.since)?;
        let columns: Parameters<'_> = &[
            &row.route,
            &row.name,
            &row.version,
            &row.digest,
            &since,
            &row.by,
            &row.reason,
        ];
        let moved = self.execute(
            "UPDATE claimbound.modules SET version = $3, digest = $4, since = $5, by = $6, \
             reason = $7 WHERE route = $1 AND name = $2",
            columns,
        )?;
        if moved > 0 {
            return Ok(());
        }
        self.add_served(served)
    }

    fn put_served(&mut self, served: &Served) -> Result<(), StoreError> {
        let changed = self.write_served(
            concat!(
                "UPDATE claimbound.modules SET (",
                kept!(),
                ") = ROW ($3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
                 WHERE route = $1 AND name = $2"
            ),
            served,
        )?;
        if changed > 0 {
            return Ok(());
        }
        self.add_served(served)
    }

    fn known(&mut self, module: &ModuleId) -> Result<Option<Known>, StoreError> {
        let rows = self.query(
            "SELECT name, version, digest, at, by FROM claimbound.module_digests \
             WHERE name = $1 AND version = $2",
            &[&module.name().as_str(), &module.version().to_string()],
        )?;
        rows.first().map(known).transpose()
    }

    fn was_taken_up(&mut self, module: &ModuleId) -> Result<bool, StoreError> {
        let rows = self.query(
            "SELECT 1 FROM claimbound.history WHERE issuer IS NULL AND action = $1 \
             AND after::json ->> 'name' = $2 AND after::json ->> 'version' = $3 LIMIT 1",
            &[
                &Action::Serve.as_str(),
                &module.name().as_str(),
                &module.version().to_string(),
            ],
        )?;
        Ok(!rows.is_empty())
    }

    fn all_known(&mut self, each: &mut Each<'_, Known>) -> Result<(), StoreError> {
        self.walk(
            "SELECT name, version, digest, at, by FROM claimbound.module_digests \
             ORDER BY name, version",
            known,
            each,
        )
    }

    fn add_known(&mut self, known: &Known) -> Result<(), StoreError> {
        let row = KnownRow::from(known);
        self.execute(
            "INSERT INTO claimbound.module_digests (name, version, digest, at, by) \
             VALUES ($1, $2, $3, $4, $5)",
            &[
                &row.name,
                &row.version,
                &row.digest,
                &seconds(row.at)?,
                &row.by,
            ],
        )
        .map(|_| ())
    }

    fn serial(&mut self, store: &str, name: &ModuleName) -> Result<Option<u64>, StoreError> {
        let rows = self.query(
            "SELECT store, name, serial FROM claimbound.index_serials \
             WHERE store = $1 AND name = $2",
            &[&store, &name.as_str()],
        )?;
        let found = rows.first().map(serial).transpose()?;
        Ok(found.map(|found| found.number))
    }

    fn serials(&mut self, each: &mut Each<'_, Serial>) -> Result<(), StoreError> {
        self.walk(
            "SELECT store, name, serial FROM claimbound.index_serials ORDER BY store, name",
            serial,
            each,
        )
    }

    fn raise_serial(&mut self, serial: &Serial) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO claimbound.index_serials (store, name, serial) VALUES ($1, $2, $3) \
             ON CONFLICT (store, name) DO UPDATE SET serial = excluded.serial",
            &[&serial.store, &serial.name.as_str(), &whole(serial.number)?],
        )
        .map(|_| ())
    }
}

impl Tables<'_> {
    fn add_served(&mut self, served: &Served) -> Result<(), StoreError> {
        self.write_served(
            concat!(
                "INSERT INTO claimbound.modules (route, name, ",
                kept!(),
                ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
            ),
            served,
        )
        .map(|_| ())
    }

    /// Runs a statement that is given all that is kept of what a route serves.
    fn write_served(&mut self, sql: &'static str, served: &Served) -> Result<u64, StoreError> {
        let row = ServedRow::from(served);
        self.execute(
            sql,
            &[
                &row.route,
                &row.name,
                &row.version,
                &row.digest,
                &row.approved,
                &row.barred_to,
                &row.barred_at.map(seconds).transpose()?,
                &row.barred_by,
                &row.barred_reason,
                &row.promoted,
                &whole(row.rollbacks)?,
                &seconds(row.since)?,
                &row.by,
                &row.reason,
            ],
        )
    }
}

/// The generation in what [`GENERATION`] found.
pub(super) fn generation(rows: &[Found]) -> Result<u64, StoreError> {
    let row = rows
        .first()
        .ok_or_else(|| StoreError::damaged("no generation"))?;
    number(row, 0)
}

fn entry(row: &Found) -> Result<Entry, StoreError> {
    let row = Row {
        issuer: get(row, 0)?,
        kind: get(row, 1)?,
        name: get(row, 2)?,
        spelling: get(row, 3)?,
        id: get(row, 4)?,
        parent_kind: get(row, 5)?,
        parent_name: get(row, 6)?,
        parent_id: get(row, 7)?,
        state: get(row, 8)?,
        was_approved: get(row, 9)?,
        moved_to: get(row, 10)?,
        route: get(row, 11)?,
        statement: get(row, 12)?,
        since: number(row, 13)?,
        by: get(row, 14)?,
        reason: get(row, 15)?,
    };
    Entry::try_from(row).map_err(StoreError::damaged)
}

fn event(row: &Found) -> Result<Event, StoreError> {
    let action: String = get(row, 2)?;
    let name = match (get(row, 3)?, get(row, 4)?, get(row, 5)?) {
        (Some(issuer), Some(kind), Some(name)) => Some(Name { issuer, kind, name }),
        (Some(_) | None, _, _) => None,
    };
    Ok(Event {
        at: number(row, 0)?,
        by: get(row, 1)?,
        action: Action::parse(&action)
            .ok_or_else(|| StoreError::damaged(format!("action `{action}`")))?,
        name,
        before: get(row, 6)?,
        after: get(row, 7)?,
        reason: get(row, 8)?,
    })
}

fn revocation(row: &Found) -> Result<Revocation, StoreError> {
    let (kind, issuer): (String, String) = (get(row, 0)?, get(row, 1)?);
    let (value, key): (String, String) = (get(row, 2)?, get(row, 3)?);
    let until: Option<i64> = get(row, 5)?;
    Ok(Revocation {
        target: Target::read(&kind, &issuer, &value, &key)
            .ok_or_else(|| StoreError::damaged(format!("a revoked `{kind}`")))?,
        at: number(row, 4)?,
        until: until.map(unsigned).transpose()?,
        by: get(row, 6)?,
        reason: get(row, 7)?,
    })
}

fn mark(row: &Found) -> Result<Spent, StoreError> {
    let digest: &[u8] = get(row, 0)?;
    Ok(Spent {
        digest: digest.try_into().map_err(StoreError::damaged)?,
        until: number(row, 1)?,
    })
}

fn served(row: &Found) -> Result<Served, StoreError> {
    let barred_at: Option<i64> = get(row, 6)?;
    let row = ServedRow {
        route: get(row, 0)?,
        name: get(row, 1)?,
        version: get(row, 2)?,
        digest: get(row, 3)?,
        approved: get(row, 4)?,
        barred_to: get(row, 5)?,
        barred_at: barred_at.map(unsigned).transpose()?,
        barred_by: get(row, 7)?,
        barred_reason: get(row, 8)?,
        promoted: get(row, 9)?,
        rollbacks: number(row, 10)?,
        since: number(row, 11)?,
        by: get(row, 12)?,
        reason: get(row, 13)?,
    };
    Served::try_from(row).map_err(StoreError::damaged)
}

fn known(row: &Found) -> Result<Known, StoreError> {
    let row = KnownRow {
        name: get(row, 0)?,
        version: get(row, 1)?,
        digest: get(row, 2)?,
        at: number(row, 3)?,
        by: get(row, 4)?,
    };
    Known::try_from(row).map_err(StoreError::damaged)
}

fn serial(row: &Found) -> Result<Serial, StoreError> {
    let row = SerialRow {
        store: get(row, 0)?,
        name: get(row, 1)?,
        serial: number(row, 2)?,
    };
    Serial::try_from(row).map_err(StoreError::damaged)
}

fn get<'r, T: FromSql<'r>>(row: &'r Found, column: usize) -> Result<T, StoreError> {
    row.try_get(column).map_err(StoreError::damaged)
}

/// A number that is never negative.
fn number(row: &Found, column: usize) -> Result<u64, StoreError> {
    unsigned(get(row, column)?)
}

fn unsigned(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(StoreError::damaged)
}

/// A count as PostgreSQL keeps numbers: with a sign.
fn whole(count: u64) -> Result<i64, StoreError> {
    i64::try_from(count).map_err(|_| StoreError::damaged(format!("a number of {count}")))
}

/// Seconds since 1970 as PostgreSQL keeps numbers: with a sign.
fn seconds(seconds: u64) -> Result<i64, StoreError> {
    i64::try_from(seconds).map_err(|_| StoreError::damaged(format!("a time of {seconds} s")))
}
