//! The ledger's tables in SQLite.

use super::connection::failed;
use crate::ledger::entry::{Entry, Scope};
use crate::ledger::event::{Action, Event};
use crate::ledger::name::Name;
use crate::ledger::revocation::{Revocation, Target};
use crate::ledger::row::Row;
use crate::ledger::served::{Known, KnownRow, Serial, SerialRow, Served, ServedRow};
use crate::ledger::store::{AsOf, Each, Spent, StoreError, Transaction};
use crate::modules::{ModuleId, ModuleName};
use rusqlite::types::Type;
use rusqlite::{Connection, Row as Found, Statement, params};

const COLUMNS: &str = "issuer, kind, name, spelling, id, parent_kind, parent_name, parent_id, \
                       state, was_approved, moved_to, route, statement, since, by, reason";

/// The columns of what a route serves, in the order in which [`served`] reads
/// them.
const SERVED: &str = "route, name, version, digest, approved, barred_to, barred_at, barred_by, \
                      barred_reason, promoted, rollbacks, since, by, reason";

/// What a host changes of that, and what operators change besides.
const TAKEN_UP: &str = "version = excluded.version, digest = excluded.digest, \
                        since = excluded.since, by = excluded.by, reason = excluded.reason";
const SAID: &str = "approved = excluded.approved, barred_to = excluded.barred_to, \
                    barred_at = excluded.barred_at, barred_by = excluded.barred_by, \
                    barred_reason = excluded.barred_reason, promoted = excluded.promoted, \
                    rollbacks = excluded.rollbacks";

/// The tables, in a transaction that somebody else ends.
pub(super) struct Tables<'c> {
    pub(super) connection: &'c Connection,
    /// Of the file that the connection is of.
    pub(super) epoch: u64,
}

/// SQLite's own count of what other connections have committed.
pub(super) fn data_version(connection: &Connection) -> Result<i64, StoreError> {
    let mut statement = prepare(connection, "PRAGMA data_version")?;
    statement
        .query_row([], |row| row.get(0))
        .map_err(|error| failed(&error))
}

/// The generation.
pub(super) fn generation(connection: &Connection) -> Result<u64, StoreError> {
    let mut statement = prepare(connection, "SELECT generation FROM meta")?;
    let generation = statement.query_row([], |row| number(row, 0));
    generation.map_err(|error| failed(&error))
}

type Cached<'c> = rusqlite::CachedStatement<'c>;

fn prepare<'c>(connection: &'c Connection, sql: &str) -> Result<Cached<'c>, StoreError> {
    connection
        .prepare_cached(sql)
        .map_err(|error| failed(&error))
}

impl Tables<'_> {
    fn prepare(&self, sql: &str) -> Result<Cached<'_>, StoreError> {
        prepare(self.connection, sql)
    }
}

