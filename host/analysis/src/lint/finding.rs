//! A finding: what a rule says of one place of a policy.

use std::fmt;
use std::ops::Range;

use claimbound_language::{Example as Token, digest};

use crate::lint::rule::Rule;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Somebody should look at it before it is relied on.
    Warning,
    /// Somebody gets in who must not, or the policy does not do what it says.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// What a rule says of one place of a policy.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// The statement that it speaks of; none where it is the whole document.
    pub statement: Option<String>,
    /// What is wrong: lower case, one sentence, user input in backticks.
    pub message: String,
    /// The bytes of the document that it speaks of.
    pub place: Range<usize>,
    /// What to say beside the underline. May be empty.
    pub label: String,
    /// What to do about it here; none where the rule's own advice is all.
    pub hint: Option<String>,
    /// A token that shows it.
    pub example: Option<Token>,
    /// Why the document suppresses it.
    pub suppressed: Option<String>,
    /// The rule of which it says that it is undecided.
    pub about: Option<&'static str>,
    severity: Severity,
}

impl Finding {
    /// A finding about a place of the document.
    pub(crate) fn new(
        rule: &'static Rule,
        place: &Range<usize>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            rule,
            statement: None,
            message: message.into(),
            place: place.clone(),
            label: String::new(),
            hint: None,
            example: None,
            suppressed: None,
            about: None,
            severity: rule.severity,
        }
    }

    pub(crate) fn of_statement(mut self, name: &str) -> Self {
        self.statement = Some(name.to_owned());
        self
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn shown_by(mut self, token: Token) -> Self {
        self.example = Some(token);
        self
    }

    /// Says that it matters otherwise than most of its rule's.
    pub(crate) fn of_severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// Says which rule is undecided.
    pub(crate) fn about(mut self, rule: &'static str) -> Self {
        self.about = Some(rule);
        self
    }

    /// Whether it is what a rule found, or says that the rule is undecided.
    pub fn is_of(&self, rule: &str) -> bool {
        self.rule.name == rule || self.about == Some(rule)
    }

    /// How much it matters: what its rule says, unless it was found to matter less.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// What stays the same of it while the document around it changes.
    pub fn fingerprint(&self, policy: &str, text: &str) -> String {
        let spoken_of = text.get(self.place.clone()).unwrap_or_default();
        let statement = self.statement.as_deref().unwrap_or_default();
        let rule = [self.rule.name, self.about.unwrap_or_default()];
        fingerprint(rule, self.severity, [policy, statement, spoken_of])
    }
}

/// A digest of what stays the same of a finding while the document around it changes:
/// its rule and the one that it is about, how much it matters, the policy's name, the
/// statement and the text that it speaks of.
pub fn fingerprint(rule: [&str; 2], severity: Severity, about: [&str; 3]) -> String {
    let severity = severity.to_string();
    let parts = rule.into_iter().chain([severity.as_str()]).chain(about);
    // Length before each, so that no two lists of parts read alike.
    let joined: Vec<String> = parts.map(|part| format!("{}:{part}", part.len())).collect();
    digest(&joined.concat())
}

/// Names in backticks, as a sentence lists them; of many, the first few.
pub(crate) fn listed<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> String {
    /// How many a sentence bears.
    const MOST: usize = 5;
    let mut names: Vec<String> = names
        .into_iter()
        .map(|name| format!("`{}`", name.as_ref()))
        .collect();
    if names.len() > MOST {
        let others = names.len() - MOST;
        names.truncate(MOST);
        names.push(format!("{others} more"));
    }
    match names.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}
