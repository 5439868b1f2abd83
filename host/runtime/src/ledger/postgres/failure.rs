//! What PostgreSQL's failures mean to a host, and what can be done after them.

use std::error::Error as _;
use std::time::Duration;

use tokio_postgres::Error;
use tokio_postgres::error::{DbError, Severity, SqlState};

use crate::ledger::store::{StoreError, StoreFailure};

/// A failure, and what can be done after it.
#[derive(Debug)]
pub(super) struct Failure {
    /// What the host is told.
    pub(super) error: StoreError,
    pub(super) after: After,
}

/// What can be done after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// Another transaction came first: what was done can be done again.
    Again,
    /// The connection can be used for something else.
    Usable,
    /// The connection is of no use any more.
    Broken,
}

impl Failure {
    /// An answer that did not come in time.
    pub(super) fn late(limit: Duration) -> Self {
        let message = format!(
            "the ledger's server gave no answer within {} ms",
            limit.as_millis()
        );
        Self {
            error: StoreError::new(StoreFailure::Unreachable, message),
            after: After::Broken,
        }
    }

    /// The same where others came first too often.
    pub(super) fn given_up(self) -> StoreError {
        match self.after {
            After::Again => StoreError::new(
                StoreFailure::Busy,
                format!("others kept changing the ledger: {}", self.error.message),
            ),
            After::Usable | After::Broken => self.error,
        }
    }
}

impl From<StoreError> for Failure {
    /// A failure that is no connection's.
    fn from(error: StoreError) -> Self {
        Self {
            error,
            after: After::Usable,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error.as_db_error() {
            Some(answer) => of_answer(answer),
            None => of_connection(&error),
        }
    }
}

/// A failure that the server answered with. Its details may repeat what a row
/// holds, so they stay out.
fn of_answer(answer: &DbError) -> Failure {
    let (kind, what) = kind(answer.code());
    let ended = matches!(
        answer.parsed_severity(),
        Some(Severity::Fatal | Severity::Panic)
    );
    let after = if ended {
        After::Broken
    } else {
        after(answer.code(), kind)
    };
    let message = format!("{what}: {} ({})", answer.message(), answer.code().code());
    Failure {
        error: StoreError::new(kind, message),
        after,
    }
}

/// What can be done after a failure in a session that goes on. One that is not
/// about what was asked may be about the session, or what was prepared in it.
fn after(code: &SqlState, kind: StoreFailure) -> After {
    if came_second(code) {
        return After::Again;
    }
    match kind {
        StoreFailure::Busy | StoreFailure::Full | StoreFailure::Forbidden => After::Usable,
        StoreFailure::Unusable if is_about_values(code) => After::Usable,
        StoreFailure::Unusable | StoreFailure::Unreachable => After::Broken,
    }
}

/// Data, constraints, and texts that are too long for an index.
fn is_about_values(code: &SqlState) -> bool {
    matches!(code.code().get(..2), Some("22" | "23" | "54"))
}

/// Whether the failure is that another transaction came first. A key that is
/// there already counts: it was not, when this transaction looked.
fn came_second(code: &SqlState) -> bool {
    [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::UNIQUE_VIOLATION,
    ]
    .contains(code)
}

const UNREACHABLE: (StoreFailure, &str) = (
    StoreFailure::Unreachable,
    "the ledger's server can't be used",
);
const BUSY: (StoreFailure, &str) = (
    StoreFailure::Busy,
    "others kept the ledger's server busy for too long",
);
const FULL: (StoreFailure, &str) = (StoreFailure::Full, "the ledger's server has no room left");
const FORBIDDEN: (StoreFailure, &str) = (
    StoreFailure::Forbidden,
    "this host may not do that in the ledger's database",
);
const UNUSABLE: (StoreFailure, &str) = (
    StoreFailure::Unusable,
    "the ledger's database does not do what a ledger does",
);

/// By PostgreSQL's documentation, appendix A: the first two characters are a
/// code's class.
fn kind(code: &SqlState) -> (StoreFailure, &'static str) {
    if came_second(code) {
        return BUSY;
    }
    match code.code() {
        // Lock not available, statement cancelled by its timeout, too many
        // connections.
        "55P03" | "57014" | "53300" => return BUSY,
        "42501" => return FORBIDDEN,
        // A transaction that may not write: a standby.
        "25006" => return UNREACHABLE,
        _ => {}
    }
    match code.code().get(..2) {
        Some("53") => FULL,
        Some("28") => FORBIDDEN,
        // What is no ledger, and the server's own damage.
        Some("3F" | "42" | "XX") => UNUSABLE,
        Some(_) | None if is_about_values(code) => UNUSABLE,
        Some(_) | None => UNREACHABLE,
    }
}

/// A failure between this host and the server.
fn of_connection(error: &Error) -> Failure {
    let mut message = format!("the ledger's server can't be reached: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    Failure {
        error: StoreError::new(StoreFailure::Unreachable, message),
        after: After::Broken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_of_failures_has_its_kind() {
        for (code, expected) in [
            ("40001", StoreFailure::Busy),
            ("40P01", StoreFailure::Busy),
            ("23505", StoreFailure::Busy),
            ("55P03", StoreFailure::Busy),
            ("57014", StoreFailure::Busy),
            ("53300", StoreFailure::Busy),
            ("53100", StoreFailure::Full),
            ("53200", StoreFailure::Full),
            ("42501", StoreFailure::Forbidden),
            ("28P01", StoreFailure::Forbidden),
            ("28000", StoreFailure::Forbidden),
            ("42P01", StoreFailure::Unusable),
            ("3F000", StoreFailure::Unusable),
            ("23514", StoreFailure::Unusable),
            ("22021", StoreFailure::Unusable),
            ("54000", StoreFailure::Unusable),
            ("XX001", StoreFailure::Unusable),
            ("25006", StoreFailure::Unreachable),
            ("57P01", StoreFailure::Unreachable),
            ("57P03", StoreFailure::Unreachable),
            ("08006", StoreFailure::Unreachable),
            ("3D000", StoreFailure::Unreachable),
        ] {
            assert_eq!(kind(&SqlState::from_code(code)).0, expected, "{code}");
        }
    }

    #[test]
    fn a_session_goes_on_after_what_is_not_about_it() {
        for (code, expected) in [
            ("40001", After::Again),
            ("40P01", After::Again),
            ("23505", After::Again),
            ("55P03", After::Usable),
            ("53100", After::Usable),
            ("42501", After::Usable),
            ("22021", After::Usable),
            ("54000", After::Usable),
            // A plan, or a statement, that is none any more; a standby.
            ("0A000", After::Broken),
            ("26000", After::Broken),
            ("42P01", After::Broken),
            ("25006", After::Broken),
        ] {
            let code = SqlState::from_code(code);
            assert_eq!(after(&code, kind(&code).0), expected, "{code:?}");
        }
    }
}
