//! What is wrong with a document, where, and what would be right.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::excerpt::{Excerpt, clipped, position, visible};
use crate::rule::Rule;

/// The most findings that one run lists; the rest would repeat them.
const MOST: usize = 64;

/// The most characters of a message, of a label or of a hint: they repeat what
/// was written, which may be long.
const LONGEST: usize = 1000;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The document does not compile.
    Error,
    /// It compiles, and somebody should look at this.
    Warning,
}

/// One finding about a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its kind.
    pub rule: Rule,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong: lower case, one sentence, user input in backticks.
    pub message: String,
    /// The bytes of the text that it speaks of; within the text.
    pub place: Range<usize>,
    /// What was expected there; stands beside the underline. May be empty.
    pub label: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// Its code, such as `document.unknown-key`.
    pub const fn code(&self) -> &'static str {
        self.rule.code()
    }

    pub(crate) fn expected(&mut self, label: impl Into<String>) -> &mut Self {
        self.label = label.into();
        self
    }

    pub(crate) fn hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.hint = Some(hint.into());
        self
    }
}

/// All findings about one text, in the order of their places.
///
/// Its `Display` is the plain rendering: each finding with its place
/// underlined, control and bidirectional characters escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics {
    source_name: String,
    text: Arc<str>,
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// What the text is called, such as the path of its file.
    pub fn source_name(&self) -> &str {
        &self.source_name
    }

    /// The text that the places point into.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The findings, at most 64.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The line of a byte of the text and its column in characters, both from 1.
    pub fn position(&self, byte: usize) -> (usize, usize) {
        position(&self.text, byte)
    }

    fn render(&self, f: &mut fmt::Formatter<'_>, finding: &Diagnostic) -> fmt::Result {
        let severity = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let message = visible(&finding.message);
        writeln!(f, "{severity}[{}]: {message}", finding.code())?;
        let excerpt = Excerpt {
            source_name: &self.source_name,
            text: &self.text,
            place: finding.place.clone(),
            label: &finding.label,
            hint: finding.hint.as_deref(),
        };
        write!(f, "{excerpt}")
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, finding) in self.list.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            self.render(f, finding)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

/// Collects findings while a text is read.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    list: Vec<Diagnostic>,
}

impl Sink {
    /// Adds an error; what it returns takes the label and the hint.
    pub(crate) fn error(
        &mut self,
        rule: Rule,
        place: &Range<usize>,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.add(rule, Severity::Error, place, message.into())
    }

    /// Adds a warning.
    pub(crate) fn warning(
        &mut self,
        rule: Rule,
        place: &Range<usize>,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.add(rule, Severity::Warning, place, message.into())
    }

    fn add(
        &mut self,
        rule: Rule,
        severity: Severity,
        place: &Range<usize>,
        message: String,
    ) -> &mut Diagnostic {
        // Past the bound the last one is overwritten, so that hostile documents
        // can't fill the memory with findings.
        if self.list.len() > MOST * 16 {
            self.list.pop();
        }
        let index = self.list.len();
        self.list.push(Diagnostic {
            rule,
            severity,
            message,
            place: place.clone(),
            label: String::new(),
            hint: None,
        });
        // INVARIANT: one was pushed at `index` just now.
        #[expect(clippy::indexing_slicing)]
        &mut self.list[index]
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.list
            .iter()
            .any(|finding| finding.severity == Severity::Error)
    }

    /// How many errors there are so far.
    pub(crate) fn errors(&self) -> usize {
        let errors = |finding: &&Diagnostic| finding.severity == Severity::Error;
        self.list.iter().filter(errors).count()
    }

    /// The findings of a text, in the order of their places, errors before
    /// warnings where there are too many.
    pub(crate) fn finish(mut self, source_name: &str, text: &str) -> Diagnostics {
        self.list
            .sort_by_key(|finding| (finding.severity == Severity::Warning, finding.place.start));
        self.list.dedup();
        self.list.truncate(MOST);
        self.list.sort_by_key(|finding| finding.place.start);
        for finding in &mut self.list {
            let end = finding.place.end.min(text.len());
            finding.place = finding.place.start.min(end)..end;
            finding.message = clipped(&finding.message, LONGEST);
            finding.label = clipped(&finding.label, LONGEST);
            finding.hint = finding.hint.as_ref().map(|hint| clipped(hint, LONGEST));
        }
        Diagnostics {
            source_name: source_name.to_owned(),
            text: text.into(),
            list: self.list,
        }
    }
}

/// `did you mean …?` for the nearest of `known`, if one is near enough.
pub(crate) fn did_you_mean<S: AsRef<str> + Ord>(
    wrong: &str,
    known: impl IntoIterator<Item = S>,
) -> Option<String> {
    // Nobody mistypes a hundred letters, and the distance is quadratic.
    if wrong.len() > 100 {
        return None;
    }
    let most = (wrong.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|one| (strsim::damerau_levenshtein(wrong, one.as_ref()), one))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, one)| format!("did you mean `{}`?", one.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_underlined_by_characters_and_hostile_ones_are_escaped() {
        let text = "a = 1\nnäme = \"\u{202e}x\u{7}\"\n";
        let start = text.find('"').unwrap();
        let mut sink = Sink::default();
        sink.error(Rule::Name, &(start..text.len() - 1), "a \u{1b} in a name")
            .expected("letters")
            .hint("take it out");
        let shown = sink.finish("policy.toml", text).to_string();
        insta::assert_snapshot!(shown, @r#"
        error[document.name]: a \u{1b} in a name
         --> policy.toml:2:8
          |
        2 | näme = "\u{202e}x\u{7}"
          |        ^^^^^^^^^^^^^^^^ letters
          = hint: take it out
        "#);
    }

    #[test]
    fn places_past_the_end_and_inside_a_character_are_shown_without_a_panic() {
        for place in [0..9, 1..1, 9..99, usize::MAX..usize::MAX] {
            let mut sink = Sink::default();
            sink.error(Rule::Syntax, &place, "x");
            assert!(
                sink.finish("p", "ü\nü")
                    .to_string()
                    .contains("document.syntax")
            );
        }
    }

    #[test]
    fn long_lines_and_long_values_are_shown_in_part() {
        let long = "x".repeat(1 << 20);
        let text = format!("{long} = \"{long}\" # {long}");
        let start = text.find('"').unwrap();
        let mut sink = Sink::default();
        sink.error(Rule::Value, &(start..start + long.len() + 2), long.as_str())
            .expected(long.as_str())
            .hint(long.as_str());
        let shown = sink.finish("p", &text).to_string();
        assert!(shown.len() < 4000, "{}", shown.len());
        let lines: Vec<&str> = shown.lines().collect();
        let place = lines[3].chars().skip(4).position(|one| one == '"').unwrap();
        let under = lines[4].chars().skip(4).position(|one| one == '^').unwrap();
        assert_eq!(place, under);
        assert!(lines[3].chars().count() < 200 && lines[3].ends_with('…'));
    }

    #[test]
    fn the_nearest_name_is_suggested_and_a_far_one_is_not() {
        let known = ["audience", "subject"];
        assert_eq!(
            did_you_mean("audiance", known).unwrap(),
            "did you mean `audience`?"
        );
        assert_eq!(did_you_mean("window", known), None);
        assert_eq!(did_you_mean(&"a".repeat(5000), known), None);
    }
}
