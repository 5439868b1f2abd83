//! The record that a decision is written to, where one is named.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use claimbound::clock::SystemClock;
use claimbound::record::{Journal, Options};

/// The arguments of commands that write decisions down.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Arguments {
    /// Write the decision to the record in this folder before it is shown. The
    /// folder is made where it is absent; its checkpoint stands beside it. A
    /// decision that can't be written is an error.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["claims", "at"])]
    record: Option<PathBuf>,

    /// Keep the claims that the policy reads with it, so that `claimbound audit
    /// replay` can derive it again.
    #[arg(long, requires = "record")]
    record_claims: bool,
}

impl Arguments {
    /// The record, open, if one is named.
    pub(crate) fn open(&self) -> anyhow::Result<Option<Arc<Journal>>> {
        let Some(folder) = &self.record else {
            return Ok(None);
        };
        let options = Options {
            keeps_claims: self.record_claims,
            ..Options::default()
        };
        let journal = Journal::open(folder, options, &SystemClock).context("`--record`")?;
        Ok(Some(Arc::new(journal)))
    }
}
