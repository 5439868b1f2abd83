//! A line as it is written: one JSON object in ASCII, of bounded length.

use std::fmt::Write as _;

use super::chain::Head;

/// The longest line, in bytes, its line feed included.
pub const LONGEST: usize = 64 * 1024;

/// Most that the number and the hash take at the front of a line, in bytes.
const FRONT: usize = 128;

/// The longest body of a line, in bytes.
pub(super) const LONGEST_BODY: usize = LONGEST - FRONT;

/// JSON text in ASCII: every other character, and the one control character
/// that JSON leaves as it is, as JSON's own escapes. Such a line can be shown
/// on any terminal, and hides nothing from whoever reads it there.
pub(super) fn ascii(json: String) -> String {
    let is_plain = |byte: &u8| byte.is_ascii() && *byte != 0x7f;
    if json.as_bytes().iter().all(is_plain) {
        return json;
    }
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() && character != '\u{7f}' {
            text.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            // Writing to a string can't fail.
            let _ = write!(text, "\\u{unit:04x}");
        }
    }
    text
}

/// The line of this body at the end of the chain, without its line feed.
pub(super) fn chained(end: Head, body: &str) -> String {
    let front = front(end);
    // INVARIANT: a body is a JSON object with members.
    let members = body.strip_prefix('{').unwrap_or(body);
    let mut line = String::with_capacity(front.len() + body.len() + 1);
    line.push_str(&front);
    line.push_str(members);
    line
}

/// How the line that follows this end of a chain begins.
pub(super) fn front(end: Head) -> String {
    format!(
        r#"{{"seq":{},"prev":"{}","#,
        end.count.saturating_add(1),
        end.head
    )
}

/// `text`, cut at a character boundary to `most` bytes and marked with `…`.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(most);
    format!("{}…", text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_ascii_and_says_the_same() {
        let value = serde_json::json!({ "a": "ü\u{202e}\u{1f600}\u{7f}\u{1b}\n\u{2028}" });
        let text = ascii(value.to_string());
        assert!(
            text.bytes().all(|byte| (0x20..0x7f).contains(&byte)),
            "{text}"
        );
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            value
        );
    }

    #[test]
    fn the_front_never_takes_more_than_its_room() {
        let end = Head {
            count: u64::MAX,
            ..Head::GENESIS
        };
        assert!(chained(end, "{}").len() < FRONT);
    }
}
