//! The tokens of a component's cases, which it is asked about again and again.

use std::sync::Arc;

use anyhow::bail;
use claimbound::checks::{Check, Checks};
use claimbound::floor::Admissible;
use claimbound::policy::{Answer, Policy, Request};

use super::ROUND;
use super::sample::{Samples, Sorted};

/// A component, and the tokens of its cases.
pub(crate) struct CaseStage<'a> {
    policy: &'a Policy,
    cases: Vec<Ready>,
}

/// A case's token, as the component is asked about it.
struct Ready {
    name: String,
    admissible: Admissible,
    request: Request,
}

/// How long the answers to one case took.
pub(crate) struct CaseTimes {
    /// The case's name.
    pub(crate) name: String,
    /// Whether the token is allowed.
    pub(crate) allows: bool,
    /// The times.
    pub(crate) decision: Sorted,
}

impl<'a> CaseStage<'a> {
    /// Decides every case, which has to come out as it is due. Those that the host
    /// decides without the policy are left out.
    pub(crate) fn new(policy: &'a Arc<Policy>, checks: &Checks) -> anyhow::Result<Self> {
        for verdict in checks.run(policy) {
            if let Some(fault) = verdict.fault {
                bail!("case `{}` fails: {fault}", verdict.name);
            }
        }
        let cases: Vec<_> = checks.iter().filter_map(Ready::of).collect();
        if cases.is_empty() {
            bail!("the policy is asked about no case: the host decides all of them by itself");
        }
        Ok(Self { policy, cases })
    }

    /// How many cases are timed.
    pub(crate) fn len(&self) -> usize {
        self.cases.len()
    }

    /// Times every answer `iterations` times, in a fresh instance each, in rounds
    /// that take turns; `progress` hears how often it has been done.
    pub(crate) fn take(
        &self,
        iterations: usize,
        mut progress: impl FnMut(usize),
    ) -> anyhow::Result<Vec<CaseTimes>> {
        let mut samples = vec![Samples::default(); self.cases.len()];
        let mut done = 0;
        while done < iterations {
            let round = ROUND.min(iterations - done);
            for (case, samples) in self.cases.iter().zip(&mut samples) {
                progress(done);
                samples.take(round, || self.ask(case))?;
            }
            done += round;
        }
        let both = self.cases.iter().zip(samples);
        both.map(|(case, samples)| self.timed(case, samples.sorted()))
            .collect()
    }

    fn timed(&self, case: &Ready, decision: Sorted) -> anyhow::Result<CaseTimes> {
        Ok(CaseTimes {
            name: case.name.clone(),
            allows: match self.ask(case)? {
                Answer::Allow { .. } => true,
                Answer::Deny(_) => false,
            },
            decision,
        })
    }

    fn ask(&self, case: &Ready) -> anyhow::Result<Answer> {
        Ok(self.policy.evaluate(&case.admissible, &case.request)?)
    }
}

impl Ready {
    /// None where the host decides the token without any policy.
    fn of(check: &Check) -> Option<Self> {
        Some(Self {
            name: check.name().to_owned(),
            admissible: check.admit().ok()?,
            request: check.request(),
        })
    }
}
