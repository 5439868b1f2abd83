//! What is wrong with a document, where, and what would be right.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::rule::Rule;

/// The most findings that one run lists; the rest would repeat them.
const MOST: usize = 64;

/// The longest line that is shown as a whole, in characters.
const LINE: usize = 160;
/// Of a longer one, the most characters that are shown before the place, of the
/// place itself, and of what follows.
const AROUND: usize = 40;
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
        let before = prefix(&self.text, byte);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default();
        (line, column.chars().count() + 1)
    }

    fn render(&self, f: &mut fmt::Formatter<'_>, finding: &Diagnostic) -> fmt::Result {
        let severity = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let message = visible(&finding.message);
        writeln!(f, "{severity}[{}]: {message}", finding.code())?;
        let (line, column) = self.position(finding.place.start);
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        let name = visible(&self.source_name);
        writeln!(f, "{margin}--> {name}:{line}:{column}")?;
        let start = prefix(&self.text, finding.place.start);
        let begins = start.rfind('\n').map_or(0, |at| at + 1);
        let rest = self.text.get(begins..).unwrap_or_default();
        let whole = rest.lines().next().unwrap_or_default();
        let before = start.get(begins..).unwrap_or_default();
        let length = finding.place.end.saturating_sub(finding.place.start);
        let after = whole.get(before.len()..).unwrap_or_default();
        let marked = prefix(after, length);
        let after = after.get(marked.len()..).unwrap_or_default();
        let is_long = whole.char_indices().nth(LINE).is_some();
        let most = if is_long { AROUND } else { LINE };
        let (before, marked) = (last(before, most), clipped(marked, most));
        let (before, marked) = (visible(&before), visible(&marked));
        let indent = before.chars().count();
        let carets = marked.chars().count().max(1);
        writeln!(f, "{margin} |")?;
        let excerpt = format!("{before}{marked}{}", visible(&clipped(after, most)));
        writeln!(f, "{number} | {}", excerpt.trim_end())?;
        let underline = format!("{}{}", " ".repeat(indent), "^".repeat(carets));
        let line = format!("{margin} | {underline} {}", visible(&finding.label));
        writeln!(f, "{}", line.trim_end())?;
        if let Some(hint) = &finding.hint {
            writeln!(f, "{margin} = hint: {}", visible(hint))?;
        }
        Ok(())
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

/// The last `most` characters of `text`, and a mark where there are more.
fn last(text: &str, most: usize) -> String {
    match text.char_indices().rev().nth(most.saturating_sub(1)) {
        Some((begin, _)) if begin > 0 => {
            format!("…{}", text.get(begin..).unwrap_or_default())
        }
        Some(_) | None => text.to_owned(),
    }
}

/// At most `most` characters of `text`, and a mark where there are more.
fn clipped(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The text before `byte`, or before the character that it stands in.
fn prefix(text: &str, byte: usize) -> &str {
    let end = (0..=byte.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

/// Characters that a terminal would obey, or that turn text around, escaped.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t' => shown.push_str("    "),
            '\u{200e}'
            | '\u{200f}'
            | '\u{061c}'
            | '\u{feff}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => {
                shown.extend(character.escape_unicode());
            }
            _ if character.is_control() => shown.extend(character.escape_default()),
            _ => shown.push(character),
        }
    }
    shown
}

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
