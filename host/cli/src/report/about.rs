//! A rule, of the linter's or the compiler's, as reports describe it.

use claimbound_analysis::lint::{self, Control};

/// What there is to say of a rule.
#[derive(Debug)]
pub(super) struct About {
    /// What it finds, in one sentence.
    pub(super) summary: &'static str,
    /// Why that matters, in Markdown.
    pub(super) why: &'static str,
    /// Its page, in Markdown.
    pub(super) page: String,
    /// The controls that it serves.
    pub(super) controls: &'static [Control],
}

impl About {
    /// The rule of this name. One that there is not has nothing to be said of it.
    pub(super) fn rule(name: &'static str) -> Self {
        if let Some(rule) = lint::rule(name) {
            return Self {
                summary: rule.summary,
                why: rule.why.trim(),
                page: rule.page(),
                controls: rule.controls,
            };
        }
        let mut compilers = claimbound_language::Rule::ALL.iter();
        let meaning = compilers
            .find(|rule| rule.code() == name)
            .map_or(name, |rule| rule.meaning());
        Self {
            summary: meaning,
            why: meaning,
            page: format!("# `{name}`\n\n{meaning}\n"),
            controls: &[],
        }
    }
}
