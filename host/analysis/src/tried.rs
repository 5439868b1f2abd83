//! Cases as they are tried: a token, and what a policy has to say of it.

use claimbound_language::{CaseOutcome, Cases, Compiled, DerivedToken, Expected};

/// A case of which the token was made.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The case's name.
    pub name: String,
    /// Its token, and the circumstances in which it is presented.
    pub token: DerivedToken,
    /// What the policy has to say.
    pub expected: Expected,
}

impl Tried {
    /// The cases of a file, in its order.
    ///
    /// # Errors
    /// A token that can't be made, in one sentence.
    pub fn of(cases: &Cases, compiled: &Compiled) -> Result<Vec<Self>, String> {
        let tried = cases.cases.iter().map(|case| {
            Ok(Self {
                name: case.name.value.clone(),
                token: cases.derive(compiled, case)?,
                expected: case.expected.clone(),
            })
        });
        tried.collect()
    }

    /// Whether the policy says what it has to say.
    pub(crate) fn passes(&self, compiled: &Compiled) -> bool {
        let token = &self.token;
        let verdict = compiled.decide(&token.claims, &token.key, &token.request);
        verdict.is_ok_and(|verdict| {
            CaseOutcome::of(&self.expected, &verdict.decision) == CaseOutcome::Passed
        })
    }
}
