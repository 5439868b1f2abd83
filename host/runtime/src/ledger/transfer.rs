//! The ledger as JSON Lines: for a backup, for another store, for other tools.

use std::collections::HashMap;
use std::io::{self, BufRead, Read as _, Write};

use serde::{Deserialize, Serialize};

use super::change::{WordError, check_word, entry_json};
use super::entry::{Entry, Scope, State};
use super::event::{Action, Event};
use super::name::Name;
use super::revocation::{Revocation, Target};
use super::row::Row;
use super::served::{Known, KnownRow, Serial, SerialRow, Served, ServedRow, served_json};
use super::store::{Spent, StoreError, Transaction};
use crate::hexadecimal;
use crate::modules::ModuleId;
use crate::sha256::sha256;

/// The version of the format, in the first line. Version 1 had nothing of
/// modules.
const VERSION: u32 = 2;

/// Longest line that is read, in bytes: an event holds two entries, each of a
/// few texts of at most [`super::name::LONGEST`] bytes.
const LONGEST_LINE: u64 = 256 * 1024;

/// One line of an export.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
enum Line {
    /// The first one.
    Ledger {
        version: u32,
    },
    Name(Row),
    Revocation(RevocationRow),
    Event(EventRow),
    Spent {
        digest: String,
        until: u64,
    },
    /// Before the modules of the same version.
    ModuleDigest(KnownRow),
    Module(ServedRow),
    IndexSerial(SerialRow),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RevocationRow {
    kind: String,
    issuer: Option<String>,
    value: String,
    key: String,
    at: u64,
    until: Option<u64>,
    by: String,
    reason: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventRow {
    at: u64,
    by: String,
    action: String,
    issuer: Option<String>,
    kind: Option<String>,
    name: Option<String>,
    before: Option<String>,
    after: Option<String>,
    reason: String,
}

/// What an import added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// Entries of names.
    pub names: u64,
    /// Revocations.
    pub revocations: u64,
    /// Lines of history.
    pub events: u64,
    /// Marks of used tokens.
    pub spent: u64,
    /// Digests of versions of modules.
    pub module_digests: u64,
    /// What routes serve of modules.
    pub modules: u64,
    /// Serials of indexes.
    pub index_serials: u64,
    /// Lines that say what the ledger says already.
    pub known: u64,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A line can't be taken.
    #[error("line {line}: {problem}")]
    Line {
        /// Its number, from one.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// No reason, or no name of an operator, is given.
    #[error(transparent)]
    Word(#[from] WordError),
    /// The lines can't be read.
    #[error("line {line} can't be read: {source}")]
    Read {
        /// Its number, from one.
        line: u64,
        /// Why.
        source: io::Error,
    },
    /// The store gave no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why nothing, or not all, was exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The lines can't be written.
    #[error("the export can't be written: {0}")]
    Write(#[from] io::Error),
    /// The store gave no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A revocation as history keeps it.
pub(super) fn revocation_json(revocation: &Revocation) -> String {
    // INVARIANT: plain values, which always serialise.
    serde_json::to_string(&RevocationRow::from(revocation)).unwrap_or_default()
}

impl From<&Revocation> for RevocationRow {
    fn from(revocation: &Revocation) -> Self {
        let target = &revocation.target;
        Self {
            kind: target.kind().to_owned(),
            issuer: target.issuer().map(str::to_owned),
            value: target.value().to_owned(),
            key: target.key().to_owned(),
            at: revocation.at,
            until: revocation.until,
            by: revocation.by.clone(),
            reason: revocation.reason.clone(),
        }
    }
}

/// As a line of an export has it.
impl Serialize for Revocation {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RevocationRow::from(self).serialize(serializer)
    }
}

impl RevocationRow {
    fn read(self) -> Option<Revocation> {
        let issuer = self.issuer.unwrap_or_default();
        Some(Revocation {
            target: Target::read(&self.kind, &issuer, &self.value, &self.key)?,
            at: self.at,
            until: self.until,
            by: self.by,
            reason: self.reason,
        })
    }
}

impl From<&Event> for EventRow {
    fn from(event: &Event) -> Self {
        let name = event.name.as_ref();
        Self {
            at: event.at,
            by: event.by.clone(),
            action: event.action.as_str().to_owned(),
            issuer: name.map(|name| name.issuer.clone()),
            kind: name.map(|name| name.kind.clone()),
            name: name.map(|name| name.name.clone()),
            before: event.before.clone(),
            after: event.after.clone(),
            reason: event.reason.clone(),
        }
    }
}

impl EventRow {
    fn read(self) -> Option<Event> {
        let name = match (self.issuer, self.kind, self.name) {
            (None, None, None) => None,
            (Some(issuer), Some(kind), Some(name)) => Some(Name { issuer, kind, name }),
            (Some(_) | None, _, _) => return None,
        };
        Some(Event {
            at: self.at,
            by: self.by,
            action: Action::parse(&self.action)?,
            name,
            before: self.before,
            after: self.after,
            reason: self.reason,
        })
    }
}

/// Writes everything, as one moment has it.
pub(super) fn export(tables: &mut dyn Transaction, out: &mut dyn Write) -> Result<(), ExportError> {
    let mut failed = None;
    let mut write = |line: &Line| write_line(out, line, &mut failed);
    write(&Line::Ledger { version: VERSION })?;
    tables.entries(&mut |entry| write(&Line::Name(Row::from(&entry))))?;
    tables.revocations(&mut |one| write(&Line::Revocation(RevocationRow::from(&one))))?;
    tables.events(None, &mut |event| {
        write(&Line::Event(EventRow::from(&event)))
    })?;
    tables.spent(&mut |spent| {
        write(&Line::Spent {
            digest: hexadecimal::encode("", &spent.digest),
            until: spent.until,
        })
    })?;
    tables.all_known(&mut |known| write(&Line::ModuleDigest(KnownRow::from(&known))))?;
    tables.all_served(&mut |served| write(&Line::Module(ServedRow::from(&served))))?;
    tables.serials(&mut |serial| write(&Line::IndexSerial(SerialRow::from(&serial))))?;
    failed.map_or(Ok(()), |error| Err(ExportError::Write(error)))
}

/// Writes a line, unless one could not be written before. A failure is kept, as
/// the tables can only hand on their own.
fn write_line(
    out: &mut dyn Write,
    line: &Line,
    failed: &mut Option<io::Error>,
) -> Result<(), StoreError> {
    if failed.is_none() {
        let text = serde_json::to_string(line).map_err(StoreError::damaged)?;
        *failed = writeln!(out, "{text}").err();
    }
    Ok(())
}

/// Reads lines in, all or none: what is there stays, and whatever contradicts
/// it is refused.
pub(super) fn import(
    tables: &mut dyn Transaction,
    lines: &mut dyn BufRead,
    by: &str,
    at: u64,
    reason: &str,
) -> Result<Imported, ImportError> {
    check_word("the operator's name", by)?;
    check_word("the reason", reason)?;
    let mut intake = Intake {
        history: history(tables)?,
        tables,
        line: 0,
        imported: Imported::default(),
    };
    while let Some(line) = intake.next(lines)? {
        intake.take(line)?;
    }
    if intake.line == 0 {
        return Err(ImportError::Line {
            line: 1,
            problem: "there is nothing to import".to_owned(),
        });
    }
    let Intake {
        imported, tables, ..
    } = intake;
    if imported
        != (Imported {
            known: imported.known,
            ..Imported::default()
        })
    {
        tables.advance()?;
        tables.append(&Event {
            at,
            by: by.to_owned(),
            action: Action::Import,
            name: None,
            before: None,
            after: serde_json::to_string(&imported).ok(),
            reason: reason.to_owned(),
        })?;
    }
    Ok(imported)
}

/// The history that is there, digested, and how often each line of it stands.
fn history(tables: &mut dyn Transaction) -> Result<HashMap<[u8; 32], u64>, StoreError> {
    let mut known = HashMap::new();
    tables.events(None, &mut |event| {
        *known.entry(fingerprint(&event)?).or_default() += 1;
        Ok(())
    })?;
    Ok(known)
}

fn fingerprint(event: &Event) -> Result<[u8; 32], StoreError> {
    let text = serde_json::to_string(&EventRow::from(event)).map_err(StoreError::damaged)?;
    Ok(sha256(text.as_bytes()))
}

/// An import on its way.
struct Intake<'a> {
    tables: &'a mut dyn Transaction,
    /// What of the history that is there has not been met in the lines yet.
    history: HashMap<[u8; 32], u64>,
    line: u64,
    imported: Imported,
}

impl Intake<'_> {
    fn refuse(&self, problem: impl Into<String>) -> ImportError {
        ImportError::Line {
            line: self.line,
            problem: problem.into(),
        }
    }

    /// The next line; none behind the last.
    fn next(&mut self, lines: &mut dyn BufRead) -> Result<Option<Line>, ImportError> {
        self.line += 1;
        let mut text = Vec::new();
        let read = lines
            .take(LONGEST_LINE + 1)
            .read_until(b'\n', &mut text)
            .map_err(|source| ImportError::Read {
                line: self.line,
                source,
            })?;
        if read == 0 {
            self.line -= 1;
            return Ok(None);
        }
        if text.len() as u64 > LONGEST_LINE {
            return Err(self.refuse(format!("it is longer than {LONGEST_LINE} bytes")));
        }
        let line: Line = serde_json::from_slice(text.trim_ascii_end())
            .map_err(|error| self.refuse(format!("it is no line of an export: {error}")))?;
        match (&line, self.line) {
            (
                Line::Ledger {
                    version: 1..=VERSION,
                },
                1,
            ) => Ok(Some(line)),
            (Line::Ledger { version }, 1) => {
                Err(self.refuse(format!("version {version} of the format is not known here")))
            }
            (Line::Ledger { .. }, _) => Err(self.refuse("an export begins in the middle")),
            (_, 1) => Err(self.refuse("an export begins with its version")),
            (_, _) => Ok(Some(line)),
        }
    }

    fn take(&mut self, line: Line) -> Result<(), ImportError> {
        match line {
            Line::Ledger { .. } => Ok(()),
            Line::Name(row) => self.name(row),
            Line::Revocation(row) => self.revocation(row),
            Line::Event(row) => self.event(row),
            Line::Spent { digest, until } => self.spent(&digest, until),
            Line::ModuleDigest(row) => self.module_digest(row),
            Line::Module(row) => self.module(row),
            Line::IndexSerial(row) => self.index_serial(row),
        }
    }

    /// Refuses what nobody could have given as a name or a reason; a route gives
    /// none for what it enrols.
    fn check_words(&self, by: &str, reason: &str) -> Result<(), ImportError> {
        let checked = check_word("who did it", by);
        let checked = checked.and_then(|()| match reason {
            "" => Ok(()),
            reason => check_word("the reason", reason),
        });
        checked.map_err(|error| self.refuse(error.to_string()))
    }

    fn name(&mut self, row: Row) -> Result<(), ImportError> {
        let entry = Entry::try_from(row).map_err(|error| self.refuse(error.to_string()))?;
        self.check_words(&entry.by, &entry.reason)?;
        let scope = entry.standing.scope();
        let there = self.tables.by_name(&entry.name)?;
        match there.iter().find(|one| one.standing.scope() == scope) {
            Some(one) if *one == entry => {
                self.imported.known += 1;
                return Ok(());
            }
            Some(one) => {
                return Err(self.refuse(format!(
                    "the ledger has another entry of {} `{}`: {}",
                    entry.name.kind,
                    entry.name.name,
                    entry_json(one)
                )));
            }
            None => {}
        }
        self.check_id(&entry, &scope)?;
        self.tables.put(&entry)?;
        self.imported.names += 1;
        Ok(())
    }

    /// Refuses an id that is bound to another name already.
    fn check_id(&mut self, entry: &Entry, scope: &Scope) -> Result<(), ImportError> {
        let (Some(id), false) = (&entry.id, entry.standing.state() == State::Moved) else {
            return Ok(());
        };
        let Name { issuer, kind, .. } = &entry.name;
        let others = self.tables.by_id(issuer, kind, id)?;
        let other = others
            .iter()
            .find(|one| one.standing.scope() == *scope && one.standing.state() != State::Moved);
        match other {
            None => Ok(()),
            Some(other) => Err(self.refuse(format!(
                "the ledger knows the {kind} of id `{id}` as `{}`",
                other.name.name
            ))),
        }
    }

    fn revocation(&mut self, row: RevocationRow) -> Result<(), ImportError> {
        let revocation = row
            .read()
            .ok_or_else(|| self.refuse("it revokes nothing that there is"))?;
        self.check_words(&revocation.by, &revocation.reason)?;
        let there = self.tables.revocation(&revocation.target)?;
        match there {
            Some(one) if one == revocation => self.imported.known += 1,
            Some(one) => {
                let there = revocation_json(&one);
                return Err(self.refuse(format!("the ledger revokes the same otherwise: {there}")));
            }
            None => {
                self.tables.revoke(&revocation)?;
                self.imported.revocations += 1;
            }
        }
        Ok(())
    }

    fn event(&mut self, row: EventRow) -> Result<(), ImportError> {
        let event = row
            .read()
            .ok_or_else(|| self.refuse("it is no event of a ledger"))?;
        self.check_words(&event.by, &event.reason)?;
        match self.history.get_mut(&fingerprint(&event)?) {
            Some(left) if *left > 0 => {
                *left -= 1;
                self.imported.known += 1;
            }
            Some(_) | None => {
                self.tables.append(&event)?;
                self.imported.events += 1;
            }
        }
        Ok(())
    }

    fn spent(&mut self, digest: &str, until: u64) -> Result<(), ImportError> {
        let digest = hexadecimal::decode(digest)
            .ok_or_else(|| self.refuse("a digest has 64 hexadecimal digits"))?;
        if self.tables.spend(&Spent { digest, until })? {
            self.imported.spent += 1;
        } else {
            self.imported.known += 1;
        }
        Ok(())
    }
    fn module_digest(&mut self, row: KnownRow) -> Result<(), ImportError> {
        let known = Known::try_from(row).map_err(|error| self.refuse(error.to_string()))?;
        self.check_words(&known.by, "")?;
        match self.tables.known(&known.module)? {
            Some(there) if there.digest == known.digest => self.imported.known += 1,
            Some(there) => {
                return Err(self.refuse(format!(
                    "the ledger knows `{}` by the digest {}",
                    there.module, there.digest
                )));
            }
            None => {
                self.tables.add_known(&known)?;
                self.imported.module_digests += 1;
            }
        }
        Ok(())
    }

    fn module(&mut self, row: ServedRow) -> Result<(), ImportError> {
        let served = Served::try_from(row).map_err(|error| self.refuse(error.to_string()))?;
        self.check_words(&served.by, &served.reason)?;
        if let Some(bar) = &served.bar {
            self.check_words(&bar.by, &bar.reason)?;
        }
        self.check_served_digest(&served)?;
        match self.tables.served(&served.route, &served.name)? {
            Some(there) if there == served => self.imported.known += 1,
            Some(there) => {
                let there = served_json(&there);
                return Err(self.refuse(format!("the ledger has it served otherwise: {there}")));
            }
            None => {
                self.tables.put_served(&served)?;
                self.imported.modules += 1;
            }
        }
        Ok(())
    }

    /// Refuses what no ledger has: a version that is served under a digest that
    /// is not the version's, or whose major version nobody approved.
    fn check_served_digest(&mut self, served: &Served) -> Result<(), ImportError> {
        let module = ModuleId::new(served.name.clone(), served.version.clone());
        let module = module.map_err(|error| self.refuse(error.to_string()))?;
        let known = self.tables.known(&module)?;
        let has_digest = known.is_some_and(|known| known.digest == served.digest);
        if !has_digest {
            return Err(self.refuse("no line before it says the digest of its version"));
        }
        if served.version.major > served.approved {
            return Err(self.refuse("its major version is not approved"));
        }
        if served.bar.is_some() != (served.rollbacks > 0) {
            return Err(self.refuse(
                "a bar comes with a rollback or a rejection, and each of them with a bar",
            ));
        }
        Ok(())
    }

    fn index_serial(&mut self, row: SerialRow) -> Result<(), ImportError> {
        let serial = Serial::try_from(row).map_err(|error| self.refuse(error.to_string()))?;
        let there = self.tables.serial(&serial.store, &serial.name)?;
        // A lower one is older than what was seen here, and says nothing else.
        if there.is_some_and(|there| there >= serial.number) {
            self.imported.known += 1;
        } else {
            self.tables.raise_serial(&serial)?;
            self.imported.index_serials += 1;
        }
        Ok(())
    }
}
