//! The record of decisions: what was decided on every verified token, in lines
//! that are chained to each other.
//!
//! A [`Gate`](crate::gate::Gate) that has a [`Record`] writes to it before it
//! answers; what can't be recorded is not given. [`Journal`] keeps one in a
//! folder. [`audit`] looks for lines that were removed, altered, reordered or
//! cut, and [`Decision::decide_again`] derives a decision once more from what
//! its line kept. The format is documented in `docs/record.md`.
//!
//! ```
//! use claimbound::record::{Head, Journal, Options, audit};
//! use claimbound::clock::FixedClock;
//!
//! let place = tempfile::tempdir()?;
//! let folder = place.path().join("record");
//! let journal = Journal::open(&folder, Options::default(), &FixedClock(1_795_428_000))?;
//! // … a gate writes to it …
//! assert_eq!(journal.close()?, Head::GENESIS);
//! let report = audit::verify(&folder, &audit::Expected::default(), |_| ())?;
//! assert!(report.is_clean() && report.head.count == 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod audit;
mod chain;
pub mod checkpoint;
mod decision;
mod disk;
mod divergence;
mod entry;
mod error;
mod failures;
mod files;
mod journal;
mod kept;
mod line;
mod opening;
mod reader;
mod replay;

pub use chain::{Hash, HashError, Head};
pub use decision::{Decision, Ledger, Stage, Verdict};
pub use divergence::{Divergence, Said};
pub use entry::{Body, Entry, EntryError, Recovered, Unverified};
pub use error::RecordError;
pub use files::FileName;
pub use journal::{Durability, Journal, Options, ROTATE_AT};
pub use kept::{Kept, KeptKey, Reads};
pub use line::LONGEST as LONGEST_LINE;
pub use reader::{Line, Reader, Text};
pub use replay::{Disagreement, NotDerived};

pub(crate) use decision::{Ended, Presented};

use crate::outcome::HostError;
use crate::reason::Code;

/// Writes down what was decided.
///
/// A host attaches one to its [`Gate`](crate::gate::Gate). It is asked from
/// many threads at once.
pub trait Record: Send + Sync {
    /// Whether the claims that a policy reads are to be kept, which is all it
    /// takes to derive the decision again.
    fn keeps_claims(&self) -> bool {
        false
    }

    /// Writes a decision on a verified token, and returns when it is as durable
    /// as this record promises.
    ///
    /// # Errors
    /// Why it is not written: the decision is not given.
    fn write(&self, decision: &Decision) -> Result<(), HostError>;

    /// Notes a token that was refused before its signature was found good.
    ///
    /// Anybody can send as many of those as the network carries, so that they
    /// are counted, and few are written. Nothing was allowed, so nothing
    /// depends on it.
    fn note(&self, refused: &Refused);

    /// Notes that a policy which decides with no effect disagrees with the one in
    /// use. Nothing depends on it; what can't be written is lost.
    fn diverged(&self, _divergence: &Divergence) {}
}

/// A token that was refused before its signature was found good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// When, in seconds since 1970.
    pub time: u64,
    /// The route that it was presented to.
    pub route: String,
    /// Why.
    pub code: Code,
    /// The issuer that it names, cut to a bounded length; anybody may have
    /// written it.
    pub issuer: Option<String>,
}
