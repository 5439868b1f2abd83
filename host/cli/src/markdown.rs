//! Markdown for a comment on GitHub or GitLab, from texts that others wrote: none of
//! them can be more than text, nor call anybody.

use crate::escape::{visible, visible_json};

/// The longest comment that GitHub takes, in characters. Bytes are counted, of which
/// there are never fewer.
const LONGEST: usize = 65_536;
/// What is kept for the line that says how much is left out, in bytes.
const CLOSING: usize = 256;

/// How much a comment still takes.
#[derive(Debug)]
pub(crate) struct Room {
    bytes: usize,
}

impl Room {
    /// A comment that begins so.
    pub(crate) fn after(head: &str) -> Self {
        Self {
            bytes: LONGEST.saturating_sub(CLOSING).saturating_sub(head.len()),
        }
    }

    /// Takes room for this many bytes, where there is so much.
    pub(crate) fn take(&mut self, bytes: usize) -> bool {
        let left = self.bytes.checked_sub(bytes);
        self.bytes = left.unwrap_or(self.bytes);
        left.is_some()
    }
}

/// What a comment ends with that had no room for everything.
pub(crate) fn closing(left_out: usize, command: &str) -> String {
    match left_out {
        0 => String::new(),
        1 => format!("\n*One more is left out, for want of room: `{command}` shows it.*\n"),
        many => {
            format!("\n*{many} more are left out, for want of room: `{command}` shows them.*\n")
        }
    }
}

/// A text as code, on one line: nothing in it is markup, a link or a mention.
pub(crate) fn code(text: &str) -> String {
    let text = visible(text);
    if text.is_empty() {
        return text;
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    // A blank at both ends is taken away again by who reads it (CommonMark 6.1).
    let edge = |one: char| matches!(one, '`' | ' ');
    let blank = if text.starts_with(edge) || text.ends_with(edge) {
        " "
    } else {
        ""
    };
    format!("{fence}{blank}{text}{blank}{fence}")
}

/// A sentence in which input stands in backticks. Where anything outside of them is
/// not plain words, the whole sentence is code: who chose the input may have closed
/// the backticks.
pub(crate) fn sentence(text: &str) -> String {
    let text = visible(text);
    let pieces: Vec<&str> = text.split('`').collect();
    let is_closed = pieces.len() % 2 == 1;
    let last = pieces.len() - 1;
    // Without a word between them, the backticks of two pieces would be one.
    let is_apart = |(at, piece): (usize, &&str)| at == 0 || at == last || !piece.is_empty();
    let mut words = pieces.iter().step_by(2);
    if !is_closed || !words.all(|piece| is_plain(piece)) || !pieces.iter().enumerate().all(is_apart)
    {
        return code(&text);
    }
    let shown = pieces.iter().enumerate().map(|(at, piece)| match at % 2 {
        0 => (*piece).to_owned(),
        _ => code(piece),
    });
    shown.collect()
}

/// Whether a text means the same with and without Markdown, and is nothing that a
/// forge makes a link of: an address, a mention, an issue, a commit.
fn is_plain(text: &str) -> bool {
    let next = text.chars().skip(1).map(Some).chain([None]);
    let mut pairs = text.chars().zip(next);
    let is_safe = pairs.all(|(one, next)| match one {
        '.' | ':' => next.is_none_or(|next| next == ' '),
        '-' => !next.is_some_and(char::is_numeric),
        ' ' | ',' | ';' | '(' | ')' | '\'' | '"' | '?' => true,
        other => other.is_alphanumeric(),
    });
    is_safe && !text.split(' ').any(is_commit)
}

/// Whether a word could be the name of a commit, or what is short for one.
fn is_commit(word: &str) -> bool {
    let word = word.trim_matches(|one: char| !one.is_alphanumeric());
    word.len() >= 7 && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A block of JSON.
pub(crate) fn json(value: &serde_json::Value) -> String {
    let text = visible_json(&format!("{value:#}"));
    let fence = "`".repeat(longest_run(&text).max(2) + 1);
    format!("{fence}json\n{text}\n{fence}\n")
}

/// Markdown that is folded away under a title; both are trusted.
pub(crate) fn details(title: &str, body: &str) -> String {
    format!("<details><summary>{title}</summary>\n\n{body}\n</details>\n")
}

/// How many backticks stand side by side at most.
fn longest_run(text: &str) -> usize {
    let runs = text.split(|one| one != '`').map(str::len);
    runs.max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_ends_where_its_text_does() {
        for (text, expected) in [
            ("main", "`main`"),
            ("a`b", "``a`b``"),
            ("`", "`` ` ``"),
            (" a ", "`  a  `"),
            ("a\n\n# b", r"`a\n\n# b`"),
            ("", ""),
        ] {
            assert_eq!(code(text), expected);
        }
    }

    #[test]
    fn a_sentence_is_words_and_code_or_code_alone() {
        for (text, expected) in [
            (
                "statement `a|b` takes 2 names, such as `x`: see (it).",
                "statement `a|b` takes 2 names, such as `x`: see (it).",
            ),
            ("name `a` @team", "``name `a` @team``"),
            (
                "name `a` www.evil.example`",
                "`` name `a` www.evil.example` ``",
            ),
            ("`a``b`", "``` `a``b` ```"),
            ("``", "``` `` ```"),
            ("see GH-1", "`see GH-1`"),
            ("at (deadbeef) it is", "`at (deadbeef) it is`"),
            ("<img src=x>", "`<img src=x>`"),
            ("[a](b)", "`[a](b)`"),
            (
                "a :+1: *b* _c_ $d$ #5 ~e~ \\f",
                "`a :+1: *b* _c_ $d$ #5 ~e~ \\f`",
            ),
        ] {
            assert_eq!(sentence(text), expected);
        }
    }

    #[test]
    fn a_block_ends_where_its_value_does() {
        let value = serde_json::json!({ "a": "```\n</details>@all" });
        let shown = "````json\n{\n  \"a\": \"```\\n</details>@all\"\n}\n````\n";
        assert_eq!(json(&value), shown);
    }

    #[test]
    fn room_is_taken_once() {
        let mut room = Room::after("");
        assert!(room.take(LONGEST - CLOSING - 1));
        assert!(!room.take(2));
        assert!(room.take(1));
    }
}
