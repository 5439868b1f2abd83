//! A component without a verified document, and checks that are run on it.

use std::sync::Arc;

use anyhow::Context as _;
use claimbound::checks::Checks;
use claimbound::policy::Policy;
use claimbound::sandbox::Sandbox;

use crate::code_cache;
use crate::component::Origin;
use crate::policy_file::PolicyFile;
use crate::trial::Verdict;

/// A component without a verified document, and checks that are run on it.
pub(crate) struct Alone {
    file: PolicyFile,
    policy: Arc<Policy>,
    checks: Checks,
}

impl Alone {
    /// Loads the component.
    pub(crate) fn new(sandbox: &Sandbox, file: PolicyFile, checks: Checks) -> anyhow::Result<Self> {
        let policy = Policy::load(sandbox, &file.component)
            .with_context(|| format!("`{}`", file.path.display()))?;
        Ok(Self {
            policy: Arc::new(policy),
            file,
            checks,
        })
    }

    /// What is worth knowing beside what became of the cases.
    pub(crate) fn notes(&self) -> Vec<String> {
        let name = self.file.path.display();
        let mut notes = code_cache::notes(&self.file.path, &self.policy);
        match &self.file.origin {
            Origin::None | Origin::Verified(_) => {}
            Origin::Unverified(why) => notes.push(format!(
                "the document in `{name}` is unverified ({why}); its cases were run on the component alone"
            )),
        }
        notes
    }

    /// Runs every check, in their order.
    pub(crate) fn run(&self) -> impl Iterator<Item = Verdict> {
        self.checks.run(&self.policy).map(|verdict| Verdict {
            name: verdict.name.to_owned(),
            faults: verdict
                .fault
                .map(|fault| format!("component: {fault}"))
                .into_iter()
                .collect(),
        })
    }
}
