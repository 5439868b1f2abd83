//! Characters that a terminal would obey, or that turn text around, made
//! visible.

/// Whether a character changes how its neighbours are shown: Unicode's
/// bidirectional controls and marks, invisible joiners, and line separators.
fn misleads(character: char) -> bool {
    matches!(
        character,
        '\u{061c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// The text on one line, control and misleading characters escaped.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if misleads(character) {
            shown.extend(character.escape_unicode());
        } else if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// The text with its line feeds, everything else as [`visible`] has it.
pub(crate) fn visible_lines(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(visible).collect();
    lines.join("\n")
}

/// One line with the styles of whoever wrote it, everything else as [`visible`]
/// has it. Only a line whose own pieces had no `ESC` may be given.
pub(crate) fn visible_styled(line: &str) -> String {
    let pieces: Vec<_> = line.split('\u{1b}').map(visible).collect();
    pieces.join("\u{1b}")
}

/// JSON text with the same characters written as JSON's own escapes, which
/// changes nothing of what it says: they stand inside strings only. A carriage
/// return or a tab can't (RFC 8259 §7): it stands between values, as a space may.
pub(crate) fn visible_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for character in json.chars() {
        if matches!(character, '\r' | '\t') {
            shown.push(' ');
        } else if misleads(character) || (character.is_control() && character != '\n') {
            for unit in character.encode_utf16(&mut [0; 2]) {
                shown.push_str("\\u");
                shown.extend(format!("{unit:04x}").chars());
            }
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        assert_eq!(visible("a\u{1b}[31m\r\nb\u{9b}"), r"a\u{1b}[31m\r\nb\u{9b}");
        assert_eq!(
            visible("x\u{202e}y\u{2066}z\u{200b}"),
            r"x\u{202e}y\u{2066}z\u{200b}"
        );
        assert_eq!(visible("grüße ✓"), "grüße ✓");
    }

    #[test]
    fn json_stays_json_whatever_stands_between_its_values() {
        let json = "{\"a\":\r\n\t\"x\u{9b}\u{202e}\"}";
        let shown = visible_json(json);
        assert_eq!(shown, "{\"a\": \n \"x\\u009b\\u202e\"}");
        let same = serde_json::from_str::<serde_json::Value>(&shown).unwrap();
        assert_eq!(same["a"], "x\u{9b}\u{202e}");
    }

    #[test]
    fn lines_stay_lines_where_that_is_asked_for() {
        assert_eq!(visible_lines("a\tb\nc\r"), "a\\tb\nc\\r");
    }

    #[test]
    fn styles_stay_where_all_else_is_escaped() {
        let line = "\u{1b}[32m INFO\u{1b}[0m a\nb\u{202e}";
        let shown = "\u{1b}[32m INFO\u{1b}[0m a\\nb\\u{202e}";
        assert_eq!(visible_styled(line), shown);
    }

    #[test]
    fn json_keeps_its_meaning() {
        let value = serde_json::json!({ "a": "\u{202e}\u{e0001}\u{7f}\n ü" });
        let shown = visible_json(&value.to_string());
        assert!(shown.is_ascii() || !shown.chars().any(misleads));
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&shown).unwrap(),
            value
        );
    }
}
