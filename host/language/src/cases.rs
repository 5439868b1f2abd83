//! Case files: tokens that a policy is tried on, and what it has to say.

mod case;
mod change;
mod derived;
mod expected;
mod key;
mod known;
mod outcome;
mod token;

use crate::compile::Compiled;
use crate::diagnostic::{Diagnostics, Sink, did_you_mean};
use crate::fields::{Fields, Placed, list, listed};
use crate::rule::Rule;
use crate::tree::{self, Table};

use known::Known;

pub use case::Case;
pub use change::{Change, SubjectChange};
pub use derived::DerivedToken;
pub use expected::{Expected, ExpectedGrant};
pub use key::KeyChange;
pub use known::TokenIssuer;
pub use outcome::CaseOutcome;
pub use token::TokenRecipe;

const FILE_KEYS: [&str; 2] = ["token", "case"];
/// The most tokens and the most cases of one file.
const MOST: usize = 10_000;

/// A case file.
#[derive(Clone, Debug, PartialEq)]
pub struct Cases {
    /// What its text is called, such as the path of the file.
    pub source_name: String,
    text: String,
    /// Its tokens by name.
    pub tokens: Vec<(Placed<String>, TokenRecipe)>,
    /// Its cases, in the order of the file.
    pub cases: Vec<Case>,
}

/// Reads a case file. `source_name` is what its text is called in findings.
///
/// # Errors
/// Every finding about the file.
pub fn parse_cases(source_name: &str, text: &str) -> Result<Cases, Diagnostics> {
    let mut sink = Sink::default();
    let cases =
        tree::parse(text, &mut sink).map(|table| read(source_name, text, &table, &mut sink));
    match cases {
        Some(cases) if !sink.has_errors() => Ok(cases),
        Some(_) | None => Err(sink.finish(source_name, text)),
    }
}

fn read(source_name: &str, source: &str, table: &Table, sink: &mut Sink) -> Cases {
    let place = 0..source.len().min(1);
    let fields = Fields::new(table, &place, "a case file", &FILE_KEYS, sink);
    let mut tokens = Vec::new();
    if let Some((table, _)) = fields.table_of("token", sink) {
        tokens.extend(
            table
                .entries
                .iter()
                .filter_map(|entry| token::read(entry, sink)),
        );
    }
    let nodes = fields
        .node("case")
        .and_then(|node| list(node, sink))
        .unwrap_or_default();
    if nodes.len() > MOST || tokens.len() > MOST {
        sink.error(
            Rule::Size,
            &place,
            format!("a file has at most {MOST} cases"),
        );
    }
    let cases: Vec<Case> = nodes
        .iter()
        .filter_map(|node| case::read(node, sink))
        .collect();
    if nodes.is_empty() {
        sink.error(Rule::MissingKey, &place, "the file has no case")
            .hint("begin one with `[[case]]`");
    }
    check_references(&tokens, &cases, sink);
    Cases {
        source_name: source_name.to_owned(),
        text: source.to_owned(),
        tokens,
        cases,
    }
}

fn check_references(tokens: &[(Placed<String>, TokenRecipe)], cases: &[Case], sink: &mut Sink) {
    let names: Vec<&str> = tokens.iter().map(|(name, _)| name.value.as_str()).collect();
    let mut seen = std::collections::HashSet::new();
    for case in cases {
        if !seen.insert(&case.name.value) {
            let message = format!("two cases are called `{}`", case.name.value);
            sink.error(Rule::Duplicate, &case.name.place, message);
        }
        if !names.contains(&case.token.value.as_str()) {
            let message = format!("token `{}` is not defined", case.token.value);
            let finding = sink.error(Rule::Case, &case.token.place, message);
            finding.hint = did_you_mean(&case.token.value, names.iter().copied())
                .or_else(|| Some(format!("define it as `[token.{}]`", case.token.value)));
        }
    }
}

impl Cases {
    /// Checks the file against the policy that it stands beside: statements,
    /// forms and fields exist, and every token can be made.
    ///
    /// # Errors
    /// Every finding about the file.
    pub fn check(&self, compiled: &Compiled) -> Result<(), Diagnostics> {
        let mut sink = Sink::default();
        for (_, recipe) in &self.tokens {
            if let Some(like) = &recipe.like {
                check_like(compiled, like, &mut sink);
            }
            if let Some(issuer) = &recipe.issuer {
                known::check_model(compiled, issuer, &mut sink);
            }
        }
        let unlike = |case: &Case| {
            let recipe = self.recipe(case);
            let like = recipe.and_then(|recipe| recipe.like.as_ref());
            like.is_some_and(|like| !trusts(compiled, &like.value))
        };
        for case in &self.cases {
            let is_known = check_statement(compiled, &case.expected, &mut sink);
            // A token that is like nothing is told of where it is made.
            if is_known && !unlike(case) {
                self.check_token(self.known(Some(compiled)), case, &mut sink);
            }
        }
        self.checked(sink)
    }

