//! Opening the file, and what can go wrong there.

use std::fs;
use std::io;
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, Error, ErrorCode, OpenFlags, TransactionBehavior};

use super::{Durability, Sqlite};
use crate::ledger::store::{Older, StoreError, StoreFailure};

/// Marks the file as a ledger, in SQLite's header: `clbd`.
const APPLICATION: i32 = 0x636c_6264;

/// The version of the tables.
const VERSION: i32 = 2;

/// Which file is at a path, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// That at the path now.
    ///
    /// # Errors
    /// There is none, or everybody may write to it.
    pub(super) fn of(path: &Path) -> Result<Self, StoreError> {
        let metadata = fs::metadata(path).map_err(|error| unreachable(path, &error))?;
        if is_everybodys(&metadata) {
            let path = path.display();
            return Err(StoreError::new(
                StoreFailure::Forbidden,
                format!("everybody may write to the ledger `{path}`; take that away (`chmod o-w`)"),
            ));
        }
        Ok(Self::in_metadata(&metadata))
    }

    #[cfg(unix)]
    fn in_metadata(metadata: &fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }

    /// A file that is open can't be replaced here.
    #[cfg(not(unix))]
    fn in_metadata(_: &fs::Metadata) -> Self {
        Self {
            device: 0,
            inode: 0,
        }
    }
}

/// Whether anybody could approve whom they like. A group may: operators have
/// one.
#[cfg(unix)]
fn is_everybodys(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::mode(metadata) & 0o002 != 0
}

#[cfg(not(unix))]
fn is_everybodys(_: &fs::Metadata) -> bool {
    false
}

fn unreachable(path: &Path, error: &io::Error) -> StoreError {
    let kind = if error.kind() == io::ErrorKind::PermissionDenied {
        StoreFailure::Forbidden
    } else {
        StoreFailure::Unreachable
    };
    let message = format!("the ledger `{}` can't be read: {error}", path.display());
    StoreError::new(kind, message)
}

