//! Why checks can't be taken.

use super::{LARGEST, LONGEST_LINE, MOST, SECTION};
use crate::bake::BakeError;
use crate::floor::FloorError;
use crate::issuer::IssuerError;
use crate::json::JsonError;
use crate::key::KeySetError;

/// Checks that can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ChecksError {
    /// The bytes are no component.
    #[error(transparent)]
    Component(#[from] BakeError),
    /// The component has two sections of checks.
    #[error("the component has section `{SECTION}` twice")]
    Twice,
    /// They are longer than is ever read.
    #[error("the checks have {bytes} bytes or more, where at most {LARGEST} are read")]
    TooLarge {
        /// How long they are, as far as they were written.
        bytes: usize,
    },
    /// There are more than [`MOST`].
    #[error("there are more than {MOST} checks")]
    TooMany,
    /// They are not text.
    #[error("the checks are not UTF-8")]
    NotUtf8,
    /// The first line is not their header.
    #[error("the first line of the checks is no header of this version")]
    Header,
    /// Some are missing, or there are more than there should be.
    #[error("the header of the checks says {said}, and {found} follow")]
    Count {
        /// How many the header says.
        said: usize,
        /// How many lines follow.
        found: usize,
    },
    /// Two have one name.
    #[error("two checks are called `{0}`")]
    Name(String),
    /// A line can't be read, or written.
    #[error("line {line} of the checks: {error}")]
    Line {
        /// Its number, from one: the header's.
        line: usize,
        /// What is wrong with it.
        error: Box<CheckError>,
    },
}

/// A check that can't be.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// Its line is too long.
    #[error("a check has at most {LONGEST_LINE} bytes")]
    TooLong,
    /// Its line is cut off.
    #[error("the line does not end")]
    CutOff,
    /// Its line is not strict JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A member is missing, unknown, or of another type.
    #[error("{0}")]
    Shape(String),
    /// Its name is none.
    #[error("a check's name has 1 to 256 bytes and no control characters")]
    Name,
    /// Nobody knows its naming model.
    #[error("`{0}` is no naming model of this host")]
    Model(String),
    /// Its issuer can't be.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// The keys that its issuer publishes can't be.
    #[error("the published keys: {0}")]
    Published(#[from] KeySetError),
    /// Its claims are no token's.
    #[error("the token can't be made: {0}")]
    Claims(JsonError),
    /// Its algorithm signs no token.
    #[error("`{0}` is no algorithm of tokens")]
    Algorithm(String),
    /// Its audience is none.
    #[error(transparent)]
    Audience(#[from] FloorError),
    /// It expects a denial by a code that no reason has.
    #[error("`{0}` is no reason code of this host")]
    Code(String),
    /// It expects an allow and a denial, or neither.
    #[error("a check expects exactly one of `allow` and `deny`")]
    Expected,
}