    /// Checks a file that stands beside a component without a verified document:
    /// every token is written out, and can be made. Which statements there are is
    /// for the component to say.
    ///
    /// # Errors
    /// Every finding about the file.
    pub fn check_alone(&self) -> Result<(), Diagnostics> {
        let (mut sink, known) = (Sink::default(), self.known(None));
        for (name, recipe) in &self.tokens {
            known::check_alone(known, name, recipe, &mut sink);
        }
        // What can't be made is told of once, where it is written.
        if !sink.has_errors() {
            for case in &self.cases {
                self.check_token(known, case, &mut sink);
            }
        }
        self.checked(sink)
    }

    fn known<'a>(&'a self, compiled: Option<&'a Compiled>) -> Known<'a> {
        Known {
            compiled,
            cases: self,
        }
    }

    fn check_token(&self, known: Known<'_>, case: &Case, sink: &mut Sink) {
        if let Err(message) = self.derive_by(known, case) {
            sink.error(Rule::Case, &case.name.place, message);
        }
    }

    fn checked(&self, sink: Sink) -> Result<(), Diagnostics> {
        if sink.has_errors() {
            return Err(sink.finish(&self.source_name, &self.text));
        }
        Ok(())
    }

    fn recipe(&self, case: &Case) -> Option<&TokenRecipe> {
        let mut tokens = self.tokens.iter();
        let found = tokens.find(|(name, _)| name.value == case.token.value);
        found.map(|(_, recipe)| recipe)
    }

    /// Makes the token and the circumstances of a case.
    ///
    /// # Errors
    /// Why it can't be made, in one sentence.
    pub fn derive(&self, compiled: &Compiled, case: &Case) -> Result<DerivedToken, String> {
        self.derive_by(self.known(Some(compiled)), case)
    }

    /// Makes the token and the circumstances of a case without a document.
    ///
    /// # Errors
    /// Why it can't be made, in one sentence; so is every one that is `like` a
    /// statement's.
    pub fn derive_alone(&self, case: &Case) -> Result<DerivedToken, String> {
        self.derive_by(self.known(None), case)
    }

    fn derive_by(&self, known: Known<'_>, case: &Case) -> Result<DerivedToken, String> {
        let recipe = self
            .recipe(case)
            .ok_or_else(|| format!("token `{}` is not defined", case.token.value))?;
        let mut token = derived::base(known, recipe)?;
        change::apply(known, &mut token.claims, &recipe.change)?;
        if let Some(at) = case.at {
            if recipe.like.is_some() || recipe.issuer.is_some() {
                derived::issue_at(&mut token, at, &recipe.change.with);
            }
            token.request.now = at;
        }
        change::apply(known, &mut token.claims, &case.change)?;
        if let Some(audience) = &case.audience {
            token.request.audience.clone_from(audience);
        }
        token.request.attributes.extend(case.attributes.clone());
        case.key.apply(&mut token.key);
        Ok(token)
    }

    /// Decides a case natively, as far as the document alone decides it.
    ///
    /// # Errors
    /// The token can't be made or no answer can be given, in one sentence.
    pub fn run(&self, compiled: &Compiled, case: &Case) -> Result<CaseOutcome, String> {
        let token = self.derive(compiled, case)?;
        let verdict = compiled
            .decide(&token.claims, &token.key, &token.request)
            .map_err(|failure| failure.to_string())?;
        Ok(CaseOutcome::of(&case.expected, &verdict.decision))
    }
}

/// Whether there is a trust statement of that name.
fn trusts(compiled: &Compiled, name: &str) -> bool {
    let mut statements = compiled.statements.iter();
    statements.any(|one| one.trusts && one.name == name)
}

/// Whether the statement that a case expects is one of the policy's.
fn check_statement(compiled: &Compiled, expected: &Expected, sink: &mut Sink) -> bool {
    let Expected::Allow { statement, .. } = expected else {
        return true;
    };
    let statements = compiled.statements.iter();
    let names: Vec<&str> = statements.map(|one| one.name.as_str()).collect();
    if names.contains(&statement.value.as_str()) {
        return true;
    }
    let message = format!("there is no statement `{}`", statement.value);
    let finding = sink.error(Rule::Case, &statement.place, message);
    finding.expected(format!("one of {}", listed(&names)));
    finding.hint = did_you_mean(&statement.value, names.iter().copied());
    false
}

fn check_like(compiled: &Compiled, like: &Placed<String>, sink: &mut Sink) {
    if trusts(compiled, &like.value) {
        return;
    }
    let statements = compiled.statements.iter().filter(|one| one.trusts);
    let names: Vec<String> = statements
        .map(|one| format!("trust.{}", one.name))
        .collect();
    let written = format!("trust.{}", like.value);
    let mut others = compiled.statements.iter();
    let message = if others.any(|one| one.name == like.value) {
        format!("statement `{}` forbids, so it accepts nothing", like.value)
    } else {
        format!("there is no trust statement `{}`", like.value)
    };
    let finding = sink.error(Rule::Case, &like.place, message);
    if !names.is_empty() {
        finding.expected(format!("one of {}", listed(&names)));
    }
    finding.hint = did_you_mean(&written, names.iter());
}