/// Makes an empty file where there is none, for this user alone.
pub(super) fn create(settings: &Sqlite) -> Result<(), StoreError> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(&settings.path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            let path = settings.path.display();
            Err(StoreError::new(
                StoreFailure::Unreachable,
                format!("the ledger `{path}` can't be made: {error}"),
            ))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Opens the file, and makes the tables that it lacks; where it is only read,
/// others stand in for them.
pub(super) fn open(settings: &Sqlite) -> Result<(Connection, FileId), StoreError> {
    let path = &settings.path;
    let file = FileId::of(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let named = |error: Error| {
        let StoreError { kind, message } = failed(&error);
        StoreError::new(kind, format!("{message} (`{}`)", path.display()))
    };
    let mut connection = Connection::open_with_flags(path, flags).map_err(named)?;
    prepare(&connection, settings).map_err(named)?;
    let fitted = if settings.reads {
        stand_in(&connection)
    } else {
        make_tables(&mut connection)
    };
    fitted.map_err(|error| match error {
        Unfit::Sqlite(error) => named(error),
        Unfit::Other(what) => StoreError::new(
            StoreFailure::Unusable,
            format!("`{}` is no ledger: {what}", path.display()),
        ),
    })?;
    if FileId::of(path)? != file {
        let message = format!("the ledger `{}` was replaced", path.display());
        return Err(StoreError::new(StoreFailure::Unreachable, message));
    }
    Ok((connection, file))
}

fn prepare(connection: &Connection, settings: &Sqlite) -> Result<(), Error> {
    connection.busy_timeout(settings.wait)?;
    // A file that somebody else could write must not make this process run its
    // own SQL, nor rewrite its schema.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    if settings.reads {
        connection.pragma_update(None, "temp_store", "memory")?;
    } else {
        connection.pragma_update(None, "journal_mode", "wal")?;
    }
    let synchronous = match settings.durability {
        Durability::PowerCut => "full",
        Durability::Kill => "normal",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Why a file can't be used as a ledger.
enum Unfit {
    Sqlite(Error),
    Other(String),
}

impl From<Error> for Unfit {
    fn from(error: Error) -> Self {
        Self::Sqlite(error)
    }
}

/// What makes the tables, by steps: the first makes those of version 1 in an
/// empty file, each other one those of the version after.
const STEPS: [&str; VERSION as usize] = [include_str!("schema.sql"), include_str!("modules.sql")];

/// Makes the tables that are missing, all or none.
fn make_tables(connection: &mut Connection) -> Result<(), Unfit> {
    if missing(connection)?.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Somebody else may have made them meanwhile.
    let steps = missing(&transaction)?;
    if !steps.is_empty() {
        for step in steps {
            transaction.execute_batch(step)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()?;
    Ok(())
}

/// Has empty tables stand in for those that an older file lacks, in memory and for
/// this connection alone: the file stays as it is.
fn stand_in(connection: &Connection) -> Result<(), Unfit> {
    let steps = missing(connection)?;
    if steps.len() == STEPS.len() {
        return Err(Unfit::Other("it is empty".to_owned()));
    }
    for step in steps {
        // INVARIANT: those after the first make tables and triggers, and alter
        // nothing that is there.
        connection.execute_batch(&step.replace("CREATE T", "CREATE TEMP T"))?;
    }
    Ok(())
}

/// Of which version the file's tables are, where an older release made them.
pub(super) fn older(connection: &Connection) -> Result<Option<Older>, StoreError> {
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0));
    let version: i32 = version.map_err(|error| failed(&error))?;
    Ok((version < VERSION).then_some(Older {
        version,
        renewed_to: VERSION,
    }))
}

/// The steps from the file's tables to those of this release: all of them for an
/// empty file.
fn missing(connection: &Connection) -> Result<&'static [&'static str], Unfit> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let version = number("user_version")?;
    let steps = |from: i32| {
        usize::try_from(from)
            .ok()
            .and_then(|from| STEPS.get(from..))
    };
    match (number("application_id")?, tables) {
        (APPLICATION, _) => steps(version)
            .filter(|_| version > 0)
            .ok_or_else(|| Unfit::Other(another_version(version))),
        (0, 0) if version == 0 => Ok(&STEPS),
        _ => Err(Unfit::Other(
            "it is a database of something else".to_owned(),
        )),
    }
}

fn another_version(version: i32) -> String {
    format!("its tables are of version {version}, and this release knows version {VERSION}")
}

/// What SQLite's failures mean to a host.
pub(super) fn failed(error: &Error) -> StoreError {
    let kind = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreFailure::Busy,
        Some(ErrorCode::DiskFull) => StoreFailure::Full,
        Some(
            ErrorCode::PermissionDenied
            | ErrorCode::ReadOnly
            | ErrorCode::AuthorizationForStatementDenied,
        ) => StoreFailure::Forbidden,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::SchemaChanged) => {
            StoreFailure::Unusable
        }
        Some(_) => StoreFailure::Unreachable,
        None => StoreFailure::Unusable,
    };
    let what = match kind {
        StoreFailure::Busy => "others kept the ledger busy for too long",
        StoreFailure::Full => "there is no room left for the ledger",
        StoreFailure::Forbidden => "this process may not write the ledger",
        StoreFailure::Unusable => "the ledger's file is damaged, or is none",
        StoreFailure::Unreachable => "the ledger's file can't be used",
    };
    StoreError::new(kind, format!("{what}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_file_that_everybody_may_write_to_is_not_used() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        let settings = Sqlite::at(&path).or_new();
        create(&settings).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600, "it is made for this user alone");
        open(&settings).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o606)).unwrap();
        let refused = open(&settings).unwrap_err();
        assert_eq!(refused.kind, StoreFailure::Forbidden);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o660)).unwrap();
        open(&settings).unwrap();
    }

    #[test]
    fn what_is_no_ledger_is_not_made_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.db");
        let other = Connection::open(&path).unwrap();
        other.execute_batch("CREATE TABLE mine (a)").unwrap();
        let refused = open(&Sqlite::at(&path)).unwrap_err();
        assert_eq!(refused.kind, StoreFailure::Unusable, "{refused}");
        other.execute_batch("DROP TABLE mine").unwrap();
        open(&Sqlite::at(&path)).unwrap();
        other
            .pragma_update(None, "user_version", VERSION + 1)
            .unwrap();
        let refused = open(&Sqlite::at(&path)).unwrap_err();
        assert!(refused.message.contains("version 3"), "{refused}");
    }
}