impl Transaction for Tables<'_> {
    fn generation(&mut self) -> Result<AsOf, StoreError> {
        Ok(AsOf {
            epoch: self.epoch,
            generation: generation(self.connection)?,
        })
    }

    fn advance(&mut self) -> Result<(), StoreError> {
        let mut statement = self.prepare("UPDATE meta SET generation = generation + 1")?;
        statement.execute([]).map_err(|error| failed(&error))?;
        Ok(())
    }

    fn by_name(&mut self, name: &Name) -> Result<Vec<Entry>, StoreError> {
        let mut statement = self.prepare(&format!(
            "SELECT {COLUMNS} FROM names WHERE issuer = ?1 AND kind = ?2 AND name = ?3 \
             ORDER BY route, statement"
        ))?;
        collect(&mut statement, params![name.issuer, name.kind, name.name])
    }

    fn by_id(&mut self, issuer: &str, kind: &str, id: &str) -> Result<Vec<Entry>, StoreError> {
        let mut statement = self.prepare(&format!(
            "SELECT {COLUMNS} FROM names WHERE issuer = ?1 AND kind = ?2 AND id = ?3 \
             ORDER BY name, route, statement"
        ))?;
        collect(&mut statement, params![issuer, kind, id])
    }

    fn entries(&mut self, each: &mut Each<'_, Entry>) -> Result<(), StoreError> {
        let mut statement = self.prepare(&format!(
            "SELECT {COLUMNS} FROM names ORDER BY issuer, kind, name, route, statement"
        ))?;
        visit(&mut statement, [], entry, each)
    }

    fn put(&mut self, entry: &Entry) -> Result<(), StoreError> {
        let row = Row::from(entry);
        let mut statement = self.prepare(&format!(
            "INSERT INTO names ({COLUMNS}) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16) \
             ON CONFLICT (issuer, kind, name, route, statement) DO UPDATE SET \
             spelling = excluded.spelling, id = excluded.id, \
             parent_kind = excluded.parent_kind, parent_name = excluded.parent_name, \
             parent_id = excluded.parent_id, state = excluded.state, \
             was_approved = excluded.was_approved, moved_to = excluded.moved_to, \
             since = excluded.since, by = excluded.by, reason = excluded.reason"
        ))?;
        let done = statement.execute(params![
            row.issuer,
            row.kind,
            row.name,
            row.spelling,
            row.id,
            row.parent_kind,
            row.parent_name,
            row.parent_id,
            row.state,
            row.was_approved,
            row.moved_to,
            row.route,
            row.statement,
            seconds(row.since)?,
            row.by,
            row.reason,
        ]);
        done.map(|_| ()).map_err(|error| failed(&error))
    }

    fn remove(&mut self, name: &Name, scope: &Scope) -> Result<(), StoreError> {
        let (route, statement) = scope.columns();
        let mut delete = self.prepare(
            "DELETE FROM names WHERE issuer = ?1 AND kind = ?2 AND name = ?3 \
             AND route = ?4 AND statement = ?5",
        )?;
        let done = delete.execute(params![name.issuer, name.kind, name.name, route, statement]);
        done.map(|_| ()).map_err(|error| failed(&error))
    }

    fn append(&mut self, event: &Event) -> Result<(), StoreError> {
        let name = event.name.as_ref();
        let mut statement = self.prepare(
            "INSERT INTO history (at, by, action, issuer, kind, name, before, after, reason) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?;
        let done = statement.execute(params![
            seconds(event.at)?,
            event.by,
            event.action.as_str(),
            name.map(|name| &name.issuer),
            name.map(|name| &name.kind),
            name.map(|name| &name.name),
            event.before,
            event.after,
            event.reason,
        ]);
        done.map(|_| ()).map_err(|error| failed(&error))
    }

    fn events(&mut self, of: Option<&Name>, each: &mut Each<'_, Event>) -> Result<(), StoreError> {
        const EVENTS: &str =
            "SELECT at, by, action, issuer, kind, name, before, after, reason FROM history";
        match of {
            None => {
                let mut statement = self.prepare(&format!("{EVENTS} ORDER BY seq"))?;
                visit(&mut statement, [], event, each)
            }
            Some(name) => {
                let mut statement = self.prepare(&format!(
                    "{EVENTS} WHERE issuer = ?1 AND kind = ?2 AND name = ?3 ORDER BY seq"
                ))?;
                let name = params![name.issuer, name.kind, name.name];
                visit(&mut statement, name, event, each)
            }
        }
    }

    fn revocations(&mut self, each: &mut Each<'_, Revocation>) -> Result<(), StoreError> {
        let mut statement = self.prepare(
            "SELECT kind, issuer, value, key, at, until, by, reason FROM revocations \
             ORDER BY kind, issuer, value",
        )?;
        visit(&mut statement, [], revocation, each)
    }

    fn revocation(&mut self, target: &Target) -> Result<Option<Revocation>, StoreError> {
        let mut statement = self.prepare(
            "SELECT kind, issuer, value, key, at, until, by, reason FROM revocations \
             WHERE kind = ?1 AND issuer = ?2 AND value = ?3",
        )?;
        let issuer = target.issuer().unwrap_or_default();
        let mut found = None;
        let target = params![target.kind(), issuer, target.value()];
        visit(&mut statement, target, revocation, &mut |one| {
            found = Some(one);
            Ok(())
        })?;
        Ok(found)
    }

    fn revoke(&mut self, revocation: &Revocation) -> Result<(), StoreError> {
        let target = &revocation.target;
        let mut statement = self.prepare(
            "INSERT OR REPLACE INTO revocations \
             (kind, issuer, value, key, at, until, by, reason) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?;
        let done = statement.execute(params![
            target.kind(),
            target.issuer().unwrap_or_default(),
            target.value(),
            target.key(),
            seconds(revocation.at)?,
            revocation.until.map(seconds).transpose()?,
            revocation.by,
            revocation.reason,
        ]);
        done.map(|_| ()).map_err(|error| failed(&error))
    }

    fn lift(&mut self, target: &Target) -> Result<bool, StoreError> {
        let mut statement =
            self.prepare("DELETE FROM revocations WHERE kind = ?1 AND issuer = ?2 AND value = ?3")?;
        let issuer = target.issuer().unwrap_or_default();
        let done = statement.execute(params![target.kind(), issuer, target.value()]);
        done.map(|lifted| lifted > 0)
            .map_err(|error| failed(&error))
    }

    fn spend(&mut self, spent: &Spent) -> Result<bool, StoreError> {
        let mut statement = self
            .prepare("INSERT INTO spent (digest, until) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?;
        let done = statement.execute(params![&spent.digest[..], seconds(spent.until)?]);
        done.map(|added| added > 0).map_err(|error| failed(&error))
    }

    fn sweep(&mut self, before: u64, most: u32) -> Result<(), StoreError> {
        let mut statement = self.prepare(
            "DELETE FROM spent WHERE digest IN \
             (SELECT digest FROM spent WHERE until < ?1 ORDER BY until LIMIT ?2)",
        )?;
        let done = statement.execute(params![seconds(before)?, most]);
        done.map(|_| ()).map_err(|error| failed(&error))
    }

    fn spent(&mut self, each: &mut Each<'_, Spent>) -> Result<(), StoreError> {
        let mut statement = self.prepare("SELECT digest, until FROM spent ORDER BY digest")?;
        visit(&mut statement, [], mark, each)
    }

    fn served(&mut self, route: &str, name: &ModuleName) -> Result<Option<Served>, StoreError> {
        let mut statement = self.prepare(&format!(
            "SELECT {SERVED} FROM modules WHERE route = ?1 AND name = ?2"
        ))?;
        one(&mut statement, params![route, name.as_str()], served)
    }

    fn all_served(&mut self, each: &mut Each<'_, Served>) -> Result<(), StoreError> {
        let mut statement = self.prepare(&format!(
            "SELECT {SERVED} FROM modules ORDER BY route, name"
        ))?;
        visit(&mut statement, [], served, each)
    }

    fn take_up(&mut self, served: &Served) -> Result<(), StoreError> {
        self.write_served(served, TAKEN_UP)
    }

    fn put_served(&mut self, served: &Served) -> Result<(), StoreError> {
        let changes = format!("{TAKEN_UP}, {SAID}");
        self.write_served(served, &changes)
    }

    fn known(&mut self, module: &ModuleId) -> Result<Option<Known>, StoreError> {
        let mut statement = self.prepare(
            "SELECT name, version, digest, at, by FROM module_digests \
             WHERE name = ?1 AND version = ?2",
        )?;
        one(
            &mut statement,
            params![module.name().as_str(), module.version().to_string()],
            known,
        )
    }

    fn was_taken_up(&mut self, module: &ModuleId) -> Result<bool, StoreError> {
        let mut statement = self.prepare(
            "SELECT EXISTS (SELECT 1 FROM history WHERE issuer IS NULL AND action = ?1 \
             AND json_extract(after, '$.name') = ?2 AND json_extract(after, '$.version') = ?3)",
        )?;
        let id = params![
            Action::Serve.as_str(),
            module.name().as_str(),
            module.version().to_string()
        ];
        let found = statement.query_row(id, |row| row.get(0));
        found.map_err(|error| failed(&error))
    }

    fn all_known(&mut self, each: &mut Each<'_, Known>) -> Result<(), StoreError> {
        let mut statement = self.prepare(
            "SELECT name, version, digest, at, by FROM module_digests ORDER BY name, version",
        )?;
        visit(&mut statement, [], known, each)
    }

    fn add_known(&mut self, known: &Known) -> Result<(), StoreError> {
        let row = KnownRow::from(known);
        let mut statement = self.prepare(
            "INSERT INTO module_digests (name, version, digest, at, by) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        let at = seconds(row.at)?;
        let done = statement.execute(params![row.name, row.version, row.digest, at, row.by]);
        done.map(|_| ()).map_err(|error| failed(&error))
    }

    fn serial(&mut self, store: &str, name: &ModuleName) -> Result<Option<u64>, StoreError> {
        let mut statement = self.prepare(
            "SELECT store, name, serial FROM index_serials WHERE store = ?1 AND name = ?2",
        )?;
        let found = one(&mut statement, params![store, name.as_str()], serial)?;
        Ok(found.map(|found| found.number))
    }

    fn serials(&mut self, each: &mut Each<'_, Serial>) -> Result<(), StoreError> {
        let mut statement =
            self.prepare("SELECT store, name, serial FROM index_serials ORDER BY store, name")?;
        visit(&mut statement, [], serial, each)
    }

    fn raise_serial(&mut self, serial: &Serial) -> Result<(), StoreError> {
        let mut statement = self.prepare(
            "INSERT INTO index_serials (store, name, serial) VALUES (?1, ?2, ?3) \
             ON CONFLICT (store, name) DO UPDATE SET serial = excluded.serial",
        )?;
        let number = whole(serial.number)?;
        let done = statement.execute(params![serial.store, serial.name.as_str(), number]);
        done.map(|_| ()).map_err(|error| failed(&error))
    }
}

impl Tables<'_> {
    /// Adds what a route serves; of what stands already, these columns change.
    fn write_served(&self, served: &Served, changes: &str) -> Result<(), StoreError> {
        let row = ServedRow::from(served);
        let mut statement = self.prepare(&format!(
            "INSERT INTO modules ({SERVED}) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) \
             ON CONFLICT (route, name) DO UPDATE SET {changes}"
        ))?;
        let done = statement.execute(params![
            row.route,
            row.name,
            row.version,
            row.digest,
            row.approved,
            row.barred_to,
            row.barred_at.map(seconds).transpose()?,
            row.barred_by,
            row.barred_reason,
            row.promoted,
            whole(row.rollbacks)?,
            seconds(row.since)?,
            row.by,
            row.reason,
        ]);
        done.map(|_| ()).map_err(|error| failed(&error))
    }
}

/// The only row that there can be.
fn one<T>(
    statement: &mut Statement<'_>,
    parameters: impl rusqlite::Params,
    read: fn(&Found<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>, StoreError> {
    let mut found = None;
    visit(statement, parameters, read, &mut |row| {
        found = Some(row);
        Ok(())
    })?;
    Ok(found)
}

/// Reads rows, each as `read` has it.
fn visit<T>(
    statement: &mut Statement<'_>,
    parameters: impl rusqlite::Params,
    read: fn(&Found<'_>) -> rusqlite::Result<T>,
    each: &mut Each<'_, T>,
) -> Result<(), StoreError> {
    let mut rows = statement
        .query(parameters)
        .map_err(|error| failed(&error))?;
    while let Some(row) = rows.next().map_err(|error| failed(&error))? {
        each(read(row).map_err(|error| failed(&error))?)?;
    }
    Ok(())
}

fn collect(
    statement: &mut Statement<'_>,
    parameters: impl rusqlite::Params,
) -> Result<Vec<Entry>, StoreError> {
    let mut found = Vec::new();
    visit(statement, parameters, entry, &mut |entry| {
        found.push(entry);
        Ok(())
    })?;
    Ok(found)
}

fn entry(row: &Found<'_>) -> rusqlite::Result<Entry> {
    let row = Row {
        issuer: row.get(0)?,
        kind: row.get(1)?,
        name: row.get(2)?,
        spelling: row.get(3)?,
        id: row.get(4)?,
        parent_kind: row.get(5)?,
        parent_name: row.get(6)?,
        parent_id: row.get(7)?,
        state: row.get(8)?,
        was_approved: row.get(9)?,
        moved_to: row.get(10)?,
        route: row.get(11)?,
        statement: row.get(12)?,
        since: number(row, 13)?,
        by: row.get(14)?,
        reason: row.get(15)?,
    };
    Entry::try_from(row).map_err(|error| damaged(8, error))
}

fn event(row: &Found<'_>) -> rusqlite::Result<Event> {
    let action: String = row.get(2)?;
    let name = match (row.get(3)?, row.get(4)?, row.get(5)?) {
        (Some(issuer), Some(kind), Some(name)) => Some(Name { issuer, kind, name }),
        (Some(_) | None, _, _) => None,
    };
    Ok(Event {
        at: number(row, 0)?,
        by: row.get(1)?,
        action: Action::parse(&action)
            .ok_or_else(|| damaged(2, StoreError::damaged(format!("action `{action}`"))))?,
        name,
        before: row.get(6)?,
        after: row.get(7)?,
        reason: row.get(8)?,
    })
}

fn revocation(row: &Found<'_>) -> rusqlite::Result<Revocation> {
    let (kind, issuer): (String, String) = (row.get(0)?, row.get(1)?);
    let (value, key): (String, String) = (row.get(2)?, row.get(3)?);
    let until: Option<i64> = row.get(5)?;
    let until = until.map(|until| u64::try_from(until).map_err(|error| damaged(5, error)));
    Ok(Revocation {
        target: Target::read(&kind, &issuer, &value, &key)
            .ok_or_else(|| damaged(0, StoreError::damaged(format!("a revoked `{kind}`"))))?,
        at: number(row, 4)?,
        until: until.transpose()?,
        by: row.get(6)?,
        reason: row.get(7)?,
    })
}

fn mark(row: &Found<'_>) -> rusqlite::Result<Spent> {
    Ok(Spent {
        digest: row.get(0)?,
        until: number(row, 1)?,
    })
}

fn served(row: &Found<'_>) -> rusqlite::Result<Served> {
    let barred_at: Option<i64> = row.get(6)?;
    let barred_at = barred_at.map(|at| u64::try_from(at).map_err(|error| damaged(6, error)));
    let row = ServedRow {
        route: row.get(0)?,
        name: row.get(1)?,
        version: row.get(2)?,
        digest: row.get(3)?,
        approved: row.get(4)?,
        barred_to: row.get(5)?,
        barred_at: barred_at.transpose()?,
        barred_by: row.get(7)?,
        barred_reason: row.get(8)?,
        promoted: row.get(9)?,
        rollbacks: number(row, 10)?,
        since: number(row, 11)?,
        by: row.get(12)?,
        reason: row.get(13)?,
    };
    Served::try_from(row).map_err(|error| damaged(2, error))
}

fn known(row: &Found<'_>) -> rusqlite::Result<Known> {
    let row = KnownRow {
        name: row.get(0)?,
        version: row.get(1)?,
        digest: row.get(2)?,
        at: number(row, 3)?,
        by: row.get(4)?,
    };
    Known::try_from(row).map_err(|error| damaged(2, error))
}

fn serial(row: &Found<'_>) -> rusqlite::Result<Serial> {
    let row = SerialRow {
        store: row.get(0)?,
        name: row.get(1)?,
        serial: number(row, 2)?,
    };
    Serial::try_from(row).map_err(|error| damaged(1, error))
}

/// A number that is never negative.
fn number(row: &Found<'_>, column: usize) -> rusqlite::Result<u64> {
    u64::try_from(row.get::<_, i64>(column)?).map_err(|error| damaged(column, error))
}

fn damaged(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}

/// A count as SQLite keeps numbers: with a sign.
fn whole(count: u64) -> Result<i64, StoreError> {
    i64::try_from(count).map_err(|_| StoreError::damaged(format!("a number of {count}")))
}

/// Seconds since 1970 as SQLite keeps numbers: with a sign.
fn seconds(seconds: u64) -> Result<i64, StoreError> {
    i64::try_from(seconds).map_err(|_| StoreError::damaged(format!("a time of {seconds} s")))
}
