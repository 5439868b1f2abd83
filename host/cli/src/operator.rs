//! Who changes the ledger, why, and whether for real.

use anyhow::Context as _;
use claimbound::clock::{Clock as _, SystemClock};
use claimbound::ledger::{Change, Order, Run};

/// What every change needs.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Operator {
    /// Why: it stays in the ledger's history.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,

    /// Who makes the change; by default the login name, from `USER` or `LOGNAME`.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,

    /// Show what would change, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

impl Operator {
    /// Whether changes take effect.
    pub(crate) const fn run(&self) -> Run {
        if self.dry_run { Run::Dry } else { Run::Real }
    }

    /// The operator's name.
    pub(crate) fn name(&self) -> anyhow::Result<String> {
        if let Some(name) = &self.by {
            return Ok(name.clone());
        }
        let mut logins = ["USER", "LOGNAME"]
            .into_iter()
            .filter_map(|name| std::env::var(name).ok());
        let login = logins.find(|name| !name.is_empty());
        // What is only tried stands in no history.
        let nobody = self.dry_run.then(|| "nobody".to_owned());
        login
            .or(nobody)
            .context("neither `USER` nor `LOGNAME` says who makes the change; give `--by NAME`")
    }

    /// The change by this operator, now.
    pub(crate) fn order(&self, change: Change) -> anyhow::Result<Order> {
        Ok(Order {
            change,
            by: self.name()?,
            at: now(),
            reason: self.reason.clone(),
        })
    }
}

/// When a change is made. It can't be chosen: history has no other times than
/// those at which things were done.
pub(crate) fn now() -> u64 {
    SystemClock.now()
}
