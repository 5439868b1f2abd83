//! One policy and its cases: each is decided natively by the document and in
//! the sandbox by the component, and both must say what the case expects.

use anyhow::{Context as _, anyhow, bail};
use claimbound::outcome::Outcome;
use claimbound::sandbox::Sandbox;
use claimbound_analysis::Tried;
use claimbound_language::{Case, CaseOutcome, Cases, Compiled, Expected, ExpectedGrant, Placed};

use crate::policy_file::PolicyFile;
use crate::sandboxed::Sandboxed;
use crate::{checks, code_cache};

/// What became of one case.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    /// The case's name.
    pub(crate) name: String,
    /// Why it failed; empty where it passed.
    pub(crate) faults: Vec<String>,
}

/// A policy that cases are run on.
pub(crate) struct Trial {
    file: PolicyFile,
    cases: Cases,
    sandboxed: Sandboxed,
}

impl Trial {
    /// Reads the cases and checks them against the policy's document.
    pub(crate) fn new(
        sandbox: &Sandbox,
        file: PolicyFile,
        cases_name: &str,
        cases: &str,
    ) -> anyhow::Result<Self> {
        let name = file.path.display();
        let Some(compiled) = file.compiled() else {
            bail!("`{name}` has no verified document, and cases are about a document's statements");
        };
        let cases = claimbound_language::parse_cases(cases_name, cases)?;
        cases.check(compiled)?;
        Ok(Self {
            sandboxed: Sandboxed::new(sandbox, &file, compiled)?,
            cases,
            file,
        })
    }

    /// What is worth knowing beside what became of the cases.
    pub(crate) fn notes(&self) -> Vec<String> {
        code_cache::notes(&self.file.path, &self.sandboxed.policy)
    }

    /// Each case with its token.
    pub(crate) fn tried(&self) -> anyhow::Result<Vec<Tried>> {
        Tried::of(&self.cases, self.compiled()?).map_err(|message| anyhow!(message))
    }

    /// The policy's document.
    pub(crate) fn compiled(&self) -> anyhow::Result<&Compiled> {
        self.file.compiled().context("the document is gone")
    }

    /// The policy in its sandbox.
    pub(crate) const fn sandboxed(&self) -> &Sandboxed {
        &self.sandboxed
    }

    /// Runs every case, in the order of the file.
    pub(crate) fn run(&self) -> impl Iterator<Item = anyhow::Result<Verdict>> {
        self.cases.cases.iter().map(|case| self.case(case))
    }

    fn case(&self, case: &Case) -> anyhow::Result<Verdict> {
        let compiled = self.compiled()?;
        let broken = |message: String| anyhow!("case `{}`: {message}", case.name.value);
        let mut faults = Vec::new();
        match self.cases.run(compiled, case).map_err(broken)? {
            CaseOutcome::Passed => {}
            CaseOutcome::Failed(fault) => faults.push(format!("document: {fault}")),
        }
        let token = self.cases.derive(compiled, case).map_err(broken)?;
        let native = compiled
            .decide(&token.claims, &token.key, &token.request)
            .map_err(|failure| broken(failure.to_string()))?;
        let outcome = self
            .sandboxed
            .decide(token)
            .map_err(|error| broken(error.to_string()))?;
        let fault = checks::expected(&case.expected)?.fault(&outcome);
        faults.extend(fault.map(|fault| format!("component: {fault}")));
        for expected in said(&outcome) {
            if let CaseOutcome::Failed(fault) = CaseOutcome::of(&expected, &native.decision) {
                faults.push(format!("document and component disagree: {fault}"));
            }
        }
        Ok(Verdict {
            name: case.name.value.clone(),
            faults,
        })
    }
}

/// All that an outcome says, as cases say it.
fn said(outcome: &Outcome) -> Vec<Expected> {
    let placed = |value: &str| Placed {
        value: value.to_owned(),
        place: 0..0,
    };
    match outcome {
        // An error is a fault already.
        Outcome::Error(_) => Vec::new(),
        Outcome::Allow(allowed) => vec![Expected::Allow {
            statement: placed(&allowed.statement),
            grant: Some(ExpectedGrant {
                roles: Some(allowed.grant.roles.clone()),
                scopes: Some(allowed.grant.scopes.clone()),
                claims: allowed
                    .grant
                    .claims
                    .as_deref()
                    .and_then(|text| serde_json::from_str(text).ok()),
                max_ttl: allowed.grant.max_lifetime.map(u64::from),
            }),
        }],
        Outcome::Deny(denied) => {
            let reasons = denied.reasons.iter().map(|reason| Expected::Deny {
                code: placed(reason.code.as_str()),
                claim: Some(reason.claim.clone()),
                statement: reason.statement.clone(),
            });
            reasons.collect()
        }
    }
}
