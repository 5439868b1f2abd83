//! An excerpt of a text: one place of it, underlined, for a person.

use std::fmt;
use std::ops::Range;

/// The longest line that is shown as a whole, in characters.
const LINE: usize = 160;
/// Of a longer one, the most characters that are shown before the place, of the
/// place itself, and of what follows.
const AROUND: usize = 40;

/// One place of a text, underlined, with what is to be said of it.
///
/// Its `Display` shows where the place is, the line with the place underlined, and
/// the hint, each on lines of their own; control and bidirectional characters are
/// escaped, and long lines are shown in part.
///
/// ```
/// let excerpt = claimbound_language::Excerpt {
///     source_name: "p.toml",
///     text: "a = 1\nb = 2\n",
///     place: 10..11,
///     label: "not two",
///     hint: None,
/// };
/// let shown = " --> p.toml:2:5\n  |\n2 | b = 2\n  |     ^ not two\n";
/// assert_eq!(excerpt.to_string(), shown);
/// ```
#[derive(Clone, Debug)]
pub struct Excerpt<'a> {
    /// What the text is called, such as the path of its file.
    pub source_name: &'a str,
    /// The text.
    pub text: &'a str,
    /// The bytes of it that are underlined; of several lines the first.
    pub place: Range<usize>,
    /// What stands beside the underline; may be empty.
    pub label: &'a str,
    /// What to do about it.
    pub hint: Option<&'a str>,
}

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = position(self.text, self.place.start);
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        let name = visible(self.source_name);
        writeln!(f, "{margin}--> {name}:{line}:{column}")?;
        let start = prefix(self.text, self.place.start);
        let begins = start.rfind('\n').map_or(0, |at| at + 1);
        let rest = self.text.get(begins..).unwrap_or_default();
        let whole = rest.lines().next().unwrap_or_default();
        let before = start.get(begins..).unwrap_or_default();
        let length = self.place.end.saturating_sub(self.place.start);
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
        let line = format!("{margin} | {underline} {}", visible(self.label));
        writeln!(f, "{}", line.trim_end())?;
        if let Some(hint) = self.hint {
            writeln!(f, "{margin} = hint: {}", visible(hint))?;
        }
        Ok(())
    }
}

/// The line of a byte of a text and its column in characters, both from 1.
pub fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = prefix(text, byte);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default();
    (line, column.chars().count() + 1)
}

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
pub(crate) fn clipped(text: &str, most: usize) -> String {
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
