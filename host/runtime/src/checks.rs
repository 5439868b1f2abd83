//! Checks: self-contained cases that a component carries, for a host that knows
//! no policy language.
//!
//! `claimbound build` compiles a case file to them. Each holds a whole token and
//! all that it is decided with, so that running one needs the component alone.
//! They stand in the section [`SECTION`] as JSON Lines: a header that says how
//! many there are, then one check a line.
//!
//! ```
//! use claimbound::{bake, checks::Checks};
//!
//! // The standard component has no policy yet, and nothing to check it by.
//! assert!(Checks::of(bake::STANDARD)?.is_none());
//! # Ok::<(), claimbound::checks::ChecksError>(())
//! ```

mod check;
mod error;
mod expected;
mod line;
#[cfg(test)]
mod tests;
mod verdict;

use std::collections::HashSet;
use std::sync::Arc;

pub use check::{Check, Draft};
pub use error::{CheckError, ChecksError};
pub use expected::{Expected, ExpectedGrant};
pub use verdict::{Fault, Verdict};

use crate::bake;
use crate::policy::Policy;

/// The section of a component that holds its checks.
pub const SECTION: &str = "claimbound:checks";
/// The most checks, inclusive.
pub const MOST: usize = 10_000;
/// Most bytes of all checks, inclusive: 16 MiB. A usual check has one KiB.
pub const LARGEST: usize = 16 << 20;
/// Longest line of one check in bytes, inclusive: a token's claims have at most
/// 16 KiB, and published keys take what is left.
pub const LONGEST_LINE: usize = 64 << 10;

/// The checks of one component, in their order; no two of one name.
#[derive(Clone, Debug, Default)]
pub struct Checks {
    checks: Vec<Check>,
}

impl Checks {
    /// Gathers checks.
    ///
    /// # Errors
    /// [`ChecksError`] where they are too many or two have one name.
    pub fn new(checks: impl IntoIterator<Item = Check>) -> Result<Self, ChecksError> {
        let mut all = Self::default();
        let mut names = HashSet::new();
        for check in checks {
            if all.checks.len() == MOST {
                return Err(ChecksError::TooMany);
            }
            if !names.insert(check.name().to_owned()) {
                return Err(ChecksError::Name(check.name().to_owned()));
            }
            all.checks.push(check);
        }
        Ok(all)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote: at most [`LARGEST`] bytes,
    /// strictly. What is cut off, or holds more than its header says, is refused.
    ///
    /// # Errors
    /// [`ChecksError`] with the line that can't be read.
    pub fn parse(bytes: &[u8]) -> Result<Self, ChecksError> {
        if bytes.len() > LARGEST {
            return Err(ChecksError::TooLarge { bytes: bytes.len() });
        }
        let text = std::str::from_utf8(bytes).map_err(|_| ChecksError::NotUtf8)?;
        let mut lines = text.split_inclusive('\n');
        let said = line::count(lines.next().unwrap_or_default())?;
        let found = lines.clone().count();
        if said != found {
            return Err(ChecksError::Count { said, found });
        }
        if said > MOST {
            return Err(ChecksError::TooMany);
        }
        // The header is the first line.
        let checks = lines.zip(2..).map(|(line, number)| {
            line::check(line).map_err(|error| ChecksError::Line {
                line: number,
                error: Box::new(error),
            })
        });
        Self::new(checks.collect::<Result<Vec<_>, _>>()?)
    }

    /// The checks as a section holds them. The same checks give the same bytes.
    ///
    /// # Errors
    /// [`ChecksError`] where they are longer than [`parse`](Self::parse) takes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ChecksError> {
        let mut bytes = line::header(self.len()).into_bytes();
        for (check, number) in self.checks.iter().zip(2..) {
            let written = line::written(check);
            let written = written.map_err(|error| ChecksError::Line {
                line: number,
                error: Box::new(error),
            })?;
            bytes.extend(written.into_bytes());
            if bytes.len() > LARGEST {
                return Err(ChecksError::TooLarge { bytes: bytes.len() });
            }
        }
        Ok(bytes)
    }

    /// The checks that a component carries; none where it has no such section.
    ///
    /// # Errors
    /// [`ChecksError`] where the bytes are no component, where it has the section
    /// twice, or where the section can't be read.
    pub fn of(component: &[u8]) -> Result<Option<Self>, ChecksError> {
        let sections = bake::sections(component)?;
        let mut found = sections.iter().filter(|(name, _)| *name == SECTION);
        let first = found.next();
        if found.next().is_some() {
            return Err(ChecksError::Twice);
        }
        first.map(|(_, bytes)| Self::parse(bytes)).transpose()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.checks.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.checks.is_empty()
    }

    /// The checks, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter()
    }

    /// Decides each check in its turn, when it is asked for: who wants no more
    /// asks no more. Nothing is enrolled, spent or recorded.
    ///
    /// Takes at most as many deadlines of the policy's sandbox as there are checks,
    /// and one place of its pool at a time.
    pub fn run<'a>(&'a self, policy: &'a Arc<Policy>) -> impl Iterator<Item = Verdict<'a>> {
        self.checks.iter().map(|check| check.verdict(policy))
    }

    /// The first check that does not hold, and why; later ones are not decided.
    pub fn first_failure<'a>(&'a self, policy: &Arc<Policy>) -> Option<(&'a str, Fault)> {
        let mut faults = self.checks.iter().map(|check| {
            let verdict = check.verdict(policy);
            verdict.fault.map(|fault| (check.name(), fault))
        });
        faults.find_map(|fault| fault)
    }
}
